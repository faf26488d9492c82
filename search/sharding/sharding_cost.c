/* How long does a layer take on a set of boards under a strategy, and what do its boards hold? (sharding §3, §4; a
 * reconstruction, no equation of it is the paper's.)
 *
 * Cycles of the four models of designs are textbook forms; the batch loop repeats them. Shared shards go round the ring
 * between phases, partial sums are summed by a ring all-reduce behind the computation. Kinds without products take no
 * time but what they sum, except where a design is priced from outside. Left out: contention of a re-shard with others.
 */
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_training.h"
#include <math.h>
#include <string.h>

/* --- cycles ---------------------------------------------------------------------------------------------------------
 */

struct loops {
  double m, n, r, c, kh, kw;
};

static double ups(double a, double b) { return ceil(a / b); }

static double tiled(const struct sharding_design *d, const struct loops *l) {
  const double tm = (double)d->tm, tn = (double)d->tn, tr = (double)d->tr, tc = (double)d->tc, ports = (double)d->ports;
  const double load_input = ups(tn * tr * tc, ports), load_weights = ups(tm * tn * l->kh * l->kw, ports);
  const double store = ups(tm * tr * tc, ports), compute = l->kh * l->kw * tr * tc;
  const double inner = fmax(fmax(load_input, load_weights), compute);
  const double outer = fmax(ups(l->n, tn) * inner, store);
  return ups(l->r, tr) * ups(l->c, tc) * ups(l->m, tm) * outer + store + inner;
}

static double systolic(const struct sharding_design *d, const struct loops *l) {
  const double rows = (double)d->rows, columns = (double)d->columns;
  return ups(l->m, rows) * ups(l->r * l->c, columns) * ups(l->n, (double)d->vector) * l->kh * l->kw + rows + columns;
}

enum { WINOGRAD_KERNEL = 3, WINOGRAD_TILE = 4 };

static double winograd(const struct sharding_design *d, const struct loops *l, uint64_t stride) {
  const double tiles = ups(l->r, WINOGRAD_TILE) * ups(l->c, WINOGRAD_TILE);
  const double cycles = tiles * ups(l->m, (double)d->pm) * ups(l->n, (double)d->pn);
  const bool fits = fabs(l->kh - WINOGRAD_KERNEL) < 0.5 && fabs(l->kw - WINOGRAD_KERNEL) < 0.5 && stride == 1;
  return fits ? cycles : cycles * l->kh * l->kw; /* otherwise as a direct convolution */
}

/* Cycles of a whole layer on p boards, as the table has them; those it has not are endless. */
static double from_table(const struct sharding_design *d, uint32_t layer, uint32_t p, bool products) {
  for (size_t i = 0; i < d->n_ps; i++) {
    const double cycles = d->cycles[layer * d->n_ps + i];
    if (d->p[i] == p && !isnan(cycles)) return cycles;
  }
  return products ? INFINITY : 0;
}

double sharding_cycles(const struct sharding_problem *problem, const struct sharding_design *design, uint32_t layer,
                       const uint64_t local[SHARDING_N_DIMS], uint32_t p) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  if (design->model == SHARDING_TABLE) return from_table(design, layer, p, kind->products);
  if (design->model == SHARDING_PRICED) return design->price(design->price_context, layer, SHARDING_FORWARD, local, p);
  if (!kind->products) return 0;
  const struct loops loops = {.m = (double)local[SHARDING_COUT],
                              .n = kind->channels_tied ? 1 : (double)local[SHARDING_CIN],
                              .r = (double)local[SHARDING_H],
                              .c = (double)local[SHARDING_W],
                              .kh = (double)local[SHARDING_KH],
                              .kw = (double)local[SHARDING_KW]};
  const double batch = (double)local[SHARDING_B];
  switch (design->model) {
  case SHARDING_TILED:
    return batch * tiled(design, &loops);
  case SHARDING_SYSTOLIC:
    return batch * systolic(design, &loops);
  case SHARDING_WINOGRAD:
    return batch * winograd(design, &loops, problem->layers[layer].stride);
  case SHARDING_TABLE:
  case SHARDING_PRICED:
    break;
  }
  return INFINITY;
}

/* --- elements -------------------------------------------------------------------------------------------------------
 */

static uint64_t product(unsigned dims, const uint64_t local[SHARDING_N_DIMS]) {
  uint64_t elements = 1;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (sharding_has(dims, d)) elements = sat_mul(elements, local[d]);
  }
  return elements;
}

uint64_t sharding_weight_elements(const struct sharding_kind *kind, const uint64_t local[SHARDING_N_DIMS]) {
  return kind->weight_dims != 0 ? product(kind->weight_dims, local) : 0;
}
uint64_t sharding_input_elements(const struct sharding_problem *problem, uint32_t layer,
                                 const uint64_t local[SHARDING_N_DIMS]) {
  const uint64_t stride = problem->layers[layer].stride;
  return sat_mul(product(sharding_kind_of(problem, layer)->input_dims, local), sat_mul(stride, stride));
}
uint64_t sharding_output_elements(const struct sharding_kind *kind, const uint64_t local[SHARDING_N_DIMS]) {
  return product(kind->output_dims, local);
}

void sharding_local(const struct sharding_problem *problem, uint32_t layer, const struct sharding_strategy *strategy,
                    uint64_t local[SHARDING_N_DIMS]) {
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    local[d] = ceil_div(problem->layers[layer].size[d], strategy->factor[d]);
  }
}

/* --- the cost -------------------------------------------------------------------------------------------------------
 */

double sharding_all_reduce_s(const struct sharding_problem *problem, double elements, uint32_t boards,
                             double bandwidth) {
  if (boards <= 1) return 0;
  return 2.0 * (boards - 1) / boards * elements * (double)problem->element_bytes / bandwidth +
         2.0 * (boards - 1) * problem->message_s;
}

/* What boards hold of a tensor: a rotated one its piece, `copies` times. */
static uint64_t held_bytes(const struct sharding_problem *problem, uint64_t elements, uint32_t rotated_over,
                           uint32_t copies) {
  if (rotated_over > 1) elements = sat_mul(ceil_div(elements, rotated_over), copies);
  return sat_mul(elements, problem->element_bytes);
}

/* Sums by element hold each of their inputs. */
static uint64_t n_inputs_held(const struct sharding_problem *problem, uint32_t layer) {
  const uint64_t n = problem->in_start[layer + 1] - problem->in_start[layer];
  return sharding_kind_of(problem, layer)->inputs == SHARDING_INPUTS_ALIKE && n > 1 ? n : 1;
}

double sharding_phases_s(const struct sharding_problem *problem, double phase_s, double shift_s, uint32_t g) {
  if (g <= 1) return phase_s;
  if (problem->overlap) return phase_s + (g - 1) * fmax(phase_s, shift_s);
  return g * phase_s + (g - 1) * shift_s;
}

void sharding_cost(const struct sharding_problem *problem, uint32_t layer, const struct sharding_design *design,
                   uint32_t p, double bandwidth, const struct sharding_strategy *strategy, struct sharding_cost *cost) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const uint32_t g = rotation.g;
  uint64_t exclusive[SHARDING_N_DIMS];
  sharding_local(problem, layer, strategy, exclusive);
  *cost = (struct sharding_cost){.phases = g};
  memcpy(cost->local, exclusive, sizeof exclusive);
  if (g > 1) cost->local[strategy->shared] = ceil_div(exclusive[strategy->shared], g);
  cost->cycles = sharding_cycles(problem, design, layer, cost->local, p);
  if (design->model == SHARDING_TABLE) cost->cycles /= g;
  cost->phase_s = cost->cycles / design->clock_hz;

  const uint64_t weights = sharding_weight_elements(kind, exclusive);
  const uint64_t input = sharding_input_elements(problem, layer, exclusive);
  const uint64_t output = sharding_output_elements(kind, exclusive);
  uint64_t moved = 0;
  if (rotation.weights) moved = sat_add(moved, ceil_div(weights, g));
  if (rotation.input) moved = sat_add(moved, ceil_div(input, g));
  if (moved > 0) cost->shift_s = (double)moved * (double)problem->element_bytes / bandwidth + problem->message_s;
  cost->all_reduce_s =
      sharding_all_reduce_s(problem, (double)output, sharding_replication(strategy, kind->output_dims), bandwidth);
  if (kind->reduced < SHARDING_N_DIMS && strategy->factor[kind->reduced] > 1) {
    enum { VALUES_A_ROW = 2 };
    const double rows = (double)(output / exclusive[kind->reduced]);
    cost->all_reduce_s =
        sharding_all_reduce_s(problem, VALUES_A_ROW * rows, strategy->factor[kind->reduced], bandwidth);
  }
  cost->forward_s = sharding_phases_s(problem, cost->phase_s, cost->shift_s, g) + cost->all_reduce_s;
  if (design->model == SHARDING_PRICED) {
    cost->forward_s += design->price(design->price_context, layer, SHARDING_EPILOGUE, exclusive, p) / design->clock_hz;
  }
  cost->total_s = cost->forward_s;

  const uint32_t copies = problem->double_buffer ? 2 : 1; /* the next piece arrives while one is in use */
  const uint32_t weights_over = rotation.weights ? g : 1, input_over = rotation.input ? g : 1;
  const uint64_t n_inputs = n_inputs_held(problem, layer);
  const uint64_t second = held_bytes(problem, weights, weights_over, copies);
  const uint64_t second_once = held_bytes(problem, weights, weights_over, 1);
  cost->input_bytes = sat_mul(held_bytes(problem, input, input_over, copies), n_inputs);
  cost->kept_bytes = sat_mul(held_bytes(problem, input, input_over, 1), n_inputs);
  if (kind->has_weights) {
    cost->weight_bytes = second, cost->gradient_bytes = second_once;
  } else {
    cost->input_bytes = sat_add(cost->input_bytes, second);
    cost->kept_bytes = sat_add(cost->kept_bytes, second_once);
  }
  cost->output_bytes = sat_mul(output, problem->element_bytes);
  if (problem->training) sharding_add_backward(problem, layer, design, p, bandwidth, strategy, cost);
}

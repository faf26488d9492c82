/* How long does an answer take? (sharding §3, from the rules alone; training as sharding_training.c states it.)
 *
 * Each set runs its layers one at a time in topological order; a layer starts when its set is free and what it reads
 * has come. Training runs back the same way behind the forward pass. Times follow from what the first board of the grid
 * has, which no board exceeds. */
#include "base/checked.h"
#include "search/sharding/sharding_check_private.h"
#include <math.h>

/* --- one layer ------------------------------------------------------------------------------------------------------
 */

void judged_extents(const struct judged_layer *l, uint64_t extent[SHARDING_N_DIMS]) {
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    uint64_t low;
    judged_slice(l, (enum sharding_dim)d, 0, &low, &extent[d]);
  }
}

uint64_t judged_elements(const struct judged_layer *l, enum judged_tensor tensor) {
  const unsigned dims = judged_dims(l, tensor);
  const uint64_t stride = tensor == JUDGED_INPUT ? l->problem->layers[l->layer].stride : 1;
  uint64_t extent[SHARDING_N_DIMS], n = dims == 0 ? 0 : 1;
  judged_extents(l, extent);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if ((dims >> d & 1) == 0) continue;
    n = sat_mul(n, d == SHARDING_H || d == SHARDING_W ? sat_mul(extent[d], stride) : extent[d]);
  }
  return n;
}

uint64_t judged_held(const struct judged_layer *l, enum judged_tensor tensor) {
  const uint64_t n = judged_elements(l, tensor);
  return judged_rotates(l, tensor) ? ceil_div(n, judged_phases(l)) : n;
}

/* Ring of r boards: r − 1 pieces out to be summed, r − 1 back. */
static double summed_s(const struct judged_layer *l, double elements, uint32_t r, double bandwidth) {
  if (r < 2) return 0;
  const double each_s = elements / r * (double)l->problem->element_bytes / bandwidth;
  return 2 * (r - 1) * (each_s + l->problem->message_s);
}

struct parts {
  double round_s, sum_s; /* phases and shifts; partial results */
  double back_s;
};

static double rounds_s(const struct judged_layer *l, double phase_s, double shift_s) {
  const uint32_t g = judged_phases(l);
  double all_s = phase_s;
  for (uint32_t k = 1; k < g; k++) all_s += l->problem->overlap ? fmax(phase_s, shift_s) : phase_s + shift_s;
  return all_s;
}

/* Norm over a split row: two numbers for each row. */
static double row_sums_s(const struct judged_layer *l, double bandwidth) {
  const enum sharding_dim d = judged_kind(l)->reduced;
  uint64_t extent[SHARDING_N_DIMS];
  if (d >= SHARDING_N_DIMS || l->strategy->factor[d] < 2) return 0;
  judged_extents(l, extent);
  return summed_s(l, 2.0 * (double)(judged_elements(l, JUDGED_OUTPUT) / extent[d]), l->strategy->factor[d], bandwidth);
}

/* What is done once with the whole result. */
static double by_element_s(const struct judged_layer *l, const struct sharding_design *design,
                           enum sharding_pass pass) {
  uint64_t extent[SHARDING_N_DIMS];
  judged_extents(l, extent);
  return design->price(design->price_context, l->layer, pass, extent, l->p) / design->clock_hz;
}

/* Gradients of input and of what it is multiplied with. */
static double back_s(const struct judged_layer *l, const struct sharding_design *design, double bandwidth,
                     const uint64_t extent[SHARDING_N_DIMS], double phase_s, double shift_s) {
  const struct sharding_problem *p = l->problem;
  const struct sharding_kind *kind = judged_kind(l);
  const bool fed = p->in_start[l->layer] < p->in_start[l->layer + 1];
  double all_s = 0;
  if (fed) {
    uint64_t swapped[SHARDING_N_DIMS];
    for (unsigned d = 0; d < SHARDING_N_DIMS; d++) swapped[d] = extent[d];
    if (!kind->channels_tied)
      swapped[SHARDING_COUT] = extent[SHARDING_CIN], swapped[SHARDING_CIN] = extent[SHARDING_COUT];
    double cycles;
    if (design->model == SHARDING_PRICED)
      cycles = design->price(design->price_context, l->layer, SHARDING_BACKWARD_DATA, extent, l->p);
    else
      cycles = judged_cycles(l, design, swapped);
    all_s += rounds_s(l, cycles / design->clock_hz, shift_s) + row_sums_s(l, bandwidth);
    if (!judged_rotates(l, JUDGED_INPUT)) {
      all_s += summed_s(l, (double)judged_elements(l, JUDGED_INPUT), judged_copies(l, JUDGED_INPUT), bandwidth);
    }
  }
  const bool weighs = judged_dims(l, JUDGED_WEIGHTS) != 0 && (kind->has_weights || fed);
  if (design->model == SHARDING_PRICED && (fed || weighs)) {
    all_s += by_element_s(l, design, SHARDING_BACKWARD_EPILOGUE);
  }
  if (weighs) {
    if (design->model == SHARDING_PRICED) {
      phase_s = design->price(design->price_context, l->layer, SHARDING_BACKWARD_WEIGHT, extent, l->p);
      phase_s /= design->clock_hz;
    }
    all_s += rounds_s(l, phase_s, shift_s);
    if (!judged_rotates(l, JUDGED_WEIGHTS)) {
      all_s += summed_s(l, (double)judged_elements(l, JUDGED_WEIGHTS), judged_copies(l, JUDGED_WEIGHTS), bandwidth);
    }
  }
  return all_s;
}

static struct parts parts_of(const struct judged_layer *l, const struct sharding_design *design, double bandwidth) {
  struct parts parts = {0};
  uint64_t extent[SHARDING_N_DIMS];
  double moved = 0;
  judged_extents(l, extent);
  const uint32_t g = judged_phases(l);
  if (g > 1) extent[l->strategy->shared] = ceil_div(extent[l->strategy->shared], g);
  for (int t = JUDGED_WEIGHTS; t <= JUDGED_INPUT; t++) {
    if (judged_rotates(l, (enum judged_tensor)t)) moved += (double)judged_held(l, (enum judged_tensor)t);
  }
  const double phase_s = judged_cycles(l, design, extent) / design->clock_hz;
  const double shift_s = moved > 0 ? moved * (double)l->problem->element_bytes / bandwidth + l->problem->message_s : 0;
  parts.round_s = rounds_s(l, phase_s, shift_s);
  parts.sum_s = summed_s(l, (double)judged_elements(l, JUDGED_OUTPUT), judged_copies(l, JUDGED_OUTPUT), bandwidth) +
                row_sums_s(l, bandwidth);
  if (design->model == SHARDING_PRICED) parts.round_s += by_element_s(l, design, SHARDING_EPILOGUE);
  if (l->problem->training) parts.back_s = back_s(l, design, bandwidth, extent, phase_s, shift_s);
  return parts;
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

struct clock {
  struct judge *judge;
  double *free_s, *arrive_s, *back_s, *back_end_s; /* by set; by edge, how long it takes; by layer */
  uint32_t last_from, last_to;                     /* the sets between which was looked last */
  double last_bytes_per_s;
};

static double moved_s(struct clock *c, uint32_t edge) {
  const struct judge *j = c->judge;
  const uint32_t from = j->problem->edges[edge].from, to = j->problem->edges[edge].to;
  const uint32_t a = j->set_of[from], b = j->set_of[to];
  const struct judged_layer source = judged_at(j, from), reader = judged_at(j, to);
  const uint64_t bytes = judged_reshard_bytes(j->problem, edge, a == b ? &source : NULL, &reader, 0);
  if (bytes == 0) return 0;
  if (a == b) return (double)bytes / j->sets[a].ring_bytes_per_s + j->problem->message_s;
  if (a != c->last_from || b != c->last_to) {
    c->last_from = a, c->last_to = b;
    c->last_bytes_per_s = judged_between(j->problem, j->sets[a].boards, j->sets[a].set->n_boards, j->sets[b].boards,
                                         j->sets[b].set->n_boards);
  }
  return (double)bytes / c->last_bytes_per_s;
}

static double host_s(const struct judge *j, uint32_t layer, bool output) {
  const struct judged_layer l = judged_at(j, layer);
  return j->problem->host_io ? (double)judged_host_bytes(&l, output) / j->problem->host_bytes_per_s : 0;
}

/* Its only reader is on the set and wants of each board no more than what the first half of the sum leaves there. */
static bool ends_halfway(const struct judge *j, uint32_t layer) {
  const struct sharding_problem *p = j->problem;
  const struct judged_layer l = judged_at(j, layer);
  if (!p->reduce_scatter || judged_copies(&l, JUDGED_OUTPUT) < 2) return false;
  if (p->out_start[layer + 1] - p->out_start[layer] != 1) return false;
  const uint32_t edge = p->out_edge[p->out_start[layer]], reader = p->edges[edge].to;
  const struct judged_layer next = judged_at(j, reader);
  return j->set_of[reader] == j->set_of[layer] && judged_scatters(p, edge, &l, &next);
}

static void run_forward(struct clock *c, uint32_t layer) {
  struct judge *j = c->judge;
  const struct sharding_problem *p = j->problem;
  const struct judged_layer l = judged_at(j, layer);
  const uint32_t s = j->set_of[layer];
  const struct parts parts = parts_of(&l, &p->designs[j->sets[s].set->design], j->sets[s].ring_bytes_per_s);
  double start_s = c->free_s[s];
  if (p->in_start[layer] == p->in_start[layer + 1]) start_s = fmax(start_s, host_s(j, layer, false));
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t edge = p->in_edge[i];
    c->arrive_s[edge] = moved_s(c, edge);
    start_s = fmax(start_s, j->end_s[p->edges[edge].from] + c->arrive_s[edge]);
  }
  j->start_s[layer] = start_s;
  j->end_s[layer] = start_s + parts.round_s + (ends_halfway(j, layer) ? parts.sum_s / 2 : parts.sum_s);
  c->free_s[s] = j->end_s[layer];
  c->back_s[layer] = parts.back_s;
  double out_s = j->end_s[layer];
  if (p->out_start[layer] == p->out_start[layer + 1] && !p->training) out_s += host_s(j, layer, true);
  j->latency_s = fmax(j->latency_s, out_s);
}

static void run_backward(struct clock *c, uint32_t layer) {
  struct judge *j = c->judge;
  const struct sharding_problem *p = j->problem;
  const uint32_t s = j->set_of[layer];
  double start_s = fmax(c->free_s[s], j->end_s[layer]);
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    const uint32_t edge = p->out_edge[i];
    start_s = fmax(start_s, c->back_end_s[p->edges[edge].to] + c->arrive_s[edge]);
  }
  c->free_s[s] = c->back_end_s[layer] = start_s + c->back_s[layer];
  j->latency_s = fmax(j->latency_s, c->back_end_s[layer]);
}

void judge_times(struct judge *j) {
  const struct sharding_problem *p = j->problem;
  struct clock c = {.judge = j,
                    .free_s = ARENA_NEW(j->arena, double, j->claim->answer.n_sets),
                    .arrive_s = ARENA_NEW(j->arena, double, p->n_edges),
                    .back_s = ARENA_NEW(j->arena, double, p->n_layers),
                    .back_end_s = ARENA_NEW(j->arena, double, p->n_layers),
                    .last_from = SHARDING_NONE,
                    .last_to = SHARDING_NONE};
  j->latency_s = 0;
  for (size_t i = 0; i < p->n_layers; i++) run_forward(&c, p->topological[i]);
  for (size_t i = p->n_layers; p->training && i-- > 0;) run_backward(&c, p->topological[i]);
}

/* Which strategies are best for a range of layers on one set? (sharding §5, level 2.)
 *
 * On a chain, costs are sums over layers and edges: a shortest path over (layer, strategy), L·S² steps. On other graphs
 * the layers of a set still run in one order, but what a layer gets from further back than the layer before is moved
 * while others run, and counts only as far as it sticks out. Without those skips the shortest path is a lower bound;
 * its strategies, valued with them, an answer. Where the two differ, labels (sharding_labels.c) carry the ends of open
 * producers along, which is exact for the evaluator's value and not for a sum that stands for it. A skip that surely
 * hides leaves its label, so graphs of small width (blocks with one or few open producers) need few.
 *
 * Memory: without it first; labels count weights and what is live where that answer does not fit. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"
#include "search/sharding/sharding_reshard.h"

#include <math.h>
#include <string.h>

/* Of sums in another order. */
static const double rounding = 1e-13;
enum { FIRST_WIDTH = 64, WIDER = 16, MAX_WIDTH = 1 << 14 };

/* --- the plan -------------------------------------------------------------------------------------------------------
 */

static double *zeros(struct arena *scratch, size_t n) { return ARENA_NEW(scratch, double, n); }

struct making {
  struct level2_plan *plan;
  const struct level2_outside *outside;
  const struct sharding_problem *problem;
  struct arena *scratch;
};

/* Inputs from outside the range, and the host's. */
static void make_release(const struct making *m, struct level2_layer *row) {
  const struct sharding_problem *problem = m->problem;
  const struct level2_plan *plan = m->plan;
  double *release_s = NULL;
  for (uint32_t j = problem->in_start[row->layer]; j < problem->in_start[row->layer + 1]; j++) {
    const uint32_t e = problem->in_edge[j], from = problem->edges[e].from, place = problem->place[from];
    if (place >= plan->first && place < plan->first + plan->n) continue;
    const uint64_t *bytes = sharding_tables_inbound(plan->tables, e);
    const double rate = m->outside->inbound != NULL ? m->outside->inbound[e] : m->outside->inbound_bytes_per_s;
    const double trips = plan->both_ways ? 2 : 1;
    const double from_s = m->outside->producer_end_s != NULL ? m->outside->producer_end_s[from] : 0;
    if (release_s == NULL) release_s = zeros(m->scratch, row->n);
    for (uint32_t s = 0; s < row->n; s++) release_s[s] = fmax(release_s[s], from_s + trips * ((double)bytes[s] / rate));
  }
  if (problem->host_io && !m->outside->relative && m->outside->way != LEVEL2_BACKWARD &&
      problem->in_start[row->layer] == problem->in_start[row->layer + 1]) {
    const uint64_t *bytes = sharding_tables_host(plan->tables, row->layer, false);
    release_s = zeros(m->scratch, row->n);
    for (uint32_t s = 0; s < row->n; s++) release_s[s] = (double)bytes[s] / problem->host_bytes_per_s;
  }
  row->release_s = release_s;
}

static void make_out(const struct making *m, struct level2_layer *row) {
  const struct sharding_problem *problem = m->problem;
  const double tail_s = m->outside->tail_s != NULL ? m->outside->tail_s[row->layer] : 0;
  const bool host = problem->host_io && !m->outside->to_end && !problem->training &&
                    problem->out_start[row->layer] == problem->out_start[row->layer + 1];
  if (!(tail_s > 0) && !host) return;
  double *out_s = zeros(m->scratch, row->n);
  const uint64_t *bytes = host ? sharding_tables_host(m->plan->tables, row->layer, true) : NULL;
  for (uint32_t s = 0; s < row->n; s++) {
    out_s[s] = tail_s;
    if (bytes != NULL) out_s[s] = fmax(tail_s, (double)bytes[s] / problem->host_bytes_per_s);
  }
  row->out_s = out_s;
}

/* What an edge costs by both its strategies: there, and in training back; less what a reduce-scatter saves of the
 * all-reduce of a producer whose only reader comes next. */
static const double *edge_s(const struct making *m, uint32_t e, bool next) {
  const struct sharding_problem *problem = m->problem;
  struct sharding_tables *tables = m->plan->tables;
  const double *reshard_s = sharding_tables_reshard(tables, e);
  const uint32_t from = problem->edges[e].from, to = problem->edges[e].to;
  const bool scatters = next && problem->reduce_scatter && m->outside->way != LEVEL2_BACKWARD &&
                        problem->out_start[from + 1] - problem->out_start[from] == 1;
  if (!m->plan->both_ways && !scatters) return reshard_s;
  const uint32_t n_from = tables->bytes->n[from], n_to = tables->bytes->n[to];
  double *edge_s = zeros(m->scratch, (size_t)n_from * n_to);
  for (uint32_t i = 0; i < n_from; i++) {
    const double saved_s = scatters ? tables->all_reduce_s[from][i] / 2 : 0;
    for (uint32_t j = 0; j < n_to; j++) {
      const size_t at = (size_t)i * n_to + j;
      edge_s[at] = reshard_s[at] * (m->plan->both_ways ? 2 : 1);
      if (saved_s > 0 &&
          sharding_scatters(problem, e, tables->shape.p, &tables->bytes->list[from][i], &tables->bytes->list[to][j])) {
        edge_s[at] -= saved_s;
      }
    }
  }
  return edge_s;
}

/* Training: what a layer costs one way. */
static void take_one_way(const struct making *m, struct level2_layer *row) {
  double *cost_s = zeros(m->scratch, row->n);
  for (uint32_t s = 0; s < row->n; s++) {
    cost_s[s] = m->outside->way == LEVEL2_FORWARD ? row->forward_s[s] : row->full_s[s] - row->forward_s[s];
  }
  row->cost_s = row->full_s = row->forward_s = cost_s;
}

/* A producer whose only reader comes later: its least cost is a bound. */
static void may_scatter(const struct making *m, uint32_t offset) {
  struct level2_layer *row = &m->plan->layers[offset];
  const struct sharding_problem *problem = m->problem;
  if (!problem->reduce_scatter || problem->out_start[row->layer + 1] - problem->out_start[row->layer] != 1) return;
  double *cost_s = zeros(m->scratch, row->n);
  for (uint32_t s = 0; s < row->n; s++) cost_s[s] = row->full_s[s] - m->plan->tables->all_reduce_s[row->layer][s] / 2;
  row->cost_s = cost_s;
  m->plan->exact = false;
}

/* Edges from inside: that from the layer before, and the others as a list. */
static void make_edges(const struct making *m, uint32_t offset) {
  const struct sharding_problem *problem = m->problem;
  struct level2_plan *plan = m->plan;
  struct level2_layer *row = &plan->layers[offset];
  row->first_in = plan->n_skips;
  for (uint32_t j = problem->in_start[row->layer]; j < problem->in_start[row->layer + 1]; j++) {
    const uint32_t e = problem->in_edge[j], place = problem->place[problem->edges[e].from];
    if (place < plan->first || place >= plan->first + plan->n) continue;
    const uint32_t from = place - plan->first;
    const double *cost_s = edge_s(m, e, from + 1 == offset);
    plan->layers[from].last_reader = offset; /* consumers come in order */
    if (from + 1 != offset) {
      plan->skips[plan->n_skips++] = (struct level2_skip){.from = from, .to = offset, .reshard_s = cost_s};
      row->n_in++;
      may_scatter(m, from);
      continue;
    }
    row->chain_s = cost_s, row->reshard_s = sharding_tables_reshard(plan->tables, e);
  }
}

/* Skips by their producer. */
static void list_outs(const struct level2_plan *plan, struct arena *scratch) {
  for (uint32_t k = 0; k < plan->n_skips; k++) plan->layers[plan->skips[k].from].n_out++;
  uint32_t *lists = ARENA_NEW(scratch, uint32_t, plan->n_skips), *at = ARENA_NEW(scratch, uint32_t, plan->n);
  for (uint32_t i = 0, sum = 0; i < plan->n; i++) {
    plan->layers[i].out = lists + sum, at[i] = sum;
    sum += plan->layers[i].n_out;
  }
  for (uint32_t k = 0; k < plan->n_skips; k++) lists[at[plan->skips[k].from]++] = k;
}

/* Slots of producers with skips that go on; those that there is no room for are ignored. */
static void make_slots(struct level2_plan *plan) {
  for (uint32_t k = 0; k < plan->n_skips; k++) plan->skips[k].ignored = true;
  for (uint32_t i = 1; i < plan->n; i++) {
    const struct level2_layer *before = &plan->layers[i - 1];
    struct level2_layer *row = &plan->layers[i];
    for (uint32_t k = 0; k <= before->n_slots; k++) {
      const uint32_t place = k < before->n_slots ? before->slot_place[k] : i - 1;
      const struct level2_layer *producer = &plan->layers[place];
      bool goes_on = false;
      for (uint32_t j = 0; j < producer->n_out; j++) {
        struct level2_skip *skip = &plan->skips[producer->out[j]];
        goes_on |= skip->to > i;
        if (skip->to == i && k < before->n_slots) skip->ignored = false, skip->slot = k;
      }
      if (!goes_on || row->n_slots == LEVEL2_MAX_SLOTS) continue;
      row->slot_from[row->n_slots] = k < before->n_slots ? k : SHARDING_NONE;
      row->slot_place[row->n_slots++] = place;
    }
  }
  for (uint32_t k = 0; k < plan->n_skips; k++) plan->exact &= !plan->skips[k].ignored;
}

/* From the end of each layer to the very end, at least: by the layers in between, and by each skip. */
void level2_tails_make(struct level2_plan *plan) {
  for (uint32_t i = plan->n; i-- > 0;) {
    struct level2_layer *row = &plan->layers[i];
    const struct level2_layer *behind = i + 1 < plan->n ? &plan->layers[i + 1] : NULL;
    for (uint32_t s = 0; s < row->n; s++) {
      double least_s = behind != NULL ? INFINITY : 0;
      for (uint32_t t = 0; behind != NULL && t < behind->n; t++) {
        const double chain_s = behind->chain_s != NULL ? behind->chain_s[(size_t)s * behind->n + t] : 0;
        least_s = fmin(least_s, chain_s + behind->cost_s[t] + behind->tail_s[t]);
      }
      row->tail_s[s] = row->out_s != NULL ? fmax(least_s, row->out_s[s]) : least_s;
    }
    for (uint32_t j = 0; j < row->n_out; j++) {
      struct level2_skip *skip = &plan->skips[row->out[j]];
      const struct level2_layer *to = &plan->layers[skip->to];
      for (uint32_t s = 0; s < row->n; s++) {
        skip->tail_s[s] = INFINITY;
        for (uint32_t t = 0; t < to->n; t++) {
          const double reshard_s = skip->reshard_s[(size_t)s * to->n + t];
          skip->most_s[s] = fmax(skip->most_s[s], reshard_s);
          skip->tail_s[s] = fmin(skip->tail_s[s], reshard_s + to->cost_s[t] + to->tail_s[t]);
        }
        row->tail_s[s] = fmax(row->tail_s[s], skip->tail_s[s]);
      }
    }
  }
}

/* A lower bound from the first layer's tails; releases in the middle count by their least. */
double level2_bound_of(const struct level2_plan *plan) {
  double bound_s = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    if (i > 0 && row->release_s == NULL) continue;
    double least_s = INFINITY;
    for (uint32_t s = 0; s < row->n; s++) {
      least_s = fmin(least_s, (row->release_s != NULL ? row->release_s[s] : 0) + row->cost_s[s] + row->tail_s[s]);
    }
    bound_s = fmax(bound_s, least_s);
  }
  return bound_s;
}

void level2_plan_make(struct sharding_tables *tables, uint32_t first, uint32_t last,
                      const struct level2_outside *outside, struct arena *scratch, struct level2_plan *plan) {
  const struct sharding_problem *problem = tables->store->problem;
  *plan = (struct level2_plan){.tables = tables,
                               .first = first,
                               .n = last - first + 1,
                               .both_ways = problem->training && outside->way == LEVEL2_BOTH,
                               .exact = true};
  plan->layers = ARENA_NEW(scratch, struct level2_layer, plan->n);
  const struct making m = {plan, outside, problem, scratch};
  size_t n_in = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const uint32_t layer = problem->topological[first + i];
    sharding_tables_layer(tables, layer);
    struct level2_layer *row = &plan->layers[i];
    *row = (struct level2_layer){.layer = layer,
                                 .n = tables->bytes->n[layer],
                                 .cost_s = tables->cost_s[layer],
                                 .full_s = tables->cost_s[layer],
                                 .forward_s = tables->forward_s[layer],
                                 .lasting_bytes = tables->lasting_bytes[layer],
                                 .io_bytes = tables->io_bytes[layer],
                                 .output_bytes = tables->output_bytes[layer],
                                 .last_reader = i};
    if (problem->training && outside->way != LEVEL2_BOTH) take_one_way(&m, row);
    row->tail_s = zeros(scratch, row->n);
    n_in += problem->in_start[layer + 1] - problem->in_start[layer];
    make_release(&m, row), make_out(&m, row);
  }
  plan->skips = ARENA_NEW(scratch, struct level2_skip, n_in);
  for (uint32_t i = 0; i < plan->n; i++) make_edges(&m, i);
  for (uint32_t k = 0; k < plan->n_skips; k++) {
    plan->skips[k].most_s = zeros(scratch, plan->layers[plan->skips[k].from].n);
    plan->skips[k].tail_s = zeros(scratch, plan->layers[plan->skips[k].from].n);
  }
  if (plan->both_ways && plan->n_skips > 0) plan->exact = false;
  list_outs(plan, scratch);
  make_slots(plan);
  level2_tails_make(plan);
  double sum_s = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    double least_s = INFINITY;
    row->least_s = sum_s;
    for (uint32_t s = 0; s < row->n; s++) least_s = fmin(least_s, row->cost_s[s]);
    sum_s += least_s;
  }
  plan->bound_s = level2_bound_of(plan);
  for (uint32_t i = plan->n; i-- > 0;) {
    struct level2_layer *row = &plan->layers[i];
    uint64_t least = UINT64_MAX, least_live = UINT64_MAX;
    for (uint32_t s = 0; s < row->n; s++) {
      least = min_u64(least, row->lasting_bytes[s]), least_live = min_u64(least_live, row->io_bytes[s]);
    }
    row->least_lasting_bytes = sat_add(least, i + 1 < plan->n ? plan->layers[i + 1].least_lasting_bytes : 0);
    row->own_live_bytes = least_live;
    row->least_live_bytes = max_u64(least_live, i + 1 < plan->n ? plan->layers[i + 1].least_live_bytes : 0);
  }
}

/* One way over the plan: forward, or the backward part read from its end. */
static double way_s(const struct level2_plan *plan, const uint16_t *choice, bool forward, double share, double *end_s) {
  double last_s = 0, value_s = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    const uint16_t s = choice[i];
    double start_s = last_s;
    if (row->chain_s != NULL) { /* what a reduce-scatter saves it saves forward */
      const size_t at = (size_t)choice[i - 1] * row->n + s;
      start_s += forward ? row->chain_s[at] - (1 / share - 1) * row->reshard_s[at] : row->reshard_s[at];
    }
    if (row->release_s != NULL && forward) start_s = fmax(start_s, row->release_s[s]);
    for (uint32_t k = row->first_in; k < row->first_in + row->n_in; k++) {
      const struct level2_skip *skip = &plan->skips[k];
      start_s = fmax(start_s, end_s[skip->from] + share * skip->reshard_s[(size_t)choice[skip->from] * row->n + s]);
    }
    last_s = end_s[i] = start_s + (forward ? row->forward_s[s] : row->full_s[s] - row->forward_s[s]);
    if (row->out_s != NULL && forward) value_s = fmax(value_s, last_s + row->out_s[s]);
  }
  /* Ends before the last are no values: what a reduce-scatter saves is taken off by the next layer. */
  return fmax(value_s, last_s);
}

double level2_plan_value(const struct level2_plan *plan, const uint16_t *choice, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *end_s = zeros(scratch, plan->n), value_s = way_s(plan, choice, true, plan->both_ways ? 0.5 : 1, end_s);
  if (plan->both_ways) value_s += way_s(plan, choice, false, 0.5, end_s);
  arena_rewind(scratch, mark);
  return value_s;
}

void level2_plan_ends(const struct level2_plan *plan, const uint16_t *choice, double *end_s) {
  double last_s = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    const uint16_t s = choice[i];
    double start_s = last_s;
    if (row->chain_s != NULL) start_s += row->chain_s[(size_t)choice[i - 1] * row->n + s];
    if (row->release_s != NULL) start_s = fmax(start_s, row->release_s[s]);
    for (uint32_t k = row->first_in; k < row->first_in + row->n_in; k++) {
      const struct level2_skip *skip = &plan->skips[k];
      start_s = fmax(start_s, end_s[skip->from] + skip->reshard_s[(size_t)choice[skip->from] * row->n + s]);
    }
    last_s = end_s[i] = start_s + row->cost_s[s];
  }
}

void level2_plan_tails(const struct level2_plan *plan, const uint16_t *choice, double *tail_s) {
  for (uint32_t i = plan->n; i-- > 0;) {
    const struct level2_layer *row = &plan->layers[i];
    const uint16_t s = choice[i];
    tail_s[i] = row->out_s != NULL ? row->out_s[s] : 0;
    if (i + 1 < plan->n) {
      const struct level2_layer *behind = row + 1;
      const uint16_t t = choice[i + 1];
      const double chain_s = behind->chain_s != NULL ? behind->chain_s[(size_t)s * behind->n + t] : 0;
      tail_s[i] = fmax(tail_s[i], chain_s + behind->cost_s[t] + tail_s[i + 1]);
    }
    for (uint32_t j = 0; j < row->n_out; j++) {
      const struct level2_skip *skip = &plan->skips[row->out[j]];
      const struct level2_layer *to = &plan->layers[skip->to];
      const uint16_t t = choice[skip->to];
      tail_s[i] = fmax(tail_s[i], skip->reshard_s[(size_t)s * to->n + t] + to->cost_s[t] + tail_s[skip->to]);
    }
  }
}

/* The shortest path without skips. */
void level2_relaxed_choice(const struct level2_plan *plan, uint16_t *choice) {
  double end_s = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    double least_s = INFINITY, least_end_s = end_s;
    choice[i] = 0;
    for (uint32_t s = 0; s < row->n; s++) {
      double start_s = end_s;
      if (row->chain_s != NULL) start_s += row->chain_s[(size_t)choice[i - 1] * row->n + s];
      if (row->release_s != NULL) start_s = fmax(start_s, row->release_s[s]);
      const double s_end = start_s + row->cost_s[s];
      if (s_end + row->tail_s[s] < least_s)
        least_s = s_end + row->tail_s[s], least_end_s = s_end, choice[i] = (uint16_t)s;
    }
    end_s = least_end_s;
  }
}

double level2_plan_solve(const struct level2_plan *plan, size_t max_width, struct arena *scratch, uint16_t *choice,
                         double *value_s) {
  double bound_s = plan->bound_s;
  if (!plan->memory) {
    uint16_t *relaxed = ARENA_NEW(scratch, uint16_t, plan->n);
    level2_relaxed_choice(plan, relaxed);
    const double relaxed_s = level2_plan_value(plan, relaxed, scratch);
    if (relaxed_s < *value_s) *value_s = relaxed_s, memcpy(choice, relaxed, plan->n * sizeof *choice);
  }
  for (size_t width = FIRST_WIDTH; bound_s < *value_s * (1 - rounding); width *= WIDER) {
    if (width > max_width) width = max_width;
    const struct arena_mark mark = arena_get_mark(scratch);
    bound_s = fmax(bound_s, level2_labels(plan, width, scratch, choice, value_s));
    arena_rewind(scratch, mark);
    if (width == max_width) break;
  }
  return fmin(bound_s, *value_s);
}

/* --- the contract ---------------------------------------------------------------------------------------------------
 */

/* As the evaluator counts: a set on so many boards with these strategies. */
bool level2_fits(const struct level2_plan *plan, const uint16_t *choice, struct arena *scratch) {
  const struct sharding_tables *tables = plan->tables;
  const struct sharding_problem *problem = tables->store->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct sharding_strategy *strategies = ARENA_NEW(scratch, struct sharding_strategy, problem->n_layers);
  uint32_t *boards = ARENA_NEW(scratch, uint32_t, tables->shape.p);
  for (uint32_t b = 0; b < tables->shape.p; b++) boards[b] = b;
  for (uint32_t i = 0; i < plan->n; i++) {
    const uint32_t layer = plan->layers[i].layer;
    strategies[layer] = tables->bytes->list[layer][choice[i]];
  }
  const struct sharding_set set = {tables->design, tables->shape.p, boards, plan->first, plan->first + plan->n - 1};
  const uint64_t bytes = sharding_set_bytes(problem, &set, strategies, scratch);
  arena_rewind(scratch, mark);
  return bytes <= tables->shape.dram_bytes;
}

bool level2_solve(struct sharding_tables *tables, uint32_t first, uint32_t last, const struct level2_outside *outside,
                  struct level2_want want, struct arena *scratch, struct level2_plan *plan,
                  struct level2_found *found) {
  level2_plan_make(tables, first, last, outside, scratch, plan);
  found->value_s = want.cutoff_s;
  found->bound_s = level2_plan_solve(plan, want.max_width, scratch, found->choice, &found->value_s);
  bool found_one = found->value_s < want.cutoff_s;
  if (found_one && !level2_fits(plan, found->choice, scratch)) {
    found->value_s = want.cutoff_s;
    const double priced_s = level2_priced(plan, want.max_width, scratch, found->choice, &found->value_s);
    found->bound_s = fmax(found->bound_s, priced_s);
    found->bound_s = fmin(found->bound_s, found->value_s);
    found_one = found->value_s < want.cutoff_s;
  }
  if (!found_one) found->value_s = INFINITY;
  found->proven = found->bound_s >= fmin(found->value_s, want.cutoff_s) * (1 - rounding);
  return found_one;
}

void sharding_level2_solve(struct sharding_tables *tables, const struct sharding_range *range, struct arena *scratch,
                           struct arena *arena, struct sharding_level2 *result) {
  const uint32_t n = range->last - range->first + 1;
  const struct level2_outside outside = {.inbound_bytes_per_s = range->inbound_bytes_per_s};
  *result = (struct sharding_level2){.strategies = ARENA_NEW(arena, struct sharding_strategy, n)};
  const struct arena_mark mark = arena_get_mark(scratch);
  struct level2_found found = {.choice = ARENA_NEW(scratch, uint16_t, n)};
  struct level2_plan plan;
  level2_solve(tables, range->first, range->last, &outside, (struct level2_want){MAX_WIDTH, INFINITY}, scratch, &plan,
               &found);
  result->value_s = found.value_s, result->bound_s = found.bound_s, result->proven = found.proven;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t layer = tables->store->problem->topological[range->first + i];
    sharding_tables_layer(tables, layer);
    result->strategies[i] = tables->bytes->list[layer][found.choice[i]];
  }
  arena_rewind(scratch, mark);
}

static uint16_t number_of(const struct sharding_tables *tables, uint32_t layer,
                          const struct sharding_strategy *strategy) {
  const struct sharding_strategy *list = tables->bytes->list[layer];
  for (uint32_t s = 0; s < tables->bytes->n[layer]; s++) {
    if (list[s].shared == strategy->shared && memcmp(list[s].factor, strategy->factor, sizeof strategy->factor) == 0)
      return (uint16_t)s;
  }
  BUG("layer %u: not a legal strategy", layer);
}

double sharding_level2_value(struct sharding_tables *tables, const struct sharding_range *range,
                             const struct sharding_strategy *strategies, struct arena *scratch) {
  const uint32_t n = range->last - range->first + 1;
  const struct level2_outside outside = {.inbound_bytes_per_s = range->inbound_bytes_per_s};
  const struct arena_mark mark = arena_get_mark(scratch);
  uint16_t *choice = ARENA_NEW(scratch, uint16_t, n);
  struct level2_plan plan;
  level2_plan_make(tables, range->first, range->last, &outside, scratch, &plan);
  for (uint32_t i = 0; i < n; i++) choice[i] = number_of(tables, plan.layers[i].layer, &strategies[i]);
  const double value_s = level2_plan_value(&plan, choice, scratch);
  arena_rewind(scratch, mark);
  return value_s;
}

void sharding_level2_forward(struct sharding_tables *tables, uint32_t first, double inbound_bytes_per_s,
                             struct arena *scratch, double *best_s) {
  const struct sharding_problem *problem = tables->store->problem;
  const struct level2_outside outside = {.inbound_bytes_per_s = inbound_bytes_per_s};
  const struct arena_mark mark = arena_get_mark(scratch);
  struct level2_plan plan;
  level2_plan_make(tables, first, (uint32_t)problem->n_layers - 1, &outside, scratch, &plan);
  const double *before_s = NULL;
  for (uint32_t i = 0; i < plan.n; i++) {
    const struct level2_layer *row = &plan.layers[i];
    double *end_s = zeros(scratch, row->n);
    best_s[i] = INFINITY;
    for (uint32_t t = 0; t < row->n; t++) {
      double start_s = i > 0 ? INFINITY : 0;
      for (uint32_t s = 0; i > 0 && s < plan.layers[i - 1].n; s++) {
        start_s = fmin(start_s, before_s[s] + (row->chain_s != NULL ? row->chain_s[(size_t)s * row->n + t] : 0));
      }
      if (row->release_s != NULL) start_s = fmax(start_s, row->release_s[t]);
      end_s[t] = start_s + row->cost_s[t];
      best_s[i] = fmin(best_s[i], end_s[t] + (row->out_s != NULL ? row->out_s[t] : 0));
    }
    before_s = end_s;
  }
  arena_rewind(scratch, mark);
}

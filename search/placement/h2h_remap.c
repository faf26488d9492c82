/* Step 4 of H2H: does it pay to move a layer beside a neighbour in the graph? (placement §4.)
 *
 * Greedy: from the sources, the one with the latest end behind it first, along all edges, twice; each layer is tried
 * right behind each predecessor and right before each successor that runs elsewhere, and stays where the rule says
 * better. The public program changes times step by step and prints schedules that nobody could run; here every
 * candidate is evaluated as a whole, unless it is plain that it cannot be better: a critical path that passes none of
 * the layers around the move is as long as before. The program visits joins once per path; here a layer is seen once
 * in a pass. */
#include "search/placement/h2h.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_PASSES = 2 };

struct remap {
  struct placement_meter *meter;
  const struct placement_build *build;
  struct placement_answer base, candidate;
  uint32_t *device; /* [n_layers] in base */
  double best;
  struct h2h_report *report;
  /* Critical layers of base, where times follow from neighbours in orders alone; NULL: elsewhere. */
  bool *is_critical;
  struct placement_schedule schedule;
  uint64_t *granules; /* [n_devices] that could be pinned */
};

/* --- what cannot be better ------------------------------------------------------------------------------------------
 */

/* Who ends when `layer` starts, on its device or in the graph; PLACEMENT_NONE: nobody, it starts at 0. */
static uint32_t holds_up(const struct remap *r, uint32_t layer) {
  const struct placement_problem *problem = r->build->problem;
  const double *end_s = r->schedule.end_s, start_s = r->schedule.start_s[layer];
  const uint32_t d = r->device[layer], at = placement_find_layer(&r->base, layer, d);
  if (at > r->base.start[d] && end_s[r->base.layer[at - 1]] >= start_s) return r->base.layer[at - 1];
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    if (end_s[problem->predecessor[i]] >= start_s) return problem->predecessor[i];
  }
  return PLACEMENT_NONE;
}

static void mark_critical(struct remap *r) {
  const struct placement_problem *problem = r->build->problem;
  if (r->is_critical == NULL) return;
  placement_evaluate(problem, &r->base, r->build->scratch, &r->schedule);
  memset(r->is_critical, false, problem->n_layers * sizeof *r->is_critical);
  memset(r->granules, 0, problem->n_devices * sizeof *r->granules);
  uint32_t last = 0;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    uint64_t *const sum = &r->granules[r->device[l]];
    *sum = sat_add(*sum, r->build->pinning.weight_granules[l]);
    if (r->schedule.end_s[l] > r->schedule.end_s[last]) last = l;
  }
  for (; last != PLACEMENT_NONE; last = holds_up(r, last)) r->is_critical[last] = true;
}

/* Before any of it is done: `at` of device `from` before what stands at `before` of `to`. */
static bool cannot_be_better(const struct remap *r, uint32_t at, uint32_t from, uint32_t before, uint32_t to) {
  const uint32_t *layer = r->base.layer, *start = r->base.start;
  const struct placement_problem *pinning = &r->build->pinning;
  if (r->is_critical == NULL) return false;
  const uint64_t sum = sat_add(r->granules[to], pinning->weight_granules[layer[at]]);
  const bool pins_stay = r->granules[from] <= pinning->pin_granules[from] && sum <= pinning->pin_granules[to];
  if (pinning->memory == PLACEMENT_PIN && !pins_stay) return false;
  bool touched = r->is_critical[layer[at]];
  touched = touched || (at > start[from] && r->is_critical[layer[at - 1]]);
  touched = touched || (at + 1 < start[from + 1] && r->is_critical[layer[at + 1]]);
  touched = touched || (before > start[to] && r->is_critical[layer[before - 1]]);
  return !touched && !(before < start[to + 1] && r->is_critical[layer[before]]);
}

/* --- candidates -----------------------------------------------------------------------------------------------------
 */

/* Puts `layer` beside `neighbour` if that is better. */
static void try_beside(struct remap *r, uint32_t layer, uint32_t neighbour, bool behind) {
  const struct placement_problem *problem = r->build->problem;
  const uint32_t from = r->device[layer], to = r->device[neighbour];
  if (from == to || !placement_can_run(problem, layer, to) || r->build->must[layer] != PLACEMENT_NONE) return;
  if (placement_meter_full(r->meter)) return;
  const uint32_t at = placement_find_layer(&r->base, layer, from);
  const uint32_t before = placement_find_layer(&r->base, neighbour, to) + (behind ? 1 : 0);
  r->report->n_tried++;
  if (cannot_be_better(r, at, from, before, to)) {
    r->meter->result->samples++;
    return;
  }
  placement_answer_copy(problem, &r->base, &r->candidate);
  placement_move_layer(&r->candidate, at, from, before, to);
  placement_build_pin_device(r->build, from, &r->candidate);
  placement_build_pin_device(r->build, to, &r->candidate);
  const double value = placement_meter_try(r->meter, &r->candidate);
  if (!(value < r->best)) return;
  r->best = value;
  r->report->n_accepted++;
  r->device[layer] = to;
  const struct placement_answer old = r->base;
  r->base = r->candidate;
  r->candidate = old;
  mark_critical(r);
}

static void try_layer(struct remap *r, uint32_t layer) {
  const struct placement_problem *problem = r->build->problem;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    try_beside(r, layer, problem->predecessor[i], true);
  }
  for (uint32_t i = problem->out_start[layer]; i < problem->out_start[layer + 1]; i++) {
    try_beside(r, layer, problem->successor[i], false);
  }
}

/* Depth first, without recursion: graphs may be as deep as they have layers. */
static void visit(struct remap *r, uint32_t head, bool *seen, uint32_t *path, uint32_t *at) {
  const struct placement_problem *problem = r->build->problem;
  size_t n = 0;
  for (uint32_t enter = head;;) {
    if (enter != PLACEMENT_NONE && !seen[enter]) {
      seen[enter] = true;
      try_layer(r, enter);
      at[n] = problem->out_start[enter];
      path[n++] = enter;
    }
    if (n == 0) return;
    enter = at[n - 1] < problem->out_start[path[n - 1] + 1] ? problem->successor[at[n - 1]++] : PLACEMENT_NONE;
    if (enter == PLACEMENT_NONE) n--;
  }
}

struct head {
  double end_s;
  uint32_t layer;
};

static int latest_first(const void *a, const void *b) {
  const struct head *x = a, *y = b;
  if (x->end_s < y->end_s || x->end_s > y->end_s) return x->end_s > y->end_s ? -1 : 1;
  return x->layer < y->layer ? -1 : x->layer > y->layer;
}

static size_t sort_heads(const struct placement_problem *problem, const double *end_s, struct arena *scratch,
                         struct head *heads) {
  double *latest_s = ARENA_NEW(scratch, double, problem->n_layers); /* of the sinks that a layer reaches */
  size_t n = 0;
  for (size_t i = problem->n_layers; i-- > 0;) {
    const uint32_t l = problem->topological[i];
    if (problem->out_start[l] == problem->out_start[l + 1]) latest_s[l] = end_s[l];
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      latest_s[l] = fmax(latest_s[l], latest_s[problem->successor[j]]);
    }
    if (problem->in_start[l] == problem->in_start[l + 1]) heads[n++] = (struct head){latest_s[l], l};
  }
  qsort(heads, n, sizeof *heads, latest_first);
  return n;
}

void h2h_remap(struct placement_meter *meter, const struct placement_build *build, const double *end_s,
               struct h2h_report *report) {
  const struct placement_problem *problem = build->problem;
  const struct arena_mark mark = arena_get_mark(build->scratch);
  struct arena *scratch = build->scratch;
  const size_t n = problem->n_layers;
  struct remap r = {.meter = meter,
                    .build = build,
                    .base = placement_answer_new(problem, scratch),
                    .candidate = placement_answer_new(problem, scratch),
                    .device = ARENA_NEW(scratch, uint32_t, n),
                    .best = meter->result->value,
                    .report = report};
  if (problem->plain && problem->timing == PLACEMENT_SERIAL && problem->objective == PLACEMENT_MAKESPAN) {
    r.is_critical = ARENA_NEW(scratch, bool, n);
    r.schedule = placement_schedule_new(problem, scratch);
    r.granules = ARENA_NEW(scratch, uint64_t, problem->n_devices);
  }
  struct head *heads = ARENA_NEW(scratch, struct head, n);
  uint32_t *path = ARENA_NEW(scratch, uint32_t, n), *at = ARENA_NEW(scratch, uint32_t, n);
  bool *seen = ARENA_NEW(scratch, bool, n);
  const size_t n_heads = sort_heads(problem, end_s, scratch, heads);
  placement_answer_copy(problem, &meter->result->answer, &r.base);
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = r.base.start[d]; i < r.base.start[d + 1]; i++) r.device[r.base.layer[i]] = d;
  }
  mark_critical(&r);
  for (int pass = 0; pass < N_PASSES; pass++) {
    memset(seen, false, n * sizeof *seen);
    for (size_t h = 0; h < n_heads; h++) visit(&r, heads[h].layer, seen, path, at);
  }
  arena_rewind(scratch, mark);
}

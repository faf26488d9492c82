/* Step 4 of H2H: does it pay to move a layer beside a neighbour in the graph? (placement §4.)
 *
 * Greedy: from the sources, the one with the latest end behind it first, along all edges, twice; each layer is tried
 * right behind each predecessor and right before each successor that runs elsewhere, and stays where the rule says
 * better. The public program changes times step by step and prints schedules that nobody could run; here every
 * candidate is evaluated as a whole. It visits joins once per path; here a layer is seen once in a pass. */
#include "search/placement/h2h.h"

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
};

/* Puts `layer` beside `neighbour` if that is better. */
static void try_beside(struct remap *r, uint32_t layer, uint32_t neighbour, bool behind) {
  const struct placement_problem *problem = r->build->problem;
  const uint32_t from = r->device[layer], to = r->device[neighbour];
  if (from == to || !placement_can_run(problem, layer, to) || r->build->must[layer] != PLACEMENT_NONE) return;
  if (placement_meter_full(r->meter)) return;
  placement_answer_copy(problem, &r->base, &r->candidate);
  const uint32_t at = placement_find_layer(&r->base, layer, from);
  const uint32_t before = placement_find_layer(&r->base, neighbour, to) + (behind ? 1 : 0);
  placement_move_layer(&r->candidate, at, from, before, to);
  placement_build_pin_device(r->build, from, &r->candidate);
  placement_build_pin_device(r->build, to, &r->candidate);
  const double value = placement_meter_try(r->meter, &r->candidate);
  r->report->n_tried++;
  if (!(value < r->best)) return;
  r->best = value;
  r->report->n_accepted++;
  r->device[layer] = to;
  const struct placement_answer old = r->base;
  r->base = r->candidate;
  r->candidate = old;
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
  struct remap r = {meter,
                    build,
                    placement_answer_new(problem, scratch),
                    placement_answer_new(problem, scratch),
                    ARENA_NEW(scratch, uint32_t, n),
                    meter->result->value,
                    report};
  struct head *heads = ARENA_NEW(scratch, struct head, n);
  uint32_t *path = ARENA_NEW(scratch, uint32_t, n), *at = ARENA_NEW(scratch, uint32_t, n);
  bool *seen = ARENA_NEW(scratch, bool, n);
  const size_t n_heads = sort_heads(problem, end_s, scratch, heads);
  placement_answer_copy(problem, &meter->result->answer, &r.base);
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = r.base.start[d]; i < r.base.start[d + 1]; i++) r.device[r.base.layer[i]] = d;
  }
  for (int pass = 0; pass < N_PASSES; pass++) {
    memset(seen, false, n * sizeof *seen);
    for (size_t h = 0; h < n_heads; h++) visit(&r, heads[h].layer, seen, path, at);
  }
  arena_rewind(scratch, mark);
}

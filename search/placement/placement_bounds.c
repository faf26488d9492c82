/* Which bound binds, and why? See placement_bounds.h; placement §7. The exact bound is left to placement_exact. */
#include "search/placement/placement_bounds.h"

#include "search/placement/placement_bounds_windows.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const placement_bound_names[PLACEMENT_N_BOUNDS] = {"path", "load", "ancestor", "window", "host", "exact"};

enum {
  MOST_ROUNDS = 400,    /* of the load bound */
  ANCESTOR_ROUNDS = 80, /* of each ancestor bound */
  LOOK_ROUNDS = 3,
  LEAST_ROUNDS = 20,
  MOST_WINDOW_LAYERS = 2000,
  MOST_ANCESTORS = 48,     /* that are refined */
  LOAD_WORK = 60000000,    /* layers × devices × rounds */
  ANCESTOR_WORK = 20000000 /* also of the first look at each */
};

double placement_gap(double value, double bound) {
  if (!(bound > 0)) return value > 0 ? INFINITY : 0;
  return fmax(0, value / bound - 1);
}

/* --- path and host --------------------------------------------------------------------------------------------------
 */

static double bound_path(struct placement_work *work) {
  const struct placement_problem *p = work->problem;
  double bound_s = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    double least_s = INFINITY;
    for (size_t d = 0; d < p->n_devices; d++) {
      const size_t at = placement_at(p, l, d);
      if (!placement_can_run(p, l, d)) continue;
      const double here_s = p->objective == PLACEMENT_MAKESPAN
                                ? work->heads_s[at] + placement_last_s(&work->costs, l, d)
                                : placement_least_s(&work->costs, l, d);
      least_s = fmin(least_s, here_s);
    }
    if (least_s > bound_s) bound_s = least_s, work->path_layer = l;
  }
  return placement_round_down(bound_s);
}

static bool may_bypass(const struct placement_problem *p, size_t layer) {
  for (size_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d].host && placement_can_run(p, layer, d)) return true;
  }
  return false;
}

/* Inputs that come through the host wherever the layer stands. */
static double certain_reads(const struct placement_work *work, size_t layer) {
  const struct placement_problem *p = work->problem;
  if (p->transfers == PLACEMENT_CUT || p->timing == PLACEMENT_DELAY) return 0;
  if (work->costs.coupling == PLACEMENT_FUSES && p->mesh_bytes_per_s == NULL) return work->costs.best[layer].bytes;
  double bytes = (double)p->input_bytes[layer];
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) bytes -= (double)p->edges[p->in_edge[i]].bytes;
  return fmax(0, bytes);
}

static double certain_writes(const struct placement_work *work, size_t layer) {
  const struct placement_problem *p = work->problem;
  if (p->transfers == PLACEMENT_CUT || p->timing == PLACEMENT_DELAY) return 0;
  if (!p->is_read[layer]) return (double)p->output_bytes[layer];
  const bool always = work->costs.coupling == PLACEMENT_FUSES && p->only_reader[layer] == PLACEMENT_NONE;
  return always && p->mesh_bytes_per_s == NULL ? (double)p->output_bytes[layer] : 0;
}

/* Weights that cannot be pinned, together or each by itself. */
static double certain_weights(const struct placement_work *work) {
  const struct placement_problem *p = work->problem;
  if (p->memory != PLACEMENT_PIN || p->timing == PLACEMENT_DELAY) return 0;
  double too_large = 0, all = 0, room = 0;
  for (size_t d = 0; d < p->n_devices; d++) {
    room += p->devices[d].host || work->costs.room[d] == UINT64_MAX
                ? INFINITY
                : (double)work->costs.room[d] * (double)p->granule_bytes;
  }
  for (size_t l = 0; l < p->n_layers; l++) {
    bool stays = false;
    for (size_t d = 0; d < p->n_devices; d++) {
      stays = stays || (placement_can_run(p, l, d) && work->costs.granules[l] <= work->costs.room[d]);
    }
    if (!stays) too_large += (double)p->weight_bytes[l];
    all += (double)p->weight_bytes[l];
  }
  return fmax(too_large, all - room);
}

static double bound_host(const struct placement_work *work) {
  const struct placement_problem *p = work->problem;
  if (p->objective == PLACEMENT_ENERGY || (p->objective == PLACEMENT_MAKESPAN && p->timing != PLACEMENT_CONTENTION)) {
    return 0;
  }
  double out_bytes = certain_weights(work), in_bytes = 0;
  for (size_t l = 0; l < p->n_layers; l++) {
    if (may_bypass(p, l)) continue;
    out_bytes += certain_reads(work, l);
    in_bytes += certain_writes(work, l);
  }
  return placement_round_down(fmax(out_bytes / p->host.out_bytes_per_s, in_bytes / p->host.in_bytes_per_s));
}

/* --- load -----------------------------------------------------------------------------------------------------------
 */

static size_t rounds_for(const struct placement_work *work, size_t most, size_t work_units) {
  const size_t size = work->problem->n_layers * work->problem->n_devices;
  const size_t rounds = work_units / (size + 1);
  return rounds < LEAST_ROUNDS ? LEAST_ROUNDS : rounds < most ? rounds : most;
}

/* Is there a device that could not keep all weights that it might get? */
static bool memory_binds(const struct placement_work *work) {
  const struct placement_problem *p = work->problem;
  const bool pins = p->memory == PLACEMENT_PIN;
  if (p->memory == PLACEMENT_UNLIMITED || (pins && p->timing != PLACEMENT_SERIAL)) return false;
  double all = 0;
  for (size_t l = 0; l < p->n_layers; l++) all += pins ? (double)work->costs.granules[l] : (double)p->weight_bytes[l];
  for (size_t d = 0; d < p->n_devices; d++) {
    const double room = pins ? (double)work->costs.room[d] : (double)p->devices[d].dram_bytes;
    if (!p->devices[d].host && room < all) return true;
  }
  return false;
}

double placement_cheapest(const struct placement_problem *problem, struct arena *arena, uint32_t *device) {
  const struct arena_mark mark = arena_get_mark(arena);
  const bool joules = problem->energy_j != NULL;
  struct placement_costs costs;
  double *price = ARENA_NEW(arena, double, problem->n_devices);
  placement_bounds_costs_init(&costs, problem, joules, arena);
  for (size_t d = 0; d < problem->n_devices; d++) price[d] = joules ? 1 : problem->devices[d].active_w;
  const double energy_j = placement_priced_sum(&costs, price, arena, device);
  arena_rewind(arena, mark);
  return energy_j;
}

/* Of loads, and of windows from there on: whose own bound goes to `windows_s`. */
static double bound_load(struct placement_work *work, double path_s, double *windows_s) {
  const struct placement_problem *p = work->problem;
  *windows_s = 0;
  if (p->objective == PLACEMENT_ENERGY) return placement_cheapest(p, work->arena, NULL);
  const bool makespan = p->objective == PLACEMENT_MAKESPAN, cuts = work->costs.coupling == PLACEMENT_CUTS;
  const bool tight = memory_binds(work);
  struct placement_windows *windows = NULL;
  const struct arena_mark mark = arena_get_mark(work->arena);
  if (makespan && p->n_layers <= MOST_WINDOW_LAYERS) {
    windows = placement_windows_new(&work->costs, work->heads_s, work->tails_s, path_s, work->arena);
  }
  /* Windows do not count weights that are sent again where tensors are cut. */
  const bool later = tight && !cuts;
  struct placement_load load = {.last = PLACEMENT_NONE,
                                .paths = makespan && !cuts,
                                .max_rounds = rounds_for(work, MOST_ROUNDS, LOAD_WORK),
                                .windows = later ? NULL : windows};
  double bound_s = placement_load_bound(&work->costs, &load, work->arena, &work->multipliers);
  if (load.windows != NULL) *windows_s = bound_s, bound_s = windows->without_s;
  if (tight) {
    load.memory = true, load.start = &work->multipliers, load.windows = later ? windows : NULL;
    double second_s = placement_load_bound(&work->costs, &load, work->arena, NULL);
    if (load.windows != NULL) *windows_s = second_s, second_s = windows->without_s;
    bound_s = fmax(bound_s, second_s);
  }
  arena_rewind(work->arena, mark);
  return bound_s;
}

/* --- ancestors ------------------------------------------------------------------------------------------------------
 */

struct candidate {
  uint32_t layer;
  bool after; /* all that follows it, not all before it */
  double value_s;
};

static int compare_candidates(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->value_s > y->value_s || x->value_s < y->value_s) return x->value_s > y->value_s ? -1 : 1;
  if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
  return (int)x->after - (int)y->after;
}

static void mark_ancestors(const struct placement_problem *p, uint32_t layer, bool *member) {
  memset(member, 0, p->n_layers * sizeof *member);
  member[layer] = true;
  for (size_t k = p->n_layers; k-- > 0;) {
    const uint32_t l = p->topological[k];
    for (uint32_t i = p->in_start[l]; member[l] && i < p->in_start[l + 1]; i++) member[p->predecessor[i]] = true;
  }
}

/* All ancestors must be computed before the layer's computation ends, and its tail follows. */
double placement_ancestor_value(struct placement_work *work, uint32_t layer, size_t rounds, bool *member,
                                struct placement_multipliers *best) {
  mark_ancestors(work->problem, layer, member);
  const struct placement_load load = {.member = member,
                                      .last = layer,
                                      .paths = work->costs.coupling != PLACEMENT_CUTS,
                                      .memory = rounds >= ANCESTOR_ROUNDS &&
                                                memory_binds(work), /* few rounds would not pay */
                                      .max_rounds = rounds,
                                      .start = &work->multipliers};
  return placement_load_bound(&work->costs, &load, work->arena, best) +
         placement_least_tail(&work->costs, work->tails_s, layer);
}

static void mark_descendants(const struct placement_problem *p, uint32_t layer, bool *member) {
  memset(member, 0, p->n_layers * sizeof *member);
  member[layer] = true;
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    for (uint32_t i = p->out_start[l]; member[l] && i < p->out_start[l + 1]; i++) member[p->successor[i]] = true;
  }
  member[layer] = false;
}

/* The same in the other direction: nothing that follows the layer starts before its computation has ended. */
static double descendant_value(struct placement_work *work, uint32_t layer, size_t rounds, bool *member) {
  const struct placement_problem *p = work->problem;
  double head_s = INFINITY;
  for (size_t d = 0; d < p->n_devices; d++) head_s = fmin(head_s, work->heads_s[placement_at(p, layer, d)]);
  mark_descendants(p, layer, member);
  const struct placement_load load = {.member = member,
                                      .last = PLACEMENT_NONE,
                                      .paths = true,
                                      .memory = rounds >= ANCESTOR_ROUNDS && memory_binds(work),
                                      .max_rounds = rounds,
                                      .start = &work->multipliers};
  return head_s + placement_load_bound(&work->costs, &load, work->arena, NULL);
}

static double candidate_value(struct placement_work *work, const struct candidate *c, size_t rounds, bool *member) {
  if (c->after) return descendant_value(work, c->layer, rounds, member);
  return placement_ancestor_value(work, c->layer, rounds, member, NULL);
}

/* Layers where branches meet or part, those first through which the longest paths lead; at most `most`. */
static size_t list_candidates(struct placement_work *work, size_t most, struct candidate *candidates) {
  const struct placement_problem *p = work->problem;
  size_t n = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    double through_s = INFINITY;
    for (size_t d = 0; d < p->n_devices; d++) {
      const size_t at = placement_at(p, l, d);
      if (placement_can_run(p, l, d)) through_s = fmin(through_s, work->heads_s[at] + work->tails_s[at]);
    }
    if (p->in_start[l + 1] - p->in_start[l] > 1) candidates[n++] = (struct candidate){l, false, through_s};
    if (p->out_start[l + 1] - p->out_start[l] > 1) candidates[n++] = (struct candidate){l, true, through_s};
  }
  qsort(candidates, n, sizeof *candidates, compare_candidates);
  return n < most ? n : most;
}

double placement_bound_ancestor(struct placement_work *work) {
  const struct placement_problem *p = work->problem;
  if (p->objective != PLACEMENT_MAKESPAN || work->costs.coupling == PLACEMENT_CUTS) return 0;
  const struct arena_mark mark = arena_get_mark(work->arena);
  struct candidate *candidates = ARENA_NEW(work->arena, struct candidate, 2 * p->n_layers);
  bool *member = ARENA_NEW(work->arena, bool, p->n_layers);
  const size_t looks = ANCESTOR_WORK / (24 * p->n_layers * p->n_devices + 1) + 2;
  const size_t n = list_candidates(work, looks, candidates);
  for (size_t i = 0; i < n; i++) candidates[i].value_s = candidate_value(work, &candidates[i], LOOK_ROUNDS, member);
  qsort(candidates, n, sizeof *candidates, compare_candidates);
  const size_t affordable = ANCESTOR_WORK / (LEAST_ROUNDS * p->n_layers * p->n_devices) + 2;
  const size_t most = affordable < MOST_ANCESTORS ? affordable : MOST_ANCESTORS;
  const size_t rounds = rounds_for(work, ANCESTOR_ROUNDS, ANCESTOR_WORK / most);
  double bound_s = 0;
  for (size_t i = 0; i < n && i < most; i++) {
    const double value_s = candidate_value(work, &candidates[i], rounds, member);
    if (!(value_s > bound_s)) continue;
    bound_s = value_s;
    work->ancestor_layer = candidates[i].layer, work->ancestor_after = candidates[i].after;
  }
  arena_rewind(work->arena, mark);
  return placement_round_down(bound_s);
}

/* --- all ------------------------------------------------------------------------------------------------------------
 */

static const char *explain(const struct placement_work *work, const struct placement_bounds *bounds,
                           struct arena *arena) {
  const struct placement_problem *p = work->problem;
  const bool makespan = p->objective == PLACEMENT_MAKESPAN;
  switch (bounds->binding) {
  case PLACEMENT_BOUND_PATH:
    return arena_printf(arena, makespan ? "the path of layers that ends in \"%s\"" : "layer \"%s\" by itself",
                        p->layer_names[work->path_layer]);
  case PLACEMENT_BOUND_ANCESTOR:
    return arena_printf(arena,
                        work->ancestor_after ? "all layers behind \"%s\", after it"
                                             : "all layers before \"%s\", and what follows it",
                        p->layer_names[work->ancestor_layer]);
  case PLACEMENT_BOUND_WINDOW:
    return "what devices can do between what must come before and what must follow";
  case PLACEMENT_BOUND_HOST:
    return "the host's own link: all bytes must pass";
  default:
    break;
  }
  if (p->objective == PLACEMENT_ENERGY) return "each layer where it takes the least energy";
  size_t heaviest = 0;
  for (size_t d = 1; d < p->n_devices; d++) {
    if (work->multipliers.device[d] > work->multipliers.device[heaviest]) heaviest = d;
  }
  return arena_printf(arena, "the load of all devices, of \"%s\" most", p->devices[heaviest].name);
}

void placement_work_init(struct placement_work *work, const struct placement_problem *problem, struct arena *arena) {
  const size_t size = problem->n_layers * problem->n_devices;
  *work = (struct placement_work){.problem = problem, .arena = arena};
  placement_bounds_costs_init(&work->costs, problem, false, arena);
  work->heads_s = ARENA_NEW(arena, double, size);
  work->tails_s = ARENA_NEW(arena, double, size);
  work->multipliers = placement_multipliers_new(problem, arena);
  placement_heads(&work->costs, work->heads_s);
  placement_tails(&work->costs, arena, work->tails_s);
}

bool placement_bounds(const struct placement_problem *problem, struct arena *arena, struct placement_bounds *bounds,
                      struct error *error) {
  (void)error; /* a problem that was finished can be bounded */
  struct placement_work work;
  *bounds = (struct placement_bounds){0};
  placement_work_init(&work, problem, arena);
  if (problem->objective != PLACEMENT_ENERGY) bounds->value[PLACEMENT_BOUND_PATH] = bound_path(&work);
  bounds->value[PLACEMENT_BOUND_LOAD] =
      bound_load(&work, bounds->value[PLACEMENT_BOUND_PATH], &bounds->value[PLACEMENT_BOUND_WINDOW]);
  bounds->value[PLACEMENT_BOUND_ANCESTOR] = placement_bound_ancestor(&work);
  bounds->value[PLACEMENT_BOUND_HOST] = bound_host(&work);
  for (int b = 1; b < PLACEMENT_N_BOUNDS; b++) {
    if (bounds->value[b] > bounds->value[bounds->binding]) bounds->binding = (enum placement_bound)b;
  }
  bounds->best = bounds->value[bounds->binding];
  bounds->reason = explain(&work, bounds, arena);
  return true;
}

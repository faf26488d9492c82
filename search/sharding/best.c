/* What do we do ourselves? Exact search where it is quick; on large systems sets in coarse parts. (sharding §5.)
 *
 * Small systems: the branch and bound of exact.c with a limit on its tree, so that what it leaves open bounds the gap.
 * Large ones: one set of each size worth trying, in the tightest place, under level 2; then several sets in a few equal
 * parts at each level of the hierarchy, with ranges that end where layers do not feed the next one, or at even steps.
 * What that finds is an answer; bounds are left to sharding_bounds. Where nothing is proven, the best answer is
 * improved a step at a time, and the genetic algorithm gets a little time for another. */
#include "base/checked.h"
#include "search/sharding/sharding_algorithm.h"
#include "search/sharding/sharding_branch.h"
#include "search/sharding/sharding_improve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct best_settings {
  uint64_t max_nodes, max_leaves, max_improved, coarse_nodes, even_cuts;
  double tolerance;
};
#define OFFSET(member) offsetof(struct best_settings, member)
static const struct field best_field_list[] = {
    {"max_nodes", FIELD_UINT, "", 1, 1e12, "30000", "sets chosen in the tree of the exact search", OFFSET(max_nodes),
     ROLE_ANSWER, NULL},
    {"max_leaves", FIELD_UINT, "", 1, 1e12, "300",
     "ways to form sets whose strategies are solved, more where layers are few", OFFSET(max_leaves), ROLE_ANSWER, NULL},
    {"max_improved", FIELD_UINT, "", 0, 1e12, "20000",
     "layers of answers solved again by steps from the best, where nothing is proven", OFFSET(max_improved),
     ROLE_ANSWER, NULL},
    {"tolerance", FIELD_REAL, "", 0, 1, "1e-6", "share of the latency whose gain is not looked for", OFFSET(tolerance),
     ROLE_ANSWER, NULL},
    {"coarse_nodes", FIELD_UINT, "", 0, 1e12, "30", "large systems: sets chosen in each tree of coarse parts",
     OFFSET(coarse_nodes), ROLE_ANSWER, NULL},
    {"even_cuts", FIELD_UINT, "", 0, 10000, "8", "large systems: ends of ranges at even steps", OFFSET(even_cuts),
     ROLE_ANSWER, NULL},
};
static const struct field_table best_fields = {"sharding.best",
                                               "ours: exact where it is quick, else sets in coarse parts",
                                               best_field_list, sizeof best_field_list / sizeof *best_field_list};

/* Looks at a state, a form, a design and a last layer; more are too many for the exact search. */
static const double max_looks = 2e10;
/* Samples of the genetic algorithm, and answers valued step by step, for each answer solved by level 2. */
enum { GENETIC = 5, VALUES = 10 };
/* So many layers make a usual problem: leaves of shorter ones take less, and more of them are solved. */
enum { USUAL_LAYERS = 64, USUAL_BOARDS = 12 };
static const double worth_genes = 0.01, worth_parts = 0.02; /* gaps above these are */

struct best {
  const struct sharding_request *request;
  const struct best_settings *settings;
  struct sharding_result *result;
  struct branch_limits limits;
};

static void take(struct best *best, const struct branch_result *found) {
  best->result->samples += found->n_solved;
  if (!(found->value_s < best->result->value_s)) return;
  best->result->found = true;
  best->result->value_s = found->value_s, best->result->answer = found->answer;
}

static bool is_over(const struct best *best) {
  const struct sharding_request *request = best->request;
  return best->result->samples >= request->samples ||
         (request->interrupted != NULL && request->interrupted(request->context));
}

/* False: too much work. */
static bool search_exactly(struct best *best) {
  const struct sharding_request *request = best->request;
  const struct sharding_problem *problem = request->problem;
  enum { MAX_FORMS = 1024 };
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct sharding_sets sets;
  bool fine = sharding_sets_make(problem, MAX_FORMS, request->scratch, &sets);
  if (fine) {
    const double layers = (double)problem->n_layers, states = (double)sets.n_used * sets.n_contacts;
    fine =
        (layers + (double)problem->n_edges) * layers * states * sets.n_forms * (double)problem->n_designs <= max_looks;
  }
  arena_rewind(request->scratch, mark);
  if (!fine) return false;
  struct branch_result found = {.value_s = INFINITY};
  if (!sharding_branch(problem, &best->limits, request->scratch, request->arena, &found)) return false;
  take(best, &found);
  best->result->bound_s = found.bound_s;
  best->result->proven = found.bound_s >= found.value_s * (1 - 1e-12);
  return true;
}

/* Sets by the number of their boards alone: all bounds, one set of each size an answer, too. */
static void search_relaxed(struct best *best) {
  const struct sharding_request *request = best->request;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  enum { MAX_FORMS = 512 };
  static const uint64_t max_steps = UINT64_C(1) << 31;
  struct sharding_sets sets;
  if (sharding_sets_relax(request->problem, MAX_FORMS, request->scratch, &sets)) {
    struct branch_limits limits = best->limits;
    limits.sets = &sets, limits.max_steps = max_steps;
    struct branch_result found = {.value_s = best->result->value_s, .answer = best->result->answer};
    if (sharding_branch(request->problem, &limits, request->scratch, request->arena, &found)) {
      take(best, &found);
      best->result->bound_s = fmax(best->result->bound_s, found.bound_s);
      best->result->proven = found.bound_s >= best->result->value_s * (1 - 1e-12);
    }
  }
  arena_rewind(request->scratch, mark);
}

/* --- large systems --------------------------------------------------------------------------------------------------
 */

/* Ends of ranges: where a layer does not feed the next, and at even steps. */
static const bool *list_cuts(const struct best *best, struct arena *scratch) {
  const struct sharding_problem *problem = best->request->problem;
  bool *cuts = ARENA_NEW(scratch, bool, problem->n_layers);
  enum { MOST_NATURAL = 16 };
  size_t n = 0;
  for (size_t i = 0; i + 1 < problem->n_layers; i++) {
    const uint32_t next = problem->topological[i + 1];
    bool feeds = false;
    for (uint32_t j = problem->in_start[next]; j < problem->in_start[next + 1]; j++) {
      feeds |= problem->edges[problem->in_edge[j]].from == problem->topological[i];
    }
    cuts[i] = !feeds, n += !feeds;
  }
  /* Side branches of blocks are no streams: only layers that begin anew are worth a range then. */
  for (size_t i = 0; n > MOST_NATURAL && i + 1 < problem->n_layers; i++) {
    const uint32_t next = problem->topological[i + 1];
    cuts[i] = problem->in_start[next] == problem->in_start[next + 1];
  }
  for (uint64_t k = 1; k <= best->settings->even_cuts; k++) {
    const uint64_t at = k * problem->n_layers / (best->settings->even_cuts + 1);
    if (at > 0 && at < problem->n_layers) cuts[at - 1] = true;
  }
  return cuts;
}

static void search_coarse(struct best *best, uint32_t depth, uint32_t n_units, uint32_t max_classes, const bool *cuts) {
  const struct sharding_request *request = best->request;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct sharding_sets sets;
  if (sharding_sets_coarse(request->problem, depth, n_units, max_classes, request->scratch, &sets)) {
    struct branch_limits limits = best->limits;
    limits.sets = &sets, limits.cuts = cuts, limits.max_nodes = best->settings->coarse_nodes;
    limits.max_improved = 0;
    struct branch_result found = {.value_s = best->result->value_s, .answer = best->result->answer};
    if (sharding_branch(request->problem, &limits, request->scratch, request->arena, &found)) take(best, &found);
  }
  arena_rewind(request->scratch, mark);
}

/* One set in many sizes: no cuts at all. Then several sets in four parts of each of two neighbours. */
static void search_large(struct best *best) {
  const struct sharding_problem *problem = best->request->problem;
  const struct arena_mark mark = arena_get_mark(best->request->scratch);
  const uint32_t depth = sharding_sets_depth(problem);
  const bool *none = ARENA_NEW(best->request->scratch, bool, problem->n_layers);
  const bool *cuts = list_cuts(best, best->request->scratch);
  enum { SIZES = 16, PARTS = 4, NEIGHBOURS = 2 };
  for (uint32_t d = 0; d <= depth && !is_over(best); d++) search_coarse(best, d, SIZES, 1, none);
  for (uint32_t d = 0; d <= depth && !is_over(best); d++) search_coarse(best, d, PARTS, NEIGHBOURS, cuts);
  arena_rewind(best->request->scratch, mark);
}

/* --- where nothing is proven ----------------------------------------------------------------------------------------
 */

/* Another start: the genetic algorithm for a little. */
static void search_genetically(struct best *best) {
  const struct sharding_request *request = best->request;
  const struct sharding_algorithm *ga2 = sharding_find_algorithm("ga2");
  unsigned char *settings = ARENA_NEW(request->arena, unsigned char, ga2->settings_bytes);
  config_defaults(ga2->table, request->arena, settings);
  struct sharding_request some = *request;
  struct sharding_result found = {.value_s = INFINITY};
  some.settings = settings;
  some.samples = min_u64(request->samples - best->result->samples, GENETIC * best->settings->max_improved /
                                                                       request->problem->n_layers /
                                                                       (1 + request->problem->n_boards / USUAL_BOARDS));
  if (some.samples == 0) return;
  ga2->run(&some, &found);
  best->result->samples += found.samples;
  if (!found.found || !(found.value_s < best->result->value_s)) return;
  best->result->found = true;
  best->result->value_s = found.value_s, best->result->answer = found.answer;
}

static void step_strategies(struct best *best) {
  const struct sharding_request *request = best->request;
  if (!best->result->found) return;
  /* The other half is for another start. */
  const struct improve_limits limits = {.max_samples = (request->samples - best->result->samples + 1) / 2,
                                        .max_evaluated =
                                            VALUES * best->settings->max_improved / request->problem->n_layers,
                                        .tolerance = best->settings->tolerance,
                                        .interrupted = request->interrupted,
                                        .context = request->context};
  struct choice_value value = {.value_s = best->result->value_s, .answer = best->result->answer};
  best->result->samples +=
      sharding_improve_strategies(request->problem, &limits, request->scratch, request->arena, &value);
  best->result->value_s = value.value_s, best->result->answer = value.answer;
}

static void search_on(struct best *best) {
  const struct sharding_result *result = best->result;
  const struct sharding_request *request = best->request;
  sharding_bounds_split(request->problem, request->scratch, request->bounds);
  const double tolerance = best->settings->tolerance, bound_s = fmax(result->bound_s, request->bounds->best_s);
  if (result->found && sharding_gap(result->value_s, bound_s) <= tolerance) return;
  if (!is_over(best)) step_strategies(best);
  if (is_over(best) || (result->found && sharding_gap(result->value_s, bound_s) <= worth_genes)) return;
  const double before_s = result->value_s;
  search_genetically(best);
  if (result->value_s < before_s && !is_over(best)) step_strategies(best);
}

static void run(const struct sharding_request *request, struct sharding_result *result) {
  struct sharding_meter meter;
  sharding_meter_init(&meter, request, result);
  struct best best = {.request = request, .settings = request->settings, .result = result};
  const uint64_t shorter = max_u64(1, USUAL_LAYERS / request->problem->n_layers);
  best.limits =
      (struct branch_limits){.max_nodes = best.settings->max_nodes,
                             .max_solved = min_u64(sat_mul(best.settings->max_leaves, shorter), request->samples),
                             .max_samples = request->samples,
                             .max_improved = best.settings->max_improved,
                             .tolerance = best.settings->tolerance,
                             .interrupted = request->interrupted,
                             .context = request->context};
  if (!search_exactly(&best)) {
    search_relaxed(&best);
    const bool near = result->found && sharding_gap(result->value_s, result->bound_s) <= worth_parts;
    if (!result->proven && !near) search_large(&best);
  }
  if (result->proven) return; /* that nothing fits, too */
  search_on(&best);
  result->bound_s = fmin(result->bound_s, result->value_s);
  result->proven = result->found && result->bound_s >= result->value_s * (1 - 1e-12);
}

const struct sharding_algorithm sharding_best = {
    .name = "best",
    .doc = "ours: exact where it is quick, else sets in coarse parts",
    .source = "ours; sharding §5",
    .table = &best_fields,
    .settings_bytes = sizeof(struct best_settings),
    .one_shot = false,
    .run = run,
};

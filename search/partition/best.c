/* What do we do ourselves? Slices of fixed orders, a short climb, an exact search where that is quick, then climbs with
 * the budget that is left, and the exact search again with what they found. Where the triangle rule is general and that
 * was not quick, an annealing before the climbs. (partition §9, §10.)
 *
 * Exact searches look for something better than what is known, so what such a period would force together is merged
 * first: their graph is smaller, and the smaller the better the answer is. Whatever is proven ends the run. */
#include "base/checked.h"
#include "search/partition/partition_bounds.h"
#include "search/partition/partition_merge.h"
#include "search/partition/partition_restarts.h"
#include <math.h>
#include <string.h>

struct best_settings {
  uint64_t tasks, round_samples, first_samples, anneal_samples, first_ideals, first_pairs, near_ideals, near_pairs,
      last_ideals, last_pairs, wide_pairs;
  double wide_gap;
};
#define OFFSET(member) offsetof(struct best_settings, member)
static const struct field best_field_list[] = {
    {"tasks", FIELD_UINT, "", 1, 4096, "4", "climbs that share a round's samples", OFFSET(tasks), ROLE_ANSWER, NULL},
    {"round_samples", FIELD_UINT, "", 1, 1e15, "10000",
     "of a climb, after which half of them go on from the best of all", OFFSET(round_samples), ROLE_ANSWER, NULL},
    {"first_samples", FIELD_UINT, "", 0, 1e15, "2000", "for a climb before the first exact search",
     OFFSET(first_samples), ROLE_ANSWER, NULL},
    {"anneal_samples", FIELD_UINT, "", 0, 1e15, "10000",
     "of an annealing where the triangle rule is general, which slices of orders seldom keep", OFFSET(anneal_samples),
     ROLE_ANSWER, NULL},
    {"first_ideals", FIELD_UINT, "", 0, 1e9, "100000", "order ideals at once in the first exact search",
     OFFSET(first_ideals), ROLE_ANSWER, NULL},
    {"first_pairs", FIELD_UINT, "", 0, 1e15, "10000000", "pairs of ideals that it may look at, 0: there is none",
     OFFSET(first_pairs), ROLE_ANSWER, NULL},
    {"near_ideals", FIELD_UINT, "", 0, 1e9, "20000", "the same of an exact search within a few chips",
     OFFSET(near_ideals), ROLE_ANSWER, NULL},
    {"near_pairs", FIELD_UINT, "", 0, 1e15, "20000", "likewise, 0: there is none", OFFSET(near_pairs), ROLE_ANSWER,
     NULL},
    {"last_ideals", FIELD_UINT, "", 0, 1e9, "1000000", "the same of the exact search at the end", OFFSET(last_ideals),
     ROLE_ANSWER, NULL},
    {"last_pairs", FIELD_UINT, "", 0, 1e15, "30000000", "likewise, 0: there is none", OFFSET(last_pairs), ROLE_ANSWER,
     NULL},
    {"wide_gap", FIELD_REAL, "", 0, 1, "0.05", "a gap above it is searched exactly once more", OFFSET(wide_gap),
     ROLE_ANSWER, NULL},
    {"wide_pairs", FIELD_UINT, "", 0, 1e12, "2000", "pairs that this may look at, for each sample; 0: there is none",
     OFFSET(wide_pairs), ROLE_ANSWER, NULL},
};
static const struct field_table best_fields = {"partition.best", "ours: slices, climbs over orders, exact searches",
                                               best_field_list, sizeof best_field_list / sizeof *best_field_list};

/* A period this much shorter, relative, would be the same. */
static const double proof = 2e-11;

struct best {
  const struct partition_request *request;
  struct partition_meter meter;
  double bound;        /* the best known */
  uint64_t next_round; /* of climbs */
};

static bool is_stopped(const struct partition_request *request) {
  return request->interrupted != NULL && request->interrupted(request->context);
}

static bool is_proven(struct best *best) {
  struct partition_result *result = best->meter.result;
  result->proven = result->proven || (result->found && best->bound >= result->value * (1 - proof));
  return result->proven;
}

/* Something better than what is known, with everything merged that this forces; true: there is nothing. */
static bool search_merged(struct best *best, const struct partition_limits *limits) {
  const struct partition_request *request = best->request;
  const struct partition_graph *graph = request->graph;
  struct partition_result *result = best->meter.result;
  struct partition_graph merged = *graph;
  uint32_t *now_in = ARENA_NEW(request->scratch, uint32_t, graph->n), *chip;
  const bool any =
      result->found && partition_merge_at(graph, result->value * (1 - proof), request->scratch, &merged, now_in);
  double value = result->value, bound = best->bound;
  chip = ARENA_NEW(request->scratch, uint32_t, graph->n);
  if (any) { /* what is known need not lie together; it is only a value there */
    for (size_t g = 0; g < merged.n; g++) chip[g] = 1;
  } else if (result->found) {
    memcpy(chip, result->chip, graph->n * sizeof *chip);
  }
  const bool proven = partition_exact(&merged, limits, request, chip, &value, &bound);
  if (value < result->value) {
    if (any) {
      uint32_t *spread = ARENA_NEW(request->scratch, uint32_t, graph->n);
      for (size_t g = 0; g < graph->n; g++) spread[g] = chip[now_in[g]];
      chip = spread;
    }
    partition_renumber(graph, chip, best->meter.work);
    partition_meter_offer(&best->meter, chip, partition_value(graph, chip, best->meter.work));
  }
  if (proven) bound = value;
  if (isfinite(bound) && bound > best->bound) best->bound = bound;
  return proven;
}

static void search_exactly(struct best *best, uint64_t ideals, uint64_t pairs) {
  const struct partition_request *request = best->request;
  if (pairs == 0 || is_stopped(request) || is_proven(best)) return;
  const struct partition_limits limits = {.ideals = ideals, .pairs = pairs};
  const struct arena_mark mark = arena_get_mark(request->scratch);
  if (search_merged(best, &limits)) best->meter.result->proven = true;
  arena_rewind(request->scratch, mark);
}

static void climb(struct best *best, uint64_t tasks, uint64_t samples) {
  const struct best_settings *settings = best->request->settings;
  if (samples == 0 || is_proven(best)) return;
  const struct partition_restarts restarts = {
      .tasks = tasks,
      .samples_each = settings->round_samples,
      .samples = samples,
      .first_round = best->next_round,
      .enough = best->bound * (1 + proof),
      .limits = {.ideals = settings->near_ideals, .pairs = settings->near_pairs}};
  best->next_round = partition_restarts_run(&best->meter, &restarts);
}

/* Pieces of one order feed each other in turn and across, which `general` forbids: annealing goes other ways. */
static bool anneal(struct best *best, struct error *error) {
  const struct partition_request *request = best->request;
  const struct best_settings *settings = request->settings;
  const struct partition_algorithm *algorithm = partition_find_algorithm("anneal");
  if (request->graph->problem->triangle != PARTITION_GENERAL || algorithm == NULL || is_proven(best)) return true;
  const struct partition_result *result = best->meter.result;
  struct partition_request own = *request;
  struct partition_result found;
  void *defaults = arena_alloc(request->arena, 1, algorithm->settings_bytes);
  config_defaults(algorithm->table, request->arena, defaults);
  own.settings = defaults;
  own.samples = min_u64(settings->anneal_samples, (request->samples - result->samples) / 2);
  own.sampled = NULL;
  if (own.samples == 0 || is_stopped(request)) return true;
  if (!algorithm->run(&own, &found, error)) return false;
  partition_meter_skip(&best->meter, found.samples);
  if (found.found) partition_meter_offer(&best->meter, found.chip, found.value);
  return true;
}

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  const struct best_settings *settings = request->settings;
  struct best best = {.request = request};
  partition_meter_init(&best.meter, request, result);
  struct partition_bounds bounds;
  if (request->bounds != NULL) {
    bounds = *request->bounds;
  } else {
    partition_bounds(request->graph, false, request->scratch, &bounds);
  }
  best.bound = bounds.best;
  if (bounds.infeasible) {
    result->proven = true;
    return true;
  }
  partition_try_fixed_orders(&best.meter);
  climb(&best, 1, settings->first_samples);
  search_exactly(&best, settings->first_ideals, settings->first_pairs);
  if (!anneal(&best, error)) return false;
  climb(&best, settings->tasks, settings->tasks * settings->round_samples);
  search_exactly(&best, settings->last_ideals, settings->last_pairs);
  const double asked = result->value;
  climb(&best, settings->tasks, UINT64_MAX);
  if (result->value < asked) search_exactly(&best, settings->last_ideals, settings->last_pairs);
  if (result->found && partition_gap(result->value, best.bound) > settings->wide_gap) {
    search_exactly(&best, settings->last_ideals, sat_mul(settings->wide_pairs, result->samples));
  }
  is_proven(&best);
  result->bound = best.bound;
  return true;
}

const struct partition_algorithm partition_by_best = {
    .name = "best",
    .doc = "ours: slices, climbs over topological orders, exact searches; proves what it can",
    .source = "ours; partition §9 and §10",
    .table = &best_fields,
    .settings_bytes = sizeof(struct best_settings),
    .default_samples = 100000,
    .run = run,
};

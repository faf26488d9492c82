/* What do we do ourselves? The best of every rule as a start, then blocks moved and annealed. (placement §8.)
 *
 * Restarts share the samples; every third goes on from the best so far, cooler. The answer is never worse than any
 * start's: each is valued by placement_evaluate and kept until something is better. */
#include "base/checked.h"
#include "search/placement/placement_algorithm.h"
#include "search/placement/placement_blocks.h"
#include "search/placement/placement_build.h"
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

struct best_settings {
  uint64_t restart_samples, max_restarts, exact_looks;
  double hot, cold, warm;
};
#define OFFSET(member) offsetof(struct best_settings, member)
static const struct field best_field_list[] = {
    {"restart_samples", FIELD_UINT, "", 1, 1e9, "500", "evaluations a layer that a restart of annealing has at least",
     OFFSET(restart_samples), ROLE_ANSWER, NULL},
    {"max_restarts", FIELD_UINT, "", 1, 1000, "12", "of annealing", OFFSET(max_restarts), ROLE_ANSWER, NULL},
    {"exact_looks", FIELD_UINT, "", 0, 1e15, "100000000",
     "pairs of a layer and a device that exact methods may look at after the first restart", OFFSET(exact_looks),
     ROLE_ANSWER, NULL},
    {"hot", FIELD_REAL, "", 1e-9, 1e3, "3", "first temperature, as a share of the start's value a layer", OFFSET(hot),
     ROLE_ANSWER, NULL},
    {"warm", FIELD_REAL, "", 1e-9, 1e3, "0.8", "the same of restarts from the best so far", OFFSET(warm), ROLE_ANSWER,
     NULL},
    {"cold", FIELD_REAL, "", 1e-12, 10, "1e-3", "last temperature, as a share of the first", OFFSET(cold), ROLE_ANSWER,
     NULL},
};
static const struct field_table best_fields = {"placement.best", "ours: the best start, then blocks moved and annealed",
                                               best_field_list, sizeof best_field_list / sizeof *best_field_list};

/* Of sums in another order. */
static const double rounding = 1e-12;
static const double within_reach = 0.05; /* the gap at which another exact search may close it */
/* Of the start's value: single layers of a small problem weigh no more. */
static const double hottest = 0.2;
enum { POLISH = 10 }; /* a tenth of the samples */

struct best {
  const struct placement_request *request;
  const struct best_settings *settings;
  struct placement_result *result;
  struct placement_blocks blocks;
  struct placement_answer start; /* the best of those that annealing can use */
  struct placement_answer from;
};

/* --- starts ---------------------------------------------------------------------------------------------------------
 */

/* Valued by the rule itself. */
static void take(struct best *best, const struct placement_answer *answer) {
  const struct placement_problem *problem = best->request->problem;
  const double value = placement_evaluate(problem, answer, best->request->scratch, NULL);
  if (!(value < best->result->value)) return;
  best->result->value = value;
  placement_answer_copy(problem, answer, &best->result->answer);
}

/* An answer from elsewhere. */
static void offer(struct best *best, const struct placement_answer *answer) {
  take(best, answer);
  placement_blocks_offer(&best->blocks, answer);
}

/* Devices' orders from layers' devices: topological. */
static void fill(const struct placement_problem *problem, const uint32_t *device, struct arena *scratch,
                 struct placement_answer *answer) {
  uint32_t *next = ARENA_NEW(scratch, uint32_t, problem->n_devices + 1);
  memset(answer->start, 0, (problem->n_devices + 1) * sizeof *answer->start);
  for (size_t l = 0; l < problem->n_layers; l++) answer->start[device[l] + 1]++;
  for (size_t d = 0; d < problem->n_devices; d++) answer->start[d + 1] += answer->start[d], next[d] = answer->start[d];
  for (size_t i = 0; i < problem->n_layers; i++) {
    const uint32_t l = problem->topological[i];
    answer->layer[next[device[l]]++] = l;
  }
}

static bool is_held(const struct best *best, uint32_t layer) {
  return best->request->held != NULL && best->request->held[layer] != PLACEMENT_NONE;
}

/* Layers in topological order, each where it ends first of all. */
static void start_earliest(struct best *best) {
  const struct placement_problem *problem = best->request->problem;
  struct placement_times *times = best->blocks.times;
  struct arena *scratch = best->request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct placement_answer answer = placement_answer_new(problem, scratch);
  uint32_t *device = ARENA_NEW(scratch, uint32_t, problem->n_layers), *home = NULL;
  double *free_s = ARENA_NEW(scratch, double, problem->n_devices),
         *end_s = ARENA_NEW(scratch, double, problem->n_layers);
  uint64_t *used = ARENA_NEW(scratch, uint64_t, problem->n_devices);
  if (problem->memory == PLACEMENT_PIN && best->request->held != NULL) { /* what lies there already goes first */
    for (size_t l = 0; l < problem->n_layers; l++) {
      if (best->request->held[l] != PLACEMENT_NONE) used[best->request->held[l]] += times->size[l];
    }
  }
  if (problem->group != NULL) home = ARENA_NEW(scratch, uint32_t, problem->n_groups);
  for (size_t i = 0; i < problem->n_layers; i++) {
    const uint32_t l = problem->topological[i];
    double least_s = INFINITY, ready_s = 0;
    for (uint32_t d = 0; d < problem->n_devices; d++) {
      if (!placement_times_allows(times, l, d)) continue;
      if (home != NULL && problem->group[l] != PLACEMENT_NONE && home[problem->group[l]] > 0 &&
          home[problem->group[l]] != d + 1) {
        continue;
      }
      const bool fits = times->size == NULL || is_held(best, l) || times->size[l] <= times->room[d] - used[d];
      if (!fits && problem->memory == PLACEMENT_HARD) continue;
      ready_s = free_s[d];
      uint64_t bytes = fits ? 0 : problem->weight_bytes[l];
      for (uint32_t j = problem->in_start[l]; j < problem->in_start[l + 1]; j++) {
        const uint32_t p = problem->predecessor[j];
        const struct placement_edge *edge = &problem->edges[problem->in_edge[j]];
        double at_s = end_s[p];
        if (problem->timing == PLACEMENT_DELAY) at_s += placement_delay_s(problem, edge, device[p], d);
        if (problem->timing != PLACEMENT_DELAY && device[p] != d) bytes = sat_add(bytes, edge->bytes);
        ready_s = fmax(ready_s, at_s);
      }
      ready_s += problem->compute_s[placement_at(problem, l, d)] +
                 (problem->devices[d].host ? 0 : (double)bytes / problem->devices[d].link_bytes_per_s);
      if (ready_s < least_s) least_s = ready_s, device[l] = d;
    }
    end_s[l] = free_s[device[l]] = least_s;
    const bool fits =
        times->size == NULL || is_held(best, l) || times->size[l] <= times->room[device[l]] - used[device[l]];
    answer.pinned[l] = fits && problem->weight_granules[l] > 0;
    if (times->size != NULL && fits && !is_held(best, l)) used[device[l]] += times->size[l];
    if (home != NULL && problem->group[l] != PLACEMENT_NONE) home[problem->group[l]] = device[l] + 1;
  }
  fill(problem, device, scratch, &answer);
  offer(best, &answer);
  arena_rewind(scratch, mark);
}

/* Each layer where the bound of energy wants it: often all that can be asked for. */
static void start_cheapest(struct best *best) {
  const struct placement_request *request = best->request;
  const struct placement_problem *problem = request->problem;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  if (problem->objective != PLACEMENT_ENERGY || request->held != NULL) return;
  struct placement_answer answer = placement_answer_new(problem, request->scratch);
  uint32_t *device = ARENA_NEW(request->scratch, uint32_t, problem->n_layers);
  placement_cheapest(problem, request->scratch, device);
  fill(problem, device, request->scratch, &answer);
  placement_pin(problem, request->scratch, &answer);
  offer(best, &answer);
  arena_rewind(request->scratch, mark);
}

/* Pieces of a chain, as level as computation can be dealt: rules look at ends alone, or come to a dead end; and of a
 * period, where layers may stand anywhere, a device that takes one piece still has little to read. */
static void start_dealt(struct best *best) {
  struct placement_problem pieces = *best->request->problem;
  if (pieces.objective != PLACEMENT_PERIOD && !pieces.contiguous) return;
  pieces.contiguous = true;
  struct placement_request request = *best->request;
  request.problem = &pieces;
  struct placement_build build;
  placement_build_init(&build, &request);
  struct placement_answer answer = placement_answer_new(&pieces, request.arena);
  if (placement_build_fill(&build, &answer)) offer(best, &answer);
}

/* The rules in the list: they need no budget. */
static void start_rules(struct best *best) {
  const struct placement_request *request = best->request;
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    const struct placement_algorithm *algorithm = placement_algorithms[i];
    if (!algorithm->one_shot || (algorithm->applies != NULL && !algorithm->applies(request->problem))) continue;
    if (algorithm->slow_start && request->problem->n_layers > 1000) continue;
    if (best->blocks.n_samples >= request->samples) return;
    unsigned char settings[4096];
    struct placement_request ask = *request;
    struct placement_result result = {.answer = placement_answer_new(request->problem, request->arena),
                                      .value = INFINITY};
    if (algorithm->settings_bytes > sizeof settings) continue;
    memset(settings, 0, sizeof settings);
    if (algorithm->table != NULL) config_defaults(algorithm->table, request->arena, settings);
    ask.settings = settings;
    ask.samples -= best->blocks.n_samples;
    algorithm->run(&ask, &result);
    best->blocks.n_samples += result.samples;
    if (isfinite(result.value)) offer(best, &result.answer);
  }
}

/* --- annealing ------------------------------------------------------------------------------------------------------
 */

/* Nothing can be better: the bound is reached but for rounding. */
static bool is_optimal(const struct best *best) {
  const struct placement_bounds *bounds = best->request->bounds;
  return bounds != NULL && bounds->best > 0 && best->result->value <= bounds->best * (1 + rounding);
}

/* An exact method, where one fits and ends in time. What it finds is where annealing goes on. */
static void prove(struct best *best) {
  const struct placement_request *request = best->request;
  const struct placement_problem *problem = request->problem;
  /* Order ideals prove all or nothing, and a pair of them is soon looked at: they get three times as many. */
  const uint64_t looks = sat_mul(best->settings->exact_looks, problem->contiguous ? 3 : 1);
  const uint64_t work = looks / PLACEMENT_LOOKS_PER_WORK;
  if (work == 0 || request->held != NULL || best->blocks.stopped) return;
  struct placement_answer answer = placement_answer_new(problem, request->arena);
  double value = best->result->value, bound = 0;
  if (isfinite(value)) placement_answer_copy(problem, &best->result->answer, &answer);
  const bool ended = placement_exact(problem, work, request->arena, &answer, &value, &bound);
  if (value < best->result->value) offer(best, &answer);
  best->result->bound = fmax(best->result->bound, bound);
  best->result->proven = ended && best->result->value <= bound * (1 + rounding);
}

/* What was best may have been left on a warm way: down from there, until the samples end. */
static void polish(struct best *best) {
  struct placement_blocks *blocks = &best->blocks;
  const uint64_t left = best->request->samples - min_u64(best->request->samples, blocks->n_samples);
  const double cold = best->settings->hot * best->settings->cold / (double)best->request->problem->n_layers;
  blocks->rng = rng_stream(best->request->seed, RNG_PLACEMENT, best->settings->max_restarts,
                           (uint64_t)PLACEMENT_STREAM_BEST << 32);
  placement_answer_copy(best->request->problem, &blocks->best, &best->from);
  placement_blocks_anneal(blocks, &best->from, left, (struct placement_cooling){cold, cold});
  take(best, &blocks->best);
}

static void anneal(struct best *best) {
  const struct best_settings *settings = best->settings;
  struct placement_blocks *blocks = &best->blocks;
  const struct placement_problem *problem = best->request->problem;
  const uint64_t left = best->request->samples - min_u64(best->request->samples, blocks->n_samples);
  const uint64_t restart_samples = sat_mul(settings->restart_samples, problem->n_layers);
  const uint64_t n_restarts = max_u64(1, min_u64(settings->max_restarts, left / restart_samples));
  if (!isfinite(blocks->best_value)) return;
  placement_answer_copy(problem, &blocks->best, &best->start);
  double tried = INFINITY; /* the value below which an exact method has searched */
  for (uint64_t i = 0; i < n_restarts && !blocks->stopped; i++) {
    const bool again = i % 3 == 2;
    const double hot = fmin(hottest, (again ? settings->warm : settings->hot) / (double)problem->n_layers);
    blocks->rng = rng_stream(best->request->seed, RNG_PLACEMENT, i, (uint64_t)PLACEMENT_STREAM_BEST << 32);
    placement_answer_copy(problem, again ? &blocks->best : &best->start, &best->from);
    placement_blocks_anneal(blocks, &best->from, (left - left / POLISH) / n_restarts,
                            (struct placement_cooling){hot, hot * settings->cold});
    take(best, &blocks->best);
    if (is_optimal(best)) best->result->proven = true;
    if (i == 0 && !best->result->proven) prove(best), tried = best->result->value;
    if (best->result->proven) return;
  }
  polish(best);
  /* A better limit cuts off more; but not much more. */
  const double gap = placement_gap(best->result->value, best->result->bound);
  if (best->result->value < tried && gap < within_reach) prove(best);
}

static void run_best(const struct placement_request *request, struct placement_result *result) {
  struct best best = {.request = request, .settings = request->settings, .result = result};
  const struct placement_problem *problem = request->problem;
  struct placement_meter meter;
  struct placement_times times;
  placement_meter_init(&meter, request, result);
  if (placement_meter_full(&meter)) return;
  placement_times_init(&times, problem, problem->objective, INFINITY, request->held, request->arena, request->scratch);
  placement_blocks_init(&best.blocks, &times, rng_stream(request->seed, RNG_PLACEMENT, 0, 0), request->samples,
                        request->arena);
  best.blocks.interrupted = request->interrupted, best.blocks.context = request->context;
  best.start = placement_answer_new(problem, request->arena), best.from = placement_answer_new(problem, request->arena);
  start_rules(&best);
  if (best.blocks.n_samples < request->samples) start_earliest(&best);
  if (best.blocks.n_samples < request->samples) start_cheapest(&best);
  if (best.blocks.n_samples < request->samples) start_dealt(&best);
  if (is_optimal(&best)) result->proven = true;
  if (!result->proven) anneal(&best);
  result->samples = min_u64(best.blocks.n_samples, request->samples);
}

const struct placement_algorithm placement_best = {
    .name = "best",
    .doc = "ours: the best of every rule, then blocks of device orders moved and annealed",
    .source = "ours",
    .table = &best_fields,
    .settings_bytes = sizeof(struct best_settings),
    .run = run_best,
};

/* How far does annealing get on the solver's partitions? The paper's second baseline, whose settings are unknown; ours
 * (partition §7): a few groups are freed, one of them is drawn anew, the solver keeps of the rest what can be kept
 * (FIX). Colder and colder (Kirkpatrick et al., Science 1983); heat is a share of the first period. Chips stay as they
 * were drawn between moves, with holes, so that a new chip can come between two others. */
#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_solver.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

enum { MOST_IN_VAIN = 30 };

struct anneal_settings {
  double first_share, start, end;
  uint64_t most_freed;
};

#define OFFSET(member) offsetof(struct anneal_settings, member)
static const struct field anneal_field_list[] = {
    {"first_share", FIELD_REAL, "", 0, 1, "0.1", "share of the samples that are drawn to begin with the best of them",
     OFFSET(first_share), ROLE_ANSWER, NULL},
    {"start", FIELD_REAL, "", 1e-12, 1e6, "0.1", "first temperature, as a share of the first period", OFFSET(start),
     ROLE_ANSWER, NULL},
    {"end", FIELD_REAL, "", 1e-12, 1e6, "1e-4", "last temperature", OFFSET(end), ROLE_ANSWER, NULL},
    {"most_freed", FIELD_UINT, "", 1, 1000000, "5", "most groups that a move frees", OFFSET(most_freed), ROLE_ANSWER,
     NULL},
};
static const struct field_table anneal_fields = {"partition.anneal", "annealing of partitions", anneal_field_list,
                                                 sizeof anneal_field_list / sizeof *anneal_field_list};

struct anneal {
  const struct partition_request *request;
  struct partition_meter meter;
  struct partition_solver *solver;
  struct partition_sample sample;
  uint32_t *now, *proposal; /* [n] as drawn */
};

/* A neighbour of `now` in the sample; false: none was found. */
static bool draw_move(struct anneal *a, struct rng *rng) {
  const struct anneal_settings *settings = a->request->settings;
  const size_t n = a->request->graph->n, n_freed = 1 + rng_below(rng, settings->most_freed);
  const uint32_t group = (uint32_t)rng_below(rng, n);
  partition_solver_reset(a->solver);
  const uint32_t low = partition_solver_low(a->solver, group), high = partition_solver_high(a->solver, group);
  const uint32_t chip = low + (uint32_t)rng_below(rng, high - low + 1);
  if (partition_solver_decide(a->solver, group, chip) != 1) return false;
  memcpy(a->proposal, a->now, n * sizeof *a->proposal);
  for (size_t i = 1; i < n_freed; i++) a->proposal[rng_below(rng, n)] = 0;
  return partition_solver_fix(a->solver, a->proposal, NULL, false, PARTITION_ORDER_RANDOM, rng, &a->sample);
}

static void take(struct anneal *a) {
  uint32_t *const old = a->now;
  a->now = a->sample.drawn, a->sample.drawn = old;
}

static void anneal(struct anneal *a) {
  const struct partition_request *request = a->request;
  const struct anneal_settings *settings = request->settings;
  const struct partition_result *result = a->meter.result;
  const double first = result->value, n = (double)request->samples;
  double value = first;
  uint64_t n_vain = 0;
  for (uint64_t round = 1; n_vain < MOST_IN_VAIN && !partition_meter_full(&a->meter); round++) {
    struct rng rng = rng_stream(request->seed, RNG_PARTITION, round, (uint64_t)PARTITION_STREAM_ANNEAL << 32);
    const double done = (double)result->samples / n;
    const double heat = first * settings->start * num_pow(settings->end / settings->start, done);
    if (!draw_move(a, &rng)) {
      n_vain++;
      continue;
    }
    n_vain = 0;
    const double next = partition_meter_try(&a->meter, a->sample.chip);
    if (!(next < INFINITY) || (next > value && rng_unit(&rng) >= num_exp((value - next) / heat))) continue;
    value = next;
    take(a);
  }
}

/* The best of a share of the samples; until the first that the rules beyond the solver's take, too. */
static void draw_first(struct anneal *a) {
  const struct partition_request *request = a->request;
  const struct anneal_settings *settings = request->settings;
  const struct partition_result *result = a->meter.result;
  const uint64_t n_first = (uint64_t)(settings->first_share * (double)request->samples);
  uint64_t n_vain = 0;
  for (uint64_t task = 0; n_vain < MOST_IN_VAIN && (result->samples < n_first || !result->found); task++) {
    if (partition_meter_full(&a->meter)) return;
    struct rng rng = rng_stream(request->seed, RNG_PARTITION, 0, (uint64_t)PARTITION_STREAM_ANNEAL << 32 | task);
    const double value = result->value;
    partition_solver_reset(a->solver);
    const bool drawn = partition_solver_draw(a->solver, NULL, PARTITION_ORDER_RANDOM, &rng, &a->sample);
    const bool better = drawn && partition_meter_try(&a->meter, a->sample.chip) < value;
    n_vain = better ? 0 : n_vain + !result->found;
    if (better) take(a);
  }
}

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  const size_t n = request->graph->n;
  struct arena *arena = request->arena;
  struct anneal a = {.request = request,
                     .sample = {.chip = ARENA_NEW(arena, uint32_t, n),
                                .order = ARENA_NEW(arena, uint32_t, n),
                                .drawn = ARENA_NEW(arena, uint32_t, n),
                                .go_on = true},
                     .now = ARENA_NEW(arena, uint32_t, n),
                     .proposal = ARENA_NEW(arena, uint32_t, n)};
  partition_meter_init(&a.meter, request, result);
  a.solver = partition_solver_new(request->graph, INFINITY, arena);
  draw_first(&a);
  if (result->found) anneal(&a);
  return true;
}

const struct partition_algorithm partition_by_anneal = {
    .name = "anneal",
    .doc = "annealing with the solver's repair: a few groups freed, one of them drawn anew",
    .source = "baseline of arXiv 2112.04041; Kirkpatrick et al., Science 1983; settings are ours (partition §7)",
    .table = &anneal_fields,
    .settings_bytes = sizeof(struct anneal_settings),
    .run = run,
};

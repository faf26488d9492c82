/* What is true of a small space? Random spaces of real networks, with rules, conditions, limits and ranges, of which
 * every design is tried and judged here, one after the other: shared by the tests that hold proofs, exhaustive runs and
 * sweeps against it. Everything is fixed by the task's number. */
#ifndef TESTS_TRIED_SPACES_H
#define TESTS_TRIED_SPACES_H

#include "base/checked.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 48, LEAST_POINTS = 60, MOST_POINTS = 500 };

static const char *const workloads[] = {
    "workload = \"dlrm-criteo\"; batch = 257;",
    "workload = \"alexnet\"; batch = 5;",
    "workload = \"bert-base\"; batch = 1; model = [\"layers=2\", \"sequence=131\"];",
    "workload = \"mobilenet_v3_small\"; batch = 3; cost = { provider = \"compat\"; };",
    "workload = \"gnmt4\"; batch = 2; schedule = { spread = \"off\"; };",
    "workload = \"resnet18\"; batch = 3; schedule = { hbm_sharing = \"isolated\"; };",
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

/* --- a random space -------------------------------------------------------------------------------------------------
 */

static const struct {
  const char *key;
  uint64_t values[6]; /* ascending; 0 behind the first ends the list */
} lists[] = {
    {"tc_count", {0, 1, 2, 3, 8, 16}},
    {"tc_rows", {2, 16, 31, 64, 128, 256}},
    {"tc_cols", {8, 32, 37, 128, 256}},
    {"vc_count", {0, 1, 2, 7, 16}},
    {"vc_width", {8, 100, 128, 512, 1024}},
    {"glb_mib", {2, 8, 17, 64, 256}},
    {"hbm_stacks", {1, 2, 3, 6}},
    {"hbm_gib_per_stack", {1, 4, 16}},
    {"clock_mhz", {235, 940, 1410}},
    {"node_nm", {5, 7, 16}},
    {"tc_l2_kib", {0, 64}},
};
enum { N_LISTS = sizeof lists / sizeof *lists };

/* What half of the runs ask for beside: a key that follows from others, a condition, objectives of the front; each
 * worked out here once more. */
static inline uint64_t u64_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

static inline uint64_t as_columns(const struct accelerator *a) { return u64_max(8, a->tc_cols); }
static inline uint64_t as_array(const struct accelerator *a) { return a->tc_rows * a->tc_cols / 64 + 1; }
static inline uint64_t as_tensor(const struct accelerator *a) { return a->tc_count + 1; }
static inline uint64_t as_cores(const struct accelerator *a) { return min_u64(3 * a->vc_count + 2, 40); }
static inline uint64_t as_share(const struct accelerator *a) { return a->vc_count > 0 ? 13 / a->vc_count : UINT64_MAX; }
static inline uint64_t as_stacks(const struct accelerator *a) { return 1800 - 300 * a->hbm_stacks; }
static const struct {
  const char *key, *rule;
  uint64_t (*value)(const struct accelerator *accelerator);
} rules[] = {{"vc_width", "max(8, tc_cols)", as_columns},
             {"tc_l2_kib", "tc_rows*tc_cols/64 + 1", as_array},
             {"vc_count", "tc_count + 1", as_tensor},
             {"glb_mib", "min(3 * vc_count + 2, 40)", as_cores},
             {"hbm_stacks", "13 / vc_count", as_share}, /* none where there is no vector core */
             {"clock_mhz", "1800 - 300 * hbm_stacks", as_stacks}};
enum { N_RULES = sizeof rules / sizeof *rules };

static inline bool is_tall(const struct accelerator *a, const struct stage_cost_of_design *design) {
  (void)design;
  return a->tc_rows >= a->tc_cols || a->vc_count >= 2;
}
static inline bool is_big(const struct accelerator *a, const struct stage_cost_of_design *design) {
  return design->area.total >= 0.3 * 600 || a->tc_count == 1;
}
static inline bool is_cool(const struct accelerator *a, const struct stage_cost_of_design *design) {
  return !(a->clock_mhz > 1000 && design->tdp.total > 200);
}
static inline bool is_odd(const struct accelerator *a, const struct stage_cost_of_design *design) {
  (void)design;
  return (a->tc_rows + a->vc_width) % 3 != 0;
}
static const struct {
  const char *text;
  bool (*holds)(const struct accelerator *accelerator, const struct stage_cost_of_design *design);
} conditions[] = {{"tc_rows >= tc_cols || vc_count >= 2", is_tall},
                  {"area_mm2 >= 0.3 * 600 || tc_count == 1", is_big},
                  {"!(clock_mhz > 1000 && tdp_w > 200)", is_cool},
                  {"(tc_rows + vc_width) % 3", is_odd}};
enum { N_CONDITIONS = sizeof conditions / sizeof *conditions };

static const char *const fronts[] = {
    "\"throughput\", \"energy\", \"area\", \"tdp\"",
    "\"throughput\", \"die_cost\"",
    "\"energy\"",
    "\"edp\", \"area\"",
    "\"die_cost\", \"tdp\", \"throughput\", \"area\", \"energy\"",
};
enum { N_FRONTS = sizeof fronts / sizeof *fronts };

struct wishes {
  size_t rule, n_conditions, conditions[2], front; /* N_RULES: none */
  bool spares;
};

static inline struct wishes draw_wishes(uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 4, task);
  struct wishes wishes = {.rule = N_RULES};
  if (task / N_WORKLOADS % 2 == 0) return wishes;
  wishes.rule = rng_below(&rng, N_RULES + 1);
  wishes.n_conditions = rng_below(&rng, 3);
  for (size_t c = 0; c < wishes.n_conditions; c++) wishes.conditions[c] = rng_below(&rng, N_CONDITIONS);
  wishes.front = rng_below(&rng, N_FRONTS);
  wishes.spares = rng_below(&rng, 4) == 0;
  return wishes;
}

struct choice {
  size_t first, taken;
};

/* Runs of neighbouring values; returns the number of points. */
static inline uint64_t draw_choices(struct rng *rng, const struct wishes *wishes, struct choice *choices) {
  uint64_t points = 1;
  for (size_t l = 0; l < N_LISTS; l++) {
    size_t n = 1;
    while (n < 6 && lists[l].values[n] > 0) n++;
    choices[l].first = rng_below(rng, n);
    /* Without cores few designs make sense. */
    if (lists[l].values[choices[l].first] == 0 && rng_below(rng, 4) > 0) choices[l].first = 1;
    choices[l].taken = 1 + rng_below(rng, min_u64(n - choices[l].first, 4));
    if (wishes->rule < N_RULES && strcmp(rules[wishes->rule].key, lists[l].key) == 0) choices[l].taken = 1;
    /* A rule that no design can follow is a mistake of the run file. */
    if (strcmp(lists[l].key, "vc_count") == 0 && choices[l].first + choices[l].taken == 1) choices[l].taken++;
    points *= choices[l].taken;
  }
  return points;
}

static inline const char *draw_space(struct rng *rng, const struct wishes *wishes, struct arena *arena) {
  struct choice choices[N_LISTS];
  uint64_t points;
  do {
    points = draw_choices(rng, wishes, choices);
  } while (points < LEAST_POINTS || points > MOST_POINTS);
  const char *text = "space = { ";
  for (size_t l = 0; l < N_LISTS; l++) {
    if (wishes->rule < N_RULES && strcmp(rules[wishes->rule].key, lists[l].key) == 0) {
      text = arena_printf(arena, "%s%s = \"= %s\"; ", text, lists[l].key, rules[wishes->rule].rule);
      continue;
    }
    text = arena_printf(arena, "%s%s = [", text, lists[l].key);
    for (size_t v = 0; v < choices[l].taken; v++) {
      text = arena_printf(arena, "%s%s%" PRIu64, text, v > 0 ? ", " : "", lists[l].values[choices[l].first + v]);
    }
    text = arena_printf(arena, "%s]; ", text);
  }
  return arena_printf(arena, "%s};\n", text);
}

static inline const char *draw_text(uint64_t task, struct arena *arena) {
  struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
  const struct wishes wishes = draw_wishes(task);
  const char *workload = workloads[task % N_WORKLOADS], *space = draw_space(&rng, &wishes, arena), *texts = "";
  for (size_t c = 0; c < wishes.n_conditions; c++) {
    texts = arena_printf(arena, "%s%s\"%s\"", texts, c > 0 ? ", " : "", conditions[wishes.conditions[c]].text);
  }
  const double area_mm2 = 150 + 1000 * rng_unit(&rng), tdp_w = 150 + 700 * rng_unit(&rng);
  const double least_throughput = rng_below(&rng, 2) == 0 ? 0 : 0.6 * rng_unit(&rng);
  return arena_printf(arena,
                      "%s\n%slimits = { area_mm2 = %.1f; tdp_w = %.1f; w_per_mm2 = %.2f; memory = %s;\n"
                      "throughput_floor = %.3f; constraints = [%s]; };\n"
                      "money = { wafer_usd = 9346.0; defects_per_mm2 = 0.0015; spare_cores = %d; };\n"
                      "search = { front = [%s]; prove_front = %s; top_k = %" PRIu64 "; round_size = %" PRIu64 "; };\n",
                      workload, space, area_mm2, tdp_w, 0.5 + rng_unit(&rng),
                      rng_below(&rng, 2) == 0 ? "true" : "false", least_throughput, texts, wishes.spares,
                      fronts[wishes.front], task % 3 > 0 ? "true" : "false", 1 + rng_below(&rng, 20),
                      1 + rng_below(&rng, 40));
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct truth {
  struct wishes wishes;
  uint64_t n;
  struct record *records; /* of every point, in order */
  uint64_t allowed, excluded[N_REASONS], alone[N_REASONS];
  double nearest[N_REASONS];
};

static inline double die_cost(const struct run *run, const struct accelerator *accelerator,
                              const struct stage_cost_of_design *design) {
  struct money money;
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  if (!run->designs.asks_die_cost) return 0;
  if (run->settings.money.spare_cores == 0) {
    const double yield = money_yield(design->area.total, 1, 1, 0, 0.0015, 3);
    return 9346.0 / (money_dies_per_wafer(design->area.total) * yield);
  }
  /* Spares are another test's (golden/arch/test_money.c). */
  if (!design_money(&run->designs, accelerator, design, &money, error)) return (double)INFINITY;
  return money.die_usd;
}

static inline double out_of_range(const struct run *run, size_t o, double value) {
  const double least = run->settings.minimum.of[o], most = run->settings.maximum.of[o];
  return fmax(least > 0 ? least - value : 0, most > 0 ? value - most : 0);
}

/* The excesses over limits, worked out here from the run file's words. */
static inline void excesses(const struct run *run, const struct wishes *wishes, const struct accelerator *accelerator,
                            const struct stage_cost_of_design *design, double *excess) {
  for (size_t c = 0; c < wishes->n_conditions; c++) {
    if (conditions[wishes->conditions[c]].holds(accelerator, design)) continue;
    excess[REASON_CONSTRAINT] = fmax(excess[REASON_CONSTRAINT], 0) + 1;
  }
  excess[REASON_RANGE_AREA] = out_of_range(run, OBJECTIVE_AREA, design->area.total);
  excess[REASON_RANGE_TDP] = out_of_range(run, OBJECTIVE_TDP, design->tdp.total);
  excess[REASON_RANGE_DIE_COST] = out_of_range(run, OBJECTIVE_DIE_COST, die_cost(run, accelerator, design));
  const struct run_limits *limits = &run->settings.limits;
  excess[REASON_AREA] = design->area.total - limits->area_mm2;
  if (run->stage.provider->has_tdp) {
    excess[REASON_RETICLE] = design->area.total - run->settings.technology.reticle_mm2; /* one die */
    excess[REASON_TDP] = design->tdp.total - limits->tdp_w;
    excess[REASON_POWER_DENSITY] = design->tdp.total / design->area.total - limits->w_per_mm2;
  }
  if (limits->memory) excess[REASON_MEMORY] = (double)design->memory_bytes - (double)design->hbm_bytes;
}

/* Ranges of what only a schedule tells, by what no schedule beats. */
static inline bool judge_bounds(const struct run *run, const struct accelerator *accelerator,
                                const struct stage_cost_of_design *design, const struct stage_floor *floor,
                                double *excess) {
  const double seconds = (double)floor->cycles / ((double)accelerator->clock_mhz * 1e6);
  const double throughput = (double)run->stage.samples / seconds;
  const struct run_ranges *least = &run->settings.minimum, *most = &run->settings.maximum;
  const double missing[] = {
      [OBJECTIVE_THROUGHPUT] = least->of[OBJECTIVE_THROUGHPUT] - throughput,
      [OBJECTIVE_ENERGY] = most->of[OBJECTIVE_ENERGY] > 0 ? floor->energy_j - most->of[OBJECTIVE_ENERGY] : 0,
      [OBJECTIVE_THROUGHPUT_PER_TDP] = least->of[OBJECTIVE_THROUGHPUT_PER_TDP] - throughput / design->tdp.total,
      [OBJECTIVE_EDP] = most->of[OBJECTIVE_EDP] > 0 ? floor->energy_j * seconds - most->of[OBJECTIVE_EDP] : 0};
  for (size_t o = 0; o < sizeof missing / sizeof *missing; o++) {
    if (!(missing[o] > 0)) continue;
    excess[REASON_RANGE + o] = missing[o];
    return false;
  }
  return true;
}

/* Does the design follow its rule, and is it missing only where it cannot? */
static inline void check_rule(const struct run *run, const struct wishes *wishes, const struct accelerator *accelerator,
                              const struct point *point, bool found) {
  if (wishes->rule == N_RULES) return;
  struct accelerator here = run->designs.fixed;
  for (size_t a = 0; a < run->designs.space.n_axes; a++) {
    *(uint64_t *)(void *)((char *)&here + run->designs.field_offset[a]) = run->designs.axes[a].values[point->index[a]];
  }
  const struct field *field = config_find_field(&accelerator_fields, rules[wishes->rule].key);
  const uint64_t value = rules[wishes->rule].value(&here);
  const bool allowed = (double)value >= field->minimum && (double)value <= field->maximum;
  if (found) assert_int_equal(*(const uint64_t *)(const void *)((const char *)accelerator + field->offset), value);
  assert_true(allowed || !found);
  const bool no_core = here.tc_count + here.vc_count == 0;
  const bool no_memory = strcmp(field->key, "hbm_stacks") == 0 && value == 0;
  if (!found) assert_true(!allowed || no_core || no_memory);
}

static inline void judge(const struct run *run, const struct wishes *wishes, const struct point *point,
                         double *excess) {
  for (size_t r = 0; r < N_REASONS; r++) excess[r] = -1;
  struct accelerator accelerator;
  const bool found = design_at(&run->designs, point, &accelerator);
  check_rule(run, wishes, &accelerator, point, found);
  if (!found) {
    excess[REASON_IMPOSSIBLE] = 0;
    return;
  }
  struct stage_cost_of_design design;
  stage_design(&run->stage, &accelerator, &design);
  if (!isfinite(die_cost(run, &accelerator, &design))) {
    excess[REASON_IMPOSSIBLE] = 0;
    return;
  }
  excesses(run, wishes, &accelerator, &design, excess);
  for (size_t r = 0; r < N_REASONS; r++) {
    if (excess[r] <= 0) excess[r] = -1;
  }
  for (size_t r = 0; r < N_REASONS; r++) {
    if (excess[r] > 0) return;
  }
  struct stage_floor floor;
  stage_bound(&run->stage, &accelerator, &design, run->designs.scratch, &floor);
  if (floor.cycles == UINT64_MAX) {
    excess[REASON_TOO_LONG] = 0;
    return;
  }
  if (!judge_bounds(run, &accelerator, &design, &floor, excess)) return;
  const double throughput = (double)run->stage.samples * (double)accelerator.clock_mhz * 1e6 / (double)floor.cycles;
  const double missing = run->designs.floor_throughput - throughput;
  if (missing > 1e-9 * throughput) excess[REASON_THROUGHPUT_FLOOR] = missing;
}

/* Ranges that let a part of the feasible designs through, from what designs reach without them. */
static inline void draw_ranges(struct run *run, uint64_t task, const struct record *records, uint64_t n) {
  struct rng rng = rng_stream(seed, RNG_TEST, 5, task);
  if (task / N_WORKLOADS % 2 == 0) return;
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const struct record *some = &records[rng_below(&rng, n)];
    for (uint64_t i = 0; i < n && some->score.reason != REASON_NONE; i++) some = &records[i];
    const uint64_t kind = rng_below(&rng, 8);
    const double value = some->score.objective[o], off = 0.7 + 0.6 * rng_unit(&rng);
    if (some->score.reason != REASON_NONE || value == 0 || !case_has_metric(run, o)) continue;
    if (kind < 2) run->settings.minimum.of[o] = fmin(off, 1 / off) * value;
    if (kind == 2 || kind == 3) run->settings.maximum.of[o] = fmax(off, 1 / off) * value;
  }
}

/* With ranges exactly those are feasible that were before and lie in all of them. */
static inline void check_ranges(const struct run *run, const struct record *before, const struct record *after,
                                uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    bool within = before[i].score.reason == REASON_NONE;
    for (size_t o = 0; o < N_OBJECTIVES; o++) {
      within = within && !(out_of_range(run, o, before[i].score.objective[o]) > 0);
    }
    assert_int_equal(after[i].score.reason == REASON_NONE, within);
  }
}

static inline void find_truth(struct run *run, uint64_t task, struct truth *truth, struct arena *arena) {
  memset(truth, 0, sizeof *truth);
  truth->wishes = draw_wishes(task);
  truth->n = space_size(&run->designs.space);
  const struct record *before = case_evaluate_all(&run->designs.space, arena);
  draw_ranges(run, task, before, truth->n);
  truth->records = case_evaluate_all(&run->designs.space, arena);
  check_ranges(run, before, truth->records, truth->n);
  for (size_t r = 0; r < N_REASONS; r++) truth->nearest[r] = -1;
  for (uint64_t i = 0; i < truth->n; i++) {
    double excess[N_REASONS];
    judge(run, &truth->wishes, &truth->records[i].point, excess);
    size_t n_broken = 0, last = 0;
    for (size_t r = 0; r < N_REASONS; r++) {
      if (excess[r] < 0) continue;
      n_broken++;
      last = r;
      truth->excluded[r]++;
      if (truth->nearest[r] < 0 || excess[r] < truth->nearest[r]) truth->nearest[r] = excess[r];
    }
    if (n_broken == 0) truth->allowed++;
    if (n_broken == 1) truth->alone[last]++;
  }
}

/* The best value of the metric; false: nothing is feasible. */
static inline bool true_best(const struct run *run, const struct truth *truth, double *best) {
  const struct space *space = &run->designs.space;
  bool any = false;
  for (uint64_t i = 0; i < truth->n; i++) {
    const struct score *score = &truth->records[i].score;
    if (score->reason != REASON_NONE) continue;
    const double value = score->objective[space->metric];
    if (!any || space_better(space, value, *best)) *best = value;
    any = true;
  }
  return any;
}

static inline bool dominated(const struct space *space, const struct truth *truth, uint64_t i) {
  const struct score *mine = &truth->records[i].score;
  for (uint64_t j = 0; j < truth->n; j++) {
    const struct score *other = &truth->records[j].score;
    if (j == i || other->reason != REASON_NONE) continue;
    bool better = false, worse = false;
    for (size_t f = 0; f < space->n_front_objectives; f++) {
      const size_t o = space_front_objective(space, f);
      better |= objective_better(&space->objectives[o], other->objective[o], mine->objective[o]);
      worse |= objective_better(&space->objectives[o], mine->objective[o], other->objective[o]);
    }
    if (!worse && (better || j < i)) return true; /* of equals the first counts */
  }
  return false;
}

static inline void check_front(const struct space *space, const struct truth *truth, const struct pareto *front) {
  size_t n = 0;
  for (uint64_t i = 0; i < truth->n; i++) {
    if (truth->records[i].score.reason != REASON_NONE || dominated(space, truth, i)) continue;
    n++;
    size_t at = 0;
    while (at < pareto_count(front) && point_compare(&pareto_at(front, at)->point, &truth->records[i].point) != 0) at++;
    assert_true(at < pareto_count(front));
    const struct score *mine = &truth->records[i].score; /* bounds are of the metric of the moment */
    assert_memory_equal(pareto_at(front, at)->score.objective, mine->objective, sizeof mine->objective);
  }
  assert_int_equal(pareto_count(front), n);
}

/* --- searches and proofs of it -------------------------------------------------------------------------------------
 */

static inline void search(struct rounds *rounds, struct run *run, const char *name, uint64_t most) {
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  const struct search_algorithm *algorithm = search_algorithm_find(name);
  assert_non_null(algorithm);
  assert_true(rounds_search(rounds, algorithm, run_algorithm_settings(&run->settings, algorithm), most, error));
  rounds->cut = false; /* a proof must be sound whatever was found before, also by a search that was cut */
}

static inline void close_gap(struct rounds *rounds, struct run *run, uint64_t budget, struct proof *proof) {
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  run->settings.search.prove_evaluations = budget;
  const uint64_t before = rounds->evaluations;
  assert_true(prove(rounds, proof, error));
  assert_true(proof->complete);
  assert_int_equal(proof->evaluated, rounds->evaluations - before);
  assert_true(proof->evaluated < budget + rounds->round_size); /* looked at between rounds */
  assert_true(budget > 0 || proof->evaluated == 0);
  assert_true(proof->evaluated_best <= proof->evaluated);
  assert_int_equal(proof->searched, before);
}

static inline void check_counts(const struct truth *truth, const struct proof *proof) {
  assert_int_equal(proof->points, truth->n);
  assert_int_equal(proof->allowed, truth->allowed);
  for (size_t r = 0; r < N_REASONS; r++) {
    assert_int_equal(proof->exclusions.n[r], truth->excluded[r]);
    assert_int_equal(proof->exclusions.alone[r], truth->alone[r]);
    assert_true(fabs(proof->exclusions.nearest[r] - truth->nearest[r]) <= 1e-9 * fabs(truth->nearest[r]));
  }
}

#endif

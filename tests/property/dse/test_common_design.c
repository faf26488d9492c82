/* Is a common design for several workloads scored from what each of them scores alone, bounded from above by its
 * bounds, and the proven best the best?
 *
 * The judge knows the workloads one by one: each is a run of its own with a run file of one workload, and the scores of
 * all points are put together here with the C library's log and exp. Then guided search and proof are held against all
 * points. Sets of one must give the ratio itself. */
#include "dse/run/prove.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SPACE                                                                                                          \
  "limits = { area_mm2 = 420.0; tdp_w = 260.0; reference = \"tpuv3\"; throughput_floor = 0.2; };\n"                    \
  "space = { tc_count = [1, 3, 8]; tc_rows = [16, 100]; tc_cols = [8, 128]; vc_count = [1, 4]; vc_width = [64, "       \
  "900];\n"                                                                                                            \
  "glb_mib = [8, 64]; hbm_stacks = [1, 3]; };\n"

enum { N_MEMBERS = 3 };
static const char *const members[N_MEMBERS] = {
    "workload = \"alexnet\"; batch = 6;",
    "workload = \"bert-base\"; batch = 2; model = [\"layers=2\"];",
    "workload = \"mobilenet_v3_small\"; batch = 37;",
};
static const double weights[N_MEMBERS] = {1, 2.5, 0.5};

struct bench {
  struct cluster *cluster;
  struct arena arena, scratch;
  struct run *alone[N_MEMBERS];
  struct record *records[N_MEMBERS]; /* of all points */
};

static int start(void **state) {
  static struct bench bench;
  *state = &bench;
  bench.cluster = case_cluster();
  arena_init(&bench.arena, 1 << 20);
  arena_init(&bench.scratch, 1 << 20);
  for (size_t i = 0; i < N_MEMBERS; i++) {
    /* The floor is the set's; a workload alone has none. */
    const char *text = arena_printf(&bench.arena, "%s search = { prove_front = false; };\n%s", members[i], SPACE);
    bench.alone[i] = case_run(text, bench.cluster, &bench.arena, &bench.scratch);
    bench.alone[i]->designs.floor_throughput = 0;
    bench.records[i] = case_evaluate_all(&bench.alone[i]->designs.space, &bench.arena);
  }
  return 0;
}

static int finish(void **state) {
  struct bench *bench = *state;
  for (size_t i = 0; i < N_MEMBERS; i++) run_release(bench->alone[i]);
  arena_release(&bench->arena);
  arena_release(&bench->scratch);
  cluster_finish(bench->cluster);
  return 0;
}

static struct run *set_run(struct bench *bench, size_t n, const char *objective, const char *more) {
  const char *list = "workloads = (";
  for (size_t i = 0; i < n; i++) {
    list = arena_printf(&bench->arena, "%s%s { %s weight = %.17g; }", list, i > 0 ? "," : "", members[i], weights[i]);
  }
  const char *text =
      arena_printf(&bench->arena, "%s );\nsearch = { objective = \"%s\"; %s };\n%s", list, objective, more, SPACE);
  return case_run(text, bench->cluster, &bench->arena, &bench->scratch);
}

static double alone(const struct bench *bench, size_t member, uint64_t point, enum objective_index objective) {
  return bench->records[member][point].score.objective[objective];
}

/* From the definition, with the C library. */
static double worth(const struct bench *bench, uint64_t point, const char *objective) {
  double log_sum = 0, mean = 0, worst = INFINITY;
  for (size_t i = 0; i < N_MEMBERS; i++) {
    const double throughput = alone(bench, i, point, OBJECTIVE_THROUGHPUT);
    const double speedup = throughput / bench->alone[i]->designs.reference_throughput;
    log_sum += weights[i] / 4 * log(speedup);
    mean += weights[i] / 4 * throughput;
    worst = fmin(worst, speedup);
  }
  return strcmp(objective, "geomean") == 0 ? exp(log_sum) : strcmp(objective, "mean") == 0 ? mean : worst;
}

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

static void check_objectives(const struct bench *bench, const struct score *score, uint64_t point,
                             const char *objective) {
  double energy_j = 0, seconds = 0;
  for (size_t i = 0; i < N_MEMBERS; i++) {
    const double own_j = alone(bench, i, point, OBJECTIVE_ENERGY);
    energy_j += weights[i] / 4 * own_j;
    seconds += weights[i] / 4 * (alone(bench, i, point, OBJECTIVE_EDP) / own_j);
  }
  const double value = worth(bench, point, objective), tdp_w = alone(bench, 0, point, OBJECTIVE_TDP);
  assert_true(is_near(score->objective[OBJECTIVE_THROUGHPUT], value));
  assert_true(is_near(score->objective[OBJECTIVE_ENERGY], energy_j));
  assert_true(is_near(score->objective[OBJECTIVE_AREA], alone(bench, 0, point, OBJECTIVE_AREA)));
  assert_true(is_near(score->objective[OBJECTIVE_TDP], tdp_w));
  assert_true(is_near(score->objective[OBJECTIVE_THROUGHPUT_PER_TDP], value / tdp_w));
  assert_true(is_near(score->objective[OBJECTIVE_EDP], energy_j * seconds));
  if (strcmp(objective, "geomean") != 0) return;
  double stopped[N_BINDINGS] = {0};
  for (size_t i = 0; i < N_MEMBERS; i++) stopped[bench->records[i][point].score.binding] += weights[i];
  for (size_t b = 0; b < N_BINDINGS; b++) assert_true(stopped[b] <= stopped[score->binding]);
}

/* Screen, score and bound of one point of the set. */
static void check_point(const struct space *space, const struct score *score, const struct point *point) {
  struct score screened;
  const char *what;
  space->screen(space->context, point, &screened);
  assert_true(space_check_score(space, score, &what));
  if (score->reason == REASON_NONE) assert_int_equal(screened.reason, REASON_NONE);
  if (screened.reason != REASON_NONE) assert_int_equal(screened.reason, score->reason);
  if (score->reason != REASON_NONE) return;
  struct score refined;
  space->refine(space->context, point, &refined);
  assert_int_equal(refined.reason, REASON_NONE);
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    assert_false(objective_better(&space->objectives[o], score->objective[o], screened.objective[o]));
    assert_false(objective_better(&space->objectives[o], score->objective[o], refined.objective[o]));
  }
}

static const char *const objectives[] = {"geomean", "mean", "worst"};

static void scores_are_put_together(void **state) {
  struct bench *bench = *state;
  for (size_t k = 0; k < 3; k++) {
    struct run *run = set_run(bench, N_MEMBERS, objectives[k], "");
    const struct space *space = &run->designs.space;
    uint64_t scored = 0, floored = 0, limited = 0;
    double memory_bytes = 0;
    for (size_t i = 0; i < N_MEMBERS; i++) {
      memory_bytes = fmax(memory_bytes, (double)stage_memory_bytes(&bench->alone[i]->stage));
    }
    for (uint64_t p = 0; p < space_size(space); p++) {
      const struct point point = space_point(space, p);
      struct score score;
      space->evaluate(space->context, &point, &score);
      check_point(space, &score, &point);
      bool fits = true;
      for (size_t i = 0; i < N_MEMBERS; i++) fits = fits && bench->records[i][p].score.reason == REASON_NONE;
      limited += !fits;
      assert_int_equal(fits, score.reason == REASON_NONE || score.reason == REASON_THROUGHPUT_FLOOR);
      if (!fits) continue;
      floored += score.reason == REASON_THROUGHPUT_FLOOR;
      if (score.reason == REASON_THROUGHPUT_FLOOR) {
        assert_true(worth(bench, p, objectives[k]) < run->designs.floor_throughput * (1 + 1e-12));
        continue;
      }
      scored++;
      check_objectives(bench, &score, p, objectives[k]);
      struct accelerator accelerator;
      struct stage_cost_of_design design;
      assert_true(design_at(&run->designs, &point, &accelerator));
      design_cost(&run->designs, &accelerator, &design);
      assert_true(is_near((double)design.memory_bytes, memory_bytes));
    }
    print_message("%s: %" PRIu64 " scored, %" PRIu64 " below the floor, %" PRIu64 " out by limits\n", objectives[k],
                  scored, floored, limited);
    assert_true(scored > 20 && floored > 0 && limited > 0);
    run_release(run);
  }
}

/* The largest need decides: a limit that the smaller workloads meet. */
static void memory_is_everybodys(void **state) {
  struct bench *bench = *state;
  struct run *run = case_run("workloads = ( { workload = \"resnet18\"; }, { workload = \"gpt2-xl\"; } );\n"
                             "space = { hbm_stacks = [1, 6]; tc_count = [2]; tc_rows = [64]; tc_cols = [64];\n"
                             "vc_count = [1]; vc_width = [256]; glb_mib = [16]; };",
                             bench->cluster, &bench->arena, &bench->scratch);
  const struct space *space = &run->designs.space;
  for (uint64_t p = 0; p < 2; p++) {
    const struct point point = space_point(space, p);
    struct score score;
    space->evaluate(space->context, &point, &score);
    assert_int_equal(score.reason, p == 0 ? REASON_MEMORY : REASON_NONE);
  }
  run_release(run);
}

/* To the bit: the same search, the same designs, the objective divided by a constant. */
static void of_one_is_the_ratio(void **state) {
  struct bench *bench = *state;
  for (size_t k = 0; k < 3; k++) {
    struct run *run = set_run(bench, 1, objectives[k], "");
    const double divisor = k == 1 ? 1 : bench->alone[0]->designs.reference_throughput;
    run->designs.floor_throughput = 0;
    const struct record *records = case_evaluate_all(&run->designs.space, &bench->arena);
    for (uint64_t p = 0; p < space_size(&run->designs.space); p++) {
      const struct score *score = &records[p].score, *own = &bench->records[0][p].score;
      const double ratio = own->objective[OBJECTIVE_THROUGHPUT] / divisor;
      assert_int_equal(score->reason, own->reason);
      assert_int_equal(score->binding, own->binding);
      assert_memory_equal(&score->objective[OBJECTIVE_THROUGHPUT], &ratio, sizeof ratio);
      assert_memory_equal(&score->objective[OBJECTIVE_ENERGY], &own->objective[OBJECTIVE_ENERGY], sizeof ratio);
      assert_int_equal(score->n_moves, own->n_moves);
      for (size_t m = 0; m < score->n_moves; m++) assert_int_equal(score->moves[m].axis, own->moves[m].axis);
    }
    run_release(run);
  }
}

/* Guided search and proof, then all points. */
static void proven_is_best(void **state) {
  struct bench *bench = *state;
  for (size_t number = 0; number < 9; number++) {
    const size_t metrics[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_THROUGHPUT_PER_TDP, OBJECTIVE_EDP};
    struct run *run = set_run(bench, N_MEMBERS, objectives[number % 3],
                              "prove_front = false; top_k = 3; round_size = 5; bound_points = 0;");
    const struct space *space = &run->designs.space;
    struct error *error = ARENA_NEW(&bench->arena, struct error, 1);
    case_set_metric(run, metrics[number / 3]);
    rounds_init(&run->rounds, bench->cluster, &run->designs, NULL, &bench->arena);
    const struct search_algorithm *guided = search_algorithm_find("guided");
    assert_true(rounds_search(&run->rounds, guided, run_algorithm_settings(&run->settings, guided), UINT64_MAX, error));
    assert_true(prove(&run->rounds, &run->proof, error));
    assert_true(run->proof.optimal);
    const uint64_t evaluations = run->rounds.evaluations;
    const struct record *records = case_evaluate_all(space, &bench->arena);
    const struct record *best = &records[0];
    for (uint64_t p = 1; p < space_size(space); p++) {
      if (record_compare(&space->objectives[space->metric], space->metric, &records[p], best) < 0) best = &records[p];
    }
    assert_int_equal(best->score.reason, REASON_NONE);
    const struct record *found = topk_at(run->rounds.topk, 0);
    assert_memory_equal(found, best, sizeof *best);
    print_message("%s, %s: proven after %" PRIu64 " of %" PRIu64 " designs\n", objectives[number % 3],
                  space->objectives[space->metric].name, evaluations, space_size(space));
    run_release(run);
  }
}

/* A step of growth is worth what it relieves in the workloads that the objective looks at. */
static void advice_heeds_the_objective(void **state) {
  struct bench *bench = *state;
  struct run *worst = set_run(bench, N_MEMBERS, "worst", "");
  const struct space *space = &worst->designs.space;
  uint64_t compared = 0;
  for (uint64_t p = 0; p < space_size(space); p++) {
    const struct point point = space_point(space, p);
    struct score score;
    space->evaluate(space->context, &point, &score);
    if (score.reason != REASON_NONE) continue;
    size_t slowest = 0;
    double least = INFINITY;
    for (size_t i = 0; i < N_MEMBERS; i++) {
      const double speedup = alone(bench, i, p, OBJECTIVE_THROUGHPUT) / bench->alone[i]->designs.reference_throughput;
      if (speedup < least) slowest = i;
      least = fmin(least, speedup);
    }
    const struct score *own = &bench->records[slowest][p].score;
    assert_int_equal(score.n_moves, own->n_moves);
    assert_int_equal(score.binding, own->binding);
    for (size_t m = 0; m < score.n_moves; m++) assert_int_equal(score.moves[m].axis, own->moves[m].axis);
    compared += score.n_moves > 1;
  }
  assert_true(compared > 10);
  run_release(worst);
}

static double worth_of(const struct score *score, uint16_t axis) {
  for (size_t m = 0; m < score->n_moves; m++) {
    if (score->moves[m].axis == axis) return score->moves[m].worth;
  }
  return 0;
}

/* Under the geometric mean each workload's relief counts by its weight, over its own time. */
static void advice_sums_by_weight(void **state) {
  struct bench *bench = *state;
  struct run *run = set_run(bench, N_MEMBERS, "geomean", "");
  const struct space *space = &run->designs.space;
  uint64_t compared = 0;
  run->designs.floor_throughput = 0;
  for (uint64_t p = 0; p < space_size(space); p++) {
    const struct point point = space_point(space, p);
    struct score score;
    space->evaluate(space->context, &point, &score);
    for (size_t m = 0; m < score.n_moves; m++, compared++) {
      double worth_by_hand = 0;
      for (size_t i = 0; i < N_MEMBERS; i++) {
        const double seconds = alone(bench, i, p, OBJECTIVE_EDP) / alone(bench, i, p, OBJECTIVE_ENERGY);
        const double cycles = seconds * (double)run->designs.fixed.clock_mhz * 1e6;
        worth_by_hand += weights[i] / 4 * worth_of(&bench->records[i][p].score, score.moves[m].axis) / cycles;
      }
      assert_true(is_near(score.moves[m].worth, worth_by_hand));
      assert_true(m == 0 || score.moves[m].worth <= score.moves[m - 1].worth);
    }
  }
  assert_true(compared > 100);
  run_release(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_are_put_together),    cmocka_unit_test(memory_is_everybodys),
      cmocka_unit_test(of_one_is_the_ratio),        cmocka_unit_test(proven_is_best),
      cmocka_unit_test(advice_heeds_the_objective), cmocka_unit_test(advice_sums_by_weight),
  };
  return cmocka_run_group_tests(tests, start, finish);
}

/* Are bounds bounds, limits limits, and evaluations pure, on real networks and any design?
 *
 * Networks of every kind at small batches, under all variants of costs and schedules; designs drawn from a space with
 * odd values that holds impossible, tiny and huge ones. Nothing here knows what a cost should be: only how costs,
 * schedules, bounds and scores must agree with each other. */
#include "arch/schedule_check.h"
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

enum { N_DESIGNS = 239 }; /* of each network */

#define SPACE                                                                                                          \
  "space = { tc_count = [0, 1, 2, 3, 8, 61, 256]; tc_rows = [1, 3, 8, 31, 128, 256]; tc_cols = [2, 16, 37, 128];\n"    \
  "tc_l2_kib = [0, 17, 4096]; vc_count = [0, 1, 2, 7, 64]; vc_width = [1, 5, 128, 1000, 2048]; vc_l2_kib = [0, 3];\n"  \
  "glb_mib = [1, 2, 17, 128, 512]; hbm_stacks = [0, 1, 3, 8]; hbm_generation = [\"2\", \"3e\"];\n"                     \
  "hbm_gib_per_stack = [1, 4, 24]; link_gbytes_per_s = [1, 300]; clock_mhz = [100, 940, 1513];\n"                      \
  "node_nm = [3, 7, 16]; element_bytes = [1, 2, 4]; };\n"

static const struct {
  const char *name, *text;
} cases[] = {
    {"resnet18", "workload = \"resnet18\"; batch = 3;" SPACE},
    {"bert-base, no spreading, fused, least energy",
     "workload = \"bert-base\"; batch = 1; model = [\"sequence=39\"]; training = { fusion = \"compat\"; };\n"
     "schedule = { spread = \"off\"; }; cost = { map_objective = \"energy\"; };" SPACE},
    {"mobilenet_v3_small, public rules",
     "workload = \"mobilenet_v3_small\"; batch = 2; cost = { provider = \"compat\"; };" SPACE},
    {"mobilenet_v2, depthwise on arrays, dense gradients",
     "workload = \"mobilenet_v2\"; batch = 1;\n"
     "cost = { depthwise_on = \"tc\"; deconv = \"dense\"; transpose = true; array_overlap = \"none\"; };" SPACE},
    {"gnmt4, memory not shared", "workload = \"gnmt4\"; batch = 5; schedule = { hbm_sharing = \"isolated\"; };" SPACE},
    {"dlrm-criteo, a floor", "workload = \"dlrm-criteo\"; batch = 237; training = { optimizer = \"momentum\"; };\n"
                             "limits = { throughput_floor = 0.9; memory = false; };" SPACE},
    {"squeezenet1_0, one dataflow",
     "workload = \"squeezenet1_0\"; batch = 7; cost = { dataflow = \"os\"; array_overlap = \"ideal\"; };\n"
     "limits = { area_mm2 = 90000.0; tdp_w = 90000.0; w_per_mm2 = 99.0; memory = false; };" SPACE},
    {"opt-350m, one layer kept", "workload = \"opt-350m\"; batch = 1; model = [\"layers=2\", \"sequence=129\"];\n"
                                 "schedule = { spread = \"off\"; hbm_sharing = \"isolated\"; };" SPACE},
    {"alexnet, ranges of everything, conditions, prices",
     "workload = \"alexnet\"; batch = 5;\n"
     "limits = { area_mm2 = 90000.0; tdp_w = 90000.0; w_per_mm2 = 99.0; memory = false;\n"
     "constraints = [\"tc_rows + vc_width > 20 || area_mm2 < 500\", \"tdp_w > 5\"];\n"
     "minimum = { throughput_samples_per_s = 5.0; tdp_w = 60.0; throughput_per_tdp = 0.2; };\n"
     "maximum = { throughput_samples_per_s = 300.0; energy_j = 9.0; area_mm2 = 3000.0; die_cost_usd = 800.0;\n"
     "edp_js = 0.7; }; };\n"
     "technology = { reticle_mm2 = 9000.0; }; money = { wafer_usd = 9000.0; defects_per_mm2 = 0.001; };\n"
     "search = { front = [\"die_cost\", \"edp\"]; };" SPACE},
    {"a system within a limit on power",
     "workload = \"gpt2-xl\"; batch = 8;\n"
     "model = [\"layers=3\", \"hidden=96\", \"heads=4\", \"vocab=320\", \"sequence=48\"];\n"
     "limits = { area_mm2 = 90000.0; tdp_w = 90000.0; w_per_mm2 = 99.0; throughput_floor = 0.1; };\n"
     "system = { devices = [2, 4]; tensor = [1, 2]; pipeline = [1, 2]; microbatch = [2]; power_w = 900.0;\n"
     "schedule = [\"1f1b\", \"zb_h1\"]; recompute = [\"none\", \"full\"]; };\n" SPACE},
    {"a system within a limit on money, memory aside",
     "workload = \"mixtral-8x7b\"; batch = 12; model = [\"layers=4\", \"hidden=96\", \"heads=4\", \"kv_heads=4\",\n"
     "\"ffn=120\", \"experts=4\", \"vocab=320\", \"sequence=48\"];\n"
     "limits = { area_mm2 = 90000.0; tdp_w = 90000.0; w_per_mm2 = 99.0; memory = false; };\n"
     "system = { devices = [6]; tensor = [1]; pipeline = [3]; microbatch = [1, 2, 3]; money_usd = 4000.0;\n"
     "expert = [1, 2]; zero = [1, 3]; recompute = [\"selective\"]; };\n" SPACE},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* --- counted allocations --------------------------------------------------------------------------------------------
 * The test's own malloc stands before the C library's; the sanitizers, which bring one of their own, call us. */

static uint64_t n_allocations;

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
/* As in sanitizer/allocator_interface.h, which not every installation has. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                                     void (*on_free)(const volatile void *));
static void seen(const volatile void *pointer, size_t size) { (void)pointer, (void)size, n_allocations++; }
static void freed(const volatile void *pointer) { (void)pointer; }
static void count_allocations(void) { REQUIRE(__sanitizer_install_malloc_and_free_hooks(seen, freed) > 0); }
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
void *malloc(size_t size) { return n_allocations++, __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return n_allocations++, __libc_calloc(n, size); }
void *realloc(void *pointer, size_t size) { return n_allocations++, __libc_realloc(pointer, size); }
static void count_allocations(void) {}
#endif

/* --- one design -----------------------------------------------------------------------------------------------------
 */

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  struct stage_scratch *uncached;
  struct point points[N_DESIGNS];
};

static void setup(struct fixture *fixture, struct cluster *cluster, size_t number) {
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
  fixture->run = case_run(cases[number].text, cluster, &fixture->arena, &fixture->scratch);
  fixture->uncached = stage_scratch_new(&fixture->arena, &fixture->run->stage, false);
  struct rng rng = rng_stream(seed, RNG_TEST, 1, number);
  for (size_t i = 0; i < N_DESIGNS; i++) {
    fixture->points[i] = case_random_point(&fixture->run->designs.space, &rng);
  }
}

static void teardown(struct fixture *fixture) {
  stage_scratch_release(fixture->uncached);
  run_release(fixture->run);
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

/* What is summed by shapes during an evaluation, summed by ops. */
static void check_totals(const struct stage *stage, const struct stage_result *result,
                         const struct stage_detail *detail) {
  const struct op_graph *graph = stage->graph;
  const struct schedule_problem *problem = &detail->problem;
  uint64_t macs = 0, own_macs = 0, hbm_bytes = 0, lane_cycles = 0, busy_cycles[N_CORE_CLASSES] = {0};
  for (size_t i = 0; i < graph->n_ops; i++) {
    const size_t entry = (size_t)graph->ops[i].shape * problem->n_widths;
    const struct op_cost *cost = &detail->shape_costs[entry];
    macs += cost->macs;
    own_macs += op_macs(&graph->ops[i]);
    hbm_bytes += cost->hbm_bytes;
    lane_cycles += cost->lane_cycles;
    const unsigned width = detail->schedule.width_log2[i];
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if (problem->shape_classes[graph->ops[i].shape] & 1u << c) {
        busy_cycles[c] += problem->shape_cycles[entry + width] << width;
      }
    }
  }
  assert_int_equal(result->macs, macs);
  assert_int_equal(stage->macs, own_macs);
  assert_int_equal(result->macs, stage->macs);
  assert_int_equal(result->hbm_bytes, hbm_bytes);
  assert_int_equal(result->lane_cycles, lane_cycles);
  assert_memory_equal(result->busy_cycles, busy_cycles, sizeof busy_cycles);
}

/* Every price is at least its floor, on one core and on many. */
static void check_floors(const struct stage *stage, const struct accelerator *accelerator,
                         const struct stage_detail *detail) {
  const struct op_graph *graph = stage->graph;
  struct machine machine;
  machine_init(&machine, stage->cost, stage->technology, accelerator);
  for (size_t s = 0; s < graph->n_shapes; s++) {
    const struct op *op = &graph->ops[graph->shape_op[s]];
    struct op_floor floor;
    stage->provider->op_floor(&machine, op, graph->followers + op->first_follower, &floor);
    for (unsigned w = 0; w < detail->problem.n_widths; w++) {
      const uint64_t cycles = detail->problem.shape_cycles[s * detail->problem.n_widths + w];
      if (cycles == UINT64_MAX) continue;
      assert_true(cycles >= max_u64(ceil_div(floor.compute_cycles, UINT64_C(1) << w), floor.memory_cycles));
      assert_true(detail->shape_costs[s * detail->problem.n_widths + w].hbm_bytes >= floor.hbm_bytes);
      assert_true(sat_mul(cycles, UINT64_C(1) << w) >= floor.compute_cycles);
    }
  }
}

static void check_schedule(struct fixture *fixture, const struct accelerator *accelerator,
                           const struct stage_cost_of_design *design, const struct stage_result *expected) {
  const struct stage *stage = &fixture->run->stage;
  struct stage_result result;
  struct stage_detail detail;
  const struct arena_mark mark = arena_get_mark(&fixture->scratch);
  stage_evaluate(stage, accelerator, design, fixture->run->designs.scratch, &result, &detail, &fixture->scratch);
  assert_memory_equal(&result, expected, sizeof result);
  check_floors(stage, accelerator, &detail);
  if (result.cycles != UINT64_MAX) {
    check_totals(stage, &result, &detail);
    struct error *error = ARENA_NEW(&fixture->scratch, struct error, 1);
    if (!schedule_check(&detail.problem, &detail.schedule, &fixture->scratch, error)) fail_msg("%s", error->text);
  }
  arena_rewind(&fixture->scratch, mark);
}

/* Returns whether the stage can run on the design at all. */
static bool check_stage(struct fixture *fixture, const struct point *point) {
  const struct run *run = fixture->run;
  struct accelerator accelerator;
  if (!design_at(&run->designs, point, &accelerator)) return false;
  struct stage_cost_of_design design;
  stage_design(&run->stage, &accelerator, &design);
  struct stage_result cached, warm, uncached;
  stage_evaluate(&run->stage, &accelerator, &design, run->designs.scratch, &cached, NULL, NULL);
  stage_evaluate(&run->stage, &accelerator, &design, run->designs.scratch, &warm, NULL, NULL);
  stage_evaluate(&run->stage, &accelerator, &design, fixture->uncached, &uncached, NULL, NULL);
  assert_memory_equal(&cached, &warm, sizeof cached);
  assert_memory_equal(&cached, &uncached, sizeof cached);
  struct stage_floor floor;
  stage_bound(&run->stage, &accelerator, &design, run->designs.scratch, &floor);
  assert_true(floor.binding < N_BINDINGS && cached.binding < N_BINDINGS);
  assert_true(floor.cycles > 0 && floor.cycles <= cached.bound_cycles);
  if (cached.cycles != UINT64_MAX) assert_true(floor.energy_j > 0 && floor.energy_j <= cached.energy_j);
  assert_true(cached.bound_cycles <= cached.cycles);
  assert_true(cached.critical_path_cycles <= cached.list_cycles);
  assert_true(cached.list_cycles <= cached.cycles);
  check_schedule(fixture, &accelerator, &design, &cached);
  return cached.cycles != UINT64_MAX;
}

/* A guess leaves the screen and the closer look as they are, and hopes for no more than they allow. */
static void check_guesses(const struct space *space, const struct point *point, const struct score *screened,
                          const struct score *refined) {
  for (unsigned closely = 0; closely < 2; closely++) {
    const struct score *expected = closely ? refined : screened;
    struct score score;
    memset(&score, 0xa5, sizeof score);
    const double likely = space->guess(space->context, point, closely, &score);
    assert_int_equal(score.reason, expected->reason);
    assert_memory_equal(&score.bound, &expected->bound, sizeof score.bound);
    assert_true(isfinite(likely) && likely > 0);
    assert_false(space_better(space, likely, score.bound));
  }
}

/* --- scores and screens ---------------------------------------------------------------------------------------------
 */

static void check_score(const struct space *space, const struct point *point, uint64_t *n_reasons) {
  struct score score, screened, again;
  const char *what = "";
  memset(&screened, 0xa5, sizeof screened); /* what was there before must not matter */
  memset(&score, 0xa5, sizeof score);
  space->screen(space->context, point, &screened);
  space->evaluate(space->context, point, &score);
  space->evaluate(space->context, point, &again);
  assert_memory_equal(&score, &again, sizeof score);
  if (!space_check_score(space, &score, &what)) fail_msg("%s", what);
  assert_int_not_equal(score.reason, REASON_INVALID);
  n_reasons[score.reason]++;
  if (screened.reason != REASON_NONE) {
    assert_int_equal(screened.reason, score.reason);
    assert_true(screened.reason == REASON_IMPOSSIBLE || screened.reason == REASON_TOO_LONG || screened.excess > 0);
    assert_true(score.excess >= screened.excess);
    return;
  }
  /* What needs no schedule to be known is known without one. */
  const bool is_range = score.reason >= REASON_RANGE && score.reason <= REASON_LAST_RANGE;
  assert_false(score.reason == REASON_RANGE_AREA || score.reason == REASON_RANGE_TDP ||
               score.reason == REASON_RANGE_DIE_COST);
  assert_true(score.reason == REASON_NONE || score.reason == REASON_THROUGHPUT_FLOOR ||
              score.reason == REASON_TOO_LONG || score.reason == REASON_SYSTEM_MONEY || is_range);
  if (score.reason != REASON_NONE) return;
  assert_false(space_better(space, score.bound, screened.bound));
  for (size_t o = 0; o < space->n_objectives; o++) {
    assert_false(objective_better(&space->objectives[o], score.objective[o], screened.objective[o]));
  }
  assert_false(space_better(space, score.objective[space->metric], score.bound));
  /* The closer bound lies between the screen's and the truth. */
  struct score refined;
  memset(&refined, 0xa5, sizeof refined);
  space->refine(space->context, point, &refined);
  assert_int_equal(refined.reason, REASON_NONE);
  assert_false(space_better(space, refined.bound, screened.bound));
  for (size_t o = 0; o < space->n_objectives; o++) {
    assert_false(objective_better(&space->objectives[o], refined.objective[o], screened.objective[o]));
    assert_false(objective_better(&space->objectives[o], score.objective[o], refined.objective[o]));
  }
  check_guesses(space, point, &screened, &refined);
  for (size_t m = 0; m < score.n_moves; m++) {
    const int to = point->index[score.moves[m].axis] + score.moves[m].step;
    assert_true(to >= 0 && to < (int)space->axes[score.moves[m].axis].n);
  }
}

static void bounds_hold_and_evaluations_agree(void **state) {
  struct cluster *cluster = *state;
  print_message("seed %" PRIu64 ", %d designs for each of %d stages\n", seed, N_DESIGNS, N_CASES);
  uint64_t n_reasons[N_REASONS] = {0}, n_runnable = 0;
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    setup(&fixture, cluster, number);
    uint64_t n_here = 0;
    for (size_t i = 0; i < N_DESIGNS; i++) {
      struct accelerator unused;
      n_here += fixture.run->system == NULL ? check_stage(&fixture, &fixture.points[i])
                                            : design_at(&fixture.run->designs, &fixture.points[i], &unused);
      for (size_t metric = 0; metric < N_OBJECTIVES; metric++) {
        if (!case_has_metric(fixture.run, metric)) continue;
        case_set_metric(fixture.run, metric);
        check_score(&fixture.run->designs.space, &fixture.points[i], n_reasons);
      }
    }
    assert_true(n_here > N_DESIGNS / 4);
    n_runnable += n_here;
    teardown(&fixture);
  }
  print_message("%" PRIu64 " designs ran\n", n_runnable);
  for (size_t reason = 0; reason < REASON_INVALID; reason++) {
    if (reason == REASON_SYSTEM_POWER || reason == REASON_SYSTEM_MONEY) continue; /* single devices here */
    print_message("  reason %zu: %" PRIu64 "\n", reason, n_reasons[reason]);
    assert_true(n_reasons[reason] > 0); /* else the draw proves nothing about it */
  }
}

/* The second time round nothing is allocated, and every byte comes back, also after other designs. */
static void evaluations_leave_nothing_behind(void **state) {
  struct cluster *cluster = *state;
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    setup(&fixture, cluster, number);
    const struct space *space = &fixture.run->designs.space;
    struct score first[N_DESIGNS], second[N_DESIGNS], bounds[N_DESIGNS], bounds_again[N_DESIGNS];
    for (size_t i = 0; i < N_DESIGNS; i++) {
      space->evaluate(space->context, &fixture.points[i], &first[i]);
      space->screen(space->context, &fixture.points[i], &bounds[i]);
    }
    const uint64_t before = n_allocations;
    for (size_t i = N_DESIGNS; i-- > 0;) {
      space->screen(space->context, &fixture.points[i], &bounds_again[i]);
      space->evaluate(space->context, &fixture.points[i], &second[i]);
    }
    assert_int_equal(n_allocations - before, 0);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_equal(bounds, bounds_again, sizeof bounds);
    teardown(&fixture);
  }
}

static void allocations_are_counted(void **state) {
  (void)state;
  const uint64_t before = n_allocations;
  struct arena arena;
  arena_init(&arena, 2385);
  (void)arena_alloc(&arena, 1, 2385);
  assert_true(n_allocations > before);
  arena_release(&arena);
}

static int start(void **state) {
  count_allocations();
  return case_start(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(allocations_are_counted),
      cmocka_unit_test(bounds_hold_and_evaluations_agree),
      cmocka_unit_test(evaluations_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, start, case_finish);
}

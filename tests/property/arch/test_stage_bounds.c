/* Do a stage's bounds lie below its shortest schedule, its bytes over the HBM and its collectives included?
 *
 * Random graphs of products, lane work and collectives on random designs. The exact method schedules what the stage was
 * priced at; no bound may exceed the longer of that and of the bytes' time, which is summed here anew from the prices
 * of each operator. Each kind of bound has to be the binding one somewhere, or its cases would show nothing. */
#include "arch/schedule_check.h"
#include "arch/schedule_exact.h"
#include "arch/stage_bound.h"
#include "base/checked.h"
#include "base/rng.h"
#include "tests/machine_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_TASKS = 400, MOST_OPS = 12, MOST_NODES = 100000 };

/* A product, lane work, or a collective of a size such that each kind can take longest. */
static void add_op(struct graph_builder *builder, struct rng *rng, uint64_t most_collective_bytes) {
  const size_t n_before = graph_builder_count(builder);
  uint32_t preds[2];
  const size_t n_preds = n_before == 0 ? 0 : rng_below(rng, 2) * rng_below(rng, 3);
  for (size_t k = 0; k < n_preds; k++) preds[k] = (uint32_t)rng_below(rng, n_before);
  const uint64_t kind = rng_below(rng, 6);
  if (n_before > 0 && rng_below(rng, 3) == 0) { /* once more the same, so that shapes have several ops */
    const struct op again = *graph_builder_op(builder, (uint32_t)rng_below(rng, n_before));
    graph_builder_add(builder, &again, "op", preds, n_preds);
    return;
  }
  struct op op = op_new(kind < 3 ? OP_GEMM : kind < 5 ? OP_RELU : OP_ALL_REDUCE, 2);
  if (op.kind == OP_GEMM) {
    op.dim[DIM_REPS] = 1;
    op.dim[DIM_M] = 1 + rng_below(rng, 700);
    op.dim[DIM_N] = 1 + rng_below(rng, 700);
    op.dim[DIM_K] = 1 + rng_below(rng, rng_below(rng, 2) == 0 ? 70 : 700);
    op.weighted = true;
    op.in_bytes = 2 * op.dim[DIM_M] * op.dim[DIM_K];
    op.weight_bytes = 2 * op.dim[DIM_K] * op.dim[DIM_N];
    op.out_bytes = 2 * op.dim[DIM_M] * op.dim[DIM_N];
  } else if (op.kind == OP_RELU) {
    op.dim[DIM_ELEMENTS] = 1 + rng_below(rng, 500000);
    op.in_bytes = op.out_bytes = 2 * op.dim[DIM_ELEMENTS];
  } else {
    op.dim[DIM_BYTES] = 1 + rng_below(rng, most_collective_bytes);
    op.dim[DIM_RANKS] = 2 + rng_below(rng, 7);
    op.in_bytes = op.out_bytes = op.dim[DIM_BYTES];
  }
  graph_builder_add(builder, &op, "op", preds, n_preds);
}

static struct accelerator random_design(struct rng *rng) {
  struct accelerator design = {.tc_count = 1 + rng_below(rng, 8),
                               .tc_rows = UINT64_C(16) << rng_below(rng, 4),
                               .tc_cols = UINT64_C(16) << rng_below(rng, 4),
                               .vc_count = 1 + rng_below(rng, 8),
                               .vc_width = UINT64_C(64) << rng_below(rng, 4),
                               .glb_mib = 1 + rng_below(rng, 16),
                               .hbm_stacks = 1 + rng_below(rng, 3) / 2,
                               .hbm_gib_per_stack = 8,
                               .link_gbytes_per_s = 10 + rng_below(rng, 300),
                               .clock_mhz = 940,
                               .node_nm = 7,
                               .element_bytes = 2,
                               .dies = 1};
  static struct error error;
  if (!accelerator_derive(&design, &error)) fail_msg("%s", error.text);
  return design;
}

struct tried {
  struct fixture fixture;
  struct arena scratch;
  struct op_graph graph;
  struct stage_settings settings;
  struct stage stage;
  struct accelerator design;
};

static void begin(struct tried *tried, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 11, task);
  tried->design = random_design(&rng);
  fixture_init(&tried->fixture, &tried->design);
  struct arena *const arena = &tried->fixture.arena;
  arena_init(&tried->scratch, 1 << 16);
  struct graph_builder *const builder = graph_builder_new(arena);
  const uint64_t most_collective_bytes = task % 2 == 0 ? 100000 : 9000000;
  for (size_t left = 1 + rng_below(&rng, MOST_OPS); left > 0; left--) add_op(builder, &rng, most_collective_bytes);
  static struct error error;
  if (!graph_builder_finish(builder, arena, &tried->graph, &error)) fail_msg("%s", error.text);
  config_defaults(&stage_fields, arena, &tried->settings);
  if (task % 3 == 0) tried->settings.spread = SPREAD_OFF;
  struct training_settings training;
  config_defaults(&training_fields, arena, &training);
  tried->stage = (struct stage){.settings = &tried->settings,
                                .cost = &tried->fixture.settings,
                                .technology = &tried->fixture.technology,
                                .provider = cost_providers[tried->fixture.settings.provider],
                                .samples = 1};
  stage_init(&tried->stage, &tried->graph, &training, &(struct stage_contracted){0}, arena);
}

static void end(struct tried *tried) {
  arena_release(&tried->scratch);
  arena_release(&tried->fixture.arena);
}

/* Of every operator on one core, as its price has them. */
static uint64_t bytes_time_cycles(const struct tried *tried, const struct stage_detail *detail) {
  uint64_t hbm_bytes = 0;
  for (size_t i = 0; i < tried->graph.n_ops; i++)
    hbm_bytes += detail->shape_costs[(size_t)tried->graph.ops[i].shape * detail->problem.n_widths].hbm_bytes;
  return cycles_for_bytes(hbm_bytes, tried->fixture.machine.hbm_bytes_per_cycle);
}

static uint64_t collectives_cycles(const struct tried *tried, const struct stage_detail *detail) {
  uint64_t cycles = 0;
  for (size_t i = 0; i < tried->graph.n_ops; i++)
    if (tried->graph.ops[i].kind == OP_ALL_REDUCE)
      cycles += detail->problem.shape_cycles[(size_t)tried->graph.ops[i].shape * detail->problem.n_widths];
  return cycles;
}

static void bounds_are_below_the_shortest_schedule(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_binding[N_BINDINGS] = {0}, n_proven = 0, n_above = 0;
  for (uint64_t task = 0; task < N_TASKS; task++) {
    static struct tried tried;
    begin(&tried, task);
    struct arena *const arena = &tried.fixture.arena;
    struct stage_scratch *const scratch = stage_scratch_new(arena, &tried.stage, false);
    struct stage_cost_of_design cost;
    struct stage_result result;
    struct stage_detail detail;
    stage_design(&tried.stage, &tried.design, &cost);
    stage_evaluate(&tried.stage, &tried.design, &cost, scratch, &result, &detail, arena);
    struct error broken = {0};
    if (!schedule_check(&detail.problem, &detail.schedule, &tried.scratch, &broken)) fail_msg("%s", broken.text);
    const uint64_t hbm_cycles = bytes_time_cycles(&tried, &detail);
    assert_int_equal(result.hbm_cycles, hbm_cycles);
    assert_int_equal(result.cycles, max_u64(detail.schedule.makespan_cycles, hbm_cycles));
    assert_true(result.bound_cycles <= result.cycles);
    struct stage_closest closest;
    stage_bound_closest(&tried.stage, &tried.design, scratch, &closest);
    assert_int_equal(closest.cycles, result.bound_cycles); /* the same prices without the schedule */
    assert_int_equal(closest.link_cycles, collectives_cycles(&tried, &detail));
    struct schedule_plan best = {detail.schedule.makespan_cycles, detail.schedule.start_cycles,
                                 detail.schedule.width_log2};
    uint64_t n_nodes; /* and no lower bound: it is judged here */
    if (schedule_shorten(&detail.problem, MOST_NODES, 0, &tried.scratch, &best, &n_nodes)) {
      const uint64_t least_cycles = max_u64(best.makespan_cycles, hbm_cycles);
      struct stage_floor floor;
      assert_true(result.bound_cycles <= least_cycles && least_cycles <= result.cycles);
      assert_true(collectives_cycles(&tried, &detail) <= best.makespan_cycles);
      stage_bound(&tried.stage, &tried.design, &cost, scratch, &floor);
      assert_true(floor.cycles <= least_cycles);
      stage_refine(&tried.stage, &tried.design, &cost, scratch, &floor);
      assert_true(floor.cycles <= least_cycles);
      n_proven++;
      n_above += result.bound_cycles < least_cycles;
      n_binding[result.binding]++;
    }
    stage_scratch_release(scratch);
    end(&tried);
  }
  print_message("%zu of %d optima proven, %zu above their bounds; binding:", n_proven, N_TASKS, n_above);
  for (size_t b = 0; b < N_BINDINGS; b++) print_message(" %s %zu", stage_binding_names[b], n_binding[b]);
  print_message("\n");
  assert_true(n_proven > N_TASKS / 10 * 9);
  assert_true(n_binding[BINDING_HBM] > 23 && n_binding[BINDING_LINKS] > 23 && n_binding[BINDING_CRITICAL_PATH] > 23);
  assert_true(n_binding[BINDING_TENSOR_CORES] + n_binding[BINDING_VECTOR_CORES] > 5);
}

/* Floors kept from a design that differs in what the set's key leaves out. */
static void floors_forget_who_asked_first(void **state) {
  (void)state;
  size_t n_differ = 0;
  for (uint64_t task = 0; task < N_TASKS; task++) {
    static struct tried tried;
    begin(&tried, task);
    struct arena *const arena = &tried.fixture.arena;
    struct accelerator slow = tried.design, fast = tried.design;
    static struct error error;
    slow.link_gbytes_per_s = fast.link_gbytes_per_s = 900; /* so that collectives may wait for the memory */
    slow.hbm_stacks = 1;
    fast.hbm_stacks = 4;
    if (!accelerator_derive(&slow, &error) || !accelerator_derive(&fast, &error)) fail_msg("%s", error.text);
    struct stage_cost_of_design cost;
    struct stage_floor before, behind, alone;
    struct stage_scratch *const shared = stage_scratch_new(arena, &tried.stage, false);
    struct stage_scratch *const fresh = stage_scratch_new(arena, &tried.stage, false);
    stage_design(&tried.stage, &slow, &cost);
    stage_bound(&tried.stage, &slow, &cost, shared, &before);
    stage_design(&tried.stage, &fast, &cost);
    stage_bound(&tried.stage, &fast, &cost, shared, &behind);
    stage_bound(&tried.stage, &fast, &cost, fresh, &alone);
    assert_int_equal(behind.cycles, alone.cycles);
    assert_int_equal(behind.likely_cycles, alone.likely_cycles);
    assert_true(behind.energy_j == alone.energy_j);
    n_differ += before.cycles != alone.cycles;
    stage_scratch_release(shared);
    stage_scratch_release(fresh);
    end(&tried);
  }
  assert_true(n_differ > N_TASKS / 4);
}

/* A path kept for designs with the same least cycles, asked for again behind many others. */
static void paths_forget_who_asked_first(void **state) {
  (void)state;
  enum { N_DESIGNS = 24 };
  size_t n_differ = 0;
  for (uint64_t task = 0; task < N_TASKS / 10; task++) {
    static struct tried tried;
    begin(&tried, task);
    struct arena *const arena = &tried.fixture.arena;
    struct stage_scratch *const shared = stage_scratch_new(arena, &tried.stage, false);
    struct accelerator designs[N_DESIGNS];
    struct rng rng = rng_stream(seed, RNG_TEST, 12, task);
    for (size_t d = 0; d < N_DESIGNS; d++) designs[d] = random_design(&rng);
    uint64_t first_cycles[N_DESIGNS];
    for (size_t k = 0; k < 2 * N_DESIGNS; k++) {
      struct stage_scratch *const fresh = stage_scratch_new(arena, &tried.stage, false);
      const struct accelerator *const design = &designs[k % N_DESIGNS];
      struct stage_cost_of_design cost;
      struct stage_floor kept, alone;
      stage_design(&tried.stage, design, &cost);
      stage_bound(&tried.stage, design, &cost, shared, &kept);
      stage_bound(&tried.stage, design, &cost, fresh, &alone);
      assert_int_equal(kept.cycles, alone.cycles);
      assert_int_equal(kept.likely_cycles, alone.likely_cycles);
      assert_int_equal(kept.binding, alone.binding);
      if (k < N_DESIGNS) first_cycles[k] = kept.cycles;
      if (k >= N_DESIGNS) assert_int_equal(kept.cycles, first_cycles[k - N_DESIGNS]);
      n_differ += kept.cycles != first_cycles[0];
      stage_scratch_release(fresh);
    }
    stage_scratch_release(shared);
    end(&tried);
  }
  assert_true(n_differ > N_TASKS / 10 * N_DESIGNS);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_are_below_the_shortest_schedule),
                                     cmocka_unit_test(floors_forget_who_asked_first),
                                     cmocka_unit_test(paths_forget_who_asked_first)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

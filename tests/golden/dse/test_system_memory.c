/* Does the first stage of a whole system hold and compute what is published?
 *
 * Sources: Korthikanti et al. (arXiv 2205.05198; workloads §7), GiB on a device of the first stage, exactly: weights
 * and optimizer of 12h²·L/(tp) parameters with 18 bytes each; what the backward pass needs under tensor parallelism,
 * and with sequence parallelism and selective recomputation. Ours beyond that, by hand: a layer's norms and biases
 * (7h/t + 6h), the embedding's table and positions (Vh/t + sh), of a single stage the final norm; token identities,
 * the embedding's dropout mask and what the head keeps, by tests/golden/workloads/test_block_bytes.c. FLOP of an
 * iteration (workloads §10): three times the forward pass of workloads §3, with full recomputation once more without
 * the head. */
#include "tests/system_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct row {
  const char *name;
  uint64_t layers, h, t, p, v, b;
  double state_gib, tensor_gib, both_gib;
  uint64_t forward_flop; /* of a sequence (workloads §3, as in the model files) */
} rows[] = {
    {"megatron-22b", 48, 6144, 8, 1, 1, 4, 45.5625, 59.25, 9.5625, 95296734363648},
    {"gpt3-175b", 96, 12288, 8, 8, 3, 1, 45.5625, 66.84375, 12.3515625, 734851724476416},
    {"mt-nlg-530b", 105, 20480, 8, 35, 3, 1, 31.640625, 114.0234375, 23.076171875, 2205036209766400},
    {"megatron-1t", 128, 25600, 8, 64, 1, 1, 32.958984375, 131.25, 26.5625, 4183512894668800},
};
enum { N_ROWS = sizeof rows / sizeof *rows };
static const uint64_t s = 2048, vocab = 51200;
static const double gib = 1073741824;

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  const struct system_plan *plan;
};

static void setup(struct fixture *fixture, struct cluster *cluster, const struct row *row, bool sequence,
                  const char *recompute, uint64_t rounds) {
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
  const char *text = arena_printf(
      &fixture->arena,
      "workload = \"%s\"; limits = { memory = false; }; training = { accumulate_bytes = 4; };\n"
      "system = { devices = [%" PRIu64 "]; tensor = [%" PRIu64 "]; pipeline = [%" PRIu64 "]; chunks = [%" PRIu64 "];\n"
      "schedule = [\"%s\"]; microbatch = [%" PRIu64 "]; global_batch = %" PRIu64
      "; partition = \"equal\"; zero = [0];\n"
      "sequence = \"%s\"; recompute = [\"%s\"]; };\n"
      "space = { tc_count = [1]; tc_rows = [128]; tc_cols = [128]; vc_count = [1]; vc_width = [512]; glb_mib = [16];\n"
      "hbm_stacks = [4]; };\n",
      row->name, row->t * row->p, row->t, row->p, row->v, row->v > 1 ? "interleaved" : "1f1b", row->b,
      row->b * row->p * rounds, sequence ? "on" : "off", recompute);
  fixture->run = case_system_run(text, cluster, &fixture->arena, &fixture->scratch);
  assert_non_null(fixture->run);
  assert_int_equal(fixture->run->system->n_plans, 1);
  fixture->plan = fixture->run->system->plans[0];
}

static void teardown(struct fixture *fixture) {
  run_release(fixture->run);
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

static void test_state(void **state) {
  for (size_t i = 0; i < N_ROWS; i++) {
    const struct row *row = &rows[i];
    struct fixture fixture;
    setup(&fixture, *state, row, false, "none", 2);
    const struct device_run *first = &fixture.plan->runs[0];
    const struct system_memory *memory = &first->memory;
    const uint64_t layers = row->layers / row->p, h = row->h;
    const uint64_t matrices = layers * 12 * h * h / row->t, vectors = layers * (7 * h / row->t + 6 * h);
    const uint64_t ends = vocab * h / row->t + s * h + (row->p == 1 ? 2 * h : 0);
    assert_true(18 * (double)matrices / gib == row->state_gib);
    assert_int_equal(first->first, 0);
    assert_int_equal(first->expert_parameters, 0);
    assert_int_equal(first->dense_parameters, matrices + vectors + ends);
    assert_int_equal(memory->weights_bytes + memory->gradients_bytes + memory->optimizer_bytes,
                     18 * first->dense_parameters);
    assert_int_equal(memory->weights_bytes, 2 * first->dense_parameters);
    assert_int_equal(memory->gradients_bytes, 4 * first->dense_parameters);
    assert_int_equal(memory->buffers_bytes, 0); /* nobody to send gradients to */
    print_message("%s: %.6f GiB of matrices as published, vectors %.6f, ends %.6f beyond\n", row->name, row->state_gib,
                  18 * (double)vectors / gib, 18 * (double)ends / gib);
    teardown(&fixture);
  }
}

/* Microbatches of the embedding that the first device keeps where it keeps the most chunks: p; with several chunks also
 * the second p, which come before the first backward pass of the embedding's chunk, while each forward pass of them
 * follows on a backward pass of the last chunk. */
static uint64_t embeddings_kept(const struct row *row) { return row->v > 1 ? 2 * row->p : row->p; }

static void test_kept(void **state) {
  for (size_t i = 0; i < 2 * N_ROWS; i++) {
    const struct row *row = &rows[i / 2];
    const bool both = i % 2 == 1;
    struct fixture fixture;
    setup(&fixture, *state, row, both, both ? "selective" : "none", 3);
    const struct block_chain *chain = &fixture.plan->cut->chain;
    const enum recompute recompute = both ? RECOMPUTE_SELECTIVE : RECOMPUTE_NONE;
    const uint64_t embedding = chain->blocks[chain->block_at[0]].kept_bytes[recompute];
    const uint64_t head = chain->blocks[chain->block_at[chain->n_places - 1]].kept_bytes[recompute];
    const uint64_t ends = embeddings_kept(row) * embedding + (row->p == 1 ? head : 0);
    const double layers_gib = (double)(fixture.plan->runs[0].memory.kept_bytes - ends) / gib;
    if (layers_gib != (both ? row->both_gib : row->tensor_gib)) fail_msg("%s: %.12g GiB", row->name, layers_gib);
    print_message("%s%s: %.7f GiB of layers as published, ends %.6f beyond\n", row->name,
                  both ? ", sequence, selective" : "", layers_gib, (double)ends / gib);
    teardown(&fixture);
  }
}

/* All devices, all microbatches, whatever is computed again. */
static uint64_t macs_of(const struct system_plan *plan, const struct system *system) {
  const struct block_chain *chain = &plan->cut->chain;
  uint64_t macs = 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    for (size_t b = 0; b < chain->n_blocks; b++) {
      uint64_t own = 0;
      for (unsigned phase = 0; phase < N_PHASES; phase++) own += chain->blocks[b].macs[phase];
      const uint32_t forward = plan->cut->unit[b * N_BLOCK_PHASES + BLOCK_FORWARD];
      const bool again = plan->strategy.recompute == RECOMPUTE_FULL && chain->blocks[b].recomputes;
      if (again && forward != NO_UNIT) own += system->units[forward]->stage.macs;
      macs += plan->runs[r].n * plan->runs[r].blocks[b] * own;
    }
  }
  return macs * plan->n_microbatches * (plan->n_devices / plan->strategy.degrees.pipeline);
}

static void test_flops(void **state) {
  for (size_t i = 0; i < 2 * N_ROWS; i++) {
    const struct row *row = &rows[i / 2];
    const bool full = i % 2 == 1;
    struct fixture fixture;
    setup(&fixture, *state, row, true, full ? "full" : "none", 2);
    const uint64_t batch = 2 * row->b * row->p, head_flop = 2 * s * vocab * row->h;
    const uint64_t flop = 3 * row->forward_flop + (full ? row->forward_flop - head_flop : 0);
    assert_int_equal(2 * macs_of(fixture.plan, fixture.run->system->system), batch * flop);
    teardown(&fixture);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_state),
      cmocka_unit_test(test_kept),
      cmocka_unit_test(test_flops),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}

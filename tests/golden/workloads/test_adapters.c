/* What does fine-tuning by low-rank adapters compute, keep, hold and send?
 *
 * Llama 2 70B as MLPerf Training fine-tunes it (github.com/mlcommons/training llama2_70b_lora): worked out by hand from
 * the rules of automatic differentiation: a frozen product has an input gradient and no weight gradient, keeps no
 * input, and nothing before the first adapter has a gradient at all. h 8192, 64 heads and 8 keys of 128, f 28672,
 * rank 16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/two_arenas.h"
#include "workloads/block.h"
#include "workloads/memory.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <string.h>

static const uint64_t h = 8192, packed = 8192 + 2 * 8 * 128, f = 28672, r = 16, n_layers = 80, vocab = 32000;

static struct op_graph load(const struct config_set *sets, size_t n_sets) {
  static struct error error;
  error = (struct error){0};
  const struct workload_request request = {
      .name = "llama2-70b-lora", .data_folder = ".", .batch = 1, .element_bytes = 2, .sets = sets, .n_sets = n_sets};
  struct workload workload;
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  return workload.graph;
}

static struct training_settings defaults(void) {
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  return settings;
}

static struct op_graph expand(const struct op_graph *forward, uint64_t attention) {
  struct error error = {0};
  struct training_settings settings = defaults();
  settings.attention = attention;
  struct op_graph training;
  if (!training_expand(forward, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  return training;
}

/* W: the adapters alone. B: what F has but the first layer's QKV and the adapter's first matrix there, whose input
 * wants no gradient; the two products of attention twice. U: each adapter's matrix once. */
static void test_phases(void **state) {
  (void)state;
  const struct op_graph forward = load(NULL, 0), training = expand(&forward, ATTENTION_SEPARATE);
  struct graph_totals totals;
  graph_totals(&training, &totals);
  const uint64_t s = 8192, adapters = n_layers * r * (h + packed + h + h), scores = n_layers * 2 * s * s * h;
  const uint64_t matrices = n_layers * (h * packed + h * h + 3 * h * f) + vocab * h;
  assert_int_equal(totals.macs[PHASE_FORWARD], s * (matrices + adapters) + scores);
  assert_int_equal(totals.macs[PHASE_BACKWARD_WEIGHT], s * adapters);
  assert_int_equal(totals.macs[PHASE_BACKWARD_DATA], s * (matrices + adapters - h * packed - h * r) + 2 * scores);
  uint64_t n_updates = 0, updated = 0;
  for (size_t i = 0; i < training.n_ops; i++) {
    if (training.ops[i].phase != PHASE_UPDATE) continue;
    n_updates++;
    updated += training.ops[i].dim[DIM_ELEMENTS];
  }
  assert_int_equal(n_updates, 4 * n_layers);
  assert_int_equal(updated, adapters);
}

static uint64_t kept(const char *layers) {
  const struct config_set sets[] = {{"layers", layers}, {"sequence", "1024"}};
  const struct op_graph forward = load(sets, 2), training = expand(&forward, ATTENTION_FUSED);
  struct graph_totals totals;
  graph_totals(&training, &totals);
  return totals.stash_bytes;
}

/* Bytes a token of one more layer: inputs of two norms, what both adapters read and their masks, their narrow vectors,
 * Q, K and V, the output, fp32 sums of 64 rows, gate and up. Neither what the frozen matrices read. */
static void test_kept_bytes(void **state) {
  (void)state;
  const uint64_t token = 2 * 2 * h + 2 * (2 + 1) * h + 2 * 2 * r + 2 * packed + 2 * h + 4 * 64 + 2 * 2 * f;
  assert_int_equal(kept("4") - kept("3"), 1024 * token);
}

/* Frozen parameters are two bytes each, and lie in blocks, all of them. */
static void test_memory(void **state) {
  (void)state;
  struct error error = {0};
  const struct training_settings settings = defaults();
  const struct op_graph forward = load(NULL, 0);
  struct block_chain chain;
  assert_true(block_chain_make(&forward, &settings, false, &arena, &scratch, &chain, &error));
  struct memory_share share = {.data = 8, .expert_data = 8};
  for (size_t k = 0; k < chain.n_places; k++) {
    share.parameters += chain.blocks[chain.block_at[k]].parameters;
    share.frozen_parameters += chain.blocks[chain.block_at[k]].frozen_parameters;
  }
  assert_int_equal(share.parameters, 44564480);
  assert_int_equal(share.frozen_parameters, 68976648192);
  struct memory_state held;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.weights_bytes, 2 * (44564480 + 68976648192));
  assert_int_equal(held.gradients_bytes, 4 * 44564480);
  assert_int_equal(held.optimizer_bytes, 12 * 44564480);
  share.zero = 3;
  share.largest_held = 1000;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.weights_bytes, (44564480 + 68976648192) / 8 * 2);
  assert_int_equal(held.buffers_bytes, 2ULL * (25 << 20) + 2 * 2 * 1000);
}

/* A layer on eight ranks: besides the two sums of a layer forward one of 16 numbers a token, behind the half of the
 * adapter whose input is split by heads; backward two sums of a layer's width and one of the other adapter's vector. */
static void test_traffic(void **state) {
  (void)state;
  uint64_t bytes[2][N_PHASES] = {{0}};
  for (int more = 0; more < 2; more++) {
    struct error error = {0};
    const struct config_set sets[] = {{"layers", more ? "4" : "3"}};
    const struct op_graph forward = load(sets, 1);
    const struct split_degrees degrees = {8, 1, 1, 1, 1, false, false};
    struct op_graph rank;
    if (!split_apply(&forward, &degrees, &arena, &scratch, &rank, NULL, &error)) fail_msg("%s", error.text);
    const struct op_graph training = expand(&rank, ATTENTION_SEPARATE);
    for (size_t i = 0; i < training.n_ops; i++)
      if (training.ops[i].kind == OP_ALL_REDUCE) bytes[more][training.ops[i].phase] += training.ops[i].dim[DIM_BYTES];
  }
  assert_int_equal(bytes[1][PHASE_FORWARD] - bytes[0][PHASE_FORWARD], 2 * 8192 * (2 * h + r));
  assert_int_equal(bytes[1][PHASE_BACKWARD_DATA] - bytes[0][PHASE_BACKWARD_DATA], 2 * 8192 * (2 * h + r));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_phases, setup, teardown),
      cmocka_unit_test_setup_teardown(test_kept_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_traffic, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What does a split say no to, and what exactly does it put into a graph? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/block.h"
#include "workloads/split.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct arena arena, scratch;
static struct error error;

static void load(const char *name, const struct config_set *sets, size_t n_sets, struct workload *workload) {
  error = (struct error){0};
  const struct workload_request request = {
      .name = name, .data_folder = ".", .batch = 1, .element_bytes = 2, .sets = sets, .n_sets = n_sets};
  if (!workload_load(&request, &arena, &scratch, workload, &error)) fail_msg("%s", error.text);
}

static struct op_graph split(const char *name, const struct config_set *sets, size_t n_sets,
                             struct split_degrees degrees) {
  struct workload workload;
  load(name, sets, n_sets, &workload);
  struct op_graph rank;
  if (!split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, NULL, &error)) fail_msg("%s", error.text);
  return rank;
}

static size_t op_named(const struct op_graph *graph, const char *name) {
  for (size_t i = 0; i < graph->n_ops; i++)
    if (strcmp(op_name(graph, i), name) == 0) return i;
  fail_msg("there is no op '%s'", name);
  return 0;
}

static const char *only_pred(const struct op_graph *graph, const char *name) {
  const size_t i = op_named(graph, name);
  assert_int_equal(graph->pred_start[i + 1] - graph->pred_start[i], 1);
  return op_name(graph, graph->preds[graph->pred_start[i]]);
}

/* Edges, not predecessors. */
static size_t n_edges_from(const struct op_graph *graph, const char *name, const char *pred) {
  const size_t i = op_named(graph, name);
  size_t n = 0;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
    n += strcmp(op_name(graph, graph->preds[e]), pred) == 0;
  return n;
}

static bool has_pred(const struct op_graph *graph, const char *name, const char *pred) {
  return n_edges_from(graph, name, pred) > 0;
}

/* --- refusals -------------------------------------------------------------------------------------------------- */

static const struct refusal {
  const char *model;
  struct split_degrees degrees; /* tensor, context, expert, data, pipeline, sequence, pad_heads */
  const char *message;
} refusals[] = {
    {"gpt2-xl", {2, 1, 1, 1, 1, false, false}, "tensor: 2 does not divide heads = 25, allowed are their divisors, or"},
    {"llama3-8b", {12, 1, 1, 1, 1, false, true}, "tensor: 12 is no multiple of kv_heads = 8"},
    {"llama3-8b", {3, 1, 1, 1, 1, false, true}, "tensor: 3 does not divide ffn = 14336"},
    {"resnet50", {2, 1, 1, 1, 1, false, false}, "tensor: is 2, but nothing says how this graph's operators split"},
    {"dlrm-criteo", {1, 1, 2, 2, 1, false, false}, "expert: is 2, but nothing says how this graph's operators split"},
    {"gnmt4", {1, 2, 1, 1, 1, false, false}, "context: is 2, but nothing says how this graph's operators split"},
    {"gpt3-175b", {3, 1, 1, 1, 1, true, false}, "sequence: tensor = 3 does not divide the 2048 tokens of a sequence"},
    {"gpt3-175b", {8, 512, 1, 1, 1, true, false}, "sequence: tensor = 8 does not divide the 4 tokens of a sequence"},
    {"vit_b_16", {2, 1, 1, 1, 1, true, false}, "sequence: the tokens of an image cannot be shared"},
    {"vit_b_16", {1, 197, 1, 1, 1, false, false}, "context: the tokens of an image cannot be shared"},
    {"t5-base", {2, 1, 1, 1, 1, true, false}, "sequence: sequences of two lengths, one attending to the other"},
    {"t5-base", {1, 2, 1, 1, 1, false, false}, "context: sequences of two lengths, one attending to the other"},
    {"t5-base", {8, 1, 1, 1, 1, false, false}, "tensor: 8 does not divide heads = 12"},
    {"mobilebert", {2, 1, 1, 1, 1, false, false}, "tensor: is 2, but nothing says how this graph's operators split"},
    {"gpt3-175b", {1, 3, 1, 1, 1, false, false}, "context: 3 does not divide sequence = 2048"},
    {"deepseek-v2-lite", {32, 1, 1, 1, 1, false, false}, "tensor: 32 does not divide heads = 16"},
    {"deepseek-v2-lite", {128, 1, 1, 1, 1, false, true}, "tensor: 128 does not divide dense_ffn = 10944"},
    {"gpt3-175b", {1, 1, 2, 2, 1, false, false}, "expert: is 2, but the model has no experts, allowed is 1"},
    {"mixtral-8x7b", {1, 1, 3, 3, 1, false, false}, "expert: 3 does not divide experts = 8"},
    {"mixtral-8x7b", {1, 1, 4, 6, 1, false, false}, "expert: 4 does not divide data · context = 6"},
    {"gpt2-xl", {1, 1, 1, 1, 51, false, false}, "pipeline: 51 stages are more than the 48 layers, embedding and head"},
    {"gpt2-xl", {1, 1, 1, 0, 1, false, false}, "data: is 0, allowed is at least 1"},
};

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const struct refusal *const r = &refusals[i];
    struct workload workload;
    struct op_graph rank;
    load(r->model, NULL, 0, &workload);
    if (split_apply(&workload.graph, &r->degrees, &arena, &scratch, &rank, NULL, &error))
      fail_msg("%s is split, for want of \"%s\"", r->model, r->message);
    assert_int_equal(error.status, STATUS_INPUT);
    if (strstr(error.text, r->message) == NULL) fail_msg("\"%s\" is not in \"%s\"", r->message, error.text);
  }
}

/* Queries of 6 keys cannot be shared evenly by 4, though 24 heads can. */
static void test_keys_that_do_not_divide(void **state) {
  (void)state;
  const struct config_set sets[] = {{"kv_heads", "6"}, {"heads", "24"}, {"head_size", "10"}, {"layers", "1"}};
  struct workload workload;
  struct op_graph rank;
  struct split_extras extras;
  struct split_degrees degrees = {4, 1, 1, 1, 1, false, false};
  load("llama3-8b", sets, 4, &workload);
  assert_false(split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, &extras, &error));
  assert_non_null(
      strstr(error.text, "tensor: 4 does not divide kv_heads = 6, allowed are their divisors and multiples"));
  error = (struct error){0};
  degrees.pad_heads = true; /* 8 keys, 32 heads */
  assert_true(split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, &extras, &error));
  assert_int_equal(rank.ops[op_named(&rank, "layer0.attention.qkv")].dim[DIM_N], (8 + 2 * 2) * 10);
  assert_int_equal(extras.padded_parameters, (8 + 2 * 2) * 10 * 4096 + 8 * 10 * 4096); /* QKV, projection */
}

static void test_all_at_once(void **state) {
  (void)state;
  struct workload workload;
  struct op_graph rank;
  const struct split_degrees degrees = {7, 3, 5, 5, 1000, true, false};
  load("gpt2-xl", NULL, 0, &workload);
  assert_false(split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, NULL, &error));
  static const char *const messages[] = {"tensor: 7 does not divide heads",
                                         "tensor: 7 does not divide ffn",
                                         "sequence:",
                                         "context:",
                                         "expert:",
                                         "pipeline:"};
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) assert_non_null(strstr(error.text, messages[i]));
}

static void test_only_once(void **state) {
  (void)state;
  const struct split_degrees degrees = {2, 2, 2, 2, 1, true, false};
  struct op_graph rank = split("mixtral-8x7b", NULL, 0, degrees), again;
  assert_false(split_apply(&rank, &degrees, &arena, &scratch, &again, NULL, &error));
  static const char *const messages[] = {
      "tensor: the graph is split 2 ways already", "sequence: the graph is split 2 ways already",
      "expert: the graph is split 2 ways already", "context: the graph is split 2 ways already"};
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) assert_non_null(strstr(error.text, messages[i]));
}

/* --- what is put in -------------------------------------------------------------------------------------------- */

static const struct config_set two_layers[] = {{"layers", "2"}};

static void test_parts_are_known(void **state) {
  (void)state;
  const char *const *names;
  size_t n;
  error = (struct error){0};
  assert_true(workload_list(".", &arena, &names, &n, &error));
  for (size_t i = 0; i < n; i++) {
    struct workload workload;
    load(names[i], NULL, 0, &workload);
    const bool known = workload.graph.facts.heads > 0;
    for (size_t k = 0; k < workload.graph.n_ops; k++)
      assert_int_equal(workload.graph.ops[k].split != SPLIT_UNKNOWN && !op_is_split_link(&workload.graph.ops[k]),
                       known);
  }
}

static void test_other_graphs_are_copied(void **state) {
  (void)state;
  struct workload workload;
  struct op_graph rank;
  struct split_extras extras;
  const struct split_degrees degrees = {1, 1, 1, 64, 4, true, false};
  load("resnet50", NULL, 0, &workload);
  assert_true(split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, &extras, &error));
  assert_true(digest_equal(rank.digest, workload.graph.digest));
  const struct split_extras none = {0};
  assert_memory_equal(&extras, &none, sizeof none);
}

static void test_registry(void **state) {
  (void)state;
  const struct split_degrees ones = {1, 1, 1, 1, 1, true, true};
  for (size_t i = 0; i < n_split_strategies; i++) {
    const struct split_strategy *const s = split_strategies[i];
    assert_true(strlen(s->name) > 0 && strlen(s->doc) > 0);
    assert_int_equal(s->degree(&ones), 1);
    for (size_t k = 0; k < i; k++) assert_string_not_equal(s->name, split_strategies[k]->name);
  }
}

/* Links stand where Megatron has them. */
static void test_tensor_links(void **state) {
  (void)state;
  const struct op_graph rank = split("llama2-7b", two_layers, 1, (struct split_degrees){4, 1, 1, 1, 1, false, false});
  assert_string_equal(only_pred(&rank, "layer1.attention.qkv"), "layer1.attention.qkv.enter");
  assert_string_equal(only_pred(&rank, "layer1.attention.qkv.enter"), "layer1.attention.norm");
  assert_string_equal(only_pred(&rank, "layer1.feed_forward.gate"), "layer1.feed_forward.gate.enter");
  assert_string_equal(only_pred(&rank, "layer1.feed_forward.up"), "layer1.feed_forward.gate.enter");
  assert_string_equal(only_pred(&rank, "layer1.feed_forward.down.leave"), "layer1.feed_forward.down");
  assert_string_equal(only_pred(&rank, "embedding.token.leave"), "embedding.token");
  assert_string_equal(only_pred(&rank, "loss.sum"), "loss.target");
  assert_string_equal(only_pred(&rank, "loss.target"), "loss.largest");
  const struct op *const enter = &rank.ops[op_named(&rank, "layer1.attention.qkv.enter")];
  const struct op *const leave = &rank.ops[op_named(&rank, "layer1.attention.projection.leave")];
  assert_int_equal(enter->kind, OP_COPY);
  assert_int_equal(enter->layer, 1);
  assert_int_equal(leave->kind, OP_ALL_REDUCE);
  assert_int_equal(leave->dim[DIM_BYTES], 2 * 4096 * 4096);
  assert_int_equal(leave->dim[DIM_RANKS], 4);
  assert_int_equal(rank.ops[op_named(&rank, "head.logits")].dim[DIM_N], 8000);
}

/* The gathering for W starts with the gradient, W waits for it, and what goes on backwards does not. */
static void test_gathered_again(void **state) {
  (void)state;
  const struct op_graph rank = split("llama2-7b", two_layers, 1, (struct split_degrees){4, 1, 1, 1, 1, true, false});
  struct training_settings settings;
  struct op_graph training;
  config_defaults(&training_fields, &arena, &settings);
  assert_true(training_expand(&rank, &settings, &arena, &scratch, &training, &error));
  const char *const again = "layer1.feed_forward.gate.enter.again";
  const struct op *const op = &training.ops[op_named(&training, again)];
  assert_int_equal(op->kind, OP_ALL_GATHER);
  assert_int_equal(op->phase, PHASE_BACKWARD_WEIGHT);
  assert_int_equal(op->dim[DIM_BYTES], 2 * 4096 * 4096);
  assert_int_equal(op->out_bytes, 4 * op->in_bytes);
  assert_string_equal(only_pred(&training, again), "layer1.feed_forward.product.dX");
  assert_true(has_pred(&training, "layer1.feed_forward.gate.dW", again));
  assert_true(has_pred(&training, "layer1.feed_forward.up.dW", again));
  assert_false(has_pred(&training, "layer1.feed_forward.up.dX", again));
  assert_false(has_pred(&training, "layer1.feed_forward.down.dW", again));
}

/* Keys come back for the backward pass before it multiplies with them; biases wait for nothing. */
static void test_keys_again(void **state) {
  (void)state;
  const struct config_set sets[] = {{"layers", "2"}, {"position", "\"rotary\""}, {"bias", "true"}};
  const struct op_graph rank = split("gpt3-175b", sets, 3, (struct split_degrees){2, 4, 1, 1, 1, true, false});
  struct training_settings settings;
  struct op_graph training;
  config_defaults(&training_fields, &arena, &settings);
  for (uint64_t attention = ATTENTION_SEPARATE; attention <= ATTENTION_CAUSAL; attention++) {
    settings.attention = attention;
    assert_true(training_expand(&rank, &settings, &arena, &scratch, &training, &error));
    const bool separate = attention == ATTENTION_SEPARATE;
    const char *const keys = "layer1.attention.query_key.keys";
    const char *const again = arena_printf(&arena, "%s.again", keys);
    assert_int_equal(training.ops[op_named(&training, again)].phase, PHASE_BACKWARD_DATA);
    const char *const first = separate ? "layer1.attention.context.dA" : "layer1.attention.context.dX";
    assert_int_equal(n_edges_from(&training, first, again), 1);
    if (separate) assert_true(has_pred(&training, "layer1.attention.query_key.dB", again));
    assert_true(has_pred(&training, "layer1.attention.qkv.dW", "layer1.attention.qkv.enter.again"));
    assert_false(has_pred(&training, "layer1.attention.qkv.db", "layer1.attention.qkv.enter.again"));
    assert_int_equal(training.ops[op_named(&training, keys)].kept_bytes, 0);
  }
}

/* A causal mask leaves each rank of a context group (M + N)/2 keys. */
static void test_balanced_mask(void **state) {
  (void)state;
  const struct op_graph rank = split("llama2-7b", two_layers, 1, (struct split_degrees){1, 4, 1, 1, 1, false, false});
  struct training_settings settings;
  struct op_graph training;
  config_defaults(&training_fields, &arena, &settings);
  settings.attention = ATTENTION_CAUSAL;
  assert_true(training_expand(&rank, &settings, &arena, &scratch, &training, &error));
  const struct op *const op = &training.ops[op_named(&training, "layer1.attention.context")];
  assert_int_equal(op->dim[DIM_M], 1024);
  assert_int_equal(op->dim[DIM_N], (1024 + 4096) / 2);
  assert_int_equal(op_attention_scores(op), 32 * (4096ULL * 4097 / 2) / 4);
}

/* Experts inside data parallelism lie behind tensor and context groups; where they need context ranks too, behind the
 * tensor group alone. */
static void test_expert_links(void **state) {
  (void)state;
  const struct op_graph inside =
      split("mixtral-8x7b", two_layers, 1, (struct split_degrees){2, 4, 4, 8, 1, true, false});
  const struct op *op = &inside.ops[op_named(&inside, "layer0.experts.dispatch.exchange")];
  assert_int_equal(op->kind, OP_ALL_TO_ALL);
  assert_int_equal(op->dim[DIM_RANKS], 4);
  assert_int_equal(op->dim[DIM_RANK_STRIDE], 8);
  assert_int_equal(op->dim[DIM_BYTES], 2ULL * 4096 / 8 * 2 * 4096);
  assert_string_equal(only_pred(&inside, "layer0.feed_forward.gate.enter"), "layer0.experts.dispatch.exchange");
  assert_true(has_pred(&inside, "layer0.experts.return", "layer0.experts.return.exchange"));
  assert_string_equal(only_pred(&inside, "layer0.experts.return.exchange"), "layer0.feed_forward.down.leave");
  const struct op *const gate = &inside.ops[op_named(&inside, "layer0.feed_forward.gate")];
  assert_true(op_is_expert(gate));
  assert_int_equal(gate->dim[DIM_REPS], 2);
  assert_int_equal(gate->dim[DIM_M], 4096 / 8 * 2 / 8 * 2 * 4); /* from 4 ranks, of a tensor group of 2 */
  assert_int_equal(gate->dim[DIM_N], 7168);
  const struct op_graph across =
      split("mixtral-8x7b", two_layers, 1, (struct split_degrees){2, 4, 8, 2, 1, true, false});
  op = &across.ops[op_named(&across, "layer0.experts.dispatch.exchange")];
  assert_int_equal(op->dim[DIM_RANK_STRIDE], 2);
}

/* One expert a device is an expert still: its parameters are reduced over fewer ranks than the others. */
static void test_blocks_know_experts(void **state) {
  (void)state;
  for (uint64_t x = 1; x <= 8; x *= 2) {
    const struct op_graph rank =
        split("mixtral-8x7b", two_layers, 1, (struct split_degrees){1, 1, x, 8, 1, false, false});
    struct training_settings settings;
    struct block_chain chain;
    config_defaults(&training_fields, &arena, &settings);
    assert_true(block_chain_make(&rank, &settings, false, &arena, &scratch, &chain, &error));
    uint64_t most = 0;
    for (size_t i = 0; i < chain.n_blocks; i++)
      if (chain.blocks[i].expert_parameters > most) most = chain.blocks[i].expert_parameters;
    assert_int_equal(most, 8 / x * 3 * 4096 * 14336);
  }
}

int main(void) {
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_keys_that_do_not_divide),
      cmocka_unit_test(test_all_at_once),
      cmocka_unit_test(test_only_once),
      cmocka_unit_test(test_parts_are_known),
      cmocka_unit_test(test_other_graphs_are_copied),
      cmocka_unit_test(test_registry),
      cmocka_unit_test(test_tensor_links),
      cmocka_unit_test(test_gathered_again),
      cmocka_unit_test(test_keys_again),
      cmocka_unit_test(test_balanced_mask),
      cmocka_unit_test(test_expert_links),
      cmocka_unit_test(test_blocks_know_experts),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  arena_release(&scratch);
  return failed;
}

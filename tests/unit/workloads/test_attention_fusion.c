/* Which chains become fused attention, and what does a training step of them compute and keep?
 *
 * Hand-made chains, each of them also spoilt in one place; and shipped transformers, whose counts with and without
 * must differ by what is computed again and no more (cost-model §2: five products backwards instead of four). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workloads/attention_fusion.h"
#include "workloads/training.h"
#include "workloads/workload.h"

enum { E = 2, REPS = 6, M = 7, N = 11, K = 5, WIDER = 8 };

static struct arena arena, scratch;
static struct graph_builder *builder;

static int setup(void **state) {
  (void)state;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  builder = graph_builder_new(&scratch);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}

/* --- a chain by hand ---------------------------------------------------------------------------------------------*/

static uint32_t put(const struct op *op, const char *name, uint32_t x, uint32_t y) {
  const uint32_t preds[] = {x, y};
  return graph_builder_add(builder, op, name, preds, (size_t)(x != OP_ABSENT) + (y != OP_ABSENT));
}

static uint32_t input(uint64_t elements) {
  struct op op = op_new(OP_INPUT, E);
  op.out_bytes = elements * E;
  return put(&op, "input", OP_ABSENT, OP_ABSENT);
}

/* Something with a parameter before it, so that its gradient is wanted. */
static uint32_t projected(uint64_t elements) {
  struct op op = op_new(OP_GEMM, E);
  const uint32_t x = input(elements);
  op.weighted = true;
  op.dim[DIM_REPS] = op.dim[DIM_K] = op.dim[DIM_N] = 1;
  op.dim[DIM_M] = elements;
  op.n_parameters = 1;
  op.in_bytes = op.out_bytes = elements * E;
  op.weight_bytes = E;
  return put(&op, "projection", x, OP_ABSENT);
}

static uint32_t product(uint64_t m, uint64_t n, uint64_t k, uint32_t x, uint32_t y) {
  struct op op = op_new(OP_GEMM, E);
  op.dim[DIM_REPS] = REPS;
  op.dim[DIM_M] = m;
  op.dim[DIM_N] = n;
  op.dim[DIM_K] = k;
  op.in_bytes = REPS * (m * k + k * n) * E;
  op.out_bytes = REPS * m * n * E;
  return put(&op, "product", x, y);
}

static uint32_t map(enum op_kind kind, uint32_t x, uint32_t y) {
  struct op op = op_new(kind, E);
  op.dim[DIM_ELEMENTS] = REPS * M * N;
  op.dim[DIM_ROW] = N;
  op.in_bytes = op.out_bytes = REPS * M * N * E;
  if (y != OP_ABSENT) op.in_bytes += M * N * E; /* one for all heads */
  if (op_kinds[kind].keep == KEEP_MASK) op.out_bytes += REPS * M * N;
  return put(&op, op_kinds[kind].name, x, y);
}

struct spoil {
  bool no_softmax, second_reader, other_keys, learned_bias, softmax_twice, wanted_bias, relu, late_scale, weighted;
  bool link_reader, weight_bias, bias_first;
  bool wide_keys; /* no fault: deeper than values are wide */
};

/* Builds the chain, spoilt or not; `causal` goes to the fusion. */
static struct op_graph chain(const struct spoil *spoil, bool causal) {
  const uint64_t depth = spoil->wide_keys ? WIDER : K;
  const uint32_t q = projected(REPS * M * depth), k = projected(REPS * N * depth), v = projected(REPS * N * K);
  const uint32_t bias = spoil->wanted_bias ? projected(M * N) : input(M * N);
  if (spoil->weight_bias) graph_builder_op(builder, bias)->kind = OP_WEIGHT;
  uint32_t at = product(M, spoil->other_keys ? N + 1 : N, depth, q, k);
  const uint32_t scores = at;
  at = map(OP_SCALE, at, OP_ABSENT);
  const uint32_t link = at;
  at = spoil->bias_first ? map(OP_ADD, bias, at) : map(OP_ADD, at, bias);
  if (spoil->learned_bias) graph_builder_op(builder, at)->n_parameters = 77;
  at = map(spoil->relu ? OP_RELU : OP_MASK, at, OP_ABSENT);
  if (!spoil->no_softmax) at = map(OP_SOFTMAX, at, OP_ABSENT);
  if (spoil->softmax_twice) at = map(OP_SOFTMAX, at, OP_ABSENT);
  if (spoil->late_scale) at = map(OP_SCALE, at, OP_ABSENT);
  at = map(OP_DROPOUT, at, OP_ABSENT);
  const uint32_t out = product(M, K, N, at, v);
  if (spoil->weighted) graph_builder_op(builder, out)->weighted = true;
  if (spoil->second_reader) map(OP_NEG, scores, OP_ABSENT);
  if (spoil->link_reader) map(OP_NEG, link, OP_ABSENT);
  struct op_graph graph, fused;
  struct error error = {0};
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  assert_true(attention_fuse(&graph, causal, &arena, &fused, &error));
  return fused;
}

static const struct op *find(const struct op_graph *graph, enum op_kind kind, enum op_phase phase) {
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].kind == kind && graph->ops[i].phase == phase) return &graph->ops[i];
  return NULL;
}

static void test_chain(void **state) {
  (void)state;
  const struct op_graph graph = chain(&(struct spoil){0}, false);
  assert_int_equal(graph.n_ops, 3 * 2 + 1 + 1);
  const struct op *const op = find(&graph, OP_ATTENTION, PHASE_FORWARD);
  assert_non_null(op);
  const uint64_t dims[OP_DIMS] = {REPS, M, N, K, 0, 1, 2, 1}; /* one key each, a bias and a mask, dropout */
  assert_memory_equal(op->dim, dims, sizeof dims);
  assert_int_equal(op->in_bytes, (REPS * (M * K + 2 * N * K) + M * N) * E); /* Q, K, V and the bias */
  assert_int_equal(op->out_bytes, REPS * M * K * E + REPS * M * 4);         /* O and a row's statistic */
  const size_t at = (size_t)(op - graph.ops);
  assert_int_equal(graph.pred_start[at + 1] - graph.pred_start[at], 4);
  const uint32_t *const preds = graph.preds + graph.pred_start[at];
  assert_true(graph.ops[preds[0]].dim[DIM_M] == REPS * M * K && graph.ops[preds[1]].dim[DIM_M] == REPS * N * K);
  assert_true(preds[1] != preds[2] && graph.ops[preds[2]].dim[DIM_M] == REPS * N * K);
  assert_int_equal(graph.ops[preds[3]].kind, OP_INPUT);
  assert_int_equal(op_macs(op), 2 * REPS * M * N * K);
}

/* The output and its statistics stay though nobody else keeps them; Q, K and V with who wrote them. */
static void test_kept(void **state) {
  (void)state;
  const struct op_graph graph = chain(&(struct spoil){0}, false);
  struct training_settings settings;
  struct op_graph training;
  struct error error = {0};
  config_defaults(&training_fields, &arena, &settings);
  assert_true(training_expand(&graph, &settings, &arena, &scratch, &training, &error));
  uint64_t kept = 0;
  for (size_t i = 0; i < training.n_ops; i++) kept += training.ops[i].kept_bytes;
  assert_int_equal(find(&training, OP_ATTENTION, PHASE_FORWARD)->kept_bytes, REPS * M * (K * E + 4));
  /* and the inputs of the three projections, as large as what they put out */
  assert_int_equal(kept, REPS * (2 * M * K + 4 * N * K) * E + REPS * M * (K * E + 4));
}

static void test_causal(void **state) {
  (void)state;
  const struct op_graph graph = chain(&(struct spoil){0}, true);
  const struct op *const op = find(&graph, OP_ATTENTION, PHASE_FORWARD);
  assert_non_null(op);
  assert_int_equal(op->dim[DIM_CAUSAL], 1);
  uint64_t scores = 0; /* query i sees keys up to i + N − M */
  for (uint64_t i = 0; i < M; i++)
    for (uint64_t j = 0; j < N; j++) scores += j <= i + N - M;
  assert_int_equal(op_macs(op), 2 * REPS * scores * K);
  struct op turned = *op; /* more queries than keys: the first see none */
  turned.dim[DIM_M] = N;
  turned.dim[DIM_N] = M;
  scores = 0;
  for (uint64_t i = 0; i < N; i++)
    for (uint64_t j = 0; j < M; j++) scores += j + N <= i + M;
  assert_int_equal(op_attention_scores(&turned), REPS * scores);
}

/* Keys and queries deeper than values are wide, as in latent attention: each product and each tensor by its own. */
static void test_wide_keys(void **state) {
  (void)state;
  builder = graph_builder_new(&scratch);
  const struct op_graph graph = chain(&(struct spoil){.wide_keys = true}, false);
  const struct op *const op = find(&graph, OP_ATTENTION, PHASE_FORWARD);
  assert_non_null(op);
  assert_int_equal(op->dim[DIM_K], WIDER);
  assert_int_equal(op->dim[DIM_VALUE_SIZE], K);
  assert_int_equal(op_macs(op), REPS * M * N * (WIDER + K));
  assert_int_equal(op->in_bytes, (REPS * (M * WIDER + N * WIDER + N * K) + M * N) * E);
  assert_int_equal(op->out_bytes, REPS * M * K * E + REPS * M * 4);
  struct training_settings settings;
  struct op_graph training;
  struct error error = {0};
  config_defaults(&training_fields, &arena, &settings);
  assert_true(training_expand(&graph, &settings, &arena, &scratch, &training, &error));
  const struct op *const back = find(&training, OP_ATTENTION, PHASE_BACKWARD_DATA);
  assert_non_null(back);
  assert_int_equal(op_macs(back), REPS * M * N * (3 * WIDER + 2 * K));
  assert_int_equal(back->out_bytes, REPS * (M * WIDER + N * WIDER + N * K) * E); /* dQ, dK, dV */
  assert_int_equal(back->in_bytes, back->out_bytes + 2 * REPS * M * K * E + REPS * M * 4);
}

static void test_what_is_not_attention(void **state) {
  (void)state;
  static const struct spoil spoils[] = {
      {.no_softmax = true},   {.second_reader = true}, {.other_keys = true},
      {.learned_bias = true}, {.softmax_twice = true}, {.wanted_bias = true},
      {.relu = true},         {.late_scale = true},    {.weighted = true},
      {.link_reader = true},  {.weight_bias = true},   {.wanted_bias = true, .bias_first = true}};
  for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
    builder = graph_builder_new(&scratch);
    const struct op_graph graph = chain(&spoils[i], false);
    if (find(&graph, OP_ATTENTION, PHASE_FORWARD) != NULL) fail_msg("spoilt chain %zu was fused", i);
  }
}

/* --- training of shipped models -----------------------------------------------------------------------------------*/

static struct workload load(const char *name, uint64_t batch) {
  static struct workload workload;
  const struct workload_request request = {
      .name = name, .data_folder = ".", .batch = batch, .element_bytes = 2, .sets = NULL, .n_sets = 0};
  struct error error = {0};
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  return workload;
}

static struct graph_totals train(const struct workload *workload, enum attention attention, struct op_graph *training) {
  struct training_settings settings;
  struct graph_totals totals;
  struct error error = {0};
  config_defaults(&training_fields, &arena, &settings);
  assert_int_equal(settings.attention, ATTENTION_SEPARATE); /* published numbers count scores in memory */
  settings.attention = attention;
  if (!training_expand(&workload->graph, &settings, &arena, &scratch, training, &error)) fail_msg("%s", error.text);
  graph_totals(training, &totals);
  return totals;
}

static uint64_t activation_macs(const struct op_graph *graph) {
  uint64_t macs = 0;
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].kind == OP_GEMM && !graph->ops[i].weighted) macs += op_macs(&graph->ops[i]);
  return macs;
}

static size_t count(const struct op_graph *graph, enum op_kind kind, enum op_phase phase) {
  size_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++) n += graph->ops[i].kind == kind && graph->ops[i].phase == phase;
  return n;
}

static void check_model(const char *name, uint64_t batch, size_t layers, uint64_t sharers) {
  const struct workload workload = load(name, batch);
  struct op_graph separate, fused;
  const struct graph_totals before = train(&workload, ATTENTION_SEPARATE, &separate);
  const struct graph_totals after = train(&workload, ATTENTION_FUSED, &fused);
  const uint64_t products = activation_macs(&workload.graph); /* forward; all of them are attention's */
  assert_true(products > 0);
  assert_int_equal(count(&fused, OP_ATTENTION, PHASE_FORWARD), layers);
  assert_int_equal(count(&fused, OP_ATTENTION, PHASE_BACKWARD_DATA), layers);
  assert_int_equal(count(&fused, OP_SOFTMAX, PHASE_FORWARD) + count(&fused, OP_SOFTMAX, PHASE_BACKWARD_DATA), 0);
  assert_int_equal(find(&fused, OP_ATTENTION, PHASE_FORWARD)->dim[DIM_KEY_SHARERS], sharers);
  assert_int_equal(after.macs[PHASE_FORWARD], before.macs[PHASE_FORWARD]);
  assert_int_equal(after.macs[PHASE_BACKWARD_WEIGHT], before.macs[PHASE_BACKWARD_WEIGHT]);
  /* separate: 2 products' worth for each of two, which is twice forward; fused: 5/4 of that */
  assert_int_equal(after.macs[PHASE_BACKWARD_DATA], before.macs[PHASE_BACKWARD_DATA] - 2 * products + 5 * products / 2);
  assert_int_equal(after.parameters, before.parameters);
  assert_int_equal(after.ops[PHASE_UPDATE], before.ops[PHASE_UPDATE]);
}

static void test_models(void **state) {
  (void)state;
  check_model("bert-base", 3, 12, 1);
  check_model("gpt2-xl", 3, 48, 1);
  check_model("llama3-8b", 3, 32, 4);
  check_model("bloom-176b", 3, 70, 1);                                         /* with a bias of positions */
  check_model("gemma2-2b", 3, 26, 2);                                          /* scores bent by tanh */
  check_model("tests/data/wham/graphs/bertlarge_mbs_1_sl_512.json", 1, 24, 1); /* a trace, with views between */
}

/* Latent attention: keys of 192, values of 128; forward 192 + 128 a score, backward 3·192 + 2·128. */
static void test_latent_model(void **state) {
  (void)state;
  const struct workload workload = load("deepseek-v3", 1);
  struct op_graph separate, fused;
  const struct graph_totals before = train(&workload, ATTENTION_SEPARATE, &separate);
  const struct graph_totals after = train(&workload, ATTENTION_FUSED, &fused);
  const uint64_t scores = UINT64_C(61) * 128 * 4096 * 4096;
  assert_int_equal(count(&fused, OP_ATTENTION, PHASE_FORWARD), 61);
  assert_int_equal(after.macs[PHASE_FORWARD], before.macs[PHASE_FORWARD]);
  assert_int_equal(after.macs[PHASE_BACKWARD_DATA], before.macs[PHASE_BACKWARD_DATA] + scores * 192);
}

/* Backward reads Q, K, V, O, dO and the statistics, and writes dQ, dK, dV; keys of four heads once. */
static void test_backward_bytes(void **state) {
  (void)state;
  const struct workload workload = load("llama3-8b", 1);
  struct op_graph training;
  train(&workload, ATTENTION_FUSED, &training);
  const struct op *const op = find(&training, OP_ATTENTION, PHASE_BACKWARD_DATA);
  const uint64_t queries = UINT64_C(8192) * 4096 * 2, keys = queries / 4, statistics = UINT64_C(32) * 8192 * 4;
  assert_int_equal(op->in_bytes, 3 * queries + 2 * keys + statistics);
  assert_int_equal(op->out_bytes, queries + 2 * keys);
  const struct op *const forward = &training.ops[op->mirror];
  assert_int_equal(forward->kind, OP_ATTENTION);
  assert_int_equal(forward->in_bytes, queries + 2 * keys);
  assert_int_equal(forward->kept_bytes, queries + statistics); /* Q, K, V are kept by who wrote them */
}

static void test_causal_model(void **state) {
  (void)state;
  const struct workload gpt = load("gpt2-xl", 1);
  struct op_graph full, half;
  const struct graph_totals all = train(&gpt, ATTENTION_FUSED, &full), some = train(&gpt, ATTENTION_CAUSAL, &half);
  const uint64_t products = activation_macs(&gpt.graph), s = 1024;
  assert_int_equal(all.macs[PHASE_FORWARD] - some.macs[PHASE_FORWARD], products / (s * s) * (s * (s - 1) / 2));
  const struct workload bert = load("bert-base", 1); /* has no mask */
  struct op_graph one, other;
  train(&bert, ATTENTION_FUSED, &one);
  train(&bert, ATTENTION_CAUSAL, &other);
  assert_true(digest_equal(one.digest, other.digest));
}

static void test_without_attention(void **state) {
  (void)state;
  static const char *const names[] = {"resnet50", "gnmt4"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct workload workload = load(names[i], 1);
    struct op_graph separate, fused;
    train(&workload, ATTENTION_SEPARATE, &separate);
    train(&workload, ATTENTION_FUSED, &fused);
    assert_true(digest_equal(separate.digest, fused.digest));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
      cmocka_unit_test_setup_teardown(test_causal, setup, teardown),
      cmocka_unit_test_setup_teardown(test_wide_keys, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_not_attention, setup, teardown),
      cmocka_unit_test_setup_teardown(test_models, setup, teardown),
      cmocka_unit_test_setup_teardown(test_latent_model, setup, teardown),
      cmocka_unit_test_setup_teardown(test_backward_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_causal_model, setup, teardown),
      cmocka_unit_test_setup_teardown(test_without_attention, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

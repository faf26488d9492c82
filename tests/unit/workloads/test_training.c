/* Does one op of each sort expand as the rules say, and does a layer keep what is published? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workloads/training.h"
#include <string.h>

enum { E = 2 }; /* bytes an element */

struct bench {
  struct arena arena, scratch, building;
  struct graph_builder *builder;
  struct op_graph forward, training;
  struct training_settings settings;
};

static int setup(void **state) {
  static struct bench bench;
  memset(&bench, 0, sizeof bench);
  arena_init(&bench.arena, 1 << 16);
  arena_init(&bench.scratch, 1 << 16);
  arena_init(&bench.building, 1 << 16);
  bench.builder = graph_builder_new(&bench.building);
  bench.settings = (struct training_settings){OPTIMIZER_ADAM,     FUSION_OFF,          false, true, 2, 4, 4,
                                              ATTENTION_SEPARATE, SELECTIVE_ATTENTION, 4,     25};
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *const bench = *state;
  arena_release(&bench->arena);
  arena_release(&bench->scratch);
  arena_release(&bench->building);
  return 0;
}

/* Adds an op with up to two operands (OP_ABSENT: fewer). */
static uint32_t put(struct bench *bench, const struct op *op, const char *name, uint32_t x, uint32_t y) {
  const uint32_t preds[] = {x, y};
  return graph_builder_add(bench->builder, op, name, preds, (size_t)(x != OP_ABSENT) + (y != OP_ABSENT));
}

static uint32_t input(struct bench *bench, uint64_t elements) {
  struct op op = op_new(OP_INPUT, E);
  op.out_bytes = elements * E;
  return put(bench, &op, "in", OP_ABSENT, OP_ABSENT);
}

static uint32_t vector(struct bench *bench, enum op_kind kind, uint64_t elements, uint32_t x, uint32_t y) {
  struct op op = op_new(kind, E);
  op.layer = 0;
  op.dim[DIM_ELEMENTS] = elements;
  op.dim[DIM_ROW] = 24;
  op.in_bytes = elements * E * (y == OP_ABSENT ? 1 : 2);
  op.out_bytes = elements * (op_kinds[kind].keep == KEEP_MASK ? E + 1 : E);
  if (kind == OP_LAYER_NORM) op.n_parameters = 48;
  if (kind == OP_RMS_NORM) op.n_parameters = 24;
  return put(bench, &op, op_kinds[kind].name, x, y);
}

static uint32_t linear(struct bench *bench, uint64_t m, uint64_t n, uint64_t k, bool bias, uint32_t x) {
  struct op op = op_new(OP_GEMM, E);
  op.layer = 0;
  op.weighted = true;
  op.dim[DIM_REPS] = 1;
  op.dim[DIM_M] = m;
  op.dim[DIM_N] = n;
  op.dim[DIM_K] = k;
  op.n_parameters = n * k + (bias ? n : 0);
  op.in_bytes = m * k * E;
  op.out_bytes = m * n * E;
  op.weight_bytes = op.n_parameters * E;
  return put(bench, &op, "linear", x, OP_ABSENT);
}

static uint32_t product(struct bench *bench, uint64_t reps, uint64_t m, uint64_t n, uint64_t k, uint32_t x,
                        uint32_t y) {
  struct op op = op_new(OP_GEMM, E);
  op.layer = 0;
  op.dim[DIM_REPS] = reps;
  op.dim[DIM_M] = m;
  op.dim[DIM_N] = n;
  op.dim[DIM_K] = k;
  op.in_bytes = reps * (m * k + k * n) * E;
  op.out_bytes = reps * m * n * E;
  return put(bench, &op, "product", x, y);
}

static void expand(struct bench *bench) {
  struct error error = {0};
  assert_true(graph_builder_finish(bench->builder, &bench->arena, &bench->forward, &error));
  assert_true(
      training_expand(&bench->forward, &bench->settings, &bench->arena, &bench->scratch, &bench->training, &error));
}

/* The n-th op of a kind and phase, NULL if there are fewer. */
static const struct op *find(const struct op_graph *graph, enum op_kind kind, enum op_phase phase, size_t n) {
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].kind == kind && graph->ops[i].phase == phase && n-- == 0) return &graph->ops[i];
  return NULL;
}

static uint64_t stash(const struct op_graph *graph) {
  struct graph_totals totals;
  graph_totals(graph, &totals);
  return totals.stash_bytes;
}

/* Kernels of GPUs: scale, mask and softmax are one; products stay alone. */
static void test_kernels(void **state) {
  struct bench *const bench = *state;
  const uint64_t s = 7, e = 24, scores = s * s;
  struct op_graph fused;
  struct error error = {0};
  const uint32_t x = input(bench, s * e), y = linear(bench, s, e, e, false, x);
  uint32_t at = product(bench, 1, s, s, e, y, y);
  at = vector(bench, OP_SCALE, scores, at, OP_ABSENT);
  at = vector(bench, OP_MASK, scores, at, OP_ABSENT);
  at = vector(bench, OP_SOFTMAX, scores, at, OP_ABSENT);
  at = vector(bench, OP_DROPOUT, scores, at, OP_ABSENT);
  at = product(bench, 1, s, e, s, at, y);
  at = vector(bench, OP_DROPOUT, s * e, linear(bench, s, e, e, false, at), OP_ABSENT);
  vector(bench, OP_ADD, s * e, at, y);
  expand(bench);
  assert_true(fusion_apply_rule(&bench->training, FUSION_KERNELS, &bench->arena, &bench->scratch, &fused, &error));
  const struct op *const chain = find(&fused, OP_SCALE, PHASE_FORWARD, 0);
  assert_non_null(chain);
  assert_int_equal(chain->n_followers, 2);
  assert_int_equal(fused.followers[chain->first_follower + 1].kind, OP_SOFTMAX);
  assert_int_equal(chain->in_bytes, scores * E);
  assert_int_equal(find(&fused, OP_DROPOUT, PHASE_FORWARD, 0)->n_followers, 0);
  for (size_t i = 0; i < fused.n_ops; i++)
    if (fused.ops[i].kind == OP_GEMM) assert_int_equal(fused.ops[i].n_followers, 0);
  const struct op *const back = find(&fused, OP_SOFTMAX, PHASE_BACKWARD_DATA, 0);
  assert_non_null(back);
  assert_int_equal(back->n_followers, 2); /* of mask and scale */
}

/* Korthikanti et al. (arXiv 2205.05198), §4.1: a GPT layer keeps 34sbh + 5as²b bytes; workloads §6. */
static void test_gpt_layer(void **state) {
  struct bench *const bench = *state;
  const uint64_t s = 7, b = 3, h = 24, a = 4, e = h / a, sb = s * b, scores = a * s * s * b;
  const uint32_t x = input(bench, sb * h);
  const uint32_t norm = vector(bench, OP_LAYER_NORM, sb * h, x, OP_ABSENT);
  uint32_t qkv[3];
  for (size_t i = 0; i < 3; i++) qkv[i] = linear(bench, sb, h, h, true, norm);
  uint32_t at = product(bench, b * a, s, s, e, qkv[0], qkv[1]);
  at = vector(bench, OP_SCALE, scores, at, OP_ABSENT);
  at = vector(bench, OP_SOFTMAX, scores, at, OP_ABSENT);
  at = vector(bench, OP_DROPOUT, scores, at, OP_ABSENT);
  at = product(bench, b * a, s, e, s, at, qkv[2]);
  at = vector(bench, OP_DROPOUT, sb * h, linear(bench, sb, h, h, true, at), OP_ABSENT);
  const uint32_t middle = vector(bench, OP_ADD, sb * h, x, at);
  at = vector(bench, OP_LAYER_NORM, sb * h, middle, OP_ABSENT);
  at = vector(bench, OP_GELU, 4 * sb * h, linear(bench, sb, 4 * h, h, true, at), OP_ABSENT);
  at = vector(bench, OP_DROPOUT, sb * h, linear(bench, sb, h, 4 * h, true, at), OP_ABSENT);
  vector(bench, OP_ADD, sb * h, middle, at);
  expand(bench);
  assert_int_equal(stash(&bench->training), 34 * sb * h + 5 * scores);
  /* Statistics: two fp32 a row of each of the two norms. */
  bench->settings.keep_statistics = true;
  expand(bench);
  assert_int_equal(stash(&bench->training), 34 * sb * h + 5 * scores + 2 * 8 * sb);
}

/* The rest of a Llama layer besides its attention core: sbh·(12 + 4q/a) + 6sbf, workloads §6. */
static void test_llama_layer(void **state) {
  struct bench *const bench = *state;
  const uint64_t sb = 35, h = 24, kv = 12, f = 56; /* q/a = 1/2 */
  const uint32_t x = input(bench, sb * h);
  const uint32_t norm = vector(bench, OP_RMS_NORM, sb * h, x, OP_ABSENT);
  const uint32_t q = vector(bench, OP_ROTARY, sb * h, linear(bench, sb, h, h, false, norm), OP_ABSENT);
  const uint32_t k = vector(bench, OP_ROTARY, sb * kv, linear(bench, sb, kv, h, false, norm), OP_ABSENT);
  const uint32_t v = linear(bench, sb, kv, h, false, norm);
  const uint32_t scores = product(bench, 4, sb, sb, 6, q, k);
  const uint32_t mixed = product(bench, 4, sb, 6, sb, scores, v);
  const uint32_t middle = vector(bench, OP_ADD, sb * h, x, linear(bench, sb, h, h, false, mixed));
  const uint32_t inner = vector(bench, OP_RMS_NORM, sb * h, middle, OP_ABSENT);
  const uint32_t gate = vector(bench, OP_SILU, sb * f, linear(bench, sb, f, h, false, inner), OP_ABSENT);
  const uint32_t gated = vector(bench, OP_MUL, sb * f, gate, linear(bench, sb, f, h, false, inner));
  vector(bench, OP_ADD, sb * h, middle, linear(bench, sb, h, f, false, gated));
  expand(bench);
  const uint64_t score_bytes = 4 * sb * sb * E; /* without a fused kernel the second product keeps them */
  assert_int_equal(stash(&bench->training), sb * h * 12 + 4 * sb * kv + 6 * sb * f + score_bytes);
}

static void test_linear(void **state) {
  struct bench *const bench = *state;
  const uint32_t x = input(bench, 5 * 11);
  const uint32_t first = linear(bench, 5, 13, 11, true, x);
  linear(bench, 5, 17, 13, true, vector(bench, OP_RELU, 5 * 13, first, OP_ABSENT));
  expand(bench);
  const struct op_graph *const graph = &bench->training;
  /* The input of the net needs no gradient: only the second layer has a B. */
  const struct op *const b = find(graph, OP_GEMM, PHASE_BACKWARD_DATA, 0);
  assert_non_null(b);
  assert_null(find(graph, OP_GEMM, PHASE_BACKWARD_DATA, 1));
  assert_int_equal(b->dim[DIM_M], 5);
  assert_int_equal(b->dim[DIM_N], 13);
  assert_int_equal(b->dim[DIM_K], 17);
  assert_int_equal(b->in_bytes, 5 * 17 * E);
  assert_int_equal(b->out_bytes, 5 * 13 * E);
  assert_int_equal(b->mirror, 3);
  const struct op *const w = find(graph, OP_GEMM, PHASE_BACKWARD_WEIGHT, 1); /* the walk goes backwards */
  assert_int_equal(w->dim[DIM_M], 11);
  assert_int_equal(w->dim[DIM_N], 13);
  assert_int_equal(w->dim[DIM_K], 5);
  assert_int_equal(w->in_bytes, (5 * 11 + 5 * 13) * E);
  assert_int_equal(w->out_bytes, 11 * 13 * 2);
  const struct op *const bias = find(graph, OP_REDUCE, PHASE_BACKWARD_WEIGHT, 1);
  assert_int_equal(bias->dim[DIM_ELEMENTS], 5 * 13);
  assert_int_equal(bias->out_bytes, 13 * 2);
  const struct op *const relu = find(graph, OP_RELU, PHASE_BACKWARD_DATA, 0);
  assert_int_equal(relu->in_bytes, 2 * 5 * 13 * E);
  assert_int_equal(relu->out_bytes, 5 * 13 * E);
  const struct op *const update = find(graph, OP_ADAM, PHASE_UPDATE, 0);
  assert_int_equal(update->dim[DIM_ELEMENTS], 11 * 13 + 13);
  assert_int_equal(update->in_bytes + update->weight_bytes, 28 * (11 * 13 + 13));
  /* Kept: the input of both layers; the relu's output is the second one's input and counts once. */
  assert_int_equal(stash(graph), (5 * 11 + 5 * 13) * E);
}

static void test_product(void **state) {
  struct bench *const bench = *state;
  const uint32_t x = input(bench, 3 * 5 * 7);
  const uint32_t a = linear(bench, 15, 7, 7, false, x), c = linear(bench, 15, 7, 7, false, x);
  product(bench, 3, 5, 5, 7, a, c);
  expand(bench);
  struct graph_totals totals;
  graph_totals(&bench->training, &totals);
  const uint64_t linear_macs = 2 * 15 * 7 * 7, product_macs = 3 * 5 * 5 * 7;
  assert_int_equal(totals.macs[PHASE_FORWARD], linear_macs + product_macs);
  assert_int_equal(totals.macs[PHASE_BACKWARD_DATA], 2 * product_macs);
  assert_int_equal(totals.macs[PHASE_BACKWARD_WEIGHT], linear_macs);
}

/* A tensor read three times gets one sum of three gradients; adding what was repeated sums down. */
static void test_fan_out(void **state) {
  struct bench *const bench = *state;
  const uint32_t x = linear(bench, 5, 11, 3, false, input(bench, 15));
  uint32_t sum = OP_ABSENT;
  for (size_t i = 0; i < 3; i++) {
    const uint32_t branch = vector(bench, OP_GELU, 55, x, OP_ABSENT);
    sum = sum == OP_ABSENT ? branch : vector(bench, OP_ADD, 55, sum, branch);
  }
  const uint32_t row = linear(bench, 1, 11, 3, false, input(bench, 3));
  struct op add = op_new(OP_ADD, E);
  add.dim[DIM_ELEMENTS] = add.dim[DIM_X_ELEMENTS] = 55;
  add.dim[DIM_Y_ELEMENTS] = 11;
  add.dim[DIM_OPERANDS] = 2;
  add.in_bytes = 66 * E;
  add.out_bytes = 55 * E;
  put(bench, &add, "broadcast", sum, row);
  expand(bench);
  const struct op *const gradient = find(&bench->training, OP_ADD, PHASE_BACKWARD_DATA, 0);
  assert_non_null(gradient);
  assert_null(find(&bench->training, OP_ADD, PHASE_BACKWARD_DATA, 1));
  assert_int_equal(gradient->dim[DIM_ELEMENTS], 2 * 55);
  assert_int_equal(gradient->in_bytes, 3 * 55 * E);
  const struct op *const reduce = find(&bench->training, OP_REDUCE, PHASE_BACKWARD_DATA, 0);
  assert_non_null(reduce);
  assert_int_equal(reduce->in_bytes, 55 * E);
  assert_int_equal(reduce->out_bytes, 11 * E);
}

/* Slices of one tensor: their gradients lie side by side, no sum. */
static void test_slices(void **state) {
  struct bench *const bench = *state;
  const uint32_t x = linear(bench, 5, 22, 3, false, input(bench, 15));
  uint32_t half[2];
  for (size_t i = 0; i < 2; i++) {
    struct op view = op_new(OP_FREE, E);
    view.out_bytes = 55 * E;
    half[i] = put(bench, &view, "half", x, OP_ABSENT);
  }
  vector(bench, OP_MUL, 55, vector(bench, OP_TANH, 55, half[0], OP_ABSENT), half[1]);
  expand(bench);
  assert_null(find(&bench->training, OP_ADD, PHASE_BACKWARD_DATA, 0));
  const struct op *const w = find(&bench->training, OP_GEMM, PHASE_BACKWARD_WEIGHT, 0);
  const size_t i = (size_t)(w - bench->training.ops);
  assert_int_equal(bench->training.pred_start[i + 1] - bench->training.pred_start[i], 2);
  /* Kept: input, tanh's output, and, for the product, the whole tensor behind the second half. */
  assert_int_equal(stash(&bench->training), (15 + 55 + 110) * E);
}

/* Steps of a recurrence share one parameter: one W over all steps, one U. A tied table: two W, a sum, one U. */
static void test_weight_groups(void **state) {
  struct bench *const bench = *state;
  struct op table = op_new(OP_EMBEDDING, E);
  table.dim[DIM_ELEMENTS] = 5 * 11;
  table.dim[DIM_ROW] = 11;
  table.n_parameters = 23 * 11;
  table.weight_group = 9;
  table.in_bytes = 5 * E;
  table.out_bytes = 55 * E;
  uint32_t at = put(bench, &table, "table", input(bench, 5), OP_ABSENT);
  for (size_t step = 0; step < 4; step++) {
    at = linear(bench, 5, 11, 11, false, at);
    graph_builder_op(bench->builder, at)->weight_group = 4;
    if (step > 0) graph_builder_op(bench->builder, at)->n_parameters = 0;
  }
  at = linear(bench, 5, 23, 11, false, at);
  graph_builder_op(bench->builder, at)->weight_group = 9;
  graph_builder_op(bench->builder, at)->n_parameters = 0;
  expand(bench);
  const struct op_graph *const graph = &bench->training;
  const struct op *const steps = find(graph, OP_GEMM, PHASE_BACKWARD_WEIGHT, 0);
  assert_int_equal(steps->dim[DIM_K], 4 * 5);
  assert_int_equal(steps->dim[DIM_M], 11);
  const struct op *const tied = find(graph, OP_GEMM, PHASE_BACKWARD_WEIGHT, 1);
  assert_int_equal(tied->dim[DIM_N], 23);
  assert_null(find(graph, OP_GEMM, PHASE_BACKWARD_WEIGHT, 2));
  assert_non_null(find(graph, OP_SCATTER, PHASE_BACKWARD_WEIGHT, 0));
  const struct op *const sum = find(graph, OP_ADD, PHASE_BACKWARD_WEIGHT, 0);
  assert_int_equal(sum->dim[DIM_ELEMENTS], 23 * 11);
  assert_int_equal(find(graph, OP_ADAM, PHASE_UPDATE, 0)->dim[DIM_ELEMENTS], 23 * 11);
  assert_int_equal(find(graph, OP_ADAM, PHASE_UPDATE, 1)->dim[DIM_ELEMENTS], 11 * 11);
  assert_null(find(graph, OP_ADAM, PHASE_UPDATE, 2));
  struct graph_totals totals;
  graph_totals(graph, &totals);
  assert_int_equal(totals.macs[PHASE_BACKWARD_WEIGHT], totals.macs[PHASE_FORWARD]);
}

static void test_conv_and_loss(void **state) {
  struct bench *const bench = *state;
  struct op conv = op_new(OP_CONV, E);
  const uint64_t dims[OP_DIMS] = {2, 3, 9, 7, 5, 3, 3, 2, 1, 1, 1, 1};
  memcpy(conv.dim, dims, sizeof dims);
  conv.n_parameters = 5 * 3 * 9 + 5;
  conv.in_bytes = 2 * 3 * 9 * 7 * E;
  conv.out_bytes = 2 * 5 * 5 * 4 * E;
  const uint32_t image = input(bench, 2 * 3 * 9 * 7);
  const uint32_t at = put(bench, &conv, "conv", image, OP_ABSENT);
  assert_int_equal(op_macs(&conv), 2 * 5 * 5 * 4 * 3 * 9);
  struct op loss = op_new(OP_CROSS_ENTROPY, E);
  loss.dim[DIM_ELEMENTS] = 200;
  loss.dim[DIM_ROW] = 100;
  loss.in_bytes = 200 * E;
  loss.out_bytes = E;
  put(bench, &loss, "loss", at, OP_ABSENT);
  expand(bench);
  assert_null(find(&bench->training, OP_CONV, PHASE_BACKWARD_DATA, 0));
  const struct op *const w = find(&bench->training, OP_CONV, PHASE_BACKWARD_WEIGHT, 0);
  assert_int_equal(op_macs(w), op_macs(&conv));
  assert_int_equal(w->out_bytes, 5 * 3 * 9 * 2);
  assert_int_equal(find(&bench->training, OP_REDUCE, PHASE_BACKWARD_WEIGHT, 0)->out_bytes, 5 * 2);
  assert_int_equal(stash(&bench->training), 2 * 3 * 9 * 7 * E + 4 * 200); /* the image, fp32 logits */
}

static void test_collectives(void **state) {
  struct bench *const bench = *state;
  static const enum op_kind kinds[][2] = {{OP_COPY, OP_ALL_REDUCE},
                                          {OP_ALL_GATHER, OP_REDUCE_SCATTER},
                                          {OP_REDUCE_SCATTER, OP_ALL_GATHER},
                                          {OP_ALL_TO_ALL, OP_ALL_TO_ALL}};
  uint32_t at = linear(bench, 5, 11, 3, false, input(bench, 15));
  struct op link = op_new(OP_ALL_REDUCE, E);
  link.dim[DIM_BYTES] = link.in_bytes = link.out_bytes = 55 * E;
  link.dim[DIM_RANKS] = 8;
  link.dim[DIM_RANK_STRIDE] = 77;
  at = put(bench, &link, "sum", at, OP_ABSENT);
  for (size_t i = 0; i < 4; i++) {
    link.kind = (uint8_t)kinds[i][0];
    at = put(bench, &link, "link", at, OP_ABSENT);
  }
  expand(bench);
  for (size_t i = 0; i < 4; i++) {
    const struct op *const b = find(&bench->training, kinds[i][1], PHASE_BACKWARD_DATA, 0);
    assert_non_null(b);
    assert_int_equal(b->dim[DIM_RANKS], 8);
    assert_int_equal(b->dim[DIM_RANK_STRIDE], 77);
    assert_int_equal(b->mirror, 3 + i); /* the sum over ranks itself has no backward op */
  }
  struct graph_totals totals;
  graph_totals(&bench->training, &totals);
  assert_int_equal(totals.ops[PHASE_BACKWARD_DATA], 4);
}

static void test_bytes_per_parameter(void **state) {
  struct bench *const bench = *state;
  struct training_settings settings = bench->settings;
  assert_int_equal(training_bytes_per_parameter(&settings, 2), 16);
  settings.gradient_bytes = 4;
  assert_int_equal(training_bytes_per_parameter(&settings, 2), 18);
  assert_int_equal(training_bytes_per_parameter(&settings, 4), 16); /* pure fp32 */
  settings.optimizer = OPTIMIZER_MOMENTUM;
  assert_int_equal(training_bytes_per_parameter(&settings, 2), 14);
  settings.optimizer = OPTIMIZER_SGD;
  assert_int_equal(training_bytes_per_parameter(&settings, 2), 10);
  settings.gradient_bytes = 2;
  assert_int_equal(training_bytes_per_parameter(&settings, 2), 8);
}

/* Traffic of an update, 16-bit gradients: 10, 18, 28 bytes (cost-model §3); none if updates are off. */
static void test_updates(void **state) {
  struct bench *const bench = *state;
  static const struct {
    enum optimizer optimizer;
    enum op_kind kind;
    uint64_t bytes;
  } rows[] = {{OPTIMIZER_SGD, OP_SGD, 10}, {OPTIMIZER_MOMENTUM, OP_MOMENTUM, 18}, {OPTIMIZER_ADAM, OP_ADAM, 28}};
  linear(bench, 5, 13, 11, false, input(bench, 55));
  for (size_t i = 0; i < 3; i++) {
    bench->settings.optimizer = rows[i].optimizer;
    expand(bench);
    const struct op *const update = find(&bench->training, rows[i].kind, PHASE_UPDATE, 0);
    assert_non_null(update);
    assert_int_equal(update->in_bytes + update->weight_bytes, rows[i].bytes * 11 * 13);
  }
  bench->settings.update = false;
  expand(bench);
  struct graph_totals totals;
  graph_totals(&bench->training, &totals);
  assert_int_equal(totals.ops[PHASE_UPDATE], 0);
}

static void test_errors(void **state) {
  struct bench *const bench = *state;
  linear(bench, 5, 13, 11, false, input(bench, 55));
  expand(bench);
  struct error error = {0};
  struct op_graph twice;
  assert_false(training_expand(&bench->training, &bench->settings, &bench->arena, &bench->scratch, &twice, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_non_null(strstr(error.text, "must be a forward graph"));
}

/* A GEMM with its activation: one op; what is kept for the backward pass is written all the same. */
static void test_fusion(void **state) {
  struct bench *const bench = *state;
  const uint32_t x = linear(bench, 5, 13, 11, true, input(bench, 55));
  const uint32_t y = vector(bench, OP_DROPOUT, 65, vector(bench, OP_GELU, 65, x, OP_ABSENT), OP_ABSENT);
  vector(bench, OP_SOFTMAX, 65, y, OP_ABSENT);
  expand(bench);
  struct op_graph fused;
  struct error error = {0};
  assert_true(fusion_apply(&bench->forward, &bench->arena, &bench->scratch, &fused, &error));
  assert_int_equal(fused.n_ops, 3);
  assert_int_equal(fused.ops[1].n_followers, 2);
  assert_int_equal(fused.followers[0].kind, OP_GELU);
  assert_int_equal(fused.followers[1].kind, OP_DROPOUT);
  assert_int_equal(fused.followers[1].elements, 65);
  assert_int_equal(fused.ops[1].in_bytes, 55 * E);
  assert_int_equal(fused.ops[1].out_bytes, 65 * 3);
  assert_true(fusion_apply(&bench->training, &bench->arena, &bench->scratch, &fused, &error));
  assert_int_equal(fused.ops[1].n_followers, 2);
  assert_int_equal(fused.ops[1].out_bytes, 65 * 3 + 65 * E); /* gelu keeps its input */
  assert_int_equal(fused.ops[1].kept_bytes, 65 * E + 65);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_gpt_layer),
      TEST(test_llama_layer),
      TEST(test_linear),
      TEST(test_product),
      TEST(test_fan_out),
      TEST(test_slices),
      TEST(test_weight_groups),
      TEST(test_conv_and_loss),
      TEST(test_collectives),
      TEST(test_updates),
      TEST(test_bytes_per_parameter),
      TEST(test_errors),
      TEST(test_fusion),
      TEST(test_kernels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

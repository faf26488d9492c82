/* Where is a graph cut into blocks, what goes between them, and what is refused?
 *
 * Small graphs by hand: chains, skips, tensors that several blocks read, inputs that everybody reads, views, layers in
 * any order; hostile ones: no op, one op, nothing to cut, a hundred thousand ops. Bytes are by hand as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/two_arenas.h"
#include "workloads/block.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SIDE = 53, ELEMENTS = SIDE * SIDE, E = 2, BYTES = ELEMENTS * E, NONE = -1, OUTSIDE = -1 };
static struct graph_builder *builder;
static struct error error;

/* --- graphs by hand --------------------------------------------------------------------------------------------- */

static uint32_t add(struct op op, int layer, int x, int y) {
  const uint32_t preds[2] = {(uint32_t)x, (uint32_t)y};
  op.layer = layer < 0 ? OP_ABSENT : (uint32_t)layer;
  return graph_builder_add(builder, &op, arena_printf(&scratch, "op%zu", graph_builder_count(builder)), preds,
                           x < 0   ? 0
                           : y < 0 ? 1
                                   : 2);
}

static struct op op_of(enum op_kind kind) {
  struct op op = op_new(kind, E);
  op.in_bytes = op.out_bytes = BYTES;
  if (op_kinds[kind].family == FAMILY_VECTOR) op.dim[DIM_ELEMENTS] = ELEMENTS;
  return op;
}

static int input(void) { return (int)add(op_of(OP_INPUT), OUTSIDE, NONE, NONE); }
static int gemm(int layer, int x) {
  struct op op = op_of(OP_GEMM);
  op.dim[DIM_REPS] = 1;
  op.dim[DIM_M] = op.dim[DIM_N] = op.dim[DIM_K] = SIDE;
  op.weighted = true;
  op.n_parameters = ELEMENTS;
  op.weight_bytes = BYTES;
  return (int)add(op, layer, x, NONE);
}
static int map(enum op_kind kind, int layer, int x) { return (int)add(op_of(kind), layer, x, NONE); }
static int join(enum op_kind kind, int layer, int x, int y) {
  struct op op = op_of(kind);
  op.in_bytes = 2 * BYTES;
  return (int)add(op, layer, x, y);
}

static void begin(void) { builder = graph_builder_new(&scratch); }

static struct block_chain chain_of(uint64_t fusion, uint64_t selective) {
  struct op_graph graph;
  struct block_chain chain;
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.fusion = fusion;
  settings.selective = selective;
  error = (struct error){0};
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  if (!block_chain_make(&graph, &settings, true, &arena, &scratch, &chain, &error)) fail_msg("%s", error.text);
  return chain;
}

static struct block_chain chain_with(uint64_t fusion) { return chain_of(fusion, SELECTIVE_ATTENTION); }
static struct block_chain chain_made(void) { return chain_with(FUSION_COMPAT); }

static const struct block *at(const struct block_chain *chain, size_t place) {
  assert_true(place < chain->n_places);
  return &chain->blocks[chain->block_at[place]];
}

static void names_are(const struct block_chain *chain, const char *expected) {
  char names[256] = "";
  for (size_t k = 0; k < chain->n_places; k++) {
    if (k > 0) strcat(names, " ");
    strcat(names, at(chain, k)->name);
  }
  assert_string_equal(names, expected);
}

/* --- selective recomputation ------------------------------------------------------------------------------------ */

/* Each layer: product, gelu, product, gelu, product. The first and third are kept, and so is what goes on. */
static void test_selective_operators(void **state) {
  (void)state;
  for (uint64_t selective = SELECTIVE_ATTENTION; selective <= SELECTIVE_OPERATORS; selective++) {
    begin();
    int x = input();
    for (int layer = 0; layer < 3; layer++) {
      for (int i = 0; i < 2; i++) x = map(OP_GELU, layer, gemm(layer, x));
      x = gemm(layer, x);
    }
    const struct block_chain chain = chain_of(FUSION_OFF, selective);
    const struct block *const block = at(&chain, 1);
    const struct op_graph *const again = &block->phase[BLOCK_SELECTIVE];
    const bool operators = selective == SELECTIVE_OPERATORS;
    assert_int_equal(again->n_ops, operators ? 3 : 0);
    if (operators) {
      assert_int_equal(again->ops[0].kind, OP_GELU);
      assert_int_equal(again->ops[1].kind, OP_GEMM);
      assert_int_equal(again->ops[2].kind, OP_GELU);
    }
    assert_int_equal(block->kept_bytes[RECOMPUTE_NONE], 5 * BYTES);
    assert_int_equal(block->kept_bytes[RECOMPUTE_SELECTIVE], (operators ? 2 : 5) * BYTES);
    assert_int_equal(block->working_bytes[RECOMPUTE_SELECTIVE] - block->working_bytes[RECOMPUTE_NONE],
                     operators ? 3 * BYTES : 0);
    assert_int_equal(block->kept_bytes[RECOMPUTE_FULL], BYTES);
  }
}

/* Without layers there is nothing that repeats, and all is kept. */
static void test_selective_without_layers(void **state) {
  (void)state;
  begin();
  int x = input();
  for (int i = 0; i < 3; i++) x = map(OP_GELU, OUTSIDE, gemm(OUTSIDE, x));
  const struct block_chain chain = chain_of(FUSION_OFF, SELECTIVE_OPERATORS);
  for (size_t k = 0; k < chain.n_places; k++) assert_int_equal(at(&chain, k)->phase[BLOCK_SELECTIVE].n_ops, 0);
}

/* --- without layers --------------------------------------------------------------------------------------------- */

static void test_chain(void **state) {
  (void)state;
  begin();
  int x = input();
  for (int i = 0; i < 3; i++) x = gemm(OUTSIDE, x);
  const struct block_chain chain = chain_made();
  names_are(&chain, "op1 op2 op3");
  assert_int_equal(at(&chain, 0)->in_bytes, 0);
  assert_int_equal(at(&chain, 0)->out_bytes, BYTES);
  assert_int_equal(at(&chain, 1)->in_bytes, BYTES);
  /* Nobody wants the gradient of the input, so the first product has none to make. */
  assert_int_equal(at(&chain, 0)->phase[BLOCK_BACKWARD_DATA].n_ops, 0);
  assert_int_equal(at(&chain, 1)->phase[BLOCK_BACKWARD_DATA].n_ops, 1);
  assert_int_equal(at(&chain, 0)->phase[BLOCK_BACKWARD_WEIGHT].n_ops, 1);
  /* Each keeps its input: the second one the first one's output. */
  for (size_t k = 0; k < 3; k++) assert_int_equal(at(&chain, k)->kept_bytes[RECOMPUTE_NONE], BYTES);
}

/* Between a product and what is fused to it there is no cut, whether fusion is on or not. */
static void test_fused_chain(void **state) {
  (void)state;
  for (uint64_t fusion = FUSION_OFF; fusion <= FUSION_COMPAT; fusion++) {
    begin();
    int x = gemm(OUTSIDE, map(OP_RELU, OUTSIDE, gemm(OUTSIDE, input())));
    x = map(OP_RELU, OUTSIDE, x);
    const struct block_chain chain = chain_with(fusion);
    names_are(&chain, "op1 op3");
    assert_int_equal(at(&chain, 0)->phase[BLOCK_FORWARD].n_ops, fusion == FUSION_COMPAT ? 1 : 2);
    /* The relu keeps its output for itself; the product behind the cut needs it too. */
    assert_int_equal(at(&chain, 0)->kept_bytes[RECOMPUTE_NONE], 2 * BYTES);
    assert_int_equal(at(&chain, 1)->kept_bytes[RECOMPUTE_NONE], BYTES);
    assert_int_equal(at(&chain, 1)->shared_bytes, BYTES);
  }
}

/* A residual around two products: the cuts are where it starts and where it ends. */
static void test_skip(void **state) {
  (void)state;
  begin();
  const int x = gemm(OUTSIDE, input());
  const int y = gemm(OUTSIDE, gemm(OUTSIDE, x));
  gemm(OUTSIDE, join(OP_ADD, OUTSIDE, x, y));
  const struct block_chain chain = chain_with(FUSION_OFF);
  names_are(&chain, "op1 op2 op5");
  /* One gradient goes back over the first cut, so the sum of two is made behind it. */
  size_t n_sums = 0;
  for (size_t i = 0; i < at(&chain, 1)->phase[BLOCK_BACKWARD_DATA].n_ops; i++)
    n_sums += at(&chain, 1)->phase[BLOCK_BACKWARD_DATA].ops[i].kind == OP_ADD;
  assert_int_equal(n_sums, 1);
  assert_int_equal(at(&chain, 0)->phase[BLOCK_BACKWARD_DATA].n_ops, 0);
}

/* Two branches side by side: a first op is always a block, the rest hangs together. */
static void test_no_cut(void **state) {
  (void)state;
  begin();
  const int x = input();
  int a = gemm(OUTSIDE, x), b = gemm(OUTSIDE, x);
  for (int i = 0; i < 5; i++) {
    a = gemm(OUTSIDE, a);
    b = gemm(OUTSIDE, b);
  }
  join(OP_ADD, OUTSIDE, a, b);
  const struct block_chain chain = chain_made();
  names_are(&chain, "op1 op2");
  assert_int_equal(at(&chain, 1)->macs[PHASE_FORWARD], 11ULL * ELEMENTS * SIDE);
  /* What comes before the first parameter lies where it is read. */
  begin();
  a = map(OP_SOFTMAX, OUTSIDE, input());
  gemm(OUTSIDE, join(OP_ADD, OUTSIDE, a, map(OP_SOFTMAX, OUTSIDE, a)));
  const struct block_chain free_start = chain_made();
  assert_int_equal(free_start.n_places, 1);
  assert_int_equal(at(&free_start, 0)->in_bytes + at(&free_start, 0)->out_bytes, 0);
}

/* A slice that is all that is read behind the cut is all that goes over it. */
static void test_slice(void **state) {
  (void)state;
  for (int n_readers = 1; n_readers <= 3; n_readers++) {
    begin();
    const int x = map(OP_SOFTMAX, 0, gemm(0, input()));
    struct op view = op_of(OP_VIEW);
    view.out_bytes = BYTES / SIDE;
    const int slice = (int)add(view, 0, x, NONE);
    int y = map(OP_GELU, OUTSIDE, slice);
    if (n_readers == 2) y = join(OP_CONCAT, OUTSIDE, y, x); /* and here somebody wants it all */
    if (n_readers == 3) y = join(OP_CONCAT, OUTSIDE, map(OP_GELU, OUTSIDE, x), slice);
    gemm(OUTSIDE, y);
    const struct block_chain chain = chain_made();
    names_are(&chain, "layer head");
    assert_int_equal(at(&chain, 1)->in_bytes, n_readers == 1 ? BYTES / SIDE : BYTES);
  }
}

/* --- with layers ------------------------------------------------------------------------------------------------ */

/* Masks that every layer reads come with the batch, computed or not; and the targets of the loss. */
static void test_inputs_everywhere(void **state) {
  (void)state;
  begin();
  const int ids = input(), mask = map(OP_SCALE, OUTSIDE, map(OP_CAST, OUTSIDE, input())), targets = input();
  int x = gemm(OUTSIDE, ids);
  for (int i = 0; i < 4; i++) x = join(OP_MUL, i, gemm(i, x), mask);
  join(OP_ADD, OUTSIDE, gemm(OUTSIDE, x), targets);
  const struct block_chain chain = chain_made();
  names_are(&chain, "embedding layer layer layer layer head");
  /* The first layer makes the mask, the others are given it. */
  assert_int_equal(chain.n_blocks, 4);
  assert_int_equal(chain.block_at[2], chain.block_at[4]);
  assert_true(chain.block_at[1] != chain.block_at[2]);
  assert_int_equal(at(&chain, 1)->in_bytes, BYTES);
}

/* What an encoder makes is read by each layer of the decoder: no cut between those. */
static void test_encoder(void **state) {
  (void)state;
  begin();
  int x = gemm(OUTSIDE, input());
  for (int i = 0; i < 3; i++) x = gemm(i, x);
  int y = gemm(OUTSIDE, input()); /* the decoder's table, beside its first layer */
  for (int i = 3; i < 6; i++) y = join(OP_ADD, i, gemm(i, y), gemm(i, x));
  gemm(OUTSIDE, y);
  const struct block_chain chain = chain_made();
  names_are(&chain, "embedding layer layer layer layer head");
  assert_int_equal(at(&chain, 4)->macs[PHASE_FORWARD], 7ULL * ELEMENTS * SIDE);
}

/* Numbers of layers are names: they need neither start at 0 nor rise. */
static void test_layer_numbers(void **state) {
  (void)state;
  static const int layers[] = {77, 5, 2385};
  begin();
  int x = input();
  for (int i = 0; i < 3; i++) x = gemm(layers[i], x);
  const struct block_chain chain = chain_made();
  names_are(&chain, "layer layer layer");
  assert_int_equal(chain.n_blocks, 3); /* the first has no input gradient, the last is not computed again */
  /* A layer that comes back later is one piece with all between. */
  begin();
  x = input();
  x = gemm(1, gemm(2, gemm(1, gemm(0, x))));
  gemm(3, x);
  const struct block_chain back = chain_made();
  names_are(&back, "layer layer layer");
  assert_int_equal(at(&back, 1)->macs[PHASE_FORWARD], 3ULL * ELEMENTS * SIDE);
}

/* A table used at both ends belongs to the first; layers that share a matrix are not the same block. */
static void test_shared_parameters(void **state) {
  (void)state;
  begin();
  int x = input();
  for (int i = 0; i < 9; i++) {
    x = gemm(i, x);
    struct op *const op = graph_builder_op(builder, (uint32_t)x);
    if (i != 0 && i != 4) continue;
    op->weight_group = 53;
    if (i == 4) op->n_parameters = 0;
  }
  const struct block_chain chain = chain_made();
  assert_int_equal(chain.n_places, 9);
  assert_int_equal(at(&chain, 0)->borrowed_parameters, 0);
  assert_int_equal(at(&chain, 4)->borrowed_parameters, ELEMENTS);
  assert_int_equal(at(&chain, 4)->parameters, 0);
  assert_int_equal(at(&chain, 3)->borrowed_parameters, 0);
  assert_int_equal(at(&chain, 4)->phase[BLOCK_UPDATE].n_ops, 0);
  assert_int_equal(at(&chain, 0)->phase[BLOCK_UPDATE].n_ops, 1);
}

/* All layers of one matrix: its gradient is one product, which lies with the first of them. */
static void test_one_matrix(void **state) {
  (void)state;
  begin();
  int x = input();
  for (int i = 0; i < 9; i++) {
    x = gemm(i, x);
    struct op *const op = graph_builder_op(builder, (uint32_t)x);
    op->weight_group = 53;
    if (i > 0) op->n_parameters = 0;
  }
  const struct block_chain chain = chain_made();
  assert_int_equal(at(&chain, 0)->macs[PHASE_BACKWARD_WEIGHT], 9ULL * ELEMENTS * SIDE);
  for (size_t k = 1; k < 9; k++) {
    assert_int_equal(at(&chain, k)->macs[PHASE_BACKWARD_WEIGHT], 0);
    assert_int_equal(at(&chain, k)->macs[PHASE_BACKWARD_DATA], 1ULL * ELEMENTS * SIDE);
    assert_int_equal(at(&chain, k)->borrowed_parameters, ELEMENTS);
  }
  /* Two products of one matrix in each layer: equal blocks, whatever the groups are called. */
  begin();
  x = input();
  for (int i = 0; i < 9; i++)
    for (int twice = 0; twice < 2; twice++) {
      x = gemm(i, x);
      struct op *const op = graph_builder_op(builder, (uint32_t)x);
      op->weight_group = 100 + (uint32_t)i;
      if (twice > 0) op->n_parameters = 0;
    }
  const struct block_chain pairs = chain_made();
  assert_int_equal(pairs.n_places, 9);
  assert_int_equal(pairs.n_blocks, 3);
  assert_int_equal(at(&pairs, 4)->macs[PHASE_BACKWARD_WEIGHT], 2ULL * ELEMENTS * SIDE);
  assert_int_equal(at(&pairs, 4)->borrowed_parameters, 0);
  for (size_t i = 1; i <= 2; i++) assert_int_equal(at(&pairs, 4)->forward.ops[i].weight_group, 0);
}

/* The ends of a run differ from its midst, and so does what interrupts it, wherever it stands. */
static void test_runs(void **state) {
  (void)state;
  for (int odd = 0; odd <= 12; odd++) { /* 12: none */
    begin();
    int x = input();
    for (int i = 0; i < 12; i++) x = gemm(i, map(i == odd ? OP_TANH : OP_GELU, i, x));
    const struct block_chain chain = chain_made();
    assert_int_equal(chain.n_places, 12);
    for (int k = 0; k < 12; k++) {
      const struct block *const block = at(&chain, (size_t)k);
      size_t n_tanh = 0;
      for (size_t i = 0; i < block->forward.n_ops; i++) n_tanh += block->forward.ops[i].kind == OP_TANH;
      assert_int_equal(n_tanh, k == odd);
      assert_int_equal(block->out_bytes, k < 11 ? BYTES : 0);
      assert_int_equal(block->recomputes, k > 0 && k < 11 && k != odd); /* a tanh needs only its output */
      assert_int_equal(block->macs[PHASE_BACKWARD_DATA], k > 0 ? ELEMENTS * SIDE : 0);
    }
  }
}

/* --- what is hostile -------------------------------------------------------------------------------------------- */

static void test_small(void **state) {
  (void)state;
  begin();
  const struct block_chain none = chain_made();
  assert_int_equal(none.n_places, 0);
  assert_int_equal(none.n_blocks, 0);
  begin();
  gemm(OUTSIDE, input());
  const struct block_chain one = chain_made();
  names_are(&one, "op1");
  assert_int_equal(at(&one, 0)->kept_bytes[RECOMPUTE_FULL], BYTES);
  begin();
  map(OP_RELU, OUTSIDE, map(OP_SOFTMAX, OUTSIDE, input())); /* nothing is learned */
  const struct block_chain still = chain_made();
  names_are(&still, "op1 op2");
  assert_int_equal(at(&still, 1)->kept_bytes[RECOMPUTE_NONE], 0);
  assert_int_equal(at(&still, 1)->phase[BLOCK_BACKWARD].n_ops, 0);
  begin();
  input();
  assert_int_equal(chain_made().n_places, 1);
}

static void test_refused(void **state) {
  (void)state;
  begin();
  gemm(0, input());
  struct op_graph graph, training;
  struct block_chain chain;
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  error = (struct error){0};
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  assert_true(training_expand(&graph, &settings, &arena, &scratch, &training, &error));
  assert_false(block_chain_make(&training, &settings, true, &arena, &scratch, &chain, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_non_null(strstr(error.text, "forward graph without fused operators"));
}

/* A hundred thousand ops, each a place (no two alike), as long skips, and as one knot; quadratic work would take
 * minutes. */
static void test_large(void **state) {
  (void)state;
  enum { N = 100000 };
  const clock_t start = clock(); /* of this process, whatever else the machine does */
  for (int shape = 0; shape < 3; shape++) {
    begin();
    const int first = input();
    int x = gemm(OUTSIDE, first);
    const int far = x;
    for (int i = 0; i < N; i++) {
      if (i % 2 == 0)
        x = gemm(shape == 1 ? i / 2 : OUTSIDE, x);
      else
        x = shape == 2 ? join(OP_ADD, OUTSIDE, x, far) : map(OP_RELU, shape == 1 ? i / 2 : OUTSIDE, x);
      struct op *const op = graph_builder_op(builder, (uint32_t)x);
      if (shape == 0 && i % 2 == 0) op->n_parameters += (uint64_t)i; /* biases of a kind: no two places alike */
      if (shape == 0 && i % 2 == 0) op->weight_group = (uint32_t)i;
    }
    const struct block_chain chain = chain_made();
    assert_int_equal(chain.n_places, shape == 2 ? 2 : N / 2 + 1);
    if (shape == 0) assert_int_equal(chain.n_blocks, N / 2 + 1);
    if (shape == 1) assert_true(chain.n_blocks <= 4);
    arena_release(&arena);
    arena_release(&scratch);
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
  }
  assert_true((clock() - start) / CLOCKS_PER_SEC < 60);
}

static void test_without_torn_phases(void **state) {
  (void)state;
  begin();
  gemm(1, gemm(0, input()));
  struct op_graph graph;
  struct block_chain chain;
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.update = false;
  error = (struct error){0};
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  assert_true(block_chain_make(&graph, &settings, false, &arena, &scratch, &chain, &error));
  for (size_t b = 0; b < chain.n_blocks; b++) {
    const struct block *const block = &chain.blocks[b];
    assert_int_equal(block->phase[BLOCK_BACKWARD_DATA].n_ops + block->phase[BLOCK_BACKWARD_WEIGHT].n_ops, 0);
    assert_int_equal(block->phase[BLOCK_BACKWARD].n_ops, b == 0 ? 1 : 2);
    assert_int_equal(block->phase[BLOCK_UPDATE].n_ops, 0);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_selective_operators),
      TEST(test_selective_without_layers),
      TEST(test_chain),
      TEST(test_fused_chain),
      TEST(test_skip),
      TEST(test_no_cut),
      TEST(test_slice),
      TEST(test_inputs_everywhere),
      TEST(test_encoder),
      TEST(test_layer_numbers),
      TEST(test_shared_parameters),
      TEST(test_one_matrix),
      TEST(test_runs),
      TEST(test_small),
      TEST(test_refused),
      TEST(test_large),
      TEST(test_without_torn_phases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

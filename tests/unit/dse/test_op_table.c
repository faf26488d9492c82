/* Does a row of OPS.csv mean the operator that a training step has?
 *
 * Every kind in every pass against the op that training_expand makes of the forward row; what has no such counterpart
 * by hand; each mistake at its line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dse/calibrate/op_table.h"
#include "workloads/training.h"
#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                                        \
  "name,kind,phase,batch,m,n,k,c,h,w,r,s,stride,pad,output_pad,dilation,groups,causal,elements,operands,second,bytes," \
  "ranks,element_bytes\n"

static struct arena arena, scratch;
static struct error error;

static int setup(void **state) {
  (void)state;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  error = (struct error){0};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}

/* A table of one row with the cells that are named: "kind=relu elements=77". */
static bool read_row(const char *cells, struct op *op) {
  char text[2048];
  size_t n = (size_t)snprintf(text, sizeof text, "%s", COLUMNS);
  const char *column = COLUMNS;
  while (*column != '\0') {
    const size_t length = strcspn(column, ",\n");
    for (const char *at = cells; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " ")) {
      if (strncmp(at, column, length) != 0 || at[length] != '=') continue;
      n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", (int)strcspn(at + length + 1, " "), at + length + 1);
    }
    text[n++] = column[length];
    column += length + 1;
  }
  text[n] = '\0';
  struct csv csv;
  if (!csv_parse("ops.csv", text, n, 7, &arena, &csv, &error)) fail_msg("%s", error.text);
  assert_int_equal(csv.n_rows, 1);
  return op_table_row(&csv, 0, op, &error);
}

static struct op row(const char *cells) {
  struct op op;
  error = (struct error){0};
  if (!read_row(cells, &op)) fail_msg("%s: %s", cells, error.text);
  return op;
}

/* --- against training ---------------------------------------------------------------------------------------------*/

/* A tensor of so many bytes whose gradient is wanted. */
static uint32_t source(struct graph_builder *builder, uint64_t bytes, uint8_t element_bytes) {
  struct op input = op_new(OP_INPUT, element_bytes), scale = op_new(OP_SCALE, element_bytes);
  input.out_bytes = scale.in_bytes = scale.out_bytes = bytes;
  scale.dim[DIM_ELEMENTS] = bytes / element_bytes;
  scale.n_parameters = 1;
  const uint32_t at = graph_builder_add(builder, &input, "input", NULL, 0);
  return graph_builder_add(builder, &scale, "source", &at, 1);
}

/* The step of a graph of one op with operands of so many bytes. */
static struct op_graph train(const struct op *op, const uint64_t *operand_bytes, size_t n_operands) {
  struct graph_builder *const builder = graph_builder_new(&scratch);
  uint32_t preds[8];
  for (size_t i = 0; i < n_operands; i++) preds[i] = source(builder, operand_bytes[i], op->element_bytes);
  graph_builder_add(builder, op, "op", preds, n_operands);
  struct op_graph graph, training;
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.gradient_bytes = op->element_bytes;
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  if (!training_expand(&graph, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  return training;
}

/* The n-th op of a pass of the last forward op. */
static const struct op *pass_of(const struct op_graph *training, size_t forward, enum op_phase phase, size_t n) {
  for (size_t i = 0; i < training->n_ops; i++)
    if (training->ops[i].phase == phase && training->ops[i].mirror == forward && n-- == 0) return &training->ops[i];
  return NULL;
}

static void check_same(const char *cells, const struct op *a, const struct op *b) {
  if (b == NULL) fail_msg("%s: training has no such op", cells);
  const bool same = a->kind == b->kind && a->phase == b->phase && a->in_bytes == b->in_bytes &&
                    a->weight_bytes == b->weight_bytes && a->out_bytes == b->out_bytes;
  if (!same)
    fail_msg("%s: %s %s in %llu weight %llu out %llu, training: %s %s in %llu weight %llu out %llu", cells,
             op_kinds[a->kind].name, op_phase_names[a->phase], (unsigned long long)a->in_bytes,
             (unsigned long long)a->weight_bytes, (unsigned long long)a->out_bytes, op_kinds[b->kind].name,
             op_phase_names[b->phase], (unsigned long long)b->in_bytes, (unsigned long long)b->weight_bytes,
             (unsigned long long)b->out_bytes);
  const bool tensor = op_kinds[a->kind].class == CLASS_TENSOR;
  for (size_t i = 0; i < (tensor ? OP_DIMS : DIM_ELEMENTS + 1); i++)
    if (a->dim[i] != b->dim[i]) fail_msg("%s: bound %zu is %llu", cells, i, (unsigned long long)a->dim[i]);
  assert_int_equal(op_macs(a), op_macs(b));
}

/* Rows in all passes; operands in bytes as the forward row reads them. */
static void check_passes(const char *cells, uint64_t parameters, const uint64_t *operands, size_t n_operands) {
  char text[256];
  struct op forward = row(cells);
  forward.n_parameters = parameters;
  const struct op_graph training = train(&forward, operands, n_operands);
  const size_t at = 2 * n_operands;
  snprintf(text, sizeof text, "%s phase=backward-data", cells);
  const struct op data = row(text);
  check_same(text, &data, pass_of(&training, at, PHASE_BACKWARD_DATA, 0));
  if (parameters == 0) return;
  snprintf(text, sizeof text, "%s phase=backward-weight", cells);
  const struct op weight = row(text);
  check_same(text, &weight, pass_of(&training, at, PHASE_BACKWARD_WEIGHT, 0));
}

static void test_products(void **state) {
  (void)state;
  check_passes("kind=gemm m=77 n=33 k=21", 33 * 21, (uint64_t[]){77 * 21 * 2}, 1);
  check_passes("kind=conv batch=3 k=24 c=8 h=13 w=11 r=3 s=5 stride=2 pad=1 groups=4", 24 * 2 * 3 * 5,
               (uint64_t[]){3 * 8 * 13 * 11 * 2}, 1);
  check_passes("kind=conv batch=3 k=24 c=8 h=13 w=11 r=3 s=3 dilation=3 element_bytes=4", 24 * 8 * 3 * 3,
               (uint64_t[]){3 * 8 * 13 * 11 * 4}, 1);
  check_passes("kind=depthwise batch=3 c=8 h=13 w=11 r=3 s=3", 8 * 9, (uint64_t[]){3 * 8 * 13 * 11 * 2}, 1);
  check_passes("kind=transposed_conv batch=3 k=6 c=8 h=13 w=11 r=4 s=4 stride=2 pad=1 groups=2", 8 * 3 * 16,
               (uint64_t[]){3 * 8 * 13 * 11 * 2}, 1);
  check_passes("kind=attention batch=12 m=77 n=91 k=16 groups=4", 0,
               (uint64_t[]){12 * 77 * 16 * 2, 3 * 91 * 16 * 2, 3 * 91 * 16 * 2}, 3);
}

/* Both gradients of a product of activations: two ops of backward-data in training, one of each pass here. */
static void test_product_of_activations(void **state) {
  (void)state;
  const struct op forward = row("kind=gemm batch=5 m=77 n=33 k=21");
  assert_false(forward.weighted);
  const struct op_graph training = train(&forward, (uint64_t[]){5 * 77 * 21 * 2, 5 * 21 * 33 * 2}, 2);
  const struct op a = row("kind=gemm batch=5 m=77 n=33 k=21 phase=backward-data");
  struct op b = row("kind=gemm batch=5 m=77 n=33 k=21 phase=backward-weight");
  check_same("dA", &a, pass_of(&training, 4, PHASE_BACKWARD_DATA, 0));
  b.phase = PHASE_BACKWARD_DATA;
  check_same("dB", &b, pass_of(&training, 4, PHASE_BACKWARD_DATA, 1));
}

/* Kinds of one operand; those whose backward pass is no op of its own, and tables, by hand below. */
static void test_maps(void **state) {
  (void)state;
  for (unsigned kind = OP_RELU; kind < N_OP_KINDS; kind++) {
    static const uint8_t apart[N_OP_KINDS] = {
        [OP_ADD] = 1,       [OP_SUB] = 1,      [OP_CONCAT] = 1,   [OP_EMBEDDING] = 1, [OP_SCATTER] = 1,
        [OP_GATHER] = 1,    [OP_MUL] = 1,      [OP_DIV] = 1,      [OP_MAX_POOL] = 1,  [OP_AVERAGE_POOL] = 1,
        [OP_LSTM_CELL] = 1, [OP_GRU_CELL] = 1, [OP_RNN_CELL] = 1, [OP_TOP_K] = 1,     [OP_CROSS_ENTROPY] = 1,
        [OP_SGD] = 1,       [OP_MOMENTUM] = 1, [OP_ADAM] = 1,
    };
    if (apart[kind] || op_kinds[kind].class != CLASS_VECTOR) continue;
    char cells[128];
    snprintf(cells, sizeof cells, "kind=%s elements=2385 n=45", op_kinds[kind].name);
    const uint64_t parameters = kind == OP_LAYER_NORM ? 90 : kind == OP_RMS_NORM ? 45 : kind == OP_BATCH_NORM ? 2 : 0;
    check_passes(cells, parameters, (uint64_t[]){2385 * 2}, 1);
  }
  check_passes("kind=cross_entropy elements=2385 n=45", 0, (uint64_t[]){2385 * 2}, 1);
  check_passes("kind=mul elements=2385", 0, (uint64_t[]){2385 * 2, 2385 * 2}, 2);
  check_passes("kind=div elements=2385 second=45", 0, (uint64_t[]){2385 * 2, 45 * 2}, 2);
  check_passes("kind=max_pool elements=2385 r=3 stride=2", 0, (uint64_t[]){4 * 2385 * 2}, 1);
  check_passes("kind=average_pool elements=2385 r=2 stride=2 element_bytes=4", 0, (uint64_t[]){4 * 2385 * 4}, 1);
  check_passes("kind=gru_cell elements=2385", 0, (uint64_t[]){3 * 2385 * 2, 3 * 2385 * 2, 2385 * 2}, 3);
  check_passes("kind=rnn_cell elements=2385", 0, (uint64_t[]){2385 * 2, 2385 * 2}, 2);
  check_passes("kind=lstm_cell elements=2385", 0, (uint64_t[]){4 * 2385 * 2, 4 * 2385 * 2, 2385 * 2}, 3);
}

static void test_updates(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t bytes;
  } optimizers[] = {{"sgd", 10}, {"momentum", 18}, {"adam", 28}}; /* cost-model §3, 16-bit gradients */
  for (size_t i = 0; i < 3; i++) {
    char cells[64];
    snprintf(cells, sizeof cells, "kind=%s elements=2385", optimizers[i].name);
    const struct op op = row(cells);
    assert_int_equal(op.phase, PHASE_UPDATE);
    assert_int_equal(op.in_bytes + op.weight_bytes + op.out_bytes, 2385 * optimizers[i].bytes);
  }
}

/* --- by hand ------------------------------------------------------------------------------------------------------*/

static void check_bytes(const char *cells, uint64_t in, uint64_t weight, uint64_t out) {
  const struct op op = row(cells);
  if (op.in_bytes != in || op.weight_bytes != weight || op.out_bytes != out)
    fail_msg("%s: %llu %llu %llu", cells, (unsigned long long)op.in_bytes, (unsigned long long)op.weight_bytes,
             (unsigned long long)op.out_bytes);
}

static void test_bytes(void **state) {
  (void)state;
  check_bytes("kind=relu elements=2385", 4770, 0, 4770);
  check_bytes("kind=add elements=2385", 9540, 0, 4770);
  check_bytes("kind=add elements=2385 operands=1", 4770, 0, 4770);
  check_bytes("kind=add elements=2385 second=45", 4860, 0, 4770);
  check_bytes("kind=add elements=2385 phase=backward-data", 9540, 0, 4770);
  check_bytes("kind=dropout elements=2385", 4770, 0, 4770 + 2385);
  check_bytes("kind=reduce elements=2385 n=45", 4770, 0, 106);
  check_bytes("kind=mean elements=2385", 4770, 0, 2);
  check_bytes("kind=max_pool elements=2385 r=3 stride=2", 4 * 4770, 0, 4770 + 2385);
  check_bytes("kind=embedding elements=2385 n=45", 53 * 4, 4770, 4770);
  check_bytes("kind=embedding elements=2385 n=45 phase=backward-weight", 4770 + 53 * 4, 0, 4770);
  check_bytes("kind=gather elements=2385 n=45", 4770 + 53 * 4, 0, 4770);
  check_bytes("kind=top_k elements=2385 n=45 k=2", 4770, 0, 53 * 2 * 6);
  check_bytes("kind=cross_entropy elements=2385 n=45", 4770 + 53 * 4, 0, 53 * 4);
  check_bytes("kind=batch_norm elements=2385 c=9 phase=backward-weight", 2 * 4770, 0, 2 * 9 * 2);
  check_bytes("kind=attention batch=6 m=10 n=20 k=8", 2 * 6 * (10 + 2 * 20) * 8, 0, 2 * 6 * 10 * 8);
  check_bytes("kind=all_reduce bytes=1000 ranks=8", 1000, 0, 1000);
  check_bytes("kind=all_gather bytes=1000 ranks=8", 125, 0, 1000);
  check_bytes("kind=reduce_scatter bytes=1000 ranks=8", 1000, 0, 125);
}

static void test_bounds(void **state) {
  (void)state;
  struct op op = row("kind=transposed_conv batch=3 k=6 c=8 h=13 w=11 r=4 s=3 stride=2 pad=1 output_pad=1 dilation=2");
  assert_int_equal(op.dim[DIM_IN_HEIGHT], 12 * 2 - 2 + 2 * 3 + 1 + 1);
  assert_int_equal(op.dim[DIM_IN_WIDTH], 10 * 2 - 2 + 2 * 2 + 1 + 1);
  assert_int_equal(op_macs(&op), 3 * 13 * 11 * 8 * 6 * 4 * 3);
  op = row("kind=attention batch=6 m=10 k=8 causal=1 groups=3");
  const uint64_t dims[OP_DIMS] = {6, 10, 10, 8, 1, 3};
  assert_memory_equal(op.dim, dims, sizeof dims);
  op = row("kind=gather elements=100 phase=backward-data");
  assert_int_equal(op.kind, OP_SCATTER);
  op = row("kind=average_pool elements=1 r=3 s=2");
  assert_int_equal(op.dim[DIM_WINDOW], 6);
  op = row("kind=softmax elements=2385");
  assert_int_equal(op.dim[DIM_ROW], 2385);
  op = row("kind=batch_norm elements=2385 c=9");
  assert_int_equal(op.dim[DIM_ROW], 265);
  op = row("kind=conv k=4 c=3 h=9 w=9 r=3 s=3 dilation=4");
  assert_int_equal(op_conv_out_height(&op), 1);
}

/* Every kind that works has a row. */
static void test_all_kinds(void **state) {
  (void)state;
  for (unsigned kind = 0; kind < N_OP_KINDS; kind++) {
    char cells[256];
    snprintf(cells, sizeof cells,
             "kind=%s batch=2 m=3 n=5 k=6 c=6 h=9 w=9 r=3 s=3 elements=2385 bytes=77 ranks=2 element_bytes=1",
             op_kinds[kind].name);
    struct op op;
    error = (struct error){0};
    assert_int_equal(read_row(cells, &op), op_kinds[kind].class != CLASS_NONE);
    if (op_kinds[kind].class == CLASS_NONE) continue;
    assert_int_equal(op.kind, kind);
    assert_int_equal(op.element_bytes, 1);
    assert_true(op.in_bytes > 0 && op.in_bytes + op.weight_bytes + op.out_bytes > 0);
  }
}

static void test_mistakes(void **state) {
  (void)state;
  static const char *const mistakes[][2] = {
      {"kind=gemn", "ops.csv:2: kind: unknown operator \"gemn\"; did you mean gemm? (dse list operators)"},
      {"kind=view elements=7", "kind: unknown operator \"view\""},
      {"kind=gemm m=7 n=7", "k: \"\", a whole number from 1 to 2^48 was expected"},
      {"kind=gemm m=7 n=7 k=0x7", "k: \"0x7\", a whole number"},
      {"kind=gemm m=7 n=7 k=281474976710656", "k: \"281474976710656\", a whole number"},
      {"kind=gemm m=7 n=7 k=7 element_bytes=9", "element_bytes: 9 is out of range; allowed are 1 to 8"},
      {"kind=gemm m=7 n=7 k=7 phase=backward", "phase: \"backward\" of gemm, allowed are forward backward-data "
                                               "backward-weight"},
      {"kind=relu elements=7 phase=backward-weight", "phase: \"backward-weight\" of relu, allowed are forward "
                                                     "backward-data"},
      {"kind=adam elements=7 phase=backward-data", "of adam, allowed are forward update"},
      {"kind=embedding elements=7 phase=backward-data", "of embedding, allowed are forward backward-weight"},
      {"kind=all_reduce bytes=7 ranks=2 phase=update", "of all_reduce, allowed are forward"},
      {"kind=conv k=4 c=3 h=8 w=9 r=3 s=3 dilation=4", "r, s: the filter must fit the padded input"},
      {"kind=conv k=4 c=3 h=9 w=9 r=3 s=3 groups=2", "groups divide channels"},
      {"kind=conv k=4 c=3 h=9 w=9 r=3 s=3 pad=-1", "pad: \"-1\""},
      {"kind=transposed_conv k=4 c=3 h=1 w=9 r=3 s=3 pad=2", "pad: something must be left of the output"},
      {"kind=transposed_conv k=4 c=3 h=9 w=9 r=3 s=3 output_pad=1", "output_pad: it must be less than the stride"},
      {"kind=attention m=7 k=7 causal=2", "causal: 0 or 1 was expected"},
      {"kind=attention m=7 n=6 k=7 causal=1", "n: causal attention needs at least as many keys as queries"},
      {"kind=attention batch=6 m=7 k=7 groups=4", "groups: it must divide batch"},
      {"kind=add elements=7 operands=3", "operands: 1 or 2 was expected"},
      {"kind=relu elements=7 operands=2", "operands: this kind has one"},
      {"kind=mul elements=7 second=8", "second: it must not be more than elements"},
      {"kind=all_reduce bytes=7", "ranks: \"\""},
  };
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct op op;
    error = (struct error){0};
    if (read_row(mistakes[i][0], &op)) fail_msg("%s was accepted", mistakes[i][0]);
    assert_int_equal(error.status, STATUS_INPUT);
    if (strstr(error.text, mistakes[i][1]) == NULL) fail_msg("%s: %s", mistakes[i][0], error.text);
    assert_non_null(strstr(error.text, "ops.csv:2: "));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_products, setup, teardown),
      cmocka_unit_test_setup_teardown(test_product_of_activations, setup, teardown),
      cmocka_unit_test_setup_teardown(test_maps, setup, teardown),
      cmocka_unit_test_setup_teardown(test_updates, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
      cmocka_unit_test_setup_teardown(test_all_kinds, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which operators make a recurrent translator?
 *
 * GNMT: encoder LSTMs (the first in both directions), decoder LSTMs with one normalised Bahdanau attention on the
 * first one's output, whose context joins the input of the others. Source: workloads §2.3. The product with a layer's
 * inputs is one GEMM over all steps; the recurrent one is a chain of dependent GEMMs that share one parameter. Left
 * out: the normalisation of the attention vector (h operations a batch). */
#include "workloads/emit.h"
#include <stdio.h>

enum {
  GROUP_EMBEDDING,
  GROUP_RECURRENT, /* and one more for each further LSTM */
  MAX_STEPS = 2000,
  RANK_STEPS = 3,
  N_GATES = 4,
  /* What a cell writes a step, in widths: its state and its output. The gates stay where the products wrote them. */
  CELL_WIDTHS = 2
};

struct gnmt {
  const char *kind;
  uint64_t hidden, vocab, encoder_layers, decoder_layers, source_length, target_length;
  bool dropout;
};

#define NUMBER(name, least, most, default_text, doc)                                                                   \
  { #name, FIELD_UINT, "", least, most, default_text, doc, offsetof(struct gnmt, name), ROLE_ANSWER, NULL }

static const struct field gnmt_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct gnmt, kind), ROLE_ANSWER, NULL},
    NUMBER(hidden, 1, EMIT_MAX_DIMENSION, "1024", "Width of every LSTM."),
    NUMBER(vocab, 1, EMIT_MAX_DIMENSION, "32320", "Rows of the shared embedding and outputs of the classifier."),
    NUMBER(encoder_layers, 2, 1000, "4", "LSTMs of the encoder, the first in both directions."),
    NUMBER(decoder_layers, 1, 1000, "4", "LSTMs of the decoder."),
    NUMBER(source_length, 1, MAX_STEPS, "26", "Tokens of a source sentence."),
    NUMBER(target_length, 1, MAX_STEPS, "24", "Tokens of a target sentence."),
    {"dropout", FIELD_BOOL, "", 0, 0, "true", "Dropout before every LSTM.", offsetof(struct gnmt, dropout), ROLE_ANSWER,
     NULL},
};
static const struct field_table gnmt_fields = {"gnmt", "A recurrent translator.", gnmt_field_list,
                                               sizeof gnmt_field_list / sizeof *gnmt_field_list};

struct build {
  struct emitter emit;
  const struct gnmt *model;
  uint32_t n_groups; /* weight groups taken */
};

/* Rows of one sentence side: `length` steps of the whole batch. */
static uint64_t rows(struct build *build, uint64_t length) {
  return emit_product(&build->emit, build->emit.batch, length);
}

static struct tensor linear(struct build *build, const char *name, struct tensor x, uint64_t n_rows,
                            const struct gemm *like) {
  struct gemm gemm = *like;
  gemm.reps = 1;
  gemm.m = n_rows;
  gemm.k = x.row;
  gemm.rank = RANK_STEPS;
  return emit_gemm(&build->emit, name, x, &gemm);
}

static struct tensor dropout(struct build *build, struct tensor x) {
  return build->model->dropout ? emit_map(&build->emit, OP_DROPOUT, "dropout", x) : x;
}

/* One step: the recurrent product on the last output, then the cell. */
static struct tensor lstm_step(struct build *build, const char *direction, uint32_t step, struct tensor before,
                               struct tensor input) {
  struct emitter *const emit = &build->emit;
  const uint64_t hidden = build->model->hidden, width = emit_product(emit, emit->batch, hidden);
  char name[EMIT_NAME_BYTES];
  struct tensor output = before; /* of the step before; the other width is the state, which only the cell reads */
  output.elements = width;
  const struct gemm gemm = {.reps = 1,
                            .m = emit->batch,
                            .n = N_GATES * hidden,
                            .k = hidden,
                            .n_bias = N_GATES * hidden,
                            .group = build->n_groups,
                            .borrowed = step > 0,
                            .rank = 2};
  snprintf(name, sizeof name, "%s.step%u.recurrent", direction, step);
  const struct tensor recurrent = emit_gemm(emit, name, output, &gemm);
  snprintf(name, sizeof name, "%s.step%u.slice", direction, step);
  const struct tensor slice = emit_view(emit, name, recurrent, &input, 1);
  const struct vector_op cell = {.kind = OP_LSTM_CELL,
                                 .n_lanes = width,
                                 .group = OP_ABSENT,
                                 .out = {.rank = 2,
                                         .bytes = (uint8_t)emit->element_bytes,
                                         .elements = emit_product(emit, CELL_WIDTHS, width),
                                         .row = hidden}};
  snprintf(name, sizeof name, "%s.step%u.cell", direction, step);
  return emit_vector(emit, name, &cell, (struct tensor[3]){recurrent, slice, output}, 3);
  ;
}

/* All steps of one direction; the cells' outputs go to `cells`. */
static void lstm_direction(struct build *build, const char *direction, struct tensor x, uint64_t length,
                           struct tensor *cells) {
  struct emitter *const emit = &build->emit;
  const uint64_t hidden = build->model->hidden;
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.input", direction);
  const struct gemm gemm = {.n = N_GATES * hidden, .n_bias = N_GATES * hidden, .group = OP_ABSENT};
  const struct tensor input = linear(build, name, x, rows(build, length), &gemm);
  snprintf(name, sizeof name, "%s.start", direction);
  struct tensor state =
      emit_input(emit, name, emit_product(emit, emit->batch, hidden), hidden, (uint8_t)emit->element_bytes);
  for (uint32_t step = 0; step < length; step++) {
    state = lstm_step(build, direction, step, state, input);
    cells[step] = state;
  }
  build->n_groups++;
}

/* A layer over all steps; its output is where the cells have written, `n_directions` widths a step. */
static struct tensor lstm(struct build *build, struct tensor x, uint64_t length, unsigned n_directions) {
  struct emitter *const emit = &build->emit;
  struct tensor cells[2 * MAX_STEPS];
  lstm_direction(build, "forward", x, length, cells);
  if (n_directions == 2) lstm_direction(build, "backward", x, length, cells + length);
  struct tensor out = {.rank = RANK_STEPS, .bytes = (uint8_t)emit->element_bytes};
  out.row = n_directions * build->model->hidden;
  out.elements = emit_product(emit, rows(build, length), out.row);
  return emit_view(emit, "output", out, cells, n_directions * length);
}

static struct tensor embed(struct build *build, const char *side, uint64_t length, bool borrowed) {
  struct emitter *const emit = &build->emit;
  const uint64_t hidden = build->model->hidden, n_rows = rows(build, length);
  char name[EMIT_NAME_BYTES];
  const struct tensor ids = emit_input(emit, side, n_rows, 1, EMIT_INDEX_BYTES);
  const struct tensor out = {.rank = RANK_STEPS, .elements = emit_product(emit, n_rows, hidden), .row = hidden};
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, build->model->vocab, hidden),
                                  .n_weights = out.elements,
                                  .group = GROUP_EMBEDDING,
                                  .borrowed = borrowed,
                                  .out = out};
  snprintf(name, sizeof name, "embedding.%s", side);
  return emit_vector(emit, name, &table, &ids, 1);
}

static struct tensor encoder(struct build *build) {
  const uint64_t length = build->model->source_length;
  struct tensor x = embed(build, "source", length, false);
  for (uint32_t i = 0; i < build->model->encoder_layers && !build->emit.overflow; i++) {
    emit_enter(&build->emit, i, "encoder", i);
    const struct tensor residual = x;
    x = lstm(build, dropout(build, x), length, i == 0 ? 2 : 1);
    if (i >= 2) x = emit_join(&build->emit, OP_ADD, "residual", x, residual);
  }
  emit_leave(&build->emit);
  return x;
}

/* score(q, k) = v·tanh(q + k + b), softmax over the source, sum of encoder outputs by it. */
static struct tensor attention(struct build *build, struct tensor encoded, struct tensor query) {
  struct emitter *const emit = &build->emit;
  const struct gnmt *const model = build->model;
  const uint64_t hidden = model->hidden, source = model->source_length, target = model->target_length;
  const struct gemm square = {.n = hidden, .group = OP_ABSENT};
  const struct tensor keys = linear(build, "attention.key", encoded, rows(build, source), &square);
  const struct tensor queries = linear(build, "attention.query", query, rows(build, target), &square);
  const uint64_t pairs = emit_product(emit, rows(build, source), target);
  const struct vector_op sum = {
      .kind = OP_ADD,
      .n_parameters = hidden,
      .n_weights = hidden,
      .group = OP_ABSENT,
      .out = {.rank = RANK_STEPS + 1, .elements = emit_product(emit, pairs, hidden), .row = hidden}};
  struct tensor scores = emit_vector(emit, "attention.sum", &sum, (struct tensor[2]){queries, keys}, 2);
  scores = emit_map(emit, OP_TANH, "attention.tanh", scores);
  const struct gemm dot = {.n = 1, .n_bias = 1, .group = OP_ABSENT}; /* v and its length */
  scores = linear(build, "attention.score", scores, pairs, &dot);
  scores.row = source;
  scores = emit_map(emit, OP_SOFTMAX, "attention.softmax", scores);
  const struct gemm weigh = {
      .reps = emit->batch, .m = target, .n = hidden, .k = source, .group = OP_ABSENT, .rank = RANK_STEPS};
  return emit_matmul(emit, "attention.context", scores, encoded, &weigh);
}

static struct tensor decoder(struct build *build, struct tensor encoded) {
  struct emitter *const emit = &build->emit;
  const uint64_t hidden = build->model->hidden, length = build->model->target_length;
  const uint32_t n_before = (uint32_t)build->model->encoder_layers;
  struct tensor x = embed(build, "target", length, true);
  emit_enter(emit, n_before, "decoder", 0);
  x = lstm(build, dropout(build, x), length, 1);
  const struct tensor context = attention(build, encoded, x);
  for (uint32_t i = 1; i < build->model->decoder_layers && !emit->overflow; i++) {
    emit_enter(emit, n_before + i, "decoder", i);
    const struct tensor residual = x;
    const struct vector_op join = {.kind = OP_CONCAT,
                                   .group = OP_ABSENT,
                                   .out = {.rank = RANK_STEPS,
                                           .elements = emit_product(emit, rows(build, length), 2 * hidden),
                                           .row = 2 * hidden}};
    x = emit_vector(emit, "concat", &join, (struct tensor[2]){x, context}, 2);
    x = lstm(build, dropout(build, x), length, 1);
    if (i >= 2) x = emit_join(emit, OP_ADD, "residual", x, residual);
  }
  emit_leave(emit);
  return x;
}

static bool generate_gnmt(struct generation *generation, struct error *error) {
  struct gnmt *const model = ARENA_NEW(generation->arena, struct gnmt, 1);
  if (!generation_settings(generation, &gnmt_fields, model, NULL, 0, error)) return false;
  struct build build = {.model = model, .n_groups = GROUP_RECURRENT};
  emitter_init(&build.emit, generation);
  const struct tensor decoded = decoder(&build, encoder(&build));
  const uint64_t n_rows = rows(&build, model->target_length);
  const struct gemm classifier = {.n = model->vocab, .n_bias = model->vocab, .group = OP_ABSENT};
  emit_loss(&build.emit, linear(&build, "classifier", decoded, n_rows, &classifier), n_rows);
  return emitter_finish(&build.emit, generation, error);
}

const struct workload_generator gnmt_generator = {"gnmt", "Recurrent translators with attention.", "sentence pair",
                                                  &gnmt_fields, generate_gnmt};

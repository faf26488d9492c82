/* Which operators make a recommender that reads what a user clicked?
 *
 * DIN (arXiv 1706.06978): each item of the history is weighed by a small network that sees it beside the candidate.
 * DIEN (arXiv 1809.03672): the history passes a GRU, the network weighs its states, and a second GRU, whose update gate
 * the weights scale, evolves over them; an auxiliary network tells each next click from an item not clicked. Shapes
 * after the authors' code (github.com/mouna99/dien, script/model.py, utils.py). As in gnmt.c a GRU's product with its
 * inputs is one GEMM over all steps, and the recurrent one a chain of GEMMs that share one parameter. Choices: the
 * candidate's recurrent product runs with the gates' (as cuDNN does); of the negatives only the one that is used is
 * looked up. Left out: two lane operations a unit by which attention scales the update gate, and histories of different
 * lengths. */
#include "workloads/emit.h"
#include <stdio.h>

enum { GROUP_ITEMS, GROUP_CATEGORIES, GROUP_AUXILIARY, GROUPS_A_NETWORK = 8, GROUP_RECURRENT = 2 * GROUPS_A_NETWORK };
enum { N_GATES = 3, N_CLASSES = 2, N_PARTS = 4, MAX_STEPS = 2000 };

struct din {
  const char *kind;
  uint64_t users, items, categories, embedding_width, history;
  bool evolution;
  struct uint_list attention, auxiliary, top;
};

#define NUMBER(name, least, most, default_text, doc)                                                                   \
  { #name, FIELD_UINT, "", least, most, default_text, doc, offsetof(struct din, name), ROLE_ANSWER, NULL }
#define LIST(name, default_text, doc)                                                                                  \
  {                                                                                                                    \
#name, FIELD_UINT_LIST, "", 1, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct din, name), ROLE_ANSWER,     \
        NULL                                                                                                           \
  }

static const struct field din_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct din, kind), ROLE_ANSWER, NULL},
    NUMBER(users, 1, EMIT_MAX_DIMENSION, NULL, "Rows of the table of users."),
    NUMBER(items, 1, EMIT_MAX_DIMENSION, NULL, "Rows of the table of items."),
    NUMBER(categories, 1, EMIT_MAX_DIMENSION, NULL, "Rows of the table of categories."),
    NUMBER(embedding_width, 1, 1e6, "18", "Width of a row; an item is its own and its category's."),
    NUMBER(history, 2, MAX_STEPS, "100", "Items a user has clicked."),
    {"evolution", FIELD_BOOL, "", 0, 0, "false", "Two GRUs over the history (DIEN).", offsetof(struct din, evolution),
     ROLE_ANSWER, NULL},
    LIST(attention, "[80, 40]", "Widths of the network that weighs an item, before its one output."),
    LIST(auxiliary, "[100, 50]", "Widths of the network that judges the next click, before its two outputs; DIEN's."),
    LIST(top, "[200, 80]", "Widths of the network on top, before its two outputs."),
};
static const struct field_table din_fields = {"din", "A recommender that reads a history.", din_field_list,
                                              sizeof din_field_list / sizeof *din_field_list};

struct build {
  struct emitter emit;
  const struct din *model;
  uint64_t width; /* of an item: of every vector of the history */
};

static uint64_t of_batch(struct build *build, uint64_t n) { return emit_product(&build->emit, build->emit.batch, n); }

static struct tensor shape(struct build *build, uint64_t n_rows, uint64_t width) {
  return (struct tensor){.rank = 2, .elements = emit_product(&build->emit, n_rows, width), .row = width};
}

static struct tensor concat(struct build *build, const char *name, const struct tensor *parts, size_t n) {
  const uint64_t n_rows = parts[0].elements / parts[0].row;
  uint64_t width = 0;
  for (size_t i = 0; i < n; i++) width += parts[i].row;
  const struct vector_op side_by_side = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = shape(build, n_rows, width)};
  return emit_vector(&build->emit, name, &side_by_side, parts, n);
}

/* --- small networks -------------------------------------------------------------------------------------------- */

/* `group` + OP_ABSENT: its own weights. */
static struct tensor dense(struct build *build, const char *name, struct tensor x, uint64_t n, uint32_t group,
                           bool borrowed) {
  const struct gemm gemm = {.reps = 1,
                            .m = x.elements / x.row,
                            .n = n,
                            .k = x.row,
                            .n_bias = n,
                            .group = group,
                            .borrowed = borrowed,
                            .rank = 2};
  return emit_gemm(&build->emit, name, x, &gemm);
}

/* positive + alpha·(x − positive), an alpha a channel. */
static struct tensor lean(struct build *build, const char *part, struct tensor x, struct tensor positive) {
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.rest", part);
  const struct tensor rest = emit_join(emit, OP_SUB, name, x, positive);
  snprintf(name, sizeof name, "%s.alpha", part);
  const struct tensor scaled = emit_norm(emit, OP_MUL, name, rest, x.row);
  snprintf(name, sizeof name, "%s.activation", part);
  return emit_join(emit, OP_ADD, name, positive, scaled);
}

/* Dice: a PReLU whose bend follows the batch. */
static struct tensor dice(struct build *build, const char *part, struct tensor x) {
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  const struct vector_op norm = {.kind = OP_BATCH_NORM, .n_channels = x.row, .group = OP_ABSENT, .out = x};
  snprintf(name, sizeof name, "%s.norm", part);
  const struct tensor normed = emit_vector(emit, name, &norm, &x, 1);
  snprintf(name, sizeof name, "%s.gate", part);
  const struct tensor gate = emit_map(emit, OP_SIGMOID, name, normed);
  snprintf(name, sizeof name, "%s.positive", part);
  return lean(build, part, x, emit_join(emit, OP_MUL, name, x, gate));
}

/* Layers with sigmoids, then `n_outputs` without. With a group every layer takes one of it. */
static struct tensor network(struct build *build, const char *part, struct tensor x, const struct uint_list *widths,
                             uint64_t n_outputs, uint32_t group, bool borrowed) {
  char name[EMIT_NAME_BYTES];
  for (uint32_t i = 0; i <= widths->n; i++) {
    const bool last = i == widths->n;
    snprintf(name, sizeof name, "%s%u.linear", part, i);
    x = dense(build, name, x, last ? n_outputs : widths->values[i], group == OP_ABSENT ? group : group + i, borrowed);
    snprintf(name, sizeof name, "%s%u.activation", part, i);
    if (!last) x = emit_map(&build->emit, OP_SIGMOID, name, x);
  }
  return x;
}

/* --- the history ----------------------------------------------------------------------------------------------- */

static struct tensor look_up(struct build *build, const char *what, uint64_t n, uint64_t n_rows, uint32_t group,
                             bool borrowed) {
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  const struct tensor ids = emit_input(emit, what, n, 1, EMIT_INDEX_BYTES);
  const struct tensor out = shape(build, n, build->model->embedding_width);
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, n_rows, out.row),
                                  .n_weights = out.elements,
                                  .group = group,
                                  .borrowed = borrowed,
                                  .out = out};
  snprintf(name, sizeof name, "%s.table", what);
  return emit_vector(emit, name, &table, &ids, 1);
}

/* Items with their categories, n of them. */
static struct tensor items(struct build *build, const char *what, uint64_t n, bool borrowed) {
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.item", what);
  const struct tensor item = look_up(build, name, n, build->model->items, GROUP_ITEMS, borrowed);
  snprintf(name, sizeof name, "%s.category", what);
  const struct tensor category = look_up(build, name, n, build->model->categories, GROUP_CATEGORIES, borrowed);
  snprintf(name, sizeof name, "%s.concat", what);
  return concat(build, name, (struct tensor[2]){item, category}, 2);
}

/* A weight for each vector of the history, by a network that sees it beside the candidate, their difference and their
 * product. */
static struct tensor weights_of(struct build *build, struct tensor candidate, struct tensor history) {
  struct emitter *const emit = &build->emit;
  struct tensor parts[N_PARTS] = {[1] = history};
  const struct vector_op repeat = {.kind = OP_GATHER, .group = OP_ABSENT, .out = history};
  parts[0] = emit_vector(emit, "attention.repeat", &repeat, &candidate, 1);
  parts[2] = emit_join(emit, OP_SUB, "attention.difference", parts[0], history);
  parts[3] = emit_join(emit, OP_MUL, "attention.product", parts[0], history);
  struct tensor scores = concat(build, "attention.concat", parts, N_PARTS);
  scores = network(build, "attention", scores, &build->model->attention, 1, OP_ABSENT, false);
  scores.row = build->model->history;
  scores = emit_map(emit, OP_MASK, "attention.mask", scores);
  return emit_map(emit, OP_SOFTMAX, "attention.softmax", scores);
}

/* One GRU over `x`; `weights`, if given, scale its update gates. The states of all steps go to `states`. */
static void gru(struct build *build, const char *part, struct tensor x, const struct tensor *weights, uint32_t group,
                struct tensor *states) {
  struct emitter *const emit = &build->emit;
  const uint64_t width = build->width, n = of_batch(build, width);
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.input", part);
  const struct tensor input = dense(build, name, x, N_GATES * width, OP_ABSENT, false);
  snprintf(name, sizeof name, "%s.start", part);
  struct tensor state = emit_input(emit, name, n, width, (uint8_t)emit->element_bytes);
  const struct gemm gemm = {.reps = 1, .m = emit->batch, .n = N_GATES * width, .k = width, .group = group, .rank = 2};
  const struct vector_op cell = {
      .kind = OP_GRU_CELL, .n_lanes = n, .group = OP_ABSENT, .out = shape(build, emit->batch, width)};
  for (uint32_t step = 0; step < build->model->history; step++) {
    struct gemm recurrent_gemm = gemm;
    recurrent_gemm.borrowed = step > 0;
    snprintf(name, sizeof name, "%s.step%u.recurrent", part, step);
    const struct tensor recurrent = emit_gemm(emit, name, state, &recurrent_gemm);
    snprintf(name, sizeof name, "%s.step%u.slice", part, step);
    struct tensor operands[N_PARTS] = {recurrent, emit_view(emit, name, recurrent, &input, 1), state};
    if (weights != NULL) {
      operands[N_PARTS - 1] = *weights;
      operands[N_PARTS - 1].elements = emit->batch;
    }
    snprintf(name, sizeof name, "%s.step%u.cell", part, step);
    states[step] = state = emit_vector(emit, name, &cell, operands, weights != NULL ? N_PARTS : N_PARTS - 1);
  }
}

/* Is this the item that was clicked next? */
static void judge(struct build *build, const char *part, struct tensor states, struct tensor next, bool borrowed) {
  struct emitter *const emit = &build->emit;
  emit_enter(emit, OP_ABSENT, part, OP_ABSENT);
  const struct tensor seen = concat(build, "concat", (struct tensor[2]){states, next}, 2);
  const struct vector_op norm = {.kind = OP_BATCH_NORM,
                                 .n_channels = seen.row,
                                 .n_parameters = 2 * seen.row,
                                 .n_weights = 2 * seen.row,
                                 .group = GROUP_AUXILIARY,
                                 .borrowed = borrowed,
                                 .out = seen};
  const struct tensor normed = emit_vector(emit, "norm", &norm, &seen, 1);
  const struct tensor chances =
      network(build, "layer", normed, &build->model->auxiliary, N_CLASSES, GROUP_AUXILIARY + 1, borrowed);
  emit_loss(emit, chances, chances.elements / N_CLASSES);
  emit_leave(emit);
}

/* What the history says of the candidate, once two GRUs have read it. */
static struct tensor evolve(struct build *build, struct tensor candidate, struct tensor history) {
  struct emitter *const emit = &build->emit;
  const uint64_t n = build->model->history, n_followed = of_batch(build, n - 1);
  struct tensor states[MAX_STEPS];
  gru(build, "interest", history, NULL, GROUP_RECURRENT, states);
  const struct tensor read = emit_view(emit, "interest.states", history, states, n);
  struct tensor before = read, after = history, other = items(build, "negative", of_batch(build, n), true);
  before.elements = after.elements = other.elements = emit_product(emit, n_followed, build->width);
  judge(build, "click", before, after, false);
  judge(build, "no_click", before, other, true);
  const struct tensor query = dense(build, "query.linear", candidate, build->width, OP_ABSENT, false);
  const struct tensor bent = lean(build, "query", query, emit_map(emit, OP_RELU, "query.positive", query));
  const struct tensor weights = weights_of(build, bent, read);
  gru(build, "evolution", read, &weights, GROUP_RECURRENT + 1, states);
  return states[n - 1];
}

/* The sum of the history by its weights. */
static struct tensor pool(struct build *build, struct tensor candidate, struct tensor history) {
  const struct gemm sum = {
      .reps = build->emit.batch, .m = 1, .n = build->width, .k = build->model->history, .group = OP_ABSENT, .rank = 2};
  return emit_matmul(&build->emit, "attention.sum", weights_of(build, candidate, history), history, &sum);
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

static void predict(struct build *build, struct tensor x) {
  struct emitter *const emit = &build->emit;
  const struct uint_list *const widths = &build->model->top;
  char part[EMIT_NAME_BYTES / 2], name[EMIT_NAME_BYTES];
  x = emit_batch_norm(emit, "top.norm", x, x.row);
  for (uint32_t i = 0; i < widths->n; i++) {
    snprintf(part, sizeof part, "top%u", i);
    snprintf(name, sizeof name, "%s.linear", part);
    x = dice(build, part, dense(build, name, x, widths->values[i], OP_ABSENT, false));
  }
  emit_loss(emit, dense(build, "top.output", x, N_CLASSES, OP_ABSENT, false), emit->batch);
}

static bool generate_din(struct generation *generation, struct error *error) {
  struct din *const model = ARENA_NEW(generation->arena, struct din, 1);
  if (!generation_settings(generation, &din_fields, model, NULL, 0, error)) return false;
  if (model->auxiliary.n + 1 >= GROUPS_A_NETWORK)
    return generation_reject(generation, "auxiliary", error, "has %zu widths, allowed are at most %d",
                             (size_t)model->auxiliary.n, GROUPS_A_NETWORK - 2);
  struct build build = {.model = model, .width = 2 * model->embedding_width};
  struct emitter *const emit = &build.emit;
  emitter_init(emit, generation);
  const struct tensor user = look_up(&build, "user", emit->batch, model->users, OP_ABSENT, false);
  const struct tensor candidate = items(&build, "candidate", emit->batch, false);
  const struct tensor history = items(&build, "history", of_batch(&build, model->history), true);
  if (!emitter_finish(emit, generation, error)) return false;
  const struct vector_op sum = {.kind = OP_REDUCE,
                                .n_lanes = history.elements,
                                .group = OP_ABSENT,
                                .out = shape(&build, emit->batch, build.width)};
  const struct tensor total = emit_vector(emit, "history.sum", &sum, &history, 1);
  const struct tensor interest =
      model->evolution ? evolve(&build, candidate, history) : pool(&build, candidate, history);
  const struct tensor product = emit_join(emit, OP_MUL, "top.product", candidate, total);
  predict(&build, concat(&build, "top.concat", (struct tensor[5]){user, candidate, total, product, interest}, 5));
  return emitter_finish(emit, generation, error);
}

const struct workload_generator din_generator = {"din", "Recommenders that read a user's history.", "record",
                                                 &din_fields, generate_din};

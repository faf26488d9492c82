/* Which operators make a recommender?
 *
 * DLRM: numbers through a bottom network, categories through tables, all vectors multiplied with each other, a top
 * network on the products. Source: workloads §2.3. The interaction is a full product of which the lower triangle is
 * used. With interaction = "concat" the vectors only stand side by side (Wide & Deep, Cheng et al., arXiv 1606.07792;
 * neural collaborative filtering, He et al., arXiv 1708.05031), and numbers may do without a bottom network. With
 * interaction = "cross" the row of all of them is crossed with itself by low-rank matrices (DCN v2, Wang et al., arXiv
 * 2008.13535, eq. 2, as MLPerf's DLRM-DCNv2 has it). Left out: how tables are spread over devices, records that look up
 * different numbers of rows of one table; sums of single weights beside the
 * network (the wide part), products of two vectors element by element. */
#include "workloads/emit.h"
#include <stdio.h>

enum { MAX_TABLES = EMIT_MAX_OPERANDS - 1 }; /* joined by one op, beside the bottom network */

enum interaction { INTERACTION_DOT, INTERACTION_CONCAT, INTERACTION_CROSS };
static const char *const interactions[] = {"dot", "concat", "cross", NULL};

struct dlrm {
  const char *kind;
  uint64_t numeric, tables, embedding_width, interaction, cross_layers, cross_rank;
  struct uint_list rows, lookups, bottom, top;
};

#define NUMBER(name, least, most, default_text, doc)                                                                   \
  { #name, FIELD_UINT, "", least, most, default_text, doc, offsetof(struct dlrm, name), ROLE_ANSWER, NULL }
#define LIST(name, default_text, doc)                                                                                  \
  {                                                                                                                    \
#name, FIELD_UINT_LIST, "", 1, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct dlrm, name), ROLE_ANSWER,    \
        NULL                                                                                                           \
  }

static const struct field dlrm_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct dlrm, kind), ROLE_ANSWER, NULL},
    NUMBER(numeric, 0, EMIT_MAX_DIMENSION, "13", "Numbers of a record; 0 with interaction = \"concat\" alone."),
    NUMBER(tables, 1, MAX_TABLES, "26", "Categories of a record, each with a table."),
    NUMBER(embedding_width, 1, EMIT_MAX_DIMENSION, "128", "Width of a row of every table."),
    LIST(lookups, "[1]", "Rows of each table that a record looks up, and sums, or one number for all."),
    LIST(rows, "[100000]", "Rows of each table, or one number for all."),
    {"interaction", FIELD_CHOICE, "", 0, 0, "\"dot\"",
     "What the top network sees: products of all vectors, or them, as they are or crossed.",
     offsetof(struct dlrm, interaction), ROLE_ANSWER, interactions},
    NUMBER(cross_layers, 1, 1000, "3", "interaction = \"cross\": times that the vectors are crossed with themselves."),
    NUMBER(cross_rank, 1, EMIT_MAX_DIMENSION, "512",
           "interaction = \"cross\": width between the two matrices of each."),
    LIST(bottom, "[512, 256, 128]",
         "Widths of the bottom network; the last is embedding_width; may be none with interaction = \"concat\"."),
    LIST(top, "[1024, 1024, 512, 256, 1]", "Widths of the top network; the last is 1."),
};
static const struct field_table dlrm_fields = {"dlrm", "A recommender.", dlrm_field_list,
                                               sizeof dlrm_field_list / sizeof *dlrm_field_list};

struct build {
  struct emitter emit;
  const struct dlrm *model;
};

static struct tensor layers(struct build *build, const char *part, struct tensor x, const struct uint_list *widths,
                            bool ends_in_sigmoid) {
  struct emitter *const emit = &build->emit;
  for (uint32_t i = 0; i < widths->n; i++) {
    char name[EMIT_NAME_BYTES];
    const uint64_t width = widths->values[i];
    const struct gemm gemm = {
        .reps = 1, .m = emit->batch, .n = width, .k = x.row, .n_bias = width, .group = OP_ABSENT, .rank = 2};
    snprintf(name, sizeof name, "%s%u.linear", part, i);
    x = emit_gemm(emit, name, x, &gemm);
    snprintf(name, sizeof name, "%s%u.activation", part, i);
    x = emit_map(emit, ends_in_sigmoid && i + 1 == widths->n ? OP_SIGMOID : OP_RELU, name, x);
  }
  return x;
}

/* A row of table `i` for each record, or the sum of several. */
static struct tensor look_up(struct build *build, uint32_t i) {
  struct emitter *const emit = &build->emit;
  const struct dlrm *const model = build->model;
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "category%u", i);
  const uint64_t n_rows_a_record = model->lookups.values[model->lookups.n == 1 ? 0 : i];
  const uint64_t n_ids = emit_product(emit, emit->batch, n_rows_a_record);
  const struct tensor ids = emit_input(emit, name, n_ids, 1, EMIT_INDEX_BYTES);
  const uint64_t n_rows = model->rows.values[model->rows.n == 1 ? 0 : i];
  struct tensor out = {
      .rank = 2, .elements = emit_product(emit, n_ids, model->embedding_width), .row = model->embedding_width};
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, n_rows, model->embedding_width),
                                  .n_weights = out.elements,
                                  .group = OP_ABSENT,
                                  .out = out};
  snprintf(name, sizeof name, "table%u", i);
  const struct tensor found = emit_vector(emit, name, &table, &ids, 1);
  if (n_rows_a_record == 1) return found;
  out.elements = emit_product(emit, emit->batch, out.row);
  const struct vector_op sum = {.kind = OP_REDUCE, .n_lanes = found.elements, .group = OP_ABSENT, .out = out};
  snprintf(name, sizeof name, "table%u.sum", i);
  return emit_vector(emit, name, &sum, &found, 1);
}

/* Vectors of a record side by side, as one row. */
static struct tensor join(struct build *build, const char *name, const struct tensor *parts, size_t n, uint64_t width) {
  struct emitter *const emit = &build->emit;
  const struct vector_op join = {.kind = OP_CONCAT,
                                 .group = OP_ABSENT,
                                 .out = {.rank = 2, .elements = emit_product(emit, emit->batch, width), .row = width}};
  return emit_vector(emit, name, &join, parts, n);
}

/* The same as a matrix, a row a vector. */
static struct tensor stack(struct build *build, const struct tensor *vectors, size_t n) {
  struct emitter *const emit = &build->emit;
  const uint64_t width = build->model->embedding_width;
  const uint64_t elements = emit_product(emit, emit->batch, emit_product(emit, n, width));
  const struct vector_op side = {
      .kind = OP_CONCAT, .group = OP_ABSENT, .out = {.rank = 3, .elements = elements, .row = width}};
  return emit_vector(emit, "interaction.vectors", &side, vectors, n);
}

/* Every vector with every other, beside the bottom network's output. */
static struct tensor interaction(struct build *build, struct tensor vectors, struct tensor bottom) {
  struct emitter *const emit = &build->emit;
  const uint64_t n = build->model->tables + 1, n_pairs = n * (n - 1) / 2;
  const struct gemm all = {
      .reps = emit->batch, .m = n, .n = n, .k = build->model->embedding_width, .group = OP_ABSENT, .rank = 3};
  const struct tensor square = emit_matmul(emit, "interaction.dot", vectors, vectors, &all);
  const struct vector_op triangle = {
      .kind = OP_GATHER,
      .group = OP_ABSENT,
      .out = {.rank = 2, .elements = emit_product(emit, emit->batch, n_pairs), .row = n_pairs}};
  const struct tensor pairs = emit_vector(emit, "interaction.triangle", &triangle, &square, 1);
  return join(build, "interaction.concat", (struct tensor[2]){bottom, pairs}, 2, n_pairs + bottom.row);
}

/* x ← x₀ · (W·(V·x) + b) + x, so often. */
static struct tensor cross(struct build *build, struct tensor first) {
  struct emitter *const emit = &build->emit;
  const struct dlrm *const model = build->model;
  struct tensor x = first;
  for (uint32_t i = 0; i < model->cross_layers && !emit->overflow; i++) {
    emit_enter(emit, OP_ABSENT, "cross", i);
    const struct gemm down = {
        .reps = 1, .m = emit->batch, .n = model->cross_rank, .k = first.row, .group = OP_ABSENT, .rank = 2};
    const struct gemm up = {.reps = 1,
                            .m = emit->batch,
                            .n = first.row,
                            .k = model->cross_rank,
                            .n_bias = first.row,
                            .group = OP_ABSENT,
                            .rank = 2};
    const struct tensor wide = emit_gemm(emit, "up", emit_gemm(emit, "down", x, &down), &up);
    x = emit_join(emit, OP_ADD, "residual", x, emit_join(emit, OP_MUL, "product", first, wide));
  }
  emit_leave(emit);
  return x;
}

static bool check(const struct generation *generation, const struct dlrm *model, struct error *error) {
  const size_t n_before = error->n_messages;
  if (model->rows.n != 1 && model->rows.n != model->tables)
    generation_reject(generation, "rows", error, "has %zu values, allowed are 1 and tables = %llu", model->rows.n,
                      (unsigned long long)model->tables);
  if (model->lookups.n != 1 && model->lookups.n != model->tables)
    generation_reject(generation, "lookups", error, "has %zu values, allowed are 1 and tables = %llu", model->lookups.n,
                      (unsigned long long)model->tables);
  const bool dot = model->interaction == INTERACTION_DOT;
  if (dot && model->numeric == 0)
    generation_reject(generation, "numeric", error, "is 0, allowed is that with interaction = \"concat\" alone");
  if (model->numeric == 0 && model->bottom.n > 0 && !dot)
    generation_reject(generation, "bottom", error, "has no numbers to work on, allowed is [] with numeric = 0");
  if (dot && (model->bottom.n == 0 || model->bottom.values[model->bottom.n - 1] != model->embedding_width))
    generation_reject(generation, "bottom", error, "does not end in embedding_width = %llu, which alone is allowed",
                      (unsigned long long)model->embedding_width);
  if (model->top.n == 0 || model->top.values[model->top.n - 1] != 1)
    generation_reject(generation, "top", error, "does not end in 1, which alone is allowed");
  return error->n_messages == n_before;
}

static bool generate_dlrm(struct generation *generation, struct error *error) {
  struct dlrm *const model = ARENA_NEW(generation->arena, struct dlrm, 1);
  if (!generation_settings(generation, &dlrm_fields, model, NULL, 0, error) || !check(generation, model, error))
    return false;
  struct build build = {.model = model};
  struct emitter *const emit = &build.emit;
  emitter_init(emit, generation);
  struct tensor *const vectors = ARENA_NEW(generation->arena, struct tensor, model->tables + 1);
  uint64_t n = 0, numbers_width = 0;
  if (model->numeric > 0) {
    const struct tensor numbers = emit_input(emit, "numbers", emit_product(emit, emit->batch, model->numeric),
                                             model->numeric, (uint8_t)emit->element_bytes);
    vectors[n++] = layers(&build, "bottom", numbers, &model->bottom, false);
    numbers_width = vectors[0].row;
  }
  for (uint32_t i = 0; i < model->tables && !emit->overflow; i++) vectors[n++] = look_up(&build, i);
  if (!emitter_finish(emit, generation, error)) return false;
  const uint64_t tables_width = emit_product(emit, model->tables, model->embedding_width);
  struct tensor seen;
  if (model->interaction == INTERACTION_DOT)
    seen = interaction(&build, stack(&build, vectors, n), vectors[0]);
  else
    seen = join(&build, "interaction.concat", vectors, n, tables_width + numbers_width);
  if (model->interaction == INTERACTION_CROSS) seen = cross(&build, seen);
  const struct tensor click = layers(&build, "top", seen, &model->top, true);
  emit_loss(emit, click, emit->batch);
  return emitter_finish(emit, generation, error);
}

const struct workload_generator dlrm_generator = {"dlrm", "Recommenders with tables and interactions.", "record",
                                                  &dlrm_fields, generate_dlrm};

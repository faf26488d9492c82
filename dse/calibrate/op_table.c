/* What operator does a row of OPS.csv mean?
 *
 * Bounds by the kind's family, bytes by kind and phase: those of the op that a training step has (workloads §6,
 * cost-model §3), each operand once. Backward-data of a product or convolution is the gradient of its first operand,
 * backward-weight that of the second. Left out: followers, operands that several ops share, biases. */
#include "dse/calibrate/op_table.h"
#include "base/checked.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

const char op_table_columns[] =
    "operators: name,kind,phase,batch,m,n,k,c,h,w,r,s,stride,pad,output_pad,dilation,groups,causal,elements,operands,"
    "second,bytes,ranks,element_bytes";

const char op_table_help[] =
    "A row of OPS.csv fills the columns that its kind needs, in any order; further columns are ignored. Kinds:\n"
    "dse list operators.\n"
    "  all              name; kind; element_bytes (default 2); phase: forward (default), backward-data,\n"
    "                   backward-weight, update (optimizers, whose default it is)\n"
    "  gemm             batch (1) x [m x k][k x n]; batch 1: the second operand is a weight. The bounds are those\n"
    "                   of the forward product in every phase\n"
    "  conv             batch (1) images, c input and k output channels, h, w input size, r, s filter, stride (1),\n"
    "                   pad (0), dilation (1), groups (1)\n"
    "  depthwise        as conv without k and groups\n"
    "  transposed_conv  as conv, and output_pad (0): the output is (h-1) stride - 2 pad + dilation (r-1) + 1 +\n"
    "                   output_pad high\n"
    "  attention        fused: batch heads x samples, m queries, n keys (m), k width of a head, groups heads that\n"
    "                   share a key (1), causal (0 or 1)\n"
    "  elementwise      elements of the result; add, sub, mul, div: operands (2), second: elements of the second\n"
    "                   operand (as many); dropout, max_pool write a mask, too\n"
    "  rows             softmax, norms, cross_entropy, reductions, top_k: elements of the input, n: length of a row\n"
    "                   (all); top_k: k of a row (1); batch_norm: c channels (1), n: elements of one (all/c)\n"
    "  pools            elements of the result, r, s window (1, r), stride (1)\n"
    "  tables           embedding, gather, scatter: elements moved, n: length of a row (all)\n"
    "  cells            lstm_cell, gru_cell, rnn_cell: elements = samples x width; their products are gemm rows\n"
    "  optimizers       sgd, momentum, adam: elements = parameters; fp32 master copy and moments\n"
    "  collectives      all_reduce, ...: bytes of the whole tensor, ranks\n"
    "Prints CSV.";

enum { INDEX_BYTES = 4, FP32_BYTES = 4 };

struct row {
  const struct csv *csv;
  size_t index;
  struct error *error;
  bool bad;
};

static const char *text_of(const struct row *row, const char *column) {
  const size_t c = csv_column(row->csv, column);
  return c == SIZE_MAX ? "" : csv_cell(row->csv, row->index, c);
}

static bool reject(struct row *row, const char *column, const char *what) {
  row->bad = true;
  return error_add(row->error, STATUS_INPUT, "%s:%u: %s: %s", row->csv->path, row->csv->line[row->index], column, what);
}

/* A cell's number; an empty or absent one is the fallback, and an error if that is 0. */
static uint64_t cell(struct row *row, const char *column, uint64_t fallback) {
  const char *text = text_of(row, column);
  uint64_t value = fallback;
  const bool fine =
      text[0] == 0 ? fallback > 0 : text_to_u64(text, &value) && value >= 1 && value < (UINT64_C(1) << 48);
  if (fine) return value;
  char shown[80], what[160];
  text_escape(text, shown, sizeof shown);
  snprintf(what, sizeof what, "\"%s\", a whole number from 1 to 2^48 was expected", shown);
  reject(row, column, what);
  return 1;
}

/* The same where 0 is a number, too, and the default. */
static uint64_t cell_or_zero(struct row *row, const char *column) {
  const char *text = text_of(row, column);
  return text[0] == 0 || strcmp(text, "0") == 0 ? 0 : cell(row, column, 0);
}

static uint64_t product4(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  return sat_mul(sat_mul(a, b), sat_mul(c, d));
}

static uint64_t sum3(uint64_t a, uint64_t b, uint64_t c) { return sat_add(a, sat_add(b, c)); }

/* --- tensor ops ---------------------------------------------------------------------------------------------------*/

/* The three products of C = A·B: C; dA = dC·Bᵀ; dB = Aᵀ·dC. */
static void gemm_op(struct row *row, struct op *op) {
  const uint64_t e = op->element_bytes;
  const uint64_t reps = cell(row, "batch", 1), m = cell(row, "m", 0), n = cell(row, "n", 0), k = cell(row, "k", 0);
  const uint64_t a = product4(reps, m, k, e), b = product4(reps, k, n, e), c = product4(reps, m, n, e);
  const bool data = op->phase == PHASE_BACKWARD_DATA, weight = op->phase == PHASE_BACKWARD_WEIGHT;
  op->weighted = reps == 1 && !weight;
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_M] = weight ? k : m;
  op->dim[DIM_N] = data ? k : n;
  op->dim[DIM_K] = weight ? m : data ? n : k;
  op->in_bytes = weight ? sat_add(a, c) : data ? c : a;
  op->out_bytes = weight ? b : data ? a : c;
  if (weight) return;
  if (op->weighted)
    op->weight_bytes = b;
  else
    op->in_bytes = sat_add(op->in_bytes, b);
}

static void set_conv_bytes(struct op *op, uint64_t in, uint64_t weights, uint64_t out) {
  const uint64_t e = op->element_bytes;
  const bool data = op->phase == PHASE_BACKWARD_DATA, weight = op->phase == PHASE_BACKWARD_WEIGHT;
  op->in_bytes = sat_mul(weight ? sat_add(in, out) : data ? out : in, e);
  op->out_bytes = sat_mul(weight ? weights : data ? in : out, e);
  op->weight_bytes = weight ? 0 : sat_mul(weights, e);
}

/* Bounds that all convolutions share; the rest are those of an ordinary one. */
static void window_of(struct row *row, struct op *op) {
  op->dim[DIM_IMAGES] = cell(row, "batch", 1);
  op->dim[DIM_FILTER_HEIGHT] = cell(row, "r", 0);
  op->dim[DIM_FILTER_WIDTH] = cell(row, "s", 0);
  op->dim[DIM_STRIDE] = cell(row, "stride", 1);
  op->dim[DIM_PAD_HEIGHT] = op->dim[DIM_PAD_WIDTH] = cell_or_zero(row, "pad");
  op->dim[DIM_DILATION] = cell(row, "dilation", 1);
}

static void conv_op(struct row *row, struct op *op) {
  const uint64_t *const d = op->dim, c = cell(row, "c", 0);
  const bool depthwise = op->kind == OP_DEPTHWISE;
  window_of(row, op);
  op->dim[DIM_IN_CHANNELS] = c;
  op->dim[DIM_IN_HEIGHT] = cell(row, "h", 0);
  op->dim[DIM_IN_WIDTH] = cell(row, "w", 0);
  op->dim[DIM_OUT_CHANNELS] = depthwise ? c : cell(row, "k", 0);
  op->dim[DIM_GROUPS] = depthwise ? c : cell(row, "groups", 1);
  if (row->bad) return;
  if (op_conv_out_height(op) == 0 || op_conv_out_width(op) == 0 || c % d[DIM_GROUPS] != 0 ||
      d[DIM_OUT_CHANNELS] % d[DIM_GROUPS] != 0) {
    reject(row, "r, s", "the filter must fit the padded input, and groups divide channels");
    return;
  }
  set_conv_bytes(op, product4(d[DIM_IMAGES], c, d[DIM_IN_HEIGHT], d[DIM_IN_WIDTH]),
                 product4(d[DIM_OUT_CHANNELS], c / d[DIM_GROUPS], d[DIM_FILTER_HEIGHT], d[DIM_FILTER_WIDTH]),
                 product4(d[DIM_IMAGES], d[DIM_OUT_CHANNELS], op_conv_out_height(op), op_conv_out_width(op)));
}

/* (size − 1)·stride − 2·pad + dilation·(filter − 1) + 1 + output_pad; 0 if that is none. */
static uint64_t stretched(const struct op *op, uint64_t size, uint64_t filter, uint64_t output_pad) {
  const uint64_t reach = sat_add(sat_mul(op->dim[DIM_DILATION], filter - 1), 1 + output_pad);
  const uint64_t whole = sat_add(sat_mul(size - 1, op->dim[DIM_STRIDE]), reach);
  const uint64_t cut = 2 * op->dim[DIM_PAD_HEIGHT];
  return whole == UINT64_MAX || whole <= cut ? 0 : whole - cut;
}

/* As the convolution from its output to its input: see op.h. */
static void transposed_op(struct row *row, struct op *op) {
  const uint64_t *const d = op->dim, c = cell(row, "c", 0), k = cell(row, "k", 0);
  const uint64_t h = cell(row, "h", 0), w = cell(row, "w", 0), output_pad = cell_or_zero(row, "output_pad");
  window_of(row, op);
  op->dim[DIM_IN_CHANNELS] = k;
  op->dim[DIM_OUT_CHANNELS] = c;
  op->dim[DIM_GROUPS] = cell(row, "groups", 1);
  op->dim[DIM_IN_HEIGHT] = stretched(op, h, d[DIM_FILTER_HEIGHT], output_pad);
  op->dim[DIM_IN_WIDTH] = stretched(op, w, d[DIM_FILTER_WIDTH], output_pad);
  if (row->bad) return;
  if (output_pad >= d[DIM_STRIDE]) {
    reject(row, "output_pad", "it must be less than the stride");
    return;
  }
  if (op_conv_out_height(op) != h || op_conv_out_width(op) != w || c % d[DIM_GROUPS] != 0 || k % d[DIM_GROUPS] != 0) {
    reject(row, "pad", "something must be left of the output, and groups divide channels");
    return;
  }
  set_conv_bytes(op, product4(d[DIM_IMAGES], c, h, w),
                 product4(c, k / d[DIM_GROUPS], d[DIM_FILTER_HEIGHT], d[DIM_FILTER_WIDTH]),
                 product4(d[DIM_IMAGES], k, d[DIM_IN_HEIGHT], d[DIM_IN_WIDTH]));
}

/* Forward reads Q, K, V and writes O; backward reads dO and the rows' statistics, too, and writes dQ, dK, dV. */
static void attention_op(struct row *row, struct op *op) {
  const uint64_t reps = cell(row, "batch", 1), m = cell(row, "m", 0), n = cell(row, "n", m), k = cell(row, "k", 0);
  const uint64_t sharers = cell(row, "groups", 1), e = op->element_bytes, causal = cell_or_zero(row, "causal");
  if (row->bad) return;
  if (causal > 1) reject(row, "causal", "0 or 1 was expected");
  if (causal == 1 && n < m) reject(row, "n", "causal attention needs at least as many keys as queries");
  if (reps % sharers != 0) reject(row, "groups", "it must divide batch, the number of heads");
  const uint64_t dim[OP_DIMS] = {reps, m, n, k, causal, sharers};
  memcpy(op->dim, dim, sizeof op->dim);
  const uint64_t queries = product4(reps, m, k, e), keys = product4(reps / sharers, n, k, 2 * e);
  const bool backward = op->phase != PHASE_FORWARD;
  op->in_bytes = sat_add(queries, keys);
  if (backward) op->in_bytes = sum3(op->in_bytes, sat_mul(2, queries), product4(reps, m, FP32_BYTES, 1));
  op->out_bytes = backward ? sat_add(queries, keys) : queries;
}

/* --- vector ops ---------------------------------------------------------------------------------------------------*/

/* Kinds that move more than elements in and elements out. */
enum form {
  FORM_MAP,
  FORM_PAIR,   /* a second operand, and its gradient */
  FORM_MASK,   /* a byte of mask an element of the result */
  FORM_NORM,   /* weights: a scale, and a shift */
  FORM_REDUCE, /* one of a row */
  FORM_TOP_K,  /* some of a row with their places */
  FORM_POOL,   /* stride² to one */
  FORM_EMBEDDING,
  FORM_GATHER, /* rows and their indices */
  FORM_LOSS,
  FORM_UPDATE,
};

/* Elements' worth read and written, forward and backward; zeros stand for 1, 1 and 2, 1: the gradient and the kept
 * operand or result. Cells, a unit: gates of the input's and the recurrent product and the state before; state and
 * output; backward their gradients and what is kept; and the gradients of what was read. */
static const struct traffic {
  uint8_t form, in, out, backward_in, backward_out;
} traffic[N_OP_KINDS] = {
    [OP_SCALE] = {FORM_MAP, 1, 1, 1, 1},
    [OP_ROTARY] = {FORM_MAP, 1, 1, 1, 1},
    [OP_CONCAT] = {FORM_MAP, 1, 1, 1, 1},
    [OP_ADD] = {FORM_PAIR, 1, 1, 2, 1}, /* backward: the sum of two gradients */
    [OP_SUB] = {FORM_PAIR, 1, 1, 2, 1},
    [OP_MUL] = {FORM_PAIR, 1, 1, 2, 1},
    [OP_DIV] = {FORM_PAIR, 1, 1, 2, 1},
    [OP_DROPOUT] = {FORM_MASK, 1, 1, 1, 1},
    [OP_LAYER_NORM] = {FORM_NORM, 1, 1, 2, 1},
    [OP_RMS_NORM] = {FORM_NORM, 1, 1, 2, 1},
    [OP_BATCH_NORM] = {FORM_NORM, 1, 1, 4, 1},
    [OP_REDUCE] = {FORM_REDUCE, 1, 1, 1, 1},
    [OP_MEAN] = {FORM_REDUCE, 1, 1, 1, 1},
    [OP_TOP_K] = {FORM_TOP_K, 1, 1, 1, 1},
    [OP_AVERAGE_POOL] = {FORM_POOL, 1, 1, 1, 1},
    [OP_MAX_POOL] = {FORM_POOL, 1, 1, 1, 1},
    [OP_EMBEDDING] = {FORM_EMBEDDING, 1, 1, 1, 1},
    [OP_GATHER] = {FORM_GATHER, 1, 1, 1, 1},
    [OP_SCATTER] = {FORM_GATHER, 1, 1, 1, 1},
    [OP_LSTM_CELL] = {FORM_MAP, 9, 2, 8, 9},
    [OP_GRU_CELL] = {FORM_MAP, 7, 1, 6, 7},
    [OP_RNN_CELL] = {FORM_MAP, 2, 1, 2, 2},
    [OP_CROSS_ENTROPY] = {FORM_LOSS, 1, 1, 1, 1},
    [OP_SGD] = {FORM_UPDATE, 1, 1, 1, 1},
    [OP_MOMENTUM] = {FORM_UPDATE, 1, 1, 1, 1},
    [OP_ADAM] = {FORM_UPDATE, 1, 1, 1, 1},
};

static enum form form_of(unsigned kind) { return (enum form)traffic[kind].form; }

struct sizes {
  uint64_t n, rows, second, e;
};

/* Sums over rows for scale and shift, a gradient of a table's rows: ops of other kinds (training_weights.c). */
static void weight_gradient(struct row *row, struct op *op, const struct sizes *sizes) {
  const uint64_t bytes = sat_mul(sizes->n, sizes->e);
  if (form_of(op->kind) == FORM_EMBEDDING) {
    op->kind = OP_SCATTER;
    op->in_bytes = sat_add(bytes, sat_mul(sizes->rows, INDEX_BYTES));
    op->out_bytes = bytes;
    return;
  }
  const uint64_t each = op->kind == OP_RMS_NORM ? 1 : 2;
  const uint64_t length = op->kind == OP_BATCH_NORM ? cell(row, "c", 1) : op->dim[DIM_ROW];
  op->kind = OP_REDUCE;
  op->dim[DIM_ELEMENTS] = sat_mul(sizes->n, each);
  op->dim[DIM_ROW] = 0;
  op->in_bytes = sat_mul(bytes, 2);
  op->out_bytes = sat_mul(sat_mul(length, each), sizes->e);
}

static void update_bytes(struct op *op, const struct sizes *sizes) {
  const uint64_t moments = op->kind == OP_ADAM ? 2 : op->kind == OP_MOMENTUM ? 1 : 0;
  const uint64_t copy = op->kind == OP_ADAM && sizes->e < FP32_BYTES ? sizes->e : 0;
  op->in_bytes = sat_mul(sizes->n, sizes->e);
  op->out_bytes = 0;
  op->weight_bytes = sat_mul(sizes->n, 2 * FP32_BYTES * (1 + moments) + copy);
}

/* `*narrow` is the side of the result, `*wide` that of the operand; most kinds have them as wide. */
static void move_bytes(struct row *row, struct op *op, const struct sizes *sizes, bool backward) {
  const struct traffic *const moved = &traffic[op->kind];
  const uint64_t bytes = sat_mul(sizes->n, sizes->e), second = sat_mul(sizes->second, sizes->e);
  const bool plain = moved->in == 0;
  op->in_bytes = sat_mul(bytes, backward ? (plain ? 2 : moved->backward_in) : (plain ? 1 : moved->in));
  op->out_bytes = sat_mul(bytes, plain ? 1 : backward ? moved->backward_out : moved->out);
  uint64_t *const wide = backward ? &op->out_bytes : &op->in_bytes;
  uint64_t *const narrow = backward ? &op->in_bytes : &op->out_bytes;
  switch (form_of(op->kind)) {
  case FORM_MAP:
  case FORM_NORM:
    return;
  case FORM_PAIR:
    if (!backward || op->kind == OP_MUL || op->kind == OP_DIV) op->in_bytes = sat_add(op->in_bytes, second);
    if (backward && (op->kind == OP_MUL || op->kind == OP_DIV)) op->out_bytes = sat_add(op->out_bytes, second);
    return;
  case FORM_MASK:
    *narrow = sat_add(*narrow, sizes->n);
    return;
  case FORM_REDUCE:
    *narrow = sat_mul(sizes->rows, sizes->e);
    return;
  case FORM_TOP_K:
    *narrow = sat_mul(sat_mul(sizes->rows, cell(row, "k", 1)), sizes->e + INDEX_BYTES);
    return;
  case FORM_POOL: {
    const uint64_t stride = cell(row, "stride", 1);
    *wide = sat_mul(*wide, sat_mul(stride, stride));
    if (op->kind == OP_MAX_POOL) *narrow = sat_add(*narrow, sizes->n); /* which of the window it was */
    return;
  }
  case FORM_EMBEDDING:
    op->in_bytes = sat_mul(sizes->rows, INDEX_BYTES);
    op->weight_bytes = bytes;
    return;
  case FORM_GATHER: /* the gradient goes back where the rows came from */
    if (backward) op->kind = op->kind == OP_GATHER ? OP_SCATTER : OP_GATHER;
    op->in_bytes = sat_add(bytes, sat_mul(sizes->rows, INDEX_BYTES));
    return;
  case FORM_LOSS: /* keeps an fp32 copy of the logits */
    op->in_bytes = backward ? sat_mul(sizes->n, FP32_BYTES) : sat_add(bytes, sat_mul(sizes->rows, INDEX_BYTES));
    op->out_bytes = backward ? bytes : sat_mul(sizes->rows, FP32_BYTES);
    return;
  case FORM_UPDATE:
    update_bytes(op, sizes);
    return;
  }
}

static void pair_of(struct row *row, struct op *op, struct sizes *sizes) {
  const bool pair = form_of(op->kind) == FORM_PAIR;
  const uint64_t operands = cell(row, "operands", pair ? 2 : 1);
  if (operands > (pair ? 2 : 1)) reject(row, "operands", pair ? "1 or 2 was expected" : "this kind has one");
  op->dim[DIM_X_ELEMENTS] = sizes->n;
  op->dim[DIM_X_RANK] = 1;
  op->dim[DIM_OPERANDS] = operands;
  if (operands < 2) return;
  sizes->second = op->dim[DIM_Y_ELEMENTS] = cell(row, "second", sizes->n);
  op->dim[DIM_Y_RANK] = 1;
  if (!row->bad && sizes->second > sizes->n) reject(row, "second", "it must not be more than elements");
}

static void vector_op(struct row *row, struct op *op) {
  struct sizes sizes = {.n = cell(row, "elements", 0), .e = op->element_bytes};
  op->dim[DIM_ELEMENTS] = sizes.n;
  const uint64_t n_channels = op->kind == OP_BATCH_NORM ? cell(row, "c", 1) : 1;
  op->dim[DIM_ROW] = cell(row, "n", max_u64(sizes.n / n_channels, 1));
  sizes.rows = ceil_div(sizes.n, op->dim[DIM_ROW]);
  pair_of(row, op, &sizes);
  if (form_of(op->kind) == FORM_POOL) {
    const uint64_t r = cell(row, "r", 1);
    op->dim[DIM_WINDOW] = sat_mul(r, cell(row, "s", r));
  }
  if (op->phase == PHASE_BACKWARD_WEIGHT)
    weight_gradient(row, op, &sizes);
  else
    move_bytes(row, op, &sizes, op->phase == PHASE_BACKWARD_DATA);
}

/* What a rank holds before and after. */
static void link_op(struct row *row, struct op *op) {
  const uint64_t bytes = cell(row, "bytes", 0), ranks = cell(row, "ranks", 0);
  op->dim[DIM_BYTES] = bytes;
  op->dim[DIM_RANKS] = ranks;
  op->in_bytes = op->kind == OP_ALL_GATHER ? ceil_div(bytes, ranks) : bytes;
  op->out_bytes = op->kind == OP_REDUCE_SCATTER ? ceil_div(bytes, ranks) : bytes;
}

/* --- the row ------------------------------------------------------------------------------------------------------*/

static bool kind_of(struct row *row, enum op_kind *kind) {
  *kind = OP_FREE;
  const char *const text = text_of(row, "kind");
  const char *names[N_OP_KINDS];
  size_t n = 0;
  for (size_t i = 0; i < N_OP_KINDS; i++) {
    if (op_kinds[i].class == CLASS_NONE) continue;
    names[n++] = op_kinds[i].name;
    if (strcmp(text, op_kinds[i].name) == 0) *kind = (enum op_kind)i;
  }
  if (*kind != OP_FREE) return true;
  char shown[80], what[240];
  text_escape(text, shown, sizeof shown);
  const char *nearest = text_nearest(text, names, n);
  snprintf(what, sizeof what, "unknown operator \"%s\"%s%s%s (dse list operators)", shown,
           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return reject(row, "kind", what);
}

/* Which passes a kind has, a bit a phase. */
static unsigned phases_of(enum op_kind kind) {
  const unsigned forward = 1u << PHASE_FORWARD, data = 1u << PHASE_BACKWARD_DATA, weight = 1u << PHASE_BACKWARD_WEIGHT;
  switch (op_kinds[kind].family) {
  case FAMILY_GEMM:
  case FAMILY_CONV:
    return forward | data | weight;
  case FAMILY_ATTENTION:
    return forward | data;
  case FAMILY_LINK:
  case FAMILY_NONE:
    return forward;
  case FAMILY_VECTOR:
    break;
  }
  if (form_of(kind) == FORM_UPDATE) return forward | 1u << PHASE_UPDATE;
  if (form_of(kind) == FORM_EMBEDDING) return forward | weight;
  return form_of(kind) == FORM_NORM ? forward | data | weight : forward | data;
}

static bool phase_of(struct row *row, struct op *op) {
  const char *const text = text_of(row, "phase");
  const unsigned allowed = phases_of(op->kind);
  op->phase = allowed & 1u << PHASE_UPDATE ? PHASE_UPDATE : PHASE_FORWARD;
  if (text[0] == '\0') return true;
  char what[240], shown[80];
  int n = 0;
  text_escape(text, shown, sizeof shown);
  n = snprintf(what, sizeof what, "\"%s\" of %s, allowed are", shown, op_kinds[op->kind].name);
  for (unsigned phase = 0; phase < N_PHASES; phase++) {
    if (!(allowed & 1u << phase)) continue;
    if (strcmp(text, op_phase_names[phase]) == 0) {
      op->phase = (uint8_t)phase;
      return true;
    }
    n += snprintf(what + n, sizeof what - (size_t)n, " %s", op_phase_names[phase]);
  }
  return reject(row, "phase", what);
}

bool op_table_row(const struct csv *csv, size_t index, struct op *op, struct error *error) {
  struct row row = {.csv = csv, .index = index, .error = error};
  enum op_kind kind;
  if (!kind_of(&row, &kind)) return false;
  const uint64_t element_bytes = cell(&row, "element_bytes", 2);
  if (element_bytes > 8) {
    char what[80];
    snprintf(what, sizeof what, "%llu is out of range; allowed are 1 to 8", (unsigned long long)element_bytes);
    return reject(&row, "element_bytes", what);
  }
  *op = op_new(kind, element_bytes);
  if (!phase_of(&row, op)) return false;
  switch (op_kinds[kind].family) {
  case FAMILY_GEMM:
    gemm_op(&row, op);
    break;
  case FAMILY_CONV:
    if (kind == OP_TRANSPOSED_CONV)
      transposed_op(&row, op);
    else
      conv_op(&row, op);
    break;
  case FAMILY_ATTENTION:
    attention_op(&row, op);
    break;
  case FAMILY_VECTOR:
    vector_op(&row, op);
    break;
  case FAMILY_LINK:
    link_op(&row, op);
    break;
  case FAMILY_NONE:
    break;
  }
  return !row.bad;
}

/* How large is what one device holds, and each of its operators?
 *
 * An op's counts are products of sizes (rows of tokens, heads, widths); a split changes the sizes, and each count is
 * stated anew from those that enter it. No share is larger than the whole but for the rounding of
 * expert rows, so what fitted 64 bits still does. Source: workloads §8. Left out: experts that are loaded unevenly; a
 * lookup in a shared table writes zeros for the rows that other ranks hold, and so costs each rank as much as before.
 */
#include "workloads/split_sizes.h"
#include "base/checked.h"

enum { EXCHANGED = 2 /* keys and values */ };

static uint64_t at_least_one(uint64_t degree) { return max_u64(degree, 1); }
uint64_t split_tensor_ranks(const struct split_facts *facts) { return at_least_one(facts->tensor); }
uint64_t split_context_ranks(const struct split_facts *facts) { return at_least_one(facts->context); }
uint64_t split_expert_ranks(const struct split_facts *facts) { return at_least_one(facts->expert); }

uint64_t split_expert_rows(const struct split_facts *facts, uint64_t tokens) {
  if (facts->experts == 0) return 0;
  const uint64_t sent = sat_mul(tokens, facts->top_k);
  const uint64_t share = ceil_div(sent, facts->experts);
  if (!(facts->capacity_factor > 0 && facts->capacity_factor < 1)) return share;
  const uint64_t capacity = (uint64_t)((double)sent * facts->capacity_factor / (double)facts->experts);
  return max_u64(min_u64(share, capacity), 1);
}

/* Queries that share a key stay together; with more ranks than keys, each rank has a copy of one key and a part of its
 * queries. What does not divide is rounded up: the padding that `pad_heads` allows. */
static void share_heads(struct split_sizes *sizes, const struct split_facts *facts) {
  const uint64_t t = split_tensor_ranks(facts), sharers = facts->heads / at_least_one(facts->kv_heads);
  if (t <= facts->kv_heads || sharers == 1) {
    sizes->kv_heads = ceil_div(facts->kv_heads, t);
    sizes->heads = sharers * sizes->kv_heads;
  } else {
    sizes->kv_heads = 1;
    sizes->heads = ceil_div(facts->heads, t);
  }
}

void split_sizes_init(struct split_sizes *sizes, const struct split_facts *facts) {
  const uint64_t t = split_tensor_ranks(facts), c = split_context_ranks(facts), x = split_expert_ranks(facts);
  const uint64_t shards = facts->sequence_parallel ? t : 1;
  *sizes = (struct split_sizes){.queries = facts->sequence / c, .ranks = t};
  sizes->group_tokens = sat_mul(facts->samples, sizes->queries);
  sizes->tokens = sizes->group_tokens / shards;
  share_heads(sizes, facts);
  sizes->vocab = ceil_div(facts->vocab, t);
  sizes->experts = facts->experts / x;
  sizes->rows_sent = split_expert_rows(facts, sizes->tokens);
  sizes->rows = sat_mul(sizes->rows_sent, x * shards);
}

/* --- one op ---------------------------------------------------------------------------------------------------- */

struct resizing {
  const struct split_facts *facts; /* as they shall be */
  struct split_sizes from, to;
};

static uint64_t scaled(uint64_t value, uint64_t from, uint64_t to) {
  if (from == to) return value;
  REQUIRE(from > 0 && value % from == 0);
  return sat_mul(value / from, to);
}

/* An elementwise op, an input or a view: everything it counts grows alike. */
static void scale_activations(struct op *op, uint64_t from, uint64_t to) {
  if (op_kinds[op->kind].family == FAMILY_VECTOR) {
    op->dim[DIM_ELEMENTS] = scaled(op->dim[DIM_ELEMENTS], from, to);
    op->dim[DIM_X_ELEMENTS] = scaled(op->dim[DIM_X_ELEMENTS], from, to);
    op->dim[DIM_Y_ELEMENTS] = scaled(op->dim[DIM_Y_ELEMENTS], from, to);
  }
  op->in_bytes = scaled(op->in_bytes, from, to);
  op->out_bytes = scaled(op->out_bytes, from, to);
}

struct matrix {
  uint64_t reps, m, n, k;
  bool bias_by_column; /* else every rank of a row-parallel matrix has all of it */
};

static void set_matrix(struct op *op, const struct matrix *matrix) {
  uint64_t *const dim = op->dim;
  const uint64_t e = op->element_bytes;
  uint64_t bias = op->weight_bytes / e - dim[DIM_REPS] * dim[DIM_K] * dim[DIM_N];
  if (matrix->bias_by_column) bias = sat_mul(bias, matrix->n) / dim[DIM_N]; /* some heads' columns may have none */
  dim[DIM_REPS] = matrix->reps;
  dim[DIM_M] = matrix->m;
  dim[DIM_N] = matrix->n;
  dim[DIM_K] = matrix->k;
  const uint64_t weights = sat_add(sat_mul(matrix->reps, sat_mul(matrix->k, matrix->n)), bias);
  op->weight_bytes = sat_mul(weights, e);
  if (op->n_parameters > 0) op->n_parameters = weights;
  if (op->n_frozen > 0) op->n_frozen = weights;
  op->in_bytes = sat_mul(sat_mul(matrix->reps, e), sat_mul(matrix->m, matrix->k));
  op->out_bytes = sat_mul(sat_mul(matrix->reps, e), sat_mul(matrix->m, matrix->n));
}

static void resize_tokens(const struct resizing *r, struct op *op) {
  const uint64_t from = r->from.tokens, to = r->to.tokens;
  if (from == to || op->kind == OP_WEIGHT) return;
  if (op_kinds[op->kind].family == FAMILY_GEMM) {
    const uint64_t *const dim = op->dim;
    set_matrix(op, &(struct matrix){dim[DIM_REPS], scaled(dim[DIM_M], from, to), dim[DIM_N], dim[DIM_K], true});
    return;
  }
  scale_activations(op, from, to);
  const bool is_table = op->kind == OP_ADD || op->kind == OP_EMBEDDING; /* rows of it are read, not all of it */
  const uint64_t samples = r->facts->samples;                           /* which read the same positions */
  if (is_table) op->weight_bytes = scaled(op->weight_bytes, from / samples, to / samples);
}

/* Each row that is looked up lies on one rank. */
static void resize_table(const struct resizing *r, struct op *op) {
  op->n_parameters = scaled(op->n_parameters, r->from.vocab, r->to.vocab);
  op->n_frozen = scaled(op->n_frozen, r->from.vocab, r->to.vocab);
  scale_activations(op, r->from.group_tokens, r->to.group_tokens);
  op->weight_bytes = ceil_div(op->out_bytes, split_tensor_ranks(r->facts));
}

static void resize_qkv(const struct resizing *r, struct op *op) {
  const uint64_t m = scaled(op->dim[DIM_M], r->from.group_tokens, r->to.group_tokens);
  const uint64_t queries = op->split == SPLIT_KEY_VALUE ? 0 : r->to.heads;
  uint64_t n = (queries + EXCHANGED * r->to.kv_heads) * r->facts->head_size;
  if (op->split == SPLIT_QUERY) n = scaled(op->dim[DIM_N], r->from.heads, r->to.heads); /* heads of any width */
  set_matrix(op, &(struct matrix){1, m, n, op->dim[DIM_K], true});
}

/* Elementwise on a row of all heads of a token, `from` and `to` of them here; of two operands laid side by side the
 * second is alike for all heads. */
static void resize_heads(const struct resizing *r, struct op *op, uint64_t from, uint64_t to) {
  const bool joins = op->kind == OP_CONCAT;
  const uint64_t tokens = r->from.group_tokens, to_tokens = r->to.group_tokens;
  const uint64_t shared = joins ? scaled(op->dim[DIM_Y_ELEMENTS], tokens, to_tokens) : 0;
  if (joins) {
    op->in_bytes -= sat_mul(op->dim[DIM_Y_ELEMENTS], op->element_bytes);
    op->dim[DIM_Y_ELEMENTS] = 0;
  }
  scale_activations(op, from, to);
  scale_activations(op, tokens, to_tokens);
  if (op_kinds[op->kind].family == FAMILY_VECTOR) op->dim[DIM_ROW] = scaled(op->dim[DIM_ROW], from, to);
  if (!joins) return;
  op->dim[DIM_Y_ELEMENTS] = shared;
  op->in_bytes = sat_add(op->in_bytes, sat_mul(shared, op->element_bytes));
}

/* Rotary positions turn a packed tensor, in which values pass by, or one of queries and keys alone, as norms of heads
 * leave it; a view packs these again. */
static void resize_rotary(const struct resizing *r, struct op *op) {
  const uint64_t e = r->facts->head_size, turned = (r->to.heads + r->to.kv_heads) * e;
  const uint64_t packed = turned + r->to.kv_heads * e;
  const bool is_view = op_kinds[op->kind].family != FAMILY_VECTOR;
  const bool apart = !is_view && op->dim[DIM_X_ELEMENTS] == op->dim[DIM_ELEMENTS];
  const uint64_t elements = sat_mul(r->to.group_tokens, apart ? turned : packed);
  op->in_bytes = op->out_bytes = sat_mul(elements, op->element_bytes);
  if (is_view) return;
  op->dim[DIM_ELEMENTS] = sat_mul(r->to.group_tokens, turned);
  op->dim[DIM_X_ELEMENTS] = elements;
  if (op->kind == OP_ROTARY) op->dim[DIM_ROW] = apart ? turned : packed;
}

/* Buckets of distances are every rank's, the numbers looked up for them those of its heads. */
static void resize_distances(const struct resizing *r, struct op *op) {
  if (op->kind != OP_EMBEDDING) return;
  const uint64_t from = r->from.heads, to = r->to.heads;
  op->n_parameters = scaled(op->n_parameters, from, to);
  op->weight_bytes = scaled(op->weight_bytes, from, to);
  op->dim[DIM_ELEMENTS] = scaled(op->dim[DIM_ELEMENTS], from, to);
  op->out_bytes = scaled(op->out_bytes, from, to);
}

/* Q·Kᵀ or A·V of all heads here. */
static void resize_product(const struct resizing *r, struct op *op, bool of_scores) {
  const struct split_facts *const facts = r->facts;
  const uint64_t reps = sat_mul(facts->samples, r->to.heads), n_keys = op->dim[of_scores ? DIM_N : DIM_K];
  const uint64_t width = op->dim[of_scores ? DIM_K : DIM_N]; /* of a key, of a value */
  const uint64_t keys = sat_mul(sat_mul(facts->samples, n_keys), r->to.kv_heads * width);
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_M] = scaled(op->dim[DIM_M], r->from.queries, r->to.queries);
  const uint64_t rows = sat_mul(reps, op->dim[DIM_M]);
  op->in_bytes = sat_mul(sat_add(sat_mul(rows, op->dim[DIM_K]), keys), op->element_bytes);
  op->out_bytes = sat_mul(sat_mul(rows, op->dim[DIM_N]), op->element_bytes);
}

static void resize_weights(const struct resizing *r, struct op *op) {
  const uint64_t streamed = sat_mul(op->dim[DIM_X_ELEMENTS], op->element_bytes);
  const uint64_t constants = op->in_bytes - streamed; /* slopes, a row of them a head */
  op->in_bytes = streamed;
  scale_activations(op, r->from.heads, r->to.heads);
  scale_activations(op, r->from.queries, r->to.queries);
  op->in_bytes = sat_add(op->in_bytes, scaled(constants, r->from.heads, r->to.heads));
}

static void resize_feed_forward(const struct resizing *r, struct op *op) {
  const bool expert = op_is_expert(op);
  const uint64_t reps = expert ? r->to.experts : 1, hidden = r->facts->hidden;
  const uint64_t before = expert ? r->from.experts * r->from.rows : r->from.group_tokens;
  const uint64_t after = expert ? reps * r->to.rows : r->to.group_tokens;
  const bool matrix = op_kinds[op->kind].family == FAMILY_GEMM;
  const uint64_t m = !matrix ? 0 : expert ? r->to.rows : scaled(op->dim[DIM_M], before, after);
  /* A network beside experts has a width of its own, which each rank has its share of too. */
  const uint64_t ranks_before = r->from.ranks, ranks = r->to.ranks;
  if (op->split == SPLIT_COLUMN || op->split == SPLIT_EXPERT_COLUMN) {
    set_matrix(op, &(struct matrix){reps, m, scaled(op->dim[DIM_N], ranks, ranks_before), hidden, true});
  } else if (op->split == SPLIT_ROW || op->split == SPLIT_EXPERT_ROW) {
    set_matrix(op, &(struct matrix){reps, m, hidden, scaled(op->dim[DIM_K], ranks, ranks_before), false});
  } else {
    scale_activations(op, ranks, ranks_before);
    scale_activations(op, before, after);
    op->dim[DIM_ROW] = scaled(op->dim[DIM_ROW], ranks, ranks_before);
  }
}

/* Between tokens in their order and tokens by expert. */
static void resize_sent(const struct resizing *r, struct op *op) {
  const bool dispatch = op->split == SPLIT_DISPATCH;
  const uint64_t sent = sat_mul(sat_mul(r->facts->experts, r->to.rows_sent), r->facts->hidden);
  const uint64_t before = sat_mul(op->dim[dispatch ? DIM_ELEMENTS : DIM_X_ELEMENTS], op->element_bytes);
  if (dispatch)
    op->out_bytes = 0;
  else
    op->in_bytes -= before;
  op->dim[dispatch ? DIM_ELEMENTS : DIM_X_ELEMENTS] = 0;
  scale_activations(op, r->from.tokens, r->to.tokens);
  op->dim[dispatch ? DIM_ELEMENTS : DIM_X_ELEMENTS] = sent;
  uint64_t *const bytes = dispatch ? &op->out_bytes : &op->in_bytes;
  *bytes = sat_add(*bytes, sat_mul(sent, op->element_bytes));
}

static void resize_loss(const struct resizing *r, struct op *op) {
  const uint64_t from = r->from.group_tokens, to = r->to.group_tokens;
  if (op->kind == OP_INPUT) {
    scale_activations(op, from, to);
    return;
  }
  const uint64_t logits = scaled(scaled(op->dim[DIM_X_ELEMENTS], from, to), r->from.vocab, r->to.vocab);
  const uint64_t targets = op->in_bytes - sat_mul(op->dim[DIM_X_ELEMENTS], op->element_bytes);
  op->dim[DIM_ELEMENTS] = op->dim[DIM_X_ELEMENTS] = logits;
  op->dim[DIM_Y_ELEMENTS] = scaled(op->dim[DIM_Y_ELEMENTS], from, to);
  op->dim[DIM_ROW] = r->to.vocab;
  op->in_bytes = sat_add(sat_mul(logits, op->element_bytes), scaled(targets, from, to));
  if (op->kind != OP_CROSS_ENTROPY) { /* elementwise on the logits */
    op->out_bytes = op->in_bytes;
    return;
  }
  op->out_bytes = scaled(op->out_bytes, from, to);
}

/* Bytes of the full tensor that a link moves. */
static uint64_t link_bytes(const struct resizing *r, const struct op *op) {
  const uint64_t e = op->element_bytes, hidden = r->facts->hidden;
  switch ((enum op_split)op->split) {
  case SPLIT_EXPERT_ENTER:
  case SPLIT_EXPERT_LEAVE:
    return sat_mul(sat_mul(r->to.experts, r->to.rows), hidden * e);
  case SPLIT_EXCHANGE:
    return sat_mul(sat_mul(r->facts->experts, r->to.rows_sent), hidden * e);
  case SPLIT_KEYS:
    if (r->facts->latent) return scaled(op->dim[DIM_BYTES], r->from.kv_heads, r->to.kv_heads); /* keys, or values */
    return sat_mul(sat_mul(r->facts->samples, r->facts->sequence),
                   EXCHANGED * r->to.kv_heads * r->facts->head_size * e);
  default:
    return scaled(op->dim[DIM_BYTES], r->from.group_tokens, r->to.group_tokens);
  }
}

/* With sequence parallelism a copy to all ranks becomes a gathering, a sum a reduction of which each keeps a part. */
static void resize_link(const struct resizing *r, struct op *op) {
  const uint64_t full = op->dim[DIM_BYTES] = link_bytes(r, op);
  const bool shards = r->facts->sequence_parallel;
  const uint64_t part = shards ? full / split_tensor_ranks(r->facts) : full;
  op->in_bytes = op->out_bytes = full;
  if (op->split == SPLIT_ENTER || op->split == SPLIT_EXPERT_ENTER) {
    op->kind = shards ? OP_ALL_GATHER : OP_COPY;
    op->in_bytes = part;
  } else if (op->split == SPLIT_LEAVE || op->split == SPLIT_EXPERT_LEAVE) {
    op->kind = shards ? OP_REDUCE_SCATTER : OP_ALL_REDUCE;
    op->out_bytes = part;
  } else if (op->split == SPLIT_KEYS) {
    op->in_bytes = full / split_context_ranks(r->facts);
  }
}

struct op split_resized(const struct op *old, const struct split_facts *from, const struct split_facts *to) {
  struct op op = *old;
  struct resizing r = {.facts = to};
  split_sizes_init(&r.from, from);
  split_sizes_init(&r.to, to);
  switch ((enum op_split)op.split) {
  case SPLIT_TOKENS:
    resize_tokens(&r, &op);
    break;
  case SPLIT_TOKEN_IDS:
    scale_activations(&op, r.from.group_tokens, r.to.group_tokens);
    break;
  case SPLIT_TABLE:
    resize_table(&r, &op);
    break;
  case SPLIT_QKV:
  case SPLIT_QUERY:
  case SPLIT_KEY_VALUE:
    resize_qkv(&r, &op);
    break;
  case SPLIT_ROTARY:
    resize_rotary(&r, &op);
    break;
  case SPLIT_PACKED:
    resize_heads(&r, &op, r.from.heads + 2 * r.from.kv_heads, r.to.heads + 2 * r.to.kv_heads);
    break;
  case SPLIT_HEADS:
    resize_heads(&r, &op, r.from.heads, r.to.heads);
    break;
  case SPLIT_DISTANCES:
    resize_distances(&r, &op);
    break;
  case SPLIT_SCORES:
  case SPLIT_VALUES:
    resize_product(&r, &op, op.split == SPLIT_SCORES);
    break;
  case SPLIT_WEIGHTS:
    resize_weights(&r, &op);
    break;
  case SPLIT_PROJECTION: {
    const uint64_t k = scaled(op.dim[DIM_K], r.from.heads, r.to.heads);
    const uint64_t m = scaled(op.dim[DIM_M], r.from.group_tokens, r.to.group_tokens);
    set_matrix(&op, &(struct matrix){1, m, op.dim[DIM_N], k, false});
    break;
  }
  case SPLIT_COLUMN:
  case SPLIT_INNER:
  case SPLIT_ROW:
  case SPLIT_EXPERT_COLUMN:
  case SPLIT_EXPERT_INNER:
  case SPLIT_EXPERT_ROW:
    resize_feed_forward(&r, &op);
    break;
  case SPLIT_DISPATCH:
  case SPLIT_RETURN:
    resize_sent(&r, &op);
    break;
  case SPLIT_LOGITS: {
    const uint64_t m = scaled(op.dim[DIM_M], r.from.group_tokens, r.to.group_tokens);
    set_matrix(&op, &(struct matrix){1, m, r.to.vocab, op.dim[DIM_K], true});
    break;
  }
  case SPLIT_LOSS:
    resize_loss(&r, &op);
    break;
  case SPLIT_ENTER:
  case SPLIT_LEAVE:
  case SPLIT_EXPERT_ENTER:
  case SPLIT_EXPERT_LEAVE:
  case SPLIT_LOSS_SUM:
  case SPLIT_KEYS:
  case SPLIT_EXCHANGE:
    resize_link(&r, &op);
    break;
  case SPLIT_UNKNOWN:
  case N_OP_SPLITS:
    break;
  }
  return op;
}

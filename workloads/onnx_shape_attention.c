/* Which tensors does an attention operator read, and which shapes does it put out?
 *
 * Four forms are one: Attention of ONNX (sets 23 and up), and of com.microsoft Attention (a matrix makes queries, keys
 * and values), MultiHeadAttention and GroupQueryAttention. Sources: ONNX operator specification, Attention-23, -24;
 * microsoft/onnxruntime, its list of contrib operators. Left out: windows of GroupQueryAttention and sparse patterns,
 * of which all pairs are counted as those of the generators are, and tokens that a length in the data would leave out.
 */
#include "workloads/onnx_shape.h"

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

static const char *const misfit = "its queries, keys, values and numbers of heads do not fit each other";

static const struct onnx_shape *shape_at(const struct onnx_graph *graph, const struct onnx_node *node, size_t i) {
  const struct onnx_value *const value = onnx_operand(graph, node, i);
  return value != NULL ? &value->shape : NULL;
}

static size_t if_there(const struct onnx_graph *graph, const struct onnx_node *node, size_t i) {
  return onnx_operand(graph, node, i) != NULL ? i : ONNX_LEFT_OUT;
}

static bool is_capped(const struct onnx_node *node) {
  const struct onnx_attribute *const softcap = onnx_attribute(node, "softcap");
  return softcap != NULL && softcap->f > 0;
}

/* `width` elements a token in `n` parts; 0 if it does not divide. */
static int64_t share(int64_t width, int64_t n) { return n < 1 || width % n != 0 ? 0 : width / n; }

/* Tokens and width of a head of an operand [batch, tokens, heads · head] or [batch, heads, tokens, head]. */
static bool read_side(const struct onnx_shape *x, int64_t heads, int64_t *batch, int64_t *tokens, int64_t *head) {
  if (x == NULL || (x->rank != 3 && x->rank != 4) || (x->rank == 4 && x->dims[1] != heads)) return false;
  *batch = x->dims[0];
  *tokens = x->rank == 4 ? x->dims[2] : x->dims[1];
  *head = x->rank == 4 ? x->dims[3] : share(x->dims[2], heads);
  return *head > 0;
}

/* The tokens that came before, [batch, heads, tokens, head]; 0 without an operand. */
static int64_t past_tokens(const struct onnx_graph *graph, const struct onnx_node *node, size_t i, size_t axis) {
  const struct onnx_shape *const past = i == ONNX_LEFT_OUT ? NULL : shape_at(graph, node, i);
  return past != NULL && past->rank > axis ? past->dims[axis] : 0;
}

static const char *judge(const struct onnx_attention *a) {
  const bool fits = a->batch > 0 && a->queries > 0 && a->keys > 0 && a->heads > 0 && a->kv_heads > 0 && a->head > 0 &&
                    a->value_head > 0 && a->heads % a->kv_heads == 0;
  return fits ? NULL : misfit;
}

/* Queries, keys and values in operands of their own. */
static const char *read_apart(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_attention *a) {
  int64_t batch, key_head, value_tokens, value_batch;
  if (!read_side(shape_at(graph, node, a->query), a->heads, &a->batch, &a->queries, &a->head) ||
      !read_side(shape_at(graph, node, a->key), a->kv_heads, &batch, &a->keys, &key_head) ||
      !read_side(shape_at(graph, node, a->value), a->kv_heads, &value_batch, &value_tokens, &a->value_head))
    return misfit;
  if (batch != a->batch || value_batch != a->batch || key_head != a->head || value_tokens != a->keys) return misfit;
  a->keys += a->past;
  return judge(a);
}

/* --- the four forms -------------------------------------------------------------------------------------------- */

static const char *read_standard(const struct onnx_graph *graph, const struct onnx_node *node,
                                 struct onnx_attention *a) {
  const struct onnx_shape *const query = shape_at(graph, node, 0), *const key = shape_at(graph, node, 1);
  if (query == NULL || key == NULL || shape_at(graph, node, 2) == NULL) return "queries, keys or values are missing";
  a->apart = query->rank == 4;
  a->heads = a->apart ? query->dims[1] : onnx_int(node, "q_num_heads", 0);
  a->kv_heads = key->rank == 4 ? key->dims[1] : onnx_int(node, "kv_num_heads", 0);
  a->query = 0;
  a->key = 1;
  a->value = 2;
  a->masks[0] = if_there(graph, node, 3);
  a->past_key = if_there(graph, node, 4);
  a->past_value = if_there(graph, node, 5);
  a->past = past_tokens(graph, node, a->past_key, 2);
  a->causal = onnx_int(node, "is_causal", 0) != 0;
  return read_apart(graph, node, a);
}

/* A matrix makes all three of one operand. */
static const char *read_packed(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_attention *a) {
  const bool quantised = node->type[0] == 'Q';
  const struct onnx_shape *const x = shape_at(graph, node, 0), *const w = shape_at(graph, node, 1);
  if (x == NULL || w == NULL || x->rank != 3 || w->rank != 2 || w->dims[0] != x->dims[2])
    return "its operands are not tokens [batch,tokens,width] and a matrix [width,columns]";
  a->heads = a->kv_heads = onnx_int(node, "num_heads", 0);
  const int64_t third = share(w->dims[1], 3);
  const int64_t query = onnx_ints_at(node, "qkv_hidden_sizes", 0, third);
  const int64_t value = onnx_ints_at(node, "qkv_hidden_sizes", 2, third);
  if (query < 1 || value < 1 || query > INT32_MAX || value > INT32_MAX || 2 * query + value != w->dims[1])
    return misfit;
  a->packed = true;
  a->batch = x->dims[0];
  a->queries = x->dims[1];
  a->head = share(query, a->heads);
  a->value_head = share(value, a->heads);
  a->query = 0;
  a->weights = 1;
  a->bias = if_there(graph, node, 2);
  a->masks[0] = if_there(graph, node, quantised ? 5 : 3);
  if (!quantised) a->masks[1] = if_there(graph, node, 5);
  a->past_key = a->past_value = if_there(graph, node, quantised ? 8 : 4);
  a->past = past_tokens(graph, node, a->past_key, 3); /* [2, batch, heads, tokens, head] */
  a->keys = a->queries + a->past;
  a->causal = onnx_int(node, "unidirectional", 0) != 0;
  a->rotary = onnx_int(node, "do_rotary", 0) != 0;
  return judge(a);
}

static const char *read_multi_head(const struct onnx_graph *graph, const struct onnx_node *node,
                                   struct onnx_attention *a) {
  const bool decoder = node->type[0] == 'D'; /* DecoderMasked… has its bias at the end */
  const struct onnx_shape *const query = shape_at(graph, node, 0), *const key = shape_at(graph, node, 1);
  a->heads = a->kv_heads = onnx_int(node, "num_heads", 0);
  a->query = 0;
  a->bias = if_there(graph, node, decoder ? 10 : 3);
  a->masks[0] = if_there(graph, node, decoder ? 3 : 4);
  a->masks[1] = if_there(graph, node, decoder ? 4 : 5);
  a->past_key = if_there(graph, node, decoder ? 5 : 6);
  a->past_value = if_there(graph, node, decoder ? 6 : 7);
  a->past = past_tokens(graph, node, a->past_key, 2);
  a->causal = onnx_int(node, "unidirectional", 0) != 0;
  if (query == NULL || a->heads < 1) return misfit;
  if (key == NULL) { /* [batch, tokens, heads, 3, head] */
    if (query->rank != 5 || query->dims[2] != a->heads || query->dims[3] != 3) return misfit;
    a->packed = true;
    a->batch = query->dims[0];
    a->queries = query->dims[1];
    a->keys = a->queries + a->past;
    a->head = a->value_head = query->dims[4];
    return judge(a);
  }
  a->key = 1;
  if (key->rank == 5) { /* [batch, tokens, heads, 2, head] */
    if (!read_side(query, a->heads, &a->batch, &a->queries, &a->head) || key->dims[0] != a->batch ||
        key->dims[2] != a->heads || key->dims[3] != 2 || key->dims[4] != a->head)
      return misfit;
    a->joined = true;
    a->keys = key->dims[1] + a->past;
    a->value_head = a->head;
    return judge(a);
  }
  a->value = 2;
  return read_apart(graph, node, a);
}

static const char *read_group(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_attention *a) {
  const struct onnx_shape *const query = shape_at(graph, node, 0);
  const struct onnx_value *const total = onnx_operand(graph, node, 6);
  a->heads = onnx_int(node, "num_heads", 0);
  a->kv_heads = onnx_int(node, "kv_num_heads", 0);
  a->query = 0;
  a->past_key = if_there(graph, node, 3);
  a->past_value = if_there(graph, node, 4);
  a->masks[0] = if_there(graph, node, 10);
  a->past = past_tokens(graph, node, a->past_key, 2);
  a->causal = true;
  a->rotary = onnx_int(node, "do_rotary", 0) != 0;
  const char *wrong = NULL;
  if (query == NULL || a->heads < 1 || a->heads > INT32_MAX || a->kv_heads < 1 || a->kv_heads > INT32_MAX)
    return misfit;
  if (shape_at(graph, node, 1) != NULL) {
    a->key = 1;
    a->value = 2;
    wrong = read_apart(graph, node, a);
  } else {
    if (query->rank != 3) return misfit;
    a->packed = true;
    a->batch = query->dims[0];
    a->queries = query->dims[1];
    a->head = a->value_head = share(query->dims[2], a->heads + 2 * a->kv_heads);
    a->keys = a->queries + a->past;
    wrong = judge(a);
  }
  /* Its length is an operand, for the tensor of the past may have room for more. */
  if (wrong == NULL && total != NULL && total->ints != NULL && total->elements == 1 && total->ints[0] >= a->queries &&
      total->ints[0] <= INT32_MAX)
    a->keys = total->ints[0];
  return wrong;
}

const char *onnx_read_attention(const struct onnx_graph *graph, const struct onnx_node *node,
                                struct onnx_attention *attention) {
  *attention = (struct onnx_attention){.key = ONNX_LEFT_OUT,
                                       .value = ONNX_LEFT_OUT,
                                       .weights = ONNX_LEFT_OUT,
                                       .bias = ONNX_LEFT_OUT,
                                       .past_key = ONNX_LEFT_OUT,
                                       .past_value = ONNX_LEFT_OUT,
                                       .masks = {ONNX_LEFT_OUT, ONNX_LEFT_OUT}};
  attention->capped = is_capped(node);
  switch (node->op->infer) {
  case INFER_attention:
    return read_standard(graph, node, attention);
  case INFER_packed_attention:
    return read_packed(graph, node, attention);
  case INFER_multi_head_attention:
    return read_multi_head(graph, node, attention);
  default:
    return read_group(graph, node, attention);
  }
}

/* --- outputs --------------------------------------------------------------------------------------------------- */

static bool set_context(struct onnx_inference *inference, const struct onnx_attention *a) {
  const int64_t apart[] = {a->batch, a->heads, a->queries, a->value_head};
  if (a->heads > INT32_MAX / a->value_head) return REJECT("%s", misfit);
  const int64_t rows[] = {a->batch, a->queries, a->heads * a->value_head};
  return onnx_set_shape(inference, 0, a->apart ? apart : rows, a->apart ? 4 : 3, 0);
}

static bool infer(struct onnx_inference *inference) {
  struct onnx_attention a;
  const char *const wrong = onnx_read_attention(inference->graph, inference->node, &a);
  if (wrong != NULL) return REJECT("%s", wrong);
  int64_t held = a.keys > a.past ? a.keys : a.past;
  struct onnx_shape stated;
  if (inference->node->op->infer == INFER_group_attention && inference->node->n_outputs > 1 &&
      onnx_stated_shape(inference, 1, &stated) && stated.rank == 4 && stated.dims[2] >= a.queries)
    held = stated.dims[2];
  const int64_t both[] = {2, a.batch, a.heads, held, a.head};
  const int64_t keys[] = {a.batch, a.kv_heads, held, a.head}, values[] = {a.batch, a.kv_heads, held, a.value_head};
  const int64_t scores[] = {a.batch, a.heads, a.queries, a.keys};
  if (!set_context(inference, &a)) return false;
  if (inference->node->op->infer == INFER_packed_attention) return onnx_set_shape(inference, 1, both, 5, 0);
  return onnx_set_shape(inference, 1, keys, 4, 0) && onnx_set_shape(inference, 2, values, 4, 0) &&
         onnx_set_shape(inference, 3, scores, 4, 0);
}

bool onnx_infer_attention(struct onnx_inference *inference) { return infer(inference); }
bool onnx_infer_packed_attention(struct onnx_inference *inference) { return infer(inference); }
bool onnx_infer_multi_head_attention(struct onnx_inference *inference) { return infer(inference); }
bool onnx_infer_group_attention(struct onnx_inference *inference) { return infer(inference); }

/* A number a head for each pair of tokens, of a table by distances. */
bool onnx_infer_relative_bias(struct onnx_inference *inference) {
  if (!onnx_need(inference, 3)) return false;
  const struct onnx_shape *const table = onnx_shape_of(inference, 0);
  const struct onnx_value *const n[] = {onnx_operand(inference->graph, inference->node, 1),
                                        onnx_operand(inference->graph, inference->node, 2)};
  if (table->rank != 2) return REJECT("its table must be a matrix");
  for (size_t i = 0; i < 2; i++)
    if (n[i]->ints == NULL || n[i]->elements != 1)
      return onnx_take_stated(inference, "its lengths depend on the data, or lie in an external file");
  const int64_t dims[] = {1, table->dims[1], n[0]->ints[0], n[1]->ints[0]};
  return onnx_set_shape(inference, 0, dims, 4, 0);
}

/* Which parts of a forward graph are attention, as one operator?
 *
 * Looks back from each product of activations A·V: dropout, softmax, then masks, biases and scales, up to another
 * product Q·Kᵀ of the same heads. Every link must have one reader and no parameters; what else a link reads (a mask
 * that is a tensor) must not want a gradient. The chain becomes one op at the place of A·V with operands Q, K, V and
 * what else was read. Source: cost-model §2, "Fused attention"; workloads §6 (what it keeps). A factor that scales the
 * scores is folded into the exponential, as published kernels do, and costs nothing; each mask or bias is one addition
 * a score, a cap by tanh as many as tanh costs. Left out: learned biases of scores, attention without a softmax. */
#include "workloads/attention_fusion.h"
#include "base/checked.h"
#include "workloads/training_rules.h"

enum { MAX_LINKS = 16, MAX_EXTRAS = 8, TANH_ADDENDS = 6 /* as many lane cycles: arch/vector_kinds.def */ };

/* One find: ops of the forward graph. */
struct chain {
  uint32_t scores, weighed;                  /* the products Q·Kᵀ and A·V */
  uint32_t links[MAX_LINKS];                 /* between them, from the last to the first */
  uint32_t factors[RULES_ATTENTION_FACTORS]; /* Q, K, V */
  uint32_t extras[MAX_EXTRAS];               /* other operands of links */
  size_t n_links, n_extras;
  uint64_t n_addends;   /* masks and biases */
  uint64_t extra_bytes; /* that links read besides the scores */
  bool softmax, dropout, masked;
};

struct finder {
  const struct op_graph *graph;
  const struct rules_flags *flags;
};

static size_t n_preds(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

static uint32_t pred_of(const struct op_graph *graph, size_t i, size_t j) {
  return graph->preds[graph->pred_start[i] + j];
}

static bool read_once(const struct op_graph *graph, uint32_t i) {
  return graph->succ_start[i + 1] - graph->succ_start[i] == 1;
}

/* Takes note of what op i reads besides `stream`, the only operand that wants a gradient; false if that is a parameter,
 * or too much. */
static bool take_extras(const struct finder *finder, uint32_t i, uint32_t stream, struct chain *chain) {
  for (size_t j = 0; j < n_preds(finder->graph, i); j++) {
    const uint32_t pred = pred_of(finder->graph, i, j);
    if (pred == stream || finder->graph->ops[pred].kind == OP_SHAPE) continue;
    if (finder->flags[pred].weight || chain->n_extras == MAX_EXTRAS) return false;
    chain->extras[chain->n_extras++] = pred;
  }
  return true;
}

/* The operand that the scores come along: the only one with a gradient; OP_ABSENT if there are more or none. */
static uint32_t stream_of(const struct finder *finder, uint32_t i) {
  uint32_t stream = OP_ABSENT;
  for (size_t j = 0; j < n_preds(finder->graph, i); j++) {
    const uint32_t pred = pred_of(finder->graph, i, j);
    if (!finder->flags[pred].requires) continue;
    if (stream != OP_ABSENT) return OP_ABSENT;
    stream = pred;
  }
  return stream;
}

/* Whether op i may stand between the products, looked at from behind. */
static bool take_link(struct chain *chain, const struct op *op) {
  switch (op->kind) {
  case OP_VIEW:
  case OP_FREE:
  case OP_CAST:
    return true;
  case OP_DROPOUT:
    if (chain->softmax || chain->dropout) return false;
    return chain->dropout = true;
  case OP_SOFTMAX:
    if (chain->softmax) return false;
    return chain->softmax = true;
  case OP_SCALE:
  case OP_MUL:
  case OP_DIV:
    return chain->softmax;
  case OP_MASK:
    chain->masked = true;
    chain->n_addends++;
    return chain->softmax;
  case OP_ADD:
    chain->n_addends++;
    return chain->softmax;
  case OP_TANH:
    chain->n_addends += TANH_ADDENDS;
    return chain->softmax;
  default:
    return false;
  }
}

/* Follows the scores back from the product A·V to Q·Kᵀ. */
static bool trace(const struct finder *finder, uint32_t from, struct chain *chain) {
  const struct op_graph *const graph = finder->graph;
  uint32_t at = from;
  while (graph->ops[at].kind != OP_GEMM) {
    const struct op *const op = &graph->ops[at];
    if (chain->n_links == MAX_LINKS || rules_owns_weights(op) || !read_once(graph, at) || !take_link(chain, op))
      return false;
    const uint32_t before = stream_of(finder, at);
    if (before == OP_ABSENT || !take_extras(finder, at, before, chain)) return false;
    const uint64_t streamed = rules_tensor_bytes(&graph->ops[before]);
    if (op_kinds[op->kind].class != CLASS_NONE && op->in_bytes > streamed)
      chain->extra_bytes = sat_add(chain->extra_bytes, op->in_bytes - streamed);
    chain->links[chain->n_links++] = at;
    at = before;
  }
  chain->scores = at;
  return chain->softmax && read_once(graph, at);
}

/* C[M,N] = Q[M,K]·Kᵀ[K,N], then C·V[N,L]. */
static bool dimensions_agree(const struct op *scores, const struct op *weighed) {
  return scores->dim[DIM_REPS] == weighed->dim[DIM_REPS] && scores->dim[DIM_M] == weighed->dim[DIM_M] &&
         scores->dim[DIM_N] == weighed->dim[DIM_K] && scores->element_bytes == weighed->element_bytes;
}

static bool is_product(const struct op *op) { return op->kind == OP_GEMM && !op->weighted && !rules_owns_weights(op); }

static bool find_chain(const struct finder *finder, uint32_t i, struct chain *chain) {
  const struct op_graph *const graph = finder->graph;
  size_t second[2], first[2];
  *chain = (struct chain){.weighed = i};
  if (!is_product(&graph->ops[i]) || !rules_factors(graph, finder->flags, i, second)) return false;
  const uint32_t weights = pred_of(graph, i, second[0]), values = pred_of(graph, i, second[1]);
  if (weights == values || !trace(finder, weights, chain)) return false;
  const uint32_t s = chain->scores;
  if (!is_product(&graph->ops[s]) || !rules_factors(graph, finder->flags, s, first)) return false;
  chain->factors[0] = pred_of(graph, s, first[0]);
  chain->factors[1] = pred_of(graph, s, first[1]);
  chain->factors[2] = values;
  return dimensions_agree(&graph->ops[s], &graph->ops[i]);
}

/* How many heads share a key: by what the product says it reads. */
static uint64_t key_sharers(const struct op *scores) {
  const uint64_t queries = sat_mul(sat_mul(scores->dim[DIM_REPS], scores->dim[DIM_M]), scores->dim[DIM_K]);
  const uint64_t keys = sat_mul(sat_mul(scores->dim[DIM_REPS], scores->dim[DIM_N]), scores->dim[DIM_K]);
  const uint64_t read = scores->element_bytes == 0 ? 0 : scores->in_bytes / scores->element_bytes;
  if (keys == UINT64_MAX || queries >= read) return 1;
  const uint64_t own = read - queries;
  const bool divides = keys % own == 0 && scores->dim[DIM_REPS] % (keys / own) == 0;
  return divides ? keys / own : 1;
}

static struct op fused_op(const struct op_graph *graph, const struct chain *chain, bool causal) {
  const struct op *const scores = &graph->ops[chain->scores], *const weighed = &graph->ops[chain->weighed];
  struct op op = op_new(OP_ATTENTION, weighed->element_bytes);
  op.layer = weighed->layer;
  op.split = weighed->split;
  op.dim[DIM_REPS] = scores->dim[DIM_REPS];
  op.dim[DIM_M] = scores->dim[DIM_M];
  op.dim[DIM_N] = scores->dim[DIM_N];
  op.dim[DIM_K] = scores->dim[DIM_K];
  op.dim[DIM_CAUSAL] = causal && chain->masked;
  /* Under a context split a rank has pairs of chunks that see (M + N)/2 + 1/2 keys on average, as the last M of
   * (M + N)/2 do. */
  const bool shared = scores->split == SPLIT_SCORES && scores->dim[DIM_M] < scores->dim[DIM_N];
  if (op.dim[DIM_CAUSAL] != 0 && shared) op.dim[DIM_N] = (scores->dim[DIM_M] + scores->dim[DIM_N]) / 2;
  op.dim[DIM_KEY_SHARERS] = key_sharers(scores);
  op.dim[DIM_ADDENDS] = chain->n_addends;
  op.dim[DIM_DROPOUT] = chain->dropout;
  if (weighed->dim[DIM_N] != scores->dim[DIM_K]) op.dim[DIM_VALUE_SIZE] = weighed->dim[DIM_N];
  const uint64_t weights_bytes = sat_mul(sat_mul(weighed->dim[DIM_REPS], weighed->element_bytes),
                                         sat_mul(weighed->dim[DIM_M], weighed->dim[DIM_K]));
  const uint64_t value_bytes = weighed->in_bytes > weights_bytes ? weighed->in_bytes - weights_bytes : 0;
  op.in_bytes = sat_add(sat_add(scores->in_bytes, value_bytes), chain->extra_bytes);
  op.out_bytes = sat_add(weighed->out_bytes, rules_attention_statistics_bytes(&op));
  return op;
}

/* Marks the ops of a chain but its last, which the fused op replaces. */
static void mark_inner(const struct chain *chain, bool *gone) {
  gone[chain->scores] = true;
  for (size_t l = 0; l < chain->n_links; l++) gone[chain->links[l]] = true;
}

static size_t fused_preds(const struct chain *chain, const uint32_t *place, uint32_t *row) {
  size_t n = 0;
  for (size_t j = 0; j < RULES_ATTENTION_FACTORS; j++) row[n++] = place[chain->factors[j]];
  for (size_t j = 0; j < chain->n_extras; j++) row[n++] = place[chain->extras[j]];
  return n;
}

static void copy_op(const struct op_graph *graph, size_t i, const uint32_t *place, struct arena *arena,
                    struct graph_builder *builder) {
  struct op op = graph->ops[i];
  if (op.mirror != OP_ABSENT) op.mirror = place[op.mirror];
  for (size_t f = 0; f < op.n_followers; f++) graph_builder_follow(builder, &graph->followers[op.first_follower + f]);
  uint32_t *const row = ARENA_NEW(arena, uint32_t, n_preds(graph, i) + 1);
  for (size_t j = 0; j < n_preds(graph, i); j++) row[j] = place[pred_of(graph, i, j)];
  graph_builder_add(builder, &op, op_name(graph, i), row, n_preds(graph, i));
}

bool attention_fuse(const struct op_graph *forward, bool causal, struct arena *arena, struct op_graph *out,
                    struct error *error) {
  const struct finder finder = {forward, rules_flags_new(forward, arena)};
  const struct chain **const chain_at = ARENA_NEW(arena, const struct chain *, forward->n_ops); /* NULL: none */
  bool *const gone = ARENA_NEW(arena, bool, forward->n_ops);
  for (uint32_t i = 0; i < forward->n_ops; i++) {
    struct chain found;
    if (!find_chain(&finder, i, &found)) continue;
    struct chain *const chain = ARENA_NEW(arena, struct chain, 1);
    *chain = found;
    mark_inner(chain, gone);
    chain_at[i] = chain;
  }
  struct graph_builder *const builder = graph_builder_new(arena);
  uint32_t *const place = ARENA_NEW(arena, uint32_t, forward->n_ops);
  for (uint32_t i = 0; i < forward->n_ops; i++) {
    if (gone[i]) continue;
    place[i] = (uint32_t)graph_builder_count(builder);
    if (chain_at[i] == NULL) {
      copy_op(forward, i, place, arena, builder);
      continue;
    }
    const struct op op = fused_op(forward, chain_at[i], causal);
    uint32_t row[RULES_ATTENTION_FACTORS + MAX_EXTRAS];
    const size_t n = fused_preds(chain_at[i], place, row);
    graph_builder_add(builder, &op, op_name(forward, i), row, n);
  }
  return graph_builder_finish(builder, arena, out, error);
}

struct attention_marks attention_mark(const struct op_graph *forward, struct arena *arena) {
  const struct finder finder = {forward, rules_flags_new(forward, arena)};
  const struct attention_marks marks = {ARENA_NEW(arena, bool, forward->n_ops), ARENA_NEW(arena, bool, forward->n_ops)};
  for (uint32_t i = 0; i < forward->n_ops; i++) {
    struct chain chain;
    if (!find_chain(&finder, i, &chain)) continue;
    mark_inner(&chain, marks.inner);
    mark_inner(&chain, marks.again);
    marks.again[i] = true;
  }
  return marks;
}

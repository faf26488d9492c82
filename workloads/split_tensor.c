/* How do devices share the matrices of a layer?
 *
 * Megatron's tensor parallelism: packed QKV and the first feed-forward matrices by columns, projection and the last one
 * by rows, attention by heads, table and logits by rows of the vocabulary (padded to a multiple of the ranks). What
 * enters a matrix split by columns is copied to all ranks (free; its gradient is summed), what leaves one split by rows
 * is summed: two all-reduces a layer in either direction. The loss needs three scalars a token of all ranks: the
 * largest logit, the target's, the sum of exponentials. Latent attention (arXiv 2405.04434): the matrices that make the
 * narrow vectors are every rank's, as Megatron Core's duplicated ones; those that make heads of them are split by
 * heads. Keys and values are copied where there are more ranks than of them. Sources: arXiv 1909.08053, 2104.04473;
 * workloads §8. Left out: matrices of no layer (projections of narrow embeddings, patches of images), which every rank
 * computes alike. */
#include "workloads/split_rewrite.h"
#include "workloads/split_sizes.h"

enum { LOSS_SUMS = 3 };

static uint64_t degree(const struct split_degrees *degrees) { return degrees->tensor; }

static bool reject(const char *what, uint64_t t, uint64_t size, const char *allowed, struct error *error) {
  return error_add(error, STATUS_INPUT, "tensor: %llu does not divide %s = %llu, allowed are %s", (unsigned long long)t,
                   what, (unsigned long long)size, allowed);
}

/* Whether every rank has the same number of heads, and keys that none of its queries lacks. */
static bool heads_apply(const struct split_facts *facts, const struct split_degrees *degrees, struct error *error) {
  const uint64_t t = degrees->tensor, keys = facts->kv_heads;
  const bool grouped = keys < facts->heads;
  if (grouped && t > keys && t % keys != 0)
    return error_add(error, STATUS_INPUT,
                     "tensor: %llu is no multiple of kv_heads = %llu, allowed are their multiples and divisors",
                     (unsigned long long)t, (unsigned long long)keys);
  if (degrees->pad_heads) return true;
  if (facts->heads % t != 0) return reject("heads", t, facts->heads, "their divisors, or pad_heads", error);
  if (grouped && t < keys && keys % t != 0)
    return reject("kv_heads", t, keys, "their divisors and multiples, or pad_heads", error);
  return true;
}

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const struct split_facts *const facts = &forward->facts;
  if (!split_known(forward, "tensor", degrees->tensor, facts->tensor, error)) return false;
  const bool heads = heads_apply(facts, degrees, error);
  const bool ffn =
      facts->ffn % degrees->tensor == 0 || reject("ffn", degrees->tensor, facts->ffn, "the divisors of ffn", error);
  const bool dense = facts->dense_ffn % degrees->tensor == 0 ||
                     reject("dense_ffn", degrees->tensor, facts->dense_ffn, "the divisors of dense_ffn", error);
  return heads && ffn && dense;
}

static bool enter(const struct op *reader, size_t j, const struct split_degrees *degrees, struct split_link *link) {
  const enum op_split split = reader->split;
  const bool expert = split == SPLIT_EXPERT_COLUMN;
  const bool heads = split == SPLIT_QKV || split == SPLIT_QUERY || split == SPLIT_KEY_VALUE;
  if (split == SPLIT_HEADS && reader->kind == OP_CONCAT && j == 1) { /* the part of a key that all heads share */
    const uint64_t bytes = reader->dim[DIM_Y_ELEMENTS] * reader->element_bytes;
    *link = (struct split_link){"enter", OP_COPY, SPLIT_ENTER, bytes, degrees->tensor, 1};
    return true;
  }
  if (j > 0 || !(expert || heads || split == SPLIT_COLUMN || split == SPLIT_LOGITS)) return false;
  *link = (struct split_link){"enter",          OP_COPY,         expert ? SPLIT_EXPERT_ENTER : SPLIT_ENTER,
                              reader->in_bytes, degrees->tensor, 1};
  return true;
}

static bool leave(const struct op *writer, size_t k, const struct split_degrees *degrees, struct split_link *link) {
  const enum op_split split = writer->split;
  *link = (struct split_link){"leave", OP_ALL_REDUCE, SPLIT_LEAVE, writer->out_bytes, degrees->tensor, 1};
  if (split == SPLIT_LOSS && writer->kind == OP_CROSS_ENTROPY) {
    static const char *const suffixes[LOSS_SUMS] = {"largest", "target", "sum"};
    if (k >= LOSS_SUMS) return false;
    link->suffix = suffixes[k];
    link->split = SPLIT_LOSS_SUM;
    return true;
  }
  if (split == SPLIT_EXPERT_ROW) link->split = SPLIT_EXPERT_LEAVE;
  return k == 0 &&
         (split == SPLIT_PROJECTION || split == SPLIT_ROW || split == SPLIT_EXPERT_ROW || split == SPLIT_TABLE);
}

static bool split(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                  struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error) {
  static const struct split_links links = {enter, leave};
  struct split_facts facts = forward->facts;
  facts.tensor = degrees->tensor;
  facts.pad_heads = degrees->pad_heads;
  if (!split_rewrite(forward, &facts, degrees, &links, arena, scratch, rank, error)) return false;
  if (extras != NULL) split_extras_between(forward, rank, extras);
  return true;
}

const struct split_strategy split_tensor = {
    "tensor", "Matrices of a layer by columns, then by rows, attention by heads, tables by vocabulary (Megatron).",
    degree, applies, split};

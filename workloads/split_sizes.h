/* How large is what one device holds of a transformer, once some splits have been applied?
 *
 * Local sizes follow from those of the whole model and the degrees alone, so that the order of splits cannot matter. */
#ifndef WORKLOADS_SPLIT_SIZES_H
#define WORKLOADS_SPLIT_SIZES_H

#include "workloads/op_graph.h"

struct split_sizes {
  uint64_t tokens;       /* rows of norms, dropout, residuals */
  uint64_t group_tokens; /* rows of the matrices: of all ranks of a tensor group */
  uint64_t queries;      /* of group_tokens, of one sample; the keys are those of the whole sequence */
  uint64_t heads, kv_heads, vocab;
  uint64_t ranks;     /* of a tensor group, which share the widths of feed-forward networks */
  uint64_t experts;   /* whose matrices lie here */
  uint64_t rows_sent; /* to each expert of the model, from the tokens here */
  uint64_t rows;      /* of each expert here, from all ranks that send to it */
};
void split_sizes_init(struct split_sizes *sizes, const struct split_facts *facts);

/* Ranks among which the tensor split shares work, and so on; 1 where a split has not been applied. */
uint64_t split_tensor_ranks(const struct split_facts *facts);
uint64_t split_context_ranks(const struct split_facts *facts);
uint64_t split_expert_ranks(const struct split_facts *facts);

/* Rows of each expert when `tokens` spread evenly over all of them; what goes over the capacity is dropped. Saturates.
 */
uint64_t split_expert_rows(const struct split_facts *facts, uint64_t tokens);

/* `op` of a graph with the facts `from` as it is with the facts `to`. */
struct op split_resized(const struct op *op, const struct split_facts *from, const struct split_facts *to);

#endif

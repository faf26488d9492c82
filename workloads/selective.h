/* Which operators does selective recomputation run again? */
#ifndef WORKLOADS_SELECTIVE_H
#define WORKLOADS_SELECTIVE_H

#include "workloads/attention_fusion.h"
#include "workloads/block_cut.h"
#include "workloads/training.h"

/* Per forward op: `inner`, its output is not kept; `again`, it runs again. What the next block is given is kept there.
 * In `arena`. */
struct attention_marks selective_mark(const struct op_graph *forward, enum selective rule, const struct block_cut *cut,
                                      struct arena *arena);

#endif

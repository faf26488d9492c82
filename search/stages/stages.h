/* Which layers go to which stage?
 *
 * Layers (a chain, or a graph) with loads and memories; p stages in a row. On a chain exact by dynamic programming on
 * the bottleneck; on a graph over downsets up to a limit, else along a topological chain. The best r partitions are
 * returned, since the bottleneck alone does not decide a pipeline's time. (accelerator-search §9, "Partition DP".)
 * Knows neither graphs of operators nor hardware. */
#ifndef SEARCH_STAGES_H
#define SEARCH_STAGES_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stages_problem {
  size_t n_layers, n_stages;
  const double *load; /* [n_layers], of every stage alike; ≥ 0 */
  const double *cut;  /* [n_layers] added to the load of a stage that ends behind layer i (and of the next that begins
                         there): what goes over the boundary; NULL: none. Chains only */
  const uint64_t *fixed_bytes; /* [n_layers] a stage must hold whatever its place: weights, state */
  const uint64_t *kept_bytes;  /* [n_layers] per microbatch kept */
  const uint64_t *n_kept;      /* [n_stages] microbatches kept at stage s */
  uint64_t memory_bytes;       /* of a device; 0: not limited */
  /* Of a graph: predecessors in compressed rows, topological order; NULL: a chain. */
  const uint32_t *pred_start, *preds;
  uint64_t max_downsets; /* 40,000 */
};
struct stages_partition {
  double bottleneck;
  uint32_t *stage_of; /* [n_layers] */
};
struct stages_answer {
  size_t n;                            /* ≤ r; 0: nothing fits */
  struct stages_partition *partitions; /* ascending bottleneck, then lexicographic stage_of */
  bool exact;                          /* false: cut off at max_downsets, along a chain */
  size_t tight_stage;                  /* nothing fits: where, and by how many bytes at least */
  uint64_t excess_bytes;
};
bool stages_solve(const struct stages_problem *problem, size_t r, struct arena *arena, struct arena *scratch,
                  struct stages_answer *answer, struct error *error);

#endif

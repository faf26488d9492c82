/* Which layers go to which stage?
 *
 * Layers (a chain, or a graph) with loads and memories; p stages in a row. On a chain exact by dynamic programming on
 * the bottleneck; on a graph over downsets up to a limit, else along a topological chain. The best r partitions are
 * returned, since the bottleneck alone does not decide a pipeline's time. (accelerator-search §9, "Partition DP".)
 * Knows neither graphs of operators nor hardware.
 *
 * A stage's load is the sum of its layers' loads in their order, then the cut before it, then that behind it: everyone
 * adds in this order, so bottlenecks are equal to the last bit or not at all. No stage is empty. */
#ifndef SEARCH_STAGES_H
#define SEARCH_STAGES_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAGES_MAX_LAYERS = 16384, STAGES_MAX_STAGES = 1024, STAGES_MAX_DOWNSETS = 40000 };

struct stages_problem {
  size_t n_layers, n_stages;
  const double *load; /* [n_layers], of every stage alike; ≥ 0 */
  const double *cut;  /* [n_layers] added to the load of a stage that ends behind layer i (and of the next that begins
                         there): what goes over the boundary; NULL: none. Chains only */
  const uint64_t *fixed_bytes; /* [n_layers] a stage must hold whatever its place: weights, state */
  const uint64_t *kept_bytes;  /* [n_layers] per microbatch kept */
  const uint64_t *n_kept;      /* [n_stages] microbatches kept at stage s */
  uint64_t memory_bytes;       /* of a device; 0: not limited, and the three above may be NULL */
  /* Of a graph: predecessors in compressed rows ([n_layers + 1] starts), topological order; NULL: a chain. */
  const uint32_t *pred_start, *preds;
  uint64_t max_downsets; /* 40,000 */
};
struct stages_partition {
  double bottleneck;
  uint32_t *stage_of; /* [n_layers] */
};
struct stages_answer {
  size_t n; /* ≤ r; 0: nothing fits */
  /* Ascending bottleneck, then by stages: at the first layer that only one of two partitions has in the first stage
   * where they differ, that one comes first. On a chain this is the lexicographic order of stage_of. */
  struct stages_partition *partitions;
  bool exact; /* false: a graph cut off at max_downsets (or at 2^28 steps), answered along a chain */
  /* Nothing fits: every partition has a stage that lacks at least excess_bytes, and there is one, whose fullest stage
   * is tight_stage, where none lacks more. */
  size_t tight_stage;
  uint64_t excess_bytes;
};
/* The best r ≥ 1 partitions. Fewer layers than stages: STATUS_INFEASIBLE; a broken statement: STATUS_INPUT. What does
 * not fit in memory is an answer, not an error. */
bool stages_solve(const struct stages_problem *problem, size_t r, struct arena *arena, struct arena *scratch,
                  struct stages_answer *answer, struct error *error);

/* No partition's bottleneck is below: the largest layer, and a p-th of all loads, safe from rounding. */
double stages_lower_bound(const struct stages_problem *problem);
/* bottleneck / bound − 1, at least 0; 0 where both are 0. */
double stages_gap(double bottleneck, double bound);

/* The judge, which shares no code with the solver: every layer on a stage, none empty, in order (of a graph: behind all
 * predecessors), within memory, the bottleneck as said. */
bool stages_check(const struct stages_problem *problem, const struct stages_partition *partition, struct error *error);

#endif

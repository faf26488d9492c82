/* What if there are too many points to keep what each of them scored?
 *
 * A sweep visits every point of a space block by block and keeps the top-k, the Pareto front and counters alone. A
 * point whose bounds say that it can enter neither is not evaluated: the answer is that of the exhaustive search, top-k
 * and front in full. Within a block the most promising go first, so that they exclude others. What a block evaluates
 * depends on what was known when its round began and on the block itself, not on who else computes: the same counters
 * on any number of ranks.
 *
 * The functions fit cluster.h's blocks without knowing it: clear, fold, pack, merge. */
#ifndef SEARCH_SPACE_SWEEP_H
#define SEARCH_SPACE_SWEEP_H

#include "results/pareto.h"
#include "results/topk.h"
#include "search/space/exclusions.h"

struct sweep_settings {
  uint64_t block, blocks_per_round, first_evaluations;
  bool prune, front;
};

/* Words through and through. */
struct sweep_counts {
  uint64_t visited, allowed; /* points; of them, within the limits known without evaluation */
  uint64_t known;            /* allowed, and evaluated before the sweep came by */
  uint64_t pruned;           /* allowed, and left out: bounds exclude them from top-k and front */
  uint64_t evaluated, feasible;
  uint64_t reasons[SPACE_MAX_REASONS]; /* of the evaluated */
  struct exclusions exclusions;        /* of the visited */
};

struct sweep; /* of one rank: accumulator and scratch, in the arena given to sweep_new */

/* What is known when a round begins; the caller adds what the sweep has found when it ends. */
struct sweep_known {
  const struct topk *topk;
  struct pareto *front;
  const struct point_set *evaluated; /* points whose records top-k and front have seen */
  /* Asked between two evaluations within a block, which may take seconds; once true, always true, and what the fold
   * then holds must be thrown away. NULL: never. */
  bool (*interrupted)(void *context);
  void *context;
};

struct sweep *sweep_new(const struct space *space, const struct sweep_settings *settings,
                        const struct sweep_known *known, size_t top_k, struct arena *arena);
/* Index 0 of the next fold is this point of the space. */
void sweep_set_offset(struct sweep *sweep, uint64_t offset);

void sweep_clear(void *sweep);
void sweep_fold(void *sweep, uint64_t first, uint64_t end);
const uint64_t *sweep_pack(void *sweep, size_t *n_words);
void sweep_merge(void *sweep, const uint64_t *words, size_t n_words);
/* Could sweep_pack have given these words after `n_points` points from the offset on? For words out of a file. The
 * accumulator is used for it. */
bool sweep_check(struct sweep *sweep, const uint64_t *words, size_t n_words, uint64_t n_points);

/* What the accumulator holds: candidates that what was known does not exclude; valid until the next fold. */
const struct sweep_counts *sweep_counts(const struct sweep *sweep);
const struct topk *sweep_topk(const struct sweep *sweep);
const struct pareto *sweep_front(const struct sweep *sweep);

#endif

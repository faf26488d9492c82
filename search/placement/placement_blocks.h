/* How are answers improved? Blocks of a device's order move elsewhere, annealed. (placement §8.2.)
 *
 * Good answers keep whole chains on one board, which moves of single layers cannot reach. Half of the targets are next
 * to a neighbour of the block in the graph; where memory is short what is pinned changes too; layers of one group move
 * together. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BLOCKS_H
#define SEARCH_PLACEMENT_PLACEMENT_BLOCKS_H

#include "base/rng.h"
#include "search/placement/placement_times.h"

struct placement_blocks {
  struct placement_times *times;
  struct rng rng;
  uint64_t n_samples, most_samples;
  bool (*interrupted)(void *context); /* NULL: never */
  void *context;
  bool stopped;
  struct placement_answer best;
  double best_value;
  /* --- */
  uint32_t *critical; /* [n_layers] layers that cannot end later, as of some moves ago */
  size_t n_critical;
  uint64_t next_critical;
};
void placement_blocks_init(struct placement_blocks *blocks, struct placement_times *times, struct rng rng,
                           uint64_t most_samples, struct arena *arena);
/* A start; kept as the best if it is. Its value. */
double placement_blocks_offer(struct placement_blocks *blocks, const struct placement_answer *answer);
/* Anneals from the answer for `n` evaluations at most; temperatures as shares of its value, falling from the first to
 * the last geometrically. */
struct placement_cooling {
  double hot, cold;
};
void placement_blocks_anneal(struct placement_blocks *blocks, const struct placement_answer *from, uint64_t n,
                             struct placement_cooling cooling);

#endif

/* A binomial tree: reduced to the first member, then broadcast, level by level.
 *
 *   all-reduce   Σ over levels of 2⌈log₂ n_i⌉·(α + S/β)
 *
 * Only the first member of a unit speaks outside of it. Messages are whole: for any n as few steps as a folded exchange
 * has. Left out: segments in a pipeline and the double binary tree (Sanders, Speck, Träff, "Two-tree algorithms for
 * full bandwidth broadcast, reduction and scan", 2009), whose 2·log₂n·α + 2S/β halving_doubling stands for. */
#include "arch/collective.h"

static double tree_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  (void)kind;
  double s = 0;
  for (size_t i = 0; i < span->n_levels; i++) {
    const struct collective_level *const level = &span->levels[i];
    unsigned n_rounds = 0;
    while (UINT64_C(1) << n_rounds < level->extent) n_rounds++;
    s += 2 * (double)n_rounds *
         (level->latency_s * (double)level->view.pair_hops + bytes / (level->bytes_per_s * level->view.pairs));
  }
  return s;
}

const struct collective_algorithm collective_tree = {
    .name = "tree",
    .doc = "binomial: whole messages to the first member of each unit and back; any n",
    .kinds = DOES_ALL_REDUCE,
    .seconds = tree_s,
};

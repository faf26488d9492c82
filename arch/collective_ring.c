/* Rings: everybody passes a piece of S/n bytes to the next, n−1 times.
 *
 *   reduce-scatter, all-gather   (n−1)·t,  t = max over levels i of  α_i·hops + f_i·(S/n)/β_i
 *   all-reduce                   2(n−1)·t
 *
 * On one level f = 1. Over several, there are as many rings as members share a unit of the level below the outermost,
 * each with its part of every piece, and each goes round inside a unit starting from another member, so that all
 * members' outer links are used alike (as NCCL's channels use all network cards of a node). Of a member's pieces the
 * share f_i = 1/m_{i−1} − 1/m_i leaves by level i, outermost 1/m_{i−1}, with m_i members in a unit of level i. Source:
 * Patarasu & Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations" (2009). */
#include "arch/collective.h"

#include <math.h>

static double ring_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  const double n = (double)span->ranks, piece_bytes = bytes / n;
  double step_s = 0, inside = 1;
  for (size_t i = 0; i < span->n_levels; i++) {
    const struct collective_level *const level = &span->levels[i];
    const double outside = i + 1 < span->n_levels ? inside * (double)level->extent : (double)INFINITY;
    const double share = 1 / inside - 1 / outside;
    const double s = level->latency_s * (double)level->view.ring_hops +
                     share * piece_bytes / (level->bytes_per_s * level->view.ring);
    step_s = s > step_s ? s : step_s;
    inside = outside;
  }
  return (kind == OP_ALL_REDUCE ? 2 : 1) * (n - 1) * step_s;
}

const struct collective_algorithm collective_ring = {
    .name = "ring",
    .doc = "n-1 steps of S/n bytes to the next, twice for an all-reduce; any n",
    .kinds = DOES_REDUCTIONS,
    .seconds = ring_s,
};

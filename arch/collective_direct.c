/* Everybody sends each other member its piece of S/n bytes, one after the other.
 *
 *   all-to-all, all-gather, reduce-scatter   Σ over levels of (m_i − m_{i−1})·(α_i·hops + (S/n)/β_i)
 *   all-reduce                               twice that
 *
 * m_i members share a unit of level i; on one level (n−1)·α + (n−1)/n·S/β. In step k everybody sends to the member k
 * further on, digit by digit, so that all messages of a step run on the same level. Source: Thakur, Rabenseifner, Gropp
 * (2005), "pairwise exchange". Left out: Bruck's algorithm, which trades bytes for steps. */
#include "arch/collective.h"

static double direct_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  const double piece_bytes = bytes / (double)span->ranks;
  double s = 0, inside = 1;
  for (size_t i = 0; i < span->n_levels; i++) {
    const struct collective_level *const level = &span->levels[i];
    const double members = inside * (double)level->extent;
    s += (members - inside) * (level->latency_s * (double)level->view.far_hops +
                               piece_bytes / (level->bytes_per_s * level->view.all_to_all));
    inside = members;
  }
  return kind == OP_ALL_REDUCE ? 2 * s : s;
}

const struct collective_algorithm collective_direct = {
    .name = "direct",
    .doc = "each to each, n-1 messages of S/n bytes; any n and every kind",
    .kinds = DOES_REDUCTIONS | DOES_ALL_TO_ALL,
    .seconds = direct_s,
};

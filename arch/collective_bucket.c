/* Rings along the sides of a torus or mesh, one side after the other, all sides at work at once.
 *
 * The tensor is cut into D parts; in phase p part q goes round side (q + p) mod D, where it has shrunk by the lengths g
 * of the sides that it has been through. A phase ends with its slowest part:
 *
 *   reduce-scatter, all-gather   Σ over phases of  max over parts of  (g−1)·(α·hops + part/(g·β·r_side))
 *   all-reduce                   twice that
 *
 * With equal closed sides D(g−1)α + (n−1)/n·S/β: a ring's bytes at the latency of the sides. Source: Chan et al.
 * (2007), "bucket" algorithms; Sack & Gropp, "Faster topology-aware collective algorithms through non-minimal
 * communication" (2012). Only on one level. */
#include "arch/collective.h"

static bool bucket_applies(const struct collective_span *span, enum op_kind kind) {
  (void)kind;
  return span->n_levels == 1 && span->levels[0].view.n_sides >= 2;
}

static double bucket_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  const struct collective_level *const level = &span->levels[0];
  const struct topology_view *const view = &level->view;
  double part_bytes[TOPOLOGY_MAX_SIDES], s = 0;
  for (size_t q = 0; q < view->n_sides; q++) part_bytes[q] = bytes / (double)view->n_sides;
  for (size_t p = 0; p < view->n_sides; p++) {
    double phase_s = 0;
    for (size_t q = 0; q < view->n_sides; q++) {
      const size_t side = (q + p) % view->n_sides;
      const double g = (double)view->sides[side];
      part_bytes[q] /= g;
      const double part_s = (g - 1) * (level->latency_s * (double)view->ring_hops +
                                       part_bytes[q] / (level->bytes_per_s * view->side_rate[side]));
      phase_s = part_s > phase_s ? part_s : phase_s;
    }
    s += phase_s;
  }
  return kind == OP_ALL_REDUCE ? 2 * s : s;
}

const struct collective_algorithm collective_bucket = {
    .name = "bucket",
    .doc = "rings along all sides of a torus or mesh at once; a group on one level of that kind",
    .kinds = DOES_REDUCTIONS,
    .applies = bucket_applies,
    .seconds = bucket_s,
};

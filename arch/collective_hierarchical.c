/* One level after the other, each by the cheapest algorithm for it.
 *
 *   reduce-scatter   Σ over levels of that of S/m_{i−1} bytes on level i, innermost first
 *   all-gather       the same backwards
 *   all-reduce       reduce-scatter on all levels but the outermost, all-reduce of S/m there, all-gather back
 *   all-to-all       Σ over levels of that of S bytes: what goes to the same place on a level goes as one message
 *
 * m_{i−1} members share a unit of the level below i, each with its own part of the tensor; so all of their outer links
 * are used. (accelerator-search §9.) Left out: several parts in a pipeline, so that levels overlap. */
#include "arch/collective.h"

static bool hierarchical_applies(const struct collective_span *span, enum op_kind kind) {
  (void)kind;
  return span->n_levels >= 2;
}

static double level_s(const struct collective_span *span, size_t level, enum op_kind kind, double bytes) {
  const struct collective_span one = collective_one_level(span, level);
  return collective_cheapest_s(&one, kind, bytes, true, NULL);
}

static double hierarchical_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  double s = 0;
  for (size_t i = 0; i < span->n_levels; i++) {
    if (kind != OP_ALL_REDUCE || i + 1 == span->n_levels) {
      s += level_s(span, i, kind, bytes);
    } else {
      s += level_s(span, i, OP_REDUCE_SCATTER, bytes) + level_s(span, i, OP_ALL_GATHER, bytes);
    }
    if (kind != OP_ALL_TO_ALL) bytes /= (double)span->levels[i].extent;
  }
  return s;
}

const struct collective_algorithm collective_hierarchical = {
    .name = "hierarchical",
    .doc = "level after level, each by the cheapest of the others; groups over several levels",
    .kinds = DOES_REDUCTIONS | DOES_ALL_TO_ALL,
    .composes = true,
    .applies = hierarchical_applies,
    .seconds = hierarchical_s,
};

/* The list of collective algorithms, and the cheapest of them. See collective.h. */
#include "arch/collective.h"

#include "base/error.h"
#include <math.h>

const struct collective_algorithm *const collective_algorithms[] = {
#define COLLECTIVE(name) &collective_##name,
#include "arch/collectives.def"
#undef COLLECTIVE
};
const size_t n_collective_algorithms = sizeof collective_algorithms / sizeof *collective_algorithms;

bool collective_applies(const struct collective_algorithm *algorithm, const struct collective_span *span,
                        enum op_kind kind) {
  REQUIRE(kind >= OP_ALL_REDUCE && kind <= OP_ALL_TO_ALL);
  if (!(algorithm->kinds & 1u << (kind - OP_ALL_REDUCE))) return false;
  return algorithm->applies == NULL || algorithm->applies(span, kind);
}

double collective_cheapest_s(const struct collective_span *span, enum op_kind kind, double bytes, bool on_one_level,
                             size_t *algorithm) {
  double best_s = INFINITY;
  size_t best = n_collective_algorithms;
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    if (on_one_level && collective_algorithms[i]->composes) continue;
    if (!collective_applies(collective_algorithms[i], span, kind)) continue;
    const double s = collective_algorithms[i]->seconds(span, kind, bytes);
    if (best < n_collective_algorithms && !(s < best_s)) continue;
    best_s = s;
    best = i;
  }
  REQUIRE(best < n_collective_algorithms);
  if (algorithm != NULL) *algorithm = best;
  return best_s;
}

struct collective_span collective_one_level(const struct collective_span *span, size_t level) {
  struct collective_span one = {.ranks = span->levels[level].extent, .n_levels = 1};
  one.levels[0] = span->levels[level];
  return one;
}

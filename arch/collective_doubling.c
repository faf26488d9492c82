/* Exchanges with the partner whose number differs in one binary digit, innermost digit first.
 *
 *   halving_doubling     reduce-scatter: S/2, S/4, … S/n bytes; all-gather the same backwards; all-reduce both:
 *                        2·log₂n·α + 2(n−1)/n·S/β
 *   recursive_doubling   all-reduce: all S bytes each time, log₂n·(α + S/β)
 *
 * Powers of two; over several levels each extent must be one, so that a digit belongs to a level. On a single level an
 * all-reduce of other n is folded: of 2^q < n members, n − 2^q first take in all of another's S and send it the result
 * in the end, 2(α + S/β) more. Source: Thakur, Rabenseifner, Gropp (2005), §4; their halving of the fold is left out.
 */
#include "arch/collective.h"

static bool is_power_of_two(uint64_t n) { return (n & (n - 1)) == 0; }

static bool doubling_applies(const struct collective_span *span, enum op_kind kind) {
  if (span->n_levels == 1 && kind == OP_ALL_REDUCE) return true;
  for (size_t i = 0; i < span->n_levels; i++)
    if (!is_power_of_two(span->levels[i].extent)) return false;
  return true;
}

static double message_s(const struct collective_level *level, double bytes) {
  return level->latency_s * (double)level->view.pair_hops + bytes / (level->bytes_per_s * level->view.pairs);
}

/* One exchange a digit, of which each is `shrink` times as large as the one before, from first_bytes on. */
static double exchanges_s(const struct collective_span *span, double first_bytes, double shrink) {
  double s = 0, bytes = first_bytes;
  for (size_t i = 0; i < span->n_levels; i++) {
    for (uint64_t n = span->levels[i].extent; n > 1; n /= 2) {
      s += message_s(&span->levels[i], bytes);
      bytes *= shrink;
    }
  }
  return s;
}

static double fold_s(const struct collective_span *span, double bytes) {
  if (is_power_of_two(span->ranks)) return 0;
  return 2 * message_s(&span->levels[0], bytes);
}

static double halving_doubling_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  const double s = exchanges_s(span, bytes / 2, 0.5);
  return kind == OP_ALL_REDUCE ? 2 * s + fold_s(span, bytes) : s;
}

static double recursive_doubling_s(const struct collective_span *span, enum op_kind kind, double bytes) {
  (void)kind;
  return exchanges_s(span, bytes, 1) + fold_s(span, bytes);
}

const struct collective_algorithm collective_halving_doubling = {
    .name = "halving_doubling",
    .doc = "exchanges of S/2, S/4, ... and back; powers of two, all-reduces of others folded",
    .kinds = DOES_REDUCTIONS,
    .applies = doubling_applies,
    .seconds = halving_doubling_s,
};

const struct collective_algorithm collective_recursive_doubling = {
    .name = "recursive_doubling",
    .doc = "exchanges of all S bytes: least latency; powers of two, others folded",
    .kinds = DOES_ALL_REDUCE,
    .applies = doubling_applies,
    .seconds = recursive_doubling_s,
};

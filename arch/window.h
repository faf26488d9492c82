/* Which input positions does a run of a convolution's outputs read, along one axis?
 *
 * Exact at the borders: padding is never fetched. Private to arch/ and its tests. */
#ifndef ARCH_WINDOW_H
#define ARCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Outputs y in [0, out) read inputs y·stride − pad + j·dilation for taps j in [0, filter), where they lie in [0, in).
 * `fractional` (the gradient of such a window): outputs y in [0, out) read inputs p in [0, in) with
 * p·stride − pad + j·dilation = y for some tap j. Made by window_init. */
struct window {
  uint64_t out, in, filter, stride, dilation, pad;
  bool fractional;
};

/* Positions that every window steps over (a stride and a dilation with a common factor, a single tap) are divided out,
 * so that `in` counts those that can be read at all. */
void window_init(struct window *window, const struct window *raw);

/* Positions that outputs [first, end) read, 0 ≤ first < end ≤ out: from the first to the last; where windows do not
 * touch each other, those under the taps. */
uint64_t window_extent(const struct window *window, uint64_t first, uint64_t end);
/* The most that any `length` outputs in a row read. */
uint64_t window_most(const struct window *window, uint64_t length);

/* A dimension of `units` cut into `groups` of almost equal size, larger ones first, and each of these into `parts`
 * likewise; a group of fewer units than parts has as many parts as units. */
struct partition {
  uint64_t units, groups, parts;
};
/* Of the i-th of n almost equal shares of x, larger ones first. */
static inline uint64_t share_start(uint64_t x, uint64_t n, uint64_t i) {
  const uint64_t rest = x % n;
  return i * (x / n) + (i < rest ? i : rest);
}
uint64_t partition_total(const struct partition *partition); /* parts of all groups together */

/* Σ window_extent over all parts, where a unit is `unit_outputs` outputs (a fractional window's: a multiple of its
 * stride) and the last may be cut short. Padding is taken off exactly for the 64 parts next to either border. */
uint64_t window_sum(const struct window *window, uint64_t unit_outputs, const struct partition *partition);

#endif

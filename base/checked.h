/* Arithmetic on cycles and bytes that cannot wrap in silence.
 *
 * `checked_*` report overflow; `sat_*` stick at UINT64_MAX, which every cost treats as "does not fit" (a score with a
 * reason), so that the hot path needs no branch per operation. */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *product) {
  return !__builtin_mul_overflow(a, b, product);
}
static inline uint64_t sat_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}
static inline uint64_t sat_mul(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}
/* ⌈a/b⌉ for b > 0, without overflow. */
static inline uint64_t ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }
static inline uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* ⌈bytes / bytes_per_cycle⌉ in cycles; UINT64_MAX when the rate is 0 and there are bytes, or when it does not fit.
 * One IEEE division and no libm call whose result could depend on the processor, so the answer is the same everywhere.
 */
static inline uint64_t cycles_for_bytes(uint64_t bytes, double bytes_per_cycle) {
  if (bytes == 0) return 0;
  if (!(bytes_per_cycle > 0)) return UINT64_MAX;
  const double cycles = (double)bytes / bytes_per_cycle;
  if (!(cycles < 9e18)) return UINT64_MAX;
  const uint64_t whole = (uint64_t)cycles;
  return whole + ((double)whole < cycles);
}

#endif

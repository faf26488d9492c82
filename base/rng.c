/* How is a stream of random numbers made from what it is for?
 *
 * Source: O'Neill 2014 (see rng.h), the member pcg_engines::setseq_xsl_rr_128_64: a 128-bit linear congruential
 * generator whose increment selects the stream, and whose output folds the two halves and rotates them by the top six
 * bits. Bounded draws: Lemire 2019, "Fast Random Integer Generation in an Interval". Skipping: Brown 1994, "Random
 * Number Generation with Arbitrary Strides". Left out: distributions, which are GSL's, and a generator of our own. */
#include "base/rng.h"
#include "base/digest.h"
#include "base/error.h"
#include <endian.h>

#define PCG_MULTIPLIER ((rng_u128)2549297995355413924u << 64 | 4865540595714422341u) /* L'Ecuyer 1999, via O'Neill */

void rng_seed(struct rng *rng, rng_u128 seed, rng_u128 sequence) {
  rng->increment = sequence << 1 | 1; /* odd: full period */
  rng->state = (seed + rng->increment) * PCG_MULTIPLIER + rng->increment;
}

static inline uint64_t output_of(rng_u128 state) {
  const uint64_t folded = (uint64_t)(state >> 64) ^ (uint64_t)state;
  const unsigned turn = (unsigned)(state >> 122);
  return folded >> turn | folded << (-turn & 63);
}

uint64_t rng_next(struct rng *rng) {
  rng->state = rng->state * PCG_MULTIPLIER + rng->increment;
  return output_of(rng->state);
}

/* Each state is a product of the one before, and a product of 128 bits takes long: four chains, each four states a
 * step, keep the multiplier busy. */
void rng_fill(struct rng *rng, uint64_t *draws, size_t n) {
  enum { CHAINS = 4 };
  rng_u128 state[CHAINS] = {rng->state * PCG_MULTIPLIER + rng->increment}, a = PCG_MULTIPLIER, c = rng->increment;
  for (size_t k = 1; k < CHAINS; k++) {
    state[k] = state[k - 1] * PCG_MULTIPLIER + rng->increment;
    c = c * PCG_MULTIPLIER + rng->increment;
    a *= PCG_MULTIPLIER;
  }
  size_t i = 0;
  for (; i + CHAINS <= n; i += CHAINS) {
    for (size_t k = 0; k < CHAINS; k++) {
      draws[i + k] = output_of(state[k]);
      rng->state = state[k];
      state[k] = state[k] * a + c;
    }
  }
  for (; i < n; i++) draws[i] = rng_next(rng);
}

uint64_t rng_below(struct rng *rng, uint64_t bound) {
  REQUIRE(bound > 0);
  rng_u128 product = (rng_u128)rng_next(rng) * bound;
  if ((uint64_t)product < bound) {
    const uint64_t surplus = -bound % bound; /* 2^64 mod bound low parts would be counted once too often */
    while ((uint64_t)product < surplus) product = (rng_u128)rng_next(rng) * bound;
  }
  return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *rng) { return (double)(rng_next(rng) >> 11) * 0x1p-53; }

void rng_advance(struct rng *rng, rng_u128 delta) {
  /* n steps at once are again state·a + c; double the step for each bit of delta. */
  rng_u128 step_a = PCG_MULTIPLIER, step_c = rng->increment, a = 1, c = 0;
  for (; delta > 0; delta >>= 1) {
    if (delta & 1) {
      a *= step_a;
      c = c * step_a + step_c;
    }
    step_c *= step_a + 1;
    step_a *= step_a;
  }
  rng->state = a * rng->state + c;
}

static rng_u128 name_of(const uint64_t *words, size_t n_bytes) {
  const struct digest name = digest_of(words, n_bytes);
  return (rng_u128)name.high << 64 | name.low;
}

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t round, uint64_t task) {
  /* A digest has 128 bits and a stream needs 255, so it is taken twice, told apart by the first word. */
  uint64_t words[] = {htole64(0), htole64(seed), htole64((uint64_t)purpose), htole64(round), htole64(task)};
  const rng_u128 state = name_of(words, sizeof words);
  words[0] = htole64(1);
  struct rng rng;
  rng_seed(&rng, state, name_of(words, sizeof words));
  return rng;
}

/* gsl_rng_set has a number and no purpose; it is there because GSL demands it. Streams are put in place instead:
 * `gsl_rng view = {rng_pcg64_type, &rng}`. */
static void gsl_view_set(void *state, unsigned long seed) { rng_seed(state, seed, 0); }
static unsigned long gsl_view_get(void *state) { return (unsigned long)(rng_next(state) >> 32); }
static double gsl_view_unit(void *state) { return rng_unit(state); }

static const gsl_rng_type pcg64 = {
    .name = "pcg64",
    .max = UINT32_MAX,
    .min = 0,
    .size = sizeof(struct rng),
    .set = gsl_view_set,
    .get = gsl_view_get,
    .get_double = gsl_view_unit,
};
const gsl_rng_type *const rng_pcg64_type = &pcg64;

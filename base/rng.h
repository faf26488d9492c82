/* Random numbers that depend on what they are for, never on who draws them.
 *
 * Nobody keeps a generator: a stream is derived from (seed, purpose, round, task), so results depend on neither rank
 * count nor timing. The generator is PCG64 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically
 * Good Algorithms for Random Number Generation", the 128-bit XSL-RR member with selectable stream), bit for bit the
 * `pcg64` of Debian's libpcg-cpp-dev, which the tests compare with. It is registered as a gsl_rng_type, so GSL's
 * distributions draw from our streams. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 rng_u128;

struct rng {
  rng_u128 state, increment;
};

/* What a stream is for: a new purpose gets a new number, old ones never change (results would). */
enum rng_purpose {
  RNG_RANDOM_SEARCH = 1,
  RNG_GUIDED_SEARCH = 2,
  RNG_UNCERTAINTY = 3,
  RNG_QUASI_SEARCH = 11,
  RNG_HILL_CLIMB = 12,
  RNG_ANNEALING = 13,
  RNG_GENETIC = 14,
  RNG_NSGA2 = 15,
  RNG_PHAZE_LIKE = 16,
  RNG_SENSITIVITY = 30,
  RNG_SCHEDULE = 40,
  RNG_SCHEDULE_GRAPHS = 41,
  RNG_BAYES_SEARCH = 50,
  RNG_SPOTLIGHT_LIKE_SEARCH = 51,
  RNG_CONFUCIUX_LIKE_SEARCH = 52,
  RNG_TENANCY_DRAW = 60, /* jobs of a group */
  RNG_TENANCY_BEST = 61,
  RNG_TENANCY_MAGMA = 62,
  RNG_TENANCY_BASELINE = 63, /* + the baseline's number × 65536 in the task */
  RNG_TENANCY_SCENARIOS = 64,
  RNG_TENANCY_SEED = 65,
  RNG_TENANCY_ANNEAL_FULL = 66,
  RNG_TENANCY_ALONE = 67, /* a tenant's jobs without the others */
  RNG_TENANCY_FRONT = 68,
  RNG_TENANCY_ONLINE = 69,
  RNG_PLACEMENT = 70, /* the algorithm's number in the task's high bits */
  RNG_TENANCY_WARM = 71,
  RNG_PARTITION = 72, /* the algorithm's number in the task's high bits */
  RNG_SHARDING = 73,  /* likewise */
  RNG_PLAN = 74,      /* designs that a plan looks at */
  RNG_TEST = 1000,
};

/* pcg64(seed, sequence) of the C++ library. */
void rng_seed(struct rng *rng, rng_u128 seed, rng_u128 sequence);
uint64_t rng_next(struct rng *rng);
/* The next n of rng_next at once, several times faster: innermost loops that draw a known number. */
void rng_fill(struct rng *rng, uint64_t *draws, size_t n);
/* Uniform in [0, bound), without bias (Lemire's multiply-and-reject); bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
double rng_unit(struct rng *rng); /* uniform in [0, 1), 53 bits */
/* Skips `delta` draws in O(log delta). */
void rng_advance(struct rng *rng, rng_u128 delta);
struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t round, uint64_t task);

/* GSL's view: `gsl_rng` state is a struct rng; gsl_rng_get gives 32 bits, gsl_rng_uniform 53 bits. */
extern const gsl_rng_type *const rng_pcg64_type;

#endif

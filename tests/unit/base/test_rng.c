/* Is the generator PCG64 bit for bit, are its draws unbiased, and does a stream depend on all that it is for? */
#include "base/rng.h"
#include <gsl/gsl_randist.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_PAIRS = 131, N_DRAWS = 11 };

static void draws_the_published_numbers(void **state) {
  (void)state;
  /* pcg64 rng(42u, 54u) of pcg-cpp's demonstration program (its expected output check-pcg64.out, first round). */
  struct rng rng;
  rng_seed(&rng, 42, 54);
  assert_true(rng_next(&rng) == 0x86b1da1d72062b68);
  assert_true(rng_next(&rng) == 0x1304aa46c9853d39);
}

/* $(BUILD)/tests/pcg_reference, seen from this program, $(BUILD)/tests/unit/base/test_rng. */
static void find_reference(char *path, size_t path_bytes) {
  const ssize_t n = readlink("/proc/self/exe", path, path_bytes - 1);
  assert_in_range(n, 1, path_bytes - 2);
  path[n] = '\0';
  for (int i = 0; i < 3; i++) {
    char *const slash = strrchr(path, '/');
    assert_non_null(slash);
    *slash = '\0';
  }
  assert_true(strlen(path) + sizeof "/pcg_reference" <= path_bytes);
  strcat(path, "/pcg_reference");
  if (access(path, X_OK) != 0) fail_msg("%s is not there: `make test` builds it", path);
}

static rng_u128 random_u128(struct rng *rng) {
  const uint64_t high = rng_next(rng), low = rng_next(rng);
  return ((rng_u128)high << 64 | low) >> rng_below(rng, 128);
}

static void print_u128(FILE *out, rng_u128 value) {
  fprintf(out, " %llx%016llx", (unsigned long long)(value >> 64), (unsigned long long)value);
}

static void agrees_with_the_reference(void **state) {
  (void)state;
  const uint64_t seed = 424243;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  static rng_u128 seeds[N_PAIRS], sequences[N_PAIRS], skips[N_PAIRS];
  char path[4096], *command = NULL;
  size_t command_bytes;
  find_reference(path, sizeof path);
  FILE *const text = open_memstream(&command, &command_bytes);
  assert_non_null(text);
  fprintf(text, "'%s'", path);
  for (int i = 0; i < N_PAIRS; i++) {
    print_u128(text, seeds[i] = random_u128(&rng));
    print_u128(text, sequences[i] = random_u128(&rng));
    print_u128(text, skips[i] = i % 3 ? random_u128(&rng) : (rng_u128)(i % 7));
    fprintf(text, " %x", (unsigned)N_DRAWS);
  }
  assert_int_equal(fclose(text), 0);
  FILE *const reference = popen(command, "r");
  assert_non_null(reference);
  for (int i = 0; i < N_PAIRS; i++) {
    struct rng ours;
    rng_seed(&ours, seeds[i], sequences[i]);
    rng_advance(&ours, skips[i]);
    for (int j = 0; j < N_DRAWS; j++) {
      unsigned long long theirs;
      assert_int_equal(fscanf(reference, "%llx", &theirs), 1);
      assert_true(rng_next(&ours) == theirs);
    }
  }
  assert_int_equal(pclose(reference), 0);
  free(command);
}

static void skipping_is_drawing(void **state) {
  (void)state;
  for (uint64_t n = 0; n < 70; n++) {
    struct rng drawn = rng_stream(2385, RNG_TEST, n, 0), skipped = drawn;
    for (uint64_t i = 0; i < n; i++) rng_next(&drawn);
    rng_advance(&skipped, n);
    assert_true(rng_next(&drawn) == rng_next(&skipped));
    rng_advance(&skipped, -(rng_u128)(n + 1)); /* the period is 2^128, so this goes back to the start */
    struct rng again = rng_stream(2385, RNG_TEST, n, 0);
    assert_true(rng_next(&again) == rng_next(&skipped));
  }
}

static void many_at_once_are_those_one_by_one(void **state) {
  (void)state;
  enum { MOST = 13 };
  for (size_t n = 0; n <= MOST; n++) {
    struct rng one = rng_stream(2385, RNG_TEST, n, 77), many = one;
    uint64_t draws[MOST];
    rng_fill(&many, draws, n);
    for (size_t i = 0; i < n; i++) assert_int_equal(draws[i], rng_next(&one));
    assert_true(many.state == one.state && many.increment == one.increment);
  }
}

static void bounded_draws_are_even(void **state) {
  (void)state;
  enum { BOUND = 7, N = 70000 };
  struct rng rng = rng_stream(17, RNG_TEST, 1, 2);
  unsigned counts[BOUND] = {0};
  for (int i = 0; i < N; i++) {
    const uint64_t draw = rng_below(&rng, BOUND);
    assert_true(draw < BOUND);
    counts[draw]++;
  }
  double chi_squared = 0;
  for (int i = 0; i < BOUND; i++) chi_squared += (counts[i] - 1e4) * (counts[i] - 1e4) / 1e4;
  assert_true(chi_squared < 22.46); /* 6 degrees of freedom, p = 0.001 */
  assert_true(rng_below(&rng, 1) == 0);
}

/* A multiply without reject would give multiples of 3 twice as often for this bound. */
static void bounded_draws_reject_the_surplus(void **state) {
  (void)state;
  enum { N = 30000 };
  const uint64_t bound = 3 * ((uint64_t)1 << 62);
  struct rng rng = rng_stream(17, RNG_TEST, 3, 4);
  unsigned multiples = 0;
  for (int i = 0; i < N; i++) {
    const uint64_t draw = rng_below(&rng, bound);
    assert_true(draw < bound);
    multiples += draw % 3 == 0;
  }
  assert_in_range(multiples, 9600, 10400); /* 10000 ± 5σ; biased: 15000 */
}

static void unit_draws_are_uniform(void **state) {
  (void)state;
  enum { N = 100000 };
  struct rng rng = rng_stream(5, RNG_TEST, 6, 7);
  double sum = 0, least = 1, most = 0;
  bool has_bit_53 = false;
  for (int i = 0; i < N; i++) {
    const double u = rng_unit(&rng);
    assert_true(u >= 0 && u < 1);
    sum += u;
    least = fmin(least, u);
    most = fmax(most, u);
    has_bit_53 |= fmod(u * 0x1p53, 2) != 0;
  }
  assert_true(fabs(sum / N - 0.5) < 0.005); /* 5σ = 0.0046 */
  assert_true(least < 1e-3 && most > 0.999 && has_bit_53);
}

static void a_stream_depends_on_all_it_is_for(void **state) {
  (void)state;
  const struct rng streams[] = {
      rng_stream(3, RNG_TEST, 5, 7),          rng_stream(4, RNG_TEST, 5, 7), rng_stream(3, RNG_RANDOM_SEARCH, 5, 7),
      rng_stream(3, RNG_GUIDED_SEARCH, 5, 7), rng_stream(3, RNG_TEST, 6, 7), rng_stream(3, RNG_TEST, 5, 8),
      rng_stream(3, RNG_TEST, 7, 5),
  };
  const size_t n = sizeof streams / sizeof *streams;
  const struct rng again = rng_stream(3, RNG_TEST, 5, 7);
  assert_true(again.state == streams[0].state && again.increment == streams[0].increment);
  for (size_t i = 0; i < n; i++) {
    assert_true(streams[i].increment & 1);
    assert_true(streams[i].state != streams[i].increment);
    for (size_t j = 0; j < i; j++)
      assert_true(streams[i].state != streams[j].state && streams[i].increment != streams[j].increment);
  }
}

static void gsl_draws_from_our_stream(void **state) {
  (void)state;
  struct rng ours = rng_stream(11, RNG_TEST, 13, 17), copy = ours;
  const gsl_rng view = {rng_pcg64_type, &ours};
  assert_string_equal(gsl_rng_name(&view), "pcg64");
  assert_true(gsl_rng_max(&view) == 0xFFFFFFFF && gsl_rng_min(&view) == 0);
  assert_int_equal(gsl_rng_size(&view), sizeof(struct rng));
  for (int i = 0; i < 29; i++) {
    assert_true(gsl_rng_get(&view) == rng_next(&copy) >> 32);
    const double u = gsl_rng_uniform(&view);
    assert_true(u == (double)(rng_next(&copy) >> 11) / 9007199254740992.0); /* 53 bits */
  }
  gsl_rng *const allocated = gsl_rng_alloc(rng_pcg64_type);
  assert_non_null(allocated);
  gsl_rng_set(allocated, 2385);
  rng_seed(&copy, 2385, 0);
  assert_true(gsl_rng_get(allocated) == rng_next(&copy) >> 32);
  gsl_rng_free(allocated);
}

static void gsl_distributions_have_their_moments(void **state) {
  (void)state;
  enum { N = 200000 };
  struct rng ours = rng_stream(19, RNG_TEST, 23, 29);
  const gsl_rng view = {rng_pcg64_type, &ours};
  double uniform = 0, first = 0, second = 0, third = 0;
  unsigned long integers = 0;
  for (int i = 0; i < N; i++) {
    uniform += gsl_rng_uniform(&view);
    const double g = gsl_ran_gaussian(&view, 3);
    first += g;
    second += g * g;
    third += g * g * g;
    integers += gsl_rng_uniform_int(&view, 2386);
  }
  assert_true(fabs(uniform / N - 0.5) < 0.0033);          /* 5 standard errors, here and below */
  assert_true(fabs(first / N) < 0.034);                   /* σ = 3 */
  assert_true(fabs(second / N - 9) < 0.143);              /* σ² √(2/N) = 0.0285 */
  assert_true(fabs(third / N) < 1.17);                    /* σ³ √(15/N) = 0.234 */
  assert_true(fabs((double)integers / N - 1192.5) < 7.8); /* 2386/√12/√N = 1.54 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_the_published_numbers), cmocka_unit_test(agrees_with_the_reference),
      cmocka_unit_test(skipping_is_drawing),         cmocka_unit_test(many_at_once_are_those_one_by_one),
      cmocka_unit_test(bounded_draws_are_even),      cmocka_unit_test(bounded_draws_reject_the_surplus),
      cmocka_unit_test(unit_draws_are_uniform),      cmocka_unit_test(a_stream_depends_on_all_it_is_for),
      cmocka_unit_test(gsl_draws_from_our_stream),   cmocka_unit_test(gsl_distributions_have_their_moments),
  };
  return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}

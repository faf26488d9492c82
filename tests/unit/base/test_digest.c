/* Is the digest XXH3-128, however its input is cut, and do different contents get different names? */
#include "base/digest.h"
#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_xxh3_128(void **state) {
  (void)state;
  char hex[DIGEST_HEX_BYTES];
  /* The self-test vectors of xxHash 0.8 for seed 0: no byte, and one zero byte. */
  digest_print(digest_of("", 0), hex);
  assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
  digest_print(digest_of("\0", 1), hex);
  assert_string_equal(hex, "a6cd5e9392000f6ac44bdff4074eecdb");
}

static void prints_high_first_with_all_digits(void **state) {
  (void)state;
  char hex[DIGEST_HEX_BYTES];
  digest_print((struct digest){0xABC, 0x2385}, hex);
  assert_string_equal(hex, "0000000000000abc0000000000002385");
}

static void cuts_do_not_matter(void **state) {
  (void)state;
  enum { N_BYTES = 5003 }; /* past xxHash's 240-byte and 1024-byte changes of method */
  const uint64_t seed = 90125;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  unsigned char bytes[N_BYTES];
  for (size_t i = 0; i < N_BYTES; i++) bytes[i] = (unsigned char)rng_next(&rng);
  for (int trial = 0; trial < 301; trial++) {
    const size_t n = rng_below(&rng, trial % 2 ? N_BYTES : 300);
    struct digest_stream stream;
    digest_begin(&stream);
    for (size_t at = 0, step; at < n; at += step) {
      step = rng_below(&rng, n - at + 1);
      digest_add_bytes(&stream, bytes + at, step);
    }
    assert_true(digest_equal(digest_end(&stream), digest_of(bytes, n)));
  }
}

static void end_leaves_the_stream_usable(void **state) {
  (void)state;
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_bytes(&stream, "abc", 3);
  assert_true(digest_equal(digest_end(&stream), digest_of("abc", 3)));
  struct digest_stream fork = stream;
  digest_add_bytes(&stream, "def", 3);
  digest_add_bytes(&fork, "xyz", 3);
  assert_true(digest_equal(digest_end(&stream), digest_of("abcdef", 6)));
  assert_true(digest_equal(digest_end(&fork), digest_of("abcxyz", 6)));
}

static void numbers_are_little_endian(void **state) {
  (void)state;
  static const unsigned char bytes[] = {0x85, 0x23, 0, 0, 0, 0, 0, 0xAB, 0, 0, 0, 0, 0, 0, 0xF8, 0xBF};
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, 0xAB00000000002385);
  digest_add_double(&stream, -1.5); /* 0xBFF8000000000000 */
  assert_true(digest_equal(digest_end(&stream), digest_of(bytes, sizeof bytes)));
}

static struct digest of_double(double value) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_double(&stream, value);
  return digest_end(&stream);
}

static struct digest of_texts(const char *a, const char *b) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_text(&stream, a);
  digest_add_text(&stream, b);
  return digest_end(&stream);
}

static void equal_means_equal(void **state) {
  (void)state;
  assert_true(digest_equal(of_double(0.0), of_double(-0.0)));
  assert_false(digest_equal(of_double(1.5), of_double(-1.5)));
  assert_false(digest_equal(of_double(1.5), of_double(nextafter(1.5, 2))));
  assert_true(digest_equal(of_texts("ab", "c"), of_texts("ab", "c")));
  assert_false(digest_equal(of_texts("ab", "c"), of_texts("a", "bc")));
  assert_false(digest_equal(of_texts("", "abc"), of_texts("abc", "")));
  assert_false(digest_equal((struct digest){1, 2}, (struct digest){1, 3}));
  assert_false(digest_equal((struct digest){1, 2}, (struct digest){0, 2}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_xxh3_128),
      cmocka_unit_test(prints_high_first_with_all_digits),
      cmocka_unit_test(cuts_do_not_matter),
      cmocka_unit_test(end_leaves_the_stream_usable),
      cmocka_unit_test(numbers_are_little_endian),
      cmocka_unit_test(equal_means_equal),
  };
  return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}

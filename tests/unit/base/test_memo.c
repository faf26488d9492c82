/* Does a table of answers ever give a stranger's, and does it keep what it can? */
#include "base/memo.h"
#include "base/rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_KEYS = 77 };

struct value {
  uint64_t number;
  uint32_t odd; /* 12 bytes that count: places are rounded up */
};

static struct digest key_of(uint64_t number) {
  const uint64_t content = 2385 + number;
  return digest_of(&content, sizeof content);
}

static void test_strangers(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 8, 4096};
  struct arena arena;
  arena_init(&arena, 1 << 12);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct memo *memo = memo_new(&arena, sizes[s], sizeof(struct value));
    struct rng rng = rng_stream(2385, RNG_TEST, 0, s);
    uint64_t last = UINT64_MAX, hits = 0;
    for (unsigned look = 0; look < 5003; look++) {
      const uint64_t number = last < N_KEYS && rng_below(&rng, 2) == 0 ? last : rng_below(&rng, N_KEYS);
      const struct value *found = memo_find(memo, key_of(number));
      if (found != NULL) {
        assert_int_equal(found->number, number);
        assert_int_equal(found->odd, number + 3);
        hits++;
      } else {
        assert_true(number != last); /* what was put last is there */
        struct value *place = memo_place(memo, key_of(number));
        *place = (struct value){number, (uint32_t)number + 3};
      }
      if (sizes[s] == 1) assert_int_equal(found != NULL, number == last);
      last = number;
    }
    if (sizes[s] == 4096) assert_true(hits >= 5003 - 2 * N_KEYS);
  }
  arena_release(&arena);
}

/* The digest of nothing is a key as any other, and an empty place is none. */
static void test_empty(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  struct memo *memo = memo_new(&arena, 4, sizeof(uint64_t));
  const struct digest zero = {0, 0};
  assert_null(memo_find(memo, zero));
  uint64_t *place = memo_place(memo, zero);
  *place = 2385;
  assert_int_equal(*(const uint64_t *)memo_find(memo, zero), 2385);
  assert_null(memo_find(memo, (struct digest){.high = 77, .low = 0}));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_strangers),
      cmocka_unit_test(test_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

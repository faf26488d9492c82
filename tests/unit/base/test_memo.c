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

/* Two words, of which neither alone tells numbers apart. */
struct key {
  uint64_t high, low;
};

static struct key key_of(uint64_t number) { return (struct key){number / 7, number % 7}; }
static uint64_t spread_of(struct key key) { return key.high * 7 + key.low; }

static void test_strangers(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 8, 4096};
  struct arena arena;
  arena_init(&arena, 1 << 12);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct memo *memo = memo_new(&arena, sizes[s], sizeof(struct key), sizeof(struct value));
    struct rng rng = rng_stream(2385, RNG_TEST, 0, s);
    uint64_t last = UINT64_MAX, hits = 0;
    for (unsigned look = 0; look < 5003; look++) {
      const uint64_t number = last < N_KEYS && rng_below(&rng, 2) == 0 ? last : rng_below(&rng, N_KEYS);
      const struct key key = key_of(number);
      const struct value *found = memo_find(memo, spread_of(key), &key);
      if (found != NULL) {
        assert_int_equal(found->number, number);
        assert_int_equal(found->odd, number + 3);
        hits++;
      } else {
        assert_true(number != last); /* what was put last is there */
        struct value *place = memo_place(memo, spread_of(key), &key);
        *place = (struct value){number, (uint32_t)number + 3};
      }
      if (sizes[s] == 1) assert_int_equal(found != NULL, number == last);
      last = number;
    }
    if (sizes[s] == 4096) assert_true(hits >= 5003 - 2 * N_KEYS);
  }
  arena_release(&arena);
}

/* Words of nought are a key as any others, and an empty place is none; keys of one place are told apart. */
static void test_empty(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  struct memo *memo = memo_new(&arena, 4, sizeof(struct key), sizeof(uint64_t));
  const struct key zero = {0, 0}, other = {77, 0};
  for (uint64_t spread = 0; spread < 9; spread++) assert_null(memo_find(memo, spread, &zero));
  uint64_t *place = memo_place(memo, 6, &zero);
  *place = 2385;
  assert_int_equal(*(const uint64_t *)memo_find(memo, 6, &zero), 2385);
  assert_null(memo_find(memo, 6, &other));
  assert_null(memo_find(memo, 7, &zero));
  place = memo_place(memo, 2, &other); /* the same place */
  *place = 77;
  assert_int_equal(*(const uint64_t *)memo_find(memo, 6, &other), 77);
  assert_null(memo_find(memo, 6, &zero));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_strangers),
      cmocka_unit_test(test_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

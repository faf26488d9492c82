/* Are the kept designs evenly spread, in order, and a function of what came? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/thinned.h"

static struct arena arena;

static void add(struct thinned *thinned, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    const struct record record = {.point = {{(uint16_t)(i % 60013), (uint16_t)(i / 60013)}}};
    thinned_add(thinned, &record);
  }
}

static size_t number_of(const struct record *record) {
  return record->point.index[0] + (size_t)record->point.index[1] * 60013;
}

/* After n have come: those whose number is a multiple of the least power of two that lets no more than 2385 through. */
static void check(const struct thinned *thinned, size_t n, size_t capacity) {
  size_t stride = 1;
  while ((n + stride - 1) / stride > capacity) stride *= 2;
  assert_int_equal(thinned_count(thinned), (n + stride - 1) / stride);
  for (size_t i = 0; i < thinned_count(thinned); i++) {
    assert_int_equal(number_of(thinned_at(thinned, i)), i * stride);
  }
}

static void test_even(void **state) {
  (void)state;
  static const size_t ends[] = {0, 1, 2, 1023, 1024, 1025, 2384, 2385, 2386, 4770, 4771, 9539, 9540, 9541, 131071};
  arena_init(&arena, 1 << 16);
  struct thinned *const thinned = thinned_new(&arena, 2385);
  size_t n = 0;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    add(thinned, n, ends[i]);
    n = ends[i];
    check(thinned, n, 2385);
  }
  struct thinned *const two = thinned_new(&arena, 2);
  for (size_t i = 0; i < 71; i++) {
    add(two, i, i + 1);
    check(two, i + 1, 2);
  }
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_even)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Is an arena's memory zeroed, aligned, disjoint and reused, and does exhaustion reach its hook? */
#include "base/arena.h"
#include "base/rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gives_zeroed_aligned_memory(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 300); /* larger blocks have chunks of their own */
  for (size_t n = 0; n < 237; n++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    unsigned char *const bytes = arena_alloc(&arena, n, 3);
    assert_int_equal((uintptr_t)bytes % 16, 0);
    for (size_t i = 0; i < 3 * n; i++) assert_int_equal(bytes[i], 0);
    memset(bytes, 0xA5, 3 * n);
    if (n % 5 != 0) arena_rewind(&arena, mark); /* the next one gets used memory and must see zeros again */
  }
  arena_release(&arena);
}

static void nothing_has_an_address_of_its_own(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 0);
  const void *const a = arena_alloc(&arena, 0, 8), *const b = arena_alloc(&arena, 8, 0),
                    *const c = ARENA_NEW(&arena, int, 1);
  assert_ptr_not_equal(a, b);
  assert_ptr_not_equal(b, c);
  arena_release(&arena);
}

static void blocks_keep_their_values(void **state) {
  (void)state;
  enum { N_BLOCKS = 500 };
  const uint64_t seed = 2385;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  struct arena arena;
  arena_init(&arena, 777);
  unsigned char *blocks[N_BLOCKS];
  size_t n_bytes[N_BLOCKS];
  for (int pass = 0; pass < 3; pass++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    for (size_t i = 0; i < N_BLOCKS; i++) {
      n_bytes[i] = rng_below(&rng, i % 50 == 0 ? 5000 : 100);
      blocks[i] = arena_alloc(&arena, 1, n_bytes[i]);
      memset(blocks[i], (int)(i % 251) + 1, n_bytes[i]);
    }
    for (size_t i = 0; i < N_BLOCKS; i++)
      for (size_t j = 0; j < n_bytes[i]; j++) assert_int_equal(blocks[i][j], i % 251 + 1);
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
}

static void what_was_live_at_the_mark_survives_a_rewind(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 64);
  uint32_t *const kept = ARENA_NEW(&arena, uint32_t, 9);
  for (uint32_t i = 0; i < 9; i++) kept[i] = 2385 * i;
  const struct arena_mark mark = arena_get_mark(&arena);
  for (int i = 0; i < 7; i++) memset(arena_alloc(&arena, 1, 60), 0xFF, 60);
  arena_rewind(&arena, mark);
  for (int i = 0; i < 7; i++) memset(arena_alloc(&arena, 1, 60), 0xEE, 60);
  for (uint32_t i = 0; i < 9; i++) assert_int_equal(kept[i], 2385 * i);
  arena_release(&arena);
}

/* The same work again, in any order of sizes, takes nothing more from the system. */
static void reuses_chunks(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 300);
  assert_int_equal(arena_held_bytes(&arena), 0);
  const struct arena_mark start = arena_get_mark(&arena); /* before any chunk exists */
  static const size_t sizes[] = {17, 290, 4000, 150, 299, 9000, 33};
  const size_t n = sizeof sizes / sizeof *sizes;
  for (size_t i = 0; i < n; i++) arena_alloc(&arena, 1, sizes[i]);
  const size_t held = arena_held_bytes(&arena);
  assert_true(held >= 13789);
  for (int pass = 0; pass < 23; pass++) {
    arena_rewind(&arena, start);
    for (size_t i = 0; i < n; i++) arena_alloc(&arena, 1, sizes[i]);
    assert_int_equal(arena_held_bytes(&arena), held);
  }
  arena_rewind(&arena, start);
  arena_alloc(&arena, 1, 9000);
  arena_alloc(&arena, 1, 4000); /* a waiting chunk that was too small for the first is not lost */
  arena_alloc(&arena, 1, 290);
  assert_int_equal(arena_held_bytes(&arena), held);
  arena_release(&arena);
  assert_int_equal(arena_held_bytes(&arena), 0);
}

static void copies_and_prints_text(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 32);
  char original[] = "bert_large";
  char *const copy = arena_copy_text(&arena, original);
  original[0] = 'X';
  assert_string_equal(copy, "bert_large");
  assert_string_equal(arena_copy_text(&arena, ""), "");
  assert_string_equal(arena_printf(&arena, "%s/%d%%|%200s", "stage", 17, "x") + 205, "    x");
  assert_string_equal(arena_printf(&arena, "%s", ""), "");
  arena_release(&arena);
}

static jmp_buf escape;
static size_t bytes_wanted;
static void note_and_escape(size_t bytes) {
  bytes_wanted = bytes;
  longjmp(escape, 1);
}

static void ask(size_t n, size_t size, size_t expected) {
  void (*const before)(size_t) = arena_on_exhaustion;
  struct arena arena;
  arena_init(&arena, 100);
  arena_on_exhaustion = note_and_escape;
  bytes_wanted = 0;
  if (setjmp(escape) == 0) {
    arena_alloc(&arena, n, size);
    fail_msg("memory that cannot exist was given");
  }
  arena_on_exhaustion = before;
  assert_int_equal(bytes_wanted, expected);
  assert_int_equal(arena_held_bytes(&arena), 0);
  arena_release(&arena);
}

static void exhaustion_reaches_the_hook(void **state) {
  (void)state;
  ask(SIZE_MAX, 3, SIZE_MAX);                      /* the product wraps */
  ask((size_t)1 << 32, (size_t)1 << 32, SIZE_MAX); /* wraps to 0 */
  ask(1, SIZE_MAX, SIZE_MAX);                      /* rounding up would wrap */
  ask(1, SIZE_MAX - 31, SIZE_MAX - 31);            /* the chunk's own fields would wrap */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_zeroed_aligned_memory),
      cmocka_unit_test(nothing_has_an_address_of_its_own),
      cmocka_unit_test(blocks_keep_their_values),
      cmocka_unit_test(what_was_live_at_the_mark_survives_a_rewind),
      cmocka_unit_test(reuses_chunks),
      cmocka_unit_test(copies_and_prints_text),
      cmocka_unit_test(exhaustion_reaches_the_hook),
  };
  return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

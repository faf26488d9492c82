/* Words that a sweep packs, kept beside it. */
#ifndef TESTS_SWEEP_WORDS_H
#define TESTS_SWEEP_WORDS_H

#include "search/space/sweep.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT_WORDS = sizeof(struct sweep_counts) / sizeof(uint64_t) };

struct words {
  uint64_t *at;
  size_t n;
};

static inline struct words packed(struct sweep *sweep, struct arena *arena) {
  struct words words;
  const uint64_t *at = sweep_pack(sweep, &words.n);
  words.at = ARENA_NEW(arena, uint64_t, words.n);
  memcpy(words.at, at, words.n * sizeof *words.at);
  return words;
}

static inline void check_same(struct words a, struct words b) {
  assert_int_equal(a.n, b.n);
  assert_memory_equal(a.at, b.at, a.n * sizeof *a.at);
}

#endif

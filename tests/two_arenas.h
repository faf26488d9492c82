/* What most tests of graphs stand on: an arena for what they build and one for scratch, fresh for every test. */
#ifndef TESTS_TWO_ARENAS_H
#define TESTS_TWO_ARENAS_H

#include "base/arena.h"

static struct arena arena, scratch;

static inline int setup(void **state) {
  (void)state;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}

#endif

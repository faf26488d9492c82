/* Arenas and results that the tests of workloads/ share: fresh before each case, released after it. */
#ifndef TESTS_WORKLOAD_BENCH_H
#define TESTS_WORKLOAD_BENCH_H

#include "workloads/workload.h"
#include <string.h>

struct bench {
  struct arena arena, scratch;
  struct op_graph graph;
  struct workload workload;
  struct error error;
};

static inline int setup(void **state) {
  static struct bench bench;
  memset(&bench, 0, sizeof bench);
  arena_init(&bench.arena, 1 << 14);
  arena_init(&bench.scratch, 1 << 14);
  *state = &bench;
  return 0;
}

static inline int teardown(void **state) {
  struct bench *const bench = *state;
  arena_release(&bench->arena);
  arena_release(&bench->scratch);
  return 0;
}

#endif

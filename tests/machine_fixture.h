/* A small design with default settings, as operators see it. */
#ifndef TESTS_MACHINE_FIXTURE_H
#define TESTS_MACHINE_FIXTURE_H

#include "arch/cost.h"
#include <string.h>

struct fixture {
  struct arena arena;
  struct cost_settings settings;
  struct technology technology;
  struct accelerator accelerator;
  struct machine machine;
};

static inline void fixture_init(struct fixture *fixture, const struct accelerator *accelerator) {
  memset(fixture, 0, sizeof *fixture);
  arena_init(&fixture->arena, 1 << 16);
  config_defaults(&cost_fields, &fixture->arena, &fixture->settings);
  config_defaults(&technology_fields, &fixture->arena, &fixture->technology);
  fixture->accelerator = *accelerator;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
}

static inline int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

#endif

/* The peers' tables, read before a test and let go behind it. */
#ifndef TESTS_OPCOST_FIXTURE_H
#define TESTS_OPCOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/opcost.h"

struct fixture {
  struct arena arena;
  struct error error;
  struct opcost opcost;
};

static inline int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof fixture);
  arena_init(&fixture.arena, 1 << 20);
  *state = &fixture;
  if (!opcost_read(&fixture.arena, &fixture.opcost, &fixture.error)) fail_msg("%s", fixture.error.text);
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

#endif

/* Run files read into the sample settings: what the tests of config share. */
#ifndef TESTS_UNIT_BASE_CONFIG_FIXTURE_H
#define TESTS_UNIT_BASE_CONFIG_FIXTURE_H

#include "tests/unit/base/config_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct arena arena;
  struct error error;
  struct sample sample;
  struct config_section sections[SAMPLE_SECTIONS];
};

static inline int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  arena_init(&fixture->arena, 1 << 16);
  sample_sections(&fixture->sample, fixture->sections);
  *state = fixture;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  free(fixture);
  return 0;
}

/* Reads `text` as "run.cfg" into a fresh sample; messages are in fixture->error. */
static inline bool read_with(struct fixture *fixture, const char *text, const struct config_set *sets, size_t n_sets) {
  memset(&fixture->sample, 0, sizeof fixture->sample);
  fixture->error = (struct error){0};
  struct config *config;
  if (!config_open_text("run.cfg", text, strlen(text), sets, n_sets, &fixture->arena, &config, &fixture->error)) {
    assert_null(config);
    return false;
  }
  const bool ok = config_apply(config, fixture->sections, SAMPLE_SECTIONS, &fixture->arena, &fixture->error);
  config_close(config); /* what was handed out must not need it any more */
  return ok;
}

static inline void must_read(struct fixture *fixture, const char *text) {
  if (!read_with(fixture, text, NULL, 0)) fail_msg("%s", fixture->error.text);
  assert_false(error_is_set(&fixture->error));
}

/* `n` copies of `piece` between `head` and `tail`. */
static inline const char *repeat(struct arena *arena, const char *head, const char *piece, size_t n, const char *tail) {
  char *text = arena_alloc(arena, strlen(head) + n * strlen(piece) + strlen(tail) + 1, 1);
  char *end = stpcpy(text, head);
  for (size_t i = 0; i < n; i++) end = stpcpy(end, piece);
  stpcpy(end, tail);
  return text;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void must_say(struct fixture *fixture, const char *text, const char *messages) {
  assert_false(read_with(fixture, text, NULL, 0));
  assert_string_equal(fixture->error.text, messages);
  assert_int_equal(fixture->error.status, STATUS_INPUT);
}

#endif

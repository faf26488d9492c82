/* Do messages gather whole, in order and within bounds, and does a bug take the program down with its place? */
#include "base/error.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void gathers_messages_and_keeps_the_first_status(void **state) {
  (void)state;
  struct error error = {0};
  assert_false(error_is_set(&error));
  assert_false(error_add(&error, STATUS_INPUT, "run.cfg:%d: %s: must be in 1..64", 7, "n_cores"));
  assert_false(error_add(&error, STATUS_ENVIRONMENT, "disk full"));
  assert_true(error_is_set(&error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_int_equal(error.n_messages, 2);
  assert_string_equal(error.text, "run.cfg:7: n_cores: must be in 1..64\ndisk full\n");
  assert_int_equal(error.length, strlen(error.text));
}

static void keeps_one_message_a_line(void **state) {
  (void)state;
  struct error error = {0};
  error_add(&error, STATUS_INPUT, "key 'a\nb' is unknown\n");
  assert_string_equal(error.text, "key 'a b' is unknown \n");
}

static void drops_whole_messages_when_full_but_counts_them(void **state) {
  (void)state;
  struct error error = {0};
  for (int i = 0; i < 2385; i++) error_add(&error, STATUS_INPUT, "message %04d is one of too many", i);
  assert_int_equal(error.n_messages, 2385);
  const size_t line = strlen("message 0000 is one of too many\n"), kept = (ERROR_TEXT_BYTES - 1) / line;
  assert_int_equal(error.length, kept * line);
  assert_int_equal(strlen(error.text), error.length);
  char last[64];
  snprintf(last, sizeof last, "message %04zu is one of too many\n", kept - 1);
  assert_string_equal(error.text + error.length - line, last);
}

static void fills_the_buffer_to_the_last_byte(void **state) {
  (void)state;
  struct error error = {0};
  error_add(&error, STATUS_INPUT, "%*s", ERROR_TEXT_BYTES - 2, "x");
  assert_int_equal(error.length, ERROR_TEXT_BYTES - 1);
  assert_int_equal(strlen(error.text), ERROR_TEXT_BYTES - 1);
  error_add(&error, STATUS_ENVIRONMENT, "one more");
  assert_int_equal(error.n_messages, 2);
  assert_int_equal(strlen(error.text), ERROR_TEXT_BYTES - 1);
}

static void cuts_a_lone_giant_between_characters(void **state) {
  (void)state;
  static char giant[3 * ERROR_TEXT_BYTES];
  for (size_t lead = 0; lead < 3; lead++) { /* three bytes a character: each remainder once */
    memset(giant, 'a', lead);
    for (size_t i = lead; i + 3 < sizeof giant; i += 3) memcpy(giant + i, "€", 4);
    struct error error = {0};
    error_add(&error, STATUS_INPUT, "%s", giant);
    assert_int_equal(error.n_messages, 1);
    assert_in_range(error.length, ERROR_TEXT_BYTES - 4, ERROR_TEXT_BYTES - 1);
    assert_int_equal((error.length - 1 - lead) % 3, 0);
    assert_int_equal(error.text[error.length - 1], '\n');
    assert_int_equal(error.text[error.length], '\0');
  }
}

static void joins_errors(void **state) {
  (void)state;
  struct error all = {0}, none = {0}, some = {0};
  error_join(&all, &none);
  assert_false(error_is_set(&all));
  assert_int_equal(all.status, STATUS_OK);
  error_add(&some, STATUS_STOPPED, "rank 3 was told to stop");
  error_add(&some, STATUS_INPUT, "rank 3 also found a typo");
  error_join(&all, &some);
  error_join(&all, &none);
  assert_int_equal(all.status, STATUS_STOPPED);
  assert_int_equal(all.n_messages, 2);
  assert_string_equal(all.text, some.text);
  error_join(&all, &some);
  assert_int_equal(all.n_messages, 4);
  assert_int_equal(all.length, 2 * some.length);
}

static void joins_only_whole_messages_when_full(void **state) {
  (void)state;
  struct error all = {0}, some = {0};
  error_add(&all, STATUS_INPUT, "%*s", ERROR_TEXT_BYTES - 13, "x"); /* leaves 11 bytes and the NUL */
  error_add(&some, STATUS_INPUT, "fits here!");
  error_add(&some, STATUS_INPUT, "this does not");
  error_join(&all, &some);
  assert_int_equal(all.n_messages, 3);
  assert_string_equal(all.text + ERROR_TEXT_BYTES - 12, "fits here!\n");
}

/* Runs `body` in a child and returns what it wrote to stderr; checks that it died of SIGABRT. */
static void dies(void (*body)(void), char *output, size_t output_bytes) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  size_t n = 0;
  for (ssize_t got; n + 1 < output_bytes && (got = read(ends[0], output + n, output_bytes - 1 - n)) > 0;)
    n += (size_t)got;
  output[n] = '\0';
  close(ends[0]);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), 6 /* SIGABRT */);
}

static void do_bug(void) { BUG("stage %d has no ops", 17); }
static void do_require(void) { REQUIRE(1 + 1 == 3); }

static void a_bug_aborts_with_its_place(void **state) {
  (void)state;
  char output[4096];
  dies(do_bug, output, sizeof output);
  assert_non_null(strstr(output, "test_error.c:"));
  assert_non_null(strstr(output, ": bug: stage 17 has no ops\n"));
  dies(do_require, output, sizeof output);
  assert_non_null(strstr(output, "assumption broken: 1 + 1 == 3"));
  REQUIRE(2 + 2 == 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gathers_messages_and_keeps_the_first_status),
      cmocka_unit_test(keeps_one_message_a_line),
      cmocka_unit_test(drops_whole_messages_when_full_but_counts_them),
      cmocka_unit_test(fills_the_buffer_to_the_last_byte),
      cmocka_unit_test(cuts_a_lone_giant_between_characters),
      cmocka_unit_test(joins_errors),
      cmocka_unit_test(joins_only_whole_messages_when_full),
      cmocka_unit_test(a_bug_aborts_with_its_place),
  };
  return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

/* Are rates and times left sane: after a replay, within folds, after a pause, in a chain of launches? Does the progress
 * line fit its terminal and drop what matters least? Does status.json say nothing that it does not hold? */
#include "dse/output/folder.h"
#include "dse/run/pace.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_near(double value, double wanted) { return fabs(value - wanted) <= 1e-9 * fabs(wanted); }

/* --- rates ----------------------------------------------------------------------------------------------------------
 */

static void test_pace_unknown(void **state) {
  (void)state;
  struct pace pace = {0};
  assert_true(pace_per_s(&pace) == 0);
  assert_true(pace_eta_s(&pace, 7, 2385) < 0);
  pace_begin(&pace, 7, 100);
  assert_true(pace_per_s(&pace) == 0);
  assert_true(pace_eta_s(&pace, 99, 2385) < 0);
  pace_add(&pace, 7, 140); /* at the same moment: no rate, and no division by zero */
  assert_true(pace_per_s(&pace) == 0);
}

/* 1,000,000 replayed at once, then 50 a second: the speed is 50, and what was replayed is no progress of ours. */
static void test_pace_after_replay(void **state) {
  (void)state;
  struct pace pace = {0};
  pace_begin(&pace, 3, 1000000);
  for (int i = 1; i <= 20; i++) pace_add(&pace, 3 + i, (uint64_t)(1000000 + 50 * i));
  assert_true(is_near(pace_per_s(&pace), 50));
  assert_true(pace_eta_s(&pace, 23, 2000000) < 0);                   /* a thousandth, and 20 s */
  assert_true(is_near(pace_eta_s(&pace, 23, 1010000), 9000.0 / 50)); /* a tenth */
  pace_add(&pace, 34, 1001550);
  assert_true(is_near(pace_eta_s(&pace, 34, 2000000), (2000000 - 1001550) / 50.0)); /* half a minute */
}

static void test_pace_counts_down(void **state) {
  (void)state;
  struct pace pace = {0};
  pace_begin(&pace, 0, 0);
  pace_add(&pace, 10, 100);
  assert_true(is_near(pace_eta_s(&pace, 10, 200), 10));
  assert_true(is_near(pace_eta_s(&pace, 14, 200), 6)); /* within a long round time goes on */
  assert_true(pace_eta_s(&pace, 99, 200) == 0);        /* late, but never negative: that means unknown */
  pace_add(&pace, 20, 200);
  assert_true(pace_eta_s(&pace, 20, 200) < 0); /* there is nothing left to be estimated */
}

/* The last half minute counts, not the run as a whole. */
static void test_pace_forgets(void **state) {
  (void)state;
  struct pace pace = {0};
  double now_s = 5;
  uint64_t done = 0;
  pace_begin(&pace, now_s, done);
  for (int i = 0; i < 1000; i++) pace_add(&pace, now_s += 0.1, done += 100);
  assert_true(is_near(pace_per_s(&pace), 1000));
  for (int i = 0; i < 400; i++) pace_add(&pace, now_s += 0.1, done += 3);
  assert_true(is_near(pace_per_s(&pace), 30));
  /* Rounds of a minute: the last of them count, however long they are. */
  for (int i = 0; i < 40; i++) pace_add(&pace, now_s += 60, done += 6);
  assert_true(is_near(pace_per_s(&pace), 0.1));
}

/* A fold that begins again from the first point is new work. */
static void test_pace_begins_anew(void **state) {
  (void)state;
  struct pace pace = {0};
  pace_add(&pace, 1, 0);
  pace_add(&pace, 2, 900);
  pace_add(&pace, 3, 0);
  assert_true(pace_per_s(&pace) == 0);
  pace_add(&pace, 5, 100);
  assert_true(is_near(pace_per_s(&pace), 50));
  assert_true(is_near(pace_eta_s(&pace, 5, 1000), 18));
}

static void test_durations(void **state) {
  (void)state;
  static const struct {
    double seconds;
    const char *text;
  } cases[] = {{0, "0 s"},           {59.4, "59 s"},       {59.6, "1 min 00 s"},     {200, "3 min 20 s"},
               {7500, "2 h 05 min"}, {273600, "3 d 04 h"}, {3.15e9, "36458 d 08 h"}, {INFINITY, "for ever"},
               {NAN, "for ever"},    {-3, "0 s"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[32];
    pace_duration(cases[i].seconds, text);
    assert_string_equal(text, cases[i].text);
  }
}

/* --- the line -------------------------------------------------------------------------------------------------------
 */

static const struct progress_facts middle = {.phase = "search",
                                             .evaluations = 2385,
                                             .most = 40320,
                                             .per_s = 3012.4,
                                             .eta_s = 200,
                                             .has_best = true,
                                             .has_bound = true,
                                             .best = 86.65797,
                                             .bound = 90.125,
                                             .gap = 0.03847,
                                             .unit = "samples/s"};

static void test_line(void **state) {
  (void)state;
  char line[PROGRESS_LINE_BYTES];
  progress_line(&middle, 200, line);
  assert_string_equal(
      line, "search 5 % 2385/40320, 3012/s, best 86.658 samples/s, bound 90.125, gap 3.8 %, ETA at most 3 min 20 s");
  struct progress_facts facts = middle;
  facts.has_best = facts.has_bound = false;
  facts.eta_s = -1;
  facts.per_s = 0;
  progress_line(&facts, 200, line);
  assert_string_equal(line, "search 5 % 2385/40320, none feasible yet, ETA unknown");
  /* A fold counts points; and 100 % are not said before they are reached. */
  facts = middle;
  facts.phase = "prove";
  facts.n_done = 9999;
  facts.n_total = 10000;
  facts.n_per_s = 0.25;
  progress_line(&facts, 200, line);
  assert_non_null(strstr(line, "prove 99 % 9999/10000, 0.2/s, "));
}

static void test_line_fits(void **state) {
  (void)state;
  struct progress_facts huge = middle;
  huge.evaluations = huge.most = UINT64_MAX;
  huge.per_s = huge.bound = huge.best = -1.7976931348623157e308;
  huge.per_s = 1e300;
  huge.gap = 1e300;
  huge.eta_s = 1e9;
  huge.unit = "a unit that is far longer than any unit has a right to be, and then some more";
  const struct progress_facts *const all[] = {&middle, &huge};
  for (size_t f = 0; f < 2; f++) {
    for (size_t width = 0; width < 300; width++) {
      char line[PROGRESS_LINE_BYTES + 1];
      memset(line, '#', sizeof line);
      progress_line(all[f], width, line);
      assert_true(strlen(line) <= width);
      assert_true(line[PROGRESS_LINE_BYTES] == '#');
    }
  }
  char line[PROGRESS_LINE_BYTES];
  progress_line(&middle, 79, line); /* the unit and the bound first: the gap says more */
  assert_string_equal(line, "search 5 % 2385/40320, 3012/s, best 86.658, gap 3.8 %, ETA at most 3 min 20 s");
  progress_line(&middle, 47, line);
  assert_string_equal(line, "search 5 %, best 86.658, ETA at most 3 min 20 s");
  progress_line(&middle, 46, line); /* a sign is enough before the best has to go */
  assert_string_equal(line, "search 5 %, best 86.658, ETA <= 3 min 20 s");
  progress_line(&middle, 41, line);
  assert_string_equal(line, "search 5 %, ETA <= 3 min 20 s");
  progress_line(&middle, 28, line); /* no time without a name */
  assert_string_equal(line, "search 5 %");
}

/* --- status.json ----------------------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/test_status-XXXXXX";

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  char path[256];
  snprintf(path, sizeof path, "%s/status.json", folder);
  unlink(path);
  return rmdir(folder);
}

static bool read_text(const char *text, struct arena *arena, struct status_facts *facts) {
  FILE *file = fopen(arena_printf(arena, "%s/status.json", folder), "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
  return status_read(folder, arena, facts, NULL);
}

static void test_status_read(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct status_facts facts;
  assert_false(status_read(folder, &arena, &facts, NULL));
  assert_int_equal(facts.epoch, 0);
  assert_true(read_text("{\"state\": \"running\", \"reason\": \"\", \"epoch\": 3, \"round\": 17, \"evaluations\": 2385,"
                        "\"evaluations_max\": 5000, \"best\": 1.5, \"lower_bound\": 2.5, \"gap\": 0.4, \"eta_s\": 9.5,"
                        "\"phase\": \"prove\", \"phase_done\": 6, \"phase_total\": 7, \"unit\": \"samples/s\","
                        "\"evaluations_per_s\": 12.5, \"journal_bytes\": 640, \"journal_rounds\": 18}",
                        &arena, &facts));
  assert_string_equal(facts.state, "running");
  assert_string_equal(facts.phase, "prove");
  assert_string_equal(facts.unit, "samples/s");
  assert_int_equal(facts.epoch, 3);
  assert_int_equal(facts.round, 17);
  assert_int_equal(facts.evaluations, 2385);
  assert_int_equal(facts.evaluations_max, 5000);
  assert_int_equal(facts.n_done, 6);
  assert_int_equal(facts.n_total, 7);
  assert_int_equal(facts.journal_bytes, 640);
  assert_int_equal(facts.journal_rounds, 18);
  assert_true(facts.has_best && facts.has_bound && facts.best == 1.5 && facts.bound == 2.5 && facts.gap == 0.4);
  assert_true(facts.eta_s == 9.5 && facts.per_s == 12.5);
  /* What is missing or of another kind is unknown, not something else. */
  assert_true(
      read_text("{\"state\": 5, \"epoch\": -3, \"best\": null, \"lower_bound\": 2, \"eta_s\": null}", &arena, &facts));
  assert_string_equal(facts.state, "");
  assert_int_equal(facts.epoch, 0);
  assert_true(!facts.has_best && !facts.has_bound && facts.eta_s < 0);
  assert_false(read_text("{\"epoch\": 3, \"epoch\": 4}", &arena, &facts));
  assert_int_equal(facts.epoch, 0);
  assert_false(read_text("[3]", &arena, &facts));
  assert_false(read_text("{\"epoch\": 3", &arena, &facts));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pace_unknown),
      cmocka_unit_test(test_pace_after_replay),
      cmocka_unit_test(test_pace_counts_down),
      cmocka_unit_test(test_pace_forgets),
      cmocka_unit_test(test_pace_begins_anew),
      cmocka_unit_test(test_durations),
      cmocka_unit_test(test_line),
      cmocka_unit_test(test_line_fits),
      cmocka_unit_test(test_status_read),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

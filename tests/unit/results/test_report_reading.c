/* Are axes, units and columns of the page chosen so that they can be read? (ux.md §5) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/report.h"
#include <math.h>
#include <string.h>

static const char *const lanes[] = {"core 1"};
static const char *const phases[] = {"forward"};
static struct arena arena;

static int set_up(void **state) {
  (void)state;
  arena_init(&arena, 1 << 16);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

/* Without the charts' library, whose words are not ours. */
static const char *write_page(const struct report *report) {
  const char *html;
  size_t n;
  report_write(report, &arena, &html, &n);
  char *const own = arena_copy_text(&arena, html);
  char *const end = strstr(own, "<script");
  assert_non_null(end);
  *end = '\0';
  return own;
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) n++;
  return n;
}

/* Chips are whole, a tick is short, the word stands where no mark is, and what has no mark has no legend. */
static void test_points_of_counts(void **state) {
  (void)state;
  static const char *const kinds[] = {"found", "never"};
  static const struct report_point list[] = {{"a", 1630000, 1, 0}, {"b", 1650000, 3, 0}, {"c", 1652000, 3, 0}};
  static const struct report_points points = {"Chips", NULL, "cycles", "chip", kinds, 2, list, 3, 1, NAN, NULL};
  static const struct report_chapter chapter = {"Chips", NULL, NULL, 0, &points, NULL, 0, NULL};
  const struct report report = {.title = "t", .headline = "h", .best_row = SIZE_MAX, .chapter = &chapter};
  const char *const html = write_page(&report);
  assert_int_equal(count(html, "text-anchor=\"end\">"), 3);
  assert_non_null(strstr(html, "text-anchor=\"end\">2</text>"));
  assert_non_null(strstr(html, ">1.635 M</text>"));
  assert_int_equal(count(html, "never</span>"), 0);
  /* Another mark is beside it on the right, and the edge above: the word is below. */
  assert_non_null(strstr(html, "<circle cx=\"522.4\" cy=\"14.0\""));
  assert_non_null(strstr(html, "<text x=\"536.4\" y=\"34.0\" fill=\"var(--mark)\">chosen</text>"));
}

/* Peaks that would press the rest flat: a logarithmic axis, if the caller allows it. */
static void test_profile_over_decades(void **state) {
  (void)state;
  static const double x[] = {0, 900, 1000}, y[] = {0.03, 3, 0};
  struct report_profile profile = {"Needed", NULL, "time (cycles)", "bytes", "shared", 1, true, x, y, 3};
  const struct report report = {
      .title = "t", .headline = "h", .best_row = SIZE_MAX, .profiles = &profile, .n_profiles = 1};
  const char *html = write_page(&report);
  assert_non_null(strstr(html, "bytes, logarithmic</text>"));
  assert_non_null(strstr(html, ">0.01</text>"));
  assert_non_null(strstr(html, ">0.1</text>"));
  profile.spans_decades = false;
  html = write_page(&report);
  assert_null(strstr(html, "logarithmic"));
  assert_null(strstr(html, ">0.01</text>"));
}

/* A column without a value is left out; a text too long for a line is broken, not cut. */
static void test_columns_that_say_nothing(void **state) {
  (void)state;
  static const struct report_column of[] = {
      {"design", "", "", true}, {"strategy", "", "", true}, {"pace", "s", "", false}, {"axes", "", "", true}};
  static const struct report_cell in[] = {
      {.text = "a"}, {.text = ""},   {.number = NAN}, {.text = "tc_count=1,tc_rows=128,tc_cols=128,vc_count=2385"},
      {.text = "b"}, {.text = NULL}, {.number = NAN}, {.text = "short"}};
  static const struct report_table table = {"Designs", NULL, NULL, of, 4, in, 2};
  const struct report report = {.title = "t", .headline = "h", .best_row = SIZE_MAX, .tables = &table, .n_tables = 1};
  const char *const html = write_page(&report);
  assert_int_equal(count(html, "scope=\"col\""), 2);
  assert_int_equal(count(html, "<td"), 4);
  assert_null(strstr(html, "strategy"));
  assert_non_null(strstr(html, "<td class=\"t long\">tc_count=1,<wbr>tc_rows=128,"));
}

/* A unit in which the end has one to four digits before its point; cycles where the clock is not known. */
static void test_units_of_time(void **state) {
  (void)state;
  static const struct {
    uint64_t end_cycles;
    bool in_cycles;
    const char *text;
  } cases[] = {{613, false, "613 ns in all"},
               {2385000, false, "2385 µs in all"},
               {153489000, false, "153.489 ms in all"},
               {71000000000, false, "71 s in all"},
               {1632211, true, "1632211 cycles in all"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct timeline_bar bar = {"x", 0, cases[i].end_cycles, 0, 0, true};
    const struct timeline timeline = {.title = "T",
                                      .lanes = lanes,
                                      .n_lanes = 1,
                                      .phases = phases,
                                      .n_phases = 1,
                                      .bars = &bar,
                                      .n_bars = 1,
                                      .us_per_cycle = 1e-3,
                                      .in_cycles = cases[i].in_cycles};
    const struct report report = {
        .title = "t", .headline = "h", .best_row = SIZE_MAX, .timelines = &timeline, .n_timelines = 1};
    assert_non_null(strstr(write_page(&report), cases[i].text));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(test_points_of_counts), TEST(test_profile_over_decades),
                                     TEST(test_columns_that_say_nothing), TEST(test_units_of_time)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

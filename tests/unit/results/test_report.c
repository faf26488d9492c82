/* Is the report one well-formed, harmless page that holds what it was given? (ux.md §5)
 *
 * That it looks right was judged by eye in a browser; here are the properties that bytes can show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/report.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HOSTILE "</script><script>alert(1)</script><img src=x onerror='a()'>\"&\xE2\x80\xA8=cmd"

static const struct report_column columns[] = {
    {"design", "", "", true},         {"iteration_s", "s", "min", false}, {"tdp_w", "W", "min", false},
    {HOSTILE, HOSTILE, "max", false}, {"binding", "", "", true},
};
static const struct report_cell cells[] = {
    {.text = HOSTILE},  {.number = 0.125}, {.number = 613},    {.number = NAN},  {.text = "memory"},
    {.text = "3f9d71"}, {.number = 2385},  {.number = 401.25}, {.number = 1e30}, {.text = NULL},
};
static const char *const lanes[] = {HOSTILE, "core 1"};
static const char *const phases[] = {"forward", HOSTILE};
static const struct timeline_bar bars[] = {
    {HOSTILE, 0, 71, 0, 0, true}, {"side", 3, 1979, 1, 1, false}, {"last", 71, 1979 * 2, 0, 1, true}};

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

static const char *write_page(const struct report *report) {
  const char *html;
  size_t n;
  report_write(report, &arena, &html, &n);
  assert_int_equal(strlen(html), n);
  return arena_copy_text(&arena, html);
}

static const char *write_hostile(void) {
  static const struct report_table front = {HOSTILE, HOSTILE, "front.csv", columns, 5, cells, 2};
  static const struct report_table none = {"Nothing", NULL, NULL, columns, 5, NULL, 0};
  static const struct report_step steps[] = {{37, NAN, NAN}, {74, 3, 2.5}};
  static const struct report_part parts[] = {{HOSTILE, 37}, {"rest", 0}};
  static const struct report_breakdown breakdown = {HOSTILE, HOSTILE, parts, 2};
  static const struct timeline timeline = {.title = HOSTILE,
                                           .lanes = lanes,
                                           .n_lanes = 2,
                                           .phases = phases,
                                           .n_phases = 2,
                                           .bars = bars,
                                           .n_bars = 3,
                                           .us_per_cycle = 1 / 1979.0,
                                           .note = HOSTILE};
  static const double x[] = {1, 10, 2385}, low[] = {0.5, 0.01, 0}, middle[] = {1, 0.1, 0.01}, high[] = {1, 0.5, 0.02};
  static const struct curve lines[] = {{HOSTILE, low, middle, high}, {"second", middle, middle, high}};
  static const struct curves curves = {HOSTILE, HOSTILE, HOSTILE, HOSTILE, x, 3, lines, 2, 1e-4, 1, true};
  static const struct report_fact facts[] = {{HOSTILE, HOSTILE}};
  static const struct report_bar indices[] = {{HOSTILE, {0.25, 1.5}, {-0.5, 1}, {0.5, 2}},
                                              {"none", {NAN, 0.5}, {NAN, NAN}, {NAN, NAN}}};
  static const struct report_bars bars_of_indices = {HOSTILE, HOSTILE, {HOSTILE, "total"}, indices, 2};
  static const double shares[] = {37, 2.5}, none_of_it[] = {0, 0};
  static const char *const kinds[] = {HOSTILE};
  static const struct report_stack stacks[] = {{HOSTILE, shares, 79}, {"nothing", none_of_it, 0}};
  static const struct report_stacks stack = {HOSTILE, HOSTILE, HOSTILE, kinds, 1, stacks, 2};
  static const struct report_point point = {HOSTILE, 1, 2, 0};
  static const struct report_points points = {HOSTILE, HOSTILE, HOSTILE, HOSTILE, kinds, 1, &point, 1, 0, 3, HOSTILE};
  static const struct report_chapter chapter = {HOSTILE, HOSTILE, &stack, 1, &points, &front, 1, NULL};
  static const struct report report = {.title = HOSTILE,
                                       .chapter = &chapter,
                                       .headline = HOSTILE,
                                       .model_band = HOSTILE,
                                       .facts = facts,
                                       .n_facts = 1,
                                       .front = &front,
                                       .front_x = 2,
                                       .front_y = 1,
                                       .front_size = SIZE_MAX,
                                       .best_row = 1,
                                       .topk = &front,
                                       .infeasible = &none,
                                       .steps = steps,
                                       .n_steps = 2,
                                       .curves = &curves,
                                       .metric = HOSTILE,
                                       .metric_unit = HOSTILE,
                                       .breakdowns = &breakdown,
                                       .n_breakdowns = 1,
                                       .bars = &bars_of_indices,
                                       .n_bars = 1,
                                       .timelines = &timeline,
                                       .n_timelines = 1,
                                       .tables = &front,
                                       .n_tables = 1,
                                       .commands = facts,
                                       .n_commands = 1,
                                       .settings = HOSTILE};
  return write_page(&report);
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) n++;
  return n;
}

/* The page but for the chart library and its licences, which are other people's and name addresses; that these are not
 * asked either is the policy's doing, and the browser's tests'. */
static const char *without_library(const char *html) {
  char *const own = arena_copy_text(&arena, html);
  static const char *const parts[][2] = {{"<script id=\"library\">", "</script>"},
                                         {"licences</summary>", "</details>"}};
  for (size_t i = 0; i < 2; i++) {
    char *const from = strstr(own, parts[i][0]);
    assert_non_null(from);
    char *const to = strstr(from, parts[i][1]);
    memmove(from + strlen(parts[i][0]), to, strlen(to) + 1);
  }
  return own;
}

static void test_nothing_is_asked_for(void **state) {
  (void)state;
  const char *const html = without_library(write_hostile());
  assert_non_null(strstr(html, "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                               "img-src data:\""));
  static const char *const requests[] = {"http:",   "https:",    "url(",       "@import", "fetch(",
                                         "XMLHttp", "WebSocket", "<link",      "<iframe", "<object",
                                         "eval(",   "innerHTML", "sendBeacon", "import("};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
    if (strstr(html, requests[i]) != NULL) fail_msg("the page holds %s", requests[i]);
}

static void test_hostile_names_are_text(void **state) {
  (void)state;
  const char *const html = write_hostile();
  assert_int_equal(count(html, "<script"), 3); /* the data, the library and the program */
  assert_int_equal(count(html, "</script"), 3);
  assert_int_equal(count(html, "<img"), 0);
  assert_true(strstr(html, "onerror='") > strstr(html, "id=\"data\">")); /* there a string's quotes hold it */
  assert_true(count(html, "&#60;/script&#62;&#60;script&#62;alert(1)") > 15);
  assert_int_equal(count(strstr(html, "id=\"data\">"), "\xE2\x80\xA8"), 0);
}

/* Every tag that opens closes, in order; what stands in <script> and <style> is not markup. */
static void test_well_formed(void **state) {
  (void)state;
  char open[64][16];
  size_t depth = 0, n_tags = 0;
  for (const char *at = write_hostile(); (at = strchr(at, '<')) != NULL; n_tags++) {
    char name[16] = "";
    if (at[1] == '!') {
      at++;
      continue;
    }
    const bool closing = at[1] == '/';
    assert_int_equal(sscanf(at + 1 + closing, "%15[a-z0-9]", name), 1);
    const char *end = strchr(at, '>');
    assert_non_null(end);
    const bool alone = end[-1] == '/'; /* of SVG */
    if (alone || strcmp(name, "meta") == 0 || strcmp(name, "input") == 0) {
      at++;
      continue;
    }
    if (closing) {
      assert_true(depth > 0);
      assert_string_equal(name, open[--depth]);
      at++;
      continue;
    }
    if (strchr(at, '>')[-1] == '/') { /* of SVG */
      at++;
      continue;
    }
    assert_true(depth < 64);
    memcpy(open[depth++], name, sizeof name);
    at++;
    if (strcmp(name, "script") == 0) at = strstr(at, "</script");
    if (strcmp(name, "style") == 0) at = strstr(at, "</style");
  }
  assert_int_equal(depth, 0);
  assert_true(n_tags > 200);
}

static json_t *data_of(const char *html) {
  static const char begin[] = "<script type=\"application/json\" id=\"data\">";
  const char *const from = strstr(html, begin) + sizeof begin - 1;
  json_error_t where;
  json_t *const data = json_loadb(from, (size_t)(strstr(from, "</script>") - from), JSON_REJECT_DUPLICATES, &where);
  if (data == NULL) fail_msg("line %d: %s", where.line, where.text);
  return data;
}

static void test_data_reads_back(void **state) {
  (void)state;
  json_t *const data = data_of(write_hostile());
  const char *name, *words, *values, *lane;
  const json_t *const front = json_object_get(data, "front"), *const fields = json_object_get(front, "columns");
  assert_int_equal(json_integer_value(json_object_get(front, "n")), 2);
  assert_int_equal(json_integer_value(json_object_get(front, "best")), 1);
  assert_int_equal(json_integer_value(json_object_get(front, "size")), -1);
  values = json_string_value(json_object_get(json_array_get(fields, 1), "values"));
  assert_string_equal(values, "AAAAPgAQFUU="); /* 0.125f = 0x3E000000, 2385f = 0x45151000 */
  assert_int_equal(json_array_size(fields), 5);
  name = json_string_value(json_object_get(json_array_get(fields, 3), "name"));
  assert_string_equal(name, HOSTILE);
  words = json_string_value(json_array_get(json_object_get(json_array_get(fields, 0), "words"), 0));
  assert_string_equal(words, HOSTILE); /* each row another word: in the rows' order, without an index */
  assert_null(json_object_get(json_array_get(fields, 0), "index"));
  lane = json_string_value(
      json_array_get(json_object_get(json_array_get(json_object_get(data, "timelines"), 0), "lanes"), 0));
  assert_string_equal(lane, HOSTILE);
  assert_string_equal(json_string_value(json_object_get(json_object_get(data, "commands"), HOSTILE)), HOSTILE);
  json_decref(data);
}

static void test_tables_and_words(void **state) {
  (void)state;
  const char *const html = write_hostile();
  assert_non_null(strstr(html, "<td>613</td><td></td>")); /* not a number is an empty cell */
  assert_non_null(strstr(html, "<tr id=\"front-row-1\" class=\"best\">"));
  assert_non_null(strstr(html, "<th scope=\"col\">tdp_w<small>W ↓</small></th>"));
  assert_non_null(strstr(html, "2 designs; tdp_w from 401.25 to 613 W and iteration_s from 0.125 to 2385 s."));
  assert_non_null(strstr(html, "3 bars on 2 lanes, 2 µs in all; 2 on the critical path."));
  assert_non_null(strstr(html, "After 74 evaluations, "));
  assert_non_null(strstr(html, "Every design tried was feasible."));
  assert_non_null(strstr(html, "<span>100.0 %</span>"));
  /* Bars from -0.5 to 2 on 560 px: three values, two of which have intervals. */
  assert_int_equal(count(html, "<rect "), 3);
  assert_int_equal(count(html, "<path d=\"M190.0 31.5H414.0M") + count(html, "<path d=\"M526.0 41.5H750.0M"), 2);
  assert_non_null(strstr(html, "<rect x=\"302.0\" y=\"27.0\" width=\"56.0\" height=\"9\" fill=\"var(--c0)\"/>"));
}

static void test_same_bytes(void **state) {
  (void)state;
  const char *const first = write_hostile();
  assert_string_equal(first, write_hostile());
}

static void test_empty(void **state) {
  (void)state;
  const struct report_table front = {"Pareto front", NULL, NULL, columns, 5, NULL, 0};
  const struct report report = {.title = "Nothing yet", .headline = "No design is feasible.", .front = &front};
  const char *const html = write_page(&report);
  assert_non_null(strstr(html, "<p>No design is feasible.</p></section>"));
  assert_null(strstr(html, "<canvas"));
  json_t *const data = data_of(html);
  assert_true(json_is_null(json_object_get(data, "front")));
  assert_true(json_is_null(json_object_get(data, "steps")));
  json_decref(data);
}

/* Decades apart lie evenly apart; what is beyond the axis lies at its edge. */
static void test_curves(void **state) {
  (void)state;
  static const double x[] = {1, 10, 100}, y[] = {1, 0.1, 0}, beyond[] = {7, 1, 1e-9};
  static const struct curve lines[] = {{"first", y, y, y}, {"second", beyond, beyond, beyond}};
  static const struct curves curves = {"Curves", NULL, "across", "up", x, 3, lines, 2, 0.01, 1, true};
  const struct report report = {.title = "t", .headline = "h", .best_row = SIZE_MAX, .curves = &curves};
  const char *const html = write_page(&report);
  /* From 70 to 1024 across, from 412 up to 12. */
  assert_int_equal(count(html, "M70.0 12.0H547.0V212.0H1024.0V412.0"), 2); /* the band's edge and the curve */
  assert_int_equal(count(html, "M70.0 12.0H547.0V12.0H1024.0V412.0"), 2);
  assert_non_null(strstr(html, ">100 %</text>"));
  assert_non_null(strstr(html, ">10 %</text>"));
  assert_non_null(strstr(html, "<a href=\"#curves\">"));
  assert_int_equal(count(html, "<title>second</title>"), 1);
}

/* Bars of parts on one scale, with their limits; a total of 40 of 80 GiB is half as wide as the limit. */
static void test_stacks(void **state) {
  (void)state;
  static const char *const parts[] = {"weights", "kept", "never"};
  static const double first[] = {30, 10, 0}, second[] = {79.5, 0.5, 0};
  static const struct report_stack rows[] = {{"stage 0", first, 80}, {"stage 1", second, 0}};
  static const struct report_stacks stacks = {"Memory", "Read it.", "GiB", parts, 3, rows, 2};
  static const struct report_chapter next = {"Tenants", "Behind it.", NULL, 0, NULL, NULL, 0, NULL};
  static const struct report_chapter chapter = {"System", NULL, &stacks, 1, NULL, NULL, 0, &next};
  const struct report report = {.title = "t", .headline = "h", .best_row = SIZE_MAX, .chapter = &chapter};
  const char *const html = write_page(&report);
  assert_non_null(strstr(html, "<a href=\"#chapter\">System</a>"));
  assert_non_null(strstr(html, "<section id=\"chapter\"><h2>System</h2>"));
  assert_non_null(strstr(html, "<li><a href=\"#chapter-b\">Tenants</a></li>"));
  assert_non_null(strstr(html, "<section id=\"chapter-b\"><h2>Tenants</h2>"));
  assert_non_null(strstr(html, "<span>stage 0</span><span>40 of 80 GiB</span>"));
  assert_non_null(
      strstr(html, "<b style=\"width:37.50%;background:var(--c0)\" title=\"weights: 30 GiB, 75.0 %\">75 %</b>"));
  assert_non_null(strstr(html, "<i style=\"left:calc(100.00% - 3px)\">"));
  assert_int_equal(count(html, "<i style=\"left:calc"), 1); /* no limit, no mark */
  /* Too narrow for its percentage, and for a line behind it. */
  assert_non_null(strstr(html, ";box-shadow:none\" title=\"kept: 0.5 GiB, 0.6 %\"></b>"));
  assert_int_equal(count(html, "</i>never"), 0); /* what is nowhere needs no legend */
  assert_non_null(strstr(html, "<td>79.5</td><td>0.5</td><td>0</td>"));
}

/* Points on axes with round ends: 0 to 40 across 76 to 634, 0 to 100 up from 350 to 14. */
static void test_points(void **state) {
  (void)state;
  static const char *const kinds[] = {"one design", "several"};
  static const struct report_point list[] = {{"a", 0, 0, 0}, {"b", 40, 50, 1}, {"lost", NAN, 1, 0}};
  static const struct report_points points = {"Front", NULL, "kW", "samples/s", kinds, 2, list, 3, 1, 100, "bound"};
  static const struct report_chapter chapter = {"System", NULL, NULL, 0, &points, NULL, 0, NULL};
  const struct report report = {.title = "t", .headline = "h", .best_row = SIZE_MAX, .chapter = &chapter};
  const char *const html = write_page(&report);
  assert_non_null(strstr(html, "<path d=\"M76.0 350.0m-5 0a5"));
  assert_non_null(strstr(html, "<path d=\"M634.0 182.0m0 -6.5l6.5"));
  assert_non_null(strstr(html, "<circle cx=\"634.0\" cy=\"182.0\""));
  assert_non_null(strstr(html, "<title>b: 50 samples/s, 40 kW</title>"));
  assert_non_null(strstr(html, "y1=\"14.0\" y2=\"14.0\" stroke=\"var(--mark)\""));
  assert_int_equal(count(html, "<title>"), 3); /* the page's, and two points: one lies nowhere */
  assert_non_null(strstr(html, "text-anchor=\"middle\">40</text>"));
  assert_int_equal(count(html, ">◆</span>"), 1);
}

/* More than can be shown is thinned, and the page says so. */
static void test_thinning(void **state) {
  (void)state;
  enum { N_BARS = REPORT_MAX_BARS + 731, N_ROWS = REPORT_MAX_POINTS + 4001 };
  struct timeline_bar *const many = ARENA_NEW(&arena, struct timeline_bar, N_BARS);
  for (size_t i = 0; i < N_BARS; i++)
    many[i] = (struct timeline_bar){"x", 9 * i, 9 * i + 2 + i % 7, (uint32_t)(i % 2), 0, i % 1009 == 0};
  struct report_cell *const rows = ARENA_NEW(&arena, struct report_cell, 2 * N_ROWS);
  for (size_t i = 0; i < N_ROWS; i++) rows[2 * i].number = rows[2 * i + 1].number = (double)i;
  const struct timeline timeline = {.title = "many",
                                    .lanes = lanes,
                                    .n_lanes = 2,
                                    .phases = phases,
                                    .n_phases = 2,
                                    .bars = many,
                                    .n_bars = N_BARS,
                                    .us_per_cycle = 0.5};
  const struct report_table front = {"Front", NULL, "front.csv", columns + 1, 2, rows, N_ROWS};
  const struct report report = {.title = "t",
                                .headline = "h",
                                .front = &front,
                                .front_y = 1,
                                .front_size = SIZE_MAX,
                                .best_row = 17321,
                                .timelines = &timeline,
                                .n_timelines = 1};
  const char *const html = write_page(&report);
  assert_non_null(strstr(html, "The chart shows 10000 of them: the critical path first, then the longest."));
  assert_non_null(strstr(html, "; the chart shows 20000 of them, evenly chosen."));
  assert_non_null(strstr(html, "<caption>The first 200 of 24001 rows; all are in front.csv.</caption>"));
  assert_true(strlen(html) < 2000000);
  json_t *const data = data_of(html);
  const json_t *const line = json_array_get(json_object_get(data, "timelines"), 0);
  assert_int_equal(json_string_length(json_object_get(line, "start")), (4 * REPORT_MAX_BARS + 2) / 3 * 4);
  const json_t *const shown = json_object_get(data, "front");
  const json_int_t best = json_integer_value(json_object_get(shown, "best"));
  assert_in_range(best, 0, REPORT_MAX_POINTS - 1);
  assert_int_equal(json_integer_value(json_array_get(json_object_get(shown, "rows"), (size_t)best)), 17321);
  json_decref(data);
}

enum { N_SHOWN = 12, FIRST_AXIS = 4 };

/* A name, three measures, seven axes, a word. */
static const struct report_column wide[N_SHOWN] = {
    {"design", "", "", true},        {"throughput", "1/s", "max", false}, {"area_mm2", "mm2", "min", false},
    {"energy_j", "J", "min", false}, {"tc_count", "", "", false},         {"tc_rows", "", "", false},
    {"bytes", "bytes", "", false},   {"vc_count", "", "", false},         {"vc_width", "", "", false},
    {"glb_mib", "mib", "", false},   {"dataflow", "", "", true},          {"binding", "", "", true}};

static struct report_cell *wide_cells(size_t n, bool with_names) {
  static const char *const flows[] = {"ws", "os", "is"};
  const size_t n_columns = with_names ? N_SHOWN : N_SHOWN - 1;
  struct report_cell *const all = ARENA_NEW(&arena, struct report_cell, n * n_columns);
  for (size_t i = 0; i < n; i++) {
    struct report_cell *cell = &all[i * n_columns];
    if (with_names) (cell++)->text = arena_printf(&arena, "%016zx", i * 2385 + 7);
    for (size_t c = 0; c < 3; c++) (cell++)->number = sqrt((double)(i * 71 + c + 1));
    (cell++)->number = (double)(1u << i % 9);
    (cell++)->number = 64;
    (cell++)->number = (double)(16777217 + i % 4099); /* more than a float holds */
    for (size_t c = 0; c < 3; c++) (cell++)->number = (double)(i % (c + 2));
    (cell++)->text = flows[i % 3];
    cell->text = "critical_path";
  }
  return all;
}

/* The largest page there can be: a front and a cloud of all there is room for, two schedules. */
static void test_size(void **state) {
  (void)state;
  enum { N_CLOUD = 20000, N_FRONT = 5000, N_BARS = REPORT_MAX_BARS + 1 };
  struct timeline_bar *const many = ARENA_NEW(&arena, struct timeline_bar, N_BARS);
  for (size_t i = 0; i < N_BARS; i++) {
    many[i] = (struct timeline_bar){
        arena_printf(&arena, "B%zu.%zu", i % 500, i % 4), 9 * i, 9 * i + 7, (uint32_t)(i % 2), 0, i % 9 == 0};
  }
  const struct timeline line = {.title = "many",
                                .lanes = lanes,
                                .n_lanes = 2,
                                .phases = phases,
                                .n_phases = 2,
                                .bars = many,
                                .n_bars = N_BARS,
                                .us_per_cycle = 0.5};
  const struct timeline timelines[] = {line, line};
  const struct report_table front = {"Front", NULL, "front.csv", wide, N_SHOWN, wide_cells(N_FRONT, true), N_FRONT};
  const struct report_table cloud = {"Cloud", NULL, NULL, wide + 1, N_SHOWN - 1, wide_cells(N_CLOUD, false), N_CLOUD};
  const struct report report = {.title = "t",
                                .headline = "h",
                                .front = &front,
                                .front_x = 2,
                                .front_y = 1,
                                .front_size = 3,
                                .best_row = 0,
                                .first_axis = FIRST_AXIS,
                                .n_axes = 7,
                                .design_command = "dse evaluate run.cfg --design ",
                                .cloud = &cloud,
                                .n_evaluated = 100000,
                                .topk = &front,
                                .timelines = timelines,
                                .n_timelines = 2};
  const char *const html = write_page(&report);
  assert_in_range(strlen(html), 1000000, 1999999);
  assert_non_null(strstr(html, " of the 100000 feasible designs that were evaluated."));
  json_t *const data = data_of(html);
  const json_t *const shown = json_object_get(data, "cloud"), *const fields = json_object_get(shown, "columns");
  assert_in_range(json_integer_value(json_object_get(shown, "n")), 5000, N_CLOUD - 1); /* what there is room for */
  assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "front"), "n")), N_FRONT);
  assert_int_equal(json_array_size(fields), N_SHOWN - 1);
  /* Axes are exact and numbered; what is the same everywhere takes no room. */
  const json_t *const bytes = json_array_get(fields, 5), *const rows = json_array_get(fields, 4);
  assert_true(json_is_true(json_object_get(bytes, "axis")));
  assert_int_equal(json_integer_value(json_array_get(json_object_get(bytes, "set"), 1)), 16777218);
  assert_int_equal(json_integer_value(json_object_get(bytes, "bits")), 16);
  assert_null(json_object_get(rows, "index"));
  assert_int_equal(json_array_size(json_object_get(rows, "set")), 1);
  assert_false(json_is_true(json_object_get(json_array_get(fields, 2), "axis")));
  assert_true(json_is_string(json_object_get(json_array_get(fields, 0), "values")));
  assert_string_equal(json_string_value(json_object_get(data, "design")), "dse evaluate run.cfg --design ");
  json_decref(data);
}

/* Only what draws with the chart library carries it, and its licences. */
static void test_library(void **state) {
  (void)state;
  const struct report plain = {.title = "t", .headline = "h", .best_row = SIZE_MAX};
  const char *const without = write_page(&plain), *const with = write_hostile();
  assert_null(strstr(without, "Apache"));
  assert_true(strlen(without) < 100000);
  for (size_t i = 0; i < 3; i++) {
    static const char *const licences[] = {"Apache License", "Redistributions in binary form", "Microsoft Corporation"};
    assert_non_null(strstr(with, licences[i]));
  }
  static const char *const drawn[] = {"chart-front", "chart-parallel", "chart-convergence", "chart-timeline-0"};
  for (size_t i = 0; i < 4; i++) {
    const char *const place =
        arena_printf(&arena, "<div class=\"chart\" id=\"%s\" tabindex=\"0\" role=\"img\" aria-label=\"", drawn[i]);
    assert_int_equal(count(with, place), 1);
    assert_null(strstr(without, place));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_nothing_is_asked_for),
      TEST(test_hostile_names_are_text),
      TEST(test_well_formed),
      TEST(test_data_reads_back),
      TEST(test_tables_and_words),
      TEST(test_same_bytes),
      TEST(test_empty),
      TEST(test_curves),
      TEST(test_stacks),
      TEST(test_points),
      TEST(test_thinning),
      TEST(test_size),
      TEST(test_library),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

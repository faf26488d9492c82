/* Is a trace valid JSON, sorted, without overlap in a lane, and does it end at the makespan? (ux.md §6) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/trace.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

static const char *const lanes[] = {"tensor core 0", "</script><b>\"\\\xE2\x80\xA8", "link"};
static const char *const phases[] = {"forward", "backward"};

static int set_up(void **state) {
  static struct arena arena;
  arena_init(&arena, 1 << 16);
  *state = &arena;
  return 0;
}

static int tear_down(void **state) {
  arena_release(*state);
  return 0;
}

static struct timeline make(const struct timeline_bar *bars, size_t n) {
  return (struct timeline){.title = "stage 'α' & co",
                           .lanes = lanes,
                           .n_lanes = 3,
                           .phases = phases,
                           .n_phases = 2,
                           .bars = bars,
                           .n_bars = n,
                           .us_per_cycle = 1 / 1979.0};
}

/* Reads back and checks what every trace must hold; the number of bars, and the end in µs. */
static json_t *read_back(const struct timeline *timeline, struct arena *arena, size_t *n_bars, double *end_us) {
  const char *text;
  size_t n;
  json_error_t where;
  trace_write(timeline, arena, &text, &n);
  json_t *const root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
  if (root == NULL) fail_msg("line %d: %s", where.line, where.text);
  double before_us = 0, *const free_us = ARENA_NEW(arena, double, timeline->n_lanes);
  *n_bars = 0;
  *end_us = 0;
  const json_t *const events = json_object_get(root, "traceEvents");
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *const event = json_array_get(events, i);
    const char *const kind = json_string_value(json_object_get(event, "ph"));
    if (strcmp(kind, "M") == 0) continue;
    const double ts_us = json_number_value(json_object_get(event, "ts"));
    assert_true(ts_us >= before_us);
    before_us = ts_us;
    if (strcmp(kind, "X") != 0) continue;
    const json_int_t lane = json_integer_value(json_object_get(event, "tid"));
    assert_in_range(lane, 0, timeline->n_lanes - 1);
    assert_true(ts_us >= free_us[lane] - 1e-7); /* a tenth of the picosecond that times are rounded to */
    free_us[lane] = ts_us + json_number_value(json_object_get(event, "dur"));
    if (free_us[lane] > *end_us) *end_us = free_us[lane];
    ++*n_bars;
  }
  return root;
}

static const struct timeline_bar small[] = {
    {"late", 50021, 90001, 0, 1, true},
    {"wide", 13, 50021, 0, 0, true},
    {"wide", 13, 50021, 2, 0, true}, /* one op on two lanes: one arrow */
    {"\"=cmd\" </script>\x01", 0, 13, 1, 0, true},
    {"side", 17, 17, 1, 1, false}, /* takes no time */
    {"side", 17, 371, 1, 1, false},
};

static void test_small(void **state) {
  struct arena *const arena = *state;
  const struct timeline timeline = make(small, 6);
  size_t n_bars;
  double end_us;
  json_t *const root = read_back(&timeline, arena, &n_bars, &end_us);
  assert_int_equal(n_bars, 6);
  assert_true(fabs(end_us - 90001 / 1979.0) < 1e-6);
  const json_t *const events = json_object_get(root, "traceEvents");
  size_t n_begin = 0, n_end = 0, n_critical = 0;
  const char *names[32] = {0};
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *const event = json_array_get(events, i);
    const char *const kind = json_string_value(json_object_get(event, "ph"));
    n_begin += strcmp(kind, "s") == 0;
    n_end += strcmp(kind, "f") == 0;
    n_critical += json_is_true(json_object_get(json_object_get(event, "args"), "critical"));
    names[i] = strcmp(kind, "X") == 0 ? json_string_value(json_object_get(event, "name")) : NULL;
    if (names[i] != NULL && strcmp(names[i], "late") == 0)
      assert_string_equal(json_string_value(json_object_get(event, "cat")), "backward");
  }
  assert_int_equal(n_begin, 2);
  assert_int_equal(n_end, 2);
  assert_int_equal(n_critical, 4);
  const json_t *const lane = json_object_get(json_object_get(json_array_get(events, 3), "args"), "name");
  assert_string_equal(json_string_value(lane), lanes[1]); /* hostile, yet only a name */
  assert_string_equal(names[7], "\"=cmd\" </script>\\x01");
  json_decref(root);
}

static void test_hostile_bytes_and_same_bytes(void **state) {
  struct arena *const arena = *state;
  const struct timeline timeline = make(small, 6);
  const char *a, *b;
  size_t n_a, n_b;
  trace_write(&timeline, arena, &a, &n_a);
  trace_write(&timeline, arena, &b, &n_b);
  assert_int_equal(n_a, n_b);
  assert_memory_equal(a, b, n_a);
  assert_null(strchr(a, '<'));
  assert_null(strstr(a, "\xE2\x80\xA8"));
}

static void test_cut(void **state) {
  struct arena *const arena = *state;
  enum { N = TRACE_MAX_EVENTS + 1237 };
  struct timeline_bar *const bars = ARENA_NEW(arena, struct timeline_bar, N);
  for (size_t i = 0; i < N; i++) /* every 997th is critical and the shortest of all */
    bars[i] =
        (struct timeline_bar){"x", 10 * i, 10 * i + (i % 997 == 0 ? 1 : 3 + i % 7), (uint32_t)(i % 3), 0, i % 997 == 0};
  const struct timeline timeline = make(bars, N);
  size_t n_bars;
  double end_us;
  json_t *const root = read_back(&timeline, arena, &n_bars, &end_us);
  const json_t *const other = json_object_get(root, "otherData");
  assert_int_equal(json_integer_value(json_object_get(other, "bars_cut")), N - n_bars);
  assert_int_equal(trace_bars_cut(&timeline, arena), N - n_bars);
  assert_non_null(strstr(json_string_value(json_object_get(other, "note")), "of 201237 bars: the critical path"));
  const json_t *const events = json_object_get(root, "traceEvents");
  assert_in_range(json_array_size(events), TRACE_MAX_EVENTS - 9, TRACE_MAX_EVENTS); /* full, but no more */
  size_t n_critical = 0, n_ends = 0;
  for (size_t i = 0; i < json_array_size(events); i++) {
    n_critical += json_is_true(json_object_get(json_object_get(json_array_get(events, i), "args"), "critical"));
    n_ends += strcmp(json_string_value(json_object_get(json_array_get(events, i), "ph")), "f") == 0;
  }
  assert_int_equal(n_critical, (N + 996) / 997);
  assert_int_equal(n_ends, n_critical - 1); /* the whole path, with its arrows */
  json_decref(root);
}

/* Of a long pipeline the middle, arrows between neighbours alone. */
static void test_steady(void **state) {
  struct arena *const arena = *state;
  enum { N = TRACE_MAX_EVENTS + 1237 };
  struct timeline_bar *const bars = ARENA_NEW(arena, struct timeline_bar, N);
  for (size_t i = 0; i < N; i++) bars[i] = (struct timeline_bar){"x", 10 * i, 10 * i + 7, (uint32_t)(i % 3), 0, true};
  struct timeline timeline = make(bars, N);
  timeline.steady = timeline.chips = true;
  size_t n_bars, first = 0;
  double end_us;
  json_t *const root = read_back(&timeline, arena, &n_bars, &end_us);
  const json_t *const events = json_object_get(root, "traceEvents");
  assert_in_range(json_array_size(events), TRACE_MAX_EVENTS - 19, TRACE_MAX_EVENTS);
  while (strcmp(json_string_value(json_object_get(json_array_get(events, first), "ph")), "X") != 0) first++;
  const json_t *const bar = json_array_get(events, first);
  const json_int_t start = json_integer_value(json_object_get(json_object_get(bar, "args"), "start_cycles"));
  assert_int_equal(start, 10 * ((N - n_bars) / 2));
  assert_int_equal(json_integer_value(json_object_get(bar, "pid")), 1 + (start / 10) % 3); /* a chip is a process */
  assert_true(fabs(end_us - (double)(start + 10 * (json_int_t)n_bars - 3) / 1979.0) < 1e-3);
  json_decref(root);
}

static void test_counters_and_notes(void **state) {
  struct arena *const arena = *state;
  struct timeline timeline = make(small, 6);
  struct timeline_change changes[] = {{50021, -2385}, {13, 2385}, {13, 100}, {90001, -100}};
  struct timeline_counter counter = {.name = "kept (bytes)"};
  struct timeline_note notes[6] = {{"4 x 2", "wide", 371}};
  timeline_count(&counter, changes, 4, arena);
  timeline.counters = &counter;
  timeline.n_counters = 1;
  timeline.notes = notes;
  size_t n_bars, n = 0;
  double end_us;
  json_t *const root = read_back(&timeline, arena, &n_bars, &end_us);
  const json_t *const events = json_object_get(root, "traceEvents");
  static const json_int_t wanted[] = {2485, 100, 0};
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *const event = json_array_get(events, i), *const args = json_object_get(event, "args");
    const char *const name = json_string_value(json_object_get(event, "name"));
    if (strcmp(name, "late") == 0) {
      assert_string_equal(json_string_value(json_object_get(args, "tile")), "4 x 2");
      assert_string_equal(json_string_value(json_object_get(args, "waits_for")), "wide");
      assert_true(fabs(json_number_value(json_object_get(args, "waited_us")) - 371 / 1979.0) < 1e-5);
    }
    if (strcmp(json_string_value(json_object_get(event, "ph")), "C") != 0) continue;
    assert_in_range(n, 0, 2);
    assert_int_equal(json_integer_value(json_object_get(args, "value")), wanted[n++]);
  }
  assert_int_equal(n, 3);
  json_decref(root);
}

static void test_empty(void **state) {
  const struct timeline timeline = make(NULL, 0);
  size_t n_bars;
  double end_us;
  json_decref(read_back(&timeline, *state, &n_bars, &end_us));
  assert_int_equal(n_bars, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_small),  TEST(test_hostile_bytes_and_same_bytes), TEST(test_cut),
      TEST(test_steady), TEST(test_counters_and_notes),           TEST(test_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

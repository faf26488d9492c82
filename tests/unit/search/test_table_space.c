/* Does a table of evaluated points become the space that it describes, and is every mistake said at its line? */
#include "search/space/table_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct arena arena;
  struct csv csv;
  struct table_space table;
  struct error error;
};

static bool read_text(struct fixture *fixture, const char *text) {
  arena_init(&fixture->arena, 1 << 16);
  memset(&fixture->error, 0, sizeof fixture->error);
  return csv_parse("points.csv", text, strlen(text), TABLE_SPACE_MAX_ROWS, &fixture->arena, &fixture->csv,
                   &fixture->error) &&
         table_space_init(&fixture->table, &fixture->csv, &fixture->arena, &fixture->error);
}

static void release(struct fixture *fixture) { arena_release(&fixture->arena); }

static struct score score_at(const struct table_space *table, uint16_t first, uint16_t second) {
  const struct point point = {{first, second}};
  struct score score;
  memset(&score, 0xAB, sizeof score);
  table->space.evaluate(table->space.context, &point, &score);
  return score;
}

/* Values are sorted as numbers, not as texts, whatever the order of rows. */
static void test_numbers(void **state) {
  (void)state;
  struct fixture f;
  assert_true(read_text(&f, "min:cost,rows,width,max:rate\n70,100,2385,5\n80,9,7,6.5\n90,9,2385,0\n"));
  const struct space *space = &f.table.space;
  assert_int_equal(space->n_axes, 2);
  assert_string_equal(space->axes[0].key, "rows");
  assert_int_equal(space->axes[0].role, AXIS_SHAPE);
  assert_null(space->axes[0].labels);
  assert_int_equal(space->axes[0].n, 2);
  assert_int_equal(space->axes[0].values[0], 9);
  assert_int_equal(space->axes[0].values[1], 100);
  assert_int_equal(space->axes[1].values[1], 2385);
  assert_int_equal(space_size(space), 4);
  assert_int_equal(space->n_objectives, 2);
  assert_int_equal(space->n_front_objectives, 2);
  assert_int_equal(space->metric, 0);
  assert_string_equal(space->objectives[0].name, "cost");
  assert_false(space->objectives[0].maximise);
  assert_string_equal(space->objectives[1].name, "rate");
  assert_true(space->objectives[1].maximise);
  const struct score score = score_at(&f.table, 0, 0); /* 9, 7 */
  assert_int_equal(score.reason, TABLE_FEASIBLE);
  assert_true(score.objective[0] == 80 && score.objective[1] == 6.5 && score.bound == 80);
  assert_int_equal(score_at(&f.table, 1, 0).reason, TABLE_MISSING); /* 100, 7 */
  assert_true(score_at(&f.table, 1, 1).objective[0] == 70);
  assert_int_equal(f.table.n_rows, 3);
  assert_int_equal(point_set_number(f.table.rows, &f.table.records[2].point), 2);
  release(&f);
}

static void test_fractions_and_texts(void **state) {
  (void)state;
  struct fixture f;
  assert_true(read_text(&f, "clock,memory,max:x\n1.05,hbm,1\n0.7,ddr,2\n0.70,hbm,3\n10,ddr,4\n"));
  const struct space *space = &f.table.space;
  assert_int_equal(space->axes[0].n, 3); /* 0.7 and 0.70 are one */
  assert_int_equal(space->axes[0].role, AXIS_SHAPE);
  assert_string_equal(space->axes[0].labels[1], "1.05");
  assert_int_equal(space->axes[0].values[2], 2);
  assert_int_equal(space->axes[1].role, AXIS_CHOICE);
  assert_string_equal(space->axes[1].labels[0], "ddr");
  assert_true(score_at(&f.table, 0, 1).objective[0] == 3);
  release(&f);
}

static void test_infeasible(void **state) {
  (void)state;
  struct fixture f;
  assert_true(read_text(&f, "a,infeasible,max:x\n7,,1\n8,too hot,\n9,broken,nonsense\n"));
  assert_int_equal(f.table.space.n_axes, 1);
  assert_int_equal(score_at(&f.table, 0, 0).reason, TABLE_FEASIBLE);
  for (uint16_t i = 1; i < 3; i++) {
    const struct score score = score_at(&f.table, i, 0), nothing = {.reason = TABLE_INFEASIBLE};
    assert_memory_equal(&score, &nothing, sizeof score);
  }
  release(&f);
}

/* Whole numbers that one double would stand for must not fall together. */
static void test_huge_numbers(void **state) {
  (void)state;
  struct fixture f;
  assert_true(read_text(&f, "a,max:x\n9007199254740992,1\n9007199254740991,2\n"));
  assert_int_equal(f.table.space.axes[0].n, 2);
  assert_true(f.table.space.axes[0].values[1] == UINT64_C(9007199254740992));
  release(&f);
  /* Beyond, texts stand for the values. */
  assert_true(read_text(&f, "a,max:x\n18446744073709551615,1\n7,2\n"));
  assert_int_equal(f.table.space.axes[0].values[1], 1);
  assert_string_equal(f.table.space.axes[0].labels[1], "18446744073709551615");
  release(&f);
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"a,max:x\n7,5\n8,6\n7,9\n", "points.csv:4: the axes have the values of an earlier row (line 2)"},
      {"a,max:x\n7,5\n7.0,9\n", "points.csv:3: the axes have the values of an earlier row (line 2)"},
      {"a,max:x\n,5\n", "points.csv:2: a: \"\" is empty, give every axis a value"},
      {"a,max:x\n7,five\n", "points.csv:2: max:x: \"five\" is no number"},
      {"a,max:x\n7,\n", "points.csv:2: max:x: \"\" is no number"},
      {"a,max:x\n7,1e999\n", "points.csv:2: max:x: \"1e999\" is no number"},
      {"a,max:x\n7,5\n8,-0.5\n", "points.csv:3: max:x: \"-0.5\" is negative, objectives are at least 0"},
      {"a,b\n7,5\n", "points.csv:1: a: no column is an objective, name one max:NAME or min:NAME"},
      {"min:x\n7\n", "points.csv:1: min:x: no column is an axis"},
      {"a,max:\n7,5\n", "points.csv:1: max:: an objective without a name"},
      {"a,max:x\n", "points.csv:1: a: no rows"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    assert_false(read_text(&f, cases[i].text));
    assert_int_equal(f.error.status, STATUS_INPUT);
    if (strstr(f.error.text, cases[i].message) == NULL) fail_msg("%s: %s", cases[i].message, f.error.text);
    release(&f);
  }
}

/* As many columns of a kind as a space takes, and one more. */
static void check_most(const char *kind, const char *other, size_t most, const char *complaint) {
  for (size_t extra = 0; extra < 2; extra++) {
    char header[512] = "", row[512] = "", text[1200], message[64];
    size_t h = 0, r = 0;
    for (size_t c = 0; c < most + extra; c++) {
      h += (size_t)snprintf(header + h, sizeof header - h, "%sa%zu,", kind, c);
      r += (size_t)snprintf(row + r, sizeof row - r, "7,");
    }
    snprintf(text, sizeof text, "%s%s\n%s2385\n", header, other, row);
    snprintf(message, sizeof message, "points.csv:1: %sa%zu: more than %zu %s", kind, most, most, complaint);
    struct fixture f;
    assert_int_equal(read_text(&f, text), extra == 0);
    if (extra == 1) assert_non_null(strstr(f.error.text, message));
    release(&f);
  }
}

static void test_most_columns(void **state) {
  (void)state;
  check_most("", "max:x", POINT_MAX_AXES, "axes");
  check_most("min:", "a", SCORE_MAX_OBJECTIVES, "objectives");
}

/* All mistakes of a file at once, and nothing of a hostile cell reaches the terminal raw. */
static void test_all_mistakes(void **state) {
  (void)state;
  struct fixture f;
  assert_false(read_text(&f, "a,max:x\n7,-1\n8,\xC2\x9B"
                             "5\n9,no\n"));
  assert_int_equal(f.error.n_messages, 3);
  assert_null(strstr(f.error.text, "\xC2\x9B"));
  release(&f);
}

static void test_too_many_values(void **state) {
  (void)state;
  enum { ROWS = UINT16_MAX + 1 };
  struct fixture f;
  char *text = test_malloc(ROWS * 12 + 16);
  size_t n = (size_t)sprintf(text, "a,max:x\n");
  for (unsigned i = 0; i < ROWS; i++) n += (size_t)sprintf(text + n, "%u,1\n", i);
  assert_false(read_text(&f, text));
  assert_non_null(strstr(f.error.text, "points.csv:1: a: more than 65535 values"));
  release(&f);
  text[n - strlen("65535,1\n")] = 0; /* one less is fine */
  assert_true(read_text(&f, text));
  assert_int_equal(f.table.space.axes[0].n, UINT16_MAX);
  release(&f);
  test_free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers),      cmocka_unit_test(test_fractions_and_texts),
      cmocka_unit_test(test_infeasible),   cmocka_unit_test(test_huge_numbers),
      cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_most_columns),
      cmocka_unit_test(test_all_mistakes), cmocka_unit_test(test_too_many_values),
  };
  return cmocka_run_group_tests_name("search/table_space", tests, NULL, NULL);
}

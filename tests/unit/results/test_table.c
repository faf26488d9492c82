/* Is what we write read back equal, by our own CSV reader and by eye? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/csv.h"
#include "results/report.h"
#include "results/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {
    {"design", "", "", "16 hexadecimal digits"},
    {"area_mm2", "mm2", "min", "silicon, with memory"},
    {"cycles", "cycles", "min", "makespan, \"as scheduled\""},
};

static int set_up(void **state) {
  static struct arena arena;
  arena_init(&arena, 1 << 12);
  *state = &arena;
  return 0;
}

static int tear_down(void **state) {
  arena_release(*state);
  return 0;
}

static void add_row(struct table *table, const char *design, double area_mm2, uint64_t n_cycles) {
  table_text(table, design);
  table_double(table, area_mm2);
  table_u64(table, n_cycles);
}

static void test_bytes(void **state) {
  struct arena *const arena = *state;
  struct table *const table = table_new(arena, "front.csv", columns, 3);
  add_row(table, "3f9d", 2385.5, UINT64_MAX);
  add_row(table, "a,b", 0.1, 7);
  add_row(table, "say \"x\"", -0.0, 13);
  add_row(table, "", NAN, 17);
  table_text(table, " two\nlines\t\xFF");
  table_double(table, -INFINITY);
  table_empty(table);
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  assert_string_equal(bytes, "design,area_mm2,cycles\n"
                             "3f9d,2385.5,18446744073709551615\n"
                             "\"a,b\",0.1,7\n"
                             "\"say \"\"x\"\"\",0,13\n"
                             ",,17\n"
                             "\" two\\x0Alines\\x09\\xFF\",,\n");
  assert_int_equal(n, strlen(bytes));
}

static void test_formulas_are_defused(void **state) {
  struct arena *const arena = *state;
  const char *const names[] = {"=cmd|' /C calc'!A0", "+1-1", "-2", "@SUM(A1)", "=a,b", "a=b", "'="};
  const char *const expected = "design\n'=cmd|' /C calc'!A0\n'+1-1\n'-2\n'@SUM(A1)\n\"'=a,b\"\na=b\n'=\n\"\"\n";
  struct table *const table = table_new(arena, "x.csv", columns, 1);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) table_text(table, names[i]);
  table_empty(table); /* a row of one empty cell is no empty line */
  size_t n;
  assert_string_equal(table_bytes(table, &n), expected);
}

/* Many rows, long cells: the text grows; every number reads back to the same bits. */
static void test_reads_back(void **state) {
  struct arena *const arena = *state;
  enum { N = 3001, LONG = 5003 };
  struct table *const table = table_new(arena, "big.csv", columns, 3);
  char *const long_text = malloc(LONG + 1);
  memset(long_text, '"', LONG);
  long_text[LONG] = '\0';
  for (unsigned i = 0; i < N; i++)
    add_row(table, i % 1000 == 999 ? long_text : "d7", 1.0 / (double)(i + 3), i * UINT64_C(123456789012345));
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  struct csv csv;
  struct error error = {0};
  if (!csv_parse("big.csv", bytes, n, N, arena, &csv, &error)) fail_msg("%s", error.text);
  assert_int_equal(csv.n_rows, N);
  for (size_t i = 0; i < N; i++) {
    assert_string_equal(csv_cell(&csv, i, 0), i % 1000 == 999 ? long_text : "d7");
    const double back = strtod(csv_cell(&csv, i, 1), NULL), there = 1.0 / (double)(i + 3);
    assert_memory_equal(&back, &there, sizeof back);
    assert_int_equal(strtoull(csv_cell(&csv, i, 2), NULL, 10), i * UINT64_C(123456789012345));
  }
  free(long_text);
}

static void test_describe(void **state) {
  struct arena *const arena = *state;
  struct table *const table = table_new(arena, "front.csv", columns, 3);
  struct table *const all = table_columns_new(arena);
  table_describe(table, all);
  table_describe(all, all); /* columns.csv describes itself */
  size_t n;
  assert_string_equal(table_bytes(all, &n), "file,column,unit,better,meaning\n"
                                            "front.csv,design,,,16 hexadecimal digits\n"
                                            "front.csv,area_mm2,mm2,min,\"silicon, with memory\"\n"
                                            "front.csv,cycles,cycles,min,\"makespan, \"\"as scheduled\"\"\"\n"
                                            "columns.csv,file,,,the file of the results folder\n"
                                            "columns.csv,column,,,\"a column of it, in the file's order\"\n"
                                            "columns.csv,unit,,,the unit of its values; empty: a count or a text\n"
                                            "columns.csv,better,,,max or min if larger or smaller values are better\n"
                                            "columns.csv,meaning,,,\"what it holds, in a sentence\"\n");
}

static void test_print(void **state) {
  struct arena *const arena = *state;
  struct table *const table = table_new(arena, "front.csv", columns, 3);
  add_row(table, "größe", 1.0 / 3, 12345678901);
  add_row(table, "a,\"b\"", 2385, 7);
  table_text(table, "0123456789012345678901234567890123456789012345678901");
  table_empty(table);
  table_u64(table, 3);
  add_row(table, "not shown", 1, 1);
  add_row(table, "not shown", 1, 1);
  char *text;
  table_print(table, NULL, 0, 3, &text, arena);
  assert_string_equal(text, "design                                         area_mm2       cycles\n"
                            "größe                                          0.333333  12345678901\n"
                            "a,\"b\"                                              2385            7\n"
                            "01234567890123456789012345678901234567890123…                      3\n"
                            "… and 2 more rows\n");
  const char *const chosen[] = {"cycles", "design"};
  table_print(table, chosen, 2, 1, &text, arena);
  assert_string_equal(text, "     cycles  design\n12345678901  größe\n… and 4 more rows\n");
  table_print(table, chosen, 1, 7, &text, arena);
  assert_string_equal(text, "     cycles\n12345678901\n          7\n          3\n          1\n          1\n");
}

/* The same cells on the page: chosen columns in the order asked for, numbers as numbers, long texts cut. */
static void test_page(void **state) {
  struct arena *const arena = *state;
  struct table *const table = table_new(arena, "front.csv", columns, 3);
  add_row(table, "a \"b\", c", 2385.5, 7);
  add_row(table, "", NAN, 13);
  static const char *const chosen[] = {"area_mm2", "design", NULL};
  struct report_table page = {.title = "Title"};
  table_page(table, chosen, &page, arena);
  assert_string_equal(page.title, "Title");
  assert_string_equal(page.file, "front.csv");
  assert_int_equal(page.n_columns, 2);
  assert_int_equal(page.n_rows, 2);
  assert_string_equal(page.columns[0].unit, "mm2");
  assert_string_equal(page.columns[0].better, "min");
  assert_false(page.columns[0].is_text);
  assert_true(page.columns[1].is_text);
  assert_float_equal(page.cells[0].number, 2385.5, 0);
  assert_string_equal(page.cells[1].text, "a \"b\", c");
  assert_true(isnan(page.cells[2].number));
  assert_string_equal(page.cells[3].text, "");

  struct table *const wide = table_new(arena, "wide.csv", columns, 3);
  char *const text = ARENA_NEW(arena, char, 5000);
  memset(text, 'x', 4999);
  add_row(wide, text, 1, 2);
  add_row(wide, "short", 3, 4);
  table_page(wide, NULL, &page, arena);
  assert_int_equal(page.n_columns, 3);
  assert_true(strlen(page.cells[0].text) < 1100);
  assert_float_equal(page.cells[2].number, 2, 0);
  assert_string_equal(page.cells[3].text, "short"); /* nothing of the long one is read twice */
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_bytes), TEST(test_formulas_are_defused), TEST(test_reads_back), TEST(test_describe), TEST(test_print),
      TEST(test_page),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Are tables read as RFC 4180 says, and does each mistake give its message at its line? */
#include "base/csv.h"
#include "base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int make_arena(void **state) {
  struct arena *arena = calloc(1, sizeof *arena);
  arena_init(arena, 4096);
  *state = arena;
  return 0;
}

static int free_arena(void **state) {
  arena_release(*state);
  free(*state);
  return 0;
}

static struct csv parse(struct arena *arena, const char *text) {
  struct error error = {0};
  struct csv csv;
  if (!csv_parse("ops.csv", text, strlen(text), 100, arena, &csv, &error)) fail_msg("%s", error.text);
  return csv;
}

static void reads_a_table_with_everything(void **state) {
  const struct csv csv = parse(*state, "\xEF\xBB\xBFname,k,note\r\n"
                                       "a,7,\"x, \"\"y\"\"\"\r\n"
                                       "\n"
                                       "\"two\nlines\",,\"\"\n"
                                       " c ,-1e5,\t");
  assert_string_equal(csv.path, "ops.csv");
  assert_int_equal(csv.n_columns, 3);
  assert_int_equal(csv.n_rows, 3);
  assert_string_equal(csv.header[0], "name");
  assert_string_equal(csv_cell(&csv, 0, 2), "x, \"y\"");
  assert_string_equal(csv_cell(&csv, 1, 0), "two\nlines");
  assert_string_equal(csv_cell(&csv, 1, 1), "");
  assert_string_equal(csv_cell(&csv, 1, 2), "");
  assert_string_equal(csv_cell(&csv, 2, 0), " c ");
  assert_string_equal(csv_cell(&csv, 2, 2), "\t");
  assert_int_equal(csv.line[0], 2);
  assert_int_equal(csv.line[1], 4);
  assert_int_equal(csv.line[2], 6); /* the quoted line end counts */
  assert_int_equal(csv_column(&csv, "note"), 2);
  assert_true(csv_column(&csv, "Note") == SIZE_MAX);
}

static void a_header_alone_is_a_table_without_rows(void **state) {
  const struct csv csv = parse(*state, "one");
  assert_int_equal(csv.n_columns, 1);
  assert_int_equal(csv.n_rows, 0);
}

static void keeps_many_rows_in_order(void **state) {
  enum { ROWS = 2385 };
  static char text[ROWS * 8 + 8];
  char *end = text + sprintf(text, "i,j\n");
  for (int i = 0; i < ROWS; i++) end += sprintf(end, "%d,x\n", i);
  struct error error = {0};
  struct csv csv;
  assert_true(csv_parse("many.csv", text, (size_t)(end - text), ROWS, *state, &csv, &error));
  assert_int_equal(csv.n_rows, ROWS);
  for (int i = 0; i < ROWS; i++) {
    assert_int_equal(atoi(csv_cell(&csv, (size_t)i, 0)), i);
    assert_int_equal(csv.line[i], i + 2);
  }
}

static void each_mistake_has_its_message(void **state) {
  static const char *const cases[][2] = {
      {"", "t.csv:1: column 1: the table is empty; its first line must name the columns\n"},
      {"\n\n", "t.csv:3: column 1: the table is empty; its first line must name the columns\n"},
      {"a,,c\n", "t.csv:1: column 2: the column has no name\n"},
      {"a,b,a\n", "t.csv:1: column 3: the name \"a\" is taken by column 1\n"},
      {"a,b\n\"1,2\n3", "t.csv:2: a: the quote that opens here is never closed\n"},
      {"a,b\n1,\"2\"x\n", "t.csv:2: b: text behind the closing quote; a quote inside a field is doubled: \"\"\n"},
      {"a,b\n1,2\"\n", "t.csv:2: b: a quote inside a field; quote the whole field and double the quote\n"},
      {"a,b\n1\r2,3\n", "t.csv:2: a: a carriage return without a line feed; lines end with LF or CR LF\n"},
      {"a,b\n1,\x1b\n", "t.csv:2: b: control character \\x1B; only tabs and line ends are allowed\n"},
      {"a,b\n1,\xC3(\n", "t.csv:2: b: is not UTF-8\n"},
      {"a,b\n1\n", "t.csv:2: b: the row has 1 fields, the header has 2\n"},
      {"a,b\n1,2,3\n", "t.csv:2: column 3: the row has 3 fields, the header has 2\n"},
      {"a\n1\n2\n3\n4\n", "t.csv:5: a: more than 3 rows, which is the most here\n"},
      /* All at once, and the second message of a row is spared. */
      {"a,b\n1\n1,2\n\"x\"y,\x1b\n3,4,5\n",
       "t.csv:2: b: the row has 1 fields, the header has 2\n"
       "t.csv:4: a: text behind the closing quote; a quote inside a field is doubled: \"\"\n"
       "t.csv:5: column 3: the row has 3 fields, the header has 2\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct error error = {0};
    struct csv csv;
    assert_false(csv_parse("t.csv", cases[i][0], strlen(cases[i][0]), 3, *state, &csv, &error));
    assert_int_equal(error.status, STATUS_INPUT);
    assert_string_equal(error.text, cases[i][1]);
  }
  struct error error = {0};
  struct csv csv;
  assert_false(csv_parse("t.csv", "a\nx\0y\n", 6, 3, *state, &csv, &error));
  assert_string_equal(error.text, "t.csv:2: a: control character \\x00; only tabs and line ends are allowed\n");
}

/* `n` letters behind a header; quoted ones may hold line ends. */
static void expect_limit(struct arena *arena, const char *head, size_t n, const char *tail, const char *expected) {
  char *text = arena_alloc(arena, strlen(head) + n + strlen(tail) + 1, 1);
  const size_t n_head = strlen(head);
  memcpy(text, head, n_head);
  memset(text + n_head, 'x', n);
  strcpy(text + n_head + n, tail);
  struct error error = {0};
  struct csv csv;
  const bool ok = csv_parse("t.csv", text, strlen(text), 3, arena, &csv, &error);
  assert_string_equal(error.text, expected);
  assert_int_equal(ok, *expected == '\0');
}

static void limits_are_exact(void **state) {
  struct arena *arena = *state;
  expect_limit(arena, "a\n", 65536, "\n", "");
  expect_limit(arena, "a\n", 65537, "\n", "t.csv:2: a: the field is longer than 64 KiB, which is the most\n");

  char *columns = arena_alloc(arena, 1024, 1);
  for (int i = 0; i < 256; i++) sprintf(columns + strlen(columns), "%s%02x", i ? "," : "", i);
  expect_limit(arena, columns, 0, "\n", "");
  expect_limit(arena, columns, 0, ",y\n", "t.csv:1: column 257: more than 256 columns, which is the most\n");

  /* 20 fields of 60,000 letters are more than a line may hold. */
  char *line = arena_alloc(arena, 1300000, 1);
  for (int i = 0; i < 20; i++) sprintf(line + strlen(line), "%sc%d", i ? "," : "", i);
  strcat(line, "\n");
  char *end = line + strlen(line);
  for (int i = 0; i < 20; i++) {
    memset(end, 'y', 60000);
    end += 60000;
    *end++ = i < 19 ? ',' : '\n';
  }
  expect_limit(arena, line, 0, "", "t.csv:2: c0: the line is longer than 1 MiB, which is the most\n");
}

static void reads_files_and_names_them(void **state) {
  struct arena *arena = *state;
  char path[] = P_tmpdir "/dse-test-csv-XXXXXX";
  close(mkstemp(path));
  struct error error = {0};
  struct csv csv;
  assert_true(file_publish(path, "a,b\n3,5\n", 8, &error));
  assert_true(csv_read(path, 9, arena, &csv, &error));
  assert_string_equal(csv_cell(&csv, 0, 1), "5");
  unlink(path);
  assert_false(csv_read(path, 9, arena, &csv, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_a_table_with_everything, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(a_header_alone_is_a_table_without_rows, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(keeps_many_rows_in_order, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(each_mistake_has_its_message, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(limits_are_exact, make_arena, free_arena),
      cmocka_unit_test_setup_teardown(reads_files_and_names_them, make_arena, free_arena),
  };
  return cmocka_run_group_tests_name("base/csv", tests, NULL, NULL);
}

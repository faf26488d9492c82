/* Are keys and elements of a JSON text found on their lines, whatever stands around them? */
#include "base/json_lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Values that look like keys, keys of the same name deeper down, brackets and quotes within texts. */
static const char sample[] = "{\n"                                             /* 1 */
                             "  \"name\": \"cores\", \"note\": \"a\\\"]}\",\n" /* 2 */
                             "  \"host\": {\"cores\": [7],\n"                  /* 3 */
                             "           \"rate\": 3},\n"                      /* 4 */
                             "  \"co\": 1,\n"                                  /* 5 */
                             "  \"cores\"\n"                                   /* 6 */
                             "    : [{\"rate\": 1},\n"                         /* 7 */
                             "  {\"cores\": [{}]}, [2],\n"                     /* 8 */
                             "  5],\n"                                         /* 9 */
                             "  \"table\": {\"columns\": [\"a\"],\n"           /* 10 */
                             "    \"rows\": [[1],\n"                           /* 11 */
                             "  [2], [3]]}\n"                                  /* 12 */
                             "}";

static struct json_text text_of(const char *bytes) { return (struct json_text){bytes, strlen(bytes)}; }

static void finds_keys_of_the_outermost_object(void **state) {
  (void)state;
  const struct json_text text = text_of(sample);
  assert_int_equal(json_line_of(text, "name"), 2);
  assert_int_equal(json_line_of(text, "note"), 2);
  assert_int_equal(json_line_of(text, "host"), 3);
  assert_int_equal(json_line_of(text, "co"), 5);
  assert_int_equal(json_line_of(text, "cores"), 6); /* neither the value in line 2 nor the key in line 3 */
  assert_int_equal(json_line_of(text, "table"), 10);
}

static void has_no_line_for_what_is_not_there(void **state) {
  (void)state;
  assert_int_equal(json_line_of(text_of(sample), "rate"), 0);
  assert_int_equal(json_line_of(text_of(sample), "rows"), 0);
  assert_int_equal(json_line_of(text_of(sample), "tab"), 0); /* the beginning of a key */
  assert_int_equal(json_line_of((struct json_text){NULL, 0}, "name"), 0);
}

static void finds_elements_and_rows(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  const struct json_text text = text_of(sample);
  const uint32_t *lines = json_lines_of(text, "cores", false, 4, &arena);
  const uint32_t cores[] = {7, 8, 8, 6}; /* the 5 is no list: the line of the key */
  assert_memory_equal(lines, cores, sizeof cores);
  lines = json_lines_of(text, "table", true, 3, &arena);
  const uint32_t rows[] = {11, 12, 12};
  assert_memory_equal(lines, rows, sizeof rows);
  lines = json_lines_of(text, "absent", false, 2, &arena);
  const uint32_t none[] = {1, 1};
  assert_memory_equal(lines, none, sizeof none);
  arena_release(&arena);
}

/* A text that is cut anywhere: what stands behind the cut does not count. */
static void stops_at_the_end(void **state) {
  (void)state;
  const size_t needed = (size_t)(strstr(sample, "\"table\":") - sample) + strlen("\"table\":");
  for (size_t n = 0; n < sizeof sample; n++) {
    assert_int_equal(json_line_of((struct json_text){sample, n}, "table"), n >= needed ? 10 : 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_keys_of_the_outermost_object),
      cmocka_unit_test(has_no_line_for_what_is_not_there),
      cmocka_unit_test(finds_elements_and_rows),
      cmocka_unit_test(stops_at_the_end),
  };
  return cmocka_run_group_tests_name("base/json_lines", tests, NULL, NULL);
}

/* Do names of strangers come out as text, and numbers as the same numbers? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/writer.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

static struct arena arena;

static int set_up(void **state) {
  static struct writer writer;
  arena_init(&arena, 1 << 12);
  writer_init(&writer, &arena);
  *state = &writer;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

static void test_html(void **state) {
  struct writer *const writer = *state;
  writer_html(writer, "</script><img src=x onerror='a(\"&\")'> größe\n\x01\xFF");
  assert_string_equal(writer->text, "&#60;/script&#62;&#60;img src=x onerror=&#39;a(&#34;&#38;&#34;)&#39;&#62; "
                                    "größe\\x0A\\x01\\xFF");
}

static void test_html_lines(void **state) {
  struct writer *const writer = *state;
  writer_html_lines(writer, "a = <1>;\n\tb\x1B[31m\n");
  assert_string_equal(writer->text, "a = &#60;1&#62;;\n\tb\\x1B[31m\n");
}

static void test_html_breakable(void **state) {
  struct writer *const writer = *state;
  writer_html_breakable(writer, "tc_count=23,\"<wbr>\"=8, größe=5,");
  assert_string_equal(writer->text, "tc_count=23,<wbr>&#34;&#60;wbr&#62;&#34;=8, größe=5,");
}

static void test_json(void **state) {
  struct writer *const writer = *state;
  const char *const name = "\"\\</script>&\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xA7 2385";
  writer_json(writer, name);
  assert_string_equal(writer->text, "\"\\u0022\\u005c\\u003c/script\\u003e\\u0026\\u2028\\u2029\xE2\x80\xA7 2385\"");
  json_t *const back = json_loads(writer->text, JSON_DECODE_ANY, NULL);
  assert_string_equal(json_string_value(back), name);
  json_decref(back);
}

/* Long texts go in pieces; a character across a border stays whole, at every offset. */
static void test_long_texts(void **state) {
  struct writer *const writer = *state;
  for (size_t offset = 0; offset < 9; offset++) {
    char text[2048];
    memset(text, 'x', offset);
    text[offset] = '\0';
    for (size_t i = 0; i < 290; i++) strcat(text, i % 2 == 0 ? "€" : "\xF0\x9F\x94\xA5");
    writer->length = 0;
    writer_json(writer, text);
    json_t *const back = json_loads(writer->text, JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(back), text);
    json_decref(back);
  }
  char continuation[601]; /* bytes that belong to no character: cut anywhere */
  memset(continuation, 0x80, 600);
  continuation[600] = '\0';
  writer->length = 0;
  writer_html(writer, continuation);
  assert_int_equal(writer->length, 4 * 600);
}

static void test_numbers(void **state) {
  struct writer *const writer = *state;
  writer_json_double(writer, 0.1);
  writer_raw(writer, " ");
  writer_json_double(writer, NAN);
  writer_raw(writer, " ");
  writer_json_double(writer, -0.0);
  assert_string_equal(writer->text, "0.1 null 0");
}

/* Expected texts from the definition of the formats: 1.0f = 0x3F800000, −2.5f = 0xC0200000, NaN = 0x7FC00000. */
static void test_base64(void **state) {
  struct writer *const writer = *state;
  const double numbers[] = {1, -2.5, 1e300};
  const uint32_t words[] = {0x64636261u, 0x00000065u};
  writer_json_f32(writer, numbers, 1);
  writer_json_f32(writer, numbers, 2);
  writer_json_f32(writer, numbers, 3);
  writer_json_f32(writer, numbers, 0);
  writer_json_words(writer, words, 2, 32);
  assert_string_equal(writer->text, "\"AACAPw==\""
                                    "\"AACAPwAAIMA=\""
                                    "\"AACAPwAAIMAAAMB/\""
                                    "\"\""
                                    "\"YWJjZGUAAAA=\"");
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_html),       TEST(test_html_lines), TEST(test_html_breakable), TEST(test_json),
      TEST(test_long_texts), TEST(test_numbers),    TEST(test_base64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

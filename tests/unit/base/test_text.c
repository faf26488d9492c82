/* Are misspelt names recognised, hostile names made harmless, and numbers and quantities read exactly? */
#include "base/text.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"tc_rows", "tc_cols", "clock_mhz", "glb_kib", "a"};

static const char *nearest(const char *word) { return text_nearest(word, names, sizeof names / sizeof names[0]); }

static void suggests_the_nearest_name(void **state) {
  (void)state;
  assert_string_equal(nearest("tc_row"), "tc_rows");
  assert_string_equal(nearest("tc_cosl"), "tc_cols"); /* a swap is one edit */
  assert_string_equal(nearest("TC_ROWS"), "tc_rows");
  assert_string_equal(nearest("clok_mzh_"), "clock_mhz"); /* three edits in nine letters */
  assert_string_equal(nearest("tc_xxws"), "tc_rows");
  assert_null(nearest("tc_xxxs")); /* three in seven are too many */
}

static void suggests_nothing_far_fetched(void **state) {
  (void)state;
  assert_null(nearest("hbm_stacks"));
  assert_null(nearest("b")); /* one edit, but no letter in common */
  assert_null(nearest(""));
  char endless[200];
  memset(endless, 'a', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  assert_null(nearest(endless));
  assert_null(text_nearest("tc_rows", names, 0));
}

static void ties_go_to_the_earlier(void **state) {
  (void)state;
  const char *const pair[] = {"rows_b", "rows_a"};
  assert_string_equal(text_nearest("rows_c", pair, 2), "rows_b");
}

static void expect_escaped(const char *text, size_t room, const char *expected) {
  char out[64];
  memset(out, 'Z', sizeof out);
  text_escape(text, out, room);
  assert_string_equal(out, expected);
  assert_true(strlen(out) < room);
  assert_int_equal(out[room], 'Z');
}

static void escapes_what_a_terminal_would_obey(void **state) {
  (void)state;
  expect_escaped("plain", 6, "plain");
  expect_escaped("\x1b[2J\n\x7f", 40, "\\x1B[2J\\x0A\\x7F");
  expect_escaped("gr\xC3\xB6\xC3\x9F"
                 "e",
                 40,
                 "gr\xC3\xB6\xC3\x9F"
                 "e");
  expect_escaped("\xC2\x9B"
                 "m",
                 40, "\\xC2\\x9Bm"); /* C1 control */
  /* A name that turns what follows it; Hebrew itself stays. */
  expect_escaped("a\xE2\x80\xAEz\xE2\x80\xAC", 60, "a\\xE2\\x80\\xAEz\\xE2\\x80\\xAC");
  expect_escaped("\xE2\x81\xA6 \xE2\x81\xA9 \xD8\x9C \xE2\x80\x8E", 60,
                 "\\xE2\\x81\\xA6 \\xE2\\x81\\xA9 \\xD8\\x9C \\xE2\\x80\\x8E");
  expect_escaped("\xD7\xA9\xD7\x9C \xE2\x80\xA8 \xE2\x80\x8D", 40, "\xD7\xA9\xD7\x9C \xE2\x80\xA8 \xE2\x80\x8D");
  expect_escaped("\xC0\xAF \xED\xA0\x80 \xF5 \xE2\x82", 60, "\\xC0\\xAF \\xED\\xA0\\x80 \\xF5 \\xE2\\x82");
}

static void cuts_with_an_ellipsis(void **state) {
  (void)state;
  expect_escaped("abcdefgh", 8, "abcd\xE2\x80\xA6");
  expect_escaped("abcdefg", 8, "abcdefg");
  expect_escaped("ab\n\n", 9, "ab\xE2\x80\xA6"); /* no half escape */
  expect_escaped("abcdefgh", 4, "\xE2\x80\xA6");
  expect_escaped("abcdefgh", 3, "");
  expect_escaped("x", 1, "");
}

static void tells_utf8(void **state) {
  (void)state;
  assert_true(text_is_utf8(""));
  assert_true(text_is_utf8("\xE2\x9C\x93 \xF0\x9F\x98\x80"));
  assert_false(text_is_utf8("a\xC3("));
  assert_false(text_is_utf8("\xE0\x80\x80"));     /* overlong */
  assert_false(text_is_utf8("\xF4\x90\x80\x80")); /* beyond U+10FFFF */
  assert_false(text_is_utf8("\xED\xBF\xBF"));     /* surrogate */
}

static void doubles_read_back_equal_and_short(void **state) {
  (void)state;
  char text[32];
  text_from_double(0.1, text);
  assert_string_equal(text, "0.1");
  text_from_double(1980, text);
  assert_string_equal(text, "1980");
  const double values[] = {1.0 / 3, 2385.0625e-30, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -7.25};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    text_from_double(values[i], text);
    assert_true(strtod(text, NULL) == values[i]);
  }
}

static void reads_whole_numbers(void **state) {
  (void)state;
  uint64_t value = 7;
  assert_true(text_to_u64("18446744073709551615", &value));
  assert_true(value == UINT64_MAX);
  static const char *const bad[] = {"", "18446744073709551616", "99999999999999999999", "-1", "+1", " 1", "1 ", "0x3"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(text_to_u64(bad[i], &value));
  assert_true(value == UINT64_MAX);
}

static void reads_numbers(void **state) {
  (void)state;
  double value = 7;
  assert_true(text_to_double("-2.385e3", &value));
  assert_true(value == -2385);
  static const char *const bad[] = {"", "nan", "inf", "1e400", "0x1p3", " 1", "1 ", "1e", "1,5", "--1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(text_to_double(bad[i], &value));
}

static void converts_quantities_exactly(void **state) {
  (void)state;
  static const struct {
    const char *text, *unit;
    double expected;
  } cases[] = {
      {"96 GiB", "bytes", 103079215104.0},
      {"96 GiB", "gib", 96},
      {"3 MiB", "kib", 3072},
      {"900 GB/s", "gbytes_per_s", 900},
      {"4.35 MB", "bytes", 4350000},
      {"1.98 GHz", "mhz", 1980},
      {"45 us", "s", 45e-6},
      {"45 \xC2\xB5s", "ns", 45000},
      {"2 h", "s", 7200},
      {"1.5 min", "ms", 90000},
      {"312 TFLOP/s", "tflops_per_s", 312},
      {"312 TFLOPS", "gflops_per_s", 312000},
      {"7 TFLOP", "flops", 7e12},
      {"800 Gbit/s", "gbytes_per_s", 100},
      {"0.7 kW", "w", 700},
      {"3.9 pJ/bit", "pj_per_byte", 0},
      {"3.9 pJ/B", "pj_per_byte", 3.9},
      {"814 mm2", "mm2", 814},
      {"64 B/cycle", "bytes_per_cycle", 64},
      {"12", "whatever", 12},
      {"-1.5e2", "", -150},
      {"1e3 kB", "bytes", 1e6},
      {"17KiB", "bytes", 17408},
      {"5 gib", "mib", 5120},
      {"3 $", "usd", 3},
      {"2.5e-3 J", "uj", 2500},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double value = NAN;
    const bool ok = text_to_quantity(cases[i].text, cases[i].unit, &value);
    if (cases[i].expected == 0) { /* per bit is not per byte */
      assert_false(ok);
      continue;
    }
    if (!ok || value != cases[i].expected)
      fail_msg("%s in %s: %s %.17g", cases[i].text, cases[i].unit, ok ? "gives" : "refused", value);
  }
}

static void refuses_what_is_no_quantity_of_the_unit(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"96 GiB", "s"},
      {"3 GiHz", "hz"},
      {"1 KB", "bytes"},
      {"5 parsec", "s"},
      {"GiB", "gib"},
      {"", "gib"},
      {"1.2.3 s", "s"},
      {"1 s s", "s"},
      {"3 B/s", "bytes"},
      {"3 B", "bytes_per_s"},
      {"3 FLOPS/s", "flops_per_s"},
      {"1e400", "s"},
      {"1e308 Gs", "s"},
      {"3 s", ""},
      {"3 B/", "bytes"},
      {"3 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "s"},
      {"1e99999 s", "s"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double value = 0;
    if (text_to_quantity(cases[i][0], cases[i][1], &value)) fail_msg("\"%s\" in \"%s\"", cases[i][0], cases[i][1]);
  }
}

static void test_unit_shown(void **state) {
  (void)state;
  assert_string_equal(text_unit_shown("mean_throughput_samples_per_s", "1/s"), "samples/s");
  assert_string_equal(text_unit_shown("limits.throughput_floor", "1/s"), "samples/s");
  assert_string_equal(text_unit_shown("throughput_macs_per_s", "1/s"), "MAC/s");
  assert_string_equal(text_unit_shown("jobs_per_s", "1/s"), "jobs/s");
  assert_string_equal(text_unit_shown("throughput_per_tdp", "1/(s W)"), "samples/(s W)");
  assert_string_equal(text_unit_shown("rate", "1/s"), "1/s");
  assert_string_equal(text_unit_shown("throughput_samples_per_s", ""), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(suggests_the_nearest_name),
      cmocka_unit_test(suggests_nothing_far_fetched),
      cmocka_unit_test(ties_go_to_the_earlier),
      cmocka_unit_test(escapes_what_a_terminal_would_obey),
      cmocka_unit_test(cuts_with_an_ellipsis),
      cmocka_unit_test(tells_utf8),
      cmocka_unit_test(doubles_read_back_equal_and_short),
      cmocka_unit_test(reads_whole_numbers),
      cmocka_unit_test(reads_numbers),
      cmocka_unit_test(converts_quantities_exactly),
      cmocka_unit_test(refuses_what_is_no_quantity_of_the_unit),
      cmocka_unit_test(test_unit_shown),
  };
  return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}

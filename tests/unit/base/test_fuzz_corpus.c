/* Do the fuzz targets survive their corpora? The targets abort by themselves when something is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* All targets have the entry point's name that libFuzzer wants. */
#define LLVMFuzzerTestOneInput fuzz_config
#include "tests/fuzz/fuzz_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_csv
#include "tests/fuzz/fuzz_csv.c"
#undef LLVMFuzzerTestOneInput

#define LLVMFuzzerTestOneInput fuzz_expression
#include "tests/fuzz/fuzz_expression.c"
#undef LLVMFuzzerTestOneInput

#include "base/file.h"
#include <dirent.h>
#include <stdio.h>

/* Feeds every file of a folder; returns how many. */
static size_t replay(const char *folder, int (*target)(const uint8_t *, size_t)) {
  DIR *open_folder = opendir(folder);
  assert_non_null(open_folder);
  struct arena arena;
  arena_init(&arena, 1 << 16);
  size_t n_files = 0;
  for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    struct error error = {0};
    char *bytes;
    size_t n;
    assert_true(file_read(arena_printf(&arena, "%s/%s", folder, entry->d_name), 1 << 22, &arena, &bytes, &n, &error));
    assert_int_equal(target((const uint8_t *)bytes, n), 0);
    n_files++;
  }
  closedir(open_folder);
  arena_release(&arena);
  return n_files;
}

static void test_config_corpus(void **state) {
  (void)state;
  assert_true(replay("tests/fuzz/corpus/config", fuzz_config) >= 20);
}

static void test_csv_corpus(void **state) {
  (void)state;
  assert_true(replay("tests/fuzz/corpus/csv", fuzz_csv) >= 10);
}

static void test_expression_corpus(void **state) {
  (void)state;
  assert_true(replay("tests/fuzz/corpus/expression", fuzz_expression) >= 20);
}

/* Short inputs never reach the depth at which a recursive reader falls over. */
static void test_deep_and_long(void **state) {
  (void)state;
  enum { DEEP = 20000 };
  static char text[2 * DEEP + 16];
  static const char marks[] = "({[\"";
  for (size_t k = 0; k < sizeof marks - 1; k++) {
    memcpy(text, "a = ", 4);
    memset(text + 4, marks[k], DEEP);
    assert_int_equal(fuzz_config((const uint8_t *)text, DEEP + 4), 0);
    assert_int_equal(fuzz_csv((const uint8_t *)text, DEEP + 4), 0);
  }
  for (size_t i = 0; i < DEEP; i++) memcpy(text + 2 * i, "a=", 2);
  assert_int_equal(fuzz_config((const uint8_t *)text, 2 * (size_t)DEEP), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_config_corpus),
      cmocka_unit_test(test_csv_corpus),
      cmocka_unit_test(test_expression_corpus),
      cmocka_unit_test(test_deep_and_long),
  };
  return cmocka_run_group_tests_name("base/fuzz_corpus", tests, NULL, NULL);
}

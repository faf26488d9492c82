/* Does every table of operators that once hurt, or was made to, still leave reader and prices unharmed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_op_table.c"
#include "tests/unit/results/folder.h"

static void test_op_table_corpus(void **state) {
  (void)state;
  static const char path[] = "tests/fuzz/corpus/op_table";
  DIR *const list = opendir(path);
  assert_non_null(list);
  struct folder corpus;
  snprintf(corpus.path, sizeof corpus.path, "%s", path);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    static unsigned char bytes[1 << 16];
    const size_t n = folder_read(&corpus, entry->d_name, bytes, sizeof bytes);
    assert_in_range(n, 1, sizeof bytes - 1);
    LLVMFuzzerTestOneInput(bytes, n);
  }
  closedir(list);
  /* The corpus is there, and in the columns of today. */
  print_message("%zu rows priced, %zu refused\n", fuzz_seen.accepted, fuzz_seen.refused);
  assert_true(fuzz_seen.accepted >= 35 && fuzz_seen.refused >= 11);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_op_table_corpus)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

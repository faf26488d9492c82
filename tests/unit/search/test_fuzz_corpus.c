/* Does every input that once hurt, or was made to, still leave the reader of a sweep's folds unharmed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_sweep.c"
#include "tests/unit/results/folder.h"

static void test_sweep_corpus(void **state) {
  (void)state;
  static const char path[] = "tests/fuzz/corpus/sweep";
  DIR *const list = opendir(path);
  assert_non_null(list);
  struct folder corpus;
  snprintf(corpus.path, sizeof corpus.path, "%s", path);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    static unsigned char bytes[FUZZ_MOST_BYTES + 1];
    const size_t n = folder_read(&corpus, entry->d_name, bytes, sizeof bytes);
    assert_in_range(n, 2, FUZZ_MOST_BYTES); /* others are not looked at */
    LLVMFuzzerTestOneInput(bytes, n);
  }
  closedir(list);
  /* The corpus is there, and of the words of today. */
  assert_true(fuzz_seen.accepted >= 12 && fuzz_seen.refused >= 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep_corpus)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

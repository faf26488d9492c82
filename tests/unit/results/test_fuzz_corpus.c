/* Does every input that once hurt, or was made to, still leave the journal's reader unharmed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_journal.c"

static void test_journal_corpus(void **state) {
  (void)state;
  static const char path[] = "tests/fuzz/corpus/journal";
  DIR *const list = opendir(path);
  assert_non_null(list);
  struct folder corpus;
  snprintf(corpus.path, sizeof corpus.path, "%s", path);
  size_t n_inputs = 0;
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    static unsigned char bytes[FUZZ_MAX_BYTES];
    const size_t n = folder_read(&corpus, entry->d_name, bytes, sizeof bytes);
    assert_int_not_equal(n, SIZE_MAX);
    LLVMFuzzerTestOneInput(bytes, n);
    n_inputs++;
  }
  closedir(list);
  /* The corpus is there, of the format of today, and reaches both kinds of rounds. */
  assert_true(n_inputs >= 40);
  assert_true(fuzz_seen.refused >= 20 && fuzz_seen.tasks >= 10 && fuzz_seen.folds >= 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_journal_corpus)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Feeds every file of a fuzzer's corpus to the fuzzer that the test has included before this header. */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include "base/arena.h"
#include "base/file.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many there were. */
static inline size_t replay_corpus(const char *folder) {
  DIR *const list = opendir(folder);
  assert_non_null(list);
  struct arena arena;
  arena_init(&arena, 1 << 16);
  size_t n_inputs = 0;
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    struct error error = {0};
    char *bytes;
    size_t n;
    assert_true(file_read(arena_printf(&arena, "%s/%s", folder, entry->d_name), 1 << 20, &arena, &bytes, &n, &error));
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, n);
    n_inputs++;
  }
  closedir(list);
  arena_release(&arena);
  return n_inputs;
}

#endif

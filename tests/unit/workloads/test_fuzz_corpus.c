/* Does every input that once hurt, or was made to, still leave the graph importer unharmed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/fuzz/fuzz_json_graph.c"
#include "tests/fuzz_corpus.h"
#include <stdio.h>
#include <string.h>

static void test_json_graph_corpus(void **state) {
  (void)state;
  assert_true(replay_corpus("tests/fuzz/corpus/json_graph") >= 12); /* the corpus is there */
}

/* A good graph with single bytes changed, left out, or doubled: every prefix of the trouble a disk can make. */
static void test_mutations(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  char *bytes;
  size_t n;
  assert_true(file_read("tests/fuzz/corpus/json_graph/layer.json", 1 << 20, &arena, &bytes, &n, &error));
  char *const mutant = ARENA_NEW(&arena, char, n + 1);
  static const char replacements[] = "0-9\"[]{},:x\\";
  for (size_t i = 0; i < n; i += 3) {
    memcpy(mutant, bytes, n);
    mutant[i] = replacements[i % (sizeof replacements - 1)];
    LLVMFuzzerTestOneInput((const uint8_t *)mutant, n);
    memmove(mutant + i, bytes + i + 1, n - i - 1);
    LLVMFuzzerTestOneInput((const uint8_t *)mutant, n - 1);
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, i);
  }
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_json_graph_corpus), cmocka_unit_test(test_mutations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

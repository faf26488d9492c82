/* Does every input that once hurt, or was made to, still leave the reader of a sweep's folds unharmed, and every
 * table the readers of spaces, layers, designs, jobs, placements, partitions and shardings? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_sweep
#include "tests/fuzz/fuzz_sweep.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_table_space
#include "tests/fuzz/fuzz_table_space.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_map
#include "tests/fuzz/fuzz_map.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tenancy
#include "tests/fuzz/fuzz_tenancy.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_placement
#include "tests/fuzz/fuzz_placement.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_partition
#include "tests/fuzz/fuzz_partition.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sharding
#include "tests/fuzz/fuzz_sharding.c"
#undef LLVMFuzzerTestOneInput
#include "tests/unit/results/folder.h"

/* Feeds every file of a corpus, each of at least `least` bytes. */
static void replay(const char *path, int (*target)(const uint8_t *, size_t), size_t least) {
  DIR *const list = opendir(path);
  assert_non_null(list);
  struct folder corpus;
  snprintf(corpus.path, sizeof corpus.path, "%s", path);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    static unsigned char bytes[FUZZ_MOST_BYTES + 1];
    const size_t n = folder_read(&corpus, entry->d_name, bytes, sizeof bytes);
    assert_in_range(n, least, FUZZ_MOST_BYTES); /* others are not looked at */
    target(bytes, n);
  }
  closedir(list);
}

static void test_sweep_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/sweep", fuzz_sweep, 2);
  /* The corpus is there, and of the words of today. */
  assert_true(fuzz_seen.accepted >= 12 && fuzz_seen.refused >= 12);
}

static void test_table_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/table_space", fuzz_table_space, 1);
  assert_true(fuzz_tables_seen.accepted >= 6 && fuzz_tables_seen.refused >= 9);
}

static void test_map_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/map", fuzz_map, 1);
  assert_true(fuzz_maps_seen.accepted >= 12 && fuzz_maps_seen.refused >= 40);
}

static void test_tenancy_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/tenancy", fuzz_tenancy, 1);
  assert_true(fuzz_tenancy_seen.accepted >= 17 && fuzz_tenancy_seen.refused >= 16);
  assert_true(fuzz_tenancy_seen.answers >= 13 && fuzz_tenancy_seen.refused_answers >= 3);
  assert_true(fuzz_tenancy_seen.traces >= 1 && fuzz_tenancy_seen.refused_traces >= 2);
}

static void test_placement_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/placement", fuzz_placement, 1);
  assert_true(fuzz_placement_seen.accepted >= 20 && fuzz_placement_seen.refused >= 20);
  assert_true(fuzz_placement_seen.answers >= 12 && fuzz_placement_seen.refused_answers >= 7);
}

static void test_partition_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/partition", fuzz_partition, 1);
  assert_true(fuzz_partition_seen.accepted >= 30 && fuzz_partition_seen.refused >= 26);
  assert_true(fuzz_partition_seen.answers >= 20 && fuzz_partition_seen.refused_answers >= 8);
}

static void test_sharding_corpus(void **state) {
  (void)state;
  replay("tests/fuzz/corpus/sharding", fuzz_sharding, 0);
  assert_true(fuzz_sharding_seen.accepted >= 30 && fuzz_sharding_seen.refused >= 33);
  assert_true(fuzz_sharding_seen.answers >= 9 && fuzz_sharding_seen.refused_answers >= 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep_corpus),     cmocka_unit_test(test_table_corpus),
                                     cmocka_unit_test(test_map_corpus),       cmocka_unit_test(test_tenancy_corpus),
                                     cmocka_unit_test(test_placement_corpus), cmocka_unit_test(test_sharding_corpus),
                                     cmocka_unit_test(test_partition_corpus)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What does the cluster do with one rank? Holds for cluster/serial.c and for cluster/mpi.c run without a launcher. */
#include "cluster/cluster.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct record {
  uint64_t square;
  uint8_t low; /* seven bytes of padding follow, which must come back zero */
};

struct calls {
  size_t n, last;
  bool in_order;
};

static void square(void *context, size_t index, void *record) {
  struct calls *const calls = context;
  struct record *const into = record;
  calls->in_order = calls->in_order && (calls->n == 0 || index == calls->last + 1);
  calls->last = index;
  calls->n++;
  into->square = (uint64_t)index * index;
  into->low = (uint8_t)(index + 23);
}

static struct cluster *start(void) {
  /* As a user's shell would: whatever launcher runs the test suite, this process is alone. */
  static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++) unsetenv(launchers[i]);
  struct error *const error = calloc(1, sizeof *error);
  assert_non_null(error);
  int argc = 0;
  char **argv = NULL;
  struct cluster *const cluster = cluster_start(&argc, &argv, error);
  assert_non_null(cluster);
  assert_false(error_is_set(error));
  free(error);
  return cluster;
}

static void alone(void **state) {
  (void)state;
  struct cluster *const cluster = start();
  assert_int_equal(cluster_rank(cluster), 0);
  assert_int_equal(cluster_size(cluster), 1);
  assert_true(cluster_any(cluster, true));
  assert_false(cluster_any(cluster, false));
  char text[] = "2385";
  cluster_broadcast(cluster, text, sizeof text);
  assert_string_equal(text, "2385");
  struct error *const error = calloc(1, sizeof *error);
  assert_non_null(error);
  assert_true(cluster_agree(cluster, error));
  error_add(error, STATUS_INPUT, "run.cfg:7: space: empty");
  assert_false(cluster_agree(cluster, error));
  assert_int_equal(error->status, STATUS_INPUT);
  assert_string_equal(error->text, "run.cfg:7: space: empty\n");
  free(error);
  cluster_finish(cluster);
}

static void map_in_order(void **state) {
  (void)state;
  enum { N = 77 };
  struct cluster *const cluster = start();
  struct error *const error = calloc(1, sizeof *error);
  struct record *const records = malloc((N + 1) * sizeof *records);
  assert_non_null(error);
  assert_non_null(records);
  memset(records, 0xA5, (N + 1) * sizeof *records);
  struct calls calls = {.in_order = true};
  struct cluster_tasks tasks = {N, sizeof *records, square, NULL, &calls};
  assert_int_equal(cluster_map(cluster, &tasks, records, error), CLUSTER_DONE);
  assert_int_equal(calls.n, N);
  assert_true(calls.in_order);
  struct record expected;
  for (size_t i = 0; i < N; i++) {
    memset(&expected, 0, sizeof expected);
    expected.square = i * i;
    expected.low = (uint8_t)(i + 23);
    assert_memory_equal(&records[i], &expected, sizeof expected);
  }
  memset(&expected, 0xA5, sizeof expected);
  assert_memory_equal(&records[N], &expected, sizeof expected);

  tasks.n_tasks = 0;
  assert_int_equal(cluster_map(cluster, &tasks, NULL, error), CLUSTER_DONE);
  assert_int_equal(calls.n, N);
  tasks.n_tasks = N;
  error_add(error, STATUS_ENVIRONMENT, "disk full");
  assert_int_equal(cluster_map(cluster, &tasks, records, error), CLUSTER_FAILED);
  assert_int_equal(calls.n, N);

  struct cluster_timing timing;
  cluster_timing(cluster, &timing);
  assert_int_equal(timing.n_tasks, N);
  assert_true(timing.evaluating_s >= 0 && timing.waiting_s >= 0);
  free(error);
  free(records);
  cluster_finish(cluster);
}

struct sum {
  uint64_t words[3]; /* blocks, indices, total */
  uint64_t block;
};

static void clear_sum(void *context) { memset(context, 0, sizeof((struct sum *)context)->words); }

static void add_block(void *context, uint64_t first, uint64_t end) {
  struct sum *const sum = context;
  assert_int_equal(first % sum->block, 0);
  assert_true(end > first && end - first <= sum->block);
  sum->words[0]++;
  for (uint64_t i = first; i < end; i++) sum->words[1]++, sum->words[2] += i;
}

static const uint64_t *pack_sum(void *context, size_t *n_words) {
  *n_words = 3;
  return ((struct sum *)context)->words;
}

static void merge_sum(void *context, const uint64_t *words, size_t n_words) {
  for (size_t i = 0; i < n_words; i++) ((struct sum *)context)->words[i] += words[i];
}

static bool after_seven_blocks(void *context) { return ((struct sum *)context)->words[0] == 7; }

static void fold_in_blocks(void **state) {
  (void)state;
  struct cluster *const cluster = start();
  struct error *const error = calloc(1, sizeof *error);
  assert_non_null(error);
  struct sum sum = {.words = {2385}, .block = 97};
  struct cluster_blocks blocks = {1001, 97, clear_sum, add_block, pack_sum, merge_sum, NULL, &sum};
  assert_int_equal(cluster_fold(cluster, &blocks, error), CLUSTER_DONE);
  assert_int_equal(sum.words[0], 11);
  assert_int_equal(sum.words[1], 1001);
  assert_int_equal(sum.words[2], 1000 * 1001 / 2);
  blocks.interrupted = after_seven_blocks;
  assert_int_equal(cluster_fold(cluster, &blocks, error), CLUSTER_DROPPED);
  assert_int_equal(sum.words[0], 7);
  blocks.interrupted = NULL;
  /* An empty range, one block that is not full, and one whose end plus a block would wrap. */
  blocks.n = 0;
  assert_int_equal(cluster_fold(cluster, &blocks, error), CLUSTER_DONE);
  assert_int_equal(sum.words[0], 0);
  blocks.n = 5;
  blocks.block = sum.block = UINT64_MAX - 2;
  assert_int_equal(cluster_fold(cluster, &blocks, error), CLUSTER_DONE);
  assert_int_equal(sum.words[0], 1);
  assert_int_equal(sum.words[2], 10);
  error_add(error, STATUS_INPUT, "no space");
  assert_int_equal(cluster_fold(cluster, &blocks, error), CLUSTER_FAILED);
  assert_int_equal(sum.words[0], 1);
  free(error);
  cluster_finish(cluster);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alone),
      cmocka_unit_test(map_in_order),
      cmocka_unit_test(fold_in_blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

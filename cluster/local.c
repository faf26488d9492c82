/* How are tasks evaluated by one rank alone?
 *
 * Source: none; the loops that every distribution must agree with byte for byte. Left out: everything about others
 * (mpi.c). */
#include "cluster/local.h"
#include "base/checked.h"
#include <string.h>
#include <time.h>

double local_now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

size_t local_check_tasks(const struct cluster_tasks *tasks) {
  uint64_t n_bytes;
  REQUIRE(tasks->task != NULL);
  REQUIRE(tasks->record_bytes > 0 && tasks->record_bytes <= CLUSTER_MAX_RECORD_BYTES);
  REQUIRE(checked_mul(tasks->n_tasks, tasks->record_bytes, &n_bytes));
  return n_bytes;
}

size_t local_check_blocks(const struct cluster_blocks *blocks) {
  REQUIRE(blocks->fold != NULL && blocks->merge != NULL);
  REQUIRE(blocks->block > 0 && blocks->accumulator_bytes > 0);
  return ceil_div(blocks->n, blocks->block);
}

void local_run_task(const struct cluster_tasks *tasks, size_t index, void *records) {
  tasks->task(tasks->context, index, (char *)records + index * tasks->record_bytes);
}

void local_run_block(const struct cluster_blocks *blocks, size_t index, void *accumulator) {
  const uint64_t first = index * blocks->block;
  const uint64_t n = min_u64(blocks->block, blocks->n - first); /* first + block may wrap, first + n does not */
  blocks->fold(blocks->context, first, first + n, accumulator);
}

bool local_map(const struct cluster_tasks *tasks, void *records, struct cluster_timing *timing, struct error *error) {
  const size_t n_bytes = local_check_tasks(tasks);
  if (error_is_set(error)) return false;
  const double start_s = local_now_s();
  if (n_bytes > 0) memset(records, 0, n_bytes);
  for (size_t i = 0; i < tasks->n_tasks; i++) local_run_task(tasks, i, records);
  timing->evaluating_s += local_now_s() - start_s;
  timing->n_tasks += tasks->n_tasks;
  return true;
}

bool local_fold(const struct cluster_blocks *blocks, void *accumulator, struct cluster_timing *timing,
                struct error *error) {
  const size_t n_blocks = local_check_blocks(blocks);
  if (error_is_set(error)) return false;
  const double start_s = local_now_s();
  for (size_t i = 0; i < n_blocks; i++) local_run_block(blocks, i, accumulator);
  timing->evaluating_s += local_now_s() - start_s;
  timing->n_tasks += n_blocks;
  return true;
}

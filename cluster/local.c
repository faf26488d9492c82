/* How are tasks evaluated by one rank alone?
 *
 * Source: none; the loops that every distribution must agree with byte for byte. Left out: everything about others
 * (mpi.c). */
#include "cluster/local.h"
#include "base/checked.h"
#include "base/clock.h"
#include <string.h>
#include <sys/resource.h>

size_t local_check_tasks(const struct cluster_tasks *tasks) {
  uint64_t n_bytes;
  REQUIRE(tasks->task != NULL);
  REQUIRE(tasks->record_bytes > 0 && tasks->record_bytes <= CLUSTER_MAX_RECORD_BYTES);
  REQUIRE(checked_mul(tasks->n_tasks, tasks->record_bytes, &n_bytes));
  return n_bytes;
}

size_t local_check_blocks(const struct cluster_blocks *blocks) {
  REQUIRE(blocks->clear != NULL && blocks->fold != NULL && blocks->pack != NULL && blocks->merge != NULL);
  REQUIRE(blocks->block > 0);
  return ceil_div(blocks->n, blocks->block);
}

/* Whole octaves from the number's length, quarters by comparison: no logarithm on the way. */
static size_t duration_bucket(double seconds) {
  const double ns = seconds * 1e9;
  if (!(ns >= 1)) return 0;
  if (ns >= 0x1p39) return CLUSTER_DURATION_BUCKETS - 1;
  const unsigned octave = 63 - (unsigned)__builtin_clzll((unsigned long long)ns);
  const double within = ns / (double)(UINT64_C(1) << octave);
  return 4 * octave + (within >= 1.189207115002721) + (within >= 1.4142135623730951) + (within >= 1.681792830507429);
}

static void note_duration(const struct local_work *work, struct local_times *times, double seconds) {
  const size_t bucket = duration_bucket(seconds);
  if (work->tasks != NULL) {
    times->durations.tasks[bucket].n++;
    times->durations.tasks[bucket].seconds += seconds;
  } else {
    times->durations.blocks[bucket].n++;
    times->durations.blocks[bucket].seconds += seconds;
  }
}

static bool is_interrupted(const struct local_work *work) {
  if (work->tasks != NULL) return work->tasks->interrupted != NULL && work->tasks->interrupted(work->tasks->context);
  return work->blocks->interrupted != NULL && work->blocks->interrupted(work->blocks->context);
}

static void run_one(const struct local_work *work, uint64_t index) {
  if (work->tasks != NULL) {
    void *const record = (char *)work->records + index * work->tasks->record_bytes;
    work->tasks->task(work->tasks->context, index, record);
    return;
  }
  const struct cluster_blocks *const blocks = work->blocks;
  const uint64_t first = index * blocks->block;
  const uint64_t n = min_u64(blocks->block, blocks->n - first); /* first + block may wrap, first + n does not */
  blocks->fold(blocks->context, first, first + n);
}

uint64_t local_run(const struct local_work *work, uint64_t first, uint64_t n, struct local_times *times,
                   void (*between)(void *context, double now_s), void *between_context) {
  const double start_s = clock_wall_s();
  double now_s = start_s;
  uint64_t done = 0;
  for (; done < n && !is_interrupted(work); done++) {
    run_one(work, first + done);
    const double end_s = clock_wall_s();
    note_duration(work, times, end_s - now_s);
    now_s = end_s;
    if (between == NULL) continue;
    between(between_context, end_s);
    now_s = clock_wall_s(); /* others' time is not the next task's */
  }
  times->timing.evaluating_s += clock_wall_s() - start_s;
  times->timing.n_tasks += done;
  return done;
}

struct cluster_timing local_timing(const struct local_times *times) {
  struct cluster_timing timing = times->timing;
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) timing.peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
  return timing;
}

enum cluster_end local_map(const struct cluster_tasks *tasks, void *records, struct local_times *times,
                           struct error *error) {
  const size_t n_bytes = local_check_tasks(tasks);
  if (error_is_set(error)) return CLUSTER_FAILED;
  if (n_bytes > 0) memset(records, 0, n_bytes);
  const struct local_work work = {.n = tasks->n_tasks, .tasks = tasks, .records = records};
  return local_run(&work, 0, work.n, times, NULL, NULL) == work.n ? CLUSTER_DONE : CLUSTER_DROPPED;
}

enum cluster_end local_fold(const struct cluster_blocks *blocks, struct local_times *times, struct error *error) {
  const struct local_work work = {.n = local_check_blocks(blocks), .blocks = blocks};
  if (error_is_set(error)) return CLUSTER_FAILED;
  blocks->clear(blocks->context);
  return local_run(&work, 0, work.n, times, NULL, NULL) == work.n ? CLUSTER_DONE : CLUSTER_DROPPED;
}

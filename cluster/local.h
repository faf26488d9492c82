/* What one rank does alone: the whole of cluster_map and cluster_fold where there is nobody else, and their checks. */
#ifndef CLUSTER_LOCAL_H
#define CLUSTER_LOCAL_H

#include "cluster/cluster.h"

/* What a rank remembers of its work. */
struct local_times {
  struct cluster_timing timing;
  struct cluster_durations durations;
};

/* Stops at wrong arguments (a bug of the caller). Returns the bytes of all records. */
size_t local_check_tasks(const struct cluster_tasks *tasks);
/* Returns the number of blocks. */
size_t local_check_blocks(const struct cluster_blocks *blocks);

/* Tasks or blocks 0 … n − 1 as one kind of work, each run once on some rank. */
struct local_work {
  uint64_t n;
  const struct cluster_tasks *tasks;   /* NULL: blocks */
  const struct cluster_blocks *blocks; /* NULL: tasks */
  void *records;                       /* of the tasks */
};
/* Runs first … first + n − 1 and adds to *times. `between` is called after each with the time now, NULL: nobody to look
 * after. Returns how many were run: less than n only if this rank was interrupted. */
uint64_t local_run(const struct local_work *work, uint64_t first, uint64_t n, struct local_times *times,
                   void (*between)(void *context, double now_s), void *between_context);

/* The timing so far, with this process's memory. */
struct cluster_timing local_timing(const struct local_times *times);

/* Everything on this rank. */
enum cluster_end local_map(const struct cluster_tasks *tasks, void *records, struct local_times *times,
                           struct error *error);
enum cluster_end local_fold(const struct cluster_blocks *blocks, struct local_times *times, struct error *error);

#endif

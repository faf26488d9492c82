/* What one rank does alone: the whole of cluster_map and cluster_fold where there is nobody else, and their checks. */
#ifndef CLUSTER_LOCAL_H
#define CLUSTER_LOCAL_H

#include "cluster/cluster.h"

/* Seconds of a clock that never goes back; for time limits and reports, never for answers. */
double local_now_s(void);

/* Stops at wrong arguments (a bug of the caller). Returns the bytes of all records. */
size_t local_check_tasks(const struct cluster_tasks *tasks);
/* Returns the number of blocks. */
size_t local_check_blocks(const struct cluster_blocks *blocks);

/* Task or block `index` alone. */
void local_run_task(const struct cluster_tasks *tasks, size_t index, void *records);
void local_run_block(const struct cluster_blocks *blocks, size_t index, void *accumulator);

/* Everything on this rank; adds to *timing. */
bool local_map(const struct cluster_tasks *tasks, void *records, struct cluster_timing *timing, struct error *error);
bool local_fold(const struct cluster_blocks *blocks, void *accumulator, struct cluster_timing *timing,
                struct error *error);

#endif

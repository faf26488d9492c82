/* What is the cluster where there is no MPI? One rank, this process.
 *
 * Source: none. Left out: all that mpi.c does; a build holds one of the two (MPI=yes|no). */
#include "cluster/cluster.h"
#include "cluster/local.h"
#include <stdlib.h>

struct cluster {
  struct local_times times;
};

struct cluster *cluster_start(int *argc, char ***argv, struct error *error) {
  (void)argc;
  (void)argv;
  struct cluster *const cluster = calloc(1, sizeof *cluster);
  if (cluster == NULL) error_add(error, STATUS_ENVIRONMENT, "no memory for the cluster of one rank");
  return cluster;
}

void cluster_finish(struct cluster *cluster) { free(cluster); }

_Noreturn void cluster_abort(struct cluster *cluster, enum status status) {
  (void)cluster;
  exit((int)status);
}

unsigned cluster_rank(const struct cluster *cluster) {
  (void)cluster;
  return 0;
}

unsigned cluster_size(const struct cluster *cluster) {
  (void)cluster;
  return 1;
}

void cluster_broadcast(struct cluster *cluster, void *bytes, size_t n) {
  (void)cluster;
  (void)bytes;
  (void)n;
}

bool cluster_agree(struct cluster *cluster, struct error *error) {
  (void)cluster;
  return !error_is_set(error);
}

bool cluster_any(struct cluster *cluster, bool mine) {
  (void)cluster;
  return mine;
}

enum cluster_end cluster_map(struct cluster *cluster, const struct cluster_tasks *tasks, void *records,
                             struct error *error) {
  return local_map(tasks, records, &cluster->times, error);
}

enum cluster_end cluster_fold(struct cluster *cluster, const struct cluster_blocks *blocks, struct error *error) {
  return local_fold(blocks, &cluster->times, error);
}

void cluster_timing(struct cluster *cluster, struct cluster_timing *timing) { *timing = local_timing(&cluster->times); }

void cluster_durations(struct cluster *cluster, struct cluster_durations *durations) {
  *durations = cluster->times.durations;
}

const char *cluster_library(void) { return "none"; }

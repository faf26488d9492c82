/* See on_ranks.h. */
#include "dse/run/on_ranks.h"

struct watched {
  const struct rounds *rounds;
  const struct rank_work *work;
};

static void do_task(void *context, size_t index, void *record) {
  const struct rank_work *const work = ((const struct watched *)context)->work;
  work->task(work->context, index, record);
}

static bool is_interrupted(void *context) {
  const struct rounds *const rounds = ((const struct watched *)context)->rounds;
  return rounds->interrupted != NULL && rounds->interrupted(rounds->stop_context);
}

bool on_ranks(struct run *run, const struct rank_work *work, void *records, struct error *error) {
  struct rounds *const rounds = &run->rounds;
  struct watched watched = {rounds, work};
  if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
  rounds->stopped = cluster_any(rounds->cluster, rounds->stop != NULL && rounds->stop(rounds->stop_context));
  if (rounds->stopped) return false;
  const struct cluster_tasks tasks = {.n_tasks = work->n,
                                      .record_bytes = work->record_bytes,
                                      .task = do_task,
                                      .interrupted = is_interrupted,
                                      .context = &watched};
  const enum cluster_end end = cluster_map(rounds->cluster, &tasks, records, error);
  rounds->stopped = end == CLUSTER_DROPPED;
  return end == CLUSTER_DONE;
}

/* What would a move cost? One schedule held along virtual time, and moves tried against it.
 *
 * A move exchanges two runs of jobs: between the queues of two cores, or within one. That covers a job that goes
 * elsewhere (one run is empty), two jobs that change places, and the exchange of two tails. The schedule is kept as the
 * profile of the bandwidth needed (an event per end of a job, with the integrals up to there), so that a trial restarts
 * where the first of its jobs begins, merges only the two changed queues against the events of all others, stops as
 * soon as the answer is worse than allowed, and takes the rest from the stored integrals once the changed queues are
 * aligned again with the old ones (tenancy §3, "Incremental"). Costs are whole numbers and equal tenancy_evaluate in
 * every bit. Leaves out dependencies, releases and other sharing rules, as the closed form does. */
#ifndef SEARCH_TENANCY_TENANCY_MOVE_H
#define SEARCH_TENANCY_TENANCY_MOVE_H

#include "search/tenancy/tenancy.h"

/* The jobs at place[s] … place[s] + count[s] − 1 of core[s] change sides, in their order, s = 0, 1. A place may be one
 * behind the last job if the count is 0. On one core: place[0] + count[0] ≤ place[1]. */
struct tenancy_move {
  uint32_t core[2], place[2], count[2];
};

struct tenancy_cell {
  uint64_t length, need; /* cycles; 2⁻³² B/cycle. Length 0: cannot run */
};

/* What is known at an event of the profile, once it is over. */
struct tenancy_checkpoint {
  uint64_t need;              /* of all running jobs together, R */
  tenancy_cost excess, waste; /* ∫ (R − B)⁺ and ∫ (B − R)⁺ up to here */
};

/* The events of one changed queue, from its first changed place on. */
struct tenancy_branch {
  uint64_t *time;                /* closed by UINT64_MAX */
  int64_t *delta;                /* what R changes by, but for the first job's need, which `first` has */
  uint64_t start, first, before; /* when it changes, the need there now, and that of the accepted schedule */
  uint64_t join;                 /* from when on it equals the accepted queue; UINT64_MAX: never */
  uint32_t core;
};

struct tenancy_timeline {
  const struct tenancy_problem *problem;
  const struct tenancy_cell *cells; /* [n_jobs * n_groups] */
  /* The queues, `stride` places for each core. */
  size_t stride;
  uint32_t *n_queued;           /* [n_cores] */
  uint32_t *job;                /* [n_cores * stride] */
  uint64_t *end;                /* when the job ends, in τ */
  uint64_t *need;               /* 0 behind the last one */
  uint32_t *core_of, *place_of; /* [n_jobs] */
  /* The profile: entry 0 is the start, then an entry per job by time, closed by UINT64_MAX. */
  uint64_t *time;
  int64_t *delta;
  uint32_t *core;
  struct tenancy_checkpoint *at;
  /* Of the accepted schedule. */
  tenancy_cost cost, bytes, alone; /* makespan × B; Σ bytes; Σ what each job exceeds the bandwidth by when alone */
  uint32_t fullest[3];             /* cores of the largest loads, descending */
  /* Of the last trial. */
  struct tenancy_move tried;
  tenancy_cost tried_cost, tried_bytes, tried_alone;
  struct tenancy_branch branch[2];
  /* Room for a commitment. */
  uint32_t *jobs, *spare_core;
  uint64_t *spare_time;
  int64_t *spare_delta;
};

/* All memory from the arena; nothing is allocated later. */
void tenancy_timeline_init(struct tenancy_timeline *timeline, const struct tenancy_problem *problem,
                           struct arena *arena);
/* Starts from these queues, whose jobs can run where they are. */
void tenancy_timeline_set(struct tenancy_timeline *timeline, const struct tenancy_queues *queues);
void tenancy_timeline_get(const struct tenancy_timeline *timeline, struct tenancy_queues *queues);
/* True if the schedule after the move costs at most `most`; then tried_cost has the cost. The schedule stays as it is.
 * False also if a job cannot run where the move puts it. */
bool tenancy_timeline_try(struct tenancy_timeline *timeline, const struct tenancy_move *move, tenancy_cost most);
/* Makes the last move that was tried, which must have been allowed, the accepted schedule. */
void tenancy_timeline_take(struct tenancy_timeline *timeline);

static inline uint64_t tenancy_timeline_load(const struct tenancy_timeline *timeline, size_t core) {
  const uint32_t n = timeline->n_queued[core];
  return n == 0 ? 0 : timeline->end[core * timeline->stride + n - 1];
}
static inline const struct tenancy_cell *tenancy_timeline_cell(const struct tenancy_timeline *timeline, size_t job,
                                                               size_t core) {
  return &timeline->cells[job * timeline->problem->n_groups + timeline->problem->group_of[core]];
}

#endif

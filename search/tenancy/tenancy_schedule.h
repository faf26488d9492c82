/* When does every job end if the closed form does not hold?
 *
 * Jobs that wait for others (tenancy §12): a core takes the first released job of its queue, or waits; or, strict, the
 * next one, whatever may come. Under proportional sharing virtual time still fixes the schedule, so events are whole
 * numbers and the makespan is as exact as tenancy_evaluate's. With arrivals in real time, or another rule of sharing,
 * events are walked through in real time, in doubles. Room is taken once: nothing is allocated in a run. Shares no code
 * with the judge. */
#ifndef SEARCH_TENANCY_TENANCY_SCHEDULE_H
#define SEARCH_TENANCY_TENANCY_SCHEDULE_H

#include "search/tenancy/tenancy.h"

struct tenancy_schedule {
  const struct tenancy_problem *problem;
  bool real_time; /* else virtual */
  /* What came of the last run. */
  tenancy_cost cost; /* the makespan; of real time, to the next whole step below */
  double makespan_cycles;
  double *start_cycles, *end_cycles; /* [n_jobs]; start: of real time alone */
  uint32_t n_ended;                  /* less than n_jobs: the rest wait for each other */
  /* Of real time: what runs is left behind at this time (live, job, left); INFINITY: to the end. What is left of the
   * jobs that run at the start, each the first of its queue [n_cores]; NULL: nothing runs. */
  double stop_cycles;
  const double *left_first; /* 0: nothing runs on the core */
  /* Room. */
  uint32_t *place_of, *core_of, *n_waits, *succ_start, *succs, *arrivals;
  uint64_t *ready; /* a bit a place: released and not begun */
  uint32_t n_arrived;
  const struct tenancy_queues *queues;
  uint32_t next[TENANCY_MAX_CORES]; /* no place before it can begin any more; strict: the next one */
  uint32_t job[TENANCY_MAX_CORES];
  bool live[TENANCY_MAX_CORES];
  uint64_t end[TENANCY_MAX_CORES], need[TENANCY_MAX_CORES];                           /* in virtual time */
  double left[TENANCY_MAX_CORES], rate[TENANCY_MAX_CORES], queued[TENANCY_MAX_CORES]; /* in real time; cycles */
};

void tenancy_schedule_init(struct tenancy_schedule *schedule, const struct tenancy_problem *problem,
                           struct arena *arena);
/* False if some jobs wait for each other: only where queues are strict. */
bool tenancy_schedule_run(struct tenancy_schedule *schedule, const struct tenancy_queues *queues);
/* Is tenancy_evaluate's closed form enough for the makespan? */
bool tenancy_is_plain(const struct tenancy_problem *problem);

/* Jobs so that each comes behind all that it waits for, among those that are free that of the least key first, of equal
 * ones the lower number. */
void tenancy_order_by(const struct tenancy_problem *problem, const double *key, struct arena *scratch, uint32_t *order);
/* The earliest that every job can end, whatever the others do: behind its release and the longest path to it, each job
 * as short as on its best core with all the bandwidth [n_jobs]. Lowered by what rounding could have added. */
void tenancy_earliest_ends(const struct tenancy_problem *problem, struct arena *scratch, double *end_cycles);

#endif

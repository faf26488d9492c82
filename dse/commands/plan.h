/* What a run would be: begun in memory, watched for a while, and extrapolated. */
#ifndef DSE_PLAN_H
#define DSE_PLAN_H

#include "dse/explore.h"

/* What comes in a run, one after the other. */
enum plan_part { PLAN_SEARCH, PLAN_PROOF, PLAN_STAGES, PLAN_TENANTS, PLAN_IMPORTANCE, N_PLAN_PARTS };
extern const char *const plan_part_names[N_PLAN_PARTS];

/* Core-seconds, and between which they lie. */
struct plan_seconds {
  double likely, low, high;
};

struct plan {
  struct run *run;
  double prepared_s, begun_s;   /* core-seconds until the problem was made; clock when the trial or a taste began */
  double limit_s, begun_core_s; /* of it: core-seconds that it may take; when it began */
  double trial_core_s;
  double ended_s; /* core-seconds at the trial's end */
  bool ended;
  const char *phase;        /* where the trial ended; NULL: it has ended by itself */
  const char *watched;      /* the phase under way */
  double phase_core_s;      /* processor time when the phase began */
  uint64_t n_done, n_total; /* of what the phase counts, at the last look; 0, 0: nothing */
  uint64_t phase_tasks;     /* tasks and blocks that were done when it began; of one rank */
  double evaluating_s;      /* of the trial, in tasks, of the rank that is asked */
  uint64_t n_tasks;
  uint64_t screened, allowed, reasons[N_REASONS];
  /* Of those screened, which are open for the front when their turn comes; likewise of the first half. */
  uint64_t may_join, may_join_half, screened_half;
  double screening_s;
  double n_bounded;                       /* boxes of branch and bound, each time; 0: not looked at */
  struct plan_seconds part[N_PLAN_PARTS]; /* what is left of each */
  uint64_t points, evaluations_max, evaluations, rounds, bytes_per_rank, bytes_disk;
  struct plan_seconds core;
  const char *unknown; /* why nobody can know; NULL */
  unsigned ranks;
};

/* Tries the run, then, as far as they are not reached, a taste of each later part. Collective. */
bool plan_forecast(struct plan *plan, struct error *error);

#endif

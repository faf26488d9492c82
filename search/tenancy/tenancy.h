/* Which job on which core, and in which order, when all share one memory bandwidth?
 *
 * Many independent jobs (layers of several networks) wait for a platform of cores. Each core runs its queue, one job
 * at a time, back to back. As long as the running jobs together need more than the bandwidth B, all slow down by one
 * factor. (Multi-tenant mapping, tenancy §2; the statement of G#/MAGMA, Kao and Krishna, arXiv 2104.13997.) Knows
 * neither layers nor hardware: a table of latencies and bandwidths, from anywhere.
 *
 * All live jobs run at speed min(1, B/R), R the bandwidth that they need together. In virtual time τ, each core's own
 * sum of latencies, the schedule is fixed by the queues alone, so (tenancy §3)
 *   makespan = ∫ max(1, R(τ)/B) dτ = τ_max + X,  X = ∫ (R(τ)/B − 1)⁺ dτ,  τ_max the largest load.
 * Bandwidths are held as whole multiples of 2⁻³² B/cycle (finer ones where B is below 1), so that this is a whole
 * number: sums become free of order, and an incremental evaluation equals a full one to the last bit. What is shown to
 * people comes from the judge. */
#ifndef SEARCH_TENANCY_TENANCY_H
#define SEARCH_TENANCY_TENANCY_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TENANCY_MAX_CORES = 256, TENANCY_MAX_JOBS = 1 << 20, TENANCY_MAX_ROWS = 1 << 22 };

/* Sums lie below these: costs then fit, whatever the answer. */
#define TENANCY_END_CYCLES (UINT64_C(1) << 55)  /* the longest latencies of all jobs together */
#define TENANCY_END_BYTES_PER_CYCLE 536870912.0 /* 2^29; what all cores may need at once */

/* Who gets how much when the running jobs need more than there is (tenancy §12). */
enum tenancy_allocation {
  TENANCY_PROPORTIONAL, /* every job slows down by the same factor: the published rule, and the only one that the closed
                           form holds for */
  TENANCY_MAXMIN,       /* small needs are met first (water-filling) */
  TENANCY_CRITICAL,     /* the core with most work left first, decided anew at every end and every arrival of a job */
  TENANCY_WEIGHTED,     /* water-filling by the jobs' weights */
  TENANCY_N_ALLOCATIONS,
};
extern const char *const tenancy_allocation_names[]; /* closed by NULL */

/* A makespan times the bandwidth: cycles × the step of bandwidths. A total order; divide by scaled_bandwidth. */
__extension__ typedef unsigned __int128 tenancy_cost;

struct tenancy_goal;

/* A job on a core, as the closed form wants it: 16 bytes side by side. */
struct tenancy_run {
  uint64_t latency_cycles, scaled;
};

struct tenancy_problem {
  const char *name;
  size_t n_jobs, n_cores;
  double bandwidth_bytes_per_cycle;   /* B > 0, finite */
  enum tenancy_allocation allocation; /* the judge's; the closed form always shares in proportion */
  bool strict;                        /* no job of a queue may be skipped because it waits (tenancy §12) */
  /* [n_jobs * n_cores], a row a job. Latency without stall; 0: the job cannot run there (then the others are 0). */
  const uint64_t *latency_cycles;
  const double *bytes_per_cycle; /* needed to run without stall; finite, ≥ 0 */
  const double *energy_nj;       /* of the run; NULL: unknown */
  const uint64_t *macs;          /* [n_jobs]; NULL: unknown */
  const uint64_t *arrival;       /* [n_jobs] place in the order of arrival (orig_row); NULL: the job's number */
  /* All of these [n_jobs] or NULL. */
  const uint64_t *release_cycles, *deadline_cycles; /* UINT64_MAX: no deadline */
  const double *weight;
  const uint32_t *tenant; /* < n_tenants */
  size_t n_tenants;
  const char *const *tenants; /* names */
  /* What must end before: predecessors in compressed rows ([n_jobs + 1] starts); NULL: independent jobs. */
  const uint32_t *pred_start, *preds;
  const char *const *core_styles; /* [n_cores], "dla", "shi", …; NULL: unknown */
  const uint64_t *core_pes;       /* [n_cores]; NULL: unknown */

  /* Derived by tenancy_finish. */
  uint64_t scaled_bandwidth;      /* B in 2⁻³² B/cycle (a finer power of two if B < 1), ≥ 1, < 2^61 */
  const uint64_t *scaled;         /* [n_jobs * n_cores] bytes_per_cycle likewise, rounded to nearest */
  const struct tenancy_run *runs; /* [n_cores * n_jobs], a row a core */
  size_t n_groups;                /* of cores with equal columns (latency, bandwidth, energy), numbered by first core */
  const uint32_t *group_of;       /* [n_cores] */
  const uint32_t *group_size;     /* [n_groups] */
  size_t n_classes;               /* of jobs with equal rows, numbered by first job */
  const uint32_t *class_of;       /* [n_jobs] */

  /* What tenancy_evaluate counts instead of the closed form; NULL: the makespan, all jobs there from the beginning.
   * Holds room that an evaluation writes to. See tenancy_goal.h. */
  struct tenancy_goal *goal;
};

/* Checks the statement (sizes, finite numbers, every job has a core, sums that fit) and derives the rest into the
 * arena. Messages name the job or the core; false with STATUS_INPUT. */
bool tenancy_finish(struct tenancy_problem *problem, struct arena *arena, struct error *error);
/* A part of it: can every job start some time? `file`: who said so, for the message, which names a circle. */
bool tenancy_check_order(const struct tenancy_problem *problem, const char *file, struct arena *arena,
                         struct error *error);

static inline size_t tenancy_at(const struct tenancy_problem *problem, size_t job, size_t core) {
  return job * problem->n_cores + core;
}
static inline bool tenancy_can_run(const struct tenancy_problem *problem, size_t job, size_t core) {
  return problem->latency_cycles[tenancy_at(problem, job, core)] != 0;
}

/* An answer as people write it: lower priority starts first on its core, equal priorities: the lower job first. */
struct tenancy_answer {
  uint32_t *core;   /* [n_jobs] */
  double *priority; /* [n_jobs], finite */
};
/* The same as queues, what a search works on: the jobs of core c in their order are
 * job[start[c]] … job[start[c + 1] − 1]. */
struct tenancy_queues {
  uint32_t *start; /* [n_cores + 1] */
  uint32_t *job;   /* [n_jobs] */
};
struct tenancy_answer tenancy_answer_new(const struct tenancy_problem *problem, struct arena *arena);
struct tenancy_queues tenancy_queues_new(const struct tenancy_problem *problem, struct arena *arena);
void tenancy_answer_copy(const struct tenancy_problem *problem, const struct tenancy_answer *from,
                         struct tenancy_answer *to);
void tenancy_queues_copy(const struct tenancy_problem *problem, const struct tenancy_queues *from,
                         struct tenancy_queues *to);
/* Sorts each core's jobs; cores and priorities must be valid. No allocation. */
void tenancy_queue_up(const struct tenancy_problem *problem, const struct tenancy_answer *answer,
                      struct tenancy_queues *queues);
/* Priorities 0, 1, … by place in the queue. */
void tenancy_write_down(const struct tenancy_problem *problem, const struct tenancy_queues *queues,
                        struct tenancy_answer *answer);
/* Universal tie-break of answers of equal cost: by job, core first, then place in the queue. < 0, 0, > 0. */
int tenancy_compare(const struct tenancy_problem *problem, const struct tenancy_queues *a,
                    const struct tenancy_queues *b);

/* The closed form in full: O(n_jobs × log or linear in n_cores), no allocation, no division. Of queues whose jobs can
 * run where they are. Ignores dependencies, releases and other sharing rules; with problem->goal, which knows them, it
 * is that goal's cost instead. */
tenancy_cost tenancy_evaluate(const struct tenancy_problem *problem, const struct tenancy_queues *queues);
/* τ_max alone times scaled_bandwidth, and the makespan in cycles of a cost. */
tenancy_cost tenancy_load_cost(const struct tenancy_problem *problem, const struct tenancy_queues *queues);
double tenancy_cycles(const struct tenancy_problem *problem, tenancy_cost cost);

/* --- the judge ------------------------------------------------------------------------------------------------------
 * Event by event, in the order of additions that the released program has, so that its results are equal in every bit
 * (tenancy §3). Shares no code with the closed form and what searches. */
struct tenancy_verdict {
  double makespan_cycles, core_util, bw_util;
  double *finish_cycles;     /* [n_cores], when the core's queue is empty; 0 for a core without jobs */
  double *start_of, *end_of; /* [n_jobs] */
  bool closed_form;          /* a job needs no bandwidth: the event form would divide 0 by 0 */
};
/* False with STATUS_INPUT and a reason if the answer is none: a core or priority out of range, a job on a core that
 * cannot run it, circular waiting. */
bool tenancy_judge(const struct tenancy_problem *problem, const struct tenancy_answer *answer, struct arena *arena,
                   struct tenancy_verdict *verdict, struct error *error);

#endif

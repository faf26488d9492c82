/* What if jobs arrive while others run? (tenancy §12, online.)
 *
 * A trace says what arrives when: a job of the instance, or all jobs of one of its tenants (a model, with what waits
 * for what). At every arrival, or at the first multiple of a period behind it, the jobs that wait are mapped anew from
 * the last answer, with a budget of samples; jobs that run stay where they are. Nothing is known of what comes later.
 * Left out: moving a job that runs, and the time that re-mapping takes. */
#ifndef SEARCH_TENANCY_TENANCY_ONLINE_H
#define SEARCH_TENANCY_TENANCY_ONLINE_H

#include "search/tenancy/tenancy_goal.h"
#include "search/tenancy/tenancy_read.h"

struct tenancy_trace {
  size_t n_arrivals;
  const uint64_t *arrival_cycles, *deadline_cycles; /* [n_arrivals]; UINT64_MAX: none */
  const uint32_t *first_job;                        /* [n_arrivals + 1] into the jobs */
  struct tenancy_problem jobs;                      /* of all arrivals, as if known before: releases are arrivals */
};

/* CSV: arrival_cycles and job (a number of the instance) or model (a tenant of it: all its jobs); optional
 * deadline_cycles, tenant. Rows in any order. `jobs` shares and queues as the instance does; its tenants are those of
 * the trace, else of the instance. False with STATUS_INPUT. */
bool tenancy_trace_parse(const struct tenancy_problem *instance, const struct tenancy_text *text, struct arena *arena,
                         struct tenancy_trace *trace, struct error *error);
bool tenancy_trace_read(const struct tenancy_problem *instance, const char *path, struct arena *arena,
                        struct tenancy_trace *trace, struct error *error);

struct tenancy_online_settings {
  struct tenancy_goal_settings goal;
  uint64_t remap_every_cycles; /* 0: at every arrival */
  uint64_t remap_samples, seed;
};

struct tenancy_online {
  struct tenancy_answer answer;                      /* core, and the order of starts as priority [trace jobs] */
  double *start_cycles, *end_cycles, *finish_cycles; /* of the jobs; of the cores */
  double makespan_cycles;
  double *latency_cycles; /* [n_arrivals] the last end of its jobs less its arrival */
  size_t n_missed;        /* arrivals that end behind their deadlines */
  uint64_t n_remaps, n_samples, most_samples;
};

/* The result lies in the arena. False: the objective cannot be had, e.g. slowdowns of tenants. */
bool tenancy_run_online(const struct tenancy_trace *trace, const struct tenancy_online_settings *settings,
                        struct arena *arena, struct tenancy_online *online, struct error *error);
/* The k-th smallest latency, k = ⌈percent × n / 100⌉. */
double tenancy_latency_percentile(const struct tenancy_trace *trace, const struct tenancy_online *online,
                                  size_t percent, struct arena *scratch);

#endif

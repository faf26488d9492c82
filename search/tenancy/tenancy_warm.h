/* How does what one search has learnt start the next? A population as JSON, read back for another group of jobs or
 * another platform. (tenancy §8.)
 *
 * {"tenancy_population": 1, "jobs": n, "cores": [{"style": …, "pes": …}, …], "answers": [{"core": […], "priority":
 * […]}, …]}, best first. Gene r of a list belongs to the job of rank r by latency (list_sort, LIST_SJF, the released
 * sort), which in published instances is the job's number. For another number of jobs, rank r takes the gene of rank
 * ⌊r · n_old / n⌋. Cores of equal style and PEs are matched in their order: with more of them than before, each old
 * one stands for several, with fewer, those left over for any of its kind, and one without any of its kind for all
 * cores; where there is a choice, or where the job cannot run, it is drawn from a stream of its own. */
#ifndef SEARCH_TENANCY_TENANCY_WARM_H
#define SEARCH_TENANCY_TENANCY_WARM_H

#include "search/tenancy/tenancy_read.h"

bool tenancy_warm_write(const struct tenancy_problem *problem, size_t n, const struct tenancy_answer *answers,
                        const char *path, struct arena *arena, struct error *error);
/* Fitted to this problem: every job on a core that can run it. */
bool tenancy_warm_read(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                       struct tenancy_answers *answers, struct error *error);
/* The same from text in memory. */
bool tenancy_warm_parse(const struct tenancy_problem *problem, const struct tenancy_text *text, struct arena *arena,
                        struct tenancy_answers *answers, struct error *error);

/* What a file holds, and how it is fitted: for those who have a population in memory. */
struct tenancy_warm {
  size_t n_jobs, n_cores, n_answers;
  const char *const *styles;            /* [n_cores]; "": unknown */
  const uint64_t *pes;                  /* [n_cores]; 0: unknown */
  const struct tenancy_answer *answers; /* by rank */
};

#endif

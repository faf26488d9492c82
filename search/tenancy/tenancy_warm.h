/* How does what one search has learnt start the next? A population as JSON, read back for another group of jobs or
 * another platform. (tenancy §8.)
 *
 * {"tenancy_population": 1, "jobs": n, "cores": [{"style": …, "pes": …}, …], "answers": [{"core": […], "priority":
 * […]}, …]}, best first. Gene i means the i-th job by latency: for another number of jobs, rank r takes the gene of
 * rank ⌊r · n_old / n⌋; cores are matched by style and PEs, in their order, leftovers are drawn from a stream of their
 * own. */
#ifndef SEARCH_TENANCY_TENANCY_WARM_H
#define SEARCH_TENANCY_TENANCY_WARM_H

#include "search/tenancy/tenancy_read.h"

bool tenancy_warm_write(const struct tenancy_problem *problem, size_t n, const struct tenancy_answer *answers,
                        const char *path, struct arena *arena, struct error *error);
/* Fitted to this problem: every job on a core that can run it. */
bool tenancy_warm_read(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                       struct tenancy_answers *answers, struct error *error);

#endif

/* Which partition is optimal, proven? (partition §9.) Dynamic programming over order ideals, bisection of the period
 * with propagation, a mixed-integer program. */
#ifndef SEARCH_PARTITION_PARTITION_EXACT_H
#define SEARCH_PARTITION_PARTITION_EXACT_H

#include "search/partition/partition_algorithm.h"

struct partition_limits {
  uint64_t ideals, pairs; /* beyond which nothing is proven */
  bool eager;             /* a profile of all cuts comes first, not only when questions turn out to be hard */
};
/* chip[n] may hold an answer already (value its period, INFINITY: none) and gets a better one if there is. True: the
 * value is optimal (INFINITY: there is no partition). False: a limit, `bound` says what is shown nevertheless. */
bool partition_exact(const struct partition_graph *graph, const struct partition_limits *limits,
                     const struct partition_request *request, uint32_t *chip, double *value, double *bound);
/* The same between boundaries of a known answer that keeps the rules: groups on chips first … last are placed anew, all
 * others stay (but groups that cost nothing may follow their neighbours). True: the most loaded of these chips now has
 * less to do; *value is the whole period then. For neighbourhoods: cheap where few groups lie between; what limits
 * leave open counts as not found. */
bool partition_exact_between(const struct partition_graph *graph, uint32_t first, uint32_t last,
                             const struct partition_limits *limits, struct arena *scratch, uint32_t *chip,
                             double *value);
/* The MILP (CPLEX format) for GLPK, CBC and others. */
bool partition_write_lp(const struct partition_graph *graph, const char *path, struct arena *arena,
                        struct error *error);

#endif

/* What do one-shot rules find? An order of the jobs × a rule that gives each a core. (tenancy §9; the list heuristics
 * of MAGMA's released scheduler, and a few that it lacks.) */
#ifndef SEARCH_TENANCY_LIST_H
#define SEARCH_TENANCY_LIST_H

#include "search/tenancy/genome.h"

enum list_order {
  LIST_FCFS,      /* first come, first served */
  LIST_SJF,       /* the released sort: latencies on the last core, the last but one, … down to core 2 */
  LIST_HEFT,      /* mean latency over the cores, ascending as released */
  LIST_HEFT_DESC, /* and descending, as meant */
  LIST_ORDER_RANDOM,
};
enum list_rule {
  LIST_GREEDY, /* the core with the least load so far */
  LIST_RR,     /* one after another */
  LIST_MET,    /* the core that runs it fastest, ties drawn */
  LIST_EFT,    /* the core where it would end first ("heft") */
  LIST_RULE_RANDOM,
};
/* In which order are cores given? As released, in the table's (by arrival; with LIST_SJF the table itself is sorted),
 * and the order only sets priorities; or in that order itself. */
enum list_sequence { LIST_IN_TABLE_ORDER, LIST_IN_OWN_ORDER };

struct list_settings {
  uint64_t order, rule, sequence;
};

/* The jobs in an order, into jobs[n_jobs]. */
void list_sort(const struct tenancy_problem *problem, enum list_order order, struct rng *rng, uint32_t *jobs);
void list_answer(const struct tenancy_problem *problem, const struct list_settings *settings, struct rng *rng,
                 struct arena *scratch, struct tenancy_answer *answer);
/* Of the cores that can run the job: where it would end first after these loads; the smallest such core. */
uint32_t list_earliest(const struct tenancy_problem *problem, const uint64_t *load_cycles, size_t job);

#endif

/* When would a layer end here if nothing that is placed already moved, and who goes first? List scheduling: HEFT, PEFT
 * and COMB differ in priorities, in what they add to an end, and in whether gaps are filled. (placement §6.)
 *
 * Under the classical rule these are the published methods. Under the others they work with guesses, since a layer's
 * transfers depend on its neighbours in an order that does not exist yet: weights stay if they fit, what a layer reads
 * most of and what it writes travel only between unlike devices. The rule then judges. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_LIST_H
#define SEARCH_PLACEMENT_PLACEMENT_LIST_H

#include "search/placement/placement_build.h"

struct placement_costs {
  const struct placement_problem *problem;
  const double *bytes_s; /* [n_devices] 1 ÷ rate of the link; 0: host, unlimited */
  /* Means over all pairs of unlike devices: seconds per byte written and read, latency, and how often a given
   * transfer_s is paid. */
  double write_s, read_s, latency_s, times;
};
void placement_costs_init(struct placement_costs *costs, const struct placement_problem *problem, struct arena *arena);
/* Of a layer by itself; NAN: it cannot run there. */
double placement_costs_layer_s(const struct placement_costs *costs, size_t layer, size_t device);
double placement_costs_edge_s(const struct placement_costs *costs, size_t edge, uint32_t from, uint32_t to);
double placement_costs_mean_layer_s(const struct placement_costs *costs, size_t layer);
double placement_costs_mean_edge_s(const struct placement_costs *costs, size_t edge);

struct placement_list {
  const double *priority; /* [n_layers] high first, among layers whose predecessors are placed */
  const double *bias_s;   /* [n_layers * n_devices] added to ends when devices are compared; NULL: nothing */
  bool fills_gaps;
};
/* False: a dead end, see placement_build.h. */
bool placement_list_schedule(const struct placement_list *list, const struct placement_costs *costs,
                             struct placement_build *build, struct placement_answer *answer);
/* The whole of a one-shot algorithm: schedules, or else fills, and evaluates once. */
void placement_list_run(const struct placement_list *list, const struct placement_costs *costs,
                        const struct placement_request *request, struct placement_result *result);

#endif

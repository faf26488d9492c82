/* Where does the classical list scheduler put layers? HEFT: the longest mean way to an end goes first, each to where it
 * ends first, gaps included. (Topcuoglu, Hariri and Wu, IEEE TPDS 2002; placement §6.) Means of durations are over the
 * devices that can run a layer, of transfers over all pairs of unlike devices. */
#include "search/placement/placement_list.h"

#include <math.h>

static void run(const struct placement_request *request, struct placement_result *result) {
  const struct placement_problem *problem = request->problem;
  struct placement_costs costs;
  placement_costs_init(&costs, problem, request->arena);
  double *rank_s = ARENA_NEW(request->arena, double, problem->n_layers);
  for (size_t i = problem->n_layers; i-- > 0;) {
    const uint32_t l = problem->topological[i];
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      const double edge_s = placement_costs_mean_edge_s(&costs, problem->out_edge[j]);
      rank_s[l] = fmax(rank_s[l], edge_s + rank_s[problem->successor[j]]);
    }
    rank_s[l] += placement_costs_mean_layer_s(&costs, l);
  }
  const struct placement_list list = {.priority = rank_s, .fills_gaps = true};
  placement_list_run(&list, &costs, request, result);
}

const struct placement_algorithm placement_heft = {.name = "heft",
                                                   .doc = "longest mean way to an end first, earliest finish",
                                                   .source = "Topcuoglu, Hariri and Wu, IEEE TPDS 2002",
                                                   .one_shot = true,
                                                   .run = run};

/* What does a greedy in COMB's spirit find? Of the layers that could start, the one with the largest least time goes
 * first, to where its computation and transfers end first, behind everything that stands there. Our reading of public
 * code (COMB, DAC 2023), not a re-implementation. (placement §6.) */
#include "search/placement/placement_list.h"

#include <math.h>

static void run(const struct placement_request *request, struct placement_result *result) {
  const struct placement_problem *problem = request->problem;
  struct placement_costs costs;
  placement_costs_init(&costs, problem, request->arena);
  double *least_s = ARENA_NEW(request->arena, double, problem->n_layers);
  for (size_t l = 0; l < problem->n_layers; l++) {
    least_s[l] = INFINITY;
    for (size_t d = 0; d < problem->n_devices; d++) {
      if (placement_can_run(problem, l, d)) least_s[l] = fmin(least_s[l], placement_costs_layer_s(&costs, l, d));
    }
  }
  const struct placement_list list = {.priority = least_s};
  placement_list_run(&list, &costs, request, result);
}

const struct placement_algorithm placement_comb_like = {.name = "comb-like",
                                                        .doc = "longest layer that could start, earliest end",
                                                        .source = "our reading of COMB, DAC 2023",
                                                        .one_shot = true,
                                                        .run = run};

/* Does it pay to look ahead? PEFT: a table says how soon everything behind a layer could end if it ran on a device; the
 * largest mean goes first, to the device with the least sum of end and table entry. (Arabnejad and Barbosa, IEEE TPDS
 * 2014; placement §6.) */
#include "search/placement/placement_list.h"

#include <math.h>

/* How soon everything from `layer` on could end, on the device best for it. */
static double least_way_s(const struct placement_costs *costs, const double *table_s, uint32_t layer) {
  const struct placement_problem *problem = costs->problem;
  double least_s = INFINITY;
  for (size_t d = 0; d < problem->n_devices; d++) {
    if (!placement_can_run(problem, layer, d)) continue;
    least_s = fmin(least_s, table_s[placement_at(problem, layer, d)] + placement_costs_layer_s(costs, layer, d));
  }
  return least_s;
}

/* The optimistic cost table [n_layers * n_devices] and its means over the devices that can run a layer. */
static void fill_table(const struct placement_costs *costs, double *table_s, double *mean_s) {
  const struct placement_problem *problem = costs->problem;
  for (size_t i = problem->n_layers; i-- > 0;) {
    const uint32_t l = problem->topological[i];
    double *row = table_s + placement_at(problem, l, 0), n = 0;
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      const uint32_t reader = problem->successor[j];
      const double edge_s = placement_costs_mean_edge_s(costs, problem->out_edge[j]);
      const double elsewhere_s = edge_s + least_way_s(costs, table_s, reader);
      for (size_t d = 0; d < problem->n_devices; d++) {
        double way_s = elsewhere_s;
        if (placement_can_run(problem, reader, d)) {
          const double own_s = table_s[placement_at(problem, reader, d)] + placement_costs_layer_s(costs, reader, d);
          way_s = fmin(way_s, own_s);
        }
        row[d] = fmax(row[d], way_s);
      }
    }
    for (size_t d = 0; d < problem->n_devices; d++) {
      if (!placement_can_run(problem, l, d)) continue;
      mean_s[l] += row[d];
      n++;
    }
    mean_s[l] /= n;
  }
}

static void run(const struct placement_request *request, struct placement_result *result) {
  const struct placement_problem *problem = request->problem;
  struct placement_costs costs;
  placement_costs_init(&costs, problem, request->arena);
  double *table_s = ARENA_NEW(request->arena, double, problem->n_layers * problem->n_devices);
  double *mean_s = ARENA_NEW(request->arena, double, problem->n_layers);
  fill_table(&costs, table_s, mean_s);
  const struct placement_list list = {.priority = mean_s, .bias_s = table_s, .fills_gaps = true};
  placement_list_run(&list, &costs, request, result);
}

const struct placement_algorithm placement_peft = {.name = "peft",
                                                   .doc = "list scheduling with a table of what could follow",
                                                   .source = "Arabnejad and Barbosa, IEEE TPDS 2014",
                                                   .one_shot = true,
                                                   .run = run};

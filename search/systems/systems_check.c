/* Is this a system, and does it load and cost what it says? See systems.h. Shares no code with the solver. */
#include "search/systems/systems.h"
#include <math.h>

static bool check_designs(const struct systems_problem *problem, const struct systems_choice *choice,
                          struct error *error) {
  size_t n_distinct = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    if (choice->design[i] >= problem->n_designs) {
      return error_add(error, STATUS_INPUT, "stage %zu has design %u, there are %zu", i, choice->design[i],
                       problem->n_designs);
    }
    if (isinf(problem->load[i * problem->n_designs + choice->design[i]])) {
      return error_add(error, STATUS_INPUT, "design %u does not fit stage %zu", choice->design[i], i);
    }
    bool is_new = true;
    for (size_t j = 0; j < i && is_new; j++) is_new = choice->design[j] != choice->design[i];
    n_distinct += is_new;
  }
  if (problem->max_designs == 0 || n_distinct <= problem->max_designs) return true;
  return error_add(error, STATUS_INPUT, "%zu designs, at most %zu are allowed", n_distinct, problem->max_designs);
}

bool systems_check(const struct systems_problem *problem, const struct systems_choice *choice, struct error *error) {
  if (!check_designs(problem, choice, error)) return false;
  double load = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    load = fmax(load, problem->load[i * problem->n_designs + choice->design[i]]);
  }
  if (load != choice->load) return error_add(error, STATUS_INPUT, "the load is %.17g, not %.17g", load, choice->load);
  for (size_t c = 0; c < problem->n_costs; c++) {
    double sum = 0;
    for (size_t i = 0; i < problem->n_stages; i++) {
      sum += problem->cost[(i * problem->n_designs + choice->design[i]) * problem->n_costs + c];
    }
    if (sum != choice->cost[c]) {
      return error_add(error, STATUS_INPUT, "cost %zu is %.17g, not %.17g", c, sum, choice->cost[c]);
    }
    if (sum > problem->limit[c]) {
      return error_add(error, STATUS_INPUT, "cost %zu is %.17g, the limit is %.17g", c, sum, problem->limit[c]);
    }
  }
  return true;
}

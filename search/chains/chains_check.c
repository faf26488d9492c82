/* Is this a system, and does it load and cost what it says? See chains.h. Shares no code with the solver. */
#include "search/chains/chains.h"
#include <math.h>

static bool check_stage(const struct chains_problem *problem, const struct chains_choice *choice, size_t s,
                        struct error *error) {
  const size_t first = s > 0 ? choice->end[s - 1] : 0, end = choice->end[s];
  if (end <= first || end > problem->n_layers) {
    return error_add(error, STATUS_INPUT, "stage %zu has layers %zu to before %zu of %zu", s, first, end,
                     problem->n_layers);
  }
  if (choice->design[s] >= problem->n_designs) {
    return error_add(error, STATUS_INPUT, "stage %zu has design %u, there are %zu", s, choice->design[s],
                     problem->n_designs);
  }
  const uint32_t piece = problem->piece_of[first * problem->n_layers + end - 1];
  if (isinf(problem->load[choice->design[s] * problem->n_pieces + piece])) {
    return error_add(error, STATUS_INPUT, "stage %zu: design %u cannot have the piece", s, choice->design[s]);
  }
  if (problem->bytes != NULL &&
      problem->bytes[s * problem->n_pieces + piece] > problem->memory_bytes[choice->design[s]]) {
    return error_add(error, STATUS_INPUT, "stage %zu: the piece does not fit the memory of design %u", s,
                     choice->design[s]);
  }
  return true;
}

static bool check_number_of_designs(const struct chains_problem *problem, const struct chains_choice *choice,
                                    struct error *error) {
  size_t n_distinct = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    bool is_new = true;
    for (size_t t = 0; t < s && is_new; t++) is_new = choice->design[t] != choice->design[s];
    n_distinct += is_new;
  }
  if (problem->max_designs == 0 || n_distinct <= problem->max_designs) return true;
  return error_add(error, STATUS_INPUT, "%zu designs, at most %zu are allowed", n_distinct, problem->max_designs);
}

bool chains_check(const struct chains_problem *problem, const struct chains_choice *choice, struct error *error) {
  double load = 0, sum[CHAINS_MAX_COSTS] = {0};
  for (size_t s = 0; s < problem->n_stages; s++) {
    if (!check_stage(problem, choice, s, error)) return false;
    const size_t first = s > 0 ? choice->end[s - 1] : 0;
    const uint32_t piece = problem->piece_of[first * problem->n_layers + choice->end[s] - 1];
    const double own = problem->load[choice->design[s] * problem->n_pieces + piece];
    load = fmax(load, own);
    for (size_t c = 0; c < problem->n_costs; c++) {
      double cost = problem->cost[choice->design[s] * problem->n_costs + c];
      if (c == 0 && problem->load_weight > 0) cost += problem->load_weight * own;
      sum[c] += cost;
    }
  }
  if (choice->end[problem->n_stages - 1] != problem->n_layers) {
    return error_add(error, STATUS_INPUT, "layers from %u on are on no stage", choice->end[problem->n_stages - 1]);
  }
  if (!check_number_of_designs(problem, choice, error)) return false;
  if (load != choice->load) return error_add(error, STATUS_INPUT, "the load is %.17g, not %.17g", load, choice->load);
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (sum[c] != choice->cost[c]) {
      return error_add(error, STATUS_INPUT, "cost %zu is %.17g, not %.17g", c, sum[c], choice->cost[c]);
    }
    if (!(sum[c] <= problem->limit[c])) {
      return error_add(error, STATUS_INPUT, "cost %zu is %.17g, the limit is %.17g", c, sum[c], problem->limit[c]);
    }
  }
  return true;
}

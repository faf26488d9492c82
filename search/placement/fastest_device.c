/* What if each layer goes to where it computes fastest, whatever travels? In the graph's order; a group goes to where
 * all of it is fastest. (The other naive baseline of placement §6.) */
#include "search/placement/placement_build.h"

static const double *sum_groups(const struct placement_problem *problem, struct arena *arena) {
  const size_t n = problem->n_devices;
  double *sum_s = ARENA_NEW(arena, double, problem->n_groups *n);
  for (size_t l = 0; l < problem->n_layers; l++) {
    const uint32_t g = problem->group != NULL ? problem->group[l] : PLACEMENT_NONE;
    if (g == PLACEMENT_NONE) continue;
    for (size_t d = 0; d < n; d++) sum_s[g * n + d] += problem->compute_s[l * n + d]; /* NAN stays NAN */
  }
  return sum_s;
}

static bool place(struct placement_build *build, const double *group_s) {
  const struct placement_problem *problem = build->problem;
  for (size_t i = 0; i < problem->n_layers; i++) {
    const uint32_t l = problem->topological[i], g = problem->group != NULL ? problem->group[l] : PLACEMENT_NONE;
    const double *time_s =
        g == PLACEMENT_NONE ? problem->compute_s + placement_at(problem, l, 0) : group_s + g * problem->n_devices;
    uint32_t best = PLACEMENT_NONE;
    for (uint32_t d = 0; d < problem->n_devices; d++) {
      if (!placement_build_allows(build, l, d)) continue;
      if (best == PLACEMENT_NONE || time_s[d] < time_s[best]) best = d;
    }
    if (best == PLACEMENT_NONE) return false;
    placement_build_place(build, l, best);
  }
  return true;
}

static void run(const struct placement_request *request, struct placement_result *result) {
  const struct placement_problem *problem = request->problem;
  struct placement_meter meter;
  struct placement_build build;
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct placement_answer answer = placement_answer_new(problem, request->arena);
  if (placement_meter_full(&meter)) return;
  if (place(&build, sum_groups(problem, request->arena))) {
    placement_build_answer(&build, problem->topological, &answer);
  } else if (!placement_build_fill(&build, &answer)) {
    return;
  }
  placement_meter_try(&meter, &answer);
}

const struct placement_algorithm placement_fastest_device = {.name = "fastest-device",
                                                             .doc = "each layer on its own fastest device",
                                                             .source = "naive",
                                                             .one_shot = true,
                                                             .run = run};

/* How good is the best single device? Everything on one, in the graph's order; what it cannot run goes to the device
 * that runs it fastest. (The naive baseline of placement §6.) */
#include "search/placement/placement_build.h"

/* The fastest device that may take the layer; PLACEMENT_NONE: a dead end. */
static uint32_t fastest(const struct placement_build *build, uint32_t layer) {
  const struct placement_problem *problem = build->problem;
  uint32_t best = PLACEMENT_NONE;
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    if (!placement_build_allows(build, layer, d)) continue;
    if (best == PLACEMENT_NONE ||
        problem->compute_s[placement_at(problem, layer, d)] < problem->compute_s[placement_at(problem, layer, best)]) {
      best = d;
    }
  }
  return best;
}

static bool place_on(struct placement_build *build, uint32_t device) {
  placement_build_reset(build);
  for (size_t i = 0; i < build->problem->n_layers; i++) {
    const uint32_t l = build->problem->topological[i];
    const uint32_t d = placement_build_allows(build, l, device) ? device : fastest(build, l);
    if (d == PLACEMENT_NONE) return false;
    placement_build_place(build, l, d);
  }
  return true;
}

static void run(const struct placement_request *request, struct placement_result *result) {
  struct placement_meter meter;
  struct placement_build build;
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct placement_answer answer = placement_answer_new(request->problem, request->arena);
  for (uint32_t d = 0; d < request->problem->n_devices && !placement_meter_full(&meter); d++) {
    if (!place_on(&build, d)) continue;
    placement_build_answer(&build, request->problem->topological, &answer);
    placement_meter_try(&meter, &answer);
  }
  if (result->samples == 0 && !placement_meter_full(&meter) && placement_build_fill(&build, &answer)) {
    placement_meter_try(&meter, &answer);
  }
}

const struct placement_algorithm placement_best_device = {.name = "best-device",
                                                          .doc = "everything on the best single device",
                                                          .source = "naive",
                                                          .one_shot = true,
                                                          .run = run};

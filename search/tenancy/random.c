/* What does chance find? Uniform mappings: a core that can run the job, a priority in [0, 1). (tenancy §9.) */
#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"

static void draw(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *answer) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    do {
      answer->core[j] = (uint32_t)rng_below(rng, problem->n_cores);
    } while (!tenancy_can_run(problem, j, answer->core[j]));
    answer->priority[j] = rng_unit(rng);
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  struct rng rng = rng_stream(request->seed, RNG_TENANCY_BASELINE, request->round, request->island);
  struct tenancy_answer answer = tenancy_answer_new(request->problem, request->arena);
  while (!tenancy_meter_full(meter)) {
    draw(request->problem, &rng, &answer);
    tenancy_meter_answer(meter, &answer);
  }
}

const struct tenancy_algorithm tenancy_random = {
    .name = "random", .doc = "uniform mappings", .source = "the floor under every other", .run = run};

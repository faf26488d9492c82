/* What does chance find? Uniform mappings: a core that can run the job, a priority in [0, 1). (tenancy §9.) */
#include "search/tenancy/genome.h"

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  struct tenancy_answer answer = tenancy_answer_new(request->problem, request->arena);
  uint64_t *drawn = request->state_out; /* so far, in all rounds */
  *drawn = *(const uint64_t *)request->state;
  while (!tenancy_meter_full(meter)) {
    struct rng rng = genome_stream(request, BASELINE_RANDOM, (*drawn)++);
    genome_draw(request->problem, &rng, &answer);
    tenancy_meter_answer(meter, &answer);
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  (void)settings, (void)problem;
  return sizeof(uint64_t);
}

const struct tenancy_algorithm tenancy_random = {.name = "random",
                                                 .doc = "uniform mappings",
                                                 .source = "the floor under every other",
                                                 .keeps = 1,
                                                 .state_bytes = state_bytes,
                                                 .run = run};

/* See continuous.h. */
#include "search/tenancy/continuous.h"

#include "base/error.h"
#include <string.h>

void *continuous_open(struct continuous *continuous, enum genome_baseline baseline, struct tenancy_request *request,
                      struct tenancy_meter *meter) {
  const size_t n = continuous_size(request->problem);
  *continuous = (struct continuous){.request = request,
                                    .meter = meter,
                                    .n = n,
                                    .baseline = baseline,
                                    .trial = ARENA_NEW(request->arena, double, n),
                                    .answer = tenancy_answer_new(request->problem, request->arena)};
  memcpy(request->state_out, request->state, request->n_state);
  return request->state_out;
}

struct rng continuous_stream(const struct continuous *continuous, uint64_t sample) {
  return genome_stream(continuous->request, continuous->baseline, sample);
}

tenancy_cost continuous_judge(struct continuous *continuous, const double *numbers) {
  genome_decode(continuous->request->problem, numbers, &continuous->answer);
  return tenancy_meter_answer(continuous->meter, &continuous->answer);
}

double continuous_range(const struct continuous *continuous, size_t i) {
  const struct tenancy_problem *problem = continuous->request->problem;
  return i < problem->n_jobs ? (double)problem->n_cores : 1;
}

void continuous_draw(const struct continuous *continuous, struct rng *rng, double *numbers) {
  for (size_t i = 0; i < continuous->n; i++) numbers[i] = rng_unit(rng) * continuous_range(continuous, i);
}

/* The list of algorithms, and the meter that counts their evaluations. See sharding_algorithm.h. */
#include "search/sharding/sharding_algorithm.h"

#include <math.h>
#include <string.h>

#define SHARDING_ALGORITHM(name) extern const struct sharding_algorithm sharding_##name;
#include "search/sharding/algorithms.def"
#undef SHARDING_ALGORITHM

const struct sharding_algorithm *const sharding_algorithms[] = {
#define SHARDING_ALGORITHM(name) &sharding_##name,
#include "search/sharding/algorithms.def"
#undef SHARDING_ALGORITHM
};
const size_t n_sharding_algorithms = sizeof sharding_algorithms / sizeof *sharding_algorithms;

const struct sharding_algorithm *sharding_find_algorithm(const char *name) {
  for (size_t i = 0; i < n_sharding_algorithms; i++) {
    if (strcmp(sharding_algorithms[i]->name, name) == 0) return sharding_algorithms[i];
  }
  return NULL;
}

void sharding_meter_init(struct sharding_meter *meter, const struct sharding_request *request,
                         struct sharding_result *result) {
  *meter = (struct sharding_meter){request, result};
  *result = (struct sharding_result){.value_s = INFINITY};
}

bool sharding_meter_full(const struct sharding_meter *meter) {
  const struct sharding_request *request = meter->request;
  return meter->result->samples >= request->samples ||
         (request->interrupted != NULL && request->interrupted(request->context));
}

double sharding_meter_try(struct sharding_meter *meter, const struct sharding_answer *answer) {
  const struct sharding_problem *problem = meter->request->problem;
  const double value = sharding_evaluate(problem, answer, meter->request->scratch, NULL);
  meter->result->samples++;
  if (value < meter->result->value_s) {
    meter->result->found = true;
    meter->result->value_s = value;
    sharding_answer_copy(problem, answer, meter->request->arena, &meter->result->answer);
  }
  return value;
}

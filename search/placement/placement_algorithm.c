/* The list of algorithms, and the meter that counts their evaluations. See placement_algorithm.h. */
#include "search/placement/placement_algorithm.h"

#include <math.h>
#include <string.h>

#define PLACEMENT_ALGORITHM(name) extern const struct placement_algorithm placement_##name;
#include "search/placement/algorithms.def"
#undef PLACEMENT_ALGORITHM

const struct placement_algorithm *const placement_algorithms[] = {
#define PLACEMENT_ALGORITHM(name) &placement_##name,
#include "search/placement/algorithms.def"
#undef PLACEMENT_ALGORITHM
};
const size_t n_placement_algorithms = sizeof placement_algorithms / sizeof *placement_algorithms;

const struct placement_algorithm *placement_find_algorithm(const char *name) {
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    if (strcmp(placement_algorithms[i]->name, name) == 0) return placement_algorithms[i];
  }
  return NULL;
}

void placement_meter_init(struct placement_meter *meter, const struct placement_request *request,
                          struct placement_result *result) {
  *meter = (struct placement_meter){request, result};
  *result = (struct placement_result){.answer = placement_answer_new(request->problem, request->arena),
                                      .value = INFINITY,
                                      .stated_s = NAN,
                                      .stated_j = NAN,
                                      .stated_communication_s = NAN};
}

bool placement_meter_full(const struct placement_meter *meter) {
  const struct placement_request *request = meter->request;
  return meter->result->samples >= request->samples ||
         (request->interrupted != NULL && request->interrupted(request->context));
}

double placement_meter_try(struct placement_meter *meter, const struct placement_answer *answer) {
  const struct placement_problem *problem = meter->request->problem;
  const double value = placement_evaluate(problem, answer, meter->request->scratch, NULL);
  meter->result->samples++;
  if (value < meter->result->value) {
    meter->result->value = value;
    placement_answer_copy(problem, answer, &meter->result->answer);
  }
  return value;
}

/* The list of algorithms, and the meter that counts their samples. See tenancy_algorithm.h. */
#include "search/tenancy/tenancy_algorithm.h"

#include <string.h>

#define TENANCY_ALGORITHM(name) extern const struct tenancy_algorithm tenancy_##name;
#include "search/tenancy/algorithms.def"
#undef TENANCY_ALGORITHM

const struct tenancy_algorithm *const tenancy_algorithms[] = {
#define TENANCY_ALGORITHM(name) &tenancy_##name,
#include "search/tenancy/algorithms.def"
#undef TENANCY_ALGORITHM
};
const size_t n_tenancy_algorithms = sizeof tenancy_algorithms / sizeof *tenancy_algorithms;

const struct tenancy_algorithm *tenancy_find_algorithm(const char *name) {
  for (size_t i = 0; i < n_tenancy_algorithms; i++) {
    if (strcmp(tenancy_algorithms[i]->name, name) == 0) return tenancy_algorithms[i];
  }
  return NULL;
}

void tenancy_meter_init(struct tenancy_meter *meter, const struct tenancy_problem *problem, uint64_t limit,
                        struct arena *arena) {
  *meter = (struct tenancy_meter){.problem = problem,
                                  .limit = limit,
                                  .best = tenancy_queues_new(problem, arena),
                                  .best_cost = ~(tenancy_cost)0,
                                  .room = tenancy_queues_new(problem, arena)};
}

static void count(struct tenancy_meter *meter, uint64_t n) {
  meter->n_samples += n;
  const uint64_t all = meter->before + meter->n_samples;
  while (meter->n_passed < meter->n_marks && meter->marks[meter->n_passed] <= all) {
    meter->at[meter->n_passed++] = meter->best_cost;
  }
}

void tenancy_meter_moves(struct tenancy_meter *meter, uint64_t n, const struct tenancy_queues *queues,
                         tenancy_cost cost) {
  if (queues == NULL || cost >= meter->best_cost) {
    count(meter, n);
    return;
  }
  if (n > 1) count(meter, n - 1); /* a mark passed on the way did not know the new best yet */
  meter->best_cost = cost;
  tenancy_queues_copy(meter->problem, queues, &meter->best);
  if (n > 0) count(meter, 1);
}

tenancy_cost tenancy_meter_queues(struct tenancy_meter *meter, const struct tenancy_queues *queues) {
  const tenancy_cost cost = tenancy_evaluate(meter->problem, queues);
  tenancy_meter_moves(meter, 1, queues, cost);
  return cost;
}

tenancy_cost tenancy_meter_answer(struct tenancy_meter *meter, const struct tenancy_answer *answer) {
  tenancy_queue_up(meter->problem, answer, &meter->room);
  return tenancy_meter_queues(meter, &meter->room);
}

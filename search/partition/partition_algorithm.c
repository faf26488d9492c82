/* The list of algorithms, the meter that counts their samples, and tasks without ranks. See partition_algorithm.h. */
#include "search/partition/partition_algorithm.h"

#include <math.h>
#include <string.h>

#define PARTITION_ALGORITHM(name) extern const struct partition_algorithm partition_by_##name;
#include "search/partition/algorithms.def"
#undef PARTITION_ALGORITHM

const struct partition_algorithm *const partition_algorithms[] = {
#define PARTITION_ALGORITHM(name) &partition_by_##name,
#include "search/partition/algorithms.def"
#undef PARTITION_ALGORITHM
};
const size_t n_partition_algorithms = sizeof partition_algorithms / sizeof *partition_algorithms;

const struct partition_algorithm *partition_find_algorithm(const char *name) {
  for (size_t i = 0; i < n_partition_algorithms; i++) {
    if (strcmp(partition_algorithms[i]->name, name) == 0) return partition_algorithms[i];
  }
  return NULL;
}

void partition_pool_run(const struct partition_pool *pool, size_t n_tasks, size_t result_bytes,
                        void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  if (pool != NULL) {
    pool->run(pool->context, n_tasks, result_bytes, task, argument, results);
    return;
  }
  for (size_t i = 0; i < n_tasks; i++) task(argument, i, (char *)results + i * result_bytes);
}

void partition_meter_init(struct partition_meter *meter, const struct partition_request *request,
                          struct partition_result *result) {
  const size_t n = request->graph->n;
  *meter = (struct partition_meter){request, result, partition_work_new(request->graph, request->arena)};
  *result = (struct partition_result){.chip = ARENA_NEW(request->arena, uint32_t, n), .value = INFINITY};
}

bool partition_meter_full(const struct partition_meter *meter) {
  const struct partition_request *request = meter->request;
  return meter->result->samples >= request->samples ||
         (request->interrupted != NULL && request->interrupted(request->context));
}

void partition_meter_pass(struct partition_meter *meter, double period_ms) {
  const struct partition_request *request = meter->request;
  if (request->sampled != NULL) request->sampled(request->sampled_context, meter->result->samples, period_ms);
  meter->result->samples++;
}

void partition_meter_skip(struct partition_meter *meter, uint64_t n) { meter->result->samples += n; }

void partition_meter_offer(struct partition_meter *meter, const uint32_t *chip, double period_ms) {
  struct partition_result *result = meter->result;
  if (!(period_ms < result->value)) return;
  result->found = true;
  result->value = period_ms;
  memcpy(result->chip, chip, meter->request->graph->n * sizeof *chip);
}

double partition_meter_try(struct partition_meter *meter, const uint32_t *chip) {
  const double value = partition_value(meter->request->graph, chip, meter->work);
  partition_meter_pass(meter, value);
  partition_meter_offer(meter, chip, value);
  return value;
}

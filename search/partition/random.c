/* What does chance find? Every sample is drawn by the solver, uniformly from what it leaves possible (SAMPLE, partition
 * §6, §7): the paper's first baseline, whose settings are unknown. */
#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_solver.h"

#include <math.h>

enum { MOST_IN_VAIN = 3 }; /* draws, of ten restarts each */

struct random_settings {
  uint64_t order;
};

static const char *const order_names[] = {"random", "topological", NULL};
static const struct field random_field_list[] = {
    {"order", FIELD_CHOICE, "", 0, 0, "\"random\"", "in which groups are decided",
     offsetof(struct random_settings, order), ROLE_ANSWER, order_names},
};
static const struct field_table random_fields = {"partition.random", "partitions by chance", random_field_list,
                                                 sizeof random_field_list / sizeof *random_field_list};

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  const struct random_settings *settings = request->settings;
  struct partition_meter meter;
  partition_meter_init(&meter, request, result);
  struct partition_solver *solver = partition_solver_new(request->graph, INFINITY, request->arena);
  struct partition_sample sample = {.chip = ARENA_NEW(request->arena, uint32_t, request->graph->n),
                                    .order = ARENA_NEW(request->arena, uint32_t, request->graph->n)};
  uint64_t n_vain = 0;
  for (uint64_t round = 0; n_vain < MOST_IN_VAIN && !partition_meter_full(&meter); round++) {
    struct rng rng = rng_stream(request->seed, RNG_PARTITION, round, (uint64_t)PARTITION_STREAM_RANDOM << 32);
    if (!partition_solver_draw(solver, NULL, (enum partition_order)settings->order, &rng, &sample)) {
      n_vain++;
      continue;
    }
    n_vain = 0;
    partition_meter_try(&meter, sample.chip);
  }
  return true;
}

const struct partition_algorithm partition_by_random = {
    .name = "random",
    .doc = "the best of partitions drawn by the solver",
    .source = "baseline of arXiv 2112.04041; draws are ours (partition §6)",
    .table = &random_fields,
    .settings_bytes = sizeof(struct random_settings),
    .run = run,
};

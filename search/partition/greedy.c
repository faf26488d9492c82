/* What would a compiler do that fills chips one after another? (partition §7.) Groups in topological order to equal
 * shares of the work; neither tensors nor memory nor the triangle rule are looked at, so that there may be no answer.
 */
#include "search/partition/partition_algorithm.h"

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  struct partition_meter meter;
  partition_meter_init(&meter, request, result);
  uint32_t *chip = ARENA_NEW(request->scratch, uint32_t, request->graph->n);
  partition_greedy(request->graph, chip, meter.work);
  partition_meter_try(&meter, chip);
  return true;
}

const struct partition_algorithm partition_by_greedy = {
    .name = "greedy",
    .doc = "chips filled one after another to equal work, as compilers do; no tensors, no memory",
    .source = "partition §7; Archer et al., ICML 2024, call it the baseline",
    .one_shot = true,
    .run = run,
};

/* How good are a dozen fixed orders, each cut into its best pieces? (partition §10.) */
#include "search/partition/partition_restarts.h"

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  struct partition_meter meter;
  partition_meter_init(&meter, request, result);
  partition_try_fixed_orders(&meter);
  return true;
}

const struct partition_algorithm partition_by_slice = {
    .name = "slice",
    .doc = "a dozen fixed topological orders, each cut into its best pieces",
    .source = "ours; slicing as in Archer et al., ICML 2024",
    .one_shot = true,
    .run = run,
};

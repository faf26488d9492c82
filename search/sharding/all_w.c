/* One set of all boards, each layer split by columns: little is moved, weights are everywhere.
 * (sharding §5.) */
#include "search/sharding/sharding_rules.h"

static void run(const struct sharding_request *request, struct sharding_result *result) {
  sharding_run_one_set(request, SHARDING_W, result);
}

const struct sharding_algorithm sharding_all_w = {.name = "all_w",
                                                  .doc = "all boards in one set, each layer split by columns",
                                                  .source = "a simple rule",
                                                  .one_shot = true,
                                                  .run = run};

/* One set of all boards, each layer split by output channels: what a tensor-parallel run without thought does.
 * (sharding §5.) */
#include "search/sharding/sharding_rules.h"

static void run(const struct sharding_request *request, struct sharding_result *result) {
  sharding_run_one_set(request, SHARDING_COUT, result);
}

const struct sharding_algorithm sharding_all_cout = {.name = "all_cout",
                                                     .doc =
                                                         "all boards in one set, each layer split by output channels",
                                                     .source = "a simple rule",
                                                     .one_shot = true,
                                                     .run = run};

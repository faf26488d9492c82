/* What is the best sharding of all? By enumeration that bounds: small systems. (sharding §5, exact level 1 over exact
 * level 2.) See sharding_branch.c. */
#include "search/sharding/sharding_algorithm.h"
#include "search/sharding/sharding_branch.h"

#include <math.h>

struct exact_settings {
  uint64_t max_nodes;
};
static const struct field exact_field_list[] = {
    {"max_nodes", FIELD_UINT, "", 1, 1e12, "100000", "sets chosen in the tree before the search gives up", 0,
     ROLE_ANSWER, NULL},
};
static const struct field_table exact_fields = {"sharding.exact", "sets, designs, ranges and strategies by bounds",
                                                exact_field_list, sizeof exact_field_list / sizeof *exact_field_list};

static void run(const struct sharding_request *request, struct sharding_result *result) {
  const struct exact_settings *settings = request->settings;
  struct sharding_meter meter;
  sharding_meter_init(&meter, request, result);
  const struct branch_limits limits = {.max_nodes = settings->max_nodes,
                                       .max_solved = request->samples,
                                       .interrupted = request->interrupted,
                                       .context = request->context};
  struct branch_result found = {.value_s = INFINITY};
  if (!sharding_branch(request->problem, &limits, request->scratch, request->arena, &found)) return;
  result->samples = found.n_solved;
  result->bound_s = found.bound_s;
  if (!isfinite(found.value_s)) return;
  result->found = true;
  result->value_s = found.value_s, result->answer = found.answer;
  result->proven = found.bound_s >= found.value_s * (1 - 1e-12);
}

const struct sharding_algorithm sharding_exact = {
    .name = "exact",
    .doc = "exact on chains of layers and small systems: sets, designs, ranges and strategies by bounds",
    .source = "ours; sharding §5",
    .table = &exact_fields,
    .settings_bytes = sizeof(struct exact_settings),
    .one_shot = false,
    .run = run,
};

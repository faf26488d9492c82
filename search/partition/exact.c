/* What is the optimum, and is that proven? (partition §9.) From the best slicing of a dozen orders, whatever limits
 * allow. */
#include "search/partition/partition_exact.h"
#include "search/partition/partition_slicing.h"

#include <math.h>
#include <string.h>

#define OFFSET(member) offsetof(struct partition_limits, member)
static const struct field exact_field_list[] = {
    {"ideals", FIELD_UINT, "", 1, 4e9, "3000000", "most order ideals kept at once", OFFSET(ideals), ROLE_ANSWER, NULL},
    {"pairs", FIELD_UINT, "", 1, 1e15, "3e9", "most steps from an ideal to a larger one", OFFSET(pairs), ROLE_ANSWER,
     NULL},
};
static const struct field_table exact_fields = {"partition.exact", "exact search for a partition", exact_field_list,
                                                sizeof exact_field_list / sizeof *exact_field_list};

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  const struct partition_graph *graph = request->graph;
  struct partition_meter meter;
  partition_meter_init(&meter, request, result);
  uint32_t *chip = ARENA_NEW(request->arena, uint32_t, graph->n);
  const double quick = partition_quick(graph, request->scratch, chip);
  double value = quick < INFINITY && !partition_meter_full(&meter) ? partition_meter_try(&meter, chip) : INFINITY;
  result->proven = partition_exact(graph, request->settings, request, chip, &value, &result->bound);
  if (value < INFINITY && !partition_meter_full(&meter)) partition_meter_try(&meter, chip);
  result->proven = result->proven && !(result->value > value);
  return true;
}

const struct partition_algorithm partition_by_exact = {.name = "exact",
                                                       .doc =
                                                           "order ideals and bisection: optimal and proven, or a bound",
                                                       .source = "partition §9",
                                                       .table = &exact_fields,
                                                       .settings_bytes = sizeof(struct partition_limits),
                                                       .run = run};

/* How far does search over orders come without any exact method? (partition §10.) */
#include "search/partition/partition_restarts.h"
#include <math.h>

struct orders_settings {
  uint64_t tasks, round_samples;
};
#define OFFSET(member) offsetof(struct orders_settings, member)
static const struct field orders_field_list[] = {
    {"tasks", FIELD_UINT, "", 1, 4096, "4", "climbs that share a round's samples", OFFSET(tasks), ROLE_ANSWER, NULL},
    {"round_samples", FIELD_UINT, "", 1, 1e15, "10000",
     "of a climb, after which half of them go on from the best of all", OFFSET(round_samples), ROLE_ANSWER, NULL},
};
static const struct field_table orders_fields = {"partition.orders", "order search: climbs from the fixed orders",
                                                 orders_field_list,
                                                 sizeof orders_field_list / sizeof *orders_field_list};

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  const struct orders_settings *settings = request->settings;
  struct partition_meter meter;
  partition_meter_init(&meter, request, result);
  partition_try_fixed_orders(&meter);
  const struct partition_restarts restarts = {
      .tasks = settings->tasks, .samples_each = settings->round_samples, .samples = UINT64_MAX};
  partition_restarts_run(&meter, &restarts);
  return true;
}

const struct partition_algorithm partition_by_orders = {
    .name = "orders",
    .doc = "ours without exact methods: climbs over topological orders, each sliced exactly",
    .source = "ours; partition §10",
    .table = &orders_fields,
    .settings_bytes = sizeof(struct orders_settings),
    .default_samples = 100000,
    .run = run,
};

/* How a system is shown: as a table, as lines for a person, as JSON. */
#ifndef DSE_SYSTEM_REPORT_H
#define DSE_SYSTEM_REPORT_H

#include "dse/global.h"
#include <jansson.h>

/* One design on every stage, in its best strategy: what `dse evaluate` and the end of a run print. */
void system_report_say(const struct run *run, const struct system_plan *plan, const struct system_result *result);
json_t *system_report_json(const struct run *run, const struct system_plan *plan, const struct system_result *result);
/* `dse evaluate` of a design on all devices: its best strategy, the next best, and what stands in the way of it. */
enum status system_report_evaluate(const struct run *run, const struct accelerator *accelerator, struct error *error);
/* What the strategies came to, and what the choice of designs by stage found. */
void system_report_search(const struct run *run);

#endif

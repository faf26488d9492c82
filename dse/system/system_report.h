/* How a system is shown: as a table, as lines for a person, as JSON. */
#ifndef DSE_SYSTEM_REPORT_H
#define DSE_SYSTEM_REPORT_H

#include "dse/system/global.h"
#include <jansson.h>

/* Of the front of systems the best by the run's metric; the first of equals. NULL: there is none. */
const struct global_system *system_report_chosen(const struct run *run);
/* The one that draws least of those within 1 % of its throughput; NULL: none draws a hundredth less. */
const struct global_system *system_report_frugal(const struct global *global, const struct global_system *chosen);
/* "tensor 2 with sequence, pipeline 8, data 4; 16 microbatches of 2; schedule 1f1b" */
const char *system_report_strategy(const struct system_plan *plan, struct arena *arena);
/* "stage 0: tc_count=8,…; stages 1-7: …", one clause a design. */
const char *system_report_designs(const struct run *run, const struct global_system *system);
/* "first-last: key=value,…; …": for tables. */
const char *system_report_designs_by_stage(const struct run *run, const struct global_system *system);
/* "7 6 6 7": how many places of the chain of blocks each stage holds. */
const char *system_report_layers(const struct global_system *system, struct arena *arena);
/* What the bound of the run's systems is about: "designs of the space", … */
const char *system_report_bounded(const struct run *run);
/* What moving layers along is worth: the fastest of each kind, at the limits of the run, with the same candidates. */
const char *system_report_kinds(const struct run *run, struct arena *arena);
/* Six digits, and whole numbers beyond a million: 1313040 rather than 1.31304e+06. */
const char *system_report_number(double value, struct arena *arena);
/* Of what the MAC units of all devices could do in an iteration, what the model needs (recomputation does not count).
 */
double system_report_utilisation(const struct global_system *system);
/* By how much the bound of all systems of these strategies exceeds one of them, as a share; NaN: no bound is known. */
double system_report_gap(const struct global *global, const struct global_system *system);
/* Bytes that a device of a run of equal stages has; the least of them. */
uint64_t system_report_hbm_bytes(const struct global_system *system, const struct device_run *run);
/* In full words: operators, collectives, … */
extern const char *const system_report_part_words[N_SYSTEM_PARTS];

/* One design on every stage, in its best strategy: what `dse evaluate` prints. */
void system_report_say(const struct run *run, const struct system_plan *plan, const struct system_result *result);
json_t *system_report_json(const struct run *run, const struct system_plan *plan, const struct system_result *result);
/* The chosen system with its bound, for summary.json; null: there is none. */
json_t *system_report_chosen_json(const struct run *run);
/* `dse evaluate` of a design on all devices: its best strategy, the next best, and what stands in the way of it. */
enum status system_report_evaluate(const struct run *run, const struct accelerator *accelerator, struct error *error);
/* What the strategies came to, and what the choice of designs by stage found: the end of a run. */
void system_report_search(const struct run *run);

#endif

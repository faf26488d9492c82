/* What does one design do for each workload of a list? A row a workload: for people, for programs, for the page. */
#ifndef DSE_SET_REPORT_H
#define DSE_SET_REPORT_H

#include "dse/run/run.h"
#include "results/report.h"
#include "results/table.h"
#include <jansson.h>

struct set_row {
  const char *workload;
  uint64_t batch;
  double weight; /* all of them add up to 1 */
  double iteration_s, throughput, speedup;
  double bound;     /* samples a second that no schedule of this design exceeds */
  double reference; /* samples a second of limits.reference */
  double energy_j;
  uint64_t memory_bytes;
  enum stage_binding binding;
};

struct set_report {
  double value, energy_j; /* of the objective, of the mean iteration */
  struct set_row *rows;   /* [run->n_members], in the arena */
};

/* Schedules every workload of a list on the design, whatever limits say. */
void set_report_of(const struct run *run, const struct accelerator *accelerator, struct set_report *report,
                   struct arena *arena);
/* workloads.csv; without rows if `report` is NULL. */
struct table *set_report_table(const struct run *run, const struct set_report *report, struct arena *arena);
void set_report_say(const struct run *run, const struct set_report *report);
json_t *set_report_json(const struct run *run, const struct set_report *report);
/* The table of the page. */
const struct report_table *set_report_page(const struct run *run, const struct set_report *report, struct arena *arena);

#endif

/* H2H's four steps (Zhang et al., DAC 2022; placement §4), each a record of its own: h2h-step1 … h2h-step4. */
#ifndef SEARCH_PLACEMENT_H2H_H
#define SEARCH_PLACEMENT_H2H_H

#include "search/placement/placement_build.h"

struct h2h_settings {
  uint64_t max_trials;
};
extern const struct field_table h2h_fields;

struct h2h_report {
  /* After each step that was taken. Steps 1 and 2 as published: nothing stays but, in step 2, weights. */
  struct {
    double makespan_s, energy_j, communication_s;
  } step[4];
  uint64_t n_tried, n_accepted; /* candidates of step 4 */
};
/* Steps 1 to `last_step`; the record's run without a report. One evaluation, and one a candidate of step 4. */
void h2h_run(const struct placement_request *request, unsigned last_step, struct placement_result *result,
             struct h2h_report *report);

/* Step 1: devices in build->device and the order in which layers were placed. False: a dead end. */
bool h2h_place(struct placement_build *build, uint64_t max_trials, uint32_t *order);
/* Step 4 from the meter's best answer, which is what step 3 left with these ends [n_layers]. */
void h2h_remap(struct placement_meter *meter, const struct placement_build *build, const double *end_s,
               struct h2h_report *report);

#endif

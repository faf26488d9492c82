/* See importance.h. */
#include "dse/design/importance.h"

#include "dse/study/sensitivity.h"
#include "dse/system/joint_space.h"
#include <string.h>

enum { LEAST_SAMPLES = 8 };

/* With a system the strategy's degrees are axes beside the designs' own. False: too many for a point. */
static bool choose_axes(struct sensitivity *sensitivity, struct arena *arena) {
  sensitivity->within = &sensitivity->base.allowed.space;
  if (sensitivity->run->system == NULL) return true;
  struct joint_space *joint = ARENA_NEW(arena, struct joint_space, 1);
  sensitivity->within = &joint->space;
  return joint_space_init(joint, &sensitivity->base.allowed, arena);
}

bool importance_compute(struct run *run, struct error *error) {
  const uint64_t asked = run->settings.report.sensitivity_samples;
  const uint64_t n_samples = asked > LEAST_SAMPLES ? asked : LEAST_SAMPLES;
  if (asked == 0 || topk_count(run->rounds.topk) == 0) return true;
  struct sensitivity *sensitivity = ARENA_NEW(run->invocation->arena, struct sensitivity, 1);
  sensitivity->run = run;
  sensitivity->request = (struct sensitivity_request){.n_samples = n_samples, .scale = 1, .metric_alone = true};
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) sensitivity->indices[p].none = "not asked for";
  if (!drawn_base_init(&sensitivity->base, run, error)) return false;
  if (!choose_axes(sensitivity, run->invocation->arena)) {
    sensitivity->indices[PART_ALLOWED].none = "more inputs than a design can have";
  } else if (sensitivity->within->n_axes == 0) {
    return true;
  } else {
    run->weighing = true;
    const bool good = sensitivity_of_allowed(sensitivity, error);
    run->weighing = false;
    if (!good) return run->rounds.stopped;
  }
  run->importance = sensitivity;
  return true;
}

void importance_fill(const struct run *run, struct report *report, struct arena *arena) {
  const struct sensitivity *sensitivity = run->importance;
  if (sensitivity == NULL) return;
  struct report_table *tables = ARENA_NEW(arena, struct report_table, report->n_tables + 1);
  if (report->n_tables > 0) memcpy(tables, report->tables, report->n_tables * sizeof *tables);
  struct report_table *own = &tables[report->n_tables];
  if (sensitivity->indices[PART_ALLOWED].none != NULL) {
    *own = (struct report_table){
        .title = "Which axes matter within the limits",
        .sentence = arena_printf(arena, "No Sobol' indices: %s.", sensitivity->indices[PART_ALLOWED].none)};
  } else {
    struct report_bars *bars = ARENA_NEW(arena, struct report_bars, 1);
    sensitivity_page_part(sensitivity, PART_ALLOWED, bars, own, arena);
    own->sentence =
        run->system != NULL
            ? arena_printf(arena, "%s One design on all devices; data follows from devices and the other degrees.",
                           own->sentence)
            : arena_printf(arena, "%s dse sensitivity run.cfg --samples %llu says more.", own->sentence,
                           (unsigned long long)sensitivity->request.n_samples);
    report->bars = bars;
    report->n_bars = 1;
  }
  report->tables = tables;
  report->n_tables++;
}

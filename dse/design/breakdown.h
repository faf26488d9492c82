/* Where do the area, the TDP, the energy and the price of one design go? A row a component, for people and programs.
 *
 * Area and TDP are those of the laws of docs/models/area-power.md; leakage is shared out by area and the regulators'
 * loss by what each component draws, so that components add up to the totals. Energy is that of one iteration, by level
 * (arch/energy.h). Left out: which operator spends it (dse cost). */
#ifndef DSE_BREAKDOWN_H
#define DSE_BREAKDOWN_H

#include "arch/energy.h"
#include "arch/money.h"
#include "dse/commands/command.h"
#include "dse/run/run.h"
#include <jansson.h>

enum component {
  COMPONENT_TENSOR,
  COMPONENT_VECTOR,
  COMPONENT_CORE_L2,
  COMPONENT_GLB,
  COMPONENT_WIRING,
  COMPONENT_HBM,
  COMPONENT_LINKS,
  COMPONENT_MISC,
  COMPONENT_FILL,
  N_COMPONENTS
};

struct breakdown {
  double area_mm2[N_COMPONENTS], tdp_w[N_COMPONENTS], energy_j[N_COMPONENTS];
  struct energy_breakdown energy;
  struct money money;
};

/* Of a design that has been evaluated. False if the run file's spare cores are more than it has. */
bool breakdown_of(const struct run *run, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, const struct stage_result *result,
                  struct breakdown *breakdown, struct error *error);
void breakdown_say(const struct breakdown *breakdown, const struct run *run);
/* Adds "breakdown", "energy_by_level_j" and "money". */
void breakdown_json(const struct breakdown *breakdown, json_t *object);

#endif

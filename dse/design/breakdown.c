/* See breakdown.h. */
#include "dse/design/breakdown.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const component_names[N_COMPONENTS] = {"tensor", "vector", "core_l2", "glb", "wiring",
                                                          "hbm",    "links",  "misc",    "fill"};

static void split_area(const struct area_breakdown *area, double l2_mm2, double *mm2) {
  mm2[COMPONENT_TENSOR] = area->tensor;
  mm2[COMPONENT_VECTOR] = area->vector;
  mm2[COMPONENT_CORE_L2] = l2_mm2;
  mm2[COMPONENT_GLB] = area->sram - l2_mm2;
  mm2[COMPONENT_WIRING] = area->noc;
  mm2[COMPONENT_HBM] = area->hbm;
  mm2[COMPONENT_LINKS] = area->links;
  mm2[COMPONENT_MISC] = area->misc;
  mm2[COMPONENT_FILL] = area->fill;
}

/* Gives each component its share by area of what leaks, then of what the regulators lose by what it draws. */
static void share_out(const double *mm2, double area_mm2, double leakage, double supply, double *of) {
  double drawn = 0;
  for (unsigned c = 0; c < N_COMPONENTS; c++) {
    of[c] += leakage * mm2[c] / area_mm2;
    drawn += of[c];
  }
  for (unsigned c = 0; c < N_COMPONENTS && drawn > 0; c++) of[c] += supply * of[c] / drawn;
}

static void split_energy(const struct energy_breakdown *energy, const double *mm2, double area_mm2, double *j) {
  const double *const level = energy->level_j;
  memset(j, 0, N_COMPONENTS * sizeof *j);
  j[COMPONENT_TENSOR] = level[ENERGY_MACS] + level[ENERGY_IDLE] + level[ENERGY_REGISTERS];
  j[COMPONENT_VECTOR] = level[ENERGY_LANES];
  j[COMPONENT_CORE_L2] = level[ENERGY_L2];
  j[COMPONENT_GLB] = level[ENERGY_GLB];
  j[COMPONENT_WIRING] = level[ENERGY_WIRES];
  j[COMPONENT_HBM] = level[ENERGY_HBM];
  j[COMPONENT_LINKS] = level[ENERGY_LINKS];
  j[COMPONENT_MISC] = level[ENERGY_MISC];
  share_out(mm2, area_mm2, level[ENERGY_LEAKAGE], level[ENERGY_SUPPLY], j);
}

bool breakdown_of(const struct run *run, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, const struct stage_result *result,
                  struct breakdown *breakdown, struct error *error) {
  const struct stage *stage = &run->stage;
  const struct power_breakdown *power = &design->tdp;
  const double l2_mm2 = design_core_l2_mm2(stage, accelerator, &design->area);
  memset(breakdown, 0, sizeof *breakdown);
  split_area(&design->area, l2_mm2, breakdown->area_mm2);

  double *const w = breakdown->tdp_w;
  w[COMPONENT_TENSOR] = power->tensor;
  w[COMPONENT_VECTOR] = power->vector;
  w[COMPONENT_HBM] = power->hbm;
  w[COMPONENT_LINKS] = power->links;
  w[COMPONENT_MISC] = power->misc;
  share_out(breakdown->area_mm2, design->area.total, power->leakage, power->supply, w);

  struct energy_prices prices;
  struct energy_traffic traffic;
  energy_prices_init(&prices, &stage->energy, accelerator, &design->area);
  stage_traffic(result, &traffic);
  energy_split(&prices, &traffic, &breakdown->energy);
  split_energy(&breakdown->energy, breakdown->area_mm2, design->area.total, breakdown->energy_j);
  return design_money(&run->designs, accelerator, design, &breakdown->money, error);
}

/* --- for people -----------------------------------------------------------------------------------------------------
 */

static double sum(const double *of) {
  double total = 0;
  for (unsigned c = 0; c < N_COMPONENTS; c++) total += of[c];
  return total;
}

static void say_row(const struct invocation *invocation, const char *name, const double *value, const double *total) {
  say(invocation, "  %-10s", name);
  for (unsigned c = 0; c < 3; c++) {
    if (total[c] > 0) {
      say(invocation, " %10.2f %5.1f %%", value[c], 100 * value[c] / total[c]);
    } else {
      say(invocation, " %10s %7s", "-", "");
    }
  }
  say(invocation, "\n");
}

/* "unknown" where a node has no published figure. */
static const char *figure(struct arena *arena, const char *before, double value, const char *behind) {
  return isnan(value) ? "unknown" : arena_printf(arena, "%s%.5g%s", before, value, behind);
}

static void say_money(const struct money *money, const struct run *run) {
  const struct invocation *invocation = run->invocation;
  struct arena *arena = invocation->arena;
  if (!(money->dies_per_wafer > 0)) {
    say(invocation, "money: a die of %.5g mm2 does not fit a wafer\n", money->die_mm2);
    return;
  }
  say(invocation, "money: %.4g dies of %.5g mm2 a wafer (%s), yield %s", money->dies_per_wafer, money->die_mm2,
      figure(arena, "$", money->wafer_usd, ""), figure(arena, "", 100 * money->yield, " %"));
  const uint64_t spares = run->settings.money.spare_cores;
  if (spares > 0) {
    say(invocation, " with %" PRIu64 " spare cores, %s without", spares,
        figure(arena, "", 100 * money->yield_without_spares, " %"));
  }
  say(invocation, "; a good die %s, its HBM %s; carbon of making it %s\n", figure(arena, "$", money->die_usd, ""),
      figure(arena, "$", money->hbm_usd, ""), figure(arena, "", money->carbon_kg, " kg CO2e"));
}

void breakdown_say(const struct breakdown *breakdown, const struct run *run) {
  const struct invocation *invocation = run->invocation;
  const double total[3] = {sum(breakdown->area_mm2), sum(breakdown->tdp_w), sum(breakdown->energy_j)};
  say(invocation, "  %-10s %18s %18s %18s\n", "part", "area mm2", "TDP W", "energy J");
  for (unsigned c = 0; c < N_COMPONENTS; c++) {
    const double value[3] = {breakdown->area_mm2[c], breakdown->tdp_w[c], breakdown->energy_j[c]};
    say_row(invocation, component_names[c], value, total);
  }
  say_row(invocation, "total", total, total);
  say_money(&breakdown->money, run);
}

/* --- for programs ---------------------------------------------------------------------------------------------------
 */

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

void breakdown_json(const struct breakdown *breakdown, json_t *object) {
  json_t *parts = json_object();
  const double total_j = sum(breakdown->energy_j);
  for (unsigned c = 0; c < N_COMPONENTS; c++) {
    json_object_set_new(parts, component_names[c],
                        json_pack("{sf sf sf sf}", "area_mm2", breakdown->area_mm2[c], "tdp_w", breakdown->tdp_w[c],
                                  "energy_j", breakdown->energy_j[c], "energy_share",
                                  total_j > 0 ? breakdown->energy_j[c] / total_j : 0));
  }
  json_object_set_new(object, "breakdown", parts);
  json_t *levels = json_object();
  for (unsigned level = 0; level < N_ENERGY_LEVELS; level++) {
    json_object_set_new(levels, energy_level_names[level], json_real(breakdown->energy.level_j[level]));
  }
  json_object_set_new(object, "energy_by_level_j", levels);
  const struct money *money = &breakdown->money;
  const struct {
    const char *key;
    double value;
  } figures[] = {{"die_mm2", money->die_mm2},
                 {"dies_per_wafer", money->dies_per_wafer},
                 {"wafer_usd", money->wafer_usd},
                 {"yield", money->yield},
                 {"yield_without_spares", money->yield_without_spares},
                 {"die_usd", money->die_usd},
                 {"hbm_usd", money->hbm_usd},
                 {"total_usd", money->total_usd},
                 {"die_carbon_kg", money->die_carbon_kg},
                 {"carbon_kg", money->carbon_kg}};
  json_t *prices = json_object();
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
    json_object_set_new(prices, figures[i].key, number(figures[i].value));
  }
  json_object_set_new(object, "money", prices);
}

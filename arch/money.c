/* Wafers, yield, prices, carbon. See money.h. */
#include "arch/money.h"

#include "base/checked.h"

#include "base/num.h"
#include <math.h>

/* cost-model §7. 14 and 12 nm count as 16 (one line in Khan & Mann), 4 and 3 nm have no published wafer price there;
 * carbon: ACT's kWh and gases (95 % abated) for making a cm². */
static const struct node_prices {
  uint64_t nm;
  double wafer_usd, defects_per_mm2, kwh_per_cm2, gases_kg_per_cm2;
} nodes[] = {
    {28, 2891, 0.0005, 0.90, 0.175},  {16, 3984, 0.0010, 1.20, 0.200},
    {14, 3984, 0.0010, 1.20, 0.200},  {12, 3984, 0.0010, 1.20, 0.200},
    {10, 5992, 0.0012, 1.475, 0.240}, {7, 9346, 0.0015, 2.15, 0.350},
    {5, 16988, 0.0020, 2.75, 0.430},  {3, (double)NAN, (double)NAN, 3.25, 0.470},
};

static const double wafer_radius_mm = 150;
static const double pi = 3.14159265358979323846;

#define MONEY_FIELD(key_, unit_, minimum_, maximum_, default_, doc_)                                                   \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_REAL, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = offsetof(struct money_settings, key_), .role = ROLE_NONE          \
  }
static const struct field fields[] = {
    MONEY_FIELD(wafer_usd, "usd", 0, 1e6, "0.0",
                "Price of a 300 mm wafer; 0: the node's (Khan & Mann: 28 nm 2891, 16 3984, 7 9346, 5 16988)."),
    MONEY_FIELD(defects_per_mm2, "1/mm2", 0, 1, "0.0",
                "Density of killing defects; 0: the node's (ttm-cas: 28 nm .0005, 16 .001, 7 .0015, 5 .002)."),
    MONEY_FIELD(clustering, "", 0.1, 1000, "3.0",
                "Shape of the yield law: the smaller, the more defects keep together (3 is usual; Chiplet Cloud: 10)."),
    {.key = "spare_cores",
     .type = FIELD_UINT,
     .unit = "",
     .maximum = 1e4,
     .default_text = "0",
     .doc = "Cores of a die that may be bad in one that is sold (A100: 20 of 128).",
     .offset = offsetof(struct money_settings, spare_cores),
     .role = ROLE_NONE},
    MONEY_FIELD(hbm_usd_per_gib, "usd/gib", 0, 1000, "7.0", "Price of HBM (LLMCompass, 2023)."),
    MONEY_FIELD(grid_kg_per_kwh, "kg/kwh", 0, 10, "0.583",
                "Carbon of the fab's electricity (ACT: Taiwan .583, USA .38, world .301, Iceland .028)."),
    MONEY_FIELD(materials_kg_per_cm2, "kg/cm2", 0, 10, "0.5", "Carbon of raw materials for a cm² of wafer (ACT)."),
    MONEY_FIELD(package_usd_per_mm2, "usd/mm2", 0, 100, "0.0",
                "Substrate and assembly by area of dies and HBM; 0: not counted."),
    MONEY_FIELD(bond_yield, "", 0.5, 1, "0.99",
                "Share of chiplets that are bonded well; a bad one spoils its package. A single die is not counted."),
    MONEY_FIELD(socket_usd, "usd", 0, 1e6, "0.0",
                "Of a package: its share of board, host, network cards and cooling; 0: not counted."),
};
const struct field_table money_fields = {
    .name = "money",
    .doc = "Price and carbon of a part; a search looks at prices of dies alone, and only where die_cost is asked for.",
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
};

double money_dies_per_wafer(double die_mm2) {
  const double dies = pi * wafer_radius_mm * wafer_radius_mm / die_mm2 - pi * 2 * wafer_radius_mm / sqrt(2 * die_mm2);
  return dies > 0 ? dies : 0;
}

/* --- yield ----------------------------------------------------------------------------------------------------------
 */

static double negative_binomial(double area_mm2, double defects_per_mm2, double clustering) {
  return num_pow(1 + area_mm2 * defects_per_mm2 / clustering, -clustering);
}

/* The chance that at most n_spares of n_units fail, each with the chance 1 − e^−x, 0 < x. Terms of the binomial sum are
 * carried as logarithms, so that none underflows before it is summed. */
static double at_most(uint64_t n_units, uint64_t n_spares, double x) {
  const double works = num_exp(-x);
  if (!(works < 1)) return 1; /* x below the rounding of 1 */
  const double odds = num_log(1 - works) + x;
  double term = -x * (double)n_units, sum = 0;
  for (uint64_t bad = 0;; bad++) {
    sum += num_exp(term);
    if (bad == n_spares) break;
    term += odds + num_log((double)(n_units - bad) / (double)(bad + 1));
  }
  return sum < 1 ? sum : 1;
}

/* The mean over λ = D0·g/α, g Gamma-distributed with shape α: with g = e^y the density is proportional to
 * e^(αy − e^y), and the trapezoid rule, dividing by its own sum of weights, converges exponentially. */
double money_yield(double area_mm2, double unit_mm2, uint64_t n_units, uint64_t n_spares, double defects_per_mm2,
                   double clustering) {
  if (isnan(defects_per_mm2)) return (double)NAN;
  if (n_spares == 0) return negative_binomial(area_mm2, defects_per_mm2, clustering);
  enum { N_STEPS = 2000 };
  const double rest_mm2 = area_mm2 - unit_mm2 * (double)n_units;
  /* From where 10⁻¹⁶ of the weight is below to where it is above. */
  const double low = num_log(clustering) - 37 / clustering - 8, high = num_log(clustering + 40 * sqrt(clustering) + 40);
  double sum = 0, weights = 0;
  for (unsigned i = 0; i <= N_STEPS; i++) {
    const double y = low + (high - low) * i / N_STEPS, g = num_exp(y);
    /* Largest at g = α, where it is set to 1. */
    const double weight = num_exp(clustering * (y - num_log(clustering)) - (g - clustering));
    const double density = defects_per_mm2 * g / clustering;
    weights += weight;
    if (weight > 0) sum += weight * num_exp(-density * rest_mm2) * at_most(n_units, n_spares, density * unit_mm2);
  }
  return sum / weights;
}

/* --- a part ---------------------------------------------------------------------------------------------------------
 */

static struct node_prices prices_of(const struct money_settings *settings, uint64_t nm) {
  struct node_prices prices = {nm, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    if (nodes[i].nm == nm) prices = nodes[i];
  if (settings->wafer_usd > 0) prices.wafer_usd = settings->wafer_usd;
  if (settings->defects_per_mm2 > 0) prices.defects_per_mm2 = settings->defects_per_mm2;
  return prices;
}

bool money_knows_node(const struct money_settings *settings, uint64_t nm) {
  const struct node_prices prices = prices_of(settings, nm);
  return !isnan(prices.wafer_usd) && !isnan(prices.defects_per_mm2);
}

double money_least_die_usd(const struct money_settings *settings, uint64_t nm, double die_mm2) {
  const struct node_prices prices = prices_of(settings, nm);
  const double dies = money_dies_per_wafer(die_mm2);
  const double yield =
      settings->spare_cores > 0 ? 1 : negative_binomial(die_mm2, prices.defects_per_mm2, settings->clustering);
  return dies > 0 ? prices.wafer_usd / (dies * yield) : (double)INFINITY;
}

/* A stack of HBM on an interposer takes about 11 mm by 10 mm (JESD235). */
static const double hbm_stack_mm2 = 110;

double money_package_usd(const struct money_settings *settings, uint64_t chiplets, double area_mm2, double bare_usd) {
  const double substrate_usd = settings->package_usd_per_mm2 * area_mm2;
  const double good = chiplets > 1 ? pow(settings->bond_yield, (double)chiplets) : 1;
  return (bare_usd + substrate_usd) / good - bare_usd + settings->socket_usd / (double)max_u64(chiplets, 1);
}

bool money_of(const struct money_settings *settings, const struct accelerator *accelerator,
              const struct area_breakdown *area, double core_l2_mm2, struct money *money, struct error *error) {
  const struct node_prices prices = prices_of(settings, accelerator->node_nm);
  const uint64_t dies = accelerator->dies > 1 ? accelerator->dies : 1;
  const uint64_t all_units = accelerator->tc_count > 0 ? accelerator->tc_count : accelerator->vc_count;
  const uint64_t units = all_units / dies > 0 ? all_units / dies : 1;
  if (settings->spare_cores >= units && settings->spare_cores > 0) {
    return error_add(error, STATUS_INPUT, "money.spare_cores: %llu cores of a die may be bad, but it has only %llu",
                     (unsigned long long)settings->spare_cores, (unsigned long long)units);
  }
  *money = (struct money){.die_mm2 = area->total / (double)dies, .wafer_usd = prices.wafer_usd};
  /* Wiring between cores is nobody's spare; what fills the die is shared out over all parts alike. */
  const double cores_mm2 = area->tensor + area->vector + core_l2_mm2;
  const double used_mm2 = area->total - area->fill;
  const double unit_mm2 = money->die_mm2 * (cores_mm2 / used_mm2) / (double)units;
  const double defects = prices.defects_per_mm2, clustering = settings->clustering;
  money->dies_per_wafer = money_dies_per_wafer(money->die_mm2);
  money->yield_without_spares = money_yield(money->die_mm2, unit_mm2, units, 0, defects, clustering);
  money->yield = money_yield(money->die_mm2, unit_mm2, units, settings->spare_cores, defects, clustering);
  money->die_usd = money->dies_per_wafer > 0 ? prices.wafer_usd / (money->dies_per_wafer * money->yield) : (double)NAN;
  money->hbm_usd = (double)accelerator_hbm_bytes(accelerator) / (1 << 30) * settings->hbm_usd_per_gib;
  const double bare_usd = (double)dies * money->die_usd + money->hbm_usd;
  const double covered_mm2 = area->total + hbm_stack_mm2 * (double)accelerator->hbm_stacks;
  money->package_usd = money_package_usd(settings, accelerator->chiplets, covered_mm2, bare_usd);
  money->total_usd = bare_usd + money->package_usd;
  const double kg_per_cm2 =
      prices.kwh_per_cm2 * settings->grid_kg_per_kwh + prices.gases_kg_per_cm2 + settings->materials_kg_per_cm2;
  money->die_carbon_kg = 0.01 * money->die_mm2 * kg_per_cm2 / money->yield;
  money->carbon_kg = (double)dies * money->die_carbon_kg;
  return true;
}

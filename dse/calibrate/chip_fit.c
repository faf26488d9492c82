/* How are the constants of the area and power law fitted to chips, and what are they worth on a chip that was left out?
 *
 * Source: cost-model §6 (priors, bounds), §8: the least Σ ln²(predicted/real) + penalty for leaving the priors, area
 * and power apart, in logarithms within the bounds. Simplex after Nelder and Mead (GSL), restarted where it stopped,
 * from the priors and three Halton points; the best counts. With ten chips the penalty matters: by default each prior
 * is held as its range says (two deviations to either side) against chips that are known to 10 %, so that the fit is
 * the most probable set of constants. Left out: weights of chips; a search over laws (chip_laws.def lists those that
 * were tried). */
#include "dse/calibrate/chip_fit.h"

#include "base/error.h"
#include "base/num.h"
#include "dse/calibrate/simplex.h"
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <string.h>

enum { N_STARTS = 4 };
static const double table_precision = 0.10; /* of published dies, TDPs and MAC counts (chips.csv) */
static const double outside_weight = 100;   /* of ln² beyond a bound: steers the simplex back */
static const double unknown_die_mm2 = 750;

/* Priors and bounds: cost-model §6. The upper bound of a lane is that of an SM, 3 mm², over its 64 lanes. */
const struct chip_constant chip_constants[N_CHIP_CONSTANTS] = {
    [CONSTANT_MAC_UM2] = {"mac_um2", "um2", CHIP_AREA, 671, 400, 900, "a bf16 MAC with its registers at 7 nm"},
    [CONSTANT_LANE_UM2] = {"lane_um2", "um2", CHIP_AREA, 24200, 8000, 46900,
                           "an fp32 lane, registers, shuffles at 7 nm"},
    [CONSTANT_SM_MM2] = {"sm_mm2", "mm2", CHIP_AREA, 1.9, 1, 3, "vector logic of a GPU core (SM) at 7 nm"},
    [CONSTANT_LOCAL] = {"tile_local_mm2_per_mib", "mm2_per_mib", CHIP_AREA, 0.45, 0.38, 0.60,
                        "SRAM inside cores at 7 nm"},
    [CONSTANT_NOC] = {"noc_fraction", "", CHIP_AREA, 0.35, 0.15, 0.60, "wiring between cores as a share of them"},
    [CONSTANT_FILL] = {"fill_fraction", "", CHIP_AREA, 0.93, 0.80, 0.97, "share of the die that is used"},
    [CONSTANT_RATIO] = {"vector_ratio", "", CHIP_AREA, 0.8, 0.3, 2,
                        "unknown vector logic as a share of the MACs' area"},
    [CONSTANT_MAC_PJ] = {"mac_pj", "pj", CHIP_TDP, 1.45, 0.8, 2.5, "a bf16 MAC with operand delivery at 7 nm"},
    [CONSTANT_LANE_PJ] = {"lane_pj", "pj", CHIP_TDP, 8, 2, 25, "a lane's cycle, all-in, at 7 nm"},
    [CONSTANT_LEAKAGE] = {"leakage_w_per_mm2", "w_per_mm2", CHIP_TDP, 0.06, 0.03, 0.12, "leakage of the whole die"},
    [CONSTANT_SIMT] = {"simt_mac_factor", "", CHIP_TDP, 0.85, 0.5, 1.5, "energy of a GPU's MAC over that of others"},
};

const struct chip_law chip_laws[] = {
#define CHIP_LAW(name_, doc_, ...) {.name = #name_, .doc = doc_, __VA_ARGS__},
#include "dse/calibrate/chip_laws.def"
#undef CHIP_LAW
};
const size_t n_chip_laws = sizeof chip_laws / sizeof *chip_laws;

const struct chip_law *chip_law_find(const char *name) {
  for (size_t i = 0; i < n_chip_laws; i++)
    if (strcmp(chip_laws[i].name, name) == 0) return &chip_laws[i];
  return NULL;
}

bool chip_law_uses(const struct chip_law *law, enum chip_constant_index constant) {
  if (constant == CONSTANT_SM_MM2) return law->gpu != GPU_LANES;
  if (constant == CONSTANT_RATIO) return !(law->macs_per_lane > 0);
  return constant != CONSTANT_SIMT || law->simt_factor;
}

bool chip_law_fits(const struct chip_law *law, enum chip_constant_index constant) {
  const unsigned fitted = law->fitted == 0 ? FIT_LANES : law->fitted;
  return (fitted & 1u << constant) != 0 && chip_law_uses(law, constant);
}

/* --- predicting -------------------------------------------------------------------------------------------------- */

/* Lanes that count for area, and what one of them is, which goes to technology->lane_um2. */
static double area_lanes(const struct chip_law *law, const double *constants, const struct chip_row *row,
                         struct technology *technology) {
  const double sixteen_bit_macs = row->chip.macs / (row->format == MAC_INT8 ? 4 : 1);
  if (row->simt_cores > 0 && law->gpu != GPU_LANES) technology->lane_um2 = 1e6 * constants[CONSTANT_SM_MM2];
  if (row->simt_cores > 0 && law->gpu == GPU_SMS) return row->simt_cores;
  double lanes = row->chip.lanes;
  if (!row->lanes_known && law->macs_per_lane > 0) {
    lanes = sixteen_bit_macs / law->macs_per_lane;
  } else if (!row->lanes_known) {
    const double macs_um2 = row->chip.macs * row->chip.mac_area_factor * constants[CONSTANT_MAC_UM2];
    lanes = constants[CONSTANT_RATIO] * macs_um2 / technology->lane_um2;
  }
  return row->simt_cores > 0 && law->gpu == GPU_HALF ? (row->simt_cores + lanes / 64) / 2 : lanes;
}

static double predict_area(const struct chip_law *law, const double *constants, struct technology *technology,
                           const struct chip_row *row) {
  struct chip chip = row->chip;
  chip.lanes = area_lanes(law, constants, row, technology);
  if (law->stacks_floor && row->in_class && row->stack_bytes_per_s > 0) /* rates are rounded: 5 % are granted */
    chip.hbm_stacks = fmax(chip.hbm_stacks, ceil(chip.memory_bytes_per_s / (1.05 * row->stack_bytes_per_s)));
  if (row->simt_cores > 0 && law->wiring != GPU_NOT_WIRED) {
    if (law->wiring == GPU_WIRED_SLICES) technology->shared_mm2_per_mib = technology->sliced_mm2_per_mib;
    chip.wired = true;
    chip.shared_mib = chip.sliced_mib;
    chip.sliced_mib = 0;
  }
  struct area_breakdown area;
  chip_area(technology, &chip, &area);
  return area.total / row->dies;
}

static double predict_tdp(const struct chip_law *law, const double *constants, struct technology *technology,
                          const struct chip_row *row) {
  struct chip chip = row->chip;
  const bool counted = row->simt_cores == 0 && (row->lanes_known || law->macs_per_lane > 0);
  chip.lane_cycles_per_s = counted ? area_lanes(law, constants, row, technology) * row->clock_hz : 0;
  if (row->simt_cores > 0 && law->simt_factor) technology->mac_pj *= constants[CONSTANT_SIMT];
  const double die_mm2 = isnan(row->real[CHIP_AREA]) ? unknown_die_mm2 : row->real[CHIP_AREA];
  struct power_breakdown power;
  chip_tdp(technology, &chip, die_mm2 * row->dies, &power);
  return power.total;
}

double chip_predict(const struct chip_law *law, const double *constants, const struct technology *rest,
                    const struct chip_row *row, enum chip_quantity quantity) {
  struct technology technology = *rest;
  technology.mac_um2 = constants[CONSTANT_MAC_UM2];
  technology.lane_um2 = constants[CONSTANT_LANE_UM2];
  technology.tile_local_mm2_per_mib = constants[CONSTANT_LOCAL];
  technology.noc_fraction = constants[CONSTANT_NOC];
  technology.fill_fraction = constants[CONSTANT_FILL];
  technology.mac_pj = constants[CONSTANT_MAC_PJ];
  technology.lane_pj = constants[CONSTANT_LANE_PJ];
  technology.leakage_w_per_mm2 = constants[CONSTANT_LEAKAGE];
  return quantity == CHIP_AREA ? predict_area(law, constants, &technology, row)
                               : predict_tdp(law, constants, &technology, row);
}

/* --- fitting ----------------------------------------------------------------------------------------------------- */

struct problem {
  const struct chip_law *law;
  const struct chip_table *table;
  const struct technology *rest;
  enum chip_quantity quantity;
  size_t left_out; /* a die; SIZE_MAX: none */
  size_t n;        /* fitted constants, and which they are */
  size_t constant[N_CHIP_CONSTANTS];
  double low[N_CHIP_CONSTANTS], high[N_CHIP_CONSTANTS], prior[N_CHIP_CONSTANTS], weight[N_CHIP_CONSTANTS]; /* of ln² */
};

/* The vector holds logarithms; what lies beyond a bound counts as the bound, at a price, which is returned with that of
 * leaving the priors. */
static double place(const struct problem *problem, const gsl_vector *at, double *constants) {
  double price = 0;
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++) constants[i] = chip_constants[i].prior;
  for (size_t i = 0; i < problem->n; i++) {
    const double wanted = gsl_vector_get(at, i), value = fmin(fmax(wanted, problem->low[i]), problem->high[i]);
    const double moved = value - problem->prior[i];
    price += outside_weight * (wanted - value) * (wanted - value) + problem->weight[i] * moved * moved;
    constants[problem->constant[i]] = num_exp(value);
  }
  return price;
}

static double price_of(const gsl_vector *at, void *of) {
  const struct problem *const problem = of;
  double constants[N_CHIP_CONSTANTS];
  double price = place(problem, at, constants);
  for (size_t r = 0; r < problem->table->n; r++) {
    const struct chip_row *const row = &problem->table->rows[r];
    if (!row->in_fit[problem->quantity] || row->die == problem->left_out) continue;
    const double off = num_log(chip_predict(problem->law, constants, problem->rest, row, problem->quantity) /
                               row->real[problem->quantity]);
    const bool below_bound = problem->quantity == CHIP_AREA && row->at_most && off < 0;
    if (!(problem->law->one_sided && below_bound)) price += off * off;
  }
  return price;
}

/* From one start; returns the price and leaves the best place in `at`. */
static double descend(struct problem *problem, gsl_vector *at) {
  static const struct simplex_steps steps = {
      .first = 0.1, .last = 1e-7, .n_restarts = 2, .most_steps = 3000}; /* in logarithms */
  gsl_multimin_function function = {price_of, problem->n, problem};
  return simplex_descend(&function, &steps, at);
}

/* The constants of the problem's quantity that its law fits, in logarithms. */
static void choose_constants(struct problem *problem) {
  const double strength = problem->law->strength > 0 ? problem->law->strength : table_precision;
  problem->n = 0;
  for (enum chip_constant_index i = 0; i < N_CHIP_CONSTANTS; i++) {
    if (chip_constants[i].quantity != problem->quantity || !chip_law_fits(problem->law, i)) continue;
    const size_t n = problem->n++;
    problem->constant[n] = i;
    problem->low[n] = num_log(chip_constants[i].low);
    problem->high[n] = num_log(chip_constants[i].high);
    problem->prior[n] = num_log(chip_constants[i].prior);
    const double relative = strength / ((problem->high[n] - problem->low[n]) / 4);
    problem->weight[n] = problem->law->ridge ? strength : relative * relative;
  }
}

/* Fills those constants; the others stay. */
static void fit_constants(struct problem *problem, double *constants) {
  choose_constants(problem);
  if (problem->n == 0) return;
  gsl_vector *const at = gsl_vector_alloc(problem->n);
  gsl_qrng *const halton = gsl_qrng_alloc(gsl_qrng_halton, (unsigned)problem->n);
  REQUIRE(at != NULL && halton != NULL);
  double best = INFINITY, found[N_CHIP_CONSTANTS], share[N_CHIP_CONSTANTS];
  for (int start = 0; start < N_STARTS; start++) {
    gsl_qrng_get(halton, share);
    for (size_t i = 0; i < problem->n; i++) {
      const double drawn = problem->low[i] + share[i] * (problem->high[i] - problem->low[i]);
      gsl_vector_set(at, i, start == 0 ? problem->prior[i] : drawn);
    }
    const double price = descend(problem, at);
    if (!(price < best)) continue;
    best = price;
    place(problem, at, found);
    for (size_t i = 0; i < problem->n; i++) constants[problem->constant[i]] = found[problem->constant[i]];
  }
  gsl_qrng_free(halton);
  gsl_vector_free(at);
}

/* One quantity alone, whose constants and predictions it fills; false if there is no chip to fit to. */
static bool fit_quantity(const struct chip_law *law, const struct chip_table *table, const struct technology *rest,
                         enum chip_quantity quantity, struct arena *arena, struct chip_fit *fit) {
  double priors[N_CHIP_CONSTANTS], without[N_CHIP_CONSTANTS];
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++) priors[i] = without[i] = chip_constants[i].prior;
  struct problem problem = {.law = law, .table = table, .rest = rest, .quantity = quantity, .left_out = SIZE_MAX};
  size_t n_chips = 0;
  for (size_t r = 0; r < table->n; r++) n_chips += table->rows[r].in_fit[quantity];
  if (n_chips == 0) return false;
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++)
    if (chip_constants[i].quantity == quantity) fit->constants[i] = chip_constants[i].prior;
  fit_constants(&problem, fit->constants);
  fit->predicted[quantity] = arena_alloc(arena, table->n, sizeof *fit->predicted[quantity]);
  for (size_t r = 0; r < table->n; r++) {
    const struct chip_row *const row = &table->rows[r];
    const bool known = row->skipped[quantity] == NULL;
    fit->predicted[quantity][r].prior = known ? chip_predict(law, priors, rest, row, quantity) : NAN;
    fit->predicted[quantity][r].fit = known ? chip_predict(law, fit->constants, rest, row, quantity) : NAN;
    fit->predicted[quantity][r].left_out = fit->predicted[quantity][r].fit;
    if (!row->in_fit[quantity]) continue;
    problem.left_out = row->die;
    fit_constants(&problem, without);
    fit->predicted[quantity][r].left_out = chip_predict(law, without, rest, row, quantity);
  }
  return true;
}

bool chip_fit(const struct chip_law *law, const struct chip_table *table, const struct technology *rest,
              struct arena *arena, struct chip_fit *fit, struct error *error) {
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++) fit->constants[i] = chip_constants[i].prior;
  for (enum chip_quantity quantity = 0; quantity < N_CHIP_QUANTITIES; quantity++) {
    if (fit_quantity(law, table, rest, quantity, arena, fit)) continue;
    error_add(error, STATUS_INPUT, "%s: no chip with stacks of HBM has a known %s, so nothing can be fitted",
              table->path, quantity == CHIP_AREA ? "die_mm2" : "tdp_W (to 2022)");
  }
  return !error_is_set(error);
}

void chip_errors(const struct chip_fit *fit, const struct chip_table *table, enum chip_quantity quantity, bool in_class,
                 struct chip_errors *errors) {
  *errors = (struct chip_errors){.worst = ""};
  for (size_t r = 0; r < table->n; r++) {
    const struct chip_row *const row = &table->rows[r];
    if (row->skipped[quantity] != NULL || row->in_fit[quantity] != in_class) continue;
    const double off_pct = 100 * (fit->predicted[quantity][r].left_out / row->real[quantity] - 1);
    errors->n++;
    errors->prior_pct += fabs(100 * (fit->predicted[quantity][r].prior / row->real[quantity] - 1));
    errors->fit_pct += fabs(100 * (fit->predicted[quantity][r].fit / row->real[quantity] - 1));
    errors->left_out_pct += fabs(off_pct);
    if (!(quantity == CHIP_AREA && row->at_most && off_pct < 0)) errors->one_sided_pct += fabs(off_pct);
    if (fabs(off_pct) <= fabs(errors->worst_pct)) continue;
    errors->worst_pct = off_pct;
    errors->worst = row->name;
  }
  if (errors->n == 0) return;
  errors->prior_pct /= (double)errors->n;
  errors->fit_pct /= (double)errors->n;
  errors->left_out_pct /= (double)errors->n;
  errors->one_sided_pct /= (double)errors->n;
}

/* The law of all whose own left-out error over the class is least; the first of equals. */
static const struct chip_law *select_law(const struct chip_table *table, const struct technology *rest,
                                         enum chip_quantity quantity, struct arena *arena, double *constants) {
  const struct chip_law *best = NULL;
  double least_pct = INFINITY;
  for (size_t l = 0; l < n_chip_laws; l++) {
    struct chip_fit fit;
    struct chip_errors errors;
    if (!fit_quantity(&chip_laws[l], table, rest, quantity, arena, &fit)) return NULL;
    chip_errors(&fit, table, quantity, true, &errors);
    if (!(errors.left_out_pct < least_pct)) continue;
    least_pct = errors.left_out_pct;
    best = &chip_laws[l];
    for (size_t i = 0; i < N_CHIP_CONSTANTS; i++)
      constants[i] = chip_constants[i].quantity == quantity ? fit.constants[i] : chip_constants[i].prior;
  }
  return best;
}

bool chip_selection(const struct chip_table *table, const struct technology *rest, size_t row,
                    enum chip_quantity quantity, struct arena *arena, struct chip_selected *selected) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct chip_table others = {.path = table->path, .rows = ARENA_NEW(arena, struct chip_row, table->n), .n = table->n};
  memcpy(others.rows, table->rows, table->n * sizeof *others.rows);
  for (size_t r = 0; r < others.n; r++)
    if (others.rows[r].die == table->rows[row].die) others.rows[r].in_fit[quantity] = false;
  double constants[N_CHIP_CONSTANTS];
  selected->law = select_law(&others, rest, quantity, arena, constants);
  if (selected->law != NULL)
    selected->predicted = chip_predict(selected->law, constants, rest, &table->rows[row], quantity);
  arena_rewind(arena, mark);
  return selected->law != NULL;
}

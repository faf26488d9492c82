/* How well do constants of the area and power law say what real chips are? Fits them to a table of chips and predicts
 * each chip from constants that were fitted without it. (cost-model §6, §8) */
#ifndef DSE_CHIP_FIT_H
#define DSE_CHIP_FIT_H

#include "dse/calibrate/chip_table.h"

enum chip_constant_index {
  CONSTANT_MAC_UM2,
  CONSTANT_LANE_UM2,
  CONSTANT_SM_MM2,
  CONSTANT_LOCAL,
  CONSTANT_NOC,
  CONSTANT_FILL,
  CONSTANT_RATIO,
  CONSTANT_MAC_PJ,
  CONSTANT_LANE_PJ,
  CONSTANT_LEAKAGE,
  CONSTANT_SIMT,
  N_CHIP_CONSTANTS
};

/* The range is where the constant may lie and, read as two standard deviations to either side, how far the prior is
 * trusted. */
struct chip_constant {
  const char *key, *unit;
  enum chip_quantity quantity;
  double prior, low, high;
  const char *source;
};
extern const struct chip_constant chip_constants[N_CHIP_CONSTANTS];

enum {
  FIT_SM = 1 << CONSTANT_SM_MM2,
  FIT_LOCAL = 1 << CONSTANT_LOCAL,
  FIT_NOC = 1 << CONSTANT_NOC,
  FIT_FILL = 1 << CONSTANT_FILL,
  FIT_RATIO = 1 << CONSTANT_RATIO,
  FIT_LANE_PJ = 1 << CONSTANT_LANE_PJ,
  FIT_LEAKAGE = 1 << CONSTANT_LEAKAGE,
  FIT_SIMT = 1 << CONSTANT_SIMT,
  FIT_LANES = 1 << CONSTANT_MAC_UM2 | 1 << CONSTANT_LANE_UM2 | FIT_NOC | 1 << CONSTANT_MAC_PJ | FIT_LANE_PJ,
  FIT_ALL = (1 << N_CHIP_CONSTANTS) - 1,
  FIT_NOTHING = 1 << N_CHIP_CONSTANTS, /* 0 stands for FIT_LANES */
};

/* The vector logic of a GPU: its lanes; its SMs, whatever is in one; half by half. */
enum gpu_area { GPU_LANES, GPU_SMS, GPU_HALF };
enum gpu_wiring { GPU_NOT_WIRED, GPU_WIRED_BUFFER, GPU_WIRED_SLICES };

/* How rows become chips and constants are fitted; all 0: as `lanes`, but for macs_per_lane. */
struct chip_law {
  const char *name, *doc;
  enum gpu_area gpu;
  enum gpu_wiring wiring;
  double macs_per_lane; /* unknown lanes: one for so many 16-bit (or four times as many 8-bit) MACs; 0: their area is a
                           share of the MACs', and they take no power */
  bool simt_factor;     /* a GPU's MAC takes a factor of others' energy */
  bool stacks_floor;    /* at least as many stacks as can give the memory's rate */
  bool one_sided;       /* a die that is stated as a bound is no error while the law stays below it */
  bool ridge;           /* penalty strength × ln²(constant/prior); else ln² × (strength/deviation)² */
  double strength;      /* 0: 0.10, the table's own precision */
  unsigned fitted;      /* constants that are fitted, 1 << index; 0: FIT_LANES */
};
extern const struct chip_law chip_laws[];
extern const size_t n_chip_laws;
const struct chip_law *chip_law_find(const char *name); /* NULL: there is none */
bool chip_law_fits(const struct chip_law *law, enum chip_constant_index constant);
/* Whether the constant makes a difference under this law at all. */
bool chip_law_uses(const struct chip_law *law, enum chip_constant_index constant);

/* What the law says of a row with these constants: mm² of one die, W of the package. TDP takes the real die where it is
 * known and 750 mm² a die elsewhere. The row must not be skipped for this quantity. `rest` are the other constants. */
double chip_predict(const struct chip_law *law, const double *constants, const struct technology *rest,
                    const struct chip_row *row, enum chip_quantity quantity);

struct chip_fit {
  double constants[N_CHIP_CONSTANTS];
  struct {
    double prior, fit, left_out;    /* left_out is the fit for rows outside the class */
  } * predicted[N_CHIP_QUANTITIES]; /* a row each; NaN where skipped */
};
/* Deterministic: a simplex from the priors and from quasi-random starts. Fails only if no chip can be fitted to. */
bool chip_fit(const struct chip_law *law, const struct chip_table *table, const struct technology *rest,
              struct arena *arena, struct chip_fit *fit, struct error *error);

/* What is said of a chip by somebody who has never seen it, nor when choosing among all laws: takes the law whose own
 * left-out error over the others is least. The row must be in the fit; false if there are no others. */
struct chip_selected {
  const struct chip_law *law;
  double predicted;
};
bool chip_selection(const struct chip_table *table, const struct technology *rest, size_t row,
                    enum chip_quantity quantity, struct arena *arena, struct chip_selected *selected);

/* Means of |predicted/real − 1| in percent, over the class or outside it. */
struct chip_errors {
  size_t n;
  double prior_pct, fit_pct, left_out_pct;
  double one_sided_pct; /* left out; a die below its published bound counts 0 */
  double worst_pct;     /* with its sign */
  const char *worst;
};
void chip_errors(const struct chip_fit *fit, const struct chip_table *table, enum chip_quantity quantity, bool in_class,
                 struct chip_errors *errors);

#endif

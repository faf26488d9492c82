/* What does a chip cost in mm² and W, if one knows what is on it? The one area and power law: a design of the template
 * (technology.c) and a real chip of a table (`dse calibrate chips`) are both said in these words. (cost-model §5, §6)
 */
#ifndef ARCH_CHIP_LAW_H
#define ARCH_CHIP_LAW_H

#include "arch/technology.h"

/* Everything on the compute dies of one package; 0: there is none. */
struct chip {
  const struct technology_node *node;
  double macs;              /* on the die, spares included */
  double mac_area_factor;   /* of one MAC; a bf16 MAC is 1 */
  double mac_energy_factor; /* of one multiply-accumulate; bf16 is 1 */
  double mac_per_s;         /* at full speed, all together */
  double lanes;             /* fp32 lanes on the die */
  double lane_cycles_per_s; /* of the lanes that work while all MACs do */
  double local_mib;         /* SRAM inside cores: not wired across the die */
  double shared_mib;        /* wide buffer that all cores share */
  double sliced_mib;        /* L2 of a GPU, in slices with its share of the crossbar */
  bool wired;               /* there is wiring between cores, buffer and MACs besides; a GPU's crossbar is in its L2 */
  double hbm_stacks;
  double memory_bytes_per_s, memory_pj_per_bit;
  double link_gbytes_per_s; /* one direction, all links together */
  bool short_links;         /* extra-short reach: 0.3 of area and energy */
  double d2d_gbytes_per_s;  /* to chiplets of the same package, which always are of short reach */
};

/* Of MACs by operand: int8 0.40, 0.20 (cost-model §6); fp16 1.15, 1; fp32 assumed: area as the square of the width,
 * energy as Horowitz' (fp32 mul + add)/(fp16 mul + add) = 4.6/1.5, rounded up to 3.4 as at 7 nm (1.69/0.50). */
enum mac_format { MAC_INT8, MAC_BF16, MAC_FP16, MAC_FP32, N_MAC_FORMATS };
extern const double mac_area_factors[N_MAC_FORMATS], mac_energy_factors[N_MAC_FORMATS];
/* With controller: O'Connor MICRO'17 for devices; 3 and 3e partly assumed (cost-model §5). */
extern const double hbm_pj_per_bit[N_HBM_GENERATIONS];

void chip_area(const struct technology *technology, const struct chip *chip, struct area_breakdown *area);
/* Needs the area's total (leakage). */
void chip_tdp(const struct technology *technology, const struct chip *chip, double area_mm2,
              struct power_breakdown *power);

#endif

/* What does a chip cost in mm² and W? One sum of parts, for designs and for real chips.
 *
 * Source: cost-model §5 (nodes, HBM, links), §6 (the law). Two terms differ from it, because fewer constants predict
 * chips that were left out of the fit better (docs/models/accuracy.md, "Against real chips"): a GPU's SM is its lanes,
 * which cost what lanes cost elsewhere; its MACs take what other MACs take. Left out: voltage and frequency, 3D
 * stacking, analog parts other than HBM PHYs and links, harvesting. */
#include "arch/chip_law.h"

static const double cell_7nm_um2 = 0.027;

const double mac_area_factors[N_MAC_FORMATS] = {[MAC_INT8] = 0.40, [MAC_BF16] = 1, [MAC_FP16] = 1.15, [MAC_FP32] = 4};
const double mac_energy_factors[N_MAC_FORMATS] = {[MAC_INT8] = 0.20, [MAC_BF16] = 1, [MAC_FP16] = 1, [MAC_FP32] = 3.4};

const double hbm_pj_per_bit[N_HBM_GENERATIONS] = {[HBM_2] = 5.0, [HBM_2E] = 5.0, [HBM_3] = 4.2, [HBM_3E] = 3.5};

/* A stack's PHY and controller, and clocks, I/O, test, fuses (cost-model §5, §6): a part that does not shrink and one
 * that shrinks as logic does. */
static const double hbm_analog_mm2 = 10.0, hbm_logic_mm2 = 3.1;
static const double misc_mm2 = 25.0, misc_analog_share = 0.5;

/* 0.03 of 0.10 mm² per GB/s, 1.5 of 5 pJ a bit (cost-model §5). */
static const double short_reach_factor = 0.3;

/* In long-reach links of as much area and power. */
static double link_gbytes_per_s(const struct chip *chip) {
  return chip->link_gbytes_per_s * (chip->short_links ? short_reach_factor : 1) +
         chip->d2d_gbytes_per_s * short_reach_factor;
}

void chip_area(const struct technology *technology, const struct chip *chip, struct area_breakdown *area) {
  const double logic = chip->node->logic, sram = chip->node->cell_um2 / cell_7nm_um2;
  const double local_mm2 = chip->local_mib * technology->tile_local_mm2_per_mib * sram;
  const double shared_mm2 = chip->shared_mib * technology->shared_mm2_per_mib * sram;
  const double sliced_mm2 = chip->sliced_mib * technology->sliced_mm2_per_mib * sram;

  *area = (struct area_breakdown){0};
  area->tensor = chip->macs * technology->mac_um2 * 1e-6 * chip->mac_area_factor * logic;
  area->vector = chip->lanes * technology->lane_um2 * 1e-6 * logic;
  area->core_l2 = local_mm2;
  area->glb = shared_mm2 + sliced_mm2;
  area->sram = area->core_l2 + area->glb;
  area->noc = chip->wired ? technology->noc_fraction * (area->tensor + area->vector + shared_mm2) : 0;
  area->hbm = chip->hbm_stacks * (hbm_analog_mm2 + hbm_logic_mm2 * logic);
  area->links = link_gbytes_per_s(chip) * technology->link_mm2_per_gbytes_per_s;
  area->misc = misc_mm2 * (misc_analog_share + (1 - misc_analog_share) * logic);
  const double used_mm2 = area->tensor + area->vector + area->sram + area->noc + area->hbm + area->links + area->misc;
  area->total = used_mm2 / technology->fill_fraction;
  area->fill = area->total - used_mm2;
}

void chip_tdp(const struct technology *technology, const struct chip *chip, double area_mm2,
              struct power_breakdown *power) {
  const double energy = chip->node->energy;
  const double link_bits_per_s = 8 * 2 * (link_gbytes_per_s(chip) * 1e9); /* both directions */

  *power = (struct power_breakdown){0};
  power->tensor = chip->mac_per_s * (technology->mac_pj * 1e-12) * chip->mac_energy_factor * energy;
  power->vector = chip->lane_cycles_per_s * (technology->lane_pj * 1e-12) * energy;
  power->hbm = 8 * chip->memory_bytes_per_s * (chip->memory_pj_per_bit * 1e-12);
  power->links = link_bits_per_s * (technology->link_pj_per_bit * 1e-12);
  power->leakage = technology->leakage_w_per_mm2 * area_mm2;
  power->misc = technology->misc_w;
  const double used_w = power->tensor + power->vector + power->hbm + power->links + power->leakage + power->misc;
  power->total = used_w / technology->supply_efficiency;
  power->supply = power->total - used_w;
}

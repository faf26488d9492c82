/* What does a design cost in mm² and W? (cost-model §4.2, §5, §6)
 *
 * `physical`: the law of chip_law.h at a node of nodes.def; constants carry value, unit and source and are keys (group
 * "technology"), fitted by `dse calibrate chips`. `compat`: the area law of public tools at 22 nm, exact, without TDP.
 */
#ifndef ARCH_TECHNOLOGY_H
#define ARCH_TECHNOLOGY_H

#include "arch/accelerator.h"
#include "arch/technology_node.h"

struct technology {
  double mac_um2, lane_um2, noc_fraction, fill_fraction; /* area, at 7 nm */
  /* SRAM inside cores, the wide buffer that all share, a GPU's L2 slices; at 7 nm. */
  double tile_local_mm2_per_mib, shared_mm2_per_mib, sliced_mm2_per_mib;
  double mac_pj, lane_pj, leakage_w_per_mm2; /* TDP: at 7 nm, all-in */
  double idle_fraction;                      /* of mac_pj for a MAC that is clocked but idle */
  double misc_w;                             /* 8 W */
  double supply_efficiency;                  /* 0.92 */
  double link_mm2_per_gbytes_per_s, link_pj_per_bit;
  double reticle_mm2; /* 858 */
};
extern const struct field_table technology_fields;

struct area_breakdown { /* mm²; parts before fill add up to total × fill */
  double tensor, vector, sram, noc, hbm, links, misc, fill, total;
  double core_l2, glb; /* the two parts of sram */
};
struct power_breakdown { /* W */
  double tensor, vector, hbm, links, leakage, misc, supply, total;
};

void physical_area(const struct technology *technology, const struct accelerator *accelerator,
                   struct area_breakdown *area);
/* Needs the area's total (leakage). */
void physical_tdp(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                  struct power_breakdown *power);
/* 22 nm, µm² inside, mm² out; sizes outside the table are interpolated in log-log and *interpolated is set (may be
 * NULL). The only breakdown is tensor, vector, sram, total. */
void compat_area(const struct accelerator *accelerator, struct area_breakdown *area, bool *interpolated);

/* Energy factors at a node, for the run-time energy of a schedule (cost-model §6, last paragraphs), in J. */
struct energy_counts {
  uint64_t macs, idle_mac_cycles, lane_cycles, hbm_bytes;
  uint64_t link_bytes; /* sent and received: either end pays, as in the TDP */
  double seconds;
};
double physical_energy_j(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                         const struct energy_counts *counts);

#endif

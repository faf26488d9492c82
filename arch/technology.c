/* What does a design cost in mm² and W on a technology node, and what energy does its work take?
 *
 * Source: cost-model §6; chip_law.c has the law, this file the constants and what a design of the template
 * is in the law's words. The fitted constants are those of `dse calibrate chips`, which states what they are worth on
 * chips that were left out; priors and ranges are in its table of constants. Left out: `energy_detail = split`. */
#include "arch/technology.h"
#include "arch/chip_law.h"
#include "base/error.h"

#define REAL_FIELD(key_, unit_, minimum_, maximum_, default_, doc_)                                                    \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_REAL, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = offsetof(struct technology, key_), .role = ROLE_ANSWER            \
  }

static const struct field fields[] = {
    REAL_FIELD(mac_um2, "um2", 1, 100000, "732", "A bf16 MAC with its registers at 7 nm (fitted; prior 671)."),
    REAL_FIELD(lane_um2, "um2", 1, 1e7, "31800", "An fp32 lane, registers, shuffles at 7 nm (fitted; prior 24200)."),
    REAL_FIELD(noc_fraction, "", 0, 10, "0.477", "Wiring between cores as a share of them (fitted; prior 0.35)."),
    REAL_FIELD(fill_fraction, "", 0.1, 1, "0.93", "Share of the die that is used (prior, not fitted)."),
    REAL_FIELD(tile_local_mm2_per_mib, "mm2_per_mib", 0.01, 100, "0.45",
               "SRAM inside cores at 7 nm (prior, not fitted; published tiles 0.45 to 0.48)."),
    REAL_FIELD(shared_mm2_per_mib, "mm2_per_mib", 0.01, 100, "0.875",
               "Wide shared buffer at 7 nm (TPUv4i: 28 % of 400 mm² for 128 MB)."),
    REAL_FIELD(sliced_mm2_per_mib, "mm2_per_mib", 0.01, 100, "3.1",
               "L2 slices of a GPU with their logic at 7 nm (A100 die photo)."),
    REAL_FIELD(mac_pj, "pj", 0.001, 1000, "1.29", "A bf16 MAC with operand delivery at 7 nm (fitted; prior 1.45)."),
    REAL_FIELD(lane_pj, "pj", 0.001, 1000, "20.3", "A lane's cycle, all-in, at 7 nm (fitted; prior 8)."),
    REAL_FIELD(leakage_w_per_mm2, "w_per_mm2", 0, 1, "0.06", "Leakage of the whole die (prior, not fitted)."),
    REAL_FIELD(idle_fraction, "", 0, 1, "0.1", "Of mac_pj, for a MAC clocked but idle (literature 0.1 to 0.35)."),
    REAL_FIELD(misc_w, "w", 0, 1000, "8", "Clocks, host interface, management."),
    REAL_FIELD(supply_efficiency, "", 0.1, 1, "0.92", "Of the voltage regulators."),
    REAL_FIELD(link_mm2_per_gbytes_per_s, "mm2_per_gbytes_per_s", 0, 10, "0.1",
               "Long-reach links, by GB/s a direction (A100's: 0.073)."),
    REAL_FIELD(link_pj_per_bit, "pj_per_bit", 0, 100, "5", "Long-reach links, either end."),
    REAL_FIELD(reticle_mm2, "mm2", 1, 100000, "858", "Largest die that can be exposed; above it dies > 1 is needed."),
};

const struct field_table technology_fields = {
    .name = "technology",
    .doc = "Constants of the physical area and power law.",
    .fields = fields,
    .n_fields = sizeof fields / sizeof fields[0],
};

static const struct technology_node *node_of(const struct accelerator *accelerator) {
  const struct technology_node *const node = technology_find_node(accelerator->node_nm);
  if (node == NULL) BUG("node %llu nm was not refused", (unsigned long long)accelerator->node_nm);
  return node;
}

/* The template's two-byte operands are bf16. */
static enum mac_format format_of(const struct accelerator *accelerator) {
  return accelerator->element_bytes == 1 ? MAC_INT8 : accelerator->element_bytes == 2 ? MAC_BF16 : MAC_FP32;
}

static double hbm_pj(const struct accelerator *accelerator) {
  REQUIRE(accelerator->hbm_generation < N_HBM_GENERATIONS);
  return hbm_pj_per_bit[accelerator->hbm_generation];
}

/* A design in the law's words: all cores work at full speed at once, but for the lanes of a GPU, which share issue and
 * operands with its arrays. */
static struct chip chip_of(const struct accelerator *accelerator) {
  const bool simt = accelerator->core_kind == CORES_SIMT;
  const double clock_hz = (double)accelerator->clock_mhz * 1e6;
  const double macs = (double)accelerator->tc_count * ((double)accelerator->tc_rows * (double)accelerator->tc_cols);
  const double lanes = (double)accelerator->vc_count * (double)accelerator->vc_width;
  const double local_kib = (double)accelerator->tc_count * (double)accelerator_tensor_l2_kib(accelerator) +
                           (double)accelerator->vc_count * (double)accelerator_vector_l2_kib(accelerator);
  const double buffer_mib = (double)accelerator_glb_bytes(accelerator) / (1 << 20);
  return (struct chip){
      .node = node_of(accelerator),
      .macs = macs,
      .mac_area_factor = mac_area_factors[format_of(accelerator)],
      .mac_energy_factor = mac_energy_factors[format_of(accelerator)],
      .mac_per_s = macs * clock_hz,
      .lanes = lanes,
      .lane_cycles_per_s = simt ? 0 : lanes * clock_hz,
      .local_mib = local_kib / 1024,
      .shared_mib = simt ? 0 : buffer_mib,
      .sliced_mib = simt ? buffer_mib : 0,
      .wired = !simt,
      .hbm_stacks = (double)accelerator->hbm_stacks,
      .memory_bytes_per_s = accelerator_hbm_bytes_per_s(accelerator),
      .memory_pj_per_bit = hbm_pj(accelerator),
      .link_gbytes_per_s = (double)accelerator->link_gbytes_per_s,
      .d2d_gbytes_per_s = accelerator->chiplets > 1 ? (double)accelerator->d2d_gbytes_per_s : 0,
  };
}

void physical_area(const struct technology *technology, const struct accelerator *accelerator,
                   struct area_breakdown *area) {
  const struct chip chip = chip_of(accelerator);
  chip_area(technology, &chip, area);
}

void physical_tdp(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                  struct power_breakdown *power) {
  const struct chip chip = chip_of(accelerator);
  chip_tdp(technology, &chip, area_mm2, power);
}

double physical_energy_j(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                         const struct energy_counts *counts) {
  const struct technology_node *const node = node_of(accelerator);
  const double mac_pj = technology->mac_pj * mac_energy_factors[format_of(accelerator)] * node->energy;
  const double work_pj = mac_pj * ((double)counts->macs + technology->idle_fraction * (double)counts->idle_mac_cycles) +
                         technology->lane_pj * node->energy * (double)counts->lane_cycles +
                         8 * hbm_pj(accelerator) * (double)counts->hbm_bytes +
                         8 * technology->link_pj_per_bit * (double)counts->link_bytes;
  const double standing_w = technology->leakage_w_per_mm2 * area_mm2 + technology->misc_w;
  return (work_pj * 1e-12 + standing_w * counts->seconds) / technology->supply_efficiency;
}

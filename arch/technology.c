/* What does a design cost in mm² and W on a technology node, and what energy does its work take?
 *
 * Source: cost-model §5 (nodes, HBM, links), §6 (law, constants: fitted area, prior TDP). Chips left out of the fit are
 * met within 9 % of area and 10 % of TDP on average in the class of HBM training chips (§6 "How good it is"). Left out:
 * the GPU variants of §6 (its template has lanes, not SMs), extra-short links, `energy_detail = split`, money. */
#include "arch/technology.h"
#include "base/error.h"

struct node {
  uint64_t nm;
  double logic;    /* area of logic, 7 nm = 1 */
  double cell_um2; /* of an SRAM bit */
  double energy;   /* dynamic, 7 nm = 1 */
};

/* cost-model §5: Khan & Mann "AI Chips" and foundry statements for density, Stillmaker & Baas 2017 and foundry claims
 * for energy; 14 and 12 nm count as 16; 4 nm energy and 3 nm logic are assumed there. */
static const struct node nodes[] = {
    {28, 4.94, 0.1145, 3.9}, {16, 2.62, 0.074, 2.5}, {14, 2.62, 0.074, 2.5}, {12, 2.62, 0.074, 2.5},
    {7, 1, 0.027, 1},        {5, 0.66, 0.021, 0.70}, {4, 0.62, 0.021, 0.65}, {3, 0.46, 0.021, 0.48},
};

static const double cell_7nm_um2 = 0.027;

/* With controller, cost-model §5: O'Connor MICRO'17 for devices; 3 and 3e partly assumed. */
static const double hbm_pj_per_bit[N_HBM_GENERATIONS] = {[HBM_2] = 5.0, [HBM_2E] = 5.0, [HBM_3] = 4.2, [HBM_3E] = 3.5};

/* A stack's PHY and controller, and clocks, I/O, test, fuses (cost-model §5, §6): a part that does not shrink and one
 * that shrinks as logic does. */
static const double hbm_analog_mm2 = 10.0, hbm_logic_mm2 = 3.1;
static const double misc_mm2 = 25.0, misc_analog_share = 0.5;

#define REAL_FIELD(key_, unit_, minimum_, maximum_, default_, doc_)                                                    \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_REAL, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = offsetof(struct technology, key_), .role = ROLE_ANSWER            \
  }

static const struct field fields[] = {
    REAL_FIELD(mac_um2, "um2", 1, 100000, "658", "A bf16 MAC with its registers at 7 nm (fitted; prior 671)."),
    REAL_FIELD(lane_um2, "um2", 1, 1e7, "26500", "An fp32 lane, registers, shuffles at 7 nm (fitted; prior 24200)."),
    REAL_FIELD(noc_fraction, "", 0, 10, "0.331", "Wiring between cores as a share of them (fitted; prior 0.35)."),
    REAL_FIELD(fill_fraction, "", 0.1, 1, "0.8", "Share of the die that is used (fitted, at its bound; prior 0.93)."),
    REAL_FIELD(tile_local_mm2_per_mib, "mm2_per_mib", 0.01, 100, "0.48", "Core L2 at 7 nm (fitted; prior 0.45)."),
    REAL_FIELD(shared_mm2_per_mib, "mm2_per_mib", 0.01, 100, "0.875",
               "Wide shared buffer at 7 nm (TPUv4i: 28 % of 400 mm² for 128 MB)."),
    REAL_FIELD(mac_pj, "pj", 0.001, 1000, "1.45", "A bf16 MAC with operand delivery at 7 nm (prior; fitted 1.634)."),
    REAL_FIELD(lane_pj, "pj", 0.001, 1000, "8", "A lane's cycle at 7 nm (prior; fitted 12.9)."),
    REAL_FIELD(leakage_w_per_mm2, "w_per_mm2", 0, 1, "0.06", "Leakage of the whole die (prior; fitted 0.053)."),
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

static const struct node *find_node(uint64_t nm) {
  for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
    if (nodes[i].nm == nm) return &nodes[i];
  return NULL;
}

bool technology_knows_node(uint64_t node_nm) { return find_node(node_nm) != NULL; }

static const struct node *node_of(const struct accelerator *accelerator) {
  const struct node *const node = find_node(accelerator->node_nm);
  if (node == NULL) BUG("node %llu nm was not refused", (unsigned long long)accelerator->node_nm);
  return node;
}

/* A MAC of other operands relative to bf16. int8: cost-model §6. fp32 is assumed: area as the square of the width,
 * energy as Horowitz' (fp32 mul + add)/(fp16 mul + add) = 4.6/1.5, rounded up to 3.4 as at 7 nm (1.69/0.50). */
static double mac_area_factor(uint64_t element_bytes) {
  return element_bytes == 1 ? 0.40 : element_bytes == 2 ? 1.0 : 4.0;
}

static double mac_energy_factor(uint64_t element_bytes) {
  return element_bytes == 1 ? 0.20 : element_bytes == 2 ? 1.0 : 3.4;
}

static double n_macs(const struct accelerator *accelerator) {
  return (double)accelerator->tc_count * ((double)accelerator->tc_rows * (double)accelerator->tc_cols);
}

static double n_lanes(const struct accelerator *accelerator) {
  return (double)accelerator->vc_count * (double)accelerator->vc_width;
}

static double hbm_pj(const struct accelerator *accelerator) {
  REQUIRE(accelerator->hbm_generation < N_HBM_GENERATIONS);
  return hbm_pj_per_bit[accelerator->hbm_generation];
}

void physical_area(const struct technology *technology, const struct accelerator *accelerator,
                   struct area_breakdown *area) {
  const struct node *const node = node_of(accelerator);
  const double sram_factor = node->cell_um2 / cell_7nm_um2;
  const double local_mib = ((double)accelerator->tc_count * (double)accelerator_tensor_l2_kib(accelerator) +
                            (double)accelerator->vc_count * (double)accelerator_vector_l2_kib(accelerator)) /
                           1024;
  const double shared_mib = (double)accelerator_glb_bytes(accelerator) / (1 << 20);
  const double local_mm2 = local_mib * technology->tile_local_mm2_per_mib * sram_factor;
  const double shared_mm2 = shared_mib * technology->shared_mm2_per_mib * sram_factor;

  *area = (struct area_breakdown){0};
  area->tensor =
      n_macs(accelerator) * technology->mac_um2 * 1e-6 * mac_area_factor(accelerator->element_bytes) * node->logic;
  area->vector = n_lanes(accelerator) * technology->lane_um2 * 1e-6 * node->logic;
  area->sram = local_mm2 + shared_mm2;
  area->noc = technology->noc_fraction * (area->tensor + area->vector + shared_mm2);
  area->hbm = (double)accelerator->hbm_stacks * (hbm_analog_mm2 + hbm_logic_mm2 * node->logic);
  area->links = (double)accelerator->link_gbytes_per_s * technology->link_mm2_per_gbytes_per_s;
  area->misc = misc_mm2 * (misc_analog_share + (1 - misc_analog_share) * node->logic);
  const double used_mm2 = area->tensor + area->vector + area->sram + area->noc + area->hbm + area->links + area->misc;
  area->total = used_mm2 / technology->fill_fraction;
  area->fill = area->total - used_mm2;
}

void physical_tdp(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                  struct power_breakdown *power) {
  const struct node *const node = node_of(accelerator);
  const double clock_hz = (double)accelerator->clock_mhz * 1e6;
  const double link_bits_per_s = 8 * 2 * ((double)accelerator->link_gbytes_per_s * 1e9); /* both directions */

  *power = (struct power_breakdown){0};
  power->tensor = n_macs(accelerator) * clock_hz * (technology->mac_pj * 1e-12) *
                  mac_energy_factor(accelerator->element_bytes) * node->energy;
  power->vector = n_lanes(accelerator) * clock_hz * (technology->lane_pj * 1e-12) * node->energy;
  power->hbm = 8 * accelerator_hbm_bytes_per_s(accelerator) * (hbm_pj(accelerator) * 1e-12);
  power->links = link_bits_per_s * (technology->link_pj_per_bit * 1e-12);
  power->leakage = technology->leakage_w_per_mm2 * area_mm2;
  power->misc = technology->misc_w;
  const double used_w = power->tensor + power->vector + power->hbm + power->links + power->leakage + power->misc;
  power->total = used_w / technology->supply_efficiency;
  power->supply = power->total - used_w;
}

double physical_energy_j(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                         const struct energy_counts *counts) {
  const struct node *const node = node_of(accelerator);
  const double mac_pj = technology->mac_pj * mac_energy_factor(accelerator->element_bytes) * node->energy;
  const double work_pj = mac_pj * ((double)counts->macs + technology->idle_fraction * (double)counts->idle_mac_cycles) +
                         technology->lane_pj * node->energy * (double)counts->lane_cycles +
                         8 * hbm_pj(accelerator) * (double)counts->hbm_bytes +
                         8 * technology->link_pj_per_bit * (double)counts->link_bytes;
  const double standing_w = technology->leakage_w_per_mm2 * area_mm2 + technology->misc_w;
  return (work_pj * 1e-12 + standing_w * counts->seconds) / technology->supply_efficiency;
}

/* Prices by level. See energy.h.
 *
 * Source: cost-model §5 (SRAM, wires, a MAC's arithmetic), §6 (the law), §4.3 (registers). The prices of `all_in` are
 * taken from physical_energy_j itself, one count at a time, so that the law is written down once. */
#include "arch/energy.h"

#include "arch/cost.h"
#include "arch/sram.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

const char *const energy_detail_names[] = {"all_in", "split", NULL};
const char *const energy_level_names[N_ENERGY_LEVELS] = {"mac", "idle",  "registers", "l2",      "glb",  "wires",
                                                         "hbm", "links", "lanes",     "leakage", "misc", "supply"};

/* A bf16 MAC's arithmetic at 7 nm: multiply .34, add .16 (Jouppi et al., ISCA'21); other widths and nodes as the law
 * has them for mac_pj. */
static const double split_mac_pj = 0.50;
/* A register's read or write at 22 nm, a byte: 0.222334 pJ for 16 bits (public estimator of vector cores, cost-model
 * §4.3). A MAC reads and writes an operand and a partial sum of 4 bytes. */
static const double register_pj_per_byte_22nm = 0.222334 / 2;
static const double partial_sum_bytes = 4;
/* On-die wires: 0.06 to 0.08 pJ a bit and mm, cost-model §5; they hardly shrink, so the same on all nodes. */
static const double wire_pj_per_bit_mm = 0.07;
/* A large buffer is many slices, of which one answers; A100: 40 MB in 80 slices of 64 B a cycle. */
static const double glb_slice_bytes = 512 * 1024, glb_access_bytes = 64;

/* --- the law, one count at a time -----------------------------------------------------------------------------------
 */

/* Before the regulators. */
static double law_j(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                    const struct energy_counts *counts) {
  return physical_energy_j(technology, accelerator, area_mm2, counts) * technology->supply_efficiency;
}

static void all_in_prices(const struct technology *technology, const struct accelerator *accelerator, double area_mm2,
                          struct energy_prices *prices) {
  static const struct energy_counts mac = {.macs = 1}, idle = {.idle_mac_cycles = 1}, lane = {.lane_cycles = 1},
                                    hbm = {.hbm_bytes = 1}, link = {.link_bytes = 1}, second = {.seconds = 1};
  memset(prices, 0, sizeof *prices);
  prices->mac = law_j(technology, accelerator, 0, &mac);
  prices->idle_mac_cycle = law_j(technology, accelerator, 0, &idle);
  prices->lane_cycle = law_j(technology, accelerator, 0, &lane);
  prices->hbm_byte = law_j(technology, accelerator, 0, &hbm);
  prices->link_byte = law_j(technology, accelerator, 0, &link);
  prices->misc_w = law_j(technology, accelerator, 0, &second);
  prices->leakage_w = law_j(technology, accelerator, area_mm2, &second) - prices->misc_w;
  prices->supply_efficiency = technology->supply_efficiency;
}

/* --- memories and wires ---------------------------------------------------------------------------------------------
 */

/* J a byte of a wire across half of a square of that area. */
static double wire_j_per_byte(double mm2) { return 8 * wire_pj_per_bit_mm * 1e-12 * 0.5 * sqrt(mm2); }

/* What all_in holds in a MAC beside its arithmetic, at the prices of memories and wires times `factor`. */
static void split_prices(const struct technology *technology, const struct accelerator *accelerator,
                         const struct area_breakdown *area, double factor, struct energy_prices *prices) {
  const struct technology_node *const node = technology_find_node(accelerator->node_nm);
  REQUIRE(node != NULL);
  const struct sram_scaling scaling = sram_scaling_of(node->cell_um2, node->energy, wire_pj_per_bit_mm);
  const double arithmetic_pj = fmin(split_mac_pj, technology->mac_pj);
  prices->mac *= arithmetic_pj / technology->mac_pj;
  const double n_arrays = (double)accelerator->tc_count;
  const double element_bytes = (double)accelerator->element_bytes;
  prices->register_mac =
      factor * 2 * (element_bytes + partial_sum_bytes) * register_pj_per_byte_22nm * scaling.energy * 1e-12;

  /* An array takes an operand for each of its rows, or gives one for each column, in a cycle. */
  const double edge =
      (double)(accelerator->tc_rows > accelerator->tc_cols ? accelerator->tc_rows : accelerator->tc_cols);
  const bool has_arrays = accelerator->tc_count > 0;
  const double l2_kib =
      (double)(has_arrays ? accelerator_tensor_l2_kib(accelerator) : accelerator_vector_l2_kib(accelerator));
  const double l2_access_bytes = element_bytes * (has_arrays ? edge : (double)accelerator->vc_width);
  struct sram l2, glb;
  sram_cost(&scaling, 1024 * fmax(l2_kib, 1), fmax(l2_access_bytes, 1), &l2);
  prices->l2_array_byte = factor * 1e-12 * l2.read_pj / fmax(l2_access_bytes, 32);
  prices->l2_byte = factor * 1e-12 * l2.write_pj / fmax(l2_access_bytes, 32);
  const double glb_bytes = (double)accelerator_glb_bytes(accelerator);
  if (glb_bytes > 0) {
    sram_cost(&scaling, fmin(glb_bytes, glb_slice_bytes), glb_access_bytes, &glb);
    prices->glb_byte = factor * 1e-12 * 0.5 * (glb.read_pj + glb.write_pj) / glb_access_bytes;
  }
  const double dies = (double)(accelerator->dies > 1 ? accelerator->dies : 1);
  prices->wire_array_byte = n_arrays > 0 ? factor * wire_j_per_byte(area->tensor / n_arrays) : 0;
  prices->wire_core_byte = factor * wire_j_per_byte(area->total / dies);
  prices->wire_hbm_byte = prices->wire_core_byte;
}

/* --- the reference --------------------------------------------------------------------------------------------------
 *
 * TPUv4 (arch/catalogue): of the training parts whose die is known it is the one whose arrays, buffers and lanes the
 * template describes as they are. 4096³ on all its cores: large enough that arrays are full and nearly always busy,
 * which is what a MAC's all-in energy was fitted to (peak rate under TDP), small enough to pass HBM once. */

void energy_reference_design(struct accelerator *accelerator) {
  *accelerator = (struct accelerator){.tc_count = 8,
                                      .tc_rows = 128,
                                      .tc_cols = 128,
                                      .tc_l2_kib = 256,
                                      .vc_count = 2,
                                      .vc_width = 1024,
                                      .vc_l2_kib = 16,
                                      .glb_mib = 160,
                                      .hbm_stacks = 4,
                                      .hbm_generation = HBM_2,
                                      .hbm_gib_per_stack = 8,
                                      .link_gbytes_per_s = 300,
                                      .clock_mhz = 1050,
                                      .node_nm = 7,
                                      .element_bytes = 2,
                                      .dies = 1,
                                      .chiplets = 1,
                                      .d2d_gbytes_per_s = 1000,
                                      .hbm_bytes_per_cycle = 1142.857142857143};
}

void energy_reference_traffic(struct energy_traffic *traffic) {
  const uint64_t n = 4096, matrix_bytes = 2 * n * n;
  struct arena arena;
  struct accelerator accelerator;
  struct technology technology;
  struct cost_settings settings = {0}; /* what is no key as well */
  struct machine machine;
  struct op_cost cost = {0};
  struct op op = op_new(OP_GEMM, 2);
  op.weighted = true;
  op.dim[DIM_REPS] = 1;
  op.dim[DIM_M] = op.dim[DIM_N] = op.dim[DIM_K] = n;
  op.in_bytes = op.weight_bytes = op.out_bytes = matrix_bytes;
  energy_reference_design(&accelerator);
  arena_init(&arena, 1 << 14);
  config_defaults(&technology_fields, &arena, &technology);
  config_defaults(&cost_fields, &arena, &settings);
  machine_init(&machine, &settings, &technology, &accelerator);
  physical_provider.op_cost(&machine, &op, NULL, accelerator.tc_count, &cost);
  arena_release(&arena);
  *traffic = (struct energy_traffic){.macs = n * n * n,
                                     .array_bytes = cost.array_bytes,
                                     .l2_bytes = cost.l2_bytes,
                                     .glb_bytes = cost.glb_bytes,
                                     .hbm_bytes = cost.hbm_bytes};
}

void energy_model_init(struct energy_model *model, const struct technology *technology, enum energy_detail detail) {
  *model = (struct energy_model){.detail = detail};
  if (detail == ENERGY_SPLIT) energy_reference_traffic(&model->reference);
  energy_model_calibrate(model, technology);
}

void energy_model_calibrate(struct energy_model *model, const struct technology *technology) {
  model->technology = technology;
  model->split_factor = 1;
  if (model->detail == ENERGY_ALL_IN) return;
  const struct energy_traffic *traffic = &model->reference;
  struct accelerator reference;
  struct area_breakdown area;
  struct energy_prices all_in, split;
  energy_reference_design(&reference);
  physical_area(technology, &reference, &area);
  all_in_prices(technology, &reference, area.total, &all_in);
  split = all_in;
  split_prices(technology, &reference, &area, 1, &split);
  struct energy_breakdown parts = {0};
  energy_split(&split, traffic, &parts);
  const double left_j = (double)traffic->macs * (all_in.mac - split.mac);
  const double asked_j = parts.level_j[ENERGY_REGISTERS] + parts.level_j[ENERGY_L2] + parts.level_j[ENERGY_GLB] +
                         parts.level_j[ENERGY_WIRES];
  REQUIRE(asked_j > 0);
  model->split_factor = left_j > 0 ? left_j / asked_j : 0;
}

void energy_prices_init(struct energy_prices *prices, const struct energy_model *model,
                        const struct accelerator *accelerator, const struct area_breakdown *area) {
  all_in_prices(model->technology, accelerator, area->total, prices);
  if (model->detail == ENERGY_SPLIT) split_prices(model->technology, accelerator, area, model->split_factor, prices);
}

void energy_split(const struct energy_prices *prices, const struct energy_traffic *traffic,
                  struct energy_breakdown *energy) {
  const double macs = (double)traffic->macs, hbm_bytes = (double)traffic->hbm_bytes;
  const double array_bytes = (double)traffic->array_bytes, l2_bytes = (double)traffic->l2_bytes;
  double *const j = energy->level_j;
  j[ENERGY_MACS] = macs * prices->mac;
  j[ENERGY_IDLE] = (double)traffic->idle_mac_cycles * prices->idle_mac_cycle;
  j[ENERGY_REGISTERS] = macs * prices->register_mac;
  j[ENERGY_L2] = l2_bytes * prices->l2_byte + array_bytes * prices->l2_array_byte;
  /* What comes from HBM is written into the GLB, what goes there is read out of it. */
  j[ENERGY_GLB] = ((double)traffic->glb_bytes + hbm_bytes) * prices->glb_byte;
  j[ENERGY_WIRES] =
      array_bytes * prices->wire_array_byte + l2_bytes * prices->wire_core_byte + hbm_bytes * prices->wire_hbm_byte;
  j[ENERGY_HBM] = hbm_bytes * prices->hbm_byte;
  j[ENERGY_LINKS] = (double)traffic->link_bytes * prices->link_byte;
  j[ENERGY_LANES] = (double)traffic->lane_cycles * prices->lane_cycle;
  j[ENERGY_LEAKAGE] = prices->leakage_w * traffic->seconds;
  j[ENERGY_MISC] = prices->misc_w * traffic->seconds;
  double used_j = 0;
  for (unsigned level = 0; level < ENERGY_SUPPLY; level++) used_j += j[level];
  energy->total_j = used_j / prices->supply_efficiency;
  j[ENERGY_SUPPLY] = energy->total_j - used_j;
}

double energy_total_j(const struct energy_prices *prices, const struct energy_traffic *traffic) {
  struct energy_breakdown energy = {0};
  energy_split(prices, traffic, &energy);
  return energy.total_j;
}

double energy_model_j(const struct energy_model *model, const struct accelerator *accelerator,
                      const struct area_breakdown *area, const struct energy_traffic *traffic) {
  if (model->detail == ENERGY_ALL_IN) {
    const struct energy_counts counts = {.macs = traffic->macs,
                                         .idle_mac_cycles = traffic->idle_mac_cycles,
                                         .lane_cycles = traffic->lane_cycles,
                                         .hbm_bytes = traffic->hbm_bytes,
                                         .link_bytes = traffic->link_bytes,
                                         .seconds = traffic->seconds};
    return physical_energy_j(model->technology, accelerator, area->total, &counts);
  }
  struct energy_prices prices;
  energy_prices_init(&prices, model, accelerator, area);
  return energy_total_j(&prices, traffic);
}

/* Does the physical area and power law say of real chips what its specification says it does, with the specification's
 * constants? (What it says with the shipped ones, and whether those are the best: golden/dse/test_calibration.c.)
 *
 * Values: chips from chips.csv (public figures); expected TDP from the "prior" column of cost-model §6 "How good it
 * is", computed with the published die where it is known and 750 mm² elsewhere; mean errors from the line under it.
 * What the template cannot say (SMs, unknown lanes) is said through the constants, as §6 does: an SM is one lane of
 * a_sm, unknown lanes are vpu_ratio of the MACs' area. */
#include "arch/technology.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct chip {
  const char *name;
  uint64_t node_nm;
  double die_mm2; /* 0: unknown */
  double tdp_w;   /* 0: unknown */
  uint64_t clock_mhz;
  uint64_t macs;       /* on the die */
  double mac_per_s;    /* half the peak FLOP/s */
  uint64_t lanes;      /* 0: unknown */
  uint64_t sm_count;   /* 0: no GPU */
  uint64_t local_kib;  /* SRAM of an SM, core-local */
  uint64_t shared_kib; /* other SRAM, or a GPU's L2 */
  uint64_t stacks;
  enum hbm_generation generation;
  double hbm_gbytes_per_s;
  uint64_t link_gbytes_per_s;
  double prior_tdp_w; /* expected */
  bool is_fp16;
};

static const struct chip chips[] = {
    {"TPUv2", 16, 625, 280, 700, 32768, 23e12, 2048, 0, 0, 32 * 1024, 2, HBM_2, 700, 250, 223, false},
    {"TPUv3", 16, 700, 450, 940, 65536, 61.5e12, 2048, 0, 0, 32 * 1024, 4, HBM_2, 900, 325, 406, false},
    {"TPUv4i", 7, 400, 175, 1050, 65536, 69e12, 1024, 0, 0, 144 * 1024, 2, HBM_2, 614, 100, 188, false},
    {"TPUv4", 7, 593, 0, 1050, 131072, 137.5e12, 2048, 0, 0, 160 * 1024, 4, HBM_2, 1200, 300, 0, false},
    {"V100", 12, 815, 300, 1530, 43008, 62.5e12, 0, 84, 384, 6 * 1024, 4, HBM_2, 900, 150, 323, true},
    {"A100", 7, 826, 400, 1410, 131072, 156e12, 0, 128, 448, 48 * 1024, 6, HBM_2E, 2039, 300, 386, true},
    {"H100", 4, 814, 700, 1830, 294912, 494.5e12, 0, 144, 512, 60 * 1024, 6, HBM_3, 3350, 450, 654, true},
    {"NNP-T 1400", 16, 680, 375, 1100, 49152, 54e12, 0, 0, 0, 60 * 1024, 4, HBM_2, 1229, 224, 339, false},
    {"NNP-T 1300", 16, 680, 300, 950, 49152, 46.7e12, 0, 0, 0, 60 * 1024, 4, HBM_2, 1229, 224, 310, false},
    {"Ascend 910", 7, 456, 350, 1000, 131072, 128e12, 0, 0, 0, 64 * 1024, 4, HBM_2, 1200, 115, 302, true},
    {"Gaudi2", 7, 0, 600, 1650, 131072, 216e12, 0, 0, 0, 48 * 1024, 6, HBM_2E, 2460, 300, 531, false},
};

enum { N_CHIPS = sizeof chips / sizeof chips[0] };

/* cost-model §6: area law, prior and fitted; mm² an SM, share of vector logic where lanes are unknown. */
struct constants {
  double mac_um2, lane_um2, sm_mm2, local, noc, fill, vpu_ratio;
};
static const struct constants prior = {671, 24200, 1.9, 0.45, 0.35, 0.93, 0.8};
static const struct constants fitted = {658, 26500, 1.756, 0.48, 0.331, 0.80, 0.698};

static struct technology shipped(void) {
  struct technology technology;
  struct arena arena;
  arena_init(&arena, 4096);
  config_defaults(&technology_fields, &arena, &technology);
  arena_release(&arena);
  return technology;
}

static struct accelerator template_of(const struct chip *chip) {
  return (struct accelerator){
      .tc_count = chip->macs / 1024,
      .tc_rows = 32,
      .tc_cols = 32,
      .vc_count = chip->sm_count > 0 ? chip->sm_count
                  : chip->lanes > 0  ? 1
                                     : 0,
      .vc_width = chip->sm_count > 0 ? 1 : chip->lanes,
      .vc_l2_kib = chip->sm_count > 0 ? chip->local_kib : 1,
      .tc_l2_kib = 1,
      .glb_kib = chip->shared_kib,
      .hbm_stacks = chip->stacks,
      .hbm_generation = chip->generation,
      .hbm_gib_per_stack = 8,
      .hbm_bytes_per_cycle = chip->hbm_gbytes_per_s * 1e3 / (double)chip->clock_mhz,
      .link_gbytes_per_s = chip->link_gbytes_per_s,
      .clock_mhz = chip->clock_mhz,
      .node_nm = chip->node_nm,
      .element_bytes = 2,
      .dies = 1,
  };
}

static double die_mm2(const struct chip *chip, const struct constants *constants) {
  struct technology technology = shipped();
  technology.mac_um2 = constants->mac_um2;
  technology.lane_um2 = constants->lane_um2;
  technology.tile_local_mm2_per_mib = constants->local;
  technology.noc_fraction = constants->noc;
  technology.fill_fraction = constants->fill;
  if (chip->is_fp16) technology.mac_um2 *= 1.15; /* the template's MAC is bf16 */
  if (chip->sm_count > 0) {                      /* GPU: SMs instead of lanes, no wiring between, L2 with slice logic */
    technology.lane_um2 = constants->sm_mm2 * 1e6;
    technology.noc_fraction = 0;
    technology.shared_mm2_per_mib = 3.1;
  } else if (chip->lanes == 0) {
    technology.mac_um2 *= 1 + constants->vpu_ratio;
  }
  const struct accelerator accelerator = template_of(chip);
  struct area_breakdown area;
  physical_area(&technology, &accelerator, &area);
  return area.total;
}

static double tdp_w(const struct chip *chip) {
  struct technology technology = shipped();
  struct accelerator accelerator = template_of(chip);
  technology.mac_pj = 1.45; /* priors: cost-model §6 */
  technology.lane_pj = 8;
  technology.leakage_w_per_mm2 = 0.06;
  /* MAC/s as the peak says, which differs from MACs × clock where spares are on the die. */
  technology.mac_pj *= chip->mac_per_s / ((double)chip->macs * (double)chip->clock_mhz * 1e6);
  if (chip->sm_count > 0) technology.mac_pj *= 0.85; /* g_gpu */
  if (chip->sm_count > 0) accelerator.vc_count = 0;
  struct power_breakdown power;
  physical_tdp(&technology, &accelerator, chip->die_mm2 > 0 ? chip->die_mm2 : 750, &power);
  return power.total;
}

static double mean_area_error(const struct constants *constants) {
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < N_CHIPS; i++) {
    if (!(chips[i].die_mm2 > 0)) continue;
    const double mm2 = die_mm2(&chips[i], constants), off = mm2 / chips[i].die_mm2 - 1;
    print_message("  %-10s real %3.0f mm², model %5.1f, %+5.1f %%\n", chips[i].name, chips[i].die_mm2, mm2, 100 * off);
    sum += fabs(off);
    n++;
  }
  assert_int_equal(n, 10);
  return 100 * sum / (double)n;
}

static void mean_area_errors(void **state) {
  (void)state;
  const double of_prior = mean_area_error(&prior), of_fitted = mean_area_error(&fitted);
  print_message("mean error of area: prior %.2f %%, fitted %.2f %%\n", of_prior, of_fitted);
  assert_true(fabs(of_prior - 12.5) < 0.1);
  assert_true(fabs(of_fitted - 4.5) < 0.1);
}

static void tdp_of_each_chip(void **state) {
  (void)state;
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < N_CHIPS; i++) {
    if (!(chips[i].tdp_w > 0)) continue;
    const double w = tdp_w(&chips[i]);
    print_message("  %-10s real %3.0f W, model %.1f, specification %3.0f\n", chips[i].name, chips[i].tdp_w, w,
                  chips[i].prior_tdp_w);
    if (fabs(w - chips[i].prior_tdp_w) > 1) fail_msg("%s: %.1f W", chips[i].name, w);
    sum += fabs(w / chips[i].tdp_w - 1);
    n++;
  }
  assert_int_equal(n, 10);
  assert_true(fabs(100 * sum / (double)n - 9.3) < 0.1);
}

/* The law written out a second time for one odd design: 3 cores of 57×91 int8 MACs at 5 nm. */
static void breakdown_by_hand(void **state) {
  (void)state;
  const struct technology technology = shipped();
  const struct accelerator accelerator = {.tc_count = 3,
                                          .tc_rows = 57,
                                          .tc_cols = 91,
                                          .vc_count = 5,
                                          .vc_width = 333,
                                          .glb_mib = 17,
                                          .hbm_stacks = 3,
                                          .hbm_generation = HBM_3,
                                          .link_gbytes_per_s = 77,
                                          .clock_mhz = 1111,
                                          .node_nm = 5,
                                          .element_bytes = 1};
  struct area_breakdown area;
  struct power_breakdown power;
  physical_area(&technology, &accelerator, &area);
  assert_true(fabs(area.tensor - 15561 * 732e-6 * 0.40 * 0.66) < 1e-9);
  assert_true(fabs(area.vector - 1665 * 31800e-6 * 0.66) < 1e-9);
  /* derived L2: 57·91/64 = 81 KiB, 333/64 = 5 KiB */
  const double local_mm2 = (3 * 81 + 5 * 5) / 1024.0 * 0.45 * (0.021 / 0.027),
               shared_mm2 = 17 * 0.875 * (0.021 / 0.027);
  assert_true(fabs(area.sram - local_mm2 - shared_mm2) < 1e-9);
  assert_true(fabs(area.core_l2 - local_mm2) < 1e-9 && fabs(area.glb - shared_mm2) < 1e-9);
  assert_true(fabs(area.noc - 0.477 * (area.tensor + area.vector + shared_mm2)) < 1e-9);
  assert_true(fabs(area.hbm - 3 * (10 + 3.1 * 0.66)) < 1e-9);
  assert_true(fabs(area.links - 7.7) < 1e-9);
  assert_true(fabs(area.misc - 25 * (0.5 + 0.33)) < 1e-9);
  const double used_mm2 = area.tensor + area.vector + area.sram + area.noc + area.hbm + area.links + area.misc;
  assert_true(fabs(used_mm2 / 0.93 - area.total) < 1e-9 && fabs(area.total - used_mm2 - area.fill) < 1e-9);

  physical_tdp(&technology, &accelerator, 123.5, &power);
  assert_true(fabs(power.tensor - 15561 * 1.111e9 * 1.29e-12 * 0.20 * 0.70) < 1e-9);
  assert_true(fabs(power.vector - 1665 * 1.111e9 * 20.3e-12 * 0.70) < 1e-9);
  assert_true(fabs(power.hbm - 8 * 3 * 819e9 * 4.2e-12) < 1e-9);
  assert_true(fabs(power.links - 2 * 8 * 77e9 * 5e-12) < 1e-9);
  assert_true(fabs(power.leakage - 0.06 * 123.5) < 1e-9);
  assert_true(fabs((power.tensor + power.vector + power.hbm + power.links + power.leakage + 8) / 0.92 - power.total) <
              1e-9);

  const struct energy_counts counts = {.macs = 7000000,
                                       .idle_mac_cycles = 3000000,
                                       .lane_cycles = 500000,
                                       .hbm_bytes = 12345,
                                       .link_bytes = 678,
                                       .seconds = 1e-4};
  const double work_j = (1.29 * 0.20 * 0.70 * 7.3e6 + 20.3 * 0.70 * 5e5 + 8 * 4.2 * 12345 + 8 * 5.0 * 678) * 1e-12;
  const double j = physical_energy_j(&technology, &accelerator, 123.5, &counts);
  assert_true(fabs(j - (work_j + (0.06 * 123.5 + 8) * 1e-4) / 0.92) < 1e-12 * j);
}

/* A GPU by hand: 7 SMs of a 13×29 array and 97 lanes at 7 nm; no wiring, L2 in slices, lanes rest beside the arrays. */
static void simt_by_hand(void **state) {
  (void)state;
  const struct technology technology = shipped();
  const struct accelerator accelerator = {.tc_count = 7,
                                          .tc_rows = 13,
                                          .tc_cols = 29,
                                          .tc_l2_kib = 111,
                                          .vc_count = 7,
                                          .vc_width = 97,
                                          .vc_l2_kib = 222,
                                          .glb_mib = 19,
                                          .hbm_stacks = 3,
                                          .hbm_generation = HBM_2,
                                          .link_gbytes_per_s = 77,
                                          .clock_mhz = 1111,
                                          .node_nm = 7,
                                          .element_bytes = 2,
                                          .core_kind = CORES_SIMT};
  struct area_breakdown area;
  struct power_breakdown power;
  physical_area(&technology, &accelerator, &area);
  assert_true(area.noc == 0);
  assert_true(fabs(area.glb - 19 * 3.1) < 1e-9 && fabs(area.core_l2 - 7 * 333 / 1024.0 * 0.45) < 1e-9);
  assert_true(fabs(area.total - (7 * 377 * 732e-6 + 7 * 97 * 31800e-6 + area.core_l2 + area.glb + 3 * 13.1 + 7.7 + 25) /
                                    0.93) < 1e-9);
  physical_tdp(&technology, &accelerator, 123.5, &power);
  assert_true(power.vector == 0 && fabs(power.tensor - 7 * 377 * 1.111e9 * 1.29e-12) < 1e-9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mean_area_errors),
      cmocka_unit_test(tdp_of_each_chip),
      cmocka_unit_test(breakdown_by_hand),
      cmocka_unit_test(simt_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

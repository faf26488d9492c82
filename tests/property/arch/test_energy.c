/* Do the levels of energy add up, whatever the design, and can no count make it fall?
 *
 * all_in must be the law (physical_energy_j), split must agree with it on its reference and only there, and both must
 * be sums of counts times prices that are never negative: floors on energy rest on that. Memories: dearer to read, and
 * larger, the more they hold. */
#include "arch/energy.h"
#include "arch/sram.h"
#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 20261121;
enum { N_CASES = 2385, N_COUNTS = 8 };

static struct technology shipped(void) {
  struct technology technology;
  struct arena arena;
  arena_init(&arena, 4096);
  config_defaults(&technology_fields, &arena, &technology);
  arena_release(&arena);
  return technology;
}

static void assert_near(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g, expected %.17g", value, expected);
}

static uint64_t magnitude(struct rng *rng, unsigned bits) {
  return rng_below(rng, UINT64_C(1) << rng_below(rng, bits));
}

static struct accelerator draw_design(struct rng *rng) {
  static const uint64_t nodes[] = {28, 16, 14, 12, 7, 5, 4, 3};
  struct accelerator accelerator = {.tc_count = rng_below(rng, 65),
                                    .tc_rows = 1 + magnitude(rng, 9),
                                    .tc_cols = 1 + magnitude(rng, 9),
                                    .tc_l2_kib = magnitude(rng, 12),
                                    .vc_count = 1 + rng_below(rng, 33),
                                    .vc_width = 1 + magnitude(rng, 12),
                                    .vc_l2_kib = magnitude(rng, 12),
                                    .glb_mib = 1 + magnitude(rng, 10),
                                    .hbm_stacks = rng_below(rng, 9),
                                    .hbm_generation = rng_below(rng, N_HBM_GENERATIONS),
                                    .link_gbytes_per_s = rng_below(rng, 1000),
                                    .clock_mhz = 100 + rng_below(rng, 2000),
                                    .node_nm = nodes[rng_below(rng, 8)],
                                    .element_bytes = UINT64_C(1) << rng_below(rng, 3),
                                    .dies = rng_below(rng, 3)};
  return accelerator;
}

static uint64_t *count_of(struct energy_traffic *traffic, unsigned i) {
  uint64_t *const counts[N_COUNTS] = {&traffic->macs,        &traffic->idle_mac_cycles, &traffic->lane_cycles,
                                      &traffic->array_bytes, &traffic->l2_bytes,        &traffic->glb_bytes,
                                      &traffic->hbm_bytes,   &traffic->link_bytes};
  return counts[i];
}

static struct energy_traffic draw_traffic(struct rng *rng) {
  struct energy_traffic traffic = {.seconds = 1e-6 * (double)magnitude(rng, 20)};
  for (unsigned i = 0; i < N_COUNTS; i++) *count_of(&traffic, i) = magnitude(rng, 48);
  return traffic;
}

static void levels(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  const struct technology technology = shipped();
  struct energy_model models[2];
  for (unsigned detail = 0; detail < 2; detail++)
    energy_model_init(&models[detail], &technology, (enum energy_detail)detail);
  size_t n_rises[2][N_COUNTS] = {{0}};
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
    const struct accelerator accelerator = draw_design(&rng);
    struct energy_traffic traffic = draw_traffic(&rng);
    struct area_breakdown area;
    physical_area(&technology, &accelerator, &area);
    const struct energy_counts counts = {traffic.macs,      traffic.idle_mac_cycles, traffic.lane_cycles,
                                         traffic.hbm_bytes, traffic.link_bytes,      traffic.seconds};
    const double law_j = physical_energy_j(&technology, &accelerator, area.total, &counts);
    for (unsigned detail = 0; detail < 2; detail++) {
      struct energy_prices prices;
      struct energy_breakdown energy;
      energy_prices_init(&prices, &models[detail], &accelerator, &area);
      energy_split(&prices, &traffic, &energy);
      double sum = 0;
      for (unsigned level = 0; level < N_ENERGY_LEVELS; level++) {
        assert_true(energy.level_j[level] >= 0);
        sum += energy.level_j[level];
      }
      assert_near(sum, energy.total_j, 1e-12);
      const double at_once_j = energy_model_j(&models[detail], &accelerator, &area, &traffic);
      const double expected_j = detail == ENERGY_ALL_IN ? law_j : energy.total_j;
      assert_memory_equal(&at_once_j, &expected_j, sizeof at_once_j);
      const bool apart = energy.level_j[ENERGY_REGISTERS] + energy.level_j[ENERGY_L2] + energy.level_j[ENERGY_GLB] +
                             energy.level_j[ENERGY_WIRES] >
                         0;
      if (detail == ENERGY_ALL_IN) assert_near(energy.total_j, law_j, 1e-12);
      if (detail == ENERGY_ALL_IN) assert_false(apart);
      for (unsigned i = 0; i < N_COUNTS; i++) {
        struct energy_traffic more = traffic;
        *count_of(&more, i) += UINT64_C(1) << 50;
        const double after_j = energy_total_j(&prices, &more);
        assert_true(after_j >= energy.total_j);
        n_rises[detail][i] += after_j > energy.total_j;
      }
    }
  }
  /* all_in has no price for array, L2 and GLB bytes; split has one for everything. */
  for (unsigned i = 0; i < N_COUNTS; i++) {
    const bool on_chip = i >= 3 && i <= 5;
    assert_int_equal(n_rises[ENERGY_ALL_IN][i], on_chip ? 0 : N_CASES);
    assert_true(n_rises[ENERGY_SPLIT][i] > N_CASES * 9 / 10);
  }
}

/* Also when a run sets other constants; and 1 % less traffic no longer agrees. */
static void reference(void **state) {
  (void)state;
  const double mac_pj[] = {1.45, 1.0, 2.385, 0.5, 0.3};
  struct accelerator accelerator, catalogue;
  struct energy_traffic traffic;
  energy_reference_design(&accelerator);
  energy_reference_traffic(&traffic);
  assert_true(traffic.macs == UINT64_C(1) << 36 && traffic.hbm_bytes == 3 * (UINT64_C(1) << 25));
  assert_true(traffic.glb_bytes > traffic.hbm_bytes && traffic.array_bytes > traffic.glb_bytes);
  for (size_t i = 0; i < 5; i++) {
    struct technology technology = shipped();
    struct area_breakdown area;
    struct energy_model models[2];
    struct energy_prices prices[2];
    technology.mac_pj = mac_pj[i];
    physical_area(&technology, &accelerator, &area);
    for (unsigned detail = 0; detail < 2; detail++) {
      energy_model_init(&models[detail], &technology, (enum energy_detail)detail);
      energy_prices_init(&prices[detail], &models[detail], &accelerator, &area);
    }
    const double all_in_j = energy_total_j(&prices[0], &traffic), split_j = energy_total_j(&prices[1], &traffic);
    assert_near(split_j, all_in_j, 1e-12);
    /* A model that is only recalibrated is the same. */
    struct energy_model again = models[1];
    energy_model_calibrate(&again, &technology);
    assert_memory_equal(&again.split_factor, &models[1].split_factor, sizeof(double));
    if (mac_pj[i] <= 0.5) assert_true(models[1].split_factor <= 0);
    if (mac_pj[i] <= 0.5) continue;
    /* The measured memories and wires explain between a third and all of what a MAC's energy leaves for them. */
    if (i == 0) assert_true(models[1].split_factor > 1 && models[1].split_factor < 3);
    struct energy_traffic less = traffic;
    less.l2_bytes -= less.l2_bytes / 100;
    assert_true(energy_total_j(&prices[1], &less) < (1 - 1e-4) * all_in_j);
  }
  struct arena arena;
  struct error error = {0};
  arena_init(&arena, 1 << 16);
  assert_true(accelerator_from_catalogue(".", "tpuv4", &arena, &catalogue, &error));
  assert_true(accelerator_derive(&catalogue, &error));
  for (size_t f = 0; f < accelerator_fields.n_fields; f++) {
    const struct field *field = &accelerator_fields.fields[f];
    if (memcmp((char *)&accelerator + field->offset, (char *)&catalogue + field->offset, sizeof(uint64_t)) != 0)
      fail_msg("the reference is not the catalogue's TPUv4: %s", field->key);
  }
  arena_release(&arena);
}

static void memories(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    const struct sram_scaling scaling = sram_scaling_of(0.021 + rng_unit(&rng), 0.5 + rng_unit(&rng), rng_unit(&rng));
    const double bytes = 1 + (double)magnitude(&rng, 32), more = bytes * (1 + rng_unit(&rng));
    const double width = 1 + (double)magnitude(&rng, 13);
    struct sram small, large, wide;
    sram_cost(&scaling, bytes, width, &small);
    sram_cost(&scaling, more, width, &large);
    sram_cost(&scaling, bytes, 2 * width, &wide);
    if (!(small.read_pj > 0 && small.write_pj > 0 && small.mm2 > 0 && small.ns > 0 && small.leakage_w > 0))
      fail_msg("task %llu: a memory that costs nothing", (unsigned long long)task);
    if (large.read_pj < small.read_pj * (1 - 1e-12) || large.mm2 < small.mm2 || large.ns < small.ns ||
        large.leakage_w < small.leakage_w || wide.read_pj < small.read_pj * (1 - 1e-12))
      fail_msg("task %llu: %g bytes, %g at a time: more costs less", (unsigned long long)task, bytes, width);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(reference), cmocka_unit_test(memories)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do area and TDP never fall when a numeric axis rises? (accelerator-search §8: box bounds rest on it.)
 *
 * Random designs and random steps on every whole-number key of the table, nodes and HBM generations excepted: those are
 * categories. Left out of a step is the value 0 of the keys where it means "derived" or "the other key counts". */
#include "arch/technology.h"
#include "base/rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 20260517;
enum { N_DESIGNS = 2385 };

static bool is_axis(const struct field *field) {
  return field->type == FIELD_UINT && strcmp(field->key, "node_nm") != 0;
}

static bool zero_is_special(const struct field *field) {
  return strcmp(field->key, "tc_l2_kib") == 0 || strcmp(field->key, "vc_l2_kib") == 0 ||
         strcmp(field->key, "glb_kib") == 0;
}

static uint64_t *value_of(const struct field *field, struct accelerator *accelerator) {
  return (uint64_t *)(void *)((char *)accelerator + field->offset);
}

/* Spread over magnitudes, up to 4096 or the field's maximum. */
static uint64_t draw(const struct field *field, struct rng *rng) {
  if (strcmp(field->key, "element_bytes") == 0) return UINT64_C(1) << rng_below(rng, 3);
  const uint64_t maximum = field->maximum < 4096 ? (uint64_t)field->maximum : 4096;
  uint64_t limit = (UINT64_C(1) << rng_below(rng, 13)) + 1;
  if (limit > maximum) limit = maximum;
  const uint64_t value = rng_below(rng, limit + 1);
  return value < (uint64_t)field->minimum ? (uint64_t)field->minimum : value;
}

static struct accelerator draw_design(struct rng *rng) {
  static const uint64_t nodes[] = {28, 16, 14, 12, 7, 5, 4, 3};
  struct accelerator accelerator = {0};
  for (size_t i = 0; i < accelerator_fields.n_fields; i++)
    if (is_axis(&accelerator_fields.fields[i]))
      *value_of(&accelerator_fields.fields[i], &accelerator) = draw(&accelerator_fields.fields[i], rng);
  accelerator.node_nm = nodes[rng_below(rng, 8)];
  accelerator.core_kind = rng_below(rng, N_CORE_KINDS);
  accelerator.hbm_generation = rng_below(rng, N_HBM_GENERATIONS);
  accelerator.hbm_bytes_per_cycle = rng_below(rng, 2) * 0.37 * (double)rng_below(rng, 5000);
  return accelerator;
}

struct cost {
  double compat_mm2, physical_mm2, tdp_w;
};

static struct cost cost_of(const struct technology *technology, const struct accelerator *accelerator) {
  struct area_breakdown compat, physical;
  struct power_breakdown power;
  compat_area(accelerator, &compat, NULL);
  physical_area(technology, accelerator, &physical);
  physical_tdp(technology, accelerator, physical.total, &power);
  return (struct cost){compat.total, physical.total, power.total};
}

static void never_falls(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct technology technology;
  struct arena arena;
  arena_init(&arena, 4096);
  config_defaults(&technology_fields, &arena, &technology);
  arena_release(&arena);
  size_t n_steps = 0, n_rises = 0;
  for (uint64_t task = 0; task < N_DESIGNS; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
    const struct accelerator low = draw_design(&rng);
    const struct cost before = cost_of(&technology, &low);
    for (size_t i = 0; i < accelerator_fields.n_fields; i++) {
      const struct field *const field = &accelerator_fields.fields[i];
      if (!is_axis(field)) continue;
      struct accelerator high = low;
      uint64_t *const value = value_of(field, &high);
      const uint64_t old = *value;
      if (old == 0 && zero_is_special(field)) continue;
      *value = draw(field, &rng);
      if (*value <= old) continue;
      const struct cost after = cost_of(&technology, &high);
      n_steps++;
      n_rises += after.compat_mm2 > before.compat_mm2 || after.tdp_w > before.tdp_w;
      if (after.compat_mm2 < before.compat_mm2 || after.physical_mm2 < before.physical_mm2 ||
          after.tdp_w < before.tdp_w)
        fail_msg("task %llu: %s from %llu to %llu made area or TDP fall", (unsigned long long)task, field->key,
                 (unsigned long long)old, (unsigned long long)*value);
    }
  }
  print_message("%zu steps, %zu raised something\n", n_steps, n_rises);
  assert_true(n_steps > N_DESIGNS && n_rises > n_steps / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(never_falls)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

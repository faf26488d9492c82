/* Does the compat area law give the public areas, and does the public space enumerate to the public list?
 *
 * Values: areas of msr-fiddle/phaze (tests/data/wham/README.md); mm² of catalogue entries and the counts 75,712 and
 * 29,360 are quoted in accelerator-search §2. */
#include "arch/technology.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const double budget_um2 = 278826676.31216;

static struct accelerator design(uint64_t n_tc, uint64_t cols, uint64_t rows, uint64_t n_vc, uint64_t width,
                                 uint64_t glb_mib) {
  return (struct accelerator){.tc_count = n_tc,
                              .tc_rows = rows,
                              .tc_cols = cols,
                              .vc_count = n_vc,
                              .vc_width = width,
                              .glb_mib = glb_mib,
                              .clock_mhz = 700,
                              .node_nm = 16,
                              .element_bytes = 2};
}

static double area_um2(const struct accelerator *accelerator) {
  struct area_breakdown area;
  bool interpolated = true;
  compat_area(accelerator, &area, &interpolated);
  assert_false(interpolated);
  assert_true(fabs(area.tensor + area.vector + area.sram - area.total) <= 1e-12 * area.total);
  return area.total * 1e6;
}

static bool is_candidate(uint64_t n_tc, uint64_t n_vc, double um2) {
  return um2 <= budget_um2 * (1 + 1e-12) && (n_tc == 1 || n_vc == 1 || um2 >= 0.3 * budget_um2);
}

static void every_published_area(void **state) {
  (void)state;
  gzFile file = gzopen("tests/data/wham/phaze_cores_area.csv.gz", "rb");
  assert_non_null(file);
  char line[256];
  assert_non_null(gzgets(file, line, sizeof line));
  assert_string_equal(line, "num_tc,num_vc,tc_width,tc_depth,vc_width,glb_bytes,area_um2\n");
  size_t n_rows = 0;
  double worst = 0;
  while (gzgets(file, line, sizeof line) != NULL) {
    unsigned long n_tc, n_vc, width, depth, lanes, glb_bytes;
    double published_um2;
    assert_int_equal(
        sscanf(line, "%lu,%lu,%lu,%lu,%lu,%lu,%lf", &n_tc, &n_vc, &width, &depth, &lanes, &glb_bytes, &published_um2),
        7);
    const struct accelerator accelerator = design(n_tc, width, depth, n_vc, lanes, glb_bytes >> 20);
    const double off = fabs(area_um2(&accelerator) - published_um2) / published_um2;
    if (off > 1e-12) fail_msg("row %zu: off by %.3g of %.17g µm²", n_rows + 1, off, published_um2);
    if (off > worst) worst = off;
    assert_true(is_candidate(n_tc, n_vc, published_um2));
    n_rows++;
  }
  gzclose(file);
  assert_int_equal(n_rows, 8808);
  print_message("worst relative difference of %zu areas: %.3g\n", n_rows, worst);
}

static void public_space_has_29360_candidates(void **state) {
  (void)state;
  size_t n_points = 0, n_candidates = 0;
  for (uint64_t n_tc = 1; n_tc <= 4096; n_tc *= 2)
    for (uint64_t n_vc = 1; n_vc <= 4096; n_vc *= 2)
      for (uint64_t cols = 2; cols <= 256; cols *= 2)
        for (uint64_t rows = 2; rows <= 256; rows *= 2)
          for (uint64_t glb_mib = 2; glb_mib <= 128; glb_mib *= 2) {
            const struct accelerator accelerator = design(n_tc, cols, rows, n_vc, cols, glb_mib);
            n_points++;
            n_candidates += is_candidate(n_tc, n_vc, area_um2(&accelerator));
          }
  assert_int_equal(n_points, 75712);
  assert_int_equal(n_candidates, 29360);
}

static void catalogue_areas(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double mm2;
  } entries[] = {{"tpuv2_like", 72.760},  {"tpuv3_like", 98.558},  {"tpuv4_like", 278.827},
                 {"tpuv6_like", 278.519}, {"tpuv7_like", 555.555}, {"nvdla_like", 75.397}};
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error *const error = ARENA_NEW(&arena, struct error, 1);
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    struct accelerator accelerator;
    if (!accelerator_from_catalogue(".", entries[i].name, &arena, &accelerator, error)) fail_msg("%s", error->text);
    const double mm2 = area_um2(&accelerator) * 1e-6;
    if (fabs(mm2 - entries[i].mm2) > 0.0005) fail_msg("%s: %.6f mm², not %.3f", entries[i].name, mm2, entries[i].mm2);
    if (strcmp(entries[i].name, "tpuv4_like") == 0) assert_true(fabs(mm2 * 1e6 / budget_um2 - 1) < 1e-12);
  }
  arena_release(&arena);
}

static void sizes_off_the_tables(void **state) {
  (void)state;
  struct area_breakdown below, at, above;
  bool interpolated;
  struct accelerator accelerator = design(3, 128, 128, 5, 128, 0);
  accelerator.glb_kib = 3 * 1024;
  compat_area(&accelerator, &at, &interpolated);
  assert_true(interpolated);
  accelerator.glb_kib = 2 * 1024;
  compat_area(&accelerator, &below, &interpolated);
  assert_false(interpolated);
  accelerator.glb_kib = 4 * 1024;
  compat_area(&accelerator, &above, NULL);
  /* On a straight line in log-log: log(3/2)/log 2 of the way from 3.338220 to 6.078640 mm². */
  const double expected_mm2 = 3.338220 * pow(6.078640 / 3.338220, log(1.5) / log(2));
  assert_true(fabs(at.total - below.total - (expected_mm2 - 3.338220)) < 1e-9);
  assert_true(above.total > at.total);
  /* Beyond the end, along the last segment. */
  accelerator.glb_kib = 512 * 1024;
  compat_area(&accelerator, &above, &interpolated);
  assert_true(interpolated);
  const double slope = log(349.364 / 225.221) / log(256.0 / 160);
  assert_true(fabs(above.total - below.total - (349.364 * pow(2, slope) - 3.338220)) < 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_published_area),
      cmocka_unit_test(public_space_has_29360_candidates),
      cmocka_unit_test(catalogue_areas),
      cmocka_unit_test(sizes_off_the_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Are platforms what platforms.def says, and words what they mean? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/platform.h"
#include "tests/two_arenas.h"
#include <string.h>

static struct error error;

static struct platform read_or_fail(const char *text, enum maestro_style lb_style) {
  struct platform platform;
  error = (struct error){0};
  if (!platform_read(text, lb_style, "here", &arena, &platform, &error)) fail_msg("%s", error.text);
  return platform;
}

/* Cores of each platform and their PEs in all, by hand from tenancy §6. */
static const struct {
  const char *name;
  size_t n_cores, n_lb, n_bandwidths;
  uint64_t heights;
} known[] = {
    {"S1", 4, 0, 5, 128},     {"S2", 4, 1, 5, 128},           {"S3", 8, 0, 3, 1024},       {"S4", 8, 1, 3, 1024},
    {"S5", 8, 2, 3, 768},     {"S6", 16, 2, 3, 1536},         {"six_sizes", 6, 0, 0, 592}, {"twelve", 12, 0, 0, 1152},
    {"mixed6", 6, 3, 0, 448}, {"three_styles", 3, 1, 0, 192},
};
enum { N_KNOWN = sizeof known / sizeof *known };

static void test_registry(void **state) {
  (void)state;
  assert_int_equal(n_platform_entries, N_KNOWN + 6); /* S1f … S6f */
  for (size_t i = 0; i < n_platform_entries; i++) {
    const struct platform_entry *const entry = &platform_entries[i];
    const size_t length = strlen(entry->name);
    const bool flexible = entry->name[0] == 'S' && entry->name[length - 1] == 'f';
    const char *const plain = arena_printf(&arena, "%.*s", (int)(length - flexible), entry->name);
    size_t k = 0, n_shi = 0;
    uint64_t heights = 0;
    while (k < N_KNOWN && strcmp(known[k].name, plain) != 0) k++;
    assert_true(k < N_KNOWN);
    const struct platform platform = read_or_fail(entry->name, MAESTRO_SHI);
    assert_string_equal(platform.name, entry->name);
    for (size_t c = 0; c < platform.n_cores; c++) {
      heights += platform.cores[c].height;
      n_shi += platform.cores[c].style == MAESTRO_SHI;
      assert_int_equal(platform.cores[c].flexible, flexible);
    }
    assert_int_equal(platform.n_cores, known[k].n_cores);
    assert_int_equal(heights, known[k].heights);
    assert_int_equal(n_shi, known[k].n_lb);
    assert_int_equal(platform.bandwidths_bytes_per_cycle.n, known[k].n_bandwidths);
  }
}

static void test_words(void **state) {
  (void)state;
  const struct platform platform = read_or_fail("2 dla h37, 1 lb h5 flexible,3 shi h4096", MAESTRO_EYE);
  assert_string_equal(platform.name, "custom");
  assert_int_equal(platform.n_cores, 6);
  assert_int_equal(platform.bandwidths_bytes_per_cycle.n, 0);
  assert_int_equal(platform.cores[1].style, MAESTRO_DLA);
  assert_int_equal(platform.cores[1].height, 37);
  assert_int_equal(platform.cores[2].style, MAESTRO_EYE);
  assert_true(platform.cores[2].flexible && !platform.cores[1].flexible && !platform.cores[3].flexible);
  assert_int_equal(platform.cores[5].style, MAESTRO_SHI);
  struct maestro_array array;
  platform_maestro_array(&platform.cores[2], &array);
  assert_int_equal(array.n_pes, 320);
  assert_int_equal(array.cluster_pes, 64);
  assert_true(array.flexible && array.style == MAESTRO_EYE);
  assert_int_equal(read_or_fail("S2", MAESTRO_SHI).cores[3].style, MAESTRO_SHI);
  assert_int_equal(read_or_fail("S2", MAESTRO_EYE).cores[3].style, MAESTRO_EYE);
}

static void test_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "",
      "S7",
      "s2",
      "0 dla h32",
      "257 dla h32",
      "200 dla h32, 57 shi h32",
      "dla h32",
      "1 dla",
      "1 dla 32",
      "1 dla h0",
      "1 dla h4097",
      "1 dla h32 flexibel",
      "1 tpu h3",
      "1 dla h3,",
      "1 dla h3 , ",
      "-1 dla h32",
      "1 dla h32 flexible now",
      "1 dla h3,,1 dla h3",
      "1 dla h-3",
      "1  dla h99999999999999999999",
      "1 dla h32 flexible flexible flexible flexible flexible flexible flexible",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct platform platform;
    error = (struct error){0};
    print_message("%s\n", wrong[i]);
    assert_false(platform_read(wrong[i], MAESTRO_SHI, "run.cfg:7: tenancy.platform", &arena, &platform, &error));
    assert_int_equal(error.status, STATUS_INPUT);
    assert_non_null(strstr(error.text, "run.cfg:7: tenancy.platform: \""));
    assert_non_null(strstr(error.text, "is no platform"));
  }
  struct platform platform;
  error = (struct error){0};
  assert_false(platform_read("three_stiles", MAESTRO_SHI, "here", &arena, &platform, &error));
  assert_non_null(strstr(error.text, "did you mean three_styles?"));
}

/* As many MACs, the dataflow of its style, scratchpads of 146, 291 and (nearly) 580 KB. */
static void test_accelerators(void **state) {
  (void)state;
  const struct platform platform = read_or_fail("1 dla h32, 1 shi h64, 1 dla h128 flexible, 1 eye h64", MAESTRO_SHI);
  static const uint64_t glb_kib[] = {146, 291, 582}, dataflows[] = {DATAFLOW_WS, DATAFLOW_OS, DATAFLOW_ALL};
  struct accelerator accelerator;
  struct cost_settings settings;
  for (size_t c = 0; c < 3; c++) {
    config_defaults(&cost_fields, &arena, &settings);
    assert_true(platform_accelerator(&platform.cores[c], "here", &accelerator, &settings, &arena, &error));
    assert_int_equal(accelerator.tc_count * accelerator.tc_rows * accelerator.tc_cols, 64 * platform.cores[c].height);
    assert_int_equal(accelerator.tc_rows, c == 1 ? platform.cores[c].height : 64);
    assert_int_equal(accelerator.glb_kib, glb_kib[c]);
    assert_int_equal(settings.dataflow, dataflows[c]);
    assert_int_equal(settings.transpose, c == 2);
    assert_int_equal(accelerator.element_bytes, 1);
  }
  error = (struct error){0};
  assert_false(platform_accelerator(&platform.cores[3], "here", &accelerator, &settings, &arena, &error));
  assert_non_null(strstr(error.text, "here: provider physical has no array of style eye"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_registry, setup, teardown),
      cmocka_unit_test_setup_teardown(test_words, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_accelerators, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

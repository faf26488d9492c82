/* Are accelerators read, derived and refused as the header says, and is every entry of the catalogue whole?
 *
 * Peaks of catalogue entries (2 · MACs · clock): workloads §12 and chips.csv, the published figures;
 * of parts that neither has, their makers' data sheets. */
#include "arch/technology.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
  struct arena arena;
  struct error error;
  struct accelerator accelerator;
  char path[64];
};

static int set_up(void **state) {
  struct fixture *const fixture = calloc(1, sizeof *fixture);
  if (fixture == NULL) return -1;
  arena_init(&fixture->arena, 1 << 16);
  config_defaults(&accelerator_fields, &fixture->arena, &fixture->accelerator);
  snprintf(fixture->path, sizeof fixture->path, "%s/dse-accelerator-XXXXXX", P_tmpdir);
  const int fd = mkstemp(fixture->path);
  if (fd < 0) return -1;
  close(fd);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  unlink(fixture->path);
  arena_release(&fixture->arena);
  free(fixture);
  return 0;
}

static void write_file(const struct fixture *fixture, const char *text) {
  FILE *const file = fopen(fixture->path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static bool read_back(struct fixture *fixture, const struct config_set *sets, size_t n_sets) {
  return accelerator_read(fixture->path, sets, n_sets, &fixture->arena, &fixture->accelerator, &fixture->error);
}

static void expect_message(struct fixture *fixture, const char *part) {
  if (strstr(fixture->error.text, part) == NULL) fail_msg("no \"%s\" in: %s", part, fixture->error.text);
  assert_int_equal(fixture->error.status, STATUS_INPUT);
  fixture->error = (struct error){0};
}

/* --- derived values --------------------------------------------------------------------------------------------- */

static void derives_l2(void **state) {
  struct fixture *const fixture = *state;
  struct accelerator *const accelerator = &fixture->accelerator;
  accelerator->tc_rows = 57;
  accelerator->tc_cols = 91;
  accelerator->vc_width = 333;
  assert_true(accelerator_derive(accelerator, &fixture->error));
  assert_int_equal(accelerator->tc_l2_kib, 81);
  assert_int_equal(accelerator->vc_l2_kib, 5);
  accelerator->tc_rows = accelerator->vc_width = 3; /* derived once, it stays */
  assert_true(accelerator_derive(accelerator, &fixture->error));
  assert_int_equal(accelerator->tc_l2_kib, 81);
  accelerator->tc_l2_kib = accelerator->vc_l2_kib = 0;
  accelerator->tc_cols = 21;
  assert_int_equal(accelerator_tensor_l2_kib(accelerator), 1);
  assert_int_equal(accelerator_vector_l2_kib(accelerator), 1);
}

static void memories(void **state) {
  struct fixture *const fixture = *state;
  struct accelerator *const accelerator = &fixture->accelerator;
  accelerator->hbm_stacks = 3;
  accelerator->hbm_gib_per_stack = 24;
  accelerator->clock_mhz = 1111;
  static const double gbytes_per_s[] = {307, 461, 819, 1229}; /* cost-model §5 */
  for (uint64_t g = 0; g < N_HBM_GENERATIONS; g++) {
    accelerator->hbm_generation = g;
    assert_true(fabs(accelerator_hbm_bytes_per_s(accelerator) - 3e9 * gbytes_per_s[g]) < 1);
    assert_true(fabs(accelerator_hbm_bytes_per_cycle(accelerator) - 3e3 * gbytes_per_s[g] / 1111) < 1e-9);
  }
  accelerator->hbm_bytes_per_cycle = 57.5;
  assert_true(fabs(accelerator_hbm_bytes_per_s(accelerator) - 57.5 * 1.111e9) < 1);
  assert_true(fabs(accelerator_hbm_bytes_per_cycle(accelerator) - 57.5) < 1e-12);
  assert_int_equal(accelerator_hbm_bytes(accelerator), UINT64_C(77309411328)); /* 72 GiB */
  accelerator->glb_mib = 17;
  assert_int_equal(accelerator_glb_bytes(accelerator), 17825792);
  accelerator->glb_kib = 96;
  assert_int_equal(accelerator_glb_bytes(accelerator), 98304);
}

static void refuses_the_impossible(void **state) {
  struct fixture *const fixture = *state;
  const struct accelerator sound = fixture->accelerator;
  struct accelerator *const accelerator = &fixture->accelerator;
  accelerator->tc_count = accelerator->vc_count = 0;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "no core at all");
  *accelerator = sound;
  accelerator->node_nm = 10;
  accelerator->element_bytes = 3;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  assert_int_equal(fixture->error.n_messages, 2);
  expect_message(fixture, "node_nm = 10 is unknown; allowed are 28, 16, 14, 12, 7, 5, 4, 3\n");
  *accelerator = sound;
  accelerator->element_bytes = 3;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "element_bytes = 3");
  *accelerator = sound;
  accelerator->core_kind = CORES_SIMT;
  accelerator->tc_count = 0;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "core_kind = simt");
  *accelerator = sound;
  accelerator->hbm_stacks = 0;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "nothing feeds it");
  *accelerator = sound;
  accelerator->tc_rows = 0;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "must be at least 1");
  *accelerator = sound;
  accelerator->clock_mhz = 0;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "clock_mhz");
  *accelerator = sound;
  accelerator->hbm_generation = N_HBM_GENERATIONS;
  assert_false(accelerator_derive(accelerator, &fixture->error));
  expect_message(fixture, "hbm_generation is unknown");
}

static void knows_its_nodes(void **state) {
  (void)state;
  static const uint64_t known[] = {28, 16, 14, 12, 7, 5, 4, 3};
  size_t n = 0;
  for (uint64_t nm = 0; nm < 100; nm++) n += technology_knows_node(nm);
  assert_int_equal(n, 8);
  for (size_t i = 0; i < 8; i++) {
    const struct technology_node *const node = technology_find_node(known[i]);
    assert_true(node != NULL && node == &technology_nodes[i] && node->nm == known[i] && node->source[0] != '\0');
    /* Smaller nodes are never worse. */
    if (i > 0) assert_true(node->logic <= node[-1].logic && node->cell_um2 <= node[-1].cell_um2);
    if (i > 0) assert_true(node->energy <= node[-1].energy && node->nm < node[-1].nm);
  }
  assert_null(technology_find_node(10));
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static void reads_a_bare_array(void **state) {
  struct fixture *const fixture = *state;
  write_file(fixture, "accelerator = {\n  tc_count = 1; tc_rows = 16; tc_cols = 32;\n  glb_kib = 96;\n"
                      "  hbm_bytes_per_cycle = 8; element_bytes = 1;\n};\n");
  assert_true(read_back(fixture, NULL, 0));
  assert_int_equal(fixture->accelerator.tc_rows, 16);
  assert_int_equal(fixture->accelerator.tc_cols, 32);
  assert_int_equal(accelerator_glb_bytes(&fixture->accelerator), 98304);
  assert_true(fabs(accelerator_hbm_bytes_per_cycle(&fixture->accelerator) - 8) < 1e-12);
  assert_int_equal(fixture->accelerator.vc_width, 128); /* the default */
}

static void reads_over_what_is_there(void **state) {
  struct fixture *const fixture = *state;
  assert_true(accelerator_from_catalogue(".", "tpuv3", &fixture->arena, &fixture->accelerator, &fixture->error));
  write_file(fixture, "doc = \"mine\";\naccelerator = { tc_count = 7; hbm_generation = \"2e\"; };\n");
  const struct config_set sets[] = {{"cost.dataflow", "ws"}, {"accelerator.vc_count", "23"}};
  if (!read_back(fixture, sets, 2)) fail_msg("%s", fixture->error.text);
  const struct accelerator *const accelerator = &fixture->accelerator;
  assert_int_equal(accelerator->tc_count, 7);
  assert_int_equal(accelerator->hbm_generation, HBM_2E);
  assert_int_equal(accelerator->vc_count, 23);
  assert_int_equal(accelerator->clock_mhz, 940); /* tpuv3's */
  assert_int_equal(accelerator->vc_width, 1024);
  assert_true(fabs(accelerator_hbm_bytes_per_s(accelerator) - 900e9) < 1);
}

static void refuses_bad_files(void **state) {
  struct fixture *const fixture = *state;
  write_file(fixture, "accelerator = { tc_cuont = 7; };\n");
  assert_false(read_back(fixture, NULL, 0));
  expect_message(fixture, "tc_count");
  write_file(fixture, "accelerator = { vc_width = 2385000; };\n");
  assert_false(read_back(fixture, NULL, 0));
  expect_message(fixture, "vc_width");
  write_file(fixture, "accelerator = { hbm_generation = \"5\"; };\n");
  assert_false(read_back(fixture, NULL, 0));
  expect_message(fixture, "hbm_generation");
  write_file(fixture, "accelerater = { tc_count = 7; };\n");
  assert_false(read_back(fixture, NULL, 0));
  expect_message(fixture, "accelerator");
}

/* --- the catalogue ---------------------------------------------------------------------------------------------- */

static void every_entry_is_whole(void **state) {
  struct fixture *const fixture = *state;
  struct text_list names;
  assert_true(accelerator_catalogue_names(".", &fixture->arena, &names, &fixture->error));
  assert_true(names.n >= 20);
  for (size_t i = 0; i < names.n; i++) {
    struct accelerator *const accelerator = &fixture->accelerator;
    const char *doc = NULL, *source = NULL;
    if (!accelerator_from_catalogue(".", names.values[i], &fixture->arena, accelerator, &fixture->error) ||
        !accelerator_derive(accelerator, &fixture->error) ||
        !accelerator_catalogue_texts(".", names.values[i], &fixture->arena, &doc, &source, &fixture->error))
      fail_msg("%s: %s", names.values[i], fixture->error.text);
    assert_true(strlen(doc) > 10 && strlen(source) >= 7);
    if (i > 0) assert_true(strcmp(names.values[i - 1], names.values[i]) < 0);
  }
}

static void entries_reproduce_their_peaks(void **state) {
  struct fixture *const fixture = *state;
  static const struct {
    const char *name;
    double tflops, hbm_gbytes_per_s;
    uint64_t hbm_gib, link_gbytes_per_s;
  } entries[] = {
      {"tpuv2", 46, 700, 16, 250},        {"tpuv3", 123, 900, 32, 325},      {"tpuv4", 275, 1200, 32, 300},
      {"tpuv4i", 138, 614, 8, 100},       {"tpuv5e", 197, 819, 16, 180},     {"tpuv5p", 459, 2765, 96, 600},
      {"v100", 125, 900, 32, 150},        {"v100_16gb", 125, 900, 16, 150},  {"a100", 312, 2039, 80, 300},
      {"a100_40gb", 312, 1555, 40, 300},  {"h100", 989, 3350, 80, 450},      {"h100_96gb", 989, 2400, 96, 450},
      {"b200", 2250, 8000, 192, 900},     {"rtx3090", 71, 936, 24, 32},      {"ascend910", 256, 1200, 32, 115},
      {"nnp_t_1400", 108, 1228, 32, 224}, {"gaudi2", 432, 2460, 96, 300},    {"gaudi3", 1677, 3700, 128, 600},
      {"trainium1", 190, 820, 32, 384},   {"trainium2", 667, 2900, 96, 512}, {"a30", 165, 933, 24, 100},
      {"a40", 150, 696, 48, 32},          {"a10", 125, 600, 24, 32},         {"l4", 121, 300, 24, 32},
      {"l40s", 362, 864, 48, 32},         {"t4", 65, 320, 16, 16},           {"titan_rtx", 130, 672, 24, 50},
      {"rtx2080ti", 54, 616, 12, 16},     {"rtx4090", 165, 1008, 24, 32},    {"rtx_a6000", 155, 768, 48, 56},
      {"h200", 989, 4800, 144, 450},      {"h800", 989, 3350, 80, 200},      {"h100_pcie", 756, 2000, 80, 64},
      {"mi100", 184.6, 1229, 32, 138},    {"mi210", 181, 1638, 64, 150},     {"mi250", 362, 3277, 128, 300},
      {"mi250x", 383, 3277, 128, 300},    {"mi300x", 1307, 5300, 192, 448},  {"ipu_gc200", 250, 47500, 1, 320},
      {"ipu_bow", 350, 65000, 1, 320},
  };
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    struct accelerator *const a = &fixture->accelerator;
    if (!accelerator_from_catalogue(".", entries[i].name, &fixture->arena, a, &fixture->error))
      fail_msg("%s", fixture->error.text);
    const double tflops = 2e-6 * (double)(a->tc_count * a->tc_rows * a->tc_cols * a->clock_mhz);
    if (fabs(tflops / entries[i].tflops - 1) > 0.01) fail_msg("%s: %.1f TFLOP/s", entries[i].name, tflops);
    if (fabs(accelerator_hbm_bytes_per_s(a) * 1e-9 - entries[i].hbm_gbytes_per_s) > 1e-6)
      fail_msg("%s: %.3f GB/s", entries[i].name, accelerator_hbm_bytes_per_s(a) * 1e-9);
    assert_int_equal(accelerator_hbm_bytes(a) >> 30, entries[i].hbm_gib);
    assert_int_equal(a->link_gbytes_per_s, entries[i].link_gbytes_per_s);
  }
}

/* What even cores must keep of every part of the catalogue. */
static void even_cores_keep_the_part(void **state) {
  struct fixture *const fixture = *state;
  struct text_list names;
  assert_true(accelerator_catalogue_names(".", &fixture->arena, &names, &fixture->error));
  for (size_t i = 0; i < names.n; i++) {
    struct accelerator *const part = &fixture->accelerator, even, again;
    if (!accelerator_from_catalogue(".", names.values[i], &fixture->arena, part, &fixture->error) ||
        !accelerator_derive(part, &fixture->error))
      fail_msg("%s", fixture->error.text);
    accelerator_even_cores(part, &even);
    assert_true(accelerator_derive(&even, &fixture->error));
    if (part->tc_count == 0 || part->vc_count == 0) {
      assert_memory_equal(&even, part, sizeof even);
      continue;
    }
    assert_int_equal(even.tc_count & (even.tc_count - 1), 0);
    assert_int_equal(even.tc_count, even.vc_count);
    const double macs = (double)(even.tc_count * even.tc_rows * even.tc_cols * even.clock_mhz) /
                        (double)(part->tc_count * part->tc_rows * part->tc_cols * part->clock_mhz);
    const double lanes = (double)(even.vc_count * even.vc_width * even.clock_mhz) /
                         (double)(part->vc_count * part->vc_width * part->clock_mhz);
    if (fabs(macs - 1) > 0.001) fail_msg("%s: %g of its arrays", names.values[i], macs);
    if (fabs(lanes - 1) > 0.15) fail_msg("%s: %g of its lanes", names.values[i], lanes); /* some have 10 lanes a core */
    assert_true(fabs(accelerator_hbm_bytes_per_s(&even) / accelerator_hbm_bytes_per_s(part) - 1) < 1e-12);
    assert_int_equal(accelerator_hbm_bytes(&even), accelerator_hbm_bytes(part));
    assert_true(even.tc_count * even.tc_l2_kib <= part->tc_count * part->tc_l2_kib);
    accelerator_even_cores(&even, &again);
    assert_memory_equal(&again, &even, sizeof even);
  }
  assert_true(accelerator_from_catalogue(".", "a100", &fixture->arena, &fixture->accelerator, &fixture->error));
  struct accelerator even;
  accelerator_even_cores(&fixture->accelerator, &even); /* 108 of 32 × 32, 64 lanes at 1410 MHz */
  assert_int_equal(even.tc_count, 128);
  assert_int_equal(even.tc_cols, 27);
  assert_int_equal(even.clock_mhz, 1410);
  assert_int_equal(even.vc_width, 54);
}

static void unknown_entries(void **state) {
  struct fixture *const fixture = *state;
  struct accelerator *const accelerator = &fixture->accelerator;
  assert_false(accelerator_from_catalogue(".", "tpuv3_lkie", &fixture->arena, accelerator, &fixture->error));
  expect_message(fixture, "did you mean tpuv3_like?");
  assert_false(accelerator_from_catalogue(".", "../catalogue/tpuv3", &fixture->arena, accelerator, &fixture->error));
  expect_message(fixture, "no such accelerator");
  assert_false(accelerator_from_catalogue("/nonexistent", "tpuv3", &fixture->arena, accelerator, &fixture->error));
  assert_int_equal(fixture->error.status, STATUS_ENVIRONMENT);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(derives_l2),
      TEST(memories),
      TEST(refuses_the_impossible),
      TEST(knows_its_nodes),
      TEST(reads_a_bare_array),
      TEST(reads_over_what_is_there),
      TEST(refuses_bad_files),
      TEST(every_entry_is_whole),
      TEST(entries_reproduce_their_peaks),
      TEST(even_cores_keep_the_part),
      TEST(unknown_entries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

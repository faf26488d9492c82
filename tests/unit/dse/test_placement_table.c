/* Do run files make the placement problems that they say: sizes by the rule that was chosen, prices of the part, links
 * and memories of the settings? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dse/placement/placement_table.h"
#include "tests/two_arenas.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

struct opened {
  struct placement_table_settings settings;
  struct cost_settings cost;
  struct technology technology;
  struct placement_table table;
};

static bool open_text(struct opened *opened, const char *text, struct error *error) {
  struct config *config;
  memset(opened, 0, sizeof *opened); /* cost settings have members that no key sets */
  *error = (struct error){0};
  if (!config_open_text("run.cfg", text, strlen(text), NULL, 0, &arena, &config, error)) return false;
  const struct config_section sections[] = {{"placement", &placement_table_fields, &opened->settings, false},
                                            {"cost", &cost_fields, &opened->cost, false},
                                            {"technology", &technology_fields, &opened->technology, false}};
  const struct tenancy_world world = {.data_folder = ".",
                                      .path = "run.cfg",
                                      .group = "placement",
                                      .config = config,
                                      .cost = &opened->cost,
                                      .technology = &opened->technology,
                                      .arena = &arena,
                                      .scratch = &scratch};
  const bool fine = config_apply(config, sections, 3, &arena, error) &&
                    placement_table_open(&opened->settings, &world, &opened->table, error);
  config_close(config);
  return fine;
}

static struct placement_problem build(struct opened *opened, const char *text, size_t index) {
  struct placement_problem problem = {0};
  struct error error;
  if (!open_text(opened, text, &error) || !placement_table_build(&opened->table, index, &arena, &problem, &error))
    fail_msg("%s", error.text);
  return problem;
}

/* Layer L03 of facebag: 3 × 3, stride 2, 64 × 360 × 360 to 64 × 180 × 180. */
static void test_inputs(void **state) {
  (void)state;
  static const struct {
    const char *inputs;
    uint64_t bytes;
  } rows[] = {{"edges", 2 * 64 * 360 * 360}, {"window", 2 * 64 * 359 * 359}, {"compat", 2 * 64 * 360 * 360}};
  static struct opened opened;
  for (size_t i = 0; i < 3; i++) {
    const struct placement_problem problem = build(
        &opened, arena_printf(&arena, "placement = { models = [\"facebag\"]; inputs = \"%s\"; };", rows[i].inputs), 0);
    assert_int_equal(problem.input_bytes[2], rows[i].bytes);
  }
  /* L01, 3 × 360 × 360, stride 1: twice the rows and columns, as the public program counts */
  const struct placement_problem compat =
      build(&opened, "placement = { models = [\"facebag\"]; inputs = \"compat\"; element_bytes = 4; };", 0);
  assert_int_equal(compat.input_bytes[0], 4 * 3 * 720 * 720);
  assert_int_equal(compat.edges[0].bytes, 4 * 4147200);
}

static void test_settings(void **state) {
  (void)state;
  static struct opened opened;
  const struct placement_problem problem =
      build(&opened,
            "placement = { models = [\"mocap\", \"vfs\"]; boards = [\"A9\", \"2 x A12\", \"A1\"]; pin_share = 0.25; "
            "link_gbytes_per_s = [0.125, 0.3]; link_latency_us = 7; timing = \"contention\"; objective = \"energy\"; "
            "memory = \"hard\"; transfers = \"cut\"; granule_bytes = 77; host_out_gbytes_per_s = 2; "
            "host_transfer_pj_per_byte = 60; prefetch_layers = 3; half_duplex = true; fc_input = \"channels\"; };",
            3);
  assert_string_equal(problem.name, "vfs_0300");
  assert_int_equal(problem.n_devices, 4);
  assert_string_equal(problem.devices[2].name, "A12-2");
  assert_string_equal(problem.devices[2].class_name, "A12");
  assert_int_equal(problem.devices[1].dram_bytes, 2000000000);
  assert_true(fabs(problem.devices[3].link_bytes_per_s - 3e8) < 1e-6);
  assert_true(fabs(problem.devices[3].link_latency_s - 7e-6) < 1e-18);
  assert_true(fabs(problem.devices[3].pin_share - 0.25) < 1e-15);
  assert_true(fabs(problem.devices[3].active_w - 18.61) < 1e-12);
  assert_int_equal(problem.timing, PLACEMENT_CONTENTION);
  assert_int_equal(problem.objective, PLACEMENT_ENERGY);
  assert_int_equal(problem.memory, PLACEMENT_HARD);
  assert_int_equal(problem.transfers, PLACEMENT_CUT);
  assert_int_equal(problem.granule_bytes, 77);
  assert_true(fabs(problem.host.out_bytes_per_s - 2e9) < 1e-6);
  assert_true(isinf(problem.host.in_bytes_per_s));
  assert_true(fabs(problem.host.transfer_j_per_byte - 60e-12) < 1e-24);
  assert_int_equal(problem.host.prefetch_layers, 3);
  assert_true(problem.host.half_duplex);
  assert_null(problem.energy_j);
  /* L19: 8192 to 4096; M5 sees 512 channels */
  assert_int_equal(problem.weight_bytes[18], 2 * 512 * 4096);
  assert_true(fabs(problem.compute_s[placement_at(&problem, 18, 1)] - 2 * 512 * 4096 / 6.4e9) < 1e-15);
}

/* A convolution on an accelerator takes what the cost model says with all its cores and its own memory; the same as
 * tests of tenancy tables, whose memory has no limit, is not enough. */
static void test_accelerators(void **state) {
  (void)state;
  static struct opened opened;
  const struct placement_problem problem =
      build(&opened,
            "placement = { models = [\"mocap\"]; accelerators = [\"2 x tpuv4\", \"nvdla_like\"]; "
            "boards = [\"A9\"]; };",
            0);
  assert_int_equal(problem.n_devices, 4);
  assert_string_equal(problem.devices[2].name, "tpuv4-2");
  assert_non_null(problem.energy_j);
  const struct tenancy_core_kind *const kind = opened.table.devices.parts[1].kind;
  assert_non_null(kind);
  assert_true(kind->machine.hbm_bytes_per_cycle < 1e6);
  assert_int_equal(problem.devices[1].dram_bytes, accelerator_hbm_bytes(&kind->accelerator));
  for (size_t l = 0; l < problem.n_layers; l++) {
    const size_t at = placement_at(&problem, l, 1);
    const double bytes =
        (double)(problem.weight_bytes[l] + problem.output_bytes[l]); /* at least these cross its memory */
    assert_true(problem.compute_s[at] * accelerator_hbm_bytes_per_s(&kind->accelerator) >= bytes * 0.999);
    assert_true(problem.compute_s[at] < 1 && problem.energy_j[at] > 0 && problem.energy_j[at] < 1);
    assert_true(problem.compute_s[at] >= problem.compute_s[at + 1] &&
                problem.compute_s[at] <= problem.compute_s[at + 1]);
    const size_t board = placement_at(&problem, l, 0);
    if (!isnan(problem.compute_s[board]))
      assert_true(fabs(problem.energy_j[board] - 41 * problem.compute_s[board]) < 1e-12);
  }
}

static void test_errors(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"models = []", "run.cfg:1: placement.models: at least one network is needed"},
      {"models = [\"vfs\", \"vfss\"]", "run.cfg:1: placement.models: no table of layers \"vfss\", did you mean vfs?"},
      {"link_gbytes_per_s = []", "run.cfg:1: placement.link_gbytes_per_s: at least one is needed"},
      {"boards = [\"A13\"]",
       "run.cfg:1: placement.boards: no board \"A13\", did you mean A1?, allowed are all, A1, A2"},
      {"boards = [\"0 x A1\"]", "run.cfg:1: placement.boards: \"0 x A1\": a number from 1 to 1024 stands before x"},
      {"boards = [\"1000 x A1\", \"25 x A2\"]", "run.cfg:1: placement.boards: more than 1024 devices"},
      {"accelerators = [\"tpuv44\"]", "tpuv44: no such accelerator"},
      {"accelerators = [\"300 x tpuv4\"]", "run.cfg:1: placement.accelerators: \"300 x tpuv4\""},
      {"accelerators = [\"tpuv4\"]; element_bytes = 4", "run.cfg:1: placement.element_bytes: elements of tpuv4 have 2"},
  };
  static struct opened opened;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct error error;
    const char *const text = arena_printf(&arena, "placement = { %s; };", rows[i].text);
    if (open_text(&opened, text, &error) || strstr(error.text, rows[i].message) == NULL)
      fail_msg("row %zu: %s", i, error.text);
  }
  /* What no device can run is the problem's own message. */
  struct error error;
  struct placement_problem problem;
  assert_true(open_text(&opened, "placement = { models = [\"mocap\"]; boards = [\"A1\"]; };", &error));
  assert_false(placement_table_build(&opened.table, 0, &arena, &problem, &error));
  assert_non_null(strstr(error.text, "L01"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_inputs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
      cmocka_unit_test_setup_teardown(test_accelerators, setup, teardown),
      cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Are measured runs read, counted, spread and fitted as e2e.h says? Which machine and model they name:
 * test_e2e_names.c; predictions themselves: tests/cli/calibrate_e2e.sh. */
#include "base/file.h"
#include "tests/e2e_row.h"
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
  struct arena arena, scratch;
  struct error error;
  struct e2e_table table;
  char path[64];
};

static int set_up(void **state) {
  struct fixture *const fixture = calloc(1, sizeof *fixture);
  if (fixture == NULL) return -1;
  arena_init(&fixture->arena, 1 << 16);
  arena_init(&fixture->scratch, 1 << 16);
  snprintf(fixture->path, sizeof fixture->path, "%s/dse-e2e-XXXXXX", P_tmpdir);
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
  arena_release(&fixture->scratch);
  free(fixture);
  return 0;
}

static bool read_text(struct fixture *fixture, const char *text) {
  FILE *const file = fopen(fixture->path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
  fixture->error = (struct error){0};
  return e2e_table_read(fixture->path, &fixture->arena, &fixture->table, &fixture->error);
}

static void expect_message(struct fixture *fixture, const char *part) {
  if (strstr(fixture->error.text, part) == NULL) fail_msg("no \"%s\" in: %s", part, fixture->error.text);
  assert_int_equal(fixture->error.status, STATUS_INPUT);
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

static void blanks_are_unknown(void **state) {
  struct fixture *const fixture = *state;
  assert_true(read_text(fixture,
                        "seq,id,group,strange,hardware,model,unit,measured_value,n_devices,params_B,gated_mlp\n"
                        ",x1,g,7,A100, GPT 7B ,s,2.5,,,\n"
                        "2385,x2,h,,A100,GPT,s,3,23,6.5,1\n"));
  const struct e2e_row *const rows = fixture->table.rows;
  assert_int_equal(fixture->table.n, 2);
  assert_int_equal(fixture->table.n_groups, 2);
  assert_string_equal(rows[0].model, "GPT 7B");
  assert_int_equal(rows[0].sequence, 0);
  assert_int_equal(rows[0].n_devices, 0);
  assert_int_equal(rows[0].gated, -1);
  assert_true(isnan(rows[0].parameters_e9));
  assert_int_equal(rows[1].sequence, 2385);
  assert_int_equal(rows[1].gated, 1);
  assert_int_equal(rows[1].group_index, 1);
  assert_true(rows[1].parameters_e9 == 6.5);
  assert_non_null(strstr(fixture->table.missing, "micro_batch"));
  assert_null(strstr(fixture->table.missing, "experts"));
}

static void mistakes_have_a_place(void **state) {
  struct fixture *const fixture = *state;
  static const char header[] =
      "id,group,hardware,model,unit,measured_value,n_devices,TP,gated_mlp,peak_TFLOPS_dense_used\n";
  static const struct {
    const char *row, *text;
  } cases[] = {
      {"x,g,A100,m,s,0,8,1,0,1\n", ":2: measured_value: \"0\""},
      {"x,g,A100,m,s,nan,8,1,0,1\n", ":2: measured_value: \"nan\""},
      {"x,g,A100,m,s,1,8.5,1,0,1\n", ":2: n_devices: \"8.5\", a whole number"},
      {"x,g,A100,m,s,1,8,0,0,1\n", ":2: TP: \"0\""},
      {"x,g,A100,m,s,1,8,1,yes,1\n", ":2: gated_mlp: \"yes\", 0, 1 or nothing"},
      {"x,g,A100,m,s,1,8,1,0,-3\n", ":2: peak_TFLOPS_dense_used: \"-3\""},
      {"x,g,A100,m,s,1,8,99999999999999999999,0,1\n", ":2: TP: "},
      {"x,g,,m,s,1,8,1,0,1\n", ":2: hardware: \"\", a text"},
      {"x,g,A100,m,s,1,8,1,0,1\nx,g,A100,m,s,1,8,1,0,1\n", ":3: id: \"x\", an id that no other row has"},
      {"", "there is no run in it"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[1024];
    snprintf(text, sizeof text, "%s%s", header, cases[i].row);
    assert_false(read_text(fixture, text));
    expect_message(fixture, cases[i].text);
  }
  assert_false(read_text(fixture, "id,group,hardware,model,unit,n_devices\nx,g,A100,m,s,8\n"));
  expect_message(fixture, ":1: measured_value: this column is missing");
}

static void words(void **state) {
  (void)state;
  assert_true(e2e_says("A100-80GB SXM (Selene)", "a100 80gb"));
  assert_true(e2e_says("TPUv4", "tpu v4|tpuv4"));
  assert_true(e2e_says("TPU v4", "tpu v4|tpuv4"));
  assert_false(e2e_says("TPU v4i", "tpu v4|tpuv4"));
  assert_false(e2e_says("A1000", "a100"));
  assert_false(e2e_says("", "a100"));
  assert_false(e2e_says("a100", ""));
}

/* --- units ------------------------------------------------------------------------------------------------------- */

static void every_unit_is_seconds(void **state) {
  (void)state;
  static const struct {
    const char *unit, *metric;
    double value, seconds; /* of 24 samples of 100 tokens and 6e12 forward FLOP (1e12 of the head), 8 devices */
  } cases[] = {
      {"s", "iteration time", 2.5, 2.5},
      {"ms", "", 250, 0.25},
      {"TFLOP/s", "TFLOP/s/GPU", 10, 3 * 6e12 * 24 / (8 * 10e12)},
      {"TFLOP/s", "TFLOP/s/GPU (counts recompute)", 10, (4 * 6e12 - 1e12) * 24 / (8 * 10e12)},
      {"TFLOP/s", "HW TFLOP/s/GPU", 10, (4 * 6e12 - 1e12) * 24 / (8 * 10e12)},
      {"PFLOP/s", "aggregate", 2, 3 * 6e12 * 24 / 2e15},
      {"%", "MFU", 50, 3 * 6e12 * 24 / (0.5 * 8 * 100e12)},
      {"%", "HFU", 50, (4 * 6e12 - 1e12) * 24 / (0.5 * 8 * 100e12)},
      {"tok/s", "tokens/s/GPU", 30, 24 * 100 / (30.0 * 8)},
      {"tok/s", "tokens/s (all)", 30, 24 * 100 / 30.0},
      {"seq/s", "seq/s (all)", 12, 2},
      {"img/s", "throughput (all devices)", 48, 0.5},
      {"rec/s", "", 6, 4},
      {"samples/s", "", 3, 8},
      {"h", "GPU-hours per 1e12 tokens", 1e6, 1e6 * 3600 * 24 * 100 / (1e12 * 8)},
  };
  struct e2e_work work = {.forward_flop = 6e12, .head_flop = 1e12, .tokens = 100};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct e2e_row row = row_of("GPT");
    double seconds;
    row.unit = cases[i].unit, row.metric = cases[i].metric, row.measured = cases[i].value;
    assert_null(e2e_measured_s(&row, &work, 24, 100, &seconds));
    if (fabs(seconds / cases[i].seconds - 1) > 1e-12)
      fail_msg("%g %s (%s): %g s, not %g", cases[i].value, cases[i].unit, cases[i].metric, seconds, cases[i].seconds);
  }
  struct e2e_row row = row_of("GPT");
  double seconds;
  row.unit = "furlongs";
  assert_non_null(e2e_measured_s(&row, &work, 24, 100, &seconds));
  row.unit = "h";
  assert_non_null(e2e_measured_s(&row, &work, 24, 100, &seconds));
  row.unit = "s", row.measured = NAN;
  assert_non_null(e2e_measured_s(&row, &work, 24, 100, &seconds));
  row.unit = "%", row.metric = "MFU", row.measured = 50, row.peak_tflops = 50; /* stated peaks count */
  assert_null(e2e_measured_s(&row, &work, 24, 100, &seconds));
  assert_true(fabs(seconds - 3 * 6e12 * 24 / (0.5 * 8 * 50e12)) < 1e-12);
}

/* --- strategies -------------------------------------------------------------------------------------------------- */

static void published_degrees_stay(void **state) {
  (void)state;
  const struct e2e_hardware *const a100 = e2e_hardware_of("A100"), *const trainium = e2e_hardware_of("Trainium1");
  struct e2e_row row = row_of("GPT");
  const struct e2e_work work = {
      .transformer = true, .layers = 24, .fused_attention = true, .software = e2e_software_of(&row)};
  struct e2e_degrees degrees;
  uint64_t share;
  row.n_devices = 16, row.tensor = 4, row.pipeline = 2, row.data = 2, row.chunks = 3;
  row.recompute = "selective+sequence-parallel", row.sharding = "ZeRO-2";
  assert_null(e2e_degrees_of(&row, &work, a100, &degrees, &share));
  assert_int_equal(degrees.n_tensor * degrees.n_pipeline * degrees.n_chunks, 1);
  assert_int_equal(degrees.recompute, RECOMPUTE_SELECTIVE);
  assert_int_equal(degrees.zero, 2);
  assert_int_equal(degrees.assumed, 0);
  assert_true(degrees.sequence);
  assert_string_equal(pipeline_schedule_names[degrees.schedule], "interleaved");
  row.data = 4; /* 32 devices of 16: half a chip each, where software sees it so */
  assert_non_null(e2e_degrees_of(&row, &work, a100, &degrees, &share));
  assert_null(e2e_degrees_of(&row, &work, trainium, &degrees, &share));
  assert_int_equal(share, 2);
  assert_int_equal(degrees.n_devices, 32);
  row.recompute = "sometimes";
  assert_non_null(e2e_degrees_of(&row, &work, trainium, &degrees, &share));
  row.recompute = "", row.sharding = "Zaphod";
  assert_non_null(e2e_degrees_of(&row, &work, trainium, &degrees, &share));
}

static void blank_degrees_are_tried(void **state) {
  (void)state;
  const struct e2e_hardware *const a100 = e2e_hardware_of("A100");
  struct e2e_row row = row_of("GPT");
  const struct e2e_software *const software = e2e_software_of(&row);
  const struct e2e_work work = {.transformer = true, .layers = 24, .software = software};
  const struct e2e_work image = {.layers = 0, .software = software};
  struct e2e_degrees degrees;
  uint64_t share;
  row.n_devices = 64;
  assert_null(e2e_degrees_of(&row, &work, a100, &degrees, &share));
  assert_int_equal(degrees.n_tensor, 4);   /* 1 … 8: a node */
  assert_int_equal(degrees.n_pipeline, 5); /* 1 … 16 of 24 layers */
  assert_int_equal(degrees.assumed, E2E_ASSUMED_DEGREES | E2E_ASSUMED_RECOMPUTE);
  assert_null(e2e_degrees_of(&row, &image, a100, &degrees, &share));
  assert_int_equal(degrees.n_tensor * degrees.n_pipeline, 1);
  assert_int_equal(degrees.assumed, 0);
  row.model = "GPT interleaved";
  assert_null(e2e_degrees_of(&row, &work, a100, &degrees, &share));
  assert_int_equal(degrees.n_chunks, 1);
  assert_int_equal(degrees.chunks[0], 2);
  assert_true((degrees.assumed & E2E_ASSUMED_CHUNKS) != 0);
  row.n_devices = 0;
  assert_non_null(e2e_degrees_of(&row, &work, a100, &degrees, &share));
}

static void blank_batches_are_tried(void **state) {
  (void)state;
  struct e2e_row row = row_of("GPT");
  struct e2e_batches batches;
  row.batch = 96;
  e2e_batches_of(&row, 8, 1, &batches); /* 12 a device */
  assert_int_equal(batches.n, 4);
  const uint64_t wanted[] = {1, 2, 4, 12};
  assert_memory_equal(batches.microbatch, wanted, sizeof wanted);
  assert_int_equal(batches.assumed, E2E_ASSUMED_MICROBATCH);
  row.microbatch = 3, row.batch = 0;
  e2e_batches_of(&row, 8, 1, &batches);
  assert_int_equal(batches.n, 1);
  assert_int_equal(batches.batch[0], 24);
  assert_int_equal(batches.assumed, E2E_ASSUMED_BATCH);
  e2e_batches_of(&row, 8, 5, &batches); /* four microbatches a stage */
  assert_int_equal(batches.batch[0], 24 * 20);
}

/* --- fitting ----------------------------------------------------------------------------------------------------- */

/* A run that takes a/matmul + b/hbm + c/links + d·op seconds: between grid points exact. */
static double law(const double *weights, const struct e2e_constants *constants) {
  const double *const of = constants->of;
  return weights[0] / of[E2E_MATMUL] + weights[1] / of[E2E_HBM] + weights[2] / of[E2E_LINKS] + weights[3] * of[E2E_OP];
}

enum { N_RUNS = 24 };
static void fits_find_constants(void **state) {
  struct fixture *const fixture = *state;
  static const enum e2e_constant names[] = {E2E_MATMUL, E2E_HBM, E2E_OP, E2E_LINKS};
  struct e2e_grid *const grid = ARENA_NEW(&fixture->arena, struct e2e_grid, 1);
  struct e2e_constants base, truth, found;
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) base.of[i] = e2e_constants[i].prior;
  truth = base;
  truth.of[E2E_MATMUL] = 0.71, truth.of[E2E_HBM] = 0.83, truth.of[E2E_OP] = 3.5, truth.of[E2E_LINKS] = 0.57;
  e2e_grid_make(&base, names, 4, grid);
  struct e2e_fit_row rows[N_RUNS];
  for (size_t r = 0; r < N_RUNS; r++) {
    const double weights[] = {1 + (double)(r % 5), 0.3 * (double)(r % 7), 0.4 * (double)(r % 3), 0.3 * (double)(r % 4)};
    double *const seconds = ARENA_NEW(&fixture->arena, double, grid->n_points);
    for (size_t p = 0; p < grid->n_points; p++) seconds[p] = law(weights, &grid->points[p]);
    assert_true(fabs(e2e_grid_s(grid, seconds, &truth) / law(weights, &truth) - 1) < 1e-9);
    rows[r] = (struct e2e_fit_row){seconds, law(weights, &truth), r % 3};
  }
  e2e_fit(grid, rows, N_RUNS, 3, SIZE_MAX, &found);
  for (size_t i = 0; i < 4; i++) { /* the priors pull a little */
    const double range = e2e_constants[names[i]].high - e2e_constants[names[i]].low;
    if (fabs(found.of[names[i]] - truth.of[names[i]]) > 0.05 * range)
      fail_msg("%s: %g, not %g", e2e_constants[names[i]].key, found.of[names[i]], truth.of[names[i]]);
  }
  /* A group that is left out says nothing: its times are nonsense. */
  for (size_t r = 0; r < N_RUNS; r++)
    if (rows[r].group == 1) rows[r].measured_s *= 7;
  struct e2e_constants without, with;
  e2e_fit(grid, rows, N_RUNS, 3, 1, &without);
  e2e_fit(grid, rows, N_RUNS, 3, SIZE_MAX, &with);
  assert_true(fabs(without.of[E2E_MATMUL] - truth.of[E2E_MATMUL]) < 0.05);
  assert_true(fabs(with.of[E2E_MATMUL] - truth.of[E2E_MATMUL]) >
              fabs(without.of[E2E_MATMUL] - truth.of[E2E_MATMUL]) + 0.005);
}

/* The constants that ship are those that were fitted and published. */
static void shipped_constants_are_published(void **state) {
  (void)state;
  char text[4096];
  FILE *const file = fopen("results/published/calibration/e2e-fit.cfg", "r");
  assert_non_null(file);
  const size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = '\0';
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) {
    const char *const name = strrchr(e2e_constants[i].key, '.') + 1;
    char wanted[64];
    const bool links = strcmp(name, "efficiency") == 0;
    snprintf(wanted, sizeof wanted, " %s = ", links ? "efficiency_inner" : name);
    const char *const found = strstr(text, wanted);
    assert_non_null(found);
    assert_true(strtod(found + strlen(wanted), NULL) == e2e_constants[i].shipped);
  }
}

static void statistics(void **state) {
  struct fixture *const fixture = *state;
  double odd[] = {5, 1, 3}, even[] = {4, 1, 2, 9};
  const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 5}, flat[] = {7, 7, 7, 7, 7}, tied[] = {1, 1, 3, 3, 5};
  assert_true(e2e_median(odd, 3) == 3);
  assert_true(e2e_median(even, 4) == 3);
  assert_true(isnan(e2e_median(odd, 0)));
  assert_true(fabs(e2e_rank_correlation(x, y, 5, &fixture->scratch) - 0.8) < 1e-12); /* 1 − 6·4/(5·24) */
  assert_true(fabs(e2e_rank_correlation(x, x, 5, &fixture->scratch) - 1) < 1e-12);
  assert_true(isnan(e2e_rank_correlation(x, flat, 5, &fixture->scratch)));
  assert_true(fabs(e2e_rank_correlation(x, tied, 5, &fixture->scratch) - 9 / sqrt(90)) < 1e-12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(blanks_are_unknown),
      TEST(mistakes_have_a_place),
      TEST(words),
      TEST(every_unit_is_seconds),
      TEST(published_degrees_stay),
      TEST(blank_degrees_are_tried),
      TEST(blank_batches_are_tried),
      TEST(fits_find_constants),
      TEST(shipped_constants_are_published),
      TEST(statistics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

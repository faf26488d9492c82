/* Do the closed forms say what MAESTRO says?
 *
 * Values: tests/data/job_tables/maestro.csv (its README names tools and commits), all 717 rows, every bit of both
 * bandwidths; with the environment variable DSE_TENANCY_DATA also all rows of FOLDER/INSTANCE/jobs.csv, where an
 * instance whose name begins with tr_ holds compulsory traffic and any other one tile. What `eye` and flexible arrays
 * do is worked out here by hand from the published dataflows: no table of them is public. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/maestro_forms.h"
#include "base/csv.h"
#include "base/text.h"
#include "tests/two_arenas.h"
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static const char *cell(const struct csv *csv, size_t row, const char *name) {
  const size_t column = csv_column(csv, name);
  if (column == SIZE_MAX) fail_msg("%s: no column %s", csv->path, name);
  return csv_cell(csv, row, column);
}

static uint64_t whole(const struct csv *csv, size_t row, const char *name) {
  uint64_t value;
  if (!text_to_u64(cell(csv, row, name), &value)) fail_msg("%s:%u: %s", csv->path, csv->line[row], name);
  return value;
}

static bool equals(const struct csv *csv, size_t row, const char *name, double ours) {
  double value;
  if (!text_to_double(cell(csv, row, name), &value)) fail_msg("%s:%u: %s", csv->path, csv->line[row], name);
  return memcmp(&value, &ours, sizeof value) == 0;
}

static struct maestro_layer layer_of(const struct csv *csv, size_t row) {
  static const char *const names[MAESTRO_DIMS] = {"d0", "d1", "d2", "d3", "d4", "d5"};
  uint64_t dims[MAESTRO_DIMS];
  struct maestro_layer layer;
  for (int d = 0; d < MAESTRO_DIMS; d++) dims[d] = whole(csv, row, names[d]);
  assert_true(maestro_layer_init(&layer, (enum maestro_layer_type)whole(csv, row, "layer_type"), dims, 1));
  return layer;
}

static struct maestro_array array_of(const struct csv *csv, size_t row) {
  struct maestro_array array = {.n_pes = whole(csv, row, "num_pes"), .cluster_pes = whole(csv, row, "cluster_size")};
  while (array.style < N_MAESTRO_STYLES && strcmp(maestro_style_names[array.style], cell(csv, row, "style")) != 0)
    array.style++;
  assert_true(array.style < N_MAESTRO_STYLES);
  return array;
}

/* Rows that are equal in every column. */
static size_t count_equal(const struct csv *csv, const char *tile, const char *traffic) {
  size_t n_equal = 0;
  for (size_t i = 0; i < csv->n_rows; i++) {
    const struct maestro_layer layer = layer_of(csv, i);
    const struct maestro_array array = array_of(csv, i);
    struct maestro_cost with_tile, with_traffic;
    assert_true(maestro_cost(&array, &layer, MAESTRO_TILE, &with_tile));
    assert_true(maestro_cost(&array, &layer, MAESTRO_TRAFFIC, &with_traffic));
    const bool equal = with_tile.latency_cycles == whole(csv, i, "latency_cycles") &&
                       with_traffic.latency_cycles == with_tile.latency_cycles &&
                       with_tile.l2_bytes == whole(csv, i, "l2_req_bytes") &&
                       maestro_traffic_bytes(&layer) == whole(csv, i, "traffic_bytes") &&
                       (tile == NULL || equals(csv, i, tile, with_tile.bytes_per_cycle)) &&
                       equals(csv, i, traffic, with_traffic.bytes_per_cycle);
    n_equal += equal;
    if (!equal)
      print_message("%s:%u: %llu cycles, %llu bytes, %.17g and %.17g B/cycle\n", csv->path, csv->line[i],
                    (unsigned long long)with_tile.latency_cycles, (unsigned long long)with_tile.l2_bytes,
                    with_tile.bytes_per_cycle, with_traffic.bytes_per_cycle);
  }
  print_message("%s: equal in cycles, bytes and bandwidth: %zu of %zu rows\n", csv->path, n_equal, csv->n_rows);
  return n_equal;
}

static void test_rows(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  if (!csv_read("tests/data/job_tables/maestro.csv", 100000, &arena, &csv, &error)) fail_msg("%s", error.text);
  assert_int_equal(csv.n_rows, 717);
  assert_int_equal(count_equal(&csv, "bw_bytes_per_cycle", "traffic_bw_bytes_per_cycle"), csv.n_rows);
}

static void test_whole_tables(void **state) {
  (void)state;
  const char *const folder = getenv("DSE_TENANCY_DATA");
  if (folder == NULL) return; /* the distinct rows of all tables are in test_rows */
  glob_t found;
  assert_int_equal(glob(arena_printf(&arena, "%s/*/jobs.csv", folder), 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    struct csv csv;
    struct error error = {0};
    const struct arena_mark mark = arena_get_mark(&arena);
    if (!csv_read(found.gl_pathv[i], 4000000, &arena, &csv, &error)) fail_msg("%s", error.text);
    const bool traffic = strstr(found.gl_pathv[i], "/tr_") != NULL;
    const char *const given = "bw_bytes_per_cycle";
    assert_int_equal(count_equal(&csv, traffic ? NULL : given, traffic ? given : "traffic_bw_bytes_per_cycle"),
                     csv.n_rows);
    arena_rewind(&arena, mark);
  }
  globfree(&found);
}

static struct maestro_cost cost_of(const struct maestro_array *array, enum maestro_layer_type type,
                                   const uint64_t dims[MAESTRO_DIMS], uint64_t images) {
  struct maestro_layer layer;
  struct maestro_cost cost;
  assert_true(maestro_layer_init(&layer, type, dims, images));
  assert_true(maestro_cost(array, &layer, MAESTRO_TRAFFIC, &cost));
  return cost;
}

/* 7 × 5 channels of 14 × 14 through 3 × 3 on 256 PEs in clusters of 64: 12 × 12 outputs. Every row of the output has
 * its PE (12 ≤ 64 × 4), columns go by threes: 35 × 1 × 4 × 10 cycles behind the first. The tile: 9 weights, the inputs
 * of 12 rows (1 cluster's) and 3 columns, 14 × 5, their 36 outputs; twice. */
static void test_eye(void **state) {
  (void)state;
  const struct maestro_array array = {.style = MAESTRO_EYE, .n_pes = 256, .cluster_pes = 64};
  const uint64_t dims[] = {7, 5, 14, 14, 3, 3};
  const struct maestro_cost cost = cost_of(&array, MAESTRO_CONV, dims, 1);
  assert_int_equal(cost.latency_cycles, 1 + 35 * 4 * 10);
  assert_int_equal(cost.l2_bytes, 2 * (9 + 14 * 5 + 36));
  assert_int_equal((uint64_t)(cost.bytes_per_cycle * 1400 + 0.5), 7 * 5 * 9 + 5 * 196 + 7 * 144);
}

/* Three images take three times the cycles behind the first, and bring the weights once. */
static void test_images(void **state) {
  (void)state;
  const struct maestro_array array = {.style = MAESTRO_DLA, .n_pes = 2048, .cluster_pes = 64};
  const uint64_t dims[] = {192, 32, 28, 28, 1, 1};
  const struct maestro_cost one = cost_of(&array, MAESTRO_CONV, dims, 1);
  const struct maestro_cost three = cost_of(&array, MAESTRO_CONV, dims, 3);
  assert_int_equal(one.latency_cycles, 9409); /* as in the table */
  assert_int_equal(three.latency_cycles, 3 * 9408 + 1);
  const double bytes = 192 * 32 + 3 * (32 + 192) * 784;
  assert_true(three.bytes_per_cycle * 3 * 9408 > bytes * 0.999999 &&
              three.bytes_per_cycle * 3 * 9408 < bytes * 1.000001);
}

/* 2048 PEs, 24 channels to 144, one pixel by one filter on 56 × 56. Clusters of q: ⌈144/⌊2048/q⌋⌉ × ⌈24/q⌉ folds of 2 ×
 * 3136 cycles. q = 8: 1 × 3; 12: 1 × 2; 24: 2 × 1; 64: 5 × 1; so 12 and 24 are the fastest, with the same traffic:
 * the smaller one is taken. Fixed clusters of 64 take 5. */
static void test_flexible_dla(void **state) {
  (void)state;
  struct maestro_array array = {.style = MAESTRO_DLA, .n_pes = 2048, .cluster_pes = 64};
  const uint64_t dims[] = {144, 24, 56, 56, 1, 1};
  assert_int_equal(cost_of(&array, MAESTRO_CONV, dims, 1).latency_cycles, 1 + 5 * 2 * 3136);
  array.flexible = true;
  const struct maestro_cost cost = cost_of(&array, MAESTRO_CONV, dims, 1);
  assert_int_equal(cost.latency_cycles, 1 + 2 * 2 * 3136);
  assert_int_equal(cost.cluster_pes, 12);
}

/* 14 × 14 outputs of a 1 × 1 filter on 2048 PEs: clusters of q ≤ 14 columns give ⌈14/⌊2048/q⌋⌉ × ⌈14/q⌉ folds of 2
 * cycles, least with q = 14 (1 × 1); clusters of 64 as well, with a like tile and the same traffic. A row of 300
 * columns wants clusters of 300: 1 × 1 fold; as wide as 2047 would not fit beside a second row. */
static void test_flexible_shi(void **state) {
  (void)state;
  const struct maestro_array array = {.style = MAESTRO_SHI, .n_pes = 2048, .cluster_pes = 64, .flexible = true};
  const struct maestro_cost square = cost_of(&array, MAESTRO_CONV, (const uint64_t[]){3, 5, 14, 14, 1, 1}, 1);
  assert_int_equal(square.latency_cycles, 1 + 15 * 2);
  assert_int_equal(square.cluster_pes, 14);
  const struct maestro_cost wide = cost_of(&array, MAESTRO_CONV, (const uint64_t[]){3, 5, 2, 300, 1, 1}, 1);
  assert_int_equal(wide.latency_cycles, 1 + 15 * 2);
  assert_int_equal(wide.cluster_pes, 300);
}

/* One input to 2^21 outputs on 2^22 PEs: in clusters of 1 a tile is 2^21 weights and as many outputs, too much; in
 * clusters of 64, 2^16 of each. On 2^30 PEs clusters of 64 are too many as well, so that the fixed ones stand. */
static void test_flexible_too_large(void **state) {
  (void)state;
  const struct maestro_array array = {
      .style = MAESTRO_DLA, .n_pes = UINT64_C(1) << 22, .cluster_pes = 2, .flexible = true};
  const struct maestro_cost cost = cost_of(&array, MAESTRO_FC, (const uint64_t[]){1 << 21, 1, 1, 1, 1, 1}, 1);
  assert_int_equal(cost.cluster_pes, 64);
  const struct maestro_cost larger = cost_of(
      &(struct maestro_array){.style = MAESTRO_DLA, .n_pes = UINT64_C(1) << 30, .cluster_pes = 2, .flexible = true},
      MAESTRO_FC, (const uint64_t[]){1 << 21, 1, 1, 1, 1, 1}, 1);
  assert_int_equal(larger.cluster_pes, 2);
}

static void test_refused(void **state) {
  (void)state;
  struct maestro_layer layer;
  struct maestro_cost cost;
  assert_false(maestro_layer_init(&layer, MAESTRO_CONV, (const uint64_t[]){7, 5, 14, 14, 15, 3}, 1));
  assert_false(maestro_layer_init(&layer, MAESTRO_CONV, (const uint64_t[]){7, 5, 14, 2, 3, 3}, 1));
  assert_false(maestro_layer_init(&layer, MAESTRO_FC, (const uint64_t[]){0, 5, 1, 1, 1, 1}, 1));
  assert_false(maestro_layer_init(&layer, MAESTRO_FC, (const uint64_t[]){UINT64_C(1) << 31, 5, 1, 1, 1, 1}, 1));
  assert_false(maestro_layer_init(&layer, MAESTRO_FC, (const uint64_t[]){7, 5, 1, 1, 1, 1}, 0));
  assert_false(maestro_layer_init(&layer, N_MAESTRO_LAYER_TYPES, (const uint64_t[]){7, 5, 1, 1, 1, 1}, 1));
  const uint64_t huge[] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 1, 1};
  const struct maestro_array array = {.style = MAESTRO_DLA, .n_pes = 64, .cluster_pes = 64};
  assert_true(maestro_layer_init(&layer, MAESTRO_CONV, huge, 1));
  assert_false(maestro_cost(&array, &layer, MAESTRO_TILE, &cost));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
      cmocka_unit_test_setup_teardown(test_whole_tables, setup, teardown),
      cmocka_unit_test(test_eye),
      cmocka_unit_test(test_images),
      cmocka_unit_test(test_flexible_dla),
      cmocka_unit_test(test_flexible_shi),
      cmocka_unit_test(test_flexible_too_large),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do boards take the published time for a layer?
 *
 * Sources: the convolution engine's seconds as the public H2H program prints them (placement §3.1, board A1, fp32, link
 * of 1.25 GB/s); tests/data/placement/boards/NAME_costs.csv, compute times of four networks on twelve boards, made by
 * another program from the same formulas (its README), which must be equal in every bit; totals of the tables of layers
 * as counted apart from them (placement §9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/board.h"
#include "base/csv.h"
#include "base/text.h"
#include "tests/two_arenas.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const double link_bytes_per_s = 1.25e9;

static void open_boards(const struct board **boards, size_t *n) {
  struct error error = {0};
  if (!boards_read("arch/boards.csv", &arena, boards, n, &error)) fail_msg("%s", error.text);
}

static struct layer_table open_table(const char *name) {
  struct layer_table table;
  struct error error = {0};
  if (!layer_table_find(".", name, &arena, &table, &error)) fail_msg("%s", error.text);
  return table;
}

static void test_engine(void **state) {
  (void)state;
  static const struct {
    struct zhang_layer layer;
    bool weights, inputs, outputs;
    double seconds; /* nine decimals, as printed */
  } rows[] = {
      {{64, 3, 112, 112, 3}, true, true, true, 0.005659233},
      {{64, 3, 112, 112, 3}, false, false, false, 0.002603002},
      {{64, 64, 112, 112, 3}, true, true, true, 0.034065004},
      {{64, 64, 112, 112, 3}, false, true, true, 0.033947039},
      {{64, 64, 112, 112, 3}, true, false, true, 0.023788959},
      {{64, 64, 112, 112, 3}, true, true, false, 0.031495992},
      {{64, 64, 112, 112, 3}, false, false, false, 0.021101983},
      {{512, 512, 7, 7, 3}, true, true, true, 0.023027727},
      {{512, 512, 7, 7, 3}, false, false, false, 0.015076572},
  };
  const struct board *boards;
  size_t n;
  open_boards(&boards, &n);
  assert_string_equal(boards[0].name, "A1");
  const struct zhang_engine engine = {boards[0].gops,   512 * 100e6 / 8,  boards[0].tile_m,
                                      boards[0].tile_n, boards[0].tile_r, boards[0].tile_c};
  const uint64_t fp32 = 4;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct zhang_layer *const layer = &rows[i].layer;
    const uint64_t weights = layer->kernel * layer->kernel * layer->in_channels * layer->out_channels;
    const uint64_t crossing = rows[i].weights * weights + rows[i].inputs * zhang_compat_input_elements(layer) +
                              rows[i].outputs * layer->out_channels * layer->out_rows * layer->out_cols;
    const double seconds = zhang_engine_s(&engine, layer, fp32) + (double)(fp32 * crossing) / link_bytes_per_s;
    if (!(fabs(seconds - rows[i].seconds) <= 5e-10)) fail_msg("row %zu: %.12g, not %.9f", i, seconds, rows[i].seconds);
  }
}

static void check_costs(const char *network) {
  const struct layer_table table = open_table(network);
  const struct board *boards;
  size_t n_boards, row = 0;
  open_boards(&boards, &n_boards);
  struct csv csv;
  struct error error = {0};
  if (!csv_read(arena_printf(&arena, "tests/data/placement/boards/%s_costs.csv", network), 100000, &arena, &csv,
                &error))
    fail_msg("%s", error.text);
  assert_int_equal(csv.n_columns, 3);
  for (size_t l = 0; l < table.n_layers; l++) {
    for (size_t b = 0; b < n_boards; b++) {
      const double seconds = board_seconds(&boards[b], &table.layers[l], 2);
      if (isnan(seconds)) continue;
      double expected;
      assert_true(row < csv.n_rows);
      assert_string_equal(csv_cell(&csv, row, 0), table.layers[l].name);
      assert_string_equal(csv_cell(&csv, row, 1), boards[b].name);
      assert_true(text_to_double(csv_cell(&csv, row, 2), &expected));
      if (seconds < expected || seconds > expected)
        fail_msg("%s: %s on %s: %.17g, not %.17g", network, table.layers[l].name, boards[b].name, seconds, expected);
      row++;
    }
  }
  assert_int_equal(row, csv.n_rows);
}

static void test_costs(void **state) {
  (void)state;
  check_costs("vlocnet");
  check_costs("facebag");
  check_costs("vfs");
  check_costs("mocap");
}

/* Sizes in bytes and order of edges, too, are those of the problems. */
static void check_sizes(const char *network) {
  const struct layer_table table = open_table(network);
  struct csv layers, edges;
  struct error error = {0};
  if (!csv_read(arena_printf(&arena, "tests/data/placement/boards/%s_layers.csv", network), 100000, &arena, &layers,
                &error) ||
      !csv_read(arena_printf(&arena, "tests/data/placement/boards/%s_edges.csv", network), 100000, &arena, &edges,
                &error))
    fail_msg("%s", error.text);
  assert_int_equal(layers.n_rows, table.n_layers);
  assert_int_equal(edges.n_rows, table.n_edges);
  for (size_t l = 0; l < table.n_layers; l++) {
    const struct layer *const layer = &table.layers[l];
    const uint64_t elements[] = {layer->weights, layer->input_elements, layer->output_elements};
    assert_string_equal(csv_cell(&layers, l, 1), board_kind_names[board_kind_of(layer->kind)]);
    for (size_t k = 0; k < 3; k++) {
      uint64_t bytes;
      assert_true(text_to_u64(csv_cell(&layers, l, 2 + k), &bytes));
      assert_int_equal(bytes, 2 * elements[k]);
    }
  }
  for (size_t e = 0; e < table.n_edges; e++) {
    uint64_t bytes;
    assert_string_equal(csv_cell(&edges, e, 0), table.layers[table.edges[e].from].name);
    assert_string_equal(csv_cell(&edges, e, 1), table.layers[table.edges[e].to].name);
    assert_true(text_to_u64(csv_cell(&edges, e, 2), &bytes));
    assert_int_equal(bytes, 2 * table.edges[e].elements);
  }
}

static void test_sizes(void **state) {
  (void)state;
  check_sizes("vlocnet");
  check_sizes("facebag");
  check_sizes("vfs");
  check_sizes("mocap");
}

/* Placement §9; millions and milliards as printed there. */
static void test_totals(void **state) {
  (void)state;
  static const struct {
    const char *network;
    size_t n_layers, n_edges, n_of[N_LAYER_KINDS]; /* conv, fc, lstm, pool, add, concat */
    size_t n_sources, n_sinks;
    double weights, macs;
    size_t depth, width;
  } rows[] = {
      {"vlocnet", 173, 211, {125, 6, 0, 4, 38, 0}, 2, 4, 58.196, 59.016, 69, 6},
      {"casia-surf", 59, 61, {54, 0, 0, 1, 3, 1}, 3, 1, 2.704, 7.104, 29, 3},
      {"facebag", 53, 52, {51, 0, 0, 1, 0, 1}, 3, 1, 9.856, 9.685, 27, 3},
      {"vfs", 68, 67, {42, 8, 0, 17, 0, 1}, 4, 1, 473.264, 21.854, 22, 4},
      {"mocap", 15, 14, {5, 5, 4, 0, 0, 1}, 3, 1, 3.260, 0.664, 9, 3},
      /* our own reading: as it is, that nobody changes it unawares */
      {"cnn-lstm", 16, 15, {7, 5, 2, 1, 0, 1}, 3, 1, 7.352, 0.252, 9, 3},
  };
  const char *const *names;
  size_t n;
  struct error error = {0};
  assert_true(layer_table_list(".", &arena, &names, &n, &error));
  assert_int_equal(n, sizeof rows / sizeof *rows);
  for (size_t i = 0; i < n; i++) {
    const struct layer_table table = open_table(rows[i].network);
    struct layer_totals totals;
    layer_table_totals(&table, &scratch, &totals);
    assert_int_equal(table.n_layers, rows[i].n_layers);
    assert_int_equal(table.n_edges, rows[i].n_edges);
    for (int k = 0; k < N_LAYER_KINDS; k++) assert_int_equal(totals.n_of[k], rows[i].n_of[k]);
    assert_int_equal(totals.n_sources, rows[i].n_sources);
    assert_int_equal(totals.n_sinks, rows[i].n_sinks);
    assert_true(fabs((double)totals.weights / 1e6 - rows[i].weights) <= 0.0005);
    assert_true(fabs((double)totals.macs / 1e9 - rows[i].macs) <= 0.0005);
    assert_int_equal(totals.depth, rows[i].depth);
    assert_int_equal(totals.width, rows[i].width);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_engine, setup, teardown),
      cmocka_unit_test_setup_teardown(test_costs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_totals, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Is a table of layers read as it should be, and every broken one refused with its place? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/two_arenas.h"
#include "workloads/layer_table.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char header[] = "layer,kind,modality,kernel,stride,pad,in_channels,in_rows,in_cols,out_channels,out_rows,"
                             "out_cols,weights,macs,weights_channels_only\n";
/* 9·3·5 weights; 5 × 7 pixels of a strided convolution of 9 × 13 */
static const char plain[] = "a,conv,1,3,2,1,3,9,13,5,5,7,135,4725,135\n"
                            "b,lstm,2,,,,1,11,6,1,11,7,392,4389,392\n"
                            "c,concat,1+2,,,,175,1,1,252,1,1,0,0,0\n"
                            "d,fc,1+2,,,,252,1,1,3,1,1,756,756,27\n";
static const char plain_edges[] = "from,to,elements\na,c,175\nb,c,77\nc,d,252\n";

static char folder[64];

static void write_file(const char *name, const char *head, const char *text) {
  FILE *const file = fopen(arena_printf(&arena, "%s/%s", folder, name), "w");
  assert_non_null(file);
  fputs(head, file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static bool read_files(const char *layers, const char *edges, struct layer_table *table, struct error *error) {
  *error = (struct error){0};
  write_file("net_layers.csv", header, layers);
  write_file("net_edges.csv", "", edges);
  return layer_table_find(".", arena_printf(&arena, "%s/net_layers.csv", folder), &arena, table, error);
}

static void test_read(void **state) {
  (void)state;
  struct layer_table table;
  struct error error;
  if (!read_files(plain, plain_edges, &table, &error)) fail_msg("%s", error.text);
  assert_string_equal(table.name, "net");
  assert_int_equal(table.n_layers, 4);
  assert_int_equal(table.n_edges, 3);
  const struct layer *const conv = &table.layers[0];
  assert_int_equal(conv->kind, LAYER_CONV);
  assert_int_equal(conv->input_elements, 3 * 9 * 13);
  assert_int_equal(conv->output_elements, 5 * 5 * 7);
  assert_int_equal(table.layers[2].input_elements, 175 + 77); /* its edges count, not its own shape */
  assert_string_equal(table.layers[2].modality, "1+2");
  assert_int_equal(table.layers[3].weights_channels_only, 27);
  assert_int_equal(table.edges[1].from, 1);
  assert_int_equal(table.edges[1].to, 2);
  assert_int_equal(table.edges[1].elements, 77);
  struct layer_totals totals;
  layer_table_totals(&table, &scratch, &totals);
  assert_int_equal(totals.weights, 135 + 392 + 756);
  assert_int_equal(totals.macs, 4725 + 4389 + 756);
  assert_int_equal(totals.n_sources, 2);
  assert_int_equal(totals.n_sinks, 1);
  assert_int_equal(totals.depth, 3);
  assert_int_equal(totals.width, 2);
}

static void test_errors(void **state) {
  (void)state;
  static const struct {
    const char *layers, *edges, *message; /* NULL: the plain one */
  } rows[] = {
      {"", NULL, "net_layers.csv: there is no layer"},
      {"a,pond,1,3,2,1,3,9,13,5,5,7,135,4725,135\n", NULL, "net_layers.csv:2: kind: \"pond\", conv, fc, lstm"},
      {"a,conv,1,3,2,1,3,9,13,5,4,7,135,4725,135\n", NULL, "net_layers.csv:2: out_rows: \"4\""},
      {"a,conv,1,3,2,1,3,9,13,5,5,6,135,4725,135\n", NULL, "net_layers.csv:2: out_cols: \"6\""},
      {"a,conv,1,3,2,1,3,9,13,5,5,7,134,4725,135\n", NULL, "net_layers.csv:2: weights: \"134\", what the shape has"},
      {"a,conv,1,3,2,1,3,9,13,5,5,7,135,4724,135\n", NULL, "net_layers.csv:2: macs: \"4724\", what the shape has"},
      {"a,conv,1,,2,1,3,9,13,5,5,7,135,4725,135\n", NULL, "net_layers.csv:2: kernel: \"\", a whole number from 1"},
      {"a,conv,1,3,0,1,3,9,13,5,5,7,135,4725,135\n", NULL, "net_layers.csv:2: stride: \"0\", a whole number from 1"},
      {"a,conv,1,3,-2,1,3,9,13,5,5,7,135,4725,135\n", NULL,
       "net_layers.csv:2: stride: \"-2\", a whole number to 65536"},
      {"a,add,1,,,,0,9,13,5,5,7,0,0,0\n", NULL, "net_layers.csv:2: in_channels: \"0\", a whole number"},
      {"a,lstm,1,,,,1,11,6,1,10,7,392,4389,392\n", NULL,
       "net_layers.csv:2: out_rows: \"10\", as many steps as in_rows"},
      {",add,1,,,,5,9,13,5,5,7,0,0,0\n", NULL, "net_layers.csv:2: layer: \"\", a name"},
      {"a,add,1,,,,1048576,1048576,13,5,5,7,0,0,0\n", NULL, "in_channels: \"1048576\", at most 2^40 elements"},
      {"a,add,1,,,,5,5,7,5,5,7,0,0,0\na,add,1,,,,5,5,7,5,5,7,0,0,0\n", NULL,
       "net_layers.csv:3: layer: \"a\" is there twice"},
      {NULL, "from,to,elements\na,e,175\n", "net_edges.csv:2: to: \"e\", the name of a layer"},
      {NULL, "from,to,elements\nc,a,175\n", "net_edges.csv:2: to: \"a\", a layer that stands behind"},
      {NULL, "from,to,elements\na,c,176\n", "net_edges.csv:2: elements: \"176\", at most what its layer puts out"},
      {NULL, "from,to\na,c\n", "net_edges.csv:1: elements: this column is missing"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct layer_table table;
    struct error error;
    const bool read = read_files(rows[i].layers != NULL ? rows[i].layers : plain,
                                 rows[i].edges != NULL ? rows[i].edges : plain_edges, &table, &error);
    if (read || strstr(error.text, rows[i].message) == NULL) fail_msg("row %zu: %s", i, error.text);
  }
}

static void test_names(void **state) {
  (void)state;
  struct layer_table table;
  struct error error = {0};
  assert_false(layer_table_find(".", "vcs", &arena, &table, &error));
  if (strstr(error.text, "no table of layers \"vcs\", did you mean vfs?, allowed are casia-surf,") == NULL)
    fail_msg("%s", error.text);
  error = (struct error){0};
  const char *const *names;
  size_t n;
  assert_false(layer_table_list("/nowhere", &arena, &names, &n, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
}

static int setup_folder(void **state) {
  strcpy(folder, "/tmp/dse-test-XXXXXX");
  return mkdtemp(folder) == NULL ? 1 : setup(state);
}
static int teardown_folder(void **state) {
  unlink(arena_printf(&arena, "%s/net_layers.csv", folder));
  unlink(arena_printf(&arena, "%s/net_edges.csv", folder));
  rmdir(folder);
  return teardown(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_read, setup_folder, teardown_folder),
      cmocka_unit_test_setup_teardown(test_errors, setup_folder, teardown_folder),
      cmocka_unit_test_setup_teardown(test_names, setup_folder, teardown_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

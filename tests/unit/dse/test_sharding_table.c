/* Do run files make the sharding problems that they say: loops of the layers, what flows between them, boards, links
 * and designs of the settings? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dse/sharding/sharding_table.h"
#include "tests/two_arenas.h"
#include "workloads/layer_table.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { MOST_DESIGNS = 8 };
struct opened {
  struct sharding_table_settings settings;
  struct sharding_design_settings designs[MOST_DESIGNS];
  struct sharding_table table;
};

static bool open_text(struct opened *opened, const char *text, struct error *error) {
  struct config *config;
  *error = (struct error){0};
  if (!config_open_text("run.cfg", text, strlen(text), NULL, 0, &arena, &config, error)) return false;
  const size_t n_designs = config_count(config, "sharding.designs");
  struct config_section sections[MOST_DESIGNS + 1] = {{"sharding", &sharding_table_fields, &opened->settings, false}};
  assert_true(n_designs <= MOST_DESIGNS);
  for (size_t i = 0; i < n_designs; i++) {
    sections[i + 1] = (struct config_section){arena_printf(&arena, "sharding.designs.[%zu]", i),
                                              &sharding_design_fields, &opened->designs[i], true};
  }
  const struct tenancy_world world = {.data_folder = ".",
                                      .path = "run.cfg",
                                      .group = "sharding",
                                      .config = config,
                                      .arena = &arena,
                                      .scratch = &scratch};
  const bool fine = config_apply(config, sections, n_designs + 1, &arena, error) &&
                    sharding_table_open(&opened->settings, opened->designs, n_designs, &world, &opened->table, error);
  config_close(config);
  return fine;
}

static struct sharding_problem build(struct opened *opened, const char *text, size_t index) {
  struct sharding_problem problem = {0};
  struct error error;
  if (!open_text(opened, text, &error) || !sharding_table_build(&opened->table, index, &arena, &problem, &error)) {
    fail_msg("%s", error.text);
  }
  return problem;
}

static const struct sharding_layer *layer_named(const struct sharding_problem *problem, const char *name) {
  for (size_t l = 0; l < problem->n_layers; l++) {
    if (strcmp(problem->layers[l].name, name) == 0) return &problem->layers[l];
  }
  fail_msg("no layer %s", name);
  return NULL;
}

static void expect_loops(const struct sharding_problem *problem, const char *name, const char *kind,
                         const uint64_t size[SHARDING_N_DIMS]) {
  const struct sharding_layer *const layer = layer_named(problem, name);
  assert_string_equal(sharding_kinds[layer->kind].name, kind);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) assert_int_equal(layer->size[d], size[d]);
}

static uint64_t macs_of(const struct sharding_problem *problem) {
  uint64_t sum = 0;
  for (size_t l = 0; l < problem->n_layers; l++) {
    const struct sharding_layer *const layer = &problem->layers[l];
    uint64_t product = sharding_kinds[layer->kind].products;
    for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
      const bool once = d == SHARDING_CIN && sharding_kinds[layer->kind].channels_tied;
      product *= once ? 1 : layer->size[d];
    }
    sum += product;
  }
  return sum;
}

/* Multiply-accumulates are those of the graph, whatever was fused; kept operators add layers and none of those. */
static void test_graphs(void **state) {
  (void)state;
  static const char *const names[] = {"alexnet",         "vgg16",        "resnet34",  "resnet50",  "resnet101",
                                      "wide_resnet50_2", "mobilenet_v2", "bert-base", "gpt2-small"};
  static struct opened opened;
  static struct error error;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    const struct workload_request request = {.name = names[i], .data_folder = ".", .batch = 3, .element_bytes = 2};
    struct workload workload;
    struct graph_totals totals;
    if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
    graph_totals(&workload.graph, &totals);
    size_t n[2];
    for (int kept = 0; kept < 2; kept++) {
      const struct sharding_problem problem =
          build(&opened,
                arena_printf(&arena, "sharding = { models = [\"%s\"]; batch = 3; elementwise = \"%s\"; };", names[i],
                             kept != 0 ? "kept" : "fused"),
                0);
      assert_int_equal(macs_of(&problem), totals.macs[PHASE_FORWARD]);
      n[kept] = problem.n_layers;
      /* What a layer reads is there when all of it is on one board. */
      const struct sharding_strategy whole = {{1, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
      for (uint32_t e = 0; e < problem.n_edges; e++) {
        assert_int_equal(sharding_reshard_bytes(&problem, e, 1, &whole, 1, &whole), 0);
        assert_true(sharding_reshard_bytes(&problem, e, 0, NULL, 1, &whole) > 0);
      }
    }
    assert_true(n[1] > n[0]);
    arena_rewind(&arena, mark);
  }
}

static void test_loops(void **state) {
  (void)state;
  static struct opened opened;
  struct sharding_problem p = build(&opened, "sharding = { models = [\"resnet50\"]; };", 0);
  expect_loops(&p, "conv0.conv", "conv", (const uint64_t[]){64, 3, 112, 112, 7, 7, 1});
  assert_int_equal(layer_named(&p, "conv0.conv")->stride, 2);
  assert_int_equal(layer_named(&p, "conv0.conv")->pad, 3);
  expect_loops(&p, "max_pool1.pool", "pool", (const uint64_t[]){64, 64, 56, 56, 3, 3, 1});
  assert_int_equal(layer_named(&p, "max_pool1.pool")->stride, 2);
  assert_int_equal(layer_named(&p, "max_pool1.pool")->pad, 1);
  expect_loops(&p, "linear19.linear", "conv", (const uint64_t[]){1000, 2048, 1, 1, 1, 1, 1});
  p = build(&opened, "sharding = { models = [\"bert-base sequence=96 layers=1\"]; batch = 2; };", 0);
  expect_loops(&p, "layer0.attention.qkv.key", "conv", (const uint64_t[]){768, 768, 96, 1, 1, 1, 2});
  expect_loops(&p, "layer0.attention.query_key", "attention", (const uint64_t[]){96, 64, 96, 1, 1, 1, 24});
  expect_loops(&p, "layer0.attention.softmax", "softmax", (const uint64_t[]){96, 96, 96, 1, 1, 1, 24});
  expect_loops(&p, "layer0.attention.context", "attention", (const uint64_t[]){64, 96, 96, 1, 1, 1, 24});
  expect_loops(&p, "layer0.feed_forward.down", "conv", (const uint64_t[]){768, 3072, 96, 1, 1, 1, 2});
  assert_string_equal(p.name, "bert-base-sequence-96-layers-1_1000-250");
}

/* An LSTM of 34 features and 128 units, 100 steps: as many products as its table says, less the 5 of an unit's gates.
 */
static void test_tables(void **state) {
  (void)state;
  static const char *const names[] = {"vlocnet", "casia-surf", "facebag", "vfs", "mocap", "cnn-lstm"};
  static struct opened opened;
  static struct error error;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct layer_table table;
    uint64_t macs = 0;
    if (!layer_table_find(".", names[i], &arena, &table, &error)) fail_msg("%s", error.text);
    for (size_t l = 0; l < table.n_layers; l++) {
      macs += table.layers[l].macs;
      if (table.layers[l].kind == LAYER_LSTM) macs -= 5 * table.layers[l].out_cols * table.layers[l].in_rows;
    }
    const struct sharding_problem p =
        build(&opened, arena_printf(&arena, "sharding = { models = [\"%s\"]; };", names[i]), 0);
    assert_int_equal(macs_of(&p), macs);
    assert_string_equal(p.name, arena_printf(&arena, "%s_1000-250", names[i]));
  }
  const struct sharding_problem p = build(&opened, "sharding = { models = [\"mocap\"]; };", 0);
  expect_loops(&p, "L01.in", "conv", (const uint64_t[]){128, 4 * 34, 1, 1, 1, 1, 100});
  expect_loops(&p, "L01", "conv", (const uint64_t[]){128, 4 * 128, 1, 1, 1, 1, 100});
  expect_loops(&p, "L12", "conv", (const uint64_t[]){256, 5376, 1, 1, 1, 1, 1});
  /* Between the two, on boards that split the units: the state of all steps but the own half. */
  const struct sharding_strategy split = {{2, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  assert_int_equal(p.edges[0].from, 0);
  assert_int_equal(sharding_reshard_bytes(&p, 0, 2, &split, 2, &split), 2 * 100 * 64);
}

static void test_settings(void **state) {
  (void)state;
  static struct opened opened;
  const struct sharding_problem p =
      build(&opened,
            "sharding = { models = [\"alexnet\", \"mocap\"]; groups = 3; boards_per_group = 5; dram_gbytes = 0.5; "
            "intra_gbytes_per_s = [1, 7]; inter_gbytes_per_s = [0.25, 3]; host_gbytes_per_s = [0.25, 2]; "
            "overlap = true; host_io = true; double_buffer = false; reduce_scatter = true; max_es_dims = 3; "
            "es_dims = [\"Cout\", \"B\"]; ss_dims = [\"Cin\"]; adaptive = false; board_designs = [\"A\", \"B\"]; "
            "element_bytes = 4; designs = ( { name = \"A\"; model = \"systolic\"; rows = 7; clock_mhz = 150.0; }, "
            "{ name = \"B\"; model = \"tiled\"; tn = 9; } ); };",
            3);
  assert_string_equal(p.name, "mocap_7000-3000");
  assert_true(p.n_boards == 15 && p.n_groups == 3 && p.board_group[9] == 1 && p.boards[14].dram_bytes == 500000000);
  assert_true(fabs(p.intra_bytes_per_s - 7e9) < 1 && fabs(p.inter_bytes_per_s - 3e9) < 1 &&
              fabs(p.host_bytes_per_s - 2e9) < 1);
  assert_true(p.overlap && p.host_io && !p.double_buffer && p.reduce_scatter && !p.adaptive && !p.training);
  assert_true(p.max_es_dims == 3 && p.es_dims == (1U << SHARDING_COUT | 1U << SHARDING_B) &&
              p.ss_dims == 1U << SHARDING_CIN && p.element_bytes == 4);
  assert_true(p.boards[0].design == 0 && p.boards[13].design == 1 && p.boards[14].design == 0);
  assert_true(p.n_designs == 2 && p.designs[0].rows == 7 && p.designs[0].columns == 14 && p.designs[1].tn == 9);
  assert_true(fabs(p.designs[0].clock_hz - 150e6) < 1 && fabs(p.designs[1].clock_hz - 200e6) < 1);
}

/* On one board a placement takes what a set of one board takes; on two it waits for what the second needs. */
static void test_placement(void **state) {
  (void)state;
  static struct opened opened;
  static struct error error;
  const struct sharding_problem p = build(
      &opened,
      "sharding = { models = [\"vfs\"]; dram_gbytes = 99; adaptive = false; board_designs = [\"D2\", \"D3\"]; };", 0);
  struct placement_problem placement;
  if (!sharding_table_placement(&p, &arena, &placement, &error)) fail_msg("%s", error.text);
  struct sharding_strategy *const strategies = ARENA_NEW(&arena, struct sharding_strategy, p.n_layers);
  for (size_t l = 0; l < p.n_layers; l++) {
    strategies[l] = (struct sharding_strategy){{1, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  }
  static const uint32_t first[] = {0}, second[] = {5};
  const uint32_t half = (uint32_t)p.n_layers / 2, n = (uint32_t)p.n_layers;
  struct sharding_set sets[] = {{1, 1, first, 0, half - 1}, {2, 1, second, half, n - 1}};
  const struct sharding_answer answer = {2, sets, strategies};
  struct sharding_schedule schedule = sharding_schedule_new(&p, &arena);
  sharding_evaluate(&p, &answer, &scratch, &schedule);
  struct placement_answer placed = placement_answer_new(&placement, &arena);
  for (uint32_t l = 0; l < n; l++) placed.layer[l] = p.topological[l], placed.pinned[l] = true;
  for (uint32_t d = 0; d <= p.n_boards; d++) placed.start[d] = d == 0 ? 0 : d <= 5 ? half : n;
  const double value = placement_evaluate(&placement, &placed, &scratch, NULL);
  assert_true(fabs(value / schedule.latency_s - 1) < 1e-12);
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text, *wanted;
  } rows[] = {
      {"sharding = { models = []; };", "sharding.models: at least one network is needed"},
      {"sharding = { models = [\"alexnot\"]; };", "sharding.models: "},
      {"sharding = { models = [\"bert-base sequence\"]; };", "is written \"vgg16\" or \"bert-base sequence=128\""},
      {"sharding = { models = [\"resnext50_32x4d\"]; };", "groups of channels are not known to sharding"},
      {"sharding = { models = [\"inception_v3\"]; };", "paddings differ by side"},
      {"sharding = { models = [\"gnmt4\"]; };", "is not known to sharding"},
      {"sharding = { intra_gbytes_per_s = [1]; };", "1 speeds, with 2 between groups and 2 to the host"},
      {"sharding = { es_dims = [\"C\"]; };", "sharding.es_dims: \"C\": allowed are Cout, Cin"},
      {"sharding = { ss_dims = [\"cout\"]; };", "sharding.ss_dims: \"cout\": allowed are Cout, Cin"},
      {"sharding = { adaptive = false; };", "sharding.board_designs: is needed"},
      {"sharding = { adaptive = false; board_designs = [\"D4\"]; };", "\"D4\": no such design"},
      {"sharding = { groups = 64; boards_per_group = 64; };", "more than 1024 boards"},
      {"sharding = { designs = ( { name = \"A\"; } ); };", "model"},
      {"sharding = { designs = ( { name = \"A\"; model = \"tiled\"; tm = 0; } ); };", "tm"},
  };
  static struct opened opened;
  static struct error error;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_false(open_text(&opened, rows[i].text, &error));
    if (strstr(error.text, rows[i].wanted) == NULL) fail_msg("\"%s\" is not in: %s", rows[i].wanted, error.text);
  }
  struct placement_problem placement;
  const struct sharding_problem p = build(&opened, "sharding = { models = [\"mocap\"]; };", 0);
  error = (struct error){0};
  assert_false(sharding_table_placement(&p, &arena, &placement, &error));
  assert_non_null(strstr(error.text, "a placement has boards of fixed designs"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_graphs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_loops, setup, teardown),
      cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
      cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
      cmocka_unit_test_setup_teardown(test_placement, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
  };
  return cmocka_run_group_tests_name("sharding problems of run files", tests, NULL, NULL);
}

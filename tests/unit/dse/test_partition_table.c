/* Do run files make the partition problems that they say: work and weights of the network, links and memory of the
 * chips, and in training an operator with all that belongs to it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dse/partition/partition_table.h"
#include "tests/two_arenas.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

struct opened {
  struct partition_table_settings settings;
  struct cost_settings cost;
  struct technology technology;
  struct training_settings training;
  struct tenancy_world world;
  struct partition_table table;
};

static bool open_text(struct opened *opened, const char *text, struct error *error) {
  struct config *config;
  memset(opened, 0, sizeof *opened); /* cost settings have members that no key sets */
  memset(error, 0, sizeof *error);
  if (!config_open_text("run.cfg", text, strlen(text), NULL, 0, &arena, &config, error)) return false;
  const struct config_section sections[] = {{"chips", &partition_table_fields, &opened->settings, false},
                                            {"cost", &cost_fields, &opened->cost, false},
                                            {"technology", &technology_fields, &opened->technology, false},
                                            {"training", &training_fields, &opened->training, false}};
  opened->world = (struct tenancy_world){.data_folder = ".",
                                         .path = "run.cfg",
                                         .group = "chips",
                                         .cores_key = "accelerator",
                                         .config = NULL,
                                         .cost = &opened->cost,
                                         .technology = &opened->technology,
                                         .training = &opened->training,
                                         .arena = &arena,
                                         .scratch = &scratch};
  const bool fine = config_apply(config, sections, 4, &arena, error) &&
                    partition_table_open(&opened->settings, &opened->world, &opened->table, error);
  config_close(config);
  return fine;
}

static struct partition_problem build(struct opened *opened, const char *text) {
  struct partition_problem problem = {0};
  struct error error;
  if (!open_text(opened, text, &error) || !partition_table_build(&opened->table, 0, &arena, &problem, &error))
    fail_msg("%s", error.text);
  struct partition_graph graph; /* what searches would work on can be made of it */
  if (!partition_contract(&problem, &arena, &graph, &error)) fail_msg("%s", error.text);
  return problem;
}

static size_t find(const struct partition_problem *problem, const char *name) {
  for (size_t v = 0; v < problem->n_nodes; v++) {
    if (strcmp(problem->node_names[v], name) == 0) return v;
  }
  fail_msg("there is no %s", name);
  return 0;
}
static uint64_t sum(const uint64_t *values, size_t n) {
  uint64_t all = 0;
  for (size_t i = 0; i < n; i++) all += values[i];
  return all;
}
static double total_ms(const struct partition_problem *problem) {
  double all = 0;
  for (size_t v = 0; v < problem->n_nodes; v++) all += problem->compute_ms[v];
  return all;
}

enum { RESNET50_PARAMETERS = 25557032 }; /* torchvision */

static void test_inference(void **state) {
  (void)state;
  static struct opened opened;
  const struct partition_problem problem =
      build(&opened, "chips = { models = [\"resnet50\"]; accelerator = \"tpuv4i\"; n_chips = 5; batch = 3; };"
                     "training = { fusion = \"off\"; };");
  assert_string_equal(problem.name, "resnet50_5xtpuv4i");
  assert_int_equal(problem.n_chips, 5);
  assert_int_equal(problem.cost, PARTITION_RING);
  assert_int_equal(problem.link_bytes_per_s, 50e9); /* 100 GB/s, two neighbours */
  assert_int_equal(problem.memory_bytes, UINT64_C(8) << 30);
  assert_true(problem.clone && problem.triangle == PARTITION_ANY && problem.n_drops == 0);
  assert_int_equal(sum(problem.weight_bytes, problem.n_nodes), 2 * RESNET50_PARAMETERS);
  const size_t conv = find(&problem, "conv0.conv");
  assert_int_equal(problem.out_bits[conv], 8 * 3 * 64 * 112 * 112 * 2);
  assert_true(problem.compute_ms[conv] > 0 && problem.compute_ms[find(&problem, "images")] <= 0);
  /* The sum of the operators' prices, each asked for by itself. */
  struct error error = {0};
  const struct workload_request request = {"resnet50", ".", 3, 2, NULL, 0, false};
  struct workload workload;
  assert_true(workload_load(&request, &arena, &scratch, &workload, &error));
  double wanted_ms = 0;
  for (size_t i = 0; i < workload.graph.n_ops; i++) {
    const struct tenancy_core_kind *const chip = opened.table.chip;
    struct tenancy_price price;
    if (op_kinds[workload.graph.ops[i].kind].class == CLASS_NONE) continue;
    tenancy_price_physical(chip, chip->clock_mhz, &workload.graph.ops[i], NULL, &price);
    wanted_ms += (double)price.latency_cycles / ((double)chip->clock_mhz * 1e3);
  }
  assert_int_equal(problem.n_nodes, workload.graph.n_ops);
  assert_true(fabs(total_ms(&problem) - wanted_ms) <= 1e-12 * wanted_ms);
}

/* Gradients, optimizer's state (Adam: 2 + 2 + 4 + 2 · 4 bytes a parameter) and what is kept, on the nodes that there
 * are anyway; what needs no gradient crosses once. */
static void test_training(void **state) {
  (void)state;
  static struct opened forward, both;
  const struct partition_problem f = build(&forward, "chips = { models = [\"resnet50\"]; };");
  const struct partition_problem t =
      build(&both, "chips = { models = [\"resnet50\"]; training = true; in_flight = 3; };");
  const struct partition_problem one =
      build(&both, "chips = { models = [\"resnet50\"]; training = true; in_flight = 1; };");
  assert_string_equal(t.name, "resnet50_8xtpuv4i_training");
  assert_int_equal(t.n_nodes, f.n_nodes);
  assert_int_equal(t.n_edges, f.n_edges);
  assert_memory_equal(t.edges, f.edges, f.n_edges * sizeof *f.edges);
  const uint64_t state_bytes = UINT64_C(16) * RESNET50_PARAMETERS;
  const uint64_t kept_bytes = sum(one.weight_bytes, one.n_nodes) - state_bytes;
  assert_true(kept_bytes > 0);
  assert_int_equal(sum(t.weight_bytes, t.n_nodes), state_bytes + 3 * kept_bytes);
  const size_t images = find(&t, "images"), conv = find(&t, "conv0.conv");
  assert_int_equal(t.out_bits[images], f.out_bits[images]);
  assert_int_equal(t.out_bits[conv], 2 * f.out_bits[conv]);
  assert_true(total_ms(&t) > 2 * total_ms(&f));
}

/* In forward and training alike, the time of all operators is the time of all nodes. */
static void test_nothing_is_lost(void **state) {
  (void)state;
  static struct opened opened;
  const struct partition_problem problem =
      build(&opened, "chips = { models = [\"bert-base sequence=32 layers=2\"]; training = true; };"
                     "training = { fusion = \"off\"; };");
  struct error error = {0};
  const struct config_set sets[] = {{"sequence", "32"}, {"layers", "2"}};
  const struct workload_request request = {"bert-base", ".", 1, 2, sets, 2, false};
  struct workload workload;
  struct op_graph graph;
  assert_true(workload_load(&request, &arena, &scratch, &workload, &error));
  assert_true(training_expand(&workload.graph, &opened.training, &arena, &scratch, &graph, &error));
  double wanted_ms = 0;
  for (size_t i = 0; i < graph.n_ops; i++) {
    struct tenancy_price price;
    if (op_kinds[graph.ops[i].kind].class == CLASS_NONE) continue;
    tenancy_price_physical(opened.table.chip, opened.table.chip->clock_mhz, &graph.ops[i], NULL, &price);
    wanted_ms += (double)price.latency_cycles / ((double)opened.table.chip->clock_mhz * 1e3);
  }
  assert_true(fabs(total_ms(&problem) - wanted_ms) <= 1e-12 * wanted_ms);
}

/* Steps of a recurrence share their weights and a chip; a tied table lies twice. */
static void test_shared_weights(void **state) {
  (void)state;
  static struct opened opened;
  const struct partition_problem gnmt = build(&opened, "chips = { models = [\"gnmt4\"]; };");
  size_t n_together = 0;
  for (size_t v = 0; v < gnmt.n_nodes; v++) n_together += gnmt.colocate[v] != PARTITION_NONE;
  assert_true(n_together > 50);
  struct partition_graph graph;
  struct error error = {0};
  assert_true(partition_contract(&gnmt, &arena, &graph, &error));
  assert_true(graph.n > 8 && graph.n + 50 < gnmt.n_nodes);
  const struct partition_problem bert = build(&opened, "chips = { models = [\"bert-base\"]; };");
  const struct workload_request request = {"bert-base", ".", 1, 2, NULL, 0, false};
  struct workload workload;
  struct graph_totals totals;
  assert_true(workload_load(&request, &arena, &scratch, &workload, &error));
  graph_totals(&workload.graph, &totals);
  const uint64_t table_bytes = bert.weight_bytes[find(&bert, "embedding.token")];
  assert_int_equal(sum(bert.weight_bytes, bert.n_nodes), 2 * totals.parameters + table_bytes);
}

static void test_links_and_memory(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double link_bytes_per_s;
    uint64_t memory_bytes;
    enum partition_cost cost;
  } rows[] = {
      {"topology = \"mesh\"; store = \"buffer\";", 25e9, UINT64_C(144) << 20, PARTITION_P2P},
      {"network = \"dgx-a100\"; overlap = true; store = \"none\";", 150e9, 0, PARTITION_RING_OVERLAP},
      {"network = \"tpuv5e\"; topology = \"mesh\"; overlap = true;", 45e9, UINT64_C(8) << 30, PARTITION_P2P_OVERLAP},
      {"network = \"dgx-a100\"; link_gbytes_per_s = 7.5;", 7.5e9, UINT64_C(8) << 30, PARTITION_RING},
  };
  static struct opened opened;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const struct partition_problem problem =
        build(&opened, arena_printf(&arena, "chips = { models = [\"alexnet\"]; %s };", rows[r].text));
    assert_int_equal(problem.link_bytes_per_s, (uint64_t)rows[r].link_bytes_per_s);
    assert_int_equal(problem.memory_bytes, rows[r].memory_bytes);
    assert_int_equal(problem.cost, rows[r].cost);
  }
  /* Memory on the chip is no slower. */
  const struct partition_problem hbm = build(&opened, "chips = { models = [\"alexnet\"]; };");
  const double hbm_ms = total_ms(&hbm);
  const struct partition_problem buffer = build(&opened, "chips = { models = [\"alexnet\"]; store = \"buffer\"; };");
  assert_true(total_ms(&buffer) < hbm_ms);
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text, *wanted;
  } rows[] = {
      {"models = [];", "models: at least one network"},
      {"models = [\"alexnet x\"];", "\"alexnet x\": a model is written"},
      {"accelerator = \"tpuv44\";", "tpuv44"},
      {"accelerator = \"2 x tpuv4i\";", "one design was expected"},
      {"network = \"dgx-a10\";", "no network \"dgx-a10\", did you mean dgx-a100?"},
  };
  static struct opened opened;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct error error;
    struct partition_problem problem;
    const char *const text = arena_printf(&arena, "chips = { %s };", rows[r].text);
    if (open_text(&opened, text, &error) && partition_table_build(&opened.table, 0, &arena, &problem, &error))
      fail_msg("row %zu is no mistake", r);
    if (strstr(error.text, rows[r].wanted) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.text, rows[r].wanted);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_inference, setup, teardown),
      cmocka_unit_test_setup_teardown(test_training, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_is_lost, setup, teardown),
      cmocka_unit_test_setup_teardown(test_shared_weights, setup, teardown),
      cmocka_unit_test_setup_teardown(test_links_and_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
  };
  return cmocka_run_group_tests_name("partition problems of networks", tests, NULL, NULL);
}

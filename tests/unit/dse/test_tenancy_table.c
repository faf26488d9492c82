/* Is a table of jobs what its run file asks for?
 *
 * Prices against the cost model asked directly, the two sorts, what dependencies are, designs of a results folder, the
 * folder read back; each mistake at its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/energy.h"
#include "base/file.h"
#include "search/tenancy/tenancy_read.h"
#include "tests/tenancy_table_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct error error;

static struct tenancy_instance build_or_fail(struct table_case *opened, const char *text, size_t index) {
  struct tenancy_instance instance = {0};
  if (!open_case(opened, text, &error) || !tenancy_table_build(&opened->table, index, &arena, &instance, &error))
    fail_msg("%s", error.text);
  return instance;
}

/* AlexNet on a TPU v4, each layer on as many of its arrays as are fastest; the table's clock is half the chip's. */
static void test_physical_prices(void **state) {
  (void)state;
  struct table_case opened;
  const struct tenancy_instance instance = build_or_fail(
      &opened,
      "tenancy = { accelerators = [\"tpuv4\"]; models = [\"alexnet\"]; draw = \"whole\"; batch = 7; clock_mhz = 525;"
      " bandwidth_bytes_per_cycle = 77.0; }; cost = { tensor_on = \"tc\"; };",
      0);
  assert_string_equal(instance.problem.name, "accelerators_models_i0_bw77");
  assert_int_equal(instance.problem.n_jobs, 8);
  const struct tenancy_core_kind *const kind = &opened.table.cores.kinds[0];
  assert_int_equal(kind->accelerator.clock_mhz, 1050);
  struct accelerator even; /* 8 arrays and 2 vector cores: 8 of each, with narrower lanes */
  struct machine machine;
  accelerator_even_cores(&kind->accelerator, &even);
  assert_true(even.tc_count == 8 && even.vc_count == 8 && even.clock_mhz == 1050);
  machine_init(&machine, &opened.cost, &opened.technology, &even);
  machine.hbm_bytes_per_cycle = 1e15;
  for (size_t j = 0; j < instance.problem.n_jobs; j++) {
    const struct op *const op = tenancy_table_op(&opened.table, instance.layer[j]);
    const struct op_follower *const followers = opened.table.pool.models[0].graph.followers + op->first_follower;
    struct op_cost best = {.cycles = UINT64_MAX};
    for (uint64_t n = 1; n <= 8; n *= 2) {
      struct op_cost cost;
      memset(&cost, 0, sizeof cost);
      cost_providers[0]->op_cost(&machine, op, followers, n, &cost);
      if (cost.cycles < best.cycles || (cost.cycles == best.cycles && cost.hbm_bytes < best.hbm_bytes)) best = cost;
    }
    const uint64_t latency = instance.problem.latency_cycles[j];
    assert_int_equal(latency, (best.cycles + 1) / 2);
    const double bytes = instance.problem.bytes_per_cycle[j] * (double)latency;
    assert_true(bytes > 0.999999 * (double)best.hbm_bytes && bytes < 1.000001 * (double)best.hbm_bytes);
    assert_true(bytes > 0.999999 * (double)(op->weight_bytes + op->out_bytes));
    assert_true(instance.problem.energy_nj[j] > 0);
    assert_int_equal(instance.problem.macs[j], op_macs(op));
  }
}

/* The bytes of one fully connected layer, 1024 × 1000: 1 byte an element on a platform. */
static void test_elements(void **state) {
  (void)state;
  struct table_case opened;
  const struct tenancy_instance instance =
      build_or_fail(&opened,
                    "tenancy = { platform = \"1 dla h32\"; models = [\"alexnet\"]; draw = \"whole\"; "
                    "bandwidth_bytes_per_cycle = 7.0; };",
                    0);
  uint64_t found = 0;
  for (size_t j = 0; j < instance.problem.n_jobs; j++) {
    const double bytes = instance.problem.bytes_per_cycle[j] * (double)instance.problem.latency_cycles[j];
    if (instance.problem.macs[j] == 4096 * 1000) found++;
    if (instance.problem.macs[j] == 4096 * 1000)
      assert_int_equal((uint64_t)(bytes + 0.5), 4096 * 1000 + 4096 + 2 * 1000);
  }
  assert_int_equal(found, 1);
}

/* Of BERT's layers, 768 to 3072 and back again take `shi` arrays the same time, and dla arrays not. */
static const char *const sorted_text = "tenancy = { platform = \"1 shi h5, 1 dla h5, 1 shi h32, 1 shi h32\"; "
                                       "models = [\"bert-base sequence=20\"]; provider = \"compat\"; sort = \"%s\"; "
                                       "group_size = 77; bandwidth_bytes_per_cycle = 7.0; };";

/* Consecutive jobs of which those on the cores that count are in order; how many are level there, and of them how many
 * are the wrong way round on core 1, which counts in one sort alone. */
static void check_sort(const struct tenancy_problem *problem, size_t least, size_t *n_level, size_t *n_wrong) {
  *n_level = *n_wrong = 0;
  for (size_t j = 1; j < problem->n_jobs; j++) {
    const uint64_t *const before = problem->latency_cycles + 4 * (j - 1), *const here = before + 4;
    size_t c = 4;
    while (c > least && before[c - 1] == here[c - 1]) c--;
    if (c > least)
      assert_true(before[c - 1] < here[c - 1]);
    else
      assert_true(problem->arrival[j - 1] < problem->arrival[j]);
    *n_level += c == least;
    *n_wrong += c == least && before[1] > here[1];
  }
}

static void test_sorts(void **state) {
  (void)state;
  struct table_case opened;
  size_t n_level, n_wrong;
  struct tenancy_instance instance = build_or_fail(&opened, arena_printf(&arena, sorted_text, "all"), 0);
  check_sort(&instance.problem, 0, &n_level, &n_wrong);
  assert_true(n_level > 5 && n_wrong == 0); /* stability is tried */
  instance = build_or_fail(&opened, arena_printf(&arena, sorted_text, "released"), 0);
  check_sort(&instance.problem, 2, &n_level, &n_wrong);
  assert_true(n_level > 5 && n_wrong > 0);
}

/* Another group is another draw; another bandwidth is not; another seed is. */
static void test_draws(void **state) {
  (void)state;
  static const char text[] = "tenancy = { platform = \"S2\"; task = \"vision\"; n_groups = 3; seed = %d; };";
  struct table_case opened, other;
  const struct tenancy_instance first = build_or_fail(&opened, arena_printf(&arena, text, 77), 0);
  assert_int_equal(tenancy_table_n_instances(&opened.table), 15);
  struct tenancy_instance instance[3];
  static const size_t index[3] = {4, 5, 0};
  for (size_t i = 0; i < 3; i++)
    assert_true(tenancy_table_build(&opened.table, index[i], &arena, &instance[i], &error));
  const size_t n = first.problem.n_jobs * sizeof *first.layer;
  assert_int_equal(first.problem.n_jobs, 100);
  assert_memory_equal(first.layer, instance[0].layer, n);
  assert_memory_equal(first.layer, instance[2].layer, n);
  assert_memory_not_equal(first.layer, instance[1].layer, n);
  assert_string_equal(instance[0].problem.name, "S2_vision_i0_bw16");
  assert_string_equal(instance[1].problem.name, "S2_vision_i1_bw1");
  const struct tenancy_instance drawn = build_or_fail(&other, arena_printf(&arena, text, 78), 0);
  assert_memory_not_equal(first.layer, drawn.layer, n);
}

/* ResNet-18 in order: 21 layers; a block waits for the block before through sum and activation, and for the shortcut.
 */
static void test_dependencies(void **state) {
  (void)state;
  struct table_case opened;
  const struct tenancy_instance instance = build_or_fail(
      &opened,
      "tenancy = { platform = \"S1\"; models = [\"resnet18\", \"ncf\"]; draw = \"whole\"; dependencies = true; };", 0);
  const struct tenancy_problem *const problem = &instance.problem;
  assert_int_equal(problem->n_jobs, 21 + 4);
  size_t n_sources = 0, n_two = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t n = problem->pred_start[j + 1] - problem->pred_start[j];
    n_sources += n == 0;
    n_two += n == 2;
    for (uint32_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
      const struct tenancy_layer *const pred = &opened.table.pool.layers[instance.layer[problem->preds[e]]];
      const struct tenancy_layer *const here = &opened.table.pool.layers[instance.layer[j]];
      assert_int_equal(pred->model, here->model);
      assert_true(pred->op < here->op);
      if (e > problem->pred_start[j]) assert_true(problem->preds[e - 1] < problem->preds[e]);
    }
  }
  assert_int_equal(n_sources, 2);
  assert_true(n_two >= 4); /* behind a sum of two branches */
  struct tenancy_answer answer = tenancy_answer_new(problem, &arena);
  struct tenancy_verdict verdict;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    answer.core[j] = (uint32_t)(j % 4);
    answer.priority[j] = (double)instance.layer[j];
  }
  if (!tenancy_judge(problem, &answer, &arena, &verdict, &error)) fail_msg("%s", error.text);
}

static void check_read_back(const char *text, bool compat) {
  char folder[] = "/tmp/dse-test-XXXXXX";
  assert_non_null(mkdtemp(folder));
  struct table_case opened;
  const struct tenancy_instance instance = build_or_fail(&opened, text, 0);
  const struct tenancy_problem *const ours = &instance.problem;
  struct tenancy_problem read = {0};
  if (!tenancy_table_write(&opened.table, &instance, folder, &arena, &error) ||
      !tenancy_read(folder, &arena, &read, &error))
    fail_msg("%s", error.text);
  const size_t n_cells = ours->n_jobs * ours->n_cores;
  assert_string_equal(read.name, ours->name);
  assert_int_equal(read.n_jobs, ours->n_jobs);
  assert_int_equal(read.n_cores, ours->n_cores);
  assert_int_equal(read.scaled_bandwidth, ours->scaled_bandwidth);
  assert_memory_equal(read.latency_cycles, ours->latency_cycles, n_cells * sizeof(uint64_t));
  assert_memory_equal(read.bytes_per_cycle, ours->bytes_per_cycle, n_cells * sizeof(double));
  assert_memory_equal(read.macs, ours->macs, ours->n_jobs * sizeof(uint64_t));
  assert_memory_equal(read.arrival, ours->arrival, ours->n_jobs * sizeof(uint64_t));
  assert_memory_equal(read.tenant, ours->tenant, ours->n_jobs * sizeof(uint32_t));
  assert_memory_equal(read.core_pes, ours->core_pes, ours->n_cores * sizeof(uint64_t));
  assert_int_equal(read.n_tenants, ours->n_tenants);
  for (size_t t = 0; t < read.n_tenants; t++) assert_string_equal(read.tenants[t], ours->tenants[t]);
  assert_int_equal(read.n_classes, ours->n_classes);
  assert_int_equal(read.n_groups, ours->n_groups);
  if (!compat) assert_memory_equal(read.energy_nj, ours->energy_nj, n_cells * sizeof(double));
  assert_int_equal(read.pred_start != NULL, ours->pred_start != NULL);
  if (ours->pred_start != NULL) {
    assert_memory_equal(read.pred_start, ours->pred_start, (ours->n_jobs + 1) * sizeof(uint32_t));
    assert_memory_equal(read.preds, ours->preds, ours->pred_start[ours->n_jobs] * sizeof(uint32_t));
  }
  assert_int_equal(system(arena_printf(&arena, "rm -rf %s", folder)), 0);
}

static void test_read_back(void **state) {
  (void)state;
  check_read_back("tenancy = { platform = \"S5\"; training = true; operators = \"all\"; };", false);
  check_read_back("tenancy = { platform = \"S6f\"; training = true; provider = \"compat\"; };", true);
  check_read_back("tenancy = { platform = \"S1\"; models = [\"resnet18\", \"bert-base sequence=20 layers=2\"]; "
                  "training = true; draw = \"whole\"; dependencies = true; };",
                  false);
}

/* Designs by their ranks in topk.csv, columns in any order, keys that are no columns at their defaults. */
static void test_found_designs(void **state) {
  (void)state;
  char folder[] = "/tmp/dse-test-XXXXXX";
  static const char topk[] = "design,tc_cols,hbm_generation,tc_rows,tc_count\nfirst,64,2e,32,3\nsecond,77,3,16,5\n"
                             "third,8,2,8,many\n";
  assert_non_null(mkdtemp(folder));
  const char *const path = arena_printf(&arena, "%s/topk.csv", folder);
  assert_true(file_publish(path, topk, sizeof topk - 1, &error));
  struct table_case opened;
  static const char text[] = "tenancy = { accelerators = [\"2 x %s:1..2\", \"%s\"]; models = [\"alexnet\"]; "
                             "bandwidth_bytes_per_cycle = [7.0, 77.0]; };";
  const struct tenancy_instance instance = build_or_fail(&opened, arena_printf(&arena, text, folder, folder), 1);
  assert_int_equal(instance.problem.n_cores, 5);
  assert_int_equal(instance.problem.n_groups, 2);
  assert_string_equal(instance.problem.core_styles[2], "second");
  assert_int_equal(instance.problem.core_pes[4], 3 * 64 * 32);
  const struct accelerator *const second = &opened.table.cores.kinds[1].accelerator;
  assert_true(second->tc_count == 5 && second->tc_rows == 16 && second->tc_cols == 77);
  assert_int_equal(second->hbm_generation, HBM_3);
  assert_int_equal(second->vc_count, 2);
  assert_true(instance.problem.bandwidth_bytes_per_cycle > 76);
  static const struct {
    const char *cores, *message;
  } wrong[] = {
      {"\"%s:3\"", "/topk.csv:4: tc_count: "},
      {"\"%s:4\"", "run.cfg:1: tenancy.accelerators: /tmp/dse-test-"},
      {"\"%s:1..4\"", "holds 3 designs, the 4. was asked for"},
      {"\"%s:2..1\"", "/tmp/dse-test-"},
      {"\"0 x %s\"", "a number from 1 to 256 stands before x"},
      {"\"200 x %s:1..2\"", "more than 256 cores"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *const list = arena_printf(&arena, "tenancy = { accelerators = [%s]; };", wrong[i].cores);
    const size_t n = strlen(list) + sizeof folder;
    char *const whole = ARENA_NEW(&arena, char, n);
    const char *const hole = strstr(list, "%s");
    snprintf(whole, n, "%.*s%s%s", (int)(hole - list), list, folder, hole + 2);
    assert_false(open_case(&opened, whole, &error));
    if (strstr(error.text, wrong[i].message) == NULL) fail_msg("%s: %s", whole, error.text);
  }
  unlink(path);
  rmdir(folder);
}

static const struct {
  const char *keys, *message;
} mistakes[] = {
    {"platform = \"S7\"", "run.cfg:1: tenancy.platform: \"S7\" is no platform"},
    {"platform = \"twelve\"", "tenancy.bandwidth_bytes_per_cycle: twelve has no bandwidth of its own"},
    {"platform = \"three_styles\"", "tenancy.platform: provider physical has no array of style eye"},
    {"task = \"visoin\"",
     "run.cfg:1: tenancy.task: no task \"visoin\", did you mean vision?, allowed are vision, "
     "language, recommendation, mix, language_full, recommendation_full, mix_full, or models = [...]"},
    {"models = [\"resnet5\"]", "there is no model 'resnet5', did you mean 'resnet50'?"},
    {"models = [\"\"]", "run.cfg:1: tenancy.models: \"\": a model is written"},
    {"models = [\"bert-base sequence\"]", "\"bert-base sequence\": a model is written"},
    {"models = [\"bert-base =7\"]", "\"bert-base =7\": a model is written"},
    {"models = [\"bert-base layers=0\"]", "layers: 0 is out of range"},
    {"accelerators = [\"tpuv44\"]; bandwidth_bytes_per_cycle = 7.0", "tpuv44: no such accelerator in the catalogue"},
    {"accelerators = [\"./nothing.cfg\"]", "nothing.cfg"},
    {"accelerators = [\"tpuv4\"]", "tenancy.bandwidth_bytes_per_cycle: accelerators has no bandwidth of its own"},
    {"accelerators = [\"300 x tpuv4\"]", "run.cfg:1: tenancy.accelerators: \"300 x tpuv4\": a number from 1 to 256"},
    {"accelerators = [\"tpuv4\"]; provider = \"compat\"", "provider compat knows the arrays of platforms alone"},
    {"dependencies = true", "run.cfg:1: tenancy.dependencies: layers drawn one by one wait for nothing"},
    {"draw = \"whole\"; n_groups = 7", "run.cfg:1: tenancy.n_groups: 7 groups, but whole models are one"},
    {"group_size = 1000000", "run.cfg:1: tenancy.group_size: 1000000 jobs on 8 cores are more than"},
    {"group_size = 0", "tenancy.group_size: 0 is out of range"},
    {"bandwidth_bytes_per_cycle = [1.0, 0.0]", "tenancy.bandwidth_bytes_per_cycle"},
    {"training = true; batch = 1000000; models = [\"gpt3-175b\"]; group_size = 1", "do not fit 64 bits"},
    {"sort = \"none\"", "tenancy.sort"},
    {"platfrom = \"S1\"", "did you mean platform?"},
};

static void test_mistakes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct table_case opened;
    const struct arena_mark mark = arena_get_mark(&arena);
    const bool fine = open_case(&opened, arena_printf(&arena, "tenancy = { %s; };", mistakes[i].keys), &error);
    print_message("%s: %s", mistakes[i].keys, fine ? "fine\n" : error.text);
    assert_int_equal(fine, mistakes[i].message == NULL);
    if (!fine && strstr(error.text, mistakes[i].message) == NULL) fail_msg("wanted: %s", mistakes[i].message);
    if (!fine) assert_int_equal(error.status, strstr(mistakes[i].keys, "nothing.cfg") ? 1 : 2);
    arena_rewind(&arena, mark);
  }
  struct table_case opened;
  assert_false(open_case(&opened, "cost = { provider = \"compat\"; };", &error));
  assert_non_null(strstr(error.text, "run.cfg: tenancy.provider: cost.provider = \"compat\" does not tell time"));
  assert_true(open_case(&opened, "cost = { provider = \"compat\"; }; tenancy = { provider = \"compat\"; };", &error));
}

static void check_file(const char *accelerator, const char *cores, const char *message) {
  char path[] = "/tmp/dse-test-XXXXXX.cfg";
  const int file = mkstemps(path, 4);
  const ssize_t n = (ssize_t)strlen(accelerator);
  assert_true(file >= 0 && write(file, accelerator, (size_t)n) == n);
  close(file);
  struct table_case opened;
  assert_false(open_case(&opened,
                         arena_printf(&arena,
                                      "tenancy = { accelerators = [%s\"%s\"]; models = [\"alexnet\"]; "
                                      "operators = \"all\"; bandwidth_bytes_per_cycle = 7.0; };",
                                      cores, path),
                         &error));
  if (strstr(error.text, message) == NULL) fail_msg("%s", error.text);
  unlink(path);
}

/* A layer that fits nowhere is said with its name: what lanes alone can do, and there are none. */
static void test_files(void **state) {
  (void)state;
  check_file("accelerator = { vc_count = 0; };", "", "of alexnet can run on no core of accelerators");
  check_file("accelerator = { element_bytes = 4; };", "\"tpuv4\", ",
             "have 4 bytes, those of tpuv4 2; allowed are all alike");
  check_file("accelerator = { tc_count = 0; vc_count = 0; };", "", "there is no core at all");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_physical_prices, setup, teardown),
      cmocka_unit_test_setup_teardown(test_elements, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sorts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_draws, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dependencies, setup, teardown),
      cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
      cmocka_unit_test_setup_teardown(test_found_designs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_files, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do sampling searches do on public graphs what partition §6, §7 and §11 say of them? 1,680 draws in random order under
 * both rules meet no dead end; annealing and genetic are below chance after 800 samples. Their settings do what they
 * say. */
#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_read.h"
#include "search/partition/partition_solver.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA "tests/data/partition/instances/"
enum { N_GRAPHS = 5, N_SEEDS = 5, N_DRAWS = 168, SAMPLES = 800 };
static const char *const graphs[N_GRAPHS] = {"layer_bert24-clone-bw32", "op_bert_l-12-clone-untie-bw32",
                                             "pd_gnmt-clone-bw32", "pd_resnet101-bw32", "pd_nasnetamobile-bw32"};

struct instance {
  struct partition_problem problem;
  struct partition_graph graph;
};

static void read_instance(const char *name, const char *triangle, struct instance *instance) {
  const char *const sets[] = {"chips=8", arena_printf(&arena, "triangle=%s", triangle)};
  struct error error = {0};
  if (!partition_read(arena_printf(&arena, DATA "%s.json", name), sets, 2, &arena, &instance->problem, &error) ||
      !partition_contract(&instance->problem, &arena, &instance->graph, &error))
    fail_msg("%s", error.text);
}

static void test_no_dead_end(void **state) {
  (void)state;
  size_t n = 0;
  for (size_t g = 0; g < 2 * N_GRAPHS; g++) {
    struct instance one;
    read_instance(graphs[g / 2], g % 2 == 0 ? "none" : "path", &one);
    struct partition_solver *solver = partition_solver_new(&one.graph, INFINITY, &arena);
    struct partition_work *work = partition_work_new(&one.graph, &arena);
    struct partition_sample sample = {.chip = ARENA_NEW(&arena, uint32_t, one.graph.n),
                                      .order = ARENA_NEW(&arena, uint32_t, one.graph.n)};
    for (uint64_t d = 0; d < N_DRAWS; d++) {
      struct rng rng = rng_stream(1, RNG_TEST, g, d);
      assert_true(partition_solver_draw(solver, NULL, PARTITION_ORDER_RANDOM, &rng, &sample));
      assert_int_equal(partition_solver_failures(solver), 0);
      assert_int_equal(partition_rules(&one.graph, sample.chip, work), PARTITION_FINE);
      n++;
    }
  }
  assert_int_equal(n, 1680);
}

static struct partition_result run(const char *name, const struct instance *instance, const void *settings,
                                   uint64_t seed, uint64_t samples) {
  const struct partition_algorithm *algorithm = partition_find_algorithm(name);
  struct partition_request request = {.graph = &instance->graph,
                                      .settings = settings,
                                      .seed = seed,
                                      .samples = samples,
                                      .arena = &arena,
                                      .scratch = &scratch};
  struct partition_result result;
  struct error error = {0};
  if (settings == NULL) {
    void *defaults = arena_alloc(&arena, 1, algorithm->settings_bytes);
    config_defaults(algorithm->table, &arena, defaults);
    request.settings = defaults;
  }
  assert_true(algorithm->run(&request, &result, &error));
  assert_true(result.found && result.samples <= samples);
  return result;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const char *name, const struct instance *instance) {
  double value[N_SEEDS];
  for (uint64_t seed = 1; seed <= N_SEEDS; seed++) value[seed - 1] = run(name, instance, NULL, seed, SAMPLES).value;
  qsort(value, N_SEEDS, sizeof *value, compare);
  return value[N_SEEDS / 2];
}

static void test_below_chance(void **state) {
  (void)state;
  for (size_t g = 0; g < N_GRAPHS; g++) {
    struct instance one;
    read_instance(graphs[g], "none", &one);
    const double random = median("random", &one), anneal = median("anneal", &one), genetic = median("genetic", &one);
    print_message("%s: random %.6g, anneal %.6g, genetic %.6g ms\n", graphs[g], random, anneal, genetic);
    assert_true(anneal < random && genetic < random);
    assert_true(genetic < anneal); /* it slices orders */
  }
}

static const struct field *find(const char *name, const char *key) {
  const struct field *field = config_find_field(partition_find_algorithm(name)->table, key);
  assert_non_null(field);
  return field;
}

static void *settings_with(const char *name, const char *key, const char *value) {
  const struct partition_algorithm *algorithm = partition_find_algorithm(name);
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  struct error error = {0};
  config_defaults(algorithm->table, &arena, settings);
  if (!config_set_field(find(name, key), settings, value, "test", &arena, &error)) fail_msg("%s", error.text);
  return settings;
}

static void test_settings(void **state) {
  (void)state;
  struct instance one;
  read_instance("pd_gnmt-clone-bw32", "none", &one);
  /* 100 individuals, then 80 a generation beside the elite. */
  assert_int_equal(run("genetic", &one, settings_with("genetic", "generations", "3"), 1, 10000).samples, 260);
  assert_int_equal(run("genetic", &one, settings_with("genetic", "population", "10"), 1, 10000).samples, 10 + 99 * 8);
  /* All samples are drawn to begin with the best of them: chance. */
  const double drawn = run("anneal", &one, settings_with("anneal", "first_share", "1"), 1, SAMPLES).value;
  const double annealed = run("anneal", &one, NULL, 1, SAMPLES).value;
  assert_true(annealed < drawn);
  /* Hotter and hotter it is a walk. */
  const double hot = run("anneal", &one, settings_with("anneal", "end", "1e6"), 1, SAMPLES).value;
  assert_true(annealed < hot);
  assert_true(run("random", &one, settings_with("random", "order", "\"topological\""), 1, 50).value !=
              run("random", &one, NULL, 1, 50).value);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_no_dead_end, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_below_chance, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_settings, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Is what the policy knows of a graph true, are its drawn graphs what they promise, does it learn the example by heart,
 * and is what it learns the same whoever draws its samples? Random graphs; seeds are printed. */
#include "search/partition/partition_slicing.h"
#include "search/partition/policy_features.h"
#include "search/partition/policy_file.h"
#include "search/partition/policy_lessons.h"
#include "search/partition/policy_train.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 2385 };
extern const struct partition_algorithm partition_by_policy;

static struct partition_graph *drawn_graph(uint64_t number) {
  struct partition_problem *const problem = ARENA_NEW(&arena, struct partition_problem, 1);
  struct partition_graph *const graph = ARENA_NEW(&arena, struct partition_graph, 1);
  struct error error = {0};
  policy_corpus_draw(SEED, number, &arena, problem);
  if (!partition_contract(problem, &arena, graph, &error)) fail_msg("%s", error.text);
  return graph;
}

/* --- features -------------------------------------------------------------------------------------------------------
 */

/* Ancestors by marking, one group at a time. */
static double reach_by_marking(const struct partition_graph *graph, uint32_t group, bool descendants) {
  const struct arena_mark mark = arena_get_mark(&arena);
  bool *const seen = ARENA_NEW(&arena, bool, graph->n);
  const uint32_t *const start = descendants ? graph->out_start : graph->in_start;
  const uint32_t *const near = descendants ? graph->out : graph->in;
  double sum = 0;
  seen[group] = true;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = graph->topological[descendants ? i : graph->n - 1 - i];
    if (!seen[v]) continue;
    if (v != group) sum += graph->compute_ms[v];
    for (uint32_t a = start[v]; a < start[v + 1]; a++) seen[near[a]] = true;
  }
  arena_rewind(&arena, mark);
  return sum;
}

static void test_reach(void **state) {
  (void)state;
  for (uint64_t number = 0; number < 20; number++) {
    const struct partition_graph *const graph = drawn_graph(number);
    double *const sum = ARENA_NEW(&arena, double, graph->n);
    for (int descendants = 0; descendants < 2; descendants++) {
      policy_reach_ms(graph, descendants, &scratch, sum);
      for (uint32_t v = 0; v < graph->n; v += 3) {
        const double expected = reach_by_marking(graph, v, descendants);
        if (!(fabs(sum[v] - expected) <= 1e-9 * graph->total_ms))
          fail_msg("graph %d: group %u: %.12g, by marking %.12g", (int)number, v, sum[v], expected);
      }
    }
  }
}

/* What waits behind each place of an order, tensor by tensor. */
static void check_cuts(const struct partition_graph *graph, const uint32_t *order) {
  double *const cut = ARENA_NEW(&arena, double, graph->n), sum = 0;
  size_t *const place = ARENA_NEW(&arena, size_t, graph->n);
  for (size_t i = 0; i < graph->n; i++) place[order[i]] = i + 1;
  for (size_t i = 0; i < graph->n; i++) assert_int_not_equal(place[i], 0);
  policy_cuts_ms(graph, order, &scratch, cut);
  for (size_t i = 0; i < graph->n; i++) {
    double expected = 0;
    for (size_t t = 0; t < graph->n_tensors; t++) {
      const struct partition_tensor *const tensor = &graph->tensors[t];
      size_t last = 0;
      for (uint32_t c = tensor->first; c < tensor->end; c++) {
        assert_true(place[graph->consumer[c]] > place[tensor->producer]);
        if (place[graph->consumer[c]] > last) last = place[graph->consumer[c]];
      }
      if (place[tensor->producer] <= i + 1 && last > i + 1) expected += tensor->ms;
    }
    assert_true(fabs(cut[order[i]] - expected) <= 1e-9 * (graph->total_ms + expected));
    sum += expected;
  }
  assert_true(sum > 0);
}

static void test_orders(void **state) {
  (void)state;
  for (uint64_t number = 0; number < 15; number++) {
    const struct partition_graph *const graph = drawn_graph(number);
    uint32_t *const order = ARENA_NEW(&arena, uint32_t, graph->n);
    check_cuts(graph, graph->topological);
    policy_least_growth_order(graph, &scratch, order);
    check_cuts(graph, order);
    /* Each was the ready one of least growth, when it was taken. */
    bool *const done = ARENA_NEW(&arena, bool, graph->n);
    for (size_t i = 0; i < graph->n; i++) {
      double least = INFINITY, taken = 0;
      for (uint32_t v = 0; v < graph->n; v++) {
        bool ready = !done[v];
        for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) ready = ready && done[graph->in[a]];
        if (!ready) continue;
        double growth = 0;
        for (uint32_t t = graph->tensor_start[v]; t < graph->tensor_start[v + 1]; t++) growth += graph->tensors[t].ms;
        for (uint32_t r = graph->read_start[v]; r < graph->read_start[v + 1]; r++) {
          const struct partition_tensor *const tensor = &graph->tensors[graph->read[r]];
          bool last = true;
          for (uint32_t c = tensor->first; c < tensor->end; c++) {
            last = last && (done[graph->consumer[c]] || graph->consumer[c] == v);
          }
          if (last) growth -= tensor->ms;
        }
        least = fmin(least, growth);
        if (v == order[i]) taken = growth;
      }
      assert_true(taken <= least + 1e-9 * graph->total_ms);
      done[order[i]] = true;
    }
  }
}

static void test_features(void **state) {
  (void)state;
  for (uint64_t number = 0; number < 20; number++) {
    const struct partition_graph *const graph = drawn_graph(number);
    const struct policy_view view = policy_view_of(graph, &arena, &scratch);
    for (size_t i = 0; i < graph->n * POLICY_FEATURES; i++) {
      assert_true(isfinite(view.features[i]) && view.features[i] >= 0 && view.features[i] < 50);
    }
    for (uint32_t v = 0; v < graph->n; v++) {
      const real *const row = view.features + v * POLICY_FEATURES;
      const bool source = graph->in_start[v] == graph->in_start[v + 1];
      assert_true(row[11] == (source ? 1 : 0));
      if (source) assert_true(row[5] == 0 && row[7] == 0 && row[3] == 0);
      assert_true((double)row[7] + (double)row[8] <= 1 + 1e-6);
    }
  }
}

/* --- the corpus -----------------------------------------------------------------------------------------------------
 */

static void test_corpus(void **state) {
  (void)state;
  size_t n_of[POLICY_N_FAMILIES] = {0}, n_masks = 0, n_skips = 0;
  enum { GRAPHS = 250 };
  for (uint64_t number = 0; number < GRAPHS; number++) {
    const struct partition_graph *const graph = drawn_graph(number);
    const struct partition_problem *const problem = graph->problem;
    double traffic_ms = 0;
    assert_in_range(problem->n_nodes, POLICY_LEAST_NODES, POLICY_MOST_NODES + 1);
    for (size_t t = 0; t < graph->n_tensors; t++) traffic_ms += graph->tensors[t].ms;
    assert_true(traffic_ms >= 0.0199 * graph->total_ms && traffic_ms <= 2.01 * graph->total_ms);
    n_of[policy_corpus_family(number)]++;
    n_masks += problem->compute_ms[problem->n_nodes - 1] <= 0;
    for (size_t t = 0; t < graph->n_tensors; t++) {
      n_skips +=
          policy_corpus_family(number) == POLICY_LONG_SKIPS && graph->tensors[t].end - graph->tensors[t].first > 1;
    }
    /* The same again, bit for bit. */
    struct partition_problem again;
    struct digest_stream one, other;
    policy_corpus_draw(SEED, number, &arena, &again);
    digest_begin(&one);
    digest_begin(&other);
    policy_corpus_digest(problem, &one);
    policy_corpus_digest(&again, &other);
    assert_true(digest_equal(digest_end(&one), digest_end(&other)));
  }
  for (size_t f = 0; f < POLICY_N_FAMILIES; f++) assert_int_equal(n_of[f], GRAPHS / POLICY_N_FAMILIES);
  assert_in_range(n_masks, GRAPHS / 25, GRAPHS / 5);
  assert_true(n_skips >= GRAPHS / POLICY_N_FAMILIES);
}

/* Labels keep the rules, are no worse than quick slices, and mostly spread the load more evenly. */
static void test_labels(void **state) {
  (void)state;
  size_t n_more_even = 0;
  for (uint64_t number = 0; number < 60; number++) {
    const struct partition_graph *const graph = drawn_graph(number);
    struct partition_work *const work = partition_work_new(graph, &arena);
    const uint32_t n_chips = graph->problem->n_chips;
    uint32_t *const chip = ARENA_NEW(&arena, uint32_t, graph->n), *const quick = ARENA_NEW(&arena, uint32_t, graph->n);
    double *const load = ARENA_NEW(&arena, double, n_chips), squares[2] = {0, 0};
    const double value = policy_label(graph, &scratch, chip), first = partition_quick(graph, &scratch, quick);
    assert_int_equal(partition_rules(graph, chip, work), PARTITION_FINE);
    assert_true(value <= first * (1 + 1e-9) && value == partition_value(graph, chip, work));
    for (int which = 0; which < 2; which++) {
      partition_period(graph, which == 0 ? chip : quick, work, load);
      for (uint32_t c = 0; c < n_chips; c++) squares[which] += load[c] * load[c];
    }
    n_more_even += squares[0] < squares[1] * (1 - 1e-9);
  }
  assert_true(n_more_even >= 20);
}

/* --- learning -------------------------------------------------------------------------------------------------------
 */

/* The specification's worked example: six groups, three chips, ring; its optimum is 10 ms. */
static struct partition_graph *example(void) {
  static const double compute_ms[] = {2, 3, 1, 4, 2, 3};
  static const uint64_t weight_bytes[] = {10, 20, 10, 40, 20, 10};
  static const uint64_t out_bits[] = {800, 1600, 800, 800, 0, 0};
  static const uint32_t colocate[] = {PARTITION_NONE, PARTITION_NONE, PARTITION_NONE,
                                      PARTITION_NONE, PARTITION_NONE, PARTITION_NONE};
  static const bool cloneable[6] = {false};
  static const char *const names[] = {"0", "1", "2", "3", "4", "5"};
  static const struct partition_edge edges[] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {0, 4}, {3, 5}};
  struct partition_problem *const problem = ARENA_NEW(&arena, struct partition_problem, 1);
  struct partition_graph *const graph = ARENA_NEW(&arena, struct partition_graph, 1);
  struct error error = {0};
  *problem = (struct partition_problem){.name = "example",
                                        .n_chips = 3,
                                        .link_bytes_per_s = 100000,
                                        .n_nodes = 6,
                                        .n_edges = 7,
                                        .node_names = names,
                                        .compute_ms = compute_ms,
                                        .weight_bytes = weight_bytes,
                                        .out_bits = out_bits,
                                        .colocate = colocate,
                                        .cloneable = cloneable,
                                        .edges = edges};
  assert_true(partition_contract(problem, &arena, graph, &error));
  return graph;
}

static void *settings_of(const char *const *keys) {
  void *const settings = arena_alloc(&arena, 1, partition_by_policy.settings_bytes);
  struct error error = {0};
  config_defaults(partition_by_policy.table, &arena, settings);
  for (; *keys != NULL; keys += 2) {
    const struct field *const field = config_find_field(partition_by_policy.table, keys[0]);
    assert_non_null(field);
    if (!config_set_field(field, settings, keys[1], "test", &arena, &error)) fail_msg("%s", error.text);
  }
  return settings;
}

struct seen {
  size_t n;
  double mean[64]; /* period of the placements of a rollout */
};
static void see(void *context, uint64_t sample, double period_ms) {
  struct seen *const seen = context;
  if (sample / 20 < 64) seen->mean[sample / 20] += period_ms / 20;
  seen->n++;
}

/* Learns the example by heart: in the end nearly every sample is an optimum. */
static void test_overfit(void **state) {
  (void)state;
  static const char *const keys[][12] = {
      {"mode", "scratch", "width", "8", "layers", "2", "rate", "2e-3", "explore", "0", NULL},
      {"mode", "scratch", "head", "softmax", "width", "8", "rate", "2e-3", "explore", "0", NULL},
      {"mode", "scratch", "attention", "true", "width", "8", "rate", "2e-3", "explore", "0", NULL},
      {"mode", "scratch", "refine_passes", "2", "width", "8", "rate", "2e-3", "explore", "0", NULL},
      {"mode", "scratch", "repair", "fix", "width", "8", "rate", "2e-3", "explore", "0", NULL}};
  const struct partition_graph *const graph = example();
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    struct seen seen = {0};
    struct error error = {0};
    struct partition_result result;
    const struct partition_request request = {.graph = graph,
                                              .settings = settings_of(keys[k]),
                                              .seed = SEED,
                                              .samples = 1200,
                                              .sampled = see,
                                              .sampled_context = &seen,
                                              .arena = &arena,
                                              .scratch = &scratch};
    assert_true(partition_by_policy.run(&request, &result, &error));
    assert_true(result.found && result.samples == 1200 && seen.n == 1200);
    assert_float_equal(result.value, 10, 1e-9);
    printf("way %zu: mean period %.3f at first, %.3f in the end\n", k, seen.mean[0], seen.mean[59]);
    assert_true(seen.mean[0] > 11 && seen.mean[59] < 10.5);
  }
}

/* --- whoever draws --------------------------------------------------------------------------------------------------
 */

/* Ranks in disguise: tasks in an order of their own, results in the order of tasks. */
static void run_shuffled(void *context, size_t n_tasks, size_t result_bytes,
                         void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  size_t *const n_runs = context;
  ++*n_runs;
  for (size_t k = 0; k < n_tasks; k++) {
    const size_t i = (k * 7 + *n_runs) % n_tasks;
    if (n_tasks % 7 == 0) {
      task(argument, n_tasks - 1 - k, (char *)results + (n_tasks - 1 - k) * result_bytes);
    } else {
      task(argument, i, (char *)results + i * result_bytes);
    }
  }
}

struct trace {
  size_t n;
  double periods[256];
};
static void keep(void *context, uint64_t sample, double period_ms) {
  struct trace *const trace = context;
  assert_true(sample == trace->n && trace->n < 256);
  trace->periods[trace->n++] = period_ms;
}

static void test_ranks(void **state) {
  (void)state;
  static const char *const keys[][9] = {
      {"mode", "scratch", "width", "16", "layers", "2", NULL},
      {"mode", "scratch", "width", "16", "refine_passes", "2", "repair", "fix", NULL}};
  for (size_t k = 0; k < 2; k++) {
    for (uint64_t number = 2; number < 5; number++) {
      const struct partition_graph *const graph = drawn_graph(number + 10);
      size_t n_runs = 0;
      const struct partition_pool pool = {run_shuffled, &n_runs};
      struct trace traces[2] = {{0}, {0}};
      struct partition_result results[2];
      for (int which = 0; which < 2; which++) {
        struct error error = {0};
        const struct partition_request request = {.graph = graph,
                                                  .settings = settings_of(keys[k]),
                                                  .seed = SEED + number,
                                                  .samples = 110,
                                                  .pool = which == 0 ? NULL : &pool,
                                                  .sampled = keep,
                                                  .sampled_context = &traces[which],
                                                  .arena = &arena,
                                                  .scratch = &scratch};
        assert_true(partition_by_policy.run(&request, &results[which], &error));
      }
      assert_true(n_runs == 6 && traces[0].n == 110);
      assert_memory_equal(&traces[0], &traces[1], sizeof traces[0]);
      assert_memory_equal(results[0].chip, results[1].chip, graph->n * sizeof *results[0].chip);
    }
  }
}

static void test_training_repeats(void **state) {
  (void)state;
  static const char *const keys[][2] = {{"graphs", "15"}, {"width", "16"},  {"layers", "2"},
                                        {"checks", "2"},  {"updates", "4"}, {"label_steps", "30"}};
  struct policy_training training;
  struct error error = {0};
  unsigned char *bytes[2];
  size_t n[2], n_runs = 0;
  config_defaults(&policy_training_fields, &arena, &training);
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    assert_true(config_set_field(config_find_field(&policy_training_fields, keys[k][0]), &training, keys[k][1], "test",
                                 &arena, &error));
  }
  for (int which = 0; which < 2; which++) {
    const struct partition_pool pool = {run_shuffled, &n_runs};
    struct policy_lessons lessons;
    struct policy_net net;
    struct policy_origin origin = {.seed = SEED};
    policy_lessons_init(&lessons, 15, &arena);
    assert_true(policy_train_draw(&training, SEED, &lessons, &arena, &scratch, &error));
    assert_true(lessons.n == 15 && lessons.n_validating == 3);
    const struct policy_trainer trainer = {.training = &training,
                                           .lessons = &lessons,
                                           .seed = SEED,
                                           .pool = which == 0 ? NULL : &pool,
                                           .arena = &arena,
                                           .scratch = &scratch};
    origin.corpus = policy_lessons_digest(&lessons);
    policy_train(&trainer, &net, &origin.updates);
    bytes[which] = policy_file_bytes(&net, &origin, &arena, &n[which]);
  }
  assert_true(n_runs > 0 && n[0] == n[1]);
  assert_memory_equal(bytes[0], bytes[1], n[0]);
}

int main(void) {
  printf("seed %d\n", SEED);
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_reach, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_orders, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_features, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_corpus, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_labels, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_overfit, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_ranks, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_training_repeats, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

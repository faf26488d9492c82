/* Do the exact methods find the best of all partitions, say truly when that is proven, and bound it when not?
 *
 * Random small problems of every cost and rule, with groups, cycles among them, clones and dropped edges, against all
 * assignments; with an answer known before, good or none; with too little work. */
#include "base/rng.h"
#include "search/partition/partition_exact.h"
#include "search/partition/partition_exact_private.h"
#include "tests/partition_random.h"

#include <glpk.h>
#include <inttypes.h>
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

static const uint64_t seed = 2385;
static const double slack = 1e-9;

enum {
  N_EACH = 400,
  N_FILES = 240,
  MOST_IN_FILES = 6,
  MOST_NODES = 9,
  MOST_EDGES = MOST_NODES * MOST_NODES,
  MOST_CHIPS = 4
};

struct drawn {
  struct partition_problem problem;
  double compute_ms[MOST_NODES];
  uint64_t weight_bytes[MOST_NODES], out_bits[MOST_NODES];
  uint32_t colocate[MOST_NODES];
  bool cloneable[MOST_NODES];
  const char *names[MOST_NODES];
  struct partition_edge edges[MOST_EDGES], drops[2];
};

static void draw_edges(struct drawn *d, struct rng *rng) {
  const uint64_t thinness = 1 + rng_below(rng, 4);
  struct partition_problem *p = &d->problem;
  for (uint32_t to = 1; to < p->n_nodes; to++) {
    for (uint32_t from = 0; from < to; from++) {
      if (rng_below(rng, 2 + thinness) < 2) d->edges[p->n_edges++] = (struct partition_edge){from, to};
    }
  }
  for (size_t k = 0; k < 2 && p->n_edges > 0 && rng_below(rng, 4) == 0; k++) {
    d->drops[p->n_drops++] = d->edges[rng_below(rng, p->n_edges)];
  }
  if (p->n_drops == 2 && memcmp(&d->drops[0], &d->drops[1], sizeof d->drops[0]) == 0) p->n_drops = 1;
}

static void draw(struct drawn *d, enum partition_cost cost, enum partition_triangle triangle, struct rng *rng) {
  *d = (struct drawn){.problem = {.name = "drawn", .cost = cost, .triangle = triangle}};
  struct partition_problem *p = &d->problem;
  p->n_chips = 1 + (uint32_t)rng_below(rng, MOST_CHIPS);
  p->n_nodes = 1 + rng_below(rng, p->n_chips == MOST_CHIPS ? 7 : MOST_NODES);
  p->link_bytes_per_s = 1000 * (1 + rng_below(rng, 20));
  p->clone = rng_below(rng, 4) == 0;
  const bool whole = rng_below(rng, 2) == 0, groups = rng_below(rng, 3) == 0;
  uint64_t total_bytes = 0;
  for (size_t v = 0; v < p->n_nodes; v++) {
    d->names[v] = "v";
    d->compute_ms[v] = whole ? (double)rng_below(rng, 5) : 10 * rng_unit(rng);
    d->weight_bytes[v] = rng_below(rng, 3) == 0 ? 0 : rng_below(rng, 100);
    d->out_bits[v] = rng_below(rng, 5) == 0 ? 0 : rng_below(rng, whole ? 4 : 1000) * (whole ? 8000 : 31);
    d->colocate[v] = groups && rng_below(rng, 2) == 0 ? (uint32_t)rng_below(rng, 3) : PARTITION_NONE;
    d->cloneable[v] = rng_below(rng, 5) == 0;
    if (rng_below(rng, 4) == 0) d->compute_ms[v] = 0;
    total_bytes += d->weight_bytes[v];
  }
  if (rng_below(rng, 3) == 0) p->memory_bytes = 1 + total_bytes * (3 + rng_below(rng, 5)) / (4 * p->n_chips);
  if (p->memory_bytes > 0 && rng_below(rng, 3) == 0) {
    p->memory_rule = PARTITION_LIVE;
    p->memory_bytes += rng_below(rng, 2000);
  }
  draw_edges(d, rng);
  p->node_names = d->names, p->compute_ms = d->compute_ms, p->weight_bytes = d->weight_bytes;
  p->out_bits = d->out_bits, p->colocate = d->colocate, p->cloneable = d->cloneable;
  p->edges = d->edges, p->drops = d->drops;
}

/* The least value of all assignments, INFINITY if none keeps the rules. */
static double least_of_all(const struct partition_graph *graph, struct arena *arena, uint32_t *best) {
  struct partition_work *work = partition_work_new(graph, arena);
  uint32_t chip[MOST_NODES];
  for (size_t g = 0; g < graph->n; g++) chip[g] = 1;
  double least = INFINITY;
  for (;;) {
    const double value = partition_value(graph, chip, work);
    if (value < least) least = value, memcpy(best, chip, graph->n * sizeof *chip);
    size_t g = 0;
    while (g < graph->n && chip[g] == graph->problem->n_chips) chip[g++] = 1;
    if (g == graph->n) return least;
    chip[g]++;
  }
}

static void judge(const struct partition_graph *graph, uint64_t task, struct arena *arena, size_t *n_proven) {
  uint32_t known[MOST_NODES], chip[MOST_NODES] = {0};
  const double least = least_of_all(graph, arena, known);
  double value = INFINITY, bound = 0;
  if (task % 3 == 0 && least < INFINITY) { /* it may start from the optimum, or from one said to be worse */
    memcpy(chip, known, sizeof chip);
    value = task % 2 == 0 ? least : least * 1.01;
  }
  const bool enough = task % 7 != 6;
  const struct partition_limits limits = {enough ? 1000000 : 1 + task % 50, enough ? 10000000 : 1 + task % 90,
                                          task % 2 == 0};
  const struct partition_request request = {.graph = graph, .arena = arena, .scratch = arena};
  const bool proven = partition_exact(graph, &limits, &request, chip, &value, &bound);
  if (bound > least * (1 + slack)) fail_msg("task %" PRIu64 ": bound %.12g above %.12g", task, bound, least);
  if (value < INFINITY) {
    struct partition_work *work = partition_work_new(graph, arena);
    const double truth = partition_value(graph, chip, work);
    const bool said = task % 6 == 3; /* more than it is, nothing better found yet */
    if (!(fabs(truth - value) <= slack * truth) && !(said && truth < value)) {
      fail_msg("task %" PRIu64 ": %.12g is %.12g", task, value, truth);
    }
  }
  if (proven && !(value <= least * (1 + slack) + slack)) {
    fail_msg("task %" PRIu64 ": %.12g is no optimum, which is %.12g", task, value, least);
  }
  const struct partition_problem *p = graph->problem;
  if (enough && !proven)
    fail_msg("task %" PRIu64 ": not proven; %.12g, bound %.12g, least %.12g, n %zu C %u", task, value, bound, least,
             graph->n, p->n_chips);
  *n_proven += proven;
}

static void all_costs(enum partition_triangle triangle) {
  for (int cost = PARTITION_RING; cost <= PARTITION_P2P_OVERLAP; cost++) {
    size_t n_proven = 0;
    print_message("seed %" PRIu64 ", triangle %d, cost %d\n", seed, triangle, cost);
    for (uint64_t task = 0; task < N_EACH; task++) {
      struct arena arena;
      arena_init(&arena, 1 << 16);
      struct rng rng = rng_stream(seed, RNG_TEST, 400 + (uint64_t)(triangle * 4 + cost), task);
      struct drawn drawn;
      struct partition_graph graph;
      struct error error = {0};
      draw(&drawn, (enum partition_cost)cost, triangle, &rng);
      if (!partition_contract(&drawn.problem, &arena, &graph, &error)) fail_msg("%s", error.text);
      judge(&graph, task, &arena, &n_proven);
      arena_release(&arena);
    }
    print_message("  %zu of %d proven\n", n_proven, N_EACH);
    assert_true(n_proven > N_EACH / 2);
  }
}

static void without_triangle(void **state) {
  (void)state;
  all_costs(PARTITION_ANY);
}
static void along_a_path(void **state) {
  (void)state;
  all_costs(PARTITION_PATH);
}
static void without_shortcuts(void **state) {
  (void)state;
  all_costs(PARTITION_GENERAL);
}

enum { N_LARGER = 120, LARGER_NODES = 16 };

/* Graphs that are too large for all assignments: states of ideals under `general`, against branching over groups. */
static void without_shortcuts_larger(void **state) {
  (void)state;
  size_t n_settled = 0;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t task = 0; task < N_LARGER; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 450, task);
    const struct partition_kind kind = {
        (enum partition_cost)(task % 4), PARTITION_GENERAL, task % 3 == 0, false, LARGER_NODES, 6};
    struct partition_problem problem = partition_random(&rng, &kind, &arena);
    struct partition_graph graph;
    struct error error = {0};
    if (!partition_contract(&problem, &arena, &graph, &error)) fail_msg("%s", error.text);
    const struct partition_limits limits = {1000000, 10000000, task % 2 == 0};
    const struct partition_request request = {.graph = &graph, .arena = &arena, .scratch = &arena};
    uint32_t chip[LARGER_NODES] = {0}, other[LARGER_NODES] = {0};
    double value = INFINITY, bound = 0, least = INFINITY;
    const bool proven = partition_exact(&graph, &limits, &request, chip, &value, &bound);
    const bool settled = partition_branches(&graph, 3000000, &request, other, &least);
    n_settled += settled;
    if (bound > least * (1 + slack)) fail_msg("task %" PRIu64 ": bound %.12g above %.12g", task, bound, least);
    if (!proven) fail_msg("task %" PRIu64 ": not proven, %zu groups", task, graph.n);
    const bool same = least < INFINITY ? fabs(value - least) <= slack * least + slack : !(value < INFINITY);
    if (settled && !same) fail_msg("task %" PRIu64 ": %.12g, not %.12g", task, value, least);
    arena_release(&arena);
  }
  print_message("  %zu of %d settled both ways\n", n_settled, N_LARGER);
  assert_true(n_settled > N_LARGER / 2);
}

static double most_loaded(const struct partition_graph *graph, const uint32_t *chip, uint32_t first, uint32_t last,
                          struct partition_work *work) {
  double load[MOST_CHIPS], most = 0;
  (void)partition_period(graph, chip, work, load);
  for (uint32_t c = first; c <= last; c++) most = fmax(most, load[c - 1]);
  return most;
}

/* The least that chips first … last can have to do while everything else stays where it is in held. */
static double least_between(const struct partition_graph *graph, const uint32_t *held, uint32_t first, uint32_t last,
                            struct partition_work *work) {
  uint32_t chip[MOST_NODES];
  double least = INFINITY;
  memcpy(chip, held, sizeof chip);
  for (size_t g = 0; g < graph->n; g++) chip[g] = held[g] >= first && held[g] <= last ? first : held[g];
  for (;;) {
    const enum partition_rule rule = partition_rules(graph, chip, work);
    /* Numbers are closed up later; what that alone makes a path is not looked for. */
    if (rule == PARTITION_FINE || (rule == PARTITION_SKIPPED && graph->problem->triangle == PARTITION_ANY)) {
      uint32_t closed[MOST_NODES];
      memcpy(closed, chip, sizeof closed);
      partition_renumber(graph, closed, work);
      if (partition_rules(graph, closed, work) == PARTITION_FINE) {
        least = fmin(least, most_loaded(graph, chip, first, last, work));
      }
    }
    size_t g = 0;
    for (; g < graph->n; g++) {
      if (held[g] < first || held[g] > last) continue;
      if (chip[g]++ < last) break;
      chip[g] = first;
    }
    if (g == graph->n) return least;
  }
}

static void judge_between(const struct partition_graph *graph, struct rng *rng, struct arena *arena, size_t *n_better) {
  struct partition_work *work = partition_work_new(graph, arena);
  uint32_t held[MOST_NODES] = {0}, chip[MOST_NODES];
  const uint32_t n_chips = graph->problem->n_chips;
  for (size_t tries = 0; tries < 200; tries++) {
    for (size_t i = 0; i < graph->n; i++) held[graph->topological[i]] = 1 + (uint32_t)rng_below(rng, n_chips);
    if (partition_rules(graph, held, work) == PARTITION_FINE) break;
  }
  if (partition_rules(graph, held, work) != PARTITION_FINE) return;
  const uint32_t first = 1 + (uint32_t)rng_below(rng, n_chips);
  const uint32_t last = first + (uint32_t)rng_below(rng, n_chips - first + 1);
  const double before = partition_period(graph, held, work, NULL);
  const double here = most_loaded(graph, held, first, last, work);
  const double least = least_between(graph, held, first, last, work);
  const struct partition_limits limits = {100000, 1000000, false};
  memcpy(chip, held, sizeof chip);
  double value = before;
  const bool better = partition_exact_between(graph, first, last, &limits, arena, chip, &value);
  if (!better) {
    assert_memory_equal(chip, held, graph->n * sizeof *chip);
    assert_true(here <= least * (1 + slack) + slack);
    return;
  }
  ++*n_better;
  const double truth = partition_value(graph, chip, work);
  assert_true(fabs(truth - value) <= slack * before && truth <= before * (1 + slack));
  uint32_t n_before = 0, n_now = 0;
  for (size_t g = 0; g < graph->n; g++) {
    if (held[g] > n_before) n_before = held[g];
    if (chip[g] > n_now) n_now = chip[g];
  }
  if (n_now == n_before) { /* else numbers have changed */
    assert_true(most_loaded(graph, chip, first, last, work) <= least * (1 + slack) + slack);
  }
}

/* Answers drawn at random, a part of their chips placed anew. */
static void parts_of_answers(void **state) {
  (void)state;
  size_t n_better = 0;
  for (uint64_t task = 0; task < 6 * N_EACH; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 430, task);
    struct drawn drawn;
    struct partition_graph graph;
    struct error error = {0};
    draw(&drawn, (enum partition_cost)(task % 4), task / 4 % 3 == 1 ? PARTITION_PATH : PARTITION_ANY, &rng);
    drawn.problem.memory_rule = PARTITION_WEIGHTS;
    if (!partition_contract(&drawn.problem, &arena, &graph, &error)) fail_msg("%s", error.text);
    if (task % N_EACH == 0) print_message("seed %" PRIu64 ", task %" PRIu64 "\n", seed, task);
    judge_between(&graph, &rng, &arena, &n_better);
    arena_release(&arena);
  }
  print_message("  %zu parts were made better\n", n_better);
  assert_true(n_better > N_EACH / 2);
}

/* The file, read back and solved by GLPK. */
static void programs_as_files(void **state) {
  (void)state;
  size_t n = 0;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t task = 0; task < N_FILES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 440, task);
    struct drawn drawn;
    struct partition_graph graph;
    struct error error = {0};
    draw(&drawn, (enum partition_cost)(task % 4), (enum partition_triangle)(task / 4 % 3), &rng);
    if (drawn.problem.n_nodes > MOST_IN_FILES) drawn.problem.n_nodes = MOST_IN_FILES;
    drawn.problem.n_drops = 0;
    while (drawn.problem.n_edges > 0 && drawn.edges[drawn.problem.n_edges - 1].to >= MOST_IN_FILES) {
      drawn.problem.n_edges--;
    }
    if (!partition_contract(&drawn.problem, &arena, &graph, &error)) fail_msg("%s", error.text);
    char path[] = "/tmp/test_partition_exact.XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0 && close(file) == 0);
    const bool live = drawn.problem.memory_bytes > 0 && drawn.problem.memory_rule == PARTITION_LIVE;
    assert_int_equal(partition_write_lp(&graph, path, &arena, &error), !live);
    if (!live) {
      uint32_t best[MOST_NODES];
      const double least = least_of_all(&graph, &arena, best);
      glp_prob *lp = glp_create_prob();
      assert_int_equal(glp_read_lp(lp, NULL, path), 0);
      glp_iocp settings;
      glp_init_iocp(&settings);
      settings.msg_lev = GLP_MSG_OFF, settings.presolve = GLP_ON;
      const int ended = glp_intopt(lp, &settings);
      const double solved = ended == 0 && glp_mip_status(lp) == GLP_OPT ? glp_mip_obj_val(lp) : INFINITY;
      glp_delete_prob(lp);
      const bool same = least < INFINITY ? fabs(solved - least) <= 1e-5 * least + 1e-7 : !(solved < INFINITY);
      if (!same) {
        fail_msg("task %" PRIu64 ": %.12g, not %.12g", task, solved, least);
      }
      n += least < INFINITY;
    }
    assert_int_equal(unlink(path), 0);
    arena_release(&arena);
  }
  assert_true(n > N_FILES / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_triangle),  cmocka_unit_test(along_a_path),
      cmocka_unit_test(without_shortcuts), cmocka_unit_test(parts_of_answers),
      cmocka_unit_test(programs_as_files), cmocka_unit_test(without_shortcuts_larger),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

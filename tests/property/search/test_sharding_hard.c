/* Does anything break on problems of sharding that nobody would draw by hand?
 *
 * More layers and boards than an enumeration reaches, with what is awkward: boards that hold only a part of what the
 * best answer without memory takes, unequal ones among them; links as a star, a ring or a grid; graphs in parts that do
 * not touch; layers that are all alike; one layer that all others read; layers that cost nothing. Every algorithm's
 * answer goes to the judge; no bound may be above any answer; what is proven infeasible may not be found. */
#include "tests/sharding_random.h"
#include "tests/sharding_solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2385, samples = 1500;
static const double rounding = 1e-12, tolerance = 1e-9, near = 1.05;
enum { N_CASES = 30, MOST_LAYERS = 20, MOST_BOARDS = 12 };

enum graph { AS_DRAWN, IN_PARTS, ALIKE, ONE_TO_ALL, N_GRAPHS };
enum wires { AS_THEY_ARE, STAR, RING, GRID, N_WIRES };

/* The links of a topology: neighbours at the full rate, others by the hops in between. */
static void wire(struct rng *rng, enum wires wires, struct sharding_problem *problem) {
  const size_t n = problem->n_boards;
  if (wires == AS_THEY_ARE || n < 2) return;
  double *links = ARENA_NEW(&arena, double, n *n);
  const double rate = 1e6 * (0.05 + rng_unit(rng));
  const size_t columns = n < 4 ? n : n < 9 ? 2 : 3;
  for (size_t a = 0; a < n; a++) {
    for (size_t b = 0; b < n; b++) {
      const size_t along = a > b ? a - b : b - a;
      size_t hops = along < n - along ? along : n - along;
      if (wires == STAR) hops = a == 0 || b == 0 ? 1 : 2;
      if (wires == GRID) {
        const size_t x = a % columns > b % columns ? a % columns - b % columns : b % columns - a % columns;
        const size_t y = a / columns > b / columns ? a / columns - b / columns : b / columns - a / columns;
        hops = x + y;
      }
      links[a * n + b] = a == b ? 0 : rate / (double)hops;
    }
  }
  problem->link_bytes_per_s = links;
}

static void shape_graph(enum graph graph, struct sharding_problem *problem) {
  struct sharding_layer *layers = ARENA_NEW(&arena, struct sharding_layer, problem->n_layers);
  struct sharding_edge *edges = ARENA_NEW(&arena, struct sharding_edge, problem->n_edges + problem->n_layers);
  memcpy(layers, problem->layers, problem->n_layers * sizeof *layers);
  size_t n_edges = 0;
  for (size_t e = 0; e < problem->n_edges; e++) {
    const bool cut = graph == IN_PARTS && e % 3 == 0;
    if (!cut && (graph == AS_DRAWN || graph == IN_PARTS)) edges[n_edges++] = problem->edges[e];
  }
  for (uint32_t l = 1; l < problem->n_layers && (graph == ALIKE || graph == ONE_TO_ALL); l++) {
    const char *name = layers[l].name;
    layers[l] = layers[0], layers[l].name = name;
    layers[l].size[SHARDING_CIN] = layers[0].size[SHARDING_COUT];
    if (layers[l].size[SHARDING_CIN] == 0) layers[l].size[SHARDING_CIN] = 1;
    layers[l].kind = sharding_kind_named("conv");
    edges[n_edges++] = (struct sharding_edge){graph == ALIKE ? l - 1 : 0, l};
  }
  problem->layers = layers, problem->edges = edges, problem->n_edges = n_edges;
}

/* Layers of a table that cost nothing, some or all of them. */
static void make_free(struct rng *rng, struct sharding_problem *problem) {
  for (size_t d = 0; d < problem->n_designs; d++) {
    const struct sharding_design *design = &problem->designs[d];
    if (design->model != SHARDING_TABLE) continue;
    double *cycles = ARENA_NEW(&arena, double, design->n_ps * problem->n_layers);
    for (size_t i = 0; i < design->n_ps * problem->n_layers; i++) {
      cycles[i] = rng_below(rng, 3) > 0 ? 0 : design->cycles[i];
    }
    struct sharding_design *designs = ARENA_NEW(&arena, struct sharding_design, problem->n_designs);
    memcpy(designs, problem->designs, problem->n_designs * sizeof *designs);
    designs[d].cycles = cycles;
    problem->designs = designs;
  }
}

/* Boards hold a share of what the best answer takes of one, each its own. */
static void shrink(struct rng *rng, struct sharding_problem *problem) {
  struct sharding_bounds bounds;
  sharding_bounds(problem, &scratch, &bounds);
  const struct sharding_result free =
      sharding_solve(problem, &bounds, sharding_find_algorithm("hypar_like"), seed, samples);
  if (!free.found) return;
  struct sharding_schedule schedule = sharding_schedule_new(problem, &arena);
  sharding_evaluate(problem, &free.answer, &scratch, &schedule);
  struct sharding_board *boards = ARENA_NEW(&arena, struct sharding_board, problem->n_boards);
  memcpy(boards, problem->boards, problem->n_boards * sizeof *boards);
  const double share = 0.25 + 0.75 * rng_unit(rng);
  const bool unequal = rng_below(rng, 2) == 0;
  for (size_t b = 0; b < problem->n_boards; b++) {
    const double own = unequal && b % 2 == 1 ? 0.5 + rng_unit(rng) : 1;
    boards[b].dram_bytes = 1 + (uint64_t)(share * own * (double)schedule.peak_bytes);
  }
  problem->boards = boards;
}

static void draw(struct rng *rng, struct sharding_problem *problem) {
  struct sharding_shape_of_problem shape = sharding_random_shape(rng, MOST_LAYERS, MOST_BOARDS);
  struct error error = {0};
  shape.tight = shape.links = false;
  sharding_random_problem(rng, &shape, &arena, problem);
  const enum graph graph = (enum graph)rng_below(rng, N_GRAPHS);
  if (problem->n_layers > 1) shape_graph(graph, problem);
  wire(rng, (enum wires)rng_below(rng, N_WIRES), problem);
  if (rng_below(rng, 2) == 0) make_free(rng, problem);
  if (!sharding_finish(problem, &arena, &error)) fail_msg("%s", error.text);
  shrink(rng, problem);
  if (!sharding_finish(problem, &arena, &error)) fail_msg("%s", error.text);
}

static void judge(const struct sharding_problem *problem, uint64_t number, const char *name,
                  const struct sharding_result *result) {
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  double truth_s = NAN;
  const struct sharding_claim claim = {.answer = result->answer};
  if (!sharding_check(problem, &claim, &arena, &truth_s, error)) {
    fail_msg("case %lu, %s: %s", (unsigned long)number, name, error->text);
  }
  if (!(fabs(result->value_s - truth_s) <= tolerance * truth_s)) {
    fail_msg("case %lu, %s: says %.17g, judged %.17g", (unsigned long)number, name, result->value_s, truth_s);
  }
}

struct tally {
  size_t n_found, n_proven, n_infeasible, n_open;
  size_t n_behind; /* another algorithm's answer is much better */
};

static void check(uint64_t number, struct tally *tally) {
  const struct arena_mark mark = arena_get_mark(&arena);
  struct rng rng = rng_stream(seed, RNG_TEST, 79, number);
  struct sharding_problem problem;
  struct sharding_bounds bounds;
  draw(&rng, &problem);
  sharding_bounds(&problem, &scratch, &bounds);
  double bound_s = bounds.best_s, best_s = INFINITY, ours_s = INFINITY;
  for (size_t i = 0; i < n_sharding_algorithms; i++) {
    const struct sharding_algorithm *algorithm = sharding_algorithms[i];
    if (algorithm->applies != NULL && !algorithm->applies(&problem)) continue;
    const struct sharding_result result = sharding_solve(&problem, &bounds, algorithm, seed, samples);
    if (result.found) judge(&problem, number, algorithm->name, &result);
    if (result.found) best_s = fmin(best_s, result.value_s);
    bound_s = fmax(bound_s, result.bound_s);
    if (strcmp(algorithm->name, "best") != 0) continue;
    ours_s = result.found ? result.value_s : INFINITY;
    tally->n_found += result.found, tally->n_proven += result.found && result.proven;
    tally->n_infeasible += !result.found && result.proven, tally->n_open += !result.found && !result.proven;
  }
  if (bound_s > best_s * (1 + rounding)) {
    fail_msg("case %lu: a bound of %.17g, an answer of %.17g", (unsigned long)number, bound_s, best_s);
  }
  tally->n_behind += ours_s > near * best_s;
  arena_rewind(&arena, mark);
}

static void test_hard(void **state) {
  (void)state;
  struct tally tally = {0};
  for (uint64_t number = 0; number < N_CASES; number++) check(number, &tally);
  printf("seed %lu: %zu found, %zu of them proven, %zu behind another; %zu proven infeasible, %zu open\n",
         (unsigned long)seed, tally.n_found, tally.n_proven, tally.n_behind, tally.n_infeasible, tally.n_open);
  assert_true(tally.n_found > N_CASES / 4 && tally.n_infeasible > N_CASES / 4 && tally.n_proven > N_CASES / 20);
  assert_true(tally.n_behind <= N_CASES / 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_hard, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Is the front of systems the whole truth, under every kind of limit?
 *
 * Random tables of small whole numbers, so that ties abound and sums are exact, against brute force over every choice
 * of designs that shares no code with the solver: one to four costs, limits on none to all of them, any number of
 * designs, stages that are alike. Beyond brute force: the judge's word, homogeneous systems never above, longer lists
 * never worse, tables of fractions. */
#include "search/systems/systems.h"

#include "base/rng.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
static const uint64_t many_nodes = 1000000;

enum { N_SMALL = 3000, N_LARGE = 60, SMALL_STAGES = 5, SMALL_DESIGNS = 6, MOST_STAGES = 24, MOST_DESIGNS = 30 };
enum { MOST_CHOICES = 7776 /* SMALL_DESIGNS to the SMALL_STAGES */ };

struct instance {
  struct systems_problem problem;
  double load[MOST_STAGES * MOST_DESIGNS], cost[MOST_STAGES * MOST_DESIGNS * SYSTEMS_MAX_COSTS];
};

/* Faster designs tend to cost more; costs of a design are of a piece, but not the same. */
static void draw_tables(struct rng *rng, bool whole, struct instance *in) {
  const struct systems_problem *problem = &in->problem;
  const size_t n_designs = problem->n_designs, n_costs = problem->n_costs;
  for (size_t i = 0; i < problem->n_stages; i++) {
    if (i > 0 && rng_below(rng, 3) == 0) { /* like the one before */
      memcpy(&in->load[i * n_designs], &in->load[(i - 1) * n_designs], n_designs * sizeof(double));
      memcpy(&in->cost[i * n_designs * n_costs], &in->cost[(i - 1) * n_designs * n_costs],
             n_designs * n_costs * sizeof(double));
      continue;
    }
    for (size_t d = 0; d < n_designs; d++) {
      const double speed = 1 + (double)rng_below(rng, 8);
      const double work = whole ? (double)rng_below(rng, 5) : 4 * rng_unit(rng);
      in->load[i * n_designs + d] = rng_below(rng, 12) == 0 ? (double)INFINITY : 9 - speed + work;
      for (size_t c = 0; c < n_costs; c++) {
        const double extra = whole ? (double)rng_below(rng, 6) : 5 * rng_unit(rng);
        in->cost[(i * n_designs + d) * n_costs + c] = speed + extra;
      }
    }
  }
}

static void draw(struct rng *rng, size_t n_stages, size_t n_designs, bool whole, struct instance *in) {
  memset(in, 0, sizeof *in);
  struct systems_problem *problem = &in->problem;
  *problem = (struct systems_problem){.n_stages = n_stages, .n_designs = n_designs, .load = in->load, .cost = in->cost};
  problem->n_costs = 1 + rng_below(rng, SYSTEMS_MAX_COSTS);
  draw_tables(rng, whole, in);
  for (size_t c = 0; c < problem->n_costs; c++) {
    const double most = 13 * (double)n_stages;
    problem->limit[c] = rng_below(rng, 2) == 0 ? (double)INFINITY : floor(most * (0.3 + 0.7 * rng_unit(rng)));
  }
  if (rng_below(rng, 2) == 0) problem->max_designs = 1 + rng_below(rng, 4);
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct tried {
  double load, cost[SYSTEMS_MAX_COSTS];
  uint32_t design[SMALL_STAGES];
};
static struct tried tried[MOST_CHOICES];
static size_t n_tried;

static void judge(const struct systems_problem *problem, const uint32_t *design) {
  struct tried one = {0};
  uint64_t used = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    const size_t at = i * problem->n_designs + design[i];
    one.load = fmax(one.load, problem->load[at]);
    for (size_t c = 0; c < problem->n_costs; c++) one.cost[c] += problem->cost[at * problem->n_costs + c];
    one.design[i] = design[i];
    used |= UINT64_C(1) << design[i];
  }
  if (isinf(one.load)) return;
  if (problem->max_designs > 0 && (size_t)__builtin_popcountll(used) > problem->max_designs) return;
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (one.cost[c] > problem->limit[c]) return;
  }
  tried[n_tried++] = one;
}

/* Choices in the order of their designs, so that the first of equals is the one that counts. */
static void try_all(const struct systems_problem *problem) {
  uint32_t design[SMALL_STAGES] = {0};
  n_tried = 0;
  for (size_t i = problem->n_stages;;) {
    judge(problem, design);
    for (i = problem->n_stages; i-- > 0 && ++design[i] == problem->n_designs;) design[i] = 0;
    if (i == SIZE_MAX) return;
  }
}

static bool is_on_front(size_t t) {
  for (size_t o = 0; o < n_tried; o++) {
    if (tried[o].load > tried[t].load || tried[o].cost[0] > tried[t].cost[0]) continue;
    if (tried[o].load < tried[t].load || tried[o].cost[0] < tried[t].cost[0] || o < t) return false;
  }
  return true;
}

static int compare_loads(const void *left, const void *right) {
  const double a = ((const struct tried *)left)->load, b = ((const struct tried *)right)->load;
  return (a > b) - (a < b);
}

/* --- the tests ------------------------------------------------------------------------------------------------------
 */

struct fixture {
  struct arena arena, scratch;
  struct instance instance;
  struct error error;
  struct systems_front front;
  bool proven;
};

static struct fixture *fixture_new(void) {
  struct fixture *f = test_calloc(1, sizeof *f);
  arena_init(&f->arena, 1 << 16);
  arena_init(&f->scratch, 1 << 16);
  return f;
}

static void fixture_free(struct fixture *f) {
  arena_release(&f->arena);
  arena_release(&f->scratch);
  test_free(f);
}

static void solve(struct fixture *f, const struct systems_problem *problem, uint64_t max_nodes) {
  if (!systems_solve(problem, max_nodes, &f->arena, &f->scratch, &f->front, &f->proven, &f->error)) {
    fail_msg("%s", f->error.text);
  }
  for (size_t i = 0; i < f->front.n; i++) {
    const struct systems_choice *choice = &f->front.choices[i];
    if (!systems_check(problem, choice, &f->error)) fail_msg("%s", f->error.text);
    assert_true(choice->load >= systems_lower_bound(problem));
    if (i == 0) continue;
    assert_true(choice->load > choice[-1].load && choice->cost[0] < choice[-1].cost[0]);
  }
}

/* Does the front hold, or dominate, the load and cost? */
static bool covers(const struct systems_front *front, double load, double cost) {
  for (size_t i = 0; i < front->n; i++) {
    if (front->choices[i].load <= load && front->choices[i].cost[0] <= cost) return true;
  }
  return false;
}

static bool limited_between_stages(const struct systems_problem *problem) {
  for (size_t c = 1; c < problem->n_costs; c++) {
    if (isfinite(problem->limit[c])) return true;
  }
  return problem->max_designs > 0 && problem->max_designs < problem->n_stages &&
         problem->max_designs < problem->n_designs;
}

static void test_brute_force(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_empty = 0, n_limited = 0, n_points = 0;
  for (uint64_t c = 0; c < N_SMALL; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 10, c);
    struct fixture *f = fixture_new();
    const size_t n_stages = 1 + rng_below(&rng, SMALL_STAGES), n_designs = 1 + rng_below(&rng, SMALL_DESIGNS);
    draw(&rng, n_stages, n_designs, true, &f->instance);
    const struct systems_problem *problem = &f->instance.problem;
    try_all(problem);
    solve(f, problem, many_nodes);
    assert_true(f->proven);
    struct tried *front = test_calloc(n_tried + 1, sizeof *front);
    size_t n_front = 0;
    for (size_t t = 0; t < n_tried; t++) {
      if (is_on_front(t)) front[n_front++] = tried[t];
    }
    qsort(front, n_front, sizeof *front, compare_loads);
    assert_int_equal(f->front.n, n_front);
    for (size_t i = 0; i < n_front; i++) {
      assert_true(f->front.choices[i].load == front[i].load && f->front.choices[i].cost[0] == front[i].cost[0]);
      if (limited_between_stages(problem)) continue;
      assert_memory_equal(f->front.choices[i].design, front[i].design, n_stages * sizeof(uint32_t));
    }
    test_free(front);
    n_empty += n_front == 0;
    n_limited += limited_between_stages(problem);
    n_points += n_front;
    fixture_free(f);
  }
  assert_true(n_empty > 50 && n_limited > 500 && n_points > 2 * (N_SMALL - n_empty));
}

/* Every homogeneous system within the limits is in the front or dominated by it, proven or not; and the best one is
 * what the loop says. */
static void test_homogeneous(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_seen = 0, n_better = 0, n_unproven = 0;
  for (uint64_t c = 0; c < 2 * N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 11, c);
    struct fixture *f = fixture_new();
    draw(&rng, 2 + rng_below(&rng, MOST_STAGES - 1), 2 + rng_below(&rng, MOST_DESIGNS - 1), c % 2 == 0, &f->instance);
    struct systems_problem problem = f->instance.problem;
    solve(f, &problem, c % 3 == 0 ? 500 : 0);
    const struct systems_front any = f->front;
    n_unproven += !f->proven;
    problem.max_designs = 1;
    solve(f, &problem, 0);
    assert_true(f->proven);
    for (size_t i = 0; i < f->front.n; i++) {
      assert_true(covers(&any, f->front.choices[i].load, f->front.choices[i].cost[0]));
    }
    struct systems_choice best;
    const bool found = systems_homogeneous(&problem, &f->arena, &best);
    assert_true(found == (f->front.n > 0));
    if (found) {
      n_seen++;
      n_better += any.choices[0].load < best.load;
      assert_memory_equal(best.design, f->front.choices[0].design, problem.n_stages * sizeof(uint32_t));
      assert_true(systems_check(&problem, &best, &f->error));
    }
    fixture_free(f);
  }
  assert_true(n_seen > 10 && n_better > 5 && n_unproven > 0);
}

/* A longer list of candidates covers the shorter one's front; with all of them it is the whole problem. */
static void test_lists(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  static const size_t lengths[] = {0, 1, 2, 5, MOST_DESIGNS};
  size_t n_better = 0;
  for (uint64_t c = 0; c < N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 12, c);
    struct fixture *f = fixture_new();
    draw(&rng, 1 + rng_below(&rng, 7), 2 + rng_below(&rng, 12), c % 2 == 0, &f->instance);
    f->instance.problem.n_costs = 1; /* the tables are as good for one */
    f->instance.problem.max_designs %= 3;
    const struct systems_problem *problem = &f->instance.problem;
    const uint32_t always[] = {(uint32_t)rng_below(&rng, problem->n_designs)};
    struct systems_front shorter = {0};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
      struct systems_restriction restriction;
      systems_restrict(problem, lengths[k], always, 1, &f->arena, &restriction);
      bool has_reference = false;
      for (size_t d = 0; d < restriction.problem.n_designs; d++) {
        assert_true(d == 0 || restriction.original[d] > restriction.original[d - 1]);
        has_reference = has_reference || restriction.original[d] == always[0];
      }
      assert_true(has_reference);
      solve(f, &restriction.problem, many_nodes);
      assert_true(f->proven);
      for (size_t i = 0; i < f->front.n; i++) { /* the original's own loads and costs */
        struct systems_choice choice = f->front.choices[i];
        for (size_t s = 0; s < problem->n_stages; s++) choice.design[s] = restriction.original[choice.design[s]];
        assert_true(systems_check(problem, &choice, &f->error));
      }
      for (size_t i = 0; i < shorter.n; i++) {
        assert_true(covers(&f->front, shorter.choices[i].load, shorter.choices[i].cost[0]));
      }
      n_better += f->front.n > 0 && shorter.n > 0 && f->front.choices[0].load < shorter.choices[0].load;
      shorter = f->front;
    }
    solve(f, problem, many_nodes);
    assert_int_equal(f->front.n, shorter.n);
    for (size_t i = 0; i < shorter.n; i++) {
      assert_true(covers(&shorter, f->front.choices[i].load, f->front.choices[i].cost[0]));
    }
    fixture_free(f);
  }
  assert_true(n_better > 10);
}

/* What is allowed more is never worse: a limit higher by some, a design more in the system. */
static void test_relaxed_limits(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_proven = 0;
  for (uint64_t c = 0; c < N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 13, c);
    struct fixture *f = fixture_new();
    draw(&rng, 2 + rng_below(&rng, 9), 2 + rng_below(&rng, 9), c % 2 == 0, &f->instance);
    struct systems_problem problem = f->instance.problem;
    solve(f, &problem, many_nodes / 10);
    const struct systems_front tight = f->front;
    for (size_t i = 0; i < problem.n_costs; i++) problem.limit[i] *= 1.2;
    if (problem.max_designs > 0) problem.max_designs++;
    solve(f, &problem, many_nodes / 10);
    n_proven += f->proven;
    for (size_t i = 0; f->proven && i < tight.n; i++) {
      assert_true(covers(&f->front, tight.choices[i].load, tight.choices[i].cost[0]));
    }
    fixture_free(f);
  }
  assert_true(n_proven > N_LARGE / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_brute_force), cmocka_unit_test(test_homogeneous),
                                     cmocka_unit_test(test_lists), cmocka_unit_test(test_relaxed_limits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

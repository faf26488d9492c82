/* Is the front of layers and designs the whole truth, under every kind of limit?
 *
 * Random chains of few layers of some kinds, whole numbers so that ties abound, against brute force over every cut and
 * every choice of designs, which shares no code with the solver: one cost or two, limits on none to both, memories,
 * numbers of designs, loads that weigh in the cost, steps between the points. Beyond brute force: the judge's word, and
 * bounds of searches that were cut short. */
#include "search/chains/chains.h"

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

enum { N_SMALL = 2500, N_LARGE = 50, MOST_LAYERS = 40, MOST_STAGES = 8, MOST_DESIGNS = 30 };
enum { MOST_PIECES = MOST_LAYERS * MOST_LAYERS };

struct instance {
  struct chains_problem problem;
  uint32_t piece_of[MOST_LAYERS * MOST_LAYERS];
  double load[MOST_DESIGNS * MOST_PIECES], cost[MOST_DESIGNS * CHAINS_MAX_COSTS];
  uint64_t bytes[MOST_STAGES * MOST_PIECES], memory[MOST_DESIGNS];
};

struct kind { /* of layer */
  double work[MOST_DESIGNS];
  uint64_t bytes, kept_bytes;
};

/* Pieces of the same kinds of layers, wherever they are, are one. */
static void draw_pieces(struct rng *rng, struct instance *in, const uint32_t *kind_of, const struct kind *kinds) {
  struct chains_problem *problem = &in->problem;
  const size_t n = problem->n_layers;
  uint32_t first_of[MOST_PIECES], end_of[MOST_PIECES];
  const uint64_t overhead = rng_below(rng, 3);
  for (size_t first = 0; first < n; first++) {
    for (size_t end = first + 1; end <= n; end++) {
      uint32_t piece = 0;
      for (; piece < problem->n_pieces; piece++) {
        const size_t other = first_of[piece], length = end_of[piece] - other;
        if (length == end - first && memcmp(kind_of + other, kind_of + first, length * sizeof *kind_of) == 0) break;
      }
      in->piece_of[first * n + end - 1] = piece;
      if (piece < problem->n_pieces) continue;
      first_of[piece] = (uint32_t)first;
      end_of[piece] = (uint32_t)end;
      problem->n_pieces++;
    }
  }
  for (size_t piece = 0; piece < problem->n_pieces; piece++) {
    uint64_t bytes = 0, kept = 0;
    for (size_t i = first_of[piece]; i < end_of[piece]; i++) {
      bytes += kinds[kind_of[i]].bytes;
      kept += kinds[kind_of[i]].kept_bytes;
    }
    for (size_t d = 0; d < problem->n_designs; d++) {
      double load = (double)overhead; /* what a stage has beside its layers: a load is no sum of layers */
      for (size_t i = first_of[piece]; i < end_of[piece]; i++) load += kinds[kind_of[i]].work[d];
      in->load[d * problem->n_pieces + piece] = load;
    }
    for (size_t s = 0; s < problem->n_stages; s++) {
      in->bytes[s * problem->n_pieces + piece] = bytes + (problem->n_stages - s) * kept;
    }
  }
}

static void draw(struct rng *rng, size_t n_layers, size_t n_stages, size_t n_designs, bool whole, struct instance *in) {
  static struct kind kinds[MOST_LAYERS];
  uint32_t kind_of[MOST_LAYERS];
  struct chains_problem *problem = &in->problem;
  *problem = (struct chains_problem){.n_layers = n_layers,
                                     .n_stages = n_stages,
                                     .n_designs = n_designs,
                                     .n_costs = 1 + rng_below(rng, CHAINS_MAX_COSTS),
                                     .piece_of = in->piece_of,
                                     .load = in->load,
                                     .cost = in->cost};
  const size_t n_kinds = 1 + rng_below(rng, 3);
  for (size_t k = 0; k < n_kinds; k++) {
    for (size_t d = 0; d < n_designs; d++) {
      const double work = 1 + (double)rng_below(rng, 6);
      kinds[k].work[d] = rng_below(rng, 20) == 0 ? (double)INFINITY : whole ? work : work + rng_unit(rng);
    }
    kinds[k].bytes = rng_below(rng, 5);
    kinds[k].kept_bytes = rng_below(rng, 3);
  }
  for (size_t i = 0; i < n_layers; i++) kind_of[i] = (uint32_t)rng_below(rng, n_kinds);
  for (size_t d = 0; d < n_designs; d++) {
    in->memory[d] = 4 * n_layers / n_stages + rng_below(rng, 4 * n_layers);
    for (size_t c = 0; c < problem->n_costs; c++) {
      in->cost[d * problem->n_costs + c] = whole ? (double)rng_below(rng, 9) : 9 * rng_unit(rng);
    }
  }
  draw_pieces(rng, in, kind_of, kinds);
  if (rng_below(rng, 2) == 0) {
    problem->bytes = in->bytes;
    problem->memory_bytes = in->memory;
  }
  if (rng_below(rng, 3) == 0) problem->load_weight = 1 + (double)rng_below(rng, 2);
  for (size_t c = 0; c < problem->n_costs; c++) {
    double most = 8 * (double)n_stages;
    if (c == 0) most += problem->load_weight * 4 * (double)n_layers;
    problem->limit[c] = rng_below(rng, 2) == 0 ? (double)INFINITY : floor(most * (0.2 + 0.6 * rng_unit(rng)));
  }
  if (rng_below(rng, 2) == 0) problem->max_designs = 1 + rng_below(rng, n_stages);
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct tried {
  double load, cost;
};
static struct tried *tried;
static size_t n_tried, room_tried;

static void judge(const struct chains_problem *problem, const size_t *end, const size_t *design) {
  double load = 0, cost[CHAINS_MAX_COSTS] = {0};
  uint64_t used = 0;
  for (size_t s = 0, first = 0; s < problem->n_stages; first = end[s++]) {
    const uint32_t piece = problem->piece_of[first * problem->n_layers + end[s] - 1];
    const double own = problem->load[design[s] * problem->n_pieces + piece];
    load = fmax(load, own);
    used |= UINT64_C(1) << design[s];
    if (isinf(own)) return;
    if (problem->bytes != NULL && problem->bytes[s * problem->n_pieces + piece] > problem->memory_bytes[design[s]]) {
      return;
    }
    for (size_t c = 0; c < problem->n_costs; c++) cost[c] += problem->cost[design[s] * problem->n_costs + c];
    cost[0] += problem->load_weight * own;
  }
  if (problem->max_designs > 0 && (size_t)__builtin_popcountll(used) > problem->max_designs) return;
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (cost[c] > problem->limit[c]) return;
  }
  if (n_tried == room_tried) {
    room_tried = 2 * room_tried + 1024;
    tried = realloc(tried, room_tried * sizeof *tried);
    assert_non_null(tried);
  }
  tried[n_tried++] = (struct tried){load, cost[0]};
}

static void try_designs(const struct chains_problem *problem, const size_t *end, size_t *design, size_t s) {
  if (s == problem->n_stages) {
    judge(problem, end, design);
    return;
  }
  for (design[s] = 0; design[s] < problem->n_designs; design[s]++) try_designs(problem, end, design, s + 1);
}

static void try_cuts(const struct chains_problem *problem, size_t *end, size_t *design, size_t s) {
  const size_t first = s > 0 ? end[s - 1] : 0;
  if (s + 1 == problem->n_stages) {
    end[s] = problem->n_layers;
    if (first < end[s]) try_designs(problem, end, design, 0);
    return;
  }
  for (end[s] = first + 1; end[s] < problem->n_layers; end[s]++) try_cuts(problem, end, design, s + 1);
}

static int compare_tried(const void *left, const void *right) {
  const struct tried *a = left, *b = right;
  if (a->load != b->load) return a->load < b->load ? -1 : 1;
  return (a->cost > b->cost) - (a->cost < b->cost);
}

/* Leaves the front in `tried`. */
static size_t brute_front(const struct chains_problem *problem) {
  size_t end[MOST_STAGES], design[MOST_STAGES], n = 0;
  n_tried = 0;
  try_cuts(problem, end, design, 0);
  if (n_tried > 1) qsort(tried, n_tried, sizeof *tried, compare_tried);
  for (size_t i = 0; i < n_tried; i++) {
    if (n > 0 && tried[i].cost >= tried[n - 1].cost) continue;
    tried[n++] = tried[i];
  }
  return n;
}

/* --- the tests ------------------------------------------------------------------------------------------------------
 */

struct fixture {
  struct arena arena, scratch;
  struct error error;
  struct instance *in;
  struct chains_front front;
};

static void start(struct fixture *f) {
  memset(f, 0, sizeof *f);
  arena_init(&f->arena, 1 << 16);
  arena_init(&f->scratch, 1 << 16);
  f->in = ARENA_NEW(&f->arena, struct instance, 1);
}

static void end(struct fixture *f) {
  arena_release(&f->arena);
  arena_release(&f->scratch);
}

static void solve(struct fixture *f, const struct chains_effort *effort) {
  const bool solved = chains_solve(&f->in->problem, effort, &f->arena, &f->scratch, &f->front, &f->error);
  if (!solved) fail_msg("%s", f->error.text);
  for (size_t i = 0; i < f->front.n; i++) {
    if (!chains_check(&f->in->problem, &f->front.choices[i], &f->error)) fail_msg("%s", f->error.text);
    assert_true(f->front.choices[i].load >= f->front.bound);
    if (i == 0) continue;
    assert_true(f->front.choices[i].load > f->front.choices[i - 1].load);
    assert_true(f->front.choices[i].cost[0] < f->front.choices[i - 1].cost[0]);
  }
}

static void fronts_are_those_of_brute_force(void **state) {
  (void)state;
  const struct chains_effort whole = {.max_nodes = 10000000, .max_points = 10000};
  uint64_t n_none = 0, n_points = 0, n_mixed = 0;
  for (uint64_t task = 0; task < N_SMALL; task++) {
    struct fixture f;
    start(&f);
    struct rng rng = rng_stream(seed, RNG_TEST, 74, task);
    const size_t n_layers = 1 + rng_below(&rng, 7), n_stages = 1 + rng_below(&rng, n_layers < 4 ? n_layers : 4);
    draw(&rng, n_layers, n_stages, 1 + rng_below(&rng, 4), true, f.in);
    const size_t n = brute_front(&f.in->problem);
    solve(&f, &whole);
    if (!f.front.proven || f.front.n != n) {
      fail_msg("task %" PRIu64 ": %zu points, tried: %zu, proven %d, bound %g, least %g", task, f.front.n, n,
               f.front.proven, f.front.bound, n > 0 ? tried[0].load : 0);
    }
    assert_true(f.front.bound == (n > 0 ? tried[0].load : (double)INFINITY));
    for (size_t i = 0; i < n; i++) {
      const struct chains_choice *own = &f.front.choices[i];
      if (own->load != tried[i].load || own->cost[0] != tried[i].cost) {
        fail_msg("task %" PRIu64 ", point %zu: %g at %g, tried: %g at %g", task, i, own->load, own->cost[0],
                 tried[i].load, tried[i].cost);
      }
      for (size_t s = 1; s < n_stages; s++) n_mixed += own->design[s] != own->design[0];
    }
    /* With steps every point has one that is hardly slower and no dearer. */
    const struct chains_effort coarse = {.max_nodes = 10000000, .max_points = 10000, .step = 0.3};
    solve(&f, &coarse);
    assert_true(f.front.proven);
    for (size_t i = 0; i < n; i++) {
      bool covered = false;
      for (size_t j = 0; j < f.front.n && !covered; j++) {
        covered =
            f.front.choices[j].load <= 1.3 * tried[i].load * (1 + 1e-12) && f.front.choices[j].cost[0] <= tried[i].cost;
      }
      assert_true(covered);
    }
    assert_true(n == 0 || f.front.choices[0].load == tried[0].load);
    n_none += n == 0;
    n_points += n;
    end(&f);
  }
  free(tried);
  print_message("seed %" PRIu64 ": %d chains, %" PRIu64 " points, %" PRIu64
                " changes of design, nothing feasible in %" PRIu64 "\n",
                seed, N_SMALL, n_points, n_mixed, n_none);
  assert_true(n_none < N_SMALL / 2 && n_points > N_SMALL / 2 && n_mixed > N_SMALL / 10);
}

/* Fractions, more of everything: what is proven must not depend on how much was allowed. */
static void cut_short_it_still_bounds(void **state) {
  (void)state;
  uint64_t n_proven = 0, n_short = 0;
  for (uint64_t task = 0; task < N_LARGE; task++) {
    struct fixture f;
    start(&f);
    struct rng rng = rng_stream(seed, RNG_TEST, 75, task);
    const size_t n_layers = 8 + rng_below(&rng, 24), n_stages = 2 + rng_below(&rng, MOST_STAGES - 1);
    draw(&rng, n_layers, n_stages, 2 + rng_below(&rng, 20), false, f.in);
    if (f.in->problem.max_designs > 2) f.in->problem.max_designs = 0;
    const struct chains_effort much = {.max_nodes = 3000000, .max_points = 40, .step = 0.02};
    const struct chains_effort little = {.max_nodes = 100, .max_points = 5, .step = 0.1};
    solve(&f, &much);
    const struct chains_front full = f.front;
    solve(&f, &little);
    assert_true(f.front.n == 0 || f.front.choices[0].load >= full.bound);
    assert_true(full.n == 0 || f.front.bound <= full.choices[0].load);
    assert_true(f.front.bound <= full.bound);
    n_proven += full.n > 0 && full.bound == full.choices[0].load;
    n_short += f.front.n == 0 ? full.n > 0 : f.front.bound < f.front.choices[0].load;
    end(&f);
  }
  print_message("%d large chains, the fast end proven in %" PRIu64 "; with little effort %" PRIu64 " stay open\n",
                N_LARGE, n_proven, n_short);
  assert_true(n_proven > N_LARGE / 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fronts_are_those_of_brute_force),
      cmocka_unit_test(cut_short_it_still_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

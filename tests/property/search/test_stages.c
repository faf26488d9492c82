/* Are the partitions of layers to stages the best ones, all of them, in their order?
 *
 * Random chains and graphs, with and without memory and cuts, against brute force over all partitions that shares no
 * code with the solver; loads are drawn from few values, so that ties abound, or from the whole unit interval. Beyond
 * brute force: the judge's word, bounds, chains against their own downsets, and that more never hurts. */
#include "search/stages/stages.h"

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

enum { N_SMALL = 1200, N_LARGE = 40, MOST_BRUTE = 10, MOST_GRAPH = 8, MOST_PARTITIONS = 70000, MOST_LARGE = 120 };

struct instance {
  struct stages_problem problem;
  double load[MOST_LARGE], cut[MOST_LARGE];
  uint64_t fixed_bytes[MOST_LARGE], kept_bytes[MOST_LARGE], n_kept[MOST_LARGE];
  uint32_t pred_start[MOST_LARGE + 1], preds[MOST_LARGE * MOST_LARGE];
};

static double draw_load(struct rng *rng, bool few) { return few ? (double)rng_below(rng, 4) : rng_unit(rng); }

static void draw(struct rng *rng, size_t n_layers, bool graph, struct instance *in) {
  const bool few = rng_below(rng, 2) == 0;
  memset(in, 0, sizeof *in);
  struct stages_problem *problem = &in->problem;
  *problem = (struct stages_problem){.n_layers = n_layers, .load = in->load, .max_downsets = STAGES_MAX_DOWNSETS};
  problem->n_stages = 1 + rng_below(rng, n_layers < 5 ? n_layers : 5);
  uint64_t sum_bytes = 0;
  for (size_t i = 0; i < n_layers; i++) {
    in->load[i] = draw_load(rng, few);
    in->cut[i] = draw_load(rng, few);
    in->fixed_bytes[i] = rng_below(rng, 30);
    in->kept_bytes[i] = rng_below(rng, 9);
    sum_bytes += in->fixed_bytes[i] + 2 * in->kept_bytes[i];
  }
  for (size_t s = 0; s < problem->n_stages; s++) {
    in->n_kept[s] = rng_below(rng, 2) == 0 ? problem->n_stages - s : rng_below(rng, 6);
  }
  if (!graph && rng_below(rng, 2) == 0) problem->cut = in->cut;
  if (rng_below(rng, 3) > 0) {
    problem->memory_bytes = 1 + sum_bytes / problem->n_stages + rng_below(rng, sum_bytes + 1);
    problem->fixed_bytes = in->fixed_bytes;
    problem->kept_bytes = in->kept_bytes;
    problem->n_kept = in->n_kept;
  }
  if (!graph) return;
  const uint64_t density = 1 + rng_below(rng, 6);
  for (size_t i = 0; i < n_layers; i++) {
    in->pred_start[i + 1] = in->pred_start[i];
    for (uint32_t j = 0; j < i; j++) {
      if (rng_below(rng, 7) < density) in->preds[in->pred_start[i + 1]++] = j;
    }
  }
  problem->pred_start = in->pred_start;
  problem->preds = in->preds;
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct tried {
  double bottleneck;
  uint32_t stage_of[MOST_BRUTE];
};
static struct tried tried[MOST_PARTITIONS];
static size_t n_tried;
static uint64_t least_excess_bytes; /* over the partitions that do not fit */

static void judge(const struct stages_problem *problem, const uint32_t *stage_of) {
  double worst = 0;
  uint64_t excess_bytes = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    double load = 0, before = 0, behind = 0;
    uint64_t bytes = 0, n = 0;
    for (size_t i = 0; i < problem->n_layers; i++) {
      if (stage_of[i] != s) continue;
      if (n++ == 0 && i > 0 && problem->cut != NULL) before = problem->cut[i - 1];
      if (i + 1 < problem->n_layers && stage_of[i + 1] != s && problem->cut != NULL) behind = problem->cut[i];
      load += problem->load[i];
      if (problem->memory_bytes > 0) bytes += problem->fixed_bytes[i] + problem->n_kept[s] * problem->kept_bytes[i];
    }
    if (n == 0) return;
    load = load + before + behind;
    if (load > worst) worst = load;
    if (bytes > problem->memory_bytes && bytes - problem->memory_bytes > excess_bytes) {
      excess_bytes = bytes - problem->memory_bytes;
    }
  }
  if (problem->memory_bytes > 0 && excess_bytes > 0) {
    if (excess_bytes < least_excess_bytes) least_excess_bytes = excess_bytes;
    return;
  }
  assert_true(n_tried < MOST_PARTITIONS);
  tried[n_tried].bottleneck = worst;
  memcpy(tried[n_tried++].stage_of, stage_of, problem->n_layers * sizeof *stage_of);
}

static void try_all(const struct stages_problem *problem, uint32_t *stage_of, size_t layer) {
  if (layer == problem->n_layers) {
    judge(problem, stage_of);
    return;
  }
  uint32_t least = 0;
  if (problem->pred_start == NULL) {
    least = layer > 0 ? stage_of[layer - 1] : 0;
  } else {
    for (uint32_t p = problem->pred_start[layer]; p < problem->pred_start[layer + 1]; p++) {
      if (stage_of[problem->preds[p]] > least) least = stage_of[problem->preds[p]];
    }
  }
  for (stage_of[layer] = least; stage_of[layer] < problem->n_stages; stage_of[layer]++) {
    try_all(problem, stage_of, layer + 1);
  }
}

static const struct stages_problem *sorted; /* qsort passes no context */

static int compare_tried(const void *left, const void *right) {
  const struct tried *a = left, *b = right;
  if (a->bottleneck != b->bottleneck) return a->bottleneck < b->bottleneck ? -1 : 1;
  for (uint32_t s = 0; s < sorted->n_stages; s++) {
    for (size_t i = 0; i < sorted->n_layers; i++) {
      if ((a->stage_of[i] == s) != (b->stage_of[i] == s)) return a->stage_of[i] == s ? -1 : 1;
    }
  }
  return 0;
}

static void try_instance(const struct stages_problem *problem) {
  uint32_t stage_of[MOST_BRUTE];
  n_tried = 0;
  least_excess_bytes = UINT64_MAX;
  try_all(problem, stage_of, 0);
  sorted = problem;
  qsort(tried, n_tried, sizeof *tried, compare_tried);
}

/* --- the tests ------------------------------------------------------------------------------------------------------
 */

struct fixture {
  struct arena arena, scratch;
  struct instance instance;
  struct error error;
  struct stages_answer answer;
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

static void solve(struct fixture *f, size_t r) {
  if (!stages_solve(&f->instance.problem, r, &f->arena, &f->scratch, &f->answer, &f->error))
    fail_msg("%s", f->error.text);
  for (size_t i = 0; i < f->answer.n; i++) {
    if (!stages_check(&f->instance.problem, &f->answer.partitions[i], &f->error)) fail_msg("%s", f->error.text);
  }
}

static uint64_t bytes_of(const struct stages_problem *problem, const uint32_t *stage_of, size_t s) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (stage_of[i] == s) bytes += problem->fixed_bytes[i] + problem->n_kept[s] * problem->kept_bytes[i];
  }
  return bytes;
}

static void against_brute_force(bool graph) {
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_infeasible = 0, n_ties = 0;
  for (uint64_t c = 0; c < N_SMALL; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, graph, c);
    struct fixture *f = fixture_new();
    draw(&rng, 1 + rng_below(&rng, graph ? MOST_GRAPH : MOST_BRUTE), graph, &f->instance);
    const struct stages_problem *problem = &f->instance.problem;
    const size_t r = 1 + rng_below(&rng, 12);
    try_instance(problem);
    solve(f, r);
    assert_true(f->answer.exact);
    assert_int_equal(f->answer.n, n_tried < r ? n_tried : r);
    for (size_t i = 0; i < f->answer.n; i++) {
      assert_true(f->answer.partitions[i].bottleneck == tried[i].bottleneck);
      assert_memory_equal(f->answer.partitions[i].stage_of, tried[i].stage_of, problem->n_layers * sizeof(uint32_t));
      assert_true(stages_lower_bound(problem) <= tried[i].bottleneck);
      n_ties += i > 0 && tried[i].bottleneck == tried[i - 1].bottleneck;
      /* On a chain the order is the lexicographic one. */
      for (size_t k = 0, differs = 0; i > 0 && !graph && k < problem->n_layers && !differs; k++) {
        if (tried[i].bottleneck != tried[i - 1].bottleneck) break;
        differs = tried[i].stage_of[k] != tried[i - 1].stage_of[k];
        assert_true(tried[i - 1].stage_of[k] <= tried[i].stage_of[k]);
      }
    }
    if (n_tried == 0) {
      n_infeasible++;
      assert_true(f->answer.excess_bytes == least_excess_bytes);
      assert_true(f->answer.tight_stage < problem->n_stages);
    }
    fixture_free(f);
  }
  assert_true(n_infeasible > 50 && n_ties > 500);
}

static void test_chains(void **state) {
  (void)state;
  against_brute_force(false);
}
static void test_graphs(void **state) {
  (void)state;
  against_brute_force(true);
}

/* Giving the tight stage what is said to lack makes the statement feasible, one byte less does not. */
static void test_excess(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_seen = 0;
  for (uint64_t c = 0; c < 10 * N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 2, c);
    struct fixture *f = fixture_new();
    draw(&rng, 5 + rng_below(&rng, 20), c % 3 == 0, &f->instance);
    struct stages_problem *problem = &f->instance.problem;
    problem->memory_bytes = problem->memory_bytes / 3 + 1;
    solve(f, 1);
    if (f->answer.n == 0) {
      const uint64_t excess_bytes = f->answer.excess_bytes;
      assert_true(excess_bytes > 0);
      n_seen++;
      problem->memory_bytes += excess_bytes - 1;
      solve(f, 1);
      assert_int_equal(f->answer.n, 0);
      assert_true(f->answer.excess_bytes == 1);
      const size_t tight = f->answer.tight_stage;
      problem->memory_bytes++;
      solve(f, 1000);
      assert_true(f->answer.n > 0);
      /* The stage that was named is full to the byte in one of those that fit now. */
      bool full = f->answer.n == 1000;
      for (size_t i = 0; i < f->answer.n; i++) {
        full = full || bytes_of(problem, f->answer.partitions[i].stage_of, tight) == problem->memory_bytes;
      }
      assert_true(full);
    }
    fixture_free(f);
  }
  assert_true(n_seen > 20);
}

/* A chain as a graph: the downsets are its beginnings, so all answers agree; and with no downsets allowed they are
 * those of the chain, said to be inexact. */
static void test_chain_as_graph(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t c = 0; c < N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 3, c);
    struct fixture *f = fixture_new();
    const size_t n = 20 + rng_below(&rng, MOST_LARGE - 20);
    draw(&rng, n, false, &f->instance);
    struct stages_problem *problem = &f->instance.problem;
    problem->cut = NULL;
    problem->n_stages = 2 + rng_below(&rng, 12);
    for (size_t s = 0; s < problem->n_stages; s++) f->instance.n_kept[s] = problem->n_stages - s;
    solve(f, 20);
    const struct stages_answer chain = f->answer;
    for (size_t i = 0; i < n; i++) {
      f->instance.pred_start[i + 1] = (uint32_t)i;
      if (i > 0) f->instance.preds[i - 1] = (uint32_t)i - 1;
    }
    problem->pred_start = f->instance.pred_start;
    problem->preds = f->instance.preds;
    for (int cut_off = 0; cut_off < 2; cut_off++) {
      problem->max_downsets = cut_off ? n : n + 1;
      solve(f, 20);
      assert_true(f->answer.exact == !cut_off);
      assert_int_equal(f->answer.n, chain.n);
      assert_int_equal(f->answer.excess_bytes, chain.excess_bytes);
      assert_int_equal(f->answer.tight_stage, chain.tight_stage);
      for (size_t i = 0; i < chain.n; i++) {
        assert_true(f->answer.partitions[i].bottleneck == chain.partitions[i].bottleneck);
        assert_memory_equal(f->answer.partitions[i].stage_of, chain.partitions[i].stage_of, n * sizeof(uint32_t));
      }
    }
    fixture_free(f);
  }
}

/* Downsets never do worse than the chain; an edge less, or a byte more, never hurts; asking for more only appends. */
static void test_monotony(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_better = 0;
  for (uint64_t c = 0; c < N_LARGE; c++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 4, c);
    struct fixture *f = fixture_new();
    draw(&rng, 12 + rng_below(&rng, 10), true, &f->instance);
    struct stages_problem *problem = &f->instance.problem;
    solve(f, 9);
    const struct stages_answer many = f->answer;
    const double best = many.n > 0 ? many.partitions[0].bottleneck : (double)INFINITY;
    assert_true(many.exact);
    solve(f, 3);
    assert_true(f->answer.n == (many.n < 3 ? many.n : 3));
    for (size_t i = 0; i < f->answer.n; i++) {
      assert_memory_equal(f->answer.partitions[i].stage_of, many.partitions[i].stage_of,
                          problem->n_layers * sizeof(uint32_t));
    }
    problem->max_downsets = 0;
    solve(f, 1);
    assert_true(!f->answer.exact && (f->answer.n == 0 || f->answer.partitions[0].bottleneck >= best));
    n_better += f->answer.n == 0 ? many.n > 0 : f->answer.partitions[0].bottleneck > best;
    problem->max_downsets = STAGES_MAX_DOWNSETS;
    if (problem->memory_bytes > 0) problem->memory_bytes += 7;
    solve(f, 1);
    assert_true(many.n == 0 || f->answer.partitions[0].bottleneck <= best);
    f->instance.pred_start[problem->n_layers] = f->instance.pred_start[problem->n_layers - 1];
    solve(f, 1);
    assert_true(many.n == 0 || f->answer.partitions[0].bottleneck <= best);
    fixture_free(f);
  }
  assert_true(n_better > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_chains), cmocka_unit_test(test_graphs),
                                     cmocka_unit_test(test_excess), cmocka_unit_test(test_chain_as_graph),
                                     cmocka_unit_test(test_monotony)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

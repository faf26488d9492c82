/* Do the numbers of a comparison say what the searches did? Quartiles with searches that never got there, thresholds,
 * the order, the conclusion; and a search's own count against a space whose answers are known. */
#include "dse/study/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_quartiles(void **state) {
  (void)state;
  double odd[] = {9, 1, 5, 7, 3};
  struct quartiles q = compare_quartiles(odd, 5);
  assert_true(q.low == 3 && q.median == 5 && q.high == 7);
  double even[] = {4, 1, 3, 2};
  q = compare_quartiles(even, 4);
  assert_true(q.low == 1.75 && q.median == 2.5 && q.high == 3.25);
  double one[] = {2385};
  q = compare_quartiles(one, 1);
  assert_true(q.low == 2385 && q.median == 2385 && q.high == 2385);
}

/* One half of the searches never got there: neither did the median. */
static void test_never(void **state) {
  (void)state;
  double half[] = {INFINITY, 10, INFINITY, 20};
  struct quartiles q = compare_quartiles(half, 4);
  assert_true(q.low == 17.5 && isinf(q.median) && isinf(q.high));
  double most[] = {10, INFINITY, 30, 20, 40};
  q = compare_quartiles(most, 5);
  assert_true(q.low == 20 && q.median == 30 && q.high == 40);
  double none[] = {INFINITY, INFINITY};
  q = compare_quartiles(none, 2);
  assert_true(isinf(q.low) && isinf(q.median) && isinf(q.high));
}

/* --- a space of 1000 points in a row; the searcher walks through it -------------------------------------------------
 */

enum { POINTS = 1000, INFEASIBLE_UP_TO = 30 };

static void evaluate(void *context, const struct point *point, struct score *score) {
  size_t *n_evaluated = context;
  ++*n_evaluated;
  *score = (struct score){.reason = point->index[0] < INFEASIBLE_UP_TO};
  if (score->reason == 0) score->objective[0] = score->bound = point->index[0] + 1;
}

struct walk {
  uint64_t at, end, step;
  size_t round_size;
  uint64_t n_told;
};

/* Strides that are no multiple of another, so that seeds differ. */
static void *start(const struct search_request *request) {
  struct walk *walk = ARENA_NEW(request->arena, struct walk, 1);
  *walk = (struct walk){.end = *(const uint64_t *)request->settings, .step = request->seed};
  walk->round_size = request->round_size;
  return walk;
}

static size_t ask(void *state, uint64_t round, struct point *points) {
  struct walk *walk = state;
  size_t n = 0;
  (void)round;
  while (n < walk->round_size && walk->at < walk->end) {
    memset(&points[n], 0, sizeof points[n]);
    points[n++].index[0] = (uint16_t)walk->at;
    walk->at += walk->step;
  }
  return n;
}

static void tell(void *state, const struct record *records, size_t n) {
  struct walk *walk = state;
  for (size_t i = 0; i < n; i++) assert_int_equal(records[i].point.index[0], (walk->n_told++) * walk->step);
}

static const struct search_algorithm walker = {.name = "guided", .start = start, .ask = ask, .tell = tell};
static const struct search_algorithm other = {.name = "other", .start = start, .ask = ask, .tell = tell};

struct fixture {
  struct arena arena;
  struct space space;
  struct axis axis;
  uint64_t values[POINTS];
  struct contest contest;
  struct contestant contestants[2];
  size_t n_evaluated;
};

static const struct objective objective = {"rate", "", "", true};
static const uint64_t whole = POINTS, part = 700;

static struct fixture *prepare(bool maximise, struct cluster *cluster) {
  static struct objective objectives[1];
  struct fixture *f = test_calloc(1, sizeof *f);
  arena_init(&f->arena, 1 << 20);
  objectives[0] = objective;
  objectives[0].maximise = maximise;
  for (size_t v = 0; v < POINTS; v++) f->values[v] = v + 1;
  f->axis = (struct axis){"a", "", AXIS_SHAPE, POINTS, f->values, NULL};
  f->space = (struct space){.n_axes = 1,
                            .n_objectives = 1,
                            .n_front_objectives = 1,
                            .axes = &f->axis,
                            .objectives = objectives,
                            .n_reasons = 2,
                            .context = &f->n_evaluated,
                            .evaluate = evaluate};
  f->contestants[0] = (struct contestant){"guided", &walker, &whole, 2, 0};
  f->contestants[1] = (struct contestant){"other", &other, &part, 2, 2};
  f->contest = (struct contest){.space = &f->space,
                                .evaluator = &f->space,
                                .cluster = cluster,
                                .arena = &f->arena,
                                .problem = "a row",
                                .seed = 3, /* and 4 */
                                .round_size = 7,
                                .budget = 500,
                                .n_seeds = 2,
                                .optimum = maximise ? POINTS : INFEASIBLE_UP_TO + 1,
                                .proven = true,
                                .optimum_by = "known",
                                .contestants = f->contestants,
                                .n_contestants = 2,
                                .n_trials = 4,
                                .left_out = ""};
  compare_prepare(&f->contest);
  return f;
}

static void release(struct fixture *f) {
  compare_release(&f->contest);
  arena_release(&f->arena);
  test_free(f);
}

static void test_trials(void **state) {
  struct fixture *f = prepare(true, *state);
  struct error error = {0};
  assert_true(compare_run(&f->contest, &error));
  const struct trial *three = &f->contest.trials[0], *four = &f->contest.trials[1], *poor = &f->contest.trials[2];
  /* Strides of 3: values 1, 4, …; 901 (of at least 900) is the 301st, 952 the 318th, 991 the 331st, 1000 the 334th. */
  assert_int_equal(three->reached[COMPARE_10], 301);
  assert_int_equal(three->reached[COMPARE_5], 318);
  assert_int_equal(three->reached[COMPARE_1], 331);
  assert_int_equal(three->reached[COMPARE_EXACT], 334);
  assert_true(three->regret == 0);
  assert_int_equal(three->evaluations, 334); /* no more: all is decided */
  /* Strides of 4 end at 997. */
  assert_int_equal(four->reached[COMPARE_1], 249); /* 993 */
  assert_int_equal(four->reached[COMPARE_EXACT], 0);
  assert_true(fabs(four->regret - 0.003) < 1e-12);
  assert_true(four->ended);
  assert_int_equal(poor->reached[COMPARE_10], 0);
  assert_true(fabs(poor->regret - 0.3) < 1e-12); /* 700 */
  /* Nothing feasible among the first ten of stride 3; then as far off as the best so far. */
  assert_true(three->regret_at[0] == 1);
  for (size_t k = 0; k < f->contest.n_checkpoints; k++) {
    const uint64_t at = f->contest.checkpoints[k];
    const double best = at <= 10 ? 0 : 3 * (double)((at < 334 ? at : 334) - 1) + 1;
    assert_true(fabs(three->regret_at[k] - (1 - best / POINTS)) < 1e-12);
  }
  assert_int_equal(f->contest.checkpoints[f->contest.n_checkpoints - 1], 500);
  /* Each point once, whoever asks: multiples of 3 or 4 below 1000. */
  assert_int_equal(f->n_evaluated, 334 + 250 - 84);
  release(f);
}

static void test_budget(void **state) {
  struct fixture *f = prepare(true, *state);
  compare_release(&f->contest);
  f->contest.budget = 317; /* within a round */
  compare_prepare(&f->contest);
  struct error error = {0};
  assert_true(compare_run(&f->contest, &error));
  assert_int_equal(f->contest.trials[0].evaluations, 317);
  assert_int_equal(f->contest.trials[0].reached[COMPARE_10], 301);
  assert_int_equal(f->contest.trials[0].reached[COMPARE_5], 0);
  assert_false(f->contest.trials[0].ended);
  const struct quartiles q = compare_evaluations(&f->contest, 0, COMPARE_5);
  assert_true(isfinite(q.low) == false || q.low < 317); /* stride 4 is there at its 239th */
  assert_true(isinf(q.median));
  release(f);
}

static void test_less_is_better(void **state) {
  struct fixture *f = prepare(false, *state);
  struct error error = {0};
  assert_true(compare_run(&f->contest, &error));
  assert_int_equal(f->contest.trials[0].reached[COMPARE_EXACT], 11); /* 30 of 3, 6, …: the 31st value */
  assert_int_equal(f->contest.trials[1].reached[COMPARE_10], 9);     /* 33 of 31 is 6 % off */
  assert_int_equal(f->contest.trials[1].reached[COMPARE_5], 0);
  release(f);
}

static void test_order_and_words(void **state) {
  struct fixture *f = prepare(true, *state);
  struct error error = {0};
  size_t order[2];
  assert_true(compare_run(&f->contest, &error));
  compare_order(&f->contest, order);
  assert_true(order[0] == 0 && order[1] == 1);
  const char *words = compare_conclusion(&f->contest);
  assert_non_null(strstr(words, "guided is the first within 1 % of the proven optimum, after 290 evaluations"));
  assert_non_null(strstr(words, "other needs more than 1.72 times as many"));
  size_t n;
  const char *csv = table_bytes(compare_table(&f->contest, COMPARE_RESULTS), &n);
  assert_null(strstr(csv, "seconds"));
  assert_non_null(strstr(csv, "\nguided,2,"));
  assert_non_null(strstr(csv, ",1,269.5,290,310.5,290,1,")); /* 249 and 331 */
  f->contestants[0].settings = &part;                        /* nobody gets there */
  assert_true(compare_run(&f->contest, &error));
  assert_non_null(strstr(compare_conclusion(&f->contest), "No searcher gets within 1 %"));
  release(f);
}

int main(int argc, char **argv) {
  struct error error = {0};
  struct cluster *cluster = cluster_start(&argc, &argv, &error);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quartiles),
      cmocka_unit_test(test_never),
      cmocka_unit_test_prestate(test_trials, cluster),
      cmocka_unit_test_prestate(test_budget, cluster),
      cmocka_unit_test_prestate(test_less_is_better, cluster),
      cmocka_unit_test_prestate(test_order_and_words, cluster),
  };
  const int failed = cmocka_run_group_tests_name("dse/compare", tests, NULL, NULL);
  cluster_finish(cluster);
  return failed;
}

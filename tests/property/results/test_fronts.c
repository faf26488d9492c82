/* Are top-k and front functions of the set of records alone, and are they what brute force says? */
#include "base/rng.h"
#include "results/pareto.h"
#include "results/topk.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_RECORDS = 120, MOST_LEVELS = 9, N_ROUNDS = 400 };

static const uint64_t seed = 2385;

struct instance {
  struct rng rng;
  struct objective objectives[SCORE_MAX_OBJECTIVES];
  size_t n_objectives, n_records;
  uint64_t n_levels;
  struct record records[MOST_RECORDS];
};

/* Few levels, so that ties and equal records occur; values are small whole numbers; a point fixes its record. */
static void draw(struct instance *instance, uint64_t task, size_t most_objectives) {
  memset(instance, 0, sizeof *instance);
  instance->rng = rng_stream(seed, RNG_TEST, 1, task);
  struct rng *const rng = &instance->rng;
  instance->n_objectives = 1 + rng_below(rng, most_objectives);
  instance->n_records = rng_below(rng, MOST_RECORDS);
  instance->n_levels = 2 + rng_below(rng, MOST_LEVELS - 1);
  for (size_t d = 0; d < instance->n_objectives; d++)
    instance->objectives[d] = (struct objective){"o", "", "", rng_below(rng, 2) == 1};
  for (size_t i = 0; i < instance->n_records; i++) {
    struct record *const record = &instance->records[i];
    if (i > 0 && rng_below(rng, 10) == 0) {
      *record = instance->records[rng_below(rng, i)];
      continue;
    }
    record->point.index[rng_below(rng, 3)] = (uint16_t)(1 + rng_below(rng, 60000));
    record->point.index[7] = (uint16_t)i;
    record->score.reason = rng_below(rng, 8) == 0;
    for (size_t d = 0; d < instance->n_objectives; d++)
      record->score.objective[d] = (double)rng_below(rng, instance->n_levels);
  }
}

static void shuffle(struct instance *instance) {
  for (size_t i = instance->n_records; i > 1; i--) {
    const size_t j = rng_below(&instance->rng, i);
    const struct record record = instance->records[i - 1];
    instance->records[i - 1] = instance->records[j];
    instance->records[j] = record;
  }
}

/* --- top-k ----------------------------------------------------------------------------------------------------------
 */

static struct topk *topk_of(const struct instance *instance, size_t k, size_t from, size_t to, struct arena *arena) {
  struct topk *const topk = topk_new(arena, &instance->objectives[0], 0, k);
  for (size_t i = from; i < to; i++) topk_add(topk, &instance->records[i]);
  return topk;
}

static void assert_same_topk(const struct topk *a, const struct topk *b) {
  assert_int_equal(topk_count(a), topk_count(b));
  for (size_t i = 0; i < topk_count(a); i++) assert_memory_equal(topk_at(a, i), topk_at(b, i), sizeof(struct record));
}

static const struct objective *order_metric; /* qsort has no context */
static int compare_by_metric(const void *a, const void *b) { return record_compare(order_metric, 0, a, b); }

static void topk_equals_sorting(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  static struct instance instance;
  for (uint64_t task = 0; task < N_ROUNDS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    draw(&instance, task, 1);
    const size_t k = rng_below(&instance.rng, 30), n = instance.n_records;
    const struct topk *const whole = topk_of(&instance, k, 0, n, &arena);
    /* Any order, any grouping: ((a b) c) in another order against a (b c). */
    shuffle(&instance);
    const size_t b = rng_below(&instance.rng, n + 1), c = b + rng_below(&instance.rng, n - b + 1);
    struct topk *const left = topk_of(&instance, k, 0, b, &arena), *const right = topk_of(&instance, k, b, c, &arena);
    topk_merge(right, topk_of(&instance, k, c, n, &arena));
    topk_merge(left, right);
    assert_same_topk(left, whole);
    struct topk *const other = topk_of(&instance, k, c, n, &arena);
    topk_merge(other, topk_of(&instance, k, 0, b, &arena));
    topk_merge(other, topk_of(&instance, k, b, c, &arena));
    assert_same_topk(other, whole);
    order_metric = &instance.objectives[0];
    qsort(instance.records, n, sizeof *instance.records, compare_by_metric);
    size_t rank = 0;
    for (size_t i = 0; i < n && instance.records[i].score.reason == SCORE_FEASIBLE && rank < k; i++) {
      if (i > 0 && point_compare(&instance.records[i - 1].point, &instance.records[i].point) == 0) continue;
      assert_true(rank < topk_count(whole));
      assert_memory_equal(topk_at(whole, rank++), &instance.records[i], sizeof(struct record));
    }
    assert_int_equal(rank, topk_count(whole));
    arena_release(&arena);
  }
}

/* --- front ----------------------------------------------------------------------------------------------------------
 */

static struct pareto *front_of(const struct instance *instance, size_t from, size_t to, struct arena *arena) {
  struct pareto *const front = pareto_new(arena, instance->objectives, instance->n_objectives);
  for (size_t i = from; i < to; i++) pareto_add(front, &instance->records[i]);
  return front;
}

static void assert_same_front(const struct pareto *a, const struct pareto *b) {
  assert_int_equal(pareto_count(a), pareto_count(b));
  for (size_t i = 0; i < pareto_count(a); i++)
    assert_memory_equal(pareto_at(a, i), pareto_at(b, i), sizeof(struct record));
}

/* Is record i on the front: feasible, dominated by none, and the first point among equals? */
static bool belongs(const struct instance *instance, size_t i) {
  const struct record *const record = &instance->records[i];
  if (record->score.reason != SCORE_FEASIBLE) return false;
  for (size_t j = 0; j < instance->n_records; j++) {
    const struct record *const other = &instance->records[j];
    if (other->score.reason != SCORE_FEASIBLE) continue;
    size_t n_better = 0, n_worse = 0;
    for (size_t d = 0; d < instance->n_objectives; d++) {
      const double a = other->score.objective[d], b = record->score.objective[d];
      n_better += instance->objectives[d].maximise ? a > b : a < b;
      n_worse += instance->objectives[d].maximise ? a < b : a > b;
    }
    if (n_worse == 0 && (n_better > 0 || point_compare(&other->point, &record->point) < 0)) return false;
  }
  return true;
}

static void assert_front_is_brute_force(const struct instance *instance, const struct pareto *front) {
  size_t n_belonging = 0;
  for (size_t i = 0; i < instance->n_records; i++) {
    bool again = false;
    for (size_t j = 0; j < i; j++)
      again = again || point_compare(&instance->records[j].point, &instance->records[i].point) == 0;
    bool found = false;
    for (size_t j = 0; j < pareto_count(front); j++)
      found = found || memcmp(pareto_at(front, j), &instance->records[i], sizeof(struct record)) == 0;
    assert_int_equal(found, belongs(instance, i));
    n_belonging += found && !again;
  }
  assert_int_equal(n_belonging, pareto_count(front));
}

static void front_equals_brute_force(void **state) {
  (void)state;
  static struct instance instance;
  size_t largest = 0;
  for (uint64_t task = 0; task < N_ROUNDS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    draw(&instance, task, SCORE_MAX_OBJECTIVES);
    const size_t n = instance.n_records;
    const struct pareto *const whole = front_of(&instance, 0, n, &arena);
    assert_front_is_brute_force(&instance, whole);
    shuffle(&instance);
    const size_t b = rng_below(&instance.rng, n + 1), c = b + rng_below(&instance.rng, n - b + 1);
    struct pareto *const left = front_of(&instance, 0, b, &arena), *const right = front_of(&instance, b, c, &arena);
    pareto_merge(right, front_of(&instance, c, n, &arena));
    pareto_merge(left, right);
    assert_same_front(left, whole);
    struct pareto *const other = front_of(&instance, c, n, &arena);
    pareto_merge(other, front_of(&instance, 0, b, &arena));
    pareto_merge(other, front_of(&instance, b, c, &arena));
    assert_same_front(other, whole);
    pareto_merge(other, other);
    assert_same_front(other, whole);
    if (pareto_count(whole) > largest) largest = pareto_count(whole);
    arena_release(&arena);
  }
  assert_true(largest > 23);
}

/* Values are whole numbers below n_levels, so the volume is a count of unit cells. */
static double count_cells(const struct instance *instance, const struct pareto *front, const double *reference) {
  uint64_t n_cells = 1, n_covered = 0;
  for (size_t d = 0; d < instance->n_objectives; d++) n_cells *= instance->n_levels;
  for (uint64_t cell = 0; cell < n_cells; cell++) {
    bool covered = false;
    for (size_t i = 0; i < pareto_count(front) && !covered; i++) {
      uint64_t left = cell;
      covered = true;
      for (size_t d = 0; d < instance->n_objectives; d++, left /= instance->n_levels) {
        const double value = pareto_at(front, i)->score.objective[d];
        const double gain = instance->objectives[d].maximise ? value - reference[d] : reference[d] - value;
        covered = covered && (double)(left % instance->n_levels) < gain;
      }
    }
    n_covered += covered;
  }
  return (double)n_covered;
}

static void hypervolume_equals_counting(void **state) {
  (void)state;
  static struct instance instance;
  size_t n_positive = 0;
  for (uint64_t task = 0; task < N_ROUNDS; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 16);
    arena_init(&scratch, 1 << 12);
    draw(&instance, task, 4);
    double reference[4];
    for (size_t d = 0; d < instance.n_objectives; d++)
      reference[d] = (double)(instance.objectives[d].maximise ? rng_below(&instance.rng, 2)
                                                              : instance.n_levels - rng_below(&instance.rng, 2));
    const struct pareto *const front = front_of(&instance, 0, instance.n_records, &arena);
    const double volume = pareto_hypervolume(front, reference, &scratch);
    assert_true(volume == count_cells(&instance, front, reference)); /* whole numbers are exact */
    n_positive += volume > 0;
    arena_release(&arena);
    arena_release(&scratch);
  }
  assert_true(n_positive > 235);
}

/* Real values: within a few roundings of inclusion and exclusion, and the same bits in every order of adding. */
static double by_inclusion_and_exclusion(const struct instance *instance, const double *reference) {
  double total = 0;
  for (unsigned set = 1; set < 1U << instance->n_records; set++) {
    double box = __builtin_popcount(set) % 2 == 1 ? 1 : -1;
    for (size_t d = 0; d < instance->n_objectives; d++) {
      double least = INFINITY;
      for (size_t i = 0; i < instance->n_records; i++) {
        const double value = instance->records[i].score.objective[d];
        const double gain = instance->objectives[d].maximise ? value - reference[d] : reference[d] - value;
        if ((set >> i & 1) != 0 && gain < least) least = gain;
      }
      box *= least;
    }
    total += box;
  }
  return total;
}

static void hypervolume_of_real_values(void **state) {
  (void)state;
  static struct instance instance;
  for (uint64_t task = 0; task < 100; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 16);
    arena_init(&scratch, 1 << 12);
    draw(&instance, task, SCORE_MAX_OBJECTIVES);
    if (instance.n_records > 9) instance.n_records = 9;
    double reference[SCORE_MAX_OBJECTIVES];
    for (size_t d = 0; d < instance.n_objectives; d++) reference[d] = instance.objectives[d].maximise ? 0 : 1.5;
    for (size_t i = 0; i < instance.n_records; i++) {
      instance.records[i].score.reason = SCORE_FEASIBLE;
      instance.records[i].point.index[7] = (uint16_t)i;
      for (size_t d = 0; d < instance.n_objectives; d++)
        instance.records[i].score.objective[d] = 0.01 + rng_unit(&instance.rng);
    }
    const double expected = by_inclusion_and_exclusion(&instance, reference);
    const double volume = pareto_hypervolume(front_of(&instance, 0, instance.n_records, &arena), reference, &scratch);
    assert_true(fabs(volume - expected) <= 1e-11 * (1 + 512 * expected));
    shuffle(&instance);
    const double again = pareto_hypervolume(front_of(&instance, 0, instance.n_records, &arena), reference, &scratch);
    assert_memory_equal(&again, &volume, sizeof volume);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(topk_equals_sorting),
      cmocka_unit_test(front_equals_brute_force),
      cmocka_unit_test(hypervolume_equals_counting),
      cmocka_unit_test(hypervolume_of_real_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

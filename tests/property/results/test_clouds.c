/* Is the front of a cloud of rows the one that pareto.h keeps, and its volume what counting unit cells says? */
#include "base/rng.h"
#include "results/cloud.h"
#include "results/pareto.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 60, MOST_GAINS = 5, N_LEVELS = 7, N_INSTANCES = 400 };

static const uint64_t seed = 2385;

struct instance {
  struct rng rng;
  size_t n, d;
  double gains[MOST_ROWS * MOST_GAINS]; /* whole numbers from 0 on: ties and rows that cover nothing occur */
};

static void draw(struct instance *instance, uint64_t task) {
  memset(instance, 0, sizeof *instance);
  instance->rng = rng_stream(seed, RNG_TEST, 2, task);
  instance->d = 1 + rng_below(&instance->rng, MOST_GAINS);
  instance->n = rng_below(&instance->rng, MOST_ROWS);
  for (size_t i = 0; i < instance->n * instance->d; i++) {
    instance->gains[i] = (double)rng_below(&instance->rng, N_LEVELS);
  }
}

static void test_front_is_that_of_the_run(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct instance instance;
    struct objective objectives[MOST_GAINS];
    size_t which[MOST_ROWS];
    draw(&instance, task);
    for (size_t k = 0; k < instance.d; k++) objectives[k] = (struct objective){"o", "", "", true};
    struct pareto *front = pareto_new(&arena, objectives, instance.d);
    for (size_t i = instance.n; i-- > 0;) {
      struct record record = {.point = {{(uint16_t)i}}};
      memcpy(record.score.objective, &instance.gains[i * instance.d], instance.d * sizeof(double));
      pareto_add(front, &record);
    }
    const size_t n = cloud_front(instance.gains, instance.n, instance.d, which, &arena);
    if (n != pareto_count(front)) print_error("seed %lu, task %lu\n", (unsigned long)seed, (unsigned long)task);
    assert_int_equal(n, pareto_count(front));
    for (size_t i = 0; i < n; i++) assert_int_equal(which[i], pareto_at(front, i)->point.index[0]);
  }
  arena_release(&arena);
}

/* Unit cells with a row at or above them in every gain. */
static double count_cells(const struct instance *instance) {
  size_t n_cells = 1, covered = 0;
  for (size_t k = 0; k < instance->d; k++) n_cells *= N_LEVELS;
  for (size_t cell = 0; cell < n_cells; cell++) {
    bool is_covered = false;
    for (size_t i = 0; i < instance->n && !is_covered; i++) {
      is_covered = true;
      for (size_t k = 0, rest = cell; k < instance->d; k++, rest /= N_LEVELS) {
        is_covered = is_covered && (double)(rest % N_LEVELS) < instance->gains[i * instance->d + k];
      }
    }
    covered += is_covered;
  }
  return (double)covered;
}

static void test_volume_is_the_cells_counted(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct instance instance;
    draw(&instance, task);
    const double volume = cloud_volume(instance.gains, instance.n, instance.d, &arena), cells = count_cells(&instance);
    if (volume != cells) print_error("seed %lu, task %lu\n", (unsigned long)seed, (unsigned long)task);
    assert_true(volume == cells); /* whole numbers: exact */
    /* No bit depends on the order of the rows. */
    for (size_t i = 0; i + 1 < instance.n; i++) {
      const size_t j = i + rng_below(&instance.rng, instance.n - i);
      for (size_t k = 0; k < instance.d; k++) {
        const double kept = instance.gains[i * instance.d + k];
        instance.gains[i * instance.d + k] = instance.gains[j * instance.d + k];
        instance.gains[j * instance.d + k] = kept;
      }
    }
    assert_true(cloud_volume(instance.gains, instance.n, instance.d, &arena) == volume);
  }
  arena_release(&arena);
}

int main(void) {
  printf("seed %lu\n", (unsigned long)seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_front_is_that_of_the_run),
      cmocka_unit_test(test_volume_is_the_cells_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

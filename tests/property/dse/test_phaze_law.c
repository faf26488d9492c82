/* Are placements by the public law the best there are by it?
 *
 * Random chains of layers against brute force over all partitions, against the solver of search/stages where both state
 * the same problem, and every data degree and depth against the law as written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/rng.h"
#include "dse/calibrate/phaze_law.h"
#include "search/stages/stages.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const uint64_t seed = 2385;
enum { N_CASES = 400, MOST_LAYERS = 9 };

struct instance {
  size_t n;
  struct phaze_layer layers[MOST_LAYERS];
  struct phaze_law law;
};

/* Loads and sizes from few values, so that ties abound; memories that just fit and just do not. */
static void draw(struct rng *rng, struct instance *in) {
  in->n = 1 + rng_below(rng, MOST_LAYERS);
  uint64_t all = 0;
  for (size_t i = 0; i < in->n; i++) {
    in->layers[i] = (struct phaze_layer){.load_cycles = rng_below(rng, 5),
                                         .parameter_bytes = rng_below(rng, 4),
                                         .output_bytes = rng_below(rng, 6),
                                         .input_bytes = rng_below(rng, 3)};
    all += 3 * in->layers[i].parameter_bytes + 2 * in->layers[i].output_bytes;
  }
  in->law = (struct phaze_law){.devices = 1 + rng_below(rng, 40),
                               .tensor = 1 + rng_below(rng, 3),
                               .batch = 1 + rng_below(rng, 90),
                               .samples = 1 + rng_below(rng, 3),
                               .state_copies = 2 + rng_below(rng, 2),
                               .hbm_bytes = rng_below(rng, 3) == 0 ? UINT64_MAX : 1 + rng_below(rng, all + 2),
                               .stash = (enum phaze_stash)rng_below(rng, N_PHAZE_STASHES),
                               .link_bytes_per_s = 7,
                               .clock_hz = 3};
}

/* The law's memory, in another way than the program: layer by layer. */
static bool stage_fits(const struct instance *in, size_t from, size_t to, uint64_t place) {
  uint64_t bytes = 0;
  for (size_t i = from; i < to; i++) {
    bytes += in->law.state_copies * in->layers[i].parameter_bytes + in->layers[i].output_bytes;
    if (in->law.stash == PHAZE_STASH_OUTPUTS) bytes += (place - 1) * in->layers[i].output_bytes;
  }
  if (in->law.stash == PHAZE_STASH_INPUTS) bytes += (place - 1) * in->layers[from].input_bytes;
  return bytes <= in->law.hbm_bytes;
}

/* Least bottleneck of layers `from` … on `depth` stages over all partitions; UINT64_MAX: none fits. */
static uint64_t brute(const struct instance *in, size_t from, uint64_t depth) {
  if (depth == 0) return from == in->n ? 0 : UINT64_MAX;
  uint64_t least = UINT64_MAX;
  for (size_t to = from + 1; to <= in->n; to++) {
    uint64_t load = 0;
    for (size_t i = from; i < to; i++) load += in->layers[i].load_cycles;
    if (!stage_fits(in, from, to, depth)) continue;
    const uint64_t rest = brute(in, to, depth - 1);
    if (rest == UINT64_MAX) continue;
    least = min_u64(least, max_u64(load, rest));
  }
  return least;
}

static double law_s(const struct instance *in, const struct phaze_placement *placement, uint64_t data) {
  uint64_t first = 0;
  const size_t end = placement->depth > 1 ? placement->starts[1] : in->n;
  for (size_t i = 0; i < end; i++) first += in->layers[i].parameter_bytes;
  const double microbatches = ceil(ceil((double)in->law.batch / (double)in->law.samples) / (double)data);
  return (microbatches + (double)placement->depth - 1) * (double)placement->max_load_cycles / in->law.clock_hz +
         4 * (double)(data - 1) / (double)data * (double)first / in->law.link_bytes_per_s;
}

static void check_placement(const struct instance *in, const struct phaze_placement *placement, uint64_t depth) {
  uint64_t load = 0;
  for (size_t s = 0; s < depth; s++) {
    const size_t from = placement->starts[s], to = s + 1 < depth ? placement->starts[s + 1] : in->n;
    assert_true(from < to && to <= in->n && stage_fits(in, from, to, depth - s));
    uint64_t own = 0;
    for (size_t i = from; i < to; i++) own += in->layers[i].load_cycles;
    load = max_u64(load, own);
    /* No shorter stage in front of what is left does as well. */
    const uint64_t least = brute(in, from, depth - s);
    own = 0;
    for (size_t i = from; i + 1 < to; i++) {
      own += in->layers[i].load_cycles;
      if (stage_fits(in, from, i + 1, depth - s)) assert_true(max_u64(own, brute(in, i + 1, depth - s - 1)) > least);
    }
  }
  assert_int_equal(placement->starts[0], 0);
  assert_int_equal(placement->max_load_cycles, load);
  assert_true(placement->memory_bytes <= in->law.hbm_bytes);
  const uint64_t most = in->law.devices / in->law.tensor / depth;
  assert_true(placement->data >= 1 && placement->data <= most);
  assert_true(fabs(placement->iteration_s - law_s(in, placement, placement->data)) <= 1e-12 * placement->iteration_s);
  for (uint64_t d = 1; d <= most; d++) {
    const double other_s = law_s(in, placement, d);
    assert_true(other_s >= placement->iteration_s * (1 - 1e-12));
    /* Of equal degrees the least, beyond rounding. */
    if (d < placement->data) assert_true(other_s > placement->iteration_s * (1 - 1e-12));
  }
}

/* search/stages on the same problem, where stashes add up. */
static void check_stages(const struct instance *in, uint64_t depth, uint64_t bottleneck, struct arena *arena) {
  double load[MOST_LAYERS];
  uint64_t fixed[MOST_LAYERS], kept[MOST_LAYERS], n_kept[MOST_LAYERS];
  for (size_t i = 0; i < in->n; i++) {
    load[i] = (double)in->layers[i].load_cycles;
    fixed[i] = in->law.state_copies * in->layers[i].parameter_bytes + in->layers[i].output_bytes;
    kept[i] = in->layers[i].output_bytes;
  }
  for (uint64_t s = 0; s < depth; s++) n_kept[s] = depth - s - 1;
  const struct stages_problem problem = {.n_layers = in->n,
                                         .n_stages = depth,
                                         .load = load,
                                         .fixed_bytes = fixed,
                                         .kept_bytes = kept,
                                         .n_kept = n_kept,
                                         .memory_bytes = in->law.hbm_bytes == UINT64_MAX ? 0 : in->law.hbm_bytes};
  struct stages_answer answer;
  struct error error = {0};
  struct arena scratch;
  arena_init(&scratch, 1 << 14);
  if (!stages_solve(&problem, 1, arena, &scratch, &answer, &error)) fail_msg("%s", error.text);
  assert_int_equal(answer.n > 0, bottleneck != UINT64_MAX);
  if (answer.n > 0) assert_true(answer.partitions[0].bottleneck == (double)bottleneck);
  arena_release(&scratch);
}

/* Pays `more_s` a microbatch and stage beyond the law: is `depth` then among the best? */
static bool is_best_with(const struct phaze_placement *placements, size_t n, uint64_t depth, double more_s) {
  const struct phaze_placement *own = &placements[depth - 1];
  const double own_s = own->iteration_s + (double)(own->microbatches + depth - 1) * more_s;
  for (size_t i = 0; i < n; i++) {
    if (placements[i].depth == 0) continue;
    const double s = placements[i].iteration_s + (double)(placements[i].microbatches + i) * more_s;
    if (s < own_s * (1 - 1e-9)) return false;
  }
  return true;
}

static void check_missing(const struct phaze_placement *placements, size_t n) {
  for (uint64_t depth = 1; depth <= n; depth++) {
    const double missing_s = phaze_missing_s(placements, n, depth);
    if (placements[depth - 1].depth == 0) {
      assert_true(missing_s < 0);
      continue;
    }
    if (missing_s >= 0) {
      assert_true(is_best_with(placements, n, depth, missing_s));
      const double iteration_s = placements[depth - 1].iteration_s; /* not by rounding */
      if (missing_s > 1e-6 * iteration_s) assert_false(is_best_with(placements, n, depth, missing_s / 2));
      continue;
    }
    for (double more_s = 0.01; more_s < 1e4; more_s *= 3) assert_false(is_best_with(placements, n, depth, more_s));
  }
}

static size_t n_fit, n_none, n_missing;

static void check_case(uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
  struct instance in;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 14);
  arena_init(&scratch, 1 << 14);
  draw(&rng, &in);
  struct phaze_placement *placements;
  const size_t n = phaze_depths(in.layers, in.n, &in.law, &arena, &scratch, &placements);
  assert_int_equal(n, min_u64(in.n, in.law.devices / in.law.tensor));
  for (uint64_t depth = 1; depth <= n; depth++) {
    const struct phaze_placement *placement = &placements[depth - 1];
    const uint64_t least = brute(&in, 0, depth);
    assert_int_equal(placement->depth, least == UINT64_MAX ? 0 : depth);
    if (in.law.stash == PHAZE_STASH_OUTPUTS) check_stages(&in, depth, least, &arena);
    if (least == UINT64_MAX) {
      n_none++;
      continue;
    }
    n_fit++;
    assert_int_equal(placement->max_load_cycles, least);
    check_placement(&in, placement, depth);
    n_missing += phaze_missing_s(placements, n, depth) > 0;
  }
  check_missing(placements, n);
  const struct phaze_placement *best = phaze_best(placements, n);
  for (size_t i = 0; i < n; i++) {
    if (placements[i].depth > 0) assert_true(best != NULL && best->iteration_s <= placements[i].iteration_s);
  }
  arena_release(&arena);
  arena_release(&scratch);
}

static void test_cases(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t task = 0; task < N_CASES; task++) check_case(task);
  print_message("%zu placements, %zu depths where nothing fits, %zu that a cost would make the best\n", n_fit, n_none,
                n_missing);
  assert_true(n_fit > 300 && n_none > 100 && n_missing > 20);
}

static void test_even(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 14);
  static const uint32_t wanted[] = {0, 3, 5, 7, 9}; /* 11 layers: 3 2 2 2 2 */
  assert_memory_equal(phaze_even_starts(11, 5, &arena), wanted, sizeof wanted);
  for (size_t n = 1; n < 40; n++) {
    for (size_t depth = 1; depth <= n; depth++) {
      const uint32_t *starts = phaze_even_starts(n, depth, &arena);
      for (size_t s = 0; s < depth; s++) {
        const size_t size = (s + 1 < depth ? starts[s + 1] : n) - starts[s];
        assert_true(size == n / depth + (s < n % depth));
      }
    }
  }
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_even)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

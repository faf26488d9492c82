/* Does the joint search find what looking at every platform finds, whatever bounds leave out?
 *
 * Random designs, limits and jobs; "training" hides behind bounds that are up to half too high, and "mapping" is a rule
 * of this test (longest job first on the core that then ends first, and for finalists the best of some shuffled
 * orders). The reference counts all numbers of devices in a plain loop, keeps those that no device of their kinds can
 * be added to, trains and maps all of them, and refines the first ones. */
#include "base/error.h"
#include "base/rng.h"
#include "search/joint/joint.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
#define N_COUNTS UINT64_C(5) /* 0 … MOST_CORES devices of a design */
enum { N_CASES = 1500, MOST_DESIGNS = 5, MOST_CORES = 4, MOST_JOBS = 7, SHUFFLES = 5, MOST_ALL = 4000 };

struct instance {
  struct joint_problem problem;
  double cost[JOINT_N_LIMITS][MOST_DESIGNS], training[MOST_DESIGNS], hoped[MOST_DESIGNS];
  double latency[MOST_DESIGNS * MOST_JOBS], bytes[MOST_DESIGNS * MOST_JOBS], alike[MOST_JOBS];
  double bandwidth[MOST_DESIGNS];
  bool trained[MOST_DESIGNS];
  uint64_t n_asked; /* designs trained */
};

static void draw_limits(struct rng *rng, struct joint_problem *problem, double (*cost)[MOST_DESIGNS]) {
  for (size_t limit = 0; limit < JOINT_N_LIMITS; limit++) {
    for (size_t d = 0; d < problem->n_designs; d++) cost[limit][d] = 50 + (double)rng_below(rng, 8) * 25;
    problem->cost[limit] = limit == JOINT_AREA || rng_below(rng, 2) > 0 ? cost[limit] : NULL;
    problem->most[limit] = rng_below(rng, 3) > 0 ? 100 + (double)rng_below(rng, 16) * 37.5 : (double)INFINITY;
  }
}

static void draw_jobs(struct rng *rng, struct instance *instance) {
  struct joint_problem *const problem = &instance->problem;
  problem->n_all_jobs = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    instance->alike[j] = 1 + (double)rng_below(rng, 3);
    problem->n_all_jobs += instance->alike[j];
    const uint64_t owner = rng_below(rng, problem->n_designs); /* who runs it in any case */
    for (size_t d = 0; d < problem->n_designs; d++) {
      const bool runs = d == owner || rng_below(rng, 8) > 0;
      const size_t at = d * problem->n_jobs + j;
      instance->latency[at] = runs ? 1 + (double)rng_below(rng, 100) : (double)INFINITY;
      instance->bytes[at] = runs ? (double)rng_below(rng, 300) : (double)INFINITY;
    }
  }
}

static void draw_instance(struct rng *rng, struct instance *instance) {
  struct joint_problem *const problem = &instance->problem;
  memset(instance, 0, sizeof *instance);
  problem->n_designs = 1 + rng_below(rng, MOST_DESIGNS), problem->n_jobs = 1 + rng_below(rng, MOST_JOBS);
  draw_limits(rng, problem, instance->cost);
  draw_jobs(rng, instance);
  for (size_t d = 0; d < problem->n_designs; d++) {
    const bool allowed = rng_below(rng, 6) > 0;
    instance->training[d] = allowed ? 1 + (double)rng_below(rng, 20) : 0;
    instance->hoped[d] = (allowed ? instance->training[d] : 10) * (1 + 0.5 * rng_unit(rng));
    instance->bandwidth[d] = 1 + (double)rng_below(rng, 10);
  }
  problem->adds_up = rng_below(rng, 4) > 0;
  problem->most_cores = 1 + (uint32_t)rng_below(rng, MOST_CORES);
  problem->most_kinds = problem->adds_up ? 1 + (uint32_t)rng_below(rng, 3) : 1;
  problem->training = instance->hoped, problem->trained = instance->trained;
  problem->latency_cycles = instance->latency, problem->bytes = instance->bytes, problem->alike = instance->alike;
  problem->bandwidth = instance->bandwidth;
  problem->own_bandwidth = rng_below(rng, 2) > 0 ? 5 : 0;
  problem->cycles_per_s = 1000;
  problem->metric = (enum joint_metric)rng_below(rng, 3);
  problem->weight = rng_unit(rng);
  problem->most_makespan_cycles = 50 + (double)rng_below(rng, 400);
  problem->least_training = (double)rng_below(rng, 30);
}

/* --- the rule that maps ---------------------------------------------------------------------------------------------
 */

/* Jobs in this order, each on the core that then ends first; INFINITY: one runs on none. */
static double end_of(const struct instance *instance, const struct joint_platform *platform, const uint32_t *order,
                     size_t n) {
  double end[JOINT_MAX_KINDS * MOST_CORES] = {0}, all_bytes = 0, last = 0;
  uint32_t kind[JOINT_MAX_KINDS * MOST_CORES];
  size_t n_cores = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    for (uint32_t i = 0; i < platform->count[k]; i++) kind[n_cores++] = platform->design[k];
  }
  for (size_t i = 0; i < n; i++) {
    size_t on = 0;
    double first = (double)INFINITY;
    for (size_t c = 0; c < n_cores; c++) {
      const double ends = end[c] + instance->latency[kind[c] * instance->problem.n_jobs + order[i]];
      if (ends < first) first = ends, on = c;
    }
    if (!isfinite(first)) return (double)INFINITY;
    end[on] = first;
    all_bytes += instance->bytes[kind[on] * instance->problem.n_jobs + order[i]];
    last = fmax(last, first);
  }
  return fmax(last, all_bytes / joint_bandwidth(&instance->problem, platform));
}

static double map(const struct instance *instance, const struct joint_platform *platform, bool again) {
  uint32_t order[3 * MOST_JOBS];
  size_t n = 0;
  for (uint32_t j = 0; j < instance->problem.n_jobs; j++) {
    for (double i = 0; i < instance->alike[j]; i++) order[n++] = j;
  }
  double best = end_of(instance, platform, order, n);
  for (uint64_t s = 0; again && s < SHUFFLES; s++) {
    struct rng rng = rng_stream(seed, RNG_TEST, s, n);
    for (size_t i = n; i > 1; i--) {
      const size_t k = rng_below(&rng, i);
      const uint32_t moved = order[i - 1];
      order[i - 1] = order[k], order[k] = moved;
    }
    best = fmin(best, end_of(instance, platform, order, n));
  }
  return best;
}

/* --- the reference --------------------------------------------------------------------------------------------------
 */

static bool within(const struct instance *instance, const uint32_t *count) {
  const struct joint_problem *const problem = &instance->problem;
  uint32_t n = 0;
  for (size_t d = 0; d < problem->n_designs; d++) n += count[d];
  if (n < 1 || n > problem->most_cores) return false;
  for (size_t limit = 0; limit < JOINT_N_LIMITS; limit++) {
    double sum = 0;
    for (size_t d = 0; problem->cost[limit] != NULL && d < problem->n_designs; d++)
      sum += count[d] * instance->cost[limit][d];
    if (sum > problem->most[limit]) return false;
  }
  return true;
}

static bool as_platform(const struct instance *instance, uint32_t *count, struct joint_platform *platform) {
  const struct joint_problem *const problem = &instance->problem;
  *platform = (struct joint_platform){0};
  if (!within(instance, count)) return false;
  for (uint32_t d = 0; d < problem->n_designs; d++) {
    if (count[d] == 0) continue;
    if (platform->n_kinds == problem->most_kinds) return false;
    platform->design[platform->n_kinds] = d;
    platform->count[platform->n_kinds++] = count[d];
    platform->area_mm2 += count[d] * instance->cost[JOINT_AREA][d];
    count[d]++;
    const bool larger = within(instance, count);
    count[d]--;
    if (larger) return false;
  }
  return true;
}

static void judge(const struct instance *instance, struct joint_platform *platform, bool again) {
  const double makespan = map(instance, platform, again);
  double training = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    const double own = instance->training[platform->design[k]];
    training =
        own > 0 && (k == 0 || training > 0) ? training + (instance->problem.adds_up ? platform->count[k] : 1) * own : 0;
  }
  platform->makespan_cycles = makespan;
  platform->value = isfinite(makespan) ? joint_value(&instance->problem, training, makespan) : 0;
  platform->bound = platform->value;
}

static size_t reference(const struct instance *instance, size_t finalists, struct joint_platform *all, size_t *n_runs) {
  uint32_t count[MOST_DESIGNS] = {0};
  size_t n = 0;
  *n_runs = 0;
  for (uint64_t code = 1, end = (uint64_t)pow((double)N_COUNTS, (double)instance->problem.n_designs); code < end;
       code++) {
    uint64_t rest = code;
    for (size_t d = 0; d < instance->problem.n_designs; d++, rest /= N_COUNTS) count[d] = rest % N_COUNTS;
    if (!as_platform(instance, count, &all[n])) continue;
    judge(instance, &all[n], false);
    if (isfinite(all[n].makespan_cycles)) ++*n_runs;
    if (all[n].value > 0) n++;
    assert_true(n < MOST_ALL);
  }
  for (size_t i = 1; i < n; i++) {
    const struct joint_platform moved = all[i];
    size_t k = i;
    for (; k > 0 && joint_comes_before(&moved, &all[k - 1]); k--) all[k] = all[k - 1];
    all[k] = moved;
  }
  for (size_t i = 0; i < n && i < finalists; i++) judge(instance, &all[i], true);
  return n;
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

static void answer(struct instance *instance, struct joint_search *search) {
  for (;;) {
    struct joint_question question;
    joint_ask(search, &question);
    if (question.step == JOINT_DONE) return;
    assert_true(question.n > 0);
    for (size_t i = 0; i < question.n; i++) {
      if (question.step == JOINT_TRAIN) {
        assert_false(instance->trained[question.design[i]]);
        instance->n_asked++;
        joint_tell_training(search, question.design[i], instance->training[question.design[i]]);
        continue;
      }
      struct joint_platform *const platform = question.platform[i];
      assert_true(joint_is_trained(&instance->problem, platform) &&
                  (platform->training > 0 ? joint_fits : joint_is_maximal)(&instance->problem, platform));
      const double least = joint_least_cycles(&instance->problem, platform);
      if (question.step == JOINT_BOUND) {
        joint_tell_bound(search, platform, least);
      } else {
        const double makespan = map(instance, platform, question.step == JOINT_REFINE);
        assert_true(makespan >= least); /* the bound is one */
        joint_tell_map(search, platform, makespan, least);
      }
    }
  }
}

static struct joint_search *search(struct instance *instance, const struct joint_settings *settings,
                                   struct arena *arena) {
  struct joint_search *const search = joint_new(&instance->problem, settings, arena);
  answer(instance, search);
  return search;
}

static void finds_what_brute_force_finds(void **state) {
  (void)state;
  printf("seed %" PRIu64 "\n", seed);
  static struct joint_platform all[MOST_ALL];
  static struct instance instance;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  uint64_t n_beaten = 0, n_mapped = 0, n_some = 0, n_mixed = 0, n_untrained = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, i);
    draw_instance(&rng, &instance);
    const struct joint_settings settings = {
        .finalists = 1 + rng_below(&rng, 4), .most_sets = 1000000, .most_platforms = 10000};
    size_t n_runs;
    const size_t n = reference(&instance, settings.finalists, all, &n_runs);
    struct joint_search *const own = search(&instance, &settings, &arena);
    struct joint_platform **found;
    const size_t n_found = joint_found(own, &found);
    const struct joint_counts *const counts = joint_counts(own);
    assert_int_equal(counts->n_platforms, n_runs);
    assert_int_equal(counts->n_beaten + counts->n_mapped, counts->n_platforms);
    const struct joint_platform *best = n > 0 ? &all[0] : NULL;
    for (size_t k = 1; k < n && k < settings.finalists; k++) {
      if (joint_comes_before(&all[k], best)) best = &all[k];
    }
    /* Finalists that were not allowed as they were mapped first may be better than all: only bounds order these. */
    const bool others = n < settings.finalists && instance.problem.metric == JOINT_TRAINING;
    if (best == NULL) {
      assert_true(others || n_found == 0 || !(found[0]->value > 0));
    } else if (others && found[0]->value > best->value) {
      assert_true(found[0]->refined);
    } else {
      assert_true(n_found > 0 && !(found[0]->value < best->value) && !(found[0]->value > best->value));
      assert_int_equal(found[0]->n_kinds, best->n_kinds);
      assert_memory_equal(found[0]->design, best->design, best->n_kinds * sizeof *best->design);
      assert_memory_equal(found[0]->count, best->count, best->n_kinds * sizeof *best->count);
      n_some++, n_mixed += best->n_kinds > 1;
    }
    for (size_t k = 0; k < n; k++) assert_true(joint_bound_of_all(own) >= all[k].value);
    n_beaten += counts->n_beaten, n_mapped += counts->n_mapped;
    n_untrained += instance.problem.n_designs - instance.n_asked;
    arena_rewind(&arena, mark);
  }
  printf("%" PRIu64 " with an answer, %" PRIu64 " of several designs; %" PRIu64 " platforms mapped, %" PRIu64
         " out by bounds; %" PRIu64 " designs never trained\n",
         n_some, n_mixed, n_mapped, n_beaten, n_untrained);
  assert_true(n_some > N_CASES / 3 && n_mixed > 50 && n_beaten > n_mapped / 2 && n_untrained > 50);
  arena_release(&arena);
}

/* With `front` nothing is left out that would lie on it. */
static void finds_the_front(void **state) {
  (void)state;
  static struct joint_platform all[MOST_ALL];
  static struct instance instance;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  uint64_t n_beaten = 0, n_points = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, i);
    draw_instance(&rng, &instance);
    instance.problem.metric = JOINT_GEOMEAN;
    const struct joint_settings settings = {
        .finalists = 1, .most_sets = 1000000, .most_platforms = 10000, .front = true};
    size_t n_runs;
    const size_t n = reference(&instance, 0, all, &n_runs);
    struct joint_search *const own = search(&instance, &settings, &arena);
    struct joint_platform **found;
    const size_t n_found = joint_found(own, &found);
    n_beaten += joint_counts(own)->n_beaten;
    /* Every platform is covered by one of those found, as it was mapped first or better. */
    for (size_t k = 0; k < n; k++) {
      bool covered = false;
      for (size_t f = 0; f < n_found && !covered; f++) {
        covered = found[f]->on_front && found[f]->makespan_cycles <= all[k].makespan_cycles &&
                  joint_training(&instance.problem, found[f]) >= joint_training(&instance.problem, &all[k]);
      }
      assert_true(covered);
    }
    for (size_t f = 0; f < n_found; f++) n_points += found[f]->on_front;
    arena_rewind(&arena, mark);
  }
  printf("%" PRIu64 " points on fronts, %" PRIu64 " platforms out by bounds\n", n_points, n_beaten);
  assert_true(n_beaten > 500 && n_points > N_CASES);
  arena_release(&arena);
}

/* What is left out for want of room, or of evaluations, is counted, and its bound stays in the bound of all. */
static void says_what_is_left_out(void **state) {
  (void)state;
  static struct joint_platform all[MOST_ALL];
  static struct instance instance;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  uint64_t n_left_out = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, i);
    draw_instance(&rng, &instance);
    const struct joint_settings settings = {.finalists = 1, .most_sets = 1000000, .most_platforms = 1};
    size_t n_runs;
    const size_t n = reference(&instance, 1, all, &n_runs);
    struct joint_search *const own = joint_new(&instance.problem, &settings, &arena);
    if (rng_below(&rng, 2) == 0) {
      struct joint_question question;
      joint_ask(own, &question);
      joint_stop_training(own);
      joint_ask(own, &question);
      assert_int_equal(question.step, JOINT_DONE);
    } else {
      search(&instance, &settings, &arena);
      arena_rewind(&arena, mark);
      continue;
    }
    n_left_out += joint_counts(own)->n_left_out;
    for (size_t k = 0; k < n && joint_counts(own)->n_mixed[2] == 0; k++) {
      assert_true(joint_bound_of_all(own) >= all[k].value);
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_left_out > N_CASES / 4);
  arena_release(&arena);
}

/* Any designs, any counts within the limits, any training; system i. False: there is no room. */
static bool draw_offer(struct rng *rng, const struct instance *instance, size_t i, struct joint_platform *offer) {
  *offer = (struct joint_platform){.training = 1 + 40 * rng_unit(rng), .system = i};
  for (uint32_t d = 0; d < instance->problem.n_designs && offer->n_kinds < JOINT_MAX_KINDS; d++) {
    if (rng_below(rng, 2) == 0) continue;
    offer->design[offer->n_kinds] = d;
    offer->count[offer->n_kinds++] = 1 + (uint32_t)rng_below(rng, 2);
  }
  return offer->n_kinds > 0 && joint_fits(&instance->problem, offer);
}

/* Platforms that are offered are bounded, mapped and refined beside the listed ones, in whatever order they come; what
 * was found before is never lost. */
static void takes_what_is_offered(void **state) {
  enum { MOST_OFFERS = 12 };
  (void)state;
  static struct instance instance, copy;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  uint64_t n_won = 0, n_beaten = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, i);
    struct joint_platform offers[MOST_OFFERS], **found, **others;
    size_t n = 0;
    draw_instance(&rng, &instance);
    const struct joint_settings settings = {.finalists = 1 + rng_below(&rng, 4),
                                            .most_sets = 1000000,
                                            .most_platforms = 10000,
                                            .offers_alone = rng_below(&rng, 4) == 0};
    for (size_t k = 0; k < MOST_OFFERS; k++) n += draw_offer(&rng, &instance, k, &offers[n]);
    copy = instance;
    copy.problem.training = copy.hoped, copy.problem.trained = copy.trained;
    struct joint_search *const own = search(&instance, &settings, &arena), *const backwards = joint_new(
                                                                               &copy.problem, &settings, &arena);
    size_t n_found = joint_found(own, &found);
    const double before = n_found > 0 ? found[0]->value : 0;
    assert_true(!settings.offers_alone || (n_found == 0 && instance.n_asked == 0));
    for (size_t k = 0; k < n; k++) joint_offer(own, &offers[k]);
    for (size_t k = n; k > 0; k--) joint_offer(backwards, &offers[k - 1]);
    answer(&instance, own);
    answer(&copy, backwards);
    n_found = joint_found(own, &found);
    const size_t n_others = joint_found(backwards, &others);
    const struct joint_counts *const counts = joint_counts(own);
    assert_int_equal(counts->n_beaten + counts->n_mapped, counts->n_platforms);
    assert_true(n_found == 0 || !(found[0]->value < before));
    for (size_t k = 0; k < n; k++) {
      const double makespan = map(&instance, &offers[k], false);
      const double value = joint_value(&instance.problem, offers[k].training, makespan);
      if (!isfinite(makespan) || !(value > 0)) continue;
      assert_true(n_found > 0 && found[0]->value >= value && joint_bound_of_all(own) >= value);
      assert_true(n_others > 0 && others[0]->value >= value);
    }
    n_won += n_found > 0 && found[0]->training > 0, n_beaten += counts->n_beaten;
    arena_rewind(&arena, mark);
  }
  printf("%" PRIu64 " won by an offer, %" PRIu64 " platforms out by bounds\n", n_won, n_beaten);
  assert_true(n_won > N_CASES / 4 && n_won < N_CASES && n_beaten > 500);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_brute_force_finds),
      cmocka_unit_test(finds_the_front),
      cmocka_unit_test(says_what_is_left_out),
      cmocka_unit_test(takes_what_is_offered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* May a journal hold any words as a sweep's fold? Words that no fold gives are refused, or at least harm nobody.
 *
 * True folds of random spaces (tests/synthetic_space.h), corrupted by hand, each in one place that one condition of
 * sweep_check is there for, and at random. Left out: what libFuzzer finds (tests/fuzz/fuzz_sweep.c). */
#include "search/space/sweep.h"

#include "tests/sweep_words.h"
#include "tests/synthetic_space.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { MOST_POINTS = 900, TOP_K = 17 };

/* A whole space folded at once. */
struct folded {
  struct arena arena;
  struct synthetic *synthetic;
  struct sweep *sweep;
  size_t n; /* points */
};

static void fold_space(struct folded *folded, uint64_t task) {
  static const struct sweep_settings settings = {.block = MOST_POINTS, .prune = true, .front = true};
  arena_init(&folded->arena, 1 << 18);
  folded->synthetic = ARENA_NEW(&folded->arena, struct synthetic, 1);
  synthetic_draw(folded->synthetic, seed, task, MOST_POINTS);
  synthetic_draw_more(folded->synthetic, seed, task);
  const struct space *space = &folded->synthetic->space;
  const struct sweep_known known = {
      .topk = topk_new(&folded->arena, &space->objectives[space->metric], space->metric, TOP_K),
      .front = pareto_new(&folded->arena, space->objectives, space->n_front_objectives),
      .evaluated = point_set_new(&folded->arena)};
  folded->n = (size_t)space_size(space);
  folded->sweep = sweep_new(space, &settings, &known, TOP_K, &folded->arena);
  sweep_fold(folded->sweep, 0, folded->n);
}

/* The next space, from this task on, whose fold has records of both kinds and exclusions. */
static void fold_something(struct folded *folded, uint64_t *task) {
  for (;; (*task)++) {
    fold_space(folded, *task);
    struct sweep *sweep = folded->sweep;
    const bool has_records = topk_count(sweep_topk(sweep)) > 1 && pareto_count(sweep_front(sweep)) > 1;
    const bool has_room = folded->synthetic->space.n_axes > 1 && folded->synthetic->space.n_axes < POINT_MAX_AXES;
    if (has_records && has_room && sweep_counts(sweep)->exclusions.n[REASON_BUDGET] > 1) return;
    arena_release(&folded->arena);
  }
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

#define WORD_OF(member) (offsetof(struct sweep_counts, member) / sizeof(uint64_t))

static void other_words_are_refused(void **state) {
  (void)state;
  uint64_t task = 0;
  for (unsigned i = 0; i < 12; i++, task++) {
    struct folded folded;
    fold_something(&folded, &task);
    struct sweep *sweep = folded.sweep;
    const struct words words = packed(sweep, &folded.arena);
    const struct space *space = &folded.synthetic->space;
    const struct sweep_counts counts = *sweep_counts(sweep);
    const size_t n = folded.n, record = COUNT_WORDS + 2, score = record + POINT_MAX_AXES / 4;
    const size_t n_record = (words.n - record) / (words.at[COUNT_WORDS] + words.at[COUNT_WORDS + 1]);
    const uint64_t n_topk = words.at[COUNT_WORDS], n_front = words.at[COUNT_WORDS + 1];
    const double beyond = space->objectives[space->metric].maximise ? -1 : 1e300;
    const size_t last = space->n_axes - 1, unused = space->n_axes;
    const struct {
      const char *what;
      size_t at;
      uint64_t value;
      size_t also_at; /* 0: nowhere */
      uint64_t also_value;
    } cases[] = {
        {"more visited than there are", WORD_OF(visited), n + 1, 0, 0},
        {"fewer visited", WORD_OF(visited), n - 1, 0, 0},
        {"more allowed than parts", WORD_OF(allowed), counts.allowed + 1, 0, 0},
        {"fewer allowed than parts", WORD_OF(allowed), counts.allowed - 1, 0, 0},
        {"all of them known", WORD_OF(known), UINT64_MAX, 0, 0},
        {"one known too many", WORD_OF(known), counts.known + 1, 0, 0},
        {"one pruned too many", WORD_OF(pruned), counts.pruned + 1, 0, 0},
        {"one evaluated too many", WORD_OF(evaluated), counts.evaluated + 1, 0, 0},
        {"more feasible than evaluated", WORD_OF(feasible), counts.evaluated + 1, 0, 0},
        {"records of nothing", WORD_OF(feasible), 0, 0, 0},
        {"a reason too often", WORD_OF(reasons) + REASON_HOLE, counts.reasons[REASON_HOLE] + 1, 0, 0},
        {"more allowed than visited, in balance", WORD_OF(allowed), n + 1, WORD_OF(known),
         n + 1 - counts.pruned - counts.evaluated},
        {"known that wraps, in balance", WORD_OF(known), UINT64_MAX, WORD_OF(pruned), counts.pruned + counts.known + 1},
        {"pruned that wraps, in balance", WORD_OF(pruned), UINT64_MAX, WORD_OF(known),
         counts.pruned + counts.known + 1},
        {"a reason that wraps, in balance", WORD_OF(reasons) + REASON_HOLE, UINT64_MAX,
         WORD_OF(reasons) + REASON_BUDGET, counts.reasons[REASON_HOLE] + counts.reasons[REASON_BUDGET] + 1},
        {"a reason that wraps", WORD_OF(reasons) + REASON_HOLE, UINT64_MAX, 0, 0},
        {"more excluded than visited", WORD_OF(exclusions.n) + REASON_BUDGET, n + 1, 0, 0},
        {"more alone than excluded", WORD_OF(exclusions.alone) + REASON_MASS, counts.exclusions.n[REASON_MASS] + 1, 0,
         0},
        {"an excess that is no number", WORD_OF(exclusions.nearest) + REASON_MASS, bits_of((double)NAN), 0, 0},
        {"a longer list", COUNT_WORDS, n_topk + 1, 0, 0},
        {"a shorter list", COUNT_WORDS, n_topk - 1, 0, 0},
        {"a list beyond everything", COUNT_WORDS, UINT64_MAX, 0, 0},
        {"a longer front", COUNT_WORDS + 1, n_front + 1, 0, 0},
        {"a front that wraps", COUNT_WORDS + 1, n_front - (UINT64_C(1) << 63), 0, 0},
        {"a value beyond its axis", record + last / 4, (uint64_t)space->axes[last].n << 16 * (last % 4), 0, 0},
        {"a value on no axis", record + unused / 4, words.at[record + unused / 4] | UINT64_C(1) << 16 * (unused % 4), 0,
         0},
        {"the same in the last record", words.n - n_record + 3, UINT64_MAX, 0, 0},
        {"an objective that is no number", score, bits_of((double)NAN), 0, 0},
        {"an infinite objective", score + 1, bits_of((double)INFINITY), 0, 0},
        {"a negative objective", score, bits_of(-2385), 0, 0},
        {"a bound that is no number", score + SCORE_MAX_OBJECTIVES, bits_of((double)NAN), 0, 0},
        {"a bound that is beaten", score + SCORE_MAX_OBJECTIVES, bits_of(beyond), 0, 0},
        {"an unknown binding", score + SCORE_MAX_OBJECTIVES + 1, SYNTHETIC_BINDINGS, 0, 0},
        {"a binding beyond 16 bits", score + SCORE_MAX_OBJECTIVES + 1, UINT64_C(1) << 16, 0, 0},
    };
    assert_true(sweep_check(sweep, words.at, words.n, n));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
      const uint64_t before = words.at[cases[c].at], also_before = words.at[cases[c].also_at];
      if (cases[c].also_at > 0) words.at[cases[c].also_at] = cases[c].also_value;
      words.at[cases[c].at] = cases[c].value;
      if (before == cases[c].value || sweep_check(sweep, words.at, words.n, n)) fail_msg("%s", cases[c].what);
      if (cases[c].also_at > 0) words.at[cases[c].also_at] = also_before;
      words.at[cases[c].at] = before;
    }
    assert_true(sweep_check(sweep, words.at, words.n, n));
    arena_release(&folded.arena);
  }
}

static void other_lengths_are_refused(void **state) {
  (void)state;
  uint64_t task = 0;
  for (unsigned i = 0; i < 12; i++, task++) {
    struct folded folded;
    fold_something(&folded, &task);
    struct sweep *sweep = folded.sweep;
    const struct words words = packed(folded.sweep, &folded.arena);
    const uint64_t n_topk = words.at[COUNT_WORDS], n_front = words.at[COUNT_WORDS + 1];
    const size_t n = folded.n, n_record = (words.n - COUNT_WORDS - 2) / (n_topk + n_front);
    assert_false(sweep_check(sweep, words.at, words.n, n + 1));
    assert_false(sweep_check(sweep, words.at, words.n, n - 1));
    for (size_t cut = 0; cut < words.n; cut++) { /* on the heap: reading beyond is seen by the sanitizers */
      uint64_t *shorter = test_malloc(cut * sizeof *shorter);
      memcpy(shorter, words.at, cut * sizeof *shorter);
      assert_false(sweep_check(sweep, shorter, cut, n));
      test_free(shorter);
    }
    uint64_t *longer = ARENA_NEW(&folded.arena, uint64_t, words.n + 2 * n_record);
    memcpy(longer, words.at, words.n * sizeof *longer);
    for (size_t more = 1; more <= 2 * n_record; more++) {
      assert_false(sweep_check(sweep, longer, words.n + more, n));
    }
    /* Lengths that lie about each other. */
    longer[COUNT_WORDS] = UINT64_MAX;
    longer[COUNT_WORDS + 1] = n_topk + n_front + 1;
    assert_false(sweep_check(sweep, longer, words.n, n));
    arena_release(&folded.arena);
  }
}

static void corrupt(struct words words, size_t n_points, struct rng *rng) {
  const uint64_t odd[] = {0, 1, UINT64_MAX, n_points, bits_of(-1), bits_of((double)INFINITY), bits_of(0.5)};
  for (size_t n = 1 + rng_below(rng, 3); n > 0; n--) {
    const size_t at = rng_below(rng, words.n), from = rng_below(rng, words.n);
    switch (rng_below(rng, 5)) {
    case 0:
      words.at[at] ^= UINT64_C(1) << rng_below(rng, 64);
      break;
    case 1:
      words.at[at] = odd[rng_below(rng, sizeof odd / sizeof *odd)];
      break;
    case 2:
      words.at[at] = words.at[from];
      break;
    case 3: /* one more here, one less there: sums stay right */
      words.at[at]++;
      words.at[from]--;
      break;
    default: /* a low bit of a number behind the counters */
      if (at > COUNT_WORDS + 1) words.at[at] ^= rng_below(rng, 16);
    }
  }
}

/* Whatever passes may be false, but it harms nobody: it merges, and packs to words that pass and merge again. */
static void what_passes_the_check_can_be_merged(void **state) {
  (void)state;
  uint64_t n_passed = 0, n_refused = 0, task = 100;
  for (unsigned i = 0; i < 40; i++, task++) {
    struct folded folded;
    fold_something(&folded, &task);
    struct sweep *sweep = folded.sweep;
    const struct words words = packed(sweep, &folded.arena);
    const struct words good = packed(sweep, &folded.arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 14, i);
    struct arena scratch; /* the sweep may grow in its own */
    arena_init(&scratch, 1 << 16);
    for (unsigned repeat = 0; repeat < 2000; repeat++) {
      const struct arena_mark mark = arena_get_mark(&scratch);
      memcpy(words.at, good.at, good.n * sizeof *good.at);
      corrupt(words, folded.n, &rng);
      if (sweep_check(sweep, words.at, words.n, folded.n)) {
        n_passed++;
        sweep_clear(sweep);
        sweep_merge(sweep, words.at, words.n);
        const struct words first = packed(sweep, &scratch);
        assert_true(sweep_check(sweep, first.at, first.n, folded.n));
        sweep_clear(sweep);
        sweep_merge(sweep, first.at, first.n);
        check_same(packed(sweep, &scratch), first);
      } else {
        n_refused++;
      }
      arena_rewind(&scratch, mark);
    }
    arena_release(&scratch);
    arena_release(&folded.arena);
  }
  print_message("%" PRIu64 " passed, %" PRIu64 " refused\n", n_passed, n_refused);
  assert_true(n_refused > 10000 && n_passed > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_words_are_refused),
      cmocka_unit_test(other_lengths_are_refused),
      cmocka_unit_test(what_passes_the_check_can_be_merged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

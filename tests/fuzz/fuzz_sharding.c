/* Does any sharding problem, or any answer to it, break its readers or what follows them? What they accept is
 * evaluated and judged, and both must say the same; what they refuse, they say why.
 *
 * An input is the JSON with its tables inline and perhaps, each behind a line of two per cent signs, the sets and the
 * strategies of an answer.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_sharding.c
 * and the libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_fuzz_corpus.c. */
#include "search/sharding/sharding_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Problems and answers that were read, and those that were refused, so far. */
static struct { size_t accepted, refused, answers, refused_answers; } fuzz_sharding_seen;

/* Larger ones are read, but not evaluated: that takes a fuzzer's time. */
enum { FUZZ_MOST_WORK = 1 << 12 };

/* The first design of the first board on all of them that may carry it, first strategies everywhere. */
static struct sharding_answer fuzz_sharding_first(const struct sharding_problem *problem, struct arena *arena) {
  struct sharding_set *set = ARENA_NEW(arena, struct sharding_set, 1);
  uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards);
  set->design = problem->adaptive ? 0 : problem->boards[0].design;
  set->boards = boards, set->last = (uint32_t)problem->n_layers - 1;
  for (uint32_t g = 0; g < problem->n_groups; g++) {
    for (uint32_t b = 0; b < problem->n_boards; b++) {
      const bool fits = problem->adaptive || problem->boards[b].design == set->design;
      if (problem->board_group[b] == g && fits) boards[set->n_boards++] = b;
    }
  }
  struct sharding_answer answer = {1, set, ARENA_NEW(arena, struct sharding_strategy, problem->n_layers)};
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    const struct sharding_strategy *list;
    sharding_strategies(problem, l, set->n_boards, arena, &list);
    answer.strategies[l] = list[0];
  }
  return answer;
}

/* The judge says whether it is valid; if so, the evaluator says the same of time. */
static void fuzz_sharding_use(const struct sharding_problem *problem, struct sharding_claim claim,
                              struct arena *arena) {
  struct error error = {0};
  double truth_s = NAN;
  if (problem->n_boards * (problem->n_layers + problem->n_edges) > FUZZ_MOST_WORK) return;
  claim.start_s = claim.end_s = NULL;
  const bool fine = sharding_check(problem, &claim, arena, &truth_s, &error);
  if (fine == error_is_set(&error)) abort();
  if (!fine) return;
  const double ours_s = sharding_evaluate(problem, &claim.answer, arena, NULL);
  if (isfinite(truth_s) && !(fabs(ours_s - truth_s) <= 1e-6 * truth_s)) abort();
}

static void fuzz_sharding_read(const char *json, const char *sets, const char *strategies, struct arena *arena) {
  struct sharding_problem problem;
  struct sharding_claim claim = {0};
  struct error error = {0};
  const bool fine = sharding_parse("p.json", json, strlen(json), arena, &problem, &error);
  if (fine == error_is_set(&error)) abort();
  *(fine ? &fuzz_sharding_seen.accepted : &fuzz_sharding_seen.refused) += 1;
  if (!fine) return;
  if (problem.n_boards * problem.n_layers <= FUZZ_MOST_WORK) {
    claim.answer = fuzz_sharding_first(&problem, arena);
    fuzz_sharding_use(&problem, claim, arena);
  }
  if (sets == NULL || strategies == NULL) return;
  const bool read = sharding_parse_answer(&problem, sets, strategies, arena, &claim, &error);
  if (read == error_is_set(&error)) abort();
  *(read ? &fuzz_sharding_seen.answers : &fuzz_sharding_seen.refused_answers) += 1;
  if (read) fuzz_sharding_use(&problem, claim, arena);
}

/* Ends the text before the line; what stands behind it. */
static char *fuzz_sharding_cut(char *text) {
  static const char line[] = "\n%%\n";
  char *behind = text != NULL ? strstr(text, line) : NULL;
  if (behind == NULL) return NULL;
  *behind = '\0';
  return behind + strlen(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  char *text = arena_alloc(&arena, size + 1, 1);
  if (size > 0) memcpy(text, data, size);
  char *const sets = fuzz_sharding_cut(text), *const strategies = fuzz_sharding_cut(sets);
  fuzz_sharding_read(text, sets, strategies, &arena);
  arena_release(&arena);
  return 0;
}

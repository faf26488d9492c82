/* Does any placement problem, or any answer to it, break its readers or what follows them? What they accept is
 * evaluated, judged and written; what they refuse, they say why.
 *
 * An input is the JSON with its tables inline and perhaps, behind a line of two per cent signs, an answer.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_placement.c
 * and the libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_fuzz_corpus.c. */
#include "search/placement/placement_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Problems and answers that were read, and those that were refused, so far. */
static struct { size_t accepted, refused, answers, refused_answers; } fuzz_placement_seen;

/* All layers where they can run first, in topological order. */
static struct placement_answer fuzz_placement_first(const struct placement_problem *problem, struct arena *arena) {
  struct placement_answer answer = placement_answer_new(problem, arena);
  size_t n = 0;
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (size_t i = 0; i < problem->n_layers; i++) {
      const uint32_t l = problem->topological[i];
      bool here = placement_can_run(problem, l, d);
      for (size_t before = 0; before < d; before++) here = here && !placement_can_run(problem, l, before);
      if (here) answer.layer[n++] = l;
    }
    answer.start[d + 1] = (uint32_t)n;
  }
  return answer;
}

/* The evaluator and the judge agree on whether it is possible, and on how long it takes. */
static void fuzz_placement_use(const struct placement_problem *problem, struct placement_claim claim,
                               struct arena *arena) {
  struct error error = {0};
  struct placement_schedule ours = placement_schedule_new(problem, arena);
  struct placement_schedule truth = placement_schedule_new(problem, arena);
  const bool possible = isfinite(placement_evaluate(problem, &claim.answer, arena, &ours));
  claim.start_s = claim.end_s = NULL;
  const bool fine = placement_check(problem, &claim, arena, &truth, &error);
  if (fine == error_is_set(&error)) abort();
  if (possible && !fine) abort();
  if (possible && isfinite(truth.makespan_s) &&
      !(fabs(ours.makespan_s - truth.makespan_s) <= 1e-6 * truth.makespan_s)) {
    abort();
  }
}

static void fuzz_placement_read(char *json, size_t n_json, const char *table, size_t n_table, struct arena *arena) {
  struct placement_problem problem;
  struct placement_claim claim = {.makespan_s = NAN};
  struct error error = {0};
  const bool fine = placement_parse("p.json", json, n_json, arena, &problem, &error);
  if (fine == error_is_set(&error)) abort();
  *(fine ? &fuzz_placement_seen.accepted : &fuzz_placement_seen.refused) += 1;
  if (!fine) return;
  claim.answer = fuzz_placement_first(&problem, arena);
  placement_pin(&problem, arena, &claim.answer);
  fuzz_placement_use(&problem, claim, arena);
  if (table == NULL) return;
  const bool read = placement_parse_answer(&problem, "a.csv", table, n_table, arena, &claim, &error);
  if (read == error_is_set(&error)) abort();
  *(read ? &fuzz_placement_seen.answers : &fuzz_placement_seen.refused_answers) += 1;
  if (read) fuzz_placement_use(&problem, claim, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char line[] = "\n%%\n";
  struct arena arena;
  arena_init(&arena, 1 << 16);
  char *text = arena_alloc(&arena, size + 1, 1);
  if (size > 0) memcpy(text, data, size);
  char *behind = memmem(text, size, line, strlen(line));
  const size_t n = behind != NULL ? (size_t)(behind - text) : size;
  text[n] = 0;
  if (behind != NULL) behind += strlen(line);
  fuzz_placement_read(text, n, behind, behind != NULL ? size - n - strlen(line) : 0, &arena);
  arena_release(&arena);
  return 0;
}

/* Does any instance of multi-tenant mapping, or any answer to it, break its readers or what follows them? What they
 * accept is judged, by events and in closed form, under every rule of sharing, and solved if it is small; what they
 * refuse, they say why.
 *
 * An input is up to five texts with a line of two per cent signs between them: instance.json, jobs.csv, answers,
 * edges.csv, a trace of arrivals.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_tenancy.c and
 * the libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_fuzz_corpus.c. */
#include "search/tenancy/tenancy_online.h"
#include "search/tenancy/tenancy_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
  FUZZ_TENANCY_TEXTS = 5,
  FUZZ_TENANCY_NODES = 3000,
  FUZZ_TENANCY_SOLVED = 5,
  FUZZ_TENANCY_JUDGED = 8,
  FUZZ_TENANCY_RUN = 30
};

/* Instances and answers that were read, and those that were refused, so far. */
static struct { size_t accepted, refused, answers, refused_answers, traces, refused_traces; } fuzz_tenancy_seen;

struct fuzz_tenancy {
  struct arena arena;
  struct error error;
  struct tenancy_problem problem;
  struct tenancy_answers answers;
  struct tenancy_text texts[FUZZ_TENANCY_TEXTS];
  size_t n_texts;
};

static void fuzz_tenancy_split(struct fuzz_tenancy *fuzz, const uint8_t *data, size_t size) {
  static const char *const paths[] = {"instance.json", "jobs.csv", "answers", "edges.csv", "trace.csv"};
  static const char line[] = "\n%%\n";
  char *text = arena_alloc(&fuzz->arena, size + 1, 1), *end = text + size;
  if (size > 0) memcpy(text, data, size);
  while (fuzz->n_texts < FUZZ_TENANCY_TEXTS) {
    char *next = memmem(text, (size_t)(end - text), line, strlen(line));
    if (next == NULL || fuzz->n_texts + 1 == FUZZ_TENANCY_TEXTS) next = end;
    fuzz->texts[fuzz->n_texts] = (struct tenancy_text){paths[fuzz->n_texts], text, (size_t)(next - text)};
    fuzz->n_texts++;
    if (next == end) return;
    *next = 0;
    text = next + strlen(line);
  }
}

static tenancy_cost fuzz_tenancy_judge(struct fuzz_tenancy *fuzz, const struct tenancy_answer *answer) {
  const struct tenancy_problem *problem = &fuzz->problem;
  const tenancy_cost none = ~(tenancy_cost)0;
  struct error error = {0};
  struct tenancy_verdict verdict;
  const bool fine = tenancy_judge(problem, answer, &fuzz->arena, &verdict, &error);
  if (fine == error_is_set(&error)) abort();
  if (!fine) return none;
  if (!(verdict.makespan_cycles > 0) || !isfinite(verdict.makespan_cycles)) abort();
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (!(verdict.end_of[j] > 0) || !(verdict.start_of[j] >= 0)) abort();
  }
  struct tenancy_queues queues = tenancy_queues_new(problem, &fuzz->arena);
  tenancy_queue_up(problem, answer, &queues);
  const tenancy_cost cost = tenancy_evaluate(problem, &queues);
  if (cost < tenancy_load_cost(problem, &queues)) abort();
  const bool independent = problem->pred_start == NULL && problem->release_cycles == NULL;
  const bool precise = problem->scaled_bandwidth >> 32 != 0; /* needs may dwarf a tiny bandwidth */
  if (independent && precise && !(fabs(tenancy_cycles(problem, cost) / verdict.makespan_cycles - 1) < 1e-6)) abort();
  return independent ? cost : none;
}

static void fuzz_tenancy_use(struct fuzz_tenancy *fuzz) {
  const struct tenancy_problem *problem = &fuzz->problem;
  const bool small = problem->n_jobs <= FUZZ_TENANCY_SOLVED && problem->n_cores <= 4;
  struct tenancy_queues best = tenancy_queues_new(problem, &fuzz->arena);
  tenancy_cost least = 0;
  if (!small || !tenancy_exact(problem, FUZZ_TENANCY_NODES, &fuzz->arena, &best, &least)) least = 0;
  for (size_t i = 0; i < fuzz->answers.n && i < FUZZ_TENANCY_JUDGED; i++) {
    if (fuzz_tenancy_judge(fuzz, &fuzz->answers.answers[i]) < least) abort();
  }
}

/* What searches go by finds an end whenever the judge does. */
static void fuzz_tenancy_share(struct fuzz_tenancy *fuzz, const struct tenancy_answer *answer) {
  for (uint64_t rule = 0; rule < TENANCY_N_ALLOCATIONS * 2; rule++) {
    const struct tenancy_goal_settings settings = {.allocation = rule / 2, .queue = rule % 2};
    struct tenancy_problem problem = fuzz->problem;
    struct tenancy_goal *goal;
    struct tenancy_verdict verdict;
    struct error error = {0};
    double value[TENANCY_N_OBJECTIVES];
    if (!tenancy_goal_open(&problem, &settings, 0, &fuzz->arena, &goal, &error)) abort();
    struct tenancy_queues queues = tenancy_queues_new(&problem, &fuzz->arena);
    const bool fine = tenancy_goal_judge(goal, answer, &fuzz->arena, &verdict, value, &error);
    if (fine == error_is_set(&error)) abort();
    for (size_t j = 0; j < problem.n_jobs; j++) {
      if (answer->core[j] >= problem.n_cores || !tenancy_can_run(&problem, j, answer->core[j])) return;
    }
    tenancy_queue_up(&problem, answer, &queues);
    if (tenancy_schedule_run(goal->schedule, &queues) != fine) abort();
    if (fine && !(verdict.makespan_cycles > 0 && isfinite(verdict.makespan_cycles))) abort();
  }
}

static void fuzz_tenancy_arrive(struct fuzz_tenancy *fuzz) {
  struct tenancy_trace trace;
  struct error error = {0};
  const bool fine = tenancy_trace_parse(&fuzz->problem, &fuzz->texts[4], &fuzz->arena, &trace, &error);
  if (fine == error_is_set(&error)) abort();
  if (fine) fuzz_tenancy_seen.traces++;
  if (!fine) fuzz_tenancy_seen.refused_traces++;
  if (!fine || trace.jobs.n_jobs > FUZZ_TENANCY_RUN) return;
  const struct tenancy_online_settings settings = {.remap_samples = 12};
  struct tenancy_online online;
  if (!tenancy_run_online(&trace, &settings, &fuzz->arena, &online, &error)) abort();
  for (size_t a = 0; a < trace.n_arrivals; a++) {
    if (!(online.latency_cycles[a] >= 0) || !isfinite(online.latency_cycles[a])) abort();
  }
}

static void fuzz_tenancy_read(struct fuzz_tenancy *fuzz) {
  if (fuzz->n_texts < 2) return;
  const struct tenancy_text *edges = fuzz->n_texts > 3 ? &fuzz->texts[3] : NULL;
  const bool fine = tenancy_parse(&fuzz->texts[0], &fuzz->texts[1], edges, &fuzz->arena, &fuzz->problem, &fuzz->error);
  if (fine == error_is_set(&fuzz->error)) abort();
  if (fine) fuzz_tenancy_seen.accepted++;
  if (!fine) fuzz_tenancy_seen.refused++;
  if (!fine || fuzz->n_texts < 3) return;
  const bool read = tenancy_parse_answers(&fuzz->problem, &fuzz->texts[2], &fuzz->arena, &fuzz->answers, &fuzz->error);
  if (read == error_is_set(&fuzz->error)) abort();
  if (read) fuzz_tenancy_seen.answers++;
  if (!read) fuzz_tenancy_seen.refused_answers++;
  if (read) fuzz_tenancy_use(fuzz);
  for (size_t i = 0; read && i < fuzz->answers.n && i < 2; i++) fuzz_tenancy_share(fuzz, &fuzz->answers.answers[i]);
  if (fuzz->n_texts > 4) fuzz_tenancy_arrive(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct fuzz_tenancy fuzz;
  memset(&fuzz, 0, sizeof fuzz);
  arena_init(&fuzz.arena, 1 << 16);
  fuzz_tenancy_split(&fuzz, data, size);
  fuzz_tenancy_read(&fuzz);
  arena_release(&fuzz.arena);
  return 0;
}

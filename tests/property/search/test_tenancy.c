/* Do the closed form, the judge, the sort, the files and the exact search keep their word on any instance?
 *
 * Random instances with and without missing pairs, with ties of latency, needs of nothing, equal cores and equal jobs.
 * The closed form against the judge; the judge with dependencies and releases against a walk in steps of one cycle; the
 * exact search against every assignment in every order; what is written against what is read. */
#include "base/rng.h"
#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_read.h"
#include "tests/tenancy_every.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_JUDGED = 4000, N_WAITING = 1500, N_EXACT = 2500, N_LARGER = 6, N_WRITTEN = 60, N_SORTED = 300 };

struct kind {
  size_t n, n_cores;
  bool missing, ties, nothing, equal_cores, equal_jobs;
  bool alike; /* every other job is the same everywhere, the rest have one core each */
  uint64_t longest;
};

static struct kind draw_kind(struct rng *rng, size_t most_jobs, size_t most_cores) {
  return (struct kind){.n = 1 + rng_below(rng, most_jobs),
                       .n_cores = 1 + rng_below(rng, most_cores),
                       .missing = rng_below(rng, 2) == 0,
                       .ties = rng_below(rng, 2) == 0,
                       .nothing = rng_below(rng, 4) == 0,
                       .equal_cores = rng_below(rng, 3) == 0,
                       .equal_jobs = rng_below(rng, 3) == 0,
                       .longest = rng_below(rng, 2) == 0 ? 20 : 1000000};
}

static void draw(const struct kind *kind, struct rng *rng, struct arena *arena, struct tenancy_problem *problem) {
  const size_t n = kind->n, n_cores = kind->n_cores;
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(arena, double, n *n_cores);
  for (size_t j = 0; j < n; j++) {
    const size_t sure = rng_below(rng, n_cores);
    for (size_t c = 0; c < n_cores; c++) {
      const size_t at = j * n_cores + c;
      if (kind->equal_jobs && j > 0 && j % 3 != 0) {
        latency[at] = latency[at - n_cores], need[at] = need[at - n_cores];
      } else if (kind->alike && j % 2 != 0 && c != sure) {
        continue;
      } else if (kind->alike && j % 2 == 0 && c > 0) {
        latency[at] = latency[at - 1], need[at] = need[at - 1];
      } else if (kind->equal_cores && c > 0 && c % 2 != 0) {
        latency[at] = latency[at - 1], need[at] = need[at - 1];
      } else if (!kind->missing || c == sure || rng_below(rng, 4) > 0) {
        latency[at] = 1 + rng_below(rng, kind->ties ? 4 : kind->longest);
        need[at] = kind->ties ? (double)(1 + rng_below(rng, 5)) : 0.01 + 6 * rng_unit(rng);
        if (kind->nothing && rng_below(rng, 3) == 0) need[at] = 0;
      }
    }
    bool can_run = false;
    for (size_t c = 0; c < n_cores; c++) can_run = can_run || latency[j * n_cores + c] > 0;
    if (!can_run) latency[j * n_cores + sure] = 7, need[j * n_cores + sure] = 1.25;
  }
  static const double bandwidths[] = {0.001, 1, 1.5, 4, 7.25, 1000};
  *problem = (struct tenancy_problem){.name = "drawn",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = bandwidths[rng_below(rng, 6)],
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
}

static void finish(struct tenancy_problem *problem, struct arena *arena) {
  struct error error = {0};
  if (!tenancy_finish(problem, arena, &error)) fail_msg("%s", error.text);
}

static struct tenancy_answer draw_answer(const struct tenancy_problem *problem, struct rng *rng, struct arena *arena) {
  struct tenancy_answer answer = tenancy_answer_new(problem, arena);
  const bool ties = rng_below(rng, 3) == 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    do {
      answer.core[j] = (uint32_t)rng_below(rng, problem->n_cores);
    } while (!tenancy_can_run(problem, j, answer.core[j]));
    answer.priority[j] = ties ? (double)rng_below(rng, 3) - 1 : 2 * rng_unit(rng) - 1;
    if (answer.priority[j] == 0 && rng_below(rng, 2) == 0) answer.priority[j] = -0.0;
  }
  return answer;
}

static void judge(const struct tenancy_problem *problem, const struct tenancy_answer *answer, struct arena *arena,
                  struct tenancy_verdict *verdict) {
  struct error error = {0};
  if (!tenancy_judge(problem, answer, arena, verdict, &error)) fail_msg("%s", error.text);
}

static void test_closed_form(void **state) {
  (void)state;
  double worst = 0;
  size_t n_closed = 0;
  for (uint64_t task = 0; task < N_JUDGED; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    const struct kind kind = draw_kind(&rng, task % 50 == 0 ? 700 : 40, task % 20 == 0 ? TENANCY_MAX_CORES : 20);
    struct tenancy_problem problem;
    draw(&kind, &rng, &arena, &problem);
    finish(&problem, &arena);
    const struct tenancy_answer answer = draw_answer(&problem, &rng, &arena);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    tenancy_queue_up(&problem, &answer, &queues);
    const tenancy_cost cost = tenancy_evaluate(&problem, &queues);
    struct tenancy_verdict verdict;
    judge(&problem, &answer, &arena, &verdict);
    const double off = fabs(tenancy_cycles(&problem, cost) / verdict.makespan_cycles - 1);
    worst = off > worst ? off : worst;
    n_closed += verdict.closed_form;
    if (!(off < 1e-9)) fail_msg("task %" PRIu64 ": closed form and judge differ by %g", task, off);
    assert_true(cost >= tenancy_load_cost(&problem, &queues));
    assert_true(verdict.core_util > 0 && verdict.core_util <= 1 + 1e-9);
    assert_true(verdict.bw_util > -1e-9 && verdict.bw_util <= 1 + 1e-9);
    /* The same answer by places in the queue has the same queues. */
    struct tenancy_answer again = tenancy_answer_new(&problem, &arena);
    struct tenancy_queues twice = tenancy_queues_new(&problem, &arena);
    tenancy_write_down(&problem, &queues, &again);
    tenancy_queue_up(&problem, &again, &twice);
    assert_int_equal(tenancy_compare(&problem, &queues, &twice), 0);
    arena_release(&arena);
  }
  print_message("largest difference of closed form and judge %g, %zu of %d without bytes\n", worst, n_closed, N_JUDGED);
  assert_in_range(n_closed, N_JUDGED / 20, N_JUDGED / 2);
}

/* --- the sort -------------------------------------------------------------------------------------------------------
 */

static const double *sort_key;
static int by_priority(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  if (sort_key[x] < sort_key[y]) return -1;
  if (sort_key[x] > sort_key[y]) return 1;
  return x < y ? -1 : x > y;
}

/* Up to 3000 jobs on a core: every way of sorting has its turn. */
static void test_sort(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_SORTED; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    const struct kind kind = {
        .n = 1 + rng_below(&rng, task % 4 == 0 ? 3000 : 150), .n_cores = 1 + rng_below(&rng, 3), .longest = 9};
    struct tenancy_problem problem;
    draw(&kind, &rng, &arena, &problem);
    finish(&problem, &arena);
    const struct tenancy_answer answer = draw_answer(&problem, &rng, &arena);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    tenancy_queue_up(&problem, &answer, &queues);
    sort_key = answer.priority;
    uint32_t *jobs = ARENA_NEW(&arena, uint32_t, kind.n);
    size_t at = 0;
    for (size_t c = 0; c < kind.n_cores; c++) {
      size_t n = 0;
      for (uint32_t j = 0; j < kind.n; j++) {
        if (answer.core[j] == c) jobs[n++] = j;
      }
      qsort(jobs, n, sizeof *jobs, by_priority);
      assert_int_equal(queues.start[c], at);
      assert_memory_equal(queues.job + at, jobs, n * sizeof *jobs);
      at += n;
    }
    assert_int_equal(queues.start[kind.n_cores], kind.n);
    arena_release(&arena);
  }
}

/* --- dependencies and releases --------------------------------------------------------------------------------------
 */

static void add_order(struct rng *rng, struct arena *arena, struct tenancy_problem *problem) {
  const size_t n = problem->n_jobs;
  uint32_t *pred_start = ARENA_NEW(arena, uint32_t, n + 1), *preds = ARENA_NEW(arena, uint32_t, n * n), n_preds = 0;
  uint32_t *rank = ARENA_NEW(arena, uint32_t, n); /* a hidden order that is not that of numbers */
  for (size_t j = 0; j < n; j++) rank[j] = (uint32_t)rng_below(rng, 1000);
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t p = 0; p < n; p++) {
      if (rank[p] < rank[j] && rng_below(rng, n) < 2) preds[n_preds++] = p;
    }
    pred_start[j + 1] = n_preds;
  }
  problem->pred_start = pred_start;
  problem->preds = preds;
}

/* Unit steps of virtual time; where R ≤ B throughout (B = 1000) that is real time, and releases hold as well. */
static uint64_t walk(const struct tenancy_problem *problem, const struct tenancy_answer *answer, uint64_t *start_of,
                     uint64_t *end_of, double *makespan) {
  const size_t n = problem->n_jobs;
  uint64_t left[64] = {0};
  bool started[64] = {0}, ended[64] = {0};
  size_t n_ended = 0;
  uint64_t now = 0;
  int running[TENANCY_MAX_CORES];
  memset(running, -1, sizeof running);
  *makespan = 0;
  while (n_ended < n) {
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (running[c] >= 0) continue;
      int best = -1;
      for (size_t j = 0; j < n; j++) {
        bool ready = !started[j] && answer->core[j] == c;
        ready = ready && (problem->release_cycles == NULL || problem->release_cycles[j] <= now);
        for (uint32_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
          ready = ready && ended[problem->preds[e]];
        }
        if (ready && (best < 0 || answer->priority[j] < answer->priority[best])) best = (int)j;
      }
      if (best < 0) continue;
      running[c] = best, started[best] = true, start_of[best] = now;
      left[best] = problem->latency_cycles[tenancy_at(problem, (size_t)best, c)];
    }
    double required = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (running[c] >= 0) required += problem->bytes_per_cycle[tenancy_at(problem, (size_t)running[c], c)];
    }
    *makespan += fmax(1, required / problem->bandwidth_bytes_per_cycle);
    now++;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (running[c] < 0 || --left[running[c]] > 0) continue;
      ended[running[c]] = true, end_of[running[c]] = now, running[c] = -1, n_ended++;
    }
  }
  return now;
}

static void test_waiting(void **state) {
  (void)state;
  size_t n_idle = 0;
  for (uint64_t task = 0; task < N_WAITING; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, task);
    struct kind kind = draw_kind(&rng, 30, 5);
    kind.longest = 20;
    struct tenancy_problem problem;
    draw(&kind, &rng, &arena, &problem);
    add_order(&rng, &arena, &problem);
    if (task % 2 == 0) { /* with releases only where virtual time is real time */
      problem.bandwidth_bytes_per_cycle = 1000;
      uint64_t *release = ARENA_NEW(&arena, uint64_t, kind.n);
      for (size_t j = 0; j < kind.n; j++) release[j] = rng_below(&rng, 3) == 0 ? 0 : rng_below(&rng, 100);
      problem.release_cycles = release;
    }
    finish(&problem, &arena);
    const struct tenancy_answer answer = draw_answer(&problem, &rng, &arena);
    struct tenancy_verdict verdict;
    judge(&problem, &answer, &arena, &verdict);
    uint64_t start_of[64], end_of[64];
    double makespan;
    const uint64_t last = walk(&problem, &answer, start_of, end_of, &makespan);
    if (!(fabs(verdict.makespan_cycles / makespan - 1) < 1e-9)) {
      fail_msg("task %" PRIu64 ": %.17g, in steps %.17g", task, verdict.makespan_cycles, makespan);
    }
    const bool real = problem.bandwidth_bytes_per_cycle >= 1000;
    for (size_t j = 0; j < kind.n && real; j++) {
      assert_true(fabs(verdict.start_of[j] - (double)start_of[j]) < 1e-6);
      assert_true(fabs(verdict.end_of[j] - (double)end_of[j]) < 1e-6);
    }
    n_idle += real && verdict.core_util < 1;
    assert_true(last > 0);
    arena_release(&arena);
  }
  assert_true(n_idle > N_WAITING / 4);
}

/* --- exact ----------------------------------------------------------------------------------------------------------
 */

struct brute {
  struct tenancy_every every;
  tenancy_cost best;
};

static void take_answer(void *context) {
  struct brute *const brute = context;
  const tenancy_cost cost = tenancy_evaluate(brute->every.problem, &brute->every.queues);
  if (cost < brute->best) brute->best = cost;
}

static tenancy_cost best_of_all(const struct tenancy_problem *problem, struct arena *arena) {
  struct brute brute = {
      .every = {.problem = problem, .queues = tenancy_queues_new(problem, arena), .take = take_answer},
      .best = ~(tenancy_cost)0};
  brute.every.context = &brute;
  tenancy_every_answer(&brute.every, 0);
  return brute.best;
}

static void test_exact(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_EXACT; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, task);
    struct kind kind = draw_kind(&rng, task % 8 == 0 ? 6 : 5, 3);
    kind.longest = 30;
    kind.alike = task % 2 == 0; /* unlike cores in states that look the same */
    kind.equal_jobs = kind.equal_jobs && !kind.alike;
    struct tenancy_problem problem;
    draw(&kind, &rng, &arena, &problem);
    finish(&problem, &arena);
    const tenancy_cost least = best_of_all(&problem, &arena);
    struct tenancy_queues best = tenancy_queues_new(&problem, &arena);
    tenancy_cost cost;
    assert_true(tenancy_exact(&problem, 1000000, &arena, &best, &cost));
    if (cost != least) {
      fail_msg("task %" PRIu64 ": exact %.17g, every answer %.17g", task, tenancy_cycles(&problem, cost),
               tenancy_cycles(&problem, least));
    }
    assert_true(tenancy_evaluate(&problem, &best) == cost);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    tenancy_write_down(&problem, &best, &answer);
    struct tenancy_verdict verdict;
    judge(&problem, &answer, &arena, &verdict);
    assert_true(fabs(tenancy_cycles(&problem, cost) / verdict.makespan_cycles - 1) < 1e-9);
    arena_release(&arena);
  }
}

/* Twelve jobs on four cores: no random answer is better, and too few nodes prove nothing. */
static void test_exact_larger(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_LARGER; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 5, task);
    const struct kind kind = {.n = 12,
                              .n_cores = 4,
                              .missing = task % 2 == 0,
                              .equal_cores = task % 3 == 0,
                              .equal_jobs = task > 2,
                              .longest = 100};
    struct tenancy_problem problem;
    draw(&kind, &rng, &arena, &problem);
    finish(&problem, &arena);
    struct tenancy_queues best = tenancy_queues_new(&problem, &arena);
    tenancy_cost cost, unproven;
    const bool proven = tenancy_exact(&problem, 2000000, &arena, &best, &cost);
    print_message("task %" PRIu64 ": %s, %.17g cycles, %zu kinds of core, %zu kinds of job\n", task,
                  proven ? "proven" : "not proven", tenancy_cycles(&problem, cost), problem.n_groups,
                  problem.n_classes);
    assert_true(tenancy_evaluate(&problem, &best) == cost);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    for (size_t i = 0; i < 20000 && proven; i++) {
      const struct arena_mark mark = arena_get_mark(&arena);
      const struct tenancy_answer answer = draw_answer(&problem, &rng, &arena);
      tenancy_queue_up(&problem, &answer, &queues);
      assert_true(tenancy_evaluate(&problem, &queues) >= cost);
      arena_rewind(&arena, mark);
    }
    assert_false(tenancy_exact(&problem, 5, &arena, &best, &unproven));
    assert_true(unproven >= cost && tenancy_evaluate(&problem, &best) == unproven);
    arena_release(&arena);
  }
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static void add_everything(struct rng *rng, struct arena *arena, struct tenancy_problem *problem) {
  const size_t n = problem->n_jobs, n_pairs = n * problem->n_cores;
  double *energy = ARENA_NEW(arena, double, n_pairs), *weight = ARENA_NEW(arena, double, n);
  uint64_t *macs = ARENA_NEW(arena, uint64_t, n), *arrival = ARENA_NEW(arena, uint64_t, n),
           *release = ARENA_NEW(arena, uint64_t, n), *deadline = ARENA_NEW(arena, uint64_t, n),
           *pes = ARENA_NEW(arena, uint64_t, problem->n_cores);
  uint32_t *tenant = ARENA_NEW(arena, uint32_t, n);
  const char **styles = ARENA_NEW(arena, const char *, problem->n_cores);
  static const char *const tenants[] = {"vision, mostly", "\"language\"", ""};
  for (size_t i = 0; i < n_pairs; i++) energy[i] = problem->latency_cycles[i] > 0 ? 100 * rng_unit(rng) / 3 : 0;
  for (size_t j = 0; j < n; j++) {
    macs[j] = rng_below(rng, UINT64_C(1) << 60), arrival[j] = rng_below(rng, 500);
    release[j] = rng_below(rng, 50), weight[j] = 0.1 + rng_unit(rng);
    deadline[j] = rng_below(rng, 2) == 0 ? UINT64_MAX : rng_below(rng, 5000);
    tenant[j] = (uint32_t)(j % 3);
  }
  for (size_t c = 0; c < problem->n_cores; c++) styles[c] = c % 2 == 0 ? "dla" : "shi \"x\"", pes[c] = 64 * (c + 1);
  problem->energy_nj = energy, problem->weight = weight, problem->macs = macs, problem->arrival = arrival;
  problem->release_cycles = release, problem->deadline_cycles = deadline, problem->tenant = tenant;
  problem->n_tenants = n < 3 ? n : 3, problem->tenants = tenants;
  problem->core_styles = styles, problem->core_pes = pes;
  add_order(rng, arena, problem);
}

#define ASSERT_SAME(member, n)                                                                                         \
  do {                                                                                                                 \
    assert_int_equal(a->member == NULL, b->member == NULL);                                                            \
    if (a->member != NULL) assert_memory_equal(a->member, b->member, (n) * sizeof *a->member);                         \
  } while (0)

static void assert_equal(const struct tenancy_problem *a, const struct tenancy_problem *b) {
  const size_t n = a->n_jobs, n_cores = a->n_cores;
  assert_string_equal(a->name, b->name);
  assert_int_equal(n, b->n_jobs);
  assert_int_equal(n_cores, b->n_cores);
  assert_memory_equal(&a->bandwidth_bytes_per_cycle, &b->bandwidth_bytes_per_cycle, sizeof(double));
  ASSERT_SAME(latency_cycles, n * n_cores);
  ASSERT_SAME(bytes_per_cycle, n * n_cores);
  ASSERT_SAME(energy_nj, n * n_cores);
  ASSERT_SAME(macs, n);
  ASSERT_SAME(arrival, n);
  ASSERT_SAME(release_cycles, n);
  ASSERT_SAME(deadline_cycles, n);
  ASSERT_SAME(weight, n);
  ASSERT_SAME(tenant, n);
  ASSERT_SAME(core_pes, n_cores);
  ASSERT_SAME(scaled, n * n_cores);
  ASSERT_SAME(runs, n * n_cores);
  ASSERT_SAME(class_of, n);
  assert_int_equal(a->n_tenants, b->n_tenants);
  for (size_t t = 0; t < a->n_tenants; t++) assert_string_equal(a->tenants[t], b->tenants[t]);
  for (size_t c = 0; c < n_cores && a->core_styles != NULL; c++) {
    assert_string_equal(a->core_styles[c], b->core_styles[c]);
  }
  const bool ordered = a->pred_start != NULL && a->pred_start[n] > 0;
  assert_int_equal(ordered, b->pred_start != NULL);
  if (!ordered) return;
  ASSERT_SAME(pred_start, n + 1);
  ASSERT_SAME(preds, a->pred_start[n]);
}

static void test_written(void **state) {
  (void)state;
  char folder[] = "/tmp/tenancy-XXXXXX";
  assert_non_null(mkdtemp(folder));
  for (uint64_t task = 0; task < N_WRITTEN; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 6, task);
    const struct kind kind = draw_kind(&rng, 40, 9);
    struct tenancy_problem problem, again;
    struct error error = {0};
    draw(&kind, &rng, &arena, &problem);
    problem.name = task % 5 == 0 ? "odd \"name\", ü" : "plain";
    if (task % 3 > 0) add_everything(&rng, &arena, &problem);
    finish(&problem, &arena);
    if (!tenancy_write(&problem, folder, &arena, &error) || !tenancy_read(folder, &arena, &again, &error)) {
      fail_msg("task %" PRIu64 ": %s", task, error.text);
    }
    assert_equal(&problem, &again);
    arena_release(&arena);
  }
  static const char *const files[] = {"instance.json", "jobs.csv", "edges.csv"};
  for (size_t i = 0; i < 3; i++) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    assert_int_equal(unlink(path), 0);
  }
  assert_int_equal(rmdir(folder), 0);
}

int main(void) {
  print_message("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_closed_form),  cmocka_unit_test(test_sort),
                                     cmocka_unit_test(test_waiting),      cmocka_unit_test(test_exact),
                                     cmocka_unit_test(test_exact_larger), cmocka_unit_test(test_written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rolling re-mapping of jobs that arrive. See tenancy_online.h; traces are read in tenancy_trace.c.
 *
 * Between two re-mappings time passes in an exact schedule of the jobs that are mapped (tenancy_schedule.h), which is
 * stopped there: what has ended is done, what runs keeps what is left of it to the last bit. A re-mapping sees a
 * problem of its own: what runs, with its cycles left rounded up, and what waits. */
#include "search/tenancy/tenancy_online.h"

#include "base/checked.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/genome.h"
#include <math.h>
#include <string.h>

enum job_state { TO_COME, WAITS, RUNS, ENDED };

struct rolling {
  const struct tenancy_trace *trace;
  const struct tenancy_problem *all; /* the trace's jobs */
  const struct tenancy_online_settings *settings;
  struct tenancy_online *online;
  enum job_state *state; /* [jobs] */
  uint32_t *core;        /* of the last answer */
  double *priority;      /* likewise; who has come since has more than any */
  uint32_t running[TENANCY_MAX_CORES];
  double left[TENANCY_MAX_CORES]; /* cycles of it; 0: the core is idle */
  size_t n_come, n_ended, n_starts;
  double now;
};

/* What a re-mapping sees. */
struct view {
  struct tenancy_problem problem;
  struct tenancy_goal *goal;
  uint32_t *job_of, *number_of; /* of the trace; by trace, of those in view */
  uint32_t first[TENANCY_MAX_CORES];
  struct tenancy_answer answer;
};

/* --- a view ---------------------------------------------------------------------------------------------------------
 */

struct columns {
  uint64_t *latency, *deadline, *macs;
  double *need, *energy, *weight;
};

static void view_job(const struct rolling *rolling, const struct view *view, const struct columns *columns, size_t to) {
  const struct tenancy_problem *all = rolling->all;
  const uint32_t job = view->job_of[to];
  const bool runs = rolling->state[job] == RUNS;
  for (size_t c = 0; c < all->n_cores; c++) {
    const size_t from = tenancy_at(all, job, c), at = to * all->n_cores + c;
    if (runs && rolling->core[job] != c) continue;
    columns->latency[at] = runs ? max_u64(1, (uint64_t)ceil(rolling->left[c])) : all->latency_cycles[from];
    columns->need[at] = all->bytes_per_cycle[from];
    if (all->energy_nj != NULL) columns->energy[at] = all->energy_nj[from];
  }
  if (all->macs != NULL) columns->macs[to] = all->macs[job];
  columns->weight[to] = all->weight == NULL ? 1 : all->weight[job];
  if (all->deadline_cycles == NULL) return;
  const uint64_t due = all->deadline_cycles[job], now = (uint64_t)rolling->now;
  columns->deadline[to] = due == UINT64_MAX ? due : due > now ? due - now : 0;
}

static void view_edges(const struct rolling *rolling, struct view *view, struct arena *arena) {
  const struct tenancy_problem *all = rolling->all;
  if (all->pred_start == NULL) return;
  const size_t n = view->problem.n_jobs;
  size_t most = 0;
  for (size_t i = 0; i < n; i++) most += all->pred_start[view->job_of[i] + 1] - all->pred_start[view->job_of[i]];
  uint32_t *start = ARENA_NEW(arena, uint32_t, n + 1), *preds = ARENA_NEW(arena, uint32_t, most), n_preds = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t job = view->job_of[i];
    for (uint32_t e = all->pred_start[job]; e < all->pred_start[job + 1] && rolling->state[job] == WAITS; e++) {
      if (rolling->state[all->preds[e]] != ENDED) preds[n_preds++] = view->number_of[all->preds[e]];
    }
    start[i + 1] = n_preds;
  }
  if (n_preds > 0) view->problem.pred_start = start, view->problem.preds = preds;
}

/* The last answer, and what is new behind it on the core that it can run on soonest by itself. */
static void view_answer(const struct rolling *rolling, struct view *view) {
  const struct tenancy_problem *problem = &view->problem;
  double load[TENANCY_MAX_CORES] = {0};
  for (size_t i = 0; i < problem->n_jobs; i++) {
    const uint32_t job = view->job_of[i], core = rolling->core[job];
    if (core == UINT32_MAX) continue;
    view->answer.core[i] = core, view->answer.priority[i] = rolling->priority[job];
    load[core] += (double)problem->latency_cycles[tenancy_at(problem, i, core)];
  }
  for (size_t i = 0; i < problem->n_jobs; i++) {
    if (rolling->core[view->job_of[i]] != UINT32_MAX) continue;
    size_t best = problem->n_cores;
    double least = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      const double end = load[c] + (double)problem->latency_cycles[tenancy_at(problem, i, c)];
      if (!tenancy_can_run(problem, i, c) || (best < problem->n_cores && end >= least)) continue;
      best = c, least = end;
    }
    view->answer.core[i] = (uint32_t)best, view->answer.priority[i] = (double)(rolling->all->n_jobs + i);
    load[best] = least;
  }
}

static bool open_view(const struct rolling *rolling, struct view *view, struct arena *arena, struct error *error) {
  const struct tenancy_problem *all = rolling->all;
  *view = (struct view){.job_of = ARENA_NEW(arena, uint32_t, all->n_jobs),
                        .number_of = ARENA_NEW(arena, uint32_t, all->n_jobs)};
  size_t n = 0;
  for (uint32_t j = 0; j < rolling->n_come; j++) {
    if (rolling->state[j] == ENDED) continue;
    view->number_of[j] = (uint32_t)n, view->job_of[n++] = j;
  }
  const size_t n_pairs = n * all->n_cores;
  const struct columns columns = {ARENA_NEW(arena, uint64_t, n_pairs), ARENA_NEW(arena, uint64_t, n),
                                  ARENA_NEW(arena, uint64_t, n),       ARENA_NEW(arena, double, n_pairs),
                                  ARENA_NEW(arena, double, n_pairs),   ARENA_NEW(arena, double, n)};
  for (size_t i = 0; i < n; i++) view_job(rolling, view, &columns, i);
  view->problem = (struct tenancy_problem){.name = all->name,
                                           .n_jobs = n,
                                           .n_cores = all->n_cores,
                                           .bandwidth_bytes_per_cycle = all->bandwidth_bytes_per_cycle,
                                           .latency_cycles = columns.latency,
                                           .bytes_per_cycle = columns.need,
                                           .energy_nj = all->energy_nj != NULL ? columns.energy : NULL,
                                           .macs = all->macs != NULL ? columns.macs : NULL,
                                           .deadline_cycles = all->deadline_cycles != NULL ? columns.deadline : NULL,
                                           .weight = columns.weight};
  view_edges(rolling, view, arena);
  for (size_t c = 0; c < all->n_cores; c++) {
    view->first[c] = rolling->left[c] > 0 ? view->number_of[rolling->running[c]] : UINT32_MAX;
  }
  if (!tenancy_finish(&view->problem, arena, error) ||
      !tenancy_goal_open(&view->problem, &rolling->settings->goal, 0, arena, &view->goal, error)) {
    return false;
  }
  view->answer = tenancy_answer_new(&view->problem, arena);
  view_answer(rolling, view);
  return true;
}

/* --- time passes ----------------------------------------------------------------------------------------------------
 */

static void remap(struct rolling *rolling, struct view *view, struct arena *arena) {
  struct tenancy_online *online = rolling->online;
  const struct anneal_full_search search = {.problem = &view->problem,
                                            .first = view->first,
                                            .samples = rolling->settings->remap_samples,
                                            .seed = rolling->settings->seed + online->n_remaps};
  uint64_t n_samples = 0;
  anneal_full_again(&search, &view->answer, arena, &n_samples);
  online->n_remaps++, online->n_samples += n_samples;
  online->most_samples = max_u64(online->most_samples, n_samples);
  for (size_t i = 0; i < view->problem.n_jobs; i++) {
    rolling->core[view->job_of[i]] = view->answer.core[i];
    rolling->priority[view->job_of[i]] = view->answer.priority[i];
  }
}

static void note_start(struct rolling *rolling, uint32_t job, double start) {
  if (rolling->state[job] != WAITS) return;
  rolling->online->start_cycles[job] = start;
  rolling->n_starts++;
}

/* Up to `stop`, or until all that has come has ended. */
static void pass(struct rolling *rolling, const struct view *view, double stop, struct arena *arena) {
  const struct tenancy_problem *problem = &view->problem;
  struct tenancy_queues queues = tenancy_queues_new(problem, arena);
  struct tenancy_schedule schedule;
  struct tenancy_problem plain = *problem;
  plain.goal = NULL;
  tenancy_schedule_init(&schedule, &plain, arena);
  schedule.real_time = true, schedule.stop_cycles = stop - rolling->now, schedule.left_first = rolling->left;
  for (size_t i = 0; i < problem->n_jobs; i++) schedule.end_cycles[i] = INFINITY;
  tenancy_queue_up(problem, &view->answer, &queues);
  tenancy_schedule_run(&schedule, &queues);
  const double from = rolling->now;
  for (size_t i = 0; i < problem->n_jobs; i++) {
    if (!isfinite(schedule.end_cycles[i])) continue;
    const uint32_t job = view->job_of[i];
    note_start(rolling, job, from + schedule.start_cycles[i]);
    rolling->online->end_cycles[job] = from + schedule.end_cycles[i];
    rolling->state[job] = ENDED;
    rolling->n_ended++;
  }
  for (size_t c = 0; c < problem->n_cores; c++) {
    rolling->left[c] = 0;
    if (!schedule.live[c]) continue;
    const uint32_t job = view->job_of[schedule.job[c]];
    note_start(rolling, job, from + schedule.start_cycles[schedule.job[c]]);
    rolling->state[job] = RUNS;
    rolling->running[c] = job, rolling->left[c] = schedule.left[c];
  }
  rolling->now = stop;
}

/* When the next jobs are mapped: at their arrival, or at the first multiple of the period from there on. */
static double next_remap(const struct rolling *rolling) {
  if (rolling->n_come == rolling->all->n_jobs) return INFINITY;
  const uint64_t arrival = rolling->all->release_cycles[rolling->n_come];
  const uint64_t period = rolling->settings->remap_every_cycles;
  return (double)(period == 0 ? arrival : sat_mul(ceil_div(arrival, period), period));
}

static bool roll(struct rolling *rolling, struct error *error) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  bool fine = true;
  for (rolling->now = next_remap(rolling); fine && rolling->n_ended < rolling->all->n_jobs;) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct view view;
    while (rolling->n_come < rolling->all->n_jobs &&
           (double)rolling->all->release_cycles[rolling->n_come] <= rolling->now) {
      rolling->state[rolling->n_come++] = WAITS;
    }
    fine = open_view(rolling, &view, &arena, error);
    if (fine) {
      remap(rolling, &view, &arena);
      pass(rolling, &view, next_remap(rolling), &arena);
    }
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
  return fine;
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

static void sum_up(const struct rolling *rolling, struct arena *arena) {
  const struct tenancy_trace *trace = rolling->trace;
  struct tenancy_online *online = rolling->online;
  const size_t n = rolling->all->n_jobs;
  uint32_t *order = ARENA_NEW(arena, uint32_t, n);
  genome_rank_reals(online->start_cycles, n, order);
  for (size_t i = 0; i < n; i++) online->answer.priority[order[i]] = (double)i;
  for (size_t j = 0; j < n; j++) {
    const uint32_t core = online->answer.core[j] = rolling->core[j];
    online->finish_cycles[core] = fmax(online->finish_cycles[core], online->end_cycles[j]);
    online->makespan_cycles = fmax(online->makespan_cycles, online->end_cycles[j]);
  }
  for (size_t a = 0; a < trace->n_arrivals; a++) {
    double end = 0;
    for (size_t j = trace->first_job[a]; j < trace->first_job[a + 1]; j++) end = fmax(end, online->end_cycles[j]);
    online->latency_cycles[a] = end - (double)trace->arrival_cycles[a];
    const uint64_t due = trace->deadline_cycles[a];
    online->n_missed += due != UINT64_MAX && end > (double)due * (1 + 1e-9);
  }
}

bool tenancy_run_online(const struct tenancy_trace *trace, const struct tenancy_online_settings *settings,
                        struct arena *arena, struct tenancy_online *online, struct error *error) {
  const struct tenancy_problem *all = &trace->jobs;
  const size_t n = all->n_jobs;
  const enum tenancy_objective objective = (enum tenancy_objective)settings->goal.objective;
  if (objective == TENANCY_FAIRNESS || objective == TENANCY_JAIN || settings->goal.queue == 1 || settings->goal.mean) {
    return error_add(error, STATUS_INPUT,
                     "%s: slowdowns of tenants, strict queues and means over scenarios cannot be "
                     "had while jobs arrive",
                     all->name);
  }
  *online = (struct tenancy_online){.answer = tenancy_answer_new(all, arena),
                                    .start_cycles = ARENA_NEW(arena, double, n),
                                    .end_cycles = ARENA_NEW(arena, double, n),
                                    .finish_cycles = ARENA_NEW(arena, double, all->n_cores),
                                    .latency_cycles = ARENA_NEW(arena, double, trace->n_arrivals)};
  struct rolling *rolling = ARENA_NEW(arena, struct rolling, 1);
  *rolling = (struct rolling){.trace = trace,
                              .all = all,
                              .settings = settings,
                              .online = online,
                              .state = ARENA_NEW(arena, enum job_state, n),
                              .core = ARENA_NEW(arena, uint32_t, n),
                              .priority = ARENA_NEW(arena, double, n)};
  memset(rolling->core, 0xff, n * sizeof *rolling->core);
  if (!roll(rolling, error)) return false;
  sum_up(rolling, arena);
  return true;
}

double tenancy_latency_percentile(const struct tenancy_trace *trace, const struct tenancy_online *online,
                                  size_t percent, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = trace->n_arrivals;
  uint32_t *order = ARENA_NEW(scratch, uint32_t, n);
  genome_rank_reals(online->latency_cycles, n, order);
  const double latency = online->latency_cycles[order[(percent * n + 99) / 100 - 1]];
  arena_rewind(scratch, mark);
  return latency;
}

/* When does every job of an answer really end?
 *
 * The event-driven evaluator of the released G#/MAGMA program, rewritten from its description (tenancy §3): bytes left
 * of every running job, a share of the bandwidth for each, on to the next end. All additions come in the order of that
 * program and of numpy, so makespan, utilisations and finish times are its own in every bit. Beyond it: release times,
 * dependencies (a free core takes the first released job of its queue, or waits; or, strict, the next one), and jobs
 * that need no bandwidth. For these cycles are counted instead of bytes, which is the closed form walked through in
 * doubles. How the bandwidth is shared is a function, chosen by problem->allocation (tenancy_judge_shares.c). Left out:
 * speed (tenancy_evaluate), and any code of what searches. */
#include "search/tenancy/tenancy_judge_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A job with fewer bytes than this is not told from a finished one soon enough: the rule below takes what lies under
 * 1e-12 bytes as none, which would be more than a billionth of the job. */
static const double least_bytes = 1e-3;
static const double no_bytes = 1e-12; /* the released program's */
/* Where jobs wait and times are no whole numbers, ends this part of a job apart are one: who falls free first must not
 * hang on rounding. */
static const double nearly_done = 1e-9;

/* --- queues of its own ----------------------------------------------------------------------------------------------
 */

/* By key, then by job: a merge of runs, stable, so equal keys stay in the order they came in. */
static void merge_sort(const double *key, uint32_t *jobs, size_t n, uint32_t *room) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t from = 0; from < n; from += 2 * width) {
      const size_t middle = from + width < n ? from + width : n, to = middle + width < n ? middle + width : n;
      size_t a = from, b = middle;
      for (size_t k = from; k < to; k++) {
        const bool left = a < middle && (b == to || !(key[jobs[b]] < key[jobs[a]]));
        room[k] = left ? jobs[a++] : jobs[b++];
      }
    }
    memcpy(jobs, room, n * sizeof *jobs);
  }
}

static void queue_up(struct tenancy_judging *judging, const struct tenancy_answer *answer, struct arena *arena) {
  const size_t n = judging->problem->n_jobs, n_cores = judging->problem->n_cores;
  uint32_t *start = judging->start, *room = ARENA_NEW(arena, uint32_t, n);
  judging->queue = ARENA_NEW(arena, uint32_t, n);
  memset(start, 0, (n_cores + 1) * sizeof *start);
  for (size_t j = 0; j < n; j++) start[answer->core[j] + 1]++;
  for (size_t c = 0; c < n_cores; c++) start[c + 1] += start[c];
  memcpy(judging->next, start, n_cores * sizeof *start);
  for (size_t j = 0; j < n; j++) judging->queue[judging->next[answer->core[j]]++] = (uint32_t)j;
  for (size_t c = 0; c < n_cores; c++) {
    merge_sort(answer->priority, judging->queue + start[c], start[c + 1] - start[c], room);
    judging->next[c] = start[c];
  }
  for (size_t j = 0; j < n; j++) {
    const uint32_t core = answer->core[j];
    judging->queued[core] += (double)judging->problem->latency_cycles[tenancy_at(judging->problem, j, core)];
  }
}

/* --- who is released ------------------------------------------------------------------------------------------------
 */

static void release(struct tenancy_judging *judging, uint32_t job) {
  const uint32_t core = judging->core_of[job], place = judging->place[job];
  uint32_t *heap = judging->released + judging->start[core];
  size_t at = judging->n_released[core]++;
  for (; at > 0 && heap[(at - 1) / 2] > place; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = place;
}

static uint32_t take_released(struct tenancy_judging *judging, size_t core) {
  uint32_t *heap = judging->released + judging->start[core];
  const uint32_t first = heap[0], last = heap[--judging->n_released[core]];
  const size_t n = judging->n_released[core];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && heap[child + 1] < heap[child]) child++;
    if (last <= heap[child]) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return judging->queue[first];
}

static double release_of(const struct tenancy_judging *judging, uint32_t job) {
  const uint64_t *release_cycles = judging->problem->release_cycles;
  return release_cycles == NULL ? 0 : (double)release_cycles[job];
}

static void let_arrive(struct tenancy_judging *judging) {
  for (; judging->n_arrived < judging->problem->n_jobs; judging->n_arrived++) {
    const uint32_t job = judging->arrivals[judging->n_arrived];
    if (release_of(judging, job) > judging->now) return;
    if (judging->n_preds[job]-- == 1) release(judging, job);
  }
}

/* The time of arrival counts as one more predecessor. */
static void prepare_waiting(struct tenancy_judging *judging, struct arena *arena) {
  const struct tenancy_problem *problem = judging->problem;
  const size_t n = problem->n_jobs;
  const uint32_t *pred_start = problem->pred_start;
  judging->place = ARENA_NEW(arena, uint32_t, n);
  judging->released = ARENA_NEW(arena, uint32_t, n);
  judging->n_preds = ARENA_NEW(arena, uint32_t, n);
  judging->arrivals = ARENA_NEW(arena, uint32_t, n);
  judging->succ_start = ARENA_NEW(arena, uint32_t, n + 2);
  judging->succs = ARENA_NEW(arena, uint32_t, pred_start == NULL ? 0 : pred_start[n]);
  for (size_t i = 0; i < n; i++) judging->place[judging->queue[i]] = (uint32_t)i;
  double *time = ARENA_NEW(arena, double, n);
  for (uint32_t j = 0; j < n; j++) {
    judging->n_preds[j] = 1 + (pred_start == NULL ? 0 : pred_start[j + 1] - pred_start[j]);
    judging->arrivals[j] = j;
    time[j] = release_of(judging, j);
  }
  merge_sort(time, judging->arrivals, n, ARENA_NEW(arena, uint32_t, n));
  if (pred_start == NULL) return;
  uint32_t *fill = judging->succ_start + 1; /* one ahead: filling moves every start to where it belongs */
  for (size_t e = 0; e < pred_start[n]; e++) fill[problem->preds[e] + 1]++;
  for (size_t j = 0; j < n; j++) fill[j + 1] += fill[j];
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t e = pred_start[j]; e < pred_start[j + 1]; e++) judging->succs[fill[problem->preds[e]]++] = j;
  }
}

/* --- running --------------------------------------------------------------------------------------------------------
 */

static void put_on(struct tenancy_judging *judging, size_t core, uint32_t job) {
  const size_t at = tenancy_at(judging->problem, job, core);
  const double latency = (double)judging->problem->latency_cycles[at], need = judging->problem->bytes_per_cycle[at];
  judging->live[core] = true;
  judging->job[core] = job;
  judging->left[core] = judging->in_cycles ? latency : latency * need;
  judging->need[core] = need;
  judging->queued[core] -= latency;
  judging->verdict->start_of[job] = judging->now;
}

static void rest(struct tenancy_judging *judging, size_t core) {
  judging->live[core] = false;
  judging->left[core] = INFINITY;
  judging->need[core] = 0;
}

/* The next job of a core that is free, or none. */
static void go_on(struct tenancy_judging *judging, size_t core) {
  if (!judging->waits) {
    const uint32_t place = judging->next[core];
    if (place == judging->start[core + 1]) {
      rest(judging, core);
      return;
    }
    judging->next[core]++;
    put_on(judging, core, judging->queue[place]);
  } else if (judging->n_released[core] > 0 &&
             (!judging->problem->strict || judging->released[judging->start[core]] == judging->next[core])) {
    judging->next[core]++; /* a place only where none is skipped */
    put_on(judging, core, take_released(judging, core));
  } else {
    rest(judging, core);
  }
}

static void end_job(struct tenancy_judging *judging, size_t core) {
  const uint32_t job = judging->job[core];
  judging->verdict->end_of[job] = judging->now;
  judging->verdict->finish_cycles[core] = judging->now; /* so far */
  rest(judging, core);
  if (judging->succs == NULL) return;
  for (uint32_t e = judging->succ_start[job]; e < judging->succ_start[job + 1]; e++) {
    const uint32_t next = judging->succs[e];
    if (judging->n_preds[next]-- == 1) release(judging, next);
  }
}

/* How fast `left` shrinks: by bytes what is given; by cycles the part that is given of what is needed. Under the
 * proportional rule all cycles shrink alike, at 1 in virtual time, in which whole numbers stay whole: the return value
 * is how long virtual time takes. */
static double find_rates(struct tenancy_judging *judging) {
  const size_t n_cores = judging->problem->n_cores;
  const bool alike = judging->problem->allocation == TENANCY_PROPORTIONAL;
  if (!judging->in_cycles) {
    memcpy(judging->rate, judging->share, n_cores * sizeof(double));
    return 1;
  }
  for (size_t c = 0; c < n_cores; c++) {
    const bool given = alike || !(judging->need[c] > 0);
    judging->rate[c] = !judging->live[c] ? 0 : given ? 1 : judging->share[c] / judging->need[c];
  }
  const double required = tenancy_judge_sum(judging->need, n_cores),
               bandwidth = judging->problem->bandwidth_bytes_per_cycle;
  return alike && required > bandwidth ? required / bandwidth : 1;
}

/* On to the next end of a job, or to the next arrival if that is sooner. Returns the core whose job ends; n_cores: none
 * does. */
static size_t step(struct tenancy_judging *judging, tenancy_judge_rule *share) {
  const size_t n_cores = judging->problem->n_cores;
  share(judging);
  const double stretch = find_rates(judging);
  double soonest = INFINITY, given = 0;
  size_t first = n_cores;
  for (size_t c = 0; c < n_cores; c++) {
    const double rate = judging->rate[c];
    const double time = rate > 0 ? judging->left[c] / rate : judging->left[c] > 0 ? INFINITY : 0;
    if (time < soonest) soonest = time, first = c;
  }
  for (size_t c = 0; c < n_cores; c++) given += judging->share[c];
  double end = judging->now + soonest * stretch;
  if (judging->waits && judging->n_arrived < judging->problem->n_jobs) {
    const double arrival = release_of(judging, judging->arrivals[judging->n_arrived]);
    if (end > arrival) end = arrival, soonest = (arrival - judging->now) / stretch, first = n_cores;
  }
  REQUIRE(isfinite(end)); /* something runs or arrives: the caller has looked */
  judging->waste += (judging->problem->bandwidth_bytes_per_cycle - given) * (soonest * stretch);
  judging->now = end;
  for (size_t c = 0; c < n_cores; c++) {
    if (!judging->live[c]) continue;
    judging->left[c] -= soonest * judging->rate[c];
    if (fabs(judging->left[c]) < no_bytes) judging->left[c] = 0;
  }
  return first;
}

/* All jobs are there from the beginning: the released program's loop. */
static void run_through(struct tenancy_judging *judging, tenancy_judge_rule *share) {
  const size_t n = judging->problem->n_jobs;
  for (size_t c = 0; c < judging->problem->n_cores; c++) go_on(judging, c);
  for (size_t n_done = 0; n_done < n; n_done++) {
    const size_t core = step(judging, share);
    end_job(judging, core);
    go_on(judging, core);
  }
}

static bool is_done(const struct tenancy_judging *judging, size_t core) {
  const struct tenancy_problem *problem = judging->problem;
  const bool whole = problem->allocation == TENANCY_PROPORTIONAL && problem->release_cycles == NULL;
  if (whole || !judging->in_cycles) return judging->left[core] == 0;
  const size_t at = tenancy_at(problem, judging->job[core], core);
  return judging->left[core] <= nearly_done * (double)problem->latency_cycles[at];
}

/* Jobs wait for others or for their time. Whatever ends or arrives at one time does so before free cores choose.
 * Returns how many ended: less than all, if the rest wait for each other. */
static size_t run_waiting(struct tenancy_judging *judging, tenancy_judge_rule *share) {
  const size_t n = judging->problem->n_jobs, n_cores = judging->problem->n_cores;
  size_t n_done = 0;
  for (size_t c = 0; c < n_cores; c++) rest(judging, c);
  while (n_done < n) {
    bool live = false;
    let_arrive(judging);
    for (size_t c = 0; c < n_cores; c++) {
      if (!judging->live[c]) go_on(judging, c);
      live = live || judging->live[c];
    }
    if (!live && judging->n_arrived == n) break;
    const size_t first = step(judging, share);
    for (size_t c = 0; c < n_cores; c++) {
      if (!judging->live[c] || (c != first && !is_done(judging, c))) continue;
      end_job(judging, c);
      n_done++;
    }
  }
  return n_done;
}

/* Names a circle: the head of a queue waits for a job that stands behind the head of a queue, and so on. */
static bool complain_of_circle(const struct tenancy_judging *judging, struct arena *arena, struct error *error) {
  enum { SHOWN = 8 };
  const struct tenancy_problem *problem = judging->problem;
  size_t core = 0, n_shown = 0;
  while (judging->next[core] == judging->start[core + 1]) core++;
  bool seen[TENANCY_MAX_CORES] = {false}, again[TENANCY_MAX_CORES] = {false};
  const char *text = "";
  while (!again[core]) {
    const uint32_t head = judging->queue[judging->next[core]];
    uint32_t e = problem->pred_start[head];
    /* Who stands at or behind the head of his queue has not begun. */
    while (judging->place[problem->preds[e]] < judging->next[judging->core_of[problem->preds[e]]]) e++;
    const uint32_t pred = problem->preds[e];
    const size_t next = judging->core_of[pred];
    if (seen[core]) {
      again[core] = true;
      if (n_shown++ < SHOWN) {
        text = arena_printf(arena, "%s%sjob %u on core %zu for job %u on core %zu", text, n_shown == 1 ? "" : ", ",
                            head, core, pred, next);
      }
    }
    seen[core] = true;
    core = next;
  }
  return error_add(error, STATUS_INPUT, "%s: circular waiting: %s%s; none of a strict queue may be skipped",
                   problem->name, text, n_shown > SHOWN ? ", …" : "");
}

/* --- the verdict ----------------------------------------------------------------------------------------------------
 */

static bool check_answer(const struct tenancy_problem *problem, const struct tenancy_answer *answer,
                         struct error *error) {
  bool fine = true;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t core = answer->core[j];
    if (core >= problem->n_cores) {
      fine = error_add(error, STATUS_INPUT, "%s: job %zu: core %u: there are cores 0 to %zu", problem->name, j, core,
                       problem->n_cores - 1);
    } else if (!tenancy_can_run(problem, j, core)) {
      fine = error_add(error, STATUS_INPUT, "%s: job %zu cannot run on core %u", problem->name, j, core);
    }
    if (!isfinite(answer->priority[j])) {
      fine = error_add(error, STATUS_INPUT, "%s: job %zu: priority %g: a finite number is allowed", problem->name, j,
                       answer->priority[j]);
    }
  }
  return fine;
}

/* Is there a job whose bytes say too little? */
static bool needs_nothing(const struct tenancy_problem *problem, const struct tenancy_answer *answer) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const size_t at = tenancy_at(problem, j, answer->core[j]);
    if (!((double)problem->latency_cycles[at] * problem->bytes_per_cycle[at] >= least_bytes)) return true;
  }
  return false;
}

static bool must_wait(const struct tenancy_problem *problem) {
  if (problem->pred_start != NULL && problem->pred_start[problem->n_jobs] > 0) return true;
  bool late = false;
  for (size_t j = 0; j < problem->n_jobs && problem->release_cycles != NULL; j++)
    late |= problem->release_cycles[j] > 0;
  return late;
}

static void sum_up(const struct tenancy_judging *judging) {
  const size_t n_cores = judging->problem->n_cores;
  struct tenancy_verdict *verdict = judging->verdict;
  double last = 0;
  for (size_t c = 0; c < n_cores; c++) last = verdict->finish_cycles[c] > last ? verdict->finish_cycles[c] : last;
  verdict->makespan_cycles = judging->now;
  verdict->core_util = tenancy_judge_sum(verdict->finish_cycles, n_cores) / (last * (double)n_cores);
  verdict->bw_util = 1 - judging->waste / (judging->problem->bandwidth_bytes_per_cycle * judging->now);
}

bool tenancy_judge(const struct tenancy_problem *problem, const struct tenancy_answer *answer, struct arena *arena,
                   struct tenancy_verdict *verdict, struct error *error) {
  if (!check_answer(problem, answer, error)) return false;
  tenancy_judge_rule *const rule = tenancy_judge_rule_of(problem);
  if (rule == NULL) {
    return error_add(error, STATUS_INPUT, "%s: this rule of sharing the bandwidth is not known yet", problem->name);
  }
  *verdict = (struct tenancy_verdict){.finish_cycles = ARENA_NEW(arena, double, problem->n_cores),
                                      .start_of = ARENA_NEW(arena, double, problem->n_jobs),
                                      .end_of = ARENA_NEW(arena, double, problem->n_jobs)};
  const struct arena_mark mark = arena_get_mark(arena);
  struct tenancy_judging *judging = ARENA_NEW(arena, struct tenancy_judging, 1);
  judging->problem = problem;
  judging->verdict = verdict;
  judging->core_of = answer->core;
  verdict->closed_form = needs_nothing(problem, answer);
  judging->waits = must_wait(problem);
  judging->in_cycles = verdict->closed_form || judging->waits || problem->allocation != TENANCY_PROPORTIONAL;
  queue_up(judging, answer, arena);
  if (judging->waits) prepare_waiting(judging, arena);
  bool fine = true;
  if (!judging->waits) {
    run_through(judging, rule);
  } else if (run_waiting(judging, rule) < problem->n_jobs) {
    fine = complain_of_circle(judging, arena, error);
  }
  if (fine) sum_up(judging);
  arena_rewind(arena, mark);
  return fine;
}

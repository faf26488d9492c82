/* Schedules event by event, for what searches. See tenancy_schedule.h. */
#include "search/tenancy/tenancy_schedule.h"

#include "base/checked.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Ends this part of a job apart count as one, where times are no whole numbers. */
static const double nearly_done = 1e-9;

static bool has_edges(const struct tenancy_problem *problem) {
  return problem->pred_start != NULL && problem->pred_start[problem->n_jobs] > 0;
}

static bool has_releases(const struct tenancy_problem *problem) {
  for (size_t j = 0; j < problem->n_jobs && problem->release_cycles != NULL; j++) {
    if (problem->release_cycles[j] > 0) return true;
  }
  return false;
}

bool tenancy_is_plain(const struct tenancy_problem *problem) {
  return problem->allocation == TENANCY_PROPORTIONAL && !has_edges(problem) && !has_releases(problem);
}

/* --- who waits for whom ---------------------------------------------------------------------------------------------
 */

struct heap {
  uint32_t *jobs;
  size_t n;
  const double *key;
};

static bool heap_before(const struct heap *heap, uint32_t a, uint32_t b) {
  if (heap->key[a] < heap->key[b]) return true;
  return !(heap->key[b] < heap->key[a]) && a < b;
}

static void heap_push(struct heap *heap, uint32_t job) {
  size_t at = heap->n++;
  for (; at > 0 && heap_before(heap, job, heap->jobs[(at - 1) / 2]); at = (at - 1) / 2) {
    heap->jobs[at] = heap->jobs[(at - 1) / 2];
  }
  heap->jobs[at] = job;
}

static uint32_t heap_pop(struct heap *heap) {
  const uint32_t first = heap->jobs[0], last = heap->jobs[--heap->n];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < heap->n; at = child) {
    if (child + 1 < heap->n && heap_before(heap, heap->jobs[child + 1], heap->jobs[child])) child++;
    if (!heap_before(heap, heap->jobs[child], last)) break;
    heap->jobs[at] = heap->jobs[child];
  }
  heap->jobs[at] = last;
  return first;
}

/* Successors in compressed rows, start[n_jobs + 2]. */
static void turn_edges(const struct tenancy_problem *problem, uint32_t *start, uint32_t *succs) {
  const size_t n = problem->n_jobs;
  uint32_t *fill = start + 1; /* one ahead: filling moves every start to where it belongs */
  memset(start, 0, (n + 2) * sizeof *start);
  if (!has_edges(problem)) return;
  for (uint32_t e = 0; e < problem->pred_start[n]; e++) fill[problem->preds[e] + 1]++;
  for (size_t j = 0; j < n; j++) fill[j + 1] += fill[j];
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
      succs[fill[problem->preds[e]]++] = j;
    }
  }
}

static size_t n_edges(const struct tenancy_problem *problem) {
  return has_edges(problem) ? problem->pred_start[problem->n_jobs] : 0;
}

static uint32_t n_preds(const struct tenancy_problem *problem, size_t job) {
  return has_edges(problem) ? problem->pred_start[job + 1] - problem->pred_start[job] : 0;
}

void tenancy_order_by(const struct tenancy_problem *problem, const double *key, struct arena *scratch,
                      uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs;
  struct heap heap = {ARENA_NEW(scratch, uint32_t, n), 0, key};
  uint32_t *start = ARENA_NEW(scratch, uint32_t, n + 2), *succs = ARENA_NEW(scratch, uint32_t, n_edges(problem));
  uint32_t *waits = ARENA_NEW(scratch, uint32_t, n);
  turn_edges(problem, start, succs);
  for (uint32_t j = 0; j < n; j++) {
    waits[j] = n_preds(problem, j);
    if (waits[j] == 0) heap_push(&heap, j);
  }
  size_t n_ordered = 0;
  while (heap.n > 0) {
    const uint32_t job = order[n_ordered++] = heap_pop(&heap);
    for (uint32_t e = start[job]; e < start[job + 1]; e++) {
      if (--waits[succs[e]] == 0) heap_push(&heap, succs[e]);
    }
  }
  REQUIRE(n_ordered == n); /* no circle: tenancy_finish has looked */
  arena_rewind(scratch, mark);
}

static double least_cycles(const struct tenancy_problem *problem, size_t job) {
  double least = INFINITY;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!tenancy_can_run(problem, job, c)) continue;
    const size_t at = tenancy_at(problem, job, c);
    const double latency = (double)problem->latency_cycles[at];
    least = fmin(least, fmax(latency, latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle));
  }
  return least;
}

void tenancy_earliest_ends(const struct tenancy_problem *problem, struct arena *scratch, double *end_cycles) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs;
  uint32_t *order = ARENA_NEW(scratch, uint32_t, n), *depth = ARENA_NEW(scratch, uint32_t, n);
  tenancy_order_by(problem, ARENA_NEW(scratch, double, n), scratch, order);
  for (size_t i = 0; i < n; i++) {
    const uint32_t job = order[i];
    double start = problem->release_cycles == NULL ? 0 : (double)problem->release_cycles[job];
    depth[job] = 1;
    for (uint32_t e = 0; e < n_preds(problem, job); e++) {
      const uint32_t pred = problem->preds[problem->pred_start[job] + e];
      start = fmax(start, end_cycles[pred]);
      depth[job] = depth[pred] + 1 > depth[job] ? depth[pred] + 1 : depth[job];
    }
    end_cycles[job] = start + least_cycles(problem, job);
  }
  for (size_t j = 0; j < n; j++) end_cycles[j] *= 1 - 4 * (double)depth[j] * DBL_EPSILON;
  arena_rewind(scratch, mark);
}

/* --- queues whose jobs wait -----------------------------------------------------------------------------------------
 */

void tenancy_schedule_init(struct tenancy_schedule *schedule, const struct tenancy_problem *problem,
                           struct arena *arena) {
  const size_t n = problem->n_jobs;
  *schedule = (struct tenancy_schedule){.problem = problem};
  schedule->real_time = problem->allocation != TENANCY_PROPORTIONAL || has_releases(problem);
  schedule->stop_cycles = INFINITY;
  schedule->start_cycles = ARENA_NEW(arena, double, n);
  schedule->end_cycles = ARENA_NEW(arena, double, n);
  schedule->place_of = ARENA_NEW(arena, uint32_t, n);
  schedule->core_of = ARENA_NEW(arena, uint32_t, n);
  schedule->n_waits = ARENA_NEW(arena, uint32_t, n);
  schedule->succ_start = ARENA_NEW(arena, uint32_t, n + 2);
  schedule->succs = ARENA_NEW(arena, uint32_t, n_edges(problem));
  schedule->ready = ARENA_NEW(arena, uint64_t, n / 64 + 1);
  turn_edges(problem, schedule->succ_start, schedule->succs);
  if (!has_releases(problem)) return;
  schedule->arrivals = ARENA_NEW(arena, uint32_t, n);
  double *time = ARENA_NEW(arena, double, n);
  for (size_t j = 0; j < n; j++) time[j] = (double)problem->release_cycles[j];
  const struct tenancy_problem loose = {.n_jobs = n}; /* by time alone */
  tenancy_order_by(&loose, time, arena, schedule->arrivals);
}

static void stop_waiting(struct tenancy_schedule *schedule, uint32_t job) {
  if (--schedule->n_waits[job] > 0) return;
  const uint32_t place = schedule->place_of[job], core = schedule->core_of[job];
  schedule->ready[place / 64] |= UINT64_C(1) << place % 64;
  if (!schedule->problem->strict && place < schedule->next[core]) schedule->next[core] = place;
}

static void begin(struct tenancy_schedule *schedule, const struct tenancy_queues *queues) {
  const struct tenancy_problem *problem = schedule->problem;
  const size_t n = problem->n_jobs;
  schedule->queues = queues, schedule->n_ended = 0, schedule->n_arrived = 0;
  memset(schedule->ready, 0, (n / 64 + 1) * sizeof *schedule->ready);
  for (size_t c = 0; c < problem->n_cores; c++) {
    schedule->live[c] = false, schedule->next[c] = queues->start[c], schedule->queued[c] = 0;
    for (uint32_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      const uint32_t job = queues->job[i];
      schedule->place_of[job] = i, schedule->core_of[job] = (uint32_t)c;
      schedule->n_waits[job] = 1 + n_preds(problem, job); /* its release is one more */
      schedule->queued[c] += (double)problem->runs[c * n + job].latency_cycles;
    }
  }
  for (uint32_t j = 0; j < n && schedule->arrivals == NULL; j++) stop_waiting(schedule, j);
}

/* The place of the core's next job that can begin; UINT32_MAX: none now. */
static uint32_t find_ready(struct tenancy_schedule *schedule, size_t core) {
  const uint32_t end = schedule->queues->start[core + 1], from = schedule->next[core];
  if (from >= end) return UINT32_MAX;
  if (schedule->problem->strict) {
    return schedule->ready[from / 64] >> from % 64 & 1 ? from : UINT32_MAX;
  }
  uint64_t word = schedule->ready[from / 64] >> from % 64 << from % 64;
  for (uint32_t w = from / 64; w * 64 < end; word = schedule->ready[++w]) {
    if (word == 0) continue;
    const uint32_t place = w * 64 + (uint32_t)__builtin_ctzll(word);
    schedule->next[core] = place < end ? place : end;
    return place < end ? place : UINT32_MAX;
  }
  schedule->next[core] = end;
  return UINT32_MAX;
}

/* The core's next job; false: none can begin now. */
static bool take_next(struct tenancy_schedule *schedule, size_t core) {
  const uint32_t place = find_ready(schedule, core);
  if (place == UINT32_MAX) return false;
  schedule->ready[place / 64] &= ~(UINT64_C(1) << place % 64);
  schedule->next[core] = place + 1;
  schedule->job[core] = schedule->queues->job[place];
  schedule->live[core] = true;
  return true;
}

static void end_job(struct tenancy_schedule *schedule, size_t core, double now) {
  const uint32_t job = schedule->job[core];
  schedule->live[core] = false;
  schedule->end_cycles[job] = now;
  schedule->n_ended++;
  for (uint32_t e = schedule->succ_start[job]; e < schedule->succ_start[job + 1]; e++) {
    stop_waiting(schedule, schedule->succs[e]);
  }
}

/* --- virtual time ---------------------------------------------------------------------------------------------------
 */

static void run_virtual(struct tenancy_schedule *schedule) {
  const struct tenancy_problem *problem = schedule->problem;
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  const uint64_t bandwidth = problem->scaled_bandwidth;
  const double unit = 1 / (double)bandwidth;
  uint64_t now = 0, required = 0;
  tenancy_cost cost = 0;
  for (;;) {
    uint64_t first = UINT64_MAX;
    for (size_t c = 0; c < n_cores; c++) {
      if (!schedule->live[c] && take_next(schedule, c)) {
        const struct tenancy_run *run = &problem->runs[c * n + schedule->job[c]];
        schedule->end[c] = now + run->latency_cycles, schedule->need[c] = run->scaled;
        required += run->scaled;
      }
      if (schedule->live[c]) first = min_u64(first, schedule->end[c]);
    }
    if (first == UINT64_MAX) break;
    cost += (tenancy_cost)max_u64(required, bandwidth) * (first - now);
    now = first;
    for (size_t c = 0; c < n_cores; c++) {
      if (!schedule->live[c] || schedule->end[c] != now) continue;
      required -= schedule->need[c];
      end_job(schedule, c, (double)cost * unit);
    }
  }
  schedule->cost = cost;
  schedule->makespan_cycles = tenancy_cycles(problem, cost);
}

/* --- real time ------------------------------------------------------------------------------------------------------
 */

static double need_of(const struct tenancy_schedule *schedule, size_t core) {
  return schedule->problem->bytes_per_cycle[tenancy_at(schedule->problem, schedule->job[core], core)];
}

static void rates_proportional(struct tenancy_schedule *schedule) {
  const size_t n_cores = schedule->problem->n_cores;
  const double bandwidth = schedule->problem->bandwidth_bytes_per_cycle;
  double required = 0;
  for (size_t c = 0; c < n_cores; c++) required += schedule->live[c] ? need_of(schedule, c) : 0;
  for (size_t c = 0; c < n_cores; c++) schedule->rate[c] = required > bandwidth ? bandwidth / required : 1;
}

/* Live cores by ascending `key`, the lower core first among equal ones. */
static size_t sort_live(const struct tenancy_schedule *schedule, const double *key, uint32_t *order) {
  size_t n = 0;
  for (size_t c = 0; c < schedule->problem->n_cores; c++) {
    if (!schedule->live[c]) continue;
    size_t at = n++;
    for (; at > 0 && key[order[at - 1]] > key[c]; at--) order[at] = order[at - 1];
    order[at] = (uint32_t)c;
  }
  return n;
}

/* Water-filling: in order of need over weight, each gets what it needs or its part of what is left. */
static void rates_filled(struct tenancy_schedule *schedule) {
  const struct tenancy_problem *problem = schedule->problem;
  const bool weighted = problem->allocation == TENANCY_WEIGHTED && problem->weight != NULL;
  double weight[TENANCY_MAX_CORES] = {0}, key[TENANCY_MAX_CORES], weights = 0, most = 0;
  uint32_t order[TENANCY_MAX_CORES];
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!schedule->live[c]) continue;
    weight[c] = weighted ? problem->weight[schedule->job[c]] : 1;
    most = fmax(most, weight[c]);
  }
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!schedule->live[c]) continue;
    weight[c] /= most; /* sums stay finite */
    key[c] = need_of(schedule, c) / weight[c];
    weights += weight[c];
  }
  const size_t n = sort_live(schedule, key, order);
  double rest = problem->bandwidth_bytes_per_cycle;
  for (size_t i = 0; i < n; i++) {
    const uint32_t c = order[i];
    const double need = need_of(schedule, c), part = weights > 0 ? rest * (weight[c] / weights) : 0;
    schedule->rate[c] = need <= part ? 1 : part / need;
    rest -= need <= part ? need : part;
    weights -= weight[c];
  }
}

static void rates_critical(struct tenancy_schedule *schedule) {
  double key[TENANCY_MAX_CORES], rest = schedule->problem->bandwidth_bytes_per_cycle;
  uint32_t order[TENANCY_MAX_CORES];
  for (size_t c = 0; c < schedule->problem->n_cores; c++) {
    if (schedule->live[c]) key[c] = -(schedule->left[c] + schedule->queued[c]);
  }
  const size_t n = sort_live(schedule, key, order);
  for (size_t i = 0; i < n; i++) {
    const double need = need_of(schedule, order[i]), share = fmin(need, rest);
    schedule->rate[order[i]] = need > 0 ? share / need : 1;
    rest -= share;
  }
}

static void set_rates(struct tenancy_schedule *schedule) {
  switch (schedule->problem->allocation) {
  case TENANCY_MAXMIN:
  case TENANCY_WEIGHTED:
    rates_filled(schedule);
    return;
  case TENANCY_CRITICAL:
    rates_critical(schedule);
    return;
  default:
    rates_proportional(schedule);
  }
}

static double next_arrival(const struct tenancy_schedule *schedule) {
  if (schedule->arrivals == NULL || schedule->n_arrived == schedule->problem->n_jobs) return INFINITY;
  return (double)schedule->problem->release_cycles[schedule->arrivals[schedule->n_arrived]];
}

static void put_on(struct tenancy_schedule *schedule, size_t core, double now) {
  const uint32_t job = schedule->job[core];
  const double latency = (double)schedule->problem->latency_cycles[tenancy_at(schedule->problem, job, core)];
  const bool runs = schedule->left_first != NULL && schedule->left_first[core] > 0 &&
                    schedule->place_of[job] == schedule->queues->start[core];
  schedule->start_cycles[job] = now;
  schedule->left[core] = runs ? schedule->left_first[core] : latency;
  schedule->queued[core] -= latency;
}

static void run_real(struct tenancy_schedule *schedule) {
  const struct tenancy_problem *problem = schedule->problem;
  const size_t n_cores = problem->n_cores;
  double now = 0;
  while (now < schedule->stop_cycles) {
    while (next_arrival(schedule) <= now) stop_waiting(schedule, schedule->arrivals[schedule->n_arrived++]);
    for (size_t c = 0; c < n_cores; c++) {
      if (!schedule->live[c] && take_next(schedule, c)) put_on(schedule, c, now);
    }
    set_rates(schedule);
    const double arrival = fmin(next_arrival(schedule), schedule->stop_cycles);
    double time = INFINITY;
    size_t first = n_cores;
    for (size_t c = 0; c < n_cores; c++) {
      if (!schedule->live[c] || !(schedule->rate[c] > 0)) continue;
      const double own = schedule->left[c] / schedule->rate[c];
      if (own < time) time = own, first = c;
    }
    if (now + time > arrival) time = arrival - now, first = n_cores;
    if (!isfinite(time)) break; /* nothing runs or comes any more */
    now = first < n_cores ? now + time : arrival;
    for (size_t c = 0; c < n_cores; c++) {
      if (!schedule->live[c]) continue;
      schedule->left[c] -= time * schedule->rate[c];
      const double latency = (double)problem->latency_cycles[tenancy_at(problem, schedule->job[c], c)];
      if (c == first || schedule->left[c] <= nearly_done * latency) end_job(schedule, c, now);
    }
  }
  schedule->makespan_cycles = now;
  schedule->cost = (tenancy_cost)(now * (double)problem->scaled_bandwidth);
}

bool tenancy_schedule_run(struct tenancy_schedule *schedule, const struct tenancy_queues *queues) {
  begin(schedule, queues);
  (schedule->real_time ? run_real : run_virtual)(schedule);
  return schedule->n_ended == schedule->problem->n_jobs;
}

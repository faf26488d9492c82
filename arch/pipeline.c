/* The simulation of a pipeline. See pipeline.h.
 *
 * Every microbatch walks the same way: forward through the places 0 … P − 1 of the chain, then backward from P − 1 to
 * 0. Step k of the way is place k forward, step 2P − 1 − k place k backward, and a task tells the next step when its
 * input arrives; weight tasks wait in rows of their own. A device works through its order until an input is missing,
 * and is taken up again by the task that brings it: each task is looked at once. The clock starts at 1, so that 0 can
 * say that an input has not arrived.
 *
 * What a device keeps depends on its order alone, since its tasks never overlap, so peaks are counted along the order.
 *
 * Left out: links that several messages share, and a device that is slowed by sending. */
#include "arch/pipeline.h"
#include "arch/pipeline_private.h"

#include <inttypes.h>

#define PIPELINE(name) &pipeline_##name,
const struct pipeline_schedule *const pipeline_schedules[] = {
#include "arch/pipelines.def"
};
#undef PIPELINE
#define PIPELINE(name) #name,
const char *const pipeline_schedule_names[] = {
#include "arch/pipelines.def"
    NULL};
#undef PIPELINE
const size_t n_pipeline_schedules = sizeof pipeline_schedules / sizeof *pipeline_schedules;
const char *const pipeline_phase_names[N_PIPELINE_PHASES] = {"forward", "backward", "weight gradient"};

/* A task of an order in 32 bits: phase, chunk, microbatch. */
enum {
  PHASE_BITS = 2,
  CHUNK_BITS = 8,
  MICROBATCH_BITS = 22,
  MAX_DEVICES = 1 << 16,
  MAX_TASKS = 1 << 28,
};
static const uint64_t first_ps = 1; /* the clock's first moment */

bool pipeline_applies(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                      struct error *error) {
  const uint64_t p = problem->n_devices, v = problem->n_chunks, m = problem->n_microbatches;
  if (p == 0 || v == 0 || m == 0)
    return error_add(error, STATUS_INPUT,
                     "%s: %" PRIu64 " devices, %" PRIu64 " chunks, %" PRIu64 " microbatches; each must be at least 1",
                     schedule->name, p, v, m);
  if (p > MAX_DEVICES || v >= 1 << CHUNK_BITS || m >= 1 << MICROBATCH_BITS || p * v * m > MAX_TASKS)
    return error_add(error, STATUS_INPUT,
                     "%s: %" PRIu64 " devices, %" PRIu64 " chunks, %" PRIu64
                     " microbatches are too many to simulate; allowed are %d, %d, %d, and %d as their product",
                     schedule->name, p, v, m, MAX_DEVICES, (1 << CHUNK_BITS) - 1, (1 << MICROBATCH_BITS) - 1,
                     MAX_TASKS);
  if (v > 1 && !schedule->has_chunks)
    return error_add(error, STATUS_INPUT, "%s: %" PRIu64 " chunks a device; allowed is one", schedule->name, v);
  return schedule->applies == NULL || schedule->applies(problem, error);
}

uint64_t pipeline_place(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                        uint64_t chunk, uint64_t device) {
  if (schedule->place != NULL) return schedule->place(problem, chunk, device);
  return chunk * problem->n_devices + device;
}

/* --- the simulation -------------------------------------------------------------------------------------------------
 */

/* One phase of one chunk of one device. */
struct seat {
  uint64_t task_ps, send_ps;
  size_t row;        /* of `arrival`: step · m */
  size_t weight_row; /* the same of its weight task; 0: there is none */
  uint32_t next;     /* device of the next step */
};

struct simulation {
  const struct pipeline_schedule *schedule;
  const struct pipeline_problem *problem;
  size_t n_places, n_tasks; /* tasks of a device */
  struct seat *seats;       /* [(device · v + chunk) · N_PIPELINE_PHASES + phase] */
  uint32_t *orders;         /* [device · n_tasks] */
  size_t *n_done;           /* [p]: tasks of the order */
  uint64_t *clock_ps;       /* [p]: end of the last task */
  uint64_t *begin_ps;       /* [p]: start of the first */
  uint64_t *arrival;  /* [(2P + 1 + P if torn) · m]: when the input of a step is there, on the clock; 0: not yet */
  size_t *waits_for;  /* [p]: index of arrival; 0 (which is always there): for nothing */
  uint32_t *runnable; /* [p]: a stack */
  size_t n_runnable;
  struct pipeline_task *tasks; /* [device · n_tasks], NULL: nobody asks */
};

static struct seat *seat_of(const struct simulation *simulation, size_t device, size_t chunk, unsigned phase) {
  return &simulation->seats[(device * simulation->problem->n_chunks + chunk) * N_PIPELINE_PHASES + phase];
}

static void take_seats(struct simulation *simulation, struct arena *scratch) {
  const struct pipeline_problem *const problem = simulation->problem;
  const size_t p = problem->n_devices, v = problem->n_chunks, m = problem->n_microbatches;
  const size_t n_places = simulation->n_places;
  const bool tears = simulation->schedule->tears;
  uint32_t *const device_at = ARENA_NEW(scratch, uint32_t, n_places);
  for (size_t c = 0; c < v; c++)
    for (size_t s = 0; s < p; s++) device_at[pipeline_place(simulation->schedule, problem, c, s)] = (uint32_t)s;
  for (size_t s = 0; s < p; s++)
    for (size_t c = 0; c < v; c++) {
      const struct pipeline_stage *const stage = &problem->stages[c * p + s];
      const size_t k = pipeline_place(simulation->schedule, problem, c, s);
      const size_t weight_row = tears ? (2 * n_places + 1 + k) * m : 0;
      *seat_of(simulation, s, c, PIPELINE_FORWARD) =
          (struct seat){.task_ps = stage->forward_ps,
                        .send_ps = k + 1 < n_places ? stage->send_forward_ps : 0,
                        .row = k * m,
                        .next = k + 1 < n_places ? device_at[k + 1] : (uint32_t)s};
      *seat_of(simulation, s, c, PIPELINE_BACKWARD) =
          (struct seat){.task_ps = tears ? stage->backward_data_ps : stage->backward_ps,
                        .send_ps = k > 0 ? stage->send_backward_ps : 0,
                        .row = (2 * n_places - 1 - k) * m,
                        .weight_row = weight_row,
                        .next = k > 0 ? device_at[k - 1] : (uint32_t)s};
      *seat_of(simulation, s, c, PIPELINE_WEIGHT) =
          (struct seat){.task_ps = stage->backward_weight_ps, .row = weight_row};
    }
}

static uint32_t coded(const struct pipeline_task *task) {
  return (uint32_t)task->phase | task->chunk << PHASE_BITS | task->microbatch << (PHASE_BITS + CHUNK_BITS);
}
static unsigned phase_of(uint32_t code) { return code & ((1U << PHASE_BITS) - 1); }
static size_t chunk_of(uint32_t code) { return code >> PHASE_BITS & ((1U << CHUNK_BITS) - 1); }
static size_t microbatch_of(uint32_t code) { return code >> (PHASE_BITS + CHUNK_BITS); }

/* Reads the orders; what a device keeps at most is in them. */
static void take_orders(struct simulation *simulation, struct arena *scratch, struct pipeline_result *result) {
  const struct pipeline_problem *const problem = simulation->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct pipeline_task *const order = ARENA_NEW(scratch, struct pipeline_task, simulation->n_tasks);
  const unsigned last_phase = simulation->schedule->tears ? PIPELINE_WEIGHT : PIPELINE_BACKWARD;
  for (size_t s = 0; s < problem->n_devices; s++) {
    const size_t n = simulation->schedule->order(problem, s, order);
    REQUIRE(n == simulation->n_tasks);
    uint64_t kept = 0, kept_bytes = 0;
    result->peak_kept[s] = result->peak_bytes[s] = 0;
    for (size_t i = 0; i < n; i++) {
      const struct pipeline_task *const task = &order[i];
      const uint64_t bytes = problem->stages[task->chunk * problem->n_devices + s].kept_bytes;
      simulation->orders[s * simulation->n_tasks + i] = coded(task);
      if (task->phase == PIPELINE_FORWARD) {
        kept++;
        kept_bytes = sat_add(kept_bytes, bytes);
        result->peak_kept[s] = max_u64(result->peak_kept[s], kept);
        result->peak_bytes[s] = max_u64(result->peak_bytes[s], kept_bytes);
      } else if (task->phase == last_phase) {
        kept--;
        kept_bytes -= bytes;
      }
    }
  }
  arena_rewind(scratch, mark);
}

/* Works through the order of one device until an input is missing. */
static void run_device(struct simulation *simulation, size_t s) {
  const size_t m = simulation->problem->n_microbatches, n_tasks = simulation->n_tasks;
  const uint32_t *const order = &simulation->orders[s * simulation->n_tasks];
  const struct seat *const seats = seat_of(simulation, s, 0, 0);
  uint64_t *const arrival = simulation->arrival;
  uint64_t clock_ps = simulation->clock_ps[s];
  size_t i = simulation->n_done[s];
  for (; i < n_tasks; i++) {
    const size_t microbatch = microbatch_of(order[i]);
    const struct seat *const seat = &seats[chunk_of(order[i]) * N_PIPELINE_PHASES + phase_of(order[i])];
    const size_t input = seat->row + microbatch;
    if (arrival[input] == 0) {
      simulation->waits_for[s] = input;
      break;
    }
    const uint64_t start_ps = max_u64(clock_ps, arrival[input]);
    clock_ps = sat_add(start_ps, seat->task_ps);
    if (i == 0) simulation->begin_ps[s] = start_ps;
    if (simulation->tasks != NULL)
      simulation->tasks[s * simulation->n_tasks + i] = (struct pipeline_task){.start_ps = start_ps - first_ps,
                                                                              .end_ps = clock_ps - first_ps,
                                                                              .device = (uint32_t)s,
                                                                              .chunk = (uint32_t)chunk_of(order[i]),
                                                                              .microbatch = (uint32_t)microbatch,
                                                                              .phase = (uint8_t)phase_of(order[i])};
    if (phase_of(order[i]) == PIPELINE_WEIGHT) continue;
    arrival[input + m] = sat_add(clock_ps, seat->send_ps);
    if (seat->weight_row != 0) arrival[seat->weight_row + microbatch] = clock_ps;
    if (simulation->waits_for[seat->next] == input + m) {
      simulation->waits_for[seat->next] = 0;
      simulation->runnable[simulation->n_runnable++] = seat->next;
    }
  }
  simulation->n_done[s] = i;
  simulation->clock_ps[s] = clock_ps;
}

/* False: some device waits for ever. */
static bool run_all(struct simulation *simulation) {
  const struct pipeline_problem *const problem = simulation->problem;
  for (size_t i = 0; i < problem->n_microbatches; i++) simulation->arrival[i] = first_ps;
  for (size_t s = problem->n_devices; s-- > 0;) {
    simulation->clock_ps[s] = simulation->begin_ps[s] = first_ps;
    simulation->runnable[simulation->n_runnable++] = (uint32_t)s;
  }
  while (simulation->n_runnable > 0) run_device(simulation, simulation->runnable[--simulation->n_runnable]);
  for (size_t s = 0; s < problem->n_devices; s++)
    if (simulation->n_done[s] < simulation->n_tasks) return false;
  return true;
}

/* Leaves everything in scratch. */
static bool simulate(struct simulation *simulation, struct arena *scratch, struct pipeline_result *result) {
  const struct pipeline_problem *const problem = simulation->problem;
  const size_t p = problem->n_devices, n_phases = simulation->schedule->tears ? 3 : 2;
  simulation->n_places = p * problem->n_chunks;
  simulation->n_tasks = n_phases * problem->n_chunks * problem->n_microbatches;
  simulation->seats = ARENA_NEW(scratch, struct seat, simulation->n_places * N_PIPELINE_PHASES);
  simulation->orders = ARENA_NEW(scratch, uint32_t, p * simulation->n_tasks);
  simulation->n_done = ARENA_NEW(scratch, size_t, p);
  simulation->clock_ps = ARENA_NEW(scratch, uint64_t, p);
  simulation->begin_ps = ARENA_NEW(scratch, uint64_t, p);
  simulation->waits_for = ARENA_NEW(scratch, size_t, p);
  simulation->runnable = ARENA_NEW(scratch, uint32_t, p);
  simulation->arrival = ARENA_NEW(scratch, uint64_t, (n_phases * simulation->n_places + 1) * problem->n_microbatches);
  take_seats(simulation, scratch);
  take_orders(simulation, scratch, result);
  if (!run_all(simulation)) return false;
  result->makespan_ps = result->span_ps = 0;
  for (size_t s = 0; s < p; s++) {
    const uint64_t end_ps = simulation->clock_ps[s];
    const bool sticks = end_ps == UINT64_MAX;
    result->end_ps[s] = sticks ? UINT64_MAX : end_ps - first_ps;
    result->makespan_ps = max_u64(result->makespan_ps, sticks ? UINT64_MAX : end_ps - first_ps);
    result->span_ps = max_u64(result->span_ps, sticks ? UINT64_MAX : end_ps - simulation->begin_ps[s]);
  }
  return true;
}

/* --- long pipelines -------------------------------------------------------------------------------------------------
 * If all microbatches of a window as wide as `reach` end one phase after another exactly `ps` later than those
 * `microbatches` before them, then so do all that follow, by induction over tasks: a task starts after the one before
 * it on its device, which lies in the window or behind it, and after the same microbatch's task elsewhere. (Weight
 * tasks need not be looked at: they start when the task before them ends.) So n times as many microbatches take n
 * times ps more, exactly. */

struct beat {
  uint64_t microbatches, ps;
};

static bool has_beat(const struct simulation *simulation, uint64_t first, uint64_t end, struct beat *beat) {
  const size_t m = simulation->problem->n_microbatches;
  const uint64_t *const last_row = &simulation->arrival[2 * simulation->n_places * m];
  beat->ps = last_row[first] - last_row[first - beat->microbatches];
  for (size_t step = 2 * simulation->n_places; step > 0; step--) { /* mostly this is enough to say no */
    const uint64_t *const row = &simulation->arrival[step * m];
    if (row[first] - row[first - beat->microbatches] != beat->ps) return false;
  }
  for (size_t step = 2 * simulation->n_places; step > 0; step--) {
    const uint64_t *const row = &simulation->arrival[step * m];
    for (uint64_t i = first; i < end; i++)
      if (row[i] - row[i - beat->microbatches] != beat->ps) return false;
  }
  return true;
}

static bool find_beat(const struct simulation *simulation, uint64_t period, uint64_t reach, struct beat *beat) {
  const uint64_t end = simulation->problem->n_microbatches - 2 * reach, first = end - reach;
  for (uint64_t n = period; n + reach <= first; n += period) {
    *beat = (struct beat){.microbatches = n};
    if (has_beat(simulation, first, end, beat)) return true;
  }
  return false;
}

/* Simulates `m` microbatches instead of the problem's. 0: that is enough, `result` is the problem's. Else how many more
 * should be tried; UINT64_MAX: no beat yet, or times that do not fit. */
static uint64_t try_short(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem, uint64_t m,
                          struct arena *scratch, struct pipeline_result *result) {
  struct pipeline_problem shorter = *problem;
  struct simulation simulation = {.schedule = schedule, .problem = &shorter};
  const struct arena_mark mark = arena_get_mark(scratch);
  struct beat beat;
  uint64_t more = UINT64_MAX, later_ps;
  shorter.n_microbatches = m;
  if (simulate(&simulation, scratch, result) && result->makespan_ps < UINT64_MAX &&
      find_beat(&simulation, schedule->period(problem), schedule->reach(problem), &beat)) {
    const uint64_t rest = problem->n_microbatches - m;
    more = rest % beat.microbatches;
    if (more == 0 && (!checked_mul(rest / beat.microbatches, beat.ps, &later_ps) ||
                      !checked_add(result->makespan_ps, later_ps, &result->makespan_ps)))
      more = UINT64_MAX;
    if (more == 0) { /* no end is later than the makespan */
      result->span_ps += later_ps;
      for (size_t s = 0; s < problem->n_devices; s++) result->end_ps[s] += later_ps;
    }
  }
  arena_rewind(scratch, mark);
  return more;
}

/* Tried lengths grow fourfold and stay below a fourth, so that vain tries cost a third of the whole at most. */
enum { FIRST_REACHES = 5, GROWTH = 4, LEAST_GAIN = 4 };

static bool simulate_short(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                           struct arena *scratch, struct pipeline_result *result) {
  if (schedule->period == NULL) return false;
  const uint64_t m = problem->n_microbatches;
  for (uint64_t n = FIRST_REACHES * schedule->reach(problem); n <= m / LEAST_GAIN; n *= GROWTH) {
    const uint64_t tried = n + (m - n) % problem->n_devices; /* the commonest beat is one of p microbatches */
    const uint64_t more = try_short(schedule, problem, tried, scratch, result);
    if (more == 0) return true;
    if (more < m / LEAST_GAIN && try_short(schedule, problem, tried + more, scratch, result) == 0) return true;
  }
  return false;
}

/* --- the answer -----------------------------------------------------------------------------------------------------
 */

/* Merges the devices' orders by start, in place: runs next to each other, the earlier device first among equals. */
static void sort_tasks(struct pipeline_task *tasks, size_t n_tasks, size_t run, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct pipeline_task *from = tasks, *into = ARENA_NEW(scratch, struct pipeline_task, n_tasks);
  for (; run < n_tasks; run *= 2) {
    for (size_t begin = 0; begin < n_tasks; begin += 2 * run) {
      const size_t middle = min_u64(begin + run, n_tasks), end = min_u64(begin + 2 * run, n_tasks);
      size_t a = begin, b = middle;
      for (size_t i = begin; i < end; i++)
        into[i] = b == end || (a < middle && from[a].start_ps <= from[b].start_ps) ? from[a++] : from[b++];
    }
    struct pipeline_task *const swap = from;
    from = into;
    into = swap;
  }
  for (size_t i = 0; from != tasks && i < n_tasks; i++) tasks[i] = from[i];
  arena_rewind(scratch, mark);
}

static uint64_t busy_ps(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  uint64_t most_ps = 0;
  for (size_t s = 0; s < problem->n_devices; s++) {
    uint64_t sum_ps = 0;
    for (size_t c = 0; c < problem->n_chunks; c++) {
      const struct pipeline_stage *const stage = &problem->stages[c * problem->n_devices + s];
      sum_ps = sat_add(sum_ps, stage->forward_ps);
      sum_ps = sat_add(sum_ps, schedule->tears ? sat_add(stage->backward_data_ps, stage->backward_weight_ps)
                                               : stage->backward_ps);
    }
    most_ps = max_u64(most_ps, sum_ps);
  }
  return sat_mul(most_ps, problem->n_microbatches);
}

bool pipeline_simulate(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                       bool with_tasks, struct arena *scratch, struct pipeline_result *result) {
  const size_t p = problem->n_devices;
  struct simulation simulation = {.schedule = schedule, .problem = problem};
  struct error error = {0};
  REQUIRE(pipeline_applies(schedule, problem, &error));
  *result = (struct pipeline_result){.busy_ps = busy_ps(schedule, problem)};
  result->end_ps = ARENA_NEW(scratch, uint64_t, p);
  result->peak_kept = ARENA_NEW(scratch, uint64_t, p);
  result->peak_bytes = ARENA_NEW(scratch, uint64_t, p);
  if (with_tasks) {
    result->n_tasks = (schedule->tears ? 3 : 2) * p * problem->n_chunks * problem->n_microbatches;
    simulation.tasks = result->tasks = ARENA_NEW(scratch, struct pipeline_task, result->n_tasks);
  } else if (simulate_short(schedule, problem, scratch, result)) {
    return true;
  }
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool ends = simulate(&simulation, scratch, result);
  arena_rewind(scratch, mark);
  if (ends && with_tasks) sort_tasks(result->tasks, result->n_tasks, result->n_tasks / p, scratch);
  return ends;
}

/* Is this what a pipeline does? See pipeline_check.h.
 *
 * Reads the tasks as a claim, whatever order they come from. Tasks are looked up by (place, phase, microbatch) and
 * their inputs named one by one; peaks are found by sorting all moments at which a device takes or gives back memory.
 * Of the schedule it wants to know only where chunks are placed and whether backward tasks are torn. Left out: whether
 * a task could have started earlier. */
#include "arch/pipeline_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { MAX_MESSAGES = 20 };

struct judge {
  const struct pipeline_schedule *schedule;
  const struct pipeline_problem *problem;
  const struct pipeline_result *result;
  const struct pipeline_task **found; /* [(place · 3 + phase) · m + microbatch] */
  uint64_t *place_of;                 /* [chunk · p + device] */
  uint64_t *stage_at;                 /* [place]: chunk · p + device */
  struct error *error;
  unsigned n_violations;
};

static void violation(struct judge *judge, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void violation(struct judge *judge, const char *format, ...) {
  if (judge->n_violations++ >= MAX_MESSAGES) return;
  va_list arguments;
  va_start(arguments, format);
  error_addv(judge->error, STATUS_INPUT, format, arguments);
  va_end(arguments);
}

static const struct pipeline_task **slot_of(const struct judge *judge, uint64_t place, unsigned phase, uint64_t i) {
  return &judge->found[(place * N_PIPELINE_PHASES + phase) * judge->problem->n_microbatches + i];
}

static void find_places(struct judge *judge, struct arena *scratch) {
  const uint64_t p = judge->problem->n_devices, n_places = p * judge->problem->n_chunks;
  judge->place_of = ARENA_NEW(scratch, uint64_t, n_places);
  judge->stage_at = ARENA_NEW(scratch, uint64_t, n_places);
  for (uint64_t k = 0; k < n_places; k++) judge->stage_at[k] = UINT64_MAX;
  for (uint64_t i = 0; i < n_places; i++) {
    const uint64_t k = judge->schedule->place != NULL ? judge->schedule->place(judge->problem, i / p, i % p) : i;
    if (k >= n_places || judge->stage_at[k] != UINT64_MAX)
      violation(judge, "chunk %" PRIu64 " of device %" PRIu64 ": place %" PRIu64 " is taken or not there", i / p, i % p,
                k);
    else
      judge->stage_at[k] = i;
    judge->place_of[i] = k;
  }
}

/* Each task of the problem once, and as long as it should be. */
static void check_tasks(struct judge *judge) {
  const struct pipeline_problem *const problem = judge->problem;
  const unsigned n_phases = judge->schedule->tears ? 3 : 2;
  for (size_t t = 0; t < judge->result->n_tasks; t++) {
    const struct pipeline_task *const task = &judge->result->tasks[t];
    if (task->device >= problem->n_devices || task->chunk >= problem->n_chunks ||
        task->microbatch >= problem->n_microbatches || task->phase >= n_phases) {
      violation(judge, "task %zu: there is no such device, chunk, microbatch or phase", t);
      continue;
    }
    const uint64_t i = task->chunk * problem->n_devices + task->device;
    const struct pipeline_stage *const stage = &problem->stages[i];
    const struct pipeline_task **const slot = slot_of(judge, judge->place_of[i], task->phase, task->microbatch);
    if (*slot != NULL) violation(judge, "task %zu: is there twice", t);
    *slot = task;
    const uint64_t backward_ps = judge->schedule->tears ? stage->backward_data_ps : stage->backward_ps;
    const uint64_t whole_ps[N_PIPELINE_PHASES] = {stage->forward_ps, backward_ps, stage->backward_weight_ps};
    if (task->end_ps < task->start_ps || task->end_ps - task->start_ps != whole_ps[task->phase])
      violation(judge, "task %zu: takes from %" PRIu64 " to %" PRIu64 " ps instead of %" PRIu64, t, task->start_ps,
                task->end_ps, whole_ps[task->phase]);
    if (t > 0 && task[-1].start_ps > task->start_ps)
      violation(judge, "task %zu: starts before the one before it in the list", t);
  }
  const size_t n_tasks = n_phases * problem->n_devices * problem->n_chunks * problem->n_microbatches;
  if (judge->result->n_tasks != n_tasks)
    violation(judge, "%zu tasks, there should be %zu", judge->result->n_tasks, n_tasks);
}

static void check_after(struct judge *judge, const struct pipeline_task *task, const struct pipeline_task *input,
                        uint64_t send_ps) {
  if (task == NULL || input == NULL) return;
  if (task->start_ps < input->end_ps || task->start_ps - input->end_ps < send_ps)
    violation(judge,
              "%s of microbatch %" PRIu32 " in chunk %" PRIu32 " of device %" PRIu32 ": starts at %" PRIu64
              " ps, before its input is there (%" PRIu64 " + %" PRIu64 ")",
              pipeline_phase_names[task->phase], task->microbatch, task->chunk, task->device, task->start_ps,
              input->end_ps, send_ps);
}

static void check_inputs(struct judge *judge) {
  const struct pipeline_problem *const problem = judge->problem;
  const uint64_t n_places = problem->n_devices * problem->n_chunks;
  for (uint64_t k = 0; k < n_places; k++) {
    const struct pipeline_stage *const before = k > 0 ? &problem->stages[judge->stage_at[k - 1]] : NULL;
    const struct pipeline_stage *const after = k + 1 < n_places ? &problem->stages[judge->stage_at[k + 1]] : NULL;
    for (uint64_t i = 0; i < problem->n_microbatches; i++) {
      const struct pipeline_task *const forward = *slot_of(judge, k, PIPELINE_FORWARD, i);
      const struct pipeline_task *const backward = *slot_of(judge, k, PIPELINE_BACKWARD, i);
      if (before != NULL)
        check_after(judge, forward, *slot_of(judge, k - 1, PIPELINE_FORWARD, i), before->send_forward_ps);
      if (after != NULL)
        check_after(judge, backward, *slot_of(judge, k + 1, PIPELINE_BACKWARD, i), after->send_backward_ps);
      check_after(judge, backward, forward, 0);
      check_after(judge, *slot_of(judge, k, PIPELINE_WEIGHT, i), backward, 0);
    }
  }
}

/* A moment at which a device takes (1) or gives back (−1) what a microbatch keeps. */
struct moment {
  uint64_t ps, bytes;
  int change;
};

static int compare_moments(const void *left, const void *right) {
  const struct moment *const a = left, *const b = right;
  if (a->ps != b->ps) return a->ps < b->ps ? -1 : 1;
  return (a->change > b->change) - (a->change < b->change); /* gives back first */
}

static void check_peaks(struct judge *judge, uint64_t device, struct moment *moments) {
  const struct pipeline_problem *const problem = judge->problem;
  const unsigned last = judge->schedule->tears ? PIPELINE_WEIGHT : PIPELINE_BACKWARD;
  size_t n = 0;
  for (uint64_t c = 0; c < problem->n_chunks; c++) {
    const uint64_t stage = c * problem->n_devices + device, k = judge->place_of[stage];
    const uint64_t bytes = problem->stages[stage].kept_bytes;
    for (uint64_t i = 0; i < problem->n_microbatches; i++) {
      const struct pipeline_task *const begin = *slot_of(judge, k, PIPELINE_FORWARD, i);
      const struct pipeline_task *const end = *slot_of(judge, k, last, i);
      if (begin == NULL || end == NULL) return; /* said already */
      moments[n++] = (struct moment){.ps = begin->start_ps, .bytes = bytes, .change = 1};
      moments[n++] = (struct moment){.ps = end->end_ps, .bytes = bytes, .change = -1};
    }
  }
  qsort(moments, n, sizeof *moments, compare_moments);
  uint64_t kept = 0, kept_bytes = 0, peak_kept = 0, peak_bytes = 0;
  for (size_t i = 0; i < n; i++) {
    kept = moments[i].change > 0 ? kept + 1 : kept - 1;
    kept_bytes = moments[i].change > 0 ? kept_bytes + moments[i].bytes : kept_bytes - moments[i].bytes;
    if (kept > peak_kept) peak_kept = kept;
    if (kept_bytes > peak_bytes) peak_bytes = kept_bytes;
  }
  if (peak_kept != judge->result->peak_kept[device] || peak_bytes != judge->result->peak_bytes[device])
    violation(judge,
              "device %" PRIu64 ": keeps %" PRIu64 " at most, %" PRIu64 " bytes, not %" PRIu64 ", %" PRIu64 " bytes",
              device, peak_kept, peak_bytes, judge->result->peak_kept[device], judge->result->peak_bytes[device]);
}

/* One task at a time on each device, and the three times. The list is in order of start. */
static void check_devices(struct judge *judge, struct arena *scratch) {
  const struct pipeline_problem *const problem = judge->problem;
  uint64_t makespan_ps = 0, span_ps = 0, most_busy_ps = 0;
  struct moment *const moments = ARENA_NEW(scratch, struct moment, 2 * problem->n_chunks * problem->n_microbatches);
  for (uint64_t s = 0; s < problem->n_devices; s++) {
    const struct pipeline_task *last = NULL;
    uint64_t first_ps = UINT64_MAX, busy_ps = 0;
    for (size_t t = 0; t < judge->result->n_tasks; t++) {
      const struct pipeline_task *const task = &judge->result->tasks[t];
      if (task->device != s) continue;
      if (last != NULL && task->start_ps < last->end_ps)
        violation(judge, "device %" PRIu64 ": task %zu starts at %" PRIu64 " ps while another runs until %" PRIu64, s,
                  t, task->start_ps, last->end_ps);
      if (last == NULL) first_ps = task->start_ps;
      busy_ps += task->end_ps - task->start_ps;
      last = task;
    }
    if (last != NULL && last->end_ps > makespan_ps) makespan_ps = last->end_ps;
    if (last != NULL && last->end_ps - first_ps > span_ps) span_ps = last->end_ps - first_ps;
    if (busy_ps > most_busy_ps) most_busy_ps = busy_ps;
    check_peaks(judge, s, moments);
  }
  const struct pipeline_result *const result = judge->result;
  if (makespan_ps != result->makespan_ps || span_ps != result->span_ps || most_busy_ps != result->busy_ps)
    violation(judge,
              "makespan, span, busiest: %" PRIu64 ", %" PRIu64 ", %" PRIu64 " ps, not %" PRIu64 ", %" PRIu64
              ", %" PRIu64,
              makespan_ps, span_ps, most_busy_ps, result->makespan_ps, result->span_ps, result->busy_ps);
}

bool pipeline_check(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                    const struct pipeline_result *result, struct arena *scratch, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct judge judge = {.schedule = schedule, .problem = problem, .result = result, .error = error};
  if (result->tasks == NULL) return error_add(error, STATUS_INPUT, "the judge needs the tasks of the pipeline");
  judge.found = ARENA_NEW(scratch, const struct pipeline_task *,
                          N_PIPELINE_PHASES * problem->n_devices * problem->n_chunks * problem->n_microbatches);
  find_places(&judge, scratch);
  if (judge.n_violations == 0) {
    check_tasks(&judge);
    check_inputs(&judge);
    check_devices(&judge, scratch);
  }
  arena_rewind(scratch, mark);
  return judge.n_violations == 0;
}

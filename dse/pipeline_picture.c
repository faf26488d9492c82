/* How does a simulated pipeline become a picture? See pipeline_picture.h.
 *
 * The report draws timelines already, so that a pipeline only has to become one. The critical path goes back from the
 * last task to end, each time to the task of the same device that ended when this one started, or else to the input
 * that arrived then. Left out: messages as bars of their own; they are the gaps between a task and its follower. */
#include "dse/pipeline_picture.h"

#include "base/file.h"
#include "results/trace.h"
#include <inttypes.h>

static const char letters[N_PIPELINE_PHASES] = {'F', 'B', 'W'};

/* Finds the tasks that another may have waited for. */
struct tracks {
  const struct pipeline_schedule *schedule;
  const struct pipeline_problem *problem;
  const struct pipeline_task *tasks;
  size_t *before;   /* [n_tasks]: of the same device, 1 + index; 0: there is none */
  size_t *found;    /* [(stage · phases + phase) · m + microbatch]: 1 + index */
  size_t *stage_at; /* [place] */
};

static size_t *found_at(const struct tracks *tracks, size_t stage, unsigned phase, size_t microbatch) {
  return &tracks->found[(stage * N_PIPELINE_PHASES + phase) * tracks->problem->n_microbatches + microbatch];
}

static struct tracks tracks_of(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                               const struct pipeline_result *result, struct arena *arena) {
  const size_t p = problem->n_devices, n_stages = p * problem->n_chunks;
  struct tracks tracks = {.schedule = schedule, .problem = problem, .tasks = result->tasks};
  size_t *const last = ARENA_NEW(arena, size_t, p);
  tracks.before = ARENA_NEW(arena, size_t, result->n_tasks);
  tracks.found = ARENA_NEW(arena, size_t, n_stages * N_PIPELINE_PHASES * problem->n_microbatches);
  tracks.stage_at = ARENA_NEW(arena, size_t, n_stages);
  for (size_t i = 0; i < n_stages; i++) tracks.stage_at[pipeline_place(schedule, problem, i / p, i % p)] = i;
  for (size_t t = 0; t < result->n_tasks; t++) {
    const struct pipeline_task *const task = &result->tasks[t];
    tracks.before[t] = last[task->device];
    last[task->device] = t + 1;
    *found_at(&tracks, task->chunk * p + task->device, task->phase, task->microbatch) = t + 1;
  }
  return tracks;
}

/* 1 + index of the task whose result this one needs, and when that is there; 0: none. */
static size_t input_of(const struct tracks *tracks, const struct pipeline_task *task, uint64_t *arrival_ps) {
  const struct pipeline_problem *const problem = tracks->problem;
  const size_t n_places = problem->n_devices * problem->n_chunks, i = task->microbatch;
  const size_t stage = task->chunk * problem->n_devices + task->device;
  const size_t place = pipeline_place(tracks->schedule, problem, task->chunk, task->device);
  size_t input = 0;
  uint64_t send_ps = 0;
  if (task->phase == PIPELINE_FORWARD && place > 0) {
    input = *found_at(tracks, tracks->stage_at[place - 1], PIPELINE_FORWARD, i);
    send_ps = problem->stages[tracks->stage_at[place - 1]].send_forward_ps;
  } else if (task->phase == PIPELINE_BACKWARD && place + 1 < n_places) {
    input = *found_at(tracks, tracks->stage_at[place + 1], PIPELINE_BACKWARD, i);
    send_ps = problem->stages[tracks->stage_at[place + 1]].send_backward_ps;
  } else if (task->phase != PIPELINE_FORWARD) {
    input = *found_at(tracks, stage, task->phase - 1U, i);
  }
  *arrival_ps = input > 0 ? tracks->tasks[input - 1].end_ps + send_ps : 0;
  return input;
}

static void mark_critical(const struct tracks *tracks, size_t n_tasks, struct timeline_bar *bars) {
  size_t at = 0; /* 1 + index */
  for (size_t t = 0; t < n_tasks; t++)
    if (at == 0 || tracks->tasks[t].end_ps > tracks->tasks[at - 1].end_ps) at = t + 1;
  while (at > 0) {
    const struct pipeline_task *const task = &tracks->tasks[at - 1];
    const size_t before = tracks->before[at - 1];
    uint64_t arrival_ps;
    const size_t input = input_of(tracks, task, &arrival_ps);
    bars[at - 1].critical = true;
    if (before > 0 && tracks->tasks[before - 1].end_ps == task->start_ps)
      at = before;
    else
      at = arrival_ps == task->start_ps ? input : 0;
  }
}

void pipeline_timeline(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                       const struct pipeline_result *result, struct arena *arena, struct timeline *timeline) {
  struct timeline_bar *const bars = ARENA_NEW(arena, struct timeline_bar, result->n_tasks);
  const char **const lanes = ARENA_NEW(arena, const char *, problem->n_devices);
  const struct tracks tracks = tracks_of(schedule, problem, result, arena);
  REQUIRE(result->tasks != NULL);
  for (size_t t = 0; t < result->n_tasks; t++) {
    const struct pipeline_task *const task = &result->tasks[t];
    const char *label = arena_printf(arena, "%c%" PRIu32, letters[task->phase], task->microbatch);
    if (problem->n_chunks > 1) label = arena_printf(arena, "%s.%" PRIu32, label, task->chunk);
    bars[t] = (struct timeline_bar){.label = label,
                                    .start_cycles = task->start_ps,
                                    .finish_cycles = task->end_ps,
                                    .lane = task->device,
                                    .phase = task->phase};
  }
  mark_critical(&tracks, result->n_tasks, bars);
  for (size_t s = 0; s < problem->n_devices; s++) lanes[s] = arena_printf(arena, "stage %zu", s);
  *timeline = (struct timeline){
      .title = arena_printf(arena, "One iteration of the pipeline: %s, %" PRIu64 " microbatches", schedule->name,
                            problem->n_microbatches),
      .lanes = lanes,
      .n_lanes = (uint32_t)problem->n_devices,
      .phases = pipeline_phase_names,
      .n_phases = N_PIPELINE_PHASES,
      .bars = bars,
      .n_bars = result->n_tasks,
      .us_per_cycle = 1e-6,
  };
}

bool pipeline_picture_publish(const char *path, const struct timeline *timeline, struct arena *arena,
                              struct error *error) {
  const char *bytes;
  size_t n;
  trace_write(timeline, arena, &bytes, &n);
  return file_publish(path, bytes, n, error);
}

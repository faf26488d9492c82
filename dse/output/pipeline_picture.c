/* How does a simulated pipeline become a picture? See pipeline_picture.h.
 *
 * The report draws timelines already, so that a pipeline only has to become one. The critical path goes back from the
 * last task to end, each time to the task of the same device that ended when this one started, or else to the input
 * that arrived then. Left out: messages as bars of their own; they are the gaps between a task and its follower. */
#include "dse/output/pipeline_picture.h"

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

/* What each task waited for, and what its device keeps: see arch/pipeline.h for how long. */
static void note_waits(const struct tracks *tracks, size_t n_tasks, struct timeline_note *notes,
                       const struct timeline_bar *bars, struct arena *arena) {
  for (size_t t = 0; t < n_tasks; t++) {
    const struct pipeline_task *const task = &tracks->tasks[t];
    const size_t before = tracks->before[t];
    uint64_t arrival_ps;
    const size_t input = input_of(tracks, task, &arrival_ps);
    const uint64_t free_ps = before > 0 ? tracks->tasks[before - 1].end_ps : 0;
    const bool for_input = input > 0 && arrival_ps >= free_ps;
    const size_t last = for_input ? input : before;
    if (last == 0) continue;
    notes[t].waits = arena_printf(arena, "%s of stage %" PRIu32, bars[last - 1].label, tracks->tasks[last - 1].device);
    notes[t].waited_cycles = task->start_ps - free_ps;
  }
}

/* A counter a device: what microbatches keep there, from the start of their forward task to their last one's end; how
 * many they are where nobody said what one keeps. */
static struct timeline_counter *count_kept(const struct tracks *tracks, size_t n_tasks, struct arena *arena) {
  const size_t p = tracks->problem->n_devices;
  struct timeline_counter *const counters = ARENA_NEW(arena, struct timeline_counter, p);
  struct timeline_change *const changes = ARENA_NEW(arena, struct timeline_change, n_tasks);
  bool in_bytes = false;
  for (size_t i = 0; i < p * tracks->problem->n_chunks; i++) {
    in_bytes = in_bytes || tracks->problem->stages[i].kept_bytes > 0;
  }
  for (size_t s = 0; s < p; s++) {
    size_t n = 0;
    for (size_t t = 0; t < n_tasks; t++) {
      const struct pipeline_task *const task = &tracks->tasks[t];
      const size_t stage = task->chunk * p + task->device;
      const int64_t bytes = in_bytes ? (int64_t)tracks->problem->stages[stage].kept_bytes : 1;
      const bool splits = *found_at(tracks, stage, PIPELINE_WEIGHT, task->microbatch) > 0;
      if (task->device != s) continue;
      if (task->phase == PIPELINE_FORWARD) {
        changes[n++] = (struct timeline_change){task->start_ps, bytes};
      } else if (task->phase == (splits ? PIPELINE_WEIGHT : PIPELINE_BACKWARD)) {
        changes[n++] = (struct timeline_change){task->end_ps, -bytes};
      }
    }
    counters[s] = (struct timeline_counter){.name = in_bytes ? "kept for backward passes (bytes)"
                                                             : "kept for backward passes (microbatches)",
                                            .lane = (uint32_t)s};
    timeline_count(&counters[s], changes, n, arena);
  }
  return counters;
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
  struct timeline_note *const notes = ARENA_NEW(arena, struct timeline_note, result->n_tasks);
  note_waits(&tracks, result->n_tasks, notes, bars, arena);
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
      .notes = notes,
      .counters = count_kept(&tracks, result->n_tasks, arena),
      .n_counters = problem->n_devices,
      .chips = true,
      .steady = true,
  };
}

bool pipeline_picture_publish(const char *path, const struct timeline *timeline, struct arena *arena,
                              struct error *error) {
  const char *bytes;
  size_t n;
  trace_write(timeline, arena, &bytes, &n);
  return file_publish(path, bytes, n, error);
}

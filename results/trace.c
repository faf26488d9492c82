/* How does a schedule become a trace?
 *
 * Source: "Trace Event Format" (Chromium project): complete events ph X, metadata ph M, flow arrows ph s and f,
 * counters ph C. One process a chip and one thread a lane of it, arrows along the critical path. Times are rounded to
 * whole picoseconds before durations are taken, so that bars that touch do not overlap. A file holds at most
 * TRACE_MAX_EVENTS events: what goes first are samples of counters, then bars. Left out: several files for one
 * schedule. */
#include "results/trace.h"
#include "base/error.h"
#include "results/writer.h"
#include <inttypes.h>
#include <stdlib.h>

/* What of a timeline is written. */
struct shown {
  const struct timeline *timeline;
  uint32_t *bars, *path; /* in order of start */
  size_t n_bars, n_path;
  struct moment *moments; /* in order of time */
  size_t n_moments, n_moments_cut;
};

struct moment { /* a sample of a counter */
  uint64_t at_cycles, value;
  uint32_t counter;
};

static uint64_t picoseconds(uint64_t n_cycles, double us_per_cycle) {
  const double ps = (double)n_cycles * us_per_cycle * 1e6 + 0.5;
  return ps < 1.8e19 ? (uint64_t)ps : UINT64_MAX;
}

static void write_us(struct writer *writer, const char *key, uint64_t ps) {
  writer_format(writer, "\"%s\":%" PRIu64 ".%06" PRIu64, key, ps / 1000000, ps % 1000000);
}

/* Chips are processes and their cores threads; where every lane is a chip, it has one thread. */
static uint32_t process_of(const struct timeline *timeline, uint32_t lane) { return timeline->chips ? 1 + lane : 1; }

static void write_place(struct writer *writer, const struct timeline *timeline, const char *kind, uint32_t lane) {
  writer_format(writer, "{\"ph\":\"%s\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",", kind, process_of(timeline, lane),
                lane);
}

static void write_name(struct writer *writer, const struct timeline *timeline, uint32_t lane, const char *what,
                       const char *name) {
  write_place(writer, timeline, "M", lane);
  writer_format(writer, "\"name\":\"%s\",\"args\":{\"name\":", what);
  writer_json(writer, name);
  writer_raw(writer, "}}");
}

static void write_names(struct writer *writer, const struct timeline *timeline) {
  if (!timeline->chips) write_name(writer, timeline, 0, "process_name", timeline->title);
  for (uint32_t lane = 0; lane < timeline->n_lanes; lane++) {
    if (timeline->chips) {
      if (lane > 0) writer_raw(writer, ",\n");
      write_name(writer, timeline, lane, "process_name", timeline->lanes[lane]);
    }
    writer_raw(writer, ",\n");
    write_name(writer, timeline, lane, "thread_name", timeline->lanes[lane]);
    writer_raw(writer, ",\n");
    write_place(writer, timeline, "M", lane);
    writer_format(writer, "\"name\":\"%s\",\"args\":{\"sort_index\":%" PRIu32 "}}",
                  timeline->chips ? "process_sort_index" : "thread_sort_index", lane);
  }
}

static void write_note(struct writer *writer, const struct timeline *timeline, const struct timeline_note *note) {
  if (note->tile != NULL) {
    writer_raw(writer, ",\"tile\":");
    writer_json(writer, note->tile);
  }
  writer_raw(writer, ",\"waits_for\":");
  writer_json(writer, note->waits != NULL ? note->waits : "nothing");
  writer_raw(writer, ",");
  write_us(writer, "waited_us", picoseconds(note->waited_cycles, timeline->us_per_cycle));
}

static void write_bar(struct writer *writer, const struct timeline *timeline, const struct timeline_bar *bar) {
  const uint64_t start_ps = picoseconds(bar->start_cycles, timeline->us_per_cycle);
  const uint64_t finish_ps = picoseconds(bar->finish_cycles, timeline->us_per_cycle);
  writer_raw(writer, ",\n");
  write_place(writer, timeline, "X", bar->lane);
  write_us(writer, "ts", start_ps);
  writer_raw(writer, ",");
  write_us(writer, "dur", finish_ps - start_ps);
  writer_raw(writer, ",\"name\":");
  writer_json(writer, bar->label);
  writer_raw(writer, ",\"cat\":");
  writer_json(writer, timeline->phases[bar->phase]);
  if (bar->critical) writer_raw(writer, ",\"cname\":\"terrible\""); /* the format's name for red */
  writer_format(writer,
                ",\"args\":{\"critical\":%s,\"start_cycles\":%" PRIu64 ",\"finish_cycles\":%" PRIu64 ",\"phase\":",
                bar->critical ? "true" : "false", bar->start_cycles, bar->finish_cycles);
  writer_json(writer, timeline->phases[bar->phase]);
  if (timeline->notes != NULL) write_note(writer, timeline, &timeline->notes[bar - timeline->bars]);
  writer_raw(writer, "}}");
}

static void write_moment(struct writer *writer, const struct timeline *timeline, const struct moment *moment) {
  const struct timeline_counter *const counter = &timeline->counters[moment->counter];
  writer_raw(writer, ",\n");
  write_place(writer, timeline, "C", counter->lane);
  write_us(writer, "ts", picoseconds(moment->at_cycles, timeline->us_per_cycle));
  writer_raw(writer, ",\"name\":");
  writer_json(writer, counter->name);
  writer_format(writer, ",\"args\":{\"value\":%" PRIu64 "}}", moment->value);
}

/* One end of an arrow; it holds to the bar that encloses its time on its lane. */
static void write_arrow(struct writer *writer, const struct timeline *timeline, const struct timeline_bar *bar,
                        const char *end, size_t id) {
  writer_raw(writer, ",\n");
  write_place(writer, timeline, end, bar->lane);
  write_us(writer, "ts", picoseconds(bar->start_cycles, timeline->us_per_cycle));
  writer_format(writer, ",\"id\":%zu,\"cat\":\"critical path\",\"name\":\"critical path\"%s}", id,
                end[0] == 'f' ? ",\"bp\":\"e\"" : "");
}

/* --- what is shown --------------------------------------------------------------------------------------------------
 */

static int by_moment(const void *a, const void *b) {
  const struct moment *const x = a, *const y = b;
  if (x->at_cycles != y->at_cycles) return x->at_cycles < y->at_cycles ? -1 : 1;
  return x->counter < y->counter ? -1 : x->counter > y->counter;
}

static size_t n_samples(const struct timeline *timeline) {
  size_t n = 0;
  for (size_t c = 0; c < timeline->n_counters; c++) n += timeline->counters[c].n_samples;
  return n;
}

/* At most `most` samples, of every counter each so-many-th. */
static void choose_moments(struct shown *shown, size_t most, struct arena *arena) {
  const struct timeline *const timeline = shown->timeline;
  const size_t n = n_samples(timeline), step = n > most ? n / most + 1 : 1;
  shown->moments = ARENA_NEW(arena, struct moment, n);
  for (size_t c = 0; c < timeline->n_counters; c++) {
    const struct timeline_counter *const counter = &timeline->counters[c];
    for (size_t i = 0; i < counter->n_samples; i += step) {
      shown->moments[shown->n_moments++] =
          (struct moment){counter->samples[i].at_cycles, counter->samples[i].value, (uint32_t)c};
    }
  }
  qsort(shown->moments, shown->n_moments, sizeof *shown->moments, by_moment);
  shown->n_moments_cut = n - shown->n_moments;
}

/* Arrows join bars that are shown, and none is left out between them. */
static void choose_path(struct shown *shown, struct arena *arena) {
  const struct timeline *const timeline = shown->timeline;
  bool *const is_shown = ARENA_NEW(arena, bool, timeline->n_bars);
  size_t n = 0;
  for (size_t i = 0; i < shown->n_bars; i++) is_shown[shown->bars[i]] = true;
  for (size_t i = 0; i < shown->n_path; i++) {
    if (is_shown[shown->path[i]]) shown->path[n++] = shown->path[i];
  }
  shown->n_path = n == shown->n_path || timeline->steady ? n : 0;
}

static void choose(struct shown *shown, struct arena *arena) {
  const struct timeline *const timeline = shown->timeline;
  const size_t n_names = 1 + 3 * (size_t)timeline->n_lanes, n_samples_all = n_samples(timeline);
  timeline_critical(timeline, arena, &shown->path, &shown->n_path);
  size_t room = TRACE_MAX_EVENTS > 2 * n_names ? TRACE_MAX_EVENTS - n_names : TRACE_MAX_EVENTS / 2;
  const bool all = timeline->n_bars + 2 * shown->n_path + n_samples_all <= room;
  choose_moments(shown, all ? n_samples_all : room / 8, arena);
  room -= shown->n_moments;
  if (3 * shown->n_path > room) {
    if (timeline->steady) {
      room /= 3; /* whatever is chosen has room for its arrows */
    } else {
      shown->n_path = 0;
    }
  } else {
    room -= 2 * shown->n_path;
  }
  timeline_choose(timeline, room, arena, &shown->bars, &shown->n_bars);
  choose_path(shown, arena);
}

size_t trace_bars_cut(const struct timeline *timeline, struct arena *arena) {
  struct shown shown = {.timeline = timeline};
  const struct arena_mark mark = arena_get_mark(arena);
  choose(&shown, arena);
  arena_rewind(arena, mark);
  return timeline->n_bars - shown.n_bars;
}

static void write_cut(struct writer *writer, const struct shown *shown) {
  const size_t n_bars = shown->timeline->n_bars;
  writer_format(writer, "\"otherData\":{\"bars\":%zu,\"bars_cut\":%zu,\"samples_cut\":%zu,\"note\":\"", shown->n_bars,
                n_bars - shown->n_bars, shown->n_moments_cut);
  if (shown->n_bars < n_bars) {
    writer_format(writer, "%zu of %zu bars: %s", shown->n_bars, n_bars,
                  shown->timeline->steady ? "the steady state in the middle; how it fills and drains was cut"
                                          : "the critical path first, then the longest; the shorter ones were cut");
  } else {
    writer_raw(writer, "every bar of the schedule");
  }
  writer_raw(writer, "\",\"us_per_cycle\":");
  writer_json_double(writer, shown->timeline->us_per_cycle);
  writer_raw(writer, "},\n");
}

void trace_write(const struct timeline *timeline, struct arena *arena, const char **json, size_t *n_bytes) {
  REQUIRE(timeline->us_per_cycle > 0);
  struct writer writer;
  struct shown shown = {.timeline = timeline};
  size_t next = 0, moment = 0;
  choose(&shown, arena);
  writer_init(&writer, arena);
  writer_raw(&writer, "{\"displayTimeUnit\":\"ns\",\n");
  write_cut(&writer, &shown);
  writer_raw(&writer, "\"traceEvents\":[\n");
  write_names(&writer, timeline);
  for (size_t i = 0; i < shown.n_bars; i++) {
    const struct timeline_bar *const bar = &timeline->bars[shown.bars[i]];
    for (; moment < shown.n_moments && shown.moments[moment].at_cycles <= bar->start_cycles; moment++) {
      write_moment(&writer, timeline, &shown.moments[moment]);
    }
    write_bar(&writer, timeline, bar);
    if (next == shown.n_path || shown.path[next] != shown.bars[i]) continue;
    if (next > 0) write_arrow(&writer, timeline, bar, "f", next);
    if (next + 1 < shown.n_path) write_arrow(&writer, timeline, bar, "s", next + 1);
    next++;
  }
  for (; moment < shown.n_moments; moment++) write_moment(&writer, timeline, &shown.moments[moment]);
  writer_raw(&writer, "\n]}\n");
  *json = writer.text;
  *n_bytes = writer.length;
}

/* How does a schedule become a trace?
 *
 * Source: "Trace Event Format" (Chromium project): complete events ph X, metadata ph M, flow arrows ph s and f. One
 * process a timeline, one thread a lane, arrows along the critical path. Times are rounded to whole picoseconds before
 * durations are taken, so that bars that touch do not overlap. Left out: counters of bytes, which a timeline does not
 * know. */
#include "results/trace.h"
#include "base/error.h"
#include "results/writer.h"
#include <inttypes.h>

static uint64_t picoseconds(uint64_t n_cycles, double us_per_cycle) {
  const double ps = (double)n_cycles * us_per_cycle * 1e6 + 0.5;
  return ps < 1.8e19 ? (uint64_t)ps : UINT64_MAX;
}

static void write_us(struct writer *writer, const char *key, uint64_t ps) {
  writer_format(writer, "\"%s\":%" PRIu64 ".%06" PRIu64, key, ps / 1000000, ps % 1000000);
}

static void write_names(struct writer *writer, const struct timeline *timeline) {
  writer_raw(writer, "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":");
  writer_json(writer, timeline->title);
  writer_raw(writer, "}}");
  for (uint32_t lane = 0; lane < timeline->n_lanes; lane++) {
    writer_format(writer,
                  ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%" PRIu32 ",\"name\":\"thread_name\",\"args\":{\"name\":", lane);
    writer_json(writer, timeline->lanes[lane]);
    writer_format(writer,
                  "}},\n{\"ph\":\"M\",\"pid\":1,\"tid\":%" PRIu32
                  ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%" PRIu32 "}}",
                  lane, lane);
  }
}

static void write_bar(struct writer *writer, const struct timeline *timeline, const struct timeline_bar *bar) {
  const uint64_t start_ps = picoseconds(bar->start_cycles, timeline->us_per_cycle);
  const uint64_t finish_ps = picoseconds(bar->finish_cycles, timeline->us_per_cycle);
  writer_format(writer, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%" PRIu32 ",", bar->lane);
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
  writer_raw(writer, "}}");
}

/* One end of an arrow; it holds to the bar that encloses its time on its lane. */
static void write_arrow(struct writer *writer, const struct timeline *timeline, const struct timeline_bar *bar,
                        const char *end, size_t id) {
  writer_format(writer, ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%" PRIu32 ",", end, bar->lane);
  write_us(writer, "ts", picoseconds(bar->start_cycles, timeline->us_per_cycle));
  writer_format(writer, ",\"id\":%zu,\"cat\":\"critical path\",\"name\":\"critical path\"%s}", id,
                end[0] == 'f' ? ",\"bp\":\"e\"" : "");
}

void trace_write(const struct timeline *timeline, struct arena *arena, const char **json, size_t *n_bytes) {
  REQUIRE(timeline->us_per_cycle > 0);
  struct writer writer;
  uint32_t *chosen, *path;
  size_t n_chosen, n_path, next = 0;
  writer_init(&writer, arena);
  timeline_choose(timeline, TRACE_MAX_EVENTS, arena, &chosen, &n_chosen);
  timeline_critical(timeline, arena, &path, &n_path);
  if (n_chosen < timeline->n_bars) n_path = 0; /* an arrow to a bar that was cut would point nowhere */
  writer_raw(&writer, "{\"displayTimeUnit\":\"ns\",\n\"otherData\":{\"bars\":");
  writer_format(&writer, "%zu,\"bars_cut\":%zu,\"note\":\"", n_chosen, timeline->n_bars - n_chosen);
  if (n_chosen < timeline->n_bars)
    writer_format(&writer, "%zu of %zu bars: the critical path first, then the longest; the shorter ones were cut",
                  n_chosen, timeline->n_bars);
  else
    writer_raw(&writer, "every bar of the schedule");
  writer_raw(&writer, "\",\"us_per_cycle\":");
  writer_json_double(&writer, timeline->us_per_cycle);
  writer_raw(&writer, "},\n\"traceEvents\":[\n");
  write_names(&writer, timeline);
  for (size_t i = 0; i < n_chosen; i++) {
    const struct timeline_bar *const bar = &timeline->bars[chosen[i]];
    write_bar(&writer, timeline, bar);
    if (next == n_path || path[next] != chosen[i]) continue;
    if (next > 0) write_arrow(&writer, timeline, bar, "f", next);
    if (next + 1 < n_path) write_arrow(&writer, timeline, bar, "s", next + 1);
    next++;
  }
  writer_raw(&writer, "\n]}\n");
  *json = writer.text;
  *n_bytes = writer.length;
}

/* What do the report's charts get to show?
 *
 * One JSON object inside the page. Numbers are 32-bit floats in base64, a third of their decimal size and as exact as
 * a screen; texts are a dictionary and indices into it. What is thinned here is announced by report.c. Left out: the
 * tables, which are HTML. */
#include "results/report_parts.h"
#include <stdlib.h>
#include <string.h>

/* --- dictionaries --- */

static int by_text(const void *a, const void *b, void *texts_of) {
  const char *const *const texts = texts_of;
  return strcmp(texts[*(const uint32_t *)a], texts[*(const uint32_t *)b]);
}

/* ,"<key>":[words],"<index_key>":"…": each text once, in their order, and which one each is. */
static void write_dictionary(struct writer *writer, const char **texts, size_t n, const char *key,
                             const char *index_key, struct arena *arena) {
  uint32_t *const order = ARENA_NEW(arena, uint32_t, n), *const index = ARENA_NEW(arena, uint32_t, n);
  for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  qsort_r(order, n, sizeof *order, by_text, texts);
  writer_format(writer, ",\"%s\":[", key);
  uint32_t n_words = 0;
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || strcmp(texts[order[i]], texts[order[i - 1]]) != 0) {
      if (n_words++ > 0) writer_raw(writer, ",");
      writer_json(writer, texts[order[i]]);
    }
    index[order[i]] = n_words - 1;
  }
  writer_format(writer, "],\"%s\":", index_key);
  writer_json_u32(writer, index, n);
}

static void write_texts(struct writer *writer, const char *key, const char *const *texts, size_t n) {
  writer_format(writer, ",\"%s\":[", key);
  for (size_t i = 0; i < n; i++) {
    if (i > 0) writer_raw(writer, ",");
    writer_json(writer, texts[i]);
  }
  writer_raw(writer, "]");
}

/* --- the front --- */

/* Rows that are shown: all, or evenly spread ones with the best among them. */
static size_t *choose_rows(const struct report *report, struct arena *arena, size_t *n) {
  const size_t n_rows = report->front->n_rows;
  *n = n_rows < REPORT_MAX_POINTS ? n_rows : REPORT_MAX_POINTS;
  size_t *const rows = ARENA_NEW(arena, size_t, *n);
  for (size_t i = 0; i < *n; i++) rows[i] = (size_t)((double)i * (double)n_rows / (double)*n);
  if (report->best_row >= n_rows) return rows;
  for (size_t i = *n; i-- > 0;) {
    if (rows[i] > report->best_row) continue;
    rows[i] = report->best_row;
    break;
  }
  return rows;
}

static void write_column(struct writer *writer, const struct report_table *table, size_t column, const size_t *rows,
                         size_t n, struct arena *arena) {
  const struct report_column *const about = &table->columns[column];
  writer_raw(writer, "{\"name\":");
  writer_json(writer, about->name);
  writer_raw(writer, ",\"unit\":");
  writer_json(writer, about->unit);
  writer_raw(writer, ",\"better\":");
  writer_json(writer, about->better);
  writer_format(writer, ",\"text\":%s", about->is_text ? "true" : "false");
  const char **const texts = ARENA_NEW(arena, const char *, n);
  double *const numbers = ARENA_NEW(arena, double, n);
  for (size_t i = 0; i < n; i++) {
    const struct report_cell *const cell = &table->cells[rows[i] * table->n_columns + column];
    texts[i] = cell->text != NULL ? cell->text : "";
    numbers[i] = cell->number;
  }
  if (about->is_text) {
    write_dictionary(writer, texts, n, "words", "index", arena);
  } else {
    writer_raw(writer, ",\"values\":");
    writer_json_f32(writer, numbers, n);
  }
  writer_raw(writer, "}");
}

static void write_front(struct writer *writer, const struct report *report, struct arena *arena) {
  const struct report_table *const table = report->front;
  size_t n;
  const size_t *const rows = choose_rows(report, arena, &n);
  size_t best = n;
  for (size_t i = 0; i < n; i++)
    if (rows[i] == report->best_row) best = i;
  writer_format(writer, "{\"n\":%zu,\"x\":%zu,\"y\":%zu,\"size\":%d,\"best\":%d", n, report->front_x, report->front_y,
                report->front_size < table->n_columns ? (int)report->front_size : -1, best < n ? (int)best : -1);
  writer_raw(writer, ",\"rows\":[");
  for (size_t i = 0; i < n; i++) writer_format(writer, "%s%zu", i > 0 ? "," : "", rows[i]);
  writer_raw(writer, "],\"columns\":[");
  for (size_t column = 0; column < table->n_columns; column++) {
    if (column > 0) writer_raw(writer, ",");
    write_column(writer, table, column, rows, n, arena);
  }
  writer_raw(writer, "]}");
}

/* --- convergence --- */

static void write_steps(struct writer *writer, const struct report *report, struct arena *arena) {
  const size_t n = report->n_steps;
  double *const evaluations = ARENA_NEW(arena, double, n), *const best = ARENA_NEW(arena, double, n),
                *const bound = ARENA_NEW(arena, double, n);
  for (size_t i = 0; i < n; i++) {
    evaluations[i] = report->steps[i].evaluations;
    best[i] = report->steps[i].best;
    bound[i] = report->steps[i].bound;
  }
  writer_raw(writer, "{\"metric\":");
  writer_json(writer, report->metric);
  writer_raw(writer, ",\"unit\":");
  writer_json(writer, report->metric_unit);
  writer_raw(writer, ",\"evaluations\":");
  writer_json_f32(writer, evaluations, n);
  writer_raw(writer, ",\"best\":");
  writer_json_f32(writer, best, n);
  writer_raw(writer, ",\"bound\":");
  writer_json_f32(writer, bound, n);
  writer_raw(writer, "}");
}

/* --- timelines --- */

static void write_timeline(struct writer *writer, const struct timeline *timeline, struct arena *arena) {
  uint32_t *chosen;
  size_t n;
  timeline_choose(timeline, REPORT_MAX_BARS, arena, &chosen, &n);
  double *const start = ARENA_NEW(arena, double, n), *const finish = ARENA_NEW(arena, double, n);
  uint32_t *const lane = ARENA_NEW(arena, uint32_t, n), *const flags = ARENA_NEW(arena, uint32_t, n);
  const char **const labels = ARENA_NEW(arena, const char *, n);
  for (size_t i = 0; i < n; i++) {
    const struct timeline_bar *const bar = &timeline->bars[chosen[i]];
    start[i] = (double)bar->start_cycles * timeline->us_per_cycle;
    finish[i] = (double)bar->finish_cycles * timeline->us_per_cycle;
    lane[i] = bar->lane;
    flags[i] = (uint32_t)bar->critical << 16 | bar->phase;
    labels[i] = bar->label;
  }
  writer_raw(writer, "{\"end_us\":");
  writer_json_double(writer, (double)timeline_end_cycles(timeline) * timeline->us_per_cycle);
  write_texts(writer, "lanes", timeline->lanes, timeline->n_lanes);
  write_texts(writer, "phases", timeline->phases, timeline->n_phases);
  write_dictionary(writer, labels, n, "labels", "label", arena);
  writer_raw(writer, ",\"start\":");
  writer_json_f32(writer, start, n);
  writer_raw(writer, ",\"finish\":");
  writer_json_f32(writer, finish, n);
  writer_raw(writer, ",\"lane\":");
  writer_json_u32(writer, lane, n);
  writer_raw(writer, ",\"flags\":");
  writer_json_u32(writer, flags, n);
  writer_raw(writer, "}");
}

void report_write_data(struct writer *writer, const struct report *report, struct arena *arena) {
  writer_raw(writer, "{\"front\":");
  if (report->front != NULL && report->front->n_rows > 0)
    write_front(writer, report, arena);
  else
    writer_raw(writer, "null");
  writer_raw(writer, ",\n\"steps\":");
  if (report->n_steps > 0)
    write_steps(writer, report, arena);
  else
    writer_raw(writer, "null");
  writer_raw(writer, ",\n\"timelines\":[");
  for (size_t i = 0; i < report->n_timelines; i++) {
    if (i > 0) writer_raw(writer, ",\n");
    write_timeline(writer, &report->timelines[i], arena);
  }
  writer_raw(writer, "],\n\"commands\":{");
  for (size_t i = 0; i < report->n_commands; i++) {
    if (i > 0) writer_raw(writer, ",");
    writer_json(writer, report->commands[i].key);
    writer_raw(writer, ":");
    writer_json(writer, report->commands[i].value);
  }
  writer_raw(writer, "}}");
}

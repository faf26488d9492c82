/* What do the report's charts get to show?
 *
 * One JSON object inside the page. Numbers are 32-bit floats in base64, a third of their decimal size and as exact as
 * a screen; texts are a dictionary and indices into it. What is thinned here is announced by report.c. Left out: the
 * tables, which are HTML. */
#include "results/report_parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_texts(struct writer *writer, const char *key, const char *const *texts, size_t n) {
  writer_format(writer, ",\"%s\":[", key);
  for (size_t i = 0; i < n; i++) {
    if (i > 0) writer_raw(writer, ",");
    writer_json(writer, texts[i]);
  }
  writer_raw(writer, "]");
}

struct dictionary_keys {
  const char *words, *bits, *index;
};

/* --- dictionaries --- */

static int by_text(const void *a, const void *b, void *texts_of) {
  const char *const *const texts = texts_of;
  return strcmp(texts[*(const uint32_t *)a], texts[*(const uint32_t *)b]);
}

/* Each text once, in their order, and which one each is; where all differ, as they come and without an index. */
static void write_dictionary(struct writer *writer, const char **texts, size_t n, const struct dictionary_keys *keys,
                             struct arena *arena) {
  uint32_t *const order = ARENA_NEW(arena, uint32_t, n), *const index = ARENA_NEW(arena, uint32_t, n);
  const char **const words = ARENA_NEW(arena, const char *, n);
  size_t n_words = 0;
  for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  qsort_r(order, n, sizeof *order, by_text, texts);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || strcmp(texts[order[i]], texts[order[i - 1]]) != 0) words[n_words++] = texts[order[i]];
    index[order[i]] = (uint32_t)(n_words - 1);
  }
  const bool all_differ = n_words == n;
  write_texts(writer, keys->words, all_differ ? texts : words, n_words);
  if (all_differ || n_words < 2) return;
  const unsigned bits = writer_bits_of(n_words);
  writer_format(writer, ",\"%s\":%u,\"%s\":", keys->bits, bits, keys->index);
  writer_json_words(writer, index, n, bits);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The values that occur, rising, if they are few enough to be numbered in one or two bytes; else 0. */
static size_t set_of(const double *numbers, size_t n, double *set) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(numbers[i])) return 0;
  }
  memcpy(set, numbers, n * sizeof *set);
  qsort(set, n, sizeof *set, by_value);
  size_t n_set = 0;
  for (size_t i = 0; i < n; i++) {
    if (n_set == 0 || set[i] > set[n_set - 1]) set[n_set++] = set[i];
  }
  return n_set <= 1u << 16 ? n_set : 0;
}

static void write_set(struct writer *writer, const double *numbers, size_t n, const double *set, size_t n_set,
                      struct arena *arena) {
  uint32_t *const index = ARENA_NEW(arena, uint32_t, n);
  writer_raw(writer, ",\"set\":[");
  for (size_t i = 0; i < n_set; i++) {
    if (i > 0) writer_raw(writer, ",");
    writer_json_double(writer, set[i]);
  }
  writer_raw(writer, "]");
  if (n_set < 2) return;
  for (size_t i = 0; i < n; i++) {
    const double *const at = bsearch(&numbers[i], set, n_set, sizeof *set, by_value);
    index[i] = (uint32_t)(at - set);
  }
  const unsigned bits = writer_bits_of(n_set);
  writer_format(writer, ",\"bits\":%u,\"index\":", bits);
  writer_json_words(writer, index, n, bits);
}

/* --- the front and the cloud behind it --- */

enum { POINTS_BYTES = 640000 }; /* of both in the page, which stays below 2 MB */

static bool is_axis(const struct report *report, size_t column) {
  return column >= report->first_axis && column - report->first_axis < report->n_axes;
}

/* About what a row takes: floats, numbers of words, a name of its own. */
static size_t row_bytes(const struct report *report, const struct report_table *table) {
  size_t bytes = 0;
  for (size_t i = 0; i < table->n_columns; i++) {
    bytes += table->columns[i].is_text ? i == 0 ? 22 : 2 : is_axis(report, i) ? 2 : 6;
  }
  return bytes > 0 ? bytes : 1;
}

static size_t most_rows(const struct report *report, const struct report_table *table, size_t room_bytes) {
  const size_t fit = room_bytes / row_bytes(report, table);
  const size_t most = fit < REPORT_MAX_POINTS ? fit : REPORT_MAX_POINTS;
  return table->n_rows < most ? table->n_rows : most;
}

size_t report_front_shown(const struct report *report) { return most_rows(report, report->front, POINTS_BYTES); }

size_t report_cloud_shown(const struct report *report) {
  const size_t used_bytes = report_front_shown(report) * row_bytes(report, report->front);
  if (report->cloud == NULL) return 0;
  return most_rows(report, report->cloud, used_bytes < POINTS_BYTES ? POINTS_BYTES - used_bytes : 0);
}

/* Evenly spread rows, with the best (SIZE_MAX: none) among them. */
static size_t *choose_rows(size_t n_rows, size_t n, size_t best, struct arena *arena) {
  size_t *const rows = ARENA_NEW(arena, size_t, n);
  for (size_t i = 0; i < n; i++) rows[i] = (size_t)((double)i * (double)n_rows / (double)n);
  if (best >= n_rows) return rows;
  for (size_t i = n; i-- > 0;) {
    if (rows[i] > best) continue;
    rows[i] = best;
    break;
  }
  return rows;
}

struct rows_shown {
  const struct report_table *table;
  const size_t *rows;
  size_t n;
};

static void write_numbers(struct writer *writer, const double *numbers, size_t n, bool exact, struct arena *arena) {
  double *const set = ARENA_NEW(arena, double, n);
  const size_t n_set = set_of(numbers, n, set);
  /* Floats are for show; what goes into a command is exact. */
  if (n_set > 0 && (exact || n_set == 1 || n_set <= n / 8)) {
    write_set(writer, numbers, n, set, n_set, arena);
  } else {
    writer_raw(writer, ",\"values\":");
    writer_json_f32(writer, numbers, n);
  }
}

static void write_column(struct writer *writer, const struct rows_shown *shown, size_t column, bool axis,
                         struct arena *arena) {
  static const struct dictionary_keys keys = {"words", "bits", "index"};
  const struct report_column *const about = &shown->table->columns[column];
  writer_raw(writer, "{\"name\":");
  writer_json(writer, about->name);
  writer_raw(writer, ",\"unit\":");
  writer_json(writer, about->unit);
  writer_raw(writer, ",\"better\":");
  writer_json(writer, about->better);
  writer_format(writer, ",\"axis\":%s,\"text\":%s", axis ? "true" : "false", about->is_text ? "true" : "false");
  const char **const texts = ARENA_NEW(arena, const char *, shown->n);
  double *const numbers = ARENA_NEW(arena, double, shown->n);
  for (size_t i = 0; i < shown->n; i++) {
    const struct report_cell *const cell = &shown->table->cells[shown->rows[i] * shown->table->n_columns + column];
    texts[i] = cell->text != NULL ? cell->text : "";
    numbers[i] = cell->number;
  }
  if (about->is_text) {
    write_dictionary(writer, texts, shown->n, &keys, arena);
  } else {
    write_numbers(writer, numbers, shown->n, axis, arena);
  }
  writer_raw(writer, "}");
}

static void write_columns(struct writer *writer, const struct report *report, const struct rows_shown *shown,
                          size_t first_axis, struct arena *arena) {
  writer_raw(writer, ",\"columns\":[");
  for (size_t column = 0; column < shown->table->n_columns; column++) {
    if (column > 0) writer_raw(writer, ",");
    const bool axis = column >= first_axis && column - first_axis < report->n_axes;
    write_column(writer, shown, column, axis, arena);
  }
  writer_raw(writer, "]}");
}

static void write_front(struct writer *writer, const struct report *report, struct arena *arena) {
  const struct report_table *const table = report->front;
  const size_t n = report_front_shown(report);
  const size_t *const rows = choose_rows(table->n_rows, n, report->best_row, arena);
  const struct rows_shown shown = {table, rows, n};
  size_t best = n;
  for (size_t i = 0; i < n; i++)
    if (rows[i] == report->best_row) best = i;
  writer_format(writer, "{\"n\":%zu,\"x\":%zu,\"y\":%zu,\"size\":%d,\"best\":%d", n, report->front_x, report->front_y,
                report->front_size < table->n_columns ? (int)report->front_size : -1, best < n ? (int)best : -1);
  if (n < table->n_rows) {
    writer_raw(writer, ",\"rows\":[");
    for (size_t i = 0; i < n; i++) writer_format(writer, "%s%zu", i > 0 ? "," : "", rows[i]);
    writer_raw(writer, "]");
  }
  write_columns(writer, report, &shown, report->first_axis, arena);
}

/* The cloud has the front's columns without the first, its designs' names. */
static void write_cloud(struct writer *writer, const struct report *report, struct arena *arena) {
  const size_t n = report_cloud_shown(report);
  const struct rows_shown shown = {report->cloud, choose_rows(report->cloud->n_rows, n, SIZE_MAX, arena), n};
  writer_format(writer, "{\"n\":%zu", n);
  write_columns(writer, report, &shown, report->first_axis - 1, arena);
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
    flags[i] = (uint32_t)bar->critical << 7 | (bar->phase & 127u);
    labels[i] = bar->label;
  }
  const struct timeline_unit unit = timeline_unit_of(timeline);
  writer_format(writer, "{\"unit\":\"%s\",\"unit_us\":", unit.name);
  writer_json_double(writer, unit.us);
  writer_raw(writer, ",\"end_us\":");
  writer_json_double(writer, (double)timeline_end_cycles(timeline) * timeline->us_per_cycle);
  write_texts(writer, "lanes", timeline->lanes, timeline->n_lanes);
  write_texts(writer, "phases", timeline->phases, timeline->n_phases);
  static const struct dictionary_keys keys = {"labels", "label_bits", "label"};
  write_dictionary(writer, labels, n, &keys, arena);
  writer_raw(writer, ",\"start\":");
  writer_json_f32(writer, start, n);
  writer_raw(writer, ",\"finish\":");
  writer_json_f32(writer, finish, n);
  const unsigned lane_bits = writer_bits_of(timeline->n_lanes);
  writer_format(writer, ",\"lane_bits\":%u,\"lane\":", lane_bits);
  writer_json_words(writer, lane, n, lane_bits);
  writer_raw(writer, ",\"flags\":");
  writer_json_words(writer, flags, n, 8);
  writer_raw(writer, "}");
}

void report_write_data(struct writer *writer, const struct report *report, struct arena *arena) {
  writer_raw(writer, "{\"front\":");
  if (report->front != NULL && report->front->n_rows > 0)
    write_front(writer, report, arena);
  else
    writer_raw(writer, "null");
  writer_raw(writer, ",\n\"cloud\":");
  if (report->cloud != NULL && report->front != NULL && report->cloud->n_rows > 0)
    write_cloud(writer, report, arena);
  else
    writer_raw(writer, "null");
  writer_raw(writer, ",\n\"design\":");
  if (report->design_command != NULL && report->n_axes > 0)
    writer_json(writer, report->design_command);
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
  /* Where the columns of its axes say what a design is, its command is put together by the page. */
  writer_raw(writer, "],\n\"commands\":{");
  for (size_t i = 0; i < report->n_commands && report->design_command == NULL; i++) {
    if (i > 0) writer_raw(writer, ",");
    writer_json(writer, report->commands[i].key);
    writer_raw(writer, ":");
    writer_json(writer, report->commands[i].value);
  }
  writer_raw(writer, "}}");
}

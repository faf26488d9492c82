/* See stages_table.h. The format is ours. Left out: loads that differ between places, which the problem does not have.
 */
#include "search/stages/stages_table.h"

#include "base/text.h"
#include "results/writer.h"
#include "search/names.h"
#include <string.h>

enum { SHOWN_BYTES = 64 };

enum column {
  COLUMN_KIND,
  COLUMN_LAYER,
  COLUMN_LOAD,
  COLUMN_CUT,
  COLUMN_FIXED,
  COLUMN_KEPT,
  COLUMN_AFTER,
  COLUMN_N_KEPT,
  COLUMN_MEMORY,
  N_COLUMNS
};
static const struct table_column columns[N_COLUMNS] = {
    {"kind", "", "", "layer or stage"},
    {"layer", "", "", "name of the layer"},
    {"load", "", "", "of the layer"},
    {"cut", "", "", "load of a boundary behind the layer, on both sides"},
    {"fixed_bytes", "bytes", "", "of the layer, wherever it is"},
    {"kept_bytes", "bytes", "", "of the layer, for every microbatch kept"},
    {"after", "", "", "names of the layers before it"},
    {"n_kept", "", "", "microbatches that the stage keeps"},
    {"memory_bytes", "bytes", "", "of the stage's device; 0: no limit"},
};

struct reading {
  const struct csv *csv;
  struct arena *arena;
  struct error *error;
  size_t at[N_COLUMNS]; /* SIZE_MAX: there is no such column */
  struct names names;
  size_t n_layers, n_stages;
  double *load, *cut;
  uint64_t *fixed_bytes, *kept_bytes, *n_kept;
  uint64_t memory_bytes;
  uint32_t *pred_start, *preds;
  size_t n_preds, room_preds;
};

static const char *cell(const struct reading *reading, size_t row, enum column column) {
  return reading->at[column] == SIZE_MAX ? "" : csv_cell(reading->csv, row, reading->at[column]);
}

static bool complain(const struct reading *reading, uint32_t line, enum column column, const char *what) {
  char file[4 * SHOWN_BYTES];
  text_escape(reading->csv->path, file, sizeof file);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: %s", file, line, columns[column].name, what);
}

static bool complain_of_cell(const struct reading *reading, size_t row, enum column column, const char *what) {
  char text[SHOWN_BYTES];
  text_escape(cell(reading, row, column), text, sizeof text);
  return complain(reading, reading->csv->line[row], column, arena_printf(reading->arena, "\"%s\" %s", text, what));
}

static bool read_number(const struct reading *reading, size_t row, enum column column, bool needed, double *number) {
  *number = 0;
  if (cell(reading, row, column)[0] == 0 && !needed) return true;
  if (text_to_double(cell(reading, row, column), number) && *number >= 0) return true;
  return complain_of_cell(reading, row, column, "is no number of at least 0");
}

static bool read_count(const struct reading *reading, size_t row, enum column column, uint64_t fallback,
                       uint64_t *count) {
  *count = fallback;
  if (cell(reading, row, column)[0] == 0) return true;
  if (text_to_u64(cell(reading, row, column), count)) return true;
  return complain_of_cell(reading, row, column, "is no whole number of at least 0");
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static void add_pred(struct reading *reading, size_t pred) {
  if (reading->n_preds == reading->room_preds) {
    reading->room_preds = 2 * reading->room_preds + 64;
    uint32_t *const grown = ARENA_NEW(reading->arena, uint32_t, reading->room_preds);
    if (reading->n_preds > 0) memcpy(grown, reading->preds, reading->n_preds * sizeof *grown);
    reading->preds = grown;
  }
  reading->preds[reading->n_preds++] = (uint32_t)pred;
}

/* The layer's own name is not known yet, so that only earlier ones are found. */
static void read_preds(struct reading *reading, size_t row) {
  char *text = arena_copy_text(reading->arena, cell(reading, row, COLUMN_AFTER));
  for (char *rest = NULL, *name = strtok_r(text, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
    const size_t pred = names_find(&reading->names, name);
    char shown[SHOWN_BYTES];
    text_escape(name, shown, sizeof shown);
    if (pred != SIZE_MAX) {
      add_pred(reading, pred);
    } else {
      complain(reading, reading->csv->line[row], COLUMN_AFTER,
               arena_printf(reading->arena, "\"%s\" is no layer of an earlier row", shown));
    }
  }
}

static void read_layer(struct reading *reading, size_t row) {
  const size_t layer = reading->n_layers++;
  read_number(reading, row, COLUMN_LOAD, true, &reading->load[layer]);
  read_number(reading, row, COLUMN_CUT, false, &reading->cut[layer]);
  read_count(reading, row, COLUMN_FIXED, 0, &reading->fixed_bytes[layer]);
  read_count(reading, row, COLUMN_KEPT, 0, &reading->kept_bytes[layer]);
  if (reading->at[COLUMN_AFTER] != SIZE_MAX) read_preds(reading, row);
  reading->pred_start[layer + 1] = (uint32_t)reading->n_preds;
  const char *name = cell(reading, row, COLUMN_LAYER);
  if (reading->at[COLUMN_LAYER] == SIZE_MAX) name = arena_printf(reading->arena, "%zu", layer);
  if (name[0] == 0) complain_of_cell(reading, row, COLUMN_LAYER, "is no name, give every layer one");
  if (reading->at[COLUMN_AFTER] != SIZE_MAX && strchr(name, ' ') != NULL) {
    complain_of_cell(reading, row, COLUMN_LAYER, "has a blank, which parts names in the column after");
  }
  if (names_add(&reading->names, name) != layer && !error_is_set(reading->error)) {
    complain_of_cell(reading, row, COLUMN_LAYER, "is the name of an earlier layer");
  }
}

static void read_stage(struct reading *reading, size_t row) {
  uint64_t memory_bytes;
  const size_t stage = reading->n_stages++;
  read_count(reading, row, COLUMN_N_KEPT, 1, &reading->n_kept[stage]);
  read_count(reading, row, COLUMN_MEMORY, 0, &memory_bytes);
  if (stage == 0) reading->memory_bytes = memory_bytes;
  if (memory_bytes == reading->memory_bytes) return;
  complain_of_cell(reading, row, COLUMN_MEMORY, "differs from the stages before, all devices are alike");
}

static bool find_columns(struct reading *reading) {
  const struct csv *csv = reading->csv;
  const char *names[N_COLUMNS];
  for (size_t c = 0; c < N_COLUMNS; c++) {
    names[c] = columns[c].name;
    reading->at[c] = csv_column(csv, names[c]);
  }
  for (size_t c = 0; c < csv->n_columns; c++) {
    size_t known = 0;
    while (known < N_COLUMNS && strcmp(names[known], csv->header[c]) != 0) known++;
    if (known < N_COLUMNS) continue;
    char file[4 * SHOWN_BYTES], shown[SHOWN_BYTES];
    text_escape(csv->path, file, sizeof file);
    text_escape(csv->header[c], shown, sizeof shown);
    const char *nearest = text_nearest(csv->header[c], names, N_COLUMNS);
    error_add(reading->error, STATUS_INPUT, "%s:1: %s: unknown column%s%s%s", file, shown,
              nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
  }
  if (reading->at[COLUMN_LOAD] == SIZE_MAX) complain(reading, 1, COLUMN_LOAD, "is missing, every layer has one");
  if (reading->at[COLUMN_AFTER] != SIZE_MAX && reading->at[COLUMN_CUT] != SIZE_MAX) {
    complain(reading, 1, COLUMN_AFTER, "a graph (after) cannot have cuts, only a chain can");
  }
  return !error_is_set(reading->error);
}

static bool read_rows(struct reading *reading) {
  const size_t n_rows = reading->csv->n_rows;
  reading->load = ARENA_NEW(reading->arena, double, n_rows);
  reading->cut = ARENA_NEW(reading->arena, double, n_rows);
  reading->fixed_bytes = ARENA_NEW(reading->arena, uint64_t, n_rows);
  reading->kept_bytes = ARENA_NEW(reading->arena, uint64_t, n_rows);
  reading->n_kept = ARENA_NEW(reading->arena, uint64_t, n_rows);
  reading->pred_start = ARENA_NEW(reading->arena, uint32_t, n_rows + 1);
  for (size_t row = 0; row < n_rows; row++) {
    const char *kind = reading->at[COLUMN_KIND] == SIZE_MAX ? "layer" : cell(reading, row, COLUMN_KIND);
    if (strcmp(kind, "layer") == 0) {
      read_layer(reading, row);
    } else if (strcmp(kind, "stage") == 0) {
      read_stage(reading, row);
    } else {
      complain_of_cell(reading, row, COLUMN_KIND, "is neither layer nor stage");
    }
  }
  if (reading->n_layers == 0) complain(reading, 1, COLUMN_LOAD, "no layers");
  return !error_is_set(reading->error);
}

/* Stages as the table or the caller has them; they must not contradict each other. */
static bool settle_stages(struct reading *reading, size_t n_stages) {
  if (reading->n_stages == 0) {
    if (n_stages == 0)
      return complain(reading, 1, COLUMN_KIND, "no rows of stages, and nobody says how many there are");
    if (n_stages <= STAGES_MAX_STAGES) reading->n_kept = ARENA_NEW(reading->arena, uint64_t, n_stages);
    for (size_t s = 0; s < n_stages && n_stages <= STAGES_MAX_STAGES; s++) reading->n_kept[s] = 1;
    reading->n_stages = n_stages;
  }
  if (n_stages == 0 || n_stages == reading->n_stages) return true;
  return complain(
      reading, 1, COLUMN_KIND,
      arena_printf(reading->arena, "%zu rows of stages, but %zu stages are asked for", reading->n_stages, n_stages));
}

bool stages_table_read(const struct csv *csv, size_t n_stages, struct arena *arena, struct stages_table *table,
                       struct error *error) {
  struct reading reading = {.csv = csv, .arena = arena, .error = error};
  *table = (struct stages_table){0};
  names_init(&reading.names, arena);
  if (!find_columns(&reading) || !read_rows(&reading) || !settle_stages(&reading, n_stages)) return false;
  const bool graph = reading.at[COLUMN_AFTER] != SIZE_MAX;
  table->layers = reading.names.names;
  table->problem = (struct stages_problem){.n_layers = reading.n_layers,
                                           .n_stages = reading.n_stages,
                                           .load = reading.load,
                                           .cut = reading.at[COLUMN_CUT] != SIZE_MAX ? reading.cut : NULL,
                                           .fixed_bytes = reading.fixed_bytes,
                                           .kept_bytes = reading.kept_bytes,
                                           .n_kept = reading.n_kept,
                                           .memory_bytes = reading.memory_bytes,
                                           .pred_start = graph ? reading.pred_start : NULL,
                                           .preds = graph ? reading.preds : NULL,
                                           .max_downsets = STAGES_MAX_DOWNSETS};
  return true;
}

/* --- writing --------------------------------------------------------------------------------------------------------
 */

static const char *names_of_preds(const struct stages_table *table, size_t layer, struct writer *names) {
  const struct stages_problem *problem = &table->problem;
  names->length = 0;
  writer_raw(names, "");
  for (uint32_t i = problem->pred_start[layer]; i < problem->pred_start[layer + 1]; i++) {
    if (names->length > 0) writer_raw(names, " ");
    writer_raw(names, table->layers[problem->preds[i]]);
  }
  return names->text;
}

static void write_stage(const struct stages_table *table, size_t s, const enum column *written, size_t n_written,
                        struct table *out) {
  for (size_t c = 0; c < n_written; c++) {
    switch (written[c]) {
    case COLUMN_KIND:
      table_text(out, "stage");
      break;
    case COLUMN_N_KEPT:
      table_u64(out, table->problem.n_kept != NULL ? table->problem.n_kept[s] : 1);
      break;
    case COLUMN_MEMORY:
      table_u64(out, table->problem.memory_bytes);
      break;
    default:
      table_empty(out);
    }
  }
}

static void write_layer(const struct stages_table *table, size_t i, const enum column *written, size_t n_written,
                        struct writer *names, struct table *out) {
  const struct stages_problem *problem = &table->problem;
  for (size_t c = 0; c < n_written; c++) {
    switch (written[c]) {
    case COLUMN_KIND:
      table_text(out, "layer");
      break;
    case COLUMN_LAYER:
      table_text(out, table->layers[i]);
      break;
    case COLUMN_LOAD:
      table_double(out, problem->load[i]);
      break;
    case COLUMN_CUT:
      table_double(out, problem->cut[i]);
      break;
    case COLUMN_FIXED:
      table_u64(out, problem->fixed_bytes != NULL ? problem->fixed_bytes[i] : 0);
      break;
    case COLUMN_KEPT:
      table_u64(out, problem->kept_bytes != NULL ? problem->kept_bytes[i] : 0);
      break;
    case COLUMN_AFTER:
      table_text(out, names_of_preds(table, i, names));
      break;
    default:
      table_empty(out);
    }
  }
}

struct table *stages_table_write(const struct stages_table *table, struct arena *arena) {
  struct table_column *const chosen = ARENA_NEW(arena, struct table_column, N_COLUMNS);
  enum column written[N_COLUMNS];
  struct writer names;
  size_t n = 0;
  writer_init(&names, arena);
  for (enum column c = 0; c < N_COLUMNS; c++) {
    if (c == COLUMN_CUT && table->problem.cut == NULL) continue;
    if (c == COLUMN_AFTER && table->problem.pred_start == NULL) continue;
    chosen[n] = columns[c];
    written[n++] = c;
  }
  struct table *const out = table_new(arena, "stages.csv", chosen, n);
  for (size_t s = 0; s < table->problem.n_stages; s++) write_stage(table, s, written, n, out);
  for (size_t i = 0; i < table->problem.n_layers; i++) write_layer(table, i, written, n, &names, out);
  return out;
}

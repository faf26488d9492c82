/* How is a table of measured training runs read? See e2e.h.
 *
 * Columns by name, in any order; others are ignored. A blank cell says that nobody published the value. A column that
 * is not there is blank in every row, but for the few without which a row says nothing. */
#include "dse/e2e/e2e.h"

#include "base/csv.h"
#include "base/text.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

enum { MOST_ROWS = 10000, MOST_GROUPS = 1000 };

enum cell_kind { CELL_TEXT, CELL_WHOLE, CELL_REAL, CELL_SWITCH };
struct column {
  const char *name;
  enum cell_kind kind;
  bool needed; /* of the table; and in every row, if it is a text */
  size_t offset;
};
#define ROW(member) offsetof(struct e2e_row, member)
static const struct column columns[] = {
    {"id", CELL_TEXT, true, ROW(id)},
    {"group", CELL_TEXT, true, ROW(group)},
    {"hardware", CELL_TEXT, true, ROW(hardware)},
    {"model", CELL_TEXT, true, ROW(model)},
    {"unit", CELL_TEXT, true, ROW(unit)},
    {"measured_value", CELL_REAL, true, ROW(measured)},
    {"n_devices", CELL_WHOLE, true, ROW(n_devices)},
    {"metric", CELL_TEXT, false, ROW(metric)},
    {"precision", CELL_TEXT, false, ROW(precision)},
    {"recompute", CELL_TEXT, false, ROW(recompute)},
    {"sharding", CELL_TEXT, false, ROW(sharding)},
    {"quality", CELL_TEXT, false, ROW(quality)},
    {"note", CELL_TEXT, false, ROW(note)},
    {"source", CELL_TEXT, false, ROW(source)},
    {"params_B", CELL_REAL, false, ROW(parameters_e9)},
    {"peak_TFLOPS_dense_used", CELL_REAL, false, ROW(peak_tflops)},
    {"measured_mem_GB", CELL_REAL, false, ROW(memory_gb)},
    {"layers", CELL_WHOLE, false, ROW(layers)},
    {"hidden", CELL_WHOLE, false, ROW(hidden)},
    {"heads", CELL_WHOLE, false, ROW(heads)},
    {"kv_heads", CELL_WHOLE, false, ROW(kv_heads)},
    {"head_size", CELL_WHOLE, false, ROW(head_size)},
    {"ffn", CELL_WHOLE, false, ROW(ffn)},
    {"gated_mlp", CELL_SWITCH, false, ROW(gated)},
    {"vocab", CELL_WHOLE, false, ROW(vocab)},
    {"seq", CELL_WHOLE, false, ROW(sequence)},
    {"TP", CELL_WHOLE, false, ROW(tensor)},
    {"PP", CELL_WHOLE, false, ROW(pipeline)},
    {"VP_or_interleave", CELL_WHOLE, false, ROW(chunks)},
    {"DP", CELL_WHOLE, false, ROW(data)},
    {"CP", CELL_WHOLE, false, ROW(context)},
    {"EP", CELL_WHOLE, false, ROW(expert)},
    {"micro_batch", CELL_WHOLE, false, ROW(microbatch)},
    {"global_batch_seq", CELL_WHOLE, false, ROW(batch)},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };
/* Of mixtures of experts; tables of dense models have none. */
static const struct column rare_columns[] = {
    {"experts", CELL_WHOLE, false, ROW(experts)},
    {"top_k", CELL_WHOLE, false, ROW(top_k)},
};
enum { N_RARE = sizeof rare_columns / sizeof *rare_columns };

static const double most_whole = 1e9, most_real = 1e15;

static void complain(const struct csv *csv, size_t row, const char *column, const char *text, const char *wanted,
                     struct error *error) {
  char shown[80];
  text_escape(text, shown, sizeof shown);
  error_add(error, STATUS_INPUT, "%s:%u: %s: \"%s\", %s was expected", csv->path, csv->line[row], column, shown,
            wanted);
}

/* Without blanks around. */
static const char *trimmed(const char *text, struct arena *arena) {
  while (*text == ' ' || *text == '\t') text++;
  char *const copy = arena_copy_text(arena, text);
  size_t n = strlen(copy);
  while (n > 0 && (copy[n - 1] == ' ' || copy[n - 1] == '\t')) copy[--n] = '\0';
  return copy;
}

static void read_whole(const struct csv *csv, size_t row, const struct column *column, const char *text,
                       uint64_t *value, struct error *error) {
  double number;
  *value = 0;
  if (text[0] == '\0') return;
  /* "64.0" is what spreadsheets make of 64 */
  if (text_to_double(text, &number) && number >= 1 && number <= most_whole && floor(number) == number)
    *value = (uint64_t)number;
  else
    complain(csv, row, column->name, text, "a whole number from 1 to 1e9 or nothing", error);
}

static void read_real(const struct csv *csv, size_t row, const struct column *column, const char *text, double *value,
                      struct error *error) {
  double number;
  *value = NAN;
  if (text[0] == '\0') return;
  if (text_to_double(text, &number) && number > 0 && number <= most_real)
    *value = number;
  else
    complain(csv, row, column->name, text, "a number above 0, up to 1e15, or nothing", error);
}

static void read_switch(const struct csv *csv, size_t row, const struct column *column, const char *text, int *value,
                        struct error *error) {
  *value = -1;
  if (text[0] == '\0') return;
  if (strcmp(text, "0") == 0 || strcmp(text, "1") == 0)
    *value = text[0] == '1';
  else
    complain(csv, row, column->name, text, "0, 1 or nothing", error);
}

static void read_cell(const struct csv *csv, size_t row, const struct column *column, size_t place, struct arena *arena,
                      struct e2e_row *into, struct error *error) {
  void *const value = (char *)into + column->offset;
  const char *const text = place == SIZE_MAX ? "" : trimmed(csv_cell(csv, row, place), arena);
  switch (column->kind) {
  case CELL_TEXT:
    *(const char **)value = text;
    if (column->needed && text[0] == '\0') complain(csv, row, column->name, text, "a text", error);
    break;
  case CELL_WHOLE:
    read_whole(csv, row, column, text, value, error);
    break;
  case CELL_REAL:
    read_real(csv, row, column, text, value, error);
    break;
  case CELL_SWITCH:
    read_switch(csv, row, column, text, value, error);
    break;
  }
}

static void check_id(const struct csv *csv, const struct e2e_table *table, size_t row, struct error *error) {
  for (size_t before = 0; before < row; before++)
    if (strcmp(table->rows[before].id, table->rows[row].id) == 0) {
      complain(csv, row, "id", table->rows[row].id, "an id that no other row has", error);
      return;
    }
}

static bool find_groups(struct e2e_table *table, struct arena *arena, struct error *error) {
  const char **const groups = ARENA_NEW(arena, const char *, MOST_GROUPS);
  for (size_t r = 0; r < table->n; r++) {
    size_t g = 0;
    while (g < table->n_groups && strcmp(groups[g], table->rows[r].group) != 0) g++;
    if (g == MOST_GROUPS)
      return error_add(error, STATUS_INPUT, "%s: group: there are more than %d of them", table->path, MOST_GROUPS);
    if (g == table->n_groups) groups[table->n_groups++] = table->rows[r].group;
    table->rows[r].group_index = g;
  }
  table->groups = groups;
  return true;
}

static bool take_table(const char *path, const struct csv *csv, struct arena *arena, struct e2e_table *table,
                       struct error *error) {
  size_t places[N_COLUMNS];
  *table = (struct e2e_table){.path = path, .rows = ARENA_NEW(arena, struct e2e_row, csv->n_rows), .missing = ""};
  for (size_t c = 0; c < N_COLUMNS; c++) {
    places[c] = csv_column(csv, columns[c].name);
    if (places[c] != SIZE_MAX) continue;
    if (columns[c].needed)
      error_add(error, STATUS_INPUT, "%s:1: %s: this column is missing", path, columns[c].name);
    else
      table->missing = arena_printf(arena, "%s%s%s", table->missing, table->missing[0] ? ", " : "", columns[c].name);
  }
  if (error_is_set(error)) return false;
  if (csv->n_rows == 0) return error_add(error, STATUS_INPUT, "%s: there is no run in it", path);
  for (; table->n < csv->n_rows; table->n++) {
    struct e2e_row *const row = &table->rows[table->n];
    for (size_t c = 0; c < N_COLUMNS; c++) read_cell(csv, table->n, &columns[c], places[c], arena, row, error);
    for (size_t c = 0; c < N_RARE; c++)
      read_cell(csv, table->n, &rare_columns[c], csv_column(csv, rare_columns[c].name), arena, row, error);
    check_id(csv, table, table->n, error);
  }
  return !error_is_set(error) && find_groups(table, arena, error);
}

bool e2e_table_read(const char *path, struct arena *arena, struct e2e_table *table, struct error *error) {
  struct csv csv;
  return csv_read(path, MOST_ROWS, arena, &csv, error) && take_table(path, &csv, arena, table, error);
}

bool e2e_table_parse(const char *name, const char *text, struct arena *arena, struct e2e_table *table,
                     struct error *error) {
  struct csv csv;
  return csv_parse(name, text, strlen(text), MOST_ROWS, arena, &csv, error) &&
         take_table(name, &csv, arena, table, error);
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static bool is_word(char c) { return isalnum((unsigned char)c) != 0; }

static bool has_word(const char *text, const char *word, size_t n) {
  for (size_t i = 0; text[i] != '\0';) {
    while (text[i] != '\0' && !is_word(text[i])) i++;
    size_t end = i;
    while (is_word(text[end])) end++;
    size_t same = 0;
    while (same < n && i + same < end && tolower((unsigned char)text[i + same]) == word[same]) same++;
    if (n > 0 && same == n && end - i == n) return true;
    i = end;
  }
  return false;
}

bool e2e_says(const char *text, const char *alternatives) {
  while (*alternatives != '\0') {
    bool all = true;
    while (*alternatives != '\0' && *alternatives != '|') {
      const size_t n = strcspn(alternatives, " |");
      all = all && has_word(text, alternatives, n);
      alternatives += n;
      if (*alternatives == ' ') alternatives++;
    }
    if (all) return true;
    if (*alternatives == '|') alternatives++;
  }
  return false;
}

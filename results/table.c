/* How do results become CSV that other programs, and spreadsheets, read without options and without harm?
 *
 * Source: RFC 4180, but for line ends, which are a bare \n as all Unix tools expect; ux.md §4. Names are hostile:
 * control characters and invalid UTF-8 come out as \xNN, so that a row is a line, and a leading = + - @ gets an
 * apostrophe before it, so that no spreadsheet computes it. Left out: writing the file (base/file.h publishes it). */
#include "results/table.h"
#include "base/error.h"
#include "base/text.h"
#include "results/report.h"
#include "results/writer.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELL_BYTES = 48 /* of a printed cell, with NUL */, PAGE_CELL_BYTES = 1024 /* likewise on a page */ };

struct table {
  struct writer csv;
  const char *file;
  const struct table_column *columns;
  size_t n_columns;
  size_t next_column; /* of the row being written */
  size_t n_rows;
};

/* --- writing --- */

static void quote(struct table *table, const char *text) {
  writer_raw(&table->csv, "\"");
  for (const char *c = text; *c != '\0'; c++) writer_bytes(&table->csv, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
  writer_raw(&table->csv, "\"");
}

static void end_cell(struct table *table) {
  const bool last = ++table->next_column == table->n_columns;
  writer_bytes(&table->csv, last ? "\n" : ",", 1);
  if (!last) return;
  table->next_column = 0;
  table->n_rows++;
}

/* Bytes of a text that stands in the file as it is, as most do: printable, nothing to quote, no formula; else 0. */
static size_t plain_bytes(const char *text) {
  if (strchr("=+-@ ", text[0]) != NULL) return 0; /* an empty one, too */
  size_t n = 0;
  while ((unsigned char)(text[n] - ' ') < 0x7F - ' ' && text[n] != ',' && text[n] != '"') n++;
  return text[n] == '\0' && text[n - 1] != ' ' ? n : 0;
}

/* One cell as it stands in the file, and the comma or line end behind it. */
static void cell(struct table *table, const char *text) {
  /* A row of one empty cell would be an empty line, which readers skip. */
  const bool would_vanish = text[0] == '\0' && table->n_columns == 1;
  const bool outer_space = text[0] == ' ' || (text[0] != '\0' && text[strlen(text) - 1] == ' ');
  if (would_vanish || outer_space || strpbrk(text, ",\"") != NULL)
    quote(table, text);
  else
    writer_raw(&table->csv, text);
  end_cell(table);
}

struct table *table_new(struct arena *arena, const char *file, const struct table_column *columns, size_t n_columns) {
  REQUIRE(n_columns > 0);
  struct table *const table = ARENA_NEW(arena, struct table, 1);
  *table = (struct table){.file = arena_copy_text(arena, file), .columns = columns, .n_columns = n_columns};
  writer_init(&table->csv, arena);
  for (size_t i = 0; i < n_columns; i++) table_text(table, columns[i].name);
  table->n_rows = 0;
  return table;
}

void table_text(struct table *table, const char *text) {
  const size_t n_plain = plain_bytes(text);
  if (n_plain > 0) {
    writer_bytes(&table->csv, text, n_plain);
    end_cell(table);
    return;
  }
  struct arena *const arena = table->csv.arena;
  const struct arena_mark mark = arena_get_mark(arena);
  const size_t room_bytes = table->csv.room_bytes, safe_bytes = 4 * strlen(text) + 8; /* all \xNN, apostrophe, NUL */
  char *const safe = ARENA_NEW(arena, char, safe_bytes);
  text_escape(text, safe + 1, safe_bytes - 1);
  safe[0] = '\'';
  const bool formula = safe[1] != '\0' && strchr("=+-@", safe[1]) != NULL;
  cell(table, formula ? safe : safe + 1);
  /* A text that grew lies behind the mark now, and stays. */
  if (table->csv.room_bytes == room_bytes) arena_rewind(arena, mark);
}

void table_u64(struct table *table, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, value);
  cell(table, text);
}

void table_double(struct table *table, double value) {
  char text[32] = "";
  if (isfinite(value)) text_from_double(value == 0 ? 0.0 : value, text); /* −0 is 0 */
  cell(table, text);
}

void table_empty(struct table *table) { cell(table, ""); }

const char *table_bytes(const struct table *table, size_t *n) {
  REQUIRE(table->next_column == 0); /* half a row */
  *n = table->csv.length;
  return table->csv.text;
}

/* --- columns.csv --- */

struct table *table_columns_new(struct arena *arena) {
  static const struct table_column columns[] = {
      {"file", "", "", "the file of the results folder"},
      {"column", "", "", "a column of it, in the file's order"},
      {"unit", "", "", "the unit of its values; empty: a count or a text"},
      {"better", "", "", "max or min if larger or smaller values are better"},
      {"meaning", "", "", "what it holds, in a sentence"},
  };
  return table_new(arena, "columns.csv", columns, sizeof columns / sizeof columns[0]);
}

void table_describe(const struct table *table, struct table *columns) {
  for (size_t i = 0; i < table->n_columns; i++) {
    table_text(columns, table->file);
    table_text(columns, table->columns[i].name);
    table_text(columns, table->columns[i].unit);
    table_text(columns, table->columns[i].better);
    table_text(columns, table->columns[i].doc);
  }
}

/* --- for people --- */

/* Reads the cell at *at as it was written, cut to fit, and steps behind it. */
static void read_cell(const char **at, char *out, size_t out_bytes) {
  const char *c = *at;
  const bool quoted = *c == '"';
  size_t n = 0;
  if (quoted) c++;
  for (;; c++) {
    if (quoted && c[0] == '"' && *++c != '"') break; /* a doubled quote is one; a single one ends the cell */
    if (!quoted && (*c == ',' || *c == '\n')) break;
    if (n < 2 * out_bytes) n++;
    if (n < out_bytes) out[n - 1] = *c;
  }
  *at = c + 1; /* behind the comma or line end */
  if (n < out_bytes) {
    out[n] = '\0';
    return;
  }
  n = out_bytes - sizeof "…";
  while (n > 0 && ((unsigned char)out[n] & 0xC0) == 0x80) n--; /* tear no character */
  memcpy(out + n, "…", sizeof "…");
}

static size_t width_of(const char *text) {
  size_t width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
  return width;
}

/* People need six digits of a fraction, and all of a whole number. Is it a number at all? */
static bool shorten(char text[CELL_BYTES]) {
  double value;
  if (!text_to_double(text, &value)) return false;
  if (strpbrk(text, ".eE") != NULL) snprintf(text, CELL_BYTES, "%.6g", value);
  return true;
}

struct print {
  size_t n_columns, n_rows; /* shown, with the header */
  char (*cells)[CELL_BYTES];
  size_t *chosen, *width;
  bool *number;
};

static void print_choose(const struct table *table, const char *const *columns, struct print *print) {
  for (size_t i = 0; i < print->n_columns; i++) {
    size_t found = columns == NULL ? i : table->n_columns;
    for (size_t k = 0; columns != NULL && k < table->n_columns && found == table->n_columns; k++)
      if (strcmp(table->columns[k].name, columns[i]) == 0) found = k;
    REQUIRE(found < table->n_columns);
    print->chosen[i] = found;
    print->number[i] = true;
  }
}

static void print_read(const struct table *table, struct print *print) {
  const char *at = table->csv.text;
  for (size_t row = 0; row < print->n_rows; row++) {
    for (size_t column = 0; column < table->n_columns; column++) {
      char text[CELL_BYTES];
      read_cell(&at, text, sizeof text);
      const bool number = row > 0 && shorten(text);
      for (size_t i = 0; i < print->n_columns; i++) {
        if (print->chosen[i] != column) continue;
        if (row > 0 && !number && text[0] != '\0') print->number[i] = false;
        memcpy(print->cells[row * print->n_columns + i], text, CELL_BYTES);
        const size_t width = width_of(text);
        if (width > print->width[i]) print->width[i] = width;
      }
    }
  }
}

static char *print_lines(const struct print *print, char *out) {
  for (size_t row = 0; row < print->n_rows; row++) {
    for (size_t i = 0; i < print->n_columns; i++) {
      const char *const text = print->cells[row * print->n_columns + i];
      const size_t fill = print->width[i] - width_of(text), n = strlen(text);
      const bool last = i + 1 == print->n_columns;
      if (print->number[i]) out = (char *)memset(out, ' ', fill) + fill;
      out = (char *)memcpy(out, text, n) + n;
      if (!print->number[i] && !last) out = (char *)memset(out, ' ', fill) + fill;
      if (!last) out = (char *)memcpy(out, "  ", 2) + 2;
    }
    *out++ = '\n';
  }
  *out = '\0';
  return out;
}

void table_print(const struct table *table, const char *const *columns, size_t n_columns, size_t max_rows, char **text,
                 struct arena *arena) {
  REQUIRE(table->next_column == 0);
  const size_t shown = table->n_rows < max_rows ? table->n_rows : max_rows;
  struct print print = {.n_columns = columns == NULL ? table->n_columns : n_columns, .n_rows = shown + 1};
  print.cells = arena_alloc(arena, print.n_rows * print.n_columns, CELL_BYTES);
  print.chosen = ARENA_NEW(arena, size_t, print.n_columns);
  print.width = ARENA_NEW(arena, size_t, print.n_columns);
  print.number = ARENA_NEW(arena, bool, print.n_columns);
  print_choose(table, columns, &print);
  print_read(table, &print);
  *text = ARENA_NEW(arena, char, print.n_rows *(print.n_columns * (2 * CELL_BYTES + 2) + 1) + 64);
  char *const end = print_lines(&print, *text);
  if (shown < table->n_rows) snprintf(end, 64, "… and %zu more rows\n", table->n_rows - shown);
}

/* --- for the page --- */

/* Which column of the page a column of the file becomes; SIZE_MAX: none. */
static size_t page_column(const struct table *table, const char *const *columns, size_t column) {
  if (columns == NULL) return column;
  for (size_t i = 0; columns[i] != NULL; i++)
    if (strcmp(columns[i], table->columns[column].name) == 0) return i;
  return SIZE_MAX;
}

/* Every cell is read as a text first, and a column that holds nothing but numbers becomes one of numbers. */
static void page_numbers(struct report_table *page, struct report_column *heads, struct report_cell *cells) {
  for (size_t i = 0; i < page->n_columns; i++) {
    double value;
    for (size_t row = 0; row < page->n_rows; row++) {
      const char *const text = cells[row * page->n_columns + i].text;
      if (text[0] != '\0' && !text_to_double(text, &value)) heads[i].is_text = true;
    }
    for (size_t row = 0; row < page->n_rows; row++) {
      struct report_cell *const cell = &cells[row * page->n_columns + i];
      cell->number = (double)NAN;
      if (!heads[i].is_text && text_to_double(cell->text, &value)) cell->number = value;
    }
  }
}

void table_page(const struct table *table, const char *const *columns, struct report_table *page, struct arena *arena) {
  REQUIRE(table->next_column == 0);
  size_t n = table->n_columns, n_found = 0;
  if (columns != NULL)
    for (n = 0; columns[n] != NULL;) n++;
  struct report_column *const heads = ARENA_NEW(arena, struct report_column, n);
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, n * table->n_rows);
  page->file = table->file;
  page->columns = heads;
  page->n_columns = n;
  page->cells = cells;
  page->n_rows = table->n_rows;
  const char *at = table->csv.text;
  for (size_t row = 0; row <= table->n_rows; row++) {
    for (size_t column = 0; column < table->n_columns; column++) {
      const struct table_column *const about = &table->columns[column];
      const size_t to = page_column(table, columns, column);
      char text[PAGE_CELL_BYTES];
      read_cell(&at, text, sizeof text);
      if (to == SIZE_MAX) continue;
      if (row > 0) cells[(row - 1) * n + to].text = arena_copy_text(arena, text);
      if (row > 0 || heads[to].name != NULL) continue;
      heads[to] = (struct report_column){about->name, text_unit_shown(about->name, about->unit), about->better, false};
      n_found++;
    }
  }
  REQUIRE(n_found == n); /* an unknown name */
  page_numbers(page, heads, cells);
}

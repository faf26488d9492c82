/* How does a table of somebody else become cells with a line number each?
 *
 * RFC 4180 with a header line. One pass unquotes the cells in place, one behind the other (a cell never grows), so the
 * table costs its text once and no memory is taken on the word of a hostile file. A faulty row is reported and left
 * out, and reading goes on: all mistakes of a file at once. Lines that are empty are skipped. Left out: other
 * separators, comments, and the meaning of cells (numbers are the caller's business). */
#include "base/csv.h"

#include "base/file.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

enum {
  CSV_MAX_LINE_BYTES = 1 << 20,
  CSV_MAX_FIELD_BYTES = 1 << 16,
  CSV_MAX_COLUMNS = 256,
  CSV_MAX_FILE_BYTES = 1 << 30,
  SHOWN_NAME_BYTES = 80,
};

struct reader {
  const char *name;
  struct error *error;
  struct arena *arena;
  const char *at, *end;  /* what is still to be read; a NUL stands at `end` */
  char *out;             /* where the next cell goes; never beyond `at` */
  uint32_t line;         /* of `at`, from 1 */
  uint32_t row_line;     /* where the current row starts */
  const char *row_start; /* likewise in the text */
  bool row_faulty;       /* one message a row is enough */
  bool stop;             /* what follows cannot be told apart any more */
  bool failed;           /* some message was given */
  size_t max_line_bytes, max_field_bytes;
  size_t n_columns;          /* of the header; 0 while it is read */
  const char *const *header; /* NULL while it is read */
};

/* One message about a column (from 0) of the current row. */
static void complain(struct reader *reader, uint32_t line, size_t column, const char *what) {
  if (reader->row_faulty) return;
  reader->row_faulty = reader->failed = true;
  char file[SHOWN_NAME_BYTES * 4], name[SHOWN_NAME_BYTES];
  text_escape(reader->name, file, sizeof file);
  if (reader->header && column < reader->n_columns)
    text_escape(reader->header[column], name, sizeof name);
  else
    snprintf(name, sizeof name, "column %zu", column + 1);
  error_add(reader->error, STATUS_INPUT, "%s:%u: %s: %s", file, line, name, what);
}

static void complain_of_length(struct reader *reader, size_t column, const char *what, size_t most_bytes) {
  char text[96];
  const bool small = most_bytes < 1 << 20;
  snprintf(text, sizeof text, "the %s is longer than %zu %s, which is the most", what, most_bytes >> (small ? 10 : 20),
           small ? "KiB" : "MiB");
  complain(reader, reader->row_line, column, text);
}

/* At the end of a line, with or without carriage return? */
static bool at_line_end(const struct reader *reader) {
  const char *at = reader->at;
  return at == reader->end || *at == '\n' || (*at == '\r' && at + 1 < reader->end && at[1] == '\n');
}

static void take(struct reader *reader, size_t column) {
  const unsigned char letter = (unsigned char)*reader->at++;
  if (letter == '\n') reader->line++;
  if ((letter < 0x20 && letter != '\t' && letter != '\n' && letter != '\r') || letter == 0x7F) {
    char what[80];
    snprintf(what, sizeof what, "control character \\x%02X; only tabs and line ends are allowed", letter);
    complain(reader, reader->line, column, what);
    return; /* a NUL would end the cell early */
  }
  *reader->out++ = (char)letter;
}

/* As take, of all that is plain text: most cells are nothing else. */
static void take_plain(struct reader *reader) {
  const char *at = reader->at;
  while ((unsigned char)(*at - ' ') < 0x7F - ' ' && *at != ',' && *at != '"') at++; /* a NUL stands at the end */
  const size_t n = (size_t)(at - reader->at);
  if (reader->out != reader->at) memmove(reader->out, reader->at, n);
  reader->out += n;
  reader->at = at;
}

/* Between quotes; `at` stands behind the first one, afterwards behind the last one. */
static void read_quoted(struct reader *reader, size_t column) {
  const uint32_t first_line = reader->line;
  while (reader->at < reader->end) {
    if (*reader->at != '"') {
      take(reader, column);
    } else if (reader->at + 1 < reader->end && reader->at[1] == '"') {
      reader->at++;
      take(reader, column);
    } else {
      reader->at++;
      return;
    }
  }
  complain(reader, first_line, column, "the quote that opens here is never closed");
  reader->stop = true;
}

/* Takes the comma or line end at `at`; true if a comma, so that another cell follows. */
static bool take_separator(struct reader *reader) {
  if (reader->at == reader->end) return false;
  const char letter = *reader->at;
  reader->at += letter == '\r' ? 2 : 1;
  if (letter != ',') reader->line++;
  return letter == ',';
}

/* One cell with the separator behind it, which the cell's closing NUL may overwrite; true if another cell follows. */
static bool read_cell(struct reader *reader, size_t column) {
  char *cell = reader->out;
  const bool quoted = reader->at < reader->end && *reader->at == '"';
  if (quoted) {
    reader->at++;
    read_quoted(reader, column);
    if (!at_line_end(reader) && *reader->at != ',')
      complain(reader, reader->line, column, "text behind the closing quote; a quote inside a field is doubled: \"\"");
  }
  take_plain(reader);
  while (!at_line_end(reader) && *reader->at != ',') {
    if (*reader->at == '"')
      complain(reader, reader->line, column, "a quote inside a field; quote the whole field and double the quote");
    else if (*reader->at == '\r')
      complain(reader, reader->line, column, "a carriage return without a line feed; lines end with LF or CR LF");
    take(reader, column);
  }
  const bool more = take_separator(reader);
  *reader->out = '\0';
  if ((size_t)(reader->out - cell) > reader->max_field_bytes)
    complain_of_length(reader, column, "field", reader->max_field_bytes);
  if (!text_is_utf8(cell)) complain(reader, reader->row_line, column, "is not UTF-8");
  reader->out++;
  return more;
}

/* Skips empty lines; false at the end. */
static bool start_row(struct reader *reader) {
  while (reader->at < reader->end && at_line_end(reader)) {
    reader->at += *reader->at == '\r' ? 2 : 1;
    reader->line++;
  }
  reader->row_line = reader->line;
  reader->row_start = reader->at;
  reader->row_faulty = false;
  return reader->at < reader->end && !reader->stop;
}

/* All cells of a row with its line end; returns how many. */
static size_t read_row(struct reader *reader) {
  size_t n = 1;
  while (read_cell(reader, n - 1)) {
    if (n == CSV_MAX_COLUMNS) {
      complain(reader, reader->row_line, n, "more than 256 columns, which is the most");
      reader->stop = true;
      break;
    }
    n++;
  }
  if ((size_t)(reader->at - reader->row_start) > reader->max_line_bytes)
    complain_of_length(reader, 0, "line", reader->max_line_bytes);
  return n;
}

/* Pointers to `n` texts that stand one behind the other. */
static const char *const *point_at_cells(struct arena *arena, const char *text, size_t n) {
  const char **cells = ARENA_NEW(arena, const char *, n);
  for (size_t i = 0; i < n; i++) {
    cells[i] = text;
    text += strlen(text) + 1;
  }
  return cells;
}

static bool read_header(struct reader *reader, struct csv *csv) {
  char *first = reader->out;
  if (!start_row(reader)) {
    complain(reader, reader->line, 0, "the table is empty; its first line must name the columns");
    return false;
  }
  const size_t n = read_row(reader);
  if (reader->failed) return false;
  const char *const *header = point_at_cells(reader->arena, first, n);
  for (size_t i = 0; i < n; i++) {
    if (*header[i] == '\0') complain(reader, reader->row_line, i, "the column has no name");
    for (size_t j = 0; j < i; j++)
      if (strcmp(header[i], header[j]) == 0) {
        char what[SHOWN_NAME_BYTES + 64], name[SHOWN_NAME_BYTES];
        text_escape(header[i], name, sizeof name);
        snprintf(what, sizeof what, "the name \"%s\" is taken by column %zu", name, j + 1);
        complain(reader, reader->row_line, i, what);
      }
  }
  if (reader->failed) return false;
  csv->header = reader->header = header;
  csv->n_columns = reader->n_columns = n;
  return true;
}

/* The line of each row; grows by doubling, so a row costs at most four times its four bytes. */
static void keep_line(struct reader *reader, uint32_t **lines, size_t n, size_t *capacity) {
  if (n == *capacity) {
    *capacity = *capacity ? 2 * *capacity : 64;
    uint32_t *larger = ARENA_NEW(reader->arena, uint32_t, *capacity);
    if (n > 0) memcpy(larger, *lines, n * sizeof **lines);
    *lines = larger;
  }
  (*lines)[n] = reader->row_line;
}

/* The next good row, its cells from the return value on; NULL: there is none. */
static char *next_row(struct reader *reader, size_t max_rows, size_t n_rows) {
  while (start_row(reader)) {
    char *row = reader->out;
    char what[96];
    if (n_rows == max_rows) {
      snprintf(what, sizeof what, "more than %zu rows, which is the most here", max_rows);
      complain(reader, reader->row_line, 0, what);
      return NULL;
    }
    const size_t n = read_row(reader);
    if (n != reader->n_columns) {
      snprintf(what, sizeof what, "the row has %zu fields, the header has %zu", n, reader->n_columns);
      complain(reader, reader->row_line, n < reader->n_columns ? n : reader->n_columns, what);
    }
    if (!reader->row_faulty) return row;
    reader->out = row;
  }
  return NULL;
}

static void read_rows(struct reader *reader, size_t max_rows, struct csv *csv) {
  const char *first = reader->out;
  uint32_t *lines = NULL;
  size_t n_rows = 0, capacity = 0;
  while (next_row(reader, max_rows, n_rows) != NULL) keep_line(reader, &lines, n_rows++, &capacity);
  if (reader->failed) return;
  csv->n_rows = n_rows;
  csv->line = lines;
  csv->cells = point_at_cells(reader->arena, first, n_rows * csv->n_columns);
}

/* Every row takes the place of the one before. */
static void walk_rows(struct reader *reader, const struct csv_walk *walk, struct csv *csv) {
  const char **cells = ARENA_NEW(reader->arena, const char *, csv->n_columns);
  csv->n_rows = 1;
  csv->line = &reader->row_line;
  csv->cells = cells;
  char *row;
  for (size_t n_rows = 0; (row = next_row(reader, walk->max_rows, n_rows)) != NULL; n_rows++) {
    reader->out = row;
    for (size_t c = 0; c < csv->n_columns; c++) {
      cells[c] = row;
      row += strlen(row) + 1;
    }
    walk->row(walk->context, csv);
  }
}

/* `text` is overwritten; a NUL stands behind its n bytes. */
static bool start(struct reader *reader, const char *name, char *text, size_t n, struct csv *csv) {
  static const char mark[] = "\xEF\xBB\xBF"; /* the byte order mark that spreadsheets write */
  *csv = (struct csv){.path = arena_copy_text(reader->arena, name)};
  reader->name = name;
  reader->out = text;
  reader->at = text;
  if (n >= 3 && memcmp(text, mark, 3) == 0) reader->at += 3;
  reader->end = text + n;
  reader->line = 1;
  return read_header(reader, csv);
}

static bool parse_in_place(const char *name, char *text, size_t n, size_t max_rows, struct reader reader,
                           struct csv *csv) {
  reader.max_line_bytes = CSV_MAX_LINE_BYTES;
  reader.max_field_bytes = CSV_MAX_FIELD_BYTES;
  if (start(&reader, name, text, n, csv)) read_rows(&reader, max_rows, csv);
  return !reader.failed;
}

bool csv_walk(const char *name, char *text, size_t n, const struct csv_walk *walk, struct arena *arena,
              struct error *error) {
  struct reader reader = {.arena = arena,
                          .error = error,
                          .max_line_bytes = walk->max_line_bytes > 0 ? walk->max_line_bytes : CSV_MAX_LINE_BYTES,
                          .max_field_bytes = walk->max_field_bytes > 0 ? walk->max_field_bytes : CSV_MAX_FIELD_BYTES};
  struct csv csv;
  if (!start(&reader, name, text, n, &csv) || !walk->header(walk->context, &csv)) return false;
  walk_rows(&reader, walk, &csv);
  return !reader.failed;
}

bool csv_parse(const char *name, const char *text, size_t n, size_t max_rows, struct arena *arena, struct csv *csv,
               struct error *error) {
  char *copy = arena_alloc(arena, n + 1, 1);
  if (n > 0) memcpy(copy, text, n);
  return parse_in_place(name, copy, n, max_rows, (struct reader){.arena = arena, .error = error}, csv);
}

bool csv_read(const char *path, size_t max_rows, struct arena *arena, struct csv *csv, struct error *error) {
  char *text;
  size_t n;
  if (!file_read(path, CSV_MAX_FILE_BYTES, arena, &text, &n, error)) return false;
  return parse_in_place(path, text, n, max_rows, (struct reader){.arena = arena, .error = error}, csv);
}

size_t csv_column(const struct csv *csv, const char *name) {
  for (size_t i = 0; i < csv->n_columns; i++)
    if (strcmp(csv->header[i], name) == 0) return i;
  return SIZE_MAX;
}

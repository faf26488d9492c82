/* What do somebody's answers to a partition problem say? A row each, which may override settings (partition §2). Rows
 * are as long as there are nodes, so the table is walked over and not held. See partition_read.h. */
#include "search/partition/partition_read.h"

#include "base/csv_cells.h"
#include "base/file.h"
#include "base/text.h"
#include "search/partition/partition_read_private.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_FILE_BYTES = 1 << 30,
  MAX_ROWS = 1 << 20,
  MAX_CELL_BYTES = 8 * PARTITION_MAX_NODES,
  SHOWN_BYTES = 80,
  ENOUGH_MESSAGES = 200
};

struct reading {
  const struct partition_problem *problem;
  struct arena *arena;
  struct error *error;
  struct partition_row *rows;
  size_t n_rows, room, n_others;
  char other[SHOWN_BYTES]; /* an instance that is named instead */
};

static bool complain(struct reading *r, const struct csv *csv, const char *column, const char *text,
                     const char *wanted) {
  if (r->error->n_messages > ENOUGH_MESSAGES) return false;
  char file[4 * SHOWN_BYTES], shown[SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  text_escape(text, shown, sizeof shown);
  return error_add(r->error, STATUS_INPUT, "%s:%" PRIu32 ": %s: \"%s\" is no %s", file, csv->line[0], column, shown,
                   wanted);
}

static bool check_header(void *context, const struct csv *csv) {
  static const char *const needed[] = {"assignment"};
  return csv_has_columns(csv, 1, needed, 1, ((struct reading *)context)->error);
}

/* Whole numbers with blanks between. What is no chip is the judge's business, so numbers that do not fit stay out of
 * range: below 0 they become 0. */
static bool read_assignment(struct reading *r, const struct csv *csv, const char *text, struct partition_claim *claim) {
  uint32_t *chip = ARENA_NEW(r->arena, uint32_t, strlen(text) / 2 + 1);
  size_t n = 0;
  for (const char *at = text; *at != 0;) {
    if (*at == ' ' || *at == '\t') {
      at++;
      continue;
    }
    const bool negative = *at == '-';
    at += negative;
    if (*at < '0' || *at > '9') return complain(r, csv, "assignment", text, "list of chips with blanks between");
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
      if (number < UINT32_MAX) number = 10 * number + (uint64_t)(*at - '0');
    }
    if (*at != 0 && *at != ' ' && *at != '\t')
      return complain(r, csv, "assignment", text, "list of chips with blanks between");
    chip[n++] = negative ? 0 : number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
  }
  claim->chip = chip;
  claim->n_said = n;
  return true;
}

/* NULL: nothing is said. */
static const char *said(const struct csv *csv, const char *column) {
  const size_t at = csv_column(csv, column);
  return at == SIZE_MAX || *csv_cell(csv, 0, at) == 0 ? NULL : csv_cell(csv, 0, at);
}

static bool override(struct reading *r, const struct csv *csv, struct partition_problem *problem) {
  const char *const chips = said(csv, "chips"), *const cost = said(csv, "cost"),
                    *const triangle = said(csv, "triangle"), *const memory = said(csv, "memory_bytes");
  uint64_t n_chips = problem->n_chips;
  int cost_word = (int)problem->cost, triangle_word = (int)problem->triangle;
  bool fine = true;
  if (chips != NULL && (!text_to_u64(chips, &n_chips) || n_chips < 1 || n_chips > PARTITION_MAX_CHIPS))
    fine = complain(r, csv, "chips", chips, "whole number from 1 to 1024");
  if (cost != NULL && !partition_find_word(cost, PARTITION_COST_WORD, &cost_word))
    fine = complain(r, csv, "cost", cost, "cost (ring, p2p, ring_overlap, p2p_overlap)");
  if (triangle != NULL && !partition_find_word(triangle, PARTITION_TRIANGLE_WORD, &triangle_word))
    fine = complain(r, csv, "triangle", triangle, "rule (none, path, general)");
  if (memory != NULL && !text_to_u64(memory, &problem->memory_bytes))
    fine = complain(r, csv, "memory_bytes", memory, "whole number of at least 0");
  problem->n_chips = (uint32_t)n_chips;
  problem->cost = (enum partition_cost)cost_word;
  problem->triangle = (enum partition_triangle)triangle_word;
  return fine;
}

static void take_row(void *context, const struct csv *csv) {
  struct reading *r = context;
  const char *const instance = said(csv, "instance"), *const claim = said(csv, "claim_ms");
  if (instance != NULL && strcmp(instance, r->problem->name) != 0) {
    if (r->n_others++ == 0) text_escape(instance, r->other, sizeof r->other);
    return;
  }
  struct partition_row row = {.line = csv->line[0], .problem = *r->problem, .claim = {.claim_ms = NAN}};
  if (claim != NULL && !text_to_double(claim, &row.claim.claim_ms))
    complain(r, csv, "claim_ms", claim, "finite number");
  override(r, csv, &row.problem);
  read_assignment(r, csv, csv_cell(csv, 0, csv_column(csv, "assignment")), &row.claim);
  if (r->n_rows == r->room) {
    const size_t room = r->room == 0 ? 16 : 2 * r->room;
    struct partition_row *rows = ARENA_NEW(r->arena, struct partition_row, room);
    if (r->n_rows > 0) memcpy(rows, r->rows, r->n_rows * sizeof *rows);
    r->rows = rows;
    r->room = room;
  }
  r->rows[r->n_rows++] = row;
}

bool partition_parse_answers(const struct partition_problem *problem, const char *name, char *text, size_t n,
                             struct arena *arena, struct partition_row **rows, size_t *n_rows, struct error *error) {
  struct arena scratch; /* as large as the text: given back at the end */
  arena_init(&scratch, 1 << 16);
  struct reading r = {.problem = problem, .arena = arena, .error = error};
  const struct csv_walk walk = {.max_rows = MAX_ROWS,
                                .max_line_bytes = 2 * (size_t)MAX_CELL_BYTES,
                                .max_field_bytes = MAX_CELL_BYTES,
                                .header = check_header,
                                .row = take_row,
                                .context = &r};
  const bool fine = csv_walk(name, text, n, &walk, &scratch, error) && !error_is_set(error);
  arena_release(&scratch);
  *rows = r.rows;
  *n_rows = r.n_rows;
  if (!fine || r.n_rows > 0) return fine;
  char file[4 * SHOWN_BYTES], instance[SHOWN_BYTES];
  text_escape(name, file, sizeof file);
  text_escape(problem->name, instance, sizeof instance);
  if (r.n_others == 0) return error_add(error, STATUS_INPUT, "%s: there is no answer", file);
  return error_add(error, STATUS_INPUT, "%s: no answer is to \"%s\", they are to \"%s\"", file, instance, r.other);
}

bool partition_read_answers(const struct partition_problem *problem, const char *path, struct arena *arena,
                            struct partition_row **rows, size_t *n_rows, struct error *error) {
  struct arena file;
  arena_init(&file, 1 << 16);
  char *text = NULL;
  size_t n = 0;
  const bool fine = file_read(path, MAX_FILE_BYTES, &file, &text, &n, error) &&
                    partition_parse_answers(problem, path, text, n, arena, rows, n_rows, error);
  arena_release(&file);
  return fine;
}

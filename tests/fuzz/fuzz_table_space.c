/* Does any table break the reader of spaces? What it accepts must be a space that keeps its promises, with every row at
 * its place; what it refuses, it says why.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_table_space.c
 * search/space/{table_space,space}.c and the libraries results, base built with the same sanitizers. The corpus is
 * replayed by tests/unit/search/test_fuzz_corpus.c. */
#include "search/space/table_space.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_TABLE_MOST_ROWS = 1001, FUZZ_TABLE_DRAWS = 64 };

/* Tables that were read, and those that were refused, so far. */
static struct { size_t accepted, refused; } fuzz_tables_seen;

static void check_axes(const struct space *space) {
  if (space->n_axes == 0 || space->n_axes > POINT_MAX_AXES) abort();
  for (size_t a = 0; a < space->n_axes; a++) {
    const struct axis *axis = &space->axes[a];
    if (axis->n == 0 || axis->n > TABLE_SPACE_MAX_VALUES) abort();
    for (size_t v = 1; v < axis->n; v++) {
      if (axis->values[v - 1] >= axis->values[v]) abort();
    }
  }
}

static void check_score(const struct space *space, const struct point *point, struct score *score) {
  const char *what;
  space->evaluate(space->context, point, score);
  if (!space_check_score(space, score, &what)) abort();
}

static void check_table(const struct table_space *table, const struct csv *csv) {
  const struct space *space = &table->space;
  struct score score;
  check_axes(space);
  if (space->n_objectives == 0 || space->n_objectives > SCORE_MAX_OBJECTIVES || table->n_rows != csv->n_rows) abort();
  for (size_t r = 0; r < table->n_rows; r++) {
    const struct point *point = &table->records[r].point;
    check_score(space, point, &score);
    if (score.reason == TABLE_MISSING || point_set_number(table->rows, point) != r) abort();
  }
  const uint64_t n = space_size(space);
  for (uint64_t i = 0; i < FUZZ_TABLE_DRAWS && i < n; i++) {
    const struct point point = space_point(space, n <= FUZZ_TABLE_DRAWS ? i : n / FUZZ_TABLE_DRAWS * i);
    check_score(space, &point, &score);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  struct csv csv;
  struct table_space table;
  if (csv_parse("fuzz.csv", (const char *)data, size, FUZZ_TABLE_MOST_ROWS, &arena, &csv, &error)) {
    const bool ok = table_space_init(&table, &csv, &arena, &error);
    if (ok == error_is_set(&error)) abort();
    if (ok) check_table(&table, &csv);
    if (ok) fuzz_tables_seen.accepted++;
    if (!ok) fuzz_tables_seen.refused++;
  }
  arena_release(&arena);
  return 0;
}

/* How does a searcher do on a space that somebody else has measured? A CSV of evaluated points as a space.
 *
 * A column named `max:NAME` or `min:NAME` is an objective, a column named `infeasible` says why a point is none (empty:
 * it is feasible), every other column is an axis. An axis whose values are all numbers is in their order, another in
 * that of its texts. A combination that no row has is infeasible, which only an evaluation tells: a table knows no
 * limits and no bounds. (accelerator-search §10.) */
#ifndef SEARCH_SPACE_TABLE_SPACE_H
#define SEARCH_SPACE_TABLE_SPACE_H

#include "base/csv.h"
#include "search/space/space.h"

enum { TABLE_SPACE_MAX_ROWS = 1 << 20, TABLE_SPACE_MAX_VALUES = UINT16_MAX };

enum table_reason { TABLE_FEASIBLE, TABLE_MISSING, TABLE_INFEASIBLE, TABLE_INVALID, N_TABLE_REASONS };

struct table_space {
  struct space space;
  size_t n_rows;
  const struct record *records; /* in the file's order */
  const struct point_set *rows; /* a point's number is that of its row */
};

/* Adds every mistake as `file:line: column: what is wrong, what is allowed`. The space lies in the arena, the texts in
 * that of the CSV; its metric is the first objective. */
bool table_space_init(struct table_space *table, const struct csv *csv, struct arena *arena, struct error *error);

#endif

/* How do designs that somebody else has measured get in? The statement as a CSV, read and written.
 *
 * A row says what a design does on a stage: `stage`, `design` (names, numbered as they come), `load` (empty: it does
 * not fit; so does what has no row), and one to four columns `cost:NAME`, of which the first is minimised. A row whose
 * stage is `limit` and whose design is empty holds the limits on the sums (empty: none). How many designs a system may
 * have is the caller's. */
#ifndef SEARCH_SYSTEMS_TABLE_H
#define SEARCH_SYSTEMS_TABLE_H

#include "base/csv.h"
#include "results/table.h"
#include "search/systems/systems.h"

enum { SYSTEMS_TABLE_MAX_ROWS = 1 << 20, SYSTEMS_TABLE_MAX_PAIRS = 1 << 21 };

struct systems_table {
  struct systems_problem problem;
  const char *const *stages, *const *designs; /* [n_stages], [n_designs] */
  const char *costs[SYSTEMS_MAX_COSTS];       /* without "cost:" */
};

/* Adds every mistake as `file:line: column: what is wrong, what is allowed`. The problem lies in the arena, texts in
 * that of the CSV. */
bool systems_table_read(const struct csv *csv, struct arena *arena, struct systems_table *table, struct error *error);
/* Reads back equal. */
struct table *systems_table_write(const struct systems_table *table, struct arena *arena);

#endif

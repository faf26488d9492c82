/* Writes CSV that pandas reads at once: RFC 4180, one header line, shortest numbers that read back equal, empty = not
 * applicable; into memory, to be published whole. Every column's meaning and unit is collected for columns.csv. */
#ifndef RESULTS_TABLE_H
#define RESULTS_TABLE_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

struct table_column {
  const char *name, *unit, *better, *doc; /* better: "min", "max" or "" */
};

struct table; /* a growing CSV text in an arena */

struct table *table_new(struct arena *arena, const char *file, const struct table_column *columns, size_t n_columns);
/* Cells in column order; the row ends by itself after the last one. Text is quoted where needed and defused where a
 * spreadsheet would take it for a formula. A double that is not finite is left empty: not applicable. */
void table_text(struct table *table, const char *text);
void table_u64(struct table *table, uint64_t value);
void table_double(struct table *table, double value);
void table_empty(struct table *table);
/* The whole text so far, NUL behind it; valid until the next cell. Half a row is a bug. */
const char *table_bytes(const struct table *table, size_t *n);
/* Rows of columns.csv (file, column, unit, better, meaning) for this table. */
void table_describe(const struct table *table, struct table *columns);
struct table *table_columns_new(struct arena *arena); /* an empty columns.csv */

/* One text table for people: aligned columns (NULL: all; an unknown name is a bug), at most `max_rows` rows and how
 * many more there are; six digits of fractions; long cells cut with "…". */
void table_print(const struct table *table, const char *const *columns, size_t n_columns, size_t max_rows, char **text,
                 struct arena *arena);

/* The same rows for the report's page: the columns named (NULL behind them; NULL: all), those of numbers as numbers.
 * Title and sentence are the caller's to fill in. Everything new is in `arena`. */
struct report_table;
void table_page(const struct table *table, const char *const *columns, struct report_table *page, struct arena *arena);

#endif

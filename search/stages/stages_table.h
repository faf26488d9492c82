/* How do layers and stages that somebody else has measured get in? The statement as a CSV, read and written.
 *
 * Columns: `kind` (layer or stage; without the column all rows are layers). Of a layer: `load`, and as far as there are
 * such, `layer` (its name; else numbers from 0), `cut`, `fixed_bytes`, `kept_bytes`, and `after`, the names of its
 * predecessors with blanks between: then the layers are a graph, else a chain. Of a stage, one row each in their order:
 * `n_kept` (default 1) and `memory_bytes` of its device, the same in all of them (0 or empty: no limit). */
#ifndef SEARCH_STAGES_TABLE_H
#define SEARCH_STAGES_TABLE_H

#include "base/csv.h"
#include "results/table.h"
#include "search/stages/stages.h"

struct stages_table {
  struct stages_problem problem;
  const char *const *layers; /* [n_layers] names */
};

/* `n_stages` 0: as many as the table has rows of. Adds every mistake as `file:line: column: what is wrong, what is
 * allowed`. The problem lies in the arena, texts in that of the CSV. */
bool stages_table_read(const struct csv *csv, size_t n_stages, struct arena *arena, struct stages_table *table,
                       struct error *error);
/* Reads back equal. */
struct table *stages_table_write(const struct stages_table *table, struct arena *arena);

#endif

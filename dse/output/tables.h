/* The CSV tables of a results folder, as text in an arena. */
#ifndef DSE_TABLES_H
#define DSE_TABLES_H

#include "dse/run/run.h"
#include "results/table.h"

struct table *tables_front(const struct run *run, struct arena *arena);
struct table *tables_topk(const struct run *run, struct arena *arena);
struct table *tables_convergence(const struct run *run, struct arena *arena);
struct table *tables_infeasible(const struct run *run, struct arena *arena);
/* One row a rank; `timing` NULL gives the header alone. */
/* timing and durations NULL: the columns alone. */
struct table *tables_timing(const struct run *run, const struct cluster_timing *timing,
                            const struct cluster_durations *durations, struct arena *arena);
/* The rows on stdout as JSON lines; the first `n_texts` columns are texts even where they look like numbers. */
void tables_print_json(const struct table *table, size_t n_texts, struct arena *arena, struct error *error);

#endif

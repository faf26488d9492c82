/* What do the tables of a sharding problem say? Private to the readers here. */
#ifndef SEARCH_SHARDING_SHARDING_ROWS_H
#define SEARCH_SHARDING_SHARDING_ROWS_H

#include "search/names.h"
#include "search/reader.h"
#include "search/sharding/sharding.h"

/* Each adds every mistake at its line. `layers` and `boards`: names in their order. */
bool sharding_read_layers(const struct reader *r, const struct csv *csv, struct names *layers,
                          struct sharding_problem *problem);
bool sharding_read_edges(const struct reader *r, const struct csv *csv, const struct names *layers,
                         struct sharding_problem *problem);
bool sharding_read_links(const struct reader *r, const struct csv *csv, const struct names *boards,
                         struct sharding_problem *problem);
/* Cycles of a design by layer and p. */
bool sharding_read_cycles(const struct reader *r, const struct csv *csv, const struct names *layers,
                          struct sharding_design *design);

#endif

/* Prices of operators out of a CSV file: see table_provider.c. Private to arch/ and its tests. */
#ifndef ARCH_TABLE_PROVIDER_H
#define ARCH_TABLE_PROVIDER_H

#include "arch/cost.h"
#include "base/csv.h"

struct price_table;

/* Reads the rows of `csv` (STATUS_INPUT with file, line and column of every mistake). The table lives in `arena`. */
const struct price_table *price_table_new(const struct csv *csv, struct arena *arena, struct error *error);
struct digest price_table_digest(const struct price_table *table);

#endif

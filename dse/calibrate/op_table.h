/* What operator does a row of OPS.csv mean? */
#ifndef DSE_OP_TABLE_H
#define DSE_OP_TABLE_H

#include "base/csv.h"
#include "workloads/op.h"

enum { OP_TABLE_MAX_ROWS = 1000000 };

/* What columns and kinds there are, for --help. */
extern const char op_table_columns[], op_table_help[];

/* The operator of row `index` with its bounds and bytes, as training would have it. False, with
 * `file:line: column: what is wrong, what is allowed` for each cell that is bad. */
bool op_table_row(const struct csv *csv, size_t index, struct op *op, struct error *error);

#endif

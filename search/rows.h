/* Where do the rows of a problem's table stand, for messages about what they say together? */
#ifndef SEARCH_ROWS_H
#define SEARCH_ROWS_H

#include "base/csv.h"

struct rows_origin {
  const char *file;     /* fit to be shown; NULL: from no file */
  const uint32_t *line; /* of each row */
};
/* Of a table that was read; without columns: from no file. The name is copied into the arena, lines are the table's. */
struct rows_origin rows_origin_of(const struct csv *csv, struct arena *arena);
/* "file:line" of a row, or `otherwise`. */
const char *rows_place(const struct rows_origin *rows, size_t row, const char *otherwise, struct arena *arena);

#endif

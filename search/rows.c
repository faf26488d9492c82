#include "search/rows.h"

#include "base/text.h"
#include <inttypes.h>

enum { SHOWN_BYTES = 320 }; /* of a path */

struct rows_origin rows_origin_of(const struct csv *csv, struct arena *arena) {
  char file[SHOWN_BYTES];
  if (csv->n_columns == 0) return (struct rows_origin){NULL, NULL};
  text_escape(csv->path, file, sizeof file);
  return (struct rows_origin){arena_copy_text(arena, file), csv->line};
}

const char *rows_place(const struct rows_origin *rows, size_t row, const char *otherwise, struct arena *arena) {
  if (rows->file == NULL) return otherwise;
  return arena_printf(arena, "%s:%" PRIu32, rows->file, rows->line[row]);
}

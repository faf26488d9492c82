/* See map_page.h. */
#include "dse/map/map_page.h"

#include <math.h>

enum { N_COLUMNS = 3 };

void map_page_bounds(const struct map_page_bounds *bounds, struct arena *arena, struct report_table *table) {
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_COLUMNS * bounds->n);
  for (size_t i = 0; i < bounds->n; i++) {
    const double value = bounds->values[i];
    struct report_cell *const cell = &cells[N_COLUMNS * i];
    cell[0] = (struct report_cell){NAN, bounds->names[i]};
    cell[1].number = value > 0 ? value : NAN;
    cell[2].number = value > 0 && bounds->value > 0 ? 100 * value / bounds->value : NAN;
  }
  *table = (struct report_table){
      .title = "Lower bounds",
      .sentence = arena_printf(arena, "No %s is below the largest of them. An empty cell: not computed.", bounds->what),
      .columns = bounds->columns,
      .n_columns = N_COLUMNS,
      .cells = cells,
      .n_rows = bounds->n};
}

const char *map_page_rule(double rule, double answer, const char *unit, const char *name, struct arena *arena) {
  if (!isfinite(rule)) return arena_printf(arena, "nothing that is valid (%s)", name);
  const double more = answer > 0 ? 100 * (rule / answer - 1) : 0;
  if (fabs(more) < 5e-4) return arena_printf(arena, "%.10g %s, the same (%s)", rule, unit, name);
  return arena_printf(arena, "%.10g %s, %.3g %% %s (%s)", rule, unit, fabs(more), more > 0 ? "more" : "less", name);
}

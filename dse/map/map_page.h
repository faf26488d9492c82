/* What the pages of mappings have in common. */
#ifndef DSE_MAP_PAGE_H
#define DSE_MAP_PAGE_H

#include "results/report.h"

/* Lower bounds beside an answer; those that are 0 do not apply. */
struct map_page_bounds {
  size_t n;
  const char *const *names;
  const double *values;
  double value;                        /* of the answer */
  const char *what;                    /* "placement" */
  const struct report_column *columns; /* three: the bound's name, its value, its share of the answer */
};
void map_page_bounds(const struct map_page_bounds *bounds, struct arena *arena, struct report_table *table);

/* What a simple rule takes, as a fact: its value, its name, and how far it is from the answer's (both in `unit`, less
 * is better). A rule that found nothing has an infinite value. */
const char *map_page_rule(double rule, double answer, const char *unit, const char *name, struct arena *arena);

#endif

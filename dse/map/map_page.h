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

#endif

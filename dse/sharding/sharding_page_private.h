/* Parts of the page of a sharding. */
#ifndef DSE_SHARDING_PAGE_PRIVATE_H
#define DSE_SHARDING_PAGE_PRIVATE_H

#include "dse/sharding/sharding_page.h"
#include "results/report.h"

enum { SHARDING_PAGE_TABLES = 4 };
/* By layer, its set. */
uint32_t *sharding_page_sets(const struct sharding_shown *shown, struct arena *arena);
struct sharding_cost sharding_page_cost(const struct sharding_shown *shown, uint32_t layer, uint32_t set_number);
/* What each set's time is made of. */
void sharding_page_chapter(const struct sharding_shown *shown, struct arena *arena, struct report_chapter *chapter);
/* Bounds, sets, layers, traffic. */
void sharding_page_tables(const struct sharding_shown *shown, struct arena *arena,
                          struct report_table tables[SHARDING_PAGE_TABLES]);

#endif

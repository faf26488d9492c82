/* dse map: somebody else's tables, solved by the exact methods behind the global search. One problem, one file, one
 * line in map_problems.def; its record is named map_problem_NAME. */
#ifndef DSE_MAP_H
#define DSE_MAP_H

#include "base/csv.h"
#include "dse/command.h"
#include "results/table.h"
#include <jansson.h>

struct map_problem {
  const char *name, *doc;
  const char *const *options; /* of `dse map`'s own, those that mean something here; NULL-terminated */
  size_t max_rows;            /* of its table */
  enum status (*run)(struct invocation *invocation, const struct csv *csv, struct error *error);
};
extern const struct map_problem *const map_problems[];
extern const size_t n_map_problems;

/* A table as CSV on stdout. */
void map_print_table(const struct invocation *invocation, const struct table *table);
/* An object on stdout; takes it over. */
void map_print_json(const struct invocation *invocation, json_t *object);

#endif

/* How does an instance get in? A folder with instance.json and jobs.csv (and edges.csv), and answers as CSV or JSON.
 * (tenancy §2.) Every mistake is added as `file:line: column: what is wrong, what is allowed`. */
#ifndef SEARCH_TENANCY_TENANCY_READ_H
#define SEARCH_TENANCY_TENANCY_READ_H

#include "search/tenancy/tenancy.h"

/* Problem and texts lie in the arena; the problem is finished (tenancy_finish). The folder's name is the problem's if
 * instance.json has none. Rows of a job must agree in what belongs to the job; only `macs` may differ from core to core
 * (a published table does), and counts as on the first core that the job can run on. */
bool tenancy_read(const char *folder, struct arena *arena, struct tenancy_problem *problem, struct error *error);
/* Writes instance.json and jobs.csv (edges.csv) that read back equal. */
bool tenancy_write(const struct tenancy_problem *problem, const char *folder, struct arena *arena, struct error *error);

/* The same from texts: overwritten, a NUL behind their n bytes; `edges` NULL: no dependencies. */
struct tenancy_text {
  const char *path;
  char *bytes;
  size_t n;
};
bool tenancy_parse(const struct tenancy_text *instance, const struct tenancy_text *jobs,
                   const struct tenancy_text *edges, struct arena *arena, struct tenancy_problem *problem,
                   struct error *error);

struct tenancy_answers {
  size_t n;
  struct tenancy_answer *answers;
};
/* CSV with columns `core` and `priority` (n values with blanks between), an answer a row; or JSON
 * {"core": […], "priority": […]}, or a list of such. Sizes and ranges are checked, whether jobs can run is not. */
bool tenancy_read_answers(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                          struct tenancy_answers *answers, struct error *error);
bool tenancy_parse_answers(const struct tenancy_problem *problem, const struct tenancy_text *text, struct arena *arena,
                           struct tenancy_answers *answers, struct error *error);

#endif

/* Can all layers end before a deadline? A relaxation over sets, designs and ranges that keeps the boards of branches
 * apart. Private to exact methods. */
#ifndef SEARCH_SHARDING_SHARDING_DEADLINE_H
#define SEARCH_SHARDING_SHARDING_DEADLINE_H

#include "search/sharding/sharding_choice.h"

struct deadline;
/* NULL: too many states. */
struct deadline *deadline_new(struct ranges *ranges, const struct sharding_sets *sets, struct arena *arena);
/* False: no sharding ends sooner. True: none is excluded, or `max_steps` were not enough to say; *way then has sets of
 * the relaxation, n_sets = 0 if they come to no end. Adds to *n_steps. */
bool deadline_try(struct deadline *deadline, double deadline_s, uint64_t max_steps, uint64_t *n_steps,
                  struct choice *way);

#endif

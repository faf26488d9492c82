/* Which sets of boards are there to choose from, as far as costs can tell? Private to exact methods.
 *
 * Boards of a class (one group, one memory, one fixed design; with links of their own each board by itself) are alike,
 * so a set counts by how many it takes of each: its form. Forms of as many boards on an equally fast ring with as much
 * memory share their tables; what they hear from others at which rate is their contact. */
#ifndef SEARCH_SHARDING_SHARDING_SETS_H
#define SEARCH_SHARDING_SHARDING_SETS_H

#include "search/sharding/sharding_level2.h"

enum { SETS_MAX_CLASSES = 16 };

struct set_form {
  uint32_t taken[SETS_MAX_CLASSES];
  uint32_t index; /* of `taken` in mixed radix: free boards less index are what is left */
  uint32_t contact;
  uint32_t design; /* boards' own; SHARDING_NONE: any */
  struct sharding_shape shape;
  const uint32_t *boards; /* relaxed: of this form alone, as fast a ring as we know; else NULL */
};
struct sharding_sets {
  const struct sharding_problem *problem;
  uint32_t n_classes, granule;           /* boards are taken by so many at once */
  uint32_t class_size[SETS_MAX_CLASSES]; /* in granules */
  const uint32_t *class_boards[SETS_MAX_CLASSES];
  uint32_t n_used; /* mixed-radix numbers of taken boards */
  uint32_t n_forms, n_contacts;
  bool relaxed;                 /* several sets together may be better than any boards are: costs only bound */
  const struct set_form *forms; /* most boards first */
  const double *rate;           /* [n_contacts * n_forms] from a set with this contact to a form */
};
/* False: more than max_forms. */
bool sharding_sets_make(const struct sharding_problem *problem, uint32_t max_forms, struct arena *arena,
                        struct sharding_sets *sets);
/* Some forms of a large system: boards whose groups have `depth` names in common (0: all boards) are one class and are
 * taken in about `n_units` equal parts, from the first max_classes classes. False: no class has boards enough. */
bool sharding_sets_coarse(const struct sharding_problem *problem, uint32_t depth, uint32_t n_units,
                          uint32_t max_classes, struct arena *arena, struct sharding_sets *sets);
/* Forms by their number of boards alone (and design, if boards carry their own): as fast a ring, as much memory, as
 * fast links to others as any boards have. What is best under them is a bound; one set alone is an answer, too.
 * False: too many. */
bool sharding_sets_relax(const struct sharding_problem *problem, uint32_t max_forms, struct arena *arena,
                         struct sharding_sets *sets);
/* Boards for n sets of relaxed forms that run at once: real ones, each set a class and form of its own in this order.
 * False: there are none. */
bool sharding_sets_settle(const struct sharding_sets *relaxed, uint32_t n, const uint32_t *forms, struct arena *arena,
                          struct sharding_sets *sets);
/* Most names in a group's path. */
uint32_t sharding_sets_depth(const struct sharding_problem *problem);
/* Does the form still fit beside what is used? */
bool sharding_sets_fit(const struct sharding_sets *sets, uint32_t used, uint32_t form);
/* Boards of a form after those that are used of each class, in the order of an answer. */
const uint32_t *sharding_sets_boards(const struct sharding_sets *sets, uint32_t used, uint32_t form,
                                     struct arena *arena);

#endif

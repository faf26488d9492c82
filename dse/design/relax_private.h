/* Parts of the search for a limit that lets a design in. See relax.h. */
#ifndef DSE_RELAX_PRIVATE_H
#define DSE_RELAX_PRIVATE_H

#include "dse/design/design_private.h"
#include "dse/design/relax.h"

enum { MOST_SCHEDULES = 4000, N_STATIC = REASON_LAST_RANGE + 1 };

/* A design that could be let in: by the least excess first, or the best bound. */
struct candidate {
  double worth; /* less is better */
  uint64_t index;
};

struct candidates {
  struct candidate *list;
  size_t n, capacity;
};

struct looking {
  struct run *run;
  struct relaxed *relaxed;
  struct arena arena;
  struct candidates only[N_STATIC]; /* break this limit alone */
  struct candidates within;         /* break none that is known without a schedule; worth: index */
  bool asks_schedule;
};

void relax_push(struct looking *looking, struct candidates *into, double worth, uint64_t index);
void relax_sort(struct candidates *candidates);
/* A limit moved by an excess, and a little further to digits that one can write: a ten-thousandth of the way at most.
 */
double relax_moved(double from, double by, bool down);
enum reason relax_schedule(const struct looking *looking, uint64_t index, struct score *score);

/* relax_more.c: the capacity of the stacks of memory, which limits.memory holds a design against; conditions that a run
 * can do without; power and money of all devices. */
void relax_memory(struct looking *looking);
void relax_constraints(struct looking *looking);
void relax_system(struct looking *looking, enum reason reason);

#endif

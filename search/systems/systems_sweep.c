/* What does every load cost, if stages need not care for each other? See systems.h.
 *
 * The sweep over thresholds (accelerator-search §9): of each stage only the designs matter that are cheaper than all
 * faster ones. They take over one after another in ascending load; whenever the sum falls, there is a point of the
 * front. O(n_stages · n_designs · log) to sort and O(n_stages) a point. */
#include "base/checked.h"
#include "search/systems/systems_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From this load on the stage takes the design. */
struct takeover {
  double load, cost;
  uint32_t stage, design;
};

static int compare_takeovers(const void *left, const void *right) {
  const struct takeover *a = left, *b = right;
  if (a->load != b->load) return a->load < b->load ? -1 : 1;
  if (a->stage != b->stage) return a->stage < b->stage ? -1 : 1;
  if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
  return (a->design > b->design) - (a->design < b->design);
}

/* A stage's designs that are cheaper than all faster ones, or as cheap and of a smaller number; returns how many. */
static size_t find_takeovers(const struct systems_problem *problem, size_t stage, struct takeover *takeovers) {
  size_t n = 0, n_kept = 0;
  for (size_t d = 0; d < problem->n_designs; d++) {
    const double load = systems_load(problem, stage, d);
    if (isinf(load)) continue;
    takeovers[n++] = (struct takeover){load, systems_costs(problem, stage, d)[0], (uint32_t)stage, (uint32_t)d};
  }
  if (n > 1) qsort(takeovers, n, sizeof *takeovers, compare_takeovers);
  for (size_t i = 0; i < n; i++) {
    const struct takeover *last = n_kept > 0 ? &takeovers[n_kept - 1] : NULL;
    const struct takeover *next = &takeovers[i];
    if (last != NULL && (next->cost > last->cost || (next->cost == last->cost && next->design > last->design)))
      continue;
    takeovers[n_kept++] = *next;
  }
  return n_kept;
}

/* The takeovers of all stages, in ascending load; 0: a stage has no design at all. */
static size_t list_takeovers(const struct systems_problem *problem, struct arena *scratch, struct takeover **list) {
  struct takeover *const one = ARENA_NEW(scratch, struct takeover, problem->n_designs);
  size_t n = 0, room = 4 * problem->n_stages;
  struct takeover *all = ARENA_NEW(scratch, struct takeover, room);
  for (size_t stage = 0; stage < problem->n_stages; stage++) {
    const size_t n_new = find_takeovers(problem, stage, one);
    if (n_new == 0) return 0;
    if (n + n_new > room) {
      room = 2 * (n + n_new);
      struct takeover *const grown = ARENA_NEW(scratch, struct takeover, room);
      memcpy(grown, all, n * sizeof *all);
      all = grown;
    }
    memcpy(&all[n], one, n_new * sizeof *one);
    n += n_new;
  }
  qsort(all, n, sizeof *all, compare_takeovers);
  *list = all;
  return n;
}

/* Takes over all that there is up to takeovers[*next]'s load. */
static void advance(const struct takeover *takeovers, size_t n, size_t *next, uint32_t *design, size_t *n_missing) {
  const double load = takeovers[*next].load;
  for (; *next < n && takeovers[*next].load == load; ++*next) {
    const struct takeover *takeover = &takeovers[*next];
    if (design[takeover->stage] == SYSTEMS_NO_DESIGN) --*n_missing;
    design[takeover->stage] = takeover->design;
  }
}

static double sum_of_first_costs(const struct systems_problem *problem, const uint32_t *design) {
  double sum = 0;
  for (size_t i = 0; i < problem->n_stages; i++) sum += systems_costs(problem, i, design[i])[0];
  return sum;
}

/* Goes through the list; with a front, writes the choices. Returns how many there are. */
static size_t sweep(const struct systems_problem *problem, const struct takeover *takeovers, size_t n, uint32_t *design,
                    struct systems_choice *choices, struct arena *arena) {
  size_t n_points = 0, n_missing = problem->n_stages;
  double least = INFINITY;
  for (size_t i = 0; i < problem->n_stages; i++) design[i] = SYSTEMS_NO_DESIGN;
  for (size_t next = 0; next < n;) {
    advance(takeovers, n, &next, design, &n_missing);
    if (n_missing > 0) continue;
    const double sum = sum_of_first_costs(problem, design);
    if (!(sum < least)) continue;
    least = sum;
    if (choices != NULL) {
      struct systems_choice *choice = &choices[n_points];
      choice->design = ARENA_NEW(arena, uint32_t, problem->n_stages);
      memcpy(choice->design, design, problem->n_stages * sizeof *design);
      systems_add_up(problem, choice);
    }
    n_points++;
  }
  return n_points;
}

void systems_sweep(const struct systems_problem *problem, struct arena *arena, struct arena *scratch,
                   struct systems_front *front) {
  struct takeover *takeovers;
  uint32_t *design = ARENA_NEW(scratch, uint32_t, problem->n_stages);
  *front = (struct systems_front){0};
  const size_t n = list_takeovers(problem, scratch, &takeovers);
  if (n == 0) return;
  front->n = sweep(problem, takeovers, n, design, NULL, arena);
  front->choices = ARENA_NEW(arena, struct systems_choice, front->n);
  sweep(problem, takeovers, n, design, front->choices, arena);
}

/* Which designs are left if every stage names only its k fastest? See systems.h. */
#include "search/systems/systems_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
  double load;
  uint32_t design;
};

static int compare_ranked(const void *left, const void *right) {
  const struct ranked *a = left, *b = right;
  if (a->load != b->load) return a->load < b->load ? -1 : 1;
  return (a->design > b->design) - (a->design < b->design);
}

static void mark_fastest(const struct systems_problem *problem, size_t stage, size_t k, struct ranked *ranked,
                         bool *marks) {
  size_t n = 0;
  for (size_t d = 0; d < problem->n_designs; d++) {
    const double load = systems_load(problem, stage, d);
    if (!isinf(load)) ranked[n++] = (struct ranked){load, (uint32_t)d};
  }
  if (n > 1) qsort(ranked, n, sizeof *ranked, compare_ranked);
  for (size_t i = 0; i < n && i < k; i++) marks[ranked[i].design] = true;
}

/* Loads and costs of the designs that are left. */
static void copy_tables(const struct systems_problem *from, struct arena *arena, const uint32_t *original,
                        struct systems_problem *to) {
  const size_t n = to->n_designs;
  double *load = ARENA_NEW(arena, double, from->n_stages *n);
  double *cost = ARENA_NEW(arena, double, from->n_stages *n * from->n_costs);
  for (size_t i = 0; i < from->n_stages; i++) {
    for (size_t d = 0; d < n; d++) {
      load[i * n + d] = systems_load(from, i, original[d]);
      memcpy(&cost[(i * n + d) * from->n_costs], systems_costs(from, i, original[d]), from->n_costs * sizeof *cost);
    }
  }
  to->load = load;
  to->cost = cost;
}

void systems_restrict(const struct systems_problem *problem, size_t k, const uint32_t *always, size_t n_always,
                      struct arena *arena, struct systems_restriction *restriction) {
  bool *marks = ARENA_NEW(arena, bool, problem->n_designs);
  struct ranked *ranked = ARENA_NEW(arena, struct ranked, problem->n_designs);
  for (size_t i = 0; i < problem->n_stages; i++) mark_fastest(problem, i, k, ranked, marks);
  for (size_t i = 0; i < n_always; i++) {
    REQUIRE(always[i] < problem->n_designs);
    marks[always[i]] = true;
  }
  restriction->problem = *problem;
  restriction->problem.n_designs = 0;
  restriction->original = ARENA_NEW(arena, uint32_t, problem->n_designs);
  for (uint32_t d = 0; d < problem->n_designs; d++) {
    if (marks[d]) restriction->original[restriction->problem.n_designs++] = d;
  }
  copy_tables(problem, arena, restriction->original, &restriction->problem);
}

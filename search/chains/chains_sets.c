/* What is the cheapest system of at most q different designs? See chains_private.h.
 *
 * Depth first over sets: at a node some designs are in the set, some are banned. The cheapest system of what is not
 * banned (of the set alone, once it is full) bounds all systems below the node, and is one of them if it needs no more
 * than q designs. Else one of its designs that is not in the set is taken: with it in the set first, then without. */
#include "search/chains/chains_private.h"
#include <string.h>

struct sets {
  struct chains_search *search;
  bool *in_set;
  size_t n_set;
  bool gave_up;
  struct chains_choice relaxed; /* room */
};

/* Of the designs of the system that are not in the set, the one on most stages; the first of equals. */
static uint32_t most_used(const struct sets *sets, const uint32_t *design) {
  const struct chains_problem *problem = sets->search->problem;
  size_t most = 0;
  uint32_t best = CHAINS_NO_DESIGN;
  for (size_t s = 0; s < problem->n_stages; s++) {
    size_t n = 0;
    for (size_t t = 0; t < problem->n_stages; t++) n += design[t] == design[s];
    if (sets->in_set[design[s]] || n <= most) continue;
    most = n;
    best = design[s];
  }
  return best;
}

/* The cheapest of what is allowed, as if any number of designs were, and cheaper than what has been found; into
 * `design`. CHAINS_NONE: there is none. */
static enum chains_status relax(struct sets *sets, uint32_t *design) {
  struct chains_search *search = sets->search;
  const struct chains_problem *problem = search->problem;
  const struct chains_choice best = search->best;
  const bool found = search->found, any = search->any;
  struct chains_problem relaxed = *problem;
  relaxed.max_designs = 0;
  if (found) relaxed.limit[0] = fmin(relaxed.limit[0], nextafter(best.cost[0], -INFINITY));
  search->problem = &relaxed;
  search->best = sets->relaxed;
  search->found = search->any = false;
  const enum chains_status status = chains_cheapest(search);
  sets->relaxed = search->best;
  const bool better = search->found;
  search->problem = problem;
  search->best = best;
  search->found = found;
  search->any = any;
  if (!better) return status;
  memcpy(design, sets->relaxed.design, problem->n_stages * sizeof *design);
  chains_copy(problem, &sets->relaxed, &search->trial);
  chains_offer(search);
  return status;
}

static void search_sets(struct sets *sets, bool *banned) {
  struct chains_search *search = sets->search;
  const struct chains_problem *problem = search->problem;
  const bool full = sets->n_set == problem->max_designs;
  if (sets->gave_up || (search->any && search->found)) return;
  if (chains_gave_up(search)) {
    sets->gave_up = true;
    return;
  }
  const struct arena_mark mark = arena_get_mark(search->scratch);
  uint32_t *design = ARENA_NEW(search->scratch, uint32_t, problem->n_stages);
  for (size_t k = 0; k < search->n_kept; k++) {
    const uint32_t d = search->kept[k];
    search->allowed[d] = full ? sets->in_set[d] : !banned[d];
  }
  const enum chains_status status = relax(sets, design);
  if (status == CHAINS_GAVE_UP) sets->gave_up = true;
  if (status == CHAINS_FOUND && !full && chains_count_designs(problem, design) > problem->max_designs) {
    const uint32_t taken = most_used(sets, design);
    sets->in_set[taken] = true;
    sets->n_set++;
    search_sets(sets, banned);
    sets->n_set--;
    sets->in_set[taken] = false;
    banned[taken] = true;
    search_sets(sets, banned);
    banned[taken] = false;
  }
  arena_rewind(search->scratch, mark);
}

enum chains_status chains_cheapest_set(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  const struct arena_mark mark = arena_get_mark(search->scratch);
  struct sets sets = {.search = search};
  sets.in_set = ARENA_NEW(search->scratch, bool, problem->n_designs);
  sets.relaxed.end = ARENA_NEW(search->scratch, uint32_t, problem->n_stages);
  sets.relaxed.design = ARENA_NEW(search->scratch, uint32_t, problem->n_stages);
  search_sets(&sets, ARENA_NEW(search->scratch, bool, problem->n_designs));
  for (size_t k = 0; k < search->n_kept; k++) search->allowed[search->kept[k]] = true;
  arena_rewind(search->scratch, mark);
  if (search->found && search->any) return CHAINS_FOUND;
  if (sets.gave_up) return CHAINS_GAVE_UP;
  return search->found ? CHAINS_FOUND : CHAINS_NONE;
}

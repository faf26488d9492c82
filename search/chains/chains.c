/* What is asked, and how does the front come about? See chains.h.
 *
 * The fast end first, by bisection over all loads: whether a load can be kept is monotone in it. Then from the dear end
 * downwards: the cheapest system, the cheapest one with less load than that, and so on. Designs that another one beats
 * in everything are left out first: no front misses them. */
#include "search/chains/chains.h"

#include "search/chains/chains_private.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST_NODES = 64, MOST_UNPAID = 64 }; /* of a question, also when all nodes are used up; of such questions */

/* --- the statement --------------------------------------------------------------------------------------------------
 */

static bool check_size(size_t n, size_t most, const char *what, struct error *error) {
  if (n > 0 && n <= most) return true;
  return error_add(error, STATUS_INPUT, "chains: %zu %s, 1 to %zu are allowed", n, what, most);
}

static bool check_sizes(const struct chains_problem *problem, struct error *error) {
  if (!check_size(problem->n_layers, CHAINS_MAX_LAYERS, "layers", error) ||
      !check_size(problem->n_stages, CHAINS_MAX_STAGES, "stages", error) ||
      !check_size(problem->n_designs, CHAINS_MAX_DESIGNS, "designs", error) ||
      !check_size(problem->n_costs, CHAINS_MAX_COSTS, "costs", error) ||
      !check_size(problem->n_pieces, CHAINS_MAX_LAYERS * CHAINS_MAX_LAYERS, "pieces", error)) {
    return false;
  }
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (problem->limit[c] >= 0) continue;
    return error_add(error, STATUS_INPUT, "chains: limit %zu is %g, at least 0 is allowed", c, problem->limit[c]);
  }
  if (!(problem->load_weight >= 0) || isinf(problem->load_weight)) {
    return error_add(error, STATUS_INPUT, "chains: a load weighs %g, at least 0 and finite is allowed",
                     problem->load_weight);
  }
  if (problem->n_layers >= problem->n_stages) return true;
  return error_add(error, STATUS_INFEASIBLE, "chains: %zu layers for %zu stages, each needs one", problem->n_layers,
                   problem->n_stages);
}

static bool check_pieces(const struct chains_problem *problem, struct error *error) {
  for (size_t first = 0; first < problem->n_layers; first++) {
    for (size_t end = first + 1; end <= problem->n_layers; end++) {
      const uint32_t piece = chains_piece(problem, first, end);
      if (piece < problem->n_pieces) continue;
      return error_add(error, STATUS_INPUT, "chains: layers %zu to %zu are piece %u, there are %zu", first, end - 1,
                       piece, problem->n_pieces);
    }
  }
  return true;
}

static bool check_designs(const struct chains_problem *problem, struct error *error) {
  double most_load = 0, most_cost = 0;
  for (size_t d = 0; d < problem->n_designs; d++) {
    for (size_t c = 0; c < problem->n_costs; c++) {
      const double cost = problem->cost[d * problem->n_costs + c];
      if (!(cost >= 0) || isinf(cost)) {
        return error_add(error, STATUS_INPUT, "chains: cost %zu of design %zu is %g, at least 0 and finite is allowed",
                         c, d, cost);
      }
      most_cost = fmax(most_cost, cost);
    }
    for (uint32_t piece = 0; piece < problem->n_pieces; piece++) {
      const double load = chains_load(problem, d, piece);
      if (!(load >= 0)) {
        return error_add(error, STATUS_INPUT, "chains: load of piece %u on design %zu is %g, at least 0 is allowed",
                         piece, d, load);
      }
      if (isfinite(load)) most_load = fmax(most_load, load);
    }
  }
  if (isfinite((most_cost + problem->load_weight * most_load) * (double)problem->n_stages)) return true;
  return error_add(error, STATUS_INPUT, "chains: the costs add up beyond all numbers");
}

/* --- designs --------------------------------------------------------------------------------------------------------
 */

/* Nowhere worse; of two that are alike the first stays. */
static bool beats(const struct chains_problem *problem, size_t a, size_t b) {
  bool better = a < b;
  if (problem->bytes != NULL) {
    if (problem->memory_bytes[a] < problem->memory_bytes[b]) return false;
    better = better || problem->memory_bytes[a] > problem->memory_bytes[b];
  }
  for (size_t c = 0; c < problem->n_costs; c++) {
    const double own = problem->cost[a * problem->n_costs + c], other = problem->cost[b * problem->n_costs + c];
    if (own > other) return false;
    better = better || own < other;
  }
  for (uint32_t piece = 0; piece < problem->n_pieces; piece++) {
    const double own = chains_load(problem, a, piece), other = chains_load(problem, b, piece);
    if (own > other) return false;
    better = better || own < other;
  }
  return better;
}

static int compare_sizes(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static void keep_designs(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  search->kept = ARENA_NEW(search->scratch, uint32_t, problem->n_designs);
  search->sizes = ARENA_NEW(search->scratch, uint64_t, problem->n_designs);
  search->size_of = ARENA_NEW(search->scratch, uint32_t, problem->n_designs);
  search->allowed = ARENA_NEW(search->scratch, bool, problem->n_designs);
  for (size_t d = 0; d < problem->n_designs; d++) {
    bool beaten = false;
    for (size_t o = 0; o < problem->n_designs && !beaten; o++) beaten = o != d && beats(problem, o, d);
    if (beaten) continue;
    search->sizes[search->n_kept] = problem->bytes != NULL ? problem->memory_bytes[d] : 0;
    search->allowed[d] = true;
    search->kept[search->n_kept++] = (uint32_t)d;
  }
  qsort(search->sizes, search->n_kept, sizeof *search->sizes, compare_sizes);
  for (size_t k = 0; k < search->n_kept; k++) {
    if (k == 0 || search->sizes[k] != search->sizes[search->n_sizes - 1]) {
      search->sizes[search->n_sizes++] = search->sizes[k];
    }
  }
  for (size_t k = 0; k < search->n_kept; k++) {
    const uint64_t bytes = problem->bytes != NULL ? problem->memory_bytes[search->kept[k]] : 0;
    uint32_t m = 0;
    while (search->sizes[m] != bytes) m++;
    search->size_of[search->kept[k]] = m;
  }
}

/* --- questions ------------------------------------------------------------------------------------------------------
 */

static void new_choice(const struct chains_problem *problem, struct arena *arena, struct chains_choice *choice) {
  choice->end = ARENA_NEW(arena, uint32_t, problem->n_stages);
  choice->design = ARENA_NEW(arena, uint32_t, problem->n_stages);
}

struct solving {
  struct chains_search search;
  const struct chains_effort *effort;
  struct arena *arena;
  struct chains_choice *archive; /* [room], in the arena */
  size_t n, room;
  size_t n_unpaid; /* questions after the nodes were used up */
};

static void keep_best(struct solving *solving) {
  if (solving->n == solving->room) {
    solving->room = 2 * solving->room + 64;
    struct chains_choice *const grown = ARENA_NEW(solving->arena, struct chains_choice, solving->room);
    if (solving->n > 0) memcpy(grown, solving->archive, solving->n * sizeof *grown);
    solving->archive = grown;
  }
  struct chains_choice *const own = &solving->archive[solving->n++];
  new_choice(solving->search.problem, solving->arena, own);
  chains_copy(solving->search.problem, &solving->search.best, own);
}

/* The cheapest one with loads below (`any`: one at all), into search.best. What has been found is offered first. */
static enum chains_status ask(struct solving *solving, double below, bool any) {
  struct chains_search *search = &solving->search;
  const struct chains_problem *problem = search->problem;
  search->below = below;
  search->any = any;
  search->found = false;
  for (size_t i = 0; i < solving->n; i++) {
    if (!(solving->archive[i].load < below)) continue;
    chains_copy(problem, &solving->archive[i], &search->trial);
    chains_offer(search);
  }
  const uint64_t used = search->n_nodes, most = solving->effort->max_nodes;
  const uint64_t share = used < most ? (most - used) / 4 : 0;
  if (share < LEAST_NODES) solving->n_unpaid++;
  search->max_nodes = used + (share > LEAST_NODES ? share : LEAST_NODES);
  const struct arena_mark mark = arena_get_mark(search->scratch);
  const bool counted = problem->max_designs > 0 && problem->max_designs < problem->n_stages;
  const enum chains_status status = counted ? chains_cheapest_set(search) : chains_cheapest(search);
  arena_rewind(search->scratch, mark);
  return status;
}

/* --- the fast end ---------------------------------------------------------------------------------------------------
 */

static int compare_doubles(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static size_t list_loads(const struct chains_search *search, double **loads) {
  const struct chains_problem *problem = search->problem;
  size_t n = 0, n_distinct = 0;
  *loads = ARENA_NEW(search->scratch, double, search->n_kept * problem->n_pieces);
  for (size_t k = 0; k < search->n_kept; k++) {
    for (uint32_t piece = 0; piece < problem->n_pieces; piece++) {
      const double load = chains_load(problem, search->kept[k], piece);
      if (isfinite(load)) (*loads)[n++] = load;
    }
  }
  if (n > 1) qsort(*loads, n, sizeof **loads, compare_doubles);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || (*loads)[i] != (*loads)[i - 1]) (*loads)[n_distinct++] = (*loads)[i];
  }
  return n_distinct;
}

/* Bisection for the least load that is found, from loads[low] on; sets *none to where loads begin that may be kept. */
static double solve_fast_end(struct solving *solving, const double *loads, size_t n, size_t *none) {
  double least = (double)INFINITY;
  for (size_t low = 0, high = n; low < high;) {
    const size_t middle = low + (high - low) / 2;
    const enum chains_status status = ask(solving, nextafter(loads[middle], (double)INFINITY), true);
    if (status == CHAINS_NONE && middle + 1 > *none) *none = middle + 1;
    if (!solving->search.found) {
      low = middle + 1;
      continue;
    }
    keep_best(solving);
    least = fmin(least, solving->search.best.load);
    while (high > low && loads[high - 1] >= least) high--;
  }
  return least;
}

/* Where a question was given up, loads below the least one may be out of reach yet: which ones? */
static double solve_bound(struct solving *solving, const double *loads, size_t n, size_t none, double least) {
  size_t low = none, high = none;
  while (high < n && loads[high] < least) high++;
  while (low < high && solving->n_unpaid < MOST_UNPAID) {
    const size_t middle = low + (high - low) / 2;
    const enum chains_status status = ask(solving, nextafter(loads[middle], (double)INFINITY), true);
    if (solving->search.found) keep_best(solving);
    if (status == CHAINS_NONE)
      low = none = middle + 1;
    else
      high = middle;
  }
  return none < n ? loads[none] : (double)INFINITY;
}

/* --- the front ------------------------------------------------------------------------------------------------------
 */

/* Returns whether it is complete. */
static bool solve_front(struct solving *solving, double least) {
  const struct chains_effort *effort = solving->effort;
  bool complete = true;
  double below = (double)INFINITY;
  for (size_t n = 0; below > least; n++) {
    if (n == effort->max_points || solving->n_unpaid >= MOST_UNPAID) return false;
    const enum chains_status status = ask(solving, below, false);
    complete = complete && status != CHAINS_GAVE_UP;
    if (!solving->search.found) break;
    keep_best(solving);
    const double load = solving->search.best.load;
    /* The fast end itself is a point, wherever the steps fall. */
    const double next = load / (1 + effort->step);
    below = next < least && load > least ? nextafter(least, (double)INFINITY) : next;
  }
  return complete;
}

static int compare_choices(const void *left, const void *right) {
  const struct chains_choice *a = left, *b = right;
  if (a->load != b->load) return a->load < b->load ? -1 : 1;
  return (a->cost[0] > b->cost[0]) - (a->cost[0] < b->cost[0]);
}

static void take_front(struct solving *solving, struct chains_front *front) {
  if (solving->n > 1) qsort(solving->archive, solving->n, sizeof *solving->archive, compare_choices);
  front->choices = solving->archive;
  double cheapest = (double)INFINITY;
  for (size_t i = 0; i < solving->n; i++) {
    if (!(solving->archive[i].cost[0] < cheapest)) continue;
    cheapest = solving->archive[i].cost[0];
    front->choices[front->n++] = solving->archive[i];
  }
}

bool chains_solve(const struct chains_problem *problem, const struct chains_effort *effort, struct arena *arena,
                  struct arena *scratch, struct chains_front *front, struct error *error) {
  REQUIRE(arena != scratch && effort->max_points > 0 && effort->step >= 0);
  *front = (struct chains_front){.bound = (double)INFINITY};
  if (!check_sizes(problem, error) || !check_pieces(problem, error) || !check_designs(problem, error)) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct solving solving = {.search = {.problem = problem, .scratch = scratch}, .effort = effort, .arena = arena};
  struct chains_search *search = &solving.search;
  const size_t cells = (problem->n_stages + 1) * (problem->n_layers + 1);
  keep_designs(search);
  new_choice(problem, scratch, &search->best);
  new_choice(problem, scratch, &search->trial);
  search->pick_cost = ARENA_NEW(scratch, double, problem->n_stages * problem->n_pieces);
  search->pick = ARENA_NEW(scratch, uint32_t, problem->n_stages * problem->n_pieces);
  search->least = ARENA_NEW(scratch, double, cells);
  search->from = ARENA_NEW(scratch, uint32_t, cells);
  search->size_least = ARENA_NEW(scratch, double, search->n_sizes);
  search->size_pick = ARENA_NEW(scratch, uint32_t, search->n_sizes);
  double *loads;
  const size_t n = list_loads(search, &loads);
  size_t none = 0;
  double least = solve_fast_end(&solving, loads, n, &none);
  front->bound = solve_bound(&solving, loads, n, none, least);
  for (size_t i = 0; i < solving.n; i++) least = fmin(least, solving.archive[i].load);
  front->proven = solve_front(&solving, least) && front->bound == least;
  take_front(&solving, front);
  arena_rewind(scratch, mark);
  return true;
}

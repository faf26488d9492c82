/* What is asked, and which way is it answered? See systems.h.
 *
 * Without limits between stages the sweep is the answer (systems_sweep.c), and one design for all is a loop. Otherwise:
 * from the largest load downwards, the cheapest system below it, then below that one's load, and so on. Where the
 * sweep's own choice is within the limits, it is that; elsewhere a branch and bound finds it (systems_sets.c over sets
 * of designs, systems_pick.c within one set). */
#include "search/systems/systems.h"

#include "search/systems/systems_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  LEAST_NODES = 64,  /* of every branch and bound, also when those allowed have been used up */
  MOST_UNPAID = 256, /* of such, so that the time is bounded */
};

/* --- the statement --------------------------------------------------------------------------------------------------
 */

static bool check_sizes(const struct systems_problem *problem, struct error *error) {
  if (problem->n_stages == 0 || problem->n_stages > SYSTEMS_MAX_STAGES) {
    return error_add(error, STATUS_INPUT, "systems: %zu stages, 1 to %d are allowed", problem->n_stages,
                     SYSTEMS_MAX_STAGES);
  }
  if (problem->n_designs == 0 || problem->n_designs > SYSTEMS_MAX_DESIGNS) {
    return error_add(error, STATUS_INPUT, "systems: %zu designs, 1 to %d are allowed", problem->n_designs,
                     SYSTEMS_MAX_DESIGNS);
  }
  if (problem->n_costs == 0 || problem->n_costs > SYSTEMS_MAX_COSTS) {
    return error_add(error, STATUS_INPUT, "systems: %zu costs, 1 to %d are allowed", problem->n_costs,
                     SYSTEMS_MAX_COSTS);
  }
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (problem->limit[c] >= 0) continue;
    return error_add(error, STATUS_INPUT, "systems: limit %zu is %g, at least 0 is allowed", c, problem->limit[c]);
  }
  return true;
}

static bool check_problem(const struct systems_problem *problem, struct error *error) {
  if (!check_sizes(problem, error)) return false;
  double largest = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    for (size_t d = 0; d < problem->n_designs; d++) {
      const double load = systems_load(problem, i, d);
      if (!(load >= 0)) {
        return error_add(error, STATUS_INPUT, "systems: load of design %zu on stage %zu is %g, at least 0 is allowed",
                         d, i, load);
      }
      for (size_t c = 0; c < problem->n_costs && !isinf(load); c++) {
        const double cost = systems_costs(problem, i, d)[c];
        if (!(cost >= 0) || isinf(cost)) {
          return error_add(error, STATUS_INPUT,
                           "systems: cost %zu of design %zu on stage %zu is %g, at least 0 and finite is allowed", c, d,
                           i, cost);
        }
        if (cost > largest) largest = cost;
      }
    }
  }
  if (isfinite(largest * (double)problem->n_stages)) return true;
  return error_add(error, STATUS_INPUT, "systems: the costs add up beyond all numbers");
}

/* --- choices --------------------------------------------------------------------------------------------------------
 */

void systems_add_up(const struct systems_problem *problem, struct systems_choice *choice) {
  choice->load = 0;
  for (size_t c = 0; c < SYSTEMS_MAX_COSTS; c++) choice->cost[c] = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    const double load = systems_load(problem, i, choice->design[i]);
    if (load > choice->load) choice->load = load;
    for (size_t c = 0; c < problem->n_costs; c++) choice->cost[c] += systems_costs(problem, i, choice->design[i])[c];
  }
}

bool systems_within_limits(const struct systems_problem *problem, const struct systems_choice *choice) {
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (choice->cost[c] > problem->limit[c]) return false;
  }
  return isfinite(choice->load);
}

size_t systems_count_designs(const struct systems_problem *problem, const uint32_t *design, size_t most, bool *marks) {
  size_t n = 0;
  for (size_t i = 0; i < problem->n_stages && n <= most; i++) {
    n += !marks[design[i]];
    marks[design[i]] = true;
  }
  for (size_t i = 0; i < problem->n_stages; i++) marks[design[i]] = false;
  return n;
}

static void set_homogeneous(const struct systems_problem *problem, size_t design, struct systems_choice *choice) {
  for (size_t i = 0; i < problem->n_stages; i++) choice->design[i] = (uint32_t)design;
  systems_add_up(problem, choice);
}

bool systems_homogeneous(const struct systems_problem *problem, struct arena *arena, struct systems_choice *choice) {
  struct systems_choice trial = {.design = ARENA_NEW(arena, uint32_t, problem->n_stages)};
  bool found = false;
  *choice = (struct systems_choice){.design = ARENA_NEW(arena, uint32_t, problem->n_stages)};
  for (size_t d = 0; d < problem->n_designs; d++) {
    set_homogeneous(problem, d, &trial);
    if (!systems_within_limits(problem, &trial)) continue;
    const bool better = trial.load < choice->load || (trial.load == choice->load && trial.cost[0] < choice->cost[0]);
    if (found && !better) continue;
    found = true;
    const struct systems_choice previous = *choice;
    *choice = trial;
    trial = previous;
  }
  return found;
}

double systems_lower_bound(const struct systems_problem *problem) {
  double bound = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    double least = INFINITY;
    for (size_t d = 0; d < problem->n_designs; d++) least = fmin(least, systems_load(problem, i, d));
    bound = fmax(bound, least);
  }
  return bound;
}

double systems_gap(double load, double bound) { return load > bound ? load / bound - 1 : 0; }

void systems_offer(struct systems_bb *bb) {
  const struct systems_problem *problem = bb->problem;
  systems_add_up(problem, &bb->trial);
  if (!(bb->trial.load < bb->below) || !systems_within_limits(problem, &bb->trial)) return;
  if (bb->found && bb->trial.cost[0] >= bb->best.cost[0]) return;
  if (problem->max_designs > 0 &&
      systems_count_designs(problem, bb->trial.design, problem->max_designs, bb->marks) > problem->max_designs) {
    return;
  }
  bb->found = true;
  const struct systems_choice previous = bb->best;
  bb->best = bb->trial;
  bb->trial = previous;
}

/* --- the archive ----------------------------------------------------------------------------------------------------
 */

static void copy_choice(const struct systems_problem *problem, const struct systems_choice *from, struct arena *arena,
                        struct systems_choice *to) {
  *to = *from;
  to->design = ARENA_NEW(arena, uint32_t, problem->n_stages);
  memcpy(to->design, from->design, problem->n_stages * sizeof *to->design);
}

static void archive_add(struct systems_archive *archive, const struct systems_choice *choice) {
  if (archive->n == archive->room) {
    archive->room = 2 * archive->room + 64;
    struct systems_choice *const grown = ARENA_NEW(archive->arena, struct systems_choice, archive->room);
    if (archive->n > 0) memcpy(grown, archive->choices, archive->n * sizeof *grown);
    archive->choices = grown;
  }
  copy_choice(archive->problem, choice, archive->arena, &archive->choices[archive->n++]);
}

struct ranked {
  double load, cost;
  size_t number; /* of adding */
};

static int compare_ranked(const void *left, const void *right) {
  const struct ranked *a = left, *b = right;
  if (a->load != b->load) return a->load < b->load ? -1 : 1;
  if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
  return (a->number > b->number) - (a->number < b->number);
}

/* The front of what is in the archive; equals: the first added. */
static void archive_front(struct systems_archive *archive, struct arena *arena, struct systems_front *front) {
  struct ranked *ranked = ARENA_NEW(archive->arena, struct ranked, archive->n);
  for (size_t i = 0; i < archive->n; i++) {
    ranked[i] = (struct ranked){archive->choices[i].load, archive->choices[i].cost[0], i};
  }
  if (archive->n > 1) qsort(ranked, archive->n, sizeof *ranked, compare_ranked);
  double least = INFINITY;
  size_t n = 0;
  for (size_t i = 0; i < archive->n; i++) {
    if (!(ranked[i].cost < least)) continue;
    least = ranked[i].cost;
    ranked[n++] = ranked[i];
  }
  front->n = n;
  front->choices = ARENA_NEW(arena, struct systems_choice, n);
  for (size_t i = 0; i < n; i++) {
    copy_choice(archive->problem, &archive->choices[ranked[i].number], arena, &front->choices[i]);
  }
}

/* --- solving --------------------------------------------------------------------------------------------------------
 */

struct priced {
  double cost;
  uint32_t design;
};

static int compare_priced(const void *left, const void *right) {
  const struct priced *a = left, *b = right;
  if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
  return (a->design > b->design) - (a->design < b->design);
}

static const uint32_t *order_by_cost(const struct systems_problem *problem, struct arena *scratch) {
  const size_t n = problem->n_designs;
  uint32_t *const order = ARENA_NEW(scratch, uint32_t, problem->n_stages * n);
  struct priced *const priced = ARENA_NEW(scratch, struct priced, n);
  for (size_t i = 0; i < problem->n_stages; i++) {
    for (size_t d = 0; d < n; d++) priced[d] = (struct priced){systems_costs(problem, i, d)[0], (uint32_t)d};
    if (n > 1) qsort(priced, n, sizeof *priced, compare_priced);
    for (size_t d = 0; d < n; d++) order[i * n + d] = priced[d].design;
  }
  return order;
}

static int compare_doubles(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* A front under way. */
struct solving {
  struct systems_bb bb;
  struct systems_front relaxed; /* without limits */
  struct systems_archive archive;
  bool proven;
};

/* The cheapest system below a load, into bb.best; false: there is none, or (then not proven) none was found. */
static bool solve_below(struct solving *solving, double below, uint64_t max_nodes) {
  struct systems_bb *bb = &solving->bb;
  const struct systems_problem *problem = bb->problem;
  const struct systems_front *relaxed = &solving->relaxed;
  size_t low = 0, high = relaxed->n; /* the last point below */
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (relaxed->choices[middle].load < below)
      low = middle + 1;
    else
      high = middle;
  }
  bb->found = false;
  bb->below = below;
  if (low == 0) return false;
  memcpy(bb->trial.design, relaxed->choices[low - 1].design, problem->n_stages * sizeof *bb->trial.design);
  systems_offer(bb);
  if (bb->found) return true;
  if (relaxed->choices[low - 1].cost[0] > problem->limit[0]) return false;
  for (size_t i = 0; i < solving->archive.n; i++) {
    const struct systems_choice *known = &solving->archive.choices[i];
    if (!(known->load < below) || (bb->found && known->cost[0] >= bb->best.cost[0])) continue;
    memcpy(bb->trial.design, known->design, problem->n_stages * sizeof *bb->trial.design);
    systems_offer(bb);
  }
  const uint64_t left = max_nodes > bb->n_nodes ? max_nodes - bb->n_nodes : 0;
  bb->max_nodes = bb->n_nodes + (left / 4 > LEAST_NODES ? left / 4 : LEAST_NODES);
  const struct arena_mark mark = arena_get_mark(bb->scratch);
  if (problem->max_designs > 0)
    systems_pick_sets(bb);
  else
    systems_pick(bb, false);
  arena_rewind(bb->scratch, mark);
  if (systems_gave_up(bb)) solving->proven = false;
  return bb->found;
}

/* Every load there is, ascending, each once. */
static size_t list_loads(const struct systems_problem *problem, struct arena *scratch, double **loads) {
  size_t n = 0, n_distinct = 0;
  *loads = ARENA_NEW(scratch, double, problem->n_stages * problem->n_designs);
  for (size_t i = 0; i < problem->n_stages * problem->n_designs; i++) {
    if (isfinite(problem->load[i])) (*loads)[n++] = problem->load[i];
  }
  if (n > 1) qsort(*loads, n, sizeof **loads, compare_doubles);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || (*loads)[i] != (*loads)[i - 1]) (*loads)[n_distinct++] = (*loads)[i];
  }
  return n_distinct;
}

/* The fast end first, by bisection: whether a load can be kept is monotone in it. Returns the least one found. */
static double solve_fast_end(struct solving *solving, uint64_t max_nodes) {
  double *loads;
  size_t low = 0, high = list_loads(solving->bb.problem, solving->bb.scratch, &loads);
  double least = INFINITY;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (!solve_below(solving, nextafter(loads[middle], INFINITY), max_nodes)) {
      low = middle + 1;
      continue;
    }
    archive_add(&solving->archive, &solving->bb.best);
    least = solving->bb.best.load;
    while (high > low && loads[high - 1] >= least) high--;
  }
  return least;
}

static void solve_front(struct solving *solving, uint64_t max_nodes) {
  const double least = solve_fast_end(solving, max_nodes);
  size_t n_unpaid = 0; /* solved after the nodes were used up */
  for (double below = INFINITY; below > least && solve_below(solving, below, max_nodes);) {
    below = solving->bb.best.load;
    archive_add(&solving->archive, &solving->bb.best);
    if (solving->bb.n_nodes >= max_nodes && ++n_unpaid == MOST_UNPAID) {
      solving->proven = false;
      return;
    }
  }
}

static void add_homogeneous(struct systems_archive *archive, struct systems_choice *trial) {
  const struct systems_problem *problem = archive->problem;
  for (size_t d = 0; d < problem->n_designs; d++) {
    set_homogeneous(problem, d, trial);
    if (systems_within_limits(problem, trial)) archive_add(archive, trial);
  }
}

static void solve_limited(const struct systems_problem *problem, uint64_t max_nodes, struct arena *arena,
                          struct arena *scratch, struct systems_front *front, bool *proven) {
  struct solving solving = {.bb = {.problem = problem, .scratch = scratch}, .proven = true};
  struct systems_bb *bb = &solving.bb;
  solving.archive = (struct systems_archive){.problem = problem, .arena = scratch};
  bb->best.design = ARENA_NEW(scratch, uint32_t, problem->n_stages);
  bb->trial.design = ARENA_NEW(scratch, uint32_t, problem->n_stages);
  bb->marks = ARENA_NEW(scratch, bool, problem->n_designs);
  bb->banned = ARENA_NEW(scratch, bool, problem->n_designs);
  bb->in_set = ARENA_NEW(scratch, bool, problem->n_designs);
  bb->bans = ARENA_NEW(scratch, uint32_t, problem->n_designs);
  add_homogeneous(&solving.archive, &bb->trial);
  if (problem->max_designs != 1) {
    bb->by_cost = order_by_cost(problem, scratch);
    systems_sweep(problem, scratch, scratch, &solving.relaxed);
    solve_front(&solving, max_nodes);
  }
  archive_front(&solving.archive, arena, front);
  *proven = solving.proven;
}

static void solve_separable(const struct systems_problem *problem, struct arena *arena, struct arena *scratch,
                            struct systems_front *front) {
  systems_sweep(problem, arena, scratch, front);
  size_t n = 0;
  for (size_t i = 0; i < front->n; i++) {
    if (front->choices[i].cost[0] <= problem->limit[0]) front->choices[n++] = front->choices[i];
  }
  front->n = n;
}

bool systems_solve(const struct systems_problem *problem, uint64_t max_nodes, struct arena *arena,
                   struct arena *scratch, struct systems_front *front, bool *proven, struct error *error) {
  REQUIRE(arena != scratch);
  *front = (struct systems_front){0};
  *proven = true;
  if (!check_problem(problem, error)) return false;
  struct systems_problem own = *problem;
  if (own.max_designs >= own.n_stages || own.max_designs >= own.n_designs) own.max_designs = 0; /* limits nothing */
  bool limited = own.max_designs > 0;
  for (size_t c = 1; c < own.n_costs; c++) limited = limited || isfinite(own.limit[c]);
  const struct arena_mark mark = arena_get_mark(scratch);
  if (limited)
    solve_limited(&own, max_nodes, arena, scratch, front, proven);
  else
    solve_separable(&own, arena, scratch, front);
  arena_rewind(scratch, mark);
  return true;
}

/* What is the cheapest system of the allowed designs that keeps a load and the limits? See chains_private.h.
 *
 * Where a walk over cost 0 alone keeps the other limit, it is the answer. Else it is a shortest path under a constraint
 * (Handler and Zang 1980): a multiplier on the constraint, found between a path that is too dear in cost 1 and one that
 * is not, gives a bound and mostly the answer; what gap is left is closed by labels, all sums of the first stages that
 * are neither dominated nor beyond the bound. Sums within a billionth of a bound are kept, so rounding never cuts off
 * an answer. Left out: other systems of equal cost. */
#include "base/checked.h"
#include "search/chains/chains_private.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 40 }; /* of the multiplier; it needs a handful */

static double walk(struct chains_search *search, double weight0, double weight1) {
  search->weight[0] = weight0;
  search->weight[1] = weight1;
  chains_pick(search);
  return chains_walk(search);
}

/* The least of one cost alone, into the trial; false: there is no path, or none within its limit. */
static bool walk_alone(struct chains_search *search, size_t c) {
  const double least = walk(search, c == 0, c == 1);
  if (isinf(least) || least > search->problem->limit[c]) return false;
  chains_offer(search);
  return true;
}

/* --- the multiplier -------------------------------------------------------------------------------------------------
 */

struct corner { /* of the lower hull of both costs */
  double cost[CHAINS_MAX_COSTS];
};

/* Between a path over limit 1 and one within it. Returns the best multiplier; *bound: no system's cost 0 is below. What
 * is met is offered. */
static double find_multiplier(struct chains_search *search, struct corner over, struct corner within, double *bound) {
  const double limit = search->problem->limit[1];
  double best = 0;
  *bound = over.cost[0];
  for (unsigned k = 0; k < MOST_STEPS; k++) {
    const double multiplier = (within.cost[0] - over.cost[0]) / (over.cost[1] - within.cost[1]);
    if (!(multiplier > 0) || !isfinite(multiplier)) return best;
    const double sum = walk(search, 1, multiplier);
    const struct corner next = {{search->trial.cost[0], search->trial.cost[1]}};
    chains_offer(search);
    const double own = sum - multiplier * limit;
    if (own > *bound) *bound = own, best = multiplier;
    if (!(sum < (within.cost[0] + multiplier * within.cost[1]) * (1 - CHAINS_SLACK))) return best;
    if (next.cost[1] > limit)
      over = next;
    else
      within = next;
  }
  return best;
}

/* --- labels ---------------------------------------------------------------------------------------------------------
 */

struct label {
  double cost[CHAINS_MAX_COSTS];
  uint32_t parent, design;
};
struct labels {
  size_t n, room;
  struct label *labels;
  size_t *start; /* [(n_stages + 1) * (n_layers + 1) + 1]: those of the first s stages with the first i layers */
};
struct labelling {
  struct chains_search *search;
  struct labels labels;
  double multiplier;
  double *rest[CHAINS_MAX_COSTS + 1]; /* of each cost alone, and of both weighted by the multiplier */
};

static int compare_labels(const void *left, const void *right) {
  const struct label *a = left, *b = right;
  for (size_t c = 0; c < CHAINS_MAX_COSTS; c++) {
    if (a->cost[c] != b->cost[c]) return a->cost[c] < b->cost[c] ? -1 : 1;
  }
  if (a->parent != b->parent) return a->parent < b->parent ? -1 : 1;
  return (a->design > b->design) - (a->design < b->design);
}

/* Can these sums still become a system within the limits that is cheaper than the best? */
static bool is_open(const struct labelling *labelling, size_t at, const double *cost) {
  const struct chains_search *search = labelling->search;
  const struct chains_problem *problem = search->problem;
  for (size_t c = 0; c < CHAINS_MAX_COSTS; c++) {
    const double least = cost[c] + labelling->rest[c][at];
    if (isinf(least) || least * (1 - CHAINS_SLACK) > problem->limit[c]) return false;
  }
  const double most = search->found ? search->best.cost[0] : problem->limit[0];
  if (cost[0] + labelling->rest[0][at] > most * (1 + CHAINS_SLACK)) return false;
  const double sum = cost[0] + labelling->multiplier * cost[1] + labelling->rest[CHAINS_MAX_COSTS][at];
  const double over = labelling->multiplier * problem->limit[1];
  return sum - over - CHAINS_SLACK * (sum + over) <= most;
}

static void append(struct labelling *labelling, const struct label *label) {
  struct labels *labels = &labelling->labels;
  if (labels->n == labels->room) {
    labels->room = 2 * labels->room + 1024;
    struct label *const grown = ARENA_NEW(labelling->search->scratch, struct label, labels->room);
    if (labels->n > 0) memcpy(grown, labels->labels, labels->n * sizeof *grown);
    labels->labels = grown;
  }
  labels->labels[labels->n++] = *label;
}

/* Those since `start` that none is below in both. */
static void drop_dominated(struct labels *labels, size_t start) {
  struct label *own = labels->labels + start;
  const size_t n = labels->n - start;
  size_t kept = 0;
  if (n > 1) qsort(own, n, sizeof *own, compare_labels);
  for (size_t l = 0; l < n; l++) {
    if (kept == 0 || own[l].cost[1] < own[kept - 1].cost[1]) own[kept++] = own[l];
  }
  labels->n = start + kept;
}

/* Every label of the first s stages with the first `from` layers, with every design for the piece that follows. */
static void extend(struct labelling *labelling, size_t s, size_t from, size_t end) {
  struct chains_search *search = labelling->search;
  const struct chains_problem *problem = search->problem;
  const size_t row = problem->n_layers + 1, cell = s * row + from;
  const uint32_t piece = chains_piece(problem, from, end);
  for (size_t k = 0; k < search->n_kept; k++) {
    const uint32_t design = search->kept[k];
    const double load = chains_load(problem, design, piece);
    if (!(load < search->below) || !search->allowed[design] || !chains_fits(problem, s, piece, design)) continue;
    const double cost[CHAINS_MAX_COSTS] = {chains_cost(problem, 0, design, load),
                                           chains_cost(problem, 1, design, load)};
    for (size_t l = labelling->labels.start[cell]; l < labelling->labels.start[cell + 1]; l++) {
      const struct label *before = &labelling->labels.labels[l];
      const struct label own = {{before->cost[0] + cost[0], before->cost[1] + cost[1]}, (uint32_t)l, design};
      if (!is_open(labelling, (s + 1) * row + end, own.cost)) continue;
      search->n_nodes++;
      append(labelling, &own);
    }
  }
}

static void offer_label(struct labelling *labelling, size_t label) {
  struct chains_search *search = labelling->search;
  const struct chains_problem *problem = search->problem;
  const size_t row = problem->n_layers + 1;
  size_t end = problem->n_layers;
  for (size_t s = problem->n_stages; s-- > 0;) {
    search->trial.end[s] = (uint32_t)end;
    search->trial.design[s] = labelling->labels.labels[label].design;
    label = labelling->labels.labels[label].parent;
    end = 0; /* the layers of which the parent is one */
    while (labelling->labels.start[s * row + end + 1] <= label) end++;
  }
  chains_offer(search);
}

static enum chains_status search_labels(struct labelling *labelling) {
  struct chains_search *search = labelling->search;
  const struct chains_problem *problem = search->problem;
  const size_t n = problem->n_layers, row = n + 1;
  struct labels *labels = &labelling->labels;
  labels->start = ARENA_NEW(search->scratch, size_t, (problem->n_stages + 1) * row + 1);
  append(labelling, &(struct label){0});
  for (size_t i = 0; i <= n; i++) labels->start[i + 1] = 1; /* no stage: no layer */
  for (size_t s = 0; s < problem->n_stages; s++) {
    for (size_t end = 0; end <= n; end++) {
      const size_t cell = (s + 1) * row + end, first = labels->n;
      labels->start[cell] = first;
      for (size_t from = 0; from < end && chains_may_begin(problem, s + 1, end); from++) {
        if (chains_gave_up(search)) return CHAINS_GAVE_UP;
        extend(labelling, s, from, end);
        if (labels->n - first > 4096) drop_dominated(labels, first);
      }
      drop_dominated(labels, first);
      labels->start[cell + 1] = labels->n;
    }
  }
  for (size_t l = labels->start[problem->n_stages * row + n]; l < labels->n; l++) offer_label(labelling, l);
  return search->found ? CHAINS_FOUND : CHAINS_NONE;
}

static enum chains_status close_gap(struct chains_search *search, double multiplier) {
  const struct chains_problem *problem = search->problem;
  const size_t cells = (problem->n_stages + 1) * (problem->n_layers + 1);
  const struct arena_mark mark = arena_get_mark(search->scratch);
  struct labelling labelling = {.search = search, .multiplier = multiplier};
  const double weights[CHAINS_MAX_COSTS + 1][CHAINS_MAX_COSTS] = {{1, 0}, {0, 1}, {1, multiplier}};
  for (size_t w = 0; w <= CHAINS_MAX_COSTS; w++) {
    labelling.rest[w] = ARENA_NEW(search->scratch, double, cells);
    memcpy(search->weight, weights[w], sizeof weights[w]);
    chains_pick(search);
    chains_rest(search, labelling.rest[w]);
  }
  const enum chains_status status = search_labels(&labelling);
  arena_rewind(search->scratch, mark);
  return status;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static enum chains_status cheapest(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  struct corner over, within = {{0}};
  const bool limited = problem->n_costs > 1 && isfinite(problem->limit[1]);
  if (limited) {
    if (!walk_alone(search, 1)) return CHAINS_NONE;
    if (search->any && search->found) return CHAINS_FOUND;
    memcpy(within.cost, search->trial.cost, sizeof within.cost);
  }
  if (!walk_alone(search, 0)) return CHAINS_NONE;
  memcpy(over.cost, search->trial.cost, sizeof over.cost);
  if (!limited || over.cost[1] <= problem->limit[1]) return CHAINS_FOUND;
  double bound;
  const double multiplier = find_multiplier(search, over, within, &bound);
  if (search->found && (search->any || search->best.cost[0] <= bound)) return CHAINS_FOUND;
  const double loosened = bound - CHAINS_SLACK * (fabs(bound) + multiplier * problem->limit[1]);
  if (loosened > problem->limit[0]) return CHAINS_NONE;
  return close_gap(search, multiplier);
}

enum chains_status chains_cheapest(struct chains_search *search) {
  const enum chains_status status = cheapest(search);
  search->n_nodes++;
  return status;
}

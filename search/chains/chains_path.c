/* Which path through stages and layers costs least, if stages need not care for each other? See chains_private.h.
 *
 * For one piece at one stage only the cheapest design matters that has it in time and in memory. Designs are asked for
 * each piece once: of each size of memory the cheapest, then of this size or a larger one. O(n_pieces · n_designs) and
 * O(n_stages · n_layers²) a walk. */
#include "base/checked.h"
#include "search/chains/chains_private.h"
#include <string.h>

/* Of one piece: the cheapest design of at least each size of memory. */
static void pick_by_size(struct chains_search *search, uint32_t piece) {
  const struct chains_problem *problem = search->problem;
  for (size_t m = 0; m < search->n_sizes; m++) {
    search->size_least[m] = (double)INFINITY;
    search->size_pick[m] = CHAINS_NO_DESIGN;
  }
  for (size_t k = 0; k < search->n_kept; k++) {
    const uint32_t design = search->kept[k];
    const double load = chains_load(problem, design, piece);
    if (!(load < search->below) || !search->allowed[design]) continue;
    const double cost = chains_weighted(search, design, load);
    const size_t m = search->size_of[design];
    if (!(cost < search->size_least[m])) continue;
    search->size_least[m] = cost;
    search->size_pick[m] = design;
  }
  for (size_t m = search->n_sizes - 1; m-- > 0;) {
    if (!(search->size_least[m + 1] < search->size_least[m])) continue;
    search->size_least[m] = search->size_least[m + 1];
    search->size_pick[m] = search->size_pick[m + 1];
  }
}

void chains_pick(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  for (uint32_t piece = 0; piece < problem->n_pieces; piece++) {
    pick_by_size(search, piece);
    for (size_t s = 0; s < problem->n_stages; s++) {
      const uint64_t bytes = problem->bytes != NULL ? problem->bytes[s * problem->n_pieces + piece] : 0;
      size_t m = 0;
      while (m < search->n_sizes && search->sizes[m] < bytes) m++;
      const bool fits = m < search->n_sizes;
      search->pick_cost[s * problem->n_pieces + piece] = fits ? search->size_least[m] : (double)INFINITY;
      search->pick[s * problem->n_pieces + piece] = fits ? search->size_pick[m] : CHAINS_NO_DESIGN;
    }
  }
}

static void add_up(const struct chains_problem *problem, struct chains_choice *choice) {
  choice->load = 0;
  for (size_t c = 0; c < CHAINS_MAX_COSTS; c++) choice->cost[c] = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    const uint32_t piece = chains_piece(problem, s > 0 ? choice->end[s - 1] : 0, choice->end[s]);
    const double load = chains_load(problem, choice->design[s], piece);
    if (load > choice->load) choice->load = load;
    for (size_t c = 0; c < problem->n_costs; c++) {
      choice->cost[c] += chains_cost(problem, c, choice->design[s], load);
    }
  }
}

size_t chains_count_designs(const struct chains_problem *problem, const uint32_t *design) {
  size_t n = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    bool seen = false;
    for (size_t t = 0; t < s && !seen; t++) seen = design[t] == design[s];
    n += !seen;
  }
  return n;
}

void chains_copy(const struct chains_problem *problem, const struct chains_choice *from, struct chains_choice *to) {
  to->load = from->load;
  memcpy(to->cost, from->cost, sizeof to->cost);
  memcpy(to->end, from->end, problem->n_stages * sizeof *to->end);
  memcpy(to->design, from->design, problem->n_stages * sizeof *to->design);
}

void chains_offer(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  add_up(problem, &search->trial);
  if (!(search->trial.load < search->below)) return;
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (!(search->trial.cost[c] <= problem->limit[c])) return;
  }
  if (search->found && search->trial.cost[0] >= search->best.cost[0]) return;
  const size_t most = problem->max_designs;
  if (most > 0 && chains_count_designs(problem, search->trial.design) > most) return;
  search->found = true;
  chains_copy(problem, &search->trial, &search->best);
}

double chains_walk(struct chains_search *search) {
  const struct chains_problem *problem = search->problem;
  const size_t n = problem->n_layers, row = n + 1;
  for (size_t i = 0; i <= n; i++) search->least[i] = i == 0 ? 0 : (double)INFINITY;
  for (size_t s = 0; s < problem->n_stages; s++) {
    const double *before = search->least + s * row, *cost = search->pick_cost + s * problem->n_pieces;
    for (size_t end = 0; end <= n; end++) {
      double least = (double)INFINITY;
      uint32_t from = 0;
      for (size_t i = 0; i < end && chains_may_begin(problem, s + 1, end); i++) {
        if (!chains_may_begin(problem, s, i)) continue;
        const double sum = before[i] + cost[chains_piece(problem, i, end)];
        if (sum < least) least = sum, from = (uint32_t)i;
      }
      search->least[(s + 1) * row + end] = least;
      search->from[(s + 1) * row + end] = from;
    }
  }
  if (isinf(search->least[problem->n_stages * row + n])) return (double)INFINITY;
  size_t end = n;
  for (size_t s = problem->n_stages; s-- > 0;) {
    const size_t from = search->from[(s + 1) * row + end];
    search->trial.end[s] = (uint32_t)end;
    search->trial.design[s] = search->pick[s * problem->n_pieces + chains_piece(problem, from, end)];
    end = from;
  }
  add_up(problem, &search->trial);
  return search->least[problem->n_stages * row + n];
}

void chains_rest(const struct chains_search *search, double *rest) {
  const struct chains_problem *problem = search->problem;
  const size_t n = problem->n_layers, row = n + 1;
  for (size_t i = 0; i <= n; i++) rest[problem->n_stages * row + i] = i == n ? 0 : (double)INFINITY;
  for (size_t s = problem->n_stages; s-- > 0;) {
    const double *cost = search->pick_cost + s * problem->n_pieces;
    for (size_t i = 0; i <= n; i++) {
      double least = (double)INFINITY;
      for (size_t end = i + 1; end <= n && chains_may_begin(problem, s, i); end++) {
        least = fmin(least, cost[chains_piece(problem, i, end)] + rest[(s + 1) * row + end]);
      }
      rest[s * row + i] = least;
    }
  }
}

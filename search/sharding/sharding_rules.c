/* See sharding_rules.h. (sharding §5, baselines; rules of a reconstruction.) */
#include "search/sharding/sharding_rules.h"

#include "search/sharding/sharding_private.h"
#include <math.h>

uint32_t *sharding_sorted_boards(const struct sharding_problem *problem, struct arena *arena, uint32_t *n) {
  uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards), count = 0;
  uint32_t *n_of = ARENA_NEW(arena, uint32_t, problem->n_designs);
  bool *taken = ARENA_NEW(arena, bool, problem->n_designs);
  for (uint32_t b = 0; !problem->adaptive && b < problem->n_boards; b++) n_of[problem->boards[b].design]++;
  const size_t n_classes = problem->adaptive ? 1 : problem->n_designs;
  for (size_t i = 0; i < n_classes; i++) {
    size_t most = SIZE_MAX;
    for (size_t d = 0; d < n_classes; d++) {
      if (!taken[d] && (most == SIZE_MAX || n_of[d] > n_of[most])) most = d;
    }
    taken[most] = true;
    for (uint32_t g = 0; g < problem->n_groups; g++) {
      for (uint32_t b = 0; b < problem->n_boards; b++) {
        if (problem->board_group[b] != g) continue;
        if (problem->adaptive || problem->boards[b].design == most) boards[count++] = b;
      }
    }
    if (i == 0) *n = count;
  }
  return boards;
}

/* The loop's place by extent, longest first; ties in the loops' order. */
static unsigned length_rank(const struct sharding_problem *problem, uint32_t layer, unsigned dim) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const uint64_t *size = problem->layers[layer].size;
  const unsigned loops = (kind->weight_dims | kind->input_dims | kind->output_dims) & problem->es_dims;
  unsigned rank = 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (sharding_has(loops, d) && (size[d] > size[dim] || (d < dim && size[d] == size[dim]))) rank++;
  }
  return rank;
}

/* Less is better: two loops before one, longer loops before shorter ones, even factors before uneven, and the larger
 * factor on the longer loop. */
static double unlikeness(const struct sharding_problem *problem, uint32_t layer,
                         const struct sharding_strategy *strategy) {
  enum { LOOPS_WANTED = 2 };
  const double by_loops = 1e9, by_rank = 1e6; /* beyond what factors up to 1,024 come to */
  double worst = 0, least = INFINITY, most = 1, ranks = 0;
  unsigned n = 0, rank_of_most = 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (strategy->factor[d] <= 1) continue;
    const unsigned rank = length_rank(problem, layer, d);
    n++;
    ranks += (1U << rank);
    least = fmin(least, strategy->factor[d]);
    if (strategy->factor[d] > most) most = strategy->factor[d], rank_of_most = rank;
  }
  worst = n > LOOPS_WANTED ? n - LOOPS_WANTED : LOOPS_WANTED - n;
  return worst * by_loops + ranks * by_rank + (n > 0 ? most / least : 0) + rank_of_most * 0x1p-10;
}

struct sharding_strategy sharding_two_longest(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                                              struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct sharding_strategy *list;
  const size_t n = sharding_strategies(problem, layer, p, scratch, &list);
  struct sharding_strategy best = list[0];
  double least = INFINITY;
  for (size_t i = 0; i < n; i++) {
    if (list[i].shared < SHARDING_N_DIMS) continue;
    const double value = unlikeness(problem, layer, &list[i]);
    if (value < least) least = value, best = list[i];
  }
  arena_rewind(scratch, mark);
  return best;
}

struct sharding_strategy sharding_one_loop(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                                           enum sharding_dim dim, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct sharding_strategy *list;
  const size_t n = sharding_strategies(problem, layer, p, scratch, &list);
  struct sharding_strategy found = {.shared = SHARDING_N_DIMS};
  bool any = false;
  for (size_t i = 0; i < n && !any; i++) {
    any = list[i].shared == SHARDING_N_DIMS && list[i].factor[dim] == p;
    if (any) found = list[i];
  }
  arena_rewind(scratch, mark);
  return any ? found : sharding_two_longest(problem, layer, p, scratch);
}

void sharding_try_designs(struct sharding_meter *meter, struct sharding_answer *answer) {
  const struct sharding_problem *problem = meter->request->problem;
  if (!problem->adaptive) {
    for (size_t s = 0; s < answer->n_sets; s++) {
      answer->sets[s].design = problem->boards[answer->sets[s].boards[0]].design;
    }
    if (!sharding_meter_full(meter)) sharding_meter_try(meter, answer);
    return;
  }
  for (uint32_t d = 0; d < problem->n_designs && !sharding_meter_full(meter); d++) {
    for (size_t s = 0; s < answer->n_sets; s++) answer->sets[s].design = d;
    sharding_meter_try(meter, answer);
  }
}

void sharding_run_one_set(const struct sharding_request *request, enum sharding_dim dim,
                          struct sharding_result *result) {
  const struct sharding_problem *problem = request->problem;
  struct sharding_meter meter;
  sharding_meter_init(&meter, request, result);
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct sharding_set set = {.last = (uint32_t)problem->n_layers - 1};
  set.boards = sharding_sorted_boards(problem, request->scratch, &set.n_boards);
  struct sharding_answer answer = {1, &set, ARENA_NEW(request->scratch, struct sharding_strategy, problem->n_layers)};
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    answer.strategies[l] = sharding_one_loop(problem, l, set.n_boards, dim, request->scratch);
  }
  sharding_try_designs(&meter, &answer);
  arena_rewind(request->scratch, mark);
}

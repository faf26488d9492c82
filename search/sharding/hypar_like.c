/* What does the dynamic programming over three ways to split reach? One set of all boards; each layer splits its batch
 * or, where that is too small, its rows; its output channels; or its input channels; chosen along the order so that
 * computation and what moves from each layer to the next take least time. (After HyPar, HPCA 2019, arXiv 1901.02067,
 * and AccPar, HPCA 2020, in the terms of this problem; sharding §5.) Edges that skip layers are not seen by the choice.
 */
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_rules.h"
#include <math.h>

enum { N_WAYS = 3 };

struct ways {
  struct sharding_strategy list[N_WAYS];
};

static struct ways ways_of(const struct sharding_problem *problem, uint32_t layer, uint32_t p, struct arena *scratch) {
  const bool batch = sharding_has(problem->es_dims, SHARDING_B) && problem->layers[layer].size[SHARDING_B] >= p;
  return (struct ways){{sharding_one_loop(problem, layer, p, batch ? SHARDING_B : SHARDING_H, scratch),
                        sharding_one_loop(problem, layer, p, SHARDING_COUT, scratch),
                        sharding_one_loop(problem, layer, p, SHARDING_CIN, scratch)}};
}

/* The edge between a layer and the one before it in the order; SHARDING_NONE: there is none. */
static uint32_t edge_before(const struct sharding_problem *problem, uint32_t place) {
  if (place == 0) return SHARDING_NONE;
  const uint32_t layer = problem->topological[place], before = problem->topological[place - 1];
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    if (problem->edges[problem->in_edge[i]].from == before) return problem->in_edge[i];
  }
  return SHARDING_NONE;
}

static void choose(const struct sharding_problem *problem, const struct sharding_set *set, struct arena *scratch,
                   struct sharding_strategy *strategies) {
  const size_t n = problem->n_layers;
  const double bandwidth = sharding_ring_bandwidth(problem, set->boards, set->n_boards);
  struct ways *ways = ARENA_NEW(scratch, struct ways, n);
  unsigned char *from = ARENA_NEW(scratch, unsigned char, n *N_WAYS);
  double least[N_WAYS] = {0};
  for (uint32_t place = 0; place < n; place++) {
    const uint32_t layer = problem->topological[place], edge = edge_before(problem, place);
    double next[N_WAYS];
    ways[place] = ways_of(problem, layer, set->n_boards, scratch);
    for (int w = 0; w < N_WAYS; w++) {
      struct sharding_cost cost;
      sharding_cost(problem, layer, &problem->designs[set->design], set->n_boards, bandwidth, &ways[place].list[w],
                    &cost);
      next[w] = INFINITY;
      for (unsigned char v = 0; v < N_WAYS; v++) {
        double value = least[v];
        if (edge != SHARDING_NONE) {
          value += (double)sharding_reshard_bytes(problem, edge, set->n_boards, &ways[place - 1].list[v], set->n_boards,
                                                  &ways[place].list[w]) /
                   bandwidth * (problem->training ? 2 : 1);
        }
        if (value < next[w]) next[w] = value, from[place * N_WAYS + (size_t)w] = v;
      }
      next[w] += cost.total_s;
    }
    for (int w = 0; w < N_WAYS; w++) least[w] = next[w];
  }
  unsigned char way = 0;
  for (unsigned char w = 1; w < N_WAYS; w++) {
    if (least[w] < least[way]) way = w;
  }
  for (size_t place = n; place-- > 0;) {
    strategies[problem->topological[place]] = ways[place].list[way];
    way = from[place * N_WAYS + way];
  }
}

static void run(const struct sharding_request *request, struct sharding_result *result) {
  const struct sharding_problem *problem = request->problem;
  struct sharding_meter meter;
  sharding_meter_init(&meter, request, result);
  for (uint32_t d = 0; d < (problem->adaptive ? problem->n_designs : 1) && !sharding_meter_full(&meter); d++) {
    const struct arena_mark mark = arena_get_mark(request->scratch);
    struct sharding_set set = {.design = d, .last = (uint32_t)problem->n_layers - 1};
    set.boards = sharding_sorted_boards(problem, request->scratch, &set.n_boards);
    if (!problem->adaptive) set.design = problem->boards[set.boards[0]].design;
    struct sharding_answer answer = {1, &set, ARENA_NEW(request->scratch, struct sharding_strategy, problem->n_layers)};
    choose(problem, &set, request->scratch, answer.strategies);
    sharding_meter_try(&meter, &answer);
    arena_rewind(request->scratch, mark);
  }
}

const struct sharding_algorithm sharding_hypar_like = {
    .name = "hypar_like",
    .doc = "all boards in one set; batch or rows, output or input channels by dynamic programming",
    .source = "after HyPar, HPCA 2019, and AccPar, HPCA 2020",
    .one_shot = true,
    .run = run};

/* What does fixed thinking reach? Boards in two halves, layers cut in two by multiply-adds, the best single design
 * everywhere, every layer split on its two longest loops, nothing shared. (sharding §5. The paper's baseline is not
 * public: this one is ours.) Where boards carry fixed designs, the halves are of the design that most boards carry. */
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_rules.h"

static double multiply_adds(const struct sharding_problem *problem, uint32_t layer) {
  double n = sharding_kind_of(problem, layer)->products ? 1 : 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (d == SHARDING_CIN && sharding_kind_of(problem, layer)->channels_tied) continue;
    n *= (double)problem->layers[layer].size[d];
  }
  return n;
}

/* Places in the first half: the cut that leaves the halves most alike, both of them with a layer. */
static uint32_t half_way(const struct sharding_problem *problem) {
  double all = 0, before = 0;
  for (uint32_t l = 0; l < problem->n_layers; l++) all += multiply_adds(problem, l);
  for (uint32_t place = 0; place + 1 < problem->n_layers; place++) {
    const double n = multiply_adds(problem, problem->topological[place]);
    if (before + n / 2 >= all / 2) return place > 0 ? place : 1;
    before += n;
  }
  return (uint32_t)problem->n_layers - 1;
}

static void run(const struct sharding_request *request, struct sharding_result *result) {
  const struct sharding_problem *problem = request->problem;
  struct sharding_meter meter;
  sharding_meter_init(&meter, request, result);
  const struct arena_mark mark = arena_get_mark(request->scratch);
  uint32_t n;
  const uint32_t *boards = sharding_sorted_boards(problem, request->scratch, &n);
  struct sharding_set sets[2] = {{.boards = boards, .n_boards = n, .last = (uint32_t)problem->n_layers - 1}};
  struct sharding_answer answer = {1, sets, ARENA_NEW(request->scratch, struct sharding_strategy, problem->n_layers)};
  if (n > 1 && problem->n_layers > 1) {
    const uint32_t cut = half_way(problem), half = (n + 1) / 2;
    sets[1] = (struct sharding_set){
        .boards = boards + half, .n_boards = n - half, .first = cut, .last = (uint32_t)problem->n_layers - 1};
    sets[0].n_boards = half, sets[0].last = cut - 1;
    answer.n_sets = 2;
  }
  for (size_t s = 0; s < answer.n_sets; s++) {
    for (uint32_t place = sets[s].first; place <= sets[s].last; place++) {
      const uint32_t l = problem->topological[place];
      answer.strategies[l] = sharding_two_longest(problem, l, sets[s].n_boards, request->scratch);
    }
  }
  sharding_try_designs(&meter, &answer);
  arena_rewind(request->scratch, mark);
}

const struct sharding_algorithm sharding_baseline = {
    .name = "baseline",
    .doc = "two halves of boards, two of layers, one design, two longest loops split",
    .source = "ours: the paper's baseline is not public",
    .one_shot = true,
    .run = run};

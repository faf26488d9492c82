/* What does chance find? The best of as many random answers as there are samples: sets, designs, cuts and strategies
 * drawn evenly. */
#include "base/rng.h"
#include "search/sharding/sharding_rules.h"

enum { MOST_SETS = 8 };

/* Boards to sets; a set of a system that is not adaptive keeps boards of its first one's design. Sets left without a
 * board vanish. */
static uint32_t draw_sets(const struct sharding_problem *problem, const uint32_t *sorted, struct rng *rng,
                          struct arena *scratch, struct sharding_set *sets) {
  const size_t fewer = problem->n_boards < problem->n_layers ? problem->n_boards : problem->n_layers;
  const uint32_t wanted = 1 + (uint32_t)rng_below(rng, fewer < MOST_SETS ? fewer : MOST_SETS);
  uint32_t *label = ARENA_NEW(scratch, uint32_t, problem->n_boards), n = 0;
  for (size_t b = 0; b < problem->n_boards; b++) label[b] = (uint32_t)rng_below(rng, wanted);
  for (uint32_t s = 0; s < wanted; s++) {
    uint32_t *boards = ARENA_NEW(scratch, uint32_t, problem->n_boards), n_boards = 0;
    for (size_t i = 0; i < problem->n_boards; i++) {
      const struct sharding_board *board = &problem->boards[sorted[i]];
      if (label[sorted[i]] != s) continue;
      if (!problem->adaptive && n_boards > 0 && board->design != problem->boards[boards[0]].design) continue;
      boards[n_boards++] = sorted[i];
    }
    const uint32_t design = (uint32_t)rng_below(rng, problem->n_designs);
    if (n_boards == 0) continue;
    sets[n++] = (struct sharding_set){.design = problem->adaptive ? design : problem->boards[boards[0]].design,
                                      .n_boards = n_boards,
                                      .boards = boards};
  }
  return n;
}

/* Ranges of any length, none empty. */
static void draw_ranges(const struct sharding_problem *problem, struct rng *rng, struct sharding_set *sets,
                        uint32_t n) {
  uint32_t first = 0;
  for (uint32_t s = 0; s < n; s++) {
    const uint32_t left = (uint32_t)problem->n_layers - first - (n - 1 - s);
    const uint32_t take = s + 1 == n ? left : 1 + (uint32_t)rng_below(rng, left);
    sets[s].first = first, sets[s].last = first + take - 1;
    first += take;
  }
}

static void run(const struct sharding_request *request, struct sharding_result *result) {
  const struct sharding_problem *problem = request->problem;
  struct arena *scratch = request->scratch;
  struct sharding_meter meter;
  uint32_t n_first;
  sharding_meter_init(&meter, request, result);
  const struct arena_mark outer = arena_get_mark(scratch);
  const uint32_t *sorted = sharding_sorted_boards(problem, scratch, &n_first);
  while (!sharding_meter_full(&meter)) {
    const struct arena_mark mark = arena_get_mark(scratch);
    struct rng rng = rng_stream(request->seed, RNG_SHARDING, result->samples, (uint64_t)SHARDING_STREAM_RANDOM << 32);
    struct sharding_set sets[MOST_SETS];
    struct sharding_answer answer = {draw_sets(problem, sorted, &rng, scratch, sets), sets,
                                     ARENA_NEW(scratch, struct sharding_strategy, problem->n_layers)};
    draw_ranges(problem, &rng, sets, (uint32_t)answer.n_sets);
    for (size_t s = 0; s < answer.n_sets; s++) {
      for (uint32_t place = sets[s].first; place <= sets[s].last; place++) {
        const struct sharding_strategy *list;
        const uint32_t layer = problem->topological[place];
        const size_t n = sharding_strategies(problem, layer, sets[s].n_boards, scratch, &list);
        answer.strategies[layer] = list[rng_below(&rng, n)];
      }
    }
    sharding_meter_try(&meter, &answer);
    arena_rewind(scratch, mark);
  }
  arena_rewind(scratch, outer);
}

const struct sharding_algorithm sharding_random = {
    .name = "random", .doc = "the best of random answers", .source = "the floor under every other", .run = run};

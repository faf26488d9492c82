/* See evolution.h. */
#include "search/tenancy/evolution.h"

#include "base/error.h"
#include "search/tenancy/tenancy_seeds.h"
#include <string.h>

/* The state, as bytes: this, then costs, priorities and cores of 2 × n_population answers: the population, and the
 * children of the generation under way. */
struct head {
  uint64_t generation; /* under way; 0: the first answers are being drawn */
  uint64_t n_children; /* of it that are evaluated */
  uint64_t n_kept;     /* answers left behind by the last round: whatever comes after them comes from other islands */
  uint64_t n_given;    /* answers that the search began with, in the children's places until they are evaluated */
  uint64_t started;    /* 0: before the first round */
  uint64_t spare;      /* costs lie at a multiple of 16 bytes */
};
_Static_assert(sizeof(struct head) % sizeof(tenancy_cost) == 0, "costs are aligned");

struct herd {
  const struct evolution *evolution;
  const struct tenancy_problem *problem;
  struct head *head;
  tenancy_cost *cost;             /* [2 × n_population] */
  struct tenancy_answer *answers; /* [2 × n_population], into the state */
  struct evolution_parents parents;
  struct tenancy_answer *best; /* [n_parents]: the parents */
  tenancy_cost *best_cost;
  double *weight;
  uint32_t *order;
  struct tenancy_answer spare;   /* the second child of the last pair of an odd number */
  struct tenancy_answer *elites; /* copies, while a generation takes over */
  tenancy_cost *elite_cost;
};

size_t evolution_state_bytes(size_t n_population, const struct tenancy_problem *problem) {
  return sizeof(struct head) +
         2 * n_population * (sizeof(tenancy_cost) + problem->n_jobs * (sizeof(double) + sizeof(uint32_t)));
}

size_t evolution_share(size_t n_population, double fraction, size_t least, size_t most) {
  const size_t share = (size_t)((double)n_population * fraction);
  return share < least ? least : share > most ? most : share;
}

void evolution_pick(const struct evolution_parents *parents, struct rng *rng, size_t pick[2]) {
  for (size_t k = 0; k < 2; k++) {
    double sum = 0;
    for (size_t i = 0; i < parents->n; i++) sum += k == 1 && i == pick[0] ? 0 : parents->weight[i];
    double left = rng_unit(rng) * sum;
    size_t chosen = parents->n; /* none yet; rounding may leave a rest behind the last */
    for (size_t i = 0; i < parents->n; i++) {
      if (k == 1 && i == pick[0]) continue;
      chosen = i;
      if (left < parents->weight[i]) break;
      left -= parents->weight[i];
    }
    pick[k] = chosen;
  }
}

static void open_herd(struct herd *herd, const struct evolution *evolution, const struct tenancy_request *request) {
  const size_t n = request->problem->n_jobs, n_all = 2 * evolution->n_population;
  struct arena *arena = request->arena;
  *herd = (struct herd){.evolution = evolution, .problem = request->problem};
  REQUIRE(request->n_state == evolution_state_bytes(evolution->n_population, request->problem));
  memcpy(request->state_out, request->state, request->n_state);
  herd->head = request->state_out;
  herd->cost = (tenancy_cost *)(herd->head + 1);
  double *priority = (double *)(herd->cost + n_all);
  uint32_t *core = (uint32_t *)(void *)(priority + n_all * n);
  herd->answers = ARENA_NEW(arena, struct tenancy_answer, n_all);
  for (size_t i = 0; i < n_all; i++) herd->answers[i] = (struct tenancy_answer){core + i * n, priority + i * n};
  herd->best = ARENA_NEW(arena, struct tenancy_answer, evolution->n_parents);
  herd->best_cost = ARENA_NEW(arena, tenancy_cost, evolution->n_parents);
  herd->weight = ARENA_NEW(arena, double, evolution->n_parents);
  herd->order = ARENA_NEW(arena, uint32_t, n_all);
  herd->spare = tenancy_answer_new(request->problem, arena);
  herd->elites = ARENA_NEW(arena, struct tenancy_answer, evolution->n_elites);
  for (size_t i = 0; i < evolution->n_elites; i++) herd->elites[i] = tenancy_answer_new(request->problem, arena);
  herd->elite_cost = ARENA_NEW(arena, tenancy_cost, evolution->n_elites);
}

/* Ranks the population and weighs its best. */
static void choose_parents(struct herd *herd) {
  const struct evolution *evolution = herd->evolution;
  genome_rank(herd->cost, evolution->n_population, herd->order);
  for (size_t i = 0; i < evolution->n_parents; i++) {
    herd->best[i] = herd->answers[herd->order[i]];
    herd->best_cost[i] = herd->cost[herd->order[i]];
  }
  evolution->weigh(evolution, herd->problem, herd->best_cost, herd->weight);
  herd->parents = (struct evolution_parents){.problem = herd->problem,
                                             .generation = herd->head->generation,
                                             .n = evolution->n_parents,
                                             .answers = herd->best,
                                             .weight = herd->weight};
}

/* The children are all evaluated: with the elites they are the population of the next generation. */
static void take_over(struct herd *herd) {
  const struct evolution *evolution = herd->evolution;
  const size_t n_elites = herd->head->generation == 0 ? 0 : evolution->n_elites;
  for (size_t i = 0; i < n_elites; i++) {
    tenancy_answer_copy(herd->problem, &herd->answers[herd->order[i]], &herd->elites[i]);
    herd->elite_cost[i] = herd->cost[herd->order[i]];
  }
  for (size_t i = 0; i < evolution->n_population; i++) {
    const bool elite = i < n_elites;
    const size_t child = evolution->n_population + i - n_elites;
    tenancy_answer_copy(herd->problem, elite ? &herd->elites[i] : &herd->answers[child], &herd->answers[i]);
    herd->cost[i] = elite ? herd->elite_cost[i] : herd->cost[child];
  }
  herd->head->generation++;
  herd->head->n_children = 0;
  choose_parents(herd);
}

/* Answers of other islands are known already: they take the places of the worst without being counted. */
static void let_in(struct herd *herd, const struct tenancy_request *request) {
  if (herd->head->generation == 0) return;
  struct tenancy_queues queues = tenancy_queues_new(herd->problem, request->arena);
  const size_t n_population = herd->evolution->n_population;
  genome_rank(herd->cost, n_population, herd->order);
  size_t place = n_population;
  for (size_t i = herd->head->n_kept; i < request->n_population && place > herd->evolution->n_elites; i++) {
    const size_t at = herd->order[--place];
    tenancy_answer_copy(herd->problem, &request->population[i], &herd->answers[at]);
    tenancy_queue_up(herd->problem, &herd->answers[at], &queues);
    herd->cost[at] = tenancy_evaluate(herd->problem, &queues);
  }
  choose_parents(herd);
}

/* Before the first round: a population that was stored waits to be evaluated. */
static void take_given(struct herd *herd, const struct tenancy_request *request) {
  const size_t n_population = herd->evolution->n_population;
  herd->head->n_given = request->n_population < n_population ? request->n_population : n_population;
  for (size_t i = 0; i < herd->head->n_given; i++) {
    tenancy_answer_copy(herd->problem, &request->population[i], &herd->answers[n_population + i]);
  }
}

/* The first generation: what is given, the seed, and draws. */
static void begin(const struct herd *herd, const struct tenancy_request *request, size_t child,
                  struct tenancy_answer *answer) {
  const struct evolution *evolution = herd->evolution;
  if (child < herd->head->n_given) return;
  if (evolution->seeded && child == herd->head->n_given) {
    struct tenancy_queues queues = tenancy_queues_new(herd->problem, request->arena);
    tenancy_seed_best(herd->problem, request->bounds, request->arena, &queues);
    tenancy_write_down(herd->problem, &queues, answer);
    for (size_t j = 0; j < herd->problem->n_jobs; j++) answer->priority[j] /= (double)herd->problem->n_jobs;
    return;
  }
  struct rng rng = rng_stream(request->seed, evolution->purpose, child, evolution->task);
  genome_draw(herd->problem, &rng, answer);
}

static void leave_best(const struct herd *herd, struct tenancy_request *request) {
  const size_t n_population = herd->head->generation == 0 ? 0 : herd->evolution->n_population;
  const size_t n_children = herd->head->n_children;
  tenancy_cost *cost = ARENA_NEW(request->arena, tenancy_cost, n_population + n_children);
  const size_t offset = herd->evolution->n_population - n_population; /* of the first answer that there is */
  memcpy(cost, herd->cost + offset, (n_population + n_children) * sizeof *cost);
  genome_rank(cost, n_population + n_children, herd->order);
  request->n_kept = 0;
  for (size_t i = 0; i < request->keep && i < n_population + n_children; i++) {
    tenancy_answer_copy(herd->problem, &herd->answers[offset + herd->order[i]], &request->kept[request->n_kept++]);
  }
  herd->head->n_kept = request->n_kept;
}

static size_t children_of(const struct herd *herd) {
  return herd->evolution->n_population - (herd->head->generation == 0 ? 0 : herd->evolution->n_elites);
}

void evolution_run(const struct evolution *evolution, struct tenancy_request *request, struct tenancy_meter *meter) {
  struct herd herd;
  open_herd(&herd, evolution, request);
  if (herd.head->started != 0) {
    let_in(&herd, request);
  } else {
    take_given(&herd, request);
  }
  size_t bred = SIZE_MAX; /* the pair that lies in the children's places */
  while (!tenancy_meter_full(meter)) {
    const size_t child = herd.head->n_children, pair = child / 2;
    struct tenancy_answer *children = herd.answers + evolution->n_population;
    if (herd.head->generation == 0) {
      begin(&herd, request, child, &children[child]);
    } else if (pair != bred) {
      struct rng rng =
          rng_stream(request->seed, evolution->purpose, (herd.head->generation << 32) + pair, evolution->task);
      struct tenancy_answer both[2] = {children[2 * pair], herd.spare};
      if (2 * pair + 1 < children_of(&herd)) both[1] = children[2 * pair + 1];
      /* A round that ended between the two has bred the first already: it comes out the same, but for newcomers. */
      if (child % 2 == 1) both[0] = herd.spare;
      evolution->breed(evolution, &herd.parents, &rng, both);
      bred = pair;
    }
    herd.cost[evolution->n_population + child] = tenancy_meter_answer(meter, &children[child]);
    if (++herd.head->n_children == children_of(&herd)) {
      take_over(&herd);
      bred = SIZE_MAX;
    }
  }
  herd.head->started = 1;
  leave_best(&herd, request);
}

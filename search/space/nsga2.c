/* How near does breeding come to the whole Pareto front? NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE Trans.
 * Evolutionary Computation 6(2), 2002; accelerator-search §10).
 *
 * Parents and children together are sorted into fronts by domination over the space's front objectives, those in a
 * front by how lonely they are (crowding distance), and the first half are the next parents. Feasible dominates
 * infeasible. Parents win binary tournaments. A child must be a point never evaluated before, or it is bred again; so
 * no design is paid for twice or stands twice in the population. Crossover and mutation are those of genetic.c, over
 * indices, instead of the paper's for real numbers. The preset `tuned` [ours] has a smaller population and mutates by
 * steps. */
#include "search/dominance.h"
#include "search/space/variation.h"

#include "base/error.h"
#include <math.h>

struct nsga2_settings {
  uint64_t preset, population, tournament;
  struct breeding_settings breeding;
};

enum { PAPER_POPULATION = 64, TUNED_POPULATION = 32, MOST_TRIES = 64 };

#define OFFSET(member) offsetof(struct nsga2_settings, member)
static const struct field nsga2_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"", "what keys stand for that are not set", OFFSET(preset), ROLE_ANSWER,
     preset_names},
    {"population", FIELD_UINT, "", 0, 2048, "0", "designs of a generation; 0: as the preset says (paper 64, tuned 32)",
     OFFSET(population), ROLE_ANSWER, NULL},
    {"tournament", FIELD_UINT, "", 1, 2048, "2", "designs of which the best becomes a parent", OFFSET(tournament),
     ROLE_ANSWER, NULL},
    BREEDING_FIELDS,
};
static const struct field_table nsga2_fields = {"nsga2", "NSGA-II over the front's objectives", nsga2_field_list,
                                                sizeof nsga2_field_list / sizeof *nsga2_field_list};

struct member {
  size_t number; /* on the trail */
  size_t front;  /* 0: dominated by nobody here */
  double crowding;
};

struct nsga2 {
  struct trail trail;
  struct breeding breeding;
  size_t population, tournament;
  struct member *members; /* parents, sorted; then their children */
  size_t n_parents, n_members;
  struct dominance dominance; /* with room for all members */
  double *values;
  bool *feasible;
  size_t *numbers;
};

static void make_room(struct nsga2 *state, struct arena *arena) {
  const struct space *space = state->trail.request.space;
  const size_t n = 2 * state->population, n_objectives = space->n_front_objectives;
  bool *maximise = ARENA_NEW(arena, bool, n_objectives);
  for (size_t i = 0; i < n_objectives; i++) {
    maximise[i] = space->objectives[space_front_objective(space, i)].maximise;
  }
  state->values = ARENA_NEW(arena, double, n *n_objectives);
  state->feasible = ARENA_NEW(arena, bool, n);
  state->numbers = ARENA_NEW(arena, size_t, n);
  state->dominance = (struct dominance){.n_objectives = n_objectives,
                                        .value = state->values,
                                        .maximise = maximise,
                                        .feasible = state->feasible,
                                        .number = state->numbers,
                                        .front = ARENA_NEW(arena, size_t, n),
                                        .crowding = ARENA_NEW(arena, double, n),
                                        .room = ARENA_NEW(arena, size_t, n),
                                        .n_dominators = ARENA_NEW(arena, size_t, n)};
}

static void *start(const struct search_request *request) {
  const struct nsga2_settings *settings = request->settings;
  const bool tuned = settings->preset == PRESET_TUNED;
  struct nsga2 *state = ARENA_NEW(request->arena, struct nsga2, 1);
  trail_init(&state->trail, request);
  state->population = set_or_preset(settings->population, tuned ? TUNED_POPULATION : PAPER_POPULATION);
  state->tournament = settings->tournament;
  state->breeding = breeding_of(&settings->breeding, tuned);
  state->members = ARENA_NEW(request->arena, struct member, 2 * state->population);
  make_room(state, request->arena);
  return state;
}

/* --- the order of the members ---------------------------------------------------------------------------------------
 */

static const struct verdict *verdict_of(const struct nsga2 *state, size_t member) {
  return &state->trail.verdicts[state->members[member].number];
}

static void rank_members(struct nsga2 *state) {
  const struct space *space = state->trail.request.space;
  struct dominance *dominance = &state->dominance;
  dominance->n = state->n_members;
  for (size_t i = 0; i < state->n_members; i++) {
    const struct verdict *verdict = verdict_of(state, i);
    state->feasible[i] = verdict->feasible, state->numbers[i] = state->members[i].number;
    for (size_t k = 0; k < dominance->n_objectives; k++) {
      state->values[i * dominance->n_objectives + k] = verdict->objective[space_front_objective(space, k)];
    }
  }
  dominance_rank(dominance);
  dominance_crowd(dominance);
  for (size_t i = 0; i < state->n_members; i++) {
    state->members[i].front = dominance->front[i], state->members[i].crowding = dominance->crowding[i];
  }
}

static bool comes_before(const struct trail *trail, const struct member *a, const struct member *b) {
  if (a->front != b->front) return a->front < b->front;
  if (a->crowding > b->crowding || b->crowding > a->crowding) return a->crowding > b->crowding;
  return point_compare(&trail->points[a->number], &trail->points[b->number]) < 0;
}

/* Sorts parents and children; the best of them are the next parents. */
static void select_parents(struct nsga2 *state) {
  struct member *members = state->members;
  rank_members(state);
  for (size_t i = 1; i < state->n_members; i++) {
    const struct member member = members[i];
    size_t place = i;
    for (; place > 0 && comes_before(&state->trail, &member, &members[place - 1]); place--) {
      members[place] = members[place - 1];
    }
    members[place] = member;
  }
  state->n_parents = state->n_members < state->population ? state->n_members : state->population;
}

/* --- breeding -------------------------------------------------------------------------------------------------------
 */

static const struct point *parent(const struct nsga2 *state, struct rng *rng) {
  return &state->trail.points[state->members[tournament_winner(state->n_parents, state->tournament, rng)].number];
}

/* A new point's number, bred or, where that fails, drawn at random; TRAIL_NONE if there is none. */
static size_t child(struct nsga2 *state, struct rng *rng) {
  struct trail *trail = &state->trail;
  for (unsigned i = 0; i < MOST_TRIES && state->n_parents > 0; i++) {
    const struct point *mother = parent(state, rng), *father = parent(state, rng);
    const struct point point = breed(trail->request.space, mother, father, &state->breeding, rng);
    if (trail_find(trail, &point) == TRAIL_NONE && trail_allows(trail, &point)) return trail_add(trail, &point);
  }
  return trail_draw(trail, rng);
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct nsga2 *state = opaque;
  if (trail_is_settled(&state->trail)) {
    struct rng rng = rng_stream(state->trail.request.seed, RNG_NSGA2, round, 0);
    select_parents(state);
    state->n_members = state->n_parents;
    for (size_t i = 0; i < state->population; i++) {
      const size_t number = child(state, &rng);
      if (number == TRAIL_NONE) break;
      state->members[state->n_members++] = (struct member){.number = number};
    }
  }
  return trail_ask(&state->trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct nsga2 *)opaque)->trail, records, n);
}

const struct search_algorithm search_nsga2 = {
    .name = "nsga2",
    .doc = "NSGA-II: breeds towards the whole Pareto front",
    .table = &nsga2_fields,
    .settings_bytes = sizeof(struct nsga2_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
};

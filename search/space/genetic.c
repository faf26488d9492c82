/* How far does breeding get? A genetic algorithm over indices (accelerator-search §10).
 *
 * Generations: the best few stay, the others are children of parents that won a tournament, crossed uniformly and
 * mutated. A child that has been evaluated before takes its place in the population without being paid for again; where
 * that holds for whole generations, all but the best few give way to random points. Children that limits exclude are
 * bred again. The preset `tuned` [ours] has a smaller population with a larger elite, and mutates by steps. */
#include "search/space/variation.h"

#include <string.h>

struct genetic_settings {
  uint64_t preset, population, tournament, elite;
  struct breeding_settings breeding;
};

enum { PAPER_POPULATION = 64, TUNED_POPULATION = 32, PAPER_ELITE = 2 };
enum { TUNED_ELITE = 8 };
enum { MOST_TRIES = 64, MOST_IDLE_GENERATIONS = 20 }; /* [ours] of a child; without a new point */

#define OFFSET(member) offsetof(struct genetic_settings, member)
static const struct field genetic_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"", "what keys stand for that are not set", OFFSET(preset), ROLE_ANSWER,
     preset_names},
    {"population", FIELD_UINT, "", 0, 4096, "0", "designs of a generation; 0: as the preset says (paper 64, tuned 32)",
     OFFSET(population), ROLE_ANSWER, NULL},
    {"tournament", FIELD_UINT, "", 1, 4096, "3", "designs of which the best becomes a parent", OFFSET(tournament),
     ROLE_ANSWER, NULL},
    {"elite", FIELD_UINT, "", 0, 4096, "0", "best designs that stay; 0: as the preset says (paper 2, tuned 8)",
     OFFSET(elite), ROLE_ANSWER, NULL},
    BREEDING_FIELDS,
};
static const struct field_table genetic_fields = {"genetic", "genetic algorithm", genetic_field_list,
                                                  sizeof genetic_field_list / sizeof *genetic_field_list};

struct genetic {
  struct trail trail;
  struct breeding breeding;
  size_t population, tournament, elite;
  size_t *members, *children, n_members; /* numbers; members are sorted, best first, once they are all known */
};

static void *start(const struct search_request *request) {
  const struct genetic_settings *settings = request->settings;
  const bool tuned = settings->preset == PRESET_TUNED;
  struct genetic *state = ARENA_NEW(request->arena, struct genetic, 1);
  trail_init(&state->trail, request);
  state->population = set_or_preset(settings->population, tuned ? TUNED_POPULATION : PAPER_POPULATION);
  state->tournament = settings->tournament;
  state->elite = set_or_preset(settings->elite, tuned ? TUNED_ELITE : PAPER_ELITE);
  if (state->elite >= state->population) state->elite = state->population - 1;
  state->breeding = breeding_of(&settings->breeding, tuned);
  state->members = ARENA_NEW(request->arena, size_t, state->population);
  state->children = ARENA_NEW(request->arena, size_t, state->population);
  return state;
}

static void sort_members(struct genetic *state) {
  size_t *members = state->members;
  for (size_t i = 1; i < state->n_members; i++) {
    const size_t member = members[i];
    size_t place = i;
    for (; place > 0 && trail_better(&state->trail, member, members[place - 1]); place--) {
      members[place] = members[place - 1];
    }
    members[place] = member;
  }
}

static size_t parent(const struct genetic *state, struct rng *rng) {
  return state->members[tournament_winner(state->n_members, state->tournament, rng)];
}

/* A child's number; a mother whose children limits exclude time and again stands for her child. */
static size_t child(struct genetic *state, struct rng *rng) {
  struct trail *trail = &state->trail;
  const size_t mother = parent(state, rng), father = parent(state, rng);
  for (unsigned i = 0; i < MOST_TRIES; i++) {
    const struct point point =
        breed(trail->request.space, &trail->points[mother], &trail->points[father], &state->breeding, rng);
    const size_t number = trail_find(trail, &point);
    if (number != TRAIL_NONE) return number;
    if (trail_allows(trail, &point)) return trail_add(trail, &point);
  }
  return mother;
}

/* Random points in the places from `first` on, as long as there are any. */
static void fill(struct genetic *state, size_t first, struct rng *rng) {
  state->n_members = first;
  while (state->n_members < state->population) {
    const size_t drawn = trail_draw(&state->trail, rng);
    if (drawn == TRAIL_NONE) return;
    state->members[state->n_members++] = drawn;
  }
}

/* Goes on to the next generation that has a new point in it. */
static void next_generation(struct genetic *state, struct rng *rng) {
  const struct trail *trail = &state->trail;
  for (unsigned idle = 0; idle < MOST_IDLE_GENERATIONS && state->n_members > 0; idle++) {
    sort_members(state);
    size_t n = state->elite < state->n_members ? state->elite : state->n_members;
    memcpy(state->children, state->members, n * sizeof *state->children);
    while (n < state->population) state->children[n++] = child(state, rng);
    memcpy(state->members, state->children, n * sizeof *state->members);
    state->n_members = n;
    if (!trail_is_settled(trail)) return;
  }
  sort_members(state);
  fill(state, state->elite < state->n_members ? state->elite : state->n_members, rng);
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct genetic *state = opaque;
  if (trail_is_settled(&state->trail)) {
    struct rng rng = rng_stream(state->trail.request.seed, RNG_GENETIC, round, 0);
    next_generation(state, &rng);
  }
  return trail_ask(&state->trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct genetic *)opaque)->trail, records, n);
}

const struct search_algorithm search_genetic = {
    .name = "genetic",
    .doc = "genetic algorithm: tournaments, uniform crossover, mutation, elite",
    .table = &genetic_fields,
    .settings_bytes = sizeof(struct genetic_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
};

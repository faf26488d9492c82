/* How far does it get by going down now and then? Simulated annealing (accelerator-search §10; Kirkpatrick, Gelatt and
 * Vecchi, Science 220, 1983).
 *
 * The spread (standard deviation) of the metric over random samples is the first temperature. Then chains side by side:
 * in a round each proposes a neighbour and takes it if it is better, or else with probability exp(loss / temperature);
 * after the round the temperature falls. Proposals met before cost nothing, so the chain goes on until it needs an
 * evaluation. Cold, all chains start again from the best so far at the first temperature (a reheat). The preset `tuned`
 * [ours] has fewer samples and chains, begins at the best samples, and may exchange (variation.h). The number of chains
 * is our choice in both: a round's evaluations go to the ranks, so it is also how many of them can be busy. */
#include "search/space/trail.h"
#include "search/space/variation.h"

#include "base/num.h"
#include <math.h>

struct anneal_settings {
  uint64_t preset, samples, chains, exchanges, from_best;
  double cooling, coldest, hottest;
};

/* What the presets say, and how many free steps in a row mean that a chain knows all around it. */
enum { PAPER_CHAINS = 8, TUNED_CHAINS = 2, PAPER_SAMPLES = 100, TUNED_SAMPLES = 32, MOST_FREE_STEPS = 200 };
static const double paper_cooling = 0.95, tuned_cooling = 0.98, paper_hottest = 1, tuned_hottest = 0.3;

#define OFFSET(member) offsetof(struct anneal_settings, member)
static const struct field anneal_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"", "what keys stand for that are not set", OFFSET(preset), ROLE_ANSWER,
     preset_names},
    {"samples", FIELD_UINT, "", 0, 1e6, "0",
     "random designs whose spread gives the first temperature; 0: as the preset says (paper 100, tuned 32)",
     OFFSET(samples), ROLE_ANSWER, NULL},
    {"chains", FIELD_UINT, "", 0, 256, "0", "chains side by side; 0: as the preset says (paper 8, tuned 2)",
     OFFSET(chains), ROLE_ANSWER, NULL},
    {"hottest", FIELD_REAL, "", 0, 1000, "0",
     "first temperature, as a multiple of the spread; 0: as the preset says (paper 1, tuned 0.3)", OFFSET(hottest),
     ROLE_ANSWER, NULL},
    {"cooling", FIELD_REAL, "", 0, 1, "0",
     "factor of the temperature from round to round; 0: as the preset says (paper 0.95, tuned 0.98)", OFFSET(cooling),
     ROLE_ANSWER, NULL},
    {"coldest", FIELD_REAL, "", 1e-9, 1, "0.001", "temperature, as a multiple of the spread, that ends in a reheat",
     OFFSET(coldest), ROLE_ANSWER, NULL},
    {"exchanges", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "whether one axis up and another down is a step, too (paper off, tuned on)", OFFSET(exchanges), ROLE_ANSWER,
     switch_names},
    {"from_best", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "whether chains begin at the best samples, not at the first (paper off, tuned on)", OFFSET(from_best), ROLE_ANSWER,
     switch_names},
};
static const struct field_table anneal_fields = {"anneal", "simulated annealing", anneal_field_list,
                                                 sizeof anneal_field_list / sizeof *anneal_field_list};

struct chain {
  size_t at, proposed; /* proposed: TRAIL_NONE, or waiting for its verdict */
  bool restarts;       /* the proposal is taken if it is feasible at all */
};

struct anneal {
  struct trail trail;
  size_t n_samples, n_chains;
  double cooling, coldest, hottest; /* the last two as multiples of the spread */
  bool exchanges, from_best, has_started;
  struct chain *chains;
  double spread, temperature;
};

static void *start(const struct search_request *request) {
  const struct anneal_settings *settings = request->settings;
  const bool tuned = settings->preset == PRESET_TUNED;
  struct anneal *state = ARENA_NEW(request->arena, struct anneal, 1);
  trail_init(&state->trail, request);
  state->n_samples = set_or_preset(settings->samples, tuned ? TUNED_SAMPLES : PAPER_SAMPLES);
  state->n_chains = set_or_preset(settings->chains, tuned ? TUNED_CHAINS : PAPER_CHAINS);
  state->cooling = real_or_preset(settings->cooling, tuned ? tuned_cooling : paper_cooling);
  state->hottest = real_or_preset(settings->hottest, tuned ? tuned_hottest : paper_hottest);
  state->coldest = settings->coldest;
  state->exchanges = switch_or_preset(settings->exchanges, tuned);
  state->from_best = switch_or_preset(settings->from_best, tuned);
  state->chains = ARENA_NEW(request->arena, struct chain, state->n_chains);
  return state;
}

static double spread_of_merits(const struct trail *trail) {
  double sum = 0, squares = 0, n = 0;
  for (size_t i = 0; i < trail->n_told; i++) {
    if (trail_feasible(trail, i)) sum += trail_merit(trail, i), n++;
  }
  for (size_t i = 0; i < trail->n_told; i++) {
    const double from_mean = trail_merit(trail, i) - sum / n;
    if (trail_feasible(trail, i)) squares += from_mean * from_mean;
  }
  return n > 0 ? sqrt(squares / n) : 0;
}

/* The best feasible point known whose number is not that of a chain before `c`; TRAIL_NONE if there is none. */
static size_t next_start(const struct anneal *state, size_t c) {
  const struct trail *trail = &state->trail;
  size_t best = TRAIL_NONE;
  for (size_t i = 0; i < trail->n_told; i++) {
    bool taken = !trail_feasible(trail, i);
    for (size_t before = 0; before < c && !taken; before++) taken = state->chains[before].at == i;
    if (taken) continue;
    if (best == TRAIL_NONE || (state->from_best && trail_better(trail, i, best))) best = i;
  }
  return best;
}

/* Samples until there are enough, one of them feasible; then puts the chains to their starts. */
static void begin(struct anneal *state, struct rng *rng) {
  struct trail *trail = &state->trail;
  const size_t first = next_start(state, 0);
  if (trail->n < state->n_samples || first == TRAIL_NONE) {
    const size_t more = trail->n < state->n_samples ? state->n_samples - trail->n : trail->request.round_size;
    for (size_t i = 0; i < more; i++) {
      if (trail_draw(trail, rng) == TRAIL_NONE) break;
    }
    if (!trail_is_settled(trail) || first == TRAIL_NONE) return;
  }
  for (size_t c = 0; c < state->n_chains; c++) {
    const size_t at = next_start(state, c);
    state->chains[c] = (struct chain){at != TRAIL_NONE ? at : first, TRAIL_NONE, false};
  }
  state->spread = spread_of_merits(trail);
  state->temperature = state->hottest * state->spread;
  state->has_started = true;
}

static bool accepts(const struct anneal *state, const struct chain *chain, struct rng *rng) {
  const double gain = trail_merit(&state->trail, chain->proposed) - trail_merit(&state->trail, chain->at);
  if (gain >= 0 || (chain->restarts && trail_feasible(&state->trail, chain->proposed))) return true;
  return state->temperature > 0 && rng_unit(rng) < num_exp(gain / state->temperature);
}

/* Goes on with a chain until it needs an evaluation, which it has added then; one that meets nothing new for long
 * starts again from a random point. */
static void step(struct anneal *state, struct chain *chain, struct rng *rng) {
  struct trail *trail = &state->trail;
  const struct space *space = trail->request.space;
  for (unsigned i = 0; i < MOST_FREE_STEPS; i++) {
    if (chain->proposed != TRAIL_NONE) {
      if (!trail_knows(trail, chain->proposed)) return; /* another chain has just proposed it */
      if (accepts(state, chain, rng)) chain->at = chain->proposed;
      chain->proposed = TRAIL_NONE;
      chain->restarts = false;
    }
    const struct point *here = &trail->points[chain->at];
    const uint64_t count = neighbour_count(space, here, state->exchanges);
    if (count == 0) return;
    const struct point point = neighbour(space, here, rng_below(rng, count));
    chain->proposed = trail_find(trail, &point);
    if (chain->proposed != TRAIL_NONE || !trail_allows(trail, &point)) continue;
    chain->proposed = trail_add(trail, &point);
    return;
  }
  chain->proposed = trail_draw(trail, rng);
  chain->restarts = chain->proposed != TRAIL_NONE;
}

static void cool(struct anneal *state) {
  const struct trail *trail = &state->trail;
  state->temperature *= state->cooling;
  if (state->temperature > state->coldest * state->spread) return;
  state->temperature = state->hottest * state->spread;
  size_t best = state->chains[0].at;
  for (size_t i = 0; i < trail->n_told; i++) {
    if (trail_feasible(trail, i) && trail_better(trail, i, best)) best = i;
  }
  for (size_t c = 0; c < state->n_chains; c++) state->chains[c] = (struct chain){best, TRAIL_NONE, false};
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct anneal *state = opaque;
  struct trail *trail = &state->trail;
  const uint64_t seed = trail->request.seed;
  if (!trail_is_settled(trail)) return trail_ask(trail, points);
  if (state->has_started) {
    cool(state);
  } else {
    struct rng rng = rng_stream(seed, RNG_ANNEALING, round, state->n_chains);
    begin(state, &rng);
  }
  for (size_t c = 0; c < state->n_chains && state->has_started; c++) {
    struct rng rng = rng_stream(seed, RNG_ANNEALING, round, c);
    step(state, &state->chains[c], &rng);
  }
  return trail_ask(trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct anneal *)opaque)->trail, records, n);
}

const struct search_algorithm search_anneal = {
    .name = "anneal",
    .doc = "simulated annealing: chains side by side, cooling and reheats",
    .table = &anneal_fields,
    .settings_bytes = sizeof(struct anneal_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
};

/* The best strategies of sets, designs and ranges that are given. See sharding_choice.h.
 *
 * One set: level 2 itself. Several: sets in their order, each against the ends of what comes before it and the least
 * time that all behind it needs; once every set has strategies, again against what the others really take, as long as
 * that helps. On chains the first round is exact. */
#include "search/sharding/sharding_choice.h"

#include <math.h>
#include <string.h>

enum { MAX_ROUNDS = 3 };

struct solving {
  const struct choice_context *context;
  const struct sharding_problem *problem;
  const struct choice *choice;
  struct arena *scratch;
  uint32_t *set_of;       /* [n_layers] by place */
  uint32_t *first;        /* [n_sets] */
  double *rate;           /* [n_edges] of edges between sets */
  double *end_s, *tail_s; /* [n_layers] */
  uint16_t *strategy;     /* [n_layers] by place */
  bool known;             /* all strategies are */
  bool memory;            /* counted by labels of a set */
  enum level2_way way;    /* of a bound */
  struct sharding_answer answer;
};

static struct sharding_tables *tables_of(const struct solving *s, uint32_t k) {
  const struct ranges_choice *set = &s->choice->sets[k];
  return sharding_store_tables(s->context->store, s->context->sets->forms[set->form].shape, set->design);
}

static double relaxed_rate(const struct solving *s, uint32_t from, uint32_t to) {
  const struct sharding_sets *sets = s->context->sets;
  const uint32_t contact = sets->forms[s->choice->sets[from].form].contact;
  return sets->rate[contact * sets->n_forms + s->choice->sets[to].form];
}

static void lay_out(struct solving *s, struct arena *arena) {
  const struct choice *choice = s->choice;
  const struct sharding_problem *problem = s->problem;
  uint32_t used = 0, place = 0;
  s->answer.n_sets = choice->n_sets;
  s->answer.sets = ARENA_NEW(arena, struct sharding_set, choice->n_sets);
  s->answer.strategies = ARENA_NEW(arena, struct sharding_strategy, problem->n_layers);
  for (uint32_t k = 0; k < choice->n_sets; k++) {
    const struct ranges_choice *set = &choice->sets[k];
    const struct set_form *form = &s->context->sets->forms[set->form];
    s->first[k] = place;
    s->answer.sets[k] = (struct sharding_set){
        set->design, form->shape.p, sharding_sets_boards(s->context->sets, used, set->form, arena), place, set->last};
    for (; place <= set->last; place++) s->set_of[place] = k;
    used += form->index;
  }
  for (size_t e = 0; e < problem->n_edges; e++) {
    const struct sharding_set *from = &s->answer.sets[s->set_of[problem->place[problem->edges[e].from]]];
    const struct sharding_set *to = &s->answer.sets[s->set_of[problem->place[problem->edges[e].to]]];
    if (from == to) continue;
    s->rate[e] = s->context->sets->relaxed
                     ? relaxed_rate(s, s->set_of[problem->place[problem->edges[e].from]],
                                    s->set_of[problem->place[problem->edges[e].to]])
                     : sharding_between_bandwidth(problem, from->boards, from->n_boards, to->boards, to->n_boards);
  }
}

/* From a layer's end to the end of all that waits for it on other sets: at least, or with known strategies. */
static void pull_tails(struct solving *s, uint32_t k) {
  const struct sharding_problem *problem = s->problem;
  const struct level2_outside outside = {.inbound = s->rate, .tail_s = s->tail_s};
  const struct arena_mark mark = arena_get_mark(s->scratch);
  struct level2_plan plan;
  level2_plan_make(tables_of(s, k), s->first[k], s->choice->sets[k].last, &outside, s->scratch, &plan);
  double *exact_s = ARENA_NEW(s->scratch, double, plan.n);
  if (s->known) level2_plan_tails(&plan, s->strategy + s->first[k], exact_s);
  const double trips = problem->training ? 2 : 1;
  for (uint32_t i = 0; i < plan.n; i++) {
    const struct level2_layer *row = &plan.layers[i];
    const uint16_t chosen = s->strategy[s->first[k] + i];
    for (uint32_t j = problem->in_start[row->layer]; j < problem->in_start[row->layer + 1]; j++) {
      const uint32_t e = problem->in_edge[j], from = problem->edges[e].from;
      if (s->set_of[problem->place[from]] == k) continue;
      const uint64_t *bytes = sharding_tables_inbound(plan.tables, e);
      double least_s = INFINITY;
      for (uint32_t t = 0; t < row->n; t++) {
        if (s->known && t != chosen) continue;
        const double behind_s = s->known ? exact_s[i] : row->tail_s[t];
        least_s = fmin(least_s, trips * ((double)bytes[t] / s->rate[e]) + row->cost_s[t] + behind_s);
      }
      s->tail_s[from] = fmax(s->tail_s[from], least_s);
    }
  }
  arena_rewind(s->scratch, mark);
}

/* False: nothing fits the memory. */
static bool solve_set(struct solving *s, uint32_t k, double cutoff_s, double *bound_s) {
  const struct level2_outside outside = {.inbound = s->rate, .producer_end_s = s->end_s, .tail_s = s->tail_s};
  const uint32_t first = s->first[k], n = s->choice->sets[k].last - first + 1;
  const struct arena_mark mark = arena_get_mark(s->scratch);
  struct level2_found found = {.choice = ARENA_NEW(s->scratch, uint16_t, n)};
  struct level2_plan plan;
  const bool fine = level2_solve(tables_of(s, k), first, s->choice->sets[k].last, &outside,
                                 (struct level2_want){s->context->max_width, cutoff_s}, s->scratch, &plan, &found);
  *bound_s = found.bound_s;
  s->memory |= plan.memory;
  if (fine) {
    double *end_s = ARENA_NEW(s->scratch, double, n);
    memcpy(s->strategy + first, found.choice, n * sizeof *found.choice);
    level2_plan_ends(&plan, found.choice, end_s);
    for (uint32_t i = 0; i < n; i++) {
      const uint32_t layer = plan.layers[i].layer;
      s->end_s[layer] = end_s[i];
      s->answer.strategies[layer] = plan.tables->bytes->list[layer][found.choice[i]];
    }
  }
  arena_rewind(s->scratch, mark);
  return fine;
}

static struct solving solving_new(const struct choice_context *context, const struct choice *choice) {
  const struct sharding_problem *problem = context->sets->problem;
  struct arena *scratch = context->scratch;
  return (struct solving){.context = context,
                          .problem = problem,
                          .choice = choice,
                          .scratch = scratch,
                          .set_of = ARENA_NEW(scratch, uint32_t, problem->n_layers),
                          .first = ARENA_NEW(scratch, uint32_t, choice->n_sets),
                          .rate = ARENA_NEW(scratch, double, problem->n_edges),
                          .end_s = ARENA_NEW(scratch, double, problem->n_layers),
                          .tail_s = ARENA_NEW(scratch, double, problem->n_layers),
                          .strategy = ARENA_NEW(scratch, uint16_t, problem->n_layers)};
}

/* Several sets of relaxed forms: on boards that there are. */
static bool solve_settled(const struct choice_context *context, const struct choice *choice,
                          struct choice_value *value) {
  const struct arena_mark mark = arena_get_mark(context->scratch);
  struct choice_context real = *context;
  struct sharding_sets sets;
  struct choice settled = *choice;
  uint32_t forms[CHOICE_MAX_SETS];
  for (uint32_t k = 0; k < choice->n_sets; k++) forms[k] = choice->sets[k].form, settled.sets[k].form = k;
  real.sets = &sets;
  value->bound_s = 0, value->memory = false;
  const bool better = sharding_sets_settle(context->sets, choice->n_sets, forms, context->scratch, &sets) &&
                      choice_solve(&real, &settled, value);
  arena_rewind(context->scratch, mark);
  return better;
}

bool choice_solve(const struct choice_context *context, const struct choice *choice, struct choice_value *value) {
  if (context->sets->relaxed && choice->n_sets > 1) return solve_settled(context, choice, value);
  const struct sharding_problem *problem = context->sets->problem;
  const bool alone = choice->n_sets == 1;
  const struct arena_mark mark = arena_get_mark(context->scratch);
  struct solving s = solving_new(context, choice);
  bool better = false, fine = true;
  double last_s = INFINITY;
  value->bound_s = 0;
  lay_out(&s, context->scratch);
  for (int round = 0; round < MAX_ROUNDS && fine; round++) {
    double bound_s = 0;
    memset(s.tail_s, 0, problem->n_layers * sizeof *s.tail_s);
    for (uint32_t k = choice->n_sets; k-- > 1;) pull_tails(&s, k);
    for (uint32_t k = 0; k < choice->n_sets && fine; k++) {
      fine = solve_set(&s, k, alone ? value->value_s : INFINITY, &bound_s);
    }
    if (alone) value->bound_s = bound_s;
    if (!fine) break;
    s.known = true;
    const double value_s = sharding_evaluate(problem, &s.answer, context->scratch, NULL);
    if (value_s < value->value_s) {
      value->value_s = value_s, better = true;
      sharding_answer_copy(problem, &s.answer, context->arena, &value->answer);
    }
    if (alone || problem->chain || !(value_s < last_s)) break;
    last_s = value_s;
  }
  value->memory = s.memory;
  arena_rewind(context->scratch, mark);
  return better;
}

/* --- a bound --------------------------------------------------------------------------------------------------------
 */

/* Of places first to last on set k, by labels: what comes before and behind at its least. */
static double least_of(struct solving *s, uint32_t k, uint32_t first, uint32_t last,
                       const struct level2_outside *outside, double cutoff_s) {
  const struct arena_mark mark = arena_get_mark(s->scratch);
  struct level2_plan plan;
  level2_plan_make(tables_of(s, k), first, last, outside, s->scratch, &plan);
  uint16_t *taken = ARENA_NEW(s->scratch, uint16_t, plan.n);
  double value_s = cutoff_s;
  double bound_s = level2_plan_solve(&plan, s->context->max_width, s->scratch, taken, &value_s);
  if (value_s < cutoff_s && !level2_fits(&plan, taken, s->scratch)) {
    value_s = cutoff_s;
    bound_s = fmax(bound_s, level2_priced(&plan, 0, s->scratch, taken, &value_s));
  }
  arena_rewind(s->scratch, mark);
  return bound_s;
}

/* From the ends of producers on other sets to the very end, each by itself, through the layer on set k that reads. */
static void bound_tails(struct solving *s, uint32_t k, double *only, double cutoff_s) {
  const struct sharding_problem *problem = s->problem;
  const uint32_t last = s->choice->sets[k].last;
  for (size_t e = 0; e < problem->n_edges; e++) {
    const uint32_t from = problem->edges[e].from, to = problem->place[problem->edges[e].to];
    if (s->set_of[to] != k || s->set_of[problem->place[from]] == k) continue;
    only[e] = s->rate[e];
    const struct level2_outside outside = {.inbound = only, .tail_s = s->tail_s, .relative = true, .way = s->way};
    s->tail_s[from] = fmax(s->tail_s[from], least_of(s, k, to, last, &outside, cutoff_s));
    only[e] = INFINITY;
  }
}

/* Ends of what set k hands to others, each by itself. */
static void bound_ends(struct solving *s, uint32_t k, double cutoff_s) {
  const struct sharding_problem *problem = s->problem;
  const struct level2_outside outside = {.inbound = s->rate, .producer_end_s = s->end_s, .to_end = true, .way = s->way};
  for (uint32_t place = s->first[k]; place <= s->choice->sets[k].last; place++) {
    const uint32_t layer = problem->topological[place];
    bool leaves = false;
    for (uint32_t j = problem->out_start[layer]; j < problem->out_start[layer + 1]; j++) {
      leaves |= s->set_of[problem->place[problem->edges[problem->out_edge[j]].to]] != k;
    }
    if (leaves) s->end_s[layer] = least_of(s, k, s->first[k], place, &outside, cutoff_s);
  }
}

static double bound_way(const struct choice_context *context, const struct choice *choice, enum level2_way way,
                        double cutoff_s) {
  const struct sharding_problem *problem = context->sets->problem;
  const struct arena_mark mark = arena_get_mark(context->scratch);
  struct solving s = solving_new(context, choice);
  double *only = ARENA_NEW(context->scratch, double, problem->n_edges), bound_s = 0;
  for (size_t e = 0; e < problem->n_edges; e++) only[e] = INFINITY;
  s.way = way;
  lay_out(&s, context->scratch);
  for (uint32_t k = choice->n_sets; k-- > 1;) bound_tails(&s, k, only, cutoff_s);
  for (uint32_t k = 0; k < choice->n_sets && bound_s < cutoff_s; k++) {
    const struct level2_outside outside = {
        .inbound = s.rate, .producer_end_s = s.end_s, .tail_s = s.tail_s, .way = way};
    bound_s = fmax(bound_s, least_of(&s, k, s.first[k], choice->sets[k].last, &outside, cutoff_s));
    bound_ends(&s, k, cutoff_s);
  }
  arena_rewind(context->scratch, mark);
  return bound_s;
}

/* All layers but the last are read: the way back begins where the way forward has ended. */
static bool has_one_end(const struct sharding_problem *problem) {
  for (size_t place = 0; place + 1 < problem->n_layers; place++) {
    const uint32_t layer = problem->topological[place];
    if (problem->out_start[layer] == problem->out_start[layer + 1]) return false;
  }
  return true;
}

double choice_bound(const struct choice_context *context, const struct choice *choice, double cutoff_s) {
  const struct sharding_problem *problem = context->sets->problem;
  double bound_s = bound_way(context, choice, LEVEL2_BOTH, cutoff_s);
  if (!problem->training || bound_s >= cutoff_s || !has_one_end(problem)) return bound_s;
  const double forward_s = bound_way(context, choice, LEVEL2_FORWARD, cutoff_s);
  return fmin(cutoff_s, fmax(bound_s, forward_s + bound_way(context, choice, LEVEL2_BACKWARD, cutoff_s)));
}

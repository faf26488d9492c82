/* Can an answer be improved a step at a time?
 *
 * Where no search ends: sets, designs and ranges change by one step (an end of a range moves, a set takes other boards
 * or another design, two sets change places or become one, one becomes two), each new choice under level 2
 * (sharding_choice.c), until a whole round of steps gains nothing. Then strategies change one layer at a time, and two
 * neighbours at a time, under the evaluator itself: in training, with several sets and where memory binds, level 2
 * minimises what stands for the latency. Left out: random starts. */
#include "search/sharding/sharding_improve.h"

#include <math.h>
#include <string.h>

struct improving {
  const struct choice_context *context;
  const struct improve_limits *limits;
  struct choice *choice;
  struct choice_value *value;
  uint64_t n_samples, n_solved; /* solved: several times where labels count bytes */
};

static bool is_over(const struct improving *im) {
  return im->n_samples >= im->limits->max_samples || im->n_solved >= im->limits->max_solved ||
         (im->limits->interrupted != NULL && im->limits->interrupted(im->limits->context));
}

/* --- steps of sets --------------------------------------------------------------------------------------------------
 */

/* Boards enough for all sets, in their order; designs as they must be; ranges not empty. */
static bool is_possible(const struct sharding_sets *sets, const struct choice *choice) {
  uint32_t used = 0;
  for (uint32_t k = 0; k < choice->n_sets; k++) {
    const struct ranges_choice *set = &choice->sets[k];
    const uint32_t fixed = sets->forms[set->form].design;
    if (k > 0 && set->last <= choice->sets[k - 1].last) return false;
    if (fixed != SHARDING_NONE && fixed != set->design) return false;
    if (!sharding_sets_fit(sets, used, set->form)) return false;
    used += sets->forms[set->form].index;
  }
  return true;
}

/* True: it was better, and is the choice now. */
static bool try_choice(struct improving *im, const struct choice *choice) {
  if (is_over(im) || !is_possible(im->context->sets, choice)) return false;
  struct choice_value value = {.value_s = im->value->value_s * (1 - im->limits->tolerance)};
  struct ranges *ranges = im->limits->ranges;
  if (ranges != NULL && ranges_floor(ranges, choice->sets, choice->n_sets, im->context->scratch) >= value.value_s)
    return false;
  const bool better = choice_solve(im->context, choice, &value);
  im->n_samples++, im->n_solved += value.memory ? CHOICE_MEMORY_WORK : 1;
  if (!better) return false;
  *im->value = value, *im->choice = *choice;
  return true;
}

static bool move_ends(struct improving *im) {
  bool better = false;
  const uint32_t n_layers = (uint32_t)im->context->sets->problem->n_layers;
  for (uint32_t k = 0; k + 1 < im->choice->n_sets; k++) {
    for (uint32_t step = 1; step < n_layers; step *= 2) {
      for (int way = 0; way < 2; way++) {
        struct choice next = *im->choice;
        const uint32_t last = next.sets[k].last;
        if (way == 0 ? last < step : last + step >= n_layers) continue;
        next.sets[k].last = way == 0 ? last - step : last + step;
        better |= try_choice(im, &next);
      }
    }
  }
  return better;
}

static bool change_sets(struct improving *im) {
  const struct sharding_sets *sets = im->context->sets;
  bool better = false;
  for (uint32_t k = 0; k < im->choice->n_sets; k++) {
    for (uint32_t f = 0; f < sets->n_forms; f++) {
      for (uint32_t d = 0; d < sets->problem->n_designs; d++) {
        struct choice next = *im->choice;
        if (next.sets[k].form == f && next.sets[k].design == d) continue;
        next.sets[k].form = f, next.sets[k].design = d;
        better |= try_choice(im, &next);
      }
    }
  }
  return better;
}

/* One set gives boards to another: together they take what they took. */
static bool shift_boards(struct improving *im) {
  const struct sharding_sets *sets = im->context->sets;
  bool better = false;
  for (uint32_t k = 0; k < im->choice->n_sets; k++) {
    for (uint32_t j = 0; j < im->choice->n_sets; j++) {
      for (uint32_t f = 0; j != k && f < sets->n_forms; f++) {
        const uint32_t both = sets->forms[im->choice->sets[k].form].index + sets->forms[im->choice->sets[j].form].index;
        if (sets->forms[f].shape.p >= sets->forms[im->choice->sets[k].form].shape.p || sets->forms[f].index >= both)
          continue;
        for (uint32_t g = 0; g < sets->n_forms; g++) {
          struct choice next = *im->choice;
          if (sets->forms[f].index + sets->forms[g].index != both) continue;
          next.sets[k].form = f, next.sets[j].form = g;
          better |= try_choice(im, &next);
        }
      }
    }
  }
  return better;
}

/* Two sets change places: their boards and designs. */
static bool swap_sets(struct improving *im) {
  bool better = false;
  for (uint32_t k = 0; k < im->choice->n_sets; k++) {
    for (uint32_t j = k + 1; j < im->choice->n_sets; j++) {
      struct choice next = *im->choice;
      const struct ranges_choice one = next.sets[k], other = next.sets[j];
      if (one.form == other.form && one.design == other.design) continue;
      next.sets[k].form = other.form, next.sets[k].design = other.design;
      next.sets[j].form = one.form, next.sets[j].design = one.design;
      better |= try_choice(im, &next);
    }
  }
  return better;
}

/* Any other set takes `spare` boards more. */
static bool give_boards(struct improving *im, const struct choice *choice, uint32_t but, uint32_t spare) {
  const struct sharding_sets *sets = im->context->sets;
  for (uint32_t j = 0; j < choice->n_sets; j++) {
    for (uint32_t g = 0; j != but && g < sets->n_forms; g++) {
      struct choice next = *choice;
      if (sets->forms[g].index != sets->forms[next.sets[j].form].index + spare) continue;
      next.sets[j].form = g;
      if (try_choice(im, &next)) return true;
    }
  }
  return false;
}

/* One set runs the range of two: on its own boards, or on any; what it leaves of theirs goes to another. */
static bool join_sets(struct improving *im) {
  const struct sharding_sets *sets = im->context->sets;
  bool better = false;
  for (uint32_t k = 0; k + 1 < im->choice->n_sets; k++) {
    const uint32_t n_sets = im->choice->n_sets;
    const uint32_t both = sets->forms[im->choice->sets[k].form].index + sets->forms[im->choice->sets[k + 1].form].index;
    for (uint32_t f = 0; f < sets->n_forms && n_sets == im->choice->n_sets; f++) {
      for (int design = 0; design < 2 && n_sets == im->choice->n_sets; design++) {
        struct choice next = *im->choice;
        const uint32_t d = next.sets[k + (uint32_t)design].design;
        memmove(&next.sets[k], &next.sets[k + 1], (next.n_sets - k - 1) * sizeof *next.sets);
        next.n_sets--;
        next.sets[k].form = f, next.sets[k].design = d;
        if (try_choice(im, &next) ||
            (sets->forms[f].index < both && give_boards(im, &next, k, both - sets->forms[f].index)))
          better = true;
      }
    }
  }
  return better;
}

/* A range is cut in two: the new set takes boards that are free, or the old one gives some away. */
static bool cut_sets(struct improving *im) {
  const struct sharding_sets *sets = im->context->sets;
  enum { CUTS = 8 };
  bool better = false;
  for (uint32_t k = 0; k < im->choice->n_sets && im->choice->n_sets + 1 < CHOICE_MAX_SETS; k++) {
    const uint32_t first = k > 0 ? im->choice->sets[k - 1].last + 1 : 0, last = im->choice->sets[k].last;
    const uint32_t step = 1 + (last - first) / CUTS, n_sets = im->choice->n_sets;
    for (uint32_t at = first; at < last; at += step) {
      for (uint32_t f = 0; f < sets->n_forms * sets->n_forms && im->choice->n_sets == n_sets; f++) {
        struct choice next = *im->choice;
        memmove(&next.sets[k + 1], &next.sets[k], (next.n_sets - k) * sizeof *next.sets);
        next.n_sets++;
        next.sets[k].last = at;
        next.sets[k].form = f / sets->n_forms, next.sets[k + 1].form = f % sets->n_forms;
        if (sets->forms[next.sets[k].form].design != SHARDING_NONE) {
          next.sets[k].design = sets->forms[next.sets[k].form].design;
        }
        if (sets->forms[next.sets[k + 1].form].design != SHARDING_NONE) {
          next.sets[k + 1].design = sets->forms[next.sets[k + 1].form].design;
        }
        better |= try_choice(im, &next);
      }
    }
  }
  return better;
}

/* --- steps of strategies --------------------------------------------------------------------------------------------
 */

struct stepping {
  const struct sharding_problem *problem;
  const struct improve_limits *limits;
  struct arena *scratch;
  struct sharding_answer answer;
  const struct sharding_strategy **lists; /* [n_layers] by layer */
  size_t *n;
  double value_s;
  uint64_t n_evaluated;
  bool better;
};

static bool is_spent(const struct stepping *st) {
  return st->n_evaluated >= st->limits->max_samples || st->n_evaluated >= st->limits->max_evaluated ||
         (st->limits->interrupted != NULL && st->limits->interrupted(st->limits->context));
}

/* Keeps what is better; true if so. */
static bool try_strategies(struct stepping *st) {
  if (is_spent(st)) return false;
  st->n_evaluated++;
  const double value_s = sharding_evaluate(st->problem, &st->answer, st->scratch, NULL);
  if (!(value_s < st->value_s * (1 - st->limits->tolerance))) return false;
  st->value_s = value_s;
  return st->better = true;
}

/* Any strategy for a layer; with another layer, any pair. */
static bool step(struct stepping *st, uint32_t layer, uint32_t other) {
  struct sharding_strategy *one = &st->answer.strategies[layer];
  struct sharding_strategy *two = other != SHARDING_NONE ? &st->answer.strategies[other] : NULL;
  struct sharding_strategy kept = *one, kept_two = two != NULL ? *two : (struct sharding_strategy){0};
  bool better = false;
  for (size_t i = 0; i < st->n[layer] && !is_spent(st); i++) {
    for (size_t j = 0; j < (two != NULL ? st->n[other] : 1); j++) {
      *one = st->lists[layer][i];
      if (two != NULL) *two = st->lists[other][j];
      if (!try_strategies(st)) continue;
      kept = *one, better = true;
      if (two != NULL) kept_two = *two;
    }
  }
  *one = kept;
  if (two != NULL) *two = kept_two;
  return better;
}

uint64_t sharding_improve_strategies(const struct sharding_problem *problem, const struct improve_limits *limits,
                                     struct arena *scratch, struct arena *arena, struct choice_value *value) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct stepping st = {.problem = problem,
                        .limits = limits,
                        .scratch = scratch,
                        .lists = ARENA_NEW(scratch, const struct sharding_strategy *, problem->n_layers),
                        .n = ARENA_NEW(scratch, size_t, problem->n_layers),
                        .value_s = value->value_s};
  sharding_answer_copy(problem, &value->answer, scratch, &st.answer);
  for (size_t k = 0; k < st.answer.n_sets; k++) {
    const struct sharding_set *set = &st.answer.sets[k];
    for (uint32_t place = set->first; place <= set->last; place++) {
      const uint32_t layer = problem->topological[place];
      st.n[layer] = sharding_strategies(problem, layer, set->n_boards, scratch, &st.lists[layer]);
    }
  }
  for (bool better = true; better && !is_spent(&st);) {
    better = false;
    for (uint32_t place = 0; place < problem->n_layers; place++) {
      better |= step(&st, problem->topological[place], SHARDING_NONE);
    }
    for (size_t e = 0; !better && e < problem->n_edges; e++) {
      better |= step(&st, problem->edges[e].from, problem->edges[e].to);
    }
  }
  if (st.better) {
    value->value_s = st.value_s;
    sharding_answer_copy(problem, &st.answer, arena, &value->answer);
  }
  arena_rewind(scratch, mark);
  return st.n_evaluated;
}

uint64_t sharding_improve_sets(const struct choice_context *context, const struct improve_limits *limits,
                               struct choice *choice, struct choice_value *value) {
  struct improving im = {context, limits, choice, value, 0, 0};
  bool better = choice->n_sets > 0;
  while (better && !is_over(&im)) {
    better = move_ends(&im);
    better |= shift_boards(&im);
    better |= change_sets(&im);
    better |= swap_sets(&im);
    better |= join_sets(&im);
    better |= cut_sets(&im);
  }
  return im.n_samples;
}

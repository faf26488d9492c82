/* Which period is the least, and what proves it? See partition_exact.h; partition §9.
 *
 * The period is bisected; each step asks whether a chain of ideals exists (partition_reach.c). Just below the best
 * known comes first, since that is often all it takes; when it finds something better, the middle comes next. A refusal
 * is a bound. Where the limits end a question, lower periods are asked for the bound's sake. Triangle rules are looked
 * at when it is known what is possible without them. Rules that ideals do not know (live tensors, a compiler's yes) are
 * left out: if the answer keeps them it is optimal, and if not its period is a bound; small graphs are then settled by
 * trying (partition_branches.c). */
#include "search/partition/partition_exact.h"

#include "base/checked.h"
#include "search/partition/partition_exact_private.h"
#include "search/partition/partition_windows.h"
#include <math.h>
#include <string.h>

enum {
  FIRST_GROWTH_SHARE = 50,
  GROWTH_SHARE = 4,
  RELAXED_SHARE = 4,
  PATHS_SHARE = 2,
  EASY_PAIRS = 300000,
  MOST_PROFILED = 256,
  MOST_PLACEMENTS = 1 << 24, /* a second or two */
  MOST_GIBIBYTES = 6
};                                       /* the last: of ideals */
static const double proof = 1e-11;       /* a period this much shorter, relative, would be the same */
static const double worth_asking = 1e-4; /* bounds are not pushed any nearer to where limits end the search */

struct exact {
  const struct partition_graph *graph;
  struct partition_lattice *lattice;
  struct partition_reach reach;
  struct partition_work *work;
  struct partition_windows *windows; /* NULL: not looked at */
  struct partition_profile *profile; /* NULL: not made yet */
  struct partition_profile *room;    /* for it */
  uint64_t ideals;                   /* at once */
  uint32_t *best;         /* [graph->n] chips of the best known that keeps what is looked at, of period `value` */
  double value;           /* INFINITY: none is known */
  int64_t refuted;        /* nothing is at or below */
  uint32_t *element_chip; /* [lattice->n] */
  /* Between boundaries of a known answer: chips of elements in it, and which are asked about. NULL: all. */
  const uint32_t *held_chip;
  uint32_t first, last;
  double *loads; /* [n_chips] then */
};

static int64_t most_i64(int64_t a, int64_t b) { return a > b ? a : b; }

static bool can_profile(const struct exact *x) {
  const bool ring = x->reach.cost == PARTITION_RING || x->reach.cost == PARTITION_RING_OVERLAP;
  return ring && x->reach.n_chips <= MOST_PROFILED;
}

/* What ideals of some work cut, for a graph that is not easy. */
static void make_profile(struct exact *x, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct partition_lattice *l = x->lattice;
  x->profile = x->room;
  int64_t *before = ARENA_NEW(scratch, int64_t, l->n), *after = ARENA_NEW(scratch, int64_t, l->n);
  for (size_t e = 0; e < l->n; e++) {
    before[e] = (int64_t)(x->windows->before_ms[l->group[e]] / l->unit_ms) - l->rounding;
    after[e] = (int64_t)(x->windows->after_ms[l->group[e]] / l->unit_ms) - l->rounding;
  }
  partition_profile_init(x->profile, l, before, after, scratch);
  arena_rewind(scratch, mark);
}

/* What an ideal may cut at each step of work if c chips are to do the rest, from the last chip on. False: C chips
 * cannot do all. */
static bool allow_cuts(const struct exact *x, int64_t period, int64_t *may_cut) {
  const struct partition_profile *profile = x->profile;
  const bool overlap = x->reach.cost == PARTITION_RING_OVERLAP;
  const uint32_t n_chips = x->reach.n_chips;
  for (size_t i = 0; i < PARTITION_STEPS; i++) may_cut[i] = -1;
  for (uint32_t c = 1; c <= n_chips; c++) {
    const int64_t *next = &may_cut[(size_t)(c - 1) * PARTITION_STEPS];
    int64_t *now = &may_cut[(size_t)c * PARTITION_STEPS], least_end = c == 1 ? x->lattice->total : INT64_MAX;
    for (size_t i = PARTITION_STEPS; i-- > 0;) {
      const int64_t low = (int64_t)i * profile->width, high = low + profile->width - 1;
      const int64_t cut = overlap ? 0 : profile->cut[i];
      if (c > 1 && profile->cut[i] <= next[i] && low + cut < least_end) least_end = low + cut;
      const int64_t left = least_end == INT64_MAX ? -1 : period + high - least_end;
      now[i] = most_i64(next[i], overlap && left >= 0 ? period : left);
    }
  }
  return may_cut[(size_t)n_chips * PARTITION_STEPS] >= 0;
}

/* Chips of groups from what was found; the period of those that were asked about. Chips without anything will be closed
 * up and do not count. */
static double take_chips(const struct exact *x, uint32_t *chip) {
  for (size_t g = 0; g < x->graph->n; g++) {
    const uint32_t e = x->lattice->of[g];
    if (e == PARTITION_NONE) {
      chip[g] = 1;
    } else if (x->held_chip == NULL) {
      chip[g] = x->element_chip[e];
    } else {
      const bool asked = x->held_chip[e] >= x->first && x->held_chip[e] <= x->last;
      chip[g] = asked ? x->first - 1 + x->element_chip[e] : x->held_chip[e];
    }
  }
  if (x->held_chip == NULL) {
    partition_renumber(x->graph, chip, x->work);
    return partition_period(x->graph, chip, x->work, NULL);
  }
  (void)partition_period(x->graph, chip, x->work, x->loads);
  double value = 0;
  for (size_t g = 0; g < x->graph->n; g++) {
    if (chip[g] >= x->first && chip[g] <= x->last) value = fmax(value, x->loads[chip[g] - 1]);
  }
  return value;
}

/* What windows and cuts say of a period; false: they refute it. */
static bool look_where(struct exact *x, int64_t period, struct partition_where *where, struct arena *scratch) {
  const struct partition_lattice *l = x->lattice;
  struct partition_windows *windows = x->windows;
  if (!partition_windows_fit(windows, (double)(period + l->rounding) * l->unit_ms, scratch)) return false;
  uint32_t *low = ARENA_NEW(scratch, uint32_t, l->n), *high = ARENA_NEW(scratch, uint32_t, l->n);
  int64_t *coming = ARENA_NEW(scratch, int64_t, x->graph->problem->n_chips + 2);
  for (size_t e = 0; e < l->n; e++) {
    low[e] = windows->low[l->group[e]], high[e] = windows->high[l->group[e]];
  }
  for (uint32_t c = windows->n_chips; c-- > 0 && x->reach.cost == PARTITION_RING;) {
    const double next = c + 1 < windows->n_chips ? windows->cut_ms[c + 1] / l->unit_ms : 0;
    coming[c] = coming[c + 1] + 2 * most_i64(0, (int64_t)next - l->rounding);
  }
  *where = (struct partition_where){low, high, coming, NULL, NULL};
  if (x->profile == NULL) return true;
  int64_t *may_cut = ARENA_NEW(scratch, int64_t, (size_t)(x->reach.n_chips + 1) * PARTITION_STEPS);
  where->profile = x->profile, where->may_cut = may_cut;
  return allow_cuts(x, period + l->rounding, may_cut);
}

/* One question with at most `pairs`, with what is known of the period. */
static enum partition_outcome ask_once(struct exact *x, int64_t period, uint64_t pairs, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const uint64_t all_pairs = x->reach.pairs, given = min_u64(pairs, all_pairs);
  struct partition_where where = {0};
  enum partition_outcome outcome = PARTITION_REFUTED;
  x->reach.where = x->windows != NULL ? &where : NULL;
  x->reach.pairs = given, x->reach.ideals = x->ideals;
  if (x->windows == NULL || look_where(x, period, &where, scratch)) {
    outcome = partition_reach(&x->reach, period, x->element_chip);
  }
  x->reach.pairs = all_pairs - (given - x->reach.pairs);
  arena_rewind(scratch, mark);
  return outcome;
}

/* The same; the profile is made for what is not easy. A better answer is kept. */
static enum partition_outcome ask(struct exact *x, int64_t period, uint64_t pairs, struct arena *scratch) {
  const bool easy = x->windows != NULL && x->profile == NULL && can_profile(x);
  enum partition_outcome outcome = ask_once(x, period, easy ? min_u64(pairs, EASY_PAIRS) : pairs, scratch);
  if (easy && outcome == PARTITION_GAVE_UP && x->reach.pairs > 0 && pairs > EASY_PAIRS &&
      x->reach.n_chips <= MOST_PROFILED) {
    make_profile(x, scratch);
    outcome = ask_once(x, period, pairs - EASY_PAIRS, scratch);
  }
  if (outcome == PARTITION_REFUTED && period > x->refuted) x->refuted = period;
  if (outcome != PARTITION_REACHED) return outcome;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *chip = ARENA_NEW(scratch, uint32_t, x->graph->n);
  const double value = take_chips(x, chip);
  if (x->reach.loose && partition_rules(x->graph, chip, x->work) != PARTITION_FINE) {
    outcome = PARTITION_GAVE_UP;
  } else if (value < x->value) {
    x->value = value;
    memcpy(x->best, chip, x->graph->n * sizeof *chip);
  } else {
    outcome = PARTITION_GAVE_UP; /* rounding alone decides */
  }
  arena_rewind(scratch, mark);
  return outcome;
}

/* The largest period that is less than `value` by more than rounding. */
static int64_t just_below(const struct exact *x, double value) {
  const double units = value / x->lattice->unit_ms;
  if (units > 2 * (double)x->lattice->most) return x->lattice->most; /* none is that large */
  return (int64_t)(units * (1 - proof)) - 2 * x->lattice->rounding;
}

/* The greatest period that can be refuted with the pairs that are left, between what is and where that failed. */
static void push_bound(struct exact *x, int64_t failed, struct arena *scratch) {
  while (x->reach.pairs > 0 && failed - x->refuted > 1 &&
         (double)(failed - x->refuted) > worth_asking * (double)failed) {
    if (x->reach.request != NULL && x->reach.request->interrupted != NULL &&
        x->reach.request->interrupted(x->reach.request->context)) {
      return;
    }
    const int64_t middle = x->refuted + (failed - x->refuted) / 2;
    const enum partition_outcome outcome = ask(x, middle, x->reach.pairs / 2, scratch);
    if (outcome == PARTITION_GAVE_UP) failed = middle;
    if (outcome == PARTITION_REACHED) failed = just_below(x, x->value);
  }
}

/* A first answer, from the bound upwards; REFUTED: there is none. */
static enum partition_outcome find_first(struct exact *x, struct arena *scratch) {
  const struct partition_lattice *l = x->lattice;
  int64_t step = x->refuted / FIRST_GROWTH_SHARE + 1;
  for (;;) {
    const int64_t period = x->refuted > l->most - step ? l->most : x->refuted + step;
    const enum partition_outcome outcome = ask(x, period, x->reach.pairs / 2, scratch);
    if (outcome == PARTITION_GAVE_UP) push_bound(x, period, scratch);
    if (outcome != PARTITION_REFUTED || period == l->most) return outcome;
    step = period / GROWTH_SHARE + 1;
  }
}

/* True: x->value is the least, by the rules that are looked at. */
static bool bisect(struct exact *x, struct arena *scratch) {
  if (!(x->value < INFINITY)) {
    const enum partition_outcome outcome = find_first(x, scratch);
    if (outcome == PARTITION_REFUTED) return true;
    if (outcome == PARTITION_GAVE_UP) return false;
  }
  for (bool below = true;;) {
    const int64_t high = just_below(x, x->value);
    if (x->refuted >= high) return true;
    const int64_t period = below ? high : x->refuted + (high - x->refuted) / 2;
    const enum partition_outcome outcome = ask(x, period, x->reach.pairs / 2, scratch);
    if (outcome == PARTITION_GAVE_UP) {
      push_bound(x, period, scratch);
      return x->refuted >= just_below(x, x->value);
    }
    below = outcome == PARTITION_REFUTED;
  }
}

/* Elements on chips up to `last`; chip NULL: all. */
static uint64_t *set_of_chips(const struct partition_lattice *lattice, const uint32_t *chip, uint32_t last,
                              struct arena *arena) {
  uint64_t *set = ARENA_NEW(arena, uint64_t, lattice->n_words);
  for (size_t e = 0; e < lattice->n; e++) {
    if (chip == NULL || chip[e] <= last) set[e / 64] |= UINT64_C(1) << (e % 64);
  }
  return set;
}

/* On a path what enters and leaves crosses one boundary: point to point is a ring, of which more is known. */
static enum partition_cost cost_of(const struct partition_problem *problem) {
  if (problem->triangle != PARTITION_PATH) return problem->cost;
  const bool overlap = problem->cost == PARTITION_RING_OVERLAP || problem->cost == PARTITION_P2P_OVERLAP;
  return overlap ? PARTITION_RING_OVERLAP : PARTITION_RING;
}

static void exact_init(struct exact *x, const struct partition_graph *graph, const struct partition_limits *limits,
                       struct partition_lattice *lattice, struct arena *scratch) {
  const struct partition_problem *problem = graph->problem;
  *x = (struct exact){.graph = graph, .lattice = lattice, .value = INFINITY};
  x->reach = (struct partition_reach){.lattice = lattice,
                                      .n_chips = problem->n_chips,
                                      .cost = cost_of(problem),
                                      .path = problem->triangle == PARTITION_PATH,
                                      .pairs = limits->pairs,
                                      .scratch = scratch};
  const uint64_t bytes = 64 + 8 * lattice->n_words;
  x->ideals = min_u64(limits->ideals, ((uint64_t)MOST_GIBIBYTES << 30) / bytes);
  x->work = partition_work_new(graph, scratch);
  x->best = ARENA_NEW(scratch, uint32_t, graph->n);
  x->element_chip = ARENA_NEW(scratch, uint32_t, lattice->n + 1);
}

/* First without the triangle rule, which is quick: its least period is a bound, and often enough the answer keeps the
 * rule. True: there is no partition at all. */
static bool relax_triangle(struct exact *x, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const double known = x->value;
  const bool path = x->reach.path, general = x->reach.general;
  const uint64_t pairs = x->reach.pairs;
  uint32_t *chip = ARENA_NEW(scratch, uint32_t, x->graph->n);
  memcpy(chip, x->best, x->graph->n * sizeof *chip);
  x->reach.path = x->reach.general = false, x->reach.pairs = pairs / RELAXED_SHARE;
  const bool proven = bisect(x, scratch);
  x->reach.path = path, x->reach.general = general, x->reach.pairs = pairs - pairs / RELAXED_SHARE + x->reach.pairs;
  const double relaxed = x->value;
  const bool keeps_rule = relaxed < known && partition_rules(x->graph, x->best, x->work) == PARTITION_FINE;
  if (!keeps_rule) {
    x->value = known;
    memcpy(x->best, chip, x->graph->n * sizeof *chip);
    if (relaxed < known) (void)ask(x, (int64_t)(relaxed / x->lattice->unit_ms), x->reach.pairs / 2, scratch);
  }
  arena_rewind(scratch, mark);
  return proven && !(relaxed < INFINITY); /* there is nothing even so */
}

static bool has_other_rules(const struct partition_problem *problem) {
  return problem->accepts != NULL || (problem->memory_bytes > 0 && problem->memory_rule == PARTITION_LIVE);
}

static bool solve(const struct partition_graph *graph, const struct partition_limits *limits,
                  const struct partition_request *request, uint32_t *chip, double *value, double *bound) {
  struct arena *scratch = request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_lattice lattice;
  struct exact x;
  *bound = request->bounds != NULL ? request->bounds->best : 0;
  if (!partition_lattice_init(graph, scratch, &lattice)) {
    arena_rewind(scratch, mark);
    return false;
  }
  exact_init(&x, graph, limits, &lattice, scratch);
  x.reach.request = request;
  struct partition_windows windows;
  partition_windows_init(&windows, graph, scratch);
  x.room = ARENA_NEW(scratch, struct partition_profile, 1);
  x.windows = &windows, x.reach.n_chips = windows.n_chips;
  if (limits->eager && can_profile(&x)) make_profile(&x, scratch);
  uint64_t *none = ARENA_NEW(scratch, uint64_t, lattice.n_words);
  x.reach.from = none, x.reach.to = set_of_chips(&lattice, NULL, 0, scratch);
  x.refuted = (int64_t)(*bound / lattice.unit_ms * (1 - proof)) - 2 * lattice.rounding - 1;
  if (x.refuted < -1) x.refuted = -1;
  memcpy(x.best, chip, graph->n * sizeof *chip);
  x.value = *value;
  const bool relaxed = has_other_rules(graph->problem);
  x.reach.general = graph->problem->triangle == PARTITION_GENERAL;
  const bool triangle = x.reach.path || x.reach.general;
  bool proven = (triangle && relax_triangle(&x, scratch)) || bisect(&x, scratch);
  if (x.value < *value && (!relaxed || partition_rules(graph, x.best, x.work) == PARTITION_FINE)) {
    *value = x.value;
    memcpy(chip, x.best, graph->n * sizeof *chip);
  }
  if (x.value < INFINITY || !proven) {
    const double shown = (double)(x.refuted - lattice.rounding) * lattice.unit_ms;
    *bound = fmax(*bound, fmin(proven ? x.value : shown, x.value));
    proven = proven && *value <= x.value;
  }
  arena_rewind(scratch, mark);
  return proven;
}

/* Every path keeps `general`, and no path is hardly ever better: the best path first, then what bounds it. Paths have
 * pairs of their own, since where they are too few the answer is above that of `path`. */
static void try_paths(const struct partition_graph *graph, const struct partition_limits *limits,
                      const struct partition_request *request, uint32_t *chip, double *value) {
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct partition_problem problem = *graph->problem;
  struct partition_graph paths = *graph;
  uint32_t *path = ARENA_NEW(request->scratch, uint32_t, graph->n);
  double path_value = *value, path_bound;
  problem.triangle = PARTITION_PATH, paths.problem = &problem;
  memcpy(path, chip, graph->n * sizeof *chip);
  (void)solve(&paths, limits, request, path, &path_value, &path_bound);
  if (path_value < *value) {
    *value = path_value;
    memcpy(chip, path, graph->n * sizeof *chip);
  }
  arena_rewind(request->scratch, mark);
}

bool partition_exact(const struct partition_graph *graph, const struct partition_limits *limits,
                     const struct partition_request *request, uint32_t *chip, double *value, double *bound) {
  struct partition_limits each = *limits;
  if (graph->problem->triangle == PARTITION_GENERAL) {
    each.pairs = limits->pairs / PATHS_SHARE;
    try_paths(graph, &each, request, chip, value);
    each.pairs = limits->pairs;
  }
  if (solve(graph, &each, request, chip, value, bound)) return true;
  if (!has_other_rules(graph->problem)) return false;
  if (!partition_branches(graph, min_u64(limits->pairs, MOST_PLACEMENTS), request, chip, value)) return false;
  if (*value < INFINITY) *bound = *value;
  return true;
}

bool partition_exact_between(const struct partition_graph *graph, uint32_t first, uint32_t last,
                             const struct partition_limits *limits, struct arena *scratch, uint32_t *chip,
                             double *value) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_lattice lattice;
  struct exact x;
  bool better = false;
  if (partition_lattice_init(graph, scratch, &lattice)) {
    exact_init(&x, graph, limits, &lattice, scratch);
    uint32_t *held = ARENA_NEW(scratch, uint32_t, lattice.n);
    int64_t middle = 0;
    for (size_t e = 0; e < lattice.n; e++) {
      held[e] = chip[lattice.group[e]];
      if (held[e] >= first && held[e] <= last) middle += lattice.work[e];
    }
    x.held_chip = held, x.first = first, x.last = last;
    x.loads = ARENA_NEW(scratch, double, graph->problem->n_chips);
    x.reach.from = set_of_chips(&lattice, held, first - 1, scratch);
    x.reach.to = set_of_chips(&lattice, held, last, scratch);
    x.reach.n_chips = last - first + 1;
    (void)partition_period(graph, chip, x.work, x.loads);
    double before = 0;
    for (uint32_t c = first; c <= last; c++) before = fmax(before, x.loads[c - 1]);
    x.value = before, x.refuted = middle / x.reach.n_chips - 2 * lattice.rounding - 1;
    (void)bisect(&x, scratch);
    if (x.value < before) {
      partition_renumber(graph, x.best, x.work);
      const bool relaxed = has_other_rules(graph->problem) || graph->problem->triangle == PARTITION_GENERAL;
      better = !relaxed || partition_rules(graph, x.best, x.work) == PARTITION_FINE;
    }
    if (better) {
      memcpy(chip, x.best, graph->n * sizeof *chip);
      *value = partition_period(graph, chip, x.work, NULL);
    }
  }
  arena_rewind(scratch, mark);
  return better;
}

/* See cosearch_win.h. */
#include "dse/cosearch/cosearch_win.h"

#include "base/checked.h"
#include "base/text.h"
#include "dse/cosearch/cosearch_private.h"
#include "dse/design/design_private.h"
#include "dse/design/relax_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 12, MOST_HALVINGS = 60 };
static const double PAST =
    1e-4; /* so far beyond what puts a platform out, where there is room: digits that one can write */
static const double MOST_USD = 1e6;

/* A platform apart from the search that it was in. */
struct rival {
  uint32_t n_kinds, count[JOINT_MAX_KINDS];
  struct cosearch_design design[JOINT_MAX_KINDS];
  const char *name;
  double value, training, makespan_s;
};

/* --- the platform that is named -------------------------------------------------------------------------------------
 */

/* The design of that name or of those keys among those of the space. */
static bool find_design(const struct run *run, const char *word, struct cosearch_design *design, struct error *error) {
  const struct space *const space = &run->designs.space;
  struct accelerator accelerator;
  char name[17];
  const char *wanted = word;
  if (strchr(word, '=') != NULL) {
    if (!design_parse(&run->designs, word, &accelerator, run->invocation->arena, error)) return false;
    design_name(&accelerator, name);
    wanted = name;
  }
  for (uint64_t i = 0; i < space_size(space); i++) {
    const struct point point = space_point(space, i);
    if (cosearch_take_design(run, &point, design) && strcmp(design->name, wanted) == 0) return true;
  }
  return error_add(error, STATUS_INPUT, "--platform: no design of the space is %s", word);
}

static bool parse(const struct run *run, const char *text, struct rival *own, struct error *error) {
  struct arena *const arena = run->invocation->arena;
  char *rest = arena_printf(arena, "%s", text), *part;
  *own = (struct rival){0};
  while ((part = strsep(&rest, "+")) != NULL) {
    char *end, *word;
    const unsigned long n = strtoul(part, &end, 10);
    word = end + strspn(end, " ");
    if (end == part || n < 1 || n > TENANCY_MAX_CORES || *word != 'x' || own->n_kinds == JOINT_MAX_KINDS) {
      return error_add(error, STATUS_INPUT, "--platform: \"%s\" is not N x DESIGN + ..., of at most %d designs", text,
                       JOINT_MAX_KINDS);
    }
    word++;
    word += strspn(word, " ");
    word[strcspn(word, " ")] = '\0';
    if (!find_design(run, word, &own->design[own->n_kinds], error)) return false;
    for (uint32_t k = 0; k < own->n_kinds; k++) {
      if (strcmp(own->design[k].name, own->design[own->n_kinds].name) == 0) {
        return error_add(error, STATUS_INPUT, "--platform: %s is named twice", own->design[k].name);
      }
    }
    own->count[own->n_kinds++] = (uint32_t)n;
  }
  own->name = "";
  for (uint32_t k = 0; k < own->n_kinds; k++) {
    own->name =
        arena_printf(arena, "%s%s%u x %s", own->name, k > 0 ? " + " : "", (unsigned)own->count[k], own->design[k].name);
  }
  if (run->system == NULL || own->n_kinds == 1) return true;
  return error_add(error, STATUS_INPUT, "--platform: of whole systems, platforms of one design alone are looked at");
}

/* What of a device's own limits a design breaks; NULL: none. */
static const char *broken_limit(const struct run *run, const struct rival *own) {
  const struct space *const space = &run->designs.space;
  for (uint32_t k = 0; k < own->n_kinds; k++) {
    struct score score;
    space->evaluate(space->context, &own->design[k].point, &score);
    if (score.reason == REASON_NONE) continue;
    return arena_printf(run->invocation->arena, "%s breaks %s by %.6g %s", own->design[k].name,
                        space->reasons[score.reason].name, score.excess,
                        text_unit_shown(space->reasons[score.reason].name, space->reasons[score.reason].unit));
  }
  return NULL;
}

/* --- figures --------------------------------------------------------------------------------------------------------
 */

static double money_of_rival(const struct run *run, const struct rival *rival) {
  double sum = 0;
  for (uint32_t k = 0; k < rival->n_kinds; k++) {
    struct cosearch_design now;
    if (!cosearch_take_design(run, &rival->design[k].point, &now)) return (double)NAN;
    sum += rival->count[k] * now.usd;
  }
  return sum;
}

static double figure(const struct run *run, const struct rival *rival, enum cosearch_limit limit) {
  double area_mm2 = 0, power_w = 0, cores = 0;
  for (uint32_t k = 0; k < rival->n_kinds; k++) {
    area_mm2 += rival->count[k] * rival->design[k].area_mm2;
    power_w += rival->count[k] * rival->design[k].power_w;
    cores += rival->count[k];
  }
  switch (limit) {
  case COSEARCH_AREA:
    return area_mm2;
  case COSEARCH_POWER:
    return run->stage.provider->has_tdp ? power_w : 0;
  case COSEARCH_MONEY:
    return money_of_rival(run, rival);
  case COSEARCH_CORES:
    return cores;
  case COSEARCH_MAKESPAN:
    return rival->makespan_s;
  default:
    return rival->training;
  }
}

/* Trained, and mapped as a finalist is, by the problem of the search before. */
static bool judge(struct run *run, struct rival *own, struct cosearch_win *win, struct error *error) {
  struct cosearch *const search = run->cosearch;
  const struct space *const space = &run->designs.space;
  struct joint_platform platform = {.n_kinds = own->n_kinds};
  struct point points[JOINT_MAX_KINDS];
  uint32_t number[JOINT_MAX_KINDS];
  double training = 0;
  for (uint32_t k = 0; k < own->n_kinds; k++) {
    struct score score;
    points[k] = own->design[k].point;
    space->evaluate(space->context, &points[k], &score);
    const double each = score.objective[OBJECTIVE_THROUGHPUT];
    training = search->problem.adds_up ? training + own->count[k] * each : each;
  }
  cosearch_join(run, points, own->n_kinds, SIZE_MAX, number);
  cosearch_fill_costs(run);
  if (!cosearch_price_jobs(run, error)) return false;
  for (uint32_t k = 0; k < own->n_kinds; k++) { /* ascending, as the search has them */
    uint32_t at = k;
    for (; at > 0 && platform.design[at - 1] > number[k]; at--) {
      platform.design[at] = platform.design[at - 1];
      platform.count[at] = platform.count[at - 1];
    }
    platform.design[at] = number[k];
    platform.count[at] = own->count[k];
  }
  double makespan_cycles, least_cycles;
  cosearch_judge(run, &platform, &makespan_cycles, &least_cycles);
  own->training = training;
  own->makespan_s = makespan_cycles / search->problem.cycles_per_s;
  win->value = own->value = joint_value(&search->problem, training, makespan_cycles);
  win->training = training;
  win->makespan_s = own->makespan_s;
  win->least_makespan_s = least_cycles / search->problem.cycles_per_s;
  return true;
}

/* The best of a search within the limits as they stand; n_kinds 0: none is allowed. */
static bool seek(struct run *run, struct rival *best, struct cosearch_win *win, struct error *error) {
  bool allowed;
  *best = (struct rival){0};
  win->n_searches++;
  if (!cosearch_look(run, &allowed, error)) return false;
  if (!allowed) return true;
  const struct cosearch *const own = run->cosearch;
  const struct joint_platform *const platform = own->best;
  best->n_kinds = platform->n_kinds;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    best->count[k] = platform->count[k];
    best->design[k] = own->designs[platform->design[k]];
  }
  best->name = cosearch_text(own, platform, run->invocation->arena);
  best->value = platform->value;
  best->training = joint_training(&own->problem, platform);
  best->makespan_s = platform->makespan_cycles / own->problem.cycles_per_s;
  return true;
}

static double value_at(const struct run *run, const struct rival *rival) {
  const struct joint_problem *const problem = &run->cosearch->problem;
  return joint_value(problem, rival->training, rival->makespan_s * problem->cycles_per_s);
}

/* --- limits and prices ----------------------------------------------------------------------------------------------
 */

static double *price(struct run *run, enum cosearch_knob knob) {
  return knob == COSEARCH_HBM_USD ? &run->settings.money.hbm_usd_per_gib : &run->settings.money.wafer_usd;
}

/* The least price at which the platform costs more than money buys; INFINITY: at none. `keeps`: the largest at which it
 * does not. */
static double price_out(struct run *run, enum cosearch_knob knob, const struct rival *rival, double *keeps) {
  double *const at = price(run, knob);
  const double from = *at, most = run->settings.co_search.money_usd;
  double low = from, high = MOST_USD;
  *at = high;
  const bool ever = money_of_rival(run, rival) > most;
  for (size_t i = 0; i < MOST_HALVINGS && ever; i++) {
    *at = (low + high) / 2;
    if (money_of_rival(run, rival) > most) {
      high = *at;
    } else {
      low = *at;
    }
  }
  *at = from;
  *keeps = ever ? low : MOST_USD;
  return ever ? high : (double)INFINITY;
}

/* Where the knob has put the rival out, and how far it may go at most. False: it cannot. */
static bool step_past(struct run *run, enum cosearch_knob knob, const struct rival *own, const struct rival *rival,
                      double *to) {
  const bool up = knob >= COSEARCH_HBM_USD || (int)knob == COSEARCH_FLOOR;
  double most, out;
  if (knob >= COSEARCH_HBM_USD) {
    double unused;
    price_out(run, knob, own, &most);
    out = price_out(run, knob, rival, &unused);
  } else {
    most = figure(run, own, (enum cosearch_limit)knob);
    out = figure(run, rival, (enum cosearch_limit)knob);
  }
  if (!isfinite(out) || (up ? most <= out : most >= out)) return false;
  if ((int)knob == COSEARCH_CORES) {
    *to = out - 1;
  } else {
    const double past = out * (up ? 1 + PAST : 1 - PAST);
    /* Sums in another order may round otherwise: the platform's own figure is not met to the last bit. */
    const double own_end = most * (up ? 1 - 1e-12 : 1 + 1e-12);
    *to = up ? fmin(past, own_end) : fmax(past, own_end);
  }
  return true;
}

/* Is the knob there to be turned, towards less choice? */
static bool turns(const struct run *run, enum cosearch_knob knob) {
  const uint64_t metric = run->settings.co_search.metric;
  switch ((int)knob) {
  case COSEARCH_POWER:
    return run->stage.provider->has_tdp;
  case COSEARCH_MONEY:
    return run->settings.co_search.money_usd > 0;
  case COSEARCH_MAKESPAN:
    return metric == COSEARCH_TRAINING;
  case COSEARCH_FLOOR:
    return metric == COSEARCH_TENANTS;
  case COSEARCH_HBM_USD:
    return run->settings.co_search.money_usd > 0;
  case COSEARCH_WAFER_USD: /* 0 is each node's own */
    return run->settings.co_search.money_usd > 0 && run->settings.money.wafer_usd > 0;
  default:
    return knob != COSEARCH_WEIGHT;
  }
}

static bool turn(struct run *run, enum cosearch_knob knob, const struct rival *own, const struct rival *first,
                 struct cosearch_win *win, struct error *error) {
  static const char *const keys[] = {"money.hbm_usd_per_gib", "money.wafer_usd"};
  const bool is_price = knob >= COSEARCH_HBM_USD;
  const double from = is_price ? *price(run, knob) : cosearch_limit_now(run, (enum cosearch_limit)knob);
  struct rival rival = *first;
  bool good = true;
  for (size_t i = 0; i < MOST_STEPS && good; i++) {
    double to;
    if (!step_past(run, knob, own, &rival, &to)) break;
    if (is_price) {
      *price(run, knob) = to;
    } else {
      cosearch_set_limit(run, (enum cosearch_limit)knob, to);
    }
    good = seek(run, &rival, win, error);
    if (is_price) {
      *price(run, knob) = from;
    } else {
      cosearch_set_limit(run, (enum cosearch_limit)knob, from);
    }
    if (good && !(rival.value > own->value)) {
      win->moves[knob] = (struct cosearch_move){true,
                                                is_price ? keys[knob - COSEARCH_HBM_USD]
                                                         : cosearch_limit_key((enum cosearch_limit)knob),
                                                from,
                                                to,
                                                from > 0 ? fabs(to - from) / from : (double)INFINITY,
                                                own->name};
      break;
    }
  }
  return good;
}

/* --- the weight -----------------------------------------------------------------------------------------------------
 */

/* training^w · (1 / makespan)^(1 − w): the rivals met so far leave an interval of w in which none of them is better. */
static bool turn_weight(struct run *run, const struct rival *own, const struct rival *first, struct cosearch_win *win,
                        struct error *error) {
  double *const weight = &run->settings.co_search.weight;
  const double from = *weight;
  double low = 0, high = 1;
  struct rival rival = *first;
  bool good = true;
  for (size_t i = 0; i < MOST_STEPS && good; i++) {
    const double by_training = log(own->training / rival.training), by_jobs = log(rival.makespan_s / own->makespan_s);
    /* Equal where w · by_training + (1 − w) · by_jobs = 0; it rises with w where training is its stronger side. */
    const double slope = by_training - by_jobs, equal = -by_jobs / slope;
    if (!(fabs(slope) > 0)) break;
    if (slope > 0) {
      low = fmax(low, equal);
    } else {
      high = fmin(high, equal);
    }
    if (!(low <= high) || !(low <= 1) || !(high >= 0)) break;
    const double past = fmin(PAST, (high - low) / 2);
    *weight = fmin(fmax(from, low + past), high - past);
    good = seek(run, &rival, win, error);
    const double needed = value_at(run, own), to = *weight;
    *weight = from;
    if (good && !(rival.value > needed)) {
      win->moves[COSEARCH_WEIGHT] =
          (struct cosearch_move){true, "co_search.weight", from, to, fabs(to - from) / from, own->name};
      break;
    }
  }
  return good;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

/* What the platform needs to be allowed is moved, and said. */
static void let_in(struct run *run, const struct rival *own, struct cosearch_win *win) {
  win->is_allowed = true;
  for (enum cosearch_limit l = COSEARCH_AREA; l <= COSEARCH_CORES; l++) {
    const double from = cosearch_limit_now(run, l), needed = figure(run, own, l);
    if (!(from > 0) || needed <= from) continue;
    const double to = l == COSEARCH_CORES ? needed : relax_moved(from, needed - from, false);
    win->needs[l] = (struct cosearch_move){true, cosearch_limit_key(l), from, to, (to - from) / from, own->name};
    win->is_allowed = false;
    cosearch_set_limit(run, l, to);
  }
}

/* The metric's own limit, where the platform misses it. */
static void let_in_by_metric(struct run *run, struct rival *own, struct cosearch_win *win) {
  const struct cosearch_settings *const settings = &run->settings.co_search;
  const bool late =
      settings->metric == COSEARCH_TRAINING && settings->makespan_s > 0 && own->makespan_s > settings->makespan_s;
  const bool slow = settings->metric == COSEARCH_TENANTS && own->training < settings->training_floor;
  if (!late && !slow) return;
  const enum cosearch_limit l = late ? COSEARCH_MAKESPAN : COSEARCH_FLOOR;
  const double from = cosearch_limit_now(run, l), to = relax_moved(from, fabs(figure(run, own, l) - from), slow);
  win->needs[l] = (struct cosearch_move){true, cosearch_limit_key(l), from, to, fabs(to - from) / from, own->name};
  win->is_allowed = false;
  cosearch_set_limit(run, l, to);
}

static bool find_moves(struct run *run, const struct rival *own, const struct rival *best, struct cosearch_win *win,
                       struct error *error) {
  bool good = true;
  for (enum cosearch_knob knob = 0; knob < COSEARCH_N_KNOBS && good; knob++) {
    if (turns(run, knob)) good = turn(run, knob, own, best, win, error);
  }
  if (good && run->settings.co_search.metric == COSEARCH_JOINT) good = turn_weight(run, own, best, win, error);
  return good;
}

bool cosearch_win(struct run *run, const char *text, struct cosearch_win *win, struct error *error) {
  struct run_settings *const before = ARENA_NEW(run->invocation->arena, struct run_settings, 1);
  struct rival own, best;
  *win = (struct cosearch_win){0};
  if (!parse(run, text, &own, error)) return false;
  *before = run->settings;
  win->name = own.name;
  win->broken = broken_limit(run, &own);
  if (win->broken != NULL) return true;
  let_in(run, &own, win);
  bool good = seek(run, &best, win, error) && judge(run, &own, win, error);
  if (good && !(own.value > 0)) {
    let_in_by_metric(run, &own, win);
    good = seek(run, &best, win, error);
    if (good) win->value = own.value = value_at(run, &own);
  }
  if (good) {
    win->best = best.n_kinds > 0 ? best.name : NULL;
    win->best_value = best.value;
    win->wins = own.value > 0 && !(best.value > own.value);
    if (own.value > 0 && !win->wins) good = find_moves(run, &own, &best, win, error);
  }
  run->settings = *before;
  return good;
}

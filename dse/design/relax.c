/* See relax.h. Limits of one device that are numbers; the others are relax_more.c's. */
#include "dse/design/relax_private.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 1 << 21 };

void relax_push(struct looking *looking, struct candidates *into, double worth, uint64_t index) {
  if (into->n == into->capacity) {
    into->capacity = into->capacity > 0 ? 2 * into->capacity : 64;
    struct candidate *bigger = ARENA_NEW(&looking->arena, struct candidate, into->capacity);
    if (into->n > 0) memcpy(bigger, into->list, into->n * sizeof *bigger);
    into->list = bigger;
  }
  into->list[into->n++] = (struct candidate){worth, index};
}

static int compare_candidates(const void *left, const void *right) {
  const struct candidate *a = left, *b = right;
  if (a->worth != b->worth) return a->worth < b->worth ? -1 : 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

void relax_sort(struct candidates *candidates) {
  qsort(candidates->list, candidates->n, sizeof *candidates->list, compare_candidates);
}

/* --- limits as numbers
 * ------------------------------------------------------------------------------------------------
 */

/* Where a limit stands, and its key; NULL if it is no number. `too_little`: its lower end. */
static double *limit_of(struct run *run, enum reason reason, bool too_little, char key[RELAX_KEY_BYTES]) {
  struct run_limits *limits = &run->settings.limits;
  snprintf(key, RELAX_KEY_BYTES, "%s", run->designs.space.reasons[reason].name);
  if (reason == REASON_AREA) return &limits->area_mm2;
  if (reason == REASON_RETICLE) return &run->settings.technology.reticle_mm2;
  if (reason == REASON_TDP) return &limits->tdp_w;
  if (reason == REASON_POWER_DENSITY) return &limits->w_per_mm2;
  if (reason == REASON_THROUGHPUT_FLOOR) return &limits->throughput_floor;
  if (reason < REASON_RANGE || reason > REASON_LAST_RANGE) return NULL;
  static const char *const keys[N_OBJECTIVES] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) key,
#include "dse/design/objectives.def"
#undef OBJECTIVE
  };
  const size_t o = (size_t)(reason - REASON_RANGE);
  snprintf(key, RELAX_KEY_BYTES, "limits.%s.%s", too_little ? "minimum" : "maximum", keys[o]);
  return too_little ? &run->settings.minimum.of[o] : &run->settings.maximum.of[o];
}

double relax_moved(double from, double by, bool down) {
  const double digit = pow(10, floor(log10(by)) - 4);
  const double to =
      down ? floor((from - by * (1 + 1e-9)) / digit) * digit : ceil((from + by * (1 + 1e-9)) / digit) * digit;
  char text[40];
  snprintf(text, sizeof text, "%.12g", to);
  const double written = strtod(text, NULL);
  return down ? fmin(written, to) : fmax(written, to);
}

/* --- the whole space against limits known without a schedule
 * -------------------------------------------------------------
 */

struct broken {
  double excess[N_STATIC], value[N_STATIC]; /* 0: it is kept; what the limit would have to be */
  size_t n;
  enum reason last;
};

static bool too_little(const struct run *run, enum reason reason, double value) {
  if (reason < REASON_RANGE || reason > REASON_LAST_RANGE) return false;
  const double least = run->settings.minimum.of[reason - REASON_RANGE];
  return least > 0 && value < least;
}

static bool hold(const struct looking *looking, uint64_t index, struct accelerator *accelerator,
                 struct broken *broken) {
  const struct design_space *designs = &looking->run->designs;
  const struct point point = space_point(&designs->space, index);
  struct stage_cost_of_design design;
  memset(broken, 0, sizeof *broken);
  if (!design_at(designs, &point, accelerator)) return false;
  design_cost(designs, accelerator, &design);
  const double die_cost_usd = design_die_cost(designs, accelerator, &design);
  if (!isfinite(die_cost_usd)) return false;
  for (enum reason r = REASON_AREA; r <= REASON_LAST_RANGE; r++) {
    broken->excess[r] = design_excess(designs, accelerator, &design, r);
    if (!(broken->excess[r] > 0)) continue;
    broken->n++;
    broken->last = r;
    if (r == REASON_RETICLE) broken->excess[r] /= (double)max_u64(accelerator->dies, 1);
  }
  broken->value[REASON_RANGE + OBJECTIVE_AREA] = design.area.total;
  broken->value[REASON_RANGE + OBJECTIVE_TDP] = design.tdp.total;
  broken->value[REASON_RANGE + OBJECTIVE_DIE_COST] = die_cost_usd;
  return true;
}

static void look_at(struct looking *looking, uint64_t index) {
  struct relaxed *relaxed = looking->relaxed;
  struct accelerator accelerator;
  struct broken broken;
  relaxed->looked++;
  if (!hold(looking, index, &accelerator, &broken)) {
    relaxed->n[REASON_IMPOSSIBLE]++;
    relaxed->alone[REASON_IMPOSSIBLE]++;
    return;
  }
  if (broken.n == 0) {
    relaxed->allowed++;
    if (looking->asks_schedule) relax_push(looking, &looking->within, 0, index);
    return;
  }
  for (enum reason r = REASON_AREA; r <= REASON_LAST_RANGE; r++) {
    if (!(broken.excess[r] > 0)) continue;
    relaxed->n[r]++;
    if (relaxed->nearest[r] < 0 || broken.excess[r] < relaxed->nearest[r]) relaxed->nearest[r] = broken.excess[r];
  }
  if (broken.n == 1) {
    relaxed->alone[broken.last]++;
    relax_push(looking, &looking->only[broken.last], broken.excess[broken.last], index);
  }
}

/* --- candidates, scheduled
 * -----------------------------------------------------------------------------------------------
 */

enum reason relax_schedule(const struct looking *looking, uint64_t index, struct score *score) {
  const struct design_space *designs = &looking->run->designs;
  const struct point point = space_point(&designs->space, index);
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct stage_result result;
  if (!design_at(designs, &point, &accelerator)) return REASON_IMPOSSIBLE;
  design_evaluate(designs, &accelerator, &design, &result, score, NULL, NULL);
  return (enum reason)score->reason;
}

/* The nearest of those that this limit alone keeps out, and that other limits then let in. */
static void relax_static(struct looking *looking, enum reason reason) {
  struct run *run = looking->run;
  struct candidates *only = &looking->only[reason];
  struct relaxation *single = &looking->relaxed->single[reason];
  char key[RELAX_KEY_BYTES];
  relax_sort(only);
  for (size_t i = 0; i < only->n && !single->exists; i++) {
    struct accelerator accelerator;
    struct broken broken;
    struct score score;
    if (i == MOST_SCHEDULES) {
      looking->relaxed->cut = true;
      return;
    }
    hold(looking, only->list[i].index, &accelerator, &broken);
    const bool down = too_little(run, reason, broken.value[reason]);
    double *limit = limit_of(run, reason, down, key);
    if (limit == NULL) return;
    const double from = *limit, to = relax_moved(from, only->list[i].worth, down);
    *limit = to;
    const enum reason left = relax_schedule(looking, only->list[i].index, &score);
    *limit = from;
    if (left != REASON_NONE) continue;
    *single = (struct relaxation){.exists = true, .from = from, .to = to, .share = fabs(to - from) / from};
    single->point = space_point(&run->designs.space, only->list[i].index);
    memcpy(single->key, key, sizeof key);
  }
}

/* A limit on what a schedule tells: how near does any design come that keeps all others? In the order of bounds. */
static void relax_scheduled(struct looking *looking, enum reason reason) {
  struct run *run = looking->run;
  struct design_space *designs = &run->designs;
  const bool floor = reason == REASON_THROUGHPUT_FLOOR;
  const size_t o = floor ? OBJECTIVE_THROUGHPUT : (size_t)(reason - REASON_RANGE);
  const bool maximise = designs->space.objectives[o].maximise;
  struct relaxation *single = &looking->relaxed->single[reason];
  char key[RELAX_KEY_BYTES];
  double *limit = limit_of(run, reason, maximise, key);
  if (!(*limit > 0)) return; /* its other end: what a bound says nothing about */
  const double from = *limit, from_floor = designs->floor_throughput;
  *limit = 0;
  if (floor) designs->floor_throughput = 0;
  struct candidates *within = &looking->within;
  for (size_t i = 0; i < within->n; i++) {
    const struct point point = space_point(&designs->space, within->list[i].index);
    struct score screened = {0};
    designs->space.screen(designs->space.context, &point, &screened);
    within->list[i].worth = maximise ? -screened.objective[o] : screened.objective[o];
    if (screened.reason != REASON_NONE) within->list[i].worth = (double)INFINITY;
  }
  relax_sort(within);
  double best = (double)INFINITY;
  for (size_t i = 0; i < within->n && within->list[i].worth < best; i++) {
    struct score score;
    if (i == MOST_SCHEDULES) {
      looking->relaxed->cut = true;
      break;
    }
    if (relax_schedule(looking, within->list[i].index, &score) != REASON_NONE) continue;
    const double worth = maximise ? -score.objective[o] : score.objective[o];
    if (!(worth < best)) continue;
    best = worth;
    single->exists = true;
    single->point = space_point(&designs->space, within->list[i].index);
  }
  *limit = from;
  designs->floor_throughput = from_floor;
  if (!single->exists) return;
  const double value = fabs(best) / (floor ? designs->reference_throughput : 1);
  const double by = maximise ? from - value : value - from;
  single->exists = by > 0; /* else this limit keeps nobody out that others let in */
  if (!single->exists) return;
  memcpy(single->key, key, sizeof key);
  single->from = from;
  single->to = relax_moved(from, by, maximise);
  single->share = fabs(single->to - from) / from;
  looking->relaxed->nearest[reason] = floor ? by * designs->reference_throughput : by;
}

/* Does any design keep all limits? */
static void look_for_one(struct looking *looking) {
  struct candidates *within = &looking->within;
  looking->relaxed->fits = looking->relaxed->allowed > 0 && !looking->asks_schedule;
  for (size_t i = 0; i < within->n && !looking->relaxed->fits; i++) {
    struct score score;
    if (i == MOST_SCHEDULES) {
      looking->relaxed->cut = true;
      return;
    }
    looking->relaxed->fits = relax_schedule(looking, within->list[i].index, &score) == REASON_NONE;
  }
}

/* --- together
 * ------------------------------------------------------------------------------------------------------------
 */

/* All limits that are numbers, as the run has them. */
struct numbers {
  struct run_limits limits;
  struct run_ranges minimum, maximum;
  double reticle_mm2, floor_throughput;
};

static struct numbers take_numbers(const struct run *run) {
  return (struct numbers){run->settings.limits, run->settings.minimum, run->settings.maximum,
                          run->settings.technology.reticle_mm2, run->designs.floor_throughput};
}

static void put_numbers(struct run *run, const struct numbers *numbers) {
  run->settings.limits = numbers->limits;
  run->settings.minimum = numbers->minimum;
  run->settings.maximum = numbers->maximum;
  run->settings.technology.reticle_mm2 = numbers->reticle_mm2;
  run->designs.floor_throughput = numbers->floor_throughput;
}

/* Lets everything in that no number keeps out. */
static void put_none(struct run *run, const struct numbers *numbers) {
  static const double no_limit = 1e30;
  struct numbers none = {.limits = numbers->limits, .reticle_mm2 = no_limit};
  none.limits.area_mm2 = none.limits.tdp_w = none.limits.w_per_mm2 = no_limit;
  none.limits.throughput_floor = 0;
  put_numbers(run, &none);
}

/* By which share does a value miss a limit? 0: it does not. A lower limit must be divided by 1 + it, so that it stays
 * above nothing; an upper one, multiplied. */
static double missed(double limit, double value, bool down) {
  if (!(limit > 0)) return 0;
  return fmax(0, down ? limit / value - 1 : value / limit - 1);
}

/* For every limit the share by which a design misses it; of bounds, the least that it can be. Returns the largest. */
static double misses(const struct looking *looking, const struct numbers *numbers, uint64_t index,
                     const double *objective, bool are_bounds, double share[N_REASONS]) {
  const struct design_space *designs = &looking->run->designs;
  const struct point point = space_point(&designs->space, index);
  struct accelerator accelerator;
  const double area_mm2 = objective[OBJECTIVE_AREA], tdp_w = objective[OBJECTIVE_TDP];
  double largest = 0;
  memset(share, 0, N_REASONS * sizeof *share);
  REQUIRE(design_at(designs, &point, &accelerator));
  share[REASON_AREA] = missed(numbers->limits.area_mm2, area_mm2, false);
  if (designs->stage->provider->has_tdp) {
    share[REASON_RETICLE] = missed(numbers->reticle_mm2, area_mm2 / (double)max_u64(accelerator.dies, 1), false);
    share[REASON_TDP] = missed(numbers->limits.tdp_w, tdp_w, false);
    share[REASON_POWER_DENSITY] = missed(numbers->limits.w_per_mm2, tdp_w / area_mm2, false);
  }
  share[REASON_THROUGHPUT_FLOOR] = missed(numbers->floor_throughput, objective[OBJECTIVE_THROUGHPUT], true);
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const bool maximise = designs->space.objectives[o].maximise;
    double *own = &share[REASON_RANGE + o];
    if (maximise || !are_bounds) *own = missed(numbers->minimum.of[o], objective[o], true);
    if (!maximise || !are_bounds) *own = fmax(*own, missed(numbers->maximum.of[o], objective[o], false));
  }
  for (size_t r = 0; r < N_REASONS; r++) largest = fmax(largest, share[r]);
  return largest;
}

/* The design that needs the least share, by which then all limits that it misses are moved: no other design gets in
 * with less, whichever limits are moved. In the order of what bounds say, until no other can need less. */
static void relax_jointly(struct looking *looking) {
  struct run *run = looking->run;
  struct relaxed *relaxed = looking->relaxed;
  const struct space *space = &run->designs.space;
  const struct numbers numbers = take_numbers(run);
  const uint64_t step = ceil_div(relaxed->points, MOST_POINTS);
  struct candidates all = {0};
  double share[N_REASONS], least[N_REASONS] = {0}, best = (double)INFINITY;
  uint64_t best_index = 0;
  put_none(run, &numbers);
  for (uint64_t index = 0; index < relaxed->points; index += step) {
    const struct point point = space_point(space, index);
    struct score screened;
    space->screen(space->context, &point, &screened);
    if (screened.reason != REASON_NONE) continue;
    relax_push(looking, &all, misses(looking, &numbers, index, screened.objective, true, share), index);
  }
  relax_sort(&all);
  for (size_t i = 0; i < all.n && all.list[i].worth < best; i++) {
    struct score score;
    relaxed->cut = relaxed->cut || i == MOST_SCHEDULES;
    if (i == MOST_SCHEDULES) break;
    if (relax_schedule(looking, all.list[i].index, &score) != REASON_NONE) continue;
    const double needed = misses(looking, &numbers, all.list[i].index, score.objective, false, share);
    if (!(needed < best)) continue;
    best = needed;
    best_index = all.list[i].index;
    memcpy(least, share, sizeof least);
  }
  put_numbers(run, &numbers);
  relaxed->needs_joint = isfinite(best) && best > 0;
  for (enum reason r = REASON_AREA; r < N_REASONS && relaxed->needs_joint; r++) {
    if (!(least[r] > 0)) continue;
    struct relaxation *joint = &relaxed->joint[r];
    const size_t o = r >= REASON_RANGE && r <= REASON_LAST_RANGE ? (size_t)(r - REASON_RANGE) : 0;
    const bool is_range = r >= REASON_RANGE && r <= REASON_LAST_RANGE;
    const bool down = r == REASON_THROUGHPUT_FLOOR || (is_range && space->objectives[o].maximise);
    joint->from = *limit_of(run, r, down, joint->key);
    joint->to = relax_moved(joint->from, down ? joint->from - joint->from / (1 + best) : joint->from * best, down);
    joint->share = best;
    joint->point = space_point(space, best_index);
    joint->exists = joint->from > 0;
  }
}

static bool is_scheduled(enum reason reason) {
  if (reason == REASON_THROUGHPUT_FLOOR) return true;
  if (reason < REASON_RANGE || reason > REASON_LAST_RANGE) return false;
  const size_t o = (size_t)(reason - REASON_RANGE);
  return o != OBJECTIVE_AREA && o != OBJECTIVE_TDP && o != OBJECTIVE_DIE_COST;
}

void relax_limits(struct run *run, struct relaxed *relaxed) {
  struct looking looking = {.run = run, .relaxed = relaxed};
  memset(relaxed, 0, sizeof *relaxed);
  for (size_t r = 0; r < N_REASONS; r++) relaxed->nearest[r] = -1;
  looking.asks_schedule = run->designs.floor_throughput > 0;
  for (enum reason r = REASON_RANGE; r <= REASON_LAST_RANGE; r++) {
    if (is_scheduled(r) && design_reason_applies(&run->designs, r)) looking.asks_schedule = true;
  }
  looking.asks_schedule = looking.asks_schedule || run->system != NULL;
  arena_init(&looking.arena, 1 << 20);
  relaxed->points = space_size(&run->designs.space);
  const uint64_t step = ceil_div(relaxed->points, MOST_POINTS);
  for (uint64_t index = 0; index < relaxed->points; index += step) look_at(&looking, index);
  for (enum reason r = REASON_AREA; r < N_REASONS; r++) {
    if (r == REASON_MEMORY) {
      relax_memory(&looking);
    } else if (r == REASON_CONSTRAINT) {
      relax_constraints(&looking);
    } else if (r == REASON_SYSTEM_POWER || r == REASON_SYSTEM_MONEY) {
      if (design_reason_applies(&run->designs, r)) relax_system(&looking, r);
    } else if (is_scheduled(r) && looking.asks_schedule && design_reason_applies(&run->designs, r)) {
      relax_scheduled(&looking, r);
    } else if (r <= REASON_LAST_RANGE && !is_scheduled(r)) {
      relax_static(&looking, r);
    }
    const struct relaxation *single = &relaxed->single[r], *best = &relaxed->single[relaxed->smallest];
    if (single->exists && (relaxed->smallest == REASON_NONE || single->share < best->share)) relaxed->smallest = r;
  }
  look_for_one(&looking);
  if (relaxed->smallest == REASON_NONE) relax_jointly(&looking);
  arena_release(&looking.arena);
}

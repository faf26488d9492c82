/* See cosearch_why.h. */
#include "dse/cosearch/cosearch_why.h"

#include "base/checked.h"
#include "dse/cosearch/cosearch_private.h"
#include "dse/design/relax_private.h"
#include <math.h>
#include <string.h>

/* Searches for one limit: doublings until it helps, halvings between what helps and what does not. */
enum { MOST_DOUBLINGS = 4, MOST_HALVINGS = 10 };

static const char *const keys[COSEARCH_N_LIMITS] = {"tenancy.area_mm2",     "tenancy.power_w",
                                                    "co_search.money_usd",  "tenancy.cores",
                                                    "co_search.makespan_s", "co_search.training_floor"};

static double *cost_limit(struct run *run, enum cosearch_limit limit) {
  if (limit == COSEARCH_AREA) return &run->settings.tenants.area_mm2;
  if (limit == COSEARCH_POWER) return &run->settings.tenants.power_w;
  return &run->settings.co_search.money_usd;
}

double cosearch_limit_now(struct run *run, enum cosearch_limit limit) {
  if (limit < COSEARCH_N_COSTS) return *cost_limit(run, limit);
  if (limit == COSEARCH_CORES) return (double)run->settings.tenants.cores;
  return limit == COSEARCH_MAKESPAN ? run->settings.co_search.makespan_s : run->settings.co_search.training_floor;
}

void cosearch_set_limit(struct run *run, enum cosearch_limit limit, double to) {
  if (limit < COSEARCH_N_COSTS) *cost_limit(run, limit) = to;
  if (limit == COSEARCH_CORES) run->settings.tenants.cores = (uint64_t)to;
  if (limit == COSEARCH_MAKESPAN) run->settings.co_search.makespan_s = to;
  if (limit == COSEARCH_FLOOR) run->settings.co_search.training_floor = to;
}

const char *cosearch_limit_key(enum cosearch_limit limit) { return keys[limit]; }

/* Whichever limit it is, what moving it to `to` is worth saying. */
static struct cosearch_move move_to(enum cosearch_limit limit, double from, double to, const char *admits) {
  return (struct cosearch_move){true, keys[limit], from, to, fabs(to - from) / from, admits};
}

/* --- one device ------------------------------------------------------------------------------------------------------
 */

struct nearest {
  double cost[COSEARCH_N_LIMITS]; /* of the device; INFINITY: none */
  char name[17];
};

/* Of every allowed design one device: for each limit the cheapest that keeps the others, and the one whose largest
 * excess as a share is least. False: a device fits. */
static bool nothing_fits(struct run *run, struct nearest single[COSEARCH_N_COSTS], struct nearest *joint) {
  const struct space *const space = &run->designs.space;
  double least_share = (double)INFINITY;
  for (size_t l = 0; l < COSEARCH_N_COSTS; l++)
    single[l] = (struct nearest){.cost = {(double)INFINITY, (double)INFINITY, (double)INFINITY}};
  for (uint64_t i = 0; i < space_size(space); i++) {
    const struct point point = space_point(space, i);
    struct cosearch_design design;
    struct score score;
    space->screen(space->context, &point, &score);
    if (score.reason != REASON_NONE || !cosearch_take_design(run, &point, &design)) continue;
    const double cost[COSEARCH_N_COSTS] = {design.area_mm2, run->stage.provider->has_tdp ? design.power_w : 0,
                                           design.usd};
    size_t n_broken = 0, broken = 0;
    double share = 0;
    for (enum cosearch_limit l = COSEARCH_AREA; l < COSEARCH_N_COSTS; l++) {
      const double most = cosearch_limit_now(run, l);
      if (!(most > 0) || cost[l] <= most) continue;
      n_broken++, broken = l;
      share = fmax(share, cost[l] / most - 1);
    }
    if (n_broken == 0) return false;
    struct nearest *const own = &single[broken];
    if (n_broken == 1 && cost[broken] < own->cost[broken]) {
      memcpy(own->cost, cost, sizeof cost);
      memcpy(own->name, design.name, sizeof own->name);
    }
    if (share < least_share) {
      least_share = share;
      memcpy(joint->cost, cost, sizeof cost);
      memcpy(joint->name, design.name, sizeof joint->name);
    }
  }
  return true;
}

static void relax_costs(struct run *run, const struct nearest single[COSEARCH_N_COSTS], const struct nearest *joint,
                        struct cosearch_moves *moves) {
  struct arena *const arena = run->invocation->arena;
  double share = 0;
  for (enum cosearch_limit l = COSEARCH_AREA; l < COSEARCH_N_COSTS; l++) {
    const double from = cosearch_limit_now(run, l);
    if (!(from > 0)) continue;
    share = fmax(share, joint->cost[l] / from - 1);
    if (!isfinite(single[l].cost[l])) continue;
    moves->single[l] = move_to(l, from, relax_moved(from, single[l].cost[l] - from, false),
                               arena_printf(arena, "1 x %s", single[l].name));
  }
  for (enum cosearch_limit l = COSEARCH_AREA; l < COSEARCH_N_COSTS; l++) {
    const double from = cosearch_limit_now(run, l);
    if (from > 0 && joint->cost[l] > from && isfinite(share)) {
      moves->joint[l] =
          move_to(l, from, relax_moved(from, from * share, false), arena_printf(arena, "1 x %s", joint->name));
      moves->needs_joint = true;
    }
  }
}

/* --- the search as a judge -------------------------------------------------------------------------------------------
 */

bool cosearch_look(struct run *run, bool *allowed, struct error *error) {
  struct cosearch *const own = run->cosearch;
  *own = (struct cosearch){.settings = own->settings};
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, run->invocation->arena);
  if (!cosearch_find(run, error)) return false;
  *allowed = own->best != NULL;
  return true;
}

static const char *best_text(const struct run *run) {
  return cosearch_text(run->cosearch, run->cosearch->best, run->invocation->arena);
}

/* The limit that the cheapest of the platforms found allowed needs. */
static double least_found(const struct cosearch *own, enum cosearch_limit limit, double from) {
  double least = (double)INFINITY;
  for (size_t i = 0; i < own->n_found && own->found[i]->value > 0; i++) {
    const struct joint_platform *const platform = own->found[i];
    least = fmin(least, limit == COSEARCH_CORES ? joint_cores(platform)
                                                : joint_cost(&own->problem, platform, (enum joint_limit)limit));
  }
  return limit == COSEARCH_CORES || !(least > from) ? least : relax_moved(from, least - from, false);
}

static double between(enum cosearch_limit limit, double from, double low, double high) {
  const double middle = (low + high) / 2;
  return limit == COSEARCH_CORES ? floor(middle) : relax_moved(from, middle - from, false);
}

/* Costs and cores: the least with which the search finds a platform that keeps the metric. All is tried, nothing
 * reckoned.
 */
static bool relax_by_search(struct run *run, enum cosearch_limit limit, struct cosearch_move *move,
                            struct error *error) {
  const double from = cosearch_limit_now(run, limit);
  double low = from, high = from, guess = 0;
  bool helps = false, good = true;
  if (!(from > 0)) return true;
  for (size_t i = 0; i < MOST_DOUBLINGS + MOST_HALVINGS && good; i++) {
    const bool doubling = !move->exists;
    if (doubling && i == MOST_DOUBLINGS) break;
    const double double_cores = fmin(2 * high, TENANCY_MAX_CORES), middle = between(limit, from, low, high);
    const double tried = doubling                      ? (limit == COSEARCH_CORES ? double_cores : 2 * high)
                         : guess > low && guess < high ? guess
                                                       : middle;
    if (!(tried > low) || (!doubling && !(tried < high))) break;
    cosearch_set_limit(run, limit, tried);
    good = cosearch_look(run, &helps, error);
    if (good && helps) {
      *move = move_to(limit, from, tried, best_text(run));
      guess = least_found(run->cosearch, limit, from);
    }
    if (helps || doubling) high = tried;
    if (!helps) low = tried, guess = 0;
  }
  cosearch_set_limit(run, limit, from);
  return good;
}

/* The metric's own limit: as good as any platform within the limits gets. */
static bool relax_metric(struct run *run, enum cosearch_limit limit, struct cosearch_move *move, struct error *error) {
  struct cosearch_settings *const settings = &run->settings.co_search;
  struct tenants_settings *const tenants = &run->settings.tenants;
  const struct cosearch_settings before = *settings;
  const uint64_t final_samples = tenants->final_samples;
  const double from = cosearch_limit_now(run, limit);
  bool allowed;
  settings->metric = limit == COSEARCH_MAKESPAN ? COSEARCH_TENANTS : COSEARCH_TRAINING;
  settings->makespan_s = settings->training_floor = 0;
  tenants->final_samples = tenants->samples; /* a run may not come to map it twice */
  const bool good = cosearch_look(run, &allowed, error);
  *settings = before;
  tenants->final_samples = final_samples;
  if (!good || !allowed) return good;
  const struct cosearch *const own = run->cosearch;
  const double best = limit == COSEARCH_MAKESPAN ? own->best->makespan_cycles / own->problem.cycles_per_s
                                                 : joint_training(&own->problem, own->best);
  const bool down = limit == COSEARCH_FLOOR;
  if (down ? best < from : best > from)
    *move = move_to(limit, from, relax_moved(from, fabs(best - from), down), best_text(run));
  return true;
}

bool cosearch_relax(struct run *run, struct cosearch_moves *moves, struct error *error) {
  struct nearest single[COSEARCH_N_COSTS], joint = {.cost = {0}};
  bool allowed;
  *moves = (struct cosearch_moves){.smallest = COSEARCH_N_LIMITS};
  if (nothing_fits(run, single, &joint)) {
    relax_costs(run, single, &joint, moves);
  } else {
    if (!cosearch_look(run, &allowed, error)) return false;
    if (allowed) {
      moves->best = best_text(run);
      moves->value = run->cosearch->best->value;
      return true;
    }
    const bool late = run->settings.co_search.metric == COSEARCH_TRAINING;
    const enum cosearch_limit own = late ? COSEARCH_MAKESPAN : COSEARCH_FLOOR;
    if (!relax_metric(run, own, &moves->single[own], error)) return false;
    for (enum cosearch_limit l = COSEARCH_AREA; l <= COSEARCH_CORES; l++) {
      if (!relax_by_search(run, l, &moves->single[l], error)) return false;
    }
  }
  for (enum cosearch_limit l = COSEARCH_AREA; l < COSEARCH_N_LIMITS; l++) {
    const struct cosearch_move *const move = &moves->single[l];
    if (!move->exists) continue;
    if (moves->smallest == COSEARCH_N_LIMITS || move->share < moves->single[moves->smallest].share) moves->smallest = l;
  }
  return true;
}

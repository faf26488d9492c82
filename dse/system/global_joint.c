/* Which layers does each stage hold, if designs and layers are chosen together? See global.h.
 *
 * A stage of a fast design should have more layers, one of a design with little memory fewer. For each strategy with
 * one chunk a device: every piece of the chain of blocks that a stage could hold, what it needs there, and how long
 * each candidate is busy with it make a problem of search/chains. Two fronts of it are looked at: of load against
 * power, and, since the ramps of a pipeline cross all stages, of the largest load against the sum of all loads, within
 * a limit on money or power. Each of their systems is simulated in full, as every other one is. Loads are exact, as are
 * memories; with limits on both power and money the second front knows one of them at a time, and what breaks the other
 * is left out. Left out: layers of interleaved and V-shaped pipelines, chains of more than MOST_PLACES pieces. */
#include "dse/system/global_private.h"

#include "search/chains/chains.h"
#include <math.h>
#include <string.h>

enum { MOST_PLACES = 160, MOST_LOADS = 1 << 24, MOST_NODES = 200000, MOST_POINTS = 200 };
static const double STEP = 0.005; /* of loads along a front */

struct joining {
  struct choosing *choosing;
  const struct system_plan *plan;
  struct system_pieces pieces;
  struct chains_problem problem;
  uint32_t *candidate; /* [n_designs] */
  double *cost[2];     /* [n_designs]: power, money */
  double limit[2];
  bool fixed; /* layers stay where the strategy has them */
};

bool global_moves_layers(const struct choosing *choosing, const struct system_plan *plan) {
  return choosing->search->settings->kinds == KINDS_JOINT && plan->problem.n_devices > 1 &&
         plan->n_parts == plan->problem.n_devices && plan->schedule->place == NULL &&
         plan->cut->chain.n_places <= MOST_PLACES;
}

/* Designs whose price nobody knows keep no limit on money. */
static void list_designs(struct joining *joining) {
  struct choosing *choosing = joining->choosing;
  const struct system_settings *settings = choosing->search->settings;
  const struct system_plan *plan = joining->plan;
  const double side_by_side = (double)plan->n_devices / (double)plan->problem.n_devices;
  const size_t n = choosing->n_candidates, n_pieces = joining->pieces.plan.n_runs;
  const size_t most = n * n_pieces <= MOST_LOADS ? n : MOST_LOADS / n_pieces;
  double *load = ARENA_NEW(choosing->arena, double, most *n_pieces);
  uint64_t *memory = ARENA_NEW(choosing->arena, uint64_t, most);
  size_t n_designs = 0;
  joining->candidate = ARENA_NEW(choosing->arena, uint32_t, most);
  for (size_t c = 0; c < 2; c++) joining->cost[c] = ARENA_NEW(choosing->arena, double, most);
  joining->limit[0] = settings->power_w > 0 ? settings->power_w : (double)INFINITY;
  joining->limit[1] = settings->money_usd > 0 ? settings->money_usd : (double)INFINITY;
  for (uint32_t c = 0; c < n && n_designs < most; c++) {
    struct candidate *own = choosing->candidates[c];
    if (settings->money_usd > 0 && !isfinite(own->device_usd)) continue;
    global_price(choosing, plan, NULL, own);
    for (size_t piece = 0; piece < n_pieces; piece++) {
      load[n_designs * n_pieces + piece] = system_load_s(choosing->search->system, &joining->pieces.plan,
                                                         &joining->pieces.plan.runs[piece], own->costs, &own->network);
    }
    memory[n_designs] = own->design.hbm_bytes;
    joining->cost[0][n_designs] = side_by_side * own->design.tdp.total;
    joining->cost[1][n_designs] = isfinite(own->device_usd) ? side_by_side * own->device_usd : 0;
    joining->candidate[n_designs++] = c;
  }
  joining->problem = (struct chains_problem){
      .n_layers = plan->cut->chain.n_places,
      .n_stages = plan->problem.n_devices,
      .n_designs = n_designs,
      .n_pieces = n_pieces,
      .piece_of = joining->pieces.piece_of,
      .load = load,
      .bytes = choosing->search->ignores_memory ? NULL : joining->pieces.bytes,
      .memory_bytes = memory,
      .max_designs = settings->max_designs,
  };
}

/* The costs of a question: `which` of power and money, first to last; SIZE_MAX: none, the loads alone. */
static void set_costs(struct joining *joining, const size_t *which, size_t n_costs) {
  struct chains_problem *problem = &joining->problem;
  double *cost = ARENA_NEW(joining->choosing->arena, double, problem->n_designs *n_costs);
  for (size_t c = 0; c < n_costs; c++) {
    for (size_t d = 0; d < problem->n_designs && which[c] != SIZE_MAX; d++) {
      cost[d * n_costs + c] = joining->cost[which[c]][d];
    }
    problem->limit[c] = which[c] == SIZE_MAX ? (double)INFINITY : joining->limit[which[c]];
  }
  problem->cost = cost;
  problem->n_costs = n_costs;
  problem->load_weight = which[0] == SIZE_MAX ? 1 : 0;
}

static bool lies_as_before(const struct joining *joining, const struct chains_choice *choice) {
  const struct system_plan *plan = joining->plan;
  bool same = true;
  for (uint64_t s = 1; s < plan->problem.n_devices && same && !joining->fixed; s++) {
    same = choice->end[s - 1] == plan->first_place[s];
  }
  return same;
}

/* Every system of the front, simulated; *bound: no system has less load. */
static bool take_front(struct joining *joining, double *bound, struct error *error) {
  struct choosing *choosing = joining->choosing;
  const uint64_t p = joining->plan->problem.n_devices;
  const struct chains_effort effort = {.max_nodes = MOST_NODES, .step = STEP, .max_points = MOST_POINTS};
  struct chains_front front;
  if (!chains_solve(&joining->problem, &effort, choosing->arena, choosing->run->invocation->scratch, &front, error)) {
    return false;
  }
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, p);
  const struct system_plan *moved = NULL;
  const uint32_t *before = NULL;
  for (size_t i = 0; i < front.n; i++) {
    const struct chains_choice *choice = &front.choices[i];
    if (!chains_check(&joining->problem, choice, error)) BUG("a system that is none: %s", error->text);
    for (uint64_t s = 0; s < p; s++) design[s] = joining->candidate[choice->design[s]];
    if (lies_as_before(joining, choice)) {
      global_add_system(choosing, joining->plan, design);
      continue;
    }
    const bool same = moved != NULL && memcmp(choice->end, before, p * sizeof *before) == 0;
    if (!same && !system_move_layers(choosing->search->system, joining->plan, choice->end, &moved, error)) return false;
    before = choice->end;
    global_add_system(choosing, moved, design);
  }
  *bound = front.bound;
  return true;
}

/* What the systems lack against load: within each limit of the listener's and the run's alone, and within what keeps
 * all of them, the largest of each device's shares. */
static bool take_wanted(struct joining *joining, struct error *error) {
  const struct choosing *choosing = joining->choosing;
  const size_t n = joining->problem.n_designs, most_designs = joining->problem.max_designs;
  double limit[GLOBAL_N_LIMITS + 1], unused;
  size_t n_limited = 0;
  bool good = true;
  for (size_t l = 0; l < GLOBAL_N_LIMITS; l++) {
    limit[l] = global_wanted_limit(choosing, joining->plan, l);
    n_limited += isfinite(limit[l]);
  }
  limit[GLOBAL_N_LIMITS] = 1;
  joining->problem.max_designs = global_wanted_designs(choosing);
  joining->problem.load_weight = 0;
  for (size_t l = 0; l <= GLOBAL_N_LIMITS && good; l++) {
    const bool all = l == GLOBAL_N_LIMITS;
    if (all ? n_limited == 1 : !isfinite(limit[l])) continue;
    double *cost = ARENA_NEW(choosing->arena, double, 2 * n);
    for (size_t d = 0; d < n; d++) {
      const size_t c = joining->candidate[d];
      cost[2 * d] = global_stage_lack(choosing, joining->plan, c);
      for (size_t k = all ? 0 : l; k <= (all ? GLOBAL_N_LIMITS - 1 : l); k++) {
        if (!isfinite(limit[k])) continue;
        const double known = global_stage_cost(choosing, joining->plan, k, c);
        const double own = isfinite(known) ? known : 2 * limit[k]; /* nobody's price must not pass for a low one */
        cost[2 * d + 1] = fmax(cost[2 * d + 1], all ? own / limit[k] : own);
      }
    }
    joining->problem.cost = cost;
    joining->problem.n_costs = 2;
    joining->problem.limit[0] = (double)INFINITY;
    joining->problem.limit[1] = limit[l];
    good = take_front(joining, &unused, error);
  }
  joining->problem.max_designs = most_designs;
  return good;
}

/* Both fronts of the problem as it stands. */
static bool take_fronts(struct joining *joining, double *bound, struct error *error) {
  double unused;
  set_costs(joining, (const size_t[]){0, 1}, 2);
  if (!take_front(joining, bound, error)) return false;
  const bool limited = isfinite(joining->limit[0]) || isfinite(joining->limit[1]);
  for (size_t c = 0; c < 2; c++) {
    if (limited ? isinf(joining->limit[c]) : c > 0) continue;
    set_costs(joining, (const size_t[]){SIZE_MAX, c}, 2);
    if (!take_front(joining, &unused, error)) return false;
  }
  return joining->choosing->listener == NULL || take_wanted(joining, error);
}

/* A chain of as many pieces as stages: what stands on each is fixed, the designs are not. */
static bool take_fixed(struct joining *joining, struct error *error) {
  const struct system_plan *plan = joining->plan;
  const uint64_t p = plan->problem.n_devices;
  const size_t n = plan->cut->chain.n_places;
  const struct chains_problem whole = joining->problem;
  double unused;
  uint32_t *piece_of = ARENA_NEW(joining->choosing->arena, uint32_t, p * p);
  for (uint64_t s = 0; s < p; s++) {
    const size_t first = plan->first_place[s], end = s + 1 < p ? plan->first_place[s + 1] : n;
    piece_of[s * p + s] = joining->pieces.piece_of[first * n + end - 1];
  }
  joining->problem.n_layers = p;
  joining->problem.piece_of = piece_of;
  joining->fixed = true;
  const bool good = take_fronts(joining, &unused, error);
  joining->problem = whole;
  joining->fixed = false;
  return good;
}

/* With the layers where they are first: what moving them is worth is then said of equal efforts. */
static bool choose(struct joining *joining, double *bound, struct error *error) {
  if (!system_list_pieces(joining->choosing->search->system, joining->plan, &joining->pieces, error)) return false;
  list_designs(joining);
  *bound = (double)INFINITY;
  if (joining->problem.n_designs == 0) return true;
  return take_fixed(joining, error) && take_fronts(joining, bound, error);
}

bool global_choose_joint(struct choosing *choosing, const struct system_plan *plan, double *bound_s,
                         struct error *error) {
  struct joining joining = {.choosing = choosing, .plan = plan};
  struct arena *scratch = choosing->search->system->scratch;
  const bool good = choose(&joining, bound_s, error);
  arena_release(scratch);
  return good;
}

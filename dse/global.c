/* See global.h.
 *
 * 1. Strategies: those of the best designs that the search has met, the best first.
 * 2. Every different stage of each is searched by itself for the least load, as a space of designs of its own, and
 * proven where the budget allows; then those that need not be the fastest for the least power that keeps the slowest
 * stage's pace. Equal stages are one.
 * 3. Candidates: the top k of every stage, the search's own best designs and fronts.
 * 4. By each of them the load of each stage; the exact front of load against power (search/systems); each of its
 * systems simulated in full, and every candidate on all stages, and the fastest for each; where they are few, every
 * choice of one candidate for each stage, or at least for each run of equal stages. Ties go to the earlier candidate.
 * What a system is worth is always the simulation's. */
#include "dse/global.h"

#include "base/checked.h"
#include "dse/design_private.h"
#include "search/systems/systems.h"
#include <math.h>
#include <string.h>

enum { MOST_PLANS = 3, MOST_CANDIDATES = 2000, MOST_NODES = 1000000, COSTS = 3, MOST_CHOICES = 20000 };
/* A design that has the pace itself must not miss it by rounding. */
static const double PACE_SLACK = 1e-12;
static const double MOST_TASKS = 2e8; /* simulated for all choices of a strategy */

struct candidate {
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct network network;
  double device_usd;
  struct unit_cost *costs; /* [n_units], of those that any plan needs */
};

struct choosing {
  struct run *run;
  struct global *global;
  struct system_search *search;
  const struct system_plan *plans[MOST_PLANS];
  size_t n_plans;
  struct candidate **candidates;
  size_t n_candidates, systems_held; /* room for so many systems */
  struct arena *arena;
};

/* --- 1. strategies --------------------------------------------------------------------------------------------------
 */

static void take_plan(struct choosing *choosing, const struct point *point) {
  struct accelerator accelerator;
  struct system_score score;
  struct system_result result;
  if (choosing->n_plans == MOST_PLANS || !design_at(&choosing->run->designs, point, &accelerator)) return;
  design_system_of(&choosing->run->designs, &accelerator, &score, &result);
  if (score.plan == NULL) return;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    if (choosing->plans[i] == score.plan) return;
  }
  choosing->plans[choosing->n_plans++] = score.plan;
}

static void choose_plans(struct choosing *choosing) {
  const struct rounds *rounds = &choosing->run->rounds;
  for (size_t i = 0; i < topk_count(rounds->topk); i++) take_plan(choosing, &topk_at(rounds->topk, i)->point);
  for (size_t i = 0; i < pareto_count(rounds->front); i++) take_plan(choosing, &pareto_at(rounds->front, i)->point);
  choosing->global->n_plans = choosing->n_plans;
}

/* --- 2. every stage's own search ------------------------------------------------------------------------------------
 */

static bool same_stage(const struct system_plan *a, const struct device_run *x, const struct system_plan *b,
                       const struct device_run *y) {
  const size_t n = a->cut->chain.n_blocks;
  return a->cut == b->cut && a->n_microbatches == b->n_microbatches && a->schedule->tears == b->schedule->tears &&
         a->strategy.recompute == b->strategy.recompute && a->strategy.zero == b->strategy.zero &&
         a->strategy.degrees.data == b->strategy.degrees.data && x->memory_bytes == y->memory_bytes &&
         memcmp(x->blocks, y->blocks, n * sizeof *x->blocks) == 0;
}

static const struct global_stage *searched(const struct choosing *choosing, const struct system_plan *plan,
                                           const struct device_run *run, double pace_s) {
  const struct global *global = choosing->global;
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct global_stage *stage = &global->stages[s];
    if (stage->pace_s == pace_s && same_stage(stage->plan, &stage->plan->runs[stage->run], plan, run)) return stage;
  }
  return NULL;
}

static void need(void *context, uint32_t unit) { ((bool *)context)[unit] = true; }

/* For the least load; with a pace for the least power that keeps it. */
static bool search_stage(struct choosing *choosing, const struct system_plan *plan, size_t index, double pace_s,
                         struct error *error) {
  struct run *run = choosing->run;
  struct run_settings *settings = ARENA_NEW(choosing->arena, struct run_settings, 1);
  struct system_search *search = ARENA_NEW(choosing->arena, struct system_search, 1);
  struct design_space *designs = ARENA_NEW(choosing->arena, struct design_space, 1);
  bool *needed = ARENA_NEW(choosing->arena, bool, choosing->search->system->n_units);
  *settings = run->settings;
  const size_t metric = pace_s > 0 ? OBJECTIVE_TDP : OBJECTIVE_THROUGHPUT;
  settings->search.metric = metric;
  settings->search.prove_front = false;
  settings->search.bound_points = 0;
  /* Ranges of what a system does say nothing of its stages. */
  static const size_t of_systems[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_ENERGY, OBJECTIVE_THROUGHPUT_PER_TDP,
                                      OBJECTIVE_EDP};
  for (size_t i = 0; i < sizeof of_systems / sizeof *of_systems; i++) {
    settings->minimum.of[of_systems[i]] = settings->maximum.of[of_systems[i]] = 0;
  }
  for (size_t i = 0; i < run->settings.system.top_k.n; i++) {
    settings->search.top_k = max_u64(settings->search.top_k, run->settings.system.top_k.values[i]);
  }
  *search = *choosing->search;
  search->focus = (struct system_focus){plan, index};
  *designs = run->designs;
  designs->settings = settings;
  designs->system = search;
  designs->floor_throughput = pace_s > 0 ? (double)search->samples / pace_s * (1 - PACE_SLACK) : 0;
  designs->space.context = designs;
  designs->space.metric = metric;
  system_visit_units(plan, &plan->runs[index], need, needed);
  designs->needed = needed;
  struct rounds *rounds = ARENA_NEW(choosing->arena, struct rounds, 1);
  struct proof proof;
  rounds_init(rounds, run->rounds.cluster, designs, run->rounds.journal, choosing->arena);
  rounds->round = run->rounds.round;
  rounds->journaled = run->rounds.journaled;
  rounds->stop = run->rounds.stop;
  rounds->interrupted = run->rounds.interrupted;
  rounds->stop_context = run->rounds.stop_context;
  rounds->progress = run->rounds.progress;
  rounds->progress_context = run->rounds.progress_context;
  run->stages.rounds = rounds;
  const struct search_algorithm *guided = search_algorithm_find("guided");
  const bool good = rounds_search(rounds, guided, run_algorithm_settings(settings, guided),
                                  settings->search.max_evaluations, error) &&
                    (rounds->stopped || prove(rounds, &proof, error));
  run->rounds.round = rounds->round;
  run->rounds.stopped = rounds->stopped;
  run->stages.rounds = NULL;
  run->rounds.replayed += rounds->replayed;
  run->stages.n_done++;
  run->stages.n_evaluations += rounds->evaluations;
  if (!good || rounds->stopped) return good;
  struct global_stage *stage = &choosing->global->stages[choosing->global->n_stages++];
  *stage = (struct global_stage){.plan = plan,
                                 .run = index,
                                 .pace_s = pace_s,
                                 .n_evaluations = rounds->evaluations,
                                 .proven = proof.optimal,
                                 .topk = rounds->topk,
                                 .front = rounds->front};
  if (topk_count(rounds->topk) == 0) return true;
  stage->load_s = (double)search->samples / topk_at(rounds->topk, 0)->score.objective[OBJECTIVE_THROUGHPUT];
  stage->tdp_w = topk_at(rounds->topk, 0)->score.objective[OBJECTIVE_TDP];
  if (pace_s == 0) stage->bound_s = proof.bound > 0 ? (double)search->samples / proof.bound : 0;
  return true;
}

/* The slowest stage sets the pace; of the others the least power that keeps it. */
static bool shrink_stages(struct choosing *choosing, const struct system_plan *plan, struct error *error) {
  double pace_s = 0;
  if (!choosing->search->system->units[0]->stage.provider->has_tdp) return true;
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct global_stage *stage = searched(choosing, plan, &plan->runs[r], 0);
    if (stage == NULL || !(stage->load_s > 0)) return true;
    pace_s = fmax(pace_s, stage->load_s);
  }
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct global_stage *stage = searched(choosing, plan, &plan->runs[r], 0);
    if (stage->load_s == pace_s || searched(choosing, plan, &plan->runs[r], pace_s) != NULL) continue;
    if (!search_stage(choosing, plan, r, pace_s, error)) return false;
    if (choosing->run->rounds.stopped) return true;
  }
  return true;
}

/* How many different stages there are: equal ones are searched once. */
static uint64_t count_stages(const struct choosing *choosing) {
  uint64_t n = 0;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    for (size_t r = 0; r < plan->n_runs; r++) {
      bool seen = false;
      for (size_t k = 0; k <= i; k++) {
        const struct system_plan *other = choosing->plans[k];
        for (size_t q = 0; q < (k < i ? other->n_runs : r); q++) {
          seen = seen || same_stage(other, &other->runs[q], plan, &plan->runs[r]);
        }
      }
      n += !seen;
    }
  }
  return n;
}

static bool search_stages(struct choosing *choosing, struct error *error) {
  size_t n = 0;
  for (size_t i = 0; i < choosing->n_plans; i++) n += 2 * choosing->plans[i]->n_runs;
  choosing->global->stages = ARENA_NEW(choosing->arena, struct global_stage, n);
  choosing->run->stages.n_total = count_stages(choosing);
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    for (size_t r = 0; r < plan->n_runs; r++) {
      if (searched(choosing, plan, &plan->runs[r], 0) != NULL) continue;
      if (!search_stage(choosing, plan, r, 0, error)) return false;
      if (choosing->run->rounds.stopped) return true;
    }
    if (!shrink_stages(choosing, plan, error)) return false;
    if (choosing->run->rounds.stopped) return true;
  }
  return true;
}

/* --- 3. candidates --------------------------------------------------------------------------------------------------
 */

static size_t add_candidate(struct choosing *choosing, const struct point *point) {
  const struct design_space *designs = &choosing->run->designs;
  struct candidate *own = ARENA_NEW(choosing->arena, struct candidate, 1);
  if (choosing->n_candidates == MOST_CANDIDATES || !design_at(designs, point, &own->accelerator)) return SIZE_MAX;
  for (size_t i = 0; i < choosing->n_candidates; i++) {
    if (memcmp(&choosing->candidates[i]->accelerator, &own->accelerator, sizeof own->accelerator) == 0) return i;
  }
  struct money money;
  struct error *ignored = ARENA_NEW(choosing->arena, struct error, 1);
  design_cost(designs, &own->accelerator, &own->design);
  network_init(&own->network, choosing->search->system->model.network, &own->accelerator);
  own->device_usd = design_money(designs, &own->accelerator, &own->design, &money, ignored) ? money.total_usd : NAN;
  own->costs = ARENA_NEW(choosing->arena, struct unit_cost, choosing->search->system->n_units);
  for (size_t u = 0; u < choosing->search->system->n_units; u++) own->costs[u].seconds = -1;
  choosing->candidates[choosing->n_candidates] = own;
  return choosing->n_candidates++;
}

static void gather_candidates(struct choosing *choosing) {
  const struct global *global = choosing->global;
  const struct rounds *rounds = &choosing->run->rounds;
  choosing->candidates = ARENA_NEW(choosing->arena, struct candidate *, MOST_CANDIDATES);
  for (size_t i = 0; i < topk_count(rounds->topk); i++) add_candidate(choosing, &topk_at(rounds->topk, i)->point);
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct topk *topk = global->stages[s].topk;
    for (size_t i = 0; i < topk_count(topk); i++) add_candidate(choosing, &topk_at(topk, i)->point);
  }
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct pareto *front = global->stages[s].front;
    for (size_t i = 0; i < pareto_count(front); i++) add_candidate(choosing, &pareto_at(front, i)->point);
  }
  for (size_t i = 0; i < pareto_count(rounds->front); i++) add_candidate(choosing, &pareto_at(rounds->front, i)->point);
  choosing->global->n_candidates = choosing->n_candidates;
}

/* --- 4. loads, and the choice ---------------------------------------------------------------------------------------
 */

struct pricing_candidate {
  struct choosing *choosing;
  struct candidate *candidate;
};

static void price(void *context, uint32_t index) {
  const struct pricing_candidate *pricing = context;
  struct candidate *own = pricing->candidate;
  struct system *system = pricing->choosing->search->system;
  if (own->costs[index].seconds >= 0) return;
  system_price_unit(system, system->units[index], &own->accelerator, &own->design, &own->costs[index]);
}

static double load_of(struct choosing *choosing, const struct system_plan *plan, const struct device_run *run,
                      struct candidate *own) {
  struct pricing_candidate pricing = {choosing, own};
  if (!system_search_fits(choosing->search, plan, run, own->design.hbm_bytes)) return (double)INFINITY;
  system_visit_units(plan, run, price, &pricing);
  return system_load_s(choosing->search->system, plan, run, own->costs, &own->network);
}

/* Ranges and the floor that the run file sets, by what the whole system does; those of a single device its designs keep
 * already. */
static bool is_wanted(const struct choosing *choosing, const struct global_system *own) {
  const struct design_space *designs = &choosing->run->designs;
  const struct system_settings *settings = choosing->search->settings;
  const double energy_j = own->result.energy_j;
  const struct {
    size_t objective;
    double value;
  } values[] = {{OBJECTIVE_THROUGHPUT, own->throughput},
                {OBJECTIVE_ENERGY, energy_j},
                {OBJECTIVE_THROUGHPUT_PER_TDP, own->power_w > 0 ? own->throughput / own->power_w : 0},
                {OBJECTIVE_EDP, energy_j * own->result.iteration_s}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    if (design_range_excess(designs, values[i].objective, values[i].value, false) > 0) return false;
  }
  if (own->throughput < designs->floor_throughput) return false;
  if (settings->power_w > 0 && own->power_w > settings->power_w) return false;
  return !(settings->money_usd > 0) || own->money_usd <= settings->money_usd; /* false where it is not known */
}

/* Kept on the front of throughput against power; the earlier of two that are equal stays. False: not kept. */
static bool keep_system(struct choosing *choosing, const struct global_system *own) {
  struct global *global = choosing->global;
  size_t kept = 0;
  for (size_t i = 0; i < global->n_systems; i++) {
    const struct global_system *other = &global->systems[i];
    if (other->throughput >= own->throughput && other->power_w <= own->power_w) return false;
  }
  for (size_t i = 0; i < global->n_systems; i++) {
    const struct global_system other = global->systems[i];
    const bool beaten = own->throughput >= other.throughput && own->power_w <= other.power_w;
    if (!beaten) global->systems[kept++] = other;
  }
  if (kept == choosing->systems_held) {
    const size_t held = kept < 64 ? 64 : 2 * kept;
    struct global_system *systems = ARENA_NEW(choosing->arena, struct global_system, held);
    if (kept > 0) memcpy(systems, global->systems, kept * sizeof *systems);
    global->systems = systems;
    choosing->systems_held = held;
  }
  size_t at = kept;
  for (; at > 0 && global->systems[at - 1].throughput < own->throughput; at--) {
    global->systems[at] = global->systems[at - 1];
  }
  global->systems[at] = *own;
  global->n_systems = kept + 1;
  return true;
}

static size_t count_different(const uint32_t *design, uint64_t n) {
  size_t different = 0;
  for (uint64_t s = 0; s < n; s++) {
    bool seen = false;
    for (uint64_t before = 0; before < s && !seen; before++) seen = design[before] == design[s];
    different += !seen;
  }
  return different;
}

/* A system of one candidate for each device in a row, simulated. */
static void add_system(struct choosing *choosing, const struct system_plan *plan, const uint32_t *design) {
  struct system *system = choosing->search->system;
  const uint64_t p = plan->problem.n_devices, most = choosing->search->settings->max_designs;
  const double side_by_side = (double)plan->n_devices / (double)p;
  struct global_system own = {.plan = plan, .n_different = count_different(design, p)};
  if (most > 0 && own.n_different > most) return;
  for (uint64_t s = 0; s < p; s++) {
    if (!isfinite(load_of(choosing, plan, &plan->runs[plan->run_of[s]], choosing->candidates[design[s]]))) return;
  }
  const struct arena_mark mark = arena_get_mark(choosing->arena);
  own.designs = ARENA_NEW(choosing->arena, const struct accelerator *, p);
  const struct unit_cost **costs = ARENA_NEW(choosing->arena, const struct unit_cost *, p);
  const struct network **networks = ARENA_NEW(choosing->arena, const struct network *, p);
  double energy_j = 0, waiting_w = 0;
  for (uint64_t s = 0; s < p; s++) {
    const struct candidate *candidate = choosing->candidates[design[s]];
    const struct energy_traffic idle = {.seconds = 1};
    own.designs[s] = &candidate->accelerator;
    costs[s] = candidate->costs;
    networks[s] = &candidate->network;
    own.power_w += side_by_side * candidate->design.tdp.total;
    own.area_mm2 += side_by_side * candidate->design.area.total;
    own.money_usd += side_by_side * candidate->device_usd;
    energy_j += side_by_side * system_run_energy_j(plan, &plan->runs[plan->run_of[s]], candidate->costs);
    waiting_w +=
        energy_model_j(&system->units[0]->stage.energy, &candidate->accelerator, &candidate->design.area, &idle);
  }
  const struct stage_costs stages = {.costs_of = costs, .network_of = networks};
  system_time(system, plan, &stages, &own.result, NULL);
  own.heterogeneous = own.n_different > 1;
  own.throughput = (double)choosing->search->samples / own.result.iteration_s;
  own.result.energy_j = energy_j + waiting_w / (double)p * own.result.waiting_device_s;
  own.result.hbm_bytes = 0;
  if (!is_wanted(choosing, &own) || !keep_system(choosing, &own)) arena_rewind(choosing->arena, mark);
}

static void choose_homogeneous(struct choosing *choosing, const struct system_plan *plan, size_t n_candidates) {
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, plan->problem.n_devices);
  for (size_t c = 0; c < n_candidates; c++) {
    for (uint64_t s = 0; s < plan->problem.n_devices; s++) design[s] = (uint32_t)c;
    add_system(choosing, plan, design);
  }
}

/* Every stage its own fastest: the pipeline's ramps may gain where its beat does not. */
static void choose_fastest(struct choosing *choosing, const struct system_plan *plan, const uint32_t *allowed,
                           size_t n) {
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, plan->problem.n_devices);
  for (uint64_t s = 0; s < plan->problem.n_devices; s++) {
    double least = (double)INFINITY;
    for (size_t c = 0; c < n; c++) {
      const double load = load_of(choosing, plan, &plan->runs[plan->run_of[s]], choosing->candidates[allowed[c]]);
      if (load < least) least = load, design[s] = allowed[c];
    }
    if (!isfinite(least)) return;
  }
  add_system(choosing, plan, design);
}

/* Every choice of one candidate for each stage, if they are few; else for each run of equal stages, if these are. */
static void choose_all(struct choosing *choosing, const struct system_plan *plan, const uint32_t *allowed, size_t n) {
  const uint64_t p = plan->problem.n_devices;
  const double each = 2.0 * (double)plan->n_parts * (double)plan->n_microbatches;
  const double most = fmin(MOST_CHOICES, MOST_TASKS / each);
  double by_stage_choices = 1;
  for (uint64_t s = 0; s < p && by_stage_choices <= most; s++) by_stage_choices *= (double)n;
  const bool by_stage = by_stage_choices <= most;
  const uint64_t n_groups = by_stage ? p : plan->n_runs;
  double n_choices = 1;
  for (uint64_t g = 0; g < n_groups && n_choices <= most; g++) n_choices *= (double)n;
  if (n_choices > most) return;
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, p);
  for (uint64_t number = 0; number < (uint64_t)n_choices; number++) {
    uint64_t rest = number;
    for (uint64_t g = 0; g < n_groups; g++, rest /= n) {
      const uint64_t first = by_stage ? g : plan->runs[g].first, end = first + (by_stage ? 1 : plan->runs[g].n);
      for (uint64_t s = first; s < end; s++) design[s] = allowed[rest % n];
    }
    add_system(choosing, plan, design);
  }
}

/* Loads by run, so that equal devices are asked for once; costs by device. */
static bool choose_heterogeneous(struct choosing *choosing, const struct system_plan *plan, const uint32_t *allowed,
                                 size_t n, struct error *error) {
  const struct system_settings *settings = choosing->search->settings;
  const uint64_t p = plan->problem.n_devices;
  const double side_by_side = (double)plan->n_devices / (double)p;
  double *load = ARENA_NEW(choosing->arena, double, p *n), *cost = ARENA_NEW(choosing->arena, double, p *n *COSTS);
  for (uint64_t s = 0; s < p; s++) {
    for (size_t c = 0; c < n; c++) {
      struct candidate *own = choosing->candidates[allowed[c]];
      double *costs = cost + (s * n + c) * COSTS;
      /* Nobody's price must not pass for a low one. */
      const bool known = !(settings->money_usd > 0) || isfinite(own->device_usd);
      load[s * n + c] = known ? load_of(choosing, plan, &plan->runs[plan->run_of[s]], own) : (double)INFINITY;
      costs[0] = side_by_side * own->design.tdp.total;
      costs[1] = side_by_side * own->design.area.total;
      costs[2] = settings->money_usd > 0 && known ? side_by_side * own->device_usd : 0;
    }
  }
  const struct systems_problem problem = {.n_stages = p,
                                          .n_designs = n,
                                          .n_costs = COSTS,
                                          .load = load,
                                          .cost = cost,
                                          .limit = {settings->power_w > 0 ? settings->power_w : (double)INFINITY,
                                                    (double)INFINITY,
                                                    settings->money_usd > 0 ? settings->money_usd : (double)INFINITY},
                                          .max_designs = settings->max_designs};
  struct systems_front front;
  bool proven;
  if (!systems_solve(&problem, MOST_NODES, choosing->arena, choosing->run->invocation->scratch, &front, &proven,
                     error)) {
    return false;
  }
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, p);
  choose_fastest(choosing, plan, allowed, n);
  choose_all(choosing, plan, allowed, n);
  for (size_t i = 0; i < front.n; i++) {
    for (uint64_t s = 0; s < p; s++) design[s] = allowed[front.choices[i].design[s]];
    add_system(choosing, plan, design);
  }
  return true;
}

/* No system of the plan is faster, with any designs of the space: the stages' proven least beats, one after the other
 * filling and draining the pipeline. Chunks and torn passes may fill it sooner: then the slowest beat alone. */
static double plan_bound(const struct choosing *choosing, const struct system_plan *plan) {
  const double m = (double)plan->n_microbatches;
  const bool ramps = plan->problem.n_chunks == 1 && !plan->schedule->tears;
  double most_s = 0, before_s = 0;
  for (uint64_t s = 0; s < plan->problem.n_devices; s++) {
    const struct global_stage *stage = searched(choosing, plan, &plan->runs[plan->run_of[s]], 0);
    if (stage == NULL) return (double)INFINITY;
    most_s = fmax(most_s, (ramps ? before_s : 0) + stage->bound_s);
    before_s += stage->bound_s / m;
  }
  most_s *= 1 + choosing->search->system->model.law->iteration_overhead;
  return most_s > 0 ? (double)choosing->search->samples / most_s : (double)INFINITY;
}

/* What the top k alone of every stage's search lead to, with the first strategy. Where lists are short more choices are
 * tried than among all candidates: what they find is offered to the whole choice as well. */
static bool try_k(struct choosing *choosing, uint64_t k, struct global_k *row, struct error *error) {
  struct choosing own = *choosing;
  struct global global = *choosing->global;
  uint32_t *allowed = ARENA_NEW(choosing->arena, uint32_t, MOST_CANDIDATES);
  size_t n = 0;
  own.global = &global;
  *row = (struct global_k){.k = k};
  for (size_t s = 0; s < global.n_stages; s++) {
    const struct topk *topk = global.stages[s].topk;
    if (global.stages[s].pace_s > 0) continue;
    for (size_t i = 0; i < topk_count(topk) && i < k; i++) {
      const size_t c = add_candidate(&own, &topk_at(topk, i)->point);
      bool seen = c == SIZE_MAX;
      for (size_t j = 0; j < n; j++) seen = seen || allowed[j] == c;
      if (!seen) allowed[n++] = (uint32_t)c;
    }
  }
  own.systems_held = 0;
  global.n_systems = 0;
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, own.plans[0]->problem.n_devices);
  for (size_t c = 0; c < n; c++) {
    for (uint64_t s = 0; s < own.plans[0]->problem.n_devices; s++) design[s] = allowed[c];
    add_system(&own, own.plans[0], design);
  }
  if (global.n_systems > 0) row->homogeneous = global.systems[0].throughput;
  if (n > 0 && !choose_heterogeneous(&own, own.plans[0], allowed, n, error)) return false;
  if (global.n_systems > 0) row->heterogeneous = global.systems[0].throughput;
  for (size_t i = 0; i < global.n_systems; i++) keep_system(choosing, &global.systems[i]);
  return true;
}

static bool choose(struct choosing *choosing, struct error *error) {
  struct global *global = choosing->global;
  const struct system_settings *settings = choosing->search->settings;
  uint32_t *all = ARENA_NEW(choosing->arena, uint32_t, choosing->n_candidates);
  for (size_t c = 0; c < choosing->n_candidates; c++) all[c] = (uint32_t)c;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    choose_homogeneous(choosing, plan, choosing->n_candidates);
    if (settings->kinds == KINDS_HETEROGENEOUS && plan->problem.n_devices > 1 &&
        !choose_heterogeneous(choosing, plan, all, choosing->n_candidates, error)) {
      return false;
    }
    global->bound = fmax(global->bound, plan_bound(choosing, plan));
  }
  if (global->n_stages == 0) return true; /* no stage was searched by itself */
  global->n_k = settings->top_k.n;
  global->k = ARENA_NEW(choosing->arena, struct global_k, global->n_k);
  for (size_t i = 0; i < global->n_k; i++) {
    if (!try_k(choosing, settings->top_k.values[i], &global->k[i], error)) return false;
  }
  /* Longer lists hold the shorter ones, of which more choices were tried. */
  for (size_t i = 0; i < global->n_k; i++) {
    for (size_t j = 0; j < global->n_k; j++) {
      if (global->k[j].k > global->k[i].k) continue;
      global->k[i].heterogeneous = fmax(global->k[i].heterogeneous, global->k[j].heterogeneous);
    }
  }
  return true;
}

bool global_search(struct run *run, struct global *global, struct error *error) {
  *global = (struct global){0};
  if (run->system == NULL || topk_count(run->rounds.topk) == 0) return true;
  struct choosing choosing = {.run = run, .global = global, .search = run->system, .arena = run->invocation->arena};
  choose_plans(&choosing);
  if (run->settings.system.kinds == KINDS_HETEROGENEOUS && !search_stages(&choosing, error)) return false;
  if (run->rounds.stopped) return true;
  gather_candidates(&choosing);
  return choose(&choosing, error);
}

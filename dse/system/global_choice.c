/* Which candidate stands on which stage? See global.h.
 *
 * By each candidate the load of each stage; the exact front of load against power (search/systems); each of its systems
 * simulated in full, and every candidate on all stages, and the fastest for each; where they are few, every choice of
 * one candidate for each stage, or at least for each run of equal stages. Ties go to the earlier candidate. What a
 * system is worth is always the simulation's. */
#include "dse/system/global_private.h"

#include "base/checked.h"
#include "search/systems/systems.h"
#include <math.h>
#include <string.h>

enum { MOST_NODES = 1000000, COSTS = 3, MOST_CHOICES = 20000 };
static const double MOST_TASKS = 2e8; /* simulated for all choices of a strategy */

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

void global_price(struct choosing *choosing, const struct system_plan *plan, const struct device_run *run,
                  struct candidate *own) {
  struct pricing_candidate pricing = {choosing, own};
  system_visit_units(plan, run, price, &pricing);
}

double global_load_s(struct choosing *choosing, const struct system_plan *plan, const struct device_run *run,
                     struct candidate *own) {
  if (!system_search_fits(choosing->search, plan, run, own->design.hbm_bytes)) return (double)INFINITY;
  global_price(choosing, plan, run, own);
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

void global_add_system(struct choosing *choosing, const struct system_plan *plan, const uint32_t *design) {
  struct system *system = choosing->search->system;
  const uint64_t p = plan->problem.n_devices, most = choosing->search->settings->max_designs;
  const double side_by_side = (double)plan->n_devices / (double)p;
  struct global_system own = {.plan = plan, .n_different = count_different(design, p)};
  if (most > 0 && own.n_different > most) return;
  for (uint64_t s = 0; s < p; s++) {
    if (!isfinite(global_load_s(choosing, plan, &plan->runs[plan->run_of[s]], choosing->candidates[design[s]]))) return;
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
  const bool wanted = is_wanted(choosing, &own);
  const size_t kind = plan->moved_from != NULL ? KINDS_JOINT
                      : own.heterogeneous      ? KINDS_HETEROGENEOUS
                                               : KINDS_HOMOGENEOUS;
  if (wanted) choosing->global->fastest[kind] = fmax(choosing->global->fastest[kind], own.throughput);
  if (!wanted || !keep_system(choosing, &own)) arena_rewind(choosing->arena, mark);
  own.designs = NULL; /* they may be gone */
  if (wanted && choosing->listener != NULL) choosing->listener->hear(choosing->listener->context, &own, design);
}

static void choose_homogeneous(struct choosing *choosing, const struct system_plan *plan, size_t n_candidates) {
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, plan->problem.n_devices);
  for (size_t c = 0; c < n_candidates; c++) {
    for (uint64_t s = 0; s < plan->problem.n_devices; s++) design[s] = (uint32_t)c;
    global_add_system(choosing, plan, design);
  }
}

/* Every stage its own fastest: the pipeline's ramps may gain where its beat does not. */
static void choose_fastest(struct choosing *choosing, const struct system_plan *plan, const uint32_t *allowed,
                           size_t n) {
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, plan->problem.n_devices);
  for (uint64_t s = 0; s < plan->problem.n_devices; s++) {
    double least = (double)INFINITY;
    for (size_t c = 0; c < n; c++) {
      const double load = global_load_s(choosing, plan, &plan->runs[plan->run_of[s]], choosing->candidates[allowed[c]]);
      if (load < least) least = load, design[s] = allowed[c];
    }
    if (!isfinite(least)) return;
  }
  global_add_system(choosing, plan, design);
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
    global_add_system(choosing, plan, design);
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
      load[s * n + c] = known ? global_load_s(choosing, plan, &plan->runs[plan->run_of[s]], own) : (double)INFINITY;
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
    global_add_system(choosing, plan, design);
  }
  return true;
}

static double throughput_of(const struct choosing *choosing, double busy_s) {
  const double seconds = busy_s * (1 + choosing->search->system->model.law->iteration_overhead);
  return seconds > 0 ? (double)choosing->search->samples / seconds : (double)INFINITY;
}

/* No system of the plan is faster, with any designs of the space: the stages' proven least beats, one after the other
 * filling and draining the pipeline. Chunks and torn passes may fill it sooner: then the slowest beat alone. */
static double plan_bound(const struct choosing *choosing, const struct system_plan *plan) {
  const double m = (double)plan->n_microbatches;
  const bool ramps = plan->problem.n_chunks == 1 && !plan->schedule->tears;
  double most_s = 0, before_s = 0;
  for (uint64_t s = 0; s < plan->problem.n_devices; s++) {
    const struct global_stage *stage = global_searched(choosing, plan, &plan->runs[plan->run_of[s]], 0);
    if (stage == NULL) return (double)INFINITY;
    most_s = fmax(most_s, (ramps ? before_s : 0) + stage->bound_s);
    before_s += stage->bound_s / m;
  }
  return throughput_of(choosing, most_s);
}

/* What the top k alone of every stage's search lead to, with the first strategy. Where lists are short more choices are
 * tried than among all candidates: what they find is offered to the whole choice as well. */
static bool try_k(struct choosing *choosing, uint64_t k, struct global_k *row, struct error *error) {
  struct choosing own = *choosing;
  struct global global = *choosing->global;
  uint32_t *allowed = ARENA_NEW(choosing->arena, uint32_t, choosing->most_candidates);
  size_t n = 0;
  own.global = &global;
  *row = (struct global_k){.k = k};
  for (size_t s = 0; s < global.n_stages; s++) {
    const struct topk *topk = global.stages[s].topk;
    if (global.stages[s].pace_s > 0) continue;
    for (size_t i = 0; i < topk_count(topk) && i < k; i++) {
      const size_t c = global_candidate(&own, &topk_at(topk, i)->point);
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
    global_add_system(&own, own.plans[0], design);
  }
  if (global.n_systems > 0) row->homogeneous = global.systems[0].throughput;
  if (n > 0 && !choose_heterogeneous(&own, own.plans[0], allowed, n, error)) return false;
  if (global.n_systems > 0) row->heterogeneous = global.systems[0].throughput;
  for (size_t i = 0; i < global.n_systems; i++) keep_system(choosing, &global.systems[i]);
  return true;
}

bool global_choose(struct choosing *choosing, struct error *error) {
  struct global *global = choosing->global;
  const struct system_settings *settings = choosing->search->settings;
  uint32_t *all = ARENA_NEW(choosing->arena, uint32_t, choosing->n_candidates);
  for (size_t c = 0; c < choosing->n_candidates; c++) all[c] = (uint32_t)c;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    choose_homogeneous(choosing, plan, choosing->n_candidates);
    if (settings->kinds != KINDS_HOMOGENEOUS && plan->problem.n_devices > 1 &&
        !choose_heterogeneous(choosing, plan, all, choosing->n_candidates, error)) {
      return false;
    }
    if (choosing->listener != NULL && !global_moves_layers(choosing, plan) && plan->problem.n_devices > 1 &&
        !global_choose_wanted(choosing, plan, error)) {
      return false;
    }
    if (!global_moves_layers(choosing, plan)) {
      global->bound = fmax(global->bound, plan_bound(choosing, plan));
      continue;
    }
    double bound_s;
    if (!global_choose_joint(choosing, plan, &bound_s, error)) return false;
    global->bound = fmax(global->bound, throughput_of(choosing, bound_s));
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

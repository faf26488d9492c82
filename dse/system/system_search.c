/* See system_search.h. */
#include "dse/system/system_search.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- which plans there are ------------------------------------------------------------------------------------------
 */

bool system_search_say_too_large(const struct system_search *search, uint64_t hbm_bytes, struct error *error) {
  const struct system_plan *nearest = search->plans[0];
  for (size_t i = 1; i < search->n_plans; i++) {
    if (system_plan_memory_bytes(search->plans[i]) < system_plan_memory_bytes(nearest)) nearest = search->plans[i];
  }
  const struct device_run *run = &nearest->runs[nearest->fullest];
  const struct system_memory *memory = &run->memory;
  const uint64_t missing_bytes = run->memory_bytes > hbm_bytes ? run->memory_bytes - hbm_bytes : 0;
  const double gib = 1.0 / (1 << 30);
  error_add(error, STATUS_INFEASIBLE,
            "memory: no strategy fits; the nearest (%s) needs %.6g GiB (%llu bytes) more than a device's %.6g GiB on "
            "stage %u",
            strategy_text(&nearest->strategy, search->system->arena), gib * (double)missing_bytes,
            (unsigned long long)missing_bytes, gib * (double)hbm_bytes, run->first);
  return error_add(error, STATUS_INFEASIBLE,
                   "  weights %.4g, gradients %.4g, optimizer %.4g, kept for the backward pass %.4g, working %.4g, "
                   "buffers %.4g GiB",
                   gib * (double)memory->weights_bytes, gib * (double)memory->gradients_bytes,
                   gib * (double)memory->optimizer_bytes, gib * (double)memory->kept_bytes,
                   gib * (double)memory->working_bytes, gib * (double)memory->buffers_bytes);
}

/* The most frequent block of the first plan. */
static void choose_representative(struct system_search *search, struct arena *arena) {
  const struct cut *cut = search->plans[0]->cut;
  size_t most = 0, best = 0;
  for (size_t b = 0; b < cut->chain.n_blocks; b++) {
    size_t n = 0;
    for (size_t i = 0; i < cut->chain.n_places; i++) n += cut->chain.block_at[i] == b;
    const bool runs = cut->unit[b * N_BLOCK_PHASES + BLOCK_BACKWARD] != NO_UNIT;
    if (runs && n > most) most = n, best = b;
  }
  search->representative = cut->unit[best * N_BLOCK_PHASES + BLOCK_BACKWARD];
  search->representative_name = arena_printf(arena, "backward pass of one %s of %s", cut->chain.blocks[best].name,
                                             strategy_text(&search->plans[0]->strategy, arena));
  if (search->representative == NO_UNIT) search->representative = 0;
}

/* Fused attention leaves selective recomputation nothing to do: then it is the plan without any, if that is tried. */
static bool is_double(const struct system_search *search, const struct system_plan *plan) {
  const struct system_settings *settings = search->settings;
  const struct cut *cut = plan->cut;
  bool none = false;
  for (size_t i = 0; i < settings->recompute.n; i++) none = none || settings->recompute.values[i] == RECOMPUTE_NONE;
  if (!none || plan->strategy.recompute != RECOMPUTE_SELECTIVE) return false;
  for (size_t b = 0; b < cut->chain.n_blocks; b++) {
    if (cut->unit[b * N_BLOCK_PHASES + BLOCK_SELECTIVE] != NO_UNIT) return false;
  }
  return true;
}

bool system_search_init(struct system_search *search, const struct system_model *model,
                        const struct system_settings *settings, const struct money_settings *money,
                        const struct strategies *strategies, const struct system_room *room, struct arena *arena,
                        struct error *error) {
  *search = (struct system_search){
      .settings = settings, .money = money, .n_strategies = strategies->n, .most_hbm_bytes = room->designs_bytes};
  struct arena *scratch = ARENA_NEW(arena, struct arena, 1);
  arena_init(scratch, 1 << 20);
  search->system = system_new(model, arena, scratch);
  search->plans = ARENA_NEW(arena, const struct system_plan *, strategies->n);
  search->samples = strategies->all[0].global_batch;
  search->least_memory_bytes = UINT64_MAX;
  struct error *why = ARENA_NEW(arena, struct error, 1);
  const struct system_plan *nearest = NULL;
  for (size_t i = 0; i < strategies->n; i++) {
    const struct system_plan *plan;
    *why = (struct error){0};
    if (!system_prepare(search->system, &strategies->all[i], &plan, why)) {
      if (search->left_out.n_illegal++ == 0) search->left_out.first_illegal = arena_copy_text(arena, why->text);
      continue;
    }
    if (is_double(search, plan)) {
      search->left_out.n_double++;
      continue;
    }
    const uint64_t bytes = system_plan_memory_bytes(plan);
    search->least_memory_bytes = min_u64(search->least_memory_bytes, bytes);
    const bool too_large = room->designs_bytes > 0 && bytes > room->designs_bytes;
    search->left_out.n_too_large += too_large;
    if (nearest == NULL || bytes < system_plan_memory_bytes(nearest)) nearest = plan;
    if (!too_large || bytes <= room->others_bytes) search->plans[search->n_plans++] = plan;
  }
  arena_release(scratch);
  search->none_fits = nearest != NULL && search->left_out.n_too_large > 0 && room->designs_bytes > 0 &&
                      search->least_memory_bytes > room->designs_bytes;
  if (search->n_plans == 0 && nearest != NULL) search->plans[search->n_plans++] = nearest;
  if (search->n_plans == 0) {
    system_release(search->system);
    return error_add(error, STATUS_INPUT, "system: none of the %zu strategies is possible: %s", strategies->n,
                     search->left_out.first_illegal);
  }
  choose_representative(search, arena);
  search->bound = ARENA_NEW(arena, struct system_score, 1);
  search->floors = ARENA_NEW(arena, struct unit_cost, search->system->n_units);
  search->bounds = ARENA_NEW(arena, struct plan_bound, search->n_plans);
  return true;
}

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

bool system_search_fits(const struct system_search *search, const struct system_plan *plan,
                        const struct device_run *run, uint64_t hbm_bytes) {
  const uint64_t bytes = run != NULL ? run->memory_bytes : system_plan_memory_bytes(plan);
  return search->ignores_memory || bytes <= hbm_bytes;
}

static bool is_allowed(const struct system_search *search, const struct system_design *design,
                       const struct system_plan *plan, struct system_score *score) {
  const struct system_settings *settings = search->settings;
  const double n = (double)plan->n_devices;
  if (!system_search_fits(search, plan, NULL, design->cost->hbm_bytes)) return false;
  score->too_large = false;
  const double power_excess_w = settings->power_w > 0 ? n * design->cost->tdp.total - settings->power_w : 0;
  /* Nobody's price must not pass for a low one. */
  const double usd = isfinite(design->device_usd) ? n * design->device_usd : (double)INFINITY;
  const double money_excess_usd = settings->money_usd > 0 ? usd - settings->money_usd : 0;
  if (!(power_excess_w > 0) && !(money_excess_usd > 0)) return true;
  if (power_excess_w > 0) score->power_excess_w = fmin(score->power_excess_w, power_excess_w);
  if (isinf(usd)) score->unpriced = true;
  if (money_excess_usd > 0) score->money_excess_usd = fmin(score->money_excess_usd, money_excess_usd);
  return false;
}

static void clear_score(struct system_score *score) {
  *score = (struct system_score){.seconds = (double)INFINITY,
                                 .energy_j = (double)INFINITY,
                                 .power_excess_w = (double)INFINITY,
                                 .money_excess_usd = (double)INFINITY,
                                 .too_large = true};
}

/* --- bounds ---------------------------------------------------------------------------------------------------------
 */

/* A local search's design: as fast as its stage; what it costs is a device's. */
static void fill_focus(struct system_search *search, const struct system_design *design, const struct network *network,
                       struct system_score *score) {
  const struct system_plan *plan = search->focus.plan;
  const struct device_run *run = &plan->runs[search->focus.run];
  clear_score(score);
  if (!system_search_fits(search, plan, run, design->cost->hbm_bytes)) return;
  const double seconds = system_beat_s(search->system, plan, run, search->floors, network);
  score->too_large = false;
  if (!isfinite(seconds)) return;
  score->plan = plan;
  score->n_devices = 1;
  score->seconds = seconds;
  score->throughput = (double)search->samples / seconds;
  score->energy_j = system_run_energy_j(plan, run, search->floors);
  if (design->cost->tdp.total > 0) score->throughput_per_w = score->throughput / design->cost->tdp.total;
}

void system_search_bound(struct system_search *search, const struct system_design *design, struct system_score *score) {
  struct network network;
  network_init(&network, search->system->model.network, design->accelerator);
  if (search->focus.plan != NULL) {
    fill_focus(search, design, &network, score);
    return;
  }
  clear_score(score);
  system_table_all(search->system, search->floors);
  for (size_t i = 0; i < search->n_plans; i++) {
    const struct system_plan *plan = search->plans[i];
    search->bounds[i] = (struct plan_bound){(double)INFINITY, (uint32_t)i};
    if (!is_allowed(search, design, plan, score)) continue;
    const double seconds = system_tabled_bound_s(search->system, plan, &network);
    search->bounds[i].seconds = seconds;
    if (!isfinite(seconds)) continue;
    const double throughput = (double)search->samples / seconds;
    const double watts = (double)plan->n_devices * design->cost->tdp.total;
    if (seconds < score->seconds) {
      score->seconds = seconds;
      score->throughput = throughput;
      score->plan = plan;
      score->n_devices = plan->n_devices;
    }
    score->energy_j = fmin(score->energy_j, system_energy_j(search->system, plan, search->floors));
    if (watts > 0) score->throughput_per_w = fmax(score->throughput_per_w, throughput / watts);
  }
}

/* --- in full --------------------------------------------------------------------------------------------------------
 */

static int by_bound(const void *a, const void *b) {
  const struct plan_bound *x = a, *y = b;
  if (x->seconds != y->seconds) return x->seconds < y->seconds ? -1 : 1;
  return x->plan < y->plan ? -1 : x->plan > y->plan;
}

struct pricing_some {
  struct system_search *search;
  const struct system_design *design;
};

static void price(void *context, uint32_t index) {
  const struct pricing_some *pricing = context;
  struct system *system = pricing->search->system;
  struct unit *unit = system->units[index];
  if (unit->evaluated) return;
  unit->evaluated = true;
  system_price_unit(system, unit, pricing->design->accelerator, pricing->design->cost, &system->costs[index]);
  pricing->search->floors[index] = system->costs[index]; /* a floor that is met */
}

struct best_plan {
  const struct system_plan *plan; /* NULL: none yet */
  double seconds;
  size_t k; /* its place by bound */
};

/* Closer floors first: prices without a schedule, then with it. */
enum closeness { CLOSE_BOUNDED, CLOSE_PRICED, N_CLOSENESSES };

/* Of the plan's units that are not so close yet, the one with the most time; updates, whose floors are exact but for a
 * hair, last. */
static uint32_t heaviest(const struct system_search *search, const struct system_plan *plan, enum closeness closeness) {
  const struct cut *cut = plan->cut;
  uint32_t heaviest = NO_UNIT;
  double most_s = -1;
  for (size_t b = 0; b < cut->chain.n_blocks; b++) {
    for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
      if (!system_runs_phase(plan, b, phase)) continue;
      const uint32_t index = cut->unit[b * N_BLOCK_PHASES + phase];
      const struct unit *unit = search->system->units[index];
      if (unit->evaluated || (closeness == CLOSE_BOUNDED && unit->bounded)) continue;
      const double own_s = phase == BLOCK_UPDATE ? 0 : cut->n_of[b] * search->floors[index].seconds;
      if (own_s > most_s) most_s = own_s, heaviest = index;
    }
  }
  return heaviest;
}

static void come_closer(struct pricing_some *pricing, uint32_t index, enum closeness closeness) {
  struct unit *unit = pricing->search->system->units[index];
  if (closeness == CLOSE_PRICED) {
    price(pricing, index);
    return;
  }
  unit->bounded = true;
  system_bound_unit(pricing->search->system, unit, pricing->design->accelerator, &pricing->search->floors[index]);
}

/* Brings the plan's units as close as it takes to show that it is slower than `most_s`; else all of them are priced. */
static bool may_reach(struct pricing_some *pricing, const struct system_plan *plan, const struct network *network,
                      double most_s) {
  struct system_search *search = pricing->search;
  for (enum closeness closeness = 0; closeness < N_CLOSENESSES; closeness++) {
    if (system_simulated_bound_s(search->system, plan, search->floors, network) > most_s) return false;
    for (;;) {
      const double bound_s = system_bound_s(search->system, plan, search->floors, network);
      if (!isfinite(bound_s) || bound_s > most_s) return false;
      const uint32_t index = heaviest(search, plan, closeness);
      if (index == NO_UNIT) break;
      come_closer(pricing, index, closeness);
    }
  }
  return true;
}

/* The k-th by bound; of plans that are equally fast, the one with the least bound. */
static void try_plan(struct pricing_some *pricing, size_t k, const struct network *network, struct best_plan *best,
                     struct system_result *result) {
  struct system_search *search = pricing->search;
  const struct system_plan *plan = search->plans[search->bounds[k].plan];
  struct system_result own;
  if (!isfinite(search->bounds[k].seconds) || !may_reach(pricing, plan, network, best->seconds)) return;
  search->n_simulated++;
  const struct stage_costs stages = {.costs = search->system->costs, .network = network};
  system_time(search->system, plan, &stages, &own, NULL);
  if (!(own.iteration_s < best->seconds) && !(own.iteration_s == best->seconds && k < best->k)) return;
  *best = (struct best_plan){plan, own.iteration_s, k};
  *result = own;
}

/* The one that the last design was best with is tried first: with what it reaches most others need no closer look. */
static struct best_plan best_of_plans(struct pricing_some *pricing, const struct network *network,
                                      struct system_result *result) {
  struct system_search *search = pricing->search;
  struct best_plan best = {.seconds = (double)INFINITY};
  size_t first = 0;
  for (size_t k = 0; k < search->n_plans; k++) {
    if (search->bounds[k].plan == search->won_last) first = k;
  }
  try_plan(pricing, first, network, &best, result);
  for (size_t k = 0; k < search->n_plans && search->bounds[k].seconds <= best.seconds; k++) {
    if (k != first) try_plan(pricing, k, network, &best, result);
  }
  if (best.plan != NULL) search->won_last = search->bounds[best.k].plan;
  return best;
}

void system_search_best(struct system_search *search, const struct system_design *design, struct system_score *score,
                        struct system_result *result) {
  struct system *system = search->system;
  struct system_score bound;
  struct network network;
  struct pricing_some pricing = {search, design};
  for (size_t u = 0; u < system->n_units; u++) system->units[u]->bounded = system->units[u]->evaluated = false;
  if (search->focus.plan != NULL) {
    network_init(&network, system->model.network, design->accelerator);
    system_visit_units(search->focus.plan, &search->focus.plan->runs[search->focus.run], price, &pricing);
    fill_focus(search, design, &network, score);
    return;
  }
  system_search_bound(search, design, &bound);
  clear_score(score);
  score->power_excess_w = bound.power_excess_w;
  score->money_excess_usd = bound.money_excess_usd;
  score->too_large = bound.too_large;
  score->unpriced = bound.unpriced;
  network_init(&network, system->model.network, design->accelerator);
  qsort(search->bounds, search->n_plans, sizeof *search->bounds, by_bound);
  const struct best_plan best = best_of_plans(&pricing, &network, result);
  if (best.plan == NULL) return;
  score->plan = best.plan;
  score->seconds = best.seconds;
  const struct energy_traffic idle = {.seconds = 1};
  const struct stage *stage = &system->units[0]->stage;
  const double waiting_w = energy_model_j(&stage->energy, design->accelerator, &design->cost->area, &idle);
  result->energy_j = system_energy_j(system, score->plan, system->costs) + waiting_w * result->waiting_device_s;
  result->hbm_bytes = design->cost->hbm_bytes;
  result->fits = true;
  score->n_devices = score->plan->n_devices;
  score->throughput = (double)search->samples / score->seconds;
  score->energy_j = result->energy_j;
  const double watts = (double)score->n_devices * design->cost->tdp.total;
  score->throughput_per_w = watts > 0 ? score->throughput / watts : 0;
}

struct sharing {
  const struct system_search *search;
  const struct system_plan *plan;
  const struct device_run *run; /* whose blocks count */
  double *share, sum;
};

static void take_share(void *context, uint32_t index) {
  struct sharing *sharing = context;
  const struct cut *cut = sharing->plan->cut;
  double times = 0;
  for (size_t b = 0; b < cut->chain.n_blocks; b++) {
    for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
      if (cut->unit[b * N_BLOCK_PHASES + phase] != index) continue;
      times += sharing->run->blocks[b] * (phase == BLOCK_UPDATE ? 1.0 : (double)sharing->plan->n_microbatches);
    }
  }
  sharing->share[index] = times * sharing->search->system->costs[index].seconds;
  sharing->sum += sharing->share[index];
}

void system_search_shares(const struct system_search *search, const struct system_plan *plan, double *share) {
  const bool is_focus = search->focus.plan != NULL;
  const struct device_run *run = &plan->runs[is_focus ? search->focus.run : 0];
  for (size_t r = 0; !is_focus && r < plan->n_runs; r++) {
    if (plan->runs[r].n > run->n) run = &plan->runs[r];
  }
  struct sharing sharing = {search, plan, run, share, 0};
  for (size_t u = 0; u < search->system->n_units; u++) share[u] = 0;
  /* Of other runs' units a stage's own search has no costs, or some of another design. */
  system_visit_units(plan, run, take_share, &sharing);
  for (size_t u = 0; u < search->system->n_units && sharing.sum > 0; u++) share[u] /= sharing.sum;
}

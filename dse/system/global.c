/* See global.h.
 *
 * 1. Strategies: those of the best designs that the search has met, the best first; where none is within the power
 *    limit, those that a mixed system could keep it with (global_mixed.c).
 * 2. Every different stage of each is searched by itself (global_stages.c). Equal stages are one.
 * 3. Candidates: the top k of every stage, the search's own best designs and fronts; the coolest of all.
 * 4. Which of them stands where (global_choice.c). */
#include "dse/system/global_private.h"

#include <math.h>
#include <string.h>

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

/* --- 3. candidates --------------------------------------------------------------------------------------------------
 */

size_t global_candidate(struct choosing *choosing, const struct point *point) {
  const struct design_space *designs = &choosing->run->designs;
  struct candidate *own = ARENA_NEW(choosing->arena, struct candidate, 1);
  own->point = *point;
  if (choosing->n_candidates == choosing->most_candidates || !design_at(designs, point, &own->accelerator))
    return SIZE_MAX;
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

/* Where layers move along, a stage may want a design that no search of the given stages came upon: of a small space all
 * are candidates, and what is proven of these is proven of the space. */
static bool takes_all(const struct choosing *choosing) {
  if (space_size(&choosing->run->designs.space) > MOST_WHOLE_SPACE) return false;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    if (global_moves_layers(choosing, choosing->plans[i])) return true;
  }
  return false;
}

static void gather_space(struct choosing *choosing) {
  const struct design_space *designs = &choosing->run->designs;
  const uint64_t n = space_size(&designs->space);
  for (uint64_t index = 0; index < n; index++) {
    const struct point point = space_point(&designs->space, index);
    struct accelerator accelerator;
    struct stage_cost_of_design design;
    if (!design_at(designs, &point, &accelerator)) continue;
    design_cost(designs, &accelerator, &design);
    if (global_is_built(designs, &accelerator, &design)) global_candidate(choosing, &point);
  }
}

static void gather_candidates(struct choosing *choosing) {
  const struct global *global = choosing->global;
  const struct rounds *rounds = &choosing->run->rounds;
  const bool all = takes_all(choosing);
  choosing->most_candidates = MOST_CANDIDATES + (all ? space_size(&choosing->run->designs.space) : 0);
  choosing->candidates = ARENA_NEW(choosing->arena, struct candidate *, choosing->most_candidates);
  for (size_t i = 0; i < topk_count(rounds->topk); i++) global_candidate(choosing, &topk_at(rounds->topk, i)->point);
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct topk *topk = global->stages[s].topk;
    for (size_t i = 0; i < topk_count(topk); i++) global_candidate(choosing, &topk_at(topk, i)->point);
  }
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct pareto *front = global->stages[s].front;
    for (size_t i = 0; i < pareto_count(front); i++) global_candidate(choosing, &pareto_at(front, i)->point);
  }
  for (size_t i = 0; i < pareto_count(rounds->front); i++)
    global_candidate(choosing, &pareto_at(rounds->front, i)->point);
  for (size_t i = 0; i < choosing->coolest.n; i++) global_candidate(choosing, &choosing->coolest.of[i].point);
  if (all) gather_space(choosing);
  choosing->global->has_all_designs = all;
  choosing->global->n_candidates = choosing->n_candidates;
}

static bool value_candidates(struct choosing *choosing, struct error *error) {
  const size_t n = choosing->n_candidates;
  const struct global_listener *listener = choosing->run->systems_wanted;
  struct point *points = ARENA_NEW(choosing->arena, struct point, n);
  for (size_t c = 0; c < n; c++) points[c] = choosing->candidates[c]->point;
  choosing->worth = ARENA_NEW(choosing->arena, double, n);
  choosing->listener = listener;
  if (!listener->value(listener->context, points, n, choosing->worth, error)) return false;
  for (size_t c = 0; c < n; c++) choosing->most_worth = fmax(choosing->most_worth, choosing->worth[c]);
  return true;
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

bool global_search(struct run *run, struct global *global, struct error *error) {
  *global = (struct global){0};
  const bool mixes = run->settings.system.kinds != KINDS_HOMOGENEOUS;
  if (run->system == NULL || run->system->none_fits) return true;
  struct choosing choosing = {.run = run, .global = global, .search = run->system, .arena = run->invocation->arena};
  if (topk_count(run->rounds.topk) > 0) {
    choose_plans(&choosing);
  } else if (mixes) {
    global_choose_mixed(&choosing);
  }
  if (choosing.n_plans == 0) return true;
  if (mixes && !global_search_stages(&choosing, error)) return false;
  if (run->rounds.stopped) return true;
  gather_candidates(&choosing);
  if (mixes && run->systems_wanted != NULL && !value_candidates(&choosing, error)) return run->rounds.stopped;
  return global_choose(&choosing, error);
}

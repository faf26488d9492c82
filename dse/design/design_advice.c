/* Which axis should grow next, going by what a schedule waited for? (accelerator-search §6, §8; §9 for several
 * workloads) */
#include "dse/design/design_private.h"

#include "arch/stage_forward.h"
#include "base/checked.h"
#include <math.h>
#include <string.h>

struct design_forward { /* [n_stages] */
  struct stage *stages;
  struct stage_scratch **scratches;
  uint64_t n_suggestions;
};

/* What a step up one growing axis is worth: cycles of waiting (or of transfers) that it may relieve, per mm² that it
 * adds. Conflicts come from the schedule (D of accelerator-search §6); half the busy time of a class is our estimate of
 * what wider spreading may save where nobody waits. */
static double relief_cycles(const struct design_space *designs, const struct stage_result *result, const char *key,
                            uint64_t value, uint64_t next) {
  const double share = 1.0 - (double)value / (double)next;
  const bool spread = designs->settings->schedule.spread != SPREAD_OFF;
  if (strcmp(key, "tc_count") == 0) {
    const double alone = spread ? (double)result->busy_cycles[CORE_TENSOR] / (double)max_u64(value, 1) : 0;
    return (double)result->delay_cycles[CORE_TENSOR] + share * alone;
  }
  if (strcmp(key, "vc_count") == 0) {
    const double alone = spread ? (double)result->busy_cycles[CORE_VECTOR] / (double)max_u64(value, 1) : 0;
    return (double)result->delay_cycles[CORE_VECTOR] + share * alone;
  }
  if (strcmp(key, "hbm_stacks") == 0) {
    const uint64_t over = result->hbm_cycles > result->list_cycles ? result->hbm_cycles - result->list_cycles : 0;
    return share * (double)sat_add(result->memory_excess_cycles, over);
  }
  /* A buffer saves traffic with the square root of its size at best (Hong and Kung 1981). */
  if (strcmp(key, "glb_mib") == 0) {
    const uint64_t over = result->hbm_cycles > result->list_cycles ? result->hbm_cycles - result->list_cycles : 0;
    return (1.0 - sqrt((double)value / (double)next)) * (double)sat_add(result->memory_excess_cycles, over);
  }
  return 0;
}

/* Over all workloads: what each may save of its own time, by its part in the objective. */
static double relief_of_all(const struct design_space *designs, const double *share, const char *key, uint64_t value,
                            uint64_t next) {
  if (designs->set == NULL && designs->system == NULL) {
    return relief_cycles(designs, &designs->results[0], key, value, next);
  }
  double relief = 0;
  for (size_t i = 0; i < designs->n_stages; i++) {
    const struct stage_result *result = &designs->results[i];
    if (!(share[i] > 0)) continue;
    relief += share[i] * relief_cycles(designs, result, key, value, next) / (double)result->cycles;
  }
  return relief;
}

/* Is every workload that has a part in the objective as short as its critical path? With spreading, more cores shorten
 * even a chain; only without it does that end growth. */
static bool is_saturated(const struct design_space *designs, const double *share) {
  if (designs->settings->schedule.spread != SPREAD_OFF) return false;
  for (size_t i = 0; i < designs->n_stages; i++) {
    const struct stage_result *result = &designs->results[i];
    const double limit = (1.0 + designs->settings->search.eps) * (double)result->critical_path_cycles;
    const bool at_limits = (double)result->cycles <= limit && result->hbm_cycles <= result->list_cycles;
    if (share[i] > 0 && !at_limits) return false;
  }
  return true;
}

void design_advise(const struct design_space *designs, const struct point *point, const struct accelerator *accelerator,
                   const struct stage_cost_of_design *design, struct score *score) {
  double *seconds = designs->seconds, *share = designs->shares; /* of a system they stand there already */
  if (designs->system == NULL) {
    for (size_t i = 0; i < designs->n_stages; i++) seconds[i] = designs->results[i].iteration_s;
    design_shares(designs, seconds, share);
  }
  score->n_moves = 0;
  for (size_t a = 0; a < designs->space.n_axes && score->n_moves < SCORE_MAX_MOVES; a++) {
    const struct axis *axis = &designs->axes[a];
    if (axis->role == AXIS_CHOICE || point->index[a] + 1u >= axis->n) continue;
    struct accelerator grown = *accelerator;
    const uint64_t value = axis->values[point->index[a]], next = axis->values[point->index[a] + 1u];
    *design_field(&grown, designs->field_offset[a]) = next;
    if (!rules_apply(&designs->rules, &grown, 0)) continue;
    struct stage_cost_of_design bigger;
    design_cost(designs, &grown, &bigger);
    const double added_mm2 = bigger.area.total - design->area.total;
    const double relief = relief_of_all(designs, share, axis->key, value, next);
    if (!(relief > 0)) continue;
    const struct move move = {relief / (added_mm2 > 1e-3 ? added_mm2 : 1e-3), (uint16_t)a, 1, 0};
    size_t place = score->n_moves++;
    for (; place > 0 && score->moves[place - 1].worth < move.worth; place--) {
      score->moves[place] = score->moves[place - 1];
    }
    score->moves[place] = move;
  }
  score->saturated = is_saturated(designs, share);
}

/* --- advice from the forward pass alone -----------------------------------------------------------------------------
 */

void design_forward_init(struct design_space *designs, struct arena *arena) {
  struct design_forward *forward = ARENA_NEW(arena, struct design_forward, 1);
  const size_t n = designs->n_stages;
  bool all = true;
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  forward->stages = ARENA_NEW(arena, struct stage, n);
  forward->scratches = ARENA_NEW(arena, struct stage_scratch *, n);
  for (size_t i = 0; i < n && all; i++) {
    all = stage_forward_init(&forward->stages[i], design_stage(designs, i), arena, &scratch);
  }
  for (size_t i = 0; i < n && all; i++) {
    forward->scratches[i] = stage_scratch_beside(arena, &forward->stages[i], design_scratch(designs, i));
  }
  arena_release(&scratch);
  if (!all) return;
  designs->forward = forward;
  designs->space.suggest = design_space_suggest;
}

void design_forward_release(struct design_space *designs) {
  if (designs->forward == NULL) return;
  for (size_t i = 0; i < designs->n_stages; i++) stage_scratch_release(designs->forward->scratches[i]);
}

uint64_t design_suggestions(const struct design_space *designs) {
  return designs->forward != NULL ? designs->forward->n_suggestions : 0;
}

void design_space_suggest(void *context, const struct point *point, struct score *score) {
  const struct design_space *designs = context;
  struct design_forward *forward = designs->forward;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  if (!design_at(designs, point, &accelerator)) return;
  design_cost(designs, &accelerator, &design);
  forward->n_suggestions++;
  for (size_t i = 0; i < designs->n_stages; i++) {
    struct stage_result *result = &designs->results[i];
    stage_evaluate(&forward->stages[i], &accelerator, &design, forward->scratches[i], result, NULL, NULL);
    if (result->cycles == 0 || result->cycles == UINT64_MAX) return;
  }
  score->reason = REASON_NONE;
  design_advise(designs, point, &accelerator, &design, score);
}

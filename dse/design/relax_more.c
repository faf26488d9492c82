/* Which limit that is no plain number of one device lets a design in, moved by how little? See relax.h.
 *
 * A design that its memory is too small for gets larger stacks, gibibyte by gibibyte. A condition can only be left out.
 * What all devices of a system draw or cost is their number times one's: strategies of few devices come first. Left
 * out: systems of unlike devices, which may keep a limit that copies of one design do not. */
#include "base/checked.h"
#include "dse/design/relax_private.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whole searches of strategies are dear. */
enum { MOST_SYSTEMS = 200, MOST_STACK_GIB = 1024 };

static enum reason evaluate(const struct looking *looking, const struct accelerator *accelerator) {
  struct stage_cost_of_design design;
  struct stage_result result;
  struct score score;
  design_evaluate(&looking->run->designs, accelerator, &design, &result, &score, NULL, NULL);
  return (enum reason)score.reason;
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

static uint64_t stack_gib(const struct looking *looking, uint64_t index, struct accelerator *accelerator) {
  const struct design_space *designs = &looking->run->designs;
  const struct point point = space_point(&designs->space, index);
  struct stage_cost_of_design design;
  if (!design_at(designs, &point, accelerator) || accelerator->hbm_stacks == 0) return UINT64_MAX;
  design_cost(designs, accelerator, &design);
  return ceil_div(ceil_div(design.memory_bytes, accelerator->hbm_stacks), UINT64_C(1) << 30);
}

void relax_memory(struct looking *looking) {
  const struct uint_rule *axis = &looking->run->settings.axes[RUN_AXIS_hbm_gib_per_stack];
  struct candidates *only = &looking->only[REASON_MEMORY];
  struct relaxation *single = &looking->relaxed->single[REASON_MEMORY];
  struct accelerator accelerator;
  if (axis->n == 0) return; /* a rule says it */
  const uint64_t from = axis->values[axis->n - 1];
  for (size_t i = 0; i < only->n; i++) {
    only->list[i].worth = (double)stack_gib(looking, only->list[i].index, &accelerator);
  }
  relax_sort(only);
  for (size_t i = 0; i < only->n && !single->exists; i++) {
    looking->relaxed->cut = looking->relaxed->cut || i == MOST_SCHEDULES;
    const uint64_t gib = stack_gib(looking, only->list[i].index, &accelerator);
    if (i == MOST_SCHEDULES || gib > MOST_STACK_GIB) return;
    accelerator.hbm_gib_per_stack = gib;
    if (gib <= from || evaluate(looking, &accelerator) != REASON_NONE) continue;
    *single = (struct relaxation){.exists = true, .from = (double)from, .to = (double)gib};
    single->share = (single->to - single->from) / single->from;
    single->point = space_point(&looking->run->designs.space, only->list[i].index);
    snprintf(single->key, sizeof single->key, "space.hbm_gib_per_stack");
    single->set = arena_printf(looking->run->invocation->arena, "%s=[%" PRIu64 "]", single->key, gib);
  }
}

/* --- conditions -----------------------------------------------------------------------------------------------------
 */

/* limits.constraints without one of them, as --set takes it. */
static const char *without(const struct run *run, size_t dropped) {
  const struct text_list *texts = &run->settings.limits.constraints;
  const char *list = "";
  for (size_t c = 0; c < texts->n; c++) {
    if (c == dropped) continue;
    list = arena_printf(run->invocation->arena, "%s%s\"%s\"", list, list[0] != '\0' ? ", " : "", texts->values[c]);
  }
  return arena_printf(run->invocation->arena, "limits.constraints=[%s]", list);
}

void relax_constraints(struct looking *looking) {
  struct run *run = looking->run;
  struct rules *rules = &run->designs.rules;
  const struct candidates *only = &looking->only[REASON_CONSTRAINT];
  struct relaxation *single = &looking->relaxed->single[REASON_CONSTRAINT];
  const struct expression **all = rules->constraints;
  const size_t n = rules->n_constraints;
  for (size_t dropped = 0; dropped < n && !single->exists; dropped++) {
    rules->constraints = ARENA_NEW(&looking->arena, const struct expression *, n);
    rules->n_constraints = 0;
    for (size_t c = 0; c < n; c++) {
      if (c != dropped) rules->constraints[rules->n_constraints++] = all[c];
    }
    for (size_t i = 0; i < only->n && !single->exists; i++) {
      struct score score;
      looking->relaxed->cut = looking->relaxed->cut || i == MOST_SCHEDULES;
      if (i == MOST_SCHEDULES) break;
      if (only->list[i].worth > 1 || relax_schedule(looking, only->list[i].index, &score) != REASON_NONE) continue;
      *single = (struct relaxation){.exists = true, .set = without(run, dropped), .share = (double)INFINITY};
      single->point = space_point(&run->designs.space, only->list[i].index);
      snprintf(single->key, sizeof single->key, "limits.constraints");
    }
    rules->constraints = all;
    rules->n_constraints = n;
  }
}

/* --- whole systems --------------------------------------------------------------------------------------------------
 */

/* What a system of this design at least draws or costs, and what one device does. */
static double least_of(const struct looking *looking, uint64_t index, enum reason reason, double *each) {
  const struct design_space *designs = &looking->run->designs;
  const struct system_search *system = designs->system;
  const struct point point = space_point(&designs->space, index);
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct money money;
  struct error ignored = {0};
  uint64_t least = UINT64_MAX;
  *each = (double)INFINITY;
  if (!design_at(designs, &point, &accelerator)) return (double)INFINITY;
  design_cost(designs, &accelerator, &design);
  if (reason == REASON_SYSTEM_POWER) *each = design.tdp.total;
  if (reason == REASON_SYSTEM_MONEY && design_money(designs, &accelerator, &design, &money, &ignored)) {
    *each = money.total_usd;
  }
  for (size_t i = 0; i < system->n_plans; i++) {
    if (!system_search_fits(system, system->plans[i], NULL, design.hbm_bytes)) continue;
    least = min_u64(least, system->plans[i]->n_devices);
  }
  return least < UINT64_MAX ? (double)least * *each : (double)INFINITY;
}

/* Every number of devices of every design, the least sum first. */
static void list_systems(struct looking *looking, enum reason reason, double limit, struct candidates *sums) {
  const struct system_search *system = looking->run->designs.system;
  for (size_t i = 0; i < looking->within.n; i++) {
    double each;
    const uint64_t index = looking->within.list[i].index;
    const double least = least_of(looking, index, reason, &each);
    if (!isfinite(least)) continue;
    if (least > limit) {
      double *nearest = &looking->relaxed->nearest[reason];
      looking->relaxed->n[reason]++;
      looking->relaxed->alone[reason]++;
      if (*nearest < 0 || least - limit < *nearest) *nearest = least - limit;
    }
    double last = 0;
    for (size_t p = 0; p < system->n_plans; p++) {
      const double sum = (double)system->plans[p]->n_devices * each;
      if (sum < least || sum <= limit || sum == last) continue;
      relax_push(looking, sums, sum, index);
      last = sum;
    }
  }
  relax_sort(sums);
}

void relax_system(struct looking *looking, enum reason reason) {
  struct run *run = looking->run;
  const bool power = reason == REASON_SYSTEM_POWER;
  double *limit = power ? &run->settings.system.power_w : &run->settings.system.money_usd;
  struct relaxation *single = &looking->relaxed->single[reason];
  struct candidates sums = {0};
  const double from = *limit;
  size_t n_tried = 0;
  list_systems(looking, reason, from, &sums);
  for (size_t i = 0; i < sums.n && !single->exists; i++) {
    const struct point point = space_point(&run->designs.space, sums.list[i].index);
    struct score score;
    if (i > 0 && sums.list[i].worth == sums.list[i - 1].worth && sums.list[i].index == sums.list[i - 1].index) continue;
    const double to = relax_moved(from, sums.list[i].worth - from, false);
    *limit = to;
    run->designs.space.screen(run->designs.space.context, &point, &score);
    const bool tried = score.reason == REASON_NONE;
    const bool fits = tried && relax_schedule(looking, sums.list[i].index, &score) == REASON_NONE;
    *limit = from;
    n_tried += tried;
    looking->relaxed->cut = looking->relaxed->cut || (n_tried == MOST_SYSTEMS && !fits);
    if (n_tried == MOST_SYSTEMS && !fits) return;
    if (!fits) continue;
    *single = (struct relaxation){.exists = true, .from = from, .to = to, .share = (to - from) / from, .point = point};
    snprintf(single->key, sizeof single->key, "%s", power ? "system.power_w" : "system.money_usd");
  }
}

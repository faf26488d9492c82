/* See joint_space.h. */
#include "dse/system/joint_space.h"

#include <stdlib.h>
#include <string.h>

/* --- what strategies differ in --------------------------------------------------------------------------------------
 */

/* In the order in which reports name them. */
enum degree {
  DEGREE_DEVICES,
  DEGREE_TENSOR,
  DEGREE_SEQUENCE,
  DEGREE_CONTEXT,
  DEGREE_EXPERT,
  DEGREE_PIPELINE,
  DEGREE_CHUNKS,
  DEGREE_SCHEDULE,
  DEGREE_MICROBATCH,
  DEGREE_RECOMPUTE,
  DEGREE_ZERO,
  N_DEGREES
};

static uint64_t degree_of(const struct system_plan *plan, enum degree degree) {
  const struct strategy *strategy = &plan->strategy;
  const struct split_degrees *degrees = &strategy->degrees;
  const uint64_t all[N_DEGREES] = {[DEGREE_DEVICES] = plan->n_devices,
                                   [DEGREE_TENSOR] = degrees->tensor,
                                   [DEGREE_SEQUENCE] = degrees->sequence,
                                   [DEGREE_CONTEXT] = degrees->context,
                                   [DEGREE_EXPERT] = degrees->expert,
                                   [DEGREE_PIPELINE] = degrees->pipeline,
                                   [DEGREE_CHUNKS] = strategy->n_chunks,
                                   [DEGREE_SCHEDULE] = strategy->schedule,
                                   [DEGREE_MICROBATCH] = strategy->microbatch,
                                   [DEGREE_RECOMPUTE] = strategy->recompute,
                                   [DEGREE_ZERO] = strategy->zero};
  return all[degree];
}

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Distinct values of one degree over all plans, ascending; labels are numbered by value. `all`: [n_plans] scratch. */
static struct axis axis_of(const struct system_search *search, enum degree degree, uint64_t *all, struct arena *arena) {
  static const char *const off_on[] = {"off", "on", NULL};
  static const struct axis named[N_DEGREES] = {[DEGREE_DEVICES] = {.key = "devices"},
                                               [DEGREE_TENSOR] = {.key = "tensor"},
                                               [DEGREE_SEQUENCE] = {.key = "sequence", .labels = off_on},
                                               [DEGREE_CONTEXT] = {.key = "context"},
                                               [DEGREE_EXPERT] = {.key = "expert"},
                                               [DEGREE_PIPELINE] = {.key = "pipeline"},
                                               [DEGREE_CHUNKS] = {.key = "chunks"},
                                               [DEGREE_SCHEDULE] = {.key = "schedule"},
                                               [DEGREE_MICROBATCH] = {.key = "microbatch", .unit = "samples"},
                                               [DEGREE_RECOMPUTE] = {.key = "recompute", .labels = recompute_names},
                                               [DEGREE_ZERO] = {.key = "zero"}};
  for (size_t p = 0; p < search->n_plans; p++) all[p] = degree_of(search->plans[p], degree);
  qsort(all, search->n_plans, sizeof *all, by_value);
  size_t n = 1;
  for (size_t p = 1; p < search->n_plans; p++) {
    if (all[p] != all[n - 1]) all[n++] = all[p];
  }
  uint64_t *values = ARENA_NEW(arena, uint64_t, n);
  memcpy(values, all, n * sizeof *values);
  struct axis axis = named[degree];
  if (axis.unit == NULL) axis.unit = "";
  if (degree == DEGREE_SCHEDULE) axis.labels = pipeline_schedule_names;
  axis.role = AXIS_CHOICE;
  axis.n = n;
  axis.values = values;
  return axis;
}

static uint16_t index_of(const struct axis *axis, uint64_t value) {
  const uint64_t *at = bsearch(&value, axis->values, axis->n, sizeof value, by_value);
  return (uint16_t)(at - axis->values);
}

/* The axes that tell strategies apart, and every plan as a point of these. False: no room for them. */
static bool lay_out_degrees(struct joint_space *joint, const struct system_search *search, struct arena *arena) {
  enum degree degrees[N_DEGREES];
  struct axis axes[N_DEGREES];
  uint64_t *all = ARENA_NEW(arena, uint64_t, search->n_plans);
  for (unsigned d = 0; d < N_DEGREES; d++) {
    axes[joint->n_ways] = axis_of(search, (enum degree)d, all, arena);
    if (axes[joint->n_ways].n == 1) continue;
    degrees[joint->n_ways++] = (enum degree)d;
  }
  if (joint->n_design_axes + joint->n_ways > POINT_MAX_AXES) return false;
  struct point_set *ways = point_set_new(arena);
  for (size_t p = 0; p < search->n_plans; p++) {
    struct point way = {{0}};
    for (size_t i = 0; i < joint->n_ways; i++) {
      way.index[i] = index_of(&axes[i], degree_of(search->plans[p], degrees[i]));
    }
    if (!point_set_add(ways, &way)) return false; /* two of the same degrees: these do not tell them apart */
  }
  if (joint->n_ways > 0) memcpy(joint->axes + joint->n_design_axes, axes, joint->n_ways * sizeof *axes);
  joint->ways = ways;
  return true;
}

/* All strategies as one axis. */
static bool lay_out_numbers(struct joint_space *joint, const struct system_search *search, struct arena *arena) {
  if (joint->n_design_axes + 1 > POINT_MAX_AXES || search->n_plans > UINT16_MAX) return false;
  uint64_t *values = ARENA_NEW(arena, uint64_t, search->n_plans);
  struct point_set *ways = point_set_new(arena);
  for (size_t p = 0; p < search->n_plans; p++) {
    const struct point way = {{(uint16_t)p}};
    values[p] = p + 1;
    point_set_add(ways, &way);
  }
  joint->axes[joint->n_design_axes] = (struct axis){"strategy", "", AXIS_CHOICE, search->n_plans, values, NULL};
  joint->n_ways = 1;
  joint->ways = ways;
  return true;
}

/* --- a design with one strategy -------------------------------------------------------------------------------------
 */

static void need(void *context, uint32_t unit) { ((bool *)context)[unit] = true; }

/* Makes the point's strategy the only one; false if its degrees are none. */
static bool take(struct joint_space *joint, const struct point *point, struct point *design) {
  struct point way = {{0}};
  *design = (struct point){{0}};
  memcpy(design->index, point->index, joint->n_design_axes * sizeof *design->index);
  memcpy(way.index, point->index + joint->n_design_axes, joint->n_ways * sizeof *way.index);
  const size_t number = point_set_number(joint->ways, &way);
  if (number == SIZE_MAX) return false;
  const struct system_plan *const plan = joint->plans[number];
  if (plan == joint->plan) return true;
  joint->plan = plan;
  joint->search.least_memory_bytes = system_plan_memory_bytes(plan);
  memset(joint->needed, 0, joint->search.system->n_units * sizeof *joint->needed);
  system_visit_units(plan, NULL, need, joint->needed);
  return true;
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  struct joint_space *joint = context;
  struct point design;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  if (!take(joint, point, &design)) return;
  const struct space *space = &joint->designs.space;
  space->evaluate(space->context, &design, score);
}

/* A screen takes the least that a device may cost; here its price counts, so that what is allowed can be evaluated. */
static bool is_dear(const struct joint_space *joint, const struct point *design) {
  const double most_usd = joint->search.settings->money_usd;
  struct accelerator accelerator;
  struct stage_cost_of_design cost;
  struct money money;
  struct error ignored;
  ignored.status = STATUS_OK;
  ignored.n_messages = ignored.length = 0;
  if (!(most_usd > 0)) return false;
  REQUIRE(design_at(&joint->designs, design, &accelerator));
  design_cost(&joint->designs, &accelerator, &cost);
  return !design_money(&joint->designs, &accelerator, &cost, &money, &ignored) ||
         !((double)joint->plan->n_devices * money.total_usd <= most_usd);
}

static void screen(void *context, const struct point *point, struct score *score) {
  struct joint_space *joint = context;
  struct point design;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  if (!take(joint, point, &design)) return;
  const struct space *space = &joint->designs.space;
  space->screen(space->context, &design, score);
  if (score->reason == REASON_NONE && is_dear(joint, &design)) score->reason = REASON_SYSTEM_MONEY;
}

bool joint_space_init(struct joint_space *joint, const struct design_space *designs, struct arena *arena) {
  const struct system_search *search = designs->system;
  const struct space *own = &designs->space;
  *joint = (struct joint_space){.designs = *designs,
                                .search = *search,
                                .plans = search->plans,
                                .n_design_axes = own->n_axes,
                                .needed = ARENA_NEW(arena, bool, search->system->n_units)};
  if (own->n_axes > 0) memcpy(joint->axes, own->axes, own->n_axes * sizeof *own->axes);
  if (!lay_out_degrees(joint, search, arena) && !lay_out_numbers(joint, search, arena)) return false;
  joint->search.plans = &joint->plan;
  joint->search.n_plans = 1;
  joint->search.won_last = 0;
  joint->designs.system = &joint->search;
  joint->designs.needed = joint->needed;
  joint->designs.space.context = &joint->designs;
  joint->space = (struct space){.n_axes = own->n_axes + joint->n_ways,
                                .n_objectives = own->n_objectives,
                                .axes = joint->axes,
                                .objectives = own->objectives,
                                .metric = own->metric,
                                .n_reasons = own->n_reasons,
                                .n_bindings = own->n_bindings,
                                .reasons = own->reasons,
                                .bindings = own->bindings,
                                .context = joint,
                                .evaluate = evaluate,
                                .screen = screen};
  return true;
}

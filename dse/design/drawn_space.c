/* See drawn_space.h. */
#include "dse/design/drawn_space.h"

#include <math.h>
#include <string.h>

/* --- without limits -------------------------------------------------------------------------------------------------
 */

/* Is the objective known before a schedule? */
static bool is_known(size_t objective) {
  return objective == OBJECTIVE_AREA || objective == OBJECTIVE_TDP || objective == OBJECTIVE_DIE_COST;
}

/* Sets aside the ranges of objectives that are known before a schedule, or of the others. */
static void lift_ranges(struct run_settings *settings, bool known) {
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    if (is_known(o) == known) settings->minimum.of[o] = settings->maximum.of[o] = 0;
  }
}

/* Constraints are set aside where the spaces are made: they are read by then. */
static void lift_limits(struct run_settings *settings) {
  settings->limits.area_mm2 = settings->limits.tdp_w = settings->limits.w_per_mm2 = INFINITY;
  settings->limits.memory = false;
  settings->technology.reticle_mm2 = INFINITY;
  lift_ranges(settings, true);
}

bool drawn_base_init(struct drawn_base *base, const struct run *run, struct error *error) {
  base->run = run;
  base->lifted = base->of_results = base->before = run->settings;
  lift_limits(&base->of_results);
  lift_limits(&base->lifted);
  lift_ranges(&base->lifted, false);
  lift_ranges(&base->before, false);
  base->allowed = base->box = run->designs;
  base->allowed.settings = &base->before;
  base->box.settings = &base->lifted;
  base->box.rules.n_constraints = 0;
  base->box.floor_throughput = base->allowed.floor_throughput = 0;
  base->box.space.context = &base->box;
  base->allowed.space.context = &base->allowed;
  return accelerator_from_catalogue(run->invocation->data_folder, run->settings.limits.reference,
                                    run->invocation->arena, &base->reference, error) &&
         accelerator_derive(&base->reference, error);
}

/* --- with other constants -------------------------------------------------------------------------------------------
 */

/* The designs of one node: a stage of its own for each workload. */
struct drawn_node {
  bool made;
  struct uncertain_stage *drawn; /* [n_stages] */
  struct workload_set set;
  struct design_space designs;
};

/* Speed-ups and the floor on throughput refer to the reference design, whose constants are drawn as well. */
static void judge_reference(const struct drawn_space *drawn, struct drawn_node *node) {
  const struct run *run = drawn->base->run;
  const struct accelerator *reference = &drawn->base->reference;
  const double share = drawn->limits == LIMITS_NONE ? 0 : run->settings.limits.throughput_floor;
  node->designs.floor_throughput = 0;
  if (node->designs.set == NULL && !(share > 0)) return;
  double throughput[RUN_MAX_WORKLOADS];
  struct uncertain_stage *own = ARENA_NEW(drawn->arena, struct uncertain_stage, 1);
  for (size_t i = 0; i < run->designs.n_stages; i++) {
    uncertain_stage_init(own, design_stage(&run->designs, i), reference->node_nm, drawn->factor);
    struct stage_cost_of_design design;
    struct stage_result result;
    stage_design(&own->stage, reference, &design);
    /* Without a cache: its prices would be of this node. */
    struct stage_scratch *scratch = stage_scratch_new(drawn->arena, &own->stage, false);
    stage_evaluate(&own->stage, reference, &design, scratch, &result, NULL, NULL);
    stage_scratch_release(scratch);
    throughput[i] = node->set.reference_throughput[i] = (double)own->stage.samples / result.iteration_s;
  }
  node->designs.reference_throughput =
      node->designs.set != NULL ? workload_set_value(&node->set, throughput) : throughput[0];
  node->designs.floor_throughput = share * node->designs.reference_throughput;
}

static void make_stages(const struct drawn_space *drawn, uint64_t node_nm, struct drawn_node *node) {
  const struct design_space *nominal = &drawn->base->run->designs;
  const size_t n = nominal->n_stages;
  const struct stage **stages = ARENA_NEW(drawn->arena, const struct stage *, n);
  struct stage_scratch **scratches = ARENA_NEW(drawn->arena, struct stage_scratch *, n);
  node->drawn = ARENA_NEW(drawn->arena, struct uncertain_stage, n);
  for (size_t i = 0; i < n; i++) {
    uncertain_stage_init(&node->drawn[i], design_stage(nominal, i), node_nm, drawn->factor);
    stages[i] = &node->drawn[i].stage;
    scratches[i] = i == 0 ? stage_scratch_new(drawn->arena, stages[i], drawn->cache)
                          : stage_scratch_beside(drawn->arena, stages[i], scratches[0]);
  }
  node->designs.stage = stages[0];
  node->designs.scratch = scratches[0];
  node->designs.stages = stages;
  node->designs.scratches = scratches;
  if (nominal->set == NULL) return;
  node->set = *nominal->set;
  node->designs.set = &node->set;
}

static struct drawn_node *node_of(struct drawn_space *drawn, const struct point *point) {
  const struct run *run = drawn->base->run;
  const size_t number = drawn->node_axis == SIZE_MAX ? 0 : point->index[drawn->node_axis];
  const uint64_t node_nm =
      drawn->node_axis == SIZE_MAX ? run->designs.fixed.node_nm : drawn->space.axes[drawn->node_axis].values[number];
  struct drawn_node *node = &drawn->nodes[number];
  if (node->made) return node;
  node->made = true;
  node->designs = run->designs;
  make_stages(drawn, node_nm, node);
  if (drawn->limits == LIMITS_NOMINAL) node->designs.settings = &drawn->base->of_results;
  if (drawn->limits == LIMITS_NONE) node->designs.settings = &drawn->base->lifted;
  if (drawn->limits != LIMITS_DRAWN) node->designs.rules.n_constraints = 0;
  judge_reference(drawn, node);
  node->designs.space.context = &node->designs;
  return node;
}

/* Do the nominal limits exclude it, where they are those that count? */
static bool is_excluded(const struct drawn_space *drawn, const struct point *point, struct score *score) {
  if (drawn->limits != LIMITS_NOMINAL) return false;
  const struct space *allowed = &drawn->base->allowed.space;
  struct score screened;
  allowed->screen(allowed->context, point, &screened);
  if (screened.reason == SCORE_FEASIBLE) return false;
  *score = (struct score){.reason = screened.reason, .excess = screened.excess};
  return true;
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  struct drawn_space *drawn = context;
  if (is_excluded(drawn, point, score)) return;
  const struct space *space = &node_of(drawn, point)->designs.space;
  space->evaluate(space->context, point, score);
}

static void screen(void *context, const struct point *point, struct score *score) {
  struct drawn_space *drawn = context;
  if (is_excluded(drawn, point, score)) return;
  const struct space *space = &node_of(drawn, point)->designs.space;
  space->screen(space->context, point, score);
}

static void refine(void *context, const struct point *point, struct score *score) {
  struct drawn_space *drawn = context;
  if (is_excluded(drawn, point, score)) return;
  const struct space *space = &node_of(drawn, point)->designs.space;
  space->refine(space->context, point, score);
}

static double guess(void *context, const struct point *point, bool closely, struct score *score) {
  struct drawn_space *drawn = context;
  if (is_excluded(drawn, point, score)) return 0;
  const struct space *space = &node_of(drawn, point)->designs.space;
  return space->guess(space->context, point, closely, score);
}

/* As dse/design/design_box.c does, of one node at a time; nothing is known of a box of several. */
static void bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded, struct score *score) {
  struct drawn_space *drawn = context;
  const struct space *allowed = &drawn->base->allowed.space;
  if (drawn->node_axis != SIZE_MAX && low->index[drawn->node_axis] != high->index[drawn->node_axis]) {
    *score = (struct score){.reason = SCORE_FEASIBLE};
    for (size_t o = 0; o < allowed->n_objectives; o++) {
      score->objective[o] = allowed->objectives[o].maximise ? INFINITY : 0;
    }
    score->bound = score->objective[allowed->metric];
    return;
  }
  if (drawn->limits == LIMITS_NOMINAL) {
    allowed->bound_box(allowed->context, low, high, excluded, score);
    if (score->reason != SCORE_FEASIBLE) return;
  }
  const struct space *space = &node_of(drawn, low)->designs.space;
  space->bound_box(space->context, low, high, excluded, score);
}

void drawn_space_init(struct drawn_space *drawn, const struct drawn_base *base, enum drawn_limits limits,
                      const double *factor, bool cache, struct arena *arena) {
  const struct space *nominal = &base->run->designs.space;
  /* The nominal space's plain data; of its functions, those that know drawn constants. */
  *drawn = (struct drawn_space){.space = {.n_axes = nominal->n_axes,
                                          .n_objectives = nominal->n_objectives,
                                          .n_front_objectives = nominal->n_front_objectives,
                                          .front_objectives = nominal->front_objectives,
                                          .axes = nominal->axes,
                                          .objectives = nominal->objectives,
                                          .metric = nominal->metric,
                                          .n_reasons = nominal->n_reasons,
                                          .n_bindings = nominal->n_bindings,
                                          .reasons = nominal->reasons,
                                          .bindings = nominal->bindings,
                                          .context = drawn,
                                          .evaluate = evaluate,
                                          .screen = screen,
                                          .refine = refine,
                                          .guess = nominal->guess != NULL ? guess : NULL,
                                          .bound_box = bound_box},
                                .base = base,
                                .limits = limits,
                                .factor = factor,
                                .cache = cache,
                                .arena = arena,
                                .node_axis = SIZE_MAX,
                                .n_nodes = 1};
  for (size_t a = 0; a < nominal->n_axes; a++) {
    if (strcmp(nominal->axes[a].key, "node_nm") != 0) continue;
    drawn->node_axis = a;
    drawn->n_nodes = nominal->axes[a].n;
  }
  drawn->nodes = ARENA_NEW(arena, struct drawn_node, drawn->n_nodes);
}

void drawn_space_release(struct drawn_space *drawn) {
  for (size_t i = 0; i < drawn->n_nodes; i++) {
    if (drawn->nodes[i].made) design_space_release(&drawn->nodes[i].designs);
  }
}

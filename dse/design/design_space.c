/* From a run file to axes, from points to designs. See design_space.h; design_score.c judges them, design_advice.c says
 * where to go from there. */
#include "dse/design/design_private.h"

#include "base/text.h"
#include <string.h>

static const struct objective objectives[N_OBJECTIVES] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) [OBJECTIVE_##name] = {key, unit, doc, maximise},
#include "dse/design/objectives.def"
#undef OBJECTIVE
};

static const struct reason_name plain_reasons[N_REASONS] = {
    [REASON_NONE] = {"feasible", ""},
    [REASON_IMPOSSIBLE] = {"impossible", ""},
    [REASON_AREA] = {"limits.area_mm2", "mm2"},
    [REASON_RETICLE] = {"technology.reticle_mm2", "mm2"},
    [REASON_TDP] = {"limits.tdp_w", "W"},
    [REASON_POWER_DENSITY] = {"limits.w_per_mm2", "W/mm2"},
    [REASON_MEMORY] = {"limits.memory", "bytes"},
    [REASON_CONSTRAINT] = {"limits.constraints", "broken"},
    [REASON_SYSTEM_POWER] = {"system.power_w", "W"},
    [REASON_SYSTEM_MONEY] = {"system.money_usd", "USD"},
    [REASON_THROUGHPUT_FLOOR] = {"limits.throughput_floor", "1/s"},
    [REASON_TOO_LONG] = {"too_long", ""},
    [REASON_INVALID] = {"invalid", ""},
};

/* The first objective of several workloads, by run_objective. */
static const struct objective of_set[] = {
    {"geomean_speedup", "", "geometric mean of the workloads' speed-ups over limits.reference", true},
    {"mean_throughput_samples_per_s", "1/s", "mean over the workloads of training samples a second", true},
    {"worst_speedup", "", "least of the workloads' speed-ups over limits.reference", true},
};

uint64_t *design_field(struct accelerator *accelerator, size_t offset) {
  return (uint64_t *)(void *)((char *)accelerator + offset);
}

bool design_at(const struct design_space *designs, const struct point *point, struct accelerator *accelerator) {
  *accelerator = designs->fixed;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    *design_field(accelerator, designs->field_offset[a]) = space_value(&designs->space, point, a);
  }
  if (!rules_apply(&designs->rules, accelerator, 0)) return false;
  struct error ignored;
  ignored.status = STATUS_OK;
  ignored.n_messages = ignored.length = 0;
  return accelerator_derive(accelerator, &ignored);
}

/* --- laying out the space -------------------------------------------------------------------------------------------
 */

static void complain(void *context, const char *key, const char *text) {
  error_add(context, STATUS_INPUT, "%s: %s", key, text);
}

/* The front, and what only some runs ask for. */
static bool take_wishes(struct design_space *designs, struct arena *arena, struct error *error) {
  const struct run_settings *settings = designs->settings;
  struct space *space = &designs->space;
  memcpy(designs->reasons, plain_reasons, sizeof plain_reasons);
  design_name_ranges(designs, designs->reasons, arena);
  space->reasons = designs->reasons;
  space->n_front_objectives = settings->search.front.n;
  space->front_objectives = designs->front_objectives;
  for (size_t i = 0; i < settings->search.front.n && i < N_OBJECTIVES; i++) {
    designs->front_objectives[i] = (size_t)settings->search.front.values[i];
  }
  designs->asks_die_cost = run_asks_die_cost(settings);
  if (!rules_read(settings, arena, &designs->rules, complain, error)) return false;
  rules_apply(&designs->rules, &designs->fixed, 0); /* a first design that its rules forbid stays as it is */
  return true;
}

/* What the workloads are: one stage each, a scratch each. */
static void take_stages(struct design_space *designs, const struct stage *const *stages, size_t n,
                        struct arena *arena) {
  struct stage_scratch **scratches = ARENA_NEW(arena, struct stage_scratch *, n);
  scratches[0] = stage_scratch_new(arena, stages[0], true);
  for (size_t i = 1; i < n; i++) scratches[i] = stage_scratch_beside(arena, stages[i], scratches[0]);
  designs->stage = stages[0];
  designs->scratch = scratches[0];
  designs->n_stages = n;
  designs->stages = stages;
  designs->scratches = scratches;
}

/* The same of the units of a system, which has its scratches already. */
static void take_units(struct design_space *designs, struct system_search *search, struct arena *arena) {
  const struct system *system = search->system;
  const struct stage **stages = ARENA_NEW(arena, const struct stage *, system->n_units);
  struct stage_scratch **scratches = ARENA_NEW(arena, struct stage_scratch *, system->n_units);
  for (size_t u = 0; u < system->n_units; u++) {
    stages[u] = &system->units[u]->stage;
    scratches[u] = system->units[u]->scratch;
  }
  designs->system = search;
  designs->stage = stages[0];
  designs->scratch = scratches[0];
  designs->n_stages = system->n_units;
  designs->stages = stages;
  designs->scratches = scratches;
}

/* Objectives of several workloads say what they are means of; limits keep the names of their keys. */
static void take_set(struct design_space *designs, struct arena *arena) {
  const struct run_settings *settings = designs->settings;
  designs->set = ARENA_NEW(arena, struct workload_set, 1);
  workload_set_init(designs->set, settings);
  const struct objective *first = &of_set[settings->search.objective];
  struct objective *own = ARENA_NEW(arena, struct objective, N_OBJECTIVES);
  memcpy(own, objectives, sizeof objectives);
  own[OBJECTIVE_THROUGHPUT] = *first;
  own[OBJECTIVE_ENERGY].doc = "energy of one iteration, mean over the workloads";
  own[OBJECTIVE_THROUGHPUT_PER_TDP] =
      (struct objective){arena_printf(arena, "%s_per_tdp", first->name), first->unit[0] != 0 ? "1/(s W)" : "1/W",
                         arena_printf(arena, "%s over TDP", first->name), true};
  own[OBJECTIVE_EDP].doc = "mean energy of an iteration times its mean duration over the workloads";
  designs->reasons[REASON_THROUGHPUT_FLOOR].unit = first->unit;
  designs->reasons[REASON_RANGE + OBJECTIVE_THROUGHPUT].unit = first->unit;
  designs->reasons[REASON_RANGE + OBJECTIVE_THROUGHPUT_PER_TDP].unit = own[OBJECTIVE_THROUGHPUT_PER_TDP].unit;
  designs->space.objectives = own;
}

bool design_space_init(struct design_space *designs, const struct run_settings *settings,
                       const struct stage *const *stages, size_t n_stages, struct system_search *system,
                       struct arena *arena, struct error *error) {
  static const enum axis_role roles[N_RUN_AXES] = {
#define AXIS(key, role, values) role,
#include "dse/design/axes.def"
#undef AXIS
  };
  memset(designs, 0, sizeof *designs);
  designs->settings = settings;
  if (system != NULL) {
    take_units(designs, system, arena);
  } else {
    take_stages(designs, stages, n_stages, arena);
  }
  designs->results = ARENA_NEW(arena, struct stage_result, designs->n_stages);
  designs->floors = ARENA_NEW(arena, struct stage_floor, designs->n_stages);
  designs->shares = ARENA_NEW(arena, double, designs->n_stages);
  designs->seconds = ARENA_NEW(arena, double, designs->n_stages);
  designs->path_cycles = ARENA_NEW(arena, uint64_t, designs->n_stages);
  config_defaults(&accelerator_fields, arena, &designs->fixed);
  const struct field_table *table = run_space_fields(arena);
  size_t n_axes = 0;
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const struct uint_rule *list = &settings->axes[a];
    if (list->rule != NULL) continue;
    const struct field *own = config_find_field(&accelerator_fields, table->fields[a].key);
    *design_field(&designs->fixed, own->offset) = list->values[0];
    if (list->n == 1) continue;
    if (n_axes == POINT_MAX_AXES) {
      return error_add(error, STATUS_INPUT, "space: more than %d axes with several values", POINT_MAX_AXES);
    }
    designs->field_offset[n_axes] = own->offset;
    designs->axes[n_axes++] = (struct axis){own->key, own->unit, roles[a], list->n, list->values, own->choices};
  }
  struct reason_name *bindings = ARENA_NEW(arena, struct reason_name, N_BINDINGS);
  for (size_t b = 0; b < N_BINDINGS; b++) bindings[b] = (struct reason_name){stage_binding_names[b], ""};
  designs->space = (struct space){.n_axes = n_axes,
                                  .n_objectives = N_OBJECTIVES,
                                  .axes = designs->axes,
                                  .objectives = objectives,
                                  .metric = settings->search.metric,
                                  .n_reasons = N_REASONS,
                                  .n_bindings = N_BINDINGS,
                                  .bindings = bindings,
                                  .context = designs,
                                  .evaluate = design_space_evaluate,
                                  .screen = design_space_screen,
                                  .refine = design_space_refine,
                                  .guess = settings->search.score == SCORE_SCHEDULE ? design_space_guess : NULL,
                                  .excesses = design_space_excesses,
                                  .bound_box = design_space_bound_box};
  if (!take_wishes(designs, arena, error)) return false;
  if (settings->n_workloads > 0) take_set(designs, arena);
  designs->n_refinements = ARENA_NEW(arena, uint64_t, 1);
  design_box_init(designs, arena);
  if (system == NULL) design_forward_init(designs, arena);
  design_features_init(designs, arena);
  return true;
}

void design_space_release(struct design_space *designs) {
  if (designs->system != NULL) {
    system_release(designs->system->system);
  } else {
    for (size_t i = 0; i < designs->n_stages; i++) stage_scratch_release(design_scratch(designs, i));
  }
  design_forward_release(designs);
}

/* --- names ----------------------------------------------------------------------------------------------------------
 */

const char *design_text(const struct design_space *designs, const struct point *point, struct arena *arena) {
  const char *text = "";
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    const struct axis *axis = &designs->axes[a];
    const uint64_t value = axis->values[point->index[a]];
    const char *word =
        axis->labels != NULL ? axis->labels[value] : arena_printf(arena, "%llu", (unsigned long long)value);
    text = arena_printf(arena, "%s%s%s=%s", text, a > 0 ? "," : "", axis->key, word);
  }
  return text;
}

void design_name(const struct accelerator *accelerator, char name[17]) {
  struct digest_stream stream;
  digest_begin(&stream);
  for (size_t f = 0; f < accelerator_fields.n_fields; f++) {
    const struct field *field = &accelerator_fields.fields[f];
    const void *value = (const char *)accelerator + field->offset;
    if (!config_counts(field, accelerator)) continue;
    digest_add_text(&stream, field->key);
    if (field->type == FIELD_REAL) digest_add_double(&stream, *(const double *)value);
    if (field->type == FIELD_UINT || field->type == FIELD_CHOICE) digest_add_u64(&stream, *(const uint64_t *)value);
  }
  const struct digest digest = digest_end(&stream);
  char hex[DIGEST_HEX_BYTES];
  digest_print(digest, hex);
  memcpy(name, hex, 16);
  name[16] = 0;
}

bool design_parse(const struct design_space *designs, const char *text, struct accelerator *accelerator,
                  struct arena *arena, struct error *error) {
  *accelerator = designs->fixed;
  uint64_t given = 0;
  char *copy = arena_copy_text(arena, text), *rest = copy;
  for (char *item; (item = strsep(&rest, ",")) != NULL;) {
    char *equals = strchr(item, '=');
    if (equals == NULL) {
      error_add(error, STATUS_INPUT, "--design: %s: no '=', write key=value,key=value", item);
      continue;
    }
    *equals = 0;
    const struct field *field = config_find_field(&accelerator_fields, item);
    if (field == NULL) {
      const char **keys = ARENA_NEW(arena, const char *, accelerator_fields.n_fields);
      for (size_t f = 0; f < accelerator_fields.n_fields; f++) keys[f] = accelerator_fields.fields[f].key;
      const char *nearest = text_nearest(item, keys, accelerator_fields.n_fields);
      error_add(error, STATUS_INPUT, "--design: %s: unknown key%s%s%s", item, nearest ? "; did you mean " : "",
                nearest ? nearest : "", nearest ? "?" : "");
      continue;
    }
    config_set_field(field, accelerator, equals + 1, "--design", arena, error);
    given |= UINT64_C(1) << (field - accelerator_fields.fields);
  }
  if (!error_is_set(error) && !rules_apply(&designs->rules, accelerator, given)) {
    error_add(error, STATUS_INPUT, "--design: a rule of the run file has no allowed value for this design");
  }
  return !error_is_set(error) && accelerator_derive(accelerator, error);
}

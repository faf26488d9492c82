/* From points to designs to scores. See design_space.h. */
#include "dse/design_space.h"

#include "base/checked.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

static const struct objective objectives[N_OBJECTIVES] = {
    [OBJECTIVE_THROUGHPUT] = {"throughput_samples_per_s", "1/s", "training samples a second", true},
    [OBJECTIVE_ENERGY] = {"energy_j", "J", "energy of one iteration", false},
    [OBJECTIVE_AREA] = {"area_mm2", "mm2", "die area", false},
    [OBJECTIVE_TDP] = {"tdp_w", "W", "thermal design power", false},
    [OBJECTIVE_THROUGHPUT_PER_TDP] = {"throughput_per_tdp", "1/(s W)", "training samples a second and watt of TDP",
                                      true},
    [OBJECTIVE_EDP] = {"edp_js", "J s", "energy of an iteration times its duration", false},
};

static const struct reason_name reasons[N_REASONS] = {
    [REASON_NONE] = {"feasible", ""},
    [REASON_IMPOSSIBLE] = {"impossible", ""},
    [REASON_AREA] = {"limits.area_mm2", "mm2"},
    [REASON_RETICLE] = {"technology.reticle_mm2", "mm2"},
    [REASON_TDP] = {"limits.tdp_w", "W"},
    [REASON_POWER_DENSITY] = {"limits.w_per_mm2", "W/mm2"},
    [REASON_MEMORY] = {"limits.memory", "bytes"},
    [REASON_THROUGHPUT_FLOOR] = {"limits.throughput_floor", "1/s"},
    [REASON_TOO_LONG] = {"too_long", ""},
    [REASON_INVALID] = {"invalid", ""},
};

static uint64_t *design_field(struct accelerator *accelerator, size_t offset) {
  return (uint64_t *)(void *)((char *)accelerator + offset);
}

bool design_at(const struct design_space *designs, const struct point *point, struct accelerator *accelerator) {
  *accelerator = designs->fixed;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    *design_field(accelerator, designs->field_offset[a]) = space_value(&designs->space, point, a);
  }
  struct error ignored;
  ignored.status = STATUS_OK;
  ignored.n_messages = ignored.length = 0;
  return accelerator_derive(accelerator, &ignored);
}

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

double design_excess(const struct design_space *designs, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design, enum reason reason) {
  const struct run_limits *limits = &designs->settings->limits;
  const bool has_tdp = designs->stage->provider->has_tdp;
  double excess = 0;
  switch (reason) {
  case REASON_AREA:
    excess = design->area.total - limits->area_mm2;
    break;
  case REASON_RETICLE:
    if (has_tdp) {
      excess = design->area.total - designs->settings->technology.reticle_mm2 * (double)max_u64(accelerator->dies, 1);
    }
    break;
  case REASON_TDP:
    if (has_tdp) excess = design->tdp.total - limits->tdp_w;
    break;
  case REASON_POWER_DENSITY:
    if (has_tdp) excess = design->tdp.total / design->area.total - limits->w_per_mm2;
    break;
  case REASON_MEMORY:
    if (limits->memory && design->memory_bytes > design->hbm_bytes) {
      excess = (double)(design->memory_bytes - design->hbm_bytes);
    }
    break;
  default:
    break;
  }
  return excess > 0 ? excess : 0;
}

/* Everything known before a schedule. Returns false, with reason and excess, if a limit excludes the design. */
static bool within_limits(const struct design_space *designs, const struct accelerator *accelerator,
                          struct stage_cost_of_design *design, struct score *score) {
  stage_design(designs->stage, accelerator, design);
  for (enum reason reason = REASON_AREA; reason <= REASON_MEMORY; reason++) {
    score->excess = design_excess(designs, accelerator, design, reason);
    score->reason = (uint16_t)reason;
    if (score->excess > 0) return false;
  }
  score->reason = REASON_NONE;
  return true;
}

/* --- objectives -----------------------------------------------------------------------------------------------------
 */

static void fill_objectives(const struct design_space *designs, const struct stage_cost_of_design *design,
                            double seconds, double energy_j, double *objective) {
  const double throughput = (double)designs->stage->samples / seconds;
  objective[OBJECTIVE_THROUGHPUT] = throughput;
  objective[OBJECTIVE_ENERGY] = energy_j;
  objective[OBJECTIVE_AREA] = design->area.total;
  objective[OBJECTIVE_TDP] = design->tdp.total;
  objective[OBJECTIVE_THROUGHPUT_PER_TDP] = design->tdp.total > 0 ? throughput / design->tdp.total : 0;
  objective[OBJECTIVE_EDP] = energy_j * seconds;
}

/* The best that each objective can be at a design, from the floor on time and energy. */
static void fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                        const struct stage_cost_of_design *design, uint64_t cycles, double energy_j,
                        double *objective) {
  const double seconds = (double)max_u64(cycles, 1) / ((double)accelerator->clock_mhz * 1e6);
  fill_objectives(designs, design, seconds, energy_j, objective);
}

/* --- advice ---------------------------------------------------------------------------------------------------------
 */

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
  return 0;
}

static void advise(const struct design_space *designs, const struct point *point, const struct accelerator *accelerator,
                   const struct stage_cost_of_design *design, const struct stage_result *result, struct score *score) {
  score->n_moves = 0;
  for (size_t a = 0; a < designs->space.n_axes && score->n_moves < SCORE_MAX_MOVES; a++) {
    const struct axis *axis = &designs->axes[a];
    if (axis->role != AXIS_GROW || point->index[a] + 1u >= axis->n) continue;
    struct accelerator grown = *accelerator;
    const uint64_t value = axis->values[point->index[a]], next = axis->values[point->index[a] + 1u];
    *design_field(&grown, designs->field_offset[a]) = next;
    struct stage_cost_of_design bigger;
    stage_design(designs->stage, &grown, &bigger);
    const double added_mm2 = bigger.area.total - design->area.total;
    const double relief = relief_cycles(designs, result, axis->key, value, next);
    if (!(relief > 0)) continue;
    const struct move move = {relief / (added_mm2 > 1e-3 ? added_mm2 : 1e-3), (uint16_t)a, 1, 0};
    size_t place = score->n_moves++;
    for (; place > 0 && score->moves[place - 1].worth < move.worth; place--) {
      score->moves[place] = score->moves[place - 1];
    }
    score->moves[place] = move;
  }
  /* With spreading, more cores shorten even a chain; only without it does a schedule at its critical path end growth.
   */
  const double limit = (1.0 + designs->settings->search.eps) * (double)result->critical_path_cycles;
  const bool at_limits = (double)result->cycles <= limit && result->hbm_cycles <= result->list_cycles;
  score->saturated = at_limits && designs->settings->schedule.spread == SPREAD_OFF;
}

/* --- evaluation -----------------------------------------------------------------------------------------------------
 */

void design_evaluate(const struct design_space *designs, const struct accelerator *accelerator,
                     struct stage_cost_of_design *design, struct stage_result *result, struct score *score,
                     struct stage_detail *detail, struct arena *arena) {
  memset(score, 0, sizeof *score);
  memset(result, 0, sizeof *result);
  if (!within_limits(designs, accelerator, design, score) && detail == NULL) return;
  stage_evaluate(designs->stage, accelerator, design, designs->scratch, result, detail, arena);
  score->binding = (uint16_t)result->binding;
  if (score->reason != REASON_NONE) return;
  if (result->cycles == 0 || result->cycles == UINT64_MAX) {
    score->reason = REASON_TOO_LONG;
    return;
  }
  fill_objectives(designs, design, result->iteration_s, result->energy_j, score->objective);
  double bounds[N_OBJECTIVES];
  struct stage_floor floor;
  stage_bound(designs->stage, accelerator, design, designs->scratch, &floor);
  fill_bounds(designs, accelerator, design, max_u64(result->bound_cycles, floor.cycles), floor.energy_j, bounds);
  score->bound = bounds[designs->space.metric];
  if (score->objective[OBJECTIVE_THROUGHPUT] < designs->floor_throughput) {
    score->reason = REASON_THROUGHPUT_FLOOR;
    score->excess = designs->floor_throughput - score->objective[OBJECTIVE_THROUGHPUT];
  }
}

static void excesses(void *context, const struct point *point, const struct score *screened, double *excess) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  if (screened->reason < REASON_AREA || screened->reason > REASON_MEMORY) return;
  if (!design_at(designs, point, &accelerator)) return;
  stage_design(designs->stage, &accelerator, &design);
  for (enum reason reason = REASON_AREA; reason <= REASON_MEMORY; reason++) {
    excess[reason] = design_excess(designs, &accelerator, &design, reason);
  }
}

static void screen(void *context, const struct point *point, struct score *score) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  struct stage_cost_of_design design;
  if (!design_at(designs, point, &accelerator) || !within_limits(designs, &accelerator, &design, score)) return;
  struct stage_floor floor;
  stage_bound(designs->stage, &accelerator, &design, designs->scratch, &floor);
  if (floor.cycles == UINT64_MAX) {
    score->reason = REASON_TOO_LONG;
    return;
  }
  score->binding = (uint16_t)floor.binding;
  fill_bounds(designs, &accelerator, &design, floor.cycles, floor.energy_j, score->objective);
  score->bound = score->objective[designs->space.metric];
  if (score->objective[OBJECTIVE_THROUGHPUT] < designs->floor_throughput) {
    score->reason = REASON_THROUGHPUT_FLOOR;
    score->excess = designs->floor_throughput - score->objective[OBJECTIVE_THROUGHPUT];
  }
}

/* What an infeasible score leaves behind: the reason and its excess alone, so that records stay comparable. */
static void strip(struct score *score) {
  const struct score kept = {.reason = score->reason, .excess = score->excess};
  *score = kept;
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  if (!design_at(designs, point, &accelerator)) {
    *score = (struct score){.reason = REASON_IMPOSSIBLE};
    return;
  }
  if (designs->settings->search.score == SCORE_BOUND) {
    screen(context, point, score);
    if (score->reason != REASON_NONE) strip(score);
    return;
  }
  struct stage_cost_of_design design;
  struct stage_result result;
  design_evaluate(designs, &accelerator, &design, &result, score, NULL, NULL);
  if (score->reason == REASON_NONE) advise(designs, point, &accelerator, &design, &result, score);
  const char *what;
  if (!space_check_score(&designs->space, score, &what)) *score = (struct score){.reason = REASON_INVALID};
  if (score->reason != REASON_NONE) strip(score);
}

/* --- laying out the space -------------------------------------------------------------------------------------------
 */

bool design_space_init(struct design_space *designs, const struct run_settings *settings, const struct stage *stage,
                       struct arena *arena, struct error *error) {
  static const enum axis_role roles[N_RUN_AXES] = {
#define AXIS(key, role, values) role,
#include "dse/axes.def"
#undef AXIS
  };
  memset(designs, 0, sizeof *designs);
  designs->settings = settings;
  designs->stage = stage;
  designs->scratch = stage_scratch_new(arena, stage, true);
  config_defaults(&accelerator_fields, arena, &designs->fixed);
  const struct field_table *table = run_space_fields(arena);
  size_t n_axes = 0;
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const struct uint_list *list = &settings->axes[a];
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
                                  .n_front_objectives = N_FRONT_OBJECTIVES,
                                  .axes = designs->axes,
                                  .objectives = objectives,
                                  .metric = settings->search.metric,
                                  .n_reasons = N_REASONS,
                                  .reasons = reasons,
                                  .n_bindings = N_BINDINGS,
                                  .bindings = bindings,
                                  .context = designs,
                                  .evaluate = evaluate,
                                  .screen = screen,
                                  .excesses = excesses};
  return true;
}

void design_space_release(struct design_space *designs) { stage_scratch_release(designs->scratch); }

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

bool design_parse(const char *text, struct accelerator *accelerator, struct arena *arena, struct error *error) {
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
  }
  return !error_is_set(error) && accelerator_derive(accelerator, error);
}

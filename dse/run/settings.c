/* Tables of the run file's own groups, and how a run file is read. See settings.h. */
#include "dse/run/settings.h"

#include "base/checked.h"
#include "dse/design/rules.h"
#include "dse/map/map_maker.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const run_metric_names[] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) word,
#include "dse/design/objectives.def"
#undef OBJECTIVE
    NULL};
const char *const run_objective_words[N_OBJECTIVES] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) shown,
#include "dse/design/objectives.def"
#undef OBJECTIVE
};

const char *const run_objective_names[] = {"geomean", "mean", "worst", NULL};

static const char *const score_names[] = {"schedule", "bound", NULL};

/* Raised whenever the same settings may give other answers than an earlier release did. */
enum { ANSWER_VERSION = 7 };

#define TOP(member) offsetof(struct run_top, member)
static const struct field top_field_list[] = {
    {"workload", FIELD_TEXT, "", 0, 0, NULL, "model name, or a path to a model file (.cfg) or graph (.json, .onnx)",
     TOP(workload), ROLE_ANSWER, NULL},
    {"batch", FIELD_UINT, "samples", 1, 1e6, "1", "samples that one iteration trains on", TOP(batch), ROLE_ANSWER,
     NULL},
    {"model", FIELD_TEXT_LIST, "", 0, 0, "[]", "overrides of the model file's keys, as \"sequence=128\"", TOP(model),
     ROLE_ANSWER, NULL},
};
static const struct field_table top_fields = {"run", "what is trained", top_field_list,
                                              sizeof top_field_list / sizeof *top_field_list};

#define WORKLOAD(member) offsetof(struct run_workload, member)
static const struct field workload_field_list[] = {
    {"workload", FIELD_TEXT, "", 0, 0, NULL, "model name, or a path to a model file (.cfg) or graph (.json, .onnx)",
     WORKLOAD(top.workload), ROLE_ANSWER, NULL},
    {"batch", FIELD_UINT, "samples", 1, 1e6, "1", "samples that one iteration trains on", WORKLOAD(top.batch),
     ROLE_ANSWER, NULL},
    {"model", FIELD_TEXT_LIST, "", 0, 0, "[]", "overrides of the model file's keys, as \"sequence=128\"",
     WORKLOAD(top.model), ROLE_ANSWER, NULL},
    {"weight", FIELD_REAL, "", 1e-6, 1e6, "1.0", "its part in search.objective, over the sum of all weights",
     WORKLOAD(weight), ROLE_ANSWER, NULL},
};
const struct field_table run_workload_fields = {"workloads", "one of several workloads that a design must serve",
                                                workload_field_list,
                                                sizeof workload_field_list / sizeof *workload_field_list};

#define LIMIT(member) offsetof(struct run_limits, member)
static const struct field limit_field_list[] = {
    {"area_mm2", FIELD_REAL, "mm2", 0.001, 1e6, "600.0", "largest die area", LIMIT(area_mm2), ROLE_ANSWER, NULL},
    {"tdp_w", FIELD_REAL, "w", 0.001, 1e6, "300.0", "largest thermal design power", LIMIT(tdp_w), ROLE_ANSWER, NULL},
    {"w_per_mm2", FIELD_REAL, "w/mm2", 0.001, 100, "1.1", "largest power density (air and cold-plate cooling)",
     LIMIT(w_per_mm2), ROLE_ANSWER, NULL},
    {"memory", FIELD_BOOL, "", 0, 0, "true",
     "parameters, gradients, optimizer state and what is kept for the backward pass must fit the HBM", LIMIT(memory),
     ROLE_ANSWER, NULL},
    {"throughput_floor", FIELD_REAL, "", 0, 1000, "0.0",
     "least throughput, as a fraction of the reference design's; 0: none", LIMIT(throughput_floor), ROLE_ANSWER, NULL},
    {"reference", FIELD_TEXT, "", 0, 0, "\"tpuv2\"", "catalogue entry that the floor refers to", LIMIT(reference),
     ROLE_ANSWER, NULL},
    {"constraints", FIELD_TEXT_LIST, "", 0, 0, "[]",
     "conditions between keys of space, area_mm2, tdp_w, memory_bytes, hbm_bytes and compat_area_mm2 (the public area "
     "law), "
     "as \"tc_rows >= tc_cols\"",
     LIMIT(constraints), ROLE_ANSWER, NULL},
};
static const struct field_table limit_fields = {"limits", "what a design may cost", limit_field_list,
                                                sizeof limit_field_list / sizeof *limit_field_list};

#define OBJECTIVE(name, word, key, unit, maximise, doc, shown)                                                         \
  {key, FIELD_REAL, unit, 0, 1e30, "0.0", doc, OBJECTIVE_##name * sizeof(double), ROLE_ANSWER, NULL},
static const struct field range_field_list[] = {
#include "dse/design/objectives.def"
};
#undef OBJECTIVE
static const struct field_table minimum_fields = {"minimum", "least value of each objective in a design; 0: none",
                                                  range_field_list, N_OBJECTIVES};
static const struct field_table maximum_fields = {"maximum", "greatest value of each objective in a design; 0: none",
                                                  range_field_list, N_OBJECTIVES};

#define SEARCH(member) offsetof(struct run_search, member)
static const struct field search_field_list[] = {
    {"algorithm", FIELD_TEXT, "", 0, 0, "\"guided\"", "how to search (dse list algorithms)", SEARCH(algorithm),
     ROLE_ANSWER, NULL},
    {"metric", FIELD_CHOICE, "", 0, 0, "\"throughput\"", "what orders the best designs", SEARCH(metric), ROLE_ANSWER,
     run_metric_names},
    {"front", FIELD_CHOICE_LIST, "", 0, 0, "[\"throughput\", \"energy\", \"area\", \"tdp\"]",
     "objectives that span the Pareto front, the first of which orders it", SEARCH(front), ROLE_ANSWER,
     run_metric_names},
    {"score", FIELD_CHOICE, "", 0, 0, "\"schedule\"",
     "what a design scores: its schedule, or only its bound, which no schedule beats (a first look at huge spaces)",
     SEARCH(score), ROLE_ANSWER, score_names},
    {"objective", FIELD_CHOICE, "", 0, 0, "\"geomean\"",
     "what throughput is with several workloads: geometric mean of the speed-ups over limits.reference, arithmetic "
     "mean "
     "of samples per second, or the worst speed-up",
     SEARCH(objective), ROLE_ANSWER, run_objective_names},
    {"top_k", FIELD_UINT, "", 1, 10000, "10", "how many best designs are kept", SEARCH(top_k), ROLE_ANSWER, NULL},
    {"seed", FIELD_UINT, "", 0, 9e18, "1", "seed of every random choice", SEARCH(seed), ROLE_ANSWER, NULL},
    {"max_evaluations", FIELD_UINT, "", 1, 1e9, "100000",
     "the search goes on until this many designs are evaluated; cut short, it is not followed by a proof",
     SEARCH(max_evaluations), ROLE_STOP, NULL},
    {"round_size", FIELD_UINT, "", 1, 1e6, "64", "most designs evaluated between two decisions", SEARCH(round_size),
     ROLE_ANSWER, NULL},
    {"eps", FIELD_REAL, "", 0, 1, "0.01",
     "a schedule this close to its critical path is not limited by its cores (only with schedule.spread = \"off\")",
     SEARCH(eps), ROLE_ANSWER, NULL},
    {"prove", FIELD_BOOL, "", 0, 0, "true",
     "evaluate every design whose bound says that it could still win, until the best is proven", SEARCH(prove),
     ROLE_ANSWER, NULL},
    {"prove_front", FIELD_BOOL, "", 0, 0, "true",
     "and every design whose bounds say that it could lie on the Pareto front, until the front is complete",
     SEARCH(prove_front), ROLE_ANSWER, NULL},
    {"prove_evaluations", FIELD_UINT, "", 0, 1e9, "20000", "the proof goes on until this many designs are evaluated",
     SEARCH(prove_evaluations), ROLE_STOP, NULL},
    {"bound_points", FIELD_UINT, "", 0, 9e18, "1000000",
     "largest space that is bounded and counted point by point (some microseconds each); beyond it the best is proven, "
     "but neither is the front nor are exclusions counted",
     SEARCH(bound_points), ROLE_STOP, NULL},
    {"gap_target", FIELD_REAL, "", 0, 1, "0.0", "stop proving once the gap is this small", SEARCH(gap_target),
     ROLE_STOP, NULL},
};
static const struct field_table search_fields = {"search", "how the best designs are looked for", search_field_list,
                                                 sizeof search_field_list / sizeof *search_field_list};

static const struct field report_field_list[] = {
    {"sensitivity_samples", FIELD_UINT, "", 0, 65536, "64",
     "samples of the Sobol' indices of the axes (of systems: and of the strategy's degrees), each an evaluation and "
     "one "
     "more an axis (8 at least; a power of two fills the space best); 0: none",
     offsetof(struct run_report, sensitivity_samples), ROLE_NONE, NULL},
};
static const struct field_table report_fields = {"report", "what the report shows beside the results",
                                                 report_field_list,
                                                 sizeof report_field_list / sizeof *report_field_list};

/* --- the space: the accelerator's own keys, as lists ----------------------------------------------------------------
 */

const struct field_table *run_space_fields(struct arena *arena) {
  static const struct {
    const char *key, *values;
  } axes[N_RUN_AXES] = {
#define AXIS(key, role, values) {#key, values},
#include "dse/design/axes.def"
#undef AXIS
  };
  struct field *fields = ARENA_NEW(arena, struct field, N_RUN_AXES);
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const struct field *one = config_find_field(&accelerator_fields, axes[a].key);
    REQUIRE(one != NULL && (one->type == FIELD_UINT || one->type == FIELD_CHOICE));
    fields[a] = *one;
    fields[a].type = one->type == FIELD_UINT ? FIELD_UINT_RULE : FIELD_CHOICE_LIST;
    fields[a].default_text = axes[a].values;
    fields[a].offset = a * sizeof(struct uint_rule);
    fields[a].role = one->role;
  }
  struct field_table *table = ARENA_NEW(arena, struct field_table, 1);
  *table = (struct field_table){"space", "the designs to choose from: values of every axis, or a rule, \"= tc_cols\"",
                                fields, N_RUN_AXES};
  return table;
}

bool run_axis_counts(const struct run_settings *settings, size_t axis) {
  static const struct {
    const char *key, *values;
  } axes[N_RUN_AXES] = {
#define AXIS(key, role, values) {#key, values},
#include "dse/design/axes.def"
#undef AXIS
  };
  const struct field *field = config_find_field(&accelerator_fields, axes[axis].key);
  const struct uint_rule *list = &settings->axes[axis];
  if (field->role == ROLE_ANSWER || list->rule != NULL || list->n != 1) return true;
  return list->values[0] != strtoull(axes[axis].values + 1, NULL, 10); /* "[1]" */
}

const void *run_algorithm_settings(const struct run_settings *settings, const struct search_algorithm *algorithm) {
  for (size_t i = 0; i < n_search_algorithms; i++) {
    if (search_algorithms[i] == algorithm) return ((void *const *)settings->algorithms)[i];
  }
  BUG("algorithm %s is not in the list", algorithm->name);
}

struct run_sections run_settings_sections(struct run_settings *settings, struct arena *arena) {
  const size_t n_workloads = settings->n_workloads;
  struct config_section *sections = ARENA_NEW(arena, struct config_section, 17 + n_workloads + n_search_algorithms);
  size_t n = 0;
  if (n_workloads == 0) sections[n++] = (struct config_section){"", &top_fields, &settings->top, true};
  for (size_t i = 0; i < n_workloads; i++) {
    const char *group = arena_printf(arena, "workloads.[%zu]", i);
    sections[n++] = (struct config_section){group, &run_workload_fields, &settings->workloads[i], true};
  }
  sections[n++] = (struct config_section){"training", &training_fields, &settings->training, false};
  sections[n++] = (struct config_section){"space", run_space_fields(arena), settings->axes, false};
  sections[n++] = (struct config_section){"limits", &limit_fields, &settings->limits, false};
  sections[n++] = (struct config_section){"limits.minimum", &minimum_fields, &settings->minimum, false};
  sections[n++] = (struct config_section){"limits.maximum", &maximum_fields, &settings->maximum, false};
  sections[n++] = (struct config_section){"search", &search_fields, &settings->search, false};
  if (settings->algorithms == NULL) {
    void **own = ARENA_NEW(arena, void *, n_search_algorithms);
    for (size_t i = 0; i < n_search_algorithms; i++) {
      own[i] = arena_alloc(arena, 1, search_algorithms[i]->settings_bytes);
    }
    settings->algorithms = own;
  }
  for (size_t i = 0; i < n_search_algorithms; i++) {
    const struct search_algorithm *algorithm = search_algorithms[i];
    if (algorithm->table == NULL) continue;
    const char *group = arena_printf(arena, "search.%s", algorithm->name);
    sections[n++] = (struct config_section){group, algorithm->table, ((void **)settings->algorithms)[i], false};
  }
  sections[n++] = (struct config_section){"report", &report_fields, &settings->report, false};
  sections[n++] = (struct config_section){"schedule", &stage_fields, &settings->schedule, false};
  sections[n++] = (struct config_section){"cost", &cost_fields, &settings->cost, false};
  sections[n++] = (struct config_section){"network", &network_fields, &settings->network, false};
  sections[n++] = (struct config_section){"technology", &technology_fields, &settings->technology, false};
  sections[n++] = (struct config_section){"money", &money_fields, &settings->money, false};
  sections[n++] = (struct config_section){"system", system_fields(), &settings->system, false};
  sections[n++] = (struct config_section){"system.law", &system_law_fields, &settings->law, false};
  sections[n++] = (struct config_section){"tenancy", tenants_fields(arena), &settings->tenants, false};
  sections[n++] = (struct config_section){"co_search", &cosearch_fields, &settings->co_search, false};
  return (struct run_sections){sections, n};
}

/* --- reading --------------------------------------------------------------------------------------------------------
 */

/* A list of workloads replaces `workload` and its companions. */
static bool count_workloads(const struct config *config, struct arena *arena, struct run_settings *settings,
                            struct error *error) {
  if (!config_has(config, "workloads")) return true;
  const char *file;
  config_line(config, "workloads", &file);
  const size_t n = config_count(config, "workloads");
  if (n == 0 || n > RUN_MAX_WORKLOADS) {
    run_settings_complain(
        config, file, "workloads", error,
        arena_printf(arena,
                     "%zu groups found, 1 to %d are expected: workloads = ( { workload = \"resnet18\"; batch = 64; "
                     "}, { workload = \"bert-base\"; weight = 2.0; } );",
                     n, RUN_MAX_WORKLOADS));
    return false;
  }
  for (size_t f = 0; f < top_fields.n_fields; f++) {
    const char *key = top_fields.fields[f].key;
    if (!config_has(config, key)) continue;
    run_settings_complain(config, file, key, error, "stands beside workloads; write it into the groups of that list");
  }
  settings->workloads = ARENA_NEW(arena, struct run_workload, n);
  settings->n_workloads = n;
  return !error_is_set(error);
}

bool run_settings_apply(const struct config *config, struct arena *arena, struct run_settings *settings,
                        struct error *error) {
  if (!count_workloads(config, arena, settings, error)) return false;
  const struct run_sections sections = run_settings_sections(settings, arena);
  settings->cost.network = &settings->network;
  return config_apply(config, sections.sections, sections.n, arena, error);
}

/* A file that was opened: read, checked, closed. */
static bool settle(struct config *config, const char *name, struct arena *arena, struct run_settings *settings,
                   struct error *error) {
  /* A check over several keys sees only values that passed their own checks. */
  if (run_settings_apply(config, arena, settings, error)) run_settings_check(config, name, settings, arena, error);
  config_close(config);
  return !error_is_set(error);
}

/* The shipped run files that are not for explore. */
static bool is_a_makers(struct config *config, const char *path, struct error *error) {
  const struct map_maker *const maker = map_maker_of(config);
  if (maker == NULL) return false;
  error_add(error, STATUS_INPUT,
            "%s: makes problems for dse map, and has no workload to search designs for: dse %s %s --out FOLDER", path,
            maker->command, path);
  config_close(config);
  return true;
}

bool run_settings_names_a_model(const char *path) {
  const size_t n = strlen(path);
  return (n > 5 && strcmp(path + n - 5, ".onnx") == 0) || (n > 5 && strcmp(path + n - 5, ".json") == 0);
}

bool run_settings_load(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                       struct run_settings *settings, struct error *error) {
  memset(settings, 0, sizeof *settings);
  struct config *config;
  if (run_settings_names_a_model(path)) {
    return error_add(
        error, STATUS_INPUT,
        "%s: is a model, not a run file; write a run file that says workload = \"%s\"; (dse show workload %s "
        "shows what is in it)",
        path, path, path);
  }
  return config_open(path, sets, n_sets, arena, &config, error) && !is_a_makers(config, path, error) &&
         settle(config, path, arena, settings, error);
}

bool run_settings_load_text(const char *name, const char *text, const struct config_set *sets, size_t n_sets,
                            struct arena *arena, struct run_settings *settings, struct error *error) {
  memset(settings, 0, sizeof *settings);
  struct config *config;
  return config_open_text(name, text, strlen(text), sets, n_sets, arena, &config, error) &&
         settle(config, name, arena, settings, error);
}

/* Packages came when there were runs already: they count where one of their prices does. */
static void digest_package(struct digest_stream *stream, const struct run_settings *settings) {
  const struct uint_rule *chiplets = &settings->axes[RUN_AXIS_chiplets];
  const bool single = chiplets->rule == NULL && chiplets->n == 1 && chiplets->values[0] == 1;
  if (settings->money.package_usd_per_mm2 > 0) digest_add_double(stream, settings->money.package_usd_per_mm2);
  if (settings->money.socket_usd > 0) digest_add_double(stream, settings->money.socket_usd);
  if (!single) digest_add_double(stream, settings->money.bond_yield);
}

struct digest run_settings_digest(struct run_settings *settings, const struct digest *graphs, size_t n_graphs,
                                  struct arena *arena) {
  const struct run_sections sections = run_settings_sections(settings, arena);
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, ANSWER_VERSION);
  /* The last groups, of tenants and of a co-search, count where they are asked for: without them a run is what it was
   * before there were. */
  const size_t n_left_out = cosearch_is_asked_for(&settings->co_search) ? 0
                            : tenants_are_asked_for(&settings->tenants) ? 1
                                                                        : 2;
  config_digest(&stream, sections.sections, sections.n - n_left_out);
  cost_digest(&settings->cost, &stream);
  if (run_asks_system_price(settings)) digest_add_double(&stream, settings->money.hbm_usd_per_gib);
  if (run_asks_die_cost(settings) || run_asks_system_price(settings)) {
    digest_add_double(&stream, settings->money.wafer_usd);
    digest_add_double(&stream, settings->money.defects_per_mm2);
    digest_add_double(&stream, settings->money.clustering);
    digest_add_u64(&stream, settings->money.spare_cores);
    if (run_asks_system_price(settings)) digest_package(&stream, settings);
  }
  for (size_t i = 0; i < n_graphs; i++) {
    digest_add_u64(&stream, graphs[i].high);
    digest_add_u64(&stream, graphs[i].low);
  }
  return digest_end(&stream);
}

const char *run_settings_text(struct run_settings *settings, bool comments, struct arena *arena) {
  const struct run_sections sections = run_settings_sections(settings, arena);
  return config_text(sections.sections, sections.n, comments, arena);
}

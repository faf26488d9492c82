/* Tables of the run file's own groups, and how a run file is read. See settings.h. */
#include "dse/settings.h"

#include "dse/rules.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const run_metric_names[] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) word,
#include "dse/objectives.def"
#undef OBJECTIVE
    NULL};
const char *const run_objective_words[N_OBJECTIVES] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) shown,
#include "dse/objectives.def"
#undef OBJECTIVE
};

const char *const run_objective_names[] = {"geomean", "mean", "worst", NULL};

static const char *const score_names[] = {"schedule", "bound", NULL};

/* Raised whenever the same settings may give other answers than an earlier release did. */
enum { ANSWER_VERSION = 4 };

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
#include "dse/objectives.def"
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

/* --- the space: the accelerator's own keys, as lists ----------------------------------------------------------------
 */

const struct field_table *run_space_fields(struct arena *arena) {
  static const struct {
    const char *key, *values;
  } axes[N_RUN_AXES] = {
#define AXIS(key, role, values) {#key, values},
#include "dse/axes.def"
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
    fields[a].role = ROLE_ANSWER;
  }
  struct field_table *table = ARENA_NEW(arena, struct field_table, 1);
  *table = (struct field_table){"space", "the designs to choose from: values of every axis, or a rule, \"= tc_cols\"",
                                fields, N_RUN_AXES};
  return table;
}

const void *run_algorithm_settings(const struct run_settings *settings, const struct search_algorithm *algorithm) {
  for (size_t i = 0; i < n_search_algorithms; i++) {
    if (search_algorithms[i] == algorithm) return ((void *const *)settings->algorithms)[i];
  }
  BUG("algorithm %s is not in the list", algorithm->name);
}

struct run_sections run_settings_sections(struct run_settings *settings, struct arena *arena) {
  const size_t n_workloads = settings->n_workloads;
  struct config_section *sections = ARENA_NEW(arena, struct config_section, 16 + n_workloads + n_search_algorithms);
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

/* A message at the place of a key, or at the table's default where the file does not set it. */
static void complain(const struct config *config, const char *path, const char *key, struct error *error,
                     const char *text) {
  const char *file;
  const unsigned line = config_line(config, key, &file);
  if (line > 0) {
    error_add(error, STATUS_INPUT, "%s:%u: %s: %s", file, line, key, text);
  } else {
    error_add(error, STATUS_INPUT, "%s: %s: %s", path, key, text);
  }
}

static void check_algorithm(const struct config *config, const char *path, const struct run_settings *settings,
                            struct arena *arena, struct error *error) {
  const struct search_algorithm *algorithm = search_algorithm_find(settings->search.algorithm);
  if (algorithm == NULL) {
    const char *known = "";
    const char **names = ARENA_NEW(arena, const char *, n_search_algorithms);
    for (size_t i = 0; i < n_search_algorithms; i++) {
      names[i] = search_algorithms[i]->name;
      known = arena_printf(arena, "%s%s%s", known, i > 0 ? ", " : "", names[i]);
    }
    complain(config, path, "search.algorithm", error,
             arena_printf(arena, "no algorithm \"%s\", allowed are %s", settings->search.algorithm, known));
  }
}

static void check_axes(const struct config *config, const char *path, const struct run_settings *settings,
                       struct arena *arena, struct error *error) {
  const struct field_table *space = run_space_fields(arena);
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const struct field *field = &space->fields[a];
    const char *key = arena_printf(arena, "space.%s", field->key);
    const struct uint_rule *list = &settings->axes[a];
    if (strcmp(field->key, "element_bytes") == 0 && (list->n > 1 || list->rule != NULL)) {
      complain(config, path, key, error, "one value only: the operators of a run are generated for it");
    }
    if (list->rule != NULL) continue;
    if (list->n == 0) {
      complain(config, path, key, error, "an empty list, give at least one value");
      continue;
    }
    if (list->n > UINT16_MAX) complain(config, path, key, error, "more than 65,535 values");
    for (size_t i = 1; i < list->n; i++) {
      if (list->values[i] > list->values[i - 1]) continue;
      complain(config, path, key, error, "values must ascend, without repeats");
      break;
    }
    if (strcmp(field->key, "node_nm") != 0) continue;
    for (size_t i = 0; i < list->n; i++) {
      if (technology_knows_node(list->values[i])) continue;
      complain(config, path, key, error,
               arena_printf(arena, "no constants for %llu nm, known are %s", (unsigned long long)list->values[i],
                            technology_node_names));
    }
  }
}

bool run_asks_die_cost(const struct run_settings *settings) {
  bool asks = settings->search.metric == OBJECTIVE_DIE_COST || settings->minimum.of[OBJECTIVE_DIE_COST] > 0 ||
              settings->maximum.of[OBJECTIVE_DIE_COST] > 0;
  for (size_t i = 0; i < settings->search.front.n; i++) {
    asks = asks || settings->search.front.values[i] == OBJECTIVE_DIE_COST;
  }
  return asks;
}

static bool asks_system_price(const struct run_settings *settings) {
  return (settings->system.money_usd > 0 && system_is_asked_for(&settings->system)) ||
         (settings->co_search.money_usd > 0 && cosearch_is_asked_for(&settings->co_search));
}

static void check_cosearch(const struct config *config, const char *path, const struct run_settings *settings,
                           struct arena *arena, struct error *error) {
  const struct cosearch_settings *const own = &settings->co_search;
  if (!cosearch_is_asked_for(own)) return;
  if (!tenants_are_asked_for(&settings->tenants)) {
    complain(config, path, "co_search.metric", error, "needs tenants: name tenancy.task or tenancy.models");
  }
  const struct search_algorithm *const algorithm = search_algorithm_find(settings->search.algorithm);
  if (own->way == COSEARCH_TOGETHER && algorithm != NULL && algorithm->folds) {
    complain(config, path, "search.algorithm", error,
             arena_printf(arena, "\"%s\" folds the space, which co_search.way = \"together\" looks through itself",
                          algorithm->name));
  }
}

/* Nobody's price must not pass for a low one. */
static void check_prices(const struct config *config, const char *path, const struct run_settings *settings,
                         struct arena *arena, struct error *error) {
  const bool asks_die_cost = run_asks_die_cost(settings);
  if (!asks_die_cost && !asks_system_price(settings)) return;
  const bool has_node = cost_providers[settings->cost.provider]->has_tdp;
  const uint64_t other_nm = 22; /* of providers whose area is that of one node, whatever the design's */
  const struct uint_rule *nodes = &settings->axes[RUN_AXIS_node_nm];
  for (size_t i = 0; i < (has_node ? nodes->n : 1); i++) {
    const uint64_t nm = has_node ? nodes->values[i] : other_nm;
    if (money_knows_node(&settings->money, nm)) continue;
    complain(config, path, "space.node_nm", error,
             arena_printf(arena,
                          "%s is asked for, and wafers of %llu nm have no known price or defects: set "
                          "money.wafer_usd and money.defects_per_mm2",
                          asks_die_cost                    ? "die cost"
                          : settings->system.money_usd > 0 ? "system.money_usd"
                                                           : "co_search.money_usd",
                          (unsigned long long)nm));
  }
}

static void check_objectives(const struct config *config, const char *path, const struct run_settings *settings,
                             struct arena *arena, struct error *error) {
  const uint64_t metric = settings->search.metric;
  const bool has_tdp = cost_providers[settings->cost.provider]->has_tdp;
  if (!has_tdp && (metric == OBJECTIVE_TDP || metric == OBJECTIVE_THROUGHPUT_PER_TDP)) {
    complain(config, path, "search.metric", error,
             "the cost provider has no TDP; choose throughput, area, energy, edp or die_cost");
  }
  const struct uint_list *front = &settings->search.front;
  if (front->n == 0) complain(config, path, "search.front", error, "an empty list, give at least one objective");
  for (size_t i = 1; i < front->n; i++) {
    for (size_t j = 0; j < i; j++) {
      if (front->values[i] != front->values[j]) continue;
      complain(config, path, "search.front", error,
               arena_printf(arena, "%s stands twice", run_metric_names[front->values[i]]));
    }
  }
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const double minimum = settings->minimum.of[o], maximum = settings->maximum.of[o];
    const char *key = arena_printf(arena, "limits.%s.%s", minimum > 0 ? "minimum" : "maximum", range_field_list[o].key);
    if (minimum > 0 && maximum > 0 && minimum > maximum) {
      complain(config, path, key, error, "exceeds limits.maximum: no design can meet both");
    }
    if (!has_tdp && (o == OBJECTIVE_TDP || o == OBJECTIVE_THROUGHPUT_PER_TDP) && (minimum > 0 || maximum > 0)) {
      complain(config, path, key, error, "the cost provider has no TDP");
    }
  }
}

struct place {
  const struct config *config;
  const char *path;
  struct error *error;
};

/* A text that stands alone has no elements. */
static void complain_of_rule(void *context, const char *key, const char *text) {
  const struct place *place = context;
  const char *file;
  if (config_line(place->config, key, &file) == 0 && strncmp(key, "limits.constraints", 18) == 0) {
    key = "limits.constraints";
  }
  complain(place->config, place->path, key, place->error, text);
}

static void complain_of_network(void *context, const char *key, const char *text) {
  const struct place *place = context;
  char path[64];
  snprintf(path, sizeof path, "network.%s", key);
  complain(place->config, place->path, path, place->error, text);
}

static void check_together(const struct config *config, const char *path, const struct run_settings *settings,
                           struct arena *arena, struct error *error) {
  check_algorithm(config, path, settings, arena, error);
  check_axes(config, path, settings, arena, error);
  check_objectives(config, path, settings, arena, error);
  check_prices(config, path, settings, arena, error);
  check_cosearch(config, path, settings, arena, error);
  struct place place = {config, path, error};
  network_settings_check(&settings->network, arena, complain_of_network, &place);
  if (settings->training.attention != ATTENTION_SEPARATE && !cost_providers[settings->cost.provider]->has_attention) {
    complain(config, path, "training.attention", error,
             "the cost provider has no fused attention; choose separate, or provider physical");
  }
  if (error_is_set(error)) return; /* rules are judged over lists that are right */
  struct rules rules;
  rules_read(settings, arena, &rules, complain_of_rule, &place);
}

/* A list of workloads replaces `workload` and its companions. */
static bool count_workloads(const struct config *config, struct arena *arena, struct run_settings *settings,
                            struct error *error) {
  if (!config_has(config, "workloads")) return true;
  const char *file;
  config_line(config, "workloads", &file);
  const size_t n = config_count(config, "workloads");
  if (n == 0 || n > RUN_MAX_WORKLOADS) {
    complain(
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
    complain(config, file, key, error, "stands beside workloads; write it into the groups of that list");
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

bool run_settings_load(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                       struct run_settings *settings, struct error *error) {
  memset(settings, 0, sizeof *settings);
  struct config *config;
  if (!config_open(path, sets, n_sets, arena, &config, error)) return false;
  /* A check over several keys sees only values that passed their own checks. */
  if (run_settings_apply(config, arena, settings, error)) check_together(config, path, settings, arena, error);
  config_close(config);
  return !error_is_set(error);
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
  if (asks_system_price(settings)) digest_add_double(&stream, settings->money.hbm_usd_per_gib);
  if (run_asks_die_cost(settings) || asks_system_price(settings)) {
    digest_add_double(&stream, settings->money.wafer_usd);
    digest_add_double(&stream, settings->money.defects_per_mm2);
    digest_add_double(&stream, settings->money.clustering);
    digest_add_u64(&stream, settings->money.spare_cores);
  }
  for (size_t i = 0; i < n_graphs; i++) {
    digest_add_u64(&stream, graphs[i].high);
    digest_add_u64(&stream, graphs[i].low);
  }
  return digest_end(&stream);
}

const char *run_settings_text(struct run_settings *settings, bool comments, struct arena *arena) {
  const struct run_sections sections = run_settings_sections(settings, arena);
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) arena_on_exhaustion(0);
  config_write(out, sections.sections, sections.n, comments);
  if (fclose(out) != 0) arena_on_exhaustion(n);
  const char *copy = arena_copy_text(arena, text);
  free(text);
  return copy;
}

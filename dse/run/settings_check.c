/* What must several keys of a run file satisfy together? Each violation is a message at its key's line. Single keys are
 * judged by their rows in the field tables. See settings.h. */
#include "dse/run/settings.h"

#include "base/checked.h"
#include "dse/design/rules.h"
#include <math.h>
#include <string.h>

void run_settings_complain(const struct config *config, const char *path, const char *key, struct error *error,
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
    run_settings_complain(
        config, path, "search.algorithm", error,
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
      run_settings_complain(config, path, key, error, "one value only: the operators of a run are generated for it");
    }
    if (list->rule != NULL) continue;
    if (list->n == 0) {
      run_settings_complain(config, path, key, error, "an empty list, give at least one value");
      continue;
    }
    if (list->n > UINT16_MAX) run_settings_complain(config, path, key, error, "more than 65,535 values");
    for (size_t i = 1; i < list->n; i++) {
      if (list->values[i] > list->values[i - 1]) continue;
      run_settings_complain(config, path, key, error, "values must ascend, without repeats");
      break;
    }
    if (strcmp(field->key, "node_nm") != 0) continue;
    for (size_t i = 0; i < list->n; i++) {
      if (technology_knows_node(list->values[i])) continue;
      run_settings_complain(config, path, key, error,
                            arena_printf(arena, "no constants for %llu nm, known are %s",
                                         (unsigned long long)list->values[i], technology_node_names));
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

bool run_asks_system_price(const struct run_settings *settings) {
  return (settings->system.money_usd > 0 && system_is_asked_for(&settings->system)) ||
         (settings->co_search.money_usd > 0 && cosearch_is_asked_for(&settings->co_search));
}

static void check_cosearch(const struct config *config, const char *path, const struct run_settings *settings,
                           struct arena *arena, struct error *error) {
  const struct cosearch_settings *const own = &settings->co_search;
  if (!cosearch_is_asked_for(own)) return;
  if (!tenants_are_asked_for(&settings->tenants)) {
    run_settings_complain(config, path, "co_search.metric", error,
                          "needs tenants: name tenancy.task or tenancy.models");
  }
  if (own->mixed && own->way == COSEARCH_SEQUENTIAL) {
    run_settings_complain(config, path, "co_search.mixed", error,
                          "systems of several designs are chosen in one search with the tenants: co_search.way = "
                          "\"together\"");
  }
  if (own->mixed && (!system_is_asked_for(&settings->system) || settings->system.kinds == KINDS_HOMOGENEOUS)) {
    run_settings_complain(config, path, "co_search.mixed", error,
                          "needs a group system with kinds = \"heterogeneous\" or \"joint\"");
  }
  const struct search_algorithm *const algorithm = search_algorithm_find(settings->search.algorithm);
  if (own->way == COSEARCH_TOGETHER && algorithm != NULL && algorithm->folds) {
    run_settings_complain(
        config, path, "search.algorithm", error,
        arena_printf(arena, "\"%s\" folds the space, which co_search.way = \"together\" looks through itself",
                     algorithm->name));
  }
}

/* Nobody's price must not pass for a low one. */
static void check_prices(const struct config *config, const char *path, const struct run_settings *settings,
                         struct arena *arena, struct error *error) {
  const bool asks_die_cost = run_asks_die_cost(settings);
  if (!asks_die_cost && !run_asks_system_price(settings)) return;
  const bool has_node = cost_providers[settings->cost.provider]->has_tdp;
  const uint64_t other_nm = 22; /* of providers whose area is that of one node, whatever the design's */
  const struct uint_rule *nodes = &settings->axes[RUN_AXIS_node_nm];
  for (size_t i = 0; i < (has_node ? nodes->n : 1); i++) {
    const uint64_t nm = has_node ? nodes->values[i] : other_nm;
    if (money_knows_node(&settings->money, nm)) continue;
    run_settings_complain(config, path, "space.node_nm", error,
                          arena_printf(arena,
                                       "%s is asked for, and wafers of %llu nm have no known price or defects: set "
                                       "money.wafer_usd and money.defects_per_mm2",
                                       asks_die_cost                    ? "die cost"
                                       : settings->system.money_usd > 0 ? "system.money_usd"
                                                                        : "co_search.money_usd",
                                       (unsigned long long)nm));
  }
}

/* Packages are bought whole. */
static void check_packages(const struct config *config, const char *path, const struct run_settings *settings,
                           struct arena *arena, struct error *error) {
  const struct uint_rule *chiplets = &settings->axes[RUN_AXIS_chiplets];
  const struct topology *topology = topologies[settings->network.d2d_topology];
  for (size_t i = 0; i < chiplets->n; i++) {
    const uint64_t n = chiplets->values[i];
    if (n > 1 && topology->fits != NULL && !topology->fits(n)) {
      run_settings_complain(config, path, "network.d2d_topology", error,
                            arena_printf(arena, "no %s has the %llu chiplets of space.chiplets, allowed are %s",
                                         topology->name, (unsigned long long)n, topology->sizes));
    }
    for (size_t d = 0; d < settings->system.devices.n; d++) {
      const uint64_t devices = settings->system.devices.values[d];
      if (!system_is_asked_for(&settings->system) || devices % max_u64(n, 1) == 0) continue;
      run_settings_complain(
          config, path, "system.devices", error,
          arena_printf(arena,
                       "%llu devices are no whole number of packages of %llu chiplets (space.chiplets); a "
                       "chiplet counts as a device",
                       (unsigned long long)devices, (unsigned long long)n));
    }
  }
}

static const char *const objective_keys[] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) key,
#include "dse/design/objectives.def"
#undef OBJECTIVE
};

static void check_objectives(const struct config *config, const char *path, const struct run_settings *settings,
                             struct arena *arena, struct error *error) {
  const uint64_t metric = settings->search.metric;
  const bool has_tdp = cost_providers[settings->cost.provider]->has_tdp;
  if (!has_tdp && (metric == OBJECTIVE_TDP || metric == OBJECTIVE_THROUGHPUT_PER_TDP)) {
    run_settings_complain(config, path, "search.metric", error,
                          "the cost provider has no TDP; choose throughput, area, energy, edp or die_cost");
  }
  const struct uint_list *front = &settings->search.front;
  if (front->n == 0)
    run_settings_complain(config, path, "search.front", error, "an empty list, give at least one objective");
  for (size_t i = 1; i < front->n; i++) {
    for (size_t j = 0; j < i; j++) {
      if (front->values[i] != front->values[j]) continue;
      run_settings_complain(config, path, "search.front", error,
                            arena_printf(arena, "%s stands twice", run_metric_names[front->values[i]]));
    }
  }
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const double minimum = settings->minimum.of[o], maximum = settings->maximum.of[o];
    const char *key = arena_printf(arena, "limits.%s.%s", minimum > 0 ? "minimum" : "maximum", objective_keys[o]);
    if (minimum > 0 && maximum > 0 && minimum > maximum) {
      run_settings_complain(config, path, key, error, "exceeds limits.maximum: no design can meet both");
    }
    if (!has_tdp && (o == OBJECTIVE_TDP || o == OBJECTIVE_THROUGHPUT_PER_TDP) && (minimum > 0 || maximum > 0)) {
      run_settings_complain(config, path, key, error, "the cost provider has no TDP");
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
  run_settings_complain(place->config, place->path, key, place->error, text);
}

static void complain_of_network(void *context, const char *key, const char *text) {
  const struct place *place = context;
  char path[64];
  snprintf(path, sizeof path, "network.%s", key);
  run_settings_complain(place->config, place->path, path, place->error, text);
}

void run_settings_check(const struct config *config, const char *path, const struct run_settings *settings,
                        struct arena *arena, struct error *error) {
  check_algorithm(config, path, settings, arena, error);
  check_axes(config, path, settings, arena, error);
  check_objectives(config, path, settings, arena, error);
  check_prices(config, path, settings, arena, error);
  check_packages(config, path, settings, arena, error);
  check_cosearch(config, path, settings, arena, error);
  struct place place = {config, path, error};
  network_settings_check(&settings->network, arena, complain_of_network, &place);
  if (settings->training.attention != ATTENTION_SEPARATE && !cost_providers[settings->cost.provider]->has_attention) {
    run_settings_complain(config, path, "training.attention", error,
                          "the cost provider has no fused attention; choose separate, or provider physical");
  }
  if (error_is_set(error)) return; /* rules are judged over lists that are right */
  struct rules rules;
  rules_read(settings, arena, &rules, complain_of_rule, &place);
}

/* dse list: what there is to choose from, with every key, unit, range and default. */
#include "dse/list.h"

#include "dse/command.h"
#include "dse/map.h"
#include "dse/partition_table.h"
#include "dse/placement_table.h"
#include "dse/settings.h"
#include "dse/tenancy_table.h"

#include "arch/network_preset.h"
#include "arch/pipeline.h"
#include "arch/platform.h"
#include "base/file.h"
#include "base/text.h"
#include "search/partition/policy_train.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* One line of a list; JSON gets the same as an object. */
static void line(const struct invocation *invocation, const char *kind, const char *name, const char *doc) {
  if (cluster_rank(invocation->cluster) != 0) return;
  if (invocation->json) {
    json_t *object = json_pack("{ss ss ss}", "kind", kind, "name", name, "doc", doc);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  } else {
    say(invocation, "  %-22s %s\n", name, doc);
  }
}

static bool list_workloads(struct invocation *invocation, struct error *error) {
  const char *const *names;
  size_t n;
  if (!workload_list(invocation->data_folder, invocation->arena, &names, &n, error)) return false;
  for (size_t i = 0; i < n; i++) {
    const struct workload_request request = {
        .name = names[i], .data_folder = invocation->data_folder, .batch = 1, .element_bytes = 2};
    const struct arena_mark mark = arena_get_mark(invocation->arena);
    struct workload workload;
    if (!workload_load(&request, invocation->arena, invocation->scratch, &workload, error)) return false;
    struct graph_totals totals;
    graph_totals(&workload.graph, &totals);
    line(invocation, "workload", names[i],
         arena_printf(invocation->arena, "%s, %.4g M parameters, %.4g GFLOP forward a %s", workload.kind,
                      (double)totals.parameters / 1e6, 2e-9 * (double)totals.macs[PHASE_FORWARD], workload.sample));
    arena_rewind(invocation->arena, mark);
  }
  return true;
}

static bool list_generators(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_workload_generators; i++) {
    line(invocation, "kind", workload_generators[i]->kind, workload_generators[i]->doc);
  }
  return true;
}

static bool list_algorithms(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_search_algorithms; i++) {
    line(invocation, "algorithm", search_algorithms[i]->name, search_algorithms[i]->doc);
  }
  for (size_t p = 0; p < n_map_problems; p++) {
    const struct map_problem *problem = map_problems[p];
    struct map_algorithm algorithm;
    for (size_t i = 0; problem->algorithm != NULL && problem->algorithm(i, &algorithm); i++) {
      line(invocation, "algorithm", arena_printf(invocation->arena, "%s/%s", problem->name, algorithm.name),
           arena_printf(invocation->arena, "%s (%s)", algorithm.doc, algorithm.source));
    }
  }
  return true;
}

static bool list_providers(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_cost_providers; i++) {
    line(invocation, "provider", cost_providers[i]->name, cost_providers[i]->doc);
  }
  return true;
}

static bool list_splits(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_split_strategies; i++) {
    line(invocation, "split", split_strategies[i]->name, split_strategies[i]->doc);
  }
  return true;
}

static bool list_catalogue(struct invocation *invocation, struct error *error) {
  struct text_list names;
  if (!accelerator_catalogue_names(invocation->data_folder, invocation->arena, &names, error)) return false;
  for (size_t i = 0; i < names.n; i++) {
    struct accelerator part;
    if (!accelerator_from_catalogue(invocation->data_folder, names.values[i], invocation->arena, &part, error))
      return false;
    struct technology technology;
    config_defaults(&technology_fields, invocation->arena, &technology);
    struct area_breakdown area;
    physical_area(&technology, &part, &area);
    struct power_breakdown power;
    physical_tdp(&technology, &part, area.total, &power);
    line(
        invocation, "catalogue", names.values[i],
        arena_printf(invocation->arena,
                     "%llu x %llux%llu tensor, %llu x %llu lanes, %llu MiB, %llu nm: %.0f mm2, %.0f W (physical model)",
                     (unsigned long long)part.tc_count, (unsigned long long)part.tc_rows,
                     (unsigned long long)part.tc_cols, (unsigned long long)part.vc_count,
                     (unsigned long long)part.vc_width, (unsigned long long)(accelerator_glb_bytes(&part) >> 20),
                     (unsigned long long)part.node_nm, area.total, power.total));
  }
  return true;
}

/* `prefix` is what stands before a key where it is typed. */
static void list_fields(const struct invocation *invocation, const char *title, const char *prefix,
                        const struct field_table *table) {
  if (!invocation->json) say(invocation, "\n%s (%s)\n", title, table->doc);
  for (size_t f = 0; f < table->n_fields; f++) {
    const struct field *field = &table->fields[f];
    const char *range = "";
    if (field->minimum != 0 || field->maximum != 0) {
      range = arena_printf(invocation->arena, ", %.10g to %.10g", field->minimum, field->maximum);
    }
    const char *choices = "";
    for (size_t c = 0; field->choices != NULL && field->choices[c] != NULL; c++) {
      choices = arena_printf(invocation->arena, "%s%s%s", choices, c > 0 ? "|" : ", ", field->choices[c]);
    }
    line(invocation, "key", arena_printf(invocation->arena, "%s%s", prefix, field->key),
         arena_printf(invocation->arena, "%s [%s%s%s, default %s]", field->doc, field->unit[0] != 0 ? field->unit : "-",
                      range, choices, field->default_text != NULL ? field->default_text : "none: required"));
  }
}

static void list_table(const struct invocation *invocation, const char *group, const struct field_table *table) {
  if (group[0] == 0) {
    list_fields(invocation, "top level", "", table);
  } else {
    list_fields(invocation, group, arena_printf(invocation->arena, "%s.", group), table);
  }
}

/* What `dse jobs` knows beyond the group of the same name in a run file. */
static void list_jobs_keys(const struct invocation *invocation) {
  const struct field_table *const of_runs = tenants_fields(invocation->arena);
  struct field *const fields = ARENA_NEW(invocation->arena, struct field, tenancy_table_fields.n_fields);
  struct field_table others = tenancy_table_fields;
  others.fields = fields, others.n_fields = 0, others.doc = "for dse jobs beside the keys above, where task is mix";
  for (size_t f = 0; f < tenancy_table_fields.n_fields; f++) {
    const struct field *const field = &tenancy_table_fields.fields[f];
    if (config_find_field(of_runs, field->key) == NULL) fields[others.n_fields++] = *field;
  }
  list_table(invocation, "tenancy", &others);
}

static bool list_keys(struct invocation *invocation, struct error *error) {
  (void)error;
  struct run_settings *settings = ARENA_NEW(invocation->arena, struct run_settings, 1);
  const struct run_sections sections = run_settings_sections(settings, invocation->arena);
  for (size_t s = 0; s < sections.n; s++) {
    list_table(invocation, sections.sections[s].group, sections.sections[s].table);
  }
  list_table(invocation, "workloads.[N]", &run_workload_fields);
  list_table(invocation, "accelerator", &accelerator_fields);
  list_jobs_keys(invocation);
  list_table(invocation, "placement", &placement_table_fields);
  list_table(invocation, "chips", &partition_table_fields);
  list_fields(invocation, "dse train policy", "", &policy_training_fields);
  return true;
}

static bool list_map_keys(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t p = 0; p < n_map_problems; p++) {
    const struct map_problem *problem = map_problems[p];
    struct map_algorithm algorithm;
    if (problem->keys != NULL) {
      list_fields(invocation, problem->name, arena_printf(invocation->arena, "%s/", problem->name), problem->keys);
    }
    for (size_t i = 0; problem->algorithm != NULL && problem->algorithm(i, &algorithm); i++) {
      if (algorithm.table == NULL) continue;
      char *group = arena_copy_text(invocation->arena, algorithm.name);
      for (char *c = group; *c != '\0'; c++) {
        if (*c == '-') *c = '_';
      }
      list_fields(invocation, arena_printf(invocation->arena, "%s: %s", problem->name, algorithm.name),
                  arena_printf(invocation->arena, "%s/%s.", problem->name, group), algorithm.table);
    }
  }
  return true;
}

static bool list_operators(struct invocation *invocation, struct error *error) {
  (void)error;
  static const char *const classes[] = {"free", "tensor cores", "vector cores", "links"};
  for (size_t k = 0; k < N_OP_KINDS; k++) line(invocation, "operator", op_kinds[k].name, classes[op_kinds[k].class]);
  return true;
}

static bool list_pipelines(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    line(invocation, "pipeline", pipeline_schedules[i]->name, pipeline_schedules[i]->doc);
  }
  return true;
}

static bool list_problems(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_map_problems; i++) {
    line(invocation, "problem", map_problems[i]->name, map_problems[i]->doc);
  }
  return true;
}

static bool list_nodes(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_technology_nodes; i++) {
    const struct technology_node *const node = &technology_nodes[i];
    line(invocation, "node", arena_printf(invocation->arena, "%llu", (unsigned long long)node->nm),
         arena_printf(invocation->arena, "nm: logic x%g, SRAM cell %g um2, dynamic energy x%g; %s", node->logic,
                      node->cell_um2, node->energy, node->source));
  }
  return true;
}

static bool list_collectives(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    line(invocation, "collective", collective_algorithms[i]->name, collective_algorithms[i]->doc);
  }
  return true;
}

static bool list_topologies(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_topologies; i++) line(invocation, "topology", topology_names[i], topologies[i]->doc);
  return true;
}

static bool list_networks(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_network_presets; i++) {
    const struct network_preset *const preset = &network_presets[i];
    line(invocation, "network", preset->name,
         arena_printf(invocation->arena, "%llu devices on a %s at %g GB/s each, beyond it %g GB/s; %s",
                      (unsigned long long)preset->devices, topology_names[preset->topology], preset->inner_gbytes_per_s,
                      preset->outer_gbytes_per_s, preset->source));
  }
  return true;
}

static bool list_platforms(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_platform_entries; i++) {
    const struct platform_entry *const entry = &platform_entries[i];
    line(invocation, "platform", entry->name,
         arena_printf(invocation->arena, "%s%s%s%s", entry->cores, entry->bandwidths_bytes_per_cycle[0] ? " at " : "",
                      entry->bandwidths_bytes_per_cycle, entry->bandwidths_bytes_per_cycle[0] ? " B/cycle" : ""));
  }
  return true;
}

static bool list_tasks(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_tenancy_tasks; i++) {
    const struct tenancy_task *const task = &tenancy_tasks[i];
    line(invocation, "task", task->name, task->models[0] != '\0' ? task->models : "all of the above");
  }
  return true;
}

static bool list_layers(struct invocation *invocation, struct error *error) {
  const char *const *names;
  size_t n;
  if (!layer_table_list(invocation->data_folder, invocation->arena, &names, &n, error)) return false;
  for (size_t i = 0; i < n; i++) {
    struct layer_table table;
    struct layer_totals totals;
    if (!layer_table_find(invocation->data_folder, names[i], invocation->arena, &table, error)) return false;
    layer_table_totals(&table, invocation->scratch, &totals);
    line(invocation, "layers", names[i],
         arena_printf(invocation->arena, "%zu layers, %zu edges, %zu inputs, %.4g M weights, %.4g G MACs",
                      table.n_layers, table.n_edges, totals.n_sources, (double)totals.weights / 1e6,
                      (double)totals.macs / 1e9));
  }
  return true;
}

static bool list_boards(struct invocation *invocation, struct error *error) {
  const struct board *boards;
  size_t n;
  const char *const path = arena_printf(invocation->arena, "%s/arch/boards.csv", invocation->data_folder);
  if (!boards_read(path, invocation->arena, &boards, &n, error)) return false;
  for (size_t i = 0; i < n; i++) {
    const char *runs = "";
    for (int k = 0; k < N_BOARD_KINDS; k++) {
      if (boards[i].runs[k]) runs = arena_printf(invocation->arena, "%s%s ", runs, board_kind_names[k]);
    }
    line(invocation, "board", boards[i].name,
         arena_printf(invocation->arena, "%sat %g GOP/s, %g GB/s, %g W; %s; public source of: %s", runs, boards[i].gops,
                      boards[i].port_bits * boards[i].clock_mhz / 8e3, boards[i].active_w, boards[i].source,
                      *boards[i].confirmed != '\0' ? boards[i].confirmed : "nothing"));
  }
  return true;
}

static const struct {
  const char *kind, *doc;
  bool (*list)(struct invocation *, struct error *);
} kinds[] = {
    {"workloads", "networks that ship with the program, with their counts", list_workloads},
    {"kinds", "kinds of model files", list_generators},
    {"operators", "kinds of operators", list_operators},
    {"splits", "ways to spread a model over devices", list_splits},
    {"algorithms", "searches over a space of designs, and PROBLEM/NAME: of dse map", list_algorithms},
    {"providers", "models of operator cost, area and power", list_providers},
    {"catalogue", "named accelerators, with our area and TDP", list_catalogue},
    {"pipelines", "schedules of a pipeline's stages", list_pipelines},
    {"problems", "problems that dse map solves from a table", list_problems},
    {"platforms", "cores that share one memory, for jobs of many networks", list_platforms},
    {"tasks", "networks whose layers are such jobs", list_tasks},
    {"layers", "networks of several modalities as tables of layers, for placement", list_layers},
    {"boards", "FPGA boards that such layers run on", list_boards},
    {"nodes", "technology nodes, with their constants (7 nm = 1) and sources", list_nodes},
    {"collectives", "algorithms of collectives between devices", list_collectives},
    {"topologies", "how a network's levels are wired", list_topologies},
    {"networks", "networks of known systems (network.preset), with their sources", list_networks},
    {"map-keys", "keys of dse map --set, as PROBLEM/KEY", list_map_keys},
    {"keys", "every key of a run file, with unit, range and default", list_keys},
};

bool list_kind(size_t i, const char **name, const char **doc) {
  if (i >= sizeof kinds / sizeof *kinds) return false;
  *name = kinds[i].kind;
  *doc = kinds[i].doc;
  return true;
}

static enum status run(struct invocation *invocation, struct error *error) {
  const size_t n = sizeof kinds / sizeof *kinds;
  if (invocation->n_words == 0) {
    for (size_t i = 0; i < n; i++) line(invocation, "list", kinds[i].kind, kinds[i].doc);
    return STATUS_OK;
  }
  const char *names[sizeof kinds / sizeof *kinds];
  for (size_t i = 0; i < n; i++) {
    names[i] = kinds[i].kind;
    if (strcmp(kinds[i].kind, invocation->words[0]) != 0) continue;
    return kinds[i].list(invocation, error) ? STATUS_OK : error->status;
  }
  const char *nearest = text_nearest(invocation->words[0], names, n);
  error_add(error, STATUS_INPUT, "dse list: no kind \"%s\"%s%s%s (dse list shows them)", invocation->words[0],
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return STATUS_INPUT;
}

static const char *const examples[] = {"dse list", "dse list workloads", "dse list keys", NULL};
const struct command command_list = {
    .name = "list",
    .words = "[KIND]",
    .summary = "workloads, algorithms, parts, and every key with unit, range and default",
    .max_words = 1,
    .details = "Without a kind, prints the kinds. With --json, one object a line.",
    .examples = examples,
    .run = run,
};

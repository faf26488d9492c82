/* dse list: what there is to choose from, with every key, unit, range and default. */
#include "dse/commands/list.h"
#include "dse/map/map.h"
#include "dse/placement/placement_table.h"
#include "dse/run/settings.h"
#include "dse/tenancy/tenancy_table.h"

#include "arch/network_preset.h"
#include "arch/pipeline.h"
#include "arch/platform.h"
#include "base/file.h"
#include "base/text.h"
#include "workloads/onnx.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

bool list_wants_markdown(const struct invocation *invocation) {
  return invocation_value(invocation, "markdown") != NULL && !invocation->json;
}

/* Names that went by where one is asked for: to say that it was there, or which is nearest. */
enum { MOST_SEEN = 2048 };
static struct {
  const char *names[MOST_SEEN];
  size_t n, n_wanted;
} seen;

/* A name that was asked for leaves out all others. */
static bool is_wanted(const struct invocation *invocation, const char *name) {
  if (invocation->n_words < 2) return true;
  if (seen.n < MOST_SEEN) seen.names[seen.n++] = name;
  const bool wanted = strcmp(invocation->words[1], name) == 0;
  seen.n_wanted += wanted;
  return wanted;
}

void list_line(const struct invocation *invocation, const char *kind, const char *name, const char *doc) {
  if (!is_wanted(invocation, name) || cluster_rank(invocation->cluster) != 0) return;
  if (invocation->json) {
    json_t *object = json_pack("{ss ss ss}", "kind", kind, "name", name, "doc", doc);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  } else if (list_wants_markdown(invocation)) {
    say(invocation, "|`%s`|%s|\n", name, doc);
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
    list_line(invocation, "workload", names[i],
              arena_printf(invocation->arena, "%s, %.4g M parameters, %.4g GFLOP forward a %s", workload.kind,
                           (double)totals.parameters / 1e6, 2e-9 * (double)totals.macs[PHASE_FORWARD],
                           workload.sample));
    arena_rewind(invocation->arena, mark);
  }
  return true;
}

static bool list_generators(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_workload_generators; i++) {
    list_line(invocation, "kind", workload_generators[i]->kind, workload_generators[i]->doc);
  }
  return true;
}

static bool list_algorithms(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_search_algorithms; i++) {
    list_line(invocation, "algorithm", search_algorithms[i]->name, search_algorithms[i]->doc);
  }
  for (size_t p = 0; p < n_map_problems; p++) {
    const struct map_problem *problem = map_problems[p];
    struct map_algorithm algorithm;
    for (size_t i = 0; problem->algorithm != NULL && problem->algorithm(i, &algorithm); i++) {
      list_line(invocation, "algorithm", arena_printf(invocation->arena, "%s/%s", problem->name, algorithm.name),
                arena_printf(invocation->arena, "%s (%s)", algorithm.doc, algorithm.source));
    }
  }
  return true;
}

static bool list_providers(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_cost_providers; i++) {
    list_line(invocation, "provider", cost_providers[i]->name, cost_providers[i]->doc);
  }
  return true;
}

static bool list_splits(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_split_strategies; i++) {
    list_line(invocation, "split", split_strategies[i]->name, split_strategies[i]->doc);
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
    list_line(
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

static bool list_operators(struct invocation *invocation, struct error *error) {
  (void)error;
  static const char *const classes[] = {"free", "tensor cores", "vector cores", "links"};
  for (size_t k = 0; k < N_OP_KINDS; k++)
    list_line(invocation, "operator", op_kinds[k].name, classes[op_kinds[k].class]);
  return true;
}

static bool list_onnx(struct invocation *invocation, struct error *error) {
  (void)error;
  struct onnx_known known;
  for (size_t i = 0; onnx_known_operator(i, &known); i++)
    list_line(invocation, "onnx",
              known.domain[0] == '\0' ? known.name : arena_printf(invocation->arena, "%s.%s", known.domain, known.name),
              known.does);
  return true;
}

static bool list_pipelines(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    list_line(invocation, "pipeline", pipeline_schedules[i]->name, pipeline_schedules[i]->doc);
  }
  return true;
}

static bool list_problems(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_map_problems; i++) {
    list_line(invocation, "problem", map_problems[i]->name, map_problems[i]->doc);
  }
  return true;
}

static bool list_nodes(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_technology_nodes; i++) {
    const struct technology_node *const node = &technology_nodes[i];
    list_line(invocation, "node", arena_printf(invocation->arena, "%llu", (unsigned long long)node->nm),
              arena_printf(invocation->arena, "nm: logic x%g, SRAM cell %g um2, dynamic energy x%g; %s", node->logic,
                           node->cell_um2, node->energy, node->source));
  }
  return true;
}

static bool list_collectives(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    list_line(invocation, "collective", collective_algorithms[i]->name, collective_algorithms[i]->doc);
  }
  return true;
}

static bool list_topologies(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_topologies; i++) list_line(invocation, "topology", topology_names[i], topologies[i]->doc);
  return true;
}

static bool list_networks(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_network_presets; i++) {
    const struct network_preset *const preset = &network_presets[i];
    list_line(invocation, "network", preset->name,
              arena_printf(invocation->arena, "%llu devices on a %s at %g GB/s each, beyond it %g GB/s; %s",
                           (unsigned long long)preset->devices, topology_names[preset->topology],
                           preset->inner_gbytes_per_s, preset->outer_gbytes_per_s, preset->source));
  }
  return true;
}

static bool list_platforms(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_platform_entries; i++) {
    const struct platform_entry *const entry = &platform_entries[i];
    list_line(invocation, "platform", entry->name,
              arena_printf(invocation->arena, "%s%s%s%s", entry->cores,
                           entry->bandwidths_bytes_per_cycle[0] ? " at " : "", entry->bandwidths_bytes_per_cycle,
                           entry->bandwidths_bytes_per_cycle[0] ? " B/cycle" : ""));
  }
  return true;
}

static bool list_tasks(struct invocation *invocation, struct error *error) {
  (void)error;
  for (size_t i = 0; i < n_tenancy_tasks; i++) {
    const struct tenancy_task *const task = &tenancy_tasks[i];
    list_line(invocation, "task", task->name, task->models);
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
    list_line(invocation, "layers", names[i],
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
    list_line(invocation, "board", boards[i].name,
              arena_printf(invocation->arena, "%sat %g GOP/s, %g GB/s, %g W; %s; public source of: %s", runs,
                           boards[i].gops, boards[i].port_bits * boards[i].clock_mhz / 8e3, boards[i].active_w,
                           boards[i].source, *boards[i].confirmed != '\0' ? boards[i].confirmed : "nothing"));
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
    {"onnx", "operators of ONNX files, and what becomes of them", list_onnx},
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
    {"commands", "what the program can do", list_commands},
    {"keys", "every key of a run file, with unit, range and default", list_keys},
};

bool list_kind(size_t i, const char **name, const char **doc) {
  if (i >= sizeof kinds / sizeof *kinds) return false;
  *name = kinds[i].kind;
  *doc = kinds[i].doc;
  return true;
}

size_t list_names(const struct invocation *invocation, const char *kind, const char *const **names) {
  struct invocation *const asking = ARENA_NEW(invocation->arena, struct invocation, 1);
  struct error *const ignored = ARENA_NEW(invocation->arena, struct error, 1);
  *asking = *invocation;
  asking->words[0] = kind, asking->words[1] = ""; /* nothing has this name: nothing is printed */
  asking->n_words = 2;
  seen.n = 0, seen.n_wanted = 0;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].kind, kind) == 0 && kinds[i].list(asking, ignored)) break;
  }
  *names = seen.names;
  return seen.n;
}

/* In Markdown these have tables of their own. */
static bool writes_tables(size_t kind) {
  return kinds[kind].list == list_keys || kinds[kind].list == list_map_keys || kinds[kind].list == list_commands;
}

/* --- one of them, to paste -------------------------------------------------------------------------------------------
 */

/* A workload or part is a commented file of its own. */
static bool print_file(const struct invocation *invocation, const char *folder, const char *name, const char *how,
                       struct error *error) {
  const char *const path = arena_printf(invocation->arena, "%s/%s/%s.cfg", invocation->data_folder, folder, name);
  char *text;
  size_t n;
  if (!file_read(path, 1 << 20, invocation->arena, &text, &n, error)) return false;
  say(invocation, "# %s\n# %s/%s.cfg:\n%.*s", how, folder, name, (int)n, text);
  return true;
}

/* What of the kind can be pasted into a run file; false and no message where its line says all. */
static bool print_fragment_of(struct invocation *invocation, const char *kind, const char *name, struct error *error) {
  struct arena *const arena = invocation->arena;
  if (strcmp(kind, "workloads") == 0) {
    return print_file(invocation, "workloads/models", name, arena_printf(arena, "workload = \"%s\";", name), error);
  }
  if (strcmp(kind, "catalogue") == 0) {
    return print_file(invocation, "arch/catalogue", name,
                      arena_printf(arena, "dse evaluate RUN.cfg --design %s; limits.reference = \"%s\";", name, name),
                      error);
  }
  if (strcmp(kind, "networks") == 0) {
    say(invocation, "network = { preset = \"%s\"; };\n", name);
    return true;
  }
  const struct search_algorithm *const algorithm = strcmp(kind, "algorithms") == 0 ? search_algorithm_find(name) : NULL;
  if (algorithm == NULL) return false;
  say(invocation, "# search.algorithm = \"%s\";%s\n", name, algorithm->table != NULL ? " its keys:" : "");
  return algorithm->table == NULL || list_group_fragment(invocation, arena_printf(arena, "search.%s", name), error);
}

/* `dse list KIND NAME`: the line of that name, and what to paste. */
static enum status show_one(struct invocation *invocation, size_t kind, struct error *error) {
  const char *const name = invocation->words[1];
  const bool keys = strcmp(kinds[kind].kind, "keys") == 0;
  if (keys && !invocation->json && list_has_group(invocation, name)) {
    return list_group_fragment(invocation, name, error) ? STATUS_OK : error->status;
  }
  seen.n = 0, seen.n_wanted = 0;
  if (!kinds[kind].list(invocation, error)) return error->status;
  if (seen.n_wanted > 0) {
    if (!invocation->json) (void)print_fragment_of(invocation, kinds[kind].kind, name, error);
    return error_is_set(error) ? error->status : STATUS_OK;
  }
  if (keys) list_see_groups(invocation, seen.names, &seen.n, MOST_SEEN);
  const char *const nearest = text_nearest(name, seen.names, seen.n);
  error_add(error, STATUS_INPUT, "dse list %s: no \"%s\"%s%s%s (dse list %s shows them)", kinds[kind].kind, name,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", kinds[kind].kind);
  return STATUS_INPUT;
}

static enum status run(struct invocation *invocation, struct error *error) {
  const size_t n = sizeof kinds / sizeof *kinds;
  if (invocation->n_words == 0) {
    for (size_t i = 0; i < n; i++) list_line(invocation, "list", kinds[i].kind, kinds[i].doc);
    return STATUS_OK;
  }
  const char *names[sizeof kinds / sizeof *kinds];
  for (size_t i = 0; i < n; i++) {
    names[i] = kinds[i].kind;
    if (strcmp(kinds[i].kind, invocation->words[0]) != 0) continue;
    if (invocation->n_words > 1) return show_one(invocation, i, error);
    if (list_wants_markdown(invocation) && !writes_tables(i)) say(invocation, "|name|what|\n|---|---|\n");
    return kinds[i].list(invocation, error) ? STATUS_OK : error->status;
  }
  const char *nearest = text_nearest(invocation->words[0], names, n);
  error_add(error, STATUS_INPUT, "dse list: no kind \"%s\"%s%s%s (dse list shows them)", invocation->words[0],
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return STATUS_INPUT;
}

static const struct command_option options[] = {
    {"markdown", NULL, "prints tables in Markdown, as in docs/reference.md"},
};

static const char *const examples[] = {"dse list", "dse list workloads", "dse list keys", "dse list keys limits", NULL};
const struct command command_list = {
    .name = "list",
    .words = "[KIND [NAME]]",
    .summary = "workloads, algorithms, parts, and every key with unit, range and default",
    .max_words = 2,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Without a kind, prints the kinds. With a name, that one alone, and a commented fragment of a run file to\n"
        "paste: a group of keys, the keys of an algorithm, a model's or part's file. With --json, one object a line.",
    .examples = examples,
    .run = run,
};

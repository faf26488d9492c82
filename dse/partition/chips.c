/* dse chips: problems of partition that networks make on modules of chips, for `dse map partition`. */
#include "dse/commands/command.h"
#include "dse/partition/partition_table.h"

#include "base/file.h"
#include "search/partition/partition_read.h"
#include <inttypes.h>
#include <jansson.h>

struct making {
  struct invocation *invocation;
  struct cost_settings cost;
  struct technology technology;
  struct training_settings training;
  struct partition_table_settings settings;
  struct tenancy_world world;
  struct partition_table table;
  json_t *list; /* with --json */
};

/* The settings, and what follows from them while messages can still name their lines. */
static bool make_all(struct making *making, const char *out, struct error *error);
static bool open_and_make(struct making *making, const char *out, struct error *error) {
  struct invocation *const invocation = making->invocation;
  struct config *config;
  if (!config_open(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &config, error))
    return false;
  const struct config_section sections[] = {
      {"chips", &partition_table_fields, &making->settings, false},
      {"cost", &cost_fields, &making->cost, false},
      {"technology", &technology_fields, &making->technology, false},
      {"training", &training_fields, &making->training, false},
  };
  making->world = (struct tenancy_world){.data_folder = invocation->data_folder,
                                         .path = invocation->words[0],
                                         .group = "chips",
                                         .cores_key = "accelerator",
                                         .config = config,
                                         .cost = &making->cost,
                                         .technology = &making->technology,
                                         .training = &making->training,
                                         .arena = invocation->arena,
                                         .scratch = invocation->scratch};
  const bool fine = config_apply(config, sections, sizeof sections / sizeof *sections, invocation->arena, error) &&
                    partition_table_open(&making->settings, &making->world, &making->table, error) &&
                    make_all(making, out, error);
  config_close(config);
  return fine;
}

/* What one chip alone would take, and what chips hold. */
static void report(struct making *making, const struct partition_problem *problem, const char *path) {
  double total_ms = 0, weight_bytes = 0;
  for (size_t v = 0; v < problem->n_nodes; v++) {
    total_ms += problem->compute_ms[v];
    weight_bytes += (double)problem->weight_bytes[v];
  }
  if (making->invocation->json) {
    json_array_append_new(making->list,
                          json_pack("{ss sI sI sI sI sI sf sf ss}", "file", path, "nodes", (json_int_t)problem->n_nodes,
                                    "edges", (json_int_t)problem->n_edges, "chips", (json_int_t)problem->n_chips,
                                    "link_bytes_per_s", (json_int_t)problem->link_bytes_per_s, "memory_bytes",
                                    (json_int_t)problem->memory_bytes, "compute_ms", total_ms, "weight_bytes",
                                    weight_bytes, "cost", partition_cost_name(problem->cost)));
  } else {
    const char *const memory = problem->memory_bytes == 0 ? "any memory"
                                                          : arena_printf(making->invocation->scratch, "%.6g MB",
                                                                         (double)problem->memory_bytes / 1e6);
    say(making->invocation,
        "%s: %zu operators, %zu edges; %.6g ms on one chip; %.6g MB of weights on %" PRIu32
        " chips of %s, links of %.6g GB/s, cost %s\n",
        path, problem->n_nodes, problem->n_edges, total_ms, weight_bytes / 1e6, problem->n_chips, memory,
        (double)problem->link_bytes_per_s / 1e9, partition_cost_name(problem->cost));
  }
}

static bool make_all(struct making *making, const char *out, struct error *error) {
  struct arena *const arena = making->invocation->scratch;
  const bool speaks = cluster_rank(making->invocation->cluster) == 0;
  if (speaks && !file_make_folder(out, error)) return false;
  for (size_t i = 0; speaks && i < making->settings.models.n; i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct partition_problem problem;
    if (!partition_table_build(&making->table, i, arena, &problem, error)) return false;
    const char *const path = arena_printf(arena, "%s/%s.json", out, problem.name);
    if (!partition_write(&problem, path, arena, error)) return false;
    report(making, &problem, path);
    arena_rewind(arena, mark);
  }
  return true;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct making *const making = ARENA_NEW(invocation->arena, struct making, 1);
  making->invocation = invocation;
  const char *const out = invocation_value(invocation, "out");
  if (out == NULL) {
    error_add(error, STATUS_INPUT, "dse chips: --out FOLDER is needed");
    return STATUS_INPUT;
  }
  making->list = json_array();
  const bool made = open_and_make(making, out, error);
  if (made && invocation->json && cluster_rank(invocation->cluster) == 0) {
    json_dumpf(making->list, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    putchar('\n');
  }
  json_decref(making->list);
  return made ? STATUS_OK : error->status;
}

static const struct command_option options[] = {
    {"out", "FOLDER", "where the problems go, a JSON and two CSV files each"},
};
static const char *const examples[] = {
    "dse chips configs/chips.cfg --out modules",
    "dse chips configs/chips.cfg --out modules --set 'chips.models=[\"gpt2-small sequence=64\"]' --set chips.n_chips=4 "
    "--set chips.topology=mesh",
    "dse chips configs/chips.cfg --out modules --set chips.training=true --set chips.batch=4", NULL};
const struct command command_chips = {
    .name = "chips",
    .words = "RUN.cfg",
    .summary = "partition problems: the operators of a network on a module of equal chips",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "RUN.cfg holds the groups chips, cost, technology and training (dse list keys). Writes FOLDER/NAME.json with\n"
        "NAME.nodes.csv and NAME.edges.csv for every network, which dse map partition reads: what each operator takes "
        "on\n"
        "a chip by our cost model, its weights, its output. With chips.training = true an operator is one node with "
        "its\n"
        "backward operators and its update.",
    .examples = examples,
    .run = run,
};

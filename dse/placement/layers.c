/* dse layers: problems of placement that a network's layers make on unlike devices, for `dse map placement`. */
#include "dse/commands/command.h"
#include "dse/placement/placement_table.h"

#include "base/file.h"
#include "search/placement/placement_read.h"
#include <jansson.h>
#include <math.h>

struct making {
  struct invocation *invocation;
  struct cost_settings cost;
  struct technology technology;
  struct placement_table_settings settings;
  struct placement_table table;
  json_t *list; /* with --json */
};

/* The settings, and what follows from them while messages can still name their lines. */
static bool open_table(struct making *making, struct error *error) {
  struct invocation *const invocation = making->invocation;
  struct config *config;
  if (!config_open(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &config, error))
    return false;
  const struct config_section sections[] = {
      {"placement", &placement_table_fields, &making->settings, false},
      {"cost", &cost_fields, &making->cost, false},
      {"technology", &technology_fields, &making->technology, false},
  };
  const struct tenancy_world world = {.data_folder = invocation->data_folder,
                                      .path = invocation->words[0],
                                      .group = "placement",
                                      .config = config,
                                      .cost = &making->cost,
                                      .technology = &making->technology,
                                      .arena = invocation->arena,
                                      .scratch = invocation->scratch};
  const bool opened = config_apply(config, sections, sizeof sections / sizeof *sections, invocation->arena, error) &&
                      placement_table_open(&making->settings, &world, &making->table, error);
  config_close(config);
  return opened;
}

/* How far devices alone would go: each layer on the one that computes it fastest, nothing moved. */
static void report(struct making *making, const struct placement_problem *problem, const char *path) {
  double fastest_s = 0;
  uint64_t weight_bytes = 0;
  for (size_t l = 0; l < problem->n_layers; l++) {
    double least_s = INFINITY;
    for (size_t d = 0; d < problem->n_devices; d++) {
      if (placement_can_run(problem, l, d)) least_s = fmin(least_s, problem->compute_s[placement_at(problem, l, d)]);
    }
    fastest_s += least_s;
    weight_bytes += problem->weight_bytes[l];
  }
  const double link = problem->devices[0].link_bytes_per_s;
  if (making->invocation->json) {
    json_array_append_new(making->list,
                          json_pack("{ss sI sI sI sI sf sf}", "file", path, "layers", (json_int_t)problem->n_layers,
                                    "edges", (json_int_t)problem->n_edges, "devices", (json_int_t)problem->n_devices,
                                    "weight_bytes", (json_int_t)weight_bytes, "link_bytes_per_s", link, "fastest_s",
                                    fastest_s));
  } else {
    say(making->invocation, "%s: %zu layers, %zu edges, %zu devices at %g GB/s; on the fastest device each %.6g s\n",
        path, problem->n_layers, problem->n_edges, problem->n_devices, link / 1e9, fastest_s);
  }
}

static bool make_problems(struct making *making, const char *out, struct error *error) {
  struct arena *const arena = making->invocation->scratch;
  if (!file_make_folder(out, error)) return false;
  for (size_t i = 0; i < placement_table_n_problems(&making->table); i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct placement_problem problem;
    if (!placement_table_build(&making->table, i, arena, &problem, error)) return false;
    const char *const path = arena_printf(arena, "%s/%s.json", out, problem.name);
    if (!placement_write(&problem, path, arena, error)) return false;
    report(making, &problem, path);
    arena_rewind(arena, mark);
  }
  return true;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct making *const making = ARENA_NEW(invocation->arena, struct making, 1);
  making->invocation = invocation;
  const char *const out = invocation_value(invocation, "out");
  if (out == NULL) error_add(error, STATUS_INPUT, "dse layers: --out FOLDER is needed");
  if (!open_table(making, error) || error_is_set(error)) return error->status;
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  making->list = json_array();
  const bool made = make_problems(making, out, error);
  if (made && invocation->json) {
    json_dumpf(making->list, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    putchar('\n');
  }
  json_decref(making->list);
  return made ? STATUS_OK : error->status;
}

static const struct command_option options[] = {
    {"out", "FOLDER", "where the problems go, a JSON file each"},
};
static const char *const examples[] = {
    "dse layers configs/placement.cfg --out problems",
    "dse layers configs/placement.cfg --out problems --set 'placement.models=[\"vfs\"]' "
    "--set placement.link_gbytes_per_s=0.3",
    "dse layers configs/placement.cfg --out problems --set 'placement.models=[\"mocap\"]' "
    "--set 'placement.accelerators=[\"nvdla_like\", \"tpuv2_like\"]'",
    NULL};
const struct command command_layers = {
    .name = "layers",
    .words = "RUN.cfg",
    .summary = "placement problems: the layers of a network on unlike devices",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "RUN.cfg holds the groups placement, cost and technology (dse list keys). Writes FOLDER/NETWORK_LINK.json\n"
        "(link in MB/s) for every network and link, which dse map placement reads: what each layer takes on each\n"
        "device, its weights, and what flows between layers. Boards go by their formulas, accelerators by our\n"
        "cost model.",
    .examples = examples,
    .run = run,
};

/* dse shards: problems of sharding that a network's layers make on sets of boards, for `dse map sharding`. */
#include "dse/commands/command.h"
#include "dse/sharding/sharding_table.h"

#include "base/file.h"
#include "search/placement/placement_read.h"
#include "search/sharding/sharding_read.h"
#include <jansson.h>
#include <math.h>

struct making {
  struct invocation *invocation;
  struct sharding_table_settings settings;
  struct sharding_table table;
  json_t *list; /* with --json */
};

/* The settings, and what follows from them while messages can still name their lines. */
static bool open_table(struct making *making, struct error *error) {
  struct invocation *const invocation = making->invocation;
  struct config *config;
  if (!config_open(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &config, error))
    return false;
  const size_t n_designs = config_count(config, "sharding.designs");
  struct sharding_design_settings *const designs =
      ARENA_NEW(invocation->arena, struct sharding_design_settings, n_designs);
  struct config_section *const sections = ARENA_NEW(invocation->arena, struct config_section, n_designs + 1);
  sections[0] = (struct config_section){"sharding", &sharding_table_fields, &making->settings, false};
  for (size_t i = 0; i < n_designs; i++) {
    const char *const group = arena_printf(invocation->arena, "sharding.designs.[%zu]", i);
    sections[i + 1] = (struct config_section){group, &sharding_design_fields, &designs[i], true};
  }
  const struct tenancy_world world = {.data_folder = invocation->data_folder,
                                      .path = invocation->words[0],
                                      .group = "sharding",
                                      .config = config,
                                      .arena = invocation->arena,
                                      .scratch = invocation->scratch};
  const bool opened = config_apply(config, sections, n_designs + 1, invocation->arena, error) &&
                      sharding_table_open(&making->settings, designs, n_designs, &world, &making->table, error);
  config_close(config);
  return opened;
}

/* How far one board would go: all layers on it, each by the design that is fastest for it. */
static void report(struct making *making, const struct sharding_problem *problem, const char *path) {
  const struct sharding_strategy whole = {{1, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  double fastest_s = 0;
  uint64_t weight_bytes = 0;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    double least_s = INFINITY;
    for (size_t d = 0; d < problem->n_designs; d++) {
      struct sharding_cost cost;
      sharding_cost(problem, l, &problem->designs[d], 1, INFINITY, &whole, &cost);
      least_s = fmin(least_s, cost.total_s);
      if (d == 0) weight_bytes += cost.weight_bytes;
    }
    fastest_s += least_s;
  }
  if (making->invocation->json) {
    json_array_append_new(making->list,
                          json_pack("{ss sI sI sI sI sf sf sf}", "file", path, "layers", (json_int_t)problem->n_layers,
                                    "edges", (json_int_t)problem->n_edges, "boards", (json_int_t)problem->n_boards,
                                    "weight_bytes", (json_int_t)weight_bytes, "intra_bytes_per_s",
                                    problem->intra_bytes_per_s, "inter_bytes_per_s", problem->inter_bytes_per_s,
                                    "one_board_s", fastest_s));
  } else {
    say(making->invocation, "%s: %zu layers, %zu edges, %zu boards at %g and %g GB/s; on one board %.6g s\n", path,
        problem->n_layers, problem->n_edges, problem->n_boards, problem->intra_bytes_per_s / 1e9,
        problem->inter_bytes_per_s / 1e9, fastest_s);
  }
}

static bool make_problems(struct making *making, const char *out, struct error *error) {
  struct arena *const arena = making->invocation->scratch;
  if (!file_make_folder(out, error)) return false;
  for (size_t i = 0; i < sharding_table_n_problems(&making->table); i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct sharding_problem problem;
    struct placement_problem placement;
    if (!sharding_table_build(&making->table, i, arena, &problem, error)) return false;
    const char *const path = arena_printf(arena, "%s/%s.json", out, problem.name);
    if (!sharding_write(&problem, path, arena, error)) return false;
    if (making->settings.placement) {
      const char *const beside = arena_printf(arena, "%s/%s.placement.json", out, problem.name);
      if (!sharding_table_placement(&problem, arena, &placement, error)) return false;
      if (!placement_write(&placement, beside, arena, error)) return false;
    }
    report(making, &problem, path);
    arena_rewind(arena, mark);
  }
  return true;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct making *const making = ARENA_NEW(invocation->arena, struct making, 1);
  making->invocation = invocation;
  const char *const out = invocation_value(invocation, "out");
  if (out == NULL) error_add(error, STATUS_INPUT, "dse shards: --out FOLDER is needed");
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
    "dse shards configs/sharding.cfg --out problems",
    "dse shards configs/sharding.cfg --out problems --set 'sharding.models=[\"bert-base sequence=128\"]' "
    "--set sharding.overlap=true",
    "dse shards configs/sharding.cfg --out problems --set 'sharding.models=[\"mocap\"]' --set sharding.adaptive=false "
    "--set 'sharding.board_designs=[\"D1\", \"D2\"]' --set sharding.placement=true",
    NULL};
const struct command command_shards = {
    .name = "shards",
    .words = "RUN.cfg",
    .summary = "sharding problems: the layers of a network on sets of boards",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "RUN.cfg holds the group sharding (dse list keys). Writes FOLDER/NETWORK_INTRA-INTER.json (links in MB/s) for\n"
        "every network and speed of links, which dse map sharding reads: the loops of the layers, what flows between\n"
        "them, boards, designs. With sharding.placement=true also NAME.placement.json for dse map placement: the same\n"
        "layers, none of them split.",
    .examples = examples,
    .run = run,
};

/* dse shards: problems of sharding that a network's layers make on sets of boards, for `dse map sharding`. */
#include "dse/map/map_maker.h"
#include "dse/sharding/sharding_table.h"

#include "search/placement/placement_read.h"
#include "search/sharding/sharding_read.h"
#include <math.h>

static const void *open_table(const struct map_maker_settings *settings, const struct tenancy_world *world,
                              struct error *error) {
  struct sharding_table *const table = ARENA_NEW(world->arena, struct sharding_table, 1);
  return sharding_table_open(settings->own, settings->list, settings->n_list, world, table, error) ? table : NULL;
}

static size_t count(const void *table) { return sharding_table_n_problems(table); }

static const void *build(const void *table, size_t i, struct arena *arena, struct error *error) {
  struct sharding_problem *const problem = ARENA_NEW(arena, struct sharding_problem, 1);
  return sharding_table_build(table, i, arena, problem, error) ? problem : NULL;
}

/* How far one board would go: all layers on it, each by the design that is fastest for it. */
static void report(const struct map_making *making, const struct sharding_problem *problem, const char *path) {
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
  if (making->list != NULL) {
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

static bool write_problem(const struct map_making *making, const void *made, struct error *error) {
  const struct sharding_problem *const problem = made;
  struct arena *const scratch = making->invocation->scratch;
  const char *const path = arena_printf(scratch, "%s/%s.json", making->out, problem->name);
  if (!sharding_write(problem, path, error)) return false;
  if (((const struct sharding_table *)making->table)->settings->placement) {
    struct placement_problem placement;
    const char *const beside = arena_printf(scratch, "%s/%s.placement.json", making->out, problem->name);
    if (!sharding_table_placement(problem, scratch, &placement, error)) return false;
    if (!placement_write(&placement, beside, error)) return false;
  }
  report(making, problem, path);
  return true;
}

const struct map_maker map_maker_shards = {.command = "shards",
                                           .group = "sharding",
                                           .fields = &sharding_table_fields,
                                           .settings_bytes = sizeof(struct sharding_table_settings),
                                           .list = "sharding.designs",
                                           .list_fields = &sharding_design_fields,
                                           .list_bytes = sizeof(struct sharding_design_settings),
                                           .open = open_table,
                                           .count = count,
                                           .build = build,
                                           .write = write_problem};

static enum status run(struct invocation *invocation, struct error *error) {
  return map_make(invocation, &map_maker_shards, error);
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

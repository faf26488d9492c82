/* dse chips: problems of partition that networks make on modules of chips, for `dse map partition`. */
#include "dse/map/map_maker.h"
#include "dse/partition/partition_table.h"

#include "search/partition/partition_read.h"
#include <inttypes.h>

static const void *open_table(const struct map_maker_settings *settings, const struct tenancy_world *world,
                              struct error *error) {
  struct partition_table *const table = ARENA_NEW(world->arena, struct partition_table, 1);
  return partition_table_open(settings->own, world, table, error) ? table : NULL;
}

static size_t count(const void *table) { return ((const struct partition_table *)table)->settings->models.n; }

static const void *build(const void *table, size_t i, struct arena *arena, struct error *error) {
  struct partition_problem *const problem = ARENA_NEW(arena, struct partition_problem, 1);
  return partition_table_build(table, i, arena, problem, error) ? problem : NULL;
}

/* What one chip alone would take, and what chips hold. */
static void report(const struct map_making *making, const struct partition_problem *problem, const char *path) {
  double total_ms = 0, weight_bytes = 0;
  for (size_t v = 0; v < problem->n_nodes; v++) {
    total_ms += problem->compute_ms[v];
    weight_bytes += (double)problem->weight_bytes[v];
  }
  if (making->list != NULL) {
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

static bool write_problem(const struct map_making *making, const void *made, struct error *error) {
  const struct partition_problem *const problem = made;
  struct arena *const scratch = making->invocation->scratch;
  const char *const path = arena_printf(scratch, "%s/%s.json", making->out, problem->name);
  if (!partition_write(problem, path, scratch, error)) return false;
  report(making, problem, path);
  return true;
}

const struct map_maker map_maker_chips = {.command = "chips",
                                          .group = "chips",
                                          .fields = &partition_table_fields,
                                          .settings_bytes = sizeof(struct partition_table_settings),
                                          .with_costs = true,
                                          .with_training = true,
                                          .cores_key = "accelerator",
                                          .open = open_table,
                                          .count = count,
                                          .build = build,
                                          .write = write_problem};

static enum status run(struct invocation *invocation, struct error *error) {
  return map_make(invocation, &map_maker_chips, error);
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

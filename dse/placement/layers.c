/* dse layers: problems of placement that a network's layers make on unlike devices, for `dse map placement`. */
#include "dse/map/map_maker.h"
#include "dse/placement/placement_table.h"

#include "search/placement/placement_read.h"
#include <math.h>

static const void *open_table(const struct map_maker_settings *settings, const struct tenancy_world *world,
                              struct error *error) {
  struct placement_table *const table = ARENA_NEW(world->arena, struct placement_table, 1);
  return placement_table_open(settings->own, world, table, error) ? table : NULL;
}

static size_t count(const void *table) { return placement_table_n_problems(table); }

static const void *build(const void *table, size_t i, struct arena *arena, struct error *error) {
  struct placement_problem *const problem = ARENA_NEW(arena, struct placement_problem, 1);
  return placement_table_build(table, i, arena, problem, error) ? problem : NULL;
}

/* How far devices alone would go: each layer on the one that computes it fastest, nothing moved. */
static void report(const struct map_making *making, const struct placement_problem *problem, const char *path) {
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
  if (making->list != NULL) {
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

static bool write_problem(const struct map_making *making, const void *made, struct error *error) {
  const struct placement_problem *const problem = made;
  struct arena *const scratch = making->invocation->scratch;
  const char *const path = arena_printf(scratch, "%s/%s.json", making->out, problem->name);
  if (!placement_write(problem, path, error)) return false;
  report(making, problem, path);
  return true;
}

const struct map_maker map_maker_layers = {.command = "layers",
                                           .group = "placement",
                                           .fields = &placement_table_fields,
                                           .settings_bytes = sizeof(struct placement_table_settings),
                                           .with_costs = true,
                                           .open = open_table,
                                           .count = count,
                                           .build = build,
                                           .write = write_problem};

static enum status run(struct invocation *invocation, struct error *error) {
  return map_make(invocation, &map_maker_layers, error);
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

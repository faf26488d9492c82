/* dse jobs: tables of jobs that several networks make on cores with one memory, for `dse map tenancy`. */
#include "dse/map/map_maker.h"

static const void *open_table(const struct map_maker_settings *settings, const struct tenancy_world *world,
                              struct error *error) {
  struct tenancy_table *const table = ARENA_NEW(world->arena, struct tenancy_table, 1);
  return tenancy_table_open(settings->own, world, table, error) ? table : NULL;
}

static void begin(const struct invocation *invocation, const void *table) {
  const struct tenancy_pool *const pool = &((const struct tenancy_table *)table)->pool;
  if (pool->n_left_out == 0) return;
  remark(invocation, "%zu layers to draw from; %zu operators of other kinds are left out\n", pool->n_layers,
         pool->n_left_out);
}

static size_t count(const void *table) { return tenancy_table_n_instances(table); }

static const void *build(const void *table, size_t i, struct arena *arena, struct error *error) {
  struct tenancy_instance *const instance = ARENA_NEW(arena, struct tenancy_instance, 1);
  return tenancy_table_build(table, i, arena, instance, error) ? instance : NULL;
}

/* Cores that a job is fastest on, and what that takes of the memory: is it scarce? */
static void report(const struct map_making *making, const struct tenancy_instance *instance, const char *folder) {
  const struct tenancy_problem *const problem = &instance->problem;
  double least_bytes = 0;
  uint64_t n_pairs = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double least = -1;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (!tenancy_can_run(problem, j, c)) continue;
      const size_t at = tenancy_at(problem, j, c);
      const double bytes = problem->bytes_per_cycle[at] * (double)problem->latency_cycles[at];
      if (least < 0 || bytes < least) least = bytes;
      n_pairs++;
    }
    least_bytes += least;
  }
  if (making->list != NULL) {
    json_array_append_new(making->list,
                          json_pack("{ss sI sI sI sI sI sf sf}", "folder", folder, "jobs", (json_int_t)problem->n_jobs,
                                    "cores", (json_int_t)problem->n_cores, "pairs", (json_int_t)n_pairs, "job_classes",
                                    (json_int_t)problem->n_classes, "core_groups", (json_int_t)problem->n_groups,
                                    "bandwidth_bytes_per_cycle", problem->bandwidth_bytes_per_cycle, "least_bytes",
                                    least_bytes));
  } else {
    say(making->invocation, "%s: %zu jobs (%zu distinct) on %zu cores (%zu kinds) at %g B/cycle, at least %.6g bytes\n",
        folder, problem->n_jobs, problem->n_classes, problem->n_cores, problem->n_groups,
        problem->bandwidth_bytes_per_cycle, least_bytes);
  }
}

static bool write_problem(const struct map_making *making, const void *made, struct error *error) {
  const struct tenancy_instance *const instance = made;
  struct arena *const scratch = making->invocation->scratch;
  const char *const folder = arena_printf(scratch, "%s/%s", making->out, instance->problem.name);
  if (!tenancy_table_write(making->table, instance, folder, scratch, error)) return false;
  report(making, instance, folder);
  return true;
}

const struct map_maker map_maker_jobs = {.command = "jobs",
                                         .group = "tenancy",
                                         .fields = &tenancy_table_fields,
                                         .settings_bytes = sizeof(struct tenancy_table_settings),
                                         .with_costs = true,
                                         .with_training = true,
                                         .open = open_table,
                                         .begin = begin,
                                         .count = count,
                                         .build = build,
                                         .write = write_problem};

static enum status run(struct invocation *invocation, struct error *error) {
  return map_make(invocation, &map_maker_jobs, error);
}

static const struct command_option options[] = {
    {"out", "FOLDER", "where the instances go, a folder each"},
};
static const char *const examples[] = {
    "dse jobs configs/tenancy.cfg --out jobs",
    "dse jobs configs/tenancy.cfg --out jobs --set tenancy.provider=compat --set tenancy.task=vision",
    "dse jobs configs/tenancy.cfg --out jobs --set 'tenancy.accelerators=[\"tpuv4\", \"2 x tpuv3\"]' "
    "--set tenancy.bandwidth_bytes_per_cycle=64",
    NULL};
const struct command command_jobs = {
    .name = "jobs",
    .words = "RUN.cfg",
    .summary = "tables of jobs of several networks on cores that share one memory",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details = "RUN.cfg holds the groups tenancy, cost, technology and training (dse list keys). Writes\n"
               "FOLDER/NAME/instance.json and jobs.csv for every group of jobs and bandwidth, which dse map tenancy "
               "reads:\n"
               "what each job takes on each core alone, with memory without limit, and what it then needs of it.",
    .examples = examples,
    .run = run,
};

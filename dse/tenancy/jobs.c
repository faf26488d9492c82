/* dse jobs: tables of jobs that several networks make on cores with one memory, for `dse map tenancy`. */
#include "dse/commands/command.h"
#include "dse/tenancy/tenancy_table.h"

#include "base/text.h"
#include <inttypes.h>
#include <jansson.h>

struct making {
  struct invocation *invocation;
  struct cost_settings cost;
  struct technology technology;
  struct training_settings training;
  struct tenancy_table_settings settings;
  struct tenancy_table table;
  json_t *list; /* with --json */
};

/* The settings, and what follows from them while messages can still name their lines. */
static bool open_table(struct making *making, struct error *error) {
  struct invocation *const invocation = making->invocation;
  struct config *config;
  if (!config_open(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &config, error))
    return false;
  const struct config_section sections[] = {
      {"tenancy", &tenancy_table_fields, &making->settings, false},
      {"cost", &cost_fields, &making->cost, false},
      {"technology", &technology_fields, &making->technology, false},
      {"training", &training_fields, &making->training, false},
  };
  const struct tenancy_world world = {.data_folder = invocation->data_folder,
                                      .path = invocation->words[0],
                                      .config = config,
                                      .cost = &making->cost,
                                      .technology = &making->technology,
                                      .training = &making->training,
                                      .arena = invocation->arena,
                                      .scratch = invocation->scratch};
  const bool opened = config_apply(config, sections, sizeof sections / sizeof *sections, invocation->arena, error) &&
                      tenancy_table_open(&making->settings, &world, &making->table, error);
  config_close(config);
  return opened;
}

/* Cores that a job is fastest on, and what that takes of the memory: is it scarce? */
static void report(struct making *making, const struct tenancy_instance *instance, const char *folder) {
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
  if (making->invocation->json) {
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

static bool make_instances(struct making *making, const char *out, struct error *error) {
  struct arena *const arena = making->invocation->scratch;
  for (size_t i = 0; i < tenancy_table_n_instances(&making->table); i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct tenancy_instance instance;
    if (!tenancy_table_build(&making->table, i, arena, &instance, error)) return false;
    const char *const folder = arena_printf(arena, "%s/%s", out, instance.problem.name);
    if (!tenancy_table_write(&making->table, &instance, folder, arena, error)) return false;
    report(making, &instance, folder);
    arena_rewind(arena, mark);
  }
  return true;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct making *const making = ARENA_NEW(invocation->arena, struct making, 1);
  making->invocation = invocation;
  const char *const out = invocation_value(invocation, "out");
  if (out == NULL) error_add(error, STATUS_INPUT, "dse jobs: --out FOLDER is needed");
  if (!open_table(making, error) || error_is_set(error)) return error->status;
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  const struct tenancy_pool *const pool = &making->table.pool;
  if (pool->n_left_out > 0)
    remark(invocation, "%zu layers to draw from; %zu operators of other kinds are left out\n", pool->n_layers,
           pool->n_left_out);
  making->list = json_array();
  const bool made = make_instances(making, out, error);
  if (made && invocation->json) {
    json_dumpf(making->list, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    putchar('\n');
  }
  json_decref(making->list);
  return made ? STATUS_OK : error->status;
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

/* An instance as a folder that `dse map tenancy` reads, with where each row came from. See tenancy_table.h. */
#include "dse/tenancy/tenancy_table.h"

#include "base/file.h"
#include "results/table.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The last one with provider physical alone: a column that is there must be full. */
static const struct table_column columns[] = {
    {"job", "", "", "number of the job"},
    {"orig_row", "", "", "its place in the draw: order of arrival"},
    {"tenant", "", "", "network that it belongs to, with its overrides"},
    {"layer", "", "", "operator of the network"},
    {"phase", "", "", "forward, backward-data, backward-weight or update"},
    {"layer_type", "", "", "0 FC, 1 convolution, 2 depthwise, 3 GEMM; empty: none of them"},
    {"d0", "", "", "bounds by layer_type: FC outputs, inputs; convolutions K, C, Y, X, R, S; GEMM M, N, K"},
    {"d1", "", "", "see d0"},
    {"d2", "", "", "see d0"},
    {"d3", "", "", "see d0"},
    {"d4", "", "", "see d0"},
    {"d5", "", "", "see d0"},
    {"images", "", "", "of a convolution, one after another"},
    {"macs", "", "", "multiply-accumulates"},
    {"accel", "", "", "number of the core"},
    {"style", "", "", "dataflow of the core, or its accelerator"},
    {"num_pes", "", "", "its multiply-accumulate units"},
    {"cluster_size", "", "", "of them in a cluster (provider compat)"},
    {"latency_cycles", "cycles", "min", "alone, memory without limit"},
    {"bw_bytes_per_cycle", "bytes_per_cycle", "min", "needed to run so"},
    {"auc_bytes", "bytes", "min", "product of the two: bytes moved"},
    {"energy_nj", "nJ", "min", "of the run"},
};

static void table_known(struct table *table, bool known, uint64_t value) {
  if (known)
    table_u64(table, value);
  else
    table_empty(table);
}

static void write_row(const struct tenancy_table *table, const struct tenancy_instance *instance, size_t job,
                      size_t core, struct table *rows) {
  const struct tenancy_problem *const problem = &instance->problem;
  const struct tenancy_layer *const layer = &table->pool.layers[instance->layer[job]];
  const struct op *const op = tenancy_table_op(table, instance->layer[job]);
  const struct tenancy_price *const price = tenancy_table_price(table, instance->layer[job], core);
  struct maestro_row form;
  struct maestro_layer bounds;
  const bool has_form = maestro_row_of(op, &form, &bounds);
  table_u64(rows, job);
  table_u64(rows, problem->arrival[job]);
  table_text(rows, problem->tenants[problem->tenant[job]]);
  table_text(rows, op_name(&table->pool.models[layer->model].graph, layer->op));
  table_text(rows, op_phase_names[op->phase]);
  table_known(rows, has_form, has_form ? form.type : 0);
  for (int d = 0; d < MAESTRO_DIMS; d++) table_known(rows, has_form, has_form ? form.dims[d] : 0);
  table_known(rows, has_form, has_form ? form.images : 0);
  table_u64(rows, problem->macs[job]);
  table_u64(rows, core);
  table_text(rows, problem->core_styles[core]);
  table_u64(rows, problem->core_pes[core]);
  table_known(rows, price->cluster_pes > 0, price->cluster_pes);
  table_u64(rows, price->latency_cycles);
  table_double(rows, price->bytes_per_cycle);
  table_double(rows, price->bytes_per_cycle * (double)price->latency_cycles);
  if (problem->energy_nj != NULL) table_double(rows, price->energy_nj);
}

static bool publish_table(struct table *table, const char *path, struct error *error) {
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  return file_publish(path, bytes, n, error);
}

/* An instance that was here before may have had edges: they are overwritten too. */
static bool write_edges(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                        struct error *error) {
  static const struct table_column ends[] = {{"pred", "", "", "the job that must end before"},
                                             {"succ", "", "", "the job that waits"}};
  struct table *const table = table_new(arena, "edges.csv", ends, sizeof ends / sizeof *ends);
  if (problem->pred_start == NULL && !file_exists(path)) return true;
  for (size_t j = 0; j < problem->n_jobs && problem->pred_start != NULL; j++) {
    for (size_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
      table_u64(table, problem->preds[e]);
      table_u64(table, j);
    }
  }
  return publish_table(table, path, error);
}

static json_t *instance_json(const struct tenancy_table *table, const struct tenancy_instance *instance) {
  const struct tenancy_problem *const problem = &instance->problem;
  const struct tenancy_table_settings *const settings = table->settings;
  json_t *const accels = json_array();
  double macs = 0; /* whole numbers of one table, added in its order; no answer depends on it */
  for (size_t j = 0; j < problem->n_jobs; j++) macs += (double)problem->macs[j];
  for (size_t c = 0; c < problem->n_cores; c++) {
    json_array_append_new(accels, json_pack("{sI ss sI}", "id", (json_int_t)c, "style", problem->core_styles[c], "pes",
                                            (json_int_t)problem->core_pes[c]));
  }
  const bool physical = settings->provider == TENANCY_PHYSICAL;
  json_t *const object = json_pack(
      "{ss ss ss sI sI sf ss ss sI sI sf so}", "name", problem->name, "setting", table->cores.name, "task",
      table->pool.name, "num_jobs", (json_int_t)problem->n_jobs, "num_accels", (json_int_t)problem->n_cores,
      "system_bw_bytes_per_cycle", problem->bandwidth_bytes_per_cycle, "provider", physical ? "physical" : "compat",
      "bw_model", physical ? "DRAM bytes" : maestro_bandwidth_names[settings->bandwidth_model], "seed",
      (json_int_t)settings->seed, "group", (json_int_t)instance->group, "total_macs", macs, "accels", accels);
  REQUIRE(object != NULL);
  return object;
}

bool tenancy_table_write(const struct tenancy_table *table, const struct tenancy_instance *instance, const char *folder,
                         struct arena *arena, struct error *error) {
  const struct tenancy_problem *const problem = &instance->problem;
  const struct arena_mark mark = arena_get_mark(arena);
  const size_t n_columns = sizeof columns / sizeof *columns - (problem->energy_nj == NULL);
  struct table *const rows = table_new(arena, "jobs.csv", columns, n_columns);
  for (size_t j = 0; j < problem->n_jobs; j++)
    for (size_t c = 0; c < problem->n_cores; c++)
      if (tenancy_can_run(problem, j, c)) write_row(table, instance, j, c, rows);
  json_t *const object = instance_json(table, instance);
  char *const text = json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
  json_decref(object);
  REQUIRE(text != NULL);
  const bool written = file_make_folder(folder, error) &&
                       file_publish(arena_printf(arena, "%s/instance.json", folder), arena_printf(arena, "%s\n", text),
                                    strlen(text) + 1, error) &&
                       publish_table(rows, arena_printf(arena, "%s/jobs.csv", folder), error) &&
                       write_edges(problem, arena_printf(arena, "%s/edges.csv", folder), arena, error);
  free(text);
  arena_rewind(arena, mark);
  return written;
}

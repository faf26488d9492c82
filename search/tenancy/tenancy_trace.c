/* Traces of arrivals, and the jobs that they stand for. See tenancy_online.h. */
#include "search/tenancy/tenancy_online.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include "search/names.h"
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 64, MAX_TRACE_BYTES = 1 << 28, MOST_ARRIVALS = TENANCY_MAX_JOBS };

struct reading {
  const struct tenancy_problem *instance;
  struct arena *arena;
  struct error *error;
  struct csv csv;
  const char *file;
  size_t arrival_column, job_column, model_column, deadline_column, tenant_column;
  /* By row. */
  uint64_t *arrival_cycles, *deadline_cycles;
  uint32_t *job, *model, *tenant; /* job UINT32_MAX: all of the model */
  struct names tenants;
  size_t n_jobs;
  const uint32_t *model_start, *model_jobs; /* the instance's jobs by tenant */
};

static bool complain(const struct reading *reading, size_t row, size_t column, const char *what) {
  char shown[SHOWN_BYTES];
  text_escape(csv_cell(&reading->csv, row, column), shown, sizeof shown);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: \"%s\" %s", reading->file, reading->csv.line[row],
                   reading->csv.header[column], shown, what);
}

static bool find_columns(struct reading *reading) {
  const struct csv *csv = &reading->csv;
  reading->arrival_column = csv_column(csv, "arrival_cycles");
  reading->job_column = csv_column(csv, "job"), reading->model_column = csv_column(csv, "model");
  reading->deadline_column = csv_column(csv, "deadline_cycles"), reading->tenant_column = csv_column(csv, "tenant");
  if (reading->arrival_column == SIZE_MAX) {
    error_add(reading->error, STATUS_INPUT, "%s:1: arrival_cycles: this column is missing", reading->file);
  }
  if (reading->job_column == SIZE_MAX && reading->model_column == SIZE_MAX) {
    error_add(reading->error, STATUS_INPUT, "%s:1: job: this column, or model, is missing", reading->file);
  }
  if (reading->model_column != SIZE_MAX && reading->instance->tenants == NULL) {
    error_add(reading->error, STATUS_INPUT, "%s:1: model: the instance's jobs.csv has no column tenant", reading->file);
  }
  return !error_is_set(reading->error);
}

static const char *cell(const struct reading *reading, size_t row, size_t column) {
  return column == SIZE_MAX ? "" : csv_cell(&reading->csv, row, column);
}

static bool read_what(struct reading *reading, size_t row) {
  const struct tenancy_problem *instance = reading->instance;
  const char *job = cell(reading, row, reading->job_column), *model = cell(reading, row, reading->model_column);
  uint64_t number;
  reading->job[row] = UINT32_MAX;
  if (job[0] != '\0') {
    if (!text_to_u64(job, &number) || number >= instance->n_jobs) {
      return complain(reading, row, reading->job_column,
                      arena_printf(reading->arena, "is no job; the instance has jobs 0 to %zu", instance->n_jobs - 1));
    }
    reading->job[row] = (uint32_t)number;
    reading->n_jobs++;
    return true;
  }
  for (uint32_t t = 0; model[0] != '\0' && t < instance->n_tenants; t++) {
    if (strcmp(instance->tenants[t], model) != 0) continue;
    reading->model[row] = t;
    reading->n_jobs += reading->model_start[t + 1] - reading->model_start[t];
    return true;
  }
  const size_t column = reading->model_column != SIZE_MAX ? reading->model_column : reading->job_column;
  return complain(reading, row, column, "is no tenant of the instance");
}

static bool too_many(const struct reading *reading) {
  return reading->n_jobs > TENANCY_MAX_JOBS || reading->n_jobs * reading->instance->n_cores > TENANCY_MAX_ROWS;
}

static bool read_row(struct reading *reading, size_t row) {
  bool fine = text_to_u64(cell(reading, row, reading->arrival_column), &reading->arrival_cycles[row]) &&
              reading->arrival_cycles[row] < TENANCY_END_CYCLES;
  if (!fine) complain(reading, row, reading->arrival_column, "is no whole number below 2^55");
  reading->deadline_cycles[row] = UINT64_MAX;
  if (cell(reading, row, reading->deadline_column)[0] != '\0' &&
      !text_to_u64(cell(reading, row, reading->deadline_column), &reading->deadline_cycles[row])) {
    fine = complain(reading, row, reading->deadline_column, "is no whole number");
  }
  if (!read_what(reading, row)) return false;
  const char *tenant = cell(reading, row, reading->tenant_column);
  if (reading->tenant_column == SIZE_MAX) {
    const uint32_t *of_job = reading->instance->tenant;
    const uint32_t number = reading->job[row] == UINT32_MAX ? reading->model[row]
                            : of_job != NULL                ? of_job[reading->job[row]]
                                                            : 0;
    tenant = reading->instance->tenants != NULL ? reading->instance->tenants[number] : "all";
  }
  reading->tenant[row] = (uint32_t)names_add(&reading->tenants, tenant);
  if (!too_many(reading)) return fine;
  return error_add(reading->error, STATUS_INPUT, "%s:%u: more than %zu jobs arrive, which is the most for %zu cores",
                   reading->file, reading->csv.line[row], TENANCY_MAX_ROWS / reading->instance->n_cores,
                   reading->instance->n_cores);
}

/* The instance's jobs by tenant, in compressed rows. */
static void sort_models(struct reading *reading) {
  const struct tenancy_problem *instance = reading->instance;
  uint32_t *start = ARENA_NEW(reading->arena, uint32_t, instance->n_tenants + 2);
  uint32_t *jobs = ARENA_NEW(reading->arena, uint32_t, instance->n_jobs), *fill = start + 1;
  for (size_t j = 0; j < instance->n_jobs && instance->tenant != NULL; j++) fill[instance->tenant[j] + 1]++;
  for (size_t t = 0; t < instance->n_tenants; t++) fill[t + 1] += fill[t];
  for (uint32_t j = 0; j < instance->n_jobs && instance->tenant != NULL; j++) jobs[fill[instance->tenant[j]]++] = j;
  reading->model_start = start, reading->model_jobs = jobs;
}

/* Rows by arrival, of equal ones as they come. */
static uint32_t *sort_rows(const struct reading *reading) {
  const size_t n = reading->csv.n_rows;
  double *key = ARENA_NEW(reading->arena, double, n);
  uint32_t *order = ARENA_NEW(reading->arena, uint32_t, n);
  for (size_t r = 0; r < n; r++) key[r] = (double)reading->arrival_cycles[r];
  tenancy_order_by(&(const struct tenancy_problem){.n_jobs = n}, key, reading->arena, order);
  return order;
}

/* --- jobs -----------------------------------------------------------------------------------------------------------
 */

struct copying {
  struct reading *reading;
  uint32_t *source; /* [jobs] of the instance */
  uint64_t *latency, *release, *deadline, *macs;
  double *need, *energy, *weight;
  uint32_t *tenant, *pred_start, *preds, n_preds;
};

static void copy_job(struct copying *copying, size_t to, size_t row) {
  const struct tenancy_problem *instance = copying->reading->instance;
  const size_t n_cores = instance->n_cores, from = copying->source[to];
  memcpy(copying->latency + to * n_cores, instance->latency_cycles + from * n_cores, n_cores * sizeof(uint64_t));
  memcpy(copying->need + to * n_cores, instance->bytes_per_cycle + from * n_cores, n_cores * sizeof(double));
  if (instance->energy_nj != NULL) {
    memcpy(copying->energy + to * n_cores, instance->energy_nj + from * n_cores, n_cores * sizeof(double));
  }
  if (instance->macs != NULL) copying->macs[to] = instance->macs[from];
  copying->weight[to] = instance->weight == NULL ? 1 : instance->weight[from];
  copying->release[to] = copying->reading->arrival_cycles[row];
  copying->deadline[to] = copying->reading->deadline_cycles[row];
  copying->tenant[to] = copying->reading->tenant[row];
}

/* Edges between jobs of one model's arrival; `place` of a job of the instance among those of its model. */
static void copy_edges(struct copying *copying, size_t first, size_t n, const uint32_t *place) {
  const struct tenancy_problem *instance = copying->reading->instance;
  for (size_t i = first; i < first + n; i++) {
    const uint32_t job = copying->source[i];
    for (uint32_t e = 0;
         n > 1 && instance->pred_start != NULL && e < instance->pred_start[job + 1] - instance->pred_start[job]; e++) {
      const uint32_t pred = instance->preds[instance->pred_start[job] + e];
      if (instance->tenant[pred] == instance->tenant[job]) {
        copying->preds[copying->n_preds++] = (uint32_t)first + place[pred];
      }
    }
    copying->pred_start[i + 1] = copying->n_preds;
  }
}

static void open_copying(struct copying *copying, struct reading *reading) {
  struct arena *arena = reading->arena;
  const struct tenancy_problem *instance = reading->instance;
  const size_t n = reading->n_jobs, n_pairs = n * instance->n_cores;
  size_t n_edges = 0;
  for (size_t r = 0; r < reading->csv.n_rows && instance->pred_start != NULL; r++) {
    if (reading->job[r] == UINT32_MAX) n_edges += instance->pred_start[instance->n_jobs];
  }
  *copying = (struct copying){.reading = reading,
                              .source = ARENA_NEW(arena, uint32_t, n),
                              .latency = ARENA_NEW(arena, uint64_t, n_pairs),
                              .release = ARENA_NEW(arena, uint64_t, n),
                              .deadline = ARENA_NEW(arena, uint64_t, n),
                              .macs = ARENA_NEW(arena, uint64_t, n),
                              .need = ARENA_NEW(arena, double, n_pairs),
                              .energy = ARENA_NEW(arena, double, n_pairs),
                              .weight = ARENA_NEW(arena, double, n),
                              .tenant = ARENA_NEW(arena, uint32_t, n),
                              .pred_start = ARENA_NEW(arena, uint32_t, n + 1),
                              .preds = ARENA_NEW(arena, uint32_t, n_edges)};
}

static void hand_over(const struct copying *copying, const char *name, struct tenancy_problem *jobs) {
  const struct reading *reading = copying->reading;
  const struct tenancy_problem *instance = reading->instance;
  *jobs = (struct tenancy_problem){.name = name,
                                   .n_jobs = reading->n_jobs,
                                   .n_cores = instance->n_cores,
                                   .bandwidth_bytes_per_cycle = instance->bandwidth_bytes_per_cycle,
                                   .allocation = instance->allocation,
                                   .strict = instance->strict,
                                   .latency_cycles = copying->latency,
                                   .bytes_per_cycle = copying->need,
                                   .energy_nj = instance->energy_nj != NULL ? copying->energy : NULL,
                                   .macs = instance->macs != NULL ? copying->macs : NULL,
                                   .release_cycles = copying->release,
                                   .deadline_cycles = reading->deadline_column != SIZE_MAX ? copying->deadline : NULL,
                                   .weight = copying->weight,
                                   .tenant = copying->tenant,
                                   .n_tenants = reading->tenants.n,
                                   .tenants = reading->tenants.names,
                                   .core_styles = instance->core_styles,
                                   .core_pes = instance->core_pes};
  if (copying->n_preds > 0) jobs->pred_start = copying->pred_start, jobs->preds = copying->preds;
}

static bool make_jobs(struct reading *reading, struct tenancy_trace *trace) {
  struct arena *arena = reading->arena;
  const struct tenancy_problem *instance = reading->instance;
  const size_t n_rows = reading->csv.n_rows;
  const uint32_t *order = sort_rows(reading);
  uint64_t *arrival = ARENA_NEW(arena, uint64_t, n_rows), *deadline = ARENA_NEW(arena, uint64_t, n_rows);
  uint32_t *first = ARENA_NEW(arena, uint32_t, n_rows + 1), *place = ARENA_NEW(arena, uint32_t, instance->n_jobs);
  struct copying copying;
  open_copying(&copying, reading);
  for (size_t t = 0; t < instance->n_tenants; t++) {
    for (uint32_t i = reading->model_start[t]; i < reading->model_start[t + 1]; i++) {
      place[reading->model_jobs[i]] = i - reading->model_start[t];
    }
  }
  for (size_t r = 0; r < n_rows; r++) {
    const uint32_t row = order[r], model = reading->model[row];
    const bool one = reading->job[row] != UINT32_MAX;
    const uint32_t *jobs = one ? &reading->job[row] : reading->model_jobs + reading->model_start[model];
    const uint32_t n = one ? 1 : reading->model_start[model + 1] - reading->model_start[model];
    arrival[r] = reading->arrival_cycles[row], deadline[r] = reading->deadline_cycles[row];
    for (uint32_t i = 0; i < n; i++) {
      copying.source[first[r] + i] = jobs[i];
      copy_job(&copying, first[r] + i, row);
    }
    copy_edges(&copying, first[r], n, place);
    first[r + 1] = first[r] + n;
  }
  *trace = (struct tenancy_trace){
      .n_arrivals = n_rows, .arrival_cycles = arrival, .deadline_cycles = deadline, .first_job = first};
  hand_over(&copying, instance->name, &trace->jobs);
  return tenancy_finish(&trace->jobs, arena, reading->error);
}

bool tenancy_trace_parse(const struct tenancy_problem *instance, const struct tenancy_text *text, struct arena *arena,
                         struct tenancy_trace *trace, struct error *error) {
  char *file = arena_alloc(arena, 4, SHOWN_BYTES);
  text_escape(text->path, file, 4 * SHOWN_BYTES);
  struct reading reading = {.instance = instance, .arena = arena, .error = error, .file = file};
  names_init(&reading.tenants, arena);
  if (!csv_parse(text->path, text->bytes, text->n, MOST_ARRIVALS, arena, &reading.csv, error)) return false;
  if (!find_columns(&reading)) return false;
  const size_t n = reading.csv.n_rows;
  if (n == 0) return error_add(error, STATUS_INPUT, "%s: nothing arrives", file);
  reading.arrival_cycles = ARENA_NEW(arena, uint64_t, n), reading.deadline_cycles = ARENA_NEW(arena, uint64_t, n);
  reading.job = ARENA_NEW(arena, uint32_t, n), reading.model = ARENA_NEW(arena, uint32_t, n);
  reading.tenant = ARENA_NEW(arena, uint32_t, n);
  sort_models(&reading);
  for (size_t r = 0; r < n && !too_many(&reading); r++) read_row(&reading, r);
  return !error_is_set(error) && make_jobs(&reading, trace);
}

bool tenancy_trace_read(const struct tenancy_problem *instance, const char *path, struct arena *arena,
                        struct tenancy_trace *trace, struct error *error) {
  struct tenancy_text text = {.path = path};
  return file_read(path, MAX_TRACE_BYTES, arena, &text.bytes, &text.n, error) &&
         tenancy_trace_parse(instance, &text, arena, trace, error);
}

/* See tenancy_jobs.h. Rows come in any order and are never held: a pass over the text fills tables of one number each,
 * so that memory follows from the sizes that instance.json names, not from the file. */
#include "search/tenancy/tenancy_jobs.h"

#include "base/csv.h"
#include "base/text.h"
#include "search/names.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 64, MOST_TENANTS = 1 << 16, ENOUGH_MESSAGES = 1000 };

enum column { JOB, ACCEL, LATENCY, NEED, ENERGY, MACS, ARRIVAL, RELEASE, DEADLINE, WEIGHT, TENANT, N_COLUMNS };
enum { N_REQUIRED = ENERGY };
static const char *const column_names[N_COLUMNS] = {
    [JOB] = "job",
    [ACCEL] = "accel",
    [LATENCY] = "latency_cycles",
    [NEED] = "bw_bytes_per_cycle",
    [ENERGY] = "energy_nj",
    [MACS] = "macs",
    [ARRIVAL] = "orig_row",
    [RELEASE] = "release_cycles",
    [DEADLINE] = "deadline_cycles",
    [WEIGHT] = "weight",
    [TENANT] = "tenant",
};

struct reading {
  struct tenancy_problem *problem;
  struct arena *arena, *scratch;
  struct error *error;
  const struct csv *csv; /* of the row */
  size_t column[N_COLUMNS];
  uint32_t *line_of_pair; /* [n_jobs * n_cores]; 0: no row yet */
  uint32_t *line_of_job;  /* [n_jobs] of its first row */
  uint32_t *macs_core;    /* [n_jobs] whose macs count */
  uint64_t *latency, *macs, *arrival, *release, *deadline;
  double *need, *energy, *weight;
  uint32_t *tenant;
  struct names tenants;
};

static bool complain(const struct reading *reading, enum column column, const char *what) {
  char file[4 * SHOWN_BYTES], text[SHOWN_BYTES];
  text_escape(reading->csv->path, file, sizeof file);
  text_escape(csv_cell(reading->csv, 0, reading->column[column]), text, sizeof text);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: \"%s\" %s", file, reading->csv->line[0],
                   column_names[column], text, what);
}

static const char *cell(const struct reading *reading, enum column column) {
  return csv_cell(reading->csv, 0, reading->column[column]);
}

static bool has(const struct reading *reading, enum column column) { return reading->column[column] != SIZE_MAX; }

static bool read_whole(const struct reading *reading, enum column column, uint64_t least, uint64_t end,
                       uint64_t *value) {
  if (text_to_u64(cell(reading, column), value) && *value >= least && *value < end) return true;
  char what[96];
  if (end == UINT64_MAX) {
    snprintf(what, sizeof what, "is no whole number from %" PRIu64 " to below 2^64 - 1", least);
  } else if (end == TENANCY_END_CYCLES) {
    snprintf(what, sizeof what, "is no whole number from %" PRIu64 " to below 2^55", least);
  } else {
    snprintf(what, sizeof what, "is no whole number from %" PRIu64 " to %" PRIu64, least, end - 1);
  }
  return complain(reading, column, what);
}

static bool read_number(const struct reading *reading, enum column column, double end, const char *wanted,
                        double *value) {
  if (text_to_double(cell(reading, column), value) && *value >= 0 && *value < end) {
    *value += 0.0; /* no -0 */
    return true;
  }
  return complain(reading, column, wanted);
}

/* --- what belongs to a job ------------------------------------------------------------------------------------------
 */

static void complain_of_change(const struct reading *reading, enum column column, size_t job) {
  char what[96];
  snprintf(what, sizeof what, "is another value than in line %u, where job %zu was first", reading->line_of_job[job],
           job);
  complain(reading, column, what);
}

/* The same in every row of a job. */
static void keep_whole(const struct reading *reading, enum column column, size_t job, uint64_t if_empty,
                       uint64_t *values) {
  if (!has(reading, column)) return;
  uint64_t value = if_empty;
  if (cell(reading, column)[0] != 0 && !read_whole(reading, column, 0, UINT64_MAX, &value)) return;
  if (reading->line_of_job[job] == 0) {
    values[job] = value;
  } else if (values[job] != value) {
    complain_of_change(reading, column, job);
  }
}

static void keep_weight(const struct reading *reading, size_t job) {
  if (!has(reading, WEIGHT)) return;
  double value = 1;
  const char *wanted = "is no finite number above 0";
  if (cell(reading, WEIGHT)[0] != 0) {
    if (!read_number(reading, WEIGHT, INFINITY, wanted, &value)) return;
    if (!(value > 0)) {
      complain(reading, WEIGHT, wanted);
      return;
    }
  }
  if (reading->line_of_job[job] == 0) {
    reading->weight[job] = value;
  } else if (reading->weight[job] < value || reading->weight[job] > value) {
    complain_of_change(reading, WEIGHT, job);
  }
}

static void keep_tenant(struct reading *reading, size_t job) {
  if (!has(reading, TENANT)) return;
  const char *name = cell(reading, TENANT);
  if (reading->line_of_job[job] != 0) {
    if (strcmp(reading->tenants.names[reading->tenant[job]], name) != 0) complain_of_change(reading, TENANT, job);
    return;
  }
  size_t tenant = names_find(&reading->tenants, name);
  if (tenant == SIZE_MAX) {
    if (reading->tenants.n == MOST_TENANTS) {
      complain(reading, TENANT, "is one tenant more than the 65536 that are allowed");
      return;
    }
    tenant = names_add(&reading->tenants, arena_copy_text(reading->arena, name));
  }
  reading->tenant[job] = (uint32_t)tenant;
}

static void keep_macs(const struct reading *reading, size_t job, size_t core) {
  uint64_t macs;
  if (!has(reading, MACS) || !read_whole(reading, MACS, 0, UINT64_MAX, &macs)) return;
  if (reading->line_of_job[job] != 0 && reading->macs_core[job] < core) return;
  reading->macs[job] = macs;
  reading->macs_core[job] = (uint32_t)core;
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static void read_row(void *context, const struct csv *csv) {
  struct reading *reading = context;
  const struct tenancy_problem *problem = reading->problem;
  if (reading->error->n_messages > ENOUGH_MESSAGES) return; /* more than an error keeps */
  reading->csv = csv;
  uint64_t job, core, latency;
  double need, energy = 0;
  bool fine = read_whole(reading, JOB, 0, problem->n_jobs, &job);
  fine = read_whole(reading, ACCEL, 0, problem->n_cores, &core) && fine;
  fine = read_whole(reading, LATENCY, 1, TENANCY_END_CYCLES, &latency) && fine;
  fine = read_number(reading, NEED, TENANCY_END_BYTES_PER_CYCLE, "is no finite number from 0 to below 2^29", &need) &&
         fine;
  if (has(reading, ENERGY)) {
    fine = read_number(reading, ENERGY, INFINITY, "is no finite number of at least 0", &energy) && fine;
  }
  if (!fine) return;
  const size_t at = tenancy_at(problem, job, core);
  if (reading->line_of_pair[at] != 0) {
    char what[96];
    snprintf(what, sizeof what, "has a row for job %" PRIu64 " already, in line %u", job, reading->line_of_pair[at]);
    complain(reading, ACCEL, what);
    return;
  }
  reading->line_of_pair[at] = csv->line[0];
  reading->latency[at] = latency;
  reading->need[at] = need;
  if (has(reading, ENERGY)) reading->energy[at] = energy;
  keep_macs(reading, job, core);
  keep_whole(reading, ARRIVAL, job, job, reading->arrival);
  keep_whole(reading, RELEASE, job, 0, reading->release);
  keep_whole(reading, DEADLINE, job, UINT64_MAX, reading->deadline);
  keep_weight(reading, job);
  keep_tenant(reading, job);
  if (reading->line_of_job[job] == 0) reading->line_of_job[job] = csv->line[0];
}

static bool find_columns(void *context, const struct csv *csv) {
  struct reading *reading = context;
  const size_t n = reading->problem->n_jobs, n_pairs = n * reading->problem->n_cores;
  bool fine = true;
  char file[4 * SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  for (enum column c = JOB; c < N_COLUMNS; c++) {
    reading->column[c] = csv_column(csv, column_names[c]);
    if (has(reading, c) || (int)c >= N_REQUIRED) continue;
    fine = error_add(reading->error, STATUS_INPUT,
                     "%s:1: %s: this column is missing; job, accel, latency_cycles and "
                     "bw_bytes_per_cycle are needed",
                     file, column_names[c]);
  }
  if (!fine) return false;
  reading->latency = ARENA_NEW(reading->arena, uint64_t, n_pairs);
  reading->need = ARENA_NEW(reading->arena, double, n_pairs);
  if (has(reading, ENERGY)) reading->energy = ARENA_NEW(reading->arena, double, n_pairs);
  if (has(reading, MACS)) reading->macs = ARENA_NEW(reading->arena, uint64_t, n);
  if (has(reading, ARRIVAL)) reading->arrival = ARENA_NEW(reading->arena, uint64_t, n);
  if (has(reading, RELEASE)) reading->release = ARENA_NEW(reading->arena, uint64_t, n);
  if (has(reading, DEADLINE)) reading->deadline = ARENA_NEW(reading->arena, uint64_t, n);
  if (has(reading, WEIGHT)) reading->weight = ARENA_NEW(reading->arena, double, n);
  if (has(reading, TENANT)) reading->tenant = ARENA_NEW(reading->arena, uint32_t, n);
  reading->line_of_pair = ARENA_NEW(reading->scratch, uint32_t, n_pairs);
  reading->line_of_job = ARENA_NEW(reading->scratch, uint32_t, n);
  reading->macs_core = ARENA_NEW(reading->scratch, uint32_t, n);
  return true;
}

static bool all_have_rows(const struct reading *reading, const char *path) {
  size_t n_missing = 0, first = 0;
  for (size_t j = reading->problem->n_jobs; j-- > 0;) {
    if (reading->line_of_job[j] == 0) n_missing++, first = j;
  }
  if (n_missing == 0) return true;
  char file[4 * SHOWN_BYTES];
  text_escape(path, file, sizeof file);
  return error_add(reading->error, STATUS_INPUT,
                   "%s: job: job %zu%s has no row, so it can run nowhere; instance.json says that there are jobs 0 to "
                   "%zu, and each needs at least one row",
                   file, first, n_missing > 1 ? arena_printf(reading->scratch, " (and %zu more)", n_missing - 1) : "",
                   reading->problem->n_jobs - 1);
}

/* By the first job of each, so that the order of rows is no matter. */
static void number_tenants(const struct reading *reading, struct tenancy_problem *problem) {
  struct names names;
  names_init(&names, reading->arena);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    reading->tenant[j] = (uint32_t)names_add(&names, reading->tenants.names[reading->tenant[j]]);
  }
  problem->tenant = reading->tenant;
  problem->n_tenants = names.n;
  problem->tenants = names.names;
}

bool tenancy_read_jobs(const struct tenancy_text *text, struct arena *arena, struct arena *scratch,
                       struct tenancy_problem *problem, struct error *error) {
  struct reading reading = {.problem = problem, .arena = arena, .scratch = scratch, .error = error};
  names_init(&reading.tenants, scratch);
  const struct csv_walk walk = {
      .max_rows = TENANCY_MAX_ROWS, .header = find_columns, .row = read_row, .context = &reading};
  if (!csv_walk(text->path, text->bytes, text->n, &walk, scratch, error) || error_is_set(error)) return false;
  if (!all_have_rows(&reading, text->path)) return false;
  problem->latency_cycles = reading.latency;
  problem->bytes_per_cycle = reading.need;
  problem->energy_nj = reading.energy;
  problem->macs = reading.macs;
  problem->arrival = reading.arrival;
  problem->release_cycles = reading.release;
  problem->deadline_cycles = reading.deadline;
  problem->weight = reading.weight;
  if (reading.tenant != NULL) number_tenants(&reading, problem);
  return true;
}

/* --- edges.csv ------------------------------------------------------------------------------------------------------
 */

struct edges {
  struct error *error;
  size_t n_jobs, n, n_kept; /* edges; room for so many */
  size_t pred_column, succ_column;
  struct arena *scratch;
  struct edge {
    uint32_t pred, succ, line;
  } * list;
};

static bool complain_of_edge(const struct edges *edges, const struct csv *csv, const char *column, const char *what) {
  char file[4 * SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  return error_add(edges->error, STATUS_INPUT, "%s:%u: %s: %s", file, csv->line[0], column, what);
}

static bool read_end(const struct edges *edges, const struct csv *csv, size_t column, uint64_t *job) {
  const char *text = csv_cell(csv, 0, column);
  if (text_to_u64(text, job) && *job < edges->n_jobs) return true;
  char shown[SHOWN_BYTES], what[SHOWN_BYTES + 64];
  text_escape(text, shown, sizeof shown);
  snprintf(what, sizeof what, "\"%s\" is no job; there are jobs 0 to %zu", shown, edges->n_jobs - 1);
  return complain_of_edge(edges, csv, csv->header[column], what);
}

static void read_edge(void *context, const struct csv *csv) {
  struct edges *edges = context;
  uint64_t pred, succ;
  const bool fine = read_end(edges, csv, edges->pred_column, &pred);
  if (!read_end(edges, csv, edges->succ_column, &succ) || !fine) return;
  if (pred == succ) {
    complain_of_edge(edges, csv, "succ", "a job cannot wait for itself");
    return;
  }
  if (edges->n == edges->n_kept) {
    edges->n_kept = edges->n_kept == 0 ? 1024 : 2 * edges->n_kept;
    struct edge *larger = ARENA_NEW(edges->scratch, struct edge, edges->n_kept);
    if (edges->n > 0) memcpy(larger, edges->list, edges->n * sizeof *larger);
    edges->list = larger;
  }
  edges->list[edges->n++] = (struct edge){(uint32_t)pred, (uint32_t)succ, csv->line[0]};
}

static bool find_ends(void *context, const struct csv *csv) {
  struct edges *edges = context;
  char file[4 * SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  edges->pred_column = csv_column(csv, "pred");
  edges->succ_column = csv_column(csv, "succ");
  if (edges->pred_column == SIZE_MAX) error_add(edges->error, STATUS_INPUT, "%s:1: pred: this column is missing", file);
  if (edges->succ_column == SIZE_MAX) error_add(edges->error, STATUS_INPUT, "%s:1: succ: this column is missing", file);
  return !error_is_set(edges->error);
}

/* By pred, then by succ, each pass stable: compressed rows with ascending predecessors. */
static void sort_edges(const struct edges *edges, size_t n_jobs, bool by_succ, struct edge *from, struct edge *to) {
  uint32_t *start = ARENA_NEW(edges->scratch, uint32_t, n_jobs + 1);
  for (size_t e = 0; e < edges->n; e++) start[(by_succ ? from[e].succ : from[e].pred) + 1]++;
  for (size_t j = 0; j < n_jobs; j++) start[j + 1] += start[j];
  for (size_t e = 0; e < edges->n; e++) to[start[by_succ ? from[e].succ : from[e].pred]++] = from[e];
}

bool tenancy_read_edges(const struct tenancy_text *text, struct arena *arena, struct arena *scratch,
                        struct tenancy_problem *problem, struct error *error) {
  const size_t n = problem->n_jobs;
  struct edges edges = {.error = error, .n_jobs = n, .scratch = scratch};
  const struct csv_walk walk = {.max_rows = TENANCY_MAX_ROWS, .header = find_ends, .row = read_edge, .context = &edges};
  if (!csv_walk(text->path, text->bytes, text->n, &walk, scratch, error) || error_is_set(error)) return false;
  if (edges.n == 0) return true;
  struct edge *room = ARENA_NEW(scratch, struct edge, edges.n);
  sort_edges(&edges, n, false, edges.list, room);
  sort_edges(&edges, n, true, room, edges.list);
  uint32_t *pred_start = ARENA_NEW(arena, uint32_t, n + 1), *preds = ARENA_NEW(arena, uint32_t, edges.n);
  char file[4 * SHOWN_BYTES];
  text_escape(text->path, file, sizeof file);
  for (size_t e = 0; e < edges.n; e++) {
    const struct edge *edge = &edges.list[e];
    if (e > 0 && edge->succ == edge[-1].succ && edge->pred == edge[-1].pred) {
      error_add(error, STATUS_INPUT, "%s:%u: pred: %u before %u was said in line %u already", file, edge->line,
                edge->pred, edge->succ, edge[-1].line);
    }
    preds[e] = edge->pred;
    pred_start[edge->succ + 1]++;
  }
  for (size_t j = 0; j < n; j++) pred_start[j + 1] += pred_start[j];
  problem->pred_start = pred_start;
  problem->preds = preds;
  return !error_is_set(error) && tenancy_check_order(problem, file, scratch, error);
}

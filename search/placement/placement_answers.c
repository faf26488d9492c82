/* How do answers get in and out? As CSV, a row a layer; a second one for the transfers of `contention`. See
 * placement_read.h. */
#include "search/placement/placement_read.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include "search/names.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 28, SHOWN_BYTES = 80, ENOUGH_MESSAGES = 1000 };

/* --- in -------------------------------------------------------------------------------------------------------------
 */

struct reading {
  const struct placement_problem *problem;
  struct arena *arena, *scratch;
  struct error *error;
  struct csv csv;
  size_t layer, device, position, pinned, start_s, end_s; /* columns */
  struct names layers, devices;
  uint32_t *device_of, *position_of; /* [n_layers] */
  size_t *row_of;                    /* + 1; 0: none */
};

static bool complain(const struct reading *r, size_t row, const char *column, const char *what) {
  if (r->error->n_messages > ENOUGH_MESSAGES) return false; /* more than an error keeps */
  char file[4 * SHOWN_BYTES], shown[SHOWN_BYTES];
  text_escape(r->csv.path, file, sizeof file);
  text_escape(csv_cell(&r->csv, row, csv_column(&r->csv, column)), shown, sizeof shown);
  return error_add(r->error, STATUS_INPUT, "%s:%" PRIu32 ": %s: \"%s\" %s", file, r->csv.line[row], column, shown,
                   what);
}

static size_t find_column(const struct reading *r, const char *name, bool needed, bool *fine) {
  const size_t at = csv_column(&r->csv, name);
  if (at != SIZE_MAX || !needed) return at;
  char file[4 * SHOWN_BYTES];
  text_escape(r->csv.path, file, sizeof file);
  *fine = error_add(r->error, STATUS_INPUT, "%s:1: %s: this column is missing", file, name);
  return at;
}

static bool find_columns(struct reading *r) {
  bool fine = true;
  r->layer = find_column(r, "layer", true, &fine);
  r->device = find_column(r, "device", true, &fine);
  r->position = find_column(r, "position", true, &fine);
  r->pinned = find_column(r, "pinned", true, &fine);
  r->start_s = find_column(r, "start_s", false, &fine);
  r->end_s = find_column(r, "end_s", false, &fine);
  return fine;
}

static void list_names(struct reading *r) {
  const struct placement_problem *p = r->problem;
  names_init(&r->layers, r->scratch);
  names_init(&r->devices, r->scratch);
  for (size_t l = 0; l < p->n_layers; l++) names_add(&r->layers, p->layer_names[l]);
  for (size_t d = 0; d < p->n_devices; d++) names_add(&r->devices, p->devices[d].name);
}

static bool read_time(const struct reading *r, size_t row, const char *column, size_t at, double *value) {
  if (at == SIZE_MAX) return true;
  return text_to_double(csv_cell(&r->csv, row, at), value) || complain(r, row, column, "is no finite number");
}

static bool read_row(struct reading *r, size_t row, struct placement_answer *answer, double *start_s, double *end_s) {
  const size_t layer = names_find(&r->layers, csv_cell(&r->csv, row, r->layer));
  const size_t device = names_find(&r->devices, csv_cell(&r->csv, row, r->device));
  const char *pinned = csv_cell(&r->csv, row, r->pinned);
  uint64_t position;
  if (layer == SIZE_MAX) return complain(r, row, "layer", "is no layer of the problem");
  if (r->row_of[layer] != 0) return complain(r, row, "layer", "is there twice");
  r->row_of[layer] = row + 1;
  if (device == SIZE_MAX) return complain(r, row, "device", "is no device of the problem");
  if (!text_to_u64(csv_cell(&r->csv, row, r->position), &position) || position >= r->problem->n_layers) {
    return complain(r, row, "position", "is no place in a device's order");
  }
  if (strcmp(pinned, "0") != 0 && strcmp(pinned, "1") != 0) return complain(r, row, "pinned", "is neither 0 nor 1");
  r->device_of[layer] = (uint32_t)device;
  r->position_of[layer] = (uint32_t)position;
  answer->pinned[layer] = *pinned == '1';
  const bool fine = read_time(r, row, "start_s", r->start_s, &start_s[layer]);
  return read_time(r, row, "end_s", r->end_s, &end_s[layer]) && fine;
}

/* Positions of a device with n layers must be 0 to n-1. */
static bool put_in_order(const struct reading *r, struct placement_answer *answer) {
  const struct placement_problem *p = r->problem;
  for (size_t l = 0; l < p->n_layers; l++) answer->start[r->device_of[l] + 1]++;
  for (size_t d = 0; d < p->n_devices; d++) answer->start[d + 1] += answer->start[d];
  bool *taken = ARENA_NEW(r->scratch, bool, p->n_layers), fine = true;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const uint32_t *start = answer->start + r->device_of[l], n = start[1] - start[0];
    const size_t at = start[0] + r->position_of[l];
    if (r->position_of[l] >= n) {
      const char *what = arena_printf(r->scratch, "is no place among the %u layers of its device", n);
      fine = complain(r, r->row_of[l] - 1, "position", what);
    } else if (taken[at]) {
      fine = complain(r, r->row_of[l] - 1, "position", "is there twice on its device");
    } else {
      taken[at] = true;
      answer->layer[at] = l;
    }
  }
  return fine;
}

static bool read_rows(struct reading *r, struct placement_claim *claim) {
  const struct placement_problem *p = r->problem;
  if (!find_columns(r)) return false;
  list_names(r);
  r->device_of = ARENA_NEW(r->scratch, uint32_t, p->n_layers);
  r->position_of = ARENA_NEW(r->scratch, uint32_t, p->n_layers);
  r->row_of = ARENA_NEW(r->scratch, size_t, p->n_layers);
  double *start_s = ARENA_NEW(r->arena, double, p->n_layers), *end_s = ARENA_NEW(r->arena, double, p->n_layers);
  claim->answer = placement_answer_new(p, r->arena);
  bool fine = true;
  for (size_t row = 0; row < r->csv.n_rows; row++) fine = read_row(r, row, &claim->answer, start_s, end_s) && fine;
  char file[4 * SHOWN_BYTES], shown[SHOWN_BYTES];
  text_escape(r->csv.path, file, sizeof file);
  for (size_t l = 0; l < p->n_layers; l++) {
    if (r->row_of[l] != 0 || r->error->n_messages > ENOUGH_MESSAGES) continue;
    text_escape(p->layer_names[l], shown, sizeof shown);
    fine = error_add(r->error, STATUS_INPUT, "%s: layer: \"%s\" is missing", file, shown);
  }
  claim->makespan_s = NAN;
  claim->start_s = r->start_s != SIZE_MAX ? start_s : NULL;
  claim->end_s = r->end_s != SIZE_MAX ? end_s : NULL;
  return fine && put_in_order(r, &claim->answer);
}

bool placement_parse_answer(const struct placement_problem *problem, const char *name, const char *text, size_t n,
                            struct arena *arena, struct placement_claim *claim, struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct reading r = {.problem = problem, .arena = arena, .scratch = &scratch, .error = error};
  *claim = (struct placement_claim){.makespan_s = NAN};
  const bool fine = csv_parse(name, text, n, PLACEMENT_MAX_LAYERS, &scratch, &r.csv, error) && read_rows(&r, claim);
  arena_release(&scratch);
  return fine;
}

bool placement_read_answer(const struct placement_problem *problem, const char *path, struct arena *arena,
                           struct placement_claim *claim, struct error *error) {
  struct arena texts;
  arena_init(&texts, 1 << 16);
  char *text;
  size_t n;
  *claim = (struct placement_claim){.makespan_s = NAN};
  const bool fine = file_read(path, MAX_FILE_BYTES, &texts, &text, &n, error) &&
                    placement_parse_answer(problem, path, text, n, arena, claim, error);
  arena_release(&texts);
  return fine;
}

/* --- transfers ------------------------------------------------------------------------------------------------------
 */

static const char *const flow_words[] = {
    [PLACEMENT_FLOW_WEIGHT] = "weight", [PLACEMENT_FLOW_INPUT] = "input", [PLACEMENT_FLOW_OUTPUT] = "output"};

/* The edge from the layer of that name; false: there is none. */
static bool find_edge(const struct reading *r, size_t layer, const char *from, uint32_t *edge) {
  const struct placement_problem *p = r->problem;
  *edge = PLACEMENT_NONE;
  if (*from == 0) return true;
  const size_t wanted = names_find(&r->layers, from);
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    if (p->predecessor[i] == wanted) *edge = p->in_edge[i];
  }
  return *edge != PLACEMENT_NONE;
}

static bool read_flow(const struct reading *r, size_t row, const size_t *columns, struct placement_flow *flow) {
  const size_t layer = names_find(&r->layers, csv_cell(&r->csv, row, columns[0]));
  const size_t device = names_find(&r->devices, csv_cell(&r->csv, row, columns[3]));
  const char *what = csv_cell(&r->csv, row, columns[1]);
  if (layer == SIZE_MAX) return complain(r, row, "layer", "is no layer of the problem");
  if (device == SIZE_MAX) return complain(r, row, "device", "is no device of the problem");
  flow->layer = (uint32_t)layer, flow->device = (uint32_t)device;
  if (strcmp(what, flow_words[PLACEMENT_FLOW_WEIGHT]) == 0) {
    flow->what = PLACEMENT_FLOW_WEIGHT;
  } else if (strcmp(what, flow_words[PLACEMENT_FLOW_INPUT]) == 0) {
    flow->what = PLACEMENT_FLOW_INPUT;
  } else if (strcmp(what, flow_words[PLACEMENT_FLOW_OUTPUT]) == 0) {
    flow->what = PLACEMENT_FLOW_OUTPUT;
  } else {
    return complain(r, row, "what", "is none of weight, input, output");
  }
  bool fine = find_edge(r, layer, csv_cell(&r->csv, row, columns[2]), &flow->edge) ||
              complain(r, row, "edge", "is no layer that this one reads from");
  fine = read_time(r, row, "start_s", columns[4], &flow->start_s) && fine;
  fine = read_time(r, row, "end_s", columns[5], &flow->end_s) && fine;
  return (text_to_u64(csv_cell(&r->csv, row, columns[6]), &flow->bytes) ||
          complain(r, row, "bytes", "is no whole number")) &&
         fine;
}

static bool read_flows(struct reading *r, struct placement_claim *claim) {
  static const char *const names[] = {"layer", "what", "edge", "device", "start_s", "end_s", "bytes"};
  enum { N_NAMES = sizeof names / sizeof *names };
  size_t columns[N_NAMES];
  bool fine = true;
  for (size_t c = 0; c < N_NAMES; c++) columns[c] = find_column(r, names[c], true, &fine);
  if (!fine) return false;
  list_names(r);
  struct placement_flow *flows = ARENA_NEW(r->arena, struct placement_flow, r->csv.n_rows);
  for (size_t row = 0; row < r->csv.n_rows; row++) fine = read_flow(r, row, columns, &flows[row]) && fine;
  claim->flows = flows, claim->n_flows = r->csv.n_rows;
  return fine;
}

bool placement_read_flows(const struct placement_problem *problem, const char *path, struct arena *arena,
                          struct placement_claim *claim, struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct reading r = {.problem = problem, .arena = arena, .scratch = &scratch, .error = error};
  const size_t most = problem->n_edges + 3 * problem->n_layers;
  const bool fine = csv_read(path, most, &scratch, &r.csv, error) && read_flows(&r, claim);
  arena_release(&scratch);
  return fine;
}

/* --- out ------------------------------------------------------------------------------------------------------------
 */

/* Quoted if it must be. */
static void put_name(FILE *out, const char *name) {
  if (name[strcspn(name, ",\"\r\n")] == 0) {
    fputs(name, out);
    return;
  }
  putc('"', out);
  for (; *name != 0; name++) fputs(*name == '"' ? "\"\"" : (const char[]){*name, 0}, out);
  putc('"', out);
}

static void put_time(FILE *out, double time_s) {
  char text[32];
  text_from_double(time_s, text);
  fprintf(out, ",%s", text);
}

static void put_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                       const struct placement_schedule *schedule, FILE *out) {
  fprintf(out, "layer,device,position,pinned%s\n", schedule != NULL ? ",start_s,end_s" : "");
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      put_name(out, problem->layer_names[l]);
      putc(',', out);
      put_name(out, problem->devices[d].name);
      fprintf(out, ",%u,%d", i - answer->start[d], answer->pinned[l]);
      if (schedule != NULL) put_time(out, schedule->start_s[l]);
      if (schedule != NULL) put_time(out, schedule->end_s[l]);
      putc('\n', out);
    }
  }
}

static void put_flows(const struct placement_problem *problem, const struct placement_schedule *schedule, FILE *out) {
  fputs("layer,what,edge,device,start_s,end_s,bytes\n", out);
  for (size_t i = 0; i < schedule->n_flows; i++) {
    const struct placement_flow *flow = &schedule->flows[i];
    put_name(out, problem->layer_names[flow->layer]);
    fprintf(out, ",%s,", flow_words[flow->what]);
    if (flow->edge != PLACEMENT_NONE) put_name(out, problem->layer_names[problem->edges[flow->edge].from]);
    putc(',', out);
    put_name(out, problem->devices[flow->device].name);
    put_time(out, flow->start_s);
    put_time(out, flow->end_s);
    fprintf(out, ",%" PRIu64 "\n", flow->bytes);
  }
}

/* What is written into memory, published whole. */
static bool publish(const char *path, FILE *out, char **text, const size_t *n, struct error *error) {
  const bool written = !ferror(out);
  const bool closed = fclose(out) == 0;
  const bool fine = written && closed ? file_publish(path, *text, *n, error)
                                      : error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the table", path);
  free(*text);
  return fine;
}

bool placement_write_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                            const struct placement_schedule *schedule, const char *path, struct arena *arena,
                            struct error *error) {
  (void)arena;
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the table", path);
  put_answer(problem, answer, schedule, out);
  return publish(path, out, &text, &n, error);
}

bool placement_write_flows(const struct placement_problem *problem, const struct placement_schedule *schedule,
                           const char *path, struct arena *arena, struct error *error) {
  (void)arena;
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the table", path);
  put_flows(problem, schedule, out);
  return publish(path, out, &text, &n, error);
}

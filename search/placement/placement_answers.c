/* How do answers get in and out? As CSV, a row a layer; a second one for the transfers of `contention`. See
 * placement_read.h. */
#include "search/placement/placement_read.h"

#include "base/csv_cells.h"
#include "base/file.h"
#include "base/text.h"
#include "search/names.h"
#include "search/text_file.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 28 };

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
  return csv_complain_of_cell(&r->csv, row, column, what, r->error);
}

static bool find_columns(struct reading *r) {
  static const char *const needed[] = {"layer", "device", "position", "pinned"};
  if (!csv_has_columns(&r->csv, 1, needed, sizeof needed / sizeof *needed, r->error)) return false;
  r->layer = csv_column(&r->csv, "layer"), r->device = csv_column(&r->csv, "device");
  r->position = csv_column(&r->csv, "position"), r->pinned = csv_column(&r->csv, "pinned");
  r->start_s = csv_column(&r->csv, "start_s"), r->end_s = csv_column(&r->csv, "end_s");
  return true;
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
  for (size_t l = 0; l < p->n_layers; l++) {
    if (r->row_of[l] == 0) fine = csv_complain_of_missing(&r->csv, "layer", p->layer_names[l], r->error);
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
  if (!csv_has_columns(&r->csv, 1, names, N_NAMES, r->error)) return false;
  for (size_t c = 0; c < N_NAMES; c++) columns[c] = csv_column(&r->csv, names[c]);
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

static void put_time(FILE *out, double time_s) {
  putc(',', out);
  text_file_number(out, time_s);
}

static void put_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                       const struct placement_schedule *schedule, FILE *out) {
  fprintf(out, "layer,device,position,pinned%s\n", schedule != NULL ? ",start_s,end_s" : "");
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      text_file_cell(out, problem->layer_names[l]);
      putc(',', out);
      text_file_cell(out, problem->devices[d].name);
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
    text_file_cell(out, problem->layer_names[flow->layer]);
    fprintf(out, ",%s,", flow_words[flow->what]);
    if (flow->edge != PLACEMENT_NONE) text_file_cell(out, problem->layer_names[problem->edges[flow->edge].from]);
    putc(',', out);
    text_file_cell(out, problem->devices[flow->device].name);
    put_time(out, flow->start_s);
    put_time(out, flow->end_s);
    fprintf(out, ",%" PRIu64 "\n", flow->bytes);
  }
}

bool placement_write_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                            const struct placement_schedule *schedule, const char *path, struct arena *arena,
                            struct error *error) {
  (void)arena;
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  put_answer(problem, answer, schedule, file.out);
  return text_file_publish(&file, error);
}

bool placement_write_flows(const struct placement_problem *problem, const struct placement_schedule *schedule,
                           const char *path, struct arena *arena, struct error *error) {
  (void)arena;
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  put_flows(problem, schedule, file.out);
  return text_file_publish(&file, error);
}

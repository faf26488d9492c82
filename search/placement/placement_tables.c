/* What do the three tables of a placement problem say? Layers, edges and costs, of CSV files or of the JSON itself,
 * with every mistake at its line. See placement_read.h. */
#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/text.h"
#include "search/names.h"
#include "search/placement/placement_private.h"
#include "search/reader.h"
#include <math.h>
#include <string.h>

enum { SHOWN_BYTES = 80, MOST_PAIRS = 1 << 26 };

struct reading {
  const struct placement_tables *tables;
  struct arena *arena, *scratch;
  struct placement_problem *problem;
  struct placement_origin *origin;
  struct error *error;
  struct names layers;
};

/* --- cells ----------------------------------------------------------------------------------------------------------
 */

/* `value` stays as it is where there is none. */
static bool read_bytes(const struct reading *r, const struct csv *csv, size_t row, const char *column,
                       uint64_t *value) {
  const char *text = csv_filled_cell(csv, row, csv_column(csv, column));
  double number;
  if (text == NULL || text_to_u64(text, value)) return true;
  if (text_to_double(text, &number) && number >= 0 && number <= 0x1p53 && trunc(number) >= number) {
    *value = (uint64_t)number;
    return true;
  }
  return csv_complain_of_cell(csv, row, column, "is no whole number from 0 to 2^53", r->error);
}

static bool read_amount(const struct reading *r, const struct csv *csv, size_t row, const char *column, bool needed,
                        double *value) {
  const char *text = csv_filled_cell(csv, row, csv_column(csv, column));
  double number;
  if (text == NULL && !needed) return true;
  if (text == NULL || !text_to_double(text, &number) || number < 0) {
    return csv_complain_of_cell(csv, row, column, "is no finite number of at least 0", r->error);
  }
  *value = number;
  return true;
}

static bool read_layer(const struct reading *r, const struct csv *csv, size_t row, const char *column,
                       uint32_t *layer) {
  const size_t found = names_find(&r->layers, csv_cell(csv, row, csv_column(csv, column)));
  if (found == SIZE_MAX) return csv_complain_of_cell(csv, row, column, "is no layer", r->error);
  *layer = (uint32_t)found;
  return true;
}

/* --- layers ---------------------------------------------------------------------------------------------------------
 */

static bool read_layers(struct reading *r) {
  static const char *const needed[] = {"layer"};
  const struct csv *csv = r->tables->layers;
  struct placement_problem *p = r->problem;
  if (!csv_has_columns(csv, 0, needed, 1, r->error)) return false;
  const size_t n = p->n_layers = csv->n_rows;
  struct names kinds, groups;
  names_init(&r->layers, r->arena);
  names_init(&kinds, r->arena);
  names_init(&groups, r->scratch);
  uint32_t *kind = ARENA_NEW(r->arena, uint32_t, n), *group = ARENA_NEW(r->arena, uint32_t, n);
  uint64_t *weight = ARENA_NEW(r->arena, uint64_t, n), *output = ARENA_NEW(r->arena, uint64_t, n);
  uint64_t *input = ARENA_NEW(r->arena, uint64_t, n);
  const size_t name_at = csv_column(csv, "layer"), kind_at = csv_column(csv, "kind");
  const size_t group_at = csv_column(csv, "group");
  bool fine = true;
  for (size_t l = 0; l < n; l++) {
    const char *name = csv_cell(csv, l, name_at), *of_kind = csv_filled_cell(csv, l, kind_at);
    const char *of_group = csv_filled_cell(csv, l, group_at);
    if (!reader_is_name(name)) fine = csv_complain_of_cell(csv, l, "layer", "is no name", r->error);
    if (names_find(&r->layers, name) != SIZE_MAX)
      fine = csv_complain_of_cell(csv, l, "layer", "is there twice", r->error);
    names_add(&r->layers, arena_copy_text(r->arena, name));
    if (names_find(&kinds, of_kind != NULL ? of_kind : "") == SIZE_MAX) {
      if (of_kind != NULL && !reader_is_name(of_kind))
        fine = csv_complain_of_cell(csv, l, "kind", "is no name", r->error);
      names_add(&kinds, of_kind != NULL ? arena_copy_text(r->arena, of_kind) : "");
    }
    kind[l] = (uint32_t)names_find(&kinds, of_kind != NULL ? of_kind : "");
    group[l] = of_group != NULL ? (uint32_t)names_add(&groups, of_group) : PLACEMENT_NONE;
    input[l] = UINT64_MAX;
    fine = read_bytes(r, csv, l, "weight_bytes", &weight[l]) && fine;
    fine = read_bytes(r, csv, l, "input_bytes", &input[l]) && fine;
    fine = read_bytes(r, csv, l, "output_bytes", &output[l]) && fine;
  }
  p->layer_names = r->layers.names;
  p->kinds = kinds.names, p->n_kinds = kinds.n, p->kind = kind;
  p->weight_bytes = weight, p->input_bytes = input, p->output_bytes = output;
  p->group = groups.n > 0 ? group : NULL, p->n_groups = groups.n;
  r->origin->layers = rows_origin_of(csv, r->scratch);
  return fine;
}

/* --- edges ----------------------------------------------------------------------------------------------------------
 */

/* What a layer reads if nothing else is said. */
static void default_inputs(const struct placement_problem *p, uint64_t *input, struct arena *scratch) {
  uint64_t *sum = ARENA_NEW(scratch, uint64_t, p->n_layers);
  for (size_t e = 0; e < p->n_edges; e++) sum[p->edges[e].to] = sat_add(sum[p->edges[e].to], p->edges[e].bytes);
  for (size_t l = 0; l < p->n_layers; l++) {
    if (input[l] == UINT64_MAX) input[l] = sum[l];
  }
}

static bool read_edges(struct reading *r) {
  static const char *const needed[] = {"from", "to"};
  const struct csv *csv = r->tables->edges;
  struct placement_problem *p = r->problem;
  if (csv == NULL) return true;
  if (!csv_has_columns(csv, 0, needed, 2, r->error)) return false;
  struct placement_edge *edges = ARENA_NEW(r->arena, struct placement_edge, csv->n_rows);
  bool fine = true;
  for (size_t e = 0; e < csv->n_rows; e++) {
    edges[e].transfer_s = NAN;
    fine = read_layer(r, csv, e, "from", &edges[e].from) && fine;
    fine = read_layer(r, csv, e, "to", &edges[e].to) && fine;
    fine = read_bytes(r, csv, e, "bytes", &edges[e].bytes) && fine;
    fine = read_amount(r, csv, e, "transfer_s", false, &edges[e].transfer_s) && fine;
  }
  p->edges = edges, p->n_edges = csv->n_rows;
  r->origin->edges = rows_origin_of(csv, r->scratch);
  return fine;
}

/* --- costs ----------------------------------------------------------------------------------------------------------
 */

static bool read_cost(const struct reading *r, const struct csv *csv, size_t row, const struct names *classes,
                      double *compute_s, double *energy_j) {
  uint32_t layer;
  const size_t class = names_find(classes, csv_cell(csv, row, csv_column(csv, "class")));
  bool fine = read_layer(r, csv, row, "layer", &layer);
  if (class == SIZE_MAX) fine = csv_complain_of_cell(csv, row, "class", "is the class of no device", r->error);
  if (!fine) return false;
  const size_t at = layer * classes->n + class;
  if (!isnan(compute_s[at]))
    return csv_complain(csv, row, "class", "this layer's cost on this class is there twice", r->error);
  compute_s[at] = 0; /* there, whatever is wrong with it */
  fine = read_amount(r, csv, row, "compute_s", true, &compute_s[at]);
  return (energy_j == NULL || read_amount(r, csv, row, "energy_j", true, &energy_j[at])) && fine;
}

/* From classes to devices. */
static const double *spread(const struct reading *r, const double *by_class, const uint32_t *class_of, size_t n) {
  if (by_class == NULL) return NULL;
  const struct placement_problem *p = r->problem;
  double *value = ARENA_NEW(r->arena, double, p->n_layers * p->n_devices);
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t d = 0; d < p->n_devices; d++) value[placement_at(p, l, d)] = by_class[l * n + class_of[d]];
  }
  return value;
}

static bool read_costs(struct reading *r) {
  static const char *const needed[] = {"layer", "class", "compute_s"};
  const struct csv *csv = r->tables->costs;
  struct placement_problem *p = r->problem;
  if (!csv_has_columns(csv, 0, needed, 3, r->error)) return false;
  if (p->n_layers * p->n_devices > MOST_PAIRS) {
    return error_add(r->error, STATUS_INPUT, "%s: %zu layers on %zu devices are more than %d pairs, which is the most",
                     r->tables->file, p->n_layers, p->n_devices, MOST_PAIRS);
  }
  struct names classes;
  names_init(&classes, r->scratch);
  uint32_t *class_of = ARENA_NEW(r->scratch, uint32_t, p->n_devices);
  for (size_t d = 0; d < p->n_devices; d++) class_of[d] = (uint32_t)names_add(&classes, p->devices[d].class_name);
  const size_t n = p->n_layers * classes.n;
  double *compute_s = ARENA_NEW(r->scratch, double, n), *energy_j = NULL;
  if (csv_column(csv, "energy_j") != SIZE_MAX) energy_j = ARENA_NEW(r->scratch, double, n);
  for (size_t i = 0; i < n; i++) compute_s[i] = NAN;
  bool fine = true;
  for (size_t row = 0; row < csv->n_rows; row++) fine = read_cost(r, csv, row, &classes, compute_s, energy_j) && fine;
  p->compute_s = spread(r, compute_s, class_of, classes.n);
  p->energy_j = spread(r, energy_j, class_of, classes.n);
  return fine;
}

bool placement_read_tables(const struct placement_tables *tables, struct arena *arena, struct arena *scratch,
                           struct placement_problem *problem, struct placement_origin *origin, struct error *error) {
  struct reading r = {tables, arena, scratch, problem, origin, error, {0}};
  if (!read_layers(&r)) return false;
  const bool fine = read_edges(&r);
  if (!read_costs(&r) || !fine) return false;
  uint64_t *input = ARENA_NEW(arena, uint64_t, problem->n_layers);
  memcpy(input, problem->input_bytes, problem->n_layers * sizeof *input);
  default_inputs(problem, input, scratch);
  problem->input_bytes = input;
  return true;
}

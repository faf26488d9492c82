/* How is a table of published costs read? See estimates.h. Shapes are lists as Python prints them; only their numbers
 * count. Left out: energies, and the shapes of followers' weights, which are always empty. */
#include "dse/calibrate/estimates.h"

#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

const char *const estimate_unit_names[N_ESTIMATE_UNITS] = {"TC", "VC", "AR"};

static const struct {
  const char *name;
  uint8_t kind;
} public_ops[] = {
#define PUBLIC_OP(name, kind) {name, OP_##kind},
#include "dse/calibrate/public_ops.def"
#undef PUBLIC_OP
};
enum { N_PUBLIC_OPS = sizeof public_ops / sizeof *public_ops };

enum { SETUP, GRAPH, LAYER, OP_ID, OP, UNIT, CORES, FWD_SHAPE, BWD_SHAPE, FUSED, OUT, TENSOR_PARALLEL, FWD, BWD };
static const char *const needed[] = {"setup",     "graph",           "layer",       "op_id",       "op",
                                     "unit",      "cores",           "fwd_BxNxMxC", "bwd_BxNxMxC", "fused_ops",
                                     "out_shape", "tensor_parallel", "fwd_cycles",  "bwd_cycles"};
enum { N_COLUMNS = sizeof needed / sizeof *needed };

static const char fused_mark[] = "fused ~~ ", triple_mark[] = " ~~ ";
static const uint64_t most_dim = UINT64_C(1) << 31, most_cores = 4096, most_elements = UINT64_C(1) << 48;

static double cycles_of(const struct csv_cells *cells, int column) {
  double value;
  if (text_to_double(csv_cells_text(cells, column), &value) && value >= 0 && value <= 1e18) return value;
  csv_cells_complain(cells, column, "a number from 0 to 1e18");
  return 0;
}

/* "BxNxMxC" */
static void product_of(const struct csv_cells *cells, int column, uint64_t shape[N_SHAPE_DIMS]) {
  const char *at = csv_cells_text(cells, column);
  for (int d = 0; d < N_SHAPE_DIMS; d++) {
    char *end;
    const bool digit = *at >= '0' && *at <= '9';
    shape[d] = digit ? strtoull(at, &end, 10) : 0;
    const bool ends = digit && (d + 1 < N_SHAPE_DIMS ? *end == 'x' : *end == '\0');
    if (!ends || shape[d] == 0 || shape[d] > most_dim) {
      csv_cells_complain(cells, column, "four whole numbers from 1 to 2^31 as 1x2x3x4");
      for (int all = 0; all < N_SHAPE_DIMS; all++) shape[all] = 1;
      return;
    }
    at = end + 1;
  }
}

/* The first list of numbers in "[[1, 2, 3], …]": its product and last two; 1 where there is none. False if this is no
 * such list. */
static bool first_shape(const char *text, size_t n, uint64_t *elements, uint64_t *rows, uint64_t *columns) {
  const char *at = text, *const end = text + n;
  *elements = *rows = *columns = 1;
  while (at < end && *at == '[') at++;
  if (at == text) return false;
  bool first = true;
  for (; at < end && *at != ']'; first = false) {
    if (!first && (at + 1 >= end || at[0] != ',' || at[1] != ' ')) return false;
    at += first ? 0 : 2;
    if (at == end || *at < '0' || *at > '9') return false;
    char *behind;
    const uint64_t dim = strtoull(at, &behind, 10);
    if (dim > most_dim || behind > end) return false;
    *rows = *columns;
    *columns = dim;
    *elements = sat_mul(*elements, dim);
    at = behind;
  }
  return at < end && *elements <= most_elements;
}

static const char *name_of(const struct csv_cells *cells, int column) {
  if (csv_cells_text(cells, column)[0] == '\0') csv_cells_complain(cells, column, "a name");
  return csv_cells_text(cells, column);
}

static enum estimate_unit unit_of(const struct csv_cells *cells) {
  for (unsigned u = 0; u < N_ESTIMATE_UNITS; u++) {
    if (strcmp(csv_cells_text(cells, UNIT), estimate_unit_names[u]) == 0) return (enum estimate_unit)u;
  }
  csv_cells_complain(cells, UNIT, "TC, VC or AR");
  return UNIT_LINK;
}

static int64_t layer_of(const struct csv_cells *cells) {
  if (strcmp(csv_cells_text(cells, LAYER), "-1") == 0) return -1;
  return (int64_t)csv_cells_whole(cells, LAYER, 0, OP_GRAPH_MAX_OPS, "a whole number from -1 to 10^6");
}

static void read_row(const struct csv_cells *cells, struct estimate *row) {
  *row = (struct estimate){
      .setup = name_of(cells, SETUP),
      .graph = name_of(cells, GRAPH),
      .op = name_of(cells, OP),
      .layer = layer_of(cells),
      .followers = csv_cells_text(cells, FUSED),
      .unit = unit_of(cells),
      .id = csv_cells_whole(cells, OP_ID, 0, INT64_MAX, "a whole number"),
      .tensor_parallel = csv_cells_whole(cells, TENSOR_PARALLEL, 1, 1 << 20, "a whole number from 1 to 2^20"),
      .cycles = {cycles_of(cells, FWD), cycles_of(cells, BWD)},
  };
  row->fused = strncmp(row->op, fused_mark, sizeof fused_mark - 1) == 0;
  if (row->fused) row->op += sizeof fused_mark - 1;
  if (row->unit != UNIT_LINK) {
    row->cores = csv_cells_whole(cells, CORES, 1, most_cores, "a whole number from 1 to 4096");
  }
  if (row->unit == UNIT_TENSOR) {
    product_of(cells, FWD_SHAPE, row->shape[TRACED_FORWARD]);
    product_of(cells, BWD_SHAPE, row->shape[TRACED_BACKWARD]);
  }
  const char *out = csv_cells_text(cells, OUT);
  if (!first_shape(out, strlen(out), &row->out_elements, &row->out_rows, &row->out_columns)) {
    csv_cells_complain(cells, OUT, "lists of whole numbers as [[1, 4096]]");
  }
}

bool estimates_read(const char *path, struct arena *arena, struct estimates *estimates, struct error *error) {
  struct csv_cells cells = {.names = needed};
  if (!csv_cells_open(&cells, path, ESTIMATES_MAX_ROWS, N_COLUMNS, arena, error)) return false;
  struct estimate *rows = ARENA_NEW(arena, struct estimate, cells.csv.n_rows);
  for (; cells.row < cells.csv.n_rows; cells.row++) read_row(&cells, &rows[cells.row]);
  *estimates = (struct estimates){cells.csv.path, cells.csv.n_rows, rows};
  return !error_is_set(error);
}

double estimates_find(const struct estimates *estimates, const char *graph, uint64_t id, uint64_t cores,
                      enum traced_pass pass) {
  for (size_t i = 0; i < estimates->n; i++) {
    const struct estimate *row = &estimates->rows[i];
    if (row->id == id && row->cores == cores && strcmp(row->graph, graph) == 0) return row->cycles[pass];
  }
  return -1;
}

/* --- what the rows mean ---------------------------------------------------------------------------------------------
 */

static bool is_kind(const char *name, size_t n, unsigned kind) {
  for (size_t i = 0; i < N_PUBLIC_OPS; i++) {
    if (public_ops[i].kind == kind && strlen(public_ops[i].name) == n && strncmp(public_ops[i].name, name, n) == 0) {
      return true;
    }
  }
  return false;
}

bool estimate_is_kind(const char *name, unsigned kind) { return is_kind(name, strlen(name), kind); }

/* One part of a list "a ~~ b ~~ c"; *at moves behind it, to NULL at the end. */
static size_t next_part(const char **at, const char **part) {
  *part = *at;
  const char *end = strstr(*at, triple_mark);
  *at = end != NULL ? end + sizeof triple_mark - 1 : NULL;
  return end != NULL ? (size_t)(end - *part) : strlen(*part);
}

/* What a follower writes: a mean one result a row. */
static uint64_t follower_writes(const struct op_follower *follower) {
  const bool reduces = follower->kind == OP_MEAN || follower->kind == OP_REDUCE;
  return reduces ? follower->elements / max_u64(follower->row, 1) : follower->elements;
}

bool estimate_same_followers(const struct estimate *row, const struct op_graph *graph, size_t op) {
  const struct op *ours = &graph->ops[op];
  const char *at = row->followers[0] != '\0' ? row->followers : NULL;
  for (uint32_t f = 0; f < ours->n_followers; f++) {
    const struct op_follower *follower = &graph->followers[ours->first_follower + f];
    const char *name, *weights, *out;
    if (at == NULL) return false;
    const size_t n_name = next_part(&at, &name);
    if (at == NULL || !is_kind(name, n_name, follower->kind)) return false;
    next_part(&at, &weights);
    if (at == NULL) return false;
    const size_t n_out = next_part(&at, &out);
    uint64_t elements, rows, columns;
    if (!first_shape(out, n_out, &elements, &rows, &columns) || elements != follower_writes(follower)) return false;
  }
  return at == NULL;
}

void estimate_expected_shape(const struct estimate *row, const struct op *op, enum traced_pass pass,
                             uint64_t shape[N_SHAPE_DIMS]) {
  const uint64_t matrix = max_u64(sat_mul(row->out_rows, row->out_columns), 1);
  shape[SHAPE_BATCH] = strcmp(row->op, "Linear") == 0 ? 1 : row->out_elements / matrix;
  shape[SHAPE_ROWS] = row->out_rows;
  const uint64_t depth = strcmp(row->op, "Bmm") == 0 ? row->out_columns : op->dim[DIM_K];
  shape[SHAPE_COLUMNS] = pass == TRACED_FORWARD ? row->out_columns : depth;
  shape[SHAPE_DEPTH] = pass == TRACED_FORWARD ? depth : row->out_columns;
}

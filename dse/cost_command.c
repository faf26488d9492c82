/* dse cost: what single operators cost on a core or a chip, a CSV row each. */
#include "dse/command.h"

#include "arch/cost.h"
#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/csv.h"
#include "base/text.h"
#include "results/table.h"
#include <jansson.h>
#include <string.h>

enum { MAX_OPS = 1000000 };

struct costing {
  struct invocation *invocation;
  struct cost_settings settings;
  struct technology technology;
  struct accelerator accelerator;
  double area_mm2;
  const struct cost_provider *provider;
  struct machine machine;
};

/* Sets go to the accelerator file or to the model's own groups, by their first word. */
static bool read_model(struct costing *costing, struct error *error) {
  struct invocation *invocation = costing->invocation;
  struct config_set *own = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets + 2);
  struct config_set *theirs = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets + 1);
  size_t n_own = 0, n_theirs = 0;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    const bool accelerator = strncmp(invocation->sets[i].path, "accelerator", 11) == 0;
    if (accelerator) {
      theirs[n_theirs++] = invocation->sets[i];
    } else {
      own[n_own++] = invocation->sets[i];
    }
  }
  const char *provider = invocation_value(invocation, "provider");
  if (provider != NULL) own[n_own++] = (struct config_set){"cost.provider", provider};
  struct config *config;
  if (!config_open_text("dse cost", "", 0, own, n_own, invocation->arena, &config, error)) return false;
  const struct config_section sections[] = {{"cost", &cost_fields, &costing->settings, false},
                                            {"technology", &technology_fields, &costing->technology, false}};
  const bool read = config_apply(config, sections, 2, invocation->arena, error);
  config_close(config);
  const char *file = invocation_value(invocation, "accelerator");
  config_defaults(&accelerator_fields, invocation->arena, &costing->accelerator);
  if (file == NULL)
    return error_add(error, STATUS_INPUT, "dse cost: --accelerator FILE.cfg (or a catalogue name) is needed");
  const bool path = strchr(file, '/') != NULL || strchr(file, '.') != NULL;
  const bool found =
      path ? accelerator_read(file, theirs, n_theirs, invocation->arena, &costing->accelerator, error)
           : accelerator_from_catalogue(invocation->data_folder, file, invocation->arena, &costing->accelerator, error);
  if (!read || !found || !accelerator_derive(&costing->accelerator, error)) return false;
  costing->provider = cost_providers[costing->settings.provider];
  machine_init(&costing->machine, &costing->settings, &costing->technology, &costing->accelerator);
  struct area_breakdown area;
  physical_area(&costing->technology, &costing->accelerator, &area);
  costing->area_mm2 = area.total;
  return true;
}

/* --- one row of OPS.csv → one op ------------------------------------------------------------------------------------
 */

struct row {
  const struct csv *csv;
  size_t index;
  struct error *error;
  bool bad;
};

/* A cell's number; an empty or absent one is the fallback, and an error if that is 0. */
static uint64_t cell(struct row *row, const char *column, uint64_t fallback) {
  const size_t c = csv_column(row->csv, column);
  const char *text = c == SIZE_MAX ? "" : csv_cell(row->csv, row->index, c);
  uint64_t value = fallback;
  const bool fine =
      text[0] == 0 ? fallback > 0 : text_to_u64(text, &value) && value >= 1 && value < (UINT64_C(1) << 48);
  if (fine) return value;
  row->bad = true;
  char shown[80];
  text_escape(text, shown, sizeof shown);
  error_add(row->error, STATUS_INPUT, "%s:%u: %s: \"%s\", a whole number from 1 to 2^48 was expected", row->csv->path,
            row->csv->line[row->index], column, shown);
  return 1;
}

static uint64_t padding(struct row *row) {
  const size_t c = csv_column(row->csv, "pad");
  const char *text = c == SIZE_MAX ? "" : csv_cell(row->csv, row->index, c);
  return text[0] == 0 || strcmp(text, "0") == 0 ? 0 : cell(row, "pad", 0);
}

static uint64_t product4(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  return sat_mul(sat_mul(a, b), sat_mul(c, d));
}

static void gemm_op(struct row *row, struct op *op) {
  const uint64_t e = op->element_bytes;
  const uint64_t reps = cell(row, "batch", 1), m = cell(row, "m", 0), n = cell(row, "n", 0), k = cell(row, "k", 0);
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_M] = m;
  op->dim[DIM_N] = n;
  op->dim[DIM_K] = k;
  op->weighted = reps == 1;
  op->in_bytes = product4(reps, m, k, e);
  op->out_bytes = product4(reps, m, n, e);
  const uint64_t second = product4(reps, k, n, e);
  if (op->weighted) {
    op->weight_bytes = second;
  } else {
    op->in_bytes = sat_add(op->in_bytes, second);
  }
}

static void conv_op(struct row *row, struct op *op, bool depthwise) {
  const uint64_t e = op->element_bytes, c = cell(row, "c", 0);
  op->dim[DIM_IMAGES] = cell(row, "batch", 1);
  op->dim[DIM_IN_CHANNELS] = c;
  op->dim[DIM_IN_HEIGHT] = cell(row, "h", 0);
  op->dim[DIM_IN_WIDTH] = cell(row, "w", 0);
  op->dim[DIM_OUT_CHANNELS] = depthwise ? c : cell(row, "k", 0);
  op->dim[DIM_FILTER_HEIGHT] = cell(row, "r", 0);
  op->dim[DIM_FILTER_WIDTH] = cell(row, "s", 0);
  op->dim[DIM_STRIDE] = cell(row, "stride", 1);
  op->dim[DIM_PAD_HEIGHT] = op->dim[DIM_PAD_WIDTH] = padding(row);
  op->dim[DIM_GROUPS] = depthwise ? c : cell(row, "groups", 1);
  op->dim[DIM_DILATION] = 1;
  const uint64_t *d = op->dim;
  if (row->bad) return;
  if (d[DIM_FILTER_HEIGHT] > d[DIM_IN_HEIGHT] + 2 * d[DIM_PAD_HEIGHT] ||
      d[DIM_FILTER_WIDTH] > d[DIM_IN_WIDTH] + 2 * d[DIM_PAD_WIDTH] || c % d[DIM_GROUPS] != 0 ||
      d[DIM_OUT_CHANNELS] % d[DIM_GROUPS] != 0) {
    row->bad = true;
    error_add(row->error, STATUS_INPUT, "%s:%u: r, s: the filter must fit the padded input, and groups divide channels",
              row->csv->path, row->csv->line[row->index]);
    return;
  }
  op->in_bytes = sat_mul(product4(d[DIM_IMAGES], c, d[DIM_IN_HEIGHT], d[DIM_IN_WIDTH]), e);
  op->out_bytes =
      sat_mul(product4(d[DIM_IMAGES], d[DIM_OUT_CHANNELS], op_conv_out_height(op), op_conv_out_width(op)), e);
  op->weight_bytes =
      sat_mul(product4(d[DIM_OUT_CHANNELS], c / d[DIM_GROUPS], d[DIM_FILTER_HEIGHT], d[DIM_FILTER_WIDTH]), e);
}

static void vector_op(struct row *row, struct op *op) {
  const uint64_t n = cell(row, "elements", 0);
  op->dim[DIM_ELEMENTS] = n;
  op->dim[DIM_ROW] = csv_column(row->csv, "n") == SIZE_MAX ? n : cell(row, "n", n);
  op->dim[DIM_X_ELEMENTS] = n;
  op->dim[DIM_X_RANK] = op->dim[DIM_OPERANDS] = 1;
  op->in_bytes = op->out_bytes = sat_mul(n, op->element_bytes);
  if (op_kinds[op->kind].keep == KEEP_OPERANDS || op->kind == OP_ADD || op->kind == OP_SUB) {
    op->dim[DIM_Y_ELEMENTS] = n;
    op->dim[DIM_Y_RANK] = 1;
    op->dim[DIM_OPERANDS] = 2;
    op->in_bytes = sat_mul(op->in_bytes, 2);
  }
}

static bool make_op(struct row *row, struct op *op) {
  const size_t column = csv_column(row->csv, "kind");
  const char *kind = column == SIZE_MAX ? "" : csv_cell(row->csv, row->index, column);
  memset(op, 0, sizeof *op);
  op->mirror = op->layer = OP_ABSENT;
  const char *names[N_OP_KINDS];
  size_t k = 0;
  for (size_t i = 0; i < N_OP_KINDS; i++) names[i] = op_kinds[i].name;
  while (k < N_OP_KINDS && strcmp(names[k], kind) != 0) k++;
  if (k == N_OP_KINDS || op_kinds[k].family == FAMILY_NONE || op_kinds[k].family == FAMILY_LINK) {
    char shown[80];
    text_escape(kind, shown, sizeof shown);
    const char *nearest = text_nearest(kind, names, N_OP_KINDS);
    return error_add(row->error, STATUS_INPUT, "%s:%u: kind: unknown operator \"%s\"%s%s%s (dse list operators)",
                     row->csv->path, row->csv->line[row->index], shown, nearest ? "; did you mean " : "",
                     nearest ? nearest : "", nearest ? "?" : "");
  }
  op->kind = (uint8_t)k;
  const uint64_t element_bytes = cell(row, "element_bytes", 2);
  if (element_bytes > 8) {
    return error_add(row->error, STATUS_INPUT, "%s:%u: element_bytes: %llu is out of range; allowed are 1 to 8",
                     row->csv->path, row->csv->line[row->index], (unsigned long long)element_bytes);
  }
  op->element_bytes = (uint8_t)element_bytes;
  if (op_kinds[k].family == FAMILY_GEMM) gemm_op(row, op);
  if (op_kinds[k].family == FAMILY_CONV) conv_op(row, op, k == OP_DEPTHWISE);
  if (op_kinds[k].family == FAMILY_VECTOR) vector_op(row, op);
  return !row->bad;
}

/* --- costing --------------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"name", "", "", "name of the operator"},
    {"kind", "", "", "kind of operator"},
    {"cores", "", "", "cores that it was given"},
    {"cycles", "cycles", "min", "from start to finish"},
    {"bound_cycles", "cycles", "", "roofline floor"},
    {"utilisation", "", "max", "share of the MACs (or lanes) in use, over cycles"},
    {"sram_bytes", "bytes", "min", "moved between shared buffer and cores"},
    {"dram_bytes", "bytes", "min", "moved between HBM and shared buffer"},
    {"energy_pj", "pJ", "min", "energy, leakage included"},
    {"dataflow", "", "", "weight-, output- or input-stationary; vector: on lanes"},
    {"order", "", "", "loops over tiles, outermost first"},
    {"tile_m", "", "", "rows of the output tile"},
    {"tile_n", "", "", "columns of the output tile"},
    {"tile_k", "", "", "depth of the tile"},
};

static const char *dataflow_name(const struct op *op, const struct mapping *mapping) {
  static const char *const names[] = {"ws", "os", "is"};
  const bool vector = op_kinds[op->kind].class == CLASS_VECTOR || mapping->on_vector;
  return vector ? "vector" : names[mapping->dataflow < 3 ? mapping->dataflow : 0];
}

static void cost_row(const struct costing *costing, const char *name, const struct op *op, uint64_t cores,
                     struct table *table) {
  struct op_cost cost;
  memset(&cost, 0, sizeof cost);
  costing->provider->op_cost(&costing->machine, op, NULL, cores, &cost);
  const bool tensor = strcmp(dataflow_name(op, &cost.mapping), "vector") != 0;
  const uint64_t width = tensor ? costing->machine.rows * costing->machine.cols : costing->machine.lanes;
  const uint64_t work = tensor ? op_macs(op) : cost.lane_cycles;
  const double slots = (double)cost.cycles * (double)cores * (double)width;
  const struct energy_counts counts = {.macs = tensor ? op_macs(op) : 0,
                                       .lane_cycles = cost.lane_cycles,
                                       .hbm_bytes = cost.hbm_bytes,
                                       .seconds = (double)cost.cycles / ((double)costing->accelerator.clock_mhz * 1e6)};
  table_text(table, name);
  table_text(table, op_kinds[op->kind].name);
  table_u64(table, cores);
  table_u64(table, cost.cycles);
  table_u64(table, cost.bound_cycles);
  table_double(table, slots > 0 ? (double)work / slots : 0);
  table_u64(table, cost.glb_bytes);
  table_u64(table, cost.hbm_bytes);
  table_double(table,
               1e12 * physical_energy_j(&costing->technology, &costing->accelerator, costing->area_mm2, &counts));
  table_text(table, dataflow_name(op, &cost.mapping));
  if (tensor) {
    struct tensor_tiles tiles;
    tensor_tiles(&costing->machine, op, cores, &cost.mapping, &tiles);
    table_text(table, cost.mapping.glb.order);
    for (int d = 0; d < 3; d++) table_u64(table, tiles.glb[d]);
  } else {
    for (int i = 0; i < 4; i++) table_empty(table);
  }
}

/* The CSV rows as JSON lines. */
static void print_json_lines(const struct table *table, struct arena *arena, struct error *error) {
  size_t n;
  const char *bytes = table_bytes(table, &n);
  struct csv csv;
  if (!csv_parse("dse cost", bytes, n, MAX_OPS, arena, &csv, error)) return;
  for (size_t r = 0; r < csv.n_rows; r++) {
    json_t *object = json_object();
    for (size_t c = 0; c < csv.n_columns; c++) {
      const char *text = csv_cell(&csv, r, c);
      double number;
      uint64_t whole;
      json_t *value = json_string(text);
      if (c >= 2 && text_to_u64(text, &whole)) {
        json_decref(value);
        value = json_integer((json_int_t)whole);
      } else if (c >= 2 && text_to_double(text, &number)) {
        json_decref(value);
        value = json_real(number);
      }
      json_object_set_new(object, csv.header[c], value);
    }
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  }
}

static enum status run_cost(struct invocation *invocation, struct error *error) {
  struct costing *costing = ARENA_NEW(invocation->arena, struct costing, 1);
  costing->invocation = invocation;
  struct csv csv;
  uint64_t cores;
  const char *ops = invocation_value(invocation, "ops");
  if (ops == NULL) error_add(error, STATUS_INPUT, "dse cost: --ops OPS.csv is needed");
  invocation_u64(invocation, "cores", 1, &cores, error);
  if (!read_model(costing, error) || error_is_set(error)) return error->status;
  if (!csv_read(ops, MAX_OPS, invocation->arena, &csv, error)) return error->status;
  struct table *table = table_new(invocation->arena, "cost.csv", columns, sizeof columns / sizeof *columns);
  const size_t name = csv_column(&csv, "name");
  for (size_t r = 0; r < csv.n_rows; r++) {
    struct row row = {.csv = &csv, .index = r, .error = error};
    struct op op;
    if (!make_op(&row, &op)) continue;
    const unsigned classes = costing->provider->op_classes(&costing->machine, &op, NULL);
    const uint64_t there = classes & 1u << CORE_TENSOR ? costing->machine.n_tensor : costing->machine.n_vector;
    cost_row(costing, name == SIZE_MAX ? "" : csv_cell(&csv, r, name), &op, min_u64(max_u64(cores, 1), there), table);
  }
  if (error_is_set(error)) return error->status;
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  if (invocation->json) {
    print_json_lines(table, invocation->arena, error);
  } else {
    size_t n;
    const char *bytes = table_bytes(table, &n);
    fwrite(bytes, 1, n, stdout);
  }
  return error->status;
}

static const struct command_option options[] = {
    {"ops", "OPS.csv", "operators: name,kind,batch,m,n,k,c,h,w,r,s,stride,pad,groups,elements,element_bytes"},
    {"accelerator", "FILE.cfg|NAME", "a file with one group `accelerator`, or a catalogue entry"},
    {"provider", "NAME", "physical or compat (default: physical)"},
    {"cores", "N", "cores for each operator, at most those there are (default: 1)"},
};
static const char *const examples[] = {
    "dse cost --ops tests/data/opcost/ops.csv --accelerator tpuv4",
    "dse cost --ops tests/data/opcost/ops.csv --accelerator tpuv4 --json --set cost.array_overlap=ideal", NULL};
const struct command command_cost = {
    .name = "cost",
    .words = "",
    .summary = "what single operators cost: cycles, floor, bytes, energy, the tiling chosen",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "A gemm row is batch x [m x k][k x n]; conv: batch images, k output and c input channels, h, w input size,\n"
        "r, s filter; depthwise: groups = c; other kinds: elements (n: length of a row). Prints CSV.",
    .examples = examples,
    .run = run_cost,
};

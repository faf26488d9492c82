/* dse cost: what single operators cost on a core or a chip, a CSV row each. */
#include "dse/commands/command.h"

#include "arch/cost.h"
#include "arch/energy.h"
#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/csv.h"
#include "dse/calibrate/op_table.h"
#include "dse/output/tables.h"
#include "results/table.h"
#include <inttypes.h>
#include <string.h>

struct costing {
  struct invocation *invocation;
  struct cost_settings settings;
  struct technology technology;
  struct accelerator accelerator;
  struct area_breakdown area;
  struct energy_model energy;
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
  if (!cost_load(&costing->settings, NULL, invocation->arena, error)) return false;
  machine_init(&costing->machine, &costing->settings, &costing->technology, &costing->accelerator);
  physical_area(&costing->technology, &costing->accelerator, &costing->area);
  energy_model_init(&costing->energy, &costing->technology, (enum energy_detail)costing->settings.energy_detail);
  return true;
}

/* --- costing --------------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"name", "", "", "name of the operator"},
    {"kind", "", "", "kind of operator"},
    {"phase", "", "", "forward, backward-data, backward-weight or update"},
    {"cores", "", "", "cores that it was given"},
    {"cycles", "cycles", "min", "from start to finish"},
    {"bound_cycles", "cycles", "", "roofline floor"},
    {"utilisation", "", "max", "share of the MACs (or lanes) in use, over cycles"},
    {"sram_bytes", "bytes", "min", "moved between shared buffer and cores"},
    {"dram_bytes", "bytes", "min", "moved between HBM and shared buffer"},
    {"energy_pj", "pJ", "min", "energy, leakage included"},
    {"dataflow", "", "", "weight-, output- or input-stationary; vector: on lanes; link: over links"},
    {"order", "", "", "loops over tiles, outermost first"},
    {"tile_m", "", "", "rows of the output tile"},
    {"tile_n", "", "", "columns of the output tile"},
    {"tile_k", "", "", "depth of the tile"},
    {"l2_order", "", "",
     "loops over the tiles of a core's L2 within these, outermost first; empty: uncut, or none fits"},
    {"l2_tile_m", "", "", "rows of the output tile in L2"},
    {"l2_tile_n", "", "", "columns of the output tile in L2"},
    {"l2_tile_k", "", "", "depth of the tile in L2"},
    {"array_bytes", "bytes", "min", "moved between L2 and arrays"},
    {"split", "", "", "cores over m, n, k and b (batch, groups): m4n2 is 4 x 2"},
    {"patch", "", "", "output pixels side by side on an array's columns, rows x columns"},
    {"abreast", "", "", "groups or batch members on an array's diagonal at a time"},
    {"sram_a_words", "", "", "first factor, from SRAM into arrays (provider systolic)"},
    {"sram_b_words", "", "", "second factor, from SRAM into arrays (provider systolic)"},
    {"sram_c_words", "", "", "results and partial sums, from arrays into SRAM (provider systolic)"},
    /* energy_pj by level, in the order of enum energy_level */
    {"energy_macs_pj", "pJ", "", "multiply-accumulates; all-in unless cost.energy_detail is split"},
    {"energy_idle_pj", "pJ", "", "MACs that idle in busy arrays"},
    {"energy_registers_pj", "pJ", "", "registers of the arrays (split)"},
    {"energy_l2_pj", "pJ", "", "L2 of the cores (split)"},
    {"energy_glb_pj", "pJ", "", "global buffer (split)"},
    {"energy_wires_pj", "pJ", "", "wires between the levels (split)"},
    {"energy_hbm_pj", "pJ", "", "HBM"},
    {"energy_links_pj", "pJ", "", "links"},
    {"energy_lanes_pj", "pJ", "", "lanes of vector cores"},
    {"energy_leakage_pj", "pJ", "", "leakage of the whole chip meanwhile"},
    {"energy_misc_pj", "pJ", "", "clocks, host interface and management meanwhile"},
    {"energy_supply_pj", "pJ", "", "lost in voltage regulators"},
};

static const char *dataflow_name(const struct op *op, const struct mapping *mapping) {
  static const char *const names[] = {"ws", "os", "is"};
  const bool vector = op_kinds[op->kind].class == CLASS_VECTOR || mapping->on_vector;
  if (op_kinds[op->kind].class == CLASS_LINK) return "link";
  return vector ? "vector" : names[mapping->dataflow < 3 ? mapping->dataflow : 0];
}

/* Attention is cut into tiles of queries alone. */
static void tiles_of(const struct costing *costing, const struct op *op, const struct mapping *mapping,
                     struct tensor_tiles *tiles) {
  if (op->kind != OP_ATTENTION) {
    const struct op plain = tensor_plain_op(op);
    tensor_tiles(&costing->machine, &plain, mapping, tiles);
    return;
  }
  tiles->glb[0] = ceil_div(op->dim[DIM_M], max_u64(mapping->glb.m, 1));
  tiles->glb[1] = op->dim[DIM_N];
  tiles->glb[2] = op->dim[DIM_K];
}

/* As "m4n2"; "" for one core. */
static const char *split_name(const struct core_grid *grid, struct arena *arena) {
  const char letters[] = {'m', 'n', 'k', 'b'};
  const uint32_t shares[] = {grid->m, grid->n, grid->k, grid->b};
  const char *name = "";
  for (int i = 0; i < 4; i++)
    if (shares[i] > 1) name = arena_printf(arena, "%s%c%" PRIu32, name, letters[i], shares[i]);
  return name;
}

/* How a tensor op lies in the memories and on the arrays. */
static void mapping_cells(const struct costing *costing, const struct op *op, const struct op_cost *cost,
                          struct table *table) {
  const struct mapping *const mapping = &cost->mapping;
  struct tensor_tiles tiles = {0};
  tiles_of(costing, op, mapping, &tiles);
  table_text(table, mapping->glb.order);
  for (int d = 0; d < 3; d++) table_u64(table, tiles.glb[d]);
  table_text(table, mapping->l2.order);
  for (int d = 0; d < 3; d++) {
    if (tiles.l2[d] > 0)
      table_u64(table, tiles.l2[d]);
    else
      table_empty(table);
  }
  struct arena *const arena = costing->invocation->arena;
  table_u64(table, cost->array_bytes);
  table_text(table, split_name(&mapping->cores, arena));
  const bool patch = mapping->patch_rows * mapping->patch_cols > 1;
  table_text(table, patch ? arena_printf(arena, "%ux%u", mapping->patch_rows, mapping->patch_cols) : "");
  if (mapping->abreast > 0)
    table_u64(table, mapping->abreast);
  else
    table_empty(table);
}

static void energy_cells(const struct costing *costing, const struct energy_traffic *traffic, struct table *table) {
  struct energy_prices prices;
  struct energy_breakdown energy = {0};
  energy_prices_init(&prices, &costing->energy, &costing->accelerator, &costing->area);
  energy_split(&prices, traffic, &energy);
  for (int level = 0; level < N_ENERGY_LEVELS; level++) table_double(table, 1e12 * energy.level_j[level]);
}

static void cost_row(const struct costing *costing, const char *name, const struct op *op, uint64_t cores,
                     struct table *table) {
  struct op_cost cost;
  memset(&cost, 0, sizeof cost);
  costing->provider->op_cost(&costing->machine, op, NULL, cores, &cost);
  const bool tensor = op_kinds[op->kind].class == CLASS_TENSOR && !cost.mapping.on_vector;
  const uint64_t width = tensor ? costing->machine.rows * costing->machine.cols : costing->machine.lanes;
  const uint64_t work = tensor ? op_macs(op) : cost.lane_cycles;
  const double slots = (double)cost.cycles * (double)cores * (double)width;
  const struct energy_traffic traffic = {.macs = tensor ? op_macs(op) : 0,
                                         .lane_cycles = cost.lane_cycles,
                                         .array_bytes = cost.array_bytes,
                                         .l2_bytes = cost.l2_bytes,
                                         .glb_bytes = cost.glb_bytes,
                                         .hbm_bytes = cost.hbm_bytes,
                                         .seconds =
                                             (double)cost.cycles / ((double)costing->accelerator.clock_mhz * 1e6)};
  table_text(table, name);
  table_text(table, op_kinds[op->kind].name);
  table_text(table, op_phase_names[op->phase]);
  table_u64(table, cores);
  table_u64(table, cost.cycles);
  table_u64(table, cost.bound_cycles);
  table_double(table, slots > 0 ? (double)work / slots : 0);
  table_u64(table, cost.glb_bytes);
  table_u64(table, cost.hbm_bytes);
  table_double(table, 1e12 * energy_model_j(&costing->energy, &costing->accelerator, &costing->area, &traffic));
  table_text(table, dataflow_name(op, &cost.mapping));
  if (tensor) {
    mapping_cells(costing, op, &cost, table);
  } else {
    for (int i = 0; i < 12; i++) table_empty(table);
  }
  uint64_t words[3];
  const bool counted = tensor && costing->provider->op_words != NULL;
  if (counted) costing->provider->op_words(&costing->machine, op, cores, &cost.mapping, words);
  for (int i = 0; i < 3; i++) {
    if (counted) {
      table_u64(table, words[i]);
    } else {
      table_empty(table);
    }
  }
  energy_cells(costing, &traffic, table);
}

/* As many as were asked for, of those that there are of each class it needs. */
static uint64_t cores_for(const struct costing *costing, const struct op *op, uint64_t asked) {
  const unsigned classes = costing->provider->op_classes(&costing->machine, op, NULL);
  uint64_t cores = max_u64(asked, 1);
  if (classes & 1u << CORE_TENSOR) cores = min_u64(cores, costing->machine.n_tensor);
  if (classes & 1u << CORE_VECTOR) cores = min_u64(cores, costing->machine.n_vector);
  if (classes & 1u << CORE_LINK) cores = 1;
  return cores;
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
  if (!csv_read(ops, OP_TABLE_MAX_ROWS, invocation->arena, &csv, error)) return error->status;
  struct table *table = table_new(invocation->arena, "cost.csv", columns, sizeof columns / sizeof *columns);
  const size_t name = csv_column(&csv, "name");
  for (size_t r = 0; r < csv.n_rows; r++) {
    struct op op;
    if (!op_table_row(&csv, r, &op, error)) continue;
    if (op.kind == OP_ATTENTION && !costing->provider->has_attention) {
      error_add(error, STATUS_INPUT, "%s:%u: kind: provider %s has no fused attention; allowed is physical", csv.path,
                csv.line[r], costing->provider->name);
      continue;
    }
    if (costing->provider->knows != NULL && !costing->provider->knows(&costing->settings, &op, NULL, error)) continue;
    cost_row(costing, name == SIZE_MAX ? "" : csv_cell(&csv, r, name), &op, cores_for(costing, &op, cores), table);
  }
  if (error_is_set(error)) return error->status;
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  if (invocation->json) {
    tables_print_json(table, 2, invocation->arena, error);
  } else {
    size_t n;
    const char *bytes = table_bytes(table, &n);
    fwrite(bytes, 1, n, stdout);
  }
  return error->status;
}

static const struct command_option options[] = {
    {"ops", "OPS.csv", op_table_columns},
    {"accelerator", "FILE.cfg|NAME", "a file with one group `accelerator`, or a catalogue entry"},
    {"provider", "NAME", "dse list providers (default: physical)"},
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
    .details = op_table_help,
    .examples = examples,
    .run = run_cost,
};

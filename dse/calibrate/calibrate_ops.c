/* dse calibrate ops: how far is a predicted matrix product from a measured one?
 *
 * Each row is one product on one part of the catalogue, alone on its tensor cores, priced by a cost provider as in a
 * search. The shipped table holds the largest throughput that anybody measured on each part and the shape that gave it:
 * an upper bound of what software reaches (cost-model §8). Left out: launches, clocks that fall under load, batches. */
#include "dse/calibrate/calibrate.h"

#include "arch/cost.h"
#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

enum { MOST_PRODUCTS = 10000, N_COLUMNS = 8 };
static const char *const needed[N_COLUMNS] = {"part",          "m",      "n",           "k",
                                              "element_bytes", "tflops", "peak_tflops", "source"};
enum { PART, M, N, K, ELEMENT_BYTES, TFLOPS, PEAK, SOURCE };

static double tflops_of(const struct csv_cells *cells, int column) {
  double value;
  if (text_to_double(csv_cells_text(cells, column), &value) && value > 0 && value <= 1e9) return value;
  csv_cells_complain(cells, column, "a number above 0, up to 1e9");
  return 1;
}

/* m × k activations times k × n weights. */
static struct op product_of(const struct csv_cells *cells) {
  static const char wanted[] = "a whole number from 1 to 2^24";
  struct op op = op_new(OP_GEMM, csv_cells_whole(cells, ELEMENT_BYTES, 1, 8, "a whole number from 1 to 8"));
  op.weighted = true;
  op.dim[DIM_REPS] = 1;
  op.dim[DIM_M] = csv_cells_whole(cells, M, 1, 1 << 24, wanted);
  op.dim[DIM_N] = csv_cells_whole(cells, N, 1, 1 << 24, wanted);
  op.dim[DIM_K] = csv_cells_whole(cells, K, 1, 1 << 24, wanted);
  op.in_bytes = op.dim[DIM_M] * op.dim[DIM_K] * op.element_bytes;
  op.out_bytes = op.dim[DIM_M] * op.dim[DIM_N] * op.element_bytes;
  op.weight_bytes = op.dim[DIM_K] * op.dim[DIM_N] * op.element_bytes;
  return op;
}

static const struct table_column columns[] = {
    {"part", "", "", "entry of the catalogue"},
    {"m", "", "", "rows of the output"},
    {"n", "", "", "columns of the output"},
    {"k", "", "", "depth"},
    {"element_bytes", "bytes", "", "of operands"},
    {"cores", "", "", "tensor cores: a power of two or all of the part, whichever is fastest"},
    {"peak_tflops", "TFLOP/s", "", "as published"},
    {"our_peak_tflops", "TFLOP/s", "", "2 x MACs x clock of the part"},
    {"measured_tflops", "TFLOP/s", "", "as published"},
    {"predicted_tflops", "TFLOP/s", "", "2 m n k over predicted seconds"},
    {"error_pct", "%", "", "predicted/measured - 1"},
    {"note", "", "", "why the row was skipped"},
};
static const struct table_column summary_columns[] = {
    {"n", "", "", "products"},
    {"mean_error_pct", "%", "min", "mean of |predicted/measured - 1|"},
    {"geomean_ratio", "", "", "geometric mean of predicted/measured"},
    {"worst_error_pct", "%", "", "of all predicted/measured - 1"},
    {"worst_part", "", "", "which it is"},
};

struct totals {
  size_t n;
  double sum_pct, sum_log, worst_pct;
  const char *worst;
};

struct prediction {
  uint64_t cores;
  double tflops;
};

/* On the number of cores that is fastest, as a schedule of one op would choose: powers of two, and all. */
static struct prediction predict(const struct machine *machine, const struct cost_provider *provider,
                                 const struct accelerator *part, const struct op *op) {
  struct prediction best = {0};
  uint64_t least_cycles = UINT64_MAX;
  const uint64_t all = max_u64(part->tc_count, 1);
  for (uint64_t n = 1;; n = min_u64(2 * n, all)) {
    struct op_cost cost;
    memset(&cost, 0, sizeof cost);
    provider->op_cost(machine, op, NULL, n, &cost);
    if (cost.cycles < least_cycles) {
      least_cycles = cost.cycles;
      best.cores = n;
    }
    if (n == all) break;
  }
  best.tflops = 2e-12 * (double)op_macs(op) / ((double)least_cycles / ((double)part->clock_mhz * 1e6));
  return best;
}

/* The columns that a skipped row has, too. */
static void stated_cells(const struct csv_cells *cells, const struct op *op, struct table *table) {
  table_text(table, csv_cells_text(cells, PART));
  for (int d = DIM_M; d <= DIM_K; d++) table_u64(table, op->dim[d]);
  table_u64(table, op->element_bytes);
}

static void skipped_row(const struct csv_cells *cells, const struct op *op, struct table *table) {
  stated_cells(cells, op, table);
  table_empty(table);
  table_double(table, tflops_of(cells, PEAK));
  table_empty(table);
  table_double(table, tflops_of(cells, TFLOPS));
  table_empty(table);
  table_empty(table);
  table_text(table, "part unknown");
}

static void priced_row(const struct csv_cells *cells, const struct op *op, const struct accelerator *part,
                       struct prediction prediction, struct table *table, struct totals *totals) {
  const double measured = tflops_of(cells, TFLOPS), ratio = prediction.tflops / measured;
  const double error_pct = 100 * (ratio - 1);
  const double macs = (double)part->tc_count * (double)part->tc_rows * (double)part->tc_cols;
  stated_cells(cells, op, table);
  table_u64(table, prediction.cores);
  table_double(table, tflops_of(cells, PEAK));
  table_double(table, calibrate_round(2e-6 * macs * (double)part->clock_mhz, 5));
  table_double(table, measured);
  table_double(table, calibrate_round(prediction.tflops, 5));
  table_double(table, calibrate_pct(error_pct));
  table_text(table, "");
  totals->n++;
  totals->sum_pct += fabs(error_pct);
  totals->sum_log += log(ratio);
  if (fabs(error_pct) <= fabs(totals->worst_pct)) return;
  totals->worst_pct = error_pct;
  totals->worst = csv_cells_text(cells, PART);
}

static bool read_table(struct invocation *invocation, struct csv_cells *cells, struct error *error) {
  const char *const given = invocation_value(invocation, "table");
  const char *const path =
      given != NULL ? given : arena_printf(invocation->arena, "%s/arch/matmuls.csv", invocation->data_folder);
  return csv_cells_open(cells, path, MOST_PRODUCTS, N_COLUMNS, invocation->arena, error);
}

static bool choose_provider(const struct invocation *invocation, const struct cost_settings *settings,
                            const struct cost_provider **provider, struct error *error) {
  const char *const name = invocation_value(invocation, "provider");
  *provider = cost_providers[settings->provider];
  if (name == NULL) return true;
  const char **const names = ARENA_NEW(invocation->arena, const char *, n_cost_providers);
  for (size_t i = 0; i < n_cost_providers; i++) {
    names[i] = cost_providers[i]->name;
    *provider = cost_providers[i];
    if (strcmp(names[i], name) == 0) return true;
  }
  char shown[80];
  text_escape(name, shown, sizeof shown);
  const char *const nearest = text_nearest(name, names, n_cost_providers);
  return error_add(error, STATUS_INPUT, "--provider: there is no provider \"%s\"%s%s%s (dse list providers)", shown,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static struct table *summary_table(const struct invocation *invocation, const struct totals *totals) {
  struct table *const table =
      table_new(invocation->arena, "summary.csv", summary_columns, sizeof summary_columns / sizeof *summary_columns);
  const double mean_pct = totals->sum_pct / (double)totals->n, ratio = exp(totals->sum_log / (double)totals->n);
  table_u64(table, totals->n);
  table_double(table, calibrate_pct(mean_pct));
  table_double(table, calibrate_round(ratio, 3));
  table_double(table, calibrate_pct(totals->worst_pct));
  table_text(table, totals->worst);
  remark(invocation, "%zu products: mean error %.1f %%, geometric mean of predicted/measured %.3f; worst %s %+.1f %%\n",
         totals->n, mean_pct, ratio, totals->worst, totals->worst_pct);
  return table;
}

bool calibrate_ops(struct invocation *invocation, struct error *error) {
  static const char *const names[] = {"ops", "summary"};
  struct csv_cells cells = {.names = needed};
  struct model {
    struct cost_settings cost;
    struct technology technology;
  } *const model = ARENA_NEW(invocation->arena, struct model, 1);
  const struct cost_settings *const settings = &model->cost;
  const struct technology *const technology = &model->technology;
  const struct cost_provider *provider;
  if (!calibrate_settings(invocation, &model->cost, &model->technology, error)) return false;
  const char *const chosen = calibrate_choice(invocation, names, sizeof names / sizeof *names, error);
  const bool provider_known = choose_provider(invocation, settings, &provider, error);
  if (chosen == NULL || !provider_known || !read_table(invocation, &cells, error)) return false;
  struct table *const table = table_new(invocation->arena, "ops.csv", columns, sizeof columns / sizeof *columns);
  struct totals totals = {.worst = ""};
  for (; cells.row < cells.csv.n_rows; cells.row++) {
    const struct op op = product_of(&cells);
    struct accelerator part;
    if (strcmp(csv_cells_text(&cells, PART), "UNKNOWN") == 0) {
      skipped_row(&cells, &op, table);
      remark(invocation, "skipped: %s\n", csv_cells_text(&cells, SOURCE));
      continue;
    }
    struct error *const own = ARENA_NEW(invocation->arena, struct error, 1);
    if (!accelerator_from_catalogue(invocation->data_folder, csv_cells_text(&cells, PART), invocation->arena, &part,
                                    own) ||
        !accelerator_derive(&part, own)) {
      csv_cells_complain(&cells, PART, "a part of the catalogue (dse list catalogue) or UNKNOWN");
      continue;
    }
    struct machine machine;
    machine_init(&machine, settings, technology, &part);
    priced_row(&cells, &op, &part, predict(&machine, provider, &part, &op), table, &totals);
  }
  if (!error_is_set(error) && totals.n == 0)
    error_add(error, STATUS_INPUT, "%s: there is no product on a known part in it", cells.csv.path);
  if (error_is_set(error)) return false;
  const struct calibrate_part parts[] = {{"ops", table}, {"summary", summary_table(invocation, &totals)}};
  calibrate_print(invocation, parts, sizeof parts / sizeof *parts, chosen);
  return true;
}

/* How well does the model tell the time of measured runs? The tables of `dse calibrate e2e`. See e2e.h.
 *
 * Source: workloads §12 ("Report"). Errors are |predicted/measured − 1| of the time of an iteration. Runs whose time
 * includes evaluation are lower bounds on speed: they stand in every table and are left out of the fit and of the
 * figures that say so. */
#include "dse/e2e/e2e.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

const char *const e2e_part_names[] = {"rows", "groups", "overall", "sweeps", "memory", "constants", "not_modelled"};
const size_t n_e2e_part_names = sizeof e2e_part_names / sizeof *e2e_part_names;

bool e2e_row_is_bound(const struct e2e_row *row) {
  return strstr(row->note, "lower bound") != NULL || strstr(row->metric, "incl. eval") != NULL;
}

struct paper {
  const struct e2e_report *report;
  struct arena *arena;
};

static bool modelled(const struct e2e_outcome *outcome) { return outcome->why_not[0] == '\0'; }

bool e2e_is_fitted_to(const struct e2e_row *row, const struct e2e_outcome *outcome) {
  return modelled(outcome) && !outcome->apart && !e2e_row_is_bound(row);
}

static double ratio_of(const struct e2e_outcome *outcome, int point) {
  return outcome->predicted_s[point] / outcome->measured_s;
}

static const char *assumed_text(unsigned assumed, struct arena *arena) {
  const char *text = "";
  for (int i = 0; i < N_E2E_ASSUMPTIONS; i++)
    if ((assumed >> i & 1) != 0)
      text = arena_printf(arena, "%s%s%s", text, text[0] != '\0' ? " " : "", e2e_assumption_names[i]);
  return text;
}

static const char *binding_of(const struct system_result *result) {
  size_t most = 0;
  for (size_t i = 1; i < N_SYSTEM_PARTS; i++)
    if (result->part_s[i] > result->part_s[most]) most = i;
  return system_part_names[most];
}

static struct table *new_table(const struct paper *paper, const char *file, const struct table_column *columns,
                               size_t n) {
  return table_new(paper->arena, file, columns, n);
}
#define NEW_TABLE(paper, file, columns) new_table(paper, file, columns, sizeof columns / sizeof *columns)

/* --- rows -------------------------------------------------------------------------------------------------------- */

static const struct table_column row_columns[] = {
    {"id", "", "", "of the run"},
    {"group", "", "", "rows of one source"},
    {"part", "", "", "of the catalogue"},
    {"devices", "", "", "that software sees"},
    {"strategy", "", "", "tensor (s: sequences too), pipeline, data, microbatch, schedule, recomputation, sharding"},
    {"global_batch", "", "", "samples in an iteration"},
    {"assumed", "", "", "fields that were not published, and that were tried or derived"},
    {"measured_s", "s", "", "an iteration"},
    {"predicted_s", "s", "", "an iteration"},
    {"ratio", "", "", "predicted/measured"},
    {"ratio_before", "", "", "with the shipped constants, where others are fitted"},
    {"ratio_left_out", "", "", "with constants fitted without the run's group"},
    {"mfu_pct", "%", "", "of the part's 16-bit peak, predicted: model FLOP alone"},
    {"binds", "", "", "the largest part of the time"},
    {"compute_pct", "%", "", "of the predicted time: operators"},
    {"collectives_pct", "%", "", "tensor, context and expert groups"},
    {"bubble_pct", "%", "", "waiting in the pipeline"},
    {"data_pct", "%", "", "gradients and sharded weights that nothing hides"},
    {"update_pct", "%", "", "of parameters"},
    {"overhead_pct", "%", "", "of the iteration"},
    {"note", "", "",
     "bound: evaluation is in the measured time; apart: something stands for what is not modelled, nothing is fitted "
     "to "
     "it; memory: more is needed than there is"},
};

static double predicted_mfu_pct(const struct e2e_outcome *outcome, const struct e2e_row *row) {
  const double peak = row->peak_tflops * 1e12;
  return peak > 0 ? 100 * outcome->work_flop / (outcome->predicted_s[E2E_POINT_USED] * (double)row->n_devices * peak)
                  : NAN;
}

static void fitted_cells(const struct e2e_report *report, const struct e2e_outcome *outcome, bool bound,
                         struct table *table) {
  table_double(table, report->fitted ? calibrate_round(ratio_of(outcome, E2E_POINT_BEFORE), 4) : NAN);
  table_double(table, report->fitted && !bound ? calibrate_round(ratio_of(outcome, E2E_POINT_LEFT_OUT), 4) : NAN);
}

static const char *note_of(const struct e2e_outcome *outcome, bool bound, struct arena *arena) {
  const char *text = bound ? "bound" : "";
  if (outcome->apart) text = arena_printf(arena, "%s%sapart", text, text[0] == '\0' ? "" : ", ");
  if (outcome->nothing_fits) text = arena_printf(arena, "%s%smemory", text, text[0] == '\0' ? "" : ", ");
  return text;
}

static struct table *rows_table(const struct paper *paper) {
  const struct e2e_report *const report = paper->report;
  struct table *const table = NEW_TABLE(paper, "rows.csv", row_columns);
  for (size_t r = 0; r < report->table->n; r++) {
    const struct e2e_row *const row = &report->table->rows[r];
    const struct e2e_outcome *const outcome = &report->outcomes[r];
    if (!modelled(outcome)) continue;
    const bool bound = e2e_row_is_bound(row);
    table_text(table, row->id);
    table_text(table, row->group);
    table_text(table, e2e_hardware_of(row->hardware)->part);
    table_u64(table, outcome->n_devices);
    table_text(table, strategy_text(&outcome->strategy, paper->arena));
    table_u64(table, outcome->strategy.global_batch);
    table_text(table, assumed_text(outcome->assumed, paper->arena));
    table_double(table, calibrate_round(outcome->measured_s, 5));
    table_double(table, calibrate_round(outcome->predicted_s[E2E_POINT_USED], 5));
    table_double(table, calibrate_round(ratio_of(outcome, E2E_POINT_USED), 4));
    fitted_cells(report, outcome, bound, table);
    table_double(table, calibrate_pct(predicted_mfu_pct(outcome, row)));
    table_text(table, binding_of(&outcome->result));
    for (size_t i = 0; i < N_SYSTEM_PARTS; i++)
      table_double(table, calibrate_pct(100 * outcome->result.part_s[i] / outcome->result.iteration_s));
    table_text(table, note_of(outcome, bound, paper->arena));
  }
  return table;
}

/* --- figures of some rows ---------------------------------------------------------------------------------------- */

enum { ALL_GROUPS = -1 };
struct selection {
  long group;  /* or ALL_GROUPS */
  int point;   /* of predicted_s */
  bool bounds; /* with runs that are lower bounds */
  int stated;  /* 1: nothing assumed; 0: something; −1: either */
};
struct figures {
  size_t n;
  double median_pct, mean_pct, most_pct, ratio;
};

static bool selects(const struct e2e_report *report, const struct selection *selection, size_t r) {
  const struct e2e_row *const row = &report->table->rows[r];
  const struct e2e_outcome *const outcome = &report->outcomes[r];
  return modelled(outcome) && (selection->group == ALL_GROUPS || (size_t)selection->group == row->group_index) &&
         (selection->bounds || !e2e_row_is_bound(row)) &&
         (selection->stated < 0 || (outcome->assumed == 0) == (selection->stated == 1));
}

static struct figures figures_of(const struct paper *paper, const struct selection *selection) {
  const struct e2e_report *const report = paper->report;
  double *const errors = ARENA_NEW(paper->arena, double, report->table->n);
  struct figures figures = {0};
  double logs = 0;
  for (size_t r = 0; r < report->table->n; r++) {
    if (!selects(report, selection, r)) continue;
    const double ratio = ratio_of(&report->outcomes[r], selection->point);
    errors[figures.n] = 100 * fabs(ratio - 1);
    figures.mean_pct += errors[figures.n];
    figures.most_pct = fmax(figures.most_pct, errors[figures.n]);
    figures.n++;
    logs += num_log(ratio);
  }
  figures.median_pct = e2e_median(errors, figures.n);
  figures.mean_pct /= (double)figures.n;
  figures.ratio = num_exp(logs / (double)figures.n);
  return figures;
}

static void figure_cells(const struct figures *figures, struct table *table) {
  table_u64(table, figures->n);
  table_double(table, calibrate_pct(figures->median_pct));
  table_double(table, calibrate_pct(figures->mean_pct));
  table_double(table, figures->n > 0 ? calibrate_pct(figures->most_pct) : NAN);
  table_double(table, calibrate_round(figures->ratio, 4));
}

#define FIGURE_COLUMNS                                                                                                 \
  {"n", "", "", "runs"}, {"median_error_pct", "%", "min", "median of |predicted/measured - 1|"},                       \
      {"mean_error_pct", "%", "min", "its mean"}, {"most_error_pct", "%", "min", "its largest value"}, {               \
    "geomean_ratio", "", "", "geometric mean of predicted/measured"                                                    \
  }

/* --- groups ------------------------------------------------------------------------------------------------------ */

static const struct table_column group_columns[] = {
    {"group", "", "", "rows of one source"},
    FIGURE_COLUMNS,
    {"stated_n", "", "", "of them, with every field published"},
    {"stated_median_error_pct", "%", "min", "of these"},
    {"assumed_n", "", "", "with a field tried or derived"},
    {"assumed_median_error_pct", "%", "min", "of these"},
    {"before_median_error_pct", "%", "min", "with the shipped constants, where others are fitted"},
    {"left_out_median_error_pct", "%", "min", "with constants fitted without the group"},
    {"bounds", "", "", "runs that are lower bounds on speed"},
    {"not_modelled", "", "", "runs that cannot be expressed"},
};

static void group_row(const struct paper *paper, size_t group, struct table *table) {
  const struct e2e_report *const report = paper->report;
  struct selection selection = {.group = (long)group, .bounds = true, .stated = -1};
  uint64_t n_bounds = 0, n_not = 0;
  for (size_t r = 0; r < report->table->n; r++) {
    if (report->table->rows[r].group_index != group) continue;
    n_bounds += e2e_row_is_bound(&report->table->rows[r]);
    n_not += !modelled(&report->outcomes[r]);
  }
  table_text(table, report->table->groups[group]);
  const struct figures all = figures_of(paper, &selection);
  figure_cells(&all, table);
  for (selection.stated = 1; selection.stated >= 0; selection.stated--) {
    const struct figures figures = figures_of(paper, &selection);
    table_u64(table, figures.n);
    table_double(table, calibrate_pct(figures.median_pct));
  }
  for (selection.point = E2E_POINT_BEFORE; selection.point <= E2E_POINT_LEFT_OUT; selection.point++) {
    const struct figures figures = figures_of(paper, &selection);
    table_double(table, report->fitted ? calibrate_pct(figures.median_pct) : NAN);
  }
  table_u64(table, n_bounds);
  table_u64(table, n_not);
}

static struct table *groups_table(const struct paper *paper) {
  struct table *const table = NEW_TABLE(paper, "groups.csv", group_columns);
  for (size_t g = 0; g < paper->report->table->n_groups; g++) group_row(paper, g, table);
  return table;
}

/* --- overall ----------------------------------------------------------------------------------------------------- */

static const struct table_column overall_columns[] = {
    {"constants", "", "", "used; shipped: before the fit; left_out: fitted without the run's group"},
    {"runs", "", "", "all; steady: without lower bounds on speed; stated: and every field published"},
    FIGURE_COLUMNS,
    {"group_median_error_pct", "%", "min", "mean over groups of their medians"},
    {"rank_correlation_time", "", "max", "Spearman, of seconds an iteration"},
    {"rank_correlation_rate", "", "max", "Spearman, of model FLOP/s a device"},
};

static void correlation_cells(const struct paper *paper, const struct selection *selection, struct table *table) {
  const struct e2e_report *const report = paper->report;
  double *const x = ARENA_NEW(paper->arena, double, report->table->n);
  double *const y = ARENA_NEW(paper->arena, double, report->table->n);
  for (int rate = 0; rate < 2; rate++) {
    size_t n = 0;
    for (size_t r = 0; r < report->table->n; r++) {
      const struct e2e_outcome *const outcome = &report->outcomes[r];
      if (!selects(report, selection, r)) continue;
      const double scale = rate == 0 ? 1 : (double)outcome->n_devices / outcome->work_flop;
      x[n] = outcome->measured_s * scale;
      y[n++] = outcome->predicted_s[selection->point] * scale;
    }
    table_double(table, calibrate_round(e2e_rank_correlation(x, y, n, paper->arena), 4));
  }
}

static double mean_of_group_medians(const struct paper *paper, struct selection selection) {
  double sum = 0, n = 0;
  for (size_t g = 0; g < paper->report->table->n_groups; g++) {
    selection.group = (long)g;
    const struct figures figures = figures_of(paper, &selection);
    if (figures.n == 0) continue;
    sum += figures.median_pct;
    n++;
  }
  return n > 0 ? sum / n : NAN;
}

static struct table *overall_table(const struct paper *paper) {
  static const char *const sets[] = {"used", "shipped", "left_out"}, *const runs[] = {"all", "steady", "stated"};
  struct table *const table = NEW_TABLE(paper, "overall.csv", overall_columns);
  for (int point = 0; point < (paper->report->fitted ? N_E2E_REPORT_POINTS : 1); point++)
    for (int kind = 0; kind < 3; kind++) {
      const struct selection selection = {
          .group = ALL_GROUPS, .point = point, .bounds = kind == 0, .stated = kind == 2 ? 1 : -1};
      const struct figures figures = figures_of(paper, &selection);
      table_text(table, sets[point]);
      table_text(table, runs[kind]);
      figure_cells(&figures, table);
      table_double(table, calibrate_pct(mean_of_group_medians(paper, selection)));
      correlation_cells(paper, &selection, table);
    }
  return table;
}

/* --- sweeps ------------------------------------------------------------------------------------------------------ */

static const struct table_column sweep_columns[] = {
    {"group", "", "", "rows of one source"},
    {"model", "", "", "of the first of them; all have its shape, machine and precision"},
    {"n", "", "", "runs"},
    {"rank_correlation", "", "max", "Spearman, of model FLOP/s a device"},
    {"measured_best", "", "", "the fastest by measurement"},
    {"predicted_best", "", "", "and by prediction"},
};

static bool same_sweep(const struct e2e_row *a, const struct e2e_row *b) {
  return a->group_index == b->group_index && a->layers > 0 && a->layers == b->layers && a->hidden == b->hidden &&
         a->vocab == b->vocab && a->sequence == b->sequence && a->heads == b->heads &&
         strcmp(a->hardware, b->hardware) == 0 && strcmp(a->precision, b->precision) == 0;
}

static void sweep_row(const struct paper *paper, size_t first, bool *seen, struct table *table) {
  const struct e2e_report *const report = paper->report;
  const struct e2e_row *const rows = report->table->rows;
  double *const x = ARENA_NEW(paper->arena, double, report->table->n);
  double *const y = ARENA_NEW(paper->arena, double, report->table->n);
  size_t n = 0, best_x = first, best_y = first;
  double least_x = INFINITY, least_y = INFINITY;
  for (size_t r = first; r < report->table->n; r++) {
    const struct e2e_outcome *const outcome = &report->outcomes[r];
    if (!modelled(outcome) || !same_sweep(&rows[first], &rows[r])) continue;
    seen[r] = true;
    const double scale = (double)outcome->n_devices / outcome->work_flop;
    x[n] = outcome->measured_s * scale;
    y[n] = outcome->predicted_s[E2E_POINT_USED] * scale;
    if (x[n] < least_x) least_x = x[n], best_x = r;
    if (y[n] < least_y) least_y = y[n], best_y = r;
    n++;
  }
  if (n < 2) return;
  table_text(table, rows[first].group);
  table_text(table, rows[first].model);
  table_u64(table, n);
  table_double(table, calibrate_round(e2e_rank_correlation(x, y, n, paper->arena), 4));
  table_text(table, rows[best_x].id);
  table_text(table, rows[best_y].id);
}

static struct table *sweeps_table(const struct paper *paper) {
  struct table *const table = NEW_TABLE(paper, "sweeps.csv", sweep_columns);
  bool *const seen = ARENA_NEW(paper->arena, bool, paper->report->table->n);
  for (size_t r = 0; r < paper->report->table->n; r++)
    if (!seen[r] && modelled(&paper->report->outcomes[r])) sweep_row(paper, r, seen, table);
  return table;
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static const struct table_column memory_columns[] = {
    {"id", "", "", "of the run"},
    {"group", "", "", "rows of one source"},
    {"measured_gb", "gb", "", "memory of a device, in 10^9 bytes"},
    {"predicted_gb", "gb", "", "of a device of the fullest stage"},
    {"error_pct", "%", "", "predicted/measured - 1"},
    {"weights_gb", "gb", "", "weights"},
    {"gradients_gb", "gb", "", "gradients"},
    {"optimizer_gb", "gb", "", "optimizer state"},
    {"kept_gb", "gb", "", "kept for the backward pass"},
    {"working_gb", "gb", "", "largest operator, recomputed layer"},
    {"buffers_gb", "gb", "", "of communication"},
    {"hbm_gb", "gb", "", "there is"},
};

static struct table *memory_table(const struct paper *paper) {
  struct table *const table = NEW_TABLE(paper, "memory.csv", memory_columns);
  for (size_t r = 0; r < paper->report->table->n; r++) {
    const struct e2e_row *const row = &paper->report->table->rows[r];
    const struct e2e_outcome *const outcome = &paper->report->outcomes[r];
    if (!modelled(outcome) || isnan(row->memory_gb)) continue;
    const struct system_memory *const memory = &outcome->result.memory;
    const uint64_t parts[] = {memory->weights_bytes,    memory->gradients_bytes, memory->optimizer_bytes,
                              memory->kept_bytes,       memory->working_bytes,   memory->buffers_bytes,
                              outcome->result.hbm_bytes};
    const double predicted_gb = 1e-9 * (double)outcome->result.memory_bytes;
    table_text(table, row->id);
    table_text(table, row->group);
    table_double(table, row->memory_gb);
    table_double(table, calibrate_round(predicted_gb, 4));
    table_double(table, calibrate_pct(100 * (predicted_gb / row->memory_gb - 1)));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
      table_double(table, calibrate_round(1e-9 * (double)parts[i], 4));
  }
  return table;
}

static const struct table_column constant_columns[] = {
    {"constant", "", "", "key of a run file; network.efficiency: efficiency_inner and efficiency_outer"},
    {"unit", "", "", "of value"},
    {"value", "", "", "used"},
    {"role", "", "", "fitted, or held at what is shipped"},
    {"prior", "", "", "pulls the fit"},
    {"low", "", "", "bound"},
    {"high", "", "", "bound"},
    {"shipped", "", "", "the program's own"},
    {"meaning", "", "", "in words"},
};

static struct table *constants_table(const struct paper *paper) {
  struct table *const table = NEW_TABLE(paper, "constants.csv", constant_columns);
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) {
    const struct e2e_constant_info *const info = &e2e_constants[i];
    table_text(table, info->key);
    table_text(table, info->unit);
    table_double(table, paper->report->constants.of[i]);
    table_text(table, paper->report->is_fitted[i] ? "fitted" : "held");
    table_double(table, info->prior);
    table_double(table, info->low);
    table_double(table, info->high);
    table_double(table, info->shipped);
    table_text(table, info->doc);
  }
  return table;
}

static const struct table_column missing_columns[] = {
    {"id", "", "", "of the run"},
    {"group", "", "", "rows of one source"},
    {"hardware", "", "", "as in the table"},
    {"model", "", "", "as in the table"},
    {"reason", "", "", "why there is no prediction"},
};

static struct table *missing_table(const struct paper *paper) {
  struct table *const table = NEW_TABLE(paper, "not_modelled.csv", missing_columns);
  for (size_t r = 0; r < paper->report->table->n; r++) {
    const struct e2e_row *const row = &paper->report->table->rows[r];
    if (modelled(&paper->report->outcomes[r])) continue;
    table_text(table, row->id);
    table_text(table, row->group);
    table_text(table, row->hardware);
    table_text(table, row->model);
    table_text(table, paper->report->outcomes[r].why_not);
  }
  return table;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void remarks(const struct paper *paper) {
  const struct e2e_report *const report = paper->report;
  const struct selection steady = {.group = ALL_GROUPS, .stated = -1},
                         all = {.group = ALL_GROUPS, .bounds = true, .stated = -1};
  const struct figures some = figures_of(paper, &steady), figures = figures_of(paper, &all);
  if (report->table->missing[0] != '\0')
    remark(report->invocation, "columns that are not there, unknown in every row: %s\n", report->table->missing);
  for (size_t r = 0; r < report->table->n; r++)
    if (!modelled(&report->outcomes[r]))
      remark(report->invocation, "not modelled: %s (%s)\n", report->table->rows[r].id, report->outcomes[r].why_not);
  remark(report->invocation,
         "%zu of %zu runs: median error %.1f %%, mean %.1f %%; without %zu lower bounds on speed: %.1f %%, %.1f %%\n",
         figures.n, report->table->n, figures.median_pct, figures.mean_pct, figures.n - some.n, some.median_pct,
         some.mean_pct);
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) {
    const struct e2e_constant_info *const info = &e2e_constants[i];
    const double value = report->constants.of[i];
    if (report->is_fitted[i] && (value == info->low || value == info->high))
      remark(report->invocation, "%s sits on its %s bound\n", info->key, value == info->low ? "low" : "high");
  }
}

void e2e_report_print(const struct e2e_report *report, const char *chosen) {
  const struct paper paper = {report, report->invocation->arena};
  const struct calibrate_part parts[] = {{"rows", rows_table(&paper)},           {"groups", groups_table(&paper)},
                                         {"overall", overall_table(&paper)},     {"sweeps", sweeps_table(&paper)},
                                         {"memory", memory_table(&paper)},       {"constants", constants_table(&paper)},
                                         {"not_modelled", missing_table(&paper)}};
  remarks(&paper);
  calibrate_print(report->invocation, parts, sizeof parts / sizeof *parts, chosen);
}

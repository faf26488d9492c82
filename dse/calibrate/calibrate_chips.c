/* dse calibrate chips: what are the area and power laws worth on real chips?
 *
 * chip_table.c reads the chips, chip_fit.c fits and predicts; this file makes the tables of the report. */
#include "dse/calibrate/calibrate.h"
#include "dse/calibrate/chip_fit.h"

#include "base/text.h"
#include <math.h>
#include <string.h>

static const char *const quantity_names[] = {"area", "tdp"}, *const quantity_units[] = {"mm2", "w"};

struct report {
  struct invocation *invocation;
  struct arena *arena;
  struct chip_table chips;
  const struct chip_law *law;
  struct technology shipped;
  struct chip_fit fit;
};

static const char *class_name(bool in_class) { return in_class ? "hbm_training" : "outside"; }

/* --- chips ------------------------------------------------------------------------------------------------------- */

static const struct table_column chip_columns[] = {
    {"chip", "", "", "name in the table"},
    {"quantity", "", "", "area of one compute die, or TDP of the package"},
    {"unit", "", "", "of real, prior, fit and loo"},
    {"class", "", "", "hbm_training: its chips set the constants; outside: they do not"},
    {"real", "", "", "as published"},
    {"real_is", "", "", "exact, or at_most: the die is smaller"},
    {"prior", "", "", "predicted with prior constants"},
    {"prior_error_pct", "%", "", "prior/real - 1"},
    {"fit", "", "", "predicted with fitted constants"},
    {"fit_error_pct", "%", "", "fit/real - 1"},
    {"loo", "", "", "predicted with constants fitted without this chip; outside the class: fit"},
    {"loo_error_pct", "%", "", "loo/real - 1"},
    {"note", "", "", "why the chip was skipped"},
};

static void predicted_cells(struct table *table, double predicted, double real) {
  table_double(table, calibrate_pct(predicted));
  table_double(table, isnan(real) ? NAN : calibrate_pct(100 * (predicted / real - 1)));
}

static struct table *chips_table(const struct report *report) {
  struct table *const table =
      table_new(report->arena, "chips.csv", chip_columns, sizeof chip_columns / sizeof *chip_columns);
  for (size_t q = 0; q < N_CHIP_QUANTITIES; q++) {
    for (size_t r = 0; r < report->chips.n; r++) {
      const struct chip_row *const row = &report->chips.rows[r];
      const double real = row->real[q];
      table_text(table, row->name);
      table_text(table, quantity_names[q]);
      table_text(table, quantity_units[q]);
      table_text(table, row->skipped[q] != NULL ? "skipped" : class_name(row->in_fit[q]));
      table_double(table, real);
      table_text(table, isnan(real) ? "" : q == CHIP_AREA && row->at_most ? "at_most" : "exact");
      predicted_cells(table, report->fit.predicted[q][r].prior, real);
      predicted_cells(table, report->fit.predicted[q][r].fit, real);
      predicted_cells(table, report->fit.predicted[q][r].left_out, real);
      table_text(table, row->skipped[q] != NULL ? row->skipped[q] : "");
    }
  }
  return table;
}

/* --- summary ----------------------------------------------------------------------------------------------------- */

static const struct table_column summary_columns[] = {
    {"quantity", "", "", "area or tdp"},
    {"class", "", "", "hbm_training or outside"},
    {"n", "", "", "chips"},
    {"prior_error_pct", "%", "min", "mean of |prior/real - 1|"},
    {"fit_error_pct", "%", "min", "mean of |fit/real - 1|"},
    {"loo_error_pct", "%", "min", "mean of |loo/real - 1|"},
    {"loo_error_one_sided_pct", "%", "min", "the same, where a die below its published bound counts 0"},
    {"worst_error_pct", "%", "", "of all loo/real - 1"},
    {"worst_chip", "", "", "which it is"},
};

static struct table *summary_table(const struct report *report) {
  struct table *const table =
      table_new(report->arena, "summary.csv", summary_columns, sizeof summary_columns / sizeof *summary_columns);
  for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
    for (int outside = 0; outside < 2; outside++) {
      struct chip_errors errors;
      chip_errors(&report->fit, &report->chips, q, !outside, &errors);
      if (errors.n == 0) continue;
      table_text(table, quantity_names[q]);
      table_text(table, class_name(!outside));
      table_u64(table, errors.n);
      table_double(table, calibrate_pct(errors.prior_pct));
      table_double(table, calibrate_pct(errors.fit_pct));
      table_double(table, calibrate_pct(errors.left_out_pct));
      table_double(table, calibrate_pct(errors.one_sided_pct));
      table_double(table, calibrate_pct(errors.worst_pct));
      table_text(table, errors.worst);
      remark(
          report->invocation,
          "%s, %s (%zu chips): mean error %.1f %% with priors, %.1f %% fitted, %.1f %% left out; worst %s %+.1f %%\n",
          quantity_names[q], class_name(!outside), errors.n, errors.prior_pct, errors.fit_pct, errors.left_out_pct,
          errors.worst, errors.worst_pct);
    }
  }
  return table;
}

/* --- constants and what they move -------------------------------------------------------------------------------- */

static const struct table_column constant_columns[] = {
    {"constant", "", "", "key of group technology, or of this law alone"},
    {"unit", "", "", "of prior, low, high, value and shipped"},
    {"quantity", "", "", "what it is fitted to"},
    {"prior", "", "", "value before any fit"},
    {"low", "", "", "least value that a fit may give"},
    {"high", "", "", "largest"},
    {"role", "", "", "fitted, held at its prior, or unused by this law"},
    {"value", "", "", "under this law"},
    {"at_bound", "", "", "low or high where the fit ended on a bound"},
    {"shipped", "", "", "the program's default, where it has such a key"},
    {"meaning", "", "", "what it is"},
};

static double *technology_value(struct technology *technology, const char *key) {
  const struct field *const field = config_find_field(&technology_fields, key);
  return field == NULL ? NULL : (double *)(void *)((char *)technology + field->offset);
}

static struct table *constants_table(struct report *report) {
  struct table *const table =
      table_new(report->arena, "constants.csv", constant_columns, sizeof constant_columns / sizeof *constant_columns);
  for (enum chip_constant_index i = 0; i < N_CHIP_CONSTANTS; i++) {
    const struct chip_constant *const constant = &chip_constants[i];
    const bool fitted = chip_law_fits(report->law, i), used = chip_law_uses(report->law, i);
    const double value = calibrate_round(report->fit.constants[i], 4);
    const double *const shipped = technology_value(&report->shipped, constant->key);
    const char *const bound = !fitted ? "" : value <= constant->low ? "low" : value >= constant->high ? "high" : "";
    table_text(table, constant->key);
    table_text(table, constant->unit);
    table_text(table, quantity_names[constant->quantity]);
    table_double(table, constant->prior);
    table_double(table, constant->low);
    table_double(table, constant->high);
    table_text(table, fitted ? "fitted" : used ? "held" : "unused");
    table_double(table, used ? value : NAN);
    table_text(table, bound);
    table_double(table, shipped != NULL ? *shipped : NAN);
    table_text(table, constant->source);
    if (bound[0] != '\0') remark(report->invocation, "%s sits on its %s bound\n", constant->key, bound);
  }
  return table;
}

static const struct table_column sensitivity_columns[] = {
    {"constant", "", "", "key of group technology, or of this law alone"},
    {"unit", "", "", "of value"},
    {"value", "", "", "that is changed"},
    {"change_pct", "%", "", "by how much"},
    {"area_change_pct", "%", "", "mean change of predicted areas over the class"},
    {"tdp_change_pct", "%", "", "mean change of predicted TDPs over the class, dies as published"},
};

/* Mean of predicted/before − 1 over the class, in percent. */
static double mean_change_pct(const struct report *report, const double *constants, const struct technology *rest,
                              enum chip_quantity quantity) {
  double sum = 0;
  size_t n = 0;
  for (size_t r = 0; r < report->chips.n; r++) {
    if (!report->chips.rows[r].in_fit[quantity]) continue;
    const double after = chip_predict(report->law, constants, rest, &report->chips.rows[r], quantity);
    sum += after / report->fit.predicted[quantity][r].fit - 1;
    n++;
  }
  return 100 * sum / (double)n;
}

/* `place` is that of the constant among `constants` or in `rest`. */
static void sensitivity_rows(const struct report *report, const char *key, const char *unit, double *place,
                             const double *constants, const struct technology *rest, struct table *table) {
  const double value = *place;
  double change_pct[2][N_CHIP_QUANTITIES];
  bool any = false;
  for (int down = 0; down < 2; down++) {
    *place = value * (down ? 0.8 : 1.2);
    for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
      change_pct[down][q] = calibrate_pct(mean_change_pct(report, constants, rest, q));
      any = any || change_pct[down][q] != 0;
    }
  }
  *place = value;
  for (int down = 0; down < 2 && any; down++) {
    table_text(table, key);
    table_text(table, unit);
    table_double(table, calibrate_round(value, 4));
    table_double(table, down ? -20 : 20);
    table_double(table, change_pct[down][CHIP_AREA]);
    table_double(table, change_pct[down][CHIP_TDP]);
  }
}

static struct table *sensitivity_table(const struct report *report) {
  struct table *const table = table_new(report->arena, "sensitivity.csv", sensitivity_columns,
                                        sizeof sensitivity_columns / sizeof *sensitivity_columns);
  double constants[N_CHIP_CONSTANTS];
  struct technology rest = report->shipped;
  memcpy(constants, report->fit.constants, sizeof constants);
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++)
    sensitivity_rows(report, chip_constants[i].key, chip_constants[i].unit, &constants[i], constants, &rest, table);
  for (size_t f = 0; f < technology_fields.n_fields; f++) {
    const struct field *const field = &technology_fields.fields[f];
    bool done = false;
    for (size_t i = 0; i < N_CHIP_CONSTANTS; i++) done = done || strcmp(chip_constants[i].key, field->key) == 0;
    if (done) continue;
    sensitivity_rows(report, field->key, field->unit, technology_value(&rest, field->key), constants, &rest, table);
  }
  return table;
}

/* --- laws -------------------------------------------------------------------------------------------------------- */

static const struct table_column law_columns[] = {
    {"law", "", "", "name for --law"},
    {"area_constants", "", "min", "fitted to dies"},
    {"area_fit_error_pct", "%", "min", "mean over the class, fitted"},
    {"area_loo_error_pct", "%", "min", "mean over the class, left out"},
    {"area_loo_error_one_sided_pct", "%", "min", "the same, where a die below its published bound counts 0"},
    {"area_outside_error_pct", "%", "min", "mean over chips outside the class"},
    {"tdp_constants", "", "min", "fitted to TDPs"},
    {"tdp_fit_error_pct", "%", "min", "mean over the class, fitted"},
    {"tdp_loo_error_pct", "%", "min", "mean over the class, left out"},
    {"tdp_outside_error_pct", "%", "min", "mean over chips outside the class"},
    {"meaning", "", "", "what is different"},
};

static bool laws_table(const struct report *report, struct table **made, struct error *error) {
  struct table *const table =
      table_new(report->arena, "laws.csv", law_columns, sizeof law_columns / sizeof *law_columns);
  for (size_t l = 0; l < n_chip_laws; l++) {
    const struct chip_law *const law = &chip_laws[l];
    struct chip_fit fit;
    if (!chip_fit(law, &report->chips, &report->shipped, report->arena, &fit, error)) return false;
    table_text(table, law->name);
    for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
      uint64_t n = 0;
      for (enum chip_constant_index i = 0; i < N_CHIP_CONSTANTS; i++)
        n += chip_constants[i].quantity == q && chip_law_fits(law, i);
      struct chip_errors inside, outside;
      chip_errors(&fit, &report->chips, q, true, &inside);
      chip_errors(&fit, &report->chips, q, false, &outside);
      table_u64(table, n);
      table_double(table, calibrate_pct(inside.fit_pct));
      table_double(table, calibrate_pct(inside.left_out_pct));
      if (q == CHIP_AREA) table_double(table, calibrate_pct(inside.one_sided_pct));
      table_double(table, outside.n > 0 ? calibrate_pct(outside.fit_pct) : NAN);
    }
    table_text(table, law->doc);
  }
  *made = table;
  return true;
}

/* --- the choice of a law ----------------------------------------------------------------------------------------- */

static const struct table_column selection_columns[] = {
    {"chip", "", "", "name in the table"},
    {"quantity", "", "", "area or tdp"},
    {"law", "", "", "that the other chips chose: whose left-out error over them is least"},
    {"real", "", "", "mm² of a die, W of the package"},
    {"predicted", "", "", "by that law with constants fitted to the others"},
    {"error_pct", "%", "", "predicted/real - 1"},
};

static struct table *selection_table(const struct report *report) {
  struct table *const table = table_new(report->arena, "selection.csv", selection_columns,
                                        sizeof selection_columns / sizeof *selection_columns);
  for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
    double sum_pct = 0;
    size_t n = 0;
    for (size_t r = 0; r < report->chips.n; r++) {
      const struct chip_row *const row = &report->chips.rows[r];
      struct chip_selected selected;
      if (!row->in_fit[q] || !chip_selection(&report->chips, &report->shipped, r, q, report->arena, &selected))
        continue;
      const double error_pct = 100 * (selected.predicted / row->real[q] - 1);
      table_text(table, row->name);
      table_text(table, quantity_names[q]);
      table_text(table, selected.law->name);
      table_double(table, row->real[q]);
      table_double(table, calibrate_pct(selected.predicted));
      table_double(table, calibrate_pct(error_pct));
      sum_pct += fabs(error_pct);
      n++;
    }
    if (n > 0)
      remark(report->invocation, "%s: mean error %.1f %% where the law itself is chosen without the chip, among %zu\n",
             quantity_names[q], sum_pct / (double)n, n_chip_laws);
  }
  return table;
}

/* --- the report -------------------------------------------------------------------------------------------------- */

static bool choose_law(struct report *report, struct error *error) {
  const char *const name = invocation_value(report->invocation, "law");
  report->law = name == NULL ? &chip_laws[0] : chip_law_find(name);
  if (report->law != NULL) return true;
  const char **const names = ARENA_NEW(report->arena, const char *, n_chip_laws);
  for (size_t i = 0; i < n_chip_laws; i++) names[i] = chip_laws[i].name;
  char shown[80];
  text_escape(name, shown, sizeof shown);
  const char *const nearest = text_nearest(name, names, n_chip_laws);
  return error_add(error, STATUS_INPUT, "--law: there is no law \"%s\"%s%s%s (dse calibrate chips --what laws)", shown,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static void name_skipped(const struct report *report) {
  for (size_t q = 0; q < N_CHIP_QUANTITIES; q++) {
    const char *list = "";
    for (size_t r = 0; r < report->chips.n; r++) {
      const struct chip_row *const row = &report->chips.rows[r];
      if (row->skipped[q] == NULL) continue;
      char shown[80];
      text_escape(row->name, shown, sizeof shown);
      list = arena_printf(report->arena, "%s%s%s (%s)", list, list[0] != '\0' ? ", " : "", shown, row->skipped[q]);
    }
    if (list[0] != '\0') remark(report->invocation, "%s, skipped: %s\n", quantity_names[q], list);
  }
}

bool calibrate_chips(struct invocation *invocation, struct error *error) {
  static const char *const names[] = {"chips", "summary", "constants", "sensitivity", "laws", "selection"};
  struct report *const report = ARENA_NEW(invocation->arena, struct report, 1);
  report->invocation = invocation;
  report->arena = invocation->arena;
  const char *const chosen = calibrate_choice(invocation, names, sizeof names / sizeof *names, error);
  const char *const given = invocation_value(invocation, "table");
  const char *const path =
      given != NULL ? given : arena_printf(report->arena, "%s/arch/chips.csv", invocation->data_folder);
  const bool set =
      calibrate_settings(invocation, ARENA_NEW(report->arena, struct cost_settings, 1), &report->shipped, error);
  const bool law_known = choose_law(report, error);
  if (chosen == NULL || !set || !law_known || !chip_table_read(path, report->arena, &report->chips, error))
    return false;
  if (!chip_fit(report->law, &report->chips, &report->shipped, report->arena, &report->fit, error)) return false;
  struct calibrate_part parts[sizeof names / sizeof *names] = {{"chips", chips_table(report)},
                                                               {"summary", summary_table(report)},
                                                               {"constants", constants_table(report)},
                                                               {"sensitivity", sensitivity_table(report)}};
  size_t n = 4; /* what takes seconds is made only where it is wanted */
  name_skipped(report);
  if (strcmp(chosen, "laws") == 0) {
    struct table *laws;
    if (!laws_table(report, &laws, error)) return false;
    parts[n++] = (struct calibrate_part){chosen, laws};
  }
  if (strcmp(chosen, "selection") == 0) parts[n++] = (struct calibrate_part){chosen, selection_table(report)};
  calibrate_print(invocation, parts, n, chosen);
  return true;
}

/* dse calibrate e2e: does the model tell how long real training runs took?
 *
 * Reads a table of measured runs, predicts each on its machine with its parallelism by the code that searches, and
 * reports errors by run, by source and in all; with --fit after fitting at most four efficiencies of all machines to
 * these runs, each source predicted without itself. e2e.h names the parts. Runs are shared out over the ranks. */
#include "dse/calibrate/calibrate.h"
#include "dse/e2e/e2e.h"

#include "base/file.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

/* One pass over all runs: each with its own points. */
struct pass {
  const struct e2e_table *table;
  const struct e2e_base *base;
  const char *data_folder;
  const struct e2e_constants *points; /* n_points of each group, or of all if `shared` */
  size_t n_points;
  const bool *tries; /* as in a question */
  bool shared;
};

static void predict_one(void *context, size_t index, void *record) {
  const struct pass *const pass = context;
  const struct e2e_row *const row = &pass->table->rows[index];
  const struct e2e_question question = {.row = row,
                                        .base = pass->base,
                                        .data_folder = pass->data_folder,
                                        .points = pass->points + (pass->shared ? 0 : row->group_index * pass->n_points),
                                        /* Nothing is fitted to bounds. */
                                        .n_points = pass->shared && e2e_row_is_bound(row) ? 1 : pass->n_points,
                                        .tries = pass->tries};
  e2e_predict(&question, record);
}

static bool predict_all(struct invocation *invocation, struct pass *pass, struct e2e_outcome *outcomes,
                        struct error *error) {
  const struct cluster_tasks tasks = {
      .n_tasks = pass->table->n, .record_bytes = sizeof(struct e2e_outcome), .task = predict_one, .context = pass};
  return cluster_map(invocation->cluster, &tasks, outcomes, error) == CLUSTER_DONE;
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

/* The machines' levels are those of e2e_hardware.def: of group "network" one key is left, for all of them. */
static const struct field link_field_list[] = {{"efficiency", FIELD_REAL, "", 0.01, 1, "1.0",
                                                "Share of the links' bandwidth that messages reach.",
                                                offsetof(struct e2e_base, link_efficiency), ROLE_ANSWER, NULL}};
static const struct field_table link_fields = {"network", "links of measured machines", link_field_list,
                                               sizeof link_field_list / sizeof *link_field_list};

static bool read_base(const struct invocation *invocation, struct e2e_base *base, struct error *error) {
  /* Phases of a device run one operator after the other, each with the memory to itself; frameworks launch a kernel an
   * operator. */
  static const char own[] = "schedule = { hbm_sharing = \"isolated\"; }; training = { fusion = \"off\"; };\n";
  const struct config_section sections[] = {{"cost", &cost_fields, &base->cost, false},
                                            {"technology", &technology_fields, &base->technology, false},
                                            {"schedule", &stage_fields, &base->schedule, false},
                                            {"training", &training_fields, &base->training, false},
                                            {"system.law", &system_law_fields, &base->law, false},
                                            {"network", &link_fields, base, false}};
  struct config *config;
  if (!config_open_text("dse calibrate e2e", own, strlen(own), invocation->sets, invocation->n_sets, invocation->arena,
                        &config, error))
    return false;
  const bool read = config_apply(config, sections, sizeof sections / sizeof *sections, invocation->arena, error);
  config_close(config);
  return read;
}

/* The shipped constants, unless --set names their keys (those of cost alone are read so). */
static void shipped_constants(const struct invocation *invocation, const struct e2e_base *base,
                              struct e2e_constants *constants) {
  const double set[N_E2E_CONSTANTS] = {
      [E2E_MATMUL] = base->cost.matmul_efficiency, [E2E_HBM] = base->cost.hbm_efficiency,
      [E2E_OP] = base->law.op_overhead_us,         [E2E_LINKS] = base->link_efficiency,
      [E2E_OVERLAP] = base->law.overlap_share,     [E2E_ITERATION] = base->law.iteration_overhead};
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) {
    constants->of[i] = e2e_constants[i].shipped;
    for (size_t s = 0; s < invocation->n_sets; s++)
      if (strcmp(invocation->sets[s].path, e2e_constants[i].key) == 0) constants->of[i] = set[i];
  }
}

/* "matmul_efficiency,hbm_efficiency", the last words of keys; "": the usual ones. */
static bool choose_fitted(struct invocation *invocation, const char *text, bool *fitted, struct error *error) {
  const char *all = "";
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) {
    fitted[i] = text[0] == '\0' && e2e_constants[i].fitted;
    all = arena_printf(invocation->arena, "%s%s%s", all, i > 0 ? ", " : "", strrchr(e2e_constants[i].key, '.') + 1);
  }
  size_t n_named = 0;
  while (*text != '\0') {
    const size_t n = strcspn(text, ",");
    size_t i = 0;
    while (i < N_E2E_CONSTANTS) {
      const char *const name = strrchr(e2e_constants[i].key, '.') + 1;
      if (strlen(name) == n && strncmp(text, name, n) == 0) break;
      i++;
    }
    if (i == N_E2E_CONSTANTS) {
      char shown[80];
      text_escape(text, shown, sizeof shown);
      return error_add(error, STATUS_INPUT, "--constants: \"%s\": names out of %s were expected, commas between", shown,
                       all);
    }
    n_named += !fitted[i];
    fitted[i] = true;
    text += n + (text[n] == ',');
  }
  if (n_named > E2E_MAX_FITTED)
    return error_add(error, STATUS_INPUT, "--constants: %zu of them, at most %d are fitted", n_named, E2E_MAX_FITTED);
  return true;
}

/* --- the fit ----------------------------------------------------------------------------------------------------- */

struct fitting {
  struct e2e_grid grid;
  struct e2e_fit_row *rows;
  size_t n_rows;
};

static void gather(const struct e2e_table *table, const struct e2e_outcome *outcomes, struct fitting *fitting) {
  for (size_t r = 0; r < table->n; r++) {
    if (!e2e_is_fitted_to(&table->rows[r], &outcomes[r])) continue;
    fitting->rows[fitting->n_rows++] =
        (struct e2e_fit_row){outcomes[r].predicted_s, outcomes[r].measured_s, table->rows[r].group_index};
  }
}

/* Fits on every group, and once without each; points: used, before, left out, for each group. */
static bool fit(struct invocation *invocation, struct pass *pass, struct e2e_report *report, struct error *error) {
  struct arena *const arena = invocation->arena;
  const struct e2e_table *const table = pass->table;
  struct fitting *const fitting = ARENA_NEW(arena, struct fitting, 1);
  struct e2e_outcome *const outcomes = ARENA_NEW(arena, struct e2e_outcome, table->n);
  enum e2e_constant names[N_E2E_CONSTANTS];
  size_t n_fitted = 0;
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++)
    if (report->is_fitted[i]) names[n_fitted++] = (enum e2e_constant)i;
  e2e_grid_make(&report->before, names, n_fitted, &fitting->grid);
  pass->points = fitting->grid.points;
  pass->n_points = fitting->grid.n_points;
  pass->tries = fitting->grid.corner;
  pass->shared = true;
  fitting->rows = ARENA_NEW(arena, struct e2e_fit_row, table->n);
  if (!predict_all(invocation, pass, outcomes, error)) return false;
  gather(table, outcomes, fitting);
  if (fitting->n_rows < 2 * n_fitted)
    return error_add(error, STATUS_INPUT,
                     "%s: %zu runs can be predicted and are no lower bounds; %zu constants cannot "
                     "be fitted to them",
                     table->path, fitting->n_rows, n_fitted);
  struct e2e_constants *const points = ARENA_NEW(arena, struct e2e_constants, N_E2E_REPORT_POINTS * table->n_groups);
  const double price =
      e2e_fit(&fitting->grid, fitting->rows, fitting->n_rows, table->n_groups, SIZE_MAX, &report->constants);
  for (size_t g = 0; g < table->n_groups; g++) {
    struct e2e_constants *const mine = points + N_E2E_REPORT_POINTS * g;
    mine[E2E_POINT_USED] = report->constants;
    mine[E2E_POINT_BEFORE] = report->before;
    e2e_fit(&fitting->grid, fitting->rows, fitting->n_rows, table->n_groups, g, &mine[E2E_POINT_LEFT_OUT]);
  }
  remark(invocation, "fitted %zu constants to %zu runs: objective %.4f\n", n_fitted, fitting->n_rows, price);
  pass->points = points;
  pass->n_points = N_E2E_REPORT_POINTS;
  pass->tries = NULL;
  pass->shared = false;
  report->fitted = true;
  return true;
}

/* --- the report -------------------------------------------------------------------------------------------------- */

static bool write_fragment(struct invocation *invocation, const struct e2e_report *report, struct error *error) {
  const char *const path = invocation_value(invocation, "write");
  if (path == NULL) return true;
  if (cluster_rank(invocation->cluster) == 0) {
    const char *const text = e2e_fragment(report, invocation->arena);
    file_publish(path, text, strlen(text), error);
  }
  return cluster_agree(invocation->cluster, error);
}

/* `text`: the table, or NULL: it is in the file that the command line names. */
static bool ask(struct invocation *invocation, const char *text, struct e2e_table *table, struct e2e_report *report,
                const char **chosen, struct error *error) {
  const char *const path = invocation->n_words > 1 ? invocation->words[1] : invocation_value(invocation, "table");
  const char *const names = invocation_value(invocation, "constants");
  *chosen = calibrate_choice(invocation, e2e_part_names, n_e2e_part_names, error);
  if (text == NULL && path == NULL)
    return error_add(error, STATUS_INPUT, "dse calibrate e2e: FILE.csv is missing, a table of runs");
  if (names != NULL && invocation_value(invocation, "fit") == NULL)
    return error_add(error, STATUS_INPUT, "--constants: says what --fit fits, which is missing");
  const bool fits = invocation_value(invocation, "fit") != NULL;
  if (fits && !choose_fitted(invocation, names == NULL ? "" : names, report->is_fitted, error)) return false;
  const bool read = text != NULL ? e2e_table_parse("text", text, invocation->arena, table, error)
                                 : e2e_table_read(path, invocation->arena, table, error);
  return read && *chosen != NULL;
}

bool calibrate_e2e_of(struct invocation *invocation, const char *text, struct error *error) {
  struct arena *const arena = invocation->arena;
  struct e2e_table *const table = ARENA_NEW(arena, struct e2e_table, 1);
  struct e2e_base *const base = ARENA_NEW(arena, struct e2e_base, 1);
  struct e2e_report *const report = ARENA_NEW(arena, struct e2e_report, 1);
  const char *chosen;
  *report = (struct e2e_report){.invocation = invocation, .table = table};
  if (!read_base(invocation, base, error) || !ask(invocation, text, table, report, &chosen, error)) return false;
  shipped_constants(invocation, base, &report->before);
  report->constants = report->before;
  struct pass pass = {.table = table,
                      .base = base,
                      .data_folder = invocation->data_folder,
                      .points = &report->constants,
                      .n_points = 1,
                      .shared = true};
  if (invocation_value(invocation, "fit") != NULL && !fit(invocation, &pass, report, error)) return false;
  struct e2e_outcome *const outcomes = ARENA_NEW(arena, struct e2e_outcome, table->n);
  if (!predict_all(invocation, &pass, outcomes, error)) return false;
  report->outcomes = outcomes;
  if (!write_fragment(invocation, report, error)) return false;
  e2e_report_print(report, chosen);
  return true;
}

bool calibrate_e2e(struct invocation *invocation, struct error *error) {
  return calibrate_e2e_of(invocation, NULL, error);
}

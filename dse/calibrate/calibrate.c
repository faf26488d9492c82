/* dse calibrate: how far is the model from what is known of real chips?
 *
 * This file: the command, its options and how a report is printed; the reports are in calibrate_*.c. */
#include "dse/calibrate/calibrate.h"

#include "base/csv.h"
#include "base/text.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 1000000 };

static const struct {
  const char *name;
  bool (*run)(struct invocation *, struct error *);
} reports[] = {{"chips", calibrate_chips},
               {"ops", calibrate_ops},
               {"e2e", calibrate_e2e},
               {"estimates", calibrate_estimates},
               {"placements", calibrate_placements}};
enum { N_REPORTS = sizeof reports / sizeof *reports };

double calibrate_round(double value, int digits) {
  char text[64];
  snprintf(text, sizeof text, "%.*g", digits, value);
  return strtod(text, NULL);
}

double calibrate_pct(double value) {
  const double rounded = round(10 * value) / 10;
  return rounded == 0 ? 0 : rounded; /* no -0 */
}

const char *calibrate_choice(const struct invocation *invocation, const char *const *names, size_t n_names,
                             struct error *error) {
  const char *const wanted = invocation_value(invocation, "what");
  if (wanted == NULL) return names[0];
  const char *all = "";
  for (size_t i = 0; i < n_names; i++) {
    if (strcmp(wanted, names[i]) == 0) return names[i];
    all = arena_printf(invocation->arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
  }
  char shown[80];
  text_escape(wanted, shown, sizeof shown);
  const char *const nearest = text_nearest(wanted, names, n_names);
  error_add(error, STATUS_INPUT, "--what: \"%s\" is no part of this report%s%s%s (there are %s)", shown,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", all);
  return NULL;
}

bool calibrate_settings(const struct invocation *invocation, struct cost_settings *cost, struct technology *technology,
                        struct error *error) {
  const struct config_section sections[] = {{"cost", &cost_fields, cost, false},
                                            {"technology", &technology_fields, technology, false}};
  struct config *config;
  if (!config_open_text("dse calibrate", "", 0, invocation->sets, invocation->n_sets, invocation->arena, &config,
                        error))
    return false;
  const bool read = config_apply(config, sections, sizeof sections / sizeof *sections, invocation->arena, error);
  config_close(config);
  return read;
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

/* Numbers as numbers, empty cells as null. */
static json_t *json_cell(const char *text) {
  double number;
  uint64_t whole;
  if (text[0] == '\0') return json_null();
  if (text_to_u64(text, &whole) && whole < INT64_MAX) return json_integer((json_int_t)whole);
  return text_to_double(text, &number) ? json_real(number) : json_string(text);
}

static json_t *json_rows(const struct invocation *invocation, const struct table *table) {
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  struct csv csv;
  struct error *const error = ARENA_NEW(invocation->arena, struct error, 1);
  if (!csv_parse("dse calibrate", bytes, n, MOST_ROWS, invocation->arena, &csv, error))
    BUG("our own table does not read back: %s", error->text);
  json_t *const rows = json_array();
  for (size_t r = 0; r < csv.n_rows; r++) {
    json_t *const row = json_object();
    for (size_t c = 0; c < csv.n_columns; c++) json_object_set_new(row, csv.header[c], json_cell(csv_cell(&csv, r, c)));
    json_array_append_new(rows, row);
  }
  return rows;
}

void calibrate_print(const struct invocation *invocation, const struct calibrate_part *parts, size_t n_parts,
                     const char *chosen) {
  if (cluster_rank(invocation->cluster) != 0) return;
  json_t *const all = json_object();
  for (size_t i = 0; i < n_parts; i++) {
    if (invocation->json) {
      json_object_set_new(all, parts[i].name, json_rows(invocation, parts[i].table));
    } else if (strcmp(parts[i].name, chosen) == 0) {
      size_t n;
      const char *const bytes = table_bytes(parts[i].table, &n);
      say_bytes(invocation, bytes, n);
    }
  }
  if (invocation->json) {
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
    putchar('\n');
  }
  json_decref(all);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static enum status run(struct invocation *invocation, struct error *error) {
  const char *names[N_REPORTS];
  for (size_t i = 0; i < N_REPORTS; i++) {
    names[i] = reports[i].name;
    if (strcmp(reports[i].name, invocation->words[0]) != 0) continue;
    if (invocation->n_words > 1 && reports[i].run != calibrate_e2e)
      return error_add(error, STATUS_INPUT, "dse calibrate %s: takes no file but --table's", names[i]), error->status;
    return reports[i].run(invocation, error) ? STATUS_OK : error->status;
  }
  char shown[80];
  text_escape(invocation->words[0], shown, sizeof shown);
  const char *const nearest = text_nearest(invocation->words[0], names, N_REPORTS);
  error_add(error, STATUS_INPUT,
            "dse calibrate: no report \"%s\"%s%s%s (there are chips, ops, e2e, estimates, placements)", shown,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return STATUS_INPUT;
}

static const struct command_option options[] = {
    {"table", "FILE.csv", "what is known (default: arch/chips.csv, arch/matmuls.csv of the program's data)"},
    {"graphs", "DIR", "estimates, placements: traced graphs (estimates: default the folder graphs beside the table)"},
    {"design", "PART", "estimates, placements: of the catalogue (default: SETUP_like, tpuv4_like)"},
    {"what", "PART", "part of the report that goes to stdout (default: the first)"},
    {"law", "NAME", "chips: how the table is read and fitted; --what laws shows all (default: the shipped one)"},
    {"provider", "NAME", "ops: physical, systolic, … (default: physical)"},
    {"fit", NULL, "e2e: fits efficiencies to the runs first, and says what each group is worth without itself"},
    {"constants", "NAMES", "e2e: which of them, at most four, with commas (--what constants shows all)"},
    {"write", "FILE.cfg", "e2e: the constants as a fragment of a run file, with the runs and their digest"},
    {"devices", "N", "placements: how many there are (default: 1024)"},
    {"batch", "N", "placements: samples of an iteration (default: 4096)"},
    {"hbm-gib", "GIB", "placements: of a device (default: 32, 64 and 80)"},
    {"stash", "WHAT", "placements: what a stage keeps of a microbatch, its inputs or all outputs (default: inputs)"},
    {"head", "WHERE",
     "placements: final norm, head and loss of a traced layer: once, or in every layer (default: once)"},
    {"link-mbytes-per-s", "MB/S", "placements: for gradients (default: 4 GiB/s)"},
};
static const char *const examples[] = {"dse calibrate chips",
                                       "dse calibrate chips --what summary",
                                       "dse calibrate chips --law specification --what constants --json",
                                       "dse calibrate ops",
                                       "dse calibrate placements --graphs tests/data/wham/graphs --hbm-gib 64",
                                       NULL};
const struct command command_calibrate = {
    .name = "calibrate",
    .words = "chips|ops|e2e|estimates|placements [RUNS.csv]",
    .summary = "the model against real chips and measured products: predicted, real, error",
    .min_words = 1,
    .max_words = 2,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "CSV on stdout, a summary on stderr; --json prints all parts (laws and selection only if named) as one object "
        "of\n"
        "arrays. Errors are in percent, predicted/real - 1; --set takes keys of the groups technology and cost.\n"
        "chips: the law of area (mm2 of a die) and TDP (W of a package) against a table of chips; its columns are "
        "those of\n"
        "arch/chips.csv, UNKNOWN where nothing is known. --what is one of\n"
        "  chips        a row a chip and quantity: real, and predicted with prior constants, with fitted ones (fit), "
        "and\n"
        "               with constants fitted without this chip (loo; parts with one die are left out together); a "
        "row\n"
        "               that nothing can be said of has the reason in its note. Class: hbm_training sets the "
        "constants\n"
        "  summary      means of the absolute errors by class; one_sided: a die below its published bound counts 0\n"
        "  constants    prior, range, fitted value, whether it sits on a bound, the program's default\n"
        "  sensitivity  mean change of area and TDP over the class for +20 % and -20 % of each constant\n"
        "  laws         the same means for every way of reading and fitting that was tried (seconds)\n"
        "  selection    predictions of each chip by the law that the other chips choose among all of these (longer)\n"
        "ops: matrix products on parts of the catalogue, on the number of cores that suits them: measured and "
        "predicted TFLOP/s. Columns of "
        "the\n"
        "table: part (of the catalogue; UNKNOWN: skipped), m, n, k, element_bytes, tflops, peak_tflops, source. --what "
        "is\n"
        "ops or summary.\n"
        "e2e: whole training runs that somebody measured (RUNS.csv), each on its part of the catalogue and with its "
        "parallelism.\n"
        "Columns: id, group, hardware, model, unit, measured_value, n_devices; and, where known, metric, precision, "
        "layers,\n"
        "hidden, heads, kv_heads, head_size, ffn, gated_mlp, vocab, seq, experts, top_k, params_B, TP, PP, "
        "VP_or_interleave, DP,\n"
        "CP, EP, micro_batch, global_batch_seq, recompute, sharding, peak_TFLOPS_dense_used, measured_mem_GB, quality, "
        "note.\n"
        "Blank: unknown, then tried (assumed names it). --set takes keys of cost, technology, schedule, training, "
        "system.law.\n"
        "--what is one of\n"
        "  rows         strategy, seconds an iteration, predicted/measured, where the time goes\n"
        "  groups       errors by source; with --fit also before it, and by constants fitted without the group\n"
        "  overall      errors and rank correlations of all runs, without lower bounds on speed, with all fields "
        "published\n"
        "  sweeps       rank correlation of runs that differ in their strategy or size alone\n"
        "  memory       of a device, where it was measured\n"
        "  constants    prior, range, value, whether it was fitted\n"
        "  not_modelled runs that cannot be expressed, with the reason\n"
        "estimates: costs that the public WHAM successors ship (--table, of the form of NEST's), beside ours by\n"
        "cost.provider = compat, for the operators of traced graphs. --what is rows, summary or graphs.\n"
        "placements: pipeline depth and data degree of traced networks by the law of Phaze, with those costs or, with\n"
        "--table, with published ones. --what is placements, depths or layers.",
    .examples = examples,
    .run = run,
};

/* dse front: which designs of many results folders are beaten by none of the others, and how much do they cover?
 *
 * Reads front.csv, columns.csv and run.cfg of each folder; takes no lock and writes nothing. Files appear whole, so a
 * run that goes on may be asked at any time. Compared is what front.csv says, to its last digit: nothing is evaluated
 * again. Left out: designs that no folder's own front holds. */
#include "dse/output/front_folder.h"

#include "base/text.h"
#include "dse/run/settings.h"
#include "results/cloud.h"
#include "results/table.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Of up to this many designs the volume over four objectives takes some ten milliseconds; over more it is asked for. */
enum { QUICK_VOLUME_DESIGNS = 1500 };
/* The reference lies behind the worst design by this share of it, so that the worst one counts too. Our choice. */
static const double reference_margin = 1.1;

struct merge {
  struct invocation *invocation;
  struct arena *arena;
  struct front_folder *folders;
  size_t n_folders, n_objectives, n_rows;
  struct {
    size_t column;
    bool maximise;
    double reference;
    const char *name, *unit;
  } objectives[CLOUD_MAX_OBJECTIVES];
  double *gains;            /* [n_rows][n_objectives], more is better */
  size_t *folder_of, *base; /* of a row; first row of a folder */
  size_t *which, n_front;
  bool *on_front; /* [n_rows] */
};

/* --- objectives ------------------------------------------------------------------------------------------------------
 */

/* A word of search.front, or the name of a column with a better and a worse side. */
static size_t column_of(const struct front_folder *folder, const char *name) {
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    static const char *const keys[N_OBJECTIVES] = {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) key,
#include "dse/design/objectives.def"
#undef OBJECTIVE
    };
    if (strcmp(name, run_metric_names[o]) != 0) continue;
    const size_t column = csv_column(&folder->front, keys[o]);
    /* Over several workloads it is a speed-up, and has that name. */
    return column == SIZE_MAX && o == OBJECTIVE_THROUGHPUT ? 1 : column;
  }
  const size_t column = csv_column(&folder->front, name);
  return column != SIZE_MAX && folder->columns[column].better[0] != '\0' ? column : SIZE_MAX;
}

static bool add_objective(struct merge *merge, const char *name, struct error *error) {
  const struct front_folder *folder = &merge->folders[0];
  const size_t column = column_of(folder, name);
  if (column == SIZE_MAX) {
    const char *known = "";
    for (size_t c = 0; c < folder->front.n_columns; c++) {
      if (folder->columns[c].better[0] == '\0') continue;
      known = arena_printf(merge->arena, "%s%s%s", known, known[0] != '\0' ? ", " : "", folder->front.header[c]);
    }
    return error_add(error, STATUS_INPUT, "--objectives: %s: no objective of these folders; they have %s", name, known);
  }
  for (size_t i = 0; i < merge->n_objectives; i++) {
    if (merge->objectives[i].column == column)
      return error_add(error, STATUS_INPUT, "--objectives: %s stands twice", name);
  }
  if (merge->n_objectives == CLOUD_MAX_OBJECTIVES) {
    return error_add(error, STATUS_INPUT, "--objectives: more than %d", CLOUD_MAX_OBJECTIVES);
  }
  const struct table_column *known = &folder->columns[column];
  merge->objectives[merge->n_objectives].column = column;
  merge->objectives[merge->n_objectives].name = known->name;
  merge->objectives[merge->n_objectives].unit = known->unit;
  merge->objectives[merge->n_objectives++].maximise = strcmp(known->better, "max") == 0;
  return true;
}

/* Those of the command line, or those that all the runs have. */
static bool choose_objectives(struct merge *merge, struct error *error) {
  const char *asked = invocation_value(merge->invocation, "objectives");
  if (asked != NULL) {
    char *words = arena_copy_text(merge->arena, asked), *rest = words;
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
      if (!add_objective(merge, word + strspn(word, " "), error)) return false;
    }
    return true;
  }
  for (size_t f = 0; f < merge->n_folders; f++) {
    if (merge->folders[f].has_settings) continue;
    return error_add(error, STATUS_INPUT, "%s: its run.cfg is missing or of another version; name the --objectives",
                     merge->folders[f].name);
  }
  const struct uint_list *first = &merge->folders[0].settings.search.front;
  for (size_t f = 1; f < merge->n_folders; f++) {
    const struct uint_list *other = &merge->folders[f].settings.search.front;
    bool same = first->n == other->n;
    for (size_t i = 0; same && i < first->n; i++) same = first->values[i] == other->values[i];
    if (same) continue;
    error_add(error, STATUS_INPUT, "%s: its front spans other objectives than that of %s; name them by --objectives",
              merge->folders[f].name, merge->folders[0].name);
  }
  for (size_t i = 0; i < first->n && !error_is_set(error); i++) {
    add_objective(merge, run_metric_names[first->values[i]], error);
  }
  return !error_is_set(error);
}

/* --- merging ---------------------------------------------------------------------------------------------------------
 */

/* Every row of every folder as gains: what is minimised with its sign turned. */
static bool collect(struct merge *merge, struct error *error) {
  const size_t d = merge->n_objectives;
  merge->base = ARENA_NEW(merge->arena, size_t, merge->n_folders + 1);
  for (size_t f = 0; f < merge->n_folders; f++) {
    merge->base[f + 1] = merge->n_rows += merge->folders[f].front.n_rows;
  }
  merge->gains = arena_alloc(merge->arena, merge->n_rows * d, sizeof(double));
  merge->folder_of = ARENA_NEW(merge->arena, size_t, merge->n_rows);
  for (size_t f = 0; f < merge->n_folders; f++) {
    const struct csv *front = &merge->folders[f].front;
    for (size_t r = 0; r < front->n_rows; r++) {
      const size_t row = merge->base[f] + r;
      merge->folder_of[row] = f;
      for (size_t i = 0; i < d; i++) {
        const char *cell = csv_cell(front, r, merge->objectives[i].column);
        double value;
        if (!text_to_double(cell, &value)) {
          char shown[64];
          text_escape(cell, shown, sizeof shown);
          error_add(error, STATUS_INPUT, "%s:%u: %s: \"%s\" is no number, so this design cannot be compared by it",
                    front->path, front->line[r], merge->objectives[i].name, shown);
          break;
        }
        merge->gains[row * d + i] = merge->objectives[i].maximise ? value : -value;
      }
    }
  }
  return !error_is_set(error);
}

/* Of what is maximised nothing; of what is minimised a little more than the worst design of all folders has. */
static bool choose_reference(struct merge *merge, struct error *error) {
  const char *asked = invocation_value(merge->invocation, "reference");
  char *rest = asked != NULL ? arena_copy_text(merge->arena, asked) : NULL;
  for (size_t i = 0; i < merge->n_objectives; i++) {
    double *reference = &merge->objectives[i].reference;
    for (size_t row = 0; row < merge->n_rows && !merge->objectives[i].maximise; row++) {
      const double value = -merge->gains[row * merge->n_objectives + i];
      if (value * reference_margin > *reference) *reference = value * reference_margin;
    }
    const char *word = strsep(&rest, ",");
    if (asked == NULL || (word != NULL && text_to_double(word + strspn(word, " "), reference))) continue;
    return error_add(error, STATUS_INPUT, "--reference: %s: give %zu numbers, one an objective", asked,
                     merge->n_objectives);
  }
  if (rest != NULL) error_add(error, STATUS_INPUT, "--reference: %s: more numbers than objectives", asked);
  return rest == NULL;
}

static void find_front(struct merge *merge) {
  merge->which = ARENA_NEW(merge->arena, size_t, merge->n_rows);
  merge->on_front = ARENA_NEW(merge->arena, bool, merge->n_rows);
  merge->n_front =
      cloud_front(merge->gains, merge->n_rows, merge->n_objectives, merge->which, merge->invocation->scratch);
  for (size_t i = 0; i < merge->n_front; i++) merge->on_front[merge->which[i]] = true;
}

/* Over the reference, of n rows by their numbers; negative: too many to be computed unasked. */
static double volume_of(const struct merge *merge, const size_t *rows, size_t n) {
  const size_t d = merge->n_objectives;
  if (d > 3 && n > QUICK_VOLUME_DESIGNS && invocation_value(merge->invocation, "volume") == NULL) return -1;
  struct arena *scratch = merge->invocation->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *gains = arena_alloc(scratch, n * d, sizeof(double));
  for (size_t r = 0; r < n; r++) {
    for (size_t i = 0; i < d; i++) {
      const double reference = merge->objectives[i].reference, gain = merge->gains[rows[r] * d + i];
      gains[r * d + i] = gain - (merge->objectives[i].maximise ? reference : -reference);
    }
  }
  const double volume = cloud_volume(gains, n, d, scratch);
  arena_rewind(scratch, mark);
  return volume;
}

static double volume_of_folder(const struct merge *merge, size_t f) {
  const struct arena_mark mark = arena_get_mark(merge->arena);
  const size_t n = merge->base[f + 1] - merge->base[f];
  size_t *rows = ARENA_NEW(merge->arena, size_t, n);
  for (size_t r = 0; r < n; r++) rows[r] = merge->base[f] + r;
  const double volume = volume_of(merge, rows, n);
  arena_rewind(merge->arena, mark);
  return volume;
}

static size_t count_on_front(const struct merge *merge, size_t f) {
  size_t n = 0;
  for (size_t row = merge->base[f]; row < merge->base[f + 1]; row++) n += merge->on_front[row];
  return n;
}

/* Rows of a folder that are not on the front only because a folder named before holds a design as good in everything.
 * The front is sorted by its first objective. */
static size_t count_as_good(const struct merge *merge, size_t f) {
  const size_t d = merge->n_objectives;
  size_t n = 0;
  for (size_t row = merge->base[f]; row < merge->base[f + 1]; row++) {
    if (merge->on_front[row]) continue;
    const double *const own = &merge->gains[row * d];
    size_t low = 0, high = merge->n_front;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (merge->gains[merge->which[middle] * d] > own[0]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (; low < merge->n_front && merge->gains[merge->which[low] * d] == own[0]; low++) {
      if (memcmp(&merge->gains[merge->which[low] * d], own, d * sizeof *own) != 0) continue;
      n++;
      break;
    }
  }
  return n;
}

/* --- telling ---------------------------------------------------------------------------------------------------------
 */

static const char *cell_of(const struct merge *merge, size_t row, size_t column) {
  const size_t f = merge->folder_of[row];
  return csv_cell(&merge->folders[f].front, row - merge->base[f], column);
}

static void tell_csv(const struct merge *merge) {
  const struct front_folder *first = &merge->folders[0];
  const size_t n_columns = first->front.n_columns;
  struct table_column *columns = ARENA_NEW(merge->arena, struct table_column, 1 + n_columns);
  columns[0] = (struct table_column){"folder", "", "", "results folder that holds the design, the first one named"};
  memcpy(&columns[1], first->columns, n_columns * sizeof *columns);
  struct table *table = table_new(merge->arena, "front.csv", columns, 1 + n_columns);
  for (size_t i = 0; i < merge->n_front; i++) {
    table_text(table, merge->folders[merge->folder_of[merge->which[i]]].name);
    for (size_t c = 0; c < n_columns; c++) table_text(table, cell_of(merge, merge->which[i], c));
  }
  size_t n;
  const char *bytes = table_bytes(table, &n);
  say(merge->invocation, "%s", bytes);
}

static json_t *number_or_null(double value) { return value >= 0 ? json_real(value) : json_null(); }

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

/* Is the text a number as JSON writes one? */
static bool is_number(const char *text) {
  if (*text == '-') text++;
  const size_t whole = digits(text);
  if (whole == 0 || (whole > 1 && *text == '0')) return false;
  text += whole;
  if (*text == '.') {
    const size_t fraction = digits(++text);
    if (fraction == 0) return false;
    text += fraction;
  }
  if (*text == 'e' || *text == 'E') {
    text++;
    if (*text == '+' || *text == '-') text++;
    const size_t exponent = digits(text);
    if (exponent == 0) return false;
    text += exponent;
  }
  return *text == '\0';
}

static void put_text(const char *text) {
  bool plain = true;
  for (const char *c = text; plain && *c != '\0'; c++) plain = *c >= ' ' && *c <= '~' && *c != '"' && *c != '\\';
  if (plain) {
    putchar('"');
    fputs(text, stdout);
    putchar('"');
    return;
  }
  json_t *string = json_string(text); /* NULL: no UTF-8 */
  char *const escaped = string != NULL ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
  fputs(escaped != NULL ? escaped : "null", stdout);
  free(escaped);
  json_decref(string);
}

/* Numbers as the file has them, to the digit, but for the name of a design, which is made of digits now and then. */
static void put_value(const char *text, bool is_text) {
  double number;
  if (text[0] == '\0') {
    fputs("null", stdout);
  } else if (!is_text && is_number(text) && text_to_double(text, &number)) {
    fputs(text, stdout);
  } else {
    put_text(text);
  }
}

/* The front's rows as they come: ten thousand of them as objects in memory took longer than all the rest. */
static void put_front(const struct merge *merge) {
  const struct csv *first = &merge->folders[0].front;
  bool *is_text = ARENA_NEW(merge->arena, bool, first->n_columns);
  for (size_t c = 0; c < first->n_columns; c++) is_text[c] = c == 0 || strcmp(first->header[c], "hbm_generation") == 0;
  fputs(" \"front\": [", stdout);
  for (size_t i = 0; i < merge->n_front; i++) {
    fputs(i > 0 ? ",\n  {\n   \"folder\": " : "\n  {\n   \"folder\": ", stdout);
    put_text(merge->folders[merge->folder_of[merge->which[i]]].name);
    for (size_t c = 0; c < first->n_columns; c++) {
      fputs(",\n   ", stdout);
      put_text(first->header[c]);
      fputs(": ", stdout);
      put_value(cell_of(merge, merge->which[i], c), is_text[c]);
    }
    fputs("\n  }", stdout);
  }
  fputs(merge->n_front > 0 ? "\n ]\n}\n" : "]\n}\n", stdout);
}

static void tell_json(const struct merge *merge, struct error *error) {
  json_t *object = json_object(), *objectives = json_array(), *folders = json_array();
  for (size_t i = 0; i < merge->n_objectives; i++) {
    json_array_append_new(objectives,
                          json_pack("{ss ss ss sf}", "name", merge->objectives[i].name, "unit",
                                    merge->objectives[i].unit, "better", merge->objectives[i].maximise ? "max" : "min",
                                    "reference", merge->objectives[i].reference));
  }
  for (size_t f = 0; f < merge->n_folders; f++) {
    json_array_append_new(
        folders, json_pack("{ss ss sI sI sI so}", "folder", merge->folders[f].name, "state", merge->folders[f].state,
                           "designs", (json_int_t)(merge->base[f + 1] - merge->base[f]), "on_front",
                           (json_int_t)count_on_front(merge, f), "as_good", (json_int_t)count_as_good(merge, f),
                           "hypervolume", number_or_null(volume_of_folder(merge, f))));
  }
  json_object_set_new(object, "objectives", objectives);
  json_object_set_new(object, "hypervolume", number_or_null(volume_of(merge, merge->which, merge->n_front)));
  json_object_set_new(object, "designs", json_integer((json_int_t)merge->n_rows));
  json_object_set_new(object, "folders", folders);
  char *const head = json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  const size_t n = head != NULL ? strlen(head) : 0;
  if (n < 2) {
    error_add(error, STATUS_ENVIRONMENT, "dse front: the answer cannot be composed");
  } else {
    printf("%.*s,\n", (int)(n - 2), head); /* without its last line, a brace */
    put_front(merge);
  }
  free(head);
  json_decref(object);
}

/* What the numbers mean, beside the data: a line for the front, one for each folder. */
static void tell_volumes(const struct merge *merge) {
  const struct invocation *invocation = merge->invocation;
  const double volume = volume_of(merge, merge->which, merge->n_front);
  remark(invocation, "%zu of %zu designs are on the front over", merge->n_front, merge->n_rows);
  for (size_t i = 0; i < merge->n_objectives; i++) {
    remark(invocation, "%s %s", i > 0 ? "," : "", merge->objectives[i].name);
  }
  if (volume < 0) {
    remark(invocation, "; no hypervolume of so many over %zu objectives: ask by --volume, or name fewer\n",
           merge->n_objectives);
  } else {
    remark(invocation, "; hypervolume %.9g over the reference (", volume);
    for (size_t i = 0; i < merge->n_objectives; i++) {
      remark(invocation, "%s%.9g", i > 0 ? ", " : "", merge->objectives[i].reference);
    }
    remark(invocation, ")\n");
  }
  for (size_t f = 0; f < merge->n_folders; f++) {
    const size_t as_good = count_as_good(merge, f);
    remark(invocation, "  %s: %zu of its %zu designs", merge->folders[f].name, count_on_front(merge, f),
           merge->base[f + 1] - merge->base[f]);
    if (as_good > 0) remark(invocation, " (and %zu as good as designs of folders before)", as_good);
    const double own = volume_of_folder(merge, f);
    if (own >= 0 && volume > 0) remark(invocation, ", hypervolume %.9g, %.4g %% of all", own, 100 * own / volume);
    if (strcmp(merge->folders[f].state, "complete") != 0) remark(invocation, "; %s", merge->folders[f].state);
    remark(invocation, "\n");
  }
}

/* A throughput of one workload says nothing about another: merged it may be, but not unknowingly. */
static void warn_of_workloads(const struct merge *merge) {
  for (size_t f = 1; f < merge->n_folders; f++) {
    const struct run_top *one = &merge->folders[0].settings.top, *other = &merge->folders[f].settings.top;
    if (!merge->folders[0].has_settings || !merge->folders[f].has_settings) continue;
    if (one->workload == NULL || other->workload == NULL) continue; /* lists of several */
    if (strcmp(one->workload, other->workload) == 0 && one->batch == other->batch) continue;
    remark(merge->invocation, "%s: another workload (%s, batch %" PRIu64 ") than in %s (%s, batch %" PRIu64 ")\n",
           merge->folders[f].name, other->workload, other->batch, merge->folders[0].name, one->workload, one->batch);
  }
}

static enum status run_front(struct invocation *invocation, struct error *error) {
  if (invocation->n_sets > 0) {
    return error_add(error, STATUS_INPUT, "dse front: --set: takes none, it reads what runs have written"),
           error->status;
  }
  struct merge merge = {.invocation = invocation, .arena = invocation->arena, .n_folders = invocation->n_words};
  merge.folders = ARENA_NEW(merge.arena, struct front_folder, merge.n_folders);
  for (size_t f = 0; f < merge.n_folders; f++) {
    front_folder_read(&merge.folders[f], invocation->words[f], merge.arena, error);
  }
  for (size_t f = 1; f < merge.n_folders && !error_is_set(error); f++) {
    front_folder_compare(&merge.folders[0], &merge.folders[f], error);
  }
  if (error_is_set(error) || !choose_objectives(&merge, error) || !collect(&merge, error) ||
      !choose_reference(&merge, error)) {
    return error->status;
  }
  find_front(&merge);
  warn_of_workloads(&merge);
  if (invocation->json) {
    tell_json(&merge, error);
  } else {
    tell_csv(&merge);
    tell_volumes(&merge);
  }
  return error_is_set(error) ? error->status : STATUS_OK;
}

static const struct command_option options[] = {
    {"objectives", "A,B,...", "what counts: throughput, energy, area, ... or columns (default: those of the runs)"},
    {"reference", "X,Y,...",
     "of the hypervolume, one an objective (default: 0 where more is better, else 1.1 times the worst)"},
    {"volume", NULL, "the hypervolume of more than 1500 designs over four objectives or more, however long it takes"},
};
static const char *const examples[] = {"dse front results-quickstart",
                                       "dse front results-quickstart --objectives throughput,area --json", NULL};
const struct command command_front = {
    .name = "front",
    .words = "DIR...",
    .summary = "one Pareto front out of many results folders, with its hypervolume",
    .min_words = 1,
    .max_words = COMMAND_MAX_WORDS - 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "CSV on stdout: the columns of front.csv, with the folder before them; sorted by the first objective, then "
        "the\n"
        "second; of designs equal in all objectives the one in the folder named first. Folders whose columns or\n"
        "objectives differ are refused. May be asked while runs go on; takes no lock, writes nothing. --json: one "
        "object:\n"
        "objectives (name, unit, better, reference), hypervolume, designs, folders (folder, state, designs,\n"
        "on_front, as_good: not on it, but equal to a design of a folder before; hypervolume), front (folder, then "
        "the\n"
        "columns). To look at it in a terminal: dse front DIR... | cut -d, -f 1-7 | column -s, -t",
    .examples = examples,
    .run = run_front,
};

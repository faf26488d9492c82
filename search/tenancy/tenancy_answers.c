/* How does an answer get in? As a row of a table (mappings.csv is one) or as JSON. See tenancy_read.h. */
#include "search/tenancy/tenancy_read.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A value of JSON costs thirty times the two bytes that it may stand in. */
enum {
  MAX_FILE_BYTES = 1 << 30,
  MAX_JSON_BYTES = 1 << 26,
  MAX_VALUES = 1 << 27,
  SHOWN_BYTES = 64,
  ENOUGH_MESSAGES = 1000
};

struct reading {
  const struct tenancy_problem *problem;
  struct arena *arena;
  struct error *error;
  const char *file; /* fit to be shown */
  struct tenancy_answers *answers;
  size_t room; /* of the list */
  size_t core_column, priority_column;
};

/* Room for one more; NULL: too many. */
static struct tenancy_answer *add_answer(struct reading *reading) {
  struct tenancy_answers *answers = reading->answers;
  if ((answers->n + 1) * reading->problem->n_jobs > MAX_VALUES) return NULL;
  if (answers->n == reading->room) {
    reading->room = reading->room == 0 ? 16 : 2 * reading->room;
    struct tenancy_answer *larger = ARENA_NEW(reading->arena, struct tenancy_answer, reading->room);
    if (answers->n > 0) memcpy(larger, answers->answers, answers->n * sizeof *larger);
    answers->answers = larger;
  }
  struct tenancy_answer *answer = &answers->answers[answers->n++];
  *answer = tenancy_answer_new(reading->problem, reading->arena);
  return answer;
}

static const char *count_text(const struct reading *reading, size_t n) {
  return arena_printf(reading->arena, "%zu values, but there are %zu jobs", n, reading->problem->n_jobs);
}

static const char *core_text(const struct reading *reading) {
  return arena_printf(reading->arena, "is no core; there are cores 0 to %zu", reading->problem->n_cores - 1);
}

/* --- CSV ------------------------------------------------------------------------------------------------------------
 */

static bool complain_of_cell(const struct reading *reading, const struct csv *csv, const char *column,
                             const char *what) {
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: %s", reading->file, csv->line[0], column, what);
}

/* The next word of a cell, closed by a NUL in place; NULL: there is none. */
static char *next_word(char **at) {
  char *word = *at + strspn(*at, " \t");
  if (*word == 0) return NULL;
  char *end = word + strcspn(word, " \t");
  *at = *end == 0 ? end : end + 1;
  *end = 0;
  return word;
}

static bool read_word(const struct reading *reading, const char *word, bool core, size_t job,
                      const struct tenancy_answer *answer, const char **what) {
  if (!core) {
    *what = "is no finite number";
    return text_to_double(word, &answer->priority[job]);
  }
  uint64_t value;
  if (text_to_u64(word, &value) && value < reading->problem->n_cores) {
    answer->core[job] = (uint32_t)value;
    return true;
  }
  *what = core_text(reading);
  return false;
}

static void read_cell(const struct reading *reading, const struct csv *csv, bool core,
                      const struct tenancy_answer *answer) {
  const char *column = core ? "core" : "priority";
  char *at = arena_copy_text(reading->arena, csv_cell(csv, 0, core ? reading->core_column : reading->priority_column));
  size_t n = 0;
  for (char *word; (word = next_word(&at)) != NULL; n++) {
    const char *what;
    if (n >= reading->problem->n_jobs || read_word(reading, word, core, n, answer, &what)) continue;
    char shown[SHOWN_BYTES];
    text_escape(word, shown, sizeof shown);
    complain_of_cell(reading, csv, column,
                     arena_printf(reading->arena, "value %zu of the list: \"%s\" %s", n + 1, shown, what));
    return;
  }
  if (n != reading->problem->n_jobs) complain_of_cell(reading, csv, column, count_text(reading, n));
}

static void read_row(void *context, const struct csv *csv) {
  struct reading *reading = context;
  if (reading->error->n_messages > ENOUGH_MESSAGES) return; /* more than an error keeps */
  const struct tenancy_answer *answer = add_answer(reading);
  if (answer == NULL) {
    complain_of_cell(reading, csv, "core", "more answers than 2^27 values, which is the most");
    return;
  }
  const struct arena_mark mark = arena_get_mark(reading->arena);
  read_cell(reading, csv, true, answer);
  read_cell(reading, csv, false, answer);
  arena_rewind(reading->arena, mark);
}

static bool find_columns(void *context, const struct csv *csv) {
  struct reading *reading = context;
  reading->core_column = csv_column(csv, "core");
  reading->priority_column = csv_column(csv, "priority");
  bool fine = true;
  if (reading->core_column == SIZE_MAX) {
    fine = error_add(reading->error, STATUS_INPUT, "%s:1: core: this column is missing", reading->file);
  }
  if (reading->priority_column == SIZE_MAX) {
    fine = error_add(reading->error, STATUS_INPUT, "%s:1: priority: this column is missing", reading->file);
  }
  return fine;
}

static bool parse_csv(struct reading *reading, const struct tenancy_text *text) {
  const struct csv_walk walk = {.max_rows = MAX_VALUES,
                                .max_line_bytes = MAX_FILE_BYTES,
                                .max_field_bytes = MAX_FILE_BYTES,
                                .header = find_columns,
                                .row = read_row,
                                .context = reading};
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  const bool fine = csv_walk(text->path, text->bytes, text->n, &walk, &scratch, reading->error);
  arena_release(&scratch);
  return fine && !error_is_set(reading->error);
}

/* --- JSON -----------------------------------------------------------------------------------------------------------
 */

static bool complain_of_json(const struct reading *reading, size_t number, const char *key, const char *what) {
  return error_add(reading->error, STATUS_INPUT, "%s: answer %zu: %s: %s", reading->file, number, key, what);
}

static bool read_list(const struct reading *reading, const json_t *object, bool core, size_t number,
                      const struct tenancy_answer *answer) {
  const char *key = core ? "core" : "priority";
  const json_t *list = json_object_get(object, key);
  if (!json_is_array(list)) return complain_of_json(reading, number, key, "a list of numbers was expected");
  const size_t n = json_array_size(list);
  if (n != reading->problem->n_jobs) return complain_of_json(reading, number, key, count_text(reading, n));
  for (size_t j = 0; j < n; j++) {
    const json_t *value = json_array_get(list, j);
    bool fine;
    if (core) {
      fine = json_is_integer(value) && json_integer_value(value) >= 0 &&
             (uint64_t)json_integer_value(value) < reading->problem->n_cores;
      if (fine) answer->core[j] = (uint32_t)json_integer_value(value);
    } else {
      fine = json_is_number(value) && isfinite(json_number_value(value));
      if (fine) answer->priority[j] = json_number_value(value);
    }
    if (fine) continue;
    const char *what = arena_printf(reading->arena, "value %zu of the list %s", j + 1,
                                    core ? core_text(reading) : "is no finite number");
    return complain_of_json(reading, number, key, what);
  }
  return true;
}

static bool read_object(struct reading *reading, const json_t *object, size_t number) {
  if (!json_is_object(object)) {
    return error_add(reading->error, STATUS_INPUT, "%s: answer %zu: {\"core\": […], \"priority\": […]} was expected",
                     reading->file, number);
  }
  const struct tenancy_answer *answer = add_answer(reading);
  if (answer == NULL) {
    return complain_of_json(reading, number, "core", "more answers than 2^27 values, which is the most");
  }
  const bool fine = read_list(reading, object, true, number, answer);
  return read_list(reading, object, false, number, answer) && fine;
}

static bool parse_json(struct reading *reading, const struct tenancy_text *text) {
  if (text->n > MAX_JSON_BYTES) {
    return error_add(reading->error, STATUS_INPUT,
                     "%s: more than 64 MiB of JSON, which is the most; a table (CSV) may be larger", reading->file);
  }
  json_error_t mistake;
  json_t *const root = json_loadb(text->bytes, text->n, JSON_REJECT_DUPLICATES, &mistake);
  if (root == NULL) {
    char shown[2 * SHOWN_BYTES];
    text_escape(mistake.text, shown, sizeof shown);
    return error_add(reading->error, STATUS_INPUT, "%s:%d: column %d: %s", reading->file,
                     mistake.line > 0 ? mistake.line : 1, mistake.column > 0 ? mistake.column : 1, shown);
  }
  bool fine = true;
  if (json_is_array(root)) {
    for (size_t i = 0; i < json_array_size(root); i++) {
      fine = read_object(reading, json_array_get(root, i), i + 1) && fine;
    }
  } else {
    fine = read_object(reading, root, 1);
  }
  json_decref(root);
  return fine;
}

bool tenancy_parse_answers(const struct tenancy_problem *problem, const struct tenancy_text *text, struct arena *arena,
                           struct tenancy_answers *answers, struct error *error) {
  char file[4 * SHOWN_BYTES];
  text_escape(text->path, file, sizeof file);
  struct reading reading = {.problem = problem, .arena = arena, .error = error, .file = file, .answers = answers};
  *answers = (struct tenancy_answers){0};
  const size_t first = strspn(text->bytes, " \t\r\n");
  const bool json = text->bytes[first] == '{' || text->bytes[first] == '[';
  if (!(json ? parse_json : parse_csv)(&reading, text)) return false;
  return answers->n > 0 || error_add(error, STATUS_INPUT, "%s: there is no answer in it", file);
}

bool tenancy_read_answers(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                          struct tenancy_answers *answers, struct error *error) {
  struct arena texts; /* as large as the file: given back at the end */
  arena_init(&texts, 1 << 16);
  struct tenancy_text text = {.path = path};
  const bool fine = file_read(path, MAX_FILE_BYTES, &texts, &text.bytes, &text.n, error) &&
                    tenancy_parse_answers(problem, &text, arena, answers, error);
  arena_release(&texts);
  return fine;
}

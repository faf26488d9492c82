/* See tenancy_warm.h. */
#include "search/tenancy/tenancy_warm.h"

#include "base/file.h"
#include "base/rng.h"
#include "base/text.h"
#include "search/tenancy/list.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 26, MAX_ANSWERS = 4096, SHOWN_BYTES = 64 };

static const char *style_of(const struct tenancy_problem *problem, size_t core) {
  const char *style = problem->core_styles == NULL ? NULL : problem->core_styles[core];
  return style == NULL ? "" : style;
}
static uint64_t pes_of(const struct tenancy_problem *problem, size_t core) {
  return problem->core_pes == NULL ? 0 : problem->core_pes[core];
}

/* --- writing --------------------------------------------------------------------------------------------------------
 * Priorities are written as texts that read back equal, which the library's reals do not promise. */

struct text {
  char *bytes;
  size_t n, room;
};

static void append(struct text *text, const char *more) {
  const size_t n = strlen(more);
  REQUIRE(text->n + n <= text->room);
  memcpy(text->bytes + text->n, more, n);
  text->n += n;
}

static void append_answer(struct text *text, const struct tenancy_answer *answer, const uint32_t *job_of_rank,
                          size_t n) {
  char number[32];
  append(text, "  {\"core\": [");
  for (size_t r = 0; r < n; r++) {
    snprintf(number, sizeof number, "%s%u", r == 0 ? "" : ",", (unsigned)answer->core[job_of_rank[r]]);
    append(text, number);
  }
  append(text, "],\n   \"priority\": [");
  for (size_t r = 0; r < n; r++) {
    text_from_double(answer->priority[job_of_rank[r]], number);
    if (r > 0) append(text, ",");
    append(text, number);
  }
  append(text, "]}");
}

bool tenancy_warm_write(const struct tenancy_problem *problem, size_t n, const struct tenancy_answer *answers,
                        const char *path, struct arena *arena, struct error *error) {
  const struct arena_mark mark = arena_get_mark(arena);
  uint32_t *job_of_rank = ARENA_NEW(arena, uint32_t, problem->n_jobs);
  list_sort(problem, LIST_SJF, NULL, job_of_rank);
  size_t room = 256 + n * (64 + problem->n_jobs * 40);
  char **styles = ARENA_NEW(arena, char *, problem->n_cores);
  for (size_t c = 0; c < problem->n_cores; c++) {
    json_t *const style = json_string(style_of(problem, c)); /* quotes and escapes it; NULL: no UTF-8 */
    char *quoted = style != NULL ? json_dumps(style, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    styles[c] = arena_copy_text(arena, quoted != NULL ? quoted : "\"\"");
    free(quoted);
    json_decref(style);
    room += 64 + strlen(styles[c]);
  }
  struct text text = {ARENA_NEW(arena, char, room), 0, room};
  append(&text, arena_printf(arena, "{\"tenancy_population\": 1,\n \"jobs\": %zu,\n \"cores\": [", problem->n_jobs));
  for (size_t c = 0; c < problem->n_cores; c++) {
    append(&text, arena_printf(arena, "%s{\"style\": %s, \"pes\": %llu}", c == 0 ? "" : ", ", styles[c],
                               (unsigned long long)pes_of(problem, c)));
  }
  append(&text, "],\n \"answers\": [");
  for (size_t i = 0; i < n; i++) {
    append(&text, i == 0 ? "\n" : ",\n");
    append_answer(&text, &answers[i], job_of_rank, problem->n_jobs);
  }
  append(&text, "\n]}\n");
  const bool fine = file_publish(path, text.bytes, text.n, error);
  arena_rewind(arena, mark);
  return fine;
}

/* --- fitting --------------------------------------------------------------------------------------------------------
 */

/* Which cores a gene on an old core may mean: of its kind, those that are its share; [n_old × n_cores]. */
static bool *match_cores(const struct tenancy_problem *problem, const struct tenancy_warm *warm, struct arena *arena) {
  const size_t n_cores = problem->n_cores;
  bool *may = ARENA_NEW(arena, bool, warm->n_cores *n_cores);
  for (size_t old = 0; old < warm->n_cores; old++) {
    size_t place = 0, n_old = 0, n_new = 0; /* among its kind */
    for (size_t k = 0; k < warm->n_cores; k++) {
      if (strcmp(warm->styles[k], warm->styles[old]) != 0 || warm->pes[k] != warm->pes[old]) continue;
      place += k < old, n_old++;
    }
    for (size_t c = 0; c < n_cores; c++) {
      if (strcmp(warm->styles[old], style_of(problem, c)) != 0 || warm->pes[old] != pes_of(problem, c)) continue;
      may[old * n_cores + c] = n_new++ % n_old == place;
    }
    if (place < n_new) continue; /* it has a share */
    for (size_t c = 0; c < n_cores; c++) {
      const bool same = strcmp(warm->styles[old], style_of(problem, c)) == 0 && warm->pes[old] == pes_of(problem, c);
      may[old * n_cores + c] = same || n_new == 0;
    }
  }
  return may;
}

static uint32_t draw_core(const struct tenancy_problem *problem, const bool *may, uint32_t job, struct rng *rng) {
  size_t n = 0;
  for (size_t c = 0; c < problem->n_cores; c++) n += may[c] && tenancy_can_run(problem, job, c);
  if (n == 0) return genome_draw_core(problem, job, rng);
  size_t left = n == 1 ? 0 : rng_below(rng, n), core = 0;
  for (;; core++) {
    if (!may[core] || !tenancy_can_run(problem, job, core)) continue;
    if (left-- == 0) return (uint32_t)core;
  }
}

static void tenancy_warm_fit(const struct tenancy_problem *problem, const struct tenancy_warm *warm,
                             struct arena *arena, struct tenancy_answers *answers) {
  const size_t n = problem->n_jobs;
  struct tenancy_answer *fitted = ARENA_NEW(arena, struct tenancy_answer, warm->n_answers);
  for (size_t i = 0; i < warm->n_answers; i++) fitted[i] = tenancy_answer_new(problem, arena);
  const struct arena_mark mark = arena_get_mark(arena);
  const bool *may = match_cores(problem, warm, arena);
  uint32_t *job_of_rank = ARENA_NEW(arena, uint32_t, n);
  list_sort(problem, LIST_SJF, NULL, job_of_rank);
  for (size_t i = 0; i < warm->n_answers; i++) {
    struct rng rng = rng_stream(0, RNG_TENANCY_WARM, i, 0);
    for (size_t r = 0; r < n; r++) {
      const size_t gene = r * warm->n_jobs / n;
      const bool *cores = may + warm->answers[i].core[gene] * problem->n_cores;
      fitted[i].core[job_of_rank[r]] = draw_core(problem, cores, job_of_rank[r], &rng);
      fitted[i].priority[job_of_rank[r]] = warm->answers[i].priority[gene];
    }
  }
  arena_rewind(arena, mark);
  *answers = (struct tenancy_answers){.n = warm->n_answers, .answers = fitted};
}

/* --- reading --------------------------------------------------------------------------------------------------------
 */

struct reading {
  const char *file; /* fit to be shown */
  struct arena *arena;
  struct error *error;
};

static bool complain(const struct reading *reading, const char *where, const char *what) {
  return error_add(reading->error, STATUS_INPUT, "%s: %s: %s", reading->file, where, what);
}

static bool read_cores(const struct reading *reading, const json_t *cores, struct tenancy_warm *warm) {
  const size_t n = json_array_size(cores);
  if (n < 1 || n > TENANCY_MAX_CORES) return complain(reading, "cores", "a list of 1 to 256 cores was expected");
  const char **styles = ARENA_NEW(reading->arena, const char *, n);
  uint64_t *pes = ARENA_NEW(reading->arena, uint64_t, n);
  for (size_t c = 0; c < n; c++) {
    const json_t *core = json_array_get(cores, c);
    const json_t *style = json_object_get(core, "style"), *count = json_object_get(core, "pes");
    if (!json_is_string(style) || !json_is_integer(count) || json_integer_value(count) < 0) {
      return complain(reading, arena_printf(reading->arena, "core %zu", c),
                      "{\"style\": a text, \"pes\": a whole number} was expected");
    }
    styles[c] = arena_copy_text(reading->arena, json_string_value(style));
    pes[c] = (uint64_t)json_integer_value(count);
  }
  warm->n_cores = n, warm->styles = styles, warm->pes = pes;
  return true;
}

static bool read_answer(const struct reading *reading, const json_t *object, size_t number,
                        const struct tenancy_warm *warm, struct tenancy_answer *answer) {
  const json_t *cores = json_object_get(object, "core"), *priorities = json_object_get(object, "priority");
  const char *where = arena_printf(reading->arena, "answer %zu", number + 1);
  if (json_array_size(cores) != warm->n_jobs || json_array_size(priorities) != warm->n_jobs) {
    return complain(reading, where, "lists \"core\" and \"priority\" with a value for each of \"jobs\" were expected");
  }
  answer->core = ARENA_NEW(reading->arena, uint32_t, warm->n_jobs);
  answer->priority = ARENA_NEW(reading->arena, double, warm->n_jobs);
  for (size_t j = 0; j < warm->n_jobs; j++) {
    const json_t *core = json_array_get(cores, j), *priority = json_array_get(priorities, j);
    const json_int_t value = json_integer_value(core);
    if (!json_is_integer(core) || value < 0 || (uint64_t)value >= warm->n_cores) {
      return complain(reading, where,
                      arena_printf(reading->arena, "core of job %zu: 0 to %zu is allowed", j, warm->n_cores - 1));
    }
    if (!json_is_number(priority) || !isfinite(json_number_value(priority))) {
      return complain(reading, where, arena_printf(reading->arena, "priority of job %zu: a number was expected", j));
    }
    answer->core[j] = (uint32_t)value;
    answer->priority[j] = json_number_value(priority);
  }
  return true;
}

static bool read_root(const struct reading *reading, const json_t *root, struct tenancy_warm *warm) {
  const json_t *kind = json_object_get(root, "tenancy_population"), *jobs = json_object_get(root, "jobs");
  const json_t *answers = json_object_get(root, "answers");
  if (!json_is_integer(kind) || json_integer_value(kind) != 1) {
    return complain(reading, "tenancy_population", "1 was expected: this is no stored population");
  }
  if (!json_is_integer(jobs) || json_integer_value(jobs) < 1 || json_integer_value(jobs) > TENANCY_MAX_JOBS) {
    return complain(reading, "jobs", "a whole number from 1 to 1048576 was expected");
  }
  warm->n_jobs = (size_t)json_integer_value(jobs);
  if (!read_cores(reading, json_object_get(root, "cores"), warm)) return false;
  warm->n_answers = json_array_size(answers);
  if (warm->n_answers < 1 || warm->n_answers > MAX_ANSWERS) {
    return complain(reading, "answers", "a list of 1 to 4096 answers was expected");
  }
  struct tenancy_answer *list = ARENA_NEW(reading->arena, struct tenancy_answer, warm->n_answers);
  for (size_t i = 0; i < warm->n_answers; i++) {
    if (!read_answer(reading, json_array_get(answers, i), i, warm, &list[i])) return false;
  }
  warm->answers = list;
  return true;
}

bool tenancy_warm_parse(const struct tenancy_problem *problem, const struct tenancy_text *text, struct arena *arena,
                        struct tenancy_answers *answers, struct error *error) {
  char file[4 * SHOWN_BYTES];
  text_escape(text->path, file, sizeof file);
  json_error_t mistake;
  json_t *const root = json_loadb(text->bytes, text->n, JSON_REJECT_DUPLICATES, &mistake);
  if (root == NULL) {
    char shown[2 * SHOWN_BYTES];
    text_escape(mistake.text, shown, sizeof shown);
    return error_add(error, STATUS_INPUT, "%s:%d: column %d: %s", file, mistake.line > 0 ? mistake.line : 1,
                     mistake.column > 0 ? mistake.column : 1, shown);
  }
  struct arena room; /* as large as the file, which may be of a larger group */
  arena_init(&room, 1 << 16);
  const struct reading reading = {.file = file, .arena = &room, .error = error};
  struct tenancy_warm warm = {0};
  const bool fine = read_root(&reading, root, &warm);
  if (fine && warm.n_answers * problem->n_jobs > (size_t)1 << 27) {
    warm.n_answers = ((size_t)1 << 27) / problem->n_jobs; /* the best of them */
  }
  if (fine) tenancy_warm_fit(problem, &warm, arena, answers);
  arena_release(&room);
  json_decref(root);
  return fine;
}

bool tenancy_warm_read(const struct tenancy_problem *problem, const char *path, struct arena *arena,
                       struct tenancy_answers *answers, struct error *error) {
  struct arena texts; /* given back at the end */
  arena_init(&texts, 1 << 16);
  struct tenancy_text text = {.path = path};
  const bool fine = file_read(path, MAX_FILE_BYTES, &texts, &text.bytes, &text.n, error) &&
                    tenancy_warm_parse(problem, &text, arena, answers, error);
  arena_release(&texts);
  return fine;
}

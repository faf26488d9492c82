/* See tenancy_read.h. This file reads instance.json and puts an instance together; tables are read in tenancy_jobs.c,
 * answers in tenancy_answers.c, and written in tenancy_write.c. */
#include "search/tenancy/tenancy_read.h"

#include "base/file.h"
#include "base/json_lines.h"
#include "base/text.h"
#include "search/tenancy/tenancy_jobs.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MAX_INSTANCE_BYTES = 1 << 24, MAX_TABLE_BYTES = 1 << 30, SHOWN_BYTES = 64 };

struct instance {
  const struct tenancy_text *text;
  struct arena *arena;
  struct error *error;
  json_t *root;
};

static unsigned line_of(const struct tenancy_text *text, const char *key) {
  const unsigned line = json_line_of((struct json_text){text->bytes, text->n}, key);
  return line > 0 ? line : 1;
}

static bool complain(const struct instance *instance, const char *key, const char *what) {
  char file[4 * SHOWN_BYTES];
  text_escape(instance->text->path, file, sizeof file);
  return error_add(instance->error, STATUS_INPUT, "%s:%u: %s: %s", file, line_of(instance->text, key), key, what);
}

static const char *wanted(const struct instance *instance, const json_t *value, const char *what) {
  if (value == NULL) return arena_printf(instance->arena, "is missing, %s was expected", what);
  char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
  char text[SHOWN_BYTES];
  text_escape(shown != NULL ? shown : "?", text, sizeof text);
  free(shown);
  return arena_printf(instance->arena, "%s, %s was expected", text, what);
}

static bool read_count(const struct instance *instance, const char *key, uint64_t most, size_t *count) {
  const json_t *value = json_object_get(instance->root, key);
  if (json_is_integer(value) && json_integer_value(value) >= 1 && (uint64_t)json_integer_value(value) <= most) {
    *count = (size_t)json_integer_value(value);
    return true;
  }
  const char *what = arena_printf(instance->arena, "a whole number from 1 to %zu", (size_t)most);
  return complain(instance, key, wanted(instance, value, what));
}

static bool read_bandwidth(const struct instance *instance, double *bandwidth) {
  static const char key[] = "system_bw_bytes_per_cycle";
  const json_t *value = json_object_get(instance->root, key);
  *bandwidth = json_number_value(value);
  if (json_is_number(value) && *bandwidth > 0 && isfinite(*bandwidth)) return true;
  return complain(instance, key, wanted(instance, value, "a finite number above 0"));
}

static bool read_name(const struct instance *instance, const char **name) {
  const json_t *value = json_object_get(instance->root, "name");
  if (value == NULL) return true;
  if (!json_is_string(value) || json_string_length(value) == 0) {
    return complain(instance, "name", wanted(instance, value, "a text"));
  }
  *name = arena_copy_text(instance->arena, json_string_value(value));
  return true;
}

static bool read_accel(const struct instance *instance, const json_t *accel, size_t place, bool *seen,
                       const struct tenancy_problem *problem, const char **styles, uint64_t *pes) {
  if (!json_is_object(accel)) {
    return complain(instance, "accels", wanted(instance, accel, "an object with id, style and pes"));
  }
  const json_t *id = json_object_get(accel, "id"), *style = json_object_get(accel, "style"),
               *size = json_object_get(accel, "pes");
  const json_int_t at = id == NULL ? (json_int_t)place : json_integer_value(id);
  if ((id != NULL && !json_is_integer(id)) || at < 0 || (size_t)at >= problem->n_cores) {
    const char *what = arena_printf(instance->arena, "an id from 0 to %zu", problem->n_cores - 1);
    return complain(instance, "accels", wanted(instance, id, what));
  }
  if (seen[at]) return complain(instance, "accels", arena_printf(instance->arena, "id %zu is there twice", (size_t)at));
  seen[at] = true;
  styles[at] = "";
  if (style != NULL && !json_is_string(style)) {
    return complain(instance, "accels", wanted(instance, style, "a text as style"));
  }
  if (style != NULL) styles[at] = arena_copy_text(instance->arena, json_string_value(style));
  if (size != NULL && (!json_is_integer(size) || json_integer_value(size) < 1)) {
    return complain(instance, "accels", wanted(instance, size, "a whole number of at least 1 as pes"));
  }
  if (size != NULL) pes[at] = (uint64_t)json_integer_value(size);
  return true;
}

static bool read_accels(const struct instance *instance, struct tenancy_problem *problem) {
  const json_t *accels = json_object_get(instance->root, "accels");
  if (accels == NULL) return true;
  if (!json_is_array(accels) || json_array_size(accels) != problem->n_cores) {
    const char *found =
        json_is_array(accels) ? arena_printf(instance->arena, "a list of %zu", json_array_size(accels)) : "no list";
    const char *what = arena_printf(
        instance->arena, "%s, but num_accels is %zu; a list of so many objects was expected", found, problem->n_cores);
    return complain(instance, "accels", what);
  }
  const char **styles = ARENA_NEW(instance->arena, const char *, problem->n_cores);
  uint64_t *pes = ARENA_NEW(instance->arena, uint64_t, problem->n_cores);
  bool *seen = ARENA_NEW(instance->arena, bool, problem->n_cores), fine = true, all_pes = true, any_style = false;
  for (size_t c = 0; c < problem->n_cores; c++) {
    fine = read_accel(instance, json_array_get(accels, c), c, seen, problem, styles, pes) && fine;
  }
  for (size_t c = 0; c < problem->n_cores && fine; c++) {
    all_pes = all_pes && pes[c] > 0;
    any_style = any_style || styles[c][0] != 0;
  }
  problem->core_styles = any_style ? styles : NULL;
  problem->core_pes = all_pes ? pes : NULL;
  return fine;
}

static bool read_instance(const struct tenancy_text *text, struct arena *arena, struct tenancy_problem *problem,
                          struct error *error) {
  struct instance instance = {.text = text, .arena = arena, .error = error};
  json_error_t mistake;
  char file[4 * SHOWN_BYTES], shown[2 * SHOWN_BYTES];
  text_escape(text->path, file, sizeof file);
  instance.root = json_loadb(text->bytes, text->n, JSON_REJECT_DUPLICATES, &mistake);
  if (instance.root == NULL) {
    text_escape(mistake.text, shown, sizeof shown);
    return error_add(error, STATUS_INPUT, "%s:%d: column %d: %s", file, mistake.line > 0 ? mistake.line : 1,
                     mistake.column > 0 ? mistake.column : 1, shown);
  }
  bool fine = json_is_object(instance.root);
  if (!fine) {
    error_add(error, STATUS_INPUT,
              "%s:1: column 1: no object; {\"num_jobs\": …, \"num_accels\": …, "
              "\"system_bw_bytes_per_cycle\": …} was expected",
              file);
  } else {
    fine = read_name(&instance, &problem->name);
    fine = read_count(&instance, "num_jobs", TENANCY_MAX_JOBS, &problem->n_jobs) && fine;
    fine = read_count(&instance, "num_accels", TENANCY_MAX_CORES, &problem->n_cores) && fine;
    fine = read_bandwidth(&instance, &problem->bandwidth_bytes_per_cycle) && fine;
    fine = fine && read_accels(&instance, problem);
    if (fine && problem->n_jobs * problem->n_cores > TENANCY_MAX_ROWS) {
      fine = complain(&instance, "num_jobs",
                      arena_printf(arena, "%zu jobs on %zu cores are more than %d pairs, which is the most",
                                   problem->n_jobs, problem->n_cores, TENANCY_MAX_ROWS));
    }
  }
  json_decref(instance.root);
  return fine;
}

/* --- a folder -------------------------------------------------------------------------------------------------------
 */

/* The last part of a path, blanks and slashes at its end left out. */
static const char *name_of(const char *folder, struct arena *arena) {
  char *path = arena_copy_text(arena, folder);
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') path[--n] = 0;
  const char *slash = strrchr(path, '/');
  return slash != NULL && slash[1] != 0 ? slash + 1 : path;
}

/* problem->name is there already. */
static bool parse(const struct tenancy_text *instance, const struct tenancy_text *jobs,
                  const struct tenancy_text *edges, struct arena *arena, struct tenancy_problem *problem,
                  struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  bool fine = read_instance(instance, arena, problem, error) &&
              tenancy_read_jobs(jobs, arena, &scratch, problem, error) &&
              (edges == NULL || tenancy_read_edges(edges, arena, &scratch, problem, error));
  arena_release(&scratch);
  return fine && tenancy_finish(problem, arena, error);
}

bool tenancy_parse(const struct tenancy_text *instance, const struct tenancy_text *jobs,
                   const struct tenancy_text *edges, struct arena *arena, struct tenancy_problem *problem,
                   struct error *error) {
  *problem = (struct tenancy_problem){.name = "tenancy"};
  return parse(instance, jobs, edges, arena, problem, error);
}

static bool read_text(const char *folder, const char *name, size_t most_bytes, struct arena *arena,
                      struct tenancy_text *text, struct error *error) {
  text->path = arena_printf(arena, "%s/%s", folder, name);
  return file_read(text->path, most_bytes, arena, &text->bytes, &text->n, error);
}

bool tenancy_read(const char *folder, struct arena *arena, struct tenancy_problem *problem, struct error *error) {
  struct arena texts; /* as large as the files: given back at the end */
  arena_init(&texts, 1 << 16);
  struct tenancy_text instance, jobs, edges;
  bool fine = read_text(folder, "instance.json", MAX_INSTANCE_BYTES, &texts, &instance, error);
  fine = read_text(folder, "jobs.csv", MAX_TABLE_BYTES, &texts, &jobs, error) && fine;
  const bool ordered = file_exists(arena_printf(&texts, "%s/edges.csv", folder));
  if (ordered) fine = read_text(folder, "edges.csv", MAX_TABLE_BYTES, &texts, &edges, error) && fine;
  *problem = (struct tenancy_problem){.name = name_of(folder, arena)};
  fine = fine && parse(&instance, &jobs, ordered ? &edges : NULL, arena, problem, error);
  arena_release(&texts);
  return fine;
}

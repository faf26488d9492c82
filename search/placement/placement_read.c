/* See placement_read.h. This file reads the JSON: settings, devices, links, host, and tables that are inline; what
 * tables say is in placement_tables.c, answers in placement_answers.c, writing in placement_write.c. */
#include "search/placement/placement_read.h"

#include "base/file.h"
#include "base/json_lines.h"
#include "base/text.h"
#include "search/names.h"
#include "search/placement/placement_private.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 27, SHOWN_BYTES = 80 };

struct reading {
  const char *path; /* of the JSON; NULL: none */
  const char *file; /* the same, fit to be shown */
  const char *text;
  size_t n;
  struct arena *arena, *scratch;
  struct error *error;
  struct placement_problem *problem;
  struct placement_origin origin;
  json_t *root;
};

/* --- lines ----------------------------------------------------------------------------------------------------------
 */

static unsigned line_of(const struct reading *r, const char *name) {
  if (json_object_get(r->root, name) == NULL) return 1; /* saves the walk over a long text */
  const unsigned line = json_line_of((struct json_text){r->text, r->n}, name);
  return line > 0 ? line : 1;
}

static uint32_t *lines_of(const struct reading *r, const char *name, bool rows, size_t n) {
  return json_lines_of((struct json_text){r->text, r->n}, name, rows, n, r->arena);
}

/* --- values ---------------------------------------------------------------------------------------------------------
 */

static bool complain(const struct reading *r, unsigned line, const char *key, const char *what) {
  return error_add(r->error, STATUS_INPUT, "%s:%u: %s: %s", r->file, line, key, what);
}

static bool complain_of_value(const struct reading *r, unsigned line, const char *key, const json_t *value,
                              const char *wanted) {
  if (value == NULL) return complain(r, line, key, arena_printf(r->scratch, "is missing, %s was expected", wanted));
  char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)), text[SHOWN_BYTES];
  text_escape(dump != NULL ? dump : "?", text, sizeof text);
  free(dump);
  return complain(r, line, key, arena_printf(r->scratch, "%s, %s was expected", text, wanted));
}

/* What numbers are allowed. */
enum range { AMOUNT, RATE, SHARE, WHOLE, COUNT, N_RANGES };
static const char *const range_texts[N_RANGES] = {
    [AMOUNT] = "a finite number of at least 0", [RATE] = "a finite number above 0",
    [SHARE] = "a number from 0 to 1",           [WHOLE] = "a whole number from 0 to 2^53",
    [COUNT] = "a whole number from 1 to 2^53",
};

static bool is_in_range(double value, enum range range) {
  if (!isfinite(value) || value < 0 || (value <= 0 && (range == RATE || range == COUNT))) return false;
  if (range == SHARE) return value <= 1;
  return (range != WHOLE && range != COUNT) || (value <= 0x1p53 && trunc(value) >= value);
}

/* `value` stays as it is if the key is missing or null. */
static bool read_number(const struct reading *r, const json_t *object, unsigned line, const char *key, enum range range,
                        double *value) {
  const json_t *number = json_object_get(object, key);
  if (number == NULL || json_is_null(number)) return true;
  if (!json_is_number(number) || !is_in_range(json_number_value(number), range)) {
    return complain_of_value(r, line, key, number, range_texts[range]);
  }
  *value = json_number_value(number);
  return true;
}

static bool read_whole(const struct reading *r, const json_t *object, unsigned line, const char *key, enum range range,
                       uint64_t *value) {
  double number = -1;
  const bool fine = read_number(r, object, line, key, range, &number);
  if (fine && number >= 0) *value = (uint64_t)number;
  return fine;
}

static bool read_flag(const struct reading *r, const json_t *object, unsigned line, const char *key, bool *flag) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) return true;
  if (!json_is_boolean(value)) return complain_of_value(r, line, key, value, "true or false");
  *flag = json_is_true(value);
  return true;
}

/* A word of a list that ends with NULL; its number goes to `choice`. */
static bool read_choice(const struct reading *r, const json_t *object, unsigned line, const char *key,
                        const char *const *words, int *choice) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) return true;
  const char *allowed = "one of";
  for (int i = 0; words[i] != NULL; i++) {
    if (json_is_string(value) && strcmp(json_string_value(value), words[i]) == 0) {
      *choice = i;
      return true;
    }
    allowed = arena_printf(r->scratch, "%s%s \"%s\"", allowed, i > 0 ? "," : "", words[i]);
  }
  return complain_of_value(r, line, key, value, allowed);
}

static bool read_name(const struct reading *r, const json_t *object, unsigned line, const char *key, bool needed,
                      const char **name) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL && !needed) return true;
  if (!json_is_string(value) || !placement_is_name(json_string_value(value))) {
    return complain_of_value(r, line, key, value, "a name");
  }
  *name = arena_copy_text(r->arena, json_string_value(value));
  return true;
}

/* Keys that nobody knows are notes, unless they look like a slip. */
static bool check_keys(const struct reading *r, json_t *object, unsigned line, const char *const *known, size_t n) {
  bool fine = true;
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    bool is_known = false;
    for (size_t i = 0; i < n; i++) is_known = is_known || strcmp(key, known[i]) == 0;
    const char *nearest = is_known ? NULL : text_nearest(key, known, n);
    if (nearest == NULL) continue;
    char shown[SHOWN_BYTES];
    text_escape(key, shown, sizeof shown);
    fine = complain(r, line > 0 ? line : line_of(r, key), shown,
                    arena_printf(r->scratch, "is no key; did you mean %s?", nearest));
  }
  return fine;
}

/* --- settings -------------------------------------------------------------------------------------------------------
 */

static const char *const transfer_words[] = {"all", "cut", NULL};
static const char *const timing_words[] = {"serial", "delay", "contention", NULL};
static const char *const objective_words[] = {"makespan", "period", "energy", NULL};
static const char *const memory_words[] = {"pin", "hard", "none", NULL};
static const char *const residency_words[] = {"dram", "adjacent", NULL};
static const char *const duplex_words[] = {"full", "half", NULL};
static const char *const preset_words[] = {"h2h", "delay", "star", NULL};
static const struct preset {
  int transfers, timing, objective, memory, contiguous;
} presets[] = {
    {PLACEMENT_ALL, PLACEMENT_SERIAL, PLACEMENT_MAKESPAN, PLACEMENT_PIN, false},
    {PLACEMENT_CUT, PLACEMENT_DELAY, PLACEMENT_MAKESPAN, PLACEMENT_UNLIMITED, false},
    {PLACEMENT_CUT, PLACEMENT_SERIAL, PLACEMENT_PERIOD, PLACEMENT_HARD, true},
};

static bool read_choice_at_root(const struct reading *r, const char *key, const char *const *words, int *choice) {
  return read_choice(r, r->root, line_of(r, key), key, words, choice);
}

static bool read_settings(struct reading *r) {
  static const char *const keys[] = {"format",        "name",       "transfers", "timing", "objective", "memory",
                                     "granule_bytes", "contiguous", "devices",   "links",  "host",      "layers",
                                     "edges",         "costs",      "residency", "preset"};
  struct placement_problem *p = r->problem;
  const char *format = json_string_value(json_object_get(r->root, "format"));
  if (format == NULL || strcmp(format, "dse.placement/1") != 0) {
    return complain_of_value(r, line_of(r, "format"), "format", json_object_get(r->root, "format"),
                             "\"dse.placement/1\"");
  }
  int preset = 0, residency = 0;
  bool fine = check_keys(r, r->root, 0, keys, sizeof keys / sizeof *keys);
  fine = read_choice_at_root(r, "preset", preset_words, &preset) && fine;
  struct preset chosen = presets[preset];
  fine = read_name(r, r->root, line_of(r, "name"), "name", false, &p->name) && fine;
  fine = read_choice_at_root(r, "transfers", transfer_words, &chosen.transfers) && fine;
  fine = read_choice_at_root(r, "timing", timing_words, &chosen.timing) && fine;
  fine = read_choice_at_root(r, "objective", objective_words, &chosen.objective) && fine;
  fine = read_choice_at_root(r, "memory", memory_words, &chosen.memory) && fine;
  fine = read_choice_at_root(r, "residency", residency_words, &residency) && fine;
  p->transfers = (enum placement_transfers)chosen.transfers, p->timing = (enum placement_timing)chosen.timing;
  p->objective = (enum placement_objective)chosen.objective, p->memory = (enum placement_memory)chosen.memory;
  p->adjacent_residency = residency == 1, p->contiguous = chosen.contiguous, p->granule_bytes = 1;
  fine = read_flag(r, r->root, line_of(r, "contiguous"), "contiguous", &p->contiguous) && fine;
  return read_whole(r, r->root, line_of(r, "granule_bytes"), "granule_bytes", COUNT, &p->granule_bytes) && fine;
}

static bool read_host(struct reading *r) {
  static const char *const keys[] = {"out_bytes_per_s", "in_bytes_per_s", "transfer_j_per_byte", "prefetch_layers",
                                     "duplex"};
  struct placement_problem *p = r->problem;
  p->host.out_bytes_per_s = p->host.in_bytes_per_s = INFINITY;
  p->host.prefetch_layers = 1;
  json_t *host = json_object_get(r->root, "host");
  if (host == NULL) return true;
  const unsigned line = line_of(r, "host");
  if (!json_is_object(host)) return complain_of_value(r, line, "host", host, "an object");
  int duplex = 0;
  bool fine = check_keys(r, host, line, keys, sizeof keys / sizeof *keys);
  fine = read_number(r, host, line, "out_bytes_per_s", RATE, &p->host.out_bytes_per_s) && fine;
  fine = read_number(r, host, line, "in_bytes_per_s", RATE, &p->host.in_bytes_per_s) && fine;
  fine = read_number(r, host, line, "transfer_j_per_byte", AMOUNT, &p->host.transfer_j_per_byte) && fine;
  fine = read_whole(r, host, line, "prefetch_layers", WHOLE, &p->host.prefetch_layers) && fine;
  fine = read_choice(r, host, line, "duplex", duplex_words, &duplex) && fine;
  p->host.half_duplex = duplex == 1;
  return fine;
}

/* --- devices and links ----------------------------------------------------------------------------------------------
 */

static bool read_device(const struct reading *r, json_t *object, unsigned line, struct placement_device *device) {
  static const char *const keys[] = {
      "name", "class", "host", "dram_bytes", "pin_share", "link_bytes_per_s", "link_latency_s", "active_w", "idle_w"};
  *device = (struct placement_device){.dram_bytes = UINT64_MAX, .pin_share = 0.5, .link_bytes_per_s = INFINITY};
  if (!json_is_object(object)) return complain_of_value(r, line, "devices", object, "an object");
  bool fine = check_keys(r, object, line, keys, sizeof keys / sizeof *keys);
  fine = read_name(r, object, line, "name", true, &device->name) && fine;
  device->class_name = device->name;
  fine = read_name(r, object, line, "class", false, &device->class_name) && fine;
  fine = read_flag(r, object, line, "host", &device->host) && fine;
  fine = read_whole(r, object, line, "dram_bytes", WHOLE, &device->dram_bytes) && fine;
  fine = read_number(r, object, line, "pin_share", SHARE, &device->pin_share) && fine;
  fine = read_number(r, object, line, "link_bytes_per_s", RATE, &device->link_bytes_per_s) && fine;
  fine = read_number(r, object, line, "link_latency_s", AMOUNT, &device->link_latency_s) && fine;
  fine = read_number(r, object, line, "active_w", AMOUNT, &device->active_w) && fine;
  return read_number(r, object, line, "idle_w", AMOUNT, &device->idle_w) && fine;
}

static bool read_devices(struct reading *r, struct names *names) {
  const json_t *list = json_object_get(r->root, "devices");
  const size_t n = json_array_size(list);
  if (!json_is_array(list) || n < 1 || n > PLACEMENT_MAX_DEVICES) {
    const char *wanted = arena_printf(r->scratch, "a list of 1 to %d devices", PLACEMENT_MAX_DEVICES);
    return complain_of_value(r, line_of(r, "devices"), "devices", list, wanted);
  }
  struct placement_device *devices = ARENA_NEW(r->arena, struct placement_device, n);
  const uint32_t *lines = lines_of(r, "devices", false, n);
  bool fine = true;
  for (size_t d = 0; d < n; d++) {
    if (!read_device(r, json_array_get(list, d), lines[d], &devices[d])) {
      fine = false;
    } else if (names_find(names, devices[d].name) != SIZE_MAX) {
      fine = complain_of_value(r, lines[d], "name", json_object_get(json_array_get(list, d), "name"),
                               "a name that no device before has");
    }
    names_add(names, devices[d].name != NULL ? devices[d].name : arena_printf(r->scratch, "\n%zu", d));
  }
  r->problem->devices = devices, r->problem->n_devices = n;
  r->origin.devices = (struct placement_table){r->file, lines};
  return fine;
}

static bool read_link(const struct reading *r, json_t *object, unsigned line, const struct names *names,
                      double *bytes_per_s, double *latency_s) {
  static const char *const keys[] = {"from", "to", "bytes_per_s", "latency_s"};
  if (!json_is_object(object)) return complain_of_value(r, line, "links", object, "an object");
  size_t end[2];
  bool fine = check_keys(r, object, line, keys, sizeof keys / sizeof *keys);
  for (size_t i = 0; i < 2; i++) {
    const json_t *value = json_object_get(object, keys[i]);
    end[i] = json_is_string(value) ? names_find(names, json_string_value(value)) : SIZE_MAX;
    if (end[i] == SIZE_MAX) fine = complain_of_value(r, line, keys[i], value, "the name of a device");
  }
  if (!fine) return false;
  if (end[0] == end[1]) return complain(r, line, "to", "a device needs no link to itself");
  const size_t at = end[0] * r->problem->n_devices + end[1];
  if (bytes_per_s[at] > 0) return complain(r, line, "to", "this link is there twice");
  if (json_object_get(object, "bytes_per_s") == NULL) {
    return complain_of_value(r, line, "bytes_per_s", NULL, range_texts[RATE]);
  }
  fine = read_number(r, object, line, "bytes_per_s", RATE, &bytes_per_s[at]);
  return read_number(r, object, line, "latency_s", AMOUNT, &latency_s[at]) && fine;
}

static bool read_links(struct reading *r, const struct names *names) {
  const json_t *list = json_object_get(r->root, "links");
  if (list == NULL || (json_is_array(list) && json_array_size(list) == 0)) return true;
  const size_t n = json_array_size(list), n_pairs = r->problem->n_devices * r->problem->n_devices;
  if (!json_is_array(list)) return complain_of_value(r, line_of(r, "links"), "links", list, "a list");
  double *bytes_per_s = ARENA_NEW(r->arena, double, n_pairs), *latency_s = ARENA_NEW(r->arena, double, n_pairs);
  const uint32_t *lines = lines_of(r, "links", false, n);
  bool fine = true;
  for (size_t i = 0; i < n; i++) {
    fine = read_link(r, json_array_get(list, i), lines[i], names, bytes_per_s, latency_s) && fine;
  }
  r->problem->mesh_bytes_per_s = bytes_per_s, r->problem->mesh_latency_s = latency_s;
  return fine;
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

/* A cell as a CSV file would have it; NULL: cannot be one. */
static const char *cell_text(const struct reading *r, const json_t *value) {
  if (json_is_string(value)) return arena_copy_text(r->scratch, json_string_value(value));
  if (json_is_integer(value)) return arena_printf(r->scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  if (json_is_real(value)) {
    char text[32];
    text_from_double(json_real_value(value), text);
    return arena_copy_text(r->scratch, text);
  }
  return json_is_null(value) ? "" : NULL;
}

static bool read_inline(const struct reading *r, const char *key, const json_t *table, size_t max_rows,
                        struct csv *csv) {
  const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows");
  const size_t n_columns = json_array_size(columns), n_rows = json_array_size(rows);
  if (n_columns < 1 || n_columns > 256 || !json_is_array(rows)) {
    return complain(r, line_of(r, key), key, "{\"columns\": […], \"rows\": [[…], …]} was expected");
  }
  if (n_rows > max_rows) {
    return complain(r, line_of(r, key), key,
                    arena_printf(r->scratch, "more than %zu rows, which is the most", max_rows));
  }
  const char **header = ARENA_NEW(r->scratch, const char *, n_columns);
  const char **cells = ARENA_NEW(r->scratch, const char *, n_columns *n_rows);
  const uint32_t *lines = lines_of(r, key, true, n_rows);
  bool fine = true;
  for (size_t c = 0; c < n_columns; c++) {
    const json_t *name = json_array_get(columns, c);
    if (!json_is_string(name)) return complain_of_value(r, line_of(r, key), key, name, "the name of a column");
    header[c] = arena_copy_text(r->scratch, json_string_value(name));
    for (size_t b = 0; b < c; b++) {
      if (strcmp(header[b], header[c]) == 0) {
        fine = complain_of_value(r, line_of(r, key), key, name, "the name of one column only");
      }
    }
  }
  for (size_t i = 0; i < n_rows; i++) {
    const json_t *row = json_array_get(rows, i);
    if (json_array_size(row) != n_columns) {
      fine = complain_of_value(r, lines[i], key, row, arena_printf(r->scratch, "a list of %zu", n_columns));
      continue;
    }
    for (size_t c = 0; c < n_columns; c++) {
      const char *text = cells[i * n_columns + c] = cell_text(r, json_array_get(row, c));
      if (text == NULL) fine = complain_of_value(r, lines[i], header[c], json_array_get(row, c), "a text or number");
    }
  }
  *csv = (struct csv){r->file, n_columns, n_rows, header, cells, lines};
  return fine;
}

static bool read_table(const struct reading *r, const char *key, bool needed, size_t max_rows, struct csv *csv) {
  const json_t *table = json_object_get(r->root, key);
  *csv = (struct csv){0};
  if (table == NULL && !needed) return true;
  if (json_is_object(table)) return read_inline(r, key, table, max_rows, csv);
  if (!json_is_string(table) || (r->path == NULL && json_is_string(table))) {
    return complain_of_value(r, line_of(r, key), key, table,
                             r->path == NULL ? "a table" : "a table or the name of a CSV file");
  }
  const char *name = json_string_value(table), *slash = strrchr(r->path, '/');
  const int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash - r->path) + 1;
  const char *path = arena_printf(r->scratch, "%.*s%s", folder, r->path, name);
  struct error error = {0};
  if (csv_read(path, max_rows, r->scratch, csv, &error)) return true;
  if (error.status == STATUS_ENVIRONMENT) complain_of_value(r, line_of(r, key), key, table, "a file that can be read");
  error_join(r->error, &error);
  return false;
}

static bool read_all(struct reading *r) {
  struct csv layers, edges, costs;
  struct names names;
  names_init(&names, r->scratch);
  if (!read_settings(r)) return false;
  bool fine = read_host(r);
  fine = read_devices(r, &names) && read_links(r, &names) && fine;
  fine = read_table(r, "layers", true, PLACEMENT_MAX_LAYERS, &layers) && fine;
  fine = read_table(r, "edges", false, PLACEMENT_MAX_EDGES, &edges) && fine;
  fine = read_table(r, "costs", true, 1 << 27, &costs) && fine;
  if (!fine) return false;
  const struct placement_tables tables = {r->file, &layers, &costs, edges.n_columns > 0 ? &edges : NULL};
  return placement_read_tables(&tables, r->arena, r->scratch, r->problem, &r->origin, r->error) &&
         placement_finish_at(r->problem, &r->origin, r->arena, r->error);
}

static bool parse(struct reading *r, const char *name) {
  char file[4 * SHOWN_BYTES], shown[2 * SHOWN_BYTES];
  text_escape(name, file, sizeof file);
  r->file = arena_copy_text(r->arena, file);
  *r->problem = (struct placement_problem){.name = "placement"};
  json_error_t mistake;
  r->root = json_loadb(r->text, r->n, JSON_REJECT_DUPLICATES, &mistake);
  if (r->root == NULL) {
    text_escape(mistake.text, shown, sizeof shown);
    return error_add(r->error, STATUS_INPUT, "%s:%d: column %d: %s", file, mistake.line > 0 ? mistake.line : 1,
                     mistake.column > 0 ? mistake.column : 1, shown);
  }
  const bool fine = json_is_object(r->root)
                        ? read_all(r)
                        : error_add(r->error, STATUS_INPUT,
                                    "%s:1: no object; {\"format\": \"dse.placement/1\", …} was expected", file);
  json_decref(r->root);
  return fine;
}

bool placement_parse(const char *name, const char *bytes, size_t n, struct arena *arena,
                     struct placement_problem *problem, struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct reading r = {.text = bytes, .n = n, .arena = arena, .scratch = &scratch, .error = error, .problem = problem};
  const bool fine = parse(&r, name);
  arena_release(&scratch);
  return fine;
}

bool placement_read(const char *path, struct arena *arena, struct placement_problem *problem, struct error *error) {
  struct arena scratch; /* as large as the files: given back at the end */
  arena_init(&scratch, 1 << 16);
  struct reading r = {.path = path, .arena = arena, .scratch = &scratch, .error = error, .problem = problem};
  char *text = NULL;
  bool fine = file_read(path, MAX_FILE_BYTES, &scratch, &text, &r.n, error);
  r.text = text;
  fine = fine && parse(&r, path);
  arena_release(&scratch);
  return fine;
}

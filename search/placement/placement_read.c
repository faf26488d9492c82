/* See placement_read.h. This file reads the JSON's settings, devices, links and host; what its tables say is in
 * placement_tables.c, JSON itself in search/reader.c, answers in placement_answers.c, writing in placement_write.c. */
#include "search/placement/placement_read.h"

#include "search/names.h"
#include "search/placement/placement_private.h"
#include "search/reader.h"
#include <math.h>

enum { MAX_FILE_BYTES = 1 << 27, MOST_COSTS = 1 << 27 };
static const char format[] = "dse.placement/1";

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

static bool read_choice_at_root(const struct reader *r, const char *key, const char *const *words, int *choice) {
  return reader_choice(r, r->root, reader_line_of(r, key), key, words, choice);
}

static bool read_settings(const struct reader *r, struct placement_problem *p) {
  static const char *const keys[] = {"format",        "name",       "transfers", "timing", "objective", "memory",
                                     "granule_bytes", "contiguous", "devices",   "links",  "host",      "layers",
                                     "edges",         "costs",      "residency", "preset"};
  if (!reader_is_of(r, format)) return false;
  int preset = 0, residency = 0;
  bool fine = reader_check_keys(r, r->root, 0, keys, sizeof keys / sizeof *keys);
  fine = read_choice_at_root(r, "preset", preset_words, &preset) && fine;
  struct preset chosen = presets[preset];
  fine = reader_name(r, r->root, reader_line_of(r, "name"), "name", false, &p->name) && fine;
  fine = read_choice_at_root(r, "transfers", transfer_words, &chosen.transfers) && fine;
  fine = read_choice_at_root(r, "timing", timing_words, &chosen.timing) && fine;
  fine = read_choice_at_root(r, "objective", objective_words, &chosen.objective) && fine;
  fine = read_choice_at_root(r, "memory", memory_words, &chosen.memory) && fine;
  fine = read_choice_at_root(r, "residency", residency_words, &residency) && fine;
  p->transfers = (enum placement_transfers)chosen.transfers, p->timing = (enum placement_timing)chosen.timing;
  p->objective = (enum placement_objective)chosen.objective, p->memory = (enum placement_memory)chosen.memory;
  p->adjacent_residency = residency == 1, p->contiguous = chosen.contiguous, p->granule_bytes = 1;
  fine = reader_flag(r, r->root, reader_line_of(r, "contiguous"), "contiguous", &p->contiguous) && fine;
  return reader_whole(r, r->root, reader_line_of(r, "granule_bytes"), "granule_bytes", READER_COUNT,
                      &p->granule_bytes) &&
         fine;
}

static bool read_host(const struct reader *r, struct placement_problem *p) {
  static const char *const keys[] = {"out_bytes_per_s", "in_bytes_per_s", "transfer_j_per_byte", "prefetch_layers",
                                     "duplex"};
  p->host.out_bytes_per_s = p->host.in_bytes_per_s = INFINITY;
  p->host.prefetch_layers = 1;
  json_t *host = json_object_get(r->root, "host");
  if (host == NULL) return true;
  const unsigned line = reader_line_of(r, "host");
  if (!json_is_object(host)) return reader_complain_of(r, line, "host", host, "an object");
  int duplex = 0;
  bool fine = reader_check_keys(r, host, line, keys, sizeof keys / sizeof *keys);
  fine = reader_number(r, host, line, "out_bytes_per_s", READER_RATE, &p->host.out_bytes_per_s) && fine;
  fine = reader_number(r, host, line, "in_bytes_per_s", READER_RATE, &p->host.in_bytes_per_s) && fine;
  fine = reader_number(r, host, line, "transfer_j_per_byte", READER_AMOUNT, &p->host.transfer_j_per_byte) && fine;
  fine = reader_whole(r, host, line, "prefetch_layers", READER_WHOLE, &p->host.prefetch_layers) && fine;
  fine = reader_choice(r, host, line, "duplex", duplex_words, &duplex) && fine;
  p->host.half_duplex = duplex == 1;
  return fine;
}

/* --- devices and links ----------------------------------------------------------------------------------------------
 */

static bool read_device(const struct reader *r, json_t *object, unsigned line, struct placement_device *device) {
  static const char *const keys[] = {
      "name", "class", "host", "dram_bytes", "pin_share", "link_bytes_per_s", "link_latency_s", "active_w", "idle_w"};
  *device = (struct placement_device){.dram_bytes = UINT64_MAX, .pin_share = 0.5, .link_bytes_per_s = INFINITY};
  if (!json_is_object(object)) return reader_complain_of(r, line, "devices", object, "an object");
  bool fine = reader_check_keys(r, object, line, keys, sizeof keys / sizeof *keys);
  fine = reader_name(r, object, line, "name", true, &device->name) && fine;
  device->class_name = device->name;
  fine = reader_name(r, object, line, "class", false, &device->class_name) && fine;
  fine = reader_flag(r, object, line, "host", &device->host) && fine;
  fine = reader_whole(r, object, line, "dram_bytes", READER_WHOLE, &device->dram_bytes) && fine;
  fine = reader_number(r, object, line, "pin_share", READER_SHARE, &device->pin_share) && fine;
  fine = reader_number(r, object, line, "link_bytes_per_s", READER_RATE, &device->link_bytes_per_s) && fine;
  fine = reader_number(r, object, line, "link_latency_s", READER_AMOUNT, &device->link_latency_s) && fine;
  fine = reader_number(r, object, line, "active_w", READER_AMOUNT, &device->active_w) && fine;
  return reader_number(r, object, line, "idle_w", READER_AMOUNT, &device->idle_w) && fine;
}

static bool read_devices(const struct reader *r, struct names *names, struct placement_problem *p,
                         struct rows_origin *origin) {
  const json_t *list = json_object_get(r->root, "devices");
  const size_t n = json_array_size(list);
  if (!json_is_array(list) || n < 1 || n > PLACEMENT_MAX_DEVICES) {
    const char *wanted = arena_printf(r->scratch, "a list of 1 to %d devices", PLACEMENT_MAX_DEVICES);
    return reader_complain_of(r, reader_line_of(r, "devices"), "devices", list, wanted);
  }
  struct placement_device *devices = ARENA_NEW(r->arena, struct placement_device, n);
  const uint32_t *lines = reader_lines_of(r, "devices", false, n);
  bool fine = true;
  for (size_t d = 0; d < n; d++) {
    if (!read_device(r, json_array_get(list, d), lines[d], &devices[d])) {
      fine = false;
    } else if (names_find(names, devices[d].name) != SIZE_MAX) {
      fine = reader_complain_of(r, lines[d], "name", json_object_get(json_array_get(list, d), "name"),
                                "a name that no device before has");
    }
    names_add(names, devices[d].name != NULL ? devices[d].name : arena_printf(r->scratch, "\n%zu", d));
  }
  p->devices = devices, p->n_devices = n;
  *origin = (struct rows_origin){r->file, lines};
  return fine;
}

/* [from × n_devices + to] */
struct mesh {
  size_t n_devices;
  double *bytes_per_s, *latency_s;
};

static bool read_link(const struct reader *r, json_t *object, unsigned line, const struct names *names,
                      struct mesh *mesh) {
  static const char *const keys[] = {"from", "to", "bytes_per_s", "latency_s"};
  if (!json_is_object(object)) return reader_complain_of(r, line, "links", object, "an object");
  size_t end[2];
  bool fine = reader_check_keys(r, object, line, keys, sizeof keys / sizeof *keys);
  for (size_t i = 0; i < 2; i++) {
    const json_t *value = json_object_get(object, keys[i]);
    end[i] = json_is_string(value) ? names_find(names, json_string_value(value)) : SIZE_MAX;
    if (end[i] == SIZE_MAX) fine = reader_complain_of(r, line, keys[i], value, "the name of a device");
  }
  if (!fine) return false;
  if (end[0] == end[1]) return reader_complain(r, line, "to", "a device needs no link to itself");
  const size_t at = end[0] * mesh->n_devices + end[1];
  if (mesh->bytes_per_s[at] > 0) return reader_complain(r, line, "to", "this link is there twice");
  if (json_object_get(object, "bytes_per_s") == NULL) {
    return reader_complain_of(r, line, "bytes_per_s", NULL, reader_range_texts[READER_RATE]);
  }
  fine = reader_number(r, object, line, "bytes_per_s", READER_RATE, &mesh->bytes_per_s[at]);
  return reader_number(r, object, line, "latency_s", READER_AMOUNT, &mesh->latency_s[at]) && fine;
}

static bool read_links(const struct reader *r, const struct names *names, struct placement_problem *p) {
  const json_t *list = json_object_get(r->root, "links");
  if (list == NULL || (json_is_array(list) && json_array_size(list) == 0)) return true;
  const size_t n = json_array_size(list), n_pairs = p->n_devices * p->n_devices;
  if (!json_is_array(list)) return reader_complain_of(r, reader_line_of(r, "links"), "links", list, "a list");
  struct mesh mesh = {p->n_devices, ARENA_NEW(r->arena, double, n_pairs), ARENA_NEW(r->arena, double, n_pairs)};
  const uint32_t *lines = reader_lines_of(r, "links", false, n);
  bool fine = true;
  for (size_t i = 0; i < n; i++) {
    fine = read_link(r, json_array_get(list, i), lines[i], names, &mesh) && fine;
  }
  p->mesh_bytes_per_s = mesh.bytes_per_s, p->mesh_latency_s = mesh.latency_s;
  return fine;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static bool read_table(const struct reader *r, const char *key, bool needed, size_t max_rows, struct csv *csv) {
  return reader_table(r, key, json_object_get(r->root, key), needed, max_rows, csv);
}

static bool read_all(const struct reader *r, struct placement_problem *p) {
  struct csv layers, edges, costs;
  struct names names;
  struct placement_origin origin = {0};
  names_init(&names, r->scratch);
  *p = (struct placement_problem){.name = "placement"};
  if (!read_settings(r, p)) return false;
  bool fine = read_host(r, p);
  fine = read_devices(r, &names, p, &origin.devices) && read_links(r, &names, p) && fine;
  fine = read_table(r, "layers", true, PLACEMENT_MAX_LAYERS, &layers) && fine;
  fine = read_table(r, "edges", false, PLACEMENT_MAX_EDGES, &edges) && fine;
  fine = read_table(r, "costs", true, MOST_COSTS, &costs) && fine;
  if (!fine) return false;
  const struct placement_tables tables = {r->file, &layers, &costs, edges.n_columns > 0 ? &edges : NULL};
  return placement_read_tables(&tables, r->arena, r->scratch, p, &origin, r->error) &&
         placement_finish_at(p, &origin, r->arena, r->error);
}

bool placement_parse(const char *name, const char *bytes, size_t n, struct arena *arena,
                     struct placement_problem *problem, struct error *error) {
  struct reader r = {.text = bytes, .n = n, .arena = arena, .error = error};
  const bool fine = reader_begin_text(&r, name, format) && read_all(&r, problem);
  reader_end(&r);
  return fine;
}

bool placement_read_with(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                         struct placement_problem *problem, struct error *error) {
  static const char *const keys[] = {"preset", "transfers",     "timing",     "objective",
                                     "memory", "granule_bytes", "contiguous", "residency"};
  struct reader r = {.arena = arena, .error = error};
  const bool fine = reader_begin_file(&r, path, MAX_FILE_BYTES, format) &&
                    reader_take_sets(&r, keys, sizeof keys / sizeof *keys, sets, n_sets) && read_all(&r, problem);
  reader_end(&r);
  return fine;
}

bool placement_read(const char *path, struct arena *arena, struct placement_problem *problem, struct error *error) {
  return placement_read_with(path, NULL, 0, arena, problem, error);
}

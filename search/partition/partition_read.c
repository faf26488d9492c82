/* See partition_read.h. This file reads the JSON and what --set says in its place; nodes and edges are in
 * partition_tables.c, answers in partition_answers.c, writing in partition_write.c. */
#include "search/partition/partition_read.h"

#include "base/csv.h"
#include "base/json_lines.h"
#include "base/text.h"
#include "search/partition/partition_read_private.h"
#include "search/reader.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 26 };
static const char format[] = "dse.partition/1";

static const char *const cost_words[] = {"ring", "p2p", "ring_overlap", "p2p_overlap", NULL};
static const char *const triangle_words[] = {"none", "path", "general", NULL};
static const char *const memory_words[] = {"weights", "live", NULL};

const char *partition_cost_name(enum partition_cost cost) { return cost_words[cost]; }
const char *partition_triangle_name(enum partition_triangle triangle) { return triangle_words[triangle]; }
const char *partition_memory_name(enum partition_memory memory) { return memory_words[memory]; }

bool partition_find_word(const char *word, enum partition_word kind, int *choice) {
  const char *const *const words = kind == PARTITION_COST_WORD ? cost_words : triangle_words;
  for (int i = 0; words[i] != NULL; i++) {
    if (strcmp(words[i], word) != 0) continue;
    *choice = i;
    return true;
  }
  return false;
}

/* Texts first. */
enum { N_TEXTS = 4 };
static const char *const keys[] = {"format",       "name",        "nodes", "edges",    "chips", "link_bytes_per_s",
                                   "memory_bytes", "memory_rule", "cost",  "triangle", "clone", "drop_edges"};
enum { N_KEYS = sizeof keys / sizeof *keys };

bool partition_is_key(const char *key) {
  for (size_t k = 0; k < N_KEYS; k++) {
    if (strcmp(key, keys[k]) == 0) return true;
  }
  return false;
}

struct reading {
  struct reader json;
  struct partition_problem *problem;
  const struct partition_text *nodes, *edges; /* NULL: in the files that the JSON names */
  bool is_set[N_KEYS];                        /* by --set, whatever the text says */
};

/* Where a key's value stands, for messages. */
static const char *place_of(const struct reading *r, const char *key) {
  for (size_t k = 0; k < N_KEYS; k++) {
    if (strcmp(key, keys[k]) != 0) continue;
    const unsigned line = r->is_set[k] ? 0 : json_line_of((struct json_text){r->json.text, r->json.n}, key);
    if (line > 0) return arena_printf(r->json.scratch, "%s:%u", r->json.file, line);
    return json_object_get(r->json.root, key) != NULL ? "--set" : arena_printf(r->json.scratch, "%s:1", r->json.file);
  }
  return arena_printf(r->json.scratch, "%s:1", r->json.file);
}

/* --- values --- */

static bool complain(const struct reading *r, const char *key, const char *what) {
  return error_add(r->json.error, STATUS_INPUT, "%s: %s: %s", place_of(r, key), key, what);
}

static bool complain_of_value(const struct reading *r, const char *key, const json_t *value, const char *wanted) {
  if (value == NULL) return complain(r, key, arena_printf(r->json.scratch, "is missing, %s was expected", wanted));
  char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)), text[READER_SHOWN_BYTES];
  text_escape(dump != NULL ? dump : "?", text, sizeof text);
  free(dump);
  return complain(r, key, arena_printf(r->json.scratch, "%s, %s was expected", text, wanted));
}

/* `value` stays as it is if the key is missing and need not be there. */
static bool read_whole(const struct reading *r, const char *key, bool needed, uint64_t least, uint64_t most,
                       uint64_t *value) {
  const json_t *number = json_object_get(r->json.root, key);
  if (number == NULL && !needed) return true;
  uint64_t whole = 0;
  bool fine = false;
  if (json_is_integer(number)) {
    fine = json_integer_value(number) >= 0;
    whole = fine ? (uint64_t)json_integer_value(number) : 0;
  } else if (json_is_real(number)) {
    const double real = json_real_value(number);
    fine = real >= 0 && real <= 0x1p53 && trunc(real) >= real;
    whole = fine ? (uint64_t)real : 0;
  }
  if (!fine || whole < least || whole > most) {
    return complain_of_value(
        r, key, number,
        most == UINT64_MAX ? arena_printf(r->json.scratch, "a whole number of at least %llu", (unsigned long long)least)
                           : arena_printf(r->json.scratch, "a whole number from %llu to %llu",
                                          (unsigned long long)least, (unsigned long long)most));
  }
  *value = whole;
  return true;
}

static bool read_choice(const struct reading *r, const char *key, const char *const *words, int *choice) {
  const json_t *value = json_object_get(r->json.root, key);
  if (value == NULL) return true;
  const char *allowed = "one of";
  for (int i = 0; words[i] != NULL; i++) {
    if (json_is_string(value) && strcmp(json_string_value(value), words[i]) == 0) {
      *choice = i;
      return true;
    }
    allowed = arena_printf(r->json.scratch, "%s%s \"%s\"", allowed, i > 0 ? "," : "", words[i]);
  }
  return complain_of_value(r, key, value, allowed);
}

/* The name as people read it: one line. */
static bool read_text(const struct reading *r, const char *key, const char **text) {
  const json_t *value = json_object_get(r->json.root, key);
  bool fine = json_is_string(value) && *json_string_value(value) != 0;
  for (const char *c = fine ? json_string_value(value) : ""; *c != 0; c++) {
    fine = fine && (unsigned char)*c >= 0x20 && *c != 0x7f;
  }
  if (!fine) return complain_of_value(r, key, value, "a text of one line");
  *text = arena_copy_text(r->json.arena, json_string_value(value));
  return true;
}

static bool check_keys(const struct reading *r) {
  bool fine = true;
  const char *key;
  json_t *value;
  json_object_foreach(r->json.root, key, value) {
    if (partition_is_key(key)) continue;
    const char *nearest = text_nearest(key, keys, N_KEYS);
    char shown[READER_SHOWN_BYTES];
    text_escape(key, shown, sizeof shown);
    fine = error_add(r->json.error, STATUS_INPUT, "%s:%u: %s: is no key%s%s%s", r->json.file,
                     reader_line_of(&r->json, key), shown, nearest != NULL ? "; did you mean " : "",
                     nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
  }
  return fine;
}

static bool read_drops(struct reading *r) {
  const json_t *list = json_object_get(r->json.root, "drop_edges");
  const size_t n = json_array_size(list);
  if (list == NULL) return true;
  if (!json_is_array(list) || n > PARTITION_MAX_EDGES)
    return complain_of_value(r, "drop_edges", list, "a list of [src, dst]");
  struct partition_edge *drops = ARENA_NEW(r->json.arena, struct partition_edge, n);
  bool fine = true;
  for (size_t i = 0; i < n; i++) {
    const json_t *pair = json_array_get(list, i);
    const json_int_t from = json_integer_value(json_array_get(pair, 0)),
                     to = json_integer_value(json_array_get(pair, 1));
    if (json_array_size(pair) != 2 || !json_is_integer(json_array_get(pair, 0)) ||
        !json_is_integer(json_array_get(pair, 1)) || from < 0 || to < 0 || from >= PARTITION_MAX_NODES ||
        to >= PARTITION_MAX_NODES) {
      fine = complain_of_value(r, "drop_edges", pair, "[src, dst], two nodes,");
      continue;
    }
    drops[i] = (struct partition_edge){(uint32_t)from, (uint32_t)to};
  }
  r->problem->drops = drops;
  r->problem->n_drops = n;
  return fine;
}

static bool read_settings(struct reading *r) {
  struct partition_problem *p = r->problem;
  const json_t *const of = json_object_get(r->json.root, "format");
  if (!json_is_string(of) || strcmp(json_string_value(of), format) != 0)
    return complain_of_value(r, "format", of, arena_printf(r->json.scratch, "\"%s\"", format));
  uint64_t n_chips = 1;
  int memory = PARTITION_WEIGHTS, cost = PARTITION_RING, triangle = PARTITION_ANY;
  const json_t *clone = json_object_get(r->json.root, "clone");
  p->link_bytes_per_s = 1;
  bool fine = check_keys(r);
  if (json_object_get(r->json.root, "name") != NULL) fine = read_text(r, "name", &p->name) && fine;
  fine = read_whole(r, "chips", true, 1, PARTITION_MAX_CHIPS, &n_chips) && fine;
  fine = read_whole(r, "link_bytes_per_s", true, 1, UINT64_MAX, &p->link_bytes_per_s) && fine;
  fine = read_whole(r, "memory_bytes", false, 0, UINT64_MAX, &p->memory_bytes) && fine;
  fine = read_choice(r, "memory_rule", memory_words, &memory) && fine;
  fine = read_choice(r, "cost", cost_words, &cost) && fine;
  fine = read_choice(r, "triangle", triangle_words, &triangle) && fine;
  if (clone != NULL && !json_is_boolean(clone)) fine = complain_of_value(r, "clone", clone, "true or false");
  p->clone = json_is_true(clone);
  p->n_chips = (uint32_t)n_chips;
  p->memory_rule = (enum partition_memory)memory;
  p->cost = (enum partition_cost)cost;
  p->triangle = (enum partition_triangle)triangle;
  return read_drops(r) && fine;
}

/* --- the two tables --- */

static bool read_table(const struct reading *r, const char *key, const struct partition_text *given, size_t max_rows,
                       struct csv *csv) {
  const char *name = NULL;
  if (!read_text(r, key, &name)) return false;
  if (given != NULL) return csv_parse(name, given->bytes, given->n, max_rows, r->json.scratch, csv, r->json.error);
  const char *const slash = strrchr(r->json.path, '/');
  const int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash - r->json.path) + 1;
  const char *const path = arena_printf(r->json.scratch, "%.*s%s", folder, r->json.path, name);
  struct error *const error = ARENA_NEW(r->json.scratch, struct error, 1);
  if (csv_read(path, max_rows, r->json.scratch, csv, error)) return true;
  if (error->status == STATUS_ENVIRONMENT)
    complain_of_value(r, key, json_object_get(r->json.root, key), "a file that can be read");
  error_join(r->json.error, error);
  return false;
}

static bool read_all(struct reading *r) {
  struct csv nodes, edges;
  bool fine = read_settings(r);
  fine = read_table(r, "nodes", r->nodes, PARTITION_MAX_NODES, &nodes) && fine;
  fine = read_table(r, "edges", r->edges, PARTITION_MAX_EDGES, &edges) && fine;
  if (!fine) return false;
  const struct partition_tables tables = {&nodes, &edges, place_of(r, "drop_edges")};
  return partition_read_tables(&tables, r->json.arena, r->json.scratch, r->problem, r->json.error);
}

/* key=value into the object; a value that is no JSON is a plain word, and so is every value of a text's key. */
static bool take_set(struct reading *r, const char *set) {
  const char *const equal = strchr(set, '=');
  char shown[READER_SHOWN_BYTES];
  text_escape(set, shown, sizeof shown);
  if (equal == NULL || equal == set)
    return error_add(r->json.error, STATUS_INPUT, "--set %s: key=value was expected", shown);
  const char *const key = arena_printf(r->json.scratch, "%.*s", (int)(equal - set), set), *const text = equal + 1;
  size_t k = 0;
  while (k < N_KEYS && strcmp(key, keys[k]) != 0) k++;
  if (k == N_KEYS) {
    const char *const nearest = text_nearest(key, keys, N_KEYS);
    return error_add(r->json.error, STATUS_INPUT, "--set %s: is no key%s%s%s", shown,
                     nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?" : "");
  }
  r->is_set[k] = true;
  const bool is_text = k < N_TEXTS;
  json_t *value = is_text && text[0] != '"' ? NULL : json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
  if (value == NULL) value = json_string(text);
  if (value == NULL || json_object_set_new(r->json.root, key, value) != 0)
    return error_add(r->json.error, STATUS_INPUT, "--set %s: is no UTF-8", shown);
  return true;
}

static bool read_object(struct reading *r, const char *const *sets, size_t n_sets) {
  *r->problem = (struct partition_problem){.name = "partition"};
  for (size_t i = 0; i < n_sets; i++) {
    if (!take_set(r, sets[i])) return false;
  }
  return read_all(r);
}

bool partition_read(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                    struct partition_problem *problem, struct error *error) {
  struct reading r = {.json = {.arena = arena, .error = error}, .problem = problem};
  const bool fine = reader_begin_file(&r.json, path, MAX_FILE_BYTES, format) && read_object(&r, sets, n_sets);
  reader_end(&r.json);
  return fine;
}

bool partition_parse(const char *name, const struct partition_text *json, const struct partition_text *nodes,
                     const struct partition_text *edges, struct arena *arena, struct partition_problem *problem,
                     struct error *error) {
  struct reading r = {.json = {.path = name, .text = json->bytes, .n = json->n, .arena = arena, .error = error},
                      .problem = problem,
                      .nodes = nodes,
                      .edges = edges};
  const bool fine = reader_begin_text(&r.json, name, format) && read_object(&r, NULL, 0);
  reader_end(&r.json);
  return fine;
}

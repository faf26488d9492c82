/* See sharding_read.h. This file reads the JSON's settings, boards and designs; what its tables say is in
 * sharding_rows.c, JSON itself in search/reader.c, answers in sharding_answers.c, writing in sharding_write.c. */
#include "search/sharding/sharding_read.h"

#include "base/text.h"
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_rows.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 27, MAX_LEVELS = 16, MAX_LINKS = SHARDING_MAX_BOARDS * SHARDING_MAX_BOARDS };

/* --- settings -------------------------------------------------------------------------------------------------------
 */

static const char format[] = "dse.sharding/1";
static const char *const keys[] = {"format",
                                   "name",
                                   "element_bytes",
                                   "overlap",
                                   "adaptive",
                                   "host_io",
                                   "double_buffer",
                                   "reduce_scatter",
                                   "training",
                                   "optimizer_bytes_per_weight",
                                   "max_es_dims",
                                   "es_dims",
                                   "ss_dims",
                                   "boards",
                                   "intra_bytes_per_s",
                                   "inter_bytes_per_s",
                                   "host_bytes_per_s",
                                   "level_bytes_per_s",
                                   "links",
                                   "designs",
                                   "layers",
                                   "edges"};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* The default system: after AWS f1.16xlarge; DRAM is low on purpose, so that sharding matters (sharding §2). */
static const uint64_t default_dram_bytes = 1000000000;
static struct sharding_problem default_problem(void) {
  const uint8_t dims = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W;
  return (struct sharding_problem){.name = "sharding",
                                   .element_bytes = 2,
                                   .adaptive = true,
                                   .host_io = true,
                                   .double_buffer = true,
                                   .optimizer_bytes_per_weight = 8,
                                   .max_es_dims = 2,
                                   .es_dims = dims,
                                   .ss_dims = dims,
                                   .intra_bytes_per_s = 1e9,
                                   .inter_bytes_per_s = 0.25e9,
                                   .host_bytes_per_s = 0.25e9};
}

static bool read_dims(const struct reader *r, const char *key, uint8_t *dims) {
  const json_t *list = json_object_get(r->root, key);
  if (list == NULL) return true;
  const char *wanted = "a list of Cout, Cin, H, W, Kh, Kw, B";
  if (!json_is_array(list)) return reader_complain_of(r, reader_line_of(r, key), key, list, wanted);
  *dims = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *text = json_string_value(json_array_get(list, i));
    unsigned d = 0;
    while (d < SHARDING_N_DIMS && (text == NULL || strcmp(text, sharding_dim_names[d]) != 0)) d++;
    if (d == SHARDING_N_DIMS) return reader_complain_of(r, reader_line_of(r, key), key, list, wanted);
    *dims |= (uint8_t)(1U << d);
  }
  return true;
}

static bool read_levels(const struct reader *r, struct sharding_problem *p) {
  static const char key[] = "level_bytes_per_s";
  const json_t *list = json_object_get(r->root, key);
  if (list == NULL) return true;
  const size_t n = json_array_size(list);
  double *levels = ARENA_NEW(r->arena, double, n);
  bool fine = json_is_array(list) && n <= MAX_LEVELS;
  for (size_t i = 0; fine && i < n; i++) {
    const json_t *value = json_array_get(list, i);
    levels[i] = json_number_value(value);
    fine = json_is_number(value) && reader_in_range(levels[i], READER_RATE);
  }
  p->level_bytes_per_s = levels, p->n_levels = n;
  return fine || reader_complain_of(r, reader_line_of(r, key), key, list, "a list of at most 16 numbers above 0");
}

static bool read_settings(const struct reader *r, struct sharding_problem *p) {
  if (!reader_is_of(r, format)) return false;
  const struct {
    const char *key;
    bool *flag;
  } flags[] = {{"overlap", &p->overlap},
               {"adaptive", &p->adaptive},
               {"host_io", &p->host_io},
               {"double_buffer", &p->double_buffer},
               {"reduce_scatter", &p->reduce_scatter},
               {"training", &p->training}};
  const struct {
    const char *key;
    double *rate;
  } rates[] = {{"intra_bytes_per_s", &p->intra_bytes_per_s},
               {"inter_bytes_per_s", &p->inter_bytes_per_s},
               {"host_bytes_per_s", &p->host_bytes_per_s}};
  uint64_t max_es_dims = p->max_es_dims;
  bool fine = reader_check_keys(r, r->root, 0, keys, N_KEYS);
  fine = reader_name(r, r->root, reader_line_of(r, "name"), "name", false, &p->name) && fine;
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    const unsigned line = reader_line_of(r, flags[i].key);
    fine = reader_flag(r, r->root, line, flags[i].key, flags[i].flag) && fine;
  }
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    const unsigned line = reader_line_of(r, rates[i].key);
    fine = reader_number(r, r->root, line, rates[i].key, READER_RATE, rates[i].rate) && fine;
  }
  fine =
      reader_whole(r, r->root, reader_line_of(r, "element_bytes"), "element_bytes", READER_COUNT, &p->element_bytes) &&
      fine;
  fine = reader_whole(r, r->root, reader_line_of(r, "max_es_dims"), "max_es_dims", READER_COUNT, &max_es_dims) && fine;
  fine = reader_number(r, r->root, reader_line_of(r, "optimizer_bytes_per_weight"), "optimizer_bytes_per_weight",
                       READER_AMOUNT, &p->optimizer_bytes_per_weight) &&
         fine;
  p->max_es_dims = max_es_dims <= SHARDING_MAX_SPLITS ? (uint32_t)max_es_dims : SHARDING_MAX_SPLITS + 1;
  fine = read_dims(r, "es_dims", &p->es_dims) && fine;
  fine = read_dims(r, "ss_dims", &p->ss_dims) && fine;
  return read_levels(r, p) && fine;
}

/* --- designs --------------------------------------------------------------------------------------------------------
 */

/* Models and the parameters of each; what is not given is as in the reconstruction (sharding §4). */
static const struct {
  const char *word;
  enum sharding_model model;
  const char *keys[5];
  uint64_t usual[5];
} models[] = {
    {"tiled", SHARDING_TILED, {"tm", "tn", "tr", "tc", "ports"}, {64, 8, 14, 14, 8}},
    {"systolic", SHARDING_SYSTOLIC, {"rows", "columns", "vector"}, {16, 14, 2}},
    {"winograd", SHARDING_WINOGRAD, {"pm", "pn"}, {4, 4}},
    {"table", SHARDING_TABLE, {NULL}, {0}},
};
enum { N_MODELS = sizeof models / sizeof *models, MOST_PARAMETERS = 5 };

static bool read_model(const struct reader *r, json_t *object, unsigned line, struct sharding_design *design,
                       size_t *model) {
  const char *word = json_string_value(json_object_get(object, "model"));
  for (*model = 0; *model < N_MODELS; ++*model) {
    if (word == NULL || strcmp(models[*model].word, word) != 0) continue;
    design->model = models[*model].model;
    return true;
  }
  return reader_complain_of(r, line, "model", json_object_get(object, "model"),
                            "one of \"tiled\", \"systolic\", \"winograd\", \"table\"");
}

static bool read_design(const struct reader *r, json_t *object, unsigned line, struct sharding_design *design) {
  static const char *const known[] = {"name", "model",   "clock_hz", "tm", "tn", "tr",   "tc",    "ports",
                                      "rows", "columns", "vector",   "pm", "pn", "cols", "table", "cycles"};
  static const double usual_clock_hz = 200e6;
  size_t model;
  if (!json_is_object(object)) return reader_complain_of(r, line, "designs", object, "an object");
  bool fine = reader_check_keys(r, object, line, known, sizeof known / sizeof *known);
  fine = reader_name(r, object, line, "name", true, &design->name) && fine;
  design->clock_hz = usual_clock_hz;
  fine = reader_number(r, object, line, "clock_hz", READER_RATE, &design->clock_hz) && fine;
  if (!read_model(r, object, line, design, &model)) return false;
  uint64_t *const into[N_MODELS][MOST_PARAMETERS] = {
      {&design->tm, &design->tn, &design->tr, &design->tc, &design->ports},
      {&design->rows, &design->columns, &design->vector},
      {&design->pm, &design->pn}};
  for (size_t i = 0; i < MOST_PARAMETERS && models[model].keys[i] != NULL; i++) {
    *into[model][i] = models[model].usual[i];
    fine = reader_whole(r, object, line, models[model].keys[i], READER_COUNT, into[model][i]) && fine;
  }
  if (design->model == SHARDING_SYSTOLIC) {
    fine = reader_whole(r, object, line, "cols", READER_COUNT, &design->columns) && fine;
  }
  return fine;
}

static bool read_designs(const struct reader *r, struct names *names, struct sharding_problem *p,
                         struct sharding_design **designs) {
  const json_t *list = json_object_get(r->root, "designs");
  const size_t n = json_array_size(list);
  names_init(names, r->arena);
  if (!json_is_array(list) || n < 1 || n > SHARDING_MAX_DESIGNS) {
    return reader_complain_of(r, reader_line_of(r, "designs"), "designs", list, "a list of 1 to 64 designs");
  }
  const uint32_t *lines = reader_lines_of(r, "designs", false, n);
  bool fine = true;
  *designs = ARENA_NEW(r->arena, struct sharding_design, n);
  for (size_t d = 0; d < n; d++) {
    json_t *object = json_array_get(list, d);
    struct sharding_design *design = &(*designs)[d];
    fine = read_design(r, object, lines[d], design) && fine;
    if (design->name != NULL && names_find(names, design->name) != SIZE_MAX) {
      fine = reader_complain_of(r, lines[d], "name", json_object_get(object, "name"), "a name of one design only");
    }
    names_add(names, design->name != NULL ? design->name : arena_printf(r->scratch, "\n%zu", d));
  }
  p->designs = *designs, p->n_designs = n;
  return fine;
}

/* Their tables need the layers. */
static bool read_tables_of_designs(const struct reader *r, const struct names *layers,
                                   struct sharding_design *designs) {
  const json_t *list = json_object_get(r->root, "designs");
  const uint32_t *lines = reader_lines_of(r, "designs", false, json_array_size(list));
  bool fine = true;
  for (size_t d = 0; d < json_array_size(list); d++) {
    const json_t *object = json_array_get(list, d), *table = json_object_get(object, "table");
    struct csv csv;
    if (designs[d].model != SHARDING_TABLE) continue;
    if (table == NULL) table = json_object_get(object, "cycles");
    if (table == NULL) {
      fine = reader_complain(r, lines[d], "table", "is missing, a table of layer, p and cycles was expected");
    } else {
      fine = reader_table(r, "table", table, true, (size_t)1 << 24, &csv) &&
             sharding_read_cycles(r, &csv, layers, &designs[d]) && fine;
    }
  }
  return fine;
}

/* --- boards ---------------------------------------------------------------------------------------------------------
 */

static bool read_board(const struct reader *r, json_t *object, unsigned line, const struct names *designs,
                       struct sharding_board *board) {
  static const char *const known[] = {"name", "group", "dram_bytes", "design"};
  *board = (struct sharding_board){.group = "g0", .dram_bytes = default_dram_bytes, .design = SHARDING_NONE};
  if (!json_is_object(object)) return reader_complain_of(r, line, "boards", object, "an object");
  bool fine = reader_check_keys(r, object, line, known, sizeof known / sizeof *known);
  fine = reader_name(r, object, line, "name", true, &board->name) && fine;
  const json_t *group = json_object_get(object, "group"); /* a number will do */
  if (json_is_integer(group)) {
    board->group = arena_printf(r->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(group));
  } else {
    fine = reader_name(r, object, line, "group", false, &board->group) && fine;
  }
  fine = reader_whole(r, object, line, "dram_bytes", READER_WHOLE, &board->dram_bytes) && fine;
  if (board->name != NULL && strchr(board->name, ' ') != NULL) {
    fine = reader_complain_of(r, line, "name", json_object_get(object, "name"), "a name without blanks");
  }
  const json_t *design = json_object_get(object, "design");
  if (design == NULL || json_is_null(design)) return fine;
  const size_t found = json_is_string(design) ? names_find(designs, json_string_value(design)) : SIZE_MAX;
  if (found == SIZE_MAX) return reader_complain_of(r, line, "design", design, "the name of a design");
  board->design = (uint32_t)found;
  return fine;
}

static bool read_boards(const struct reader *r, const struct names *designs, struct names *names,
                        struct sharding_problem *p) {
  const json_t *list = json_object_get(r->root, "boards");
  const size_t n = json_array_size(list);
  struct names groups;
  names_init(names, r->arena);
  names_init(&groups, r->arena);
  if (!json_is_array(list) || n < 1 || n > SHARDING_MAX_BOARDS) {
    return reader_complain_of(r, reader_line_of(r, "boards"), "boards", list, "a list of 1 to 1024 boards");
  }
  const uint32_t *lines = reader_lines_of(r, "boards", false, n);
  struct sharding_board *boards = ARENA_NEW(r->arena, struct sharding_board, n);
  uint32_t *group = ARENA_NEW(r->arena, uint32_t, n);
  bool fine = true, designed = true;
  for (size_t b = 0; b < n; b++) {
    json_t *object = json_array_get(list, b);
    fine = read_board(r, object, lines[b], designs, &boards[b]) && fine;
    if (boards[b].name != NULL && names_find(names, boards[b].name) != SIZE_MAX) {
      fine = reader_complain_of(r, lines[b], "name", json_object_get(object, "name"), "a name of one board only");
    }
    names_add(names, boards[b].name != NULL ? boards[b].name : arena_printf(r->scratch, "\n%zu", b));
    group[b] = (uint32_t)names_add(&groups, boards[b].group);
    designed = designed && boards[b].design != SHARDING_NONE;
  }
  /* Who says of every board what it carries, and nothing else, means it. */
  if (designed && json_object_get(r->root, "adaptive") == NULL) p->adaptive = false;
  p->boards = boards, p->n_boards = n;
  p->board_group = group, p->groups = groups.names, p->n_groups = groups.n;
  return fine;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static bool read_all(const struct reader *r, struct sharding_problem *p) {
  struct names boards, designs, layers;
  struct sharding_design *list = NULL;
  struct csv layer_table, edge_table, link_table;
  *p = default_problem();
  if (!read_settings(r, p)) return false;
  bool fine = read_designs(r, &designs, p, &list);
  fine = fine && read_boards(r, &designs, &boards, p);
  fine = reader_table(r, "layers", json_object_get(r->root, "layers"), true, SHARDING_MAX_LAYERS, &layer_table) && fine;
  fine = reader_table(r, "edges", json_object_get(r->root, "edges"), false, SHARDING_MAX_EDGES, &edge_table) && fine;
  fine = reader_table(r, "links", json_object_get(r->root, "links"), false, MAX_LINKS, &link_table) && fine;
  if (!fine || !sharding_read_layers(r, &layer_table, &layers, p)) return false;
  fine = sharding_read_edges(r, &edge_table, &layers, p);
  fine = sharding_read_links(r, &link_table, &boards, p) && fine;
  if (!read_tables_of_designs(r, &layers, list) || !fine) return false;
  const char *name = p->name;
  p->name = r->file; /* where the mistakes stand that the statement itself finds */
  const struct sharding_origin origin = {
      rows_origin_of(&layer_table, r->arena),
      rows_origin_of(&edge_table, r->arena),
      {r->file, reader_lines_of(r, "boards", false, p->n_boards)},
  };
  fine = sharding_finish_at(p, &origin, r->arena, r->error);
  p->name = name;
  return fine;
}

bool sharding_parse(const char *name, const char *bytes, size_t n, struct arena *arena,
                    struct sharding_problem *problem, struct error *error) {
  struct reader r = {.text = bytes, .n = n, .arena = arena, .error = error};
  const bool fine = reader_begin_text(&r, name, format) && read_all(&r, problem);
  reader_end(&r);
  return fine;
}

bool sharding_read(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                   struct sharding_problem *problem, struct error *error) {
  struct reader r = {.arena = arena, .error = error};
  const bool fine = reader_begin_file(&r, path, MAX_FILE_BYTES, format) &&
                    reader_take_sets(&r, keys, N_KEYS, sets, n_sets) && read_all(&r, problem);
  reader_end(&r);
  return fine;
}

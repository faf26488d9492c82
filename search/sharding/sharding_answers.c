/* How do answers get in and out? As two CSV files: sets, a row each, and strategies, a row a layer. See
 * sharding_read.h. What is well formed but wrong is the judge's business. */
#include "base/csv_cells.h"
#include "base/file.h"
#include "base/text.h"
#include "search/names.h"
#include "search/sharding/sharding_read.h"
#include "search/text_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- where ----------------------------------------------------------------------------------------------------------
 */

static bool is_folder(const char *path) {
  struct stat what;
  const size_t n = strlen(path);
  return (n > 0 && path[n - 1] == '/') || (stat(path, &what) == 0 && S_ISDIR(what.st_mode));
}

/* A folder's file, or what the path begins with; the path of one of two files stands for both. */
static const char *file_of(const char *path, const char *file, struct arena *arena) {
  static const char sets[] = "sets.csv";
  const size_t length = strlen(path), n_sets = sizeof sets - 1;
  struct stat what;
  if (length >= n_sets && strcmp(path + length - n_sets, sets) == 0 && stat(path, &what) == 0 &&
      S_ISREG(what.st_mode)) {
    return arena_printf(arena, "%.*s%s", (int)(length - n_sets), path, file);
  }
  if (!is_folder(path)) return arena_printf(arena, "%s-%s", path, file);
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') n--;
  return arena_printf(arena, "%.*s/%s", (int)n, path, file);
}

/* --- in -------------------------------------------------------------------------------------------------------------
 */

struct reading {
  const struct sharding_problem *problem;
  struct arena *arena, *scratch;
  struct error *error;
  struct csv csv;
  struct names layers, boards, designs, sets;
  struct sharding_answer *answer;
  uint32_t *number_of; /* [n_sets] the row's set, by first layer */
  double *start_s, *end_s;
};

static bool complain(const struct reading *r, size_t row, const char *column, const char *what) {
  return csv_complain_of_cell(&r->csv, row, column, what, r->error);
}

static const char *cell(const struct reading *r, size_t row, const char *column) {
  return csv_cell(&r->csv, row, csv_column(&r->csv, column));
}

static void list_names(struct reading *r) {
  const struct sharding_problem *p = r->problem;
  names_init(&r->layers, r->scratch);
  names_init(&r->boards, r->scratch);
  names_init(&r->designs, r->scratch);
  names_init(&r->sets, r->scratch);
  for (size_t l = 0; l < p->n_layers; l++) names_add(&r->layers, p->layers[l].name);
  for (size_t b = 0; b < p->n_boards; b++) names_add(&r->boards, p->boards[b].name);
  for (size_t d = 0; d < p->n_designs; d++) names_add(&r->designs, p->designs[d].name);
}

static bool read_place(const struct reading *r, size_t row, const char *column, uint32_t *place) {
  const size_t layer = names_find(&r->layers, cell(r, row, column));
  if (layer == SIZE_MAX) return complain(r, row, column, "is no layer of the problem");
  *place = r->problem->place[layer];
  return true;
}

/* Ascending by group, then number. */
static void sort_boards(const struct sharding_problem *p, uint32_t *boards, uint32_t n) {
  for (uint32_t i = 1; i < n; i++) {
    const uint32_t board = boards[i], group = p->board_group[board];
    uint32_t at = i;
    for (; at > 0; at--) {
      const uint32_t before = boards[at - 1], other = p->board_group[before];
      if (other < group || (other == group && before <= board)) break;
      boards[at] = before;
    }
    boards[at] = board;
  }
}

static bool read_set(struct reading *r, size_t row, struct sharding_set *set) {
  char *names = arena_copy_text(r->scratch, cell(r, row, "boards")), *rest = NULL;
  uint32_t *boards = ARENA_NEW(r->arena, uint32_t, r->problem->n_boards), n = 0;
  if (names_find(&r->sets, cell(r, row, "set")) != SIZE_MAX) return complain(r, row, "set", "is there twice");
  names_add(&r->sets, cell(r, row, "set"));
  for (char *name = strtok_r(names, " ;|", &rest); name != NULL; name = strtok_r(NULL, " ;|", &rest)) {
    const size_t board = names_find(&r->boards, name);
    if (board == SIZE_MAX) return complain(r, row, "boards", "names no board of the problem");
    if (n == r->problem->n_boards) return complain(r, row, "boards", "has more boards than there are");
    boards[n++] = (uint32_t)board;
  }
  if (n == 0) return complain(r, row, "boards", "has no board");
  sort_boards(r->problem, boards, n);
  const size_t design = names_find(&r->designs, cell(r, row, "design"));
  if (design == SIZE_MAX) return complain(r, row, "design", "is no design of the problem");
  set->design = (uint32_t)design, set->n_boards = n, set->boards = boards;
  const bool fine = read_place(r, row, "first_layer", &set->first);
  return read_place(r, row, "last_layer", &set->last) && fine;
}

/* Sets by first layer; number_of[row] says where a row's set went. */
static void sort_sets(struct reading *r, struct sharding_set *sets, size_t n) {
  r->number_of = ARENA_NEW(r->scratch, uint32_t, n);
  struct sharding_set *sorted = ARENA_NEW(r->arena, struct sharding_set, n);
  for (size_t i = 0; i < n; i++) {
    uint32_t before = 0;
    for (size_t k = 0; k < n; k++) before += sets[k].first < sets[i].first || (k < i && sets[k].first == sets[i].first);
    r->number_of[i] = before;
    sorted[before] = sets[i];
  }
  r->answer->sets = sorted, r->answer->n_sets = n;
}

static bool read_sets(struct reading *r) {
  static const char *const needed[] = {"set", "design", "boards", "first_layer", "last_layer"};
  if (!csv_has_columns(&r->csv, 1, needed, sizeof needed / sizeof *needed, r->error)) return false;
  struct sharding_set *sets = ARENA_NEW(r->scratch, struct sharding_set, r->csv.n_rows);
  bool fine = r->csv.n_rows > 0 || error_add(r->error, STATUS_INPUT, "%s: no set", r->csv.path);
  for (size_t row = 0; row < r->csv.n_rows; row++) fine = read_set(r, row, &sets[row]) && fine;
  if (fine) sort_sets(r, sets, r->csv.n_rows);
  return fine;
}

static unsigned find_dim(const char *text, size_t n) {
  unsigned d = 0;
  while (d < SHARDING_N_DIMS && (strlen(sharding_dim_names[d]) != n || strncmp(sharding_dim_names[d], text, n) != 0)) {
    d++;
  }
  return d;
}

/* "Cout:2+W:2"; "-" or nothing: one board. */
static bool read_exclusive(const struct reading *r, size_t row, struct sharding_strategy *strategy) {
  const char *text = cell(r, row, "es");
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) strategy->factor[d] = 1;
  if (*text == '\0' || strcmp(text, "-") == 0) return true;
  for (const char *part = text;;) {
    const size_t n = strcspn(part, "+"), name = strcspn(part, ":");
    const unsigned d = name < n ? find_dim(part, name) : SHARDING_N_DIMS;
    uint64_t factor = 0;
    const char *number =
        d < SHARDING_N_DIMS ? arena_printf(r->scratch, "%.*s", (int)(n - name - 1), part + name + 1) : "";
    if (!text_to_u64(number, &factor) || factor < 1 || factor > SHARDING_MAX_BOARDS || strategy->factor[d] > 1) {
      return complain(r, row, "es", "is no exclusive shard: \"Cout:2+W:2\" was expected, each loop once");
    }
    strategy->factor[d] = (uint32_t)factor;
    if (part[n] == '\0') return true;
    part += n + 1;
  }
}

static bool read_time(const struct reading *r, size_t row, const char *column, double *time_s) {
  if (csv_column(&r->csv, column) == SIZE_MAX) return true;
  return text_to_double(cell(r, row, column), time_s) || complain(r, row, column, "is no finite number");
}

static bool read_strategy(struct reading *r, size_t row, bool *there) {
  const size_t layer = names_find(&r->layers, cell(r, row, "layer"));
  const char *shared = cell(r, row, "ss");
  if (layer == SIZE_MAX) return complain(r, row, "layer", "is no layer of the problem");
  if (there[layer]) return complain(r, row, "layer", "is there twice");
  there[layer] = true;
  struct sharding_strategy *strategy = &r->answer->strategies[layer];
  bool fine = read_exclusive(r, row, strategy);
  strategy->shared = SHARDING_N_DIMS;
  if (*shared != '\0' && strcmp(shared, "-") != 0) {
    strategy->shared = (uint8_t)find_dim(shared, strlen(shared));
    if (strategy->shared == SHARDING_N_DIMS) fine = complain(r, row, "ss", "is no loop");
  }
  const size_t set = names_find(&r->sets, cell(r, row, "set"));
  if (set == SIZE_MAX) return complain(r, row, "set", "is no set of the answer");
  const struct sharding_set *of = &r->answer->sets[r->number_of[set]];
  const uint32_t place = r->problem->place[layer];
  if (place < of->first || place > of->last) fine = complain(r, row, "set", "does not run this layer");
  fine = read_time(r, row, "start_s", &r->start_s[layer]) && fine;
  return read_time(r, row, "end_s", &r->end_s[layer]) && fine;
}

static bool read_strategies(struct reading *r) {
  static const char *const needed[] = {"layer", "set", "es", "ss"};
  const struct sharding_problem *p = r->problem;
  if (!csv_has_columns(&r->csv, 1, needed, sizeof needed / sizeof *needed, r->error)) return false;
  bool *there = ARENA_NEW(r->scratch, bool, p->n_layers), fine = true;
  r->answer->strategies = ARENA_NEW(r->arena, struct sharding_strategy, p->n_layers);
  r->start_s = ARENA_NEW(r->arena, double, p->n_layers);
  r->end_s = ARENA_NEW(r->arena, double, p->n_layers);
  for (size_t row = 0; row < r->csv.n_rows; row++) fine = read_strategy(r, row, there) && fine;
  for (size_t l = 0; l < p->n_layers; l++) {
    if (!there[l]) fine = csv_complain_of_missing(&r->csv, "layer", p->layers[l].name, r->error);
  }
  return fine;
}

static bool read_both(struct reading *r, const struct csv *sets, const struct csv *strategies,
                      struct sharding_claim *claim) {
  r->answer = &claim->answer;
  list_names(r);
  r->csv = *sets;
  if (!read_sets(r)) return false;
  r->csv = *strategies;
  if (!read_strategies(r)) return false;
  claim->start_s = csv_column(strategies, "start_s") != SIZE_MAX ? r->start_s : NULL;
  claim->end_s = csv_column(strategies, "end_s") != SIZE_MAX ? r->end_s : NULL;
  return true;
}

bool sharding_read_answer(const struct sharding_problem *problem, const char *path, struct arena *arena,
                          struct sharding_claim *claim, struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct reading r = {.problem = problem, .arena = arena, .scratch = &scratch, .error = error};
  struct csv sets, strategies;
  *claim = (struct sharding_claim){0};
  const bool fine =
      csv_read(file_of(path, "sets.csv", &scratch), problem->n_boards, &scratch, &sets, error) &&
      csv_read(file_of(path, "strategies.csv", &scratch), problem->n_layers, &scratch, &strategies, error) &&
      read_both(&r, &sets, &strategies, claim);
  arena_release(&scratch);
  return fine;
}

bool sharding_parse_answer(const struct sharding_problem *problem, const char *sets_text, const char *strategies_text,
                           struct arena *arena, struct sharding_claim *claim, struct error *error) {
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct reading r = {.problem = problem, .arena = arena, .scratch = &scratch, .error = error};
  struct csv sets, strategies;
  *claim = (struct sharding_claim){0};
  const bool fine = csv_parse("sets.csv", sets_text, strlen(sets_text), problem->n_boards, &scratch, &sets, error) &&
                    csv_parse("strategies.csv", strategies_text, strlen(strategies_text), problem->n_layers, &scratch,
                              &strategies, error) &&
                    read_both(&r, &sets, &strategies, claim);
  arena_release(&scratch);
  return fine;
}

/* --- out ------------------------------------------------------------------------------------------------------------
 */

static void put_sets(const struct sharding_problem *p, const struct sharding_answer *answer, struct arena *arena,
                     FILE *out) {
  fputs("set,design,boards,first_layer,last_layer\n", out);
  for (size_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *set = &answer->sets[s];
    const char *boards = "";
    fprintf(out, "%zu,", s);
    text_file_cell(out, p->designs[set->design].name);
    putc(',', out);
    const struct arena_mark mark = arena_get_mark(arena);
    for (uint32_t i = 0; i < set->n_boards; i++) {
      boards = arena_printf(arena, "%s%s%s", boards, i > 0 ? " " : "", p->boards[set->boards[i]].name);
    }
    text_file_cell(out, boards);
    arena_rewind(arena, mark);
    putc(',', out);
    text_file_cell(out, p->layers[p->topological[set->first]].name);
    putc(',', out);
    text_file_cell(out, p->layers[p->topological[set->last]].name);
    putc('\n', out);
  }
}

static void put_strategies(const struct sharding_problem *p, const struct sharding_answer *answer,
                           const struct sharding_schedule *schedule, struct arena *arena, FILE *out) {
  fprintf(out, "layer,set,es,ss%s\n", schedule != NULL ? ",start_s,end_s" : "");
  for (size_t s = 0; s < answer->n_sets; s++) {
    for (uint32_t place = answer->sets[s].first; place <= answer->sets[s].last; place++) {
      const uint32_t l = p->topological[place];
      const struct sharding_strategy *strategy = &answer->strategies[l];
      text_file_cell(out, p->layers[l].name);
      fprintf(out, ",%zu,%s,%s", s, sharding_es_text(strategy, arena), sharding_ss_text(strategy));
      if (schedule != NULL) {
        putc(',', out);
        text_file_number(out, schedule->start_s[l]);
        putc(',', out);
        text_file_number(out, schedule->end_s[l]);
      }
      putc('\n', out);
    }
  }
}

bool sharding_write_answer(const struct sharding_problem *problem, const struct sharding_answer *answer,
                           const struct sharding_schedule *schedule, const char *path, struct arena *arena,
                           struct error *error) {
  if (path[0] != '\0' && path[strlen(path) - 1] == '/' && !file_make_folder(path, error)) return false;
  for (int second = 0; second < 2; second++) {
    struct text_file file;
    if (!text_file_open(&file, file_of(path, second == 0 ? "sets.csv" : "strategies.csv", arena), error)) return false;
    if (second == 0) put_sets(problem, answer, arena, file.out);
    if (second == 1) put_strategies(problem, answer, schedule, arena, file.out);
    if (!text_file_publish(&file, error)) return false;
  }
  return true;
}

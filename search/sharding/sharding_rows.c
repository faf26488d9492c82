/* What do the tables of a sharding problem say? See sharding_rows.h; docs/sharding.md lists their columns. */
#include "search/sharding/sharding_rows.h"

#include "base/csv_cells.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char pair_twice[] = "is there twice";

/* --- cells ----------------------------------------------------------------------------------------------------------
 */

/* NULL: no such column, or an empty cell. */
static const char *cell(const struct csv *csv, size_t row, const char *column) {
  return csv_filled_cell(csv, row, csv_column(csv, column));
}

/* `value` stays as it is where there is none. */
static bool read_whole(const struct reader *r, const struct csv *csv, size_t row, const char *column, uint64_t least,
                       uint64_t *value) {
  const char *text = cell(csv, row, column);
  double number;
  if (text == NULL) return true;
  if (text_to_double(text, &number) && number >= (double)least && number <= 0x1p53 && trunc(number) >= number) {
    *value = (uint64_t)number;
    return true;
  }
  return csv_complain_of_cell(csv, row, column,
                              least > 0 ? "is no whole number from 1 to 2^53" : "is no whole number from 0 to 2^53",
                              r->error);
}

static bool read_ref(const struct reader *r, const struct csv *csv, size_t row, const char *column,
                     const struct names *names, const char *what, uint32_t *number) {
  const size_t found = names_find(names, csv_cell(csv, row, csv_column(csv, column)));
  if (found == SIZE_MAX) return csv_complain_of_cell(csv, row, column, what, r->error);
  *number = (uint32_t)found;
  return true;
}

/* --- layers and edges -----------------------------------------------------------------------------------------------
 */

static bool read_kind(const struct reader *r, const struct csv *csv, size_t row, uint32_t *kind) {
  /* Other words for the same. */
  static const struct {
    const char *word, *kind;
  } others[] = {{"fc", "conv"},
                {"gemm", "conv"},
                {"matmul", "conv"},
                {"linear", "conv"},
                {"dwconv", "depthwise"},
                {"maxpool", "pool"},
                {"avgpool", "pool"},
                {"relu", "elementwise"},
                {"gelu", "elementwise"},
                {"bn", "elementwise"},
                {"activation", "elementwise"},
                {"eltwise", "elementwise"},
                {"layernorm", "norm"}};
  const char *text = cell(csv, row, "kind");
  *kind = 0;
  if (text == NULL) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (strcmp(text, others[i].word) == 0) text = others[i].kind;
  }
  const char *all = "";
  for (uint32_t k = 0; k < n_sharding_kinds; k++) {
    *kind = k;
    if (strcmp(sharding_kinds[k].name, text) == 0) return true;
    all = arena_printf(r->scratch, "%s%s%s", all, k > 0 ? ", " : "", sharding_kinds[k].name);
  }
  return csv_complain_of_cell(csv, row, "kind", arena_printf(r->scratch, "is no kind; there are %s", all), r->error);
}

static bool read_layer(const struct reader *r, const struct csv *csv, size_t row, struct sharding_layer *layer) {
  static const char *const columns[SHARDING_N_DIMS] = {
      [SHARDING_COUT] = "cout", [SHARDING_CIN] = "cin", [SHARDING_H] = "h",    [SHARDING_W] = "w",
      [SHARDING_KH] = "kh",     [SHARDING_KW] = "kw",   [SHARDING_B] = "batch"};
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) layer->size[d] = 1;
  layer->stride = 1;
  bool fine = read_kind(r, csv, row, &layer->kind);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    fine = read_whole(r, csv, row, columns[d], 1, &layer->size[d]) && fine;
  }
  const bool tied = sharding_kinds[layer->kind].channels_tied;
  if (cell(csv, row, "cin") == NULL && tied) layer->size[SHARDING_CIN] = layer->size[SHARDING_COUT];
  if (cell(csv, row, "cin") == NULL && !tied) {
    fine = csv_complain_of_cell(csv, row, "layer", "needs a number of input channels, cin", r->error);
  }
  fine = read_whole(r, csv, row, "stride", 1, &layer->stride) && fine;
  return read_whole(r, csv, row, "pad", 0, &layer->pad) && fine;
}

bool sharding_read_layers(const struct reader *r, const struct csv *csv, struct names *layers,
                          struct sharding_problem *problem) {
  static const char *const needed[] = {"layer", "cout"};
  names_init(layers, r->arena);
  if (!csv_has_columns(csv, 0, needed, 2, r->error)) return false;
  struct sharding_layer *list = ARENA_NEW(r->arena, struct sharding_layer, csv->n_rows);
  bool fine = true;
  for (size_t l = 0; l < csv->n_rows; l++) {
    const char *name = csv_cell(csv, l, csv_column(csv, "layer"));
    if (!reader_is_name(name)) fine = csv_complain_of_cell(csv, l, "layer", "is no name", r->error);
    if (names_find(layers, name) != SIZE_MAX) fine = csv_complain_of_cell(csv, l, "layer", "is there twice", r->error);
    list[l].name = arena_copy_text(r->arena, name);
    names_add(layers, list[l].name);
    fine = read_layer(r, csv, l, &list[l]) && fine;
  }
  problem->layers = list, problem->n_layers = csv->n_rows;
  return fine;
}

bool sharding_read_edges(const struct reader *r, const struct csv *csv, const struct names *layers,
                         struct sharding_problem *problem) {
  static const char *const needed[] = {"from", "to"};
  if (csv->n_columns == 0) return true;
  if (!csv_has_columns(csv, 0, needed, 2, r->error)) return false;
  struct sharding_edge *edges = ARENA_NEW(r->arena, struct sharding_edge, csv->n_rows);
  bool fine = true;
  for (size_t e = 0; e < csv->n_rows; e++) {
    fine = read_ref(r, csv, e, "from", layers, "is no layer", &edges[e].from) && fine;
    fine = read_ref(r, csv, e, "to", layers, "is no layer", &edges[e].to) && fine;
    if (fine && edges[e].from == edges[e].to)
      fine = csv_complain_of_cell(csv, e, "to", "cannot wait for itself", r->error);
  }
  problem->edges = edges, problem->n_edges = csv->n_rows;
  return fine;
}

/* --- links and cycles -----------------------------------------------------------------------------------------------
 */

bool sharding_read_links(const struct reader *r, const struct csv *csv, const struct names *boards,
                         struct sharding_problem *problem) {
  static const char *const needed[] = {"from", "to", "bytes_per_s"};
  if (csv->n_columns == 0 || csv->n_rows == 0) return true;
  if (!csv_has_columns(csv, 0, needed, 3, r->error)) return false;
  double *links = ARENA_NEW(r->arena, double, problem->n_boards * problem->n_boards);
  bool fine = true;
  for (size_t row = 0; row < csv->n_rows; row++) {
    uint32_t from = 0, to = 0;
    double rate = 0;
    bool known = read_ref(r, csv, row, "from", boards, "is no board", &from);
    known = read_ref(r, csv, row, "to", boards, "is no board", &to) && known;
    if (!text_to_double(csv_cell(csv, row, csv_column(csv, "bytes_per_s")), &rate) || !(rate > 0)) {
      known = csv_complain_of_cell(csv, row, "bytes_per_s", "is no finite number above 0", r->error);
    }
    fine = fine && known;
    if (!known) continue;
    double *link = &links[from * problem->n_boards + to];
    if (from == to) fine = csv_complain_of_cell(csv, row, "to", "needs no link to itself", r->error);
    if (*link > 0) fine = csv_complain_of_cell(csv, row, "to", pair_twice, r->error);
    *link = rate;
  }
  problem->link_bytes_per_s = links;
  return fine;
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Numbers of boards that the table has, ascending. */
static size_t read_ps(const struct reader *r, const struct csv *csv, uint32_t *of_row, uint32_t *ps, bool *fine) {
  for (size_t row = 0; row < csv->n_rows; row++) {
    uint64_t p = 1;
    if (!read_whole(r, csv, row, "p", 1, &p)) *fine = false;
    if (p > SHARDING_MAX_BOARDS)
      *fine = csv_complain_of_cell(csv, row, "p", "is more than 1024 boards", r->error), p = 1;
    ps[row] = of_row[row] = (uint32_t)p;
  }
  if (csv->n_rows > 0) qsort(ps, csv->n_rows, sizeof *ps, by_number);
  size_t n = 0;
  for (size_t row = 0; row < csv->n_rows; row++) {
    if (n == 0 || ps[n - 1] != ps[row]) ps[n++] = ps[row];
  }
  return n;
}

bool sharding_read_cycles(const struct reader *r, const struct csv *csv, const struct names *layers,
                          struct sharding_design *design) {
  static const char *const needed[] = {"layer", "p", "cycles"};
  if (!csv_has_columns(csv, 0, needed, 3, r->error)) return false;
  bool fine = true;
  uint32_t *of_row = ARENA_NEW(r->scratch, uint32_t, csv->n_rows), *ps = ARENA_NEW(r->arena, uint32_t, csv->n_rows);
  const size_t n = read_ps(r, csv, of_row, ps, &fine);
  double *cycles = ARENA_NEW(r->arena, double, layers->n *n);
  for (size_t i = 0; i < layers->n * n; i++) cycles[i] = NAN;
  for (size_t row = 0; row < csv->n_rows; row++) {
    uint32_t layer = 0;
    double value = 0;
    if (!read_ref(r, csv, row, "layer", layers, "is no layer", &layer)) fine = false;
    if (!text_to_double(csv_cell(csv, row, csv_column(csv, "cycles")), &value) || value < 0) {
      fine = csv_complain_of_cell(csv, row, "cycles", "is no finite number of at least 0", r->error);
    }
    size_t at = 0;
    while (ps[at] != of_row[row]) at++;
    if (!isnan(cycles[layer * n + at]) && fine) fine = csv_complain_of_cell(csv, row, "p", pair_twice, r->error);
    cycles[layer * n + at] = value;
  }
  design->n_ps = n, design->p = ps, design->cycles = cycles;
  return fine;
}

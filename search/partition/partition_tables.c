/* What do the two tables of a partition problem say? Nodes and edges, every mistake at its line. See partition_read.h.
 */
#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/text.h"
#include "search/partition/partition_read_private.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 80, ENOUGH_MESSAGES = 200 };

struct reading {
  const struct partition_tables *tables;
  struct arena *arena, *scratch;
  struct partition_problem *problem;
  struct error *error;
};

/* --- cells --- */

static bool complain_of_cell(const struct reading *r, const struct csv *csv, size_t row, const char *column,
                             const char *what) {
  return r->error->n_messages <= ENOUGH_MESSAGES && csv_complain_of_cell(csv, row, column, what, r->error);
}

/* The first `n_needed` names must be there; others may be, and names that look like one of them are slips. */
static bool check_columns(const struct reading *r, const struct csv *csv, const char *const *names, size_t n,
                          size_t n_needed) {
  char file[4 * SHOWN_BYTES], shown[SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  bool fine = csv_has_columns(csv, 1, names, n_needed, r->error);
  for (size_t c = 0; c < csv->n_columns; c++) {
    bool known = false;
    for (size_t i = 0; i < n; i++) known = known || strcmp(csv->header[c], names[i]) == 0;
    const char *nearest = known ? NULL : text_nearest(csv->header[c], names, n);
    if (nearest == NULL || csv_column(csv, nearest) != SIZE_MAX) continue;
    text_escape(csv->header[c], shown, sizeof shown);
    fine = error_add(r->error, STATUS_INPUT, "%s:1: %s: is no column; did you mean %s?", file, shown, nearest);
  }
  return fine;
}

static bool read_whole(const struct reading *r, const struct csv *csv, size_t row, const char *column, uint64_t most,
                       uint64_t *value) {
  const char *text = csv_filled_cell(csv, row, csv_column(csv, column));
  double number;
  if (text != NULL && text_to_u64(text, value) && *value <= most) return true;
  if (text != NULL && text_to_double(text, &number) && number >= 0 && number <= 0x1p53 && trunc(number) >= number) {
    *value = (uint64_t)number;
    if (*value <= most) return true;
  }
  return complain_of_cell(r, csv, row, column, arena_printf(r->scratch, "is no whole number from 0 to %" PRIu64, most));
}

/* Bytes, a multiple of 1/8, as bits. */
static bool read_bits(const struct reading *r, const struct csv *csv, size_t row, uint64_t *bits) {
  const char *text = csv_filled_cell(csv, row, csv_column(csv, "out_bytes"));
  uint64_t bytes;
  double number;
  if (text != NULL && text_to_u64(text, &bytes) && checked_mul(bytes, 8, bits)) return true;
  if (text != NULL && text_to_double(text, &number) && number >= 0 && number <= 0x1p50 &&
      trunc(8 * number) >= 8 * number) {
    *bits = (uint64_t)(8 * number);
    return true;
  }
  return complain_of_cell(r, csv, row, "out_bytes", "is no multiple of 1/8 of at least 0 that fits");
}

/* --- nodes --- */

/* Numbers 0, 1, 2, … in the order of the rows. */
static bool check_number(const struct reading *r, const struct csv *csv, size_t row) {
  uint64_t number;
  if (!read_whole(r, csv, row, "node", UINT32_MAX, &number)) return false;
  if (number == row) return true;
  return complain_of_cell(r, csv, row, "node",
                          arena_printf(r->scratch,
                                       number < row ? "is there twice or out of order, %zu was expected"
                                                    : "skips a node or is out of order, %zu was expected",
                                       row));
}

static bool read_node(const struct reading *r, const struct csv *csv, size_t v, double *compute_ms, uint64_t *bits) {
  const char *const text = csv_filled_cell(csv, v, csv_column(csv, "compute_ms"));
  bool fine = check_number(r, csv, v);
  if (text == NULL || !text_to_double(text, compute_ms) || *compute_ms < 0)
    fine = complain_of_cell(r, csv, v, "compute_ms", "is no finite number of at least 0");
  return read_bits(r, csv, v, bits) && fine;
}

/* Sums over all nodes so far. The first row that they do not survive is a mistake; later ones would only repeat it. */
struct sums {
  double compute_ms;
  uint64_t weight_bytes, out_bits;
  bool fit;
};
static bool add_node(const struct reading *r, size_t v, double compute_ms, uint64_t weight_bytes, uint64_t out_bits,
                     struct sums *sums) {
  const struct csv *const csv = r->tables->nodes;
  sums->compute_ms += compute_ms;
  if (!isfinite(sums->compute_ms))
    sums->fit =
        complain_of_cell(r, csv, v, "compute_ms", "makes the sum of all rows up to here too large for a number");
  if (!checked_add(sums->weight_bytes, weight_bytes, &sums->weight_bytes))
    sums->fit = complain_of_cell(r, csv, v, "weight_bytes", "makes the sum of all rows up to here 2^64 or more");
  if (!checked_add(sums->out_bits, out_bits, &sums->out_bits) || sums->out_bits >= PARTITION_END_BITS)
    sums->fit = complain_of_cell(r, csv, v, "out_bytes", "makes the sum of all rows up to here 2^59 or more");
  return sums->fit;
}

static bool read_nodes(struct reading *r) {
  static const char *const names[] = {"node",    "compute_ms",     "weight_bytes", "out_bytes",
                                      "orig_id", "colocate_group", "cloneable"};
  const struct csv *csv = r->tables->nodes;
  if (!check_columns(r, csv, names, sizeof names / sizeof *names, 4)) return false;
  const size_t n = csv->n_rows, name_at = csv_column(csv, "orig_id"), group_at = csv_column(csv, "colocate_group"),
               cloneable_at = csv_column(csv, "cloneable");
  if (n == 0) return error_add(r->error, STATUS_INPUT, "%s:1: there is no node", csv->path);
  const char **node_names = ARENA_NEW(r->arena, const char *, n);
  double *compute_ms = ARENA_NEW(r->arena, double, n);
  uint64_t *weight_bytes = ARENA_NEW(r->arena, uint64_t, n), *out_bits = ARENA_NEW(r->arena, uint64_t, n);
  uint32_t *colocate = ARENA_NEW(r->arena, uint32_t, n);
  bool *cloneable = ARENA_NEW(r->arena, bool, n), fine = true;
  struct sums sums = {.fit = true};
  for (size_t v = 0; v < n; v++) {
    const char *const name = csv_filled_cell(csv, v, name_at), *const group = csv_filled_cell(csv, v, group_at),
                      *const copied = csv_filled_cell(csv, v, cloneable_at);
    uint64_t number = PARTITION_NONE;
    fine = read_node(r, csv, v, &compute_ms[v], &out_bits[v]) && fine;
    fine = read_whole(r, csv, v, "weight_bytes", UINT64_MAX, &weight_bytes[v]) && fine;
    if (fine && sums.fit) fine = add_node(r, v, compute_ms[v], weight_bytes[v], out_bits[v], &sums);
    if (group != NULL) fine = read_whole(r, csv, v, "colocate_group", PARTITION_NONE - 1, &number) && fine;
    if (copied != NULL && strcmp(copied, "0") != 0 && strcmp(copied, "1") != 0)
      fine = complain_of_cell(r, csv, v, "cloneable", "is neither 0 nor 1");
    node_names[v] = name != NULL ? arena_copy_text(r->arena, name) : arena_printf(r->arena, "%zu", v);
    colocate[v] = (uint32_t)number;
    cloneable[v] = copied != NULL && copied[0] == '1';
  }
  struct partition_problem *p = r->problem;
  p->n_nodes = n;
  p->node_names = node_names;
  p->compute_ms = compute_ms;
  p->weight_bytes = weight_bytes;
  p->out_bits = out_bits;
  p->colocate = colocate;
  p->cloneable = cloneable;
  return fine;
}

/* --- edges --- */

static bool read_end(const struct reading *r, size_t row, const char *column, uint32_t *node) {
  const struct csv *csv = r->tables->edges;
  uint64_t number = 0;
  if (!read_whole(r, csv, row, column, UINT64_MAX, &number)) return false;
  if (number >= r->problem->n_nodes)
    return complain_of_cell(r, csv, row, column,
                            arena_printf(r->scratch, "is no node, 0 to %zu are allowed", r->problem->n_nodes - 1));
  *node = (uint32_t)number;
  return true;
}

static bool read_edges(struct reading *r) {
  static const char *const names[] = {"src", "dst"};
  const struct csv *csv = r->tables->edges;
  if (!check_columns(r, csv, names, 2, 2)) return false;
  struct partition_edge *edges = ARENA_NEW(r->arena, struct partition_edge, csv->n_rows);
  bool fine = true;
  for (size_t e = 0; e < csv->n_rows; e++) {
    const bool known = read_end(r, e, "src", &edges[e].from);
    if (!read_end(r, e, "dst", &edges[e].to) || !known)
      fine = false;
    else if (edges[e].from == edges[e].to)
      fine = complain_of_cell(r, csv, e, "dst", "is the node itself, an edge leads to another one");
  }
  r->problem->edges = edges;
  r->problem->n_edges = csv->n_rows;
  return fine;
}

/* --- what edges make --- */

static int by_ends(const void *a, const void *b) {
  const struct partition_edge *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return x->to == y->to ? 0 : x->to < y->to ? -1 : 1;
}

/* exists[n_edges]; false: something to drop is no edge. */
static bool apply_drops(const struct reading *r, bool *exists) {
  const struct partition_problem *p = r->problem;
  struct partition_edge *drops = ARENA_NEW(r->scratch, struct partition_edge, p->n_drops);
  bool *met = ARENA_NEW(r->scratch, bool, p->n_drops), fine = true;
  if (p->n_drops > 0) memcpy(drops, p->drops, p->n_drops * sizeof *drops);
  qsort(drops, p->n_drops, sizeof *drops, by_ends);
  for (size_t e = 0; e < p->n_edges; e++) {
    const struct partition_edge *found =
        p->n_drops > 0 ? bsearch(&p->edges[e], drops, p->n_drops, sizeof *drops, by_ends) : NULL;
    exists[e] = found == NULL && !(p->clone && p->cloneable[p->edges[e].from]);
    if (found != NULL) met[found - drops] = true;
  }
  for (size_t i = 0, end = 0; i < p->n_drops; i = end) { /* equal ones are one */
    bool is_met = false;
    for (end = i; end < p->n_drops && by_ends(&drops[end], &drops[i]) == 0; end++) is_met = is_met || met[end];
    if (!is_met && r->error->n_messages < ENOUGH_MESSAGES)
      fine = error_add(r->error, STATUS_INPUT, "%s: drop_edges: [%u, %u] is no edge", r->tables->drops_place,
                       (unsigned)drops[i].from, (unsigned)drops[i].to);
    fine = fine && is_met;
  }
  return fine;
}

/* Names an edge of a cycle, if there is one: takes away nodes that nothing is left in front of. */
static bool check_cycles(const struct reading *r, const bool *exists) {
  const struct partition_problem *p = r->problem;
  const size_t n = p->n_nodes, none = SIZE_MAX;
  size_t *first = ARENA_NEW(r->scratch, size_t, n), *next = ARENA_NEW(r->scratch, size_t, p->n_edges);
  uint32_t *left = ARENA_NEW(r->scratch, uint32_t, n), *stack = ARENA_NEW(r->scratch, uint32_t, n);
  for (size_t v = 0; v < n; v++) first[v] = none;
  for (size_t e = p->n_edges; e-- > 0;) {
    if (!exists[e]) continue;
    next[e] = first[p->edges[e].from];
    first[p->edges[e].from] = e;
    left[p->edges[e].to]++;
  }
  size_t depth = 0, done = 0;
  for (size_t v = 0; v < n; v++) {
    if (left[v] == 0) stack[depth++] = (uint32_t)v;
  }
  while (depth > 0) {
    done++;
    for (size_t e = first[stack[--depth]], follow = none; e != none; e = follow) {
      follow = next[e];
      if (--left[p->edges[e].to] == 0) stack[depth++] = p->edges[e].to;
    }
  }
  if (done == n) return true;
  /* Whoever is left has somebody left in front: going back long enough leads onto a cycle. */
  size_t *before = ARENA_NEW(r->scratch, size_t, n), at = 0;
  for (size_t e = 0; e < p->n_edges; e++) {
    if (exists[e] && left[p->edges[e].from] > 0 && left[p->edges[e].to] > 0) before[p->edges[e].to] = e;
  }
  while (left[at] == 0) at++;
  for (size_t i = 0; i < n; i++) at = p->edges[before[at]].from;
  size_t length = 0, edge = before[at];
  for (size_t v = at; length == 0 || v != at; length++, v = p->edges[before[v]].from) {
    if (before[v] > edge) edge = before[v];
  }
  return csv_complain(r->tables->edges, edge, "src,dst",
                      arena_printf(r->scratch, "%u,%u closes a cycle of %zu nodes, nodes may have none",
                                   (unsigned)p->edges[edge].from, (unsigned)p->edges[edge].to, length),
                      r->error);
}

bool partition_read_tables(const struct partition_tables *tables, struct arena *arena, struct arena *scratch,
                           struct partition_problem *problem, struct error *error) {
  struct reading r = {tables, arena, scratch, problem, error};
  bool fine = read_nodes(&r);
  if (problem->n_nodes == 0) return false;
  if (!read_edges(&r) || !fine) return false;
  bool *exists = ARENA_NEW(scratch, bool, problem->n_edges);
  fine = apply_drops(&r, exists);
  return check_cycles(&r, exists) && fine;
}

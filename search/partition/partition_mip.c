/* What is the problem as a mixed-integer program? (partition §9.) Written as an LP file for any solver.
 *
 * y(g,c): group g sits on chip c or before; only these are whole. Ring: z(t,c): tensor t crosses the boundary behind
 * chip c. Point to point: i(t,c), o(t,c): it enters, it leaves chip c. Triangle `general`: a(b,c): some tensor goes
 * from chip b to c; r(b,c): there is a way; w(b,c): one over a third chip. Everything but y is at its least value when
 * y is whole. What windows at the period of a first answer exclude is fixed. Leaves out live tensors and compilers. */
#include "search/partition/partition_exact.h"

#include "search/partition/partition_slicing.h"
#include "search/partition/partition_windows.h"
#include <glpk.h>
#include <math.h>

enum { MOST_CELLS = 4000000 };

struct mip {
  const struct partition_graph *graph;
  uint32_t n_chips;
  glp_prob *lp;
  int *y; /* [n * (C + 1)] columns; FIXED_0, FIXED_1 */
  int period, *columns, n_row;
  double *values, right; /* constants moved to the right-hand side */
};
enum { FIXED_0 = 0, FIXED_1 = -1 };

static int add_column(struct mip *mip, int kind, const char *name) {
  const int column = glp_add_cols(mip->lp, 1);
  glp_set_col_kind(mip->lp, column, kind);
  if (kind == GLP_CV) glp_set_col_bnds(mip->lp, column, GLP_LO, 0, 0);
  glp_set_col_name(mip->lp, column, name);
  return column;
}

static void add_term(struct mip *mip, int column, double value) {
  if (column == FIXED_1) mip->right -= value;
  if (column <= 0) return;
  mip->n_row++;
  mip->columns[mip->n_row] = column, mip->values[mip->n_row] = value;
}

/* The terms so far are at least `low`. */
static void end_row(struct mip *mip, double low) {
  if (mip->n_row > 0) {
    const int row = glp_add_rows(mip->lp, 1);
    glp_set_row_bnds(mip->lp, row, GLP_LO, low + mip->right, 0);
    glp_set_mat_row(mip->lp, row, mip->n_row, mip->columns, mip->values);
  } else if (low + mip->right > 1e-9) { /* nothing can be done: say so where solvers see it */
    const int row = glp_add_rows(mip->lp, 1);
    glp_set_row_bnds(mip->lp, row, GLP_LO, 1, 0);
  }
  mip->n_row = 0, mip->right = 0;
}

static int y_of(const struct mip *mip, uint32_t g, uint32_t c) { return mip->y[g * (mip->n_chips + 1) + c]; }

/* sign if g sits on chip c. */
static void add_on(struct mip *mip, uint32_t g, uint32_t c, double sign) {
  add_term(mip, y_of(mip, g, c), sign);
  add_term(mip, y_of(mip, g, c - 1), -sign);
}

static void add_places(struct mip *mip, struct arena *arena) {
  const struct partition_graph *graph = mip->graph;
  const struct arena_mark mark = arena_get_mark(arena);
  uint32_t *chip = ARENA_NEW(arena, uint32_t, graph->n);
  const double quick = partition_quick(graph, arena, chip);
  struct partition_windows windows;
  partition_windows_init(&windows, graph, arena);
  const bool fits = quick < INFINITY && partition_windows_fit(&windows, quick * (1 + 1e-9), arena);
  for (uint32_t g = 0; g < graph->n; g++) {
    const uint32_t low = fits ? windows.low[g] : 1, high = fits ? windows.high[g] : mip->n_chips;
    for (uint32_t c = 0; c <= mip->n_chips; c++) {
      int *y = &mip->y[g * (mip->n_chips + 1) + c];
      *y = c < low ? FIXED_0 : c >= high ? FIXED_1 : add_column(mip, GLP_BV, arena_printf(arena, "y_%u_%u", g, c));
    }
  }
  arena_rewind(arena, mark);
}

static void add_rules(struct mip *mip) {
  const struct partition_graph *graph = mip->graph;
  const bool path = graph->problem->triangle == PARTITION_PATH;
  for (uint32_t v = 0; v < graph->n; v++) {
    for (uint32_t c = 1; c <= mip->n_chips; c++) {
      add_term(mip, y_of(mip, v, c), 1), add_term(mip, y_of(mip, v, c - 1), -1);
      end_row(mip, 0);
      for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
        const uint32_t u = graph->in[i];
        add_term(mip, y_of(mip, u, c), 1), add_term(mip, y_of(mip, v, c), -1);
        end_row(mip, 0);
        if (path) add_term(mip, y_of(mip, v, c), 1), add_term(mip, y_of(mip, u, c - 1), -1), end_row(mip, 0);
      }
    }
  }
  if (graph->problem->memory_bytes == 0) return;
  for (uint32_t c = 1; c <= mip->n_chips; c++) {
    for (uint32_t g = 0; g < graph->n; g++) {
      const double share = (double)graph->weight_bytes[g] / (double)graph->problem->memory_bytes;
      if (share > 0) add_on(mip, g, c, -share);
    }
    end_row(mip, -1);
  }
}

/* A column at or above [at g on c] − [x on c] for each of a tensor's ends as needed; 0 is its least. */
static int add_end(struct mip *mip, const struct partition_tensor *tensor, uint32_t c, bool enters, const char *name) {
  const int column = add_column(mip, GLP_CV, name);
  for (uint32_t k = tensor->first; k < tensor->end; k++) {
    const uint32_t x = mip->graph->consumer[k];
    add_term(mip, column, 1);
    add_on(mip, x, c, enters ? -1 : 1), add_on(mip, tensor->producer, c, enters ? 1 : -1);
    end_row(mip, 0);
  }
  return column;
}

static int add_crossing(struct mip *mip, const struct partition_tensor *tensor, uint32_t c, const char *name) {
  const int column = add_column(mip, GLP_CV, name);
  for (uint32_t k = tensor->first; k < tensor->end; k++) {
    add_term(mip, column, 1);
    add_term(mip, y_of(mip, tensor->producer, c), -1), add_term(mip, y_of(mip, mip->graph->consumer[k], c), 1);
    end_row(mip, 0);
  }
  return column;
}

/* period ≥ load of chip c; `in`, `out` are columns by tensor, NULL: none. */
static void add_load(struct mip *mip, uint32_t c, bool work, const int *in, const int *out) {
  const struct partition_graph *graph = mip->graph;
  add_term(mip, mip->period, 1);
  for (uint32_t g = 0; g < graph->n && work; g++) {
    if (graph->compute_ms[g] > 0) add_on(mip, g, c, -graph->compute_ms[g]);
  }
  for (size_t t = 0; t < graph->n_tensors; t++) {
    if (in != NULL) add_term(mip, in[t], -graph->tensors[t].ms);
    if (out != NULL) add_term(mip, out[t], -graph->tensors[t].ms);
  }
  end_row(mip, 0);
}

static void add_loads(struct mip *mip, struct arena *arena) {
  const struct partition_graph *graph = mip->graph;
  const enum partition_cost cost = graph->problem->cost;
  const bool p2p = cost == PARTITION_P2P || cost == PARTITION_P2P_OVERLAP;
  const bool overlap = cost == PARTITION_RING_OVERLAP || cost == PARTITION_P2P_OVERLAP;
  int *in = ARENA_NEW(arena, int, graph->n_tensors), *out = ARENA_NEW(arena, int, graph->n_tensors);
  for (uint32_t c = 1; c <= mip->n_chips; c++) {
    for (uint32_t t = 0; t < graph->n_tensors; t++) {
      const struct arena_mark mark = arena_get_mark(arena);
      const struct partition_tensor *tensor = &graph->tensors[t];
      in[t] = p2p ? add_end(mip, tensor, c, true, arena_printf(arena, "i_%u_%u", t, c)) : out[t];
      if (p2p) {
        out[t] = add_end(mip, tensor, c, false, arena_printf(arena, "o_%u_%u", t, c));
      } else {
        out[t] = c < mip->n_chips ? add_crossing(mip, tensor, c, arena_printf(arena, "z_%u_%u", t, c)) : FIXED_0;
      }
      arena_rewind(arena, mark);
    }
    if (!overlap) {
      add_load(mip, c, true, in, out);
      continue;
    }
    add_load(mip, c, true, NULL, NULL), add_load(mip, c, false, in, NULL), add_load(mip, c, false, NULL, out);
  }
}

/* An arc between chips and a longer way exclude each other. */
static void add_triangles(struct mip *mip, struct arena *arena) {
  const struct partition_graph *graph = mip->graph;
  const uint32_t n = mip->n_chips + 1;
  int *arc = ARENA_NEW(arena, int, (size_t)n *n), *way = ARENA_NEW(arena, int, (size_t)n *n);
  for (uint32_t b = n - 1; b > 0; b--) {
    for (uint32_t d = b + 1; d < n; d++) {
      arc[b * n + d] = add_column(mip, GLP_CV, arena_printf(arena, "a_%u_%u", b, d));
      way[b * n + d] = add_column(mip, GLP_CV, arena_printf(arena, "r_%u_%u", b, d));
      const int longer = add_column(mip, GLP_CV, arena_printf(arena, "w_%u_%u", b, d));
      for (uint32_t v = 0; v < graph->n; v++) {
        for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
          add_term(mip, arc[b * n + d], 1);
          add_on(mip, graph->in[i], b, -1), add_on(mip, v, d, -1);
          end_row(mip, -1);
        }
      }
      for (uint32_t c = b + 1; c < d; c++) {
        add_term(mip, longer, 1), add_term(mip, arc[b * n + c], -1), add_term(mip, way[c * n + d], -1);
        end_row(mip, -1);
      }
      add_term(mip, way[b * n + d], 1), add_term(mip, arc[b * n + d], -1), end_row(mip, 0);
      add_term(mip, way[b * n + d], 1), add_term(mip, longer, -1), end_row(mip, 0);
      add_term(mip, arc[b * n + d], -1), add_term(mip, longer, -1), end_row(mip, -1);
    }
  }
}

bool partition_write_lp(const struct partition_graph *graph, const char *path, struct arena *arena,
                        struct error *error) {
  const struct partition_problem *problem = graph->problem;
  const bool live = problem->memory_bytes > 0 && problem->memory_rule == PARTITION_LIVE;
  if (live || problem->accepts != NULL) {
    return error_add(error, STATUS_INPUT, "%s: no mixed-integer program: it knows memory_rule \"weights\" alone",
                     problem->name);
  }
  size_t n_ends = graph->n_arcs;
  for (size_t t = 0; t < graph->n_tensors; t++) n_ends += graph->tensors[t].end - graph->tensors[t].first;
  if ((graph->n + n_ends) * problem->n_chips > MOST_CELLS) {
    return error_add(error, STATUS_INPUT, "%s: no mixed-integer program: too large, at most %d rows are written",
                     problem->name, MOST_CELLS);
  }
  const struct arena_mark mark = arena_get_mark(arena);
  glp_term_out(GLP_OFF);
  struct mip mip = {.graph = graph, .n_chips = problem->n_chips, .lp = glp_create_prob()};
  const size_t most_terms = 4 * (graph->n + graph->n_tensors) + 16;
  mip.y = ARENA_NEW(arena, int, graph->n *(mip.n_chips + 1));
  mip.columns = ARENA_NEW(arena, int, most_terms), mip.values = ARENA_NEW(arena, double, most_terms);
  glp_set_prob_name(mip.lp, "partition");
  glp_set_obj_dir(mip.lp, GLP_MIN);
  mip.period = add_column(&mip, GLP_CV, "period_ms");
  glp_set_obj_coef(mip.lp, mip.period, 1);
  add_places(&mip, arena);
  add_rules(&mip);
  add_loads(&mip, arena);
  if (problem->triangle == PARTITION_GENERAL) add_triangles(&mip, arena);
  const bool written = glp_write_lp(mip.lp, NULL, path) == 0;
  if (!written) error_add(error, STATUS_ENVIRONMENT, "%s: cannot be written", path);
  glp_delete_prob(mip.lp);
  arena_rewind(arena, mark);
  return written;
}

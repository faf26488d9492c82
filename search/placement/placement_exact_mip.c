/* What is the problem as a mixed-integer program? (placement §7; for makespans under `serial` in its plain form and
 * `delay`.) Written as an LP file for any solver, and given to GLPK with counted nodes where labels cannot go: weights
 * that do not all fit, groups.
 *
 * x(l,d): layer l on device d; s(l): its start; y(u,v): u before v, for pairs that the graph leaves open;
 * pin(l,d), fuse(u,v,d): v immediately after u. Durations are linear in these. */
#include "search/placement/placement_exact_private.h"
#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MIP_LAYERS = 60, MOST_SOLVED = 12, WORK_PER_NODE = 500 };
static const double solver_proof = 1e-6; /* GLPK's own tolerances are no tighter */

struct mip {
  const struct placement_problem *problem;
  const struct placement_costs *costs;
  glp_prob *lp;
  bool serial;
  int *x, *start, *before, *pin, *fuse; /* columns; 0: none. fuse by edge and device */
  bool *reaches;                        /* [n_layers * n_layers] by the graph */
  double horizon_s;
  int *row_columns, n_row;
  double *row_values;
};

/* --- columns and rows -----------------------------------------------------------------------------------------------
 */

static int add_column(struct mip *mip, int kind, const char *name) {
  const int column = glp_add_cols(mip->lp, 1);
  glp_set_col_kind(mip->lp, column, kind);
  if (kind == GLP_CV) glp_set_col_bnds(mip->lp, column, GLP_LO, 0, 0);
  glp_set_col_name(mip->lp, column, name);
  return column;
}

static void add_term(struct mip *mip, int column, double value) {
  for (int i = 1; i <= mip->n_row; i++) {
    if (mip->row_columns[i] != column) continue;
    mip->row_values[i] += value;
    return;
  }
  mip->n_row++;
  mip->row_columns[mip->n_row] = column, mip->row_values[mip->n_row] = value;
}

/* The terms so far are at least `low`, or equal to it. */
static void end_row(struct mip *mip, double low, bool equal) {
  const int row = glp_add_rows(mip->lp, 1);
  glp_set_row_bnds(mip->lp, row, equal ? GLP_FX : GLP_LO, low, low);
  glp_set_mat_row(mip->lp, row, mip->n_row, mip->row_columns, mip->row_values);
  mip->n_row = 0;
}

static bool can(const struct mip *mip, size_t l, size_t d) { return placement_can_run(mip->problem, l, d); }

static void find_reaches(struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      const uint32_t from = p->predecessor[i];
      mip->reaches[from * p->n_layers + l] = true;
      for (size_t a = 0; a < p->n_layers; a++) {
        if (mip->reaches[a * p->n_layers + from]) mip->reaches[a * p->n_layers + l] = true;
      }
    }
  }
}

static void add_columns(struct mip *mip, struct arena *arena) {
  const struct placement_problem *p = mip->problem;
  const size_t n = p->n_layers, n_devices = p->n_devices;
  const int end = add_column(mip, GLP_CV, "makespan_s");
  glp_set_obj_coef(mip->lp, end, 1);
  for (size_t l = 0; l < n; l++) {
    mip->start[l] = add_column(mip, GLP_CV, arena_printf(arena, "s_%zu", l));
    for (size_t d = 0; d < n_devices; d++) {
      if (!can(mip, l, d)) continue;
      mip->x[l * n_devices + d] = add_column(mip, GLP_BV, arena_printf(arena, "x_%zu_%zu", l, d));
      const bool pins = mip->serial && p->memory == PLACEMENT_PIN && p->weight_bytes[l] > 0 && !p->devices[d].host;
      if (!pins || mip->costs->granules[l] > mip->costs->room[d]) continue;
      mip->pin[l * n_devices + d] = add_column(mip, GLP_BV, arena_printf(arena, "pin_%zu_%zu", l, d));
    }
    for (size_t k = 0; k < l; k++) {
      if (mip->reaches[k * n + l] || mip->reaches[l * n + k]) continue;
      mip->before[k * n + l] = add_column(mip, GLP_BV, arena_printf(arena, "y_%zu_%zu", k, l));
    }
  }
  for (size_t e = 0; mip->serial && e < p->n_edges; e++) {
    for (size_t d = 0; d < n_devices; d++) {
      const struct placement_edge *edge = &p->edges[e];
      if (edge->bytes == 0 || !can(mip, edge->from, d) || !can(mip, edge->to, d) || p->devices[d].host) continue;
      mip->fuse[e * n_devices + d] =
          add_column(mip, GLP_BV, arena_printf(arena, "fuse_%u_%u_%zu", edge->from, edge->to, d));
    }
  }
}

/* sign × the layer's duration. */
static void add_duration(struct mip *mip, size_t l, double sign) {
  const struct placement_problem *p = mip->problem;
  const size_t n_devices = p->n_devices;
  for (size_t d = 0; d < n_devices; d++) {
    if (!can(mip, l, d)) continue;
    double compute_s = p->compute_s[placement_at(p, l, d)];
    const double per_byte = mip->serial ? mip->costs->link_s_per_byte[d] : 0;
    const double weight_s = p->memory == PLACEMENT_PIN ? (double)p->weight_bytes[l] * per_byte : 0;
    compute_s += weight_s + ((double)p->input_bytes[l] + (double)p->output_bytes[l]) * per_byte;
    add_term(mip, mip->x[l * n_devices + d], sign * compute_s);
    if (mip->pin[l * n_devices + d] != 0) add_term(mip, mip->pin[l * n_devices + d], -sign * weight_s);
    for (uint32_t i = p->in_start[l]; mip->serial && i < p->in_start[l + 1]; i++) {
      const uint64_t bytes = p->edges[p->in_edge[i]].bytes;
      const int fuse = mip->fuse[p->in_edge[i] * n_devices + d];
      const double found = (double)(bytes < p->input_bytes[l] ? bytes : p->input_bytes[l]);
      if (fuse != 0) add_term(mip, fuse, -sign * found * per_byte);
    }
    for (uint32_t i = p->out_start[l]; mip->serial && i < p->out_start[l + 1]; i++) {
      const int fuse = mip->fuse[p->out_edge[i] * n_devices + d];
      const bool only = p->only_reader[l] == p->successor[i];
      if (fuse != 0 && only) add_term(mip, fuse, -sign * (double)p->output_bytes[l] * per_byte);
    }
  }
}

/* --- what must hold -------------------------------------------------------------------------------------------------
 */

static void add_places(struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  const size_t n_devices = p->n_devices;
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t d = 0; d < n_devices; d++) {
      if (can(mip, l, d)) add_term(mip, mip->x[l * n_devices + d], 1);
    }
    end_row(mip, 1, true);
    for (size_t d = 0; d < n_devices; d++) {
      if (mip->pin[l * n_devices + d] == 0) continue;
      add_term(mip, mip->x[l * n_devices + d], 1);
      add_term(mip, mip->pin[l * n_devices + d], -1);
      end_row(mip, 0, false);
    }
    for (size_t k = 0; p->group != NULL && k < l; k++) {
      if (p->group[l] == PLACEMENT_NONE || p->group[k] != p->group[l]) continue;
      for (size_t d = 0; d < n_devices; d++) {
        if (!can(mip, l, d) && !can(mip, k, d)) continue;
        if (can(mip, l, d)) add_term(mip, mip->x[l * n_devices + d], 1);
        if (can(mip, k, d)) add_term(mip, mip->x[k * n_devices + d], -1);
        end_row(mip, 0, true);
      }
      break; /* one equal one is enough */
    }
  }
}

static void add_memory(struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  for (size_t d = 0; d < p->n_devices; d++) {
    const bool hard = p->memory == PLACEMENT_HARD;
    const double room = hard ? (double)p->devices[d].dram_bytes : (double)mip->costs->room[d];
    if (p->devices[d].host) continue;
    for (size_t l = 0; l < p->n_layers; l++) {
      const int column = hard ? mip->x[l * p->n_devices + d] : mip->pin[l * p->n_devices + d];
      const double size = hard ? (double)p->weight_bytes[l] : (double)mip->costs->granules[l];
      if (column != 0 && size > 0) add_term(mip, column, -size / fmax(room, 1));
    }
    if (mip->n_row > 0) end_row(mip, room > 0 ? -1 : 0, false);
  }
}

static void add_edges(struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  const size_t n_devices = p->n_devices;
  for (size_t e = 0; e < p->n_edges; e++) {
    const size_t u = p->edges[e].from, v = p->edges[e].to;
    add_term(mip, mip->start[v], 1), add_term(mip, mip->start[u], -1);
    add_duration(mip, u, -1);
    end_row(mip, 0, false);
    for (size_t a = 0; !mip->serial && a < n_devices; a++) {
      for (size_t b = 0; b < n_devices; b++) {
        if (a == b || !can(mip, u, a) || !can(mip, v, b)) continue;
        const double delay_s = placement_leave_s(mip->costs, e, a) + placement_arrive_s(mip->costs, e, b);
        if (!(delay_s > 0)) continue;
        add_term(mip, mip->start[v], 1), add_term(mip, mip->start[u], -1);
        add_duration(mip, u, -1);
        add_term(mip, mip->x[u * n_devices + a], -delay_s), add_term(mip, mip->x[v * n_devices + b], -delay_s);
        end_row(mip, -delay_s, false);
      }
    }
  }
}

/* u before v, or on another device. */
static void add_order(struct mip *mip, size_t u, size_t v, int before, bool first) {
  const size_t n_devices = mip->problem->n_devices;
  for (size_t d = 0; d < n_devices; d++) {
    if (!can(mip, u, d) || !can(mip, v, d)) continue;
    const double far_s = mip->horizon_s;
    add_term(mip, mip->start[v], 1), add_term(mip, mip->start[u], -1);
    add_duration(mip, u, -1);
    add_term(mip, mip->x[u * n_devices + d], -far_s), add_term(mip, mip->x[v * n_devices + d], -far_s);
    add_term(mip, before, first ? -far_s : far_s);
    end_row(mip, first ? -3 * far_s : -2 * far_s, false);
  }
}

static void add_orders(struct mip *mip) {
  const size_t n = mip->problem->n_layers;
  for (size_t v = 0; v < n; v++) {
    add_term(mip, 1, 1), add_term(mip, mip->start[v], -1);
    add_duration(mip, v, -1);
    end_row(mip, 0, false);
    for (size_t u = 0; u < v; u++) {
      const int before = mip->before[u * n + v];
      if (before == 0) continue;
      add_order(mip, u, v, before, true);
      add_order(mip, v, u, before, false);
    }
  }
}

/* sign × (a before b); returns what of it is fixed. */
static double add_before(struct mip *mip, size_t a, size_t b) {
  const size_t n = mip->problem->n_layers;
  if (mip->reaches[a * n + b]) return 1;
  if (mip->reaches[b * n + a]) return 0;
  add_term(mip, a < b ? mip->before[a * n + b] : mip->before[b * n + a], a < b ? 1 : -1);
  return a < b ? 0 : 1;
}

static void add_fusions(struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  const size_t n_devices = p->n_devices;
  for (size_t e = 0; e < p->n_edges; e++) {
    for (size_t d = 0; d < n_devices; d++) {
      const int fuse = mip->fuse[e * n_devices + d];
      if (fuse == 0) continue;
      const size_t u = p->edges[e].from, v = p->edges[e].to;
      add_term(mip, mip->x[u * n_devices + d], 1), add_term(mip, fuse, -1), end_row(mip, 0, false);
      add_term(mip, mip->x[v * n_devices + d], 1), add_term(mip, fuse, -1), end_row(mip, 0, false);
      for (size_t k = 0; k < p->n_layers; k++) {
        if (k == u || k == v || !can(mip, k, d)) continue;
        const double fixed = add_before(mip, k, u) + add_before(mip, v, k);
        add_term(mip, fuse, -1), add_term(mip, mip->x[k * n_devices + d], -1);
        end_row(mip, -1 - fixed, false);
      }
    }
  }
  for (size_t l = 0; l < p->n_layers; l++) {
    for (int out = 0; out < 2; out++) {
      const uint32_t *start = out ? p->out_start : p->in_start, *edge = out ? p->out_edge : p->in_edge;
      for (uint32_t i = start[l]; i < start[l + 1]; i++) {
        for (size_t d = 0; d < n_devices; d++) {
          const int fuse = mip->fuse[edge[i] * n_devices + d];
          if (fuse != 0) add_term(mip, fuse, -1);
        }
      }
      if (mip->n_row > 0) end_row(mip, -1, false);
    }
  }
}

/* --- building and solving -------------------------------------------------------------------------------------------
 */

static bool applies(const struct placement_problem *p) {
  const bool serial = p->timing == PLACEMENT_SERIAL && p->plain;
  return p->objective == PLACEMENT_MAKESPAN && !p->contiguous && p->n_layers <= MOST_MIP_LAYERS &&
         (serial || (p->timing == PLACEMENT_DELAY && p->mesh_bytes_per_s == NULL));
}

/* All layers one after another at their slowest, and every delay. */
static double horizon(const struct mip *mip) {
  const struct placement_problem *p = mip->problem;
  double sum_s = 0;
  for (size_t l = 0; l < p->n_layers; l++) {
    double most_s = 0;
    for (size_t d = 0; d < p->n_devices; d++) {
      if (!can(mip, l, d)) continue;
      const double bytes = (double)p->weight_bytes[l] + (double)p->input_bytes[l] + (double)p->output_bytes[l];
      const double transfer_s = mip->serial ? bytes * mip->costs->link_s_per_byte[d] : 0;
      most_s = fmax(most_s, p->compute_s[placement_at(p, l, d)] + transfer_s);
    }
    sum_s += most_s;
  }
  for (size_t e = 0; !mip->serial && e < p->n_edges; e++) {
    double leave_s = 0, arrive_s = 0;
    for (size_t d = 0; d < p->n_devices; d++) {
      leave_s = fmax(leave_s, placement_leave_s(mip->costs, e, d));
      arrive_s = fmax(arrive_s, placement_arrive_s(mip->costs, e, d));
    }
    sum_s += leave_s + arrive_s;
  }
  return sum_s;
}

static void build(struct mip *mip, const struct placement_problem *p, struct arena *arena) {
  const size_t n = p->n_layers;
  struct placement_costs *costs = ARENA_NEW(arena, struct placement_costs, 1);
  placement_bounds_costs_init(costs, p, false, arena);
  const size_t most = 1 + n * (1 + 2 * p->n_devices) + n * n + p->n_edges * p->n_devices;
  *mip = (struct mip){.problem = p,
                      .costs = costs,
                      .serial = p->timing == PLACEMENT_SERIAL,
                      .x = ARENA_NEW(arena, int, n * p->n_devices),
                      .pin = ARENA_NEW(arena, int, n * p->n_devices),
                      .start = ARENA_NEW(arena, int, n),
                      .before = ARENA_NEW(arena, int, n *n),
                      .fuse = ARENA_NEW(arena, int, p->n_edges * p->n_devices),
                      .reaches = ARENA_NEW(arena, bool, n *n),
                      .row_columns = ARENA_NEW(arena, int, most + 1),
                      .row_values = ARENA_NEW(arena, double, most + 1)};
  glp_term_out(GLP_OFF);
  mip->lp = glp_create_prob();
  glp_set_prob_name(mip->lp, "placement");
  glp_set_obj_dir(mip->lp, GLP_MIN);
  mip->horizon_s = horizon(mip);
  find_reaches(mip);
  add_columns(mip, arena);
  add_places(mip);
  add_memory(mip);
  add_edges(mip);
  add_orders(mip);
  if (mip->serial) add_fusions(mip);
}

struct watch {
  uint64_t most_nodes, n_nodes;
  double bound_s;
};

static void watch_tree(glp_tree *tree, void *context) {
  struct watch *watch = context;
  int n_total;
  glp_ios_tree_size(tree, NULL, NULL, &n_total);
  watch->n_nodes = (uint64_t)n_total;
  const int open = glp_ios_best_node(tree);
  if (open != 0) watch->bound_s = fmax(watch->bound_s, glp_ios_node_bound(tree, open));
  if (watch->n_nodes >= watch->most_nodes) glp_ios_terminate(tree);
}

/* Layers by their starts; equal ones (of no duration) in the graph's order. */
static void read_answer(const struct mip *mip, struct arena *scratch, struct placement_answer *answer) {
  const struct placement_problem *p = mip->problem;
  uint32_t *order = ARENA_NEW(scratch, uint32_t, p->n_layers), n = 0;
  double *start_s = ARENA_NEW(scratch, double, p->n_layers);
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    start_s[l] = glp_mip_col_val(mip->lp, mip->start[l]);
    size_t at = k;
    for (; at > 0 && start_s[order[at - 1]] > start_s[l]; at--) order[at] = order[at - 1];
    order[at] = l;
  }
  memset(answer->pinned, 0, p->n_layers * sizeof *answer->pinned);
  for (uint32_t d = 0; d < p->n_devices; d++) {
    answer->start[d] = n;
    for (size_t k = 0; k < p->n_layers; k++) {
      const size_t at = order[k] * p->n_devices + d;
      if (mip->x[at] == 0 || glp_mip_col_val(mip->lp, mip->x[at]) < 0.5) continue;
      answer->layer[n++] = order[k];
      answer->pinned[order[k]] = mip->pin[at] != 0 && glp_mip_col_val(mip->lp, mip->pin[at]) > 0.5;
    }
  }
  answer->start[p->n_devices] = n;
}

bool placement_exact_mip_applies(const struct placement_problem *problem) {
  return applies(problem) && problem->n_layers <= MOST_SOLVED;
}

bool placement_exact_mip(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                         struct placement_answer *best, double *value, double *bound) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct mip mip;
  build(&mip, problem, arena);
  struct watch watch = {.most_nodes = *work / WORK_PER_NODE + 1};
  glp_smcp simplex;
  glp_iocp integer;
  glp_init_smcp(&simplex), glp_init_iocp(&integer);
  simplex.msg_lev = integer.msg_lev = GLP_MSG_OFF;
  integer.cb_func = watch_tree, integer.cb_info = &watch;
  integer.bt_tech = GLP_BT_BLB;
  bool proven = false;
  if (glp_simplex(mip.lp, &simplex) == 0 && glp_get_status(mip.lp) == GLP_OPT) {
    watch.bound_s = glp_get_obj_val(mip.lp);
    const int end = glp_intopt(mip.lp, &integer);
    const int status = glp_mip_status(mip.lp);
    const uint64_t spent = watch.n_nodes * WORK_PER_NODE;
    *work -= spent < *work ? spent : *work;
    if (status == GLP_OPT || status == GLP_FEAS) {
      struct placement_answer found = placement_answer_new(problem, arena);
      read_answer(&mip, arena, &found);
      const double found_s = placement_evaluate(problem, &found, arena, NULL);
      if (found_s < *value) *value = found_s, placement_answer_copy(problem, &found, best);
    }
    proven = end == 0 && status == GLP_OPT && *value <= glp_mip_obj_val(mip.lp) * (1 + solver_proof);
    *bound = fmax(*bound, (proven ? *value : watch.bound_s) * (1 - solver_proof));
  }
  glp_delete_prob(mip.lp);
  arena_rewind(arena, mark);
  return proven;
}

bool placement_write_lp(const struct placement_problem *problem, const char *path, struct arena *arena,
                        struct error *error) {
  if (!applies(problem)) {
    return error_add(error, STATUS_INPUT,
                     "%s: no mixed-integer program: it is for makespans of at most %d layers under delay, or serial "
                     "with all transfers in a star",
                     problem->name, MOST_MIP_LAYERS);
  }
  const struct arena_mark mark = arena_get_mark(arena);
  struct mip mip;
  build(&mip, problem, arena);
  const bool written = glp_write_lp(mip.lp, NULL, path) == 0;
  if (!written) error_add(error, STATUS_ENVIRONMENT, "%s: cannot be written", path);
  glp_delete_prob(mip.lp);
  arena_rewind(arena, mark);
  return written;
}

/* How long must it take if jobs may be split (B2), or must stay whole (B3), and only loads and bytes count?
 *
 * Minimise T over x ≥ 0, jobs of kind k on group g, with Σ_g x_kg = n_k, for each group Σ_k l x_kg / s_g + E ≤ T, E = Σ
 * e x, and Σ a x / B ≤ T (tenancy §4). Equal jobs are one row with counts instead of ones, so that a thousand jobs of
 * twenty kinds cost what twenty do. What GLPK answers is believed only as far as it can be checked: B2 is computed
 * again from its multipliers, for any λ ≥ 0 of sum 1 give the bound Σ_k n_k min_g (λ_g l/s_g + Σλ e + μ a/B) by weak
 * duality. B3 is GLPK's dual bound less `mip_margin`, far above its tolerances. */
#include "search/tenancy/tenancy_bounds_private.h"

#include <glpk.h>
#include <math.h>

/* GLPK's relative tolerances are 1e-7 for rows (of values scaled to 1) and 1e-7 for the objective. */
static const double mip_margin = 1e-6;
enum { LP_ITERATIONS = 200000, MOST_ENTRIES = 1 << 18 };

struct lp {
  const struct tenancy_kinds *kinds;
  glp_prob *glpk;
  double unit_cycles; /* of T in the LP: values near 1 */
  int makespan, excess;
  int *column; /* [n_kinds * n_groups]; 0: cannot run there */
  int first_kind_row, first_load_row, bytes_row, excess_row;
  int *rows; /* of the column at work, from 1 */
  double *values;
};

static int set_row(const struct lp *lp, int row, int type, double value) {
  glp_set_row_bnds(lp->glpk, row, type, value, value);
  return row;
}

static void add_rows(struct lp *lp) {
  const struct tenancy_kinds *kinds = lp->kinds;
  const int n_kinds = (int)kinds->n_kinds, n_groups = (int)kinds->n_groups;
  glp_add_rows(lp->glpk, n_kinds + n_groups + 2);
  lp->first_kind_row = 1, lp->first_load_row = 1 + n_kinds;
  lp->bytes_row = lp->first_load_row + n_groups, lp->excess_row = lp->bytes_row + 1;
  for (int k = 0; k < n_kinds; k++) set_row(lp, 1 + k, GLP_FX, (double)kinds->n_of[k]);
  for (int g = 0; g < n_groups + 2; g++) set_row(lp, lp->first_load_row + g, GLP_UP, 0);
}

static void add_columns(struct lp *lp) {
  const struct tenancy_kinds *kinds = lp->kinds;
  lp->makespan = glp_add_cols(lp->glpk, 2), lp->excess = lp->makespan + 1;
  glp_set_obj_coef(lp->glpk, lp->makespan, 1);
  int n = 0;
  for (int g = 0; g <= (int)kinds->n_groups; g++) lp->rows[++n] = lp->first_load_row + g, lp->values[n] = -1;
  glp_set_col_bnds(lp->glpk, lp->makespan, GLP_LO, 0, 0);
  glp_set_mat_col(lp->glpk, lp->makespan, n, lp->rows, lp->values);
  n = 0;
  for (int g = 0; g < (int)kinds->n_groups; g++) lp->rows[++n] = lp->first_load_row + g, lp->values[n] = 1;
  lp->rows[++n] = lp->excess_row, lp->values[n] = -1;
  glp_set_col_bnds(lp->glpk, lp->excess, GLP_LO, 0, 0);
  glp_set_mat_col(lp->glpk, lp->excess, n, lp->rows, lp->values);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (!kinds_can(kinds, k, g)) continue;
      const int column = glp_add_cols(lp->glpk, 1);
      lp->column[at] = column;
      const double load = kinds->latency[at] / kinds->problem->group_size[g] / lp->unit_cycles;
      n = 0;
      lp->rows[++n] = lp->first_kind_row + (int)k, lp->values[n] = 1;
      lp->rows[++n] = lp->first_load_row + (int)g, lp->values[n] = load;
      if (kinds->busy[at] > 0) lp->rows[++n] = lp->bytes_row, lp->values[n] = kinds->busy[at] / lp->unit_cycles;
      if (kinds->excess[at] > 0) lp->rows[++n] = lp->excess_row, lp->values[n] = kinds->excess[at] / lp->unit_cycles;
      glp_set_mat_col(lp->glpk, column, n, lp->rows, lp->values);
      glp_set_col_bnds(lp->glpk, column, GLP_DB, 0, (double)kinds->n_of[k]);
    }
  }
}

static double sum_of(const double *values, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += values[i];
  return sum;
}

double tenancy_weighted_cost(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights, size_t kind) {
  const double loads = sum_of(weights->of, kinds->n_groups), bytes = weights->of[kinds->n_groups];
  double least = INFINITY;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    const size_t at = kinds_at(kinds, kind, g);
    if (!kinds_can(kinds, kind, g)) continue;
    const double load = kinds->latency[at] / kinds->problem->group_size[g];
    least = fmin(least, weights->of[g] * load + loads * kinds->excess[at] + bytes * kinds->busy[at]);
  }
  return least / (loads + bytes);
}

double tenancy_weighted_bound(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights) {
  double sum = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) sum += kinds->n_of[k] * tenancy_weighted_cost(kinds, weights, k);
  return tenancy_round_down(sum, kinds->n_kinds + kinds->n_groups);
}

/* Jobs of a kind in the given parts of groups: whole parts first, what is left to the largest fractions. */
static void spread(const struct lp *lp, double (*part)(glp_prob *, int), uint32_t *group, struct arena *arena) {
  const struct tenancy_kinds *kinds = lp->kinds;
  const struct arena_mark mark = arena_get_mark(arena);
  double *rest = ARENA_NEW(arena, double, kinds->n_groups);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    uint32_t next = kinds->start[k];
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const int column = lp->column[kinds_at(kinds, k, g)];
      const double x = column == 0 ? -1 : part(lp->glpk, column);
      const double whole = fmax(0, floor(x + 1e-6));
      rest[g] = column == 0 ? -INFINITY : x - whole;
      for (double i = 0; i < whole && next < kinds->start[k + 1]; i++) group[kinds->job[next++]] = (uint32_t)g;
    }
    for (; next < kinds->start[k + 1]; next++) {
      size_t most = 0;
      for (size_t g = 1; g < kinds->n_groups; g++) most = rest[g] > rest[most] ? g : most;
      group[kinds->job[next]] = (uint32_t)most;
      rest[most] -= 1;
    }
  }
  arena_rewind(arena, mark);
}

struct watch {
  uint64_t max_nodes;
  double bound;
};

static void watch_tree(glp_tree *tree, void *context) {
  struct watch *watch = context;
  int n_total;
  glp_ios_tree_size(tree, NULL, NULL, &n_total);
  const int best = glp_ios_best_node(tree);
  if (best != 0) watch->bound = fmax(watch->bound, glp_ios_node_bound(tree, best));
  if ((uint64_t)n_total >= watch->max_nodes) glp_ios_terminate(tree);
}

static void solve_mip(struct lp *lp, uint64_t max_nodes, struct arena *arena, struct tenancy_bounds *bounds) {
  for (int column = lp->excess + 1; column <= glp_get_num_cols(lp->glpk); column++)
    glp_set_col_kind(lp->glpk, column, GLP_IV);
  struct watch watch = {.max_nodes = max_nodes, .bound = glp_get_obj_val(lp->glpk)};
  glp_iocp integer;
  glp_init_iocp(&integer);
  integer.msg_lev = GLP_MSG_OFF;
  integer.br_tech = GLP_BR_DTH;
  integer.bt_tech = GLP_BT_BLB;
  integer.mir_cuts = GLP_ON;
  integer.cb_func = watch_tree;
  integer.cb_info = &watch;
  const int end = glp_intopt(lp->glpk, &integer);
  const int status = glp_mip_status(lp->glpk);
  if (end == 0 && status == GLP_OPT) watch.bound = glp_mip_obj_val(lp->glpk);
  if (status == GLP_OPT || status == GLP_FEAS) {
    uint32_t *group = ARENA_NEW(arena, uint32_t, lp->kinds->problem->n_jobs);
    spread(lp, glp_mip_col_val, group, arena);
    bounds->mip_group = group;
  }
  if (end == 0 || end == GLP_ESTOP) {
    bounds->cycles[TENANCY_B3_GROUPED_MIP] =
        fmax(bounds->cycles[TENANCY_B2_LP], watch.bound * (1 - mip_margin) * lp->unit_cycles);
  }
}

void tenancy_bound_lp(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                      struct arena *arena, struct tenancy_bounds *bounds, struct tenancy_weights *weights) {
  uint32_t *lp_group = ARENA_NEW(arena, uint32_t, kinds->problem->n_jobs);
  const struct arena_mark mark = arena_get_mark(arena);
  struct lp lp = {.kinds = kinds};
  lp.column = ARENA_NEW(arena, int, kinds->n_kinds * kinds->n_groups);
  lp.rows = ARENA_NEW(arena, int, kinds->n_groups + 6);
  lp.values = ARENA_NEW(arena, double, kinds->n_groups + 6);
  for (size_t g = 0; g <= kinds->n_groups; g++) weights->of[g] = 1;
  lp.unit_cycles = fmax(tenancy_weighted_bound(kinds, weights), 1);
  (void)mark;
  glp_term_out(GLP_OFF);
  lp.glpk = glp_create_prob();
  glp_set_obj_dir(lp.glpk, GLP_MIN);
  add_rows(&lp);
  add_columns(&lp);
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = LP_ITERATIONS;
  glp_adv_basis(lp.glpk, 0);
  glp_simplex(lp.glpk, &simplex);
  const bool optimal = glp_get_status(lp.glpk) == GLP_OPT;
  for (size_t g = 0; optimal && g <= kinds->n_groups; g++)
    weights->of[g] = fmax(0, -glp_get_row_dual(lp.glpk, lp.first_load_row + (int)g));
  bounds->cycles[TENANCY_B2_LP] = tenancy_weighted_bound(kinds, weights);
  if (optimal) {
    spread(&lp, glp_get_col_prim, lp_group, arena);
    bounds->lp_group = lp_group;
    if (settings->mip_nodes > 0) solve_mip(&lp, settings->mip_nodes, arena, bounds);
  }
  glp_delete_prob(lp.glpk);
}

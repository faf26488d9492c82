/* How long must it take if jobs may be split and only loads and bytes count?
 *
 * Minimise T over x ≥ 0, jobs of kind k on group g, with Σ_g x_kg = n_k, for each group Σ_k l x_kg / s_g + E ≤ T,
 * E = Σ e x, and Σ a x / B ≤ T (tenancy §4). Equal jobs are one row with counts instead of ones, so that a thousand
 * jobs of twenty kinds cost what twenty do. What GLPK answers is believed only as far as it can be checked: any λ, μ ≥
 * 0 of sum 1 prove Σ_k n_k min_g (λ_g l/s_g + Σλ e + μ a/B) by weak duality. Only the MIP is GLPK's own dual bound,
 * less `mip_margin`, which is above its tolerances. */
#include "search/tenancy/tenancy_lp.h"

#include <glpk.h>
#include <math.h>
#include <string.h>

/* GLPK's tolerances are 1e-7 (rows, reduced costs) and 1e-7 (objective) relative to values near 1. */
static const double mip_margin = 1e-6;
/* Jobs whose lengths differ by more leave only bounds that are proven here. */
static const double widest = 1e9;
/* A solved count this near to a whole number is one. */
static const double nearly_whole = 1e-6;
/* Cuts are sought row by row over all columns, and a node costs a simplex. With whole jobs, programs larger than a
 * thousand jobs on four groups get no cuts, and fewer nodes by the square of their size, or they would take minutes. */
enum { SIMPLEX_STEPS = 50000, MOST_PAIRS = 1 << 18, MOST_PAIRS_CUT = 1 << 12 };

struct tenancy_lp {
  const struct tenancy_kinds *kinds;
  struct arena *arena;
  glp_prob *glpk;
  double unit_cycles; /* of T in the LP: values near 1 */
  int makespan, excess;
  int *column; /* [n_kinds * n_groups]; 0: cannot run there */
  int first_kind_row, first_load_row, bytes_row, excess_row;
  int *rows; /* of the column at work, from 1 */
  double *values;
};

static void add_rows(struct tenancy_lp *lp) {
  const struct tenancy_kinds *kinds = lp->kinds;
  const int n_kinds = (int)kinds->n_kinds, n_groups = (int)kinds->n_groups;
  glp_add_rows(lp->glpk, n_kinds + n_groups + 2);
  lp->first_kind_row = 1, lp->first_load_row = 1 + n_kinds;
  lp->bytes_row = lp->first_load_row + n_groups, lp->excess_row = lp->bytes_row + 1;
  for (int k = 0; k < n_kinds; k++) glp_set_row_bnds(lp->glpk, 1 + k, GLP_FX, kinds->n_of[k], kinds->n_of[k]);
  for (int g = 0; g < n_groups + 2; g++) glp_set_row_bnds(lp->glpk, lp->first_load_row + g, GLP_UP, 0, 0);
}

static int term(const struct tenancy_lp *lp, int n, int row, double value) {
  if (value == 0) return n;
  lp->rows[n + 1] = row, lp->values[n + 1] = value;
  return n + 1;
}

static void add_columns(struct tenancy_lp *lp) {
  const struct tenancy_kinds *kinds = lp->kinds;
  lp->makespan = glp_add_cols(lp->glpk, 2), lp->excess = lp->makespan + 1;
  glp_set_obj_coef(lp->glpk, lp->makespan, 1);
  int n = 0;
  for (int row = lp->first_load_row; row <= lp->bytes_row; row++) n = term(lp, n, row, -1);
  glp_set_col_bnds(lp->glpk, lp->makespan, GLP_LO, 0, 0);
  glp_set_mat_col(lp->glpk, lp->makespan, n, lp->rows, lp->values);
  n = 0;
  for (int row = lp->first_load_row; row < lp->bytes_row; row++) n = term(lp, n, row, 1);
  n = term(lp, n, lp->excess_row, -1);
  glp_set_col_bnds(lp->glpk, lp->excess, GLP_LO, 0, 0);
  glp_set_mat_col(lp->glpk, lp->excess, n, lp->rows, lp->values);
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++) {
    const size_t k = at / kinds->n_groups, g = at % kinds->n_groups;
    if (!kinds_can(kinds, k, g)) continue;
    const int column = lp->column[at] = glp_add_cols(lp->glpk, 1);
    n = term(lp, 0, lp->first_kind_row + (int)k, 1);
    n = term(lp, n, lp->first_load_row + (int)g, kinds->latency[at] / kinds->problem->group_size[g] / lp->unit_cycles);
    n = term(lp, n, lp->bytes_row, kinds->busy[at] / lp->unit_cycles);
    n = term(lp, n, lp->excess_row, kinds->excess[at] / lp->unit_cycles);
    glp_set_mat_col(lp->glpk, column, n, lp->rows, lp->values);
    glp_set_col_bnds(lp->glpk, column, GLP_DB, 0, kinds->n_of[k]);
    glp_set_col_kind(lp->glpk, column, GLP_IV);
  }
}

struct tenancy_lp *tenancy_lp_new(const struct tenancy_kinds *kinds, struct arena *arena) {
  if (kinds->n_kinds * kinds->n_groups > MOST_PAIRS) return NULL;
  struct tenancy_lp *lp = ARENA_NEW(arena, struct tenancy_lp, 1);
  *lp = (struct tenancy_lp){.kinds = kinds, .arena = arena};
  lp->column = ARENA_NEW(arena, int, kinds->n_kinds * kinds->n_groups);
  lp->rows = ARENA_NEW(arena, int, kinds->n_groups + 4);
  lp->values = ARENA_NEW(arena, double, kinds->n_groups + 4);
  double sum = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    double least = INFINITY;
    for (size_t g = 0; g < kinds->n_groups; g++)
      if (kinds_can(kinds, k, g)) least = fmin(least, kinds->latency[kinds_at(kinds, k, g)]);
    sum += kinds->n_of[k] * least;
  }
  lp->unit_cycles = sum / (double)kinds->problem->n_cores;
  glp_term_out(GLP_OFF);
  lp->glpk = glp_create_prob();
  glp_set_obj_dir(lp->glpk, GLP_MIN);
  add_rows(lp);
  add_columns(lp);
  glp_adv_basis(lp->glpk, 0);
  return lp;
}

void tenancy_lp_free(struct tenancy_lp *lp) {
  if (lp != NULL) glp_delete_prob(lp->glpk);
}

bool tenancy_lp_solve(struct tenancy_lp *lp, const struct tenancy_box *box, uint64_t *work,
                      struct tenancy_weights *weights) {
  const struct tenancy_kinds *kinds = lp->kinds;
  for (size_t at = 0; box != NULL && at < kinds->n_kinds * kinds->n_groups; at++) {
    if (lp->column[at] == 0) continue;
    const int type = box->low[at] == box->high[at] ? GLP_FX : GLP_DB;
    glp_set_col_bnds(lp->glpk, lp->column[at], type, box->low[at], box->high[at]);
  }
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = SIMPLEX_STEPS;
  simplex.meth = box == NULL ? GLP_PRIMAL : GLP_DUALP; /* a box leaves the last basis dual feasible */
  const int before = glp_get_it_cnt(lp->glpk);
  const bool solved = glp_simplex(lp->glpk, &simplex) == 0 && glp_get_status(lp->glpk) == GLP_OPT;
  tenancy_take_work(work, glp_get_it_cnt(lp->glpk) - before,
                    (size_t)glp_get_num_rows(lp->glpk) + (size_t)glp_get_num_cols(lp->glpk));
  for (size_t g = 0; solved && g <= kinds->n_groups; g++)
    weights->of[g] = fmax(0, -glp_get_row_dual(lp->glpk, lp->first_load_row + (int)g));
  return solved;
}

void tenancy_lp_jobs(const struct tenancy_lp *lp, double *jobs) {
  for (size_t at = 0; at < lp->kinds->n_kinds * lp->kinds->n_groups; at++)
    jobs[at] = lp->column[at] == 0 ? 0 : glp_get_col_prim(lp->glpk, lp->column[at]);
}

/* Whole jobs first, what is left to the largest fractions. */
void tenancy_lp_spread(const struct tenancy_kinds *kinds, const double *jobs, uint32_t *group, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *rest = ARENA_NEW(scratch, double, kinds->n_groups);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    uint32_t next = kinds->start[k];
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const double x = jobs[kinds_at(kinds, k, g)], all = fmax(0, floor(x + nearly_whole));
      rest[g] = kinds_can(kinds, k, g) ? x - all : -INFINITY;
      for (double i = 0; i < all && next < kinds->start[k + 1]; i++) group[kinds->job[next++]] = (uint32_t)g;
    }
    for (; next < kinds->start[k + 1]; next++) {
      size_t most = 0;
      for (size_t g = 1; g < kinds->n_groups; g++) most = rest[g] > rest[most] ? g : most;
      group[kinds->job[next]] = (uint32_t)most;
      rest[most] -= 1;
    }
  }
  arena_rewind(scratch, mark);
}

/* --- whole jobs -----------------------------------------------------------------------------------------------------
 */

struct watch {
  uint64_t max_nodes;
  double bound; /* the least of the open nodes when the solver was last asked */
};

static void watch_tree(glp_tree *tree, void *context) {
  struct watch *watch = context;
  int n_total;
  glp_ios_tree_size(tree, NULL, NULL, &n_total);
  const int best = glp_ios_best_node(tree);
  if (best != 0) watch->bound = fmax(watch->bound, glp_ios_node_bound(tree, best));
  if ((uint64_t)n_total >= watch->max_nodes) glp_ios_terminate(tree);
}

/* Reduced costs below 1e-7 count as none in GLPK: of a hundred jobs that are a ten-millionth of T, its bound may be
 * above the optimum by more than `mip_margin`. (Seen: 7e-8 above it with jobs of 1 and of 10^12 cycles.) */
static bool far_apart(const struct tenancy_kinds *kinds) {
  double least = INFINITY, most = 0;
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++) {
    if (!(kinds->latency[at] > 0)) continue;
    least = fmin(least, kinds->latency[at]), most = fmax(most, kinds->latency[at]);
  }
  return most > widest * least;
}

double tenancy_lp_whole(struct tenancy_lp *lp, uint64_t max_nodes, uint32_t *group, bool *found) {
  const uint64_t n_pairs = lp->kinds->n_kinds * lp->kinds->n_groups;
  const bool large = n_pairs > MOST_PAIRS_CUT;
  if (large) max_nodes = max_nodes * MOST_PAIRS_CUT / n_pairs * MOST_PAIRS_CUT / n_pairs + 1;
  struct watch watch = {.max_nodes = max_nodes, .bound = glp_get_obj_val(lp->glpk)};
  glp_iocp integer;
  glp_init_iocp(&integer);
  integer.msg_lev = GLP_MSG_OFF;
  integer.br_tech = GLP_BR_DTH;
  integer.bt_tech = GLP_BT_BLB;
  integer.mir_cuts = large ? GLP_OFF : GLP_ON;
  integer.cb_func = watch_tree;
  integer.cb_info = &watch;
  const int end = glp_intopt(lp->glpk, &integer);
  const int status = glp_mip_status(lp->glpk);
  *found = status == GLP_OPT || status == GLP_FEAS;
  if (*found) {
    const struct tenancy_kinds *kinds = lp->kinds;
    const struct arena_mark mark = arena_get_mark(lp->arena);
    double *jobs = ARENA_NEW(lp->arena, double, kinds->n_kinds * kinds->n_groups);
    for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++)
      jobs[at] = lp->column[at] == 0 ? 0 : glp_mip_col_val(lp->glpk, lp->column[at]);
    tenancy_lp_spread(kinds, jobs, group, lp->arena);
    arena_rewind(lp->arena, mark);
  }
  if ((end != 0 && end != GLP_ESTOP) || far_apart(lp->kinds)) return 0;
  if (end == 0 && status == GLP_OPT) watch.bound = glp_mip_obj_val(lp->glpk);
  return watch.bound * (1 - mip_margin) * lp->unit_cycles;
}

/* --- weak duality ---------------------------------------------------------------------------------------------------
 */

/* n jobs of the kind at least cost within the box: returns the sum, and the multipliers that prove it: what one job
 * more would cost, less on a group that is cheaper but full, more on one that the box demands. */
static double fill_kind(const struct tenancy_kinds *kinds, size_t k, const double *cost, const struct tenancy_box *box,
                        struct tenancy_multipliers *multipliers) {
  const size_t n_groups = kinds->n_groups;
  double left = kinds->n_of[k], sum = 0, marginal = 0;
  bool full[TENANCY_MAX_CORES] = {false};
  for (size_t g = 0; box != NULL && g < n_groups; g++) {
    const uint32_t low = box->low[kinds_at(kinds, k, g)];
    if (low > 0) left -= low, sum += low * cost[g];
  }
  while (left > 0) {
    size_t least = n_groups;
    for (size_t g = 0; g < n_groups; g++)
      if (!full[g] && kinds_can(kinds, k, g) && (least == n_groups || cost[g] < cost[least])) least = g;
    if (least == n_groups) return INFINITY; /* the box cannot be filled */
    const size_t at = kinds_at(kinds, k, least);
    const double room = box == NULL ? left : fmin(left, box->high[at] - box->low[at]);
    left -= room, sum += room * cost[least], marginal = cost[least];
    full[least] = true;
  }
  multipliers->of_kind[k] = marginal;
  for (size_t g = 0; g < n_groups; g++) {
    const size_t at = kinds_at(kinds, k, g);
    const bool demanded = box != NULL && box->low[at] > 0;
    multipliers->of_pair[at] = full[g] ? fmin(0, cost[g] - marginal) : demanded ? fmax(0, cost[g] - marginal) : 0;
  }
  return sum;
}

/* What a job costs there, times the sum of weights; `loads` is that of the load rows. */
static double cost_of(const struct tenancy_kinds *kinds, size_t at, size_t g, const struct tenancy_weights *weights,
                      double loads) {
  if (!(kinds->latency[at] > 0)) return INFINITY;
  const double load = kinds->latency[at] / kinds->problem->group_size[g];
  return weights->of[g] * load + loads * kinds->excess[at] + weights->of[kinds->n_groups] * kinds->busy[at];
}

void tenancy_weights_prove(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights,
                           const struct tenancy_box *box, struct tenancy_multipliers *multipliers) {
  const size_t n_groups = kinds->n_groups;
  double loads = 0, sum = 0, cost[TENANCY_MAX_CORES] = {0};
  for (size_t g = 0; g < n_groups; g++) loads += weights->of[g];
  const double all = loads + weights->of[n_groups];
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t g = 0; g < n_groups; g++) cost[g] = cost_of(kinds, kinds_at(kinds, k, g), g, weights, loads) / all;
    sum += fill_kind(kinds, k, cost, box, multipliers);
  }
  multipliers->cycles = all > 0 ? tenancy_round_down(sum, kinds->n_kinds + n_groups) : 0;
}

/* Rows (loads and the bandwidth) play against jobs: jobs answer the rows' average so far, each at its least cost, and
 * the row that is largest in the average of the answers gains weight. The average tends to the optimum (Robinson 1951);
 * every state of it proves something, and the best is kept. */
void tenancy_weights_guess(const struct tenancy_kinds *kinds, size_t n_rounds, struct tenancy_multipliers *scratch,
                           struct tenancy_weights *weights) {
  const size_t n_groups = kinds->n_groups;
  double played[TENANCY_MAX_CORES + 1], rows[TENANCY_MAX_CORES + 1] = {0}, best_cycles = -1;
  for (size_t g = 0; g <= n_groups; g++) played[g] = weights->of[g] = 1;
  for (size_t round = 0; round < n_rounds; round++) {
    const struct tenancy_weights now = {.of = played};
    tenancy_weights_prove(kinds, &now, NULL, scratch);
    if (scratch->cycles > best_cycles) {
      best_cycles = scratch->cycles;
      memcpy(weights->of, played, (n_groups + 1) * sizeof *played);
    }
    double loads = 0;
    for (size_t g = 0; g < n_groups; g++) loads += played[g];
    for (size_t k = 0; k < kinds->n_kinds; k++) {
      size_t least = n_groups;
      double least_cost = INFINITY;
      for (size_t g = 0; g < n_groups; g++) {
        const double cost = cost_of(kinds, kinds_at(kinds, k, g), g, &now, loads);
        if (cost < least_cost) least = g, least_cost = cost;
      }
      const size_t at = kinds_at(kinds, k, least);
      rows[least] += kinds->n_of[k] * kinds->latency[at] / kinds->problem->group_size[least];
      rows[n_groups] += kinds->n_of[k] * (kinds->busy[at] - kinds->excess[at]); /* all loads share the excess */
    }
    size_t largest = 0;
    for (size_t g = 1; g <= n_groups; g++) largest = rows[g] > rows[largest] ? g : largest;
    played[largest] += 1;
  }
}

/* How early can the busiest device be done? (placement §7, load and ancestor; Lagrangean relaxation solved as a master
 * program over columns, Dantzig and Wolfe 1960, duals smoothed after Wentges 1997.)
 *
 * A makespan is at least every device's load and the length of every path of layers; so it is at least any mean of
 * these. For given weights of the mean, the cheapest placement of all layers is found exactly along a forest that joins
 * each layer with one of its readers: what fusion saves counts only where both stand on one device. Edges outside the
 * forest are granted whatever they could save. GLPK's master program over the placements found only proposes weights;
 * each proposal is a bound by itself, in our own arithmetic. Leaves out orders: any device is busy without gaps. */
#include "search/placement/placement_bounds_forest.h"
#include <glpk.h>
#include <math.h>
#include <string.h>

enum { PATH_EVERY = 3 };
static const double smoothing = 0.6;
static const double converged = 1e-9;
static const double shortage_price = 1e3; /* of memory, per share of it, in units of the first bound */

/* --- the master program ---------------------------------------------------------------------------------------------
 */

struct master {
  const struct placement_problem *problem;
  glp_prob *lp;
  double scale_s;
  int n_paths, first_column, n_columns;
  double **duration_s; /* of each column; NULL: paths are not wanted */
  uint32_t **path;     /* of each path: its length, its layers */
  int *index;
  double *values, *mean_s, *longest_s;
  uint32_t *from;
  struct arena *scratch;
};
/* Rows: 1 the mean; then a load a device, a memory a device, the paths. Columns: 1 the makespan; then a shortage of
 * memory a device, the placements. */

static void master_init(struct master *m, const struct placement_forest *forest, double scale_s,
                        struct arena *scratch) {
  const struct placement_problem *p = forest->costs->problem;
  const size_t n_devices = p->n_devices, rounds = forest->load->max_rounds;
  const size_t most = 2 + 2 * n_devices + PLACEMENT_MOST_PATHS + rounds;
  *m = (struct master){.problem = p, .scale_s = scale_s, .scratch = scratch, .first_column = 2 + (int)n_devices};
  m->index = ARENA_NEW(scratch, int, most);
  m->values = ARENA_NEW(scratch, double, most);
  if (forest->load->paths) {
    m->duration_s = ARENA_NEW(scratch, double *, rounds);
    m->path = ARENA_NEW(scratch, uint32_t *, PLACEMENT_MOST_PATHS);
    m->mean_s = ARENA_NEW(scratch, double, p->n_layers);
    m->longest_s = ARENA_NEW(scratch, double, p->n_layers);
    m->from = ARENA_NEW(scratch, uint32_t, p->n_layers);
  }
  glp_term_out(GLP_OFF);
  m->lp = glp_create_prob();
  glp_set_obj_dir(m->lp, GLP_MIN);
  glp_add_rows(m->lp, 1 + 2 * (int)n_devices);
  glp_add_cols(m->lp, 1 + (int)n_devices);
  glp_set_row_bnds(m->lp, 1, GLP_FX, 1, 1);
  glp_set_obj_coef(m->lp, 1, 1);
  glp_set_col_bnds(m->lp, 1, GLP_LO, 0, 0);
  for (int d = 0; d < (int)n_devices; d++) {
    const bool tight = forest->room[d] < INFINITY;
    glp_set_row_bnds(m->lp, 2 + d, GLP_UP, 0, 0);
    glp_set_row_bnds(m->lp, 2 + (int)n_devices + d, tight ? GLP_UP : GLP_FR, 0, 1);
    glp_set_col_bnds(m->lp, 2 + d, tight ? GLP_LO : GLP_FX, 0, 0);
    glp_set_obj_coef(m->lp, 2 + d, shortage_price);
    const int rows[] = {0, 2 + (int)n_devices + d};
    const double minus[] = {0, -1};
    glp_set_mat_col(m->lp, 2 + d, 1, rows, minus);
    m->index[1 + d] = 2 + d, m->values[1 + d] = -1;
  }
  glp_set_mat_col(m->lp, 1, (int)n_devices, m->index, m->values);
}

static double path_length(const uint32_t *path, const double *duration_s) {
  double sum_s = 0;
  for (uint32_t i = 1; i <= path[0]; i++) sum_s += duration_s[path[i]];
  return sum_s;
}

static double memory_unit(double room) { return room > 0 ? room : 1; }

static void add_column(struct master *m, const struct placement_forest *forest) {
  const int n_devices = (int)m->problem->n_devices;
  int n = 1;
  m->index[1] = 1, m->values[1] = 1;
  for (int d = 0; d < n_devices; d++) {
    if (forest->load_s[d] > 0) m->index[++n] = 2 + d, m->values[n] = forest->load_s[d] / m->scale_s;
  }
  for (int d = 0; d < n_devices; d++) {
    const double room = forest->room[d];
    if (!(room < INFINITY)) continue;
    /* Rows say use/unit ≤ room/unit; their limit of 1 stands for room/unit, or 0 without room. */
    const double use = forest->use[d] / memory_unit(room) + (room > 0 ? 0 : 1);
    if (use > 0) m->index[++n] = 2 + n_devices + d, m->values[n] = use;
  }
  if (m->duration_s != NULL) {
    double *kept = m->duration_s[m->n_columns] = ARENA_NEW(m->scratch, double, m->problem->n_layers);
    memcpy(kept, forest->duration_s, m->problem->n_layers * sizeof *kept);
    for (int i = 0; i < m->n_paths; i++) {
      m->index[++n] = 2 + 2 * n_devices + i;
      m->values[n] = path_length(m->path[i], kept) / m->scale_s;
    }
  }
  const int column = glp_add_cols(m->lp, 1);
  glp_set_col_bnds(m->lp, column, GLP_LO, 0, 0);
  glp_set_mat_col(m->lp, column, n, m->index, m->values);
  m->n_columns++;
}

static bool solve_master(struct master *m) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  if (glp_simplex(m->lp, &simplex) == 0 && glp_get_status(m->lp) == GLP_OPT) return true;
  glp_std_basis(m->lp); /* a basis gone bad: once more from the start */
  return glp_simplex(m->lp, &simplex) == 0 && glp_get_status(m->lp) == GLP_OPT;
}

/* A path that is longer than the master's makespan, by the mean durations of its columns. */
static bool add_path(struct master *m, const struct placement_forest *forest) {
  const struct placement_problem *p = m->problem;
  if (m->duration_s == NULL || m->n_paths >= PLACEMENT_MOST_PATHS) return false;
  memset(m->mean_s, 0, p->n_layers * sizeof *m->mean_s);
  for (int k = 0; k < m->n_columns; k++) {
    const double share = glp_get_col_prim(m->lp, m->first_column + k);
    if (!(share > 0)) continue;
    for (size_t l = 0; l < p->n_layers; l++) m->mean_s[l] += share * m->duration_s[k][l];
  }
  uint32_t last = PLACEMENT_NONE, length = 0;
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    if (!placement_is_member(forest->load, l)) continue;
    m->longest_s[l] = 0, m->from[l] = PLACEMENT_NONE;
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      const uint32_t from = p->predecessor[i];
      if (!placement_is_member(forest->load, from) || m->longest_s[from] <= m->longest_s[l]) continue;
      m->longest_s[l] = m->longest_s[from], m->from[l] = from;
    }
    m->longest_s[l] += m->mean_s[l];
    if (last == PLACEMENT_NONE || m->longest_s[l] > m->longest_s[last]) last = l;
  }
  if (last == PLACEMENT_NONE || m->longest_s[last] <= glp_get_col_prim(m->lp, 1) * m->scale_s * (1 + converged)) {
    return false;
  }
  for (uint32_t l = last; l != PLACEMENT_NONE; l = m->from[l]) length++;
  uint32_t *path = m->path[m->n_paths++] = ARENA_NEW(m->scratch, uint32_t, length + 1);
  path[0] = length;
  for (uint32_t l = last; l != PLACEMENT_NONE; l = m->from[l]) path[length--] = l;
  const int row = glp_add_rows(m->lp, 1);
  glp_set_row_bnds(m->lp, row, GLP_UP, 0, 0);
  m->index[1] = 1, m->values[1] = -1;
  for (int k = 0; k < m->n_columns; k++) {
    m->index[2 + k] = m->first_column + k;
    m->values[2 + k] = path_length(path, m->duration_s[k]) / m->scale_s;
  }
  glp_set_mat_row(m->lp, row, 1 + m->n_columns, m->index, m->values);
  return true;
}

/* Weights from the master's duals, ≥ 0 and of sum 1 over devices and paths. */
static void read_weights(const struct master *m, const struct placement_forest *forest, struct placement_weights *w) {
  const int n_devices = (int)m->problem->n_devices;
  double sum = 0;
  memset(w->layer, 0, m->problem->n_layers * sizeof *w->layer);
  memset(w->path, 0, PLACEMENT_MOST_PATHS * sizeof *w->path);
  for (int d = 0; d < n_devices; d++) sum += w->device[d] = fmax(0, -glp_get_row_dual(m->lp, 2 + d));
  for (int i = 0; i < m->n_paths; i++) sum += fmax(0, -glp_get_row_dual(m->lp, 2 + 2 * n_devices + i));
  if (!(sum > 0)) {
    for (int d = 0; d < n_devices; d++) w->device[d] = 1.0 / n_devices;
    sum = 1;
  }
  for (int d = 0; d < n_devices; d++) {
    w->device[d] /= sum;
    const double dual = fmax(0, -glp_get_row_dual(m->lp, 2 + n_devices + d));
    w->memory[d] = forest->room[d] < INFINITY ? dual * m->scale_s / sum / memory_unit(forest->room[d]) : 0;
  }
  for (int i = 0; i < m->n_paths; i++) {
    const double share = fmax(0, -glp_get_row_dual(m->lp, 2 + 2 * n_devices + i)) / sum;
    w->path[i] = share;
    for (uint32_t k = 1; share > 0 && k <= m->path[i][0]; k++) w->layer[m->path[i][k]] += share;
  }
}

/* --- the bound ------------------------------------------------------------------------------------------------------
 */

static struct placement_weights weights_new(const struct placement_problem *p, struct arena *scratch) {
  struct placement_weights w = {ARENA_NEW(scratch, double, p->n_devices), ARENA_NEW(scratch, double, p->n_layers),
                                ARENA_NEW(scratch, double, PLACEMENT_MOST_PATHS),
                                ARENA_NEW(scratch, double, p->n_devices)};
  for (size_t d = 0; d < p->n_devices; d++) w.device[d] = 1 / (double)p->n_devices;
  return w;
}

static void weights_mix(const struct placement_problem *p, struct placement_weights *to,
                        const struct placement_weights *with, double share) {
  for (size_t d = 0; d < p->n_devices; d++) {
    to->device[d] += share * (with->device[d] - to->device[d]);
    to->memory[d] += share * (with->memory[d] - to->memory[d]);
  }
  for (size_t l = 0; l < p->n_layers; l++) to->layer[l] += share * (with->layer[l] - to->layer[l]);
  for (size_t i = 0; i < PLACEMENT_MOST_PATHS; i++) to->path[i] += share * (with->path[i] - to->path[i]);
}

/* Weights known from elsewhere; of paths only those of devices, which any set of layers has. */
static void start_with(const struct placement_problem *p, const struct placement_multipliers *start,
                       struct placement_weights *w) {
  double sum = 0;
  for (size_t d = 0; d < p->n_devices; d++) sum += start->device[d];
  for (size_t d = 0; sum > 0 && d < p->n_devices; d++) w->device[d] = start->device[d] / sum;
}

static double prove(struct placement_forest *forest, const struct placement_weights *w) {
  double value = placement_forest_solve(forest, w);
  for (size_t d = 0; d < forest->costs->problem->n_devices; d++) {
    if (forest->room[d] < INFINITY) value -= w->memory[d] * forest->room[d];
  }
  placement_forest_place(forest, w);
  return value;
}

/* Into room that the caller gave: paths of no weight are dropped. */
static void keep_paths(const struct master *m, const struct placement_weights *best,
                       struct placement_multipliers *keep) {
  keep->n_paths = 0;
  for (int i = 0; i < m->n_paths; i++) {
    if (!(best->path[i] > 0)) continue;
    keep->share[keep->n_paths] = best->path[i];
    memcpy(keep->path[keep->n_paths++], m->path[i], (m->path[i][0] + 1) * sizeof **m->path);
  }
}

double placement_load_bound(const struct placement_costs *costs, const struct placement_load *load,
                            struct arena *scratch, struct placement_multipliers *keep) {
  const struct placement_problem *p = costs->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct placement_forest forest;
  placement_forest_init(&forest, costs, load, scratch);
  struct placement_weights best = weights_new(p, scratch), now = weights_new(p, scratch);
  if (load->start != NULL) start_with(p, load->start, &now), weights_mix(p, &best, &now, 1);
  double bound_s = prove(&forest, &now), scale_s = bound_s;
  for (size_t d = 0; d < p->n_devices; d++) scale_s = fmax(scale_s, forest.load_s[d]);
  if (scale_s > 0) {
    struct master master;
    master_init(&master, &forest, scale_s, scratch);
    for (size_t round = 1;; round++) {
      add_column(&master, &forest);
      if (round >= load->max_rounds || !solve_master(&master)) break;
      if (round % PATH_EVERY == 0 && add_path(&master, &forest) && !solve_master(&master)) break;
      const bool met = glp_get_obj_val(master.lp) * scale_s <= bound_s * (1 + converged);
      if (met && (!add_path(&master, &forest) || !solve_master(&master))) break;
      read_weights(&master, &forest, &now);
      if (round > 2) weights_mix(p, &now, &best, smoothing);
      const double value_s = prove(&forest, &now);
      if (value_s <= bound_s) continue;
      bound_s = value_s;
      weights_mix(p, &best, &now, 1);
    }
    glp_delete_prob(master.lp);
    if (keep != NULL) keep_paths(&master, &best, keep);
  }
  if (keep != NULL) {
    memcpy(keep->device, best.device, p->n_devices * sizeof *best.device);
    memcpy(keep->layer, best.layer, p->n_layers * sizeof *best.layer);
    memcpy(keep->memory, best.memory, p->n_devices * sizeof *best.memory);
  }
  arena_rewind(scratch, mark);
  return placement_round_down(bound_s);
}

struct placement_multipliers placement_multipliers_new(const struct placement_problem *problem, struct arena *arena) {
  struct placement_multipliers multipliers = {.device = ARENA_NEW(arena, double, problem->n_devices),
                                              .layer = ARENA_NEW(arena, double, problem->n_layers),
                                              .memory = ARENA_NEW(arena, double, problem->n_devices),
                                              .share = ARENA_NEW(arena, double, PLACEMENT_MOST_PATHS),
                                              .path = ARENA_NEW(arena, uint32_t *, PLACEMENT_MOST_PATHS)};
  for (size_t i = 0; i < PLACEMENT_MOST_PATHS; i++) {
    multipliers.path[i] = ARENA_NEW(arena, uint32_t, problem->n_layers + 1);
  }
  return multipliers;
}

double placement_priced_sum(const struct placement_costs *costs, const double *price, struct arena *scratch,
                            uint32_t *device) {
  const struct placement_problem *p = costs->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct placement_load load = {.last = PLACEMENT_NONE, .max_rounds = 1};
  struct placement_forest forest;
  placement_forest_init(&forest, costs, &load, scratch);
  struct placement_weights w = weights_new(p, scratch);
  memcpy(w.device, price, p->n_devices * sizeof *price);
  const double sum = placement_forest_solve(&forest, &w);
  if (device != NULL) {
    placement_forest_place(&forest, &w);
    memcpy(device, forest.device, p->n_layers * sizeof *device);
  }
  arena_rewind(scratch, mark);
  return placement_round_down(sum);
}

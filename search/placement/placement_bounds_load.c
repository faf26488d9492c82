/* How early can the busiest device be done? (placement §7, load and ancestor; Lagrangean relaxation solved as a master
 * program over columns, Dantzig and Wolfe 1960, duals smoothed after Wentges 1997.)
 *
 * A makespan is at least every device's load and the length of every path of layers; so it is at least any mean of
 * these; so of windows, sets of a device's layers between heads and tails (placement_bounds_windows.h). For given
 * weights of the mean, the cheapest placement of all layers is found exactly along a forest that joins each layer with
 * one of its readers: what fusion saves counts only where both stand on one device. Edges outside the forest are
 * granted whatever they could save. GLPK's master program over the placements found only proposes weights; each
 * proposal is a bound by itself, in our own arithmetic. Leaves out orders: any device is busy without gaps. */
#include "search/placement/placement_bounds_forest.h"
#include "search/placement/placement_bounds_windows.h"
#include <glpk.h>
#include <math.h>
#include <string.h>

enum { PATH_EVERY = 3, WINDOWS_EVERY = 4, MOST_ITERATIONS = 10000 /* degenerate programs may go in circles */ };
static const double smoothing = 0.6;
static const double converged = 1e-9;
static const double window_excess = 1e-6; /* a window that is longer by less is not worth a row */
static const double shortage_price = 1e3; /* of memory, per share of it, in units of the first bound */

/* --- the master program ---------------------------------------------------------------------------------------------
 */

struct master {
  const struct placement_problem *problem;
  glp_prob *lp;
  double scale_s;
  int n_paths, first_column, n_columns;
  double **duration_s; /* of each column; NULL: neither paths nor windows are wanted */
  uint32_t **path;     /* of each path: its length, its layers */
  int *path_row;
  struct placement_windows *windows; /* NULL: not wanted */
  uint32_t **device;                 /* of each column; NULL: no windows */
  int *window_row;
  int *index;
  double *values, *mean_s, *longest_s;
  uint32_t *from;
  struct arena *scratch;
};
/* Rows: 1 the mean; then a load a device, a memory a device, the paths and windows as they come. Columns: 1 the
 * makespan; then a shortage of memory a device, the placements. */

static void master_init(struct master *m, const struct placement_forest *forest, double scale_s,
                        struct arena *scratch) {
  const struct placement_problem *p = forest->costs->problem;
  const size_t n_devices = p->n_devices, rounds = 2 * forest->load->max_rounds;
  const size_t most = 2 + 2 * n_devices + PLACEMENT_MOST_PATHS + PLACEMENT_MOST_WINDOWS + rounds;
  *m = (struct master){.problem = p, .scale_s = scale_s, .scratch = scratch, .first_column = 2 + (int)n_devices};
  m->index = ARENA_NEW(scratch, int, most);
  m->values = ARENA_NEW(scratch, double, most);
  m->windows = forest->load->windows;
  if (m->windows != NULL) {
    m->device = ARENA_NEW(scratch, uint32_t *, rounds);
    m->window_row = ARENA_NEW(scratch, int, PLACEMENT_MOST_WINDOWS);
  }
  if (forest->load->paths || m->windows != NULL) m->duration_s = ARENA_NEW(scratch, double *, rounds);
  if (forest->load->paths) {
    m->path = ARENA_NEW(scratch, uint32_t *, PLACEMENT_MOST_PATHS);
    m->path_row = ARENA_NEW(scratch, int, PLACEMENT_MOST_PATHS);
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

/* Of a column: its layers in the window between the least head and the least tail. */
static double window_length(const struct master *m, size_t window, int column) {
  const struct placement_window *w = &m->windows->window[window];
  double sum_s = w->head_s + w->tail_s;
  for (size_t l = 0; l < m->problem->n_layers; l++) {
    if (m->device[column][l] != w->device || !placement_window_has(m->windows, window, l)) continue;
    sum_s += m->duration_s[column][l];
  }
  return sum_s;
}

static double memory_unit(double room) { return room > 0 ? room : 1; }

/* The column to come: where it places layers, and its place in the windows' rows. Of tensors that are cut windows hold
 * the computation alone. */
static int add_to_windows(struct master *m, const struct placement_forest *forest, int n) {
  const struct placement_problem *p = m->problem;
  uint32_t *device = m->device[m->n_columns] = ARENA_NEW(m->scratch, uint32_t, p->n_layers);
  double *kept = m->duration_s[m->n_columns];
  memcpy(device, forest->device, p->n_layers * sizeof *device);
  for (size_t l = 0; forest->costs->coupling == PLACEMENT_CUTS && l < p->n_layers; l++) {
    kept[l] = placement_own_s(forest->costs, l, device[l]);
  }
  for (size_t i = 0; i < m->windows->n; i++) {
    m->index[++n] = m->window_row[i];
    m->values[n] = window_length(m, i, m->n_columns) / m->scale_s;
  }
  return n;
}

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
      m->index[++n] = m->path_row[i];
      m->values[n] = path_length(m->path[i], kept) / m->scale_s;
    }
  }
  if (m->windows != NULL) n = add_to_windows(m, forest, n);
  const int column = glp_add_cols(m->lp, 1);
  glp_set_col_bnds(m->lp, column, GLP_LO, 0, 0);
  glp_set_mat_col(m->lp, column, n, m->index, m->values);
  m->n_columns++;
}

static bool solve_master(struct master *m) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = MOST_ITERATIONS;
  if (glp_simplex(m->lp, &simplex) == 0 && glp_get_status(m->lp) == GLP_OPT) return true;
  glp_std_basis(m->lp); /* a basis gone bad: once more from the start */
  return glp_simplex(m->lp, &simplex) == 0 && glp_get_status(m->lp) == GLP_OPT;
}

/* A path that is longer than the master's makespan, by the mean durations of its columns. */
static bool add_path(struct master *m, const struct placement_forest *forest) {
  const struct placement_problem *p = m->problem;
  if (m->path == NULL || m->n_paths >= PLACEMENT_MOST_PATHS) return false;
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
  const int row = m->path_row[m->n_paths - 1] = glp_add_rows(m->lp, 1);
  glp_set_row_bnds(m->lp, row, GLP_UP, 0, 0);
  m->index[1] = 1, m->values[1] = -1;
  for (int k = 0; k < m->n_columns; k++) {
    m->index[2 + k] = m->first_column + k;
    m->values[2 + k] = path_length(path, m->duration_s[k]) / m->scale_s;
  }
  glp_set_mat_row(m->lp, row, 1 + m->n_columns, m->index, m->values);
  return true;
}

/* Windows that are longer than the master's makespan, by the mean of its columns. */
static bool add_windows(struct master *m) {
  if (m->windows == NULL) return false;
  const struct placement_problem *p = m->problem;
  memset(m->windows->load_s, 0, p->n_layers * p->n_devices * sizeof *m->windows->load_s);
  for (int k = 0; k < m->n_columns; k++) {
    const double share = glp_get_col_prim(m->lp, m->first_column + k);
    for (size_t l = 0; share > 0 && l < p->n_layers; l++) {
      m->windows->load_s[placement_at(p, l, m->device[k][l])] += share * m->duration_s[k][l];
    }
  }
  const size_t before = m->windows->n;
  placement_windows_add(m->windows, glp_get_col_prim(m->lp, 1) * m->scale_s * (1 + window_excess));
  for (size_t i = before; i < m->windows->n; i++) {
    const int row = m->window_row[i] = glp_add_rows(m->lp, 1);
    glp_set_row_bnds(m->lp, row, GLP_UP, 0, 0);
    m->index[1] = 1, m->values[1] = -1;
    for (int k = 0; k < m->n_columns; k++) {
      m->index[2 + k] = m->first_column + k;
      m->values[2 + k] = window_length(m, i, k) / m->scale_s;
    }
    glp_set_mat_row(m->lp, row, 1 + m->n_columns, m->index, m->values);
  }
  return m->windows->n > before;
}

/* The windows' part of the weights: duals, and what they make of a layer's time on a device. */
static void read_windows(const struct master *m, double sum, struct placement_weights *w) {
  const struct placement_problem *p = m->problem;
  if (m->windows == NULL) return;
  memset(w->at, 0, p->n_layers * p->n_devices * sizeof *w->at);
  memset(w->window, 0, PLACEMENT_MOST_WINDOWS * sizeof *w->window);
  for (size_t i = 0; i < m->windows->n; i++) {
    const double share = w->window[i] = fmax(0, -glp_get_row_dual(m->lp, m->window_row[i])) / sum;
    const uint32_t d = m->windows->window[i].device;
    for (size_t l = 0; share > 0 && l < p->n_layers; l++) {
      if (placement_window_has(m->windows, i, l)) w->at[placement_at(p, l, d)] += share;
    }
  }
}

/* Weights from the master's duals, ≥ 0 and of sum 1 over devices, paths and windows. */
static void read_weights(const struct master *m, const struct placement_forest *forest, struct placement_weights *w) {
  const int n_devices = (int)m->problem->n_devices;
  double sum = 0;
  memset(w->layer, 0, m->problem->n_layers * sizeof *w->layer);
  memset(w->path, 0, PLACEMENT_MOST_PATHS * sizeof *w->path);
  for (int d = 0; d < n_devices; d++) sum += w->device[d] = fmax(0, -glp_get_row_dual(m->lp, 2 + d));
  for (int i = 0; i < m->n_paths; i++) sum += fmax(0, -glp_get_row_dual(m->lp, m->path_row[i]));
  for (size_t i = 0; m->windows != NULL && i < m->windows->n; i++) {
    sum += fmax(0, -glp_get_row_dual(m->lp, m->window_row[i]));
  }
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
    const double share = fmax(0, -glp_get_row_dual(m->lp, m->path_row[i])) / sum;
    w->path[i] = share;
    for (uint32_t k = 1; share > 0 && k <= m->path[i][0]; k++) w->layer[m->path[i][k]] += share;
  }
  read_windows(m, sum, w);
}

/* --- the bound ------------------------------------------------------------------------------------------------------
 */

static struct placement_weights weights_new(const struct placement_problem *p, bool windows, struct arena *scratch) {
  struct placement_weights w = {.device = ARENA_NEW(scratch, double, p->n_devices),
                                .layer = ARENA_NEW(scratch, double, p->n_layers),
                                .path = ARENA_NEW(scratch, double, PLACEMENT_MOST_PATHS),
                                .memory = ARENA_NEW(scratch, double, p->n_devices)};
  if (windows) {
    w.window = ARENA_NEW(scratch, double, PLACEMENT_MOST_WINDOWS);
    w.at = ARENA_NEW(scratch, double, p->n_layers * p->n_devices);
  }
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
  if (to->at == NULL) return;
  for (size_t i = 0; i < PLACEMENT_MOST_WINDOWS; i++) to->window[i] += share * (with->window[i] - to->window[i]);
  for (size_t i = 0; i < p->n_layers * p->n_devices; i++) to->at[i] += share * (with->at[i] - to->at[i]);
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
  const struct placement_windows *windows = forest->load->windows;
  for (size_t i = 0; windows != NULL && i < windows->n; i++) {
    value += w->window[i] * (windows->window[i].head_s + windows->window[i].tail_s);
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

static void keep_weights(const struct placement_problem *p, const struct master *m,
                         const struct placement_weights *best, struct placement_multipliers *keep) {
  keep->n_paths = 0;
  if (m != NULL) keep_paths(m, best, keep);
  memcpy(keep->device, best->device, p->n_devices * sizeof *best->device);
  memcpy(keep->layer, best->layer, p->n_layers * sizeof *best->layer);
  memcpy(keep->memory, best->memory, p->n_devices * sizeof *best->memory);
}

struct climb {
  const struct placement_load *load;
  struct placement_forest forest;
  struct placement_weights best, now;
  struct placement_multipliers *keep; /* of the bound without windows; NULL: not wanted */
  double bound_s;
  size_t rounds;
  bool windows;
};

/* Devices and paths have said all that they can: now windows, from all that was found. */
static bool begin_windows(struct climb *c, const struct master *m) {
  struct placement_windows *windows = c->load->windows;
  if (windows == NULL || c->windows) return false;
  if (c->keep != NULL) keep_weights(m->problem, m, &c->best, c->keep);
  windows->without_s = placement_round_down(c->bound_s);
  windows->floor_s = fmax(windows->floor_s, windows->without_s);
  return c->windows = true;
}

static bool add_rows(struct climb *c, struct master *m) {
  if (add_path(m, &c->forest)) return true;
  begin_windows(c, m);
  return c->windows && add_windows(m);
}

static void climb(struct climb *c, struct master *m) {
  for (size_t round = 1;; round++) {
    add_column(m, &c->forest);
    if (round >= c->rounds) {
      if (!begin_windows(c, m)) break;
      c->rounds += c->load->max_rounds / 2;
    }
    if (!solve_master(m)) break;
    if (round % PATH_EVERY == 0 && add_path(m, &c->forest) && !solve_master(m)) break;
    if (c->windows && round % WINDOWS_EVERY == 0 && add_windows(m) && !solve_master(m)) break;
    const bool met = glp_get_obj_val(m->lp) * m->scale_s <= c->bound_s * (1 + converged);
    if (met && (!add_rows(c, m) || !solve_master(m))) break;
    read_weights(m, &c->forest, &c->now);
    if (round > 2) weights_mix(m->problem, &c->now, &c->best, smoothing);
    const double value_s = prove(&c->forest, &c->now);
    if (value_s <= c->bound_s) continue;
    c->bound_s = value_s;
    weights_mix(m->problem, &c->best, &c->now, 1);
  }
}

double placement_load_bound(const struct placement_costs *costs, const struct placement_load *load,
                            struct arena *scratch, struct placement_multipliers *keep) {
  const struct placement_problem *p = costs->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool windows = load->windows != NULL;
  struct climb c = {.load = load,
                    .best = weights_new(p, windows, scratch),
                    .now = weights_new(p, windows, scratch),
                    .keep = keep,
                    .rounds = load->max_rounds};
  placement_forest_init(&c.forest, costs, load, scratch);
  if (load->start != NULL) start_with(p, load->start, &c.now), weights_mix(p, &c.best, &c.now, 1);
  c.bound_s = prove(&c.forest, &c.now);
  double scale_s = c.bound_s;
  for (size_t d = 0; d < p->n_devices; d++) scale_s = fmax(scale_s, c.forest.load_s[d]);
  if (keep != NULL) keep_weights(p, NULL, &c.best, keep);
  if (windows) load->windows->without_s = placement_round_down(c.bound_s);
  if (scale_s > 0) {
    struct master master;
    master_init(&master, &c.forest, scale_s, scratch);
    climb(&c, &master);
    if (!c.windows && windows) load->windows->without_s = placement_round_down(c.bound_s);
    if (!c.windows && keep != NULL) keep_weights(p, &master, &c.best, keep);
    glp_delete_prob(master.lp);
  }
  arena_rewind(scratch, mark);
  return placement_round_down(c.bound_s);
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
  struct placement_weights w = weights_new(p, false, scratch);
  memcpy(w.device, price, p->n_devices * sizeof *price);
  const double sum = placement_forest_solve(&forest, &w);
  if (device != NULL) {
    placement_forest_place(&forest, &w);
    memcpy(device, forest.device, p->n_layers * sizeof *device);
  }
  arena_rewind(scratch, mark);
  return placement_round_down(sum);
}

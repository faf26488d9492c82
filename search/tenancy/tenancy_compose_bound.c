/* What can no composition beat? See tenancy_compose.h.
 *
 * With S = 1 / makespan and w the jobs of a kind on a group of equal designs times S, everything is linear, although
 * loads are shared by numbers of cores that are themselves chosen (tenancy §13, B2 with integer counts): maximise S
 * with Σ_g w_kg = n_k S for each kind, Σ_k l w_kg ≤ Σ_{d in g} y_d for each group, Σ a w / B ≤ 1, y whole and within
 * the limits. Any mapping of any composition gives such numbers. Left out: what jobs that alone need more than B add to
 * every core's time; the bounds of each composition have it. */
#include "search/tenancy/tenancy_compose.h"
#include "search/tenancy/tenancy_kinds.h"

#include <glpk.h>
#include <math.h>
#include <string.h>

/* Above GLPK's tolerances (1e-7 of rows near 1), as for the bound with whole jobs. */
static const double margin = 1e-6;
static const double nearly_whole = 1e-6;
enum { SIMPLEX_STEPS = 200000, MOST_PAIRS = 1 << 18 };

struct program {
  const struct tenancy_parts *parts;
  const struct tenancy_kinds *kinds;
  glp_prob *glpk;
  double unit_cycles; /* of S: values near 1 */
  int rate, first_count;
  int *rows; /* of the column at work, from 1 */
  double *values;
};

enum { ROW_BYTES = 1, ROW_CORES, ROW_AREA, ROW_POWER, FIRST_GROUP };

static int term(const struct program *program, int n, int row, double value) {
  if (value == 0) return n;
  program->rows[n + 1] = row, program->values[n + 1] = value;
  return n + 1;
}

static int group_row(size_t group) { return FIRST_GROUP + (int)group; }
static int kind_row(const struct program *program, size_t kind) {
  return FIRST_GROUP + (int)program->kinds->n_groups + (int)kind;
}

static void add_rows(const struct program *program) {
  const struct tenancy_parts *const parts = program->parts;
  const struct tenancy_kinds *const kinds = program->kinds;
  glp_prob *const glpk = program->glpk;
  glp_add_rows(glpk, FIRST_GROUP - 1 + (int)(kinds->n_groups + kinds->n_kinds));
  glp_set_row_bnds(glpk, ROW_BYTES, GLP_UP, 0, 1);
  glp_set_row_bnds(glpk, ROW_CORES, GLP_UP, 0, parts->most_cores);
  const bool area = isfinite(parts->most_area_mm2), power = parts->power_w != NULL && isfinite(parts->most_power_w);
  glp_set_row_bnds(glpk, ROW_AREA, area ? GLP_UP : GLP_FR, 0, 1);
  glp_set_row_bnds(glpk, ROW_POWER, power ? GLP_UP : GLP_FR, 0, 1);
  for (size_t g = 0; g < kinds->n_groups; g++) glp_set_row_bnds(glpk, group_row(g), GLP_UP, 0, 0);
  for (size_t k = 0; k < kinds->n_kinds; k++) glp_set_row_bnds(glpk, kind_row(program, k), GLP_FX, 0, 0);
}

/* S, which is least with its sign turned. */
static void add_rate(struct program *program) {
  const struct tenancy_kinds *const kinds = program->kinds;
  int n = 0;
  program->rate = glp_add_cols(program->glpk, 1);
  glp_set_obj_coef(program->glpk, program->rate, -1);
  for (size_t k = 0; k < kinds->n_kinds; k++) n = term(program, n, kind_row(program, k), -(double)kinds->n_of[k]);
  glp_set_col_bnds(program->glpk, program->rate, GLP_LO, 0, 0);
  glp_set_mat_col(program->glpk, program->rate, n, program->rows, program->values);
}

static void add_counts(struct program *program) {
  const struct tenancy_parts *const parts = program->parts;
  program->first_count = program->rate + 1;
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
    const int column = glp_add_cols(program->glpk, 1);
    int n = term(program, 0, ROW_CORES, 1);
    if (isfinite(parts->most_area_mm2)) n = term(program, n, ROW_AREA, parts->area_mm2[d] / parts->most_area_mm2);
    if (parts->power_w != NULL && isfinite(parts->most_power_w))
      n = term(program, n, ROW_POWER, parts->power_w[d] / parts->most_power_w);
    n = term(program, n, group_row(parts->jobs->group_of[d]), -1);
    glp_set_mat_col(program->glpk, column, n, program->rows, program->values);
    const uint32_t most = tenancy_composition_most(parts, d);
    glp_set_col_bnds(program->glpk, column, most > 0 ? GLP_DB : GLP_FX, 0, most);
    glp_set_col_kind(program->glpk, column, GLP_IV);
  }
}

static void add_jobs(struct program *program) {
  const struct tenancy_kinds *const kinds = program->kinds;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (!kinds_can(kinds, k, g)) continue;
      const int column = glp_add_cols(program->glpk, 1);
      int n = term(program, 0, kind_row(program, k), 1);
      n = term(program, n, group_row(g), kinds->latency[at] / program->unit_cycles);
      n = term(program, n, ROW_BYTES, kinds->busy[at] / program->unit_cycles);
      glp_set_mat_col(program->glpk, column, n, program->rows, program->values);
      glp_set_col_bnds(program->glpk, column, GLP_LO, 0, 0);
    }
  }
}

/* The longest job alone, on the design that suits it among those of which one fits; and a unit near the answer. */
static double longest_job(const struct tenancy_parts *parts, const struct tenancy_kinds *kinds, double *sum_cycles) {
  double longest = 0;
  bool fits[TENANCY_MAX_CORES] = {false};
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
    if (tenancy_composition_most(parts, d) > 0) fits[parts->jobs->group_of[d]] = true;
  }
  *sum_cycles = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    double least = (double)INFINITY, latency = (double)INFINITY;
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (!kinds_can(kinds, k, g)) continue;
      if (fits[g]) least = fmin(least, fmax(kinds->latency[at], kinds->busy[at]));
      latency = fmin(latency, kinds->latency[at]);
    }
    longest = fmax(longest, least);
    *sum_cycles += kinds->n_of[k] * latency;
  }
  return isfinite(longest) ? tenancy_round_down(longest, 2) : 0; /* a job that no platform runs has no bound */
}

struct watch {
  uint64_t max_nodes;
  double bound; /* of the open nodes when the solver was last asked */
};

static void watch_tree(glp_tree *tree, void *context) {
  struct watch *const watch = context;
  int n_total;
  glp_ios_tree_size(tree, NULL, NULL, &n_total);
  const int best = glp_ios_best_node(tree);
  if (best != 0) watch->bound = fmax(watch->bound, glp_ios_node_bound(tree, best));
  if ((uint64_t)n_total >= watch->max_nodes) glp_ios_terminate(tree);
}

/* −S at least; 1: nothing is known. */
static double solve(const struct program *program, uint64_t max_nodes, uint32_t *count) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = SIMPLEX_STEPS;
  if (glp_simplex(program->glpk, &simplex) != 0 || glp_get_status(program->glpk) != GLP_OPT) return 1;
  struct watch watch = {.max_nodes = max_nodes, .bound = glp_get_obj_val(program->glpk)};
  glp_iocp integer;
  glp_init_iocp(&integer);
  integer.msg_lev = GLP_MSG_OFF;
  integer.cb_func = watch_tree;
  integer.cb_info = &watch;
  const int end = glp_intopt(program->glpk, &integer);
  const int status = glp_mip_status(program->glpk);
  if (status == GLP_OPT || status == GLP_FEAS) {
    for (size_t d = 0; d < tenancy_parts_n(program->parts); d++) {
      const double y = glp_mip_col_val(program->glpk, program->first_count + (int)d);
      count[d] = (uint32_t)fmax(0, floor(y + nearly_whole));
    }
  }
  if (end == 0 && status == GLP_OPT) watch.bound = glp_mip_obj_val(program->glpk);
  return end == 0 || end == GLP_ESTOP ? watch.bound : 1;
}

double tenancy_compositions_bound(const struct tenancy_parts *parts, uint64_t max_nodes, struct arena *arena,
                                  uint32_t *count) {
  struct tenancy_kinds kinds;
  const size_t n_designs = tenancy_parts_n(parts);
  memset(count, 0, n_designs * sizeof *count);
  tenancy_kinds_init(&kinds, parts->jobs, arena);
  double sum_cycles;
  const double longest_cycles = longest_job(parts, &kinds, &sum_cycles);
  if (kinds.n_kinds * kinds.n_groups > MOST_PAIRS) return longest_cycles;
  struct program program = {.parts = parts,
                            .kinds = &kinds,
                            .unit_cycles = sum_cycles / parts->most_cores,
                            .rows = ARENA_NEW(arena, int, kinds.n_kinds + 8),
                            .values = ARENA_NEW(arena, double, kinds.n_kinds + 8)};
  glp_term_out(GLP_OFF);
  program.glpk = glp_create_prob();
  glp_set_obj_dir(program.glpk, GLP_MIN);
  add_rows(&program);
  add_rate(&program);
  add_counts(&program);
  add_jobs(&program);
  glp_adv_basis(program.glpk, 0);
  const double objective = solve(&program, max_nodes, count);
  glp_delete_prob(program.glpk);
  if (!tenancy_composition_fits(parts, count)) memset(count, 0, n_designs * sizeof *count);
  if (!(objective < 0)) return longest_cycles;
  return fmax(longest_cycles, program.unit_cycles / -objective * (1 - margin));
}

/* How long must it take if configurations of jobs that run together may be cut at will? (B4.)
 *
 * Minimise Σ_K z_K max(1, R_K/B) so that every job is done: Σ_K z_K Σ_g K_kg / l_kg ≥ n_k for every kind (tenancy §4;
 * jobs of a kind share a row, for an optimum treats them alike; ≥ for =, because doing less of a configuration never
 * costs more). Column generation: a master program over the configurations known (GLPK), and pricing
 * (tenancy_pricing.h) for those that would help. Any u ≥ 0 prove Σ n_k u_k / max(1, ρ), ρ the best configuration's
 * worth at u, so that the bound is valid whenever we stop, whatever GLPK's tolerances.
 *
 * Multipliers are smoothed between the best proven ones and the master's (Wentges 1997; Pessoa et al. 2018), which
 * saves most of the rounds; the first are B2's, which are feasible here. */
#include "search/tenancy/tenancy_bounds_private.h"
#include "search/tenancy/tenancy_pricing.h"

#include <glpk.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double converged = 1e-10, smoothing = 0.7, improves = 1e-9;
/* Rounding in the enumeration's sums of at most 256 + 1 terms near 1. */
static const double pricing_margin = 1e-12;
enum { MOST_PAIRS = 4096 };

struct columns {
  const struct tenancy_kinds *kinds;
  struct arena *arena;
  glp_prob *glpk;
  struct tenancy_pricing *pricing;
  double unit_cycles;
  double *least; /* [n_kinds] shortest latency: scales the row */
  size_t n, limit;
  struct tenancy_configuration **of; /* [limit] by column − 1 */
  double *master, *proven, *tried;   /* [n_kinds] u, cycles a job */
  double *value;                     /* [n_kinds * n_groups] u / l */
  double proven_cycles, master_cycles;
  struct tenancy_priced *priced;
  int *rows;
  double *values;
};

static double cost_of(const struct tenancy_configuration *configuration) { return fmax(1, configuration->share); }

/* Σ_k u_k × jobs done a cycle. */
static double worth_at(const struct columns *columns, const struct tenancy_configuration *configuration,
                       const double *u) {
  double sum = 0;
  for (size_t i = 0; i < configuration->n_parts; i++) {
    const size_t at = configuration->at[i];
    sum += configuration->n_jobs[i] * u[at / columns->kinds->n_groups] / columns->kinds->latency[at];
  }
  return sum;
}

static bool add_column(struct columns *columns, const struct tenancy_configuration *configuration) {
  if (columns->n == columns->limit) return false;
  struct tenancy_configuration *kept = (struct tenancy_configuration *)arena_alloc(columns->arena, 1, sizeof *kept);
  *kept = *configuration;
  columns->of[columns->n++] = kept;
  int n = 0;
  for (size_t i = 0; i < kept->n_parts; i++) {
    const size_t at = kept->at[i];
    const int row = 1 + (int)(at / columns->kinds->n_groups);
    const double done = kept->n_jobs[i] * columns->least[row - 1] / columns->kinds->latency[at];
    if (n > 0 && columns->rows[n] == row) {
      columns->values[n] += done; /* the same kind on another group: parts are sorted by kind */
    } else {
      columns->rows[++n] = row, columns->values[n] = done;
    }
  }
  const int column = glp_add_cols(columns->glpk, 1);
  glp_set_mat_col(columns->glpk, column, n, columns->rows, columns->values);
  glp_set_col_bnds(columns->glpk, column, GLP_LO, 0, 0);
  glp_set_obj_coef(columns->glpk, column, cost_of(kept));
  return true;
}

static void build(struct columns *columns) {
  const struct tenancy_kinds *kinds = columns->kinds;
  columns->glpk = glp_create_prob();
  glp_set_obj_dir(columns->glpk, GLP_MIN);
  glp_add_rows(columns->glpk, (int)kinds->n_kinds);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    columns->least[k] = INFINITY;
    for (size_t g = 0; g < kinds->n_groups; g++)
      if (kinds_can(kinds, k, g)) columns->least[k] = fmin(columns->least[k], kinds->latency[kinds_at(kinds, k, g)]);
    glp_set_row_bnds(columns->glpk, 1 + (int)k, GLP_LO, kinds->n_of[k] * columns->least[k] / columns->unit_cycles, 0);
  }
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (!kinds_can(kinds, k, g)) continue;
      uint32_t most = kinds->problem->group_size[g];
      if (most > kinds->n_of[k]) most = kinds->n_of[k];
      for (uint32_t n = 1; n <= most; n = n < most ? most : n + 1) {
        struct tenancy_configuration alone = {
            .share = n * kinds->share[at], .n_parts = 1, .at = {(uint32_t)at}, .n_jobs = {n}};
        add_column(columns, &alone);
      }
    }
  }
}

static bool solve_master(struct columns *columns) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = 100000;
  if (glp_simplex(columns->glpk, &simplex) != 0) {
    glp_adv_basis(columns->glpk, 0);
    if (glp_simplex(columns->glpk, &simplex) != 0) return false;
  }
  if (glp_get_status(columns->glpk) != GLP_OPT) return false;
  columns->master_cycles = glp_get_obj_val(columns->glpk) * columns->unit_cycles;
  for (size_t k = 0; k < columns->kinds->n_kinds; k++)
    columns->master[k] = fmax(0, glp_get_row_dual(columns->glpk, 1 + (int)k)) * columns->least[k];
  return true;
}

/* Prices at `tried`; keeps the multipliers if they prove more. Returns how many columns came in that the master wants.
 */
static size_t price(struct columns *columns, uint64_t *work) {
  const struct tenancy_kinds *kinds = columns->kinds;
  double sum = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    sum += kinds->n_of[k] * columns->tried[k];
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (kinds_can(kinds, k, g)) columns->value[at] = columns->tried[k] / kinds->latency[at];
    }
  }
  tenancy_price(columns->pricing, columns->value, 1, work, columns->priced);
  const double scale = fmax(1, columns->priced->most * (1 + pricing_margin) + pricing_margin);
  const double proves = tenancy_round_down(sum / scale, kinds->n_kinds);
  if (proves > columns->proven_cycles) {
    columns->proven_cycles = proves;
    for (size_t k = 0; k < kinds->n_kinds; k++) columns->proven[k] = columns->tried[k] / scale;
  }
  size_t n = 0;
  for (size_t i = 0; i < columns->priced->n; i++) {
    const struct tenancy_configuration *found = &columns->priced->found[i];
    if (worth_at(columns, found, columns->master) > cost_of(found) * (1 + improves)) n += add_column(columns, found);
  }
  return n;
}

static void generate(struct columns *columns, uint64_t work) {
  const struct tenancy_kinds *kinds = columns->kinds;
  const char *v = getenv("B4V");
  for (size_t round = 0; columns->n < columns->limit && work > 0; round++) {
    if (!solve_master(columns)) return;
    if (v)
      printf("  %zu master %.3f proven %.3f n %zu work %g\n", round, columns->master_cycles, columns->proven_cycles,
             columns->n, (double)work);
    if (columns->proven_cycles >= columns->master_cycles * (1 - converged)) return;
    size_t n = 0;
    for (double keep = smoothing; n == 0 && work > 0; keep -= 1 - smoothing) {
      const double part = fmax(0, keep);
      for (size_t k = 0; k < kinds->n_kinds; k++)
        columns->tried[k] = part * columns->proven[k] + (1 - part) * columns->master[k];
      n = price(columns, &work);
      if (part <= 0) break;
    }
    if (n == 0) return;
  }
}

/* --- what the last master program uses ------------------------------------------------------------------------------
 */

struct use {
  double z_cycles;
  size_t column;
};

static int longest_first(const void *a, const void *b) {
  const struct use *x = a, *y = b;
  if (x->z_cycles > y->z_cycles || x->z_cycles < y->z_cycles) return x->z_cycles > y->z_cycles ? -1 : 1;
  return x->column < y->column ? -1 : x->column > y->column;
}

static void report(const struct columns *columns, struct arena *arena, struct tenancy_bounds *bounds) {
  const struct tenancy_kinds *kinds = columns->kinds;
  struct use *uses = ARENA_NEW(arena, struct use, kinds->n_kinds + 1); /* a basis has no more */
  size_t n = 0, n_jobs = 0;
  for (size_t i = 0; i < columns->n && n < kinds->n_kinds; i++) {
    const double z = glp_get_col_prim(columns->glpk, (int)i + 1) * columns->unit_cycles;
    if (z > 1e-9 * columns->unit_cycles) uses[n++] = (struct use){.z_cycles = z, .column = i};
  }
  qsort(uses, n, sizeof *uses, longest_first);
  for (size_t i = 0; i < n; i++)
    for (size_t p = 0; p < columns->of[uses[i].column]->n_parts; p++) n_jobs += columns->of[uses[i].column]->n_jobs[p];
  double *z_cycles = ARENA_NEW(arena, double, n);
  uint32_t *first = ARENA_NEW(arena, uint32_t, n + 1), *job = ARENA_NEW(arena, uint32_t, n_jobs);
  uint32_t *group = ARENA_NEW(arena, uint32_t, n_jobs), end = 0;
  for (size_t i = 0; i < n; i++) {
    const struct tenancy_configuration *configuration = columns->of[uses[i].column];
    z_cycles[i] = uses[i].z_cycles;
    for (size_t p = 0; p < configuration->n_parts; p++) {
      for (uint32_t c = 0; c < configuration->n_jobs[p]; c++) {
        job[end] = kinds->job[kinds->start[configuration->at[p] / kinds->n_groups]];
        group[end++] = (uint32_t)(configuration->at[p] % kinds->n_groups);
      }
    }
    first[i + 1] = end;
  }
  bounds->n_configurations = n;
  bounds->z_cycles = z_cycles, bounds->first = first, bounds->job = job, bounds->group = group;
}

void tenancy_bound_columns(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                           const struct tenancy_weights *weights, struct arena *arena, struct tenancy_bounds *bounds) {
  if (settings->columns == 0 || kinds->n_kinds * kinds->n_groups > MOST_PAIRS) return;
  struct columns columns = {.kinds = kinds, .arena = arena, .limit = settings->columns};
  columns.unit_cycles = fmax(1, bounds->cycles[TENANCY_B2_LP]);
  columns.least = ARENA_NEW(arena, double, kinds->n_kinds);
  columns.of = ARENA_NEW(arena, struct tenancy_configuration *, columns.limit);
  columns.master = ARENA_NEW(arena, double, kinds->n_kinds);
  columns.proven = ARENA_NEW(arena, double, kinds->n_kinds);
  columns.tried = ARENA_NEW(arena, double, kinds->n_kinds);
  columns.value = ARENA_NEW(arena, double, kinds->n_kinds * kinds->n_groups);
  columns.rows = ARENA_NEW(arena, int, TENANCY_MAX_CORES + 1);
  columns.values = ARENA_NEW(arena, double, TENANCY_MAX_CORES + 1);
  columns.priced = ARENA_NEW(arena, struct tenancy_priced, 1);
  columns.pricing = tenancy_pricing_new(kinds, arena);
  build(&columns);
  for (size_t k = 0; k < kinds->n_kinds; k++) columns.proven[k] = tenancy_weighted_cost(kinds, weights, k);
  columns.proven_cycles = bounds->cycles[TENANCY_B2_LP];
  generate(&columns, settings->price_work);
  bounds->cycles[TENANCY_B4_CONFIGURATION_LP] = columns.proven_cycles;
  if (solve_master(&columns)) report(&columns, arena, bounds);
  tenancy_pricing_free(columns.pricing);
  glp_delete_prob(columns.glpk);
}

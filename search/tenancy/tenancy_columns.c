/* Column generation: a master program over the configurations known (GLPK), and pricing for those that would help. See
 * tenancy_columns.h.
 *
 * Any multipliers u ≥ 0, δ prove (Σ n_k u_k + Σ low δ⁺ − Σ high δ⁻) / max(1, ρ), ρ the worth of the best configuration
 * when a job is worth u + δ, so that the bound is valid whenever we stop, whatever GLPK's tolerances. Multipliers are
 * smoothed between the best proven ones and the master's (Wentges 1997, Annals of Operations Research 69; Pessoa et al.
 * 2018), which saves most of the rounds. */
#include "search/tenancy/tenancy_columns.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double smoothing = 0.7, improves = 1e-9, useless_cost = 0.01;
/* Rounding in the enumeration's sums of at most 256 + 1 terms near 1. */
static const double pricing_margin = 1e-12;
enum { SIMPLEX_STEPS = 3000, SMOOTH_STALLED = 4, MOST_STALLED = 60, DROP_COLUMNS_PER_ROW = 6 };

struct tenancy_columns {
  const struct tenancy_kinds *kinds;
  struct arena *arena;
  glp_prob *glpk;
  struct tenancy_pricing *pricing;
  double unit_cycles;
  double *least; /* [n_kinds] shortest latency: scales the row */
  int *pair_row; /* [n_kinds * n_groups]; 0: no box has needed one */
  size_t n, n_singles, limit;
  struct tenancy_configuration **of; /* [limit] by column − 1 */
  struct tenancy_multipliers master, tried;
  double *value; /* [n_kinds * n_groups] (u + δ) / l */
  struct tenancy_priced *priced;
  int *entries; /* of the row or column at work, from 1 */
  double *values;
};

static double cost_of(const struct tenancy_configuration *configuration) { return fmax(1, configuration->share); }

static size_t n_pairs(const struct tenancy_columns *columns) {
  return columns->kinds->n_kinds * columns->kinds->n_groups;
}

static bool boxed(const struct tenancy_columns *columns, const struct tenancy_box *box, size_t at) {
  return box->low[at] > 0 || box->high[at] < columns->kinds->n_of[at / columns->kinds->n_groups];
}

/* Done a cycle, in worth. */
static double worth_at(const struct tenancy_columns *columns, const struct tenancy_configuration *configuration,
                       const struct tenancy_multipliers *u) {
  double sum = 0;
  for (size_t i = 0; i < configuration->n_parts; i++) {
    const size_t at = configuration->parts[i].at;
    const double worth = u->of_kind[at / columns->kinds->n_groups] + u->of_pair[at];
    sum += configuration->parts[i].n_jobs * worth / columns->kinds->latency[at];
  }
  return sum;
}

/* In the master program already, and worth more than it costs only by the simplex method's tolerance? */
static bool known(const struct tenancy_columns *columns, const struct tenancy_configuration *configuration) {
  const size_t n_bytes = configuration->n_parts * sizeof *configuration->parts;
  for (size_t i = columns->n; i-- > 0;) {
    const struct tenancy_configuration *other = columns->of[i];
    if (other->n_parts == configuration->n_parts && memcmp(other->parts, configuration->parts, n_bytes) == 0)
      return true;
  }
  return false;
}

static bool add_column(struct tenancy_columns *columns, const struct tenancy_configuration *configuration) {
  if (columns->n == columns->limit) return false;
  struct tenancy_configuration *kept = ARENA_NEW(columns->arena, struct tenancy_configuration, 1);
  struct tenancy_part *parts = ARENA_NEW(columns->arena, struct tenancy_part, configuration->n_parts);
  memcpy(parts, configuration->parts, configuration->n_parts * sizeof *parts);
  *kept = *configuration;
  kept->parts = parts;
  columns->of[columns->n++] = kept;
  int n = 0;
  for (size_t i = 0; i < kept->n_parts; i++) {
    const size_t at = kept->parts[i].at;
    const int row = 1 + (int)(at / columns->kinds->n_groups);
    const double done = kept->parts[i].n_jobs * columns->least[row - 1] / columns->kinds->latency[at];
    int e = 1;
    while (e <= n && columns->entries[e] != row) e++;
    if (e > n) columns->entries[++n] = row, columns->values[n] = 0;
    columns->values[e] += done;
    if (columns->pair_row[at] == 0) continue;
    columns->entries[++n] = columns->pair_row[at], columns->values[n] = kept->parts[i].n_jobs;
  }
  const int column = glp_add_cols(columns->glpk, 1);
  glp_set_mat_col(columns->glpk, column, n, columns->entries, columns->values);
  glp_set_col_bnds(columns->glpk, column, GLP_LO, 0, 0);
  glp_set_obj_coef(columns->glpk, column, cost_of(kept));
  return true;
}

/* Every kind alone on every group, one job and as many as there are places: so that every box can be filled. */
static void add_singles(struct tenancy_columns *columns) {
  const struct tenancy_kinds *kinds = columns->kinds;
  for (size_t at = 0; at < n_pairs(columns); at++) {
    const size_t k = at / kinds->n_groups, g = at % kinds->n_groups;
    if (!kinds_can(kinds, k, g)) continue;
    uint32_t most = kinds->problem->group_size[g];
    if (most > kinds->n_of[k]) most = kinds->n_of[k];
    for (uint32_t n = 1; n <= most; n += most > 1 ? most - 1 : 1) {
      const struct tenancy_part part = {.at = (uint32_t)at, .n_jobs = n};
      const struct tenancy_configuration alone = {.share = n * kinds->share[at], .n_parts = 1, .parts = &part};
      add_column(columns, &alone);
    }
  }
}

static struct tenancy_multipliers new_multipliers(const struct tenancy_columns *columns) {
  return (struct tenancy_multipliers){.of_kind = ARENA_NEW(columns->arena, double, columns->kinds->n_kinds),
                                      .of_pair = ARENA_NEW(columns->arena, double, n_pairs(columns))};
}

struct tenancy_columns *tenancy_columns_new(const struct tenancy_kinds *kinds, double unit_cycles, size_t limit,
                                            struct arena *arena) {
  struct tenancy_pricing *pricing = tenancy_pricing_new(kinds, arena);
  if (pricing == NULL) return NULL;
  struct tenancy_columns *columns = ARENA_NEW(arena, struct tenancy_columns, 1);
  *columns = (struct tenancy_columns){.kinds = kinds, .arena = arena, .unit_cycles = unit_cycles, .limit = limit};
  columns->least = ARENA_NEW(arena, double, kinds->n_kinds);
  columns->pair_row = ARENA_NEW(arena, int, n_pairs(columns));
  columns->of = ARENA_NEW(arena, struct tenancy_configuration *, limit);
  columns->master = new_multipliers(columns), columns->tried = new_multipliers(columns);
  columns->value = ARENA_NEW(arena, double, n_pairs(columns));
  columns->entries = ARENA_NEW(arena, int, limit + 2 * TENANCY_MAX_CORES + 1);
  columns->values = ARENA_NEW(arena, double, limit + 2 * TENANCY_MAX_CORES + 1);
  columns->priced = ARENA_NEW(arena, struct tenancy_priced, 1);
  columns->pricing = pricing;
  columns->glpk = glp_create_prob();
  glp_set_obj_dir(columns->glpk, GLP_MIN);
  glp_add_rows(columns->glpk, (int)kinds->n_kinds);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    columns->least[k] = INFINITY;
    for (size_t g = 0; g < kinds->n_groups; g++)
      if (kinds_can(kinds, k, g)) columns->least[k] = fmin(columns->least[k], kinds->latency[kinds_at(kinds, k, g)]);
    glp_set_row_bnds(columns->glpk, 1 + (int)k, GLP_LO, kinds->n_of[k] * columns->least[k] / unit_cycles, 0);
  }
  add_singles(columns);
  columns->n_singles = columns->n;
  return columns;
}

void tenancy_columns_free(struct tenancy_columns *columns) {
  tenancy_pricing_free(columns->pricing);
  glp_delete_prob(columns->glpk);
}

/* Columns that the last solution found far from useful make every later step slower: they go, and would be found again.
 */
static void drop_columns(struct tenancy_columns *columns) {
  const size_t n_rows = (size_t)glp_get_num_rows(columns->glpk);
  if (columns->n < columns->n_singles + DROP_COLUMNS_PER_ROW * n_rows) return;
  int n_dropped = 0;
  size_t n = columns->n_singles;
  for (size_t i = columns->n_singles; i < columns->n; i++) {
    const int column = (int)i + 1;
    const bool useless = glp_get_col_stat(columns->glpk, column) != GLP_BS &&
                         glp_get_col_dual(columns->glpk, column) > useless_cost * cost_of(columns->of[i]);
    if (useless) {
      columns->entries[++n_dropped] = column;
    } else {
      columns->of[n++] = columns->of[i];
    }
  }
  if (n_dropped > 0) glp_del_cols(columns->glpk, n_dropped, columns->entries);
  columns->n = n;
}

/* --- boxes ----------------------------------------------------------------------------------------------------------
 */

static void add_pair_row(struct tenancy_columns *columns, size_t at) {
  const int row = columns->pair_row[at] = glp_add_rows(columns->glpk, 1);
  int n = 0;
  for (size_t i = 0; i < columns->n; i++) {
    const struct tenancy_configuration *configuration = columns->of[i];
    for (size_t p = 0; p < configuration->n_parts; p++) {
      if (configuration->parts[p].at != at) continue;
      columns->entries[++n] = (int)i + 1, columns->values[n] = configuration->parts[p].n_jobs;
    }
  }
  glp_set_mat_row(columns->glpk, row, n, columns->entries, columns->values);
}

static void set_box(struct tenancy_columns *columns, const struct tenancy_box *box) {
  for (size_t at = 0; at < n_pairs(columns); at++) {
    const bool bound = boxed(columns, box, at);
    if (bound && columns->pair_row[at] == 0) add_pair_row(columns, at);
    if (columns->pair_row[at] == 0) continue;
    const double scale = columns->kinds->latency[at] / columns->unit_cycles;
    const double low = box->low[at] * scale, high = box->high[at] * scale;
    const int type = !bound ? GLP_FR : box->low[at] == box->high[at] ? GLP_FX : GLP_DB;
    glp_set_row_bnds(columns->glpk, columns->pair_row[at], type, low, high);
  }
}

/* --- rounds ---------------------------------------------------------------------------------------------------------
 */

static bool solve_master(struct tenancy_columns *columns, uint64_t *work) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = SIMPLEX_STEPS;
  const int before = glp_get_it_cnt(columns->glpk);
  bool solved = glp_simplex(columns->glpk, &simplex) == 0;
  if (!solved) { /* stalled, or a basis that it could not repair */
    glp_std_basis(columns->glpk);
    solved = glp_simplex(columns->glpk, &simplex) == 0;
  }
  tenancy_take_work(work, glp_get_it_cnt(columns->glpk) - before, (size_t)glp_get_num_rows(columns->glpk) + columns->n);
  if (!solved) return false;
  if (glp_get_status(columns->glpk) != GLP_OPT) return false;
  columns->master.cycles = glp_get_obj_val(columns->glpk) * columns->unit_cycles;
  for (size_t k = 0; k < columns->kinds->n_kinds; k++)
    columns->master.of_kind[k] = fmax(0, glp_get_row_dual(columns->glpk, 1 + (int)k)) * columns->least[k];
  for (size_t at = 0; at < n_pairs(columns); at++) {
    const int row = columns->pair_row[at];
    const bool free = row == 0 || glp_get_row_type(columns->glpk, row) == GLP_FR;
    columns->master.of_pair[at] = free ? 0 : glp_get_row_dual(columns->glpk, row) * columns->kinds->latency[at];
  }
  return true;
}

/* Prices at `tried`; keeps the multipliers if they prove more. Returns how many columns came in that the master wants.
 */
static size_t price(struct tenancy_columns *columns, const struct tenancy_box *box, uint64_t *work,
                    struct tenancy_multipliers *proven) {
  const struct tenancy_kinds *kinds = columns->kinds;
  const struct tenancy_multipliers *tried = &columns->tried;
  double plus = 0, minus = 0;
  for (size_t at = 0; at < n_pairs(columns); at++) {
    const size_t k = at / kinds->n_groups;
    if (at % kinds->n_groups == 0) plus += kinds->n_of[k] * tried->of_kind[k];
    if (tried->of_pair[at] > 0) plus += box->low[at] * tried->of_pair[at];
    if (tried->of_pair[at] < 0) minus -= box->high[at] * tried->of_pair[at];
    columns->value[at] =
        kinds->latency[at] > 0 ? fmax(0, tried->of_kind[k] + tried->of_pair[at]) / kinds->latency[at] : 0;
  }
  tenancy_price(columns->pricing, columns->value, 1, work, columns->priced);

  const double scale = fmax(1, columns->priced->most * (1 + pricing_margin) + pricing_margin);
  const size_t n_terms = 2 * n_pairs(columns);
  const double proves = (tenancy_round_down(plus, n_terms) - (2 * minus - tenancy_round_down(minus, n_terms))) / scale;
  if (proves > proven->cycles) {
    proven->cycles = proves;
    for (size_t k = 0; k < kinds->n_kinds; k++) proven->of_kind[k] = tried->of_kind[k] / scale;
    for (size_t at = 0; at < n_pairs(columns); at++) proven->of_pair[at] = tried->of_pair[at] / scale;
  }
  size_t n = 0;
  for (size_t i = 0; i < columns->priced->n; i++) {
    const struct tenancy_configuration *found = &columns->priced->found[i];
    if (worth_at(columns, found, &columns->master) > cost_of(found) * (1 + improves) && !known(columns, found))
      n += add_column(columns, found);
  }
  return n;
}

static void mix(const struct tenancy_columns *columns, double part, const struct tenancy_multipliers *proven) {
  const struct tenancy_multipliers *master = &columns->master, *tried = &columns->tried;
  for (size_t k = 0; k < columns->kinds->n_kinds; k++)
    tried->of_kind[k] = part * proven->of_kind[k] + (1 - part) * master->of_kind[k];
  for (size_t at = 0; at < n_pairs(columns); at++)
    tried->of_pair[at] = part * proven->of_pair[at] + (1 - part) * master->of_pair[at];
}

bool tenancy_columns_generate(struct tenancy_columns *columns, const struct tenancy_box *box, double tolerance,
                              double enough_cycles, uint64_t *work, struct tenancy_multipliers *proven) {
  drop_columns(columns);
  set_box(columns, box);
  bool solved = false;
  double best_cycles = INFINITY, proven_cycles = proven->cycles;
  for (size_t stalled = 0; *work > 0 && stalled < MOST_STALLED;) {
    if (!solve_master(columns, work)) return solved;
    solved = true;
    if (proven->cycles >= columns->master.cycles * (1 - tolerance) || proven->cycles >= enough_cycles) return true;
    const bool moved = columns->master.cycles < best_cycles * (1 - tolerance) || proven->cycles > proven_cycles;
    stalled = moved ? 0 : stalled + 1;
    best_cycles = fmin(best_cycles, columns->master.cycles), proven_cycles = proven->cycles;
    size_t n = 0;
    for (double keep = stalled < SMOOTH_STALLED ? smoothing : 0; n == 0 && *work > 0; keep -= 1 - smoothing) {
      mix(columns, fmax(0, keep), proven);
      n = price(columns, box, work, proven);
      if (keep <= 0) break;
    }
    if (n == 0) return true;
  }
  return solved;
}

/* --- what the master says -------------------------------------------------------------------------------------------
 */

void tenancy_columns_jobs(const struct tenancy_columns *columns, double *jobs) {
  memset(jobs, 0, n_pairs(columns) * sizeof *jobs);
  for (size_t i = 0; i < columns->n; i++) {
    const struct tenancy_configuration *configuration = columns->of[i];
    const double z_cycles = glp_get_col_prim(columns->glpk, (int)i + 1) * columns->unit_cycles;
    if (!(z_cycles > 0)) continue;
    for (size_t p = 0; p < configuration->n_parts; p++) {
      const size_t at = configuration->parts[p].at;
      jobs[at] += z_cycles * configuration->parts[p].n_jobs / columns->kinds->latency[at];
    }
  }
}

struct use {
  double z_cycles;
  size_t column;
};

static int longest_first(const void *a, const void *b) {
  const struct use *x = a, *y = b;
  if (x->z_cycles > y->z_cycles || x->z_cycles < y->z_cycles) return x->z_cycles > y->z_cycles ? -1 : 1;
  return x->column < y->column ? -1 : x->column > y->column;
}

size_t tenancy_columns_used(const struct tenancy_columns *columns, struct arena *arena, const double **z_cycles,
                            const struct tenancy_configuration *const **of) {
  const size_t most = (size_t)glp_get_num_rows(columns->glpk); /* a basis has no more */
  struct use *uses = ARENA_NEW(arena, struct use, most);
  size_t n = 0;
  for (size_t i = 0; i < columns->n && n < most; i++) {
    const double z = glp_get_col_prim(columns->glpk, (int)i + 1);
    if (z > 1e-9) uses[n++] = (struct use){.z_cycles = z * columns->unit_cycles, .column = i};
  }
  qsort(uses, n, sizeof *uses, longest_first);
  double *z = ARENA_NEW(arena, double, n);
  const struct tenancy_configuration **found = ARENA_NEW(arena, const struct tenancy_configuration *, n);
  for (size_t i = 0; i < n; i++) z[i] = uses[i].z_cycles, found[i] = columns->of[uses[i].column];
  *z_cycles = z, *of = found;
  return n;
}

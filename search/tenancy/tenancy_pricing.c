/* The pricing problem of B4, exactly. See tenancy_pricing.h. */
#include "search/tenancy/tenancy_pricing.h"

#include <glpk.h>
#include <math.h>
#include <string.h>

/* A kind on a group that may be part of a configuration within the budget. */
struct item {
  uint32_t at, kind, group;
  double gain;  /* value − θ b/B */
  double share; /* b/B */
  /* Of this and all later items: */
  double later_kinds; /* Σ n_k m_k of the kinds behind this item's */
  bool opens;         /* first item of its kind */
};

struct tenancy_pricing {
  const struct tenancy_kinds *kinds;
  glp_prob *glpk;
  int *column; /* [n_kinds * n_groups] */
  int first_place_row, share_row;
  /* Multipliers of the last call. */
  double theta, *place /* π [n_groups] */, *spare /* m [n_kinds] */;
  double limit; /* L */
  /* The enumeration. */
  struct item *items;
  size_t n_items;
  double *slot_most;  /* [(n_items + 1) * n_groups] min(π_g, largest gain of later items on g)⁺ */
  double *share_most; /* [(n_items + 1) * n_groups] largest share of later items on g */
  uint32_t *left;     /* [n_groups] places */
  uint32_t part_at[PRICING_MOST_PARTS], part_jobs[PRICING_MOST_PARTS], n_parts;
  double floor; /* only f above this matter */
  uint64_t work;
  bool stopped;
  struct tenancy_priced *priced;
  uint32_t *order; /* [n_kinds] */
  double *key;     /* [n_kinds] */
};

/* --- the linear program ---------------------------------------------------------------------------------------------
 */

static size_t n_places(const struct tenancy_kinds *kinds) { return kinds->problem->n_cores; }

static void build(struct tenancy_pricing *pricing, struct arena *arena) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  glp_prob *lp = pricing->glpk;
  const int n_kinds = (int)kinds->n_kinds, n_groups = (int)kinds->n_groups;
  glp_set_obj_dir(lp, GLP_MAX);
  glp_add_rows(lp, n_kinds + n_groups + 1);
  pricing->first_place_row = 1 + n_kinds, pricing->share_row = 1 + n_kinds + n_groups;
  for (int k = 0; k < n_kinds; k++) {
    const bool binds = kinds->n_of[k] < n_places(kinds);
    glp_set_row_bnds(lp, 1 + k, binds ? GLP_UP : GLP_FR, 0, kinds->n_of[k]);
  }
  for (int g = 0; g < n_groups; g++)
    glp_set_row_bnds(lp, pricing->first_place_row + g, GLP_UP, 0, kinds->problem->group_size[g]);
  glp_set_row_bnds(lp, pricing->share_row, GLP_UP, 0, 1);
  const int over = glp_add_cols(lp, 1);
  int rows[4] = {0, pricing->share_row};
  double values[4] = {0, -1};
  glp_set_mat_col(lp, over, 1, rows, values);
  glp_set_col_bnds(lp, over, GLP_LO, 0, 0);
  glp_set_obj_coef(lp, over, -1);
  pricing->column = ARENA_NEW(arena, int, kinds->n_kinds * kinds->n_groups);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t g = 0; g < kinds->n_groups; g++) {
      if (!kinds_can(kinds, k, g)) continue;
      const size_t at = kinds_at(kinds, k, g);
      const int column = pricing->column[at] = glp_add_cols(lp, 1);
      rows[1] = 1 + (int)k, rows[2] = pricing->first_place_row + (int)g, rows[3] = pricing->share_row;
      values[1] = values[2] = 1, values[3] = kinds->share[at];
      glp_set_mat_col(lp, column, values[3] > 0 ? 3 : 2, rows, values);
      glp_set_col_bnds(lp, column, GLP_LO, 0, 0);
    }
  }
}

struct tenancy_pricing *tenancy_pricing_new(const struct tenancy_kinds *kinds, struct arena *arena) {
  struct tenancy_pricing *pricing = ARENA_NEW(arena, struct tenancy_pricing, 1);
  const size_t n_pairs = kinds->n_kinds * kinds->n_groups;
  pricing->kinds = kinds;
  pricing->glpk = glp_create_prob();
  build(pricing, arena);
  pricing->place = ARENA_NEW(arena, double, kinds->n_groups);
  pricing->spare = ARENA_NEW(arena, double, kinds->n_kinds);
  pricing->items = ARENA_NEW(arena, struct item, n_pairs + 1);
  pricing->slot_most = ARENA_NEW(arena, double, (n_pairs + 1) * kinds->n_groups);
  pricing->share_most = ARENA_NEW(arena, double, (n_pairs + 1) * kinds->n_groups);
  pricing->left = ARENA_NEW(arena, uint32_t, kinds->n_groups);
  pricing->order = ARENA_NEW(arena, uint32_t, kinds->n_kinds);
  pricing->key = ARENA_NEW(arena, double, kinds->n_kinds);
  return pricing;
}

void tenancy_pricing_free(struct tenancy_pricing *pricing) { glp_delete_prob(pricing->glpk); }

static void find_multipliers(struct tenancy_pricing *pricing, const double *value) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++)
    if (pricing->column[at] != 0) glp_set_obj_coef(pricing->glpk, pricing->column[at], value[at]);
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  simplex.it_lim = 20000;
  glp_simplex(pricing->glpk, &simplex);
  const bool optimal = glp_get_status(pricing->glpk) == GLP_OPT;
  pricing->theta = optimal ? fmin(1, fmax(0, glp_get_row_dual(pricing->glpk, pricing->share_row))) : 1;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    const int row = pricing->first_place_row + (int)g;
    pricing->place[g] = optimal ? fmax(0, glp_get_row_dual(pricing->glpk, row)) : 0;
  }
  pricing->limit = pricing->theta;
  for (size_t g = 0; g < kinds->n_groups; g++)
    pricing->limit += pricing->place[g] * kinds->problem->group_size[g];
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    double most = 0;
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (kinds_can(kinds, k, g))
        most = fmax(most, value[at] - pricing->theta * kinds->share[at] - pricing->place[g]);
    }
    pricing->spare[k] = most;
    pricing->limit += fmin(kinds->n_of[k], (double)n_places(kinds)) * most;
  }
}

/* --- the enumeration ------------------------------------------------------------------------------------------------
 */

static double copies(const struct tenancy_kinds *kinds, size_t kind) {
  return fmin(kinds->n_of[kind], (double)n_places(kinds));
}

/* Hungry kinds first: what is left then fills the bandwidth finely, and overruns show early. */
static void order_kinds(struct tenancy_pricing *pricing) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    double most = 0;
    for (size_t g = 0; g < kinds->n_groups; g++)
      if (kinds_can(kinds, k, g)) most = fmax(most, kinds->share[kinds_at(kinds, k, g)]);
    pricing->key[k] = most;
    size_t i = k;
    for (; i > 0 && pricing->key[pricing->order[i - 1]] < most; i--) pricing->order[i] = pricing->order[i - 1];
    pricing->order[i] = (uint32_t)k;
  }
}

/* Items whose single use does not lose more than the budget, and what lies behind each. */
static void list_items(struct tenancy_pricing *pricing, const double *value, double budget) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  const size_t n_groups = kinds->n_groups;
  size_t n = 0;
  for (size_t i = 0; i < kinds->n_kinds; i++) {
    const uint32_t k = pricing->order[i];
    bool opens = true;
    for (size_t g = 0; g < n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (!kinds_can(kinds, k, g)) continue;
      const double gain = value[at] - pricing->theta * kinds->share[at];
      if (pricing->place[g] + pricing->spare[k] - gain > budget) continue;
      pricing->items[n++] = (struct item){
          .at = (uint32_t)at, .kind = k, .group = (uint32_t)g, .gain = gain, .share = kinds->share[at], .opens = opens};
      opens = false;
    }
  }
  pricing->n_items = n;
  double later = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) later += copies(kinds, k) * pricing->spare[k];
  for (size_t i = 0; i < n; i++) {
    if (pricing->items[i].opens) later -= copies(kinds, pricing->items[i].kind) * pricing->spare[pricing->items[i].kind];
    pricing->items[i].later_kinds = later;
  }
  memset(pricing->slot_most + n * n_groups, 0, n_groups * sizeof(double));
  memset(pricing->share_most + n * n_groups, 0, n_groups * sizeof(double));
  for (size_t i = n; i-- > 0;) {
    double *slot = pricing->slot_most + i * n_groups, *share = pricing->share_most + i * n_groups;
    memcpy(slot, slot + n_groups, n_groups * sizeof(double));
    memcpy(share, share + n_groups, n_groups * sizeof(double));
    const struct item *item = &pricing->items[i];
    slot[item->group] = fmin(pricing->place[item->group], fmax(slot[item->group], item->gain));
    share[item->group] = fmax(share[item->group], item->share);
  }
}

static void keep(struct tenancy_pricing *pricing, double worth, double share) {
  struct tenancy_priced *priced = pricing->priced;
  size_t i = priced->n < PRICING_KEEPS ? priced->n++ : PRICING_KEEPS - 1;
  for (; i > 0 && priced->found[i - 1].worth < worth; i--) priced->found[i] = priced->found[i - 1];
  struct tenancy_configuration *to = &priced->found[i];
  to->worth = worth, to->share = share, to->n_parts = pricing->n_parts;
  memcpy(to->at, pricing->part_at, pricing->n_parts * sizeof *to->at);
  memcpy(to->n_jobs, pricing->part_jobs, pricing->n_parts * sizeof *to->n_jobs);
  if (priced->n == PRICING_KEEPS) pricing->floor = fmax(pricing->floor, priced->found[PRICING_KEEPS - 1].worth);
}

/* Items from `i` on; `gain` and `share` of what is chosen, `n_copies` left of the kind at work. */
static void enumerate(struct tenancy_pricing *pricing, size_t i, double gain, double share, double n_copies) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  const size_t n_groups = kinds->n_groups;
  if (pricing->stopped) return;
  if (pricing->work == 0) {
    pricing->stopped = true;
    return;
  }
  pricing->work--;
  if (i == pricing->n_items) {
    const double worth = gain + pricing->theta * share - fmax(0, share - 1);
    if (worth > pricing->floor && pricing->n_parts > 0) keep(pricing, worth, share);
    return;
  }
  const struct item *item = &pricing->items[i];
  if (item->opens) n_copies = copies(kinds, item->kind);
  const double *slot = pricing->slot_most + i * n_groups, *share_most = pricing->share_most + i * n_groups;
  double rest = pricing->theta + item->later_kinds + n_copies * pricing->spare[item->kind], most_share = share;
  for (size_t g = 0; g < n_groups; g++)
    rest += pricing->left[g] * slot[g], most_share += pricing->left[g] * share_most[g];
  if (share > 1) rest -= (1 - pricing->theta) * (share - 1);
  if (most_share < 1) rest -= pricing->theta * (1 - most_share);
  if (gain + rest <= pricing->floor) return;
  const double before = n_copies;
  uint32_t n = 0, most = pricing->left[item->group];
  if (most > n_copies) most = (uint32_t)n_copies;
  const double loss = slot[item->group] + pricing->spare[item->kind] - item->gain; /* ≥ 0 */
  const uint32_t part = pricing->n_parts;
  enumerate(pricing, i + 1, gain, share, before);
  for (n = 1; n <= most && gain + rest - n * loss > pricing->floor; n++) {
    pricing->left[item->group]--;
    pricing->part_at[part] = item->at, pricing->part_jobs[part] = n;
    pricing->n_parts = part + 1;
    enumerate(pricing, i + 1, gain + n * item->gain, share + n * item->share, before - n);
    pricing->n_parts = part;
  }
  pricing->left[item->group] += n - 1;
}

void tenancy_price(struct tenancy_pricing *pricing, const double *value, double above, uint64_t *work,
                   struct tenancy_priced *priced) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  find_multipliers(pricing, value);
  order_kinds(pricing);
  priced->n = 0, priced->most = pricing->limit;
  pricing->priced = priced, pricing->work = *work, pricing->stopped = false;
  const double whole = pricing->limit - above;
  for (double budget = whole / 16; whole > 0; budget *= 2) {
    const double within = fmin(budget, whole);
    list_items(pricing, value, within);
    memcpy(pricing->left, kinds->problem->group_size, kinds->n_groups * sizeof *pricing->left);
    pricing->floor = pricing->limit - within, pricing->n_parts = 0;
    enumerate(pricing, 0, 0, 0, 0);
    if (pricing->stopped) break;
    priced->most = priced->n > 0 ? priced->found[0].worth : pricing->limit - within;
    if (priced->n > 0 || within >= whole) break;
  }
  *work = pricing->work;
}

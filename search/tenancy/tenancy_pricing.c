/* The pricing problem of B4, exactly. See tenancy_pricing.h. */
#include "search/tenancy/tenancy_pricing.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A kind on a group that may be part of a configuration within the budget. */
struct item {
  uint32_t at, kind, group;
  double worth; /* value − (b/B − 1)⁺ */
  double gain;  /* value − θ b/B */
  double share; /* b/B */
  /* Of this and all later items: */
  double later_kinds; /* Σ n_k m_k of the kinds behind this item's */
  bool opens;         /* first item of its kind */
};

/* A partial configuration: of all items so far. `spread` = worth − share: of two with the same places left, the one
 * with no less of both is no worse however it goes on, for one unit of share costs at most one of worth. */
struct label {
  double worth, spread;
  uint32_t before, state; /* the label that it grew from; places left and copies of the kind at work used */
  uint32_t at, n_jobs;    /* what it added */
};

enum { N_THETAS = 6, MOST_LABELS = 1 << 17, MOST_STATES = 1 << 16 };

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
  double thetas[N_THETAS], *tops, *gains;
  size_t n_tops, *top_start;
  uint32_t *stride, n_states;
  struct label *labels;
  size_t n_labels, most_labels;
  double floor; /* only f above this matter */
  uint64_t work;
  bool stopped;
  struct tenancy_priced *priced;
  struct tenancy_part *parts[PRICING_KEEPS]; /* of priced->found */
  uint32_t *order;                           /* [n_kinds] */
  double *key;                               /* [n_kinds] */
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
      values[1] = values[2] = 1, values[3] = fmin(1, kinds->share[at]);
      glp_set_mat_col(lp, column, values[3] > 0 ? 3 : 2, rows, values);
      glp_set_col_bnds(lp, column, GLP_LO, 0, 0);
    }
  }
}

struct tenancy_pricing *tenancy_pricing_new(const struct tenancy_kinds *kinds, struct arena *arena) {
  uint64_t n_states = 1;
  for (size_t g = 0; g < kinds->n_groups && n_states <= MOST_STATES; g++) n_states *= kinds->problem->group_size[g] + 1;
  if (n_states > MOST_STATES) return NULL;
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
  pricing->stride = ARENA_NEW(arena, uint32_t, kinds->n_groups);
  pricing->top_start = ARENA_NEW(arena, size_t, kinds->n_groups);
  for (size_t g = 0; g < kinds->n_groups; g++) {
    pricing->top_start[g] = pricing->n_tops;
    pricing->n_tops += kinds->problem->group_size[g] + 1;
  }
  pricing->gains = ARENA_NEW(arena, double, pricing->n_tops);
  pricing->tops = ARENA_NEW(arena, double, pricing->n_tops *(n_pairs + 1) * N_THETAS);
  pricing->n_states = 1;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    pricing->stride[g] = pricing->n_states;
    pricing->n_states *= kinds->problem->group_size[g] + 1;
  }
  pricing->most_labels = MOST_LABELS;
  pricing->labels = ARENA_NEW(arena, struct label, pricing->most_labels);
  for (size_t i = 0; i < PRICING_KEEPS; i++) pricing->parts[i] = ARENA_NEW(arena, struct tenancy_part, n_places(kinds));
  pricing->order = ARENA_NEW(arena, uint32_t, kinds->n_kinds);
  pricing->key = ARENA_NEW(arena, double, kinds->n_kinds);
  return pricing;
}

void tenancy_pricing_free(struct tenancy_pricing *pricing) { glp_delete_prob(pricing->glpk); }

/* (R/B − 1)⁺ = Σ (b/B − 1)⁺ + (Σ min(b/B, 1) − 1)⁺: so a job that needs more than there is is charged for the surplus
 * at once, and no fraction of it looks tempting. */
static double gain_of(const struct tenancy_pricing *pricing, const double *value, size_t at) {
  const double share = pricing->kinds->share[at];
  return value[at] - fmax(0, share - 1) - pricing->theta * fmin(1, share);
}

static void find_multipliers(struct tenancy_pricing *pricing, const double *value) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++)
    if (pricing->column[at] != 0)
      glp_set_obj_coef(pricing->glpk, pricing->column[at], value[at] - fmax(0, kinds->share[at] - 1));
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
  for (size_t g = 0; g < kinds->n_groups; g++) pricing->limit += pricing->place[g] * kinds->problem->group_size[g];
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    double most = 0;
    for (size_t g = 0; g < kinds->n_groups; g++) {
      const size_t at = kinds_at(kinds, k, g);
      if (kinds_can(kinds, k, g)) most = fmax(most, gain_of(pricing, value, at) - pricing->place[g]);
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
      const double gain = gain_of(pricing, value, at);
      if (pricing->place[g] + pricing->spare[k] - gain > budget) continue;
      pricing->items[n++] = (struct item){.at = (uint32_t)at,
                                          .kind = k,
                                          .group = (uint32_t)g,
                                          .gain = gain,
                                          .worth = gain + pricing->theta * fmin(1, kinds->share[at]),
                                          .share = fmin(1, kinds->share[at]),
                                          .opens = opens};
      opens = false;
    }
  }
  pricing->n_items = n;
  double later = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) later += copies(kinds, k) * pricing->spare[k];
  for (size_t i = 0; i < n; i++) {
    if (pricing->items[i].opens)
      later -= copies(kinds, pricing->items[i].kind) * pricing->spare[pricing->items[i].kind];
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

/* tops[t][i][g][n]: the largest sum of n gains at θ = thetas[t] among items i and behind on group g. */
static void list_tops(struct tenancy_pricing *pricing) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  const size_t n_tops = pricing->n_tops, n = pricing->n_items;
  pricing->thetas[0] = 0, pricing->thetas[1] = 1;
  for (size_t t = 2; t < N_THETAS; t++) pricing->thetas[t] = pricing->theta * (double)(t - 1) * 2 / (N_THETAS - 2);
  for (size_t t = 0; t < N_THETAS; t++) {
    const double theta = fmin(1, pricing->thetas[t]);
    pricing->thetas[t] = theta;
    double *gains = pricing->gains; /* top gains by group, descending */
    memset(gains, 0, n_tops * sizeof *gains);
    double *tops = pricing->tops + t * (n + 1) * n_tops;
    memset(tops + n * n_tops, 0, n_tops * sizeof *tops);
    for (size_t i = n; i-- > 0;) {
      const struct item *item = &pricing->items[i];
      const double gain = item->worth - theta * item->share;
      const uint32_t size = kinds->problem->group_size[item->group];
      double *list = gains + pricing->top_start[item->group];
      for (double c = copies(kinds, item->kind); c > 0 && gain > list[size - 1]; c--) {
        size_t k = size - 1;
        for (; k > 0 && list[k - 1] < gain; k--) list[k] = list[k - 1];
        list[k] = gain;
      }
      memcpy(tops + i * n_tops, tops + (i + 1) * n_tops, n_tops * sizeof *tops);
      double *sums = tops + i * n_tops + pricing->top_start[item->group];
      for (uint32_t k = 0; k < size; k++) sums[k + 1] = sums[k] + list[k];
    }
  }
}

static void keep(struct tenancy_pricing *pricing, const struct label *end, double worth) {
  struct tenancy_priced *priced = pricing->priced;
  size_t i = priced->n < PRICING_KEEPS ? priced->n : PRICING_KEEPS - 1;
  if (i < priced->n && priced->found[i].worth >= worth) return;
  struct tenancy_part *parts = pricing->parts[i]; /* of the one that goes, or free */
  if (priced->n < PRICING_KEEPS) priced->n++;
  for (; i > 0 && priced->found[i - 1].worth < worth; i--) {
    priced->found[i] = priced->found[i - 1];
    pricing->parts[i] = pricing->parts[i - 1];
  }
  pricing->parts[i] = parts;
  struct tenancy_configuration *to = &priced->found[i];
  *to = (struct tenancy_configuration){.worth = worth, .parts = parts};
  for (const struct label *label = end; label->n_jobs > 0; label = &pricing->labels[label->before]) {
    parts[to->n_parts++] = (struct tenancy_part){.at = label->at, .n_jobs = label->n_jobs};
    to->share += label->n_jobs * pricing->kinds->share[label->at];
  }
}

static int by_state(const void *a, const void *b) {
  const struct label *x = a, *y = b;
  if (x->state != y->state) return x->state < y->state ? -1 : 1;
  if (x->worth > y->worth || x->worth < y->worth) return x->worth > y->worth ? -1 : 1;
  if (x->spread > y->spread || x->spread < y->spread) return x->spread > y->spread ? -1 : 1;
  if (x->before != y->before) return x->before < y->before ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

/* Sorts the labels from `first` on and drops dominated ones. */
static void drop_dominated(struct tenancy_pricing *pricing, size_t first) {
  struct label *labels = pricing->labels;
  qsort(labels + first, pricing->n_labels - first, sizeof *labels, by_state);
  size_t n = first;
  for (size_t i = first; i < pricing->n_labels; i++) {
    if (n > first && labels[n - 1].state == labels[i].state && labels[n - 1].spread >= labels[i].spread) continue;
    labels[n++] = labels[i];
  }
  pricing->n_labels = n;
}

static bool push(struct tenancy_pricing *pricing, const struct label *label) {
  if (pricing->n_labels == pricing->most_labels || pricing->work == 0) {
    pricing->stopped = true;
    return false;
  }
  pricing->work--;
  pricing->labels[pricing->n_labels++] = *label;
  return true;
}

/* What a label with these places left can still become. */
static double limit_of(const struct tenancy_pricing *pricing, size_t next, const struct label *label, double n_copies) {
  const size_t n_groups = pricing->kinds->n_groups;
  const double *slot = pricing->slot_most + next * n_groups, *share_most = pricing->share_most + next * n_groups;
  const double share = label->worth - label->spread;
  double rest = pricing->theta * (1 - share), most_share = share;
  if (next < pricing->n_items) {
    const struct item *item = &pricing->items[next];
    if (item->opens) n_copies = copies(pricing->kinds, item->kind);
    rest += item->later_kinds + n_copies * pricing->spare[item->kind];
  }
  for (size_t g = 0; g < n_groups; g++) {
    const double left = (double)(label->state / pricing->stride[g] % (pricing->kinds->problem->group_size[g] + 1));
    rest += left * slot[g], most_share += left * share_most[g];
  }
  if (share > 1) rest -= (1 - pricing->theta) * (share - 1);
  if (most_share < 1) rest -= pricing->theta * (1 - most_share);
  double least = label->worth + rest;
  for (size_t t = 0; t < N_THETAS && least > pricing->floor; t++) {
    const double *tops = pricing->tops + (t * (pricing->n_items + 1) + next) * pricing->n_tops;
    double sum = label->worth + pricing->thetas[t] * (1 - share);
    for (size_t g = 0; g < n_groups; g++)
      sum += tops[pricing->top_start[g] +
                  label->state / pricing->stride[g] % (pricing->kinds->problem->group_size[g] + 1)];
    least = fmin(least, sum);
  }
  return least;
}

/* All labels within the budget, item after item. */
static void search(struct tenancy_pricing *pricing) {
  const struct tenancy_kinds *kinds = pricing->kinds;
  uint32_t full = 0;
  for (size_t g = 0; g < kinds->n_groups; g++) full += pricing->stride[g] * kinds->problem->group_size[g];
  pricing->labels[0] = (struct label){.state = full};
  pricing->n_labels = 1;
  size_t first = 0;
  for (size_t i = 0; i < pricing->n_items && !pricing->stopped; i++) {
    const struct item *item = &pricing->items[i];
    const size_t end = pricing->n_labels;
    const double n_copies = copies(kinds, item->kind);
    const bool counts = n_copies < (double)n_places(kinds);
    for (size_t from = first; from < end && !pricing->stopped; from++) {
      struct label label = pricing->labels[from];
      if (item->opens) label.state %= pricing->n_states;
      uint32_t used = label.state / pricing->n_states;
      /* Carried on as it is: its history stays where it was. */
      if (limit_of(pricing, i + 1, &label, n_copies - used) > pricing->floor && !push(pricing, &label)) break;
      uint32_t most = label.state / pricing->stride[item->group] % (kinds->problem->group_size[item->group] + 1);
      if (most > n_copies - used) most = (uint32_t)(n_copies - used);
      label.before = (uint32_t)from;
      for (uint32_t n = 1; n <= most; n++) {
        label.worth += item->worth, label.spread += item->worth - item->share;
        label.state -= pricing->stride[item->group];
        if (counts) label.state += pricing->n_states, used++;
        label.at = item->at, label.n_jobs = n;
        if (limit_of(pricing, i + 1, &label, n_copies - used) > pricing->floor && !push(pricing, &label)) break;
      }
    }
    first = end;
    drop_dominated(pricing, first);
  }
  for (size_t i = first; i < pricing->n_labels && !pricing->stopped; i++) {
    const struct label *label = &pricing->labels[i];
    const double share = label->worth - label->spread, worth = label->worth - fmax(0, share - 1);
    if (worth > pricing->floor && label->n_jobs > 0) keep(pricing, label, worth);
  }
}

void tenancy_price(struct tenancy_pricing *pricing, const double *value, double above, uint64_t *work,
                   struct tenancy_priced *priced) {
  find_multipliers(pricing, value);
  order_kinds(pricing);
  priced->n = 0, priced->most = pricing->limit;
  pricing->priced = priced, pricing->work = *work, pricing->stopped = false;
  const double whole = pricing->limit - above;
  for (double budget = whole / 16; whole > 0; budget *= 2) {
    const double within = fmin(budget, whole);
    list_items(pricing, value, within);
    pricing->floor = pricing->limit - within;
    list_tops(pricing);
    search(pricing);
    if (pricing->stopped) break;
    priced->most = priced->n > 0 ? priced->found[0].worth : pricing->limit - within;
    if (priced->n > 0 || within >= whole) break;
  }
  *work = pricing->work;
}

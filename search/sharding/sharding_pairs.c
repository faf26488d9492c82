/* What do layers take at least that wait for each other? See sharding_pairs.h.
 *
 * A layer waits for what it reads. Half of its own time counts with what it reads, half with what reads it, so that a
 * path takes at least the sum over its edges of: half of either layer and what moves between them, on one set of any
 * size and design with the fastest ring that so many boards have, or on two, over the fastest links. Strategies that an
 * edge takes are free to differ from those of the next. Sizes are tried from the least halves on, until nothing less
 * can follow; of large sets a few boards say what is moved, which is less than all do. Memory is left out. */
#include "search/sharding/sharding_pairs.h"

#include "search/sharding/sharding_boxes.h"
#include "search/sharding/sharding_reshard.h"
#include "search/sharding/sharding_sets.h"
#include "search/sharding/sharding_tables.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_FORMS = 4 * SHARDING_MAX_BOARDS, SOME_BOARDS = 16 };

struct pairs {
  const struct sharding_problem *problem;
  struct sharding_sets sets;
  const struct sharding_store *store;
  struct arena *scratch;
  double trips;
  double *into;        /* [n_forms] fastest links from any set */
  double **rows;       /* by layer: [n_forms] the least that it takes on such a set */
  double *least_s;     /* by layer */
  double *edge_s;      /* by edge; negative: not known */
  uint32_t *by_halves; /* [n_forms] forms in the order in which an edge tries them */
  double *halves;      /* [n_forms] */
};

static uint32_t same_layer(const struct pairs *p, uint32_t layer) {
  return p->store->cost_by_form ? p->store->same[layer] : layer;
}

/* A scatter may save half of the all-reduce. */
static double cost_of(const struct pairs *p, uint32_t layer, uint32_t design, const struct set_form *form,
                      const struct sharding_strategy *strategy) {
  struct sharding_cost cost;
  sharding_cost(p->problem, layer, &p->problem->designs[design], form->shape.p, form->shape.bandwidth, strategy, &cost);
  return p->problem->reduce_scatter ? cost.total_s - cost.all_reduce_s / 2 : cost.total_s;
}

static bool carries(const struct set_form *form, uint32_t design) {
  return form->design == SHARDING_NONE || form->design == design;
}

static const double *rows_of(struct pairs *p, uint32_t layer) {
  const uint32_t l = same_layer(p, layer);
  if (p->rows[l] != NULL) return p->rows[l];
  double *rows = p->rows[l] = ARENA_NEW(p->scratch, double, p->sets.n_forms);
  p->least_s[l] = INFINITY;
  for (uint32_t f = 0; f < p->sets.n_forms; f++) {
    const struct set_form *form = &p->sets.forms[f];
    const struct arena_mark mark = arena_get_mark(p->scratch);
    const struct sharding_strategy *list;
    const size_t n = sharding_strategies(p->problem, l, form->shape.p, p->scratch, &list);
    rows[f] = INFINITY;
    for (uint32_t d = 0; d < p->problem->n_designs; d++) {
      for (size_t s = 0; carries(form, d) && s < n; s++) {
        const double cost_s = cost_of(p, l, d, form, &list[s]);
        rows[f] = fmin(rows[f], cost_s);
      }
    }
    p->least_s[l] = fmin(p->least_s[l], rows[f]);
    arena_rewind(p->scratch, mark);
  }
  return rows;
}

/* All boards of a small set, some of a large one: the first and the last, others at even steps. */
static struct sharding_boards some_of(uint32_t n, uint32_t *which) {
  struct sharding_boards boards = {n < SOME_BOARDS ? n : SOME_BOARDS, which};
  for (uint32_t i = 0; i < boards.n; i++) {
    which[i] = boards.n > 1 ? (uint32_t)((uint64_t)i * (n - 1) / (boards.n - 1)) : 0;
  }
  return boards;
}

static double *costs_of(const struct pairs *p, uint32_t layer, uint32_t design, const struct set_form *form,
                        const struct sharding_strategy *list, size_t n) {
  double *cost_s = ARENA_NEW(p->scratch, double, n);
  for (size_t s = 0; s < n; s++) cost_s[s] = cost_of(p, layer, design, form, &list[s]);
  return cost_s;
}

/* Both layers on one set of this form. */
static double on_one_set(const struct pairs *p, uint32_t edge, const struct set_form *form) {
  const struct sharding_problem *problem = p->problem;
  const uint32_t from = problem->edges[edge].from, to = problem->edges[edge].to;
  const struct arena_mark mark = arena_get_mark(p->scratch);
  const struct sharding_strategy *before, *behind;
  const size_t n = sharding_strategies(problem, from, form->shape.p, p->scratch, &before),
               m = sharding_strategies(problem, to, form->shape.p, p->scratch, &behind);
  uint64_t *bytes = ARENA_NEW(p->scratch, uint64_t, n * m);
  uint32_t which[SOME_BOARDS];
  const struct sharding_boards boards = some_of(form->shape.p, which);
  sharding_reshard_some(problem, edge, &boards, before, n, behind, m, p->scratch, bytes);
  double least_s = INFINITY;
  for (uint32_t d = 0; d < problem->n_designs; d++) {
    if (!carries(form, d)) continue;
    const double *first_s = costs_of(p, from, d, form, before, n), *second_s = costs_of(p, to, d, form, behind, m);
    for (size_t s = 0; s < n; s++) {
      for (size_t t = 0; t < m; t++) {
        const uint64_t moved = bytes[s * m + t];
        const double move_s = moved > 0 ? (double)moved / form->shape.bandwidth + problem->message_s : 0;
        least_s = fmin(least_s, (first_s[s] + second_s[t]) / 2 + p->trips * move_s);
      }
    }
  }
  arena_rewind(p->scratch, mark);
  return least_s;
}

/* The reader on a set of this form, what it reads on another. */
static double from_another(const struct pairs *p, uint32_t edge, uint32_t f) {
  const struct sharding_problem *problem = p->problem;
  const struct set_form *form = &p->sets.forms[f];
  const uint32_t from = problem->edges[edge].from, to = problem->edges[edge].to;
  const struct arena_mark mark = arena_get_mark(p->scratch);
  const struct sharding_strategy *list;
  const size_t n = sharding_strategies(problem, to, form->shape.p, p->scratch, &list);
  const struct sharding_pairing pairing = sharding_pair(problem, edge);
  uint32_t which[SOME_BOARDS];
  const struct sharding_boards boards = some_of(form->shape.p, which);
  double least_s = INFINITY;
  for (size_t t = 0; t < n; t++) {
    const struct sharding_cutter cutter = sharding_need_cutter(problem, edge, &pairing, &list[t]);
    uint64_t most = 0;
    for (uint32_t j = 0; j < boards.n; j++) {
      const struct sharding_area need = sharding_cut(&cutter, which[j]);
      most = max_u64(most, sharding_area_size(&need));
    }
    const double move_s = p->trips * (double)sat_mul(most, problem->element_bytes) / p->into[f];
    for (uint32_t d = 0; d < problem->n_designs; d++) {
      if (carries(form, d)) least_s = fmin(least_s, move_s + cost_of(p, to, d, form, &list[t]) / 2);
    }
  }
  arena_rewind(p->scratch, mark);
  return least_s + p->least_s[same_layer(p, from)] / 2;
}

static int compare_halves(const void *x, const void *y, void *context) {
  const double *halves = context;
  const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
  if (halves[a] != halves[b]) return halves[a] < halves[b] ? -1 : 1;
  return a < b ? -1 : a > b;
}

static void sort_by_halves(struct pairs *p) {
  for (uint32_t f = 0; f < p->sets.n_forms; f++) p->by_halves[f] = f;
  qsort_r(p->by_halves, p->sets.n_forms, sizeof *p->by_halves, compare_halves, p->halves);
}

static double edge_of(struct pairs *p, uint32_t edge) {
  const struct sharding_problem *problem = p->problem;
  const uint32_t e = p->store->cost_by_form ? p->store->same_edge[edge] : edge;
  if (p->edge_s[e] >= 0) return p->edge_s[e];
  const uint32_t from = problem->edges[e].from, to = problem->edges[e].to, n = p->sets.n_forms;
  const double *before = rows_of(p, from), *behind = rows_of(p, to);
  const double other_s = p->least_s[same_layer(p, from)] / 2;
  double best_s = INFINITY;
  for (uint32_t f = 0; f < n; f++) p->halves[f] = (before[f] + behind[f]) / 2;
  sort_by_halves(p);
  for (uint32_t i = 0; i < n && p->halves[p->by_halves[i]] < best_s; i++) {
    best_s = fmin(best_s, on_one_set(p, e, &p->sets.forms[p->by_halves[i]]));
  }
  for (uint32_t f = 0; f < n; f++) p->halves[f] = other_s + behind[f] / 2;
  sort_by_halves(p);
  for (uint32_t i = 0; problem->n_boards > 1 && i < n && p->halves[p->by_halves[i]] < best_s; i++) {
    best_s = fmin(best_s, from_another(p, e, p->by_halves[i]));
  }
  return p->edge_s[e] = best_s;
}

static void list_links(struct pairs *p) {
  for (uint32_t f = 0; f < p->sets.n_forms; f++) {
    for (uint32_t c = 0; c < p->sets.n_contacts; c++) {
      p->into[f] = fmax(p->into[f], p->sets.rate[c * p->sets.n_forms + f]);
    }
  }
}

double sharding_pairs_bound(const struct sharding_problem *problem, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct pairs p = {.problem = problem, .scratch = scratch, .trips = problem->training ? 2 : 1};
  double longest_s = 0;
  if (sharding_sets_relax(problem, MAX_FORMS, scratch, &p.sets)) {
    p.store = sharding_store_new(problem, scratch);
    p.into = ARENA_NEW(scratch, double, p.sets.n_forms);
    p.rows = ARENA_NEW(scratch, double *, problem->n_layers);
    p.least_s = ARENA_NEW(scratch, double, problem->n_layers);
    p.edge_s = ARENA_NEW(scratch, double, problem->n_edges);
    p.by_halves = ARENA_NEW(scratch, uint32_t, p.sets.n_forms);
    p.halves = ARENA_NEW(scratch, double, p.sets.n_forms);
    double *end_s = ARENA_NEW(scratch, double, problem->n_layers); /* with the first half of the layer */
    for (size_t e = 0; e < problem->n_edges; e++) p.edge_s[e] = -1;
    list_links(&p);
    for (size_t i = 0; i < problem->n_layers; i++) {
      const uint32_t layer = problem->topological[i];
      rows_of(&p, layer);
      const double half_s = p.least_s[same_layer(&p, layer)] / 2;
      end_s[layer] = half_s;
      for (uint32_t j = problem->in_start[layer]; j < problem->in_start[layer + 1]; j++) {
        const uint32_t e = problem->in_edge[j];
        end_s[layer] = fmax(end_s[layer], end_s[problem->edges[e].from] + edge_of(&p, e));
      }
      longest_s = fmax(longest_s, end_s[layer] + half_s);
    }
  }
  arena_rewind(scratch, mark);
  return longest_s;
}

/* The statement checked and completed. See sharding.h; strategies, costs and values are in the files beside it. */
#include "search/sharding/sharding.h"

#include "base/checked.h"
#include "base/number_heap.h"
#include "base/text.h"
#include "search/sharding/sharding_private.h"
#include <inttypes.h>
#include <math.h>

const struct sharding_kind sharding_kinds[] = {
#define SHARDING_KIND(name, doc, weights, products, tied, weight_dims, input_dims, output_dims, reduced, inputs)       \
  {name, doc, weights, products, tied, weight_dims, input_dims, output_dims, reduced, inputs},
#include "search/sharding/sharding_kinds.def"
#undef SHARDING_KIND
};
const size_t n_sharding_kinds = sizeof sharding_kinds / sizeof *sharding_kinds;

enum { SHOWN_BYTES = 80, MAX_STRIDE = 1 << 10 };
static const uint64_t max_size = UINT64_C(1) << 24;
static const uint64_t max_elements = UINT64_C(1) << 46; /* times bytes of an element: exact as a double */
enum { MAX_ELEMENT_BYTES = 64 };

struct finishing {
  struct sharding_problem *problem;
  const struct sharding_origin *origin; /* NULL: none */
  struct arena *arena;
  struct error *error;
};

/* --- messages -------------------------------------------------------------------------------------------------------
 */

/* "file:line" of a row, or the problem's name. */
enum { LAYERS, EDGES, BOARDS };
static const char *place_of(const struct finishing *f, size_t table, size_t row) {
  if (f->origin == NULL) return f->problem->name;
  const struct rows_origin tables[] = {f->origin->layers, f->origin->edges, f->origin->boards};
  return rows_place(&tables[table], row, f->problem->name, f->arena);
}

static bool complain(const struct finishing *f, const char *what) {
  return error_add(f->error, STATUS_INPUT, "%s: %s", f->problem->name, what);
}

static bool complain_at(const struct finishing *f, const char *place, const char *sort, const char *name,
                        const char *what) {
  char shown[SHOWN_BYTES];
  text_escape(name, shown, sizeof shown);
  return error_add(f->error, STATUS_INPUT, "%s: %s \"%s\": %s", place, sort, shown, what);
}

static bool complain_of_design(const struct finishing *f, const struct sharding_design *design, const char *what) {
  return complain_at(f, f->problem->name, "design", design->name, what);
}

static bool complain_of_board(const struct finishing *f, size_t board, const char *what) {
  return complain_at(f, place_of(f, BOARDS, board), "board", f->problem->boards[board].name, what);
}

static bool complain_of_layer(const struct finishing *f, size_t layer, const char *what) {
  return complain_at(f, place_of(f, LAYERS, layer), "layer", f->problem->layers[layer].name, what);
}

static bool complain_of_edge(const struct finishing *f, size_t edge, const char *what) {
  const struct sharding_edge *e = &f->problem->edges[edge];
  char from[SHOWN_BYTES], to[SHOWN_BYTES];
  text_escape(f->problem->layers[e->from].name, from, sizeof from);
  text_escape(f->problem->layers[e->to].name, to, sizeof to);
  return error_add(f->error, STATUS_INPUT, "%s: edge \"%s\" to \"%s\": %s", place_of(f, EDGES, edge), from, to, what);
}

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

static bool check_count(const struct finishing *f, const char *what, size_t n, size_t least, size_t most) {
  if (n >= least && n <= most) return true;
  return complain(f, arena_printf(f->arena, "%zu %s: %zu to %zu are allowed", n, what, least, most));
}

static bool check_rate(const struct finishing *f, const char *what, double value) {
  if (value > 0) return true;
  return complain(f, arena_printf(f->arena, "%s %g: a number above 0 is allowed", what, value));
}

static bool check_settings(const struct finishing *f) {
  const struct sharding_problem *p = f->problem;
  bool fine = check_count(f, "boards", p->n_boards, 1, SHARDING_MAX_BOARDS);
  fine = check_count(f, "layers", p->n_layers, 1, SHARDING_MAX_LAYERS) && fine;
  fine = check_count(f, "edges", p->n_edges, 0, SHARDING_MAX_EDGES) && fine;
  fine = check_count(f, "designs", p->n_designs, 1, SHARDING_MAX_DESIGNS) && fine;
  fine = check_count(f, "element_bytes", p->element_bytes, 1, MAX_ELEMENT_BYTES) && fine;
  fine = check_count(f, "max_es_dims", p->max_es_dims, 1, SHARDING_MAX_SPLITS) && fine;
  fine = check_rate(f, "intra_bytes_per_s", p->intra_bytes_per_s) && fine;
  fine = check_rate(f, "inter_bytes_per_s", p->inter_bytes_per_s) && fine;
  fine = check_rate(f, "host_bytes_per_s", p->host_bytes_per_s) && fine;
  for (size_t k = 0; k < p->n_levels; k++) fine = check_rate(f, "level_bytes_per_s", p->level_bytes_per_s[k]) && fine;
  if (!(p->optimizer_bytes_per_weight >= 0 && isfinite(p->optimizer_bytes_per_weight))) {
    fine = complain(f, "optimizer_bytes_per_weight: a finite number of at least 0 is allowed");
  }
  if (!(p->message_s >= 0 && isfinite(p->message_s))) {
    fine = complain(f, "message_s: a finite number of at least 0 is allowed");
  }
  if (p->es_dims == 0) fine = complain(f, "es_dims: at least one dimension must be splittable");
  return fine;
}

static bool check_design(const struct finishing *f, const struct sharding_design *d) {
  const uint64_t needs[][5] = {[SHARDING_TILED] = {d->tm, d->tn, d->tr, d->tc, d->ports},
                               [SHARDING_SYSTOLIC] = {d->rows, d->columns, d->vector, 1, 1},
                               [SHARDING_WINOGRAD] = {d->pm, d->pn, 1, 1, 1},
                               [SHARDING_TABLE] = {d->n_ps, 1, 1, 1, 1},
                               [SHARDING_PRICED] = {d->price != NULL, 1, 1, 1, 1}};
  bool fine = true;
  if (!(d->clock_hz > 0 && isfinite(d->clock_hz))) {
    fine = complain_of_design(f, d, "clock_hz: a finite number above 0 is allowed");
  }
  for (size_t i = 0; i < sizeof needs[0] / sizeof needs[0][0]; i++) {
    if (needs[d->model][i] >= 1 && needs[d->model][i] <= max_size) continue;
    return complain_of_design(f, d, "a parameter of its model is missing or out of 1 to 2^24");
  }
  for (size_t i = 0; d->model == SHARDING_TABLE && i < d->n_ps * f->problem->n_layers; i++) {
    if (isnan(d->cycles[i]) || (d->cycles[i] >= 0 && isfinite(d->cycles[i]))) continue;
    fine = complain_of_design(f, d, "cycles: finite numbers of at least 0 are allowed");
  }
  return fine;
}

static bool check_boards(const struct finishing *f) {
  const struct sharding_problem *p = f->problem;
  bool fine = true;
  for (size_t d = 0; d < p->n_designs; d++) fine = check_design(f, &p->designs[d]) && fine;
  for (size_t b = 0; b < p->n_boards; b++) {
    if (!p->adaptive && p->boards[b].design >= p->n_designs) {
      fine = complain_of_board(f, b, "carries no design, and the system is not adaptive");
    }
    if (p->board_group[b] >= p->n_groups) fine = complain_of_board(f, b, "is in no group");
  }
  for (size_t i = 0; p->link_bytes_per_s != NULL && i < p->n_boards * p->n_boards; i++) {
    if (p->link_bytes_per_s[i] >= 0) continue;
    fine = complain(f, arena_printf(f->arena, "link of \"%s\": %g bytes/s: a number of at least 0 is allowed",
                                    p->boards[i / p->n_boards].name, p->link_bytes_per_s[i]));
  }
  return fine;
}

static bool check_layer(const struct finishing *f, uint32_t l) {
  const struct sharding_problem *p = f->problem;
  const struct sharding_layer *layer = &p->layers[l];
  if (layer->kind >= n_sharding_kinds) return complain_of_layer(f, l, "its kind is not known");
  const struct sharding_kind *kind = &sharding_kinds[layer->kind];
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (layer->size[d] >= 1 && layer->size[d] <= max_size) continue;
    return complain_of_layer(
        f, l, arena_printf(f->arena, "%s %" PRIu64 ": 1 to 2^24 are allowed", sharding_dim_names[d], layer->size[d]));
  }
  if (layer->stride < 1 || layer->stride > MAX_STRIDE || layer->pad > max_size) {
    return complain_of_layer(f, l, "stride: 1 to 1024, pad: 0 to 2^24 are allowed");
  }
  if (kind->channels_tied && layer->size[SHARDING_CIN] != layer->size[SHARDING_COUT]) {
    return complain_of_layer(f, l,
                             arena_printf(f->arena, "cin %" PRIu64 " is not cout %" PRIu64 ": a %s has as many of each",
                                          layer->size[SHARDING_CIN], layer->size[SHARDING_COUT], kind->name));
  }
  const uint64_t weights = sharding_weight_elements(kind, layer->size);
  if (weights <= max_elements && sharding_input_elements(p, l, layer->size) <= max_elements &&
      sharding_output_elements(kind, layer->size) <= max_elements) {
    return true;
  }
  return complain_of_layer(f, l, "a tensor has more than 2^46 elements, which is the most");
}

static bool check_graph(const struct finishing *f) {
  const struct sharding_problem *p = f->problem;
  bool fine = true;
  for (uint32_t l = 0; l < p->n_layers; l++) fine = check_layer(f, l) && fine;
  for (size_t e = 0; e < p->n_edges; e++) {
    const struct sharding_edge *edge = &p->edges[e];
    if (edge->from >= p->n_layers || edge->to >= p->n_layers) {
      return complain(f, arena_printf(f->arena, "edge %zu from layer %u to %u: there are %zu", e, edge->from, edge->to,
                                      p->n_layers));
    }
    if (edge->from == edge->to) fine = complain_of_edge(f, e, "a layer cannot wait for itself");
  }
  return fine;
}

/* --- rows and order -------------------------------------------------------------------------------------------------
 */

static void fill_rows(const struct finishing *f, bool to, const uint32_t **starts, const uint32_t **edge_numbers) {
  const struct sharding_problem *p = f->problem;
  uint32_t *start = ARENA_NEW(f->arena, uint32_t, p->n_layers + 2), *fill = start + 1;
  uint32_t *number = ARENA_NEW(f->arena, uint32_t, p->n_edges);
  for (size_t e = 0; e < p->n_edges; e++) fill[(to ? p->edges[e].to : p->edges[e].from) + 1]++;
  for (size_t l = 0; l < p->n_layers; l++) fill[l + 1] += fill[l];
  for (uint32_t e = 0; e < p->n_edges; e++) number[fill[to ? p->edges[e].to : p->edges[e].from]++] = e;
  *starts = start, *edge_numbers = number;
}

static bool check_twins(const struct finishing *f) {
  const struct sharding_problem *p = f->problem;
  uint32_t *seen = ARENA_NEW(f->arena, uint32_t, p->n_layers); /* by whom, + 1 */
  bool fine = true;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const uint32_t to = p->edges[p->out_edge[i]].to;
      if (seen[to] == l + 1) fine = complain_of_edge(f, p->out_edge[i], "is there twice");
      seen[to] = l + 1;
    }
  }
  return fine;
}

static bool is_ordered(const struct sharding_problem *p) {
  for (size_t e = 0; e < p->n_edges; e++) {
    if (p->edges[e].from > p->edges[e].to) return false;
  }
  return true;
}

/* Least number first among those whose inputs are there. */
static bool sort_layers(const struct finishing *f) {
  struct sharding_problem *p = f->problem;
  uint32_t *order = ARENA_NEW(f->arena, uint32_t, p->n_layers), *place = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  uint32_t *heap = ARENA_NEW(f->arena, uint32_t, p->n_layers), *waits = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  const bool ordered = is_ordered(p);
  size_t n_heap = 0, n = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    waits[l] = p->in_start[l + 1] - p->in_start[l];
    if (ordered) order[n++] = l;
    if (!ordered && waits[l] == 0) number_heap_push(heap, &n_heap, l);
  }
  while (n_heap > 0) {
    const uint32_t l = order[n++] = number_heap_pop(heap, &n_heap);
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const uint32_t to = p->edges[p->out_edge[i]].to;
      if (--waits[to] == 0) number_heap_push(heap, &n_heap, to);
    }
  }
  if (n < p->n_layers) {
    uint32_t l = 0;
    while (waits[l] == 0) l++;
    return complain_of_layer(f, l, "waits for itself in a circle, or behind one: it can never start");
  }
  for (uint32_t i = 0; i < p->n_layers; i++) place[order[i]] = i;
  p->topological = order, p->place = place;
  return true;
}

/* --- what is derived ------------------------------------------------------------------------------------------------
 */

/* First channels of inputs that stand one behind the other: of a concat, or where they add up to what is read. */
static void place_inputs(const struct finishing *f) {
  struct sharding_problem *p = f->problem;
  uint32_t *first = ARENA_NEW(f->arena, uint32_t, p->n_edges);
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const struct sharding_kind *kind = sharding_kind_of(p, l);
    uint64_t sum = 0;
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      sum += p->layers[p->edges[p->in_edge[i]].from].size[SHARDING_COUT];
    }
    const bool adds_up = kind->inputs == SHARDING_INPUTS_ONE && sum == p->layers[l].size[SHARDING_CIN];
    if (kind->inputs != SHARDING_INPUTS_CONCAT && !adds_up) continue;
    uint64_t at = 0;
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      first[p->in_edge[i]] = (uint32_t)min_u64(at, UINT32_MAX);
      at += p->layers[p->edges[p->in_edge[i]].from].size[SHARDING_COUT];
    }
  }
  p->concat_first = first;
}

static bool is_chain(const struct sharding_problem *p) {
  for (size_t i = 0; i < p->n_layers; i++) {
    const uint32_t l = p->topological[i], n = p->in_start[l + 1] - p->in_start[l];
    if (n != (i > 0)) return false;
    if (i > 0 && p->edges[p->in_edge[p->in_start[l]]].from != p->topological[i - 1]) return false;
  }
  return true;
}

bool sharding_finish(struct sharding_problem *problem, struct arena *arena, struct error *error) {
  return sharding_finish_at(problem, NULL, arena, error);
}

bool sharding_finish_at(struct sharding_problem *problem, const struct sharding_origin *origin, struct arena *arena,
                        struct error *error) {
  const struct finishing f = {problem, origin, arena, error};
  if (!check_settings(&f)) return false;
  bool fine = check_boards(&f);
  fine = check_graph(&f) && fine;
  if (!fine) return false;
  fill_rows(&f, true, &problem->in_start, &problem->in_edge);
  fill_rows(&f, false, &problem->out_start, &problem->out_edge);
  if (!check_twins(&f) || !sort_layers(&f)) return false;
  place_inputs(&f);
  problem->chain = is_chain(problem);
  return true;
}

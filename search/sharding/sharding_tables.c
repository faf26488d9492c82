/* The tables behind level 2, made when first wanted. See sharding_tables.h. */
#include "search/sharding/sharding_tables.h"

#include "base/checked.h"
#include "search/sharding/sharding_reshard.h"
#include "search/sharding/sharding_training.h"
#include <stdlib.h>

/* --- which are alike ------------------------------------------------------------------------------------------------
 */

static int compare_forms(const void *a, const void *b, void *context) {
  const struct sharding_problem *problem = context;
  const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
  const struct sharding_layer *x = &problem->layers[i], *y = &problem->layers[j];
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  for (size_t d = 0; d < SHARDING_N_DIMS; d++) {
    if (x->size[d] != y->size[d]) return x->size[d] < y->size[d] ? -1 : 1;
  }
  if (x->stride != y->stride) return x->stride < y->stride ? -1 : 1;
  if (x->pad != y->pad) return x->pad < y->pad ? -1 : 1;
  /* What a sum holds depends on the number of its inputs. */
  const uint32_t n = problem->in_start[i + 1] - problem->in_start[i],
                 m = problem->in_start[j + 1] - problem->in_start[j];
  return n < m ? -1 : n > m;
}

struct edge_form {
  uint32_t from, to, first, input, edge;
};

static int compare_edges(const void *a, const void *b) {
  const struct edge_form *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  if (x->to != y->to) return x->to < y->to ? -1 : 1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->input < y->input ? -1 : x->input > y->input;
}

static const uint32_t *layers_alike(const struct sharding_problem *problem, struct arena *arena) {
  uint32_t *order = ARENA_NEW(arena, uint32_t, problem->n_layers),
           *same = ARENA_NEW(arena, uint32_t, problem->n_layers);
  for (uint32_t l = 0; l < problem->n_layers; l++) order[l] = l;
  /* The library's sort takes its context as writable; ours only reads it. */
  struct sharding_problem context = *problem;
  qsort_r(order, problem->n_layers, sizeof *order, compare_forms, &context);
  for (size_t i = 0, j; i < problem->n_layers; i = j) {
    uint32_t least = order[i];
    for (j = i; j < problem->n_layers && compare_forms(&order[i], &order[j], &context) == 0; j++) {
      if (order[j] < least) least = order[j];
    }
    for (size_t k = i; k < j; k++) same[order[k]] = least;
  }
  return same;
}

/* The place among the inputs counts too: operands of a product are not alike. */
static const uint32_t *edges_alike(const struct sharding_problem *problem, const uint32_t *same, struct arena *arena) {
  struct edge_form *forms = ARENA_NEW(arena, struct edge_form, problem->n_edges);
  uint32_t *alike = ARENA_NEW(arena, uint32_t, problem->n_edges);
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    for (uint32_t j = problem->in_start[l]; j < problem->in_start[l + 1]; j++) {
      const uint32_t e = problem->in_edge[j];
      forms[e] = (struct edge_form){same[problem->edges[e].from], same[l], problem->concat_first[e],
                                    j - problem->in_start[l], e};
    }
  }
  qsort(forms, problem->n_edges, sizeof *forms, compare_edges);
  for (size_t i = 0, j; i < problem->n_edges; i = j) {
    uint32_t least = forms[i].edge;
    for (j = i; j < problem->n_edges && compare_edges(&forms[i], &forms[j]) == 0; j++) {
      if (forms[j].edge < least) least = forms[j].edge;
    }
    for (size_t k = i; k < j; k++) alike[forms[k].edge] = least;
  }
  return alike;
}

struct sharding_store *sharding_store_new(const struct sharding_problem *problem, struct arena *arena) {
  struct sharding_store *store = ARENA_NEW(arena, struct sharding_store, 1);
  const uint32_t *same = layers_alike(problem, arena);
  *store = (struct sharding_store){problem, arena, same, edges_alike(problem, same, arena), true, NULL, NULL};
  for (size_t d = 0; d < problem->n_designs; d++) {
    const enum sharding_model model = problem->designs[d].model;
    if (model == SHARDING_TABLE || model == SHARDING_PRICED) store->cost_by_form = false;
  }
  return store;
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static struct sharding_bytes *bytes_of(struct sharding_store *store, uint32_t p) {
  for (struct sharding_bytes *bytes = store->bytes; bytes != NULL; bytes = bytes->next) {
    if (bytes->p == p) return bytes;
  }
  const size_t n = store->problem->n_layers, n_edges = store->problem->n_edges;
  struct sharding_bytes *bytes = ARENA_NEW(store->arena, struct sharding_bytes, 1);
  *bytes = (struct sharding_bytes){.p = p,
                                   .n = ARENA_NEW(store->arena, uint32_t, n),
                                   .list = ARENA_NEW(store->arena, const struct sharding_strategy *, n),
                                   .reshard = ARENA_NEW(store->arena, uint64_t *, n_edges),
                                   .inbound = ARENA_NEW(store->arena, uint64_t *, n_edges),
                                   .host_in = ARENA_NEW(store->arena, uint64_t *, n),
                                   .host_out = ARENA_NEW(store->arena, uint64_t *, n),
                                   .next = store->bytes};
  store->bytes = bytes;
  return bytes;
}

struct sharding_tables *sharding_store_tables(struct sharding_store *store, struct sharding_shape shape,
                                              uint32_t design) {
  for (struct sharding_tables *tables = store->tables; tables != NULL; tables = tables->next) {
    if (tables->design == design && tables->shape.p == shape.p && tables->shape.bandwidth == shape.bandwidth &&
        tables->shape.dram_bytes == shape.dram_bytes) {
      return tables;
    }
  }
  const size_t n = store->problem->n_layers;
  struct sharding_tables *tables = ARENA_NEW(store->arena, struct sharding_tables, 1);
  *tables = (struct sharding_tables){.store = store,
                                     .shape = shape,
                                     .design = design,
                                     .bytes = bytes_of(store, shape.p),
                                     .cost_s = ARENA_NEW(store->arena, double *, n),
                                     .forward_s = ARENA_NEW(store->arena, double *, n),
                                     .all_reduce_s = ARENA_NEW(store->arena, double *, n),
                                     .lasting_bytes = ARENA_NEW(store->arena, uint64_t *, n),
                                     .io_bytes = ARENA_NEW(store->arena, uint64_t *, n),
                                     .output_bytes = ARENA_NEW(store->arena, uint64_t *, n),
                                     .reshard_s = ARENA_NEW(store->arena, double *, store->problem->n_edges),
                                     .next = store->tables};
  store->tables = tables;
  return tables;
}

struct sharding_tables *sharding_tables_new(const struct sharding_problem *problem, struct sharding_shape shape,
                                            uint32_t design, struct arena *arena) {
  return sharding_store_tables(sharding_store_new(problem, arena), shape, design);
}

static void strategies_of(struct sharding_tables *tables, uint32_t layer) {
  struct sharding_bytes *bytes = tables->bytes;
  if (bytes->list[layer] != NULL) return;
  const uint32_t same = tables->store->same[layer];
  if (bytes->list[same] == NULL) {
    bytes->n[same] =
        (uint32_t)sharding_strategies(tables->store->problem, same, bytes->p, tables->store->arena, &bytes->list[same]);
  }
  bytes->n[layer] = bytes->n[same], bytes->list[layer] = bytes->list[same];
}

void sharding_tables_layer(struct sharding_tables *tables, uint32_t layer) {
  if (tables->cost_s[layer] != NULL) return;
  const struct sharding_store *store = tables->store;
  const struct sharding_problem *problem = store->problem;
  strategies_of(tables, layer);
  const uint32_t row = store->cost_by_form ? store->same[layer] : layer;
  if (tables->cost_s[row] == NULL) {
    strategies_of(tables, row);
    const uint32_t n = tables->bytes->n[row];
    tables->cost_s[row] = ARENA_NEW(store->arena, double, n);
    tables->forward_s[row] = ARENA_NEW(store->arena, double, n);
    tables->all_reduce_s[row] = ARENA_NEW(store->arena, double, n);
    tables->lasting_bytes[row] = ARENA_NEW(store->arena, uint64_t, n);
    tables->io_bytes[row] = ARENA_NEW(store->arena, uint64_t, n);
    tables->output_bytes[row] = ARENA_NEW(store->arena, uint64_t, n);
    for (uint32_t s = 0; s < n; s++) {
      struct sharding_cost cost;
      sharding_cost(problem, row, &problem->designs[tables->design], tables->shape.p, tables->shape.bandwidth,
                    &tables->bytes->list[row][s], &cost);
      tables->cost_s[row][s] = cost.total_s;
      tables->forward_s[row][s] = cost.forward_s, tables->all_reduce_s[row][s] = cost.all_reduce_s;
      tables->lasting_bytes[row][s] = sharding_lasting_bytes(problem, &cost);
      tables->io_bytes[row][s] = sat_add(cost.input_bytes, cost.output_bytes);
      tables->output_bytes[row][s] = cost.output_bytes;
    }
  }
  if (row == layer) return;
  tables->cost_s[layer] = tables->cost_s[row], tables->forward_s[layer] = tables->forward_s[row];
  tables->all_reduce_s[layer] = tables->all_reduce_s[row], tables->lasting_bytes[layer] = tables->lasting_bytes[row];
  tables->io_bytes[layer] = tables->io_bytes[row], tables->output_bytes[layer] = tables->output_bytes[row];
}

const double *sharding_tables_reshard(struct sharding_tables *tables, uint32_t edge) {
  if (tables->reshard_s[edge] != NULL) return tables->reshard_s[edge];
  const struct sharding_store *store = tables->store;
  const uint32_t same = store->same_edge[edge], from = store->problem->edges[same].from,
                 to = store->problem->edges[same].to;
  struct sharding_bytes *bytes = tables->bytes;
  strategies_of(tables, from), strategies_of(tables, to);
  const size_t n_from = bytes->n[from], n_to = bytes->n[to];
  if (bytes->reshard[same] == NULL) {
    uint64_t *row = bytes->reshard[same] = ARENA_NEW(store->arena, uint64_t, n_from * n_to);
    const struct arena_mark mark = arena_get_mark(store->arena);
    sharding_reshard_table(store->problem, same, bytes->p, bytes->list[from], n_from, bytes->list[to], n_to,
                           store->arena, row);
    arena_rewind(store->arena, mark);
  }
  if (tables->reshard_s[same] == NULL) {
    tables->reshard_s[same] = ARENA_NEW(store->arena, double, n_from *n_to);
    for (size_t i = 0; i < n_from * n_to; i++) {
      const uint64_t moved = bytes->reshard[same][i];
      tables->reshard_s[same][i] =
          (double)moved / tables->shape.bandwidth + (moved > 0 ? store->problem->message_s : 0);
    }
  }
  return tables->reshard_s[edge] = tables->reshard_s[same];
}

const uint64_t *sharding_tables_inbound(struct sharding_tables *tables, uint32_t edge) {
  const struct sharding_store *store = tables->store;
  const uint32_t same = store->same_edge[edge], to = store->problem->edges[same].to;
  struct sharding_bytes *bytes = tables->bytes;
  if (bytes->inbound[same] != NULL) return bytes->inbound[same];
  strategies_of(tables, to);
  uint64_t *row = bytes->inbound[same] = ARENA_NEW(store->arena, uint64_t, bytes->n[to]);
  for (uint32_t s = 0; s < bytes->n[to]; s++) {
    row[s] = sharding_reshard_bytes(store->problem, same, 0, NULL, bytes->p, &bytes->list[to][s]);
  }
  return row;
}

const uint64_t *sharding_tables_host(struct sharding_tables *tables, uint32_t layer, bool output) {
  const struct sharding_store *store = tables->store;
  struct sharding_bytes *bytes = tables->bytes;
  const uint32_t same = store->same[layer];
  uint64_t **rows = output ? bytes->host_out : bytes->host_in;
  if (rows[same] != NULL) return rows[same];
  strategies_of(tables, same);
  rows[same] = ARENA_NEW(store->arena, uint64_t, bytes->n[same]);
  for (uint32_t s = 0; s < bytes->n[same]; s++) {
    rows[same][s] = sharding_host_bytes(store->problem, same, bytes->p, &bytes->list[same][s], output);
  }
  return rows[same];
}

/* What does each strategy of each layer cost on a set of so many boards? The tables behind level 2, private to exact
 * methods. Layers of one form share their rows, edges between them too, so a network of a thousand layers needs as many
 * tables as it has forms. */
#ifndef SEARCH_SHARDING_SHARDING_TABLES_H
#define SEARCH_SHARDING_SHARDING_TABLES_H

#include "search/sharding/sharding_level2.h"

/* Bytes by number of boards, whatever their links and design are. */
struct sharding_bytes {
  uint32_t p;
  /* By layer: its legal strategies. */
  uint32_t *n;
  const struct sharding_strategy **list;
  uint64_t **reshard;             /* by edge: [n from * n to] on one set; made when first wanted */
  uint64_t **inbound;             /* by edge: [n to] from another set */
  uint64_t **host_in, **host_out; /* by layer: [n] */
  struct sharding_bytes *next;
};

struct sharding_store {
  const struct sharding_problem *problem;
  struct arena *arena;
  const uint32_t *same;      /* [n_layers] first layer of the same form */
  const uint32_t *same_edge; /* [n_edges] first edge between the same forms */
  bool cost_by_form;         /* cycles depend on the form alone: no design is a table or priced */
  struct sharding_bytes *bytes;
  struct sharding_tables *tables;
};

struct sharding_tables {
  struct sharding_store *store;
  struct sharding_shape shape;
  uint32_t design;
  struct sharding_bytes *bytes;
  double **cost_s;       /* by layer: [n]; training: forward and backward */
  double **forward_s;    /* by layer: [n] the part of it that is forward */
  double **all_reduce_s; /* by layer: [n] of the forward part; */
  /* By layer: [n] on the fullest board: for good, while it runs, and its output. */
  uint64_t **lasting_bytes, **io_bytes, **output_bytes;
  double **reshard_s; /* by edge: [n from * n to] */
  struct sharding_tables *next;
};

/* Rows of a layer are made by this before they are read. */
void sharding_tables_layer(struct sharding_tables *tables, uint32_t layer);
const double *sharding_tables_reshard(struct sharding_tables *tables, uint32_t edge);
const uint64_t *sharding_tables_inbound(struct sharding_tables *tables, uint32_t edge);
const uint64_t *sharding_tables_host(struct sharding_tables *tables, uint32_t layer, bool output);

#endif

/* Which problem of sharding does a network make on these boards? (sharding §2, §5 "Against H2H", §8)
 *
 * A run file's group `sharding` names networks (model files or tables of layers), boards in groups, speeds of links and
 * designs (group `sharding.designs`, else the three of sharding §4). One problem a network and a speed, which `dse map
 * sharding` reads; on request beside it the same layers as a problem of placement, one device a board, for methods that
 * do not split layers. All numbers of the system are our choice, not the paper's. */
#ifndef DSE_SHARDING_TABLE_H
#define DSE_SHARDING_TABLE_H

#include "dse/tenancy/tenancy_table.h"
#include "search/placement/placement.h"
#include "search/sharding/sharding.h"

enum sharding_elementwise { SHARDING_ELEMENTWISE_FUSED, SHARDING_ELEMENTWISE_KEPT };

struct sharding_table_settings {
  struct text_list models, board_designs, es_dims, ss_dims;
  struct real_list intra_gbytes_per_s, inter_gbytes_per_s, host_gbytes_per_s;
  uint64_t batch, element_bytes, groups, boards_per_group, max_es_dims;
  uint64_t elementwise; /* the enum above */
  double dram_gbytes, optimizer_bytes_per_weight;
  bool adaptive, overlap, host_io, double_buffer, reduce_scatter, training, placement;
};
extern const struct field_table sharding_table_fields; /* group "sharding" of run files */

/* An element of the list sharding.designs. */
struct sharding_design_settings {
  const char *name;
  uint64_t model; /* enum sharding_model */
  double clock_mhz;
  uint64_t tm, tn, tr, tc, ports, rows, columns, vector, pm, pn;
};
extern const struct field_table sharding_design_fields;

/* --- layers of a network (sharding_networks.c) ----------------------------------------------------------------------
 */
struct sharding_network {
  const char *name; /* fit for a file */
  size_t n_layers, n_edges;
  const struct sharding_layer *layers; /* in topological order */
  const struct sharding_edge *edges;
  /* Of a graph of operators: it, without views; the operator behind each layer; the layer into which an operator that
   * makes none went, SHARDING_NONE: into none. Of a table of layers NULL. */
  const struct op_graph *graph;
  const uint32_t *op_of, *fused_into;
};
struct sharding_network_request {
  const char *text, *place; /* "bert-base sequence=128"; where it stands, for messages */
  const char *data_folder;
  uint64_t batch, element_bytes;
  bool fuse; /* operators of one operand that work by element go into their producer */
};
bool sharding_network_load(const struct sharding_network_request *request, struct arena *arena, struct arena *scratch,
                           struct sharding_network *network, struct error *error);

/* --- problems -------------------------------------------------------------------------------------------------------
 */
struct sharding_table {
  const struct sharding_table_settings *settings;
  size_t n_networks, n_designs;
  struct sharding_network *networks;
  struct sharding_design *designs;
  uint32_t *board_design; /* [boards] or NULL */
  uint8_t es_dims, ss_dims;
};
bool sharding_table_open(const struct sharding_table_settings *settings, const struct sharding_design_settings *designs,
                         size_t n_designs, const struct tenancy_world *world, struct sharding_table *table,
                         struct error *error);
static inline size_t sharding_table_n_problems(const struct sharding_table *table) {
  return table->n_networks * table->settings->intra_gbytes_per_s.n;
}
/* Network index / n_links over link index % n_links, finished, into `arena`. The table must live as long. */
bool sharding_table_build(const struct sharding_table *table, size_t index, struct arena *arena,
                          struct sharding_problem *problem, struct error *error);
/* The same layers whole on single boards: what a set of one board takes, what a layer needs when none of it is there,
 * the same links; weights stay (memory `hard`), transfers delay the follower. So every latency of a placement is one of
 * sharding's rules, but that a board may run layers that are not consecutive. */
bool sharding_table_placement(const struct sharding_problem *problem, struct arena *arena,
                              struct placement_problem *placement, struct error *error);

#endif

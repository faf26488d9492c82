/* Which problem of partition does a network make on a module of chips? (partition §2, §12: chips are ours to fill in.)
 *
 * A run file's group `chips` names networks, one accelerator (of the catalogue, of a file, or found by a search), how
 * many of them the module holds and what joins them. Every operator of the network becomes a node: what our cost model
 * says it takes on such a chip, its weights, and its output. In training an operator, its backward operators and its
 * update are one node, since its weights and what it keeps lie on one chip; a sample then crosses every cut twice,
 * forward and, as its gradient, back.
 *
 * A ring: chips pass on what is not for them, cost `ring`. A mesh: the chain winds through the grid like a snake, so
 * that neighbours in the chain are neighbours on the grid, and what is for a chip farther off goes through the grid's
 * routers and is charged at its two ends, cost `p2p`. Left out: fusion between operators of different nodes, latency of
 * links, congestion of the grid. */
#ifndef DSE_PARTITION_TABLE_H
#define DSE_PARTITION_TABLE_H

#include "dse/tenancy/tenancy_table.h"
#include "search/partition/partition.h"

enum partition_topology { PARTITION_ON_RING, PARTITION_ON_MESH };
/* Where weights and tensors lie. */
enum partition_store { PARTITION_IN_HBM, PARTITION_IN_BUFFER, PARTITION_ANYWHERE };

struct partition_table_settings {
  struct text_list models;
  const char *accelerator, *network;
  uint64_t n_chips, batch, topology, store, in_flight; /* the enums above; in_flight 0: as many as chips */
  double link_gbytes_per_s;                            /* of one link; 0: the network's or the accelerator's */
  bool training, overlap;
};
extern const struct field_table partition_table_fields; /* group "chips" of run files */

struct partition_table {
  const struct partition_table_settings *settings;
  const struct tenancy_world *world;
  const struct tenancy_core_kind *chip;
  uint64_t element_bytes, link_bytes_per_s, memory_bytes;
};
bool partition_table_open(const struct partition_table_settings *settings, const struct tenancy_world *world,
                          struct partition_table *table, struct error *error);
/* Of the models' i-th, into `arena`. */
bool partition_table_build(const struct partition_table *table, size_t index, struct arena *arena,
                           struct partition_problem *problem, struct error *error);

#endif

/* Which technology nodes are there, and how do they stand to 7 nm? The catalogue, nodes.def. (cost-model §5) */
#ifndef ARCH_TECHNOLOGY_NODE_H
#define ARCH_TECHNOLOGY_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct technology_node {
  uint64_t nm;
  double logic;    /* area of logic, 7 nm = 1 */
  double cell_um2; /* of an SRAM bit */
  double energy;   /* dynamic, 7 nm = 1 */
  const char *source;
};
extern const struct technology_node technology_nodes[];
extern const size_t n_technology_nodes;
extern const char *const technology_node_names; /* "28, 16, …", for messages */
/* NULL for a node that the model does not know. */
const struct technology_node *technology_find_node(uint64_t node_nm);
bool technology_knows_node(uint64_t node_nm);

#endif

/* The list of technology nodes. See technology_node.h. */
#include "arch/technology_node.h"

const struct technology_node technology_nodes[] = {
#define TECHNOLOGY_NODE(nm, logic, cell_um2, energy, source) {nm, logic, cell_um2, energy, source},
#include "arch/nodes.def"
#undef TECHNOLOGY_NODE
};
const size_t n_technology_nodes = sizeof technology_nodes / sizeof technology_nodes[0];

#define TECHNOLOGY_NODE(nm, ...) ", " #nm
static const char comma_and_names[] =
#include "arch/nodes.def"
    ;
#undef TECHNOLOGY_NODE
const char *const technology_node_names = &comma_and_names[2];

const struct technology_node *technology_find_node(uint64_t node_nm) {
  for (size_t i = 0; i < n_technology_nodes; i++)
    if (technology_nodes[i].nm == node_nm) return &technology_nodes[i];
  return NULL;
}

bool technology_knows_node(uint64_t node_nm) { return technology_find_node(node_nm) != NULL; }

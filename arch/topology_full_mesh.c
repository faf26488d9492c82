/* A link between any two units, each with 1/(n−1) of a unit's bandwidth.
 *
 * A group of g of them has g−1 of each member's links. Rings use them two by two, one each way: the complete graph
 * falls apart into ⌊(g−1)/2⌋ disjoint Hamiltonian cycles (Walecki, 1892), so that for even g one link of each stays
 * idle. */
#include "arch/topology.h"

static void full_mesh_view(const struct topology_place *place, struct topology_view *view) {
  const double link = place->size > 2 ? 1 / (double)(place->size - 1) : 1;
  const double group = link * (double)(place->extent - 1);
  const bool idle = place->extent > 2 && place->extent % 2 == 0;
  *view = (struct topology_view){.ring = idle ? group - link : group,
                                 .all_to_all = group,
                                 .pairs = link,
                                 .neighbour = link,
                                 .ring_hops = 1,
                                 .pair_hops = 1,
                                 .far_hops = 1,
                                 .neighbour_hops = 1};
}

const struct topology topology_full_mesh = {
    .name = "full_mesh", .doc = "a link between any two units", .has_size = true, .view = full_mesh_view};

/* Topologies behind switches: every unit has its links to a switch, or to a leaf of a fat tree.
 *
 * Source: Leiserson, "Fat-trees" (1985), for full bisection; an oversubscribed tree gives 1/o of it to all that leaves
 * a leaf. The latency of a level is that of a message through all its switches. Left out: how many units a leaf has. So
 * only a ring of neighbours stays within leaves (of at least o units), which it leaves once; everything else is taken
 * to leave them. */
#include "arch/topology.h"

static void switch_view(const struct topology_place *place, struct topology_view *view) {
  (void)place;
  *view = (struct topology_view){.ring = 1,
                                 .all_to_all = 1,
                                 .pairs = 1,
                                 .neighbour = 1,
                                 .ring_hops = 1,
                                 .pair_hops = 1,
                                 .far_hops = 1,
                                 .neighbour_hops = 1};
}

static void fat_tree_view(const struct topology_place *place, struct topology_view *view) {
  switch_view(place, view);
  const double share = 1 / place->oversubscription;
  view->ring = place->stride > 1 ? share : 1;
  view->all_to_all = view->pairs = view->neighbour = share;
}

const struct topology topology_switched = {
    .name = "switch",
    .doc = "a switch with full bisection: any two units at the full rate",
    .view = switch_view,
};

const struct topology topology_fat_tree = {
    .name = "fat_tree",
    .doc = "leaves and spines: what leaves a leaf gets 1/oversubscription",
    .view = fat_tree_view,
};

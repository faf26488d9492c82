/* What does a wiring leave of a device's bandwidth, and how far apart are devices?
 *
 * A record for each topology of a level (topologies.def). Rates are shares of the bandwidth of all links of a device,
 * for the patterns that collectives are made of, while all members of all groups send at once:
 *
 *   ring        to the neighbour in an order of the algorithm's choice, over as many disjoint rings as there are
 *   all_to_all  to every other member alike
 *   pairs       to a partner in the other half of the group, the farthest that exchanges by halves go
 *   neighbour   to the device that follows in the numbering
 *
 * They are bounds by degree (no member takes in more than its links bring) and by bisection (what must cross the middle
 * of the longest side), which dimension-ordered routes attain on rings and tori: Dally & Towles, "Principles and
 * Practices of Interconnection Networks" (2004), chapters 3 and 5. Hops count links on the longest way of a pattern.
 * Left out: contention by other patterns at the same time, routers' buffers, failed links. */
#ifndef ARCH_TOPOLOGY_H
#define ARCH_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOPOLOGY_MAX_SIDES = 3 };

/* Members `stride` units apart on a level of `size` units (0: as many as there are). */
struct topology_place {
  uint64_t extent, stride, size;
  double oversubscription; /* of a fat tree's uplinks; 1: none */
};

struct topology_view {
  double ring, all_to_all, pairs, neighbour;               /* of a device's bandwidth */
  uint64_t ring_hops, pair_hops, far_hops, neighbour_hops; /* far: to the farthest of all */
  /* Of a grid, the block that the group fills: members along each side, and what a ring along it alone gets. */
  size_t n_sides;
  uint64_t sides[TOPOLOGY_MAX_SIDES];
  double side_rate[TOPOLOGY_MAX_SIDES];
};

struct topology {
  const char *name, *doc;
  bool has_size;               /* it must be known: not for a level of "as many as there are" */
  bool (*fits)(uint64_t size); /* NULL: any size */
  const char *sizes;           /* that fit, for messages */
  void (*view)(const struct topology_place *place, struct topology_view *view); /* extent ≥ 2 */
};
#define TOPOLOGY(symbol, text) extern const struct topology topology_##symbol;
#include "arch/topologies.def"
#undef TOPOLOGY
extern const struct topology *const topologies[];
extern const char *const topology_names[]; /* ends with NULL */
extern const size_t n_topologies;

/* Members of a group of `ranks`, `stride` apart, that certainly share a block of `devices`, wherever the group starts:
 * groups start at multiples of ranks · stride, so that blocks of gcd(ranks · stride, devices) are never torn. */
uint64_t topology_members_within(uint64_t ranks, uint64_t stride, uint64_t devices);

#endif

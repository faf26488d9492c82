/* Topologies of links between neighbours: ring, torus, mesh, hypercube.
 *
 * A level of n units is a grid with sides as equal as n has divisors (4096: 16·16·16; 8960: 16·20·28), the shortest
 * numbered fastest. Each side has two links a unit, each with 1/(2D) of the unit's bandwidth. A group fills a block of
 * it, g members along each side, `gap` units apart, so that as many groups interleave on the same links. Along a side
 * that the group goes all the way round, w = 2 links carry a ring, on a part of it w = 1: there and back take both
 * directions. (Two units that are a whole side have both of its links between them.)
 *
 *   ring         Σ over sides of w/(2D·gap): the degree of the least connected member; the rings that attain it are
 *                disjoint (Bae & Bose, "Edge disjoint Hamiltonian cycles in k-ary n-cubes", 2003, for whole tori)
 *   all to all   half the members to the other half through the middle of a side: with h = ⌊g/2⌋ and n members,
 *                w/(2D·gap) · (n−1)·g / (h·(g−h)·n), the least over sides
 *   pairs        each member to one beyond the middle: w/(2D·gap) · 2/g
 *   neighbour    one link, shared by as many messages as the shift along a side is long
 *
 * Left out: routes that wind around congestion; the messages of a shift that carry into the next side. */
#include "arch/topology.h"

#include "base/checked.h"

/* The largest divisor of n whose power is at most n. */
static uint64_t short_side(uint64_t n, size_t power) {
  uint64_t best = 1;
  for (uint64_t side = 1; sat_mul(side, power == 3 ? sat_mul(side, side) : side) <= n; side++)
    if (n % side == 0) best = side;
  return best;
}

static void grid_sides(uint64_t size, size_t n_sides, uint64_t sides[TOPOLOGY_MAX_SIDES]) {
  for (size_t d = 0; d < n_sides; d++) {
    sides[d] = d + 1 < n_sides ? short_side(size, n_sides - d) : size;
    size /= sides[d];
  }
  if (n_sides == 3 && sides[0] > sides[1]) { /* the last is the longest anyway */
    const uint64_t side = sides[0];
    sides[0] = sides[1];
    sides[1] = side;
  }
}

struct grid_side {
  uint64_t members, gap, whole;
};

/* How much of each side a group takes. */
static void grid_block(const struct topology_place *place, const uint64_t sides[], size_t n_sides,
                       struct grid_side block[]) {
  uint64_t units = 1, before = 1;
  for (size_t d = 0; d < n_sides; d++) {
    const uint64_t below = units;
    units = sat_mul(units, sides[d]);
    uint64_t members = topology_members_within(place->extent, place->stride, units);
    if (d + 1 == n_sides) members = place->extent;
    block[d] = (struct grid_side){.members = members / before, .gap = 1, .whole = sides[d]};
    if (before == 1) block[d].gap = max_u64(place->stride / below, 1);
    before = members;
  }
}

static void neighbour_view(uint64_t stride, const uint64_t sides[], size_t n_sides, bool wraps,
                           struct topology_view *view) {
  uint64_t longest = 1, hops = 0;
  for (size_t d = 0; d < n_sides; d++) {
    const uint64_t along = stride % sides[d];
    const uint64_t way = wraps ? min_u64(along, sides[d] - along) : along;
    longest = max_u64(longest, way);
    hops += way;
    stride /= sides[d];
  }
  view->neighbour = 1 / (2.0 * (double)n_sides * (double)longest);
  view->neighbour_hops = max_u64(hops, 1);
}

static void grid_view(const struct topology_place *place, size_t n_sides, bool wraps, struct topology_view *view) {
  uint64_t sides[TOPOLOGY_MAX_SIDES];
  struct grid_side block[TOPOLOGY_MAX_SIDES];
  grid_sides(place->size, n_sides, sides);
  grid_block(place, sides, n_sides, block);
  *view = (struct topology_view){.all_to_all = 2, .pairs = 2, .ring_hops = 1};
  const double n = (double)place->extent;
  for (size_t d = 0; d < n_sides; d++) {
    const struct grid_side *const side = &block[d];
    if (side->members < 2) continue;
    const bool closed = wraps && sat_mul(side->members, side->gap) == side->whole;
    const double rate = (closed ? 2 : 1) / (2.0 * (double)n_sides * (double)side->gap);
    const double g = (double)side->members, half = (double)(side->members / 2);
    const double crossing = rate * (n - 1) * g / (half * (g - half) * n), pairs = rate * 2 / g;
    view->sides[view->n_sides] = side->members;
    view->side_rate[view->n_sides++] = rate;
    view->ring += rate;
    view->all_to_all = crossing < view->all_to_all ? crossing : view->all_to_all;
    view->pairs = pairs < view->pairs ? pairs : view->pairs;
    view->ring_hops = max_u64(view->ring_hops, side->gap);
    view->far_hops += sat_mul(side->gap, closed ? side->members / 2 : side->members - 1);
  }
  if (view->all_to_all > view->ring) view->all_to_all = view->ring;
  if (view->pairs > view->ring) view->pairs = view->ring;
  view->pair_hops = view->far_hops;
  neighbour_view(place->stride, sides, n_sides, wraps, view);
}

static void ring_view(const struct topology_place *place, struct topology_view *view) {
  grid_view(place, 1, true, view);
}
static void torus2d_view(const struct topology_place *place, struct topology_view *view) {
  grid_view(place, 2, true, view);
}
static void torus3d_view(const struct topology_place *place, struct topology_view *view) {
  grid_view(place, 3, true, view);
}
static void mesh2d_view(const struct topology_place *place, struct topology_view *view) {
  grid_view(place, 2, false, view);
}

/* --- hypercube ------------------------------------------------------------------------------------------------------
 */

static unsigned log2_up(uint64_t n) {
  unsigned bits = 0;
  while (UINT64_C(1) << bits < n && bits < 63) bits++;
  return bits;
}

static bool is_power_of_two(uint64_t n) { return n > 0 && (n & (n - 1)) == 0; }

/* A link a bit of the number; partners of an exchange differ in one. */
static void hypercube_view(const struct topology_place *place, struct topology_view *view) {
  const double link = 1 / (double)log2_up(place->size), n = (double)place->extent;
  const unsigned bits = log2_up(place->extent);
  const double ring = link * bits, crossing = link * 2 * (n - 1) / n;
  *view = (struct topology_view){.ring = ring,
                                 .all_to_all = crossing < ring ? crossing : ring,
                                 .pairs = link,
                                 .neighbour = link,
                                 .ring_hops = 1,
                                 .pair_hops = 1,
                                 .far_hops = bits,
                                 .neighbour_hops = 1};
}

const struct topology topology_ring = {
    .name = "ring", .doc = "two links a unit, closed", .has_size = true, .view = ring_view};
const struct topology topology_torus2d = {
    .name = "torus2d", .doc = "four links a unit, both sides closed", .has_size = true, .view = torus2d_view};
const struct topology topology_torus3d = {
    .name = "torus3d", .doc = "six links a unit, all three sides closed", .has_size = true, .view = torus3d_view};
const struct topology topology_mesh2d = {
    .name = "mesh2d", .doc = "four links a unit, open at the edges", .has_size = true, .view = mesh2d_view};
const struct topology topology_hypercube = {.name = "hypercube",
                                            .doc = "a link for each binary digit of a unit's number",
                                            .has_size = true,
                                            .fits = is_power_of_two,
                                            .sizes = "powers of two",
                                            .view = hypercube_view};

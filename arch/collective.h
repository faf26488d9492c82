/* In how many seconds does a collective algorithm end?
 *
 * A group's members are numbered by levels, innermost fastest: `extent` of them share a unit at level 0, as many of
 * these units a unit of level 1, and so on. A message of b bytes between members whose numbers first agree above level
 * i takes α_i·hops + b/β_i and keeps the sender's and the receiver's port of that level busy meanwhile (Hockney, "The
 * communication challenge for MPP", 1994); a device has one port of each direction a level. Each file states its law
 * over that; tests/property/arch/test_collectives.c holds all of them against the messages, one by one.
 *
 * Bytes S are of the full tensor: what each rank holds before an all-reduce or reduce-scatter and after an all-gather;
 * of an all-to-all, what one rank holds, of which it sends (n−1)/n. Sources: Thakur, Rabenseifner, Gropp, "Optimization
 * of collective communication operations in MPICH" (2005); Chan et al., "Collective communication: theory, practice,
 * and experience" (2007). Left out: the time to add, segments of a tree's messages, congestion. */
#ifndef ARCH_COLLECTIVE_H
#define ARCH_COLLECTIVE_H

#include "arch/topology.h"
#include "workloads/op.h"

enum { COLLECTIVE_MAX_LEVELS = 7 };

struct collective_level {
  uint64_t extent;    /* ≥ 2: members, or units of the level below that hold members, in one unit */
  double latency_s;   /* of a message over one hop */
  double bytes_per_s; /* a member, one direction, all links */
  struct topology_view view;
};

/* What a group sees of the network. */
struct collective_span {
  uint64_t ranks; /* the product of all extents, ≥ 2 */
  size_t n_levels;
  struct collective_level levels[COLLECTIVE_MAX_LEVELS];
};

struct collective_algorithm {
  const char *name, *doc;
  unsigned kinds; /* DOES_… */
  bool composes;  /* of others' phases on single levels */
  bool (*applies)(const struct collective_span *span, enum op_kind kind);
  double (*seconds)(const struct collective_span *span, enum op_kind kind, double bytes);
};
#define COLLECTIVE(name) extern const struct collective_algorithm collective_##name;
#include "arch/collectives.def"
#undef COLLECTIVE
extern const struct collective_algorithm *const collective_algorithms[];
extern const size_t n_collective_algorithms;

/* In the order of op_kinds.def. */
enum {
  DOES_ALL_REDUCE = 1,
  DOES_ALL_GATHER = 2,
  DOES_REDUCE_SCATTER = 4,
  DOES_ALL_TO_ALL = 8,
  DOES_REDUCTIONS = DOES_ALL_REDUCE | DOES_ALL_GATHER | DOES_REDUCE_SCATTER
};
_Static_assert(OP_ALL_GATHER == OP_ALL_REDUCE + 1 && OP_REDUCE_SCATTER == OP_ALL_REDUCE + 2 &&
                   OP_ALL_TO_ALL == OP_ALL_REDUCE + 3,
               "bits of kinds");

/* Does it do this kind in this group? */
bool collective_applies(const struct collective_algorithm *algorithm, const struct collective_span *span,
                        enum op_kind kind);
/* The cheapest of those that apply; with `on_one_level`, of those that do not compose others. At equal times the first
 * of the list. */
double collective_cheapest_s(const struct collective_span *span, enum op_kind kind, double bytes, bool on_one_level,
                             size_t *algorithm);
/* Level i of a span alone, as a group of its own. */
struct collective_span collective_one_level(const struct collective_span *span, size_t level);

#endif

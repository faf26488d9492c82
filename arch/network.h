/* How long do devices talk to each other?
 *
 * A network of levels (chip to chip, node, pod): each has a size, a topology, a bandwidth and a latency. A group of
 * ranks a stride apart spans some of them; a collective takes the cheapest of the algorithms that apply, by α–β closed
 * forms (collective.h) that tests hold against a simulation of the messages. (accelerator-search §9, "Communication".)
 *
 * Who shares what. All groups of a job run the same collective at once, and each device has links of its own at every
 * level, of `gbytes_per_s`. So nothing is shared as long as each member of a group uses its own links alone, and that
 * is what every device gets with `link_sharing`: a unit's links outwards, divided by the groups that leave it side by
 * side (one a device, where members of a group are in different units). Without, a group is taken to be alone: its
 * members also use the outer links of the devices between them, which they reach over the level below and at most at
 * its rate.
 *
 * Which levels a group spans. Groups start at multiples of F = ranks · stride. Blocks of gcd(F, devices of a unit) are
 * never torn by the borders of units, so gcd / stride members (1 where that is no whole number) share one for certain;
 * the others are taken to be outside. 8 neighbours in nodes of 8 are in one; 12 are three blocks of 4; 7 neighbours are
 * alone each, since most groups of 7 lie across a border. Left out: a job that is a single group, and could lie better;
 * traffic of other kinds at the same time. */
#ifndef ARCH_NETWORK_H
#define ARCH_NETWORK_H

#include "arch/accelerator.h"
#include "arch/collective.h"
#include "workloads/op.h"

enum {
  NETWORK_MAX_LEVELS = COLLECTIVE_MAX_LEVELS,
  NETWORK_MAX_LISTED_LEVELS = NETWORK_MAX_LEVELS - 1, /* of run files; chiplets of a package are one more */
};

/* Group "network" of run files: lists by level, innermost first; a list of one value holds for every level (but sizes).
 */
struct network_settings {
  uint64_t preset;                   /* 0: the lists; else network_presets[preset - 1] stands for them */
  struct uint_list sizes;            /* units of the level below in one of this; last 0: as many as there are */
  struct real_list gbytes_per_s;     /* one direction, a device; 0: the design's own links */
  struct real_list latency_us;       /* of one message over one hop */
  struct uint_list topology;         /* index into topologies */
  struct real_list oversubscription; /* of fat trees */
  uint64_t algorithm;                /* 0: the cheapest; else collective_algorithms[algorithm - 1] where it can */
  double efficiency_inner, efficiency_outer; /* of the bandwidth that collectives reach: level 0, the others */
  double d2d_latency_us;                     /* between chiplets of a package: the level inside of all others */
  uint64_t d2d_topology;                     /* index into topologies */
  bool link_sharing;                         /* groups that cross a level side by side share its links */
};
extern const struct field_table network_fields;

/* What the lists must satisfy together; each violation is one call with the key within the group ("sizes") and what is
 * wrong. True if there is none. */
typedef void network_complain(void *context, const char *key, const char *text);
bool network_settings_check(const struct network_settings *settings, struct arena *arena, network_complain *complain,
                            void *context);

struct network_level {
  uint64_t size;      /* units of the level below; 0: as many as there are */
  uint64_t devices;   /* in one unit of this level: the product of sizes so far; 0: as many as there are */
  double bytes_per_s; /* a device, one direction, with its efficiency */
  double latency_s;
  double oversubscription;
  uint64_t topology;
};
struct network {   /* without padding: it is part of a digest */
  size_t n_levels; /* 0: there is none */
  struct network_level levels[NETWORK_MAX_LEVELS];
  const struct network_settings *settings;
};
/* Of settings that passed the check. The design's links are those of every level that the settings leave open. Where
 * the design is a package's chiplet, chiplets are one more level inside of all others, and the bandwidths that the
 * settings fix are those of a package, which its chiplets share. */
void network_init(struct network *network, const struct network_settings *settings,
                  const struct accelerator *accelerator);

/* `ranks` devices, neighbours `stride` apart (0: 1). */
struct network_group {
  uint64_t ranks, stride;
};
/* What the group sees: the levels on which it has several members. ranks ≥ 2. */
void network_span(const struct network *network, struct network_group group, struct collective_span *span);

/* Seconds of a collective of `bytes` (of the full tensor, as DIM_BYTES of its op) in a group; all groups of the job run
 * it at once. ranks < 2 or bytes 0: 0. INFINITY: a level has no bandwidth. `algorithm` (may be NULL): index into
 * collective_algorithms of the one taken. Falls as bandwidths rise. */
double network_collective_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                            struct network_group group, size_t *algorithm);
/* What no algorithm beats: the bandwidth term alone, of what must enter a unit of any level. Falls as bandwidths rise.
 */
double network_collective_floor_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                                  struct network_group group);
/* One message from the first device of a unit to the device `stride` further, as all devices send theirs. */
double network_p2p_s(const struct network *network, uint64_t bytes, uint64_t stride);
/* The slowest message between neighbours of a group, as in a pipeline that has the group's ranks as stages. */
double network_chain_s(const struct network *network, uint64_t bytes, struct network_group group);

#endif

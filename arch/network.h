/* How long do devices talk to each other?
 *
 * A network of levels (chip to chip, node, pod): each has a size, a topology, a bandwidth and a latency. A group of
 * ranks a stride apart spans some of them; a collective takes the cheapest of the algorithms that apply, by α–β closed
 * forms that tests hold against a simulation of the messages. (accelerator-search §9, "Communication".) */
#ifndef ARCH_NETWORK_H
#define ARCH_NETWORK_H

#include "arch/accelerator.h"
#include "workloads/op.h"

enum { NETWORK_MAX_LEVELS = 6 };

/* Group "network" of run files: lists by level, innermost first. */
struct network_settings {
  struct uint_list sizes;                    /* units of the level below in one of this; last 0: as many as there are */
  struct uint_list gbytes_per_s;             /* one direction, a device; 0: the design's own links */
  struct real_list latency_us;               /* of one message */
  struct uint_list topology;                 /* enum network_topology */
  uint64_t algorithm;                        /* auto, or one of the list */
  double efficiency_inner, efficiency_outer; /* of the bandwidth that collectives reach: level 0, the others */
  bool link_sharing;                         /* groups that cross a level side by side share its links */
};
extern const struct field_table network_fields;

struct network_level {
  uint64_t size;      /* units of the level below */
  uint64_t devices;   /* in one unit of this level: the product of sizes so far */
  double bytes_per_s; /* a device, one direction */
  double latency_s;
  uint64_t topology;
};
struct network {
  size_t n_levels;
  struct network_level levels[NETWORK_MAX_LEVELS];
  const struct network_settings *settings;
};
/* The design's links are level 0's where the settings leave it open. */
void network_init(struct network *network, const struct network_settings *settings,
                  const struct accelerator *accelerator);

/* `ranks` devices, neighbours `stride` apart. */
struct network_group {
  uint64_t ranks, stride;
};

/* Seconds of a collective of `bytes` (of the full tensor, as DIM_BYTES of its op) in a group; all groups of the job run
 * it at once. ranks < 2 or bytes 0: 0. `algorithm` (may be NULL): index into collective_algorithms of the one taken. */
double network_collective_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                            struct network_group group, size_t *algorithm);
/* What no algorithm beats: the bandwidth term alone. */
double network_collective_floor_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                                  struct network_group group);
/* One message to the device `stride` further. */
double network_p2p_s(const struct network *network, uint64_t bytes, uint64_t stride);

#endif

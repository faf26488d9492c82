/* The list of topologies, and which members of a group share a block. See topology.h. */
#include "arch/topology.h"

#include "base/checked.h"

const struct topology *const topologies[] = {
#define TOPOLOGY(symbol, text) &topology_##symbol,
#include "arch/topologies.def"
#undef TOPOLOGY
};
const size_t n_topologies = sizeof topologies / sizeof *topologies;

const char *const topology_names[] = {
#define TOPOLOGY(symbol, text) text,
#include "arch/topologies.def"
#undef TOPOLOGY
    NULL};

uint64_t topology_members_within(uint64_t ranks, uint64_t stride, uint64_t devices) {
  uint64_t a = sat_mul(ranks, stride), b = devices;
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a % stride == 0 ? a / stride : 1;
}

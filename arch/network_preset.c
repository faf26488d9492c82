/* The list of known networks. See network_preset.h. */
#include "arch/network_preset.h"

#include "arch/topology.h"

enum {
#define TOPOLOGY(symbol, text) INDEX_##symbol,
#include "arch/topologies.def"
#undef TOPOLOGY
};

const struct network_preset network_presets[] = {
#define PRESET(name_, devices_, inner_, topology_, outer_, source_)                                                    \
  {.name = name_,                                                                                                      \
   .source = source_,                                                                                                  \
   .devices = devices_,                                                                                                \
   .topology = INDEX_##topology_,                                                                                      \
   .inner_gbytes_per_s = inner_,                                                                                       \
   .outer_gbytes_per_s = outer_},
#include "arch/network_presets.def"
#undef PRESET
};
const size_t n_network_presets = sizeof network_presets / sizeof *network_presets;

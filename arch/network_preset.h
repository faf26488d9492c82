/* Which networks are known by name? One line each in network_presets.def. */
#ifndef ARCH_NETWORK_PRESET_H
#define ARCH_NETWORK_PRESET_H

#include <stddef.h>
#include <stdint.h>

struct network_preset {
  const char *name, *source;
  uint64_t devices; /* of the inner level */
  uint64_t topology;
  double inner_gbytes_per_s, outer_gbytes_per_s; /* a device, one direction */
};
extern const struct network_preset network_presets[];
extern const size_t n_network_presets;

#endif

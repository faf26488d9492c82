/* Which part and which network is a machine that somebody measured? See e2e.h and e2e_hardware.def. */
#include "dse/e2e/e2e.h"

#include "arch/technology.h"
#include "base/checked.h"
#include "base/num.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct e2e_hardware machines[] = {
#define E2E_HARDWARE(says_, part_, cores_, eight_, ceiling_, fused_, tdp_, size_, inner_, outer_, topology_, source_)  \
  {.says = says_,                                                                                                      \
   .part = part_,                                                                                                      \
   .cores = cores_,                                                                                                    \
   .eight_bit_rate = eight_,                                                                                           \
   .ceiling = ceiling_,                                                                                                \
   .fused = fused_,                                                                                                    \
   .tdp_w = tdp_,                                                                                                      \
   .inner_size = size_,                                                                                                \
   .inner_gbytes_per_s = inner_,                                                                                       \
   .outer_gbytes_per_s = outer_,                                                                                       \
   .inner_topology = topology_,                                                                                        \
   .source = source_},
#include "dse/e2e/e2e_hardware.def"
#undef E2E_HARDWARE
};

/* The largest divisor of a job's devices that a node or pod holds: jobs larger than a pod are laid over equal slices.
 */
static uint64_t slice_of(uint64_t most, uint64_t n_devices) {
  uint64_t slice = 1;
  if (n_devices <= most) return most;
  for (uint64_t divisor = 1; divisor <= most; divisor++)
    if (n_devices % divisor == 0) slice = divisor;
  return slice > 1 ? slice : most;
}

/* Of one message, inside a node and outside: the default levels of accelerator-search §9. */
static const double inner_latency_us = 1, outer_latency_us = 5;

const struct e2e_hardware *e2e_hardware_of(const char *name) {
  for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
    if (e2e_says(name, machines[i].says)) return &machines[i];
  return NULL;
}

static uint64_t part_of(uint64_t whole, uint64_t share) { return whole == 0 ? 0 : max_u64(whole / share, 1); }

bool e2e_hardware_part(const struct e2e_hardware *hardware, const char *data_folder, uint64_t share,
                       struct arena *arena, struct accelerator *part, struct error *error) {
  struct accelerator whole;
  config_defaults(&accelerator_fields, arena, &whole);
  if (!accelerator_from_catalogue(data_folder, hardware->part, arena, &whole, error) ||
      !accelerator_derive(&whole, error))
    return false;
  if (share > 1) {
    const double bytes_per_cycle = accelerator_hbm_bytes_per_cycle(&whole) / (double)share;
    const bool few_stacks = whole.hbm_stacks % share != 0;
    whole.hbm_bytes_per_cycle = bytes_per_cycle;
    whole.tc_count = part_of(whole.tc_count, share);
    whole.vc_count = part_of(whole.vc_count, share);
    whole.glb_kib = part_of(accelerator_glb_bytes(&whole) / 1024, share);
    if (few_stacks)
      whole.hbm_gib_per_stack = part_of(whole.hbm_gib_per_stack, share);
    else
      whole.hbm_stacks /= share;
    whole.link_gbytes_per_s = part_of(whole.link_gbytes_per_s, share);
  }
  accelerator_even_cores(&whole, part);
  return true;
}

uint64_t e2e_hardware_waves(const struct e2e_hardware *hardware, const char *data_folder, struct arena *arena) {
  struct error *const error = ARENA_NEW(arena, struct error, 1);
  struct accelerator whole;
  config_defaults(&accelerator_fields, arena, &whole);
  if (!accelerator_from_catalogue(data_folder, hardware->part, arena, &whole, error)) return 0;
  return whole.core_kind == CORES_SIMT ? whole.tc_count / hardware->cores : 0;
}

/* The number before a word "W" or "500W" of a name; 0: there is none. */
static double limit_of(const char *name) {
  for (; *name != '\0'; name++) {
    if (!isdigit((unsigned char)*name)) continue;
    char *end;
    const double watts = strtod(name, &end);
    while (*end == ' ') end++;
    if (*end == 'W' && !isalnum((unsigned char)end[1])) return watts;
    while (isdigit((unsigned char)name[1])) name++;
  }
  return 0;
}

/* What of the power goes with the clock, by the law of TDPs: arrays and lanes, not memory, links and leakage. */
static double clocked_share(const struct technology *technology, const struct accelerator *part) {
  struct area_breakdown area;
  struct power_breakdown power;
  physical_area(technology, part, &area);
  physical_tdp(technology, part, area.total, &power);
  return (power.tensor + power.vector) / (power.total - power.supply);
}

/* Dynamic power goes with frequency times voltage squared, and voltage with frequency: with its cube. */
void e2e_hardware_limit(const struct e2e_hardware *hardware, const struct technology *technology, const char *name,
                        struct accelerator *part) {
  const double watts = limit_of(name);
  if (!(watts > 0 && watts < hardware->tdp_w)) return;
  const double bytes_per_s = accelerator_hbm_bytes_per_s(part);
  const double share = clocked_share(technology, part), left = fmax(watts / hardware->tdp_w - (1 - share), 0.1 * share);
  part->clock_mhz = max_u64((uint64_t)((double)part->clock_mhz * num_pow(left / share, 1.0 / 3) + 0.5), 1);
  part->hbm_bytes_per_cycle = bytes_per_s / ((double)part->clock_mhz * 1e6);
}

static void refuse(void *context, const char *key, const char *text) {
  error_add(context, STATUS_INPUT, "network.%s: %s", key, text);
}

/* By the keys of run files, so that what they refuse is refused here. */
bool e2e_hardware_network(const struct e2e_hardware *hardware, uint64_t share, uint64_t n_devices, struct arena *arena,
                          struct network_settings *network, struct error *error) {
  const char *const text = arena_printf(
      arena,
      "network = { sizes = [%llu, 0]; gbytes_per_s = [%#.17g, %#.17g]; latency_us = [%#.17g, %#.17g]; topology = "
      "[\"%s\", \"fat_tree\"]; };\n",
      (unsigned long long)slice_of(sat_mul(hardware->inner_size, share), n_devices),
      hardware->inner_gbytes_per_s / (double)share, hardware->outer_gbytes_per_s / (double)share, inner_latency_us,
      outer_latency_us, hardware->inner_topology);
  const struct config_section sections[] = {{"network", &network_fields, network, false}};
  struct config *config;
  if (!config_open_text(hardware->part, text, strlen(text), NULL, 0, arena, &config, error)) return false;
  const bool read = config_apply(config, sections, 1, arena, error);
  config_close(config);
  return read && network_settings_check(network, arena, refuse, error);
}

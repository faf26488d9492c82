/* Levels of a network, what a group sees of them, and what its collectives take. See network.h. */
#include "arch/network.h"

#include "arch/network_preset.h"
#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

static const char *const algorithm_names[] = {"auto",
#define COLLECTIVE(name) #name,
#include "arch/collectives.def"
#undef COLLECTIVE
                                              NULL};
static const char *const preset_names[] = {"none",
#define PRESET(name, ...) name,
#include "arch/network_presets.def"
#undef PRESET
                                           NULL};

#define NETWORK(member) offsetof(struct network_settings, member), ROLE_ANSWER
static const struct field fields[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"none\"",
     "A known network in place of the lists below (dse list networks); none: the lists.", NETWORK(preset),
     preset_names},
    {"sizes", FIELD_UINT_LIST, "", 0, 1e6, "[8, 4, 0]",
     "Units of the level below in one of each level, innermost first; last 0: as many as there are.", NETWORK(sizes),
     NULL},
    {"gbytes_per_s", FIELD_REAL_LIST, "gbytes_per_s", 0, 1e6, "[0.0, 100.0, 25.0]",
     "Bandwidth of a device at each level, one direction; 0: the design's own links.", NETWORK(gbytes_per_s), NULL},
    {"latency_us", FIELD_REAL_LIST, "us", 0, 1e6, "[1.0, 2.0, 5.0]", "Of a message over one hop of each level.",
     NETWORK(latency_us), NULL},
    {"topology", FIELD_CHOICE_LIST, "", 0, 0, "[\"switch\"]",
     "How units of each level are wired (dse list topologies).", NETWORK(topology), topology_names},
    {"oversubscription", FIELD_REAL_LIST, "", 1, 1000, "[1.0]",
     "Of each level that is a fat_tree: bandwidth into a leaf over bandwidth out of it.", NETWORK(oversubscription),
     NULL},
    {"algorithm", FIELD_CHOICE, "", 0, 0, "\"auto\"",
     "Of collectives, wherever it can do them (dse list collectives); auto: the cheapest for each.", NETWORK(algorithm),
     algorithm_names},
    {"efficiency_inner", FIELD_REAL, "", 0.01, 1, "1.0", "Share of level 0's bandwidth that messages reach.",
     NETWORK(efficiency_inner), NULL},
    {"efficiency_outer", FIELD_REAL, "", 0.01, 1, "1.0", "Share of the other levels' bandwidths that messages reach.",
     NETWORK(efficiency_outer), NULL},
    {"d2d_latency_us", FIELD_REAL, "us", 0, 1e6, "0.05", "Of a message between chiplets of a package.",
     offsetof(struct network_settings, d2d_latency_us), ROLE_ANSWER_UNLESS_DEFAULT, NULL},
    {"d2d_topology", FIELD_CHOICE, "", 0, 0, "\"mesh2d\"", "How chiplets of a package are wired.",
     offsetof(struct network_settings, d2d_topology), ROLE_ANSWER_UNLESS_DEFAULT, topology_names},
    {"link_sharing", FIELD_BOOL, "", 0, 0, "true",
     "Groups that leave a unit side by side share its links; false: each has them to itself.", NETWORK(link_sharing),
     NULL},
};
const struct field_table network_fields = {
    .name = "network",
    .doc = "What joins the devices of a distributed job.",
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
};

/* --- settings -------------------------------------------------------------------------------------------------------
 */

static bool check_length(size_t n, size_t n_levels, const char *key, struct arena *arena, network_complain *complain,
                         void *context) {
  if (n == 1 || n == n_levels) return true;
  complain(context, key,
           arena_printf(arena, "%zu values for %zu levels, give one a level, or one for all", n, n_levels));
  return false;
}

static bool check_topology(const struct network_settings *settings, size_t level, struct arena *arena,
                           network_complain *complain, void *context) {
  const uint64_t size = settings->sizes.values[level];
  const struct topology *const topology = topologies[settings->topology.values[settings->topology.n == 1 ? 0 : level]];
  if (size == 0 && topology->has_size) {
    complain(context, "topology",
             arena_printf(arena, "a %s of as many units as there are, give level %zu a size", topology->name, level));
    return false;
  }
  if (topology->fits == NULL || topology->fits(size)) return true;
  complain(context, "topology",
           arena_printf(arena, "no %s has %llu units, allowed are %s", topology->name, (unsigned long long)size,
                        topology->sizes));
  return false;
}

bool network_settings_check(const struct network_settings *settings, struct arena *arena, network_complain *complain,
                            void *context) {
  if (settings->preset > 0) return true;
  const size_t n = settings->sizes.n;
  if (n == 0 || n > NETWORK_MAX_LISTED_LEVELS) {
    complain(context, "sizes", arena_printf(arena, "%zu levels, allowed are 1 to %d", n, NETWORK_MAX_LISTED_LEVELS));
    return false;
  }
  bool good = true;
  for (size_t i = 0; i < n; i++) {
    const bool last = i + 1 == n;
    if (last ? settings->sizes.values[i] == 0 : settings->sizes.values[i] >= 2) continue;
    complain(context, "sizes",
             last ? "the last must be 0, as many as there are" : "all but the last must be 2 or more");
    good = false;
    break;
  }
  good = check_length(settings->gbytes_per_s.n, n, "gbytes_per_s", arena, complain, context) && good;
  good = check_length(settings->latency_us.n, n, "latency_us", arena, complain, context) && good;
  good = check_length(settings->oversubscription.n, n, "oversubscription", arena, complain, context) && good;
  good = check_length(settings->topology.n, n, "topology", arena, complain, context) && good;
  for (size_t i = 0; good && i < n; i++) good = check_topology(settings, i, arena, complain, context);
  return good;
}

/* --- levels ---------------------------------------------------------------------------------------------------------
 */

static const double bytes_per_s_of_gbyte = 1e9, s_per_us = 1e-6;
static const double preset_inner_latency_s = 1e-6, preset_outer_latency_s = 5e-6; /* the defaults' first and last */

static double of_level(const struct real_list *list, size_t level) { return list->values[list->n == 1 ? 0 : level]; }

static void init_preset(struct network *network, const struct network_preset *preset) {
  network->n_levels = 2;
  network->levels[0] = (struct network_level){.size = preset->devices,
                                              .bytes_per_s = preset->inner_gbytes_per_s * bytes_per_s_of_gbyte,
                                              .latency_s = preset_inner_latency_s,
                                              .oversubscription = 1,
                                              .topology = preset->topology};
  network->levels[1] = (struct network_level){.bytes_per_s = preset->outer_gbytes_per_s * bytes_per_s_of_gbyte,
                                              .latency_s = preset_outer_latency_s,
                                              .oversubscription = 1};
}

/* A bandwidth that the settings fix is a package's: a network card does not multiply with the chiplets behind it. */
static bool is_of_package(const struct network_settings *settings, size_t level) {
  return settings->preset > 0 || of_level(&settings->gbytes_per_s, level) > 0;
}

static void put_chiplets_inside(struct network *network, const struct network_settings *settings,
                                const struct accelerator *accelerator) {
  const double chiplets = (double)accelerator->chiplets;
  for (size_t i = network->n_levels++; i-- > 0;) {
    network->levels[i + 1] = network->levels[i];
    if (is_of_package(settings, i)) network->levels[i + 1].bytes_per_s /= chiplets;
  }
  network->levels[0] = (struct network_level){
      .size = accelerator->chiplets,
      .bytes_per_s = (double)accelerator->d2d_gbytes_per_s * bytes_per_s_of_gbyte * settings->efficiency_inner,
      .latency_s = settings->d2d_latency_us * s_per_us,
      .oversubscription = 1,
      .topology = settings->d2d_topology,
  };
}

void network_init(struct network *network, const struct network_settings *settings,
                  const struct accelerator *accelerator) {
  memset(network, 0, sizeof *network);
  network->settings = settings;
  if (settings->preset > 0) {
    init_preset(network, &network_presets[settings->preset - 1]);
  } else {
    network->n_levels = settings->sizes.n;
    REQUIRE(network->n_levels >= 1 && network->n_levels <= NETWORK_MAX_LISTED_LEVELS);
    for (size_t i = 0; i < network->n_levels; i++) {
      const double gbytes_per_s = of_level(&settings->gbytes_per_s, i);
      const double own = (double)accelerator->link_gbytes_per_s;
      network->levels[i] = (struct network_level){
          .size = settings->sizes.values[i],
          .bytes_per_s = (gbytes_per_s > 0 ? gbytes_per_s : own) * bytes_per_s_of_gbyte,
          .latency_s = of_level(&settings->latency_us, i) * s_per_us,
          .oversubscription = of_level(&settings->oversubscription, i),
          .topology = settings->topology.values[settings->topology.n == 1 ? 0 : i],
      };
    }
  }
  for (size_t i = 0; i < network->n_levels; i++) {
    network->levels[i].bytes_per_s *= i == 0 ? settings->efficiency_inner : settings->efficiency_outer;
  }
  if (accelerator->chiplets > 1) put_chiplets_inside(network, settings, accelerator);
  uint64_t devices = 1;
  for (size_t i = 0; i < network->n_levels; i++) {
    network->levels[i].devices = devices = sat_mul(devices, network->levels[i].size);
  }
}

static void view_of(const struct network_level *level, uint64_t extent, uint64_t stride, struct topology_view *view) {
  const struct topology_place place = {extent, stride, level->size, level->oversubscription};
  topologies[level->topology]->view(&place, view);
}

void network_span(const struct network *network, struct network_group group, struct collective_span *span) {
  const uint64_t stride = max_u64(group.stride, 1);
  uint64_t members = 1, devices = 1; /* in a unit of the level below */
  double below_bytes_per_s = 0;
  REQUIRE(group.ranks >= 2 && network->n_levels > 0);
  span->ranks = group.ranks;
  span->n_levels = 0;
  for (size_t i = 0; i < network->n_levels && members < group.ranks; i++) {
    const struct network_level *const level = &network->levels[i];
    const uint64_t here =
        level->devices == 0 ? group.ranks : topology_members_within(group.ranks, stride, level->devices);
    double bytes_per_s = level->bytes_per_s;
    if (!network->settings->link_sharing && i > 0) {
      const double alone = bytes_per_s * ((double)devices / (double)members);
      bytes_per_s = fmax(bytes_per_s, fmin(alone, below_bytes_per_s));
    }
    if (here > members) {
      struct collective_level *const seen = &span->levels[span->n_levels++];
      seen->extent = here / members;
      seen->latency_s = level->latency_s;
      seen->bytes_per_s = bytes_per_s;
      view_of(level, seen->extent, max_u64(stride / devices, 1), &seen->view);
    }
    members = here;
    devices = level->devices;
    below_bytes_per_s = bytes_per_s;
  }
}

/* --- collectives ----------------------------------------------------------------------------------------------------
 */

double network_collective_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                            struct network_group group, size_t *algorithm) {
  const uint64_t chosen = network->settings->algorithm;
  struct collective_span span;
  if (algorithm != NULL) *algorithm = 0;
  if (group.ranks < 2 || bytes == 0) return 0;
  network_span(network, group, &span);
  if (chosen == 0 || !collective_applies(collective_algorithms[chosen - 1], &span, kind))
    return collective_cheapest_s(&span, kind, (double)bytes, false, algorithm);
  if (algorithm != NULL) *algorithm = (size_t)chosen - 1;
  return collective_algorithms[chosen - 1]->seconds(&span, kind, (double)bytes);
}

/* A level's bandwidth in the pattern that it likes best. */
static double best_bytes_per_s(const struct collective_level *level) {
  const struct topology_view *const view = &level->view;
  return level->bytes_per_s * fmax(fmax(view->ring, view->all_to_all), view->pairs);
}

/* Into the m members of a unit comes what others hold, over the links of all levels outside of it. Of n/m such units,
 * an all-reduce brings 2(1 − m/n)·S into one of them at least (Patarasu & Yuan 2009, with units for members). */
double network_collective_floor_s(const struct network *network, enum op_kind kind, uint64_t bytes,
                                  struct network_group group) {
  /* So that no rounding lifts a floor above what it bounds. */
  static const double below = 1 - 1e-12;
  struct collective_span span;
  if (group.ranks < 2 || bytes == 0) return 0;
  network_span(network, group, &span);
  const double n = (double)span.ranks, passes = kind == OP_ALL_REDUCE ? 2 : 1;
  double members = n, links_bytes_per_s = 0, floor_s = 0;
  for (size_t i = span.n_levels; i-- > 0;) {
    links_bytes_per_s += best_bytes_per_s(&span.levels[i]);
    members /= (double)span.levels[i].extent;
    const double enters_bytes = passes * (double)bytes * (1 - members / n);
    const double takers = kind == OP_ALL_TO_ALL ? 1 : members; /* each member has its own part, or they share one */
    floor_s = fmax(floor_s, enters_bytes / (takers * links_bytes_per_s));
  }
  return floor_s * below;
}

/* --- messages -------------------------------------------------------------------------------------------------------
 */

static double message_s(const struct network_level *level, uint64_t bytes, uint64_t units) {
  struct topology_view view;
  view_of(level, 2, units, &view);
  return level->latency_s * (double)view.neighbour_hops + (double)bytes / (level->bytes_per_s * view.neighbour);
}

double network_p2p_s(const struct network *network, uint64_t bytes, uint64_t stride) {
  uint64_t devices = 1;
  if (bytes == 0 || stride == 0) return 0;
  for (size_t i = 0;; i++) {
    const struct network_level *const level = &network->levels[i];
    if (i + 1 == network->n_levels || stride < level->devices)
      return message_s(level, bytes, max_u64(stride / devices, 1));
    devices = level->devices;
  }
}

double network_chain_s(const struct network *network, uint64_t bytes, struct network_group group) {
  const uint64_t stride = max_u64(group.stride, 1);
  uint64_t members = 1, devices = 1;
  double slowest_s = 0;
  if (bytes == 0) return 0;
  for (size_t i = 0; i < network->n_levels && members < group.ranks; i++) {
    const struct network_level *const level = &network->levels[i];
    const uint64_t here =
        level->devices == 0 ? group.ranks : topology_members_within(group.ranks, stride, level->devices);
    if (here > members) slowest_s = fmax(slowest_s, message_s(level, bytes, max_u64(stride / devices, 1)));
    members = here;
    devices = level->devices;
  }
  return slowest_s;
}

/* Some answer, where others came to a dead end. See placement_build.h.
 *
 * Without pieces: units (groups, or layers alone) by falling weight, each to the device with most room left that can
 * run it. With pieces: the chain's pieces in turn, devices in file order, each up to a load that is made as small as
 * goes by halving. Where that ends in a dead end, units or pieces are tried one by one on every device, with steps
 * back, as long as it takes or a limit of steps allows: finding any answer under hard memory is bin packing. */
#include "search/placement/placement_build.h"

#include "base/checked.h"
#include "search/placement/placement_pieces.h"
#include <stdlib.h>
#include <string.h>

struct unit {
  uint64_t weight_bytes;
  uint32_t layer; /* its first */
};

static int heavier_first(const void *a, const void *b) {
  const struct unit *x = a, *y = b;
  if (x->weight_bytes != y->weight_bytes) return x->weight_bytes > y->weight_bytes ? -1 : 1;
  return x->layer < y->layer ? -1 : x->layer > y->layer;
}

/* The first layer of each unit, heavy units first; how many. */
static size_t list_units(const struct placement_build *build, uint32_t *layer) {
  const struct placement_problem *problem = build->problem;
  struct unit *units = ARENA_NEW(build->scratch, struct unit, problem->n_layers);
  bool *seen = ARENA_NEW(build->scratch, bool, problem->n_groups);
  size_t n = 0;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    const uint32_t g = problem->group != NULL ? problem->group[l] : PLACEMENT_NONE;
    if (g != PLACEMENT_NONE && seen[g]) continue;
    if (g != PLACEMENT_NONE) seen[g] = true;
    units[n++] = (struct unit){build->unit_bytes[l], l};
  }
  qsort(units, n, sizeof *units, heavier_first);
  for (size_t i = 0; i < n; i++) layer[i] = units[i].layer;
  return n;
}

/* Layers of groups whose first has been placed. */
static void place_groups(struct placement_build *build) {
  for (uint32_t l = 0; l < build->problem->n_layers; l++) {
    if (build->device[l] == PLACEMENT_NONE) build->device[l] = build->home[build->problem->group[l]];
  }
}

static bool fill_heavy_first(struct placement_build *build) {
  const struct placement_problem *problem = build->problem;
  uint32_t *layer = ARENA_NEW(build->scratch, uint32_t, problem->n_layers);
  const size_t n = list_units(build, layer);
  for (size_t i = 0; i < n; i++) {
    uint32_t best = PLACEMENT_NONE;
    for (uint32_t d = 0; d < problem->n_devices; d++) {
      if (!placement_build_allows(build, layer[i], d)) continue;
      if (best == PLACEMENT_NONE || build->room_bytes[d] > build->room_bytes[best]) best = d;
    }
    if (best == PLACEMENT_NONE) return false;
    placement_build_place(build, layer[i], best);
  }
  place_groups(build);
  return true;
}

/* --- with steps back ------------------------------------------------------------------------------------------------
 */

enum { MOST_STEPS = 200000, MOST_WORK = 100000000, MOST_KEPT_BYTES = 1 << 26, MOST_LOOKS = 20000000 };

/* Of units (groups, layers alone) heavy ones first, or of the chain's pieces in turn. */
struct search {
  struct placement_build *build;
  size_t n;                      /* units */
  const uint32_t *start, *layer; /* of unit u: layer[start[u]] …; of a group its first stands for all */
  double *weight_bytes;          /* [n + 1] of this unit and all that follow */
  uint32_t *alike;               /* [n_devices] the first device that cannot be told from it */
  uint32_t *n_on;                /* [n_devices] units */
  uint64_t *room_bytes;          /* [n * n_devices] before each unit */
  bool *reaches;                 /* [n * n_devices * n_devices] */
  uint64_t steps;                /* left */
};

static void find_alike(struct search *search) {
  const struct placement_build *build = search->build;
  const size_t n = build->problem->n_devices, n_layers = build->problem->n_layers;
  for (uint32_t d = 0; d < n; d++) {
    search->alike[d] = d;
    for (uint32_t e = 0; n * n * n_layers <= MOST_LOOKS && e < d && search->alike[d] == d; e++) {
      bool same = build->room_bytes[e] == build->room_bytes[d];
      for (size_t l = 0; same && l < n_layers; l++) {
        same = placement_build_can(build, l, d) == placement_build_can(build, l, e);
      }
      if (same) search->alike[d] = e;
    }
  }
}

static bool place_unit(const struct search *search, size_t unit, uint32_t device) {
  for (uint32_t i = search->start[unit]; i < search->start[unit + 1]; i++) {
    if (!placement_build_allows(search->build, search->layer[i], device)) return false;
    placement_build_place(search->build, search->layer[i], device);
  }
  return true;
}

static void save(const struct search *search, size_t unit) {
  const size_t n = search->build->problem->n_devices;
  memcpy(search->room_bytes + unit * n, search->build->room_bytes, n * sizeof *search->room_bytes);
  if (search->reaches != NULL) memcpy(search->reaches + unit * n * n, search->build->reaches, n * n);
}

static void restore(const struct search *search, size_t unit) {
  const struct placement_build *build = search->build;
  const size_t n = build->problem->n_devices;
  memcpy(build->room_bytes, search->room_bytes + unit * n, n * sizeof *search->room_bytes);
  if (search->reaches != NULL) memcpy(build->reaches, search->reaches + unit * n * n, n * n);
  for (uint32_t i = search->start[unit]; i < search->start[unit + 1]; i++) {
    const uint32_t l = search->layer[i];
    build->device[l] = PLACEMENT_NONE;
    if (build->problem->group != NULL && build->problem->group[l] != PLACEMENT_NONE) {
      build->home[build->problem->group[l]] = PLACEMENT_NONE;
    }
  }
}

static bool can_still_fit(const struct search *search, size_t unit) {
  double room_bytes = 0;
  for (size_t d = 0; d < search->build->problem->n_devices; d++) {
    if (search->build->room_bytes[d] == UINT64_MAX) return true;
    room_bytes += (double)search->build->room_bytes[d];
  }
  return search->weight_bytes[unit] <= room_bytes;
}

/* One of several empty devices that are alike stands for all. */
static bool is_repeated(const struct search *search, uint32_t device) {
  for (uint32_t e = search->alike[device]; search->n_on[device] == 0 && e < device; e++) {
    if (search->alike[e] == search->alike[device] && search->n_on[e] == 0) return true;
  }
  return false;
}

/* Without recursion, since there may be many units. NONE: nothing there is; otherwise what stopped it. */
static enum placement_filled go(struct search *search, uint32_t *tried, uint32_t *on) {
  const uint32_t n_devices = (uint32_t)search->build->problem->n_devices;
  size_t unit = 0;
  if (search->n == 0) return PLACEMENT_FILLED;
  tried[0] = 0;
  save(search, 0);
  for (;;) {
    bool placed = false;
    /* The device of the unit before comes first: pieces of a chain grow. */
    const uint32_t first = unit > 0 && search->reaches != NULL ? on[unit - 1] : 0;
    while (!placed && tried[unit] < n_devices && can_still_fit(search, unit)) {
      const uint32_t d = (first + tried[unit]++) % n_devices;
      if (is_repeated(search, d)) continue;
      if (search->steps-- == 0) return PLACEMENT_GAVE_UP;
      placed = place_unit(search, unit, d);
      if (placed) on[unit] = d, search->n_on[d]++;
      if (!placed) restore(search, unit);
    }
    if (placed && ++unit == search->n) return PLACEMENT_FILLED;
    if (placed) {
      tried[unit] = 0;
      save(search, unit);
      continue;
    }
    if (unit-- == 0) return PLACEMENT_IMPOSSIBLE;
    search->n_on[on[unit]]--;
    restore(search, unit);
  }
}

static enum placement_filled fill_by_steps(struct placement_build *build) {
  const struct placement_problem *problem = build->problem;
  const size_t n_devices = problem->n_devices;
  struct search search = {.build = build};
  if (problem->contiguous) {
    search.n = build->n_pieces, search.start = build->piece_start, search.layer = build->piece_layer;
  } else {
    uint32_t *start = ARENA_NEW(build->scratch, uint32_t, problem->n_layers + 1);
    uint32_t *layer = ARENA_NEW(build->scratch, uint32_t, problem->n_layers);
    search.n = list_units(build, layer);
    for (uint32_t u = 0; u <= search.n; u++) start[u] = u;
    search.start = start, search.layer = layer;
  }
  const size_t kept = n_devices * (sizeof(uint64_t) + (problem->contiguous ? n_devices : 0));
  if (search.n > MOST_KEPT_BYTES / kept) return PLACEMENT_GAVE_UP;
  placement_build_reset(build);
  search.weight_bytes = ARENA_NEW(build->scratch, double, search.n + 1);
  for (size_t u = search.n; u-- > 0;) {
    search.weight_bytes[u] = search.weight_bytes[u + 1];
    for (uint32_t i = search.start[u]; i < search.start[u + 1]; i++) {
      const uint32_t l = search.layer[i];
      search.weight_bytes[u] += (double)(problem->contiguous ? problem->weight_bytes[l] : build->unit_bytes[l]);
    }
  }
  search.alike = ARENA_NEW(build->scratch, uint32_t, n_devices);
  search.n_on = ARENA_NEW(build->scratch, uint32_t, n_devices);
  search.room_bytes = ARENA_NEW(build->scratch, uint64_t, search.n * n_devices);
  if (problem->contiguous) search.reaches = ARENA_NEW(build->scratch, bool, search.n *n_devices *n_devices);
  search.steps = min_u64(MOST_STEPS, MOST_WORK / kept);
  find_alike(&search);
  uint32_t *tried = ARENA_NEW(build->scratch, uint32_t, search.n + 1);
  const enum placement_filled filled = go(&search, tried, ARENA_NEW(build->scratch, uint32_t, search.n + 1));
  if (filled == PLACEMENT_FILLED) place_groups(build);
  return filled;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

enum placement_filled placement_build_try_fill(struct placement_build *build, struct placement_answer *answer) {
  const struct arena_mark mark = arena_get_mark(build->scratch);
  placement_build_reset(build);
  enum placement_filled filled = PLACEMENT_FILLED;
  if (!(build->problem->contiguous ? placement_deal_pieces(build) : fill_heavy_first(build)))
    filled = fill_by_steps(build);
  if (filled == PLACEMENT_FILLED) placement_build_answer(build, build->problem->topological, answer);
  arena_rewind(build->scratch, mark);
  return filled;
}

bool placement_build_fill(struct placement_build *build, struct placement_answer *answer) {
  return placement_build_try_fill(build, answer) == PLACEMENT_FILLED;
}

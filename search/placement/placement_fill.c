/* Some answer, where others came to a dead end. See placement_build.h.
 *
 * Without pieces: units (groups, or layers alone) by falling weight, each to the device with most room left that can
 * run it. With pieces: the chain's pieces in turn, devices in file order, each up to a load that is made as small as
 * goes by halving. Neither is complete: finding any answer under hard memory is bin packing. */
#include "search/placement/placement_build.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALVINGS = 40 };

struct unit {
  uint64_t weight_bytes;
  uint32_t layer; /* its first */
};

static int heavier_first(const void *a, const void *b) {
  const struct unit *x = a, *y = b;
  if (x->weight_bytes != y->weight_bytes) return x->weight_bytes > y->weight_bytes ? -1 : 1;
  return x->layer < y->layer ? -1 : x->layer > y->layer;
}

static bool fill_heavy_first(struct placement_build *build) {
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
  for (size_t i = 0; i < n; i++) {
    uint32_t best = PLACEMENT_NONE;
    for (uint32_t d = 0; d < problem->n_devices; d++) {
      if (!placement_build_allows(build, units[i].layer, d)) continue;
      if (best == PLACEMENT_NONE || build->room_bytes[d] > build->room_bytes[best]) best = d;
    }
    if (best == PLACEMENT_NONE) return false;
    placement_build_place(build, units[i].layer, best);
  }
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    if (build->device[l] == PLACEMENT_NONE) build->device[l] = build->home[problem->group[l]];
  }
  return true;
}

/* --- pieces ---------------------------------------------------------------------------------------------------------
 */

static bool takes(const struct placement_build *build, size_t piece, uint32_t device, double most_s, double *load_s) {
  const struct placement_problem *problem = build->problem;
  uint64_t weight_bytes = 0;
  double sum_s = *load_s;
  for (uint32_t i = build->piece_start[piece]; i < build->piece_start[piece + 1]; i++) {
    const uint32_t l = build->piece_layer[i];
    if (!placement_build_can(build, l, device)) return false;
    weight_bytes = sat_add(weight_bytes, problem->weight_bytes[l]);
    sum_s += problem->compute_s[placement_at(problem, l, device)];
  }
  if (weight_bytes > build->room_bytes[device] || sum_s > most_s) return false;
  *load_s = sum_s;
  return true;
}

/* The largest load, or INFINITY: some piece found no device. */
static double deal(struct placement_build *build, double most_s) {
  const struct placement_problem *problem = build->problem;
  placement_build_reset(build);
  double load_s = 0, largest_s = 0;
  uint32_t d = 0;
  for (size_t piece = 0; piece < build->n_pieces; piece++) {
    while (!takes(build, piece, d, most_s, &load_s)) {
      load_s = 0;
      if (++d == problem->n_devices) return INFINITY;
    }
    largest_s = fmax(largest_s, load_s);
    for (uint32_t i = build->piece_start[piece]; i < build->piece_start[piece + 1]; i++) {
      const uint32_t l = build->piece_layer[i];
      build->device[l] = d;
      if (build->room_bytes[d] != UINT64_MAX) build->room_bytes[d] -= problem->weight_bytes[l];
    }
  }
  return largest_s;
}

static bool fill_pieces(struct placement_build *build) {
  double high_s = deal(build, INFINITY), low_s = 0;
  if (!(high_s < INFINITY)) return false;
  for (int i = 0; i < HALVINGS; i++) {
    const double middle_s = (low_s + high_s) / 2, reached_s = deal(build, middle_s);
    if (reached_s < INFINITY) {
      high_s = reached_s;
    } else {
      low_s = middle_s;
    }
  }
  return deal(build, high_s) < INFINITY;
}

bool placement_build_fill(struct placement_build *build, struct placement_answer *answer) {
  const struct arena_mark mark = arena_get_mark(build->scratch);
  placement_build_reset(build);
  const bool fine = build->problem->contiguous ? fill_pieces(build) : fill_heavy_first(build);
  if (fine) placement_build_answer(build, build->problem->topological, answer);
  arena_rewind(build->scratch, mark);
  return fine;
}

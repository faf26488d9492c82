/* See stage_bound.h. */
#include "arch/stage_bound.h"

#include "arch/stage_private.h"
#include "base/checked.h"
#include <math.h>
#include <string.h>

/* --- floors kept between designs -------------------------------------------------------------------------------------
 * Most designs of a space share the shapes of their cores with many others, and floors see little else. One set holds
 * those of all the stage's operators on such a core; sets that fall on the same place replace each other. */

struct kept_floor {
  uint64_t compute_cycles, hbm_bytes;
  uint64_t memory_cycles; /* with by_hbm: of links alone, beside hbm_bytes over the bandwidth */
  uint8_t classes;
  bool by_hbm;
};

/* The longest path hangs on the least cycles of the shapes alone, and designs that differ in what no operator waits for
 * share these. Paths that fall on the same place replace each other; a graph is fixed, so none is ever wrong. */
struct kept_path {
  struct digest key; /* of all least cycles */
  uint64_t cycles;
  bool is_filled;
};

enum { MOST_SETS = 1 << 11, MOST_SET_BYTES = 1 << 24, MOST_PATHS = 1 << 12 };

struct floor_sets {
  size_t n;                /* a power of two */
  struct digest *keys;     /* [n] */
  bool *filled;            /* [n] */
  struct kept_floor *all;  /* [n * n_shapes] */
  struct kept_path *paths; /* [MOST_PATHS] */
};

struct floor_sets *floor_sets_new(struct arena *arena, const struct stage *stage) {
  struct floor_sets *sets = ARENA_NEW(arena, struct floor_sets, 1);
  const size_t set_bytes = stage->graph->n_shapes * sizeof *sets->all;
  sets->n = MOST_SETS;
  while (sets->n > 1 && sets->n * set_bytes > MOST_SET_BYTES) sets->n /= 2;
  sets->keys = ARENA_NEW(arena, struct digest, sets->n);
  sets->filled = ARENA_NEW(arena, bool, sets->n);
  sets->all = ARENA_NEW(arena, struct kept_floor, sets->n * stage->graph->n_shapes);
  sets->paths = ARENA_NEW(arena, struct kept_path, MOST_PATHS);
  return sets;
}

void floor_sets_clear(struct floor_sets *sets) { memset(sets->filled, 0, sets->n * sizeof *sets->filled); }

struct digest floors_digest(const struct stage *stage, const struct machine *machine) {
  struct machine seen;
  memcpy(&seen, machine, sizeof seen); /* unnamed padding could only cost a miss */
  seen.settings = NULL;
  seen.technology = NULL;
  seen.tilings = NULL;
  seen.network.settings = NULL; /* where things lie must not say which sets replace each other */
  if (stage->provider->floor_sight != FLOORS_SEE_ALL) {
    seen.n_tensor = seen.n_vector = seen.glb_bytes = seen.glb_share_bytes = 0;
    seen.hbm_bytes_per_cycle = 0;
  }
  return digest_of(&seen, sizeof seen);
}

/* What is kept must not depend on who asks first: the HBM's bandwidth is left out and comes in with each design. */
static void fill(const struct stage *stage, const struct machine *machine, struct kept_floor *kept) {
  const struct op_graph *graph = stage->graph;
  const bool by_hbm = stage->provider->floor_sight == FLOORS_SEE_HBM;
  struct machine seen = *machine;
  if (by_hbm) seen.hbm_bytes_per_cycle = (double)INFINITY;
  for (uint32_t s = 0; s < graph->n_shapes; s++) {
    const struct op *op = &graph->ops[graph->shape_op[s]];
    struct op_floor floor;
    stage->provider->op_floor(&seen, op, graph->followers + op->first_follower, &floor);
    kept[s] = (struct kept_floor){.compute_cycles = floor.compute_cycles,
                                  .hbm_bytes = floor.hbm_bytes,
                                  .memory_cycles = floor.memory_cycles,
                                  .classes = stage_classes_of(stage, machine, op),
                                  .by_hbm = by_hbm};
  }
}

/* The floors of all shapes on this machine; valid until the next. */
static const struct kept_floor *floors_of(const struct stage *stage, const struct stage_seen *seen,
                                          struct stage_scratch *scratch) {
  struct floor_sets *sets = scratch->floors;
  const struct digest key = seen->floors;
  const size_t set = (size_t)key.low & (sets->n - 1);
  struct kept_floor *kept = sets->all + set * stage->graph->n_shapes;
  if (!sets->filled[set] || !digest_equal(sets->keys[set], key)) {
    fill(stage, &seen->machine, kept);
    sets->keys[set] = key;
    sets->filled[set] = true;
  }
  return kept;
}

/* The design itself, or in `room` what it is as it runs. */
static const struct accelerator *as_it_runs(const struct stage *stage, const struct accelerator *built,
                                            struct accelerator *room) {
  if (stage->derating == NULL) return built;
  stage_running(stage, built, room);
  return room;
}

/* --- sums and paths ------------------------------------------------------------------------------------------------
 */

void stage_floors_clear(const struct stage *stage, struct stage_scratch *scratch) {
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) scratch->least_cycles[s] = UINT64_MAX;
}

void stage_floors_sum(const struct stage *stage, const struct accelerator *best, struct stage_scratch *scratch,
                      struct stage_sums *sums) {
  struct accelerator room;
  const struct stage_seen *seen = stage_see(stage, as_it_runs(stage, best, &room), scratch);
  const struct machine *machine = &seen->machine;
  const struct kept_floor *floors = floors_of(stage, seen, scratch);
  *sums = (struct stage_sums){0};
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) {
    const struct kept_floor *floor = &floors[s];
    const uint64_t hbm_cycles = floor->by_hbm ? cycles_for_bytes(floor->hbm_bytes, machine->hbm_bytes_per_cycle) : 0;
    const uint64_t memory_cycles = max_u64(floor->memory_cycles, hbm_cycles);
    /* On k cores: duration ≥ max(⌈compute/k⌉, memory), and k × duration ≥ max(compute, memory). */
    const uint64_t cycles =
        max_u64(ceil_div(floor->compute_cycles, UINT64_C(1) << (seen->widths[floor->classes] - 1)), memory_cycles);
    scratch->least_cycles[s] = min_u64(scratch->least_cycles[s], cycles);
    const uint64_t n = stage->shape_ops[s];
    const uint64_t core_cycles = sat_mul(n, max_u64(floor->compute_cycles, memory_cycles));
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if (floor->classes & 1u << c) sums->load_cycles[c] = sat_add(sums->load_cycles[c], core_cycles);
    }
    if (floor->classes == 1u << CORE_VECTOR) {
      sums->lane_cycles = sat_add(sums->lane_cycles, sat_mul(sat_mul(n, floor->compute_cycles), machine->lanes));
    }
    sums->hbm_bytes = sat_add(sums->hbm_bytes, sat_mul(n, floor->hbm_bytes));
  }
  sums->slots = sat_mul(sums->load_cycles[CORE_TENSOR], machine->rows * machine->cols);
}

static uint64_t longest_path(const struct stage *stage, struct stage_scratch *scratch) {
  const struct op_graph *graph = stage->graph;
  uint64_t longest = 0, *finish = scratch->finish;
  for (size_t i = 0; i < graph->n_ops; i++) {
    uint64_t ready = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      ready = max_u64(ready, finish[graph->preds[e]]);
    }
    finish[i] = sat_add(ready, scratch->least_cycles[stage->op_shapes[i]]);
    longest = max_u64(longest, finish[i]);
  }
  return longest;
}

uint64_t stage_floors_path(const struct stage *stage, struct stage_scratch *scratch) {
  const struct digest key = digest_of(scratch->least_cycles, stage->graph->n_shapes * sizeof *scratch->least_cycles);
  struct kept_path *kept = &scratch->floors->paths[key.low & (MOST_PATHS - 1)];
  if (!kept->is_filled || !digest_equal(kept->key, key)) {
    *kept = (struct kept_path){.key = key, .cycles = longest_path(stage, scratch), .is_filled = true};
  }
  return kept->cycles;
}

/* Halfway between what no schedule beats and what a list schedule does not exceed: all operators one after another,
 * each on as many cores as it may have, or the longest path behind the work of all classes of cores (Graham 1969,
 * "Bounds on multiprocessing timing anomalies": while the path waits, some class is busy). */
static uint64_t likely_cycles(const struct stage *stage, const struct stage_scratch *scratch, const uint32_t *n_cores,
                              const struct stage_sums *sums, uint64_t path_cycles) {
  uint64_t serial_cycles = 0, least_cycles = path_cycles, most_cycles = path_cycles;
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) {
    serial_cycles = sat_add(serial_cycles, sat_mul(stage->shape_ops[s], scratch->least_cycles[s]));
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (sums->load_cycles[c] == 0 || n_cores[c] == 0) continue;
    const uint64_t load_cycles = ceil_div(sums->load_cycles[c], n_cores[c]);
    least_cycles = max_u64(least_cycles, load_cycles);
    most_cycles = sat_add(most_cycles, load_cycles);
  }
  most_cycles = min_u64(most_cycles, serial_cycles);
  return most_cycles > least_cycles ? least_cycles + (most_cycles - least_cycles) / 2 : least_cycles;
}

void stage_floors_end(const struct stage *stage, const struct stage_corners *corners, const struct stage_sums *sums,
                      uint64_t path_cycles, struct stage_floor *floor) {
  static const enum stage_binding names[N_CORE_CLASSES] = {BINDING_TENSOR_CORES, BINDING_VECTOR_CORES, BINDING_LINKS};
  uint32_t n_cores[N_CORE_CLASSES];
  stage_count_cores(corners->best, n_cores);
  struct accelerator best_room, least_room;
  const struct accelerator *best = as_it_runs(stage, corners->best, &best_room);
  const struct accelerator *least = as_it_runs(stage, corners->least, &least_room);
  floor->likely_cycles = 0;
  floor->cycles = path_cycles;
  floor->binding = BINDING_CRITICAL_PATH;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (sums->load_cycles[c] == 0) continue;
    const uint64_t bound = n_cores[c] > 0 ? ceil_div(sums->load_cycles[c], n_cores[c]) : UINT64_MAX;
    if (bound > floor->cycles) floor->cycles = bound, floor->binding = names[c];
  }
  if (stage_shares_hbm(stage)) {
    const double rate = accelerator_hbm_bytes_per_cycle(best) * stage->cost->hbm_efficiency;
    const uint64_t bound = cycles_for_bytes(sums->hbm_bytes, rate);
    if (bound > floor->cycles) floor->cycles = bound, floor->binding = BINDING_HBM;
  }
  /* Energy grows with MACs, busy arrays, lanes, bytes and time, and none of them can be less than this. */
  const struct energy_traffic traffic = {.macs = stage->macs,
                                         .idle_mac_cycles = sums->slots > stage->macs ? sums->slots - stage->macs : 0,
                                         .lane_cycles = sums->lane_cycles,
                                         .hbm_bytes = sums->hbm_bytes,
                                         .seconds = (double)floor->cycles / ((double)best->clock_mhz * 1e6)};
  floor->energy_j = energy_model_j(&stage->energy, least, corners->least_area, &traffic) +
                    stage_derated_hbm_j(stage, least, sums->hbm_bytes);
}

void stage_bound(const struct stage *stage, const struct accelerator *accelerator,
                 const struct stage_cost_of_design *design, struct stage_scratch *scratch, struct stage_floor *floor) {
  const struct stage_corners corners = {accelerator, accelerator, &design->area};
  struct stage_sums sums;
  uint32_t n_cores[N_CORE_CLASSES];
  stage_floors_clear(stage, scratch);
  stage_floors_sum(stage, accelerator, scratch, &sums);
  const uint64_t path_cycles = stage_floors_path(stage, scratch);
  stage_floors_end(stage, &corners, &sums, path_cycles, floor);
  stage_count_cores(accelerator, n_cores);
  floor->likely_cycles = max_u64(floor->cycles, likely_cycles(stage, scratch, n_cores, &sums, path_cycles));
}

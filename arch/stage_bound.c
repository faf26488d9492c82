/* See stage_bound.h. */
#include "arch/stage_bound.h"

#include "arch/stage_private.h"
#include "base/checked.h"

void stage_floors_clear(const struct stage *stage, struct stage_scratch *scratch) {
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) scratch->least_cycles[s] = UINT64_MAX;
}

void stage_floors_sum(const struct stage *stage, const struct accelerator *best, struct stage_scratch *scratch,
                      struct stage_sums *sums) {
  const struct op_graph *graph = stage->graph;
  struct machine machine;
  uint32_t n_cores[N_CORE_CLASSES];
  machine_init(&machine, stage->cost, stage->technology, best);
  stage_count_cores(best, n_cores);
  *sums = (struct stage_sums){0};
  for (uint32_t s = 0; s < graph->n_shapes; s++) {
    const struct op *op = &graph->ops[graph->shape_op[s]];
    const unsigned classes = stage_classes_of(stage, &machine, op);
    struct op_floor floor;
    stage->provider->op_floor(&machine, op, graph->followers + op->first_follower, &floor);
    /* On k cores: duration ≥ max(⌈compute/k⌉, memory), and k × duration ≥ max(compute, memory). */
    const uint64_t widest = UINT64_C(1) << (stage_allowed_widths(stage, n_cores, classes) - 1);
    const uint64_t cycles = max_u64(ceil_div(floor.compute_cycles, widest), floor.memory_cycles);
    scratch->least_cycles[s] = min_u64(scratch->least_cycles[s], cycles);
    const uint64_t n = stage->shape_ops[s];
    const uint64_t core_cycles = sat_mul(n, max_u64(floor.compute_cycles, floor.memory_cycles));
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if (classes & 1u << c) sums->load_cycles[c] = sat_add(sums->load_cycles[c], core_cycles);
    }
    if (classes == 1u << CORE_VECTOR) {
      sums->lane_cycles = sat_add(sums->lane_cycles, sat_mul(sat_mul(n, floor.compute_cycles), machine.lanes));
    }
    sums->hbm_bytes = sat_add(sums->hbm_bytes, sat_mul(n, floor.hbm_bytes));
  }
  sums->slots = sat_mul(sums->load_cycles[CORE_TENSOR], machine.rows * machine.cols);
}

uint64_t stage_floors_path(const struct stage *stage, struct stage_scratch *scratch) {
  const struct op_graph *graph = stage->graph;
  uint64_t longest = 0, *finish = scratch->finish;
  for (size_t i = 0; i < graph->n_ops; i++) {
    uint64_t ready = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      ready = max_u64(ready, finish[graph->preds[e]]);
    }
    finish[i] = sat_add(ready, scratch->least_cycles[graph->ops[i].shape]);
    longest = max_u64(longest, finish[i]);
  }
  return longest;
}

void stage_floors_end(const struct stage *stage, const struct stage_corners *corners, const struct stage_sums *sums,
                      uint64_t path_cycles, struct stage_floor *floor) {
  static const enum stage_binding names[N_CORE_CLASSES] = {BINDING_TENSOR_CORES, BINDING_VECTOR_CORES, BINDING_LINKS};
  uint32_t n_cores[N_CORE_CLASSES];
  stage_count_cores(corners->best, n_cores);
  floor->cycles = path_cycles;
  floor->binding = BINDING_CRITICAL_PATH;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (sums->load_cycles[c] == 0) continue;
    const uint64_t bound = n_cores[c] > 0 ? ceil_div(sums->load_cycles[c], n_cores[c]) : UINT64_MAX;
    if (bound > floor->cycles) floor->cycles = bound, floor->binding = names[c];
  }
  if (stage_shares_hbm(stage)) {
    const uint64_t bound = cycles_for_bytes(sums->hbm_bytes, accelerator_hbm_bytes_per_cycle(corners->best));
    if (bound > floor->cycles) floor->cycles = bound, floor->binding = BINDING_HBM;
  }
  /* Energy grows with MACs, busy arrays, lanes, bytes and time, and none of them can be less than this. */
  const struct energy_traffic least = {.macs = stage->macs,
                                       .idle_mac_cycles = sums->slots > stage->macs ? sums->slots - stage->macs : 0,
                                       .lane_cycles = sums->lane_cycles,
                                       .hbm_bytes = sums->hbm_bytes,
                                       .seconds = (double)floor->cycles / ((double)corners->best->clock_mhz * 1e6)};
  floor->energy_j = energy_model_j(&stage->energy, corners->least, corners->least_area, &least);
}

void stage_bound(const struct stage *stage, const struct accelerator *accelerator,
                 const struct stage_cost_of_design *design, struct stage_scratch *scratch, struct stage_floor *floor) {
  const struct stage_corners corners = {accelerator, accelerator, &design->area};
  struct stage_sums sums;
  stage_floors_clear(stage, scratch);
  stage_floors_sum(stage, accelerator, scratch, &sums);
  stage_floors_end(stage, &corners, &sums, stage_floors_path(stage, scratch), floor);
}

/* How long do lanes and links work? (provider `physical`)
 *
 * Source: cost-model §3 (lane cycles, bytes, reductions), §2 (the softmax of fused attention), accelerator-search §9
 * (collectives: network.h). Matrix products on lanes: physical_lanes.c. Left out: bank conflicts, the lanes' own
 * pipeline depth, part of a row that stays in L2. */
#include "arch/physical.h"
#include "base/checked.h"
#include "base/error.h"

enum vector_shape { SHAPE_NONE, SHAPE_PLAIN, SHAPE_WINDOW, SHAPE_ROWS, SHAPE_NORM, SHAPE_SOFTMAX };

static const uint8_t shapes[N_OP_KINDS] = {
#define VECTOR_KIND(id, key, forward, backward, shape, ...) [OP_##id] = SHAPE_##shape,
#include "arch/vector_kinds.def"
#undef VECTOR_KIND
};

struct vector_work {
  unsigned kind, phase;
  uint64_t elements, row, window;
};

static uint64_t work_cycles(const struct machine *machine, const struct vector_work *work, uint64_t n_cores) {
  const uint8_t shape = shapes[work->kind];
  if (work->elements == 0 || shape == SHAPE_NONE) return 0;
  if (machine->lanes == 0) return UINT64_MAX;
  const bool backward = work->phase == PHASE_BACKWARD_DATA || work->phase == PHASE_BACKWARD_WEIGHT;
  uint64_t each = machine->settings->lane_cycles[work->kind][backward];
  if (shape == SHAPE_WINDOW) each = sat_mul(each, max_u64(work->window, 1));
  const uint64_t cycles = sat_mul(ceil_div(work->elements, sat_mul(machine->lanes, n_cores)), each);
  if (shape < SHAPE_ROWS || work->row == 0 || each == 0) return cycles;
  return sat_add(cycles,
                 lanes_reduction_cycles(ceil_div(work->elements, work->row), work->row, machine->lanes, n_cores));
}

uint64_t vector_op_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores) {
  if (op_kinds[op->kind].class == CLASS_TENSOR) return lanes_product_cycles(machine, op, n_cores);
  const struct vector_work work = {op->kind, op->phase, op->dim[DIM_ELEMENTS], op->dim[DIM_ROW], op->dim[DIM_WINDOW]};
  return work_cycles(machine, &work, n_cores);
}

uint64_t vector_followers_cycles(const struct machine *machine, const struct op *op,
                                 const struct op_follower *followers, uint64_t n_cores) {
  uint64_t cycles = 0;
  for (uint32_t i = 0; i < op->n_followers; i++) {
    const struct vector_work work = {followers[i].kind, followers[i].phase, followers[i].elements, followers[i].row, 1};
    cycles = sat_add(cycles, work_cycles(machine, &work, n_cores));
  }
  return cycles;
}

enum { RESCALE_CYCLES = 1 }; /* cost-model §2: of the output so far, when a larger score turns up */

/* Forward: softmax, rescaling, what is added, dropout. Backward: exponentials of the scores made again from the kept
 * statistics, what is added, the same dropout, then the gradients of both; and the sum of dO·O of each row. A tile has
 * many rows and each lane rows of its own, so that no tree combines lanes. */
uint64_t vector_attention_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores) {
  if (machine->lanes == 0) return UINT64_MAX;
  const struct cost_settings *const lane = machine->settings;
  const uint64_t scores = op_attention_scores(op), lanes = sat_mul(machine->lanes, n_cores);
  const bool backward = op->phase != PHASE_FORWARD, drops = op->dim[DIM_DROPOUT] != 0;
  uint64_t each =
      sat_mul(op->dim[DIM_ADDENDS], lane->lane_cycles[OP_ADD][0]) + (drops ? lane->lane_cycles[OP_DROPOUT][0] : 0);
  if (!backward)
    return sat_mul(ceil_div(scores, lanes), sat_add(each, lane->lane_cycles[OP_SOFTMAX][0] + RESCALE_CYCLES));
  each = sat_add(each, lane->lane_cycles[OP_EXP][0] + lane->lane_cycles[OP_SOFTMAX][1] +
                           (drops ? lane->lane_cycles[OP_DROPOUT][1] : 0));
  const uint64_t outputs = sat_mul(sat_mul(op->dim[DIM_REPS], op->dim[DIM_M]), op_value_size(op));
  return sat_add(sat_mul(ceil_div(scores, lanes), each),
                 sat_mul(ceil_div(outputs, lanes), lane->lane_cycles[OP_MUL][0] + lane->lane_cycles[OP_REDUCE][0]));
}

static uint64_t compulsory_bytes(const struct op *op) {
  if (op_kinds[op->kind].class == CLASS_TENSOR) return tensor_compulsory_bytes(op);
  return sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
}

/* Rows that do not fit are read again. */
static uint64_t reread_bytes(const struct machine *machine, const struct op *op) {
  const uint8_t shape = shapes[op->kind];
  if (shape < SHAPE_NORM || op->phase != PHASE_FORWARD) return 0;
  if (sat_mul(op->dim[DIM_ROW], op->element_bytes) <= machine->vector_l2_bytes) return 0;
  return sat_mul(sat_mul(op->dim[DIM_ELEMENTS], op->element_bytes), shape == SHAPE_SOFTMAX ? 2 : 1);
}

void vector_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                 uint64_t n_cores, struct op_cost *cost) {
  const uint64_t compulsory = compulsory_bytes(op);
  const uint64_t lane =
      sat_add(vector_op_cycles(machine, op, n_cores), vector_followers_cycles(machine, op, followers, n_cores));
  const bool tensor = op_kinds[op->kind].class == CLASS_TENSOR;
  uint64_t hbm_bytes = sat_add(compulsory, reread_bytes(machine, op)), glb_bytes = hbm_bytes;
  if (tensor) lanes_product_bytes(machine, op, n_cores, &hbm_bytes, &glb_bytes);
  const uint64_t hbm = cycles_for_bytes(hbm_bytes, machine->hbm_bytes_per_cycle);
  *cost = (struct op_cost){
      .cycles = max_u64(lane, max_u64(hbm, cycles_for_bytes(glb_bytes, machine->glb_bytes_per_cycle))),
      .bound_cycles = max_u64(lane, cycles_for_bytes(compulsory, machine->hbm_bytes_per_cycle)),
      .hbm_bytes = hbm_bytes,
      .glb_bytes = glb_bytes,
      .macs = op_macs(op),
      .lane_cycles = lane == UINT64_MAX ? 0 : sat_mul(lane, sat_mul(machine->lanes, n_cores)),
      .mapping = {.split = '-', .on_vector = tensor},
  };
}

void vector_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                  struct op_floor *floor) {
  floor->compute_cycles = sat_add(vector_op_cycles(machine, op, 1), vector_followers_cycles(machine, op, followers, 1));
  floor->hbm_bytes = compulsory_bytes(op);
  floor->memory_cycles = cycles_for_bytes(floor->hbm_bytes, machine->hbm_bytes_per_cycle);
}

/* --- links ---------------------------------------------------------------------------------------------------------*/

/* What one rank of a ring sends, and in how many steps. */
static uint64_t ring_bytes(const struct op *op, uint64_t *steps) {
  const uint64_t ranks = op->dim[DIM_RANKS], passes = op->kind == OP_ALL_REDUCE ? 2 : 1;
  *steps = 0;
  if (ranks < 2) return 0;
  *steps = sat_mul(passes, ranks - 1);
  /* ⌈steps · bytes / ranks⌉ without the product's overflow */
  const uint64_t whole = op->dim[DIM_BYTES] / ranks, rest = op->dim[DIM_BYTES] % ranks;
  return sat_add(sat_mul(whole, *steps), ceil_div(sat_mul(rest, *steps), ranks));
}

void link_ring_cost(const struct machine *machine, const struct op *op, uint64_t latency_cycles, struct op_cost *cost) {
  uint64_t steps;
  const uint64_t bandwidth = cycles_for_bytes(ring_bytes(op, &steps), machine->link_bytes_per_cycle);
  const uint64_t bytes = steps == 0 ? 0 : sat_add(op->in_bytes, op->out_bytes);
  const uint64_t bound = max_u64(bandwidth, cycles_for_bytes(bytes, machine->hbm_bytes_per_cycle));
  *cost = (struct op_cost){
      .cycles = sat_add(bound, sat_mul(steps, latency_cycles)),
      .bound_cycles = bound,
      .hbm_bytes = bytes,
      .glb_bytes = bytes,
      .mapping = {.split = '-'},
  };
}

/* Rounded up: 0 stays 0, what never ends is UINT64_MAX. */
static uint64_t cycles_of(const struct machine *machine, double seconds) {
  const double cycles = seconds * machine->clock_hz;
  if (!(cycles < 9e18)) return UINT64_MAX;
  const uint64_t whole = (uint64_t)cycles;
  return whole + ((double)whole < cycles);
}

/* Of an all-to-all perhaps a part: tokens whose experts lie in few nodes go to each of these once
 * (cost.exchange_share).
 */
static uint64_t sent_bytes(const struct machine *machine, const struct op *op) {
  const double share = machine->settings->exchange_share;
  if (op->kind != OP_ALL_TO_ALL || !(share < 1)) return op->dim[DIM_BYTES];
  return (uint64_t)((double)op->dim[DIM_BYTES] * share);
}

static uint64_t network_floor_cycles(const struct machine *machine, const struct op *op, uint64_t *hbm_bytes) {
  const struct network_group group = {op->dim[DIM_RANKS], op->dim[DIM_RANK_STRIDE]};
  const double floor_s = network_collective_floor_s(&machine->network, op->kind, sent_bytes(machine, op), group);
  *hbm_bytes = group.ranks < 2 ? 0 : sat_add(op->in_bytes, op->out_bytes);
  return max_u64(cycles_of(machine, floor_s), cycles_for_bytes(*hbm_bytes, machine->hbm_bytes_per_cycle));
}

/* What a device sends and receives passes its HBM meanwhile. */
void link_cost(const struct machine *machine, const struct op *op, struct op_cost *cost) {
  if (machine->network.n_levels == 0) {
    link_ring_cost(machine, op, machine->settings->collective_latency_cycles, cost);
    return;
  }
  const struct network_group group = {op->dim[DIM_RANKS], op->dim[DIM_RANK_STRIDE]};
  uint64_t hbm_bytes;
  const uint64_t bound = network_floor_cycles(machine, op, &hbm_bytes);
  const double s = network_collective_s(&machine->network, op->kind, sent_bytes(machine, op), group, NULL);
  *cost = (struct op_cost){
      .cycles = max_u64(cycles_of(machine, s), bound),
      .bound_cycles = bound,
      .hbm_bytes = hbm_bytes,
      .glb_bytes = hbm_bytes,
      .mapping = {.split = '-'},
  };
}

void link_floor(const struct machine *machine, const struct op *op, struct op_floor *floor) {
  if (machine->network.n_levels > 0) {
    *floor = (struct op_floor){0};
    floor->memory_cycles = network_floor_cycles(machine, op, &floor->hbm_bytes);
    return;
  }
  struct op_cost cost;
  link_ring_cost(machine, op, 0, &cost);
  *floor = (struct op_floor){.memory_cycles = cost.bound_cycles, .hbm_bytes = cost.hbm_bytes};
}

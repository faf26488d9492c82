/* How many cycles does an op take by the rules of the public WHAM successors?
 *
 * Source: cost-model §4.1 (vector law), §4.3 (bandwidths), by class accelerator-search §4; defects marked there as
 * reproduced are reproduced. Tensor ops run through our own mapper with the public bandwidths, since the public mapper
 * is not to be matched. Choices of ours: L counts the cores the op is given; unfused kinds that public traces lack
 * cost what vector_kinds.def says. Left out: network simulation of collectives (only the bandwidth term), adaptive
 * pooling, which is broken in the original. */
#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/error.h"

enum law { LAW_NONE, LAW_FREE, LAW_SIMPLE, LAW_PAIR, LAW_SOFTMAX, LAW_MEAN, LAW_POOL, LAW_UPDATE };

struct kind_law {
  uint8_t law, alone[2], follow[2];
};

static const struct kind_law laws[N_OP_KINDS] = {
#define VECTOR_KIND(id, key, forward, backward, shape, law, alone_forward, alone_backward, follow_forward,             \
                    follow_backward)                                                                                   \
  [OP_##id] = {LAW_##law, {alone_forward, alone_backward}, {follow_forward, follow_backward}},
#include "arch/vector_kinds.def"
#undef VECTOR_KIND
};

/* 700·1024³ B/s at 700·1024² Hz; GLB and L2 of the same source, cost-model §4.3. */
static const double compat_hbm_bytes_per_cycle = 1024, compat_glb_bytes_per_cycle = 4096;
static const double compat_l2_bytes_per_cycle = 1024;
enum { LOG_TREE_CYCLES = 10 }; /* the constant of softmax and mean, a row reduction's latency */

/* q⌈s/L⌉ with s of the larger operand, or of the one of higher rank; backward counts both, or the larger one twice when
 * it comes second (a defect that is reproduced). */
static uint64_t pair_cycles(const struct op *op, const struct kind_law *law, uint64_t lanes) {
  const uint64_t *const dim = op->dim;
  const uint64_t x = dim[DIM_X_ELEMENTS], y = dim[DIM_Y_ELEMENTS];
  const uint64_t forward = law->alone[0], backward = law->alone[1];
  if (dim[DIM_OPERANDS] != 2) return sat_mul(forward, ceil_div(dim[DIM_OPERANDS] > 0 ? x : dim[DIM_ELEMENTS], lanes));
  if (dim[DIM_X_RANK] == 0 && dim[DIM_Y_RANK] == 0) return 0;
  if (op_is_backward(op)) {
    if (x < y) return sat_mul(forward + backward, ceil_div(y, lanes));
    return sat_add(sat_mul(forward, ceil_div(x, lanes)), sat_mul(backward, ceil_div(y, lanes)));
  }
  uint64_t size = max_u64(x, y);
  if (dim[DIM_X_RANK] != dim[DIM_Y_RANK]) size = dim[DIM_X_RANK] > dim[DIM_Y_RANK] ? x : y;
  return sat_mul(forward, ceil_div(size, lanes));
}

/* Elements of a mean's result: the smaller of what it reads and writes, whichever way it runs. */
static uint64_t result_elements(const struct op *op) {
  if (op->element_bytes == 0) return 0;
  const uint64_t bytes = op->in_bytes > 0 ? min_u64(op->in_bytes, op->out_bytes) : op->out_bytes;
  return bytes / op->element_bytes;
}

/* Weights of a vector op's own gradient. */
static uint64_t weights_of(const struct op *op) {
  if (op->n_parameters > 0 || op->element_bytes == 0) return op->n_parameters;
  return op->out_bytes / op->element_bytes;
}

/* k²·⌈N·C·x·y/L⌉ with x, y positions of the window inside the image. */
static uint64_t pool_cycles(const struct op *op, uint64_t each, uint64_t lanes) {
  const uint64_t inside = op->dim[DIM_INSIDE] > 0 ? op->dim[DIM_INSIDE] : op->dim[DIM_ELEMENTS];
  return sat_mul(sat_mul(each, ceil_div(inside, lanes)), max_u64(op->dim[DIM_WINDOW], 1));
}

static uint64_t alone_cycles(const struct op *op, uint64_t lanes) {
  const struct kind_law *const law = &laws[op->kind];
  const bool backward = op_is_backward(op);
  const uint64_t n = op->dim[DIM_ELEMENTS], row = max_u64(op->dim[DIM_ROW], 1), c = law->alone[backward];
  const uint64_t simple = sat_mul(c, ceil_div(n, lanes)), rows = ceil_div(n, row), chunks = ceil_div(row, lanes);
  if (law->law == LAW_NONE || law->law == LAW_FREE) return 0;
  if (op->phase == PHASE_BACKWARD_WEIGHT) return ceil_div(weights_of(op), lanes);
  switch (law->law) {
  case LAW_PAIR:
    return pair_cycles(op, law, lanes);
  case LAW_SOFTMAX:
    return backward ? simple : sat_add(sat_mul(rows, chunks), sat_add(LOG_TREE_CYCLES, simple));
  case LAW_MEAN: /* rows of results, not of operands: a defect that is reproduced */
    return sat_mul(ceil_div(result_elements(op), row), chunks + LOG_TREE_CYCLES);
  case LAW_POOL:
    return backward ? simple : pool_cycles(op, c, lanes);
  default:
    return simple;
  }
}

/* Σ follower lane cycles, for one element. */
static uint64_t followers_lane_cycles(const struct op *op, const struct op_follower *followers) {
  uint64_t cycles = 0;
  for (uint32_t i = 0; i < op->n_followers; i++) {
    const bool backward = followers[i].phase == PHASE_BACKWARD_DATA || followers[i].phase == PHASE_BACKWARD_WEIGHT;
    cycles += laws[followers[i].kind].follow[backward];
  }
  return cycles;
}

static uint64_t vector_cycles(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                              uint64_t n_cores) {
  if (machine->lanes == 0) return UINT64_MAX;
  const uint64_t lanes = sat_mul(machine->lanes, n_cores);
  if (op->n_followers == 0) return alone_cycles(op, lanes);
  return sat_mul(followers_lane_cycles(op, followers), ceil_div(op->dim[DIM_ELEMENTS], lanes));
}

static struct machine public_machine(const struct machine *machine) {
  struct machine copy = *machine;
  copy.hbm_bytes_per_cycle = compat_hbm_bytes_per_cycle;
  copy.glb_bytes_per_cycle = compat_glb_bytes_per_cycle;
  copy.l2_bytes_per_cycle = compat_l2_bytes_per_cycle;
  return copy;
}

/* 2(t−1)/t·bytes/BW of the all-reduce, without latency. */
static void collective_cost(const struct machine *machine, const struct op *op, struct op_cost *cost) {
  struct machine network = *machine;
  network.hbm_bytes_per_cycle = __builtin_inf();
  link_ring_cost(&network, op, 0, cost);
}

static void compat_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                        uint64_t n_cores, struct op_cost *cost) {
  const enum op_class class = op_kinds[op->kind].class;
  *cost = (struct op_cost){.mapping = {.split = '-'}};
  if (class == CLASS_LINK) {
    collective_cost(machine, op, cost);
  } else if (class == CLASS_VECTOR) {
    cost->cycles = cost->bound_cycles = vector_cycles(machine, op, followers, n_cores);
    if (cost->cycles != UINT64_MAX) cost->lane_cycles = sat_mul(cost->cycles, sat_mul(machine->lanes, n_cores));
  } else if (class == CLASS_TENSOR) {
    const struct machine copy = public_machine(machine);
    const uint64_t follow = followers_lane_cycles(op, followers);
    tensor_cost(&copy, op, 0, n_cores, cost);
    cost->cycles = sat_add(cost->cycles, follow);
    cost->lane_cycles = sat_mul(follow, sat_mul(machine->lanes, n_cores));
  }
  cost->l2_bytes = max_u64(cost->l2_bytes, cost->glb_bytes);
  cost_check(op, cost);
}

static void compat_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                         struct op_floor *floor) {
  const enum op_class class = op_kinds[op->kind].class;
  *floor = (struct op_floor){0};
  if (class == CLASS_LINK) {
    struct op_cost cost;
    collective_cost(machine, op, &cost);
    floor->memory_cycles = cost.bound_cycles;
    floor->hbm_bytes = cost.hbm_bytes;
  } else if (class == CLASS_VECTOR) {
    floor->compute_cycles = vector_cycles(machine, op, followers, 1);
  } else if (class == CLASS_TENSOR) {
    const struct machine copy = public_machine(machine);
    tensor_floor(&copy, op, 0, floor);
    floor->compute_cycles = sat_add(floor->compute_cycles, followers_lane_cycles(op, followers));
  }
}

/* A collective occupies a vector core; what costs nothing occupies none. */
static unsigned compat_classes(const struct machine *machine, const struct op *op,
                               const struct op_follower *followers) {
  const enum op_class class = op_kinds[op->kind].class;
  if (class == CLASS_LINK) return 1u << CORE_VECTOR;
  if (class == CLASS_VECTOR && laws[op->kind].law == LAW_FREE && op->n_followers == 0) return 0;
  return cost_plain_classes(machine, op, followers);
}

const struct cost_provider compat_provider = {
    .name = "compat",
    .doc = "public WHAM/Phaze rules: vector law exact, tensor ops through our mapper with public bandwidths",
    .has_bandwidth = false,
    .has_tdp = false,
    .floor_sight = FLOORS_SEE_SHAPES,
    .op_cost = compat_cost,
    .op_floor = compat_floor,
    .op_classes = compat_classes,
};

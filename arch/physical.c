/* How many cycles does an op take, with arrays, lanes, memories and links as we model them?
 *
 * Source: cost-model §1–3, accelerator-search §4 (classes). A matrix product runs on the array or on lanes, where one
 * core computes it sooner, memories aside, so that the choice depends on the cores' shapes alone and is fixed before
 * scheduling. */
#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/error.h"

void cost_check(const struct op *op, const struct op_cost *cost) {
  if (cost->cycles < cost->bound_cycles)
    BUG("an op of kind %s takes %llu cycles, below its roofline of %llu", op_kinds[op->kind].name,
        (unsigned long long)cost->cycles, (unsigned long long)cost->bound_cycles);
}

struct op tensor_plain_op(const struct op *op) {
  struct op plain = *op;
  if (op->kind != OP_TRANSPOSED_CONV) return plain;
  plain.kind = OP_CONV;
  plain.phase = (uint8_t)op_conv_phase(op);
  return plain;
}

static bool on_vector(const struct machine *machine, const struct op *op, const struct op_follower *followers) {
  const enum op_class class = op_kinds[op->kind].class;
  if (class != CLASS_TENSOR) return class == CLASS_VECTOR;
  const uint64_t choice = op->kind == OP_DEPTHWISE ? machine->settings->depthwise_on : machine->settings->tensor_on;
  if (op->kind == OP_ATTENTION || choice == DEPTHWISE_TC || machine->lanes == 0) return false;
  if (choice == DEPTHWISE_VC) return true;
  return lanes_are_sooner(machine, op, vector_followers_cycles(machine, op, followers, 1));
}

/* What `n_cores` of a design get where all of its cores of that class want the memories at once. */
static void take_fair_share(struct machine *machine, bool vector, uint64_t n_cores) {
  const uint64_t there = vector ? machine->n_vector : machine->n_tensor;
  if (n_cores >= there) return;
  const double share = (double)n_cores / (double)there;
  machine->hbm_bytes_per_cycle *= share;
  machine->glb_bytes_per_cycle *= share;
}

static void physical_cost(const struct machine *whole, const struct op *op, const struct op_follower *followers,
                          uint64_t n_cores, struct op_cost *cost) {
  const struct op plain = tensor_plain_op(op);
  const enum op_class class = op_kinds[op->kind].class;
  struct machine shared;
  const struct machine *machine = whole;
  if (whole->settings->bandwidth == BANDWIDTH_FAIR && (class == CLASS_TENSOR || class == CLASS_VECTOR)) {
    shared = *whole;
    take_fair_share(&shared, op->kind != OP_ATTENTION && on_vector(whole, &plain, followers), n_cores);
    machine = &shared;
  }
  if (class == CLASS_NONE) {
    *cost = (struct op_cost){.mapping = {.split = '-'}};
  } else if (class == CLASS_LINK) {
    link_cost(machine, op, cost);
  } else if (op->kind == OP_ATTENTION) {
    attention_cost(machine, op, followers, n_cores, cost);
  } else if (on_vector(machine, &plain, followers)) {
    vector_cost(machine, &plain, followers, n_cores, cost);
  } else {
    const uint64_t follow = vector_followers_cycles(machine, op, followers, n_cores);
    tensor_cost(machine, &plain, follow, n_cores, cost);
    if (follow != UINT64_MAX) cost->lane_cycles = sat_mul(follow, sat_mul(machine->lanes, n_cores));
  }
  cost->l2_bytes = max_u64(cost->l2_bytes, cost->glb_bytes); /* what nobody shares comes to one core */
  cost_check(op, cost);
}

static void physical_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                           struct op_floor *floor) {
  const struct op plain = tensor_plain_op(op);
  const enum op_class class = op_kinds[op->kind].class;
  if (class == CLASS_NONE)
    *floor = (struct op_floor){0};
  else if (class == CLASS_LINK)
    link_floor(machine, op, floor);
  else if (op->kind == OP_ATTENTION)
    attention_floor(machine, op, followers, floor);
  else if (on_vector(machine, &plain, followers))
    vector_floor(machine, &plain, followers, floor);
  else
    tensor_floor(machine, &plain, vector_followers_cycles(machine, op, followers, 1), floor);
}

static unsigned physical_classes(const struct machine *machine, const struct op *op,
                                 const struct op_follower *followers) {
  const enum op_class class = op_kinds[op->kind].class;
  if (class == CLASS_NONE) return 0;
  if (class == CLASS_LINK) return 1u << CORE_LINK;
  if (op->kind == OP_ATTENTION) return 1u << CORE_TENSOR | 1u << CORE_VECTOR;
  const struct op plain = tensor_plain_op(op);
  if (on_vector(machine, &plain, followers)) return 1u << CORE_VECTOR;
  return 1u << CORE_TENSOR | (op->n_followers > 0 ? 1u << CORE_VECTOR : 0);
}

const struct cost_provider physical_provider = {
    .name = "physical",
    .doc = "arrays, lanes, memories and links with every byte counted (ours)",
    .has_bandwidth = true,
    .has_tdp = true,
    .floor_sight = FLOORS_SEE_HBM,
    .has_attention = true,
    .op_cost = physical_cost,
    .op_floor = physical_floor,
    .op_classes = physical_classes,
};

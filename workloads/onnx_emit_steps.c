/* Which ops are the recurrences (LSTM, GRU, RNN) of an ONNX graph?
 *
 * One product over all steps for the inputs and a chain of steps for the states, as in gnmt.c. Peepholes
 * count as parameters. Left out: their products, and sequences of different lengths. */
#include "base/checked.h"
#include "workloads/onnx_emit.h"
#include "workloads/onnx_shape.h"
#include <stdio.h>

enum { MAX_STEPS = 2000 }; /* of a recurrence that becomes a chain; more: as many at once */

struct recurrence {
  const struct onnx_node *node;
  const char *name;
  uint64_t steps, batch, gates, hidden; /* gates: rows of a weight matrix, a multiple of hidden */
  uint64_t biases;                      /* of one direction */
  uint32_t group;
};

static struct tensor emit_step(struct onnx_build *build, const struct recurrence *r, uint64_t step,
                               struct tensor before, struct tensor input) {
  struct emitter *const emit = build->emit;
  char name[2 * EMIT_NAME_BYTES];
  const uint64_t width = emit_product(emit, r->batch, r->hidden);
  struct tensor output = before;
  output.elements = width;
  const struct gemm gemm = {.reps = 1,
                            .m = r->batch,
                            .n = r->gates,
                            .k = r->hidden,
                            .n_bias = r->biases / 2,
                            .group = r->group,
                            .borrowed = step > 0,
                            .rank = 2};
  snprintf(name, sizeof name, "%s.step%llu", r->name, (unsigned long long)step);
  const struct tensor recurrent = emit_gemm(emit, name, output, &gemm);
  const struct tensor slice = emit_view(emit, name, recurrent, &input, 1);
  const bool lstm = r->node->op->kind == OP_LSTM_CELL;
  const struct vector_op cell = {.kind = r->node->op->kind,
                                 .n_lanes = width,
                                 .group = OP_ABSENT,
                                 .out = {.rank = 2,
                                         .bytes = (uint8_t)emit->element_bytes,
                                         .elements = emit_product(emit, lstm ? 2 : 1, width),
                                         .row = r->hidden}};
  return emit_vector(emit, name, &cell, (struct tensor[3]){recurrent, slice, output}, 3);
}

void onnx_emit_recurrence(struct onnx_build *build, const struct onnx_node *node) {
  struct emitter *const emit = build->emit;
  const struct onnx_value *const x = onnx_operand(build->graph, node, 0), *const bias =
                                                                              onnx_operand(build->graph, node, 3);
  const struct onnx_shape *const r = &onnx_operand(build->graph, node, 2)->shape;
  const bool batch_first = onnx_int(node, "layout", 0) != 0, turned = onnx_turned_gates(node);
  const uint64_t n_directions = (uint64_t)r->dims[0];
  uint64_t steps = (uint64_t)x->shape.dims[batch_first ? 1 : 0], batch = (uint64_t)x->shape.dims[batch_first ? 0 : 1];
  if (steps > MAX_STEPS) { /* as many sequences of one step: the same products */
    batch = emit_product(emit, batch, steps);
    steps = 1;
  }
  struct recurrence recurrence = {node,
                                  onnx_name_of(build, node),
                                  steps,
                                  batch,
                                  (uint64_t)r->dims[turned ? 2 : 1],
                                  (uint64_t)r->dims[turned ? 1 : 2],
                                  bias != NULL ? bias->elements / n_directions : 0,
                                  0};
  const struct onnx_value *const peepholes = onnx_operand(build->graph, node, 7);
  const bool peeps = peepholes != NULL && peepholes->source == SOURCE_WEIGHT;
  struct tensor *const cells = ARENA_NEW(build->graph->arena, struct tensor, n_directions * steps);
  const struct tensor in =
      x->source == SOURCE_DATA ? build->tensors[node->inputs[0]] : onnx_tensor_of(build, node->inputs[0]);
  for (uint64_t d = 0; d < n_directions; d++) {
    const struct gemm gemm = {.reps = 1,
                              .m = emit_product(emit, steps, batch),
                              .n = recurrence.gates,
                              .k = (uint64_t)x->shape.dims[2],
                              .n_bias = recurrence.biases - recurrence.biases / 2 +
                                        (peeps ? peepholes->elements / n_directions : 0),
                              .group = OP_ABSENT,
                              .rank = 3};
    const struct tensor input = emit_gemm(emit, recurrence.name, in, &gemm);
    recurrence.group = node->outputs[0] != ONNX_NONE && d == 0 ? node->inputs[2] : node->inputs[1];
    struct tensor state = emit_input(emit, recurrence.name, emit_product(emit, batch, recurrence.hidden),
                                     recurrence.hidden, (uint8_t)emit->element_bytes);
    for (uint64_t step = 0; step < steps && !emit->overflow; step++)
      cells[d * steps + step] = state = emit_step(build, &recurrence, step, state, input);
  }
  for (size_t i = 0; i < node->n_outputs && !emit->overflow; i++)
    if (node->outputs[i] != ONNX_NONE)
      build->tensors[node->outputs[i]] =
          emit_view(emit, recurrence.name, onnx_tensor_of(build, node->outputs[i]), cells, n_directions * steps);
}

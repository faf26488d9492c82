/* How does a generator state an op in one line?
 *
 * Bytes follow one rule: each activation operand is read once, weights once, the output is written once; dropout also
 * writes its mask, a byte an element (workloads §6). Left out: what any of it costs. */
#include "workloads/emit.h"
#include "base/checked.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void emitter_init(struct emitter *emitter, const struct generation *generation) {
  *emitter = (struct emitter){
      .builder = generation->builder,
      .batch = generation->request->batch,
      .element_bytes = generation->request->element_bytes,
      .layer = OP_ABSENT,
  };
}

bool emitter_finish(const struct emitter *emitter, const struct generation *generation, struct error *error) {
  if (!emitter->overflow) return true;
  return error_add(error, STATUS_INPUT,
                   "%s: batch: with %llu samples the sizes of op '%s' do not fit 64 bits, allowed are smaller batches "
                   "or dimensions",
                   generation->workload->name, (unsigned long long)emitter->batch, emitter->overflow_at);
}

void emit_enter(struct emitter *emitter, uint32_t layer, const char *part, uint32_t number) {
  emitter->layer = layer;
  if (number == OP_ABSENT)
    snprintf(emitter->prefix, sizeof emitter->prefix, "%s.", part);
  else
    snprintf(emitter->prefix, sizeof emitter->prefix, "%s%u.", part, number);
}

void emit_leave(struct emitter *emitter) {
  emitter->layer = OP_ABSENT;
  emitter->prefix[0] = '\0';
}

uint64_t emit_product(struct emitter *emitter, uint64_t a, uint64_t b) {
  uint64_t product;
  if (checked_mul(a, b, &product)) return product;
  emitter->overflow = true;
  return UINT64_MAX;
}

static uint64_t emit_sum(struct emitter *emitter, uint64_t a, uint64_t b) {
  uint64_t sum;
  if (checked_add(a, b, &sum)) return sum;
  emitter->overflow = true;
  return UINT64_MAX;
}

uint32_t emit_op(struct emitter *emitter, const char *name, struct op *op, const struct tensor *operands,
                 size_t n_operands) {
  REQUIRE(n_operands <= EMIT_MAX_OPERANDS);
  uint32_t preds[EMIT_MAX_OPERANDS];
  for (size_t i = 0; i < n_operands; i++) preds[i] = operands[i].op;
  char full_name[2 * EMIT_NAME_BYTES];
  snprintf(full_name, sizeof full_name, "%s%s", emitter->prefix, name);
  op->layer = emitter->layer;
  op->split = (uint8_t)emitter->split;
  if (emitter->frozen) {
    op->n_frozen = op->n_parameters;
    op->n_parameters = 0;
    op->weight_group = OP_ABSENT;
  }
  const uint64_t macs = op_macs(op);
  if (macs == UINT64_MAX) emitter->overflow = true;
  emitter->macs = emit_sum(emitter, emitter->macs, macs);
  if (emitter->overflow && emitter->overflow_at[0] == '\0') memcpy(emitter->overflow_at, full_name, sizeof full_name);
  return graph_builder_add(emitter->builder, op, full_name, preds, n_operands);
}

struct tensor emit_input(struct emitter *emitter, const char *name, uint64_t elements, uint64_t row, uint8_t bytes) {
  struct op op = op_new(OP_INPUT, bytes);
  op.out_bytes = emit_product(emitter, elements, bytes);
  const uint32_t index = emit_op(emitter, name, &op, NULL, 0);
  return (struct tensor){.op = index, .rank = 2, .bytes = bytes, .elements = elements, .row = row};
}

static uint64_t operand_bytes(struct emitter *emitter, const struct tensor *operands, size_t n_operands) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < n_operands; i++)
    bytes = emit_sum(emitter, bytes, emit_product(emitter, operands[i].elements, operands[i].bytes));
  return bytes;
}

static struct tensor add_gemm(struct emitter *emitter, const char *name, const struct gemm *gemm, struct op *op,
                              const struct tensor operands[2]) {
  const size_t n_operands = op->weighted ? 1 : 2;
  const uint64_t elements = emit_product(emitter, emit_product(emitter, gemm->reps, gemm->m), gemm->n);
  op->dim[DIM_REPS] = gemm->reps;
  op->dim[DIM_M] = gemm->m;
  op->dim[DIM_N] = gemm->n;
  op->dim[DIM_K] = gemm->k;
  op->in_bytes = operand_bytes(emitter, operands, n_operands);
  op->out_bytes = emit_product(emitter, elements, emitter->element_bytes);
  const uint32_t index = emit_op(emitter, name, op, operands, n_operands);
  return (struct tensor){
      .op = index, .rank = gemm->rank, .bytes = op->element_bytes, .elements = elements, .row = gemm->n};
}

struct tensor emit_gemm(struct emitter *emitter, const char *name, struct tensor a, const struct gemm *gemm) {
  struct op op = op_new(OP_GEMM, emitter->element_bytes);
  const uint64_t matrices = emit_product(emitter, emit_product(emitter, gemm->reps, gemm->k), gemm->n);
  const uint64_t weights = emit_sum(emitter, matrices, gemm->n_bias);
  op.weighted = true;
  op.weight_group = gemm->group;
  REQUIRE(gemm->n_borrowed <= weights || emitter->overflow);
  op.n_parameters = gemm->borrowed ? 0 : weights - gemm->n_borrowed;
  op.weight_bytes = emit_product(emitter, weights, emitter->element_bytes);
  return add_gemm(emitter, name, gemm, &op, (struct tensor[2]){a, a});
}

struct tensor emit_matmul(struct emitter *emitter, const char *name, struct tensor a, struct tensor b,
                          const struct gemm *gemm) {
  struct op op = op_new(OP_GEMM, emitter->element_bytes);
  return add_gemm(emitter, name, gemm, &op, (struct tensor[2]){a, b});
}

struct tensor emit_conv(struct emitter *emitter, const char *name, struct tensor x, const uint64_t dim[OP_DIMS],
                        bool bias) {
  return emit_shared_conv(emitter, name, x, dim, bias, OP_ABSENT, false);
}

struct tensor emit_shared_conv(struct emitter *emitter, const char *name, struct tensor x, const uint64_t dim[OP_DIMS],
                               bool bias, uint32_t group, bool borrowed) {
  const bool depthwise = dim[DIM_GROUPS] > 1 && dim[DIM_GROUPS] == dim[DIM_IN_CHANNELS];
  struct op op = op_new(depthwise ? OP_DEPTHWISE : OP_CONV, emitter->element_bytes);
  memcpy(op.dim, dim, sizeof op.dim);
  const uint64_t n_channels = dim[DIM_OUT_CHANNELS], width = op_conv_out_width(&op);
  const uint64_t filter = emit_product(emitter, dim[DIM_FILTER_HEIGHT], dim[DIM_FILTER_WIDTH]);
  const uint64_t fan_in = emit_product(emitter, filter, dim[DIM_IN_CHANNELS] / dim[DIM_GROUPS]);
  const uint64_t positions = emit_product(emitter, op_conv_out_height(&op), width);
  op.n_parameters = emit_product(emitter, emit_sum(emitter, fan_in, bias), n_channels);
  op.weight_bytes = emit_product(emitter, op.n_parameters, emitter->element_bytes);
  op.weight_group = group;
  if (borrowed) op.n_parameters = 0;
  op.in_bytes = operand_bytes(emitter, &x, 1);
  struct tensor out = {.rank = 4, .bytes = op.element_bytes, .row = width};
  out.elements = emit_product(emitter, emit_product(emitter, dim[DIM_IMAGES], n_channels), positions);
  op.out_bytes = emit_product(emitter, out.elements, out.bytes);
  out.op = emit_op(emitter, name, &op, &x, 1);
  return out;
}

struct tensor emit_vector(struct emitter *emitter, const char *name, const struct vector_op *vector,
                          const struct tensor *operands, size_t n_operands) {
  struct tensor out = vector->out;
  if (out.bytes == 0) out.bytes = (uint8_t)emitter->element_bytes;
  struct op op = op_new(vector->kind, emitter->element_bytes);
  op.dim[DIM_ELEMENTS] = vector->n_lanes > 0 ? vector->n_lanes : out.elements;
  op.dim[DIM_ROW] = vector->n_channels > 0 ? out.elements / vector->n_channels : out.row;
  op.dim[DIM_WINDOW] = vector->window;
  op.dim[DIM_INSIDE] = vector->n_inside;
  op.dim[DIM_OPERANDS] = n_operands;
  if (n_operands > 0) {
    op.dim[DIM_X_ELEMENTS] = operands[0].elements;
    op.dim[DIM_X_RANK] = operands[0].rank;
  }
  if (n_operands > 1) {
    op.dim[DIM_Y_ELEMENTS] = operands[1].elements;
    op.dim[DIM_Y_RANK] = operands[1].rank;
  }
  const uint64_t constant_bytes = emit_product(emitter, vector->n_constants, emitter->element_bytes);
  const bool masked = op_kinds[vector->kind].keep == KEEP_MASK;
  op.n_parameters = vector->borrowed ? 0 : vector->n_parameters;
  op.weight_group = vector->group;
  op.in_bytes = emit_sum(emitter, operand_bytes(emitter, operands, n_operands), constant_bytes);
  op.weight_bytes = emit_product(emitter, vector->n_weights, emitter->element_bytes);
  op.out_bytes = emit_product(emitter, out.elements, (uint64_t)out.bytes + masked);
  out.op = emit_op(emitter, name, &op, operands, n_operands);
  return out;
}

struct tensor emit_map(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x) {
  return emit_norm(emitter, kind, name, x, 0);
}

struct tensor emit_norm(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x,
                        uint64_t n_parameters) {
  const struct vector_op norm = {
      .kind = kind, .n_parameters = n_parameters, .n_weights = n_parameters, .group = OP_ABSENT, .out = x};
  return emit_vector(emitter, name, &norm, &x, 1);
}

struct tensor emit_batch_norm(struct emitter *emitter, const char *name, struct tensor x, uint64_t n_channels) {
  const uint64_t n_parameters = emit_product(emitter, 2, n_channels);
  const struct vector_op norm = {.kind = OP_BATCH_NORM,
                                 .n_parameters = n_parameters,
                                 .n_weights = n_parameters,
                                 .n_channels = n_channels,
                                 .group = OP_ABSENT,
                                 .out = x};
  return emit_vector(emitter, name, &norm, &x, 1);
}

struct tensor emit_join(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x,
                        struct tensor y) {
  const struct vector_op join = {.kind = kind, .group = OP_ABSENT, .out = x.elements >= y.elements ? x : y};
  return emit_vector(emitter, name, &join, (struct tensor[2]){x, y}, 2);
}

struct tensor emit_view(struct emitter *emitter, const char *name, struct tensor out, const struct tensor *operands,
                        size_t n_operands) {
  struct op op = op_new(OP_VIEW, out.bytes);
  op.in_bytes = op.out_bytes = emit_product(emitter, out.elements, out.bytes);
  out.op = emit_op(emitter, name, &op, operands, n_operands);
  return out;
}

void emit_loss(struct emitter *emitter, struct tensor logits, uint64_t n_targets) {
  const struct tensor targets = emit_input(emitter, "targets", n_targets, 1, EMIT_INDEX_BYTES);
  const struct vector_op loss = {
      .kind = OP_CROSS_ENTROPY,
      .n_lanes = logits.elements,
      .group = OP_ABSENT,
      .out = {.rank = 1, .bytes = EMIT_LOSS_BYTES, .elements = n_targets, .row = logits.row},
  };
  emit_vector(emitter, "loss", &loss, (struct tensor[2]){logits, targets}, 2);
}

bool generation_reject(const struct generation *generation, const char *key, struct error *error, const char *format,
                       ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  const char *file;
  const unsigned line = config_line(generation->config, key, &file);
  if (line == 0) return error_add(error, STATUS_INPUT, "%s: %s: %s", file, key, message);
  return error_add(error, STATUS_INPUT, "%s:%u: %s: %s", file, line, key, message);
}

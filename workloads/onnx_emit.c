/* Which ops are the nodes of an ONNX graph?
 *
 * Every node that depends on data becomes an op by the rule of its row in onnx_ops.def; its parameters are owned by the
 * first op that reads them, further readers share them by a weight group. Left out: what any of it costs. */
#include "workloads/onnx_emit.h"
#include "base/checked.h"
#include "base/text.h"
#include "workloads/onnx_shape.h"
#include <stdio.h>
#include <string.h>

static uint8_t bytes_of(const struct onnx_build *build, const struct onnx_value *value) {
  return onnx_is_real(value->type) || value->type == ONNX_INT8 || value->type == ONNX_UINT8
             ? (uint8_t)build->emit->element_bytes
             : EMIT_INDEX_BYTES;
}

struct tensor onnx_tensor_of(const struct onnx_build *build, uint32_t index) {
  const struct onnx_value *const value = onnx_value_at(build, index);
  const uint8_t rank = value->shape.rank;
  return (struct tensor){.rank = rank,
                         .bytes = bytes_of(build, value),
                         .elements = value->elements,
                         .row = rank > 0 ? (uint64_t)value->shape.dims[rank - 1] : 1};
}

void onnx_add_weight(const struct onnx_build *build, struct onnx_weights *weights, uint32_t index) {
  if (index == ONNX_NONE) return;
  const struct onnx_value *const value = onnx_value_at(build, index);
  if (value->source == SOURCE_CONSTANT) {
    if (value->elements > 1) weights->n_constants = sat_add(weights->n_constants, value->elements);
    return;
  }
  if (value->source != SOURCE_WEIGHT) return;
  weights->n_weights = sat_add(weights->n_weights, value->elements);
  if (build->owner[value->root] == OP_ABSENT)
    weights->n_parameters = sat_add(weights->n_parameters, onnx_value_at(build, value->root)->elements);
  else
    weights->shared |= weights->main == ONNX_NONE;
  if (weights->main == ONNX_NONE) weights->main = value->root;
}

void onnx_own_operands(struct onnx_build *build, uint32_t op, const struct onnx_weights *weights,
                       const uint32_t *operands, size_t n) {
  struct op *const made = graph_builder_op(build->emit->builder, op);
  if (weights->shared && weights->main != ONNX_NONE) {
    struct op *const first = graph_builder_op(build->emit->builder, build->owner[weights->main]);
    if (first->weight_group == OP_ABSENT) first->weight_group = weights->main;
    made->weight_group = first->weight_group;
  }
  for (size_t i = 0; i < n; i++) {
    if (operands[i] == ONNX_NONE) continue;
    const struct onnx_value *const value = onnx_value_at(build, operands[i]);
    if (value->source == SOURCE_WEIGHT && build->owner[value->root] == OP_ABSENT) build->owner[value->root] = op;
  }
}

/* The op has been added: what it read first is its own; what another owns is shared with that one. */
void onnx_own_weights(struct onnx_build *build, const struct onnx_node *node, uint32_t op,
                      const struct onnx_weights *weights) {
  onnx_own_operands(build, op, weights, node->inputs, node->n_inputs);
  for (size_t i = 0; i < 2 && node->pattern != 0; i++)
    if (node->pattern_weights[i] != ONNX_NONE) build->owner[onnx_value_at(build, node->pattern_weights[i])->root] = op;
}

/* Data operands, in order; weights and constants go to `weights`. */
size_t onnx_gather_operands(struct onnx_build *build, const struct onnx_node *node, struct tensor *operands,
                            struct onnx_weights *weights) {
  size_t n = 0;
  *weights = (struct onnx_weights){.main = ONNX_NONE};
  for (size_t i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == ONNX_NONE) continue;
    if (onnx_value_at(build, node->inputs[i])->source == SOURCE_DATA)
      operands[n++] = build->tensors[node->inputs[i]];
    else
      onnx_add_weight(build, weights, node->inputs[i]);
  }
  return n;
}

void onnx_set_output(struct onnx_build *build, const struct onnx_node *node, size_t i, uint32_t op) {
  if (i >= node->n_outputs || node->outputs[i] == ONNX_NONE) return;
  struct tensor tensor = onnx_tensor_of(build, node->outputs[i]);
  tensor.op = op;
  build->tensors[node->outputs[i]] = tensor;
}

void onnx_set_outputs(struct onnx_build *build, const struct onnx_node *node, uint32_t op) {
  for (size_t i = 0; i < node->n_outputs; i++) onnx_set_output(build, node, i, op);
}

const char *onnx_name_of(const struct onnx_build *build, const struct onnx_node *node) {
  char *const name = ARENA_NEW(build->graph->arena, char, EMIT_NAME_BYTES);
  if (node->name[0] != '\0') {
    text_escape(node->name, name, EMIT_NAME_BYTES);
  } else {
    char type[EMIT_NAME_BYTES / 2];
    text_escape(node->type, type, sizeof type);
    snprintf(name, EMIT_NAME_BYTES, "%s_%u", type, node->number);
  }
  return name;
}

/* Elementwise and the like. */
void onnx_emit_lanes(struct onnx_build *build, const struct onnx_node *node, enum op_kind kind, uint64_t n_lanes) {
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct onnx_weights weights;
  const size_t n = onnx_gather_operands(build, node, operands, &weights);
  struct vector_op vector = {.kind = kind,
                             .n_lanes = n_lanes,
                             .n_parameters = weights.n_parameters,
                             .n_weights = weights.n_weights,
                             .n_constants = weights.n_constants,
                             .group = OP_ABSENT,
                             .out = onnx_tensor_of(build, onnx_main_output(node))};
  const struct tensor out = emit_vector(build->emit, onnx_name_of(build, node), &vector, operands, n);
  onnx_own_weights(build, node, out.op, &weights);
  onnx_set_outputs(build, node, out.op);
}

static void emit_pattern(struct onnx_build *build, const struct onnx_node *node) {
  struct onnx_weights weights = {.main = ONNX_NONE};
  for (size_t i = 0; i < 2; i++)
    if (node->pattern_weights[i] != ONNX_NONE) onnx_add_weight(build, &weights, node->pattern_weights[i]);
  const struct vector_op vector = {.kind = (enum op_kind)node->pattern,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = weights.n_weights,
                                   .group = OP_ABSENT,
                                   .out = onnx_tensor_of(build, onnx_main_output(node))};
  const struct tensor out =
      emit_vector(build->emit, onnx_name_of(build, node), &vector, &build->tensors[node->pattern_x], 1);
  onnx_own_weights(build, node, out.op, &weights);
  onnx_set_outputs(build, node, out.op);
}

static void emit_views(struct onnx_build *build, const struct onnx_node *node) {
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct onnx_weights weights;
  const size_t n = onnx_gather_operands(build, node, operands, &weights);
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    struct tensor out = onnx_tensor_of(build, node->outputs[i]);
    build->tensors[node->outputs[i]] = emit_view(build->emit, onnx_name_of(build, node), out, operands, n);
  }
}

/* Batch norm has two trained vectors and two that are not; other norms scale and offset alone. */
static void emit_norms(struct onnx_build *build, const struct onnx_node *node) {
  struct onnx_weights weights = {.main = ONNX_NONE};
  for (size_t i = 1; i < node->n_inputs && i < 3; i++)
    if (node->inputs[i] != ONNX_NONE) onnx_add_weight(build, &weights, node->inputs[i]);
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const bool by_channel = node->op->kind == OP_BATCH_NORM && x->rank > 1;
  const struct vector_op vector = {.kind = node->op->kind,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = weights.n_weights,
                                   .n_channels = by_channel ? (uint64_t)x->dims[1] : 0,
                                   .group = OP_ABSENT,
                                   .out = onnx_tensor_of(build, onnx_main_output(node))};
  const bool data = onnx_value_at(build, node->inputs[0])->source == SOURCE_DATA;
  const struct tensor out =
      emit_vector(build->emit, onnx_name_of(build, node), &vector, &build->tensors[node->inputs[0]], data);
  onnx_own_weights(build, node, out.op, &weights);
  onnx_set_outputs(build, node, out.op);
}

static void emit_pools(struct onnx_build *build, const struct onnx_node *node) {
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const bool global = node->op->infer == INFER_global_pool;
  uint64_t window = 1;
  for (size_t k = 0; k + 2 < x->rank; k++)
    window = emit_product(build->emit, window,
                          (uint64_t)(global ? x->dims[k + 2] : onnx_ints_at(node, "kernel_shape", k, 1)));
  const struct vector_op vector = {.kind = node->op->kind,
                                   .window = window,
                                   .group = OP_ABSENT,
                                   .out = onnx_tensor_of(build, onnx_main_output(node))};
  const bool data = onnx_value_at(build, node->inputs[0])->source == SOURCE_DATA;
  const struct tensor out =
      emit_vector(build->emit, onnx_name_of(build, node), &vector, &build->tensors[node->inputs[0]], data);
  onnx_set_outputs(build, node, out.op);
}

/* Rows of a table of weights are an embedding; parts of data are gathered, or looked at if there is one alone. */
static void emit_table(struct onnx_build *build, const struct onnx_node *node) {
  const struct onnx_value *const table = onnx_operand(build->graph, node, 0), *const at =
                                                                                  onnx_operand(build->graph, node, 1);
  if (table->source == SOURCE_DATA && at->source != SOURCE_DATA && at->elements == 1) {
    emit_views(build, node);
    return;
  }
  if (table->source != SOURCE_WEIGHT || at->source != SOURCE_DATA) {
    onnx_emit_lanes(build, node, OP_GATHER, 0);
    return;
  }
  struct onnx_weights weights = {.main = ONNX_NONE};
  onnx_add_weight(build, &weights, node->inputs[0]);
  const struct tensor shape = onnx_tensor_of(build, onnx_main_output(node));
  const struct vector_op vector = {.kind = OP_EMBEDDING,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = shape.elements,
                                   .group = OP_ABSENT,
                                   .out = shape};
  const struct tensor out =
      emit_vector(build->emit, onnx_name_of(build, node), &vector, &build->tensors[node->inputs[1]], 1);
  onnx_own_weights(build, node, out.op, &weights);
  onnx_set_outputs(build, node, out.op);
}

/* A fast transform passes over its operand once for every doubling of its length (the longest dimension it puts out).
 */
static uint64_t fourier_lanes(const struct onnx_build *build, const struct onnx_node *node) {
  const struct onnx_value *const out = onnx_value_at(build, onnx_main_output(node));
  uint64_t length = 2, passes = 0;
  for (size_t k = 1; k < out->shape.rank; k++) length = max_u64(length, (uint64_t)out->shape.dims[k]);
  for (uint64_t n = 1; n < length; n *= 2) passes++;
  return emit_product(build->emit, out->elements, passes);
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

static void emit_node(struct onnx_build *build, const struct onnx_node *node) {
  const struct onnx_value *const x = onnx_operand(build->graph, node, 0);
  if (node->pattern != 0) {
    emit_pattern(build, node);
    return;
  }
  switch (node->op != NULL ? node->op->emit : EMIT_MAP) {
  case EMIT_NOTHING: /* of data: a fact */
  case EMIT_VIEW:
    emit_views(build, node);
    return;
  case EMIT_MAP:
  case EMIT_QUANTISE:
  case EMIT_PLAIN:
    onnx_emit_lanes(build, node, node->op != NULL ? node->op->kind : OP_SCALE, 0);
    return;
  case EMIT_MOVE:
    onnx_emit_lanes(build, node, node->op->kind, 0);
    return;
  case EMIT_OVER:
    onnx_emit_lanes(build, node, node->op->kind, x->elements);
    return;
  case EMIT_FILTER:
  case EMIT_UNFILTER:
    onnx_emit_filter(build, node);
    return;
  case EMIT_PRODUCT:
    onnx_emit_product(build, node);
    return;
  case EMIT_NORM:
    emit_norms(build, node);
    return;
  case EMIT_POOL:
    emit_pools(build, node);
    return;
  case EMIT_TABLE:
    emit_table(build, node);
    return;
  case EMIT_RECURRENT:
    onnx_emit_recurrence(build, node);
    return;
  case EMIT_FOURIER:
    onnx_emit_lanes(build, node, node->op->kind, fourier_lanes(build, node));
    return;
  case EMIT_ATTENTION:
    onnx_emit_attention(build, node);
    return;
  case EMIT_SKIP_NORM:
    onnx_emit_skip_norm(build, node);
    return;
  case EMIT_EMBED_NORM:
    onnx_emit_embed_norm(build, node);
    return;
  case EMIT_EXPERTS:
    onnx_emit_experts(build, node);
    return;
  }
}

bool onnx_emit(const struct onnx_graph *graph, struct emitter *emitter, struct error *error) {
  struct onnx_build build = {.graph = graph, .emit = emitter, .error = error};
  build.tensors = ARENA_NEW(graph->arena, struct tensor, graph->n_values);
  build.owner = ARENA_NEW(graph->arena, uint32_t, graph->n_values);
  memset(build.owner, 0xff, graph->n_values * sizeof *build.owner); /* OP_ABSENT */
  for (size_t v = 0; v < graph->n_values; v++) {
    const struct onnx_value *const value = &graph->values[v];
    if (!value->is_input || value->source != SOURCE_DATA || value->is_initializer) continue;
    char name[EMIT_NAME_BYTES];
    text_escape(value->name, name, sizeof name);
    const struct tensor shape = onnx_tensor_of(&build, (uint32_t)v);
    build.tensors[v] = emit_input(emitter, name, shape.elements, shape.row, shape.bytes);
    build.tensors[v].rank = shape.rank;
  }
  for (size_t n = 0; n < graph->n_ordered; n++) {
    const struct onnx_node *const node = &graph->nodes[graph->order[n]];
    bool data = false;
    for (size_t i = 0; i < node->n_outputs; i++)
      data |= node->outputs[i] != ONNX_NONE && onnx_value_at(&build, node->outputs[i])->source == SOURCE_DATA;
    if (!data || node->absorbed) continue;
    emit_node(&build, node);
    if (emitter->overflow || graph_builder_count(emitter->builder) >= OP_GRAPH_MAX_OPS) break;
  }
  return true;
}

/* Shapes and constants; for another batch than the file's from a second reading that knows those of the first. */
static bool understand(struct onnx_graph *graph, const uint8_t *bytes, size_t n, struct arena *scratch,
                       const struct onnx_request *request, struct onnx_notes *notes, struct error *error) {
  const char *const file = graph->file;
  if (!onnx_read(file, bytes, n, scratch, graph, error) || !onnx_infer(graph, request, notes, error)) return false;
  if (notes->file_batch == 0) return true;
  const struct onnx_value *const traced = graph->values;
  const size_t n_traced = graph->n_values, n_before = error->n_messages;
  const uint64_t file_batch = notes->file_batch;
  *notes = (struct onnx_notes){0};
  if (!onnx_read(file, bytes, n, scratch, graph, error)) return false;
  graph->traced = traced;
  graph->n_traced = n_traced;
  graph->file_batch = (int64_t)file_batch;
  graph->asked_batch = (int64_t)request->batch;
  if (onnx_infer(graph, request, notes, error)) return true;
  if (error->n_messages == n_before + 1)
    error_add(
        error, STATUS_INPUT,
        "%s: batch: is %llu, but the file was exported for %llu and holds that number elsewhere, too; allowed are "
        "1 (as it is), %llu, or an export with a symbol for it",
        file, (unsigned long long)request->batch, (unsigned long long)file_batch, (unsigned long long)file_batch);
  return false;
}

bool onnx_parse(const char *file, const uint8_t *bytes, size_t n, const struct generation *generation,
                struct arena *scratch, struct onnx_notes *notes, struct error *error) {
  const struct workload_request *const asked = generation->request;
  const struct onnx_request request = {asked->batch, asked->sets, asked->n_sets, asked->strict};
  struct onnx_graph graph = {.file = file};
  struct emitter emitter;
  *notes = (struct onnx_notes){0};
  emitter_init(&emitter, generation);
  if (!understand(&graph, bytes, n, scratch, &request, notes, error)) return false;
  onnx_patterns(&graph, notes);
  return onnx_emit(&graph, &emitter, error) && emitter_finish(&emitter, generation, error);
}

void onnx_keep_notes(struct onnx_notes *notes, struct arena *arena) {
  const char **const inputs = ARENA_NEW(arena, const char *, notes->n_inputs);
  const char **const outputs = ARENA_NEW(arena, const char *, notes->n_outputs);
  struct onnx_unknown *const unknown = ARENA_NEW(arena, struct onnx_unknown, notes->n_unknown);
  for (size_t i = 0; i < notes->n_inputs; i++) inputs[i] = arena_copy_text(arena, notes->inputs[i]);
  for (size_t i = 0; i < notes->n_outputs; i++) outputs[i] = arena_copy_text(arena, notes->outputs[i]);
  for (size_t i = 0; i < notes->n_unknown; i++)
    unknown[i] = (struct onnx_unknown){arena_copy_text(arena, notes->unknown[i].type),
                                       arena_copy_text(arena, notes->unknown[i].first), notes->unknown[i].n_nodes};
  notes->inputs = inputs;
  notes->outputs = outputs;
  notes->unknown = unknown;
}

/* What does an ONNX file say, as tables of values and nodes?
 *
 * The parser is protobuf-c on Debian's onnx.proto, behind onnx_scan's limits; what it allocates lies in the caller's
 * arena. Names are resolved to numbers, nodes put in topological order. External data are never opened. Source:
 * workloads §4. Left out: subgraphs, functions, sequences (refused). */
#include "base/checked.h"
#include "base/text.h"
#include "workloads/onnx_graph.h"
#include <onnx.pb-c.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPED_BYTES = 96, MAX_DIMENSION = 2147483647 };

static const struct onnx_operator operators[] = {
#define ONNX_OP(name, kind, infer, emit) {#name, OP_##kind, INFER_##infer, EMIT_##emit},
#include "workloads/onnx_ops.def"
#undef ONNX_OP
};

const struct onnx_operator *onnx_find_operator(const char *type) {
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
    if (strcmp(operators[i].name, type) == 0) return &operators[i];
  return NULL;
}

bool onnx_reject(const struct onnx_graph *graph, const struct onnx_node *node, struct error *error, const char *format,
                 ...) {
  char message[512], name[ESCAPED_BYTES], type[ESCAPED_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  text_escape(node->name, name, sizeof name);
  text_escape(node->type, type, sizeof type);
  return error_add(error, STATUS_INPUT, "%s: node %u '%s' (%s): %s", graph->file, node->number, name, type, message);
}

const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name) {
  for (size_t i = 0; i < node->n_attributes; i++)
    if (strcmp(node->attributes[i].name, name) == 0) return &node->attributes[i];
  return NULL;
}

int64_t onnx_int(const struct onnx_node *node, const char *name, int64_t fallback) {
  const struct onnx_attribute *const attribute = onnx_attribute(node, name);
  return attribute != NULL ? attribute->i : fallback;
}

int64_t onnx_ints_at(const struct onnx_node *node, const char *name, size_t i, int64_t fallback) {
  const struct onnx_attribute *const attribute = onnx_attribute(node, name);
  return attribute != NULL && i < attribute->n_ints ? attribute->ints[i] : fallback;
}

struct onnx_value *onnx_operand(const struct onnx_graph *graph, const struct onnx_node *node, size_t i) {
  return i < node->n_inputs && node->inputs[i] != ONNX_NONE ? &graph->values[node->inputs[i]] : NULL;
}

/* --- names ----------------------------------------------------------------------------------------------------- */

struct reader {
  struct onnx_graph *graph;
  struct arena *arena;
  struct error *error;
  size_t n_held, n_slots; /* values, places of the hash table */
  uint32_t *slots;
};

static uint64_t hash_of(const char *name) { /* FNV-1a */
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name != '\0'; name++) hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
  return hash;
}

/* The value of that name, made if there is none. */
static uint32_t value_of(struct reader *reader, const char *name) {
  struct onnx_graph *const graph = reader->graph;
  size_t slot = hash_of(name) & (reader->n_slots - 1);
  for (; reader->slots[slot] != ONNX_NONE; slot = (slot + 1) & (reader->n_slots - 1))
    if (strcmp(graph->values[reader->slots[slot]].name, name) == 0) return reader->slots[slot];
  REQUIRE(graph->n_values < reader->n_held);
  reader->slots[slot] = (uint32_t)graph->n_values;
  graph->values[graph->n_values] =
      (struct onnx_value){.name = name, .producer = ONNX_NONE, .root = ONNX_NONE, .user = ONNX_NONE};
  return (uint32_t)graph->n_values++;
}

static uint32_t unnamed_value(struct reader *reader) {
  REQUIRE(reader->graph->n_values < reader->n_held);
  reader->graph->values[reader->graph->n_values] =
      (struct onnx_value){.name = "", .producer = ONNX_NONE, .root = ONNX_NONE, .user = ONNX_NONE};
  return (uint32_t)reader->graph->n_values++;
}

static bool checked_name(struct reader *reader, const char *name, const char *of) {
  if (text_is_utf8(name)) return true;
  char escaped[ESCAPED_BYTES];
  text_escape(name, escaped, sizeof escaped);
  return error_add(reader->error, STATUS_INPUT, "%s: %s '%s': its name is no UTF-8 text", reader->graph->file, of,
                   escaped);
}

static bool reject_value(struct reader *reader, const char *name, const char *what) {
  char escaped[ESCAPED_BYTES];
  text_escape(name, escaped, sizeof escaped);
  return error_add(reader->error, STATUS_INPUT, "%s: tensor '%s': %s", reader->graph->file, escaped, what);
}

/* --- tensors --------------------------------------------------------------------------------------------------- */

static bool set_dims(struct reader *reader, struct onnx_value *value, const int64_t *dims, size_t n) {
  if (n > ONNX_MAX_RANK) return reject_value(reader, value->name, "has more than 8 dimensions, allowed are 8");
  struct onnx_shape shape = {.known = true, .rank = (uint8_t)n};
  uint64_t elements = 1;
  for (size_t i = 0; i < n; i++) {
    if (dims[i] < 0 || dims[i] > MAX_DIMENSION)
      return reject_value(reader, value->name, "has a dimension below 0 or above 2147483647");
    shape.dims[i] = dims[i];
    if (!checked_mul(elements, (uint64_t)dims[i], &elements) || elements > ONNX_MAX_ELEMENTS)
      return reject_value(reader, value->name, "has more than 2^48 elements, allowed is that number");
  }
  value->shape = value->declared = shape;
  value->elements = elements;
  return true;
}

static bool little(const ProtobufCBinaryData *raw, size_t i, size_t width, uint64_t *bits) {
  *bits = 0;
  if (raw->len / width <= i) return false;
  for (size_t b = 0; b < width; b++) *bits |= (uint64_t)raw->data[i * width + b] << (8 * b);
  return true;
}

static bool int_of(const Onnx__TensorProto *tensor, size_t i, int64_t *out) {
  uint64_t bits;
  const bool raw = tensor->has_raw_data;
  switch (tensor->data_type) {
  case ONNX_INT64:
    if (raw ? !little(&tensor->raw_data, i, 8, &bits) : i >= tensor->n_int64_data) return false;
    *out = raw ? (int64_t)bits : tensor->int64_data[i];
    return true;
  case ONNX_INT32:
    if (raw ? !little(&tensor->raw_data, i, 4, &bits) : i >= tensor->n_int32_data) return false;
    *out = raw ? (int32_t)(uint32_t)bits : tensor->int32_data[i];
    return true;
  case ONNX_BOOL:
  case ONNX_UINT8:
  case ONNX_INT8:
    if (raw ? !little(&tensor->raw_data, i, 1, &bits) : i >= tensor->n_int32_data) return false;
    *out = !raw ? tensor->int32_data[i] : tensor->data_type == ONNX_INT8 ? (int8_t)(uint8_t)bits : (int64_t)bits;
    return true;
  default:
    return false;
  }
}

static bool real_of(const Onnx__TensorProto *tensor, size_t i, double *out) {
  uint64_t bits;
  if (tensor->data_type == ONNX_FLOAT) {
    float value;
    if (tensor->has_raw_data) {
      if (!little(&tensor->raw_data, i, sizeof value, &bits)) return false;
      const uint32_t word = (uint32_t)bits;
      memcpy(&value, &word, sizeof value);
    } else {
      if (i >= tensor->n_float_data) return false;
      value = tensor->float_data[i];
    }
    *out = value;
    return true;
  }
  if (tensor->data_type != ONNX_DOUBLE) return false;
  if (tensor->has_raw_data) {
    if (!little(&tensor->raw_data, i, sizeof *out, &bits)) return false;
    memcpy(out, &bits, sizeof *out);
    return true;
  }
  if (i >= tensor->n_double_data) return false;
  *out = tensor->double_data[i];
  return true;
}

/* Small constants keep their values; those of external ones are not known. */
static void keep_values(struct reader *reader, struct onnx_value *value, const Onnx__TensorProto *tensor) {
  const bool external =
      tensor->n_external_data > 0 ||
      (tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL);
  if (external || value->elements > ONNX_MAX_FOLDED) return;
  const size_t n = value->elements;
  if (onnx_is_real(value->type)) {
    double *const reals = ARENA_NEW(reader->arena, double, n);
    for (size_t i = 0; i < n; i++)
      if (!real_of(tensor, i, &reals[i])) return;
    value->reals = reals;
  } else {
    int64_t *const ints = ARENA_NEW(reader->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
      if (!int_of(tensor, i, &ints[i])) return;
    value->ints = ints;
  }
}

static bool read_tensor(struct reader *reader, uint32_t index, const Onnx__TensorProto *tensor) {
  struct onnx_value *const value = &reader->graph->values[index];
  value->type = tensor->data_type;
  value->source = SOURCE_CONSTANT;
  if (!set_dims(reader, value, tensor->dims, tensor->n_dims)) return false;
  keep_values(reader, value, tensor);
  return true;
}

static bool read_declared(struct reader *reader, const Onnx__ValueInfoProto *info, struct onnx_value *value) {
  if (info->type == NULL) return true;
  if (info->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) return true;
  if (info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
    return reject_value(reader, value->name,
                        "is no tensor (a sequence, map, optional or sparse one), allowed are tensors");
  const Onnx__TypeProto__Tensor *const type = info->type->tensor_type;
  if (!value->is_initializer) value->type = type->elem_type;
  if (type->shape == NULL || value->is_initializer) return true;
  if (type->shape->n_dim > ONNX_MAX_RANK)
    return reject_value(reader, value->name, "has more than 8 dimensions, allowed are 8");
  struct onnx_shape shape = {.known = true, .rank = (uint8_t)type->shape->n_dim};
  for (size_t i = 0; i < shape.rank; i++) {
    const Onnx__TensorShapeProto__Dimension *const dim = type->shape->dim[i];
    shape.dims[i] = -1;
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM) {
      if (!checked_name(reader, dim->dim_param, "dimension")) return false;
      shape.symbols[i] = dim->dim_param;
    } else if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
      if (value->is_input && (dim->dim_value < 1 || dim->dim_value > MAX_DIMENSION))
        return reject_value(reader, value->name, "has a dimension below 1 or above 2147483647");
      if (dim->dim_value >= 0 && dim->dim_value <= MAX_DIMENSION) shape.dims[i] = dim->dim_value;
    }
  }
  value->declared = shape;
  return true;
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static bool read_attributes(struct reader *reader, const Onnx__NodeProto *from, struct onnx_node *node) {
  struct onnx_attribute *const attributes = ARENA_NEW(reader->arena, struct onnx_attribute, from->n_attribute);
  node->attributes = attributes;
  node->n_attributes = from->n_attribute;
  for (size_t i = 0; i < from->n_attribute; i++) {
    const Onnx__AttributeProto *const given = from->attribute[i];
    struct onnx_attribute *const attribute = &attributes[i];
    *attribute = (struct onnx_attribute){.name = given->name != NULL ? given->name : "",
                                         .i = given->i,
                                         .f = given->f,
                                         .n_ints = given->n_ints,
                                         .ints = given->ints,
                                         .n_reals = given->n_floats,
                                         .tensor = ONNX_NONE,
                                         .is_float = given->has_f,
                                         .is_graph = given->g != NULL || given->n_graphs > 0};
    if (given->has_s) { /* bytes without an end of their own */
      char *const text = ARENA_NEW(reader->arena, char, given->s.len + 1);
      if (given->s.len > 0) memcpy(text, given->s.data, given->s.len);
      attribute->s = text;
    }
    if (attribute->is_graph)
      return onnx_reject(reader->graph, node, reader->error,
                         "holds a graph of its own (If, Loop, Scan and the like), allowed are plain operators");
    if (given->t == NULL) continue;
    attribute->tensor = unnamed_value(reader);
    if (!read_tensor(reader, attribute->tensor, given->t)) return false;
  }
  return true;
}

static bool read_node(struct reader *reader, const Onnx__NodeProto *from, size_t number) {
  struct onnx_graph *const graph = reader->graph;
  struct onnx_node *const node = &graph->nodes[number];
  const char *const domain = from->domain != NULL ? from->domain : "";
  node->name = from->name != NULL ? from->name : "";
  node->type = from->op_type != NULL ? from->op_type : "";
  node->foreign = domain[0] != '\0' && strcmp(domain, "ai.onnx") != 0 && strcmp(domain, "com.microsoft") != 0;
  node->number = (uint32_t)number;
  node->op = node->foreign ? NULL : onnx_find_operator(node->type);
  if (!checked_name(reader, node->name, "node") || !checked_name(reader, node->type, "operator")) return false;
  node->n_inputs = from->n_input;
  node->n_outputs = from->n_output;
  node->inputs = ARENA_NEW(reader->arena, uint32_t, node->n_inputs);
  node->outputs = ARENA_NEW(reader->arena, uint32_t, node->n_outputs);
  if (node->n_outputs == 0) return onnx_reject(graph, node, reader->error, "has no output");
  if (node->n_inputs > EMIT_MAX_OPERANDS)
    return onnx_reject(graph, node, reader->error, "has %zu operands, allowed are %d", node->n_inputs,
                       EMIT_MAX_OPERANDS);
  for (size_t i = 0; i < node->n_inputs; i++) {
    if (!checked_name(reader, from->input[i], "tensor")) return false;
    node->inputs[i] = from->input[i][0] == '\0' ? ONNX_NONE : value_of(reader, from->input[i]);
  }
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (!checked_name(reader, from->output[i], "tensor")) return false;
    node->outputs[i] = ONNX_NONE;
    if (from->output[i][0] == '\0') continue;
    struct onnx_value *const value = &graph->values[node->outputs[i] = value_of(reader, from->output[i])];
    if (value->producer != ONNX_NONE || value->is_input || value->is_initializer)
      return reject_value(reader, value->name, "is put out twice, or is an input too");
    value->producer = (uint32_t)number;
  }
  return read_attributes(reader, from, node);
}

/* Every operand must come from somewhere. */
static bool check_operands(struct reader *reader) {
  const struct onnx_graph *const graph = reader->graph;
  for (size_t n = 0; n < graph->n_nodes; n++) {
    for (size_t i = 0; i < graph->nodes[n].n_inputs; i++) {
      const struct onnx_value *const value = onnx_operand(graph, &graph->nodes[n], i);
      if (value == NULL || value->producer != ONNX_NONE || value->is_input || value->is_initializer) continue;
      char escaped[ESCAPED_BYTES];
      text_escape(value->name, escaped, sizeof escaped);
      return onnx_reject(graph, &graph->nodes[n], reader->error,
                         "reads the tensor '%s', which no node puts out and is no input", escaped);
    }
  }
  return true;
}

/* Kahn's order by a queue; a file in topological order keeps its order, as the format demands. */
static bool order_nodes(struct reader *reader) {
  struct onnx_graph *const graph = reader->graph;
  bool sorted = true;
  for (size_t n = 0; n < graph->n_nodes && sorted; n++) {
    for (size_t i = 0; i < graph->nodes[n].n_inputs; i++) {
      const struct onnx_value *const value = onnx_operand(graph, &graph->nodes[n], i);
      sorted &= value == NULL || value->producer == ONNX_NONE || value->producer < n;
    }
  }
  if (sorted) return true;
  uint32_t *const waits = ARENA_NEW(reader->arena, uint32_t, graph->n_nodes);
  uint32_t *const start = ARENA_NEW(reader->arena, uint32_t, graph->n_nodes + 2);
  size_t n_edges = 0;
#define EACH_EDGE(n, i, value)                                                                                         \
  for (size_t n = 0; n < graph->n_nodes; n++)                                                                          \
    for (size_t i = 0; i < graph->nodes[n].n_inputs; i++)                                                              \
      for (const struct onnx_value *value = onnx_operand(graph, &graph->nodes[n], i);                                  \
           value != NULL && value->producer != ONNX_NONE; value = NULL)
  EACH_EDGE(n, i, value) {
    waits[n]++;
    start[value->producer + 2]++;
    n_edges++;
  }
  for (size_t n = 1; n < graph->n_nodes + 2; n++) start[n] += start[n - 1];
  uint32_t *const after = ARENA_NEW(reader->arena, uint32_t, n_edges);
  EACH_EDGE(n, i, value) after[start[value->producer + 1]++] = (uint32_t)n;
#undef EACH_EDGE
  uint32_t *const queue = ARENA_NEW(reader->arena, uint32_t, graph->n_nodes);
  size_t n_queued = 0;
  for (size_t n = 0; n < graph->n_nodes; n++)
    if (waits[n] == 0) queue[n_queued++] = (uint32_t)n;
  for (size_t at = 0; at < n_queued; at++)
    for (uint32_t e = start[queue[at]]; e < start[queue[at] + 1]; e++)
      if (--waits[after[e]] == 0) queue[n_queued++] = after[e];
  for (size_t n = 0; n < graph->n_nodes; n++)
    if (waits[n] > 0) return onnx_reject(graph, &graph->nodes[n], reader->error, "lies on or behind a cycle");
  struct onnx_node *const ordered = ARENA_NEW(reader->arena, struct onnx_node, graph->n_nodes);
  for (size_t n = 0; n < graph->n_nodes; n++) {
    ordered[n] = graph->nodes[queue[n]];
    for (size_t i = 0; i < ordered[n].n_outputs; i++)
      if (ordered[n].outputs[i] != ONNX_NONE) graph->values[ordered[n].outputs[i]].producer = (uint32_t)n;
  }
  graph->nodes = ordered;
  return true;
}

/* --- the file -------------------------------------------------------------------------------------------------- */

static bool read_ends(struct reader *reader, const Onnx__GraphProto *from) {
  struct onnx_graph *const graph = reader->graph;
  for (size_t i = 0; i < from->n_initializer; i++) {
    const char *const name = from->initializer[i]->name != NULL ? from->initializer[i]->name : "";
    if (!checked_name(reader, name, "tensor")) return false;
    const uint32_t index = value_of(reader, name);
    if (graph->values[index].is_initializer) return reject_value(reader, name, "is given twice");
    graph->values[index].is_initializer = true;
    if (!read_tensor(reader, index, from->initializer[i])) return false;
    graph->has_initializers |= graph->values[index].elements > 1 && onnx_is_real(graph->values[index].type);
  }
  if (from->n_sparse_initializer > 0)
    return error_add(reader->error, STATUS_INPUT, "%s: has sparse initializers, allowed are dense ones", graph->file);
  for (size_t i = 0; i < from->n_input; i++) {
    const char *const name = from->input[i]->name != NULL ? from->input[i]->name : "";
    if (!checked_name(reader, name, "input")) return false;
    struct onnx_value *const value = &graph->values[value_of(reader, name)];
    if (value->is_input) return reject_value(reader, name, "is an input twice");
    value->is_input = true;
    if (!read_declared(reader, from->input[i], value)) return false;
  }
  return true;
}

static bool read_graph(struct reader *reader, const Onnx__GraphProto *from) {
  struct onnx_graph *const graph = reader->graph;
  if (!read_ends(reader, from)) return false;
  for (size_t i = 0; i < from->n_node; i++)
    if (!read_node(reader, from->node[i], i)) return false;
  for (size_t i = 0; i < from->n_value_info; i++) {
    if (from->value_info[i]->name == NULL) continue;
    struct onnx_value *const value = &graph->values[value_of(reader, from->value_info[i]->name)];
    if (value->producer != ONNX_NONE && !read_declared(reader, from->value_info[i], value)) return false;
  }
  for (size_t i = 0; i < from->n_output; i++) {
    if (from->output[i]->name == NULL) continue;
    struct onnx_value *const value = &graph->values[value_of(reader, from->output[i]->name)];
    value->is_output = true;
    if (value->producer == ONNX_NONE) continue;
    if (!read_declared(reader, from->output[i], value)) return false;
  }
  return check_operands(reader) && order_nodes(reader);
}

static size_t count_names(const Onnx__GraphProto *from) {
  size_t n = from->n_initializer + from->n_input + from->n_output + from->n_value_info;
  for (size_t i = 0; i < from->n_node; i++)
    n += from->node[i]->n_input + from->node[i]->n_output + from->node[i]->n_attribute;
  return n;
}

/* protobuf-c allocates here, so that nothing of it needs to be freed. */
static void *allocate(void *arena, size_t size) { return arena_alloc(arena, size, 1); }
static void keep(void *arena, void *pointer) {
  (void)arena;
  (void)pointer;
}

bool onnx_read(const char *file, const uint8_t *bytes, size_t n, struct arena *arena, struct onnx_graph *graph,
               struct error *error) {
  *graph = (struct onnx_graph){.file = file, .arena = arena, .opset = 1};
  if (n == 0) return error_add(error, STATUS_INPUT, "%s: is empty, this is no ONNX file", file);
  if (!onnx_scan(file, bytes, n, error)) return false;
  ProtobufCAllocator allocator = {allocate, keep, arena};
  const Onnx__ModelProto *const model = onnx__model_proto__unpack(&allocator, n, bytes);
  if (model == NULL) return error_add(error, STATUS_INPUT, "%s: this is no ONNX file, or a part of one", file);
  if (model->graph == NULL) return error_add(error, STATUS_INPUT, "%s: has no graph, this is no ONNX model", file);
  if (model->n_functions > 0)
    return error_add(error, STATUS_INPUT, "%s: has functions of its own, allowed are files without (inline them first)",
                     file);
  for (size_t i = 0; i < model->n_opset_import; i++) {
    const char *const domain = model->opset_import[i]->domain;
    if (domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
      graph->opset = model->opset_import[i]->version;
  }
  if (graph->opset < ONNX_MIN_OPSET)
    return error_add(error, STATUS_INPUT, "%s: is of operator set %lld, allowed are %d to %d", file,
                     (long long)graph->opset, ONNX_MIN_OPSET, ONNX_MAX_OPSET);
  struct reader reader = {.graph = graph, .arena = arena, .error = error, .n_slots = 64};
  reader.n_held = count_names(model->graph);
  while (reader.n_slots < 2 * reader.n_held) reader.n_slots *= 2;
  reader.slots = ARENA_NEW(arena, uint32_t, reader.n_slots);
  memset(reader.slots, 0xff, reader.n_slots * sizeof *reader.slots);
  graph->values = ARENA_NEW(arena, struct onnx_value, reader.n_held);
  graph->nodes = ARENA_NEW(arena, struct onnx_node, model->graph->n_node);
  graph->n_nodes = model->graph->n_node;
  return read_graph(&reader, model->graph);
}

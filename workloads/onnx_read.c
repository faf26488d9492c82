/* What does an ONNX file say, as tables of values and nodes?
 *
 * The parser is protobuf-c on Debian's onnx.proto, behind onnx_scan's limits; what it allocates lies in the caller's
 * arena. Names are resolved to numbers, nodes put in topological order. Graphs inside nodes and functions are
 * kept as they are until onnx_inline.c takes them apart. Source: workloads §4. Left out: sequences, sparse tensors
 * (refused). */
#include "base/text.h"
#include "workloads/onnx_reader.h"
#include <stdio.h>
#include <string.h>

enum { ESCAPED_BYTES = 96 };

static const struct onnx_operator operators[] = {
#define ONNX_OP(name, kind, infer, emit) {#name, OP_##kind, INFER_##infer, EMIT_##emit, ONNX_WEIGHTS_BY_RULE},
#include "workloads/onnx_ops.def"
#undef ONNX_OP
#define CONTRIB_OP(name, kind, infer, emit, weights) {#name, OP_##kind, INFER_##infer, EMIT_##emit, weights},
#include "workloads/onnx_contrib.def"
#undef CONTRIB_OP
};
enum {
#define ONNX_OP(name, kind, infer, emit) STANDARD_##name,
#include "workloads/onnx_ops.def"
#undef ONNX_OP
  N_STANDARD,
  N_OPERATORS = sizeof operators / sizeof *operators
};

const struct onnx_operator *onnx_operators(size_t *n, size_t *n_standard) {
  *n = N_OPERATORS;
  *n_standard = N_STANDARD;
  return operators;
}

/* An operator that is not in its own list is looked for in the other: com.microsoft has several of ONNX's, and files
 * leave out the domain. */
const struct onnx_operator *onnx_find_operator(const char *domain, const char *type) {
  const bool contrib = domain != NULL && strcmp(domain, "com.microsoft") == 0;
  if (domain != NULL && domain[0] != '\0' && !contrib && strcmp(domain, "ai.onnx") != 0) return NULL;
  const size_t first = contrib ? N_STANDARD : 0;
  for (size_t k = 0; k < N_OPERATORS; k++) {
    const struct onnx_operator *const op = &operators[(first + k) % N_OPERATORS];
    if (op->name[0] == type[0] && strcmp(op->name, type) == 0) return op;
  }
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
  if (node->within == NULL)
    return error_add(error, STATUS_INPUT, "%s: node %u '%s' (%s): %s", graph->file, node->number, name, type, message);
  char within[ESCAPED_BYTES];
  text_escape(node->within, within, sizeof within);
  return error_add(error, STATUS_INPUT, "%s: node %u '%s' (%s), inside of node '%s': %s", graph->file, node->number,
                   name, type, within, message);
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

static uint64_t hash_of(const char *name) { /* FNV-1a */
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name != '\0'; name++) hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
  return hash;
}

static struct onnx_slot *find_slot(const struct onnx_scope *scope, const char *name) {
  size_t slot = hash_of(name) & (scope->n_slots - 1);
  while (scope->slots[slot].name != NULL && strcmp(scope->slots[slot].name, name) != 0)
    slot = (slot + 1) & (scope->n_slots - 1);
  return &scope->slots[slot];
}

struct onnx_scope *onnx_scope_new(struct arena *arena, const struct onnx_scope *outer, size_t n_names) {
  struct onnx_scope *const scope = ARENA_NEW(arena, struct onnx_scope, 1);
  *scope = (struct onnx_scope){.outer = outer, .caller = outer != NULL ? outer->caller : NULL, .n_slots = 4};
  while (scope->n_slots < 2 * n_names) scope->n_slots *= 2;
  scope->slots = ARENA_NEW(arena, struct onnx_slot, scope->n_slots);
  return scope;
}

bool onnx_scope_bind(struct onnx_scope *scope, const char *name, uint32_t value) {
  struct onnx_slot *const slot = find_slot(scope, name);
  if (slot->name != NULL) return false;
  REQUIRE(2 * scope->n_held++ < scope->n_slots);
  *slot = (struct onnx_slot){name, value};
  return true;
}

bool onnx_scope_find(const struct onnx_scope *scope, const char *name, uint32_t *value) {
  for (; scope != NULL; scope = scope->outer) {
    const struct onnx_slot *const slot = find_slot(scope, name);
    if (slot->name == NULL) continue;
    *value = slot->value;
    return true;
  }
  return false;
}

uint32_t onnx_new_value(struct onnx_reader *reader, const char *name) {
  struct onnx_graph *const graph = reader->graph;
  if (graph->n_values == graph->values_held) {
    graph->values_held = 2 * graph->values_held + 64;
    struct onnx_value *const more = ARENA_NEW(reader->arena, struct onnx_value, graph->values_held);
    if (graph->n_values > 0) memcpy(more, graph->values, graph->n_values * sizeof *more);
    graph->values = more;
  }
  graph->values[graph->n_values] =
      (struct onnx_value){.name = name, .producer = ONNX_NONE, .root = ONNX_NONE, .user = ONNX_NONE};
  return (uint32_t)graph->n_values++;
}

uint32_t onnx_value_of(struct onnx_reader *reader, const char *name) {
  uint32_t value;
  if (onnx_scope_find(reader->scope, name, &value)) return value;
  value = onnx_new_value(reader, name);
  REQUIRE(onnx_scope_bind(reader->scope, name, value));
  return value;
}

bool onnx_checked_name(struct onnx_reader *reader, const char *name, const char *of) {
  if (text_is_utf8(name)) return true;
  char escaped[ESCAPED_BYTES];
  text_escape(name, escaped, sizeof escaped);
  return error_add(reader->error, STATUS_INPUT, "%s: %s '%s': its name is no UTF-8 text", reader->graph->file, of,
                   escaped);
}

bool onnx_reject_value(struct onnx_reader *reader, const char *name, const char *what) {
  char escaped[ESCAPED_BYTES];
  text_escape(name, escaped, sizeof escaped);
  return error_add(reader->error, STATUS_INPUT, "%s: tensor '%s': %s", reader->graph->file, escaped, what);
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static bool is_control(const struct onnx_node *node) {
  return !node->foreign &&
         (strcmp(node->type, "If") == 0 || strcmp(node->type, "Loop") == 0 || strcmp(node->type, "Scan") == 0);
}

/* What node->body needs to be taken apart later, when the values that it depends on are known. */
static struct onnx_body *body_of(struct onnx_reader *reader, struct onnx_node *node) {
  if (node->body == NULL) {
    struct onnx_body *const body = ARENA_NEW(reader->arena, struct onnx_body, 1);
    body->scope = reader->scope;
    node->body = body;
  }
  return node->body;
}

static bool read_body(struct onnx_reader *reader, const Onnx__AttributeProto *given, struct onnx_node *node) {
  const char *const name = given->name != NULL ? given->name : "";
  const bool second = strcmp(name, "else_branch") == 0;
  if (!is_control(node) || given->g == NULL ||
      !(second || strcmp(name, "then_branch") == 0 || strcmp(name, "body") == 0))
    return onnx_reject(reader->graph, node, reader->error,
                       "holds a graph of its own, allowed are those of If, Loop and Scan");
  struct onnx_body *const body = body_of(reader, node);
  body->graphs[second] = given->g;
  return true;
}

/* An attribute that stands for one of the function's caller; false if that has none. */
static bool refer(const struct onnx_reader *reader, const Onnx__AttributeProto *given,
                  struct onnx_attribute *attribute) {
  const struct onnx_node *const caller = reader->scope->caller;
  const struct onnx_attribute *const referred = caller != NULL ? onnx_attribute(caller, given->ref_attr_name) : NULL;
  if (referred == NULL) return false;
  const char *const name = attribute->name;
  *attribute = *referred;
  attribute->name = name;
  return true;
}

static bool read_attribute(struct onnx_reader *reader, const Onnx__AttributeProto *given, struct onnx_node *node,
                           struct onnx_attribute *attribute) {
  *attribute = (struct onnx_attribute){.name = given->name != NULL ? given->name : "",
                                       .i = given->i,
                                       .f = given->f,
                                       .n_ints = given->n_ints,
                                       .ints = given->ints,
                                       .n_reals = given->n_floats,
                                       .reals = given->floats,
                                       .tensor = ONNX_NONE,
                                       .is_float = given->has_f};
  if (given->has_s) { /* bytes without an end of their own */
    char *const text = ARENA_NEW(reader->arena, char, given->s.len + 1);
    if (given->s.len > 0) memcpy(text, given->s.data, given->s.len);
    attribute->s = text;
  }
  if (given->g != NULL || given->n_graphs > 0) return read_body(reader, given, node);
  if (given->t == NULL) return true;
  attribute->tensor = onnx_new_value(reader, "");
  return onnx_read_tensor(reader, attribute->tensor, given->t);
}

static bool read_attributes(struct onnx_reader *reader, const Onnx__NodeProto *from, struct onnx_node *node) {
  struct onnx_attribute *const attributes = ARENA_NEW(reader->arena, struct onnx_attribute, from->n_attribute);
  node->attributes = attributes;
  for (size_t i = 0; i < from->n_attribute; i++) {
    const Onnx__AttributeProto *const given = from->attribute[i];
    struct onnx_attribute *const attribute = &attributes[node->n_attributes];
    if (given->ref_attr_name != NULL && given->ref_attr_name[0] != '\0') {
      attribute->name = given->name != NULL ? given->name : "";
      node->n_attributes += refer(reader, given, attribute);
      continue;
    }
    if (!read_attribute(reader, given, node, attribute)) return false;
    node->n_attributes++;
  }
  return true;
}

/* The functions of the file by "domain name". */
static struct onnx_scope *name_functions(struct onnx_reader *reader) {
  struct onnx_scope *const scope = onnx_scope_new(reader->arena, NULL, reader->model->n_functions);
  for (size_t i = 0; i < reader->model->n_functions; i++) {
    const Onnx__FunctionProto *const function = reader->model->functions[i];
    const char *const domain = function->domain != NULL ? function->domain : "";
    if (function->name != NULL) /* of two with one name the first */
      (void)onnx_scope_bind(scope, arena_printf(reader->arena, "%s %s", domain, function->name), (uint32_t)i);
  }
  return scope;
}

static const Onnx__FunctionProto *function_of(const struct onnx_reader *reader, const char *domain, const char *type) {
  uint32_t i;
  if (reader->model->n_functions == 0) return NULL;
  const char *const key = arena_printf(reader->arena, "%s %s", domain, type);
  return onnx_scope_find(reader->functions, key, &i) ? reader->model->functions[i] : NULL;
}

static bool read_node(struct onnx_reader *reader, const Onnx__NodeProto *from, size_t number, uint32_t index) {
  struct onnx_graph *const graph = reader->graph;
  struct onnx_node *const node = &graph->nodes[index];
  const char *const domain = from->domain != NULL ? from->domain : "";
  *node = (struct onnx_node){.within = reader->scope->within, .number = (uint32_t)number};
  node->name = from->name != NULL ? from->name : "";
  node->type = from->op_type != NULL ? from->op_type : "";
  node->foreign = domain[0] != '\0' && strcmp(domain, "ai.onnx") != 0 && strcmp(domain, "com.microsoft") != 0;
  node->op = onnx_find_operator(domain, node->type);
  if (!onnx_checked_name(reader, node->name, "node") || !onnx_checked_name(reader, node->type, "operator"))
    return false;
  const Onnx__FunctionProto *const function = node->op == NULL ? function_of(reader, domain, node->type) : NULL;
  if (function != NULL) body_of(reader, node)->function = function;
  node->n_inputs = from->n_input;
  node->n_outputs = from->n_output;
  node->inputs = ARENA_NEW(reader->arena, uint32_t, node->n_inputs);
  node->outputs = ARENA_NEW(reader->arena, uint32_t, node->n_outputs);
  if (node->n_outputs == 0) return onnx_reject(graph, node, reader->error, "has no output");
  if (node->n_inputs > EMIT_MAX_OPERANDS)
    return onnx_reject(graph, node, reader->error, "has %zu operands, allowed are %d", node->n_inputs,
                       EMIT_MAX_OPERANDS);
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (!onnx_checked_name(reader, from->output[i], "tensor")) return false;
    node->outputs[i] = ONNX_NONE;
    if (from->output[i][0] == '\0') continue;
    const uint32_t output = onnx_new_value(reader, from->output[i]);
    if (!onnx_scope_bind(reader->scope, from->output[i], output))
      return onnx_reject_value(reader, from->output[i], "is put out twice, or is an input too");
    node->outputs[i] = output;
    graph->values[output].producer = index;
  }
  if (!read_attributes(reader, from, node)) return false;
  return !is_control(node) || node->body != NULL || onnx_reject(graph, node, reader->error, "lacks its graph");
}

/* Every operand must come from somewhere: from a node, perhaps a later one, an input, or the graph around this one. */
static bool read_operands(struct onnx_reader *reader, const Onnx__NodeProto *from, struct onnx_node *node) {
  for (size_t i = 0; i < node->n_inputs; i++) {
    if (!onnx_checked_name(reader, from->input[i], "tensor")) return false;
    node->inputs[i] = ONNX_NONE;
    if (from->input[i][0] == '\0' || onnx_scope_find(reader->scope, from->input[i], &node->inputs[i])) continue;
    char escaped[ESCAPED_BYTES];
    text_escape(from->input[i], escaped, sizeof escaped);
    return onnx_reject(reader->graph, node, reader->error,
                       "reads the tensor '%s', which no node puts out and is no input", escaped);
  }
  return true;
}

/* --- order ----------------------------------------------------------------------------------------------------- */

/* Of the nodes from `first` on: which of them puts out operand i of node n, ONNX_NONE if none of them does. Operands
 * that the graphs inside a node take from here count, too. */
static uint32_t source_of(const struct onnx_graph *graph, size_t first, size_t n, size_t i) {
  const struct onnx_node *const node = &graph->nodes[n];
  const uint32_t value = i < node->n_inputs ? node->inputs[i] : node->captured[i - node->n_inputs].value;
  const uint32_t producer = value != ONNX_NONE ? graph->values[value].producer : ONNX_NONE;
  return producer != ONNX_NONE && producer >= first ? producer : ONNX_NONE;
}
static size_t count_sources(const struct onnx_node *node) { return node->n_inputs + node->n_captured; }

/* Kahn's order by a queue; a file in topological order keeps its order, as the format demands. */
static bool order_nodes(struct onnx_reader *reader, size_t first) {
  struct onnx_graph *const graph = reader->graph;
  const size_t n_nodes = graph->n_nodes - first;
  bool sorted = true;
  for (size_t n = first; n < graph->n_nodes && sorted; n++)
    for (size_t i = 0; i < count_sources(&graph->nodes[n]); i++) {
      const uint32_t producer = source_of(graph, first, n, i);
      sorted &= producer == ONNX_NONE || producer < n;
    }
  if (sorted) return true;
  uint32_t *const waits = ARENA_NEW(reader->arena, uint32_t, n_nodes);
  uint32_t *const start = ARENA_NEW(reader->arena, uint32_t, n_nodes + 2);
  size_t n_edges = 0;
#define EACH_EDGE(n, producer)                                                                                         \
  for (size_t n = first; n < graph->n_nodes; n++)                                                                      \
    for (size_t i = 0; i < count_sources(&graph->nodes[n]); i++)                                                       \
      for (uint32_t producer = source_of(graph, first, n, i); producer != ONNX_NONE; producer = ONNX_NONE)
  EACH_EDGE(n, producer) {
    waits[n - first]++;
    start[producer - first + 2]++;
    n_edges++;
  }
  for (size_t n = 1; n < n_nodes + 2; n++) start[n] += start[n - 1];
  uint32_t *const after = ARENA_NEW(reader->arena, uint32_t, n_edges);
  EACH_EDGE(n, producer) after[start[producer - first + 1]++] = (uint32_t)(n - first);
#undef EACH_EDGE
  uint32_t *const queue = ARENA_NEW(reader->arena, uint32_t, n_nodes);
  size_t n_queued = 0;
  for (size_t n = 0; n < n_nodes; n++)
    if (waits[n] == 0) queue[n_queued++] = (uint32_t)n;
  for (size_t at = 0; at < n_queued; at++)
    for (uint32_t e = start[queue[at]]; e < start[queue[at] + 1]; e++)
      if (--waits[after[e]] == 0) queue[n_queued++] = after[e];
  for (size_t n = 0; n < n_nodes; n++)
    if (waits[n] > 0) return onnx_reject(graph, &graph->nodes[first + n], reader->error, "lies on or behind a cycle");
  struct onnx_node *const ordered = ARENA_NEW(reader->arena, struct onnx_node, n_nodes);
  for (size_t n = 0; n < n_nodes; n++) {
    ordered[n] = graph->nodes[first + queue[n]];
    for (size_t i = 0; i < ordered[n].n_outputs; i++)
      if (ordered[n].outputs[i] != ONNX_NONE) graph->values[ordered[n].outputs[i]].producer = (uint32_t)(first + n);
  }
  memcpy(&graph->nodes[first], ordered, n_nodes * sizeof *ordered);
  return true;
}

uint32_t onnx_new_nodes(struct onnx_graph *graph, size_t n) {
  if (n > graph->nodes_held - graph->n_nodes) {
    graph->nodes_held = 2 * graph->nodes_held + n;
    struct onnx_node *const more = ARENA_NEW(graph->arena, struct onnx_node, graph->nodes_held);
    if (graph->n_nodes > 0) memcpy(more, graph->nodes, graph->n_nodes * sizeof *more);
    graph->nodes = more;
  }
  const size_t first = graph->n_nodes;
  graph->n_nodes += n;
  return (uint32_t)first;
}

bool onnx_read_nodes(struct onnx_reader *reader, Onnx__NodeProto *const *from, size_t n) {
  struct onnx_graph *const graph = reader->graph;
  const uint32_t first = onnx_new_nodes(graph, n);
  for (size_t i = 0; i < n; i++)
    if (!read_node(reader, from[i], i, first + (uint32_t)i)) return false;
  for (size_t i = 0; i < n; i++)
    if (!read_operands(reader, from[i], &graph->nodes[first + i])) return false;
  for (size_t i = 0; i < n; i++) onnx_find_captured(reader, &graph->nodes[first + i]);
  return order_nodes(reader, first);
}

/* --- the file -------------------------------------------------------------------------------------------------- */

bool onnx_read_initializers(struct onnx_reader *reader, const Onnx__GraphProto *from) {
  struct onnx_graph *const graph = reader->graph;
  for (size_t i = 0; i < from->n_initializer; i++) {
    const char *const name = from->initializer[i]->name != NULL ? from->initializer[i]->name : "";
    if (!onnx_checked_name(reader, name, "tensor")) return false;
    const uint32_t index = onnx_new_value(reader, name);
    if (!onnx_scope_bind(reader->scope, name, index)) return onnx_reject_value(reader, name, "is given twice");
    graph->values[index].is_initializer = true;
    if (!onnx_read_tensor(reader, index, from->initializer[i])) return false;
    graph->has_initializers |= graph->values[index].elements > 1 && onnx_is_real(graph->values[index].type);
  }
  if (from->n_sparse_initializer > 0)
    return error_add(reader->error, STATUS_INPUT, "%s: has sparse initializers, allowed are dense ones", graph->file);
  return true;
}

/* What the file says of values that nodes put out: shapes in between, and those of its outputs. */
bool onnx_read_value_infos(struct onnx_reader *reader, const Onnx__GraphProto *from) {
  struct onnx_graph *const graph = reader->graph;
  uint32_t value;
  for (size_t i = 0; i < from->n_value_info; i++) {
    const char *const name = from->value_info[i]->name;
    if (name == NULL || !onnx_scope_find(reader->scope, name, &value) || value == ONNX_NONE) continue;
    const bool known = graph->values[value].producer != ONNX_NONE || graph->values[value].is_initializer;
    if (known && !onnx_read_declared(reader, from->value_info[i], value)) return false;
  }
  for (size_t i = 0; i < from->n_output; i++) {
    const char *const name = from->output[i]->name;
    if (name == NULL || !onnx_scope_find(reader->scope, name, &value) || value == ONNX_NONE) continue;
    if (graph->values[value].producer != ONNX_NONE && !onnx_read_declared(reader, from->output[i], value)) return false;
  }
  return true;
}

static bool read_inputs(struct onnx_reader *reader, const Onnx__GraphProto *from) {
  for (size_t i = 0; i < from->n_input; i++) {
    const char *const name = from->input[i]->name != NULL ? from->input[i]->name : "";
    if (!onnx_checked_name(reader, name, "input")) return false;
    const uint32_t index = onnx_value_of(reader, name);
    struct onnx_value *const value = &reader->graph->values[index];
    if (value->is_input) return onnx_reject_value(reader, name, "is an input twice");
    value->is_input = true;
    if (!onnx_read_declared(reader, from->input[i], index)) return false;
  }
  return true;
}

static bool read_graph(struct onnx_reader *reader, const Onnx__GraphProto *from) {
  struct onnx_graph *const graph = reader->graph;
  if (!onnx_read_initializers(reader, from) || !read_inputs(reader, from) ||
      !onnx_read_nodes(reader, from->node, from->n_node) || !onnx_read_value_infos(reader, from))
    return false;
  uint32_t *const outputs = ARENA_NEW(graph->arena, uint32_t, from->n_output);
  for (size_t i = 0; i < from->n_output; i++) {
    uint32_t value;
    const char *const name = from->output[i]->name != NULL ? from->output[i]->name : "";
    if (!onnx_checked_name(reader, name, "output")) return false;
    if (!onnx_scope_find(reader->scope, name, &value))
      return onnx_reject_value(reader, name, "is an output, but no node puts it out and it is no input");
    graph->values[value].is_output = true;
    outputs[graph->n_outputs++] = value;
  }
  graph->outputs = outputs;
  return true;
}

size_t onnx_count_names(Onnx__NodeProto *const *from, size_t n) {
  size_t n_names = 0;
  for (size_t i = 0; i < n; i++) n_names += from[i]->n_output;
  return n_names;
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
  for (size_t i = 0; i < model->n_opset_import; i++) {
    const char *const domain = model->opset_import[i]->domain;
    if (domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
      graph->opset = model->opset_import[i]->version;
  }
  if (graph->opset < ONNX_MIN_OPSET)
    return error_add(error, STATUS_INPUT, "%s: is of operator set %lld, allowed are %d to %d", file,
                     (long long)graph->opset, ONNX_MIN_OPSET, ONNX_MAX_OPSET);
  struct onnx_reader *const reader = ARENA_NEW(arena, struct onnx_reader, 1);
  const Onnx__GraphProto *const from = model->graph;
  *reader = (struct onnx_reader){.graph = graph, .arena = arena, .error = error, .model = model};
  graph->reader = reader;
  reader->functions = name_functions(reader);
  const size_t n_names = onnx_count_names(from->node, from->n_node) + from->n_initializer + from->n_input;
  reader->scope = onnx_scope_new(arena, NULL, n_names);
  graph->values_held = n_names + n_names / 4 + 64;
  graph->values = ARENA_NEW(arena, struct onnx_value, graph->values_held);
  return read_graph(reader, from);
}

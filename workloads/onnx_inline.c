/* What do If, Loop, Scan and functions of the file compute, written out as plain nodes?
 *
 * A function becomes its nodes. If becomes the branch that its condition chooses, or, where that depends on the data,
 * the one with more nodes (the first of equals). Loop becomes as many copies of its body as its trip count says, which
 * must be known; a condition that may end it earlier is taken to hold. Scan becomes a copy for every slice. Parameters
 * of a body are the same in every copy. Source: ONNX operator specification. Left out: loops without a known count,
 * which nothing can know. */
#include "base/text.h"
#include "workloads/onnx_reader.h"
#include <string.h>

enum { MAX_TRIPS = EMIT_MAX_OPERANDS, MAX_INLINED = 100000 };

#define REJECT(...) onnx_reject(reader->graph, node, reader->error, __VA_ARGS__)

/* --- what a node's bodies take from around it ------------------------------------------------------------------- */

struct capture {
  struct onnx_reader *reader;
  struct onnx_node *node;
  size_t held;
};

static void add_captured(struct capture *capture, uint32_t value, int place) {
  struct onnx_node *const node = capture->node;
  if (value == ONNX_NONE) return; /* an operand of a function that its caller leaves out */
  if (node->n_captured == capture->held) {
    capture->held = 2 * capture->held + 8;
    struct onnx_captured *const more = ARENA_NEW(capture->reader->arena, struct onnx_captured, capture->held);
    if (node->n_captured > 0) memcpy(more, node->captured, node->n_captured * sizeof *more);
    node->captured = more;
  }
  node->captured[node->n_captured++] = (struct onnx_captured){value, place};
}

static void bind_all(struct onnx_scope *scope, char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++) (void)onnx_scope_bind(scope, names[i], 0); /* twice: said when it is read */
}

static int place_in(const Onnx__NodeProto *node, size_t operand) {
  const int place =
      onnx_weight_place(onnx_find_operator(node->domain, node->op_type != NULL ? node->op_type : ""), operand);
  return place > 0 ? place : 1;
}

static void capture_graph(struct capture *capture, const Onnx__GraphProto *graph, const struct onnx_scope *around) {
  const size_t n_own = onnx_count_names(graph->node, graph->n_node) + graph->n_input + graph->n_initializer;
  struct onnx_scope *const own = onnx_scope_new(capture->reader->arena, around, n_own);
  for (size_t i = 0; i < graph->n_input; i++)
    if (graph->input[i]->name != NULL) bind_all(own, &graph->input[i]->name, 1);
  for (size_t i = 0; i < graph->n_initializer; i++)
    if (graph->initializer[i]->name != NULL) bind_all(own, &graph->initializer[i]->name, 1);
  for (size_t n = 0; n < graph->n_node; n++) bind_all(own, graph->node[n]->output, graph->node[n]->n_output);
  uint32_t value;
  for (size_t n = 0; n < graph->n_node; n++) {
    const Onnx__NodeProto *const node = graph->node[n];
    for (size_t i = 0; i < node->n_input; i++)
      if (!onnx_scope_find(own, node->input[i], &value) &&
          onnx_scope_find(capture->reader->scope, node->input[i], &value))
        add_captured(capture, value, place_in(node, i));
    for (size_t a = 0; a < node->n_attribute; a++)
      if (node->attribute[a]->g != NULL) capture_graph(capture, node->attribute[a]->g, own);
  }
  for (size_t i = 0; i < graph->n_output; i++)
    if (graph->output[i]->name != NULL && !onnx_scope_find(own, graph->output[i]->name, &value) &&
        onnx_scope_find(capture->reader->scope, graph->output[i]->name, &value))
      add_captured(capture, value, 0);
}

void onnx_find_captured(struct onnx_reader *reader, struct onnx_node *node) {
  if (node->body == NULL) return;
  struct capture capture = {reader, node, 0};
  for (size_t i = 0; i < 2; i++)
    if (node->body->graphs[i] != NULL) capture_graph(&capture, node->body->graphs[i], NULL);
  const Onnx__FunctionProto *const function = node->body->function;
  if (function == NULL) return;
  struct onnx_scope *const formal = onnx_scope_new(reader->arena, NULL, function->n_input);
  for (size_t i = 0; i < function->n_input; i++) (void)onnx_scope_bind(formal, function->input[i], (uint32_t)i);
  uint32_t i;
  for (size_t n = 0; n < function->n_node; n++)
    for (size_t k = 0; k < function->node[n]->n_input; k++)
      if (onnx_scope_find(formal, function->node[n]->input[k], &i) && i < node->n_inputs &&
          node->inputs[i] != ONNX_NONE)
        add_captured(&capture, node->inputs[i], place_in(function->node[n], k));
}

/* --- a copy of a body ------------------------------------------------------------------------------------------- */

/* Inside a node: its values by formal name and its outputs. */
struct copy {
  struct onnx_reader *reader;
  const struct onnx_node *node; /* that holds the body: a copy, for the table of nodes may move */
  size_t n_formal, n_outputs;
  const char *const *formal;
  const uint32_t *actual; /* ONNX_NONE: left out */
  const char *const *output_names;
  uint32_t *outputs;
};

static bool write_copy(const struct copy *copy, const struct onnx_scope *outer, Onnx__NodeProto *const *nodes,
                       size_t n_nodes, const Onnx__GraphProto *graph) {
  struct onnx_reader *const reader = copy->reader;
  const struct onnx_node *const node = copy->node;
  struct onnx_scope *const before = reader->scope;
  reader->n_inlined += n_nodes + 1;
  if (reader->n_inlined > MAX_INLINED)
    return REJECT("would become more than %d nodes with all that is inside, allowed is that number", MAX_INLINED);
  const size_t n_names = onnx_count_names(nodes, n_nodes) + copy->n_formal;
  struct onnx_scope *const scope = onnx_scope_new(reader->arena, outer, n_names);
  scope->within = node->name;
  if (copy->node->body->function != NULL) scope->caller = node;
  for (size_t i = 0; i < copy->n_formal; i++)
    if (!onnx_scope_bind(scope, copy->formal[i], copy->actual[i])) return REJECT("has two inputs of one name inside");
  reader->scope = scope;
  bool ok = onnx_read_nodes(reader, nodes, n_nodes) && (graph == NULL || onnx_read_value_infos(reader, graph));
  for (size_t i = 0; i < copy->n_outputs && ok; i++)
    if (!onnx_scope_find(scope, copy->output_names[i], &copy->outputs[i]) || copy->outputs[i] == ONNX_NONE)
      ok = REJECT("puts out a tensor that nothing inside it makes");
  reader->scope = before;
  return ok;
}

static const char **names_of(struct arena *arena, Onnx__ValueInfoProto *const *infos, size_t n) {
  const char **const names = ARENA_NEW(arena, const char *, n);
  for (size_t i = 0; i < n; i++) names[i] = infos[i]->name != NULL ? infos[i]->name : "";
  return names;
}

/* One of a graph. Its constants are read once. */
static bool copy_graph(struct onnx_reader *reader, const struct onnx_node *node, const Onnx__GraphProto *graph,
                       const uint32_t *actual, size_t n_actual, uint32_t *outputs) {
  struct onnx_body *const body = node->body;
  if (graph->n_input != n_actual) return REJECT("its graph has %zu inputs, allowed are %zu", graph->n_input, n_actual);
  if (body->constants == NULL) {
    struct onnx_scope *const before = reader->scope;
    body->constants = onnx_scope_new(reader->arena, body->scope, graph->n_initializer);
    reader->scope = body->constants;
    const bool ok = onnx_read_initializers(reader, graph);
    reader->scope = before;
    if (!ok) return false;
  }
  const struct copy copy = {reader,
                            node,
                            n_actual,
                            graph->n_output,
                            names_of(reader->arena, graph->input, graph->n_input),
                            actual,
                            names_of(reader->arena, graph->output, graph->n_output),
                            outputs};
  return write_copy(&copy, body->constants, graph->node, graph->n_node, graph);
}

/* --- nodes of ours ---------------------------------------------------------------------------------------------- */

static const struct onnx_operator bind_operator = {"Bind", OP_VIEW, INFER_same, EMIT_VIEW, ONNX_WEIGHTS_BY_RULE};
static const struct onnx_operator slice_operator = {"TakeSlice", OP_VIEW, INFER_take_slice, EMIT_VIEW,
                                                    ONNX_WEIGHTS_BY_RULE};
static const struct onnx_operator stack_operator = {"StackSlices", OP_VIEW, INFER_stack_slices, EMIT_VIEW,
                                                    ONNX_WEIGHTS_BY_RULE};

/* `op` of `inputs` puts out `output`, on behalf of `node`. */
static void add_node(struct onnx_reader *reader, const struct onnx_node *node, const struct onnx_operator *op,
                     const uint32_t *inputs, size_t n_inputs, uint32_t output, int64_t axis) {
  struct onnx_graph *const graph = reader->graph;
  const uint32_t index = onnx_new_nodes(graph, 1);
  struct onnx_attribute *const attribute = ARENA_NEW(reader->arena, struct onnx_attribute, 1);
  *attribute = (struct onnx_attribute){.name = "axis", .i = axis, .tensor = ONNX_NONE};
  uint32_t *const operands = ARENA_NEW(reader->arena, uint32_t, n_inputs + 1);
  memcpy(operands, inputs, n_inputs * sizeof *operands);
  operands[n_inputs] = output;
  graph->nodes[index] = (struct onnx_node){.name = node->name,
                                           .type = op->name,
                                           .within = node->within,
                                           .number = node->number,
                                           .n_inputs = n_inputs,
                                           .n_outputs = 1,
                                           .n_attributes = 1,
                                           .inputs = operands,
                                           .outputs = operands + n_inputs,
                                           .attributes = attribute,
                                           .op = op};
  graph->values[output].producer = index;
}

static bool bind_outputs(struct onnx_reader *reader, const struct onnx_node *node, const uint32_t *made, size_t n) {
  if (n < node->n_outputs) return REJECT("has %zu outputs, allowed are the %zu of what is inside", node->n_outputs, n);
  for (size_t i = 0; i < node->n_outputs; i++)
    if (node->outputs[i] != ONNX_NONE) add_node(reader, node, &bind_operator, &made[i], 1, node->outputs[i], 0);
  return true;
}

static uint32_t new_constant(struct onnx_reader *reader, int32_t type, int64_t number) {
  const uint32_t index = onnx_new_value(reader, "");
  struct onnx_value *const value = &reader->graph->values[index];
  int64_t *const ints = ARENA_NEW(reader->arena, int64_t, 1);
  ints[0] = number;
  value->type = type;
  value->source = SOURCE_CONSTANT;
  value->shape.known = true;
  value->elements = 1;
  value->ints = ints;
  return index;
}

/* --- the four of them ------------------------------------------------------------------------------------------- */

static size_t count_nodes(const Onnx__GraphProto *graph) {
  size_t n = graph->n_node;
  for (size_t i = 0; i < graph->n_node; i++)
    for (size_t a = 0; a < graph->node[i]->n_attribute; a++)
      if (graph->node[i]->attribute[a]->g != NULL) n += count_nodes(graph->node[i]->attribute[a]->g);
  return n;
}

/* The only number of an operand; false if it is not known. */
static bool number_of(const struct onnx_graph *graph, const struct onnx_node *node, size_t operand, int64_t *number) {
  const struct onnx_value *const value = onnx_operand(graph, node, operand);
  if (value == NULL || value->ints == NULL || value->elements != 1) return false;
  *number = value->ints[0];
  return true;
}

static bool inline_if(struct onnx_reader *reader, const struct onnx_node *node, struct onnx_notes *notes) {
  const Onnx__GraphProto *const *const graphs = node->body->graphs;
  int64_t condition = 0;
  if (graphs[0] == NULL || graphs[1] == NULL) return REJECT("lacks one of its branches");
  if (!number_of(reader->graph, node, 0, &condition)) {
    condition = count_nodes(graphs[0]) >= count_nodes(graphs[1]);
    notes->n_guessed++;
  }
  const Onnx__GraphProto *const chosen = graphs[condition == 0];
  uint32_t *const outputs = ARENA_NEW(reader->arena, uint32_t, chosen->n_output);
  return copy_graph(reader, node, chosen, NULL, 0, outputs) && bind_outputs(reader, node, outputs, chosen->n_output);
}

/* Element `at` of the slices that trip by trip are one output. */
static bool stack_outputs(struct onnx_reader *reader, const struct onnx_node *node, uint32_t *const *made,
                          size_t n_trips, size_t n_states) {
  uint32_t *const slices = ARENA_NEW(reader->arena, uint32_t, n_trips);
  for (size_t i = n_states; i < node->n_outputs; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    if (n_trips == 0) return REJECT("makes no trip, and so nothing of its output %zu", i);
    for (size_t t = 0; t < n_trips; t++) slices[t] = made[t][i];
    const int64_t axis = onnx_ints_at(node, "scan_output_axes", i - n_states, 0);
    add_node(reader, node, &stack_operator, slices, n_trips, node->outputs[i], axis);
  }
  return true;
}

static bool inline_loop(struct onnx_reader *reader, const struct onnx_node *node) {
  const Onnx__GraphProto *const graph = node->body->graphs[0];
  const size_t n_states = node->n_inputs > 2 ? node->n_inputs - 2 : 0;
  int64_t trips = 0, condition = 1;
  if (graph == NULL || node->body->graphs[1] != NULL) return REJECT("lacks its graph");
  if (graph->n_output < n_states + 1 || node->n_outputs > graph->n_output - 1 || node->n_outputs < n_states)
    return REJECT("its graph and the node differ in the number of what they carry and put out");
  (void)number_of(reader->graph, node, 1, &condition);
  if (condition != 0 && !number_of(reader->graph, node, 0, &trips))
    return REJECT("its trip count depends on the data, or there is none: nobody can say what it costs; allowed are "
                  "loops of a known number of trips (export it unrolled)");
  if (trips > MAX_TRIPS) return REJECT("makes %lld trips, allowed are %d", (long long)trips, MAX_TRIPS);
  const size_t n_trips = trips > 0 ? (size_t)trips : 0;
  uint32_t *const actual = ARENA_NEW(reader->arena, uint32_t, n_states + 2);
  uint32_t **const made = ARENA_NEW(reader->arena, uint32_t *, n_trips);
  actual[1] = new_constant(reader, ONNX_BOOL, 1);
  for (size_t i = 0; i < n_states; i++) actual[2 + i] = node->inputs[2 + i];
  for (size_t t = 0; t < n_trips; t++) {
    actual[0] = new_constant(reader, ONNX_INT64, (int64_t)t);
    uint32_t *const outputs = ARENA_NEW(reader->arena, uint32_t, graph->n_output);
    uint32_t *const given = ARENA_NEW(reader->arena, uint32_t, n_states + 2);
    memcpy(given, actual, (n_states + 2) * sizeof *given);
    if (!copy_graph(reader, node, graph, given, n_states + 2, outputs)) return false;
    made[t] = outputs + 1; /* behind the condition */
    memcpy(actual + 2, made[t], n_states * sizeof *actual);
  }
  for (size_t i = 0; i < n_states; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    if (actual[2 + i] == ONNX_NONE) return REJECT("carries a tensor that is left out");
    add_node(reader, node, &bind_operator, &actual[2 + i], 1, node->outputs[i], 0);
  }
  return stack_outputs(reader, node, made, n_trips, n_states);
}

/* Trips of a Scan: the slices of its first scanned operand; 0, with a message, if there are none. */
static size_t scan_trips(struct onnx_reader *reader, const struct onnx_node *node, size_t n_states) {
  size_t n_trips = 0;
  for (size_t i = n_states; i < node->n_inputs; i++) {
    const struct onnx_value *const x = onnx_operand(reader->graph, node, i);
    const int64_t rank = x != NULL ? x->shape.rank : 0;
    int64_t axis = onnx_ints_at(node, "scan_input_axes", i - n_states, 0);
    if (axis < 0) axis += rank;
    if (x == NULL || axis < 0 || axis >= rank || x->shape.dims[axis] < 1 ||
        (n_trips > 0 && (size_t)x->shape.dims[axis] != n_trips)) {
      (void)REJECT("its operand %zu has no slices along that axis, or not as many as the others", i);
      return 0;
    }
    n_trips = (size_t)x->shape.dims[axis];
  }
  if (n_trips > MAX_TRIPS) {
    (void)REJECT("makes %zu trips, allowed are %d", n_trips, MAX_TRIPS);
    return 0;
  }
  return n_trips;
}

static bool inline_scan(struct onnx_reader *reader, const struct onnx_node *node) {
  const Onnx__GraphProto *const graph = node->body->graphs[0];
  const int64_t n_scanned = onnx_int(node, "num_scan_inputs", 0);
  if (graph == NULL || node->body->graphs[1] != NULL) return REJECT("lacks its graph");
  if (reader->graph->opset < 9) return REJECT("is of operator set 8, allowed are those from 9 on");
  if (n_scanned < 1 || n_scanned > (int64_t)node->n_inputs) return REJECT("scans no operand of its own");
  const size_t n_inputs = node->n_inputs, n_states = n_inputs - (size_t)n_scanned;
  if (graph->n_output < n_states || node->n_outputs != graph->n_output)
    return REJECT("its graph and the node differ in the number of what they carry and put out");
  const size_t n_trips = scan_trips(reader, node, n_states);
  if (n_trips == 0) return false;
  uint32_t **const made = ARENA_NEW(reader->arena, uint32_t *, n_trips);
  const uint32_t *before = node->inputs;
  for (size_t t = 0; t < n_trips; t++) {
    uint32_t *const given = ARENA_NEW(reader->arena, uint32_t, n_inputs);
    for (size_t i = 0; i < n_inputs; i++) {
      given[i] = i < n_states ? before[i] : onnx_new_value(reader, "");
      if (i >= n_states)
        add_node(reader, node, &slice_operator, &node->inputs[i], 1, given[i],
                 onnx_ints_at(node, "scan_input_axes", i - n_states, 0));
    }
    made[t] = ARENA_NEW(reader->arena, uint32_t, graph->n_output);
    if (!copy_graph(reader, node, graph, given, n_inputs, made[t])) return false;
    before = made[t];
  }
  for (size_t i = 0; i < n_states; i++)
    if (node->outputs[i] != ONNX_NONE) add_node(reader, node, &bind_operator, &before[i], 1, node->outputs[i], 0);
  return stack_outputs(reader, node, made, n_trips, n_states);
}

static bool inline_function(struct onnx_reader *reader, const struct onnx_node *node) {
  const Onnx__FunctionProto *const function = node->body->function;
  if (node->n_inputs > function->n_input)
    return REJECT("has %zu operands, the function of that name allows %zu", node->n_inputs, function->n_input);
  uint32_t *const actual = ARENA_NEW(reader->arena, uint32_t, function->n_input);
  uint32_t *const outputs = ARENA_NEW(reader->arena, uint32_t, function->n_output);
  for (size_t i = 0; i < function->n_input; i++) actual[i] = i < node->n_inputs ? node->inputs[i] : ONNX_NONE;
  const struct copy copy = {reader,
                            node,
                            function->n_input,
                            function->n_output,
                            (const char *const *)function->input,
                            actual,
                            (const char *const *)function->output,
                            outputs};
  return write_copy(&copy, NULL, function->node, function->n_node, NULL) &&
         bind_outputs(reader, node, outputs, function->n_output);
}

bool onnx_inline(struct onnx_graph *graph, uint32_t index, struct onnx_notes *notes, struct error *error) {
  struct onnx_reader *const reader = graph->reader;
  struct onnx_node *const node = ARENA_NEW(graph->arena, struct onnx_node, 1);
  *node = graph->nodes[index];
  reader->error = error;
  notes->n_inlined++;
  if (node->body->function != NULL) return inline_function(reader, node);
  if (strcmp(node->type, "If") == 0) return inline_if(reader, node, notes);
  return strcmp(node->type, "Loop") == 0 ? inline_loop(reader, node) : inline_scan(reader, node);
}

/* Which nodes are together a norm or an activation?
 *
 * Exporters of old operator sets write layer norm as nine nodes, GELU as five and SiLU as two; as one op each they
 * cost, keep and fuse as what they are (workloads §4). A node in the middle may be read by no one else. Left out:
 * attention, whose products and softmax stay ops of their own, as in our generators. */
#include "workloads/onnx_graph.h"
#include <string.h>

static bool is(const struct onnx_node *node, const char *type) {
  return node != NULL && !node->absorbed && node->op != NULL && strcmp(node->type, type) == 0;
}

/* The node that puts operand i out, NULL if it is none. */
static struct onnx_node *maker(const struct onnx_graph *graph, const struct onnx_node *node, size_t i) {
  const struct onnx_value *const x = node != NULL ? onnx_operand(graph, node, i) : NULL;
  return x != NULL && x->producer != ONNX_NONE ? &graph->nodes[x->producer] : NULL;
}

/* The only reader of a node's output, NULL if there are several or it leaves the graph. */
static struct onnx_node *reader(const struct onnx_graph *graph, const struct onnx_node *node) {
  const struct onnx_value *const out = &graph->values[node->outputs[0]];
  return out->n_uses == 1 && !out->is_output ? &graph->nodes[out->user] : NULL;
}

static bool has_two(const struct onnx_node *node) {
  return node->n_inputs == 2 && node->inputs[0] != ONNX_NONE && node->inputs[1] != ONNX_NONE;
}

static uint8_t source_of(const struct onnx_graph *graph, uint32_t value) { return graph->values[value].source; }

/* The operand besides `value`, ONNX_NONE if `value` is none of both. */
static uint32_t other(const struct onnx_node *node, uint32_t value) {
  if (!has_two(node)) return ONNX_NONE;
  return node->inputs[0] == value ? node->inputs[1] : node->inputs[1] == value ? node->inputs[0] : ONNX_NONE;
}

/* A sole reader that multiplies by (adds) a weight or constant: it becomes part of the pattern. */
static struct onnx_node *absorb(struct onnx_graph *graph, struct onnx_node *node, const char *type, uint8_t source,
                                uint32_t *operand) {
  struct onnx_node *const next = reader(graph, node);
  if (!is(next, type)) return NULL;
  const uint32_t with = other(next, node->outputs[0]);
  if (with == ONNX_NONE || source_of(graph, with) != source) return NULL;
  *operand = with;
  return next;
}

static struct onnx_node *affine(struct onnx_graph *graph, struct onnx_node *last, struct onnx_node *pattern) {
  static const char *const types[] = {"Mul", "Add"};
  for (size_t i = 0; i < 2; i++) {
    struct onnx_node *const next = absorb(graph, last, types[i], SOURCE_WEIGHT, &pattern->pattern_weights[i]);
    if (next == NULL) continue;
    last->absorbed = true;
    last = next;
  }
  return last;
}

static void mark_constant_makers(struct onnx_node **nodes, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (nodes[i] != NULL) nodes[i]->absorbed = true;
}

static void conclude(struct onnx_node *last, const struct onnx_node *found, enum op_kind kind, uint32_t x) {
  last->absorbed = false;
  last->pattern = (uint8_t)kind;
  last->pattern_x = x;
  last->pattern_weights[0] = found->pattern_weights[0];
  last->pattern_weights[1] = found->pattern_weights[1];
}

/* `square` is x² of the value it returns, ONNX_NONE if it is not. */
static uint32_t squared(const struct onnx_graph *graph, const struct onnx_node *square) {
  if (square == NULL || !has_two(square)) return ONNX_NONE;
  if (is(square, "Pow") && source_of(graph, square->inputs[1]) == SOURCE_CONSTANT) return square->inputs[0];
  return is(square, "Mul") && square->inputs[0] == square->inputs[1] ? square->inputs[0] : ONNX_NONE;
}

/* Div(d, Sqrt(mean(d²) + ε)): with d = x − mean(x) a layer norm, else a root mean square norm of d. */
static void match_norm(struct onnx_graph *graph, struct onnx_node *div, struct onnx_notes *notes) {
  if (!is(div, "Div") || !has_two(div)) return;
  struct onnx_node *const root = maker(graph, div, 1), *const sum = is(root, "Sqrt") ? maker(graph, root, 0) : NULL;
  if (!is(sum, "Add") || !has_two(sum)) return;
  struct onnx_node *mean = maker(graph, sum, 0);
  if (!is(mean, "ReduceMean")) mean = maker(graph, sum, 1);
  if (!is(mean, "ReduceMean")) return;
  struct onnx_node *const square = maker(graph, mean, 0);
  const uint32_t centred = squared(graph, square), d = div->inputs[0];
  if (centred == ONNX_NONE) return;
  struct onnx_node *const sub = maker(graph, div, 0);
  struct onnx_node *sub2 = centred == d || graph->values[centred].producer == ONNX_NONE
                               ? NULL
                               : &graph->nodes[graph->values[centred].producer];
  if (sub2 != NULL &&
      !(is(sub2, "Sub") && is(sub, "Sub") && has_two(sub2) && has_two(sub) && sub2->inputs[0] == sub->inputs[0]))
    return;
  if (sub2 == NULL && centred != d) return;
  struct onnx_node *const first = is(sub, "Sub") && has_two(sub) ? maker(graph, sub, 1) : NULL;
  const bool layer = is(first, "ReduceMean") && first->n_inputs > 0 && first->inputs[0] == sub->inputs[0];
  if (sub2 != NULL && !layer) return;
  struct onnx_node *parts[] = {root, sum, mean, square, layer ? sub : NULL, layer ? first : NULL, sub2};
  struct onnx_node found = {.pattern_weights = {ONNX_NONE, ONNX_NONE}};
  div->absorbed = true;
  struct onnx_node *const last = affine(graph, div, &found);
  mark_constant_makers(parts, sizeof parts / sizeof *parts);
  conclude(last, &found, layer ? OP_LAYER_NORM : OP_RMS_NORM, layer ? sub->inputs[0] : d);
  notes->n_norms++;
}

/* x/2 · (1 + erf(x/√2)) in the orders that exporters write. */
static void match_gelu(struct onnx_graph *graph, struct onnx_node *erf, struct onnx_notes *notes) {
  if (!is(erf, "Erf")) return;
  struct onnx_node *const scale = maker(graph, erf, 0);
  if (scale == NULL || !(is(scale, "Div") || is(scale, "Mul")) || !has_two(scale)) return;
  const uint32_t x = source_of(graph, scale->inputs[1]) == SOURCE_CONSTANT ? scale->inputs[0] : scale->inputs[1];
  uint32_t constant;
  struct onnx_node *const add = absorb(graph, erf, "Add", SOURCE_CONSTANT, &constant);
  struct onnx_node *const product = add != NULL ? reader(graph, add) : NULL;
  if (!is(product, "Mul")) return;
  const uint32_t factor = other(product, add->outputs[0]);
  struct onnx_node *last = product, *half = NULL;
  if (factor == x) { /* then half of it */
    last = absorb(graph, product, "Mul", SOURCE_CONSTANT, &constant);
    if (last == NULL) return;
  } else { /* of one half of x already, or half of the sum */
    half = factor != ONNX_NONE && graph->values[factor].producer != ONNX_NONE
               ? &graph->nodes[graph->values[factor].producer]
               : NULL;
    const uint32_t with = is(half, "Mul") ? other(half, x) : ONNX_NONE;
    if (with == ONNX_NONE || source_of(graph, with) != SOURCE_CONSTANT || reader(graph, half) != product) return;
  }
  struct onnx_node *parts[] = {scale, erf, add, product, half};
  const struct onnx_node found = {.pattern_weights = {ONNX_NONE, ONNX_NONE}};
  mark_constant_makers(parts, sizeof parts / sizeof *parts);
  conclude(last, &found, OP_GELU, x);
  notes->n_activations++;
}

static void match_silu(struct onnx_graph *graph, struct onnx_node *sigmoid, struct onnx_notes *notes) {
  if (!is(sigmoid, "Sigmoid") || sigmoid->n_inputs != 1) return;
  struct onnx_node *const product = reader(graph, sigmoid);
  if (!is(product, "Mul") || other(product, sigmoid->outputs[0]) != sigmoid->inputs[0]) return;
  const struct onnx_node found = {.pattern_weights = {ONNX_NONE, ONNX_NONE}};
  sigmoid->absorbed = true;
  conclude(product, &found, OP_SILU, sigmoid->inputs[0]);
  notes->n_activations++;
}

void onnx_patterns(struct onnx_graph *graph, struct onnx_notes *notes) {
  for (size_t n = 0; n < graph->n_ordered; n++) {
    struct onnx_node *const node = &graph->nodes[graph->order[n]];
    if (node->n_outputs != 1 || node->outputs[0] == ONNX_NONE) continue;
    if (graph->values[node->outputs[0]].source != SOURCE_DATA) continue;
    match_norm(graph, node, notes);
    match_gelu(graph, node, notes);
    match_silu(graph, node, notes);
  }
  for (size_t n = 0; n < graph->n_nodes; n++) notes->n_merged += graph->nodes[n].absorbed;
}

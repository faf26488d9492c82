/* Which inputs are data, which are weights, and what shape has every tensor?
 *
 * Weights are the initializers, or, in a file exported without them, inputs of static shape that stand where operators
 * have their weights. Symbols take their values from the request. A node whose operands are all constants is folded.
 * Source: workloads §4. */
#include "base/text.h"
#include "workloads/onnx_shape.h"
#include <stdio.h>
#include <string.h>

enum { ESCAPED_BYTES = 96 };

static bool (*const rules[])(struct onnx_inference *) = {
#define ONNX_INFER(rule) onnx_infer_##rule,
#include "workloads/onnx_rules.def"
#undef ONNX_INFER
};

static const char *const set_keys[] = {"inputs", "frozen", "merge_identical_weights"};

static const char *find_set(const struct onnx_request *request, const char *path) {
  for (size_t i = request->n_sets; i-- > 0;)
    if (strcmp(request->sets[i].path, path) == 0) return request->sets[i].value;
  return NULL;
}

/* Whether `name` is one of the comma-separated words of `list`. */
static bool is_listed(const char *list, const char *name) {
  const size_t n = strlen(name);
  for (const char *at = list; at != NULL && n > 0; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0')) return true;
  }
  return false;
}

/* --- data or weight -------------------------------------------------------------------------------------------- */

/* How sure a place is that what stands there is a weight: 0 no, 1 perhaps (an operand of Add), 2 yes. */
static int weight_place(const struct onnx_node *node, size_t operand) {
  if (node->op == NULL) return 0;
  switch (node->op->emit) {
  case EMIT_FILTER:
  case EMIT_UNFILTER:
  case EMIT_NORM:
  case EMIT_RECURRENT:
    return operand > 0 ? 2 : 0;
  case EMIT_PRODUCT:
    return operand > 0 ? 2 : 0;
  case EMIT_TABLE:
    return operand == 0 ? 2 : 0;
  case EMIT_MAP:
    return strcmp(node->type, "PRelu") == 0 && operand == 1 ? 2 : 1;
  case EMIT_MOVE:
  case EMIT_OVER:
    return 1;
  case EMIT_VIEW:
  case EMIT_NOTHING:
  case EMIT_POOL:
    return 0;
  }
  return 0;
}

static bool is_static(const struct onnx_shape *shape) {
  for (size_t k = 0; k < shape->rank; k++)
    if (shape->dims[k] < 0) return false;
  return shape->known;
}

/* For every value, how surely it is used as a weight, through views too. */
static int *weight_places(const struct onnx_graph *graph) {
  int *const places = ARENA_NEW(graph->arena, int, graph->n_values);
  for (size_t n = graph->n_nodes; n-- > 0;) {
    const struct onnx_node *const node = &graph->nodes[n];
    const bool view = node->op != NULL && (node->op->emit == EMIT_VIEW || node->op->infer == INFER_cast);
    for (size_t i = 0; i < node->n_inputs; i++) {
      if (node->inputs[i] == ONNX_NONE) continue;
      int place = weight_place(node, i);
      if (view && i == 0 && node->n_outputs > 0 && node->outputs[0] != ONNX_NONE) place = places[node->outputs[0]];
      if (view && i == 0 && strcmp(node->type, "Expand") == 0 && place == 0) place = 1;
      if (place > places[node->inputs[i]]) places[node->inputs[i]] = place;
    }
  }
  return places;
}

static void classify_inputs(struct onnx_graph *graph, const struct onnx_request *request, const int *places) {
  const char *const inputs = find_set(request, "inputs"), *const frozen = find_set(request, "frozen");
  bool first = true;
  for (size_t v = 0; v < graph->n_values; v++) {
    struct onnx_value *const value = &graph->values[v];
    const bool frozen_one = is_listed(frozen, value->name);
    if (value->is_initializer) {
      /* A number alone is a constant of the formula, and so is what no operator has as a weight. */
      const bool weight = !frozen_one && (value->shape.rank > 0 || places[v] == 2) &&
                          (onnx_is_real(value->type) ? places[v] > 0 && value->elements > 1 : places[v] == 2) &&
                          (value->type != ONNX_INT64 && value->type != ONNX_BOOL && value->type != ONNX_STRING);
      value->source = weight ? SOURCE_WEIGHT : SOURCE_CONSTANT;
    } else if (value->is_input) {
      const bool weight = inputs != NULL ? !is_listed(inputs, value->name)
                                         : !graph->has_initializers && !first && places[v] > 0 &&
                                               is_static(&value->declared) && onnx_is_real(value->type);
      first = false;
      value->source = frozen_one ? SOURCE_CONSTANT : weight ? SOURCE_WEIGHT : SOURCE_DATA;
    }
    if (value->source == SOURCE_WEIGHT) value->root = (uint32_t)v;
  }
}

/* --- symbols --------------------------------------------------------------------------------------------------- */

static bool is_batch_name(const char *symbol) { return symbol != NULL && strncmp(symbol, "batch", 5) == 0; }

/* The value that the request has for a symbol: its own name, or "seq" for what begins so. */
static bool symbol_value(const struct onnx_request *request, const char *symbol, uint64_t *value) {
  if (symbol == NULL) return false;
  const char *text = find_set(request, symbol);
  if (text == NULL && strncmp(symbol, "seq", 3) == 0) text = find_set(request, "seq");
  return text != NULL && text_to_u64(text, value) && *value >= 1 && *value <= INT32_MAX;
}

static bool bind_input(struct onnx_graph *graph, const struct onnx_request *request, struct onnx_value *value,
                       struct onnx_notes *notes, struct error *error) {
  char name[ESCAPED_BYTES], symbol[ESCAPED_BYTES];
  text_escape(value->name, name, sizeof name);
  struct onnx_shape *const shape = &value->shape;
  *shape = value->declared;
  if (!shape->known) return error_add(error, STATUS_INPUT, "%s: input '%s' has no shape", graph->file, name);
  bool bound = true;
  for (size_t k = 0; k < shape->rank; k++) {
    const bool batch = value->source == SOURCE_DATA && k == 0;
    uint64_t given = 0;
    if (shape->dims[k] < 0 && symbol_value(request, shape->symbols[k], &given)) {
      shape->dims[k] = (int64_t)given;
    } else if (shape->dims[k] < 0 && (batch || is_batch_name(shape->symbols[k]))) {
      shape->dims[k] = (int64_t)request->batch;
    } else if (shape->dims[k] < 0) {
      text_escape(shape->symbols[k] != NULL ? shape->symbols[k] : "", symbol, sizeof symbol);
      bound = error_add(error, STATUS_INPUT, "%s: input '%s': dimension %zu is the symbol '%s'; write --set %s=N",
                        graph->file, name, k, symbol, symbol[0] != '\0' ? symbol : "…");
    } else if (batch && shape->rank > 1 && shape->dims[k] == 1) {
      shape->dims[k] = (int64_t)request->batch;
      notes->forced_batch |= request->batch != 1;
      if (notes->forced_batch) graph->forced_batch = (int64_t)request->batch;
    } else if (batch && shape->rank > 1) {
      notes->file_batch = (uint64_t)shape->dims[k];
    }
  }
  value->elements = 1;
  for (size_t k = 0; k < shape->rank && bound; k++) {
    value->elements *= (uint64_t)shape->dims[k];
    if (value->elements > ONNX_MAX_ELEMENTS)
      return error_add(error, STATUS_INPUT, "%s: input '%s' has more than 2^48 elements, allowed is that number",
                       graph->file, name);
  }
  return bound;
}

static const char *describe(struct arena *arena, const struct onnx_value *value) {
  char name[ESCAPED_BYTES];
  text_escape(value->name, name, sizeof name);
  const char *text = arena_printf(arena, "%s [", name);
  for (size_t k = 0; k < value->shape.rank; k++) {
    char symbol[ESCAPED_BYTES] = "";
    if (value->shape.symbols[k] != NULL) text_escape(value->shape.symbols[k], symbol, sizeof symbol);
    text = arena_printf(arena, "%s%s%s%s%lld", text, k > 0 ? "," : "", symbol, symbol[0] != '\0' ? "=" : "",
                        (long long)value->shape.dims[k]);
  }
  return arena_printf(arena, "%s]", text);
}

static bool bind_inputs(struct onnx_graph *graph, const struct onnx_request *request, struct onnx_notes *notes,
                        struct error *error) {
  const size_t n_before = error->n_messages;
  size_t n = 0;
  for (size_t v = 0; v < graph->n_values; v++) n += graph->values[v].is_input && graph->values[v].source == SOURCE_DATA;
  notes->inputs = ARENA_NEW(graph->arena, const char *, n);
  for (size_t v = 0; v < graph->n_values; v++) {
    struct onnx_value *const value = &graph->values[v];
    if (!value->is_input || value->is_initializer) continue;
    if (bind_input(graph, request, value, notes, error) && value->source == SOURCE_DATA)
      notes->inputs[notes->n_inputs++] = describe(graph->arena, value);
  }
  if (error->n_messages > n_before) return false;
  if (notes->file_batch > 0 && request->batch != 1 && request->batch != notes->file_batch)
    return error_add(
        error, STATUS_INPUT,
        "%s: batch: is %llu, but the inputs have a first dimension of %llu; allowed are 1 (all of it as one "
        "sample) and that",
        graph->file, (unsigned long long)request->batch, (unsigned long long)notes->file_batch);
  return true;
}

/* Every set must be a key, or the symbol of an input. */
static bool check_sets(const struct onnx_graph *graph, const struct onnx_request *request, struct error *error) {
  const size_t n_before = error->n_messages;
  for (size_t i = 0; i < request->n_sets; i++) {
    const char *const path = request->sets[i].path;
    bool known = false, symbol = false;
    for (size_t k = 0; k < sizeof set_keys / sizeof *set_keys; k++) known |= strcmp(path, set_keys[k]) == 0;
    for (size_t v = 0; v < graph->n_values && !symbol; v++)
      for (size_t k = 0; k < graph->values[v].declared.rank && graph->values[v].is_input; k++) {
        const char *const name = graph->values[v].declared.symbols[k];
        symbol |=
            name != NULL && (strcmp(path, name) == 0 || (strcmp(path, "seq") == 0 && strncmp(name, "seq", 3) == 0));
      }
    uint64_t value;
    if (!known && !symbol)
      error_add(error, STATUS_INPUT,
                "%s: %s: no input has such a symbol; allowed are symbols of the inputs, inputs, frozen and "
                "merge_identical_weights",
                graph->file, path);
    else if (symbol && (!text_to_u64(request->sets[i].value, &value) || value < 1 || value > INT32_MAX))
      error_add(error, STATUS_INPUT, "%s: %s: is \"%s\", allowed are 1 to 2147483647", graph->file, path,
                request->sets[i].value);
  }
  return error->n_messages == n_before;
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static void note_unknown(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_notes *notes) {
  size_t i = 0;
  while (i < notes->n_unknown && strcmp(notes->unknown[i].type, node->type) != 0) i++;
  if (i == notes->n_unknown) {
    if ((notes->n_unknown & (notes->n_unknown - 1)) == 0) { /* full: a power of two */
      struct onnx_unknown *const more = ARENA_NEW(graph->arena, struct onnx_unknown, 2 * notes->n_unknown + 1);
      if (notes->n_unknown > 0) memcpy(more, notes->unknown, notes->n_unknown * sizeof *more);
      notes->unknown = more;
    }
    notes->unknown[notes->n_unknown++] = (struct onnx_unknown){node->type, node->name, 0};
  }
  notes->unknown[i].n_nodes++;
}

/* An unknown operator puts out what the file says, or else something like its first operand. */
static bool infer_unknown(struct onnx_inference *inference, const struct onnx_request *request) {
  if (request->strict)
    return onnx_reject(inference->graph, inference->node, inference->error,
                       "there is no rule for this operator; without --strict it counts as elementwise");
  for (size_t i = 0; i < inference->node->n_outputs; i++) {
    const uint32_t index = inference->node->outputs[i];
    if (index == ONNX_NONE) continue;
    struct onnx_shape shape = inference->graph->values[index].declared;
    const struct onnx_shape *const first = onnx_shape_of(inference, 0);
    if (!shape.known || !is_static(&shape)) {
      if (first == NULL)
        return onnx_reject(inference->graph, inference->node, inference->error,
                           "there is no rule for this operator, and the file does not say what shape it puts out");
      shape = *first;
    }
    const int32_t type = inference->graph->values[index].type;
    if (!onnx_set_shape(inference, i, shape.dims, shape.rank, type)) return false;
  }
  return true;
}

/* What a node's outputs derive from. */
static void derive_source(struct onnx_graph *graph, const struct onnx_node *node, bool merge, const int *places) {
  uint8_t source = SOURCE_CONSTANT;
  uint32_t root = ONNX_NONE;
  for (size_t i = 0; i < node->n_inputs; i++) {
    const struct onnx_value *const x = onnx_operand(graph, node, i);
    if (x == NULL) continue;
    if (x->source == SOURCE_DATA) source = SOURCE_DATA;
    if (x->source == SOURCE_WEIGHT && source != SOURCE_DATA) source = SOURCE_WEIGHT;
    if (x->source == SOURCE_WEIGHT && root == ONNX_NONE) root = x->root;
  }
  if (node->op != NULL && (node->op->infer == INFER_shape || node->op->infer == INFER_size)) source = SOURCE_CONSTANT;
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    struct onnx_value *const out = &graph->values[node->outputs[i]];
    out->source = source;
    /* The exporter reaches a merged weight by Identity: each alias is a parameter of its own. */
    const bool filled = node->op != NULL && node->op->emit == EMIT_NOTHING && places[node->outputs[i]] == 2 &&
                        (node->op->infer == INFER_constant || node->op->infer == INFER_constant_of_shape);
    if (filled) out->source = SOURCE_WEIGHT; /* a weight that is made where others are stored */
    const bool alias = !merge && node->op != NULL && strcmp(node->type, "Identity") == 0;
    if (out->source == SOURCE_WEIGHT) out->root = alias || filled ? node->outputs[i] : root;
  }
}

/* Shapes that the file states must be those that follow. */
static bool check_declared(struct onnx_inference *inference) {
  for (size_t i = 0; i < inference->node->n_outputs; i++) {
    if (inference->node->outputs[i] == ONNX_NONE) continue;
    const struct onnx_value *const out = &inference->graph->values[inference->node->outputs[i]];
    if (!out->shape.known)
      return onnx_reject(inference->graph, inference->node, inference->error,
                         "output %zu is not known to this operator", i);
  }
  return true;
}

bool onnx_infer(struct onnx_graph *graph, const struct onnx_request *request, struct onnx_notes *notes,
                struct error *error) {
  const char *const merge = find_set(request, "merge_identical_weights");
  notes->opset = graph->opset;
  notes->newer = graph->opset > ONNX_MAX_OPSET;
  notes->n_nodes = graph->n_nodes;
  const int *const places = weight_places(graph);
  classify_inputs(graph, request, places);
  if (!check_sets(graph, request, error) || !bind_inputs(graph, request, notes, error)) return false;
  for (size_t n = 0; n < graph->n_nodes; n++) {
    const struct onnx_node *const node = &graph->nodes[n];
    struct onnx_inference inference = {graph, node, error};
    notes->quantised |= strstr(node->type, "Quantize") != NULL || strncmp(node->type, "QLinear", 7) == 0 ||
                        strstr(node->type, "Integer") != NULL;
    for (size_t i = 0; i < node->n_inputs; i++) {
      struct onnx_value *const x = onnx_operand(graph, node, i);
      if (x == NULL) continue;
      x->n_uses++;
      x->user = (uint32_t)n;
    }
    derive_source(graph, node, merge != NULL && strcmp(merge, "true") == 0, places);
    if (node->op == NULL) note_unknown(graph, node, notes);
    if (!(node->op == NULL ? infer_unknown(&inference, request) : rules[node->op->infer](&inference))) return false;
    if (!check_declared(&inference)) return false;
    const uint32_t first = node->outputs[0];
    if (first != ONNX_NONE && graph->values[first].source == SOURCE_CONSTANT) {
      notes->n_folded++;
      onnx_fold(graph, node);
    }
  }
  return true;
}

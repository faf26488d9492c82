/* Which inputs are data, which are weights, and what shape has every tensor?
 *
 * Weights are the initializers, or, in a file exported without them, inputs of static shape that stand where operators
 * have their weights. Symbols take their values from the request. A node whose operands are all constants is folded.
 * Source: workloads §4. */
#include "base/text.h"
#include "workloads/onnx_shape.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPED_BYTES = 96, MAX_NESTING = 32 };

static bool (*const rules[])(struct onnx_inference *) = {
#define ONNX_INFER(rule) onnx_infer_##rule,
#include "workloads/onnx_rules.def"
#undef ONNX_INFER
};

/* The inference of a whole file. */
struct inferrer {
  struct onnx_graph *graph;
  const struct onnx_request *request;
  struct onnx_notes *notes;
  struct error *error;
  size_t n_places, places_held, order_held, n_symbols;
  int *places;                 /* of each value: how surely it is used as a weight */
  struct onnx_scope *unknown;  /* operator type: its place in the notes */
  struct onnx_symbol *symbols; /* of the inputs, with what they are bound to */
  uint64_t file_batch;         /* first dimension of the data inputs, 0: a symbol */
  bool mixed;                  /* they have several */
  bool merge;                  /* weights that the exporter merged stay one */
  bool has_first;              /* the first input has been seen */
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

/* Where quantised products have their weights; scales and zero points are none. */
static int quantised_place(const char *type, size_t operand) {
  if (strncmp(type, "QLinear", 7) == 0)
    return operand == 3 || operand == 8 ? PLACE_SURE : operand == 0 ? PLACE_IF_STORED : PLACE_NONE;
  return operand == 1 ? PLACE_SURE : PLACE_NONE; /* ConvInteger, MatMulInteger */
}

int onnx_weight_place(const struct onnx_operator *op, size_t operand) {
  if (op == NULL) return PLACE_NONE;
  if (op->weights != ONNX_WEIGHTS_BY_RULE) return operand < 31 && op->weights >> operand & 1 ? PLACE_SURE : PLACE_NONE;
  switch (op->emit) {
  case EMIT_FILTER:
  case EMIT_UNFILTER:
    if (strcmp(op->name, "QLinearConv") == 0 || strcmp(op->name, "ConvInteger") == 0)
      return quantised_place(op->name, operand);
    return operand > 0 ? PLACE_SURE : PLACE_NONE;
  case EMIT_NORM:
    return operand > 0 ? PLACE_SURE : PLACE_NONE;
  case EMIT_RECURRENT: /* W, R, B; lengths and the first states are none; peepholes are */
    return (operand > 0 && operand < 4) || operand == 7 ? PLACE_SURE : PLACE_NONE;
  case EMIT_PRODUCT:
    if (strcmp(op->name, "QLinearMatMul") == 0 || strcmp(op->name, "MatMulInteger") == 0)
      return quantised_place(op->name, operand);
    return operand > 0 ? PLACE_SURE : PLACE_IF_STORED;
  case EMIT_TABLE:
    return operand == 0 ? PLACE_SURE : PLACE_NONE;
  case EMIT_QUANTISE: /* passes on what becomes of its operand 0 */
    return PLACE_NONE;
  case EMIT_MAP:
    return strcmp(op->name, "PRelu") == 0 && operand == 1 ? PLACE_SURE : PLACE_PERHAPS;
  case EMIT_MOVE:
  case EMIT_OVER:
    return PLACE_PERHAPS;
  case EMIT_VIEW:
  case EMIT_NOTHING:
  case EMIT_POOL:
  case EMIT_PLAIN:
  case EMIT_FOURIER:
  case EMIT_ATTENTION:
  case EMIT_SKIP_NORM:
  case EMIT_EMBED_NORM:
  case EMIT_EXPERTS:
    return PLACE_NONE;
  }
  return PLACE_NONE;
}

static bool is_static(const struct onnx_shape *shape) {
  for (size_t k = 0; k < shape->rank; k++)
    if (shape->dims[k] < 0) return false;
  return shape->known;
}

/* For every value that nodes from `first` on read, how surely it is used as a weight, through views too. */
static void find_places(struct inferrer *inferrer, size_t first) {
  struct onnx_graph *const graph = inferrer->graph;
  if (inferrer->places_held < graph->n_values) {
    int *const more = ARENA_NEW(graph->arena, int, 2 * graph->n_values);
    if (inferrer->n_places > 0) memcpy(more, inferrer->places, inferrer->n_places * sizeof *more);
    inferrer->places = more;
    inferrer->places_held = 2 * graph->n_values;
  }
  inferrer->n_places = graph->n_values;
  int *const places = inferrer->places;
  for (size_t n = graph->n_nodes; n-- > first;) {
    const struct onnx_node *const node = &graph->nodes[n];
    const bool view = node->op != NULL &&
                      (node->op->emit == EMIT_VIEW || node->op->emit == EMIT_QUANTISE || node->op->infer == INFER_cast);
    for (size_t i = 0; i < node->n_inputs; i++) {
      if (node->inputs[i] == ONNX_NONE) continue;
      int place = onnx_weight_place(node->op, i);
      if (view && i == 0 && node->n_outputs > 0 && node->outputs[0] != ONNX_NONE) place = places[node->outputs[0]];
      if (view && i == 0 && strcmp(node->type, "Expand") == 0 && place == 0) place = PLACE_PERHAPS;
      if (place > places[node->inputs[i]]) places[node->inputs[i]] = place;
    }
    for (size_t i = 0; i < node->n_captured; i++) {
      const struct onnx_captured *const captured = &node->captured[i];
      if (captured->place > places[captured->value]) places[captured->value] = captured->place;
    }
  }
}

/* A number alone is a constant of the formula, and so is what no operator has as a weight. */
static bool is_stored_weight(const struct onnx_value *value, int place) {
  if (value->type == ONNX_INT64 || value->type == ONNX_BOOL || value->type == ONNX_STRING) return false;
  if (!onnx_is_real(value->type)) return place == PLACE_SURE;
  return place > PLACE_NONE && value->elements > 1 && (value->shape.rank > 0 || place == PLACE_SURE);
}

/* Of the values from `first` on. */
static void classify_values(struct inferrer *inferrer, size_t first) {
  struct onnx_graph *const graph = inferrer->graph;
  const char *const inputs = find_set(inferrer->request, "inputs"), *const frozen =
                                                                        find_set(inferrer->request, "frozen");
  for (size_t v = first; v < graph->n_values; v++) {
    struct onnx_value *const value = &graph->values[v];
    const int place = inferrer->places[v];
    const bool frozen_one = is_listed(frozen, value->name);
    if (value->is_initializer) {
      value->source = !frozen_one && is_stored_weight(value, place) ? SOURCE_WEIGHT : SOURCE_CONSTANT;
    } else if (value->is_input) {
      const bool weight = inputs != NULL ? !is_listed(inputs, value->name)
                                         : !graph->has_initializers && inferrer->has_first && place >= PLACE_PERHAPS &&
                                               is_static(&value->declared) && onnx_is_real(value->type);
      inferrer->has_first = true;
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

static void remember_symbol(struct inferrer *inferrer, const char *symbol, int64_t value) {
  inferrer->symbols[inferrer->n_symbols++] = (struct onnx_symbol){symbol, value};
}

static bool bind_input(struct inferrer *inferrer, struct onnx_value *value) {
  struct onnx_graph *const graph = inferrer->graph;
  const struct onnx_request *const request = inferrer->request;
  struct error *const error = inferrer->error;
  char name[ESCAPED_BYTES], symbol[ESCAPED_BYTES];
  text_escape(value->name, name, sizeof name);
  struct onnx_shape *const shape = &value->shape;
  *shape = value->declared;
  if (!shape->known) return error_add(error, STATUS_INPUT, "%s: input '%s' has no shape", graph->file, name);
  bool bound = true;
  for (size_t k = 0; k < shape->rank; k++) {
    const bool batch = value->source == SOURCE_DATA && k == 0, open = shape->dims[k] < 0;
    uint64_t given = 0;
    if (shape->dims[k] < 0 && symbol_value(request, shape->symbols[k], &given)) {
      shape->dims[k] = (int64_t)given;
    } else if (shape->dims[k] < 0 && (batch || is_batch_name(shape->symbols[k]))) {
      shape->dims[k] = (int64_t)request->batch;
    } else if (shape->dims[k] < 0) {
      text_escape(shape->symbols[k] != NULL ? shape->symbols[k] : "", symbol, sizeof symbol);
      bound = error_add(error, STATUS_INPUT, "%s: input '%s': dimension %zu is the symbol '%s'; write --set %s=N",
                        graph->file, name, k, symbol, symbol[0] != '\0' ? symbol : "…");
    } else if (batch && shape->rank > 1) {
      inferrer->mixed |= inferrer->file_batch > 0 && inferrer->file_batch != (uint64_t)shape->dims[k];
      inferrer->file_batch = (uint64_t)shape->dims[k];
      if (graph->traced != NULL) shape->dims[k] = graph->asked_batch;
    }
    if (open && bound) remember_symbol(inferrer, shape->symbols[k], shape->dims[k]);
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

static bool bind_inputs(struct inferrer *inferrer) {
  struct onnx_graph *const graph = inferrer->graph;
  const struct onnx_request *const request = inferrer->request;
  struct onnx_notes *const notes = inferrer->notes;
  struct error *const error = inferrer->error;
  const size_t n_before = error->n_messages;
  size_t n = 0;
  for (size_t v = 0; v < graph->n_values; v++) n += graph->values[v].is_input;
  notes->inputs = ARENA_NEW(graph->arena, const char *, n);
  inferrer->symbols = ARENA_NEW(graph->arena, struct onnx_symbol, n * ONNX_MAX_RANK);
  for (size_t v = 0; v < graph->n_values; v++) {
    struct onnx_value *const value = &graph->values[v];
    if (!value->is_input || value->is_initializer) continue;
    if (bind_input(inferrer, value) && value->source == SOURCE_DATA)
      notes->inputs[notes->n_inputs++] = describe(graph->arena, value);
  }
  if (error->n_messages > n_before) return false;
  if (inferrer->file_batch > 1 && !inferrer->mixed && request->batch == 1) notes->own_batch = inferrer->file_batch;
  if (inferrer->file_batch > 0 && request->batch != 1 && request->batch != inferrer->file_batch) {
    notes->file_batch = inferrer->file_batch;
    if (inferrer->mixed)
      return error_add(error, STATUS_INPUT,
                       "%s: batch: is %llu, but the first dimensions of the inputs are different numbers; allowed is 1 "
                       "(all of it as one sample)",
                       graph->file, (unsigned long long)request->batch);
  }
  return true;
}

/* "N, seq_len, ": what the inputs leave open, for a message. */
static void name_symbols(const struct onnx_graph *graph, char *text, size_t text_bytes) {
  size_t n = 0;
  text[0] = '\0';
  for (size_t v = 0; v < graph->n_values; v++) {
    for (size_t k = 0; k < graph->values[v].declared.rank && graph->values[v].is_input; k++) {
      char name[32], entry[36];
      if (graph->values[v].declared.symbols[k] == NULL) continue;
      text_escape(graph->values[v].declared.symbols[k], name, sizeof name);
      const size_t n_entry = (size_t)snprintf(entry, sizeof entry, "%s, ", name);
      if (strstr(text, entry) != NULL || n + n_entry >= text_bytes) continue;
      memcpy(text + n, entry, n_entry + 1);
      n += n_entry;
    }
  }
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
    if (!known && !symbol) {
      char symbols[256];
      name_symbols(graph, symbols, sizeof symbols);
      error_add(error, STATUS_INPUT,
                "%s: %s: no input has such a symbol; allowed are %sinputs, frozen and merge_identical_weights",
                graph->file, path, symbols);
    } else if (symbol && (!text_to_u64(request->sets[i].value, &value) || value < 1 || value > INT32_MAX))
      error_add(error, STATUS_INPUT, "%s: %s: is \"%s\", allowed are 1 to 2147483647", graph->file, path,
                request->sets[i].value);
  }
  return error->n_messages == n_before;
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static void note_unknown(struct inferrer *inferrer, const struct onnx_node *node) {
  struct onnx_notes *const notes = inferrer->notes;
  struct arena *const arena = inferrer->graph->arena;
  uint32_t i;
  if (inferrer->unknown == NULL || !onnx_scope_find(inferrer->unknown, node->type, &i)) {
    i = (uint32_t)notes->n_unknown;
    if ((notes->n_unknown & (notes->n_unknown - 1)) == 0) { /* full: a power of two */
      struct onnx_unknown *const more = ARENA_NEW(arena, struct onnx_unknown, 2 * notes->n_unknown + 1);
      if (notes->n_unknown > 0) memcpy(more, notes->unknown, notes->n_unknown * sizeof *more);
      notes->unknown = more;
      inferrer->unknown = onnx_scope_new(arena, NULL, 2 * notes->n_unknown + 1);
      for (uint32_t k = 0; k < notes->n_unknown; k++) (void)onnx_scope_bind(inferrer->unknown, more[k].type, k);
    }
    notes->unknown[notes->n_unknown++] = (struct onnx_unknown){node->type, node->name, 0};
    (void)onnx_scope_bind(inferrer->unknown, node->type, i);
  }
  notes->unknown[i].n_nodes++;
}

/* An unknown operator puts out what the file says, or else something like its first operand. */
static bool infer_unknown(struct onnx_inference *inference, const struct onnx_request *request) {
  const struct onnx_node *const node = inference->node;
  if (request->strict)
    return onnx_reject(inference->graph, node, inference->error,
                       "there is no rule for this operator; without --strict it counts as elementwise; those with a "
                       "rule: dse list onnx");
  const struct onnx_shape *const first = onnx_shape_of(inference, 0);
  for (size_t i = 0; i < node->n_outputs; i++) {
    struct onnx_shape shape;
    if (node->outputs[i] == ONNX_NONE) continue;
    if (!onnx_stated_shape(inference, i, &shape)) {
      if (first == NULL)
        return onnx_reject(inference->graph, node, inference->error,
                           "there is no rule for this operator, and the file does not say what shape it puts out; "
                           "allowed are those of dse list onnx, functions that the file defines, and, as elementwise "
                           "work, any whose output's shape stands in value_info");
      shape = *first;
    }
    const int32_t type = inference->graph->values[node->outputs[i]].type;
    if (!onnx_set_shape(inference, i, shape.dims, shape.rank, type)) return false;
  }
  return true;
}

/* What a node's outputs derive from. */
static void derive_source(struct inferrer *inferrer, const struct onnx_node *node) {
  struct onnx_graph *const graph = inferrer->graph;
  const int *const places = inferrer->places;
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
    const bool filled = node->op != NULL && node->op->emit == EMIT_NOTHING && places[node->outputs[i]] == PLACE_SURE &&
                        (node->op->infer == INFER_constant || node->op->infer == INFER_constant_of_shape);
    if (filled) out->source = SOURCE_WEIGHT; /* a weight that is made where others are stored */
    const bool alias = !inferrer->merge && node->op != NULL && strcmp(node->type, "Identity") == 0;
    if (out->source == SOURCE_WEIGHT) out->root = alias || filled ? node->outputs[i] : root;
  }
}

/* Whether a stated dimension can be the one that follows: it is, or it was counted for the batch of the export. */
static bool agrees(const struct onnx_graph *graph, int64_t stated, int64_t found) {
  return stated < 0 || stated == found || onnx_is_rebatched(graph, stated, found);
}

/* Shapes that the file states must be those that follow. What it says of its own outputs counts only where no input has
 * a symbol: exporters leave the traced numbers there. */
static bool check_declared(struct onnx_inference *inference, bool has_symbols) {
  for (size_t i = 0; i < inference->node->n_outputs; i++) {
    if (inference->node->outputs[i] == ONNX_NONE) continue;
    const struct onnx_value *const out = &inference->graph->values[inference->node->outputs[i]];
    if (!out->shape.known)
      return onnx_reject(inference->graph, inference->node, inference->error,
                         "output %zu is not known to this operator", i);
    if (!out->declared.known || (out->is_output && has_symbols)) continue;
    char name[ESCAPED_BYTES];
    text_escape(out->name, name, sizeof name);
    if (out->declared.rank != out->shape.rank)
      return onnx_reject(inference->graph, inference->node, inference->error,
                         "the file says that tensor '%s' has %u dimensions, but %u follow from its operands", name,
                         out->declared.rank, out->shape.rank);
    for (size_t k = 0; k < out->shape.rank; k++)
      if (!agrees(inference->graph, out->declared.dims[k], out->shape.dims[k]))
        return onnx_reject(
            inference->graph, inference->node, inference->error,
            "the file says that dimension %zu of tensor '%s' is %lld, but %lld follows from its operands", k, name,
            (long long)out->declared.dims[k], (long long)out->shape.dims[k]);
  }
  return true;
}

static bool is_quantised(const struct onnx_node *node) {
  static const char *const marks[] = {"uantize", "Integer", "NBits", "Bnb4", "BlockQuantized"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (strstr(node->type, marks[i]) != NULL) return true;
  return node->type[0] == 'Q' && isupper((unsigned char)node->type[1]); /* QLinearConv, QGemm, QMoE; not QuickGelu */
}

static bool infer_node(struct inferrer *inferrer, uint32_t n) {
  struct onnx_graph *const graph = inferrer->graph;
  struct onnx_notes *const notes = inferrer->notes;
  const struct onnx_node *const node = &graph->nodes[n];
  struct onnx_inference inference = {graph, node, inferrer->error, inferrer->symbols, inferrer->n_symbols, false};
  notes->quantised |= is_quantised(node);
  for (size_t i = 0; i < node->n_inputs; i++) {
    struct onnx_value *const x = onnx_operand(graph, node, i);
    if (x == NULL) continue;
    x->n_uses++;
    x->user = n;
  }
  derive_source(inferrer, node);
  if (node->op == NULL) note_unknown(inferrer, node);
  const bool found =
      node->op == NULL ? infer_unknown(&inference, inferrer->request) : rules[node->op->infer](&inference);
  if (!found && !inference.stated) return false;
  notes->n_stated += inference.stated;
  if (!check_declared(&inference, inferrer->n_symbols > 0)) return false;
  const uint32_t first = node->outputs[0];
  if (first != ONNX_NONE && graph->values[first].source == SOURCE_CONSTANT) {
    notes->n_folded++;
    onnx_fold(graph, node);
  }
  return true;
}

/* Nodes in their order; those that hold graphs of their own give way to what is inside. */
static bool infer_nodes(struct inferrer *inferrer, size_t first, size_t end, size_t depth) {
  struct onnx_graph *const graph = inferrer->graph;
  for (size_t n = first; n < end; n++) {
    if (graph->nodes[n].body == NULL) {
      if (!infer_node(inferrer, (uint32_t)n)) return false;
      if (graph->n_ordered == inferrer->order_held) {
        inferrer->order_held = 2 * graph->n_ordered + graph->n_nodes;
        uint32_t *const more = ARENA_NEW(graph->arena, uint32_t, inferrer->order_held);
        if (graph->n_ordered > 0) memcpy(more, graph->order, graph->n_ordered * sizeof *more);
        graph->order = more;
      }
      graph->order[graph->n_ordered++] = (uint32_t)n;
      continue;
    }
    if (depth == MAX_NESTING)
      return onnx_reject(graph, &graph->nodes[n], inferrer->error,
                         "graphs and functions lie more than %d deep in each other, allowed is that", MAX_NESTING);
    const size_t first_node = graph->n_nodes, first_value = graph->n_values;
    if (!onnx_inline(graph, (uint32_t)n, inferrer->notes, inferrer->error)) return false;
    find_places(inferrer, first_node);
    classify_values(inferrer, first_value);
    if (!infer_nodes(inferrer, first_node, graph->n_nodes, depth + 1)) return false;
  }
  return true;
}

static void describe_outputs(const struct onnx_graph *graph, struct onnx_notes *notes) {
  notes->outputs = ARENA_NEW(graph->arena, const char *, graph->n_outputs);
  for (size_t i = 0; i < graph->n_outputs; i++)
    notes->outputs[notes->n_outputs++] = describe(graph->arena, &graph->values[graph->outputs[i]]);
}

bool onnx_infer(struct onnx_graph *graph, const struct onnx_request *request, struct onnx_notes *notes,
                struct error *error) {
  const char *const merge = find_set(request, "merge_identical_weights");
  struct inferrer inferrer = {.graph = graph, .request = request, .notes = notes, .error = error};
  inferrer.merge = merge != NULL && strcmp(merge, "true") == 0;
  notes->opset = graph->opset;
  notes->newer = graph->opset > ONNX_MAX_OPSET;
  notes->n_nodes = graph->n_nodes;
  find_places(&inferrer, 0);
  classify_values(&inferrer, 0);
  if (!check_sets(graph, request, error) || !bind_inputs(&inferrer)) return false;
  if (!infer_nodes(&inferrer, 0, graph->n_nodes, 0)) return false;
  describe_outputs(graph, notes);
  return true;
}

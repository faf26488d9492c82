/* How is a graph file read?
 *
 * First, without recursion, its nesting and its number of values are bounded, so that the JSON library is safe with
 * it. Then nodes and edges are read; nodes are put in topological order, ties by id, by Kahn's method with a heap; and
 * each node becomes an op (traced_op.c), or is taken as it is if the file is our own export (json_export.c). Source:
 * workloads §5. Left out: `layers = N` and `once`, which repeat a traced layer. */
#include "workloads/json_graph.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/text.h"
#include "workloads/json_record.h"
#include "workloads/traced_op.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 8000000, MAX_RANKS = 1 << 20, ESCAPED_BYTES = 96 };
static const int64_t max_dim = INT32_MAX;
static const uint64_t max_elements = UINT64_C(1) << 48;

struct import {
  const char *file;
  struct arena *scratch;
  struct error *error;
  size_t n_nodes, n_edges;
  struct traced_node *nodes;                         /* by id, once read */
  const json_t **records;                            /* of each node, its `dse` group or NULL */
  uint32_t *pred_start, *preds, *succ_start, *succs; /* places in `nodes` */
};

static bool complain(const struct import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool complain(const struct import *import, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_add(import->error, STATUS_INPUT, "%s: %s", import->file, text);
}

/* Nesting and number of values (by commas and openings), strings skipped. */
static bool is_bounded(const struct import *import, const char *text, size_t n) {
  size_t depth = 0, values = 0;
  bool quoted = false;
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
      continue;
    }
    quoted = c == '"';
    const bool opens = c == '[' || c == '{';
    depth += opens;
    if ((c == ']' || c == '}') && depth > 0) depth--;
    values += opens || c == ',';
    if (depth > JSON_GRAPH_MAX_DEPTH)
      return complain(import, "nested too deeply, allowed are %d levels", JSON_GRAPH_MAX_DEPTH);
    if (values > MAX_VALUES) return complain(import, "too many values, allowed are %d", MAX_VALUES);
  }
  return true;
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static bool node_complain(const struct import *import, const struct traced_node *node, const char *key,
                          const char *what) {
  char name[ESCAPED_BYTES];
  text_escape(node->name, name, sizeof name);
  return complain(import, "node %lld '%s': %s: %s", (long long)node->id, name, key, what);
}

static bool read_shape(const struct import *import, const struct traced_node *node, const char *key, const json_t *from,
                       struct tensor_shape *shape) {
  const size_t rank = json_array_size(from);
  if (!json_is_array(from) || rank > JSON_GRAPH_MAX_RANK)
    return node_complain(import, node, key, "a shape must be a list of at most 16 integers");
  uint64_t *const dims = ARENA_NEW(import->scratch, uint64_t, rank);
  *shape = (struct tensor_shape){rank, dims, 1};
  for (size_t i = 0; i < rank; i++) {
    const json_t *const dim = json_array_get(from, i);
    const json_int_t value = json_integer_value(dim);
    if (!json_is_integer(dim) || value < 0 || value > max_dim)
      return node_complain(import, node, key, "a dimension must be an integer in 0…2147483647");
    dims[i] = (uint64_t)value;
    if (dims[i] > 0 && shape->elements > max_elements / dims[i])
      return node_complain(import, node, key, "a tensor may have at most 2^48 elements");
    shape->elements *= dims[i];
  }
  return true;
}

static bool read_shapes(const struct import *import, const struct traced_node *node, const json_t *from,
                        const char *key, struct shape_list *list) {
  const json_t *const shapes = json_object_get(from, key);
  if (shapes == NULL || json_is_null(shapes)) return true;
  if (!json_is_array(shapes)) return node_complain(import, node, key, "must be a list of shapes");
  list->n = json_array_size(shapes);
  struct tensor_shape *const read = ARENA_NEW(import->scratch, struct tensor_shape, list->n);
  list->shapes = read;
  for (size_t i = 0; i < list->n; i++)
    if (!read_shape(import, node, key, json_array_get(shapes, i), &read[i])) return false;
  return true;
}

/* A text, or "" if the key is missing. */
static const char *read_text(const json_t *from, const char *key) {
  const char *const text = json_string_value(json_object_get(from, key));
  return text != NULL ? text : "";
}

static bool read_node(const struct import *import, const json_t *from, size_t place, struct traced_node *node) {
  const json_t *const id = json_object_get(from, "id"), *const layer = json_object_get(from, "layer");
  if (!json_is_object(from) || !json_is_integer(id))
    return complain(import, "nodes[%zu]: must be a group with an integer `id`", place);
  *node = (struct traced_node){.id = json_integer_value(id), .layer = OP_ABSENT};
  node->name = read_text(from, "name");
  node->op = read_text(from, "op");
  node->is_attribute = strcmp(read_text(from, "kind"), "get_attr") == 0;
  if (node->op[0] == '\0') return node_complain(import, node, "op", "is missing");
  if (layer != NULL &&
      (!json_is_integer(layer) || json_integer_value(layer) < -1 || json_integer_value(layer) >= OP_GRAPH_MAX_OPS))
    return node_complain(import, node, "layer", "must be an integer in -1…999999");
  if (layer != NULL && json_integer_value(layer) >= 0) node->layer = (uint32_t)json_integer_value(layer);
  if (json_object_get(from, "dse") != NULL) return true; /* its shapes are for others */
  return read_shapes(import, node, from, "inp", &node->inp) && read_shapes(import, node, from, "out", &node->out) &&
         read_shapes(import, node, from, "weight", &node->weight) &&
         read_shapes(import, node, from, "bias", &node->bias);
}

struct numbered {
  struct traced_node node;
  const json_t *record;
};

static int compare_ids(const void *a, const void *b) {
  const int64_t x = ((const struct numbered *)a)->node.id, y = ((const struct numbered *)b)->node.id;
  return x < y ? -1 : x > y;
}

static bool read_nodes(struct import *import, const json_t *root) {
  const json_t *const nodes = json_object_get(root, "nodes");
  const size_t n = json_array_size(nodes);
  if (!json_is_array(nodes) || n == 0 || n > OP_GRAPH_MAX_OPS)
    return complain(import, "nodes: must be a list of 1 to %d nodes", OP_GRAPH_MAX_OPS);
  struct numbered *const read = ARENA_NEW(import->scratch, struct numbered, n);
  bool good = true;
  for (size_t i = 0; i < n; i++) {
    const json_t *const from = json_array_get(nodes, i);
    good &= read_node(import, from, i, &read[i].node);
    read[i].record = json_object_get(from, "dse");
  }
  if (!good) return false;
  qsort(read, n, sizeof *read, compare_ids);
  for (size_t i = 1; i < n; i++)
    if (read[i].node.id == read[i - 1].node.id) good = node_complain(import, &read[i].node, "id", "is not unique");
  import->n_nodes = n;
  import->nodes = ARENA_NEW(import->scratch, struct traced_node, n);
  import->records = ARENA_NEW(import->scratch, const json_t *, n);
  for (size_t i = 0; i < n; i++) {
    import->nodes[i] = read[i].node;
    import->records[i] = read[i].record;
  }
  return good;
}

/* --- edges ----------------------------------------------------------------------------------------------------- */

static uint32_t find_id(const struct import *import, int64_t id) {
  size_t low = 0, high = import->n_nodes;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (import->nodes[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < import->n_nodes && import->nodes[low].id == id ? (uint32_t)low : OP_ABSENT;
}

static bool read_edge(const struct import *import, const json_t *edge, size_t place, uint32_t ends[2]) {
  if (!json_is_array(edge) || json_array_size(edge) != 2)
    return complain(import, "edges[%zu]: must be [from, to]", place);
  for (size_t k = 0; k < 2; k++) {
    const json_t *const id = json_array_get(edge, k);
    ends[k] = json_is_integer(id) ? find_id(import, json_integer_value(id)) : OP_ABSENT;
    if (ends[k] == OP_ABSENT) return complain(import, "edges[%zu]: its end %zu is not the id of a node", place, k);
  }
  return true;
}

/* Rows of `to` for each `from`, in the order of the edges. */
static void lay_out(const struct import *import, const uint32_t *from, const uint32_t *to, uint32_t **start,
                    uint32_t **row) {
  *start = ARENA_NEW(import->scratch, uint32_t, import->n_nodes + 1);
  *row = ARENA_NEW(import->scratch, uint32_t, import->n_edges);
  uint32_t *const fill = ARENA_NEW(import->scratch, uint32_t, import->n_nodes);
  for (size_t e = 0; e < import->n_edges; e++) (*start)[from[e] + 1]++;
  for (size_t i = 0; i < import->n_nodes; i++) (*start)[i + 1] += (*start)[i];
  for (size_t e = 0; e < import->n_edges; e++) (*row)[(*start)[from[e]] + fill[from[e]]++] = to[e];
}

static bool read_edges(struct import *import, const json_t *root) {
  const json_t *const edges = json_object_get(root, "edges");
  const size_t n = json_array_size(edges);
  if (!json_is_array(edges) || n > OP_GRAPH_MAX_EDGES)
    return complain(import, "edges: must be a list of at most %d edges", OP_GRAPH_MAX_EDGES);
  uint32_t *const from = ARENA_NEW(import->scratch, uint32_t, n), *const to = ARENA_NEW(import->scratch, uint32_t, n);
  bool good = true;
  for (size_t i = 0; i < n; i++) {
    uint32_t ends[2] = {0, 0};
    good &= read_edge(import, json_array_get(edges, i), i, ends);
    from[i] = ends[0];
    to[i] = ends[1];
  }
  if (!good) return false;
  import->n_edges = n;
  lay_out(import, to, from, &import->pred_start, &import->preds);
  lay_out(import, from, to, &import->succ_start, &import->succs);
  return true;
}

/* --- order ----------------------------------------------------------------------------------------------------- */

/* A binary heap of places, least first. */
static void heap_push(uint32_t *heap, size_t *n, uint32_t place) {
  size_t i = (*n)++;
  for (; i > 0 && heap[(i - 1) / 2] > place; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[i] = place;
}

static uint32_t heap_pop(uint32_t *heap, size_t *n) {
  const uint32_t least = heap[0], moved = heap[--*n];
  size_t i = 0;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= *n) break;
    if (child + 1 < *n && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= moved) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = moved;
  return least;
}

/* Places in topological order, ties by id; NULL after complaining about a cycle. */
static const uint32_t *topological_order(const struct import *import) {
  const size_t n = import->n_nodes;
  uint32_t *const order = ARENA_NEW(import->scratch, uint32_t, n), *const heap =
                                                                       ARENA_NEW(import->scratch, uint32_t, n);
  uint32_t *const waits = ARENA_NEW(import->scratch, uint32_t, n);
  size_t n_heap = 0, n_ordered = 0;
  for (uint32_t i = 0; i < n; i++) {
    waits[i] = import->pred_start[i + 1] - import->pred_start[i];
    if (waits[i] == 0) heap_push(heap, &n_heap, i);
  }
  while (n_heap > 0) {
    const uint32_t i = heap_pop(heap, &n_heap);
    order[n_ordered++] = i;
    for (size_t e = import->succ_start[i]; e < import->succ_start[i + 1]; e++)
      if (--waits[import->succs[e]] == 0) heap_push(heap, &n_heap, import->succs[e]);
  }
  if (n_ordered == n) return order;
  /* Whoever still waits lies on a cycle or behind one; walking back long enough ends on one. */
  uint32_t place = 0;
  while (waits[place] == 0) place++;
  for (size_t step = 0; step < n; step++)
    for (size_t e = import->pred_start[place]; e < import->pred_start[place + 1]; e++)
      if (waits[import->preds[e]] > 0) {
        place = import->preds[e];
        break;
      }
  node_complain(import, &import->nodes[place], "edges", "lies on a cycle");
  return NULL;
}

/* --- the graph ------------------------------------------------------------------------------------------------- */

static bool read_ranks(const struct import *import, const json_t *root, uint64_t *ranks) {
  const json_t *const width = json_object_get(root, "tmp_width");
  *ranks = 1;
  if (width == NULL) return true;
  if (!json_is_integer(width) || json_integer_value(width) < 1 || json_integer_value(width) > MAX_RANKS)
    return complain(import, "tmp_width: must be an integer in 1…%d", MAX_RANKS);
  *ranks = (uint64_t)json_integer_value(width);
  return true;
}

static bool build(const struct import *import, struct traced_graph *traced) {
  const uint32_t *const order = topological_order(import);
  if (order == NULL) return false;
  const size_t n = import->n_nodes;
  traced->nodes = ARENA_NEW(import->scratch, const struct traced_node *, n);
  traced->parameter = ARENA_NEW(import->scratch, uint32_t, n);
  traced->owner = ARENA_NEW(import->scratch, uint32_t, n);
  uint32_t *const place = ARENA_NEW(import->scratch, uint32_t, n);
  uint32_t *const row = ARENA_NEW(import->scratch, uint32_t, import->n_edges);
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t i = order[k];
    place[i] = k;
    size_t n_preds = 0;
    for (size_t e = import->pred_start[i]; e < import->pred_start[i + 1]; e++) row[n_preds++] = place[import->preds[e]];
    const struct traced_node *const node = &import->nodes[i];
    if (import->records[i] == NULL) {
      if (!traced_op_add(traced, node, row, n_preds, import->scratch, import->error)) return false;
      continue;
    }
    struct op op;
    if (!json_record_read(import->records[i], &op))
      return node_complain(import, node, "dse", "is not an exported operator");
    op.layer = node->layer;
    graph_builder_add(traced->builder, &op, node->name, row, n_preds);
    traced->nodes[k] = node;
    traced->parameter[k] = traced->owner[k] = OP_ABSENT;
  }
  return true;
}

static bool import_graph(struct import *import, const json_t *root, uint64_t element_bytes, struct arena *arena,
                         struct op_graph *graph) {
  struct traced_graph traced = {
      .file = import->file, .element_bytes = element_bytes, .builder = graph_builder_new(import->scratch)};
  if (!json_is_object(root)) return complain(import, "must be a group with `nodes` and `edges`");
  return read_ranks(import, root, &traced.ranks) && read_nodes(import, root) && read_edges(import, root) &&
         build(import, &traced) && graph_builder_finish(traced.builder, arena, graph, import->error);
}

/* The file's values, to be released; NULL with a message. */
static json_t *parse_json(const struct import *import, const char *text, size_t n) {
  if (n > JSON_GRAPH_MAX_BYTES) {
    complain(import, "%zu bytes are too many, allowed are %d", n, JSON_GRAPH_MAX_BYTES);
    return NULL;
  }
  if (!is_bounded(import, text, n)) return NULL;
  json_error_t problem;
  json_t *const root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &problem);
  if (root != NULL) return root;
  char escaped[2 * ESCAPED_BYTES];
  text_escape(problem.text, escaped, sizeof escaped);
  error_add(import->error, STATUS_INPUT, "%s:%d: is not JSON: %s", import->file, problem.line, escaped);
  return NULL;
}

bool json_graph_parse(const char *file, const char *text, size_t n, uint64_t element_bytes, struct arena *arena,
                      struct arena *scratch, struct op_graph *graph, struct error *error) {
  struct import import = {.file = file, .scratch = scratch, .error = error};
  json_t *const root = parse_json(&import, text, n);
  if (root == NULL) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool imported = import_graph(&import, root, element_bytes, arena, graph);
  arena_rewind(scratch, mark);
  json_decref(root);
  return imported;
}

bool json_graph_load(const char *path, uint64_t element_bytes, struct arena *arena, struct arena *scratch,
                     struct op_graph *graph, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  char *text;
  size_t n;
  const bool loaded = file_read(path, JSON_GRAPH_MAX_BYTES, scratch, &text, &n, error) &&
                      json_graph_parse(path, text, n, element_bytes, arena, scratch, graph, error);
  arena_rewind(scratch, mark);
  return loaded;
}

/* --- facts ----------------------------------------------------------------------------------------------------- */

static uint64_t written_elements(const struct traced_node *node) {
  uint64_t elements = 0;
  for (size_t i = 0; i < node->out.n; i++) elements = sat_add(elements, node->out.shapes[i].elements);
  return elements;
}

static bool is_marked(const struct traced_node *node, const char *const *marks) {
  for (; *marks != NULL; marks++)
    if (strstr(node->name, *marks) != NULL) return true;
  return false;
}

/* Of each node its place among outside, layers and once; what depends on a marked node goes along. */
static const uint32_t *place_nodes(const struct import *import, const char *const *marks, struct trace_facts *facts) {
  const size_t n = import->n_nodes;
  uint32_t *const place = ARENA_NEW(import->scratch, uint32_t, n), *const stack =
                                                                       ARENA_NEW(import->scratch, uint32_t, n);
  size_t n_stack = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t layer = import->nodes[i].layer;
    place[i] = layer == OP_ABSENT ? 0 : layer + 1;
    if (place[i] > facts->n_layers) facts->n_layers = place[i];
  }
  if (marks == NULL || facts->n_layers != 1) return place;
  for (uint32_t i = 0; i < n; i++) {
    if (place[i] != 1 || !is_marked(&import->nodes[i], marks)) continue;
    place[i] = 2;
    stack[n_stack++] = i;
    while (n_stack > 0) {
      const uint32_t from = stack[--n_stack];
      for (size_t e = import->succ_start[from]; e < import->succ_start[from + 1]; e++) {
        const uint32_t to = import->succs[e];
        if (place[to] != 1) continue;
        place[to] = 2;
        stack[n_stack++] = to;
      }
    }
  }
  return place;
}

static void count_places(const struct import *import, const uint32_t *place, struct traced_layer *layers,
                         size_t n_places) {
  uint32_t *const counted = ARENA_NEW(import->scratch, uint32_t, n_places); /* 1 + the last producer */
  for (uint32_t i = 0; i < import->n_nodes; i++) {
    const uint64_t elements = written_elements(&import->nodes[i]);
    struct traced_layer *const own = &layers[place[i]];
    own->n_nodes++;
    own->output_elements = sat_add(own->output_elements, elements);
    for (size_t e = import->succ_start[i]; e < import->succ_start[i + 1]; e++) {
      const uint32_t other = place[import->succs[e]];
      if (other == place[i] || counted[other] == i + 1) continue;
      counted[other] = i + 1;
      layers[other].input_elements = sat_add(layers[other].input_elements, elements);
    }
  }
}

static void list_once(const struct import *import, const uint32_t *place, struct arena *arena,
                      struct trace_facts *facts) {
  int64_t *const ids = ARENA_NEW(arena, int64_t, facts->once->n_nodes);
  for (size_t i = 0; i < import->n_nodes; i++) /* nodes are sorted by id */
    if (place[i] == facts->n_layers + 1) ids[facts->n_once++] = import->nodes[i].id;
  facts->once_ids = ids;
}

static bool gather_facts(struct import *import, const json_t *root, const char *const *marks, struct arena *arena,
                         struct trace_facts *facts) {
  if (!json_is_object(root)) return complain(import, "must be a group with `nodes` and `edges`");
  if (!read_ranks(import, root, &facts->ranks) || !read_nodes(import, root) || !read_edges(import, root)) return false;
  facts->model = arena_copy_text(arena, read_text(root, "model"));
  facts->samples = 1;
  bool known = false;
  for (size_t i = 0; i < import->n_nodes; i++) {
    const struct traced_node *const node = &import->nodes[i];
    if (import->records[i] != NULL) return complain(import, "is an export of this program, a trace was expected");
    if (known || strcmp(node->op, "input") != 0 || node->out.n == 0 || node->out.shapes[0].rank == 0) continue;
    facts->samples = max_u64(node->out.shapes[0].dims[0], 1);
    known = true;
  }
  const uint32_t *const place = place_nodes(import, marks, facts);
  const size_t n_places = facts->n_layers + 2;
  struct traced_layer *const layers = ARENA_NEW(arena, struct traced_layer, n_places);
  count_places(import, place, layers, n_places);
  facts->outside = layers;
  facts->layers = layers + 1;
  facts->once = layers + 1 + facts->n_layers;
  list_once(import, place, arena, facts);
  return true;
}

bool json_graph_facts(const char *path, const char *const *marks, struct arena *arena, struct arena *scratch,
                      struct trace_facts *facts, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct import import = {.file = path, .scratch = scratch, .error = error};
  char *text;
  size_t n;
  *facts = (struct trace_facts){0};
  json_t *const root =
      file_read(path, JSON_GRAPH_MAX_BYTES, scratch, &text, &n, error) ? parse_json(&import, text, n) : NULL;
  const bool gathered = root != NULL && gather_facts(&import, root, marks, arena, facts);
  json_decref(root);
  arena_rewind(scratch, mark);
  return gathered;
}

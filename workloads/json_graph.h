/* Operator graphs as JSON files: the form of the public traces, and our own export in the same form.
 *
 * `{source, model, tmp_width, nodes, edges}`; a node is `{id, layer, op, kind, name, inp, out, weight, bias,
 * tensor_parallel}` with shapes as lists of lists of integers, an edge `[from, to]` (workloads §5). Files that we
 * export also carry, in each node, the op as it is (`dse`), so that they reload to the same digest. */
#ifndef WORKLOADS_JSON_GRAPH_H
#define WORKLOADS_JSON_GRAPH_H

#include "workloads/op_graph.h"

enum { JSON_GRAPH_MAX_BYTES = 64 << 20, JSON_GRAPH_MAX_DEPTH = 64, JSON_GRAPH_MAX_RANK = 16 };

/* Reads a forward graph into `arena`. Names of ops are `<name or traced op>#<id>`. `file` stands for the text in
 * messages, which name the node. All mistakes of the file's nodes are gathered. */
bool json_graph_parse(const char *file, const char *text, size_t n, uint64_t element_bytes, struct arena *arena,
                      struct arena *scratch, struct op_graph *graph, struct error *error);
bool json_graph_load(const char *path, uint64_t element_bytes, struct arena *arena, struct arena *scratch,
                     struct op_graph *graph, struct error *error);
/* What a trace says that an op graph does not: sizes of all it writes, facts and views included, by layer. */
struct traced_layer {
  uint64_t n_nodes, output_elements;
  uint64_t input_elements; /* of tensors of other layers that it reads, each once */
};
struct trace_facts {
  const char *model;       /* its name, "" if it has none */
  uint64_t ranks, samples; /* of a tensor group; in one pass: the first dimension of its first input */
  size_t n_layers;         /* numbered from 0 */
  const struct traced_layer *outside, *layers;
  /* Of a trace of one layer that stands for all: what the network has once (norm, head and loss behind the last layer),
   * which is not counted in `layers`. Ids in ascending order. */
  const struct traced_layer *once;
  size_t n_once;
  const int64_t *once_ids;
};
/* Into `arena`. Once are nodes of a trace of one layer whose name holds one of the texts `marks` (ends with NULL; NULL:
 * none), and all of the layer that depends on them. STATUS_INPUT for what json_graph_load refuses before it looks at
 * operators, and for our own export, whose shapes are of no trace. */
bool json_graph_facts(const char *path, const char *const *marks, struct arena *arena, struct arena *scratch,
                      struct trace_facts *facts, struct error *error);
/* The graph as such a file, in `arena`; jansson's memory is gone when it returns. */
bool json_graph_write(const struct op_graph *graph, const char *name, struct arena *arena, const char **text, size_t *n,
                      struct error *error);

#endif

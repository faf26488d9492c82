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
/* The graph as such a file, in `arena`; jansson's memory is gone when it returns. */
bool json_graph_write(const struct op_graph *graph, const char *name, struct arena *arena, const char **text, size_t *n,
                      struct error *error);

#endif

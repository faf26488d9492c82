/* One node of a traced graph, and the op it becomes. Used by json_graph.c alone. */
#ifndef WORKLOADS_TRACED_OP_H
#define WORKLOADS_TRACED_OP_H

#include "workloads/op_graph.h"

struct tensor_shape {
  size_t rank;
  const uint64_t *dims;
  uint64_t elements; /* 1 for rank 0 */
};
struct shape_list {
  size_t n;
  const struct tensor_shape *shapes;
};

struct traced_node {
  int64_t id;
  uint32_t layer; /* OP_ABSENT outside */
  const char *op, *name;
  bool is_attribute; /* trace kind get_attr: a parameter or a constant */
  struct shape_list inp, out, weight, bias;
};

/* What has been built so far, by place in the new graph. */
struct traced_graph {
  const char *file;
  uint64_t element_bytes, ranks;
  struct graph_builder *builder;
  const struct traced_node **nodes; /* of each op */
  uint32_t *parameter;              /* of each op: the WEIGHT op that it is or views, or OP_ABSENT */
  uint32_t *owner;                  /* of each WEIGHT op: the first op that uses it, or OP_ABSENT */
  uint32_t n_groups;
};

/* Adds the node as the next op; `preds` are places in the new graph. */
bool traced_op_add(struct traced_graph *graph, const struct traced_node *node, const uint32_t *preds, size_t n_preds,
                   struct arena *scratch, struct error *error);
/* A message about a node; returns false. */
bool traced_error(const struct traced_graph *graph, const struct traced_node *node, const char *what,
                  struct error *error);

#endif

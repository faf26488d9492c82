/* From protobuf messages to values and nodes: what reading a file and taking apart the graphs inside its nodes share.
 * Used by onnx_read.c, onnx_tensor.c and onnx_inline.c alone. */
#ifndef WORKLOADS_ONNX_READER_H
#define WORKLOADS_ONNX_READER_H

#include "workloads/onnx_graph.h"
#include <onnx.pb-c.h>

/* Constants of the graphs inside nodes that are read again for every turn of a loop. */
#define ONNX_MAX_KEPT ((uint64_t)1 << 25)

struct onnx_reader {
  struct onnx_graph *graph;
  struct arena *arena;
  struct error *error;
  struct onnx_scope *scope;
  const Onnx__ModelProto *model;
  struct onnx_scope *functions; /* "domain name": number in the model */
  uint64_t n_kept;              /* elements of constants */
  uint64_t n_inlined;           /* nodes of graphs inside nodes */
};

/* What a node holds: the graphs of If (then, else), Loop and Scan, or the function that it calls. */
struct onnx_body {
  const Onnx__GraphProto *graphs[2];
  const Onnx__FunctionProto *function;
  struct onnx_scope *scope;     /* around it */
  struct onnx_scope *constants; /* its initializers, NULL: not read yet; the same in every turn */
};

/* A value without a producer. */
uint32_t onnx_new_value(struct onnx_reader *reader, const char *name);
/* The value of that name, made here if there is none. */
uint32_t onnx_value_of(struct onnx_reader *reader, const char *name);

bool onnx_checked_name(struct onnx_reader *reader, const char *name, const char *of);
bool onnx_reject_value(struct onnx_reader *reader, const char *name, const char *what);
bool onnx_read_tensor(struct onnx_reader *reader, uint32_t index, const Onnx__TensorProto *tensor);
bool onnx_read_declared(struct onnx_reader *reader, const Onnx__ValueInfoProto *info, uint32_t index);
bool onnx_read_initializers(struct onnx_reader *reader, const Onnx__GraphProto *from);
bool onnx_read_value_infos(struct onnx_reader *reader, const Onnx__GraphProto *from);
/* Reads nodes behind those that there are, checks their operands and puts them in topological order. */
bool onnx_read_nodes(struct onnx_reader *reader, Onnx__NodeProto *const *from, size_t n);
/* Outputs of nodes. */
size_t onnx_count_names(Onnx__NodeProto *const *from, size_t n);
/* Fills node->captured. */
void onnx_find_captured(struct onnx_reader *reader, struct onnx_node *node);

#endif

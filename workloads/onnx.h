/* ONNX files as forward op graphs.
 *
 * Shapes are inferred here, whatever the file says of them; weights may be initializers, external (never opened) or
 * inputs without values. Source: workloads §4; operators are one list, onnx_ops.def. An operator that is not in it is
 * taken as elementwise over what it puts out, and named with its count; `strict` makes that an error. */
#ifndef WORKLOADS_ONNX_H
#define WORKLOADS_ONNX_H

#include "workloads/op_graph.h"
#include "workloads/workload.h"

/* The format's own limit: what is larger has its weights in a file of their own. */
#define ONNX_MAX_BYTES (((size_t)1 << 31) - 1)
enum { ONNX_MIN_OPSET = 7, ONNX_MAX_OPSET = 24 };

struct onnx_request {
  uint64_t batch;                /* first dimension of the data inputs, if it is a symbol or 1 */
  const struct config_set *sets; /* symbols and their values; inputs, frozen, merge_identical_weights */
  size_t n_sets;
  bool strict;
};

/* An operator type that no rule is for. */
struct onnx_unknown {
  const char *type, *first; /* type, name of the first node */
  size_t n_nodes;
};

/* What the graph does not say. */
struct onnx_notes {
  int64_t opset;
  bool newer;                    /* than what is known; every operator was, or is among the unknown */
  bool quantised;                /* has quantised operators or weights */
  size_t n_nodes;                /* of the file */
  size_t n_folded;               /* constants and shape arithmetic */
  size_t n_merged;               /* nodes that became part of a norm or an activation */
  size_t n_norms, n_activations; /* found so */
  size_t n_inlined, n_guessed;   /* If, Loop, Scan and functions written out; If whose condition is not known */
  size_t n_stated;               /* nodes whose shapes depend on the data and are taken from the file */
  size_t n_outputs;              /* of the graph, "name [1,1000]" */
  const char **outputs;
  size_t n_inputs; /* data inputs, "name [1,3,224,224]" */
  const char **inputs;
  size_t n_unknown;
  struct onnx_unknown *unknown;
  uint64_t file_batch; /* first dimension of the data inputs if it is a number and another batch is asked for */
  uint64_t own_batch;  /* the same if it is above 1 and none is asked for: all of it is one sample */
};

/* An operator that a rule is for, and what becomes of it. */
struct onnx_known {
  const char *domain, *name; /* "" or "com.microsoft" */
  const char *does;          /* "conv", "free: no work", "refused: …" */
};
/* The i-th of them; false behind the last. */
bool onnx_known_operator(size_t i, struct onnx_known *known);

/* From bytes; `file` stands for them in messages. The graph goes to generation->builder; what `notes` point to lies in
 * `scratch` until onnx_keep_notes. */
bool onnx_parse(const char *file, const uint8_t *bytes, size_t n, const struct generation *generation,
                struct arena *scratch, struct onnx_notes *notes, struct error *error);
/* Copies what the notes point to. */
void onnx_keep_notes(struct onnx_notes *notes, struct arena *arena);

#endif

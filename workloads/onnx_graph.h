/* An ONNX model as plain tables: what lies between the parser and the op graph.
 *
 *   bytes → onnx_scan → onnx_read → onnx_infer (shapes, constants; onnx_inline) → onnx_patterns → onnx_emit → op graph
 *
 * Used by the onnx_*.c files alone. Nothing but onnx_read, onnx_tensor and onnx_inline knows protobuf. */
#ifndef WORKLOADS_ONNX_GRAPH_H
#define WORKLOADS_ONNX_GRAPH_H

#include "workloads/emit.h"
#include "workloads/onnx.h"

enum {
  ONNX_MAX_RANK = 8,
  ONNX_MAX_ATTRIBUTE = 64, /* numbers of an attribute that are looked at */
  ONNX_MAX_FOLDED = 1024   /* elements of a constant whose values are followed */
};
#define ONNX_MAX_ELEMENTS ((uint64_t)1 << 48)
#define ONNX_NONE UINT32_MAX

/* TensorProto.DataType, as far as a rule asks for it. */
enum onnx_type {
  ONNX_FLOAT = 1,
  ONNX_UINT8 = 2,
  ONNX_INT8 = 3,
  ONNX_UINT16 = 4,
  ONNX_INT16 = 5,
  ONNX_INT32 = 6,
  ONNX_INT64 = 7,
  ONNX_STRING = 8,
  ONNX_BOOL = 9,
  ONNX_FLOAT16 = 10,
  ONNX_DOUBLE = 11,
  ONNX_UINT32 = 12,
  ONNX_UINT64 = 13,
  ONNX_BFLOAT16 = 16,
  ONNX_FLOAT8_FIRST = 17, /* four of eight bits */
  ONNX_FLOAT8_LAST = 20,
  ONNX_UINT4 = 21,
  ONNX_INT4 = 22,
  ONNX_FLOAT4 = 23,
  ONNX_FLOAT8_EXPONENT = 24
};
static inline bool onnx_is_real(int32_t type) {
  return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_DOUBLE || type == ONNX_BFLOAT16 || type == 0 ||
         (type >= ONNX_FLOAT8_FIRST && type <= ONNX_FLOAT8_LAST) || type == ONNX_FLOAT4 || type == ONNX_FLOAT8_EXPONENT;
}

struct onnx_shape {
  bool known;
  uint8_t rank;
  int64_t dims[ONNX_MAX_RANK];        /* −1: not known, perhaps a symbol */
  const char *symbols[ONNX_MAX_RANK]; /* NULL: none */
};

/* Where a value comes from. */
enum onnx_source {
  SOURCE_DATA,     /* depends on a data input */
  SOURCE_CONSTANT, /* on nothing: folded */
  SOURCE_WEIGHT    /* a parameter, or a part or a turned form of one */
};

struct onnx_value {
  const char *name;
  int32_t type;
  uint8_t source; /* enum onnx_source */
  bool is_input, is_initializer, is_output;
  uint32_t producer;                 /* node, ONNX_NONE: input or initializer */
  uint32_t root;                     /* SOURCE_WEIGHT: the value that is the parameter */
  uint32_t n_uses;                   /* operands that read it */
  uint32_t user;                     /* one of the nodes that do, ONNX_NONE: none */
  struct onnx_shape declared, shape; /* as the file says; as inferred */
  uint64_t elements;                 /* of `shape` */
  const int64_t *ints;               /* known values (of integers and truths), or NULL */
  const double *reals;               /* (of floating point), or NULL */
};

struct onnx_attribute {
  const char *name;
  int64_t i;
  double f;
  const char *s;
  size_t n_ints;
  const int64_t *ints;
  size_t n_reals;
  const float *reals;
  uint32_t tensor; /* value, ONNX_NONE: none */
  bool is_float;
};

/* A value that graphs inside a node read, and how surely they do so as a weight (onnx_weight_place). */
struct onnx_captured {
  uint32_t value;
  int place;
};
struct onnx_body; /* graphs inside a node, or the function that it calls */

struct onnx_operator; /* a row of onnx_ops.def */

struct onnx_node {
  const char *name, *type;
  const char *within; /* name of the node whose graph or function holds this one, NULL: none */
  bool foreign;       /* of another domain than ONNX's */
  uint32_t number;    /* in the file */
  size_t n_inputs, n_outputs, n_attributes;
  uint32_t *inputs, *outputs; /* values; ONNX_NONE: left out */
  const struct onnx_attribute *attributes;
  const struct onnx_operator *op; /* NULL: not known */
  struct onnx_body *body;         /* NULL: none */
  size_t n_captured;
  struct onnx_captured *captured;
  bool absorbed;   /* part of a pattern that another node stands for */
  uint8_t pattern; /* this node stands for one: its kind (enum op_kind), 0: none */
  uint32_t pattern_x, pattern_weights[2];
};

struct onnx_graph {
  const char *file;
  int64_t opset;
  size_t n_values, n_nodes, values_held, nodes_held;
  struct onnx_value *values;
  struct onnx_node *nodes; /* as read: pointers into both tables hold until onnx_inline */
  size_t n_ordered;
  uint32_t *order; /* nodes in the order of their inference, which is topological; without those taken apart */
  size_t n_outputs;
  const uint32_t *outputs;    /* values */
  struct onnx_reader *reader; /* for onnx_inline */
  struct arena *arena;        /* of all of it: scratch */
  bool has_initializers;
  int64_t file_batch, asked_batch; /* of the export and asked for, if they differ; else 0 */
  const struct onnx_value *traced; /* then: the values as they are for file_batch, in the same order */
  size_t n_traced;
};

/* Rules of onnx_ops.def. */
enum onnx_infer_rule {
#define ONNX_INFER(rule) INFER_##rule,
#include "workloads/onnx_rules.def"
#undef ONNX_INFER
};
enum onnx_emit_rule {
  EMIT_NOTHING,
  EMIT_MAP,      /* elementwise, over the output */
  EMIT_PLAIN,    /* the same; what it reads is no weight but for what its row says */
  EMIT_QUANTISE, /* the same; a weight stays one */
  EMIT_OVER,     /* the same over the first operand: reductions */
  EMIT_VIEW,     /* no work */
  EMIT_MOVE,     /* copies what it puts out */
  EMIT_FILTER,
  EMIT_UNFILTER, /* transposed convolution */
  EMIT_PRODUCT,
  EMIT_NORM,
  EMIT_POOL,
  EMIT_TABLE,
  EMIT_RECURRENT,
  EMIT_FOURIER, /* elementwise, as often as a fast transform of that length passes over its operand */
  /* several ops for one node (onnx_emit_attention.c, onnx_emit_joined.c) */
  EMIT_ATTENTION,
  EMIT_SKIP_NORM,
  EMIT_EMBED_NORM,
  EMIT_EXPERTS
};
enum { ONNX_WEIGHTS_BY_RULE = -1 };
struct onnx_operator {
  const char *name;
  enum op_kind kind;
  enum onnx_infer_rule infer;
  enum onnx_emit_rule emit;
  int32_t weights; /* bit i: operand i is a weight; ONNX_WEIGHTS_BY_RULE: as others of its rule of work */
};
/* By its domain, which is ONNX's own (NULL, "", "ai.onnx") or com.microsoft; NULL: there is no row for it. */
const struct onnx_operator *onnx_find_operator(const char *domain, const char *type);
/* All rows: those of ONNX, then those of com.microsoft, which begin at `n_standard`. */
const struct onnx_operator *onnx_operators(size_t *n, size_t *n_standard);

/* Walks the wire format; true if it may be parsed. */
bool onnx_scan(const char *file, const uint8_t *bytes, size_t n, struct error *error);
/* Parses, resolves names, orders nodes. */
bool onnx_read(const char *file, const uint8_t *bytes, size_t n, struct arena *arena, struct onnx_graph *graph,
               struct error *error);
/* Writes the graphs inside a node, or the function that it calls, out as nodes behind those that there are. */
bool onnx_inline(struct onnx_graph *graph, uint32_t index, struct onnx_notes *notes, struct error *error);
/* Room for n nodes more: the first of them. */
uint32_t onnx_new_nodes(struct onnx_graph *graph, size_t n);
/* How surely an operand of such an operator (NULL: unknown) is a weight. */
enum { PLACE_NONE, PLACE_IF_STORED, PLACE_PERHAPS, PLACE_SURE };
int onnx_weight_place(const struct onnx_operator *op, size_t operand);
/* Tells data from weights, binds symbols, finds every shape, folds constants. */
bool onnx_infer(struct onnx_graph *graph, const struct onnx_request *request, struct onnx_notes *notes,
                struct error *error);
/* The values of a node whose operands are constants; nothing if they are too many or not known. */
void onnx_fold(struct onnx_graph *graph, const struct onnx_node *node);
/* Decomposed norms and activations: marks their nodes. */
void onnx_patterns(struct onnx_graph *graph, struct onnx_notes *notes);
/* The ops of what is left, into the emitter's builder; n_folded … of `notes` are set already. */
bool onnx_emit(const struct onnx_graph *graph, struct emitter *emitter, struct error *error);

/* Names that a graph has, within those of the graph around it. */
struct onnx_scope {
  const struct onnx_scope *outer; /* NULL: the file's graph, or a function */
  const struct onnx_node *caller; /* of a function: has the attributes that its nodes refer to */
  const char *within;             /* name of the node that it is inside of, NULL: none */
  size_t n_held, n_slots;         /* names, places of the hash table (a power of two) */
  struct onnx_slot {
    const char *name; /* NULL: empty */
    uint32_t value;
  } * slots;
};

/* A table for so many names. */
struct onnx_scope *onnx_scope_new(struct arena *arena, const struct onnx_scope *outer, size_t n_names);
/* Binds a name, which must fit; false if it is there already. */
bool onnx_scope_bind(struct onnx_scope *scope, const char *name, uint32_t value);
/* The value of a name here or further out; false if there is none. */
bool onnx_scope_find(const struct onnx_scope *scope, const char *name, uint32_t *value);

const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name);
int64_t onnx_int(const struct onnx_node *node, const char *name, int64_t fallback);
/* Element i of a list of integers, `fallback` if there is none. */
int64_t onnx_ints_at(const struct onnx_node *node, const char *name, size_t i, int64_t fallback);
/* The value of operand i, NULL if it is left out. */
struct onnx_value *onnx_operand(const struct onnx_graph *graph, const struct onnx_node *node, size_t i);
/* "file: node 3 'name' (Conv): message"; returns false. */
bool onnx_reject(const struct onnx_graph *graph, const struct onnx_node *node, struct error *error, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

#endif

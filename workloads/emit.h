/* How does a generator state an op in one line?
 *
 * An emitter turns what a model says (this product, that norm over these elements) into complete ops: dimensions,
 * bytes, parameters and a name behind the prefix of its layer. Products are checked: the first op that does not fit
 * 64 bits is remembered and reported by emitter_finish, so that generators need no test of their own. */
#ifndef WORKLOADS_EMIT_H
#define WORKLOADS_EMIT_H

#include "base/error.h"
#include "workloads/op_graph.h"
#include "workloads/workload.h"

/* The largest dimension of a model file (workloads §1: 1…2³¹−1). */
#define EMIT_MAX_DIMENSION 2147483647.0
/* Integers of an input (token identities, table rows, targets) and losses take four bytes whatever the element is. */
enum { EMIT_INDEX_BYTES = 4, EMIT_LOSS_BYTES = 4, EMIT_NAME_BYTES = 96, EMIT_MAX_OPERANDS = 4096 };

/* What an op put out, or the part of it that a later op reads. */
struct tensor {
  uint32_t op;       /* that made it */
  uint8_t rank;      /* number of dimensions, batch among them */
  uint8_t bytes;     /* of one element */
  uint64_t elements; /* of the whole batch */
  uint64_t row;      /* last dimension */
};

struct emitter {
  struct graph_builder *builder;
  uint64_t batch, element_bytes, macs;
  enum op_split split;          /* of the ops to come */
  uint32_t layer;               /* of the ops to come; OP_ABSENT outside a repeated block */
  char prefix[EMIT_NAME_BYTES]; /* of their names, e.g. "layer3." */
  bool frozen;                  /* parameters of the ops to come are not trained */
  bool overflow;
  char overflow_at[2 * EMIT_NAME_BYTES]; /* name of the first op that does not fit */
};

void emitter_init(struct emitter *emitter, const struct generation *generation);
/* False, with a message, if an op or the sum of all multiply-accumulates did not fit 64 bits. */
bool emitter_finish(const struct emitter *emitter, const struct generation *generation, struct error *error);
/* The ops to come belong to block `layer` and are named behind "<part><number>.", or "<part>." if `number` is
 * OP_ABSENT. */
void emit_enter(struct emitter *emitter, uint32_t layer, const char *part, uint32_t number);
void emit_leave(struct emitter *emitter);
/* a · b; what does not fit is remembered. */
uint64_t emit_product(struct emitter *emitter, uint64_t a, uint64_t b);

/* A data input. */
struct tensor emit_input(struct emitter *emitter, const char *name, uint64_t elements, uint64_t row, uint8_t bytes);

/* reps × C[m,n] = A[m,k]·B[k,n] */
struct gemm {
  uint64_t reps, m, n, k;
  uint64_t n_bias;     /* parameters besides the matrices; the addition is part of the product */
  uint32_t group;      /* weight_group, OP_ABSENT if the weights are this op's alone */
  bool borrowed;       /* an earlier op of the group owns the weights */
  uint64_t n_borrowed; /* or only so many of them */
  uint8_t rank;        /* of the product */
};
/* The second operand is a parameter. */
struct tensor emit_gemm(struct emitter *emitter, const char *name, struct tensor a, const struct gemm *gemm);
/* Both operands are activations. */
struct tensor emit_matmul(struct emitter *emitter, const char *name, struct tensor a, struct tensor b,
                          const struct gemm *gemm);

/* A convolution of `x` with its bounds in `dim` (op.h; DIM_GROUPS = channels: depthwise). An output of height 0 means
 * that the filter does not fit: to be judged by the caller. */
struct tensor emit_conv(struct emitter *emitter, const char *name, struct tensor x, const uint64_t dim[OP_DIMS],
                        bool bias);
/* The same filters as all others of `group`, of which the first owns them. */
struct tensor emit_shared_conv(struct emitter *emitter, const char *name, struct tensor x, const uint64_t dim[OP_DIMS],
                               bool bias, uint32_t group, bool borrowed);

/* An op of the vector cores. */
struct vector_op {
  enum op_kind kind;
  uint64_t n_lanes;      /* elements the lanes work on; 0: as many as `out` has */
  uint64_t window;       /* filter area of pooling */
  uint64_t n_inside;     /* outputs of pooling windows that need no padding; 0: all */
  uint64_t n_channels;   /* batch norm: a row of the op is a channel's elements in all images; 0: rows as in `out` */
  uint64_t n_parameters; /* owned */
  uint64_t n_weights;    /* parameters read, e.g. the rows of a table that are used */
  uint64_t n_constants;  /* elements read of a table that is neither parameter nor activation */
  uint32_t group;        /* weight_group */
  bool borrowed;
  struct tensor out; /* its shape; `op` is filled in; bytes 0: the element of the request */
};
struct tensor emit_vector(struct emitter *emitter, const char *name, const struct vector_op *vector,
                          const struct tensor *operands, size_t n_operands);
/* One operand, an output of its shape: activations, dropout, softmax, scale, mask. */
struct tensor emit_map(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x);
/* The same with parameters: norms of rows. */
struct tensor emit_norm(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x,
                        uint64_t n_parameters);
/* A norm of channels, with a scale and a shift each. */
struct tensor emit_batch_norm(struct emitter *emitter, const char *name, struct tensor x, uint64_t n_channels);
/* Two operands, the smaller one broadcast. */
struct tensor emit_join(struct emitter *emitter, enum op_kind kind, const char *name, struct tensor x, struct tensor y);
/* Operands laid side by side, or a part of one, without any work (OP_VIEW). */
struct tensor emit_view(struct emitter *emitter, const char *name, struct tensor out, const struct tensor *operands,
                        size_t n_operands);
/* Cross-entropy of logits against `n_targets` integers: one fp32 number a target. */
void emit_loss(struct emitter *emitter, struct tensor logits, uint64_t n_targets);
/* Any op: names it, checks its counts, adds it. */
uint32_t emit_op(struct emitter *emitter, const char *name, struct op *op, const struct tensor *operands,
                 size_t n_operands);

/* "file:line: key: message"; returns false. */
bool generation_reject(const struct generation *generation, const char *key, struct error *error, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));

#endif

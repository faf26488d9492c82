/* What is one operator?
 *
 * A kind, a phase, loop bounds whose meaning is a table per shape family, and the bytes it moves. Nothing here knows
 * hardware: what an operator costs is the business of arch/. Kinds and their fixed properties are one list,
 * op_kinds.def. Sources: accelerator-search §3–4, workloads §2 and §6 (by section of our specification). */
#ifndef WORKLOADS_OP_H
#define WORKLOADS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forward, input gradient, weight gradient, parameter update. */
enum op_phase { PHASE_FORWARD, PHASE_BACKWARD_DATA, PHASE_BACKWARD_WEIGHT, PHASE_UPDATE, N_PHASES };

/* What a kind runs on. A depthwise convolution may run on either kind of core; the cost decides. NONE takes no time
 * and is contracted before scheduling. */
enum op_class { CLASS_NONE, CLASS_TENSOR, CLASS_VECTOR, CLASS_LINK };

/* Families of loop bounds: the meaning of `dim`. */
enum op_family {
  FAMILY_NONE,
  FAMILY_GEMM,      /* DIM_REPS × C[M,N] = A[M,K]·B[K,N] */
  FAMILY_CONV,      /* forward bounds in every phase; the phase says which of the three products it is */
  FAMILY_ATTENTION, /* products, softmax and product in one, forward bounds in both phases */
  FAMILY_VECTOR,    /* elementwise, rows, reductions, pooling, tables, optimizer, loss */
  FAMILY_LINK,      /* collectives */
};

enum { OP_DIMS = 12 };
/* FAMILY_GEMM */
enum { DIM_REPS, DIM_M, DIM_N, DIM_K };
/* FAMILY_CONV: images, input channels, input height and width, output channels, filter, stride, padding, groups.
 * Depthwise: groups = channels = output channels. Dilation is 1 in every shipped network. A transposed convolution has
 * the bounds of the convolution whose input gradient it computes: what that one calls its input is the output here. */
enum {
  DIM_IMAGES,
  DIM_IN_CHANNELS,
  DIM_IN_HEIGHT,
  DIM_IN_WIDTH,
  DIM_OUT_CHANNELS,
  DIM_FILTER_HEIGHT,
  DIM_FILTER_WIDTH,
  DIM_STRIDE,
  DIM_PAD_HEIGHT,
  DIM_PAD_WIDTH,
  DIM_GROUPS,
  DIM_DILATION
};
/* FAMILY_ATTENTION: reps (heads × samples) of softmax(Q[M,K]·Kᵀ[K,N])·V[N,K]: M queries, N keys, K the width of a head;
 * and whether query i sees only the first i + 1 + N − M keys (0, 1); how many heads share one K and V (0: 1); how many
 * masks and biases are added to the scores; whether they are dropped out (0, 1); the width of V and of the output where
 * it is another (0: K). */
enum { DIM_CAUSAL = DIM_K + 1, DIM_KEY_SHARERS, DIM_ADDENDS, DIM_DROPOUT, DIM_VALUE_SIZE };
/* FAMILY_VECTOR: elements the lanes work on (of the output, or of the input where that is larger: reductions, pooling
 * forward counts outputs); length of a row (last dimension; softmax, norms, reductions; of a batch norm a channel's
 * elements in all images) or 0; for pooling the filter area; for two-operand kinds the sizes and ranks of both operands
 * (0 where it has fewer), which `compat` costs need. */
enum { DIM_ELEMENTS, DIM_ROW, DIM_WINDOW, DIM_X_ELEMENTS, DIM_X_RANK, DIM_Y_ELEMENTS, DIM_Y_RANK, DIM_OPERANDS };
/* Pooling: outputs of windows inside the image, without padding, which `compat` counts; 0: DIM_ELEMENTS. */
enum { DIM_INSIDE = DIM_OPERANDS + 1 };
/* FAMILY_LINK: bytes of the full tensor (of an all-to-all: of what one rank holds), ranks, and how far neighbours of
 * the group lie apart in the job's numbering of devices (0: 1). */
enum { DIM_BYTES, DIM_RANKS, DIM_RANK_STRIDE };

/* What must survive until the backward pass (workloads §6). */
enum op_keep {
  KEEP_NONE,
  KEEP_INPUT,    /* the first operand */
  KEEP_OPERANDS, /* every operand */
  KEEP_OUTPUT,
  KEEP_ALL, /* the operands that carry gradients, and the output */
  KEEP_MASK /* one byte an output element of its own */
};

/* As a link of a fused chain (accelerator-search §3, "Fusion"). */
enum op_fusion {
  FUSE_NONE,
  FUSE_COMPLEX,
  FUSE_ACTIVATION,
  FUSE_ELEMENTWISE,
  FUSE_REDUCTION,
  FUSE_NORM,
  FUSE_DROPOUT,
  FUSE_TRANSFORM
};

enum op_kind {
#define OP_KIND(id, name, class, family, keep, fusion) OP_##id,
#include "workloads/op_kinds.def"
#undef OP_KIND
  N_OP_KINDS
};

/* How an op's work spreads over the devices of a group (split.h). Generators say so; ops of imported graphs and of
 * other networks are of no known part. Neither cost nor digest depends on it. */
enum op_split {
  SPLIT_UNKNOWN,
  SPLIT_TOKENS,    /* rows of tokens as wide as the model: norms, dropout, residuals, routers */
  SPLIT_TOKEN_IDS, /* one number a token, which every rank of a tensor group reads */
  SPLIT_TABLE,     /* embedding: rows of the vocabulary */
  SPLIT_QKV,       /* matrix: columns of heads */
  SPLIT_QUERY,     /* matrix: the same of attention to other tokens, whose keys and values are another's: */
  SPLIT_KEY_VALUE,
  SPLIT_ROTARY,        /* queries and keys: rotary positions, norms of heads */
  SPLIT_PACKED,        /* elementwise on a row of queries, keys and values */
  SPLIT_HEADS,         /* elementwise on a row of all heads */
  SPLIT_SCORES,        /* product of queries and keys */
  SPLIT_DISTANCES,     /* a number a pair of tokens, of which each rank takes its heads: learned biases of scores */
  SPLIT_WEIGHTS,       /* scores until they weigh the values: scale, bias, mask, softmax, dropout */
  SPLIT_VALUES,        /* product of scores and values */
  SPLIT_PROJECTION,    /* matrix: rows of heads */
  SPLIT_COLUMN,        /* matrix: columns of the feed-forward width */
  SPLIT_INNER,         /* elementwise on the feed-forward width */
  SPLIT_ROW,           /* matrix: rows of the feed-forward width */
  SPLIT_DISPATCH,      /* tokens laid out by expert */
  SPLIT_EXPERT_COLUMN, /* the same as above of each expert */
  SPLIT_EXPERT_INNER,
  SPLIT_EXPERT_ROW,
  SPLIT_RETURN, /* and back to their places */
  SPLIT_LOGITS, /* matrix: columns of the vocabulary */
  SPLIT_LOSS,
  /* what splits put in between */
  SPLIT_ENTER,        /* every rank of a tensor group gets all tokens */
  SPLIT_LEAVE,        /* and their partial sums are added up */
  SPLIT_EXPERT_ENTER, /* the same before and behind the matrices of experts */
  SPLIT_EXPERT_LEAVE,
  SPLIT_LOSS_SUM,
  SPLIT_KEYS,     /* keys and values of the whole sequence */
  SPLIT_EXCHANGE, /* tokens to the ranks of their experts, and back */
  N_OP_SPLITS
};

struct op_kind_info {
  const char *name;
  enum op_class class;
  enum op_family family;
  enum op_keep keep;
  enum op_fusion fusion;
};
extern const struct op_kind_info op_kinds[N_OP_KINDS];
extern const char *const op_phase_names[N_PHASES]; /* "forward", "backward-data", … */

#define OP_ABSENT UINT32_MAX

/* A follower of a fused head: its lane work stays, its own round trip to memory is gone. */
struct op_follower {
  uint8_t kind, phase;
  uint64_t elements, row;
};

struct op {
  uint8_t kind;          /* enum op_kind */
  uint8_t phase;         /* enum op_phase */
  uint8_t element_bytes; /* of the tensors it reads and writes */
  uint8_t split;         /* enum op_split */
  bool weighted;         /* FAMILY_GEMM: the second operand is a parameter, not an activation */
  uint32_t layer;        /* number of the repeated block, OP_ABSENT outside */
  uint32_t mirror;       /* B, W, U: the forward op it belongs to; F: OP_ABSENT */
  uint32_t name;         /* offset into op_graph.names */
  uint32_t shape;        /* ops that cost the same share it: see op_graph.shape_op */
  uint32_t weight_group; /* ops of one group share one parameter, which its first op owns: one W and one U for all of
                          * them (steps of a recurrence, tied tables); OP_ABSENT: the op is alone */
  uint32_t first_follower, n_followers; /* in op_graph.followers; set by the builder */
  uint64_t dim[OP_DIMS];
  uint64_t n_parameters; /* trainable, owned by this op; a tied table is owned once */
  uint64_t n_frozen;     /* held like them, but not trained: has no gradient and no state */
  uint64_t in_bytes;     /* activations (or gradients) read, each operand once; weights not included */
  uint64_t weight_bytes; /* weights (and optimizer state) read or written */
  uint64_t out_bytes;    /* written, masks included */
  uint64_t kept_bytes;   /* of this op's output (and mask) that stays for the backward pass; set by training_expand */
};

/* An op of PHASE_FORWARD whose layer, mirror and weight_group are OP_ABSENT and whose other fields are 0. */
struct op op_new(enum op_kind kind, uint64_t element_bytes);
/* The phase of the convolution that a FAMILY_CONV op is as a product: a transposed one runs another's passes the other
 * way round. */
enum op_phase op_conv_phase(const struct op *op);
/* Queries × keys of a FAMILY_ATTENTION op that see each other, over all reps; saturating. */
uint64_t op_attention_scores(const struct op *op);
/* Width of its values. */
static inline uint64_t op_value_size(const struct op *op) {
  return op->dim[DIM_VALUE_SIZE] > 0 ? op->dim[DIM_VALUE_SIZE] : op->dim[DIM_K];
}
/* Whether it was put in by a split, and is no op of the model. */
static inline bool op_is_split_link(const struct op *op) { return op->split >= SPLIT_ENTER; }
/* Whether its parameters belong to experts, each of which lies on one rank of an expert group. */
static inline bool op_is_expert(const struct op *op) {
  return op->split >= SPLIT_EXPERT_COLUMN && op->split <= SPLIT_EXPERT_ROW;
}
/* Multiply-accumulates of a TENSOR op (0 for others); UINT64_MAX if it does not fit. Attention recomputes its scores
 * backwards: five products instead of four. */
uint64_t op_macs(const struct op *op);
/* Output height and width of a FAMILY_CONV op; 0 if the filter does not fit the padded input. */
uint64_t op_conv_out_height(const struct op *op);
uint64_t op_conv_out_width(const struct op *op);

#endif

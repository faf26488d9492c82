/* Operators in topological order with their edges, const once built.
 *
 * Predecessors and successors lie in compressed rows. A graph is made by a builder, which accepts ops only after their
 * predecessors, so that every graph is acyclic and in topological order by construction. */
#ifndef WORKLOADS_OP_GRAPH_H
#define WORKLOADS_OP_GRAPH_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "workloads/op.h"

/* What splits must know of a transformer: sizes of the whole model, and how its ops have been split already. All 0: no
 * transformer, or nothing is known. */
struct split_facts {
  uint64_t layers, samples, sequence, hidden, heads, kv_heads, head_size, ffn, vocab, experts, top_k;
  double capacity_factor;           /* 0: unbounded */
  bool image;                       /* a class token beside the patches: no sequence to share */
  bool pair;                        /* two sequences, `sequence` the first's: they cannot be shared alike */
  bool latent;                      /* latent attention: keys and values lie apart, in widths of their own */
  uint64_t dense_layers, dense_ffn; /* without experts among others, and the width of their networks; 0: none */
  uint64_t tensor, context, expert; /* degrees; 0: not split */
  bool sequence_parallel, pad_heads;
};

struct op_graph {
  size_t n_ops, n_edges, n_followers, n_shapes;
  const struct op *ops;
  const struct op_follower *followers;
  const uint32_t *pred_start, *preds; /* preds of i: preds[pred_start[i] … pred_start[i+1]), in operand order */
  const uint64_t *pred_bytes;         /* bytes on the edge, parallel to preds */
  const uint32_t *succ_start, *succs; /* in increasing order */
  const uint32_t *shape_op;           /* n_shapes: the first op of each distinct shape */
  const char *names;                  /* NUL-separated; ops[i].name is an offset */
  struct digest digest;               /* of everything above but the names, and of no derived field */
  struct split_facts facts;
};

static inline const char *op_name(const struct op_graph *graph, size_t i) { return graph->names + graph->ops[i].name; }

enum { OP_GRAPH_MAX_OPS = 1000000, OP_GRAPH_MAX_EDGES = 8000000 };

struct graph_builder; /* lives in the arena given to graph_builder_new */

/* `scratch` holds the builder and is not needed after graph_builder_finish. */
struct graph_builder *graph_builder_new(struct arena *scratch);
/* Adds an op behind its predecessors (all < the returned index; duplicates allowed: a·a has two operands) and returns
 * its index. `name` is copied. Edge bytes are the predecessor's out_bytes. `mirror` must be an earlier op or
 * OP_ABSENT. */
uint32_t graph_builder_add(struct graph_builder *builder, const struct op *op, const char *name, const uint32_t *preds,
                           size_t n_preds);
/* The op as added, to complete it (not its place in the graph). */
struct op *graph_builder_op(struct graph_builder *builder, uint32_t index);
size_t graph_builder_count(const struct graph_builder *builder);
void graph_builder_set_facts(struct graph_builder *builder, const struct split_facts *facts);
/* Followers of the op added next: they are recorded in order and tied to it by graph_builder_add. */
void graph_builder_follow(struct graph_builder *builder, const struct op_follower *follower);
/* Lays the graph out in `arena`, finds distinct shapes, digests. STATUS_INPUT if there are too many ops or edges. */
bool graph_builder_finish(struct graph_builder *builder, struct arena *arena, struct op_graph *graph,
                          struct error *error);

/* Totals over a graph; saturating. */
struct graph_totals {
  uint64_t parameters, frozen_parameters;
  uint64_t macs[N_PHASES]; /* of tensor ops (depthwise included), by phase */
  uint64_t stash_bytes;    /* Σ kept_bytes; 0 before training_expand */
  size_t ops[N_PHASES];    /* without CLASS_NONE */
};
void graph_totals(const struct op_graph *graph, struct graph_totals *totals);

/* Contracts ops of CLASS_NONE (inputs, views): their predecessors become the predecessors of their successors, their
 * parameters go nowhere (an unused parameter of an imported graph), their kept bytes are added to *free_kept_bytes. An
 * edge through a view carries no more bytes than the view. */
bool graph_contract(const struct op_graph *graph, struct arena *arena, struct arena *scratch, struct op_graph *out,
                    uint64_t *free_kept_bytes, struct error *error);

#endif

/* Which pieces does a model fall into, and what does each compute in every phase of training?
 *
 * A chain of blocks: what lies before the repeated layers, each layer, what lies behind; where a graph has no layers,
 * the pieces between operators through which everything passes. Between two neighbours goes one tensor (and its
 * gradient back). Equal blocks are one block. Phases of a block are graphs of their own, so that a pipeline's stage
 * takes Σ over its blocks: a layer waits for the one before anyway. (accelerator-search §9, workloads §6–8.) */
#ifndef WORKLOADS_BLOCK_H
#define WORKLOADS_BLOCK_H

#include "workloads/training.h"

enum recompute { RECOMPUTE_NONE, RECOMPUTE_SELECTIVE, RECOMPUTE_FULL, N_RECOMPUTES };
extern const char *const recompute_names[]; /* ends with NULL */

enum block_phase {
  BLOCK_FORWARD,
  BLOCK_BACKWARD,      /* both gradients, as they may overlap */
  BLOCK_BACKWARD_DATA, /* alone, for schedules that tear them apart */
  BLOCK_BACKWARD_WEIGHT,
  BLOCK_UPDATE,
  BLOCK_SELECTIVE, /* what selective recomputation computes again: QKᵀ, softmax, its dropout, and AV (workloads §7) */
  N_BLOCK_PHASES
};
extern const char *const block_phase_names[N_BLOCK_PHASES];

struct block {
  const char *name;                      /* "embedding", "layer", "head", or of its first op */
  struct op_graph forward;               /* of one device; what enters is an input that carries gradients */
  struct op_graph phase[N_BLOCK_PHASES]; /* contracted (and fused), ready for a stage; n_ops 0: nothing to do */
  uint64_t in_bytes, out_bytes; /* of the tensor from the block before and to the next, on this device; 0 at the ends */
  uint64_t parameters;          /* owned here, those of experts included */
  uint64_t expert_parameters;   /* of them, those of experts */
  uint64_t frozen_parameters;   /* besides them: held, but not trained */
  uint64_t borrowed_parameters; /* of a tied table that an earlier block owns; a stage of its own needs a copy */
  uint64_t kept_bytes[N_RECOMPUTES];    /* for the backward pass, a microbatch; of the input what nobody before keeps */
  uint64_t shared_bytes;                /* of the input it needs for the backward pass, what the block before keeps for
                                           itself as well: a stage that begins here keeps them besides, unless it
                                           recomputes in full */
  uint64_t working_bytes[N_RECOMPUTES]; /* most that one op needs besides; with recomputation also what has come back
                                           while the block runs backwards */
  bool recomputes; /* full recomputation runs it forward again: neither what comes last, whose backward pass follows
                      at once (workloads §10: the head is not repeated), nor what keeps less than its input. With full
                      recomputation such a block keeps what it keeps without, and shared_bytes */
  uint64_t macs[N_PHASES];
};

struct block_chain {
  size_t n_blocks; /* distinct, in order of first place */
  struct block *blocks;
  size_t n_places;          /* of the model: 1 + layers + 1 */
  const uint32_t *block_at; /* [n_places] */
};

/* Cuts one device's forward graph and expands each distinct block. `settings->update` and `->fusion` are followed;
 * `keep_all_phases` false: BACKWARD_DATA and _WEIGHT stay empty. A graph with a tensor that skips a cut (an encoder's
 * output read by every decoder layer) is not cut there. */
bool block_chain_make(const struct op_graph *forward, const struct training_settings *settings, bool keep_all_phases,
                      struct arena *arena, struct arena *scratch, struct block_chain *chain, struct error *error);

#endif

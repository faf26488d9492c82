/* The graphs of one block, cut out of the model's. Used by block.c alone. */
#ifndef WORKLOADS_BLOCK_GRAPHS_H
#define WORKLOADS_BLOCK_GRAPHS_H

#include "workloads/attention_fusion.h"
#include "workloads/block.h"
#include "workloads/block_cut.h"

/* What blocks are cut out of. */
struct block_source {
  const struct op_graph *forward;
  const struct rules_flags *flags; /* of it */
  struct block_cut cut;
  struct attention_marks dropped; /* by selective recomputation */
  /* The training step of the whole model; the forward ops are at their old places. An op's `layer` is a label that no
   * two places share. */
  struct op_graph training;
  struct op_graph fused;                  /* the same with chains fused; equal to it without fusion */
  const uint32_t *place_of_label;         /* of each label */
  const uint32_t *label_of_forward;       /* of each forward op */
  const uint32_t *member_start, *members; /* [n_places + 1], [fused.n_ops] ops of `fused` of each place, in order */
  const uint32_t *group_of_forward;       /* [forward->n_ops] weight groups, numbered from 0; OP_ABSENT: none */
  /* Room for one cut at a time: an index for each op, all OP_ABSENT in between; and for each weight group the last
   * place that met it, with its number there. */
  uint32_t *index, *group_number;
  size_t *group_place;
  size_t n_groups;
};
/* Expands, labels and fuses; `forward`, `flags`, `cut` and `dropped` are given. All in `arena`. */
bool block_source_expand(struct block_source *source, const struct training_settings *settings, struct arena *arena,
                         struct arena *scratch, struct error *error);

/* A block's forward ops, with an input in place of each tensor from elsewhere. */
struct block_forward {
  struct op_graph graph;
  const uint32_t *from;      /* [n_ops] the op of the model, OP_ABSENT for the stand-ins */
  struct rules_flags *flags; /* [n_ops] as they are in the whole model */
  uint32_t entering;         /* the stand-in for the tensor of the block before; OP_ABSENT in the first */
};
/* The graph in `arena`, the rest in `scratch`. */
bool block_forward_cut(struct block_source *source, size_t place, struct arena *arena, struct arena *scratch,
                       struct block_forward *forward, struct error *error);

/* The ops of one phase, contracted, in `arena`; without ops and rows where there are none. */
bool block_phase_cut(struct block_source *source, size_t place, enum block_phase phase, enum fusion fusion,
                     struct arena *arena, struct arena *scratch, struct op_graph *graph, struct error *error);

#endif

/* Weight gradients and updates, and the state that the walk of training.c shares with them. */
#ifndef WORKLOADS_TRAINING_WEIGHTS_H
#define WORKLOADS_TRAINING_WEIGHTS_H

#include "workloads/training.h"
#include "workloads/training_rules.h"

struct link {
  uint32_t op, next; /* of the new graph; place in expansion.links */
  bool partial;      /* a slice of the tensor */
};
struct link_list {
  uint32_t first, last; /* valid if n > 0 */
  size_t n;
};

struct expansion {
  const struct op_graph *forward;
  const struct training_settings *settings;
  struct arena *scratch;
  struct graph_builder *builder; /* the forward ops come first, at their old places */
  struct rules_flags *flags;
  struct link_list *gradients; /* of each forward op's tensor */
  struct link_list *finals;    /* of the first op of each weight group: its finished weight gradients */
  struct link *links;
  size_t n_links, links_held;
  uint32_t *members;     /* owners of weights, those of a group side by side, in order */
  uint32_t *group_end;   /* of the group that starts at this place in `members` */
  uint32_t *group_start; /* of each forward op: place in `members`, OP_ABSENT without weights */
  uint32_t n_members;
  uint32_t *gathered; /* of each forward op that is gathered again: its second gathering; OP_ABSENT: none yet */
};

/* An op of the new graph on behalf of forward op `forward`: its layer, its mirror. */
struct op expansion_op(const struct expansion *x, enum op_kind kind, enum op_phase phase, size_t forward);
uint32_t expansion_add(struct expansion *x, const struct op *op, size_t forward, const char *suffix,
                       struct link_list preds);
void expansion_link(struct expansion *x, struct link_list *list, uint32_t op, bool partial);
/* Adds to `list` what op i must wait for to have its operands again: gatherings in `phase`, each made when the first
 * reader has its gradient and shared by all. */
void expansion_gather_again(struct expansion *x, size_t i, enum op_phase phase, struct link_list *list);

void weight_groups_init(struct expansion *x);
/* Called for active ops from the last to the first: when op i is the first active one of its group, adds the group's
 * weight gradients. */
void weight_gradients(struct expansion *x, size_t i);
/* One update for each group, with or without a gradient. */
void weight_updates(struct expansion *x);

#endif

/* From a forward graph to a whole training step.
 *
 * Adds backward-data, backward-weight and update ops by the table of accelerator-search §3, decides what each op keeps
 * (workloads §6), and optionally fuses. Laws that tests assert: a GEMM with weights has B = W = F MACs, a product of
 * two activations 2F and no W; CNNs 3× forward less the first layer's B; every parameter is updated once. */
#ifndef WORKLOADS_TRAINING_H
#define WORKLOADS_TRAINING_H

#include "base/config.h"
#include "workloads/op_graph.h"

enum optimizer { OPTIMIZER_SGD, OPTIMIZER_MOMENTUM, OPTIMIZER_ADAM };
/* Which operators run as one: none; by the public rule; as kernels of GPUs (fusion.c). */
enum fusion { FUSION_OFF, FUSION_COMPAT, FUSION_KERNELS };
/* Scores of attention through memory; kept on the chip; and those above the diagonal not computed either. */
enum attention { ATTENTION_SEPARATE, ATTENTION_FUSED, ATTENTION_CAUSAL };

/* What selective recomputation runs again: what lies between QKᵀ and AV; by operators (selective.c). */
enum selective { SELECTIVE_ATTENTION, SELECTIVE_OPERATORS };

struct training_settings {
  uint64_t optimizer;                  /* enum optimizer */
  uint64_t fusion;                     /* enum fusion */
  bool keep_statistics;                /* norms also keep 2 fp32 a row or channel */
  bool update;                         /* with U ops; off for all but the last microbatch */
  uint64_t gradient_bytes;             /* 2 or 4 */
  uint64_t master_bytes, moment_bytes; /* 4, 4 */
  uint64_t attention;                  /* enum attention */
  uint64_t selective;                  /* enum selective */
  uint64_t accumulate_bytes;           /* of a gradient summed over microbatches, 2 or 4; distributed training only */
  uint64_t bucket_mib;                 /* of gradients that are reduced together; distributed training only */
};
extern const struct field_table training_fields; /* group "training" of run files */

/* forward → forward + backward + update, with kept bytes. The forward ops come first, at their old places, unless
 * `settings->attention` fuses some of them first. Expand
 * before fusing and contracting: `settings->fusion` is for the caller. */
bool training_expand(const struct op_graph *forward, const struct training_settings *settings, struct arena *arena,
                     struct arena *scratch, struct op_graph *training, struct error *error);
/* Fuses chains inside a phase (accelerator-search §3), to a fixed point: head h and its only successor s where h is the
 * only predecessor of s but for weights, same layer, same phase: GEMM and conv absorb activations, elementwise ops,
 * norms, dropout and transformations; elementwise ops absorb elementwise ops, reductions and dropout. */
bool fusion_apply(const struct op_graph *graph, struct arena *arena, struct arena *scratch, struct op_graph *fused,
                  struct error *error);
/* The same by any rule but FUSION_OFF. */
bool fusion_apply_rule(const struct op_graph *graph, enum fusion rule, struct arena *arena, struct arena *scratch,
                       struct op_graph *fused, struct error *error);
/* Of each op the head of the chain that fusion_apply would put it into, itself if it stays alone. In `arena`. */
const uint32_t *fusion_heads(const struct op_graph *graph, struct arena *arena);
/* Bytes that parameters, gradients and optimizer state of one device take, per parameter (workloads §6). */
uint64_t training_bytes_per_parameter(const struct training_settings *settings, uint64_t weight_bytes);
/* Of them, the optimizer's: the master copy, unless the weight is one itself, and the moments. */
uint64_t training_optimizer_bytes(const struct training_settings *settings, uint64_t weight_bytes);

#endif

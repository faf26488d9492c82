/* How does a generator state a transformer's block?
 *
 * The parts that all transformers share, from a linear layer to a whole block; kinds that differ (encoder_decoder.c,
 * transformer_xl.c, mobilebert.c) put their own together of them. Names of ops are "<part>.<what>". */
#ifndef WORKLOADS_TRANSFORMER_BLOCK_H
#define WORKLOADS_TRANSFORMER_BLOCK_H

#include "workloads/emit.h"
#include "workloads/transformer.h"

enum { TRANSFORMER_GROUP_EMBEDDING, TRANSFORMER_GROUPS, TRANSFORMER_RANK_TOKENS = 3, TRANSFORMER_RANK_SCORES = 4 };

struct transformer_build {
  struct emitter emit;
  const struct transformer *model;
  uint64_t tokens, sequence; /* of the batch; of one sample */
  bool known;                /* the splits of ops are stated */
  bool two_readers;          /* the vocabulary's table has two, of whom the first owns it */
  bool table_borrowed;
  uint32_t bias_group; /* POSITION_RELATIVE: the table of this stack; its first user owns it */
  bool bias_borrowed;
};

/* For splits, which cannot read them off the ops. */
struct split_facts transformer_facts(const struct transformer_build *build);
/* What every generator starts with, once model, sequence and known are set. */
void transformer_start(struct transformer_build *build, struct generation *generation);

/* The ops to come are split like this. */
void transformer_tag(struct transformer_build *build, enum op_split split);
/* Rows of `width` elements, one a token. */
struct tensor transformer_rows(struct transformer_build *build, uint64_t width);
/* Every row of `x` through a matrix of n columns. */
struct tensor transformer_linear(struct transformer_build *build, const char *name, struct tensor x, uint64_t n,
                                 bool bias);
/* The same with so many biases. */
struct tensor transformer_product(struct transformer_build *build, const char *name, struct tensor x, uint64_t n,
                                  uint64_t n_bias);
/* A table of `n_rows` learned positions on top of `x`, the same for every sample; 0: positions that are no parameters.
 */
struct tensor transformer_positions(struct transformer_build *build, const char *name, struct tensor x,
                                    uint64_t n_rows);
/* An image of so many pixels a side and colours, cut into patches of the model's width: a convolution as wide as its
 * stride. */
struct tensor transformer_patches(struct transformer_build *build, uint64_t image, uint64_t channels, uint64_t patch,
                                  bool bias);
struct tensor transformer_norm(struct transformer_build *build, const char *name, struct tensor x);
struct tensor transformer_dropout(struct transformer_build *build, const char *name, struct tensor x);

/* Attention of one kind of tokens to another. */
struct transformer_heads {
  const char *part; /* begins the names of its ops: "attention" */
  struct tensor query, key, value;
  uint64_t n_queries, n_keys; /* of a sample */
  bool causal, relative;      /* masked; scores get a learned bias of positions instead of a scale */
};
/* Scores of all pairs. */
struct tensor transformer_scores(struct transformer_build *build, const struct transformer_heads *heads);
/* Scores → weights → what they make of the values, a row of all heads a query. */
struct tensor transformer_weigh(struct transformer_build *build, const struct transformer_heads *heads,
                                struct tensor scores);
/* Back to the width of the model. */
struct tensor transformer_project(struct transformer_build *build, const char *part, struct tensor context);
/* All of self-attention, from the packed product to the projection. */
struct tensor transformer_attention(struct transformer_build *build, struct tensor x);
/* The same through narrow vectors (latent_attention.c). */
struct tensor transformer_latent_attention(struct transformer_build *build, struct tensor x);
struct tensor transformer_feed_forward(struct transformer_build *build, struct tensor x);
/* All blocks, and the norm behind them. */
struct tensor transformer_blocks(struct transformer_build *build, struct tensor x);

/* One row of a table for each token; `input` names the integers. SPLIT_TABLE: the vocabulary's. */
struct tensor transformer_embed(struct transformer_build *build, const char *input, const char *name, uint64_t n_rows,
                                uint64_t width, enum op_split split);
/* Logits of `gemm` and their loss against `n_targets` integers. */
void transformer_loss(struct transformer_build *build, struct tensor x, const struct gemm *gemm, uint64_t n_targets);
/* Logits over the vocabulary from rows of embedding_width and their loss, by the embedding's table where it is tied. */
void transformer_vocabulary(struct transformer_build *build, struct tensor x);

#endif

/* What does a transformer's model file say?
 *
 * The settings of workloads §2.1 with the widths that follow from them; read by transformer_settings.c, turned into ops
 * by transformer.c. */
#ifndef WORKLOADS_TRANSFORMER_H
#define WORKLOADS_TRANSFORMER_H

#include "workloads/workload.h"

enum transformer_activation { ACTIVATION_GELU, ACTIVATION_RELU, ACTIVATION_RELU2, ACTIVATION_SILU };
enum transformer_norm { NORM_LAYER, NORM_RMS };
enum transformer_norm_place { PLACE_PRE, PLACE_POST, PLACE_BOTH };
enum transformer_position { POSITION_LEARNED, POSITION_ROTARY, POSITION_ALIBI, POSITION_NONE, POSITION_RELATIVE };
enum transformer_head { HEAD_LM, HEAD_MLM };
enum transformer_router { ROUTER_SOFTMAX, ROUTER_SIGMOID };

struct transformer {
  const char *kind;
  uint64_t layers, hidden, heads, kv_heads, head_size, ffn; /* 0 until transformer_check where the key was left out */
  uint64_t activation, norm, norm_place;                    /* enums above */
  bool score_cap, logit_cap;                                /* bent by tanh (Gemma 2) */
  bool no_key_bias;                                         /* whatever `bias` says */
  bool gated, final_norm, bias, qkv_bias, query_key_norm, parallel_block, dropout, causal;
  bool score_dropout, inner_dropout; /* on the weights of values; behind the feed-forward activation */
  uint64_t experts, top_k, shared_experts;
  uint64_t dense_layers, dense_ffn; /* without experts, at the front */
  uint64_t router;                  /* enum transformer_router */
  bool router_bias;
  uint64_t query_rank, key_value_rank, rotary_size, value_size; /* latent attention; key_value_rank 0: none */
  uint64_t lora_rank; /* 0: all is trained; else only two narrow matrices beside QKV and projection */
  bool lora_dropout;
  double capacity_factor; /* 0: unbounded */
  /* language models */
  uint64_t vocab, sequence, position, position_extra_rows, embedding_width, token_types, head;
  bool embedding_norm, tied, pooler;
  uint64_t position_buckets; /* POSITION_RELATIVE */
  /* sequence pairs; `layers` are the encoder's */
  uint64_t decoder_layers, source_length, target_length;
  uint64_t mels; /* 0: tokens are read; else so many bands of sound */
  /* Transformer-XL: tokens of the memory; groups of the vocabulary, and how many of 100 tokens lie in each but the
   * first */
  uint64_t memory;
  struct uint_list cutoffs, tail_percent;
  /* MobileBERT: the width inside a block, and feed-forward networks there */
  uint64_t bottleneck, feed_forwards;
  uint64_t first_layer; /* of its blocks, behind those of another tower */
  /* images */
  uint64_t image, patch, channels, classes;
};

extern const struct field_table decoder_fields, encoder_fields, vit_fields, encoder_decoder_fields,
    transformer_xl_fields, mobilebert_fields;

/* Fills in what the file left out and judges what a table of fields cannot; all mistakes at once. */
bool transformer_check(const struct generation *generation, struct transformer *model, struct error *error);

#endif

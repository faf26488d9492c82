/* Which keys does a transformer's model file have, and which values belong together?
 *
 * Source: workloads §2.1, the table of keys, and §1 (dimensions 1…2³¹−1, kv_heads divide heads, top_k ≤ experts). Zero
 * stands for "not given" where a default depends on another key. */
#include "workloads/emit.h"
#include "workloads/transformer.h"

static const char *const activations[] = {"gelu", "relu", "relu2", "silu", NULL};
static const char *const norms[] = {"layer", "rms", NULL};
static const char *const norm_places[] = {"pre", "post", "both", NULL};
static const char *const positions[] = {"learned", "rotary", "alibi", "none", NULL};
static const char *const routers[] = {"softmax", "sigmoid", NULL};
static const char *const heads[] = {"lm", "mlm", NULL};

#define NUMBER(name, least, default_text, doc)                                                                         \
  {                                                                                                                    \
#name, FIELD_UINT, "", least, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct transformer, name),           \
        ROLE_ANSWER, NULL                                                                                              \
  }
#define SWITCH(name, default_text, doc)                                                                                \
  { #name, FIELD_BOOL, "", 0, 0, default_text, doc, offsetof(struct transformer, name), ROLE_ANSWER, NULL }
#define CHOICE(name, choices, default_text, doc)                                                                       \
  { #name, FIELD_CHOICE, "", 0, 0, default_text, doc, offsetof(struct transformer, name), ROLE_ANSWER, choices }

#define LIST(name, least, most, default_text, doc)                                                                     \
  { #name, FIELD_UINT_LIST, "", least, most, default_text, doc, offsetof(struct transformer, name), ROLE_ANSWER, NULL }

#define KIND                                                                                                           \
  { "kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct transformer, kind), ROLE_ANSWER, NULL }
#define BLOCK_FIELDS                                                                                                   \
  NUMBER(layers, 1, NULL, "Blocks of attention and feed-forward."), NUMBER(hidden, 1, NULL, "Width between blocks."),  \
      NUMBER(heads, 1, NULL, "Query heads."), NUMBER(kv_heads, 0, "0", "Key and value heads; 0: as many as heads."),   \
      NUMBER(head_size, 0, "0", "Width of a head; 0: hidden/heads."),                                                  \
      NUMBER(ffn, 0, "0", "Width inside the feed-forward part; 0: four times hidden."),                                \
      SWITCH(gated, "false", "Three feed-forward matrices, the first gating the second."),                             \
      CHOICE(activation, activations, "\"gelu\"", "Feed-forward activation."),                                         \
      CHOICE(norm, norms, "\"layer\"", "Norm: with scale and offset, or with scale alone."),                           \
      CHOICE(norm_place, norm_places, "\"pre\"",                                                                       \
             "Norms before each part, after each residual, or before and behind each part."),                          \
      SWITCH(final_norm, "true", "A norm behind the last block."),                                                     \
      SWITCH(bias, "true", "Biases of the QKV, projection and both feed-forward products (one for all experts)."),     \
      SWITCH(qkv_bias, "false", "A bias of the QKV product, whatever `bias` says."),                                   \
      SWITCH(query_key_norm, "false", "An RMS norm of each head of queries and keys, one scale for all heads."),       \
      SWITCH(score_cap, "false", "Scores are bent by tanh before the softmax."),                                       \
      SWITCH(parallel_block, "false", "Attention and feed-forward read the same input."),                              \
      SWITCH(dropout, "true", "Dropout behind embedding, scores, projection and feed-forward."),                       \
      NUMBER(experts, 0, "0", "Feed-forward experts; 0: a dense model."),                                              \
      NUMBER(top_k, 0, "0", "Experts a token is sent to."), {                                                          \
    "capacity_factor", FIELD_REAL, "", 0, 1e9, "0", "Rows an expert takes over its even share; 0: unbounded.",         \
        offsetof(struct transformer, capacity_factor), ROLE_ANSWER, NULL                                               \
  }
/* As of DeepSeek-V3. */
#define LATENT_FIELDS                                                                                                  \
  NUMBER(shared_experts, 0, "0", "Experts that every token passes besides, as one matrix so many times as wide."),     \
      NUMBER(dense_layers, 0, "0", "Blocks at the front without experts."),                                            \
      NUMBER(dense_ffn, 0, "0", "Their feed-forward width; 0: ffn."),                                                  \
      CHOICE(router, routers, "\"softmax\"", "What makes weights of the router's scores."),                            \
      SWITCH(router_bias, "false", "A number an expert beside the router's scores."),                                  \
      NUMBER(query_rank, 0, "0", "Latent attention: width that queries pass through; 0: none."),                       \
      NUMBER(key_value_rank, 0, "0", "Width that keys and values pass through; 0: attention is not latent."),          \
      NUMBER(rotary_size, 0, "0", "Latent attention: part of head_size that turns, and that all keys share."),         \
      NUMBER(value_size, 0, "0", "Latent attention: width of a head's values; 0: head_size without rotary_size.")
/* As PEFT puts them in for MLPerf Training (github.com/mlcommons/training llama2_70b_lora). */
#define ADAPTER_FIELDS                                                                                                 \
  NUMBER(lora_rank, 0, "0",                                                                                            \
         "Low-rank adapters of this width beside the QKV product and the projection; all else is held, but not "       \
         "trained; 0: all is trained."),                                                                               \
      SWITCH(lora_dropout, "true", "Dropout of what an adapter reads.")
#define LANGUAGE_FIELDS(causal_default)                                                                                \
  KIND, BLOCK_FIELDS, NUMBER(vocab, 1, NULL, "Rows of the embedding."),                                                \
      NUMBER(sequence, 1, NULL, "Tokens of one sample."),                                                              \
      CHOICE(position, positions, "\"learned\"", "How positions enter."),                                              \
      NUMBER(position_extra_rows, 0, "0", "Rows of the learned position table besides the sequence's."),               \
      NUMBER(embedding_width, 0, "0", "Width of the embedding; 0: hidden; else two projections join them."),           \
      SWITCH(embedding_norm, "false", "A norm behind the embedding."),                                                 \
      SWITCH(tied, "true", "The logits use the embedding's table."),                                                   \
      NUMBER(token_types, 0, "0", "Rows of a second embedding."),                                                      \
      SWITCH(pooler, "false", "A pooler's parameters; masked-token training leaves them unused."),                     \
      SWITCH(logit_cap, "false", "Logits are bent by tanh."),                                                          \
      CHOICE(head, heads, "\"lm\"", "Next-token or masked-token logits, either on every token."),                      \
      SWITCH(causal, causal_default, "Tokens see only what came before them.")

static const struct field decoder_field_list[] = {LANGUAGE_FIELDS("true"), LATENT_FIELDS, ADAPTER_FIELDS};
static const struct field encoder_field_list[] = {LANGUAGE_FIELDS("false")};
static const struct field vit_field_list[] = {
    KIND,
    BLOCK_FIELDS,
    NUMBER(image, 1, "224", "Height and width of an image."),
    NUMBER(patch, 1, "16", "Height and width of a patch, which must divide the image."),
    NUMBER(channels, 1, "3", "Colours of an image."),
    NUMBER(classes, 1, "1000", "Outputs of the classifier."),
    SWITCH(causal, "false", "Tokens see only what came before them."),
};
static const struct field encoder_decoder_field_list[] = {
    KIND,
    NUMBER(layers, 1, NULL, "Blocks of the encoder."),
    NUMBER(decoder_layers, 0, "0", "Blocks of the decoder; 0: as many as the encoder's."),
    NUMBER(hidden, 1, NULL, "Width between blocks."),
    NUMBER(heads, 1, NULL, "Heads, of either side."),
    NUMBER(head_size, 0, "0", "Width of a head; 0: hidden/heads."),
    NUMBER(ffn, 0, "0", "Width inside the feed-forward part; 0: four times hidden."),
    SWITCH(gated, "false", "Three feed-forward matrices, the first gating the second."),
    CHOICE(activation, activations, "\"relu\"", "Feed-forward activation."),
    SWITCH(dropout, "true", "Dropout behind embedding, scores, projection, activation, feed-forward and last norm."),
    NUMBER(vocab, 1, NULL, "Rows of the embedding, which both sides share."),
    SWITCH(tied, "true", "The logits use the embedding's table."),
    NUMBER(position_buckets, 1, "32", "Classes of distances between tokens, each with a learned bias a head."),
    NUMBER(source_length, 1, "512", "Tokens that are read."),
    NUMBER(mels, 0, "0",
           "0: tokens are read, biases by distance are learned; else so many bands of sound, of which two convolutions "
           "make a token of two frames, and positions are added."),
    CHOICE(norm, norms, "\"rms\"", "Norm: with scale and offset, or with scale alone."),
    SWITCH(bias, "false", "Biases of the matrices."),
    SWITCH(no_key_bias, "false", "Keys have none of them."),
    NUMBER(target_length, 1, "114", "Tokens that are written."),
};
const struct field_table decoder_fields = {"decoder", "A transformer that predicts the next token.", decoder_field_list,
                                           sizeof decoder_field_list / sizeof *decoder_field_list};
const struct field_table encoder_fields = {"encoder", "A transformer that fills in masked tokens.", encoder_field_list,
                                           sizeof encoder_field_list / sizeof *encoder_field_list};
const struct field_table vit_fields = {"vit", "A transformer over the patches of an image.", vit_field_list,
                                       sizeof vit_field_list / sizeof *vit_field_list};

const struct field_table encoder_decoder_fields = {
    "encoder_decoder", "A transformer that reads one sequence and writes another.", encoder_decoder_field_list,
    sizeof encoder_decoder_field_list / sizeof *encoder_decoder_field_list};

static const struct field transformer_xl_field_list[] = {
    KIND,
    NUMBER(layers, 1, NULL, "Blocks of attention and feed-forward."),
    NUMBER(hidden, 1, NULL, "Width between blocks, and of the embedding."),
    NUMBER(heads, 1, NULL, "Heads."),
    NUMBER(head_size, 0, "0", "Width of a head; 0: hidden/heads."),
    NUMBER(ffn, 0, "0", "Width inside the feed-forward part; 0: four times hidden."),
    SWITCH(dropout, "true", "Dropout behind embedding, projection, activation, feed-forward and last norm."),
    SWITCH(score_dropout, "false", "Dropout of the weights of values."),
    NUMBER(vocab, 1, NULL, "Rows of the embedding, which the logits use too."),
    NUMBER(sequence, 1, NULL, "Tokens of a segment."),
    NUMBER(memory, 1, NULL, "Tokens before it that it attends to."),
    LIST(cutoffs, 1, EMIT_MAX_DIMENSION, "[]", "First words of the groups of the adaptive softmax but the first."),
    LIST(tail_percent, 0, 100, "[]", "Of each of these groups, how many of 100 tokens lie in it."),
};
const struct field_table transformer_xl_fields = {"transformer_xl", "A transformer with a memory.",
                                                  transformer_xl_field_list,
                                                  sizeof transformer_xl_field_list / sizeof *transformer_xl_field_list};

static const struct field mobilebert_field_list[] = {
    KIND,
    NUMBER(layers, 1, NULL, "Blocks."),
    NUMBER(hidden, 1, NULL, "Width between blocks."),
    NUMBER(bottleneck, 1, NULL, "Width inside a block."),
    NUMBER(heads, 1, NULL, "Heads, which share the width inside."),
    NUMBER(ffn, 1, NULL, "Width inside a feed-forward network."),
    NUMBER(feed_forwards, 1, "4", "Feed-forward networks of a block."),
    NUMBER(vocab, 1, NULL, "Rows of the embedding."),
    NUMBER(embedding_width, 1, NULL, "Width of the embedding, of which three tokens' stand side by side."),
    NUMBER(token_types, 1, "2", "Rows of a second embedding."),
    NUMBER(sequence, 1, NULL, "Tokens of one sample."),
    SWITCH(dropout, "false", "Dropout behind embedding and blocks."),
    SWITCH(score_dropout, "true", "Dropout of the weights of values."),
};
const struct field_table mobilebert_fields = {"mobilebert", "BERT with narrow blocks.", mobilebert_field_list,
                                              sizeof mobilebert_field_list / sizeof *mobilebert_field_list};

static void check_attention(const struct generation *generation, struct transformer *model, struct error *error) {
  const unsigned long long n_heads = model->heads, hidden = model->hidden;
  if (model->head_size == 0 && hidden % n_heads != 0)
    generation_reject(generation, "heads", error,
                      "%llu does not divide hidden = %llu, allowed are its divisors or a head_size", n_heads, hidden);
  if (model->head_size == 0) model->head_size = hidden / n_heads;
  if (model->kv_heads == 0) model->kv_heads = n_heads;
  if (n_heads % model->kv_heads != 0)
    generation_reject(generation, "kv_heads", error, "%llu does not divide heads = %llu, allowed are its divisors",
                      (unsigned long long)model->kv_heads, n_heads);
}

static void check_experts(const struct generation *generation, const struct transformer *model, struct error *error) {
  const unsigned long long experts = model->experts, top_k = model->top_k;
  if (top_k > experts)
    generation_reject(generation, "top_k", error, "%llu is more than experts = %llu, allowed is at most that", top_k,
                      experts);
  if (experts > 0 && top_k == 0)
    generation_reject(generation, "top_k", error, "is 0 with %llu experts, allowed is at least 1", experts);
  if (experts == 0 && model->capacity_factor > 0)
    generation_reject(generation, "capacity_factor", error, "is given without experts, allowed is 0");
}

static void check_latent(const struct generation *generation, struct transformer *model, struct error *error) {
  const bool latent = model->key_value_rank > 0;
  if (!latent && (model->query_rank > 0 || model->rotary_size > 0 || model->value_size > 0))
    generation_reject(generation,
                      model->query_rank > 0    ? "query_rank"
                      : model->rotary_size > 0 ? "rotary_size"
                                               : "value_size",
                      error, "needs key_value_rank, allowed is 0");
  if (latent && (model->rotary_size == 0 || model->rotary_size >= model->head_size))
    generation_reject(generation, "rotary_size", error, "is %llu, allowed are 1 to head_size = %llu less 1",
                      (unsigned long long)model->rotary_size, (unsigned long long)model->head_size);
  if (latent && (model->kv_heads != model->heads || model->bias || model->qkv_bias || model->query_key_norm ||
                 model->position != POSITION_ROTARY))
    generation_reject(generation, "key_value_rank", error,
                      "needs position = \"rotary\", as many kv_heads as heads and neither biases nor norms of heads");
  if (latent && model->value_size == 0 && model->rotary_size < model->head_size)
    model->value_size = model->head_size - model->rotary_size;
  if (model->experts == 0 && (model->shared_experts > 0 || model->dense_layers > 0 || model->router_bias))
    generation_reject(generation, "experts", error, "is 0, but shared_experts, dense_layers or router_bias are given");
  if (model->dense_layers > model->layers)
    generation_reject(generation, "dense_layers", error, "%llu is more than layers = %llu, allowed is at most that",
                      (unsigned long long)model->dense_layers, (unsigned long long)model->layers);
}

static void check_adapters(const struct generation *generation, const struct transformer *model, struct error *error) {
  if (model->lora_rank == 0) return;
  if (model->key_value_rank > 0)
    generation_reject(generation, "lora_rank", error, "is given with latent attention, allowed is 0");
  else if (model->experts > 0)
    generation_reject(generation, "lora_rank", error, "is given with experts, allowed is 0");
  if (model->tied)
    generation_reject(generation, "lora_rank", error,
                      "is given with a tied table, of which a pipeline would need a copy, allowed is tied = false");
}

bool transformer_check(const struct generation *generation, struct transformer *model, struct error *error) {
  const size_t n_before = error->n_messages;
  check_attention(generation, model, error);
  check_experts(generation, model, error);
  check_latent(generation, model, error);
  check_adapters(generation, model, error);
  if (model->ffn == 0) model->ffn = 4 * model->hidden;
  if (model->dense_ffn == 0) model->dense_ffn = model->ffn;
  if (model->embedding_width == 0) model->embedding_width = model->hidden;
  if (model->position_extra_rows > 0 && model->position != POSITION_LEARNED)
    generation_reject(generation, "position_extra_rows", error, "needs position = \"learned\", allowed is 0");
  if (model->pooler && model->head != HEAD_MLM)
    generation_reject(generation, "pooler", error, "needs head = \"mlm\", allowed is false");
  if (model->patch > 0 && model->image % model->patch != 0) /* 0 of a language model: the key is not its own */
    generation_reject(generation, "patch", error, "%llu does not divide image = %llu, allowed are its divisors",
                      (unsigned long long)model->patch, (unsigned long long)model->image);
  return error->n_messages == n_before;
}

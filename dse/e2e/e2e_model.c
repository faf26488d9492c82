/* What does a measured run train? See e2e.h.
 *
 * Sizes of a transformer from the row, the rest of it from the shipped model of its family (e2e_models.def); without
 * sizes, or where sizes do not say enough, a shipped model of that name (e2e_shipped.c); without either, a GPT of that
 * many parameters whose width is that of the nearest published one. Software of 2021 computes attention in three steps
 * and drops out; later software fuses it and, in pretraining, drops nothing (workloads §12 [O]). Optimizers: Adam;
 * momentum for convolutional networks, plain descent for recommenders, as their reference programs have. */
#include "dse/e2e/e2e.h"

#include "base/checked.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

const char *const e2e_assumption_names[N_E2E_ASSUMPTIONS] = {
    "shape",     "vocab",    "seq",    "precision", "degrees", "micro_batch", "global_batch_seq",
    "recompute", "sharding", "chunks", "window",    "adapters"};

static const struct {
  const char *says, *model, *keys;
} styles[] = {
#define E2E_STYLE(says_, model_, keys_) {says_, model_, keys_},
#include "dse/e2e/e2e_models.def"
#undef E2E_STYLE
};
static const struct {
  const char *says, *shipped, *reason;
} inexpressible[] = {
#define E2E_INEXPRESSIBLE(says_, shipped_, reason_) {says_, shipped_, reason_},
#include "dse/e2e/e2e_inexpressible.def"
#undef E2E_INEXPRESSIBLE
};

/* Widths and layers of published GPT models, by billions of parameters: arXiv 2104.04473, table 1. */
static const struct {
  double parameters_e9;
  uint64_t layers, hidden, head_size;
} published[] = {{1.7, 24, 2304, 96},      {3.6, 30, 3072, 96},      {7.5, 36, 4096, 128},    {18.4, 40, 6144, 128},
                 {39.1, 48, 8192, 128},    {76.1, 60, 10240, 128},   {145.6, 80, 12288, 128}, {310.1, 96, 16384, 128},
                 {529.6, 105, 20480, 160}, {1008.0, 128, 25600, 160}};
/* Sequences of the Wikipedia set are half padding at 512 tokens; software that packs or unpads works on the rest
 * (arXiv 2107.02027: two to a pack), software that bins them on half a bin more. */
enum { PACKED_SHARE = 2, PADDED_SEQUENCE = 512 };
/* Software pads vocabularies so that arrays take them (Megatron-LM; NVIDIA's BERT: to a multiple of 8). */
enum { PADDED_VOCAB = 8 };

static size_t style_of(const struct e2e_row *row) {
  size_t i = 0;
  while (i < sizeof styles / sizeof *styles && !e2e_says(row->model, styles[i].says)) i++;
  return i;
}

/* Words of models and notes: attention and feed-forward network side by side; low-rank adapters, of which 16 is the
 * rank of MLPerf's (mlcommons/training llama2_70b_lora) and stands for others. */
static const char parallel_blocks[] = "parallel block|parallel transformer block|ptb", adapters[] = "lora|peft";

/* --- counting ---------------------------------------------------------------------------------------------------- */

double e2e_forward_flop(const struct e2e_row *shape, double *head_flop) {
  const double s = (double)shape->sequence, h = (double)shape->hidden, a = (double)shape->heads;
  const double e = (double)shape->head_size, q = (double)shape->kv_heads, f = (double)shape->ffn;
  const double products = shape->gated == 1 ? 3 : 2, used = shape->top_k > 0 ? (double)shape->top_k : 1;
  const double layer = h * (a + 2 * q) * e + a * e * h + products * h * f * used;
  *head_flop = 2 * s * (double)shape->vocab * h;
  return 2 * s * (double)shape->layers * layer + 4 * (double)shape->layers * s * s * a * e + *head_flop;
}

/* In 10⁹, without norms and biases. */
static double parameters_of(const struct e2e_row *shape, bool tied) {
  const double h = (double)shape->hidden, a = (double)shape->heads, e = (double)shape->head_size;
  const double products = shape->gated == 1 ? 3 : 2, experts = shape->experts > 0 ? (double)shape->experts : 1;
  const double layer =
      h * (a + 2 * (double)shape->kv_heads) * e + a * e * h + products * h * (double)shape->ffn * experts;
  return 1e-9 * ((double)shape->layers * layer + (tied ? 1 : 2) * (double)shape->vocab * h);
}

/* --- shapes ------------------------------------------------------------------------------------------------------ */

static uint64_t rounded(double value, uint64_t to) { return max_u64((uint64_t)(value / (double)to + 0.5), 1) * to; }

/* A GPT of so many parameters: the width of the nearest published one, and as many layers as that makes, in multiples
 * of what the pipeline asks for. */
static void assume_shape(struct e2e_row *shape) {
  size_t nearest = 0;
  for (size_t i = 1; i < sizeof published / sizeof *published; i++)
    if (fabs(log(shape->parameters_e9 / published[i].parameters_e9)) <
        fabs(log(shape->parameters_e9 / published[nearest].parameters_e9)))
      nearest = i;
  const double h = (double)published[nearest].hidden;
  const uint64_t pieces = max_u64(shape->pipeline, 1) * max_u64(shape->chunks, 1);
  shape->hidden = published[nearest].hidden;
  shape->heads = shape->hidden / published[nearest].head_size;
  if (shape->vocab == 0) shape->vocab = 51200;
  shape->layers = rounded((1e9 * shape->parameters_e9 - (double)shape->vocab * h) / (12 * h * h), pieces);
}

/* What a row leaves out of a shape follows from the rest; NULL or why it does not. */
static const char *complete_shape(struct e2e_row *shape, const char *model, unsigned *assumed) {
  const bool language = strcmp(model, "llama2-7b") == 0;
  if (shape->head_size == 0) {
    if (shape->hidden % shape->heads != 0) return "heads do not divide hidden, head_size unknown";
    shape->head_size = shape->hidden / shape->heads;
  }
  if (shape->kv_heads == 0) shape->kv_heads = shape->heads;
  if (shape->heads % shape->kv_heads != 0) return "kv_heads do not divide heads";
  if (shape->gated < 0) shape->gated = language;
  if (shape->ffn == 0) {
    *assumed |= E2E_ASSUMED_SHAPE;
    shape->ffn = shape->gated == 1 ? rounded(8.0 / 3 * (double)shape->hidden, 256) : 4 * shape->hidden;
  }
  if (shape->vocab == 0) {
    *assumed |= E2E_ASSUMED_VOCAB;
    shape->vocab = language ? 32000 : strcmp(model, "bert-large") == 0 ? 30522 : 51200;
  }
  if (shape->sequence == 0) {
    *assumed |= E2E_ASSUMED_SEQUENCE;
    shape->sequence = strcmp(model, "bert-large") == 0 ? 512 : language ? 4096 : 2048;
  }
  return NULL;
}

static void add_set(struct e2e_work *work, const char *path, const char *value) {
  work->sets[work->n_sets++] = (struct config_set){path, value};
}

static void add_number(struct e2e_work *work, const char *path, uint64_t value, struct arena *arena) {
  add_set(work, path, arena_printf(arena, "%llu", (unsigned long long)value));
}

/* "a=b c=d" */
static void add_keys(struct e2e_work *work, const char *keys, struct arena *arena) {
  while (*keys != '\0') {
    const size_t n = strcspn(keys, " "), equals = strcspn(keys, "=");
    char *const path = arena_copy_text(arena, keys);
    path[equals] = '\0';
    path[n] = '\0';
    add_set(work, path, path + equals + 1);
    keys += n + (keys[n] == ' ');
  }
}

static void shape_sets(const struct e2e_row *shape, struct e2e_work *work, struct arena *arena) {
  add_number(work, "layers", shape->layers, arena);
  add_number(work, "hidden", shape->hidden, arena);
  add_number(work, "heads", shape->heads, arena);
  add_number(work, "kv_heads", shape->kv_heads, arena);
  add_number(work, "head_size", shape->head_size, arena);
  add_number(work, "ffn", shape->ffn, arena);
  add_number(work, "vocab", ceil_div(shape->vocab, PADDED_VOCAB) * PADDED_VOCAB, arena);
  add_number(work, "sequence", shape->sequence, arena);
  add_set(work, "gated", shape->gated == 1 ? "true" : "false");
  if (shape->experts == 0) return;
  add_number(work, "experts", shape->experts, arena);
  add_number(work, "top_k", max_u64(shape->top_k, 1), arena);
}

/* Windows of attention are not published. Where even full attention is a small part of the work, it stands for them. */
static const char *take_window(const struct e2e_row *row, const struct e2e_row *shape, struct arena *arena,
                               struct e2e_work *work) {
  static const double small = 0.05;
  static const char *const words = "sliding window|swa";
  if (!e2e_says(row->model, words) && !e2e_says(row->note, words)) return NULL;
  const double s = (double)shape->sequence, width = (double)shape->heads * (double)shape->head_size;
  const double share = 4 * (double)shape->layers * s * s * width / work->forward_flop;
  work->assumed |= E2E_ASSUMED_WINDOW;
  if (share <= small) return NULL;
  return arena_printf(arena, "sliding-window attention of unknown width, up to %.2g %% of its products", 100 * share);
}

static const char *transformer_work(const struct e2e_row *row, struct arena *arena, struct e2e_work *work) {
  const size_t style = style_of(row), n_styles = sizeof styles / sizeof *styles;
  struct e2e_row shape = *row;
  work->name = style < n_styles ? styles[style].model : row->gated == 1 ? "llama2-7b" : "gpt3-175b";
  if (shape.layers == 0) {
    work->assumed |= E2E_ASSUMED_SHAPE | (shape.vocab == 0 ? E2E_ASSUMED_VOCAB : 0);
    assume_shape(&shape);
  }
  const char *const why = complete_shape(&shape, work->name, &work->assumed);
  if (why != NULL) return why;
  const bool tied = strcmp(work->name, "llama2-7b") != 0 && strcmp(work->name, "gpt-neox-20b") != 0;
  const double counted = parameters_of(&shape, tied);
  if (row->parameters_e9 > 0 && fabs(counted / row->parameters_e9 - 1) > 0.25)
    return arena_printf(arena, "its shape has %.3g billion parameters, the row says %.3g", counted, row->parameters_e9);
  const uint64_t bin = work->software->bin_tokens;
  if (e2e_says(row->model, "unpadded|packed"))
    shape.sequence = max_u64(shape.sequence / PACKED_SHARE, 1);
  else if (bin > 0 && shape.sequence >= PADDED_SEQUENCE)
    shape.sequence = shape.sequence / PACKED_SHARE + bin / 2;
  shape_sets(&shape, work, arena);
  if (style < n_styles) add_keys(work, styles[style].keys, arena);
  work->transformer = work->drops = true;
  work->causal = strcmp(work->name, "bert-large") != 0;
  work->layers = shape.layers;
  work->tokens = (double)shape.sequence;
  work->forward_flop = e2e_forward_flop(&shape, &work->head_flop);
  if (e2e_says(row->model, parallel_blocks) || e2e_says(row->note, parallel_blocks))
    add_set(work, "parallel_block", "true");
  if (e2e_says(row->model, adapters) || e2e_says(row->note, adapters)) {
    if (!work->causal) return "adapters in what is no decoder";
    work->assumed |= E2E_ASSUMED_ADAPTERS;
    work->adapters = true;
    add_set(work, "lora_rank", "16");
  }
  return take_window(row, &shape, arena, work);
}

/* --- the work ---------------------------------------------------------------------------------------------------- */

static enum e2e_precision precision_of(const struct e2e_row *row) {
  if (row->precision[0] == '\0') return E2E_16_BIT;
  if (e2e_says(row->precision, "fp8|int8|mxfp8|8bit|8 bit")) return E2E_8_BIT;
  if (e2e_says(row->precision, "amp|fp16|bf16|bfloat16|float16|half|16bit|16 bit|mixed")) return E2E_16_BIT;
  if (e2e_says(row->precision, "tf32")) return E2E_TF32;
  return e2e_says(row->precision, "fp32|float32|32 bit") ? E2E_32_BIT : E2E_NO_PRECISION;
}

const char *e2e_work_of(const struct e2e_row *row, const struct e2e_hardware *hardware, const char *data_folder,
                        struct arena *arena, struct arena *scratch, struct e2e_work *work) {
  *work = (struct e2e_work){.sets = ARENA_NEW(arena, struct config_set, 32),
                            .optimizer = OPTIMIZER_ADAM,
                            .tokens = 1,
                            .software = e2e_software_of(row)};
  const char *const shipped = e2e_shipped_model(row->model, data_folder, arena);
  bool needs_shipped = false; /* sizes alone do not say what it is */
  for (size_t i = 0; i < sizeof inexpressible / sizeof *inexpressible; i++) {
    const char *const says = inexpressible[i].says;
    if (!e2e_says(row->model, says) && !e2e_says(row->note, says)) continue;
    if (shipped == NULL || !e2e_says(shipped, inexpressible[i].shipped)) return inexpressible[i].reason;
    needs_shipped = true;
  }
  work->precision = precision_of(row);
  if (work->precision == E2E_NO_PRECISION) return "no such precision";
  if (row->precision[0] == '\0') work->assumed |= E2E_ASSUMED_PRECISION;
  work->element_bytes = work->precision >= E2E_TF32 ? 4 : 2;
  const bool shaped = row->layers > 0 && row->hidden > 0 && row->heads > 0;
  const bool mixture = e2e_says(row->model, "moe|mixtral|switch|glam|dbrx|grok|a3b|a22b") && row->experts == 0;
  const char *why;
  if (shaped && !mixture && !needs_shipped)
    why = transformer_work(row, arena, work);
  else if (shipped != NULL)
    why = e2e_shipped_work(row, shipped, data_folder, arena, scratch, work);
  else if (mixture)
    why = "its number of experts is unknown";
  else if (e2e_says(row->model, "gpt|gpt3") && row->parameters_e9 > 0)
    why = transformer_work(row, arena, work);
  else
    why = row->layers + row->hidden + row->heads > 0 ? "layers, hidden or heads unknown" : "no such model, no shape";
  work->fused_attention = work->software->fused_attention && hardware->fused;
  if (work->drops) add_set(work, "dropout", work->fused_attention ? "false" : "true");
  return why;
}

/* Does a block keep the published bytes under each kind of recomputation, split or not?
 *
 * Sources: Korthikanti et al. (arXiv 2205.05198, table 2; accelerator-search §9): a GPT layer in 16 bit keeps
 * 34sbh + 5as²b, without attention's inner tensors 34sbh, and 2sbh if it is recomputed in full; on one of t tensor
 * ranks sbh(10 + 24/t) and 5as²b/t, with sequence parallelism all of it over t. The same paper's percentages (figure 7)
 * and the GiB that its first stages keep (workloads §7). Around the layers
 * (workloads §6): token identities 4s and the embedding's dropout mask sbh; final norm 2sbh, head's input 2sbh and
 * logits 4sbV. Recomputing selectively costs QKᵀ and AV again, in full the layer's forward pass (workloads §10:
 * s/6h becomes 2s/9h, of 72BsLh²). Llama: 12sbh + 4sbh·q/a + 6sbf and 4abs of a fused kernel (workloads §6). Parameters
 * and boundaries: by hand from the models' dimensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/two_arenas.h"
#include "workloads/block.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <string.h>

static struct block_chain split_chain(const char *name, uint64_t batch, enum attention attention,
                                      const struct split_degrees *degrees) {
  static struct error error;
  const struct workload_request request = {.name = name, .data_folder = ".", .batch = batch, .element_bytes = 2};
  struct workload workload;
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.attention = attention;
  struct block_chain chain = {0};
  struct op_graph rank;
  if (!split_apply(&workload.graph, degrees, &arena, &scratch, &rank, NULL, &error) ||
      !block_chain_make(&rank, &settings, true, &arena, &scratch, &chain, &error))
    fail_msg("%s", error.text);
  return chain;
}

static struct block_chain chain_of(const char *name, uint64_t batch, enum attention attention) {
  const struct split_degrees whole = {1, 1, 1, 1, 1, false, false};
  return split_chain(name, batch, attention, &whole);
}

static uint64_t macs_of(const struct op_graph *graph) {
  uint64_t macs = 0;
  for (size_t i = 0; i < graph->n_ops; i++) macs += op_macs(&graph->ops[i]);
  return macs;
}

struct gpt {
  const char *name;
  uint64_t layers, s, b, h, a;
};
static const struct gpt gpts[] = {{"gpt3-175b", 96, 2048, 1, 12288, 96},     {"megatron-22b", 48, 2048, 4, 6144, 64},
                                  {"mt-nlg-530b", 105, 2048, 1, 20480, 128}, {"megatron-1t", 128, 2048, 1, 25600, 160},
                                  {"gpt2-xl", 48, 1024, 3, 1600, 25},        {"bert-large", 24, 512, 7, 1024, 16}};
enum { N_GPTS = sizeof gpts / sizeof *gpts };

static void test_layers(void **state) {
  (void)state;
  for (size_t i = 0; i < N_GPTS; i++) {
    const struct gpt *const m = &gpts[i];
    const struct block_chain chain = chain_of(m->name, m->b, ATTENTION_SEPARATE);
    assert_int_equal(chain.n_places, m->layers + 2);
    assert_int_equal(chain.n_blocks, 3);
    const struct block *const layer = &chain.blocks[chain.block_at[1]];
    const uint64_t sbh = m->s * m->b * m->h, scores = m->a * m->s * m->s * m->b;
    assert_string_equal(layer->name, "layer");
    assert_int_equal(layer->kept_bytes[RECOMPUTE_NONE], 34 * sbh + 5 * scores);
    assert_int_equal(layer->kept_bytes[RECOMPUTE_SELECTIVE], 34 * sbh);
    assert_int_equal(layer->kept_bytes[RECOMPUTE_FULL], 2 * sbh);
    assert_int_equal(layer->in_bytes, 2 * sbh);
    assert_int_equal(layer->out_bytes, 2 * sbh);
    assert_int_equal(layer->shared_bytes, 0);
    assert_int_equal(layer->parameters, 12 * m->h * m->h + 13 * m->h);
    assert_int_equal(layer->expert_parameters + layer->borrowed_parameters, 0);
    /* While it runs backwards the scores are there again, or all but the input. */
    const uint64_t op = layer->working_bytes[RECOMPUTE_NONE];
    assert_int_equal(layer->working_bytes[RECOMPUTE_SELECTIVE], op + 5 * scores);
    assert_int_equal(layer->working_bytes[RECOMPUTE_FULL], op + 32 * sbh + 5 * scores);
  }
}

/* The largest op of a GPT-3 layer reads and writes scores: its softmax's gradient two and one, the dropout's the mask
 * as well. */
static void test_work_again(void **state) {
  (void)state;
  for (size_t i = 0; i < N_GPTS; i++) {
    const struct gpt *const m = &gpts[i];
    const struct block_chain chain = chain_of(m->name, m->b, ATTENTION_SEPARATE);
    const struct block *const layer = &chain.blocks[chain.block_at[1]];
    const uint64_t products = 2 * m->b * m->s * m->s * m->h, whole = 12 * m->b * m->s * m->h * m->h + products;
    assert_true(layer->recomputes);
    assert_int_equal(macs_of(&layer->phase[BLOCK_SELECTIVE]), products);
    assert_int_equal(macs_of(&layer->phase[BLOCK_FORWARD]), whole);
    assert_int_equal(macs_of(&layer->phase[BLOCK_BACKWARD]), 2 * whole);
    assert_int_equal(layer->macs[PHASE_FORWARD], whole);
    assert_int_equal(layer->macs[PHASE_BACKWARD_WEIGHT], whole - products);
    /* QKᵀ with what follows it in its chain, softmax, dropout, AV. */
    assert_int_equal(layer->phase[BLOCK_SELECTIVE].n_ops, 4);
  }
}

static void test_ends(void **state) {
  (void)state;
  const uint64_t s = 2048, h = 12288, vocab = 51200;
  const struct block_chain chain = chain_of("gpt3-175b", 1, ATTENTION_SEPARATE);
  const struct block *const embedding = &chain.blocks[chain.block_at[0]], *const head =
                                                                              &chain.blocks[chain.block_at[97]];
  assert_string_equal(embedding->name, "embedding");
  assert_string_equal(head->name, "head");
  assert_int_equal(embedding->in_bytes, 0);
  assert_int_equal(head->out_bytes, 0);
  assert_int_equal(embedding->kept_bytes[RECOMPUTE_NONE], 4 * s + s * h);
  assert_int_equal(embedding->kept_bytes[RECOMPUTE_FULL], 4 * s);
  assert_int_equal(head->kept_bytes[RECOMPUTE_NONE], 2 * s * h + 2 * s * h + 4 * s * vocab);
  assert_int_equal(embedding->parameters, (vocab + s) * h);
  assert_int_equal(head->parameters, 2 * h);
  assert_int_equal(head->borrowed_parameters, vocab * h);
  assert_int_equal(embedding->borrowed_parameters, 0);
  /* Both use the table, so both have a gradient of it; its owner sums and updates it. */
  assert_int_equal(head->macs[PHASE_BACKWARD_WEIGHT], s * h * vocab);
  assert_int_equal(embedding->phase[BLOCK_BACKWARD_WEIGHT].n_ops, 3);
  assert_int_equal(embedding->phase[BLOCK_UPDATE].n_ops, 2);
  assert_int_equal(head->phase[BLOCK_UPDATE].n_ops, 1);
  /* What comes last is not computed again: its backward pass follows at once. */
  assert_false(head->recomputes);
  assert_int_equal(head->kept_bytes[RECOMPUTE_FULL], head->kept_bytes[RECOMPUTE_NONE]);
  assert_int_equal(head->working_bytes[RECOMPUTE_FULL], head->working_bytes[RECOMPUTE_NONE]);
}

/* A fused kernel keeps nothing that selective recomputation could drop. */
static void test_fused(void **state) {
  (void)state;
  const struct block_chain llama = chain_of("llama2-7b", 1, ATTENTION_FUSED);
  const struct block *const layer = &llama.blocks[llama.block_at[16]];
  assert_int_equal(layer->kept_bytes[RECOMPUTE_NONE], 539492352);
  assert_int_equal(layer->kept_bytes[RECOMPUTE_SELECTIVE], 539492352);
  assert_int_equal(layer->phase[BLOCK_SELECTIVE].n_ops, 0);
  const struct block_chain gpt = chain_of("gpt3-175b", 1, ATTENTION_CAUSAL);
  const uint64_t s = 2048, h = 12288, a = 96;
  assert_int_equal(gpt.blocks[gpt.block_at[1]].kept_bytes[RECOMPUTE_SELECTIVE], 34 * s * h + 4 * a * s);
  assert_int_equal(gpt.blocks[gpt.block_at[1]].kept_bytes[RECOMPUTE_FULL], 2 * s * h);
}

/* Mixtral 8x7B: three matrices of 4096 × 14336 for each of eight experts. */
static void test_experts(void **state) {
  (void)state;
  const struct block_chain chain = chain_of("mixtral-8x7b", 1, ATTENTION_FUSED);
  const struct block *const layer = &chain.blocks[chain.block_at[1]];
  assert_int_equal(layer->expert_parameters, 8ULL * 3 * 4096 * 14336);
  const uint64_t attention = 4096 * (4096 + 2 * 1024) + 4096 * 4096, router = 4096 * 8, norms = 2 * 4096;
  assert_int_equal(layer->parameters - layer->expert_parameters, attention + router + norms);
}

/* ResNet-50: a stem, a pool, 16 bottlenecks whose input two branches read, pool, classifier. The first convolution has
 * no input gradient; a block that starts with a tensor which the relu before it keeps shares it. */
static void test_convolutions(void **state) {
  (void)state;
  const struct block_chain chain = chain_of("resnet50", 1, ATTENTION_SEPARATE);
  const struct block *const stem = &chain.blocks[chain.block_at[0]], *const bottleneck =
                                                                         &chain.blocks[chain.block_at[3]];
  const uint64_t stem_macs = 118013952; /* workloads §6 */
  assert_int_equal(stem->macs[PHASE_FORWARD], stem_macs);
  assert_int_equal(stem->macs[PHASE_BACKWARD_WEIGHT], stem_macs);
  assert_int_equal(stem->macs[PHASE_BACKWARD_DATA], 0);
  assert_int_equal(stem->kept_bytes[RECOMPUTE_FULL], 2 * 3 * 224 * 224); /* the image */
  const uint64_t between = 2 * 256 * 56 * 56, bottleneck_macs = 56ULL * 56 * (256 * 64 * 2 + 64 * 64 * 9);
  assert_int_equal(bottleneck->in_bytes, between);
  assert_int_equal(bottleneck->shared_bytes, between);
  assert_int_equal(bottleneck->macs[PHASE_FORWARD], bottleneck_macs);
  assert_int_equal(bottleneck->macs[PHASE_BACKWARD_DATA], bottleneck_macs);
  assert_int_equal(bottleneck->kept_bytes[RECOMPUTE_FULL], between);
  assert_true(bottleneck->recomputes);
  /* A pool keeps one byte for each output, less than its input. */
  const struct block *const pool = &chain.blocks[chain.block_at[1]];
  assert_false(pool->recomputes);
  assert_int_equal(pool->kept_bytes[RECOMPUTE_FULL], 64 * 56 * 56);
}

/* --- on one rank of a tensor group ------------------------------------------------------------------------------- */

static struct block layer_of_rank(const struct gpt *m, uint64_t t, bool sequence) {
  const struct split_degrees degrees = {t, 1, 1, 1, 1, sequence, false};
  const struct block_chain chain = split_chain(m->name, m->b, ATTENTION_SEPARATE, &degrees);
  assert_int_equal(chain.n_places, m->layers + 2);
  assert_int_equal(chain.n_blocks, 3);
  return chain.blocks[chain.block_at[1]];
}

static void test_split_layers(void **state) {
  (void)state;
  enum { N_DIVISIBLE = 4 }; /* whose heads t divides */
  for (size_t i = 0; i < N_DIVISIBLE; i++)
    for (uint64_t t = 2; t <= 8; t *= 2) {
      const struct gpt *const m = &gpts[i];
      const uint64_t sbh = m->s * m->b * m->h, scores = 5 * m->a * m->s * m->s * m->b;
      const struct block tensor = layer_of_rank(m, t, false), both = layer_of_rank(m, t, true);
      assert_int_equal(tensor.kept_bytes[RECOMPUTE_NONE], 10 * sbh + 24 * sbh / t + scores / t);
      assert_int_equal(tensor.kept_bytes[RECOMPUTE_SELECTIVE], 10 * sbh + 24 * sbh / t);
      assert_int_equal(tensor.kept_bytes[RECOMPUTE_FULL], 2 * sbh);
      assert_int_equal(both.kept_bytes[RECOMPUTE_NONE], (34 * sbh + scores) / t);
      assert_int_equal(both.kept_bytes[RECOMPUTE_SELECTIVE], 34 * sbh / t);
      assert_int_equal(both.kept_bytes[RECOMPUTE_FULL], 2 * sbh / t);
      assert_int_equal(tensor.in_bytes, 2 * sbh);
      assert_int_equal(both.in_bytes, 2 * sbh / t);
      /* Scores belong to heads, so computing them again needs nobody else. */
      for (size_t k = 0; k < both.phase[BLOCK_SELECTIVE].n_ops; k++)
        assert_true(op_kinds[both.phase[BLOCK_SELECTIVE].ops[k].kind].class != CLASS_LINK);
    }
}

static void test_percentages(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double sequence, selective, both, full;
  } printed[] = {{"megatron-22b", 66.84, 49.42, 16.18, 7.64},
                 {"gpt3-175b", 62.04, 56.53, 18.49, 8.71},
                 {"mt-nlg-530b", 58.31, 62.04, 20.27, 9.42},
                 {"megatron-1t", 58.31, 62.04, 20.27, 9.42}};
  for (size_t i = 0; i < N_GPTS; i++)
    for (size_t k = 0; k < sizeof printed / sizeof *printed; k++) {
      if (strcmp(gpts[i].name, printed[k].name) != 0) continue;
      const struct block tensor = layer_of_rank(&gpts[i], 8, false), both = layer_of_rank(&gpts[i], 8, true);
      const double percent = (double)tensor.kept_bytes[RECOMPUTE_NONE] / 100;
      const double found[] = {
          (double)both.kept_bytes[RECOMPUTE_NONE] / percent, (double)tensor.kept_bytes[RECOMPUTE_SELECTIVE] / percent,
          (double)both.kept_bytes[RECOMPUTE_SELECTIVE] / percent, (double)tensor.kept_bytes[RECOMPUTE_FULL] / percent};
      const double expected[] = {printed[k].sequence, printed[k].selective, printed[k].both, printed[k].full};
      for (size_t p = 0; p < 4; p++) assert_true(found[p] - expected[p] < 0.15 && expected[p] - found[p] < 0.15);
    }
}

/* The first stage keeps L(1 + (p − 1)/(pv)) layers' worth, without interleaving L. */
static void test_first_stages(void **state) {
  (void)state;
  static const struct {
    size_t gpt;
    uint64_t pipeline, chunks;
    double tensor_gib, both_gib;
  } rows[] = {{1, 1, 1, 59.25, 9.5625},
              {0, 8, 3, 66.84375, 12.3515625},
              {2, 35, 3, 114.0234375, 23.076171875},
              {3, 64, 1, 131.25, 26.5625}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct gpt *const m = &gpts[rows[i].gpt];
    const uint64_t p = rows[i].pipeline, v = rows[i].chunks;
    const uint64_t worth = v > 1 ? m->layers * (p * v + p - 1) / (p * v) : m->layers;
    const uint64_t tensor = layer_of_rank(m, 8, false).kept_bytes[RECOMPUTE_NONE];
    const uint64_t both = layer_of_rank(m, 8, true).kept_bytes[RECOMPUTE_SELECTIVE];
    assert_true((double)(worth * tensor) / (1 << 30) == rows[i].tensor_gib);
    assert_true((double)(worth * both) / (1 << 30) == rows[i].both_gib);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_layers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_work_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_experts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_convolutions, setup, teardown),
      cmocka_unit_test_setup_teardown(test_split_layers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_percentages, setup, teardown),
      cmocka_unit_test_setup_teardown(test_first_stages, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

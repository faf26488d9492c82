/* Does a layer keep the bytes that are published for it?
 *
 * Sources: workloads §6. GPT: 34sbh + 5as²b in 16 bit (Korthikanti et al., arXiv 2205.05198), 2,868,903,936 for GPT-3
 * and b = 1. Llama without fused attention: its published-form sum sbh(12 + 4q/a) + 6sbf without the fused kernel's
 * fp32 row (4abs), and with the softmax's output instead (2as²b). A layer's share is what one more layer adds, since a
 * layer's first norm keeps what the layer before put out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/two_arenas.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <stdio.h>

static enum attention attention;

static uint64_t stash_bytes(const char *name, const char *layers, const char *sequence, uint64_t batch) {
  static struct error error;
  error = (struct error){0};
  const struct config_set sets[] = {{"layers", layers}, {"sequence", sequence}};
  const struct workload_request request = {
      .name = name, .data_folder = ".", .batch = batch, .element_bytes = 2, .sets = sets, .n_sets = sequence ? 2 : 1};
  struct workload workload;
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.keep_statistics = false;
  settings.attention = attention;
  struct op_graph training;
  if (!training_expand(&workload.graph, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  struct graph_totals totals;
  graph_totals(&training, &totals);
  return totals.stash_bytes;
}

static uint64_t one_more_layer(const char *name, const char *sequence, uint64_t batch) {
  return stash_bytes(name, "4", sequence, batch) - stash_bytes(name, "3", sequence, batch);
}

static uint64_t gpt_layer(uint64_t s, uint64_t b, uint64_t h, uint64_t a) { return 34 * s * b * h + 5 * a * s * s * b; }

static void test_gpt3(void **state) {
  (void)state;
  assert_int_equal(one_more_layer("gpt3-175b", NULL, 1), 2868903936);
  assert_int_equal(gpt_layer(2048, 1, 12288, 96), 2868903936);
}

static void test_other_gpts(void **state) {
  (void)state;
  assert_int_equal(one_more_layer("gpt2-xl", NULL, 3), gpt_layer(1024, 3, 1600, 25));
  assert_int_equal(one_more_layer("gpt2-xl", "2385", 3), gpt_layer(2385, 3, 1600, 25));
  assert_int_equal(one_more_layer("megatron-22b", NULL, 4), gpt_layer(2048, 4, 6144, 64));
  assert_int_equal(one_more_layer("mt-nlg-530b", NULL, 1), gpt_layer(2048, 1, 20480, 128));
  assert_int_equal(one_more_layer("bert-large", NULL, 7), gpt_layer(512, 7, 1024, 16)); /* norms elsewhere, same sum */
}

static uint64_t llama_layer(uint64_t s, uint64_t h, uint64_t a, uint64_t q, uint64_t f) {
  return s * h * 12 + 4 * s * h * q / a + 6 * s * f + 2 * a * s * s;
}

static void test_llama(void **state) {
  (void)state;
  const uint64_t fused = 539492352, fp32_rows = 4ULL * 32 * 4096, softmax = 2ULL * 32 * 4096 * 4096;
  assert_int_equal(one_more_layer("llama2-7b", NULL, 1), fused - fp32_rows + softmax);
  assert_int_equal(one_more_layer("llama2-7b", NULL, 1), llama_layer(4096, 4096, 32, 32, 11008));
  assert_int_equal(one_more_layer("llama3-8b", "2385", 1), llama_layer(2385, 4096, 32, 8, 14336));
}

/* Self-attention and feed-forward of T5, s tokens, heads ae wide in all: inputs of norms and first matrices, masks of
 * two dropouts (10sh); Q, K, V and what they make (8s·ae); weights, dropped ones, mask (5as²); activation, dropped,
 * mask (5sf); of the bias of positions the classes of distances, whatever the batch (4s²). */
static uint64_t t5_layer(uint64_t b, uint64_t s, uint64_t h, uint64_t a, uint64_t e, uint64_t f) {
  return b * (10 * s * h + 8 * s * a * e + 5 * a * s * s + 5 * s * f) + 4 * s * s;
}

/* One more layer on either side; cross-attention of u tokens to s: a norm, a matrix, a mask (5uh), Q and the result
 * (4u·ae), K and V (4s·ae), weights (5aus). What the encoder puts out is kept once for all layers. */
static void test_sequence_pairs(void **state) {
  (void)state;
  const uint64_t s = 512, u = 114, b = 3;
  const uint64_t small = b * (5 * u * 512 + 4 * u * 512 + 4 * s * 512 + 5 * 8 * u * s);
  assert_int_equal(one_more_layer("t5-small", NULL, b),
                   t5_layer(b, s, 512, 8, 64, 2048) + t5_layer(b, u, 512, 8, 64, 2048) + small);
  const uint64_t wide = b * (5 * u * 1024 + 4 * u * 4096 + 4 * s * 4096 + 5 * 32 * u * s);
  assert_int_equal(one_more_layer("t5-3b", NULL, b),
                   t5_layer(b, s, 1024, 32, 128, 16384) + t5_layer(b, u, 1024, 32, 128, 16384) + wide);
}

/* Norms of heads keep queries and keys once more, before and behind them: 2sh(1 + q/a). */
static void test_norms_of_heads(void **state) {
  (void)state;
  const uint64_t s = 2385, h = 4096, a = 32, q = 8;
  assert_int_equal(one_more_layer("qwen3-8b", "2385", 1),
                   llama_layer(s, h, a, q, 12288) + 2 * s * h + 2 * s * h * q / a);
}

/* With the scores on the chip 5as²b vanishes for an fp32 number a row and head, 4abs; and llama2-7b keeps exactly what
 * workloads §6 counts for a fused kernel. */
static void test_fused(void **state) {
  (void)state;
  attention = ATTENTION_FUSED;
  const uint64_t s = 2048, h = 12288, a = 96;
  assert_int_equal(one_more_layer("gpt3-175b", NULL, 1), 34 * s * h + 4 * a * s);
  assert_int_equal(one_more_layer("gpt2-xl", "2385", 3), 3 * (34 * 2385 * 1600 + 4 * 25 * 2385));
  assert_int_equal(one_more_layer("bert-large", NULL, 7), 7 * (34 * 512 * 1024 + 4 * 16 * 512));
  assert_int_equal(one_more_layer("llama2-7b", NULL, 1), 539492352);
  attention = ATTENTION_CAUSAL; /* computes less, keeps the same */
  assert_int_equal(one_more_layer("llama2-7b", NULL, 1), 539492352);
  attention = ATTENTION_SEPARATE;
}

/* Around the layers (workloads §6): token identities 4s, embedding dropout's mask sbh, its output (the first norm's
 * input) 2sbh, head input 2sbh (the final norm's input belongs to the last layer's share), logits 4sbV, targets 0. */
static void test_ends(void **state) {
  (void)state;
  const uint64_t s = 2048, h = 12288, vocab = 51200;
  const uint64_t ends = stash_bytes("gpt3-175b", "1", NULL, 1) - gpt_layer(s, 1, h, 96);
  assert_int_equal(ends, 4 * s + s * h + 2 * s * h + 2 * s * h + 4 * s * vocab);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_gpt3, setup, teardown),
      cmocka_unit_test_setup_teardown(test_other_gpts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_llama, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sequence_pairs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_norms_of_heads, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do the generators say what is wrong with bad keys, all of it, at its key? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/workloads/generate.h"
#include <cmocka.h>
#include <stdio.h>

static const struct {
  const char *model;
  struct config_set set;
  const char *message;
} mistakes[] = {
    {"gpt2-xl", {"heads", "7"}, "heads: 7 does not divide hidden = 1600"},
    {"llama3-8b", {"kv_heads", "5"}, "kv_heads: 5 does not divide heads = 32"},
    {"mixtral-8x7b", {"top_k", "9"}, "top_k: 9 is more than experts = 8"},
    {"mixtral-8x7b", {"top_k", "0"}, "top_k: is 0 with 8 experts"},
    {"gpt2-xl", {"capacity_factor", "1.5"}, "capacity_factor: is given without experts"},
    {"gpt2-xl", {"hidden", "2147483648L"}, "hidden: 2147483648 is out of range"},
    {"gpt2-xl", {"layers", "0"}, "layers: 0 is out of range"},
    {"gpt2-xl", {"layers", "100000"}, "the operator graph is too large"},
    {"llama3-8b", {"position_extra_rows", "2"}, "position_extra_rows: needs position"},
    {"gpt2-xl", {"pooler", "true"}, "pooler: needs head"},
    {"gpt2-xl", {"sequense", "3"}, "did you mean sequence?"},
    {"t5-small", {"head_size", "2147483648L"}, "head_size: 2147483648 is out of range"},
    {"transformer-xl-base",
     {"cutoffs", "[20000, 300000, 400000]"},
     "cutoffs: do not rise from 1 to below vocab = 267735"},
    {"transformer-xl-base", {"cutoffs", "[400, 300, 500]"}, "cutoffs: do not rise from 1"},
    {"transformer-xl-base",
     {"tail_percent", "[5]"},
     "tail_percent: has 1 values, allowed are as many as cutoffs has: 3"},
    {"transformer-xl-base", {"tail_percent", "[5, 101, 2]"}, "101 is out of range"},
    {"mobilebert", {"heads", "3"}, "heads: 3 does not divide bottleneck = 128"},
    {"mobilebert", {"embedding_width", "512"}, "embedding_width: 512 is not below hidden = 512"},
    {"llama2-7b", {"query_rank", "7"}, "query_rank: needs key_value_rank, allowed is 0"},
    {"llama2-7b", {"shared_experts", "7"}, "experts: is 0, but shared_experts, dense_layers or router_bias are given"},
    {"deepseek-v3", {"rotary_size", "192"}, "rotary_size: is 192, allowed are 1 to head_size = 192 less 1"},
    {"clip-vit-b-32", {"patch", "33"}, "patch: 33 does not divide image = 224"},
    {"clip-vit-b-32", {"text_heads", "7"}, "text_heads: 7 does not divide text_hidden = 512"},
    {"clip-vit-b-32", {"image_hidden", "770"}, "image_heads: 12 does not divide image_hidden = 770"},
    {"deepseek-v3", {"kv_heads", "8"}, "key_value_rank: needs position = \"rotary\", as many kv_heads as heads"},
    {"deepseek-v3", {"dense_layers", "62"}, "dense_layers: 62 is more than layers = 61"},
    {"deepseek-v3", {"lora_rank", "8"}, "lora_rank: is given with latent attention, allowed is 0"},
    {"mixtral-8x7b", {"lora_rank", "8"}, "lora_rank: is given with experts, allowed is 0"},
    {"gpt2-xl", {"lora_rank", "8"}, "lora_rank: is given with a tied table"},
    {"dlrm-rm1", {"lookups", "0"}, "lookups: 0 is out of range"},
    {"din", {"history", "1"}, "history: 1 is out of range"},
    {"dien", {"auxiliary", "[1, 2, 3, 4, 5, 6, 7]"}, "auxiliary: has 7 widths, allowed are at most 6"},
    {"t5-small", {"position_buckets", "0"}, "position_buckets: 0 is out of range"},
    {"vit_b_16", {"patch", "15"}, "patch: 15 does not divide image = 224"},
    {"tests/data/workloads/no_blocks.cfg", {"classes", "7"}, "blocks: is missing or empty"},
    {"resnet18", {"classes", "10"}, "classes: is 10, but the last block puts out 1000 values"},
    {"resnet18", {"activation", "default"}, "activation: the model has no default"},
    {"resnet18", {"norm", "default"}, "norm: the model has no default"},
    {"resnet18", {"blocks.[0].groups", "5"}, "blocks.[0]: groups do not divide the channels"},
    {"resnet18", {"blocks.[0].kernel", "[1, 2, 3]"}, "kernel: has 3 values, allowed are 1 and 2"},
    {"resnet18", {"blocks.[1].pad", "[1, 2, 3]"}, "pad: has 3 values, allowed are 0, 1 and 2"},
    {"resnet18", {"blocks.[2].groups", "5"}, "groups: a block of type 'basic' does not read it"},
    {"resnet18", {"blocks.[3].from", "nobody"}, "from: no earlier block is named 'nobody'"},
    {"inception_v3", {"blocks.[8].from", "[\"pool2\", \"mixed5b_a1\"]"}, "from: names 2 blocks, allowed is 1"},
    {"mobilenet_v3_large", {"blocks.[4].gate", "default"}, "gate: it and squeeze_activation have no default"},
    {"alexnet", {"image", "20"}, "blocks.[3]: the kernel does not fit the padded image"},
    {"alexnet", {"image", "3"}, "blocks.[0]: the kernel does not fit the padded image"},
    {"squeezenet1_0", {"blocks.[4].stride", "2"}, "blocks.[5]: inputs differ in height or width"},
    {"tests/data/workloads/branches.cfg", {"blocks.[2].width", "5"}, "blocks.[3]: inputs differ in shape"},
    {"shufflenet_v2_x1_0", {"blocks.[2].width", "1"}, "blocks.[2]: a convolution has no output channels"},
    {"shufflenet_v2_x1_0", {"blocks.[2].width", "70"}, NULL}, /* 35 and 35: fine */
    {"gnmt4", {"source_length", "2001"}, "source_length: 2001 is out of range"},
    {"dlrm-criteo", {"rows", "[5, 7]"}, "rows: has 2 values, allowed are 1 and tables = 26"},
    {"dlrm-criteo", {"bottom", "[3, 7]"}, "bottom: does not end in embedding_width = 128"},
    {"dlrm-criteo", {"top", "[3, 7]"}, "top: does not end in 1"},
    {"dlrm-criteo", {"numeric", "0"}, "numeric: is 0, allowed is that with interaction = \"concat\" alone"},
    {"dlrm-criteo", {"bottom", "[]"}, "bottom: does not end in embedding_width = 128"},
    {"dlrm-criteo", {"interaction", "concat"}, NULL},
    {"ncf", {"bottom", "[3, 7]"}, "bottom: has no numbers to work on, allowed is [] with numeric = 0"},
    {"wide-deep", {"interaction", "dot"}, "bottom: does not end in embedding_width = 32"},
    {"wide-deep", {"bottom", "[3, 7]"}, NULL}, /* any last width: nothing is multiplied */
};

static void test_mistakes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct workload workload;
    const bool loaded = load(mistakes[i].model, 1, 2, SETS(mistakes[i].set), &workload);
    print_message("%s %s=%s: %s", mistakes[i].model, mistakes[i].set.path, mistakes[i].set.value,
                  loaded ? "fine\n" : error.text);
    assert_true(loaded == (mistakes[i].message == NULL));
    if (loaded) continue;
    assert_int_equal(error.status, STATUS_INPUT);
    assert_int_equal(error.n_messages, 1);
    assert_non_null(strstr(error.text, mistakes[i].message));
  }
}

/* An odd half appears only where a unit without stride meets an odd width. */
static void test_odd_shuffle(void **state) {
  (void)state;
  struct workload workload;
  assert_false(
      load("shufflenet_v2_x1_0", 1, 2, SETS({"blocks.[0].width", "25"}, {"blocks.[2].stride", "1"}), &workload));
  assert_non_null(strstr(error.text, "an odd number of channels has no halves"));
}

static void test_all_mistakes_at_once(void **state) {
  (void)state;
  struct workload workload;
  assert_false(load("mixtral-8x7b", 1, 2, SETS({"heads", "7"}, {"kv_heads", "5"}, {"top_k", "9"}), &workload));
  assert_int_equal(error.n_messages, 3);
}

static void test_absurd_batch(void **state) {
  (void)state;
  for (size_t i = 0; i < N_KINDS; i++) {
    struct workload workload;
    assert_false(load(kinds_of_model[i], 1ULL << 62, 2, NULL, &workload));
    print_message("%s", error.text);
    assert_non_null(strstr(error.text, "do not fit 64 bits"));
    assert_int_equal(error.status, STATUS_INPUT);
  }
  struct workload workload; /* every op fits, their products do not */
  assert_false(load("gpt3-175b", 11529215046, 2, NULL, &workload));
  assert_non_null(strstr(error.text, "of op 'layer0."));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_mistakes),
      TEST(test_odd_shuffle),
      TEST(test_all_mistakes_at_once),
      TEST(test_absurd_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

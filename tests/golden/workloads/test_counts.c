/* Do the shipped model files make the networks they are named after?
 *
 * Every file is generated and compared with its own `check`, and with a table in this test. Sources of the table: our
 * reference counts (workloads §3), which were made apart from these generators: closed formulas for transformers,
 * module hooks in torchvision 0.14.1 for images, a PyTorch module for GNMT; GNMT's flop are those of its per-token
 * counts (workloads §2.3) for 26 source and 24 target tokens, DLRM's its MLPs and the full interaction product. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/two_arenas.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct reference {
  const char *name;
  uint64_t parameters, forward_flop;
};

static const struct reference references[] = {
    /* the benchmark set */
    {"mobilenet_v3_large", 5483032, 2 * 216589760ULL},
    {"resnet18", 11689512, 2 * 1814073344ULL},
    {"inception_v3", 23834568, 2 * 5713216096ULL},
    {"resnext101_32x8d", 88791336, 2 * 16414015488ULL},
    {"vgg16", 138357544, 2 * 15470264320ULL},
    {"gnmt4", 160671297, 2 * (26 * 47185920ULL + 24 * 80281600ULL + 26 * 24 * 2048ULL)},
    {"bert-base", 109482240, 120640241664},
    {"bert-large", 335141888, 367012085760},
    {"opt-1.3b", 1315758080, 6194148147200},
    {"gpt2-xl", 1557611200, 3506703564800},
    {"gpt3-175b", 174615846912, 734851724476416},
    /* further language models */
    {"opt-350m", 331196416, 1758990434304},
    {"megatron-22b", 22074273792, 95296734363648},
    {"mt-nlg-530b", 529600819200, 2205036209766400},
    {"megatron-1t", 1008038758400, 4183512894668800},
    {"bloom-176b", 176247271424, 738691425239040},
    {"gpt-neox-20b", 20554567680, 87443386662912},
    {"llama2-7b", 6738415616, 62921270886400},
    {"llama2-13b", 13015864320, 119024281190400},
    {"llama2-70b", 68976648192, 606878878924800},
    /* Adapters of rank 16 at 80 products of 8192 x 10240 and 8192 x 8192; what is frozen is not counted. */
    {"llama2-70b-lora", 80 * 16 * (8192 + 10240 + 8192 + 8192),
     2 * 8192ULL * (68976648192 - 32000 * 8192 - 161 * 8192 + 44564480) + 4 * 80 * 8192ULL * 8192 * 8192},
    {"llama3-8b", 8030261248, 158140695838720},
    {"llama3-70b", 70553706496, 1314637949698048},
    {"llama3.1-405b", 405853388800, 7169159410483200},
    {"mixtral-8x7b", 46702792704, 113223927857152},
    {"mixtral-8x22b", 140630071296, 342222994145280},
    /* Closed formulas again. Parameters are those of the published checkpoints, to the last one: 1.24 and 3.21 B, 7.25,
     * 2.51, 8.54, 0.49, 7.62, 72.7, 0.60, 8.19, 30.5, 235 B. */
    {"llama3.2-1b", 1235814400, 29042568855552},
    {"llama3.2-3b", 3212749824, 75724568395776},
    {"mistral-7b", 7248023552, 151732604633088},
    {"gemma-2b", 2506172416, 50955491999744},
    {"gemma-7b", 8537680896, 170664820473856},
    {"qwen2.5-0.5b", 494032768, 13865496608768},
    {"qwen2.5-7b", 7615616512, 142777597820928},
    {"qwen2.5-72b", 72706203648, 1346695585595392},
    {"qwen3-0.6b", 596049920, 25157770936320},
    {"qwen3-8b", 8190735360, 163578124435456},
    {"qwen3-30b-a3b", 30532122624, 102404905238528},
    {"qwen3-235b-a22b", 235093634560, 559264871481344},
    /* Closed formulas; parameters are those that keras-team/keras-hub@71453d0 states of the same checkpoints. */
    {"gemma2-2b", 2614341888, 57123065036800},
    {"gemma2-9b", 9241705984, 197585675485184},
    {"gemma2-27b", 27227128320, 496652838240256},
    {"gemma3-1b", 999885952, 23526757105664},
    {"gemma3-4b", 3880099328, 82257213652992},
    {"gemma3-12b", 11765788416, 245534690377728},
    {"gemma3-27b", 27009002240, 510663021559808},
    {"qwen3-32b", 32762123264, 664755710722048},
    /* Added up by layer, apart; parameters are the published 671 B (the main model's) and 15.7 B. */
    {"deepseek-v3", 671026419200, 382994581815296},
    {"deepseek-v2-lite", 15706484224, 24691766984704},
    /* Whisper: matrices and biases by hand (keys have none); the checkpoint's parameters less 1500 sines. */
    {"whisper-large-v3", 1543490560 - 1500 * 1280,
     2 * (3000 * 3 * 128 * 1280ULL + 1500 * 3 * 1280 * 1280ULL +
          32 * (1500 * 12 * 1280 * 1280ULL + 2 * 1500 * 1500 * 1280ULL) +
          32 * (448 * 14 * 1280 * 1280ULL + 1500 * 2 * 1280 * 1280ULL + 2 * 448 * (448 + 1500) * 1280ULL) +
          448 * 1280 * 51866ULL)},
    /* T5: by hand from the shapes of its matrices; parameters are the published 60.5, 223, 738 M, 2.85, 11.3 B, of
     * Flan-T5-Base 248 M. */
    {"t5-small", 60506624, 35417800704},
    {"t5-base", 222903552, 141981401088},
    {"t5-large", 737668096, 481392721920},
    {"t5-3b", 2851598336, 1903067922432},
    {"t5-11b", 11307321344, 7589768724480},
    {"flan-t5-base", 247577856, 141981401088},
    /* From the shapes in the public code, added up apart. MobileBERT: the model's 24,581,888 and its head's, a layer of
     * 512 with its norm, 384 more columns and a bias a word. Transformer-XL: the published 151 M. */
    {"mobilebert", 24581888 + (512 * 512 + 512 + 1024) + 384 * 30522 + 30522, 40228618240},
    {"transformer-xl-base", 151107538, 22418517100},
    /* Added up by layer, apart. torchvision states the parameters of Swin; those of DiT count 256 rows of sines, those
     * of Flux.1 dev a guidance of 256 · h + h² + 2h numbers. */
    {"swin_t", 28288354, 2 * 4490566656ULL},
    {"swin_b", 87768224, 2 * 15430946816ULL},
    {"dit-xl-2", 675129632 - 256 * 1152, 2 * 118621421568ULL},
    {"flux.1-schnell", 11901408320 - (256 * 3072 + 3072 * 3072 + 2 * 3072), 2 * 3403372560384ULL},
    /* CLIP: parameters are those of the checkpoints; towers of 12·h² weights a token and 2·n²·h products of attention,
     * projections of one token each, and the pair's own product. */
    {"clip-vit-b-32", 151277313,
     2 * (49 * 3 * 1024 * 768ULL + 12 * (50 * 12 * 768 * 768ULL + 2 * 50 * 50 * 768ULL) + 768 * 512 +
          12 * (77 * 12 * 512 * 512ULL + 2 * 77 * 77 * 512ULL) + 512 * 512 + 512)},
    {"clip-vit-l-14", 427616513,
     2 * (256 * 3 * 196 * 1024ULL + 24 * (257 * 12 * 1024 * 1024ULL + 2 * 257 * 257 * 1024ULL) + 1024 * 768 +
          12 * (77 * 12 * 768 * 768ULL + 2 * 77 * 77 * 768ULL) + 768 * 768 + 768)},
    /* further images, and records */
    {"vit_l_16", 304326632, 123109425152}, /* parameters: torchvision's documentation; the rest by closed formula */
    {"vit_h_14", 632045800, 334590218240}, /* likewise, of its weights for 224 pixels */
    {"vit_b_16", 86567656, 2 * 17563828224ULL},
    {"resnet34", 21797672, 2 * 3663761408ULL}, /* parameters: torchvision's documentation; the rest by hand, */
    {"resnet50", 25557032, 2 * 4089184256ULL},
    {"resnet101", 44549160, 2 * 7801405440ULL}, /* over the layers of its source; likewise below */
    {"resnext101_32x4d", 44177704, 2 * 7969996800ULL},
    {"resnext50_32x4d", 25028904, 2 * 4230479872ULL},
    {"wide_resnet50_2", 68883240, 2 * 11398021120ULL},
    {"mobilenet_v3_small", 2542856, 2 * 56510400ULL},
    {"mobilenet_v2", 3504872, 2 * 300774272ULL},
    {"mnasnet1_0", 4383312, 2 * 314415872ULL},
    {"efficientnet_b0", 5288548, 2 * 385814752ULL},
    {"efficientnet_v2_s", 21458488, 2 * 8365617152ULL},   /* of 384 pixels; torchvision says 21,458,488 and 8.366 G */
    {"efficientnet_v2_l", 118515272, 2 * 56079699008ULL}, /* of 480 */
    {"convnext_tiny", 28589128, 2 * 4455531264ULL},       /* torchvision says 28,589,128 and 88,591,464 */
    {"convnext_base", 88591464, 2 * 15354729472ULL},
    {"densenet121", 7978856, 2 * 2834161664ULL},
    {"alexnet", 61100840, 2 * 714188480ULL},
    {"googlenet", 6624904, 2 * 1498376192ULL},
    {"squeezenet1_0", 1248424, 2 * 818924576ULL},
    {"shufflenet_v2_x1_0", 2278604, 2 * 144907992ULL},
    {"dlrm-criteo", 2368897 + 332800000, 2 * (2365184 + 93312)},
    /* For tenants. Published: GPT-2's parameters. The rest by hand: 12 layers of 12·h² weights and 4·n²·h flop of
     * attention, logits, ELECTRA's two products between 128 and 256; multilayer perceptrons behind tables. */
    {"gpt2-small", 124439808, 12 * (2 * 1024 * 12 * 589824ULL + 4 * 1048576ULL * 768) + 2 * 1024 * 768 * 50257ULL},
    {"electra-small", 13581568,
     12 * (2 * 512 * 12 * 65536ULL + 4 * 262144ULL * 256) + 4 * 512 * 128 * 256ULL + 2 * 512 * 128 * 30522ULL},
    {"xlm-en-2048", 667088896, 12 * (2 * 512 * 12 * 4194304ULL + 4 * 262144ULL * 2048) + 2 * 512 * 2048 * 30145ULL},
    {"wide-deep", 83200000 + 845 * 1024 + 1024 * 512 + 512 * 256 + 256 + 1793,
     2 * (845 * 1024 + 1024 * 512 + 512 * 256 + 256)},
    /* Tables; the network that weighs (145·80 + 81·40 + 41 parameters, 14,760 MACs an item); the one on top with its
     * norm and bends (324 + 163·200 + 200 + 201·80 + 80 + 162; 48,560); two GRUs of 73·108; the judge with its norm
     * (144 + 73·100 + 101·50 + 102; 12,300 a click); the query's layer (37·36 + 36; 1,296). */
    {"din", (603668 + 367983 + 1601) * 18 + 14881 + 49446, 2 * (100 * 14760 + 100 * 36 + 48560)},
    {"dien", (603668 + 367983 + 1601) * 18 + 14881 + 49446 + 2 * 7884 + 12596 + 1368,
     2 * (100 * 14760 + 48560 + 200 * 7776 + 198 * 12300 + 1296)},
    {"dlrm-rm1", 8 * 4000000ULL * 32 + 129 * 64 + 65 * 32 + 289 * 256 + 257 * 64 + 65 * 1,
     2 * (128 * 64 + 64 * 32 + 288 * 256 + 256 * 64 + 64 * 1)},
    {"dlrm-rm2", 32 * 500000ULL * 64 + 257 * 128 + 129 * 64 + 2113 * 128 + 129 * 64 + 65 * 1,
     2 * (256 * 128 + 128 * 64 + 2112 * 128 + 128 * 64 + 64 * 1)},
    {"dlrm-rm3", 10 * 2000000ULL * 32 + 2561 * 1024 + 1025 * 256 + 257 * 32 + 353 * 512 + 513 * 256 + 257 * 1,
     2 * (2560 * 1024 + 1024 * 256 + 256 * 32 + 352 * 512 + 512 * 256 + 256 * 1)},
    /* 204,184,588 rows; row of 3,456; three crosses of rank 512. */
    {"dlrm-dcnv2",
     204184588 * 128ULL + 14 * 512 + 513 * 256 + 257 * 128 + 3 * (2 * 3456 * 512 + 3456) + 3457 * 1024 + 1025 * 1024 +
         1025 * 512 + 513 * 256 + 257,
     2 * (13 * 512 + 512 * 256 + 256 * 128 + 6 * 3456 * 512 + 3456 * 1024 + 1024 * 1024 + 1024 * 512 + 512 * 256 +
          256)},
    {"ncf", 165237 * 128 + 256 * 256 + 256 * 128 + 128 * 64 + 64 + 449, 2 * (256 * 256 + 256 * 128 + 128 * 64 + 64)},
};
enum { N_REFERENCES = sizeof references / sizeof *references };

/* Networks of images, by module hooks (workloads §3): how many convolutions, elements put out by convolutions and
 * linear layers, multiply-accumulates of depthwise convolutions. */
static const struct {
  const char *name;
  size_t n_convs, n_linears;
  uint64_t out_elements, depthwise_macs;
} images[] = {
    {"mobilenet_v3_large", 62, 2, 4407168, 18392640},
    {"mobilenet_v3_small", 52, 2, 1417680, 7460544},
    {"resnet18", 20, 1, 2484712, 0},
    {"resnet34", 36, 1, 3739112, 0},
    {"resnet50", 53, 1, 11114984, 0},
    {"resnet101", 104, 1, 16232936, 0},
    {"inception_v3", 94, 1, 8968488, 0},
    {"resnext101_32x8d", 104, 1, 31210472, 0},
    {"resnext101_32x4d", 104, 1, 21225448, 0},
    {"resnext50_32x4d", 53, 1, 14401512, 0},
    {"vgg16", 13, 3, 13556712, 0},
    {"efficientnet_b0", 81, 1, 6748036, 34532064},
    {"densenet121", 120, 1, 6900200, 0},
    {"mobilenet_v2", 52, 1, 6679112, 20716416},
    {"alexnet", 5, 3, 494184, 0},
    {"googlenet", 57, 1, 3227160, 0},
    {"squeezenet1_0", 26, 0, 4346248, 0},
    {"shufflenet_v2_x1_0", 56, 1, 1951200, 4159512},
    {"mnasnet1_0", 52, 1, 5457640, 28336896},
    {"wide_resnet50_2", 53, 1, 14401512, 0},
};

static void load(const char *name, struct workload *workload) {
  static struct error error;
  error = (struct error){0};
  const struct workload_request request = {.name = name, .data_folder = ".", .batch = 1, .element_bytes = 2};
  if (!workload_load(&request, &arena, &scratch, workload, &error)) fail_msg("%s: %s", name, error.text);
}

static uint64_t forward_flop(const struct workload *workload) {
  struct graph_totals totals;
  graph_totals(&workload->graph, &totals);
  return 2 * totals.macs[PHASE_FORWARD] - workload->router_flop;
}

static void test_every_file_meets_its_check(void **state) {
  (void)state;
  static struct error error;
  const char *const *names;
  size_t n;
  assert_true(workload_list(".", &arena, &names, &n, &error));
  assert_int_equal(n, N_REFERENCES);
  for (size_t i = 0; i < n; i++) {
    struct workload workload;
    struct graph_totals totals;
    load(names[i], &workload);
    graph_totals(&workload.graph, &totals);
    print_message("%s: %zu ops\n", names[i], workload.graph.n_ops);
    assert_true(workload.check.present);
    assert_false(workload.overridden);
    assert_true(strlen(workload.check.source) > 0);
    assert_int_equal(totals.parameters, workload.check.parameters);
    assert_int_equal(totals.frozen_parameters, workload.check.frozen_parameters);
    assert_int_equal(forward_flop(&workload), workload.check.forward_flop);
  }
}

static void test_table(void **state) {
  (void)state;
  for (size_t i = 0; i < N_REFERENCES; i++) {
    struct workload workload;
    struct graph_totals totals;
    print_message("%s\n", references[i].name);
    load(references[i].name, &workload);
    graph_totals(&workload.graph, &totals);
    assert_int_equal(totals.parameters, references[i].parameters);
    assert_int_equal(forward_flop(&workload), references[i].forward_flop);
  }
}

static void test_layers_of_images(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
    struct workload workload;
    size_t n_convs = 0, n_linears = 0;
    uint64_t out_elements = 0, depthwise_macs = 0;
    print_message("%s\n", images[i].name);
    load(images[i].name, &workload);
    for (size_t k = 0; k < workload.graph.n_ops; k++) {
      const struct op *const op = &workload.graph.ops[k];
      if (op_kinds[op->kind].class != CLASS_TENSOR) continue;
      n_convs += op->kind != OP_GEMM;
      n_linears += op->kind == OP_GEMM;
      out_elements += op->out_bytes / op->element_bytes;
      if (op->kind == OP_DEPTHWISE) depthwise_macs += op_macs(op);
    }
    assert_int_equal(n_convs, images[i].n_convs);
    assert_int_equal(n_linears, images[i].n_linears);
    assert_int_equal(out_elements, images[i].out_elements);
    assert_int_equal(depthwise_macs, images[i].depthwise_macs);
  }
}

/* workloads §3: 8.59 and 22.55 GFLOP a sequence, kept apart. */
static void test_routers_are_apart(void **state) {
  (void)state;
  struct workload workload;
  load("mixtral-8x7b", &workload);
  assert_int_equal(workload.router_flop, 8589934592);
  load("mixtral-8x22b", &workload);
  assert_int_equal(workload.router_flop, 22548578304);
  load("llama2-70b", &workload);
  assert_int_equal(workload.router_flop, 0);
}

/* workloads §3, under the table: the multiply-accumulates of ViT's attention products. */
static void test_attention_of_vit(void **state) {
  (void)state;
  struct workload workload;
  load("vit_b_16", &workload);
  uint64_t macs = 0;
  for (size_t k = 0; k < workload.graph.n_ops; k++) {
    const struct op *const op = &workload.graph.ops[k];
    if (op->kind == OP_GEMM && !op->weighted) macs += op_macs(op);
  }
  assert_int_equal(macs, 715327488);
}

/* Repeated layers cost once: Llama's 80 layers and the two ends have few shapes; the blocks of Inception v3 between
 * which one tensor passes are 21 layers (7 before the mixed blocks, 11 mixed, 3 behind). */
static void test_layers(void **state) {
  (void)state;
  struct workload workload;
  load("llama2-70b", &workload);
  assert_true(workload.graph.n_shapes < 20);
  uint32_t last = 0;
  load("inception_v3", &workload);
  for (size_t k = 0; k < workload.graph.n_ops; k++)
    if (workload.graph.ops[k].layer != OP_ABSENT) last = workload.graph.ops[k].layer;
  assert_int_equal(last + 1, 21);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_every_file_meets_its_check, setup, teardown),
      cmocka_unit_test_setup_teardown(test_table, setup, teardown),
      cmocka_unit_test_setup_teardown(test_layers_of_images, setup, teardown),
      cmocka_unit_test_setup_teardown(test_routers_are_apart, setup, teardown),
      cmocka_unit_test_setup_teardown(test_attention_of_vit, setup, teardown),
      cmocka_unit_test_setup_teardown(test_layers, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

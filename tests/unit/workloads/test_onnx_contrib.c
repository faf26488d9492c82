/* Do the operators of newer sets and of com.microsoft have the shapes, parameters and products that they mean, and is
 * there a rule for every operator of ONNX?
 *
 * Files are written here field by field. Counts are worked by hand from the operators' documentation: ONNX sets 23 and
 * 24, and the contrib operators of microsoft/onnxruntime. All names: Operators.md of onnx/onnx,
 * domain ai.onnx, sets 1 to 26. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/workloads/onnx_file.h"
#include "workloads/training.h"

enum { FIELD_INPUT = 11, FIELD_OUTPUT = 12, REAL = 1, BYTE = 2, WHOLE = 7, SHORT = 6, TEXT_OF_ATTRIBUTE = 4 };

static void tensor(const char *name, size_t n, const int64_t *dims) {
  put_initializer(&graph, name, REAL, n, dims, 0, NULL);
}
#define TENSOR(name, ...)                                                                                              \
  tensor(name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})
static void number(const char *name, int64_t value) { put_initializer(&graph, name, WHOLE, 0, NULL, 1, &value); }
static void attribute(const char *name, int64_t value) { put_ints(&attributes, name, 1, &value); }
static void contrib(const char *node) {
  put_text(&attributes, 7, "com.microsoft");
  put_node(&graph, node, &attributes);
  attributes.n = 0;
}

/* The only outputs, and what it owns and computes. */
static void gives(const char *outputs, uint64_t parameters, uint64_t macs) {
  char found[256] = "";
  if (!parse(&graph, 23, true, NULL)) fail_msg("%s", trial.error.text);
  for (size_t i = 0; i < trial.notes.n_outputs; i++) {
    const size_t n = strlen(found);
    snprintf(found + n, sizeof found - n, "%s%s", i > 0 ? " " : "", trial.notes.outputs[i]);
  }
  assert_string_equal(found, outputs);
  assert_int_equal(trial.totals.parameters, parameters);
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], macs);
}
static size_t count(enum op_kind kind) {
  size_t n = 0;
  for (size_t i = 0; i < trial.workload.graph.n_ops; i++) n += trial.workload.graph.ops[i].kind == kind;
  return n;
}
static void refuses(const char *what) {
  assert_false(parse(&graph, 23, false, NULL));
  says(what);
}

static const char standard[] =
    "Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization "
    "Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu "
    "CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger "
    "ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace DequantizeLinear Det Div Dropout "
    "DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND "
    "Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization "
    "HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN "
    "LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul "
    "MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul "
    "Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement "
    "OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal "
    "RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
    "ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize "
    "ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt "
    "SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign "
    "Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt "
    "Squeeze StringConcat StringNormalizer StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer "
    "ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor";

static void test_every_operator_has_a_rule(void **state) {
  (void)state;
  char copy[sizeof standard], *rest = NULL;
  size_t n = 0;
  memcpy(copy, standard, sizeof standard);
  for (const char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest), n++) {
    struct onnx_known known;
    bool found = false;
    for (size_t i = 0; onnx_known_operator(i, &known) && !found; i++)
      found = known.domain[0] == '\0' && strcmp(known.name, name) == 0 && known.does != NULL;
    if (!found) fail_msg("no rule for %s", name);
  }
  assert_int_equal(n, 200);
}

/* --- attention --------------------------------------------------------------------------------------------------- */

static void test_attention(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "q", REAL, "2,8,5,16");
  put_value(&graph, FIELD_INPUT, "k", REAL, "2,2,7,16");
  put_value(&graph, FIELD_INPUT, "v", REAL, "2,2,7,12");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,8,5,12");
  attribute("is_causal", 1);
  put_node(&graph, "Attention q k v -> y", &attributes);
  gives("y [2,8,5,12]", 0, 2 * 8 * 5 * 7 * (16 + 12));
  assert_int_equal(count(OP_MASK), 1);
  assert_int_equal(count(OP_SOFTMAX), 1);
  end();
  /* Heads side by side, a mask, and tokens of the past. */
  start();
  put_value(&graph, FIELD_INPUT, "q", REAL, "2,5,128");
  put_value(&graph, FIELD_INPUT, "k", REAL, "2,5,32");
  put_value(&graph, FIELD_INPUT, "v", REAL, "2,5,32");
  put_value(&graph, FIELD_INPUT, "m", REAL, "5,8");
  put_value(&graph, FIELD_INPUT, "pk", REAL, "2,2,3,16");
  put_value(&graph, FIELD_INPUT, "pv", REAL, "2,2,3,16");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,128");
  put_value(&graph, FIELD_OUTPUT, "nk", REAL, "2,2,8,16");
  attribute("q_num_heads", 8);
  attribute("kv_num_heads", 2);
  put_node(&graph, "Attention q k v m pk pv -> y nk nv", &attributes);
  gives("y [2,5,128] nk [2,2,8,16]", 0, 2 * 8 * 5 * 8 * 32);
  assert_int_equal(count(OP_CONCAT), 2);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "q", REAL, "2,5,127");
  put_value(&graph, FIELD_INPUT, "k", REAL, "2,5,32");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,127");
  attribute("q_num_heads", 8);
  attribute("kv_num_heads", 2);
  put_node(&graph, "Attention q k k -> y", &attributes);
  refuses("node 0 'here' (Attention): its queries, keys, values and numbers of heads do not fit each other");
}

static void test_packed_attention(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  TENSOR("w", 24, 72);
  TENSOR("b", 72);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  attribute("num_heads", 4);
  contrib("Attention x w b -> y");
  gives("y [2,5,24]", 24 * 72 + 72, 2 * 5 * 24 * 72 + 2 * 4 * 5 * 5 * (6 + 6));
  end();
  start(); /* values narrower than keys */
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  TENSOR("w", 24, 56);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,8");
  attribute("num_heads", 4);
  put_ints(&attributes, "qkv_hidden_sizes", 3, (const int64_t[]){24, 24, 8});
  contrib("Attention x w -> y");
  gives("y [2,5,8]", 24 * 56, 2 * 5 * 24 * 56 + 2 * 4 * 5 * 5 * (6 + 2));
  end();
  /* Quantised: bytes are a weight. */
  start();
  put_value(&graph, FIELD_INPUT, "x", BYTE, "2,5,24");
  put_initializer(&graph, "w", BYTE, 2, (const int64_t[]){24, 72}, 0, NULL);
  TENSOR("b", 72);
  TENSOR("s", 1);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  attribute("num_heads", 4);
  contrib("QAttention x w b s s -> y");
  gives("y [2,5,24]", 24 * 72 + 72, 2 * 5 * 24 * 72 + 2 * 4 * 5 * 5 * (6 + 6));
  assert_true(trial.notes.quantised);
  end();
}

static void test_multi_head_attention(void **state) {
  (void)state;
  start(); /* cross attention, with biases and a bias of the scores */
  put_value(&graph, FIELD_INPUT, "q", REAL, "2,5,24");
  put_value(&graph, FIELD_INPUT, "k", REAL, "2,7,24");
  put_value(&graph, FIELD_INPUT, "v", REAL, "2,7,16");
  TENSOR("b", 24 + 24 + 16);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,16");
  attribute("num_heads", 4);
  contrib("MultiHeadAttention q k v b -> y");
  gives("y [2,5,16]", 64, 2 * 4 * 5 * 7 * (6 + 4));
  end();
  start(); /* all three in one tensor */
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,4,3,6");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  attribute("num_heads", 4);
  contrib("MultiHeadAttention x -> y");
  gives("y [2,5,24]", 0, 2 * 4 * 5 * 5 * 12);
  end();
  start(); /* keys and values in one */
  put_value(&graph, FIELD_INPUT, "q", REAL, "2,5,24");
  put_value(&graph, FIELD_INPUT, "k", REAL, "2,7,4,2,6");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  attribute("num_heads", 4);
  contrib("MultiHeadAttention q k -> y");
  gives("y [2,5,24]", 0, 2 * 4 * 5 * 7 * 12);
  end();
}

static void test_group_query_attention(void **state) {
  (void)state;
  start(); /* 8 query heads and 2 of keys in one tensor, 3 tokens before them, rotary turns inside */
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,192");
  put_value(&graph, FIELD_INPUT, "pk", REAL, "2,2,3,16");
  put_value(&graph, FIELD_INPUT, "pv", REAL, "2,2,3,16");
  put_value(&graph, FIELD_INPUT, "lengths", SHORT, "2,1");
  put_initializer(&graph, "total", SHORT, 0, NULL, 0, NULL);
  TENSOR("cos", 64, 8);
  TENSOR("sin", 64, 8);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,128");
  put_value(&graph, FIELD_OUTPUT, "nk", REAL, "2,2,8,16");
  attribute("num_heads", 8);
  attribute("kv_num_heads", 2);
  attribute("do_rotary", 1);
  struct bytes *const node = &attributes;
  put_text(node, 7, "com.microsoft");
  static const char *const inputs[] = {"x", "", "", "pk", "pv", "lengths", "total", "cos", "sin"};
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) put_text(node, 1, inputs[i]);
  put_node(&graph, "GroupQueryAttention -> y nk nv", node);
  gives("y [2,5,128] nk [2,2,8,16]", 0, 2 * 8 * 5 * 8 * 32);
  assert_int_equal(count(OP_ROTARY), 2);
  end();
}

/* A step of training: products with weights three times, products of activations three times, less the gradient of the
 * data; fused attention computes its scores once more. */
static void test_training(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  TENSOR("w0", 24, 24);
  TENSOR("w", 24, 72);
  TENSOR("b", 72);
  TENSOR("g", 24);
  put_node(&graph, "MatMul x w0 -> h", NULL);
  attribute("num_heads", 4);
  contrib("Attention h w b -> a");
  contrib("SkipSimplifiedLayerNormalization a h g -> y");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  const uint64_t first = 2 * 5 * 24 * 24, qkv = 2 * 5 * 24 * 72, scores = 2 * 4 * 5 * 5 * 6;
  gives("y [2,5,24]", 24 * 24 + 24 * 72 + 72 + 24, first + qkv + 2 * scores);
  for (int attention = 0; attention < 2; attention++) {
    struct training_settings settings;
    struct op_graph training;
    struct graph_totals totals;
    config_defaults(&training_fields, &trial.arena, &settings);
    settings.fusion = FUSION_OFF;
    settings.attention = attention == 0 ? ATTENTION_SEPARATE : ATTENTION_FUSED;
    assert_true(
        training_expand(&trial.workload.graph, &settings, &trial.arena, &trial.scratch, &training, &trial.error));
    graph_totals(&training, &totals);
    assert_int_equal(totals.macs[PHASE_FORWARD] + totals.macs[PHASE_BACKWARD_DATA] + totals.macs[PHASE_BACKWARD_WEIGHT],
                     2 * first + 3 * qkv + (attention == 0 ? 6 : 7) * scores);
  }
  end();
}

/* --- norms, tables, experts --------------------------------------------------------------------------------------- */

static void test_norms(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  put_value(&graph, FIELD_INPUT, "z", REAL, "2,5,24");
  TENSOR("g", 24);
  TENSOR("o", 24);
  TENSOR("b", 24);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  put_value(&graph, FIELD_OUTPUT, "s", REAL, "2,5,24");
  contrib("SkipLayerNormalization x z g o b -> y m v s");
  gives("y [2,5,24] s [2,5,24]", 72, 0);
  assert_int_equal(count(OP_ADD), 1);
  assert_int_equal(count(OP_LAYER_NORM), 1);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  TENSOR("g", 24);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  put_node(&graph, "RMSNormalization x g -> y", NULL);
  gives("y [2,5,24]", 24, 0);
  assert_int_equal(count(OP_RMS_NORM), 1);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "t", SHORT, "2,5");
  put_value(&graph, FIELD_INPUT, "s", SHORT, "2,5");
  TENSOR("words", 31, 24);
  TENSOR("places", 7, 24);
  TENSOR("kinds", 2, 24);
  TENSOR("g", 24);
  TENSOR("o", 24);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  contrib("EmbedLayerNormalization t s words places kinds g o -> y m");
  gives("y [2,5,24]", (31 + 7 + 2 + 2) * 24, 0);
  assert_int_equal(count(OP_EMBEDDING), 2);
  end();
}

/* Cosines and sines are stored, but are no parameters. */
static void test_rotary(void **state) {
  (void)state;
  for (int set = 0; set < 2; set++) {
    start();
    put_value(&graph, FIELD_INPUT, "x", REAL, "2,8,5,16");
    put_value(&graph, FIELD_INPUT, "at", WHOLE, "2,5");
    TENSOR("cos", 64, 8);
    TENSOR("sin", 64, 8);
    put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,8,5,16");
    if (set == 0)
      put_node(&graph, "RotaryEmbedding x cos sin at -> y", NULL);
    else
      contrib("RotaryEmbedding x at cos sin -> y");
    gives("y [2,8,5,16]", 0, 0);
    assert_int_equal(count(OP_ROTARY), 1);
    end();
  }
}

static void test_experts(void **state) {
  (void)state;
  start(); /* 4 experts, of which a row takes 2: 10 rows are 5 for each */
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,24");
  put_value(&graph, FIELD_INPUT, "r", REAL, "10,4");
  TENSOR("up", 4, 40, 24);
  TENSOR("ub", 4, 40);
  TENSOR("down", 4, 24, 40);
  TENSOR("db", 4, 24);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,24");
  attribute("k", 2);
  contrib("MoE x r up ub down db -> y");
  gives("y [2,5,24]", 4 * (2 * 40 * 24 + 40 + 24), 4 * 5 * 2 * 40 * 24);
  end();
  start(); /* of four bits, gate and values in one matrix */
  put_value(&graph, FIELD_INPUT, "x", REAL, "10,24");
  put_value(&graph, FIELD_INPUT, "r", REAL, "10,4");
  put_initializer(&graph, "up", BYTE, 3, (const int64_t[]){4, 80, 12}, 0, NULL);
  TENSOR("us", 4, 80);
  put_initializer(&graph, "down", BYTE, 3, (const int64_t[]){4, 24, 20}, 0, NULL);
  TENSOR("ds", 4, 24);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "10,24");
  attribute("k", 2);
  put_attribute(&attributes, "activation_type", TEXT_OF_ATTRIBUTE, "swiglu", 6);
  put_text(&attributes, 7, "com.microsoft");
  static const char *const inputs[] = {"x", "r", "up", "us", "", "down", "ds"};
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) put_text(&attributes, 1, inputs[i]);
  put_node(&graph, "QMoE -> y", &attributes);
  gives("y [10,24]", 4 * 3 * 40 * 24, 4 * 5 * 3 * 40 * 24);
  end();
}

/* --- products ----------------------------------------------------------------------------------------------------- */

static void test_few_bits(void **state) {
  (void)state;
  start(); /* 96 × 40 weights of four bits in blocks of 32, and the bias */
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,96");
  put_initializer(&graph, "w", BYTE, 3, (const int64_t[]){40, 3, 16}, 0, NULL);
  TENSOR("s", 120);
  TENSOR("b", 40);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,40");
  attribute("K", 96);
  attribute("N", 40);
  attribute("bits", 4);
  put_text(&attributes, 7, "com.microsoft");
  static const char *const inputs[] = {"x", "w", "s", "", "", "b"};
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) put_text(&attributes, 1, inputs[i]);
  put_node(&graph, "MatMulNBits -> y", &attributes);
  gives("y [2,5,40]", 96 * 40 + 40, 2 * 5 * 96 * 40);
  assert_true(trial.notes.quantised);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,5,95");
  put_initializer(&graph, "w", BYTE, 3, (const int64_t[]){40, 3, 16}, 0, NULL);
  TENSOR("s", 120);
  attribute("K", 96);
  attribute("N", 40);
  contrib("MatMulNBits x w s -> y");
  refuses("K is 96, but its operand has rows of 95");
}

static void test_fused_products(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,24,5");
  TENSOR("w", 24, 40);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "3,5,40");
  attribute("transA", 1);
  contrib("FusedMatMul x w -> y");
  gives("y [3,5,40]", 24 * 40, 3 * 5 * 24 * 40);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", BYTE, "5,24");
  TENSOR("s", 1);
  put_initializer(&graph, "z", BYTE, 0, NULL, 0, NULL);
  put_initializer(&graph, "w", BYTE, 2, (const int64_t[]){24, 40}, 0, NULL);
  put_initializer(&graph, "c", SHORT, 1, (const int64_t[]){40}, 0, NULL);
  put_value(&graph, FIELD_OUTPUT, "y", BYTE, "5,40");
  contrib("QGemm x s z w s z c s z -> y");
  gives("y [5,40]", 24 * 40 + 40, 5 * 24 * 40);
  end();
  start(); /* gates last, 4 · 7 of them */
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,2,5");
  put_initializer(&graph, "w", REAL, 3, (const int64_t[]){1, 5, 28}, 0, NULL);
  put_initializer(&graph, "r", REAL, 3, (const int64_t[]){1, 7, 28}, 0, NULL);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "3,1,2,7");
  contrib("DynamicQuantizeLSTM x w r -> y");
  gives("y [3,1,2,7]", 28 * 12, 3 * 2 * 28 * 12);
  end();
}

/* (x · a) · b, as numpy does it in order: rows of 3 by 24 × 40, then by 40 × 7. */
static void test_three_operands(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,24");
  TENSOR("a", 24, 40);
  TENSOR("b", 40, 7);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "3,7");
  put_attribute(&attributes, "equation", TEXT_OF_ATTRIBUTE, "bi,ij,jk->bk", 12);
  put_node(&graph, "Einsum x a b -> y", &attributes);
  gives("y [3,7]", 24 * 40 + 40 * 7, 3 * 24 * 40 + 3 * 40 * 7);
  end();
  start(); /* a letter of all three repeats; the file stores weights, so inputs are none */
  TENSOR("w", 2);
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,5");
  put_value(&graph, FIELD_INPUT, "z", REAL, "3,7");
  put_value(&graph, FIELD_INPUT, "u", REAL, "3,11");
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "5,7,11");
  put_attribute(&attributes, "equation", TEXT_OF_ATTRIBUTE, "ra,rb,rc->abc", 13);
  put_node(&graph, "Einsum x z u -> y", &attributes);
  gives("y [5,7,11]", 0, 3 * 5 * 7 + 3 * 5 * 7 * 11);
  end();
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void test_quantised_elements(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", BYTE, "2,5,24");
  put_value(&graph, FIELD_INPUT, "z", BYTE, "24");
  TENSOR("s", 1);
  put_initializer(&graph, "o", BYTE, 0, NULL, 0, NULL);
  put_value(&graph, FIELD_OUTPUT, "y", BYTE, "2,5,24");
  put_value(&graph, FIELD_OUTPUT, "c", BYTE, "2,10,24");
  contrib("QLinearAdd x s o z s o s o -> y");
  contrib("QLinearConcat s o x s o y s o -> c");
  gives("y [2,5,24] c [2,10,24]", 0, 0);
  assert_int_equal(count(OP_ADD), 1);
  assert_int_equal(count(OP_CONCAT), 1);
  end();
}

static void test_signals(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,100,1");
  number("step", 10);
  number("length", 20);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,9,11,2");
  put_node(&graph, "HannWindow length -> w", NULL);
  put_node(&graph, "STFT x step w length -> y", NULL);
  gives("y [2,9,11,2]", 0, 0);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,100,1");
  attribute("onesided", 1);
  put_node(&graph, "DFT x -> y", &attributes);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,51,2");
  gives("y [2,51,2]", 0, 0);
  end();
}

static void test_texts(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", 8, "5");
  put_node(&graph, "StringNormalizer x -> y", NULL);
  refuses("works on texts or on image files");
  start(); /* an operator nobody knows, whose shape is not stated either */
  put_node(&graph, "Nothing -> y", NULL);
  refuses("there is no rule for this operator, and the file does not say what shape it puts out; allowed are those of "
          "dse list onnx");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operator_has_a_rule),
      cmocka_unit_test(test_attention),
      cmocka_unit_test(test_packed_attention),
      cmocka_unit_test(test_multi_head_attention),
      cmocka_unit_test(test_group_query_attention),
      cmocka_unit_test(test_training),
      cmocka_unit_test(test_norms),
      cmocka_unit_test(test_rotary),
      cmocka_unit_test(test_experts),
      cmocka_unit_test(test_few_bits),
      cmocka_unit_test(test_fused_products),
      cmocka_unit_test(test_three_operands),
      cmocka_unit_test(test_quantised_elements),
      cmocka_unit_test(test_signals),
      cmocka_unit_test(test_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do the generators obey their keys? What they say of bad ones: test_generator_mistakes.c.
 *
 * Counts in the comments beside assertions are worked out by hand from workloads §2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/workloads/generate.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void load_or_fail(const char *name, uint64_t batch, uint64_t element_bytes, const struct config_set *sets,
                         struct workload *workload) {
  if (!load(name, batch, element_bytes, sets, workload)) fail_msg("%s: %s", name, error.text);
}

static struct graph_totals totals_of(const struct workload *workload) {
  struct graph_totals totals;
  graph_totals(&workload->graph, &totals);
  return totals;
}

static const struct op *find(const struct workload *workload, const char *name) {
  for (size_t i = 0; i < workload->graph.n_ops; i++)
    if (strcmp(op_name(&workload->graph, i), name) == 0) return &workload->graph.ops[i];
  fail_msg("no op '%s'", name);
  return NULL;
}

static size_t count(const struct workload *workload, enum op_kind kind) {
  size_t n = 0;
  for (size_t i = 0; i < workload->graph.n_ops; i++) n += workload->graph.ops[i].kind == kind;
  return n;
}

/* --- keys ------------------------------------------------------------------------------------------------------ */

static void test_overrides(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("gpt2-xl", 1, 2, SETS({"layers", "3"}, {"sequence", "2385"}), &workload);
  assert_true(workload.overridden);
  const uint64_t h = 1600, s = 2385, vocab = 50257;
  const struct graph_totals totals = totals_of(&workload);
  /* workloads §2.1: 12h² + 13h a layer, table, positions, final norm */
  assert_int_equal(totals.parameters, 3 * (12 * h * h + 13 * h) + vocab * h + s * h + 2 * h);
  assert_int_equal(2 * totals.macs[PHASE_FORWARD], 2 * s * (3 * 12 * h * h + vocab * h) + 4 * 3 * s * s * h);
  load_or_fail("gpt2-xl", 1, 2, NULL, &workload);
  assert_false(workload.overridden);
}

static void test_grouped_heads_of_any_size(void **state) {
  (void)state;
  struct workload workload;
  /* 9 heads of 96 are not 4096 wide: allowed */
  load_or_fail("llama3-8b", 3, 2, SETS({"heads", "9"}, {"kv_heads", "3"}, {"head_size", "96"}, {"layers", "1"}),
               &workload);
  const struct op *const qkv = find(&workload, "layer0.attention.qkv");
  assert_int_equal(qkv->dim[DIM_M], 3 * 8192);
  assert_int_equal(qkv->dim[DIM_N], (9 + 2 * 3) * 96);
  assert_int_equal(qkv->dim[DIM_K], 4096);
  assert_int_equal(qkv->n_parameters, 4096 * 15 * 96);
  const struct op *const scores = find(&workload, "layer0.attention.query_key");
  assert_int_equal(scores->dim[DIM_REPS], 3 * 9);
  assert_int_equal(scores->dim[DIM_K], 96);
  assert_int_equal(scores->in_bytes, 2 * 3 * 8192 * (9 + 3) * 96);
  assert_false(scores->weighted);
}

static void test_switches(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("gpt2-xl", 1, 2, SETS({"layers", "5"}, {"dropout", "false"}, {"activation", "relu2"}), &workload);
  assert_int_equal(count(&workload, OP_DROPOUT), 0);
  assert_int_equal(count(&workload, OP_GELU), 0);
  assert_int_equal(count(&workload, OP_RELU), 5);
  assert_int_equal(count(&workload, OP_MUL), 5);
  assert_int_equal(count(&workload, OP_MASK), 5);
  load_or_fail("gpt2-xl", 1, 2, SETS({"layers", "5"}, {"causal", "false"}, {"position", "alibi"}), &workload);
  assert_int_equal(count(&workload, OP_MASK), 0);
  assert_int_equal(count(&workload, OP_DROPOUT), 1 + 3 * 5);
  assert_int_equal(count(&workload, OP_ADD), 3 * 5); /* two residuals and the slopes, no position table */
  assert_int_equal(find(&workload, "layer4.attention.alibi")->in_bytes, 2 * (25 * 1024 * 1024 + 25 * 1024));
  load_or_fail("bloom-176b", 1, 2, SETS({"layers", "2"}, {"norm", "rms"}), &workload);
  assert_int_equal(count(&workload, OP_LAYER_NORM), 0);
  assert_int_equal(count(&workload, OP_RMS_NORM), 2 * 2 + 2);
}

/* A statistic of a channel is over all images; what follows has rows of pixels again. */
static void test_batch_norm_rows(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("resnet18", 5, 2, NULL, &workload);
  size_t n = 0;
  for (size_t i = 0; i < workload.graph.n_ops; i++) {
    const struct op *const op = &workload.graph.ops[i];
    if (op->kind != OP_BATCH_NORM) continue;
    assert_int_equal(op->dim[DIM_ROW] * (op->n_parameters / 2), op->dim[DIM_ELEMENTS]);
    assert_int_equal(op->dim[DIM_ROW] % 5, 0);
    n++;
  }
  assert_int_equal(n, 20);
  size_t n_relus = 0;
  for (size_t i = 0; i < workload.graph.n_ops; i++) {
    const struct op *const op = &workload.graph.ops[i];
    if (op->kind == OP_RELU && op->dim[DIM_ROW] <= 112) n_relus++;
  }
  assert_int_equal(n_relus, 17);
}

static void test_tied_table_is_owned_once(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("gpt2-xl", 1, 2, SETS({"layers", "1"}), &workload);
  const struct op *const table = find(&workload, "embedding.token"), *const logits = find(&workload, "head.logits");
  assert_int_not_equal(table->weight_group, OP_ABSENT);
  assert_int_equal(table->weight_group, logits->weight_group);
  assert_int_equal(table->n_parameters, 50257 * 1600);
  assert_int_equal(logits->n_parameters, 0);
  assert_int_equal(logits->weight_bytes, 2 * 50257 * 1600);
  load_or_fail("gpt2-xl", 1, 2, SETS({"layers", "1"}, {"tied", "false"}), &workload);
  assert_int_equal(find(&workload, "embedding.token")->weight_group, OP_ABSENT);
  assert_int_equal(find(&workload, "head.logits")->n_parameters, 50257 * 1600);
}

static void test_experts(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("mixtral-8x7b", 1, 2, SETS({"layers", "1"}, {"sequence", "2385"}, {"top_k", "3"}), &workload);
  const struct op *const gate = find(&workload, "layer0.feed_forward.gate");
  assert_int_equal(gate->dim[DIM_REPS], 8);
  assert_int_equal(gate->dim[DIM_M], 895); /* ⌈2385·3/8⌉ */
  assert_int_equal(gate->n_parameters, 8ULL * 4096 * 14336);
  assert_int_equal(workload.router_flop, 2 * 2385 * 4096 * 8);
  assert_int_equal(find(&workload, "layer0.experts.weigh")->dim[DIM_ELEMENTS], 3 * 2385 * 4096);
  load_or_fail("mixtral-8x7b", 1, 2, SETS({"layers", "1"}, {"sequence", "2385"}, {"capacity_factor", "0.5"}),
               &workload);
  assert_int_equal(find(&workload, "layer0.feed_forward.up")->dim[DIM_M], 298); /* ⌊2385·2/8·0.5⌋ */
}

/* T5: 6 layers of 512, 8 heads of 64; 512 tokens are read, 114 written. */
static void test_sequence_pairs(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("t5-small", 3, 2, NULL, &workload);
  const struct op *const scores = find(&workload, "decoder1.cross.query_key");
  assert_int_equal(scores->dim[DIM_REPS], 3 * 8);
  assert_int_equal(scores->dim[DIM_M], 114);
  assert_int_equal(scores->dim[DIM_N], 512);
  assert_int_equal(find(&workload, "decoder1.cross.key_value")->n_parameters, 512 * 2 * 512);
  assert_int_equal(find(&workload, "decoder1.attention.query_key")->dim[DIM_N], 114);
  /* a table of 32 buckets a stack, looked up by every layer, and by no cross-attention */
  assert_int_equal(find(&workload, "layer0.attention.position_bias")->n_parameters, 32 * 8);
  assert_int_equal(find(&workload, "layer5.attention.position_bias")->n_parameters, 0);
  assert_int_equal(find(&workload, "decoder0.attention.position_bias")->n_parameters, 32 * 8);
  assert_int_equal(find(&workload, "layer5.attention.position_bias")->out_bytes, 2 * 8 * 512 * 512);
  assert_int_equal(count(&workload, OP_EMBEDDING), 2 + 12);
  assert_int_equal(count(&workload, OP_SCALE), 0);
  assert_int_equal(count(&workload, OP_MASK), 6);
  assert_int_equal(count(&workload, OP_DROPOUT), 4 + 6 * 4 + 6 * 6);
  load_or_fail("t5-small", 1, 2, SETS({"tied", "false"}), &workload);
  assert_int_equal(totals_of(&workload).parameters, 60506624 + 32128 * 512);
}

/* A segment of 150 tokens beside 150 remembered ones; positions are the same for all samples; queries have two biases
 * that every layer shares; of 3 · 150 tokens 5, 12 and 2 of 100 lie in the groups of rare words. */
static void test_memory(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("transformer-xl-base", 3, 2, NULL, &workload);
  assert_int_equal(find(&workload, "layer2.attention.qkv")->dim[DIM_M], 3 * 300);
  assert_int_equal(find(&workload, "layer2.attention.distance")->dim[DIM_M], 300);
  const struct op *const scores = find(&workload, "layer2.attention.query_distance");
  assert_int_equal(scores->dim[DIM_REPS], 3 * 10);
  assert_int_equal(scores->dim[DIM_M], 150);
  assert_int_equal(scores->dim[DIM_N], 300);
  assert_int_equal(scores->in_bytes, 2 * (3 * 150 * 410 + 300 * 410));
  assert_int_equal(find(&workload, "layer0.attention.content_bias")->n_parameters, 410);
  assert_int_equal(find(&workload, "layer2.attention.content_bias")->n_parameters, 0);
  const struct op *const head = find(&workload, "head.logits"), *const tail = find(&workload, "tail1.head.logits");
  assert_int_equal(head->dim[DIM_N], 20000 + 3);
  assert_int_equal(head->n_parameters, 3 * 410 + 20003);
  assert_int_equal(tail->dim[DIM_M], 54);
  assert_int_equal(tail->dim[DIM_N], 200000 - 40000);
  assert_int_equal(tail->n_parameters, 200000 - 40000);
  assert_int_equal(count(&workload, OP_CROSS_ENTROPY), 4);
  load_or_fail("transformer-xl-base", 1, 2, SETS({"cutoffs", "[]"}, {"tail_percent", "[]"}), &workload);
  assert_int_equal(totals_of(&workload).parameters, 151107538 - 3 * 411);
}

/* Blocks that are narrow inside: 4 heads of 32, four networks; scale and shift are two operators. */
static void test_narrow_blocks(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("mobilebert", 3, 2, SETS({"layers", "2"}), &workload);
  assert_int_equal(find(&workload, "layer1.attention.query_key")->dim[DIM_K], 32);
  assert_int_equal(find(&workload, "layer1.attention.value")->dim[DIM_K], 512);
  assert_int_equal(find(&workload, "layer1.feed_forward3.down")->dim[DIM_K], 512);
  assert_int_equal(find(&workload, "embedding.linear")->dim[DIM_K], 3 * 128);
  assert_int_equal(find(&workload, "head.logits")->n_parameters, (384 + 1) * 30522);
  assert_int_equal(find(&workload, "head.logits")->weight_bytes, 2 * (512 + 1) * 30522);
  assert_int_equal(count(&workload, OP_MUL), 1 + 2 * (2 + 1 + 4 + 1));
  assert_int_equal(count(&workload, OP_DROPOUT), 2);
}

/* DIN weighs 100 items at once; DIEN's two GRUs are chains of 100 products, and its auxiliary network judges 99 clicks
 * twice with one set of weights. */
static void test_histories(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("din", 3, 2, NULL, &workload);
  assert_int_equal(find(&workload, "attention0.linear")->dim[DIM_M], 3 * 100);
  assert_int_equal(find(&workload, "attention0.linear")->dim[DIM_K], 4 * 36);
  assert_int_equal(find(&workload, "history.item.table")->n_parameters, 0);
  assert_int_equal(find(&workload, "top0.linear")->dim[DIM_K], 18 + 4 * 36);
  assert_int_equal(count(&workload, OP_GRU_CELL), 0);
  load_or_fail("dlrm-rm1", 3, 2, NULL, &workload);
  assert_int_equal(find(&workload, "table7")->out_bytes, 2 * 3 * 80 * 32); /* 80 rows a record, which are summed */
  assert_int_equal(find(&workload, "table7.sum")->out_bytes, 2 * 3 * 32);
  load_or_fail("dien", 3, 2, NULL, &workload);
  assert_int_equal(count(&workload, OP_GRU_CELL), 200);
  assert_int_equal(count(&workload, OP_CROSS_ENTROPY), 3);
  assert_int_equal(find(&workload, "interest.step0.recurrent")->n_parameters, 36 * 108);
  assert_int_equal(find(&workload, "interest.step99.recurrent")->n_parameters, 0);
  assert_int_equal(find(&workload, "click.layer0.linear")->dim[DIM_M], 3 * 99);
  assert_int_equal(find(&workload, "click.layer0.linear")->n_parameters, 73 * 100);
  assert_int_equal(find(&workload, "no_click.layer0.linear")->n_parameters, 0);
}

/* Qwen3: scales of 128 for queries and keys, whose rows are heads; values pass by. */
static void test_norms_of_heads(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("qwen3-0.6b", 1, 2, SETS({"sequence", "23"}), &workload);
  const struct op *const norm = find(&workload, "layer3.attention.head_norm");
  assert_int_equal(norm->n_parameters, 2 * 128);
  assert_int_equal(norm->dim[DIM_ELEMENTS], 23 * (16 + 8) * 128);
  assert_int_equal(norm->dim[DIM_ROW], 128);
  assert_int_equal(find(&workload, "layer3.attention.packed")->out_bytes, 2 * 23 * (16 + 2 * 8) * 128);
  load_or_fail("qwen2.5-0.5b", 1, 2, NULL, &workload);
  assert_int_equal(find(&workload, "layer3.attention.qkv")->n_parameters, (896 + 1) * (14 + 2 * 2) * 64);
  assert_int_equal(find(&workload, "layer3.attention.projection")->n_parameters, 896 * 896);
}

/* Gemma 2: a norm more behind either part; scores and logits bent. */
static void test_norms_on_both_sides(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("gemma2-2b", 1, 2, SETS({"layers", "3"}, {"sequence", "23"}), &workload);
  assert_int_equal(count(&workload, OP_RMS_NORM), 4 * 3 + 1);
  assert_int_equal(count(&workload, OP_TANH), 3 + 1);
  assert_int_equal(find(&workload, "layer1.attention.cap")->dim[DIM_ELEMENTS], 8 * 23 * 23);
  assert_int_equal(find(&workload, "head.cap")->dim[DIM_ELEMENTS], 23 * 256000);
}

/* DeepSeek-V3: 128 heads of 128 + 64, values of 128; the first layers are dense, others have an expert for all tokens.
 */
static void test_latent_attention(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("deepseek-v3", 1, 2, SETS({"layers", "5"}, {"sequence", "23"}), &workload);
  assert_int_equal(find(&workload, "layer4.attention.query_down")->n_parameters, 7168 * 1536);
  assert_int_equal(find(&workload, "layer4.attention.query")->dim[DIM_N], 128 * 192);
  assert_int_equal(find(&workload, "layer4.attention.key_value_down")->dim[DIM_N], 512 + 64);
  assert_int_equal(find(&workload, "layer4.attention.key_value")->dim[DIM_N], 128 * (128 + 128));
  assert_int_equal(find(&workload, "layer4.attention.query_key")->dim[DIM_K], 192);
  assert_int_equal(find(&workload, "layer4.attention.context")->dim[DIM_N], 128);
  assert_int_equal(find(&workload, "layer4.attention.projection")->dim[DIM_K], 128 * 128);
  assert_int_equal(find(&workload, "layer2.feed_forward.gate")->dim[DIM_N], 18432);
  assert_int_equal(find(&workload, "layer3.feed_forward.gate")->dim[DIM_REPS], 256);
  assert_int_equal(find(&workload, "layer3.shared.feed_forward.down")->dim[DIM_K], 2048);
  assert_int_equal(find(&workload, "layer3.experts.router")->n_parameters, 256 * 7168 + 256);
  assert_int_equal(workload.router_flop, 2ULL * 23 * 2 * 7168 * 256);
  assert_int_equal(count(&workload, OP_SIGMOID), 2);
}

/* Swin-T: stage 1 has 28 · 28 patches of 192 in 16 windows of 49 and 6 heads; a table of 13 · 13 distances a block;
 * only every second block moves its windows, and none where there is one window. */
static void test_windows(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("swin_t", 3, 2, NULL, &workload);
  const struct op *const scores = find(&workload, "layer2.attention.query_key");
  assert_int_equal(scores->dim[DIM_REPS], 3 * 16 * 6);
  assert_int_equal(scores->dim[DIM_M], 49);
  assert_int_equal(scores->dim[DIM_K], 32);
  assert_int_equal(find(&workload, "layer2.attention.position_bias")->n_parameters, 169 * 6);
  assert_int_equal(find(&workload, "stage1.merge.reduce")->n_parameters, 384 * 192);
  assert_int_equal(count(&workload, OP_GATHER), 2 * 5 + 3); /* blocks 1, 3, 5, 7, 9; three merges */
  assert_false(load("swin_t", 1, 2, SETS({"window", "9"}), &workload));
  assert_non_null(strstr(error.text, "window: 9 does not divide the 56 patches of a side of stage 0"));
}

/* Flux: 256 tokens of text and 256 patches see each other; two streams have six vectors each, one stream three. */
static void test_two_streams(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("flux.1-schnell", 3, 2, SETS({"joint_layers", "2"}, {"layers", "3"}), &workload);
  assert_int_equal(find(&workload, "joint1.text.modulation")->dim[DIM_N], 6 * 3072);
  assert_int_equal(find(&workload, "joint1.text.modulation")->dim[DIM_M], 3);
  assert_int_equal(find(&workload, "joint1.attention.query_key")->dim[DIM_M], 512);
  assert_int_equal(find(&workload, "layer2.block.first")->dim[DIM_N], 7 * 3072);
  assert_int_equal(find(&workload, "layer2.block.modulation")->dim[DIM_N], 3 * 3072);
  assert_int_equal(find(&workload, "head.pixels")->dim[DIM_M], 3 * 256);
  assert_false(load("dit-xl-2", 1, 2, SETS({"heads", "7"}), &workload));
  assert_non_null(strstr(error.text, "heads: 7 does not divide hidden = 1152"));
}

/* Of each table as many rows as it says; crosses of a row of 3 · 128 numbers with rank 7. */
static void test_crosses(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("dlrm-dcnv2", 5, 2,
               SETS({"tables", "2"}, {"rows", "[31, 37]"}, {"lookups", "[1, 11]"}, {"cross_rank", "7"}), &workload);
  assert_int_equal(find(&workload, "table1")->out_bytes, 5 * 11 * 128 * 2);
  assert_int_equal(find(&workload, "table1.sum")->dim[DIM_ELEMENTS], 5 * 11 * 128);
  const struct op *const down = find(&workload, "cross2.down"), *const up = find(&workload, "cross2.up");
  assert_int_equal(down->n_parameters, 384 * 7);
  assert_int_equal(up->n_parameters, 7 * 384 + 384);
  assert_int_equal(op_macs(down) + op_macs(up), 2 * 5 * 384 * 7);
  assert_false(load("dlrm-dcnv2", 1, 2, SETS({"lookups", "[1, 2, 3]"}), &workload));
  assert_non_null(strstr(error.text, "lookups: has 3 values, allowed are 1 and tables = 26"));
}

static void test_branches(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("tests/data/workloads/branches.cfg", 1, 2, NULL, &workload);
  assert_false(workload.check.present);
  /* stem 5·6·9, 6·6·3 twice, a norm each, FC 12·7 + 7 */
  assert_int_equal(totals_of(&workload).parameters, 270 + 108 + 108 + 3 * 12 + 91);
  const struct op *const pool = find(&workload, "half.pool");
  assert_int_equal(pool->dim[DIM_ELEMENTS], 6 * 12 * 12); /* ⌈(23 − 2)/2⌉ + 1 */
  assert_int_equal(pool->dim[DIM_WINDOW], 4);
  assert_int_equal(pool->out_bytes, 3 * 6 * 12 * 12); /* with the index of a byte */
  assert_int_equal(find(&workload, "stem.conv")->layer, 0);
  assert_int_equal(find(&workload, "sum.add")->layer, 1);
  assert_int_equal(find(&workload, "end.conv")->layer, 1); /* the stem is still needed: no cut in between */
  assert_int_equal(pool->layer, 2);
}

static void test_recurrence(void **state) {
  (void)state;
  struct workload workload;
  load_or_fail("gnmt4", 3, 2, SETS({"source_length", "5"}, {"target_length", "4"}), &workload);
  assert_int_equal(totals_of(&workload).parameters, 160671297);
  assert_int_equal(count(&workload, OP_LSTM_CELL), 5 * 5 + 4 * 4);
  const struct op *const first = find(&workload, "encoder0.backward.step0.recurrent");
  const struct op *const last = find(&workload, "encoder0.backward.step4.recurrent");
  assert_int_equal(first->weight_group, last->weight_group);
  assert_int_not_equal(first->weight_group, find(&workload, "encoder0.forward.step0.recurrent")->weight_group);
  assert_int_equal(first->n_parameters, 4 * 1024 * 1024 + 4 * 1024);
  assert_int_equal(last->n_parameters, 0);
  assert_int_equal(last->dim[DIM_M], 3);
}

/* --- scaling --------------------------------------------------------------------------------------------------- */

static void test_batch_is_linear(void **state) {
  (void)state;
  for (size_t i = 0; i < N_KINDS; i++) {
    struct workload one, seven;
    print_message("%s\n", kinds_of_model[i]);
    load_or_fail(kinds_of_model[i], 1, 2, NULL, &one);
    load_or_fail(kinds_of_model[i], 7, 2, NULL, &seven);
    const struct graph_totals a = totals_of(&one), b = totals_of(&seven);
    assert_int_equal(7 * a.macs[PHASE_FORWARD], b.macs[PHASE_FORWARD]);
    assert_int_equal(a.parameters, b.parameters);
    assert_int_equal(one.router_flop, seven.router_flop);
    assert_int_equal(one.graph.n_ops, seven.graph.n_ops);
    for (size_t k = 0; k < one.graph.n_ops; k++)
      assert_int_equal(7 * one.graph.ops[k].out_bytes, seven.graph.ops[k].out_bytes);
  }
}

/* Indices, losses and masks have sizes of their own; all else is four times as large in four bytes as in one. */
static void test_element_bytes(void **state) {
  (void)state;
  for (size_t i = 0; i < N_KINDS; i++) {
    struct workload small, large;
    load_or_fail(kinds_of_model[i], 3, 1, NULL, &small);
    load_or_fail(kinds_of_model[i], 3, 4, NULL, &large);
    assert_int_equal(small.graph.n_ops, large.graph.n_ops);
    for (size_t k = 0; k < small.graph.n_ops; k++) {
      const struct op *const a = &small.graph.ops[k], *const b = &large.graph.ops[k];
      assert_memory_equal(a->dim, b->dim, sizeof a->dim);
      assert_int_equal(4 * a->weight_bytes, b->weight_bytes);
      if (op_kinds[a->kind].class != CLASS_TENSOR) continue;
      assert_int_equal(4 * a->in_bytes, b->in_bytes);
      assert_int_equal(4 * a->out_bytes, b->out_bytes);
      assert_int_equal(b->element_bytes, 4);
    }
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_overrides),        TEST(test_grouped_heads_of_any_size),
      TEST(test_switches),         TEST(test_tied_table_is_owned_once),
      TEST(test_experts),          TEST(test_branches),
      TEST(test_recurrence),       TEST(test_batch_is_linear),
      TEST(test_element_bytes),    TEST(test_batch_norm_rows),
      TEST(test_sequence_pairs),   TEST(test_memory),
      TEST(test_narrow_blocks),    TEST(test_histories),
      TEST(test_norms_of_heads),   TEST(test_norms_on_both_sides),
      TEST(test_latent_attention), TEST(test_windows),
      TEST(test_two_streams),      TEST(test_crosses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

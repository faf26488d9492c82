/* Do split models keep, compute and send what is published for them?
 *
 * Sources: bytes a layer keeps under tensor and sequence parallelism, Korthikanti et al., arXiv 2205.05198, table 2,
 * and its percentages (figure 7; accelerator-search §9, workloads §7); collectives of a layer, arXiv 1909.08053 and
 * workloads §8; multiply-accumulates and parameters of the shipped models are those of test_counts. A layer's share is
 * what one more layer adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/split.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct arena arena, scratch;

/* Bytes of the full tensors of collectives, and how many there are. */
struct traffic {
  uint64_t n[N_OP_KINDS][N_PHASES], bytes[N_OP_KINDS][N_PHASES];
};

struct counts {
  uint64_t stash_bytes;
  struct traffic traffic;
};

static void load(const char *name, const struct config_set *sets, size_t n_sets, uint64_t batch,
                 struct workload *workload) {
  static struct error error;
  error = (struct error){0};
  const struct workload_request request = {
      .name = name, .data_folder = ".", .batch = batch, .element_bytes = 2, .sets = sets, .n_sets = n_sets};
  if (!workload_load(&request, &arena, &scratch, workload, &error)) fail_msg("%s", error.text);
}

static void apply(const struct op_graph *forward, const struct split_degrees *degrees, struct op_graph *rank,
                  struct split_extras *extras) {
  static struct error error;
  error = (struct error){0};
  if (!split_apply(forward, degrees, &arena, &scratch, rank, extras, &error)) fail_msg("%s", error.text);
}

static void count(const struct op_graph *rank, uint64_t attention, struct counts *counts) {
  struct error error = {0};
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  settings.attention = attention;
  struct op_graph training;
  if (!training_expand(rank, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  struct graph_totals totals;
  graph_totals(&training, &totals);
  *counts = (struct counts){.stash_bytes = totals.stash_bytes};
  for (size_t i = 0; i < training.n_ops; i++) {
    const struct op *const op = &training.ops[i];
    if (op_kinds[op->kind].class != CLASS_LINK) continue;
    counts->traffic.n[op->kind][op->phase]++;
    counts->traffic.bytes[op->kind][op->phase] += op->dim[DIM_BYTES];
  }
}

struct config {
  const char *model;
  uint64_t batch, attention;
  struct split_degrees degrees;
};

static void layers(const struct config *config, const char *n, struct counts *counts) {
  const struct config_set sets[] = {{"layers", n}};
  struct workload workload;
  load(config->model, sets, 1, config->batch, &workload);
  struct op_graph rank;
  apply(&workload.graph, &config->degrees, &rank, NULL);
  count(&rank, config->attention, counts);
}

static struct counts one_more_layer(const struct config *config) {
  static struct counts three, four;
  layers(config, "3", &three);
  layers(config, "4", &four);
  four.stash_bytes -= three.stash_bytes;
  for (size_t k = 0; k < N_OP_KINDS; k++)
    for (size_t p = 0; p < N_PHASES; p++) {
      four.traffic.n[k][p] -= three.traffic.n[k][p];
      four.traffic.bytes[k][p] -= three.traffic.bytes[k][p];
    }
  return four;
}

static struct config gpt(const char *model, uint64_t batch, uint64_t t, bool sequence) {
  return (struct config){.model = model, .batch = batch, .degrees = {t, 1, 1, 1, 1, sequence, false}};
}

/* --- kept bytes ------------------------------------------------------------------------------------------------ */

static const struct shape {
  const char *model;
  uint64_t b, s, h, a;
  double sequence_percent; /* of the bytes of tensor parallelism alone, t = 8: published */
} shapes[] = {{"megatron-22b", 4, 2048, 6144, 64, 66.84},
              {"gpt3-175b", 1, 2048, 12288, 96, 62.04},
              {"mt-nlg-530b", 1, 2048, 20480, 128, 58.31},
              {"megatron-1t", 1, 2048, 25600, 160, 58.31}};

static void test_kept_bytes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const struct shape *const m = &shapes[i];
    const uint64_t sbh = m->s * m->b * m->h, squares = 5 * m->a * m->s * m->s * m->b;
    for (uint64_t t = 1; t <= 16; t *= 2) {
      const struct config tensor = gpt(m->model, m->b, t, false), both = gpt(m->model, m->b, t, true);
      assert_int_equal(one_more_layer(&tensor).stash_bytes, 10 * sbh + 24 * sbh / t + squares / t);
      assert_int_equal(one_more_layer(&both).stash_bytes, (34 * sbh + squares) / t);
    }
  }
}

static void test_published_percentages(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const struct config tensor = gpt(shapes[i].model, shapes[i].b, 8, false);
    const struct config both = gpt(shapes[i].model, shapes[i].b, 8, true);
    const double percent =
        100.0 * (double)one_more_layer(&both).stash_bytes / (double)one_more_layer(&tensor).stash_bytes;
    assert_true(percent > shapes[i].sequence_percent - 0.15 && percent < shapes[i].sequence_percent + 0.15);
  }
}

/* --- collectives ----------------------------------------------------------------------------------------------- */

struct expected {
  enum op_kind kind;
  enum op_phase phase;
  uint64_t n, bytes; /* of each */
};

/* Nothing but these, of links of any kind. */
static void check_traffic(const struct counts *counts, const struct expected *expected, size_t n) {
  struct traffic rest = counts->traffic;
  for (size_t i = 0; i < n; i++) {
    const struct expected *const e = &expected[i];
    assert_int_equal(rest.n[e->kind][e->phase], e->n);
    assert_int_equal(rest.bytes[e->kind][e->phase], e->n * e->bytes);
    rest.n[e->kind][e->phase] = rest.bytes[e->kind][e->phase] = 0;
  }
  const struct traffic none = {0};
  assert_memory_equal(&rest, &none, sizeof none);
}
#define CHECK_TRAFFIC(counts, expected) check_traffic(counts, expected, sizeof(expected) / sizeof *(expected))

/* "2 all-reduces of bsh in F, 2 in B". */
static void test_tensor_traffic(void **state) {
  (void)state;
  const struct config config = gpt("gpt3-175b", 3, 8, false);
  const struct counts counts = one_more_layer(&config);
  const uint64_t bytes = 2ULL * 3 * 2048 * 12288;
  const struct expected expected[] = {{OP_ALL_REDUCE, PHASE_FORWARD, 2, bytes},
                                      {OP_ALL_REDUCE, PHASE_BACKWARD_DATA, 2, bytes}};
  CHECK_TRAFFIC(&counts, expected);
}

/* "Each all-reduce becomes all-gather + reduce-scatter; the kept shard costs one more all-gather before W of QKV and of
 * FC1", which in a gated layer is one tensor of two matrices. */
static void test_sequence_traffic(void **state) {
  (void)state;
  static const struct {
    const char *model;
    uint64_t sh;
  } models[] = {{"gpt3-175b", 2048ULL * 12288}, {"llama2-7b", 4096ULL * 4096}};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    const struct config config = gpt(models[i].model, 3, 8, true);
    const struct counts counts = one_more_layer(&config);
    const uint64_t bytes = 2 * 3 * models[i].sh;
    const struct expected expected[] = {{OP_ALL_GATHER, PHASE_FORWARD, 2, bytes},
                                        {OP_REDUCE_SCATTER, PHASE_FORWARD, 2, bytes},
                                        {OP_ALL_GATHER, PHASE_BACKWARD_DATA, 2, bytes},
                                        {OP_REDUCE_SCATTER, PHASE_BACKWARD_DATA, 2, bytes},
                                        {OP_ALL_GATHER, PHASE_BACKWARD_WEIGHT, 2, bytes}};
    CHECK_TRAFFIC(&counts, expected);
  }
}

/* "Ring passes K and V: 2·(c−1)/c·b·s·q·e elements sent per layer in F, twice that in B": what gathering and scattering
 * of a tensor of 2·b·s·q·e sends. With a tensor group beside it, its share of the keys. */
static void test_context_traffic(void **state) {
  (void)state;
  for (uint64_t attention = ATTENTION_SEPARATE; attention <= ATTENTION_CAUSAL; attention++)
    for (uint64_t t = 1; t <= 16; t *= 2) {
      struct config config = {
          .model = "llama3-8b", .batch = 3, .attention = attention, .degrees = {t, 4, 1, 1, 1, false, false}};
      const struct counts counts = one_more_layer(&config);
      const uint64_t q = t < 8 ? 8 / t : 1, keys = 2ULL * 2 * 3 * 8192 * q * 128, tokens = 2ULL * 3 * 8192 / 4 * 4096;
      const struct expected expected[] = {{OP_ALL_GATHER, PHASE_FORWARD, 1, keys},
                                          {OP_ALL_GATHER, PHASE_BACKWARD_DATA, 1, keys},
                                          {OP_REDUCE_SCATTER, PHASE_BACKWARD_DATA, 1, keys},
                                          {OP_ALL_REDUCE, PHASE_FORWARD, t > 1 ? 2 : 0, tokens},
                                          {OP_ALL_REDUCE, PHASE_BACKWARD_DATA, t > 1 ? 2 : 0, tokens}};
      CHECK_TRAFFIC(&counts, expected);
    }
}

/* "All-to-all before and after, F and B: each rank sends (x−1)/x·(bs/t)·K·h elements." */
static void test_expert_traffic(void **state) {
  (void)state;
  const struct config alone = {.model = "mixtral-8x7b", .batch = 3, .degrees = {1, 1, 4, 8, 1, false, false}};
  const struct counts counts = one_more_layer(&alone);
  const uint64_t bytes = 2ULL * 3 * 4096 * 2 * 4096;
  const struct expected expected[] = {{OP_ALL_TO_ALL, PHASE_FORWARD, 2, bytes},
                                      {OP_ALL_TO_ALL, PHASE_BACKWARD_DATA, 2, bytes}};
  CHECK_TRAFFIC(&counts, expected);
  const struct config both = {.model = "mixtral-8x7b", .batch = 3, .degrees = {2, 1, 4, 8, 1, true, false}};
  const struct counts shared = one_more_layer(&both);
  assert_int_equal(shared.traffic.n[OP_ALL_TO_ALL][PHASE_FORWARD], 2);
  assert_int_equal(shared.traffic.bytes[OP_ALL_TO_ALL][PHASE_FORWARD], bytes);
  assert_int_equal(shared.traffic.bytes[OP_ALL_TO_ALL][PHASE_BACKWARD_DATA], bytes);
}

/* A layer of DeepSeek-V3 (arXiv 2412.19437): sums behind the projection, the shared expert and the rows of the others
 * forward; backward the gradients of what all ranks read: both narrow vectors, the part of the key that heads share,
 * the shared expert's input, the others' rows. A context group gathers 128 keys of 192 and values of 128 numbers. */
static void test_latent_traffic(void **state) {
  (void)state;
  const uint64_t tokens = 3 * 4096, h = 7168, chosen = 8;
  const struct config tensor = {.model = "deepseek-v3", .batch = 3, .degrees = {8, 1, 1, 1, 1, false, false}};
  struct counts counts = one_more_layer(&tensor);
  assert_int_equal(counts.traffic.n[OP_ALL_REDUCE][PHASE_FORWARD], 3);
  assert_int_equal(counts.traffic.bytes[OP_ALL_REDUCE][PHASE_FORWARD], 2 * tokens * h * (2 + chosen));
  assert_int_equal(counts.traffic.n[OP_ALL_REDUCE][PHASE_BACKWARD_DATA], 5);
  assert_int_equal(counts.traffic.bytes[OP_ALL_REDUCE][PHASE_BACKWARD_DATA],
                   2 * tokens * (1536 + 512 + 64 + h * (1 + chosen)));
  const struct config context = {.model = "deepseek-v3", .batch = 3, .degrees = {8, 4, 1, 1, 1, false, false}};
  counts = one_more_layer(&context);
  const uint64_t keys = 2 * tokens * 128 / 8 * (192 + 128);
  assert_int_equal(counts.traffic.n[OP_ALL_GATHER][PHASE_FORWARD], 2);
  assert_int_equal(counts.traffic.bytes[OP_ALL_GATHER][PHASE_FORWARD], keys);
  assert_int_equal(counts.traffic.bytes[OP_ALL_GATHER][PHASE_BACKWARD_DATA], keys);
  assert_int_equal(counts.traffic.bytes[OP_REDUCE_SCATTER][PHASE_BACKWARD_DATA], keys);
}

/* What the ends of a model send: the table's rows, the gradient of what enters the logits ("all-reduce of bsh in B,
 * three of bs scalars"). */
static void test_ends_traffic(void **state) {
  (void)state;
  const struct config config = gpt("gpt3-175b", 1, 8, false);
  static struct counts one, more;
  layers(&config, "1", &one);
  more = one_more_layer(&config);
  const uint64_t tokens = 2048, bytes = 2 * tokens * 12288;
  assert_int_equal(one.traffic.n[OP_ALL_REDUCE][PHASE_FORWARD] - more.traffic.n[OP_ALL_REDUCE][PHASE_FORWARD], 4);
  assert_int_equal(one.traffic.bytes[OP_ALL_REDUCE][PHASE_FORWARD] - more.traffic.bytes[OP_ALL_REDUCE][PHASE_FORWARD],
                   bytes + 3 * 4 * tokens);
  assert_int_equal(
      one.traffic.n[OP_ALL_REDUCE][PHASE_BACKWARD_DATA] - more.traffic.n[OP_ALL_REDUCE][PHASE_BACKWARD_DATA], 1);
  assert_int_equal(one.traffic.bytes[OP_ALL_REDUCE][PHASE_BACKWARD_DATA] -
                       more.traffic.bytes[OP_ALL_REDUCE][PHASE_BACKWARD_DATA],
                   bytes);
}

/* --- work and parameters --------------------------------------------------------------------------------------- */

static void phase_macs(const struct op_graph *graph, struct graph_totals *totals) {
  struct error error = {0};
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  struct op_graph training;
  if (!training_expand(graph, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  graph_totals(&training, totals);
}

/* Heads and vocabulary are padded where they do not divide, and nothing else is: all else adds up in every phase. */
static void check_model(const struct workload *workload, const char *name, uint64_t t, bool sequence) {
  const struct split_degrees degrees = {t, 1, 1, 1, 1, sequence, true};
  struct op_graph rank;
  struct split_extras extras;
  apply(&workload->graph, &degrees, &rank, &extras);
  struct graph_totals all, one;
  phase_macs(&workload->graph, &all);
  phase_macs(&rank, &one);
  if (t * one.macs[PHASE_FORWARD] != all.macs[PHASE_FORWARD] + extras.copied_macs + extras.padded_macs ||
      t * (one.parameters + one.frozen_parameters) !=
          all.parameters + all.frozen_parameters + extras.copied_parameters + extras.padded_parameters)
    fail_msg("%s: tensor = %d: work or parameters of the ranks do not add up", name, (int)t);
  if (extras.copied_macs + extras.padded_macs > 0) return;
  for (size_t p = 0; p < N_PHASES; p++) assert_int_equal(t * one.macs[p], all.macs[p]);
}

static void test_shipped_models(void **state) {
  (void)state;
  struct error error = {0};
  const char *const *names;
  size_t n, n_transformers = 0;
  assert_true(workload_list(".", &arena, &names, &n, &error));
  const struct arena_mark mark = arena_get_mark(&arena);
  for (size_t i = 0; i < n; i++) {
    struct workload workload;
    load(names[i], NULL, 0, 1, &workload);
    n_transformers += workload.graph.facts.heads > 0;
    for (uint64_t t = 2; t <= 8 && workload.graph.facts.heads > 0; t *= 2) {
      check_model(&workload, names[i], t, false);
      if (!workload.graph.facts.image && !workload.graph.facts.pair) check_model(&workload, names[i], t, true);
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_transformers >= 20);
}

/* "GPT2-XL has 25 heads, so t = 2, 4, 8 are illegal unless `pad_heads` is on (4, 12, 28 % more attention work)". */
static void test_padded_heads(void **state) {
  (void)state;
  static const uint64_t percent[][2] = {{2, 4}, {4, 12}, {8, 28}};
  struct workload workload;
  load("gpt2-xl", NULL, 0, 1, &workload);
  for (size_t i = 0; i < sizeof percent / sizeof *percent; i++) {
    const uint64_t t = percent[i][0];
    struct split_degrees degrees = {t, 1, 1, 1, 1, false, false};
    struct op_graph rank;
    struct error error = {0};
    assert_false(split_apply(&workload.graph, &degrees, &arena, &scratch, &rank, NULL, &error));
    assert_non_null(strstr(error.text, "does not divide heads = 25, allowed are their divisors, or pad_heads"));
    degrees.pad_heads = true;
    apply(&workload.graph, &degrees, &rank, NULL);
    uint64_t before = 0, after = 0;
    for (size_t k = 0; k < workload.graph.n_ops; k++)
      if (workload.graph.ops[k].split == SPLIT_SCORES) before += op_macs(&workload.graph.ops[k]);
    for (size_t k = 0; k < rank.n_ops; k++)
      if (rank.ops[k].split == SPLIT_SCORES) after += t * op_macs(&rank.ops[k]);
    assert_int_equal(100 * (after - before), percent[i][1] * before);
  }
}

/* Llama 3 70B has 8 keys: 16 ranks hold each of them twice, and a projection for it. */
static void test_copied_keys(void **state) {
  (void)state;
  struct workload workload;
  load("llama3-70b", NULL, 0, 1, &workload);
  const struct split_degrees degrees = {16, 1, 1, 1, 1, false, false};
  struct op_graph rank;
  struct split_extras extras;
  apply(&workload.graph, &degrees, &rank, &extras);
  const uint64_t columns = 2ULL * 8 * 128, norms = 161 * 8192ULL;
  assert_int_equal(extras.copied_parameters, 80 * columns * 8192 + 15 * norms);
  assert_int_equal(extras.copied_macs, 80 * columns * 8192 * 8192);
  assert_int_equal(extras.padded_parameters, 0);
  assert_int_equal(extras.padded_macs, 0);
}

int main(void) {
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kept_bytes),      cmocka_unit_test(test_published_percentages),
      cmocka_unit_test(test_tensor_traffic),  cmocka_unit_test(test_sequence_traffic),
      cmocka_unit_test(test_context_traffic), cmocka_unit_test(test_expert_traffic),
      cmocka_unit_test(test_latent_traffic),  cmocka_unit_test(test_ends_traffic),
      cmocka_unit_test(test_shipped_models),  cmocka_unit_test(test_padded_heads),
      cmocka_unit_test(test_copied_keys),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  arena_release(&scratch);
  return failed;
}

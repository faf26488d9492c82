/* Do the laws of splitting hold on random transformers and degrees?
 *
 * Workloads §8, laws 1 to 6: work, parameters, kept bytes, what collectives carry, token rows, order of strategies. The
 * reference is the unsplit graph, and a list of its own of which parts all ranks of a group repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "workloads/split.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MODELS = 300, MAX_SETS = 48, VALUE_BYTES = 24, E = 2 };
static const uint64_t default_seed = 2385;

struct bench {
  struct arena arena, scratch;
  struct rng rng;
  struct config_set sets[MAX_SETS];
  char values[MAX_SETS][VALUE_BYTES];
  size_t n_sets;
  struct workload workload;
  struct split_degrees degrees;
  uint64_t kv_heads, vocab, attention;
  bool latent; /* attention through narrow vectors */
  bool lora;   /* adapters beside frozen matrices */
  bool even;   /* nothing is padded, no key is copied */
  struct op_graph rank, whole_training, rank_training;
  struct split_extras extras;
};

/* --- random models --------------------------------------------------------------------------------------------- */

static void set(struct bench *bench, const char *key, uint64_t value) {
  assert_true(bench->n_sets < MAX_SETS);
  char *const text = bench->values[bench->n_sets];
  snprintf(text, VALUE_BYTES, "%llu", (unsigned long long)value);
  bench->sets[bench->n_sets++] = (struct config_set){key, text};
}

static void set_text(struct bench *bench, const char *key, const char *value) {
  assert_true(bench->n_sets < MAX_SETS);
  bench->sets[bench->n_sets++] = (struct config_set){key, value};
}

static uint64_t pick(struct bench *bench, const uint64_t *from, size_t n) { return from[rng_below(&bench->rng, n)]; }
static const char *flip(struct bench *bench) { return rng_below(&bench->rng, 2) == 0 ? "false" : "true"; }

static void set_switches(struct bench *bench) {
  static const char *const keys[] = {"gated",  "final_norm",     "bias", "parallel_block", "dropout",
                                     "causal", "embedding_norm", "tied", "qkv_bias",       "query_key_norm"};
  static const char *const without[] = {"bias", "qkv_bias", "query_key_norm"}; /* latent attention has none */
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    bool off = false;
    for (size_t k = 0; k < sizeof without / sizeof *without; k++)
      off |= bench->latent && strcmp(keys[i], without[k]) == 0;
    off |= bench->lora && strcmp(keys[i], "tied") == 0;
    set_text(bench, keys[i], off ? "false" : flip(bench));
  }
  static const char *const positions[] = {"\"learned\"", "\"rotary\"", "\"alibi\"", "\"none\""};
  static const char *const activations[] = {"\"gelu\"", "\"silu\"", "\"relu\"", "\"relu2\""};
  set_text(bench, "position", bench->latent ? "\"rotary\"" : positions[rng_below(&bench->rng, 4)]);
  set_text(bench, "activation", activations[rng_below(&bench->rng, 4)]);
  set_text(bench, "norm", rng_below(&bench->rng, 2) == 0 ? "\"rms\"" : "\"layer\"");
  set_text(bench, "norm_place", rng_below(&bench->rng, 2) == 0 ? "\"pre\"" : "\"post\"");
  if (rng_below(&bench->rng, 3) == 0) set(bench, "token_types", 2);
}

static void set_latent(struct bench *bench, uint64_t head) {
  set(bench, "key_value_rank", 5);
  set(bench, "query_rank", rng_below(&bench->rng, 2) == 0 ? 0 : 7);
  set(bench, "rotary_size", head / 2);
  set(bench, "value_size", 3);
}

/* Networks beside experts, of widths that the ranks divide. */
static void set_beside(struct bench *bench, uint64_t t, uint64_t layers) {
  static const uint64_t small[] = {1, 2, 3, 5};
  set(bench, "shared_experts", rng_below(&bench->rng, 3));
  set(bench, "dense_layers", rng_below(&bench->rng, layers + 1));
  set(bench, "dense_ffn", t * pick(bench, small, 4));
}

/* Degrees first, then sizes that they divide: heads, and keys that the ranks divide or are a multiple of. */
static void random_model(struct bench *bench) {
  static const uint64_t ranks[] = {1, 2, 3, 4, 6, 8}, contexts[] = {1, 1, 2, 3, 4}, small[] = {1, 2, 3, 5};
  struct split_degrees *const d = &bench->degrees;
  *d = (struct split_degrees){pick(bench, ranks, 6), pick(bench, contexts, 5), 1, 1, 1, false, false};
  d->sequence = d->tensor > 1 && rng_below(&bench->rng, 2) == 0;
  bench->n_sets = 0;
  bench->latent = rng_below(&bench->rng, 4) == 0;
  bench->lora = !bench->latent && rng_below(&bench->rng, 5) == 0;
  set_switches(bench);
  const uint64_t t = d->tensor;
  const bool copies = !bench->latent && rng_below(&bench->rng, 4) == 0; /* fewer keys than ranks */
  bench->kv_heads = copies ? (t % 2 == 0 ? t / 2 : 1) : t * pick(bench, small, 3);
  const uint64_t sharers = bench->latent ? 1
                           : copies      ? t / bench->kv_heads * pick(bench, small, 3)
                                         : pick(bench, small, 4);
  const uint64_t head = 2 * pick(bench, small, 4), layers = 1 + rng_below(&bench->rng, 3);
  bench->vocab = rng_below(&bench->rng, 4) == 0 ? 101 : t * 33;
  set(bench, "kv_heads", bench->kv_heads);
  set(bench, "heads", bench->kv_heads * sharers);
  set(bench, "head_size", head);
  set(bench, "hidden", 7 * pick(bench, small, 4));
  set(bench, "layers", layers);
  if (bench->latent) set_latent(bench, head);
  if (bench->lora) set(bench, "lora_rank", pick(bench, small, 4));
  if (bench->lora) set_text(bench, "lora_dropout", flip(bench));
  set(bench, "ffn", t * pick(bench, small, 4) * 3);
  set(bench, "vocab", bench->vocab);
  const uint64_t experts = bench->lora || rng_below(&bench->rng, 2) == 0 ? 0 : 4;
  set(bench, "sequence", 2 * 4 * t * d->context * pick(bench, small, 2)); /* tokens · top_k spread evenly */
  set(bench, "experts", experts);
  if (experts > 0) {
    set(bench, "top_k", 1 + rng_below(&bench->rng, experts));
    d->expert = 1ULL << rng_below(&bench->rng, 3);
    d->data = d->expert * pick(bench, small, 3);
    if (rng_below(&bench->rng, 4) == 0) set_text(bench, "capacity_factor", "0.5");
    if (rng_below(&bench->rng, 2) == 0) set_beside(bench, t, layers);
  }
  bench->attention = rng_below(&bench->rng, 3);
  bench->even = bench->vocab % t == 0 && bench->kv_heads % t == 0;
}

static void expand(struct bench *bench, const struct op_graph *forward, struct op_graph *training) {
  static struct error error;
  error = (struct error){0};
  struct training_settings settings;
  config_defaults(&training_fields, &bench->arena, &settings);
  settings.attention = bench->attention;
  settings.keep_statistics = bench->kv_heads % 2 == 0;
  if (!training_expand(forward, &settings, &bench->arena, &bench->scratch, training, &error))
    fail_msg("%s", error.text);
}

static void draw(struct bench *bench) {
  static struct error error;
  error = (struct error){0};
  random_model(bench);
  const struct workload_request request = {.name = "gpt2-xl",
                                           .data_folder = ".",
                                           .batch = 1 + rng_below(&bench->rng, 3),
                                           .element_bytes = E,
                                           .sets = bench->sets,
                                           .n_sets = bench->n_sets};
  if (!workload_load(&request, &bench->arena, &bench->scratch, &bench->workload, &error)) fail_msg("%s", error.text);
  if (!split_apply(&bench->workload.graph, &bench->degrees, &bench->arena, &bench->scratch, &bench->rank,
                   &bench->extras, &error))
    fail_msg("%s", error.text);
  expand(bench, &bench->workload.graph, &bench->whole_training);
  expand(bench, &bench->rank, &bench->rank_training);
}

/* --- what ranks of a tensor group repeat ----------------------------------------------------------------------- */

static bool is_between(const struct op *op) { /* of the matrices */
  switch ((enum op_split)op->split) {
  case SPLIT_TOKENS:
  case SPLIT_DISPATCH:
  case SPLIT_RETURN:
    return true;
  default:
    return false;
  }
}

/* Ranks of tensor and context group that have different shares of op's work. */
static uint64_t sharers(const struct bench *bench, const struct op *op) {
  const struct split_degrees *const d = &bench->degrees;
  if (op->split == SPLIT_TABLE || op->split == SPLIT_TOKEN_IDS || (op->split == SPLIT_LOSS && op->kind == OP_INPUT))
    return d->context;
  return d->context * (is_between(op) && !d->sequence ? 1 : d->tensor);
}

/* --- laws ------------------------------------------------------------------------------------------------------ */

/* 1: Multiply-accumulates of all ranks, by phase; only what stands between the matrices is repeated. */
static void check_macs(const struct bench *bench) {
  const struct op_graph *const graph = &bench->rank_training;
  uint64_t macs[N_PHASES] = {0};
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const struct op *const of = op->mirror == OP_ABSENT ? op : &graph->ops[op->mirror];
    macs[op->phase] += sharers(bench, of) * op_macs(op);
  }
  struct graph_totals whole, forward, rank;
  graph_totals(&bench->whole_training, &whole);
  if (bench->even) assert_memory_equal(macs, whole.macs, sizeof macs);
  graph_totals(&bench->workload.graph, &forward);
  graph_totals(&bench->rank, &rank);
  const uint64_t ranks = bench->degrees.tensor * bench->degrees.context;
  assert_int_equal(ranks * rank.macs[PHASE_FORWARD],
                   forward.macs[PHASE_FORWARD] + bench->extras.copied_macs + bench->extras.padded_macs);
}

/* Rows as wide as a rank's part; of tables, the rows that its tokens read, of matrices its part. */
static void check_rows_and_weights(const struct bench *bench, const struct op *op, const struct op *of) {
  const uint64_t t = bench->degrees.tensor, n = sharers(bench, op);
  const bool narrow = op->split == SPLIT_ROTARY
                          ? op->kind == OP_ROTARY
                          : op->split == SPLIT_HEADS || op->split == SPLIT_PACKED || op->split == SPLIT_INNER ||
                                op->split == SPLIT_EXPERT_INNER || op->kind == OP_CROSS_ENTROPY;
  if (op_kinds[op->kind].family == FAMILY_VECTOR)
    assert_int_equal((narrow ? t : 1) * op->dim[DIM_ROW], of->dim[DIM_ROW]);
  if (op->split == SPLIT_TABLE) assert_int_equal(t * n * op->weight_bytes, of->weight_bytes);
  const bool table = op->split == SPLIT_TOKENS && (op->kind == OP_ADD || op->kind == OP_EMBEDDING);
  if (table) assert_int_equal(n * op->weight_bytes, of->weight_bytes);
  if (is_between(op) && !table) assert_int_equal(op->weight_bytes, of->weight_bytes);
  if (op->split == SPLIT_LOGITS) assert_int_equal(t * op->weight_bytes, of->weight_bytes);
}

/* 1: Every op of the model is there once, in its order, with its share of the elementwise work and of what it moves. */
static void check_elementwise(const struct bench *bench) {
  const struct op_graph *const whole = &bench->workload.graph, *const rank = &bench->rank;
  size_t i = 0;
  for (size_t k = 0; k < rank->n_ops; k++) {
    const struct op *const op = &rank->ops[k];
    if (op_is_split_link(op)) continue;
    const struct op *const of = &whole->ops[i];
    assert_string_equal(op_name(rank, k), op_name(whole, i++));
    assert_int_equal(op->kind, of->kind);
    if (!bench->even) continue;
    const bool vector = op_kinds[op->kind].family == FAMILY_VECTOR || op_kinds[op->kind].family == FAMILY_NONE;
    const uint64_t n = sharers(bench, op);
    if (vector) {
      assert_int_equal(n * op->dim[DIM_ELEMENTS], of->dim[DIM_ELEMENTS]);
      assert_int_equal(n * op->out_bytes,
                       op->kind == OP_CROSS_ENTROPY ? bench->degrees.tensor * of->out_bytes : of->out_bytes);
    }
    if (op->split == SPLIT_INNER || is_between(op)) assert_int_equal(n * op->in_bytes, of->in_bytes);
    check_rows_and_weights(bench, op, of);
    if (op->split == SPLIT_WEIGHTS) { /* slopes of a head belong to keys, which every rank of a context group has */
      const uint64_t slopes = op->in_bytes - E * op->dim[DIM_X_ELEMENTS], t = bench->degrees.tensor;
      assert_int_equal(n * op->in_bytes - (n - t) * slopes, of->in_bytes);
    }
  }
  assert_int_equal(i, whole->n_ops);
}

/* 2: Parameters of all ranks are those of the model, copies and padding apart. */
static void check_parameters(const struct bench *bench) {
  const uint64_t t = bench->degrees.tensor, x = bench->degrees.expert;
  uint64_t all = 0, norms = 0;
  for (size_t i = 0; i < bench->rank.n_ops; i++) {
    const struct op *const op = &bench->rank.ops[i];
    all += t * (op_is_expert(op) ? x : 1) * (op->n_parameters + op->n_frozen);
    if (is_between(op)) norms += (t - 1) * (op->n_parameters + op->n_frozen);
  }
  struct graph_totals totals;
  graph_totals(&bench->workload.graph, &totals);
  const uint64_t held = totals.parameters + totals.frozen_parameters;
  assert_int_equal(all, held + bench->extras.copied_parameters + bench->extras.padded_parameters);
  assert_true(bench->extras.copied_parameters >= norms);
  if (bench->even) assert_int_equal(bench->extras.padded_parameters, 0);
  struct graph_totals trained; /* and each is updated once */
  graph_totals(&bench->rank_training, &trained);
  uint64_t updated = 0;
  for (size_t i = 0; i < bench->rank_training.n_ops; i++)
    if (bench->rank_training.ops[i].phase == PHASE_UPDATE) updated += bench->rank_training.ops[i].dim[DIM_ELEMENTS];
  assert_int_equal(updated, trained.parameters);
}

/* 3: A rank keeps its share; without sequence parallelism all of what stands between the matrices. Token numbers are on
 * every rank of a tensor group. */
static void check_stash(const struct bench *bench) {
  if (!bench->even) return;
  const struct op_graph *const graph = &bench->rank_training;
  struct graph_totals whole;
  graph_totals(&bench->whole_training, &whole);
  uint64_t kept = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const bool between = is_between(op) || op_is_split_link(op); /* what links put out is no rank's own */
    const uint64_t n = between && !bench->degrees.sequence ? bench->degrees.context : sharers(bench, op);
    kept += n * op->kept_bytes;
    if (op->kind == OP_ALL_GATHER) assert_int_equal(op->kept_bytes, 0);
  }
  assert_int_equal(kept, whole.stash_bytes);
}

/* 4: What ranks put into a collective is what they get out of it. */
static void check_links(const struct bench *bench) {
  const struct split_degrees *const d = &bench->degrees;
  const struct op_graph *const graph = &bench->rank_training;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    if (op_kinds[op->kind].family != FAMILY_LINK) continue;
    const struct op *const of = op->mirror == OP_ABSENT ? op : &graph->ops[op->mirror];
    const uint64_t bytes = op->dim[DIM_BYTES], ranks = op->dim[DIM_RANKS], stride = op->dim[DIM_RANK_STRIDE];
    assert_true(bytes > 0 && ranks > 1);
    assert_int_equal(ranks, of->split == SPLIT_KEYS ? d->context : of->split == SPLIT_EXCHANGE ? d->expert : d->tensor);
    assert_int_equal(stride, of->split == SPLIT_KEYS       ? d->tensor
                             : of->split == SPLIT_EXCHANGE ? d->tensor * d->context
                                                           : 1);
    assert_int_equal(op->in_bytes * (op->kind == OP_ALL_GATHER ? ranks : 1), bytes);
    assert_int_equal(op->out_bytes * (op->kind == OP_REDUCE_SCATTER ? ranks : 1), bytes);
  }
}

/* All-reduces count twice, as a reduce-scatter and an all-gather; weight gradients' second gatherings apart. */
static uint64_t tensor_volume(const struct op_graph *graph) {
  uint64_t volume = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const struct op *const of = op->mirror == OP_ABSENT ? op : &graph->ops[op->mirror];
    const bool here = of->split == SPLIT_ENTER || of->split == SPLIT_LEAVE || of->split == SPLIT_EXPERT_ENTER ||
                      of->split == SPLIT_EXPERT_LEAVE;
    if (!here || op_kinds[op->kind].class != CLASS_LINK || op->phase == PHASE_BACKWARD_WEIGHT) continue;
    volume += (op->kind == OP_ALL_REDUCE ? 2 : 1) * op->dim[DIM_BYTES];
  }
  return volume;
}

/* 4: Sequence parallelism moves what tensor parallelism moves. Experts get the rows of all ranks either way.
 * Half of a volume is the backward pass's, which there is none of before the first adapter. */
static void check_volume(struct bench *bench) {
  if (!bench->degrees.sequence || bench->lora) return;
  struct split_degrees without = bench->degrees;
  without.sequence = false;
  struct op_graph rank, training;
  struct error error = {0};
  assert_true(split_apply(&bench->workload.graph, &without, &bench->arena, &bench->scratch, &rank, NULL, &error));
  expand(bench, &rank, &training);
  assert_int_equal(tensor_volume(&bench->rank_training), tensor_volume(&training));
}

/* 5: Rows of all experts are the tokens' choices less what was dropped. */
static void check_rows(const struct bench *bench) {
  const struct split_facts *const facts = &bench->workload.graph.facts;
  const struct split_degrees *const d = &bench->degrees;
  if (facts->experts == 0) return;
  const uint64_t groups = d->context * d->expert; /* x microbatches on x ranks */
  uint64_t rows = 0;
  for (size_t i = 0; i < bench->rank.n_ops; i++)
    if (bench->rank.ops[i].split == SPLIT_EXPERT_ROW)
      rows += groups * bench->rank.ops[i].dim[DIM_REPS] * bench->rank.ops[i].dim[DIM_M];
  const uint64_t choices = (facts->layers - facts->dense_layers) * facts->samples * facts->sequence * facts->top_k;
  assert_int_equal(rows, d->expert * (choices - bench->extras.dropped_rows));
  assert_true((bench->extras.dropped_rows > 0) == (facts->capacity_factor > 0 && facts->dense_layers < facts->layers));
}

/* 6: Strategies one by one in a random order. */
static void check_order(struct bench *bench) {
  size_t order[16];
  assert_true(n_split_strategies <= sizeof order / sizeof *order);
  for (size_t s = 0; s < n_split_strategies; s++) order[s] = s;
  for (size_t s = n_split_strategies; s-- > 1;) {
    const size_t other = rng_below(&bench->rng, s + 1), was = order[s];
    order[s] = order[other];
    order[other] = was;
  }
  struct op_graph now = bench->workload.graph;
  struct error error = {0};
  for (size_t s = 0; s < n_split_strategies; s++) {
    const struct split_strategy *const strategy = split_strategies[order[s]];
    if (strategy->split == NULL || strategy->degree(&bench->degrees) == 1) continue;
    struct op_graph next;
    assert_true(strategy->applies(&now, &bench->degrees, &error));
    assert_true(strategy->split(&now, &bench->degrees, &bench->arena, &bench->scratch, &next, NULL, &error));
    now = next;
  }
  assert_true(digest_equal(now.digest, bench->rank.digest));
  for (size_t i = 0; i < now.n_ops; i++) assert_string_equal(op_name(&now, i), op_name(&bench->rank, i));
}

/* 6: Degree 1 changes nothing. */
static void check_nothing(struct bench *bench) {
  const struct split_degrees ones = {1, 1, 1, 3, 1, rng_below(&bench->rng, 2) == 0, true};
  struct op_graph rank;
  struct split_extras extras;
  struct error error = {0};
  assert_true(split_apply(&bench->workload.graph, &ones, &bench->arena, &bench->scratch, &rank, &extras, &error));
  assert_true(digest_equal(rank.digest, bench->workload.graph.digest));
  assert_int_equal(extras.copied_parameters + extras.padded_parameters + extras.copied_macs + extras.padded_macs, 0);
}

static void check_all(struct bench *bench) {
  draw(bench);
  check_macs(bench);
  check_elementwise(bench);
  check_parameters(bench);
  check_stash(bench);
  check_links(bench);
  check_volume(bench);
  check_rows(bench);
  check_order(bench);
  check_nothing(bench);
}

static void test_laws(void **state) {
  (void)state;
  const char *const given = getenv("DSE_TEST_SEED");
  const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : default_seed;
  print_message("seed %llu (DSE_TEST_SEED)\n", (unsigned long long)seed);
  static struct bench bench;
  size_t n_even = 0, n_links = 0, n_latent = 0;
  arena_init(&bench.arena, 1 << 20);
  arena_init(&bench.scratch, 1 << 20);
  for (uint64_t task = 0; task < N_MODELS; task++) {
    const struct arena_mark mark = arena_get_mark(&bench.arena), scratch_mark = arena_get_mark(&bench.scratch);
    bench.rng = rng_stream(seed, RNG_TEST, 0, task);
    check_all(&bench);
    n_even += bench.even;
    n_latent += bench.latent && bench.degrees.tensor > 1;
    n_links += bench.rank.n_ops > bench.workload.graph.n_ops;
    arena_rewind(&bench.arena, mark);
    arena_rewind(&bench.scratch, scratch_mark);
  }
  assert_true(n_even > N_MODELS / 4 && n_links > N_MODELS / 2 &&
              n_latent > N_MODELS / 9); /* the models give splits something to do */
  arena_release(&bench.arena);
  arena_release(&bench.scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_laws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do the blocks of a model add up to the model?
 *
 * For every shipped model, random transformers and random graphs: the sums over all places of multiply-accumulates,
 * ops by kind and phase, lane work, parameters and kept bytes are those of the whole graph expanded at once, fused or
 * not; neighbours agree on what goes between them; recomputation keeps less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/two_arenas.h"
#include "workloads/block.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_RANDOM_MODELS = 40, N_GRAPHS = 600, MAX_OPS = 60, SIDE = 7, ELEMENTS = SIDE * SIDE, E = 2 };
static const uint64_t default_seed = 2385;
static const char *what; /* is being tried, for messages */

/* --- sums ------------------------------------------------------------------------------------------------------- */

struct sums {
  uint64_t macs[N_PHASES], parameters, expert_parameters, kept_bytes;
  uint64_t n_ops[N_OP_KINDS][N_PHASES], lanes[N_OP_KINDS][N_PHASES]; /* followers included, free ops not */
};

static void count_op(struct sums *sums, uint8_t kind, uint8_t phase, uint64_t lanes) {
  if (op_kinds[kind].class == CLASS_NONE) return;
  sums->n_ops[kind][phase]++;
  if (op_kinds[kind].family == FAMILY_VECTOR) sums->lanes[kind][phase] += lanes;
}

static void count_graph(struct sums *sums, const struct op_graph *graph) {
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    count_op(sums, op->kind, op->phase, op->dim[DIM_ELEMENTS]);
    for (size_t f = 0; f < op->n_followers; f++) {
      const struct op_follower *const follower = &graph->followers[op->first_follower + f];
      count_op(sums, follower->kind, follower->phase, follower->elements);
    }
  }
}

static struct sums sums_of_whole(const struct op_graph *forward, const struct training_settings *settings) {
  struct sums sums = {0};
  struct op_graph training;
  static struct error error;
  if (!training_expand(forward, settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
  struct graph_totals totals;
  graph_totals(&training, &totals);
  memcpy(sums.macs, totals.macs, sizeof sums.macs);
  sums.parameters = totals.parameters;
  sums.kept_bytes = totals.stash_bytes;
  for (size_t i = 0; i < forward->n_ops; i++)
    if (op_is_expert(&forward->ops[i])) sums.expert_parameters += forward->ops[i].n_parameters;
  count_graph(&sums, &training);
  return sums;
}

static struct sums sums_of_blocks(const struct block_chain *chain) {
  struct sums sums = {0};
  static const enum block_phase phases[] = {BLOCK_FORWARD, BLOCK_BACKWARD, BLOCK_UPDATE};
  for (size_t k = 0; k < chain->n_places; k++) {
    const struct block *const block = &chain->blocks[chain->block_at[k]];
    for (size_t p = 0; p < N_PHASES; p++) sums.macs[p] += block->macs[p];
    sums.parameters += block->parameters;
    sums.expert_parameters += block->expert_parameters;
    sums.kept_bytes += block->kept_bytes[RECOMPUTE_NONE];
    for (size_t p = 0; p < sizeof phases / sizeof *phases; p++) count_graph(&sums, &block->phase[phases[p]]);
  }
  return sums;
}

static void check_equal(uint64_t found, uint64_t expected, const char *of, const char *kind, const char *phase) {
  if (found != expected)
    fail_msg("%s: %s of %s %s: %llu in blocks, %llu in the whole", what, of, kind, phase, (unsigned long long)found,
             (unsigned long long)expected);
}

static void check_sums(const struct sums *found, const struct sums *expected) {
  for (size_t p = 0; p < N_PHASES; p++) {
    check_equal(found->macs[p], expected->macs[p], "MACs", "all", op_phase_names[p]);
    for (size_t k = 0; k < N_OP_KINDS; k++) {
      check_equal(found->n_ops[k][p], expected->n_ops[k][p], "ops", op_kinds[k].name, op_phase_names[p]);
      check_equal(found->lanes[k][p], expected->lanes[k][p], "lane work", op_kinds[k].name, op_phase_names[p]);
    }
  }
  check_equal(found->parameters, expected->parameters, "parameters", "all", "");
  check_equal(found->expert_parameters, expected->expert_parameters, "parameters", "experts", "");
  check_equal(found->kept_bytes, expected->kept_bytes, "kept bytes", "all", "");
}

/* --- what holds for each block ---------------------------------------------------------------------------------- */

static size_t count_phase(const struct op_graph *graph, uint8_t phase) {
  size_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++) n += graph->ops[i].phase == phase;
  return n;
}

static void check_phases(const struct block *block) {
  const struct op_graph *const phase = block->phase;
  assert_int_equal(count_phase(&phase[BLOCK_FORWARD], PHASE_FORWARD), phase[BLOCK_FORWARD].n_ops);
  assert_int_equal(count_phase(&phase[BLOCK_BACKWARD], PHASE_BACKWARD_DATA), phase[BLOCK_BACKWARD_DATA].n_ops);
  assert_int_equal(count_phase(&phase[BLOCK_BACKWARD], PHASE_BACKWARD_WEIGHT), phase[BLOCK_BACKWARD_WEIGHT].n_ops);
  assert_int_equal(count_phase(&phase[BLOCK_UPDATE], PHASE_UPDATE), phase[BLOCK_UPDATE].n_ops);
  for (size_t p = 0; p < N_BLOCK_PHASES; p++)
    for (size_t i = 0; i < phase[p].n_ops; i++) {
      assert_true(phase[p].ops[i].mirror == OP_ABSENT);
      assert_true(op_kinds[phase[p].ops[i].kind].class != CLASS_NONE);
    }
}

static void check_chain(const struct block_chain *chain) {
  size_t n_met = 0;
  for (size_t k = 0; k < chain->n_places; k++) {
    assert_true(chain->block_at[k] < chain->n_blocks && chain->block_at[k] <= n_met);
    n_met += chain->block_at[k] == n_met;
    const struct block *const block = &chain->blocks[chain->block_at[k]];
    const struct block *const next = k + 1 < chain->n_places ? &chain->blocks[chain->block_at[k + 1]] : NULL;
    if (k == 0) assert_int_equal(block->in_bytes, 0);
    assert_int_equal(block->out_bytes, next != NULL ? next->in_bytes : 0);
    assert_true(block->kept_bytes[RECOMPUTE_SELECTIVE] <= block->kept_bytes[RECOMPUTE_NONE]);
    assert_true(block->shared_bytes <= block->in_bytes);
    if (block->recomputes) assert_true(next != NULL || k == 0);
    const uint64_t all = block->kept_bytes[RECOMPUTE_NONE] + block->shared_bytes;
    assert_true(block->recomputes ? block->kept_bytes[RECOMPUTE_FULL] < all : block->kept_bytes[RECOMPUTE_FULL] == all);
    check_phases(block);
  }
  assert_int_equal(n_met, chain->n_blocks);
}

static struct block_chain check_blocks(const struct op_graph *forward, uint64_t attention, uint64_t fusion) {
  struct training_settings settings;
  static struct error error;
  config_defaults(&training_fields, &arena, &settings);
  settings.attention = attention;
  settings.fusion = fusion;
  settings.selective = (attention + fusion) % 2;
  struct block_chain chain;
  if (!block_chain_make(forward, &settings, true, &arena, &scratch, &chain, &error)) fail_msg("%s", error.text);
  check_chain(&chain);
  const struct sums found = sums_of_blocks(&chain), expected = sums_of_whole(forward, &settings);
  check_sums(&found, &expected);
  return chain;
}

/* --- models ----------------------------------------------------------------------------------------------------- */

static struct block_chain check_model(const char *name, const struct config_set *sets, size_t n_sets,
                                      uint64_t attention, uint64_t fusion) {
  const struct workload_request request = {
      .name = name, .data_folder = ".", .batch = 2, .element_bytes = 2, .sets = sets, .n_sets = n_sets};
  static struct error error;
  struct workload workload;
  what = name;
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  return check_blocks(&workload.graph, attention, fusion);
}

/* One device's graph under several splits, where the model allows them; blocks are as many as of the whole model.
 * Returns how many it allowed. */
static size_t check_splits(const char *name, uint64_t attention, size_t n_blocks) {
  static const struct split_degrees splits[] = {{2, 1, 1, 1, 1, false, false}, {4, 1, 1, 1, 1, true, false},
                                                {1, 2, 1, 1, 1, false, false}, {2, 2, 1, 1, 1, true, false},
                                                {1, 1, 4, 4, 1, false, false}, {2, 2, 2, 2, 1, true, false}};
  const struct workload_request request = {.name = name, .data_folder = ".", .batch = 4, .element_bytes = 2};
  static struct error error;
  struct workload workload;
  if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
  size_t n = 0;
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
    struct op_graph rank;
    error = (struct error){0};
    if (!split_apply(&workload.graph, &splits[i], &arena, &scratch, &rank, NULL, &error)) continue;
    what = arena_printf(&arena, "%s, split %zu", name, i);
    const struct block_chain chain = check_blocks(&rank, attention, (attention + i) % 2);
    if (!workload.graph.facts.pair) assert_int_equal(chain.n_blocks, n_blocks);
    n++;
  }
  return n;
}

static size_t n_layers_of(const char *name) {
  static const struct {
    const char *name;
    size_t layers;
  } known[] = {{"bert-large", 24},   {"gpt3-175b", 96}, {"llama2-7b", 32},  {"llama3.1-405b", 126},
               {"mixtral-8x7b", 32}, {"vit_b_16", 12},  {"bloom-176b", 70}, {"gpt-neox-20b", 44},
               {"megatron-1t", 128}, {"opt-1.3b", 24},  {"gpt2-xl", 48},    {"opt-350m", 24}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name) == 0) return known[i].layers;
  return 0;
}

static void test_models(void **state) {
  (void)state;
  const char *const *names;
  size_t n_names;
  struct error error = {0};
  struct arena list;
  arena_init(&list, 1 << 16);
  assert_true(workload_list(".", &list, &names, &n_names, &error));
  assert_true(n_names > 30);
  for (size_t i = 0; i < n_names; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    const struct block_chain chain = check_model(names[i], NULL, 0, i % 3, FUSION_COMPAT);
    check_model(names[i], NULL, 0, (i + 1) % 3, FUSION_OFF);
    const size_t layers = n_layers_of(names[i]);
    if (layers > 0) assert_int_equal(chain.n_places, layers + 2);
    if (layers > 0) assert_int_equal(chain.n_blocks, 3);
    assert_true(chain.n_places > 1);
    /* The blocks of a diffusion transformer hand the condition on beside the tokens. */
    if (strcmp(names[i], "dit-xl-2") == 0) assert_int_equal(chain.n_places, 28 + 2);
    if (strcmp(names[i], "flux.1-schnell") == 0) assert_int_equal(chain.n_places, 19 + 38 + 2);
    const size_t n_splits = check_splits(names[i], i % 3, chain.n_blocks);
    if (strcmp(names[i], "mixtral-8x7b") == 0) assert_int_equal(n_splits, 6);
    if (strcmp(names[i], "gpt3-175b") == 0) assert_true(n_splits >= 4);
    if (getenv("BLOCKS_VERBOSE") != NULL)
      printf("%s: %zu places, %zu blocks\n", names[i], chain.n_places, chain.n_blocks);
    arena_rewind(&arena, mark);
  }
  arena_release(&list);
}

/* --- random transformers ----------------------------------------------------------------------------------------- */

struct drawn {
  struct config_set sets[24];
  size_t n;
};

static void set_key(struct drawn *drawn, const char *key, const char *value) {
  drawn->sets[drawn->n++] = (struct config_set){key, value};
}

static void set_number(struct drawn *drawn, const char *key, uint64_t value) {
  set_key(drawn, key, arena_printf(&arena, "%llu", (unsigned long long)value));
}

static void set_choice(struct drawn *drawn, struct rng *rng, const char *key, const char *const *choices, size_t n) {
  set_key(drawn, key, choices[rng_below(rng, n)]);
}

#define SET_CHOICE(drawn, rng, key, ...)                                                                               \
  set_choice(drawn, rng, key, (const char *const[]){__VA_ARGS__},                                                      \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static size_t draw_transformer(struct rng *rng, struct drawn *drawn) {
  const uint64_t heads = 1 + rng_below(rng, 5), layers = 1 + rng_below(rng, 12);
  const bool experts = rng_below(rng, 4) == 0;
  drawn->n = 0;
  set_number(drawn, "layers", layers);
  set_number(drawn, "heads", heads);
  set_number(drawn, "kv_heads", rng_below(rng, 2) == 0 ? 1 : heads);
  set_number(drawn, "hidden", heads * 8);
  set_number(drawn, "head_size", 8);
  set_number(drawn, "ffn", 24 + rng_below(rng, 9));
  set_number(drawn, "vocab", 101);
  set_number(drawn, "sequence", 13 + rng_below(rng, 9));
  if (experts) {
    set_number(drawn, "experts", 4);
    set_number(drawn, "top_k", 2);
  }
  SET_CHOICE(drawn, rng, "gated", "true", "false");
  SET_CHOICE(drawn, rng, "activation", "gelu", "silu", "relu", "relu2");
  SET_CHOICE(drawn, rng, "norm", "rms", "layer");
  SET_CHOICE(drawn, rng, "position", "rotary", "learned", "alibi", "none");
  SET_CHOICE(drawn, rng, "norm_place", "pre", "post");
  SET_CHOICE(drawn, rng, "bias", "true", "false");
  SET_CHOICE(drawn, rng, "tied", "true", "false");
  SET_CHOICE(drawn, rng, "dropout", "true", "false");
  SET_CHOICE(drawn, rng, "final_norm", "true", "false");
  SET_CHOICE(drawn, rng, "embedding_norm", "true", "false");
  SET_CHOICE(drawn, rng, "parallel_block", "true", "false");
  return layers;
}

static uint64_t seed_of_run(void) {
  const char *const text = getenv("DSE_TEST_SEED");
  const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : default_seed;
  printf("seed %llu (set DSE_TEST_SEED for another)\n", (unsigned long long)seed);
  return seed;
}

static void test_transformers(void **state) {
  (void)state;
  const uint64_t seed = seed_of_run();
  for (uint64_t i = 0; i < N_RANDOM_MODELS; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, i);
    struct drawn drawn;
    const size_t layers = draw_transformer(&rng, &drawn);
    const char *const base = rng_below(&rng, 2) == 0 ? "gpt2-xl" : "llama2-7b";
    const struct block_chain chain = check_model(base, drawn.sets, drawn.n, i % 3, (i / 3) % 2);
    if (chain.n_places != layers + 2) fail_msg("model %llu: %zu places", (unsigned long long)i, chain.n_places);
    if (chain.n_blocks != 3) fail_msg("model %llu: %zu blocks", (unsigned long long)i, chain.n_blocks);
  }
}

/* --- random graphs: all tensors are alike, so that anything may follow anything ---------------------------------- */

static struct op random_op(struct rng *rng, uint32_t *layer) {
  static const enum op_kind kinds[] = {OP_RELU,    OP_GELU, OP_SOFTMAX, OP_SCALE, OP_LAYER_NORM,
                                       OP_DROPOUT, OP_ADD,  OP_MUL,     OP_VIEW,  OP_FREE,
                                       OP_GEMM,    OP_GEMM, OP_GEMM,    OP_SHAPE, OP_CONCAT};
  struct op op = op_new(kinds[rng_below(rng, sizeof kinds / sizeof *kinds)], E);
  if (*layer != OP_ABSENT && rng_below(rng, 8) == 0) ++*layer;
  op.layer = rng_below(rng, 16) == 0 ? OP_ABSENT : rng_below(rng, 40) == 0 ? 0 : *layer;
  op.out_bytes = op.in_bytes = ELEMENTS * E;
  if (op.kind == OP_SHAPE) op.in_bytes = op.out_bytes = 0;
  if (op_kinds[op.kind].family == FAMILY_VECTOR) op.dim[DIM_ELEMENTS] = ELEMENTS;
  if (op.kind == OP_DROPOUT) op.out_bytes += ELEMENTS;
  if (op.kind == OP_LAYER_NORM) op.n_parameters = 2 * SIDE;
  if (op.kind != OP_GEMM) return op;
  for (size_t i = 0; i < 4; i++) op.dim[i] = i == DIM_REPS ? 1 : SIDE;
  op.weighted = rng_below(rng, 4) > 0;
  if (!op.weighted) return op;
  op.n_parameters = ELEMENTS;
  if (rng_below(rng, 3) == 0) op.weight_group = (uint32_t)rng_below(rng, 4) * 1000000;
  return op;
}

/* Mostly a chain with a skip now and then, so that there are cuts at all; layers or none. */
static struct op_graph random_graph(struct rng *rng) {
  struct graph_builder *const builder = graph_builder_new(&scratch);
  const size_t n = 1 + rng_below(rng, MAX_OPS);
  uint32_t layer = rng_below(rng, 2) == 0 ? OP_ABSENT : 0;
  bool open[4] = {false};
  for (size_t i = 0; i < n; i++) {
    struct op op = i == 0 || rng_below(rng, 12) == 0 ? op_new(OP_INPUT, E) : random_op(rng, &layer);
    op.out_bytes = op.out_bytes == 0 && op.kind == OP_INPUT ? ELEMENTS * E : op.out_bytes;
    if (op.weight_group != OP_ABSENT) {
      if (open[op.weight_group / 1000000]) op.n_parameters = 0;
      open[op.weight_group / 1000000] = true;
    }
    uint32_t preds[2];
    for (size_t k = 0; k < 2 && i > 0; k++)
      preds[k] = (uint32_t)(i - 1 - rng_below(rng, rng_below(rng, 6) == 0 ? i : 1));
    const bool binary =
        op.kind == OP_ADD || op.kind == OP_MUL || op.kind == OP_CONCAT || (op.kind == OP_GEMM && !op.weighted);
    graph_builder_add(builder, &op, "op", preds, op.kind == OP_INPUT ? 0 : binary ? 2 : 1);
  }
  struct op_graph graph;
  static struct error error;
  assert_true(graph_builder_finish(builder, &arena, &graph, &error));
  return graph;
}

static void test_graphs(void **state) {
  (void)state;
  const uint64_t seed = seed_of_run();
  size_t n_cuts = 0, n_shared = 0, n_borrowed = 0;
  for (uint64_t i = 0; i < N_GRAPHS; i++) {
    const struct arena_mark mark = arena_get_mark(&arena), scratch_mark = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, i);
    what = arena_printf(&arena, "random graph %llu", (unsigned long long)i);
    const struct op_graph graph = random_graph(&rng);
    const struct block_chain chain = check_blocks(&graph, i % 2, (i / 2) % 2);
    n_cuts += chain.n_places - 1;
    for (size_t b = 0; b < chain.n_blocks; b++) {
      n_shared += chain.blocks[b].shared_bytes > 0;
      n_borrowed += chain.blocks[b].borrowed_parameters > 0;
    }
    arena_rewind(&arena, mark);
    arena_rewind(&scratch, scratch_mark);
  }
  printf("%zu cuts, %zu blocks with shared inputs, %zu with borrowed parameters\n", n_cuts, n_shared, n_borrowed);
  assert_true(n_cuts > N_GRAPHS && n_shared > 0 && n_borrowed > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_models, setup, teardown),
      cmocka_unit_test_setup_teardown(test_transformers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_graphs, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

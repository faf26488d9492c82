/* Do the laws of a training step hold on random graphs?
 *
 * Multiply-accumulates (workloads §6: B = W = F for weights, 2F for products of activations), one update a parameter,
 * mirrors and phases, kept bytes counted a second way, and what fusion and contraction must not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "workloads/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 7, ELEMENTS = SIDE * SIDE, E = 2, BYTES = ELEMENTS * E, MAX_OPS = 48, N_GRAPHS = 400, N_GROUPS = 3 };
static const uint64_t default_seed = 2385;

struct bench {
  struct arena arena, scratch;
  struct rng rng;
  struct op_graph forward, training;
  bool group_open[N_GROUPS];
};

/* --- random graphs: all tensors are SIDE × SIDE, so that anything may follow anything -------------------------- */

static struct op random_op(struct bench *bench) {
  static const enum op_kind kinds[] = {
      OP_RELU, OP_GELU, OP_TANH, OP_SOFTMAX, OP_SCALE, OP_LAYER_NORM, OP_DROPOUT, OP_ADD,    OP_MUL,       OP_VIEW,
      OP_FREE, OP_GEMM, OP_GEMM, OP_GEMM,    OP_SHAPE, OP_RMS_NORM,   OP_ADD,     OP_CONCAT, OP_ALL_REDUCE};
  struct op op = op_new(kinds[rng_below(&bench->rng, sizeof kinds / sizeof *kinds)], E);
  op.layer = rng_below(&bench->rng, 4) == 0 ? OP_ABSENT : (uint32_t)rng_below(&bench->rng, 2);
  op.out_bytes = op.in_bytes = BYTES;
  if (op.kind == OP_SHAPE) op.in_bytes = op.out_bytes = 0;
  if (op_kinds[op.kind].family == FAMILY_VECTOR) op.dim[DIM_ELEMENTS] = ELEMENTS;
  if (op.kind == OP_DROPOUT) op.out_bytes += ELEMENTS;
  if (op.kind == OP_LAYER_NORM) op.n_parameters = 2 * SIDE;
  if (op.kind == OP_GEMM) {
    for (size_t i = 0; i < 4; i++) op.dim[i] = i == DIM_REPS ? 1 : SIDE;
    op.weighted = rng_below(&bench->rng, 3) > 0;
    if (op.weighted) op.n_parameters = ELEMENTS + (rng_below(&bench->rng, 2) == 0 ? SIDE : 0);
  }
  return op;
}

static bool is_binary(const struct op *op) {
  return op->kind == OP_ADD || op->kind == OP_MUL || op->kind == OP_CONCAT || (op->kind == OP_GEMM && !op->weighted);
}

/* Sometimes puts a weighted GEMM into a group, whose first member owns the parameter. */
static void join_group(struct bench *bench, struct op *op) {
  if (!op->weighted || rng_below(&bench->rng, 2) == 0) return;
  const uint32_t group = (uint32_t)rng_below(&bench->rng, N_GROUPS);
  op->weight_group = group;
  op->n_parameters = bench->group_open[group] ? 0 : ELEMENTS;
  bench->group_open[group] = true;
}

static void random_graph(struct bench *bench) {
  struct graph_builder *const builder = graph_builder_new(&bench->scratch);
  memset(bench->group_open, 0, sizeof bench->group_open);
  const size_t n = 5 + rng_below(&bench->rng, MAX_OPS - 5);
  for (size_t i = 0; i < n; i++) {
    struct op op = i < 2 ? op_new(OP_INPUT, E) : random_op(bench);
    if (i < 2) op.out_bytes = BYTES;
    join_group(bench, &op);
    /* Near predecessors make chains, far ones fan-out. */
    uint32_t preds[2];
    for (size_t k = 0; k < 2 && i > 0; k++)
      preds[k] = (uint32_t)(rng_below(&bench->rng, 3) > 0 ? i - 1 : rng_below(&bench->rng, i));
    graph_builder_add(builder, &op, "op", preds, i < 2 ? 0 : is_binary(&op) ? 2 : 1);
  }
  struct error error = {0};
  assert_true(graph_builder_finish(builder, &bench->arena, &bench->forward, &error));
  const struct training_settings settings = {OPTIMIZER_MOMENTUM, FUSION_OFF,          false, true, 4, 4, 4,
                                             ATTENTION_SEPARATE, SELECTIVE_ATTENTION, 4,     25};
  assert_true(training_expand(&bench->forward, &settings, &bench->arena, &bench->scratch, &bench->training, &error));
}

/* --- a second opinion on who has a gradient -------------------------------------------------------------------- */

static uint32_t pred(const struct op_graph *graph, size_t i, size_t j) {
  return graph->preds[graph->pred_start[i] + j];
}

static size_t n_preds(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

static bool owns(const struct op *op) { return op->n_parameters > 0 || op->weight_group != OP_ABSENT; }

/* There is a parameter at or before op i, and no fact between. */
static bool wants(const struct op_graph *graph, size_t i) {
  bool yes[MAX_OPS] = {false};
  for (size_t k = 0; k <= i; k++) {
    if (graph->ops[k].kind == OP_SHAPE) continue;
    yes[k] = owns(&graph->ops[k]);
    for (size_t j = 0; j < n_preds(graph, k); j++) yes[k] |= yes[pred(graph, k, j)];
  }
  return yes[i];
}

/* A gradient comes to op i from some end of the graph. */
static bool is_reached(const struct op_graph *graph, size_t i) {
  if (!wants(graph, i)) return false;
  if (graph->succ_start[i] == graph->succ_start[i + 1]) return true;
  for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
    if (graph->ops[graph->succs[e]].kind != OP_SHAPE && is_reached(graph, graph->succs[e])) return true;
  return false;
}

/* --- laws ------------------------------------------------------------------------------------------------------ */

static void check_macs(const struct bench *bench) {
  const struct op_graph *const forward = &bench->forward, *const training = &bench->training;
  const uint64_t macs = SIDE * SIDE * SIDE;
  uint64_t expected[N_PHASES] = {0};
  for (size_t i = 0; i < forward->n_ops; i++) {
    if (forward->ops[i].kind != OP_GEMM) continue;
    expected[PHASE_FORWARD] += macs;
    if (!is_reached(forward, i)) continue;
    for (size_t j = 0; j < n_preds(forward, i); j++)
      if (wants(forward, pred(forward, i, j))) expected[PHASE_BACKWARD_DATA] += macs;
    if (forward->ops[i].weighted) expected[PHASE_BACKWARD_WEIGHT] += macs;
  }
  struct graph_totals totals;
  graph_totals(training, &totals);
  assert_memory_equal(totals.macs, expected, sizeof expected);
}

static void check_updates(const struct bench *bench) {
  const struct op_graph *const training = &bench->training;
  uint64_t updated[MAX_OPS] = {0};
  for (size_t i = 0; i < training->n_ops; i++) {
    const struct op *const op = &training->ops[i];
    if (op->phase != PHASE_UPDATE) continue;
    assert_int_equal(op->kind, OP_MOMENTUM);
    assert_int_equal(updated[op->mirror], 0);
    updated[op->mirror] = op->dim[DIM_ELEMENTS];
  }
  for (size_t i = 0; i < bench->forward.n_ops; i++) assert_int_equal(updated[i], bench->forward.ops[i].n_parameters);
}

/* A weight gradient for whoever is reached; one each, or one a group. */
static void check_weight_gradients(const struct bench *bench) {
  const struct op_graph *const forward = &bench->forward, *const training = &bench->training;
  size_t n_gemms = 0, n_found = 0;
  bool group_counted[N_GROUPS] = {false};
  for (size_t i = 0; i < forward->n_ops; i++) {
    const struct op *const op = &forward->ops[i];
    if (!op->weighted || !is_reached(forward, i)) continue;
    if (op->weight_group == OP_ABSENT || !group_counted[op->weight_group]) n_gemms++;
    if (op->weight_group != OP_ABSENT) group_counted[op->weight_group] = true;
  }
  for (size_t i = 0; i < training->n_ops; i++)
    n_found += training->ops[i].kind == OP_GEMM && training->ops[i].phase == PHASE_BACKWARD_WEIGHT;
  assert_int_equal(n_found, n_gemms);
}

static void check_order(const struct bench *bench) {
  const struct op_graph *const training = &bench->training;
  for (size_t i = 0; i < training->n_ops; i++) {
    const struct op *const op = &training->ops[i];
    if (op->phase == PHASE_FORWARD) {
      assert_true(i < bench->forward.n_ops);
      assert_true(op->mirror == OP_ABSENT);
    } else {
      assert_true(op->mirror < bench->forward.n_ops);
      assert_int_equal(op->layer, training->ops[op->mirror].layer);
      assert_true(n_preds(training, i) > 0);
    }
    for (size_t j = 0; j < n_preds(training, i); j++) {
      const struct op *const before = &training->ops[pred(training, i, j)];
      assert_true(pred(training, i, j) < i);
      assert_true(before->phase != PHASE_UPDATE);
      if (op->phase <= PHASE_BACKWARD_DATA) assert_true(before->phase <= op->phase);
    }
  }
}

/* Marks who wrote what op i shows: views have no tensor of their own. */
static void mark_tensor(const struct op_graph *graph, size_t i, bool *kept) {
  const enum op_kind kind = graph->ops[i].kind;
  if (kind == OP_SHAPE) return;
  if (kind == OP_VIEW || kind == OP_FREE)
    mark_tensor(graph, pred(graph, i, 0), kept);
  else
    kept[i] = true;
}

static void mark_for(const struct op_graph *graph, size_t i, bool *kept) {
  const struct op *const op = &graph->ops[i];
  if (op->kind == OP_RELU || op->kind == OP_TANH || op->kind == OP_SOFTMAX) mark_tensor(graph, i, kept);
  if (op->kind == OP_GELU || op->kind == OP_LAYER_NORM || op->kind == OP_RMS_NORM || op->weighted)
    mark_tensor(graph, pred(graph, i, 0), kept);
  if (op->kind != OP_MUL && (op->kind != OP_GEMM || op->weighted)) return;
  for (size_t j = 0; j < 2; j++) {
    const uint32_t factor = pred(graph, i, j);
    const bool recomputed = op->kind == OP_MUL && graph->ops[factor].kind == OP_GELU &&
                            graph->succ_start[factor + 1] - graph->succ_start[factor] == 1;
    if (wants(graph, pred(graph, i, 1 - j)) && !recomputed) mark_tensor(graph, factor, kept);
  }
}

static void check_stash(const struct bench *bench) {
  const struct op_graph *const forward = &bench->forward;
  bool kept[MAX_OPS] = {false};
  uint64_t expected = 0;
  for (size_t i = 0; i < forward->n_ops; i++) {
    if (!is_reached(forward, i)) continue;
    mark_for(forward, i, kept);
    if (forward->ops[i].kind == OP_DROPOUT) expected += ELEMENTS;
  }
  for (size_t i = 0; i < forward->n_ops; i++) expected += kept[i] ? BYTES : 0;
  struct graph_totals totals;
  graph_totals(&bench->training, &totals);
  assert_int_equal(totals.stash_bytes, expected);
}

/* Lane work by kind: of ops and of followers. */
static void count_lanes(const struct op_graph *graph, uint64_t *lanes) {
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    if (op_kinds[op->kind].family == FAMILY_VECTOR) lanes[op->kind] += op->dim[DIM_ELEMENTS];
    for (size_t f = 0; f < op->n_followers; f++) {
      const struct op_follower *const follower = &graph->followers[op->first_follower + f];
      if (op_kinds[follower->kind].family == FAMILY_VECTOR) lanes[follower->kind] += follower->elements;
      assert_int_equal(follower->phase, op->phase);
    }
  }
}

static size_t check_fusion(struct bench *bench, enum fusion rule) {
  struct op_graph fused;
  struct error error = {0};
  assert_true(fusion_apply_rule(&bench->training, rule, &bench->arena, &bench->scratch, &fused, &error));
  assert_int_equal(fused.n_ops + fused.n_followers, bench->training.n_ops);
  struct graph_totals before, after;
  graph_totals(&bench->training, &before);
  graph_totals(&fused, &after);
  assert_memory_equal(before.macs, after.macs, sizeof before.macs);
  assert_int_equal(before.parameters, after.parameters);
  assert_int_equal(before.stash_bytes, after.stash_bytes);
  uint64_t lanes[2][N_OP_KINDS] = {{0}};
  count_lanes(&bench->training, lanes[0]);
  count_lanes(&fused, lanes[1]);
  assert_memory_equal(lanes[0], lanes[1], sizeof lanes[0]);
  for (size_t i = 0; i < fused.n_ops; i++)
    assert_true(fused.ops[i].mirror == OP_ABSENT || fused.ops[fused.ops[i].mirror].phase == PHASE_FORWARD);
  return fused.n_followers;
}

enum { MAX_ALL = 600 };

/* reach[i] has bit j if op j lies before op i. */
static void close_over(const struct op_graph *graph, bool (*reach)[MAX_ALL]) {
  assert_true(graph->n_ops <= MAX_ALL);
  memset(reach, 0, sizeof(bool[MAX_ALL]) * graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++)
    for (size_t j = 0; j < n_preds(graph, i); j++) {
      const uint32_t before = pred(graph, i, j);
      reach[i][before] = true;
      for (size_t k = 0; k < before; k++) reach[i][k] |= reach[before][k];
    }
}

static void check_contraction(struct bench *bench) {
  struct op_graph out;
  struct error error = {0};
  uint64_t free_bytes = 0;
  assert_true(graph_contract(&bench->training, &bench->arena, &bench->scratch, &out, &free_bytes, &error));
  bool(*const all)[MAX_ALL] = (bool(*)[MAX_ALL])arena_alloc(&bench->scratch, MAX_ALL, MAX_ALL);
  bool(*const few)[MAX_ALL] = (bool(*)[MAX_ALL])arena_alloc(&bench->scratch, MAX_ALL, MAX_ALL);
  close_over(&bench->training, all);
  close_over(&out, few);
  uint32_t old[MAX_ALL];
  size_t n = 0;
  for (uint32_t i = 0; i < bench->training.n_ops; i++)
    if (op_kinds[bench->training.ops[i].kind].class != CLASS_NONE) old[n++] = i;
  assert_int_equal(out.n_ops, n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) assert_int_equal(few[i][j], all[old[i]][old[j]]);
  struct graph_totals before, after;
  graph_totals(&bench->training, &before);
  graph_totals(&out, &after);
  assert_int_equal(before.stash_bytes, after.stash_bytes + free_bytes);
}

/* Random graphs seldom have attention, so a head of it hangs on the end of each: three projections, products, softmax.
 */
static void append_attention(struct bench *bench, struct graph_builder *builder, uint32_t at) {
  struct op projection = op_new(OP_GEMM, E), product = projection, softmax = op_new(OP_SOFTMAX, E);
  for (size_t i = 0; i < 4; i++) projection.dim[i] = i == DIM_REPS ? 1 : SIDE;
  projection.in_bytes = projection.out_bytes = projection.weight_bytes = BYTES;
  product = projection;
  product.weight_bytes = 0;
  product.in_bytes = 2 * BYTES;
  projection.weighted = true;
  projection.n_parameters = ELEMENTS;
  softmax.dim[DIM_ELEMENTS] = ELEMENTS;
  softmax.in_bytes = softmax.out_bytes = BYTES;
  uint32_t qkv[3], row[2];
  for (size_t i = 0; i < 3; i++) qkv[i] = graph_builder_add(builder, &projection, "projection", &at, 1);
  row[0] = graph_builder_add(builder, &product, "scores", qkv, 2);
  row[0] = graph_builder_add(builder, &softmax, "softmax", row, 1);
  row[1] = qkv[rng_below(&bench->rng, 3)]; /* sometimes a key or query is the value, too */
  graph_builder_add(builder, &product, "context", row, 2);
}

/* What fusing attention must not change, and what it must. */
static void check_attention(struct bench *bench) {
  struct graph_builder *const builder = graph_builder_new(&bench->scratch);
  const struct op_graph *const graph = &bench->forward;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op op = graph->ops[i];
    graph_builder_add(builder, &op, "op", graph->preds + graph->pred_start[i], n_preds(graph, i));
  }
  append_attention(bench, builder, (uint32_t)rng_below(&bench->rng, graph->n_ops));
  struct op_graph whole, apart, fused;
  struct error error = {0};
  struct training_settings settings = {OPTIMIZER_MOMENTUM, FUSION_OFF,          false, true, 4, 4, 4,
                                       ATTENTION_SEPARATE, SELECTIVE_ATTENTION, 4,     25};
  assert_true(graph_builder_finish(builder, &bench->arena, &whole, &error));
  assert_true(training_expand(&whole, &settings, &bench->arena, &bench->scratch, &apart, &error));
  settings.attention = ATTENTION_FUSED;
  assert_true(training_expand(&whole, &settings, &bench->arena, &bench->scratch, &fused, &error));
  struct graph_totals before, after;
  graph_totals(&apart, &before);
  graph_totals(&fused, &after);
  assert_int_equal(after.macs[PHASE_FORWARD], before.macs[PHASE_FORWARD]);
  assert_int_equal(after.macs[PHASE_BACKWARD_WEIGHT], before.macs[PHASE_BACKWARD_WEIGHT]);
  assert_int_equal(after.parameters, before.parameters);
  assert_int_equal(after.ops[PHASE_UPDATE], before.ops[PHASE_UPDATE]);
  size_t n[2] = {0}; /* attention forward, backward */
  for (size_t i = 0; i < fused.n_ops; i++)
    if (fused.ops[i].kind == OP_ATTENTION) n[fused.ops[i].phase != PHASE_FORWARD]++;
  assert_true(n[0] > 0 && n[1] > 0 && n[1] <= n[0]);
  /* five products where there were at most four, and at least two if some operand wants no gradient */
  const uint64_t macs = SIDE * SIDE * SIDE;
  assert_true(after.macs[PHASE_BACKWARD_DATA] + 4 * n[1] * macs >= before.macs[PHASE_BACKWARD_DATA] + 5 * n[1] * macs);
  assert_true(after.macs[PHASE_BACKWARD_DATA] + 2 * n[1] * macs <= before.macs[PHASE_BACKWARD_DATA] + 5 * n[1] * macs);
}

static void test_laws(void **state) {
  (void)state;
  const char *const given = getenv("DSE_TEST_SEED");
  const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : default_seed;
  print_message("seed %llu (DSE_TEST_SEED)\n", (unsigned long long)seed);
  struct bench bench = {0};
  size_t n_followers = 0, n_kernels = 0;
  arena_init(&bench.arena, 1 << 20);
  arena_init(&bench.scratch, 1 << 20);
  for (uint64_t task = 0; task < N_GRAPHS; task++) {
    const struct arena_mark mark = arena_get_mark(&bench.arena), scratch_mark = arena_get_mark(&bench.scratch);
    bench.rng = rng_stream(seed, RNG_TEST, 0, task);
    random_graph(&bench);
    check_macs(&bench);
    check_updates(&bench);
    check_weight_gradients(&bench);
    check_order(&bench);
    check_stash(&bench);
    n_followers += check_fusion(&bench, FUSION_COMPAT);
    n_kernels += check_fusion(&bench, FUSION_KERNELS);
    check_contraction(&bench);
    check_attention(&bench);
    arena_rewind(&bench.arena, mark);
    arena_rewind(&bench.scratch, scratch_mark);
  }
  assert_true(n_followers > N_GRAPHS && n_kernels > N_GRAPHS); /* the graphs give fusion something to do */
  arena_release(&bench.arena);
  arena_release(&bench.scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_laws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

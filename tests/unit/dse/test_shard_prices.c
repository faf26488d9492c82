/* Do the shares of a layer cost what the cost model says of such operators? A share that is the whole layer must be the
 * operator of the training graph in each pass, and half of the heads, rows or columns the operator that Megatron's
 * split leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/accelerator.h"
#include "dse/sharding/shard_prices.h"
#include "tests/two_arenas.h"
#include "workloads/workload.h"
#include <cmocka.h>
#include <math.h>
#include <string.h>

struct bench {
  struct cost_settings cost;
  struct technology technology;
  struct stage_settings schedule;
  struct training_settings training;
  struct accelerator accelerator;
  struct machine machine;
  struct sharding_network network;
  struct op_graph expanded;
  struct shard_price_rules rules;
  struct shard_prices *prices;
};

static const char *const text = "bert-base layers=1 hidden=192 heads=4 vocab=512 sequence=64";

static void make(struct bench *bench) {
  struct error error = {0};
  const struct config_set sets[] = {
      {"layers", "1"}, {"hidden", "192"}, {"heads", "4"}, {"vocab", "512"}, {"sequence", "64"}};
  const struct workload_request wanted = {
      .name = "bert-base", .data_folder = ".", .batch = 2, .element_bytes = 2, .sets = sets, .n_sets = 5};
  const struct sharding_network_request request = {
      .text = text, .place = "here", .data_folder = ".", .batch = 2, .element_bytes = 2, .fuse = true};
  struct workload workload;
  config_defaults(&cost_fields, &arena, &bench->cost);
  config_defaults(&technology_fields, &arena, &bench->technology);
  config_defaults(&stage_fields, &arena, &bench->schedule);
  config_defaults(&training_fields, &arena, &bench->training);
  config_defaults(&accelerator_fields, &arena, &bench->accelerator);
  bench->accelerator.tc_count = 3, bench->accelerator.vc_count = 2; /* two of three can work on one operator */
  const bool fine = accelerator_derive(&bench->accelerator, &error) &&
                    sharding_network_load(&request, &arena, &scratch, &bench->network, &error) &&
                    workload_load(&wanted, &arena, &scratch, &workload, &error) &&
                    training_expand(&workload.graph, &bench->training, &arena, &scratch, &bench->expanded, &error);
  if (!fine) fail_msg("%s", error.text);
  machine_init(&bench->machine, &bench->cost, &bench->technology, &bench->accelerator);
  bench->rules = (struct shard_price_rules){
      .network = &bench->network, .cost = &bench->cost, .technology = &bench->technology, .schedule = &bench->schedule};
  bench->prices = shard_prices_new(&bench->rules, &bench->accelerator, &arena);
}

static double cycles_of(const struct bench *bench, const struct op *op) {
  const struct cost_provider *provider = cost_providers[bench->cost.provider];
  double least = INFINITY;
  for (uint64_t n = 1; n <= 2; n *= 2) {
    struct op_cost cost = {0};
    provider->op_cost(&bench->machine, op, NULL, n, &cost);
    least = fmin(least, (double)cost.cycles);
  }
  return least;
}

/* Of the operator with this name in a phase, without the sums that make a bias's gradient; there may be two (of a
 * product of activations): added up. */
static double of_graph(const struct bench *bench, const char *name, unsigned phase, size_t *n) {
  const struct op_graph *graph = &bench->expanded;
  double cycles = 0;
  *n = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *op = &graph->ops[i];
    const size_t forward = op->mirror == OP_ABSENT ? i : op->mirror;
    if (op->phase != phase || strcmp(op_name(graph, forward), name) != 0) continue;
    if (op_kinds[op->kind].family != op_kinds[graph->ops[forward].kind].family) continue;
    cycles += cycles_of(bench, op), ++*n;
  }
  return cycles;
}

static uint32_t layer_named(const struct bench *bench, const char *name) {
  for (uint32_t l = 0; l < bench->network.n_layers; l++) {
    if (strcmp(bench->network.layers[l].name, name) == 0) return l;
  }
  fail_msg("no layer %s", name);
  return 0;
}

static void test_whole(void **state) {
  (void)state;
  static struct bench bench;
  static const char *const products[] = {"layer0.attention.projection", "layer0.feed_forward.up",
                                         "layer0.feed_forward.down"};
  static const unsigned phases[] = {PHASE_FORWARD, PHASE_BACKWARD_DATA, PHASE_BACKWARD_WEIGHT};
  size_t n;
  make(&bench);
  for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
    const uint32_t l = layer_named(&bench, products[i]);
    for (int pass = SHARDING_FORWARD; pass <= SHARDING_BACKWARD_WEIGHT; pass++) {
      const double ours = shard_price(bench.prices, l, (enum sharding_pass)pass, bench.network.layers[l].size, 1);
      const double theirs = of_graph(&bench, products[i], phases[pass], &n);
      if (!(ours > 0 && fabs(ours - theirs) < 0.5 && n == 1)) {
        fail_msg("%s, pass %d: %g cycles, of %zu operators %g", products[i], pass, ours, n, theirs);
      }
    }
  }
  static const char *const attention[] = {"layer0.attention.query_key", "layer0.attention.context"};
  for (size_t i = 0; i < 2; i++) {
    const uint32_t l = layer_named(&bench, attention[i]);
    const uint64_t *size = bench.network.layers[l].size;
    assert_true(shard_price(bench.prices, l, SHARDING_FORWARD, size, 1) ==
                of_graph(&bench, attention[i], PHASE_FORWARD, &n));
    const double both = shard_price(bench.prices, l, SHARDING_BACKWARD_DATA, size, 1) +
                        shard_price(bench.prices, l, SHARDING_BACKWARD_WEIGHT, size, 1);
    assert_true(both == of_graph(&bench, attention[i], PHASE_BACKWARD_DATA, &n) && n == 2);
  }
  static const char *const vectors[] = {"layer0.attention.softmax", "layer0.attention.norm"};
  for (size_t i = 0; i < 2; i++) {
    const uint32_t l = layer_named(&bench, vectors[i]);
    const uint64_t *size = bench.network.layers[l].size;
    assert_true(shard_price(bench.prices, l, SHARDING_FORWARD, size, 1) ==
                of_graph(&bench, vectors[i], PHASE_FORWARD, &n));
  }
  /* What went into the up projection: its activation, of which nothing else is a layer. */
  const uint32_t up = layer_named(&bench, "layer0.feed_forward.up");
  const double beside = shard_price(bench.prices, up, SHARDING_EPILOGUE, bench.network.layers[up].size, 1);
  double fused = 0;
  for (uint32_t i = 0; i < bench.network.graph->n_ops; i++) {
    if (bench.network.fused_into[i] != up) continue;
    fused += of_graph(&bench, op_name(bench.network.graph, i), PHASE_FORWARD, &n);
  }
  assert_true(beside > 0 && beside == fused);
}

static void test_parts(void **state) {
  (void)state;
  static struct bench bench;
  make(&bench);
  const uint32_t up = layer_named(&bench, "layer0.feed_forward.up");
  uint64_t half[SHARDING_N_DIMS];
  memcpy(half, bench.network.layers[up].size, sizeof half);
  half[SHARDING_COUT] /= 2;
  struct op op = bench.network.graph->ops[bench.network.op_of[up]];
  op.first_follower = op.n_followers = 0;
  op.dim[DIM_N] /= 2, op.weight_bytes = 2 * op.dim[DIM_N] * op.dim[DIM_K], op.out_bytes /= 2;
  assert_true(shard_price(bench.prices, up, SHARDING_FORWARD, half, 2) == cycles_of(&bench, &op));
  const double whole = shard_price(bench.prices, up, SHARDING_EPILOGUE, bench.network.layers[up].size, 2);
  const double part = shard_price(bench.prices, up, SHARDING_EPILOGUE, half, 2);
  assert_true(part < whole && part >= whole / 2);
  /* Something is added to each operator. */
  bench.rules.op_overhead_s = 2385e-9;
  struct shard_prices *slower = shard_prices_new(&bench.rules, &bench.accelerator, &arena);
  assert_true(fabs(shard_price(slower, up, SHARDING_FORWARD, half, 2) -
                   shard_price(bench.prices, up, SHARDING_FORWARD, half, 2) - 2385e-9 * bench.machine.clock_hz) < 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_parts, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

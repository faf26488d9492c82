/* What must hold of MAESTRO's counts for any layer, and of every network's operators as rows of its tables?
 *
 * No array multiplies faster than its PEs allow (`eye` counts S columns of outputs at once, so S times that); flexible
 * arrays are never slower than fixed ones whose tiles fit; more images take as many times the cycles; products have
 * the work of their operators, and so have convolutions without stride and padding in all three passes. Random layers
 * from a printed seed; all shipped networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/maestro_rows.h"
#include "base/checked.h"
#include "base/rng.h"
#include "tests/two_arenas.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <string.h>

enum { SEED = 2385, N_LAYERS = 4000 };

static uint64_t draw(struct rng *rng, uint64_t least, uint64_t most) {
  return least + rng_below(rng, most - least + 1);
}

static struct maestro_layer drawn_layer(struct rng *rng) {
  const enum maestro_layer_type type = (enum maestro_layer_type)draw(rng, 0, N_MAESTRO_LAYER_TYPES - 1);
  const bool pixels = type == MAESTRO_CONV || type == MAESTRO_DEPTHWISE;
  const uint64_t largest = pixels ? 60 : 3000;
  uint64_t dims[MAESTRO_DIMS];
  for (int d = 0; d < MAESTRO_DIMS; d++) dims[d] = draw(rng, 1, d < 2 && pixels ? 700 : largest);
  if (pixels) dims[4] = draw(rng, 1, min_u64(dims[2], 9));
  if (pixels) dims[5] = draw(rng, 1, min_u64(dims[3], 9));
  struct maestro_layer layer;
  assert_true(maestro_layer_init(&layer, type, dims, 1));
  return layer;
}

static void test_laws(void **state) {
  (void)state;
  struct rng rng = rng_stream(SEED, RNG_TEST, 0, 1);
  print_message("seed %d\n", SEED);
  for (int i = 0; i < N_LAYERS; i++) {
    const struct maestro_layer layer = drawn_layer(&rng);
    struct maestro_array array = {.style = (enum maestro_style)draw(&rng, 0, N_MAESTRO_STYLES - 1),
                                  .n_pes = 64 * draw(&rng, 1, 200),
                                  .cluster_pes = 64};
    struct maestro_cost tile, traffic, flexible, images;
    assert_true(maestro_cost(&array, &layer, MAESTRO_TILE, &tile));
    assert_true(maestro_cost(&array, &layer, MAESTRO_TRAFFIC, &traffic));
    assert_int_equal(tile.latency_cycles, traffic.latency_cycles);
    assert_true(tile.bytes_per_cycle > 0 && traffic.bytes_per_cycle > 0);
    const uint64_t at_once = array.style == MAESTRO_EYE && !layer.depthwise ? layer.s : 1;
    assert_true((tile.latency_cycles - 1) * at_once >= ceil_div(maestro_macs(&layer), array.n_pes));
    struct maestro_layer several = layer;
    several.images = draw(&rng, 2, 9);
    assert_true(maestro_cost(&array, &several, MAESTRO_TRAFFIC, &images));
    assert_int_equal(images.latency_cycles - 1, several.images * (traffic.latency_cycles - 1));
    assert_int_equal(maestro_macs(&several), several.images * maestro_macs(&layer));
    assert_true(images.bytes_per_cycle <= traffic.bytes_per_cycle);
    array.flexible = true;
    assert_true(maestro_cost(&array, &layer, MAESTRO_TRAFFIC, &flexible));
    assert_true(flexible.cluster_pes >= 1 && flexible.cluster_pes <= array.n_pes);
    if (traffic.l2_bytes <= 2 << 20 && array.n_pes > 64)
      assert_true(flexible.latency_cycles <= traffic.latency_cycles && flexible.l2_bytes <= 2 << 20);
  }
}

static bool is_plain(const struct op *op) {
  return op->kind == OP_GEMM || (op->kind != OP_TRANSPOSED_CONV && op->dim[DIM_STRIDE] == 1 &&
                                 op->dim[DIM_PAD_HEIGHT] == 0 && op->dim[DIM_PAD_WIDTH] == 0);
}

/* Returns how many operators have a row. */
static size_t check_ops(const struct op_graph *graph) {
  size_t n_rows = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    struct maestro_row row;
    struct maestro_layer layer;
    const bool has_row = maestro_row_of(op, &row, &layer);
    assert_int_equal(has_row, op_kinds[op->kind].class == CLASS_TENSOR);
    if (!has_row) continue;
    n_rows++;
    const bool grows = op->phase == PHASE_BACKWARD_DATA && op_kinds[op->kind].family == FAMILY_CONV;
    if (is_plain(op) && !grows) assert_int_equal(maestro_macs(&layer), op_macs(op));
    if (is_plain(op) && grows) assert_true(maestro_macs(&layer) >= op_macs(op)); /* it pads the gradient */
  }
  return n_rows;
}

static void test_networks(void **state) {
  (void)state;
  const char *const *names;
  size_t n_names;
  struct error error = {0};
  struct arena list;
  arena_init(&list, 1 << 16);
  assert_true(workload_list(".", &list, &names, &n_names, &error));
  struct training_settings settings;
  config_defaults(&training_fields, &list, &settings);
  for (size_t i = 0; i < n_names; i++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    const struct workload_request request = {.name = names[i], .data_folder = ".", .batch = 3, .element_bytes = 1};
    struct workload workload;
    struct op_graph training;
    if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
    assert_true(training_expand(&workload.graph, &settings, &arena, &scratch, &training, &error));
    const size_t forward = check_ops(&workload.graph), all = check_ops(&training);
    print_message("%s: %zu rows forward, %zu in training\n", names[i], forward, all);
    assert_true(forward > 0 && all > 2 * forward);
    arena_rewind(&arena, mark);
  }
  arena_release(&list);
}

/* A convolution of 5 images, 7 channels to 12 in one group, 3 × 2 filter on 9 × 11, in each pass; depthwise; a batch of
 * products; what has no row. Bounds by hand. */
static void test_rows(void **state) {
  (void)state;
  const uint64_t bounds[] = {5, 6, 9, 11, 12, 3, 2, 2, 1, 1, 2, 1};
  static const uint64_t wanted[][MAESTRO_DIMS] = {
      [PHASE_FORWARD] = {12, 3, 9, 11, 3, 2},
      [PHASE_BACKWARD_DATA] = {6, 6, 11, 12, 3, 2},
      [PHASE_BACKWARD_WEIGHT] = {3 * 6, 12, 5 * 7 * 10, 1, 1, 1},
  };
  struct maestro_row row;
  struct maestro_layer layer;
  for (unsigned phase = 0; phase <= PHASE_BACKWARD_WEIGHT; phase++) {
    struct op op = op_new(OP_CONV, 1);
    op.phase = (uint8_t)phase;
    memcpy(op.dim, bounds, sizeof bounds);
    assert_true(maestro_row_of(&op, &row, &layer));
    assert_int_equal(row.type, phase == PHASE_BACKWARD_WEIGHT ? MAESTRO_GEMM : MAESTRO_CONV);
    assert_int_equal(row.images, phase == PHASE_BACKWARD_WEIGHT ? 1 : 5);
    assert_memory_equal(row.dims, wanted[phase], sizeof row.dims);
  }
  struct op op = op_new(OP_DEPTHWISE, 1);
  memcpy(op.dim, (const uint64_t[]){5, 6, 2, 11, 6, 3, 2, 2, 1, 1, 6, 1}, sizeof bounds);
  assert_true(maestro_row_of(&op, &row, &layer));
  assert_memory_equal(row.dims, ((const uint64_t[]){1, 6, 3, 11, 3, 2}), sizeof row.dims); /* as high as the filter */
  op = op_new(OP_GEMM, 1);
  memcpy(op.dim, (const uint64_t[]){3, 5, 7, 11}, 4 * sizeof *op.dim);
  assert_true(maestro_row_of(&op, &row, &layer));
  assert_int_equal(row.type, MAESTRO_GEMM);
  assert_memory_equal(row.dims, ((const uint64_t[]){15, 7, 11, 1, 1, 1}), sizeof row.dims);
  op.dim[DIM_REPS] = op.dim[DIM_M] = 1;
  assert_true(maestro_row_of(&op, &row, &layer));
  assert_int_equal(row.type, MAESTRO_FC);
  op.dim[DIM_REPS] = UINT64_C(1) << 40;
  assert_false(maestro_row_of(&op, &row, &layer));
  op = op_new(OP_RELU, 1);
  assert_false(maestro_row_of(&op, &row, &layer));
  op = op_new(OP_ATTENTION, 1);
  assert_false(maestro_row_of(&op, &row, &layer));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_laws),
      cmocka_unit_test_setup_teardown(test_networks, setup, teardown),
      cmocka_unit_test(test_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do four real ONNX files give the parameters and products that were counted when they were exported?
 *
 * Source: counts of module hooks in PyTorch 1.13.1 and torchvision 0.14.1 beside the export, aliases counted apart; 25
 * norms, 12 GELUs and 12 softmaxes of the two transformers: workloads §4. Left out: costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workloads/onnx.h"
#include "workloads/training.h"
#include <string.h>

static const struct reference {
  const char *path;
  uint64_t parameters, distinct_parameters, macs, depthwise_macs;
  size_t n_norms, n_gelus, n_softmaxes;
} references[] = {
    {"tests/data/onnx/resnet50.onnx", 25530472, 25507944, 4089184256, 0, 0, 0, 0},
    {"tests/data/onnx/mobilenet_v3_large.onnx", 5470832, 5457176, 216589760, 18392640, 0, 0, 0},
    {"tests/data/onnx/vit_b_16.onnx", 86567656, 86495464, 17563828224, 0, 25, 12, 12},
    {"tests/data/onnx/bert_base.onnx", 109482240, 109482240, 48318971904, 0, 25, 12, 12},
};

struct loaded {
  struct arena arena, scratch;
  struct workload workload;
  struct error error;
};

static bool load(struct loaded *loaded, const char *path, uint64_t batch, const struct config_set *sets, size_t n) {
  const struct workload_request request = {
      .name = path, .data_folder = ".", .batch = batch, .element_bytes = 2, .sets = sets, .n_sets = n};
  *loaded = (struct loaded){0};
  arena_init(&loaded->arena, 1 << 20);
  arena_init(&loaded->scratch, 1 << 20);
  return workload_load(&request, &loaded->arena, &loaded->scratch, &loaded->workload, &loaded->error);
}

static void release(struct loaded *loaded) {
  arena_release(&loaded->arena);
  arena_release(&loaded->scratch);
}

static size_t count(const struct op_graph *graph, enum op_kind kind) {
  size_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++) n += graph->ops[i].kind == kind;
  return n;
}

static void test_references(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
    const struct reference *const reference = &references[i];
    struct loaded loaded;
    if (!load(&loaded, reference->path, 1, NULL, 0)) fail_msg("%s", loaded.error.text);
    const struct op_graph *const graph = &loaded.workload.graph;
    struct graph_totals totals;
    graph_totals(graph, &totals);
    assert_int_equal(totals.parameters, reference->parameters);
    assert_int_equal(totals.macs[PHASE_FORWARD], reference->macs);
    uint64_t depthwise_macs = 0;
    for (size_t k = 0; k < graph->n_ops; k++)
      depthwise_macs += graph->ops[k].kind == OP_DEPTHWISE ? op_macs(&graph->ops[k]) : 0;
    assert_int_equal(depthwise_macs, reference->depthwise_macs);
    assert_int_equal(count(graph, OP_LAYER_NORM), reference->n_norms);
    assert_int_equal(count(graph, OP_GELU), reference->n_gelus);
    assert_int_equal(count(graph, OP_SOFTMAX), reference->n_softmaxes);
    assert_int_equal(loaded.workload.onnx->n_unknown, 0);
    release(&loaded);
  }
}

/* Weights that the exporter merged, once. */
static void test_merged_weights(void **state) {
  (void)state;
  const struct config_set merge = {"merge_identical_weights", "true"};
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
    struct loaded loaded;
    if (!load(&loaded, references[i].path, 1, &merge, 1)) fail_msg("%s", loaded.error.text);
    struct graph_totals totals;
    graph_totals(&loaded.workload.graph, &totals);
    assert_int_equal(totals.parameters, references[i].distinct_parameters);
    release(&loaded);
  }
}

/* 32 samples have 32 times the products and the same weights; a step of training is another 2 passes, less the first
 * convolution's input gradient (workloads §6: ResNet-50 118,013,952 MACs). */
static void test_batch_and_training(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
    struct loaded loaded;
    if (!load(&loaded, references[i].path, 32, NULL, 0)) fail_msg("%s", loaded.error.text);
    struct graph_totals totals;
    graph_totals(&loaded.workload.graph, &totals);
    assert_int_equal(totals.parameters, references[i].parameters);
    assert_int_equal(totals.macs[PHASE_FORWARD], 32 * references[i].macs);
    release(&loaded);
  }
  struct loaded loaded;
  assert_true(load(&loaded, references[0].path, 1, NULL, 0));
  struct training_settings settings;
  config_defaults(&training_fields, &loaded.arena, &settings);
  settings.fusion = FUSION_OFF;
  struct op_graph training;
  assert_true(
      training_expand(&loaded.workload.graph, &settings, &loaded.arena, &loaded.scratch, &training, &loaded.error));
  struct graph_totals totals;
  graph_totals(&training, &totals);
  assert_int_equal(totals.macs[PHASE_FORWARD] + totals.macs[PHASE_BACKWARD_DATA] + totals.macs[PHASE_BACKWARD_WEIGHT],
                   3 * references[0].macs - 118013952);
  release(&loaded);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_references), cmocka_unit_test(test_merged_weights),
                                     cmocka_unit_test(test_batch_and_training)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

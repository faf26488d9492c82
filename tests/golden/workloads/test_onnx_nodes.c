/* Do files of one operator each, and whole networks with tiny weights, have the shapes that they state and the counts
 * that others have counted?
 *
 * Source: the node tests and the `light` networks of the public ONNX repository (tests/data/onnx/README.md). Shapes of
 * outputs are those that the files state; parameters and multiply-accumulates of single operators are by hand, of
 * networks what scripts/onnx count finds with a reader of its own; AlexNet (of Caffe), VGG-19 and SqueezeNet 1.0 are
 * published with as many parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workloads/onnx.h"
#include "workloads/training.h"
#include <stdio.h>
#include <string.h>

static const struct expected {
  const char *file, *outputs;
  uint64_t parameters, macs;
  bool quantised, stated;
} expected[] = {
    {"nodes/MaxPool2d_stride_padding_dilation", "Y [1,1,43,25]", 0, 0, false, false},
    {"nodes/PixelShuffle", "5 [1,1,12,12]", 0, 0, false, false},
    {"nodes/averagepool_2d_ceil_last_window_starts_on_pad", "y [1,3,1,1]", 0, 0, false, false},
    {"nodes/convinteger_with_padding", "y [1,2,4,4]", 0, 4 * 4 * 2 * 4, true, false},
    {"nodes/convtranspose_3d", "Y [1,2,5,6,7]", 54, 3 * 4 * 5 * 54, false, false},
    {"nodes/convtranspose_autopad_same", "Y [1,2,6,6]", 18, 9 * 18, false, false},
    {"nodes/convtranspose_group_2", "Y [1,2,5,5]", 18, 18 * 9, false, false},
    {"nodes/convtranspose_output_shape", "Y [1,2,10,8]", 18, 9 * 18, false, false},
    {"nodes/dequantizelinear_axis", "y [1,3,3,2]", 0, 0, true, false},
    {"nodes/dynamicquantizelinear", "y [6] y_scale [] y_zero_point []", 0, 0, true, false},
    {"nodes/dynamicquantizelinear_expanded", "y [6] y_scale [] y_zero_point []", 0, 0, true, false},
    {"nodes/einsum_batch_diagonal", "y [3,5]", 0, 0, false, false},
    {"nodes/einsum_batch_matmul", "z [5,2,4]", 60, 5 * 2 * 3 * 4, false, false},
    {"nodes/einsum_inner_prod", "z []", 5, 5, false, false},
    {"nodes/einsum_sum", "y [3]", 0, 0, false, false},
    {"nodes/expand_shape_model1", "Y [1,3,1]", 0, 0, false, true},
    {"nodes/gather_2d_indices", "y [3,1,2]", 0, 0, false, false},
    {"nodes/gathernd_example_int32_batch_dim1", "output [2,2]", 0, 0, false, false},
    {"nodes/gru_batchwise", "Y [3,1,1,6] Y_h [3,1,6]", 18 * 8, 3 * 18 * 8, false, false},
    {"nodes/gru_seq_length", "Y_h [1,3,5]", 15 * 8 + 30, 2 * 3 * 15 * 8, false, false},
    {"nodes/if", "res [5]", 0, 0, false, false},
    {"nodes/layer_normalization_2d_axis0", "Y [3,4] Mean [1,1] InvStdDev [1,1]", 24, 0, false, false},
    {"nodes/layer_normalization_2d_axis0_expanded", "Y [3,4] Mean [1,1] InvStdDev [1,1]", 24, 0, false, false},
    {"nodes/lstm_with_peepholes", "Y_h [1,2,3]", 12 * 7 + 24 + 9, 2 * 12 * 7, false, false},
    {"nodes/matmulinteger", "Y [4,2]", 0, 4 * 3 * 2, true, false},
    {"nodes/maxunpool_export_without_output_shape", "y [1,1,4,4]", 0, 0, false, false},
    {"nodes/nonzero_example", "result [2,3]", 0, 0, false, true},
    {"nodes/qlinearconv", "y [1,1,7,7]", 0, 49, true, false},
    {"nodes/qlinearmatmul_3D_uint8_float32", "y [2,2,3]", 0, 2 * 2 * 4 * 3, true, false},
    {"nodes/quantizelinear", "y [6]", 0, 0, true, false},
    {"nodes/scan9_sum", "y [2] z [3,2]", 0, 0, false, false},
    {"nodes/scatternd", "y [4,4,4]", 32, 0, false, false},
    {"nodes/simple_rnn_batchwise", "Y [3,1,1,4] Y_h [3,1,4]", 4 * 6, 3 * 4 * 6, false, false},
    {"nodes/split_1d_uneven_split_opset18", "output_1 [2] output_2 [2] output_3 [2] output_4 [1]", 0, 0, false, false},
    {"light/light_bvlc_alexnet", "prob_1 [1,1000]", 60965224, 654560384, false, false},
    {"light/light_squeezenet", "softmaxout_1 [1,1000,1,1]", 1235496, 349151936, false, false},
    {"light/light_vgg19", "prob_1 [1,1000]", 143667240, 19632062464, false, false},
    {"light/light_zfnet512", "gpu_0/softmax_1 [1,1000]", 87250536, 1481727008, false, false},
    {"light/swiglu_function", "output [1,16]", 3 * 16 * 32, 3 * 16 * 32, false, false},
};

static void test_files(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    const struct expected *const row = &expected[i];
    char path[256], outputs[256] = "";
    snprintf(path, sizeof path, "tests/data/onnx/%s.onnx", row->file);
    struct arena arena, scratch;
    struct workload workload;
    struct error error = {0};
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    const struct workload_request request = {
        .name = path, .data_folder = ".", .batch = 1, .element_bytes = 2, .strict = true};
    if (!workload_load(&request, &arena, &scratch, &workload, &error)) fail_msg("%s", error.text);
    for (size_t k = 0; k < workload.onnx->n_outputs; k++) {
      const size_t n = strlen(outputs);
      snprintf(outputs + n, sizeof outputs - n, "%s%s", k > 0 ? " " : "", workload.onnx->outputs[k]);
    }
    struct graph_totals totals;
    graph_totals(&workload.graph, &totals);
    if (strcmp(outputs, row->outputs) != 0 || totals.parameters != row->parameters ||
        totals.macs[PHASE_FORWARD] != row->macs)
      fail_msg("%s: %s, %llu parameters, %llu MACs; wanted %s, %llu, %llu", row->file, outputs,
               (unsigned long long)totals.parameters, (unsigned long long)totals.macs[PHASE_FORWARD], row->outputs,
               (unsigned long long)row->parameters, (unsigned long long)row->macs);
    assert_int_equal(workload.onnx->quantised, row->quantised);
    assert_int_equal(workload.onnx->n_stated > 0, row->stated);
    struct training_settings settings;
    config_defaults(&training_fields, &arena, &settings);
    struct op_graph training;
    if (!training_expand(&workload.graph, &settings, &arena, &scratch, &training, &error)) fail_msg("%s", error.text);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Does any file break the ONNX importer? What it accepts must expand to a training step.
 *
 * libFuzzer, linked as scripts/nightly does. The corpus is replayed by tests/unit/workloads/test_onnx.c. */
#include "workloads/onnx.h"
#include "workloads/training.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 16);
  arena_init(&scratch, 1 << 16);
  struct error error = {0};
  const struct config_set sets[] = {{"seq", "16"}};
  const struct workload_request request = {.name = "fuzz.onnx",
                                           .data_folder = ".",
                                           .batch = size % 3 == 0 ? 1 : 3,
                                           .element_bytes = 2,
                                           .sets = sets,
                                           .n_sets = size % 5 == 0};
  struct workload workload = {.name = "fuzz", .batch = 3};
  struct onnx_notes notes;
  const struct generation generation = {&request, NULL, &arena, graph_builder_new(&scratch), &workload};
  bool ok = onnx_parse("fuzz.onnx", data, size, &generation, &scratch, &notes, &error);
  if (ok == error_is_set(&error)) abort();
  if (ok) {
    onnx_keep_notes(&notes, &arena);
    ok = graph_builder_finish(generation.builder, &arena, &workload.graph, &error);
  }
  if (ok) {
    const struct training_settings settings = {OPTIMIZER_ADAM,  FUSION_COMPAT,       true, true, 2, 4, 4,
                                               ATTENTION_FUSED, SELECTIVE_ATTENTION, 4,    25};
    struct op_graph training;
    (void)training_expand(&workload.graph, &settings, &arena, &scratch, &training, &error); /* too large, perhaps */
  }
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}

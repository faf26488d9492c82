/* Do shipped models train with the published counts?
 *
 * Values: workloads §6. ResNet-50 trains at 3·4,089,184,256 − 118,013,952 multiply-accumulates an image (counted);
 * transformers at exactly 3 × forward; a GPT-3 layer keeps 34sbh + 5as²b = 2,868,903,936 bytes for one sequence
 * (Korthikanti et al., arXiv 2205.05198). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workloads/training.h"
#include "workloads/workload.h"

static const struct training_settings settings = {OPTIMIZER_ADAM,     FUSION_OFF,          false, true, 2, 4, 4,
                                                  ATTENTION_SEPARATE, SELECTIVE_ATTENTION, 4,     25};

static void expand(const char *name, struct arena *arena, struct arena *scratch, struct op_graph *training) {
  const struct workload_request request = {.name = name, .data_folder = ".", .batch = 1, .element_bytes = 2};
  struct workload workload;
  struct error error = {0};
  if (!workload_load(&request, arena, scratch, &workload, &error)) fail_msg("%s", error.text);
  if (!training_expand(&workload.graph, &settings, arena, scratch, training, &error)) fail_msg("%s", error.text);
}

static void test_resnet50(void **state) {
  (void)state;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct op_graph training;
  struct graph_totals totals;
  expand("resnet50", &arena, &scratch, &training);
  graph_totals(&training, &totals);
  assert_int_equal(totals.macs[PHASE_FORWARD], 4089184256);
  assert_int_equal(totals.macs[PHASE_BACKWARD_WEIGHT], 4089184256);
  assert_int_equal(totals.macs[PHASE_FORWARD] + totals.macs[PHASE_BACKWARD_DATA] + totals.macs[PHASE_BACKWARD_WEIGHT],
                   12149538816);
  arena_release(&arena);
  arena_release(&scratch);
}

static void test_transformers(void **state) {
  (void)state;
  static const char *const names[] = {"bert-base", "opt-350m", "llama3-8b", "mixtral-8x7b"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct op_graph training;
    struct graph_totals totals;
    uint64_t updated = 0;
    expand(names[i], &arena, &scratch, &training);
    graph_totals(&training, &totals);
    assert_int_equal(totals.macs[PHASE_BACKWARD_DATA] + totals.macs[PHASE_BACKWARD_WEIGHT],
                     2 * totals.macs[PHASE_FORWARD]);
    for (size_t k = 0; k < training.n_ops; k++)
      updated += training.ops[k].phase == PHASE_UPDATE ? training.ops[k].dim[DIM_ELEMENTS] : 0;
    assert_int_equal(updated, totals.parameters);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

static void test_gpt3_stash(void **state) {
  (void)state;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct op_graph training;
  expand("gpt3-175b", &arena, &scratch, &training);
  uint64_t kept[96] = {0};
  for (size_t k = 0; k < training.n_ops; k++)
    if (training.ops[k].layer < 96) kept[training.ops[k].layer] += training.ops[k].kept_bytes;
  for (size_t layer = 0; layer < 96; layer++) assert_int_equal(kept[layer], 2868903936);
  arena_release(&arena);
  arena_release(&scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_resnet50), cmocka_unit_test(test_transformers),
                                     cmocka_unit_test(test_gpt3_stash)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

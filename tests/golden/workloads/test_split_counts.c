/* Do split models keep, compute and send what is published for them?
 *
 * Sources: bytes a layer keeps under tensor and sequence parallelism, Korthikanti et al., arXiv 2205.05198, table 2, and
 * its percentages (figure 7; accelerator-search §9, workloads §7); collectives of a layer, arXiv 1909.08053 and
 * workloads §8; multiply-accumulates and parameters of the shipped models are those of test_counts. A layer's share is
 * what one more layer adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/split.h"
#include "workloads/split_sizes.h"
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
  const char *model, *more; /* value of "head"… of one more set, as key=value pieces */
  uint64_t batch, attention;
  struct split_degrees degrees;
};

static void layers(const struct config *config, const char *n, struct counts *counts) {
  const struct config_set sets[] = {{"layers", n}, {"sequence", config->more}};
  struct workload workload;
  load(config->model, sets, config->more != NULL ? 2 : 1, config->batch, &workload);
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

int main(void) {
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kept_bytes),
      cmocka_unit_test(test_published_percentages),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  arena_release(&scratch);
  return failed;
}

/* Do the closed forms of traffic and time say what the loops do? Random small operators on random small machines, so
 * that every level is cut, windows slide, patches and groups stand side by side; each mapping is run by the judge
 * (nest_check), step by step, and must agree to the byte and to the cycle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/nest_check.h"
#include "base/rng.h"
#include <stdio.h>
#include <string.h>

enum { SEED = 2385, N_CASES = 30000, MAX_FOLLOWERS = 2, MAX_MACS = 20000 };

struct sample {
  struct cost_settings settings;
  struct technology technology;
  struct machine machine;
  struct op op;
  struct op_follower followers[MAX_FOLLOWERS];
};

/* Roughly log-uniform in 1 … 2^bits. */
static uint64_t draw(struct rng *rng, unsigned bits) {
  return 1 + rng_below(rng, UINT64_C(1) << rng_below(rng, bits + 1));
}

static void draw_settings(struct rng *rng, struct cost_settings *settings) {
  settings->dataflow = rng_below(rng, 4);
  settings->array_overlap = rng_below(rng, 3);
  settings->depthwise_on = settings->tensor_on = DEPTHWISE_TC;
  settings->deconv = rng_below(rng, 2);
  settings->array_mapping = rng_below(rng, 2);
  settings->map_objective = rng_below(rng, 3);
  settings->traffic_weight = (double)rng_below(rng, 2) / 16;
  settings->transpose = rng_below(rng, 2) == 1;
  settings->buffering = 1 + rng_below(rng, 2);
  settings->accumulator_bytes = 2 << rng_below(rng, 2);
  settings->glb_ports = 1 + rng_below(rng, 2);
  settings->l2_ports = 1 + rng_below(rng, 2);
  if (rng_below(rng, 2) == 0) settings->l2_read_bytes_per_cycle = draw(rng, 8);
}

/* Memories as small as a few words, in bytes. */
static void draw_machine(struct rng *rng, struct sample *sample) {
  sample->machine = (struct machine){.settings = &sample->settings,
                                     .technology = &sample->technology,
                                     .rows = draw(rng, 4),
                                     .cols = draw(rng, 4),
                                     .lanes = draw(rng, 4),
                                     .n_tensor = 1,
                                     .n_vector = 1,
                                     .tensor_l2_bytes = 4 * draw(rng, 9),
                                     .vector_l2_bytes = 1024,
                                     .hbm_bytes_per_cycle = (double)draw(rng, 20) / 4096,
                                     .glb_bytes_per_cycle = (double)draw(rng, 10),
                                     .l2_bytes_per_cycle = (double)draw(rng, 10),
                                     .link_bytes_per_cycle = 1};
  sample->machine.glb_bytes = sample->machine.glb_share_bytes = 16 * draw(rng, 10);
}

static void draw_gemm(struct rng *rng, struct op *op) {
  const uint64_t reps = draw(rng, 3), m = draw(rng, 6), n = draw(rng, 6), k = draw(rng, 6), e = op->element_bytes;
  const uint64_t dims[] = {reps, m, n, k};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = reps * m * k * e;
  op->weight_bytes = reps * k * n * e;
  op->out_bytes = reps * m * n * e;
}

static void draw_conv(struct rng *rng, struct op *op) {
  const bool depthwise = op->kind == OP_DEPTHWISE;
  const uint64_t groups = depthwise ? draw(rng, 4) : 1 + rng_below(rng, 3) * rng_below(rng, 2);
  const uint64_t in = depthwise ? groups : groups * draw(rng, 4), out = depthwise ? groups : groups * draw(rng, 4);
  const uint64_t high = 1 + rng_below(rng, 4), wide = rng_below(rng, 3) == 0 ? 1 + rng_below(rng, 4) : high;
  const uint64_t dilation = 1 + (rng_below(rng, 3) == 0 ? rng_below(rng, 3) : 0), e = op->element_bytes;
  const uint64_t high_reach = (high - 1) * dilation + 1, wide_reach = (wide - 1) * dilation + 1;
  const uint64_t dims[OP_DIMS] = {draw(rng, 2),
                                  in,
                                  high_reach + rng_below(rng, 10),
                                  wide_reach + rng_below(rng, 10),
                                  out,
                                  high,
                                  wide,
                                  1 + rng_below(rng, 2) * rng_below(rng, 4),
                                  rng_below(rng, high_reach),
                                  rng_below(rng, wide_reach),
                                  groups,
                                  dilation};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = e * dims[DIM_IMAGES] * in * dims[DIM_IN_HEIGHT] * dims[DIM_IN_WIDTH];
  op->weight_bytes = e * high * wide * (in / groups) * out;
  op->out_bytes = e * dims[DIM_IMAGES] * out * op_conv_out_height(op) * op_conv_out_width(op);
}

static uint64_t product_macs_most(const struct op *op) {
  if (op->kind == OP_GEMM) return op_macs(op) / op->dim[DIM_REPS];
  const uint64_t *const dim = op->dim;
  const uint64_t pixels =
      dim[DIM_IMAGES] * (dim[DIM_IN_HEIGHT] + 2 * dim[DIM_PAD_HEIGHT]) * (dim[DIM_IN_WIDTH] + 2 * dim[DIM_PAD_WIDTH]);
  return pixels * (dim[DIM_IN_CHANNELS] / dim[DIM_GROUPS]) * (dim[DIM_OUT_CHANNELS] / dim[DIM_GROUPS]) *
         dim[DIM_FILTER_HEIGHT] * dim[DIM_FILTER_WIDTH];
}

static void draw_op(struct rng *rng, struct sample *sample) {
  struct op *const op = &sample->op;
  do {
    *op = op_new((enum op_kind)(OP_GEMM + rng_below(rng, 4)), UINT64_C(1) << rng_below(rng, 3));
    op->phase = (uint8_t)rng_below(rng, 3);
    if (op->kind == OP_GEMM)
      draw_gemm(rng, op);
    else
      draw_conv(rng, op);
  } while (product_macs_most(op) > MAX_MACS);
  if (rng_below(rng, 4) == 0) op->in_bytes = op->in_bytes * rng_below(rng, 5) / 2; /* shared or further operands */
  op->n_followers = rng_below(rng, 4) == 0 ? 1 + (uint32_t)rng_below(rng, MAX_FOLLOWERS) : 0;
  for (uint32_t i = 0; i < op->n_followers; i++)
    sample->followers[i] =
        (struct op_follower){(uint8_t)(OP_RELU + rng_below(rng, 8)), PHASE_FORWARD, draw(rng, 12), draw(rng, 4)};
}

static void draw_sample(uint64_t task, struct sample *sample, struct arena *arena) {
  struct rng rng = rng_stream(SEED, RNG_TEST, 3, task);
  memset(sample, 0, sizeof *sample);
  config_defaults(&cost_fields, arena, &sample->settings);
  config_defaults(&technology_fields, arena, &sample->technology);
  draw_settings(&rng, &sample->settings);
  draw_machine(&rng, sample);
  draw_op(&rng, sample);
}

static void describe(uint64_t task, const struct sample *sample, const struct op_cost *cost, const char *what) {
  const struct cost_settings *const s = &sample->settings;
  const struct machine *const machine = &sample->machine;
  const struct mapping *const mapping = &cost->mapping;
  const struct tile_loops *const glb = &mapping->glb, *const l2 = &mapping->l2;
  char dims[256];
  size_t at = 0;
  for (unsigned d = 0; d < OP_DIMS; d++)
    at += (size_t)snprintf(dims + at, sizeof dims - at, " %llu", (unsigned long long)sample->op.dim[d]);
  print_message("seed %d, task %llu: %s %s%s, %u bytes, dataflow %llu, overlap %llu, deconv %llu, flexible %llu, "
                "transpose %d, buffering %llu, accumulator %llu; array %llux%llu, L2 %llu, GLB %llu\n",
                SEED, (unsigned long long)task, op_kinds[sample->op.kind].name, op_phase_names[sample->op.phase], dims,
                sample->op.element_bytes, (unsigned long long)s->dataflow, (unsigned long long)s->array_overlap,
                (unsigned long long)s->deconv, (unsigned long long)s->array_mapping, s->transpose,
                (unsigned long long)s->buffering, (unsigned long long)s->accumulator_bytes,
                (unsigned long long)machine->rows, (unsigned long long)machine->cols,
                (unsigned long long)machine->tensor_l2_bytes, (unsigned long long)machine->glb_share_bytes);
  print_message("  dataflow %u, turned %d, patch %ux%u, abreast %u; GLB %s m%u n%u k%u (%u %u %u); L2 %s m%u n%u k%u "
                "(%u %u %u)\n",
                mapping->dataflow, mapping->transposed, mapping->patch_rows, mapping->patch_cols, mapping->abreast,
                glb->order, glb->m, glb->n, glb->k, glb->images, glb->rows, glb->cols, l2->order, l2->m, l2->n, l2->k,
                l2->images, l2->rows, l2->cols);
  print_message("%s", what);
}

static void test_walk_agrees(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  unsigned n_wrong = 0;
  static struct error error;
  for (uint64_t task = 0; task < N_CASES; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sample sample;
    struct op_cost cost;
    struct nest_count count;
    draw_sample(task, &sample, &arena);
    physical_provider.op_cost(&sample.machine, &sample.op, sample.followers, 1, &cost);
    error = (struct error){0};
    if (!nest_check(&sample.machine, &sample.op, &cost, &arena, &count, &error) && n_wrong++ < 20)
      describe(task, &sample, &cost, error.text);
    arena_rewind(&arena, mark);
  }
  print_message("%u wrong\n", n_wrong);
  arena_release(&arena);
  assert_int_equal(n_wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_walk_agrees)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Do the closed forms of traffic and time say what the loops do? Random small operators on random small machines, so
 * that every level is cut, windows slide, patches and groups stand side by side, cores share out; each mapping is run
 * by the judge (nest_check), step by step, and must agree to the byte and to the cycle. What the cases cover is
 * counted, printed, and must not fade away. The judge itself is held to figures worked out by hand and must notice what
 * is false. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/nest_check.h"
#include "base/checked.h"
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
  uint64_t n_cores;
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
                                     .rows = draw(rng, 5),
                                     .cols = draw(rng, 5),
                                     .lanes = draw(rng, 4),
                                     .n_tensor = 1,
                                     .n_vector = 1,
                                     .tensor_l2_bytes = 8 * draw(rng, 9),
                                     .vector_l2_bytes = 1024,
                                     .hbm_bytes_per_cycle = (double)draw(rng, 20) / 4096,
                                     .glb_bytes_per_cycle = (double)draw(rng, 10),
                                     .l2_bytes_per_cycle = (double)draw(rng, 10),
                                     .link_bytes_per_cycle = 1};
  sample->machine.glb_bytes = sample->machine.glb_share_bytes = 32 * draw(rng, 9);
}

/* Mostly a multiple of the cores, so that they can take equal shares. */
static uint64_t draw_shared(struct rng *rng, unsigned bits, uint64_t n_cores) {
  const uint64_t size = draw(rng, bits);
  return rng_below(rng, 4) == 0 ? size : ceil_div(size, n_cores) * n_cores;
}

static void draw_gemm(struct rng *rng, uint64_t n_cores, struct op *op) {
  const uint64_t reps = draw_shared(rng, 3, n_cores), m = draw_shared(rng, 6, n_cores), e = op->element_bytes;
  const uint64_t n = draw_shared(rng, 6, n_cores), k = draw_shared(rng, 6, n_cores);
  const uint64_t dims[] = {reps, m, n, k};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = reps * m * k * e;
  op->weight_bytes = reps * k * n * e;
  op->out_bytes = reps * m * n * e;
}

static void draw_conv(struct rng *rng, uint64_t n_cores, struct op *op) {
  const bool depthwise = op->kind == OP_DEPTHWISE;
  const uint64_t groups = depthwise ? draw_shared(rng, 4, n_cores) : 1 + rng_below(rng, 3) * rng_below(rng, 2);
  const uint64_t in = depthwise ? groups : groups * draw_shared(rng, 4, n_cores);
  const uint64_t out = depthwise ? groups : groups * draw_shared(rng, 4, n_cores);
  const uint64_t high = 1 + rng_below(rng, 4), wide = rng_below(rng, 3) == 0 ? 1 + rng_below(rng, 4) : high;
  const uint64_t dilation = 1 + (rng_below(rng, 3) == 0 ? rng_below(rng, 3) : 0), e = op->element_bytes;
  const uint64_t high_reach = (high - 1) * dilation + 1, wide_reach = (wide - 1) * dilation + 1;
  const uint64_t dims[OP_DIMS] = {draw_shared(rng, 2, n_cores),
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

/* More tiles along an image than the closed form looks at one by one. */
static void draw_long_conv(struct rng *rng, struct sample *sample) {
  struct op *const op = &sample->op;
  const uint64_t filter = 1 + rng_below(rng, 4), e = op->element_bytes, high = 150 + rng_below(rng, 250);
  const bool turned = rng_below(rng, 2) == 1;
  const uint64_t in = 1 + rng_below(rng, 4);
  const uint64_t dims[OP_DIMS] = {1,
                                  in,
                                  turned ? 1 : high,
                                  turned ? high : 1,
                                  1 + rng_below(rng, 2),
                                  turned ? 1 : filter,
                                  turned ? filter : 1,
                                  1 + rng_below(rng, 2) * rng_below(rng, 3),
                                  turned ? 0 : rng_below(rng, filter),
                                  turned ? rng_below(rng, filter) : 0,
                                  1,
                                  1 + rng_below(rng, 2) * rng_below(rng, 2)};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = e * in * high;
  op->weight_bytes = e * in * filter * dims[DIM_OUT_CHANNELS];
  op->out_bytes = e * dims[DIM_OUT_CHANNELS] * op_conv_out_height(op) * op_conv_out_width(op);
  sample->settings.array_overlap = OVERLAP_IDEAL; /* any tile hides nothing */
  sample->machine.glb_share_bytes = e * (8 + 4 * rng_below(rng, 6));
  sample->machine.tensor_l2_bytes = e * (8 + 4 * rng_below(rng, 6));
  sample->machine.rows = 1 + rng_below(rng, 4);
  sample->machine.cols = 1 + rng_below(rng, 4);
  sample->settings.buffering = 1;
}

/* An array-bound product that only shares of K spread evenly, so large beside the GLB that these are cut, too. */
static void draw_deep_gemm(struct rng *rng, struct sample *sample) {
  struct op *const op = &sample->op;
  const uint64_t e = op->element_bytes, k = sample->n_cores * (8 + rng_below(rng, 40)), n = 5 + 2 * rng_below(rng, 5);
  const uint64_t dims[] = {1, 1, n, k};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = k * e;
  op->weight_bytes = k * n * e;
  op->out_bytes = n * e;
  sample->machine.glb_share_bytes = 16 + 8 * rng_below(rng, 4);
  sample->machine.rows = 1 + rng_below(rng, 8);
  sample->machine.cols = 1;
  sample->machine.hbm_bytes_per_cycle = sample->machine.glb_bytes_per_cycle = sample->machine.l2_bytes_per_cycle = 64;
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
    if (op->kind == OP_GEMM && sample->n_cores > 1 && rng_below(rng, 2) == 0)
      draw_deep_gemm(rng, sample);
    else if (op->kind == OP_CONV && rng_below(rng, 6) == 0)
      draw_long_conv(rng, sample);
    else if (op->kind == OP_GEMM)
      draw_gemm(rng, sample->n_cores, op);
    else
      draw_conv(rng, sample->n_cores, op);
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
  sample->n_cores = task % 3 == 0 ? 2 + rng_below(&rng, 5) : 1;
  sample->machine.glb_bytes *= 8;
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
                "(%u %u %u); cores %u %u %u %u, through %d\n",
                mapping->dataflow, mapping->transposed, mapping->patch_rows, mapping->patch_cols, mapping->abreast,
                glb->order, glb->m, glb->n, glb->k, glb->images, glb->rows, glb->cols, l2->order, l2->m, l2->n, l2->k,
                l2->images, l2->rows, l2->cols, mapping->cores.m, mapping->cores.n, mapping->cores.k, mapping->cores.b,
                mapping->through);
  print_message("%s", what);
}

/* --- what the cases cover -----------------------------------------------------------------------------------------*/

/* What cases are, how many of them there must be at least, and are. */
static struct {
  const char *name;
  unsigned least, n;
} covered[64];

static void cover(unsigned *at, const char *name, unsigned least, bool covers) {
  covered[*at].name = name;
  covered[*at].least = least;
  covered[(*at)++].n += covers;
}

/* Does this loop turn innermost, inside another that does, in L2 or else in the GLB? */
static bool ends_in(const struct mapping *mapping, char dimension) {
  const struct tile_loops *const loops = mapping->l2.order[0] == '\0' ? &mapping->glb : &mapping->l2;
  const uint64_t all = (uint64_t)loops->m * loops->n * loops->k;
  const uint64_t trips = dimension == 'm' ? loops->m : dimension == 'n' ? loops->n : loops->k;
  return loops->order[0] != '\0' && loops->order[2] == dimension && trips > 1 && trips < all;
}

/* Does C leave the GLB before K is done? */
static bool lets_go(const struct mapping *mapping) {
  return mapping->glb.order[0] != '\0' && mapping->glb.order[2] != 'k' && (uint64_t)mapping->glb.m * mapping->glb.n > 1;
}

static void cover_op(unsigned at, const struct sample *sample) {
  const struct op *const op = &sample->op;
  const enum op_phase phase = op_conv_phase(op);
  const bool conv = op->kind != OP_GEMM;
  const bool strided = conv && phase == PHASE_BACKWARD_DATA && op->dim[DIM_STRIDE] > 1 && op->dim[DIM_DILATION] == 1;
  cover(&at, "walked", 20000, true);
  cover(&at, "gemm", 4000, op->kind == OP_GEMM);
  cover(&at, "gemm, batched", 1000, op->kind == OP_GEMM && op->dim[DIM_REPS] > 1);
  cover(&at, "conv", 4000, op->kind == OP_CONV);
  cover(&at, "depthwise", 4000, op->kind == OP_DEPTHWISE);
  cover(&at, "transposed conv", 4000, op->kind == OP_TRANSPOSED_CONV);
  cover(&at, "forward pass", 2000, conv && phase == PHASE_FORWARD);
  cover(&at, "input gradient", 2000, conv && phase == PHASE_BACKWARD_DATA);
  cover(&at, "weight gradient", 2000, conv && phase == PHASE_BACKWARD_WEIGHT);
  cover(&at, "groups", 1000, conv && op->dim[DIM_GROUPS] > 1);
  cover(&at, "padding", 1000, conv && op->dim[DIM_PAD_HEIGHT] + op->dim[DIM_PAD_WIDTH] > 0);
  cover(&at, "dilation", 1000, conv && op->dim[DIM_DILATION] > 1);
  cover(&at, "stride", 1000, conv && op->dim[DIM_STRIDE] > 1);
  cover(&at, "strided gradient, decomposed", 500, strided && sample->settings.deconv == DECONV_DECOMPOSED);
  cover(&at, "strided gradient, dense", 500, strided && sample->settings.deconv == DECONV_DENSE);
  cover(&at, "overlap none", 4000, sample->settings.array_overlap == OVERLAP_NONE);
  cover(&at, "overlap double", 4000, sample->settings.array_overlap == OVERLAP_DOUBLE);
  cover(&at, "overlap ideal", 4000, sample->settings.array_overlap == OVERLAP_IDEAL);
  cover(&at, "two and more cores", 2000, sample->n_cores > 1);
  cover(&at, "followers", 1000, op->n_followers > 0);
}

static void cover_mapping(unsigned at, const struct mapping *mapping, const struct nest_count *count) {
  cover(&at, "weight stationary", 4000, mapping->dataflow == DATAFLOW_WS);
  cover(&at, "output stationary", 4000, mapping->dataflow == DATAFLOW_OS);
  cover(&at, "input stationary", 4000, mapping->dataflow == DATAFLOW_IS);
  cover(&at, "array turned", 500, mapping->transposed);
  cover(&at, "patches", 200, mapping->patch_rows * mapping->patch_cols > 1);
  cover(&at, "abreast", 200, mapping->abreast > 1);
  cover(&at, "patches abreast", 8, mapping->patch_rows * mapping->patch_cols > 1 && mapping->abreast > 1);
  cover(&at, "GLB cut", 2000, count->glb_tiles > 1);
  cover(&at, "L2 cut", 2000, count->l2_tiles > count->glb_tiles);
  cover(&at, "both cut", 500, count->glb_tiles > 1 && count->l2_tiles > count->glb_tiles);
  cover(&at, "M, N and K cut", 200,
        mapping->glb.m * mapping->l2.m > 1 && mapping->glb.n * mapping->l2.n > 1 && mapping->glb.k * mapping->l2.k > 1);
  cover(&at, "window slides into GLB", 200, count->glb_slides > 0);
  cover(&at, "window slides into L2", 200, count->l2_slides > 0);
  cover(&at, "K innermost", 500, ends_in(mapping, 'k'));
  cover(&at, "M innermost", 150, ends_in(mapping, 'm'));
  cover(&at, "N innermost", 80, ends_in(mapping, 'n'));
  cover(&at, "no tiles in GLB", 200, mapping->glb.order[0] == '\0');
  cover(&at, "no tiles in L2", 1000, mapping->l2.order[0] == '\0' && !mapping->through);
  cover(&at, "through the GLB", 200, mapping->through);
  cover(&at, "cores along M", 200, mapping->cores.m > 1);
  cover(&at, "cores along N", 200, mapping->cores.n > 1);
  cover(&at, "cores along K", 50, mapping->cores.k > 1);
  cover(&at, "cores along repetitions", 200, mapping->cores.b > 1);
  cover(&at, "K cut within its shares, C let go", 10, mapping->cores.k > 1 && mapping->glb.k > 1 && lets_go(mapping));
  cover(&at, "rows or columns cut in more than 128", 80, mapping->glb.rows > 128 || mapping->glb.cols > 128);
}

static void test_walk_agrees(void **state) {
  (void)state;
  static struct error error;
  struct arena arena;
  unsigned n_wrong = 0, n_uneven = 0;
  arena_init(&arena, 1 << 16);
  for (uint64_t task = 0; task < N_CASES; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sample sample;
    struct op_cost cost;
    struct nest_count count;
    draw_sample(task, &sample, &arena);
    physical_provider.op_cost(&sample.machine, &sample.op, sample.followers, sample.n_cores, &cost);
    error = (struct error){0};
    const bool right = nest_check(&sample.machine, &sample.op, &cost, &arena, &count, &error);
    const bool uneven = !right && sample.n_cores > 1 && strstr(error.text, "shares of cores that differ") != NULL;
    n_uneven += uneven;
    if (right) {
      cover_op(0, &sample);
      cover_mapping(32, &cost.mapping, &count);
    }
    if (!right && !uneven && n_wrong++ < 20) describe(task, &sample, &cost, error.text);
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
  print_message("seed %d, %d cases, %u of them not walked since cores take unequal shares; %u wrong\n", SEED, N_CASES,
                n_uneven, n_wrong);
  assert_int_equal(n_wrong, 0);
  const size_t n_covered = sizeof covered / sizeof *covered;
  for (size_t i = 0; i < n_covered; i++)
    if (covered[i].name != NULL) print_message("%6u %s\n", covered[i].n, covered[i].name);
  for (size_t i = 0; i < n_covered; i++)
    if (covered[i].n < covered[i].least) fail_msg("%s: fewer than %u cases", covered[i].name, covered[i].least);
}

/* --- the judge itself
 * -----------------------------------------------------------------------------------------------*/

/* An array of 8×8 with room for everything, and what the loops of `cost` count there. */
static void walk_by_hand(struct sample *sample, const struct op_cost *cost, struct nest_count *count) {
  static struct error error;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  config_defaults(&cost_fields, &arena, &sample->settings);
  sample->settings.array_overlap = OVERLAP_NONE;
  sample->machine = (struct machine){.settings = &sample->settings,
                                     .technology = &sample->technology,
                                     .rows = 8,
                                     .cols = 8,
                                     .tensor_l2_bytes = 1 << 20,
                                     .glb_bytes = 1 << 20,
                                     .glb_share_bytes = 1 << 20,
                                     .hbm_bytes_per_cycle = 1e6,
                                     .glb_bytes_per_cycle = 1e6,
                                     .l2_bytes_per_cycle = 1e6};
  error = (struct error){0};
  nest_check(&sample->machine, &sample->op, cost, &arena, count, &error); /* the cost claims nothing */
  arena_release(&arena);
}

#define UNCUT                                                                                                          \
  { .order = "mnk", .m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1 }
static const struct tile_loops uncut = UNCUT;
static const struct mapping plain = {
    .split = '-', .cores = {1, 1, 1, 1}, .patch_rows = 1, .patch_cols = 1, .abreast = 1, .glb = UNCUT, .l2 = UNCUT};

/* The anchor of cost-model §2, a product of 1024³ in tiles of 256×256×1024 with N inside M: 2 + 8 + 2 = 12 MiB; here
 * of 64³ with tiles of 16×16×64. Array time F·(2a+b+M−2) and its words, as SCALE-Sim counts them. */
static void test_product_by_hand(void **state) {
  (void)state;
  struct sample sample = {.op = op_new(OP_GEMM, 2)};
  struct op_cost cost = {.mapping = plain};
  struct nest_count count;
  const uint64_t dims[] = {1, 64, 64, 64}, square = 64 * 64;
  memcpy(sample.op.dim, dims, sizeof dims);
  cost.mapping.glb.m = cost.mapping.glb.n = 4;
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, (1 + 4 + 1) * square * 2);
  assert_int_equal(count.glb_tiles, 16);
  assert_int_equal(count.folds, 4 * 64); /* each tile of M goes through all folds of K and N */

  cost.mapping.glb = uncut;
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, 3 * square * 2);
  assert_int_equal(count.folds, 64);
  /* A ⌈N/b⌉ times, B once, C ⌈K/a⌉ times: out, and all but the first time in. */
  assert_int_equal(count.array_bytes, (8 + 1) * square * 2 + square * 2 + 7 * 2 * square * 4);
  const uint64_t edges = 1 + 1; /* blocks of 8×8 at 10⁶ bytes a cycle */
  assert_int_equal(count.cycles, 64 * (2 * 8 + 8 + 64 - 2) + edges);

  /* K outermost in four: partial sums of 4 bytes go out and back three times, A and C over N. */
  cost.mapping.glb.k = cost.mapping.glb.n = 4;
  memcpy(cost.mapping.glb.order, "kmn", 4);
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, (1 + 1 + 1) * square * 2 + 3 * 2 * square * 4);
  memcpy(cost.mapping.glb.order, "mnk", 4); /* K innermost: C stays, A comes again for each N */
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, (4 + 1 + 1) * square * 2);

  /* Four cores along M and two along K share B and A; each of the two has partial sums, that meet in the GLB. */
  cost.mapping.glb = uncut;
  cost.mapping.cores = (struct core_grid){4, 1, 2, 1};
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, 3 * square * 2);
  assert_int_equal(count.glb_bytes, 2 * square * 2 + 2 * square * 2 + 2 * square * 4);
}

/* 8×8 pixels under 3×3 windows are 6×6 outputs; bands of two rows of these see four rows. */
static void test_window_by_hand(void **state) {
  (void)state;
  struct sample sample = {.op = op_new(OP_CONV, 1)};
  struct op_cost cost = {.mapping = plain};
  struct nest_count count;
  const uint64_t dims[OP_DIMS] = {1, 16, 8, 8, 1, 3, 3, 1, 0, 0, 1, 1};
  memcpy(sample.op.dim, dims, sizeof dims);
  const uint64_t input = 16 * 8 * 8, filter = 16 * 9, output = 6 * 6;
  cost.mapping.glb.m = cost.mapping.glb.rows = 3;
  walk_by_hand(&sample, &cost, &count); /* slides: two rows stay each time */
  assert_int_equal(count.glb_slides, 2);
  assert_int_equal(count.hbm_bytes, input + filter + output);
  cost.mapping.glb.k = 2; /* other channels in between: nothing stays, the filter neither */
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.glb_slides, 0);
  assert_int_equal(count.hbm_bytes, 3 * (16 * 4 * 8) + 3 * filter + output);

  sample.op.dim[DIM_STRIDE] = 5; /* outputs 2×2, windows apart by two: rows 0–2 and 5–7 */
  cost.mapping.glb = uncut;
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, 16 * 6 * 6 + filter + 4);
  sample.op.dim[DIM_PAD_HEIGHT] = 1; /* rows −1–1 and 4–6, the first of them padding */
  walk_by_hand(&sample, &cost, &count);
  assert_int_equal(count.hbm_bytes, 16 * 5 * 6 + filter + 4);
}

static bool is_refused(const struct sample *sample, const struct op_cost *cost, struct arena *arena) {
  static struct error error;
  struct nest_count count;
  error = (struct error){0};
  return !nest_check(&sample->machine, &sample->op, cost, arena, &count, &error);
}

/* One byte or cycle off, a byte less memory than its tiles fill, loops that are none. */
static void test_falsehoods_are_noticed(void **state) {
  (void)state;
  struct arena arena;
  unsigned n_tight = 0, n_tried = 0;
  arena_init(&arena, 1 << 16);
  for (uint64_t task = 0; n_tried < 200; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sample sample;
    struct op_cost right, wrong;
    draw_sample(task, &sample, &arena);
    physical_provider.op_cost(&sample.machine, &sample.op, sample.followers, sample.n_cores, &right);
    if (is_refused(&sample, &right, &arena)) continue; /* unequal shares */
    n_tried++;
    uint64_t *const claims[] = {&wrong.hbm_bytes, &wrong.glb_bytes, &wrong.array_bytes, &wrong.cycles};
    for (int i = 0; i < 8; i++) {
      wrong = right;
      *claims[i / 2] += i % 2 == 0 ? 1 : UINT64_MAX;
      assert_true(is_refused(&sample, &wrong, &arena));
    }
    wrong = right;
    memcpy(wrong.mapping.glb.order, "mxk", 4);
    assert_true(is_refused(&sample, &wrong, &arena));
    wrong = right;
    wrong.mapping.l2.n = 0;
    assert_true(is_refused(&sample, &wrong, &arena));
    wrong = right;
    wrong.mapping.patch_rows = 0;
    assert_true(is_refused(&sample, &wrong, &arena));
    wrong = right;
    wrong.mapping.cores.n = 0;
    assert_true(is_refused(&sample, &wrong, &arena));
    if (right.mapping.l2.order[0] != '\0') {
      sample.machine.tensor_l2_bytes = 1;
      assert_true(is_refused(&sample, &right, &arena));
      n_tight++;
    } else if (right.mapping.glb.order[0] != '\0' && !right.mapping.through) {
      sample.machine.glb_share_bytes = 1;
      assert_true(is_refused(&sample, &right, &arena));
      n_tight++;
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_tight > 100);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_walk_agrees), cmocka_unit_test(test_product_by_hand),
                                     cmocka_unit_test(test_window_by_hand),
                                     cmocka_unit_test(test_falsehoods_are_noticed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Laws that hold for every operator, machine and setting: floors are floors, less memory never helps, the search over
 * tiles misses nothing. Over all cost providers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/cost.h"
#include "arch/tiling.h"
#include "base/checked.h"
#include "base/rng.h"
#include <math.h>
#include <string.h>

enum { SEED = 2385, N_CASES = 4000, MAX_FOLLOWERS = 3 };

struct sample {
  struct network_settings network;
  struct cost_settings settings;
  struct technology technology;
  struct accelerator accelerator;
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
  settings->depthwise_on = rng_below(rng, 3);
  settings->tensor_on = rng_below(rng, 3);
  settings->deconv = rng_below(rng, 2);
  settings->array_mapping = rng_below(rng, 2);
  settings->transpose = rng_below(rng, 2) == 1;
  settings->buffering = 1 + rng_below(rng, 2);
  settings->accumulator_bytes = 2 << rng_below(rng, 2);
  settings->glb_bytes_per_cycle = draw(rng, 13);
  settings->l2_bytes_per_cycle = draw(rng, 11);
  settings->bandwidth = rng_below(rng, 2);
  settings->glb_ports = 1 + rng_below(rng, 2);
  settings->l2_ports = 1 + rng_below(rng, 2);
  if (rng_below(rng, 2) == 0) settings->l2_read_bytes_per_cycle = draw(rng, 11);
}

static void draw_accelerator(struct rng *rng, struct accelerator *accelerator) {
  *accelerator = (struct accelerator){.tc_count = 1 + rng_below(rng, 8),
                                      .tc_rows = draw(rng, 8),
                                      .tc_cols = draw(rng, 8),
                                      .tc_l2_kib = draw(rng, 8),
                                      .vc_count = 1 + rng_below(rng, 8),
                                      .vc_width = draw(rng, 10),
                                      .vc_l2_kib = draw(rng, 6),
                                      .glb_kib = draw(rng, 15),
                                      .clock_mhz = 940,
                                      .link_gbytes_per_s = draw(rng, 9),
                                      .hbm_bytes_per_cycle = (double)draw(rng, 11)};
}

static void draw_gemm(struct rng *rng, struct op *op) {
  const uint64_t reps = draw(rng, 4), m = draw(rng, 11), n = draw(rng, 11), k = draw(rng, 11), e = op->element_bytes;
  const uint64_t dims[] = {reps, m, n, k};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = reps * m * k * e;
  op->weight_bytes = reps * k * n * e;
  op->out_bytes = reps * m * n * e;
}

static void draw_conv(struct rng *rng, struct op *op) {
  const uint64_t groups = op->kind == OP_DEPTHWISE ? draw(rng, 7) : 1 + rng_below(rng, 3);
  const uint64_t in = op->kind == OP_DEPTHWISE ? groups : groups * draw(rng, 7);
  const uint64_t out = op->kind == OP_DEPTHWISE ? groups : groups * draw(rng, 7);
  const uint64_t filter = 1 + rng_below(rng, 7), e = op->element_bytes;
  const uint64_t dims[OP_DIMS] = {
      draw(rng, 4), in,     filter + rng_below(rng, 40), filter + rng_below(rng, 40), out,
      filter,       filter, 1 + rng_below(rng, 4),       rng_below(rng, filter),      rng_below(rng, filter),
      groups,       1};
  memcpy(op->dim, dims, sizeof dims);
  op->in_bytes = e * dims[DIM_IMAGES] * in * dims[DIM_IN_HEIGHT] * dims[DIM_IN_WIDTH];
  op->weight_bytes = e * filter * filter * (in / groups) * out;
  op->out_bytes = e * dims[DIM_IMAGES] * out * op_conv_out_height(op) * op_conv_out_width(op);
}

static void draw_attention(struct rng *rng, struct op *op) {
  const uint64_t sharers = draw(rng, 3), reps = sharers * draw(rng, 3), m = draw(rng, 10), n = draw(rng, 10);
  const uint64_t k = draw(rng, 8), e = op->element_bytes;
  const uint64_t value = rng_below(rng, 2) == 0 ? 0 : draw(rng, 8), v = value > 0 ? value : k;
  const uint64_t dims[OP_DIMS] = {reps, m, n, k, rng_below(rng, 2), sharers, rng_below(rng, 3), rng_below(rng, 2),
                                  value};
  memcpy(op->dim, dims, sizeof dims);
  const uint64_t queries = reps * m * k * e, outputs = reps * m * v * e, keys = (reps / sharers) * n * (k + v) * e;
  op->in_bytes = op->phase == PHASE_FORWARD ? queries + keys : queries + 2 * outputs + keys + 4 * reps * m;
  op->out_bytes = op->phase == PHASE_FORWARD ? outputs : queries + keys;
}

static void draw_vector(struct rng *rng, struct op *op) {
  op->dim[DIM_ROW] = draw(rng, 10);
  op->dim[DIM_ELEMENTS] = op->dim[DIM_ROW] * draw(rng, 10);
  op->dim[DIM_WINDOW] = draw(rng, 4);
  op->dim[DIM_OPERANDS] = rng_below(rng, 4);
  op->dim[DIM_X_ELEMENTS] = draw(rng, 16);
  op->dim[DIM_Y_ELEMENTS] = draw(rng, 16);
  op->dim[DIM_X_RANK] = rng_below(rng, 4);
  op->dim[DIM_Y_RANK] = rng_below(rng, 4);
  op->in_bytes = op->out_bytes = op->dim[DIM_ELEMENTS] * op->element_bytes;
}

static void draw_op(struct rng *rng, struct sample *sample) {
  unsigned kind = (unsigned)rng_below(rng, N_OP_KINDS);
  if (rng_below(rng, 4) > 0) kind = (unsigned)(OP_GEMM + rng_below(rng, 5)); /* mostly tensor ops */
  struct op *op = &sample->op;
  *op = op_new((enum op_kind)kind, (uint64_t)1 << rng_below(rng, 3));
  op->phase = (uint8_t)rng_below(rng, 3);
  switch (op_kinds[kind].family) {
  case FAMILY_GEMM:
    draw_gemm(rng, op);
    break;
  case FAMILY_CONV:
    draw_conv(rng, op);
    break;
  case FAMILY_ATTENTION:
    draw_attention(rng, op);
    break;
  case FAMILY_VECTOR:
    draw_vector(rng, op);
    break;
  case FAMILY_LINK:
    op->dim[DIM_BYTES] = draw(rng, 24);
    op->dim[DIM_RANKS] = draw(rng, 5);
    op->dim[DIM_RANK_STRIDE] = rng_below(rng, 10);
    op->in_bytes = op->out_bytes = op->dim[DIM_BYTES];
    break;
  case FAMILY_NONE:
    break;
  }
  if (op_kinds[kind].class == CLASS_LINK || op_kinds[kind].class == CLASS_NONE) return;
  if (rng_below(rng, 3) == 0) op->in_bytes = op->in_bytes * rng_below(rng, 5) / 2; /* shared or further operands */
  op->n_followers = (uint32_t)rng_below(rng, MAX_FOLLOWERS + 1);
  for (uint32_t i = 0; i < op->n_followers; i++)
    sample->followers[i] = (struct op_follower){(uint8_t)(OP_RELU + rng_below(rng, 20)), (uint8_t)rng_below(rng, 2),
                                                draw(rng, 16), draw(rng, 8)};
}

static void draw_sample(uint64_t task, struct sample *sample, struct arena *arena) {
  struct rng rng = rng_stream(SEED, RNG_TEST, 0, task);
  memset(sample, 0, sizeof *sample);
  config_defaults(&cost_fields, arena, &sample->settings);
  config_defaults(&technology_fields, arena, &sample->technology);
  draw_settings(&rng, &sample->settings);
  config_defaults(&network_fields, arena, &sample->network);
  if (task % 2 == 0) sample->settings.network = &sample->network;
  draw_accelerator(&rng, &sample->accelerator);
  machine_init(&sample->machine, &sample->settings, &sample->technology, &sample->accelerator);
  draw_op(&rng, sample);
  sample->n_cores = draw(&rng, 5);
}

static uint64_t cycles_of(const struct sample *sample, const struct cost_provider *provider) {
  struct op_cost cost;
  provider->op_cost(&sample->machine, &sample->op, sample->followers, sample->n_cores, &cost);
  return cost.cycles;
}

static void describe(uint64_t task, const struct sample *sample, const char *what) {
  fail_msg("seed %d, task %llu: %s %s, %s", SEED, (unsigned long long)task, op_kinds[sample->op.kind].name,
           op_phase_names[sample->op.phase], what);
}

typedef void check_sample(uint64_t task, struct sample *sample, const struct cost_provider *provider);

static void for_all(check_sample *check) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  print_message("seed %d, %d cases\n", SEED, N_CASES);
  for (uint64_t task = 0; task < N_CASES; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    for (size_t p = 0; p < n_cost_providers; p++) {
      if (cost_providers[p]->load != NULL) continue; /* prices of a file: a test of its own */
      struct sample sample;
      draw_sample(task, &sample, &arena);
      check(task, &sample, cost_providers[p]);
    }
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
}

static void check_floor(uint64_t task, struct sample *sample, const struct cost_provider *provider) {
  struct op_floor floor;
  provider->op_floor(&sample->machine, &sample->op, sample->followers, &floor);
  sample->settings.map_objective = task % 3;
  for (sample->n_cores = 1; sample->n_cores <= 64; sample->n_cores = sample->n_cores * 2 + task % 2) {
    struct op_cost cost;
    provider->op_cost(&sample->machine, &sample->op, sample->followers, sample->n_cores, &cost);
    if (cost.cycles == UINT64_MAX) describe(task, sample, "does not fit");
    if (cost.cycles < cost.bound_cycles) describe(task, sample, "below the roofline");
    if (cost.cycles < floor.memory_cycles) describe(task, sample, "below the memory floor");
    if (cost.cycles < ceil_div(floor.compute_cycles, sample->n_cores)) describe(task, sample, "below compute / k");
    if (sat_mul(sample->n_cores, cost.cycles) < floor.compute_cycles) describe(task, sample, "less core time");
    if (cost.hbm_bytes < floor.hbm_bytes) describe(task, sample, "below compulsory bytes");
    if (cost.glb_bytes < cost.hbm_bytes) describe(task, sample, "bytes that bypass the GLB");
    const bool classless = provider->op_classes(&sample->machine, &sample->op, sample->followers) == 0;
    if (classless && cost.cycles != 0) describe(task, sample, "takes time on no core");
  }
}

static void test_floors(void **state) {
  (void)state;
  for_all(check_floor);
}

/* Tiles of a memory are chosen by the bytes into it, which what the memories below move may follow or not: where these
 * are the bottleneck, a smaller GLB or L2 can be a little faster. */
static double monotone_worst;
static unsigned n_faster;

/* Bandwidths and memories, one at a time and all at once, shrink by random factors. */
static void check_monotone(uint64_t task, struct sample *sample, const struct cost_provider *provider) {
  struct rng rng = rng_stream(SEED, RNG_TEST, 1, task);
  const struct machine whole = sample->machine;
  sample->settings.traffic_weight = 0; /* latency alone */
  uint64_t before = cycles_of(sample, provider);
  for (unsigned which = 0; which <= 7; which++) {
    if (which == 4) { /* what leaves a memory plays no part in the choice of its tiles */
      sample->settings.glb_ports = sample->settings.l2_ports = 2;
      sample->settings.l2_read_bytes_per_cycle = 0;
      sample->machine = whole;
      before = cycles_of(sample, provider);
    }
    struct machine *machine = &sample->machine;
    *machine = whole;
    const double f = 0.05 + 0.95 * rng_unit(&rng);
    if (which == 0 || which == 7) machine->hbm_bytes_per_cycle *= f;
    if (which == 1 || which == 7) machine->glb_bytes_per_cycle *= f;
    if (which == 2 || which == 7) machine->l2_bytes_per_cycle *= f;
    if (which == 3 || which == 7) machine->link_bytes_per_cycle *= f, machine->network.levels[0].bytes_per_s *= f;
    if (which == 4 || which == 7) machine->tensor_l2_bytes = (uint64_t)((double)whole.tensor_l2_bytes * f);
    if (which == 5 || which == 7) machine->vector_l2_bytes = (uint64_t)((double)whole.vector_l2_bytes * f);
    if (which == 6 || which == 7) {
      machine->glb_bytes = (uint64_t)((double)whole.glb_bytes * f);
      machine->glb_share_bytes = machine->glb_bytes / sample->accelerator.tc_count;
    }
    const uint64_t after = cycles_of(sample, provider);
    if (after >= before) continue;
    if (which < 4) describe(task, sample, "is faster with less memory or bandwidth");
    monotone_worst = fmax(monotone_worst, (double)before / (double)after);
    n_faster++;
  }
}

static void test_monotone(void **state) {
  (void)state;
  monotone_worst = 1;
  n_faster = 0;
  for_all(check_monotone);
  print_message("%u of %zu faster with a smaller memory, at most %.4f times\n", n_faster,
                4 * N_CASES * n_cost_providers, monotone_worst);
  assert_true(n_faster <= 4 * N_CASES * n_cost_providers / 1000);
}

static void check_dataflows(uint64_t task, struct sample *sample, const struct cost_provider *provider) {
  sample->settings.depthwise_on = sample->settings.tensor_on = DEPTHWISE_TC;
  sample->settings.traffic_weight = 0;
  sample->settings.dataflow = DATAFLOW_ALL;
  const uint64_t all = cycles_of(sample, provider);
  uint64_t best = UINT64_MAX;
  for (sample->settings.dataflow = 0; sample->settings.dataflow < DATAFLOW_ALL; sample->settings.dataflow++)
    best = min_u64(best, cycles_of(sample, provider));
  if (all > best) describe(task, sample, "is slower with the choice of dataflows");
  sample->settings.dataflow = DATAFLOW_ALL;
  if (cycles_of(sample, provider) != all) describe(task, sample, "has two prices");
}

static void test_dataflows(void **state) {
  (void)state;
  for_all(check_dataflows);
}

/* --- tiles against enumeration -------------------------------------------------------------------------------------*/

/* Straight from the table of cost-model §2, over all tiles of whole units: loops of one trip drop out, and what never
 * changes needs one place. */
static uint64_t enumerate(const struct tile_problem *problem, uint64_t capacity) {
  const uint64_t e = problem->element_bytes, acc = problem->accumulator_bytes, copies = problem->buffering;
  const uint64_t m = problem->m.share, n = problem->n.share, k = problem->k.share;
  const uint64_t a = m * k * e, b = k * n * e, c = m * n * e;
  uint64_t best = UINT64_MAX;
  for (uint64_t tm = problem->m.unit; tm < m + problem->m.unit; tm += problem->m.unit) {
    for (uint64_t tn = problem->n.unit; tn < n + problem->n.unit; tn += problem->n.unit) {
      for (uint64_t tk = problem->k.unit; tk < k + problem->k.unit; tk += problem->k.unit) {
        const uint64_t m_ = min_u64(tm, m), n_ = min_u64(tn, n), k_ = min_u64(tk, k);
        const uint64_t n_m = ceil_div(m, m_), n_n = ceil_div(n, n_), n_k = ceil_div(k, k_);
        const uint64_t a_copies = n_m * n_k == 1 ? 1 : copies, b_copies = n_n * n_k == 1 ? 1 : copies;
        if (e * (a_copies * m_ * k_ + b_copies * k_ * n_) + m_ * n_ * acc > capacity) continue;
        const uint64_t sums = n_m * n_n == 1 ? 0 : 2 * m * n * acc * (n_k - 1);
        if (n_k > 1) best = min_u64(best, a * n_n + b * n_m + c);      /* K innermost */
        best = min_u64(best, a + (n_n == 1 ? b : b * n_m) + c + sums); /* N innermost */
        best = min_u64(best, (n_m == 1 ? a : a * n_n) + b + c + sums);
      }
    }
  }
  return best;
}

/* Lists hold every useful tile of small dimensions; the specification allows to miss 2 %. */
static void test_tiles_against_enumeration(void **state) {
  (void)state;
  print_message("seed %d\n", SEED);
  double worst = 1, log_sum = 0;
  unsigned n_found = 0;
  for (uint64_t task = 0; task < 1500; task++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 2, task);
    struct tile_problem problem = {.element_bytes = 1 + rng_below(&rng, 2),
                                   .accumulator_bytes = 4,
                                   .buffering = 1 + rng_below(&rng, 2),
                                   .rounds = 1,
                                   .abreast = 1,
                                   .rep_cores = 1};
    struct tile_dim *const dims[] = {&problem.m, &problem.n, &problem.k};
    for (int d = 0; d < 3; d++) {
      dims[d]->cores = dims[d]->scale = 1;
      dims[d]->length = dims[d]->share = draw(&rng, 6);
      dims[d]->unit = 1 + rng_below(&rng, 1 + task % 4);
    }
    const uint64_t capacity = 16 + draw(&rng, 15), least = enumerate(&problem, capacity);
    struct tiling tiling;
    tiling_outer(&problem, capacity, false, &tiling);
    if (least == UINT64_MAX) {
      assert_true(tiling.bytes == UINT64_MAX);
      continue;
    }
    if (tiling.bytes < least) fail_msg("task %llu: fewer bytes than possible", (unsigned long long)task);
    const double ratio = (double)tiling.bytes / (double)least;
    log_sum += log(ratio);
    n_found++;
    if (ratio > worst) worst = ratio;
    if (ratio > 1.02) fail_msg("task %llu: %.4f times the bytes of the best tiles", (unsigned long long)task, ratio);
  }
  print_message("%u problems: worst %.4f, geometric mean %.6f times the least bytes\n", n_found, worst,
                exp(log_sum / n_found));
  assert_true(exp(log_sum / n_found) <= 1.001);
}

/* --- tilings of before ---------------------------------------------------------------------------------------------
 */

/* A neighbour of a sample: one thing that its tilings may hang on is another. */
static void change_one(struct rng *rng, struct sample *sample) {
  struct machine *machine = &sample->machine;
  struct cost_settings *settings = &sample->settings;
  struct op *op = &sample->op;
  uint64_t *const members[] = {&machine->rows,
                               &machine->cols,
                               &machine->tensor_l2_bytes,
                               &machine->glb_share_bytes,
                               &settings->dataflow,
                               &settings->array_overlap,
                               &settings->deconv,
                               &settings->array_mapping,
                               &settings->buffering,
                               &settings->accumulator_bytes,
                               &sample->n_cores};
  const size_t n_members = sizeof members / sizeof *members, which = rng_below(rng, n_members + 4);
  if (which >= n_members) { /* loop bounds and strides; what an op declares it reads follows nothing here */
    uint64_t *dim = &op->dim[rng_below(rng, op_kinds[op->kind].family == FAMILY_GEMM ? 4 : OP_DIMS - 1)];
    if (*dim > 2) *dim -= 1 + rng_below(rng, 2);
    return;
  }
  const bool is_choice = members[which] == &settings->dataflow || members[which] == &settings->array_overlap;
  const bool is_pair = members[which] == &settings->deconv || members[which] == &settings->array_mapping;
  if (is_choice || is_pair)
    *members[which] = rng_below(rng, is_choice ? 3 : 2);
  else
    *members[which] = max_u64(rng_below(rng, 2) == 0 ? *members[which] / 2 : *members[which] + 1, 1);
}

static void price_both(uint64_t task, struct sample *sample, struct tilings *known) {
  struct op_cost with, without;
  sample->machine.tilings = NULL;
  physical_provider.op_cost(&sample->machine, &sample->op, sample->followers, sample->n_cores, &without);
  sample->machine.tilings = known;
  physical_provider.op_cost(&sample->machine, &sample->op, sample->followers, sample->n_cores, &with);
  if (with.cycles != without.cycles || with.bound_cycles != without.bound_cycles ||
      with.hbm_bytes != without.hbm_bytes || with.glb_bytes != without.glb_bytes ||
      with.array_bytes != without.array_bytes || with.l2_bytes != without.l2_bytes ||
      memcmp(&with.mapping.glb, &without.mapping.glb, sizeof with.mapping.glb) != 0 ||
      memcmp(&with.mapping.l2, &without.mapping.l2, sizeof with.mapping.l2) != 0)
    describe(task, sample, "another price with tilings of before");
}

/* One table for all samples, once with room and once without, so that its answers are old ones and strangers' ones. */
static void test_known_tilings(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct tilings *const tables[2] = {tilings_new(&arena, 1 << 14), tilings_new(&arena, 8)};
  print_message("seed %d\n", SEED);
  for (uint64_t task = 0; task < 1000; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(SEED, RNG_TEST, 4, task);
    struct sample sample;
    draw_sample(task, &sample, &arena);
    for (unsigned step = 0; step < 8; step++) {
      price_both(task, &sample, tables[task % 2]);
      change_one(&rng, &sample);
    }
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
}

/* Positions that outputs [first, end) read, one by one. */
static uint64_t count_reads(const struct window *raw, uint64_t first, uint64_t end) {
  uint64_t low = UINT64_MAX, high = 0, n = 0;
  for (uint64_t p = 0; p < raw->in; p++) {
    bool read = false;
    for (uint64_t y = first; y < end && !read; y++)
      for (uint64_t j = 0; j < raw->filter && !read; j++)
        read = raw->fractional ? p * raw->stride + j * raw->dilation == y + raw->pad
                               : y * raw->stride + j * raw->dilation == p + raw->pad;
    if (!read) continue;
    low = min_u64(low, p);
    high = p;
    n++;
  }
  (void)low, (void)high;
  return n;
}

/* With dilation 1 and strides up to the filter's reach every position in between is read, so counting must agree. */
static void test_windows_against_counting(void **state) {
  (void)state;
  print_message("seed %d\n", SEED);
  for (uint64_t task = 0; task < 3000; task++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 3, task);
    struct window raw = {.filter = 1 + rng_below(&rng, 7), .stride = 1 + rng_below(&rng, 4), .dilation = 1};
    raw.pad = rng_below(&rng, raw.filter);
    raw.fractional = rng_below(&rng, 3) == 0;
    const uint64_t size = raw.filter + rng_below(&rng, 50), outs = (size + 2 * raw.pad - raw.filter) / raw.stride + 1;
    raw.in = raw.fractional ? outs : size;
    raw.out = raw.fractional ? size : outs;
    struct window window;
    window_init(&window, &raw);
    const uint64_t unit = raw.fractional ? raw.stride : 1, units = ceil_div(raw.out, unit);
    struct partition partition = {.units = units, .groups = 1 + rng_below(&rng, units)};
    partition.parts = 1 + rng_below(&rng, ceil_div(units, partition.groups));
    uint64_t sum = 0, total = 0;
    for (uint64_t g = 0; g < partition.groups; g++) {
      const uint64_t start = share_start(units, partition.groups, g);
      const uint64_t group = share_start(units, partition.groups, g + 1) - start;
      const uint64_t parts = min_u64(partition.parts, group);
      for (uint64_t p = 0; p < parts; p++) {
        const uint64_t first = (start + share_start(group, parts, p)) * unit;
        const uint64_t end = min_u64((start + share_start(group, parts, p + 1)) * unit, raw.out);
        const uint64_t reads = count_reads(&raw, first, end);
        /* strided gradients have outputs without a tap, and a span may begin or end with one */
        if (raw.fractional && raw.stride > raw.filter) continue;
        assert_int_equal(window_extent(&window, first, end), reads);
        assert_true(window_most(&window, end - first) >= reads);
        sum += reads;
      }
      total += parts;
    }
    assert_int_equal(partition_total(&partition), total);
    if (raw.fractional && raw.stride > raw.filter) continue;
    assert_int_equal(window_sum(&window, unit, &partition), sum);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_floors),        cmocka_unit_test(test_monotone),
      cmocka_unit_test(test_dataflows),     cmocka_unit_test(test_tiles_against_enumeration),
      cmocka_unit_test(test_known_tilings), cmocka_unit_test(test_windows_against_counting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

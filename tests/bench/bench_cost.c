/* How many operators does the cost model price in a second, with nothing cached?
 *
 * Two lists: the peers' 44 operators on their four bare arrays, and shapes of transformer and ResNet training on three
 * chips. Every pricing is a whole optimised search on one core, then (second list) on four. Instructions come from the
 * processor's counter where the system lets us read it. Run from the repository root. */
#include "tests/opcost.h"
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A counter of this process's instructions in user mode, or -1. */
static int counter_open(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_HARDWARE,
                                       .size = sizeof attributes,
                                       .config = PERF_COUNT_HW_INSTRUCTIONS,
                                       .disabled = 0,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1};
  return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

static uint64_t counter_read(int counter) {
  uint64_t value = 0;
  if (counter < 0 || read(counter, &value, sizeof value) != (ssize_t)sizeof value) return 0;
  return value;
}

struct tally {
  uint64_t n, cycles; /* priced; sum of answers, so that none can be left out */
  double seconds;
  uint64_t instructions;
};

struct work {
  const struct machine *machines;
  const struct op *ops;
  size_t n_machines, n_ops;
  uint64_t n_cores;
};

static struct tally run(const struct work *work, int counter) {
  enum { LEAST_PRICINGS = 50000 };
  struct tally tally = {0};
  const uint64_t instructions = counter_read(counter);
  const double start = now_s();
  while (tally.n < LEAST_PRICINGS) {
    for (size_t i = 0; i < work->n_machines; i++) {
      for (size_t j = 0; j < work->n_ops; j++) {
        struct op_cost cost;
        cost_providers[0]->op_cost(&work->machines[i], &work->ops[j], NULL, work->n_cores, &cost);
        tally.cycles += cost.cycles;
      }
    }
    tally.n += work->n_machines * work->n_ops;
  }
  tally.seconds = now_s() - start;
  tally.instructions = counter_read(counter) - instructions;
  return tally;
}

static void report(const char *name, const struct tally *tally) {
  const double n = (double)tally->n;
  printf("%-34s %8.0f operators/s  %6.2f us each", name, n / tally->seconds, 1e6 * tally->seconds / n);
  if (tally->instructions > 0)
    printf("  %7.0f instructions each", (double)tally->instructions / n);
  else
    printf("  (no instruction counter here)");
  printf("  sum %llu\n", (unsigned long long)tally->cycles);
}

static struct op gemm(uint64_t reps, uint64_t m, uint64_t n, uint64_t k) {
  struct op op = op_new(OP_GEMM, 2);
  const uint64_t dims[] = {reps, m, n, k};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = 2 * reps * m * k;
  op.weight_bytes = 2 * reps * k * n;
  op.out_bytes = 2 * reps * m * n;
  return op;
}

static struct op conv(enum op_phase phase, uint64_t in, uint64_t size, uint64_t out, uint64_t filter, uint64_t stride) {
  struct op op = op_new(OP_CONV, 2);
  op.phase = (uint8_t)phase;
  const uint64_t dims[OP_DIMS] = {32, in, size, size, out, filter, filter, stride, filter / 2, filter / 2, 1, 1};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = 2 * 32 * in * size * size;
  op.weight_bytes = 2 * in * out * filter * filter;
  op.out_bytes = 2 * 32 * out * op_conv_out_height(&op) * op_conv_out_width(&op);
  return op;
}

/* GPT-2 XL and Llama-2 7B layers with their gradients' shapes, and ResNet-50 in all three phases. */
static size_t training_ops(struct op *ops) {
  size_t n = 0;
  static const uint64_t gemms[][4] = {
      {1, 1024, 4800, 1600},  {25, 1024, 1024, 64},   {25, 1024, 64, 1024},   {1, 1024, 1600, 1600},
      {1, 1024, 6400, 1600},  {1, 1024, 1600, 6400},  {1, 1600, 6400, 1024},  {1, 6400, 1600, 1024},
      {1, 1024, 50257, 1600}, {1, 4096, 4096, 4096},  {32, 4096, 4096, 128},  {32, 4096, 128, 4096},
      {1, 4096, 11008, 4096}, {1, 4096, 4096, 11008}, {1, 4096, 32000, 4096}, {1, 11008, 4096, 4096},
      {1, 16384, 4096, 4096}, {8, 2333, 14336, 4096}, {1, 777, 1023, 333},    {1, 2048, 1000, 32},
  };
  for (size_t i = 0; i < sizeof gemms / sizeof *gemms; i++)
    ops[n++] = gemm(gemms[i][0], gemms[i][1], gemms[i][2], gemms[i][3]);
  static const uint64_t convs[][5] = {
      {3, 224, 64, 7, 2},   {64, 56, 64, 3, 1},   {64, 56, 256, 1, 1}, {128, 56, 128, 3, 2},   {128, 28, 128, 3, 1},
      {256, 56, 512, 1, 2}, {256, 14, 256, 3, 1}, {512, 7, 512, 3, 1}, {1024, 14, 2048, 1, 2}, {1024, 14, 512, 1, 1}};
  for (unsigned phase = PHASE_FORWARD; phase <= PHASE_BACKWARD_WEIGHT; phase++)
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++)
      ops[n++] = conv((enum op_phase)phase, convs[i][0], convs[i][1], convs[i][2], convs[i][3], convs[i][4]);
  return n;
}

static struct machine chip(const struct opcost *opcost, uint64_t n_cores, uint64_t edge, uint64_t glb_mib) {
  const struct accelerator accelerator = {.tc_count = n_cores,
                                          .tc_rows = edge,
                                          .tc_cols = edge,
                                          .tc_l2_kib = edge * edge / 64,
                                          .vc_count = n_cores,
                                          .vc_width = 1024,
                                          .vc_l2_kib = 16,
                                          .glb_mib = glb_mib,
                                          .clock_mhz = 1050,
                                          .hbm_bytes_per_cycle = 1143};
  struct machine machine;
  machine_init(&machine, &opcost->settings, &opcost->technology, &accelerator);
  return machine;
}

int main(void) {
  struct arena arena;
  static struct error error;
  struct opcost opcost;
  arena_init(&arena, 1 << 20);
  if (!opcost_read(&arena, &opcost, &error)) {
    fputs(error.text, stderr);
    return 1;
  }
  const int counter = counter_open();
  struct machine arrays[16];
  const size_t n_arrays = opcost.hardware.n_rows < 16 ? opcost.hardware.n_rows : 16;
  for (size_t i = 0; i < n_arrays; i++) arrays[i] = opcost_machine(&opcost, i);
  struct op *const ops = ARENA_NEW(&arena, struct op, opcost.n_ops);
  for (size_t i = 0; i < opcost.n_ops; i++) ops[i] = opcost.ops[i].op;
  struct tally tally = run(&(struct work){arrays, ops, n_arrays, opcost.n_ops, 1}, counter);
  report("peers' operators, 1 core", &tally);

  struct op training[64];
  const size_t n_training = training_ops(training);
  const struct machine chips[] = {chip(&opcost, 8, 128, 128), chip(&opcost, 2, 256, 32), chip(&opcost, 64, 32, 16)};
  tally = run(&(struct work){chips, training, 3, n_training, 1}, counter);
  report("training shapes, 1 core", &tally);
  tally = run(&(struct work){chips, training, 3, n_training, 4}, counter);
  report("training shapes, split over 4 cores", &tally);
  arena_release(&arena);
  return 0;
}

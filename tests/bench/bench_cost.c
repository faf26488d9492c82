/* How many operators does the cost model price in a second, uncached and cached, and how many do published tools?
 *
 * The peers' 44 operators on their four bare arrays, then on square arrays of 16 to 512 in the memory of the largest;
 * shapes of transformer and ResNet training on three chips. Every pricing is a whole optimised search on one core, then
 * (last list) on four; a row of a list is timed by itself, so that the geometric mean of their rates weighs each alike.
 * Looks in the cache are as a search makes them: digests of operators made before, that of a machine once for all of
 * them. The tools' rates are those of tests/data/opcost/speeds.csv, of another machine: read ratios as orders of
 * magnitude. What they count is often one mapping, and ours a whole search, which favours them. Instructions come from
 * the processor's counter where the system lets us read it. Run from the repository root; `bench_cost csv` prints the
 * rates as CSV. */
#include "arch/cost_cache.h"
#include "base/clock.h"
#include "tests/opcost.h"
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
  const double start = clock_processor_s();
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
  tally.seconds = clock_processor_s() - start;
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

/* --- rates row by row -----------------------------------------------------------------------------------------------
 */

static bool csv_wanted;

/* A line of the table, aligned for readers or as CSV; 0: none. */
static void print_rate(const char *what, const char *detail, const double *per_s) {
  if (csv_wanted) {
    printf("dse,%s: %s,%.4g,%.4g,%.4g,\n", what, detail, per_s[0], per_s[1], per_s[2]);
  } else {
    printf("%-28s %-28s %12.0f %12.0f %12.0f\n", what, detail, per_s[0], per_s[1], per_s[2]);
  }
}

/* Seconds of one pricing. */
static double price_s(const struct machine *machine, const struct op *op, uint64_t *cycles) {
  enum { LEAST_NS = 2000000 };
  uint64_t n = 0;
  double seconds = 0;
  const double start = clock_processor_s();
  for (uint64_t batch = 1; seconds < 1e-9 * LEAST_NS; batch *= 2) {
    for (uint64_t i = 0; i < batch; i++) {
      struct op_cost cost;
      cost_providers[0]->op_cost(machine, op, NULL, 1, &cost);
      *cycles += cost.cycles;
    }
    n += batch;
    seconds = clock_processor_s() - start;
  }
  return seconds / (double)n;
}

/* The geometric mean of the rows' rates. */
static double measure_rows(const char *detail, const struct machine *machines, size_t n_machines,
                           const struct opcost *opcost) {
  double log_sum = 0, sum_s = 0, most_s = 0;
  uint64_t cycles = 0;
  for (size_t i = 0; i < n_machines; i++) {
    for (size_t j = 0; j < opcost->n_ops; j++) {
      const double seconds = price_s(&machines[i], &opcost->ops[j].op, &cycles);
      log_sum += log(seconds);
      sum_s += seconds;
      if (seconds > most_s) most_s = seconds;
    }
  }
  REQUIRE(cycles > 0);
  const double n = (double)(n_machines * opcost->n_ops), mean_per_s = exp(-log_sum / n);
  print_rate("operators optimised anew", detail, (const double[]){mean_per_s, n / sum_s, 1 / most_s});
  return mean_per_s;
}

/* A square array in the memory of the row of hardware.csv that has most of it. */
static struct machine square(const struct opcost *opcost, uint64_t edge) {
  size_t largest = 0;
  for (size_t i = 1; i < opcost->hardware.n_rows; i++)
    if (opcost_number(&opcost->hardware, i, "unified_kB") > opcost_number(&opcost->hardware, largest, "unified_kB"))
      largest = i;
  struct machine machine = opcost_machine(opcost, largest);
  machine.rows = machine.cols = edge;
  machine.tensor_l2_bytes = max_u64(edge * edge / 64, 1) << 10; /* as accelerator_derive */
  return machine;
}

/* --- the cache ------------------------------------------------------------------------------------------------------
 */

enum { CACHE_ENTRIES = 1 << 17 }; /* as arch/stage.c */

/* Looks for every operator on `n_machines` designs that differ in their bandwidth, over and over. */
static void measure_cache(const char *detail, const struct opcost *opcost, size_t n_machines, struct arena *arena) {
  struct cost_cache *cache = cost_cache_new(arena, CACHE_ENTRIES);
  const struct digest rules = cost_rules_digest(cost_providers[0], &opcost->settings, &opcost->technology);
  struct digest *const shapes = ARENA_NEW(arena, struct digest, opcost->n_ops);
  struct op_cost *const costs = ARENA_NEW(arena, struct op_cost, opcost->n_ops);
  for (size_t j = 0; j < opcost->n_ops; j++) shapes[j] = cost_op_digest(&opcost->ops[j].op, NULL);
  struct machine machine = opcost_machine(opcost, 0);
  uint64_t n = 0, sum = 0;
  double seconds = 0, start = 0;
  struct cost_cache_counts before = {0, 0};
  for (uint64_t pass = 0; seconds < 0.3; pass++) {
    if (pass == 1) start = clock_processor_s(), before = cost_cache_counts(cache); /* the first one fills */
    for (size_t i = 0; i < n_machines; i++) {
      machine.glb_bytes_per_cycle = 2385 + (double)i;
      const struct digest design = cost_machine_digest(rules, &machine, false);
      for (size_t j = 0; j < opcost->n_ops; j++) {
        const struct cost_key key = {shapes[j], design, 1};
        const struct op_cost *known = cost_cache_find(cache, &key);
        if (known != NULL)
          costs[j] = *known;
        else if (pass == 0)
          cost_cache_keep(cache, &key, &(struct op_cost){.cycles = i + j});
      }
      sum += costs[i % opcost->n_ops].cycles;
    }
    if (pass > 0) n += n_machines * opcost->n_ops, seconds = clock_processor_s() - start;
  }
  const struct cost_cache_counts after = cost_cache_counts(cache);
  REQUIRE(sum > 0 && after.hits > before.hits);
  const double looks_per_s = (double)n / seconds, found_per_s = (double)(after.hits - before.hits) / seconds;
  print_rate("costs found in the cache", detail, (const double[]){found_per_s, looks_per_s, found_per_s});
}

/* --- published tools ------------------------------------------------------------------------------------------------
 */

enum { N_EDGES = 6 };
static const uint64_t edges[N_EDGES] = {16, 32, 64, 128, 256, 512};

/* Their rates beside ours: on the array that the tool's figure is of, otherwise over all of the peers' arrays. */
static bool compare(double ours_per_s, const double *by_edge, struct arena *arena, struct error *error) {
  struct csv csv;
  if (!csv_read("tests/data/opcost/speeds.csv", 1000, arena, &csv, error)) return false;
  if (!csv_wanted)
    printf("\n%-15s %-41s %12s %12s %12s\n", "published tools", "what they count", "fastest", "slowest", "we/fastest");
  for (size_t i = 0; i < csv.n_rows; i++) {
    double ours = ours_per_s, slowest, fastest;
    for (unsigned e = 0; e < N_EDGES; e++)
      if (edges[e] == opcost_number(&csv, i, "array_edge")) ours = by_edge[e];
    REQUIRE(text_to_double(opcost_text(&csv, i, "slowest_per_s"), &slowest));
    REQUIRE(text_to_double(opcost_text(&csv, i, "fastest_per_s"), &fastest));
    const char *tool = opcost_text(&csv, i, "tool"), *what = opcost_text(&csv, i, "what");
    if (csv_wanted) {
      printf("%s,%s,%.4g,,%.4g,%.4g\n", tool, what, fastest, slowest, ours / fastest);
    } else {
      printf("%-15s %-41s %12.4g %12.4g %12.0f\n", tool, what, fastest, slowest, ours / fastest);
    }
  }
  return true;
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static void measure_training(const struct opcost *opcost, const struct machine *arrays, size_t n_arrays,
                             struct arena *arena) {
  const int counter = counter_open();
  struct op *const ops = ARENA_NEW(arena, struct op, opcost->n_ops);
  for (size_t i = 0; i < opcost->n_ops; i++) ops[i] = opcost->ops[i].op;
  putchar('\n');
  struct tally tally = run(&(struct work){arrays, ops, n_arrays, opcost->n_ops, 1}, counter);
  report("peers' operators, 1 core", &tally);
  struct op training[64];
  const size_t n_training = training_ops(training);
  const struct machine chips[] = {chip(opcost, 8, 128, 128), chip(opcost, 2, 256, 32), chip(opcost, 64, 32, 16)};
  tally = run(&(struct work){chips, training, 3, n_training, 1}, counter);
  report("training shapes, 1 core", &tally);
  tally = run(&(struct work){chips, training, 3, n_training, 4}, counter);
  report("training shapes, split over 4 cores", &tally);
}

int main(int argc, char **argv) {
  struct arena arena;
  static struct error error;
  struct opcost opcost;
  csv_wanted = argc > 1 && strcmp(argv[1], "csv") == 0;
  arena_init(&arena, 1 << 20);
  if (!opcost_read(&arena, &opcost, &error)) {
    fputs(error.text, stderr);
    return 1;
  }
  struct machine arrays[16];
  const size_t n_arrays = opcost.hardware.n_rows < 16 ? opcost.hardware.n_rows : 16;
  for (size_t i = 0; i < n_arrays; i++) arrays[i] = opcost_machine(&opcost, i);
  if (csv_wanted) {
    puts("who,what,per_s,all_per_s,slowest_per_s,dse_over_theirs");
  } else {
    printf("%-57s %12s %12s %12s\n", "a second and core", "geom. mean", "together", "slowest");
  }
  const double ours_per_s = measure_rows("44 x 4 of the tables", arrays, n_arrays, &opcost);
  double by_edge[N_EDGES];
  for (unsigned e = 0; e < N_EDGES; e++) {
    const struct machine machine = square(&opcost, edges[e]);
    char detail[40];
    snprintf(detail, sizeof detail, "44 on %llu x %llu", (unsigned long long)edges[e], (unsigned long long)edges[e]);
    by_edge[e] = measure_rows(detail, &machine, 1, &opcost);
  }
  measure_cache("44 x 4 of them", &opcost, 4, &arena);
  measure_cache("44 x 2000 of them", &opcost, 2000, &arena);
  const bool read = compare(ours_per_s, by_edge, &arena, &error);
  if (!read) fputs(error.text, stderr);
  if (!csv_wanted) measure_training(&opcost, arrays, n_arrays, &arena);
  arena_release(&arena);
  return read ? 0 : 1;
}

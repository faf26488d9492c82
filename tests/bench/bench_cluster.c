/* How well do ranks share work? To be run under a launcher; alone it has nobody to share with.
 *
 *   mpirun -n 2 bench_cluster            efficiency and overhead, as ratios within this run
 *   mpirun -n 8 bench_cluster footprint  memory and messages of every rank for the same tasks
 *
 * Serial throughput is measured on rank 0 while the others sleep, the shared one right behind it, several times in
 * turn; the median of the ratios counts. Tasks are work, not sleep: a chain of multiplications whose length depends on
 * the index alone, uniform in the logarithm over the spread. Left out: real designs (dse explore's timing.csv has
 * them). */
#include "base/checked.h"
#include "base/clock.h"
#include "base/rng.h"
#include "cluster/cluster.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_REPEATS = 7, MAX_TASKS = 1 << 20 };

enum order { SHUFFLED, LONGEST_LAST };

struct job {
  const char *name;
  size_t n;
  double mean_s, spread; /* longest over shortest; mean 0: empty tasks */
  enum order order;
  double steps_per_s;
};

/* Steps of a task: uniform in the logarithm over [1, spread], scaled so that their mean is mean_s. */
static uint64_t steps_of(const struct job *job, size_t index) {
  if (job->mean_s <= 0) return 0;
  if (job->spread <= 1) return (uint64_t)(job->mean_s * job->steps_per_s);
  struct rng rng = rng_stream(2385, RNG_TEST, job->n, index);
  const double at = job->order == SHUFFLED ? rng_unit(&rng) : (double)index / (double)job->n;
  const double mean_factor = (job->spread - 1) / log(job->spread);
  return (uint64_t)(exp(at * log(job->spread)) / mean_factor * job->mean_s * job->steps_per_s);
}

static uint64_t work(uint64_t steps, uint64_t value) {
  for (uint64_t i = 0; i < steps; i++) value = value * UINT64_C(6364136223846793005) + 1442695040888963407;
  return value;
}

static void task(void *context, size_t index, void *record) {
  const uint64_t value = work(steps_of(context, index), index);
  memcpy(record, &value, sizeof value);
}

/* Others sleep meanwhile: what waits in MPI would take a share of the core. */
static double serial_s(struct cluster *cluster, const struct job *job) {
  static uint64_t records[MAX_TASKS];
  double seconds = 0;
  if (cluster_rank(cluster) == 0) {
    struct job copy = *job;
    const double start_s = clock_wall_s();
    for (size_t i = 0; i < job->n; i++) task(&copy, i, &records[i]);
    seconds = clock_wall_s() - start_s;
  }
  cluster_broadcast(cluster, &seconds, sizeof seconds);
  return seconds;
}

static double shared_s(struct cluster *cluster, const struct job *job, struct error *error) {
  static uint64_t records[MAX_TASKS];
  struct job copy = *job;
  const struct cluster_tasks tasks = {job->n, sizeof records[0], task, NULL, &copy};
  cluster_any(cluster, false); /* all begin together */
  const double start_s = clock_wall_s();
  if (cluster_map(cluster, &tasks, records, error) != CLUSTER_DONE) exit(1);
  return clock_wall_s() - start_s;
}

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values) {
  qsort(values, N_REPEATS, sizeof *values, compare_doubles);
  return values[N_REPEATS / 2];
}

static void efficiency(struct cluster *cluster, const struct job *job, struct error *error) {
  const unsigned size = cluster_size(cluster);
  double ratio[N_REPEATS], overhead_s[N_REPEATS], rate[N_REPEATS];
  for (size_t r = 0; r < N_REPEATS; r++) {
    const double alone_s = serial_s(cluster, job), together_s = shared_s(cluster, job, error);
    ratio[r] = alone_s / (size * together_s);
    overhead_s[r] = (size * together_s - alone_s) / (double)job->n;
    rate[r] = (double)job->n / together_s;
  }
  const double low = median(ratio), spread = ratio[N_REPEATS - 1] - ratio[0]; /* sorted by now */
  if (cluster_rank(cluster) != 0) return;
  printf("%-44s %8zu tasks  ", job->name, job->n);
  if (job->mean_s > 0) {
    printf("efficiency %5.1f %% (%.1f … %.1f)  ", 100 * low, 100 * ratio[0], 100 * (ratio[0] + spread));
  } else {
    printf("%.3g tasks/s  ", median(rate));
  }
  printf("overhead %.3f us a task\n", 1e6 * median(overhead_s));
}

/* Many small rounds, as a search asks for them: what a round costs beyond its tasks. */
static void rounds(struct cluster *cluster, size_t n, struct error *error) {
  struct job job = {"", n, 0, 1, SHUFFLED, 0};
  double round_s[N_REPEATS];
  for (size_t r = 0; r < N_REPEATS; r++) {
    double sum_s = 0;
    for (size_t i = 0; i < 200; i++) sum_s += shared_s(cluster, &job, error);
    round_s[r] = sum_s / 200;
  }
  const double typical_s = median(round_s);
  if (cluster_rank(cluster) == 0) {
    printf("a round of %zu empty tasks: %.1f us, %.2f us a task\n", n, 1e6 * typical_s, 1e6 * typical_s / (double)n);
  }
}

static void footprint(struct cluster *cluster, double steps_per_s, struct error *error) {
  const unsigned size = cluster_size(cluster);
  struct job job = {"", 20000, 1e-4, 100, SHUFFLED, steps_per_s};
  const double seconds = shared_s(cluster, &job, error);
  struct cluster_timing *timing = calloc(size, sizeof *timing);
  if (timing == NULL) exit(1);
  cluster_timing(cluster, timing);
  uint64_t most_messages = 0, most_bytes = 0, messages = 0;
  for (unsigned r = 0; r < size; r++) {
    messages += timing[r].n_messages;
    most_messages = max_u64(most_messages, timing[r].n_messages);
    most_bytes = max_u64(most_bytes, timing[r].peak_bytes);
  }
  if (cluster_rank(cluster) == 0) {
    printf("%u ranks, %zu tasks in %.2f s: %llu messages, rank 0 sends %llu; most memory of a rank %.1f MB\n", size,
           job.n, seconds, (unsigned long long)messages, (unsigned long long)timing[0].n_messages,
           (double)most_bytes / 1e6);
  }
  free(timing);
}

int main(int argc, char **argv) {
  static struct error error;
  struct cluster *cluster = cluster_start(&argc, &argv, &error);
  if (cluster == NULL) return 1;
  const bool only_footprint = argc > 1 && strcmp(argv[1], "footprint") == 0;
  double steps_per_s = 0;
  if (cluster_rank(cluster) == 0) {
    const double start_s = clock_wall_s();
    volatile uint64_t sink = work(200000000, 7);
    (void)sink;
    steps_per_s = 200000000 / (clock_wall_s() - start_s);
  }
  cluster_broadcast(cluster, &steps_per_s, sizeof steps_per_s);
  if (only_footprint) {
    footprint(cluster, steps_per_s, &error);
  } else {
    const struct job jobs[] = {
        {"1 ms, all alike", 800, 1e-3, 1, SHUFFLED, steps_per_s},
        {"1 ms on average, spread 100 x", 800, 1e-3, 100, SHUFFLED, steps_per_s},
        {"1 ms on average, spread 100 x, longest last", 800, 1e-3, 100, LONGEST_LAST, steps_per_s},
        {"0.1 ms on average, spread 100 x", 8000, 1e-4, 100, SHUFFLED, steps_per_s},
        {"10 us on average, spread 100 x", 80000, 1e-5, 100, SHUFFLED, steps_per_s},
        {"empty", MAX_TASKS, 0, 1, SHUFFLED, steps_per_s},
    };
    if (cluster_rank(cluster) == 0) {
      printf("%u rank%s, median of %d\n", cluster_size(cluster), cluster_size(cluster) > 1 ? "s" : "", N_REPEATS);
    }
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) efficiency(cluster, &jobs[j], &error);
    rounds(cluster, 64, &error);
    rounds(cluster, 1024, &error);
  }
  cluster_finish(cluster);
  return 0;
}

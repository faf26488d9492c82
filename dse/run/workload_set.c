/* See workload_set.h. */
#include "dse/run/workload_set.h"

#include "base/num.h"

/* The logarithms' and the sum's rounding is below 1e-12 of the value; bounds are loosened by far more. */
static const double BOUND_SLACK = 1e-9;

void workload_set_init(struct workload_set *set, const struct run_settings *settings) {
  double sum = 0;
  REQUIRE(settings->n_workloads >= 1 && settings->n_workloads <= RUN_MAX_WORKLOADS);
  *set = (struct workload_set){.n = settings->n_workloads, .objective = (enum run_objective)settings->search.objective};
  for (size_t i = 0; i < set->n; i++) sum += settings->workloads[i].weight;
  for (size_t i = 0; i < set->n; i++) set->weight[i] = settings->workloads[i].weight / sum;
}

static double speedup(const struct workload_set *set, const double *throughput, size_t i) {
  return throughput[i] / set->reference_throughput[i];
}

static double geomean(const struct workload_set *set, const double *throughput) {
  double sum = 0;
  if (set->n == 1) return speedup(set, throughput, 0); /* exactly */
  for (size_t i = 0; i < set->n; i++) sum += set->weight[i] * num_log(speedup(set, throughput, i));
  return num_exp(sum);
}

static size_t slowest(const struct workload_set *set, const double *throughput) {
  size_t worst = 0;
  for (size_t i = 1; i < set->n; i++) {
    if (speedup(set, throughput, i) < speedup(set, throughput, worst)) worst = i;
  }
  return worst;
}

double workload_set_mean(const struct workload_set *set, const double *of) {
  double sum = 0;
  for (size_t i = 0; i < set->n; i++) sum += set->weight[i] * of[i];
  return sum;
}

double workload_set_value(const struct workload_set *set, const double *throughput) {
  switch (set->objective) {
  case OBJECTIVE_OF_GEOMEAN:
    return geomean(set, throughput);
  case OBJECTIVE_OF_MEAN:
    return workload_set_mean(set, throughput);
  case OBJECTIVE_OF_WORST:
    return speedup(set, throughput, slowest(set, throughput));
  }
  BUG("objective %d", (int)set->objective);
}

/* Division, products, sums and the least of some round monotonously; logarithm and exponential need not. */
double workload_set_bound(const struct workload_set *set, const double *throughput) {
  const double slack = set->objective == OBJECTIVE_OF_GEOMEAN ? BOUND_SLACK : 0;
  return workload_set_value(set, throughput) * (1 + slack);
}

void workload_set_shares(const struct workload_set *set, const double *throughput, double *share) {
  const double mean = workload_set_mean(set, throughput);
  const size_t worst = slowest(set, throughput);
  for (size_t i = 0; i < set->n; i++) {
    switch (set->objective) {
    case OBJECTIVE_OF_GEOMEAN:
      share[i] = set->weight[i];
      break;
    case OBJECTIVE_OF_MEAN:
      share[i] = mean > 0 ? set->weight[i] * throughput[i] / mean : set->weight[i];
      break;
    case OBJECTIVE_OF_WORST:
      share[i] = i == worst;
      break;
    }
  }
}

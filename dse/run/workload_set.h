/* What is a design worth that must train several networks? (accelerator-search §9, "Several workloads")
 *
 * One number from one throughput a workload: the geometric mean of the speed-ups over a reference design, the
 * arithmetic mean of the throughputs, or the worst speed-up. Each is non-decreasing in every throughput, so that bounds
 * on the throughputs give a bound on the number. Here alone they are put together: for scores, for bounds, for boxes.
 * Energy and duration of an iteration are the means over the weights: what an iteration takes of a workload that is
 * drawn with them. Weights are divided by their sum.
 *
 * Logarithms are those of base/num.h, the same on every processor. Left out: how the workloads share a device's time
 * (each iteration has the device to itself). */
#ifndef DSE_WORKLOAD_SET_H
#define DSE_WORKLOAD_SET_H

#include "dse/run/settings.h"

struct workload_set {
  size_t n; /* 1 to RUN_MAX_WORKLOADS */
  enum run_objective objective;
  double weight[RUN_MAX_WORKLOADS];               /* they add up to 1 */
  double reference_throughput[RUN_MAX_WORKLOADS]; /* samples a second of the reference design */
};

/* Takes weights and objective from the settings (which list workloads); the references are the caller's to fill. */
void workload_set_init(struct workload_set *set, const struct run_settings *settings);
/* `throughput`: [n], samples a second. */
double workload_set_value(const struct workload_set *set, const double *throughput);
/* The same from throughputs that are not exceeded: what the value does not exceed, its own rounding included. */
double workload_set_bound(const struct workload_set *set, const double *throughput);
/* Σ weight × of[i]. */
double workload_set_mean(const struct workload_set *set, const double *of);
/* share[n]: by how many percent the value grows with one percent more of that throughput alone; they add up to 1. The
 * worst speed-up is the first workload's that has it. */
void workload_set_shares(const struct workload_set *set, const double *throughput, double *share);

#endif

/* Values, limits and bounds of one platform. See joint.h. */
#include "search/joint/joint_private.h"

#include <math.h>

/* Sums of up to a million terms lose less than this share. */
static const double rounding = 1e-9;

double joint_value(const struct joint_problem *problem, double training, double makespan_cycles) {
  if (!(training > 0)) return 0;
  const double jobs_per_s = problem->n_all_jobs * problem->cycles_per_s / makespan_cycles;
  switch (problem->metric) {
  case JOINT_TRAINING:
    return makespan_cycles <= problem->most_makespan_cycles ? training : 0;
  case JOINT_TENANTS:
    return training >= problem->least_training ? jobs_per_s : 0;
  case JOINT_GEOMEAN:
    break;
  }
  return pow(training, problem->weight) * pow(jobs_per_s, 1 - problem->weight);
}

double joint_training(const struct joint_problem *problem, const struct joint_platform *platform) {
  if (platform->training > 0) return platform->training;
  if (!problem->adds_up) return problem->training[platform->design[0]];
  double sum = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    const double own = problem->training[platform->design[k]];
    if (!(own > 0)) return 0; /* a device that must not be trained on is no part of a platform */
    sum += platform->count[k] * own;
  }
  return sum;
}

bool joint_is_trained(const struct joint_problem *problem, const struct joint_platform *platform) {
  for (uint32_t k = 0; k < platform->n_kinds && !(platform->training > 0); k++) {
    if (!problem->trained[platform->design[k]]) return false;
  }
  return true;
}

double joint_bandwidth(const struct joint_problem *problem, const struct joint_platform *platform) {
  if (problem->own_bandwidth > 0) return problem->own_bandwidth;
  double sum = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) sum += platform->count[k] * problem->bandwidth[platform->design[k]];
  return sum;
}

double joint_cost(const struct joint_problem *problem, const struct joint_platform *platform, enum joint_limit limit) {
  double sum = 0;
  for (uint32_t k = 0; problem->cost[limit] != NULL && k < platform->n_kinds; k++) {
    sum += platform->count[k] * problem->cost[limit][platform->design[k]];
  }
  return sum;
}

uint32_t joint_cores(const struct joint_platform *platform) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) n += platform->count[k];
  return n;
}

bool joint_fits(const struct joint_problem *problem, const struct joint_platform *platform) {
  if (joint_cores(platform) > problem->most_cores) return false;
  for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
    if (problem->cost[limit] != NULL && !(joint_cost(problem, platform, limit) <= problem->most[limit])) return false;
  }
  return true;
}

bool joint_is_maximal(const struct joint_problem *problem, const struct joint_platform *platform) {
  if (!joint_fits(problem, platform)) return false;
  struct joint_platform larger = *platform;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    larger.count[k]++;
    if (joint_fits(problem, &larger)) return false;
    larger.count[k]--;
  }
  return true;
}

uint32_t joint_most(const struct joint_problem *problem, uint32_t design) {
  struct joint_platform platform = {.design = {design}, .n_kinds = 1};
  uint32_t most = 0;
  for (platform.count[0] = 1; joint_fits(problem, &platform); platform.count[0]++) most = platform.count[0];
  return most;
}

double joint_multiplier(const struct joint_problem *problem, uint32_t design) {
  const double *const latency = problem->latency_cycles + design * problem->n_jobs;
  double sum = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) sum += isfinite(latency[j]) ? problem->alike[j] * latency[j] : 0;
  return sum > 0 ? 1 / sum : 1;
}

void joint_set_needs(const struct joint_problem *problem, const uint32_t *design, const double *multiplier,
                     uint32_t n_kinds, struct joint_needs *needs) {
  *needs = (struct joint_needs){0};
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double weighed = (double)INFINITY, bytes = (double)INFINITY, latency = (double)INFINITY;
    for (uint32_t k = 0; k < n_kinds; k++) {
      const size_t at = design[k] * problem->n_jobs + j;
      weighed = fmin(weighed, multiplier[k] * problem->latency_cycles[at]);
      bytes = fmin(bytes, problem->bytes[at]);
      latency = fmin(latency, problem->latency_cycles[at]);
    }
    needs->load += problem->alike[j] * weighed;
    needs->bytes += problem->alike[j] * bytes;
    needs->longest_cycles = fmax(needs->longest_cycles, latency);
  }
}

/* Any multipliers v give Σ_j min_d v_d l_jd ≤ Σ_d v_d (load of d) ≤ M Σ_d v_d n_d. */
double joint_needed_cycles(const struct joint_problem *problem, const struct joint_platform *platform,
                           const double *multiplier, const struct joint_needs *needs) {
  double room = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) room += platform->count[k] * multiplier[k];
  const double load_cycles = fmax(needs->load / room, needs->bytes / joint_bandwidth(problem, platform));
  return fmax(needs->longest_cycles, load_cycles) * (1 - rounding);
}

double joint_least_cycles(const struct joint_problem *problem, const struct joint_platform *platform) {
  double multiplier[JOINT_MAX_KINDS];
  struct joint_needs needs;
  for (uint32_t k = 0; k < platform->n_kinds; k++) multiplier[k] = joint_multiplier(problem, platform->design[k]);
  joint_set_needs(problem, platform->design, multiplier, platform->n_kinds, &needs);
  return joint_needed_cycles(problem, platform, multiplier, &needs);
}

/* --- orders ---------------------------------------------------------------------------------------------------------
 */

static int compare_identity(const struct joint_platform *a, const struct joint_platform *b) {
  if (a->area_mm2 < b->area_mm2 || a->area_mm2 > b->area_mm2) return a->area_mm2 < b->area_mm2 ? -1 : 1;
  if (a->n_kinds != b->n_kinds) return a->n_kinds < b->n_kinds ? -1 : 1;
  for (uint32_t k = 0; k < a->n_kinds; k++) {
    if (a->design[k] != b->design[k]) return a->design[k] < b->design[k] ? -1 : 1;
  }
  for (uint32_t k = 0; k < a->n_kinds; k++) {
    if (a->count[k] != b->count[k]) return a->count[k] > b->count[k] ? -1 : 1;
  }
  if (a->training < b->training || a->training > b->training) return a->training > b->training ? -1 : 1;
  return (a->system > b->system) - (a->system < b->system);
}

static bool before(double of_a, double of_b, const struct joint_platform *a, const struct joint_platform *b) {
  if (of_a < of_b || of_a > of_b) return of_a > of_b;
  return compare_identity(a, b) < 0;
}

bool joint_may_come_before(const struct joint_platform *a, const struct joint_platform *b) {
  return before(a->bound, b->bound, a, b);
}

bool joint_comes_before(const struct joint_platform *a, const struct joint_platform *b) {
  /* Of those that are not allowed as they were mapped first the ones that a better mapping may help most. */
  if (!(a->value > 0) && !(b->value > 0)) return joint_may_come_before(a, b);
  return before(a->value, b->value, a, b);
}

/* Who gets how much of a bandwidth that is short, at every end of a job? The rules of the judge (tenancy §3): the
 * released program's, by proportion, and three more. See tenancy_judge.c. */
#include "search/tenancy/tenancy_judge_private.h"

#include <math.h>
#include <string.h>

const char *const tenancy_allocation_names[] = {"proportional", "maxmin", "critical", "weighted", NULL};

double tenancy_judge_sum(const double *values, size_t n) {
  if (n > 128) {
    const size_t half = n / 2 - n / 2 % 8;
    return tenancy_judge_sum(values, half) + tenancy_judge_sum(values + half, n - half);
  }
  size_t i = 0;
  double sum = 0;
  if (n >= 8) {
    double part[8];
    memcpy(part, values, sizeof part);
    for (i = 8; i + 8 <= n; i += 8) {
      for (size_t k = 0; k < 8; k++) part[k] += values[i + k];
    }
    sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
  }
  for (; i < n; i++) sum += values[i];
  return sum;
}

static void share_proportional(struct tenancy_judging *judging) {
  const size_t n_cores = judging->problem->n_cores;
  const double bandwidth = judging->problem->bandwidth_bytes_per_cycle;
  const double required = tenancy_judge_sum(judging->need, n_cores);
  for (size_t c = 0; c < n_cores; c++) {
    judging->share[c] = required > bandwidth ? (judging->need[c] * bandwidth) / required : judging->need[c];
  }
}

/* What is left by everybody's share of it, again and again: who needs no more than that gets what he needs. */
static void fill_by(struct tenancy_judging *judging, const double *weight) {
  const size_t n_cores = judging->problem->n_cores;
  double rest = judging->problem->bandwidth_bytes_per_cycle, weights = 0;
  bool open[TENANCY_MAX_CORES];
  for (size_t c = 0; c < n_cores; c++) {
    open[c] = judging->live[c], judging->share[c] = 0;
    if (open[c]) weights += weight[c];
  }
  for (bool again = true; again && weights > 0;) {
    const double level = rest / weights;
    again = false;
    for (size_t c = 0; c < n_cores; c++) {
      if (!open[c] || judging->need[c] > level * weight[c]) continue;
      judging->share[c] = judging->need[c];
      open[c] = false, again = true;
    }
    rest = judging->problem->bandwidth_bytes_per_cycle, weights = 0;
    for (size_t c = 0; c < n_cores; c++) {
      if (open[c]) weights += weight[c];
      rest -= judging->share[c];
    }
    for (size_t c = 0; c < n_cores && !again; c++) {
      if (open[c]) judging->share[c] = level * weight[c];
    }
  }
}

static void share_maxmin(struct tenancy_judging *judging) {
  double weight[TENANCY_MAX_CORES];
  for (size_t c = 0; c < judging->problem->n_cores; c++) weight[c] = 1;
  fill_by(judging, weight);
}

static void share_weighted(struct tenancy_judging *judging) {
  double weight[TENANCY_MAX_CORES], most = 0;
  const double *of_job = judging->problem->weight;
  for (size_t c = 0; c < judging->problem->n_cores; c++) {
    weight[c] = !judging->live[c] ? 0 : of_job == NULL ? 1 : of_job[judging->job[c]];
    most = fmax(most, weight[c]);
  }
  for (size_t c = 0; c < judging->problem->n_cores && most > 0; c++) weight[c] /= most; /* sums stay finite */
  fill_by(judging, weight);
}

static double work_left(const struct tenancy_judging *judging, size_t core) {
  return judging->queued[core] + judging->left[core];
}

/* One after another, the core with most work left first, the first of equal ones. */
static void share_critical(struct tenancy_judging *judging) {
  const size_t n_cores = judging->problem->n_cores;
  double rest = judging->problem->bandwidth_bytes_per_cycle;
  bool served[TENANCY_MAX_CORES] = {false};
  for (size_t c = 0; c < n_cores; c++) judging->share[c] = 0;
  for (;;) {
    size_t most = n_cores;
    for (size_t c = 0; c < n_cores; c++) {
      if (!judging->live[c] || served[c]) continue;
      if (most == n_cores || work_left(judging, c) > work_left(judging, most)) most = c;
    }
    if (most == n_cores) return;
    served[most] = true;
    judging->share[most] = fmin(judging->need[most], rest);
    rest -= judging->share[most];
  }
}

tenancy_judge_rule *tenancy_judge_rule_of(const struct tenancy_problem *problem) {
  static tenancy_judge_rule *const rules[] = {[TENANCY_PROPORTIONAL] = share_proportional,
                                              [TENANCY_MAXMIN] = share_maxmin,
                                              [TENANCY_CRITICAL] = share_critical,
                                              [TENANCY_WEIGHTED] = share_weighted};
  const size_t rule = (size_t)problem->allocation;
  return rule < sizeof rules / sizeof *rules ? rules[rule] : NULL;
}

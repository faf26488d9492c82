/* What do all algorithms that draw, order or decode answers share? The genome of tenancy §7: a row of cores and a row
 * of priorities in [0, 1), by job; and how real numbers, by which the continuous methods go, stand for one (§9).
 *
 * Leaves out what is bred from what: evolution.h. */
#ifndef SEARCH_TENANCY_GENOME_H
#define SEARCH_TENANCY_GENOME_H

#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"

/* Uniform among the cores that can run the job. */
uint32_t genome_draw_core(const struct tenancy_problem *problem, size_t job, struct rng *rng);
void genome_draw(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *answer);
/* What 2 × n_jobs real numbers stand for: the first half, in [0, n_cores), are cores, rounded down (where some cannot
 * run the job, the others share the range evenly); the second half, in [0, 1), are priorities. Numbers outside are
 * mirrored into their range (genome_fold). */
void genome_decode(const struct tenancy_problem *problem, const double *numbers, struct tenancy_answer *answer);
double genome_fold(double number, double range); /* into [0, range), as if there were mirrors at its ends */

/* Numbers by ascending cost, the smaller number first among equal costs; n_cost numbers into `order`. */
void genome_rank(const tenancy_cost *cost, size_t n_cost, uint32_t *order);
void genome_rank_reals(const double *value, size_t n, uint32_t *order);

/* The stream of a baseline: `draw` numbers what is drawn (a sample, a generation), never the round, so that a search
 * in several rounds equals one in a single round. */
enum genome_baseline {
  BASELINE_RANDOM,
  BASELINE_LIST,
  BASELINE_GA,
  BASELINE_DE,
  BASELINE_ES,
  BASELINE_CMA,
  BASELINE_PSO,
  BASELINE_TBPSA_LIKE,
  BASELINE_A2C,
};
struct rng genome_stream(const struct tenancy_request *request, enum genome_baseline baseline, uint64_t draw);
double genome_normal(struct rng *rng); /* standard normal (Marsaglia's polar method), same bits on every processor */

/* For algorithms that leave one answer: the better one of what the last round left first (population[0]) and the best
 * of this round. */
void genome_keep_best(struct tenancy_request *request, const struct tenancy_meter *meter);

#endif

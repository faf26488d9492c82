/* What do the methods share that search among real numbers? Two numbers a job (genome_decode), a state of plain bytes
 * that travels from round to round, and samples that are numbered through the whole search. (tenancy §9.)
 *
 * Each sample has a random stream of its own, so that a method need not store what it has drawn: it draws it again.
 * Answers of other islands are not looked at. */
#ifndef SEARCH_TENANCY_CONTINUOUS_H
#define SEARCH_TENANCY_CONTINUOUS_H

#include "search/tenancy/genome.h"

struct continuous {
  struct tenancy_request *request;
  struct tenancy_meter *meter;
  size_t n; /* numbers: 2 × n_jobs */
  enum genome_baseline baseline;
  double *trial;                /* [n], room for a sample */
  struct tenancy_answer answer; /* what it decodes to */
};

static inline size_t continuous_size(const struct tenancy_problem *problem) { return 2 * problem->n_jobs; }
/* Copies the state to where it is left behind, and returns that. */
void *continuous_open(struct continuous *continuous, enum genome_baseline baseline, struct tenancy_request *request,
                      struct tenancy_meter *meter);
struct rng continuous_stream(const struct continuous *continuous, uint64_t sample);
/* Decodes and evaluates: one sample. */
tenancy_cost continuous_judge(struct continuous *continuous, const double *numbers);
/* The range [0, …) of a number: n_cores of a core, 1 of a priority. */
double continuous_range(const struct continuous *continuous, size_t i);
/* Uniform in the ranges. */
void continuous_draw(const struct continuous *continuous, struct rng *rng, double *numbers);

#endif

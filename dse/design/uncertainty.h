/* How far could a design's numbers be off if the model's constants are as badly known as they are?
 *
 * Every constant of arch/uncertainty.def has a range. A draw gives each a factor from a triangular distribution of the
 * factor's logarithm: constants are positive and err by ratios; the value in force is the best single guess, and the
 * ends are the rarest (log-uniform would call them as likely). Draws are quasi-random: constants in groups of eight,
 * a Sobol sequence each, shifted (Cranley & Patterson 1976) and in random order (Latin supercube sampling, Owen 1998),
 * both by the run's seed. One sequence of all would tie pairs of its later dimensions together at a few hundred draws,
 * and blame the wrong constant. The same seed gives the same bytes on any number of ranks. Each draw judges area and
 * TDP anew, prices every operator and schedules the iteration.
 *
 * Left out: constants that err together (they are drawn independently, although an area law that is right in sum may
 * have two terms wrong), and everything that the model leaves out. */
#ifndef DSE_UNCERTAINTY_H
#define DSE_UNCERTAINTY_H

#include "dse/run/run.h"
#include <jansson.h>

enum { UNCERTAINTY_MAX_DRAWS = 65536 };

enum uncertain_output {
  UNCERTAIN_AREA,
  UNCERTAIN_TDP,
  UNCERTAIN_ITERATION,
  UNCERTAIN_THROUGHPUT,
  UNCERTAIN_THROUGHPUT_PER_TDP,
  UNCERTAIN_ENERGY,
  N_UNCERTAIN_OUTPUTS
};

struct uncertainty_request {
  uint64_t n_draws, seed;
  double scale; /* multiplies the logarithm of every factor: 2 for ranges twice as wide, 0 for none */
};

struct uncertain_interval {
  double nominal, median, low, high; /* low, high: quantiles 5 and 95 % of the draws */
  /* Spearman's rank correlation with each constant, NaN for those of other nodes; NULL: nothing moves it, or there are
   * fewer than 8 draws. */
  const double *correlation;
  size_t by; /* the constant with the largest; SIZE_MAX: none */
};

struct uncertainty {
  struct uncertainty_request request;
  struct uncertain_interval of[N_UNCERTAIN_OUTPUTS];
};

size_t uncertainty_n_constants(void);
const char *uncertainty_constant_name(size_t constant);
/* Does a constant matter at this node? */
bool uncertainty_matters(size_t constant, uint64_t node_nm);
/* Between which factors on the value in force it is drawn. */
void uncertainty_range(size_t constant, double *low, double *high);
/* Factors of one draw, one a constant: u in [0, 1)^n to factors within the ranges. */
void uncertainty_factors(const double *u, double scale, double *factor);
/* The factors of all draws, [n_draws × constants] in the arena; the same on every rank. */
double *uncertainty_draws(const struct uncertainty_request *request, struct arena *arena);
/* A stage whose constants are one draw's, for designs of one node. It points into itself: do not copy. */
struct uncertain_stage {
  struct stage stage;
  struct technology technology;
  struct cost_settings cost;
  struct stage_derating derating;
};
void uncertain_stage_init(struct uncertain_stage *drawn, const struct stage *stage, uint64_t node_nm,
                          const double *factor);

/* Of a derived design whose nominal results are given. STATUS_INPUT if a draw cannot be evaluated. Collective. */
bool uncertainty_of(struct run *run, const struct accelerator *accelerator, const struct stage_cost_of_design *design,
                    const struct stage_result *result, const struct uncertainty_request *request,
                    struct uncertainty *uncertainty, struct error *error);
void uncertainty_say(const struct uncertainty *uncertainty, const struct invocation *invocation);
void uncertainty_json(const struct uncertainty *uncertainty, json_t *object);

#endif

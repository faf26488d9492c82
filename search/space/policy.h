/* How does a search learn to choose, axis after axis? A small recurrent network whose state sees what has been chosen
 * so far and gives the chances of every level of the next axis; trained by REINFORCE (Williams 1992) with Adam (Kingma
 * and Ba 2015, arXiv 1412.6980).
 *
 * State h_t = tanh(W·h_{t−1} + E[choice_{t−1}] + u_t), chances softmax(O_t·h_t + c_t): W is shared by all axes, the
 * rest belongs to an axis or a level. Axes of more than POLICY_MOST_LEVELS values are chosen in as many equal parts.
 * Plain arithmetic with GSL's CBLAS and base/num.h: the same on every processor. Left out: a long short-term memory,
 * which sixteen steps do not need. */
#ifndef SEARCH_SPACE_POLICY_H
#define SEARCH_SPACE_POLICY_H

#include "base/arena.h"
#include "base/rng.h"
#include <stdint.h>

enum { POLICY_MOST_STEPS = 16, POLICY_MOST_LEVELS = 64 };

struct policy_shape {
  size_t n_steps, n_hidden;
  size_t n_levels[POLICY_MOST_STEPS]; /* 1 … POLICY_MOST_LEVELS */
};
struct episode {
  uint8_t choice[POLICY_MOST_STEPS]; /* a level for each step */
};

struct policy;
/* In the arena; the weights are drawn, all choices are equally likely. */
struct policy *policy_new(const struct policy_shape *shape, struct rng *rng, struct arena *arena);
void policy_sample(struct policy *policy, struct rng *rng, struct episode *episode);

struct policy_goal {
  double discount; /* of the advantage, for each step before the last */
  double entropy;  /* weight of the chances' entropy */
};
/* Adds the gradient of advantage·Σ_t discount^(n − 1 − t)·log chance(choice_t) + entropy·Σ_t entropy_t to what
 * policy_learn will climb. */
void policy_reinforce(struct policy *policy, const struct episode *episode, double advantage,
                      const struct policy_goal *goal);
/* One step of Adam along the mean of n gradients, which are then forgotten. */
void policy_learn(struct policy *policy, double rate, size_t n);

/* For tests: the objective of policy_reinforce, the parameters, the gradient added up so far. */
double policy_objective(struct policy *policy, const struct episode *episode, double advantage,
                        const struct policy_goal *goal);
double *policy_parameters(struct policy *policy, size_t *n);
const double *policy_gradient(const struct policy *policy);

#endif

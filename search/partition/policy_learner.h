/* How does the policy learn from what it tried? PPO (Schulman et al., "Proximal Policy Optimization Algorithms",
 * 2017) on whole placements, Adam (Kingma and Ba, ICLR 2015), and labels where somebody knows a good answer.
 * (partition §8.)
 *
 * Rollouts are tasks that ranks share; what they bring back is the same on any number of ranks, and every rank then
 * makes the same update. */
#ifndef SEARCH_PARTITION_POLICY_LEARNER_H
#define SEARCH_PARTITION_POLICY_LEARNER_H

#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_solver.h"
#include "search/partition/policy_head.h"

enum { POLICY_MAX_ROLLOUTS = 1024, POLICY_MAX_PASSES = 8 };
enum policy_repair {
  POLICY_SAMPLE, /* group after group from what the solver leaves */
  POLICY_FIX     /* a chip for each at once, then repaired */
};

struct policy_practice {
  uint64_t seed, rollouts, epochs, minibatches, passes;
  uint64_t order;  /* enum partition_order */
  uint64_t repair; /* enum policy_repair */
  double clip, entropy;
  double explore;                    /* share of rollouts that are drawn with a twist */
  const struct partition_pool *pool; /* who draws; NULL: this rank alone */
  struct arena *scratch;
};

/* One graph to place. */
struct policy_case {
  struct policy_view view;
  struct partition_solver *solver;
  struct partition_work *work;
  double greedy_ms; /* what rewards are relative to */
  uint64_t number;  /* in streams of random numbers */
};
/* The solver goes on taking from `arena`, which must not be rewound while the case is in use. */
struct policy_case policy_case_of(const struct partition_graph *graph, uint64_t number, struct arena *arena,
                                  struct arena *scratch);

struct policy_learner {
  struct policy_net net;
  real *gradient, *first, *second; /* [n_weights] Adam's moments */
  uint64_t n_steps;
  double rate;
  struct policy_tape *tape;
  const real *outputs; /* of the last forward pass */
  double *p, *d_p;     /* [n × C] */
  real *d_outputs;     /* [n × outputs] */
  size_t room_n, room_p;
};
/* For graphs of up to n groups and n × C ≤ n_p. Weights all zero. */
void policy_learner_init(struct policy_learner *learner, const struct policy_net_shape *shape, size_t n, size_t n_p,
                         struct arena *arena);
/* Chances of every chip by today's weights, in the learner; `previous` as in policy_net_forward. */
const double *policy_learner_chances(struct policy_learner *learner, const struct policy_case *c,
                                     const uint32_t *previous);

/* Placements that were drawn together. */
struct policy_batch {
  size_t n, n_rollouts, n_passes, result_bytes;
  unsigned char *results; /* as ranks bring them */
};
struct policy_batch policy_batch_new(size_t n, const struct policy_practice *practice, struct arena *arena);
/* Draws n_rollouts placements; streams by (seed, case, update, rollout). */
void policy_draw(struct policy_learner *learner, const struct policy_case *c, const struct policy_practice *practice,
                 uint64_t update, struct policy_batch *batch);
/* The period of a rollout, INFINITY without a valid placement; and the placement, chip[n]. */
double policy_batch_get(const struct policy_batch *batch, size_t rollout, uint32_t *chip);
/* Epochs of PPO over a batch. */
void policy_practise(struct policy_learner *learner, const struct policy_case *c,
                     const struct policy_practice *practice, uint64_t update, const struct policy_batch *batch);
/* Adds the slope towards chip[n], given `previous` as in policy_net_forward; the loss. */
double policy_learn_label(struct policy_learner *learner, const struct policy_case *c, const uint32_t *chip,
                          const uint32_t *previous);
/* One step of Adam along the slope that was added up, which is then zero again. */
void policy_learner_step(struct policy_learner *learner);

#endif

/* What do a network's outputs say of every chip, and how should they change? (partition §8.)
 *
 * Ordinal head: a group stands at m in [0, 1] along the chain, give or take s; the chance of chip c is what a logistic
 * distribution leaves between (c − 1)/C and c/C. Softmax head: an output a chip. A trace of every chip is mixed in, so
 * that no logarithm meets a zero. In double precision: there are few of these numbers. */
#ifndef SEARCH_PARTITION_POLICY_HEAD_H
#define SEARCH_PARTITION_POLICY_HEAD_H

#include "search/partition/policy_net.h"

/* p[n × C]: rows sum to 1. */
void policy_head_forward(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                         double *p);
/* d_outputs [n × outputs] from the slope by p. */
/* The same as somebody sees it who tries something: limits between chips moved by up to half of `shift` chips each,
 * spreads `sharpness` times as wide. limits [C - 1] are what is drawn for it, in −1 … 1. A softmax head knows no
 * limits. */
struct policy_twist {
  double shift, sharpness;
  const double *limits;
};
void policy_head_twisted(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                         const struct policy_twist *twist, double *p);
void policy_head_backward(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                          const double *d_p, real *d_outputs);
/* Where along the chain, 0 to 1: m, or the mean chip of a softmax head. */
double policy_head_middle(const struct policy_net_shape *shape, uint32_t n_chips, const real *outputs, const double *p);

/* --- losses ---------------------------------------------------------------------------------------------------------
 */

/* One placement that was drawn: group v took chip[v] when low[v] … high[v] were left. */
struct policy_action {
  const uint16_t *chip, *low, *high; /* [n] */
  const double *old_log;             /* [n] logarithm of its chance among those left, when it was drawn */
  double advantage;
};
/* Logarithms of the chances of an action by p: what old_log keeps. */
void policy_action_log(size_t n, uint32_t n_chips, const double *p, const struct policy_action *action, double *log_p);

struct policy_goal {
  double clip, entropy;
};
/* PPO's clipped loss (Schulman et al., 2017), its ratio taken group by group, mean over groups and actions, less the
 * entropy of p. Sets d_p [n × C]. */
double policy_ppo_loss(size_t n, uint32_t n_chips, const double *p, const struct policy_action *actions,
                       size_t n_actions, const struct policy_goal *goal, double *d_p);
/* Mean over groups of −log p[chip]. Sets d_p. */
double policy_label_loss(size_t n, uint32_t n_chips, const double *p, const uint32_t *chip, double *d_p);

#endif

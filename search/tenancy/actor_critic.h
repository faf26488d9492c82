/* A small network that says what to do and what is to be expected: two hidden layers of 64 tanh units, softmax over the
 * actions, and the value of the state. (Advantage actor–critic, Mnih et al. 2016, arXiv 1602.01783; tenancy §9.)
 *
 * Parameters and the optimiser's mean squares are one array of numbers that travels from round to round. Plain
 * arithmetic and base/num.h: the same on every processor. Actor and critic share their hidden layers.
 */
#ifndef SEARCH_TENANCY_ACTOR_CRITIC_H
#define SEARCH_TENANCY_ACTOR_CRITIC_H

#include "base/arena.h"
#include "base/rng.h"
#include <stdbool.h>
#include <stddef.h>

enum { ACTOR_CRITIC_HIDDEN = 64 };

struct actor_critic {
  size_t n_inputs, n_actions, n; /* n parameters */
  double *parameter, *square;    /* [n] each, of the owner */
  double *gradient;              /* [n], zero after every step of learning */
  double *back, *logit;          /* scratch [HIDDEN], [n_actions] */
};
/* What a forward pass leaves for the backward pass. */
struct actor_critic_trace {
  double *input;                         /* [n_inputs], filled before */
  bool *allowed;                         /* [n_actions], filled before; at least one */
  double *chance, *log_chance;           /* [n_actions]; 0 where not allowed */
  double hidden[2][ACTOR_CRITIC_HIDDEN]; /* both layers */
  double value;
  size_t action; /* chosen */
};

size_t actor_critic_parameters(size_t n_inputs, size_t n_actions);
/* `numbers`: [2 × parameters], the state. */
void actor_critic_open(struct actor_critic *net, size_t n_inputs, size_t n_actions, double *numbers,
                       struct arena *arena);
/* Small weights, drawn; all actions equally likely, all values 0. */
void actor_critic_draw(struct actor_critic *net, struct rng *rng);
struct actor_critic_trace actor_critic_trace_new(const struct actor_critic *net, struct arena *arena);

void actor_critic_forward(const struct actor_critic *net, struct actor_critic_trace *trace);
/* Adds the gradient of advantage·log chance(action) + entropy·Σ −p log p − value_weight·(value − target)²/2, which
 * learning climbs; advantage and target are constants. */
struct actor_critic_goal {
  double advantage, target, entropy, value_weight;
};
double actor_critic_objective(const struct actor_critic_trace *trace, const struct actor_critic *net,
                              const struct actor_critic_goal *goal);
void actor_critic_backward(struct actor_critic *net, const struct actor_critic_trace *trace,
                           const struct actor_critic_goal *goal);
/* One step of RMSProp along the mean of n_steps gradients, cut to the length `longest`. */
void actor_critic_learn(struct actor_critic *net, size_t n_steps, double rate, double longest);

#endif

/* See actor_critic.h. */
#include "search/tenancy/actor_critic.h"

#include "base/num.h"
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

enum { HIDDEN = ACTOR_CRITIC_HIDDEN };
static const double square_decay = 0.99, least_deviation = 1e-5; /* of RMSProp, as A2C is usually run */

/* Where the parameters lie: matrices by rows, each followed by its offsets. */
struct places {
  size_t first, first_offset;   /* [HIDDEN][n_inputs], [HIDDEN] */
  size_t second, second_offset; /* [HIDDEN][HIDDEN], [HIDDEN] */
  size_t actor, actor_offset;   /* [n_actions][HIDDEN], [n_actions] */
  size_t critic, critic_offset; /* [HIDDEN], 1 */
  size_t end;
};

static struct places places_of(size_t n_inputs, size_t n_actions) {
  struct places places = {0};
  places.first_offset = HIDDEN * n_inputs;
  places.second = places.first_offset + HIDDEN;
  places.second_offset = places.second + (size_t)HIDDEN * HIDDEN;
  places.actor = places.second_offset + HIDDEN;
  places.actor_offset = places.actor + n_actions * HIDDEN;
  places.critic = places.actor_offset + n_actions;
  places.critic_offset = places.critic + HIDDEN;
  places.end = places.critic_offset + 1;
  return places;
}

size_t actor_critic_parameters(size_t n_inputs, size_t n_actions) { return places_of(n_inputs, n_actions).end; }

void actor_critic_open(struct actor_critic *net, size_t n_inputs, size_t n_actions, double *numbers,
                       struct arena *arena) {
  const size_t n = actor_critic_parameters(n_inputs, n_actions);
  *net = (struct actor_critic){.n_inputs = n_inputs,
                               .n_actions = n_actions,
                               .n = n,
                               .parameter = numbers,
                               .square = numbers + n,
                               .gradient = ARENA_NEW(arena, double, n),
                               .back = ARENA_NEW(arena, double, HIDDEN),
                               .logit = ARENA_NEW(arena, double, n_actions)};
}

void actor_critic_draw(struct actor_critic *net, struct rng *rng) {
  const struct places places = places_of(net->n_inputs, net->n_actions);
  memset(net->parameter, 0, net->n * sizeof *net->parameter);
  memset(net->square, 0, net->n * sizeof *net->square);
  const double sizes[2] = {1 / sqrt((double)net->n_inputs), 1 / sqrt(HIDDEN)};
  for (size_t i = places.first; i < places.first_offset; i++) net->parameter[i] = sizes[0] * (2 * rng_unit(rng) - 1);
  for (size_t i = places.second; i < places.second_offset; i++) net->parameter[i] = sizes[1] * (2 * rng_unit(rng) - 1);
}

struct actor_critic_trace actor_critic_trace_new(const struct actor_critic *net, struct arena *arena) {
  return (struct actor_critic_trace){.input = ARENA_NEW(arena, double, net->n_inputs),
                                     .allowed = ARENA_NEW(arena, bool, net->n_actions),
                                     .chance = ARENA_NEW(arena, double, net->n_actions),
                                     .log_chance = ARENA_NEW(arena, double, net->n_actions)};
}

static double tanh_of(double x) {
  const double fall = num_exp(-2 * fabs(x)), value = (1 - fall) / (1 + fall);
  return x < 0 ? -value : value;
}

/* out := weights·in + offsets, the offsets lying behind the weights. */
static void layer(const double *weights, size_t n_out, size_t n_in, const double *in, double *out) {
  memcpy(out, weights + n_out * n_in, n_out * sizeof *out);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)n_out, (int)n_in, 1, weights, (int)n_in, in, 1, 1, out, 1);
}

void actor_critic_forward(const struct actor_critic *net, struct actor_critic_trace *trace) {
  const struct places places = places_of(net->n_inputs, net->n_actions);
  const double *parameter = net->parameter;
  layer(parameter + places.first, HIDDEN, net->n_inputs, trace->input, trace->hidden[0]);
  for (size_t i = 0; i < HIDDEN; i++) trace->hidden[0][i] = tanh_of(trace->hidden[0][i]);
  layer(parameter + places.second, HIDDEN, HIDDEN, trace->hidden[0], trace->hidden[1]);
  for (size_t i = 0; i < HIDDEN; i++) trace->hidden[1][i] = tanh_of(trace->hidden[1][i]);
  layer(parameter + places.actor, net->n_actions, HIDDEN, trace->hidden[1], trace->log_chance);
  layer(parameter + places.critic, 1, HIDDEN, trace->hidden[1], &trace->value);
  double largest = -HUGE_VAL, sum = 0;
  for (size_t a = 0; a < net->n_actions; a++) {
    if (trace->allowed[a]) largest = fmax(largest, trace->log_chance[a]);
  }
  for (size_t a = 0; a < net->n_actions; a++) {
    trace->chance[a] = trace->allowed[a] ? num_exp(trace->log_chance[a] - largest) : 0;
    sum += trace->chance[a];
  }
  const double log_sum = largest + num_log(sum);
  for (size_t a = 0; a < net->n_actions; a++) {
    trace->chance[a] /= sum;
    trace->log_chance[a] = trace->allowed[a] ? trace->log_chance[a] - log_sum : 0;
  }
}

static double entropy_of(const struct actor_critic *net, const struct actor_critic_trace *trace) {
  double entropy = 0;
  for (size_t a = 0; a < net->n_actions; a++) entropy -= trace->chance[a] * trace->log_chance[a];
  return entropy;
}

double actor_critic_objective(const struct actor_critic_trace *trace, const struct actor_critic *net,
                              const struct actor_critic_goal *goal) {
  const double miss = trace->value - goal->target;
  return goal->advantage * trace->log_chance[trace->action] + goal->entropy * entropy_of(net, trace) -
         goal->value_weight * miss * miss / 2;
}

/* `out`: gradient behind a layer. Adds that of its weights and offsets; `into` (unless NULL) += that of what went in.
 */
static void layer_back(const struct actor_critic *net, size_t place, size_t n_out, size_t n_in, const double *out,
                       const double *in, double *into) {
  cblas_dger(CblasRowMajor, (int)n_out, (int)n_in, 1, out, 1, in, 1, net->gradient + place, (int)n_in);
  cblas_daxpy((int)n_out, 1, out, 1, net->gradient + place + n_out * n_in, 1);
  if (into == NULL) return;
  cblas_dgemv(CblasRowMajor, CblasTrans, (int)n_out, (int)n_in, 1, net->parameter + place, (int)n_in, out, 1, 1, into,
              1);
}

void actor_critic_backward(struct actor_critic *net, const struct actor_critic_trace *trace,
                           const struct actor_critic_goal *goal) {
  const struct places places = places_of(net->n_inputs, net->n_actions);
  const double entropy = entropy_of(net, trace);
  const double critic = -goal->value_weight * (trace->value - goal->target);
  double first[HIDDEN] = {0};
  for (size_t a = 0; a < net->n_actions; a++) {
    const double chance = trace->chance[a];
    net->logit[a] = goal->advantage * ((a == trace->action ? 1 : 0) - chance) -
                    goal->entropy * chance * (trace->log_chance[a] + entropy);
  }
  memset(net->back, 0, HIDDEN * sizeof *net->back);
  layer_back(net, places.actor, net->n_actions, HIDDEN, net->logit, trace->hidden[1], net->back);
  layer_back(net, places.critic, 1, HIDDEN, &critic, trace->hidden[1], net->back);
  for (size_t i = 0; i < HIDDEN; i++) net->back[i] *= 1 - trace->hidden[1][i] * trace->hidden[1][i];
  layer_back(net, places.second, HIDDEN, HIDDEN, net->back, trace->hidden[0], first);
  for (size_t i = 0; i < HIDDEN; i++) first[i] *= 1 - trace->hidden[0][i] * trace->hidden[0][i];
  layer_back(net, places.first, HIDDEN, net->n_inputs, first, trace->input, NULL);
}

void actor_critic_learn(struct actor_critic *net, size_t n_steps, double rate, double longest) {
  double square = 0;
  for (size_t i = 0; i < net->n; i++) {
    net->gradient[i] /= (double)n_steps;
    square += net->gradient[i] * net->gradient[i];
  }
  const double length = sqrt(square), cut = length > longest ? longest / length : 1;
  for (size_t i = 0; i < net->n; i++) {
    const double gradient = cut * net->gradient[i];
    net->square[i] = square_decay * net->square[i] + (1 - square_decay) * gradient * gradient;
    net->parameter[i] += rate * gradient / (sqrt(net->square[i]) + least_deviation);
    net->gradient[i] = 0;
  }
}

/* See actor_critic.h. */
#include "search/tenancy/actor_critic.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

enum { HIDDEN = ACTOR_CRITIC_HIDDEN };
static const double square_decay = 0.99, least_deviation = 1e-5; /* of RMSProp, as A2C is usually run */

/* Where the parameters lie: rows of HIDDEN weights, each matrix followed by its offsets. */
struct places {
  size_t first, first_offset;   /* [n_inputs][HIDDEN], [HIDDEN] */
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

/* Loops of a fixed length, which compilers turn into vector instructions where CBLAS is called for each row; sums of
 * products in four parts, whose order is fixed. */
static void add_row(double *restrict sum, double weight, const double *restrict row) {
  for (size_t i = 0; i < HIDDEN; i++) sum[i] += weight * row[i];
}
static double dot_row(const double *restrict a, const double *restrict b) {
  double part[4] = {0};
  for (size_t i = 0; i < HIDDEN; i += 4) {
    for (size_t k = 0; k < 4; k++) part[k] += a[i + k] * b[i + k];
  }
  return (part[0] + part[1]) + (part[2] + part[3]);
}

/* out[HIDDEN] := tanh(Σ in[i]·row i + offsets, which lie behind the rows). */
static void hidden_layer(const double *rows, size_t n_in, const double *in, double *out) {
  memcpy(out, rows + n_in * HIDDEN, HIDDEN * sizeof *out);
  for (size_t i = 0; i < n_in; i++) add_row(out, in[i], rows + i * HIDDEN);
  for (size_t i = 0; i < HIDDEN; i++) out[i] = tanh_of(out[i]);
}

/* out[o] := row o · in[HIDDEN] + offset o. */
static void output_layer(const double *rows, size_t n_out, const double *in, double *out) {
  for (size_t o = 0; o < n_out; o++) out[o] = rows[n_out * HIDDEN + o] + dot_row(rows + o * HIDDEN, in);
}

void actor_critic_forward(const struct actor_critic *net, struct actor_critic_trace *trace) {
  const struct places places = places_of(net->n_inputs, net->n_actions);
  const double *parameter = net->parameter;
  hidden_layer(parameter + places.first, net->n_inputs, trace->input, trace->hidden[0]);
  hidden_layer(parameter + places.second, HIDDEN, trace->hidden[0], trace->hidden[1]);
  output_layer(parameter + places.actor, net->n_actions, trace->hidden[1], trace->log_chance);
  output_layer(parameter + places.critic, 1, trace->hidden[1], &trace->value);
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

/* `out`: gradient behind a layer; becomes that of what tanh is taken of. Adds that of the weights and offsets, and
 * (unless NULL) to that of what went in. */
static void hidden_back(const struct actor_critic *net, size_t place, size_t n_in, const double *in,
                        const double *tanhs, double *out, double *into) {
  for (size_t i = 0; i < HIDDEN; i++) out[i] *= 1 - tanhs[i] * tanhs[i];
  for (size_t i = 0; i < n_in; i++) {
    add_row(net->gradient + place + i * HIDDEN, in[i], out);
    if (into != NULL) into[i] += dot_row(net->parameter + place + i * HIDDEN, out);
  }
  add_row(net->gradient + place + n_in * HIDDEN, 1, out);
}

static void output_back(const struct actor_critic *net, size_t place, size_t n_out, const double *out, const double *in,
                        double *into) {
  for (size_t o = 0; o < n_out; o++) {
    add_row(net->gradient + place + o * HIDDEN, out[o], in);
    add_row(into, out[o], net->parameter + place + o * HIDDEN);
    net->gradient[place + n_out * HIDDEN + o] += out[o];
  }
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
  output_back(net, places.actor, net->n_actions, net->logit, trace->hidden[1], net->back);
  output_back(net, places.critic, 1, &critic, trace->hidden[1], net->back);
  hidden_back(net, places.second, HIDDEN, trace->hidden[0], trace->hidden[1], net->back, first);
  hidden_back(net, places.first, net->n_inputs, trace->input, trace->hidden[0], first, NULL);
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

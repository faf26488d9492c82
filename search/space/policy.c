/* See policy.h. */
#include "search/space/policy.h"

#include "base/error.h"
#include "base/num.h"
#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

/* Adam's constants, those of its paper. */
static const double mean_decay = 0.9, square_decay = 0.999, least_deviation = 1e-8;

/* Where the parameters of a step lie. */
struct step {
  size_t bias;      /* u: [n_hidden] */
  size_t embedding; /* E: [n_levels][n_hidden] */
  size_t output;    /* O: [n_levels][n_hidden] */
  size_t offset;    /* c: [n_levels] */
};

struct trace {    /* of one episode */
  double *hidden; /* [n_steps][n_hidden] */
  double chance[POLICY_MOST_STEPS][POLICY_MOST_LEVELS];
  double log_chance[POLICY_MOST_STEPS][POLICY_MOST_LEVELS];
};

struct policy {
  struct policy_shape shape;
  struct step steps[POLICY_MOST_STEPS];
  size_t n; /* parameters; W comes first */
  double *parameter, *gradient, *mean, *square;
  double mean_power, square_power; /* decays to the number of steps taken */
  double *back, *before;           /* [n_hidden]: gradients of the state, of what tanh is taken of */
  struct trace trace;
};

struct policy *policy_new(const struct policy_shape *shape, struct rng *rng, struct arena *arena) {
  struct policy *policy = ARENA_NEW(arena, struct policy, 1);
  const size_t n_hidden = shape->n_hidden;
  *policy = (struct policy){.shape = *shape, .n = n_hidden * n_hidden, .mean_power = 1, .square_power = 1};
  REQUIRE(shape->n_steps <= POLICY_MOST_STEPS && n_hidden > 0);
  for (size_t t = 0; t < shape->n_steps; t++) {
    const size_t n_levels = shape->n_levels[t];
    REQUIRE(n_levels > 0 && n_levels <= POLICY_MOST_LEVELS);
    struct step *step = &policy->steps[t];
    step->bias = policy->n;
    step->embedding = step->bias + n_hidden;
    step->output = step->embedding + n_levels * n_hidden;
    step->offset = step->output + n_levels * n_hidden;
    policy->n = step->offset + n_levels;
  }
  double **vectors[] = {&policy->parameter, &policy->gradient, &policy->mean, &policy->square};
  for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) *vectors[v] = ARENA_NEW(arena, double, policy->n);
  policy->back = ARENA_NEW(arena, double, n_hidden);
  policy->before = ARENA_NEW(arena, double, n_hidden);
  policy->trace.hidden = ARENA_NEW(arena, double, shape->n_steps *n_hidden);
  /* Small and uniform; outputs start at 0, so that nothing is preferred. */
  const double size = 1 / sqrt((double)n_hidden);
  for (size_t i = 0; i < policy->n; i++) policy->parameter[i] = size * (2 * rng_unit(rng) - 1);
  for (size_t t = 0; t < shape->n_steps; t++) {
    const struct step *step = &policy->steps[t];
    const size_t n_levels = shape->n_levels[t];
    memset(policy->parameter + step->output, 0, (n_levels * n_hidden + n_levels) * sizeof *policy->parameter);
  }
  return policy;
}

static double tanh_of(double x) {
  const double fall = num_exp(-2 * fabs(x)), value = (1 - fall) / (1 + fall);
  return x < 0 ? -value : value;
}

/* State and chances of step t, `choice` being what the step before chose. */
static void forward(struct policy *policy, size_t t, const struct episode *episode) {
  const int n_hidden = (int)policy->shape.n_hidden, n_levels = (int)policy->shape.n_levels[t];
  const struct step *step = &policy->steps[t];
  const double *parameter = policy->parameter;
  double *hidden = policy->trace.hidden + t * policy->shape.n_hidden;
  double *chance = policy->trace.chance[t], *log_chance = policy->trace.log_chance[t];
  memcpy(hidden, parameter + step->bias, policy->shape.n_hidden * sizeof *hidden);
  if (t > 0) {
    const double *chosen = parameter + policy->steps[t - 1].embedding + episode->choice[t - 1] * policy->shape.n_hidden;
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n_hidden, n_hidden, 1, parameter, n_hidden, hidden - n_hidden, 1, 1,
                hidden, 1);
    cblas_daxpy(n_hidden, 1, chosen, 1, hidden, 1);
  }
  for (int i = 0; i < n_hidden; i++) hidden[i] = tanh_of(hidden[i]);
  memcpy(log_chance, parameter + step->offset, (size_t)n_levels * sizeof *log_chance);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, n_levels, n_hidden, 1, parameter + step->output, n_hidden, hidden, 1, 1,
              log_chance, 1);
  double largest = log_chance[0], sum = 0;
  for (int l = 1; l < n_levels; l++) largest = fmax(largest, log_chance[l]);
  for (int l = 0; l < n_levels; l++) sum += num_exp(log_chance[l] - largest);
  const double log_sum = largest + num_log(sum);
  for (int l = 0; l < n_levels; l++) {
    log_chance[l] -= log_sum;
    chance[l] = num_exp(log_chance[l]);
  }
}

void policy_sample(struct policy *policy, struct rng *rng, struct episode *episode) {
  memset(episode, 0, sizeof *episode);
  for (size_t t = 0; t < policy->shape.n_steps; t++) {
    forward(policy, t, episode);
    double left = rng_unit(rng);
    size_t level = 0;
    while (level + 1 < policy->shape.n_levels[t] && left >= policy->trace.chance[t][level]) {
      left -= policy->trace.chance[t][level++];
    }
    episode->choice[t] = (uint8_t)level;
  }
}

static double entropy_of(const struct policy *policy, size_t t) {
  double entropy = 0;
  for (size_t l = 0; l < policy->shape.n_levels[t]; l++) {
    entropy -= policy->trace.chance[t][l] * policy->trace.log_chance[t][l];
  }
  return entropy;
}

/* Share of the advantage that step t gets. */
static double credit(const struct policy *policy, const struct policy_goal *goal, size_t t) {
  double share = 1;
  for (size_t later = t + 1; later < policy->shape.n_steps; later++) share *= goal->discount;
  return share;
}

double policy_objective(struct policy *policy, const struct episode *episode, double advantage,
                        const struct policy_goal *goal) {
  double sum = 0;
  for (size_t t = 0; t < policy->shape.n_steps; t++) {
    forward(policy, t, episode);
    sum += advantage * credit(policy, goal, t) * policy->trace.log_chance[t][episode->choice[t]];
    sum += goal->entropy * entropy_of(policy, t);
  }
  return sum;
}

/* Through the output of step t into the state: policy->back += ∂/∂h_t. */
static void back_through_output(struct policy *policy, const struct episode *episode, size_t t, double weight,
                                double entropy_weight) {
  const int n_hidden = (int)policy->shape.n_hidden, n_levels = (int)policy->shape.n_levels[t];
  const struct step *step = &policy->steps[t];
  const double *hidden = policy->trace.hidden + t * policy->shape.n_hidden;
  const double entropy = entropy_of(policy, t);
  double logit[POLICY_MOST_LEVELS];
  for (int l = 0; l < n_levels; l++) {
    const double chance = policy->trace.chance[t][l];
    logit[l] = weight * ((l == episode->choice[t] ? 1 : 0) - chance) -
               entropy_weight * chance * (policy->trace.log_chance[t][l] + entropy);
  }
  cblas_daxpy(n_levels, 1, logit, 1, policy->gradient + step->offset, 1);
  cblas_dger(CblasRowMajor, n_levels, n_hidden, 1, logit, 1, hidden, 1, policy->gradient + step->output, n_hidden);
  cblas_dgemv(CblasRowMajor, CblasTrans, n_levels, n_hidden, 1, policy->parameter + step->output, n_hidden, logit, 1, 1,
              policy->back, 1);
}

void policy_reinforce(struct policy *policy, const struct episode *episode, double advantage,
                      const struct policy_goal *goal) {
  const int n_hidden = (int)policy->shape.n_hidden;
  for (size_t t = 0; t < policy->shape.n_steps; t++) forward(policy, t, episode);
  memset(policy->back, 0, policy->shape.n_hidden * sizeof *policy->back);
  for (size_t t = policy->shape.n_steps; t-- > 0;) {
    const double *hidden = policy->trace.hidden + t * policy->shape.n_hidden;
    back_through_output(policy, episode, t, advantage * credit(policy, goal, t), goal->entropy);
    for (int i = 0; i < n_hidden; i++) policy->before[i] = policy->back[i] * (1 - hidden[i] * hidden[i]);
    cblas_daxpy(n_hidden, 1, policy->before, 1, policy->gradient + policy->steps[t].bias, 1);
    if (t == 0) break;
    const size_t chosen = policy->steps[t - 1].embedding + episode->choice[t - 1] * policy->shape.n_hidden;
    cblas_daxpy(n_hidden, 1, policy->before, 1, policy->gradient + chosen, 1);
    cblas_dger(CblasRowMajor, n_hidden, n_hidden, 1, policy->before, 1, hidden - n_hidden, 1, policy->gradient,
               n_hidden);
    cblas_dgemv(CblasRowMajor, CblasTrans, n_hidden, n_hidden, 1, policy->parameter, n_hidden, policy->before, 1, 0,
                policy->back, 1);
  }
}

void policy_learn(struct policy *policy, double rate, size_t n) {
  policy->mean_power *= mean_decay;
  policy->square_power *= square_decay;
  for (size_t i = 0; i < policy->n; i++) {
    const double gradient = policy->gradient[i] / (double)(n > 0 ? n : 1);
    policy->mean[i] = mean_decay * policy->mean[i] + (1 - mean_decay) * gradient;
    policy->square[i] = square_decay * policy->square[i] + (1 - square_decay) * gradient * gradient;
    const double mean = policy->mean[i] / (1 - policy->mean_power);
    const double deviation = sqrt(policy->square[i] / (1 - policy->square_power));
    policy->parameter[i] += rate * mean / (deviation + least_deviation);
    policy->gradient[i] = 0;
  }
}

double *policy_parameters(struct policy *policy, size_t *n) {
  *n = policy->n;
  return policy->parameter;
}
const double *policy_gradient(const struct policy *policy) { return policy->gradient; }

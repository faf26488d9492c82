/* See policy_head.h. */
#include "search/partition/policy_head.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

/* Of log s. The spread may be as small as a thousandth of the chain: at 36 chips, a thirtieth of a chip. */
static const double log_s_low = -7, log_s_high = 1;
/* Of every chip's chance, an even share of this. */
static const double even_share = 1e-6;

/* The logistic function and one less it, both to full precision. */
struct logistic {
  double below, above;
};
static struct logistic logistic(double x) {
  const double tail = num_exp(-fabs(x)), small = tail / (1 + tail), large = 1 / (1 + tail);
  return x < 0 ? (struct logistic){small, large} : (struct logistic){large, small};
}
static double between(double x, struct logistic a, struct logistic b) {
  return x > 0 ? a.above - b.above : b.below - a.below;
}

/* --- ordinal --------------------------------------------------------------------------------------------------------
 */

struct ordinal {
  double m, m_slope, s, log_s_slope; /* slopes by the outputs */
};
static struct ordinal ordinal_of(const real *outputs) {
  const struct logistic m = logistic((double)outputs[0]), s = logistic((double)outputs[1]);
  return (struct ordinal){.m = m.below,
                          .m_slope = m.below * m.above,
                          .s = num_exp(log_s_low + (log_s_high - log_s_low) * s.below),
                          .log_s_slope = (log_s_high - log_s_low) * s.below * s.above};
}

/* Where chip c ends, along the chain; in order, however it is twisted. */
static double limit_of(uint32_t n_chips, uint32_t c, const struct policy_twist *twist) {
  const double moved = twist != NULL && c < n_chips ? twist->shift * twist->limits[c - 1] / 2 : 0;
  return (c + moved) / n_chips;
}

static void ordinal_forward(uint32_t n_chips, const real *outputs, const struct policy_twist *twist, double *p) {
  struct ordinal o = ordinal_of(outputs);
  if (twist != NULL) o.s *= twist->sharpness;
  double x = -o.m / o.s, sum = 0;
  struct logistic last = logistic(x);
  for (uint32_t c = 1; c <= n_chips; c++) {
    const double next_x = (limit_of(n_chips, c, twist) - o.m) / o.s;
    const struct logistic next = logistic(next_x);
    p[c - 1] = between(x, last, next);
    sum += p[c - 1];
    x = next_x;
    last = next;
  }
  for (uint32_t c = 0; c < n_chips; c++) p[c] = (1 - even_share) * p[c] / sum + even_share / n_chips;
}

static void ordinal_backward(uint32_t n_chips, const real *outputs, const double *d_p, real *d_outputs) {
  const struct ordinal o = ordinal_of(outputs);
  double x = -o.m / o.s, sum = 0, along = 0;
  struct logistic last = logistic(x);
  for (uint32_t c = 1; c <= n_chips; c++) {
    const double next_x = ((double)c / n_chips - o.m) / o.s;
    const struct logistic next = logistic(next_x);
    const double mass = between(x, last, next);
    sum += mass;
    along += mass * d_p[c - 1];
    x = next_x;
    last = next;
  }
  along /= sum;
  double d_m = 0, d_log_s = 0;
  for (uint32_t c = 0; c <= n_chips; c++) {
    const double at = ((double)c / n_chips - o.m) / o.s;
    const struct logistic f = logistic(at);
    const double left = c > 0 ? d_p[c - 1] - along : 0, right = c < n_chips ? d_p[c] - along : 0;
    const double d_x = f.below * f.above * (left - right) * (1 - even_share) / sum;
    d_m -= d_x / o.s;
    d_log_s -= d_x * at;
  }
  d_outputs[0] = (real)(d_m * o.m_slope);
  d_outputs[1] = (real)(d_log_s * o.log_s_slope);
}

/* --- softmax --------------------------------------------------------------------------------------------------------
 */

static double softmax_sum(uint32_t n_chips, const real *outputs, double *most) {
  double sum = 0;
  *most = (double)outputs[0];
  for (uint32_t c = 1; c < n_chips; c++) *most = fmax(*most, (double)outputs[c]);
  for (uint32_t c = 0; c < n_chips; c++) sum += num_exp((double)outputs[c] - *most);
  return sum;
}

static void softmax_forward(uint32_t n_chips, const real *outputs, double sharpness, double *p) {
  double most, sum = 0;
  softmax_sum(n_chips, outputs, &most);
  for (uint32_t c = 0; c < n_chips; c++) {
    p[c] = num_exp(((double)outputs[c] - most) / sharpness);
    sum += p[c];
  }
  for (uint32_t c = 0; c < n_chips; c++) p[c] = (1 - even_share) * p[c] / sum + even_share / n_chips;
}

static void softmax_backward(uint32_t n_chips, const real *outputs, const double *d_p, real *d_outputs) {
  double most, along = 0;
  const double sum = softmax_sum(n_chips, outputs, &most);
  for (uint32_t c = 0; c < n_chips; c++) along += d_p[c] * num_exp((double)outputs[c] - most) / sum;
  for (uint32_t c = 0; c < n_chips; c++) {
    const double share = num_exp((double)outputs[c] - most) / sum;
    d_outputs[c] = (real)((1 - even_share) * share * (d_p[c] - along));
  }
}

/* --- both -----------------------------------------------------------------------------------------------------------
 */

void policy_head_twisted(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                         const struct policy_twist *twist, double *p) {
  for (size_t v = 0; v < n; v++) {
    const real *const row = outputs + v * shape->outputs;
    if (shape->head == POLICY_ORDINAL) {
      ordinal_forward(n_chips, row, twist, p + v * n_chips);
    } else {
      softmax_forward(n_chips, row, twist != NULL ? twist->sharpness : 1, p + v * n_chips);
    }
  }
}

void policy_head_forward(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                         double *p) {
  policy_head_twisted(shape, n, n_chips, outputs, NULL, p);
}

void policy_head_backward(const struct policy_net_shape *shape, size_t n, uint32_t n_chips, const real *outputs,
                          const double *d_p, real *d_outputs) {
  memset(d_outputs, 0, n * shape->outputs * sizeof(real));
  for (size_t v = 0; v < n; v++) {
    const real *const row = outputs + v * shape->outputs;
    if (shape->head == POLICY_ORDINAL) {
      ordinal_backward(n_chips, row, d_p + v * n_chips, d_outputs + v * shape->outputs);
    } else {
      softmax_backward(n_chips, row, d_p + v * n_chips, d_outputs + v * shape->outputs);
    }
  }
}

double policy_head_middle(const struct policy_net_shape *shape, uint32_t n_chips, const real *outputs,
                          const double *p) {
  if (shape->head == POLICY_ORDINAL) return ordinal_of(outputs).m;
  double middle = 0;
  for (uint32_t c = 0; c < n_chips; c++) middle += p[c] * (c + 0.5) / n_chips;
  return middle;
}

/* --- losses ---------------------------------------------------------------------------------------------------------
 */

static double mass_of(const double *p, uint32_t low, uint32_t high) {
  double mass = 0;
  for (uint32_t c = low; c <= high; c++) mass += p[c - 1];
  return mass;
}

void policy_action_log(size_t n, uint32_t n_chips, const double *p, const struct policy_action *action, double *log_p) {
  for (size_t v = 0; v < n; v++) {
    const double *const row = p + v * n_chips;
    const bool free = action->low[v] < action->high[v];
    log_p[v] = free ? num_log(row[action->chip[v] - 1] / mass_of(row, action->low[v], action->high[v])) : 0;
  }
}

/* Of one group in one action; adds its slope by p, times `share`. */
static double ppo_term(const double *p, const struct policy_action *action, size_t v, double clip, double share,
                       double *d_p) {
  const uint32_t chip = action->chip[v], low = action->low[v], high = action->high[v];
  const double advantage = action->advantage;
  if (low >= high) return -advantage * share; /* no choice: a ratio of one, whatever the weights */
  const double mass = mass_of(p, low, high), chance = p[chip - 1];
  const double ratio = num_exp(num_log(chance / mass) - action->old_log[v]);
  const double clipped = ratio < 1 - clip ? 1 - clip : ratio > 1 + clip ? 1 + clip : ratio;
  if (clipped * advantage < ratio * advantage) return -clipped * advantage * share;
  const double by_log = -ratio * advantage * share;
  d_p[chip - 1] += by_log / chance;
  for (uint32_t c = low; c <= high; c++) d_p[c - 1] -= by_log / mass;
  return by_log;
}

double policy_ppo_loss(size_t n, uint32_t n_chips, const double *p, const struct policy_action *actions,
                       size_t n_actions, const struct policy_goal *goal, double *d_p) {
  const double share = 1 / ((double)n * (double)n_actions), entropy = goal->entropy / (double)n;
  double loss = 0;
  memset(d_p, 0, n * n_chips * sizeof *d_p);
  for (size_t v = 0; v < n; v++) {
    const double *const row = p + v * n_chips;
    double *const d_row = d_p + v * n_chips;
    for (size_t a = 0; a < n_actions; a++) loss += ppo_term(row, &actions[a], v, goal->clip, share, d_row);
    for (uint32_t c = 0; goal->entropy > 0 && c < n_chips; c++) {
      const double log_p = num_log(row[c]);
      loss += entropy * row[c] * log_p;
      d_row[c] += entropy * (log_p + 1);
    }
  }
  return loss;
}

double policy_label_loss(size_t n, uint32_t n_chips, const double *p, const uint32_t *chip, double *d_p) {
  double loss = 0;
  memset(d_p, 0, n * n_chips * sizeof *d_p);
  for (size_t v = 0; v < n; v++) {
    const double chance = p[v * n_chips + chip[v] - 1];
    loss -= num_log(chance) / (double)n;
    d_p[v * n_chips + chip[v] - 1] = -1 / (chance * (double)n);
  }
  return loss;
}

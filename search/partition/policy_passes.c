/* Forward and backward passes of policy_net.h. Written out by hand; the test compares every array's slopes with
 * differences in double precision. */
#include "search/partition/policy_net_private.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

static const double smallest_variance = 1e-5; /* added, so that rows of equal numbers do no harm */

/* --- relu, or softplus where slopes are tested ----------------------------------------------------------------------
 */

static real activate(real x) {
#ifdef POLICY_SMOOTH
  return x > 0 ? x + (real)num_log(1 + num_exp(-x)) : (real)num_log(1 + num_exp(x));
#else
  return x > 0 ? x : 0;
#endif
}

/* By what it gave. */
static real slope(real y) {
#ifdef POLICY_SMOOTH
  return (real)(1 - num_exp(-y));
#else
  return y > 0 ? 1 : 0;
#endif
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

struct policy_tape *policy_tape_new(const struct policy_net_shape *shape, size_t n, struct arena *arena) {
  struct policy_tape *const tape = ARENA_NEW(arena, struct policy_tape, 1);
  const size_t d = shape->width;
  tape->n = n;
  for (size_t l = 0; l < shape->layers; l++) {
    tape->input[l] = ARENA_NEW(arena, real, n * 3 * d);
    tape->active[l] = ARENA_NEW(arena, real, n * d);
    tape->mean[l] = ARENA_NEW(arena, real, n);
    tape->scale[l] = ARENA_NEW(arena, real, n);
  }
  tape->place = ARENA_NEW(arena, real, n * POLICY_PLACE_FEATURES);
  tape->top = ARENA_NEW(arena, real, n * d);
  tape->hidden = ARENA_NEW(arena, real, n * d);
  tape->outputs = ARENA_NEW(arena, real, n * shape->outputs);
  tape->d_hidden = ARENA_NEW(arena, real, n * d);
  tape->d_h = ARENA_NEW(arena, real, n * d);
  tape->d_z = ARENA_NEW(arena, real, n * d);
  tape->d_input = ARENA_NEW(arena, real, n * 3 * d);
  tape->turned = ARENA_NEW(arena, real, 3 * d * (d > shape->outputs ? d : shape->outputs));
  if (shape->attention) policy_attention_new(&tape->attention, n, d, arena);
  return tape;
}

/* --- forward --------------------------------------------------------------------------------------------------------
 */

/* sin(pi x) for |x| <= 1/2, by its series: libm's differs between processors. */
static double sine_pi(double x) {
  enum { LAST_TERM = 23 };
  const double y = 3.14159265358979323846 * x;
  double sum = 0;
  for (int k = LAST_TERM; k > 1; k -= 2) sum = (1 + sum) * -y * y / (k * (k - 1));
  return y * (1 + sum);
}

/* Chips of the pass before as numbers that tell near from far at several scales. */
static void place_features(const struct policy_view *view, const uint32_t *previous, real *place) {
  for (size_t v = 0; v < view->graph->n; v++) {
    real *const row = place + v * POLICY_PLACE_FEATURES;
    const double x = (double)previous[v] / view->n_chips;
    double sine = sine_pi(x < 0.5 ? x : 1 - x), cosine = sine_pi(0.5 - x);
    row[0] = (real)x;
    for (unsigned f = 0; f < 4; f++) {
      row[1 + 2 * f] = (real)sine;
      row[2 + 2 * f] = (real)cosine;
      const double twice = 2 * sine * cosine;
      cosine = cosine * cosine - sine * sine;
      sine = twice;
    }
  }
}

/* Behind h in each row of 3d: the means of its neighbours, zero without any. */
static void gather_means(const struct partition_graph *graph, size_t d, real *input) {
  for (size_t v = 0; v < graph->n; v++) {
    real *const row = input + v * 3 * d;
    memset(row + d, 0, 2 * d * sizeof(real));
    const uint32_t n_in = graph->in_start[v + 1] - graph->in_start[v];
    const uint32_t n_out = graph->out_start[v + 1] - graph->out_start[v];
    for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
      policy_row_add(row + d, input + graph->in[i] * 3 * d, 1 / (real)n_in, d);
    }
    for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
      policy_row_add(row + 2 * d, input + graph->out[i] * 3 * d, 1 / (real)n_out, d);
    }
  }
}

/* next row v = h + LN(active), rows of next apart by next_row. */
static void normalise(const struct policy_tape *tape, size_t l, size_t d, real *next, size_t next_row) {
  for (size_t v = 0; v < tape->n; v++) {
    real *const active = tape->active[l] + v * d;
    for (size_t j = 0; j < d; j++) active[j] = activate(active[j]);
    const real mean = policy_row_sum(active, d) / (real)d;
    real *const to = next + v * next_row;
    for (size_t j = 0; j < d; j++) to[j] = active[j] - mean;
    const real variance = policy_row_dot(to, to, d) / (real)d;
    const real scale = (real)(1 / sqrt((double)variance + smallest_variance));
    const real *const h = tape->input[l] + v * 3 * d;
    for (size_t j = 0; j < d; j++) to[j] = h[j] + to[j] * scale;
    tape->mean[l][v] = mean;
    tape->scale[l][v] = scale;
  }
}

/* The dense layers as both passes see them: `to` is what forward fills and where backward finds its slope. */
static struct policy_dense layer_of(const struct policy_tape *tape, size_t l, size_t d, real *to) {
  return (struct policy_dense){.array = 2 + 2 * l,
                               .n = tape->n,
                               .from = tape->input[l],
                               .from_row = 3 * d,
                               .to = to,
                               .to_row = d,
                               .biased = true};
}

static struct policy_dense dense_of(size_t array, size_t n, const real *from, size_t from_row, real *to,
                                    size_t to_row) {
  return (struct policy_dense){
      .array = array, .n = n, .from = from, .from_row = from_row, .to = to, .to_row = to_row, .biased = true};
}

const real *policy_net_forward(const struct policy_net *net, const struct policy_view *view, const uint32_t *previous,
                               struct policy_tape *tape) {
  const struct policy_layout layout = policy_net_layout(&net->shape);
  const struct partition_graph *const graph = view->graph;
  const size_t d = net->shape.width, n_layers = net->shape.layers, n = graph->n;
  tape->n = n;
  tape->placed = previous != NULL && net->shape.refines;
  struct policy_dense dense = dense_of(layout.input, n, view->features, POLICY_FEATURES, tape->input[0], 3 * d);
  policy_dense_forward(net, &dense);
  if (tape->placed) {
    place_features(view, previous, tape->place);
    dense = dense_of(layout.place, n, tape->place, POLICY_PLACE_FEATURES, tape->input[0], 3 * d);
    dense.add = true;
    policy_dense_forward(net, &dense);
  }
  for (size_t l = 0; l < n_layers; l++) {
    gather_means(graph, d, tape->input[l]);
    dense = layer_of(tape, l, d, tape->active[l]);
    policy_dense_forward(net, &dense);
    const bool last = l + 1 == n_layers;
    normalise(tape, l, d, last ? tape->top : tape->input[l + 1], last ? d : 3 * d);
  }
  if (net->shape.attention) policy_attention_forward(net, graph, &tape->attention, tape->top);
  dense = dense_of(layout.dense, n, tape->top, d, tape->hidden, d);
  policy_dense_forward(net, &dense);
  for (size_t i = 0; i < n * d; i++) tape->hidden[i] = activate(tape->hidden[i]);
  dense = dense_of(layout.head, n, tape->hidden, d, tape->outputs, net->shape.outputs);
  policy_dense_forward(net, &dense);
  return tape->outputs;
}

/* --- backward -------------------------------------------------------------------------------------------------------
 */

/* d_z: slope before relu and LN, given d_h behind them. */
static void undo_normalise(struct policy_tape *tape, size_t l, size_t d) {
  for (size_t v = 0; v < tape->n; v++) {
    const real *const active = tape->active[l] + v * d, *const above = tape->d_h + v * d;
    real *const z = tape->d_z + v * d;
    const real mean = tape->mean[l][v], scale = tape->scale[l][v];
    for (size_t j = 0; j < d; j++) z[j] = (active[j] - mean) * scale; /* the normalised row, scaled below */
    const real above_mean = policy_row_sum(above, d) / (real)d, along = policy_row_dot(above, z, d) / (real)d;
    for (size_t j = 0; j < d; j++) z[j] = scale * (above[j] - above_mean - z[j] * along) * slope(active[j]);
  }
}

/* d_h below a layer: what passed it by, what went through it, and what went through its neighbours' means. */
static void undo_means(const struct partition_graph *graph, size_t d, struct policy_tape *tape) {
  for (size_t v = 0; v < graph->n; v++) {
    real *const row = tape->d_h + v * d;
    policy_row_add(row, tape->d_input + v * 3 * d, 1, d);
    for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
      const uint32_t w = graph->out[i], n_in = graph->in_start[w + 1] - graph->in_start[w];
      policy_row_add(row, tape->d_input + w * 3 * d + d, 1 / (real)n_in, d);
    }
    for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
      const uint32_t w = graph->in[i], n_out = graph->out_start[w + 1] - graph->out_start[w];
      policy_row_add(row, tape->d_input + w * 3 * d + 2 * d, 1 / (real)n_out, d);
    }
  }
}

void policy_net_backward(const struct policy_net *net, const struct policy_view *view, const real *d_outputs,
                         struct policy_tape *tape, real *gradient) {
  const struct policy_layout layout = policy_net_layout(&net->shape);
  const size_t d = net->shape.width, n = tape->n, n_outputs = net->shape.outputs;
  /* `to` is only read by a backward pass; the slopes are copied to where the tape may hand them on. */
  memcpy(tape->outputs, d_outputs, n * n_outputs * sizeof(real));
  struct policy_dense dense = dense_of(layout.head, n, tape->hidden, d, tape->outputs, n_outputs);
  policy_dense_backward(net, &dense, tape->d_hidden, tape->turned, gradient);
  for (size_t i = 0; i < n * d; i++) tape->d_hidden[i] *= slope(tape->hidden[i]);
  dense = dense_of(layout.dense, n, tape->top, d, tape->d_hidden, d);
  policy_dense_backward(net, &dense, tape->d_h, tape->turned, gradient);
  if (net->shape.attention) policy_attention_backward(net, view->graph, &tape->attention, tape->d_h, gradient);
  for (size_t l = net->shape.layers; l-- > 0;) {
    undo_normalise(tape, l, d);
    dense = layer_of(tape, l, d, tape->d_z);
    policy_dense_backward(net, &dense, tape->d_input, tape->turned, gradient);
    undo_means(view->graph, d, tape);
  }
  dense = dense_of(layout.input, n, view->features, POLICY_FEATURES, tape->d_h, d);
  policy_dense_backward(net, &dense, NULL, tape->turned, gradient);
  if (!tape->placed) return;
  dense = dense_of(layout.place, n, tape->place, POLICY_PLACE_FEATURES, tape->d_h, d);
  policy_dense_backward(net, &dense, NULL, tape->turned, gradient);
}

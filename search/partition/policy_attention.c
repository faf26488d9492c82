/* What should a group know of those that stand near it in the topological order? One head of attention over segments
 * of 64 groups, each with the segment before as context (Dai et al., "Transformer-XL", ACL 2019), so that the cost
 * stays linear in groups. A setting: the network does without it by default. */
#include "search/partition/policy_net_private.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

enum { CONTEXT = 2 * POLICY_SEGMENT };

void policy_attention_new(struct policy_attention *attention, size_t n, size_t width, struct arena *arena) {
  real **const rows[] = {&attention->from,  &attention->query,   &attention->key,     &attention->value,
                         &attention->mixed, &attention->out,     &attention->d_from,  &attention->d_query,
                         &attention->d_key, &attention->d_value, &attention->d_mixed, &attention->d_out};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) *rows[i] = ARENA_NEW(arena, real, n * width);
  attention->share = ARENA_NEW(arena, real, n * CONTEXT);
  attention->d_share = ARENA_NEW(arena, real, POLICY_SEGMENT * CONTEXT);
  attention->turned = ARENA_NEW(arena, real, width * (width > CONTEXT ? width : CONTEXT));
}

/* Rows first … end − 1 of the order look at rows before … end − 1. */
struct segment {
  size_t before, first, end;
};
static struct segment segment_at(size_t first, size_t n) {
  return (struct segment){.before = first > POLICY_SEGMENT ? first - POLICY_SEGMENT : 0,
                          .first = first,
                          .end = n - first < POLICY_SEGMENT ? n : first + POLICY_SEGMENT};
}

/* Products of blocks of rows, all of width d but for shares, which are CONTEXT apart. */
static void multiply(const struct policy_net *net, struct policy_product product) {
  policy_net_multiply(net, &product);
}

static void dense(const struct policy_net *net, size_t array, size_t n, const real *from, real *to) {
  const size_t d = net->shape.width;
  const struct policy_dense layer = {.array = array, .n = n, .from = from, .from_row = d, .to = to, .to_row = d};
  policy_dense_forward(net, &layer);
}

static void softmax(real *row, size_t n, real scale) {
  real most = row[0];
  for (size_t j = 1; j < n; j++) most = row[j] > most ? row[j] : most;
  real sum = 0;
  for (size_t j = 0; j < n; j++) {
    row[j] = (real)num_exp((double)((row[j] - most) * scale));
    sum += row[j];
  }
  for (size_t j = 0; j < n; j++) row[j] /= sum;
}

void policy_attention_forward(const struct policy_net *net, const struct partition_graph *graph,
                              struct policy_attention *a, real *h) {
  const size_t d = net->shape.width, n = graph->n, array = policy_net_layout(&net->shape).attention;
  const real scale = (real)(1 / sqrt((double)d));
  for (size_t i = 0; i < n; i++) memcpy(a->from + i * d, h + graph->topological[i] * d, d * sizeof(real));
  dense(net, array, n, a->from, a->query);
  dense(net, array + 1, n, a->from, a->key);
  dense(net, array + 2, n, a->from, a->value);
  for (size_t first = 0; first < n; first += POLICY_SEGMENT) {
    const struct segment s = segment_at(first, n);
    const size_t n_rows = s.end - s.first, n_seen = s.end - s.before;
    real *const share = a->share + s.first * CONTEXT;
    policy_transpose(a->key + s.before * d, n_seen, d, a->turned);
    multiply(net, (struct policy_product){n_rows, n_seen, d, a->query + s.first * d, d, 1, a->turned, n_seen, share,
                                          CONTEXT, false});
    for (size_t i = 0; i < n_rows; i++) softmax(share + i * CONTEXT, n_seen, scale);
    multiply(net, (struct policy_product){n_rows, d, n_seen, share, CONTEXT, 1, a->value + s.before * d, d,
                                          a->mixed + s.first * d, d, false});
  }
  dense(net, array + 3, n, a->mixed, a->out);
  for (size_t i = 0; i < n; i++) policy_row_add(h + graph->topological[i] * d, a->out + i * d, 1, d);
}

/* d_share becomes the slope by the scores that softmax took. */
static void undo_softmax(const real *share, real *d_share, size_t n, real scale) {
  const real along = policy_row_dot(share, d_share, n);
  for (size_t j = 0; j < n; j++) d_share[j] = share[j] * (d_share[j] - along) * scale;
}

static void undo_segment(const struct policy_net *net, struct segment s, struct policy_attention *a) {
  const size_t d = net->shape.width, n_rows = s.end - s.first, n_seen = s.end - s.before;
  const real scale = (real)(1 / sqrt((double)d));
  const real *const share = a->share + s.first * CONTEXT, *const d_mixed = a->d_mixed + s.first * d;
  policy_transpose(a->value + s.before * d, n_seen, d, a->turned);
  multiply(net,
           (struct policy_product){n_rows, n_seen, d, d_mixed, d, 1, a->turned, n_seen, a->d_share, CONTEXT, false});
  multiply(net, (struct policy_product){n_seen, d, n_rows, share, 1, CONTEXT, d_mixed, d, a->d_value + s.before * d, d,
                                        true});
  for (size_t i = 0; i < n_rows; i++) undo_softmax(share + i * CONTEXT, a->d_share + i * CONTEXT, n_seen, scale);
  multiply(net, (struct policy_product){n_rows, d, n_seen, a->d_share, CONTEXT, 1, a->key + s.before * d, d,
                                        a->d_query + s.first * d, d, false});
  multiply(net, (struct policy_product){n_seen, d, n_rows, a->d_share, 1, CONTEXT, a->query + s.first * d, d,
                                        a->d_key + s.before * d, d, true});
}

void policy_attention_backward(const struct policy_net *net, const struct partition_graph *graph,
                               struct policy_attention *a, real *d_h, real *gradient) {
  const size_t d = net->shape.width, n = graph->n, array = policy_net_layout(&net->shape).attention;
  for (size_t i = 0; i < n; i++) memcpy(a->d_out + i * d, d_h + graph->topological[i] * d, d * sizeof(real));
  memset(a->d_key, 0, n * d * sizeof(real));
  memset(a->d_value, 0, n * d * sizeof(real));
  memset(a->d_from, 0, n * d * sizeof(real));
  struct policy_dense layer = {
      .array = array + 3, .n = n, .from = a->mixed, .from_row = d, .to = a->d_out, .to_row = d};
  policy_dense_backward(net, &layer, a->d_mixed, a->turned, gradient);
  for (size_t first = 0; first < n; first += POLICY_SEGMENT) undo_segment(net, segment_at(first, n), a);
  real *const slopes[] = {a->d_query, a->d_key, a->d_value};
  for (size_t i = 0; i < 3; i++) {
    layer = (struct policy_dense){
        .array = array + i, .n = n, .from = a->from, .from_row = d, .to = slopes[i], .to_row = d, .add = true};
    policy_dense_backward(net, &layer, a->d_from, a->turned, gradient);
  }
  for (size_t i = 0; i < n; i++) policy_row_add(d_h + graph->topological[i] * d, a->d_from + i * d, 1, d);
}

/* What the files of policy_net share. */
#ifndef SEARCH_PARTITION_POLICY_NET_PRIVATE_H
#define SEARCH_PARTITION_POLICY_NET_PRIVATE_H

#include "search/partition/policy_matrix.h"
#include "search/partition/policy_net.h"

/* Numbers of arrays: those of layer l follow the first two, in pairs of weights and biases; then the rest that the
 * shape asks for. */
struct policy_layout {
  size_t input, layers, attention, place, dense, head; /* SIZE_MAX: not there */
};
struct policy_layout policy_net_layout(const struct policy_net_shape *shape);

struct policy_attention {                         /* rows in topological order */
  real *from, *query, *key, *value, *mixed, *out; /* [n × d] */
  real *share;                                    /* [n × 2 POLICY_SEGMENT] */
  real *d_from, *d_query, *d_key, *d_value, *d_mixed, *d_out;
  real *d_share; /* [POLICY_SEGMENT × 2 POLICY_SEGMENT] */
  real *turned;  /* a transposed block: [2 POLICY_SEGMENT × d] or [d × d] */
};

struct policy_tape {
  size_t n;
  real *input[POLICY_MAX_LAYERS];  /* [n × 3d] of a layer: h, its mean over predecessors, over successors */
  real *active[POLICY_MAX_LAYERS]; /* [n × d] what relu gave */
  real *mean[POLICY_MAX_LAYERS], *scale[POLICY_MAX_LAYERS]; /* [n] of active's rows; scale = 1/deviation */
  real *place;                                              /* [n × POLICY_PLACE_FEATURES] */
  bool placed;                                              /* by the last forward pass */
  real *top, *hidden, *outputs;                             /* [n × d], [n × d], [n × outputs] */
  real *d_hidden, *d_h, *d_z, *d_input;                     /* of the backward pass */
  real *turned;                                             /* [3d × d] transposed weights */
  struct policy_attention attention;
};

/* c (+)= a b by the net's means; shapes as in policy_product. */
void policy_net_multiply(const struct policy_net *net, const struct policy_product *product);
const real *policy_net_weights(const struct policy_net *net, size_t array);
/* to[n × columns] = from[n × rows] W + b, rows of `to` apart by to_row. */
struct policy_dense {
  size_t array, n; /* weights; biases are array + 1 */
  const real *from;
  size_t from_row;
  real *to;
  size_t to_row;
  bool add, biased;
};
void policy_dense_forward(const struct policy_net *net, const struct policy_dense *dense);
/* Given d_to [n × columns] in `to`: adds to the gradient and, where d_from is wanted, sets it [n × rows]. */
void policy_dense_backward(const struct policy_net *net, const struct policy_dense *dense, real *d_from, real *turned,
                           real *gradient);

void policy_attention_new(struct policy_attention *attention, size_t n, size_t width, struct arena *arena);
/* Adds to rows of h [n × d]. */
void policy_attention_forward(const struct policy_net *net, const struct partition_graph *graph,
                              struct policy_attention *attention, real *h);
/* d_h: slope by the sum on entry, by what came in on return. */
void policy_attention_backward(const struct policy_net *net, const struct partition_graph *graph,
                               struct policy_attention *attention, real *d_h, real *gradient);

#endif

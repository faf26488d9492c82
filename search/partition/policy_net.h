/* Where does a graph network place every group, all at once? (partition §8.)
 *
 *   dense 16→d; L layers h' = h + LN(relu(W_s h + W_i mean_in h + W_o mean_out h + b)); perhaps attention along the
 *   topological order; dense d→d, relu; head
 *
 * GraphSAGE (Hamilton, Ying and Leskovec, NIPS 2017) with the two directions apart; layer normalisation without weights
 * of its own. Sizes and details are ours: those of the paper (MLSys 2022) are not public. Forward keeps what backward
 * needs; neither allocates. All sums have a fixed order: the same weights, the same bytes out. */
#ifndef SEARCH_PARTITION_POLICY_NET_H
#define SEARCH_PARTITION_POLICY_NET_H

#include "base/arena.h"
#include "base/rng.h"
#include "search/partition/partition.h"
#include "search/partition/policy_real.h"

enum {
  POLICY_FEATURES = 16,
  POLICY_PLACE_FEATURES = 9, /* of an earlier placement: its chip over C, and 8 sinusoids of that */
  POLICY_SEGMENT = 64,       /* groups that attention takes at once */
  POLICY_MAX_LAYERS = 32,
  POLICY_MAX_WIDTH = 1024,
  POLICY_MAX_ARRAYS = 2 * POLICY_MAX_LAYERS + 12,
  POLICY_WIDTH_STEP = 8 /* width is a multiple of it */
};

enum policy_head {
  POLICY_ORDINAL, /* two outputs: where along the chain, and how sure; for any number of chips */
  POLICY_SOFTMAX  /* an output a chip */
};

struct policy_net_shape {
  uint32_t width, layers; /* d, L */
  enum policy_head head;
  uint32_t outputs; /* ordinal: 2; softmax: the most chips */
  bool attention, refines;
};
/* Sizes within the limits above? */
bool policy_net_shape_fits(const struct policy_net_shape *shape);

/* A matrix of weights, or a row of biases. */
struct policy_array {
  const char *name;
  size_t rows, columns, first; /* weights[first] … */
};
struct policy_net {
  struct policy_net_shape shape;
  struct policy_array arrays[POLICY_MAX_ARRAYS];
  size_t n_arrays, n_weights;
  real *weights;
  bool gsl; /* products by GSL's CBLAS */
};
size_t policy_net_n_weights(const struct policy_net_shape *shape);
/* Weights all zero. */
void policy_net_init(struct policy_net *net, const struct policy_net_shape *shape, struct arena *arena);
/* Uniform by fan-in (He et al., ICCV 2015); the head near zero, so that all begins near an even spread. */
void policy_net_shake(struct policy_net *net, uint64_t seed, uint64_t round);

/* A graph as the network sees it. */
struct policy_view {
  const struct partition_graph *graph;
  uint32_t n_chips;
  const real *features; /* [n × POLICY_FEATURES] */
};

/* What one forward pass leaves for its backward pass; for graphs of up to n groups. */
struct policy_tape;
struct policy_tape *policy_tape_new(const struct policy_net_shape *shape, size_t n, struct arena *arena);
/* Outputs [n × outputs], in the tape. `previous` [n]: chips of the pass before, NULL: this is the first. */
const real *policy_net_forward(const struct policy_net *net, const struct policy_view *view, const uint32_t *previous,
                               struct policy_tape *tape);
/* Adds the slope of a loss to gradient[n_weights], given its slope by the outputs of the last forward pass. */
void policy_net_backward(const struct policy_net *net, const struct policy_view *view, const real *d_outputs,
                         struct policy_tape *tape, real *gradient);

#endif

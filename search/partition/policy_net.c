/* See policy_net.h: sizes, first weights, dense layers. Passes are in policy_passes.c, attention in policy_attention.c.
 */
#include "search/partition/partition_algorithm.h"
#include "search/partition/policy_net_private.h"

#include <math.h>
#include <string.h>

/* Of the head: small, so that a new network begins at an even spread. */
static const double head_scale = 0.1;

bool policy_net_shape_fits(const struct policy_net_shape *shape) {
  const bool width = shape->width > 0 && shape->width <= POLICY_MAX_WIDTH && shape->width % POLICY_WIDTH_STEP == 0;
  const bool outputs = shape->head == POLICY_ORDINAL ? shape->outputs == 2
                                                     : shape->head == POLICY_SOFTMAX && shape->outputs > 0 &&
                                                           shape->outputs <= PARTITION_MAX_CHIPS;
  return width && outputs && shape->layers > 0 && shape->layers <= POLICY_MAX_LAYERS;
}

struct policy_layout policy_net_layout(const struct policy_net_shape *shape) {
  struct policy_layout layout = {.input = 0, .layers = 2, .attention = SIZE_MAX, .place = SIZE_MAX};
  size_t next = layout.layers + 2 * (size_t)shape->layers;
  if (shape->attention) {
    layout.attention = next;
    next += 4;
  }
  if (shape->refines) {
    layout.place = next;
    next += 2;
  }
  layout.dense = next;
  layout.head = next + 2;
  return layout;
}

static void add_array(struct policy_net *net, const char *name, size_t rows, size_t columns) {
  net->arrays[net->n_arrays++] = (struct policy_array){name, rows, columns, net->n_weights};
  net->n_weights += rows * columns;
}

static void add_dense(struct policy_net *net, const char *weights, const char *biases, size_t rows, size_t columns) {
  add_array(net, weights, rows, columns);
  add_array(net, biases, 1, columns);
}

static void lay_out(struct policy_net *net, const struct policy_net_shape *shape) {
  static const char *const attention[] = {"query", "key", "value", "mix"};
  const size_t d = shape->width;
  REQUIRE(policy_net_shape_fits(shape));
  *net = (struct policy_net){.shape = *shape};
  add_dense(net, "input", "input bias", POLICY_FEATURES, d);
  for (size_t l = 0; l < shape->layers; l++) add_dense(net, "layer", "layer bias", 3 * d, d);
  for (size_t a = 0; shape->attention && a < 4; a++) add_array(net, attention[a], d, d);
  if (shape->refines) add_dense(net, "place", "place bias", POLICY_PLACE_FEATURES, d);
  add_dense(net, "dense", "dense bias", d, d);
  add_dense(net, "head", "head bias", d, shape->outputs);
}

size_t policy_net_n_weights(const struct policy_net_shape *shape) {
  struct policy_net net;
  lay_out(&net, shape);
  return net.n_weights;
}

void policy_net_init(struct policy_net *net, const struct policy_net_shape *shape, struct arena *arena) {
  lay_out(net, shape);
  net->weights = ARENA_NEW(arena, real, net->n_weights);
}

void policy_net_shake(struct policy_net *net, uint64_t seed, uint64_t round) {
  const size_t head = policy_net_layout(&net->shape).head;
  memset(net->weights, 0, net->n_weights * sizeof(real));
  for (size_t a = 0; a < net->n_arrays; a++) {
    const struct policy_array *const array = &net->arrays[a];
    struct rng rng = rng_stream(seed, RNG_PARTITION, round, (uint64_t)PARTITION_STREAM_WEIGHTS << 32 | a);
    const double most = sqrt(3.0 / (double)array->rows) * (a == head ? head_scale : 1);
    for (size_t i = 0; array->rows > 1 && i < array->rows * array->columns; i++) {
      net->weights[array->first + i] = (real)(most * (2 * rng_unit(&rng) - 1));
    }
  }
}

void policy_net_multiply(const struct policy_net *net, const struct policy_product *product) {
  if (net->gsl) {
    policy_multiply_gsl(product);
  } else {
    policy_multiply(product);
  }
}

const real *policy_net_weights(const struct policy_net *net, size_t array) {
  return net->weights + net->arrays[array].first;
}

void policy_dense_forward(const struct policy_net *net, const struct policy_dense *dense) {
  const struct policy_array *const array = &net->arrays[dense->array];
  if (dense->biased) {
    const real *const bias = policy_net_weights(net, dense->array + 1);
    for (size_t v = 0; v < dense->n; v++) {
      real *const row = dense->to + v * dense->to_row;
      if (dense->add) {
        policy_row_add(row, bias, 1, array->columns);
      } else {
        memcpy(row, bias, array->columns * sizeof(real));
      }
    }
  }
  const struct policy_product product = {.rows = dense->n,
                                         .columns = array->columns,
                                         .terms = array->rows,
                                         .a = dense->from,
                                         .a_row = dense->from_row,
                                         .a_column = 1,
                                         .b = policy_net_weights(net, dense->array),
                                         .b_row = array->columns,
                                         .c = dense->to,
                                         .c_row = dense->to_row,
                                         .add = dense->add || dense->biased};
  policy_net_multiply(net, &product);
}

void policy_dense_backward(const struct policy_net *net, const struct policy_dense *dense, real *d_from, real *turned,
                           real *gradient) {
  const struct policy_array *const array = &net->arrays[dense->array];
  const struct policy_product weights = {.rows = array->rows,
                                         .columns = array->columns,
                                         .terms = dense->n,
                                         .a = dense->from,
                                         .a_row = 1,
                                         .a_column = dense->from_row,
                                         .b = dense->to,
                                         .b_row = dense->to_row,
                                         .c = gradient + array->first,
                                         .c_row = array->columns,
                                         .add = true};
  policy_net_multiply(net, &weights);
  if (dense->biased) {
    real *const bias = gradient + net->arrays[dense->array + 1].first;
    for (size_t v = 0; v < dense->n; v++) policy_row_add(bias, dense->to + v * dense->to_row, 1, array->columns);
  }
  if (d_from == NULL) return;
  policy_transpose(policy_net_weights(net, dense->array), array->rows, array->columns, turned);
  const struct policy_product from = {.rows = dense->n,
                                      .columns = array->rows,
                                      .terms = array->columns,
                                      .a = dense->to,
                                      .a_row = dense->to_row,
                                      .a_column = 1,
                                      .b = turned,
                                      .b_row = array->rows,
                                      .c = d_from,
                                      .c_row = array->rows,
                                      .add = dense->add};
  policy_net_multiply(net, &from);
}

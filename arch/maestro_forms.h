/* How many cycles does a layer take on an array with a fixed dataflow, as MAESTRO counts?
 *
 * Closed forms of what the public model (MAESTRO e1d8efd) says of the four dataflows that the public tables of jobs
 * were made with (maestro-project/magma f25ef66): the cycles without any stall, and the bytes that its second-level
 * buffer holds (tenancy §5). One byte an element. Layers are what those tables know: no stride, no padding, whatever
 * the real layer has; its inputs are as large as the real ones. Ours: several images of one layer run one after
 * another. Left out: MAESTRO's energies, its counts of work, capacities, and every other shape of an array. */
#ifndef ARCH_MAESTRO_FORMS_H
#define ARCH_MAESTRO_FORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the column `layer_type` of those tables, and what d0 … d5 mean. */
enum maestro_layer_type {
  MAESTRO_FC,        /* outputs, inputs */
  MAESTRO_CONV,      /* K, C, Y, X, R, S */
  MAESTRO_DEPTHWISE, /* 1, C, Y, X, R, S */
  MAESTRO_GEMM,      /* M, N, K of C[M,N] = A[M,K]·B[K,N] */
  N_MAESTRO_LAYER_TYPES
};
enum { MAESTRO_DIMS = 6 };

/* Output channels, input channels, height and width of the input, filter. */
struct maestro_layer {
  uint64_t k, c, y, x, r, s;
  uint64_t images; /* one after another; 1 in the public tables */
  bool depthwise;  /* k is 1, and counts for nothing */
};
/* False unless every bound is 1 to 2^31 − 1 and the filter fits. */
bool maestro_layer_init(struct maestro_layer *layer, enum maestro_layer_type type, const uint64_t dims[MAESTRO_DIMS],
                        uint64_t images);
/* Saturating. */
uint64_t maestro_macs(const struct maestro_layer *layer);
uint64_t maestro_traffic_bytes(const struct maestro_layer *layer); /* weights, inputs and outputs once */

enum maestro_style {
  MAESTRO_DLA, /* weights stay: output channels over clusters, input channels inside (NVDLA) */
  MAESTRO_SHI, /* outputs stay: rows over clusters, columns inside (ShiDianNao) */
  MAESTRO_EYE, /* rows of filters stay: pairs of rows and filter rows along diagonals inside (Eyeriss) */
  N_MAESTRO_STYLES
};
extern const char *const maestro_style_names[N_MAESTRO_STYLES + 1]; /* NULL behind them */

struct maestro_array {
  enum maestro_style style;
  uint64_t n_pes, cluster_pes; /* 1 ≤ cluster_pes ≤ n_pes */
  bool flexible;               /* clusters as large as suits the layer; cluster_pes one of the candidates */
};
enum { MAESTRO_CLUSTER_PES = 64 };

/* What an array needs of the memory while a layer runs. */
enum maestro_bandwidth {
  MAESTRO_TILE,    /* one tile of each operand over the whole run: the released column, below any physical need */
  MAESTRO_TRAFFIC, /* every operand once */
};
extern const char *const maestro_bandwidth_names[]; /* NULL behind them */

struct maestro_cost {
  uint64_t latency_cycles; /* ≥ 2 */
  uint64_t l2_bytes;       /* two copies of a tile */
  double bytes_per_cycle;
  uint64_t cluster_pes; /* of the array, as it was taken */
};
/* A depthwise layer runs the depthwise dataflow on every array. Flexible `dla` arrays try each divisor of the input
 * channels (below n_pes) as cluster, `shi` arrays 2 … the output's width, both MAESTRO's 64: the least latency, then
 * the least bandwidth, then the smallest cluster whose tiles fit in 2 MiB; if none does, cluster_pes. False if the
 * cycles do not fit 64 bits. */
bool maestro_cost(const struct maestro_array *array, const struct maestro_layer *layer,
                  enum maestro_bandwidth bandwidth, struct maestro_cost *cost);

#endif

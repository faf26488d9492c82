/* How long does the tiled convolution engine of Zhang et al. take for one convolution?
 *
 * An array of tile_m × tile_n multiply-accumulators over tiles of tile_r × tile_c outputs (FPGA 2015, "Optimizing
 * FPGA-based accelerator design for deep convolutional neural networks"; as the public H2H program prices its boards,
 * placement §3.1). Every tile loads its weights and inputs, computes, and stores its outputs, one after another: no
 * ping-pong buffers. Left out: the halo of an input tile, strides, partial tiles. */
#ifndef ARCH_ZHANG_ENGINE_H
#define ARCH_ZHANG_ENGINE_H

#include <stdint.h>

struct zhang_engine {
  double gops, port_bytes_per_s; /* 10^9 operations a second, two a multiply-accumulate; of the board's DRAM */
  uint64_t tile_m, tile_n, tile_r, tile_c; /* output and input channels, output rows and columns */
};
struct zhang_layer {
  uint64_t out_channels, in_channels, out_rows, out_cols, kernel;
};
double zhang_engine_s(const struct zhang_engine *engine, const struct zhang_layer *layer, uint64_t element_bytes);
/* Elements of the input as the public program counts them, whatever the stride: N · 2R · 2C. */
uint64_t zhang_compat_input_elements(const struct zhang_layer *layer);

#endif

/* How few bytes cross into a memory of a given size while a matrix product is computed? (cost-model §2, "Traffic at a
 * level", "Search")
 *
 * C[M,N] = A[M,K]·B[K,N] in tiles T_M × T_N × T_K and one of three innermost loops. The tiles to choose from are fixed
 * lists that depend on the product alone, never on the memory, and the least over *all* their triples that fit is
 * found, so a larger memory never needs more bytes. Tiles are no multiples of the array's edge: with two copies of each
 * in the memory a fold of the array may straddle their border. Private to arch/. */
#ifndef ARCH_TILING_H
#define ARCH_TILING_H

#include <stdbool.h>
#include <stdint.h>

/* One way to cut a dimension. What A occupies is the product of its `a_tile` over M and K; a whole pass over A, halos
 * counted as often as they are fetched, the product of `a_pass`. */
struct tile {
  uint64_t size, trips, a_tile, a_pass;
};

/* Extents multiply to less than 2⁵⁹ (see tiling_least): three lists of 16, and 11.5 an octave. */
enum { TILES_MAX = 768 };

/* Largest first: sizes and a_tile fall, trips and a_pass never fall along the list; the first is the whole. */
struct tile_axis {
  uint32_t n;
  struct tile tile[TILES_MAX];
};

struct tile_problem {
  struct tile_axis m, n, k;
  uint64_t element_bytes, accumulator_bytes, buffering;
};

struct tiling {
  uint64_t bytes;
  char order[4]; /* outermost first */
  uint64_t tile_m, tile_n, tile_k;
};

/* How outputs of a convolution depend on inputs along one axis. */
struct tile_window {
  uint64_t out, in, filter, stride, dilation;
  bool fractional; /* backward-data: the stride lies on the other side */
};

/* Input positions that `out` adjacent outputs need; those a stride leaves out are not counted. */
uint64_t tile_window_extent(const struct tile_window *window, uint64_t out);

/* `units` indivisible steps of `unit_size` elements each. */
void tile_axis_plain(struct tile_axis *axis, uint64_t units, uint64_t unit_size);
/* Images × rows × columns of output pixels: whole images, then rows of one image, then columns of one row. */
void tile_axis_pixels(struct tile_axis *axis, uint64_t images, const struct tile_window *rows,
                      const struct tile_window *cols);

/* The least traffic with `capacity_bytes`. Among equal bytes: all at once, then K innermost, then N, then M; larger
 * T_K, then larger T_M. If not even the smallest tiles fit, nothing is reused (all tiles 1). The caller guarantees
 * that 8 · M · N · K · (element + accumulator bytes) fits 63 bits. */
void tiling_least(const struct tile_problem *problem, uint64_t capacity_bytes, struct tiling *tiling);

#endif

/* See waves.h. Source: NVIDIA, "Matrix Multiplication Background User's Guide": each multiprocessor computes one tile
 * of the output at a time, so that the tiles run in waves (wave quantisation), tiles are computed whole where they
 * stick out (tile quantisation), large tiles need fewer operand bytes a multiply-accumulate, and operands whose rows
 * are no multiple of 16 bytes miss the fast paths. Library heuristics are taken to find the quickest tile.
 *
 * Choices of ours: a tile smaller than 128 × 128 slows down as its operands' bytes a multiply-accumulate rise; K is cut
 * only where tiles are fewer than multiprocessors, and its parts are added up through the buffer; rows that are no
 * multiple of 16 bytes halve the rate; those of no multiple of 4 bytes, the least that an asynchronous copy moves (PTX
 * ISA, cp.async), leave the product to lanes and their 32-bit sums; software pads channels and weights. Left out:
 * products smaller than the smallest tile, grouped and strided-gradient convolutions, which all have kernels of their
 * own; the order of tiles; fused attention. */
#include "arch/waves.h"
#include "base/checked.h"
#include <math.h>

static const struct tile_shape {
  uint64_t m, n;
} shapes[] = {{128, 256}, {256, 128}, {128, 128}, {64, 256}, {256, 64}, {64, 128}, {128, 64}, {64, 64}};
enum { FULL_SPEED = 64 }; /* m·n/(m + n) of 128 × 128 */
enum { FAST_BYTES = 16, COPY_BYTES = 4, SLOW = 2, LEAST_K = 256, LEAST_TILE = 64 };

static bool are_multiples(uint64_t a, uint64_t b, uint64_t element_bytes, uint64_t of_bytes) {
  return sat_mul(a, element_bytes) % of_bytes == 0 && sat_mul(b, element_bytes) % of_bytes == 0;
}

/* How much slower than aligned ones. Rows of operands and outputs count, as they lie in memory: gradients of weights
 * read the first operand by columns. */
static double misalignment(const struct machine *machine, const struct op *op, const struct product *product) {
  const uint64_t inner = op->phase == PHASE_BACKWARD_WEIGHT ? product->m : product->k;
  if (product->is_conv || op->weighted || are_multiples(product->n, inner, product->element_bytes, FAST_BYTES))
    return 1;
  if (are_multiples(product->n, inner, product->element_bytes, COPY_BYTES) || machine->lanes == 0) return SLOW;
  const double arrays = (double)sat_mul(machine->rows, machine->cols) * (double)machine->n_tensor;
  return fmax(arrays / ((double)machine->lanes * (double)machine->n_vector), SLOW);
}

/* Multiply-accumulates of one tile, as slow as it is. */
static uint64_t tile_work(const struct tile_shape *shape, uint64_t k) {
  const uint64_t macs = sat_mul(shape->m * shape->n, k), reach = shape->m * shape->n / (shape->m + shape->n);
  return reach >= FULL_SPEED ? macs : sat_mul(macs, FULL_SPEED) / reach;
}

uint64_t waves_cycles(const struct machine *machine, const struct op *op, const struct product *product,
                      uint64_t n_cores) {
  const uint64_t all = machine->settings->wave_cores;
  if (all == 0 || machine->n_tensor == 0 || product->n_parts > 1 || (product->is_conv && product->reps > 1)) return 0;
  if (product->m < LEAST_TILE && product->n < LEAST_TILE) return 0;
  const uint64_t cores = max_u64(sat_mul(all, n_cores) / machine->n_tensor, 1);
  const double macs_per_cycle =
      (double)sat_mul(machine->rows, machine->cols) * (double)n_cores / (double)cores; /* of one */
  uint64_t least = UINT64_MAX;
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const uint64_t tiles =
        sat_mul(product->reps, sat_mul(ceil_div(product->m, shapes[s].m), ceil_div(product->n, shapes[s].n)));
    for (uint64_t cuts = 1; cuts == 1 || (tiles * cuts / 2 < cores && product->k / cuts >= LEAST_K); cuts *= 2) {
      const uint64_t waves = ceil_div(sat_mul(tiles, cuts), cores);
      uint64_t cycles =
          cycles_for_bytes(sat_mul(waves, tile_work(&shapes[s], ceil_div(product->k, cuts))), macs_per_cycle);
      if (cuts > 1) {
        const uint64_t partial = sat_mul(sat_mul(product->reps, product->m), product->n);
        cycles = sat_add(cycles, cycles_for_bytes(sat_mul(partial, 2 * cuts * machine->settings->accumulator_bytes),
                                                  machine->glb_bytes_per_cycle));
      }
      least = min_u64(least, cycles);
    }
  }
  const double slower = misalignment(machine, op, product);
  return slower == 1 || least == UINT64_MAX ? least : cycles_for_bytes(least, 1 / slower);
}

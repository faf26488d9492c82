/* How long does an iteration take by the law of Phaze, the public successor of WHAM, and which depth and data degree
 * are the best by it? (accelerator-search §9, "Memory" and "Partition DP".)
 *
 *   iteration = (⌈M/d⌉ + p − 1) · load of the slowest stage + 4(d−1)/d · parameter bytes of the first stage / links
 *   a stage at place s from the pipeline's end holds (2 + 1 for Adam) · parameters + A + (s−1) · stash ≤ HBM
 *
 * with M microbatches of one pass, A all that its layers write, and as stash either that again or what the stage reads
 * from before it. For comparison only: our own law is dse/system/system.h. Transfers between stages cost nothing here.
 */
#ifndef DSE_PHAZE_LAW_H
#define DSE_PHAZE_LAW_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PHAZE_MAX_LAYERS = 512 };

struct phaze_layer {
  uint64_t load_cycles; /* both passes of one microbatch */
  uint64_t parameter_bytes, output_bytes, input_bytes;
};
enum phaze_stash { PHAZE_STASH_INPUTS, PHAZE_STASH_OUTPUTS, N_PHAZE_STASHES };
struct phaze_law {
  uint64_t devices, tensor; /* of which each stage takes `tensor` */
  uint64_t batch, samples;  /* of an iteration; of a microbatch */
  uint64_t state_copies;    /* of the parameters' bytes: 3 with Adam, 2 without */
  uint64_t hbm_bytes;       /* UINT64_MAX: no limit */
  enum phaze_stash stash;
  double link_bytes_per_s, clock_hz;
};
struct phaze_placement {
  uint64_t depth, data, microbatches; /* depth 0: nothing fits */
  uint64_t max_load_cycles;
  double sync_s, iteration_s;
  uint64_t memory_bytes;  /* of the fullest stage */
  const uint32_t *starts; /* [depth] first layer of each stage */
};

/* With the partition of least bottleneck that fits, for each depth 1 … n_depths (place 0 is depth 1), and the data
 * degree of the shortest iteration: the least of equal ones. Returns n_depths = min(n_layers, devices/tensor). Among
 * equal bottlenecks earlier stages are shorter. */
size_t phaze_depths(const struct phaze_layer *layers, size_t n_layers, const struct phaze_law *law, struct arena *arena,
                    struct arena *scratch, struct phaze_placement **placements);
/* As even a number of layers on each of `depth` stages as there can be, the first ones more. */
const uint32_t *phaze_even_starts(size_t n_layers, size_t depth, struct arena *arena);
/* A given partition and data degree (0: the best), whether it fits or not. */
void phaze_price(const struct phaze_layer *layers, size_t n_layers, const struct phaze_law *law, const uint32_t *starts,
                 uint64_t depth, uint64_t data, struct phaze_placement *placement);
/* The depth of the shortest iteration, the least of equal ones; NULL: nothing fits. */
const struct phaze_placement *phaze_best(const struct phaze_placement *placements, size_t n);
/* Seconds that every stage would have to pay for each microbatch beyond the law, placements as they are, for `depth` to
 * be the best of those that fit; 0: it is; negative: no such cost makes it so, or it does not fit. */
double phaze_missing_s(const struct phaze_placement *placements, size_t n, uint64_t depth);

#endif

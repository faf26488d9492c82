/* The partition is found as they do it, by dynamic programming from the pipeline's end (accelerator-search §9):
 * f[s][i] = min over j of max(load(i … j), f[s−1][j]), where the stage in front must fit at place s. search/stages
 * solves the same for stashes that add up over layers, and judges this in the tests; what a stage reads does not add
 * up. Source and formulas: phaze_law.h. Left out: downsets of graphs that are no chains, several tensor widths at once.
 */
#include "dse/calibrate/phaze_law.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>

struct sums { /* [n_layers + 1], of the layers before */
  uint64_t *load_cycles, *parameter_bytes, *output_bytes;
};

static struct sums sum_up(const struct phaze_layer *layers, size_t n, struct arena *arena) {
  const struct sums sums = {ARENA_NEW(arena, uint64_t, n + 1), ARENA_NEW(arena, uint64_t, n + 1),
                            ARENA_NEW(arena, uint64_t, n + 1)};
  for (size_t i = 0; i < n; i++) {
    sums.load_cycles[i + 1] = sat_add(sums.load_cycles[i], layers[i].load_cycles);
    sums.parameter_bytes[i + 1] = sat_add(sums.parameter_bytes[i], layers[i].parameter_bytes);
    sums.output_bytes[i + 1] = sat_add(sums.output_bytes[i], layers[i].output_bytes);
  }
  return sums;
}

/* `place` counts from the end, from 1. */
static uint64_t held_bytes(const struct phaze_law *law, uint64_t parameter_bytes, uint64_t output_bytes,
                           uint64_t input_bytes, uint64_t place) {
  const uint64_t stash = law->stash == PHAZE_STASH_OUTPUTS ? output_bytes : input_bytes;
  return sat_add(sat_mul(law->state_copies, parameter_bytes), sat_add(output_bytes, sat_mul(place - 1, stash)));
}

static double iteration_s(const struct phaze_law *law, const struct phaze_placement *placement,
                          uint64_t parameter_bytes, uint64_t data, uint64_t *microbatches, double *sync_s) {
  *microbatches = ceil_div(ceil_div(law->batch, law->samples), data);
  *sync_s = 4 * (double)(data - 1) / (double)data * (double)parameter_bytes / law->link_bytes_per_s;
  return (double)(*microbatches + placement->depth - 1) * ((double)placement->max_load_cycles / law->clock_hz) +
         *sync_s;
}

/* The shortest iteration over data degrees, of equal ones the least. */
static void choose_data(const struct phaze_law *law, uint64_t parameter_bytes, uint64_t data,
                        struct phaze_placement *placement) {
  const uint64_t most = max_u64(law->devices / sat_mul(placement->depth, law->tensor), 1);
  const uint64_t low = data > 0 ? data : 1, high = data > 0 ? data : most;
  for (uint64_t d = low; d <= high; d++) {
    uint64_t microbatches;
    double sync_s;
    const double seconds = iteration_s(law, placement, parameter_bytes, d, &microbatches, &sync_s);
    if (d > low && seconds >= placement->iteration_s) continue;
    placement->data = d;
    placement->microbatches = microbatches;
    placement->sync_s = sync_s;
    placement->iteration_s = seconds;
  }
}

void phaze_price(const struct phaze_layer *layers, size_t n_layers, const struct phaze_law *law, const uint32_t *starts,
                 uint64_t depth, uint64_t data, struct phaze_placement *placement) {
  uint64_t first_bytes = 0;
  *placement = (struct phaze_placement){.depth = depth, .starts = starts};
  for (uint64_t s = 0; s < depth; s++) {
    const size_t end = s + 1 < depth ? starts[s + 1] : n_layers;
    uint64_t load_cycles = 0, parameter_bytes = 0, output_bytes = 0;
    for (size_t i = starts[s]; i < end; i++) {
      load_cycles = sat_add(load_cycles, layers[i].load_cycles);
      parameter_bytes = sat_add(parameter_bytes, layers[i].parameter_bytes);
      output_bytes = sat_add(output_bytes, layers[i].output_bytes);
    }
    const uint64_t bytes = held_bytes(law, parameter_bytes, output_bytes, layers[starts[s]].input_bytes, depth - s);
    placement->max_load_cycles = max_u64(placement->max_load_cycles, load_cycles);
    placement->memory_bytes = max_u64(placement->memory_bytes, bytes);
    if (s == 0) first_bytes = parameter_bytes;
  }
  choose_data(law, first_bytes, data, placement);
}

const uint32_t *phaze_even_starts(size_t n_layers, size_t depth, struct arena *arena) {
  uint32_t *starts = ARENA_NEW(arena, uint32_t, depth);
  for (size_t s = 1; s < depth; s++) {
    starts[s] = starts[s - 1] + (uint32_t)(n_layers / depth + (s - 1 < n_layers % depth));
  }
  return starts;
}

static const uint64_t NOTHING = UINT64_MAX;

struct program {
  const struct phaze_layer *layers;
  size_t n;
  const struct phaze_law *law;
  struct sums sums;
  uint64_t *best;   /* [n + 1] least bottleneck of layers i … n on `place` stages; NOTHING: none fits */
  uint64_t *before; /* the same on one stage less */
  uint32_t *next;   /* [n_depths * n] where the second of `place` stages starts */
};

/* The front stage of layers i … n on `place` stages. */
static uint64_t front_stage(const struct program *program, size_t i, uint64_t place, uint32_t *next) {
  const struct sums *sums = &program->sums;
  uint64_t least = NOTHING;
  for (size_t j = i + 1; j <= program->n; j++) {
    if (held_bytes(program->law, sums->parameter_bytes[j] - sums->parameter_bytes[i],
                   sums->output_bytes[j] - sums->output_bytes[i], program->layers[i].input_bytes,
                   place) > program->law->hbm_bytes) {
      return least; /* more layers take more */
    }
    const uint64_t bottleneck = max_u64(sums->load_cycles[j] - sums->load_cycles[i], program->before[j]);
    if (bottleneck >= least) continue;
    least = bottleneck;
    *next = (uint32_t)j;
  }
  return least;
}

size_t phaze_depths(const struct phaze_layer *layers, size_t n_layers, const struct phaze_law *law, struct arena *arena,
                    struct arena *scratch, struct phaze_placement **placements) {
  REQUIRE(n_layers >= 1 && n_layers <= PHAZE_MAX_LAYERS && law->tensor >= 1 && law->samples >= 1);
  const size_t n_depths = (size_t)min_u64(n_layers, law->devices / law->tensor);
  *placements = ARENA_NEW(arena, struct phaze_placement, n_depths);
  const struct arena_mark mark = arena_get_mark(scratch);
  struct program program = {layers,
                            n_layers,
                            law,
                            sum_up(layers, n_layers, scratch),
                            ARENA_NEW(scratch, uint64_t, n_layers + 1),
                            ARENA_NEW(scratch, uint64_t, n_layers + 1),
                            ARENA_NEW(scratch, uint32_t, n_depths * n_layers)};
  for (size_t i = 0; i < n_layers; i++)
    program.before[i] = NOTHING; /* no stage holds no layer but those behind the end */
  for (size_t depth = 1; depth <= n_depths; depth++) {
    uint32_t *next = program.next + (depth - 1) * n_layers;
    for (size_t i = 0; i < n_layers; i++) program.best[i] = front_stage(&program, i, depth, &next[i]);
    program.best[n_layers] = NOTHING;
    if (program.best[0] != NOTHING) {
      uint32_t *starts = ARENA_NEW(arena, uint32_t, depth);
      for (size_t s = 1; s < depth; s++) starts[s] = program.next[(depth - s) * n_layers + starts[s - 1]];
      phaze_price(layers, n_layers, law, starts, depth, 0, &(*placements)[depth - 1]);
    }
    uint64_t *swap = program.before;
    program.before = program.best;
    program.best = swap;
  }
  arena_rewind(scratch, mark);
  return n_depths;
}

const struct phaze_placement *phaze_best(const struct phaze_placement *placements, size_t n) {
  const struct phaze_placement *best = NULL;
  for (size_t i = 0; i < n; i++) {
    if (placements[i].depth == 0) continue;
    if (best == NULL || placements[i].iteration_s < best->iteration_s) best = &placements[i];
  }
  return best;
}

double phaze_missing_s(const struct phaze_placement *placements, size_t n, uint64_t depth) {
  if (depth == 0 || depth > n || placements[depth - 1].depth == 0) return -1;
  const struct phaze_placement *wanted = &placements[depth - 1];
  const double wanted_steps = (double)(wanted->microbatches + depth - 1);
  double least_s = 0, most_s = INFINITY; /* at which it overtakes those with more steps, is overtaken by the others */
  for (size_t i = 0; i < n; i++) {
    const struct phaze_placement *other = &placements[i];
    if (other->depth == 0 || other == wanted) continue;
    const double ahead_s = wanted->iteration_s - other->iteration_s;
    const double more_steps = (double)(other->microbatches + other->depth - 1) - wanted_steps;
    if (more_steps > 0) {
      least_s = fmax(least_s, ahead_s / more_steps);
    } else if (ahead_s > 0 && more_steps >= 0) {
      return -1;
    } else if (more_steps < 0) {
      most_s = fmin(most_s, ahead_s / more_steps);
    }
  }
  return least_s <= most_s ? least_s : -1;
}

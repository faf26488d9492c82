/* How long does a matrix product take on systolic arrays, and what does it move? (provider `physical`)
 *
 * Source: cost-model §2. One core: the array's closed form (SCALE-Sim v2's folds), the least HBM bytes with the core's
 * share of the global buffer (GLB) and the least GLB bytes with its own L2, each over all tiles and loop orders; time
 * is the slowest of the four, and of the fused followers, plus filling and emptying. These parts don't influence each
 * other, so the best of each is the best of all: least bytes are least cycles, and no threshold stops the search early.
 * Several cores share out M, N, the repetitions or K; the best of them by `map_objective`, ties by HBM bytes, then GLB
 * bytes, then in the order m, n, b, k.
 *
 * Choices of ours: a GLB share smaller than the core's L2 is passed through, so that L2 decides; L2 tiles need not lie
 * inside one GLB tile; the first blocks in and the last out that nothing hides are those of one array's edge, since
 * tiles arrive in such blocks. Left out: reuse between repetitions, banks, contention of ops that run side by side. */
#include "arch/physical.h"
#include "arch/product.h"
#include "base/checked.h"
#include "base/error.h"
#include <string.h>

/* --- the array ----------------------------------------------------------------------------------------------------*/

struct array {
  uint64_t rows, cols;
  uint64_t dataflow, overlap;
};

struct fold {
  uint64_t folds, stream, fill; /* cycles of what streams past, of filling and emptying */
};

static struct fold fold_of(const struct product *product, const struct product_part *part, const struct array *array) {
  const uint64_t rows = array->rows, cols = array->cols;
  struct fold fold;
  switch (array->dataflow) {
  case DATAFLOW_WS:
    fold = (struct fold){ceil_div(part->k, rows) * ceil_div(product->n, cols), part->m, 2 * rows + cols - 2};
    break;
  case DATAFLOW_OS:
    fold = (struct fold){ceil_div(part->m, rows) * ceil_div(product->n, cols), part->k, rows + cols - 2};
    break;
  default:
    fold = (struct fold){ceil_div(part->k, rows) * ceil_div(part->m, cols), product->n, 2 * rows + cols - 2};
  }
  fold.folds = sat_mul(fold.folds, sat_mul(part->times, product->reps));
  return fold;
}

static uint64_t array_cycles(const struct product *product, const struct array *array) {
  uint64_t cycles = 0;
  for (uint32_t i = 0; i < product->n_parts; i++) {
    const struct fold fold = fold_of(product, &product->part[i], array);
    if (array->overlap == OVERLAP_NONE) {
      cycles = sat_add(cycles, sat_mul(fold.folds, fold.stream + fold.fill));
    } else if (array->overlap == OVERLAP_IDEAL) {
      cycles = sat_add(cycles, sat_mul(fold.folds, fold.stream));
    } else { /* the next stationary block loads (a cycle a row) while this one works; the last fold is not followed */
      const uint64_t hidden = max_u64(fold.stream, array->rows);
      cycles = sat_add(cycles, sat_mul(fold.folds - (i == 0), hidden));
      if (i == 0) cycles = sat_add(cycles, fold.stream + fold.fill);
    }
  }
  return cycles;
}

/* Over the enabled dataflows and orientations. Ties: WS, OS, IS; upright before turned. */
static uint64_t best_array(const struct machine *machine, const struct product *product, uint64_t overlap,
                           struct mapping *mapping) {
  const uint64_t enabled = machine->settings->dataflow;
  const bool turn = machine->settings->transpose && machine->rows != machine->cols;
  uint64_t best = UINT64_MAX;
  for (int turned = 0; turned <= (int)turn; turned++) {
    for (unsigned dataflow = DATAFLOW_WS; dataflow < DATAFLOW_ALL; dataflow++) {
      if (enabled != DATAFLOW_ALL && enabled != dataflow) continue;
      const struct array array = {.rows = turned ? machine->cols : machine->rows,
                                  .cols = turned ? machine->rows : machine->cols,
                                  .dataflow = dataflow,
                                  .overlap = overlap};
      const uint64_t cycles = array_cycles(product, &array);
      if (cycles >= best) continue;
      best = cycles;
      mapping->dataflow = (uint8_t)dataflow;
      mapping->transposed = turned != 0;
    }
  }
  return best;
}

static bool has_array(const struct machine *machine) { return machine->rows != 0 && machine->cols != 0; }

/* No count of bytes or cycles of the search can wrap: see tiling_least. */
static bool in_range(const struct machine *machine, const struct product *product) {
  const uint64_t widest = product->element_bytes + machine->settings->accumulator_bytes;
  const uint64_t elements = sat_mul(sat_mul(product->reps, product->n), sat_mul(product->m, product->k));
  return sat_mul(elements, 8 * widest * machine->settings->buffering) < (uint64_t)1 << 62;
}

uint64_t tensor_array_cycles(const struct machine *machine, const struct op *op, struct mapping *mapping) {
  struct product product;
  if (!product_init(op, machine->settings->deconv, &product)) return 0;
  if (!has_array(machine) || !in_range(machine, &product)) return UINT64_MAX;
  return best_array(machine, &product, machine->settings->array_overlap, mapping);
}

/* --- floors -------------------------------------------------------------------------------------------------------*/

uint64_t tensor_compulsory_bytes(const struct op *op) {
  struct product product;
  struct product_traffic traffic;
  if (!product_init(op, DECONV_DECOMPOSED, &product))
    return sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
  product_traffic(op, &product, &traffic);
  return traffic.compulsory_bytes;
}

void tensor_floor(const struct machine *machine, const struct op *op, uint64_t follower_cycles,
                  struct op_floor *floor) {
  struct product product;
  struct mapping mapping;
  uint64_t array = 0;
  floor->hbm_bytes = tensor_compulsory_bytes(op);
  floor->memory_cycles = cycles_for_bytes(floor->hbm_bytes, machine->hbm_bytes_per_cycle);
  if (product_init(op, machine->settings->deconv, &product)) {
    const bool possible = has_array(machine) && in_range(machine, &product);
    array = possible ? best_array(machine, &product, OVERLAP_IDEAL, &mapping) : UINT64_MAX;
  }
  floor->compute_cycles = max_u64(array, follower_cycles);
}

/* --- the search over splits ---------------------------------------------------------------------------------------*/

struct evaluation {
  const struct machine *machine;
  const struct product *whole;
  uint64_t n_cores, follower_cycles, macs;
  uint64_t hbm_bytes, extra_bytes;
  struct tiling tiling; /* HBM → GLB, of all cores together */
};

struct candidate {
  uint64_t cycles, hbm_bytes, glb_bytes, array_cycles;
  double objective;
  struct mapping mapping;
};

/* 8 bits × 5.0 pJ: HBM2 and 2e with controller (cost-model §5); relative to mac_pj, both at 7 nm. */
static const double hbm_pj_per_byte = 40.0;

/* Energy that mappings differ in; multiply-accumulates themselves put it to scale for EDP. */
static double objective_of(const struct evaluation *evaluation, const struct candidate *candidate) {
  const struct machine *const machine = evaluation->machine;
  if (machine->settings->map_objective == MAP_LATENCY) return 0;
  const double macs = (double)evaluation->macs;
  const double slots =
      (double)candidate->array_cycles * (double)machine->rows * (double)machine->cols * (double)evaluation->n_cores;
  const double idle = slots > macs ? slots - macs : 0;
  const double pj = machine->technology->mac_pj * (macs + machine->technology->idle_fraction * idle) +
                    hbm_pj_per_byte * (double)candidate->hbm_bytes;
  return machine->settings->map_objective == MAP_ENERGY ? pj : pj * (double)candidate->cycles;
}

/* A total order over candidates; equal ones keep the earlier. */
static bool better(const struct candidate *a, const struct candidate *b) {
  if (a->objective != b->objective) return a->objective < b->objective;
  if (a->cycles != b->cycles) return a->cycles < b->cycles;
  if (a->hbm_bytes != b->hbm_bytes) return a->hbm_bytes < b->hbm_bytes;
  return a->glb_bytes < b->glb_bytes;
}

/* What nothing can hide: the first blocks of A and B in, the last of C out, on every core. */
static uint64_t edge_cycles(const struct evaluation *evaluation, const struct product *share) {
  const struct machine *const machine = evaluation->machine;
  const struct product *const whole = evaluation->whole;
  const uint64_t m = min_u64(share->m, machine->rows), k = min_u64(share->k, machine->rows);
  const uint64_t n = min_u64(share->n, machine->cols), e = whole->element_bytes;
  const uint64_t c_bytes = whole->m * whole->n * whole->reps * e;
  const uint64_t ab_bytes = product_bytes(whole) - c_bytes;
  const uint64_t in = min_u64(sat_mul(evaluation->n_cores, (m + n) * k * e), ab_bytes);
  const uint64_t out = min_u64(sat_mul(evaluation->n_cores, m * n * e), c_bytes);
  return sat_add(cycles_for_bytes(in, machine->hbm_bytes_per_cycle),
                 cycles_for_bytes(out, machine->hbm_bytes_per_cycle));
}

/* Partial sums that cores hand over after a split of K; UINT64_MAX if the GLB cannot hold them all. */
static uint64_t reduction_bytes(const struct evaluation *evaluation, char split) {
  if (split != 'k' || evaluation->n_cores == 1) return 0;
  const struct product *const whole = evaluation->whole;
  const uint64_t partial = sat_mul(whole->m * whole->n, evaluation->machine->settings->accumulator_bytes);
  if (sat_mul(partial, evaluation->n_cores) > evaluation->machine->glb_bytes) return UINT64_MAX;
  return sat_mul(sat_mul(partial, whole->reps), 2 * (evaluation->n_cores - 1));
}

/* `tiles`: of the share, or NULL to make them. False if the split is impossible or cannot be the best. */
static bool evaluate(const struct evaluation *evaluation, char split, const struct tile_problem *tiles,
                     const struct candidate *best, struct candidate *candidate) {
  const struct machine *const machine = evaluation->machine;
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  const uint64_t reduction = reduction_bytes(evaluation, split);
  if (reduction == UINT64_MAX) return false;
  struct product share;
  product_split(evaluation->whole, split, evaluation->n_cores, &share);
  candidate->array_cycles = best_array(machine, &share, machine->settings->array_overlap, &candidate->mapping);
  uint64_t fixed = cycles_for_bytes(reduction, machine->glb_bytes_per_cycle);
  if (!ideal) fixed = sat_add(fixed, edge_cycles(evaluation, &share));
  if (!ideal && evaluation->follower_cycles > 0) fixed = sat_add(fixed, machine->cols);
  uint64_t slowest = max_u64(candidate->array_cycles, evaluation->follower_cycles);
  slowest = max_u64(slowest, cycles_for_bytes(evaluation->hbm_bytes, machine->hbm_bytes_per_cycle));
  if (machine->settings->map_objective == MAP_LATENCY && sat_add(slowest, fixed) > best->cycles) return false;

  struct tile_problem own;
  struct tiling inner;
  if (tiles == NULL) {
    product_tiles(&share, machine, &own);
    tiles = &own;
  }
  tiling_least(tiles, machine->tensor_l2_bytes, &inner);
  const uint64_t core_bytes = sat_add(sat_mul(inner.bytes, share.reps), evaluation->extra_bytes / evaluation->n_cores);
  const uint64_t moved =
      max_u64(sat_add(sat_mul(sat_mul(inner.bytes, share.reps), evaluation->n_cores), evaluation->extra_bytes),
              evaluation->hbm_bytes);
  slowest = max_u64(slowest, cycles_for_bytes(moved, machine->glb_bytes_per_cycle));
  slowest = max_u64(slowest, cycles_for_bytes(core_bytes, machine->l2_bytes_per_cycle));
  candidate->cycles = sat_add(slowest, fixed);
  candidate->hbm_bytes = evaluation->hbm_bytes;
  candidate->glb_bytes = sat_add(moved, reduction);
  candidate->mapping.split = split;
  candidate->objective = objective_of(evaluation, candidate);
  return true;
}

static void search(const struct evaluation *evaluation, const struct tile_problem *tiles, struct candidate *best) {
  *best = (struct candidate){
      .cycles = UINT64_MAX, .hbm_bytes = UINT64_MAX, .glb_bytes = UINT64_MAX, .objective = __builtin_inf()};
  struct candidate candidate = {0};
  if (evaluation->n_cores == 1) {
    if (evaluate(evaluation, '-', tiles, best, &candidate)) *best = candidate;
    return;
  }
  for (const char *split = "mnbk"; *split != '\0'; split++) {
    if (*split == 'b' && evaluation->whole->reps == 1) continue;
    if (!evaluate(evaluation, *split, NULL, best, &candidate)) continue;
    if (better(&candidate, best)) *best = candidate;
  }
}

/* ⌈MACs / (a·b·k)⌉, the followers, compulsory bytes over bandwidth. */
static uint64_t roofline(const struct evaluation *evaluation, uint64_t compulsory_bytes) {
  const struct machine *const machine = evaluation->machine;
  const uint64_t macs = min_u64(evaluation->macs, product_macs(evaluation->whole));
  const uint64_t per_cycle = sat_mul(sat_mul(machine->rows, machine->cols), evaluation->n_cores);
  const uint64_t compute = max_u64(ceil_div(macs, per_cycle), evaluation->follower_cycles);
  return max_u64(compute, cycles_for_bytes(compulsory_bytes, machine->hbm_bytes_per_cycle));
}

/* Nothing to multiply: what is left of the op moves its bytes. */
static void empty_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles,
                       struct op_cost *cost) {
  cost->hbm_bytes = cost->glb_bytes = tensor_compulsory_bytes(op);
  cost->bound_cycles = max_u64(follower_cycles, cycles_for_bytes(cost->hbm_bytes, machine->hbm_bytes_per_cycle));
  cost->cycles = max_u64(cost->bound_cycles, cycles_for_bytes(cost->glb_bytes, machine->glb_bytes_per_cycle));
}

void tensor_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles, uint64_t n_cores,
                 struct op_cost *cost) {
  struct product whole;
  struct tile_problem tiles;
  struct product_traffic traffic;
  *cost = (struct op_cost){.cycles = UINT64_MAX, .mapping = {.split = '-', .order = ""}};
  if (!product_init(op, machine->settings->deconv, &whole)) {
    empty_cost(machine, op, follower_cycles, cost);
    return;
  }
  if (!has_array(machine) || !in_range(machine, &whole)) return;
  product_traffic(op, &whole, &traffic);
  product_tiles(&whole, machine, &tiles);
  struct evaluation evaluation = {.machine = machine,
                                  .whole = &whole,
                                  .n_cores = n_cores,
                                  .follower_cycles = follower_cycles,
                                  .macs = op_macs(op),
                                  .extra_bytes = traffic.extra_bytes};
  const uint64_t share_bytes = sat_mul(machine->glb_share_bytes, n_cores);
  tiling_least(&tiles, max_u64(share_bytes, machine->tensor_l2_bytes), &evaluation.tiling);
  evaluation.hbm_bytes = sat_add(sat_mul(evaluation.tiling.bytes, whole.reps), traffic.extra_bytes);
  struct candidate best;
  search(&evaluation, &tiles, &best);
  cost->cycles = best.cycles;
  cost->bound_cycles = roofline(&evaluation, traffic.compulsory_bytes);
  cost->hbm_bytes = best.hbm_bytes;
  cost->glb_bytes = best.glb_bytes;
  cost->macs = evaluation.macs;
  cost->mapping = best.mapping;
  memcpy(cost->mapping.order, evaluation.tiling.order, sizeof cost->mapping.order);
  cost->mapping.tile_m = evaluation.tiling.tile_m;
  cost->mapping.tile_n = evaluation.tiling.tile_n;
  cost->mapping.tile_k = evaluation.tiling.tile_k;
}

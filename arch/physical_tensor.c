/* How long does a matrix product take on systolic arrays, and what does it move? (provider `physical`)
 *
 * Source: cost-model §2. A nest of three memories: tiles of the op in the global buffer (GLB), tiles of these in each
 * core's L2, folds of these in the array. Tiles keep folds whole, so the array's closed form holds for every tiling;
 * time is the slowest of array, fused followers, HBM, GLB and L2, plus filling and emptying. For each way to lie on the
 * array, the least HBM bytes, then the least GLB bytes within those tiles. Several cores share out M, N, the
 * repetitions or K. The best by `map_objective`, ties by HBM bytes, then GLB bytes, then in the order m, n, b, k.
 *
 * Choices of ours: an L2 of at least the GLB's share, or one that the GLB feeds too slowly, is filled from HBM straight
 * through it; where no tile fits, the array's own order decides what moves; the first blocks in and the last out that
 * nothing hides are those of one array's edge, since tiles arrive in such blocks. Several cores: traffic below the GLB
 * is that of the largest share, on each. Left out: reuse between repetitions, banks, contention of ops that run side by
 * side. */
#include "arch/array.h"
#include "arch/physical.h"
#include "arch/waves.h"
#include "base/checked.h"
#include "base/error.h"
#include <string.h>

static bool has_array(const struct machine *machine) { return machine->rows != 0 && machine->cols != 0; }

/* No count of bytes or cycles of the search can wrap: see tiling_least. */
static bool in_range(const struct machine *machine, const struct product *product) {
  const uint64_t widest = product->element_bytes + machine->settings->accumulator_bytes;
  const uint64_t elements = sat_mul(sat_mul(product->reps, product->n), sat_mul(product->m, product->k));
  return sat_mul(elements, 8 * widest * machine->settings->buffering) < (uint64_t)1 << 62;
}

static void remember_plan(const struct array_plan *plan, struct mapping *mapping) {
  mapping->dataflow = plan->dataflow;
  mapping->transposed = plan->transposed;
  mapping->patch_rows = (uint16_t)plan->patch_rows;
  mapping->patch_cols = (uint16_t)plan->patch_cols;
  mapping->abreast = (uint32_t)plan->abreast;
}

static struct array_plan plan_of(const struct machine *machine, const struct mapping *mapping) {
  return (struct array_plan){.dataflow = mapping->dataflow,
                             .transposed = mapping->transposed,
                             .rows = mapping->transposed ? machine->cols : machine->rows,
                             .cols = mapping->transposed ? machine->rows : machine->cols,
                             .patch_rows = mapping->patch_rows,
                             .patch_cols = mapping->patch_cols,
                             .abreast = mapping->abreast};
}

static uint64_t best_array(const struct machine *machine, const struct product *product, uint64_t overlap,
                           struct mapping *mapping) {
  struct array_time plans[ARRAY_PLANS];
  if (array_plans(machine, product, product, overlap, plans) == 0) return UINT64_MAX;
  remember_plan(&plans[0].plan, mapping);
  return plans[0].cycles;
}

uint64_t tensor_array_cycles(const struct machine *machine, const struct op *op, struct mapping *mapping) {
  struct product product;
  if (!product_init(op, machine->settings->deconv, &product)) return 0;
  if (!has_array(machine) || !in_range(machine, &product)) return UINT64_MAX;
  return best_array(machine, &product, machine->settings->array_overlap, mapping);
}

/* Monotone in `cycles`, so that a floor stays one. */
uint64_t tensor_paced_cycles(const struct machine *machine, const struct op *op, uint64_t cycles) {
  const struct cost_settings *const settings = machine->settings;
  const bool with_weights = op->weighted && op_kinds[op->kind].family == FAMILY_GEMM;
  const double pace = settings->matmul_efficiency * (with_weights ? settings->weight_gemm_rate : 1);
  return pace == 1 || cycles == UINT64_MAX ? cycles : cycles_for_bytes(cycles, pace);
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
  floor->compute_cycles = max_u64(tensor_paced_cycles(machine, op, array), follower_cycles);
}

/* --- the search over splits, plans and tiles
 * ------------------------------------------------------------------------*/

struct evaluation {
  const struct machine *machine;
  const struct op *op;
  const struct product *whole;
  uint64_t n_cores, follower_cycles, macs;
  uint64_t compulsory_bytes, extra_bytes;
};

struct candidate {
  uint64_t cycles, hbm_bytes, glb_bytes, l2_bytes, array_bytes, array_cycles;
  double objective;
  struct mapping mapping;
};

/* 8 bits × 5.0 pJ: HBM2 and 2e with controller (cost-model §5); relative to mac_pj, both at 7 nm. */
static const double hbm_pj_per_byte = 40.0;

/* Other ops want the HBM too, so a cycle of it counts as a part of a cycle that is lost: else a mapping that is quicker
 * by a hair could move several times the bytes. Not where we count as others do. */
static double latency_objective(const struct machine *machine, uint64_t cycles, uint64_t hbm_bytes) {
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  const double weight = ideal ? 0 : machine->settings->traffic_weight;
  return (double)cycles + weight * (double)cycles_for_bytes(hbm_bytes, machine->hbm_bytes_per_cycle);
}

/* Energy that mappings differ in; multiply-accumulates themselves put it to scale for EDP. */
static double objective_of(const struct evaluation *evaluation, const struct candidate *candidate) {
  const struct machine *const machine = evaluation->machine;
  if (machine->settings->map_objective == MAP_LATENCY)
    return latency_objective(machine, candidate->cycles, candidate->hbm_bytes);
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
static uint64_t edge_cycles(const struct evaluation *evaluation, const struct product *share,
                            const struct core_grid *grid) {
  const struct machine *const machine = evaluation->machine;
  const struct product *const whole = evaluation->whole;
  const uint64_t m = min_u64(share->m, machine->rows), k = min_u64(share->k, machine->rows);
  const uint64_t n = min_u64(share->n, machine->cols), e = whole->element_bytes, apart = (uint64_t)grid->k * grid->b;
  const uint64_t c_bytes = whole->m * whole->n * whole->reps * e;
  const uint64_t ab_bytes = product_bytes(whole) - c_bytes;
  const uint64_t in = min_u64(sat_mul(apart, (grid->m * m + grid->n * n) * k * e), ab_bytes);
  const uint64_t out = min_u64(sat_mul(evaluation->n_cores, m * n * e), c_bytes);
  return sat_add(cycles_for_bytes(in, machine->hbm_bytes_per_cycle),
                 cycles_for_bytes(out, machine->hbm_bytes_per_cycle));
}

/* Partial sums that cores hand over after a split of K; UINT64_MAX if the GLB cannot hold them all. */
static uint64_t reduction_bytes(const struct evaluation *evaluation, const struct core_grid *grid) {
  if (grid->k == 1) return 0;
  const struct product *const whole = evaluation->whole;
  const uint64_t partial = sat_mul(whole->m * whole->n, array_accumulator_bytes(evaluation->machine, whole));
  if (sat_mul(partial, grid->k) > evaluation->machine->glb_bytes) return UINT64_MAX;
  return sat_mul(sat_mul(partial, whole->reps), 2 * ((uint64_t)grid->k - 1));
}

/* One way to share the op out and to lie on the array. */
struct attempt {
  const struct evaluation *evaluation;
  struct core_grid grid;
  struct product share;
  const struct array_time *time;
  struct tile_problem tiles;
  uint64_t fixed_cycles;   /* that nothing hides */
  uint64_t compute_cycles; /* arrays or followers */
  uint64_t reduction_bytes;
};

static const struct tile_loops uncut = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1};

/* Of one core to all: what the cores of a row or column of the grid share moves once (broadcast). */
static uint64_t all_cores(const struct core_grid *grid, const struct operand_bytes *core) {
  const uint64_t apart = (uint64_t)grid->k * grid->b;
  const uint64_t a = sat_mul(core->a, apart * grid->m), b = sat_mul(core->b, apart * grid->n);
  return sat_add(sat_add(a, b), sat_mul(core->c, apart * grid->m * grid->n));
}

/* Bytes of all repetitions on all cores, with what followers bring, from tiles for `capacity_bytes`; or in the array's
 * own order. */
static uint64_t outer_bytes(const struct attempt *attempt, uint64_t capacity_bytes, bool whole_k,
                            struct tile_loops *loops) {
  static const uint64_t trips[3] = {1, 1, 1};
  const struct evaluation *const evaluation = attempt->evaluation;
  struct tiling tiling;
  struct operand_bytes own;
  tiling_outer(&attempt->tiles, capacity_bytes, whole_k, &tiling);
  const uint64_t tiled = sat_add(sat_mul(tiling.bytes, evaluation->whole->reps), evaluation->extra_bytes);
  array_bytes(evaluation->machine, &attempt->time->plan, &attempt->share, trips, &own);
  /* Outputs without a multiply, of strided gradients, are written all the same. */
  const uint64_t untiled =
      max_u64(sat_add(all_cores(&attempt->grid, &own), evaluation->extra_bytes), evaluation->compulsory_bytes);
  const bool fits = tiled <= untiled && tiling.bytes < UINT64_MAX;
  *loops = fits ? tiling.loops : uncut;
  return fits ? tiled : untiled;
}

/* Into one core's L2. */
static void inner_bytes(const struct attempt *attempt, const struct tile_loops *outer, struct tile_loops *loops,
                        struct operand_bytes *bytes) {
  const struct machine *const machine = attempt->evaluation->machine;
  const uint64_t reps = attempt->share.reps;
  struct tiling tiling;
  uint64_t trips[3];
  tiling_trips(&attempt->tiles, outer, NULL, trips);
  array_bytes(machine, &attempt->time->plan, &attempt->share, trips, bytes);
  *loops = uncut;
  if (outer->order[0] == '\0') return;
  tiling_inner(&attempt->tiles, outer, machine->tensor_l2_bytes, &tiling);
  if (tiling.bytes == UINT64_MAX || sat_mul(tiling.bytes, reps) > operand_bytes_total(bytes)) return;
  *loops = tiling.loops;
  bytes->a = sat_mul(tiling.a_bytes, reps);
  bytes->b = sat_mul(tiling.b_bytes, reps);
  bytes->c = sat_mul(tiling.bytes - tiling.a_bytes - tiling.b_bytes, reps);
}

/* How long GLB and L2 take to feed the arrays: `core_bytes` into one core's L2, `array_bytes` out of it. Memories with
 * one port fill and empty by turns. */
static uint64_t feed_cycles(const struct machine *machine, const struct candidate *candidate, uint64_t core_bytes,
                            uint64_t array_bytes) {
  const struct cost_settings *const settings = machine->settings;
  const uint64_t glb_fill = settings->glb_ports == 1 ? candidate->hbm_bytes : 0;
  const uint64_t l2_empty = settings->l2_ports == 1 ? array_bytes : 0;
  uint64_t cycles = cycles_for_bytes(sat_add(candidate->glb_bytes, glb_fill), machine->glb_bytes_per_cycle);
  cycles = max_u64(cycles, cycles_for_bytes(sat_add(core_bytes, l2_empty), machine->l2_bytes_per_cycle));
  if (settings->l2_read_bytes_per_cycle > 0)
    cycles = max_u64(cycles, ceil_div(array_bytes, settings->l2_read_bytes_per_cycle));
  return cycles;
}

static char grid_name(const struct core_grid *grid) {
  const int several = (grid->m > 1) + (grid->n > 1) + (grid->k > 1) + (grid->b > 1);
  if (several != 1) return several == 0 ? '-' : 'g';
  return grid->m > 1 ? 'm' : grid->n > 1 ? 'n' : grid->k > 1 ? 'k' : 'b';
}

/* Fills in what the traffic says, and returns whether GLB or L2 is the bottleneck. `core_bytes`: into one core's L2. */
static bool settle(const struct attempt *attempt, uint64_t core_bytes, struct candidate *candidate) {
  const struct evaluation *const evaluation = attempt->evaluation;
  const struct machine *const machine = evaluation->machine;
  uint64_t trips[3];
  tiling_trips(&attempt->tiles, &candidate->mapping.glb, &candidate->mapping.l2, trips);
  struct operand_bytes read;
  array_bytes(machine, &attempt->time->plan, &attempt->share, trips, &read);
  const uint64_t words = operand_bytes_total(&read);
  const uint64_t hbm = cycles_for_bytes(candidate->hbm_bytes, machine->hbm_bytes_per_cycle);
  const uint64_t steady = max_u64(attempt->compute_cycles, hbm),
                 feed = feed_cycles(machine, candidate, core_bytes, words);
  candidate->cycles = sat_add(max_u64(steady, feed), attempt->fixed_cycles);
  candidate->glb_bytes = sat_add(candidate->glb_bytes, attempt->reduction_bytes);
  candidate->array_bytes = sat_mul(words, evaluation->n_cores);
  candidate->l2_bytes = sat_add(sat_mul(core_bytes, evaluation->n_cores), attempt->reduction_bytes);
  candidate->array_cycles = attempt->time->cycles;
  candidate->mapping.cores = attempt->grid;
  candidate->mapping.split = grid_name(&attempt->grid);
  remember_plan(&attempt->time->plan, &candidate->mapping);
  candidate->objective = objective_of(evaluation, candidate);
  return feed > steady;
}

static void offer(const struct candidate *candidate, struct candidate *best) {
  if (better(candidate, best)) *best = *candidate;
}

/* Tiles for `glb_bytes` of the GLB, and tiles of these in L2. Returns whether GLB or L2 is the bottleneck. */
static bool try_nest(const struct attempt *attempt, uint64_t glb_bytes, bool whole_k, struct candidate *best) {
  const struct evaluation *const evaluation = attempt->evaluation;
  struct candidate candidate = {0};
  candidate.hbm_bytes = outer_bytes(attempt, glb_bytes, whole_k, &candidate.mapping.glb);
  struct operand_bytes inner;
  inner_bytes(attempt, &candidate.mapping.glb, &candidate.mapping.l2, &inner);
  const uint64_t core_bytes = sat_add(operand_bytes_total(&inner), evaluation->extra_bytes / evaluation->n_cores);
  candidate.glb_bytes =
      max_u64(sat_add(all_cores(&attempt->grid, &inner), evaluation->extra_bytes), candidate.hbm_bytes);
  const bool slow = settle(attempt, core_bytes, &candidate);
  offer(&candidate, best);
  return slow;
}

/* Tiles in L2, filled from HBM through the GLB. */
static void try_through(const struct attempt *attempt, struct candidate *best) {
  const struct evaluation *const evaluation = attempt->evaluation;
  struct candidate candidate = {.mapping = {.through = true, .l2 = uncut}};
  candidate.hbm_bytes = outer_bytes(attempt, evaluation->machine->tensor_l2_bytes, false, &candidate.mapping.glb);
  candidate.glb_bytes = candidate.hbm_bytes;
  settle(attempt, candidate.hbm_bytes, &candidate); /* what cores share goes to each */
  offer(&candidate, best);
}

static void try_plan(const struct attempt *attempt, struct candidate *best) {
  const struct evaluation *const evaluation = attempt->evaluation;
  const struct machine *const machine = evaluation->machine;
  if (machine->settings->map_objective == MAP_LATENCY) {
    const uint64_t memory = cycles_for_bytes(evaluation->compulsory_bytes, machine->hbm_bytes_per_cycle);
    const uint64_t cycles = sat_add(max_u64(attempt->compute_cycles, memory), attempt->fixed_cycles);
    if (latency_objective(machine, cycles, evaluation->compulsory_bytes) >= best->objective) return;
  }
  const uint64_t glb_bytes = sat_mul(machine->glb_share_bytes, evaluation->n_cores);
  const uint64_t l2_bytes = sat_mul(machine->tensor_l2_bytes, evaluation->n_cores);
  const bool fed_slowly = try_nest(attempt, glb_bytes, false, best);
  if (fed_slowly) {
    try_nest(attempt, glb_bytes, true, best);
    if (l2_bytes < glb_bytes) try_nest(attempt, l2_bytes, false, best);
  }
  if (fed_slowly || machine->tensor_l2_bytes > glb_bytes) try_through(attempt, best);
}

static void try_grid(const struct evaluation *evaluation, const struct core_grid *grid, struct candidate *best) {
  const struct machine *const machine = evaluation->machine;
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  struct attempt attempt = {
      .evaluation = evaluation, .grid = *grid, .reduction_bytes = reduction_bytes(evaluation, grid)};
  if (attempt.reduction_bytes == UINT64_MAX) return;
  product_share(evaluation->whole, grid, &attempt.share);
  attempt.fixed_cycles = cycles_for_bytes(attempt.reduction_bytes, machine->glb_bytes_per_cycle);
  if (!ideal) attempt.fixed_cycles = sat_add(attempt.fixed_cycles, edge_cycles(evaluation, &attempt.share, grid));
  if (!ideal && evaluation->follower_cycles > 0) attempt.fixed_cycles = sat_add(attempt.fixed_cycles, machine->cols);
  struct array_time times[ARRAY_PLANS];
  const unsigned n = array_plans(machine, evaluation->whole, &attempt.share, machine->settings->array_overlap, times);
  for (unsigned i = 0; i < n; i++) {
    attempt.time = &times[i];
    attempt.compute_cycles =
        max_u64(tensor_paced_cycles(machine, evaluation->op, times[i].cycles), evaluation->follower_cycles);
    array_tiles(machine, &times[i].plan, evaluation->whole, &attempt.share, grid, &attempt.tiles);
    try_plan(&attempt, best);
  }
}

/* `n_cores` over M and N, with `b` groups of them each on repetitions of their own: all on either, and the two grids
 * whose shares come closest to squares, which need the least of both operands. */
static void try_grids(const struct evaluation *evaluation, uint64_t n_cores, uint32_t b, struct candidate *best) {
  const struct product *const whole = evaluation->whole;
  struct core_grid grid = {(uint32_t)n_cores, 1, 1, b};
  try_grid(evaluation, &grid, best);
  if (n_cores == 1) return;
  grid = (struct core_grid){1, (uint32_t)n_cores, 1, b};
  try_grid(evaluation, &grid, best);
  uint64_t below = 0, above = 0; /* divisors next to √(cores · M/N) */
  for (uint64_t d = 2; d <= n_cores / 2; d++) {
    if (n_cores % d != 0) continue;
    const bool low = sat_mul(sat_mul(d, d), whole->n) <= sat_mul(n_cores, whole->m);
    if (low) below = d;
    if (!low && above == 0) above = d;
  }
  const uint64_t near[] = {below, above};
  for (int i = 0; i < 2; i++) {
    if (near[i] == 0) continue;
    grid = (struct core_grid){(uint32_t)near[i], (uint32_t)(n_cores / near[i]), 1, b};
    try_grid(evaluation, &grid, best);
  }
}

static void search(const struct evaluation *evaluation, struct candidate *best) {
  const uint64_t n_cores = evaluation->n_cores, reps = evaluation->whole->reps;
  *best = (struct candidate){
      .cycles = UINT64_MAX, .hbm_bytes = UINT64_MAX, .glb_bytes = UINT64_MAX, .objective = __builtin_inf()};
  try_grids(evaluation, n_cores, 1, best);
  if (n_cores == 1) return;
  if (reps >= n_cores) {
    try_grid(evaluation, &(struct core_grid){1, 1, 1, (uint32_t)n_cores}, best);
  } else if (reps > 1) {
    uint64_t groups = reps;
    while (n_cores % groups != 0) groups--;
    if (groups > 1) try_grids(evaluation, n_cores / groups, (uint32_t)groups, best);
  }
  try_grid(evaluation, &(struct core_grid){1, 1, (uint32_t)n_cores, 1}, best);
}

/* ⌈MACs / (a·b·k)⌉, the followers, compulsory bytes over bandwidth. */
static uint64_t roofline(const struct evaluation *evaluation, uint64_t compulsory_bytes) {
  const struct machine *const machine = evaluation->machine;
  const uint64_t macs = min_u64(evaluation->macs, product_macs(evaluation->whole));
  const uint64_t per_cycle = sat_mul(sat_mul(machine->rows, machine->cols), evaluation->n_cores);
  const uint64_t arrays = tensor_paced_cycles(machine, evaluation->op, ceil_div(macs, per_cycle));
  const uint64_t compute = max_u64(arrays, evaluation->follower_cycles);
  return max_u64(compute, cycles_for_bytes(compulsory_bytes, machine->hbm_bytes_per_cycle));
}

/* Nothing to multiply: what is left of the op moves its bytes. */
static void empty_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles,
                       struct op_cost *cost) {
  cost->hbm_bytes = cost->glb_bytes = tensor_compulsory_bytes(op);
  cost->bound_cycles = max_u64(follower_cycles, cycles_for_bytes(cost->hbm_bytes, machine->hbm_bytes_per_cycle));
  cost->cycles = max_u64(cost->bound_cycles, cycles_for_bytes(cost->glb_bytes, machine->glb_bytes_per_cycle));
}

/* Kernels of their own that make a product's activations, or their gradients, narrow; behind the product, so that
 * floors stay floors. The gradient of weights reads what the other two have made. */
static void add_casts(const struct machine *machine, const struct op *op, const struct product *whole,
                      struct op_cost *cost) {
  const uint64_t each = machine->settings->cast_bytes;
  const bool with_weights = op->weighted && op_kinds[op->kind].family == FAMILY_GEMM;
  if (each == 0 || !with_weights || op->phase == PHASE_BACKWARD_WEIGHT || cost->cycles == UINT64_MAX) return;
  const uint64_t bytes = sat_mul(each, sat_mul(whole->reps, sat_mul(whole->m, whole->k)));
  cost->cycles = sat_add(cost->cycles, cycles_for_bytes(bytes, machine->hbm_bytes_per_cycle));
  cost->hbm_bytes = sat_add(cost->hbm_bytes, bytes);
}

void tensor_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles, uint64_t n_cores,
                 struct op_cost *cost) {
  struct product whole;
  struct product_traffic traffic;
  *cost = (struct op_cost){.cycles = UINT64_MAX, .mapping = {.split = '-'}};
  if (!product_init(op, machine->settings->deconv, &whole)) {
    empty_cost(machine, op, follower_cycles, cost);
    return;
  }
  if (!has_array(machine) || !in_range(machine, &whole)) return;
  product_traffic(op, &whole, &traffic);
  const struct evaluation evaluation = {.machine = machine,
                                        .op = op,
                                        .whole = &whole,
                                        .n_cores = n_cores,
                                        .follower_cycles = follower_cycles,
                                        .macs = op_macs(op),
                                        .compulsory_bytes = traffic.compulsory_bytes,
                                        .extra_bytes = traffic.extra_bytes};
  struct candidate best;
  search(&evaluation, &best);
  /* Waves only slow down what the arrays could do. */
  const uint64_t waves = tensor_paced_cycles(machine, op, waves_cycles(machine, op, &whole, n_cores));
  cost->cycles = max_u64(best.cycles, waves);
  cost->bound_cycles = roofline(&evaluation, traffic.compulsory_bytes);
  cost->hbm_bytes = best.hbm_bytes;
  cost->glb_bytes = best.glb_bytes;
  cost->array_bytes = best.array_bytes;
  cost->l2_bytes = best.l2_bytes;
  cost->macs = evaluation.macs;
  cost->mapping = best.mapping;
  add_casts(machine, op, &whole, cost);
}

void tensor_tiles(const struct machine *machine, const struct op *op, const struct mapping *mapping,
                  struct tensor_tiles *tiles) {
  struct product whole, share;
  *tiles = (struct tensor_tiles){0};
  if (!product_init(op, machine->settings->deconv, &whole) || mapping->on_vector || !has_array(machine) ||
      mapping->patch_rows == 0 || mapping->cores.m == 0) /* another provider's, without tiles */
    return;
  const struct array_plan plan = plan_of(machine, mapping);
  struct tile_problem problem;
  product_share(&whole, &mapping->cores, &share);
  array_tiles(machine, &plan, &whole, &share, &mapping->cores, &problem);
  tiling_sizes(&problem, &mapping->glb, NULL, tiles->glb);
  tiling_sizes(&problem, &mapping->glb, &mapping->l2, tiles->l2);
}

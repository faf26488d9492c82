/* How long does fused attention take, and what does it move? (provider `physical`)
 *
 * Source: cost-model §2, "Fused attention". A head's queries come in tiles; each tile meets all keys (causal: those up
 * to its last query) in blocks that follow each other without draining the array. Tensor cores make the products, two
 * forward and five backward, vector cores beside them the softmax of the stream; scores never leave the chip. Time is
 * the slowest of arrays, lanes, HBM, GLB and L2, plus filling and emptying.
 *
 * HBM: Q, O and their gradients once. K and V stay in the global buffer (GLB) for a head if they fit (backward with
 * partial sums of their gradients), or pass once a tile; then partial sums of dK and dV pass out and back as often.
 * Heads that share a key are tiled together. GLB to L2: either queries stay and keys pass, or keys stay and queries
 * with their partial sums pass, whichever is less; and the scores, out to the lanes and back. The tile is the best of a
 * fixed list of those that fit, so a larger memory never hurts. k cores share out heads, then query rows.
 *
 * Left out: splits of the keys over cores; causal imbalance between cores (they take rows from both ends); the wait of
 * a tile's second product for its own softmax (another tile or head fills it). */
#include "arch/array.h"
#include "arch/physical.h"
#include "base/checked.h"

/* What one core does for one head. */
struct shares {
  uint64_t heads;          /* of a core, one after the other */
  uint64_t cores_per_head; /* 1 unless there are more cores than heads */
  uint64_t rows;           /* queries of a head that a core works on */
  uint64_t active;         /* cores with work */
};

struct attention {
  const struct machine *machine;
  const struct op *op;
  uint64_t reps, m, n, sharers;
  uint64_t d, v;   /* widths of queries and keys, of values and outputs */
  uint64_t e, acc; /* bytes of an element and of a partial sum */
  bool backward, causal;
  struct shares shares;
  uint64_t n_cores, lane_cycles, compulsory_bytes;
};

static struct shares share_out(uint64_t reps, uint64_t m, uint64_t n_cores) {
  if (n_cores <= reps) return (struct shares){ceil_div(reps, n_cores), 1, m, n_cores};
  const uint64_t per_head = min_u64(n_cores / reps, m);
  return (struct shares){1, per_head, ceil_div(m, per_head), sat_mul(reps, per_head)};
}

static uint64_t edge_of(const struct machine *machine) { return max_u64(machine->rows, machine->cols); }

/* --- what memories hold -------------------------------------------------------------------------------------------*/

/* Keys that a tile meets at a time. */
static uint64_t block_keys(const struct attention *attention) {
  return min_u64(attention->n, edge_of(attention->machine));
}

/* A query of a tile: Q, partial sums of O, two running statistics, scores of a block of keys. Backward: Q, dO, partial
 * sums of dQ, statistics, scores and their gradients. */
static uint64_t row_bytes(const struct attention *attention) {
  const uint64_t tensors = attention->backward ? 2 : 1, scores = block_keys(attention) * tensors * attention->e;
  const uint64_t d = attention->d, v = attention->v, summed = attention->backward ? d : v;
  const uint64_t read = attention->backward ? d + v : d;
  return sat_add(sat_add(sat_mul(read, attention->e), sat_mul(summed, attention->acc)), 2 * attention->acc + scores);
}

/* K and V of so many keys, backward with partial sums of their gradients. */
static uint64_t keys_bytes(const struct attention *attention, uint64_t keys) {
  const uint64_t each = attention->e + (attention->backward ? attention->acc : 0);
  return sat_mul(sat_mul(keys, attention->d + attention->v), each);
}

/* --- one tile size ------------------------------------------------------------------------------------------------*/

struct tile {
  uint64_t queries;
  uint64_t rounds; /* tiles of one core, all its heads */
  uint64_t keys;   /* that a tile meets, on average */
};

/* Σ over tiles of the keys up to a tile's last query, over their number, rounded up. Fewer keys than queries: all. */
static uint64_t keys_met(const struct attention *attention, uint64_t queries) {
  const uint64_t m = attention->m, n = attention->n, tiles = ceil_div(m, queries);
  if (!attention->causal || n < m) return n;
  const uint64_t steps = tiles % 2 == 0 ? sat_mul(tiles / 2, tiles - 1) : sat_mul(tiles, (tiles - 1) / 2);
  const uint64_t sum = sat_add(sat_mul(tiles, n - m), sat_add(sat_mul(queries, steps), m));
  return min_u64(n, ceil_div(sum, tiles));
}

static struct tile tile_of(const struct attention *attention, uint64_t queries) {
  const uint64_t tiles = ceil_div(attention->shares.rows, queries);
  return (struct tile){queries, sat_mul(attention->shares.heads, tiles), keys_met(attention, queries)};
}

/* The soonest plan of the array, its L2 read as fast as it can be. */
static void add_product(const struct attention *attention, const struct tile *tile, const uint64_t mnk[3],
                        uint64_t times, struct op_cost *sum) {
  static const uint64_t uncut[3] = {1, 1, 1};
  const struct machine *const machine = attention->machine;
  const struct cost_settings *const settings = machine->settings;
  struct op op = op_new(OP_GEMM, attention->e);
  op.dim[DIM_REPS] = sat_mul(tile->rounds, times);
  for (int i = 0; i < 3; i++) op.dim[DIM_M + i] = mnk[i];
  struct product product;
  struct array_time plans[ARRAY_PLANS];
  if (!product_init(&op, settings->deconv, &product)) return;
  const unsigned n = array_plans(machine, &product, &product, settings->array_overlap, plans);
  uint64_t least = UINT64_MAX, least_bytes = 0;
  for (unsigned i = 0; i < n; i++) {
    struct operand_bytes operands;
    array_bytes(machine, &plans[i].plan, &product, uncut, &operands);
    const uint64_t bytes = operand_bytes_total(&operands);
    const uint64_t read =
        settings->l2_read_bytes_per_cycle > 0 ? ceil_div(bytes, settings->l2_read_bytes_per_cycle) : 0;
    const uint64_t cycles = max_u64(plans[i].cycles, read);
    if (cycles >= least) continue;
    least = cycles;
    least_bytes = bytes;
    if (sum->cycles > 0) continue; /* the mapping is that of the first product */
    sum->mapping.dataflow = plans[i].plan.dataflow;
    sum->mapping.transposed = plans[i].plan.transposed;
    sum->mapping.patch_rows = sum->mapping.patch_cols = 1;
    sum->mapping.abreast = (uint32_t)plans[i].plan.abreast;
  }
  sum->cycles = sat_add(sum->cycles, least);
  sum->array_bytes = sat_add(sum->array_bytes, least_bytes);
}

/* Two products that are alike where keys and values are. */
static void add_two(const struct attention *attention, const struct tile *tile, const uint64_t keys[3],
                    const uint64_t values[3], struct op_cost *sum) {
  const bool alike = attention->d == attention->v;
  add_product(attention, tile, keys, alike ? 2 : 1, sum);
  if (!alike) add_product(attention, tile, values, 1, sum);
}

/* Products of one core: QKᵀ, PV; backward QKᵀ and dO·Vᵀ, dS·K, dSᵀ·Q and Pᵀ·dO. */
static struct op_cost core_products(const struct attention *attention, const struct tile *tile) {
  const uint64_t t = tile->queries, n = tile->keys, d = attention->d, v = attention->v;
  const uint64_t keys[][3] = {{t, n, d}, {t, d, n}, {n, d, t}}, values[][3] = {{t, n, v}, {t, v, n}, {n, v, t}};
  struct op_cost sum = {0};
  if (!attention->backward) {
    add_product(attention, tile, keys[0], 1, &sum);
    add_product(attention, tile, values[1], 1, &sum);
    return sum;
  }
  add_two(attention, tile, keys[0], values[0], &sum);
  add_product(attention, tile, keys[1], 1, &sum);
  add_two(attention, tile, keys[2], values[2], &sum);
  return sum;
}

/* What passes between HBM and GLB besides each operand once. */
static uint64_t repeated_bytes(const struct attention *attention, const struct tile *tile) {
  const uint64_t key_heads = ceil_div(attention->reps, attention->sharers);
  const uint64_t tiles = ceil_div(sat_mul(attention->sharers, attention->shares.rows), tile->queries);
  const uint64_t widths = attention->d + attention->v;
  const uint64_t once = sat_mul(sat_mul(attention->n, widths), attention->e);
  const uint64_t met = sat_mul(tile->keys, widths), passes = sat_mul(tiles, sat_mul(met, attention->e));
  uint64_t bytes = passes > once ? passes - once : 0;
  if (attention->backward) /* partial sums of dK and dV, out and back */
    bytes = sat_add(bytes, sat_mul(met, sat_mul(2 * attention->acc, tiles - 1)));
  return sat_mul(key_heads, bytes);
}

/* Into one core's L2, for one tile. What stays has half of it, and at least an array's edge, which the array's own
 * registers hold. */
static uint64_t inner_bytes(const struct attention *attention, const struct tile *tile) {
  const uint64_t room = attention->machine->tensor_l2_bytes / 2, edge = edge_of(attention->machine);
  const uint64_t d = attention->d, v = attention->v, e = attention->e, acc = attention->acc;
  const uint64_t t = tile->queries, n = tile->keys, summed = attention->backward ? d : v;
  const uint64_t rows = max_u64(room / row_bytes(attention), edge);
  const uint64_t keys = max_u64(room / max_u64(keys_bytes(attention, 1), 1), edge);
  /* Of one query: Q and O, backward with their gradients; of one key: K and V, the same. */
  const uint64_t once = (d + v) * (attention->backward ? 2 * e : e), row_pass = once - summed * e + 2 * summed * acc;
  const uint64_t key_pass = (d + v) * (attention->backward ? e + 2 * acc : e);
  const uint64_t passes = ceil_div(t, rows), row_passes = ceil_div(n, keys);
  const uint64_t keys_move = sat_mul(n, passes == 1 ? once : sat_mul(passes, key_pass));
  const uint64_t rows_move = sat_mul(t, row_passes == 1 ? once : sat_mul(row_passes, row_pass));
  const uint64_t queries_stay = sat_add(sat_mul(t, once), keys_move);
  const uint64_t keys_stay = sat_add(sat_mul(n, once), rows_move);
  const uint64_t scores = sat_mul(sat_mul(t, n), attention->backward ? 4 * e : 2 * e);
  return sat_add(min_u64(queries_stay, keys_stay), scores);
}

/* The first blocks in, the last out, and the pipeline of the softmax: what nothing hides. */
static uint64_t edge_cycles(const struct attention *attention) {
  const struct machine *const machine = attention->machine;
  if (machine->settings->array_overlap == OVERLAP_IDEAL) return 0;
  const uint64_t m = min_u64(attention->shares.rows, machine->rows), n = min_u64(attention->n, machine->cols);
  const uint64_t d = min_u64(attention->d, machine->rows), out = min_u64(attention->v, machine->cols);
  const uint64_t e = attention->e, active = attention->shares.active, all = attention->compulsory_bytes;
  const uint64_t in_bytes = min_u64(sat_mul(active, (m + n) * d * e), all);
  const uint64_t out_bytes = min_u64(sat_mul(active, m * out * e), all);
  return sat_add(machine->cols, sat_add(cycles_for_bytes(in_bytes, machine->hbm_bytes_per_cycle),
                                        cycles_for_bytes(out_bytes, machine->hbm_bytes_per_cycle)));
}

/* --- the choice ---------------------------------------------------------------------------------------------------*/

/* Whether a tile fits beside all keys of its head (which cores of one head share), or beside two blocks of them. */
static bool keys_fit(const struct attention *attention, uint64_t queries) {
  const uint64_t cores = attention->shares.cores_per_head;
  const uint64_t tiles = sat_mul(sat_mul(queries, row_bytes(attention)), cores);
  return sat_add(keys_bytes(attention, attention->n), tiles) <= sat_mul(attention->machine->glb_share_bytes, cores);
}

static bool tile_fits(const struct attention *attention, uint64_t queries) {
  const uint64_t blocks =
      sat_mul(keys_bytes(attention, block_keys(attention)), attention->machine->settings->buffering);
  return sat_add(blocks, sat_mul(queries, row_bytes(attention))) <= attention->machine->glb_share_bytes;
}

/* The best so far, by the same measure as other products: time, and part of the time that its bytes take others. */
struct choice {
  struct op_cost cost;
  double objective;
};

static double objective_of(const struct machine *machine, uint64_t cycles, uint64_t hbm_bytes) {
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  const double weight = ideal ? 0 : machine->settings->traffic_weight;
  return (double)cycles + weight * (double)cycles_for_bytes(hbm_bytes, machine->hbm_bytes_per_cycle);
}

static bool is_better(const struct op_cost *cost, double objective, const struct choice *best) {
  if (objective != best->objective) return objective < best->objective;
  if (cost->cycles != best->cost.cycles) return cost->cycles < best->cost.cycles;
  return cost->hbm_bytes < best->cost.hbm_bytes;
}

static void try_tile(const struct attention *attention, uint64_t queries, struct choice *best) {
  const struct machine *const machine = attention->machine;
  const struct cost_settings *const settings = machine->settings;
  const struct tile tile = tile_of(attention, queries);
  struct op_cost cost = {.hbm_bytes = attention->compulsory_bytes};
  if (!keys_fit(attention, queries)) cost.hbm_bytes = sat_add(cost.hbm_bytes, repeated_bytes(attention, &tile));
  const uint64_t core_bytes = sat_mul(tile.rounds, inner_bytes(attention, &tile));
  cost.glb_bytes = max_u64(sat_mul(core_bytes, attention->shares.active), cost.hbm_bytes);
  const uint64_t glb_fill = settings->glb_ports == 1 ? cost.hbm_bytes : 0; /* by turns with what leaves it */
  const uint64_t l2 = cycles_for_bytes(core_bytes, machine->l2_bytes_per_cycle), edges = edge_cycles(attention);
  uint64_t slowest = max_u64(attention->lane_cycles, cycles_for_bytes(cost.hbm_bytes, machine->hbm_bytes_per_cycle));
  slowest = max_u64(slowest, cycles_for_bytes(sat_add(cost.glb_bytes, glb_fill), machine->glb_bytes_per_cycle));
  slowest = max_u64(slowest, l2);
  if (objective_of(machine, sat_add(slowest, edges), cost.hbm_bytes) > best->objective) return;
  const struct op_cost products = core_products(attention, &tile);
  const uint64_t paced = tensor_paced_cycles(machine, attention->op, products.cycles);
  const uint64_t arrays = settings->l2_ports == 1 ? sat_add(paced, l2) : paced; /* they wait */
  cost.cycles = sat_add(max_u64(slowest, arrays), edges);
  const double objective = objective_of(machine, cost.cycles, cost.hbm_bytes);
  if (!is_better(&cost, objective, best)) return;
  cost.array_bytes = sat_mul(products.array_bytes, attention->shares.active);
  cost.mapping = products.mapping;
  cost.mapping.split = attention->n_cores == 1 ? '-' : attention->shares.cores_per_head == 1 ? 'b' : 'm';
  cost.mapping.cores = core_grid_along(cost.mapping.split, attention->n_cores);
  const uint64_t parts = ceil_div(attention->m, queries);
  cost.mapping.glb = (struct tile_loops){
      .order = "mnk", .m = (uint32_t)min_u64(parts, UINT32_MAX), .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1};
  *best = (struct choice){cost, objective};
}

static void try_parts(const struct attention *attention, uint64_t parts, struct choice *best) {
  const uint64_t rows = attention->shares.rows, edge = attention->machine->rows;
  const uint64_t even = ceil_div(rows, parts), folded = sat_mul(ceil_div(even, edge), edge);
  if (folded < rows && (keys_fit(attention, folded) || tile_fits(attention, folded))) try_tile(attention, folded, best);
  if (keys_fit(attention, even) || tile_fits(attention, even)) try_tile(attention, even, best);
}

/* Rows in 1, 2, 3, 4, 6, 8, 12, … equal tiles, and the same rounded up to whole folds of the array; at last query by
 * query, which is taken to fit. */
static void try_tiles(const struct attention *attention, struct choice *best) {
  for (uint64_t parts = 1; parts <= attention->shares.rows; parts *= 2) {
    try_parts(attention, parts, best);
    if (parts > 1) try_parts(attention, parts / 2 * 3, best);
  }
  try_tile(attention, 1, best);
}

/* --- the op -------------------------------------------------------------------------------------------------------*/

static uint64_t declared_bytes(const struct op *op) {
  return sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
}

static uint64_t lanes_of(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                         uint64_t n_cores) {
  return sat_add(vector_attention_cycles(machine, op, n_cores),
                 vector_followers_cycles(machine, op, followers, n_cores));
}

static uint64_t array_floor(const struct machine *machine, const struct op *op, uint64_t n_cores) {
  const uint64_t macs = op_macs(op), per_cycle = sat_mul(sat_mul(machine->rows, machine->cols), n_cores);
  return per_cycle == 0 || macs == UINT64_MAX ? UINT64_MAX
                                              : tensor_paced_cycles(machine, op, ceil_div(macs, per_cycle));
}

/* Nothing to multiply: what is left of the op moves its bytes. */
static void empty_cost(const struct machine *machine, uint64_t lane_cycles, uint64_t bytes, struct op_cost *cost) {
  cost->hbm_bytes = cost->glb_bytes = bytes;
  cost->bound_cycles = max_u64(lane_cycles, cycles_for_bytes(bytes, machine->hbm_bytes_per_cycle));
  cost->cycles = max_u64(cost->bound_cycles, cycles_for_bytes(bytes, machine->glb_bytes_per_cycle));
}

/* No count of the products' bytes or cycles can wrap. */
static bool in_range(const struct machine *machine, const struct op *op) {
  const uint64_t widest = 5 * 16 * (op->element_bytes + machine->settings->accumulator_bytes);
  const uint64_t width = max_u64(op->dim[DIM_K], op_value_size(op));
  const uint64_t scores = sat_mul(sat_mul(op->dim[DIM_REPS], op->dim[DIM_M]), sat_mul(op->dim[DIM_N], width));
  return sat_mul(scores, widest) < (uint64_t)1 << 62;
}

void attention_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                    uint64_t n_cores, struct op_cost *cost) {
  const uint64_t reps = op->dim[DIM_REPS], m = op->dim[DIM_M], macs = op_macs(op), bytes = declared_bytes(op);
  const uint64_t lanes = lanes_of(machine, op, followers, n_cores);
  *cost = (struct op_cost){.cycles = UINT64_MAX, .hbm_bytes = UINT64_MAX, .mapping = {.split = '-'}};
  if (macs == 0) {
    empty_cost(machine, lanes, bytes, cost);
    return;
  }
  const uint64_t memory = cycles_for_bytes(bytes, machine->hbm_bytes_per_cycle);
  const uint64_t bound = max_u64(max_u64(array_floor(machine, op, n_cores), lanes), memory);
  if (bound == UINT64_MAX || !in_range(machine, op)) return;
  const struct attention attention = {.machine = machine,
                                      .op = op,
                                      .reps = reps,
                                      .m = m,
                                      .n = op->dim[DIM_N],
                                      .d = op->dim[DIM_K],
                                      .v = op_value_size(op),
                                      .sharers = max_u64(op->dim[DIM_KEY_SHARERS], 1),
                                      .e = op->element_bytes,
                                      .acc = machine->settings->accumulator_bytes,
                                      .backward = op->phase != PHASE_FORWARD,
                                      .causal = op->dim[DIM_CAUSAL] != 0,
                                      .shares = share_out(reps, m, n_cores),
                                      .n_cores = n_cores,
                                      .lane_cycles = lanes,
                                      .compulsory_bytes = bytes};
  struct choice best = {.cost = *cost, .objective = __builtin_inf()};
  try_tiles(&attention, &best);
  *cost = best.cost;
  cost->bound_cycles = bound;
  cost->macs = macs;
  cost->lane_cycles = sat_mul(lanes, sat_mul(machine->lanes, n_cores));
}

void attention_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                     struct op_floor *floor) {
  const uint64_t array = op_macs(op) == 0 ? 0 : array_floor(machine, op, 1);
  floor->compute_cycles = max_u64(array, lanes_of(machine, op, followers, 1));
  floor->hbm_bytes = declared_bytes(op);
  floor->memory_cycles = cycles_for_bytes(floor->hbm_bytes, machine->hbm_bytes_per_cycle);
}

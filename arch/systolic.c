/* How long does an op take on arrays that memory never stalls? (provider `systolic`)
 *
 * Source: cost-model §2, middle column (`array_overlap = none`) and word counts: the closed forms of SCALE-Sim v2,
 * whose runs they equal. Folds follow each other; each loads its block, streams past it and drains. Convolutions are
 * im2col products, depthwise ones a product a channel, always on the array. Several cores share out M, N or the
 * repetitions, whichever takes the fewest cycles, ties by words, then in that order. Lanes and links work as in
 * `physical`, with memory that never limits either.
 *
 * sram_bytes are the words between arrays and their memory, each as wide as an element, partial sums too. Bytes from
 * HBM are the compulsory ones, for energy; no time follows from them. Left out: stalls, splits of K (SCALE-Sim has no
 * reduction between arrays), the pipeline fill of fused followers, cost.depthwise_on, cost.array_overlap. */
#include "arch/systolic.h"
#include "arch/physical.h"
#include "arch/product.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/error.h"

/* One product m × n × k. */
static struct systolic_counts count_product(const struct systolic_array *array, uint64_t m, uint64_t n, uint64_t k) {
  const uint64_t rows = array->rows, cols = array->cols;
  const uint64_t a = sat_mul(m, k), b = sat_mul(k, n), c = sat_mul(m, n);
  struct systolic_counts counts = {0};
  uint64_t across, down, each; /* folds along the array's columns and rows; cycles of one */
  switch (array->dataflow) {
  case DATAFLOW_WS:
    across = ceil_div(n, cols), down = ceil_div(k, rows), each = sat_add(m, 2 * rows + cols - 2);
    counts.a_words = sat_mul(a, across), counts.b_words = b, counts.c_words = sat_mul(c, down);
    break;
  case DATAFLOW_OS:
    across = ceil_div(n, cols), down = ceil_div(m, rows), each = sat_add(k, rows + cols - 2);
    counts.a_words = sat_mul(a, across), counts.b_words = sat_mul(b, down), counts.c_words = c;
    break;
  case DATAFLOW_IS:
    across = ceil_div(m, cols), down = ceil_div(k, rows), each = sat_add(n, 2 * rows + cols - 2);
    counts.a_words = a, counts.b_words = sat_mul(b, across), counts.c_words = sat_mul(c, down);
    break;
  default:
    BUG("no dataflow %llu", (unsigned long long)array->dataflow);
  }
  counts.folds = sat_mul(across, down);
  counts.cycles = sat_mul(counts.folds, each);
  return counts;
}

/* Adds `times` products; `in_turn` of them follow each other in time. */
static void add(struct systolic_counts *sum, const struct systolic_counts *one, uint64_t times, uint64_t in_turn) {
  sum->cycles = sat_add(sum->cycles, sat_mul(one->cycles, in_turn));
  sum->folds = sat_add(sum->folds, sat_mul(one->folds, times));
  sum->a_words = sat_add(sum->a_words, sat_mul(one->a_words, times));
  sum->b_words = sat_add(sum->b_words, sat_mul(one->b_words, times));
  sum->c_words = sat_add(sum->c_words, sat_mul(one->c_words, times));
}

/* `n_cores` arrays share out 'm', 'n' or 'b' (repetitions) of a product: cycles of the largest share, words of all. */
static struct systolic_counts count_split(const struct product *product, const struct systolic_array *array, char split,
                                          uint64_t n_cores) {
  struct systolic_counts sum = {0};
  const uint64_t in_turn = split == 'b' ? ceil_div(product->reps, n_cores) : product->reps;
  for (uint32_t i = 0; i < product->n_parts; i++) {
    const struct product_part *const part = &product->part[i];
    const uint64_t whole = split == 'm' ? part->m : product->n;
    const uint64_t share = split == 'b' ? whole : ceil_div(whole, n_cores);
    const uint64_t full = whole / share, rest = whole % share;
    const uint64_t times = sat_mul(part->times, product->reps);
    struct systolic_counts one =
        split == 'm' ? count_product(array, share, product->n, part->k) : count_product(array, part->m, share, part->k);
    add(&sum, &one, sat_mul(times, full), sat_mul(part->times, in_turn));
    if (rest == 0) continue;
    one = split == 'm' ? count_product(array, rest, product->n, part->k) : count_product(array, part->m, rest, part->k);
    add(&sum, &one, times, 0);
  }
  return sum;
}

void systolic_count(const struct op *op, const struct systolic_array *array, uint64_t deconv,
                    struct systolic_counts *counts) {
  struct product product;
  *counts = (struct systolic_counts){0};
  if (product_init(op, deconv, &product)) *counts = count_split(&product, array, 'b', 1);
}

static uint64_t words_of(const struct systolic_counts *counts) {
  return sat_add(counts->a_words, sat_add(counts->b_words, counts->c_words));
}

/* Over the enabled dataflows, orientations and splits. Ties: fewer words, then ws, os, is; upright before turned. */
static struct systolic_counts best_counts(const struct machine *machine, const struct product *product,
                                          uint64_t n_cores, struct mapping *mapping) {
  const uint64_t enabled = machine->settings->dataflow;
  const bool turn = machine->settings->transpose && machine->rows != machine->cols;
  struct systolic_counts best = {.cycles = UINT64_MAX, .a_words = UINT64_MAX};
  for (const char *split = n_cores == 1 ? "b" : "mnb"; *split != '\0'; split++) {
    for (int turned = 0; turned <= (int)turn; turned++) {
      for (uint64_t dataflow = DATAFLOW_WS; dataflow < DATAFLOW_ALL; dataflow++) {
        if (enabled != DATAFLOW_ALL && enabled != dataflow) continue;
        const struct systolic_array array = {turned ? machine->cols : machine->rows,
                                             turned ? machine->rows : machine->cols, dataflow};
        const struct systolic_counts counts = count_split(product, &array, *split, n_cores);
        if (counts.cycles > best.cycles) continue;
        if (counts.cycles == best.cycles && words_of(&counts) >= words_of(&best)) continue;
        best = counts;
        mapping->dataflow = (uint8_t)dataflow;
        mapping->transposed = turned != 0;
        mapping->split = n_cores == 1 ? '-' : *split;
        mapping->cores = core_grid_along(mapping->split, n_cores);
      }
    }
  }
  return best;
}

/* Neither HBM nor buffers limit anything. */
static struct machine unlimited(const struct machine *machine) {
  struct machine copy = *machine;
  copy.hbm_bytes_per_cycle = copy.glb_bytes_per_cycle = copy.l2_bytes_per_cycle = __builtin_inf();
  return copy;
}

static bool has_array(const struct machine *machine) { return machine->rows != 0 && machine->cols != 0; }

/* Nothing is cut into tiles: the array's folds are all there is. */
static const struct mapping untiled = {.split = '-',
                                       .cores = {1, 1, 1, 1},
                                       .patch_rows = 1,
                                       .patch_cols = 1,
                                       .abreast = 1,
                                       .glb = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1},
                                       .l2 = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1}};

/* An op with nothing to multiply leaves its followers and its bytes. */
static void array_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles, uint64_t n_cores,
                       struct op_cost *cost) {
  struct product product;
  struct systolic_counts counts = {0};
  cost->hbm_bytes = cost->glb_bytes = cost->l2_bytes = tensor_compulsory_bytes(op);
  cost->cycles = cost->bound_cycles = follower_cycles;
  if (!product_init(op, machine->settings->deconv, &product)) return;
  cost->cycles = UINT64_MAX;
  if (!has_array(machine)) return;
  counts = best_counts(machine, &product, n_cores, &cost->mapping);
  const uint64_t slots = sat_mul(sat_mul(machine->rows, machine->cols), n_cores);
  const uint64_t macs = min_u64(op_macs(op), product_macs(&product));
  cost->cycles = max_u64(counts.cycles, follower_cycles);
  cost->bound_cycles = max_u64(ceil_div(macs, slots), follower_cycles);
  cost->array_bytes = sat_mul(words_of(&counts), op->element_bytes);
  cost->glb_bytes = cost->l2_bytes = max_u64(cost->array_bytes, cost->hbm_bytes);
  cost->macs = op_macs(op);
}

static void systolic_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                          uint64_t n_cores, struct op_cost *cost) {
  const struct machine copy = unlimited(machine);
  *cost = (struct op_cost){.mapping = untiled};
  switch (op_kinds[op->kind].class) {
  case CLASS_NONE:
    break;
  case CLASS_LINK:
    link_cost(&copy, op, cost);
    break;
  case CLASS_VECTOR:
    vector_cost(&copy, op, followers, n_cores, cost);
    break;
  case CLASS_TENSOR: {
    const uint64_t follow = vector_followers_cycles(machine, op, followers, n_cores);
    array_cost(machine, op, follow, n_cores, cost);
    if (follow != UINT64_MAX) cost->lane_cycles = sat_mul(follow, sat_mul(machine->lanes, n_cores));
  }
  }
  cost_check(op, cost);
}

/* k shares of a product take at least its cycles together, whatever is shared out, since folds are counted up and
 * each fold of a share fills and drains as one of the whole does. So the cycles on one core are the floor. */
static void systolic_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                           struct op_floor *floor) {
  const struct machine copy = unlimited(machine);
  *floor = (struct op_floor){0};
  switch (op_kinds[op->kind].class) {
  case CLASS_NONE:
    break;
  case CLASS_LINK:
    link_floor(&copy, op, floor);
    break;
  case CLASS_VECTOR:
    vector_floor(&copy, op, followers, floor);
    break;
  case CLASS_TENSOR: {
    struct op_cost cost = {.mapping = untiled};
    array_cost(machine, op, vector_followers_cycles(machine, op, followers, 1), 1, &cost);
    floor->compute_cycles = cost.cycles;
    floor->hbm_bytes = cost.hbm_bytes;
  }
  }
}

static void systolic_words(const struct machine *machine, const struct op *op, uint64_t n_cores,
                           const struct mapping *mapping, uint64_t words[3]) {
  struct product product;
  words[0] = words[1] = words[2] = 0;
  if (!product_init(op, machine->settings->deconv, &product) || !has_array(machine)) return;
  const bool turned = mapping->transposed;
  const struct systolic_array array = {turned ? machine->cols : machine->rows, turned ? machine->rows : machine->cols,
                                       mapping->dataflow};
  const struct systolic_counts counts = count_split(&product, &array, n_cores == 1 ? 'b' : mapping->split, n_cores);
  words[0] = counts.a_words;
  words[1] = counts.b_words;
  words[2] = counts.c_words;
}

const struct cost_provider systolic_provider = {
    .name = "systolic",
    .doc = "SCALE-Sim's closed forms, stall-free: memory never limits; lanes and links as physical",
    .has_bandwidth = false,
    .has_tdp = true,
    .floor_sight = FLOORS_SEE_ALL,
    .op_cost = systolic_cost,
    .op_floor = systolic_floor,
    .op_classes = cost_plain_classes,
    .op_words = systolic_words,
};

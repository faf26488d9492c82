/* Does a mapping move what its cost says?
 *
 * Runs the mapping's loops (nest_walk.c) on every core of its grid and adds up what they moved: into the GLB what each
 * core needs of its own, since what several share moves once; below it what the first core's share moves, on each. Then
 * time from bytes and folds (cost-model §2, "Array time", "Latency"). Shares no code with what makes costs.
 *
 * Left out: fused attention; lanes; whether another mapping would be better (property tests). */
#include "arch/nest_check.h"
#include "arch/nest_walk.h"
#include "base/checked.h"
#include <inttypes.h>

struct judge {
  struct nest nest;
  const struct op *op;
  const struct op_cost *cost;
  struct nest_count *count;
  struct error *error;
  uint64_t n_cores;
  struct moved hbm; /* of one product on all cores */
  uint64_t glb_peak_bytes, l2_peak_bytes;
  struct nest first; /* what the first core has done */
  /* Of all products, each operand once; what the op names beyond them. */
  uint64_t ab_bytes, c_bytes, extra_bytes, compulsory_bytes;
};

static uint64_t total(const struct moved *moved) { return moved->a + moved->b + moved->partial + moved->finished; }

/* What one core moves for its share, on all of a grid: A and B once for the cores that share them. */
static uint64_t on_all_cores(const struct judge *judge, const struct moved *core) {
  const struct core_grid *const cores = &judge->nest.mapping->cores;
  const uint64_t apart = (uint64_t)cores->k * cores->b;
  return apart * (cores->m * core->a + cores->n * core->b + cores->m * cores->n * (core->partial + core->finished));
}

/* --- running ------------------------------------------------------------------------------------------------------*/

/* Cores along N share A, those along M share B; those along K have partial sums of their own, and one result. */
static void run_core(struct judge *judge, const struct core_grid *core) {
  struct nest *const nest = &judge->nest;
  nest->glb.moved = (struct moved){0};
  nest_run(nest, core);
  const struct moved *const moved = &nest->glb.moved;
  if (core->n == 0) judge->hbm.a += moved->a;
  if (core->m == 0) judge->hbm.b += moved->b;
  if (core->k == 0) judge->hbm.finished += moved->finished;
  judge->hbm.partial += moved->partial;
  judge->glb_peak_bytes = max_u64(judge->glb_peak_bytes, nest->glb.peak_bytes);
  judge->l2_peak_bytes = max_u64(judge->l2_peak_bytes, nest->l2.peak_bytes);
  if (core->m + core->n + core->k == 0) judge->first = *nest;
}

static void run_cores(struct judge *judge) {
  const struct core_grid *const cores = &judge->nest.mapping->cores;
  struct core_grid core = {0};
  for (core.m = 0; core.m < cores->m; core.m++)
    for (core.n = 0; core.n < cores->n; core.n++)
      for (core.k = 0; core.k < cores->k; core.k++) run_core(judge, &core);
}

/* --- adding up ----------------------------------------------------------------------------------------------------*/

/* What the op names beyond its products' operands moves as it is; what windows step over does not. */
static void count_operands(struct judge *judge) {
  const struct nest *const nest = &judge->nest;
  const struct op *const op = judge->op;
  const uint64_t each = nest->reps * nest->element_bytes, width = nest->axis[WIDTH].whole;
  const uint64_t b = nest_k(nest, false) * width, c = nest_m(nest, false) * width;
  const uint64_t input =
      nest->axis[IMAGES].whole * nest->axis[DEPTH].whole * nest->rows.in * nest->cols.in; /* seen or not */
  const uint64_t declared = op->in_bytes + op->weight_bytes + op->out_bytes, named = each * (input + b + c);
  judge->ab_bytes = each * (nest_a_elements(nest) + b);
  judge->c_bytes = each * c;
  const uint64_t touched = judge->ab_bytes + judge->c_bytes;
  judge->extra_bytes = declared > named ? declared - named : 0;
  judge->compulsory_bytes = declared >= named ? touched + judge->extra_bytes : min_u64(declared, touched);
}

static uint64_t array_cycles(const struct nest *core) {
  const struct mapping *const mapping = core->mapping;
  const uint64_t rounds = ceil_div(core->reps / mapping->cores.b, mapping->abreast);
  const uint64_t down = mapping->dataflow == DATAFLOW_OS ? core->array_rows : 2 * core->array_rows;
  const uint64_t fill = down + core->array_cols - 2;
  switch (core->machine->settings->array_overlap) {
  case OVERLAP_NONE:
    return rounds * (core->streams + core->folds * fill);
  case OVERLAP_IDEAL:
    return rounds * core->streams;
  default: /* the next block loads, a cycle a row, while this one works; nothing follows the last fold */
    return rounds * core->padded_streams - max_u64(core->last_stream, core->array_rows) + core->last_stream + fill;
  }
}

/* The first blocks in and the last out, of an edge of each array; filling the followers' pipeline. */
static uint64_t edge_cycles(const struct judge *judge, bool followed) {
  const struct nest *const nest = &judge->nest;
  const struct machine *const machine = nest->machine;
  const struct core_grid *const cores = &nest->mapping->cores;
  if (machine->settings->array_overlap == OVERLAP_IDEAL) return 0;
  const uint64_t m = min_u64(nest_m(nest, true), machine->rows), k = min_u64(nest_k(nest, true), machine->rows);
  const uint64_t n = min_u64(nest->axis[WIDTH].length, machine->cols), e = nest->element_bytes;
  const uint64_t in = (uint64_t)cores->k * cores->b * (cores->m * m + cores->n * n) * k * e;
  const uint64_t out = judge->n_cores * m * n * e;
  return cycles_for_bytes(min_u64(in, judge->ab_bytes), machine->hbm_bytes_per_cycle) +
         cycles_for_bytes(min_u64(out, judge->c_bytes), machine->hbm_bytes_per_cycle) + (followed ? machine->cols : 0);
}

/* Partial sums that cores along K hand on to each other, out and back. */
static uint64_t reduction_bytes(const struct judge *judge) {
  const struct nest *const nest = &judge->nest;
  const uint64_t c = nest_m(nest, false) * nest->axis[WIDTH].whole * nest->sum_bytes;
  return 2 * (nest->mapping->cores.k - UINT64_C(1)) * c * nest->reps;
}

/* `core_bytes`: into one L2; `words_bytes`: out of it. */
static uint64_t all_cycles(const struct judge *judge, uint64_t core_bytes, uint64_t words_bytes) {
  const struct machine *const machine = judge->nest.machine;
  const struct cost_settings *const settings = machine->settings;
  const struct nest_count *const count = judge->count;
  const uint64_t lanes = machine->lanes * judge->n_cores;
  const uint64_t followers = lanes > 0 ? judge->cost->lane_cycles / lanes : 0;
  const uint64_t glb = count->glb_bytes + (settings->glb_ports == 1 ? count->hbm_bytes : 0);
  const uint64_t l2 = core_bytes + (settings->l2_ports == 1 ? words_bytes : 0);
  uint64_t cycles = max_u64(array_cycles(&judge->first), followers);
  cycles = max_u64(cycles, cycles_for_bytes(count->hbm_bytes, machine->hbm_bytes_per_cycle));
  cycles = max_u64(cycles, cycles_for_bytes(glb, machine->glb_bytes_per_cycle));
  cycles = max_u64(cycles, cycles_for_bytes(l2, machine->l2_bytes_per_cycle));
  if (settings->l2_read_bytes_per_cycle > 0)
    cycles = max_u64(cycles, ceil_div(words_bytes, settings->l2_read_bytes_per_cycle));
  return cycles + edge_cycles(judge, followers > 0) +
         cycles_for_bytes(reduction_bytes(judge), machine->glb_bytes_per_cycle);
}

static void add_up(struct judge *judge) {
  const struct nest *const first = &judge->first;
  const struct mapping *const mapping = first->mapping;
  struct nest_count *const count = judge->count;
  const uint64_t reps = first->reps / mapping->cores.b; /* of one core */
  const bool tiled = mapping->glb.order[0] != '\0', twice = mapping->l2.order[0] != '\0';
  const struct moved *const inner = twice ? &first->l2.moved : &first->words;
  const uint64_t words = total(&first->words) * reps;
  *count = (struct nest_count){.glb_tiles = first->glb.tiles,
                               .l2_tiles = first->l2.tiles,
                               .glb_slides = first->glb.slides,
                               .l2_slides = first->l2.slides,
                               .folds = first->folds,
                               .array_bytes = words * judge->n_cores};
  /* Outputs of a strided gradient that no tap reaches are written all the same. */
  count->hbm_bytes =
      tiled ? total(&judge->hbm) * first->reps + judge->extra_bytes
            : max_u64(on_all_cores(judge, &first->words) * reps + judge->extra_bytes, judge->compulsory_bytes);
  const uint64_t shared = on_all_cores(judge, inner) * reps + judge->extra_bytes;
  const uint64_t own = total(inner) * reps + judge->extra_bytes / judge->n_cores;
  count->glb_bytes = mapping->through ? count->hbm_bytes : max_u64(shared, count->hbm_bytes); /* nothing bypasses it */
  count->cycles = all_cycles(judge, mapping->through ? count->hbm_bytes : own, words);
  count->glb_bytes += reduction_bytes(judge);
}

/* --- the verdict --------------------------------------------------------------------------------------------------*/

static void compare(struct judge *judge, const char *what, uint64_t walked, uint64_t claimed) {
  if (walked != claimed)
    error_add(judge->error, STATUS_INPUT, "%s: running the loops gives %" PRIu64 ", the cost says %" PRIu64, what,
              walked, claimed);
}

static void check_ticks(struct judge *judge) {
  const struct nest *const nest = &judge->nest;
  const uint64_t n = nest_ticks(nest);
  uint64_t missed = 0, repeated = 0;
  for (uint64_t i = 0; i < n; i++) {
    missed += nest->ticks[i] == 0;
    repeated += nest->ticks[i] > 1;
  }
  if (missed + repeated > 0)
    error_add(judge->error, STATUS_INPUT,
              "loops: of %" PRIu64 " multiply-accumulates %" PRIu64 " are missed, %" PRIu64 " done more than once", n,
              missed, repeated);
}

static void check_fit(struct judge *judge, const char *memory, uint64_t need_bytes, uint64_t has_bytes) {
  if (need_bytes > has_bytes)
    error_add(judge->error, STATUS_INPUT, "%s: tiles need %" PRIu64 " bytes of %" PRIu64, memory, need_bytes,
              has_bytes);
}

bool nest_check(const struct machine *machine, const struct op *op, const struct op_cost *cost, struct arena *scratch,
                struct nest_count *count, struct error *error) {
  const struct mapping *const mapping = &cost->mapping;
  const struct core_grid *const cores = &mapping->cores;
  struct judge judge = {.op = op, .cost = cost, .count = count, .error = error};
  const size_t n_before = error->n_messages;
  const struct arena_mark mark = arena_get_mark(scratch);
  *count = (struct nest_count){0};
  if (nest_read(machine, op, mapping, &judge.nest, scratch, error)) {
    judge.n_cores = (uint64_t)cores->m * cores->n * cores->k * cores->b;
    count_operands(&judge);
    run_cores(&judge);
    add_up(&judge);
    check_ticks(&judge);
    check_fit(&judge, mapping->through ? "L2, through the GLB" : "GLB", judge.glb_peak_bytes,
              mapping->through ? machine->tensor_l2_bytes : machine->glb_share_bytes * judge.n_cores);
    check_fit(&judge, "L2", judge.l2_peak_bytes, machine->tensor_l2_bytes);
    compare(&judge, "HBM bytes", count->hbm_bytes, cost->hbm_bytes);
    compare(&judge, "GLB bytes", count->glb_bytes, cost->glb_bytes);
    compare(&judge, "array bytes", count->array_bytes, cost->array_bytes);
    compare(&judge, "cycles", count->cycles, cost->cycles);
  }
  arena_rewind(scratch, mark);
  return error->n_messages == n_before;
}

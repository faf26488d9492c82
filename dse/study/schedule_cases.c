/* On which problems is the scheduler judged? See schedule_cases.h.
 *
 * Source: accelerator-search §7, targets for layers of networks and for random graphs. Random graphs are after the
 * usual generators for task graphs (layers with edges to the two layers before; chains between forks and joins). */
#include "dse/study/schedule_cases.h"

#include "base/checked.h"
#include "base/rng.h"
#include <string.h>

static void add_case(struct schedule_cases *cases, const struct schedule_case *added, struct arena *arena) {
  if (cases->n == cases->n_allocated) {
    cases->n_allocated = 2 * cases->n_allocated + 64;
    struct schedule_case *const list = ARENA_NEW(arena, struct schedule_case, cases->n_allocated);
    if (cases->n > 0) memcpy(list, cases->list, cases->n * sizeof *list);
    cases->list = list;
  }
  cases->list[cases->n++] = *added;
}

/* --- layers ---------------------------------------------------------------------------------------------------------
 */

struct layer {
  uint32_t *ops; /* in the graph's order */
  size_t n;
};

/* The ops of a layer with the edges between them; shapes stay those of the whole graph. */
static const struct op_graph *cut_out(const struct op_graph *graph, const struct layer *layer, struct arena *arena) {
  struct op_graph *const part = ARENA_NEW(arena, struct op_graph, 1);
  *part = *graph;
  uint32_t *const place = ARENA_NEW(arena, uint32_t, graph->n_ops);
  memset(place, 0xFF, graph->n_ops * sizeof *place);
  for (size_t k = 0; k < layer->n; k++) place[layer->ops[k]] = (uint32_t)k;
  struct op *const ops = ARENA_NEW(arena, struct op, layer->n);
  uint32_t *const pred_start = ARENA_NEW(arena, uint32_t, layer->n + 1);
  uint32_t *const succ_start = ARENA_NEW(arena, uint32_t, layer->n + 1);
  uint32_t *preds = NULL, *succs = NULL, n_preds = 0, n_succs = 0;
  for (unsigned pass = 0; pass < 2; pass++) { /* count, then fill */
    if (pass == 1) {
      preds = ARENA_NEW(arena, uint32_t, n_preds);
      succs = ARENA_NEW(arena, uint32_t, n_succs);
    }
    n_preds = n_succs = 0;
    for (size_t k = 0; k < layer->n; k++) {
      const uint32_t op = layer->ops[k];
      ops[k] = graph->ops[op];
      ops[k].mirror = ops[k].mirror == OP_ABSENT ? OP_ABSENT : place[ops[k].mirror];
      for (uint32_t e = graph->pred_start[op]; e < graph->pred_start[op + 1]; e++) {
        if (place[graph->preds[e]] == UINT32_MAX) continue;
        if (pass == 1) preds[n_preds] = place[graph->preds[e]];
        n_preds++;
      }
      for (uint32_t e = graph->succ_start[op]; e < graph->succ_start[op + 1]; e++) {
        if (place[graph->succs[e]] == UINT32_MAX) continue;
        if (pass == 1) succs[n_succs] = place[graph->succs[e]];
        n_succs++;
      }
      pred_start[k + 1] = n_preds;
      succ_start[k + 1] = n_succs;
    }
  }
  part->n_ops = layer->n;
  part->n_edges = n_preds;
  part->ops = ops;
  part->pred_start = pred_start;
  part->preds = preds;
  part->pred_bytes = NULL; /* nobody asks */
  part->succ_start = succ_start;
  part->succs = succs;
  return part;
}

/* What the scheduler sees of a problem, without its numbers of cores. */
static struct digest digest_of_problem(const struct schedule_problem *problem) {
  const struct op_graph *const graph = problem->graph;
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const uint32_t shape = graph->ops[i].shape;
    digest_add_u64(&stream, problem->shape_classes[shape]);
    for (unsigned w = 0; w < problem->n_widths; w++)
      digest_add_u64(&stream, problem->shape_cycles[(size_t)shape * problem->n_widths + w]);
    digest_add_u64(&stream, graph->pred_start[i + 1]);
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) digest_add_u64(&stream, graph->preds[e]);
  }
  return digest_end(&stream);
}

static size_t find_layers(const struct op_graph *graph, struct arena *arena, struct layer **layers) {
  uint32_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].layer != OP_ABSENT && graph->ops[i].layer >= n) n = graph->ops[i].layer + 1;
  *layers = ARENA_NEW(arena, struct layer, n);
  for (unsigned pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < graph->n_ops; i++) {
      if (graph->ops[i].layer == OP_ABSENT) continue;
      struct layer *const layer = &(*layers)[graph->ops[i].layer];
      if (pass == 1 && layer->ops == NULL) {
        layer->ops = ARENA_NEW(arena, uint32_t, layer->n);
        layer->n = 0;
      }
      if (pass == 1) layer->ops[layer->n] = (uint32_t)i;
      layer->n++;
    }
  return n;
}

static struct schedule_problem without_spreading(const struct schedule_problem *wide, struct arena *arena) {
  struct schedule_problem narrow = *wide;
  uint64_t *const cycles = ARENA_NEW(arena, uint64_t, wide->graph->n_shapes);
  for (size_t s = 0; s < wide->graph->n_shapes; s++) cycles[s] = wide->shape_cycles[s * wide->n_widths];
  narrow.shape_cycles = cycles;
  narrow.n_widths = 1;
  return narrow;
}

static void add_both(struct schedule_cases *cases, const char *set, const char *spread_set, const char *name,
                     const struct schedule_problem *problem, struct arena *arena) {
  if (problem->n_widths > 1) add_case(cases, &(struct schedule_case){spread_set, name, *problem}, arena);
  add_case(cases, &(struct schedule_case){set, name, without_spreading(problem, arena)}, arena);
}

/* The layers that differ in what the scheduler sees of them, and the whole graph. */
static void add_layers(const struct schedule_problem *whole, const struct layer *layers, size_t n_layers,
                       const char *name, struct schedule_cases *cases, struct arena *arena) {
  struct digest *const seen = ARENA_NEW(arena, struct digest, n_layers);
  size_t n_seen = 0;
  for (size_t l = 0; l < n_layers; l++) {
    if (layers[l].n == 0) continue;
    struct schedule_problem problem = *whole;
    problem.graph = cut_out(whole->graph, &layers[l], arena);
    seen[n_seen] = digest_of_problem(&problem);
    bool known = false;
    for (size_t k = 0; k < n_seen && !known; k++) known = digest_equal(seen[k], seen[n_seen]);
    if (known) continue;
    n_seen++;
    add_both(cases, "layers", "layers, spread", arena_printf(arena, "layer %zu of %s", l, name), &problem, arena);
  }
  add_both(cases, "networks", "networks, spread", name, whole, arena);
}

bool schedule_cases_of_layers(struct run *run, struct arena *arena, struct schedule_cases *cases, struct error *error) {
  static const uint64_t counts[] = {1, 2, 4};
  enum { N_COUNTS = sizeof counts / sizeof *counts };
  struct layer *layers;
  const size_t n_layers = find_layers(&run->graph, arena, &layers);
  for (size_t l = 0; l < n_layers; l++) {
    cases->n_cut += layers[l].n > SCHEDULE_CASE_MAX_OPS;
    layers[l].n = min_u64(layers[l].n, SCHEDULE_CASE_MAX_OPS);
  }
  for (size_t design = 0; design < N_COUNTS * N_COUNTS; design++) {
    struct accelerator accelerator;
    if (!accelerator_from_catalogue(run->invocation->data_folder, run->settings.limits.reference, arena, &accelerator,
                                    error)) {
      return false;
    }
    accelerator.tc_count = counts[design / N_COUNTS];
    accelerator.vc_count = counts[design % N_COUNTS];
    accelerator.tc_rows = accelerator.tc_cols = 128;
    if (!accelerator_derive(&accelerator, error)) return false;
    struct stage_cost_of_design cost;
    struct stage_result result;
    struct stage_detail detail;
    stage_design(&run->stage, &accelerator, &cost);
    stage_evaluate(&run->stage, &accelerator, &cost, run->designs.scratch, &result, &detail, arena);
    detail.problem.passes = 0;
    detail.problem.enough_cycles = 0;
    const char *const name = arena_printf(arena, "%s on %u + %u cores", run->workload.name,
                                          (unsigned)accelerator.tc_count, (unsigned)accelerator.vc_count);
    add_layers(&detail.problem, layers, n_layers, name, cases, arena);
  }
  return true;
}

/* --- random graphs --------------------------------------------------------------------------------------------------
 */

enum { RANDOM_OPS = 30, RANDOM_WIDTHS = 3, RANDOM_CYCLES = 100 };

/* An op's set of classes, cycles on one core, and how it spreads, as loop bounds: its shape. */
enum { OF_CLASSES = DIM_REPS, OF_CYCLES = DIM_M, OF_SPREAD = DIM_N };

static uint32_t add_op(struct graph_builder *builder, struct rng *rng, const uint32_t *preds, size_t n_preds) {
  static const uint8_t sets[] = {1, 1, 1, 1, 2, 2, 2, 4, 3, 3}; /* tensor, vector, link, tensor and vector */
  struct op op = op_new(OP_GEMM, 2);
  op.dim[OF_CLASSES] = sets[rng_below(rng, sizeof sets)];
  op.dim[OF_CYCLES] = 1 + rng_below(rng, RANDOM_CYCLES);
  op.dim[OF_SPREAD] = rng_below(rng, 3);
  return graph_builder_add(builder, &op, "op", preds, n_preds);
}

/* Evenly; with a loss of three cycles a doubling; not at all. */
static uint64_t cycles_on(const struct op *op, unsigned width) {
  const uint64_t cycles = op->dim[OF_CYCLES], split = ceil_div(cycles, UINT64_C(1) << width);
  return op->dim[OF_SPREAD] == 0 ? split : op->dim[OF_SPREAD] == 1 ? split + 3 * width : cycles;
}

static void grow_layered(struct graph_builder *builder, struct rng *rng) {
  const size_t n_ops = 8 + rng_below(rng, RANDOM_OPS - 7), mean = 2 + rng_below(rng, 4);
  size_t start = 0, previous = 0, before = 0;
  while (start < n_ops) {
    const size_t end = min_u64(start + 1 + rng_below(rng, 2 * mean - 1), n_ops);
    for (size_t i = start; i < end; i++) {
      uint32_t preds[3];
      const size_t n_preds = start == 0 ? 0 : 1 + rng_below(rng, 3);
      for (size_t k = 0; k < n_preds; k++) {
        const size_t low = k == 0 ? previous : before;
        preds[k] = (uint32_t)(low + rng_below(rng, start - low));
      }
      add_op(builder, rng, preds, n_preds);
    }
    before = previous;
    previous = start;
    start = end;
  }
}

static void grow_series_parallel(struct graph_builder *builder, struct rng *rng) {
  uint32_t joint = add_op(builder, rng, NULL, 0);
  while (graph_builder_count(builder) < RANDOM_OPS - 13) { /* a block has at most 4 chains of 3 ops and a join */
    uint32_t ends[4];
    const size_t n_chains = 1 + rng_below(rng, 4);
    for (size_t chain = 0; chain < n_chains; chain++) {
      ends[chain] = joint;
      for (size_t left = 1 + rng_below(rng, 3); left > 0; left--) ends[chain] = add_op(builder, rng, &ends[chain], 1);
    }
    joint = add_op(builder, rng, ends, n_chains);
  }
}

void schedule_cases_at_random(uint64_t seed, size_t n, struct arena *arena, struct schedule_cases *cases) {
  for (size_t task = 0; task < n; task++) {
    struct rng rng = rng_stream(seed, RNG_SCHEDULE_GRAPHS, 0, task);
    struct graph_builder *const builder = graph_builder_new(arena);
    const bool layered = task % 2 == 0, wide = task / 2 % 2 == 1;
    if (layered) {
      grow_layered(builder, &rng);
    } else {
      grow_series_parallel(builder, &rng);
    }
    struct op_graph *const graph = ARENA_NEW(arena, struct op_graph, 1);
    struct error error = {0};
    if (!graph_builder_finish(builder, arena, graph, &error)) BUG("%s", error.text);
    const unsigned n_widths = wide ? RANDOM_WIDTHS : 1;
    uint8_t *const classes = ARENA_NEW(arena, uint8_t, graph->n_shapes);
    uint64_t *const cycles = ARENA_NEW(arena, uint64_t, graph->n_shapes * n_widths);
    for (size_t s = 0; s < graph->n_shapes; s++) {
      const struct op *const op = &graph->ops[graph->shape_op[s]];
      classes[s] = (uint8_t)op->dim[OF_CLASSES];
      for (unsigned w = 0; w < n_widths; w++) cycles[s * n_widths + w] = cycles_on(op, w);
    }
    struct schedule_case added = {
        layered ? wide ? "layered, spread" : "layered"
        : wide  ? "series-parallel, spread"
                : "series-parallel",
        arena_printf(arena, "graph %zu", task),
        {.graph = graph, .shape_classes = classes, .shape_cycles = cycles, .n_widths = n_widths, .share = true}};
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) added.problem.n_cores[c] = 1 + (uint32_t)rng_below(&rng, 4);
    add_case(cases, &added, arena);
  }
}

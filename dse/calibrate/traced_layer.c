/* One layer's operators, scheduled as they are spread in public: on one core or on all of a class (accelerator-search
 * §6, "Spreading"). The published makespans are exact; ours are of the list scheduler with the critical path beside it.
 * Left out: gradients of weights and the update, which their time does not have. */
#include "dse/calibrate/traced_layer.h"

#include "arch/schedule.h"
#include "base/checked.h"
#include <stdlib.h>
#include <string.h>

enum { PASSES = 16 }; /* of improvement; more change next to nothing */

struct layer {
  const struct traced_model *model;
  const struct traced_prices *prices;
  enum traced_pass pass;
};

static uint64_t price(const struct layer *layer, size_t op, uint64_t n_cores) {
  const struct traced_model *model = layer->model;
  if (layer->prices->published != NULL && op_kinds[model->graph.ops[op].kind].family != FAMILY_LINK) {
    const uint64_t id = strtoull(strrchr(op_name(&model->graph, op), '#') + 1, NULL, 10);
    const double cycles = estimates_find(layer->prices->published, model->name, id, n_cores, layer->pass);
    if (cycles >= 0) return (uint64_t)(cycles + 0.5);
    if (n_cores > 1 && estimates_find(layer->prices->published, model->name, id, 1, layer->pass) >= 0) {
      return UINT64_MAX;
    }
  }
  return traced_op_cycles(layer->prices->machine, &model->graph, op, layer->pass, n_cores);
}

/* The op as the scheduler sees it: without time it is contracted, and a copy with traffic is a reduction. */
static void add_op(const struct layer *layer, struct graph_builder *builder, size_t i, const uint32_t *preds,
                   size_t n_preds) {
  const struct op_graph *graph = &layer->model->graph;
  struct op op = graph->ops[i];
  for (uint32_t f = 0; f < op.n_followers; f++) graph_builder_follow(builder, &graph->followers[op.first_follower + f]);
  op.n_followers = op.first_follower = 0;
  op.mirror = op.weight_group = OP_ABSENT;
  if (price(layer, i, 1) == 0) {
    op.kind = OP_FREE;
  } else if (op.kind == OP_COPY) {
    op.kind = OP_ALL_REDUCE;
  }
  graph_builder_add(builder, &op, op_name(graph, i), preds, n_preds);
}

/* Ops of the layer in the order of the pass, tied to those of it that come before. */
static struct graph_builder *build(const struct layer *layer, uint32_t number, struct arena *scratch) {
  const struct op_graph *graph = &layer->model->graph;
  struct graph_builder *builder = graph_builder_new(scratch);
  uint32_t *place = ARENA_NEW(scratch, uint32_t, graph->n_ops);
  uint32_t *row = ARENA_NEW(scratch, uint32_t, graph->n_edges);
  const bool backward = layer->pass == TRACED_BACKWARD;
  const uint32_t *start = backward ? graph->succ_start : graph->pred_start;
  const uint32_t *ends = backward ? graph->succs : graph->preds;
  for (size_t k = 0; k < graph->n_ops; k++) {
    const size_t i = backward ? graph->n_ops - 1 - k : k;
    if (graph->ops[i].layer != number) continue;
    size_t n = 0;
    for (size_t e = start[i]; e < start[i + 1]; e++) {
      if (graph->ops[ends[e]].layer == number) row[n++] = place[ends[e]];
    }
    place[i] = (uint32_t)graph_builder_count(builder);
    add_op(layer, builder, i, row, n);
  }
  return builder;
}

static unsigned classes_of(const struct layer *layer, const struct op *op) {
  if (op_kinds[op->kind].family == FAMILY_LINK) return 1u << CORE_VECTOR;
  const unsigned classes = compat_provider.op_classes(layer->prices->machine, op, NULL);
  return classes != 0 ? classes : 1u << CORE_VECTOR; /* priced by a table alone */
}

static unsigned log2_of(uint64_t n) {
  unsigned log = 0;
  while (n >> (log + 1) != 0) log++;
  return log;
}

/* Cycles of one op on each number of cores that it may take: one, or all (of odd counts the power of two below). */
static void price_widths(const struct layer *layer, const struct op *timed, const char *name, const uint64_t n_cores[2],
                         unsigned n_widths, uint8_t *classes, uint64_t *cycles) {
  const size_t op = traced_model_op(layer->model, strtoull(strrchr(name, '#') + 1, NULL, 10));
  const bool link = op_kinds[timed->kind].family == FAMILY_LINK;
  uint64_t all = UINT64_MAX;
  *classes = (uint8_t)classes_of(layer, &layer->model->graph.ops[op]);
  for (unsigned c = CORE_TENSOR; c <= CORE_VECTOR; c++) {
    if (*classes & 1u << c) all = min_u64(all, n_cores[c]);
  }
  for (unsigned w = 0; w < n_widths; w++) {
    const bool used = w == 0 || (!link && w == log2_of(all));
    cycles[w] = used ? price(layer, op, UINT64_C(1) << w) : UINT64_MAX;
  }
}

static void schedule(const struct layer *layer, const struct op_graph *graph, struct arena *scratch,
                     struct traced_time *time) {
  const struct accelerator *part = layer->prices->accelerator;
  const uint64_t n_cores[2] = {max_u64(part->tc_count, 1), max_u64(part->vc_count, 1)};
  const unsigned n_widths = 1 + log2_of(max_u64(n_cores[CORE_TENSOR], n_cores[CORE_VECTOR]));
  REQUIRE(n_widths <= SCHEDULE_MAX_WIDTHS);
  /* A table may price operators of one shape differently: each is a shape of its own. */
  struct op *ops = ARENA_NEW(scratch, struct op, graph->n_ops);
  uint8_t *classes = ARENA_NEW(scratch, uint8_t, graph->n_ops);
  uint64_t *cycles = ARENA_NEW(scratch, uint64_t, graph->n_ops * n_widths);
  for (uint32_t i = 0; i < graph->n_ops; i++) {
    ops[i] = graph->ops[i];
    ops[i].shape = i;
    price_widths(layer, &ops[i], op_name(graph, i), n_cores, n_widths, &classes[i], &cycles[i * n_widths]);
  }
  struct op_graph priced = *graph;
  priced.ops = ops;
  priced.n_shapes = graph->n_ops;
  priced.shape_op = NULL;
  const struct schedule_problem problem = {
      .graph = &priced,
      .shape_classes = classes,
      .shape_cycles = cycles,
      .n_widths = n_widths,
      .n_cores = {(uint32_t)n_cores[CORE_TENSOR], (uint32_t)n_cores[CORE_VECTOR], 1},
      .passes = PASSES,
  };
  struct schedule built;
  schedule_build(&problem, scratch, NULL, false, &built);
  *time = (struct traced_time){built.makespan_cycles, built.critical_path_cycles};
}

bool traced_layer_time(const struct traced_model *model, const struct traced_prices *prices, uint32_t layer,
                       enum traced_pass pass, struct arena *scratch, struct traced_time *time, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct layer own = {model, prices, pass};
  struct arena room; /* the scratch arena is rewound inside */
  arena_init(&room, 1 << 16);
  struct op_graph graph, timed;
  uint64_t free_kept_bytes = 0;
  *time = (struct traced_time){0};
  struct graph_builder *builder = build(&own, layer, scratch);
  bool good = true;
  if (graph_builder_count(builder) > 0) {
    good = graph_builder_finish(builder, &room, &graph, error) &&
           graph_contract(&graph, &room, scratch, &timed, &free_kept_bytes, error);
    if (good && timed.n_ops > 0) schedule(&own, &timed, scratch, time);
  }
  arena_release(&room);
  arena_rewind(scratch, mark);
  return good;
}

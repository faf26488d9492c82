/* See stage_forward.h. */
#include "arch/stage_forward.h"

/* Forward operators depend on forward operators alone; what is left out is left out of every row of successors. */
static bool forward_graph(const struct op_graph *graph, struct arena *arena, struct arena *scratch,
                          struct op_graph *out) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct graph_builder *builder = graph_builder_new(scratch);
  uint32_t *place = ARENA_NEW(scratch, uint32_t, graph->n_ops), *preds = ARENA_NEW(scratch, uint32_t, graph->n_edges);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *op = &graph->ops[i];
    place[i] = OP_ABSENT;
    if (op->phase != PHASE_FORWARD) continue;
    size_t n_preds = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      if (place[graph->preds[e]] != OP_ABSENT) preds[n_preds++] = place[graph->preds[e]];
    }
    for (size_t f = 0; f < op->n_followers; f++)
      graph_builder_follow(builder, &graph->followers[op->first_follower + f]);
    struct op moved = *op;
    moved.mirror = OP_ABSENT;
    place[i] = graph_builder_add(builder, &moved, op_name(graph, i), preds, n_preds);
  }
  const size_t n = graph_builder_count(builder);
  struct error *error = ARENA_NEW(scratch, struct error, 1); /* none: a part of what was small enough */
  const bool good = n > 0 && n < graph->n_ops && graph_builder_finish(builder, arena, out, error);
  arena_rewind(scratch, mark);
  return good;
}

bool stage_forward_init(struct stage *forward, const struct stage *stage, struct arena *arena, struct arena *scratch) {
  struct op_graph *graph = ARENA_NEW(arena, struct op_graph, 1);
  if (!forward_graph(stage->graph, arena, scratch, graph)) return false;
  *forward = *stage;
  static const struct training_settings training = {0}; /* says what the state takes: nothing, without parameters */
  static const struct stage_contracted contracted = {0};
  stage_init(forward, graph, &training, &contracted, arena);
  return true;
}

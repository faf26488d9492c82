/* What do the successors' operators cost? See traced_model.h. Vector operators and what followers add come out as
 * published, tensor operators from our own mapper (arch/compat.c). Left out: NEST's collectives, whose times come from
 * a network simulation. */
#include "dse/calibrate/traced_model.h"

#include "base/checked.h"
#include "workloads/training.h"
#include <stdlib.h>
#include <string.h>

const double traced_link_bytes_per_s = 4294967296.0;

static int compare_ids(const void *a, const void *b) {
  const uint64_t x = ((const struct traced_id *)a)->id, y = ((const struct traced_id *)b)->id;
  return (x > y) - (x < y);
}

/* Names of imported ops end in "#<id>". */
static const struct traced_id *sorted_ids(const struct op_graph *graph, struct arena *arena) {
  struct traced_id *ids = ARENA_NEW(arena, struct traced_id, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    ids[i] = (struct traced_id){strtoull(strrchr(op_name(graph, i), '#') + 1, NULL, 10), i};
  }
  qsort(ids, graph->n_ops, sizeof *ids, compare_ids);
  return ids;
}

static const uint64_t *layer_parameters(const struct op_graph *graph, size_t n_layers, struct arena *arena) {
  uint64_t *parameters = ARENA_NEW(arena, uint64_t, n_layers + 2);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *op = &graph->ops[i];
    const size_t place = op->layer == OP_ABSENT ? 0 : op->layer + 1;
    parameters[place] = sat_add(parameters[place], op->n_parameters);
  }
  return parameters;
}

/* What the network has once becomes a layer of its own; chains that were fused across stay with their heads. */
static void move_once(struct op_graph *graph, const struct trace_facts *facts, struct arena *arena) {
  if (facts->n_once == 0) return;
  struct op *ops = ARENA_NEW(arena, struct op, graph->n_ops);
  memcpy(ops, graph->ops, graph->n_ops * sizeof *ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const int64_t id = strtoll(strrchr(op_name(graph, i), '#') + 1, NULL, 10);
    for (size_t k = 0; k < facts->n_once; k++) {
      if (facts->once_ids[k] == id) ops[i].layer = (uint32_t)facts->n_layers;
    }
  }
  graph->ops = ops;
}

static const char *stem_of(const char *path, struct arena *arena) {
  const char *slash = strrchr(path, '/');
  char *name = arena_copy_text(arena, slash != NULL ? slash + 1 : path);
  char *dot = strrchr(name, '.');
  if (dot != NULL) *dot = '\0';
  return name;
}

/* Names of modules behind the last layer, in Hugging Face's and Megatron's code. */
static const char *const once_marks[] = {"final_layernorm", "model.norm", "ln_f", "lm_head", "output_layer", NULL};

bool traced_model_load(const char *path, bool once, struct arena *arena, struct arena *scratch,
                       struct traced_model *model, struct error *error) {
  struct op_graph graph;
  *model = (struct traced_model){.name = stem_of(path, arena)};
  if (!json_graph_facts(path, once ? once_marks : NULL, arena, scratch, &model->facts, error) ||
      !json_graph_load(path, TRACED_ELEMENT_BYTES, arena, scratch, &graph, error) ||
      !fusion_apply(&graph, arena, scratch, &model->graph, error)) {
    return false;
  }
  move_once(&graph, &model->facts, arena);
  move_once(&model->graph, &model->facts, arena);
  model->parameters = layer_parameters(&graph, model->facts.n_layers, arena);
  model->n_ids = model->graph.n_ops;
  model->ids = sorted_ids(&model->graph, arena);
  return true;
}

size_t traced_model_op(const struct traced_model *model, uint64_t id) {
  const struct traced_id wanted = {.id = id};
  const struct traced_id *found = bsearch(&wanted, model->ids, model->n_ids, sizeof *model->ids, compare_ids);
  return found != NULL ? found->op : SIZE_MAX;
}

/* --- links ----------------------------------------------------------------------------------------------------------
 */

/* A reduction runs forward, the copy that it is the adjoint of backward; everything else both ways. */
static bool has_traffic(const struct op *op, enum traced_pass pass) {
  if (op->kind == OP_ALL_REDUCE) return pass == TRACED_FORWARD;
  if (op->kind == OP_COPY) return pass == TRACED_BACKWARD;
  return true;
}

double traced_link_s(uint64_t bytes, uint64_t ranks, double bytes_per_s) {
  if (ranks <= 1) return 0;
  return 2 * (double)(ranks - 1) / (double)ranks * (double)bytes / bytes_per_s;
}

uint64_t traced_link_cycles(const struct op *op, enum traced_pass pass, double rate) {
  if (!has_traffic(op, pass)) return 0;
  const double cycles = traced_link_s(op->dim[DIM_BYTES], op->dim[DIM_RANKS], rate);
  return cycles >= 1e18 ? UINT64_MAX : (uint64_t)cycles + (cycles > (double)(uint64_t)cycles);
}

/* --- operators ------------------------------------------------------------------------------------------------------
 */

uint64_t traced_op_cycles(const struct machine *machine, const struct op_graph *graph, size_t op, enum traced_pass pass,
                          uint64_t n_cores) {
  enum { MOST_FOLLOWERS = 64 };
  struct op turned = graph->ops[op];
  if (op_kinds[turned.kind].family == FAMILY_LINK) {
    return traced_link_cycles(&turned, pass, traced_link_bytes_per_s / machine->clock_hz);
  }
  struct op_follower followers[MOST_FOLLOWERS];
  const uint8_t phase = pass == TRACED_BACKWARD ? PHASE_BACKWARD_DATA : PHASE_FORWARD;
  turned.phase = phase;
  if (turned.n_followers > MOST_FOLLOWERS) return UINT64_MAX;
  for (uint32_t f = 0; f < turned.n_followers; f++) {
    followers[f] = graph->followers[turned.first_follower + f];
    followers[f].phase = phase;
  }
  struct op_cost cost;
  compat_provider.op_cost(machine, &turned, followers, n_cores, &cost);
  return cost.cycles;
}

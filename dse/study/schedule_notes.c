/* Why did an operator start when it did, how was it cut, and what was moved and kept meanwhile? See schedule_notes.h.
 *
 * An operator waits for the input that comes last; if it starts later still, for cores. What is kept for the backward
 * pass is held from the end of the forward operator to the end of the last one that belongs to it. Left out: bytes of
 * what the graph contracted (views, inputs), which no operator of the schedule holds. */
#include "dse/study/schedule_notes.h"

#include "base/checked.h"
#include <inttypes.h>

static const char *const class_names[N_CORE_CLASSES] = {"tensor cores", "vector cores", "links"};

static const struct op_cost *cost_of(const struct stage_detail *detail, size_t op) {
  const unsigned width_log2 = detail->schedule.width_log2 != NULL ? detail->schedule.width_log2[op] : 0;
  return &detail->shape_costs[detail->problem.graph->ops[op].shape * detail->problem.n_widths + width_log2];
}

/* "nkm: m 4, n 2, k 1": order of the loops over tiles in the buffer that all share, and how many parts. */
static const char *tile_of(const struct op_cost *cost, struct arena *arena) {
  const struct tile_loops *loops = &cost->mapping.glb;
  if (loops->m == 0 && loops->n == 0 && loops->k == 0) return NULL;
  return arena_printf(arena, "%.4s%sm %" PRIu32 ", n %" PRIu32 ", k %" PRIu32, loops->order,
                      loops->order[0] != '\0' ? ": " : "", loops->m, loops->n, loops->k);
}

static struct timeline_note note_of(const struct stage_detail *detail, size_t op, struct arena *arena) {
  const struct op_graph *graph = detail->problem.graph;
  const struct schedule *schedule = &detail->schedule;
  struct timeline_note note = {.tile = tile_of(cost_of(detail, op), arena)};
  uint64_t ready_cycles = 0;
  for (uint32_t k = graph->pred_start[op]; k < graph->pred_start[op + 1]; k++) {
    const uint32_t before = graph->preds[k];
    if (schedule->finish_cycles[before] <= ready_cycles) continue;
    ready_cycles = schedule->finish_cycles[before];
    note.waits = op_name(graph, before);
  }
  if (schedule->start_cycles[op] <= ready_cycles) return note;
  note.waited_cycles = schedule->start_cycles[op] - ready_cycles;
  const unsigned classes = detail->problem.shape_classes[graph->ops[op].shape];
  for (unsigned c = N_CORE_CLASSES; c-- > 0;) {
    if ((classes >> c & 1) != 0) note.waits = class_names[c];
  }
  return note;
}

static void count_traffic(const struct stage_detail *detail, struct timeline_counter *counter, struct arena *arena) {
  const struct schedule *schedule = &detail->schedule;
  const size_t n_ops = detail->problem.graph->n_ops;
  struct timeline_change *changes = ARENA_NEW(arena, struct timeline_change, 2 * n_ops);
  size_t n = 0;
  for (size_t i = 0; i < n_ops; i++) {
    const int64_t bytes = (int64_t)cost_of(detail, i)->hbm_bytes;
    if (bytes == 0) continue;
    changes[n++] = (struct timeline_change){schedule->start_cycles[i], bytes};
    changes[n++] = (struct timeline_change){schedule->finish_cycles[i], -bytes};
  }
  counter->name = "HBM traffic of running operators (bytes)";
  timeline_count(counter, changes, n, arena);
}

static void count_kept(const struct stage_detail *detail, struct timeline_counter *counter, struct arena *arena) {
  const struct op_graph *graph = detail->problem.graph;
  const struct schedule *schedule = &detail->schedule;
  uint64_t *freed_cycles = ARENA_NEW(arena, uint64_t, graph->n_ops);
  struct timeline_change *changes = ARENA_NEW(arena, struct timeline_change, 2 * graph->n_ops);
  size_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const uint32_t mirror = graph->ops[i].mirror;
    if (mirror == OP_ABSENT || mirror >= graph->n_ops || graph->ops[i].phase == PHASE_UPDATE) continue;
    freed_cycles[mirror] = max_u64(freed_cycles[mirror], schedule->finish_cycles[i]);
  }
  for (size_t i = 0; i < graph->n_ops; i++) {
    const int64_t bytes = (int64_t)graph->ops[i].kept_bytes;
    if (bytes == 0) continue;
    const uint64_t from = schedule->finish_cycles[i];
    changes[n++] = (struct timeline_change){from, bytes};
    changes[n++] =
        (struct timeline_change){freed_cycles[i] > from ? freed_cycles[i] : schedule->makespan_cycles, -bytes};
  }
  counter->name = "kept for the backward pass (bytes)";
  timeline_count(counter, changes, n, arena);
}

void schedule_notes(const struct stage_detail *detail, struct timeline *timeline, struct arena *arena) {
  const size_t n_ops = detail->problem.graph->n_ops;
  struct timeline_note *of_op = ARENA_NEW(arena, struct timeline_note, n_ops);
  struct timeline_note *notes = ARENA_NEW(arena, struct timeline_note, timeline->n_bars);
  struct timeline_counter *counters = ARENA_NEW(arena, struct timeline_counter, 2);
  size_t n = 0;
  for (size_t i = 0; i < n_ops; i++) of_op[i] = note_of(detail, i, arena);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    const uint32_t *start = detail->schedule.core_list_start[c];
    for (size_t i = 0; i < n_ops; i++) {
      for (uint32_t k = start[i]; k < start[i + 1]; k++) notes[n++] = of_op[i];
    }
  }
  REQUIRE(n == timeline->n_bars);
  count_traffic(detail, &counters[0], arena);
  count_kept(detail, &counters[1], arena);
  timeline->notes = notes;
  timeline->counters = counters;
  timeline->n_counters = 2;
}

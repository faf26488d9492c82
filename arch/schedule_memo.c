/* See schedule_memo.h. */
#include "arch/schedule_memo.h"

/* What came of a problem, each half for itself. Of schedules the last one, as passes and how much is enough may differ
 * where the rest does not. */
struct outcome {
  bool is_bounded, is_scheduled;
  enum schedule_bound_kind kind;
  uint64_t bound_cycles;
  unsigned passes;
  uint64_t enough_cycles;
  struct schedule schedule; /* without arrays */
};

struct memo *schedule_memo_new(struct arena *arena, size_t n_entries) {
  return memo_new(arena, n_entries, sizeof(struct digest), sizeof(struct outcome));
}

struct digest schedule_structure(const struct op_graph *graph) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, graph->n_ops);
  digest_add_u64(&stream, graph->n_shapes);
  digest_add_bytes(&stream, graph->pred_start, (graph->n_ops + 1) * sizeof *graph->pred_start);
  digest_add_bytes(&stream, graph->preds, graph->pred_start[graph->n_ops] * sizeof *graph->preds);
  for (size_t i = 0; i < graph->n_ops; i++) digest_add_u64(&stream, graph->ops[i].shape);
  return digest_end(&stream);
}

/* All that bounds read. */
static struct digest key_of(struct digest structure, const struct schedule_problem *problem) {
  const size_t n = problem->graph->n_shapes;
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, structure.high);
  digest_add_u64(&stream, structure.low);
  digest_add_bytes(&stream, problem->shape_classes, n * sizeof *problem->shape_classes);
  digest_add_bytes(&stream, problem->shape_cycles, n * problem->n_widths * sizeof *problem->shape_cycles);
  digest_add_u64(&stream, (uint64_t)problem->n_widths << 1 | problem->share);
  digest_add_bytes(&stream, problem->n_cores, sizeof problem->n_cores);
  return digest_end(&stream);
}

/* What is known of a problem, which may be nothing. */
static struct outcome outcome_of(const struct memo *known, struct digest key) {
  const struct outcome *const found = memo_find(known, key.low, &key);
  return found != NULL ? *found : (struct outcome){.is_bounded = false};
}

static void keep(struct memo *known, struct digest key, const struct outcome *outcome) {
  struct outcome *const kept = memo_place(known, key.low, &key);
  *kept = *outcome;
}

uint64_t schedule_known_bound(struct memo *known, struct digest structure, const struct schedule_problem *problem,
                              struct arena *scratch, enum schedule_bound_kind *kind) {
  if (known == NULL) return schedule_lower_bound(problem, scratch, kind);
  const struct digest key = key_of(structure, problem);
  struct outcome outcome = outcome_of(known, key);
  if (!outcome.is_bounded) {
    outcome.bound_cycles = schedule_lower_bound(problem, scratch, &outcome.kind);
    outcome.is_bounded = true;
    keep(known, key, &outcome);
  }
  *kind = outcome.kind;
  return outcome.bound_cycles;
}

void schedule_known_build(struct memo *known, struct digest structure, const struct schedule_problem *problem,
                          struct arena *scratch, struct schedule *schedule) {
  if (known == NULL) {
    schedule_build(problem, scratch, NULL, false, schedule);
    return;
  }
  const struct digest key = key_of(structure, problem);
  struct outcome outcome = outcome_of(known, key);
  if (!outcome.is_scheduled || outcome.passes != problem->passes || outcome.enough_cycles != problem->enough_cycles) {
    schedule_build(problem, scratch, NULL, false, &outcome.schedule);
    outcome.passes = problem->passes;
    outcome.enough_cycles = problem->enough_cycles;
    outcome.is_scheduled = true;
    keep(known, key, &outcome);
  }
  *schedule = outcome.schedule;
}

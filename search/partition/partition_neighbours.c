/* Large neighbourhoods. See partition_neighbours.h. */
#include "search/partition/partition_neighbours.h"

#include <string.h>

enum { LEAST_CHIPS = 2, MOST_CHIPS = 4, FALLS_A_CHIP = 4 };

void partition_neighbours_init(struct partition_neighbours *neighbours, const struct partition_graph *graph,
                               const struct partition_limits *limits, struct arena *arena) {
  *neighbours = (struct partition_neighbours){.graph = graph,
                                              .limits = *limits,
                                              .work = partition_work_new(graph, arena),
                                              .load_ms = ARENA_NEW(arena, double, graph->problem->n_chips),
                                              .trial = ARENA_NEW(arena, uint32_t, graph->n)};
}

/* One run of chips after another around the most loaded one; true: its load fell. */
static bool improve_once(struct partition_neighbours *n, uint32_t *chip, uint64_t *left,
                         const struct partition_request *request) {
  const size_t n_groups = n->graph->n;
  uint32_t used = 0, worst = 1;
  for (size_t g = 0; g < n_groups; g++) used = chip[g] > used ? chip[g] : used;
  partition_period(n->graph, chip, n->work, n->load_ms);
  for (uint32_t c = 2; c <= used; c++) {
    if (n->load_ms[c - 1] > n->load_ms[worst - 1]) worst = c;
  }
  for (uint32_t width = LEAST_CHIPS; width <= MOST_CHIPS && width <= used; width++) {
    for (uint32_t first = worst < width ? 1 : worst - width + 1; first <= worst && first + width - 1 <= used; first++) {
      if (*left == 0 || (request->interrupted != NULL && request->interrupted(request->context))) return false;
      double value = n->load_ms[worst - 1];
      memcpy(n->trial, chip, n_groups * sizeof *chip);
      (*left)--;
      const bool better =
          partition_exact_between(n->graph, first, first + width - 1, &n->limits, request->scratch, n->trial, &value);
      if (!better) continue;
      partition_renumber(n->graph, n->trial, n->work);
      if (partition_rules(n->graph, n->trial, n->work) != PARTITION_FINE) continue;
      memcpy(chip, n->trial, n_groups * sizeof *chip);
      return true;
    }
  }
  return false;
}

uint64_t partition_neighbours_improve(struct partition_neighbours *n, uint32_t *chip, double *value, uint64_t most,
                                      const struct partition_request *request) {
  if (n->limits.pairs == 0) return 0;
  uint64_t left = most;
  /* Each time the load of one chip falls; those that may be equally loaded are as many as chips. */
  for (uint32_t i = 0; i < FALLS_A_CHIP * n->graph->problem->n_chips; i++) {
    const struct arena_mark mark = arena_get_mark(request->scratch);
    const bool better = improve_once(n, chip, &left, request);
    arena_rewind(request->scratch, mark);
    if (!better) break;
  }
  *value = partition_value(n->graph, chip, n->work);
  return most - left;
}

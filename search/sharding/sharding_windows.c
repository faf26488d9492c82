/* What do moves that stick out cost inside a range? Windows between marks, each by level 2 on its own.
 *
 * A shortest path over the layers of a set knows no skips, so on transformers over slow links it promises too much.
 * Layers run one after the other on a set: from the layer behind one mark to another mark it takes no less than level 2
 * on just those layers, however it goes on. Marks are layers whose output is all that goes on (else even steps);
 * windows of equal layers and edges share their value. */
#include "search/sharding/sharding_level2_private.h"

#include <math.h>

enum { MAX_MARKS = 24 };

/* All edges over the cut behind the place begin there. */
static bool is_neck(const struct sharding_problem *problem, uint32_t place, uint32_t *reach) {
  if (place > 0) {
    const uint32_t before = problem->topological[place - 1];
    for (uint32_t k = problem->out_start[before]; k < problem->out_start[before + 1]; k++) {
      const uint32_t to = problem->place[problem->edges[problem->out_edge[k]].to];
      *reach = to > *reach ? to : *reach;
    }
  }
  return *reach <= place;
}

static uint32_t list_marks(const struct level2_plan *plan, uint32_t *marks) {
  const struct sharding_problem *problem = plan->tables->store->problem;
  uint32_t n_necks = 0, reach = 0, n = 0;
  for (uint32_t i = 0; i + 1 < plan->n; i++) n_necks += is_neck(problem, i, &reach);
  const bool necks = n_necks >= 2;
  const uint32_t n_all = necks ? n_necks : plan->n - 1, step = (n_all + MAX_MARKS - 1) / MAX_MARKS;
  reach = 0;
  for (uint32_t i = 0, at = 0; i + 1 < plan->n; i++) {
    const bool neck = is_neck(problem, i, &reach);
    if (necks && !neck) continue;
    if (at++ % step == 0) marks[n++] = i;
  }
  marks[n++] = plan->n - 1;
  return n;
}

/* Layers and edges of both windows are alike. */
static bool are_alike(const struct level2_plan *plan, uint32_t a, uint32_t b, uint32_t n) {
  const struct sharding_store *store = plan->tables->store;
  const struct sharding_problem *problem = store->problem;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t x = problem->topological[a + i], y = problem->topological[b + i];
    const uint32_t n_in = problem->in_start[x + 1] - problem->in_start[x];
    if (store->same[x] != store->same[y] || !store->cost_by_form ||
        n_in != problem->in_start[y + 1] - problem->in_start[y]) {
      return false;
    }
    for (uint32_t j = 0; j < n_in; j++) {
      const uint32_t e = problem->in_edge[problem->in_start[x] + j], f = problem->in_edge[problem->in_start[y] + j];
      const uint32_t from = problem->place[problem->edges[e].from], other = problem->place[problem->edges[f].from];
      const bool inside = from >= a, both = other >= b;
      if (inside != both || (inside && (from - a != other - b || store->same_edge[e] != store->same_edge[f]))) {
        return false;
      }
    }
  }
  return true;
}

static double value_window(const struct level2_plan *plan, uint32_t first, uint32_t last, size_t max_width,
                           struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct level2_outside outside = {.inbound_bytes_per_s = INFINITY, .relative = true, .to_end = true};
  struct level2_plan window;
  level2_plan_make(plan->tables, first, last, &outside, scratch, &window);
  double value_s = INFINITY;
  const double bound_s =
      level2_plan_solve(&window, max_width, scratch, ARENA_NEW(scratch, uint16_t, window.n), &value_s);
  arena_rewind(scratch, mark);
  return bound_s;
}

void level2_windows_make(struct level2_plan *plan, size_t max_width, struct arena *scratch, struct arena *arena) {
  uint32_t *marks = ARENA_NEW(arena, uint32_t, MAX_MARKS + 2);
  const uint32_t n = list_marks(plan, marks);
  double *window_s = ARENA_NEW(arena, double, (size_t)n *n);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = i + 1; j < n; j++) {
      const uint32_t first = marks[i] + 1, length = marks[j] - marks[i];
      uint32_t k = 0, m = 0; /* an equal window that is known */
      for (bool found = false; k < i && !found; k += !found) {
        for (m = k + 1; m < n && marks[m] - marks[k] < length;) m++;
        found = m < n && marks[m] - marks[k] == length && are_alike(plan, marks[k] + 1, first, length);
      }
      window_s[i * n + j] = k < i ? window_s[k * n + m] : value_window(plan, first, marks[j], max_width, scratch);
    }
  }
  plan->n_marks = n, plan->marks = marks, plan->window_s = window_s;
}

double level2_window_end(const struct level2_plan *plan, uint32_t entry, uint32_t place, const double *end_s,
                         double price) {
  if (plan->window_s == NULL) return 0;
  double least_s = 0;
  uint32_t j = 0;
  while (j < plan->n_marks && plan->marks[j] < place) j++;
  if (j == plan->n_marks || plan->marks[j] != place) return 0;
  for (uint32_t i = 0; i < j; i++) {
    if (plan->marks[i] + 1 < entry) continue;
    const double from_s = plan->marks[i] >= entry ? end_s[plan->marks[i] - entry] : 0;
    const uint64_t behind = place + 1 < plan->n ? plan->layers[place + 1].least_lasting_bytes : 0;
    const double bytes = (double)(plan->layers[plan->marks[i] + 1].least_lasting_bytes - behind);
    least_s = fmax(least_s, from_s + plan->window_s[i * plan->n_marks + j] + price * bytes);
  }
  return least_s;
}

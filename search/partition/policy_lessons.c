/* See policy_lessons.h. */
#include "search/partition/policy_lessons.h"

#include "search/partition/partition_exact.h"
#include "search/partition/partition_slicing.h"
#include "search/partition/policy_features.h"
#include <math.h>
#include <string.h>

/* A tenth of a second or less; most drawn graphs are solved. */
static const struct partition_limits label_limits = {.ideals = 100000, .pairs = 10000000};
static const double rounding = 1e-9; /* relative, of sums in another order */

/* --- labels ---------------------------------------------------------------------------------------------------------
 */

/* The order in which a placement is a row of slices: by chip, then topological. */
static void order_of(const struct partition_graph *graph, const uint32_t *chip, struct arena *scratch,
                     uint32_t *order) {
  const uint32_t n_chips = graph->problem->n_chips;
  uint32_t *const next = ARENA_NEW(scratch, uint32_t, n_chips + 2);
  for (size_t v = 0; v < graph->n; v++) next[chip[v] + 1]++;
  for (uint32_t c = 1; c <= n_chips; c++) next[c + 1] += next[c];
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = graph->topological[i];
    order[next[chip[v]]++] = v;
  }
}

struct slices {
  size_t n;
  double *done_ms, *cut_ms; /* [n + 1] before place i: compute, and what crosses the link there */
  size_t *far;              /* [n + 1] under path: a slice from i must reach this place */
};

static struct slices slices_of(const struct partition_graph *graph, const uint32_t *order, struct arena *scratch) {
  const size_t n = graph->n;
  struct slices s = {n, ARENA_NEW(scratch, double, n + 1), ARENA_NEW(scratch, double, n + 1),
                     ARENA_NEW(scratch, size_t, n + 1)};
  double *const cut = ARENA_NEW(scratch, double, n);
  size_t *const place = ARENA_NEW(scratch, size_t, n);
  policy_cuts_ms(graph, order, scratch, cut);
  for (size_t i = 0; i < n; i++) place[order[i]] = i;
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = order[i];
    s.done_ms[i + 1] = s.done_ms[i] + graph->compute_ms[v];
    s.cut_ms[i + 1] = i + 1 < n ? cut[v] : 0;
    s.far[i + 1] = s.far[i];
    for (uint32_t a = graph->out_start[v]; a < graph->out_start[v + 1]; a++) {
      if (place[graph->out[a]] + 1 > s.far[i + 1]) s.far[i + 1] = place[graph->out[a]] + 1;
    }
  }
  return s;
}

/* Slices of `order` with the least sum of squared loads, none above most_ms by the cost `ring`. False: there are none,
 * the cost being another one. */
static bool even_slices(const struct partition_graph *graph, const uint32_t *order, double most_ms,
                        struct arena *scratch, uint32_t *chip) {
  const size_t n = graph->n, n_chips = graph->problem->n_chips;
  const struct slices s = slices_of(graph, order, scratch);
  double *const best = ARENA_NEW(scratch, double, (n_chips + 1) * (n + 1));
  uint32_t *const from = ARENA_NEW(scratch, uint32_t, (n_chips + 1) * (n + 1));
  for (size_t i = 1; i <= n; i++) best[i] = INFINITY;
  for (size_t c = 1; c <= n_chips; c++) {
    const double *const above = best + (c - 1) * (n + 1);
    double *const row = best + c * (n + 1);
    for (size_t j = 0; j <= n; j++) row[j] = INFINITY;
    for (size_t i = 0; i < n; i++) {
      if (!(above[i] < INFINITY)) continue;
      const size_t first = graph->problem->triangle == PARTITION_ANY || s.far[i] < i + 1 ? i + 1 : s.far[i];
      for (size_t j = first; j <= n && s.done_ms[j] - s.done_ms[i] <= most_ms; j++) {
        const double load = s.done_ms[j] - s.done_ms[i] + s.cut_ms[i] + s.cut_ms[j];
        if (load > most_ms || !(above[i] + load * load < row[j])) continue;
        row[j] = above[i] + load * load;
        from[c * (n + 1) + j] = (uint32_t)i;
      }
    }
  }
  size_t c = 0;
  for (size_t k = 1; k <= n_chips; k++) {
    if (best[k * (n + 1) + n] < INFINITY && (c == 0 || best[k * (n + 1) + n] < best[c * (n + 1) + n])) c = k;
  }
  if (c == 0) return false;
  for (size_t end = n; c > 0; end = from[c * (n + 1) + end], c--) {
    for (size_t i = from[c * (n + 1) + end]; i < end; i++) chip[order[i]] = (uint32_t)c;
  }
  return true;
}

/* The optimum where the limits reach it. */
static double good_placement(const struct partition_graph *graph, struct arena *scratch, uint32_t *chip) {
  struct arena kept; /* what an exact search keeps for its caller */
  double value = partition_quick(graph, scratch, chip), bound = 0;
  arena_init(&kept, 1 << 16);
  const struct partition_request request = {.graph = graph, .arena = &kept, .scratch = scratch};
  partition_exact(graph, &label_limits, &request, chip, &value, &bound);
  arena_release(&kept);
  return value;
}

double policy_label(const struct partition_graph *graph, struct arena *scratch, uint32_t *chip) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double value = good_placement(graph, scratch, chip);
  if (value < INFINITY) {
    struct partition_work *const work = partition_work_new(graph, scratch);
    uint32_t *const order = ARENA_NEW(scratch, uint32_t, graph->n), *const even =
                                                                        ARENA_NEW(scratch, uint32_t, graph->n);
    order_of(graph, chip, scratch, order);
    const double most_ms = value * (1 + rounding);
    if (even_slices(graph, order, most_ms, scratch, even) && partition_value(graph, even, work) <= most_ms) {
      memcpy(chip, even, graph->n * sizeof *chip);
    }
    value = partition_value(graph, chip, work);
  }
  arena_rewind(scratch, mark);
  return value;
}

/* --- lessons --------------------------------------------------------------------------------------------------------
 */

void policy_lessons_init(struct policy_lessons *lessons, size_t room, struct arena *arena) {
  *lessons = (struct policy_lessons){.lessons = ARENA_NEW(arena, struct policy_lesson, room), .room = room};
  digest_begin(&lessons->stream);
}

bool policy_lessons_add(struct policy_lessons *lessons, const struct partition_problem *problem, const char *family,
                        bool validates, struct arena *arena, struct arena *scratch, struct error *error) {
  REQUIRE(lessons->n < lessons->room);
  struct policy_lesson *const lesson = &lessons->lessons[lessons->n];
  *lesson = (struct policy_lesson){.family = family, .problem = *problem, .validates = validates};
  if (!partition_contract(&lesson->problem, arena, &lesson->graph, error)) return false;
  lesson->label = ARENA_NEW(arena, uint32_t, lesson->graph.n);
  lesson->label_ms = policy_label(&lesson->graph, scratch, lesson->label);
  if (!(lesson->label_ms < INFINITY)) return false;
  lesson->c = policy_case_of(&lesson->graph, lessons->n, arena, scratch);
  const size_t n = lesson->graph.n, n_p = n * problem->n_chips;
  if (n > lessons->most_groups) lessons->most_groups = n;
  if (n_p > lessons->most_chances) lessons->most_chances = n_p;
  policy_corpus_digest(&lesson->problem, &lessons->stream);
  lessons->n_validating += validates;
  lessons->n++;
  return true;
}

struct digest policy_lessons_digest(const struct policy_lessons *lessons) {
  return digest_end(&lessons->stream);
}

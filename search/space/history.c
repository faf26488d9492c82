/* See history.h. */
#include "search/space/history.h"

#include "base/num.h"
#include <float.h>
#include <math.h>
#include <string.h>

void history_init(struct history *history, const struct search_request *request, size_t most_elites, bool logarithmic) {
  *history = (struct history){.space = request->space,
                              .arena = request->arena,
                              .logarithmic = logarithmic,
                              .points = point_set_new(request->arena),
                              .elite = ARENA_NEW(request->arena, size_t, most_elites + 1),
                              .most_elites = most_elites};
}

static double utility_of(const struct history *history, const struct score *score) {
  const struct space *space = history->space;
  if (score->reason != SCORE_FEASIBLE) return -(double)INFINITY;
  const double value = score->objective[space->metric];
  const double scaled = history->logarithmic ? num_log(fmax(value, DBL_MIN)) : value;
  return space->objectives[space->metric].maximise ? scaled : -scaled;
}

bool history_better(const struct history *history, size_t a, size_t b) {
  const struct told *x = &history->told[a], *y = &history->told[b];
  if (x->utility > y->utility || x->utility < y->utility) return x->utility > y->utility;
  return point_compare(&x->point, &y->point) < 0;
}

static void note_elite(struct history *history, size_t which) {
  if (isinf(history->told[which].utility)) return;
  size_t place = history->n_elite;
  while (place > 0 && history_better(history, which, history->elite[place - 1])) place--;
  if (place >= history->most_elites) return;
  if (history->n_elite < history->most_elites) history->n_elite++;
  memmove(&history->elite[place + 1], &history->elite[place], (history->n_elite - 1 - place) * sizeof *history->elite);
  history->elite[place] = which;
}

void history_tell(struct history *history, const struct record *records, size_t n) {
  if (history->n_told + n > history->capacity) {
    history->capacity = 2 * history->capacity + n;
    struct told *bigger = ARENA_NEW(history->arena, struct told, history->capacity);
    if (history->n_told > 0) memcpy(bigger, history->told, history->n_told * sizeof *bigger);
    history->told = bigger;
  }
  for (size_t i = 0; i < n; i++) {
    if (!point_set_add(history->points, &records[i].point)) continue;
    history->told[history->n_told] = (struct told){records[i].point, utility_of(history, &records[i].score)};
    note_elite(history, history->n_told++);
  }
}

size_t history_find(const struct history *history, const struct point *point) {
  return point_set_number(history->points, point);
}

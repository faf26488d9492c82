/* Which are the k best designs by one metric?
 *
 * A sorted array: k is small, and most records of a long search fail the first comparison, with the last one kept.
 * Source: accelerator-search §8, "top-k is totally ordered (score, then point)". Left out: several metrics at once,
 * which is the front's business. */
#include "results/topk.h"
#include "base/error.h"
#include <string.h>

struct topk {
  const struct objective *metric;
  size_t metric_index, capacity, n;
  struct record *records; /* best first */
};

struct topk *topk_new(struct arena *arena, const struct objective *metric, size_t metric_index, size_t capacity) {
  REQUIRE(metric_index < SCORE_MAX_OBJECTIVES);
  struct topk *const topk = ARENA_NEW(arena, struct topk, 1);
  *topk = (struct topk){.metric = metric, .metric_index = metric_index, .capacity = capacity};
  topk->records = ARENA_NEW(arena, struct record, capacity);
  return topk;
}

bool topk_add(struct topk *topk, const struct record *record) {
  if (record->score.reason != SCORE_FEASIBLE) return false;
  size_t place = topk->n;
  while (place > 0) {
    const int order = record_compare(topk->metric, topk->metric_index, record, &topk->records[place - 1]);
    if (order == 0) return false;
    if (order > 0) break;
    place--;
  }
  if (place == topk->capacity) return false;
  if (topk->n < topk->capacity) topk->n++;
  memmove(&topk->records[place + 1], &topk->records[place], (topk->n - 1 - place) * sizeof *topk->records);
  topk->records[place] = *record;
  return true;
}

void topk_merge(struct topk *topk, const struct topk *from) {
  REQUIRE(topk->metric_index == from->metric_index && topk->metric->maximise == from->metric->maximise);
  for (size_t i = 0; i < from->n; i++) topk_add(topk, &from->records[i]);
}

void topk_clear(struct topk *topk) { topk->n = 0; }

bool topk_admits(const struct topk *topk, double value, const struct point *point) {
  if (topk->n < topk->capacity) return true;
  if (topk->n == 0) return false;
  const struct record *const last = &topk->records[topk->n - 1];
  const double least = last->score.objective[topk->metric_index];
  if (value != least) return objective_better(topk->metric, value, least);
  return point_compare(point, &last->point) < 0;
}

size_t topk_count(const struct topk *topk) { return topk->n; }

const struct record *topk_at(const struct topk *topk, size_t i) {
  REQUIRE(i < topk->n);
  return &topk->records[i];
}

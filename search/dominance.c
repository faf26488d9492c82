/* See dominance.h. Quadratic in members for every front: populations are small. */
#include "search/dominance.h"

#include "base/error.h"
#include <math.h>
#include <stdint.h>

static bool dominates(const struct dominance *dominance, size_t a, size_t b) {
  const bool *feasible = dominance->feasible;
  if (feasible != NULL && (!feasible[a] || !feasible[b])) return feasible[a] && !feasible[b];
  const double *x = dominance->value + a * dominance->n_objectives, *y = dominance->value + b * dominance->n_objectives;
  bool better = false;
  for (size_t o = 0; o < dominance->n_objectives; o++) {
    if (dominance->maximise[o] ? y[o] > x[o] : y[o] < x[o]) return false;
    better = better || (dominance->maximise[o] ? x[o] > y[o] : x[o] < y[o]);
  }
  return better;
}

void dominance_rank(struct dominance *dominance) {
  const size_t n = dominance->n;
  size_t *front = dominance->front, *n_dominators = dominance->n_dominators;
  for (size_t i = 0; i < n; i++) {
    front[i] = SIZE_MAX;
    n_dominators[i] = 0;
    for (size_t j = 0; j < n; j++) n_dominators[i] += dominates(dominance, j, i);
  }
  for (size_t level = 0, n_ranked = 0; n_ranked < n; level++) {
    const size_t before = n_ranked;
    for (size_t i = 0; i < n; i++) {
      if (front[i] != SIZE_MAX || n_dominators[i] > 0) continue;
      front[i] = level;
      n_ranked++;
    }
    REQUIRE(n_ranked > before);
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j < n && front[i] == level; j++) {
        if (front[j] == SIZE_MAX) n_dominators[j] -= dominates(dominance, i, j);
      }
    }
  }
}

/* The members of one front in `room`, sorted by an objective, ties by number; how many there are. */
static size_t sort_front(struct dominance *dominance, size_t level, size_t objective) {
  size_t n = 0, *room = dominance->room;
  for (size_t i = 0; i < dominance->n; i++) {
    if (dominance->front[i] != level || (dominance->feasible != NULL && !dominance->feasible[i])) continue;
    const double value = dominance->value[i * dominance->n_objectives + objective];
    size_t place = n++;
    for (; place > 0; place--) {
      const size_t before = room[place - 1];
      const double other = dominance->value[before * dominance->n_objectives + objective];
      const bool stays = dominance->number[before] < dominance->number[i];
      if (other < value || (!(other > value) && stays)) break;
      room[place] = before;
    }
    room[place] = i;
  }
  return n;
}

static void crowd_front(struct dominance *dominance, size_t level) {
  const size_t n_objectives = dominance->n_objectives, *room = dominance->room;
  for (size_t o = 0; o < n_objectives; o++) {
    const size_t n = sort_front(dominance, level, o);
    if (n == 0) return;
    const double *value = dominance->value + o;
    const double extent = value[room[n - 1] * n_objectives] - value[room[0] * n_objectives];
    dominance->crowding[room[0]] = dominance->crowding[room[n - 1]] = (double)INFINITY;
    for (size_t i = 1; i + 1 < n && extent > 0; i++) {
      const double next = value[room[i + 1] * n_objectives], previous = value[room[i - 1] * n_objectives];
      dominance->crowding[room[i]] += (next - previous) / extent;
    }
  }
}

void dominance_crowd(struct dominance *dominance) {
  size_t n_fronts = 0;
  for (size_t i = 0; i < dominance->n; i++) {
    dominance->crowding[i] = 0;
    if (dominance->front[i] >= n_fronts) n_fronts = dominance->front[i] + 1;
  }
  for (size_t level = 0; level < n_fronts; level++) crowd_front(dominance, level);
}

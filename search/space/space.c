/* Points, their numbering, the judge of scores, and the list of algorithms. See space.h. */
#include "search/space/space.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_ALGORITHM(name) extern const struct search_algorithm search_##name;
#include "search/space/algorithms.def"
#undef SEARCH_ALGORITHM

const struct search_algorithm *const search_algorithms[] = {
#define SEARCH_ALGORITHM(name) &search_##name,
#include "search/space/algorithms.def"
#undef SEARCH_ALGORITHM
};
const size_t n_search_algorithms = sizeof search_algorithms / sizeof *search_algorithms;

const struct search_algorithm *search_algorithm_find(const char *name) {
  for (size_t i = 0; i < n_search_algorithms; i++) {
    if (strcmp(search_algorithms[i]->name, name) == 0) return search_algorithms[i];
  }
  return NULL;
}

uint64_t space_size(const struct space *space) {
  uint64_t size = 1;
  for (size_t a = 0; a < space->n_axes; a++) size = sat_mul(size, space->axes[a].n);
  return size;
}

struct point space_point(const struct space *space, uint64_t index) {
  struct point point = {{0}};
  for (size_t a = space->n_axes; a-- > 0;) {
    point.index[a] = (uint16_t)(index % space->axes[a].n);
    index /= space->axes[a].n;
  }
  REQUIRE(index == 0);
  return point;
}

uint64_t space_index(const struct space *space, const struct point *point) {
  uint64_t index = 0;
  for (size_t a = 0; a < space->n_axes; a++) index = index * space->axes[a].n + point->index[a];
  return index;
}

uint64_t space_value(const struct space *space, const struct point *point, size_t axis) {
  return space->axes[axis].values[point->index[axis]];
}

bool space_check_score(const struct space *space, const struct score *score, const char **what) {
  if (score->reason >= space->n_reasons) return *what = "an unknown reason", false;
  if (score->binding >= space->n_bindings) return *what = "an unknown binding resource", false;
  if (score->n_moves > SCORE_MAX_MOVES) return *what = "too many moves", false;
  for (size_t m = 0; m < score->n_moves; m++) {
    const struct move *move = &score->moves[m];
    if (move->axis >= space->n_axes) return *what = "a move on an axis that is not there", false;
    if (move->step == 0 || (size_t)abs(move->step) >= space->axes[move->axis].n) {
      return *what = "a move that leads nowhere on its axis", false;
    }
    if (isnan(move->worth)) return *what = "a move whose worth is not a number", false;
  }
  if (!isfinite(score->excess) || score->excess < 0) {
    return *what = "an excess that is not a finite, non-negative number", false;
  }
  if (score->reason != SCORE_FEASIBLE) return true;
  for (size_t o = 0; o < space->n_objectives; o++) {
    if (!isfinite(score->objective[o]) || score->objective[o] < 0) {
      return *what = "an objective that is not a finite, non-negative number", false;
    }
  }
  if (isnan(score->bound)) return *what = "a bound that is not a number", false; /* would pass every comparison */
  if (space_better(space, score->objective[space->metric], score->bound)) return *what = "better than its bound", false;
  return true;
}

/* --- a hash set of points: open addressing, grown by doubling in the arena ------------------------------------------
 */

struct point_set {
  struct arena *arena;
  struct point *slots;
  uint32_t *used;     /* 0: free, else the point's number + 1 */
  size_t n, capacity; /* a power of two */
};

static size_t point_slot(const struct point_set *set, const struct point *point) {
  uint64_t words[sizeof *point / sizeof(uint64_t)], hash = 0;
  memcpy(words, point, sizeof *point);
  for (size_t w = 0; w < sizeof words / sizeof *words; w++) { /* a word at a time; the multiplier is MurmurHash3's */
    hash = (hash ^ words[w]) * UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 32;
  }
  size_t slot = (size_t)hash & (set->capacity - 1);
  while (set->used[slot] && memcmp(&set->slots[slot], point, sizeof *point) != 0) {
    slot = (slot + 1) & (set->capacity - 1);
  }
  return slot;
}

struct point_set *point_set_new(struct arena *arena) {
  struct point_set *set = ARENA_NEW(arena, struct point_set, 1);
  *set = (struct point_set){.arena = arena, .capacity = 1024};
  set->slots = ARENA_NEW(arena, struct point, set->capacity);
  set->used = ARENA_NEW(arena, uint32_t, set->capacity);
  return set;
}

bool point_set_has(const struct point_set *set, const struct point *point) {
  return set->used[point_slot(set, point)] != 0;
}

size_t point_set_count(const struct point_set *set) { return set->n; }

size_t point_set_number(const struct point_set *set, const struct point *point) {
  const uint32_t used = set->used[point_slot(set, point)];
  return used != 0 ? used - 1 : SIZE_MAX;
}

bool point_set_add(struct point_set *set, const struct point *point) {
  size_t slot = point_slot(set, point);
  if (set->used[slot]) return false;
  REQUIRE(set->n < UINT32_MAX);
  set->used[slot] = (uint32_t)set->n + 1;
  set->slots[slot] = *point;
  if (++set->n * 2 <= set->capacity) return true;
  struct point_set bigger = {.arena = set->arena, .n = set->n, .capacity = set->capacity * 2};
  bigger.slots = ARENA_NEW(set->arena, struct point, bigger.capacity);
  bigger.used = ARENA_NEW(set->arena, uint32_t, bigger.capacity);
  for (size_t i = 0; i < set->capacity; i++) {
    if (!set->used[i]) continue;
    slot = point_slot(&bigger, &set->slots[i]);
    bigger.used[slot] = set->used[i];
    bigger.slots[slot] = set->slots[i];
  }
  *set = bigger;
  return true;
}

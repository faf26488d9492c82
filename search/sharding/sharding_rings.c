/* Rings and links by the number of boards alone. See sharding_rings.h.
 *
 * A ring goes through its boards in an answer's order (by group, then number) and back to the first. For each first
 * board, the best slowest link of a path over k boards that ends at a given one is a recursion over k, so that among
 * few boards the fastest ring is exact. Among many: a ring whose links are all at least so fast lies in one piece of
 * the graph of such links. Two sets that reach each other so fast also do, and each board of the one has as many links
 * of that rate as the other has boards. */
#include "search/sharding/sharding_rings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More take the recursion too long. */
enum { FEW_BOARDS = 128 };

/* --- pieces ---------------------------------------------------------------------------------------------------------
 */

struct joint { /* of two boards in a tree of fastest links */
  double rate;
  uint32_t one, other;
};

static int compare_joints(const void *x, const void *y) {
  const struct joint *a = x, *b = y;
  if (a->rate != b->rate) return a->rate > b->rate ? -1 : 1;
  if (a->one != b->one) return a->one < b->one ? -1 : 1;
  return a->other < b->other ? -1 : a->other > b->other;
}

static double either_way(const struct sharding_problem *problem, uint32_t a, uint32_t b) {
  return fmax(sharding_link(problem, a, b), sharding_link(problem, b, a));
}

/* The tree's joints, fastest first: n - 1 of them. By positions in `boards`. */
static struct joint *list_joints(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n,
                                 struct arena *arena) {
  struct joint *joints = ARENA_NEW(arena, struct joint, n), *nearest = ARENA_NEW(arena, struct joint, n);
  bool *taken = ARENA_NEW(arena, bool, n);
  for (uint32_t i = 0; i < n; i++) nearest[i] = (struct joint){-1, 0, i};
  for (uint32_t at = 0, k = 0; k + 1 < n; k++) {
    uint32_t best = SHARDING_NONE;
    taken[at] = true;
    for (uint32_t i = 0; i < n; i++) {
      if (taken[i]) continue;
      const double rate = either_way(problem, boards[at], boards[i]);
      if (rate > nearest[i].rate) nearest[i] = (struct joint){rate, at, i};
      if (best == SHARDING_NONE || nearest[i].rate > nearest[best].rate) best = i;
    }
    joints[k] = nearest[best], at = best;
  }
  qsort(joints, n > 0 ? n - 1 : 0, sizeof *joints, compare_joints);
  return joints;
}

struct pieces {
  uint32_t n, *piece_of, *size; /* [n] */
  uint32_t largest, of;         /* boards of the largest, and which it is */
};

static struct pieces pieces_new(uint32_t n, struct arena *arena) {
  struct pieces pieces = {n, ARENA_NEW(arena, uint32_t, n), ARENA_NEW(arena, uint32_t, n), 1, 0};
  for (uint32_t i = 0; i < n; i++) pieces.piece_of[i] = i, pieces.size[i] = 1;
  return pieces;
}

static void unite(struct pieces *pieces, uint32_t a, uint32_t b) {
  const uint32_t into = pieces->piece_of[a], from = pieces->piece_of[b];
  for (uint32_t i = 0; i < pieces->n; i++) {
    if (pieces->piece_of[i] == from) pieces->piece_of[i] = into;
  }
  pieces->size[into] += pieces->size[from];
  if (pieces->size[into] > pieces->largest) pieces->largest = pieces->size[into], pieces->of = into;
}

static void rings_of_pieces(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n, uint32_t most,
                            struct arena *arena, struct sharding_rings *rings) {
  const struct joint *joints = list_joints(problem, boards, n, arena);
  struct pieces pieces = pieces_new(n, arena);
  for (uint32_t k = 0; k + 1 < n; k++) {
    const uint32_t before = pieces.largest;
    unite(&pieces, joints[k].one, joints[k].other);
    if (pieces.largest == before || before >= most) continue;
    uint32_t *members = ARENA_NEW(arena, uint32_t, pieces.largest), m = 0;
    for (uint32_t i = 0; i < n; i++) {
      if (pieces.piece_of[i] == pieces.of) members[m++] = boards[i];
    }
    for (uint32_t p = before + 1; p <= pieces.largest && p <= most; p++) {
      rings->bandwidth[p] = joints[k].rate, rings->boards[p] = members; /* the first p of them */
    }
  }
}

/* --- few boards -----------------------------------------------------------------------------------------------------
 */

struct paths { /* [most * n]: k + 1 boards, from the first one to this one */
  uint32_t n, most;
  const double *link; /* [n * n] */
  double *slowest;
  uint32_t *before;
};

static void follow(struct paths *paths, uint32_t first) {
  const uint32_t n = paths->n;
  for (uint32_t i = first; i < n; i++) paths->slowest[i] = i == first ? INFINITY : 0;
  for (uint32_t k = 1; k < paths->most && first + k < n; k++) {
    const double *shorter = &paths->slowest[(size_t)(k - 1) * n];
    for (uint32_t to = first + k; to < n; to++) {
      double best = 0;
      uint32_t by = first;
      for (uint32_t from = first + k - 1; from < to; from++) {
        const double rate = fmin(shorter[from], paths->link[(size_t)from * n + to]);
        if (rate > best) best = rate, by = from;
      }
      paths->slowest[(size_t)k * n + to] = best, paths->before[(size_t)k * n + to] = by;
    }
  }
}

static void take_path(const struct paths *paths, uint32_t k, uint32_t last, const uint32_t *boards, uint32_t *ring) {
  for (uint32_t at = last;; k--) {
    ring[k] = boards[at];
    if (k == 0) return;
    at = paths->before[(size_t)k * paths->n + at];
  }
}

static void rings_of_few(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n, uint32_t most,
                         struct arena *arena, struct sharding_rings *rings) {
  double *link = ARENA_NEW(arena, double, (size_t)n *n);
  struct paths paths = {n, most, link, ARENA_NEW(arena, double, (size_t)most *n),
                        ARENA_NEW(arena, uint32_t, (size_t)most * n)};
  uint32_t **ring = ARENA_NEW(arena, uint32_t *, most + 1);
  for (uint32_t a = 0; a < n; a++) {
    for (uint32_t b = 0; b < n; b++) link[a * n + b] = a == b ? 0 : sharding_link(problem, boards[a], boards[b]);
  }
  for (uint32_t p = 2; p <= most; p++) rings->bandwidth[p] = 0, ring[p] = ARENA_NEW(arena, uint32_t, p);
  for (uint32_t first = 0; first < n; first++) {
    follow(&paths, first);
    for (uint32_t k = 1; k < most && first + k < n; k++) {
      for (uint32_t last = first + k; last < n; last++) {
        const double rate = fmin(paths.slowest[(size_t)k * n + last], link[last * n + first]);
        if (!(rate > rings->bandwidth[k + 1])) continue;
        rings->bandwidth[k + 1] = rate;
        take_path(&paths, k, last, boards, ring[k + 1]);
      }
    }
  }
  for (uint32_t p = 2; p <= most; p++) rings->boards[p] = ring[p];
}

void sharding_rings_make(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n, uint32_t most,
                         struct arena *arena, struct sharding_rings *rings) {
  *rings = (struct sharding_rings){n, ARENA_NEW(arena, double, n + 1), ARENA_NEW(arena, const uint32_t *, n + 1)};
  if (n == 0) return;
  rings->bandwidth[1] = INFINITY, rings->boards[1] = boards;
  if (n <= FEW_BOARDS) {
    rings_of_few(problem, boards, n, most, arena, rings);
  } else {
    rings_of_pieces(problem, boards, n, most, arena, rings);
  }
}

/* --- between sets ---------------------------------------------------------------------------------------------------
 */

static int compare_rates(const void *x, const void *y) {
  const double a = *(const double *)x, b = *(const double *)y;
  return a > b ? -1 : a < b;
}

/* Bounds by how many links of a board are so fast: those it has out (from x boards to y each), or in (y, from x). */
static void bound_by_degrees(const struct sharding_problem *problem, bool out, struct arena *scratch, double *rate) {
  const uint32_t n = (uint32_t)problem->n_boards;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *links = ARENA_NEW(scratch, double, (size_t)n *n), *nth = ARENA_NEW(scratch, double, n);
  for (uint32_t a = 0; a < n; a++) {
    for (uint32_t b = 0; b < n; b++) {
      links[a * n + b] = a == b ? 0 : out ? sharding_link(problem, a, b) : sharding_link(problem, b, a);
    }
    qsort(&links[a * n], n, sizeof *links, compare_rates);
  }
  for (uint32_t others = 1; others < n; others++) {
    for (uint32_t a = 0; a < n; a++) nth[a] = links[a * n + others - 1];
    qsort(nth, n, sizeof *nth, compare_rates);
    for (uint32_t own = 1; own + others <= n; own++) {
      double *at = &rate[out ? (own - 1) * n + others - 1 : (others - 1) * n + own - 1];
      *at = fmin(*at, nth[own - 1]);
    }
  }
  arena_rewind(scratch, mark);
}

const double *sharding_rates_make(const struct sharding_problem *problem, struct arena *arena) {
  const uint32_t n = (uint32_t)problem->n_boards;
  double *rate = ARENA_NEW(arena, double, (size_t)n *n);
  const struct arena_mark mark = arena_get_mark(arena);
  uint32_t *boards = ARENA_NEW(arena, uint32_t, n);
  double *together = ARENA_NEW(arena, double, n + 1); /* so many boards in one piece */
  for (uint32_t i = 0; i < n; i++) boards[i] = i;
  const struct joint *joints = list_joints(problem, boards, n, arena);
  struct pieces pieces = pieces_new(n, arena);
  for (uint32_t k = 0; k + 1 < n; k++) {
    const uint32_t before = pieces.largest;
    unite(&pieces, joints[k].one, joints[k].other);
    for (uint32_t p = before + 1; p <= pieces.largest; p++) together[p] = joints[k].rate;
  }
  for (uint32_t x = 1; x <= n; x++) {
    for (uint32_t y = 1; y <= n; y++) rate[(x - 1) * n + y - 1] = together[x + y < n ? x + y : n];
  }
  if (n <= FEW_BOARDS) {
    bound_by_degrees(problem, true, arena, rate);
    bound_by_degrees(problem, false, arena, rate);
  }
  arena_rewind(arena, mark);
  return rate;
}

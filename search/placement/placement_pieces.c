/* Which devices take which part of a chain? See placement_pieces.h.
 *
 * Whatever devices have had their turn, it is best if they got as far as they can: less is left. So the furthest end
 * for each set of devices is enough, from the ends of the sets with one device less. Above MOST_TOGETHER devices there
 * are too many sets: the device that gets furthest comes next. Exact for the chain in its order, and few devices;
 * another order of pieces that do not wait for each other may do better. */
#include "search/placement/placement_pieces.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

enum { HALVINGS = 40, MOST_TOGETHER = 14 };

struct dealer {
  struct placement_build *build;
  size_t n, n_devices;    /* pieces, devices */
  double *until_s;        /* [n_devices * (n + 1)] computation of all pieces before */
  uint32_t *barrier;      /* [n_devices * (n + 1)] the first piece from here on that cannot run there */
  uint64_t *until_bytes;  /* [n + 1] */
  uint32_t *end;          /* [n_devices * (n + 1)] how far the device gets from here */
  uint32_t *furthest;     /* [sets] */
  uint8_t *last;          /* [sets] */
  uint32_t *taken, *upto; /* [n_devices] who comes when, up to which piece */
  size_t n_taken;
};

static bool can_run_piece(const struct placement_build *build, size_t piece, uint32_t device) {
  for (uint32_t i = build->piece_start[piece]; i < build->piece_start[piece + 1]; i++) {
    if (!placement_build_can(build, build->piece_layer[i], device)) return false;
  }
  return true;
}

static void sum_up(struct dealer *dealer) {
  const struct placement_build *build = dealer->build;
  const struct placement_problem *p = build->problem;
  const size_t row = dealer->n + 1;
  for (size_t piece = 0; piece < dealer->n; piece++) {
    uint64_t bytes = 0;
    for (uint32_t i = build->piece_start[piece]; i < build->piece_start[piece + 1]; i++) {
      bytes = sat_add(bytes, p->weight_bytes[build->piece_layer[i]]);
    }
    dealer->until_bytes[piece + 1] = sat_add(dealer->until_bytes[piece], bytes);
  }
  for (uint32_t d = 0; d < dealer->n_devices; d++) {
    double *until_s = dealer->until_s + d * row;
    uint32_t *barrier = dealer->barrier + d * row;
    for (size_t piece = 0; piece < dealer->n; piece++) {
      double sum_s = 0;
      const bool can = can_run_piece(build, piece, d);
      for (uint32_t i = build->piece_start[piece]; can && i < build->piece_start[piece + 1]; i++) {
        sum_s += p->compute_s[placement_at(p, build->piece_layer[i], d)];
      }
      until_s[piece + 1] = until_s[piece] + sum_s;
    }
    barrier[dealer->n] = (uint32_t)dealer->n;
    for (size_t piece = dealer->n; piece-- > 0;) {
      barrier[piece] = can_run_piece(build, piece, d) ? barrier[piece + 1] : (uint32_t)piece;
    }
  }
}

/* Ends never lie before those of earlier beginnings. */
static void find_ends(struct dealer *dealer, double most_s) {
  const size_t row = dealer->n + 1;
  for (size_t d = 0; d < dealer->n_devices; d++) {
    const double *until_s = dealer->until_s + d * row;
    uint32_t to = 0;
    for (uint32_t from = 0; from <= dealer->n; from++) {
      if (to < from) to = from;
      while (to < dealer->barrier[d * row + from] && until_s[to + 1] - until_s[from] <= most_s &&
             dealer->until_bytes[to + 1] - dealer->until_bytes[from] <= dealer->build->room_bytes[d]) {
        to++;
      }
      dealer->end[d * row + from] = to;
    }
  }
}

static void take_turn(struct dealer *dealer, uint32_t device, uint32_t upto) {
  dealer->taken[dealer->n_taken] = device;
  dealer->upto[dealer->n_taken++] = upto;
}

static bool deal_by_sets(struct dealer *dealer) {
  const size_t n_sets = (size_t)1 << dealer->n_devices, row = dealer->n + 1;
  memset(dealer->furthest, 0, n_sets * sizeof *dealer->furthest);
  for (size_t set = 1; set < n_sets; set++) {
    for (uint32_t d = 0; d < dealer->n_devices; d++) {
      if (!(set >> d & 1)) continue;
      const uint32_t end = dealer->end[d * row + dealer->furthest[set & ~((size_t)1 << d)]];
      if (end >= dealer->furthest[set]) dealer->furthest[set] = end, dealer->last[set] = (uint8_t)d;
    }
  }
  if (dealer->furthest[n_sets - 1] < dealer->n) return false;
  size_t set = n_sets - 1;
  uint32_t turns[MOST_TOGETHER], n = 0;
  for (; set != 0; set &= ~((size_t)1 << dealer->last[set])) turns[n++] = dealer->last[set];
  uint32_t at = 0;
  while (n > 0)
    take_turn(dealer, turns[n - 1], dealer->end[turns[n - 1] * row + at]), at = dealer->upto[dealer->n_taken - 1], n--;
  return true;
}

static bool deal_furthest(struct dealer *dealer) {
  const size_t row = dealer->n + 1;
  bool *had = ARENA_NEW(dealer->build->scratch, bool, dealer->n_devices);
  uint32_t at = 0;
  while (at < dealer->n) {
    uint32_t best = PLACEMENT_NONE;
    for (uint32_t d = 0; d < dealer->n_devices; d++) {
      if (had[d] || dealer->end[d * row + at] == at) continue;
      if (best == PLACEMENT_NONE || dealer->end[d * row + at] > dealer->end[best * row + at]) best = d;
    }
    if (best == PLACEMENT_NONE) return false;
    had[best] = true;
    at = dealer->end[best * row + at];
    take_turn(dealer, best, at);
  }
  return true;
}

static bool deal_in_turn(struct dealer *dealer) {
  uint32_t at = 0;
  for (uint32_t d = 0; d < dealer->n_devices && at < dealer->n; d++) {
    take_turn(dealer, d, dealer->end[d * (dealer->n + 1) + at]);
    at = dealer->upto[dealer->n_taken - 1];
  }
  return at == dealer->n;
}

/* The largest computation of a device, or INFINITY: it does not go with this limit. */
static double deal(struct dealer *dealer, double most_s) {
  const struct arena_mark mark = arena_get_mark(dealer->build->scratch);
  find_ends(dealer, most_s);
  dealer->n_taken = 0;
  bool fine = dealer->n_devices <= MOST_TOGETHER ? deal_by_sets(dealer) : deal_furthest(dealer);
  if (!fine && dealer->n_devices > MOST_TOGETHER) dealer->n_taken = 0, fine = deal_in_turn(dealer);
  arena_rewind(dealer->build->scratch, mark);
  if (!fine) return INFINITY;
  double largest_s = 0;
  uint32_t at = 0;
  for (size_t i = 0; i < dealer->n_taken; i++) {
    const double *until_s = dealer->until_s + dealer->taken[i] * (dealer->n + 1);
    largest_s = fmax(largest_s, until_s[dealer->upto[i]] - until_s[at]);
    at = dealer->upto[i];
  }
  return largest_s;
}

static void place(const struct dealer *dealer) {
  const struct placement_build *build = dealer->build;
  size_t piece = 0;
  for (size_t i = 0; i < dealer->n_taken; i++) {
    for (; piece < dealer->upto[i]; piece++) {
      for (uint32_t k = build->piece_start[piece]; k < build->piece_start[piece + 1]; k++) {
        build->device[build->piece_layer[k]] = dealer->taken[i];
      }
    }
  }
}

bool placement_deal_pieces(struct placement_build *build) {
  const size_t n = build->n_pieces, n_devices = build->problem->n_devices, size = n_devices * (n + 1);
  struct arena *scratch = build->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct dealer dealer = {.build = build,
                          .n = n,
                          .n_devices = n_devices,
                          .until_s = ARENA_NEW(scratch, double, size),
                          .barrier = ARENA_NEW(scratch, uint32_t, size),
                          .until_bytes = ARENA_NEW(scratch, uint64_t, n + 1),
                          .end = ARENA_NEW(scratch, uint32_t, size),
                          .taken = ARENA_NEW(scratch, uint32_t, n_devices),
                          .upto = ARENA_NEW(scratch, uint32_t, n_devices)};
  if (n_devices <= MOST_TOGETHER) {
    dealer.furthest = ARENA_NEW(scratch, uint32_t, (size_t)1 << n_devices);
    dealer.last = ARENA_NEW(scratch, uint8_t, (size_t)1 << n_devices);
  }
  placement_build_reset(build);
  sum_up(&dealer);
  double high_s = deal(&dealer, INFINITY), low_s = 0;
  const bool fine = high_s < INFINITY;
  if (fine) place(&dealer);
  for (int i = 0; fine && i < HALVINGS; i++) {
    const double middle_s = (low_s + high_s) / 2, reached_s = deal(&dealer, middle_s);
    if (reached_s < INFINITY) {
      high_s = fmin(middle_s, reached_s);
      place(&dealer);
    } else {
      low_s = middle_s;
    }
  }
  arena_rewind(scratch, mark);
  return fine;
}

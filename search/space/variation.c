/* See variation.h. */
#include "search/space/variation.h"

#include "base/error.h"

static bool can_step(const struct space *space, const struct point *at, size_t axis, int step) {
  return step < 0 ? at->index[axis] > 0 : at->index[axis] + 1u < space->axes[axis].n;
}

static uint64_t steps_on(const struct space *space, const struct point *at, size_t axis) {
  if (space->axes[axis].role == AXIS_CHOICE) return space->axes[axis].n - 1;
  return (uint64_t)can_step(space, at, axis, -1) + (uint64_t)can_step(space, at, axis, 1);
}

/* The place of a point after step `which` on an axis. */
static uint16_t stepped(const struct space *space, const struct point *at, size_t axis, uint64_t which) {
  const uint16_t index = at->index[axis];
  if (space->axes[axis].role == AXIS_CHOICE) return (uint16_t)(which < index ? which : which + 1);
  return (uint16_t)(which == 0 && can_step(space, at, axis, -1) ? index - 1 : index + 1);
}

/* May an exchange step up, or down, on this axis? */
static bool can_rise(const struct space *space, const struct point *at, size_t axis) {
  return space->axes[axis].role != AXIS_CHOICE && can_step(space, at, axis, 1);
}
static bool can_fall(const struct space *space, const struct point *at, size_t axis) {
  return space->axes[axis].role != AXIS_CHOICE && can_step(space, at, axis, -1);
}

/* The axes that could fall in exchange for a rise on `up`. */
static uint64_t partners(const struct space *space, const struct point *at, size_t up, uint64_t n_falls) {
  return can_rise(space, at, up) ? n_falls - can_fall(space, at, up) : 0;
}

static uint64_t count_falls(const struct space *space, const struct point *at) {
  uint64_t n = 0;
  for (size_t a = 0; a < space->n_axes; a++) n += can_fall(space, at, a);
  return n;
}

uint64_t neighbour_count(const struct space *space, const struct point *at, bool exchanges) {
  const uint64_t n_falls = exchanges ? count_falls(space, at) : 0;
  uint64_t n = 0;
  for (size_t a = 0; a < space->n_axes; a++) n += steps_on(space, at, a);
  for (size_t up = 0; exchanges && up < space->n_axes; up++) n += partners(space, at, up, n_falls);
  return n;
}

static struct point exchange(const struct space *space, const struct point *at, size_t up, uint64_t which) {
  struct point point = *at;
  point.index[up]++;
  for (size_t down = 0; down < space->n_axes; down++) {
    if (down == up || !can_fall(space, at, down) || which-- > 0) continue;
    point.index[down]--;
    return point;
  }
  BUG("an exchange without a partner");
}

struct point neighbour(const struct space *space, const struct point *at, uint64_t which) {
  struct point point = *at;
  for (size_t a = 0; a < space->n_axes; a++) {
    const uint64_t n = steps_on(space, at, a);
    if (which < n) {
      point.index[a] = stepped(space, at, a, which);
      return point;
    }
    which -= n;
  }
  const uint64_t n_falls = count_falls(space, at);
  for (size_t up = 0; up < space->n_axes; up++) {
    const uint64_t n = partners(space, at, up, n_falls);
    if (which < n) return exchange(space, at, up, which);
    which -= n;
  }
  BUG("a neighbour that is not there");
}

static void mutate_axis(const struct space *space, struct point *point, size_t axis, struct rng *rng) {
  const uint64_t other = rng_below(rng, space->axes[axis].n - 1);
  point->index[axis] = (uint16_t)(other < point->index[axis] ? other : other + 1);
}

struct point breed(const struct space *space, const struct point *mother, const struct point *father,
                   const struct breeding *breeding, struct rng *rng) {
  struct point child = *mother;
  size_t n_free = 0; /* an axis with one value can neither differ nor mutate */
  for (size_t a = 0; a < space->n_axes; a++) n_free += space->axes[a].n > 1;
  if (rng_unit(rng) < breeding->crossover) {
    for (size_t a = 0; a < space->n_axes; a++) {
      if (rng_below(rng, 2) == 1) child.index[a] = father->index[a];
    }
  }
  for (size_t a = 0; a < space->n_axes; a++) {
    if (space->axes[a].n < 2 || !(rng_unit(rng) * (double)n_free < breeding->mutation)) continue;
    if (breeding->by_step) {
      child = neighbour(space, &child, rng_below(rng, neighbour_count(space, &child, true)));
    } else {
      mutate_axis(space, &child, a, rng);
    }
  }
  return child;
}

struct breeding breeding_of(const struct breeding_settings *settings, bool tuned) {
  return (struct breeding){.crossover = settings->crossover,
                           .mutation = settings->mutation,
                           .by_step = switch_or_preset(settings->by_step, tuned)};
}

size_t tournament_winner(size_t n, size_t size, struct rng *rng) {
  size_t first = n - 1;
  for (size_t i = 0; i < size; i++) {
    const size_t drawn = rng_below(rng, n);
    if (drawn < first) first = drawn;
  }
  return first;
}

/* See window.h. Our own reasoning: inside, a part of n outputs reads stride·n + (reach − stride) positions (or n units
 * and a constant, if the stride lies on the other side), which adds up without looking at parts; only those next to a
 * border differ, and these few are looked at. */
#include "arch/window.h"
#include "base/checked.h"

static uint64_t gcd(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static uint64_t reach(const struct window *window) { return (window->filter - 1) * window->dilation + 1; }

/* ⌊a/b⌋ and ⌈a/b⌉ for b > 0 and any sign of a. */
static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
static int64_t ceil_div_signed(int64_t a, int64_t b) { return -floor_div(-a, b); }

static uint64_t clamp(int64_t x, uint64_t limit) { return x < 0 ? 0 : min_u64((uint64_t)x, limit); }

void window_init(struct window *window, const struct window *raw) {
  *window = *raw;
  window->dilation = max_u64(raw->dilation, 1);
  if (raw->fractional) return;
  const uint64_t step = raw->filter == 1 ? raw->stride : gcd(raw->stride, window->dilation);
  if (step <= 1) return;
  const uint64_t offset = (step - raw->pad % step) % step; /* of the first position that can be read */
  window->stride = raw->stride / step;
  window->dilation = raw->filter == 1 ? 1 : window->dilation / step;
  window->pad = (raw->pad + offset) / step;
  window->in = raw->in > offset ? ceil_div(raw->in - offset, step) : 0;
}

/* Windows with gaps between them: how often does each tap meet the input? */
static uint64_t apart_extent(const struct window *window, uint64_t first, uint64_t end) {
  enum { FEW_TAPS = 64 };
  if (window->filter > FEW_TAPS) return min_u64(sat_mul(end - first, window->filter), window->in);
  uint64_t extent = 0;
  for (uint64_t j = 0; j < window->filter; j++) {
    const int64_t shift = (int64_t)window->pad - (int64_t)(j * window->dilation), stride = (int64_t)window->stride;
    const uint64_t low = max_u64(clamp(ceil_div_signed(shift, stride), end), first);
    const uint64_t high = clamp(ceil_div_signed((int64_t)window->in + shift, stride), end);
    if (high > low) extent += high - low;
  }
  return extent;
}

uint64_t window_extent(const struct window *window, uint64_t first, uint64_t end) {
  const int64_t stride = (int64_t)window->stride, pad = (int64_t)window->pad, span = (int64_t)reach(window);
  int64_t low, high;
  if (window->fractional) {
    low = ceil_div_signed((int64_t)first + pad - span + 1, stride);
    high = floor_div((int64_t)end - 1 + pad, stride) + 1;
  } else {
    if (span < stride) return apart_extent(window, first, end);
    low = (int64_t)first * stride - pad;
    high = (int64_t)(end - 1) * stride - pad + span;
  }
  const uint64_t from = clamp(low, window->in), to = clamp(high, window->in);
  return to > from ? to - from : 0;
}

/* What a part adds on top of `slope` for each of its outputs (or units). */
static uint64_t overlap(const struct window *window) {
  const uint64_t span = reach(window);
  if (!window->fractional) return span < window->stride ? 0 : span - window->stride;
  const int64_t stride = (int64_t)window->stride, pad = (int64_t)window->pad;
  return (uint64_t)(floor_div(pad - 1, stride) - ceil_div_signed(pad - (int64_t)span + 1, stride) + 1);
}

static uint64_t inside_extent(const struct window *window, uint64_t length) {
  if (window->fractional) return ceil_div(length, window->stride) + overlap(window);
  if (reach(window) < window->stride) return length * window->filter;
  return length * window->stride + overlap(window);
}

uint64_t window_most(const struct window *window, uint64_t length) {
  if (length >= window->out) return window_extent(window, 0, window->out);
  return min_u64(inside_extent(window, length), window->in);
}

uint64_t partition_total(const struct partition *partition) {
  if (partition->groups == 1) return min_u64(partition->parts, partition->units);
  const uint64_t small = partition->units / partition->groups, n_large = partition->units % partition->groups;
  return n_large * min_u64(partition->parts, small + 1) +
         (partition->groups - n_large) * min_u64(partition->parts, small);
}

/* Where a walk over parts stands: outputs [first, end). */
struct part_place {
  uint64_t group, part, n_parts, first, end;
};

static void place_part(const struct window *window, uint64_t unit, const struct partition *partition,
                       struct part_place *place) {
  const uint64_t start = share_start(partition->units, partition->groups, place->group);
  const uint64_t units = share_start(partition->units, partition->groups, place->group + 1) - start;
  place->n_parts = min_u64(partition->parts, units);
  const uint64_t part = min_u64(place->part, place->n_parts - 1);
  place->part = part;
  place->first = (start + share_start(units, place->n_parts, part)) * unit;
  place->end = min_u64((start + share_start(units, place->n_parts, part + 1)) * unit, window->out);
}

uint64_t window_sum(const struct window *window, uint64_t unit_outputs, const struct partition *partition) {
  enum { MOST_STEPS = 64 };
  const uint64_t total = partition_total(partition);
  if (total <= 1) return window_extent(window, 0, window->out);
  uint64_t sum = window->fractional               ? ceil_div(window->out, window->stride) + total * overlap(window)
                 : reach(window) < window->stride ? window->out * window->filter
                                                  : window->out * window->stride + total * overlap(window);
  uint64_t seen = 0;
  struct part_place place = {0};
  for (uint64_t step = 0; step < MOST_STEPS && seen < total; step++, seen++) {
    place_part(window, unit_outputs, partition, &place);
    const uint64_t exact = window_extent(window, place.first, place.end);
    const uint64_t inside = inside_extent(window, place.end - place.first);
    if (exact == inside) break;
    sum -= inside - exact;
    if (++place.part == place.n_parts) place.part = 0, place.group++;
  }
  place = (struct part_place){.group = partition->groups - 1, .part = UINT64_MAX};
  for (uint64_t step = 0; step < MOST_STEPS && seen < total; step++, seen++) {
    place_part(window, unit_outputs, partition, &place);
    const uint64_t exact = window_extent(window, place.first, place.end);
    const uint64_t inside = inside_extent(window, place.end - place.first);
    if (exact == inside) break;
    sum -= inside - exact;
    if (place.part == 0) {
      if (place.group == 0) break;
      place.group--;
      place.part = UINT64_MAX;
    } else {
      place.part--;
    }
  }
  return sum;
}

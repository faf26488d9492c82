/* Answers: new ones, copies, their order, and what to pin (step 2 of H2H). See placement.h. */
#include "base/checked.h"
#include "base/error.h"
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

struct placement_answer placement_answer_new(const struct placement_problem *problem, struct arena *arena) {
  return (struct placement_answer){.start = ARENA_NEW(arena, uint32_t, problem->n_devices + 1),
                                   .layer = ARENA_NEW(arena, uint32_t, problem->n_layers),
                                   .pinned = ARENA_NEW(arena, bool, problem->n_layers)};
}

void placement_answer_copy(const struct placement_problem *problem, const struct placement_answer *from,
                           struct placement_answer *to) {
  memcpy(to->start, from->start, (problem->n_devices + 1) * sizeof *to->start);
  memcpy(to->layer, from->layer, problem->n_layers * sizeof *to->layer);
  memcpy(to->pinned, from->pinned, problem->n_layers * sizeof *to->pinned);
}

int placement_compare(const struct placement_problem *problem, const struct placement_answer *a,
                      const struct placement_answer *b) {
  for (size_t d = 0; d < problem->n_devices; d++) {
    if (a->start[d + 1] != b->start[d + 1]) return a->start[d + 1] > b->start[d + 1] ? -1 : 1;
  }
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (a->layer[i] != b->layer[i]) return a->layer[i] < b->layer[i] ? -1 : 1;
  }
  for (size_t l = 0; l < problem->n_layers; l++) {
    if (a->pinned[l] != b->pinned[l]) return a->pinned[l] ? -1 : 1;
  }
  return 0;
}

/* Weights, what comes from outside, and the output of each layer; and every edge. */
size_t placement_most_flows(const struct placement_problem *problem) {
  return problem->n_edges + 3 * problem->n_layers;
}

struct placement_schedule placement_schedule_new(const struct placement_problem *problem, struct arena *arena) {
  const bool shared = problem->timing == PLACEMENT_CONTENTION;
  return (struct placement_schedule){
      .start_s = ARENA_NEW(arena, double, problem->n_layers),
      .end_s = ARENA_NEW(arena, double, problem->n_layers),
      .flows = shared ? ARENA_NEW(arena, struct placement_flow, placement_most_flows(problem)) : NULL};
}

/* --- step 2 ---------------------------------------------------------------------------------------------------------
 * Value and size of an item are both its granules, so the table T[j][c] of the knapsack only says which sums can be
 * reached by the first j items. Its back-trace takes the item that made the wanted sum possible first; so of each sum
 * that item is all that need be kept. Sums that can be reached are bits; where the capacity is too large for that they
 * are a list; and where that grows too long sizes are rounded up, so that what is pinned fits but might be more. */

enum { MOST_STEPS = 1 << 24, MOST_SUMS = 1 << 18, WORD_BITS = 64 };

/* The sums that become possible with one more item of `size` steps, up to `room`. */
static void reach_further(uint64_t *reached, uint32_t *first, uint64_t room, uint64_t size, uint32_t item) {
  const size_t words = (size_t)(size / WORD_BITS), bits = (size_t)(size % WORD_BITS);
  for (size_t w = (size_t)(room / WORD_BITS) + 1; w-- > words;) {
    uint64_t moved = reached[w - words] << bits;
    if (bits > 0 && w > words) moved |= reached[w - words - 1] >> (WORD_BITS - bits);
    uint64_t fresh = moved & ~reached[w];
    reached[w] |= fresh;
    for (; fresh != 0; fresh &= fresh - 1) first[w * WORD_BITS + (size_t)__builtin_ctzll(fresh)] = item;
  }
}

static bool is_reached(const uint64_t *reached, uint64_t sum) {
  return reached[sum / WORD_BITS] >> (sum % WORD_BITS) & 1;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b, b = rest;
  }
  return a;
}

struct knapsack {
  const struct placement_problem *problem;
  const uint32_t *layers;
  uint32_t n;
  uint64_t room, unit; /* the largest number of granules that all sizes are whole multiples of */
  struct arena *scratch;
  bool *pinned;
};

static void pin_by_bits(const struct knapsack *k) {
  const uint64_t step = k->unit * ceil_div(k->room / k->unit + 1, MOST_STEPS); /* the unit unless that is too small */
  const uint64_t n_steps = k->room / step;
  uint64_t *reached = ARENA_NEW(k->scratch, uint64_t, n_steps / WORD_BITS + 1);
  uint32_t *first = ARENA_NEW(k->scratch, uint32_t, (n_steps / WORD_BITS + 1) * WORD_BITS);
  reached[0] = 1;
  for (uint32_t i = 0; i < k->n && !is_reached(reached, n_steps); i++) {
    const uint64_t size = ceil_div(k->problem->weight_granules[k->layers[i]], step);
    if (size > 0 && size <= n_steps) reach_further(reached, first, n_steps, size, i);
  }
  uint64_t sum = n_steps;
  while (!is_reached(reached, sum)) sum--;
  while (sum > 0) {
    const uint32_t layer = k->layers[first[sum]];
    k->pinned[layer] = true;
    sum -= ceil_div(k->problem->weight_granules[layer], step);
  }
}

struct sum {
  uint64_t granules;
  uint32_t first; /* the item that made it possible */
};

/* `to`: the sums of `from`, ascending, and each with one more item; how many. */
static size_t extend(const struct sum *from, size_t n, uint64_t size, uint32_t item, uint64_t room, struct sum *to) {
  size_t n_to = 0, shifted = 0;
  for (size_t i = 0; i < n || (shifted < n && from[shifted].granules + size <= room);) {
    const uint64_t next = shifted < n ? from[shifted].granules + size : UINT64_MAX;
    if (i < n && from[i].granules <= next) {
      shifted += from[i].granules == next;
      to[n_to++] = from[i++];
    } else if (next <= room) {
      to[n_to++] = (struct sum){next, item};
      shifted++;
    }
  }
  return n_to;
}

/* False: too many sums. */
static bool pin_by_list(const struct knapsack *k) {
  struct sum *list = ARENA_NEW(k->scratch, struct sum, 2 * MOST_SUMS);
  struct sum *other = ARENA_NEW(k->scratch, struct sum, 2 * MOST_SUMS);
  size_t n = 1;
  for (uint32_t i = 0; i < k->n; i++) {
    const uint64_t size = k->problem->weight_granules[k->layers[i]];
    if (size == 0 || size > k->room) continue;
    n = extend(list, n, size, i, k->room, other);
    if (n > MOST_SUMS) return false;
    struct sum *const swap = list;
    list = other, other = swap;
  }
  uint64_t sum = list[n - 1].granules;
  for (size_t at = n; sum > 0;) {
    while (list[at - 1].granules != sum) at--;
    const uint32_t layer = k->layers[list[at - 1].first];
    k->pinned[layer] = true;
    sum -= k->problem->weight_granules[layer];
  }
  return true;
}

static void pin_some(struct knapsack *k) {
  for (uint32_t i = 0; i < k->n; i++) k->unit = common_divisor(k->problem->weight_granules[k->layers[i]], k->unit);
  if (k->room / k->unit < MOST_STEPS || !pin_by_list(k)) pin_by_bits(k);
}

void placement_pin(const struct placement_problem *problem, struct arena *scratch, struct placement_answer *answer) {
  for (size_t d = 0; d < problem->n_devices; d++) {
    const uint32_t *layers = answer->layer + answer->start[d], n = answer->start[d + 1] - answer->start[d];
    const uint64_t room = problem->memory == PLACEMENT_PIN ? problem->pin_granules[d] : UINT64_MAX;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum = sat_add(sum, problem->weight_granules[layers[i]]);
    for (uint32_t i = 0; i < n; i++) answer->pinned[layers[i]] = sum <= room && problem->weight_granules[layers[i]] > 0;
    if (sum <= room) continue;
    const struct arena_mark mark = arena_get_mark(scratch);
    struct knapsack knapsack = {problem, layers, n, room, 0, scratch, answer->pinned};
    pin_some(&knapsack);
    arena_rewind(scratch, mark);
  }
}

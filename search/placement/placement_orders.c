/* Lists of devices and a linear order of all layers under moves of blocks. See placement_orders.h. */
#include "search/placement/placement_orders.h"

#include <string.h>

/* Entries of the log end with their kind, so that it reads backwards. */
enum { LOG_MOVE, LOG_STRETCH, MOVE_WORDS = 5, STRETCH_WORDS = 3, ROOM_PER_LAYER = 8, SPARE_WORDS = 64 };

void placement_orders_init(struct placement_orders *orders, const struct placement_problem *problem,
                           struct arena *arena) {
  const size_t n = problem->n_layers;
  *orders = (struct placement_orders){.problem = problem,
                                      .device = ARENA_NEW(arena, uint32_t, n),
                                      .before = ARENA_NEW(arena, uint32_t, n),
                                      .after = ARENA_NEW(arena, uint32_t, n),
                                      .first = ARENA_NEW(arena, uint32_t, problem->n_devices),
                                      .last = ARENA_NEW(arena, uint32_t, problem->n_devices),
                                      .rank = ARENA_NEW(arena, uint32_t, n),
                                      .at = ARENA_NEW(arena, uint32_t, n),
                                      .marked = ARENA_NEW(arena, bool, n),
                                      .moved = ARENA_NEW(arena, uint32_t, n),
                                      .room = ROOM_PER_LAYER * n + SPARE_WORDS};
  orders->log = ARENA_NEW(arena, uint32_t, orders->room);
}

/* --- to and from answers --------------------------------------------------------------------------------------------
 */

static bool sort(struct placement_orders *orders) {
  const struct placement_problem *problem = orders->problem;
  uint32_t *waits_for = orders->moved, *at = orders->at;
  uint32_t n = 0;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    waits_for[l] = problem->in_start[l + 1] - problem->in_start[l] + (orders->before[l] != PLACEMENT_NONE);
    if (waits_for[l] == 0) at[n++] = l;
  }
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t l = at[i];
    orders->rank[l] = i;
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      if (--waits_for[problem->successor[j]] == 0) at[n++] = problem->successor[j];
    }
    const uint32_t after = orders->after[l];
    if (after != PLACEMENT_NONE && --waits_for[after] == 0) at[n++] = after;
  }
  return n == problem->n_layers;
}

bool placement_orders_load(struct placement_orders *orders, const struct placement_answer *answer) {
  for (uint32_t d = 0; d < orders->problem->n_devices; d++) {
    uint32_t last = PLACEMENT_NONE;
    orders->first[d] = PLACEMENT_NONE;
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      *(last == PLACEMENT_NONE ? &orders->first[d] : &orders->after[last]) = l;
      orders->device[l] = d;
      orders->before[l] = last;
      last = l;
    }
    if (last != PLACEMENT_NONE) orders->after[last] = PLACEMENT_NONE;
    orders->last[d] = last;
  }
  orders->n_log = 0;
  return sort(orders);
}

void placement_orders_save(const struct placement_orders *orders, struct placement_answer *answer) {
  uint32_t n = 0;
  for (uint32_t d = 0; d < orders->problem->n_devices; d++) {
    answer->start[d] = n;
    for (uint32_t l = orders->first[d]; l != PLACEMENT_NONE; l = orders->after[l]) answer->layer[n++] = l;
  }
  answer->start[orders->problem->n_devices] = n;
}

/* --- lists ----------------------------------------------------------------------------------------------------------
 */

static void join(struct placement_orders *orders, uint32_t device, uint32_t a, uint32_t b) {
  *(a == PLACEMENT_NONE ? &orders->first[device] : &orders->after[a]) = b;
  *(b == PLACEMENT_NONE ? &orders->last[device] : &orders->before[b]) = a;
}

static void cut(struct placement_orders *orders, uint32_t from, uint32_t to) {
  join(orders, orders->device[from], orders->before[from], orders->after[to]);
}

static void settle(struct placement_orders *orders, uint32_t from, uint32_t to, uint32_t device) {
  for (uint32_t l = from;; l = orders->after[l]) {
    orders->device[l] = device;
    if (l == to) return;
  }
}

static void put_back(struct placement_orders *orders, uint32_t from, uint32_t to, uint32_t device, uint32_t behind) {
  const uint32_t before = behind == PLACEMENT_NONE ? orders->first[device] : orders->after[behind];
  settle(orders, from, to, device);
  join(orders, device, behind, from);
  join(orders, device, to, before);
}

/* --- the linear order -----------------------------------------------------------------------------------------------
 */

static void put(struct placement_orders *orders, uint32_t at, uint32_t layer) {
  orders->at[at] = layer;
  orders->rank[layer] = at;
}

static void mark_followers(struct placement_orders *orders, uint32_t layer, uint32_t up_to) {
  const struct placement_problem *problem = orders->problem;
  for (uint32_t j = problem->out_start[layer]; j < problem->out_start[layer + 1]; j++) {
    const uint32_t next = problem->successor[j];
    if (orders->rank[next] <= up_to) orders->marked[next] = true;
  }
  const uint32_t after = orders->after[layer];
  if (after != PLACEMENT_NONE && orders->rank[after] <= up_to) orders->marked[after] = true;
}

/* Makes `a` stand before `b`: what must stand behind `b` moves behind `a`. False: `a` itself must. */
static bool mend(struct placement_orders *orders, uint32_t a, uint32_t b) {
  const uint32_t low = orders->rank[b], high = orders->rank[a], n = high - low + 1;
  if (high < low) return true;
  if (orders->n_log + n + STRETCH_WORDS > orders->room) return false;
  memcpy(orders->log + orders->n_log, orders->at + low, n * sizeof *orders->at);
  orders->n_log += n;
  orders->log[orders->n_log++] = low;
  orders->log[orders->n_log++] = n;
  orders->log[orders->n_log++] = LOG_STRETCH;
  uint32_t stay = low, n_moved = 0;
  orders->marked[b] = true;
  for (uint32_t i = low; i <= high; i++) {
    const uint32_t l = orders->at[i];
    if (!orders->marked[l]) {
      orders->at[stay++] = l; /* its rank is set below: until then ranks only say who is within the stretch */
      continue;
    }
    orders->marked[l] = false;
    orders->moved[n_moved++] = l;
    if (l != a) mark_followers(orders, l, high);
  }
  const bool fine = n_moved == 0 || orders->moved[n_moved - 1] != a;
  memcpy(orders->at + stay, orders->moved, n_moved * sizeof *orders->at);
  for (uint32_t i = low; i <= high; i++) orders->rank[orders->at[i]] = i;
  return fine;
}

/* --- moves ----------------------------------------------------------------------------------------------------------
 */

bool placement_orders_move(struct placement_orders *orders, uint32_t from, uint32_t to, uint32_t device,
                           uint32_t behind) {
  if (orders->n_log + MOVE_WORDS > orders->room) return false;
  const uint32_t words[MOVE_WORDS] = {from, to, orders->device[from], orders->before[from], LOG_MOVE};
  memcpy(orders->log + orders->n_log, words, sizeof words);
  orders->n_log += MOVE_WORDS;
  cut(orders, from, to);
  const uint32_t before = behind == PLACEMENT_NONE ? orders->first[device] : orders->after[behind];
  settle(orders, from, to, device);
  join(orders, device, behind, from);
  /* One end after the other: the linear order must never hurt more than the one link that is mended. */
  orders->after[to] = PLACEMENT_NONE;
  const bool fine = behind == PLACEMENT_NONE || mend(orders, behind, from);
  join(orders, device, to, before);
  return fine && (before == PLACEMENT_NONE || mend(orders, to, before));
}

/* Devices take turns in the linear order, so the way back is short. */
uint32_t placement_orders_find(const struct placement_orders *orders, uint32_t layer, uint32_t device) {
  const uint32_t first = orders->first[device];
  if (first == PLACEMENT_NONE || orders->rank[first] >= orders->rank[layer]) return PLACEMENT_NONE;
  uint32_t rank = orders->rank[layer] - 1;
  while (orders->device[orders->at[rank]] != device) rank--;
  return orders->at[rank];
}

void placement_orders_undo(struct placement_orders *orders) {
  while (orders->n_log > 0) {
    const uint32_t *end = orders->log + orders->n_log;
    if (end[-1] == LOG_MOVE) {
      const uint32_t *words = end - MOVE_WORDS;
      cut(orders, words[0], words[1]);
      put_back(orders, words[0], words[1], words[2], words[3]);
      orders->n_log -= MOVE_WORDS;
      continue;
    }
    const uint32_t low = end[-3], n = end[-2];
    for (uint32_t i = 0; i < n; i++) put(orders, low + i, end[-STRETCH_WORDS - (ptrdiff_t)n + (ptrdiff_t)i]);
    orders->n_log -= n + STRETCH_WORDS;
  }
}

/* Annealing of device orders by moves of blocks. See placement_blocks.h. */
#include "search/placement/placement_blocks.h"

#include "search/placement/placement_private.h"
#include <math.h>

enum { ASK_EVERY = 1024, COOL_EVERY = 64, LONG_BLOCK = 20, MOST_REFUSED = 16, REACH = 200 };
static const double single_share = 0.4, neighbour_share = 0.5, critical_share = 0.5, pin_share = 0.15,
                    random_layer_share = 0.5, swap_share = 0.1, level_swap_share = 0.4, piece_share = 0.35,
                    exchange_share = 0.15;

void placement_blocks_init(struct placement_blocks *blocks, struct placement_times *times, struct rng rng,
                           uint64_t most_samples, struct arena *arena) {
  *blocks = (struct placement_blocks){.times = times,
                                      .rng = rng,
                                      .most_samples = most_samples,
                                      .best = placement_answer_new(times->problem, arena),
                                      .best_value = INFINITY,
                                      .critical = ARENA_NEW(arena, uint32_t, times->problem->n_layers)};
}

static void keep(struct placement_blocks *blocks, double value) {
  if (!(value < blocks->best_value)) return;
  blocks->best_value = value;
  placement_times_save(blocks->times, &blocks->best);
}

double placement_blocks_offer(struct placement_blocks *blocks, const struct placement_answer *answer) {
  const double value = placement_times_load(blocks->times, answer);
  blocks->n_samples++;
  keep(blocks, value);
  return value;
}

/* --- what to move ---------------------------------------------------------------------------------------------------
 */

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t any(struct placement_blocks *blocks, size_t n) { return (uint32_t)rng_below(&blocks->rng, n); }

/* Why the last layer ends when it does: from it backwards, always who was waited for. */
static void find_critical(struct placement_blocks *blocks) {
  const struct placement_times *times = blocks->times;
  const struct placement_problem *problem = times->problem;
  uint32_t l = PLACEMENT_NONE;
  blocks->n_critical = 0;
  for (size_t d = 0; d < problem->n_devices; d++) {
    const uint32_t last = times->orders.last[d];
    if (last != PLACEMENT_NONE && (l == PLACEMENT_NONE || times->end_s[last] > times->end_s[l])) l = last;
  }
  while (l != PLACEMENT_NONE) {
    blocks->critical[blocks->n_critical++] = l;
    uint32_t latest = times->orders.before[l];
    double latest_s = latest == PLACEMENT_NONE ? 0 : times->end_s[latest];
    for (uint32_t i = problem->in_start[l]; i < problem->in_start[l + 1]; i++) {
      const uint32_t p = problem->predecessor[i];
      double ready_s = times->end_s[p];
      if (problem->timing == PLACEMENT_DELAY) {
        ready_s += placement_delay_s(problem, &problem->edges[problem->in_edge[i]], times->orders.device[p],
                                     times->orders.device[l]);
      }
      if (ready_s > latest_s) latest = p, latest_s = ready_s;
    }
    l = latest;
  }
}

/* Of a period: all layers of the device that is busy longest; where times are not followed, as far as computation
 * tells. */
static void find_heaviest(struct placement_blocks *blocks) {
  const struct placement_times *times = blocks->times;
  const struct placement_problem *problem = times->problem;
  uint32_t heaviest = 0;
  double most_s = -1;
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    double busy_s = times->fast ? times->busy_s[d] : 0;
    for (uint32_t l = times->orders.first[d]; !times->fast && l != PLACEMENT_NONE; l = times->orders.after[l]) {
      busy_s += problem->compute_s[placement_at(problem, l, d)];
    }
    if (busy_s > most_s) most_s = busy_s, heaviest = d;
  }
  blocks->n_critical = 0;
  for (uint32_t l = times->orders.first[heaviest]; l != PLACEMENT_NONE; l = times->orders.after[l]) {
    blocks->critical[blocks->n_critical++] = l;
  }
}

static uint32_t choose_layer(struct placement_blocks *blocks) {
  const struct placement_times *times = blocks->times;
  const bool period = times->objective == PLACEMENT_PERIOD,
             follows = times->objective == PLACEMENT_MAKESPAN && times->fast;
  if ((period || follows) && rng_unit(&blocks->rng) < critical_share) {
    if (blocks->n_samples >= blocks->next_critical) {
      if (period) find_heaviest(blocks);
      if (!period) find_critical(blocks);
      blocks->next_critical = blocks->n_samples + 1 + blocks->n_critical / 4;
    }
    if (blocks->n_critical > 0) return blocks->critical[any(blocks, blocks->n_critical)];
  }
  return any(blocks, times->problem->n_layers);
}

/* From a layer on, or up to it. */
static void choose_block(struct placement_blocks *blocks, uint32_t *from, uint32_t *to) {
  const struct placement_orders *orders = &blocks->times->orders;
  *from = *to = choose_layer(blocks);
  if (rng_unit(&blocks->rng) < single_share) return;
  const double u = rng_unit(&blocks->rng);
  const uint32_t more = (uint32_t)(LONG_BLOCK * u * rng_unit(&blocks->rng));
  const bool forward = rng_next(&blocks->rng) & 1;
  for (uint32_t i = 0; i < more; i++) {
    const uint32_t next = forward ? orders->after[*to] : orders->before[*from];
    if (next == PLACEMENT_NONE) return;
    *(forward ? to : from) = next;
  }
}

static bool is_within(const struct placement_orders *orders, uint32_t layer, uint32_t from, uint32_t to) {
  if (layer == PLACEMENT_NONE || orders->device[layer] != orders->device[from]) return false;
  for (uint32_t l = from;; l = orders->after[l]) {
    if (l == layer) return true;
    if (l == to) return false;
  }
}

struct target {
  uint32_t device, behind;
};

/* Right behind one whose output the block reads, or right before one who reads the block's. */
static bool choose_neighbour(struct placement_blocks *blocks, uint32_t from, uint32_t to, struct target *target) {
  const struct placement_problem *problem = blocks->times->problem;
  const struct placement_orders *orders = &blocks->times->orders;
  const uint32_t n_in = problem->in_start[from + 1] - problem->in_start[from];
  const uint32_t n_out = problem->out_start[to + 1] - problem->out_start[to];
  if (n_in + n_out == 0) return false;
  const bool forward = n_in == 0 || (n_out > 0 && (rng_next(&blocks->rng) & 1));
  const uint32_t next = forward ? problem->successor[problem->out_start[to] + any(blocks, n_out)]
                                : problem->predecessor[problem->in_start[from] + any(blocks, n_in)];
  *target = (struct target){orders->device[next], forward ? orders->before[next] : next};
  return !is_within(orders, next, from, to);
}

/* Next to any layer that is not too far in the linear order; or on any device where it stands there. */
static void choose_place(struct placement_blocks *blocks, uint32_t from, struct target *target) {
  const struct placement_problem *problem = blocks->times->problem;
  const struct placement_orders *orders = &blocks->times->orders;
  if (rng_unit(&blocks->rng) < random_layer_share) {
    const uint32_t rank = orders->rank[from], low = rank - min_u32(rank, REACH);
    const uint32_t high = min_u32(rank + REACH, (uint32_t)problem->n_layers - 1);
    const uint32_t layer = orders->at[low + any(blocks, high - low + 1)];
    *target = (struct target){orders->device[layer], (rng_next(&blocks->rng) & 1) ? layer : orders->before[layer]};
    return;
  }
  const uint32_t device = any(blocks, problem->n_devices);
  *target = (struct target){device, placement_orders_find(orders, from, device)};
}

static bool move_group(struct placement_blocks *blocks, uint32_t group, uint32_t device) {
  struct placement_times *times = blocks->times;
  const struct placement_problem *problem = times->problem;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    if (problem->group[l] != group || times->orders.device[l] == device) continue;
    if (!placement_times_move(times, l, l, device, placement_orders_find(&times->orders, l, device))) return false;
  }
  return true;
}

/* With its group, each where it stands in the linear order. */
static bool send(struct placement_blocks *blocks, uint32_t layer, uint32_t device) {
  struct placement_times *times = blocks->times;
  const uint32_t group = times->problem->group != NULL ? times->problem->group[layer] : PLACEMENT_NONE;
  if (group != PLACEMENT_NONE) return move_group(blocks, group, device);
  return placement_times_move(times, layer, layer, device, placement_orders_find(&times->orders, layer, device));
}

/* The first layer of a block that has a group. */
static uint32_t find_grouped(const struct placement_times *times, uint32_t from, uint32_t to) {
  for (uint32_t l = from;; l = times->orders.after[l]) {
    if (times->problem->group[l] != PLACEMENT_NONE) return l;
    if (l == to) return PLACEMENT_NONE;
  }
}

/* The layers of a block one after another, each with its group. */
static bool send_block(struct placement_blocks *blocks, uint32_t from, uint32_t to, uint32_t device) {
  const struct placement_orders *orders = &blocks->times->orders;
  uint32_t layer[LONG_BLOCK + 1], n = 0;
  for (uint32_t l = from; n <= LONG_BLOCK; l = orders->after[l]) {
    layer[n++] = l;
    if (l == to) break;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (orders->device[layer[i]] != device && !send(blocks, layer[i], device)) return false;
  }
  return true;
}

static bool move_block(struct placement_blocks *blocks) {
  struct placement_times *times = blocks->times;
  const struct placement_orders *orders = &times->orders;
  uint32_t from, to;
  struct target target;
  choose_block(blocks, &from, &to);
  if (rng_unit(&blocks->rng) >= neighbour_share || !choose_neighbour(blocks, from, to, &target)) {
    choose_place(blocks, from, &target);
  }
  const bool elsewhere = target.device != orders->device[from];
  const uint32_t grouped = elsewhere && times->problem->group != NULL ? find_grouped(times, from, to) : PLACEMENT_NONE;
  if (grouped != PLACEMENT_NONE) {
    if (rng_next(&blocks->rng) & 1) return send(blocks, grouped, target.device);
    return send_block(blocks, from, to, target.device);
  }
  if (is_within(orders, target.behind, from, to)) return false;
  if (!elsewhere && target.behind == orders->before[from]) return false;
  return placement_times_move(times, from, to, target.device, target.behind);
}

/* Two layers change devices: loads stay level. */
static bool swap_layers(struct placement_blocks *blocks) {
  const uint32_t *device = blocks->times->orders.device;
  const uint32_t a = choose_layer(blocks), b = any(blocks, blocks->times->problem->n_layers);
  const uint32_t device_a = device[a], device_b = device[b];
  return device_a != device_b && send(blocks, a, device_b) && (device[b] != device_b || send(blocks, b, device_a));
}

/* --- pieces of a chain ----------------------------------------------------------------------------------------------
 */

/* The device that the end of a piece reads from, or whose layers read it. */
static uint32_t find_next_piece(const struct placement_blocks *blocks, uint32_t from, uint32_t to, bool forward) {
  const struct placement_problem *problem = blocks->times->problem;
  const struct placement_orders *orders = &blocks->times->orders;
  for (uint32_t l = forward ? to : from;; l = forward ? orders->before[l] : orders->after[l]) {
    const uint32_t *start = forward ? problem->out_start : problem->in_start;
    for (uint32_t i = start[l]; i < start[l + 1]; i++) {
      const uint32_t next = forward ? problem->successor[i] : problem->predecessor[i];
      if (orders->device[next] != orders->device[l]) return orders->device[next];
    }
    if (l == (forward ? from : to)) return PLACEMENT_NONE;
  }
}

/* The last layers of a piece begin the one behind it, or its first ones end the one before. */
static bool shift_border(struct placement_blocks *blocks) {
  const struct placement_orders *orders = &blocks->times->orders;
  const uint32_t device = orders->device[choose_layer(blocks)];
  const bool forward = rng_next(&blocks->rng) & 1;
  const double u = rng_unit(&blocks->rng);
  uint32_t more = (uint32_t)(LONG_BLOCK * u * u * rng_unit(&blocks->rng));
  uint32_t from = forward ? orders->last[device] : orders->first[device], to = from;
  for (; more > 0 && (forward ? orders->before[from] : orders->after[to]) != PLACEMENT_NONE; more--) {
    if (forward) from = orders->before[from];
    if (!forward) to = orders->after[to];
  }
  const uint32_t next = find_next_piece(blocks, from, to, forward);
  if (next == PLACEMENT_NONE) return false;
  return placement_times_move(blocks->times, from, to, next, forward ? PLACEMENT_NONE : orders->last[next]);
}

/* All that two devices do, one of which may be idle, changes hands. */
static bool exchange_pieces(struct placement_blocks *blocks) {
  const struct placement_orders *orders = &blocks->times->orders;
  const uint32_t a = orders->device[choose_layer(blocks)], b = any(blocks, blocks->times->problem->n_devices);
  const uint32_t first_a = orders->first[a], last_a = orders->last[a];
  const uint32_t first_b = orders->first[b], last_b = orders->last[b];
  if (a == b) return false;
  const bool before = first_b == PLACEMENT_NONE || orders->rank[first_a] < orders->rank[first_b];
  if (!placement_times_move(blocks->times, first_a, last_a, b, before ? PLACEMENT_NONE : last_b)) return false;
  return first_b == PLACEMENT_NONE || placement_times_move(blocks->times, first_b, last_b, a, PLACEMENT_NONE);
}

static bool move_pieces(struct placement_blocks *blocks) {
  return rng_unit(&blocks->rng) < exchange_share ? exchange_pieces(blocks) : shift_border(blocks);
}

/* --- what to pin ----------------------------------------------------------------------------------------------------
 */

/* Activations have use for the room, too. */
static bool unpin_one(struct placement_blocks *blocks) {
  const uint32_t layer = choose_layer(blocks);
  return blocks->times->pinned[layer] && placement_times_pin(blocks->times, layer, false);
}

/* One that travels is pinned, others that are make room at random, and what fits then is pinned. */
static bool move_pins(struct placement_blocks *blocks) {
  struct placement_times *times = blocks->times;
  const struct placement_orders *orders = &times->orders;
  const bool shared = times->problem->timing == PLACEMENT_CONTENTION;
  if (shared && (rng_next(&blocks->rng) & 1)) return unpin_one(blocks);
  const uint32_t device = orders->device[choose_layer(blocks)];
  if (!times->tight[device] && !shared) return false;
  uint32_t n = 0, layer = PLACEMENT_NONE, n_pinned = 0;
  for (uint32_t l = orders->first[device]; l != PLACEMENT_NONE; l = orders->after[l]) {
    if (times->problem->weight_granules[l] == 0) continue;
    n_pinned += times->pinned[l];
    if (!times->pinned[l] && any(blocks, ++n) == 0) layer = l;
  }
  if (layer == PLACEMENT_NONE || times->size[layer] > times->room[device]) return false;
  while (times->size[layer] > times->room[device] - times->used[device] && n_pinned > 0) {
    uint32_t skip = any(blocks, n_pinned--);
    for (uint32_t l = orders->first[device]; l != PLACEMENT_NONE; l = orders->after[l]) {
      if (!times->pinned[l] || skip-- > 0) continue;
      if (!placement_times_pin(times, l, false)) return false;
      break;
    }
  }
  if (!placement_times_pin(times, layer, true)) return false;
  placement_times_fill(times, device);
  return true;
}

static bool is_tight(const struct placement_times *times) {
  if (times->problem->memory != PLACEMENT_PIN) return false;
  if (times->problem->timing == PLACEMENT_CONTENTION) return true;
  for (size_t d = 0; d < times->problem->n_devices; d++) {
    if (times->tight[d]) return true;
  }
  return false;
}

/* --- annealing ------------------------------------------------------------------------------------------------------
 */

static bool goes_on(struct placement_blocks *blocks) {
  if (blocks->n_samples >= blocks->most_samples || blocks->stopped) return false;
  if (blocks->n_samples % ASK_EVERY == 0 && blocks->interrupted != NULL) {
    blocks->stopped = blocks->interrupted(blocks->context);
  }
  return !blocks->stopped;
}

/* One evaluation, after as many moves that are none as it takes. */
static void try_once(struct placement_blocks *blocks, bool tight, double temperature) {
  struct placement_times *times = blocks->times;
  const double swaps = times->objective == PLACEMENT_PERIOD ? level_swap_share : swap_share;
  bool possible = false;
  blocks->n_samples++;
  for (int i = 0; i < MOST_REFUSED && !possible; i++) {
    const double u = rng_unit(&blocks->rng), pins = tight ? pin_share : 0;
    if (times->problem->contiguous && rng_unit(&blocks->rng) < piece_share) {
      possible = move_pieces(blocks); /* hardly any other leaves pieces whole */
    } else {
      possible = u < pins ? move_pins(blocks) : u < pins + swaps ? swap_layers(blocks) : move_block(blocks);
    }
    if (!possible) placement_times_undo(times);
  }
  if (!possible) return;
  const double value = placement_times_value(times, times->value - temperature * log(1 - rng_unit(&blocks->rng)));
  if (!isfinite(value)) {
    placement_times_undo(times);
    return;
  }
  placement_times_commit(times, value);
  keep(blocks, value);
}

void placement_blocks_anneal(struct placement_blocks *blocks, const struct placement_answer *from, uint64_t n,
                             struct placement_cooling cooling) {
  const double start = placement_times_load(blocks->times, from);
  if (!isfinite(start) || n == 0) return;
  const bool tight = is_tight(blocks->times);
  blocks->next_critical = 0;
  double temperature = 0;
  for (uint64_t i = 0; i < n && goes_on(blocks); i++) {
    if (i % COOL_EVERY == 0) {
      temperature = start * cooling.hot * pow(cooling.cold / cooling.hot, (double)i / (double)n);
    }
    try_once(blocks, tight, temperature);
  }
}

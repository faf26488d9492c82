/* Times of an answer under small changes. See placement_times.h; the rules are those of placement_serial.c and
 * placement_delay.c. */
#include "search/placement/placement_times.h"

#include "base/checked.h"
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

enum { WORD_BITS = 64, MOST_PINS = 4 };

struct placement_old_time {
  uint32_t layer;
  double end_s, duration_s;
  uint64_t out_bytes, in_bytes;
};
struct placement_old_pin {
  uint32_t layer, device;
  bool pinned;
};

/* --- before it begins -----------------------------------------------------------------------------------------------
 */

/* After a layer's end at least so much must follow: computation of followers wherever it is fastest, and of their
 * inputs what cannot come from one neighbour. */
static void find_tails(struct placement_times *times) {
  const struct placement_problem *problem = times->problem;
  for (size_t i = problem->n_layers; i-- > 0;) {
    const uint32_t l = problem->topological[i];
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      const uint32_t next = problem->successor[j];
      double least_s = INFINITY;
      uint64_t largest = 0;
      for (uint32_t k = problem->in_start[next]; k < problem->in_start[next + 1]; k++) {
        largest = max_u64(largest, problem->edges[problem->in_edge[k]].bytes);
      }
      const bool serial = problem->timing == PLACEMENT_SERIAL;
      uint64_t bytes = serial && problem->input_bytes[next] > largest ? problem->input_bytes[next] - largest : 0;
      if (serial && !problem->is_read[next]) bytes += problem->output_bytes[next];
      for (uint32_t d = 0; d < problem->n_devices; d++) {
        if (!placement_times_allows(times, next, d)) continue;
        const double transfer_s = problem->devices[d].host ? 0 : (double)bytes / problem->devices[d].link_bytes_per_s;
        least_s = fmin(least_s, problem->compute_s[placement_at(problem, next, d)] + transfer_s);
      }
      times->tail_s[l] = fmax(times->tail_s[l], times->tail_s[next] + least_s);
    }
    times->tail_s[l] *= 1 - 1e-12; /* so that rounding never prunes what is equal */
  }
}

static void find_room(struct placement_times *times, struct arena *arena) {
  const struct placement_problem *problem = times->problem;
  const bool pin = problem->memory == PLACEMENT_PIN;
  times->size = pin ? problem->weight_granules : problem->memory == PLACEMENT_HARD ? problem->weight_bytes : NULL;
  times->room = ARENA_NEW(arena, uint64_t, problem->n_devices);
  times->used = ARENA_NEW(arena, uint64_t, problem->n_devices);
  times->tight = ARENA_NEW(arena, bool, problem->n_devices);
  for (size_t d = 0; d < problem->n_devices && times->size != NULL; d++) {
    const uint64_t hard = problem->devices[d].host ? UINT64_MAX : problem->devices[d].dram_bytes;
    times->room[d] = pin ? problem->pin_granules[d] : hard;
    uint64_t all = 0;
    for (size_t l = 0; l < problem->n_layers; l++) {
      if (placement_can_run(problem, l, d)) all = sat_add(all, times->size[l]);
    }
    times->tight[d] = all > times->room[d];
  }
}

void placement_times_init(struct placement_times *times, const struct placement_problem *problem,
                          enum placement_objective objective, double deadline_s, const uint32_t *fixed,
                          struct arena *arena, struct arena *scratch) {
  const size_t n = problem->n_layers, n_devices = problem->n_devices;
  const bool makespan_alone = objective == PLACEMENT_MAKESPAN;
  *times = (struct placement_times){
      .problem = problem,
      .objective = objective,
      .deadline_s = deadline_s,
      .fixed = fixed,
      .fast = !problem->contiguous && problem->group == NULL &&
              ((problem->timing == PLACEMENT_SERIAL && problem->plain) ||
               (problem->timing == PLACEMENT_DELAY && makespan_alone)),
      .needs_loads = !makespan_alone,
      .end_s = ARENA_NEW(arena, double, n),
      .duration_s = ARENA_NEW(arena, double, n),
      .tail_s = ARENA_NEW(arena, double, n),
      .pinned = ARENA_NEW(arena, bool, n),
      .busy_s = ARENA_NEW(arena, double, n_devices + 1),
      .layer_out_bytes = ARENA_NEW(arena, uint64_t, n),
      .layer_in_bytes = ARENA_NEW(arena, uint64_t, n),
      .dirty = ARENA_NEW(arena, uint64_t, n / WORD_BITS + 1),
      .touched = ARENA_NEW(arena, uint32_t, n),
      .is_touched = ARENA_NEW(arena, bool, n),
      .old = ARENA_NEW(arena, struct placement_old_time, n),
      .pins = ARENA_NEW(arena, struct placement_old_pin, MOST_PINS * n),
      .answer = placement_answer_new(problem, arena),
      .scratch = scratch,
  };
  placement_orders_init(&times->orders, problem, arena);
  find_room(times, arena);
  find_tails(times);
}

bool placement_times_allows(const struct placement_times *times, uint32_t layer, uint32_t device) {
  if (times->fixed != NULL && times->fixed[layer] != PLACEMENT_NONE && times->fixed[layer] != device) return false;
  return placement_can_run(times->problem, layer, device);
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

static bool fits(const struct placement_times *times, uint32_t layer, uint32_t device) {
  return times->size == NULL || times->size[layer] <= times->room[device] - times->used[device];
}

static bool set_pin(struct placement_times *times, uint32_t layer, uint32_t device, bool pinned) {
  if (times->n_pins == MOST_PINS * times->problem->n_layers) return false;
  times->pins[times->n_pins++] = (struct placement_old_pin){layer, device, times->pinned[layer]};
  if (times->size != NULL) {
    if (pinned) times->used[device] += times->size[layer];
    if (times->pinned[layer]) times->used[device] -= times->size[layer];
  }
  times->pinned[layer] = pinned;
  return true;
}

static void touch(struct placement_times *times, uint32_t layer) {
  if (layer == PLACEMENT_NONE || times->is_touched[layer]) return;
  times->is_touched[layer] = true;
  times->touched[times->n_touched++] = layer;
}

bool placement_times_pin(struct placement_times *times, uint32_t layer, bool pinned) {
  const uint32_t device = times->orders.device[layer];
  if (times->pinned[layer] == pinned) return true;
  if (pinned && !fits(times, layer, device)) return false;
  if (!pinned && times->fixed != NULL && times->fixed[layer] == device) return false;
  touch(times, layer);
  return set_pin(times, layer, device, pinned);
}

void placement_times_fill(struct placement_times *times, uint32_t device) {
  const bool shared = times->problem->timing == PLACEMENT_CONTENTION; /* activations have use for the room, too */
  if (!times->tight[device] || times->problem->memory != PLACEMENT_PIN || shared) return;
  for (uint32_t l = times->orders.first[device]; l != PLACEMENT_NONE; l = times->orders.after[l]) {
    if (!times->pinned[l] && times->problem->weight_granules[l] > 0) placement_times_pin(times, l, true);
  }
}

/* --- changes --------------------------------------------------------------------------------------------------------
 */

static void touch_followers(struct placement_times *times, uint32_t layer) {
  const struct placement_problem *problem = times->problem;
  for (uint32_t j = problem->out_start[layer]; j < problem->out_start[layer + 1]; j++) {
    touch(times, problem->successor[j]);
  }
}

/* Weights go with their layers and are pinned anew as far as there is room; `hard`: there must be. */
static bool carry(struct placement_times *times, uint32_t from, uint32_t to, uint32_t device) {
  const struct placement_problem *problem = times->problem;
  const uint32_t old = times->orders.device[from];
  for (uint32_t l = from;; l = times->orders.after[l]) {
    if (!placement_times_allows(times, l, device)) return false;
    if (times->pinned[l] && !set_pin(times, l, old, false)) return false;
    if (problem->weight_granules[l] > 0) {
      const bool room = fits(times, l, device);
      if (!room && problem->memory == PLACEMENT_HARD) return false;
      if (room && !set_pin(times, l, device, true)) return false;
    }
    if (l == to) return true;
  }
}

bool placement_times_move(struct placement_times *times, uint32_t from, uint32_t to, uint32_t device, uint32_t behind) {
  struct placement_orders *orders = &times->orders;
  const uint32_t old = orders->device[from];
  const bool elsewhere = device != old;
  if (elsewhere && !carry(times, from, to, device)) return false;
  touch(times, orders->before[from]);
  touch(times, orders->after[to]);
  touch(times, behind);
  touch(times, behind == PLACEMENT_NONE ? orders->first[device] : orders->after[behind]);
  if (!placement_orders_move(orders, from, to, device, behind)) return false;
  for (uint32_t l = from;; l = orders->after[l]) {
    if (elsewhere || l == from || l == to) touch(times, l);
    if (elsewhere && times->problem->timing == PLACEMENT_DELAY) touch_followers(times, l);
    if (l == to) break;
  }
  if (elsewhere) placement_times_fill(times, old);
  return true;
}

/* --- times ----------------------------------------------------------------------------------------------------------
 */

static uint64_t fused_bytes(const struct placement_problem *problem, uint32_t last, uint32_t layer) {
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    if (problem->predecessor[i] == last) return problem->edges[problem->in_edge[i]].bytes;
  }
  return 0;
}

static void find_duration(struct placement_times *times, uint32_t l) {
  const struct placement_problem *problem = times->problem;
  const struct placement_orders *orders = &times->orders;
  const uint32_t d = orders->device[l], before = orders->before[l], after = orders->after[l];
  const double compute_s = problem->compute_s[placement_at(problem, l, d)];
  times->duration_s[l] = compute_s;
  if (problem->timing == PLACEMENT_DELAY) return;
  const struct placement_device *device = &problem->devices[d];
  const uint64_t fused = before != PLACEMENT_NONE ? fused_bytes(problem, before, l) : 0;
  const uint64_t input = problem->input_bytes[l];
  const bool travels = problem->memory == PLACEMENT_PIN && !times->pinned[l];
  const bool stays = after != PLACEMENT_NONE && problem->only_reader[l] == after;
  uint64_t out = (travels ? problem->weight_bytes[l] : 0) + (input > fused ? input - fused : 0);
  uint64_t in = stays ? 0 : problem->output_bytes[l];
  if (device->host) out = in = 0;
  times->duration_s[l] = compute_s + (double)(out + in) / device->link_bytes_per_s;
  times->layer_out_bytes[l] = out, times->layer_in_bytes[l] = in;
}

static double find_end_s(const struct placement_times *times, uint32_t l) {
  const struct placement_problem *problem = times->problem;
  const struct placement_orders *orders = &times->orders;
  double start_s = 0;
  if (orders->before[l] != PLACEMENT_NONE) start_s = times->end_s[orders->before[l]];
  for (uint32_t i = problem->in_start[l]; i < problem->in_start[l + 1]; i++) {
    const uint32_t p = problem->predecessor[i];
    double ready_s = times->end_s[p];
    if (problem->timing == PLACEMENT_DELAY) {
      ready_s += placement_delay_s(problem, &problem->edges[problem->in_edge[i]], orders->device[p], orders->device[l]);
    }
    if (ready_s > start_s) start_s = ready_s;
  }
  return start_s + times->duration_s[l];
}

static double table_j(const struct placement_times *times, uint32_t layer, uint32_t device) {
  return times->problem->energy_j == NULL ? 0 : times->problem->energy_j[placement_at(times->problem, layer, device)];
}

static void add_load(struct placement_times *times, uint32_t layer, uint32_t device, double sign) {
  times->busy_s[device] += sign * times->duration_s[layer];
  times->busy_s[times->problem->n_devices] += sign * table_j(times, layer, device);
}

static void find_loads(struct placement_times *times) {
  memset(times->busy_s, 0, (times->problem->n_devices + 1) * sizeof *times->busy_s);
  times->out_bytes = times->in_bytes = 0;
  for (uint32_t l = 0; l < times->problem->n_layers; l++) {
    add_load(times, l, times->orders.device[l], 1);
    times->out_bytes += times->layer_out_bytes[l], times->in_bytes += times->layer_in_bytes[l];
  }
}

static double energy_of(const struct placement_times *times, double makespan_s) {
  const struct placement_problem *problem = times->problem;
  double energy_j = times->busy_s[problem->n_devices];
  for (size_t d = 0; d < problem->n_devices; d++) {
    const struct placement_device *device = &problem->devices[d];
    energy_j += problem->energy_j == NULL ? device->active_w * times->busy_s[d]
                                          : device->idle_w * (makespan_s - times->busy_s[d]);
  }
  if (problem->energy_j == NULL) return energy_j;
  return energy_j + problem->host.transfer_j_per_byte * ((double)times->out_bytes + (double)times->in_bytes);
}

static double period_of(const struct placement_times *times) {
  const struct placement_problem *problem = times->problem;
  double period_s = fmax((double)times->out_bytes / problem->host.out_bytes_per_s,
                         (double)times->in_bytes / problem->host.in_bytes_per_s);
  for (size_t d = 0; d < problem->n_devices; d++) period_s = fmax(period_s, times->busy_s[d]);
  return period_s;
}

static double worth(const struct placement_times *times) {
  double makespan_s = 0;
  for (size_t d = 0; d < times->problem->n_devices; d++) {
    const uint32_t last = times->orders.last[d];
    if (last != PLACEMENT_NONE) makespan_s = fmax(makespan_s, times->end_s[last]);
  }
  if (makespan_s > times->deadline_s) return INFINITY;
  if (times->objective == PLACEMENT_MAKESPAN) return makespan_s;
  return times->objective == PLACEMENT_PERIOD ? period_of(times) : energy_of(times, makespan_s);
}

/* --- propagation ----------------------------------------------------------------------------------------------------
 */

static void make_dirty(struct placement_times *times, uint32_t layer) {
  const uint32_t rank = times->orders.rank[layer];
  times->dirty[rank / WORD_BITS] |= UINT64_C(1) << (rank % WORD_BITS);
}

static void retouch(struct placement_times *times, uint32_t l) {
  times->old[times->n_old++] = (struct placement_old_time){l, times->end_s[l], times->duration_s[l],
                                                           times->layer_out_bytes[l], times->layer_in_bytes[l]};
  find_duration(times, l);
  make_dirty(times, l);
}

static void spread(struct placement_times *times, uint32_t l) {
  const struct placement_problem *problem = times->problem;
  for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
    make_dirty(times, problem->successor[j]);
  }
  if (times->orders.after[l] != PLACEMENT_NONE) make_dirty(times, times->orders.after[l]);
}

/* In the linear order, as far as ends change; false: some end leaves too little time for what must follow. */
static bool propagate(struct placement_times *times, size_t word, double limit_s) {
  const size_t n_words = times->problem->n_layers / WORD_BITS + 1;
  for (; word < n_words; word++) {
    while (times->dirty[word] != 0) {
      const uint32_t rank = (uint32_t)(word * WORD_BITS) + (uint32_t)__builtin_ctzll(times->dirty[word]);
      times->dirty[word] &= times->dirty[word] - 1;
      const uint32_t l = times->orders.at[rank];
      const double end_s = find_end_s(times, l);
      const bool same = end_s >= times->end_s[l] && end_s <= times->end_s[l];
      if (same) continue;
      if (!times->is_touched[l]) {
        times->old[times->n_old++] = (struct placement_old_time){l, times->end_s[l], times->duration_s[l],
                                                                 times->layer_out_bytes[l], times->layer_in_bytes[l]};
      }
      times->end_s[l] = end_s;
      if (end_s + times->tail_s[l] > limit_s) return false;
      spread(times, l);
    }
  }
  return true;
}

static double value_anew(struct placement_times *times, double limit) {
  placement_times_save(times, &times->answer);
  struct placement_schedule schedule = {.start_s = NULL};
  const bool details = times->objective != times->problem->objective || isfinite(times->deadline_s);
  const double value = placement_evaluate(times->problem, &times->answer, times->scratch, details ? &schedule : NULL);
  if (!details || !isfinite(value)) return value <= limit ? value : INFINITY;
  if (schedule.makespan_s > times->deadline_s) return INFINITY;
  const double wanted = times->objective == PLACEMENT_MAKESPAN ? schedule.makespan_s
                        : times->objective == PLACEMENT_PERIOD ? schedule.period_s
                                                               : schedule.energy_j;
  return wanted <= limit ? wanted : INFINITY;
}

double placement_times_value(struct placement_times *times, double limit) {
  if (!times->fast) return value_anew(times, limit);
  uint32_t least = UINT32_MAX;
  for (size_t i = 0; i < times->n_touched; i++) {
    const uint32_t l = times->touched[i];
    retouch(times, l);
    if (times->orders.rank[l] < least) least = times->orders.rank[l];
  }
  const double limit_s = times->objective == PLACEMENT_MAKESPAN ? fmin(limit, times->deadline_s) : times->deadline_s;
  const bool fine = least == UINT32_MAX || propagate(times, least / WORD_BITS, limit_s);
  if (!fine) return INFINITY;
  if (times->needs_loads) find_loads(times);
  const double value = worth(times);
  return value <= limit ? value : INFINITY;
}

static void forget(struct placement_times *times) {
  for (size_t i = 0; i < times->n_touched; i++) times->is_touched[times->touched[i]] = false;
  times->n_touched = times->n_old = times->n_pins = 0;
}

void placement_times_commit(struct placement_times *times, double value) {
  forget(times);
  placement_orders_mark(&times->orders);
  times->value = value;
}

void placement_times_undo(struct placement_times *times) {
  if (times->fast) {
    /* What was to be looked at lies behind the first change: clear it before ranks are as they were. */
    memset(times->dirty, 0, (times->problem->n_layers / WORD_BITS + 1) * sizeof *times->dirty);
  }
  for (size_t i = times->n_old; i-- > 0;) {
    const struct placement_old_time *old = &times->old[i];
    times->end_s[old->layer] = old->end_s, times->duration_s[old->layer] = old->duration_s;
    times->layer_out_bytes[old->layer] = old->out_bytes, times->layer_in_bytes[old->layer] = old->in_bytes;
  }
  for (size_t i = times->n_pins; i-- > 0;) {
    const struct placement_old_pin *old = &times->pins[i];
    if (times->size != NULL) {
      if (times->pinned[old->layer]) times->used[old->device] -= times->size[old->layer];
      if (old->pinned) times->used[old->device] += times->size[old->layer];
    }
    times->pinned[old->layer] = old->pinned;
  }
  forget(times);
  placement_orders_undo(&times->orders);
}

/* --- to and from answers --------------------------------------------------------------------------------------------
 */

double placement_times_load(struct placement_times *times, const struct placement_answer *answer) {
  const struct placement_problem *problem = times->problem;
  forget(times);
  memset(times->dirty, 0, (problem->n_layers / WORD_BITS + 1) * sizeof *times->dirty);
  if (!placement_orders_load(&times->orders, answer)) return INFINITY;
  memset(times->used, 0, problem->n_devices * sizeof *times->used);
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    const uint32_t d = times->orders.device[l];
    const bool heavy = problem->weight_granules[l] > 0, held = times->fixed != NULL && times->fixed[l] == d;
    if (!placement_times_allows(times, l, d)) return INFINITY;
    times->pinned[l] = problem->memory == PLACEMENT_PIN ? answer->pinned[l] : heavy;
    if (held && heavy && !times->pinned[l]) return INFINITY;
    if (times->size != NULL && times->pinned[l]) times->used[d] = sat_add(times->used[d], times->size[l]);
  }
  for (size_t d = 0; d < problem->n_devices && times->size != NULL; d++) {
    if (times->used[d] > times->room[d]) return INFINITY;
  }
  if (!times->fast) {
    times->value = value_anew(times, INFINITY);
    return times->value;
  }
  for (uint32_t r = 0; r < problem->n_layers; r++) {
    const uint32_t l = times->orders.at[r];
    find_duration(times, l);
    times->end_s[l] = find_end_s(times, l);
  }
  if (times->needs_loads) find_loads(times);
  times->value = worth(times);
  return times->value;
}

void placement_times_save(const struct placement_times *times, struct placement_answer *answer) {
  placement_orders_save(&times->orders, answer);
  memcpy(answer->pinned, times->pinned, times->problem->n_layers * sizeof *answer->pinned);
}

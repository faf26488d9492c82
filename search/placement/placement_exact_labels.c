/* Which orders are best, when all that differ only in their past are compared at once? (placement §7: labels over
 * prefixes, here over any sets of layers closed under predecessors, and branch and bound in one.)
 *
 * Layers are appended in the order of their starts. What the rest of a schedule needs to know of its past is a state
 * (which layers are done, which stands last on each device, whether it waits there for its one reader) and a label
 * (when each device is free, when each layer that others wait for has ended). Of two labels of a state the one that is
 * nowhere later is enough. Labels whose bound reaches the best known value are dropped: tails of what is ready, and
 * what devices and paths have before them by the multipliers of the load bound.
 *
 * Passes keep only so many labels a level, each pass ten times more, until none was dropped for its number: then the
 * best is proven. What was dropped gives the open bound. Work is counted in labels tried and compared, about a
 * microsecond each, never in seconds. For makespans under `serial` in its plain form and `delay`; not for groups.
 *
 * Over 500 lines, since the loop of a level and the bounds of a label share struct labels, which nobody else sees. */
#include "base/checked.h"
#include "base/digest.h"
#include "search/placement/placement_exact_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  MOST_LAYERS = 256,
  WORDS = MOST_LAYERS / 64,
  MOST_DEVICES = 16,
  MOST_WAITING = 24, /* layers that others wait for, at once */
  FIRST_WIDTH = 10,
  MOST_WIDTH = 100000,
  WIDTH_FACTOR = 10,
  MOST_BOUNDS = 3,
  BOUND_ROUNDS = 300,
  MEMO_BITS = 16,
  LAYERS_PER_WORK = 32,
  COMPARISONS = 16, /* of labels cost as much as trying one */
  NONE16 = 0xffff
};

/* One of the bounds by multipliers: of all layers, or of the ancestors of one that has a tail. */
struct mean {
  struct placement_multipliers multipliers;
  struct placement_forest *forest;
  const bool *among; /* [n_layers] NULL: all */
  bool *member;      /* [n_layers] those not done */
  uint32_t last;
  double tail_s;
};
/* A state and a label of it. */
struct past {
  uint64_t done[WORDS];
  uint16_t last[MOST_DEVICES];  /* if what follows can tell; with WAITS if it waits for its one reader */
  uint8_t where[MOST_WAITING];  /* `delay`: devices of waiting layers, in their order */
  double start_s;               /* of what was appended last */
  double free_s[MOST_DEVICES];  /* not before start_s */
  double end_s[MOST_WAITING];   /* of layers that others wait for, in their order */
  double among_s[MOST_DEVICES]; /* when the last ancestor of a mean's layer has ended there */
  uint64_t used[MOST_DEVICES];  /* of memory that may bind */
};
enum { WAITS = 0x8000, LAYER_BITS = 0x7fff };
/* How a layer is appended: its reader must come next on the device; its weights stay. */
enum { WITH_READER = 1, PINNED = 2 };

struct candidate {
  double bound_s;
  uint32_t parent;
  uint16_t layer;
  uint8_t device, how;
};
struct step { /* of how a label came about */
  uint32_t parent;
  uint16_t layer;
  uint8_t device, how;
};
struct memo {
  struct digest key;
  double rest_s[MOST_BOUNDS];
};
struct labels {
  const struct placement_problem *problem;
  const struct placement_costs *costs;
  const double *tails_s;
  bool delay, pins; /* weights that do not stay are sent */
  bool tight[MOST_DEVICES];
  const uint64_t *size, *room; /* of memory, by layer and by device */
  struct mean means[MOST_BOUNDS];
  size_t n_means;
  const bool *among; /* of the mean that has it */
  struct memo *memo;
  uint32_t *last_on;         /* [n_devices] of the state at hand, for the forests */
  uint64_t *work, unit;      /* of work for a label tried: its bounds look at layers and devices */
  double limit_s, dropped_s; /* the best known; the least bound of what was dropped for number */
  size_t width;
  struct past *level, *next;
  struct step *steps; /* of all levels, one after another */
  size_t n_level, n_next, first_step, n_steps;
  struct candidate *candidates;
  size_t n_candidates, most_candidates;
  uint32_t *table, *chain; /* labels of the next level by state */
  size_t table_size;
};

static void spend(struct labels *labels, uint64_t work) { *labels->work -= min_u64(work, *labels->work); }

static bool is_done(const struct past *past, size_t layer) { return past->done[layer / 64] >> (layer % 64) & 1; }

static bool has_undone_reader(const struct placement_problem *p, const struct past *past, size_t layer, bool data) {
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    if ((!data || p->edges[p->out_edge[i]].bytes > 0) && !is_done(past, p->successor[i])) return true;
  }
  return false;
}

/* --- one state unpacked ---------------------------------------------------------------------------------------------
 */

struct now {
  double end_s[MOST_LAYERS]; /* of waiting layers */
  uint8_t where[MOST_LAYERS];
  uint16_t waiting[MOST_WAITING];
  size_t n_waiting;
};

static void unpack(const struct labels *labels, const struct past *past, struct now *now) {
  const struct placement_problem *p = labels->problem;
  now->n_waiting = 0;
  for (size_t w = 0; w < WORDS; w++) {
    for (uint64_t rest = past->done[w]; rest != 0; rest &= rest - 1) {
      const uint16_t l = (uint16_t)(w * 64 + (size_t)__builtin_ctzll(rest));
      if (!has_undone_reader(p, past, l, false)) continue;
      now->end_s[l] = past->end_s[now->n_waiting];
      now->where[l] = past->where[now->n_waiting];
      now->waiting[now->n_waiting++] = l;
    }
  }
}

static bool is_ready(const struct placement_problem *p, const struct past *past, size_t layer) {
  if (is_done(past, layer)) return false;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    if (!is_done(past, p->predecessor[i])) return false;
  }
  return true;
}

static double delay_between(const struct labels *labels, uint32_t edge, size_t from, size_t to) {
  if (from == to) return 0;
  return placement_leave_s(labels->costs, edge, from) + placement_arrive_s(labels->costs, edge, to);
}

/* When all predecessors have ended, as seen from a device. */
static double arrival(const struct labels *labels, const struct past *past, const struct now *now, size_t layer,
                      size_t device) {
  const struct placement_problem *p = labels->problem;
  double arrival_s = past->start_s;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t from = p->predecessor[i];
    if (!is_done(past, from)) continue;
    const double late_s = labels->delay ? delay_between(labels, p->in_edge[i], now->where[from], device) : 0;
    arrival_s = fmax(arrival_s, now->end_s[from] + late_s);
  }
  return arrival_s;
}

/* May the layer come next on the device, and what does it find there? */
static bool may_follow(const struct labels *labels, const struct past *past, size_t layer, size_t device,
                       uint64_t *found) {
  const struct placement_problem *p = labels->problem;
  *found = 0;
  if (!placement_can_run(p, layer, device)) return false;
  if (labels->delay) return true;
  for (size_t d = 0; d < p->n_devices; d++) {
    if (past->last[d] == NONE16) continue;
    const size_t last = past->last[d] & LAYER_BITS;
    const bool waits = past->last[d] & WAITS, reads = p->only_reader[last] == layer;
    if (waits && (d == device) != reads) return false;
    if (!waits && reads && d == device) return false; /* the same order is better with waiting */
  }
  for (uint32_t i = p->in_start[layer]; past->last[device] != NONE16 && i < p->in_start[layer + 1]; i++) {
    if (p->predecessor[i] == (past->last[device] & LAYER_BITS)) *found = p->edges[p->in_edge[i]].bytes;
  }
  return true;
}

static double duration(const struct labels *labels, size_t layer, size_t device, uint64_t found, int how) {
  const struct placement_problem *p = labels->problem;
  const double compute_s = p->compute_s[placement_at(p, layer, device)];
  if (labels->delay || p->devices[device].host) return compute_s;
  const bool sent = labels->pins && !(how & PINNED);
  const uint64_t input = p->input_bytes[layer];
  const uint64_t bytes = (sent ? p->weight_bytes[layer] : 0) + (input > found ? input - found : 0) +
                         (how & WITH_READER ? 0 : p->output_bytes[layer]);
  return compute_s + (double)bytes / p->devices[device].link_bytes_per_s;
}

/* --- one more layer -------------------------------------------------------------------------------------------------
 */

static void forget_past(const struct labels *labels, struct past *past) {
  const struct placement_problem *p = labels->problem;
  for (size_t d = 0; d < p->n_devices; d++) {
    past->free_s[d] = fmax(past->free_s[d], past->start_s);
    if (past->last[d] == NONE16) continue;
    if (labels->delay || !has_undone_reader(p, past, past->last[d] & LAYER_BITS, true)) past->last[d] = NONE16;
  }
}

/* False: too many layers are waited for. */
static bool append(const struct labels *labels, const struct past *past, const struct now *now,
                   const struct candidate *c, struct past *next) {
  const struct placement_problem *p = labels->problem;
  const size_t l = c->layer, d = c->device;
  uint64_t found;
  may_follow(labels, past, l, d, &found);
  memcpy(next, past, sizeof *next);
  next->start_s = fmax(past->free_s[d], arrival(labels, past, now, l, d));
  const double end_s = next->start_s + duration(labels, l, d, found, c->how);
  next->free_s[d] = end_s;
  next->done[l / 64] |= UINT64_C(1) << (l % 64);
  next->last[d] = (uint16_t)(l | (c->how & WITH_READER ? WAITS : 0));
  if (labels->tight[d] && (c->how & PINNED)) next->used[d] += labels->size[l];
  if (labels->among != NULL && labels->among[l]) next->among_s[d] = end_s;
  size_t n = 0, k = 0;
  for (; k <= now->n_waiting; k++) {
    const bool at_end = k == now->n_waiting;
    const uint16_t waiting = at_end ? MOST_LAYERS : now->waiting[k];
    const bool before = k == 0 || now->waiting[k - 1] < l;
    if (before && l < waiting && has_undone_reader(p, next, l, false)) {
      if (n == MOST_WAITING) return false;
      next->end_s[n] = labels->delay ? end_s : fmax(end_s, next->start_s), next->where[n++] = (uint8_t)d;
    }
    if (at_end || !has_undone_reader(p, next, waiting, false)) continue;
    if (n == MOST_WAITING) return false;
    next->end_s[n] = labels->delay ? now->end_s[waiting] : fmax(now->end_s[waiting], next->start_s);
    next->where[n++] = now->where[waiting];
  }
  memset(next->end_s + n, 0, (MOST_WAITING - n) * sizeof *next->end_s);
  memset(next->where + n, 0, MOST_WAITING - n);
  if (!labels->delay) memset(next->where, 0, MOST_WAITING);
  forget_past(labels, next);
  return true;
}

static struct digest name_of(const struct labels *labels, const struct past *past) {
  unsigned char bytes[sizeof past->done + sizeof past->last + sizeof past->where];
  const size_t n_last = labels->problem->n_devices * sizeof *past->last;
  memcpy(bytes, past->done, sizeof past->done);
  memcpy(bytes + sizeof past->done, past->last, n_last);
  memcpy(bytes + sizeof past->done + n_last, past->where, sizeof past->where);
  return digest_of(bytes, sizeof past->done + n_last + sizeof past->where);
}

/* --- bounds of a label ----------------------------------------------------------------------------------------------
 */

static const struct memo *rest_of(struct labels *labels, const struct past *past) {
  const struct digest key = name_of(labels, past);
  struct memo *memo = &labels->memo[key.low & ((1U << MEMO_BITS) - 1)];
  if (digest_equal(memo->key, key)) return memo;
  const struct placement_problem *p = labels->problem;
  memo->key = key;
  spend(labels, labels->n_means * p->n_layers * p->n_devices / PLACEMENT_LOOKS_PER_WORK);
  for (size_t d = 0; d < p->n_devices; d++) {
    labels->last_on[d] = past->last[d] == NONE16 ? PLACEMENT_NONE : past->last[d] & LAYER_BITS;
  }
  for (size_t b = 0; b < labels->n_means; b++) {
    struct mean *mean = &labels->means[b];
    for (size_t l = 0; l < p->n_layers; l++) {
      mean->member[l] = !is_done(past, l) && (mean->among == NULL || mean->among[l]);
    }
    memo->rest_s[b] = placement_forest_sum(mean->forest, &mean->multipliers);
  }
  return memo;
}

/* From each mean: what devices and paths have behind them, and the least that is left. */
static double bound_by_means(struct labels *labels, const struct past *past, const struct now *now) {
  const struct placement_problem *p = labels->problem;
  const struct memo *memo = rest_of(labels, past);
  double bound_s = 0;
  for (size_t b = 0; b < labels->n_means; b++) {
    const struct mean *mean = &labels->means[b];
    if (mean->last != PLACEMENT_NONE && is_done(past, mean->last)) continue;
    double sum_s = memo->rest_s[b] + mean->tail_s;
    for (size_t d = 0; d < p->n_devices; d++) {
      const double behind_s = mean->among == NULL ? past->free_s[d] : fmax(past->among_s[d], past->start_s);
      sum_s += mean->multipliers.device[d] * behind_s;
      if (labels->tight[d]) sum_s += mean->multipliers.memory[d] * (double)past->used[d];
    }
    for (size_t i = 0; i < mean->multipliers.n_paths; i++) {
      const uint32_t *path = mean->multipliers.path[i];
      uint32_t k = 1;
      while (k <= path[0] && is_done(past, path[k])) k++;
      double release_s = past->start_s;
      if (k <= path[0]) {
        for (uint32_t j = p->in_start[path[k]]; j < p->in_start[path[k] + 1]; j++) {
          if (is_done(past, p->predecessor[j])) release_s = fmax(release_s, now->end_s[p->predecessor[j]]);
        }
      }
      sum_s += mean->multipliers.share[i] * release_s;
    }
    bound_s = fmax(bound_s, sum_s);
  }
  return bound_s;
}

/* When what is ready can be done with all that follows it. */
static double bound_by_tails(const struct labels *labels, const struct past *past, const struct now *now) {
  const struct placement_problem *p = labels->problem;
  double bound_s = 0;
  for (size_t l = 0; l < p->n_layers; l++) {
    if (!is_ready(p, past, l)) continue;
    double least_s = INFINITY;
    for (size_t d = 0; d < p->n_devices; d++) {
      if (!placement_can_run(p, l, d)) continue;
      double from_s = fmax(past->free_s[d], arrival(labels, past, now, l, d));
      if (!labels->delay) {
        const size_t last = past->last[d] == NONE16 ? MOST_LAYERS : past->last[d] & LAYER_BITS;
        const struct placement_rest *rest = &labels->costs->none[l];
        for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
          if (p->predecessor[i] == last && p->edges[p->in_edge[i]].bytes > 0)
            rest = &labels->costs->with[p->in_edge[i]];
        }
        from_s += placement_rest_s(labels->costs, rest, d);
      }
      from_s += placement_own_s(labels->costs, l, d) + labels->tails_s[placement_at(p, l, d)];
      least_s = fmin(least_s, from_s);
    }
    bound_s = fmax(bound_s, least_s);
  }
  for (size_t d = 0; d < p->n_devices; d++) bound_s = fmax(bound_s, past->free_s[d]);
  return bound_s;
}

/* --- levels ---------------------------------------------------------------------------------------------------------
 */

static bool is_open(const struct labels *labels, double bound_s) {
  return bound_s < labels->limit_s * (1 - placement_proof);
}

static void drop(struct labels *labels, double bound_s) { labels->dropped_s = fmin(labels->dropped_s, bound_s); }

static void try_one(struct labels *labels, const struct now *now, struct candidate c) {
  struct past next;
  struct now then;
  spend(labels, 1 + labels->problem->n_layers / LAYERS_PER_WORK);
  if (!append(labels, &labels->level[c.parent], now, &c, &next)) {
    drop(labels, 0);
    return;
  }
  unpack(labels, &next, &then);
  c.bound_s = bound_by_tails(labels, &next, &then);
  if (is_open(labels, c.bound_s)) c.bound_s = fmax(c.bound_s, bound_by_means(labels, &next, &then));
  c.bound_s = placement_round_down(c.bound_s);
  if (!is_open(labels, c.bound_s)) return;
  if (labels->n_candidates < labels->most_candidates) {
    labels->candidates[labels->n_candidates++] = c;
  } else {
    drop(labels, c.bound_s);
  }
}

static void try_layer(struct labels *labels, uint32_t parent, const struct now *now, size_t l) {
  const struct past *past = &labels->level[parent];
  const struct placement_problem *p = labels->problem;
  for (size_t d = 0; d < p->n_devices; d++) {
    uint64_t found;
    if (!may_follow(labels, past, l, d, &found)) continue;
    const bool joins =
        !labels->delay && p->only_reader[l] != PLACEMENT_NONE && placement_can_run(p, p->only_reader[l], d);
    const bool stays =
        labels->size[l] <= labels->room[d] && (!labels->tight[d] || past->used[d] + labels->size[l] <= labels->room[d]);
    if (!stays && !labels->pins) continue; /* hard memory */
    const bool sent = labels->pins && (!stays || (labels->tight[d] && labels->size[l] > 0));
    for (int how = 0; how <= (WITH_READER | PINNED); how++) {
      if (((how & WITH_READER) && !joins) || (how & PINNED ? !stays : !sent)) continue;
      const struct candidate c = {.parent = parent, .layer = (uint16_t)l, .device = (uint8_t)d, .how = (uint8_t)how};
      try_one(labels, now, c);
    }
  }
}

static int compare_candidates(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->bound_s < y->bound_s || x->bound_s > y->bound_s) return x->bound_s < y->bound_s ? -1 : 1;
  if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
  if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
  if (x->device != y->device) return x->device < y->device ? -1 : 1;
  return (int)x->how - (int)y->how;
}

static bool is_nowhere_later(const struct labels *labels, const struct past *a, const struct past *b) {
  if (a->start_s > b->start_s) return false;
  for (size_t d = 0; d < labels->problem->n_devices; d++) {
    if (a->free_s[d] > b->free_s[d] || a->used[d] > b->used[d]) return false;
  }
  for (size_t k = 0; k < MOST_WAITING; k++) {
    if (a->end_s[k] > b->end_s[k]) return false;
  }
  return true;
}

static bool same_state(const struct labels *labels, const struct past *a, const struct past *b) {
  return memcmp(a->done, b->done, sizeof a->done) == 0 &&
         memcmp(a->last, b->last, labels->problem->n_devices * sizeof *a->last) == 0 &&
         memcmp(a->where, b->where, sizeof a->where) == 0;
}

/* Keeps the best labels of the next level that no other makes needless. */
static void keep_best(struct labels *labels) {
  memset(labels->table, 0xff, labels->table_size * sizeof *labels->table);
  qsort(labels->candidates, labels->n_candidates, sizeof *labels->candidates, compare_candidates);
  struct now now;
  uint32_t unpacked = UINT32_MAX;
  uint64_t comparisons = 0;
  labels->n_next = 0;
  for (size_t i = 0; i < labels->n_candidates; i++) {
    const struct candidate *c = &labels->candidates[i];
    if (labels->n_next == labels->width) {
      drop(labels, c->bound_s); /* the others are no better */
      break;
    }
    const struct past *past = &labels->level[c->parent];
    if (c->parent != unpacked) unpack(labels, past, &now);
    unpacked = c->parent;
    struct past *next = &labels->next[labels->n_next];
    append(labels, past, &now, c, next);
    const struct digest name = name_of(labels, next);
    uint32_t *head = &labels->table[name.low & (labels->table_size - 1)];
    bool needless = false;
    for (uint32_t k = *head; !needless && k != UINT32_MAX; k = labels->chain[k]) {
      comparisons++;
      needless = same_state(labels, &labels->next[k], next) && is_nowhere_later(labels, &labels->next[k], next);
    }
    if (needless) continue;
    labels->chain[labels->n_next] = *head;
    *head = (uint32_t)labels->n_next;
    labels->steps[labels->n_steps + labels->n_next] =
        (struct step){(uint32_t)labels->first_step + c->parent, c->layer, c->device, c->how};
    labels->n_next++;
  }
  spend(labels, comparisons / COMPARISONS);
}

/* The answer whose last step is `at`: layers in the order of their steps, each on its device. */
static void read_answer(const struct labels *labels, size_t at, struct arena *scratch,
                        struct placement_answer *answer) {
  const struct placement_problem *p = labels->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct step *order = ARENA_NEW(scratch, struct step, p->n_layers);
  for (size_t k = p->n_layers; k-- > 0; at = order[k].parent) order[k] = labels->steps[at];
  uint32_t n = 0;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    answer->start[d] = n;
    for (size_t k = 0; k < p->n_layers; k++) {
      if (order[k].device == d) answer->layer[n++] = order[k].layer;
    }
  }
  answer->start[p->n_devices] = n;
  placement_pin(p, scratch, answer);
  for (size_t k = 0; labels->pins && k < p->n_layers; k++) {
    answer->pinned[order[k].layer] = (order[k].how & PINNED) && labels->size[order[k].layer] > 0;
  }
  arena_rewind(scratch, mark);
}

/* False: the work is used up. */
static bool run_pass(struct labels *labels) {
  const struct placement_problem *p = labels->problem;
  memset(&labels->level[0], 0, sizeof *labels->level);
  memset(labels->level[0].last, 0xff, sizeof labels->level[0].last);
  labels->n_level = 1, labels->first_step = 0, labels->n_steps = 1, labels->dropped_s = INFINITY;
  for (size_t level = 0; level < p->n_layers && labels->n_level > 0; level++) {
    labels->n_candidates = 0;
    for (uint32_t k = 0; k < labels->n_level; k++) {
      struct now now;
      unpack(labels, &labels->level[k], &now);
      for (size_t l = 0; l < p->n_layers; l++) {
        if (is_ready(p, &labels->level[k], l)) try_layer(labels, k, &now, l);
      }
      if (*labels->work == 0) return false;
    }
    keep_best(labels);
    labels->first_step = labels->n_steps, labels->n_steps += labels->n_next, labels->n_level = labels->n_next;
    struct past *const swap = labels->level;
    labels->level = labels->next, labels->next = swap;
  }
  return true;
}

/* --- all passes -----------------------------------------------------------------------------------------------------
 */

bool placement_exact_labels_applies(const struct placement_problem *p) {
  const bool fuses = p->timing == PLACEMENT_SERIAL && p->plain;
  if (p->objective != PLACEMENT_MAKESPAN || p->contiguous || !(fuses || p->timing == PLACEMENT_DELAY)) return false;
  if (p->n_layers > MOST_LAYERS || p->n_devices > MOST_DEVICES || (p->group != NULL && p->n_groups > 0)) return false;
  return p->timing != PLACEMENT_DELAY || p->mesh_bytes_per_s == NULL;
}

/* What layers take of memory, and where not all that may come fits. */
static void measure_memory(struct labels *labels, struct arena *arena) {
  const struct placement_problem *p = labels->problem;
  labels->pins = p->memory == PLACEMENT_PIN && p->timing == PLACEMENT_SERIAL;
  const bool hard = p->memory == PLACEMENT_HARD;
  uint64_t *size = ARENA_NEW(arena, uint64_t, p->n_layers), *room = ARENA_NEW(arena, uint64_t, p->n_devices);
  for (size_t l = 0; l < p->n_layers; l++) {
    size[l] = labels->pins ? p->weight_granules[l] : hard ? p->weight_bytes[l] : 0;
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    room[d] = p->devices[d].host ? UINT64_MAX
              : labels->pins     ? p->pin_granules[d]
              : hard             ? p->devices[d].dram_bytes
                                 : UINT64_MAX;
    uint64_t sum = 0;
    for (size_t l = 0; l < p->n_layers; l++) {
      if (placement_can_run(p, l, d) && size[l] <= room[d]) sum = sat_add(sum, size[l]);
    }
    labels->tight[d] = sum > room[d];
  }
  labels->size = size, labels->room = room;
}

static void add_mean(struct labels *labels, struct placement_work *bounds, uint32_t last, bool paths,
                     struct arena *arena) {
  const struct placement_problem *p = labels->problem;
  struct mean *mean = &labels->means[labels->n_means++];
  bool memory = false;
  for (size_t d = 0; d < p->n_devices; d++) memory = memory || labels->tight[d];
  *mean = (struct mean){.last = last, .member = ARENA_NEW(arena, bool, p->n_layers)};
  mean->multipliers = placement_multipliers_new(p, arena);
  if (last != PLACEMENT_NONE) {
    bool *among = ARENA_NEW(arena, bool, p->n_layers);
    placement_ancestor_value(bounds, last, BOUND_ROUNDS, among, &mean->multipliers);
    mean->among = labels->among = among;
    mean->tail_s = placement_least_tail(&bounds->costs, bounds->tails_s, last);
  } else {
    const struct placement_load load = {
        .last = PLACEMENT_NONE, .memory = memory, .paths = paths, .max_rounds = BOUND_ROUNDS};
    placement_load_bound(&bounds->costs, &load, arena, &mean->multipliers);
  }
  for (size_t l = 0; l < p->n_layers; l++) mean->member[l] = mean->among == NULL || mean->among[l];
  struct placement_load *load = ARENA_NEW(arena, struct placement_load, 1);
  *load = (struct placement_load){.member = mean->member, .last = last, .memory = memory};
  mean->forest = placement_forest_new(labels->costs, load, labels->last_on, arena);
}

static void labels_resize(struct labels *labels, size_t width, struct arena *arena) {
  labels->width = width;
  labels->most_candidates = 24 * width;
  labels->candidates = ARENA_NEW(arena, struct candidate, labels->most_candidates);
  labels->level = ARENA_NEW(arena, struct past, width);
  labels->next = ARENA_NEW(arena, struct past, width);
  labels->steps = ARENA_NEW(arena, struct step, labels->problem->n_layers * width + 1);
  labels->chain = ARENA_NEW(arena, uint32_t, width);
  labels->table_size = 1;
  while (labels->table_size < 2 * width) labels->table_size *= 2;
  labels->table = ARENA_NEW(arena, uint32_t, labels->table_size);
}

static void take_best(struct labels *labels, struct arena *arena, struct placement_answer *best, double *value) {
  const struct placement_problem *p = labels->problem;
  struct placement_answer found = placement_answer_new(p, arena);
  for (size_t k = 0; k < labels->n_level; k++) {
    read_answer(labels, labels->first_step + k, arena, &found);
    const double found_s = placement_evaluate(p, &found, arena, NULL);
    if (!(found_s < *value)) continue;
    *value = found_s;
    placement_answer_copy(p, &found, best);
    break; /* sorted: the others are later */
  }
}

bool placement_exact_labels(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                            struct placement_answer *best, double *value, double *bound) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct placement_work bounds;
  placement_work_init(&bounds, problem, arena);
  struct labels *labels = ARENA_NEW(arena, struct labels, 1);
  *labels = (struct labels){.problem = problem,
                            .costs = &bounds.costs,
                            .tails_s = bounds.tails_s,
                            .delay = problem->timing == PLACEMENT_DELAY,
                            .last_on = ARENA_NEW(arena, uint32_t, problem->n_devices),
                            .work = work,
                            .limit_s = *value};
  measure_memory(labels, arena);
  add_mean(labels, &bounds, PLACEMENT_NONE, true, arena);
  memcpy(bounds.multipliers.device, labels->means[0].multipliers.device,
         problem->n_devices * sizeof *bounds.multipliers.device);
  if (placement_bound_ancestor(&bounds) > 0 && !bounds.ancestor_after)
    add_mean(labels, &bounds, bounds.ancestor_layer, true, arena);
  add_mean(labels, &bounds, PLACEMENT_NONE, false, arena);
  bool proven = false;
  labels->memo = ARENA_NEW(arena, struct memo, 1U << MEMO_BITS);
  for (size_t width = FIRST_WIDTH; !proven && width <= MOST_WIDTH; width *= WIDTH_FACTOR) {
    const struct arena_mark pass = arena_get_mark(arena);
    labels_resize(labels, width, arena);
    const bool ended = run_pass(labels);
    if (ended) take_best(labels, arena, best, value);
    labels->limit_s = *value;
    if (ended) *bound = fmax(*bound, fmin(labels->dropped_s, *value * (1 - placement_proof)));
    proven = ended && !(labels->dropped_s < *value * (1 - placement_proof)) && *value < INFINITY;
    if (proven) *bound = *value;
    arena_rewind(arena, pass);
    if (!ended) break;
  }
  arena_rewind(arena, mark);
  return proven;
}

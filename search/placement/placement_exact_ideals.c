/* Which split into pieces has the shortest period? (placement §7, star; Tarnawski et al., NeurIPS 2020.)
 *
 * Devices take successive differences of order ideals, sets of layers closed under predecessors. Layers of a group
 * share a device; so do all between them, and all that wait for each other once groups are contracted. What is left is
 * a graph of blocks; its ideals are listed, and best[I][devices used] follows from all smaller ideals J by what one
 * more device takes with I∖J. Devices alike count together. Pieces whose computation alone reaches the best period
 * known are never looked at. Work is counted in pairs of ideals. Leaves out links between devices and a host that
 * limits. */
#include "base/checked.h"
#include "base/digest.h"
#include "search/placement/placement_exact_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_IDEALS = 60000, MOST_BLOCKS = 512, BLOCK_WORDS = MOST_BLOCKS / 64, MOST_STATES = 4096, MOST_ROUNDS = 16 };
static const double first_limit = 1.02, next_limit = 1.25; /* times the bound */

struct bits {
  uint64_t word[BLOCK_WORDS];
};
/* Devices that cannot be told apart. */
struct sort {
  uint32_t device; /* the first of them */
  uint32_t n, stride;
  double *compute_s; /* [n_blocks] INFINITY: cannot run there */
};
struct blocks {
  const struct placement_problem *problem;
  size_t n;
  uint32_t *of;            /* [n_layers] */
  uint32_t *start, *layer; /* layers of block b: layer[start[b]] … */
  struct bits *before;     /* [n] blocks that must be done first, directly */
  struct bits *after;      /* [n] */
  uint64_t *weight_bytes;  /* [n] */
};
struct ideals {
  const struct blocks *blocks;
  struct arena *arena;
  struct bits *set;
  size_t n;
  uint32_t *table;
  size_t table_size;
  struct sort *sorts;
  size_t n_sorts, n_states;
  double *best;   /* [n * n_states] */
  int32_t *from;  /* [n * n_states] the smaller ideal */
  uint8_t *taker; /* [n * n_states] the sort of the last device */
  double limit_s;
  uint64_t *work;
};

static bool has(const struct bits *set, size_t i) { return set->word[i / 64] >> (i % 64) & 1; }
static void put(struct bits *set, size_t i) { set->word[i / 64] |= UINT64_C(1) << (i % 64); }
static void take(struct bits *set, size_t i) { set->word[i / 64] &= ~(UINT64_C(1) << (i % 64)); }
static bool holds(const struct bits *set, const struct bits *part) {
  for (size_t w = 0; w < BLOCK_WORDS; w++) {
    if (part->word[w] & ~set->word[w]) return false;
  }
  return true;
}
static bool meets(const struct bits *a, const struct bits *b) {
  for (size_t w = 0; w < BLOCK_WORDS; w++) {
    if (a->word[w] & b->word[w]) return true;
  }
  return false;
}

/* --- blocks ---------------------------------------------------------------------------------------------------------
 */

/* Layers that can be reached from a group's through edges, jumping within groups, and reach it again, are one block:
 * the strongly connected parts of edges and jumps, by two sweeps a seed. */
static void sweep(const struct placement_problem *p, const uint32_t *first, const uint32_t *next, uint32_t seed,
                  bool forward, bool *seen, uint32_t *stack) {
  size_t n = 0;
  memset(seen, 0, p->n_layers * sizeof *seen);
  seen[seed] = true, stack[n++] = seed;
  while (n > 0) {
    const uint32_t l = stack[--n];
    const uint32_t *start = forward ? p->out_start : p->in_start, *other = forward ? p->successor : p->predecessor;
    for (uint32_t i = start[l]; i < start[l + 1]; i++) {
      if (!seen[other[i]]) seen[other[i]] = true, stack[n++] = other[i];
    }
    if (p->group == NULL || p->group[l] == PLACEMENT_NONE) continue;
    for (uint32_t k = first[p->group[l]]; k != PLACEMENT_NONE; k = next[k]) {
      if (!seen[k]) seen[k] = true, stack[n++] = k;
    }
  }
}

static bool make_blocks(const struct placement_problem *p, struct arena *arena, struct blocks *blocks) {
  const size_t n = p->n_layers;
  *blocks = (struct blocks){.problem = p, .of = ARENA_NEW(arena, uint32_t, n)};
  uint32_t *first = ARENA_NEW(arena, uint32_t, p->n_groups), *next = ARENA_NEW(arena, uint32_t, n);
  uint32_t *stack = ARENA_NEW(arena, uint32_t, n);
  bool *ahead = ARENA_NEW(arena, bool, n), *behind = ARENA_NEW(arena, bool, n);
  memset(first, 0xff, p->n_groups * sizeof *first);
  memset(blocks->of, 0xff, n * sizeof *blocks->of);
  for (uint32_t l = (uint32_t)n; p->group != NULL && l-- > 0;) {
    if (p->group[l] == PLACEMENT_NONE) continue;
    next[l] = first[p->group[l]], first[p->group[l]] = l;
  }
  for (uint32_t l = 0; l < n; l++) {
    if (blocks->of[l] != PLACEMENT_NONE) continue;
    sweep(p, first, next, l, true, ahead, stack);
    sweep(p, first, next, l, false, behind, stack);
    for (uint32_t k = 0; k < n; k++) {
      if (ahead[k] && behind[k]) blocks->of[k] = (uint32_t)blocks->n;
    }
    if (++blocks->n > MOST_BLOCKS) return false;
  }
  blocks->start = ARENA_NEW(arena, uint32_t, blocks->n + 2);
  blocks->layer = ARENA_NEW(arena, uint32_t, n);
  blocks->before = ARENA_NEW(arena, struct bits, blocks->n);
  blocks->after = ARENA_NEW(arena, struct bits, blocks->n);
  blocks->weight_bytes = ARENA_NEW(arena, uint64_t, blocks->n);
  for (size_t l = 0; l < n; l++) {
    blocks->start[blocks->of[l] + 2]++;
    blocks->weight_bytes[blocks->of[l]] = sat_add(blocks->weight_bytes[blocks->of[l]], p->weight_bytes[l]);
  }
  for (size_t b = 0; b < blocks->n; b++) blocks->start[b + 2] += blocks->start[b + 1];
  for (uint32_t l = 0; l < n; l++) blocks->layer[blocks->start[blocks->of[l] + 1]++] = l;
  for (size_t e = 0; e < p->n_edges; e++) {
    const uint32_t from = blocks->of[p->edges[e].from], to = blocks->of[p->edges[e].to];
    if (from != to) put(&blocks->before[to], from), put(&blocks->after[from], to);
  }
  return true;
}

/* --- ideals ---------------------------------------------------------------------------------------------------------
 */

static uint32_t *slot_of(const struct ideals *ideals, const struct bits *set) {
  size_t at = digest_of(set, sizeof *set).low & (ideals->table_size - 1);
  while (ideals->table[at] != UINT32_MAX && memcmp(&ideals->set[ideals->table[at]], set, sizeof *set) != 0) {
    at = (at + 1) & (ideals->table_size - 1);
  }
  return &ideals->table[at];
}

/* All ideals, smaller ones first; false: too many. */
static bool list_ideals(struct ideals *ideals) {
  const struct blocks *blocks = ideals->blocks;
  ideals->set = ARENA_NEW(ideals->arena, struct bits, MOST_IDEALS);
  ideals->table_size = 1 << 17;
  ideals->table = ARENA_NEW(ideals->arena, uint32_t, ideals->table_size);
  memset(ideals->table, 0xff, ideals->table_size * sizeof *ideals->table);
  *slot_of(ideals, &ideals->set[0]) = 0;
  ideals->n = 1;
  for (size_t i = 0; i < ideals->n; i++) {
    for (size_t b = 0; b < blocks->n; b++) {
      if (has(&ideals->set[i], b) || !holds(&ideals->set[i], &blocks->before[b])) continue;
      struct bits larger = ideals->set[i];
      put(&larger, b);
      uint32_t *slot = slot_of(ideals, &larger);
      if (*slot != UINT32_MAX) continue;
      if (ideals->n == MOST_IDEALS) return false;
      *slot = (uint32_t)ideals->n;
      ideals->set[ideals->n++] = larger;
    }
  }
  return true;
}

/* --- sorts of devices -----------------------------------------------------------------------------------------------
 */

static bool same_sort(const struct placement_problem *p, size_t a, size_t b) {
  const struct placement_device *x = &p->devices[a], *y = &p->devices[b];
  if (x->host != y->host || x->dram_bytes != y->dram_bytes) return false;
  if (memcmp(&x->link_bytes_per_s, &y->link_bytes_per_s, sizeof(double)) != 0) return false;
  if (memcmp(&x->link_latency_s, &y->link_latency_s, sizeof(double)) != 0) return false;
  for (size_t l = 0; l < p->n_layers; l++) {
    if (memcmp(&p->compute_s[placement_at(p, l, a)], &p->compute_s[placement_at(p, l, b)], sizeof(double)) != 0) {
      return false;
    }
  }
  return true;
}

static bool make_sorts(struct ideals *ideals) {
  const struct blocks *blocks = ideals->blocks;
  const struct placement_problem *p = blocks->problem;
  ideals->sorts = ARENA_NEW(ideals->arena, struct sort, p->n_devices);
  ideals->n_states = 1;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    size_t s = 0;
    while (s < ideals->n_sorts && !same_sort(p, ideals->sorts[s].device, d)) s++;
    struct sort *sort = &ideals->sorts[s];
    sort->n++;
    if (s < ideals->n_sorts) continue;
    ideals->n_sorts++;
    sort->device = d;
    sort->compute_s = ARENA_NEW(ideals->arena, double, blocks->n);
    for (size_t l = 0; l < p->n_layers; l++) {
      const double compute_s = p->compute_s[placement_at(p, l, d)];
      sort->compute_s[blocks->of[l]] += placement_can_run(p, l, d) ? compute_s : INFINITY;
    }
  }
  for (size_t s = 0; s < ideals->n_sorts; s++) {
    ideals->sorts[s].stride = (uint32_t)ideals->n_states;
    ideals->n_states *= ideals->sorts[s].n + 1;
    if (ideals->n_states > MOST_STATES) return false;
  }
  return true;
}

static size_t used(const struct sort *sort, size_t state) { return state / sort->stride % (sort->n + 1); }

/* --- one device more ------------------------------------------------------------------------------------------------
 * Under ideal I, blocks are taken from it one by one, each the last of what is left: the device's piece grows, and what
 * it computes, holds, reads and writes changes by that block alone. Each smaller ideal is met once. */

struct piece {
  struct ideals *ideals;
  const struct sort *sort;
  const struct bits *whole; /* I */
  uint32_t ideal, *met;     /* [n] stamps */
  uint32_t *readers;        /* [n_layers] in the piece */
  uint32_t stamp;
};

static double transfer_s(const struct placement_problem *p, uint32_t device, uint32_t layer) {
  const struct placement_device *d = &p->devices[device];
  if (d->host || !p->is_read[layer]) return 0;
  if (!isnan(p->read_s[layer])) return p->read_s[layer];
  if (p->read_bytes[layer] == 0) return 0;
  return (double)p->read_bytes[layer] / d->link_bytes_per_s + d->link_latency_s;
}

/* Seconds that the device's transfers change by if block b joins the piece; counts the readers. */
static double join(struct piece *piece, size_t b) {
  const struct blocks *blocks = piece->ideals->blocks;
  const struct placement_problem *p = blocks->problem;
  double change_s = 0;
  for (uint32_t k = blocks->start[b]; k < blocks->start[b + 1]; k++) {
    const uint32_t l = blocks->layer[k];
    if (piece->readers[l] > 0) change_s -= transfer_s(p, piece->sort->device, l); /* was read, now is made here */
    bool leaves = false;
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const struct placement_edge *edge = &p->edges[p->out_edge[i]];
      const bool carries = edge->bytes > 0 || edge->transfer_s > 0;
      leaves = leaves || (carries && !has(piece->whole, blocks->of[edge->to]));
    }
    if (leaves) change_s += transfer_s(p, piece->sort->device, l);
  }
  for (uint32_t k = blocks->start[b]; k < blocks->start[b + 1]; k++) {
    const uint32_t l = blocks->layer[k];
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      const uint32_t from = p->predecessor[i];
      if (piece->readers[from]++ == 0 && blocks->of[from] != b) change_s += transfer_s(p, piece->sort->device, from);
    }
  }
  return change_s;
}

static void part(struct piece *piece, size_t b) {
  const struct blocks *blocks = piece->ideals->blocks;
  const struct placement_problem *p = blocks->problem;
  for (uint32_t k = blocks->start[b]; k < blocks->start[b + 1]; k++) {
    const uint32_t l = blocks->layer[k];
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) piece->readers[p->predecessor[i]]--;
  }
}

static void improve(struct piece *piece, uint32_t smaller, double load_s) {
  struct ideals *ideals = piece->ideals;
  const size_t n = ideals->n_states;
  for (size_t state = 0; state < n; state++) {
    const double before_s = ideals->best[smaller * n + state];
    if (!(before_s < ideals->limit_s) || used(piece->sort, state) == piece->sort->n) continue;
    const size_t at = piece->ideal * n + state + piece->sort->stride;
    const double period_s = fmax(before_s, load_s);
    if (!(period_s < ideals->best[at])) continue;
    ideals->best[at] = period_s;
    ideals->from[at] = (int32_t)smaller;
    ideals->taker[at] = (uint8_t)(piece->sort - ideals->sorts);
  }
}

/* False: the work is used up. */
static bool grow(struct piece *piece, struct bits *left, double compute_s, double moved_s, uint64_t weight_bytes) {
  struct ideals *ideals = piece->ideals;
  const struct blocks *blocks = ideals->blocks;
  const struct placement_problem *p = blocks->problem;
  const struct placement_device *device = &p->devices[piece->sort->device];
  for (size_t b = 0; b < blocks->n; b++) {
    if (!has(left, b) || meets(left, &blocks->after[b])) continue;
    const double more_s = compute_s + piece->sort->compute_s[b];
    const uint64_t bytes = sat_add(weight_bytes, blocks->weight_bytes[b]);
    if (!(more_s < ideals->limit_s)) continue;
    if (p->memory == PLACEMENT_HARD && !device->host && bytes > device->dram_bytes) continue;
    take(left, b);
    const uint32_t smaller = *slot_of(ideals, left);
    bool enough = true;
    if (piece->met[smaller] != piece->stamp) {
      piece->met[smaller] = piece->stamp;
      if (*ideals->work == 0) return false;
      --*ideals->work;
      const double moves_s = moved_s + join(piece, b);
      if (more_s + moves_s < ideals->limit_s) improve(piece, smaller, more_s + moves_s);
      enough = grow(piece, left, more_s, moves_s, bytes);
      part(piece, b);
    }
    put(left, b);
    if (!enough) return false;
  }
  return true;
}

/* --- the answer -----------------------------------------------------------------------------------------------------
 */

static void read_answer(const struct ideals *ideals, size_t state, struct arena *scratch,
                        struct placement_answer *answer) {
  const struct placement_problem *p = ideals->blocks->problem;
  uint32_t *device = ARENA_NEW(scratch, uint32_t, p->n_layers);
  size_t *taken = ARENA_NEW(scratch, size_t, ideals->n_sorts);
  for (size_t i = ideals->n - 1; i > 0;) {
    const size_t at = i * ideals->n_states + state;
    const struct sort *sort = &ideals->sorts[ideals->taker[at]];
    size_t skip = taken[ideals->taker[at]]++;
    uint32_t d = sort->device;
    while (skip > 0 || !same_sort(p, sort->device, d)) skip -= same_sort(p, sort->device, d), d++;
    for (size_t l = 0; l < p->n_layers; l++) {
      const uint32_t b = ideals->blocks->of[l];
      if (has(&ideals->set[i], b) && !has(&ideals->set[ideals->from[at]], b)) device[l] = d;
    }
    i = (size_t)ideals->from[at], state -= sort->stride;
  }
  uint32_t n = 0;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    answer->start[d] = n;
    for (size_t k = 0; k < p->n_layers; k++) {
      if (device[p->topological[k]] == d) answer->layer[n++] = p->topological[k];
    }
  }
  answer->start[p->n_devices] = n;
  placement_pin(p, scratch, answer);
}

bool placement_exact_ideals_applies(const struct placement_problem *p) {
  return p->objective == PLACEMENT_PERIOD && p->timing == PLACEMENT_SERIAL && p->transfers == PLACEMENT_CUT &&
         p->contiguous && p->memory != PLACEMENT_PIN && p->mesh_bytes_per_s == NULL && isinf(p->host.out_bytes_per_s) &&
         isinf(p->host.in_bytes_per_s);
}

/* Periods below `limit_s`, or as good as proven that there are none. False: the work is used up. */
static bool run_all(struct ideals *ideals) {
  const size_t n_all = ideals->n * ideals->n_states;
  for (size_t at = 0; at < n_all; at++) ideals->best[at] = INFINITY;
  ideals->best[0] = 0;
  struct piece piece = {.ideals = ideals,
                        .met = ARENA_NEW(ideals->arena, uint32_t, ideals->n),
                        .readers = ARENA_NEW(ideals->arena, uint32_t, ideals->blocks->problem->n_layers)};
  for (uint32_t i = 1; i < ideals->n; i++) {
    for (size_t s = 0; s < ideals->n_sorts; s++) {
      struct bits left = ideals->set[i];
      piece.sort = &ideals->sorts[s], piece.whole = &ideals->set[i], piece.ideal = i;
      piece.stamp++;
      if (!grow(&piece, &left, 0, 0, 0)) return false;
    }
  }
  return true;
}

/* Rounds of growing limits, since low ones leave few pieces to look at. */
bool placement_exact_ideals(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                            struct placement_answer *best, double *value, double *bound) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct placement_bounds bounds;
  struct error error = {0};
  struct blocks blocks;
  struct ideals ideals = {.blocks = &blocks, .arena = arena, .work = work};
  bool proven = false, fits = placement_bounds(problem, arena, &bounds, &error) && make_blocks(problem, arena, &blocks);
  *bound = fmax(*bound, bounds.best);
  fits = fits && list_ideals(&ideals) && make_sorts(&ideals);
  if (fits) {
    const size_t n_all = ideals.n * ideals.n_states;
    ideals.best = ARENA_NEW(arena, double, n_all);
    ideals.from = ARENA_NEW(arena, int32_t, n_all);
    ideals.taker = ARENA_NEW(arena, uint8_t, n_all);
  }
  double limit_s = bounds.best * first_limit;
  for (size_t round = 0; fits && !proven; round++, limit_s *= next_limit) {
    if (round == MOST_ROUNDS || !(limit_s > 0)) limit_s = INFINITY;
    const bool last = !(limit_s < *value);
    ideals.limit_s = last ? *value * (1 - placement_proof) : limit_s;
    if (!run_all(&ideals)) break;
    size_t least = 0;
    for (size_t state = 1; state < ideals.n_states; state++) {
      const double *of_all = ideals.best + (ideals.n - 1) * ideals.n_states;
      if (of_all[state] < of_all[least]) least = state;
    }
    const double found_s = ideals.best[(ideals.n - 1) * ideals.n_states + least];
    proven = last || found_s < INFINITY;
    *bound = fmax(*bound, proven ? 0 : placement_round_down(limit_s));
    if (!(found_s < *value)) continue;
    struct placement_answer found = placement_answer_new(problem, arena);
    read_answer(&ideals, least, arena, &found);
    const double period_s = placement_evaluate(problem, &found, arena, NULL);
    if (period_s < *value) *value = period_s, placement_answer_copy(problem, &found, best);
    proven = proven && period_s <= found_s * (1 + placement_proof);
    if (!proven) break;
  }
  proven = proven && *value < INFINITY;
  if (proven) *bound = *value;
  arena_rewind(arena, mark);
  return proven;
}

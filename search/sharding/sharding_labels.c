/* Which strategies are best where moves hide behind other layers? Labels over the layers of a set, in their order.
 *
 * A label is a choice of strategies up to a layer, reduced to what counts for the rest: the strategy and end of the
 * layer, and those of producers whose outputs are still wanted further on. A producer whose re-shard hides behind what
 * has run since, whatever the consumer's strategy, is closed and forgotten. Of labels with the same strategies, one
 * that is later in no end and larger in no memory dominates. What no longer can be better than the best known answer
 * (its end and the least that must follow) is dropped, and beyond a width the least promising: they bound what the
 * search cannot say. Ties go to what came first: the smallest strategies. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct label {
  double bound_s;        /* of all choices that begin so */
  double rank_s;         /* the same with bytes at their price: which labels are kept */
  double end_s, floor_s; /* floor: what outputs so far need */
  double slot_end_s[LEVEL2_MAX_SLOTS];
  uint64_t lasting_bytes, live_bytes; /* so far; live: at most. 0 where memory does not count */
  uint32_t parent, next;              /* in the wave before; in the same bucket */
  uint16_t s, slot_s[LEVEL2_MAX_SLOTS];
  bool dead;
};

struct wave {
  struct label *labels;
  size_t n, capacity;
  uint32_t *buckets;
  size_t n_buckets; /* a power of two */
};

struct traced {
  uint32_t parent;
  uint16_t s;
};

struct search {
  const struct level2_plan *plan;
  size_t width;
  struct wave wave[2];
  struct traced **trace; /* by offset */
  double cutoff_s;
  double open_s;       /* least bound of what was dropped for want of width */
  double worst_s;      /* labels that rank at or above this would be dropped at once */
  uint64_t room_bytes; /* of a board */
};

static uint64_t hash_of(const struct label *label, uint32_t n_slots) {
  uint64_t hash = 0x9e3779b97f4a7c15U * (label->s + 1U);
  for (uint32_t k = 0; k < n_slots; k++) hash = (hash ^ (hash >> 29) ^ label->slot_s[k]) * 0xbf58476d1ce4e5b9U;
  return hash ^ hash >> 32;
}

static bool same_strategies(const struct label *a, const struct label *b, uint32_t n_slots) {
  return a->s == b->s && memcmp(a->slot_s, b->slot_s, n_slots * sizeof *a->slot_s) == 0;
}

static bool dominates(const struct label *a, const struct label *b, uint32_t n_slots) {
  if (a->end_s > b->end_s || a->floor_s > b->floor_s || a->lasting_bytes > b->lasting_bytes ||
      a->live_bytes > b->live_bytes) {
    return false;
  }
  for (uint32_t k = 0; k < n_slots; k++) {
    if (a->slot_end_s[k] > b->slot_end_s[k]) return false;
  }
  return true;
}

static int compare_labels(const void *a, const void *b) {
  const struct label *x = a, *y = b;
  if (x->rank_s != y->rank_s) return x->rank_s < y->rank_s ? -1 : 1;
  if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
  return x->s < y->s ? -1 : x->s > y->s;
}

static void rehash(struct wave *wave, uint32_t n_slots) {
  memset(wave->buckets, 0xff, wave->n_buckets * sizeof *wave->buckets);
  for (uint32_t i = 0; i < wave->n; i++) {
    uint32_t *bucket = &wave->buckets[hash_of(&wave->labels[i], n_slots) & (wave->n_buckets - 1)];
    wave->labels[i].next = *bucket, *bucket = i;
  }
}

/* Keeps the living, at most the width, by promise. */
static void thin(struct search *search, struct wave *wave) {
  size_t n = 0;
  for (size_t i = 0; i < wave->n; i++) {
    if (!wave->labels[i].dead) wave->labels[n++] = wave->labels[i];
  }
  qsort(wave->labels, n, sizeof *wave->labels, compare_labels);
  if (n > search->width) {
    for (size_t i = search->width; i < n; i++) search->open_s = fmin(search->open_s, wave->labels[i].bound_s);
    n = search->width;
    search->worst_s = wave->labels[n - 1].rank_s;
  }
  wave->n = n;
}

static void insert(struct search *search, struct wave *wave, const struct label *label, uint32_t n_slots) {
  uint32_t *bucket = &wave->buckets[hash_of(label, n_slots) & (wave->n_buckets - 1)];
  bool placed = false;
  for (uint32_t i = *bucket; i != SHARDING_NONE; i = wave->labels[i].next) {
    struct label *other = &wave->labels[i];
    if (other->dead || !same_strategies(other, label, n_slots)) continue;
    if (!placed && dominates(other, label, n_slots)) return;
    if (!dominates(label, other, n_slots)) continue;
    if (placed) {
      other->dead = true;
      continue;
    }
    const uint32_t next = other->next;
    *other = *label, other->next = next;
    placed = true;
  }
  if (placed) return;
  if (wave->n == wave->capacity) {
    thin(search, wave);
    rehash(wave, n_slots);
    if (label->rank_s >= search->worst_s) {
      search->open_s = fmin(search->open_s, label->bound_s);
      return;
    }
    bucket = &wave->buckets[hash_of(label, n_slots) & (wave->n_buckets - 1)];
  }
  struct label *at = &wave->labels[wave->n];
  *at = *label, at->next = *bucket, at->dead = false;
  *bucket = (uint32_t)wave->n++;
}

/* When the layer at `offset` begins under a strategy after these. */
static double start_of(const struct level2_plan *plan, uint32_t offset, const struct label *from, uint32_t s) {
  const struct level2_layer *row = &plan->layers[offset];
  double start_s = from->end_s;
  if (row->chain_s != NULL) start_s += row->chain_s[(size_t)from->s * row->n + s];
  if (row->release_s != NULL) start_s = fmax(start_s, row->release_s[s]);
  for (uint32_t k = row->first_in; k < row->first_in + row->n_in; k++) {
    const struct level2_skip *skip = &plan->skips[k];
    if (skip->ignored || from->slot_s[skip->slot] == LEVEL2_CLOSED) continue;
    start_s =
        fmax(start_s, from->slot_end_s[skip->slot] + skip->reshard_s[(size_t)from->slot_s[skip->slot] * row->n + s]);
  }
  return start_s;
}

/* Is it still open what the producer at `place` hands on behind `offset`? Raises the label's bound if so. */
static bool is_open(const struct level2_plan *plan, uint32_t offset, uint32_t place, uint16_t s, double producer_end_s,
                    struct label *label) {
  bool open = plan->memory && plan->layers[place].last_reader > offset;
  for (uint32_t j = 0; j < plan->layers[place].n_out; j++) {
    const struct level2_skip *skip = &plan->skips[plan->layers[place].out[j]];
    if (skip->to <= offset || skip->ignored) continue;
    const double between_s = plan->layers[skip->to].least_s - plan->layers[offset + 1].least_s;
    if (producer_end_s + skip->most_s[s] <= label->end_s + between_s) continue;
    label->bound_s = fmax(label->bound_s, producer_end_s + skip->tail_s[s]);
    open = true;
  }
  return open;
}

/* False: memory does not suffice. Outputs that a later layer reads are live until then. */
static bool count_memory(const struct search *search, uint32_t offset, const struct label *from, struct label *label) {
  const struct level2_plan *plan = search->plan;
  if (!plan->memory) return true;
  const struct level2_layer *row = &plan->layers[offset];
  uint64_t live = row->io_bytes[label->s];
  for (uint32_t k = 0; k < row->n_slots && !plan->tables->store->problem->training; k++) {
    const struct level2_layer *producer = &plan->layers[row->slot_place[k]];
    if (label->slot_s[k] != LEVEL2_CLOSED && producer->last_reader > offset) {
      live = sat_add(live, producer->output_bytes[label->slot_s[k]]);
    }
  }
  label->lasting_bytes = sat_add(from != NULL ? from->lasting_bytes : 0, row->lasting_bytes[label->s]);
  label->live_bytes = max_u64(from != NULL ? from->live_bytes : plan->least_live_bytes, live);
  const uint64_t behind = offset + 1 < plan->n ? plan->layers[offset + 1].least_lasting_bytes : 0;
  return label->live_bytes <= plan->most_live_bytes &&
         sat_add(sat_add(label->lasting_bytes, behind), label->live_bytes) <= search->room_bytes;
}

/* What is left of the board is worth its price: the way behind pays for what it holds. */
static void pay(const struct search *search, const struct level2_layer *row, struct label *label) {
  const double spare = (double)(search->room_bytes - max_u64(label->live_bytes, row->least_live_bytes));
  const double price = search->plan->price;
  const double paid_s = label->end_s + row->priced_tail_s[label->s] + price * ((double)label->lasting_bytes - spare);
  label->bound_s = fmax(label->bound_s, paid_s);
  label->rank_s = label->bound_s;
}

static void try_strategy(struct search *search, uint32_t offset, const struct label *from, uint32_t parent,
                         uint32_t s) {
  const struct level2_plan *plan = search->plan;
  const struct level2_layer *row = &plan->layers[offset];
  struct label label;
  double start_s = 0;
  if (from != NULL) {
    start_s = start_of(plan, offset, from, s);
  } else if (row->release_s != NULL) {
    start_s = row->release_s[s];
  }
  label.s = (uint16_t)s, label.parent = parent;
  label.end_s = start_s + row->cost_s[s];
  label.floor_s = fmax(from != NULL ? from->floor_s : 0, row->out_s != NULL ? label.end_s + row->out_s[s] : 0);
  label.bound_s = fmax(label.end_s + row->tail_s[s], label.floor_s);
  if (label.bound_s >= search->cutoff_s) return;
  label.lasting_bytes = label.live_bytes = 0;
  for (uint32_t k = 0; k < row->n_slots; k++) {
    const uint32_t at = row->slot_from[k];
    label.slot_s[k] = at != SHARDING_NONE ? from->slot_s[at] : from->s;
    label.slot_end_s[k] = at != SHARDING_NONE ? from->slot_end_s[at] : from->end_s;
    if (label.slot_s[k] != LEVEL2_CLOSED &&
        is_open(plan, offset, row->slot_place[k], label.slot_s[k], label.slot_end_s[k], &label)) {
      continue;
    }
    label.slot_s[k] = LEVEL2_CLOSED, label.slot_end_s[k] = 0;
  }
  if (label.floor_s <= label.end_s) label.floor_s = 0; /* what follows ends later */
  if (label.bound_s >= search->cutoff_s || !count_memory(search, offset, from, &label)) return;
  label.rank_s = label.bound_s;
  if (plan->price > 0) {
    pay(search, row, &label);
    if (label.bound_s >= search->cutoff_s) return;
  }
  if (label.rank_s > search->worst_s) {
    search->open_s = fmin(search->open_s, label.bound_s);
    return;
  }
  insert(search, &search->wave[offset & 1], &label, row->n_slots);
}

static void expand(struct search *search, uint32_t offset) {
  const struct level2_plan *plan = search->plan;
  struct wave *to = &search->wave[offset & 1];
  const struct wave *from = &search->wave[!(offset & 1)];
  to->n = 0, search->worst_s = INFINITY;
  memset(to->buckets, 0xff, to->n_buckets * sizeof *to->buckets);
  if (offset == 0) {
    for (uint32_t s = 0; s < plan->layers[0].n; s++) try_strategy(search, 0, NULL, SHARDING_NONE, s);
  }
  for (uint32_t i = 0; offset > 0 && i < from->n; i++) {
    for (uint32_t s = 0; s < plan->layers[offset].n; s++) {
      try_strategy(search, offset, &from->labels[i], i, s);
    }
  }
  thin(search, to);
}

static struct search search_new(const struct level2_plan *plan, size_t width, struct arena *scratch) {
  struct search search = {.plan = plan, .width = width, .open_s = INFINITY, .worst_s = INFINITY};
  uint32_t most = 1;
  for (uint32_t i = 0; i < plan->n; i++) most = most < plan->layers[i].n ? plan->layers[i].n : most;
  enum { ROOM = 4 };
  const size_t capacity = width * (most < ROOM ? most : ROOM) + most;
  for (int i = 0; i < 2; i++) {
    struct wave *wave = &search.wave[i];
    wave->labels = ARENA_NEW(scratch, struct label, capacity);
    wave->capacity = capacity, wave->n_buckets = 1;
    while (wave->n_buckets < capacity) wave->n_buckets *= 2;
    wave->buckets = ARENA_NEW(scratch, uint32_t, wave->n_buckets);
  }
  search.trace = ARENA_NEW(scratch, struct traced *, plan->n);
  search.room_bytes = plan->tables->shape.dram_bytes;
  return search;
}

double level2_labels(const struct level2_plan *plan, size_t width, struct arena *scratch, uint16_t *choice,
                     double *value_s) {
  struct search search = search_new(plan, width, scratch);
  search.cutoff_s = *value_s;
  for (uint32_t i = 0; i < plan->n; i++) {
    expand(&search, i);
    const struct wave *wave = &search.wave[i & 1];
    search.trace[i] = ARENA_NEW(scratch, struct traced, wave->n);
    for (size_t j = 0; j < wave->n; j++) {
      search.trace[i][j] = (struct traced){wave->labels[j].parent, wave->labels[j].s};
    }
    if (wave->n == 0) return fmin(search.open_s, *value_s);
  }
  /* The last wave is sorted by what it comes to; skips that were ignored count now. */
  const struct wave *last = &search.wave[(plan->n - 1) & 1];
  const double least_s = last->labels[0].bound_s;
  uint16_t *taken = ARENA_NEW(scratch, uint16_t, plan->n);
  const size_t n_tried = plan->exact ? 1 : last->n;
  for (size_t j = 0; j < n_tried; j++) {
    uint32_t at = (uint32_t)j;
    for (uint32_t i = plan->n; i-- > 0;) taken[i] = search.trace[i][at].s, at = search.trace[i][at].parent;
    const double taken_s = level2_plan_value(plan, taken, scratch);
    if (taken_s < *value_s) *value_s = taken_s, memcpy(choice, taken, plan->n * sizeof *choice);
  }
  return fmin(fmin(search.open_s, least_s), *value_s);
}

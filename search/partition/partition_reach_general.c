/* Which chains of ideals keep the triangle rule `general`? (partition §9.)
 *
 * Pieces come in an order of chips, so all that ever feeds a chip is known when its piece is complete: the rule holds
 * if the chips that it reads from are pairwise unrelated, none ahead of another. Hence a state is an ideal and, for the
 * elements of it that are still to be read ("live"), which of them are on a chip ahead of another's. (Our formulation.)
 * A state with fewer such relations allows all that one with more allows, which is then not kept; so the relations that
 * two states share may also stand for both, where there are too many: what is refuted then is refuted all the same, but
 * a chain that is found may break the rule.
 *
 * A chip that reads from `a` is behind it and all that is ahead of it. What descends from an element of the chip and
 * reads one of those would be fed by both, directly and through this chip, unless it is on this chip too: such
 * descendants, and what they need, must join the piece. */
#include "search/partition/partition_reach_private.h"

#include <string.h>

enum { MOST_LIVE = 64 /* in a word; of more nothing is known */, MOST_ORDERS = 32, UNKNOWN = UINT8_MAX };
enum { NEXT, ORDER, N_MORE }; /* words behind the set of an ideal: the next state of it, plus 1; its order */

/* Of live elements, by number, the chips of which others are ahead of theirs; a bit each. */
struct partition_order {
  uint32_t n;
  struct {
    uint64_t strictly, upto; /* ahead; ahead or there */
  } of[];
};

/* With one more element in the piece. */
struct general_step {
  uint64_t read, ahead, strictly; /* live elements that the piece reads; on their chips and ahead; ahead alone */
  int64_t needed_work;            /* of what must join and has not */
  bool fits;
};

struct partition_general {
  size_t n_words;
  uint64_t *ancestors, *descendants, *readers; /* [n * n_words] by element */
  uint64_t *start;                             /* [n_words] the ideal walked from */
  uint32_t live[MOST_LIVE];                    /* of it, ascending */
  uint8_t *number;                             /* [n] among the live ones */
  const struct partition_order *order;
  size_t depth;
  struct general_step *steps;          /* [n + 1] */
  uint64_t *behind, *readers_of_ahead; /* [(n + 1) * n_words] descendants of the piece */
  uint64_t *needed;                    /* [(n + 1) * n_words] what must be in the piece */
  uint64_t *may_live;                  /* [n_words] scratch */
  uint32_t *now_live;                  /* [n] scratch */
  struct partition_order *now;         /* of the present set */
};

static uint64_t *row(const struct partition_general *g, uint64_t *rows, size_t i) { return rows + i * g->n_words; }

static void set_bit(uint64_t *set, size_t i) { set[i / 64] |= UINT64_C(1) << (i % 64); }

static void unite(const struct partition_general *g, uint64_t *set, const uint64_t *other) {
  for (size_t k = 0; k < g->n_words; k++) set[k] |= other[k];
}

static struct partition_order *order_new(size_t n, struct arena *arena) {
  struct partition_order *order = arena_alloc(arena, 1, sizeof *order + n * sizeof order->of[0]);
  order->n = (uint32_t)n;
  return order;
}

size_t partition_general_words(void) { return N_MORE; }

void partition_general_init(struct partition_walk *w) {
  const struct partition_lattice *l = w->lattice;
  struct arena *arena = w->reach->scratch;
  struct partition_general *g = ARENA_NEW(arena, struct partition_general, 1);
  const size_t square = l->n * l->n_words, steps = (l->n + 1) * l->n_words;
  g->n_words = l->n_words;
  g->ancestors = ARENA_NEW(arena, uint64_t, square), g->descendants = ARENA_NEW(arena, uint64_t, square);
  g->readers = ARENA_NEW(arena, uint64_t, square), g->number = ARENA_NEW(arena, uint8_t, l->n);
  g->steps = ARENA_NEW(arena, struct general_step, l->n + 1);
  g->behind = ARENA_NEW(arena, uint64_t, steps), g->readers_of_ahead = ARENA_NEW(arena, uint64_t, steps);
  g->start = ARENA_NEW(arena, uint64_t, l->n_words), g->may_live = ARENA_NEW(arena, uint64_t, l->n_words);
  g->needed = ARENA_NEW(arena, uint64_t, steps), g->now_live = ARENA_NEW(arena, uint32_t, l->n);
  g->now = order_new(MOST_LIVE, arena);
  memset(g->number, UNKNOWN, l->n);
  for (uint32_t e = 0; e < l->n; e++) { /* topological */
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1]; i++) {
      unite(g, row(g, g->ancestors, e), row(g, g->ancestors, l->in[i]));
      set_bit(row(g, g->ancestors, e), l->in[i]);
      set_bit(row(g, g->readers, l->in[i]), e);
    }
  }
  for (uint32_t e = (uint32_t)l->n; e-- > 0;) {
    unite(g, row(g, g->descendants, e), row(g, g->readers, e));
    for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) {
      unite(g, row(g, g->descendants, e), row(g, g->descendants, l->out[i]));
    }
  }
  w->general = g;
}

/* --- the piece ------------------------------------------------------------------------------------------------------
 */

/* Of `from`, a part of the present set, elements that some element outside reads; ascending. Only the first MOST_LIVE
 * have numbers. */
static size_t find_live(struct partition_walk *w, const uint64_t *from) {
  struct partition_general *g = w->general;
  size_t n = 0;
  for (size_t k = 0; k < g->n_words; k++) {
    for (uint64_t left = from[k]; left != 0; left &= left - 1) {
      const uint32_t e = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(left);
      const uint64_t *readers = row(g, g->readers, e);
      bool outside = false;
      for (size_t i = k; i < g->n_words && !outside; i++) outside = (readers[i] & ~w->set[i]) != 0;
      if (outside) g->now_live[n++] = e;
    }
  }
  if (n <= MOST_LIVE) return n;
  w->loose = true;
  return MOST_LIVE;
}

static const struct partition_order *order_of(const struct partition_walk *w, uint32_t i) {
  return (const struct partition_order *)(uintptr_t)partition_ideals_at(&w->ideals, i)
      ->set[w->general->n_words + ORDER];
}

void partition_general_stand_on(struct partition_walk *w, uint32_t i) {
  struct partition_general *g = w->general;
  for (size_t k = 0; g->order != NULL && k < g->order->n; k++) g->number[g->live[k]] = UNKNOWN;
  g->order = order_of(w, i);
  const size_t n = find_live(w, w->set);
  memcpy(g->start, w->set, g->n_words * sizeof *g->start);
  for (size_t k = 0; k < n; k++) g->live[k] = g->now_live[k], g->number[g->live[k]] = (uint8_t)k;
  g->depth = 0;
  g->steps[0] = (struct general_step){0, 0, 0, 0, true};
}

/* The piece has this element: what it reads, what descends from it. */
static void take(struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  struct partition_general *g = w->general;
  struct general_step *step = &g->steps[g->depth];
  uint64_t more = 0;
  for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1]; i++) {
    if (w->place[l->in[i]] == 1 && g->number[l->in[i]] != UNKNOWN) more |= UINT64_C(1) << g->number[l->in[i]];
  }
  more &= ~step->read;
  unite(g, row(g, g->behind, g->depth), row(g, g->descendants, e));
  if (more == 0) return;
  const uint64_t ahead = step->ahead;
  for (uint64_t left = more; left != 0; left &= left - 1) {
    const unsigned k = (unsigned)__builtin_ctzll(left);
    step->strictly |= g->order->of[k].strictly, step->ahead |= g->order->of[k].upto;
  }
  step->read |= more;
  if (step->strictly & step->read) step->fits = false;
  for (uint64_t left = step->ahead & ~ahead; left != 0; left &= left - 1) {
    unite(g, row(g, g->readers_of_ahead, g->depth), row(g, g->readers, g->live[__builtin_ctzll(left)]));
  }
}

/* Element e, which is not there yet, must be; so must what it needs. */
static void need(struct partition_walk *w, uint32_t e) {
  struct partition_general *g = w->general;
  struct general_step *step = &g->steps[g->depth];
  uint64_t *needed = row(g, g->needed, g->depth);
  const uint64_t *ancestors = row(g, g->ancestors, e);
  for (size_t k = 0; k < g->n_words; k++) {
    uint64_t more = ancestors[k];
    if (e / 64 == k) more |= UINT64_C(1) << (e % 64);
    more &= ~(w->set[k] | needed[k]);
    needed[k] |= more;
    for (; more != 0; more &= more - 1) {
      const uint32_t other = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(more);
      if (!w->allowed[other]) step->fits = false;
      step->needed_work += w->lattice->work[other];
      take(w, other);
    }
  }
}

void partition_general_join(struct partition_walk *w, uint32_t e) {
  struct partition_general *g = w->general;
  const size_t before = g->depth++, bytes = g->n_words * sizeof(uint64_t);
  struct general_step *step = &g->steps[g->depth];
  *step = g->steps[before];
  uint64_t *behind = row(g, g->behind, g->depth), *readers = row(g, g->readers_of_ahead, g->depth),
           *needed = row(g, g->needed, g->depth);
  memcpy(behind, row(g, g->behind, before), bytes);
  memcpy(readers, row(g, g->readers_of_ahead, before), bytes);
  memcpy(needed, row(g, g->needed, before), bytes);
  if (partition_set_has(needed, e)) { /* all that follows is known */
    step->needed_work -= w->lattice->work[e];
    return;
  }
  take(w, e);
  for (bool any = true; any && step->fits;) {
    any = false;
    for (size_t k = 0; k < g->n_words; k++) {
      for (uint64_t missing; (missing = behind[k] & readers[k] & ~w->set[k] & ~needed[k]) != 0;) {
        need(w, (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(missing));
        any = true;
      }
    }
  }
}

void partition_general_part(struct partition_walk *w) { w->general->depth--; }

bool partition_general_needs(const struct partition_walk *w, uint32_t e) {
  const struct partition_general *g = w->general;
  return partition_set_has(row(g, g->needed, g->depth), e);
}

bool partition_general_fits(const struct partition_walk *w) {
  const struct partition_general *g = w->general;
  const uint64_t *needed = row(g, g->needed, g->depth);
  if (!g->steps[g->depth].fits) return false;
  for (size_t i = 0; i < w->n_outs; i++) {
    if (partition_set_has(needed, w->outs[i])) return false;
  }
  return true;
}

int64_t partition_general_needed_work(const struct partition_walk *w) {
  return w->general->steps[w->general->depth].needed_work;
}

/* Does the piece feed it already, without e? */
static bool is_fed(const struct partition_walk *w, uint32_t reader) {
  const struct partition_lattice *l = w->lattice;
  for (uint32_t i = l->in_start[reader]; i < l->in_start[reader + 1]; i++) {
    if (w->place[l->in[i]] == 2) return true;
  }
  return false;
}

/* Nothing new feeds the piece, and whom e feeds the piece does, too: chips feed none that they did not before. */
bool partition_general_is_free(const struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_general *g = w->general;
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) {
    if (!is_fed(w, l->out[i])) return false;
  }
  for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1]; i++) {
    const uint32_t from = l->in[i];
    if (w->place[from] != 1) continue;
    if (g->number[from] == UNKNOWN || !(g->steps[g->depth].read >> g->number[from] & 1)) return false;
  }
  return true;
}

/* --- states of an ideal ---------------------------------------------------------------------------------------------
 */

/* Bits of the ideal walked from in the numbers of the present set. */
static uint64_t renumber(const uint8_t *to, uint64_t bits) {
  uint64_t renumbered = 0;
  for (; bits != 0; bits &= bits - 1) {
    const uint8_t at = to[__builtin_ctzll(bits)];
    if (at != UNKNOWN) renumbered |= UINT64_C(1) << at;
  }
  return renumbered;
}

/* The order of the present set. */
static void find_order(struct partition_walk *w) {
  struct partition_general *g = w->general;
  const struct general_step *step = &g->steps[g->depth];
  struct partition_order *now = g->now;
  uint64_t *may_live = g->may_live, in_piece = 0;
  uint8_t to[MOST_LIVE];
  for (size_t k = 0; k < g->n_words; k++) may_live[k] = w->set[k] & ~g->start[k];
  for (size_t k = 0; k < g->order->n; k++) set_bit(may_live, g->live[k]);
  if (g->order->n == MOST_LIVE) memcpy(may_live, w->set, g->n_words * sizeof *may_live); /* there may be more */
  const size_t n = find_live(w, may_live);
  memset(to, UNKNOWN, sizeof to);
  for (size_t i = 0; i < n; i++) {
    const uint32_t e = g->now_live[i];
    if (w->place[e] == 2) {
      in_piece |= UINT64_C(1) << i;
    } else if (g->number[e] != UNKNOWN) {
      to[g->number[e]] = (uint8_t)i;
    }
  }
  now->n = (uint32_t)n;
  const uint64_t ahead = renumber(to, step->ahead);
  for (size_t i = 0; i < n; i++) {
    if (in_piece >> i & 1) {
      now->of[i].strictly = ahead, now->of[i].upto = ahead | in_piece;
    } else {
      const uint8_t k = g->number[g->now_live[i]];
      now->of[i].strictly = k != UNKNOWN ? renumber(to, g->order->of[k].strictly) : 0;
      now->of[i].upto = k != UNKNOWN ? renumber(to, g->order->of[k].upto) : UINT64_C(1) << i;
    }
  }
}

bool partition_general_arrive(struct partition_walk *w) {
  if (!partition_general_fits(w)) return false;
  find_order(w);
  return true;
}

bool partition_general_may_end(const struct partition_walk *w) {
  for (size_t i = 0; i < w->general->now->n; i++) {
    if (w->general->now->of[i].strictly != 0) return false;
  }
  return true;
}

static bool is_within(const struct partition_order *a, const struct partition_order *b) {
  for (size_t i = 0; i < a->n; i++) {
    if ((a->of[i].strictly & ~b->of[i].strictly) | (a->of[i].upto & ~b->of[i].upto)) return false;
  }
  return true;
}

static void intersect(struct partition_order *a, const struct partition_order *b) {
  for (size_t i = 0; i < a->n; i++) a->of[i].strictly &= b->of[i].strictly, a->of[i].upto &= b->of[i].upto;
}

static void copy_order(struct partition_order *to, const struct partition_order *from) {
  memcpy(to, from, sizeof *from + from->n * sizeof from->of[0]);
}

bool partition_general_is_new(struct partition_walk *w, uint32_t from) {
  struct partition_general *g = w->general;
  struct partition_order *last = NULL;
  struct partition_met *replaced = NULL;
  size_t n = 0;
  for (uint32_t i = partition_ideals_find(&w->ideals, w->set, w->hash); i != UINT32_MAX;) {
    struct partition_met *met = partition_ideals_at(&w->ideals, i);
    struct partition_order *order = (struct partition_order *)(uintptr_t)met->set[g->n_words + ORDER];
    if (is_within(order, g->now)) return false;
    if (met->chips == w->boundary) { /* not walked from yet */
      n++, last = order;
      if (replaced == NULL && is_within(g->now, order)) replaced = met;
    }
    i = (uint32_t)met->set[g->n_words + NEXT] - 1;
  }
  if (replaced != NULL) {
    copy_order((struct partition_order *)(uintptr_t)replaced->set[g->n_words + ORDER], g->now);
    replaced->from = from;
    return false;
  }
  if (n < MOST_ORDERS) return true;
  intersect(last, g->now);
  w->loose = true;
  return false;
}

void partition_general_add(struct partition_walk *w, struct partition_met *met, bool first) {
  struct partition_general *g = w->general;
  struct partition_order *order = order_new(g->now->n, w->reach->scratch);
  copy_order(order, g->now);
  met->set[g->n_words + NEXT] = 0, met->set[g->n_words + ORDER] = (uint64_t)(uintptr_t)order;
  if (first) return;
  struct partition_met *head = partition_ideals_at(&w->ideals, partition_ideals_find(&w->ideals, w->set, w->hash));
  met->set[g->n_words + NEXT] = head->set[g->n_words + NEXT];
  head->set[g->n_words + NEXT] = w->ideals.n; /* the new one is the last: its number plus 1 */
}

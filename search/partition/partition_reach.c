/* Is there a chain of order ideals whose pieces all stay at or below a period? (partition §9.)
 *
 * Breadth first: all ideals that one chip can reach, then two, and so on; what fewer chips reach needs no more. From an
 * ideal, larger ones are found by deciding ready elements one after another, in or out, so each is met once; what a
 * decision makes certain (work, tensors read, tensors cut, what stays out with it) ends what cannot fit. An ideal also
 * goes if one more element would fit and could only help: taking v from a later chip changes cuts in between by what v
 * sends less what only v still waits for (cuts of ideals are submodular, so by no more later), and its old chip loses
 * v. Under `ring` that change must not be positive; under `p2p` nothing lies in between and v's own work pays too;
 * under `path` v's readers must be on the next chip at the latest anyway. */
#include "search/partition/partition_reach_private.h"

#include <string.h>

enum { STEPS_BETWEEN_LOOKS = 1 << 14 };

/* --- all larger ideals of one ---------------------------------------------------------------------------------------
 */

enum step { STEP_ON, STEP_REACHED, STEP_GAVE_UP };

/* Everything is decided: the present set is an ideal that one more chip reaches. */
static enum step arrive(struct partition_walk *w, uint32_t from) {
  const uint32_t left = w->reach->n_chips - w->boundary;
  if (partition_walk_piece_load(w) > w->period || w->n_frames == w->n_outs || !partition_walk_rest_may_fit(w, left))
    return STEP_ON;
  if (w->most_cut[0] != NULL && !partition_walk_may_end_between(w, w->work, w->work, w->cut)) return STEP_ON;
  if (partition_walk_is_dominated(w)) return STEP_ON;
  bool is_end = partition_walk_ends(w);
  if (left == 1 && !is_end) return STEP_ON;
  if (w->general != NULL && !partition_general_arrive(w)) return STEP_ON;
  if (w->general != NULL && is_end) is_end = partition_general_may_end(w);
  if (left == 1 && !is_end) return STEP_ON;
  const bool was_met = partition_ideals_find(&w->ideals, w->set, w->hash) != UINT32_MAX;
  if (was_met && (w->general == NULL || !partition_general_is_new(w, from))) return STEP_ON;
  if (w->reach->ideals == 0) return STEP_GAVE_UP;
  w->reach->ideals--;
  w->last = (uint32_t)w->ideals.n;
  const struct partition_met met = {w->hash, w->weight, w->work, w->cut, from, w->boundary};
  struct partition_met *kept = partition_ideals_add(&w->ideals, &met, w->set);
  if (w->general != NULL) partition_general_add(w, kept, !was_met);
  return is_end ? STEP_REACHED : STEP_ON;
}

static void decide(struct partition_walk *w, uint32_t e, bool in, bool forced) {
  const struct partition_lattice *l = w->lattice;
  w->frames[w->n_frames++] = (struct partition_frame){e, in, forced, w->n_dead, w->read, w->sent};
  if (!in) {
    partition_walk_refuse(w, e);
    return;
  }
  partition_walk_join(w, e);
  for (uint32_t i = l->out_start[e + 1]; i-- > l->out_start[e];) {
    const uint32_t next = l->out[i];
    if (w->waits[next] == 0 && w->allowed[next]) w->ready[w->n_ready++] = next;
  }
}

/* Undoes the last decision; e is ready again. */
static struct partition_frame undo(struct partition_walk *w) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_frame frame = w->frames[--w->n_frames];
  if (frame.in) {
    for (uint32_t i = l->out_start[frame.element]; i < l->out_start[frame.element + 1]; i++) {
      const uint32_t next = l->out[i];
      w->n_ready -= w->waits[next] == 0 && w->allowed[next];
    }
    partition_walk_part(w, &frame);
  } else {
    partition_walk_unrefuse(w, &frame);
  }
  w->ready[w->n_ready++] = frame.element;
  return frame;
}

/* Limits and stops. */
static bool may_go_on(struct partition_walk *w) {
  if (w->reach->pairs == 0) return false;
  w->reach->pairs--;
  const struct partition_request *request = w->reach->request;
  if (++w->steps % STEPS_BETWEEN_LOOKS != 0 || request == NULL || request->interrupted == NULL) return true;
  return !request->interrupted(request->context);
}

/* The other way for the last decision that has one; false: there is none. */
static bool turn(struct partition_walk *w, size_t first_frame) {
  while (w->n_frames > first_frame) {
    const struct partition_frame frame = undo(w);
    if (!frame.in || frame.forced) continue;
    w->n_ready--;
    decide(w, frame.element, false, false);
    if (partition_walk_may_go_on_with(w)) return true;
  }
  return false;
}

static enum step walk_from(struct partition_walk *w, uint32_t from) {
  const size_t first_frame = w->n_frames; /* what must be in already is */
  for (;;) {
    while (w->n_ready > 0) {
      const uint32_t e = w->ready[--w->n_ready];
      if (!may_go_on(w)) return STEP_GAVE_UP;
      const bool needed = w->general != NULL && partition_general_needs(w, e);
      const bool forced = needed || partition_walk_costs_nothing(w, e);
      const bool in = (forced && !needed) || partition_walk_may_join(w, e);
      decide(w, e, in, forced);
      if ((!in || w->general != NULL) && !partition_walk_may_go_on_with(w)) break;
    }
    if (w->n_ready == 0) {
      const enum step step = arrive(w, from);
      if (step != STEP_ON) return step;
    }
    if (!turn(w, first_frame)) return STEP_ON;
  }
}

/* --- from ideal to ideal --------------------------------------------------------------------------------------------
 */

/* Most that may be cut at steps of work, for the chips behind boundary c. */
static void allow_cuts(struct partition_walk *w, uint32_t c) {
  const struct partition_where *where = w->reach->where;
  const int64_t *may_cut = &where->may_cut[(size_t)(w->reach->n_chips - c) * PARTITION_STEPS];
  for (size_t level = 0; level < PARTITION_STEP_LEVELS; level++) {
    if (w->most_cut[level] == NULL) w->most_cut[level] = ARENA_NEW(w->reach->scratch, int64_t, PARTITION_STEPS);
    for (size_t i = 0; i + ((size_t)1 << level) <= PARTITION_STEPS; i++) {
      int64_t *here = &w->most_cut[level][i];
      if (level == 0) {
        *here = where->profile->cut[i] <= may_cut[i] ? may_cut[i] : -1;
      } else {
        *here = partition_most(w->most_cut[level - 1][i], w->most_cut[level - 1][i + ((size_t)1 << (level - 1))]);
      }
    }
  }
}

/* What is known of the boundary behind chip c. */
static void stand_before(struct partition_walk *w, uint32_t c) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_where *where = w->reach->where;
  w->boundary = c, w->allowed_work = 0;
  memset(w->forced, 0, l->n_words * sizeof *w->forced);
  for (size_t e = 0; e < l->n; e++) {
    w->allowed[e] = partition_set_has(w->reach->to, e) && (where == NULL || where->low[e] <= c);
    if (w->allowed[e]) w->allowed_work += l->work[e];
    if (where != NULL && where->high[e] <= c) partition_set_flip(w->forced, e);
  }
  for (size_t t = 0; t < l->n_tensors; t++) {
    w->refusers[t] = 0;
    for (uint32_t i = l->tensors[t].first; i < l->tensors[t].end; i++) w->refusers[t] += !w->allowed[l->consumer[i]];
  }
  w->least_cut = 0;
  if (where != NULL) partition_reach_cut(l, where, c, w->reach->scratch, w->cut_left, &w->least_cut);
  if (where != NULL && where->profile != NULL) allow_cuts(w, c);
  __extension__ typedef __int128 wide;
  const wide rest = (wide)w->period * (w->reach->n_chips - c);
  const int64_t all = w->end_work + (where != NULL ? where->coming[c] : 0);
  w->rest_work = rest >= all + w->lattice->most ? -w->lattice->most : all - (int64_t)rest;
}

/* The state of ideal `i`, by what differs from the present one. */
static void stand_on(struct partition_walk *w, uint32_t i) {
  const struct partition_met *met = partition_ideals_at(&w->ideals, i);
  for (size_t k = 0; k < w->lattice->n_words; k++) {
    for (uint64_t differ = w->set[k] ^ met->set[k]; differ != 0; differ &= differ - 1) {
      const uint32_t e = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(differ);
      if (partition_set_has(w->set, e)) {
        partition_walk_take_out(w, e);
      } else {
        partition_walk_put_in(w, e, 1);
      }
    }
  }
  w->start_work = w->work, w->start_cut = w->cut, w->start_weight = w->weight;
  w->chips = met->chips;
  w->read = w->sent = 0, w->n_dead = 0;
  w->n_frames = w->n_outs = w->n_ready = 0;
  if (w->boundary != w->chips + 1) stand_before(w, w->chips + 1);
  if (w->general != NULL) partition_general_stand_on(w, i);
  w->possible = w->allowed_work;
}

/* What certainly crosses already, since its consumers are not allowed before the boundary. */
static void start_certain(struct partition_walk *w) {
  w->certain = (struct partition_certain){0, 0, 0};
  for (uint32_t t = 0; t < w->lattice->n_tensors; t++) {
    if (w->refusers[t] > 0) partition_walk_count_certain(w, t, 1);
  }
}

/* Puts in what must be on the next chip: what can be nowhere later and, on a path, all that reads the ideal, with what
 * that needs. False: it does not fit. */
static bool take_what_must(struct partition_walk *w) {
  const struct partition_lattice *l = w->lattice;
  memcpy(w->must, w->forced, l->n_words * sizeof *w->must);
  for (uint32_t e = (uint32_t)l->n; w->reach->path && e-- > 0;) {
    if (w->place[e] != 0) continue;
    const bool reads = w->waits[e] < l->in_start[e + 1] - l->in_start[e];
    if (reads && !partition_set_has(w->must, e)) partition_set_flip(w->must, e);
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1] && partition_set_has(w->must, e); i++) {
      if (!partition_set_has(w->must, l->in[i])) partition_set_flip(w->must, l->in[i]);
    }
  }
  for (size_t k = 0; k < l->n_words; k++) {
    for (uint64_t new = w->must[k] & ~w->set[k]; new != 0; new &= new - 1) {
      const uint32_t e = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(new);
      if (!w->allowed[e] || !partition_walk_may_join(w, e)) return false;
      w->frames[w->n_frames++] = (struct partition_frame){e, true, true, w->n_dead, w->read, w->sent};
      partition_walk_join(w, e);
      if (w->general != NULL && !partition_general_fits(w)) return false;
    }
  }
  return true;
}

static enum step expand(struct partition_walk *w, uint32_t i) {
  const struct partition_lattice *l = w->lattice;
  stand_on(w, i);
  start_certain(w);
  enum step step = STEP_ON;
  if (partition_walk_may_go_on_with(w) && take_what_must(w)) {
    for (uint32_t e = (uint32_t)l->n; e-- > 0;) {
      if (w->place[e] == 0 && w->waits[e] == 0 && w->allowed[e]) w->ready[w->n_ready++] = e;
    }
    step = walk_from(w, i);
  }
  if (step != STEP_ON) return step;
  while (w->n_frames > 0) partition_walk_part(w, &w->frames[--w->n_frames]);
  return STEP_ON;
}

static void walk_init(struct partition_walk *w, struct partition_reach *reach, int64_t period) {
  const struct partition_lattice *l = reach->lattice;
  struct arena *arena = reach->scratch;
  *w = (struct partition_walk){.reach = reach, .lattice = l, .period = period};
  partition_ideals_init(&w->ideals, l->n_words, reach->general ? partition_general_words() : 0, arena);
  w->set = ARENA_NEW(arena, uint64_t, l->n_words);
  w->must = ARENA_NEW(arena, uint64_t, l->n_words), w->forced = ARENA_NEW(arena, uint64_t, l->n_words);
  w->place = ARENA_NEW(arena, uint8_t, l->n), w->waits = ARENA_NEW(arena, uint32_t, l->n);
  w->left = ARENA_NEW(arena, uint32_t, l->n_tensors), w->readers = ARENA_NEW(arena, uint32_t, l->n_tensors);
  w->refusers = ARENA_NEW(arena, uint32_t, l->n_tensors);
  w->allowed = ARENA_NEW(arena, bool, l->n), w->is_dead = ARENA_NEW(arena, bool, l->n);
  w->dead = ARENA_NEW(arena, uint32_t, l->n);
  w->cut_left = ARENA_NEW(arena, int64_t, l->n_tensors);
  w->ready = ARENA_NEW(arena, uint32_t, l->n + 1), w->outs = ARENA_NEW(arena, uint32_t, l->n);
  w->frames = ARENA_NEW(arena, struct partition_frame, l->n);
  for (uint32_t e = 0; e < l->n; e++) w->waits[e] = l->in_start[e + 1] - l->in_start[e];
  for (uint32_t t = 0; t < l->n_tensors; t++) w->left[t] = l->tensors[t].end - l->tensors[t].first;
  for (uint32_t e = 0; e < l->n; e++) {
    if (partition_set_has(reach->to, e)) partition_walk_put_in(w, e, 1);
  }
  if (reach->general) partition_general_init(w);
  w->end_work = w->work, w->end_cut = w->cut, w->end_weight = w->weight;
  w->whole = true;
  for (uint32_t e = 0; e < l->n; e++) {
    if (!partition_set_has(reach->to, e)) w->whole = false;
    if (partition_set_has(reach->to, e) && !partition_set_has(reach->from, e)) partition_walk_take_out(w, e);
  }
}

/* Chips of what lies between `from` and `to`, from the last ideal backwards. */
static void read_chips(const struct partition_walk *w, uint32_t *chip) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_met *met = partition_ideals_at(&w->ideals, w->last);
  for (uint32_t e = 0; e < l->n; e++) {
    if (partition_set_has(w->reach->to, e) && !partition_set_has(met->set, e)) chip[e] = met->chips + 1;
  }
  while (met->chips > 0) {
    const struct partition_met *before = partition_ideals_at(&w->ideals, met->from);
    for (uint32_t e = 0; e < l->n; e++) {
      if (partition_set_has(met->set, e) && !partition_set_has(before->set, e)) chip[e] = met->chips;
    }
    met = before;
  }
}

enum partition_outcome partition_reach(struct partition_reach *reach, int64_t period, uint32_t *chip) {
  const struct arena_mark mark = arena_get_mark(reach->scratch);
  struct partition_walk w;
  walk_init(&w, reach, period + reach->lattice->rounding);
  enum step step = STEP_ON;
  const struct partition_met none = {w.hash, w.weight, w.work, w.cut, 0, 0};
  struct partition_met *first = partition_ideals_add(&w.ideals, &none, w.set);
  if (w.general != NULL) partition_general_add(&w, first, true);
  if (partition_walk_ends(&w)) step = STEP_REACHED;
  for (uint32_t i = 0; step == STEP_ON && i < w.ideals.n; i++) {
    if (partition_ideals_at(&w.ideals, i)->chips + 2 <= reach->n_chips) step = expand(&w, i);
  }
  if (step == STEP_REACHED) read_chips(&w, chip);
  reach->loose = w.loose;
  arena_rewind(reach->scratch, mark);
  return step == STEP_REACHED ? PARTITION_REACHED : step == STEP_ON ? PARTITION_REFUTED : PARTITION_GAVE_UP;
}

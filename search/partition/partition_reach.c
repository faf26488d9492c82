/* Is there a chain of order ideals whose pieces all stay at or below a period? (partition §9.)
 *
 * Breadth first: all ideals that one chip can reach, then two, and so on; what fewer chips reach needs no more. From an
 * ideal, larger ones are found by deciding ready elements one after another, in or out, so each is met once; what a
 * decision makes certain (work, tensors read, tensors cut) cuts off. Where edges may span chips, an ideal also goes if
 * one more element would fit and could only help: taking v from a later chip changes cuts in between by what v sends
 * less what only v still waits for (cuts of ideals are submodular, so by no more later), and its old chip loses v.
 * Under `ring` that change must not be positive; under `p2p` nothing lies in between and v's own work pays too. Under
 * `path` v's readers would have to move as well: there everything stays. */
#include "search/partition/partition_exact_private.h"

#include "base/checked.h"
#include <string.h>

enum { STEPS_BETWEEN_LOOKS = 1 << 14, STEP_LEVELS = 13 };

struct frame {
  uint32_t element;
  bool in, forced;
  uint32_t n_dead; /* before the decision, as what follows */
  int64_t read, sent;
};
/* What must cross, of tensors that certainly do. */
struct certain {
  int64_t cut;  /* at the end of the piece */
  int64_t left; /* the same, beyond what crosses there anyway */
  int64_t sent; /* of tensors that the piece makes */
};
struct walk {
  struct partition_reach *reach;
  const struct partition_lattice *lattice;
  int64_t period;
  struct partition_ideals ideals;
  /* The ideal walked from, or larger by what is decided `in`. */
  uint64_t *set;
  uint8_t *place;     /* [n] 0: not in; 1: in the ideal walked from; 2: in the piece */
  uint32_t *waits;    /* [n] predecessors not in */
  uint32_t *left;     /* [n_tensors] consumers not in */
  uint32_t *readers;  /* [n_tensors] consumers in the piece */
  uint32_t *refusers; /* [n_tensors] consumers that stay out for certain */
  bool *is_dead;      /* [n] decided to stay out, or behind such an element */
  uint32_t *dead;     /* those, in the order in which they died */
  uint32_t *ready;
  struct frame *frames;
  uint32_t *outs; /* elements decided to stay out */
  size_t n_ready, n_frames, n_outs;
  uint32_t n_dead;
  uint64_t hash, weight;
  int64_t work, cut;  /* of the set */
  int64_t possible;   /* work of the set with all that may still join */
  int64_t read, sent; /* of the piece: tensors that enter, that leave */
  struct certain certain;
  uint32_t chips; /* that reach the ideal walked from */
  int64_t start_work, start_cut;
  uint64_t start_weight;
  /* Of the boundary behind the next chip. */
  uint32_t boundary;
  bool *allowed; /* [n] may be before it */
  int64_t allowed_work;
  int64_t *cut_left; /* [n_tensors] */
  int64_t least_cut;
  int64_t *most_cut[STEP_LEVELS]; /* [level][step] most that may be cut at 2^level steps from there on; NULL: any */
  int64_t rest_work; /* next ideals must do this and, where it counts, what crosses behind them, for the rest to fit */
  uint64_t *must, *forced; /* on the next chip at the latest */
  int64_t end_work, end_cut;
  uint64_t end_weight;
  bool whole; /* `to` is everything */
  uint64_t steps;
  uint32_t last;
};

static bool has(const uint64_t *set, size_t i) { return set[i / 64] >> (i % 64) & 1; }
static void flip(uint64_t *set, size_t i) { set[i / 64] ^= UINT64_C(1) << (i % 64); }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static bool is_p2p(const struct walk *w) {
  return w->reach->cost == PARTITION_P2P || w->reach->cost == PARTITION_P2P_OVERLAP;
}

/* --- one element in or out ------------------------------------------------------------------------------------------
 */

/* What the element's tensors, and those that only it still waits for, change of the cut. */
static int64_t cut_change(const struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  int64_t change = l->sent[e];
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (w->left[l->read[i]] == 1) change -= l->tensors[l->read[i]].time;
  }
  return change;
}

/* Of the piece's tensors, if e joins it. */
static void traffic_change(const struct walk *w, uint32_t e, int64_t *read, int64_t *sent) {
  const struct partition_lattice *l = w->lattice;
  *read = 0, *sent = l->sent[e];
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    const struct lattice_tensor *tensor = &l->tensors[l->read[i]];
    if (w->place[tensor->producer] == 1) {
      if (w->readers[l->read[i]] == 0) *read += tensor->time;
    } else if (w->left[l->read[i]] == 1) {
      *sent -= tensor->time;
    }
  }
}

static void put_in(struct walk *w, uint32_t e, uint8_t place) {
  const struct partition_lattice *l = w->lattice;
  w->place[e] = place;
  w->work += l->work[e], w->weight += l->weight[e], w->hash ^= l->key[e];
  w->cut += l->sent[e];
  flip(w->set, e);
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) w->waits[l->out[i]]--;
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (--w->left[l->read[i]] == 0) w->cut -= l->tensors[l->read[i]].time;
  }
}

static void take_out(struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  w->place[e] = 0;
  w->work -= l->work[e], w->weight -= l->weight[e], w->hash ^= l->key[e];
  w->cut -= l->sent[e];
  flip(w->set, e);
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) w->waits[l->out[i]]++;
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (w->left[l->read[i]]++ == 0) w->cut += l->tensors[l->read[i]].time;
  }
}

static void count_certain(struct walk *w, uint32_t t, int64_t sign) {
  const struct lattice_tensor *tensor = &w->lattice->tensors[t];
  if (w->place[tensor->producer] == 0) return;
  w->certain.cut += sign * tensor->time, w->certain.left += sign * w->cut_left[t];
  if (w->place[tensor->producer] == 2) w->certain.sent += sign * tensor->time;
}

static void join(struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (is_p2p(w)) {
    int64_t read, sent;
    traffic_change(w, e, &read, &sent);
    w->read += read, w->sent += sent;
    for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) w->readers[l->read[i]]++;
  }
  put_in(w, e, 2);
  for (uint32_t t = l->tensor_start[e]; t < l->tensor_start[e + 1]; t++) {
    if (w->refusers[t] > 0) count_certain(w, t, 1);
  }
}

static void part(struct walk *w, const struct frame *frame) {
  const struct partition_lattice *l = w->lattice;
  const uint32_t e = frame->element;
  for (uint32_t t = l->tensor_start[e]; t < l->tensor_start[e + 1]; t++) {
    if (w->refusers[t] > 0) count_certain(w, t, -1);
  }
  take_out(w, e);
  if (is_p2p(w)) {
    for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) w->readers[l->read[i]]--;
  }
  w->read = frame->read, w->sent = frame->sent;
}

/* Element e stays out, and so does all that is behind it. */
static void refuse(struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  w->outs[w->n_outs++] = e;
  uint32_t at = w->n_dead;
  w->dead[w->n_dead++] = e, w->is_dead[e] = true;
  for (; at < w->n_dead; at++) {
    const uint32_t d = w->dead[at];
    w->possible -= l->work[d];
    for (uint32_t i = l->read_start[d]; i < l->read_start[d + 1]; i++) {
      if (w->refusers[l->read[i]]++ == 0) count_certain(w, l->read[i], 1);
    }
    for (uint32_t i = l->out_start[d]; i < l->out_start[d + 1]; i++) {
      const uint32_t next = l->out[i];
      if (w->is_dead[next] || !w->allowed[next]) continue;
      w->dead[w->n_dead++] = next, w->is_dead[next] = true;
    }
  }
}

static void unrefuse(struct walk *w, const struct frame *frame) {
  const struct partition_lattice *l = w->lattice;
  w->n_outs--;
  while (w->n_dead > frame->n_dead) {
    const uint32_t d = w->dead[--w->n_dead];
    w->is_dead[d] = false;
    w->possible += l->work[d];
    for (uint32_t i = l->read_start[d]; i < l->read_start[d + 1]; i++) {
      if (--w->refusers[l->read[i]] == 0) count_certain(w, l->read[i], -1);
    }
  }
}

/* --- loads ----------------------------------------------------------------------------------------------------------
 */

static int64_t load(const struct walk *w, int64_t work, int64_t in, int64_t out) {
  const bool overlap = w->reach->cost == PARTITION_RING_OVERLAP || w->reach->cost == PARTITION_P2P_OVERLAP;
  return overlap ? most(work, most(in, out)) : work + in + out;
}

/* The piece as it is. */
static int64_t piece_load(const struct walk *w) {
  const int64_t work = w->work - w->start_work;
  return is_p2p(w) ? load(w, work, w->read, w->sent) : load(w, work, w->start_cut, w->cut);
}

/* May the piece end at some work between, and cut so much there? */
static bool may_end_between(const struct walk *w, int64_t low, int64_t high, int64_t cut) {
  const int64_t width = w->reach->where->profile->width;
  const size_t first = (size_t)(low / width), last = (size_t)(high / width);
  if (high < low) return false;
  const unsigned level = 63 - (unsigned)__builtin_clzll(last - first + 1);
  const int64_t *most_cut = w->most_cut[level];
  return most(most_cut[first], most_cut[last + 1 - ((size_t)1 << level)]) >= cut;
}

/* What the piece must carry whatever else joins it: its work and what leaves it. The chips behind can only do so much,
 * so what crosses to them adds to what must be done here. */
static int64_t least_load(const struct walk *w, int64_t work, int64_t read) {
  const int64_t cut = most(w->certain.cut, w->least_cut + w->certain.left);
  const bool overlap = w->reach->cost == PARTITION_RING_OVERLAP || w->reach->cost == PARTITION_P2P_OVERLAP;
  const int64_t rest = w->rest_work + (overlap || !w->whole ? 0 : cut);
  if (rest > w->possible) return INT64_MAX;
  const int64_t least = most(work, rest) - w->start_work;
  if (w->most_cut[0] != NULL) {
    const int64_t room = w->start_work + w->period - (overlap ? 0 : w->start_cut + cut);
    if (!may_end_between(w, most(work, rest), room < w->possible ? room : w->possible, cut)) return INT64_MAX;
  }
  return is_p2p(w) ? load(w, least, read, w->certain.sent) : load(w, least, w->start_cut, cut);
}

static bool fits_memory(const struct walk *w, uint64_t weight) {
  return w->lattice->room == UINT64_MAX || weight <= w->lattice->room;
}

/* Does the piece fit as far as one can say? */
static bool may_go_on_with(const struct walk *w) { return least_load(w, w->work, w->read) <= w->period; }

/* And with e? */
static bool may_join(const struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (!fits_memory(w, w->weight + l->weight[e] - w->start_weight)) return false;
  int64_t read = 0, sent = 0;
  if (is_p2p(w)) traffic_change(w, e, &read, &sent);
  return least_load(w, w->work + l->work[e], w->read + read) <= w->period;
}

/* Must all that reads e be on the next chip at the latest anyway? */
static bool has_waiting_readers(const struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) {
    const uint32_t reader = l->out[i];
    if (w->waits[reader] == l->in_start[reader + 1] - l->in_start[reader]) return false;
  }
  return true;
}

/* Would e on this chip be no worse for all chips behind? */
static bool only_helps(const struct walk *w, uint32_t e) {
  if (w->reach->path && !has_waiting_readers(w, e)) return false;
  return cut_change(w, e) <= (w->reach->cost == PARTITION_P2P ? w->lattice->work[e] : 0);
}

/* And for this chip too, whatever else joins? */
static bool costs_nothing(const struct walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (l->weight[e] > 0 || (w->reach->path && !has_waiting_readers(w, e))) return false;
  const int64_t change = cut_change(w, e);
  int64_t read = 0, sent = change;
  if (is_p2p(w)) traffic_change(w, e, &read, &sent);
  switch (w->reach->cost) {
  case PARTITION_RING:
    return change <= 0 && l->work[e] + change <= 0;
  case PARTITION_P2P:
    return change <= l->work[e] && l->work[e] + read + sent <= 0;
  case PARTITION_RING_OVERLAP:
  case PARTITION_P2P_OVERLAP:
    return change <= 0 && l->work[e] == 0 && read <= 0 && sent <= 0;
  }
  return false;
}

/* The present set is as good with one more element. */
static bool is_dominated(struct walk *w) {
  const struct partition_lattice *l = w->lattice;
  for (size_t i = 0; i < w->n_outs; i++) {
    const uint32_t e = w->outs[i];
    if (!only_helps(w, e)) continue;
    if (!fits_memory(w, w->weight + l->weight[e] - w->start_weight)) continue;
    int64_t read = 0, sent = 0;
    const int64_t work = w->work + l->work[e] - w->start_work;
    if (is_p2p(w)) {
      traffic_change(w, e, &read, &sent);
      if (load(w, work, w->read + read, w->sent + sent) <= w->period) return true;
    } else if (load(w, work, w->start_cut, w->cut + cut_change(w, e)) <= w->period) {
      return true;
    }
  }
  return false;
}

/* --- the last piece -------------------------------------------------------------------------------------------------
 */

/* Loads of the chips behind together are at least this; they have `n_chips`. */
static bool rest_may_fit(const struct walk *w, uint32_t n_chips) {
  const struct partition_lattice *l = w->lattice;
  if (l->room != UINT64_MAX && w->end_weight - w->weight > sat_mul(l->room, n_chips)) return false;
  __extension__ typedef __int128 wide;
  wide sum = w->end_work - w->work;
  if (w->reach->cost == PARTITION_RING) sum += w->cut + w->end_cut;
  if (w->reach->cost == PARTITION_P2P && w->whole) sum += w->cut;
  if (w->reach->where != NULL) sum += w->reach->where->coming[w->boundary];
  return sum <= (wide)w->period * n_chips;
}

/* Tensors that the last piece reads and sends under p2p. */
static void last_traffic(const struct walk *w, int64_t *read, int64_t *sent) {
  const struct partition_lattice *l = w->lattice;
  *read = w->cut, *sent = 0;
  if (w->whole) return;
  *read = 0;
  for (size_t t = 0; t < l->n_tensors; t++) {
    const struct lattice_tensor *tensor = &l->tensors[t];
    if (w->left[t] == 0 || !has(w->reach->to, tensor->producer)) continue;
    bool inside = false, outside = false;
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      const bool is_last = has(w->reach->to, l->consumer[i]);
      inside = inside || (is_last && w->place[l->consumer[i]] == 0);
      outside = outside || !is_last;
    }
    if (w->place[tensor->producer] != 0) {
      if (inside) *read += tensor->time;
    } else if (outside) {
      *sent += tensor->time;
    }
  }
}

/* Readers of the present set are all in the last piece, too. */
static bool last_keeps_path(const struct walk *w) {
  const struct partition_lattice *l = w->lattice;
  if (w->whole || !w->reach->path) return true;
  for (uint32_t e = 0; e < l->n; e++) {
    if (has(w->reach->to, e)) continue;
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1]; i++) {
      if (w->place[l->in[i]] != 0) return false;
    }
  }
  return true;
}

/* Can one chip take all that is left? */
static bool ends(const struct walk *w) {
  const int64_t work = w->end_work - w->work;
  if (work > w->period || !fits_memory(w, w->end_weight - w->weight)) return false;
  int64_t read = w->cut, sent = w->end_cut;
  if (is_p2p(w)) last_traffic(w, &read, &sent);
  return load(w, work, read, sent) <= w->period && last_keeps_path(w);
}

/* --- all larger ideals of one ---------------------------------------------------------------------------------------
 */

enum step { STEP_ON, STEP_REACHED, STEP_GAVE_UP };

/* Everything is decided: the present set is an ideal that one more chip reaches. */
static enum step arrive(struct walk *w, uint32_t from) {
  const uint32_t left = w->reach->n_chips - w->boundary;
  if (piece_load(w) > w->period || w->n_frames == w->n_outs || !rest_may_fit(w, left)) return STEP_ON;
  if (w->most_cut[0] != NULL && !may_end_between(w, w->work, w->work, w->cut)) return STEP_ON;
  if (is_dominated(w)) return STEP_ON;
  const bool is_end = ends(w);
  if ((left == 1 && !is_end) || partition_ideals_have(&w->ideals, w->set, w->hash)) return STEP_ON;
  if (w->reach->ideals == 0) return STEP_GAVE_UP;
  w->reach->ideals--;
  w->last = (uint32_t)w->ideals.n;
  const struct partition_met met = {w->hash, w->weight, w->work, w->cut, from, w->boundary};
  partition_ideals_add(&w->ideals, &met, w->set);
  return is_end ? STEP_REACHED : STEP_ON;
}

static void decide(struct walk *w, uint32_t e, bool in, bool forced) {
  const struct partition_lattice *l = w->lattice;
  w->frames[w->n_frames++] = (struct frame){e, in, forced, w->n_dead, w->read, w->sent};
  if (!in) {
    refuse(w, e);
    return;
  }
  join(w, e);
  for (uint32_t i = l->out_start[e + 1]; i-- > l->out_start[e];) {
    const uint32_t next = l->out[i];
    if (w->waits[next] == 0 && w->allowed[next]) w->ready[w->n_ready++] = next;
  }
}

/* Undoes the last decision; e is ready again. */
static struct frame undo(struct walk *w) {
  const struct partition_lattice *l = w->lattice;
  const struct frame frame = w->frames[--w->n_frames];
  if (frame.in) {
    for (uint32_t i = l->out_start[frame.element]; i < l->out_start[frame.element + 1]; i++) {
      const uint32_t next = l->out[i];
      w->n_ready -= w->waits[next] == 0 && w->allowed[next];
    }
    part(w, &frame);
  } else {
    unrefuse(w, &frame);
  }
  w->ready[w->n_ready++] = frame.element;
  return frame;
}

/* Limits and stops. */
static bool may_go_on(struct walk *w) {
  if (w->reach->pairs == 0) return false;
  w->reach->pairs--;
  const struct partition_request *request = w->reach->request;
  if (++w->steps % STEPS_BETWEEN_LOOKS != 0 || request == NULL || request->interrupted == NULL) return true;
  return !request->interrupted(request->context);
}

/* The other way for the last decision that has one; false: there is none. */
static bool turn(struct walk *w, size_t first_frame) {
  while (w->n_frames > first_frame) {
    const struct frame frame = undo(w);
    if (!frame.in || frame.forced) continue;
    w->n_ready--;
    decide(w, frame.element, false, false);
    if (may_go_on_with(w)) return true;
  }
  return false;
}

static enum step walk_from(struct walk *w, uint32_t from) {
  const size_t first_frame = w->n_frames; /* what must be in already is */
  for (;;) {
    while (w->n_ready > 0) {
      const uint32_t e = w->ready[--w->n_ready];
      if (!may_go_on(w)) return STEP_GAVE_UP;
      const bool forced = costs_nothing(w, e), in = forced || may_join(w, e);
      decide(w, e, in, forced);
      if (!in && !may_go_on_with(w)) break;
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
static void allow_cuts(struct walk *w, uint32_t c) {
  const struct partition_where *where = w->reach->where;
  const int64_t *may_cut = &where->may_cut[(size_t)(w->reach->n_chips - c) * PARTITION_STEPS];
  for (size_t level = 0; level < STEP_LEVELS; level++) {
    if (w->most_cut[level] == NULL) w->most_cut[level] = ARENA_NEW(w->reach->scratch, int64_t, PARTITION_STEPS);
    for (size_t i = 0; i + ((size_t)1 << level) <= PARTITION_STEPS; i++) {
      int64_t *here = &w->most_cut[level][i];
      if (level == 0) {
        *here = where->profile->cut[i] <= may_cut[i] ? may_cut[i] : -1;
      } else {
        *here = most(w->most_cut[level - 1][i], w->most_cut[level - 1][i + ((size_t)1 << (level - 1))]);
      }
    }
  }
}

/* What is known of the boundary behind chip c. */
static void stand_before(struct walk *w, uint32_t c) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_where *where = w->reach->where;
  w->boundary = c, w->allowed_work = 0;
  memset(w->forced, 0, l->n_words * sizeof *w->forced);
  for (size_t e = 0; e < l->n; e++) {
    w->allowed[e] = has(w->reach->to, e) && (where == NULL || where->low[e] <= c);
    if (w->allowed[e]) w->allowed_work += l->work[e];
    if (where != NULL && where->high[e] <= c) flip(w->forced, e);
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
static void stand_on(struct walk *w, uint32_t i) {
  const struct partition_met *met = partition_ideals_at(&w->ideals, i);
  for (size_t k = 0; k < w->lattice->n_words; k++) {
    for (uint64_t differ = w->set[k] ^ met->set[k]; differ != 0; differ &= differ - 1) {
      const uint32_t e = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(differ);
      if (has(w->set, e)) {
        take_out(w, e);
      } else {
        put_in(w, e, 1);
      }
    }
  }
  w->start_work = w->work, w->start_cut = w->cut, w->start_weight = w->weight;
  w->chips = met->chips;
  w->read = w->sent = 0, w->n_dead = 0;
  w->n_frames = w->n_outs = w->n_ready = 0;
  if (w->boundary != w->chips + 1) stand_before(w, w->chips + 1);
  w->possible = w->allowed_work;
}

/* What certainly crosses already, since its consumers are not allowed before the boundary. */
static void start_certain(struct walk *w) {
  w->certain = (struct certain){0, 0, 0};
  for (uint32_t t = 0; t < w->lattice->n_tensors; t++) {
    if (w->refusers[t] > 0) count_certain(w, t, 1);
  }
}

/* Puts in what must be on the next chip: what can be nowhere later and, on a path, all that reads the ideal, with what
 * that needs. False: it does not fit. */
static bool take_what_must(struct walk *w) {
  const struct partition_lattice *l = w->lattice;
  memcpy(w->must, w->forced, l->n_words * sizeof *w->must);
  for (uint32_t e = (uint32_t)l->n; w->reach->path && e-- > 0;) {
    if (w->place[e] != 0) continue;
    const bool reads = w->waits[e] < l->in_start[e + 1] - l->in_start[e];
    if (reads && !has(w->must, e)) flip(w->must, e);
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1] && has(w->must, e); i++) {
      if (!has(w->must, l->in[i])) flip(w->must, l->in[i]);
    }
  }
  for (size_t k = 0; k < l->n_words; k++) {
    for (uint64_t new = w->must[k] & ~w->set[k]; new != 0; new &= new - 1) {
      const uint32_t e = (uint32_t)(64 * k) + (uint32_t)__builtin_ctzll(new);
      if (!w->allowed[e] || !may_join(w, e)) return false;
      w->frames[w->n_frames++] = (struct frame){e, true, true, w->n_dead, w->read, w->sent};
      join(w, e);
    }
  }
  return true;
}

static enum step expand(struct walk *w, uint32_t i) {
  const struct partition_lattice *l = w->lattice;
  stand_on(w, i);
  start_certain(w);
  enum step step = STEP_ON;
  if (may_go_on_with(w) && take_what_must(w)) {
    for (uint32_t e = (uint32_t)l->n; e-- > 0;) {
      if (w->place[e] == 0 && w->waits[e] == 0 && w->allowed[e]) w->ready[w->n_ready++] = e;
    }
    step = walk_from(w, i);
  }
  if (step != STEP_ON) return step;
  while (w->n_frames > 0) part(w, &w->frames[--w->n_frames]);
  return STEP_ON;
}

static void walk_init(struct walk *w, struct partition_reach *reach, int64_t period) {
  const struct partition_lattice *l = reach->lattice;
  struct arena *arena = reach->scratch;
  *w = (struct walk){.reach = reach, .lattice = l, .period = period};
  partition_ideals_init(&w->ideals, l->n_words, arena);
  w->set = ARENA_NEW(arena, uint64_t, l->n_words);
  w->must = ARENA_NEW(arena, uint64_t, l->n_words), w->forced = ARENA_NEW(arena, uint64_t, l->n_words);
  w->place = ARENA_NEW(arena, uint8_t, l->n), w->waits = ARENA_NEW(arena, uint32_t, l->n);
  w->left = ARENA_NEW(arena, uint32_t, l->n_tensors), w->readers = ARENA_NEW(arena, uint32_t, l->n_tensors);
  w->refusers = ARENA_NEW(arena, uint32_t, l->n_tensors);
  w->allowed = ARENA_NEW(arena, bool, l->n), w->is_dead = ARENA_NEW(arena, bool, l->n);
  w->dead = ARENA_NEW(arena, uint32_t, l->n);
  w->cut_left = ARENA_NEW(arena, int64_t, l->n_tensors);
  w->ready = ARENA_NEW(arena, uint32_t, l->n + 1), w->outs = ARENA_NEW(arena, uint32_t, l->n);
  w->frames = ARENA_NEW(arena, struct frame, l->n);
  for (uint32_t e = 0; e < l->n; e++) w->waits[e] = l->in_start[e + 1] - l->in_start[e];
  for (uint32_t t = 0; t < l->n_tensors; t++) w->left[t] = l->tensors[t].end - l->tensors[t].first;
  for (uint32_t e = 0; e < l->n; e++) {
    if (has(reach->to, e)) put_in(w, e, 1);
  }
  w->end_work = w->work, w->end_cut = w->cut, w->end_weight = w->weight;
  w->whole = true;
  for (uint32_t e = 0; e < l->n; e++) {
    if (!has(reach->to, e)) w->whole = false;
    if (has(reach->to, e) && !has(reach->from, e)) take_out(w, e);
  }
}

/* Chips of what lies between `from` and `to`, from the last ideal backwards. */
static void read_chips(const struct walk *w, uint32_t *chip) {
  const struct partition_lattice *l = w->lattice;
  const struct partition_met *met = partition_ideals_at(&w->ideals, w->last);
  for (uint32_t e = 0; e < l->n; e++) {
    if (has(w->reach->to, e) && !has(met->set, e)) chip[e] = met->chips + 1;
  }
  while (met->chips > 0) {
    const struct partition_met *before = partition_ideals_at(&w->ideals, met->from);
    for (uint32_t e = 0; e < l->n; e++) {
      if (has(met->set, e) && !has(before->set, e)) chip[e] = met->chips;
    }
    met = before;
  }
}

enum partition_outcome partition_reach(struct partition_reach *reach, int64_t period, uint32_t *chip) {
  const struct arena_mark mark = arena_get_mark(reach->scratch);
  struct walk w;
  walk_init(&w, reach, period + reach->lattice->rounding);
  enum step step = STEP_ON;
  partition_ideals_add(&w.ideals, &(struct partition_met){w.hash, w.weight, w.work, w.cut, 0, 0}, w.set);
  if (ends(&w)) step = STEP_REACHED;
  for (uint32_t i = 0; step == STEP_ON && i < w.ideals.n; i++) {
    if (partition_ideals_at(&w.ideals, i)->chips + 2 <= reach->n_chips) step = expand(&w, i);
  }
  if (step == STEP_REACHED) read_chips(&w, chip);
  arena_rewind(reach->scratch, mark);
  return step == STEP_REACHED ? PARTITION_REACHED : step == STEP_ON ? PARTITION_REFUTED : PARTITION_GAVE_UP;
}

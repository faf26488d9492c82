/* What does a piece carry, at least, and would one more element help? See partition_reach_private.h. */
#include "search/partition/partition_reach_private.h"

#include "base/checked.h"

static int64_t load(const struct partition_walk *w, int64_t work, int64_t in, int64_t out) {
  const bool overlap = w->reach->cost == PARTITION_RING_OVERLAP || w->reach->cost == PARTITION_P2P_OVERLAP;
  return overlap ? partition_most(work, partition_most(in, out)) : work + in + out;
}

/* The piece as it is. */
int64_t partition_walk_piece_load(const struct partition_walk *w) {
  const int64_t work = w->work - w->start_work;
  return partition_walk_is_p2p(w) ? load(w, work, w->read, w->sent) : load(w, work, w->start_cut, w->cut);
}

/* May the piece end at some work between, and cut so much there? */
bool partition_walk_may_end_between(const struct partition_walk *w, int64_t low, int64_t high, int64_t cut) {
  const int64_t width = w->reach->where->profile->width;
  const size_t first = (size_t)(low / width), last = (size_t)(high / width);
  if (high < low) return false;
  const unsigned level = 63 - (unsigned)__builtin_clzll(last - first + 1);
  const int64_t *most_cut = w->most_cut[level];
  return partition_most(most_cut[first], most_cut[last + 1 - ((size_t)1 << level)]) >= cut;
}

/* What the piece must carry whatever else joins it: its work and what leaves it. The chips behind can only do so much,
 * so what crosses to them adds to what must be done here. */
static int64_t least_load(const struct partition_walk *w, int64_t work, int64_t read) {
  const int64_t cut = partition_most(w->certain.cut, w->least_cut + w->certain.left);
  const bool overlap = w->reach->cost == PARTITION_RING_OVERLAP || w->reach->cost == PARTITION_P2P_OVERLAP;
  const int64_t rest = w->rest_work + (overlap || !w->whole ? 0 : cut);
  if (rest > w->possible) return INT64_MAX;
  const int64_t least = partition_most(work, rest) - w->start_work;
  if (w->most_cut[0] != NULL) {
    const int64_t room = w->start_work + w->period - (overlap ? 0 : w->start_cut + cut);
    if (!partition_walk_may_end_between(w, partition_most(work, rest), room < w->possible ? room : w->possible, cut))
      return INT64_MAX;
  }
  return partition_walk_is_p2p(w) ? load(w, least, read, w->certain.sent) : load(w, least, w->start_cut, cut);
}

static bool fits_memory(const struct partition_walk *w, uint64_t weight) {
  return w->lattice->room == UINT64_MAX || weight <= w->lattice->room;
}

/* Does the piece fit as far as one can say? */
bool partition_walk_may_go_on_with(const struct partition_walk *w) {
  if (w->general == NULL) return least_load(w, w->work, w->read) <= w->period;
  return partition_general_fits(w) && least_load(w, w->work + partition_general_needed_work(w), w->read) <= w->period;
}

/* And with e? */
bool partition_walk_may_join(const struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (!fits_memory(w, w->weight + l->weight[e] - w->start_weight)) return false;
  int64_t read = 0, sent = 0;
  if (partition_walk_is_p2p(w)) partition_walk_traffic_change(w, e, &read, &sent);
  return least_load(w, w->work + l->work[e], w->read + read) <= w->period;
}

/* Must all that reads e be on the next chip at the latest anyway? */
static bool has_waiting_readers(const struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) {
    const uint32_t reader = l->out[i];
    if (w->waits[reader] == l->in_start[reader + 1] - l->in_start[reader]) return false;
  }
  return true;
}

/* Would the triangle rule let e join, wherever it is later? */
static bool keeps_rule(const struct partition_walk *w, uint32_t e) {
  if (w->general != NULL) return partition_general_is_free(w, e);
  return !w->reach->path || has_waiting_readers(w, e);
}

/* Would e on this chip be no worse for all chips behind? */
static bool only_helps(const struct partition_walk *w, uint32_t e) {
  if (!keeps_rule(w, e)) return false;
  return partition_walk_cut_change(w, e) <= (w->reach->cost == PARTITION_P2P ? w->lattice->work[e] : 0);
}

/* And for this chip too, whatever else joins? */
bool partition_walk_costs_nothing(const struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (l->weight[e] > 0 || !keeps_rule(w, e)) return false;
  const int64_t change = partition_walk_cut_change(w, e);
  int64_t read = 0, sent = change;
  if (partition_walk_is_p2p(w)) partition_walk_traffic_change(w, e, &read, &sent);
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
bool partition_walk_is_dominated(const struct partition_walk *w) {
  const struct partition_lattice *l = w->lattice;
  for (size_t i = 0; i < w->n_outs; i++) {
    const uint32_t e = w->outs[i];
    if (!only_helps(w, e)) continue;
    if (!fits_memory(w, w->weight + l->weight[e] - w->start_weight)) continue;
    int64_t read = 0, sent = 0;
    const int64_t work = w->work + l->work[e] - w->start_work;
    if (partition_walk_is_p2p(w)) {
      partition_walk_traffic_change(w, e, &read, &sent);
      if (load(w, work, w->read + read, w->sent + sent) <= w->period) return true;
    } else if (load(w, work, w->start_cut, w->cut + partition_walk_cut_change(w, e)) <= w->period) {
      return true;
    }
  }
  return false;
}

/* --- the last piece -------------------------------------------------------------------------------------------------
 */

/* Loads of the chips behind together are at least this; they have `n_chips`. */
bool partition_walk_rest_may_fit(const struct partition_walk *w, uint32_t n_chips) {
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
static void last_traffic(const struct partition_walk *w, int64_t *read, int64_t *sent) {
  const struct partition_lattice *l = w->lattice;
  *read = w->cut, *sent = 0;
  if (w->whole) return;
  *read = 0;
  for (size_t t = 0; t < l->n_tensors; t++) {
    const struct lattice_tensor *tensor = &l->tensors[t];
    if (w->left[t] == 0 || !partition_set_has(w->reach->to, tensor->producer)) continue;
    bool inside = false, outside = false;
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      const bool is_last = partition_set_has(w->reach->to, l->consumer[i]);
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
static bool last_keeps_path(const struct partition_walk *w) {
  const struct partition_lattice *l = w->lattice;
  if (w->whole || !w->reach->path) return true;
  for (uint32_t e = 0; e < l->n; e++) {
    if (partition_set_has(w->reach->to, e)) continue;
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1]; i++) {
      if (w->place[l->in[i]] != 0) return false;
    }
  }
  return true;
}

/* Can one chip take all that is left? */
bool partition_walk_ends(const struct partition_walk *w) {
  const int64_t work = w->end_work - w->work;
  if (work > w->period || !fits_memory(w, w->end_weight - w->weight)) return false;
  int64_t read = w->cut, sent = w->end_cut;
  if (partition_walk_is_p2p(w)) last_traffic(w, &read, &sent);
  return load(w, work, read, sent) <= w->period && last_keeps_path(w);
}

/* What changes when an element joins the piece, or stays out? See partition_reach_private.h. */
#include "search/partition/partition_reach_private.h"

/* What the element's tensors, and those that only it still waits for, change of the cut. */
int64_t partition_walk_cut_change(const struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  int64_t change = l->sent[e];
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (w->left[l->read[i]] == 1) change -= l->tensors[l->read[i]].time;
  }
  return change;
}

/* Of the piece's tensors, if e joins it. */
void partition_walk_traffic_change(const struct partition_walk *w, uint32_t e, int64_t *read, int64_t *sent) {
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

void partition_walk_put_in(struct partition_walk *w, uint32_t e, uint8_t place) {
  const struct partition_lattice *l = w->lattice;
  w->place[e] = place;
  w->work += l->work[e], w->weight += l->weight[e], w->hash ^= l->key[e];
  w->cut += l->sent[e];
  partition_set_flip(w->set, e);
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) w->waits[l->out[i]]--;
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (--w->left[l->read[i]] == 0) w->cut -= l->tensors[l->read[i]].time;
  }
}

void partition_walk_take_out(struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  w->place[e] = 0;
  w->work -= l->work[e], w->weight -= l->weight[e], w->hash ^= l->key[e];
  w->cut -= l->sent[e];
  partition_set_flip(w->set, e);
  for (uint32_t i = l->out_start[e]; i < l->out_start[e + 1]; i++) w->waits[l->out[i]]++;
  for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) {
    if (w->left[l->read[i]]++ == 0) w->cut += l->tensors[l->read[i]].time;
  }
}

void partition_walk_count_certain(struct partition_walk *w, uint32_t t, int64_t sign) {
  const struct lattice_tensor *tensor = &w->lattice->tensors[t];
  if (w->place[tensor->producer] == 0) return;
  w->certain.cut += sign * tensor->time, w->certain.left += sign * w->cut_left[t];
  if (w->place[tensor->producer] == 2) w->certain.sent += sign * tensor->time;
}

void partition_walk_join(struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  if (partition_walk_is_p2p(w)) {
    int64_t read, sent;
    partition_walk_traffic_change(w, e, &read, &sent);
    w->read += read, w->sent += sent;
    for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) w->readers[l->read[i]]++;
  }
  partition_walk_put_in(w, e, 2);
  for (uint32_t t = l->tensor_start[e]; t < l->tensor_start[e + 1]; t++) {
    if (w->refusers[t] > 0) partition_walk_count_certain(w, t, 1);
  }
  if (w->general != NULL) partition_general_join(w, e);
}

void partition_walk_part(struct partition_walk *w, const struct partition_frame *frame) {
  const struct partition_lattice *l = w->lattice;
  const uint32_t e = frame->element;
  if (w->general != NULL) partition_general_part(w);
  for (uint32_t t = l->tensor_start[e]; t < l->tensor_start[e + 1]; t++) {
    if (w->refusers[t] > 0) partition_walk_count_certain(w, t, -1);
  }
  partition_walk_take_out(w, e);
  if (partition_walk_is_p2p(w)) {
    for (uint32_t i = l->read_start[e]; i < l->read_start[e + 1]; i++) w->readers[l->read[i]]--;
  }
  w->read = frame->read, w->sent = frame->sent;
}

/* Element e stays out, and so does all that is behind it; only some of that if it is too much already. */
void partition_walk_refuse(struct partition_walk *w, uint32_t e) {
  const struct partition_lattice *l = w->lattice;
  w->outs[w->n_outs++] = e;
  uint32_t at = w->n_dead;
  w->dead[w->n_dead++] = e, w->is_dead[e] = true;
  for (; at < w->n_dead && w->possible >= w->rest_work; at++) {
    const uint32_t d = w->dead[at];
    w->possible -= l->work[d];
    for (uint32_t i = l->read_start[d]; i < l->read_start[d + 1]; i++) {
      if (w->refusers[l->read[i]]++ == 0) partition_walk_count_certain(w, l->read[i], 1);
    }
    for (uint32_t i = l->out_start[d]; i < l->out_start[d + 1]; i++) {
      const uint32_t next = l->out[i];
      if (w->is_dead[next] || !w->allowed[next]) continue;
      w->dead[w->n_dead++] = next, w->is_dead[next] = true;
    }
  }
  while (w->n_dead > at) w->is_dead[w->dead[--w->n_dead]] = false;
}

void partition_walk_unrefuse(struct partition_walk *w, const struct partition_frame *frame) {
  const struct partition_lattice *l = w->lattice;
  w->n_outs--;
  while (w->n_dead > frame->n_dead) {
    const uint32_t d = w->dead[--w->n_dead];
    w->is_dead[d] = false;
    w->possible += l->work[d];
    for (uint32_t i = l->read_start[d]; i < l->read_start[d + 1]; i++) {
      if (--w->refusers[l->read[i]] == 0) partition_walk_count_certain(w, l->read[i], -1);
    }
  }
}

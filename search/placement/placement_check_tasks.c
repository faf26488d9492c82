/* What must each device do for each layer, says the judge? (placement §3.) Written from the rules alone: nothing here
 * is shared with the evaluators. */
#include "base/error.h"
#include "search/placement/placement_check_private.h"
#include <math.h>
#include <string.h>

/* --- who finds what on its device -----------------------------------------------------------------------------------
 */

static bool is_tensor(const struct placement_edge *edge) { return edge->bytes > 0 || edge->transfer_s > 0; }

bool judge_finds(const struct judge *j, const struct placement_edge *edge) {
  const struct placement_problem *p = j->problem;
  const uint32_t before = j->place[edge->from], behind = j->place[edge->to];
  if (j->device[edge->from] != j->device[edge->to] || behind <= before) return false;
  if (p->transfers == PLACEMENT_CUT) return true;
  if (edge->bytes == 0) return false;
  if (p->timing != PLACEMENT_CONTENTION || p->adjacent_residency) return behind == before + 1;
  return behind <= j->kept_until[edge->from];
}

static double link_of(const struct judge *j, const struct placement_edge *edge) {
  const struct placement_problem *p = j->problem;
  if (p->mesh_bytes_per_s == NULL) return 0;
  return p->mesh_bytes_per_s[(size_t)j->device[edge->from] * p->n_devices + j->device[edge->to]];
}

/* Is there room for `bytes` more in all places from..to? */
static bool has_room(const double *occupied, uint32_t from, uint32_t to, double bytes, double room) {
  for (uint32_t i = from; i <= to && isfinite(room); i++) {
    if (occupied[i] + bytes > room) return false;
  }
  return true;
}

/* In the device's order every output stays for its first, second, … reader there as long as each fits. Bytes are below
 * 2^53, so sums of doubles are exact where they matter. */
static void keep_outputs(struct judge *j, uint32_t d, double *occupied) {
  const struct placement_problem *p = j->problem;
  const struct placement_answer *a = &j->claim->answer;
  double room = p->devices[d].host || p->memory == PLACEMENT_UNLIMITED || p->devices[d].dram_bytes == UINT64_MAX
                    ? INFINITY
                    : (double)p->devices[d].dram_bytes;
  for (uint32_t i = a->start[d]; i < a->start[d + 1]; i++) {
    occupied[i - a->start[d]] = 0;
    const bool held = p->memory == PLACEMENT_HARD || (p->memory == PLACEMENT_PIN && a->pinned[a->layer[i]]);
    if (held) room -= (double)p->weight_bytes[a->layer[i]];
  }
  for (uint32_t i = a->start[d]; i < a->start[d + 1]; i++) {
    const uint32_t l = a->layer[i], here = i - a->start[d];
    const double bytes = (double)p->output_bytes[l];
    uint32_t until = here;
    for (bool first = true;; first = false) {
      uint32_t nearest = PLACEMENT_NONE;
      for (uint32_t e = j->first_out[l]; e != PLACEMENT_NONE; e = j->out_next[e]) {
        const uint32_t reader = p->edges[e].to;
        if (p->edges[e].bytes == 0 || j->device[reader] != d || j->place[reader] <= until) continue;
        if (j->place[reader] < nearest) nearest = j->place[reader];
      }
      const uint32_t from = first ? here : until + 1;
      if (nearest == PLACEMENT_NONE || !has_room(occupied, from, nearest, bytes, fmax(room, 0))) break;
      for (uint32_t k = from; k <= nearest && isfinite(room); k++) occupied[k] += bytes;
      until = nearest;
    }
    j->kept_until[l] = until;
  }
}

/* --- transfers ------------------------------------------------------------------------------------------------------
 */

static struct judged_task *new_task(struct judge *j, enum judged_kind kind, uint32_t layer, uint64_t bytes) {
  const struct placement_device *device = &j->problem->devices[j->device[layer]];
  struct judged_task *task = &j->tasks[j->n_tasks];
  *task = (struct judged_task){.kind = kind,
                               .layer = layer,
                               .device = j->device[layer],
                               .edge = PLACEMENT_NONE,
                               .bytes = bytes,
                               .cap_bytes_per_s = device->link_bytes_per_s,
                               .latency_s = device->link_latency_s,
                               .fixed_s = NAN};
  return task;
}

/* A transfer of nothing does not take place. */
static void settle(struct judge *j) {
  const struct judged_task *task = &j->tasks[j->n_tasks];
  if (isnan(task->fixed_s) ? task->bytes > 0 : task->fixed_s > 0) j->n_tasks++;
}

static void add_input(struct judge *j, uint32_t edge, uint64_t bytes, double fixed_s) {
  const struct placement_problem *p = j->problem;
  const struct placement_edge *e = &p->edges[edge];
  struct judged_task *task = new_task(j, JUDGED_READ, e->to, bytes);
  task->edge = edge;
  task->fixed_s = fixed_s;
  if (link_of(j, e) > 0) {
    task->direct = true;
    task->cap_bytes_per_s = link_of(j, e);
    task->latency_s = p->mesh_latency_s[(size_t)j->device[e->from] * p->n_devices + j->device[e->to]];
  }
  settle(j);
}

static void add_inputs_all(struct judge *j, uint32_t l) {
  const struct placement_problem *p = j->problem;
  uint64_t left = p->input_bytes[l];
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    if (judge_finds(j, &p->edges[e])) left = p->edges[e].bytes < left ? left - p->edges[e].bytes : 0;
  }
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    if (judge_finds(j, &p->edges[e])) continue;
    const uint64_t bytes = p->edges[e].bytes < left ? p->edges[e].bytes : left;
    add_input(j, e, bytes, p->edges[e].transfer_s);
    left -= bytes;
  }
  new_task(j, JUDGED_READ, l, left);
  settle(j);
}

/* The largest of what leaves a layer, in bytes and in given seconds (NAN: none given). */
static uint64_t largest_out(const struct judge *j, uint32_t l, double *seconds) {
  uint64_t bytes = 0;
  *seconds = NAN;
  for (uint32_t e = j->first_out[l]; e != PLACEMENT_NONE; e = j->out_next[e]) {
    const struct placement_edge *edge = &j->problem->edges[e];
    if (edge->bytes > bytes) bytes = edge->bytes;
    if (!isnan(edge->transfer_s)) *seconds = isnan(*seconds) ? edge->transfer_s : fmax(*seconds, edge->transfer_s);
  }
  return bytes;
}

/* `cut`: once a device, for the first layer in its order. */
static void add_inputs_cut(struct judge *j, uint32_t l) {
  const struct placement_problem *p = j->problem;
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    const uint32_t from = p->edges[e].from;
    bool wanted = j->device[from] != j->device[l];
    for (uint32_t f = j->first_out[from]; wanted && f != PLACEMENT_NONE; f = j->out_next[f]) {
      const uint32_t other = p->edges[f].to;
      wanted = j->device[other] != j->device[l] || j->place[other] >= j->place[l];
    }
    double seconds;
    const uint64_t bytes = largest_out(j, from, &seconds);
    if (wanted) add_input(j, e, bytes, seconds);
  }
}

static void add_write(struct judge *j, uint32_t l) {
  const struct placement_problem *p = j->problem;
  bool read = false, wanted = false;
  for (uint32_t e = j->first_out[l]; e != PLACEMENT_NONE; e = j->out_next[e]) {
    if (!is_tensor(&p->edges[e])) continue;
    read = true;
    wanted = wanted || (!judge_finds(j, &p->edges[e]) && link_of(j, &p->edges[e]) <= 0);
  }
  const bool all = p->transfers == PLACEMENT_ALL;
  if (!wanted && (read || !all)) return;
  double seconds;
  const uint64_t bytes = largest_out(j, l, &seconds);
  new_task(j, JUDGED_WRITE, l, all ? p->output_bytes[l] : bytes)->fixed_s = seconds;
  settle(j);
}

static void add_layer(struct judge *j, uint32_t l) {
  const struct placement_problem *p = j->problem;
  const bool travels = p->timing != PLACEMENT_DELAY && !p->devices[j->device[l]].host;
  j->first_task[l] = j->n_tasks;
  if (travels) {
    const bool resent = p->memory == PLACEMENT_PIN && !j->claim->answer.pinned[l];
    new_task(j, JUDGED_READ, l, resent ? p->weight_bytes[l] : 0)->weights = true;
    settle(j);
    (p->transfers == PLACEMENT_ALL ? add_inputs_all : add_inputs_cut)(j, l);
  }
  j->compute_task[l] = j->n_tasks;
  new_task(j, JUDGED_COMPUTE, l, 0)->fixed_s = p->compute_s[placement_at(p, l, j->device[l])];
  j->n_tasks++;
  if (travels) add_write(j, l);
  j->last_task[l] = j->n_tasks - 1;
}

void judge_list_tasks(struct judge *j) {
  const struct placement_problem *p = j->problem;
  const struct placement_answer *a = &j->claim->answer;
  j->tasks = ARENA_NEW(j->arena, struct judged_task, p->n_edges + 5 * p->n_layers + 1);
  j->first_task = ARENA_NEW(j->arena, uint32_t, p->n_layers);
  j->compute_task = ARENA_NEW(j->arena, uint32_t, p->n_layers);
  j->last_task = ARENA_NEW(j->arena, uint32_t, p->n_layers);
  j->kept_until = ARENA_NEW(j->arena, uint32_t, p->n_layers);
  double *occupied = ARENA_NEW(j->arena, double, p->n_layers);
  for (uint32_t d = 0; d < p->n_devices; d++) {
    if (p->timing == PLACEMENT_CONTENTION) keep_outputs(j, d, occupied);
    for (uint32_t i = a->start[d]; i < a->start[d + 1]; i++) add_layer(j, a->layer[i]);
  }
}

/* What do an answer's layers really take, says the judge? Times without sharing follow backwards from each layer's last
 * waits; times with a shared host are played through, a step from one event to the next. (placement §3.) Nothing here
 * is shared with the evaluators. */
#include "base/error.h"
#include "search/placement/placement_check_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- serial and delay -----------------------------------------------------------------------------------------------
 */

static double lone_s(const struct judged_task *task) {
  if (!isnan(task->fixed_s)) return task->fixed_s;
  return task->latency_s + (double)task->bytes / task->cap_bytes_per_s;
}

static double duration_s(const struct judge *j, uint32_t l) {
  double sum_s = 0;
  for (uint32_t t = j->first_task[l]; t <= j->last_task[l]; t++) sum_s += lone_s(&j->tasks[t]);
  return sum_s;
}

/* `delay`: between two devices, by the host if there is no link. */
double judged_wait_s(const struct judge *j, const struct placement_edge *e) {
  const struct placement_problem *p = j->problem;
  const uint32_t from = j->device[e->from], to = j->device[e->to];
  if (p->timing != PLACEMENT_DELAY || from == to) return 0;
  if (!isnan(e->transfer_s)) return e->transfer_s;
  if (e->bytes == 0) return 0;
  const double link = p->mesh_bytes_per_s != NULL ? p->mesh_bytes_per_s[(size_t)from * p->n_devices + to] : 0;
  if (link > 0) return p->mesh_latency_s[(size_t)from * p->n_devices + to] + (double)e->bytes / link;
  double sum_s = 0;
  for (size_t end = 0; end < 2; end++) {
    const struct placement_device *d = &p->devices[end == 0 ? from : to];
    if (!d->host) sum_s += d->link_latency_s + (double)e->bytes / d->link_bytes_per_s;
  }
  return sum_s;
}

/* The layer before on the device, or PLACEMENT_NONE. */
static uint32_t before(const struct judge *j, uint32_t l) {
  const struct placement_answer *a = &j->claim->answer;
  return j->place[l] == 0 ? PLACEMENT_NONE : a->layer[a->start[j->device[l]] + j->place[l] - 1];
}

/* All that l waits for are timed: when does it start? */
static double earliest_s(const struct judge *j, uint32_t l) {
  double start_s = before(j, l) != PLACEMENT_NONE ? j->truth.end_s[before(j, l)] : 0;
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    const struct placement_edge *edge = &j->problem->edges[e];
    start_s = fmax(start_s, j->truth.end_s[edge->from] + judged_wait_s(j, edge));
  }
  return start_s;
}

/* Depth first: a layer is timed after all that it waits for. On the path again: a circle. */
static bool time_layer(struct judge *j, uint32_t wanted, uint32_t *path, uint32_t *next, uint8_t *state) {
  enum { NEW, OPEN, TIMED };
  size_t depth = 0;
  path[depth] = wanted;
  if (state[wanted] == TIMED) return true;
  for (;;) {
    const uint32_t l = path[depth];
    if (state[l] == NEW) state[l] = OPEN, next[l] = PLACEMENT_NONE - 1; /* first the layer before on the device */
    uint32_t other = PLACEMENT_NONE;
    if (next[l] == PLACEMENT_NONE - 1) {
      other = before(j, l);
      next[l] = j->first_in[l];
    }
    while (next[l] != PLACEMENT_NONE && (other == PLACEMENT_NONE || state[other] == TIMED)) {
      other = j->problem->edges[next[l]].from;
      next[l] = j->in_next[next[l]];
    }
    if (other != PLACEMENT_NONE && state[other] == OPEN) return false;
    if (other != PLACEMENT_NONE && state[other] == NEW) {
      path[++depth] = other;
      continue;
    }
    j->truth.start_s[l] = earliest_s(j, l);
    j->truth.end_s[l] = j->truth.start_s[l] + duration_s(j, l);
    state[l] = TIMED;
    if (depth-- == 0) return true;
  }
}

bool judge_time_serial(struct judge *j) {
  const size_t n = j->problem->n_layers;
  uint32_t *path = ARENA_NEW(j->arena, uint32_t, n + 1), *next = ARENA_NEW(j->arena, uint32_t, n);
  uint8_t *state = ARENA_NEW(j->arena, uint8_t, n);
  j->truth.makespan_s = 0;
  for (uint32_t l = 0; l < n; l++) {
    if (!time_layer(j, l, path, next, state)) return false;
    j->truth.makespan_s = fmax(j->truth.makespan_s, j->truth.end_s[l]);
    j->busy_s[j->device[l]] += duration_s(j, l);
  }
  return true;
}

/* --- contention -----------------------------------------------------------------------------------------------------
 * Everything is a task that waits for other tasks: the channel's last, the computation so many places before, the
 * producer. What waits for nothing starts as soon as its engine is free. */

struct after {
  uint32_t task, next; /* who waits; the next of the list */
};
struct play {
  struct judge *judge;
  uint32_t *n_waits, *first_after; /* [tasks] */
  struct after *after;
  size_t n_after;
  uint32_t *ready, *active; /* [devices * JUDGED_N_KINDS] a task or PLACEMENT_NONE */
  double *left, *wait_s, *rate;
};

static void wait_for(struct play *play, uint32_t task, uint32_t other) {
  play->after[play->n_after] = (struct after){task, play->first_after[other]};
  play->first_after[other] = (uint32_t)play->n_after++;
  play->n_waits[task]++;
}

/* The task after which the end of this edge may use it. */
static uint32_t satisfier(const struct play *play, const struct placement_edge *e) {
  const struct judge *j = play->judge;
  const struct placement_problem *p = j->problem;
  const uint32_t from = j->device[e->from], to = j->device[e->to];
  const bool tensor = e->bytes > 0 || e->transfer_s > 0;
  const bool linked = p->mesh_bytes_per_s != NULL && p->mesh_bytes_per_s[(size_t)from * p->n_devices + to] > 0;
  return p->host.prefetch_layers > 0 && tensor && (judge_finds(j, e) || linked) ? j->compute_task[e->from]
                                                                                : j->last_task[e->from];
}

static void wait_strictly(struct play *play, uint32_t l) {
  const struct judge *j = play->judge;
  const uint32_t last = before(j, l), first = j->first_task[l];
  if (last != PLACEMENT_NONE) wait_for(play, first, j->last_task[last]);
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    wait_for(play, first, j->last_task[j->problem->edges[e].from]);
  }
  for (uint32_t t = first; t < j->last_task[l]; t++) wait_for(play, t + 1, t);
}

/* `last[kind]`: of the device so far. */
static void wait_loosely(struct play *play, uint32_t l, uint32_t *last) {
  const struct judge *j = play->judge;
  const struct placement_answer *a = &j->claim->answer;
  const uint64_t ahead = j->problem->host.prefetch_layers;
  for (uint32_t t = j->first_task[l]; t <= j->last_task[l]; t++) {
    const struct judged_task *task = &j->tasks[t];
    if (last[task->kind] != PLACEMENT_NONE) wait_for(play, t, last[task->kind]);
    last[task->kind] = t;
    if (task->kind == JUDGED_READ && j->place[l] > ahead) {
      const uint32_t place = j->place[l] - 1 - (uint32_t)ahead;
      wait_for(play, t, j->compute_task[a->layer[a->start[j->device[l]] + place]]);
    }
    if (task->edge != PLACEMENT_NONE) {
      const struct placement_edge *e = &j->problem->edges[task->edge];
      wait_for(play, t, task->direct ? j->compute_task[e->from] : j->last_task[e->from]);
    }
    if (task->kind == JUDGED_WRITE) wait_for(play, t, j->compute_task[l]);
  }
  const uint32_t compute = j->compute_task[l];
  if (compute > j->first_task[l]) wait_for(play, compute, compute - 1);
  for (uint32_t e = j->first_in[l]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    wait_for(play, compute, satisfier(play, &j->problem->edges[e]));
  }
}

static void become_ready(struct play *play, uint32_t t) {
  const struct judged_task *task = &play->judge->tasks[t];
  play->ready[task->device * JUDGED_N_KINDS + task->kind] = t;
}

static void start_ready(struct play *play, double now_s) {
  static const enum judged_kind order[] = {JUDGED_WRITE, JUDGED_READ, JUDGED_COMPUTE};
  struct judge *j = play->judge;
  for (size_t d = 0; d < j->problem->n_devices; d++) {
    uint32_t *ready = play->ready + d * JUDGED_N_KINDS, *active = play->active + d * JUDGED_N_KINDS;
    for (size_t i = 0; i < JUDGED_N_KINDS; i++) {
      const enum judged_kind kind = order[i], rival = kind == JUDGED_READ ? JUDGED_WRITE : JUDGED_READ;
      if (ready[kind] == PLACEMENT_NONE) continue;
      if (kind != JUDGED_COMPUTE && j->problem->host.half_duplex && active[rival] != PLACEMENT_NONE) continue;
      const uint32_t t = active[kind] = ready[kind];
      ready[kind] = PLACEMENT_NONE;
      j->tasks[t].start_s = now_s;
      play->wait_s[t] = isnan(j->tasks[t].fixed_s) ? j->tasks[t].latency_s : 0;
      play->left[t] = isnan(j->tasks[t].fixed_s) ? (double)j->tasks[t].bytes : j->tasks[t].fixed_s;
    }
  }
}

/* Max-min fair rates of a direction: the smallest caps first, each gets no more than its part of what is left. */
static void share_out(struct play *play, enum judged_kind kind, double left) {
  const struct judge *j = play->judge;
  const size_t n_devices = j->problem->n_devices;
  size_t n = 0;
  for (size_t d = 0; d < n_devices; d++) {
    const uint32_t t = play->active[d * JUDGED_N_KINDS + kind];
    if (t == PLACEMENT_NONE) continue;
    play->rate[t] = 0;
    if (!isnan(j->tasks[t].fixed_s))
      play->rate[t] = 1;
    else if (play->wait_s[t] <= 0 && j->tasks[t].direct)
      play->rate[t] = j->tasks[t].cap_bytes_per_s;
    else
      n += play->wait_s[t] <= 0;
  }
  for (; n > 0; n--) {
    uint32_t least = PLACEMENT_NONE;
    for (size_t d = 0; d < n_devices; d++) {
      const uint32_t t = play->active[d * JUDGED_N_KINDS + kind];
      if (t == PLACEMENT_NONE || play->rate[t] > 0 || play->wait_s[t] > 0) continue;
      if (least == PLACEMENT_NONE || j->tasks[t].cap_bytes_per_s < j->tasks[least].cap_bytes_per_s) least = t;
    }
    play->rate[least] = fmin(j->tasks[least].cap_bytes_per_s, left / (double)n);
    left -= isfinite(left) ? play->rate[least] : 0;
  }
}

/* How long until a task comes to an end, or to its first byte. */
static double until_s(const struct play *play, uint32_t t) {
  if (play->wait_s[t] > 0) return play->wait_s[t];
  return play->judge->tasks[t].kind == JUDGED_COMPUTE ? play->left[t] : play->left[t] / play->rate[t];
}

static void end_task(struct play *play, uint32_t t, double now_s) {
  struct judge *j = play->judge;
  j->tasks[t].end_s = now_s;
  play->active[j->tasks[t].device * JUDGED_N_KINDS + j->tasks[t].kind] = PLACEMENT_NONE;
  for (uint32_t i = play->first_after[t]; i != PLACEMENT_NONE; i = play->after[i].next) {
    if (--play->n_waits[play->after[i].task] == 0) become_ready(play, play->after[i].task);
  }
}

/* Lets `step_s` pass; the tasks that have ended then. */
static size_t pass(struct play *play, double step_s, double now_s) {
  struct judge *j = play->judge;
  const size_t n = j->problem->n_devices * JUDGED_N_KINDS;
  uint32_t *ended = ARENA_NEW(j->arena, uint32_t, n);
  size_t n_ended = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t t = play->active[i];
    if (i % JUDGED_N_KINDS == 0) {
      const bool idle =
          t == PLACEMENT_NONE && play->active[i + 1] == PLACEMENT_NONE && play->active[i + 2] == PLACEMENT_NONE;
      j->busy_s[i / JUDGED_N_KINDS] += idle ? 0 : step_s;
    }
    if (t == PLACEMENT_NONE) continue;
    if (play->wait_s[t] > 0) {
      play->wait_s[t] = play->wait_s[t] <= step_s ? 0 : play->wait_s[t] - step_s;
    } else if (until_s(play, t) <= step_s) {
      ended[n_ended++] = t;
    } else {
      play->left[t] -= step_s * (j->tasks[t].kind == JUDGED_COMPUTE ? 1 : play->rate[t]);
    }
  }
  for (size_t i = 0; i < n_ended; i++) end_task(play, ended[i], now_s);
  return n_ended;
}

static size_t run_play(struct play *play) {
  struct judge *j = play->judge;
  size_t n_ended = 0;
  for (double now_s = 0;;) {
    const struct arena_mark mark = arena_get_mark(j->arena);
    start_ready(play, now_s);
    share_out(play, JUDGED_READ, j->problem->host.out_bytes_per_s);
    share_out(play, JUDGED_WRITE, j->problem->host.in_bytes_per_s);
    double step_s = INFINITY;
    for (size_t i = 0; i < j->problem->n_devices * JUDGED_N_KINDS; i++) {
      if (play->active[i] != PLACEMENT_NONE) step_s = fmin(step_s, until_s(play, play->active[i]));
    }
    j->truth.makespan_s = now_s;
    if (!isfinite(step_s)) return n_ended;
    now_s += step_s;
    n_ended += pass(play, step_s, now_s);
    arena_rewind(j->arena, mark);
  }
}

bool judge_time_contention(struct judge *j) {
  const struct placement_problem *p = j->problem;
  const size_t n_slots = p->n_devices * JUDGED_N_KINDS;
  struct play play = {.judge = j,
                      .n_waits = ARENA_NEW(j->arena, uint32_t, j->n_tasks),
                      .first_after = ARENA_NEW(j->arena, uint32_t, j->n_tasks),
                      .after = ARENA_NEW(j->arena, struct after, 5 * (size_t)j->n_tasks + 2 * p->n_edges),
                      .ready = ARENA_NEW(j->arena, uint32_t, n_slots),
                      .active = ARENA_NEW(j->arena, uint32_t, n_slots),
                      .left = ARENA_NEW(j->arena, double, j->n_tasks),
                      .wait_s = ARENA_NEW(j->arena, double, j->n_tasks),
                      .rate = ARENA_NEW(j->arena, double, j->n_tasks)};
  memset(play.first_after, 0xff, j->n_tasks * sizeof *play.first_after);
  memset(play.ready, 0xff, n_slots * sizeof *play.ready);
  memset(play.active, 0xff, n_slots * sizeof *play.active);
  for (uint32_t d = 0; d < p->n_devices; d++) {
    uint32_t last[JUDGED_N_KINDS] = {PLACEMENT_NONE, PLACEMENT_NONE, PLACEMENT_NONE};
    for (uint32_t i = j->claim->answer.start[d]; i < j->claim->answer.start[d + 1]; i++) {
      const uint32_t l = j->claim->answer.layer[i];
      if (p->host.prefetch_layers == 0)
        wait_strictly(&play, l);
      else
        wait_loosely(&play, l, last);
    }
  }
  for (uint32_t t = 0; t < j->n_tasks; t++) {
    if (play.n_waits[t] == 0) become_ready(&play, t);
  }
  if (run_play(&play) < j->n_tasks) return false;
  for (size_t l = 0; l < p->n_layers; l++) {
    j->truth.start_s[l] = j->tasks[j->compute_task[l]].start_s;
    j->truth.end_s[l] = j->tasks[j->compute_task[l]].end_s;
  }
  return true;
}

/* --- totals ---------------------------------------------------------------------------------------------------------
 */

static void sum_bytes(const struct judge *j, double *out, double *in, double *direct) {
  const struct placement_problem *p = j->problem;
  for (uint32_t t = 0; t < j->n_tasks; t++) {
    const struct judged_task *task = &j->tasks[t];
    if (task->kind == JUDGED_COMPUTE) continue;
    *(task->direct ? direct : task->kind == JUDGED_READ ? out : in) += (double)task->bytes;
  }
  for (size_t e = 0; p->timing == PLACEMENT_DELAY && e < p->n_edges; e++) {
    const uint32_t from = j->device[p->edges[e].from], to = j->device[p->edges[e].to];
    const double bytes = from != to ? (double)p->edges[e].bytes : 0;
    if (p->mesh_bytes_per_s != NULL && p->mesh_bytes_per_s[(size_t)from * p->n_devices + to] > 0) {
      *direct += bytes;
    } else {
      *in += p->devices[from].host ? 0 : bytes;
      *out += p->devices[to].host ? 0 : bytes;
    }
  }
}

/* What a stream of inputs keeps the device busy with: engines side by side if transfers overlap. */
static double load_s(const struct judge *j, uint32_t d) {
  const struct placement_problem *p = j->problem;
  const bool overlap = p->timing == PLACEMENT_CONTENTION && p->host.prefetch_layers > 0;
  double engine_s[JUDGED_N_KINDS] = {0};
  for (uint32_t t = 0; t < j->n_tasks; t++) {
    const struct judged_task *task = &j->tasks[t];
    if (task->device != d) continue;
    engine_s[task->kind] += lone_s(task) - (overlap && isnan(task->fixed_s) ? task->latency_s : 0);
  }
  const double read_s = engine_s[JUDGED_READ], write_s = engine_s[JUDGED_WRITE];
  if (!overlap) return engine_s[JUDGED_COMPUTE] + read_s + write_s;
  return fmax(engine_s[JUDGED_COMPUTE], p->host.half_duplex ? read_s + write_s : fmax(read_s, write_s));
}

void judge_totals(struct judge *j) {
  const struct placement_problem *p = j->problem;
  double out = 0, in = 0, direct = 0;
  sum_bytes(j, &out, &in, &direct);
  struct placement_schedule *truth = &j->truth;
  truth->period_s = fmax(out / p->host.out_bytes_per_s, in / p->host.in_bytes_per_s);
  truth->energy_j = p->energy_j != NULL ? p->host.transfer_j_per_byte * (out + in + direct) : 0;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    truth->period_s = fmax(truth->period_s, load_s(j, d));
    truth->energy_j += p->energy_j != NULL ? p->devices[d].idle_w * (truth->makespan_s - j->busy_s[d])
                                           : p->devices[d].active_w * j->busy_s[d];
  }
  for (size_t l = 0; p->energy_j != NULL && l < p->n_layers; l++) {
    truth->energy_j += p->energy_j[placement_at(p, l, j->device[l])];
  }
  for (uint32_t t = 0; t < j->n_tasks; t++) {
    const struct judged_task *task = &j->tasks[t];
    const bool shared = p->timing == PLACEMENT_CONTENTION;
    const double spent_s = shared ? task->end_s - task->start_s : lone_s(task);
    *(task->kind == JUDGED_COMPUTE ? &truth->compute_s : &truth->communication_s) += spent_s;
    if (!shared || task->kind == JUDGED_COMPUTE || truth->flows == NULL) continue;
    struct placement_flow *flow = &truth->flows[truth->n_flows++];
    *flow = (struct placement_flow){task->layer,   task->edge,  task->device, PLACEMENT_FLOW_INPUT,
                                    task->start_s, task->end_s, task->bytes};
    if (task->kind == JUDGED_WRITE) flow->what = PLACEMENT_FLOW_OUTPUT;
    if (task->weights) flow->what = PLACEMENT_FLOW_WEIGHT;
  }
  for (size_t e = 0; p->timing == PLACEMENT_DELAY && e < p->n_edges; e++) {
    truth->communication_s += judged_wait_s(j, &p->edges[e]);
  }
}

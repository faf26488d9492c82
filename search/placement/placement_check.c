/* Is an answer to a placement problem what it claims to be? The judge: everything that placement §5 lists, from the
 * rules alone. This file looks at places, memory and claimed times; placement_check_tasks.c says what must be done,
 * placement_check_times.c how long it takes. None of it shares code with evaluators or solvers, nor looks at what
 * placement_finish derives for them. Left out: whether the answer is a good one. */
#include "base/checked.h"
#include "base/text.h"
#include "search/placement/placement_check_private.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double tolerance = 1e-9; /* of the makespan: what 17 digits lose many times over */
static const double digits = 1e-12;   /* of a time: what a table of 13 digits loses */
enum { SHOWN_BYTES = 64, ENOUGH_MESSAGES = 1000 };

static const char *escaped(const struct judge *j, const char *name) {
  char text[SHOWN_BYTES];
  text_escape(name, text, sizeof text);
  return arena_copy_text(j->arena, text);
}

const char *judged_name(const struct judge *j, uint32_t layer) { return escaped(j, j->problem->layer_names[layer]); }

static const char *device_name(const struct judge *j, size_t device) {
  return escaped(j, j->problem->devices[device].name);
}

/* More than an error keeps is not worth the time. */
static bool is_enough(const struct judge *j) { return j->error->n_messages > ENOUGH_MESSAGES; }

/* --- places ---------------------------------------------------------------------------------------------------------
 */

static bool check_places(struct judge *j) {
  const struct placement_problem *p = j->problem;
  const struct placement_answer *a = &j->claim->answer;
  bool fine = a->start[0] == 0 && a->start[p->n_devices] == p->n_layers;
  for (size_t d = 0; d < p->n_devices; d++) fine = fine && a->start[d] <= a->start[d + 1];
  if (!fine) return error_add(j->error, STATUS_INPUT, "places: the devices' orders do not hold all layers");
  for (size_t l = 0; l < p->n_layers; l++) j->device[l] = PLACEMENT_NONE;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    for (uint32_t i = a->start[d]; i < a->start[d + 1]; i++) {
      const uint32_t l = a->layer[i];
      if (l >= p->n_layers) return error_add(j->error, STATUS_INPUT, "places: layer %u of %zu", l, p->n_layers);
      if (j->device[l] != PLACEMENT_NONE) {
        fine = error_add(j->error, STATUS_INPUT, "places: %s stands twice", judged_name(j, l));
        continue;
      }
      j->device[l] = d;
      j->place[l] = i - a->start[d];
      const double compute_s = p->compute_s[placement_at(p, l, d)];
      if (isnan(compute_s)) {
        fine = error_add(j->error, STATUS_INPUT, "device: %s cannot run on %s", judged_name(j, l), device_name(j, d));
      }
    }
  }
  for (uint32_t l = 0; l < p->n_layers; l++) {
    if (j->device[l] == PLACEMENT_NONE) {
      fine = error_add(j->error, STATUS_INPUT, "places: %s stands nowhere", judged_name(j, l));
    }
  }
  return fine;
}

static bool check_groups(const struct judge *j) {
  const struct placement_problem *p = j->problem;
  if (p->group == NULL) return true;
  uint32_t *first = ARENA_NEW(j->arena, uint32_t, p->n_groups);
  memset(first, 0xff, p->n_groups * sizeof *first);
  bool fine = true;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const uint32_t g = p->group[l];
    if (g == PLACEMENT_NONE) continue;
    if (first[g] == PLACEMENT_NONE) first[g] = l;
    if (j->device[first[g]] == j->device[l]) continue;
    fine = error_add(j->error, STATUS_INPUT, "group: %s is on %s, %s on %s", judged_name(j, first[g]),
                     device_name(j, j->device[first[g]]), judged_name(j, l), device_name(j, j->device[l]));
  }
  return fine;
}

/* Whole granules of what is pinned, or bytes of all. */
static bool check_memory(const struct judge *j) {
  const struct placement_problem *p = j->problem;
  const struct placement_answer *a = &j->claim->answer;
  bool fine = true;
  for (size_t d = 0; d < p->n_devices && p->memory != PLACEMENT_UNLIMITED; d++) {
    const struct placement_device *device = &p->devices[d];
    if (device->host || device->dram_bytes == UINT64_MAX) continue;
    uint64_t sum = 0;
    for (uint32_t i = a->start[d]; i < a->start[d + 1]; i++) {
      const uint64_t bytes = p->weight_bytes[a->layer[i]], rest = bytes % p->granule_bytes != 0;
      if (p->memory == PLACEMENT_HARD) sum = sat_add(sum, bytes);
      if (p->memory == PLACEMENT_PIN && a->pinned[a->layer[i]]) sum = sat_add(sum, bytes / p->granule_bytes + rest);
    }
    const double room = ceil((double)device->dram_bytes * device->pin_share / (double)p->granule_bytes);
    if (p->memory == PLACEMENT_HARD && sum > device->dram_bytes) {
      fine = error_add(j->error, STATUS_INPUT, "memory %s %" PRIu64 " bytes too many: %" PRIu64 " of %" PRIu64,
                       device_name(j, d), sum - device->dram_bytes, sum, device->dram_bytes);
    }
    if (p->memory == PLACEMENT_PIN && (double)sum > room) {
      fine = error_add(j->error, STATUS_INPUT, "pins %s %.0f granules too many: %" PRIu64 " of %.0f", device_name(j, d),
                       (double)sum - room, sum, room);
    }
  }
  return fine;
}

/* Takes away devices that nothing comes into from what is left, until none is left; else there is a circle. */
static bool check_pieces(const struct judge *j) {
  const struct placement_problem *p = j->problem;
  if (!p->contiguous) return true;
  bool *gone = ARENA_NEW(j->arena, bool, p->n_devices), *fed = ARENA_NEW(j->arena, bool, p->n_devices);
  for (bool any = true; any;) {
    any = false;
    memset(fed, false, p->n_devices);
    for (size_t e = 0; e < p->n_edges; e++) {
      const uint32_t from = j->device[p->edges[e].from], to = j->device[p->edges[e].to];
      if (from != to && !gone[from]) fed[to] = true;
    }
    for (size_t d = 0; d < p->n_devices; d++) {
      if (gone[d] || fed[d]) continue;
      gone[d] = any = true;
    }
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    if (gone[d]) continue;
    return error_add(j->error, STATUS_INPUT, "contiguous: %s and others feed each other in a circle",
                     device_name(j, d));
  }
  return true;
}

/* --- claimed times --------------------------------------------------------------------------------------------------
 */

static bool check_durations(const struct judge *j) {
  const double *start_s = j->claim->start_s, *end_s = j->claim->end_s;
  bool fine = true;
  for (uint32_t l = 0; l < j->problem->n_layers && !is_enough(j); l++) {
    if (start_s[l] < 0) fine = error_add(j->error, STATUS_INPUT, "start %s %.9g s", judged_name(j, l), start_s[l]);
    const double claimed_s = end_s[l] - start_s[l], true_s = j->truth.end_s[l] - j->truth.start_s[l];
    const double size = fmax(fmax(fabs(start_s[l]), fabs(end_s[l])), true_s);
    if (fabs(claimed_s - true_s) <= tolerance * true_s + digits * size) continue;
    fine = error_add(j->error, STATUS_INPUT, "duration %s %.9g s: %.9g s are claimed, it takes %.9g s",
                     judged_name(j, l), claimed_s - true_s, claimed_s, true_s);
  }
  return fine;
}

static bool check_precedence(const struct judge *j, double least_s) {
  const struct placement_problem *p = j->problem;
  bool fine = true;
  for (size_t e = 0; e < p->n_edges && !is_enough(j); e++) {
    const uint32_t from = p->edges[e].from, to = p->edges[e].to;
    const double early_s = j->claim->end_s[from] + judged_wait_s(j, &p->edges[e]) - j->claim->start_s[to];
    if (early_s <= least_s) continue;
    fine =
        error_add(j->error, STATUS_INPUT, "precedence %s>%s %.9g s", judged_name(j, from), judged_name(j, to), early_s);
  }
  return fine;
}

static bool joins(const struct judge *j, uint32_t from, uint32_t to) {
  for (uint32_t e = j->first_in[to]; e != PLACEMENT_NONE; e = j->in_next[e]) {
    if (j->problem->edges[e].from == from) return true;
  }
  return false;
}

/* Neighbours on a device; where an edge joins them it is precedence that is broken. */
static bool check_overlap(const struct judge *j, double least_s) {
  const struct placement_answer *a = &j->claim->answer;
  bool fine = true;
  for (size_t d = 0; d < j->problem->n_devices && !is_enough(j); d++) {
    for (uint32_t i = a->start[d] + 1; i < a->start[d + 1]; i++) {
      const uint32_t before = a->layer[i - 1], l = a->layer[i];
      const double early_s = j->claim->end_s[before] - j->claim->start_s[l];
      if (early_s <= least_s || joins(j, before, l)) continue;
      fine =
          error_add(j->error, STATUS_INPUT, "overlap %s>%s %.9g s", judged_name(j, before), judged_name(j, l), early_s);
    }
  }
  return fine;
}

/* Where the host is shared nobody may start at will: another's rate depends on it. */
static bool check_starts(const struct judge *j, double least_s) {
  bool fine = true;
  for (uint32_t l = 0; l < j->problem->n_layers && !is_enough(j); l++) {
    const double late_s = j->claim->start_s[l] - j->truth.start_s[l];
    if (fabs(late_s) <= least_s) continue;
    fine = error_add(j->error, STATUS_INPUT, "start %s %.9g s: by rates and order it is at %.9g s", judged_name(j, l),
                     late_s, j->truth.start_s[l]);
  }
  return fine;
}

static bool check_makespan(const struct judge *j, double least_s) {
  double wanted_s = j->truth.makespan_s;
  if (isnan(j->claim->makespan_s)) return true;
  if (j->claim->end_s != NULL && j->problem->timing != PLACEMENT_CONTENTION) {
    wanted_s = 0;
    for (size_t l = 0; l < j->problem->n_layers; l++) wanted_s = fmax(wanted_s, j->claim->end_s[l]);
  }
  if (fabs(j->claim->makespan_s - wanted_s) <= least_s) return true;
  return error_add(j->error, STATUS_INPUT, "makespan %.9g s: %.9g s are claimed, it is %.9g s",
                   j->claim->makespan_s - wanted_s, j->claim->makespan_s, wanted_s);
}

/* --- claimed transfers ----------------------------------------------------------------------------------------------
 */

static bool is_same(const struct placement_flow *a, const struct judged_task *b) {
  const int what = b->kind == JUDGED_WRITE ? PLACEMENT_FLOW_OUTPUT
                   : b->weights            ? PLACEMENT_FLOW_WEIGHT
                                           : PLACEMENT_FLOW_INPUT;
  return b->kind != JUDGED_COMPUTE && a->layer == b->layer && a->edge == b->edge && (int)a->what == what;
}

static bool complain_of_flow(const struct judge *j, const char *what, const struct judged_task *task, double size,
                             const char *unit) {
  const char *kind = task->kind == JUDGED_WRITE ? "output" : task->weights ? "weight" : "input";
  return error_add(j->error, STATUS_INPUT, "%s %s of %s %.9g %s", what, kind, judged_name(j, task->layer), size, unit);
}

/* `last`: the channel's transfer before, or NULL. */
static bool check_flow(const struct judge *j, const struct placement_flow *flow, const struct judged_task *task,
                       const struct placement_flow *last, double least_s) {
  bool fine = true;
  const double took_s = flow->end_s - flow->start_s, bytes = (double)flow->bytes;
  if (flow->bytes != task->bytes || flow->device != task->device) {
    fine = complain_of_flow(j, "bytes", task, bytes - (double)task->bytes, "bytes, or on another device");
  }
  if (last != NULL && last->end_s - flow->start_s > least_s) {
    fine = complain_of_flow(j, "channel", task, last->end_s - flow->start_s, "s before the one ahead has ended");
  }
  const double own_s = isnan(task->fixed_s) ? task->latency_s + bytes / task->cap_bytes_per_s : task->fixed_s;
  if (own_s - took_s > least_s) {
    fine = complain_of_flow(j, "rate", task, own_s - took_s, "s faster than its link");
  } else if (fabs(flow->start_s - task->start_s) > least_s || fabs(flow->end_s - task->end_s) > least_s) {
    const double off_s = fmax(fabs(flow->start_s - task->start_s), fabs(flow->end_s - task->end_s));
    fine = complain_of_flow(j, "rate", task, off_s, "s off what the host's fair share and the order make of it");
  }
  return fine;
}

static bool check_flows(const struct judge *j, double least_s) {
  const struct placement_claim *claim = j->claim;
  const struct placement_flow **by_task = ARENA_NEW(j->arena, const struct placement_flow *, j->n_tasks);
  bool fine = true;
  for (size_t i = 0; i < claim->n_flows && !is_enough(j); i++) {
    const struct placement_flow *flow = &claim->flows[i];
    uint32_t t = 0, end = 0;
    if (flow->layer < j->problem->n_layers) t = j->first_task[flow->layer], end = j->last_task[flow->layer] + 1;
    while (t < end && (by_task[t] != NULL || !is_same(flow, &j->tasks[t]))) t++;
    if (t < end) {
      by_task[t] = flow;
    } else {
      fine = error_add(j->error, STATUS_INPUT, "transfer %zu of the claim: there is no such one, or it is there twice",
                       i + 1);
    }
  }
  const struct placement_flow **last = ARENA_NEW(j->arena, const struct placement_flow *, 2 * j->problem->n_devices);
  for (uint32_t t = 0; t < j->n_tasks && !is_enough(j); t++) {
    const struct judged_task *task = &j->tasks[t];
    if (task->kind == JUDGED_COMPUTE) continue;
    if (by_task[t] == NULL) {
      fine = complain_of_flow(j, "missing", task, (double)task->bytes, "bytes");
      continue;
    }
    const size_t channel = 2 * task->device + (task->kind == JUDGED_WRITE);
    fine = check_flow(j, by_task[t], task, last[channel], least_s) && fine;
    last[channel] = by_task[t];
  }
  return fine;
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

static void list_edges(struct judge *j) {
  const struct placement_problem *p = j->problem;
  memset(j->first_in, 0xff, p->n_layers * sizeof *j->first_in);
  memset(j->first_out, 0xff, p->n_layers * sizeof *j->first_out);
  for (uint32_t e = (uint32_t)p->n_edges; e-- > 0;) { /* backwards: lists then go forwards */
    j->in_next[e] = j->first_in[p->edges[e].to];
    j->first_in[p->edges[e].to] = e;
    j->out_next[e] = j->first_out[p->edges[e].from];
    j->first_out[p->edges[e].from] = e;
  }
}

static bool check_claims(struct judge *j) {
  const struct placement_claim *claim = j->claim;
  const bool contention = j->problem->timing == PLACEMENT_CONTENTION;
  const double least_s = tolerance * j->truth.makespan_s;
  bool fine = check_makespan(j, least_s);
  if (claim->start_s != NULL && claim->end_s != NULL) {
    fine = check_durations(j) && fine;
    fine = check_precedence(j, least_s) && fine;
    fine = check_overlap(j, least_s) && fine;
    if (contention) fine = check_starts(j, least_s) && fine;
  }
  if (contention && claim->flows != NULL) fine = check_flows(j, least_s) && fine;
  return fine;
}

static bool judge_all(struct judge *j) {
  if (!check_places(j)) return false; /* nothing else can be said */
  list_edges(j);
  bool fine = check_groups(j);
  fine = check_memory(j) && fine;
  fine = check_pieces(j) && fine;
  judge_list_tasks(j);
  const bool timed = j->problem->timing == PLACEMENT_CONTENTION ? judge_time_contention(j) : judge_time_serial(j);
  if (!timed) {
    j->truth.makespan_s = INFINITY;
    return error_add(j->error, STATUS_INPUT, "order: layers wait for each other in a circle, so some never start");
  }
  judge_totals(j);
  return check_claims(j) && fine;
}

bool placement_check(const struct placement_problem *problem, const struct placement_claim *claim, struct arena *arena,
                     struct placement_schedule *truth, struct error *error) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct judge judge = {.problem = problem,
                        .claim = claim,
                        .arena = arena,
                        .error = error,
                        .device = ARENA_NEW(arena, uint32_t, problem->n_layers),
                        .place = ARENA_NEW(arena, uint32_t, problem->n_layers),
                        .first_in = ARENA_NEW(arena, uint32_t, problem->n_layers),
                        .first_out = ARENA_NEW(arena, uint32_t, problem->n_layers),
                        .in_next = ARENA_NEW(arena, uint32_t, problem->n_edges),
                        .out_next = ARENA_NEW(arena, uint32_t, problem->n_edges),
                        .busy_s = ARENA_NEW(arena, double, problem->n_devices)};
  judge.truth = (struct placement_schedule){.start_s = ARENA_NEW(arena, double, problem->n_layers),
                                            .end_s = ARENA_NEW(arena, double, problem->n_layers)};
  if (truth != NULL) {
    judge.truth.start_s = truth->start_s, judge.truth.end_s = truth->end_s;
    judge.truth.flows = truth->flows;
  }
  judge.truth.makespan_s = INFINITY;
  const bool fine = judge_all(&judge);
  if (truth != NULL) *truth = judge.truth;
  arena_rewind(arena, mark);
  return fine;
}

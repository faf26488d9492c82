/* What is an answer worth? Checks what holds under every rule of time (memory, groups, pieces of a chain), lets the
 * problem's rule find the times, and adds up energy and period. See placement.h; placement §3. */
#include "base/checked.h"
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

/* --- what no rule of time looks at ----------------------------------------------------------------------------------
 */

static bool memory_holds(const struct placement_problem *problem, const struct placement_answer *answer) {
  if (problem->memory == PLACEMENT_UNLIMITED) return true;
  const bool pin = problem->memory == PLACEMENT_PIN;
  for (size_t d = 0; d < problem->n_devices; d++) {
    uint64_t sum = 0;
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      if (pin && answer->pinned[l]) sum += problem->weight_granules[l]; /* at most 2^17 times 2^53: fits twice */
      if (!pin) sum = sat_add(sum, problem->weight_bytes[l]);
    }
    const uint64_t hard = problem->devices[d].host ? UINT64_MAX : problem->devices[d].dram_bytes;
    if (sum > (pin ? problem->pin_granules[d] : hard)) return false;
  }
  return true;
}

static uint32_t *devices_of(const struct placement_problem *problem, const struct placement_answer *answer,
                            struct arena *scratch) {
  uint32_t *device = ARENA_NEW(scratch, uint32_t, problem->n_layers);
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) device[answer->layer[i]] = d;
  }
  return device;
}

static bool groups_hold(const struct placement_problem *problem, const struct placement_answer *answer,
                        struct arena *scratch) {
  if (problem->group == NULL) return true;
  const uint32_t *device = devices_of(problem, answer, scratch);
  uint32_t *home = ARENA_NEW(scratch, uint32_t, problem->n_groups); /* + 1 */
  for (size_t l = 0; l < problem->n_layers; l++) {
    const uint32_t g = problem->group[l];
    if (g == PLACEMENT_NONE) continue;
    if (home[g] == 0) home[g] = device[l] + 1;
    if (home[g] != device[l] + 1) return false;
  }
  return true;
}

/* Pieces of a chain exist if devices, joined by the edges between them, have no circle. */
bool placement_is_contiguous(const struct placement_problem *problem, const struct placement_answer *answer,
                             struct arena *scratch) {
  const size_t n = problem->n_devices;
  const uint32_t *device = devices_of(problem, answer, scratch);
  bool *joined = ARENA_NEW(scratch, bool, n *n);
  uint32_t *waits_for = ARENA_NEW(scratch, uint32_t, n), *ready = ARENA_NEW(scratch, uint32_t, n);
  for (size_t e = 0; e < problem->n_edges; e++) {
    const uint32_t from = device[problem->edges[e].from], to = device[problem->edges[e].to];
    if (from == to || joined[from * n + to]) continue;
    joined[from * n + to] = true;
    waits_for[to]++;
  }
  size_t n_ready = 0;
  for (uint32_t d = 0; d < n; d++) {
    if (waits_for[d] == 0) ready[n_ready++] = d;
  }
  for (size_t i = 0; i < n_ready; i++) {
    for (uint32_t d = 0; d < n; d++) {
      if (joined[ready[i] * n + d] && --waits_for[d] == 0) ready[n_ready++] = d;
    }
  }
  return n_ready == n;
}

/* --- after the times ------------------------------------------------------------------------------------------------
 */

static double energy_of(const struct placement_problem *problem, const struct placement_answer *answer,
                        const struct placement_run *run) {
  double energy_j = 0;
  if (problem->energy_j == NULL) {
    for (size_t d = 0; d < problem->n_devices; d++) energy_j += run->busy_s[d] * problem->devices[d].active_w;
    return energy_j;
  }
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      energy_j += problem->energy_j[placement_at(problem, answer->layer[i], d)];
    }
    energy_j += problem->devices[d].idle_w * (run->makespan_s - run->busy_s[d]);
  }
  const double bytes = (double)run->out_bytes + (double)run->in_bytes + (double)run->direct_bytes;
  return energy_j + problem->host.transfer_j_per_byte * bytes;
}

double placement_host_s(const struct placement_problem *problem, const struct placement_run *run) {
  return fmax((double)run->out_bytes / problem->host.out_bytes_per_s,
              (double)run->in_bytes / problem->host.in_bytes_per_s);
}

static placement_rule *rule_of(const struct placement_problem *problem) {
  if (problem->timing == PLACEMENT_DELAY) return placement_run_delay;
  if (problem->timing == PLACEMENT_CONTENTION) return placement_run_contention;
  return problem->plain ? placement_run_plain : placement_run_serial;
}

static double finish(const struct placement_problem *problem, const struct placement_answer *answer,
                     const struct placement_run *run, struct placement_schedule *schedule) {
  if (schedule == NULL) {
    if (problem->objective == PLACEMENT_MAKESPAN) return run->makespan_s;
    return problem->objective == PLACEMENT_PERIOD ? run->period_s : energy_of(problem, answer, run);
  }
  schedule->makespan_s = run->makespan_s, schedule->period_s = run->period_s;
  schedule->compute_s = run->compute_s, schedule->communication_s = run->communication_s;
  schedule->n_flows = run->n_flows;
  schedule->energy_j = energy_of(problem, answer, run);
  if (problem->objective == PLACEMENT_MAKESPAN) return run->makespan_s;
  return problem->objective == PLACEMENT_PERIOD ? run->period_s : schedule->energy_j;
}

double placement_evaluate(const struct placement_problem *problem, const struct placement_answer *answer,
                          struct arena *scratch, struct placement_schedule *schedule) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct placement_run run = {.busy_s = ARENA_NEW(scratch, double, problem->n_devices)};
  if (schedule != NULL) {
    run.start_s = schedule->start_s, run.end_s = schedule->end_s;
    run.flows = schedule->flows, run.keep_flows = schedule->flows != NULL;
    schedule->makespan_s = INFINITY;
  }
  const bool possible = memory_holds(problem, answer) && groups_hold(problem, answer, scratch) &&
                        (!problem->contiguous || placement_is_contiguous(problem, answer, scratch)) &&
                        rule_of(problem)(problem, answer, scratch, &run);
  const double value = possible ? finish(problem, answer, &run, schedule) : INFINITY;
  arena_rewind(scratch, mark);
  return value;
}

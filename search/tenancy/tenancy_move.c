/* Trials against one schedule: the two changed queues merged with the events of all others. See tenancy_move.h.
 *
 * The cost so far is known in two ways at every event: τ_max·B + excess, and all bytes + waste. Both only grow with τ,
 * so either ends a trial early: the first where time is scarce, the second where bandwidth is. */
#include "search/tenancy/tenancy_move.h"

#include "base/checked.h"
#include <string.h>

static inline tenancy_cost wide(uint64_t a, uint64_t b) { return (tenancy_cost)a * b; }
static inline uint64_t above(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

void tenancy_timeline_init(struct tenancy_timeline *timeline, const struct tenancy_problem *problem,
                           struct arena *arena) {
  const size_t n = problem->n_jobs, n_cores = problem->n_cores, n_groups = problem->n_groups, stride = n + 1;
  struct tenancy_cell *cells = ARENA_NEW(arena, struct tenancy_cell, n * n_groups);
  for (size_t j = 0; j < n; j++) {
    for (size_t c = 0; c < n_cores; c++) {
      const size_t at = tenancy_at(problem, j, c);
      cells[j * n_groups + problem->group_of[c]] =
          (struct tenancy_cell){problem->latency_cycles[at], problem->scaled[at]};
    }
  }
  *timeline = (struct tenancy_timeline){.problem = problem,
                                        .cells = cells,
                                        .stride = stride,
                                        .n_queued = ARENA_NEW(arena, uint32_t, n_cores),
                                        .job = ARENA_NEW(arena, uint32_t, n_cores * stride),
                                        .end = ARENA_NEW(arena, uint64_t, n_cores * stride),
                                        .need = ARENA_NEW(arena, uint64_t, n_cores * stride),
                                        .core_of = ARENA_NEW(arena, uint32_t, n),
                                        .place_of = ARENA_NEW(arena, uint32_t, n),
                                        .time = ARENA_NEW(arena, uint64_t, n + 2),
                                        .delta = ARENA_NEW(arena, int64_t, n + 2),
                                        .core = ARENA_NEW(arena, uint32_t, n + 2),
                                        .at = ARENA_NEW(arena, struct tenancy_checkpoint, n + 2),
                                        .jobs = ARENA_NEW(arena, uint32_t, 2 * n),
                                        .spare_core = ARENA_NEW(arena, uint32_t, n + 2),
                                        .spare_time = ARENA_NEW(arena, uint64_t, n + 2),
                                        .spare_delta = ARENA_NEW(arena, int64_t, n + 2)};
  for (size_t s = 0; s < 2; s++) {
    timeline->branch[s].time = ARENA_NEW(arena, uint64_t, n + 2);
    timeline->branch[s].delta = ARENA_NEW(arena, int64_t, n + 2);
  }
}

/* The last entry of the profile at or before τ. */
static size_t tenancy_timeline_find(const struct tenancy_timeline *timeline, uint64_t time) {
  /* Without a branch that depends on the times: they are as good as random. Entry 0 is at time 0. */
  const uint64_t *base = timeline->time;
  for (size_t n = timeline->problem->n_jobs + 1; n > 1;) {
    const size_t half = n / 2;
    base += base[half] <= time ? half : 0;
    n -= half;
  }
  return (size_t)(base - timeline->time);
}

/* --- the accepted schedule ------------------------------------------------------------------------------------------
 */

static void rank_loads(struct tenancy_timeline *timeline) {
  uint64_t load[3] = {0};
  for (size_t k = 0; k < 3; k++) timeline->fullest[k] = UINT32_MAX;
  for (size_t c = 0; c < timeline->problem->n_cores; c++) {
    const uint64_t mine = tenancy_timeline_load(timeline, c);
    size_t k = 3;
    for (; k > 0 && (timeline->fullest[k - 1] == UINT32_MAX || mine > load[k - 1]); k--) {
      if (k < 3) load[k] = load[k - 1], timeline->fullest[k] = timeline->fullest[k - 1];
    }
    if (k < 3) load[k] = mine, timeline->fullest[k] = (uint32_t)c;
  }
}

/* The queue's ends and needs, and where its jobs are, from a place on. */
static void lay_out(struct tenancy_timeline *timeline, uint32_t core, uint32_t from) {
  const size_t base = core * timeline->stride;
  uint64_t now = from == 0 ? 0 : timeline->end[base + from - 1];
  for (uint32_t i = from; i < timeline->n_queued[core]; i++) {
    const uint32_t job = timeline->job[base + i];
    const struct tenancy_cell *cell = tenancy_timeline_cell(timeline, job, core);
    timeline->end[base + i] = now += cell->length;
    timeline->need[base + i] = cell->need;
    timeline->core_of[job] = core, timeline->place_of[job] = i;
  }
  timeline->need[base + timeline->n_queued[core]] = 0;
}

/* Integrals of the profile at entries k to `last`, from that before. */
static void integrate(struct tenancy_timeline *timeline, size_t k, size_t last) {
  const uint64_t bandwidth = timeline->problem->scaled_bandwidth;
  struct tenancy_checkpoint now = timeline->at[k - 1];
  for (; k <= last; k++) {
    const uint64_t dt = timeline->time[k] - timeline->time[k - 1];
    now.excess += wide(above(now.need, bandwidth), dt);
    now.waste += wide(above(bandwidth, now.need), dt);
    now.need += (uint64_t)timeline->delta[k];
    timeline->at[k] = now;
  }
}

void tenancy_timeline_set(struct tenancy_timeline *timeline, const struct tenancy_queues *queues) {
  const struct tenancy_problem *problem = timeline->problem;
  const size_t n_cores = problem->n_cores;
  timeline->bytes = timeline->alone = 0;
  uint64_t need = 0;
  uint32_t next[TENANCY_MAX_CORES] = {0};
  for (size_t c = 0; c < n_cores; c++) {
    const uint32_t start = queues->start[c], n = queues->start[c + 1] - start;
    timeline->n_queued[c] = n;
    memcpy(timeline->job + c * timeline->stride, queues->job + start, n * sizeof(uint32_t));
    lay_out(timeline, (uint32_t)c, 0);
    need += timeline->need[c * timeline->stride];
    for (uint32_t i = 0; i < n; i++) {
      const struct tenancy_cell *cell = tenancy_timeline_cell(timeline, queues->job[start + i], c);
      timeline->bytes += wide(cell->length, cell->need);
      timeline->alone += wide(cell->length, above(cell->need, problem->scaled_bandwidth));
    }
  }
  timeline->time[0] = 0, timeline->delta[0] = 0, timeline->core[0] = UINT32_MAX;
  timeline->at[0] = (struct tenancy_checkpoint){.need = need};
  for (size_t k = 1; k <= problem->n_jobs; k++) {
    size_t first = 0;
    uint64_t soonest = UINT64_MAX;
    for (size_t c = 0; c < n_cores; c++) {
      if (next[c] == timeline->n_queued[c]) continue;
      const uint64_t end = timeline->end[c * timeline->stride + next[c]];
      if (end < soonest) soonest = end, first = c;
    }
    const uint64_t *needs = timeline->need + first * timeline->stride + next[first]++;
    timeline->time[k] = soonest, timeline->core[k] = (uint32_t)first;
    timeline->delta[k] = (int64_t)(needs[1] - needs[0]);
  }
  timeline->time[problem->n_jobs + 1] = UINT64_MAX, timeline->core[problem->n_jobs + 1] = UINT32_MAX;
  rank_loads(timeline);
  integrate(timeline, 1, problem->n_jobs);
  timeline->cost = wide(tenancy_timeline_load(timeline, timeline->fullest[0]), problem->scaled_bandwidth) +
                   timeline->at[problem->n_jobs].excess;
}

void tenancy_timeline_get(const struct tenancy_timeline *timeline, struct tenancy_queues *queues) {
  uint32_t at = 0;
  for (size_t c = 0; c < timeline->problem->n_cores; c++) {
    queues->start[c] = at;
    memcpy(queues->job + at, timeline->job + c * timeline->stride, timeline->n_queued[c] * sizeof(uint32_t));
    at += timeline->n_queued[c];
  }
  queues->start[timeline->problem->n_cores] = at;
}

/* --- a trial --------------------------------------------------------------------------------------------------------
 */

/* A branch while it is written. */
struct growth {
  size_t n;
  uint64_t now, need; /* end and need of the last job; before the first: where it starts */
};

static inline void grow(struct tenancy_branch *branch, struct growth *growth, const struct tenancy_cell *cell) {
  if (growth->n == 0) {
    branch->first = cell->need;
  } else {
    branch->delta[growth->n - 1] = (int64_t)(cell->need - growth->need);
  }
  growth->now += cell->length, growth->need = cell->need;
  branch->time[growth->n++] = growth->now;
}

/* Jobs of a core's queue, as they would run on the branch's core. */
static inline void grow_run(const struct tenancy_timeline *timeline, struct tenancy_branch *branch,
                            struct growth *growth, const uint32_t *jobs, uint32_t count) {
  const size_t n_groups = timeline->problem->n_groups;
  const struct tenancy_cell *cells = timeline->cells + timeline->problem->group_of[branch->core];
  for (uint32_t i = 0; i < count; i++) grow(branch, growth, &cells[jobs[i] * n_groups]);
}

/* What follows on the branch's own core from place `rest` on: aligned with the old schedule, or shifted. */
static void grow_rest(const struct tenancy_timeline *timeline, struct tenancy_branch *branch, struct growth *growth,
                      uint32_t rest) {
  const size_t base = branch->core * timeline->stride;
  const uint64_t *end = timeline->end + base + rest, *need = timeline->need + base + rest;
  const uint64_t shift = growth->now - (rest == 0 ? 0 : end[-1]);
  if (growth->n == 0) {
    branch->first = need[0];
  } else {
    branch->delta[growth->n - 1] = (int64_t)(need[0] - growth->need);
  }
  const size_t n = growth->n, left = timeline->n_queued[branch->core] - rest;
  for (size_t i = 0; i < left; i++) branch->time[n + i] = end[i] + shift;
  for (size_t i = 0; i < left; i++) branch->delta[n + i] = (int64_t)(need[i + 1] - need[i]);
  branch->time[n + left] = UINT64_MAX, branch->delta[n + left] = 0;
  branch->join = shift == 0 ? growth->now : UINT64_MAX;
}

static void start_branch(const struct tenancy_timeline *timeline, struct tenancy_branch *branch, uint32_t core,
                         uint32_t place, struct growth *growth) {
  const size_t base = core * timeline->stride;
  branch->core = core;
  branch->start = place == 0 ? 0 : timeline->end[base + place - 1];
  branch->before = timeline->need[base + place];
  *growth = (struct growth){.now = branch->start};
}

/* A trial on its way along τ. */
struct sweep {
  uint64_t now, need;
  size_t next;      /* of the profile */
  uint64_t longest; /* the largest load after the move, where all ends */
  tenancy_cost excess, waste, most_excess, most_waste;
};

static inline void pass(struct sweep *sweep, uint64_t bandwidth, uint64_t then) {
  const int64_t over = (int64_t)(sweep->need - bandwidth), sign = -(int64_t)((uint64_t)over >> 63);
  const uint64_t dt = then - sweep->now;
  sweep->excess += wide((uint64_t)(over & ~sign), dt);
  sweep->waste += wide((uint64_t)(-over & sign), dt);
  sweep->now = then;
}

static inline void end_job(const struct tenancy_branch *branch, size_t *at, struct sweep *sweep) {
  const uint64_t ends = branch->time[*at] == sweep->now;
  sweep->need += (uint64_t)branch->delta[*at] & -ends;
  *at += ends;
}

/* Follows the profile without the cores of the branches, and the branches in their place, up to `stop`; false once the
 * integrals are more than allowed. No step branches on which queue is next: that is as good as random. */
static inline __attribute__((always_inline)) bool follow(const struct tenancy_timeline *timeline, struct sweep *outer,
                                                         const struct tenancy_branch *a, const struct tenancy_branch *b,
                                                         size_t at[2], uint64_t stop) {
  stop = min_u64(stop, outer->longest);
  const uint64_t bandwidth = timeline->problem->scaled_bandwidth;
  const uint64_t *time = timeline->time;
  const uint32_t a_core = a->core, b_core = b != NULL ? b->core : a->core;
  struct sweep sweep = *outer;
  for (;;) {
    uint64_t then = time[sweep.next] < a->time[at[0]] ? time[sweep.next] : a->time[at[0]];
    if (b != NULL) then = b->time[at[1]] < then ? b->time[at[1]] : then;
    if (then > stop) break;
    pass(&sweep, bandwidth, then);
    if (sweep.excess > sweep.most_excess || sweep.waste > sweep.most_waste) return false;
    const uint32_t core = timeline->core[sweep.next];
    const uint64_t mine = time[sweep.next] == then, others = (core != a_core) & (core != b_core);
    sweep.need += (uint64_t)timeline->delta[sweep.next] & -(mine & others);
    sweep.next += mine;
    end_job(a, &at[0], &sweep);
    if (b != NULL) end_job(b, &at[1], &sweep);
  }
  pass(&sweep, bandwidth, stop);
  *outer = sweep;
  return sweep.excess <= sweep.most_excess && sweep.waste <= sweep.most_waste;
}

/* The accepted schedule's integrals up to τ, which lies in or at the start of entry k. */
static inline struct tenancy_checkpoint checkpoint_at(const struct tenancy_timeline *timeline, size_t k,
                                                      uint64_t time) {
  const uint64_t bandwidth = timeline->problem->scaled_bandwidth;
  struct tenancy_checkpoint at = timeline->at[k];
  at.excess += wide(above(at.need, bandwidth), time - timeline->time[k]);
  at.waste += wide(above(bandwidth, at.need), time - timeline->time[k]);
  return at;
}

/* Skips to τ, where the schedule tried has run as the accepted one since the sweep's time. */
static inline void skip(const struct tenancy_timeline *timeline, struct sweep *sweep, uint64_t time) {
  const struct tenancy_checkpoint from = checkpoint_at(timeline, sweep->next - 1, sweep->now);
  const size_t k = tenancy_timeline_find(timeline, time);
  const struct tenancy_checkpoint to = checkpoint_at(timeline, k, time);
  sweep->excess += to.excess - from.excess, sweep->waste += to.waste - from.waste;
  sweep->next = k + 1, sweep->now = time, sweep->need = to.need;
}

/* Both branches, from the earlier start to the end. */
static bool follow_both(const struct tenancy_timeline *timeline, struct sweep *sweep, const struct tenancy_branch *a,
                        const struct tenancy_branch *b) {
  size_t at[2] = {0, 0};
  const uint64_t alone = min_u64(a->join, b->start);
  skip(timeline, sweep, a->start);
  sweep->need += a->first - a->before;
  if (!follow(timeline, sweep, a, NULL, at, alone)) return false;
  if (a->join <= b->start) {
    skip(timeline, sweep, b->start);
    sweep->need += b->first - b->before;
    at[0] = 0;
    return follow(timeline, sweep, b, NULL, at, b->join);
  }
  sweep->need += b->first - b->before;
  return follow(timeline, sweep, a, b, at, max_u64(a->join, b->join));
}

/* What a trial changes in the sums, which need no profile. */
struct sums {
  uint64_t length[2]; /* of the runs, each on the core that it leaves */
  uint64_t pasted[2]; /* and on the one that it comes to: pasted[0] goes to core[0] */
  tenancy_cost bytes, alone;
};

/* Takes a run from one core's sums to the other's; false if a job cannot run there. */
static bool carry(const struct tenancy_timeline *timeline, const struct tenancy_move *move, size_t from,
                  struct sums *sums) {
  const uint64_t bandwidth = timeline->problem->scaled_bandwidth;
  const uint32_t *group_of = timeline->problem->group_of, *core = move->core;
  const uint32_t *jobs = timeline->job + core[from] * timeline->stride + move->place[from];
  const size_t n_groups = timeline->problem->n_groups;
  bool runs = true;
  for (uint32_t i = 0; i < move->count[from]; i++) {
    const struct tenancy_cell *row = timeline->cells + jobs[i] * n_groups;
    const struct tenancy_cell old = row[group_of[core[from]]], new = row[group_of[core[1 - from]]];
    runs = runs && new.length != 0;
    sums->length[from] += old.length, sums->pasted[1 - from] += new.length;
    sums->bytes += wide(new.length, new.need) - wide(old.length, old.need);
    sums->alone += wide(new.length, above(new.need, bandwidth)) - wide(old.length, above(old.need, bandwidth));
  }
  return runs;
}

/* The largest load after the move. */
static uint64_t longest_load(const struct tenancy_timeline *timeline, const struct tenancy_move *move,
                             const struct sums *sums) {
  uint64_t longest = 0;
  for (size_t k = 0; k < 3; k++) {
    const uint32_t core = timeline->fullest[k];
    if (core == UINT32_MAX || core == move->core[0] || core == move->core[1]) continue;
    longest = tenancy_timeline_load(timeline, core);
    break;
  }
  for (size_t s = 0; s < 2; s++) {
    const uint64_t load = tenancy_timeline_load(timeline, move->core[s]) - sums->length[s] + sums->pasted[s];
    longest = max_u64(longest, load);
  }
  return longest;
}

/* One queue: the runs change places around what lies between. The rest is aligned as before. */
static void branch_within(struct tenancy_timeline *timeline, const struct tenancy_move *move) {
  struct growth growth;
  struct tenancy_branch *branch = &timeline->branch[0];
  start_branch(timeline, branch, move->core[0], move->place[0], &growth);
  const uint32_t *jobs = timeline->job + move->core[0] * timeline->stride;
  const uint32_t between = move->place[0] + move->count[0];
  grow_run(timeline, branch, &growth, jobs + move->place[1], move->count[1]);
  grow_run(timeline, branch, &growth, jobs + between, move->place[1] - between);
  grow_run(timeline, branch, &growth, jobs + move->place[0], move->count[0]);
  grow_rest(timeline, branch, &growth, move->place[1] + move->count[1]);
}

static void branch_across(struct tenancy_timeline *timeline, const struct tenancy_move *move, size_t s) {
  struct growth growth;
  struct tenancy_branch *branch = &timeline->branch[s];
  start_branch(timeline, branch, move->core[s], move->place[s], &growth);
  const uint32_t *jobs = timeline->job + move->core[1 - s] * timeline->stride;
  grow_run(timeline, branch, &growth, jobs + move->place[1 - s], move->count[1 - s]);
  grow_rest(timeline, branch, &growth, move->place[s] + move->count[s]);
}

static bool follow_one(const struct tenancy_timeline *timeline, struct sweep *sweep, const struct tenancy_branch *a) {
  size_t at[2] = {0, 0};
  skip(timeline, sweep, a->start);
  sweep->need += a->first - a->before;
  return follow(timeline, sweep, a, NULL, at, a->join);
}

bool tenancy_timeline_try(struct tenancy_timeline *timeline, const struct tenancy_move *move, tenancy_cost most) {
  const bool within = move->core[0] == move->core[1];
  struct sums sums = {.bytes = timeline->bytes, .alone = timeline->alone};
  if (!within && (!carry(timeline, move, 0, &sums) || !carry(timeline, move, 1, &sums))) return false;
  const uint64_t longest = longest_load(timeline, move, &sums);
  const tenancy_cost load_cost = wide(longest, timeline->problem->scaled_bandwidth);
  if (load_cost + sums.alone > most || sums.bytes > most) return false;
  struct sweep sweep = {
      .next = 1, .longest = longest, .most_excess = most - load_cost, .most_waste = most - sums.bytes};
  const struct tenancy_branch *branch = timeline->branch;
  bool fine;
  if (within) {
    branch_within(timeline, move);
    fine = follow_one(timeline, &sweep, &branch[0]);
  } else {
    branch_across(timeline, move, 0);
    branch_across(timeline, move, 1);
    const size_t first = branch[1].start < branch[0].start;
    fine = follow_both(timeline, &sweep, &branch[first], &branch[1 - first]);
  }
  if (!fine) return false;
  const struct tenancy_checkpoint *end = &timeline->at[timeline->problem->n_jobs];
  const struct tenancy_checkpoint here = checkpoint_at(timeline, sweep.next - 1, sweep.now);
  const bool joined = within || (branch[0].join != UINT64_MAX && branch[1].join != UINT64_MAX);
  if (joined) sweep.excess += end->excess - here.excess;
  if (load_cost + sweep.excess > most) return false;
  timeline->tried = *move;
  timeline->tried_cost = load_cost + sweep.excess;
  timeline->tried_bytes = sums.bytes, timeline->tried_alone = sums.alone;
  return true;
}

/* --- taking it ------------------------------------------------------------------------------------------------------
 */

/* Appends jobs of a queue to a list. */
static uint32_t *list(const struct tenancy_timeline *timeline, uint32_t *out, uint32_t core, uint32_t from,
                      uint32_t to) {
  memcpy(out, timeline->job + core * timeline->stride + from, (to - from) * sizeof *out);
  return out + (to - from);
}

static void exchange(struct tenancy_timeline *timeline, const struct tenancy_move *move) {
  const uint32_t *core = move->core, *place = move->place, *count = move->count;
  const uint32_t behind[2] = {place[0] + count[0], place[1] + count[1]};
  uint32_t *const a = timeline->jobs, *b, *end;
  if (core[0] == core[1]) {
    end = list(timeline, a, core[0], place[1], behind[1]);
    end = list(timeline, end, core[0], behind[0], place[1]);
    end = list(timeline, end, core[0], place[0], behind[0]);
    memcpy(timeline->job + core[0] * timeline->stride + place[0], a, (size_t)(end - a) * sizeof *a);
    lay_out(timeline, core[0], place[0]);
    return;
  }
  b = list(timeline, a, core[1], place[1], behind[1]);
  b = list(timeline, b, core[0], behind[0], timeline->n_queued[core[0]]);
  end = list(timeline, b, core[0], place[0], behind[0]);
  end = list(timeline, end, core[1], behind[1], timeline->n_queued[core[1]]);
  memcpy(timeline->job + core[0] * timeline->stride + place[0], a, (size_t)(b - a) * sizeof *a);
  memcpy(timeline->job + core[1] * timeline->stride + place[1], b, (size_t)(end - b) * sizeof *a);
  timeline->n_queued[core[0]] = place[0] + (uint32_t)(b - a);
  timeline->n_queued[core[1]] = place[1] + (uint32_t)(end - b);
  for (size_t s = 0; s < 2; s++) lay_out(timeline, core[s], place[s]);
}

/* Writes the profile anew at entries k to `last`, where the queues of two cores have changed from their places on. */
static void renew(struct tenancy_timeline *timeline, size_t k, size_t last, const struct tenancy_move *move) {
  size_t old = k;
  const uint64_t since = timeline->time[k - 1];
  const size_t n_sides = move->core[0] == move->core[1] ? 1 : 2;
  const uint64_t *end[2];
  uint32_t next[2];
  for (size_t s = 0; s < n_sides; s++) { /* the first end behind the last entry that stays */
    end[s] = timeline->end + move->core[s] * timeline->stride;
    next[s] = move->place[s];
    while (next[s] > 0 && end[s][next[s] - 1] > since) next[s]--;
  }
  for (size_t new = k; new <= last; new ++) {
    size_t side = 2;
    uint64_t soonest = UINT64_MAX;
    for (size_t s = 0; s < n_sides; s++) {
      if (next[s] == timeline->n_queued[move->core[s]] || end[s][next[s]] >= soonest) continue;
      soonest = end[s][next[s]], side = s;
    }
    while (timeline->core[old] == move->core[0] || timeline->core[old] == move->core[1]) old++;
    if (side == 2 || timeline->time[old] <= soonest) {
      timeline->spare_time[new] = timeline->time[old], timeline->spare_core[new] = timeline->core[old];
      timeline->spare_delta[new] = timeline->delta[old++];
      continue;
    }
    const uint64_t *needs = timeline->need + move->core[side] * timeline->stride + next[side]++;
    timeline->spare_time[new] = soonest, timeline->spare_core[new] = move->core[side];
    timeline->spare_delta[new] = (int64_t)(needs[1] - needs[0]);
  }
  memcpy(timeline->time + k, timeline->spare_time + k, (last + 1 - k) * sizeof *timeline->time);
  memcpy(timeline->delta + k, timeline->spare_delta + k, (last + 1 - k) * sizeof *timeline->delta);
  memcpy(timeline->core + k, timeline->spare_core + k, (last + 1 - k) * sizeof *timeline->core);
}

void tenancy_timeline_take(struct tenancy_timeline *timeline) {
  const struct tenancy_move *move = &timeline->tried;
  const size_t n = timeline->problem->n_jobs, n_sides = move->core[0] == move->core[1] ? 1 : 2;
  uint64_t start = UINT64_MAX, join = 0, need = timeline->at[0].need;
  for (size_t s = 0; s < n_sides; s++) {
    start = min_u64(start, timeline->branch[s].start), join = max_u64(join, timeline->branch[s].join);
    need -= timeline->need[move->core[s] * timeline->stride];
  }
  exchange(timeline, move);
  for (size_t s = 0; s < n_sides; s++) need += timeline->need[move->core[s] * timeline->stride];
  timeline->at[0].need = need;
  /* Behind the join there are as many entries as before, and the same ones. */
  const size_t k = start == 0 ? 1 : tenancy_timeline_find(timeline, start - 1) + 1;
  const size_t last = join == UINT64_MAX ? n : tenancy_timeline_find(timeline, join);
  if (last >= k) {
    const struct tenancy_checkpoint past = timeline->at[last];
    renew(timeline, k, last, move);
    integrate(timeline, k, last);
    const tenancy_cost more_excess = timeline->at[last].excess - past.excess;
    const tenancy_cost more_waste = timeline->at[last].waste - past.waste;
    for (size_t i = last + 1; i <= n && (more_excess != 0 || more_waste != 0); i++) {
      timeline->at[i].excess += more_excess, timeline->at[i].waste += more_waste;
    }
  }
  if (join == UINT64_MAX) rank_loads(timeline);
  timeline->cost = timeline->tried_cost;
  timeline->bytes = timeline->tried_bytes, timeline->alone = timeline->tried_alone;
}

/* Drawing moves and taking them. See tenancy_anneal.h. */
#include "search/tenancy/tenancy_anneal.h"

#include "base/checked.h"
#include "base/num.h"
#include <math.h>

const double tenancy_move_weights[TENANCY_N_MOVE_KINDS] = {
    [TENANCY_RELOCATE] = 0.3,      [TENANCY_SWAP] = 0.3,  [TENANCY_SWAP_WITHIN] = 0.1,
    [TENANCY_INSERT_WITHIN] = 0.1, [TENANCY_TAILS] = 0.1, [TENANCY_BESIDE] = 0.1,
};

void tenancy_annealing_init(struct tenancy_annealing *annealing, const struct tenancy_problem *problem,
                            const double *weight, struct tenancy_meter *meter, struct arena *arena) {
  *annealing = (struct tenancy_annealing){.meter = meter, .queues = tenancy_queues_new(problem, arena)};
  tenancy_timeline_init(&annealing->timeline, problem, arena);
  double sum = 0, below = 0;
  for (size_t k = 0; k < TENANCY_N_MOVE_KINDS; k++) sum += weight[k];
  for (size_t k = 0; k < TENANCY_N_MOVE_KINDS; k++) {
    below += weight[k];
    annealing->up_to[k] = (uint64_t)(4294967296.0 * (below / sum));
  }
  annealing->up_to[TENANCY_N_MOVE_KINDS - 1] = UINT64_C(1) << 32;
  for (size_t q = 0; q < TENANCY_N_QUANTILES; q++) {
    annealing->quantiles[q] = (uint32_t)(-num_log(((double)q + 0.5) / TENANCY_N_QUANTILES) * 16777216.0);
  }
}

/* 32 random bits as a number below n: the bias of less than n / 2³² is of no matter here. */
static inline uint32_t below(uint64_t bits, uint32_t n) { return (uint32_t)(((bits & 0xffffffffu) * n) >> 32); }

/* The place of a core where the job starts that runs at τ, or that behind it. */
static uint32_t place_at(const struct tenancy_timeline *timeline, uint32_t core, uint64_t time, bool behind) {
  const uint64_t *end = timeline->end + core * timeline->stride;
  uint32_t low = 0;
  for (uint32_t n = timeline->n_queued[core]; n > 0;) { /* ends at or before τ */
    const uint32_t half = n / 2;
    if (end[low + half] <= time) {
      low += half + 1, n -= half + 1;
    } else {
      n = half;
    }
  }
  return behind && low < timeline->n_queued[core] ? low + 1 : low;
}

static inline uint64_t start_of(const struct tenancy_timeline *timeline, uint32_t core, uint32_t place) {
  return place == 0 ? 0 : timeline->end[core * timeline->stride + place - 1];
}

/* False if what was drawn changes nothing: draw again. */
static bool draw_move(struct tenancy_annealing *annealing, enum tenancy_move_kind kind, struct tenancy_move *move) {
  const struct tenancy_timeline *timeline = &annealing->timeline;
  const struct tenancy_problem *problem = timeline->problem;
  const uint32_t n = (uint32_t)problem->n_jobs, *class_of = problem->class_of;
  const uint64_t bits = rng_next(&annealing->rng), more = rng_next(&annealing->rng);
  const uint32_t job = below(bits, n), core = timeline->core_of[job], place = timeline->place_of[job];
  const uint32_t n_here = timeline->n_queued[core];
  if (kind == TENANCY_SWAP) {
    const uint32_t other = below(more, n), there = timeline->core_of[other];
    *move = (struct tenancy_move){{core, there}, {place, timeline->place_of[other]}, {1, 1}};
    return there != core && class_of[job] != class_of[other];
  }
  if (kind == TENANCY_SWAP_WITHIN || kind == TENANCY_INSERT_WITHIN) {
    if (n_here < 2) return false;
    uint32_t other = below(more, n_here - 1);
    other += other >= place;
    const uint32_t low = min_u64(place, other), high = max_u64(place, other);
    *move = (struct tenancy_move){{core, core}, {low, high}, {1, 1}};
    if (kind == TENANCY_INSERT_WITHIN) {
      *move = place < other ? (struct tenancy_move){{core, core}, {place, other + 1}, {1, 0}}
                            : (struct tenancy_move){{core, core}, {other, place}, {0, 1}};
    }
    const uint32_t *jobs = timeline->job + core * timeline->stride;
    return class_of[jobs[low]] != class_of[jobs[high]];
  }
  if (problem->n_cores < 2) return false;
  uint32_t there = below(more, (uint32_t)problem->n_cores - 1);
  there += there >= core;
  const uint32_t n_there = timeline->n_queued[there];
  if (kind == TENANCY_RELOCATE) {
    *move = (struct tenancy_move){{core, there}, {place, below(more >> 32, n_there + 1)}, {1, 0}};
    return true;
  }
  const uint32_t beside = place_at(timeline, there, start_of(timeline, core, place), more >> 63 != 0);
  *move = (struct tenancy_move){{core, there}, {place, beside}, {1, 0}};
  if (kind == TENANCY_TAILS) move->count[0] = n_here - place, move->count[1] = n_there - beside;
  return true;
}

/* A move that changes something, if one is found soon. */
static enum tenancy_move_kind draw(struct tenancy_annealing *annealing, struct tenancy_move *move) {
  enum { MOST_DRAWS = 32 };
  enum tenancy_move_kind kind = 0;
  for (size_t i = 0; i < MOST_DRAWS; i++) {
    const uint64_t bits = rng_next(&annealing->rng) >> 32;
    for (kind = 0; bits >= annealing->up_to[kind];) kind++;
    if (draw_move(annealing, kind, move)) return kind;
  }
  *move = (struct tenancy_move){0}; /* two empty runs of the first core */
  return kind;
}

static void report(struct tenancy_annealing *annealing) {
  const bool better = annealing->timeline.cost < annealing->meter->best_cost;
  if (better) tenancy_timeline_get(&annealing->timeline, &annealing->queues);
  tenancy_meter_moves(annealing->meter, annealing->unreported, better ? &annealing->queues : NULL,
                      annealing->timeline.cost);
  annealing->unreported = 0;
}

double tenancy_cooling_at(const struct tenancy_cooling *cooling, uint64_t sample) {
  const double share = cooling->total > 0 ? (double)sample / (double)cooling->total : 1;
  return cooling->hot * num_pow(cooling->cold / cooling->hot, share < 1 ? share : 1);
}

void tenancy_annealing_run(struct tenancy_annealing *annealing, uint64_t n, const struct tenancy_cooling *cooling) {
  enum { STEP = 64 }; /* samples at one temperature */
  struct tenancy_timeline *timeline = &annealing->timeline;
  const struct tenancy_meter *meter = annealing->meter;
  n = min_u64(n, meter->limit - meter->n_samples);
  const uint64_t first = meter->before + meter->n_samples;
  uint64_t unit = 0; /* of the temperature, times 2^shift */
  int shift = 0;
  for (uint64_t i = first; i < first + n && timeline->cost > annealing->target; i++) {
    if (i % STEP == 0 || i == first) {
      unit = (uint64_t)(frexp(tenancy_cooling_at(cooling, i - i % STEP), &shift) * 4294967296.0);
      shift -= 32 + 24;
    }
    struct tenancy_move move;
    const enum tenancy_move_kind kind = draw(annealing, &move);
    const tenancy_cost step = (tenancy_cost)unit * annealing->quantiles[rng_next(&annealing->rng) >> 52];
    const tenancy_cost most = timeline->cost + (shift < 0 ? step >> -shift : step << shift);
    annealing->unreported++;
    annealing->n_tried[kind]++;
    if (!tenancy_timeline_try(timeline, &move, most)) continue;
    tenancy_timeline_take(timeline);
    annealing->n_taken[kind]++;
    if (timeline->cost < meter->best_cost) report(annealing);
  }
  report(annealing);
}

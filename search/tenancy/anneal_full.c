/* How far does plain annealing get on any objective? See anneal_full.h. (Metropolis' rule; Kirkpatrick, Gelatt, Vecchi
 * 1983.)
 *
 * It starts from the best of a few rules: jobs ordered by length, by the path behind them, by deadline, each to the
 * core where it ends first or where it costs least energy. */
#include "search/tenancy/anneal_full.h"

#include "base/checked.h"
#include "base/num.h"
#include "search/tenancy/tenancy_goal.h"
#include "search/tenancy/tenancy_seeds.h"
#include <math.h>
#include <string.h>

/* As shares of the best value so far; moves are measured against it, not against a gap that may be all of it. */
static const double hot = 3e-3, cold = 1e-6;

/* --- starts ---------------------------------------------------------------------------------------------------------
 */

static double shortest(const struct tenancy_problem *problem, size_t job) {
  double least = INFINITY;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!tenancy_can_run(problem, job, c)) continue;
    const size_t at = tenancy_at(problem, job, c);
    const double latency = (double)problem->latency_cycles[at];
    least = fmin(least, fmax(latency, latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle));
  }
  return least;
}

enum key { BY_PATH, BY_LENGTH, BY_DEADLINE, BY_RELEASE, N_KEYS };

/* −(own length + the longest path behind it), its own length, its deadline, when it can begin. */
static void fill_keys(const struct tenancy_problem *problem, enum key by, struct arena *scratch, double *key) {
  const size_t n = problem->n_jobs;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *order = ARENA_NEW(scratch, uint32_t, n);
  if (by == BY_PATH) {
    tenancy_order_by(problem, ARENA_NEW(scratch, double, n), scratch, order);
    double *behind = ARENA_NEW(scratch, double, n);
    for (size_t i = n; i-- > 0;) {
      const uint32_t job = order[i];
      key[job] = -(behind[job] + shortest(problem, job));
      if (problem->pred_start == NULL) continue;
      for (uint32_t e = problem->pred_start[job]; e < problem->pred_start[job + 1]; e++) {
        behind[problem->preds[e]] = fmax(behind[problem->preds[e]], -key[job]);
      }
    }
  }
  for (size_t j = 0; j < n && by != BY_PATH; j++) {
    const uint64_t *release = problem->release_cycles, *deadline = problem->deadline_cycles;
    key[j] = by == BY_LENGTH     ? shortest(problem, j)
             : by == BY_DEADLINE ? (deadline == NULL ? 0 : (double)deadline[j])
             : release == NULL   ? 0
                                 : (double)release[j];
  }
  arena_rewind(scratch, mark);
}

/* Jobs in order, each to the core where it ends first (by loads and what it waits for, all the bandwidth its own) or,
 * `thrifty`, where it needs least energy, of equals where it ends first. */
static void place(const struct tenancy_problem *problem, const uint32_t *order, bool thrifty, struct arena *scratch,
                  struct tenancy_queues *queues) {
  const size_t n = problem->n_jobs;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tenancy_answer answer = tenancy_answer_new(problem, scratch);
  double load[TENANCY_MAX_CORES] = {0}, *end = ARENA_NEW(scratch, double, n);
  for (size_t i = 0; i < n; i++) {
    const uint32_t job = order[i];
    double ready = problem->release_cycles == NULL ? 0 : (double)problem->release_cycles[job];
    for (uint32_t e = 0; problem->pred_start != NULL && e < problem->pred_start[job + 1] - problem->pred_start[job];
         e++) {
      ready = fmax(ready, end[problem->preds[problem->pred_start[job] + e]]);
    }
    size_t best = problem->n_cores;
    double least = 0, least_nj = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (!tenancy_can_run(problem, job, c)) continue;
      const size_t at = tenancy_at(problem, job, c);
      const double latency = (double)problem->latency_cycles[at], nj = thrifty ? problem->energy_nj[at] : 0;
      const double ends = fmax(load[c], ready) +
                          fmax(latency, latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle);
      if (best < problem->n_cores && (nj > least_nj || (!(nj < least_nj) && ends >= least))) continue;
      best = c, least = ends, least_nj = nj;
    }
    answer.core[job] = (uint32_t)best, answer.priority[job] = (double)i;
    load[best] = end[job] = least;
  }
  tenancy_queue_up(problem, &answer, queues);
  arena_rewind(scratch, mark);
}

static size_t n_placed(const struct tenancy_problem *problem) {
  return problem->energy_nj != NULL ? 2 * N_KEYS : N_KEYS;
}

/* Start number `number` < n_placed. */
static void place_start(const struct tenancy_problem *problem, size_t number, struct arena *scratch,
                        struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *key = ARENA_NEW(scratch, double, problem->n_jobs);
  uint32_t *order = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  fill_keys(problem, (enum key)(number % N_KEYS), scratch, key);
  tenancy_order_by(problem, key, scratch, order);
  place(problem, order, number >= N_KEYS, scratch, queues);
  arena_rewind(scratch, mark);
}

/* --- moves ----------------------------------------------------------------------------------------------------------
 */

static size_t core_at(const struct tenancy_problem *problem, const struct tenancy_queues *queues, uint32_t place) {
  size_t core = 0;
  while (core + 1 < problem->n_cores && queues->start[core + 1] <= place) core++;
  return core;
}

/* The job at `from` goes to place `to` of `core`, places counted without it. */
static void carry(const struct tenancy_problem *problem, struct tenancy_queues *queues, uint32_t from, size_t core,
                  uint32_t to) {
  const uint32_t job = queues->job[from];
  const size_t old = core_at(problem, queues, from);
  if (from < to) {
    memmove(queues->job + from, queues->job + from + 1, (to - from) * sizeof *queues->job);
  } else {
    memmove(queues->job + to + 1, queues->job + to, (from - to) * sizeof *queues->job);
  }
  queues->job[to] = job;
  for (size_t c = old + 1; c <= core; c++) queues->start[c]--;
  for (size_t c = core + 1; c <= old; c++) queues->start[c]++;
}

static bool swap(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_queues *queues) {
  const uint32_t a = (uint32_t)rng_below(rng, problem->n_jobs), b = (uint32_t)rng_below(rng, problem->n_jobs);
  const uint32_t x = queues->job[a], y = queues->job[b];
  if (problem->class_of[x] == problem->class_of[y] || !tenancy_can_run(problem, x, core_at(problem, queues, b)) ||
      !tenancy_can_run(problem, y, core_at(problem, queues, a))) {
    return false;
  }
  queues->job[a] = y, queues->job[b] = x;
  return true;
}

static bool relocate(const struct tenancy_problem *problem, bool within, struct rng *rng,
                     struct tenancy_queues *queues) {
  const uint32_t from = (uint32_t)rng_below(rng, problem->n_jobs);
  const size_t here = core_at(problem, queues, from);
  const size_t there = within ? here : rng_below(rng, problem->n_cores);
  if (!tenancy_can_run(problem, queues->job[from], there) || (!within && here == there)) return false;
  const uint32_t start = queues->start[there] - (there > here), n = queues->start[there + 1] - queues->start[there];
  const uint32_t places = within ? n : n + 1;
  const uint32_t to = start + (uint32_t)rng_below(rng, places);
  if (within && to == from) return false;
  carry(problem, queues, from, there, to);
  return true;
}

bool anneal_full_change(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_queues *queues) {
  enum { MOST_DRAWS = 32 };
  for (size_t i = 0; i < MOST_DRAWS; i++) {
    const uint64_t kind = rng_below(rng, 10);
    if (kind < 4 ? swap(problem, rng, queues) : relocate(problem, kind < 6, rng, queues)) return true;
  }
  return false;
}

/* --- annealing ------------------------------------------------------------------------------------------------------
 * Sample i draws from a stream of its own, so that rounds do not matter. */

struct walk {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds; /* for the last start; NULL: none */
  struct tenancy_meter *meter;
  uint64_t seed, island, total; /* samples of the whole search */
  enum rng_purpose purpose;
  tenancy_cost target;   /* nothing is better */
  const uint32_t *first; /* as in anneal_full.h */
  struct tenancy_queues now, trial;
  tenancy_cost cost; /* of now */
};

/* What runs already comes to the head of its queue. */
static void keep_first(const struct walk *walk, struct tenancy_queues *queues) {
  for (size_t c = 0; walk->first != NULL && c < walk->problem->n_cores; c++) {
    uint32_t *jobs = queues->job + queues->start[c];
    size_t at = 0;
    if (walk->first[c] == UINT32_MAX) continue;
    while (jobs[at] != walk->first[c]) at++;
    memmove(jobs + 1, jobs, at * sizeof *jobs);
    jobs[0] = walk->first[c];
  }
}

static size_t n_starts(const struct walk *walk) { return n_placed(walk->problem) + (walk->bounds != NULL); }

static uint64_t n_done(const struct walk *walk) { return walk->meter->before + walk->meter->n_samples; }

static struct walk new_walk(const struct tenancy_problem *problem, struct tenancy_meter *meter, struct arena *arena) {
  return (struct walk){.problem = problem,
                       .meter = meter,
                       .now = tenancy_queues_new(problem, arena),
                       .trial = tenancy_queues_new(problem, arena)};
}

/* Each start is a sample; then the best of them is where annealing begins. */
static void start(struct walk *walk, struct arena *scratch) {
  while (n_done(walk) < n_starts(walk) && !tenancy_meter_full(walk->meter)) {
    const size_t number = (size_t)n_done(walk);
    if (number < n_placed(walk->problem)) {
      place_start(walk->problem, number, scratch, &walk->trial);
    } else {
      tenancy_seed_best(walk->problem, walk->bounds, scratch, &walk->trial);
    }
    keep_first(walk, &walk->trial);
    tenancy_meter_queues(walk->meter, &walk->trial);
  }
  tenancy_queues_copy(walk->problem, &walk->meter->best, &walk->now);
  walk->cost = walk->meter->best_cost;
}

/* Until the meter is full or the target is reached. */
static void anneal(struct walk *walk) {
  const struct tenancy_problem *problem = walk->problem;
  struct tenancy_meter *meter = walk->meter;
  while (!tenancy_meter_full(meter) && meter->best_cost > walk->target) {
    struct rng rng = rng_stream(walk->seed, walk->purpose, n_done(walk), walk->island);
    const double at = (double)n_done(walk) / (double)walk->total;
    const double temperature = (double)meter->best_cost * hot * num_pow(cold / hot, at);
    tenancy_queues_copy(problem, &walk->now, &walk->trial);
    if (!anneal_full_change(problem, &rng, &walk->trial)) {
      tenancy_meter_moves(meter, 1, NULL, 0);
      continue;
    }
    keep_first(walk, &walk->trial);
    const double most = (double)walk->cost - temperature * num_log(1 - rng_unit(&rng));
    const tenancy_cost cost = tenancy_meter_queues(meter, &walk->trial);
    if ((double)cost > most && cost > walk->cost) continue;
    walk->cost = cost;
    tenancy_queues_copy(problem, &walk->trial, &walk->now);
  }
}

/* Leaves the best answer and, where there is room, the one at work. */
static void leave(const struct walk *walk, struct tenancy_request *request) {
  request->n_kept = 0;
  if (request->keep > 0) tenancy_write_down(walk->problem, &walk->meter->best, &request->kept[request->n_kept++]);
  if (request->keep > 1) tenancy_write_down(walk->problem, &walk->now, &request->kept[request->n_kept++]);
}

void anneal_full_round(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  struct walk walk = new_walk(problem, meter, request->arena);
  const double bound = fmax(request->bounds->best_cycles, 0);
  walk.bounds = request->bounds, walk.total = max_u64(request->total_samples, 1);
  walk.seed = request->seed, walk.island = request->island, walk.purpose = RNG_TENANCY_ANNEAL_FULL;
  walk.target = (tenancy_cost)(bound * (double)problem->scaled_bandwidth);
  const bool warm = meter->before == 0 && request->n_population > 0;
  if (warm || meter->before > n_starts(&walk)) {
    const size_t at = !warm && request->n_population > 1 && request->keep > 1 ? 1 : 0;
    tenancy_queue_up(problem, &request->population[at], &walk.now);
    walk.cost = tenancy_evaluate(problem, &walk.now); /* known already: no sample */
    if (walk.cost < meter->best_cost) tenancy_meter_moves(meter, 0, &walk.now, walk.cost);
  } else {
    start(&walk, request->arena);
  }
  anneal(&walk);
  leave(&walk, request);
}

tenancy_cost anneal_full_alone(const struct tenancy_problem *problem, uint64_t samples, uint64_t seed,
                               struct tenancy_answer *answer, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, problem, max_u64(samples, 1), scratch);
  struct walk walk = new_walk(problem, &meter, scratch);
  walk.total = meter.limit, walk.seed = seed, walk.purpose = RNG_TENANCY_ALONE;
  start(&walk, scratch);
  anneal(&walk);
  if (answer != NULL) tenancy_write_down(problem, &meter.best, answer);
  arena_rewind(scratch, mark);
  return meter.best_cost;
}

tenancy_cost anneal_full_from(const struct tenancy_problem *problem, uint64_t samples, uint64_t seed,
                              struct tenancy_answer *answer, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, problem, samples, scratch);
  struct walk walk = new_walk(problem, &meter, scratch);
  walk.total = max_u64(samples, 1), walk.seed = seed, walk.purpose = RNG_TENANCY_ALONE, walk.island = 1;
  tenancy_queue_up(problem, answer, &walk.now);
  walk.cost = tenancy_evaluate(problem, &walk.now); /* known already: no sample */
  tenancy_meter_moves(&meter, 0, &walk.now, walk.cost);
  anneal(&walk);
  tenancy_write_down(problem, &meter.best, answer);
  arena_rewind(scratch, mark);
  return meter.best_cost;
}

tenancy_cost anneal_full_again(const struct anneal_full_search *search, struct tenancy_answer *answer,
                               struct arena *scratch, uint64_t *n_samples) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct tenancy_problem *problem = search->problem;
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, problem, max_u64(search->samples, 1), scratch);
  struct walk walk = new_walk(problem, &meter, scratch);
  walk.total = meter.limit, walk.seed = search->seed, walk.purpose = RNG_TENANCY_ONLINE, walk.first = search->first;
  tenancy_queue_up(problem, answer, &walk.now);
  keep_first(&walk, &walk.now);
  tenancy_meter_moves(&meter, 0, &walk.now, tenancy_evaluate(problem, &walk.now));
  start(&walk, scratch);
  anneal(&walk);
  tenancy_write_down(problem, &meter.best, answer);
  *n_samples += meter.n_samples;
  arena_rewind(scratch, mark);
  return meter.best_cost;
}

const struct tenancy_algorithm tenancy_anneal_full = {.name = "anneal_full",
                                                      .doc = "annealing of any objective, moves evaluated in full",
                                                      .source = "ours",
                                                      .keeps = 2,
                                                      .run = anneal_full_round};

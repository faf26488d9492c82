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

void anneal_full_starts(const struct tenancy_problem *problem, struct tenancy_meter *meter, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *key = ARENA_NEW(scratch, double, problem->n_jobs);
  uint32_t *order = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  struct tenancy_queues queues = tenancy_queues_new(problem, scratch);
  for (int by = 0; by < N_KEYS; by++) {
    fill_keys(problem, (enum key)by, scratch, key);
    tenancy_order_by(problem, key, scratch, order);
    for (int thrifty = 0; thrifty <= (problem->energy_nj != NULL) && !tenancy_meter_full(meter); thrifty++) {
      place(problem, order, thrifty == 1, scratch, &queues);
      tenancy_meter_queues(meter, &queues);
    }
  }
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
 */

struct walk {
  const struct tenancy_problem *problem;
  struct tenancy_meter *meter;
  struct rng *rng;
  double from, to;     /* of the whole search's progress */
  tenancy_cost target; /* nothing is better */
};

/* Until the meter is full or the target is reached. */
static void anneal(const struct walk *walk, struct arena *scratch, struct tenancy_queues *now, tenancy_cost *cost) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct tenancy_problem *problem = walk->problem;
  struct tenancy_meter *meter = walk->meter;
  struct rng *rng = walk->rng;
  struct tenancy_queues trial = tenancy_queues_new(problem, scratch);
  const uint64_t n = meter->limit - min_u64(meter->limit, meter->n_samples);
  const double scale = (double)meter->best_cost;
  for (uint64_t i = 0; i < n && meter->best_cost > walk->target; i++) {
    const double at = walk->from + (walk->to - walk->from) * (double)i / (double)n;
    const double temperature = scale * hot * num_pow(cold / hot, at);
    tenancy_queues_copy(problem, now, &trial);
    if (!anneal_full_change(problem, rng, &trial)) {
      tenancy_meter_moves(meter, 1, NULL, 0);
      continue;
    }
    const double most = (double)*cost - temperature * num_log(1 - rng_unit(rng));
    const tenancy_cost costs = tenancy_meter_queues(meter, &trial);
    if ((double)costs > most && costs > *cost) continue;
    *cost = costs;
    tenancy_queues_copy(problem, &trial, now);
  }
  arena_rewind(scratch, mark);
}

void anneal_full_round(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  struct tenancy_queues now = tenancy_queues_new(problem, request->arena);
  tenancy_cost cost;
  if (request->n_population == 0) {
    anneal_full_starts(problem, meter, request->arena);
    if (!tenancy_meter_full(meter)) {
      tenancy_seed_best(problem, request->bounds, request->arena, &now);
      tenancy_meter_queues(meter, &now);
    }
    tenancy_queues_copy(problem, &meter->best, &now);
    cost = meter->best_cost;
  } else {
    tenancy_queue_up(problem, &request->population[0], &now);
    cost = tenancy_evaluate(problem, &now);
    if (cost < meter->best_cost) tenancy_meter_moves(meter, 0, &now, cost);
  }
  struct rng rng = rng_stream(request->seed, RNG_TENANCY_ANNEAL_FULL, request->round, request->island);
  const double all = (double)max_u64(request->total_samples, 1), bound = request->bounds->best_cycles;
  const struct walk walk = {.problem = problem,
                            .meter = meter,
                            .rng = &rng,
                            .from = (double)(meter->before + meter->n_samples) / all,
                            .to = (double)(meter->before + meter->limit) / all,
                            .target = (tenancy_cost)(fmax(bound, 0) * (double)problem->scaled_bandwidth)};
  anneal(&walk, request->arena, &now, &cost);
  request->n_kept = 0;
  if (request->keep == 0) return;
  tenancy_write_down(problem, &now, &request->kept[request->n_kept++]);
}

tenancy_cost anneal_full_alone(const struct tenancy_problem *problem, uint64_t samples, struct rng *rng,
                               struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, problem, samples, scratch);
  anneal_full_starts(problem, &meter, scratch);
  struct tenancy_queues now = tenancy_queues_new(problem, scratch);
  tenancy_queues_copy(problem, &meter.best, &now);
  tenancy_cost cost = meter.best_cost;
  anneal(&(struct walk){problem, &meter, rng, 0, 1, 0}, scratch, &now, &cost);
  const tenancy_cost best = meter.best_cost;
  arena_rewind(scratch, mark);
  return best;
}

tenancy_cost anneal_full_from(const struct tenancy_problem *problem, uint64_t samples, struct rng *rng,
                              struct arena *scratch, struct tenancy_answer *answer) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, problem, samples, scratch);
  struct tenancy_queues now = tenancy_queues_new(problem, scratch);
  tenancy_queue_up(problem, answer, &now);
  tenancy_cost cost = tenancy_evaluate(problem, &now); /* known already: no sample */
  tenancy_meter_moves(&meter, 0, &now, cost);
  anneal(&(struct walk){problem, &meter, rng, 0, 1, 0}, scratch, &now, &cost);
  tenancy_write_down(problem, &meter.best, answer);
  const tenancy_cost best = meter.best_cost;
  arena_rewind(scratch, mark);
  return best;
}

const struct tenancy_algorithm tenancy_anneal_full = {.name = "anneal_full",
                                                      .doc = "annealing of any objective, moves evaluated in full",
                                                      .source = "ours",
                                                      .keeps = 1,
                                                      .run = anneal_full_round};

/* Annealing over assignments alone. See tenancy_assign.h. */
#include "search/tenancy/tenancy_assign.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

/* Of a job on a core, all in cycles. */
struct share {
  double load, excess, bytes;
};

struct assignment {
  const struct tenancy_problem *problem;
  const struct share *shares; /* [n_jobs * n_cores] */
  uint32_t *core;
  double load[TENANCY_MAX_CORES], excess, bytes, value;
};

static double value_of(const struct assignment *now) {
  double longest = 0;
  for (size_t c = 0; c < now->problem->n_cores; c++) longest = now->load[c] > longest ? now->load[c] : longest;
  return fmax(longest + now->excess, now->bytes);
}

/* Job a from its core to `to`; job b (n_jobs: none) the other way. True if that costs at most `most`, and done. */
static bool change(struct assignment *now, size_t a, size_t to, size_t b, double most) {
  const struct tenancy_problem *problem = now->problem;
  const size_t from = now->core[a];
  const struct share *old = &now->shares[tenancy_at(problem, a, from)], *new = &now->shares[tenancy_at(problem, a, to)];
  double from_load = now->load[from] - old->load, to_load = now->load[to] + new->load;
  double excess = now->excess - old->excess + new->excess, bytes = now->bytes - old->bytes + new->bytes;
  if (b < problem->n_jobs) {
    old = &now->shares[tenancy_at(problem, b, to)], new = &now->shares[tenancy_at(problem, b, from)];
    from_load += new->load, to_load -= old->load;
    excess += new->excess - old->excess, bytes += new->bytes - old->bytes;
  }
  if (bytes > most || from_load + excess > most || to_load + excess > most) return false;
  const struct assignment past = *now;
  now->load[from] = from_load, now->load[to] = to_load, now->excess = excess, now->bytes = bytes;
  now->value = value_of(now);
  if (now->value > most) {
    now->load[from] = past.load[from], now->load[to] = past.load[to];
    now->excess = past.excess, now->bytes = past.bytes, now->value = past.value;
    return false;
  }
  now->core[a] = (uint32_t)to;
  if (b < problem->n_jobs) now->core[b] = (uint32_t)from;
  return true;
}

static void sum_up(struct assignment *now) {
  for (size_t j = 0; j < now->problem->n_jobs; j++) {
    const struct share *share = &now->shares[tenancy_at(now->problem, j, now->core[j])];
    now->load[now->core[j]] += share->load;
    now->excess += share->excess, now->bytes += share->bytes;
  }
  now->value = value_of(now);
}

static struct share *weigh(const struct tenancy_problem *problem, double bytes_factor, struct arena *scratch) {
  const size_t n = problem->n_jobs * problem->n_cores;
  struct share *shares = ARENA_NEW(scratch, struct share, n);
  for (size_t i = 0; i < n; i++) {
    const double load = (double)problem->latency_cycles[i];
    const double need = problem->bytes_per_cycle[i] / problem->bandwidth_bytes_per_cycle;
    shares[i] = (struct share){load, load * fmax(need - 1, 0), load * need * bytes_factor};
  }
  return shares;
}

/* 32 random bits as a number below n: the bias of less than n / 2³² is of no matter here. */
static inline size_t below(uint64_t bits, size_t n) { return (size_t)(((bits & 0xffffffffu) * (uint64_t)n) >> 32); }

/* A job and what it does: goes to a drawn core, or changes places with a drawn job of another core. */
static bool step(struct assignment *now, struct rng *rng, double most) {
  const struct tenancy_problem *problem = now->problem;
  const uint64_t bits = rng_next(rng), more = rng_next(rng);
  const size_t n = problem->n_jobs, a = below(bits, n), from = now->core[a];
  const bool swaps = bits >> 63 != 0;
  const size_t b = swaps ? below(more, n) : n, to = swaps ? now->core[b] : below(more, problem->n_cores);
  if (to == from || !tenancy_can_run(problem, a, to) || (swaps && !tenancy_can_run(problem, b, from))) return false;
  return change(now, a, to, b, most);
}

double tenancy_assign(const struct tenancy_problem *problem, double bytes_factor, uint64_t n_steps, struct rng *rng,
                      struct arena *scratch, uint32_t *core) {
  enum { STEPS = 64, QUANTILES = 1024 };       /* steps at one temperature; parts of (0, 1) */
  static const double hot = 0.01, cold = 1e-6; /* temperatures, as shares of the value at the start */
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs;
  double *quantiles = ARENA_NEW(scratch, double, QUANTILES);
  for (size_t q = 0; q < QUANTILES; q++) quantiles[q] = -num_log(((double)q + 0.5) / QUANTILES);
  uint32_t *best = ARENA_NEW(scratch, uint32_t, n);
  struct assignment now = {.problem = problem, .shares = weigh(problem, bytes_factor, scratch), .core = core};
  sum_up(&now);
  memcpy(best, core, n * sizeof *best);
  double least = now.value, temperature = hot * least;
  const double fall = num_pow(cold / hot, (double)STEPS / (double)(n_steps + STEPS));
  for (uint64_t i = 0; i < n_steps; i++) {
    if (i % STEPS == 0) temperature *= fall;
    const double most = now.value + temperature * quantiles[rng_next(rng) % QUANTILES];
    if (!step(&now, rng, most) || now.value >= least) continue;
    least = now.value;
    memcpy(best, core, n * sizeof *best);
  }
  memcpy(core, best, n * sizeof *best);
  arena_rewind(scratch, mark);
  return least;
}

/* Annealing over assignments alone. See tenancy_assign.h. */
#include "search/tenancy/tenancy_assign.h"

#include "base/checked.h"
#include "base/num.h"
#include <math.h>
#include <string.h>

/* Of a job on a core, all in cycles; load INFINITY: it cannot run there. */
struct share {
  double load, excess, bytes;
};

/* Job n_jobs is none: it has a row of zeros, so that a move is a swap with it and the loop has fewer branches. */
struct assignment {
  size_t n_jobs, n_cores;
  const struct share *shares; /* [(n_jobs + 1) * n_cores] */
  uint32_t *core;             /* [n_jobs + 1] */
  double load[TENANCY_MAX_CORES], excess, bytes, value;
};

static double value_of(const struct assignment *now, double excess, double bytes) {
  double longest = 0;
  for (size_t c = 0; c < now->n_cores; c++) longest = now->load[c] > longest ? now->load[c] : longest;
  return longest + excess > bytes ? longest + excess : bytes;
}

/* Job a from its core to `to`; job b the other way. True if that costs at most `most`, and done. */
static inline bool change(struct assignment *now, size_t a, size_t to, size_t b, double most) {
  const size_t from = now->core[a];
  const struct share *const of_a = now->shares + a * now->n_cores, *const of_b = now->shares + b * now->n_cores;
  const double before[2] = {now->load[from], now->load[to]};
  const double from_load = before[0] - of_a[from].load + of_b[from].load;
  const double to_load = before[1] + of_a[to].load - of_b[to].load;
  const double excess = now->excess - of_a[from].excess + of_a[to].excess + (of_b[from].excess - of_b[to].excess);
  const double bytes = now->bytes - of_a[from].bytes + of_a[to].bytes + (of_b[from].bytes - of_b[to].bytes);
  /* One branch for all of them: each alone is hard to foretell. */
  if ((bytes > most) | (from_load + excess > most) | (to_load + excess > most)) return false;
  now->load[from] = from_load, now->load[to] = to_load;
  const double value = value_of(now, excess, bytes);
  if (value > most) {
    now->load[from] = before[0], now->load[to] = before[1];
    return false;
  }
  now->excess = excess, now->bytes = bytes, now->value = value;
  now->core[a] = (uint32_t)to;
  now->core[b] = (uint32_t)from;
  return true;
}

static void sum_up(struct assignment *now) {
  for (size_t j = 0; j < now->n_jobs; j++) {
    const struct share *share = &now->shares[j * now->n_cores + now->core[j]];
    now->load[now->core[j]] += share->load;
    now->excess += share->excess, now->bytes += share->bytes;
  }
  now->value = value_of(now, now->excess, now->bytes);
}

static struct share *weigh(const struct tenancy_problem *problem, double bytes_factor, struct arena *scratch) {
  const size_t n = problem->n_jobs * problem->n_cores;
  struct share *shares = ARENA_NEW(scratch, struct share, n + problem->n_cores);
  for (size_t i = 0; i < n; i++) {
    const double load = (double)problem->latency_cycles[i];
    const double need = problem->bytes_per_cycle[i] / problem->bandwidth_bytes_per_cycle;
    shares[i] = (struct share){(double)INFINITY, 0, 0};
    if (problem->latency_cycles[i] != 0)
      shares[i] = (struct share){load, load * fmax(need - 1, 0), load * need * bytes_factor};
  }
  return shares;
}

/* 32 random bits as a number below n: the bias of less than n / 2³² is of no matter here. */
static inline size_t below(uint64_t bits, size_t n) { return (size_t)(((bits & 0xffffffffu) * (uint64_t)n) >> 32); }

/* What a step draws: how far it may go up, which job, and where to. */
enum { FAR, BITS, MORE, N_DRAWS };

/* A job and what it does: goes to a drawn core, or changes places with a drawn job of another core. */
static inline bool step(struct assignment *now, const uint64_t draws[N_DRAWS], double most) {
  const size_t a = below(draws[BITS], now->n_jobs), other = below(draws[MORE], now->n_jobs);
  const bool swaps = draws[BITS] >> 63 != 0;
  const size_t others = now->core[other], drawn = below(draws[MORE], now->n_cores);
  const size_t b = swaps ? other : now->n_jobs, to = swaps ? others : drawn;
  return to != now->core[a] && change(now, a, to, b, most);
}

double tenancy_assign(const struct tenancy_problem *problem, double bytes_factor, uint64_t n_steps, struct rng *rng,
                      struct arena *scratch, uint32_t *core) {
  enum { STEPS = 64, QUANTILES = 1024 };       /* steps at one temperature; parts of (0, 1) */
  static const double hot = 0.01, cold = 1e-6; /* temperatures, as shares of the value at the start */
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs;
  double *quantiles = ARENA_NEW(scratch, double, QUANTILES);
  for (size_t q = 0; q < QUANTILES; q++) quantiles[q] = -num_log(((double)q + 0.5) / QUANTILES);
  struct assignment now = {.n_jobs = n,
                           .n_cores = problem->n_cores,
                           .shares = weigh(problem, bytes_factor, scratch),
                           .core = ARENA_NEW(scratch, uint32_t, n + 1)};
  memcpy(now.core, core, n * sizeof *core);
  sum_up(&now);
  double least = now.value, temperature = hot * least;
  const double fall = num_pow(cold / hot, (double)STEPS / (double)(n_steps + STEPS));
  for (uint64_t first = 0; first < n_steps; first += STEPS) {
    uint64_t draws[STEPS][N_DRAWS];
    const size_t n_now = min_u64(STEPS, n_steps - first);
    rng_fill(rng, draws[0], n_now * N_DRAWS);
    temperature *= fall;
    for (size_t i = 0; i < n_now; i++) {
      const double most = now.value + temperature * quantiles[draws[i][FAR] % QUANTILES];
      if (!step(&now, draws[i], most) || now.value >= least) continue;
      least = now.value;
      memcpy(core, now.core, n * sizeof *core);
    }
  }
  arena_rewind(scratch, mark);
  return least;
}

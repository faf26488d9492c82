/* SAMPLE and FIX (partition §6): group after group, a chip from what the solver leaves possible. One loop does both: it
 * runs through the order and decides what is not decided; after a failure it goes back to the first group that lost its
 * decision. */
#include "search/partition/partition_solver_private.h"

#include "base/checked.h"
#include "base/num.h"
#include <math.h>
#include <string.h>

enum { RESTARTS = 10, RESTARTS_GOING_ON = 1, RANDOM_RESTARTS = 5, MOVES_A_GROUP = 100 };
/* Failures after which an order is given up: few at first, since the number that a solution takes is heavy-tailed
 * (Gomes et al., J. Automated Reasoning 2000), in the end four a group. */
enum { LEAST_FAILURES = 64, FIRST_FAILURES_SHARE = 8, FAILURES_A_GROUP = 4 };
static const double least_mass = 1e-9;

/* What one call wants. */
struct draw {
  const double *p;
  const uint32_t *proposal; /* NULL: a pass that draws */
  bool most_probable;
  struct rng *rng;
  struct partition_sample *sample;
};

static double probability(const struct partition_solver *solver, const struct draw *draw, uint32_t group,
                          uint32_t chip) {
  return partition_solver_has(solver, group, chip) ? draw->p[group * (size_t)solver->n_chips + chip - 1] : 0;
}

static uint32_t count(const struct partition_solver *solver, uint32_t group) {
  const uint32_t low = solver_low(solver, group), high = solver_high(solver, group);
  if (!solver->holes) return high - low + 1;
  uint32_t n = 0;
  for (uint32_t c = low; c <= high; c++) n += partition_solver_has(solver, group, c);
  return n;
}

static uint32_t draw_uniformly(const struct partition_solver *solver, uint32_t group, struct rng *rng, double *log_p) {
  const uint32_t low = solver_low(solver, group), n = count(solver, group);
  uint32_t k = (uint32_t)rng_below(rng, n), chip = low;
  *log_p = -solver->log_of[n];
  if (!solver->holes) return low + k;
  for (; k > 0 || !partition_solver_has(solver, group, chip); chip++) k -= partition_solver_has(solver, group, chip);
  return chip;
}

static uint32_t draw_chip(const struct partition_solver *solver, const struct draw *draw, uint32_t group,
                          double *log_p) {
  const uint32_t low = solver_low(solver, group), high = solver_high(solver, group);
  *log_p = 0;
  if (low == high) return low;
  double mass = 0, sum = 0;
  uint32_t best = low;
  for (uint32_t c = low; draw->p != NULL && c <= high; c++) {
    mass += probability(solver, draw, group, c);
    if (draw->most_probable && probability(solver, draw, group, c) > probability(solver, draw, group, best)) best = c;
  }
  if (draw->most_probable) return best;
  if (!(mass >= least_mass)) return draw_uniformly(solver, group, draw->rng, log_p);
  const double at = rng_unit(draw->rng) * mass;
  for (uint32_t c = low; c <= high && !(sum > at); c++) {
    const double p = probability(solver, draw, group, c);
    if (p > 0) best = c;
    sum += p;
  }
  *log_p = num_log(probability(solver, draw, group, best) / mass);
  return best;
}

static void remember(const struct partition_solver *solver, const struct partition_sample *sample, uint32_t group) {
  if (sample->low != NULL) sample->low[group] = solver_low(solver, group);
  if (sample->high != NULL) sample->high[group] = solver_high(solver, group);
  if (sample->domain == NULL) return;
  uint64_t *set = &sample->domain[group * solver->n_words];
  memset(set, 0, solver->n_words * sizeof *set);
  for (uint32_t c = solver_low(solver, group); c <= solver_high(solver, group); c++) {
    if (partition_solver_has(solver, group, c)) set[(c - 1) / 64] |= (uint64_t)1 << (c - 1) % 64;
  }
}

/* The first place in the order, up to i, of a decision that fell; those are still written behind the ones that stand.
 */
static size_t first_undone(const struct partition_solver *solver, size_t standing, size_t n_before, size_t i) {
  for (size_t k = standing; k < n_before; k++) {
    const uint32_t place = solver->place[solver->decisions[k].group];
    if (place < i) i = place;
  }
  return i;
}

/* Too many failures, or few whose decisions came early, so that each moved most of the graph. */
static bool is_hopeless(const struct partition_solver *solver) {
  return solver->n_failures > solver->most_failures ||
         (solver->n_failures > 0 && solver->n_moves > (uint64_t)MOVES_A_GROUP * solver->n);
}

/* Through the order once. False: nothing is possible, too many failures, or what stood before (n_kept) has fallen. */
static bool pass(struct partition_solver *solver, const struct draw *draw, size_t n_kept) {
  const uint32_t *order = draw->sample->order;
  for (size_t i = 0; i < solver->n;) {
    const uint32_t u = order[i];
    const size_t n_before = solver->n_decisions;
    if (solver->decision_of[u] != UINT32_MAX) {
      i++;
      continue;
    }
    size_t standing = n_before;
    bool stands = true;
    if (solver->n_resources > 0 && !(solver_load_prune(solver, u) && solver_propagate(solver))) {
      solver->cause = CAUSE_ANY; /* not of the newest decision alone */
      standing = solver_refute(solver);
      stands = false;
    } else if (draw->proposal != NULL && !partition_solver_has(solver, u, draw->proposal[u])) {
      i++;
      continue;
    } else {
      double log_p = 0;
      const uint32_t chip = draw->proposal != NULL ? draw->proposal[u] : draw_chip(solver, draw, u, &log_p);
      remember(solver, draw->sample, u);
      solver->log_probability[n_before] = log_p;
      standing = partition_solver_decide(solver, u, chip);
      stands = standing == n_before + 1;
    }
    if (standing == SIZE_MAX || standing < n_kept || is_hopeless(solver)) return false;
    i = stands ? i + 1 : first_undone(solver, standing, n_before, i);
  }
  return true;
}

static void shuffle(struct partition_solver *solver, enum partition_order kind, struct rng *rng, uint32_t *order) {
  memcpy(order, solver->graph->topological, solver->n * sizeof *order);
  for (size_t i = solver->n; kind == PARTITION_ORDER_RANDOM && i > 1; i--) {
    const size_t k = rng_below(rng, i);
    const uint32_t group = order[k];
    order[k] = order[i - 1], order[i - 1] = group;
  }
  for (size_t i = 0; i < solver->n; i++) solver->place[order[i]] = (uint32_t)i;
}

/* A partition from the decisions, with the chips that are used numbered without holes. */
static void finish(struct partition_solver *solver, struct partition_sample *sample) {
  uint32_t n_used = 0;
  uint64_t *used = solver->row;
  sample->log_probability = 0;
  memset(used, 0, solver->n_words * sizeof *used);
  for (size_t i = 0; i < solver->n; i++) {
    const struct partition_decision *decision = &solver->decisions[i];
    sample->order[i] = decision->group;
    if (sample->drawn != NULL) sample->drawn[decision->group] = decision->chip;
    sample->chip[decision->group] = decision->chip;
    used[(decision->chip - 1) / 64] |= (uint64_t)1 << (decision->chip - 1) % 64;
    sample->log_probability += solver->log_probability[i];
  }
  for (uint32_t c = 1; c <= solver->n_chips; c++) {
    n_used += solver_bit(used, c);
    solver->number[c] = n_used;
  }
  if (n_used == solver->n_chips) return;
  for (size_t v = 0; v < solver->n; v++) sample->chip[v] = solver->number[sample->chip[v]];
}

static bool attempt(struct partition_solver *solver, struct draw *draw, const uint32_t *proposal, size_t n_kept) {
  draw->proposal = proposal;
  if (proposal != NULL && !pass(solver, draw, n_kept)) return false;
  draw->proposal = NULL;
  return pass(solver, draw, n_kept);
}

static bool search(struct partition_solver *solver, const uint32_t *proposal, enum partition_order order,
                   struct draw *draw) {
  struct partition_sample *sample = draw->sample;
  if (!sample->go_on) partition_solver_reset(solver);
  const size_t n_kept = solver->n_decisions;
  if (solver->failed) return false;
  for (size_t i = 0; i < n_kept; i++) {
    solver->kept[i] = solver->decisions[i];
    solver->log_probability[i] = 0;
  }
  const int n_restarts = sample->go_on ? RESTARTS_GOING_ON : RESTARTS; /* who goes on can go elsewhere */
  for (int restart = 0; restart <= n_restarts; restart++) {
    const uint64_t few = (solver->n / FIRST_FAILURES_SHARE << restart) + LEAST_FAILURES;
    solver->most_failures = min_u64(few, FAILURES_A_GROUP * (uint64_t)solver->n);
    if (restart > 0) {
      partition_solver_reset(solver);
      for (size_t i = 0; i < n_kept; i++) {
        if (partition_solver_decide(solver, solver->kept[i].group, solver->kept[i].chip) != i + 1) return false;
      }
    }
    /* Where chance has led nowhere, along the edges: failures are of the newest decisions there. */
    shuffle(solver, restart > RANDOM_RESTARTS ? PARTITION_ORDER_TOPOLOGICAL : order, draw->rng, sample->order);
    if (attempt(solver, draw, proposal, n_kept)) {
      finish(solver, sample);
      return true;
    }
  }
  return false;
}

bool partition_solver_draw(struct partition_solver *solver, const double *p, enum partition_order order,
                           struct rng *rng, struct partition_sample *sample) {
  struct draw draw = {.p = p, .rng = rng, .sample = sample};
  return search(solver, NULL, order, &draw);
}

bool partition_solver_fix(struct partition_solver *solver, const uint32_t *proposal, const double *p,
                          bool most_probable, enum partition_order order, struct rng *rng,
                          struct partition_sample *sample) {
  struct draw draw = {.p = p, .most_probable = most_probable, .rng = rng, .sample = sample};
  return search(solver, proposal, order, &draw);
}

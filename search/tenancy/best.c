/* What do we do ourselves? Many seeds annealed side by side, the worse ones given up one after another. (tenancy §10.)
 *
 * Which core for which job decides more than the order, and annealing seldom leaves the valley that it began in. So
 * several seeds begin: the best of tenancy_seeds.h, and assignments from a relaxation that weigh bytes against queue
 * lengths differently, each flattened. They share the samples; the temperature falls with the share of samples used,
 * and so does the number that goes on, until one is left that gets the second half. */
#include "base/checked.h"
#include "base/num.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/tenancy_anneal.h"
#include "search/tenancy/tenancy_assign.h"
#include "search/tenancy/tenancy_seeds.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHAINS = 32 };

/* Share of the samples from which on the best answer competes with what the chains have become. */
static const double homecoming = 0.75;

struct best_settings {
  uint64_t chains, assign_steps;
  double hot, cold, narrowing;
};

#define OFFSET(member) offsetof(struct best_settings, member)
static const struct field best_field_list[] = {
    {"chains", FIELD_UINT, "", 1, MOST_CHAINS, "8", "seeds that are annealed side by side", OFFSET(chains), ROLE_ANSWER,
     NULL},
    {"assign_steps", FIELD_UINT, "steps", 0, 1e6, "500", "a job, of the relaxation that gives seeds their assignments",
     OFFSET(assign_steps), ROLE_ANSWER, NULL},
    {"hot", FIELD_REAL, "", 0, 1e3, "1", "first temperature, as a share of the best seed's gap to the bound a job",
     OFFSET(hot), ROLE_ANSWER, NULL},
    {"cold", FIELD_REAL, "", 1e-12, 1, "1e-5", "last temperature, as a share of the bound", OFFSET(cold), ROLE_ANSWER,
     NULL},
    {"narrowing", FIELD_REAL, "", 0, 1, "0.5", "share of the samples after which one chain is left", OFFSET(narrowing),
     ROLE_ANSWER, NULL},
};
static const struct field_table best_fields = {"tenancy.best", "ours: seeds annealed side by side", best_field_list,
                                               sizeof best_field_list / sizeof *best_field_list};

/* What travels beside the answers. */
struct best_state {
  double hot;    /* first temperature, in units of tenancy_cost; 0: no round yet */
  uint64_t left; /* 1: the first answer is one that all chains have left */
};

/* A schedule that is annealed. */
struct chain {
  struct tenancy_queues queues;
  tenancy_cost cost;
};

struct best {
  struct tenancy_request *request;
  const struct best_settings *settings;
  struct tenancy_meter *meter;
  struct tenancy_annealing annealing;
  size_t n;
  struct chain chains[2 * MOST_CHAINS];
};

/* Stable for the few that there are: equal costs stay in their order. */
static void sort_chains(struct best *best) {
  for (size_t i = 1; i < best->n; i++) {
    const struct chain chain = best->chains[i];
    size_t k = i;
    for (; k > 0 && best->chains[k - 1].cost > chain.cost; k--) best->chains[k] = best->chains[k - 1];
    best->chains[k] = chain;
  }
}

/* --- seeds ----------------------------------------------------------------------------------------------------------
 */

static struct chain *add_chain(struct best *best) {
  struct chain *chain = &best->chains[best->n++];
  chain->queues = tenancy_queues_new(best->request->problem, best->request->arena);
  return chain;
}

static void seed_best(struct best *best) {
  struct chain *chain = add_chain(best);
  tenancy_seed_best(best->request->problem, best->request->bounds, best->request->arena, &chain->queues);
  chain->cost = tenancy_meter_queues(best->meter, &chain->queues);
}

/* What bytes count against the lengths of the queues, seed by seed. */
static const double bytes_factors[] = {0.9, 0.97, 1, 0.8, 0.95, 1.01, 0.7, 0.85, 1.03, 0.99};
enum { N_FACTORS = sizeof bytes_factors / sizeof *bytes_factors };

static void seed_assigned(struct best *best, size_t i) {
  const struct tenancy_problem *problem = best->request->problem;
  struct arena *arena = best->request->arena;
  struct chain *chain = add_chain(best);
  struct rng rng = rng_stream(best->request->seed, RNG_TENANCY_BEST, UINT64_C(1) << 32 | i, best->request->island);
  struct tenancy_answer answer = tenancy_answer_new(problem, arena);
  tenancy_seed_earliest_finish(problem, NULL, arena, &chain->queues);
  tenancy_write_down(problem, &chain->queues, &answer);
  const double factor = bytes_factors[(i + best->request->island) % N_FACTORS];
  tenancy_assign(problem, factor, best->settings->assign_steps * problem->n_jobs, &rng, arena, answer.core);
  tenancy_queue_up(problem, &answer, &chain->queues);
  tenancy_seed_flatten(problem, arena, &chain->queues);
  chain->cost = tenancy_meter_queues(best->meter, &chain->queues);
}

/* --- rounds ---------------------------------------------------------------------------------------------------------
 */

static double progress(const struct best *best) {
  const struct tenancy_meter *meter = best->meter;
  return fmin(1, (double)(meter->before + meter->n_samples) / (double)max_u64(1, best->request->total_samples));
}

static size_t n_alive(const struct best *best) {
  const double at = best->settings->narrowing > 0 ? progress(best) / best->settings->narrowing : 1;
  if (at >= 1) return 1;
  const double alive = num_pow((double)best->settings->chains, 1 - at);
  return min_u64(best->n, max_u64(1, (uint64_t)(alive + 0.5)));
}

static void anneal(struct best *best, double hot) {
  const struct tenancy_request *request = best->request;
  const struct tenancy_meter *meter = best->meter;
  const double bound = request->bounds->best_cycles * (double)request->problem->scaled_bandwidth;
  const struct tenancy_cooling cooling = {
      .hot = hot, .cold = fmin(hot / 100, best->settings->cold * bound), .total = request->total_samples};
  struct tenancy_annealing *annealing = &best->annealing;
  while (!tenancy_meter_full(meter) && meter->best_cost > annealing->target) {
    sort_chains(best);
    best->n = n_alive(best);
    const uint64_t turn = max_u64(64, min_u64(request->total_samples / 50, 100000) / best->n);
    for (size_t i = 0; i < best->n && !tenancy_meter_full(meter); i++) {
      struct chain *chain = &best->chains[i];
      tenancy_timeline_set(&annealing->timeline, &chain->queues);
      tenancy_annealing_run(annealing, turn, &cooling);
      chain->cost = annealing->timeline.cost;
      tenancy_timeline_get(&annealing->timeline, &chain->queues);
    }
  }
}

/* How many assigned seeds join. The first island begins broadly. The others hear of its answers, and a search that goes
 * on from stored answers has them: what those need is something else, and samples rather than seeds. */
static size_t n_assigned(const struct best *best, bool warm) {
  if (warm) return best->settings->chains > 1 ? 1 : 0;
  return best->request->island == 0 ? best->settings->chains - 1 : min_u64(3, best->settings->chains - 1);
}

static void begin(struct best *best, struct best_state *state) {
  const struct tenancy_problem *problem = best->request->problem;
  const bool warm = best->n > 0;
  const size_t n = n_assigned(best, warm);
  if (!warm) seed_best(best);
  for (size_t i = 0; i < n && !tenancy_meter_full(best->meter); i++) seed_assigned(best, i);
  sort_chains(best);
  /* More samples bear more heat: the share is meant for a hundred samples a job. What is left of a gap by an earlier
   * search says less of how deep the valleys are. */
  const double bound = best->request->bounds->best_cycles * (double)problem->scaled_bandwidth;
  const double gap = fmax((double)best->chains[0].cost - bound, 1e-5 * bound), n_jobs = (double)problem->n_jobs;
  const double budget = sqrt((double)best->request->total_samples / (100 * n_jobs));
  state->hot = fmax(best->settings->hot, 1e-9) * gap / n_jobs * budget * (warm ? 3 : 1);
}

/* The best answer goes along even where the chain has left it: for the neighbours, and for searches that go on. */
static void keep(struct best *best, struct best_state *state) {
  struct tenancy_request *request = best->request;
  const struct tenancy_meter *meter = best->meter;
  const bool left = best->n == 0 || meter->best_cost < best->chains[0].cost;
  state->left = left;
  if (left) tenancy_write_down(request->problem, &meter->best, &request->kept[0]);
  request->n_kept = min_u64(best->n + left, request->keep);
  for (size_t i = left; i < request->n_kept; i++) {
    tenancy_write_down(request->problem, &best->chains[i - left].queues, &request->kept[i]);
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  if (problem->goal != NULL) { /* moves know makespans of independent jobs alone */
    anneal_full_round(request, meter);
    return;
  }
  struct best *best = ARENA_NEW(request->arena, struct best, 1);
  *best = (struct best){.request = request, .settings = request->settings, .meter = meter};
  struct best_state *state = request->state_out;
  *state = *(const struct best_state *)request->state;
  /* A hot chain that were brought back to the best answer in every round would never leave its valley. */
  const bool skips = state->left != 0 && request->n_population > 1 && progress(best) < homecoming;
  for (size_t i = skips; i < request->n_population && i < MOST_CHAINS; i++) {
    struct chain *chain = add_chain(best);
    tenancy_queue_up(problem, &request->population[i], &chain->queues);
    chain->cost = tenancy_evaluate(problem, &chain->queues);
  }
  tenancy_annealing_init(&best->annealing, problem, tenancy_move_weights, meter, request->arena);
  best->annealing.rng = rng_stream(request->seed, RNG_TENANCY_BEST, request->round, request->island);
  best->annealing.target = (tenancy_cost)(request->bounds->best_cycles * (double)problem->scaled_bandwidth);
  if (!(state->hot > 0)) begin(best, state);
  anneal(best, state->hot);
  sort_chains(best);
  keep(best, state);
}

static size_t keep_of(const void *settings, const struct tenancy_problem *problem) {
  (void)problem;
  return ((const struct best_settings *)settings)->chains;
}
static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  (void)settings, (void)problem;
  return sizeof(struct best_state);
}

const struct tenancy_algorithm tenancy_best = {.name = "best",
                                               .doc = "seeds annealed side by side, ever fewer of them",
                                               .source = "ours",
                                               .table = &best_fields,
                                               .settings_bytes = sizeof(struct best_settings),
                                               .keep_of = keep_of,
                                               .state_bytes = state_bytes,
                                               .run = run};

/* How far does the genetic algorithm of MAGMA get, with its operators as intended? (Kao and Krishna, arXiv 2104.13997;
 * tenancy §7; what the released program does instead is in §14 and not copied.)
 *
 * Three crossovers: of one row only, so that core and order are inherited independently; of a range in both rows, so
 * that jobs keep both; of a core's jobs. Each has its rate; the later ones begin again from parents of their own.
 * Mutation draws a gene afresh. */
#include "search/tenancy/magma.h"

#include "base/num.h"

enum selection { SELECTION_LINEAR_GAP, SELECTION_RANK, SELECTION_TOURNAMENT };
static const char *const selection_names[] = {"linear_gap", "rank", "tournament", NULL};
enum init { INIT_RANDOM, INIT_SEEDED };
static const char *const init_names[] = {"random", "seeded", NULL};

#define OFFSET(member) offsetof(struct magma_settings, member)
static const struct field magma_field_list[] = {
    {"population", FIELD_UINT, "", 2, 4096, "100", "answers of a generation", OFFSET(population), ROLE_ANSWER, NULL},
    {"elite_fraction", FIELD_REAL, "", 0, 1, "0.05", "of the population that stays as it is, at least one",
     OFFSET(elite_fraction), ROLE_ANSWER, NULL},
    {"parent_fraction", FIELD_REAL, "", 0, 1, "0.1", "of the population that breeds, at least two",
     OFFSET(parent_fraction), ROLE_ANSWER, NULL},
    {"crossover_gen_rate", FIELD_REAL, "", 0, 1, "0.9", "probability that a pair exchanges genes of one row",
     OFFSET(gen_rate), ROLE_ANSWER, NULL},
    {"crossover_rg_rate", FIELD_REAL, "", 0, 1, "0.1", "probability that a pair exchanges a range of jobs in both rows",
     OFFSET(rg_rate), ROLE_ANSWER, NULL},
    {"rg_cuts", FIELD_UINT, "", 1, 2, "1", "1: that range begins at the first job, 2: anywhere", OFFSET(rg_cuts),
     ROLE_ANSWER, NULL},
    {"crossover_accel_rate", FIELD_REAL, "", 0, 1, "0.1", "probability that a child takes over a core's jobs",
     OFFSET(accel_rate), ROLE_ANSWER, NULL},
    {"mutation_rate", FIELD_REAL, "", 0, 1, "0.05", "probability that a gene is drawn afresh", OFFSET(mutation_rate),
     ROLE_ANSWER, NULL},
    {"mutation_decay", FIELD_REAL, "", 0, 1, "1", "factor of that probability from generation to generation",
     OFFSET(mutation_decay), ROLE_ANSWER, NULL},
    {"selection", FIELD_CHOICE, "", 0, 0, "\"linear_gap\"",
     "weights of parents: distance to the worst of them, place in their order, or the better one of two",
     OFFSET(selection), ROLE_ANSWER, selection_names},
    {"init", FIELD_CHOICE, "", 0, 0, "\"random\"", "the first answers: all drawn, or the best seed among them",
     OFFSET(init), ROLE_ANSWER, init_names},
};
const struct field_table magma_fields = {"tenancy.magma", "the genetic algorithm of MAGMA", magma_field_list,
                                         sizeof magma_field_list / sizeof *magma_field_list};

/* --- operators ------------------------------------------------------------------------------------------------------
 */

static void exchange_cores(struct tenancy_answer *a, struct tenancy_answer *b, size_t from, size_t to) {
  for (size_t j = from; j < to; j++) {
    const uint32_t core = a->core[j];
    a->core[j] = b->core[j];
    b->core[j] = core;
  }
}
static void exchange_priorities(struct tenancy_answer *a, struct tenancy_answer *b, size_t from, size_t to) {
  for (size_t j = from; j < to; j++) {
    const double priority = a->priority[j];
    a->priority[j] = b->priority[j];
    b->priority[j] = priority;
  }
}

void magma_crossover_gen(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *a,
                         struct tenancy_answer *b) {
  const size_t n = problem->n_jobs;
  const bool cores = rng_below(rng, 2) == 0;
  const size_t pivot = rng_below(rng, n);
  const size_t from = pivot < n / 2 ? 0 : pivot, to = pivot < n / 2 ? pivot : n; /* the shorter side */
  (cores ? exchange_cores : exchange_priorities)(a, b, from, to);
}

void magma_crossover_rg(const struct tenancy_problem *problem, uint64_t n_cuts, struct rng *rng,
                        struct tenancy_answer *a, struct tenancy_answer *b) {
  size_t from = 0, to = rng_below(rng, problem->n_jobs);
  if (n_cuts == 2) {
    from = rng_below(rng, problem->n_jobs);
    if (from > to) {
      const size_t later = from;
      from = to;
      to = later;
    }
  }
  exchange_cores(a, b, from, to);
  exchange_priorities(a, b, from, to);
}

void magma_crossover_accel(const struct tenancy_problem *problem, struct rng *rng, const struct tenancy_answer *mom,
                           struct tenancy_answer *child) {
  const uint32_t core = (uint32_t)rng_below(rng, problem->n_cores);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const bool moms = mom->core[j] == core, dads = child->core[j] == core;
    if (moms && !dads) {
      child->core[j] = core;
      child->priority[j] = mom->priority[j];
    } else if (dads && !moms) {
      child->core[j] = genome_draw_core(problem, j, rng);
    }
  }
}

void magma_mutate(const struct tenancy_problem *problem, double rate, struct rng *rng, struct tenancy_answer *child) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (rng_unit(rng) < rate) child->core[j] = genome_draw_core(problem, j, rng);
    if (rng_unit(rng) < rate) child->priority[j] = rng_unit(rng);
  }
}

/* --- a generation ---------------------------------------------------------------------------------------------------
 */

/* Distances in cycles, as published: one poor parent makes all others equal, which `rank` does not. */
static void weigh(const struct evolution *evolution, const struct tenancy_problem *problem, const tenancy_cost *cost,
                  double *weight) {
  const struct magma_settings *settings = evolution->settings;
  const size_t n = evolution->n_parents;
  for (size_t i = 0; i < n; i++) {
    switch ((enum selection)settings->selection) {
    case SELECTION_LINEAR_GAP:
      weight[i] = (double)(cost[n - 1] - cost[i]) / (double)problem->scaled_bandwidth + 1;
      break;
    case SELECTION_RANK:
      weight[i] = (double)(n - i);
      break;
    case SELECTION_TOURNAMENT: /* of all n² pairs, those that i wins */
      weight[i] = (double)(2 * (n - i) - 1);
      break;
    }
  }
}

static void copy_parents(const struct evolution_parents *parents, struct rng *rng, struct tenancy_answer *children) {
  size_t pick[2];
  evolution_pick(parents, rng, pick);
  for (size_t k = 0; k < 2; k++) tenancy_answer_copy(parents->problem, &parents->answers[pick[k]], &children[k]);
}

static void breed(const struct evolution *evolution, const struct evolution_parents *parents, struct rng *rng,
                  struct tenancy_answer *children) {
  const struct magma_settings *settings = evolution->settings;
  const struct tenancy_problem *problem = parents->problem;
  copy_parents(parents, rng, children);
  if (rng_unit(rng) < settings->gen_rate) magma_crossover_gen(problem, rng, &children[0], &children[1]);
  if (rng_unit(rng) < settings->rg_rate) {
    copy_parents(parents, rng, children);
    magma_crossover_rg(problem, settings->rg_cuts, rng, &children[0], &children[1]);
  }
  const double fall = settings->mutation_decay, age = (double)(parents->generation - 1);
  const double rate = settings->mutation_rate * (fall > 0 ? num_pow(fall, age) : age > 0 ? 0 : 1);
  for (size_t k = 0; k < 2; k++) {
    if (rng_unit(rng) < settings->accel_rate) {
      size_t pick[2];
      evolution_pick(parents, rng, pick);
      tenancy_answer_copy(problem, &parents->answers[pick[0]], &children[k]);
      magma_crossover_accel(problem, rng, &parents->answers[pick[1]], &children[k]);
    }
    magma_mutate(problem, rate, rng, &children[k]);
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct magma_settings *settings = request->settings;
  const size_t n = settings->population;
  const struct evolution evolution = {.n_population = n,
                                      .n_elites = evolution_share(n, settings->elite_fraction, 1, n - 1),
                                      .n_parents = evolution_share(n, settings->parent_fraction, 2, n),
                                      .settings = settings,
                                      .weigh = weigh,
                                      .breed = breed,
                                      .purpose = RNG_TENANCY_MAGMA,
                                      .task = request->island,
                                      .seeded = settings->init == INIT_SEEDED};
  evolution_run(&evolution, request, meter);
}

static size_t keep_of(const void *settings, const struct tenancy_problem *problem) {
  (void)problem;
  return ((const struct magma_settings *)settings)->population;
}
static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  return evolution_state_bytes(((const struct magma_settings *)settings)->population, problem);
}

const struct tenancy_algorithm tenancy_magma = {.name = "magma",
                                                .doc = "the genetic algorithm of MAGMA, its operators as intended",
                                                .source = "Kao and Krishna, arXiv 2104.13997",
                                                .table = &magma_fields,
                                                .settings_bytes = sizeof(struct magma_settings),
                                                .keep_of = keep_of,
                                                .state_bytes = state_bytes,
                                                .run = run};

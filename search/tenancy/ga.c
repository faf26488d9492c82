/* What does a plain genetic algorithm find? One-point crossover on the flat genome (cores, then priorities), reset
 * mutation, the best few stay. (tenancy §9; the setting of its measurements.) */
#include "search/tenancy/evolution.h"

struct ga_settings {
  uint64_t population, elite, parents;
  double crossover_rate, mutation_rate;
};

#define OFFSET(member) offsetof(struct ga_settings, member)
static const struct field ga_field_list[] = {
    {"population", FIELD_UINT, "", 2, 4096, "100", "answers of a generation", OFFSET(population), ROLE_ANSWER, NULL},
    {"elite", FIELD_UINT, "", 1, 4095, "5", "answers that stay as they are", OFFSET(elite), ROLE_ANSWER, NULL},
    {"parents", FIELD_UINT, "", 2, 4096, "10", "answers that breed, equally likely", OFFSET(parents), ROLE_ANSWER,
     NULL},
    {"crossover_rate", FIELD_REAL, "", 0, 1, "0.1", "probability that a pair exchanges what lies behind one point",
     OFFSET(crossover_rate), ROLE_ANSWER, NULL},
    {"mutation_rate", FIELD_REAL, "", 0, 1, "0.1", "probability that a gene is drawn afresh", OFFSET(mutation_rate),
     ROLE_ANSWER, NULL},
};
static const struct field_table ga_fields = {"tenancy.ga", "plain genetic algorithm", ga_field_list,
                                             sizeof ga_field_list / sizeof *ga_field_list};

static void weigh(const struct evolution *evolution, const struct tenancy_problem *problem, const tenancy_cost *cost,
                  double *weight) {
  (void)problem, (void)cost;
  for (size_t i = 0; i < evolution->n_parents; i++) weight[i] = 1;
}

/* Genes from `point` on change sides: of 2 × n_jobs, cores first. */
static void cross(const struct tenancy_problem *problem, size_t point, struct tenancy_answer *children) {
  const size_t n = problem->n_jobs;
  for (size_t i = point; i < 2 * n; i++) {
    if (i < n) {
      const uint32_t core = children[0].core[i];
      children[0].core[i] = children[1].core[i];
      children[1].core[i] = core;
    } else {
      const double priority = children[0].priority[i - n];
      children[0].priority[i - n] = children[1].priority[i - n];
      children[1].priority[i - n] = priority;
    }
  }
}

static void breed(const struct evolution *evolution, const struct evolution_parents *parents, struct rng *rng,
                  struct tenancy_answer *children) {
  const struct ga_settings *settings = evolution->settings;
  const struct tenancy_problem *problem = parents->problem;
  size_t pick[2];
  evolution_pick(parents, rng, pick);
  for (size_t k = 0; k < 2; k++) tenancy_answer_copy(problem, &parents->answers[pick[k]], &children[k]);
  if (rng_unit(rng) < settings->crossover_rate) cross(problem, 1 + rng_below(rng, 2 * problem->n_jobs - 1), children);
  for (size_t k = 0; k < 2; k++) {
    for (size_t j = 0; j < problem->n_jobs; j++) {
      if (rng_unit(rng) < settings->mutation_rate) children[k].core[j] = genome_draw_core(problem, j, rng);
      if (rng_unit(rng) < settings->mutation_rate) children[k].priority[j] = rng_unit(rng);
    }
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct ga_settings *settings = request->settings;
  const size_t n = settings->population;
  const struct evolution evolution = {.n_population = n,
                                      .n_elites = settings->elite < n ? settings->elite : n - 1,
                                      .n_parents = settings->parents < n ? settings->parents : n,
                                      .settings = settings,
                                      .weigh = weigh,
                                      .breed = breed,
                                      .purpose = RNG_TENANCY_BASELINE,
                                      .task = request->island + BASELINE_GA * UINT64_C(65536)};
  evolution_run(&evolution, request, meter);
}

static size_t keep_of(const void *settings, const struct tenancy_problem *problem) {
  (void)problem;
  return ((const struct ga_settings *)settings)->population;
}
static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  return evolution_state_bytes(((const struct ga_settings *)settings)->population, problem);
}

const struct tenancy_algorithm tenancy_ga = {.name = "ga",
                                             .doc = "plain genetic algorithm, one-point crossover on the flat genome",
                                             .source = "Holland 1975; the setting of tenancy mapping's measurements",
                                             .table = &ga_fields,
                                             .settings_bytes = sizeof(struct ga_settings),
                                             .keep_of = keep_of,
                                             .state_bytes = state_bytes,
                                             .run = run};

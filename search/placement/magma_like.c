/* What does MAGMA's genetic algorithm find for a graph? (Kao and Krishna, arXiv 2104.13997; placement §6.)
 *
 * Two rows of genes, the layer's device and its priority. Three crossovers: of one row from a cut on; of both rows up
 * to a cut; of what the mother has on one device. Mutation draws a gene afresh. It is made for independent jobs; here
 * priorities only order layers that could start. The best few stay, the best tenth are parents. */
#include "search/placement/placement_draw.h"

#include <math.h>
#include <string.h>

struct magma_settings {
  uint64_t population;
  double elite_fraction, parent_fraction, gen_rate, rg_rate, accel_rate, mutation_rate;
};

#define OFFSET(member) offsetof(struct magma_settings, member)
static const struct field magma_field_list[] = {
    {"population", FIELD_UINT, "", 2, 4096, "100", "answers of a generation", OFFSET(population), ROLE_ANSWER, NULL},
    {"elite_fraction", FIELD_REAL, "", 0, 1, "0.05", "of the population that stays as it is, at least one",
     OFFSET(elite_fraction), ROLE_ANSWER, NULL},
    {"parent_fraction", FIELD_REAL, "", 0, 1, "0.1", "of the population that breeds, at least two",
     OFFSET(parent_fraction), ROLE_ANSWER, NULL},
    {"crossover_gen_rate", FIELD_REAL, "", 0, 1, "0.9", "probability of a crossover of one row", OFFSET(gen_rate),
     ROLE_ANSWER, NULL},
    {"crossover_rg_rate", FIELD_REAL, "", 0, 1, "0.1", "probability of a crossover of a range in both rows",
     OFFSET(rg_rate), ROLE_ANSWER, NULL},
    {"crossover_accel_rate", FIELD_REAL, "", 0, 1, "0.1", "probability of a crossover of a device's layers",
     OFFSET(accel_rate), ROLE_ANSWER, NULL},
    {"mutation_rate", FIELD_REAL, "", 0, 1, "0.05", "probability that a gene is drawn afresh", OFFSET(mutation_rate),
     ROLE_ANSWER, NULL},
};
static const struct field_table magma_fields = {"placement.magma-like", "a genetic algorithm after MAGMA",
                                                magma_field_list, sizeof magma_field_list / sizeof *magma_field_list};

struct magma {
  const struct placement_request *request;
  struct placement_meter *meter;
  struct placement_build *build;
  struct placement_answer answer;
  size_t n, n_elites, n_parents;
  struct placement_genes *genes, *old; /* [n], best first after sorting */
  double *value;
  uint32_t *rank;
};

static size_t share(size_t n, double fraction, size_t least, size_t most) {
  const size_t part = (size_t)((double)n * fraction);
  return part < least ? least : part > most ? most : part;
}

static void copy(const struct magma *m, const struct placement_genes *from, struct placement_genes *to) {
  const size_t n = m->request->problem->n_layers;
  memcpy(to->device, from->device, n * sizeof *to->device);
  memcpy(to->priority, from->priority, n * sizeof *to->priority);
}

static void cross(const struct magma *m, const struct placement_genes *mother, struct rng *rng,
                  struct placement_genes *child) {
  const struct magma_settings *settings = m->request->settings;
  const size_t n = m->request->problem->n_layers;
  if (rng_unit(rng) < settings->gen_rate) {
    const bool devices = rng_below(rng, 2) == 0;
    const size_t cut = rng_below(rng, n);
    if (devices) memcpy(child->device + cut, mother->device + cut, (n - cut) * sizeof *child->device);
    if (!devices) memcpy(child->priority + cut, mother->priority + cut, (n - cut) * sizeof *child->priority);
  }
  if (rng_unit(rng) < settings->rg_rate) {
    const size_t cut = rng_below(rng, n);
    memcpy(child->device, mother->device, cut * sizeof *child->device);
    memcpy(child->priority, mother->priority, cut * sizeof *child->priority);
  }
  if (rng_unit(rng) < settings->accel_rate) {
    const uint32_t device = (uint32_t)rng_below(rng, m->request->problem->n_devices);
    for (uint32_t l = 0; l < n; l++) {
      if (mother->device[l] != device) continue;
      child->device[l] = device;
      child->priority[l] = mother->priority[l];
    }
  }
}

static void mutate(const struct magma *m, struct rng *rng, struct placement_genes *child) {
  const double rate = ((const struct magma_settings *)m->request->settings)->mutation_rate;
  for (uint32_t l = 0; l < m->request->problem->n_layers; l++) {
    if (rng_unit(rng) < rate) child->device[l] = placement_draw_device(m->build, l, rng);
    if (rng_unit(rng) < rate) child->priority[l] = rng_unit(rng);
  }
}

/* Best first; among equals who stood before. */
static void sort(struct magma *m) {
  for (uint32_t i = 0; i < m->n; i++) {
    size_t at = i;
    for (; at > 0 && m->value[m->rank[at - 1]] > m->value[i]; at--) m->rank[at] = m->rank[at - 1];
    m->rank[at] = i;
  }
}

static void judge(struct magma *m, size_t i) {
  placement_decode(m->build, &m->genes[i], &m->answer);
  m->value[i] = placement_meter_try(m->meter, &m->answer);
}

/* The best stay, the rest are bred; false: the budget is used. */
static bool breed(struct magma *m, uint64_t generation, double *old_value) {
  struct placement_genes *const parents = m->genes;
  m->genes = m->old, m->old = parents;
  memcpy(old_value, m->value, m->n * sizeof *old_value);
  for (size_t i = 0; i < m->n; i++) {
    copy(m, &parents[m->rank[i < m->n_elites ? i : 0]], &m->genes[i]);
    m->value[i] = i < m->n_elites ? old_value[m->rank[i]] : INFINITY;
  }
  for (size_t i = m->n_elites; i < m->n; i++) {
    if (placement_meter_full(m->meter)) return false;
    struct rng rng = placement_rng(m->request, PLACEMENT_STREAM_MAGMA, generation, i);
    const size_t father = rng_below(&rng, m->n_parents), mother = rng_below(&rng, m->n_parents);
    copy(m, &parents[m->rank[father]], &m->genes[i]);
    cross(m, &parents[m->rank[mother]], &rng, &m->genes[i]);
    mutate(m, &rng, &m->genes[i]);
    judge(m, i);
  }
  return true;
}

static bool start(struct magma *m) {
  for (size_t i = 0; i < m->n; i++) {
    if (placement_meter_full(m->meter)) return false;
    struct rng rng = placement_rng(m->request, PLACEMENT_STREAM_MAGMA, 0, i);
    placement_draw(m->build, &rng, &m->genes[i]);
    judge(m, i);
  }
  return true;
}

static void run(const struct placement_request *request, struct placement_result *result) {
  const struct magma_settings *settings = request->settings;
  const struct placement_problem *problem = request->problem;
  const size_t n = settings->population;
  struct placement_meter meter;
  struct placement_build build;
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct arena *arena = request->arena;
  struct magma m = {.request = request,
                    .meter = &meter,
                    .build = &build,
                    .answer = placement_answer_new(problem, arena),
                    .n = n,
                    .n_elites = share(n, settings->elite_fraction, 1, n - 1),
                    .n_parents = share(n, settings->parent_fraction, 2, n),
                    .genes = ARENA_NEW(arena, struct placement_genes, n),
                    .old = ARENA_NEW(arena, struct placement_genes, n),
                    .value = ARENA_NEW(arena, double, n),
                    .rank = ARENA_NEW(arena, uint32_t, n)};
  double *old_value = ARENA_NEW(arena, double, n);
  for (size_t i = 0; i < n; i++) {
    m.genes[i] = placement_genes_new(problem, arena);
    m.old[i] = placement_genes_new(problem, arena);
  }
  const bool rare = problem->contiguous || problem->memory == PLACEMENT_HARD;
  if (rare && !placement_meter_full(&meter) && placement_build_fill(&build, &m.answer)) {
    placement_meter_try(&meter, &m.answer);
  }
  bool more = start(&m);
  for (uint64_t generation = 1; more; generation++) {
    sort(&m);
    more = breed(&m, generation, old_value);
  }
}

const struct placement_algorithm placement_magma_like = {.name = "magma-like",
                                                         .doc = "MAGMA's genetic algorithm with a graph's order",
                                                         .source = "after Kao and Krishna, arXiv 2104.13997",
                                                         .table = &magma_fields,
                                                         .settings_bytes = sizeof(struct magma_settings),
                                                         .slow_start = true,
                                                         .run = run};

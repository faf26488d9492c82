/* How far do genes get that say in which order groups come? A key in [0, 1) a group; decoded as the topological order
 * by key and the best slices of it (partition §10), so that every individual is the best of its order. Random keys bred
 * with a bias to the elite (Bean, ORSA J. Computing 1994; Gonçalves and Resende, J. Heuristics 2011); 100 individuals
 * and 100 generations are the settings of Archer et al. (ICML 2024). */
#include "base/rng.h"
#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_slicing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct genetic_settings {
  uint64_t population, generations;
  double elite_fraction, fresh_fraction, bias;
};

#define OFFSET(member) offsetof(struct genetic_settings, member)
static const struct field genetic_field_list[] = {
    {"population", FIELD_UINT, "", 2, 100000, "100", "individuals", OFFSET(population), ROLE_ANSWER, NULL},
    {"generations", FIELD_UINT, "", 1, 1e9, "100", "after which it ends, if samples have not", OFFSET(generations),
     ROLE_ANSWER, NULL},
    {"elite_fraction", FIELD_REAL, "", 0, 1, "0.2", "share of individuals that stay", OFFSET(elite_fraction),
     ROLE_ANSWER, NULL},
    {"fresh_fraction", FIELD_REAL, "", 0, 1, "0.1", "share that is drawn afresh in every generation",
     OFFSET(fresh_fraction), ROLE_ANSWER, NULL},
    {"bias", FIELD_REAL, "", 0, 1, "0.7", "probability that a key comes from the parent of the elite", OFFSET(bias),
     ROLE_ANSWER, NULL},
};
static const struct field_table genetic_fields = {"partition.genetic", "a genetic algorithm over orders",
                                                  genetic_field_list,
                                                  sizeof genetic_field_list / sizeof *genetic_field_list};

struct individual {
  double *key; /* [n] */
  double value;
  uint32_t number; /* ties: who stood before */
};
struct genetic {
  const struct partition_request *request;
  struct partition_meter meter;
  struct partition_slicer *slicer;
  size_t n, n_elite, n_fresh;
  struct individual *now, *next; /* [n], best first */
  uint32_t *order, *chip;        /* [n groups] */
};

static int compare(const void *a, const void *b) {
  const struct individual *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

static void judge(struct genetic *g, struct individual *one) {
  const struct partition_graph *graph = g->request->graph;
  partition_order_by_key(graph, one->key, g->order, g->request->scratch);
  one->value = INFINITY;
  if (!(partition_slice(g->slicer, g->order, INFINITY, g->chip) < INFINITY)) {
    partition_meter_pass(&g->meter, INFINITY); /* an order without a partition has cost as much */
    return;
  }
  partition_renumber(graph, g->chip, g->meter.work);
  one->value = partition_meter_try(&g->meter, g->chip);
}

static void draw(const struct genetic *g, struct rng *rng, double *key) {
  for (size_t v = 0; v < g->request->graph->n; v++) key[v] = rng_unit(rng);
}

static void breed(const struct genetic *g, struct rng *rng, double *key) {
  const struct genetic_settings *settings = g->request->settings;
  const double *elite = g->now[rng_below(rng, g->n_elite)].key;
  const double *other = g->now[g->n_elite + rng_below(rng, g->n - g->n_elite)].key;
  for (size_t v = 0; v < g->request->graph->n; v++) key[v] = rng_unit(rng) < settings->bias ? elite[v] : other[v];
}

/* False: no sample was left. */
static bool fill(struct genetic *g, uint64_t generation, size_t first) {
  for (size_t i = first; i < g->n; i++) {
    if (partition_meter_full(&g->meter)) return false;
    struct rng rng =
        rng_stream(g->request->seed, RNG_PARTITION, generation, (uint64_t)PARTITION_STREAM_GENETIC << 32 | i);
    if (generation == 0 || i >= g->n - g->n_fresh) {
      draw(g, &rng, g->next[i].key);
    } else {
      breed(g, &rng, g->next[i].key);
    }
    judge(g, &g->next[i]);
  }
  return true;
}

static void swap(struct genetic *g) {
  struct individual *const old = g->now;
  for (size_t i = 0; i < g->n; i++) g->next[i].number = (uint32_t)i;
  qsort(g->next, g->n, sizeof *g->next, compare);
  g->now = g->next, g->next = old;
}

static void keep_elite(struct genetic *g) {
  for (size_t i = 0; i < g->n_elite; i++) {
    memcpy(g->next[i].key, g->now[i].key, g->request->graph->n * sizeof *g->now[i].key);
    g->next[i].value = g->now[i].value;
  }
}

static size_t share(size_t n, double fraction, size_t least, size_t most) {
  const size_t part = (size_t)((double)n * fraction);
  return part < least ? least : part > most ? most : part;
}

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  (void)error;
  const struct genetic_settings *settings = request->settings;
  struct arena *arena = request->arena;
  const size_t n_groups = request->graph->n, n = settings->population;
  struct genetic g = {.request = request,
                      .slicer = partition_slicer_new(request->graph, arena),
                      .n = n,
                      .n_elite = share(n, settings->elite_fraction, 1, n - 1),
                      .now = ARENA_NEW(arena, struct individual, n),
                      .next = ARENA_NEW(arena, struct individual, n),
                      .order = ARENA_NEW(arena, uint32_t, n_groups),
                      .chip = ARENA_NEW(arena, uint32_t, n_groups)};
  g.n_fresh = share(n, settings->fresh_fraction, 0, n - g.n_elite);
  partition_meter_init(&g.meter, request, result);
  for (size_t i = 0; i < n; i++) {
    g.now[i].key = ARENA_NEW(arena, double, n_groups);
    g.next[i].key = ARENA_NEW(arena, double, n_groups);
  }
  bool more = fill(&g, 0, 0);
  for (uint64_t generation = 1; more && generation < settings->generations; generation++) {
    swap(&g);
    keep_elite(&g);
    more = fill(&g, generation, g.n_elite);
  }
  return true;
}

const struct partition_algorithm partition_by_genetic = {
    .name = "genetic",
    .doc = "random keys bred, each decoded to the best slices of its order",
    .source = "Archer et al., ICML 2024; random keys: Bean 1994, Goncalves and Resende 2011",
    .table = &genetic_fields,
    .settings_bytes = sizeof(struct genetic_settings),
    .run = run,
};

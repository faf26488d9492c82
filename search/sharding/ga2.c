/* Two genetic algorithms, one in the other: sets, designs and ranges by the outer, strategies of layers by the inner.
 * (sharding §5. MARS, DAC 2023, names a two-level genetic algorithm; its encodings and operators are not public and
 * these are a reconstruction, with the rates of MAGMA's public code.)
 *
 * An outer genome has a label a board (its set, or none), a design a set and the places at which the order is cut; each
 * set takes one range. Seeds: one set of all boards, a set a group, halves of halves; the design of a set is that with
 * the least summed cycles. All boards reach each other, so any set hangs together and needs no repair. What level 2
 * finds for a range on a set is kept and used again. A sample is an outer answer. */
#include "search/sharding/ga2_level2.h"
#include "search/sharding/sharding_rules.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SETS = 16 };

static const struct field fields[] = {
    {"population", FIELD_UINT, "", 4, 1e5, "100", "answers of the outer level in a generation",
     offsetof(struct ga2_settings, population), ROLE_ANSWER, NULL},
    {"patience", FIELD_UINT, "", 1, 1e6, "30", "outer generations without gain, after which it ends",
     offsetof(struct ga2_settings, patience), ROLE_ANSWER, NULL},
    {"inner_population", FIELD_UINT, "", 4, 1e5, "100", "lists of strategies of the inner level in a generation",
     offsetof(struct ga2_settings, inner_population), ROLE_ANSWER, NULL},
    {"inner_patience", FIELD_UINT, "", 1, 1e6, "30", "inner generations without gain, after which it ends",
     offsetof(struct ga2_settings, inner_patience), ROLE_ANSWER, NULL},
    {"elite", FIELD_REAL, "", 0, 1, "0.05", "share that lives on as it is", offsetof(struct ga2_settings, elite),
     ROLE_ANSWER, NULL},
    {"parents", FIELD_REAL, "", 0, 1, "0.1", "share that has children", offsetof(struct ga2_settings, parents),
     ROLE_ANSWER, NULL},
    {"crossover", FIELD_REAL, "", 0, 1, "0.9", "of two parents; half of it uniform, half at one point",
     offsetof(struct ga2_settings, crossover), ROLE_ANSWER, NULL},
    {"mutation", FIELD_REAL, "", 0, 1, "0.05", "of each gene", offsetof(struct ga2_settings, mutation), ROLE_ANSWER,
     NULL},
};
static const struct field_table table = {"ga2", "two-level genetic algorithm", fields, sizeof fields / sizeof *fields};

struct outer {
  const struct sharding_request *request;
  const struct sharding_problem *problem;
  struct sharding_meter meter;
  struct ga2_settings settings;
  struct ga2_cache *cache;
  uint32_t most_sets;
  const uint32_t *boards; /* [n_boards] by group, then number */
  double *cycles_s;       /* [n_layers + 1 by design] one board's seconds of the layers before a place */
  size_t n_genes;         /* labels, then designs, then cuts */
  uint32_t *genes, *children;
  double *value, *child_value;
  size_t *order; /* best first */
};

/* --- genomes --------------------------------------------------------------------------------------------------------
 */

static uint32_t *labels(uint32_t *genes) { return genes; }
static uint32_t *designs(const struct outer *o, uint32_t *genes) { return genes + o->problem->n_boards; }
static uint32_t *cuts(const struct outer *o, uint32_t *genes) { return genes + o->problem->n_boards + o->most_sets; }

static uint32_t draw_gene(const struct outer *o, size_t gene, struct rng *rng) {
  if (gene < o->problem->n_boards) return (uint32_t)rng_below(rng, o->most_sets + 1); /* the last: no set */
  if (gene < o->problem->n_boards + o->most_sets) return (uint32_t)rng_below(rng, o->problem->n_designs);
  return (uint32_t)rng_below(rng, o->problem->n_layers);
}

/* Board-seconds of places [first, last] by a design, on one board. */
static double seconds_of(const struct outer *o, size_t design, uint32_t first, uint32_t last) {
  const double *before = o->cycles_s + design * (o->problem->n_layers + 1);
  return before[last + 1] - before[first];
}

static uint32_t quickest_design(const struct outer *o, uint32_t first, uint32_t last) {
  uint32_t best = 0;
  for (uint32_t d = 1; d < o->problem->n_designs; d++) {
    if (seconds_of(o, d, first, last) < seconds_of(o, best, first, last)) best = d;
  }
  return best;
}

/* Boards in their order to n sets, as `set_of` says; ranges of like work by the design that is quickest for all. */
static void seed_sets(const struct outer *o, uint32_t n, uint32_t *genes) {
  const uint32_t all = (uint32_t)o->problem->n_layers, design = quickest_design(o, 0, all - 1);
  const double whole = seconds_of(o, design, 0, all - 1);
  uint32_t first = 0;
  for (uint32_t s = 0; s < n; s++) {
    uint32_t last = first;
    const double wanted = whole * (s + 1) / n;
    while (last + (n - s) < all && seconds_of(o, design, 0, last) < wanted) last++;
    if (s + 1 == n) last = all - 1;
    designs(o, genes)[s] = quickest_design(o, first, last);
    cuts(o, genes)[s] = last;
    first = last + 1;
  }
}

/* Which seed: 0: one set, 1: a set a group, then halves, quarters, … False: there are no more. */
static bool seed(const struct outer *o, size_t which, uint32_t *genes) {
  const struct sharding_problem *p = o->problem;
  uint32_t n = 1;
  for (size_t halvings = 2; halvings <= which; halvings++) n *= 2;
  if (which == 1) n = (uint32_t)p->n_groups;
  if (n > o->most_sets) return which <= 1 && seed(o, 0, genes);
  for (size_t i = 0; i < p->n_boards; i++) {
    const uint32_t board = o->boards[i];
    labels(genes)[board] = which == 1 ? p->board_group[board] : (uint32_t)(i * n / p->n_boards);
  }
  seed_sets(o, n, genes);
  return true;
}

static void draw(const struct outer *o, struct rng *rng, uint32_t *genes) {
  const uint32_t n = 1 + (uint32_t)rng_below(rng, o->most_sets);
  for (size_t g = 0; g < o->n_genes; g++) genes[g] = draw_gene(o, g, rng);
  for (size_t b = 0; b < o->problem->n_boards; b++) {
    if (labels(genes)[b] < o->most_sets) labels(genes)[b] %= n;
  }
}

static void breed(const struct outer *o, struct rng *rng, uint32_t *child) {
  size_t pick[2];
  ga2_pick(rng, ga2_share(o->settings.population, o->settings.parents, 2), pick);
  const uint32_t *one = o->genes + o->order[pick[0]] * o->n_genes, *other = o->genes + o->order[pick[1]] * o->n_genes;
  memcpy(child, one, o->n_genes * sizeof *child);
  if (rng_unit(rng) < o->settings.crossover) {
    const bool uniform = rng_below(rng, 2) == 0;
    const size_t point = (size_t)rng_below(rng, o->n_genes);
    for (size_t g = 0; g < o->n_genes; g++) {
      if (uniform ? rng_below(rng, 2) == 0 : g > point) child[g] = other[g];
    }
  }
  for (size_t g = 0; g < o->n_genes; g++) {
    if (rng_unit(rng) < o->settings.mutation) child[g] = draw_gene(o, g, rng);
  }
}

/* --- what they mean -------------------------------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Sets with boards, by label; a set of a system that is not adaptive keeps the boards of its first one's design. */
static uint32_t take_sets(const struct outer *o, uint32_t *genes, struct sharding_set *sets) {
  const struct sharding_problem *p = o->problem;
  uint32_t n = 0;
  for (uint32_t s = 0; s < o->most_sets; s++) {
    uint32_t *boards = ARENA_NEW(o->request->scratch, uint32_t, p->n_boards), n_boards = 0;
    for (size_t i = 0; i < p->n_boards; i++) {
      const uint32_t board = o->boards[i];
      if (labels(genes)[board] != s) continue;
      if (!p->adaptive && n_boards > 0 && p->boards[board].design != p->boards[boards[0]].design) continue;
      boards[n_boards++] = board;
    }
    if (n_boards == 0) continue;
    sets[n++] = (struct sharding_set){.design = p->adaptive ? designs(o, genes)[s] : p->boards[boards[0]].design,
                                      .n_boards = n_boards,
                                      .boards = boards};
  }
  return n;
}

/* The first n − 1 cuts, ascending and apart. */
static void take_ranges(const struct outer *o, uint32_t *genes, struct sharding_set *sets, uint32_t n) {
  uint32_t last[MOST_SETS], first = 0;
  const uint32_t all = (uint32_t)o->problem->n_layers;
  memcpy(last, cuts(o, genes), n * sizeof *last);
  qsort(last, n - 1, sizeof *last, by_number);
  last[n - 1] = all - 1;
  for (uint32_t s = 0; s < n; s++) {
    if (last[s] < first) last[s] = first;
    if (last[s] > all - (n - s)) last[s] = all - (n - s);
    sets[s].first = first, sets[s].last = last[s];
    first = last[s] + 1;
  }
  REQUIRE(first == all);
}

static double try_genes(struct outer *o, uint32_t *genes) {
  const struct sharding_problem *p = o->problem;
  struct arena *scratch = o->request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct sharding_set sets[MOST_SETS];
  struct sharding_answer answer = {take_sets(o, genes, sets), sets,
                                   ARENA_NEW(scratch, struct sharding_strategy, p->n_layers)};
  if (answer.n_sets == 0) { /* no board at work: all of them then, as one set */
    seed(o, 0, genes);
    answer.n_sets = take_sets(o, genes, sets);
  }
  take_ranges(o, genes, sets, (uint32_t)answer.n_sets);
  for (size_t s = 0; s < answer.n_sets; s++) {
    struct ga2_key key = {.first = sets[s].first, .last = sets[s].last, .design = sets[s].design};
    key.shape = (struct sharding_shape){sets[s].n_boards, sharding_ring_bandwidth(p, sets[s].boards, sets[s].n_boards),
                                        UINT64_MAX};
    key.inbound_bytes_per_s = INFINITY;
    for (uint32_t i = 0; i < sets[s].n_boards; i++) {
      const uint64_t room = p->boards[sets[s].boards[i]].dram_bytes;
      if (room < key.shape.dram_bytes) key.shape.dram_bytes = room;
    }
    for (size_t t = 0; t < s; t++) {
      key.inbound_bytes_per_s =
          fmin(key.inbound_bytes_per_s,
               sharding_between_bandwidth(p, sets[t].boards, sets[t].n_boards, sets[s].boards, sets[s].n_boards));
    }
    const struct sharding_strategy *strategies = ga2_strategies(o->cache, &key);
    for (uint32_t place = key.first; place <= key.last; place++) {
      answer.strategies[p->topological[place]] = strategies[place - key.first];
    }
  }
  const double value = sharding_meter_try(&o->meter, &answer);
  arena_rewind(scratch, mark);
  return value;
}

/* --- generations ----------------------------------------------------------------------------------------------------
 */

static void rank(struct outer *o) {
  const size_t n = o->settings.population;
  for (size_t i = 0; i < n; i++) {
    size_t at = i;
    for (; at > 0 && o->value[o->order[at - 1]] > o->value[i]; at--) o->order[at] = o->order[at - 1];
    o->order[at] = i;
  }
}

/* False: the meter is full. */
static bool first_generation(struct outer *o) {
  bool seeds_left = true;
  for (size_t i = 0; i < o->settings.population; i++) {
    uint32_t *genes = o->genes + i * o->n_genes;
    struct rng rng = rng_stream(o->request->seed, RNG_SHARDING, 0, (uint64_t)SHARDING_STREAM_GA2 << 32 | (i + 2));
    if (sharding_meter_full(&o->meter)) return false;
    draw(o, &rng, genes);
    seeds_left = seeds_left && seed(o, i, genes);
    o->value[i] = try_genes(o, genes);
  }
  rank(o);
  return true;
}

static bool next_generation(struct outer *o, uint64_t generation) {
  const size_t n = o->settings.population, n_elites = ga2_share(n, o->settings.elite, 1);
  for (size_t i = 0; i < n; i++) {
    uint32_t *child = o->children + i * o->n_genes;
    if (i < n_elites) {
      memcpy(child, o->genes + o->order[i] * o->n_genes, o->n_genes * sizeof *child);
      o->child_value[i] = o->value[o->order[i]];
      continue;
    }
    struct rng rng =
        rng_stream(o->request->seed, RNG_SHARDING, generation, (uint64_t)SHARDING_STREAM_GA2 << 32 | (i + 2));
    if (sharding_meter_full(&o->meter)) return false;
    breed(o, &rng, child);
    o->child_value[i] = try_genes(o, child);
  }
  uint32_t *const genes = o->genes;
  double *const value = o->value;
  o->genes = o->children, o->children = genes;
  o->value = o->child_value, o->child_value = value;
  rank(o);
  return true;
}

static void count_cycles(struct outer *o) {
  const struct sharding_problem *p = o->problem;
  o->cycles_s = ARENA_NEW(o->request->arena, double, p->n_designs *(p->n_layers + 1));
  for (size_t d = 0; d < p->n_designs; d++) {
    double *before = o->cycles_s + d * (p->n_layers + 1);
    for (size_t place = 0; place < p->n_layers; place++) {
      const uint32_t layer = p->topological[place];
      const double cycles = sharding_cycles(p, &p->designs[d], layer, p->layers[layer].size, 1);
      before[place + 1] = before[place] + cycles / p->designs[d].clock_hz;
    }
  }
}

static void run(const struct sharding_request *request, struct sharding_result *result) {
  const struct sharding_problem *p = request->problem;
  struct outer o = {.request = request, .problem = p};
  if (request->settings != NULL) o.settings = *(const struct ga2_settings *)request->settings;
  if (request->settings == NULL) config_defaults(&table, request->arena, &o.settings);
  sharding_meter_init(&o.meter, request, result);
  const size_t fewer = p->n_boards < p->n_layers ? p->n_boards : p->n_layers;
  o.most_sets = fewer < MOST_SETS ? (uint32_t)fewer : MOST_SETS;
  o.n_genes = p->n_boards + 2 * (size_t)o.most_sets;
  const size_t n = o.settings.population;
  uint32_t n_first;
  o.boards = sharding_sorted_boards(p, request->arena, &n_first);
  o.genes = ARENA_NEW(request->arena, uint32_t, n * o.n_genes);
  o.children = ARENA_NEW(request->arena, uint32_t, n * o.n_genes);
  o.value = ARENA_NEW(request->arena, double, n);
  o.child_value = ARENA_NEW(request->arena, double, n);
  o.order = ARENA_NEW(request->arena, size_t, n);
  o.cache = ga2_cache_new(request, &o.settings);
  count_cycles(&o);
  if (!first_generation(&o)) return;
  double best = result->value_s;
  uint64_t idle = 0;
  for (uint64_t generation = 1; idle < o.settings.patience && next_generation(&o, generation); generation++) {
    idle = result->value_s < best ? 0 : idle + 1;
    best = result->value_s;
  }
}

const struct sharding_algorithm sharding_ga2 = {
    .name = "ga2",
    .doc = "two-level genetic algorithm: sets, designs and ranges outside, strategies of layers inside",
    .source = "after MARS, DAC 2023, reconstructed: encodings and operators are not public",
    .table = &table,
    .settings_bytes = sizeof(struct ga2_settings),
    .run = run};

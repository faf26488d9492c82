/* Jobs drawn, sorted and priced. See tenancy_table.h. */
#include "dse/tenancy/tenancy_table.h"

#include "base/checked.h"
#include "base/rng.h"
#include <stdlib.h>
#include <string.h>

static const char *const provider_names[] = {"physical", "compat", NULL};
static const char *const operator_names[] = {"layers", "all", NULL};
static const char *const draw_names[] = {"uniform", "whole", NULL};
static const char *const sort_names[] = {"all", "released", NULL};
enum { MAX_GROUPS = 10000 };

#define OFFSET(member) offsetof(struct tenancy_table_settings, member)
#define CHOICE(key, default_text, names, doc)                                                                          \
  { #key, FIELD_CHOICE, "", 0, 0, default_text, doc, OFFSET(key), ROLE_ANSWER, names }
#define COUNT(key, unit, least, most, default_text, doc)                                                               \
  { #key, FIELD_UINT, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define LIST(key, type, unit, least, most, doc)                                                                        \
  { #key, type, unit, least, most, "[]", doc, OFFSET(key), ROLE_ANSWER, NULL }
static const struct field fields[] = {
    CHOICE(provider, "\"physical\"", provider_names,
           "physical: our cost model of each operator; compat: MAESTRO's closed forms, as in the public tables"),
    {"platform", FIELD_TEXT, "", 0, 0, "\"S4\"",
     "cores: a name (dse list platforms), or in words, \"7 dla h128, 1 lb h128 flexible\"", OFFSET(platform),
     ROLE_ANSWER, NULL},
    LIST(accelerators, FIELD_TEXT_LIST, "", 0, 0,
         "cores instead of a platform: \"tpuv4\", \"2 x FILE.cfg\", \"FOLDER:1..3\" (the best designs of a results "
         "folder)"),
    CHOICE(lb_style, "\"shi\"", maestro_style_names + MAESTRO_SHI, "what the platform's cores `lb` are"),
    {"task", FIELD_TEXT, "", 0, 0, "\"mix\"",
     "whose layers: a task of `dse list tasks`, as vision, language, recommendation, mix", OFFSET(task), ROLE_ANSWER,
     NULL},
    LIST(models, FIELD_TEXT_LIST, "", 0, 0, "networks instead of a task, with overrides: \"gpt2-small sequence=20\""),
    {"training", FIELD_BOOL, "", 0, 0, "false", "backward and update operators are jobs as well", OFFSET(training),
     ROLE_ANSWER, NULL},
    CHOICE(operators, "\"layers\"", operator_names,
           "layers: products, convolutions and updates; all: everything that takes time"),
    COUNT(batch, "samples", 1, 1e6, "1", "images or sequences of one job"),
    CHOICE(draw, "\"uniform\"", draw_names,
           "uniform: layers of all models with replacement; whole: every layer of every model once"),
    {"dependencies", FIELD_BOOL, "", 0, 0, "false", "with draw = \"whole\": a layer waits for those that feed it",
     OFFSET(dependencies), ROLE_ANSWER, NULL},
    COUNT(group_size, "", 1, TENANCY_MAX_JOBS, "100", "jobs of one instance"),
    COUNT(n_groups, "", 1, MAX_GROUPS, "1", "groups drawn; each makes an instance for every bandwidth"),
    LIST(bandwidth_bytes_per_cycle, FIELD_REAL_LIST, "bytes_per_cycle", 1e-6, 1e9,
         "of the shared memory; none: those of the platform"),
    CHOICE(bandwidth_model, "\"traffic\"", maestro_bandwidth_names,
           "need of a job of provider compat: every operand once, or one tile over the whole run, as released"),
    CHOICE(sort, "\"all\"", sort_names,
           "jobs by their latencies on the last core, the one before, …: down to the first, or to the third as "
           "released"),
    COUNT(clock_mhz, "mhz", 1, 10000, "1000", "of the table's cycles; cores have their own"),
    COUNT(seed, "", 0, 9e18, "1", "of the draw"),
};
const struct field_table tenancy_table_fields = {"tenancy", "jobs of many networks on cores that share one memory",
                                                 fields, sizeof fields / sizeof *fields};

const char *tenancy_place(const struct tenancy_world *world, const char *key) {
  const char *const group = world->group != NULL ? world->group : "tenancy";
  const char *const path = arena_printf(world->arena, "%s.%s", group, key), *file = world->path;
  const unsigned line = world->config != NULL ? config_line(world->config, path, &file) : 0;
  if (line > 0) return arena_printf(world->arena, "%s:%u: %s", file, line, path);
  return arena_printf(world->arena, "%s: %s", world->path, path);
}

/* --- prices of the pool ---------------------------------------------------------------------------------------------
 */

/* Ops of one shape cost the same. */
static size_t price_row(const struct tenancy_pool *pool, uint32_t layer) {
  const struct tenancy_model *const model = &pool->models[pool->layers[layer].model];
  return model->first_price + model->graph.ops[pool->layers[layer].op].shape;
}

const struct tenancy_price *tenancy_table_price(const struct tenancy_table *table, uint32_t layer, size_t core) {
  return &table->prices[table->cores.kind_of[core]][price_row(&table->pool, layer)];
}

static void price_layer(const struct tenancy_table_settings *settings, const struct tenancy_core_kind *kind,
                        const struct tenancy_pool *pool, uint32_t layer, struct tenancy_price *price) {
  const struct op_graph *const graph = &pool->models[pool->layers[layer].model].graph;
  const struct op *const op = &graph->ops[pool->layers[layer].op];
  if (settings->provider == TENANCY_PHYSICAL) {
    tenancy_price_physical(kind, settings->clock_mhz, op, graph->followers + op->first_follower, price);
    return;
  }
  struct maestro_row as_row;
  struct maestro_layer form;
  REQUIRE(maestro_row_of(op, &as_row, &form));
  tenancy_price_compat(kind, (enum maestro_bandwidth)settings->bandwidth_model, &form, price);
}

static size_t number_prices(struct tenancy_pool *pool) {
  size_t n = 0;
  for (size_t m = 0; m < pool->n_models; m++) {
    pool->models[m].first_price = n;
    n += pool->models[m].graph.n_shapes;
  }
  return n;
}

const struct tenancy_price *tenancy_price_pool(const struct tenancy_table_settings *settings,
                                               const struct tenancy_core_kind *kind, struct tenancy_pool *pool,
                                               struct arena *arena) {
  const size_t n = number_prices(pool);
  struct tenancy_price *const prices = ARENA_NEW(arena, struct tenancy_price, n);
  bool *const priced = ARENA_NEW(arena, bool, n);
  for (uint32_t i = 0; i < pool->n_layers; i++) {
    const size_t row = price_row(pool, i);
    if (!priced[row]) price_layer(settings, kind, pool, i, &prices[row]);
    priced[row] = true;
  }
  return prices;
}

static bool price_all(struct tenancy_table *table, const struct tenancy_world *world,
                      const struct tenancy_price *const *kept, struct error *error) {
  struct tenancy_pool *const pool = &table->pool;
  const size_t n_kinds = table->cores.n_kinds;
  const struct tenancy_price **const prices = ARENA_NEW(world->arena, const struct tenancy_price *, n_kinds);
  bool *const seen = ARENA_NEW(world->arena, bool, number_prices(pool));
  for (size_t k = 0; k < n_kinds; k++) {
    prices[k] =
        kept != NULL ? kept[k] : tenancy_price_pool(table->settings, &table->cores.kinds[k], pool, world->arena);
  }
  table->prices = prices;
  for (uint32_t i = 0; i < pool->n_layers; i++) {
    const size_t row = price_row(pool, i);
    bool runs = seen[row];
    seen[row] = true;
    for (size_t k = 0; k < n_kinds && !runs; k++) runs = prices[k][row].latency_cycles > 0;
    if (runs) continue;
    const struct tenancy_model *const model = &pool->models[pool->layers[i].model];
    error_add(error, STATUS_INPUT, "%s: %s of %s can run on no core of %s",
              tenancy_place(world, world->cores_key != NULL              ? world->cores_key
                                   : table->settings->accelerators.n > 0 ? "accelerators"
                                                                         : "platform"),
              op_name(&model->graph, pool->layers[i].op), model->name, table->cores.name);
  }
  return !error_is_set(error);
}

static bool check_sizes(const struct tenancy_table *table, const struct tenancy_world *world, struct error *error) {
  const struct tenancy_table_settings *const settings = table->settings;
  const bool whole = settings->draw == TENANCY_WHOLE;
  const uint64_t n_jobs = whole ? table->pool.n_layers : settings->group_size;
  if (whole && settings->n_groups > 1)
    error_add(error, STATUS_INPUT, "%s: %llu groups, but whole models are one; allowed is 1",
              tenancy_place(world, "n_groups"), (unsigned long long)settings->n_groups);
  if (!whole && settings->dependencies)
    error_add(error, STATUS_INPUT, "%s: layers drawn one by one wait for nothing; allowed with draw = \"whole\"",
              tenancy_place(world, "dependencies"));
  if (sat_mul(n_jobs, table->cores.n_cores) > TENANCY_MAX_ROWS)
    error_add(error, STATUS_INPUT, "%s: %llu jobs on %zu cores are more than %d pairs",
              tenancy_place(world, whole ? "models" : "group_size"), (unsigned long long)n_jobs, table->cores.n_cores,
              TENANCY_MAX_ROWS);
  return !error_is_set(error);
}

bool tenancy_table_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                        struct tenancy_table *table, struct error *error) {
  *table = (struct tenancy_table){.settings = settings};
  return tenancy_cores_open(settings, world, &table->cores, error) &&
         tenancy_pool_open(settings, world, table->cores.element_bytes, &table->pool, error) &&
         check_sizes(table, world, error) && price_all(table, world, NULL, error);
}

bool tenancy_table_of(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                      const struct tenancy_cores *cores, const struct tenancy_pool *pool,
                      const struct tenancy_price *const *kept, struct tenancy_table *table, struct error *error) {
  *table = (struct tenancy_table){.settings = settings, .cores = *cores, .pool = *pool};
  return check_sizes(table, world, error) && price_all(table, world, kept, error);
}

/* --- a group --------------------------------------------------------------------------------------------------------
 */

/* A job before the sort: latencies on the cores that count, last core first, then its place in the draw. */
struct drawn {
  const struct tenancy_table *table;
  uint32_t layer, arrival;
};

static uint64_t latency_on(const struct drawn *job, size_t core) {
  return tenancy_table_price(job->table, job->layer, core)->latency_cycles - 1; /* what cannot run comes last */
}

static int by_latency(const void *a, const void *b) {
  const struct drawn *const x = a, *const y = b;
  const struct tenancy_table *const table = x->table;
  const size_t least = table->settings->sort == TENANCY_SORT_RELEASED ? 2 : 0;
  for (size_t c = table->cores.n_cores; c > least; c--) {
    const uint64_t of_x = latency_on(x, c - 1), of_y = latency_on(y, c - 1);
    if (of_x != of_y) return of_x < of_y ? -1 : 1;
  }
  return (x->arrival > y->arrival) - (x->arrival < y->arrival); /* stable */
}

const uint32_t *tenancy_draw(const struct tenancy_table_settings *settings, const struct tenancy_pool *pool,
                             uint64_t group, size_t *n, struct arena *arena) {
  const bool whole = settings->draw == TENANCY_WHOLE;
  struct rng stream = rng_stream(settings->seed, RNG_TENANCY_DRAW, pool->number, group);
  *n = whole ? pool->n_layers : settings->group_size;
  uint32_t *const layer = ARENA_NEW(arena, uint32_t, *n);
  for (size_t j = 0; j < *n; j++) layer[j] = (uint32_t)(whole ? j : rng_below(&stream, pool->n_layers));
  return layer;
}

static struct drawn *draw(const struct tenancy_table *table, uint64_t group, size_t *n, struct arena *arena) {
  const uint32_t *const layer = tenancy_draw(table->settings, &table->pool, group, n, arena);
  struct drawn *const jobs = ARENA_NEW(arena, struct drawn, *n);
  for (size_t j = 0; j < *n; j++) jobs[j] = (struct drawn){table, layer[j], (uint32_t)j};
  qsort(jobs, *n, sizeof *jobs, by_latency);
  return jobs;
}

static uint64_t macs_of(const struct tenancy_table *table, uint32_t layer) {
  const struct op *const op = tenancy_table_op(table, layer);
  struct maestro_row row;
  struct maestro_layer form;
  if (table->settings->provider == TENANCY_PHYSICAL) return op_macs(op);
  REQUIRE(maestro_row_of(op, &row, &form));
  return maestro_macs(&form);
}

static void fill_cores(const struct tenancy_table *table, struct tenancy_problem *problem, struct arena *arena) {
  const struct tenancy_cores *const cores = &table->cores;
  const char **const styles = ARENA_NEW(arena, const char *, cores->n_cores);
  uint64_t *const pes = ARENA_NEW(arena, uint64_t, cores->n_cores);
  for (size_t c = 0; c < cores->n_cores; c++) {
    styles[c] = cores->kinds[cores->kind_of[c]].name;
    pes[c] = cores->kinds[cores->kind_of[c]].n_pes;
  }
  problem->n_cores = cores->n_cores;
  problem->core_styles = styles;
  problem->core_pes = pes;
}

/* Numbered by their first jobs, those without one left out: as they are read back from a file. */
static void fill_tenants(const struct tenancy_table *table, const struct drawn *jobs, struct tenancy_problem *problem,
                         struct arena *arena) {
  const size_t n_models = table->pool.n_models;
  const char **const tenants = ARENA_NEW(arena, const char *, n_models);
  uint32_t *const tenant = ARENA_NEW(arena, uint32_t, problem->n_jobs), *const of =
                                                                            ARENA_NEW(arena, uint32_t, n_models);
  memset(of, 0xff, n_models * sizeof *of);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t model = table->pool.layers[jobs[j].layer].model;
    if (of[model] == UINT32_MAX) {
      of[model] = (uint32_t)problem->n_tenants;
      tenants[problem->n_tenants++] = table->pool.models[model].name;
    }
    tenant[j] = of[model];
  }
  problem->tenant = tenant;
  problem->tenants = tenants;
}

static void fill_jobs(const struct tenancy_table *table, const struct drawn *jobs, struct arena *arena,
                      struct tenancy_instance *instance) {
  struct tenancy_problem *const problem = &instance->problem;
  const size_t n = problem->n_jobs, n_cells = n * problem->n_cores;
  uint64_t *const latency = ARENA_NEW(arena, uint64_t, n_cells), *const macs = ARENA_NEW(arena, uint64_t, n),
                  *const arrival = ARENA_NEW(arena, uint64_t, n);
  double *const need = ARENA_NEW(arena, double, n_cells), *const energy = ARENA_NEW(arena, double, n_cells);
  uint32_t *const layer = ARENA_NEW(arena, uint32_t, n);
  for (size_t j = 0; j < n; j++) {
    layer[j] = jobs[j].layer;
    macs[j] = macs_of(table, jobs[j].layer);
    arrival[j] = jobs[j].arrival;
    for (size_t c = 0; c < problem->n_cores; c++) {
      const struct tenancy_price *const price = tenancy_table_price(table, jobs[j].layer, c);
      latency[j * problem->n_cores + c] = price->latency_cycles;
      need[j * problem->n_cores + c] = price->bytes_per_cycle;
      energy[j * problem->n_cores + c] = price->energy_nj;
    }
  }
  problem->latency_cycles = latency;
  problem->bytes_per_cycle = need;
  problem->energy_nj = table->settings->provider == TENANCY_PHYSICAL ? energy : NULL;
  problem->macs = macs;
  problem->arrival = arrival;
  instance->layer = layer;
}

/* --- dependencies ---------------------------------------------------------------------------------------------------
 */

/* The nearest layers before each op of a model, through what is no layer: compressed rows over ops. */
struct ancestors {
  size_t *start;
  uint32_t *layers; /* as numbered in the pool */
  size_t n, room;
};

static void push(struct ancestors *found, uint32_t layer, size_t from, struct arena *arena) {
  for (size_t i = from; i < found->n; i++)
    if (found->layers[i] == layer) return;
  if (found->n == found->room) {
    uint32_t *const more = ARENA_NEW(arena, uint32_t, 2 * found->room + 64);
    if (found->n > 0) memcpy(more, found->layers, found->n * sizeof *more);
    found->layers = more;
    found->room = 2 * found->room + 64;
  }
  found->layers[found->n++] = layer;
}

/* `layer_of` an op: its number in the pool, or UINT32_MAX. */
static struct ancestors find_ancestors(const struct op_graph *graph, const uint32_t *layer_of, struct arena *arena) {
  struct ancestors found = {.start = ARENA_NEW(arena, size_t, graph->n_ops + 1)};
  for (size_t i = 0; i < graph->n_ops; i++) {
    found.start[i] = found.n;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t pred = graph->preds[e];
      if (layer_of[pred] != UINT32_MAX) {
        push(&found, layer_of[pred], found.start[i], arena);
        continue;
      }
      const size_t end = found.start[pred + 1];
      for (size_t a = found.start[pred]; a < end; a++) push(&found, found.layers[a], found.start[i], arena);
    }
    found.start[i + 1] = found.n;
  }
  return found;
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Of draw = whole, where the pool's layers are the jobs before their sort. */
static void fill_dependencies(const struct tenancy_table *table, struct arena *arena,
                              struct tenancy_instance *instance) {
  const struct tenancy_pool *const pool = &table->pool;
  const size_t n = pool->n_layers;
  uint32_t *const job_of = ARENA_NEW(arena, uint32_t, n), *const start = ARENA_NEW(arena, uint32_t, n + 1);
  struct ancestors *const found = ARENA_NEW(arena, struct ancestors, pool->n_models);
  for (size_t j = 0; j < n; j++) job_of[instance->layer[j]] = (uint32_t)j;
  size_t n_edges = 0;
  for (uint32_t m = 0; m < pool->n_models; m++) {
    const struct op_graph *const graph = &pool->models[m].graph;
    uint32_t *const layer_of = ARENA_NEW(arena, uint32_t, graph->n_ops);
    memset(layer_of, 0xff, graph->n_ops * sizeof *layer_of);
    for (uint32_t i = 0; i < n; i++)
      if (pool->layers[i].model == m) layer_of[pool->layers[i].op] = i;
    found[m] = find_ancestors(graph, layer_of, arena);
    n_edges += found[m].n;
  }
  uint32_t *const preds = ARENA_NEW(arena, uint32_t, n_edges);
  size_t at = 0;
  for (size_t j = 0; j < n; j++) {
    const struct tenancy_layer *const layer = &pool->layers[instance->layer[j]];
    const struct ancestors *const own = &found[layer->model];
    start[j] = (uint32_t)at;
    for (size_t a = own->start[layer->op]; a < own->start[layer->op + 1]; a++) preds[at++] = job_of[own->layers[a]];
    qsort(preds + start[j], at - start[j], sizeof *preds, by_number);
  }
  start[n] = (uint32_t)at;
  instance->problem.pred_start = start;
  instance->problem.preds = preds;
}

/* --- an instance ----------------------------------------------------------------------------------------------------
 */

bool tenancy_table_build(const struct tenancy_table *table, size_t index, struct arena *arena,
                         struct tenancy_instance *instance, struct error *error) {
  const struct real_list *const bandwidths = &table->cores.bandwidths_bytes_per_cycle;
  REQUIRE(index < tenancy_table_n_instances(table));
  *instance = (struct tenancy_instance){.group = index / bandwidths->n};
  struct tenancy_problem *const problem = &instance->problem;
  const struct drawn *const jobs = draw(table, instance->group, &problem->n_jobs, arena);
  problem->bandwidth_bytes_per_cycle = bandwidths->values[index % bandwidths->n];
  problem->name = arena_printf(arena, "%s_%s%s_i%llu_bw%g", table->cores.name, table->pool.name,
                               table->settings->training ? "_training" : "", (unsigned long long)instance->group,
                               problem->bandwidth_bytes_per_cycle);
  fill_cores(table, problem, arena);
  fill_jobs(table, jobs, arena, instance);
  fill_tenants(table, jobs, problem, arena);
  if (table->settings->dependencies) fill_dependencies(table, arena, instance);
  return tenancy_finish(problem, arena, error);
}

/* Level 2 of sharding on the devices of a tensor group, stage by stage. See stage_shards.h.
 *
 * The layers of a stage of the chosen pipeline, forward and backward, for one microbatch, on as many boards as the
 * tensor group has devices: what a device takes for its share of a layer is the cost model's price on the stage's own
 * design (shard_prices.h), what it sends goes over the slowest level of the network that the group spans, with that
 * level's latency. Batch and heads may be split too. Beside the best shards those that Megatron's rule would give the
 * same layers under the same prices: columns, heads, rows, and rows of tokens between (as in its sequence parallelism).
 * Queries, keys and values are layers of their own; the search sums each one's gradient of their common input apart,
 * what is said of shards counts it once where the three are split alike (as Megatron's are). Memory: no more than
 * Megatron's shards hold and what the device has left, shared among the microbatches. Exact for this account, in which
 * a device does one thing at a time: the run's own seconds, where operators and collectives overlap and chains are
 * fused, are others. Left out: context parallelism (layers have the whole sequence), messages between stages,
 * collectives other than rings, gradients reduced once an iteration (here: each microbatch). */
#include "dse/sharding/stage_shards.h"

#include "arch/network.h"
#include "base/checked.h"
#include "dse/sharding/shard_prices.h"
#include "dse/system/global.h"
#include "dse/system/system_private.h"
#include "dse/system/system_report.h"
#include "search/sharding/sharding_level2.h"
#include <math.h>
#include <string.h>

struct group {
  const struct run *run;
  const struct global_system *chosen;
  const struct system_plan *plan;
  struct arena *arena;
  uint32_t n; /* devices of a tensor group */
  struct sharding_network network;
  struct sharding_problem problem;
  struct sharding_store *store;
  double *bytes_per_s; /* [n_designs] of the group's links */
  uint32_t *design_of; /* [pipeline] */
  uint32_t *device_of; /* [n_parts] */
  uint32_t *end;       /* [n_parts] of a part's layers in topological order: one behind the last */
};

struct stage_answer {
  uint32_t first, last;                  /* places */
  struct sharding_strategy *best, *rule; /* by place from first on */
  double best_s, rule_s, bound_s;
};

/* "gpt3-175b sequence=2048", as the run file has it. */
static const char *network_text(const struct run *run, struct arena *arena) {
  const char *text = run->settings.top.workload;
  for (size_t i = 0; i < run->settings.top.model.n; i++) {
    text = arena_printf(arena, "%s %s", text, run->settings.top.model.values[i]);
  }
  return text;
}

/* The slowest level that neighbours of the group are on, and the longest latency. */
static double group_bytes_per_s(const struct group *group, const struct accelerator *design, double *latency_s) {
  struct network network;
  network_init(&network, &group->run->settings.network, design);
  double slowest = INFINITY;
  for (size_t k = 0; k < network.n_levels; k++) {
    slowest = fmin(slowest, network.levels[k].bytes_per_s);
    *latency_s = fmax(*latency_s, network.levels[k].latency_s);
    if (network.levels[k].devices == 0 || network.levels[k].devices >= group->n) break;
  }
  return isfinite(slowest) && slowest > 0 ? slowest : (double)design->link_gbytes_per_s * 1e9;
}

/* --- which layers lie on which stage --------------------------------------------------------------------------------
 * Places of the chain are what lies before the model's layers, each layer, and what lies behind. */

static bool find_stages(struct group *group, const char **why) {
  const struct sharding_network *network = &group->network;
  const struct system_plan *plan = group->plan;
  uint32_t n_met = 0, last_met = OP_ABSENT, part = 0;
  group->end = ARENA_NEW(group->arena, uint32_t, plan->n_parts);
  for (uint32_t l = 0; l < network->n_layers; l++) {
    const uint32_t layer = network->graph->ops[network->op_of[l]].layer;
    if (layer != OP_ABSENT && layer != last_met) n_met++, last_met = layer;
  }
  *why = "the pipeline's pieces are not the model's layers";
  if (n_met + 2 != plan->cut->chain.n_places) return false;
  const uint32_t n_layers = n_met;
  n_met = 0, last_met = OP_ABSENT;
  for (uint32_t i = 0; i < network->n_layers; i++) {
    const uint32_t l = group->problem.topological[i];
    const uint32_t layer = network->graph->ops[network->op_of[l]].layer;
    if (layer != OP_ABSENT && layer != last_met) n_met++, last_met = layer;
    const uint32_t place = layer == OP_ABSENT && n_met == n_layers ? n_met + 1 : n_met;
    while (part + 1 < plan->n_parts && plan->first_place[part + 1] <= place) part++;
    if (plan->first_place[part] > place) return false;
    group->end[part] = i + 1;
  }
  *why = NULL;
  for (uint32_t k = 1; k < plan->n_parts; k++) { /* stages without a layer that sharding knows, such as a loss alone */
    if (group->end[k] == 0) group->end[k] = group->end[k - 1];
  }
  return true;
}

static void find_devices(struct group *group) {
  const struct system_plan *plan = group->plan;
  group->device_of = ARENA_NEW(group->arena, uint32_t, plan->n_parts);
  for (uint64_t chunk = 0; chunk < plan->problem.n_chunks; chunk++) {
    for (uint64_t device = 0; device < plan->problem.n_devices; device++) {
      group->device_of[pipeline_place(plan->schedule, &plan->problem, chunk, device)] = (uint32_t)device;
    }
  }
}

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

/* One of sharding's designs for each of the system's. */
static size_t make_designs(struct group *group, struct sharding_design *designs) {
  const size_t n_devices = group->plan->problem.n_devices;
  const struct run_settings *settings = &group->run->settings;
  const struct shard_price_rules rules = {.network = &group->network,
                                          .cost = &settings->cost,
                                          .technology = &settings->technology,
                                          .schedule = &settings->schedule,
                                          .op_overhead_s = 1e-6 * settings->law.op_overhead_us};
  size_t n = 0;
  for (size_t d = 0; d < n_devices; d++) {
    const struct accelerator *own = group->chosen->designs[d];
    size_t same = 0;
    while (same < d && memcmp(group->chosen->designs[same], own, sizeof *own) != 0) same++;
    group->design_of[d] = same < d ? group->design_of[same] : (uint32_t)n;
    if (same < d || n == SHARDING_MAX_DESIGNS) continue;
    group->bytes_per_s[n] = group_bytes_per_s(group, own, &group->problem.message_s);
    designs[n++] = (struct sharding_design){.name = "device",
                                            .model = SHARDING_PRICED,
                                            .clock_hz = 1e6 * (double)own->clock_mhz,
                                            .price = shard_price,
                                            .price_context = shard_prices_new(&rules, own, group->arena)};
  }
  return n;
}

static bool make_problem(struct group *group, struct error *error) {
  const size_t n = group->n, n_devices = group->plan->problem.n_devices;
  const struct sharding_network_request request = {.text = network_text(group->run, group->arena),
                                                   .place = "--shards",
                                                   .data_folder = group->run->invocation->data_folder,
                                                   .batch = group->plan->strategy.microbatch,
                                                   .element_bytes = group->chosen->designs[0]->element_bytes,
                                                   .fuse = true};
  if (!sharding_network_load(&request, group->arena, group->run->invocation->scratch, &group->network, error))
    return false;
  if (group->network.graph == NULL) return error_add(error, STATUS_INPUT, "a table of layers has no operators");
  struct sharding_board *boards = ARENA_NEW(group->arena, struct sharding_board, n);
  struct sharding_design *designs = ARENA_NEW(group->arena, struct sharding_design, n_devices);
  const char **groups = ARENA_NEW(group->arena, const char *, 1);
  groups[0] = "group";
  for (size_t b = 0; b < n; b++) {
    boards[b] =
        (struct sharding_board){arena_printf(group->arena, "d%zu", b), groups[0], UINT64_C(1) << 60, SHARDING_NONE};
  }
  group->bytes_per_s = ARENA_NEW(group->arena, double, n_devices);
  group->design_of = ARENA_NEW(group->arena, uint32_t, n_devices);
  const size_t n_designs = make_designs(group, designs);
  const struct training_settings *training = &group->run->settings.training;
  const uint64_t element_bytes = request.element_bytes;
  const double states = (double)training_optimizer_bytes(training, element_bytes) + (double)training->gradient_bytes -
                        (double)element_bytes;
  group->problem = (struct sharding_problem){
      .name = group->network.name,
      .element_bytes = element_bytes,
      .adaptive = true,
      .double_buffer = true,
      .training = true,
      .reduce_scatter = true,
      .optimizer_bytes_per_weight = fmax(states, 0),
      .max_es_dims = 2,
      .es_dims = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W | 1U << SHARDING_B,
      .ss_dims = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W,
      .n_boards = n,
      .n_groups = 1,
      .n_designs = n_designs,
      .n_layers = group->network.n_layers,
      .n_edges = group->network.n_edges,
      .boards = boards,
      .board_group = ARENA_NEW(group->arena, uint32_t, n),
      .groups = groups,
      .designs = designs,
      .layers = group->network.layers,
      .edges = group->network.edges,
      .intra_bytes_per_s = group->bytes_per_s[0],
      .inter_bytes_per_s = group->bytes_per_s[0],
      .host_bytes_per_s = group->bytes_per_s[0],
      .message_s = group->problem.message_s};
  return sharding_finish(&group->problem, group->arena, error);
}

/* The loop that Megatron splits: heads; rows of the second matrix of a pair, columns of the first; else tokens. */
static enum sharding_dim megatron_dim(const struct sharding_problem *problem, uint32_t layer) {
  const struct sharding_layer *l = &problem->layers[layer];
  const struct sharding_kind *kind = &sharding_kinds[l->kind];
  if (kind->weight_dims != 0 && !kind->has_weights) return SHARDING_B;
  if (strcmp(kind->name, "softmax") == 0) return SHARDING_B;
  if (!kind->products) return SHARDING_H;
  const bool second = strstr(l->name, "projection") != NULL || strstr(l->name, "down") != NULL;
  return second ? SHARDING_CIN : SHARDING_COUT;
}

/* Its strategy among the legal ones; the first where that is none. */
static struct sharding_strategy megatron(const struct group *group, uint32_t layer) {
  const uint32_t t = (uint32_t)group->problem.n_boards;
  const struct sharding_strategy *list;
  const size_t n = sharding_strategies(&group->problem, layer, t, group->arena, &list);
  const enum sharding_dim dim = megatron_dim(&group->problem, layer);
  for (size_t i = 0; i < n; i++) {
    if (list[i].factor[dim] == t && list[i].shared == SHARDING_N_DIMS) return list[i];
  }
  return list[0];
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

/* What Megatron's shards of the stage hold, and the stage's share of what its device has left. */
static uint64_t room_of(const struct group *group, const struct device_run *run, const struct stage_answer *answer,
                        const struct accelerator *design) {
  struct arena *scratch = group->run->invocation->scratch;
  const struct sharding_problem *problem = &group->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct sharding_strategy *rule = ARENA_NEW(scratch, struct sharding_strategy, problem->n_layers);
  uint32_t *boards = ARENA_NEW(scratch, uint32_t, group->n);
  for (uint32_t b = 0; b < group->n; b++) boards[b] = b;
  for (uint32_t i = answer->first; i <= answer->last; i++) {
    rule[problem->topological[i]] = answer->rule[i - answer->first];
  }
  const struct sharding_set set = {0, group->n, boards, answer->first, answer->last};
  const uint64_t held = sharding_set_bytes(problem, &set, rule, scratch), hbm = accelerator_hbm_bytes(design);
  const uint64_t left = hbm > run->memory_bytes ? hbm - run->memory_bytes : 0;
  arena_rewind(scratch, mark);
  return sat_add(held, left / sat_mul(group->plan->n_microbatches, group->plan->problem.n_chunks));
}

/* Queries, keys and values are one product, whose input's gradient is summed once where all three are split alike. */
static double fused_saves_s(const struct group *group, uint32_t design, const struct stage_answer *answer,
                            const struct sharding_strategy *strategies) {
  const struct sharding_problem *problem = &group->problem;
  double saved_s = 0;
  for (uint32_t i = answer->first + 1; i <= answer->last; i++) {
    const uint32_t l = problem->topological[i], before = problem->topological[i - 1];
    const struct sharding_strategy *own = &strategies[i - answer->first], *other = own - 1;
    if (group->network.op_of[l] != group->network.op_of[before] || own->shared < SHARDING_N_DIMS) continue;
    if (other->shared < SHARDING_N_DIMS || memcmp(own->factor, other->factor, sizeof own->factor) != 0) continue;
    const struct sharding_kind *kind = &sharding_kinds[problem->layers[l].kind];
    double bytes = (double)problem->element_bytes, copies = 1;
    for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
      const bool of_input = (kind->input_dims >> d & 1U) != 0;
      if (of_input) bytes *= (double)ceil_div(problem->layers[l].size[d], own->factor[d]);
      if (!of_input) copies *= own->factor[d];
    }
    if (copies < 2) continue;
    saved_s += 2 * (copies - 1) / copies * bytes / group->bytes_per_s[design] + 2 * (copies - 1) * problem->message_s;
  }
  return saved_s;
}

static void solve_stage(const struct group *group, uint32_t part, struct stage_answer *answer) {
  const uint32_t device = group->device_of[part], design = group->design_of[device];
  const struct device_run *run = &group->plan->runs[group->plan->run_of[device]];
  struct arena *scratch = group->run->invocation->scratch;
  const uint32_t n = answer->last - answer->first + 1;
  answer->rule = ARENA_NEW(group->arena, struct sharding_strategy, n);
  for (uint32_t i = 0; i < n; i++) answer->rule[i] = megatron(group, group->problem.topological[answer->first + i]);
  const struct sharding_shape shape = {group->n, group->bytes_per_s[design],
                                       room_of(group, run, answer, group->chosen->designs[device])};
  struct sharding_tables *tables = sharding_store_tables(group->store, shape, design);
  const struct sharding_range range = {answer->first, answer->last, INFINITY};
  struct sharding_level2 level2;
  sharding_level2_solve(tables, &range, scratch, group->arena, &level2);
  answer->rule_s =
      sharding_level2_value(tables, &range, answer->rule, scratch) - fused_saves_s(group, design, answer, answer->rule);
  const double found_s = level2.value_s - fused_saves_s(group, design, answer, level2.strategies);
  const bool better = found_s < answer->rule_s;
  answer->best = better ? level2.strategies : answer->rule;
  answer->best_s = better ? found_s : answer->rule_s;
  answer->bound_s = fmin(level2.bound_s, answer->best_s);
}

struct table *stage_shards_new(struct arena *arena) {
  static const struct table_column columns[] = {
      {"stage", "", "", "of the pipeline, in the order in which a microbatch passes (chunks are stages of their own)"},
      {"layer", "", "", "of the network; queries, keys and values apart"},
      {"kind", "", "", "of layer"},
      {"es", "", "", "loops split over the tensor group's devices, and into how many parts"},
      {"ss", "", "", "the loop along which what several devices need is passed round; empty: none"},
      {"layer_s", "s", "min",
       "of the layer with these shards, one microbatch, forward and backward, without re-shards"},
      {"megatron_es", "", "", "what Megatron's rule splits"},
      {"megatron_layer_s", "s", "", "of the layer with these, under the same prices"},
      {"stage_s", "s", "min",
       "of the stage, one microbatch, best shards, re-shards included; the same in all its rows"},
      {"stage_bound_s", "s", "",
       "no shards of the stage take less that sum the input gradients of queries, keys and values apart"},
      {"megatron_stage_s", "s", "", "of the stage with Megatron's rule"},
  };
  return table_new(arena, "shards.csv", columns, sizeof columns / sizeof *columns);
}

static double layer_s(const struct group *group, uint32_t part, uint32_t layer,
                      const struct sharding_strategy *strategy) {
  const uint32_t design = group->design_of[group->device_of[part]];
  struct sharding_cost cost;
  sharding_cost(&group->problem, layer, &group->problem.designs[design], group->n, group->bytes_per_s[design], strategy,
                &cost);
  return cost.total_s;
}

static void put_stage(const struct group *group, uint32_t part, const struct stage_answer *answer,
                      struct table *table) {
  for (uint32_t i = answer->first; i <= answer->last; i++) {
    const uint32_t l = group->problem.topological[i];
    const struct sharding_strategy *best = &answer->best[i - answer->first], *rule = &answer->rule[i - answer->first];
    table_u64(table, part);
    table_text(table, group->problem.layers[l].name);
    table_text(table, sharding_kinds[group->problem.layers[l].kind].name);
    table_text(table, sharding_es_text(best, group->arena));
    if (best->shared < SHARDING_N_DIMS) {
      table_text(table, sharding_ss_text(best));
    } else {
      table_empty(table);
    }
    table_double(table, layer_s(group, part, l, best));
    table_text(table, sharding_es_text(rule, group->arena));
    table_double(table, layer_s(group, part, l, rule));
    table_double(table, answer->best_s);
    table_double(table, answer->bound_s);
    table_double(table, answer->rule_s);
  }
}

static void solve(struct group *group, struct table *table, struct stage_shards_sums *sums) {
  find_devices(group);
  group->store = sharding_store_new(&group->problem, group->arena);
  for (uint32_t part = 0; part < group->plan->n_parts; part++) {
    struct stage_answer answer = {.first = part > 0 ? group->end[part - 1] : 0, .last = group->end[part] - 1};
    if (group->end[part] <= answer.first) continue;
    solve_stage(group, part, &answer);
    put_stage(group, part, &answer, table);
    sums->n_stages++;
    sums->best_s += answer.best_s, sums->bound_s += answer.bound_s, sums->megatron_s += answer.rule_s;
    sums->slowest_best_s = fmax(sums->slowest_best_s, answer.best_s);
    sums->slowest_megatron_s = fmax(sums->slowest_megatron_s, answer.rule_s);
  }
}

struct table *stage_shards_table(const struct run *run, struct stage_shards_sums *sums, const char **why) {
  struct table *table = stage_shards_new(run->invocation->arena);
  const struct global_system *chosen = run->global != NULL ? system_report_chosen(run) : NULL;
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  *sums = (struct stage_shards_sums){0};
  *why = "no system was chosen";
  if (chosen == NULL) return table;
  struct group group = {.run = run, .chosen = chosen, .plan = chosen->plan, .arena = run->invocation->arena};
  *why = "the chosen system's tensor groups have one device";
  if (group.plan->strategy.degrees.tensor < 2) return table;
  *why = "the chosen system's tensor groups have more devices than sharding knows";
  if (group.plan->strategy.degrees.tensor > SHARDING_MAX_BOARDS) return table;
  *why = "shards have no prices in a table";
  if (cost_providers[run->settings.cost.provider]->load != NULL) return table;
  group.n = (uint32_t)group.plan->strategy.degrees.tensor;
  if (!make_problem(&group, error)) {
    *why = error->text;
  } else if (find_stages(&group, why)) {
    solve(&group, table, sums);
  }
  return table;
}

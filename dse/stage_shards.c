/* Level 2 of sharding on the devices of a tensor group. See stage_shards.h.
 *
 * The layers of the network, forward and backward, for one microbatch, on as many equal boards as the group has
 * devices: an array of all tensor cores of the first stage's design, the group's slowest link, batch and heads free to
 * be split too. Beside the best shards those that Megatron's rule would give the same layers under the same costs:
 * columns, heads, rows, and rows of tokens between (as in its sequence parallelism). Both are exact for this model of
 * costs, which knows neither the memories inside a device nor vector cores: ratios count, not seconds. Left out: stages
 * with other designs, what pipelines keep in memory (the run has checked it). */
#include "dse/stage_shards.h"

#include "arch/network.h"
#include "base/checked.h"
#include "dse/global.h"
#include "dse/sharding_table.h"
#include "dse/system_private.h"
#include "dse/system_report.h"
#include "search/sharding/sharding_level2.h"
#include <math.h>
#include <string.h>

struct group {
  const struct run *run;
  const struct strategy *strategy;
  const struct accelerator *design;
  struct arena *arena;
  double bytes_per_s;
  struct sharding_problem problem;
};

/* "gpt3-175b sequence=2048", as the run file has it. */
static const char *network_text(const struct run *run, struct arena *arena) {
  const char *text = run->settings.top.workload;
  for (size_t i = 0; i < run->settings.top.model.n; i++) {
    text = arena_printf(arena, "%s %s", text, run->settings.top.model.values[i]);
  }
  return text;
}

/* The slowest level that neighbours of the group are on. */
static double group_bytes_per_s(const struct group *group) {
  struct network network;
  network_init(&network, &group->run->settings.network, group->design);
  double slowest = INFINITY;
  for (size_t k = 0; k < network.n_levels; k++) {
    slowest = fmin(slowest, network.levels[k].bytes_per_s);
    if (network.levels[k].devices == 0 || network.levels[k].devices >= group->strategy->degrees.tensor) break;
  }
  return isfinite(slowest) ? slowest : (double)group->design->link_gbytes_per_s * 1e9;
}

static bool make_problem(struct group *group, struct error *error) {
  const size_t n = group->strategy->degrees.tensor;
  struct sharding_network network;
  const struct sharding_network_request request = {.text = network_text(group->run, group->arena),
                                                   .place = "--shards",
                                                   .data_folder = group->run->invocation->data_folder,
                                                   .batch = group->strategy->microbatch,
                                                   .element_bytes = group->design->element_bytes,
                                                   .fuse = true};
  if (!sharding_network_load(&request, group->arena, group->run->invocation->scratch, &network, error)) return false;
  struct sharding_board *boards = ARENA_NEW(group->arena, struct sharding_board, n);
  struct sharding_design *design = ARENA_NEW(group->arena, struct sharding_design, 1);
  const char **groups = ARENA_NEW(group->arena, const char *, 1);
  groups[0] = "group";
  for (size_t b = 0; b < n; b++) {
    boards[b] =
        (struct sharding_board){arena_printf(group->arena, "d%zu", b), groups[0], UINT64_C(1) << 60, SHARDING_NONE};
  }
  *design = (struct sharding_design){.name = "device",
                                     .model = SHARDING_SYSTOLIC,
                                     .clock_hz = 1e6 * (double)group->design->clock_mhz,
                                     .rows = group->design->tc_rows,
                                     .columns = sat_mul(group->design->tc_cols, group->design->tc_count),
                                     .vector = 1};
  group->problem = (struct sharding_problem){
      .name = network.name,
      .element_bytes = group->design->element_bytes,
      .adaptive = true,
      .double_buffer = true,
      .training = true,
      .max_es_dims = 2,
      .es_dims = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W | 1U << SHARDING_B,
      .ss_dims = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W,
      .n_boards = n,
      .n_groups = 1,
      .n_designs = 1,
      .n_layers = network.n_layers,
      .n_edges = network.n_edges,
      .boards = boards,
      .board_group = ARENA_NEW(group->arena, uint32_t, n),
      .groups = groups,
      .designs = design,
      .layers = network.layers,
      .edges = network.edges,
      .intra_bytes_per_s = group->bytes_per_s,
      .inter_bytes_per_s = group->bytes_per_s,
      .host_bytes_per_s = group->bytes_per_s};
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

static struct sharding_answer answer_of(const struct group *group, struct sharding_strategy *strategies) {
  const uint32_t n = (uint32_t)group->problem.n_boards;
  struct sharding_answer answer = {1, ARENA_NEW(group->arena, struct sharding_set, 1), strategies};
  uint32_t *boards = ARENA_NEW(group->arena, uint32_t, n);
  for (uint32_t b = 0; b < n; b++) boards[b] = b;
  answer.sets[0] = (struct sharding_set){0, n, boards, 0, (uint32_t)group->problem.n_layers - 1};
  return answer;
}

struct table *stage_shards_new(struct arena *arena) {
  static const struct table_column columns[] = {
      {"layer", "", "", "of the network; queries, keys and values apart"},
      {"kind", "", "", "of layer"},
      {"es", "", "", "loops split over the tensor group's devices, and into how many parts"},
      {"ss", "", "", "the loop along which what several devices need is passed round; empty: none"},
      {"start_s", "s", "", "of its forward part, of one microbatch, from the network's start"},
      {"megatron_es", "", "", "what Megatron's rule splits"},
      {"step_s", "s", "min", "of the network, forward and backward, one microbatch, best shards; the same in all rows"},
      {"bound_s", "s", "", "no shards take less"},
      {"megatron_step_s", "s", "", "with Megatron's rule under the same costs"},
  };
  return table_new(arena, "shards.csv", columns, sizeof columns / sizeof *columns);
}

static void fill(struct group *group, struct table *table) {
  const struct sharding_problem *problem = &group->problem;
  struct arena *scratch = group->run->invocation->scratch;
  const struct sharding_shape shape = {(uint32_t)problem->n_boards, group->bytes_per_s, UINT64_C(1) << 60};
  struct sharding_tables *tables = sharding_tables_new(problem, shape, 0, group->arena);
  const struct sharding_range range = {0, (uint32_t)problem->n_layers - 1, INFINITY};
  struct sharding_level2 level2;
  sharding_level2_solve(tables, &range, scratch, group->arena, &level2);
  struct sharding_strategy *best = ARENA_NEW(group->arena, struct sharding_strategy, problem->n_layers);
  struct sharding_strategy *rule = ARENA_NEW(group->arena, struct sharding_strategy, problem->n_layers);
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    best[l] = level2.strategies[problem->place[l]], rule[l] = megatron(group, l);
  }
  const struct sharding_answer ours = answer_of(group, best), theirs = answer_of(group, rule);
  struct sharding_schedule schedule = sharding_schedule_new(problem, group->arena);
  const double theirs_s = sharding_evaluate(problem, &theirs, scratch, NULL);
  const double ours_s = sharding_evaluate(problem, &ours, scratch, &schedule);
  for (size_t i = 0; i < problem->n_layers; i++) {
    const uint32_t l = problem->topological[i];
    table_text(table, problem->layers[l].name);
    table_text(table, sharding_kinds[problem->layers[l].kind].name);
    table_text(table, sharding_es_text(&best[l], group->arena));
    if (best[l].shared < SHARDING_N_DIMS) {
      table_text(table, sharding_ss_text(&best[l]));
    } else {
      table_empty(table);
    }
    table_double(table, schedule.start_s[l]);
    table_text(table, sharding_es_text(&rule[l], group->arena));
    table_double(table, ours_s);
    table_double(table, fmin(level2.bound_s, ours_s)); /* sums in another order */
    table_double(table, theirs_s);
  }
}

struct table *stage_shards_table(const struct run *run, const char **why) {
  struct table *table = stage_shards_new(run->invocation->arena);
  const struct global_system *chosen = run->global != NULL ? system_report_chosen(run) : NULL;
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  *why = "no system was chosen";
  if (chosen == NULL) return table;
  struct group group = {
      .run = run, .strategy = &chosen->plan->strategy, .design = chosen->designs[0], .arena = run->invocation->arena};
  *why = "the chosen system's tensor groups have one device";
  if (group.strategy->degrees.tensor < 2) return table;
  *why = "the chosen system's tensor groups have more devices than sharding knows";
  if (group.strategy->degrees.tensor > SHARDING_MAX_BOARDS) return table;
  group.bytes_per_s = group_bytes_per_s(&group);
  if (make_problem(&group, error)) {
    *why = NULL;
    fill(&group, table);
  } else {
    *why = error->text;
  }
  return table;
}

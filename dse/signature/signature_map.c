/* The flows of the signature that map: small problems that our own networks make, by every algorithm that applies.
 * Answers and what they are worth count; clocks do not. */
#include "dse/map/map_maker.h"
#include "dse/partition/partition_run.h"
#include "dse/placement/placement_pareto.h"
#include "dse/sharding/sharding_run.h"
#include "dse/signature/signature.h"
#include "dse/tenancy/tenancy_fronts.h"

#include "search/stages/stages_table.h"
#include "search/systems/systems_table.h"
#include <string.h>

static const void *first_of(const struct signature_flow *flow, const struct invocation *invocation,
                            const struct map_maker *maker, struct error *error) {
  return map_make_first(invocation, maker, flow->name, flow->text, error);
}

static const void *defaults_of(const struct field_table *table, size_t bytes, struct arena *arena) {
  if (table == NULL) return NULL;
  void *const into = arena_alloc(arena, 1, bytes);
  config_defaults(table, arena, into);
  return into;
}

static void add_indices(struct digest_stream *digest, const uint32_t *index, size_t n) {
  for (size_t i = 0; i < n; i++) digest_add_u64(digest, index[i]);
}

/* --- layers to stages, designs to stages ----------------------------------------------------------------------------
 */

static bool stages(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                   struct error *error) {
  enum { BEST = 5 };
  struct csv csv;
  struct stages_table table;
  struct stages_answer answer;
  if (!csv_parse(flow->name, flow->text, strlen(flow->text), STAGES_MAX_LAYERS, invocation->arena, &csv, error) ||
      !stages_table_read(&csv, 0, invocation->arena, &table, error) ||
      !stages_solve(&table.problem, BEST, invocation->arena, invocation->scratch, &answer, error))
    return false;
  digest_add_u64(digest, answer.n);
  for (size_t p = 0; p < answer.n; p++) {
    digest_add_double(digest, answer.partitions[p].bottleneck);
    add_indices(digest, answer.partitions[p].stage_of, table.problem.n_layers);
  }
  return true;
}

static bool systems(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                    struct error *error) {
  enum { MOST_NODES = 100000 };
  struct csv csv;
  struct systems_table table;
  struct systems_front front;
  bool proven;
  if (!csv_parse(flow->name, flow->text, strlen(flow->text), SYSTEMS_TABLE_MAX_ROWS, invocation->arena, &csv, error) ||
      !systems_table_read(&csv, invocation->arena, &table, error) ||
      !systems_solve(&table.problem, MOST_NODES, invocation->arena, invocation->scratch, &front, &proven, error))
    return false;
  digest_add_u64(digest, proven);
  for (size_t i = 0; i < front.n; i++) {
    digest_add_double(digest, front.choices[i].load);
    add_indices(digest, front.choices[i].design, table.problem.n_stages);
  }
  return true;
}

const struct signature_flow signature_flow_map_stages = {
    .name = "map_stages",
    .doc = "layers to the stages of a pipeline",
    .text = "kind,layer,load,cut,fixed_bytes,kept_bytes,n_kept,memory_bytes\n"
            "stage,,,,,,3,2385\nstage,,,,,,2,2385\nstage,,,,,,1,2385\n"
            "layer,embedding,2,0.5,700,10,,\nlayer,block 0,5,0.5,450,120,,\nlayer,block 1,5,0.5,450,120,,\n"
            "layer,block 2,5.5,0.5,450,120,,\nlayer,block 3,5,0.25,450,120,,\nlayer,head,4,,700,90,,\n",
    .run = stages,
};
const struct signature_flow signature_flow_map_systems = {
    .name = "map_systems",
    .doc = "designs to the stages of a pipeline",
    .text = "stage,design,load,cost:tdp_w,cost:usd\nfirst,small,9,100,2000\nfirst,large,4.5,230,5000\n"
            "first,lanes,5,120,4500\nmiddle,small,8,100,2000\nmiddle,large,4,230,5000\nmiddle,lanes,16,120,4500\n"
            "last,small,10,100,2000\nlast,large,5,230,5000\nlimit,,,600,12385\n",
    .run = systems,
};

/* --- jobs to cores ---------------------------------------------------------------------------------------------------
 */

/* A problem of jobs with what its searches aim at, and every algorithm's keys. */
struct jobs {
  struct tenancy_problem problem;
  struct tenancy_keys keys;
  const void **settings;
  struct tenancy_aim aim;
};

static bool jobs_open(struct jobs *jobs, const struct signature_flow *flow, struct invocation *invocation,
                      struct error *error) {
  const struct tenancy_instance *const instance = first_of(flow, invocation, &map_maker_jobs, error);
  if (instance == NULL) return false;
  jobs->problem = instance->problem;
  return tenancy_read_keys(invocation, &jobs->keys, &jobs->settings, error) &&
         tenancy_aim_open(invocation, &jobs->problem, &jobs->keys, 7, &jobs->aim, error);
}

static struct tenancy_job jobs_search(const struct jobs *jobs, size_t algorithm, uint64_t samples) {
  return (struct tenancy_job){.problem = &jobs->problem,
                              .bounds = &jobs->aim.target,
                              .goal = jobs->aim.goal,
                              .goal_bound = jobs->aim.bounds.value[jobs->aim.goal->objective],
                              .algorithm = tenancy_algorithms[algorithm],
                              .algorithm_settings = jobs->settings[algorithm],
                              .keys = &jobs->keys,
                              .seed = 7,
                              .samples = samples};
}

static bool tenancy(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                    struct error *error) {
  enum { SAMPLES = 120 };
  struct jobs jobs;
  if (!jobs_open(&jobs, flow, invocation, error)) return false;
  digest_add_double(digest, jobs.aim.makespan.best_cycles);
  for (size_t i = 0; i < n_tenancy_algorithms; i++) {
    const struct tenancy_job job = jobs_search(&jobs, i, SAMPLES);
    struct tenancy_result result;
    if (!tenancy_search(invocation, &job, &result, error)) return false;
    digest_add_text(digest, tenancy_algorithms[i]->name);
    digest_add_double(digest, result.value);
    add_indices(digest, result.answer.core, jobs.problem.n_jobs);
  }
  return true;
}

const struct signature_flow signature_flow_map_tenancy = {
    .name = "map_tenancy",
    .doc = "jobs to cores, every algorithm",
    .text = "tenancy = { platform = \"S1\"; models = [\"resnet18\", \"gpt2-small sequence=20\"]; group_size = 16;\n"
            "bandwidth_bytes_per_cycle = [16]; seed = 3; };",
    .run = tenancy,
};

/* --- layers to devices -----------------------------------------------------------------------------------------------
 */

static struct placement_job placement_job_of(const struct placement_problem *problem,
                                             const struct placement_bounds *bounds,
                                             const struct placement_algorithm *algorithm, uint64_t samples,
                                             struct arena *arena) {
  return (struct placement_job){.problem = problem,
                                .bounds = bounds,
                                .algorithm = algorithm,
                                .settings = defaults_of(algorithm->table, algorithm->settings_bytes, arena),
                                .seed = 7,
                                .samples = samples};
}

static bool placement_by(struct invocation *invocation, const struct placement_problem *problem,
                         struct digest_stream *digest, struct error *error) {
  enum { SAMPLES = 2000 };
  struct placement_bounds bounds;
  if (!placement_bounds(problem, invocation->arena, &bounds, error)) return false;
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    const struct placement_algorithm *const algorithm = placement_algorithms[i];
    if (algorithm->applies != NULL && !algorithm->applies(problem)) continue;
    const struct placement_job job = placement_job_of(problem, &bounds, algorithm, SAMPLES, invocation->arena);
    struct placement_outcome outcome;
    if (!placement_search(invocation, &job, &outcome, error)) return false;
    digest_add_text(digest, algorithm->name);
    digest_add_u64(digest, outcome.found);
    if (!outcome.found) continue;
    digest_add_double(digest, outcome.value);
    add_indices(digest, outcome.answer.start, problem->n_devices + 1);
    add_indices(digest, outcome.answer.layer, problem->n_layers);
  }
  return true;
}

static bool placement(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                      struct error *error) {
  const struct placement_problem *const problem = first_of(flow, invocation, &map_maker_layers, error);
  return problem != NULL && placement_by(invocation, problem, digest, error);
}

const struct signature_flow signature_flow_map_placement = {
    .name = "map_placement",
    .doc = "layers to devices, every algorithm",
    .text = "placement = { models = [\"mocap\"]; accelerators = [\"nvdla_like\", \"tpuv2_like\"];\n"
            "link_gbytes_per_s = [0.5]; };",
    .run = placement,
};

/* --- layers and their loops to sets of boards ------------------------------------------------------------------------
 */

static void add_sharding(struct digest_stream *digest, const struct sharding_problem *problem,
                         const struct sharding_outcome *outcome) {
  digest_add_u64(digest, outcome->found);
  if (!outcome->found) return;
  digest_add_double(digest, outcome->value_s);
  for (size_t s = 0; s < outcome->answer.n_sets; s++) {
    const struct sharding_set *const set = &outcome->answer.sets[s];
    digest_add_u64(digest, set->design);
    digest_add_u64(digest, set->last);
    add_indices(digest, set->boards, set->n_boards);
  }
  for (size_t l = 0; l < problem->n_layers; l++) {
    const struct sharding_strategy *const strategy = &outcome->answer.strategies[l];
    add_indices(digest, strategy->factor, SHARDING_N_DIMS);
    digest_add_u64(digest, strategy->shared);
  }
}

static void sharding_by(struct invocation *invocation, const struct sharding_problem *problem,
                        struct digest_stream *digest) {
  enum { SAMPLES = 500 };
  struct sharding_bounds bounds;
  sharding_bounds(problem, invocation->scratch, &bounds);
  digest_add_double(digest, bounds.best_s);
  for (size_t i = 0; i < n_sharding_algorithms; i++) {
    const struct sharding_algorithm *const algorithm = sharding_algorithms[i];
    if (algorithm->applies != NULL && !algorithm->applies(problem)) continue;
    const struct sharding_job job = {.problem = problem,
                                     .bounds = &bounds,
                                     .algorithm = algorithm,
                                     .settings =
                                         defaults_of(algorithm->table, algorithm->settings_bytes, invocation->arena),
                                     .seed = 7,
                                     .samples = SAMPLES};
    struct sharding_outcome outcome;
    sharding_search(invocation, &job, &outcome);
    digest_add_text(digest, algorithm->name);
    add_sharding(digest, problem, &outcome);
  }
}

static bool sharding(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                     struct error *error) {
  const struct sharding_problem *const problem = first_of(flow, invocation, &map_maker_shards, error);
  if (problem != NULL) sharding_by(invocation, problem, digest);
  return problem != NULL;
}

const struct signature_flow signature_flow_map_sharding = {
    .name = "map_sharding",
    .doc = "layers and their loops to sets of boards, every algorithm",
    .text = "sharding = { models = [\"alexnet\"]; groups = 2; boards_per_group = 2; intra_gbytes_per_s = [1.0];\n"
            "inter_gbytes_per_s = [0.25]; host_gbytes_per_s = [0.25]; };",
    .run = sharding,
};

/* --- operators to chips ----------------------------------------------------------------------------------------------
 */

static bool partition_by(struct invocation *invocation, const struct partition_problem *problem,
                         struct digest_stream *digest, struct error *error) {
  enum { SAMPLES = 200 };
  struct partition_graph graph;
  struct partition_bounds bounds;
  if (!partition_contract(problem, invocation->arena, &graph, error)) return false;
  partition_bounds(&graph, false, invocation->scratch, &bounds);
  digest_add_double(digest, bounds.best);
  for (size_t i = 0; i < n_partition_algorithms; i++) {
    const struct partition_algorithm *const algorithm = partition_algorithms[i];
    if (algorithm->applies != NULL && !algorithm->applies(&graph)) continue;
    const struct partition_job job = {.graph = &graph,
                                      .bounds = &bounds,
                                      .algorithm = algorithm,
                                      .settings =
                                          defaults_of(algorithm->table, algorithm->settings_bytes, invocation->arena),
                                      .seed = 7,
                                      .samples = SAMPLES};
    struct partition_outcome outcome;
    if (!partition_search(invocation, &job, &outcome, error)) return false;
    digest_add_text(digest, algorithm->name);
    digest_add_u64(digest, outcome.found);
    if (!outcome.found) continue;
    digest_add_double(digest, outcome.value);
    add_indices(digest, outcome.node_chip, problem->n_nodes);
  }
  return true;
}

static bool partition(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                      struct error *error) {
  const struct partition_problem *const problem = first_of(flow, invocation, &map_maker_chips, error);
  return problem != NULL && partition_by(invocation, problem, digest, error);
}

const struct signature_flow signature_flow_map_partition = {
    .name = "map_partition",
    .doc = "operators to chips, every algorithm",
    .text = "chips = { models = [\"resnet18\"]; accelerator = \"tpuv4\"; n_chips = 4; batch = 8; };",
    .run = partition,
};

/* --- fronts of two objectives ----------------------------------------------------------------------------------------
 */

/* As --front prints it, by the algorithm that is the commands' own choice: the first of each list. */
static bool front_of_jobs(struct invocation *invocation, const struct signature_flow *flow, struct error *error) {
  enum { SAMPLES = 400 };
  struct jobs jobs;
  if (!jobs_open(&jobs, flow, invocation, error)) return false;
  const struct tenancy_job job = jobs_search(&jobs, 0, SAMPLES);
  return tenancy_print_front(invocation, &job, &jobs.aim, "makespan,energy", error) == STATUS_OK;
}

static bool front_of_layers(struct invocation *invocation, const struct signature_flow *flow, struct error *error) {
  enum { SAMPLES = 4000 };
  const struct placement_problem *const problem = first_of(flow, invocation, &map_maker_layers, error);
  struct placement_bounds bounds;
  if (problem == NULL || !placement_bounds(problem, invocation->arena, &bounds, error)) return false;
  const struct placement_job job =
      placement_job_of(problem, &bounds, placement_algorithms[0], SAMPLES, invocation->arena);
  return placement_print_front(invocation, &job, error) == STATUS_OK;
}

static bool fronts(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                   struct error *error) {
  (void)flow;
  invocation->heard = digest;
  return front_of_jobs(invocation, &signature_flow_map_tenancy, error) &&
         front_of_layers(invocation, &signature_flow_map_placement, error);
}

const struct signature_flow signature_flow_map_fronts = {
    .name = "map_fronts",
    .doc = "jobs and layers again: makespan against energy",
    .text = "",
    .run = fronts,
};

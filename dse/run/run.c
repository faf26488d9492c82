/* See run.h. */
#include "dse/run/run.h"

#include "base/text.h"
#include "dse/commands/version.h"
#include "dse/cosearch/cosearch.h"
#include "dse/run/signals.h"
#include "dse/tenancy/tenancy_flow.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- the same for all ----------------------------------------------------------------------------------------------
 */

void run_host(char host[RUN_HOST_BYTES]) {
  char name[RUN_HOST_BYTES / 4] = "";
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') strcpy(name, "unknown");
  text_escape(name, host, RUN_HOST_BYTES);
}

/* Of the program's file as it was started; where it cannot be read, of its version and commit. */
static struct digest digest_of_program(void) {
  struct digest_stream stream;
  char bytes[1 << 16];
  digest_begin(&stream);
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ssize_t n = -1;
  while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0) digest_add_bytes(&stream, bytes, (size_t)n);
  if (fd >= 0) close(fd);
  if (n != 0) {
    digest_begin(&stream);
    digest_add_text(&stream, dse_version());
    digest_add_text(&stream, dse_commit());
  }
  return digest_end(&stream);
}

/* Does this rank hold what rank 0 holds? *ours and *first as text, for the message. Collective. */
static bool is_as_on_rank_0(struct cluster *cluster, struct digest mine, char ours[DIGEST_HEX_BYTES],
                            char first[DIGEST_HEX_BYTES]) {
  struct digest digest = mine;
  cluster_broadcast(cluster, &digest, sizeof digest);
  digest_print(digest, first);
  digest_print(mine, ours);
  return digest_equal(digest, mine);
}

bool run_same_program(struct cluster *cluster, struct error *error) {
  char ours[DIGEST_HEX_BYTES], first[DIGEST_HEX_BYTES], host[RUN_HOST_BYTES];
  if (cluster_size(cluster) == 1) return true;
  if (!is_as_on_rank_0(cluster, digest_of_program(), ours, first)) {
    run_host(host);
    error_add(error, STATUS_ENVIRONMENT,
              "rank %u on %s runs another program (%s) than rank 0 (%s): install the same dse on every node",
              cluster_rank(cluster), host, ours, first);
  }
  return cluster_agree(cluster, error);
}

/* --- the arrows ----------------------------------------------------------------------------------------------------
 */

/* Beside mistakes in the run file: what it names and is not there, so that all is said at once. */
static void name_missing(const struct run *run, struct error *error) {
  const struct run_settings *settings = &run->settings;
  const struct invocation *invocation = run->invocation;
  const size_t n = settings->workloads != NULL ? settings->n_workloads : 1;
  for (size_t i = 0; i < n; i++) {
    const struct run_top *top = settings->workloads != NULL ? &settings->workloads[i].top : &settings->top;
    const struct workload_request request = {.name = top->workload, .data_folder = invocation->data_folder};
    if (top->workload != NULL && top->workload[0] != 0) workload_exists(&request, invocation->scratch, error);
  }
  struct accelerator reference;
  if (settings->limits.reference == NULL) return;
  accelerator_from_catalogue(invocation->data_folder, settings->limits.reference, invocation->arena, &reference, error);
}

/* Rank 0 alone reads the run file, so that a thousand ranks do not, and an edit meanwhile does not split the run: what
 * it read is written out as resolved and read again by everybody from that text. */
static bool load_settings(struct run *run, const char *path, struct error *error) {
  struct invocation *invocation = run->invocation;
  struct cluster *cluster = invocation->cluster;
  uint64_t length = 0;
  if (cluster_rank(cluster) == 0 &&
      run_settings_load(path, invocation->sets, invocation->n_sets, invocation->arena, &run->settings, error)) {
    run->settings_text = run_settings_text(&run->settings, true, invocation->arena);
    length = strlen(run->settings_text);
  } else if (cluster_rank(cluster) == 0 && error->status == STATUS_INPUT) {
    name_missing(run, error);
  }
  if (!cluster_agree(cluster, error)) return false;
  if (cluster_size(cluster) == 1) return true;
  cluster_broadcast(cluster, &length, sizeof length);
  char *text = arena_alloc(invocation->arena, length + 1, 1);
  if (cluster_rank(cluster) == 0) memcpy(text, run->settings_text, length);
  cluster_broadcast(cluster, text, length);
  if (cluster_rank(cluster) != 0) {
    struct config *config;
    run->settings_text = text;
    if (config_open_text("run.cfg as rank 0 resolved it", text, length, NULL, 0, invocation->arena, &config, error)) {
      run_settings_apply(config, invocation->arena, &run->settings, error);
      config_close(config);
    }
  }
  return cluster_agree(cluster, error);
}

/* `model` overrides and all, at the batch of the run file. */
static bool workload_request_of(struct run *run, const struct run_top *top, struct workload_request *request,
                                struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct config_set *sets = ARENA_NEW(arena, struct config_set, top->model.n + 1);
  for (size_t i = 0; i < top->model.n; i++) {
    char *path = arena_copy_text(arena, top->model.values[i]);
    char *equals = strchr(path, '=');
    if (equals == NULL) return error_add(error, STATUS_INPUT, "model: \"%s\" has no '=', write \"key=value\"", path);
    *equals = 0;
    sets[i] = (struct config_set){path, equals + 1};
  }
  *request = (struct workload_request){.name = top->workload,
                                       .data_folder = run->invocation->data_folder,
                                       .batch = top->batch,
                                       .element_bytes = run->settings.axes[RUN_AXIS_element_bytes].values[0],
                                       .sets = sets,
                                       .n_sets = top->model.n};
  return true;
}

static bool load_member(struct run *run, struct run_member *member, struct error *error) {
  struct workload_request request;
  if (!workload_request_of(run, member->top, &request, error)) return false;
  struct arena *arena = run->invocation->arena;
  return workload_load(&request, arena, run->invocation->scratch, member->workload, error);
}

/* Where each workload of the run file goes. */
static void lay_out_members(struct run *run) {
  struct arena *arena = run->invocation->arena;
  const struct run_settings *settings = &run->settings;
  run->n_members = settings->n_workloads > 0 ? settings->n_workloads : 1;
  run->members = ARENA_NEW(arena, struct run_member, run->n_members);
  run->members[0] = (struct run_member){settings->n_workloads > 0 ? &settings->workloads[0].top : &settings->top,
                                        &run->workload, &run->training, &run->graph, &run->stage};
  for (size_t i = 1; i < run->n_members; i++) {
    run->members[i] = (struct run_member){&settings->workloads[i].top, ARENA_NEW(arena, struct workload, 1),
                                          ARENA_NEW(arena, struct op_graph, 1), ARENA_NEW(arena, struct op_graph, 1),
                                          ARENA_NEW(arena, struct stage, 1)};
  }
}

bool run_load_workload(struct run *run, struct error *error) {
  lay_out_members(run);
  for (size_t i = 0; i < run->n_members && (i == 0 || signals_stop() == 0); i++) {
    if (!load_member(run, &run->members[i], error)) return false;
  }
  run->title = run->workload.name;
  if (run->settings.n_workloads > 0) {
    run->title = arena_printf(run->invocation->arena, "%zu workload%s (%s)", run->n_members,
                              run->n_members > 1 ? "s" : "", run_objective_names[run->settings.search.objective]);
  }
  return true;
}

bool run_expand_training(struct run *run, struct error *error) {
  if (system_is_asked_for(&run->settings.system)) return true; /* block by block, once they are cut */
  struct arena *arena = run->invocation->arena, *scratch = run->invocation->scratch;
  for (size_t i = 0; i < run->n_members && (i == 0 || signals_stop() == 0); i++) {
    struct run_member *member = &run->members[i];
    struct op_graph expanded;
    if (!training_expand(&member->workload->graph, &run->settings.training, arena, scratch, &expanded, error)) {
      return false;
    }
    *member->training = expanded;
    if (run->settings.training.fusion == FUSION_OFF) continue;
    if (!fusion_apply_rule(&expanded, (enum fusion)run->settings.training.fusion, arena, scratch, member->training,
                           error))
      return false;
  }
  return true;
}

static bool load_reference(const struct run *run, struct accelerator *reference, struct error *error) {
  const struct invocation *invocation = run->invocation;
  return accelerator_from_catalogue(invocation->data_folder, run->settings.limits.reference, invocation->arena,
                                    reference, error) &&
         accelerator_derive(reference, error);
}

/* Of a whole system, if it can hold the workload at all. */
static bool judge_reference_system(struct run *run, const struct accelerator *reference, struct error *error) {
  struct design_space *designs = &run->designs;
  const double floor = run->settings.limits.throughput_floor;
  struct system_score score;
  struct system_result result;
  design_system_of(designs, reference, &score, &result);
  designs->reference_throughput = score.plan != NULL ? score.throughput : 0;
  designs->floor_throughput = floor * designs->reference_throughput;
  if (score.plan != NULL || floor == 0) return true;
  return error_add(error, STATUS_INPUT, "limits.reference: no strategy of the system fits %s",
                   run->settings.limits.reference);
}

/* The throughput that `throughput_floor` and speed-ups refer to: the reference design on the same stages. */
static bool judge_reference(struct run *run, struct error *error) {
  struct design_space *designs = &run->designs;
  struct accelerator reference;
  if (!load_reference(run, &reference, error)) return false;
  if (designs->system != NULL) return judge_reference_system(run, &reference, error);
  double throughput[RUN_MAX_WORKLOADS];
  for (size_t i = 0; i < run->n_members; i++) {
    const struct stage *stage = run->members[i].stage;
    struct stage_cost_of_design design;
    struct stage_result result;
    stage_design(stage, &reference, &design);
    stage_evaluate(stage, &reference, &design, design_scratch(designs, i), &result, NULL, NULL);
    if (result.cycles == 0 || result.cycles == UINT64_MAX) {
      return error_add(error, STATUS_INPUT, "limits.reference: %s cannot run %s", run->settings.limits.reference,
                       run->n_members > 1 ? run->members[i].workload->name : "this workload");
    }
    throughput[i] = (double)stage->samples / result.iteration_s;
    if (designs->set != NULL) designs->set->reference_throughput[i] = throughput[i];
  }
  designs->reference_throughput = designs->set != NULL ? workload_set_value(designs->set, throughput) : throughput[0];
  designs->floor_throughput = run->settings.limits.throughput_floor * designs->reference_throughput;
  return true;
}

static bool make_stage(struct run *run, struct run_member *member, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct graph_totals totals;
  struct stage_contracted contracted = {0};
  graph_totals(&member->workload->graph, &totals);
  contracted.parameters = totals.parameters;
  contracted.frozen = totals.frozen_parameters;
  if (!graph_contract(member->training, arena, run->invocation->scratch, member->graph, &contracted.kept_bytes,
                      error)) {
    return false;
  }
  if (member->graph->n_ops == 0) {
    return error_add(error, STATUS_INPUT, "%s: nothing to compute", member->workload->name);
  }
  if (!cost_load(&run->settings.cost, member->graph, arena, error)) return false;
  *member->stage = (struct stage){.settings = &run->settings.schedule,
                                  .cost = &run->settings.cost,
                                  .technology = &run->settings.technology,
                                  .provider = cost_providers[run->settings.cost.provider],
                                  .samples = member->workload->batch};
  stage_init(member->stage, member->graph, &run->settings.training, &contracted, arena);
  return true;
}

/* Of one graph its own; of several a digest of digests. */
static struct digest digest_of_graphs(const struct run *run, const struct digest *graphs, size_t n) {
  struct digest_stream stream;
  if (run->settings.n_workloads == 0 && run->system == NULL) return graphs[0];
  digest_begin(&stream);
  for (size_t i = 0; i < n; i++) {
    digest_add_u64(&stream, graphs[i].high);
    digest_add_u64(&stream, graphs[i].low);
  }
  return digest_end(&stream);
}

/* The most memory that a design of the space can have. */
static uint64_t most_hbm_bytes(const struct run_settings *settings, struct arena *arena) {
  struct accelerator accelerator;
  config_defaults(&accelerator_fields, arena, &accelerator);
  const struct uint_rule *stacks = &settings->axes[RUN_AXIS_hbm_stacks];
  const struct uint_rule *gib = &settings->axes[RUN_AXIS_hbm_gib_per_stack];
  if (!settings->limits.memory || stacks->rule != NULL || gib->rule != NULL) return 0;
  accelerator.hbm_stacks = stacks->values[stacks->n - 1];
  accelerator.hbm_gib_per_stack = gib->values[gib->n - 1];
  return accelerator_hbm_bytes(&accelerator);
}

/* Stages of all strategies, in place of one for the whole model. What is shown as a schedule is one of them. */
static bool make_system(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct run_settings *settings = &run->settings;
  const struct run_top *top = run->members[0].top;
  struct strategies strategies;
  if (run->n_members > 1) {
    return error_add(error, STATUS_INPUT, "system: of one workload only; give a run file to each of several");
  }
  struct system_model model = {.training = &settings->training,
                               .schedule = &settings->schedule,
                               .cost = &settings->cost,
                               .technology = &settings->technology,
                               .network = &settings->network,
                               .law = &settings->law};
  struct system_search *system = ARENA_NEW(arena, struct system_search, 1);
  struct accelerator reference;
  if (!load_reference(run, &reference, error)) return false;
  const uint64_t designs_bytes = most_hbm_bytes(settings, arena);
  const uint64_t others_bytes = run->any_design ? UINT64_MAX : accelerator_hbm_bytes(&reference);
  const struct system_room room = {designs_bytes, others_bytes};
  if (!workload_request_of(run, top, &model.workload, error)) return false;
  if (!strategies_list(&settings->system, top->batch, arena, &strategies, error)) return false;
  if (!system_search_init(system, &model, &settings->system, &settings->money, &strategies, &room, arena, error)) {
    return false;
  }
  system->ignores_memory = !settings->limits.memory;
  run->system = system;
  const struct unit *shown = system->system->units[system->representative];
  run->stage = shown->stage;
  run->graph = run->training = shown->graph;
  return true;
}

/* Of everything that can change answers: also the graphs of tenants, behind the run's own. */
static struct digest digest_of_run(struct run *run, const struct digest *graphs, size_t n) {
  struct arena *arena = run->invocation->arena;
  const size_t n_models = run->tenants != NULL ? run->tenants->pool.n_models : 0;
  struct digest *all = ARENA_NEW(arena, struct digest, n + n_models);
  memcpy(all, graphs, n * sizeof *all);
  for (size_t m = 0; m < n_models; m++) all[n + m] = run->tenants->pool.models[m].graph.digest;
  return run_settings_digest(&run->settings, all, n + n_models, arena);
}

static bool make_system_problem(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  if (!make_system(run, error)) return false;
  const struct system *system = run->system->system;
  struct digest *graphs = ARENA_NEW(arena, struct digest, system->n_units);
  for (size_t u = 0; u < system->n_units; u++) graphs[u] = system->units[u]->graph.digest;
  const struct stage *const first = &system->units[0]->stage;
  if (!design_space_init(&run->designs, &run->settings, &first, 1, run->system, arena, error)) return false;
  run->graph_digest = digest_of_graphs(run, graphs, system->n_units);
  run->digest = digest_of_run(run, graphs, system->n_units);
  return judge_reference(run, error);
}

bool run_make_problem(struct run *run, struct error *error) {
  if (system_is_asked_for(&run->settings.system)) return make_system_problem(run, error);
  struct arena *arena = run->invocation->arena;
  const struct stage **stages = ARENA_NEW(arena, const struct stage *, run->n_members);
  struct digest *graphs = ARENA_NEW(arena, struct digest, run->n_members);
  for (size_t i = 0; i < run->n_members; i++) {
    if (!make_stage(run, &run->members[i], error)) return false;
    stages[i] = run->members[i].stage;
    graphs[i] = run->members[i].graph->digest;
  }
  if (!design_space_init(&run->designs, &run->settings, stages, run->n_members, NULL, arena, error)) return false;
  run->graph_digest = digest_of_graphs(run, graphs, run->n_members);
  run->digest = digest_of_run(run, graphs, run->n_members);
  return judge_reference(run, error);
}

/* Ranks that built another problem (another model file, another table) must not compute together. */
static bool same_everywhere(struct run *run, struct error *error) {
  struct cluster *cluster = run->invocation->cluster;
  char ours[DIGEST_HEX_BYTES], first[DIGEST_HEX_BYTES], host[RUN_HOST_BYTES];
  if (!is_as_on_rank_0(cluster, run->digest, ours, first)) {
    run_host(host);
    error_add(error, STATUS_ENVIRONMENT,
              "rank %u on %s sees another problem (%s) than rank 0 (%s): are the model and catalogue files in %s the "
              "same on every node?",
              cluster_rank(cluster), host, ours, first, run->invocation->data_folder);
  }
  return cluster_agree(cluster, error);
}

/* What one rank cannot read although rank 0 can is a matter of that rank's host, which the message must name. */
static void name_rank(struct run *run, struct error *error) {
  struct cluster *cluster = run->invocation->cluster;
  uint64_t first_failed = error_is_set(error);
  cluster_broadcast(cluster, &first_failed, sizeof first_failed);
  if (first_failed || !error_is_set(error)) return;
  struct error *named = ARENA_NEW(run->invocation->arena, struct error, 1);
  char host[RUN_HOST_BYTES];
  run_host(host);
  error_add(named, STATUS_ENVIRONMENT, "rank %u on %s, but not rank 0: %.*s", cluster_rank(cluster), host,
            (int)strcspn(error->text, "\n"), error->text);
  *error = *named;
}

/* Nothing has been touched yet: whoever starts the same command again loses nothing. */
static bool not_stopped(struct run *run, struct error *error) {
  const char *reason = signals_agree(run->invocation->cluster);
  return reason == NULL ||
         error_add(error, STATUS_STOPPED, "stopped by %s before the first round; nothing was written", reason);
}

bool run_prepare(struct run *run, const char *path, struct error *error) {
  if (!load_settings(run, path, error)) return false;
  if (run->one_device != NULL && system_is_asked_for(&run->settings.system)) {
    return error_add(error, STATUS_INPUT, "%s: system.devices: dse %s looks at one device, not at whole systems", path,
                     run->one_device);
  }
  /* A large graph takes a second: a signal is looked for in between, and all ranks leave before they compare. */
  if (run_load_workload(run, error) && signals_stop() == 0 && run_expand_training(run, error) && signals_stop() == 0 &&
      tenants_open(run, path, error) && cosearch_open(run, error)) {
    run_make_problem(run, error);
  }
  if (!not_stopped(run, error)) return false;
  name_rank(run, error);
  return cluster_agree(run->invocation->cluster, error) && same_everywhere(run, error);
}

void run_release(struct run *run) {
  if (run->designs.scratch != NULL) design_space_release(&run->designs);
}

const char *run_path(const struct run *run, const char *name) {
  return arena_printf(run->invocation->arena, "%s/%s", run->folder, name);
}

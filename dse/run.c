/* See run.h. */
#include "dse/run.h"

#include <string.h>
#include <time.h>

/* Rank 0 alone reads the run file, so that a thousand ranks do not, and an edit meanwhile does not split the run: what
 * it read is written out as resolved and read again by everybody from that text. */
bool run_load_settings(struct run *run, const char *path, struct error *error) {
  struct invocation *invocation = run->invocation;
  struct cluster *cluster = invocation->cluster;
  uint64_t length = 0;
  if (cluster_rank(cluster) == 0 &&
      run_settings_load(path, invocation->sets, invocation->n_sets, invocation->arena, &run->settings, error)) {
    run->settings_text = run_settings_text(&run->settings, true, invocation->arena);
    length = strlen(run->settings_text);
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
      const struct run_sections sections = run_settings_sections(&run->settings, invocation->arena);
      config_apply(config, sections.sections, sections.n, invocation->arena, error);
      config_close(config);
    }
  }
  return cluster_agree(cluster, error);
}

bool run_load_workload(struct run *run, struct error *error) {
  const struct run_top *top = &run->settings.top;
  struct arena *arena = run->invocation->arena;
  struct config_set *sets = ARENA_NEW(arena, struct config_set, top->model.n + 1);
  for (size_t i = 0; i < top->model.n; i++) {
    char *path = arena_copy_text(arena, top->model.values[i]);
    char *equals = strchr(path, '=');
    if (equals == NULL) return error_add(error, STATUS_INPUT, "model: \"%s\" has no '=', write \"key=value\"", path);
    *equals = 0;
    sets[i] = (struct config_set){path, equals + 1};
  }
  const struct workload_request request = {.name = top->workload,
                                           .data_folder = run->invocation->data_folder,
                                           .batch = top->batch,
                                           .element_bytes = run->settings.axes[RUN_AXIS_element_bytes].values[0],
                                           .sets = sets,
                                           .n_sets = top->model.n};
  return workload_load(&request, arena, run->invocation->scratch, &run->workload, error);
}

bool run_expand_training(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena, *scratch = run->invocation->scratch;
  struct op_graph expanded;
  if (!training_expand(&run->workload.graph, &run->settings.training, arena, scratch, &expanded, error)) return false;
  run->training = expanded;
  if (run->settings.training.fusion == FUSION_OFF) return true;
  return fusion_apply(&expanded, arena, scratch, &run->training, error);
}

/* The throughput that `throughput_floor` refers to: the reference design on the same stage. */
static bool judge_reference(struct run *run, struct error *error) {
  struct invocation *invocation = run->invocation;
  struct accelerator reference;
  if (!accelerator_from_catalogue(invocation->data_folder, run->settings.limits.reference, invocation->arena,
                                  &reference, error) ||
      !accelerator_derive(&reference, error)) {
    return false;
  }
  struct stage_cost_of_design design;
  struct stage_result result;
  stage_design(&run->stage, &reference, &design);
  stage_evaluate(&run->stage, &reference, &design, run->designs.scratch, &result, NULL, NULL);
  if (result.cycles == 0 || result.cycles == UINT64_MAX) {
    return error_add(error, STATUS_INPUT, "limits.reference: %s cannot run this workload",
                     run->settings.limits.reference);
  }
  run->designs.reference_throughput = (double)run->stage.samples / result.iteration_s;
  run->designs.floor_throughput = run->settings.limits.throughput_floor * run->designs.reference_throughput;
  return true;
}

bool run_make_problem(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena, *scratch = run->invocation->scratch;
  struct graph_totals totals;
  struct stage_contracted contracted = {0};
  graph_totals(&run->workload.graph, &totals);
  contracted.parameters = totals.parameters;
  if (!graph_contract(&run->training, arena, scratch, &run->graph, &contracted.kept_bytes, error)) return false;
  if (run->graph.n_ops == 0) return error_add(error, STATUS_INPUT, "%s: nothing to compute", run->workload.name);
  run->stage = (struct stage){.settings = &run->settings.schedule,
                              .cost = &run->settings.cost,
                              .technology = &run->settings.technology,
                              .provider = cost_providers[run->settings.cost.provider],
                              .samples = run->workload.batch};
  stage_init(&run->stage, &run->graph, &run->settings.training, &contracted, arena);
  if (!design_space_init(&run->designs, &run->settings, &run->stage, arena, error)) return false;
  run->digest = run_settings_digest(&run->settings, &run->graph, arena);
  return judge_reference(run, error);
}

/* Ranks that built another problem (another model file, another program) must not compute together. */
static bool same_everywhere(struct run *run, struct error *error) {
  struct digest first = run->digest;
  cluster_broadcast(run->invocation->cluster, &first, sizeof first);
  if (!digest_equal(first, run->digest)) {
    char hex[2][DIGEST_HEX_BYTES];
    digest_print(first, hex[0]);
    digest_print(run->digest, hex[1]);
    error_add(error, STATUS_ENVIRONMENT,
              "rank %u sees another problem (%s) than rank 0 (%s): are the program and its "
              "model files the same on every node?",
              cluster_rank(run->invocation->cluster), hex[1], hex[0]);
  }
  return cluster_agree(run->invocation->cluster, error);
}

bool run_prepare(struct run *run, const char *path, struct error *error) {
  if (!run_load_settings(run, path, error)) return false;
  if (run_load_workload(run, error) && run_expand_training(run, error)) run_make_problem(run, error);
  return cluster_agree(run->invocation->cluster, error) && same_everywhere(run, error);
}

void run_release(struct run *run) {
  if (run->designs.scratch != NULL) design_space_release(&run->designs);
}

double run_clock_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *run_path(const struct run *run, const char *name) {
  return arena_printf(run->invocation->arena, "%s/%s", run->folder, name);
}

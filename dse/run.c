/* See run.h. */
#include "dse/run.h"

#include "base/text.h"
#include "dse/signals.h"
#include "dse/version.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>
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
  if (!cost_load(&run->settings.cost, &run->graph, arena, error)) return false;
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

const char *run_stop_signal(struct cluster *cluster) {
  const int mine = signals_stop();
  if (!cluster_any(cluster, mine != 0)) return NULL;
  for (size_t i = 0; signals_that_stop[i].number != 0; i++) {
    if (cluster_any(cluster, mine == signals_that_stop[i].number)) return signals_that_stop[i].reason;
  }
  return NULL; /* not reached */
}

/* Nothing has been touched yet: whoever starts the same command again loses nothing. */
static bool not_stopped(struct run *run, struct error *error) {
  const char *reason = run_stop_signal(run->invocation->cluster);
  return reason == NULL ||
         error_add(error, STATUS_STOPPED, "stopped by %s before the first round; nothing was written", reason);
}

bool run_prepare(struct run *run, const char *path, struct error *error) {
  if (!run_load_settings(run, path, error)) return false;
  /* A large graph takes a second: a signal is looked for in between, and all ranks leave before they compare. */
  if (run_load_workload(run, error) && signals_stop() == 0 && run_expand_training(run, error) && signals_stop() == 0) {
    run_make_problem(run, error);
  }
  if (!not_stopped(run, error)) return false;
  name_rank(run, error);
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

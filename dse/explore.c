/* dse explore: the main job. Read this file first: one call an arrow.
 *
 *   run file → workload → training graph → stage → space of designs → search → proof → results
 *
 * and of many devices
 *
 *   run file → workload → strategies → stages of each → space of designs → search → proof → choice by stage → results
 *
 * and, where tenants are named, behind either
 *
 *   best designs × jobs of tenants → table → platforms → mappings → results
 *
 * or, with a co-search (cosearch.h), all of these in one search.
 *
 * Every rank runs it alike; evaluations are distributed in rounds.c.
 */
#include "dse/explore.h"

#include "base/clock.h"
#include "dse/cosearch/cosearch.h"
#include "dse/design/importance.h"
#include "dse/output/outputs.h"
#include "dse/run/progress.h"
#include "dse/system/global.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_flow.h"
#include <string.h>

/* 6. The search that the run file names. */
static bool search(struct run *run, uint64_t max_evaluations, struct error *error) {
  const struct run_search *settings = &run->settings.search;
  const struct search_algorithm *algorithm = search_algorithm_find(settings->algorithm);
  return rounds_search(&run->rounds, algorithm, run_algorithm_settings(&run->settings, algorithm), max_evaluations,
                       error);
}

/* 7, 8. Of a system: a search of its own for every stage, and which design stands on which. */
static bool choose_by_stage(struct run *run, struct error *error) {
  struct global *global = ARENA_NEW(run->invocation->arena, struct global, 1);
  if (!global_search(run, global, error)) return false;
  if (run->system != NULL && !run->rounds.stopped) run->global = global;
  return true;
}

/* 6 … 10 at once: designs are looked at for what they train and for the tenants of their platforms. */
static bool search_together(struct run *run, struct error *error) {
  const struct run_search *settings = &run->settings.search;
  if (cosearch_listens(run) && !search(run, (settings->max_evaluations + 1) / 2, error)) return false;
  if (run->rounds.stopped) return true;
  if (!cosearch_search(run, error)) return false;
  run->rounds.cut = true; /* the proof of training alone says how far it is, and evaluates nothing */
  if (!run->rounds.stopped && !prove(&run->rounds, &run->proof, error)) return false;
  run->systems_wanted = cosearch_wants_systems(run);
  return (run->rounds.stopped || choose_by_stage(run, error)) && (run->rounds.stopped || cosearch_mix(run, error));
}

bool explore_search(struct run *run, struct error *error) {
  if (cosearch_leads(run)) return search_together(run, error);
  return search(run, run->settings.search.max_evaluations, error) &&
         (run->rounds.stopped || prove(&run->rounds, &run->proof, error)) &&
         (run->rounds.stopped || choose_by_stage(run, error)) &&
         (run->rounds.stopped || (run->cosearch != NULL ? cosearch_search(run, error) : tenants_map(run, error)));
}

/* 6 … 11 of one run whose problem is made and whose folder is open. */
static enum status compute(struct run *run, struct error *error) {
  struct invocation *invocation = run->invocation;
  struct progress progress;
  rounds_init(&run->rounds, invocation->cluster, &run->designs, run->journal, invocation->arena);
  if (!progress_init(&progress, run, error)) return error->status;

  bool good = explore_search(run, error);
  if (good && !run->rounds.stopped) {
    outputs_time(run);
    good = importance_compute(run, error);
  }
  progress_end(&progress);
  if (!good) return error->status;

  if (run->rounds.stopped) {
    outputs_publish(run, "stopped", progress.reason, error);
    if (!cluster_agree(invocation->cluster, error)) return error->status;
    remark(invocation, "stopped by %s after %llu evaluations; dse resume %s goes on\n", progress.reason,
           (unsigned long long)run->rounds.evaluations, run->folder);
    return STATUS_STOPPED;
  }
  if (!outputs_finish(run, error)) return error->status;
  explore_report(run);
  const bool any = topk_count(run->rounds.topk) > 0 || system_report_chosen(run) != NULL;
  if (!any || (run->cosearch != NULL && run->cosearch->best == NULL)) {
    explore_explain(run, error);
    return STATUS_INFEASIBLE;
  }
  return STATUS_OK;
}

enum status explore_run(struct invocation *invocation, const char *path, const struct folder_request *request,
                        struct error *error) {
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  run->invocation = invocation;
  run->start_s = clock_wall_s();
  run->shards = invocation_value(invocation, "shards") != NULL;
  enum status status = STATUS_INPUT;
  bool finished = false;
  double limit_s; /* read again once it counts; here only so that a mistake leaves no folder */
  /* 1 load, 2 workload, 3 training graph, 4 split, 5 stage problem: see run.c. Then the folder: nothing is written, and
   * no folder made, for a run file with mistakes. */
  if (progress_limit(invocation, &limit_s, error) && run_prepare(run, path, error) &&
      outputs_open(run, request, &finished, error)) {
    if (finished) {
      remark(invocation, "%s: this run is complete; nothing to do\n", request->folder);
      status = explore_report_again(run, error) ? STATUS_OK : error->status;
    } else {
      status = compute(run, error);
    }
  } else {
    status = error->status;
  }
  outputs_close(run, error);
  run_release(run);
  return status;
}

/* --- the command ----------------------------------------------------------------------------------------------------
 */

/* results-NAME for configs/NAME.cfg. */
static const char *default_folder(const char *path, struct arena *arena) {
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  const size_t n = strlen(name);
  const bool cfg = n > 4 && strcmp(name + n - 4, ".cfg") == 0;
  return arena_printf(arena, "results-%.*s", (int)(cfg ? n - 4 : n), name);
}

static enum status run_explore(struct invocation *invocation, struct error *error) {
  const char *path = invocation->words[0], *out = invocation_value(invocation, "out");
  const char *seed = invocation_value(invocation, "seed");
  if (seed != NULL) invocation->sets[invocation->n_sets++] = (struct config_set){"search.seed", seed};
  const struct folder_request request = {.folder = out != NULL ? out : default_folder(path, invocation->arena),
                                         .fresh = invocation_value(invocation, "fresh") != NULL};
  return explore_run(invocation, path, &request, error);
}

static const struct command_option options[] = {
    {"out", "DIR", "results folder (default: results-NAME for NAME.cfg)"},
    {"seed", "N", "seed of every random choice (default: search.seed of the run file)"},
    {"max-time", "SECONDS", "stops between two rounds after this time, resumable, exit status 75"},
    {"shards", NULL,
     "of systems: shards.csv, the best shards of every layer within the tensor groups of the one chosen"},
    {"fresh", NULL, "moves an old results folder to DIR.old-N first"},
};
static const char *const examples[] = {"dse explore configs/quickstart.cfg",
                                       "mpirun -n 2 dse explore configs/quickstart.cfg --out results-two",
                                       "dse explore configs/quickstart.cfg --fresh --set limits.tdp_w=250", NULL};
const struct command command_explore = {
    .name = "explore",
    .words = "RUN.cfg",
    .summary = "the main job: searches the designs of a run file and proves how good the best is",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Writes a results folder: front.csv and topk.csv (the designs), summary.json, report.html, trace-best.json,\n"
        "convergence.csv, infeasible.csv, columns.csv (units), run.cfg (settings as resolved), journal, status.json,\n"
        "manifest.json, timing.csv, log.txt; of whole systems also systems.csv, stages.csv, k.csv (what was chosen,\n"
        "its stages, what the lists' lengths change) and trace-pipeline.json; with tenants also tenancy.csv\n"
        "(platforms), of a co-search cosearch.csv and cosearch-designs.csv instead, and of the best platform\n"
        "mapping.csv, tenancy/ and trace-tenancy.json. The same command on an unfinished folder goes on where it\n"
        "stopped; on a finished one it changes nothing; other settings there are an error that shows the\n"
        "difference.",
    .examples = examples,
    .run = run_explore,
};

/* See dse.h: the flows of explore and evaluate, called from a program of somebody else's.
 *
 * Every public function runs its work in `guarded`: with a clean message, in the C locale, and with a way out where
 * memory ends, which deep below is no value that anybody returns. */
#include "dse/dse.h"

#include "base/clock.h"
#include "base/text.h"
#include "dse/commands/data_folder.h"
#include "dse/explore.h"

#include <gsl/gsl_errno.h>
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct dse {
  struct arena arena;
  struct error error;
  const char *data_folder;
  locale_t c_locale;
  struct text_list workloads, parts; /* n 0: not looked for yet */
};

struct dse_run {
  struct dse *dse;
  struct cluster *cluster;
  struct arena arena, scratch;
  struct invocation invocation;
  struct run run;
};

struct dse_front {
  struct dse_run *run;
  struct arena arena;
  struct dse_summary summary;
  const struct pareto *front;
  const char **designs; /* [pareto_count] */
};

/* --- the way in and out ---------------------------------------------------------------------------------------------
 */

static _Thread_local jmp_buf *way_out; /* of the call that this thread is in; NULL: it is in none */

static void leave_without_memory(size_t bytes) {
  if (way_out == NULL) BUG("out of memory outside of a call: %zu bytes cannot be had", bytes);
  longjmp(*way_out, 1);
}

static void prepare_process(void) {
  gsl_set_error_handler_off();
  arena_on_exhaustion = leave_without_memory;
}

/* What has changed between setjmp and longjmp lies in `context` and the session, not in variables of this function. */
static bool guarded(struct dse *dse, bool (*work)(void *context, struct error *error), void *context) {
  jmp_buf here;
  bool good = false;
  const locale_t theirs = uselocale(dse->c_locale);
  dse->error = (struct error){0};
  way_out = &here;
  if (setjmp(here) == 0) {
    good = work(context, &dse->error);
  } else {
    error_add(&dse->error, STATUS_ENVIRONMENT, "no memory left; free what this call was given, it is half done");
  }
  way_out = NULL;
  uselocale(theirs);
  return good;
}

struct opening {
  struct dse *dse;
  const char *given;
};

static bool find_data(void *context, struct error *error) {
  struct opening *opening = context;
  struct dse *dse = opening->dse;
  (void)error;
  dse->data_folder =
      opening->given != NULL ? arena_copy_text(&dse->arena, opening->given) : data_folder_find(&dse->arena);
  return true;
}

struct dse *dse_open(const char *data_folder) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare_process);
  struct dse *dse = calloc(1, sizeof *dse);
  if (dse == NULL) return NULL;
  arena_init(&dse->arena, 1 << 16);
  dse->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  struct opening opening = {dse, data_folder};
  if (dse->c_locale != (locale_t)0 && guarded(dse, find_data, &opening)) return dse;
  dse_close(dse);
  return NULL;
}

void dse_close(struct dse *dse) {
  if (dse == NULL) return;
  arena_release(&dse->arena);
  if (dse->c_locale != (locale_t)0) freelocale(dse->c_locale);
  free(dse);
}

enum dse_status dse_status(const struct dse *dse) { return (enum dse_status)dse->error.status; }
const char *dse_message(const struct dse *dse) { return dse->error.text; }
const char *dse_data_folder(const struct dse *dse) { return dse->data_folder; }

/* --- what there is --------------------------------------------------------------------------------------------------
 */

static bool list_workloads(void *context, struct error *error) {
  struct dse *dse = context;
  return dse->workloads.n > 0 ||
         workload_list(dse->data_folder, &dse->arena, &dse->workloads.values, &dse->workloads.n, error);
}

static bool list_parts(void *context, struct error *error) {
  struct dse *dse = context;
  return dse->parts.n > 0 || accelerator_catalogue_names(dse->data_folder, &dse->arena, &dse->parts, error);
}

const char *dse_workload(struct dse *dse, size_t i) {
  return guarded(dse, list_workloads, dse) && i < dse->workloads.n ? dse->workloads.values[i] : NULL;
}

const char *dse_part(struct dse *dse, size_t i) {
  return guarded(dse, list_parts, dse) && i < dse->parts.n ? dse->parts.values[i] : NULL;
}

/* --- runs -----------------------------------------------------------------------------------------------------------
 */

struct reading {
  struct dse_run *run;
  const char *name, *text; /* text NULL: name is a path */
  const char *const *sets;
  size_t n_sets;
};

static bool take_sets(const struct reading *reading, struct error *error) {
  struct invocation *invocation = &reading->run->invocation;
  if (reading->n_sets > COMMAND_MAX_VALUES) {
    return error_add(error, STATUS_INPUT, "sets: %zu of them, allowed are %d", reading->n_sets, COMMAND_MAX_VALUES);
  }
  for (size_t i = 0; i < reading->n_sets; i++) {
    char *path = arena_copy_text(invocation->arena, reading->sets[i]), *equals = strchr(path, '=');
    if (equals == NULL || equals == path) {
      return error_add(error, STATUS_INPUT, "sets: %s: no '=', write path=value", path);
    }
    *equals = '\0';
    invocation->sets[invocation->n_sets++] = (struct config_set){path, equals + 1};
  }
  return true;
}

static bool read_run(void *context, struct error *error) {
  const struct reading *reading = context;
  struct dse_run *const own = reading->run;
  struct invocation *const invocation = &own->invocation;
  struct run *const run = &own->run;
  run->invocation = invocation;
  run->start_s = clock_wall_s();
  own->cluster = invocation->cluster = cluster_start(NULL, NULL, error);
  if (own->cluster == NULL || !take_sets(reading, error)) return false;
  const bool read = reading->text != NULL
                        ? run_settings_load_text(reading->name, reading->text, invocation->sets, invocation->n_sets,
                                                 invocation->arena, &run->settings, error)
                        : run_settings_load(reading->name, invocation->sets, invocation->n_sets, invocation->arena,
                                            &run->settings, error);
  if (!read) return false;
  run->settings_text = run_settings_text(&run->settings, true, invocation->arena);
  return run_load_workload(run, error) && run_expand_training(run, error) && run_make_problem(run, error);
}

static struct dse_run *new_run(struct dse *dse, struct reading *reading) {
  dse->error = (struct error){0};
  struct dse_run *run = calloc(1, sizeof *run);
  if (run == NULL) {
    error_add(&dse->error, STATUS_ENVIRONMENT, "no memory left for a run");
    return NULL;
  }
  run->dse = dse;
  arena_init(&run->arena, 1 << 20);
  arena_init(&run->scratch, 1 << 20);
  run->invocation = (struct invocation){
      .arena = &run->arena, .scratch = &run->scratch, .data_folder = dse->data_folder, .quiet = true};
  reading->run = run;
  if (guarded(dse, read_run, reading)) return run;
  dse_run_free(run);
  return NULL;
}

struct dse_run *dse_run_file(struct dse *dse, const char *path, const char *const *sets, size_t n_sets) {
  struct reading reading = {.name = path, .sets = sets, .n_sets = n_sets};
  return new_run(dse, &reading);
}

struct dse_run *dse_run_text(struct dse *dse, const char *name, const char *text, const char *const *sets,
                             size_t n_sets) {
  struct reading reading = {.name = name, .text = text, .sets = sets, .n_sets = n_sets};
  return new_run(dse, &reading);
}

void dse_run_free(struct dse_run *run) {
  if (run == NULL) return;
  run_release(&run->run);
  if (run->cluster != NULL) cluster_finish(run->cluster);
  arena_release(&run->scratch);
  arena_release(&run->arena);
  free(run);
}

const char *dse_run_settings(const struct dse_run *run) { return run->run.settings_text; }
uint64_t dse_run_points(const struct dse_run *run) { return space_size(&run->run.designs.space); }

/* --- one design -----------------------------------------------------------------------------------------------------
 */

/* Times and energy: of a device on one workload also those of designs that break a limit. */
static void fill_times(const struct run *run, const struct accelerator *accelerator,
                       const struct stage_cost_of_design *design, const struct stage_result *result,
                       const struct score *score, struct dse_design *out) {
  const struct design_space *designs = &run->designs;
  if (designs->system != NULL || designs->set != NULL) {
    out->throughput_samples_per_s = score->objective[OBJECTIVE_THROUGHPUT];
    out->energy_j = score->objective[OBJECTIVE_ENERGY];
    if (out->throughput_samples_per_s > 0) out->iteration_s = design_iteration_s(designs, score->objective);
    return;
  }
  if (result->cycles == 0 || result->cycles == UINT64_MAX) return;
  struct stage_floor floor;
  stage_bound(&run->stage, accelerator, design, designs->scratch, &floor);
  const double cycle_s = result->iteration_s / (double)result->cycles;
  out->iteration_s = result->iteration_s;
  out->throughput_samples_per_s = (double)run->stage.samples / result->iteration_s;
  out->energy_j = result->energy_j;
  out->bound_iteration_s = cycle_s * (double)result->bound_cycles;
  out->floor_iteration_s = cycle_s * (double)floor.cycles;
}

static void judge(struct dse_run *own, const struct accelerator *accelerator, struct dse_design *out) {
  const struct run *run = &own->run;
  const struct design_space *designs = &run->designs;
  struct stage_cost_of_design design;
  struct stage_result result;
  struct stage_detail detail;
  struct score score;
  const struct arena_mark mark = arena_get_mark(&own->scratch);
  const bool whole = designs->system == NULL && designs->set == NULL; /* then a schedule whatever the limits say */
  design_evaluate(designs, accelerator, &design, &result, &score, whole ? &detail : NULL, &own->scratch);
  arena_rewind(&own->scratch, mark);
  const struct reason_name *reason = &designs->space.reasons[score.reason];
  *out = (struct dse_design){.feasible = score.reason == REASON_NONE, .reason = "", .excess_unit = ""};
  if (!out->feasible) out->reason = reason->name, out->excess = score.excess, out->excess_unit = reason->unit;
  design_name(accelerator, out->name);
  out->area_mm2 = design.area.total;
  out->tdp_w = design.tdp.total;
  out->memory_bytes = (double)design.memory_bytes;
  out->hbm_bytes = (double)accelerator_hbm_bytes(accelerator);
  fill_times(run, accelerator, &design, &result, &score, out);
}

struct judging {
  struct dse_run *run;
  const char *design;
  struct dse_design *result;
};

static bool judge_named(void *context, struct error *error) {
  const struct judging *judging = context;
  struct dse_run *own = judging->run;
  struct accelerator accelerator;
  const struct arena_mark mark = arena_get_mark(&own->arena);
  const uint64_t generated = own->run.designs.fixed.element_bytes;
  const bool named = strchr(judging->design, '=') == NULL;
  const bool read =
      named ? accelerator_from_catalogue(own->dse->data_folder, judging->design, &own->arena, &accelerator, error) &&
                  accelerator_derive(&accelerator, error)
            : design_parse(&own->run.designs, judging->design, &accelerator, &own->arena, error);
  if (read && !named && accelerator.element_bytes != generated) {
    error_add(error, STATUS_INPUT, "design: element_bytes: the operators of this run are generated for %llu",
              (unsigned long long)generated);
  } else if (read) {
    judge(own, &accelerator, judging->result);
  }
  arena_rewind(&own->arena, mark);
  return !error_is_set(error);
}

bool dse_evaluate(struct dse_run *run, const char *design, struct dse_design *result) {
  struct judging judging = {run, design, result};
  return guarded(run->dse, judge_named, &judging);
}

/* --- searching ------------------------------------------------------------------------------------------------------
 */

struct exploring {
  struct dse_front *front;
  const struct dse_search *search;
};

static bool ask_caller(void *context) {
  const struct dse_search *search = context;
  return search->stop(search->context);
}

static void sum_up(struct dse_front *front) {
  const struct run *run = &front->run->run;
  const struct space *space = &run->designs.space;
  const struct proof *proof = &run->proof;
  front->front = run->rounds.front;
  const size_t n = pareto_count(front->front);
  front->designs = ARENA_NEW(&front->arena, const char *, n);
  for (size_t i = 0; i < n; i++) {
    front->designs[i] = design_text(&run->designs, &pareto_at(front->front, i)->point, &front->arena);
  }
  front->summary = (struct dse_summary){
      .metric = space->objectives[space->metric].name,
      .unit = text_unit_shown(space->objectives[space->metric].name, space->objectives[space->metric].unit),
      .evaluations = run->rounds.evaluations,
      .feasible = run->rounds.feasible,
      .best = topk_at(run->rounds.topk, 0)->score.objective[space->metric],
      .bound = proof->complete ? proof->bound : 0,
      .gap = proof->complete ? proof->gap : 0,
      .proven_optimal = proof->complete && proof->optimal,
      .front_complete = proof->front_complete};
}

static bool explore(void *context, struct error *error) {
  const struct exploring *exploring = context;
  struct dse_front *front = exploring->front;
  struct run *run = &front->run->run;
  struct run_search *settings = &run->settings.search;
  struct dse_search *search = ARENA_NEW(&front->arena, struct dse_search, 1);
  if (exploring->search != NULL) *search = *exploring->search;
  const uint64_t most = search->max_evaluations > 0 ? search->max_evaluations : settings->max_evaluations;
  const uint64_t most_to_prove = settings->prove_evaluations;
  const struct search_algorithm *algorithm = search_algorithm_find(settings->algorithm);
  rounds_init(&run->rounds, front->run->cluster, &run->designs, NULL, &front->arena);
  if (search->stop != NULL) {
    run->rounds.stop = run->rounds.interrupted = ask_caller;
    run->rounds.stop_context = search;
  }
  run->proof = (struct proof){0};
  if (search->max_evaluations > 0) settings->prove_evaluations = search->max_evaluations;
  const bool good =
      rounds_search(&run->rounds, algorithm, run_algorithm_settings(&run->settings, algorithm), most, error) &&
      (run->rounds.stopped || prove(&run->rounds, &run->proof, error));
  settings->prove_evaluations = most_to_prove;
  if (!good) return false;
  if (run->rounds.stopped) return error_add(error, STATUS_STOPPED, "stopped by the caller");
  if (topk_count(run->rounds.topk) == 0) {
    explore_explain(run, error);
    return false;
  }
  sum_up(front);
  return true;
}

struct dse_front *dse_explore(struct dse_run *run, const struct dse_search *search) {
  struct dse_front *front = calloc(1, sizeof *front);
  run->dse->error = (struct error){0};
  if (front == NULL) {
    error_add(&run->dse->error, STATUS_ENVIRONMENT, "no memory left for a front");
    return NULL;
  }
  front->run = run;
  arena_init(&front->arena, 1 << 20);
  struct exploring exploring = {front, search};
  if (guarded(run->dse, explore, &exploring)) return front;
  dse_front_free(front);
  return NULL;
}

void dse_front_free(struct dse_front *front) {
  if (front == NULL) return;
  arena_release(&front->arena);
  free(front);
}

struct dse_summary dse_front_summary(const struct dse_front *front) {
  return front->summary;
}
size_t dse_front_size(const struct dse_front *front) { return pareto_count(front->front); }

struct showing {
  struct dse_front *front;
  size_t i;
  struct dse_design *result;
};

static bool judge_found(void *context, struct error *error) {
  const struct showing *showing = context;
  struct dse_front *front = showing->front;
  struct accelerator accelerator;
  if (showing->i >= pareto_count(front->front)) {
    return error_add(error, STATUS_INPUT, "front: design %zu, there are %zu", showing->i, pareto_count(front->front));
  }
  if (!design_at(&front->run->run.designs, &pareto_at(front->front, showing->i)->point, &accelerator)) {
    BUG("a design of the front cannot be");
  }
  judge(front->run, &accelerator, showing->result);
  return true;
}

bool dse_front_design(struct dse_front *front, size_t i, struct dse_design *result, const char **design) {
  struct showing showing = {front, i, result};
  if (!guarded(front->run->dse, judge_found, &showing)) return false;
  if (design != NULL) *design = front->designs[i];
  return true;
}

/* See outputs.h. */
#include "dse/outputs.h"

#include "base/file.h"
#include "dse/picture.h"
#include "dse/tables.h"
#include "dse/version.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_writer(const struct run *run) { return cluster_rank(run->invocation->cluster) == 0; }

static const char *utc_now(struct arena *arena) {
  const time_t now = time(NULL);
  struct tm parts;
  char text[32];
  gmtime_r(&now, &parts);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return arena_copy_text(arena, text);
}

static bool publish_table(const struct run *run, const char *name, const struct table *table, struct error *error) {
  size_t n;
  const char *bytes = table_bytes(table, &n);
  return file_publish(run_path(run, name), bytes, n, error);
}

static bool publish_json(const struct run *run, const char *name, json_t *object, struct error *error) {
  char *text = object != NULL ? json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
  json_decref(object);
  if (text == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be composed", run_path(run, name));
  const bool done =
      file_publish(run_path(run, name), arena_printf(run->invocation->arena, "%s\n", text), strlen(text) + 1, error);
  free(text);
  return done;
}

static void set_integer(json_t *object, const char *key, uint64_t value) {
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *key, bool known, double value) {
  json_object_set_new(object, key, known ? json_real(value) : json_null());
}

/* --- the folder -----------------------------------------------------------------------------------------------------
 */

static void rename_aside(struct run *run, struct error *error) {
  for (unsigned n = 1; n < 10000; n++) {
    const char *old = arena_printf(run->invocation->arena, "%s.old-%u", run->folder, n);
    if (file_exists(old)) continue;
    if (rename(run->folder, old) != 0) {
      error_add(error, STATUS_ENVIRONMENT, "%s: cannot be renamed to %s: %s", run->folder, old, strerror(errno));
    } else {
      remark(run->invocation, "the old results are now in %s\n", old);
    }
    return;
  }
  error_add(error, STATUS_ENVIRONMENT, "%s: too many old folders beside it", run->folder);
}

static void move_aside(struct run *run, struct error *error) {
  /* A launch that still writes there would go on into the new folder of the same name. */
  struct folder_lock lock;
  const bool locked = file_exists(run_path(run, "lock"));
  if (locked && !folder_lock(run->folder, FOLDER_LOCK_BEST, FOLDER_LOCK_WAIT_MS, &lock, error)) return;
  rename_aside(run, error);
  if (locked) folder_unlock(&lock);
}

/* Which settings differ from those of the earlier run in this folder? Returns how many do. */
static size_t list_differences(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct run_settings earlier;
  struct error ignored = {0};
  size_t n = 0;
  if (!run_settings_load(run_path(run, "run.cfg"), NULL, 0, arena, &earlier, &ignored)) return 0;
  const struct run_sections a = run_settings_sections(&earlier, arena),
                            b = run_settings_sections(&run->settings, arena);
  for (size_t s = 0; s < a.n; s++) {
    const struct field_table *table = a.sections[s].table;
    for (size_t f = 0; f < table->n_fields; f++) {
      const char *before = config_value_text(&table->fields[f], a.sections[s].into, arena);
      const char *now = config_value_text(&table->fields[f], b.sections[s].into, arena);
      if (strcmp(before, now) == 0 || table->fields[f].role != ROLE_ANSWER) continue;
      error_add(error, STATUS_INPUT, "  %s%s%s: %s there, %s now", a.sections[s].group,
                a.sections[s].group[0] != 0 ? "." : "", table->fields[f].key, before, now);
      n++;
    }
  }
  return n;
}

/* The journal tells whose folder this is; where somebody has deleted it, the settings beside it do. */
static bool holds_other_run(struct run *run, const struct journal_header *header) {
  struct journal_header earlier;
  struct error ignored = {0};
  if (!file_exists(run_path(run, "journal"))) return list_differences(run, &ignored) > 0;
  return journal_peek(run->folder, &earlier, &ignored) && !digest_equal(earlier.settings, header->settings);
}

/* What status.json of an earlier launch says. */
static void read_status(struct run *run, bool *complete) {
  *complete = false;
  json_t *status = json_load_file(run_path(run, "status.json"), JSON_REJECT_DUPLICATES, NULL);
  const json_t *epoch = json_object_get(status, "epoch"), *state = json_object_get(status, "state");
  if (json_is_integer(epoch) && json_integer_value(epoch) > 0) run->epoch = (uint64_t)json_integer_value(epoch);
  /* Where nothing was feasible the same command says again why: that costs no evaluation, and its status is 3 again. */
  if (json_is_string(state)) {
    *complete = strcmp(json_string_value(state), "complete") == 0 && !json_is_null(json_object_get(status, "best"));
  }
  json_decref(status);
}

/* A finished run counts as such only if nobody raised a budget since: then there is more to do. */
static bool same_budget(struct run *run) {
  struct run_settings earlier;
  struct error ignored = {0};
  if (!run_settings_load(run_path(run, "run.cfg"), NULL, 0, run->invocation->arena, &earlier, &ignored)) return false;
  return earlier.search.max_evaluations == run->settings.search.max_evaluations &&
         earlier.search.prove_evaluations == run->settings.search.prove_evaluations &&
         earlier.search.bound_points == run->settings.search.bound_points &&
         earlier.search.gap_target == run->settings.search.gap_target;
}

static bool best_value(const struct run *run, double *value) {
  const struct topk *topk = run->rounds.topk;
  if (topk == NULL || topk_count(topk) == 0) return false;
  *value = topk_at(topk, 0)->score.objective[run->designs.space.metric];
  return true;
}

static bool publish_status(const struct run *run, const char *state, const char *reason, struct error *error) {
  double best = 0;
  const bool has_best = best_value(run, &best);
  json_t *object = json_object();
  json_object_set_new(object, "state", json_string(state));
  json_object_set_new(object, "reason", json_string(reason));
  set_integer(object, "epoch", run->epoch);
  set_integer(object, "round", run->rounds.round);
  set_integer(object, "evaluations", run->rounds.evaluations);
  set_real(object, "best", has_best, best);
  set_real(object, "lower_bound", run->proof.complete && has_best, run->proof.bound);
  set_real(object, "gap", run->proof.complete && has_best, run->proof.gap);
  json_object_set_new(object, "eta_s", json_null());
  json_object_set_new(object, "last_commit_utc", json_string(utc_now(run->invocation->arena)));
  return publish_json(run, "status.json", object, error);
}

/* A folder without settings or journal is nobody's run: what lies there under our names is somebody else's. */
static bool holds_foreign_file(struct run *run, struct error *error) {
  static const char *const names[] = {"front.csv",    "topk.csv",      "convergence.csv", "infeasible.csv",
                                      "columns.csv",  "timing.csv",    "report.html",     "trace-best.json",
                                      "summary.json", "manifest.json", "status.json",     "log.txt"};
  if (file_exists(run_path(run, "run.cfg")) || file_exists(run_path(run, "journal"))) return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!file_exists(run_path(run, names[i]))) continue;
    error_add(error, STATUS_INPUT,
              "%s: is not the folder of a run, and %s there would be overwritten; choose another --out", run->folder,
              names[i]);
    return true;
  }
  return false;
}

static void open_as_writer(struct run *run, const struct folder_request *request, bool *finished, struct error *error) {
  if (request->fresh && file_exists(run->folder)) move_aside(run, error);
  if (error_is_set(error) || holds_foreign_file(run, error) || !file_make_folder(run->folder, error)) return;
  run->locked = folder_lock(run->folder, FOLDER_LOCK_BEST, FOLDER_LOCK_WAIT_MS, &run->lock, error);
  if (!run->locked) return;
  struct journal_header header = {.settings = run->digest, .seed = run->settings.search.seed};
  bool complete;
  if (holds_other_run(run, &header)) {
    error_add(error, STATUS_INPUT,
              "%s: holds a run of other settings; choose another --out, or --fresh to move it aside", run->folder);
    list_differences(run, error);
    return;
  }
  read_status(run, &complete);
  *finished = complete && same_budget(run);
  if (*finished) return;
  run->epoch++;
  arena_init(&run->journal_arena, 1 << 16);
  if (!journal_open(run->folder, &header, run->designs.space.n_axes, request->salvage, &run->journal_arena,
                    &run->journal, &run->journal_state, error)) {
    return;
  }
  if (run->journal_state.torn_bytes > 0) {
    remark(run->invocation,
           "%s/journal: %llu bytes at offset %llu were torn by a crash and are cut; no finished round "
           "is lost\n",
           run->folder, (unsigned long long)run->journal_state.torn_bytes,
           (unsigned long long)run->journal_state.torn_offset);
  }
  if (run->journal_state.n_rounds > 0) {
    remark(run->invocation, "%s: going on after %llu finished rounds\n", run->folder,
           (unsigned long long)run->journal_state.n_rounds);
  }
  /* The status from the start, so that every launch has its epoch, also one that is killed at once. */
  if (file_publish(run_path(run, "run.cfg"), run->settings_text, strlen(run->settings_text), error)) {
    publish_status(run, "running", "", error);
  }
}

bool outputs_open(struct run *run, const struct folder_request *request, bool *finished, struct error *error) {
  run->folder = request->folder;
  *finished = false;
  if (is_writer(run)) open_as_writer(run, request, finished, error);
  if (!cluster_agree(run->invocation->cluster, error)) return false;
  *finished = cluster_any(run->invocation->cluster, *finished);
  return true;
}

void outputs_close(struct run *run, struct error *error) {
  if (run->journal != NULL) journal_close(run->journal, error);
  run->journal = NULL;
  arena_release(&run->journal_arena);
  if (run->locked) folder_unlock(&run->lock);
  run->locked = false;
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static bool publish_all(const struct run *run, const char *state, const char *reason, struct error *error) {
  struct arena *arena = run->invocation->arena;
  if (run->journal != NULL && !journal_sync(run->journal, error)) return false;
  struct table *columns = table_columns_new(arena);
  const struct {
    const char *name;
    struct table *table;
  } tables[] = {{"front.csv", tables_front(run, arena)},
                {"topk.csv", tables_topk(run, arena)},
                {"convergence.csv", tables_convergence(run, arena)},
                {"infeasible.csv", tables_infeasible(run, arena)},
                {"timing.csv", tables_timing(run, NULL, NULL, arena)}};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    table_describe(tables[i].table, columns);
    if (strcmp(tables[i].name, "timing.csv") == 0) continue;
    if (!publish_table(run, tables[i].name, tables[i].table, error)) return false;
  }
  return publish_table(run, "columns.csv", columns, error) && publish_status(run, state, reason, error);
}

/* A long run publishes every few seconds: what a publication allocates goes back at once. */
bool outputs_publish(struct run *run, const char *state, const char *reason, struct error *error) {
  if (!is_writer(run)) return true;
  const struct arena_mark mark = arena_get_mark(run->invocation->arena);
  const bool done = publish_all(run, state, reason, error);
  arena_rewind(run->invocation->arena, mark);
  return done;
}

struct digest outputs_digest(const struct run *run) {
  struct arena *arena = run->invocation->arena;
  struct table *tables[] = {tables_front(run, arena), tables_topk(run, arena), tables_convergence(run, arena),
                            tables_infeasible(run, arena)};
  struct digest_stream stream;
  digest_begin(&stream);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    size_t n;
    const char *bytes = table_bytes(tables[i], &n);
    digest_add_u64(&stream, n);
    digest_add_bytes(&stream, bytes, n);
  }
  return digest_end(&stream);
}

static json_t *design_json(const struct run *run, const struct record *record) {
  struct accelerator accelerator;
  REQUIRE(design_at(&run->designs, &record->point, &accelerator));
  char name[17];
  design_name(&accelerator, name);
  json_t *object = json_object();
  json_object_set_new(object, "design", json_string(name));
  json_object_set_new(object, "axes", json_string(design_text(&run->designs, &record->point, run->invocation->arena)));
  for (size_t o = 0; o < run->designs.space.n_objectives; o++) {
    json_object_set_new(object, run->designs.space.objectives[o].name, json_real(record->score.objective[o]));
  }
  json_object_set_new(object, "bound", json_real(record->score.bound));
  json_object_set_new(object, "binding", json_string(stage_binding_names[record->score.binding]));
  return object;
}

json_t *outputs_summary(const struct run *run) {
  const double wall_s = run_clock_s() - run->start_s;
  const struct rounds *rounds = &run->rounds;
  json_t *object = json_object(), *front = json_array();
  char hex[DIGEST_HEX_BYTES];
  for (size_t i = 0; i < pareto_count(rounds->front); i++) {
    json_array_append_new(front, design_json(run, pareto_at(rounds->front, i)));
  }
  json_object_set_new(object, "workload", json_string(run->workload.name));
  json_object_set_new(object, "metric", json_string(run->designs.space.objectives[run->designs.space.metric].name));
  const bool any = topk_count(rounds->topk) > 0;
  json_object_set_new(object, "best", any ? design_json(run, topk_at(rounds->topk, 0)) : json_null());
  set_real(object, "lower_bound", run->proof.complete && any, run->proof.bound);
  set_real(object, "gap", run->proof.complete && any, run->proof.gap);
  json_object_set_new(object, "proven_optimal", json_boolean(run->proof.optimal));
  json_object_set_new(object, "front_complete", json_boolean(run->proof.front_complete));
  set_integer(object, "points", run->proof.points);
  set_integer(object, "points_allowed", run->proof.allowed);
  set_integer(object, "points_pruned", run->proof.pruned);
  set_integer(object, "points_open", run->proof.open);
  set_integer(object, "evaluations", rounds->evaluations);
  set_integer(object, "evaluations_to_prove", run->proof.evaluated);
  set_integer(object, "feasible", rounds->feasible);
  set_real(object, "reference_throughput_samples_per_s", true, run->designs.reference_throughput);
  set_integer(object, "seed", rounds->seed);
  digest_print(run->digest, hex);
  json_object_set_new(object, "settings_digest", json_string(hex));
  digest_print(outputs_digest(run), hex);
  json_object_set_new(object, "digest", json_string(hex));
  set_real(object, "evaluations_per_s", wall_s > 0, (double)rounds->evaluations / wall_s);
  set_integer(object, "ranks", cluster_size(run->invocation->cluster));
  set_real(object, "wall_s", true, wall_s);
  json_object_set_new(object, "front", front);
  return object;
}

static json_t *manifest(const struct run *run) {
  char host[256] = "", hex[DIGEST_HEX_BYTES];
  gethostname(host, sizeof host - 1);
  digest_print(run->digest, hex);
  json_t *object = json_object();
  json_object_set_new(object, "program", json_string("dse"));
  json_object_set_new(object, "version", json_string(dse_version()));
  json_object_set_new(object, "commit", json_string(dse_commit()));
  json_object_set_new(object, "compiler", json_string(__VERSION__));
  json_object_set_new(object, "mpi", json_string(cluster_library()));
  json_object_set_new(object, "settings_digest", json_string(hex));
  set_integer(object, "seed", run->rounds.seed);
  json_object_set_new(object, "generator", json_string("PCG64 (XSL-RR 128/64), streams by purpose"));
  set_integer(object, "epoch", run->epoch);
  set_integer(object, "ranks", cluster_size(run->invocation->cluster));
  json_object_set_new(object, "host", json_string(host));
  json_object_set_new(object, "end_utc", json_string(utc_now(run->invocation->arena)));
  set_real(object, "wall_s", true, run_clock_s() - run->start_s);
  return object;
}

static bool publish_log(const struct run *run, struct error *error) {
  const char *text = arena_printf(
      run->invocation->arena, "%s INFO explore: dse %s (%s), %u ranks, seed %llu, %llu evaluations, %.3f s\n",
      utc_now(run->invocation->arena), dse_version(), dse_commit(), cluster_size(run->invocation->cluster),
      (unsigned long long)run->rounds.seed, (unsigned long long)run->rounds.evaluations, run_clock_s() - run->start_s);
  return file_publish(run_path(run, "log.txt"), text, strlen(text), error);
}

bool outputs_finish(struct run *run, struct error *error) {
  struct cluster *cluster = run->invocation->cluster;
  struct cluster_timing *timing = ARENA_NEW(run->invocation->arena, struct cluster_timing, cluster_size(cluster));
  struct cluster_durations *durations = ARENA_NEW(run->invocation->arena, struct cluster_durations, 1);
  cluster_timing(cluster, timing);
  cluster_durations(cluster, durations);
  if (is_writer(run)) {
    const bool any = topk_count(run->rounds.topk) > 0; /* without a design there is nothing to picture */
    const bool done = outputs_publish(run, "running", "", error) && (!any || picture_publish(run, error)) &&
                      publish_json(run, "summary.json", outputs_summary(run), error) &&
                      publish_json(run, "manifest.json", manifest(run), error) &&
                      publish_table(run, "timing.csv", tables_timing(run, timing, durations, run->invocation->arena), error) &&
                      publish_log(run, error) && publish_status(run, "complete", any ? "" : "nothing feasible", error);
    (void)done; /* the error says it */
  }
  return cluster_agree(cluster, error);
}

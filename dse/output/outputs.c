/* See outputs.h. */
#include "dse/output/outputs.h"

#include "base/clock.h"
#include "base/file.h"
#include "dse/commands/version.h"
#include "dse/cosearch/cosearch_report.h"
#include "dse/output/picture.h"
#include "dse/output/set_report.h"
#include "dse/output/tables.h"
#include "dse/sharding/stage_shards.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_report.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

static bool is_writer(const struct run *run) { return cluster_rank(run->invocation->cluster) == 0; }

static bool publish_table(const struct run *run, const char *name, const struct table *table, struct error *error) {
  size_t n;
  const char *bytes = table_bytes(table, &n);
  return file_publish(run_path(run, name), bytes, n, error);
}

static void set_integer(json_t *object, const char *key, uint64_t value) {
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *key, bool known, double value) {
  json_object_set_new(object, key, known ? json_real(value) : json_null());
}

/* --- the folder -----------------------------------------------------------------------------------------------------
 */

bool outputs_open(struct run *run, const struct folder_request *request, bool *finished, struct error *error) {
  run->folder = request->folder;
  *finished = false;
  if (is_writer(run)) folder_take(run, request, finished, error);
  if (!cluster_agree(run->invocation->cluster, error)) return false;
  *finished = cluster_any(run->invocation->cluster, *finished);
  return true;
}

void outputs_close(struct run *run, struct error *error) { folder_leave(run, error); }

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static bool publish_tables(const struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct table *columns = table_columns_new(arena);
  const struct {
    const char *name;
    struct table *table;
  } tables[] = {{"front.csv", tables_front(run, arena)},
                {"topk.csv", tables_topk(run, arena)},
                {"convergence.csv", tables_convergence(run, arena)},
                {"infeasible.csv", tables_infeasible(run, arena)},
                {"timing.csv", tables_timing(run, NULL, NULL, arena)}};
  const size_t n_tables = sizeof tables / sizeof *tables;
  for (size_t i = 0; i < n_tables; i++) table_describe(tables[i].table, columns);
  if (run->designs.set != NULL) table_describe(set_report_table(run, NULL, arena), columns);
  if (run->system != NULL) {
    static const struct global none;
    table_describe(global_systems_table(run, &none), columns);
    table_describe(global_stages_table(run, &none), columns);
    table_describe(global_k_table(run, &none), columns);
    if (run->shards) table_describe(stage_shards_new(arena), columns);
  }
  if (run->cosearch != NULL) {
    table_describe(cosearch_report_table(run, arena), columns);
    table_describe(cosearch_report_designs(run, arena), columns);
  } else if (run->tenants != NULL) {
    static const struct table_column mapping[] = {
        {"core", "", "", "of each job in turn, with blanks between: the core that it runs on, from 0"},
        {"priority", "", "", "likewise: of the jobs of a core the one with the lower number starts first"},
    };
    table_describe(tenancy_report_table(run, arena), columns); /* without rows until there are platforms */
    table_describe(table_new(arena, "mapping.csv", mapping, 2), columns);
  }
  /* What columns mean is there before any table is. */
  bool done = publish_table(run, "columns.csv", columns, error);
  for (size_t i = 0; i < n_tables && done; i++) {
    if (strcmp(tables[i].name, "timing.csv") != 0) done = publish_table(run, tables[i].name, tables[i].table, error);
  }
  return done;
}

/* What the best design does for each of several workloads. */
static void report_best(const struct run *run, struct set_report *report) {
  struct accelerator accelerator;
  REQUIRE(design_at(&run->designs, &topk_at(run->rounds.topk, 0)->point, &accelerator));
  set_report_of(run, &accelerator, report, run->invocation->arena);
}

static bool publish_workloads(const struct run *run, struct error *error) {
  struct set_report report;
  if (run->designs.set == NULL) return true;
  report_best(run, &report);
  return publish_table(run, "workloads.csv", set_report_table(run, &report, run->invocation->arena), error);
}

/* On request: shards within the tensor groups of the chosen system. */
static bool publish_shards(const struct run *run, struct error *error) {
  const char *why;
  if (!run->shards) return true;
  struct stage_shards_sums sums;
  const struct table *table = stage_shards_table(run, &sums, &why);
  if (why == NULL) {
    remark(
        run->invocation,
        "shards: a microbatch through all stages takes %.6g s with the best shards (at most %.2f %% above any), %.6g "
        "s with Megatron's, at the same prices; the slowest stage %.6g s, and %.6g s\n",
        sums.best_s, 100 * (sums.best_s / sums.bound_s - 1), sums.megatron_s, sums.slowest_best_s,
        sums.slowest_megatron_s);
    return publish_table(run, "shards.csv", table, error);
  }
  remark(run->invocation, "no shards.csv: %s\n", why);
  return true;
}

static bool publish_systems(const struct run *run, struct error *error) {
  if (run->global == NULL) return true;
  return publish_table(run, "systems.csv", global_systems_table(run, run->global), error) &&
         publish_table(run, "stages.csv", global_stages_table(run, run->global), error) &&
         publish_table(run, "k.csv", global_k_table(run, run->global), error) && publish_shards(run, error);
}

static void add_chosen(const struct run *run, json_t *object) {
  const struct global *global = run->global;
  set_real(object, "chosen_throughput_samples_per_s", true, system_report_chosen(run)->throughput);
  set_real(object, "chosen_bound_samples_per_s", isfinite(global->bound), global->bound);
  set_integer(object, "systems_on_the_front", global->n_systems);
  json_object_set_new(object, "chosen", system_report_chosen_json(run));
}

/* The best design in its best strategy, and the system chosen. Without such a design, the system alone. */
static json_t *system_json(const struct run *run) {
  struct accelerator accelerator;
  struct system_score score;
  struct system_result result;
  if (topk_count(run->rounds.topk) == 0) {
    json_t *mixed = json_object();
    add_chosen(run, mixed);
    return mixed;
  }
  if (!design_at(&run->designs, &topk_at(run->rounds.topk, 0)->point, &accelerator)) return json_null();
  design_system_of(&run->designs, &accelerator, &score, &result);
  json_t *object = score.plan != NULL ? system_report_json(run, score.plan, &result) : json_null();
  if (score.plan != NULL && system_report_chosen(run) != NULL) add_chosen(run, object);
  return object;
}

/* Nothing published is ahead of what a power cut leaves of the journal. */
static bool may_publish(struct run *run, struct error *error) {
  return folder_is_ours(run, error) && (run->journal == NULL || journal_sync(run->journal, error));
}

/* Within a replay the tables would show less than those that lie there: they stay. */
static bool publish_all(struct run *run, const char *state, const char *reason, struct error *error) {
  const bool replaying = run->rounds.round < run->rounds.journaled;
  return may_publish(run, error) && (replaying || publish_tables(run, error)) &&
         folder_publish_status(run, state, reason, error);
}

/* A long run publishes every few seconds: what a publication allocates goes back at once. */
bool outputs_publish(struct run *run, const char *state, const char *reason, struct error *error) {
  if (!is_writer(run)) return true;
  const struct arena_mark mark = arena_get_mark(run->invocation->arena);
  bool done = publish_all(run, state, reason, error);
  if (done && strcmp(state, "running") != 0) {
    folder_log(run, "INFO", "%s by %s after %llu evaluations, %.3f s", state, reason,
               (unsigned long long)run->rounds.evaluations, clock_wall_s() - run->start_s);
    done = folder_publish_log(run, error);
  }
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
  if (run->cosearch != NULL) {
    size_t n;
    const char *bytes = table_bytes(cosearch_report_table(run, arena), &n);
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
    if (o == OBJECTIVE_DIE_COST && !run->designs.asks_die_cost) continue;
    json_object_set_new(object, run->designs.space.objectives[o].name, json_real(record->score.objective[o]));
  }
  json_object_set_new(object, "bound", json_real(record->score.bound));
  json_object_set_new(object, "binding", json_string(stage_binding_names[record->score.binding]));
  return object;
}

/* How branch and bound covered the space; the counts add up to its points. */
static json_t *certificate_json(const struct run *run) {
  const struct boxes_counts *boxes = &run->proof.boxes;
  if (!run->proof.has_boxes) return json_null();
  json_t *object = json_object(), *excluded = json_object(), *pruned = json_object();
  for (size_t r = 0; r < N_REASONS; r++) {
    if (boxes->excluded[r] > 0) set_integer(excluded, run->designs.space.reasons[r].name, boxes->excluded[r]);
  }
  for (size_t b = 0; b < N_BINDINGS; b++) {
    if (boxes->pruned[b] > 0) set_integer(pruned, stage_binding_names[b], boxes->pruned[b]);
  }
  json_object_set_new(object, "excluded_by_limit", excluded);
  json_object_set_new(object, "pruned_by_bound", pruned);
  set_integer(object, "evaluated_before", boxes->known);
  set_integer(object, "evaluated", boxes->asked);
  set_integer(object, "open", boxes->open);
  set_integer(object, "boxes_bounded", boxes->n_bounded);
  return object;
}

json_t *outputs_summary(const struct run *run) {
  const double wall_s = clock_wall_s() - run->start_s;
  const struct rounds *rounds = &run->rounds;
  json_t *object = json_object(), *front = json_array();
  char hex[DIGEST_HEX_BYTES];
  for (size_t i = 0; i < pareto_count(rounds->front); i++) {
    json_array_append_new(front, design_json(run, pareto_at(rounds->front, i)));
  }
  json_object_set_new(object, "workload", json_string(run->title));
  json_object_set_new(object, "metric", json_string(run->designs.space.objectives[run->designs.space.metric].name));
  const bool any = topk_count(rounds->topk) > 0;
  json_object_set_new(object, "best", any ? design_json(run, topk_at(rounds->topk, 0)) : json_null());
  if (run->system != NULL && (any || system_report_chosen(run) != NULL))
    json_object_set_new(object, "system", system_json(run));
  if (run->cosearch != NULL) {
    json_object_set_new(object, "co_search", cosearch_report_json(run));
  } else if (run->tenants != NULL && any) {
    json_object_set_new(object, "tenancy", tenancy_report_json(run));
  }
  if (run->designs.set != NULL && any) {
    struct set_report report;
    report_best(run, &report);
    json_object_set_new(object, "workloads", set_report_json(run, &report));
  }
  set_real(object, "lower_bound", run->proof.complete && any, run->proof.bound);
  set_real(object, "gap", run->proof.complete && any, run->proof.gap);
  set_real(object, "any_schedule_bound", run->proof.has_ceiling, run->proof.ceiling);
  json_object_set_new(object, "proven_optimal", json_boolean(run->proof.optimal));
  json_object_set_new(object, "front_complete", json_boolean(run->proof.front_complete));
  set_integer(object, "points", run->proof.points);
  set_integer(object, "points_allowed", run->proof.allowed);
  set_integer(object, "points_pruned", run->proof.pruned);
  set_integer(object, "points_open", run->proof.open);
  json_object_set_new(object, "certificate", certificate_json(run));
  set_integer(object, "evaluations", rounds->evaluations);
  set_integer(object, "evaluations_to_prove", run->proof.evaluated);
  set_integer(object, "suggestions", design_suggestions(&run->designs));
  set_integer(object, "refinements", design_refinements(&run->designs));
  set_integer(object, "feasible", rounds->feasible);
  set_real(
      object,
      arena_printf(run->invocation->arena, "reference_%s", run->designs.space.objectives[OBJECTIVE_THROUGHPUT].name),
      true, run->designs.reference_throughput);
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
  char host[RUN_HOST_BYTES], hex[DIGEST_HEX_BYTES];
  run_host(host);
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
  json_object_set_new(object, "end_utc", json_string(folder_utc_now(run->invocation->arena)));
  set_real(object, "wall_s", true, clock_wall_s() - run->start_s);
  return object;
}

static bool publish_log(struct run *run, const char *reason, struct error *error) {
  folder_log(run, "INFO", "complete%s%s: %llu evaluations, %.3f s", reason[0] != 0 ? ", " : "", reason,
             (unsigned long long)run->rounds.evaluations, clock_wall_s() - run->start_s);
  return folder_publish_log(run, error);
}

void outputs_time(struct run *run) {
  struct cluster *cluster = run->invocation->cluster;
  run->timing = ARENA_NEW(run->invocation->arena, struct cluster_timing, cluster_size(cluster));
  run->durations = ARENA_NEW(run->invocation->arena, struct cluster_durations, 1);
  cluster_timing(cluster, run->timing);
  cluster_durations(cluster, run->durations);
}

bool outputs_finish(struct run *run, struct error *error) {
  struct cluster *cluster = run->invocation->cluster;
  run->earlier = NULL; /* from here on this run's own words */
  run->now.phase = "write";
  run->now.n_done = run->now.n_total = 0;
  if (is_writer(run)) {
    const bool any = topk_count(run->rounds.topk) > 0;            /* without a design there is nothing to picture */
    const bool mixed = !any && system_report_chosen(run) != NULL; /* though no design stands on all stages */
    const char *reason = any || mixed ? "" : "nothing feasible";
    const bool done =
        may_publish(run, error) && publish_tables(run, error) && folder_publish_status(run, "running", "", error) &&
        (!mixed || publish_systems(run, error)) &&
        (!any || (publish_workloads(run, error) && publish_systems(run, error) && tenancy_report_publish(run, error) &&
                  cosearch_report_publish(run, error) && picture_publish(run, error))) &&
        folder_publish_json(run, "summary.json", outputs_summary(run), error) &&
        folder_publish_json(run, "manifest.json", manifest(run), error) &&
        publish_table(run, "timing.csv", tables_timing(run, run->timing, run->durations, run->invocation->arena),
                      error) &&
        publish_log(run, reason, error) && folder_is_ours(run, error) &&
        folder_publish_status(run, "complete", reason, error);
    (void)done; /* the error says it */
  }
  return cluster_agree(cluster, error);
}

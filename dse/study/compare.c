/* dse compare: which searcher gets near the optimum with the fewest evaluations, and in what time?
 *
 *   run file or table → space → optimum (proven if it can be) → every searcher, every seed → medians → table, page
 *
 * One problem, one process, the same evaluator and budget for all (accelerator-search §10). Ranks share the searches
 * out; but for seconds, results do not depend on how many there are. */
#include "dse/study/compare.h"

#include "base/file.h"
#include "base/text.h"
#include "dse/output/tables.h"
#include "dse/run/run.h"
#include "results/pareto.h"
#include "search/space/table_space.h"
#include <jansson.h>
#include <string.h>

enum { TABLE_MAX_BYTES = 1 << 28, NAMES_BYTES = 4096 };

struct comparing {
  struct invocation *invocation;
  struct contest contest;
  struct run *run; /* of a run file */
  struct run_settings *settings;
  struct design_space cold; /* the run's, but without a cache of operator costs */
  struct table_space table;
};

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

static const char *metric_name(const struct contest *contest) {
  return contest->space->objectives[contest->space->metric].name;
}

/* The best alone counts, so that searches that keep lists look for it alone. */
static bool open_run_file(struct comparing *comparing, const char *path, struct error *error) {
  struct invocation *invocation = comparing->invocation;
  struct run *run = comparing->run = ARENA_NEW(invocation->arena, struct run, 1);
  run->invocation = invocation;
  run->one_device = "compare";
  const char *metric = invocation_value(invocation, "metric");
  if (metric != NULL) invocation->sets[invocation->n_sets++] = (struct config_set){"search.metric", metric};
  if (!run_prepare(run, path, error)) return false;
  comparing->settings = &run->settings;
  run->settings.search.top_k = 1;
  comparing->cold = run->designs;
  comparing->cold.space.context = &comparing->cold;
  comparing->cold.scratch = stage_scratch_new(invocation->arena, &run->stage, false);
  comparing->contest.space = &run->designs.space;
  comparing->contest.evaluator = &comparing->cold.space;
  comparing->contest.problem = arena_printf(invocation->arena, "%s on the designs of %s", run->workload.name, path);
  return true;
}

/* Rank 0 reads the file for all. */
static bool share_file(struct invocation *invocation, const char *path, char **bytes, size_t *n, struct error *error) {
  struct cluster *cluster = invocation->cluster;
  uint64_t length = 0;
  if (cluster_rank(cluster) == 0 && file_read(path, TABLE_MAX_BYTES, invocation->arena, bytes, n, error)) length = *n;
  if (!cluster_agree(cluster, error)) return false;
  cluster_broadcast(cluster, &length, sizeof length);
  if (cluster_rank(cluster) != 0) *bytes = ARENA_NEW(invocation->arena, char, length + 1);
  cluster_broadcast(cluster, *bytes, length);
  *n = length;
  return true;
}

static bool choose_metric(struct comparing *comparing, struct error *error) {
  const char *wanted = invocation_value(comparing->invocation, "metric");
  struct space *space = &comparing->table.space;
  if (wanted == NULL) return true;
  const char *names[SCORE_MAX_OBJECTIVES], *known = "";
  for (size_t o = 0; o < space->n_objectives; o++) {
    names[o] = space->objectives[o].name;
    known = arena_printf(comparing->invocation->arena, "%s%s%s", known, o > 0 ? ", " : "", names[o]);
    if (strcmp(names[o], wanted) != 0) continue;
    space->metric = o;
    return true;
  }
  return error_add(error, STATUS_INPUT, "--metric: no objective \"%s\" in the table, it has %s", wanted, known);
}

/* Of a run file only the searchers' own keys mean anything here: they come from --set. */
static bool searchers_settings(struct comparing *comparing, struct error *error) {
  static const char text[] = "workload = \"table\";";
  struct invocation *invocation = comparing->invocation;
  struct config *config;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    const char *path = invocation->sets[i].path;
    if (strncmp(path, "search.", 7) != 0) {
      error_add(error, STATUS_INPUT, "--set: %s: with --table only keys of the group search", path);
    }
  }
  comparing->settings = ARENA_NEW(invocation->arena, struct run_settings, 1);
  if (error_is_set(error) || !config_open_text("dse compare", text, sizeof text - 1, invocation->sets,
                                               invocation->n_sets, invocation->arena, &config, error)) {
    return false;
  }
  const struct run_sections sections = run_settings_sections(comparing->settings, invocation->arena);
  const bool good = config_apply(config, sections.sections, sections.n, invocation->arena, error);
  config_close(config);
  return good;
}

static bool open_table(struct comparing *comparing, const char *path, struct error *error) {
  struct invocation *invocation = comparing->invocation;
  struct csv csv;
  char *bytes;
  size_t n;
  if (!searchers_settings(comparing, error) || !share_file(invocation, path, &bytes, &n, error) ||
      !csv_parse(path, bytes, n, TABLE_SPACE_MAX_ROWS, invocation->arena, &csv, error) ||
      !table_space_init(&comparing->table, &csv, invocation->arena, error) || !choose_metric(comparing, error)) {
    return false;
  }
  comparing->contest.space = comparing->contest.evaluator = &comparing->table.space;
  comparing->contest.problem = arena_printf(invocation->arena, "the table %s", path);
  return true;
}

/* --- the yardstick --------------------------------------------------------------------------------------------------
 */

/* The worst corner of the exact front, a tenth worse in every objective, so that its ends count, too. */
static void take_front(struct contest *contest, const struct pareto *front) {
  for (size_t i = 0; i < contest->space->n_front_objectives; i++) {
    const size_t o = space_front_objective(contest->space, i);
    const struct objective *objective = &contest->space->objectives[o];
    double worst = pareto_count(front) > 0 ? pareto_at(front, 0)->score.objective[o] : 0;
    for (size_t k = 1; k < pareto_count(front); k++) {
      const double value = pareto_at(front, k)->score.objective[o];
      if (objective_better(objective, worst, value)) worst = value;
    }
    contest->reference[i] = objective->maximise ? 0.9 * worst : worst > 0 ? 1.1 * worst : 1;
  }
  contest->front_size = pareto_count(front);
  contest->front_volume = pareto_hypervolume(front, contest->reference, contest->arena);
}

static bool best_of_table(struct comparing *comparing) {
  struct contest *contest = &comparing->contest;
  const struct space *space = contest->space;
  struct pareto *front =
      pareto_new_of(contest->arena, space->objectives, space->front_objectives, space->n_front_objectives);
  bool any = false;
  for (size_t i = 0; i < comparing->table.n_rows; i++) {
    const struct record *record = &comparing->table.records[i];
    if (record->score.reason != SCORE_FEASIBLE) continue;
    const double value = record->score.objective[space->metric];
    if (!any || space_better(space, value, contest->optimum)) contest->optimum = value;
    any = true;
    if (contest->with_front) pareto_add(front, record);
  }
  contest->proven = true;
  contest->optimum_by = arena_printf(contest->arena, "the best of %zu rows", comparing->table.n_rows);
  if (contest->with_front) take_front(contest, front);
  return any;
}

/* The guided search and the proof behind it, as `dse explore` has them. */
static bool best_of_run(struct comparing *comparing, bool *any, struct error *error) {
  struct contest *contest = &comparing->contest;
  struct run *run = comparing->run;
  struct run_search *search = &run->settings.search;
  const struct search_algorithm *guided = search_algorithm_find("guided");
  search->prove = true;
  search->prove_front = contest->with_front;
  if (!contest->with_front) search->bound_points = 0; /* nobody asks what excludes how many */
  rounds_init(&run->rounds, contest->cluster, &run->designs, NULL, contest->arena);
  if (!rounds_search(&run->rounds, guided, run_algorithm_settings(&run->settings, guided), UINT64_MAX, error) ||
      !prove(&run->rounds, &run->proof, error)) {
    return false;
  }
  *any = topk_count(run->rounds.topk) > 0;
  if (!*any) return true;
  contest->optimum = topk_at(run->rounds.topk, 0)->score.objective[contest->space->metric];
  contest->proven = run->proof.optimal;
  contest->optimum_by = arena_printf(contest->arena, "guided with %llu evaluations, %s with %llu more",
                                     (unsigned long long)run->proof.searched, contest->proven ? "proven" : "not proven",
                                     (unsigned long long)run->proof.evaluated);
  if (contest->with_front && !run->proof.front_complete) {
    return error_add(error, STATUS_INPUT,
                     "--front: the exact front is not known after search.prove_evaluations = %llu or the space has "
                     "more than search.bound_points points; raise them or leave --front out",
                     (unsigned long long)search->prove_evaluations);
  }
  if (contest->with_front) take_front(contest, run->rounds.front);
  return true;
}

static bool find_optimum(struct comparing *comparing, bool *any, struct error *error) {
  struct contest *contest = &comparing->contest;
  const char *given = invocation_value(comparing->invocation, "optimum");
  *any = true;
  if (given == NULL && comparing->run == NULL) {
    *any = best_of_table(comparing);
    return true;
  }
  if (given == NULL) return best_of_run(comparing, any, error);
  if (contest->with_front) return error_add(error, STATUS_INPUT, "--optimum: with --front both are computed");
  if (!text_to_double(given, &contest->optimum) || !(contest->optimum > 0)) {
    return error_add(error, STATUS_INPUT, "--optimum: \"%s\" is no number above 0", given);
  }
  contest->optimum_by = "given";
  return true;
}

/* --- the field ------------------------------------------------------------------------------------------------------
 */

/* Is NAME or NAME/PRESET in a list of such? A bare name in it picks all presets. */
static bool is_picked(const char *list, const char *algorithm, const char *name) {
  if (list == NULL) return true;
  for (const char *at = list; *at != 0;) {
    const size_t n = strcspn(at, ",");
    if ((strlen(algorithm) == n && strncmp(at, algorithm, n) == 0) ||
        (strlen(name) == n && strncmp(at, name, n) == 0)) {
      return true;
    }
    at += n + (at[n] == ',');
  }
  return false;
}

static void add_contestant(struct contest *contest, const char *list, const struct contestant *contestant) {
  if (!is_picked(list, contestant->algorithm->name, contestant->name)) return;
  struct contestant *added = &contest->contestants[contest->n_contestants++];
  *added = *contestant;
  added->n_seeds = contestant->algorithm->seedless ? 1 : contest->n_seeds;
  added->first_trial = contest->n_trials;
  contest->n_trials += added->n_seeds;
}

static void leave_out(struct contest *contest, const char *name, const char *why) {
  contest->left_out =
      arena_printf(contest->arena, "%s%s%s (%s)", contest->left_out, contest->left_out[0] != 0 ? ", " : "", name, why);
}

static void add_algorithm(struct comparing *comparing, const char *list, const struct search_algorithm *algorithm) {
  struct contest *contest = &comparing->contest;
  const void *own = run_algorithm_settings(comparing->settings, algorithm);
  const struct field *preset = algorithm->table != NULL ? config_find_field(algorithm->table, "preset") : NULL;
  if (algorithm->folds) {
    if (list == NULL) leave_out(contest, algorithm->name, "it evaluates whole blocks, not design by design");
    return;
  }
  if (algorithm->covers && space_size(contest->space) > contest->budget && list == NULL) {
    leave_out(contest, algorithm->name, "it needs as many evaluations as there are points");
    return;
  }
  if (preset == NULL || preset->type != FIELD_CHOICE) {
    add_contestant(contest, list, &(struct contestant){algorithm->name, algorithm, own, 0, 0});
    return;
  }
  for (uint64_t choice = 0; preset->choices[choice] != NULL; choice++) {
    char *settings = arena_alloc(contest->arena, 1, algorithm->settings_bytes);
    memcpy(settings, own, algorithm->settings_bytes);
    memcpy(settings + preset->offset, &choice, sizeof choice);
    const char *name = arena_printf(contest->arena, "%s/%s", algorithm->name, preset->choices[choice]);
    add_contestant(contest, list, &(struct contestant){name, algorithm, settings, 0, 0});
  }
}

/* Every name of the list must have brought somebody. */
static void check_list(const struct contest *contest, const char *list, struct error *error) {
  for (const char *at = list; *at != 0;) {
    const size_t n = strcspn(at, ",");
    const char *name = arena_printf(contest->arena, "%.*s", (int)n, at);
    bool found = false;
    for (size_t c = 0; c < contest->n_contestants && !found; c++) {
      found = is_picked(name, contest->contestants[c].algorithm->name, contest->contestants[c].name);
    }
    if (!found) {
      const char *known = "";
      for (size_t i = 0; i < n_search_algorithms; i++) {
        if (search_algorithms[i]->folds) continue;
        known = arena_printf(contest->arena, "%s%s%s", known, known[0] != 0 ? ", " : "", search_algorithms[i]->name);
      }
      char shown[64];
      text_escape(name, shown, sizeof shown);
      error_add(error, STATUS_INPUT, "--algorithms: no searcher \"%s\", allowed are %s, or NAME/PRESET", shown, known);
    }
    at += n + (at[n] == ',');
  }
}

static bool pick_field(struct comparing *comparing, struct error *error) {
  struct contest *contest = &comparing->contest;
  const char *list = invocation_value(comparing->invocation, "algorithms");
  size_t most = 0;
  for (size_t i = 0; i < n_search_algorithms; i++) {
    const struct field_table *table = search_algorithms[i]->table;
    const struct field *preset = table != NULL ? config_find_field(table, "preset") : NULL;
    most++;
    for (size_t choice = 0; preset != NULL && preset->choices != NULL && preset->choices[choice] != NULL; choice++)
      most++;
  }
  contest->left_out = "";
  contest->contestants = ARENA_NEW(contest->arena, struct contestant, most);
  for (size_t i = 0; i < n_search_algorithms; i++) add_algorithm(comparing, list, search_algorithms[i]);
  if (list != NULL) check_list(contest, list, error);
  if (contest->n_contestants == 0 && !error_is_set(error)) {
    error_add(error, STATUS_INPUT, "--algorithms: nobody is left to compare");
  }
  return !error_is_set(error);
}

/* --- what comes out -------------------------------------------------------------------------------------------------
 */

/* NAME-timing.csv beside NAME.csv: seconds are never the same twice. */
static const char *timing_path(const char *path, struct arena *arena) {
  const size_t n = strlen(path);
  const bool csv = n > 4 && strcmp(path + n - 4, ".csv") == 0;
  return arena_printf(arena, "%.*s-timing.csv", (int)(csv ? n - 4 : n), path);
}

static void publish_table(const struct table *table, const char *path, struct error *error) {
  size_t n;
  const char *bytes = table_bytes(table, &n);
  file_publish(path, bytes, n, error);
}

static void print_json(const struct contest *contest, struct error *error) {
  json_t *object = json_object();
  json_object_set_new(object, "problem", json_string(contest->problem));
  json_object_set_new(object, "points", json_integer((json_int_t)space_size(contest->space)));
  json_object_set_new(object, "metric", json_string(metric_name(contest)));
  json_object_set_new(object, "optimum", json_real(contest->optimum));
  json_object_set_new(object, "proven_optimal", json_boolean(contest->proven));
  json_object_set_new(object, "optimum_by", json_string(contest->optimum_by));
  json_object_set_new(object, "budget", json_integer((json_int_t)contest->budget));
  json_object_set_new(object, "seed", json_integer((json_int_t)contest->seed));
  json_object_set_new(object, "conclusion", json_string(compare_conclusion(contest)));
  json_dumpf(object, stdout, JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
  tables_print_json(compare_table(contest, COMPARE_ALL), 1, contest->arena, error);
}

static void print_text(const struct comparing *comparing) {
  const struct contest *contest = &comparing->contest;
  struct invocation *invocation = comparing->invocation;
  const char *columns[] = {"searcher", "to 10 %",        "to 5 %", "to 1 %",       "got there",
                           "x guided", "to the optimum", "regret", "CPU s to 1 %", "hypervolume"};
  const size_t n_columns = sizeof columns / sizeof *columns - !contest->with_front;
  char *text;
  table_print(compare_short_table(contest), columns, n_columns, SIZE_MAX, &text, invocation->arena);
  say(invocation, "%s: %llu points; %s %.6g (%s)\n", contest->problem, (unsigned long long)space_size(contest->space),
      metric_name(contest), contest->optimum, contest->optimum_by);
  say(invocation, "%llu seeds, at most %llu evaluations each, in rounds of at most %llu\n\n%s\n",
      (unsigned long long)contest->n_seeds, (unsigned long long)contest->budget,
      (unsigned long long)contest->round_size, text);
  say(invocation, "%s\n%s\n", compare_caveats(contest, true), compare_conclusion(contest));
}

static void put_out(const struct comparing *comparing, struct error *error) {
  const struct contest *contest = &comparing->contest;
  struct invocation *invocation = comparing->invocation;
  if (cluster_rank(contest->cluster) != 0) return;
  const char *csv = invocation_value(invocation, "csv"), *html = invocation_value(invocation, "html");
  if (csv != NULL) {
    publish_table(compare_table(contest, COMPARE_RESULTS), csv, error);
    publish_table(compare_table(contest, COMPARE_SECONDS), timing_path(csv, invocation->arena), error);
  }
  if (html != NULL) compare_publish_page(contest, html, error);
  if (invocation->json) {
    print_json(contest, error);
  } else {
    print_text(comparing);
  }
}

/* --- the command ----------------------------------------------------------------------------------------------------
 */

static bool read_options(struct comparing *comparing, struct error *error) {
  struct invocation *invocation = comparing->invocation;
  struct contest *contest = &comparing->contest;
  invocation_u64(invocation, "seeds", 10, &contest->n_seeds, error);
  invocation_u64(invocation, "budget", 1000, &contest->budget, error);
  if (contest->n_seeds < 1 || contest->n_seeds > COMPARE_MAX_SEEDS) {
    error_add(error, STATUS_INPUT, "--seeds: from 1 to %d", COMPARE_MAX_SEEDS);
  }
  if (contest->budget < 1 || contest->budget > COMPARE_MAX_BUDGET) {
    error_add(error, STATUS_INPUT, "--budget: from 1 to %d evaluations", COMPARE_MAX_BUDGET);
  }
  const bool table = invocation_value(invocation, "table") != NULL;
  if (table == (invocation->n_words > 0)) {
    error_add(error, STATUS_INPUT, "dse compare: give either a run file or --table POINTS.csv");
  }
  contest->with_front = invocation_value(invocation, "front") != NULL;
  contest->cluster = invocation->cluster;
  contest->arena = invocation->arena;
  return !error_is_set(error);
}

static enum status compare(struct comparing *comparing, struct error *error) {
  struct invocation *invocation = comparing->invocation;
  struct contest *contest = &comparing->contest;
  const char *table = invocation_value(invocation, "table");
  const bool open =
      table != NULL ? open_table(comparing, table, error) : open_run_file(comparing, invocation->words[0], error);
  if (!cluster_agree(contest->cluster, error) || !open) return error->status;
  contest->seed = comparing->settings->search.seed;
  contest->round_size = comparing->settings->search.round_size;
  bool any;
  if (!pick_field(comparing, error) || !find_optimum(comparing, &any, error)) return error->status;
  if (!any) {
    remark(invocation, "nothing is feasible: there is no optimum to look for\n");
    return STATUS_INFEASIBLE;
  }
  compare_prepare(contest);
  remark(invocation, "%zu searches of at most %llu evaluations …\n", contest->n_trials,
         (unsigned long long)contest->budget);
  if (!compare_run(contest, error)) return error->status;
  put_out(comparing, error);
  cluster_agree(contest->cluster, error);
  return error->status;
}

static enum status run_compare(struct invocation *invocation, struct error *error) {
  struct comparing *comparing = ARENA_NEW(invocation->arena, struct comparing, 1);
  comparing->invocation = invocation;
  if (!read_options(comparing, error)) return error->status;
  const enum status status = compare(comparing, error);
  compare_release(&comparing->contest);
  if (comparing->cold.scratch != NULL) design_space_release(&comparing->cold);
  if (comparing->run != NULL) run_release(comparing->run);
  return status;
}

static const struct command_option options[] = {
    {"seeds", "N", "searches of each searcher, with the seeds from search.seed on (default: 10)"},
    {"algorithms", "A,B/PRESET,...", "which searchers, of dse list algorithms (default: all, in all their presets)"},
    {"budget", "N", "evaluations of each search (default: 1000)"},
    {"table", "POINTS.csv", "instead of a run file: the points and what somebody else measured there"},
    {"metric", "NAME", "objective to compare by (default: search.metric of the run file, the first of a table)"},
    {"optimum", "VALUE", "takes this for the best metric instead of looking for it and proving it"},
    {"front", NULL, "also the hypervolume of all that a search evaluated, relative to the exact Pareto front's"},
    {"csv", "FILE", "writes the table with quartiles to FILE.csv, seconds to FILE-timing.csv"},
    {"html", "FILE", "writes a page with the table and the regret over evaluations"},
};
static const char *const examples[] = {
    "dse compare configs/quickstart.cfg --seeds 3 --budget 200 --algorithms guided,random --csv compare.csv",
    "dse compare --table tests/data/search/points.csv --html compare.html", NULL};
const struct command command_compare = {
    .name = "compare",
    .words = "[RUN.cfg]",
    .summary = "every search algorithm on the same problem: evaluations and seconds to the optimum",
    .min_words = 0,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Each searcher asks for points in rounds of at most search.round_size, as in dse explore. A point counts once "
        "a\n"
        "search, whatever it scores. The optimum is that of the guided search and the proof behind it.\n"
        "Seconds are CPU seconds: the searcher's own, in its asks and tells, and those of its evaluations. A point is\n"
        "evaluated and timed once, with every operator priced anew, and whoever asks for it is charged the same: hits "
        "in\n"
        "the cache of operator costs are free for nobody. Medians and quartiles are over seeds; a search that does "
        "not\n"
        "get there within the budget counts as longer than any. All but seconds is the same on any number of ranks.\n"
        "The header of a --table names its columns: max:NAME and min:NAME are objectives (>= 0, the first one is the\n"
        "metric), infeasible says why a point is none (empty: it is one), all others are axes. Combinations without\n"
        "a row are infeasible.",
    .examples = examples,
    .run = run_compare,
};

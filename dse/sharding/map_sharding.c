/* dse map sharding, dse judge sharding: layers to sets of boards, and their loops to the boards. See
 * search/sharding/sharding.h. */
#include "dse/map/map_algorithms.h"
#include "dse/run/signals.h"
#include "dse/sharding/sharding_page.h"
#include "search/sharding/sharding_read.h"
#include "search/sharding/sharding_room.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t default_samples = 40000;
enum { GANTT_WIDTH = 64 };

struct sharding_command {
  struct invocation *invocation;
  struct sharding_problem problem;
  struct sharding_bounds bounds;
  struct map_choice choice;
  struct sharding_job job;
};

/* --- options --------------------------------------------------------------------------------------------------------
 */

/* --set key=… is of the problem, --set ALGORITHM.key=… of an algorithm. */
static bool is_of_algorithm(const struct config_set *set) {
  const size_t n = strcspn(set->path, ".");
  for (size_t i = 0; i < n_sharding_algorithms; i++) {
    const char *const name = sharding_algorithms[i]->name;
    if (set->path[n] == '.' && strlen(name) == n && strncmp(name, set->path, n) == 0) return true;
  }
  return false;
}

/* Sets of algorithms, or of the problem, into `list`; how many. */
static size_t take_sets(const struct invocation *invocation, bool of_algorithms, struct config_set *list) {
  size_t n = 0;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    if (is_of_algorithm(&invocation->sets[i]) == of_algorithms) list[n++] = invocation->sets[i];
  }
  return n;
}

static bool read_problem(const struct invocation *invocation, struct sharding_problem *problem, struct error *error) {
  struct arena *const arena = invocation->arena;
  struct config_set *const sets = ARENA_NEW(arena, struct config_set, invocation->n_sets);
  const char **const texts = ARENA_NEW(arena, const char *, invocation->n_sets);
  const size_t n = take_sets(invocation, false, sets);
  for (size_t i = 0; i < n; i++) texts[i] = arena_printf(arena, "%s=%s", sets[i].path, sets[i].value);
  return sharding_read(invocation->words[1], texts, n, arena, problem, error);
}

static bool algorithm_at(size_t i, struct map_algorithm *algorithm) {
  if (i >= n_sharding_algorithms) return false;
  const struct sharding_algorithm *const at = sharding_algorithms[i];
  *algorithm = (struct map_algorithm){at->name, at->doc, at->source, at->table, at->settings_bytes};
  return true;
}

static bool applies(size_t i, const void *problem) {
  return sharding_algorithms[i]->applies == NULL || sharding_algorithms[i]->applies(problem);
}

/* Options that do not go together: said, not ignored. */
static bool check_options(const struct invocation *invocation, struct error *error) {
  static const char *const of_one[] = {"time", "out", "report", "trace"};
  return map_refuse_in_contest(invocation, of_one, sizeof of_one / sizeof *of_one, error);
}

static bool read_options(struct sharding_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct sharding_job *const job = &command->job;
  struct config_set *const sets = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets);
  const struct map_offer offer = {.at = algorithm_at,
                                  .applies = applies,
                                  .problem = &command->problem,
                                  .fallback = "best",
                                  .sets = sets,
                                  .n_sets = take_sets(invocation, true, sets)};
  struct map_budget budget;
  if (!check_options(invocation, error) || !map_choose(invocation, &offer, &command->choice, error) ||
      !map_read_budget(invocation, default_samples, &budget, error))
    return false;
  job->samples = budget.samples, job->seed = budget.seed, job->time_s = budget.time_s;
  job->problem = &command->problem, job->bounds = &command->bounds;
  return !error_is_set(error);
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"algorithm", "", "", "that searched; several: best first"},
    {"value", "s", "min", "latency (training: of a step), confirmed by the checker"},
    {"unit", "", "", "of value and lower_bound: s"},
    {"lower_bound", "s", "max", "no sharding is below"},
    {"binding", "", "", "bound that is largest"},
    {"gap", "", "min", "value over lower_bound, less 1"},
    {"samples", "", "min", "answers evaluated"},
    {"seed", "", "", "of all streams"},
    {"sets", "", "", "of boards"},
    {"boards", "", "", "in any set"},
    {"period_s", "s", "min", "between inputs of a stream"},
    {"compute_s", "s", "min", "products of all layers, forward"},
    {"shift_s", "s", "min", "shared shards going round, as far as it is seen"},
    {"all_reduce_s", "s", "min", "partial sums, forward"},
    {"reshard_s", "s", "min", "between layers, and from and to the host"},
    {"peak_bytes", "bytes", "min", "of the fullest board"},
    {"wall_s", "s", "min", "of the search, with the bounds that it wants"},
    {"cpu_s", "s", "min", "of one core, likewise"},
    {"proven_optimal", "", "", "by the algorithm, or the gap is at most 1e-9"},
};

static size_t n_boards_used(const struct sharding_answer *answer) {
  size_t n = 0;
  for (size_t s = 0; s < answer->n_sets; s++) n += answer->sets[s].n_boards;
  return n;
}

static void add_row(const struct sharding_command *command, const struct sharding_algorithm *algorithm,
                    const struct sharding_outcome *outcome, struct table *table) {
  const struct sharding_schedule *const schedule = &outcome->schedule;
  const bool found = outcome->found;
  table_text(table, command->problem.name);
  table_text(table, algorithm->name);
  table_double(table, found ? outcome->value_s : NAN);
  table_text(table, "s");
  table_double(table, command->bounds.best_s);
  table_text(table, sharding_bound_names[command->bounds.binding]);
  table_double(table, found ? sharding_gap_over(outcome->value_s, command->bounds.best_s) : NAN);
  table_u64(table, outcome->samples);
  table_u64(table, command->job.seed);
  table_u64(table, found ? outcome->answer.n_sets : 0);
  table_u64(table, found ? n_boards_used(&outcome->answer) : 0);
  table_double(table, found ? schedule->period_s : NAN);
  table_double(table, found ? schedule->compute_s : NAN);
  table_double(table, found ? schedule->shift_s : NAN);
  table_double(table, found ? schedule->all_reduce_s : NAN);
  table_double(table, found ? schedule->reshard_s : NAN);
  table_u64(table, found ? schedule->peak_bytes : 0);
  table_double(table, outcome->wall_s);
  table_double(table, outcome->cpu_s);
  table_text(table, outcome->proven_optimal ? "yes" : "no");
}

static json_t *sets_json(const struct sharding_problem *p, const struct sharding_answer *answer) {
  json_t *const sets = json_array();
  for (size_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *const set = &answer->sets[s];
    json_t *const boards = json_array();
    for (uint32_t i = 0; i < set->n_boards; i++) {
      json_array_append_new(boards, json_string(p->boards[set->boards[i]].name));
    }
    json_array_append_new(sets,
                          json_pack("{sI ss so ss ss}", "set", (json_int_t)s, "design", p->designs[set->design].name,
                                    "boards", boards, "first_layer", p->layers[p->topological[set->first]].name,
                                    "last_layer", p->layers[p->topological[set->last]].name));
  }
  return sets;
}

/* In the order in which they run. */
static json_t *layers_json(const struct sharding_problem *p, const struct sharding_outcome *outcome,
                           struct arena *arena) {
  json_t *const layers = json_array();
  for (size_t s = 0; s < outcome->answer.n_sets; s++) {
    const struct sharding_set *const set = &outcome->answer.sets[s];
    for (uint32_t place = set->first; place <= set->last; place++) {
      const uint32_t l = p->topological[place];
      const struct sharding_strategy *const strategy = &outcome->answer.strategies[l];
      json_array_append_new(layers,
                            json_pack("{ss sI ss ss sf sf}", "layer", p->layers[l].name, "set", (json_int_t)s, "es",
                                      sharding_es_text(strategy, arena), "ss", sharding_ss_text(strategy), "start_s",
                                      outcome->schedule.start_s[l], "end_s", outcome->schedule.end_s[l]));
    }
  }
  return layers;
}

static void print_json(const struct sharding_command *command, const struct sharding_outcome *outcome) {
  const struct sharding_schedule *const schedule = &outcome->schedule;
  const struct sharding_bounds *const bounds = &command->bounds;
  const struct sharding_problem *const problem = &command->problem;
  json_t *const object = json_pack("{ss ss sf ss sf ss ss so sf sI sI}", "instance", problem->name, "algorithm",
                                   command->job.algorithm->name, "value", outcome->value_s, "unit", "s", "lower_bound",
                                   bounds->best_s, "binding", sharding_bound_names[bounds->binding], "reason",
                                   bounds->reason != NULL ? bounds->reason : "", "bounds",
                                   map_bounds_json(SHARDING_N_BOUNDS, sharding_bound_names, bounds->value_s), "gap",
                                   isfinite(outcome->gap) ? outcome->gap : -1, "samples", (json_int_t)outcome->samples,
                                   "seed", (json_int_t)command->job.seed);
  json_t *const shares = json_pack(
      "{sf sf sf sf sf sf sI sf sb so so}", "period_s", schedule->period_s, "compute_s", schedule->compute_s, "shift_s",
      schedule->shift_s, "all_reduce_s", schedule->all_reduce_s, "reshard_s", schedule->reshard_s, "backward_s",
      schedule->backward_s, "peak_bytes", (json_int_t)schedule->peak_bytes, "wall_s", outcome->wall_s, "proven_optimal",
      outcome->proven_optimal, "sets", sets_json(problem, &outcome->answer), "layers",
      layers_json(problem, outcome, command->invocation->arena));
  json_object_update(object, shares);
  json_decref(shares);
  map_print_json(command->invocation, object);
}

static bool publish(const struct sharding_command *command, const struct sharding_outcome *outcome,
                    struct error *error) {
  const struct invocation *const invocation = command->invocation;
  if (cluster_rank(invocation->cluster) != 0) return true;
  const char *const out = invocation_value(invocation, "out"), *const page = invocation_value(invocation, "report"),
                    *const trace = invocation_value(invocation, "trace");
  if (out != NULL &&
      !sharding_write_answer(&command->problem, &outcome->answer, &outcome->schedule, out, invocation->arena, error))
    return false;
  const struct sharding_shown shown = {&command->problem, &command->bounds, outcome, command->job.algorithm->name};
  if (trace != NULL && !sharding_publish_trace(&shown, trace, invocation->arena, error)) return false;
  return page == NULL || sharding_publish_page(&shown, page, invocation->arena, error);
}

/* Sets and layers for a reader's eye. */
static void describe(const struct sharding_command *command, const struct sharding_outcome *outcome) {
  const struct invocation *const invocation = command->invocation;
  const struct sharding_schedule *const schedule = &outcome->schedule;
  remark(invocation,
         "compute %.6g s, shift %.6g s, all-reduce %.6g s, re-shard and host %.6g s; fullest board %llu bytes\n",
         schedule->compute_s, schedule->shift_s, schedule->all_reduce_s, schedule->reshard_s,
         (unsigned long long)schedule->peak_bytes);
  if (command->bounds.reason != NULL) remark(invocation, "what binds: %s\n", command->bounds.reason);
  const struct sharding_shown shown = {&command->problem, &command->bounds, outcome, command->job.algorithm->name};
  remark(invocation, "%s", sharding_gantt(&shown, GANTT_WIDTH, invocation->arena));
}

/* Is there none at all, and for want of what? */
static const char *why_none(const struct sharding_command *command, const struct sharding_outcome *outcome) {
  const struct invocation *const invocation = command->invocation;
  struct sharding_room room;
  sharding_room(&command->problem, invocation->scratch, &room);
  if (!room.lacks) return outcome->proven_optimal ? "; there is none, a search that ended says" : "";
  const char *const name = command->problem.layers[room.layer].name;
  const unsigned long long need = room.need_bytes, there = room.room_bytes;
  if (room.alone) {
    return arena_printf(invocation->arena,
                        "; there is none: layer %s alone needs %llu bytes of a board that holds %llu, %llu too little",
                        name, need, there, need - there);
  }
  return arena_printf(invocation->arena,
                      "; there is none: what lasts of all layers and what layer %s works on take at least %llu bytes, "
                      "all boards hold %llu, %llu too little",
                      name, need, there, need - there);
}

static enum status solve(struct sharding_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  const struct sharding_problem *const problem = &command->problem;
  struct sharding_outcome outcome;
  sharding_search(invocation, &command->job, &outcome);
  if (!outcome.found) {
    error_add(error, STATUS_INFEASIBLE, "%s: %s finds no sharding that fits the boards' memory%s", problem->name,
              command->job.algorithm->name, why_none(command, &outcome));
    return STATUS_INFEASIBLE;
  }
  sharding_take_proof(&outcome, &command->bounds);
  const bool published = publish(command, &outcome, error);
  if (!cluster_agree(invocation->cluster, error) || !published) return error->status;
  if (invocation->json) {
    print_json(command, &outcome);
  } else {
    struct table *const table = table_new(invocation->arena, "sharding", columns, sizeof columns / sizeof *columns);
    add_row(command, command->job.algorithm, &outcome, table);
    map_print_table(invocation, table);
  }
  remark(invocation, "%s: %.10g s after %llu samples; no sharding is below %.10g s (%s, gap %.4f %%)%s\n",
         problem->name, outcome.value_s, (unsigned long long)outcome.samples, command->bounds.best_s,
         sharding_bound_names[command->bounds.binding], 100 * outcome.gap,
         outcome.proven_optimal ? ": proven optimal" : "");
  describe(command, &outcome);
  return map_end_search(outcome.stopped, "sharding", error);
}

/* --- several algorithms ---------------------------------------------------------------------------------------------
 */

static enum status compare(struct sharding_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct map_ranked *const ranked = ARENA_NEW(invocation->arena, struct map_ranked, command->choice.n);
  struct sharding_outcome *const outcomes = ARENA_NEW(invocation->arena, struct sharding_outcome, command->choice.n);
  for (size_t i = 0; i < command->choice.n; i++) {
    const struct sharding_algorithm *const algorithm = sharding_algorithms[command->choice.algorithm[i]];
    command->job.algorithm = algorithm;
    command->job.settings = command->choice.settings[i];
    sharding_search(invocation, &command->job, &outcomes[i]);
    sharding_take_proof(&outcomes[i], &command->bounds);
    if (map_stop_contest(invocation, error)) return STATUS_STOPPED;
    ranked[i] = (struct map_ranked){algorithm->name, outcomes[i].found ? outcomes[i].value_s : INFINITY, i};
  }
  map_rank(ranked, command->choice.n);
  struct table *const table = table_new(invocation->arena, "sharding", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < command->choice.n; i++) {
    const size_t k = ranked[i].choice;
    add_row(command, sharding_algorithms[command->choice.algorithm[k]], &outcomes[k], table);
  }
  map_print_rows(invocation, table, error);
  remark(invocation, "%s: no sharding is below %.10g s (%s)\n", command->problem.name, command->bounds.best_s,
         sharding_bound_names[command->bounds.binding]);
  return STATUS_OK;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct sharding_command command = {.invocation = invocation};
  if (!read_problem(invocation, &command.problem, error) || !read_options(&command, error)) return error->status;
  sharding_bounds_quick(&command.problem, invocation->scratch, &command.bounds);
  signals_catch(); /* not before: who bounds looks at no signal */
  command.job.algorithm = sharding_algorithms[command.choice.algorithm[0]];
  command.job.settings = command.choice.settings[0];
  return map_is_contest(invocation) ? compare(&command, error) : solve(&command, error);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static const struct table_column judge_columns[] = {
    {"valid", "", "", "yes or no"},
    {"value", "s", "min", "latency (training: of a step)"},
    {"unit", "", "", "s"},
    {"reason", "", "", "what is wrong, and by how much"},
};

static enum status judge(struct invocation *invocation, struct error *error) {
  struct sharding_problem problem;
  struct sharding_claim claim;
  if (!read_problem(invocation, &problem, error) ||
      !sharding_read_answer(&problem, invocation->words[2], invocation->arena, &claim, error))
    return error->status;
  struct error *const why = ARENA_NEW(invocation->arena, struct error, 1);
  double value_s = NAN;
  const bool valid = sharding_check(&problem, &claim, invocation->arena, &value_s, why);
  const char *const reason = valid ? "" : map_reasons(why, invocation->arena);
  if (invocation->json) {
    map_print_json(invocation, json_pack("{sb so ss so}", "valid", valid, "value", map_real_or_null(value_s), "unit",
                                         "s", "reason", valid ? json_null() : json_string(reason)));
  } else {
    struct table *const table =
        table_new(invocation->arena, "judge", judge_columns, sizeof judge_columns / sizeof *judge_columns);
    table_text(table, valid ? "yes" : "no");
    table_double(table, isfinite(value_s) ? value_s : NAN);
    table_text(table, "s");
    table_text(table, reason);
    map_print_table(invocation, table);
  }
  if (valid) return STATUS_OK;
  error_add(error, STATUS_INFEASIBLE, "%s: not valid: %s", invocation->words[2], reason);
  return STATUS_INFEASIBLE;
}

static const char *const options[] = {"algorithm", "samples", "time", "seed", "out", "report", "trace", NULL};
const struct map_problem map_problem_sharding = {
    .name = "sharding",
    .doc = "layers of a network to sets of boards, a design to each set, and each layer's loops to its boards (after "
           "MARS, reconstructed): least latency",
    .options = options,
    .takes_sets = true,
    .algorithm = algorithm_at,
    .run = run,
    .judge = judge,
};

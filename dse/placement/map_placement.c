/* dse map placement, dse judge placement: layers to unlike devices. See search/placement/placement.h. */
#include "base/file.h"
#include "dse/map/map_algorithms.h"
#include "dse/placement/placement_page.h"
#include "dse/placement/placement_pareto.h"
#include "dse/run/signals.h"
#include "search/placement/placement_build.h"
#include "search/placement/placement_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t default_samples = 400000;
enum { MAX_HELD_ROWS = PLACEMENT_MAX_LAYERS, GANTT_WIDTH = 64 };

struct placement_command {
  struct invocation *invocation;
  struct placement_problem problem;
  struct placement_bounds bounds;
  struct map_choice choice;
  struct placement_job job;
};

/* --- options --------------------------------------------------------------------------------------------------------
 */

static bool algorithm_at(size_t i, struct map_algorithm *algorithm) {
  if (i >= n_placement_algorithms) return false;
  const struct placement_algorithm *const at = placement_algorithms[i];
  *algorithm = (struct map_algorithm){at->name, at->doc, at->source, at->table, at->settings_bytes};
  return true;
}

static bool read_problem(const struct invocation *invocation, struct placement_problem *problem, struct error *error) {
  const char **sets;
  const size_t n = map_sets_of_problem(invocation, algorithm_at, &sets);
  return placement_read_with(invocation->words[1], sets, n, invocation->arena, problem, error);
}

static bool applies(size_t i, const void *problem) {
  return placement_algorithms[i]->applies == NULL || placement_algorithms[i]->applies(problem);
}

/* Options that do not go together: said, not ignored. */
static bool check_options(const struct invocation *invocation, struct error *error) {
  static const char *const of_one[] = {"time", "out", "report", "trace"};
  map_refuse_in_contest(invocation, of_one, sizeof of_one / sizeof *of_one, error);
  const char *const name = invocation_value(invocation, "algorithm");
  const char *const objectives = invocation_value(invocation, "front");
  const bool front = objectives != NULL;
  if (front && strcmp(objectives, "makespan,energy") != 0)
    error_add(error, STATUS_INPUT, "--front %s: makespan,energy is allowed", objectives);
  if (front && name != NULL && strcmp(name, "best") != 0)
    error_add(error, STATUS_INPUT, "--algorithm %s: with --front best alone searches", name);
  for (size_t i = 0; front && i < sizeof of_one / sizeof *of_one; i++) {
    if (strcmp(of_one[i], "out") != 0 && invocation_value(invocation, of_one[i]) != NULL)
      error_add(error, STATUS_INPUT, "--%s: not of a front; --out FILE.csv writes FILE-1.csv, FILE-2.csv, …",
                of_one[i]);
  }
  if (!front && invocation_value(invocation, "slacks") != NULL)
    error_add(error, STATUS_INPUT, "--slacks: only with --front");
  return !error_is_set(error);
}

/* A former answer, perhaps of a problem with other layers: where weights lie that were pinned then. */
static bool read_held(struct placement_command *command, const char *path, struct error *error) {
  const struct placement_problem *const problem = &command->problem;
  struct arena *const arena = command->invocation->arena;
  uint32_t *const held = ARENA_NEW(arena, uint32_t, problem->n_layers);
  struct csv csv;
  if (!csv_read(path, MAX_HELD_ROWS, arena, &csv, error)) return false;
  const size_t layer = csv_column(&csv, "layer"), device = csv_column(&csv, "device"),
               pinned = csv_column(&csv, "pinned");
  if (layer == SIZE_MAX || device == SIZE_MAX || pinned == SIZE_MAX)
    return error_add(error, STATUS_INPUT, "%s:1: an answer has the columns layer, device and pinned", path);
  for (size_t l = 0; l < problem->n_layers; l++) held[l] = PLACEMENT_NONE;
  for (size_t row = 0; row < csv.n_rows; row++) {
    if (strcmp(csv_cell(&csv, row, pinned), "1") != 0) continue;
    for (size_t l = 0; l < problem->n_layers; l++) {
      if (strcmp(csv_cell(&csv, row, layer), problem->layer_names[l]) != 0) continue;
      for (size_t d = 0; d < problem->n_devices; d++) {
        const bool here = strcmp(csv_cell(&csv, row, device), problem->devices[d].name) == 0;
        if (here && placement_can_run(problem, l, d)) held[l] = (uint32_t)d;
      }
    }
  }
  command->job.held = held;
  return true;
}

static bool read_options(struct placement_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct placement_job *const job = &command->job;
  struct config_set *const sets = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets);
  const struct map_offer offer = {.at = algorithm_at,
                                  .applies = applies,
                                  .problem = &command->problem,
                                  .fallback = "best",
                                  .sets = sets,
                                  .n_sets = map_sets_of_algorithms(invocation, algorithm_at, sets)};
  struct map_budget budget;
  if (!check_options(invocation, error) || !map_choose(invocation, &offer, &command->choice, error) ||
      !map_read_budget(invocation, default_samples, &budget, error))
    return false;
  job->samples = budget.samples, job->seed = budget.seed, job->time_s = budget.time_s;
  const char *const held = invocation_value(invocation, "held");
  if (held != NULL && !read_held(command, held, error)) return false;
  job->problem = &command->problem, job->bounds = &command->bounds;
  return !error_is_set(error);
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"algorithm", "", "", "that searched; several: best first"},
    {"value", "", "min", "of the problem's objective, confirmed by the checker"},
    {"unit", "", "", "of value and lower_bound: s or J"},
    {"lower_bound", "", "max", "no placement is below"},
    {"binding", "", "", "bound that is largest"},
    {"gap", "", "min", "value over lower_bound, less 1"},
    {"samples", "", "min", "placements evaluated"},
    {"seed", "", "", "of all streams"},
    {"makespan_s", "s", "min", "latency of one input"},
    {"energy_j", "J", "min", "of one input"},
    {"period_s", "s", "min", "between inputs of a stream"},
    {"communication", "", "min", "share of transfers in what devices spend on layers"},
    {"wall_s", "s", "min", "of the search; bounds not counted"},
    {"cpu_s", "s", "min", "of one core, likewise"},
    {"proven_optimal", "", "", "by the algorithm, or the gap is at most 1e-9"},
};

static void add_row(const struct placement_command *command, const struct placement_algorithm *algorithm,
                    const struct placement_outcome *outcome, struct table *table) {
  const struct placement_schedule *const schedule = &outcome->schedule;
  table_text(table, command->problem.name);
  table_text(table, algorithm->name);
  table_double(table, outcome->found ? outcome->value : NAN);
  table_text(table, placement_unit(&command->problem));
  table_double(table, command->bounds.best);
  table_text(table, placement_bound_names[command->bounds.binding]);
  table_double(table, outcome->found ? placement_gap(outcome->value, command->bounds.best) : NAN);
  table_u64(table, outcome->samples);
  table_u64(table, command->job.seed);
  table_double(table, outcome->found ? outcome->makespan_s : NAN);
  table_double(table, outcome->found ? outcome->energy_j : NAN);
  table_double(table, outcome->found ? schedule->period_s : NAN);
  table_double(table, outcome->found ? outcome->communication : NAN);
  table_double(table, outcome->wall_s);
  table_double(table, outcome->cpu_s);
  table_text(table, outcome->proven_optimal ? "yes" : "no");
}

/* By device and position. */
static json_t *layers_json(const struct placement_problem *problem, const struct placement_outcome *outcome) {
  json_t *const layers = json_array();
  const struct placement_answer *const answer = &outcome->answer;
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t k = answer->start[d]; k < answer->start[d + 1]; k++) {
      const uint32_t l = answer->layer[k];
      json_array_append_new(layers, json_pack("{ss ss sI sb sf sf}", "layer", problem->layer_names[l], "device",
                                              problem->devices[d].name, "position", (json_int_t)(k - answer->start[d]),
                                              "pinned", answer->pinned[l], "start_s", outcome->schedule.start_s[l],
                                              "end_s", outcome->schedule.end_s[l]));
    }
  }
  return layers;
}

static void print_json(const struct placement_command *command, const struct placement_outcome *outcome) {
  const struct placement_schedule *const schedule = &outcome->schedule;
  const struct placement_bounds *const bounds = &command->bounds;
  map_print_json(command->invocation,
                 json_pack("{ss ss sf ss sf ss ss so sf sI sI sf so so sf sf sf sf sb so}", "instance",
                           command->problem.name, "algorithm", command->job.algorithm->name, "value", outcome->value,
                           "unit", placement_unit(&command->problem), "lower_bound", bounds->best, "binding",
                           placement_bound_names[bounds->binding], "reason",
                           bounds->reason != NULL ? bounds->reason : "", "bounds",
                           map_bounds_json(PLACEMENT_N_BOUNDS, placement_bound_names, bounds->value), "gap",
                           isfinite(outcome->gap) ? outcome->gap : -1, "samples", (json_int_t)outcome->samples, "seed",
                           (json_int_t)command->job.seed, "makespan_s", outcome->makespan_s, "energy_j",
                           map_real_or_null(outcome->energy_j), "period_s", map_real_or_null(schedule->period_s),
                           "communication", outcome->communication, "communication_s", schedule->communication_s,
                           "compute_s", schedule->compute_s, "wall_s", outcome->wall_s, "proven_optimal",
                           outcome->proven_optimal, "layers", layers_json(&command->problem, outcome)));
}

/* Beside ANSWER.csv under `contention`, ANSWER-transfers.csv: what travels when. */
static const char *transfers_path(const char *out, struct arena *arena) {
  const size_t n = strlen(out);
  const bool csv = n > 4 && strcmp(out + n - 4, ".csv") == 0;
  return arena_printf(arena, "%.*s-transfers.csv", (int)(csv ? n - 4 : n), out);
}

static bool publish(const struct placement_command *command, const struct placement_outcome *outcome,
                    struct error *error) {
  const struct invocation *const invocation = command->invocation;
  const struct placement_problem *const problem = &command->problem;
  if (cluster_rank(invocation->cluster) != 0) return true;
  const char *const out = invocation_value(invocation, "out"), *const page = invocation_value(invocation, "report"),
                    *const trace = invocation_value(invocation, "trace");
  if (out != NULL &&
      !placement_write_answer(problem, &outcome->answer, &outcome->schedule, out, invocation->arena, error))
    return false;
  if (out != NULL && problem->timing == PLACEMENT_CONTENTION &&
      !placement_write_flows(problem, &outcome->schedule, transfers_path(out, invocation->arena), invocation->arena,
                             error))
    return false;
  const struct placement_shown shown = {problem, &command->bounds, outcome, command->job.algorithm->name};
  if (trace != NULL && !placement_publish_trace(&shown, trace, invocation->arena, error)) return false;
  return page == NULL || placement_publish_page(&shown, page, invocation->arena, error);
}

/* Has a search that ended proven that nothing keeps what the problem demands? */
static bool has_none(const struct placement_problem *problem, struct arena *arena) {
  struct placement_build build;
  const struct placement_request request = {.problem = problem, .arena = arena, .scratch = arena};
  struct placement_answer answer = placement_answer_new(problem, arena);
  placement_build_init(&build, &request);
  return placement_build_try_fill(&build, &answer) == PLACEMENT_IMPOSSIBLE;
}

static enum status solve(struct placement_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  const struct placement_problem *const problem = &command->problem;
  struct placement_outcome outcome;
  placement_search(invocation, &command->job, &outcome);
  if (!outcome.found) {
    const char *why = command->job.held == NULL && has_none(problem, invocation->arena) ? "; there is none" : "";
    error_add(error, STATUS_INFEASIBLE, "%s: %s finds no placement%s", problem->name, command->job.algorithm->name,
              why);
    return STATUS_INFEASIBLE;
  }
  placement_take_proof(&outcome, &command->bounds);
  const bool published = publish(command, &outcome, error);
  if (!cluster_agree(invocation->cluster, error) || !published) return error->status;
  if (invocation->json) {
    print_json(command, &outcome);
  } else {
    struct table *const table = table_new(invocation->arena, "placement", columns, sizeof columns / sizeof *columns);
    add_row(command, command->job.algorithm, &outcome, table);
    map_print_table(invocation, table);
  }
  const char *const unit = placement_unit(problem);
  remark(invocation, "%s: %.10g %s after %llu samples; no placement is below %.10g %s (%s, gap %.4f %%)%s\n",
         problem->name, outcome.value, unit, (unsigned long long)outcome.samples, command->bounds.best, unit,
         placement_bound_names[command->bounds.binding], 100 * outcome.gap,
         outcome.proven_optimal ? ": proven optimal" : "");
  remark(invocation, "latency %.6g s, energy %.6g J, communication %.1f %%\n", outcome.makespan_s, outcome.energy_j,
         100 * outcome.communication);
  if (command->bounds.reason != NULL) remark(invocation, "what binds: %s\n", command->bounds.reason);
  const struct placement_shown shown = {problem, &command->bounds, &outcome, command->job.algorithm->name};
  remark(invocation, "%s", placement_gantt(&shown, GANTT_WIDTH, invocation->arena));
  return map_end_search(outcome.stopped, "placement", error);
}

/* --- several algorithms ---------------------------------------------------------------------------------------------
 */

static enum status compare(struct placement_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct map_ranked *const ranked = ARENA_NEW(invocation->arena, struct map_ranked, command->choice.n);
  struct placement_outcome *const outcomes = ARENA_NEW(invocation->arena, struct placement_outcome, command->choice.n);
  for (size_t i = 0; i < command->choice.n; i++) {
    const struct placement_algorithm *const algorithm = placement_algorithms[command->choice.algorithm[i]];
    command->job.algorithm = algorithm;
    command->job.settings = command->choice.settings[i];
    placement_search(invocation, &command->job, &outcomes[i]);
    placement_take_proof(&outcomes[i], &command->bounds);
    if (map_stop_contest(invocation, error)) return STATUS_STOPPED;
    ranked[i] = (struct map_ranked){algorithm->name, outcomes[i].found ? outcomes[i].value : INFINITY, i};
  }
  map_rank(ranked, command->choice.n);
  struct table *const table = table_new(invocation->arena, "placement", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < command->choice.n; i++) {
    const size_t k = ranked[i].choice;
    add_row(command, placement_algorithms[command->choice.algorithm[k]], &outcomes[k], table);
  }
  map_print_rows(invocation, table, error);
  remark(invocation, "%s: no placement is below %.10g %s (%s)\n", command->problem.name, command->bounds.best,
         placement_unit(&command->problem), placement_bound_names[command->bounds.binding]);
  return STATUS_OK;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct placement_command command = {.invocation = invocation};
  if (!read_problem(invocation, &command.problem, error) || !read_options(&command, error)) return error->status;
  const char *const lp = invocation_value(invocation, "lp");
  if (lp != NULL && cluster_rank(invocation->cluster) == 0 &&
      !placement_write_lp(&command.problem, lp, invocation->arena, error))
    return error->status;
  if (!cluster_agree(invocation->cluster, error)) return error->status;
  if (!placement_bounds(&command.problem, invocation->arena, &command.bounds, error)) return error->status;
  signals_catch(); /* not before: who bounds looks at no signal */
  command.job.algorithm = placement_algorithms[command.choice.algorithm[0]];
  command.job.settings = command.choice.settings[0];
  if (invocation_value(invocation, "front") != NULL) return placement_print_front(invocation, &command.job, error);
  return map_is_contest(invocation) ? compare(&command, error) : solve(&command, error);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static const struct table_column judge_columns[] = {
    {"valid", "", "", "yes or no"},
    {"value", "", "min", "of the problem's objective"},
    {"unit", "", "", "s or J"},
    {"makespan_s", "s", "min", "latency of one input"},
    {"energy_j", "J", "min", "of one input"},
    {"period_s", "s", "min", "between inputs of a stream"},
    {"communication", "", "min", "share of transfers in what devices spend on layers"},
    {"reason", "", "", "what is wrong, and by how much"},
};

static double objective_of(const struct placement_problem *problem, const struct placement_schedule *truth) {
  if (problem->objective == PLACEMENT_ENERGY) return truth->energy_j;
  return problem->objective == PLACEMENT_PERIOD ? truth->period_s : truth->makespan_s;
}

static enum status judge(struct invocation *invocation, struct error *error) {
  struct placement_problem problem;
  struct placement_claim claim;
  if (!read_problem(invocation, &problem, error) ||
      !placement_read_answer(&problem, invocation->words[2], invocation->arena, &claim, error))
    return error->status;
  struct error *const why = ARENA_NEW(invocation->arena, struct error, 1);
  struct placement_schedule truth = placement_schedule_new(&problem, invocation->arena);
  truth.makespan_s = truth.energy_j = truth.period_s = NAN;
  const bool valid = placement_check(&problem, &claim, invocation->arena, &truth, why);
  const double value = objective_of(&problem, &truth);
  const char *const reason = valid ? "" : map_reasons(why, invocation->arena);
  if (invocation->json) {
    map_print_json(invocation,
                   json_pack("{sb so ss so so so so so}", "valid", valid, "value", map_real_or_null(value), "unit",
                             placement_unit(&problem), "makespan_s", map_real_or_null(truth.makespan_s), "energy_j",
                             map_real_or_null(truth.energy_j), "period_s", map_real_or_null(truth.period_s),
                             "communication", map_real_or_null(placement_share(truth.communication_s, truth.compute_s)),
                             "reason", valid ? json_null() : json_string(reason)));
  } else {
    struct table *const table =
        table_new(invocation->arena, "judge", judge_columns, sizeof judge_columns / sizeof *judge_columns);
    table_text(table, valid ? "yes" : "no");
    table_double(table, value);
    table_text(table, placement_unit(&problem));
    table_double(table, truth.makespan_s);
    table_double(table, truth.energy_j);
    table_double(table, truth.period_s);
    table_double(table, placement_share(truth.communication_s, truth.compute_s));
    table_text(table, reason);
    map_print_table(invocation, table);
  }
  if (valid) return STATUS_OK;
  error_add(error, STATUS_INFEASIBLE, "%s: not valid: %s", invocation->words[2], reason);
  return STATUS_INFEASIBLE;
}

static const char *const options[] = {"algorithm", "samples", "time", "seed",  "out",    "held",
                                      "report",    "trace",   "lp",   "front", "slacks", NULL};
const struct map_problem map_problem_placement = {
    .name = "placement",
    .doc = "layers of a network to unlike devices with memories and links of their own (H2H): least latency, period or "
           "energy",
    .options = options,
    .takes_sets = true,
    .algorithm = algorithm_at,
    .run = run,
    .judge = judge,
};

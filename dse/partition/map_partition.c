/* dse map partition: operators to the chips of a multi-chip module. See search/partition/partition.h; dse judge
 * partition is in partition_judge.c. */
#include "dse/map/map_algorithms.h"
#include "dse/partition/partition_convergence.h"
#include "dse/partition/partition_judge.h"
#include "dse/partition/partition_page.h"
#include "dse/partition/partition_run.h"
#include "dse/run/signals.h"
#include "search/partition/partition_exact.h"
#include "search/partition/partition_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t default_samples = 20000;

struct partition_command {
  struct invocation *invocation;
  struct partition_problem problem;
  struct partition_graph graph;
  struct partition_bounds bounds;
  struct map_choice choice;
  struct partition_job job;
  struct partition_convergence *convergence; /* NULL: nobody asks */
};

/* --- options --- */

/* `best` where it is there, the first of the list otherwise. */
static const char *default_algorithm(void) {
  return partition_find_algorithm("best") != NULL ? "best" : partition_algorithms[0]->name;
}

static bool algorithm_at(size_t i, struct map_algorithm *algorithm) {
  if (i >= n_partition_algorithms) return false;
  const struct partition_algorithm *const at = partition_algorithms[i];
  *algorithm = (struct map_algorithm){at->name, at->doc, at->source, at->table, at->settings_bytes};
  return true;
}

static bool applies(size_t i, const void *problem) {
  const struct partition_graph *const graph = problem;
  return partition_algorithms[i]->applies == NULL || partition_algorithms[i]->applies(graph);
}

/* Options that do not go together: said, not ignored. */
static bool check_options(const struct invocation *invocation, struct error *error) {
  static const char *const of_one[] = {"out", "report", "trace"};
  return map_refuse_in_contest(invocation, of_one, sizeof of_one / sizeof *of_one, error);
}

/* Without a group in front it is a key of the instance. Sets of algorithms into `list`; how many. */
static size_t take_sets(const struct invocation *invocation, struct config_set *list) {
  size_t n = 0;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    if (strchr(invocation->sets[i].path, '.') != NULL) list[n++] = invocation->sets[i];
  }
  return n;
}

static bool read_options(struct partition_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct partition_job *const job = &command->job;
  struct config_set *const sets = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets);
  const struct map_offer offer = {.at = algorithm_at,
                                  .applies = applies,
                                  .problem = &command->graph,
                                  .fallback = default_algorithm(),
                                  .sets = sets,
                                  .n_sets = take_sets(invocation, sets)};
  if (!check_options(invocation, error) || !map_choose(invocation, &offer, &command->choice, error)) return false;
  const uint64_t own = command->choice.n == 1 ? partition_algorithms[command->choice.algorithm[0]]->default_samples : 0;
  struct map_budget budget;
  if (!map_read_budget(invocation, own > 0 ? own : default_samples, &budget, error)) return false;
  job->samples = budget.samples, job->seed = budget.seed, job->time_s = budget.time_s;
  job->graph = &command->graph, job->bounds = &command->bounds;
  return !error_is_set(error);
}

/* One search, and how it got there. */
static bool search(struct partition_command *command, const struct partition_job *job,
                   struct partition_outcome *outcome, struct error *error) {
  struct partition_job watched = *job;
  if (command->convergence == NULL) return partition_search(command->invocation, job, outcome, error);
  watched.sampled = partition_convergence_sampled, watched.sampled_context = command->convergence;
  partition_convergence_begin(command->convergence, job->algorithm->name);
  const bool fine = partition_search(command->invocation, &watched, outcome, error);
  partition_convergence_end(command->convergence, outcome->samples);
  return fine;
}

static bool publish_convergence(const struct partition_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  if (command->convergence == NULL || cluster_rank(invocation->cluster) != 0) return true;
  return partition_convergence_publish(command->convergence, invocation_value(invocation, "convergence"), error);
}

/* --- what came of it --- */

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"algorithm", "", "", "that searched; several: best first"},
    {"value", "ms", "min", "period, ms a sample, confirmed by the checker"},
    {"unit", "", "", "of value and lower_bound: ms"},
    {"lower_bound", "ms", "max", "no partition is below"},
    {"binding", "", "", "bound that is largest"},
    {"gap", "", "min", "value less lower_bound, over value"},
    {"samples", "", "min", "partitions evaluated"},
    {"seed", "", "", "of all streams"},
    {"chips", "", "", "that are there"},
    {"chips_used", "", "", "that have something to do"},
    {"cost", "", "", "ring, p2p, with _overlap beside the work"},
    {"triangle", "", "", "rule: none, path or general"},
    {"memory_bytes", "bytes", "", "of a chip; 0: unlimited"},
    {"wall_s", "s", "min", "of the search; bounds not counted"},
    {"cpu_s", "s", "min", "of one core, likewise"},
    {"proven_optimal", "", "", "by the algorithm, or the gap is at most 1e-9"},
};

static void add_row(const struct partition_command *command, const struct partition_algorithm *algorithm,
                    const struct partition_outcome *outcome, struct table *table) {
  const struct partition_problem *const problem = &command->problem;
  table_text(table, problem->name);
  table_text(table, algorithm->name);
  table_double(table, outcome->found ? outcome->value : NAN);
  table_text(table, "ms");
  table_double(table, command->bounds.best);
  table_text(table, partition_bound_names[command->bounds.binding]);
  table_double(table, outcome->found ? partition_gap(outcome->value, command->bounds.best) : NAN);
  table_u64(table, outcome->samples);
  table_u64(table, command->job.seed);
  table_u64(table, problem->n_chips);
  table_u64(table, outcome->n_used);
  table_text(table, partition_cost_name(problem->cost));
  table_text(table, partition_triangle_name(problem->triangle));
  table_u64(table, problem->memory_bytes);
  table_double(table, outcome->wall_s);
  table_double(table, outcome->cpu_s);
  table_text(table, outcome->found && outcome->proven_optimal ? "yes" : "no");
}

static void print_json(const struct partition_command *command, const struct partition_outcome *outcome) {
  const struct partition_problem *const problem = &command->problem;
  const struct partition_bounds *const bounds = &command->bounds;
  json_t *const loads = json_array(), *const chips = json_array();
  for (size_t c = 0; c < problem->n_chips; c++) json_array_append_new(loads, json_real(outcome->load_ms[c]));
  for (size_t v = 0; v < problem->n_nodes; v++) json_array_append_new(chips, json_integer(outcome->node_chip[v]));
  json_t *const object = json_pack(
      "{ss ss sf ss sf ss ss so sf sI sI sI sI ss ss sI sf sf sf sb so so}", "instance", problem->name, "algorithm",
      command->job.algorithm->name, "value", outcome->value, "unit", "ms", "lower_bound", bounds->best, "binding",
      partition_bound_names[bounds->binding], "reason", bounds->reason != NULL ? bounds->reason : "", "bounds",
      map_bounds_json(PARTITION_N_BOUNDS, partition_bound_names, bounds->value), "gap", outcome->gap, "samples",
      (json_int_t)outcome->samples, "seed", (json_int_t)command->job.seed, "chips", (json_int_t)problem->n_chips,
      "chips_used", (json_int_t)outcome->n_used, "cost", partition_cost_name(problem->cost), "triangle",
      partition_triangle_name(problem->triangle), "memory_bytes", (json_int_t)problem->memory_bytes, "throughput_per_s",
      outcome->value > 0 ? 1000 / outcome->value : 0.0, "wall_s", outcome->wall_s, "cpu_s", outcome->cpu_s,
      "proven_optimal", outcome->proven_optimal, "load_ms", loads, "assignment", chips);
  map_print_json(command->invocation, object);
}

static bool publish(const struct partition_command *command, const struct partition_outcome *outcome,
                    struct error *error) {
  const struct invocation *const invocation = command->invocation;
  if (cluster_rank(invocation->cluster) != 0) return true;
  const char *const out = invocation_value(invocation, "out"), *const page = invocation_value(invocation, "report"),
                    *const trace = invocation_value(invocation, "trace");
  if (out != NULL && !partition_write_answer(&command->problem, outcome->node_chip, outcome->value, out, error))
    return false;
  const struct partition_shown shown = {&command->graph, &command->bounds, outcome, command->job.algorithm->name};
  if (trace != NULL && !partition_publish_trace(&shown, trace, invocation->arena, error)) return false;
  return page == NULL || partition_publish_page(&shown, page, invocation->arena, error);
}

static enum status say_nothing_found(const struct partition_command *command, const struct partition_outcome *outcome,
                                     struct error *error) {
  if (outcome->stopped != NULL && strcmp(outcome->stopped, "time") != 0) {
    error_add(error, STATUS_STOPPED, "stopped by %s before there was a partition", outcome->stopped);
    return STATUS_STOPPED;
  }
  error_add(error, STATUS_INFEASIBLE, "%s: %s %s", command->problem.name, command->job.algorithm->name,
            outcome->proven_optimal ? "proves that there is no partition that keeps the rules" : "finds no partition");
  return STATUS_INFEASIBLE;
}

static enum status solve(struct partition_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  const struct partition_problem *const problem = &command->problem;
  struct partition_outcome outcome;
  const bool fine = search(command, &command->job, &outcome, error) && publish_convergence(command, error);
  if (!cluster_agree(invocation->cluster, error) || !fine) return error->status;
  if (!outcome.found) return say_nothing_found(command, &outcome, error);
  partition_take_proof(&outcome, &command->bounds);
  const bool published = publish(command, &outcome, error);
  if (!cluster_agree(invocation->cluster, error) || !published) return error->status;
  if (invocation->json) {
    print_json(command, &outcome);
  } else {
    struct table *const table = table_new(invocation->arena, "partition", columns, sizeof columns / sizeof *columns);
    add_row(command, command->job.algorithm, &outcome, table);
    map_print_table(invocation, table);
  }
  remark(invocation,
         "%s: %.10g ms on %u of %u chips after %llu samples; no partition is below %.10g ms (%s, gap %.4f "
         "%%)%s\n",
         problem->name, outcome.value, (unsigned)outcome.n_used, (unsigned)problem->n_chips,
         (unsigned long long)outcome.samples, command->bounds.best, partition_bound_names[command->bounds.binding],
         100 * outcome.gap, outcome.proven_optimal ? ": proven optimal" : "");
  if (command->bounds.reason != NULL) remark(invocation, "what binds: %s\n", command->bounds.reason);
  return map_end_search(outcome.stopped, "partition", error);
}

/* --- several algorithms --- */

static enum status compare(struct partition_command *command, struct error *error) {
  const struct invocation *const invocation = command->invocation;
  struct map_ranked *const ranked = ARENA_NEW(invocation->arena, struct map_ranked, command->choice.n);
  struct partition_outcome *const outcomes = ARENA_NEW(invocation->arena, struct partition_outcome, command->choice.n);
  const struct partition_bounds bounds = command->bounds; /* each starts from the same */
  for (size_t i = 0; i < command->choice.n; i++) {
    const struct partition_algorithm *const algorithm = partition_algorithms[command->choice.algorithm[i]];
    struct partition_job job = command->job;
    job.algorithm = algorithm;
    job.settings = command->choice.settings[i];
    job.bounds = &bounds;
    const bool fine = search(command, &job, &outcomes[i], error);
    if (!cluster_agree(invocation->cluster, error) || !fine) return error->status;
    partition_take_proof(&outcomes[i], &command->bounds);
    if (map_stop_contest(invocation, error)) return STATUS_STOPPED;
    ranked[i] = (struct map_ranked){algorithm->name, outcomes[i].found ? outcomes[i].value : INFINITY, i};
  }
  const bool published = publish_convergence(command, error);
  if (!cluster_agree(invocation->cluster, error) || !published) return error->status;
  map_rank(ranked, command->choice.n);
  struct table *const table = table_new(invocation->arena, "partition", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < command->choice.n; i++) {
    const size_t k = ranked[i].choice;
    add_row(command, partition_algorithms[command->choice.algorithm[k]], &outcomes[k], table);
  }
  map_print_rows(invocation, table, error);
  remark(invocation, "%s: no partition is below %.10g ms (%s)\n", command->problem.name, command->bounds.best,
         partition_bound_names[command->bounds.binding]);
  return STATUS_OK;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct partition_command command = {.invocation = invocation};
  if (!partition_open(invocation, &command.problem, error) ||
      !partition_contract(&command.problem, invocation->arena, &command.graph, error) || !read_options(&command, error))
    return error->status;
  partition_warn(invocation, &command.graph);
  const char *const lp = invocation_value(invocation, "lp");
  if (lp != NULL && cluster_rank(invocation->cluster) == 0)
    partition_write_lp(&command.graph, lp, invocation->arena, error);
  if (!cluster_agree(invocation->cluster, error)) return error->status;
  partition_bounds(&command.graph, false, invocation->scratch, &command.bounds);
  if (command.bounds.infeasible) {
    error_add(error, STATUS_INFEASIBLE, "%s: there is no partition: %s", command.problem.name,
              command.bounds.reason != NULL ? command.bounds.reason : "the memory is too small");
    return STATUS_INFEASIBLE;
  }
  signals_catch(); /* not before: who bounds looks at no signal */
  command.job.algorithm = partition_algorithms[command.choice.algorithm[0]];
  command.job.settings = command.choice.settings[0];
  if (invocation_value(invocation, "convergence") != NULL) {
    command.convergence = partition_convergence_new(invocation->arena);
  }
  return map_is_contest(invocation) ? compare(&command, error) : solve(&command, error);
}

static const char *const options[] = {"algorithm", "samples", "time",        "seed", "out",
                                      "report",    "trace",   "convergence", "lp",   NULL};
const struct map_problem map_problem_partition = {
    .name = "partition",
    .doc = "operators to the chips of a multi-chip module, a chain: least period, within memory and the rules of the "
           "chain",
    .options = options,
    .takes_sets = true,
    .algorithm = algorithm_at,
    .run = run,
    .judge = partition_judge,
};

/* dse schedules: how far from the shortest schedules are ours?
 *
 * Every case of schedule_cases.h is scheduled with rising effort, each schedule goes through the independent judge, and
 * makespans are compared with our branch and bound's optimum or, where that gives up, with the lower bound. Small cases
 * also go to GLPK (schedule_model.h), with durations rounded to whole units so that its floating point is exact enough.
 * A broken schedule, a bound above an optimum or two optima that differ are bugs and end the program. Source:
 * accelerator-search §7. */
#include "dse/study/schedule_cases.h"

#include "arch/schedule_check.h"
#include "arch/schedule_exact.h"
#include "arch/schedule_model.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "results/table.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const unsigned efforts[] = {0, 1, 2, 4, 16};
enum { N_EFFORTS = sizeof efforts / sizeof *efforts, MAX_SETS = 16 };
enum { DEFAULT_NODES = 200000, DEFAULT_GRAPHS = 400, DEFAULT_MODEL_OPS = 12, MODEL_NODES = 3000, MODEL_UNITS = 500 };

struct verdict {
  uint64_t bound_cycles, best_cycles, cycles[N_EFFORTS];
  bool proven;                /* best_cycles is the optimum */
  bool modelled, model_knows; /* GLPK was asked; and proved the same optimum */
};

struct summary {
  const char *set;
  size_t n, n_proven, n_modelled, n_model_knows;
  double bound_sum, bound_worst; /* of proven cases: how far the bound is below the optimum */
  struct {
    double sum, worst, proven_sum, proven_worst, seconds;
  } effort[N_EFFORTS];
  double bound_s, exact_s, model_s;
};

struct judging {
  struct invocation *invocation;
  uint64_t n_graphs, seed, max_nodes, model_ops;
  const char *lp_path;
};

static void must_be_sound(const struct schedule_case *judged, const struct schedule_problem *problem,
                          const struct schedule *schedule, struct arena *scratch) {
  struct error broken = {0};
  if (!schedule_check(problem, schedule, scratch, &broken)) BUG("%s, %s: %s", judged->set, judged->name, broken.text);
}

/* --- by GLPK --------------------------------------------------------------------------------------------------------
 */

/* The same with durations in units such that the bound is some MODEL_UNITS, rounded up. */
static struct schedule_problem in_units(const struct schedule_problem *problem, uint64_t bound_cycles,
                                        struct arena *arena) {
  const uint64_t unit_cycles = max_u64(1, bound_cycles / MODEL_UNITS);
  const size_t n = problem->graph->n_shapes * problem->n_widths;
  uint64_t *const cycles = ARENA_NEW(arena, uint64_t, n);
  for (size_t k = 0; k < n; k++)
    cycles[k] = problem->shape_cycles[k] == UINT64_MAX ? UINT64_MAX : ceil_div(problem->shape_cycles[k], unit_cycles);
  struct schedule_problem rounded = *problem;
  rounded.shape_cycles = cycles;
  rounded.enough_cycles = 0;
  return rounded;
}

static bool ask_model(const struct judging *judging, const struct schedule_case *judged, struct verdict *verdict,
                      struct error *error) {
  struct arena *const arena = judging->invocation->arena, *const scratch = judging->invocation->scratch;
  const struct schedule_problem problem = in_units(&judged->problem, verdict->bound_cycles, arena);
  const struct schedule_model_options options = {.tight = true, .max_nodes = MODEL_NODES, .lp_path = judging->lp_path};
  struct schedule list, best;
  struct schedule_model_answer answer;
  uint64_t n_nodes;
  schedule_build(&problem, scratch, arena, true, &list);
  struct schedule_plan plan = {list.makespan_cycles, list.start_cycles, list.width_log2};
  if (!schedule_model_solve(&problem, &options, scratch, &plan, &answer, error)) return false;
  const bool proven = schedule_exact(&problem, judging->max_nodes, scratch, arena, &best, &n_nodes);
  if (answer.bound_cycles > best.makespan_cycles ||
      (answer.proven && proven && answer.best_cycles != best.makespan_cycles))
    BUG("%s, %s: the optimum is %" PRIu64 ", by GLPK %" PRIu64 " (bound %" PRIu64 ")", judged->set, judged->name,
        best.makespan_cycles, answer.best_cycles, answer.bound_cycles);
  enum schedule_bound_kind kind;
  const uint64_t bound_cycles = schedule_lower_bound(&problem, scratch, &kind);
  if (bound_cycles > answer.best_cycles)
    BUG("%s, %s: bound %" PRIu64 ", but GLPK reaches %" PRIu64, judged->set, judged->name, bound_cycles,
        answer.best_cycles);
  verdict->modelled = true;
  verdict->model_knows = answer.proven && proven;
  return true;
}

/* --- one case -------------------------------------------------------------------------------------------------------
 */

static bool judge_case(const struct judging *judging, const struct schedule_case *judged, struct summary *summary,
                       struct verdict *verdict, struct error *error) {
  struct arena *const arena = judging->invocation->arena, *const scratch = judging->invocation->scratch;
  const struct arena_mark mark = arena_get_mark(arena);
  struct schedule_problem problem = judged->problem;
  enum schedule_bound_kind kind;
  struct schedule schedule;
  uint64_t n_nodes;
  *verdict = (struct verdict){0};
  double start_s = clock_processor_s();
  verdict->bound_cycles = problem.enough_cycles = schedule_lower_bound(&problem, scratch, &kind);
  summary->bound_s += clock_processor_s() - start_s;
  for (size_t k = 0; k < N_EFFORTS; k++) {
    problem.passes = efforts[k];
    start_s = clock_processor_s();
    schedule_build(&problem, scratch, NULL, false, &schedule);
    summary->effort[k].seconds += clock_processor_s() - start_s;
    verdict->cycles[k] = schedule.makespan_cycles;
    schedule_build(&problem, scratch, arena, true, &schedule);
    must_be_sound(judged, &problem, &schedule, scratch);
    if (schedule.makespan_cycles != verdict->cycles[k] || schedule.makespan_cycles > verdict->cycles[0])
      BUG("%s, %s: %u passes made %" PRIu64 " cycles of %" PRIu64, judged->set, judged->name, efforts[k],
          schedule.makespan_cycles, verdict->cycles[k]);
  }
  problem.passes = 1;
  start_s = clock_processor_s();
  verdict->proven = schedule_exact(&problem, judging->max_nodes, scratch, arena, &schedule, &n_nodes);
  summary->exact_s += clock_processor_s() - start_s;
  must_be_sound(judged, &problem, &schedule, scratch);
  verdict->best_cycles = schedule.makespan_cycles;
  if (verdict->bound_cycles > verdict->best_cycles)
    BUG("%s, %s: bound %" PRIu64 " above the schedule of %" PRIu64, judged->set, judged->name, verdict->bound_cycles,
        verdict->best_cycles);
  start_s = clock_processor_s();
  const bool asked = problem.graph->n_ops > judging->model_ops || ask_model(judging, judged, verdict, error);
  summary->model_s += clock_processor_s() - start_s;
  arena_rewind(arena, mark);
  return asked;
}

static void count(struct summary *summary, const struct verdict *verdict) {
  summary->n++;
  summary->n_proven += verdict->proven;
  summary->n_modelled += verdict->modelled;
  summary->n_model_knows += verdict->model_knows;
  const double least = (double)(verdict->proven ? verdict->best_cycles : verdict->bound_cycles);
  for (size_t k = 0; k < N_EFFORTS; k++) {
    const double gap = (double)verdict->cycles[k] / least - 1;
    summary->effort[k].sum += gap;
    summary->effort[k].worst = fmax(summary->effort[k].worst, gap);
    if (!verdict->proven) continue;
    summary->effort[k].proven_sum += gap;
    summary->effort[k].proven_worst = fmax(summary->effort[k].proven_worst, gap);
  }
  if (!verdict->proven) return;
  const double below = 1 - (double)verdict->bound_cycles / least;
  summary->bound_sum += below;
  summary->bound_worst = fmax(summary->bound_worst, below);
}

/* --- cases and tables -----------------------------------------------------------------------------------------------
 */

/* Is the name one of a list with commas between? */
static bool is_listed(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
    if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return true;
  return false;
}

static bool collect(const struct judging *judging, struct schedule_cases *cases, struct error *error) {
  static const struct {
    const char *name, *batch; /* as in scripts/search-quality */
  } networks[] = {{"mobilenet_v3_large", "64"},
                  {"resnet18", "64"},
                  {"inception_v3", "64"},
                  {"resnext101_32x8d", "64"},
                  {"vgg16", "64"},
                  {"gnmt4", "128"},
                  {"bert-base", "32"},
                  {"bert-large", "32"},
                  {"opt-1.3b", "1"},
                  {"gpt2-xl", "1"},
                  {"gpt3-175b", "1"}};
  struct invocation *const invocation = judging->invocation;
  const size_t n_sets = invocation->n_sets;
  const char *const wanted = invocation_value(invocation, "networks");
  size_t n_found = 0;
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
    if (wanted != NULL && !is_listed(wanted, networks[i].name)) continue;
    n_found++;
    if (n_sets + 3 > COMMAND_MAX_VALUES) return error_add(error, STATUS_INPUT, "--set: too many");
    invocation->sets[n_sets] = (struct config_set){"workload", networks[i].name};
    invocation->sets[n_sets + 1] = (struct config_set){"batch", networks[i].batch};
    invocation->sets[n_sets + 2] = (struct config_set){"model", "[]"}; /* the run file's are of its own workload */
    invocation->n_sets = n_sets + 3;
    struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
    run->invocation = invocation;
    run->one_device = "schedules";
    const bool good =
        run_prepare(run, invocation->words[0], error) && schedule_cases_of_layers(run, invocation->arena, cases, error);
    run_release(run);
    if (!good) return false;
  }
  invocation->n_sets = n_sets;
  if (n_found == 0) {
    return error_add(error, STATUS_INPUT, "--networks: none of \"%s\" is a benchmark network; the first is %s", wanted,
                     networks[0].name);
  }
  schedule_cases_at_random(judging->seed, judging->n_graphs, invocation->arena, cases);
  return true;
}

static struct summary *summary_of(struct summary *summaries, const char *set) {
  struct summary *summary = summaries;
  while (summary->set != NULL && strcmp(summary->set, set) != 0) summary++;
  REQUIRE(summary < summaries + MAX_SETS - 1);
  summary->set = set;
  return summary;
}

static double share(double sum, size_t n) { return n > 0 ? sum / (double)n : NAN; }

static struct table *quality_table(const struct summary *summaries, struct arena *arena) {
  static const struct table_column columns[] = {
      {"set", "", "", "which graphs; spread: operators may take several cores"},
      {"n", "", "", "problems"},
      {"proven", "", "max", "problems whose optimum our branch and bound proved"},
      {"passes", "", "", "schedule.passes"},
      {"mean_gap", "", "min", "makespan over the optimum, or over the lower bound where that is not proven, - 1"},
      {"worst_gap", "", "min", "the largest"},
      {"mean_gap_proven", "", "min", "the same over proven problems alone"},
      {"worst_gap_proven", "", "min", "the largest of those"},
      {"bound_mean_gap", "", "min", "1 - lower bound / optimum, over proven problems"},
      {"bound_worst_gap", "", "min", "the largest"},
      {"glpk", "", "", "problems that GLPK was asked about"},
      {"glpk_agrees", "", "max", "problems of which GLPK proved the same optimum; none may have another"},
  };
  struct table *const table = table_new(arena, "schedules.csv", columns, sizeof columns / sizeof *columns);
  for (const struct summary *summary = summaries; summary->set != NULL; summary++)
    for (size_t k = 0; k < N_EFFORTS; k++) {
      table_text(table, summary->set);
      table_u64(table, summary->n);
      table_u64(table, summary->n_proven);
      table_u64(table, efforts[k]);
      table_double(table, share(summary->effort[k].sum, summary->n));
      table_double(table, summary->effort[k].worst);
      table_double(table, share(summary->effort[k].proven_sum, summary->n_proven));
      table_double(table, summary->n_proven > 0 ? summary->effort[k].proven_worst : NAN);
      table_double(table, share(summary->bound_sum, summary->n_proven));
      table_double(table, summary->n_proven > 0 ? summary->bound_worst : NAN);
      table_u64(table, summary->n_modelled);
      table_u64(table, summary->n_model_knows);
    }
  return table;
}

/* Seconds, which differ from run to run, are kept apart from what does not. */
static struct table *timing_table(const struct summary *summaries, struct arena *arena) {
  static const struct table_column columns[] = {
      {"set", "", "", "which graphs"},
      {"passes", "", "", "schedule.passes"},
      {"schedule_us", "us", "min", "CPU time of a schedule, mean"},
      {"bound_us", "us", "min", "of the lower bound"},
      {"exact_us", "us", "min", "of our branch and bound"},
      {"glpk_us", "us", "min", "of GLPK, where it was asked"},
  };
  struct table *const table = table_new(arena, "schedules-timing.csv", columns, sizeof columns / sizeof *columns);
  for (const struct summary *summary = summaries; summary->set != NULL; summary++)
    for (size_t k = 0; k < N_EFFORTS; k++) {
      table_text(table, summary->set);
      table_u64(table, efforts[k]);
      table_double(table, 1e6 * share(summary->effort[k].seconds, summary->n));
      table_double(table, 1e6 * share(summary->bound_s, summary->n));
      table_double(table, 1e6 * share(summary->exact_s, summary->n));
      table_double(table, 1e6 * share(summary->model_s, summary->n_modelled));
    }
  return table;
}

static bool print(const struct invocation *invocation, const struct summary *summaries, size_t n_left_out,
                  struct error *error) {
  struct table *const quality = quality_table(summaries, invocation->arena);
  struct table *const timing = timing_table(summaries, invocation->arena);
  const char *const timing_path = invocation_value(invocation, "timing");
  size_t n_bytes;
  const char *const bytes = table_bytes(timing, &n_bytes);
  if (timing_path != NULL && !file_publish(timing_path, bytes, n_bytes, error)) return false;
  if (invocation_value(invocation, "csv") != NULL) {
    const char *const csv = table_bytes(quality, &n_bytes);
    fwrite(csv, 1, n_bytes, stdout);
    return true;
  }
  char *text;
  table_print(quality, NULL, 0, SIZE_MAX, &text, invocation->arena);
  say(invocation, "%s", text);
  if (timing_path == NULL) {
    table_print(timing, NULL, 0, SIZE_MAX, &text, invocation->arena);
    say(invocation, "\n%s", text);
  }
  if (n_left_out > 0)
    say(invocation, "layers of more than %d operators, cut to that many: %zu\n", SCHEDULE_CASE_MAX_OPS, n_left_out);
  return true;
}

static enum status run_schedules(struct invocation *invocation, struct error *error) {
  struct judging judging = {.invocation = invocation, .lp_path = invocation_value(invocation, "lp")};
  if (!invocation_u64(invocation, "graphs", DEFAULT_GRAPHS, &judging.n_graphs, error) ||
      !invocation_u64(invocation, "seed", 1, &judging.seed, error) ||
      !invocation_u64(invocation, "nodes", DEFAULT_NODES, &judging.max_nodes, error) ||
      !invocation_u64(invocation, "model-ops", DEFAULT_MODEL_OPS, &judging.model_ops, error))
    return error->status;
  struct schedule_cases cases = {0};
  if (!collect(&judging, &cases, error)) return error->status;
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  struct summary summaries[MAX_SETS] = {0};
  for (size_t i = 0; i < cases.n; i++) {
    struct verdict verdict;
    struct summary *const summary = summary_of(summaries, cases.list[i].set);
    if (!judge_case(&judging, &cases.list[i], summary, &verdict, error)) return error->status;
    count(summary, &verdict);
    if (invocation->verbose)
      remark(invocation,
             "%s, %s: %zu operators, bound %" PRIu64 ", best %" PRIu64 "%s, list %" PRIu64 ", %u pass %" PRIu64
             ", %u passes %" PRIu64 "\n",
             cases.list[i].set, cases.list[i].name, cases.list[i].problem.graph->n_ops, verdict.bound_cycles,
             verdict.best_cycles, verdict.proven ? " (proven)" : "", verdict.cycles[0], efforts[1], verdict.cycles[1],
             efforts[N_EFFORTS - 1], verdict.cycles[N_EFFORTS - 1]);
  }
  return print(invocation, summaries, cases.n_cut, error) ? STATUS_OK : error->status;
}

static const struct command_option options[] = {
    {"networks", "A,B,...", "benchmark networks (default: all eleven)"},
    {"graphs", "N", "random graphs (default: 400)"},
    {"seed", "N", "seed of the random graphs (default: 1)"},
    {"nodes", "N", "nodes of the branch and bound for each problem, at most (default: 200000)"},
    {"model-ops", "N", "problems of at most N operators go to GLPK too (default: 12)"},
    {"lp", "FILE", "writes the last such problem there, as GLPK has it, in CPLEX LP format"},
    {"timing", "FILE", "writes CPU times there, as CSV"},
    {"csv", NULL, "CSV instead of a table for people"},
};
static const char *const examples[] = {
    "dse schedules configs/quickstart.cfg --networks vgg16,resnet18 --graphs 40 --nodes 2000",
    "dse schedules configs/quickstart.cfg --networks vgg16 --graphs 8 --model-ops 0 --csv", NULL};
const struct command command_schedules = {
    .name = "schedules",
    .words = "RUN.cfg",
    .summary = "how far the scheduler is from the shortest schedules, on layers and random graphs",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Every distinct layer of the eleven benchmark networks (under the run file's settings) on 1, 2 and 4 tensor "
        "and\n"
        "vector cores, their whole training graphs, and random graphs of at most 30 operators are scheduled with\n"
        "schedule.passes = 0 to 16, judged, and compared with proven optima or lower bounds.",
    .examples = examples,
    .run = run_schedules,
};

/* dse map tenancy, dse judge tenancy: jobs to cores that share a bandwidth. See search/tenancy/tenancy.h. */
#include "base/checked.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/map/map_algorithms.h"
#include "dse/run/signals.h"
#include "dse/tenancy/tenancy_arrivals.h"
#include "dse/tenancy/tenancy_beyond.h"
#include "dse/tenancy/tenancy_contest.h"
#include "dse/tenancy/tenancy_fronts.h"
#include "dse/tenancy/tenancy_page.h"
#include "results/writer.h"
#include "search/tenancy/tenancy_read.h"
#include "search/tenancy/tenancy_warm.h"
#include <math.h>
#include <string.h>

static const uint64_t default_samples = 10000;

struct tenancy_command {
  struct invocation *invocation;
  struct tenancy_problem problem;
  struct tenancy_aim aim;
  struct tenancy_keys keys;
  size_t n_algorithms;
  const struct tenancy_algorithm **algorithms;
  const void **settings; /* of each of these */
  struct tenancy_job job;
  uint64_t n_seeds;
  struct tenancy_answers warm;
};

/* Are several searches wanted, to be compared? */
static bool is_contest(const struct invocation *invocation) {
  return invocation_value(invocation, "seeds") != NULL || map_is_contest(invocation);
}

/* Options that do not go together: said, not ignored. */
static bool check_options(const struct invocation *invocation, struct error *error) {
  static const char *const of_one[] = {"time", "out", "warm", "keep", "state", "report", "trace"};
  for (size_t i = 0; is_contest(invocation) && i < sizeof of_one / sizeof *of_one; i++) {
    if (invocation_value(invocation, of_one[i]) != NULL) {
      error_add(error, STATUS_INPUT, "--%s: not where searches are compared (--algorithm all, several, or --seeds)",
                of_one[i]);
    }
  }
  static const char *const of_search[] = {"time", "warm", "keep", "state", "trace", "seeds", "arrivals"};
  for (size_t i = 0; invocation_value(invocation, "front") != NULL && i < sizeof of_search / sizeof *of_search; i++) {
    if (invocation_value(invocation, of_search[i]) != NULL) {
      error_add(error, STATUS_INPUT, "--%s: not together with --front", of_search[i]);
    }
  }
  static const char *const offline[] = {"time", "warm", "keep", "state", "seeds", "algorithm", "samples"};
  for (size_t i = 0; invocation_value(invocation, "arrivals") != NULL && i < sizeof offline / sizeof *offline; i++) {
    if (invocation_value(invocation, offline[i]) != NULL) {
      error_add(error, STATUS_INPUT, "--%s: not together with --arrivals (--set remap_samples)", offline[i]);
    }
  }
  return !error_is_set(error);
}

static bool read_options(struct tenancy_command *command, struct error *error) {
  struct invocation *invocation = command->invocation;
  struct tenancy_job *job = &command->job;
  struct map_budget budget;
  struct map_choice choice;
  const struct map_offer offer = tenancy_offer(invocation, &command->keys);
  if (!check_options(invocation, error) || !map_choose(invocation, &offer, &choice, error) ||
      !map_read_budget(invocation, default_samples, &budget, error) ||
      !invocation_u64(invocation, "seeds", 5, &command->n_seeds, error))
    return false;
  if (command->n_seeds < 1 || command->n_seeds > 1000) error_add(error, STATUS_INPUT, "--seeds: 1 to 1000 are allowed");
  job->samples = budget.samples, job->seed = budget.seed, job->time_s = budget.time_s;
  command->n_algorithms = choice.n, command->settings = choice.settings;
  command->algorithms = ARENA_NEW(invocation->arena, const struct tenancy_algorithm *, choice.n);
  for (size_t i = 0; i < choice.n; i++) command->algorithms[i] = tenancy_algorithms[choice.algorithm[i]];
  job->algorithm = command->algorithms[0], job->algorithm_settings = command->settings[0];
  job->problem = &command->problem, job->bounds = &command->aim.target, job->keys = &command->keys;
  job->state_path = invocation_value(invocation, "state");
  return !error_is_set(error);
}

static bool load(struct tenancy_command *command, struct error *error) {
  struct invocation *invocation = command->invocation;
  if (!tenancy_read(invocation->words[1], invocation->arena, &command->problem, error)) return false;
  const char *warm = invocation_value(invocation, "warm");
  if (warm != NULL) {
    if (!tenancy_warm_read(&command->problem, warm, invocation->arena, &command->warm, error)) return false;
    command->job.n_warm = command->warm.n, command->job.warm = command->warm.answers;
  }
  struct tenancy_aim *aim = &command->aim;
  if (!tenancy_aim_open(invocation, &command->problem, &command->keys, command->job.seed, aim, error)) return false;
  command->job.goal = aim->goal, command->job.goal_bound = aim->bounds.value[aim->goal->objective];
  return true;
}

/* Of the value: the bound on the makespan that it comes from, or what jobs take at least. */
static const char *binding_of(const struct tenancy_aim *aim) {
  const enum tenancy_objective objective = aim->goal->objective;
  const bool by_makespan = objective <= TENANCY_THROUGHPUT && aim->goal->n_scenarios == 0;
  return by_makespan ? tenancy_bound_names[aim->makespan.binding] : "least_per_job";
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"algorithm", "", "", "that searched"},
    {"value", "", "min", "of the objective, by the judge; without --set objective: the makespan"},
    {"unit", "", "", "of value and lower_bound"},
    {"lower_bound", "", "max", "no mapping is below (throughput: above)"},
    {"binding", "", "", "bound that is largest"},
    {"gap", "", "min", "value over lower_bound, less 1"},
    {"samples", "", "min", "mappings judged and moves tried"},
    {"seed", "", "", "of all streams"},
    {"core_util", "", "max", "mean time of the cores until their queues are empty, over the makespan"},
    {"bw_util", "", "max", "bandwidth used, over the makespan"},
    {"wall_s", "s", "min", "of the search; bounds not counted"},
    {"proven_optimal", "", "", "the gap is at most 1e-9"},
    {"objective", "", "", "that was searched for"},
    {"makespan_cycles", "cycles", "min", "when the last job ends"},
};

static struct table *make_table(const struct tenancy_command *command, const struct tenancy_result *result) {
  struct table *table = table_new(command->invocation->arena, "tenancy", columns, sizeof columns / sizeof *columns);
  table_text(table, command->problem.name);
  table_text(table, command->job.algorithm->name);
  table_double(table, result->value);
  table_text(table, tenancy_objectives[command->aim.goal->objective].unit);
  table_double(table, command->job.goal_bound);
  table_text(table, binding_of(&command->aim));
  table_double(table, result->gap);
  table_u64(table, result->samples);
  table_u64(table, command->job.seed);
  table_double(table, result->verdict.core_util);
  table_double(table, result->verdict.bw_util);
  table_double(table, result->wall_s);
  table_text(table, result->proven_optimal ? "yes" : "no");
  table_text(table, tenancy_objectives[command->aim.goal->objective].name);
  table_double(table, result->verdict.makespan_cycles);
  return table;
}

static json_t *spread_json(const struct tenancy_spread *spread) {
  if (spread->n == 0) return json_null();
  return json_pack("{sI so so}", "scenarios", (json_int_t)spread->n, "mean", map_real_or_null(spread->mean), "worst",
                   map_real_or_null(spread->worst));
}
static json_t *gain_json(const struct tenancy_gain *gain) {
  if (isnan(gain->searched)) return json_null();
  return json_pack("{so so}", "same_answer", map_real_or_null(gain->same_answer), "searched",
                   map_real_or_null(gain->searched));
}

static void print_json(const struct tenancy_command *command, const struct tenancy_result *result,
                       const struct tenancy_spread *spread, const struct tenancy_gain *gain) {
  const struct tenancy_problem *problem = &command->problem;
  const struct tenancy_aim *aim = &command->aim;
  const struct tenancy_objective_kind *kind = &tenancy_objectives[aim->goal->objective];
  json_t *core = json_array(), *priority = json_array(), *finish = json_array();
  for (size_t j = 0; j < problem->n_jobs; j++) {
    json_array_append_new(core, json_integer(result->answer.core[j]));
    json_array_append_new(priority, json_real(result->answer.priority[j]));
  }
  for (size_t c = 0; c < problem->n_cores; c++) {
    json_array_append_new(finish, json_real(result->verdict.finish_cycles[c]));
  }
  map_print_json(command->invocation,
                 json_pack("{ss ss ss so ss so ss ss so so sI sI sI sf sf sf sf sb so so so so so so}", "instance",
                           problem->name, "algorithm", command->job.algorithm->name, "objective", kind->name, "value",
                           map_real_or_null(result->value), "unit", kind->unit, "lower_bound",
                           map_real_or_null(command->job.goal_bound), "binding", binding_of(aim), "reason",
                           aim->makespan.reason != NULL ? aim->makespan.reason : "", "bounds",
                           map_bounds_json(TENANCY_N_BOUNDS, tenancy_bound_names, aim->makespan.cycles), "gap",
                           map_real_or_null(result->gap), "samples", (json_int_t)result->samples, "seed",
                           (json_int_t)command->job.seed, "islands", (json_int_t)result->n_islands, "core_util",
                           result->verdict.core_util, "bw_util", result->verdict.bw_util, "wall_s", result->wall_s,
                           "makespan_cycles", result->verdict.makespan_cycles, "proven_optimal", result->proven_optimal,
                           "core", core, "priority", priority, "finish_cycles", finish, "figures",
                           tenancy_figures_json(aim, result->figures), "spread", spread_json(spread), "proportional",
                           gain_json(gain)));
}

static bool publish(const struct tenancy_command *command, const struct tenancy_result *result, struct error *error) {
  const struct invocation *invocation = command->invocation;
  if (cluster_rank(invocation->cluster) != 0) return true;
  const char *out = invocation_value(invocation, "out"), *keep = invocation_value(invocation, "keep"),
             *page = invocation_value(invocation, "report"), *trace = invocation_value(invocation, "trace");
  if (out != NULL && !tenancy_publish_answer(&command->problem, &result->answer, out, invocation->arena, error)) {
    return false;
  }
  if (keep != NULL && !tenancy_warm_write(&command->problem, result->n_population, result->population, keep,
                                          invocation->arena, error)) {
    return false;
  }
  const struct tenancy_shown shown = {&command->problem, &command->aim.makespan, result, command->job.algorithm->name,
                                      &command->aim};
  if (trace != NULL && !tenancy_publish_trace(&shown, trace, invocation->arena, error)) return false;
  return page == NULL || tenancy_publish_page(&shown, page, invocation->arena, error);
}

static enum status solve(struct tenancy_command *command, struct error *error) {
  const struct invocation *invocation = command->invocation;
  struct tenancy_result result;
  struct tenancy_spread spread;
  struct tenancy_gain gain;
  const struct tenancy_aim *aim = &command->aim;
  const struct tenancy_objective_kind *kind = &tenancy_objectives[aim->goal->objective];
  if (!tenancy_limit_makespan(invocation, &command->job, &command->aim, error) ||
      !tenancy_search(invocation, &command->job, &result, error) ||
      !tenancy_find_spread(invocation, aim, &command->keys, command->job.seed, &result.answer, &spread, error) ||
      !tenancy_find_gain(invocation, &command->job, &result.answer, &gain, error)) {
    return error->status;
  }
  const bool published = publish(command, &result, error);
  if (!cluster_agree(invocation->cluster, error) || !published) return error->status;
  if (invocation->json) {
    print_json(command, &result, &spread, &gain);
  } else {
    map_print_table(invocation, make_table(command, &result));
  }
  const bool is_makespan = aim->goal->objective == TENANCY_MAKESPAN;
  remark(invocation, "%s: %s%s%.10g %s after %llu samples; no mapping is %s %.10g (%s, gap %.4f %%)%s\n",
         command->problem.name, is_makespan ? "" : kind->name, is_makespan ? "" : " ", result.value, kind->unit,
         (unsigned long long)result.samples, kind->maximise ? "above" : "below", command->job.goal_bound,
         binding_of(aim), 100 * result.gap, result.proven_optimal ? ": proven optimal" : "");
  if (aim->makespan.reason != NULL) remark(invocation, "what binds: %s\n", aim->makespan.reason);
  if (spread.n > 0) {
    remark(invocation, "%zu scenarios: mean %.10g, worst %.10g %s\n", spread.n, spread.mean, spread.worst, kind->unit);
  }
  if (!isnan(gain.searched)) {
    remark(invocation, "sharing in proportion: %.10g %s with the same answer, %.10g with its own: gain %.2f %%\n",
           gain.same_answer, kind->unit, gain.searched,
           100 * (kind->maximise ? result.value / gain.searched - 1 : gain.searched / result.value - 1));
  }
  if (result.stopped != NULL && strcmp(result.stopped, "time") != 0) {
    error_add(error, STATUS_STOPPED, "stopped by %s%s%s", result.stopped,
              command->job.state_path != NULL ? "; the same command goes on from " : "; --state FILE would keep it",
              command->job.state_path != NULL ? command->job.state_path : "");
    return STATUS_STOPPED;
  }
  return STATUS_OK;
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct tenancy_command command = {.invocation = invocation};
  if (!read_options(&command, error)) return error->status;
  const char *arrivals = invocation_value(invocation, "arrivals");
  if (arrivals != NULL) {
    if (!tenancy_read(invocation->words[1], invocation->arena, &command.problem, error)) return error->status;
    return tenancy_print_arrivals(invocation, &command.problem, &command.keys, command.job.seed, arrivals, error);
  }
  if (!load(&command, error)) return error->status;
  signals_catch(); /* not before: who bounds looks at no signal */
  const char *front = invocation_value(invocation, "front");
  if (front != NULL) return tenancy_print_front(invocation, &command.job, &command.aim, front, error);
  if (!is_contest(invocation)) return solve(&command, error);
  const struct tenancy_contest contest = {.invocation = invocation,
                                          .problem = &command.problem,
                                          .bounds = &command.aim.target,
                                          .unit = command.aim.goal->unit,
                                          .keys = &command.keys,
                                          .n_algorithms = command.n_algorithms,
                                          .algorithms = command.algorithms,
                                          .settings = command.settings,
                                          .seed = command.job.seed,
                                          .n_seeds = command.n_seeds,
                                          .samples = command.job.samples};
  const struct table *table = tenancy_contest_run(&contest, error);
  if (table == NULL) return error->status;
  map_print_rows(invocation, table, error);
  remark(invocation, "%s: no mapping is below %.10g cycles (%s)\n", command.problem.name,
         command.aim.makespan.best_cycles, tenancy_bound_names[command.aim.makespan.binding]);
  return STATUS_OK;
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static const struct table_column judge_columns[] = {
    {"answer", "", "", "row, from 0"},
    {"valid", "", "", "yes or no"},
    {"value", "", "min", "of the objective; without --set objective: the makespan in cycles"},
    {"core_util", "", "max", "mean time of the cores until their queues are empty, over the makespan"},
    {"bw_util", "", "max", "bandwidth used, over the makespan"},
    {"finish_cycles", "cycles", "", "of every core"},
    {"rule", "", "", "event: the published additions; closed form: a job needs no bandwidth"},
    {"reason", "", "", "why it is not valid"},
};

struct judged {
  bool valid;
  double value; /* of the objective */
  struct tenancy_verdict verdict;
  const char *reason;
};

static const char *finish_text(const struct tenancy_problem *problem, const struct tenancy_verdict *verdict,
                               struct arena *arena) {
  struct writer writer;
  writer_init(&writer, arena);
  for (size_t c = 0; c < problem->n_cores; c++) {
    char number[32];
    snprintf(number, sizeof number, "%s%.17g", c == 0 ? "" : " ", verdict->finish_cycles[c]);
    writer_raw(&writer, number);
  }
  return writer.text;
}

static void print_judged(const struct invocation *invocation, const struct tenancy_problem *problem, size_t n,
                         const struct judged *judged) {
  struct table *table =
      table_new(invocation->arena, "judge", judge_columns, sizeof judge_columns / sizeof *judge_columns);
  for (size_t i = 0; i < n; i++) {
    const struct judged *one = &judged[i];
    if (invocation->json) {
      map_print_json(invocation,
                     one->valid ? json_pack("{sI sb so sf sf so? ss}", "answer", (json_int_t)i, "valid", 1, "value",
                                            map_real_or_null(one->value), "core_util", one->verdict.core_util,
                                            "bw_util", one->verdict.bw_util, "reason", (json_t *)NULL, "rule",
                                            one->verdict.closed_form ? "closed form" : "event")
                                : json_pack("{sI sb so? ss}", "answer", (json_int_t)i, "valid", 0, "value",
                                            (json_t *)NULL, "reason", one->reason));
      continue;
    }
    table_u64(table, i);
    table_text(table, one->valid ? "yes" : "no");
    for (int k = 0; k < 3; k++) {
      if (!one->valid) table_empty(table);
    }
    if (one->valid) {
      table_double(table, one->value);
      table_double(table, one->verdict.core_util);
      table_double(table, one->verdict.bw_util);
    }
    table_text(table, one->valid ? finish_text(problem, &one->verdict, invocation->arena) : "");
    table_text(table, !one->valid ? "" : one->verdict.closed_form ? "closed form" : "event");
    table_text(table, one->valid ? "" : one->reason);
  }
  if (!invocation->json) map_print_table(invocation, table);
}

static enum status judge(struct invocation *invocation, struct error *error) {
  struct tenancy_problem problem;
  struct tenancy_answers answers;
  struct tenancy_keys keys;
  const void **settings;
  struct tenancy_goal *goal;
  if (!tenancy_read_keys(invocation, &keys, &settings, error) ||
      !tenancy_read(invocation->words[1], invocation->arena, &problem, error) ||
      !tenancy_goal_open(&problem, &keys.goal, 0, invocation->arena, &goal, error) ||
      !tenancy_read_answers(&problem, invocation->words[2], invocation->arena, &answers, error)) {
    return error->status;
  }
  struct judged *judged = ARENA_NEW(invocation->arena, struct judged, answers.n);
  size_t n_valid = 0;
  for (size_t i = 0; i < answers.n; i++) {
    struct error *why = ARENA_NEW(invocation->arena, struct error, 1);
    double value[TENANCY_N_OBJECTIVES];
    judged[i].valid = tenancy_goal_judge(goal, &answers.answers[i], invocation->arena, &judged[i].verdict, value, why);
    judged[i].value = judged[i].valid ? value[goal->objective] : NAN;
    judged[i].reason = why->text;
    n_valid += judged[i].valid;
  }
  print_judged(invocation, &problem, answers.n, judged);
  if (n_valid == answers.n) return STATUS_OK;
  error_add(error, STATUS_INFEASIBLE, "%s: %zu of %zu answers are not valid", invocation->words[2], answers.n - n_valid,
            answers.n);
  return STATUS_INFEASIBLE;
}

static const char *const options[] = {"algorithm", "samples", "time",   "seed",  "seeds", "out",      "warm",
                                      "keep",      "state",   "report", "trace", "front", "arrivals", NULL};
const struct map_problem map_problem_tenancy = {
    .name = "tenancy",
    .doc = "jobs of many tenants to cores that share a bandwidth: least makespan (a folder with jobs.csv)",
    .options = options,
    .takes_sets = true,
    .algorithm = tenancy_algorithm_at,
    .keys = &tenancy_key_fields,
    .run = run,
    .judge = judge,
};

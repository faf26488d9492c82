/* See placement_run.h. */
#include "dse/placement/placement_run.h"

#include "dse/run/watch.h"
#include <math.h>

static const double tolerance = 1e-9; /* relative: of the checker, of a closed gap */
static const uint64_t first_samples = 25000;
enum { MAX_EPOCHS = 40 };
static const struct placement_result no_result = {
    .value = INFINITY, .stated_s = NAN, .stated_j = NAN, .stated_communication_s = NAN};

const char *placement_unit(const struct placement_problem *problem) {
  return problem->objective == PLACEMENT_ENERGY ? "J" : "s";
}

double placement_share(double communication_s, double compute_s) {
  const double all_s = communication_s + compute_s;
  return all_s > 0 ? communication_s / all_s : 0;
}

static double value_of(const struct placement_problem *problem, const struct placement_schedule *schedule) {
  if (problem->objective == PLACEMENT_ENERGY) return schedule->energy_j;
  return problem->objective == PLACEMENT_PERIOD ? schedule->period_s : schedule->makespan_s;
}

void placement_require_valid(const struct invocation *invocation, const struct placement_problem *problem,
                             const struct placement_answer *answer, const struct placement_schedule *schedule) {
  const struct arena_mark mark = arena_get_mark(invocation->scratch);
  struct error *const why = ARENA_NEW(invocation->scratch, struct error, 1);
  const struct placement_claim claim = {
      .answer = *answer, .start_s = schedule->start_s, .end_s = schedule->end_s, .makespan_s = schedule->makespan_s};
  struct placement_schedule truth = placement_schedule_new(problem, invocation->scratch);
  if (!placement_check(problem, &claim, invocation->scratch, &truth, why)) BUG("the checker says: %s", why->text);
  const double true_value = value_of(problem, &truth), value = value_of(problem, schedule);
  if (!(fabs(value - true_value) <= tolerance * fabs(true_value)))
    BUG("the checker says %.17g, the search %.17g", true_value, value);
  arena_rewind(invocation->scratch, mark);
}

/* What the method states, where that is not what the rule says. */
static void take_values(const struct placement_problem *problem, const struct placement_result *result,
                        struct placement_outcome *outcome) {
  const struct placement_schedule *const schedule = &outcome->schedule;
  const bool stated = result->stated_s > 0;
  double communication_s = schedule->communication_s;
  outcome->makespan_s = stated ? result->stated_s : schedule->makespan_s;
  outcome->energy_j = stated ? result->stated_j : schedule->energy_j;
  if (stated && result->stated_communication_s >= 0) communication_s = result->stated_communication_s;
  outcome->communication = placement_share(communication_s, schedule->compute_s);
  outcome->value = problem->objective == PLACEMENT_ENERGY   ? outcome->energy_j
                   : problem->objective == PLACEMENT_PERIOD ? schedule->period_s
                                                            : outcome->makespan_s;
}

void placement_take_proof(struct placement_outcome *outcome, struct placement_bounds *bounds) {
  if (outcome->found && !outcome->proven_optimal && outcome->bound > bounds->best) {
    bounds->value[PLACEMENT_BOUND_EXACT] = bounds->best = outcome->bound;
    bounds->binding = PLACEMENT_BOUND_EXACT;
    bounds->reason = "a search that did not end: nothing that it left can be better";
    outcome->gap = placement_gap(outcome->value, bounds->best);
  }
  if (!outcome->found || !outcome->proven_optimal || outcome->value <= bounds->best) return;
  outcome->gap = 0;
  bounds->value[PLACEMENT_BOUND_EXACT] = bounds->best = outcome->value;
  bounds->binding = PLACEMENT_BOUND_EXACT;
  bounds->reason = "a search that ended: there is nothing better";
}

/* Searches plan for the samples that they have, so one without a limit would never get down to detail. */
static void search_by_time(struct placement_request *request, const struct placement_job *job, struct watch *watch,
                           struct placement_result *best) {
  uint64_t n_used = 0;
  for (unsigned epoch = 0; epoch < MAX_EPOCHS; epoch++) {
    struct placement_result result = no_result;
    request->samples = first_samples << epoch;
    job->algorithm->run(request, &result);
    n_used += result.samples;
    if (epoch == 0 || result.value < best->value || result.proven) *best = result;
    best->samples = n_used;
    if (job->algorithm->one_shot || result.proven || watch_agree(watch)) return;
  }
}

void placement_search(const struct invocation *invocation, const struct placement_job *job,
                      struct placement_outcome *outcome) {
  const struct placement_problem *const problem = job->problem;
  struct watch watch;
  watch_begin(&watch, invocation->cluster, job->time_s, "time");
  struct placement_request request = {.problem = problem,
                                      .bounds = job->bounds,
                                      .settings = job->settings,
                                      .seed = job->seed,
                                      .samples = job->samples,
                                      .held = job->held,
                                      .interrupted = watch_interrupted,
                                      .context = &watch,
                                      .arena = invocation->arena,
                                      .scratch = invocation->scratch};
  struct placement_result result = no_result;
  *outcome = (struct placement_outcome){0};
  if (job->samples == 0) {
    search_by_time(&request, job, &watch, &result);
  } else {
    job->algorithm->run(&request, &result);
  }
  outcome->wall_s = watch_wall_s(&watch);
  outcome->cpu_s = watch_processor_s(&watch);
  outcome->samples = result.samples;
  outcome->stopped = watch.stopped;
  outcome->found = isfinite(result.value);
  if (!outcome->found) return;
  outcome->answer = result.answer;
  outcome->schedule = placement_schedule_new(problem, invocation->arena);
  const double value = placement_evaluate(problem, &outcome->answer, invocation->scratch, &outcome->schedule);
  REQUIRE(isfinite(value));
  placement_require_valid(invocation, problem, &outcome->answer, &outcome->schedule);
  take_values(problem, &result, outcome);
  outcome->gap = placement_gap(outcome->value, job->bounds->best);
  outcome->bound = result.bound;
  outcome->proven_optimal = result.proven || outcome->gap <= tolerance;
}

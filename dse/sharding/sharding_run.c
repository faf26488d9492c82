/* See sharding_run.h. */
#include "dse/sharding/sharding_run.h"

#include "dse/run/watch.h"
#include <math.h>

static const double tolerance = 1e-9; /* relative: of the checker, of a closed gap */
static const uint64_t first_samples = 4000;
enum { MAX_EPOCHS = 40 };

double sharding_gap_over(double value_s, double bound_s) {
  if (value_s <= bound_s) return 0;
  return bound_s > 0 ? value_s / bound_s - 1 : INFINITY;
}

static void require_valid(const struct invocation *invocation, const struct sharding_problem *problem,
                          const struct sharding_outcome *outcome) {
  const struct arena_mark mark = arena_get_mark(invocation->scratch);
  struct error *const why = ARENA_NEW(invocation->scratch, struct error, 1);
  const struct sharding_claim claim = {
      .answer = outcome->answer, .start_s = outcome->schedule.start_s, .end_s = outcome->schedule.end_s};
  double truth_s = NAN;
  if (!sharding_check(problem, &claim, invocation->scratch, &truth_s, why)) BUG("the checker says: %s", why->text);
  if (!(fabs(outcome->value_s - truth_s) <= tolerance * fabs(truth_s)))
    BUG("the checker says %.17g, the search %.17g", truth_s, outcome->value_s);
  arena_rewind(invocation->scratch, mark);
}

void sharding_take_proof(struct sharding_outcome *outcome, struct sharding_bounds *bounds) {
  if (!outcome->found) return;
  const double shown_s = outcome->proven_optimal ? outcome->value_s : outcome->bound_s;
  if (shown_s > bounds->best_s) {
    sharding_bounds_take(bounds, SHARDING_BOUND_EXACT, shown_s);
    bounds->reason = outcome->proven_optimal ? "a search that ended: there is nothing better"
                                             : "a search that did not end: nothing that it left can be better";
  }
  outcome->gap = sharding_gap_over(outcome->value_s, bounds->best_s);
}

/* Searches plan for the samples that they have, so one without a limit would never get down to detail. */
static void search_by_time(struct sharding_request *request, const struct sharding_job *job, struct watch *watch,
                           struct sharding_result *best) {
  uint64_t n_used = 0;
  for (unsigned epoch = 0; epoch < MAX_EPOCHS; epoch++) {
    struct sharding_result result = {.value_s = INFINITY};
    request->samples = first_samples << epoch;
    job->algorithm->run(request, &result);
    n_used += result.samples;
    if (epoch == 0 || result.value_s < best->value_s || result.proven) *best = result;
    best->samples = n_used;
    if (job->algorithm->one_shot || result.proven || watch_agree(watch)) return;
  }
}

void sharding_search(const struct invocation *invocation, const struct sharding_job *job,
                     struct sharding_outcome *outcome) {
  const struct sharding_problem *const problem = job->problem;
  struct watch watch;
  watch_begin(&watch, invocation->cluster, job->time_s, "time");
  struct sharding_request request = {.problem = problem,
                                     .bounds = job->bounds,
                                     .settings = job->settings,
                                     .seed = job->seed,
                                     .samples = job->samples,
                                     .interrupted = watch_interrupted,
                                     .context = &watch,
                                     .arena = invocation->arena,
                                     .scratch = invocation->scratch};
  struct sharding_result result = {.value_s = INFINITY};
  *outcome = (struct sharding_outcome){0};
  if (job->samples == 0) {
    search_by_time(&request, job, &watch, &result);
  } else {
    job->algorithm->run(&request, &result);
  }
  outcome->wall_s = watch_wall_s(&watch);
  outcome->cpu_s = watch_processor_s(&watch);
  outcome->samples = result.samples;
  outcome->stopped = watch.stopped;
  outcome->found = result.found && isfinite(result.value_s);
  outcome->proven_optimal = result.proven; /* that there is none, too */
  if (!result.proven) sharding_bounds_split(problem, invocation->scratch, job->bounds);
  if (!outcome->found) return;
  outcome->answer = result.answer;
  outcome->schedule = sharding_schedule_new(problem, invocation->arena);
  outcome->value_s = sharding_evaluate(problem, &outcome->answer, invocation->scratch, &outcome->schedule);
  REQUIRE(isfinite(outcome->value_s));
  require_valid(invocation, problem, outcome);
  outcome->bound_s = result.bound_s;
  outcome->gap = sharding_gap_over(outcome->value_s, job->bounds->best_s);
  outcome->proven_optimal = result.proven || outcome->gap <= tolerance;
}

/* See partition_run.h. */
#include "dse/partition/partition_run.h"

#include "dse/run/watch.h"
#include <math.h>
#include <string.h>

static const double tolerance = 1e-9; /* relative: of the checker, of a closed gap */
static const uint64_t first_samples = 5000;
enum { MAX_EPOCHS = 40 };

/* --- tasks on the ranks --- */

/* Results travel as words: how many there are, then number and bytes of each. */
struct sharing {
  void (*task)(void *argument, size_t i, void *result);
  void *argument;
  char *results;
  size_t n_tasks, result_bytes, result_words;
  bool *done;
  uint64_t *words;
};
static void clear(void *context) {
  struct sharing *const sharing = context;
  memset(sharing->done, 0, sharing->n_tasks * sizeof *sharing->done);
}
static void fold(void *context, uint64_t first, uint64_t end) {
  struct sharing *const sharing = context;
  for (uint64_t i = first; i < end; i++) {
    sharing->task(sharing->argument, (size_t)i, sharing->results + i * sharing->result_bytes);
    sharing->done[i] = true;
  }
}
static const uint64_t *pack(void *context, size_t *n_words) {
  struct sharing *const sharing = context;
  size_t n = 1;
  sharing->words[0] = 0;
  for (size_t i = 0; i < sharing->n_tasks; i++) {
    if (!sharing->done[i]) continue;
    sharing->words[0]++;
    sharing->words[n] = i;
    sharing->words[n + sharing->result_words] = 0; /* the last word may be filled in part */
    memcpy(&sharing->words[n + 1], sharing->results + i * sharing->result_bytes, sharing->result_bytes);
    n += 1 + sharing->result_words;
  }
  *n_words = n;
  return sharing->words;
}
static void merge(void *context, const uint64_t *words, size_t n_words) {
  struct sharing *const sharing = context;
  const size_t row = 1 + sharing->result_words;
  REQUIRE(n_words == 1 + words[0] * row);
  for (size_t k = 0; k < words[0]; k++) {
    const uint64_t *const at = words + 1 + k * row;
    REQUIRE(at[0] < sharing->n_tasks);
    memcpy(sharing->results + at[0] * sharing->result_bytes, at + 1, sharing->result_bytes);
    sharing->done[at[0]] = true;
  }
}

void partition_run_on_ranks(void *context, size_t n_tasks, size_t result_bytes,
                            void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  struct partition_ranks *const ranks = context;
  if (cluster_size(ranks->cluster) == 1 || n_tasks <= 1 || result_bytes == 0) {
    for (size_t i = 0; i < n_tasks; i++) task(argument, i, (char *)results + i * result_bytes);
    return;
  }
  const struct arena_mark mark = arena_get_mark(ranks->arena);
  const size_t words = (result_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
  struct sharing sharing = {.task = task,
                            .argument = argument,
                            .results = results,
                            .n_tasks = n_tasks,
                            .result_bytes = result_bytes,
                            .result_words = words,
                            .done = ARENA_NEW(ranks->arena, bool, n_tasks),
                            .words = ARENA_NEW(ranks->arena, uint64_t, 1 + n_tasks * (1 + words))};
  const struct cluster_blocks blocks = {
      .n = n_tasks, .block = 1, .clear = clear, .fold = fold, .pack = pack, .merge = merge, .context = &sharing};
  if (cluster_fold(ranks->cluster, &blocks, ranks->error) != CLUSTER_DONE) BUG("shared tasks failed");
  arena_rewind(ranks->arena, mark);
}

/* Between rounds the ranks agree whether to stop. */
struct shared_pool {
  struct partition_ranks ranks;
  struct watch *watch;
};
static void run_round(void *context, size_t n_tasks, size_t result_bytes,
                      void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  struct shared_pool *const pool = context;
  partition_run_on_ranks(&pool->ranks, n_tasks, result_bytes, task, argument, results);
  watch_agree(pool->watch);
}

/* --- a search --- */

/* Searches plan for the samples that they have, so one without a limit would never get down to detail. */
static bool search_by_time(struct partition_request *request, const struct partition_job *job, struct watch *watch,
                           struct partition_result *best, struct error *error) {
  uint64_t n_used = 0;
  for (unsigned epoch = 0; epoch < MAX_EPOCHS; epoch++) {
    struct partition_result result = {.value = INFINITY};
    request->samples = first_samples << epoch;
    if (!job->algorithm->run(request, &result, error)) return false;
    n_used += result.samples;
    const double bound = fmax(epoch > 0 ? best->bound : 0, result.bound);
    if (epoch == 0 || result.value < best->value || result.proven) *best = result;
    best->samples = n_used;
    best->bound = bound;
    const bool stopped = watch_agree(watch);
    if (job->algorithm->one_shot || result.proven || stopped) break;
  }
  return true;
}

static void require_valid(const struct partition_job *job, const struct partition_outcome *outcome,
                          struct arena *scratch) {
  const struct partition_problem *const problem = job->graph->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct partition_claim claim = {outcome->node_chip, problem->n_nodes, outcome->value};
  const char *reason;
  double value;
  if (!partition_check(problem, &claim, scratch, &value, &reason)) BUG("the checker says: %s", reason);
  if (!(fabs(value - outcome->value) <= tolerance * value))
    BUG("the checker says %.17g, the search %.17g", value, outcome->value);
  if (job->bounds->best > outcome->value * (1 + tolerance))
    BUG("%.17g is below the bound %.17g", outcome->value, job->bounds->best);
  arena_rewind(scratch, mark);
}

static void take_answer(const struct invocation *invocation, const struct partition_job *job,
                        const struct partition_result *result, struct partition_outcome *outcome) {
  const struct partition_graph *const graph = job->graph;
  const size_t n_nodes = graph->problem->n_nodes;
  struct partition_work *const work = partition_work_new(graph, invocation->arena);
  outcome->chip = result->chip;
  outcome->node_chip = ARENA_NEW(invocation->arena, uint32_t, n_nodes);
  outcome->load_ms = ARENA_NEW(invocation->arena, double, graph->problem->n_chips);
  partition_to_nodes(graph, outcome->chip, outcome->node_chip);
  outcome->value = partition_period(graph, outcome->chip, work, outcome->load_ms);
  for (size_t g = 0; g < graph->n; g++) {
    if (outcome->chip[g] > outcome->n_used) outcome->n_used = outcome->chip[g];
  }
  require_valid(job, outcome, invocation->scratch);
  outcome->gap = partition_gap(outcome->value, job->bounds->best);
  outcome->proven_optimal = result->proven || outcome->gap <= tolerance;
}

bool partition_search(const struct invocation *invocation, const struct partition_job *job,
                      struct partition_outcome *outcome, struct error *error) {
  struct watch watch;
  watch_begin(&watch, invocation->cluster, job->time_s, "time");
  struct arena sharing;
  arena_init(&sharing, 1 << 20);
  struct shared_pool shared = {{invocation->cluster, &sharing, error}, &watch};
  const struct partition_pool pool = {run_round, &shared};
  struct partition_request request = {.graph = job->graph,
                                      .bounds = job->bounds,
                                      .settings = job->settings,
                                      .seed = job->seed,
                                      .samples = job->samples,
                                      .interrupted = watch_interrupted,
                                      .context = &watch,
                                      .pool = &pool,
                                      .data_folder = invocation->data_folder,
                                      .sampled = job->sampled,
                                      .sampled_context = job->sampled_context,
                                      .arena = invocation->arena,
                                      .scratch = invocation->scratch};
  struct partition_result result = {.value = INFINITY};
  *outcome = (struct partition_outcome){.value = INFINITY};
  const bool fine = job->samples == 0 ? search_by_time(&request, job, &watch, &result, error)
                                      : job->algorithm->run(&request, &result, error);
  arena_release(&sharing);
  if (!fine) return false;
  outcome->wall_s = watch_wall_s(&watch);
  outcome->cpu_s = watch_processor_s(&watch);
  outcome->samples = result.samples;
  outcome->stopped = watch.stopped;
  outcome->found = result.found;
  outcome->bound = result.bound;
  outcome->proven_optimal = result.proven;
  if (result.found) take_answer(invocation, job, &result, outcome);
  return true;
}

void partition_take_proof(struct partition_outcome *outcome, struct partition_bounds *bounds) {
  if (!outcome->found) return;
  if (outcome->proven_optimal) {
    partition_bounds_take(bounds, PARTITION_BOUND_EXACT, outcome->value);
    bounds->reason = "a search that ended: there is nothing better";
    outcome->gap = 0;
  } else if (outcome->bound > bounds->best) {
    partition_bounds_take(bounds, PARTITION_BOUND_EXACT, outcome->bound);
    bounds->reason = "a search that did not end: nothing that it left can be better";
    outcome->gap = partition_gap(outcome->value, bounds->best);
  }
}

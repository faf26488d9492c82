/* See tenancy_arrivals.h. The clairvoyant knows all arrivals before: bounds on what it could do at best are compared
 * with. */
#include "dse/tenancy/tenancy_arrivals.h"

#include "base/clock.h"
#include "base/file.h"
#include "dse/map/map.h"
#include "dse/output/tables.h"
#include "dse/tenancy/tenancy_page.h"
#include "search/tenancy/genome.h"
#include "search/tenancy/tenancy_online.h"
#include <math.h>

struct arrivals {
  const struct invocation *invocation;
  struct tenancy_trace trace;
  struct tenancy_online online;
  struct tenancy_bounds bounds; /* of all jobs, known before */
  double least_mean, least_p99; /* latency of the clairvoyant, at least */
  double p50, p95, p99, mean;
  double cpu_s;
};

/* No arrival is served sooner than on an empty platform; if each is one job, the mean end has a bound of its own. */
static bool bound_latencies(struct arrivals *arrivals, const struct tenancy_goal *goal, struct error *error) {
  const struct tenancy_trace *trace = &arrivals->trace;
  struct arena *arena = arrivals->invocation->arena;
  struct tenancy_goal_bounds bounds;
  if (!tenancy_objective_bounds(goal, &arrivals->bounds, arena, &bounds, error)) return false;
  double *end = ARENA_NEW(arena, double, trace->jobs.n_jobs), *least = ARENA_NEW(arena, double, trace->n_arrivals);
  const double n = (double)trace->n_arrivals;
  double begin = 0;
  tenancy_earliest_ends(&trace->jobs, arena, end);
  for (size_t a = 0; a < trace->n_arrivals; a++) {
    double latest = 0;
    for (size_t j = trace->first_job[a]; j < trace->first_job[a + 1]; j++) latest = fmax(latest, end[j]);
    least[a] = latest - (double)trace->arrival_cycles[a];
    arrivals->least_mean += least[a] / n;
    begin += (double)trace->arrival_cycles[a] / n;
  }
  if (trace->jobs.n_jobs == trace->n_arrivals) {
    arrivals->least_mean = fmax(arrivals->least_mean, bounds.value[TENANCY_MEAN_FINISH] - begin);
  }
  uint32_t *order = ARENA_NEW(arena, uint32_t, trace->n_arrivals);
  genome_rank_reals(least, trace->n_arrivals, order);
  arrivals->least_p99 = least[order[(99 * trace->n_arrivals + 99) / 100 - 1]];
  return true;
}

static bool run_arrivals(struct arrivals *arrivals, const struct tenancy_problem *instance,
                         const struct tenancy_keys *keys, uint64_t seed, const char *path, struct error *error) {
  struct arena *arena = arrivals->invocation->arena;
  struct tenancy_trace *trace = &arrivals->trace;
  struct tenancy_online *online = &arrivals->online;
  struct tenancy_goal *goal;
  struct tenancy_online_settings settings = {.goal = keys->goal,
                                             .remap_every_cycles = keys->remap_every_cycles,
                                             .remap_samples = keys->remap_samples,
                                             .seed = seed};
  settings.goal.alone_samples = 0;
  if (!tenancy_trace_read(instance, path, arena, trace, error) ||
      !tenancy_goal_open(&trace->jobs, &settings.goal, seed, arena, &goal, error) ||
      !tenancy_makespan_bounds(&trace->jobs, &tenancy_bounds_quick, arena, &arrivals->bounds, error) ||
      !bound_latencies(arrivals, goal, error)) {
    return false;
  }
  const double began = clock_processor_s();
  if (!tenancy_run_online(trace, &settings, arena, online, error)) return false;
  arrivals->cpu_s = clock_processor_s() - began;
  arrivals->p50 = tenancy_latency_percentile(trace, online, 50, arena);
  arrivals->p95 = tenancy_latency_percentile(trace, online, 95, arena);
  arrivals->p99 = tenancy_latency_percentile(trace, online, 99, arena);
  for (size_t a = 0; a < trace->n_arrivals; a++) {
    arrivals->mean += online->latency_cycles[a] / (double)trace->n_arrivals;
  }
  return true;
}

/* --- shown ----------------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"arrivals", "", "", "rows of the trace"},
    {"jobs", "", "", "that they bring"},
    {"p50_latency_cycles", "cycles", "min", "from an arrival to the end of its last job, median"},
    {"p95_latency_cycles", "cycles", "min", "95 % are below"},
    {"p99_latency_cycles", "cycles", "min", "99 % are below"},
    {"mean_latency_cycles", "cycles", "min", "mean"},
    {"missed", "", "min", "arrivals that end behind their deadlines"},
    {"makespan_cycles", "cycles", "min", "when the last job ends"},
    {"remaps", "", "", "times that waiting jobs were mapped anew"},
    {"samples_per_remap", "", "min", "mean"},
    {"cpu_s_per_remap", "s", "min", "mean; not the same in another run"},
    {"makespan_bound", "cycles", "max", "no mapping is below, even if all arrivals are known before"},
    {"makespan_ratio", "", "min", "makespan over that"},
    {"mean_latency_bound", "cycles", "max", "likewise of the mean latency"},
    {"mean_latency_ratio", "", "min", "mean latency over that"},
    {"p99_latency_bound", "cycles", "max", "likewise of the 99th percentile"},
    {"p99_latency_ratio", "", "min", "99th percentile over that"},
};

static struct table *make_table(const struct arrivals *arrivals) {
  const struct tenancy_online *online = &arrivals->online;
  struct table *table = table_new(arrivals->invocation->arena, "arrivals", columns, sizeof columns / sizeof *columns);
  const double n_remaps = (double)online->n_remaps;
  table_text(table, arrivals->trace.jobs.name);
  table_u64(table, arrivals->trace.n_arrivals);
  table_u64(table, arrivals->trace.jobs.n_jobs);
  table_double(table, arrivals->p50);
  table_double(table, arrivals->p95);
  table_double(table, arrivals->p99);
  table_double(table, arrivals->mean);
  table_u64(table, online->n_missed);
  table_double(table, online->makespan_cycles);
  table_u64(table, online->n_remaps);
  table_double(table, (double)online->n_samples / n_remaps);
  table_double(table, arrivals->cpu_s / n_remaps);
  table_double(table, arrivals->bounds.best_cycles);
  table_double(table, online->makespan_cycles / arrivals->bounds.best_cycles);
  table_double(table, arrivals->least_mean);
  table_double(table, arrivals->mean / arrivals->least_mean);
  table_double(table, arrivals->least_p99);
  table_double(table, arrivals->p99 / arrivals->least_p99);
  return table;
}

static const struct table_column job_columns[] = {
    {"arrival", "", "", "row of the trace, by time of arrival, from 0"},
    {"job", "", "", "from 0"},
    {"tenant", "", "", "whose"},
    {"core", "", "", "that it ran on"},
    {"arrival_cycles", "cycles", "", "when it came"},
    {"start_cycles", "cycles", "", "when it began"},
    {"end_cycles", "cycles", "", "when it ended"},
};

static bool publish_jobs(const struct arrivals *arrivals, const char *path, struct error *error) {
  const struct tenancy_trace *trace = &arrivals->trace;
  struct table *table =
      table_new(arrivals->invocation->arena, "jobs", job_columns, sizeof job_columns / sizeof *job_columns);
  for (size_t a = 0; a < trace->n_arrivals; a++) {
    for (size_t j = trace->first_job[a]; j < trace->first_job[a + 1]; j++) {
      table_u64(table, a);
      table_u64(table, j);
      table_text(table, trace->jobs.tenants[trace->jobs.tenant[j]]);
      table_u64(table, arrivals->online.answer.core[j]);
      table_u64(table, trace->arrival_cycles[a]);
      table_double(table, arrivals->online.start_cycles[j]);
      table_double(table, arrivals->online.end_cycles[j]);
    }
  }
  size_t n;
  const char *bytes = table_bytes(table, &n);
  return file_publish(path, bytes, n, error);
}

static bool publish(struct arrivals *arrivals, struct error *error) {
  const struct invocation *invocation = arrivals->invocation;
  if (cluster_rank(invocation->cluster) != 0) return true;
  const char *out = invocation_value(invocation, "out"), *page = invocation_value(invocation, "report"),
             *trace = invocation_value(invocation, "trace");
  const struct tenancy_online *online = &arrivals->online;
  const struct tenancy_problem *jobs = &arrivals->trace.jobs;
  struct tenancy_result result = {.answer = online->answer,
                                  .queues = tenancy_queues_new(jobs, invocation->arena),
                                  .value = online->makespan_cycles,
                                  .gap = tenancy_gap(online->makespan_cycles, arrivals->bounds.best_cycles),
                                  .samples = online->n_samples};
  double busy = 0, bytes = 0;
  for (size_t j = 0; j < jobs->n_jobs; j++) {
    const size_t at = tenancy_at(jobs, j, online->answer.core[j]);
    busy += online->end_cycles[j] - online->start_cycles[j];
    bytes += (double)jobs->latency_cycles[at] * jobs->bytes_per_cycle[at];
  }
  tenancy_queue_up(jobs, &online->answer, &result.queues);
  result.verdict = (struct tenancy_verdict){
      .makespan_cycles = online->makespan_cycles,
      .core_util = busy / (online->makespan_cycles * (double)jobs->n_cores),
      .bw_util = bytes / (online->makespan_cycles * jobs->bandwidth_bytes_per_cycle),
      .finish_cycles = online->finish_cycles,
      .start_of = online->start_cycles,
      .end_of = online->end_cycles,
  };
  const struct tenancy_shown shown = {
      jobs, &arrivals->bounds, &result,
      arena_printf(invocation->arena, "re-mapping at %llu times", (unsigned long long)online->n_remaps), NULL};
  return (out == NULL || publish_jobs(arrivals, out, error)) &&
         (trace == NULL || tenancy_publish_trace(&shown, trace, invocation->arena, error)) &&
         (page == NULL || tenancy_publish_page(&shown, page, invocation->arena, error));
}

enum status tenancy_print_arrivals(const struct invocation *invocation, const struct tenancy_problem *instance,
                                   const struct tenancy_keys *keys, uint64_t seed, const char *path,
                                   struct error *error) {
  struct arrivals *arrivals = ARENA_NEW(invocation->arena, struct arrivals, 1);
  arrivals->invocation = invocation;
  const bool fine = run_arrivals(arrivals, instance, keys, seed, path, error) && publish(arrivals, error);
  if (!cluster_agree(invocation->cluster, error) || !fine) return error->status;
  struct table *table = make_table(arrivals);
  if (invocation->json) {
    tables_print_json(table, 1, invocation->arena, error);
  } else {
    map_print_table(invocation, table);
  }
  remark(invocation, "%s: %zu arrivals: latency p50 %.10g, p95 %.10g, p99 %.10g cycles, %zu deadlines missed\n",
         instance->name, arrivals->trace.n_arrivals, arrivals->p50, arrivals->p95, arrivals->p99,
         arrivals->online.n_missed);
  remark(invocation, "mean latency %.4g times, makespan %.4g times what no clairvoyant mapping can beat\n",
         arrivals->mean / arrivals->least_mean, arrivals->online.makespan_cycles / arrivals->bounds.best_cycles);
  return STATUS_OK;
}

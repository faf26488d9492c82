/* See placement_pareto.h. */
#include "dse/placement/placement_pareto.h"

#include "base/text.h"
#include "dse/map/map.h"
#include "dse/output/tables.h"
#include "search/placement/placement_front.h"
#include "search/placement/placement_read.h"
#include <math.h>
#include <string.h>

enum { MAX_SLACKS = 1000 };

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"point", "", "", "by latency, from 1"},
    {"slack", "", "", "latency allowed over the shortest, less 1; empty: any"},
    {"makespan_s", "s", "min", "latency of one input"},
    {"energy_j", "J", "min", "of one input"},
    {"period_s", "s", "min", "between inputs of a stream"},
    {"communication", "", "min", "share of transfers in what devices spend on layers"},
    {"samples", "", "min", "placements evaluated, of the whole front"},
    {"seed", "", "", "of all streams"},
};

/* Numbers from 0 with commas between, ascending. */
static bool read_slacks(const struct invocation *invocation, const double **slacks, size_t *n, struct error *error) {
  const char *const text = invocation_value(invocation, "slacks");
  *slacks = NULL, *n = 0;
  if (text == NULL) return true;
  double *const read = ARENA_NEW(invocation->arena, double, MAX_SLACKS);
  char *const words = arena_copy_text(invocation->arena, text), *rest = NULL;
  for (char *word = strtok_r(words, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
    const bool fine =
        *n < MAX_SLACKS && text_to_double(word, &read[*n]) && read[*n] >= 0 && (*n == 0 || read[*n] > read[*n - 1]);
    if (!fine) return error_add(error, STATUS_INPUT, "--slacks %s: numbers from 0, ascending, are allowed", text);
    ++*n;
  }
  *slacks = read;
  return *n > 0 || error_add(error, STATUS_INPUT, "--slacks: no number");
}

/* FILE-3.csv of FILE.csv. */
static const char *path_of(const char *out, size_t point, struct arena *arena) {
  const size_t n = strlen(out);
  const bool csv = n > 4 && strcmp(out + n - 4, ".csv") == 0;
  return arena_printf(arena, "%.*s-%zu.csv", (int)(csv ? n - 4 : n), out, point);
}

enum status placement_print_front(const struct invocation *invocation, const struct placement_job *job,
                                  struct error *error) {
  const struct placement_problem *const problem = job->problem;
  const char *const out = invocation_value(invocation, "out");
  const struct placement_request request = {.problem = problem,
                                            .settings = job->settings,
                                            .seed = job->seed,
                                            .samples = job->samples,
                                            .held = job->held,
                                            .arena = invocation->arena,
                                            .scratch = invocation->scratch};
  const double *slacks;
  size_t n_slacks;
  struct placement_front front;
  if (!read_slacks(invocation, &slacks, &n_slacks, error)) return error->status;
  if (!placement_find_front(&request, slacks, n_slacks, &front)) {
    error_add(error, STATUS_INFEASIBLE, "%s: no placement was found", problem->name);
    return STATUS_INFEASIBLE;
  }
  struct table *const table = table_new(invocation->arena, "front", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < front.n_points; i++) {
    const struct placement_front_point *const point = &front.points[i];
    struct placement_schedule schedule = placement_schedule_new(problem, invocation->arena);
    REQUIRE(isfinite(placement_evaluate(problem, &point->answer, invocation->scratch, &schedule)));
    placement_require_valid(invocation, problem, &point->answer, &schedule);
    if (out != NULL && cluster_rank(invocation->cluster) == 0)
      placement_write_answer(problem, &point->answer, &schedule, path_of(out, i + 1, invocation->arena),
                             invocation->arena, error);
    table_text(table, problem->name);
    table_u64(table, i + 1);
    table_double(table, point->slack);
    table_double(table, schedule.makespan_s);
    table_double(table, schedule.energy_j);
    table_double(table, schedule.period_s);
    table_double(table, placement_share(schedule.communication_s, schedule.compute_s));
    table_u64(table, front.samples);
    table_u64(table, job->seed);
  }
  if (!cluster_agree(invocation->cluster, error)) return error->status;
  if (invocation->json) {
    tables_print_json(table, 1, invocation->arena, error);
  } else {
    map_print_table(invocation, table);
  }
  remark(invocation, "%s: %zu placements of which none beats another, %.6g s and %.6g J to %.6g s and %.6g J\n",
         problem->name, front.n_points, front.points[0].makespan_s, front.points[0].energy_j,
         front.points[front.n_points - 1].makespan_s, front.points[front.n_points - 1].energy_j);
  return STATUS_OK;
}

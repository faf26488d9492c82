/* dse map systems: designs to the stages of a pipeline. See search/systems/systems.h. */
#include "dse/map/map.h"

#include "results/writer.h"
#include "search/systems/systems_table.h"
#include <math.h>

enum { DEFAULT_NODES = 2000000 };

static struct table *new_table(const struct systems_table *table, struct arena *arena) {
  struct table_column *const columns = ARENA_NEW(arena, struct table_column, 2 + SYSTEMS_MAX_COSTS);
  columns[0] = (struct table_column){"load", "", "min", "largest of the stages"};
  for (size_t c = 0; c < table->problem.n_costs; c++) {
    columns[1 + c] = (struct table_column){table->costs[c], "", "min", "sum over the stages"};
  }
  columns[1 + table->problem.n_costs] = (struct table_column){"designs", "", "", "of the stages, first to last"};
  return table_new(arena, "systems", columns, 2 + table->problem.n_costs);
}

static void print_csv(const struct invocation *invocation, const struct systems_table *table, const uint32_t *original,
                      const struct systems_front *front) {
  struct table *out = new_table(table, invocation->arena);
  struct writer designs;
  writer_init(&designs, invocation->arena);
  for (size_t i = 0; i < front->n; i++) {
    const struct systems_choice *choice = &front->choices[i];
    designs.length = 0;
    for (size_t s = 0; s < table->problem.n_stages; s++) {
      if (s > 0) writer_raw(&designs, " ");
      writer_raw(&designs, table->designs[original[choice->design[s]]]);
    }
    table_double(out, choice->load);
    for (size_t c = 0; c < table->problem.n_costs; c++) table_double(out, choice->cost[c]);
    table_text(out, designs.text);
  }
  map_print_table(invocation, out);
}

static json_t *json_choice(const struct systems_table *table, const uint32_t *original,
                           const struct systems_choice *choice) {
  json_t *costs = json_object(), *designs = json_array();
  for (size_t c = 0; c < table->problem.n_costs; c++) {
    json_object_set_new(costs, table->costs[c], json_real(choice->cost[c]));
  }
  for (size_t s = 0; s < table->problem.n_stages; s++) {
    json_array_append_new(designs, json_string(table->designs[original[choice->design[s]]]));
  }
  return json_pack("{sf so so}", "load", choice->load, "costs", costs, "designs", designs);
}

static void print_json(const struct invocation *invocation, const struct systems_table *table, const uint32_t *original,
                       const struct systems_front *front, bool proven) {
  const double bound = systems_lower_bound(&table->problem);
  json_t *choices = json_array();
  for (size_t i = 0; i < front->n; i++)
    json_array_append_new(choices, json_choice(table, original, &front->choices[i]));
  json_t *object = json_pack("{sI sI sb so so}", "stages", (json_int_t)table->problem.n_stages, "designs",
                             (json_int_t)table->problem.n_designs, "proven", proven, "lower_bound",
                             map_real_or_null(bound), "front", choices);
  if (front->n > 0) json_object_set_new(object, "gap", json_real(systems_gap(front->choices[0].load, bound)));
  map_print_json(invocation, object);
}

static void say_summary(const struct invocation *invocation, const struct systems_problem *problem,
                        const struct systems_front *front, bool proven) {
  const double bound = systems_lower_bound(problem);
  struct systems_choice alone;
  remark(invocation, "front of %zu systems, %s; least load %.6g, no system is below %.6g (gap %.2f %%)\n", front->n,
         proven ? "proven" : "not proven", front->choices[0].load, bound,
         100 * systems_gap(front->choices[0].load, bound));
  if (!systems_homogeneous(problem, invocation->arena, &alone)) {
    remark(invocation, "no design alone is within the limits on every stage\n");
    return;
  }
  remark(invocation, "one design for all stages: least load %.6g, %.2f %% more\n", alone.load,
         100 * systems_gap(alone.load, front->choices[0].load));
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct csv csv;
  struct systems_table table;
  struct systems_restriction restriction;
  struct systems_front front;
  uint64_t max_designs, max_nodes, k;
  bool proven;
  if (!csv_read(invocation->words[1], SYSTEMS_TABLE_MAX_ROWS, invocation->arena, &csv, error) ||
      !systems_table_read(&csv, invocation->arena, &table, error) ||
      !invocation_u64(invocation, "max-designs", 0, &max_designs, error) ||
      !invocation_u64(invocation, "top-k", table.problem.n_designs, &k, error) ||
      !invocation_u64(invocation, "max-nodes", DEFAULT_NODES, &max_nodes, error)) {
    return error->status;
  }
  table.problem.max_designs = max_designs;
  systems_restrict(&table.problem, k, NULL, 0, invocation->arena, &restriction);
  if (!systems_solve(&restriction.problem, max_nodes, invocation->arena, invocation->scratch, &front, &proven, error)) {
    return error->status;
  }
  for (size_t i = 0; i < front.n; i++) {
    if (!systems_check(&restriction.problem, &front.choices[i], error)) BUG("a system that is none: %s", error->text);
  }
  if (invocation->json) print_json(invocation, &table, restriction.original, &front, proven);
  if (front.n == 0) {
    error_add(error, STATUS_INFEASIBLE, "no system %s within the limits", proven ? "is" : "was found");
    return STATUS_INFEASIBLE;
  }
  if (!invocation->json) print_csv(invocation, &table, restriction.original, &front);
  say_summary(invocation, &restriction.problem, &front, proven);
  return STATUS_OK;
}

static const char *const options[] = {"max-designs", "top-k", "max-nodes", NULL};
const struct map_problem map_problem_systems = {
    .name = "systems",
    .doc = "designs to the stages of a pipeline: the front of load and cost",
    .options = options,
    .run = run,
};

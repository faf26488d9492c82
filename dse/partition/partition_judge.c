/* dse judge partition: what are somebody's partitions worth? See partition_judge.h. */
#include "dse/partition/partition_judge.h"

#include "dse/map/map.h"
#include "search/partition/partition_read.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

bool partition_open(struct invocation *invocation, struct partition_problem *problem, struct error *error) {
  const char **const sets = ARENA_NEW(invocation->arena, const char *, invocation->n_sets + 1);
  size_t n = 0;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    if (strchr(invocation->sets[i].path, '.') == NULL)
      sets[n++] = arena_printf(invocation->arena, "%s=%s", invocation->sets[i].path, invocation->sets[i].value);
  }
  return partition_read(invocation->words[1], sets, n, invocation->arena, problem, error);
}

void partition_warn(const struct invocation *invocation, const struct partition_graph *graph) {
  const struct partition_problem *const problem = graph->problem;
  if (graph->blocker == PARTITION_NONE || problem->triangle == PARTITION_ANY) return;
  const uint32_t node = graph->member.at[graph->member.start[graph->blocker]];
  remark(invocation,
         "%s: more than half of all work lies between node %" PRIu32 " (%s) and what it is connected with, so that the "
         "rule %s leaves little to choose; \"clone\": true, or its long edges in drop_edges, would free it\n",
         problem->name, node, problem->node_names[node], partition_triangle_name(problem->triangle));
}

static const struct table_column columns[] = {
    {"line", "", "", "of the answer in its file"},
    {"valid", "", "", "yes or no"},
    {"value", "ms", "min", "period, ms a sample"},
    {"unit", "", "", "ms"},
    {"reason", "", "", "the first violation and where, or a remark on the claim"},
};

static json_t *json_of(const struct partition_row *row, bool valid, double value, const char *reason) {
  return json_pack("{sI sb so ss so}", "line", (json_int_t)row->line, "valid", valid, "value",
                   valid ? json_real(value) : json_null(), "unit", "ms", "reason",
                   reason[0] != '\0' ? json_string(reason) : json_null());
}

enum status partition_judge(struct invocation *invocation, struct error *error) {
  struct partition_problem problem;
  struct partition_row *rows;
  size_t n_rows = 0, n_bad = 0;
  const char *first_reason = "";
  if (!partition_open(invocation, &problem, error) ||
      !partition_read_answers(&problem, invocation->words[2], invocation->arena, &rows, &n_rows, error))
    return error->status;
  struct table *const table = table_new(invocation->arena, "judge", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < n_rows; i++) {
    const struct arena_mark mark = arena_get_mark(invocation->scratch);
    const char *reason;
    double value;
    const bool valid = partition_check(&rows[i].problem, &rows[i].claim, invocation->scratch, &value, &reason);
    if (!valid && n_bad++ == 0) first_reason = arena_printf(invocation->arena, "line %zu: %s", rows[i].line, reason);
    if (invocation->json) {
      map_print_json(invocation, json_of(&rows[i], valid, value, reason));
    } else {
      table_u64(table, rows[i].line);
      table_text(table, valid ? "yes" : "no");
      table_double(table, value);
      table_text(table, "ms");
      table_text(table, arena_copy_text(invocation->arena, reason));
    }
    arena_rewind(invocation->scratch, mark);
  }
  if (!invocation->json) map_print_table(invocation, table);
  if (n_bad == 0) return STATUS_OK;
  error_add(error, STATUS_INFEASIBLE, "%s: %zu of %zu answers are not valid; %s", invocation->words[2], n_bad, n_rows,
            first_reason);
  return STATUS_INFEASIBLE;
}

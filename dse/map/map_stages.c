/* dse map stages: layers to the stages of a pipeline. See search/stages/stages.h. */
#include "dse/map/map.h"

#include "base/checked.h"
#include "results/writer.h"
#include "search/stages/stages_table.h"

enum { MOST_BEST = 1000 };

static const struct table_column columns[] = {
    {"partition", "", "", "best first, from 1"},
    {"bottleneck", "", "min", "largest load of its stages"},
    {"stage", "", "", "from 0"},
    {"load", "", "min", "of the stage, boundaries included"},
    {"memory_bytes", "bytes", "min", "of the stage"},
    {"n_layers", "", "", "on the stage"},
    {"layers", "", "", "their names"},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

struct stage_sum {
  double load;
  uint64_t fixed_bytes, kept_bytes, n_layers;
};

static void add_up(const struct stages_table *table, const uint32_t *stage_of, size_t s, struct writer *layers,
                   struct stage_sum *sum) {
  const struct stages_problem *problem = &table->problem;
  double before = 0, behind = 0;
  *sum = (struct stage_sum){0};
  layers->length = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (stage_of[i] != s) continue;
    if (problem->cut != NULL && sum->n_layers == 0 && i > 0) before = problem->cut[i - 1];
    behind = problem->cut != NULL && i + 1 < problem->n_layers ? problem->cut[i] : 0;
    sum->load += problem->load[i];
    sum->fixed_bytes = sat_add(sum->fixed_bytes, problem->fixed_bytes[i]);
    sum->kept_bytes = sat_add(sum->kept_bytes, problem->kept_bytes[i]);
    if (sum->n_layers++ > 0) writer_raw(layers, " ");
    writer_raw(layers, table->layers[i]);
  }
  sum->load = sum->load + before + behind;
}

static void print_csv(const struct invocation *invocation, const struct stages_table *table,
                      const struct stages_answer *answer) {
  struct table *out = table_new(invocation->arena, "stages", columns, N_COLUMNS);
  struct writer layers;
  writer_init(&layers, invocation->arena);
  for (size_t p = 0; p < answer->n; p++) {
    for (size_t s = 0; s < table->problem.n_stages; s++) {
      struct stage_sum sum;
      add_up(table, answer->partitions[p].stage_of, s, &layers, &sum);
      table_u64(out, p + 1);
      table_double(out, answer->partitions[p].bottleneck);
      table_u64(out, s);
      table_double(out, sum.load);
      table_u64(out, sat_add(sum.fixed_bytes, sat_mul(table->problem.n_kept[s], sum.kept_bytes)));
      table_u64(out, sum.n_layers);
      table_text(out, layers.text);
    }
  }
  map_print_table(invocation, out);
}

static void print_json(const struct invocation *invocation, const struct stages_problem *problem,
                       const struct stages_answer *answer) {
  const double bound = stages_lower_bound(problem);
  json_t *partitions = json_array();
  for (size_t p = 0; p < answer->n; p++) {
    json_t *stage_of = json_array();
    for (size_t i = 0; i < problem->n_layers; i++) {
      json_array_append_new(stage_of, json_integer(answer->partitions[p].stage_of[i]));
    }
    json_array_append_new(partitions,
                          json_pack("{sf so}", "bottleneck", answer->partitions[p].bottleneck, "stage_of", stage_of));
  }
  json_t *object =
      json_pack("{sI sI sb sf so}", "layers", (json_int_t)problem->n_layers, "stages", (json_int_t)problem->n_stages,
                "exact", answer->exact, "lower_bound", bound, "partitions", partitions);
  if (answer->n > 0) {
    json_object_set_new(object, "gap", json_real(stages_gap(answer->partitions[0].bottleneck, bound)));
  } else {
    json_object_set_new(object, "tight_stage", json_integer((json_int_t)answer->tight_stage));
    json_object_set_new(object, "excess_bytes", json_integer((json_int_t)min_u64(answer->excess_bytes, INT64_MAX)));
  }
  map_print_json(invocation, object);
}

static bool read_problem(const struct invocation *invocation, const struct csv *csv, struct stages_table *table,
                         uint64_t *best, struct error *error) {
  uint64_t n_stages;
  if (!invocation_u64(invocation, "stages", 0, &n_stages, error) ||
      !stages_table_read(csv, n_stages, invocation->arena, table, error)) {
    return false;
  }
  struct stages_problem *problem = &table->problem;
  if (!invocation_u64(invocation, "memory", problem->memory_bytes, &problem->memory_bytes, error) ||
      !invocation_u64(invocation, "downsets", problem->max_downsets, &problem->max_downsets, error) ||
      !invocation_u64(invocation, "best", 1, best, error)) {
    return false;
  }
  if (*best >= 1 && *best <= MOST_BEST) return true;
  return error_add(error, STATUS_INPUT, "--best: 1 to %d are allowed", MOST_BEST);
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct csv csv;
  struct stages_table table;
  struct stages_answer answer;
  uint64_t best;
  if (!csv_read(invocation->words[1], STAGES_MAX_LAYERS + STAGES_MAX_STAGES, invocation->arena, &csv, error) ||
      !read_problem(invocation, &csv, &table, &best, error) ||
      !stages_solve(&table.problem, best, invocation->arena, invocation->scratch, &answer, error)) {
    return error->status;
  }
  for (size_t p = 0; p < answer.n; p++) {
    if (!stages_check(&table.problem, &answer.partitions[p], error)) BUG("a partition that is none: %s", error->text);
  }
  if (invocation->json) print_json(invocation, &table.problem, &answer);
  if (answer.n == 0) {
    error_add(error, STATUS_INFEASIBLE, "no partition fits in memory: stage %zu lacks at least %llu bytes%s",
              answer.tight_stage, (unsigned long long)answer.excess_bytes,
              answer.exact ? "" : " along the chain, beyond which was not looked");
    return STATUS_INFEASIBLE;
  }
  if (!invocation->json) print_csv(invocation, &table, &answer);
  const double bound = stages_lower_bound(&table.problem);
  remark(invocation, "bottleneck %.6g, %s; no partition is below %.6g (gap %.2f %%)\n", answer.partitions[0].bottleneck,
         answer.exact ? "proven" : "the best along a chain, not proven", bound,
         100 * stages_gap(answer.partitions[0].bottleneck, bound));
  return STATUS_OK;
}

static const char *const options[] = {"stages", "best", "memory", "downsets", NULL};
const struct map_problem map_problem_stages = {
    .name = "stages",
    .doc = "layers to the stages of a pipeline: least bottleneck within memory",
    .options = options,
    .run = run,
};

/* dse judge: what are somebody's answers worth? The independent checkers of the problems of dse map. See map.h. */
#include "dse/map/map.h"

static enum status run(struct invocation *invocation, struct error *error) {
  const struct map_problem *problem = map_find_problem(invocation, "judge", error);
  if (problem == NULL) return STATUS_INPUT;
  if (problem->judge == NULL) {
    error_add(error, STATUS_INPUT, "dse judge: %s: its answers come from dse map, which judges them itself",
              problem->name);
    return STATUS_INPUT;
  }
  if (invocation->n_sets > 0 && !problem->takes_sets) {
    error_add(error, STATUS_INPUT, "dse judge %s: --set means nothing here, there are no keys", problem->name);
    return STATUS_INPUT;
  }
  return problem->judge(invocation, error);
}

static const char *const examples[] = {
    "dse judge tenancy tests/data/tenancy/example tests/data/tenancy/example/answers.csv",
    "dse judge tenancy tests/data/tenancy/example tests/data/tenancy/example/answer.json --json",
    "dse judge placement tests/data/placement/pair.json tests/data/placement/pair.csv",
    "dse judge partition tests/data/partition/instances/layer_bert24-clone-bw32.json "
    "tests/data/partition/answers/layer_bert24-clone-bw32.csv",
    "dse judge sharding tests/data/sharding/t14.json tests/data/sharding/t14",
    NULL};
const struct command command_judge = {
    .name = "judge",
    .words = "PROBLEM INSTANCE ANSWER",
    .summary = "the independent checker: the value of an answer, or why it is not valid",
    .min_words = 3,
    .max_words = 3,
    .details =
        "ANSWER may hold many answers, a row each (CSV) or a list (JSON). A row of CSV an answer on stdout, with\n"
        "--json an object each: valid, value, reason. Exit status 3: some answer is not valid.\n"
        "tenancy: INSTANCE is a folder with instance.json and jobs.csv; an answer has columns core and priority,\n"
        "  a number a job with blanks between; values are equal to the published program's in every bit.\n"
        "placement: INSTANCE is a JSON file, --set key=… as for dse map; an answer has columns layer, device, "
        "position, pinned and, if they are to "
        "be\n"
        "  judged too, start_s and end_s. Every violation is named with its size.\n"
        "partition: INSTANCE is a JSON file; an answer is a row: instance,chips,cost,triangle,memory_bytes,claim_ms,\n"
        "  assignment. Cells that are not empty override the instance. The first violation is named.\n"
        "sharding: INSTANCE is a JSON file; ANSWER is a folder with sets.csv and strategies.csv, or what the names of "
        "two\n"
        "  such files begin with (ANSWER-sets.csv). --set key=… as for dse map.",
    .examples = examples,
    .run = run,
};

/* dse map: what goes where, for tables from anywhere. See map.h; this file: the command, its options, printing. */
#include "dse/map/map.h"

#include "base/text.h"
#include "dse/output/tables.h"
#include "dse/run/signals.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAP_PROBLEM(name) extern const struct map_problem map_problem_##name;
#include "dse/map/map_problems.def"
#undef MAP_PROBLEM

const struct map_problem *const map_problems[] = {
#define MAP_PROBLEM(name) &map_problem_##name,
#include "dse/map/map_problems.def"
#undef MAP_PROBLEM
};
const size_t n_map_problems = sizeof map_problems / sizeof *map_problems;

bool map_is_contest(const struct invocation *invocation) {
  const char *const name = invocation_value(invocation, "algorithm");
  return name != NULL && (strcmp(name, "all") == 0 || strchr(name, ',') != NULL);
}

bool map_read_seconds(const struct invocation *invocation, double *seconds, struct error *error) {
  const char *const text = invocation_value(invocation, "time");
  *seconds = 0;
  if (text == NULL || (text_to_double(text, seconds) && *seconds > 0 && *seconds <= 1e7)) return true;
  return error_add(error, STATUS_INPUT, "--time %s: seconds, above 0 to 1e7, are allowed", text);
}

const char *map_key_group(const char *name, struct arena *arena) {
  char *const group = arena_copy_text(arena, name);
  for (char *c = group; *c != '\0'; c++) {
    if (*c == '-') *c = '_';
  }
  return group;
}

const char *map_reasons(const struct error *why, struct arena *arena) {
  char *const text = arena_copy_text(arena, why->text);
  for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n';) text[--n] = '\0';
  for (char *c = text; *c != '\0'; c++) {
    if (*c == '\n') *c = ';';
  }
  return text;
}

void map_print_table(const struct invocation *invocation, const struct table *table) {
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  say_bytes(invocation, bytes, n);
}

void map_print_json(const struct invocation *invocation, json_t *object) {
  REQUIRE(object != NULL);
  if (cluster_rank(invocation->cluster) == 0) {
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    putchar('\n');
  }
  json_decref(object);
}

void map_print_rows(const struct invocation *invocation, const struct table *table, struct error *error) {
  if (invocation->json) {
    tables_print_json(table, 2, invocation->arena, error);
  } else {
    map_print_table(invocation, table);
  }
}

json_t *map_real_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *map_bounds_json(size_t n, const char *const *names, const double *values) {
  json_t *const object = json_object();
  for (size_t i = 0; i < n; i++) {
    json_object_set_new(object, names[i], values[i] > 0 ? json_real(values[i]) : json_null());
  }
  return object;
}

static int by_value(const void *a, const void *b) {
  const struct map_ranked *const x = a, *const y = b;
  if (x->value < y->value || x->value > y->value) return x->value < y->value ? -1 : 1;
  return strcmp(x->algorithm, y->algorithm);
}

void map_rank(struct map_ranked *ranked, size_t n) { qsort(ranked, n, sizeof *ranked, by_value); }

enum status map_end_search(const char *stopped, const char *what, struct error *error) {
  if (stopped == NULL || strcmp(stopped, "time") == 0) return STATUS_OK;
  error_add(error, STATUS_STOPPED, "stopped by %s: the best %s until then", stopped, what);
  return STATUS_STOPPED;
}

bool map_stop_contest(const struct invocation *invocation, struct error *error) {
  if (signals_agree(invocation->cluster) == NULL) return false;
  error_add(error, STATUS_STOPPED, "stopped by a signal; nothing was compared");
  return true;
}

static const struct command_option options[] = {
    {"stages", "P", "stages: how many (default: the table's rows of stages)"},
    {"best", "R", "stages: how many partitions, best first (default 1)"},
    {"memory", "BYTES", "stages: of a device, 0: no limit (default: the table's)"},
    {"downsets", "N", "stages: of a graph, beyond which it is solved along a chain (default 40000)"},
    {"max-designs", "Q", "systems: different designs in one system, 0: any number (default 0)"},
    {"top-k", "K", "systems: only the K fastest designs of each stage, all stages' together (default: all)"},
    {"algorithm", "NAME",
     "tenancy, placement, sharding, partition: of dse list algorithms (default best); all, or several with commas: a "
     "table"},
    {"samples", "N",
     "tenancy, placement, sharding, partition: answers judged or moves tried, at most (default 10000, placement "
     "400000, "
     "sharding 40000, partition 20000; with --time: no limit)"},
    {"time", "S", "tenancy, placement, sharding, partition: seconds, looked at between rounds (default: no limit)"},
    {"seed", "N", "tenancy, placement, sharding, partition: of all random streams (default 0)"},
    {"seeds", "N", "tenancy: a table over so many searches of each algorithm, from --seed on (default 5)"},
    {"out", "FILE",
     "tenancy, placement, sharding, partition: the answer, as dse judge reads it (of tenancy JSON if the name ends so, "
     "else "
     "CSV; of sharding a folder/ or the beginning of two names, -sets.csv and -strategies.csv)"},
    {"warm", "FILE", "tenancy: a population to start from, of --keep"},
    {"keep", "FILE", "tenancy: the last population, as JSON"},
    {"state", "FILE", "tenancy: where a stopped search is kept, and goes on from"},
    {"front", "A,B",
     "tenancy: mappings beaten by no other in two or three objectives (dse list map-keys: objective); "
     "placement: makespan,energy"},
    {"held", "ANSWER.csv", "placement: a former answer, whose pinned weights lie where they were (modality switching)"},
    {"arrivals", "FILE", "tenancy: a trace of what arrives when (CSV), mapped as it comes"},
    {"slacks", "E,E,...",
     "placement: of --front, how much longer than the shortest latency each point may take, ascending (default: 0, "
     "0.01, "
     "0.02, 0.05, 0.1, 0.2, 0.5, 1, any)"},
    {"lp", "FILE.lp",
     "placement, partition: the problem as a mixed-integer program (CPLEX format), for GLPK, CBC and others"},
    {"report", "FILE", "tenancy, placement, sharding, partition: one page to look at (HTML)"},
    {"trace", "FILE", "tenancy, placement, sharding, partition: the same for Perfetto (JSON)"},
    {"convergence", "FILE", "partition: what was the best after how many samples and seconds (CSV)"},
    {"max-nodes", "N", "systems: of the branch and bound, beyond which nothing is proven (default 2000000)"},
};

const struct map_problem *map_find_problem(const struct invocation *invocation, const char *command,
                                           struct error *error) {
  const char *const wanted = invocation->words[0];
  const char *names[sizeof map_problems / sizeof *map_problems], *all = "";
  for (size_t i = 0; i < n_map_problems; i++) {
    names[i] = map_problems[i]->name;
    if (strcmp(names[i], wanted) == 0) return map_problems[i];
    all = arena_printf(invocation->arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
  }
  char shown[80];
  text_escape(wanted, shown, sizeof shown);
  const char *const nearest = text_nearest(wanted, names, n_map_problems);
  error_add(error, STATUS_INPUT, "dse %s: no problem \"%s\"%s%s%s (there are %s)", command, shown,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", all);
  return NULL;
}

/* Options of another problem would have no effect: said, not ignored. */
static bool check_options(const struct invocation *invocation, const struct map_problem *problem, struct error *error) {
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    bool known = invocation_value(invocation, options[i].name) == NULL;
    for (size_t k = 0; !known && problem->options[k] != NULL; k++) {
      known = strcmp(problem->options[k], options[i].name) == 0;
    }
    if (!known) {
      error_add(error, STATUS_INPUT, "dse map %s: --%s means nothing here", problem->name, options[i].name);
    }
  }
  if (invocation->n_sets > 0 && !problem->takes_sets) {
    error_add(error, STATUS_INPUT, "dse map %s: --set means nothing here, there are no keys", problem->name);
  }
  return !error_is_set(error);
}

static enum status run(struct invocation *invocation, struct error *error) {
  const struct map_problem *problem = map_find_problem(invocation, "map", error);
  if (problem == NULL || !check_options(invocation, problem, error)) return STATUS_INPUT;
  return problem->run(invocation, error);
}

static const char *const examples[] = {"dse map stages tests/data/map/stages.csv",
                                       "dse map stages tests/data/map/graph.csv --stages 3 --best 4 --json",
                                       "dse map systems tests/data/map/systems.csv",
                                       "dse map systems tests/data/map/systems.csv --max-designs 2",
                                       "dse map tenancy tests/data/tenancy/example",
                                       "dse map placement tests/data/placement/pair.json --report placement.html",
                                       "dse map partition tests/data/partition/example/instance.json --set chips=4",
                                       "dse map sharding tests/data/sharding/t14.json --set overlap=true",
                                       NULL};
const struct command command_map = {
    .name = "map",
    .words = "stages|systems|tenancy|placement|sharding|partition INSTANCE",
    .summary = "what goes where: layers to stages, designs to stages, jobs to cores, layers to devices or to sets of "
               "boards, operators to chips, from "
               "anybody's table",
    .min_words = 2,
    .max_words = 2,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "INSTANCE is a CSV file, of tenancy a folder, of placement, sharding and partition a JSON file. CSV on stdout, "
        "bound and "
        "gap on "
        "stderr; --json prints all as one "
        "object. Exit status 3: nothing fits.\n"
        "stages: partitions of layers to the stages of a pipeline with the least largest load, within memory.\n"
        "  A row a layer: load; layer (its name), cut (load of a boundary behind it), fixed_bytes, kept_bytes (of "
        "every\n"
        "  microbatch kept), after (names of predecessors, blanks between: a graph; without: a chain).\n"
        "  With a column kind (layer, stage) also a row a stage: n_kept (microbatches), memory_bytes of its device.\n"
        "systems: which design on which stage, the front of the largest load and the first cost.\n"
        "  A row a stage and design: stage, design, load (empty: it does not fit), cost:NAME (one to four; the first\n"
        "  is minimised). A row with stage \"limit\" and no design: limits on the costs' sums.\n"
        "tenancy: instance.json (bandwidth) and jobs.csv (a row a job and core: job, accel, latency_cycles,\n"
        "  bw_bytes_per_cycle; further columns in docs/tenancy.md). Keys of --set: those of all searches (islands=4,\n"
        "  bounds=quick) and of each algorithm (magma.population=200); dse list map-keys shows them.\n"
        "placement: layers, edges, devices and costs (docs/placement.md); dse layers makes such files. --out under the "
        "rule\n"
        "  contention also writes ANSWER-transfers.csv.\n"
        "sharding: boards, designs, layers with their loops, edges (docs/sharding.md). --set key=… of any key of the "
        "JSON "
        "file,\n"
        "  or of an algorithm (ga2.population=200).",
    .examples = examples,
    .run = run,
};

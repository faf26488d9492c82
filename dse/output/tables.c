/* front.csv, topk.csv, convergence.csv, infeasible.csv: their columns and rows. See outputs.h. */
#include "dse/output/tables.h"

#include "base/csv.h"
#include "base/text.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

/* Columns that front.csv and topk.csv share, behind what is their own. */
enum { MOST_DESIGN_COLUMNS = 9 + N_OBJECTIVES + N_RUN_AXES + 3 };

/* Objectives that have a column only in runs that ask for them: as metric, on the front, or within a range. */
static bool is_extra(const struct run *run, size_t objective) {
  const struct space *space = &run->designs.space;
  if (objective <= OBJECTIVE_THROUGHPUT_PER_TDP) return false;
  bool asked =
      space->metric == objective || run->settings.minimum.of[objective] > 0 || run->settings.maximum.of[objective] > 0;
  for (size_t i = 0; i < space->n_front_objectives; i++) {
    asked = asked || space_front_objective(space, i) == objective;
  }
  return asked;
}

static size_t design_columns(const struct run *run, struct table_column *columns, struct arena *arena) {
  const struct space *space = &run->designs.space;
  size_t n = 0;
  columns[n++] = (struct table_column){"design", "", "", "name of the design, the same in every run"};
  const bool several = run->designs.set != NULL;
  const struct objective *first = &space->objectives[OBJECTIVE_THROUGHPUT],
                         *per_tdp = &space->objectives[OBJECTIVE_THROUGHPUT_PER_TDP];
  columns[n++] = (struct table_column){first->name, first->unit, "max", first->doc};
  columns[n++] = (struct table_column){"iteration_s", "s", "min",
                                       several ? "one iteration: forward, backward, update; mean over the workloads"
                                               : "one iteration: forward, backward, update"};
  columns[n++] = (struct table_column){"energy_j", "J", "min", space->objectives[OBJECTIVE_ENERGY].doc};
  columns[n++] = (struct table_column){"area_mm2", "mm2", "min", "die area"};
  columns[n++] = (struct table_column){"tdp_w", "W", "min", "thermal design power"};
  columns[n++] =
      (struct table_column){per_tdp->name, per_tdp->unit, "max", several ? per_tdp->doc : "throughput over TDP"};
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const struct objective *objective = &space->objectives[o];
    if (!is_extra(run, o)) continue;
    columns[n++] =
        (struct table_column){objective->name, objective->unit, objective->maximise ? "max" : "min", objective->doc};
  }
  const struct objective *metric = &space->objectives[space->metric];
  columns[n++] = (struct table_column){arena_printf(arena, "bound_%s", metric->name), metric->unit,
                                       metric->maximise ? "max" : "min", "no schedule of this design is better"};
  columns[n++] = (struct table_column){"gap", "", "min", "relative distance of the design from its bound"};
  const struct field_table *axes = run_space_fields(arena);
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    if (!run_axis_counts(&run->settings, a)) continue;
    columns[n++] = (struct table_column){axes->fields[a].key, axes->fields[a].unit, "", axes->fields[a].doc};
  }
  columns[n++] = (struct table_column){"binding", "", "", "resource that stops the design"};
  columns[n++] = (struct table_column){"found_by", "", "", "algorithm that found it"};
  columns[n++] = (struct table_column){"found_at_evaluation", "", "", "after how many evaluations"};
  REQUIRE(n <= MOST_DESIGN_COLUMNS);
  return n;
}

static double relative_gap(double value, double bound) {
  const double larger = fmax(fabs(value), fabs(bound));
  return larger > 0 ? fabs(value - bound) / larger : 0;
}

static void design_row(const struct run *run, const struct record *record, struct table *table) {
  const struct design_space *designs = &run->designs;
  const double *objective = record->score.objective;
  struct accelerator accelerator;
  REQUIRE(design_at(designs, &record->point, &accelerator));
  char name[17];
  design_name(&accelerator, name);
  table_text(table, name);
  table_double(table, objective[OBJECTIVE_THROUGHPUT]);
  table_double(table, design_iteration_s(designs, objective));
  table_double(table, objective[OBJECTIVE_ENERGY]);
  table_double(table, objective[OBJECTIVE_AREA]);
  if (run->stage.provider->has_tdp) {
    table_double(table, objective[OBJECTIVE_TDP]);
    table_double(table, objective[OBJECTIVE_THROUGHPUT_PER_TDP]);
  } else {
    table_empty(table);
    table_empty(table);
  }
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    if (is_extra(run, o)) table_double(table, objective[o]);
  }
  table_double(table, record->score.bound);
  table_double(table, relative_gap(objective[designs->space.metric], record->score.bound));
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    static const char *const keys[N_RUN_AXES] = {
#define AXIS(key, role, values) #key,
#include "dse/design/axes.def"
#undef AXIS
    };
    if (!run_axis_counts(&run->settings, a)) continue;
    const struct field *field = config_find_field(&accelerator_fields, keys[a]);
    const uint64_t value = *(const uint64_t *)(const void *)((const char *)&accelerator + field->offset);
    if (field->choices != NULL) {
      table_text(table, field->choices[value]);
    } else {
      table_u64(table, value);
    }
  }
  table_text(table, stage_binding_names[record->score.binding]);
  const struct found *found = rounds_found(&run->rounds, &record->point);
  table_text(table, found != NULL ? found->by : "");
  if (found != NULL) {
    table_u64(table, found->evaluation);
  } else {
    table_empty(table);
  }
}

struct table *tables_front(const struct run *run, struct arena *arena) {
  struct table_column *columns = ARENA_NEW(arena, struct table_column, MOST_DESIGN_COLUMNS);
  const size_t n_columns = design_columns(run, columns, arena);
  struct table *table = table_new(arena, "front.csv", columns, n_columns);
  for (size_t i = 0; i < pareto_count(run->rounds.front); i++) {
    design_row(run, pareto_at(run->rounds.front, i), table);
  }
  return table;
}

struct table *tables_topk(const struct run *run, struct arena *arena) {
  struct table_column *columns = ARENA_NEW(arena, struct table_column, 3 + MOST_DESIGN_COLUMNS);
  columns[0] = (struct table_column){"stage", "", "", "stage of the pipeline, from 0"};
  columns[1] = (struct table_column){"stage_digest", "", "", "stages with the same digest are the same problem"};
  columns[2] = (struct table_column){"place", "", "min", "1: the best by the run's metric"};
  const size_t n_columns = 3 + design_columns(run, columns + 3, arena);
  struct table *table = table_new(arena, "topk.csv", columns, n_columns);
  char hex[DIGEST_HEX_BYTES];
  digest_print(run->graph_digest, hex);
  for (size_t i = 0; i < topk_count(run->rounds.topk); i++) {
    table_u64(table, 0);
    table_text(table, hex);
    table_u64(table, i + 1);
    design_row(run, topk_at(run->rounds.topk, i), table);
  }
  return table;
}

struct table *tables_convergence(const struct run *run, struct arena *arena) {
  static const struct table_column columns[] = {
      {"round", "", "", "round of evaluations, from 0"},
      {"evaluations", "", "", "designs evaluated until then"},
      {"feasible", "", "", "of them within all limits"},
      {"front_size", "", "", "designs on the Pareto front until then"},
      {"best", "unit of the metric", "", "best value of the metric until then"},
      {"lower_bound", "unit of the metric", "", "proven at the end: no design of the space has a better metric"},
      {"gap", "", "min", "relative distance of the best from that bound"},
  };
  struct table *table = table_new(arena, "convergence.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < run->rounds.n_convergence; i++) {
    const struct convergence *row = &run->rounds.convergence[i];
    table_u64(table, row->round);
    table_u64(table, row->evaluations);
    table_u64(table, row->feasible);
    table_u64(table, row->front_size);
    if (row->has_best) {
      table_double(table, row->best);
    } else {
      table_empty(table);
    }
    if (run->proof.complete && row->has_best) {
      table_double(table, run->proof.bound);
      table_double(table, relative_gap(row->best, run->proof.bound));
    } else {
      table_empty(table);
      table_empty(table);
    }
  }
  return table;
}

struct table *tables_infeasible(const struct run *run, struct arena *arena) {
  static const struct table_column columns[] = {
      {"limit", "", "", "what excludes designs"},
      {"designs", "", "", "of the whole space that break it"},
      {"alone", "", "", "of them, those that break no other limit"},
      {"nearest_miss", "unit of the limit", "min", "least excess over the limit among them"},
      {"evaluated", "", "", "designs that were evaluated and found out for this reason"},
      {"unit", "", "", "unit of nearest_miss"},
  };
  struct table *table = table_new(arena, "infeasible.csv", columns, sizeof columns / sizeof *columns);
  for (size_t r = REASON_NONE + 1; r < N_REASONS; r++) {
    if (!design_reason_applies(&run->designs, (enum reason)r)) continue;
    const struct reason_name *reason = &run->designs.space.reasons[r];
    table_text(table, reason->name);
    table_u64(table, run->proof.exclusions.n[r]);
    table_u64(table, run->proof.exclusions.alone[r]);
    if (run->proof.exclusions.n[r] > 0) {
      table_double(table, run->proof.exclusions.nearest[r]);
    } else {
      table_empty(table);
    }
    table_u64(table, run->rounds.reason_count[r]);
    table_text(table, reason->unit);
  }
  return table;
}

/* --- times, which alone may differ from run to run ------------------------------------------------------------------
 */

static void timing_row(struct table *table, const char *what, uint64_t number, uint64_t tasks, double seconds) {
  table_text(table, what);
  table_u64(table, number);
  table_u64(table, tasks);
  table_double(table, seconds);
}

struct table *tables_timing(const struct run *run, const struct cluster_timing *timing,
                            const struct cluster_durations *durations, struct arena *arena) {
  static const struct table_column columns[] = {
      {"what", "", "", "rank, round, or duration: of evaluations, or of blocks of a fold (block_duration)"},
      {"number", "", "",
       "of the rank or round; a duration's bucket B holds those from 2^(B/4) to 2^((B+1)/4) nanoseconds"},
      {"tasks", "", "", "evaluations and blocks that the rank computed, designs of the round, tasks of the duration"},
      {"seconds", "s", "", "time in the tasks of that rank or duration; of a round, from its start to its end"},
      {"waiting_s", "s", "min", "of a rank: time waiting for tasks, other ranks and results"},
      {"messages", "", "min", "of a rank: sent to ask for work or to hand it out"},
      {"peak_bytes", "B", "min", "of a rank: most memory that it had"},
  };
  struct table *table = table_new(arena, "timing.csv", columns, sizeof columns / sizeof *columns);
  if (timing == NULL) return table;
  for (unsigned r = 0; r < cluster_size(run->invocation->cluster); r++) {
    timing_row(table, "rank", r, timing[r].n_tasks, timing[r].evaluating_s);
    table_double(table, timing[r].waiting_s);
    table_u64(table, timing[r].n_messages);
    table_u64(table, timing[r].peak_bytes);
  }
  for (size_t i = 0; i < run->rounds.n_times; i++) {
    const struct round_time *time = &run->rounds.times[i];
    timing_row(table, "round", time->round, time->tasks, time->seconds);
    for (size_t e = 0; e < 3; e++) table_empty(table);
  }
  for (size_t b = 0; b < 2 * CLUSTER_DURATION_BUCKETS; b++) {
    const bool of_blocks = b >= CLUSTER_DURATION_BUCKETS;
    const size_t bucket = b % CLUSTER_DURATION_BUCKETS;
    const uint64_t n = of_blocks ? durations->blocks[bucket].n : durations->tasks[bucket].n;
    const double seconds = of_blocks ? durations->blocks[bucket].seconds : durations->tasks[bucket].seconds;
    if (n == 0) continue;
    timing_row(table, of_blocks ? "block_duration" : "duration", bucket, n, seconds);
    for (size_t e = 0; e < 3; e++) table_empty(table);
  }
  return table;
}

void tables_print_json(const struct table *table, size_t n_texts, struct arena *arena, struct error *error) {
  size_t n;
  const char *bytes = table_bytes(table, &n);
  struct csv csv;
  if (!csv_parse("table", bytes, n, SIZE_MAX, arena, &csv, error)) return;
  for (size_t r = 0; r < csv.n_rows; r++) {
    json_t *object = json_object();
    for (size_t c = 0; c < csv.n_columns; c++) {
      const char *text = csv_cell(&csv, r, c);
      double number;
      uint64_t whole;
      json_t *value = json_string(text);
      if (c >= n_texts && text_to_u64(text, &whole)) {
        json_decref(value);
        value = json_integer((json_int_t)whole);
      } else if (c >= n_texts && text_to_double(text, &number)) {
        json_decref(value);
        value = json_real(number);
      }
      json_object_set_new(object, csv.header[c], value);
    }
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  }
}

/* What do a run's whole systems, stages and lists' lengths look like as tables? See global.h. */
#include "dse/system/system_report.h"

#include <math.h>

static const double GIB = 1.0 / (1 << 30);

static const struct table_column system_columns[] = {
    {"rank", "", "", "by throughput, the fastest first"},
    {"kind", "", "", "homogeneous: one design on all stages; heterogeneous: one for each"},
    {"throughput_samples_per_s", "1/s", "max", "training samples a second of the whole system"},
    {"iteration_s", "s", "min", "one iteration"},
    {"devices", "", "", "of the system"},
    {"power_w", "W", "min", "TDP of all devices"},
    {"area_mm2", "mm2", "min", "die area of all devices"},
    {"money_usd", "USD", "min", "dies and memory of all devices; empty: no price is known"},
    {"energy_j", "J", "min", "energy of one iteration of all devices"},
    {"tensor", "", "", "tensor-parallel degree"},
    {"sequence", "", "", "1: norms, dropout, residuals shared by sequence"},
    {"context", "", "", "context-parallel degree"},
    {"expert", "", "", "expert-parallel degree"},
    {"data", "", "", "data-parallel degree"},
    {"pipeline", "", "", "stages"},
    {"chunks", "", "", "of layers on one device"},
    {"schedule", "", "", "of the pipeline"},
    {"microbatch", "samples", "", "samples of a microbatch"},
    {"microbatches", "", "", "of an iteration"},
    {"recompute", "", "", "what is computed again backwards"},
    {"zero", "", "", "what data-parallel devices share"},
    {"compute_s", "s", "", "of the busiest stage's device: operators"},
    {"collectives_s", "s", "", "its collectives"},
    {"bubble_s", "s", "", "it waits for others"},
    {"data_s", "s", "", "data-parallel traffic that nothing hides"},
    {"update_s", "s", "", "update of parameters"},
    {"overhead_s", "s", "", "what the law adds"},
    {"memory_gib", "GiB", "min", "needed by a device of the fullest stage"},
    {"fullest_stage", "", "", "that stage"},
    {"slowest_stage", "", "", "the busiest stage"},
    {"different_designs", "", "", "how many different designs"},
    {"designs", "", "", "by stage: \"first-last: key=value,…\" where it differs from the stage before"},
    {"layers", "", "", "by stage: how many pieces of the model it holds"},
};

static void add_strategy(struct table *table, const struct system_plan *plan) {
  const struct strategy *strategy = &plan->strategy;
  const struct split_degrees *degrees = &strategy->degrees;
  table_u64(table, degrees->tensor);
  table_u64(table, degrees->sequence);
  table_u64(table, degrees->context);
  table_u64(table, degrees->expert);
  table_u64(table, degrees->data);
  table_u64(table, degrees->pipeline);
  table_u64(table, strategy->n_chunks);
  table_text(table, pipeline_schedule_names[strategy->schedule]);
  table_u64(table, strategy->microbatch);
  table_u64(table, plan->n_microbatches);
  table_text(table, recompute_names[strategy->recompute]);
  table_u64(table, strategy->zero);
}

struct table *global_systems_table(const struct run *run, const struct global *global) {
  /* Where layers never move, nobody need read how many there are. */
  const bool moves = run->settings.system.kinds == KINDS_JOINT;
  const size_t n_columns = sizeof system_columns / sizeof *system_columns - !moves;
  struct table *table = table_new(run->invocation->arena, "systems.csv", system_columns, n_columns);
  for (size_t i = 0; i < global->n_systems; i++) {
    const struct global_system *system = &global->systems[i];
    const struct system_result *result = &system->result;
    table_u64(table, i + 1);
    table_text(table, system->heterogeneous ? "heterogeneous" : "homogeneous");
    table_double(table, system->throughput);
    table_double(table, result->iteration_s);
    table_u64(table, system->plan->n_devices);
    table_double(table, system->power_w);
    table_double(table, system->area_mm2);
    table_double(table, system->money_usd);
    table_double(table, result->energy_j);
    add_strategy(table, system->plan);
    for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) table_double(table, result->part_s[part]);
    table_double(table, GIB * (double)result->memory_bytes);
    table_u64(table, result->worst_stage);
    table_u64(table, result->slowest_stage);
    table_u64(table, system->n_different);
    table_text(table, system_report_designs_by_stage(run, system));
    if (moves) table_text(table, system_report_layers(system, run->invocation->arena));
  }
  return table;
}

struct table *global_stages_table(const struct run *run, const struct global *global) {
  static const struct table_column columns[] = {
      {"strategy", "", "", "that the stage is part of"},
      {"first_stage", "", "", "the first of equal stages"},
      {"stages", "", "", "how many are equal in a row"},
      {"pace_s", "s", "", "empty: the least load was looked for; else the least power with no more load than this"},
      {"load_s", "s", "min", "what its best design is busy for with an iteration's microbatches"},
      {"bound_s", "s", "", "no design of the space has a smaller load"},
      {"tdp_w", "W", "min", "of its best design"},
      {"proven", "", "", "1: the best design is proven"},
      {"evaluations", "", "", "of its own search"},
      {"memory_gib", "GiB", "", "needed by a device"},
      {"design", "", "", "its best design"},
  };
  struct arena *arena = run->invocation->arena;
  struct table *table = table_new(arena, "stages.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < global->n_stages; i++) {
    const struct global_stage *stage = &global->stages[i];
    const struct device_run *own = &stage->plan->runs[stage->run];
    table_text(table, strategy_text(&stage->plan->strategy, arena));
    table_u64(table, own->first);
    table_u64(table, own->n);
    table_double(table, stage->pace_s > 0 ? stage->pace_s : (double)NAN);
    table_double(table, stage->load_s > 0 ? stage->load_s : (double)NAN);
    table_double(table, stage->bound_s > 0 ? stage->bound_s : (double)NAN);
    table_double(table, stage->load_s > 0 ? stage->tdp_w : (double)NAN);
    table_u64(table, stage->proven);
    table_u64(table, stage->n_evaluations);
    table_double(table, GIB * (double)own->memory_bytes);
    if (topk_count(stage->topk) > 0) {
      table_text(table, design_text(&run->designs, &topk_at(stage->topk, 0)->point, arena));
    } else {
      table_empty(table);
    }
  }
  return table;
}

struct table *global_k_table(const struct run *run, const struct global *global) {
  static const struct table_column columns[] = {
      {"k", "", "", "how many best designs of each stage's own search enter the choice"},
      {"homogeneous_samples_per_s", "1/s", "max", "the best of them on all stages"},
      {"heterogeneous_samples_per_s", "1/s", "max", "the best system with one of them for each stage"},
      {"bound_samples_per_s", "1/s", "", "no system of the strategy is faster, with any designs of the space"},
  };
  struct table *table = table_new(run->invocation->arena, "k.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < global->n_k; i++) {
    table_u64(table, global->k[i].k);
    table_double(table, global->k[i].homogeneous);
    table_double(table, global->k[i].heterogeneous);
    table_double(table, global->bound);
  }
  return table;
}

/* See system_report.h; the tables are those of global.h. */
#include "dse/system_report.h"

#include "base/checked.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double GIB = 1.0 / (1 << 30);

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

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
};

static const char *design_keys(const struct run *run, const struct accelerator *accelerator) {
  const struct design_space *designs = &run->designs;
  struct arena *arena = run->invocation->arena;
  const char *text = "";
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    const struct axis *axis = &designs->axes[a];
    const uint64_t value = *(const uint64_t *)(const void *)((const char *)accelerator + designs->field_offset[a]);
    const char *word =
        axis->labels != NULL ? axis->labels[value] : arena_printf(arena, "%llu", (unsigned long long)value);
    text = arena_printf(arena, "%s%s%s=%s", text, a > 0 ? "," : "", axis->key, word);
  }
  return text;
}

static const char *designs_by_stage(const struct run *run, const struct global_system *system) {
  struct arena *arena = run->invocation->arena;
  const uint64_t p = system->plan->problem.n_devices;
  const char *text = "";
  for (uint64_t first = 0; first < p;) {
    uint64_t end = first + 1;
    while (end < p && memcmp(system->designs[end], system->designs[first], sizeof **system->designs) == 0) end++;
    text = arena_printf(arena, "%s%s%llu-%llu: %s", text, first > 0 ? "; " : "", (unsigned long long)first,
                        (unsigned long long)(end - 1), design_keys(run, system->designs[first]));
    first = end;
  }
  return text;
}

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
  struct table *table =
      table_new(run->invocation->arena, "systems.csv", system_columns, sizeof system_columns / sizeof *system_columns);
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
    table_text(table, designs_by_stage(run, system));
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

/* --- for a person ---------------------------------------------------------------------------------------------------
 */

static const char *const part_words[N_SYSTEM_PARTS] = {
    "operators", "collectives", "waiting in the pipeline", "gradients that nothing hides", "update", "overhead"};

void system_report_say(const struct run *run, const struct system_plan *plan, const struct system_result *result) {
  const struct invocation *invocation = run->invocation;
  const struct strategy *strategy = &plan->strategy;
  const struct split_degrees *degrees = &strategy->degrees;
  const struct system_memory *memory = &result->memory;
  say(invocation, "  strategy     %s: %" PRIu64 " devices, %" PRIu64 " microbatches of %" PRIu64 ", %zu pieces\n",
      strategy_text(strategy, invocation->arena), plan->n_devices, plan->n_microbatches, strategy->microbatch,
      plan->cut->chain.n_places);
  say(invocation, "               tensor %" PRIu64 "%s, pipeline %" PRIu64 ", data %" PRIu64 "%s%s\n", degrees->tensor,
      degrees->sequence ? " with sequence" : "", degrees->pipeline, degrees->data,
      degrees->context > 1 ? arena_printf(invocation->arena, ", context %" PRIu64, degrees->context) : "",
      degrees->expert > 1 ? arena_printf(invocation->arena, ", experts over %" PRIu64, degrees->expert) : "");
  say(invocation, "  iteration    %.6g s:", result->iteration_s);
  const char *before = "";
  for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) {
    if (!(result->part_s[part] > 0)) continue;
    say(invocation, "%s %s %.1f %%", before, part_words[part], 100 * result->part_s[part] / result->iteration_s);
    before = ",";
  }
  say(invocation,
      "\n  memory       %.4g of %.4g GiB on stage %zu: weights %.3g, gradients %.3g, optimizer %.3g, kept %.3g, "
      "working %.3g, buffers %.3g\n",
      GIB * (double)result->memory_bytes, GIB * (double)result->hbm_bytes, result->worst_stage,
      GIB * (double)memory->weights_bytes, GIB * (double)memory->gradients_bytes, GIB * (double)memory->optimizer_bytes,
      GIB * (double)memory->kept_bytes, GIB * (double)memory->working_bytes, GIB * (double)memory->buffers_bytes);
}

json_t *system_report_json(const struct run *run, const struct system_plan *plan, const struct system_result *result) {
  const struct strategy *strategy = &plan->strategy;
  const struct split_degrees *degrees = &strategy->degrees;
  json_t *object = json_object(), *parts = json_object(), *memory = json_object();
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {{"devices", plan->n_devices},
                 {"tensor", degrees->tensor},
                 {"context", degrees->context},
                 {"expert", degrees->expert},
                 {"data", degrees->data},
                 {"pipeline", degrees->pipeline},
                 {"chunks", strategy->n_chunks},
                 {"microbatch", strategy->microbatch},
                 {"microbatches", plan->n_microbatches},
                 {"zero", strategy->zero},
                 {"memory_bytes", result->memory_bytes},
                 {"fullest_stage", result->worst_stage},
                 {"slowest_stage", result->slowest_stage}};
  const struct {
    const char *name;
    uint64_t bytes;
  } held[] = {{"weights_bytes", result->memory.weights_bytes},     {"gradients_bytes", result->memory.gradients_bytes},
              {"optimizer_bytes", result->memory.optimizer_bytes}, {"kept_bytes", result->memory.kept_bytes},
              {"working_bytes", result->memory.working_bytes},     {"buffers_bytes", result->memory.buffers_bytes}};
  json_object_set_new(object, "strategy", json_string(strategy_text(strategy, run->invocation->arena)));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    json_object_set_new(object, numbers[i].name, json_integer((json_int_t)numbers[i].value));
  }
  json_object_set_new(object, "sequence", json_boolean(degrees->sequence));
  json_object_set_new(object, "schedule", json_string(pipeline_schedule_names[strategy->schedule]));
  json_object_set_new(object, "recompute", json_string(recompute_names[strategy->recompute]));
  json_object_set_new(object, "iteration_s", json_real(result->iteration_s));
  for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) {
    json_object_set_new(parts, system_part_names[part], json_real(result->part_s[part]));
  }
  json_object_set_new(object, "parts_s", parts);
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
    json_object_set_new(memory, held[i].name, json_integer((json_int_t)held[i].bytes));
  }
  json_object_set_new(object, "memory", memory);
  return object;
}

void system_report_search(const struct run *run) {
  const struct invocation *invocation = run->invocation;
  const struct system_search *search = run->system;
  const struct system_left_out *out = &search->left_out;
  say(invocation,
      "%" PRIu64 " strategies: %" PRIu64 " not for this model, %" PRIu64 " the same as others, %" PRIu64
      " too large for every memory, %zu tried "
      "(%zu kinds of stage graphs)\n",
      search->n_strategies, out->n_illegal, out->n_double, out->n_too_large, search->n_plans, search->system->n_units);
  const struct global *global = run->global;
  if (global == NULL || global->n_systems == 0) return;
  const struct global_system *first = &global->systems[0];
  const struct table *table = global_systems_table(run, global);
  static const char *const shown[] = {"rank",      "kind",       "throughput_samples_per_s",
                                      "devices",   "power_w",    "tensor",
                                      "data",      "pipeline",   "microbatch",
                                      "recompute", "memory_gib", "different_designs"};
  char *text;
  table_print(table, shown, sizeof shown / sizeof *shown, 10, &text, invocation->arena);
  say(invocation, "\nwhole systems, throughput against power (%zu strategies, %zu candidate designs):\n%s\n",
      global->n_plans, global->n_candidates, text);
  if (isfinite(global->bound) && global->bound > 0) {
    say(invocation, "no system of these strategies is faster than %.6g samples/s, %.3g %% above the first; designs:\n",
        global->bound, 100 * (global->bound / first->throughput - 1));
  }
  say(invocation, "  %s\n", designs_by_stage(run, first));
  for (size_t i = 0; i < global->n_k && global->n_k > 1; i++) {
    say(invocation, "  top %" PRIu64 " of every stage: %.6g homogeneous, %.6g heterogeneous\n", global->k[i].k,
        global->k[i].homogeneous, global->k[i].heterogeneous);
  }
}

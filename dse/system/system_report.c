/* See system_report.h; the tables are in global_tables.c. */
#include "dse/system/system_report.h"

#include "base/checked.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double GIB = 1.0 / (1 << 30), NEARLY = 0.01; /* as good as the same throughput */

/* --- designs and layers ---------------------------------------------------------------------------------------------
 */

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

static bool same_design(const struct accelerator *a, const struct accelerator *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

const char *system_report_designs_by_stage(const struct run *run, const struct global_system *system) {
  struct arena *arena = run->invocation->arena;
  const uint64_t p = system->plan->problem.n_devices;
  const char *text = "";
  for (uint64_t first = 0; first < p;) {
    uint64_t end = first + 1;
    while (end < p && same_design(system->designs[end], system->designs[first])) end++;
    text = arena_printf(arena, "%s%s%llu-%llu: %s", text, first > 0 ? "; " : "", (unsigned long long)first,
                        (unsigned long long)(end - 1), design_keys(run, system->designs[first]));
    first = end;
  }
  return text;
}

const char *system_report_layers(const struct global_system *system, struct arena *arena) {
  const struct system_plan *plan = system->plan;
  const char *text = "";
  for (uint64_t device = 0; device < plan->problem.n_devices; device++) {
    const struct device_run *run = &plan->runs[plan->run_of[device]];
    uint64_t n = 0;
    for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) n += run->blocks[b];
    text = arena_printf(arena, "%s%s%" PRIu64, text, device > 0 ? " " : "", n);
  }
  return text;
}

/* --- the chosen one -------------------------------------------------------------------------------------------------
 */

/* More is better. */
static double worth(const struct run *run, const struct global_system *system) {
  switch (run->designs.space.metric) {
  case OBJECTIVE_ENERGY:
    return -system->result.energy_j;
  case OBJECTIVE_AREA:
    return -system->area_mm2;
  case OBJECTIVE_TDP:
    return -system->power_w;
  case OBJECTIVE_THROUGHPUT_PER_TDP:
    return system->power_w > 0 ? system->throughput / system->power_w : 0;
  case OBJECTIVE_EDP:
    return -system->result.energy_j * system->result.iteration_s;
  case OBJECTIVE_DIE_COST:
    return isfinite(system->money_usd) ? -system->money_usd : -(double)INFINITY;
  default:
    return system->throughput;
  }
}

const struct global_system *system_report_chosen(const struct run *run) {
  const struct global *global = run->global;
  const struct global_system *best = NULL;
  for (size_t i = 0; global != NULL && i < global->n_systems; i++) {
    const struct global_system *system = &global->systems[i];
    if (system->throughput < run->designs.floor_throughput && best != NULL) continue;
    if (best == NULL || worth(run, system) > worth(run, best)) best = system;
  }
  return best;
}

const struct global_system *system_report_frugal(const struct global *global, const struct global_system *chosen) {
  const struct global_system *least = NULL;
  for (size_t i = 0; i < global->n_systems; i++) {
    const struct global_system *system = &global->systems[i];
    if (system->throughput < (1 - NEARLY) * chosen->throughput) continue;
    if (system->power_w < (least != NULL ? least->power_w : (1 - NEARLY) * chosen->power_w)) least = system;
  }
  return least;
}

double system_report_utilisation(const struct global_system *system) {
  const struct system_plan *plan = system->plan;
  double macs = 0, most = 0;
  for (uint64_t s = 0; s < plan->problem.n_devices; s++) {
    const struct accelerator *accelerator = system->designs[s];
    const struct device_run *run = &plan->runs[plan->run_of[s]];
    for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) macs += run->blocks[b] * plan->cut->macs[b];
    most += (double)accelerator->tc_count * (double)accelerator->tc_rows * (double)accelerator->tc_cols * 1e6 *
            (double)accelerator->clock_mhz;
  }
  const double needed = (double)plan->n_microbatches * macs, had = most * system->result.iteration_s;
  return had > 0 ? needed / had : 0;
}

double system_report_gap(const struct global *global, const struct global_system *system) {
  if (!isfinite(global->bound) || !(global->bound > 0)) return (double)NAN;
  const double gap = global->bound / system->throughput - 1;
  return gap > 1e-6 ? gap : 0; /* bounds are loosened by what pricing rounds */
}

uint64_t system_report_hbm_bytes(const struct global_system *system, const struct device_run *run) {
  uint64_t least = UINT64_MAX;
  for (uint32_t s = run->first; s < run->first + run->n; s++) {
    least = min_u64(least, accelerator_hbm_bytes(system->designs[s]));
  }
  return least;
}

/* --- in words -------------------------------------------------------------------------------------------------------
 */

const char *const system_report_part_words[N_SYSTEM_PARTS] = {
    "operators", "collectives", "waiting in the pipeline", "gradients that nothing hides", "update", "overhead"};

const char *system_report_strategy(const struct system_plan *plan, struct arena *arena) {
  const struct strategy *strategy = &plan->strategy;
  const struct split_degrees *degrees = &strategy->degrees;
  const char *text =
      arena_printf(arena, "tensor %" PRIu64 "%s, pipeline %" PRIu64 ", data %" PRIu64, degrees->tensor,
                   degrees->sequence && degrees->tensor > 1 ? " with sequence" : "", degrees->pipeline, degrees->data);
  if (degrees->context > 1) text = arena_printf(arena, "%s, context %" PRIu64, text, degrees->context);
  if (degrees->expert > 1) text = arena_printf(arena, "%s, experts over %" PRIu64, text, degrees->expert);
  if (strategy->zero > 0) text = arena_printf(arena, "%s, ZeRO %" PRIu64, text, strategy->zero);
  text = arena_printf(arena, "%s; %" PRIu64 " microbatch%s of %" PRIu64, text, plan->n_microbatches,
                      plan->n_microbatches > 1 ? "es" : "", strategy->microbatch);
  if (degrees->pipeline > 1) text = arena_printf(arena, "%s, %s", text, plan->schedule->name);
  if (strategy->n_chunks > 1) text = arena_printf(arena, "%s of %" PRIu64 " chunks", text, strategy->n_chunks);
  return arena_printf(arena, "%s; recomputed: %s", text, recompute_names[strategy->recompute]);
}

const char *system_report_number(double value, struct arena *arena) {
  return arena_printf(arena, fabs(value) < 1e6 ? "%.6g" : "%.0f", value);
}

const char *system_report_designs(const struct run *run, const struct global_system *system) {
  struct arena *arena = run->invocation->arena;
  const uint64_t p = system->plan->problem.n_devices;
  const char *text = "";
  for (uint64_t first = 0, end; first < p; first = end) {
    for (end = first + 1; end < p && same_design(system->designs[end], system->designs[first]);) end++;
    const char *keys = design_keys(run, system->designs[first]);
    text = first == 0 && end == p ? keys
           : end == first + 1
               ? arena_printf(arena, "%s%sstage %" PRIu64 ": %s", text, first > 0 ? "; " : "", first, keys)
               : arena_printf(arena, "%s%sstages %" PRIu64 "-%" PRIu64 ": %s", text, first > 0 ? "; " : "", first,
                              end - 1, keys);
  }
  return text;
}

/* --- for a person ---------------------------------------------------------------------------------------------------
 */

/* Parts that would show as 0.0 % say nothing. */
static void say_iteration(const struct run *run, const struct system_result *result, const char *behind) {
  const char *before = "";
  say(run->invocation, "  iteration    %.6g s:", result->iteration_s);
  for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) {
    const double share = result->part_s[part] / result->iteration_s;
    if (share < 0.0005) continue;
    say(run->invocation, "%s %s %.1f %%", before, system_report_part_words[part], 100 * share);
    before = ",";
  }
  say(run->invocation, "%s\n", behind);
}

static void say_memory(const struct run *run, const struct system_result *result, uint64_t hbm_bytes) {
  static const char *const words[] = {"weights", "gradients", "optimizer", "kept for backward", "working", "buffers"};
  const struct system_memory *memory = &result->memory;
  const uint64_t bytes[] = {memory->weights_bytes, memory->gradients_bytes, memory->optimizer_bytes,
                            memory->kept_bytes,    memory->working_bytes,   memory->buffers_bytes};
  const char *before = "";
  say(run->invocation, "  memory       %.3g of %.4g GiB (stage %zu):", GIB * (double)result->memory_bytes,
      GIB * (double)hbm_bytes, result->worst_stage);
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
    if ((double)bytes[i] < 0.001 * (double)result->memory_bytes) continue;
    say(run->invocation, "%s %s %.3g", before, words[i], GIB * (double)bytes[i]);
    before = ",";
  }
  say(run->invocation, "\n");
}

void system_report_say(const struct run *run, const struct system_plan *plan, const struct system_result *result) {
  say(run->invocation, "  strategy     %s\n               (%s)\n", system_report_strategy(plan, run->invocation->arena),
      strategy_text(&plan->strategy, run->invocation->arena));
  say_iteration(run, result, "");
  say_memory(run, result, result->hbm_bytes);
}

static void say_limited(const struct run *run, const char *word, double value, const char *unit, double limit) {
  say(run->invocation, "  %-12s %s %s", word, system_report_number(value, run->invocation->arena), unit);
  if (limit > 0) say(run->invocation, ", limit %s", system_report_number(limit, run->invocation->arena));
  say(run->invocation, "\n");
}

const char *system_report_bounded(const struct run *run) {
  if (run->settings.system.kinds != KINDS_JOINT) return "designs of the space";
  return run->global->has_all_designs ? "designs of the space with any layers on a stage"
                                      : "candidates with any layers on a stage";
}

const char *system_report_kinds(const struct run *run, struct arena *arena) {
  static const char *const words[N_KINDS] = {"one design for all", "one for each stage", "and its layers"};
  const double *const fastest = run->global->fastest;
  const char *text = "";
  for (size_t kind = 0; kind < N_KINDS; kind++) {
    const char *own = fastest[kind] > 0 ? arena_printf(arena, "%.6g samples/s", fastest[kind]) : "none";
    text = arena_printf(arena, "%s%s%s %s", text, kind > 0 ? ", " : "", words[kind], own);
  }
  return text;
}

static void say_bound(const struct run *run, const struct global_system *system) {
  const struct global *global = run->global;
  const double gap = system_report_gap(global, system);
  if (!isfinite(gap)) return; /* without searches of the stages */
  if (gap > 0) {
    say(run->invocation, "  bound        %.6g samples/s: no %s reach more in %s, gap %.3g %%\n", global->bound,
        system_report_bounded(run), global->n_plans > 1 ? "these strategies" : "this strategy", 100 * gap);
  } else {
    say(run->invocation, "  bound        the same: no %s are faster in %s, proven\n", system_report_bounded(run),
        global->n_plans > 1 ? "these strategies" : "this strategy");
  }
}

static void say_chosen(const struct run *run, const struct global_system *system) {
  const struct invocation *invocation = run->invocation;
  const struct system_plan *plan = system->plan;
  const struct device_run *fullest = &plan->runs[plan->fullest];
  const struct system_settings *settings = &run->settings.system;
  say(invocation, "chosen: %" PRIu64 " devices, %s\n", plan->n_devices,
      system->heterogeneous ? arena_printf(invocation->arena, "%zu different designs", system->n_different)
                            : "one design on all");
  say(invocation, "  throughput   %.6g samples/s (%" PRIu64 " an iteration)\n", system->throughput,
      run->system->samples);
  say_bound(run, system);
  if (settings->kinds == KINDS_JOINT) {
    say(invocation, "  layers       %s\n", system_report_layers(system, invocation->arena));
  }
  say(invocation, "  designs      %s\n  strategy     %s\n               (%s)\n", system_report_designs(run, system),
      system_report_strategy(plan, invocation->arena), strategy_text(&plan->strategy, invocation->arena));
  say_iteration(run, &system->result,
                arena_printf(invocation->arena, "; MAC units used %.1f %%", 100 * system_report_utilisation(system)));
  say_memory(run, &system->result, system_report_hbm_bytes(system, fullest));
  say_limited(run, "power", system->power_w, "W TDP of all devices", settings->power_w);
  say_limited(run, "area", system->area_mm2, "mm2 of all devices", 0);
  if (isfinite(system->money_usd)) {
    say_limited(run, "price", system->money_usd, "USD of all devices, dies and memory", settings->money_usd);
  }
  say_limited(run, "energy", system->result.energy_j, "J an iteration", 0);
  if (run->settings.system.kinds == KINDS_JOINT)
    say(run->invocation, "fastest: %s\n", system_report_kinds(run, run->invocation->arena));
  const struct global_system *frugal = system_report_frugal(run->global, system);
  if (frugal == NULL) return;
  say(invocation, "within 1 %% of its throughput, %.1f %% less power: rank %zu, %s\n",
      100 * (1 - frugal->power_w / system->power_w), (size_t)(frugal - run->global->systems) + 1,
      system_report_designs(run, frugal));
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
                 {"hbm_bytes", result->hbm_bytes},
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

json_t *system_report_chosen_json(const struct run *run) {
  const struct global_system *system = system_report_chosen(run);
  if (system == NULL) return json_null();
  const double gap = system_report_gap(run->global, system);
  struct system_result result = system->result;
  result.hbm_bytes = system_report_hbm_bytes(system, &system->plan->runs[system->plan->fullest]);
  json_t *object = system_report_json(run, system->plan, &result);
  json_object_set_new(object, "kind", json_string(system->heterogeneous ? "heterogeneous" : "homogeneous"));
  json_object_set_new(object, "different_designs", json_integer((json_int_t)system->n_different));
  json_object_set_new(object, "designs", json_string(system_report_designs_by_stage(run, system)));
  json_object_set_new(object, "throughput_samples_per_s", json_real(system->throughput));
  json_object_set_new(object, "bound_samples_per_s", isfinite(gap) ? json_real(run->global->bound) : json_null());
  json_object_set_new(object, "gap", isfinite(gap) ? json_real(gap) : json_null());
  json_object_set_new(object, "utilisation", json_real(system_report_utilisation(system)));
  json_object_set_new(object, "power_w", json_real(system->power_w));
  json_object_set_new(object, "area_mm2", json_real(system->area_mm2));
  json_object_set_new(object, "money_usd", isfinite(system->money_usd) ? json_real(system->money_usd) : json_null());
  json_object_set_new(object, "energy_j", json_real(system->result.energy_j));
  if (run->settings.system.kinds != KINDS_JOINT) return object;
  json_t *fastest = json_object();
  for (size_t kind = 0; kind < N_KINDS; kind++) {
    json_object_set_new(fastest, kinds_names[kind], json_real(run->global->fastest[kind]));
  }
  json_object_set_new(object, "layers", json_string(system_report_layers(system, run->invocation->arena)));
  json_object_set_new(object, "fastest_samples_per_s", fastest);
  json_object_set_new(object, "of_all_designs", json_boolean(run->global->has_all_designs));
  return object;
}

static void say_k(const struct run *run) {
  const struct global *global = run->global;
  if (global->n_k < 2) return;
  char *text;
  table_print(global_k_table(run, global), NULL, 0, global->n_k, &text, run->invocation->arena);
  say(run->invocation, "how many best designs of each stage enter the choice:\n%s\n", text);
}

void system_report_search(const struct run *run) {
  const struct invocation *invocation = run->invocation;
  const struct system_search *search = run->system;
  const struct system_left_out *out = &search->left_out;
  say(invocation, "\n%" PRIu64 " strategies: ", search->n_strategies);
  if (out->n_illegal > 0) say(invocation, "%" PRIu64 " not for this model, ", out->n_illegal);
  if (out->n_double > 0) say(invocation, "%" PRIu64 " the same as another, ", out->n_double);
  if (out->n_too_large > 0) say(invocation, "%" PRIu64 " too large for every memory, ", out->n_too_large);
  say(invocation, "%zu tried (%zu different graphs of stages)\n", search->n_plans, search->system->n_units);
  const struct global *global = run->global;
  const struct global_system *chosen = system_report_chosen(run);
  if (chosen == NULL) return;
  size_t n_proven = 0, n_shrunk = 0;
  for (size_t i = 0; i < global->n_stages; i++) {
    n_proven += global->stages[i].proven;
    n_shrunk += global->stages[i].pace_s > 0;
  }
  if (global->n_stages > 0) {
    say(invocation,
        "%zu searches of stages by themselves: %zu for the least load, %zu for the least power that keeps "
        "the pace; %zu of them to a proof\n",
        global->n_stages, global->n_stages - n_shrunk, n_shrunk, n_proven);
  }
  static const char *const shown[] = {"rank",
                                      "kind",
                                      "throughput_samples_per_s",
                                      "power_w",
                                      "area_mm2",
                                      "devices",
                                      "tensor",
                                      "pipeline",
                                      "data",
                                      "schedule",
                                      "microbatch",
                                      "microbatches",
                                      "recompute",
                                      "zero",
                                      "memory_gib",
                                      "different_designs"};
  char *text;
  table_print(global_systems_table(run, global), shown, sizeof shown / sizeof *shown, 10, &text, invocation->arena);
  say(invocation, "\nwhole systems, throughput against power: the front of %zu candidate designs\n\n%s\n",
      global->n_candidates, text);
  say_k(run);
  say_chosen(run, chosen);
}

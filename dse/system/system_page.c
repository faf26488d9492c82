/* See system_page.h.
 *
 * The chapter opens with the chosen system's iteration and memory as bars, then the front of systems as a picture, then
 * the tables that lie beside it as CSV files. Its pipeline is simulated once more, with tasks. Left out: gradients and
 * update behind the pipeline's end as bars of their own (the first picture has them), and messages. */
#include "dse/system/system_page.h"

#include "base/checked.h"
#include "dse/output/pipeline_picture.h"
#include "dse/system/system_report.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Drawn: the ramps and a few rounds between them, in at most so many bars. */
enum { ROUNDS_DRAWN = 4, LEAST_DRAWN = 8, MOST_BARS = REPORT_MAX_BARS, MOST_ROWS = 6, N_MEMORY = 6 };

static const double GIB = 1.0 / (1 << 30);

bool system_page_applies(const struct run *run) { return system_report_chosen(run) != NULL; }

/* --- the pipeline ---------------------------------------------------------------------------------------------------
 */

struct pricing {
  struct system *system;
  const struct accelerator *accelerator;
  const struct stage_cost_of_design *design;
  struct unit_cost *costs;
};

static void price(void *context, uint32_t index) {
  const struct pricing *pricing = context;
  struct system *system = pricing->system;
  system_price_unit(system, system->units[index], pricing->accelerator, pricing->design, &pricing->costs[index]);
}

/* Costs of each stage's design on all units of the plan; equal designs share theirs. */
static struct stage_costs price_stages(const struct run *run, const struct global_system *chosen, struct arena *arena) {
  struct system *system = run->system->system;
  const uint64_t p = chosen->plan->problem.n_devices;
  const struct unit_cost **costs_of = ARENA_NEW(arena, const struct unit_cost *, p);
  const struct network **network_of = ARENA_NEW(arena, const struct network *, p);
  for (uint64_t s = 0; s < p; s++) {
    uint64_t twin = 0;
    while (twin < s && memcmp(chosen->designs[twin], chosen->designs[s], sizeof **chosen->designs) != 0) twin++;
    if (twin < s) {
      costs_of[s] = costs_of[twin];
      network_of[s] = network_of[twin];
      continue;
    }
    struct stage_cost_of_design design;
    struct unit_cost *costs = ARENA_NEW(arena, struct unit_cost, system->n_units);
    struct network *network = ARENA_NEW(arena, struct network, 1);
    struct pricing pricing = {system, chosen->designs[s], &design, costs};
    design_cost(&run->designs, chosen->designs[s], &design);
    network_init(network, system->model.network, chosen->designs[s]);
    system_visit_units(chosen->plan, NULL, price, &pricing);
    costs_of[s] = costs;
    network_of[s] = network;
  }
  return (struct stage_costs){.costs_of = costs_of, .network_of = network_of};
}

/* How many microbatches are drawn: whole rounds of the devices, as interleaving wants them. */
static uint64_t microbatches_drawn(const struct system_plan *plan) {
  const uint64_t p = plan->problem.n_devices, phases = plan->schedule->tears ? 3 : 2;
  uint64_t rounds = ROUNDS_DRAWN;
  while (rounds > 1 && sat_mul(sat_mul(phases * p, plan->problem.n_chunks), rounds * p) > MOST_BARS) rounds--;
  const uint64_t most = rounds * p < LEAST_DRAWN ? LEAST_DRAWN / p * p : rounds * p;
  if (plan->n_microbatches <= most) return plan->n_microbatches;
  struct pipeline_problem problem = plan->problem;
  struct error ignored = {0};
  problem.n_microbatches = most;
  return pipeline_applies(plan->schedule, &problem, &ignored) ? most : plan->n_microbatches;
}

void system_page_pipeline(const struct run *run, struct timeline *timeline, struct arena *arena) {
  const struct global_system *chosen = system_report_chosen(run);
  const struct system_plan *plan = chosen->plan;
  struct system *system = run->system->system;
  const struct stage_costs stages = price_stages(run, chosen, arena);
  struct system_plan drawn = *plan;
  struct system_result result;
  struct pipeline_result pipeline;
  drawn.n_microbatches = drawn.problem.n_microbatches = microbatches_drawn(plan);
  const struct arena_mark mark = arena_get_mark(&system->own);
  system_time(system, &drawn, &stages, &result, &pipeline);
  pipeline_timeline(plan->schedule, &drawn.problem, &pipeline, arena, timeline);
  arena_rewind(&system->own, mark);
  timeline->title = arena_printf(arena, "The chosen system's pipeline: %s on %" PRIu64 " stage%s", plan->schedule->name,
                                 plan->problem.n_devices, plan->problem.n_devices > 1 ? "s" : "");
  const char *how_many =
      drawn.n_microbatches < plan->n_microbatches
          ? arena_printf(arena,
                         "Drawn as it would be with %" PRIu64 " microbatches; an iteration has %" PRIu64
                         ", of which those in the middle repeat what is shown.",
                         drawn.n_microbatches, plan->n_microbatches)
          : arena_printf(arena, "All %" PRIu64 " microbatches of an iteration.", plan->n_microbatches);
  timeline->note = arena_printf(
      arena,
      "%s A lane is a device of one row of stages, F a forward pass, B backward, W gradients of weights; the number is "
      "the microbatch's. Gradients between rows and the update come behind it.",
      how_many);
}

/* --- bars -----------------------------------------------------------------------------------------------------------
 */

static const char *short_name(const struct global_system *system, struct arena *arena) {
  return arena_printf(arena, "%s, %s", strategy_text(&system->plan->strategy, arena),
                      system->heterogeneous ? arena_printf(arena, "%zu designs", system->n_different) : "one design");
}

/* Wherever its layers went. */
static const struct system_plan *strategy_of(const struct global_system *system) {
  return system->plan->moved_from != NULL ? system->plan->moved_from : system->plan;
}

/* The chosen system, then the first of each other strategy or kind on the front. */
static size_t rows_of_time(const struct global *global, const struct global_system *chosen,
                           const struct global_system *rows[MOST_ROWS]) {
  size_t n = 0;
  rows[n++] = chosen;
  for (size_t i = 0; i < global->n_systems && n < MOST_ROWS; i++) {
    const struct global_system *system = &global->systems[i];
    bool seen = false;
    for (size_t k = 0; k < n; k++) {
      seen = seen || (strategy_of(rows[k]) == strategy_of(system) && rows[k]->heterogeneous == system->heterogeneous);
    }
    if (!seen) rows[n++] = system;
  }
  return n;
}

static void time_stacks(const struct run *run, const struct global_system *chosen, struct report_stacks *stacks,
                        struct arena *arena) {
  const struct global_system *systems[MOST_ROWS];
  const size_t n = rows_of_time(run->global, chosen, systems);
  struct report_stack *rows = ARENA_NEW(arena, struct report_stack, n);
  for (size_t i = 0; i < n; i++) {
    const char *name = short_name(systems[i], arena);
    rows[i] =
        (struct report_stack){i == 0 ? arena_printf(arena, "chosen: %s", name) : name, systems[i]->result.part_s, 0};
  }
  *stacks = (struct report_stacks){"Where an iteration's time goes",
                                   "Of the busiest stage's device, which computes, communicates and waits; below the "
                                   "chosen system the best of other strategies or kinds on the front.",
                                   "s",
                                   system_report_part_words,
                                   N_SYSTEM_PARTS,
                                   rows,
                                   n};
}

/* A row for each run of equal stages. */
static void memory_stacks(const struct global_system *chosen, struct report_stacks *stacks, struct arena *arena) {
  static const char *const parts[N_MEMORY] = {"weights",           "gradients", "optimizer",
                                              "kept for backward", "working",   "buffers"};
  const struct system_plan *plan = chosen->plan;
  struct report_stack *rows = ARENA_NEW(arena, struct report_stack, plan->n_runs);
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct device_run *run = &plan->runs[r];
    const struct system_memory *memory = &run->memory;
    const uint64_t bytes[N_MEMORY] = {memory->weights_bytes, memory->gradients_bytes, memory->optimizer_bytes,
                                      memory->kept_bytes,    memory->working_bytes,   memory->buffers_bytes};
    double *values = ARENA_NEW(arena, double, N_MEMORY);
    for (size_t i = 0; i < N_MEMORY; i++) values[i] = GIB * (double)bytes[i];
    rows[r].name = run->n == 1 ? arena_printf(arena, "stage %" PRIu32, run->first)
                               : arena_printf(arena, "stages %" PRIu32 " to %" PRIu32 " (the fullest of them)",
                                              run->first, run->first + run->n - 1);
    rows[r].values = values;
    rows[r].limit = GIB * (double)system_report_hbm_bytes(chosen, run);
  }
  *stacks = (struct report_stacks){
      "Memory of a device, by stage", "The mark is what its HBM holds.", "GiB", parts, N_MEMORY, rows, plan->n_runs};
}

/* --- the front of systems -------------------------------------------------------------------------------------------
 */

static const struct report_points *points_of(const struct run *run, const struct global_system *chosen,
                                             struct arena *arena) {
  static const char *const kinds[] = {"homogeneous: one design on all stages", "heterogeneous: one for each"};
  const struct global *global = run->global;
  struct report_point *list = ARENA_NEW(arena, struct report_point, global->n_systems);
  struct report_points *points = ARENA_NEW(arena, struct report_points, 1);
  for (size_t i = 0; i < global->n_systems; i++) {
    const struct global_system *system = &global->systems[i];
    list[i] = (struct report_point){short_name(system, arena), 1e-3 * system->power_w, system->throughput,
                                    system->heterogeneous};
  }
  const bool has_bound = isfinite(system_report_gap(global, chosen));
  *points = (struct report_points){
      .title = "Whole systems: throughput against power",
      .sentence = "None of the systems that the choice looked at is both faster and draws less than one of these.",
      .x_name = "kW TDP of all devices",
      .y_name = "samples/s",
      .kinds = kinds,
      .n_kinds = 2,
      .points = list,
      .n_points = global->n_systems,
      .chosen = (size_t)(chosen - global->systems),
      .y_bound = has_bound ? global->bound : (double)NAN,
      .bound_name = "no designs reach more in these strategies"};
  return points;
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

static void fill_tables(const struct run *run, struct report_chapter *chapter, struct arena *arena) {
  static const char *const systems[] = {"rank",        "kind",         "throughput_samples_per_s",
                                        "iteration_s", "devices",      "power_w",
                                        "area_mm2",    "money_usd",    "energy_j",
                                        "tensor",      "sequence",     "context",
                                        "expert",      "pipeline",     "data",
                                        "zero",        "schedule",     "chunks",
                                        "microbatch",  "microbatches", "recompute",
                                        "memory_gib",  "designs",      NULL};
  const struct global *global = run->global;
  struct report_table *tables = ARENA_NEW(arena, struct report_table, 3);
  tables[0].title = "Systems of the front";
  tables[0].sentence = "By throughput. Power, area and price are of all devices.";
  table_page(global_systems_table(run, global), systems, &tables[0], arena);
  size_t n = 1;
  if (global->n_stages > 0) {
    tables[n].title = "Stages, each searched by itself";
    tables[n].sentence =
        "The load is what a device is busy for in an iteration; no design of the space has less than "
        "the bound. Where a pace stands, the least power that keeps it was looked for. Equal stages are "
        "searched once.";
    table_page(global_stages_table(run, global), NULL, &tables[n++], arena);
  }
  if (global->n_k > 1) {
    tables[n].title = "How much the lists' lengths matter";
    tables[n].sentence = "Of the best strategy: only the k best designs of each stage's own search enter the choice.";
    table_page(global_k_table(run, global), NULL, &tables[n++], arena);
  }
  chapter->tables = tables;
  chapter->n_tables = n;
}

/* --- head of the page -----------------------------------------------------------------------------------------------
 */

static const char *bound_text(const struct run *run, const struct global_system *chosen, struct arena *arena) {
  const double gap = system_report_gap(run->global, chosen);
  if (!isfinite(gap)) return "none: stages were not searched by themselves";
  if (gap > 0) {
    const char *what = run->settings.system.kinds == KINDS_JOINT ? system_report_bounded(run) : "designs";
    return arena_printf(arena, "%.6g samples/s in these strategies with any %s: gap %.3g %%", run->global->bound, what,
                        100 * gap);
  }
  return arena_printf(arena, "no %s are faster in these strategies (proven)", system_report_bounded(run));
}

static const char *frugal_text(const struct run *run, const struct global_system *chosen, struct arena *arena) {
  const struct global_system *frugal = system_report_frugal(run->global, chosen);
  if (frugal == NULL) return "none draws less";
  return arena_printf(arena, "rank %zu draws %.1f %% less, %s", (size_t)(frugal - run->global->systems) + 1,
                      100 * (1 - frugal->power_w / chosen->power_w),
                      frugal->heterogeneous ? arena_printf(arena, "%zu designs", frugal->n_different) : "one design");
}

static void fill_facts(const struct run *run, const struct global_system *chosen, struct report *report,
                       struct arena *arena) {
  const struct system_plan *plan = chosen->plan;
  const struct proof *proof = &run->proof;
  const struct device_run *fullest = &plan->runs[plan->fullest];
  const double times =
      run->designs.reference_throughput > 0 ? chosen->throughput / run->designs.reference_throughput : 0;
  const struct report_fact list[] = {
      {"Workload", arena_printf(arena, "%s, %" PRIu64 " samples an iteration", run->title, run->system->samples)},
      {"Devices", arena_printf(arena, "%" PRIu64 ", %s", plan->n_devices,
                               chosen->heterogeneous ? arena_printf(arena, "%zu different designs", chosen->n_different)
                                                     : "one design")},
      {"Strategy", system_report_strategy(plan, arena)},
      {"Throughput", times > 0 ? arena_printf(arena, "%.6g samples/s, %.3g times %s on all devices", chosen->throughput,
                                              times, run->settings.limits.reference)
                               : arena_printf(arena, "%.6g samples/s", chosen->throughput)},
      {"Iteration", arena_printf(arena, "%.4g s; MAC units used %.1f %%", chosen->result.iteration_s,
                                 100 * system_report_utilisation(chosen))},
      {"Bound", bound_text(run, chosen, arena)},
      {"Memory", arena_printf(arena, "%.1f of %.4g GiB on the fullest stage", GIB * (double)fullest->memory_bytes,
                              GIB * (double)system_report_hbm_bytes(chosen, fullest))},
      {"Power and area",
       arena_printf(arena, "%.6g kW TDP, %.6g cm² of dies", 1e-3 * chosen->power_w, 1e-2 * chosen->area_mm2)},
      {"Price", isfinite(chosen->money_usd)
                    ? arena_printf(arena, "%s USD, dies and memory", system_report_number(chosen->money_usd, arena))
                    : "not known"},
      {"Within 1 % of it", frugal_text(run, chosen, arena)},
      {"One design for all",
       proof->optimal
           ? arena_printf(arena, "the best of %" PRIu64 " designs in any strategy (proven)", proof->points)
           : arena_printf(arena, "within %.3g %% of the best of %" PRIu64 " designs", 100 * proof->gap, proof->points)},
  };
  const size_t n = sizeof list / sizeof *list;
  struct report_fact *kept = ARENA_NEW(arena, struct report_fact, n + 2);
  memcpy(kept, list, sizeof list);
  report->facts = kept;
  report->n_facts = n;
  if (run->settings.system.kinds != KINDS_JOINT) return;
  kept[report->n_facts++] = (struct report_fact){"Layers, stage by stage", system_report_layers(chosen, arena)};
  kept[report->n_facts++] = (struct report_fact){"Fastest of each kind", system_report_kinds(run, arena)};
}

void system_page_fill(const struct run *run, struct report *report, struct arena *arena) {
  const struct global_system *chosen = system_report_chosen(run);
  const struct system_search *search = run->system;
  struct report_chapter *chapter = ARENA_NEW(arena, struct report_chapter, 1);
  struct report_stacks *stacks = ARENA_NEW(arena, struct report_stacks, 2);
  report->title = arena_printf(arena, "Training %s on %" PRIu64 " accelerators", run->title, chosen->plan->n_devices);
  report->headline =
      arena_printf(arena, "%" PRIu64 " devices train %s at %.6g samples/s with %.4g kW: %s. Designs: %s.",
                   chosen->plan->n_devices, run->title, chosen->throughput, 1e-3 * chosen->power_w,
                   system_report_strategy(chosen->plan, arena), system_report_designs(run, chosen));
  time_stacks(run, chosen, &stacks[0], arena);
  memory_stacks(chosen, &stacks[1], arena);
  *chapter = (struct report_chapter){
      .title = "System",
      .sentence = arena_printf(arena,
                               "%" PRIu64 " strategies: %" PRIu64 " not for this model, %" PRIu64
                               " too large for every memory, %" PRIu64
                               " the same as another, %zu tried with every design; then designs for the stages "
                               "of the best %zu. The chosen system is the best of the front by the run's metric.",
                               search->n_strategies, search->left_out.n_illegal, search->left_out.n_too_large,
                               search->left_out.n_double, search->n_plans, run->global->n_plans),
      .stacks = stacks,
      .n_stacks = 2,
      .points = points_of(run, chosen, arena)};
  fill_tables(run, chapter, arena);
  report->chapter = chapter;
  fill_facts(run, chosen, report, arena);
}

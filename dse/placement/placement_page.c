/* A placement as a Gantt chart a device, devices at work below, and a page around both. See placement_page.h. */
#include "dse/placement/placement_page.h"
#include "dse/map/map_page.h"

#include "dse/output/pipeline_picture.h"
#include "results/report.h"
#include "search/placement/placement_algorithm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PHASE_LAYER, PHASE_WEIGHTS, PHASE_INPUT, PHASE_OUTPUT, N_SHOWN_PHASES };
static const char *const phases[N_SHOWN_PHASES] = {"layer", "weights", "input", "output"};
enum { LANES_OF_A_DEVICE = 3 }; /* compute, read, write */

static uint64_t ticks(double seconds) { return (uint64_t)llround(fmax(seconds, 0) * 1e9); }

static uint32_t *device_of(const struct placement_problem *problem, const struct placement_answer *answer,
                           struct arena *arena) {
  uint32_t *const device = ARENA_NEW(arena, uint32_t, problem->n_layers);
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t k = answer->start[d]; k < answer->start[d + 1]; k++) device[answer->layer[k]] = (uint32_t)d;
  }
  return device;
}

/* From the layer that ends last back to whoever it waited for: a predecessor or the one before it on its device that
 * ends when it starts. Under `delay` and `contention` a transfer may lie between, and the path ends there. */
static const bool *critical_path(const struct placement_shown *shown, const uint32_t *device, struct arena *arena) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_answer *const answer = &shown->outcome->answer;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  bool *const critical = ARENA_NEW(arena, bool, problem->n_layers);
  uint32_t last = 0;
  for (uint32_t l = 1; l < problem->n_layers; l++) {
    if (schedule->end_s[l] > schedule->end_s[last]) last = l;
  }
  while (last != PLACEMENT_NONE) {
    const uint32_t here = last;
    const double start_s = schedule->start_s[here];
    critical[here] = true;
    last = PLACEMENT_NONE;
    for (uint32_t i = problem->in_start[here]; i < problem->in_start[here + 1]; i++) {
      const uint32_t from = problem->edges[problem->in_edge[i]].from;
      if (schedule->end_s[from] >= start_s && !critical[from]) last = from;
    }
    const uint32_t d = device[here];
    for (uint32_t k = answer->start[d] + 1; last == PLACEMENT_NONE && k < answer->start[d + 1]; k++) {
      const uint32_t before = answer->layer[k - 1];
      if (answer->layer[k] == here && schedule->end_s[before] >= start_s && !critical[before]) last = before;
    }
  }
  return critical;
}

static struct timeline_bar flow_bar(const struct placement_problem *problem, const struct placement_flow *flow,
                                    struct arena *arena) {
  static const char *const words[] = {"weights of", "input of", "output of"};
  const bool out = flow->what == PLACEMENT_FLOW_OUTPUT;
  return (struct timeline_bar){.label =
                                   arena_printf(arena, "%s %s", words[flow->what], problem->layer_names[flow->layer]),
                               .start_cycles = ticks(flow->start_s),
                               .finish_cycles = ticks(flow->end_s),
                               .lane = LANES_OF_A_DEVICE * flow->device + (out ? 2 : 1),
                               .phase = (uint16_t)(PHASE_WEIGHTS + flow->what)};
}

void placement_timeline(const struct placement_shown *shown, struct arena *arena, struct timeline *timeline) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  const bool channels = problem->timing == PLACEMENT_CONTENTION;
  const size_t each = channels ? LANES_OF_A_DEVICE : 1, n_flows = channels ? schedule->n_flows : 0;
  const uint32_t *const device = device_of(problem, &shown->outcome->answer, arena);
  const bool *const critical = critical_path(shown, device, arena);
  const char **const lanes = ARENA_NEW(arena, const char *, problem->n_devices *each);
  struct timeline_bar *const bars = ARENA_NEW(arena, struct timeline_bar, problem->n_layers + n_flows);
  for (size_t d = 0; d < problem->n_devices; d++) {
    const char *const name = problem->devices[d].name;
    lanes[d * each] = name;
    if (channels) lanes[d * each + 1] = arena_printf(arena, "%s reads", name);
    if (channels) lanes[d * each + 2] = arena_printf(arena, "%s writes", name);
  }
  for (size_t l = 0; l < problem->n_layers; l++) {
    bars[l] = (struct timeline_bar){.label = problem->layer_names[l],
                                    .start_cycles = ticks(schedule->start_s[l]),
                                    .finish_cycles = ticks(schedule->end_s[l]),
                                    .lane = (uint32_t)(device[l] * each),
                                    .phase = PHASE_LAYER,
                                    .critical = critical[l]};
  }
  for (size_t f = 0; f < n_flows; f++) bars[problem->n_layers + f] = flow_bar(problem, &schedule->flows[f], arena);
  *timeline = (struct timeline){.chips = true,
                                .title = "Layers on devices",
                                .lanes = lanes,
                                .n_lanes = (uint32_t)(problem->n_devices * each),
                                .phases = phases,
                                .n_phases = channels ? N_SHOWN_PHASES : 1,
                                .bars = bars,
                                .n_bars = problem->n_layers + n_flows,
                                .us_per_cycle = 1e-3,
                                .note = channels ? "Layers compute; transfers have lanes of their own."
                                                 : "A layer is as long as its transfers and its computation. Marked: "
                                                   "what the end waited for."};
}

const char *placement_gantt(const struct placement_shown *shown, size_t width, struct arena *arena) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_answer *const answer = &shown->outcome->answer;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  const char *text = "";
  for (size_t d = 0; d < problem->n_devices; d++) {
    const uint32_t n = answer->start[d + 1] - answer->start[d];
    if (n == 0) continue;
    char *const line = arena_alloc(arena, width + 1, 1);
    memset(line, '.', width);
    double busy_s = 0;
    for (uint32_t k = answer->start[d]; k < answer->start[d + 1]; k++) {
      const uint32_t l = answer->layer[k];
      busy_s += schedule->end_s[l] - schedule->start_s[l];
      for (size_t i = 0; i < width; i++) {
        const double at_s = schedule->makespan_s * ((double)i + 0.5) / (double)width;
        if (schedule->start_s[l] <= at_s && at_s < schedule->end_s[l]) line[i] = '#';
      }
    }
    text = arena_printf(arena, "%s%-12.12s %s %u layers, %.0f %% busy\n", text, problem->devices[d].name, line, n,
                        schedule->makespan_s > 0 ? 100 * busy_s / schedule->makespan_s : 0);
  }
  return text;
}

bool placement_publish_trace(const struct placement_shown *shown, const char *path, struct arena *arena,
                             struct error *error) {
  struct timeline timeline;
  placement_timeline(shown, arena, &timeline);
  return pipeline_picture_publish(path, &timeline, arena, error);
}

/* --- devices at work over time ---
 */

static void at_work(const struct placement_shown *shown, struct arena *arena, struct report_profile *profile) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  const size_t n = problem->n_layers;
  const struct timeline_unit unit = timeline_unit_until(schedule->makespan_s * 1e6);
  struct report_change *const changes = ARENA_NEW(arena, struct report_change, 2 * n);
  for (size_t l = 0; l < n; l++) {
    changes[2 * l] = (struct report_change){schedule->start_s[l] * 1e6 / unit.us, 1};
    changes[2 * l + 1] = (struct report_change){schedule->end_s[l] * 1e6 / unit.us, -1};
  }
  *profile = (struct report_profile){
      .title = "Devices at work",
      .sentence = "How many devices have a layer in hand. One alone for long: the network is a chain there, or moving "
                  "its data costs more than another device would save.",
      .x_name = arena_printf(arena, "time (%s)", unit.name),
      .y_name = "devices",
      .limit_name = "devices of the system",
      .limit = (double)problem->n_devices};
  report_profile_fill(changes, 2 * n, arena, profile);
}

/* --- tables ---
 */

static void list_bounds(const struct placement_shown *shown, struct arena *arena, struct report_table *table) {
  struct report_column *const bound_columns = ARENA_NEW(arena, struct report_column, 3);
  bound_columns[0] = (struct report_column){"bound", "", "", true};
  bound_columns[1] = (struct report_column){"value", placement_unit(shown->problem), "max", false};
  bound_columns[2] = (struct report_column){"of the answer", "%", "", false};
  const struct map_page_bounds bounds = {PLACEMENT_N_BOUNDS,    placement_bound_names, shown->bounds->value,
                                         shown->outcome->value, "placement",           bound_columns};
  map_page_bounds(&bounds, arena, table);
}

static const struct report_column device_columns[] = {
    {"device", "", "", true},          {"layers", "", "", false},
    {"busy", "s", "", false},          {"computes", "s", "", false},
    {"communication", "%", "", false}, {"ends at", "s", "", false},
    {"weights", "bytes", "", false},   {"of them pinned", "bytes", "", false}};
enum { N_DEVICE_COLUMNS = sizeof device_columns / sizeof *device_columns };

static void list_devices(const struct placement_shown *shown, struct arena *arena, struct report_table *table) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_answer *const answer = &shown->outcome->answer;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_DEVICE_COLUMNS * problem->n_devices);
  for (size_t d = 0; d < problem->n_devices; d++) {
    double busy_s = 0, compute_s = 0, end_s = 0, weight_bytes = 0, pinned_bytes = 0;
    for (uint32_t k = answer->start[d]; k < answer->start[d + 1]; k++) {
      const uint32_t l = answer->layer[k];
      busy_s += schedule->end_s[l] - schedule->start_s[l];
      compute_s += problem->compute_s[placement_at(problem, l, d)];
      end_s = fmax(end_s, schedule->end_s[l]);
      weight_bytes += (double)problem->weight_bytes[l];
      if (answer->pinned[l]) pinned_bytes += (double)problem->weight_bytes[l];
    }
    struct report_cell *const cell = &cells[N_DEVICE_COLUMNS * d];
    cell[0] = (struct report_cell){NAN, problem->devices[d].name};
    cell[1].number = answer->start[d + 1] - answer->start[d];
    cell[2].number = busy_s;
    cell[3].number = compute_s;
    cell[4].number = busy_s > 0 ? 100 * fmax(busy_s - compute_s, 0) / busy_s : NAN;
    cell[5].number = end_s;
    cell[6].number = weight_bytes;
    cell[7].number = pinned_bytes;
  }
  *table = (struct report_table){.title = "Devices",
                                 .sentence = "Busy: with a layer, its transfers counted where the rule charges them "
                                             "to the device. Pinned weights never travel.",
                                 .columns = device_columns,
                                 .n_columns = N_DEVICE_COLUMNS,
                                 .cells = cells,
                                 .n_rows = problem->n_devices};
}

static const struct report_column layer_columns[] = {{"layer", "", "", true},     {"device", "", "", true},
                                                     {"pinned", "", "", true},    {"starts at", "s", "", false},
                                                     {"ends at", "s", "", false}, {"computes", "s", "", false}};
enum { N_LAYER_COLUMNS = sizeof layer_columns / sizeof *layer_columns };

static void list_layers(const struct placement_shown *shown, struct arena *arena, struct report_table *table) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_schedule *const schedule = &shown->outcome->schedule;
  const uint32_t *const device = device_of(problem, &shown->outcome->answer, arena);
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_LAYER_COLUMNS * problem->n_layers);
  for (size_t l = 0; l < problem->n_layers; l++) {
    struct report_cell *const cell = &cells[N_LAYER_COLUMNS * l];
    cell[0] = (struct report_cell){NAN, problem->layer_names[l]};
    cell[1] = (struct report_cell){NAN, problem->devices[device[l]].name};
    cell[2] = (struct report_cell){NAN, shown->outcome->answer.pinned[l] ? "yes" : "no"};
    cell[3].number = schedule->start_s[l];
    cell[4].number = schedule->end_s[l];
    cell[5].number = problem->compute_s[placement_at(problem, l, device[l])];
  }
  *table = (struct report_table){.title = "Layers",
                                 .sentence = "In the order of the problem's file.",
                                 .columns = layer_columns,
                                 .n_columns = N_LAYER_COLUMNS,
                                 .cells = cells,
                                 .n_rows = problem->n_layers};
}

/* A published list rule, judged by the problem's rule. */
static double by_heft(const struct placement_shown *shown, struct arena *arena) {
  struct placement_result result;
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  const struct placement_request request = {
      .problem = shown->problem, .bounds = shown->bounds, .samples = 1, .arena = arena, .scratch = &scratch};
  placement_find_algorithm("heft")->run(&request, &result);
  arena_release(&scratch);
  return result.value;
}

bool placement_publish_page(const struct placement_shown *shown, const char *path, struct arena *arena,
                            struct error *error) {
  const struct placement_problem *const problem = shown->problem;
  const struct placement_outcome *const outcome = shown->outcome;
  const char *const unit = placement_unit(problem);
  struct timeline timeline;
  struct report_profile profile;
  struct report_table tables[3];
  placement_timeline(shown, arena, &timeline);
  at_work(shown, arena, &profile);
  list_bounds(shown, arena, &tables[0]);
  list_devices(shown, arena, &tables[1]);
  list_layers(shown, arena, &tables[2]);
  const struct report_fact facts[] = {
      {"latency", arena_printf(arena, "%.6g s", outcome->makespan_s)},
      {"energy", arena_printf(arena, "%.6g J", outcome->energy_j)},
      {"period of a stream of inputs", arena_printf(arena, "%.6g s", outcome->schedule.period_s)},
      {"share of communication", arena_printf(arena, "%.1f %%", 100 * outcome->communication)},
      {"no placement is below",
       arena_printf(arena, "%.6g %s (%s)", shown->bounds->best, unit, placement_bound_names[shown->bounds->binding])},
      {"what binds", shown->bounds->reason != NULL ? shown->bounds->reason : "not said"},
      {"a list rule takes", map_page_rule(by_heft(shown, arena), outcome->value, unit, "heft", arena)},
      {"found by", arena_printf(arena, "%s, %llu sample%s", shown->algorithm, (unsigned long long)outcome->samples,
                                outcome->samples == 1 ? "" : "s")},
  };
  const struct report report = {
      .title = arena_printf(arena, "Layers to devices: %s", problem->name),
      .headline = outcome->proven_optimal
                      ? arena_printf(arena, "%zu layers on %zu devices: %.6g %s, proven optimal.", problem->n_layers,
                                     problem->n_devices, outcome->value, unit)
                      : arena_printf(arena, "%zu layers on %zu devices: %.6g %s, at most %.3g %% above the optimum.",
                                     problem->n_layers, problem->n_devices, outcome->value, unit, 100 * outcome->gap),
      .facts = facts,
      .n_facts = sizeof facts / sizeof *facts,
      .best_row = SIZE_MAX,
      .timelines = &timeline,
      .n_timelines = 1,
      .profiles = &profile,
      .n_profiles = 1,
      .tables = tables,
      .n_tables = sizeof tables / sizeof *tables};
  return report_publish(&report, path, arena, error);
}

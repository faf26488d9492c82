/* A partition to look at: what each chip's load is made of, where the graph is cut, what crosses the cuts, and a few
 * samples on their way through the chips. See partition_page.h. */
#include "dse/partition/partition_page.h"
#include "dse/map/map_page.h"

#include "dse/output/pipeline_picture.h"
#include "results/report.h"
#include "search/partition/partition_algorithm.h"
#include <inttypes.h>
#include <math.h>

enum { N_PARTS = 3, SAMPLES_SHOWN = 6, MAX_ARCS = 4096 };
static const char *const parts[N_PARTS] = {"receives", "computes", "sends"};

/* By chip, of those that are used. */
struct chips {
  uint32_t n;
  double *ms[N_PARTS]; /* [C] each */
  size_t *n_groups, *n_nodes;
  double *weight_bytes;
};

static bool overlaps(const struct partition_shown *shown) {
  const enum partition_cost cost = shown->graph->problem->cost;
  return cost == PARTITION_RING_OVERLAP || cost == PARTITION_P2P_OVERLAP;
}

static struct chips chips_of(const struct partition_shown *shown, struct arena *arena) {
  const struct partition_graph *const graph = shown->graph;
  const size_t n_chips = graph->problem->n_chips;
  const uint32_t *const chip = shown->outcome->chip;
  struct chips chips = {.n = shown->outcome->n_used,
                        .n_groups = ARENA_NEW(arena, size_t, n_chips),
                        .n_nodes = ARENA_NEW(arena, size_t, n_chips),
                        .weight_bytes = ARENA_NEW(arena, double, n_chips)};
  for (size_t i = 0; i < N_PARTS; i++) chips.ms[i] = ARENA_NEW(arena, double, n_chips);
  partition_parts(graph, chip, partition_work_new(graph, arena), chips.ms[1], chips.ms[0], chips.ms[2]);
  for (size_t g = 0; g < graph->n; g++) {
    chips.n_groups[chip[g] - 1]++;
    chips.n_nodes[chip[g] - 1] += graph->member.start[g + 1] - graph->member.start[g];
    chips.weight_bytes[chip[g] - 1] += (double)graph->weight_bytes[g];
  }
  return chips;
}

/* --- samples on their way --- */

static uint64_t ticks(double ms) { return (uint64_t)llround(fmax(ms, 0) * 1e6); }

/* A sample goes on to the next chip when it is done here, if that chip is done with the sample before. */
static void samples_on_chips(const struct partition_shown *shown, const struct chips *chips, struct arena *arena,
                             struct timeline *timeline) {
  struct timeline_bar *const bars = ARENA_NEW(arena, struct timeline_bar, (size_t)N_PARTS * SAMPLES_SHOWN * chips->n);
  const char **const lanes = ARENA_NEW(arena, const char *, chips->n);
  double *const free_ms = ARENA_NEW(arena, double, chips->n);
  const double *const load_ms = shown->outcome->load_ms;
  size_t n = 0;
  for (uint32_t c = 0; c < chips->n; c++) lanes[c] = arena_printf(arena, "chip %" PRIu32, c + 1);
  for (unsigned s = 0; s < SAMPLES_SHOWN; s++) {
    double now_ms = 0;
    const char *const label = arena_printf(arena, "sample %u", s + 1);
    for (uint32_t c = 0; c < chips->n; c++) {
      now_ms = fmax(now_ms, free_ms[c]);
      for (size_t i = 0; i < N_PARTS; i++) {
        if (overlaps(shown) && i != 1) continue;
        const double long_ms = overlaps(shown) ? load_ms[c] : chips->ms[i][c];
        if (!(long_ms > 0)) continue;
        bars[n++] = (struct timeline_bar){.label = label,
                                          .start_cycles = ticks(now_ms),
                                          .finish_cycles = ticks(now_ms + long_ms),
                                          .lane = c,
                                          .phase = (uint16_t)i,
                                          .critical = load_ms[c] >= shown->outcome->value};
        now_ms += long_ms;
      }
      free_ms[c] = now_ms;
    }
  }
  *timeline = (struct timeline){.chips = true,
                                .title = "The first samples on their way through the chips",
                                .lanes = lanes,
                                .n_lanes = chips->n,
                                .phases = parts,
                                .n_phases = N_PARTS,
                                .bars = bars,
                                .n_bars = n,
                                .us_per_cycle = 1e-3,
                                .note = overlaps(shown)
                                            ? "Transfers run beside the work: a bar is the longest of them. Marked: "
                                              "the chip that all others wait for."
                                            : "A sample goes on when the next chip is free. Marked: the chip that all "
                                              "others wait for, one sample a period."};
}

bool partition_publish_trace(const struct partition_shown *shown, const char *path, struct arena *arena,
                             struct error *error) {
  const struct chips chips = chips_of(shown, arena);
  struct timeline timeline;
  samples_on_chips(shown, &chips, arena, &timeline);
  return pipeline_picture_publish(path, &timeline, arena, error);
}

/* --- loads --- */

static void stack_loads(const struct partition_shown *shown, const struct chips *chips, struct arena *arena,
                        struct report_stacks *stacks) {
  struct report_stack *const rows = ARENA_NEW(arena, struct report_stack, chips->n);
  for (uint32_t c = 0; c < chips->n; c++) {
    double *const values = ARENA_NEW(arena, double, N_PARTS);
    for (size_t i = 0; i < N_PARTS; i++) values[i] = chips->ms[i][c];
    rows[c] = (struct report_stack){arena_printf(arena, "chip %" PRIu32, c + 1), values, shown->bounds->best};
  }
  *stacks = (struct report_stacks){
      .title = "Load of each chip",
      .sentence = overlaps(shown)
                      ? "The parts run at the same time, the longest of them is the load; the longest load is the "
                        "period. The mark: no partition has a shorter period."
                      : "The longest bar is the period. The mark: no partition has a shorter one. Bars of unequal "
                        "length that cannot be evened out: large operators, or cuts that cost more than they save.",
      .unit = "ms",
      .parts = parts,
      .n_parts = N_PARTS,
      .rows = rows,
      .n_rows = chips->n};
}

/* Groups along the topological order, by chip: the staircase of the partition. */
static void draw_graph(const struct partition_shown *shown, struct arena *arena, struct report_points *points) {
  static const char *const kinds[] = {"operators with work", "operators without"};
  const struct partition_graph *const graph = shown->graph;
  struct report_point *const list = ARENA_NEW(arena, struct report_point, graph->n);
  for (size_t g = 0; g < graph->n; g++) {
    list[g] = (struct report_point){.name = graph->problem->node_names[graph->member.at[graph->member.start[g]]],
                                    .x = graph->place[g] + 1,
                                    .y = shown->outcome->chip[g],
                                    .kind = graph->compute_ms[g] > 0 ? 0 : 1};
  }
  *points = (struct report_points){
      .title = "The graph in chips",
      .sentence = "Every group of operators by its place in topological order. Steps that overlap: branches that run "
                  "beside each other are cut at different depths.",
      .x_name = "place in topological order",
      .y_name = "chip",
      .kinds = kinds,
      .n_kinds = 2,
      .points = list,
      .n_points = graph->n,
      .chosen = SIZE_MAX,
      .y_bound = NAN};
}

/* Bytes between neighbouring chips, whatever the cost model says of them. */
static void profile_cuts(const struct partition_shown *shown, struct arena *arena, struct report_profile *profile) {
  const struct partition_graph *const graph = shown->graph;
  const uint32_t *const chip = shown->outcome->chip, n = shown->outcome->n_used;
  double *const x = ARENA_NEW(arena, double, (size_t)n + 1), *const y = ARENA_NEW(arena, double, (size_t)n + 1);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *const tensor = &graph->tensors[t];
    uint32_t last = chip[tensor->producer];
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      if (chip[graph->consumer[i]] > last) last = chip[graph->consumer[i]];
    }
    for (uint32_t c = chip[tensor->producer]; c < last; c++) y[c - 1] += (double)tensor->bits / 8e6;
  }
  for (uint32_t c = 0; c < n; c++) x[c] = c + 1;
  *profile = (struct report_profile){
      .title = "What crosses the cuts",
      .sentence = "Every tensor that is made before a cut and needed behind it, once, however many operators read it. "
                  "High between two low ones: a cut nearby would be cheaper, but for the work on either side.",
      .x_name = "cut behind chip",
      .y_name = "MB a sample",
      .x = x,
      .y = y,
      .n = n};
}

/* --- tables --- */

static const struct report_column chip_columns[] = {
    {"chip", "", "", false},         {"operators", "", "", false},  {"groups", "", "", false},
    {"weights", "bytes", "", false}, {"computes", "ms", "", false}, {"receives", "ms", "", false},
    {"sends", "ms", "", false},      {"load", "ms", "", false},     {"of the period", "%", "", false}};
enum { N_CHIP_COLUMNS = sizeof chip_columns / sizeof *chip_columns };

static void list_chips(const struct partition_shown *shown, const struct chips *chips, struct arena *arena,
                       struct report_table *table) {
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, (size_t)N_CHIP_COLUMNS * chips->n);
  for (uint32_t c = 0; c < chips->n; c++) {
    struct report_cell *const cell = &cells[(size_t)N_CHIP_COLUMNS * c];
    const double load_ms = shown->outcome->load_ms[c];
    cell[0].number = c + 1;
    cell[1].number = (double)chips->n_nodes[c];
    cell[2].number = (double)chips->n_groups[c];
    cell[3].number = chips->weight_bytes[c];
    cell[4].number = chips->ms[1][c];
    cell[5].number = chips->ms[0][c];
    cell[6].number = chips->ms[2][c];
    cell[7].number = load_ms;
    cell[8].number = shown->outcome->value > 0 ? 100 * load_ms / shown->outcome->value : NAN;
  }
  *table = (struct report_table){.title = "Chips",
                                 .sentence = "Groups: operators that must stay together count once.",
                                 .columns = chip_columns,
                                 .n_columns = N_CHIP_COLUMNS,
                                 .cells = cells,
                                 .n_rows = chips->n};
}

static const struct report_column cut_columns[] = {{"from chip", "", "", false},
                                                   {"to chip", "", "", false},
                                                   {"tensors", "", "", false},
                                                   {"traffic", "bytes", "", false}};

/* Arcs of the graph of chips: which chip reads how much of which, each tensor once. */
static void list_cuts(const struct partition_shown *shown, struct arena *arena, struct report_table *table) {
  const struct partition_graph *const graph = shown->graph;
  const uint32_t *const chip = shown->outcome->chip;
  const size_t n = shown->outcome->n_used;
  double *const bytes = ARENA_NEW(arena, double, n *n), *const tensors = ARENA_NEW(arena, double, n *n);
  size_t *const seen = ARENA_NEW(arena, size_t, n), n_rows = 0;
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *const tensor = &graph->tensors[t];
    const size_t from = chip[tensor->producer] - 1;
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      const size_t to = chip[graph->consumer[i]] - 1;
      if (to == from || seen[to] == t + 1) continue;
      seen[to] = t + 1;
      n_rows += tensors[from * n + to] < 1;
      tensors[from * n + to]++;
      bytes[from * n + to] += (double)tensor->bits / 8;
    }
  }
  if (n_rows > MAX_ARCS) n_rows = MAX_ARCS;
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, 4 * n_rows);
  size_t row = 0;
  for (size_t i = 0; i < n * n && row < n_rows; i++) {
    if (tensors[i] < 1) continue;
    struct report_cell *const cell = &cells[4 * row++];
    cell[0].number = (double)(i / n + 1);
    cell[1].number = (double)(i % n + 1);
    cell[2].number = tensors[i];
    cell[3].number = bytes[i];
  }
  *table = (struct report_table){.title = "Who reads from whom",
                                 .sentence = "Tensors by the chip that makes and the chip that reads them. Chips "
                                             "farther apart than one: under a ring the chips between pass them on.",
                                 .columns = cut_columns,
                                 .n_columns = 4,
                                 .cells = cells,
                                 .n_rows = n_rows};
}

static const struct report_column bound_columns[] = {
    {"bound", "", "", true}, {"value", "ms", "max", false}, {"of the answer", "%", "", false}};

static void list_bounds(const struct partition_shown *shown, struct arena *arena, struct report_table *table) {
  const struct map_page_bounds bounds = {PARTITION_N_BOUNDS,    partition_bound_names, shown->bounds->value,
                                         shown->outcome->value, "partition",           bound_columns};
  map_page_bounds(&bounds, arena, table);
}

static const struct report_column node_columns[] = {{"node", "", "", false},         {"operator", "", "", true},
                                                    {"chip", "", "", false},         {"computes", "ms", "", false},
                                                    {"weights", "bytes", "", false}, {"output", "bytes", "", false}};
enum { N_NODE_COLUMNS = sizeof node_columns / sizeof *node_columns };

static void list_nodes(const struct partition_shown *shown, struct arena *arena, struct report_table *table) {
  const struct partition_problem *const problem = shown->graph->problem;
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_NODE_COLUMNS * problem->n_nodes);
  for (size_t v = 0; v < problem->n_nodes; v++) {
    struct report_cell *const cell = &cells[N_NODE_COLUMNS * v];
    cell[0].number = (double)v;
    cell[1] = (struct report_cell){NAN, problem->node_names[v]};
    cell[2].number = shown->outcome->node_chip[v];
    cell[3].number = problem->compute_ms[v];
    cell[4].number = (double)problem->weight_bytes[v];
    cell[5].number = (double)problem->out_bits[v] / 8;
  }
  *table = (struct report_table){.title = "Operators",
                                 .sentence = "In the order of the problem's file.",
                                 .columns = node_columns,
                                 .n_columns = N_NODE_COLUMNS,
                                 .cells = cells,
                                 .n_rows = problem->n_nodes};
}

static double by_greedy_ms(const struct partition_shown *shown, struct arena *arena) {
  struct partition_result result;
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct error none = {0};
  const struct partition_request request = {
      .graph = shown->graph, .bounds = shown->bounds, .samples = 1, .arena = arena, .scratch = &scratch};
  const bool ran = partition_find_algorithm("greedy")->run(&request, &result, &none);
  arena_release(&scratch);
  return ran && result.found ? result.value : INFINITY;
}

bool partition_publish_page(const struct partition_shown *shown, const char *path, struct arena *arena,
                            struct error *error) {
  const struct partition_problem *const problem = shown->graph->problem;
  const struct partition_outcome *const outcome = shown->outcome;
  const struct chips chips = chips_of(shown, arena);
  struct timeline timeline;
  struct report_stacks stacks;
  struct report_points points;
  struct report_profile profile;
  struct report_table chip_tables[2], tables[2];
  samples_on_chips(shown, &chips, arena, &timeline);
  stack_loads(shown, &chips, arena, &stacks);
  draw_graph(shown, arena, &points);
  profile_cuts(shown, arena, &profile);
  list_chips(shown, &chips, arena, &chip_tables[0]);
  list_cuts(shown, arena, &chip_tables[1]);
  list_bounds(shown, arena, &tables[0]);
  list_nodes(shown, arena, &tables[1]);
  const struct report_chapter chapter = {.title = "Chips",
                                         .sentence = "What each chip has to do for one sample.",
                                         .stacks = &stacks,
                                         .n_stacks = 1,
                                         .points = &points,
                                         .tables = chip_tables,
                                         .n_tables = 2};
  const struct report_fact facts[] = {
      {"period", arena_printf(arena, "%.9g ms a sample", outcome->value)},
      {"throughput", arena_printf(arena, "%.6g samples/s", outcome->value > 0 ? 1000 / outcome->value : 0.0)},
      {"chips", arena_printf(arena, "%" PRIu32 " of %" PRIu32 " used", outcome->n_used, problem->n_chips)},
      {"no partition is below",
       arena_printf(arena, "%.9g ms (%s)", shown->bounds->best, partition_bound_names[shown->bounds->binding])},
      {"what binds", shown->bounds->reason != NULL ? shown->bounds->reason : "not said"},
      {"chips filled in turn take", map_page_rule(by_greedy_ms(shown, arena), outcome->value, "ms", "greedy", arena)},
      {"found by", arena_printf(arena, "%s, %" PRIu64 " sample%s", shown->algorithm, outcome->samples,
                                outcome->samples == 1 ? "" : "s")},
  };
  const struct report report = {
      .title = arena_printf(arena, "Operators to chips: %s", problem->name),
      .headline = outcome->proven_optimal
                      ? arena_printf(arena, "%zu operators on %" PRIu32 " chips: %.6g ms a sample, proven optimal.",
                                     problem->n_nodes, problem->n_chips, outcome->value)
                      : arena_printf(arena,
                                     "%zu operators on %" PRIu32
                                     " chips: %.6g ms a sample, at most %.3g %% of it above the optimum.",
                                     problem->n_nodes, problem->n_chips, outcome->value, 100 * outcome->gap),
      .facts = facts,
      .n_facts = sizeof facts / sizeof *facts,
      .chapter = &chapter,
      .best_row = SIZE_MAX,
      .timelines = &timeline,
      .n_timelines = 1,
      .profiles = &profile,
      .n_profiles = 1,
      .tables = tables,
      .n_tables = sizeof tables / sizeof *tables};
  return report_publish(&report, path, arena, error);
}

/* The tables of a sharding's page: bounds, sets, layers, what travels between sets; and what sets' time is made of. See
 * sharding_page.h. */
#include "dse/map/map_page.h"
#include "dse/sharding/sharding_page_private.h"

#include <math.h>

/* --- what time is made of -------------------------------------------------------------------------------------------
 */

enum { PART_COMPUTE, PART_SHIFT, PART_ALL_REDUCE, PART_RESHARD, PART_BACKWARD, N_PARTS };
static const char *const parts[N_PARTS] = {"compute", "shift", "all-reduce", "re-shard", "backward"};

void sharding_page_chapter(const struct sharding_shown *shown, struct arena *arena, struct report_chapter *chapter) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_answer *const answer = &shown->outcome->answer;
  const uint32_t *const set_of = sharding_page_sets(shown, arena);
  struct report_stack *const rows = ARENA_NEW(arena, struct report_stack, answer->n_sets);
  struct report_stacks *const stacks = ARENA_NEW(arena, struct report_stacks, 1);
  double *const values = ARENA_NEW(arena, double, N_PARTS * answer->n_sets);
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const struct sharding_cost cost = sharding_page_cost(shown, l, set_of[l]);
    double *const of = values + (size_t)N_PARTS * set_of[l];
    of[PART_COMPUTE] += cost.phases * cost.phase_s;
    of[PART_SHIFT] += fmax(cost.forward_s - cost.all_reduce_s - cost.phases * cost.phase_s, 0);
    of[PART_ALL_REDUCE] += cost.all_reduce_s;
    of[PART_BACKWARD] += cost.total_s - cost.forward_s;
  }
  for (size_t e = 0; e < p->n_edges; e++) {
    values[(size_t)N_PARTS * set_of[p->edges[e].to] + PART_RESHARD] += shown->outcome->schedule.reshard_in_s[e];
  }
  for (size_t s = 0; s < answer->n_sets; s++) {
    rows[s] = (struct report_stack){
        .name = arena_printf(arena, "set %zu", s), .values = values + N_PARTS * s, .limit = shown->outcome->value_s};
  }
  *stacks = (struct report_stacks){
      .title = "What each set does",
      .sentence = "Sums over the set's layers; what is re-sharded may travel while other layers run. The mark is the "
                  "latency.",
      .unit = "s",
      .parts = parts,
      .n_parts = p->training ? N_PARTS : N_PARTS - 1,
      .rows = rows,
      .n_rows = answer->n_sets};
  *chapter =
      (struct report_chapter){.title = "Where time goes",
                              .sentence = "Computation, shards going round as far as it is seen, sums of partial "
                                          "results, and what must move between layers.",
                              .stacks = stacks,
                              .n_stacks = 1};
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

static const struct report_column bound_columns[] = {
    {"bound", "", "", true}, {"value", "s", "max", false}, {"of the answer", "%", "", false}};

static void list_bounds(const struct sharding_shown *shown, struct arena *arena, struct report_table *table) {
  const struct map_page_bounds bounds = {SHARDING_N_BOUNDS,       sharding_bound_names, shown->bounds->value_s,
                                         shown->outcome->value_s, "sharding",           bound_columns};
  map_page_bounds(&bounds, arena, table);
}

static const struct report_column set_columns[] = {
    {"set", "", "", false},           {"design", "", "", true},
    {"boards", "", "", true},         {"first layer", "", "", true},
    {"last layer", "", "", true},     {"ring", "bytes/s", "", false},
    {"busy", "s", "", false},         {"a board holds", "bytes", "", false},
    {"of its memory", "%", "", false}};
enum { N_SET_COLUMNS = sizeof set_columns / sizeof *set_columns, SHOWN_BOARDS = 16 };

/* The first few by name. */
static const char *boards_text(const struct sharding_problem *p, const struct sharding_set *set, struct arena *arena) {
  const char *text = "";
  for (uint32_t i = 0; i < set->n_boards && i < SHOWN_BOARDS; i++) {
    text = arena_printf(arena, "%s%s%s", text, i > 0 ? " " : "", p->boards[set->boards[i]].name);
  }
  return set->n_boards > SHOWN_BOARDS ? arena_printf(arena, "%s … (%u)", text, set->n_boards) : text;
}

static void list_sets(const struct sharding_shown *shown, struct arena *arena, struct report_table *table) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_answer *const answer = &shown->outcome->answer;
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_SET_COLUMNS * answer->n_sets);
  for (size_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *const set = &answer->sets[s];
    struct report_cell *const cell = &cells[N_SET_COLUMNS * s];
    const double bytes = (double)sharding_set_bytes(p, set, answer->strategies, arena);
    uint64_t room = UINT64_MAX;
    double busy_s = 0;
    for (uint32_t i = 0; i < set->n_boards; i++) {
      if (p->boards[set->boards[i]].dram_bytes < room) room = p->boards[set->boards[i]].dram_bytes;
    }
    for (uint32_t place = set->first; place <= set->last; place++) {
      const uint32_t l = p->topological[place];
      busy_s += schedule->end_s[l] - schedule->start_s[l];
      if (p->training) busy_s += schedule->back_end_s[l] - schedule->back_start_s[l];
    }
    const double ring = sharding_ring_bandwidth(p, set->boards, set->n_boards);
    cell[0].number = (double)s;
    cell[1] = (struct report_cell){NAN, p->designs[set->design].name};
    cell[2] = (struct report_cell){NAN, boards_text(p, set, arena)};
    cell[3] = (struct report_cell){NAN, p->layers[p->topological[set->first]].name};
    cell[4] = (struct report_cell){NAN, p->layers[p->topological[set->last]].name};
    cell[5].number = isfinite(ring) ? ring : NAN;
    cell[6].number = busy_s;
    cell[7].number = bytes;
    cell[8].number = room > 0 ? 100 * bytes / (double)room : NAN;
  }
  *table = (struct report_table){.title = "Sets",
                                 .sentence = "Ring: its slowest link. Of its memory: of the set's smallest board.",
                                 .columns = set_columns,
                                 .n_columns = N_SET_COLUMNS,
                                 .cells = cells,
                                 .n_rows = answer->n_sets};
}

static const struct report_column layer_columns[] = {
    {"layer", "", "", true},       {"kind", "", "", true},        {"set", "", "", false},
    {"exclusive", "", "", true},   {"shared", "", "", true},      {"phases", "", "", false},
    {"computes", "s", "", false},  {"shift", "s", "", false},     {"all-reduce", "s", "", false},
    {"starts at", "s", "", false}, {"ends at", "s", "", false},   {"weights", "bytes", "", false},
    {"input", "bytes", "", false}, {"output", "bytes", "", false}};
enum { N_LAYER_COLUMNS = sizeof layer_columns / sizeof *layer_columns };

static void list_layers(const struct sharding_shown *shown, struct arena *arena, struct report_table *table) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  const uint32_t *const set_of = sharding_page_sets(shown, arena);
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_LAYER_COLUMNS * p->n_layers);
  for (size_t place = 0; place < p->n_layers; place++) {
    const uint32_t l = p->topological[place];
    const struct sharding_cost cost = sharding_page_cost(shown, l, set_of[l]);
    const struct sharding_strategy *const strategy = &shown->outcome->answer.strategies[l];
    struct report_cell *const cell = &cells[N_LAYER_COLUMNS * place];
    cell[0] = (struct report_cell){NAN, p->layers[l].name};
    cell[1] = (struct report_cell){NAN, sharding_kinds[p->layers[l].kind].name};
    cell[2].number = set_of[l];
    cell[3] = (struct report_cell){NAN, sharding_es_text(strategy, arena)};
    cell[4] = (struct report_cell){NAN, sharding_ss_text(strategy)};
    cell[5].number = cost.phases;
    cell[6].number = cost.phases * cost.phase_s;
    cell[7].number = fmax(cost.forward_s - cost.all_reduce_s - cost.phases * cost.phase_s, 0);
    cell[8].number = cost.all_reduce_s;
    cell[9].number = schedule->start_s[l];
    cell[10].number = schedule->end_s[l];
    cell[11].number = (double)cost.weight_bytes;
    cell[12].number = (double)cost.input_bytes;
    cell[13].number = (double)cost.output_bytes;
  }
  *table = (struct report_table){.title = "Layers",
                                 .sentence = "In the order in which they run; bytes of the fullest board.",
                                 .columns = layer_columns,
                                 .n_columns = N_LAYER_COLUMNS,
                                 .cells = cells,
                                 .n_rows = p->n_layers};
}

static const struct report_column traffic_columns[] = {{"from set", "", "", false},
                                                       {"to set", "", "", false},
                                                       {"edges", "", "", false},
                                                       {"moves", "s", "", false},
                                                       {"a board lacks", "bytes", "", false},
                                                       {"link", "bytes/s", "", false}};
enum { N_TRAFFIC_COLUMNS = sizeof traffic_columns / sizeof *traffic_columns };

/* Pairs of sets between which something moves, in the order of their first edge. */
static void list_traffic(const struct sharding_shown *shown, struct arena *arena, struct report_table *table) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_answer *const answer = &shown->outcome->answer;
  const uint32_t *const set_of = sharding_page_sets(shown, arena);
  struct report_cell *const cells = ARENA_NEW(arena, struct report_cell, N_TRAFFIC_COLUMNS * (p->n_edges + 1));
  uint32_t(*const pair)[2] = arena_alloc(arena, p->n_edges + 1, sizeof *pair);
  size_t n = 0;
  for (uint32_t e = 0; e < p->n_edges; e++) {
    const uint32_t from = set_of[p->edges[e].from], to = set_of[p->edges[e].to];
    const struct sharding_set *const a = &answer->sets[from], *const b = &answer->sets[to];
    const double time_s = shown->outcome->schedule.reshard_in_s[e];
    size_t at = 0;
    if (!(time_s > 0)) continue;
    while (at < n && (pair[at][0] != from || pair[at][1] != to)) at++;
    struct report_cell *const cell = &cells[N_TRAFFIC_COLUMNS * at];
    const double rate = from == to ? sharding_ring_bandwidth(p, a->boards, a->n_boards)
                                   : sharding_between_bandwidth(p, a->boards, a->n_boards, b->boards, b->n_boards);
    if (at == n) pair[at][0] = from, pair[at][1] = to, n++;
    cell[0].number = from, cell[1].number = to, cell[5].number = rate;
    cell[2].number++;
    cell[3].number += time_s;
    cell[4].number += time_s * rate;
  }
  *table = (struct report_table){
      .title = "What moves between layers",
      .sentence = "On one set what a board needs and has not; to another set all of it. Bytes of the board that lacks "
                  "most, over the slowest link.",
      .columns = traffic_columns,
      .n_columns = N_TRAFFIC_COLUMNS,
      .cells = cells,
      .n_rows = n};
}

void sharding_page_tables(const struct sharding_shown *shown, struct arena *arena,
                          struct report_table tables[SHARDING_PAGE_TABLES]) {
  list_bounds(shown, arena, &tables[0]);
  list_sets(shown, arena, &tables[1]);
  list_layers(shown, arena, &tables[2]);
  list_traffic(shown, arena, &tables[3]);
}

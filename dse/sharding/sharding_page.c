/* A sharding as a Gantt chart by set, what layers spend their time on, and a page around both. See sharding_page.h;
 * tables are in sharding_page_tables.c. */
#include "dse/sharding/sharding_page.h"

#include "dse/map/map_page.h"
#include "dse/output/pipeline_picture.h"
#include "dse/sharding/sharding_page_private.h"
#include "results/report.h"
#include "search/sharding/sharding_algorithm.h"
#include <math.h>
#include <string.h>

/* In the order of the parts of a set's time, so that a colour says the same in both charts. */
enum { PHASE_COMPUTE, PHASE_SHIFT, PHASE_ALL_REDUCE, PHASE_WAIT, PHASE_BACKWARD, N_PHASES };
static const char *const phases[N_PHASES] = {"compute", "shift", "all-reduce", "re-shard", "backward"};

static uint64_t ticks(double seconds) { return (uint64_t)llround(fmax(seconds, 0) * 1e12); }

uint32_t *sharding_page_sets(const struct sharding_shown *shown, struct arena *arena) {
  uint32_t *const set_of = ARENA_NEW(arena, uint32_t, shown->problem->n_layers);
  const struct sharding_answer *const answer = &shown->outcome->answer;
  for (uint32_t s = 0; s < answer->n_sets; s++) {
    for (uint32_t place = answer->sets[s].first; place <= answer->sets[s].last; place++) {
      set_of[shown->problem->topological[place]] = s;
    }
  }
  return set_of;
}

struct sharding_cost sharding_page_cost(const struct sharding_shown *shown, uint32_t layer, uint32_t set_number) {
  const struct sharding_set *const set = &shown->outcome->answer.sets[set_number];
  struct sharding_cost cost;
  sharding_cost(shown->problem, layer, &shown->problem->designs[set->design], set->n_boards,
                sharding_ring_bandwidth(shown->problem, set->boards, set->n_boards),
                &shown->outcome->answer.strategies[layer], &cost);
  return cost;
}

/* From the layer that ends last forward back to whoever it waited for: an input that came just then, or the layer
 * before it on its set. */
static const bool *critical_path(const struct sharding_shown *shown, const uint32_t *set_of, struct arena *arena) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  bool *const critical = ARENA_NEW(arena, bool, p->n_layers);
  uint32_t last = 0;
  for (uint32_t l = 1; l < p->n_layers; l++) {
    if (schedule->end_s[l] > schedule->end_s[last]) last = l;
  }
  while (last != SHARDING_NONE) {
    const uint32_t here = last;
    const double start_s = schedule->start_s[here];
    critical[here] = true;
    last = SHARDING_NONE;
    for (uint32_t i = p->in_start[here]; i < p->in_start[here + 1]; i++) {
      const uint32_t edge = p->in_edge[i], from = p->edges[edge].from;
      if (schedule->end_s[from] + schedule->reshard_in_s[edge] >= start_s && start_s > 0) last = from;
    }
    if (last == SHARDING_NONE && p->place[here] > shown->outcome->answer.sets[set_of[here]].first && start_s > 0) {
      last = p->topological[p->place[here] - 1];
    }
  }
  return critical;
}

/* --- bars -----------------------------------------------------------------------------------------------------------
 */

struct bars {
  struct timeline_bar *list;
  size_t n;
};

/* What takes no time is left out. */
static void add_bar(struct bars *bars, const char *label, uint32_t lane, int phase, double start_s, double end_s,
                    bool critical) {
  const uint64_t start = ticks(start_s), finish = ticks(end_s);
  if (finish <= start) return;
  bars->list[bars->n++] = (struct timeline_bar){.label = label,
                                                .start_cycles = start,
                                                .finish_cycles = finish,
                                                .lane = lane,
                                                .phase = (uint16_t)phase,
                                                .critical = critical};
}

/* The set waits from when it is free and the layer's inputs are made until they have come. */
static double waits_from_s(const struct sharding_shown *shown, uint32_t layer, uint32_t set) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  double from_s = 0;
  if (p->place[layer] > shown->outcome->answer.sets[set].first) {
    from_s = schedule->end_s[p->topological[p->place[layer] - 1]];
  }
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    from_s = fmax(from_s, schedule->end_s[p->edges[p->in_edge[i]].from]);
  }
  return fmin(from_s, schedule->start_s[layer]);
}

static void add_layer(const struct sharding_shown *shown, uint32_t layer, uint32_t set, bool critical,
                      struct bars *bars) {
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  const struct sharding_cost cost = sharding_page_cost(shown, layer, set);
  const char *const name = shown->problem->layers[layer].name;
  const double start_s = schedule->start_s[layer], end_s = schedule->end_s[layer];
  const double computed_s = fmin(start_s + cost.phases * cost.phase_s, end_s);
  const double shifted_s = fmin(fmax(start_s + cost.forward_s - cost.all_reduce_s, computed_s), end_s);
  add_bar(bars, name, set, PHASE_WAIT, waits_from_s(shown, layer, set), start_s, critical);
  add_bar(bars, name, set, PHASE_COMPUTE, start_s, computed_s, critical);
  add_bar(bars, name, set, PHASE_SHIFT, computed_s, shifted_s, critical);
  add_bar(bars, name, set, PHASE_ALL_REDUCE, shifted_s, end_s, critical);
  if (schedule->back_start_s != NULL) {
    add_bar(bars, name, set, PHASE_BACKWARD, schedule->back_start_s[layer], schedule->back_end_s[layer], false);
  }
}

void sharding_timeline(const struct sharding_shown *shown, struct arena *arena, struct timeline *timeline) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_answer *const answer = &shown->outcome->answer;
  const uint32_t *const set_of = sharding_page_sets(shown, arena);
  const bool *const critical = critical_path(shown, set_of, arena);
  const char **const lanes = ARENA_NEW(arena, const char *, answer->n_sets);
  struct bars bars = {ARENA_NEW(arena, struct timeline_bar, N_PHASES * p->n_layers), 0};
  for (size_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *const set = &answer->sets[s];
    lanes[s] = arena_printf(arena, "set %zu: %u x %s", s, set->n_boards, p->designs[set->design].name);
  }
  for (uint32_t l = 0; l < p->n_layers; l++) add_layer(shown, l, set_of[l], critical[l], &bars);
  *timeline =
      (struct timeline){.chips = true,
                        .title = "Layers on sets of boards",
                        .lanes = lanes,
                        .n_lanes = (uint32_t)answer->n_sets,
                        .phases = phases,
                        .n_phases = p->training ? N_PHASES : N_PHASES - 1,
                        .bars = bars.list,
                        .n_bars = bars.n,
                        .us_per_cycle = 1e-6,
                        .note = "Each layer: waiting for what must move, computation, shards going round as far "
                                "as it is seen, the sum of partial results. Marked: what the end waited for."};
}

const char *sharding_gantt(const struct sharding_shown *shown, size_t width, struct arena *arena) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_answer *const answer = &shown->outcome->answer;
  const struct sharding_schedule *const schedule = &shown->outcome->schedule;
  enum { MOST_LINES = 16 };
  const char *text = "";
  for (size_t s = 0; s < answer->n_sets && s < MOST_LINES; s++) {
    const struct sharding_set *const set = &answer->sets[s];
    char *const line = arena_alloc(arena, width + 1, 1);
    memset(line, '.', width);
    double busy_s = 0;
    for (uint32_t place = set->first; place <= set->last; place++) {
      const uint32_t l = p->topological[place];
      const double *const starts[] = {schedule->start_s, schedule->back_start_s};
      const double *const ends[] = {schedule->end_s, schedule->back_end_s};
      for (int way = 0; way < (p->training ? 2 : 1); way++) {
        busy_s += ends[way][l] - starts[way][l];
        for (size_t i = 0; i < width; i++) {
          const double at_s = schedule->latency_s * ((double)i + 0.5) / (double)width;
          if (starts[way][l] <= at_s && at_s < ends[way][l]) line[i] = '#';
        }
      }
    }
    text = arena_printf(arena, "%sset %-3zu %s %u layers on %u boards as %s, %.0f %% busy\n", text, s, line,
                        set->last - set->first + 1, set->n_boards, p->designs[set->design].name,
                        schedule->latency_s > 0 ? 100 * busy_s / schedule->latency_s : 0);
  }
  if (answer->n_sets > MOST_LINES) text = arena_printf(arena, "%s(%zu sets in all)\n", text, answer->n_sets);
  return text;
}

bool sharding_publish_trace(const struct sharding_shown *shown, const char *path, struct arena *arena,
                            struct error *error) {
  struct timeline timeline;
  sharding_timeline(shown, arena, &timeline);
  return pipeline_picture_publish(path, &timeline, arena, error);
}

/* --- the page -------------------------------------------------------------------------------------------------------
 */

static double by_halves_s(const struct sharding_shown *shown, struct arena *arena) {
  struct sharding_result result;
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct sharding_bounds bounds = *shown->bounds; /* a search may add to its own */
  const struct sharding_request request = {
      .problem = shown->problem, .bounds = &bounds, .samples = 1 << 10, .arena = arena, .scratch = &scratch};
  sharding_find_algorithm("baseline")->run(&request, &result);
  arena_release(&scratch);
  return result.value_s;
}

bool sharding_publish_page(const struct sharding_shown *shown, const char *path, struct arena *arena,
                           struct error *error) {
  const struct sharding_problem *const p = shown->problem;
  const struct sharding_outcome *const outcome = shown->outcome;
  const struct sharding_schedule *const schedule = &outcome->schedule;
  struct timeline timeline;
  struct report_chapter chapter;
  struct report_table tables[SHARDING_PAGE_TABLES];
  sharding_timeline(shown, arena, &timeline);
  sharding_page_chapter(shown, arena, &chapter);
  sharding_page_tables(shown, arena, tables);
  const struct report_fact facts[] = {
      {p->training ? "a training step" : "latency", arena_printf(arena, "%.6g s", outcome->value_s)},
      {"no sharding is below",
       arena_printf(arena, "%.6g s (%s)", shown->bounds->best_s, sharding_bound_names[shown->bounds->binding])},
      {"what binds", shown->bounds->reason != NULL ? shown->bounds->reason : "not said"},
      {"period of a stream of inputs", arena_printf(arena, "%.6g s", schedule->period_s)},
      {"fullest board", arena_printf(arena, "%.6g MB", (double)schedule->peak_bytes * 1e-6)},
      {"shards travel", p->overlap ? "under computation" : "between phases"},
      {"halves of boards take", map_page_rule(by_halves_s(shown, arena), outcome->value_s, "s", "baseline", arena)},
      {"found by", arena_printf(arena, "%s, %llu sample%s", shown->algorithm, (unsigned long long)outcome->samples,
                                outcome->samples == 1 ? "" : "s")},
      {"what this is", "a reconstruction: the published system's equations and baseline are not public"},
  };
  const struct report report = {
      .title = arena_printf(arena, "Layers on sets of boards: %s", p->name),
      .headline = outcome->proven_optimal
                      ? arena_printf(arena, "%zu layers on %zu boards: %.6g s, proven optimal.", p->n_layers,
                                     p->n_boards, outcome->value_s)
                      : arena_printf(arena, "%zu layers on %zu boards: %.6g s, at most %.3g %% above the optimum.",
                                     p->n_layers, p->n_boards, outcome->value_s, 100 * outcome->gap),
      .facts = facts,
      .n_facts = sizeof facts / sizeof *facts,
      .chapter = &chapter,
      .best_row = SIZE_MAX,
      .timelines = &timeline,
      .n_timelines = 1,
      .tables = tables,
      .n_tables = SHARDING_PAGE_TABLES};
  return report_publish(&report, path, arena, error);
}

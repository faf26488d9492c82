/* Can a schedule be made shorter by moving and resizing its ops?
 *
 * The list scheduler never looks back: what starts early on many cores may keep a critical op waiting. Two repairs.
 * - Justification (Li and Willis 1992; Valls, Ballestín and Quintanilla 2005): place all ops as late as they go, in
 *   order of falling finishes, then as early as they go, in order of rising starts. Neither step lengthens a schedule,
 *   both close gaps.
 * - Iterated local search over (order, widths), for graphs small enough to be placed many times: a few ops, mostly such
 *   as have no slack in the present schedule, get other widths or earlier or later places in the order; the result is
 *   justified and kept if it is no longer than before. Widths change as in the allotment searches for malleable tasks
 *   (Radulescu and van Gemund 2001: critical ops get wider while that helps), but either way.
 * Every placement is serial: an op gets the earliest interval in which its cores are free, in front of what was placed
 * before it where there is room. Some order and widths give a shortest schedule, which lists that never wait do not
 * promise.
 *
 * Before all that come schedules from scratch, one a cap on widths: where ops spread well, running them one after the
 * other on all cores is close to the bound, and the list's sharing of cores is up to twice as long on whole networks.
 * Graphs of up to 64 ops end with the branch and bound of schedule_exact.c, cut short.
 *
 * Effort is counted in ops placed: `passes` times the graph, but at least EFFORT_OPS, and SMALL_EFFORT_OPS for graphs
 * that the branch and bound takes. Random choices come from a stream of the graph's size alone, so equal problems have
 * equal answers everywhere. Left out: edge delays,
 * index-matched pairs, as in schedule.c. */
#include "arch/schedule_improve.h"
#include "arch/schedule_exact.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/rng.h"
#include <string.h>

enum { EFFORT_OPS = 512, SMALL_EFFORT_OPS = 64 * 512, MOST_CHANGES = 5, DEVIATION = 8 };

/* Free cores from a moment to the next. An op of no duration needs its cores for an instant only: `crossing` counts the
 * cores whose op neither starts nor ends at this moment, `pinned` the most that an op of no duration has here. */
struct moment {
  uint64_t cycles;
  uint32_t free[N_CORE_CLASSES], crossing[N_CORE_CLASSES], pinned[N_CORE_CLASSES];
};

struct timeline {
  const uint32_t *n_cores;
  struct moment *moments; /* the last one lasts for ever */
  size_t n;
};

struct ordered {
  uint64_t key;
  uint32_t op;
};

/* A solution: durations follow from widths, times from the order. */
struct solution {
  uint64_t makespan_cycles;
  uint64_t *start_cycles;
  uint8_t *width_log2;
};

struct improver {
  const struct schedule_problem *problem;
  size_t n_ops;
  struct timeline timeline;
  const uint16_t *choices;              /* [n_shapes]: bit w: 2^w cores are allowed and faster than fewer */
  const uint32_t *shapes;               /* [n_ops], as ops themselves are wide */
  uint64_t *bottom_cycles, *top_cycles; /* least time from an op's start to the end, from the beginning to its finish */
  struct ordered *order, *spare;
  uint64_t *finish_cycles;              /* of the placement under way, in its direction */
  struct solution best, present, trial; /* the search moves on from the present one */
  uint64_t *slack_cycles;               /* of the solution justified last */
  uint64_t n_placements_left;
  uint64_t enough_cycles;
};

/* --- the timeline ---------------------------------------------------------------------------------------------------
 */

static void timeline_clear(struct timeline *timeline) {
  timeline->n = 1;
  timeline->moments[0] = (struct moment){0};
  memcpy(timeline->moments[0].free, timeline->n_cores, sizeof timeline->moments[0].free);
}

/* The last moment that is not after `cycles`. */
static inline size_t timeline_find(const struct timeline *timeline, uint64_t cycles) {
  size_t low = 0, high = timeline->n; /* most ops are placed near the end */
  for (size_t step = 1; step < high; step *= 2)
    if (timeline->moments[high - step].cycles <= cycles) {
      low = high - step;
      break;
    } else if (high - step == 0) {
      break;
    }
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (timeline->moments[middle].cycles <= cycles) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

static inline bool has_free(const struct moment *moment, const uint32_t *need) {
  return (moment->free[0] >= need[0]) & (moment->free[1] >= need[1]) & (moment->free[2] >= need[2]);
}

/* May an op run across this moment? */
static inline bool can_cross(const struct timeline *timeline, const struct moment *moment, const uint32_t *need) {
  bool can = true;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    can &= moment->crossing[c] + moment->pinned[c] + need[c] <= timeline->n_cores[c];
  return can;
}

/* May an op of no duration have this moment? Only what crosses it is in its way. */
static bool has_instant(const struct timeline *timeline, const struct moment *moment, const uint32_t *need) {
  bool has = true;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) has &= moment->crossing[c] + need[c] <= timeline->n_cores[c];
  return has;
}

/* Makes `cycles`, which lies in or at the start of moment k, a moment of its own and returns it. */
static inline size_t timeline_split(struct timeline *timeline, size_t k, uint64_t cycles) {
  if (timeline->moments[k].cycles == cycles) return k;
  struct moment *const moments = timeline->moments;
  for (size_t j = timeline->n++; j > k + 1; j--) moments[j] = moments[j - 1];
  moments[k + 1] = moments[k];
  moments[k + 1].cycles = cycles;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    moments[k + 1].crossing[c] = timeline->n_cores[c] - moments[k].free[c];
    moments[k + 1].pinned[c] = 0;
  }
  return k + 1;
}

/* Takes the needed cores for `cycles` from the first moment on, not before `ready_cycles`, that has them; returns the
 * start. */
static inline uint64_t timeline_place(struct timeline *timeline, uint64_t ready_cycles, uint64_t cycles,
                                      const uint32_t *need) {
  struct moment *const moments = timeline->moments;
  size_t first = timeline_find(timeline, ready_cycles), last;
  uint64_t start_cycles = ready_cycles;
  if (cycles == 0) {
    for (;; start_cycles = moments[++first].cycles) {
      const bool at_moment = moments[first].cycles == start_cycles;
      if (at_moment ? has_instant(timeline, &moments[first], need) : has_free(&moments[first], need)) break;
    }
    first = timeline_split(timeline, first, start_cycles);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if (moments[first].pinned[c] < need[c]) moments[first].pinned[c] = need[c];
    return start_cycles;
  }
  for (last = first;;) {
    if (!has_free(&moments[last], need)) {
      first = ++last;
      start_cycles = moments[first].cycles;
    } else if (last > first && !can_cross(timeline, &moments[last], need)) {
      first = last;
      start_cycles = moments[first].cycles;
    } else if (last + 1 == timeline->n || moments[last + 1].cycles >= start_cycles + cycles) {
      break;
    } else {
      last++;
    }
  }
  const size_t n_before = timeline->n;
  first = timeline_split(timeline, first, start_cycles);
  last += timeline->n - n_before;
  if (last + 1 == timeline->n || moments[last + 1].cycles > start_cycles + cycles)
    timeline_split(timeline, last, start_cycles + cycles);
  for (size_t k = first; k <= last; k++)
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      moments[k].free[c] -= need[c];
      moments[k].crossing[c] += k > first ? need[c] : 0;
    }
  return start_cycles;
}

/* --- placing all ops ------------------------------------------------------------------------------------------------
 */

static inline uint64_t op_cycles(const struct improver *improver, size_t op, unsigned width) {
  const struct schedule_problem *const problem = improver->problem;
  return problem->shape_cycles[(size_t)improver->shapes[op] * problem->n_widths + width];
}

struct need {
  uint32_t cores[N_CORE_CLASSES];
};

static inline struct need need_of(const struct improver *improver, size_t op, unsigned width) {
  const unsigned classes = improver->problem->shape_classes[improver->shapes[op]];
  return (struct need){{(classes & 1) << width, (classes >> 1 & 1) << width, (classes >> 2 & 1) << width}};
}

/* In place, by (key, op): a merge of runs, as the input is nearly in order. */
static void sort_order(struct improver *improver) {
  struct ordered *from = improver->order, *to = improver->spare;
  const size_t n = improver->n_ops;
  enum { RUN = 16 };
  for (size_t start = 0; start < n; start += RUN)
    for (size_t i = start + 1; i < n && i < start + RUN; i++) {
      const struct ordered entry = from[i];
      size_t k = i;
      for (; k > start && (from[k - 1].key > entry.key || (from[k - 1].key == entry.key && from[k - 1].op > entry.op));
           k--)
        from[k] = from[k - 1];
      from[k] = entry;
    }
  for (size_t width = RUN; width < n; width *= 2) {
    for (size_t start = 0; start < n; start += 2 * width) {
      const size_t middle = min_u64(start + width, n), end = min_u64(start + 2 * width, n);
      size_t a = start, b = middle;
      for (size_t k = start; k < end; k++) {
        const bool left =
            b == end ||
            (a < middle && (from[a].key < from[b].key || (from[a].key == from[b].key && from[a].op < from[b].op)));
        to[k] = left ? from[a++] : from[b++];
      }
    }
    struct ordered *const swap = from;
    from = to;
    to = swap;
  }
  improver->order = from;
  improver->spare = to;
}

/* In place, by the leading bits of the key, then as they are, which must be by op: in time linear in the ops. Rising
 * keys stay rising, so a topological order stays one. */
static void sort_coarsely(struct improver *improver, uint64_t most_key) {
  enum { BITS = 8, N_ROWS = 1 << BITS };
  unsigned shift = 0;
  while (most_key >> shift >= UINT64_C(1) << (2 * BITS)) shift++;
  for (unsigned pass = 0; pass < 2; pass++, shift += BITS) {
    uint32_t ends[N_ROWS] = {0}, start = 0;
    for (size_t i = 0; i < improver->n_ops; i++) ends[improver->order[i].key >> shift & (N_ROWS - 1)]++;
    for (size_t row = 0; row < N_ROWS; row++) {
      const uint32_t n = ends[row];
      ends[row] = start;
      start += n;
    }
    for (size_t i = 0; i < improver->n_ops; i++)
      improver->spare[ends[improver->order[i].key >> shift & (N_ROWS - 1)]++] = improver->order[i];
    struct ordered *const swap = improver->order;
    improver->order = improver->spare;
    improver->spare = swap;
  }
}

/* Places the ops in `order`, predecessors first, as early as they go; backward: successors first, and time runs from
 * the end. Returns the makespan, or UINT64_MAX as soon as it must exceed the limit. */
static uint64_t place_all(struct improver *improver, const uint8_t *width_log2, bool backward, uint64_t limit_cycles) {
  const struct schedule_problem *const problem = improver->problem;
  const struct op_graph *const graph = problem->graph;
  const uint32_t *const row = backward ? graph->succ_start : graph->pred_start;
  const uint32_t *const before = backward ? graph->succs : graph->preds;
  const uint64_t *const reach_cycles = backward ? improver->top_cycles : improver->bottom_cycles;
  uint64_t makespan_cycles = 0;
  timeline_clear(&improver->timeline);
  for (size_t k = 0; k < improver->n_ops; k++) {
    const uint32_t op = improver->order[k].op;
    const struct need need = need_of(improver, op, width_log2[op]);
    uint64_t ready_cycles = 0;
    for (uint32_t e = row[op]; e < row[op + 1]; e++)
      ready_cycles = max_u64(ready_cycles, improver->finish_cycles[before[e]]);
    const uint64_t cycles = op_cycles(improver, op, width_log2[op]);
    const uint64_t start_cycles = timeline_place(&improver->timeline, ready_cycles, cycles, need.cores);
    improver->finish_cycles[op] = start_cycles + cycles;
    makespan_cycles = max_u64(makespan_cycles, start_cycles + max_u64(reach_cycles[op], cycles));
    if (makespan_cycles > limit_cycles) {
      improver->n_placements_left -= min_u64(improver->n_placements_left, k + 1);
      return UINT64_MAX;
    }
  }
  improver->n_placements_left -= min_u64(improver->n_placements_left, improver->n_ops);
  makespan_cycles = 0;
  for (size_t i = 0; i < improver->n_ops; i++) makespan_cycles = max_u64(makespan_cycles, improver->finish_cycles[i]);
  return makespan_cycles;
}

/* Places the ops as ordered; true, and the solution is filled in, if its makespan is within the limit. */
static bool place_in_order(struct improver *improver, struct solution *solution, uint64_t limit_cycles) {
  const uint64_t makespan_cycles = place_all(improver, solution->width_log2, false, limit_cycles);
  if (makespan_cycles > limit_cycles) return false;
  solution->makespan_cycles = makespan_cycles;
  for (size_t i = 0; i < improver->n_ops; i++)
    solution->start_cycles[i] = improver->finish_cycles[i] - op_cycles(improver, i, solution->width_log2[i]);
  return true;
}

/* Orders ops by key, which must not fall along edges, and places them. Ties go by op, which is topological, so
 * predecessors come first. */
static bool place_forward(struct improver *improver, const uint64_t *key, struct solution *solution,
                          uint64_t limit_cycles) {
  for (size_t i = 0; i < improver->n_ops; i++) improver->order[i] = (struct ordered){key[i], (uint32_t)i};
  sort_order(improver);
  return place_in_order(improver, solution, limit_cycles);
}

/* One right and left justification; neither lengthens. Slack: how much later each op could start. */
static void justify(struct improver *improver, struct solution *solution) {
  const size_t n = improver->n_ops;
  for (size_t i = 0; i < n; i++) {
    const uint64_t finish_cycles = solution->start_cycles[i] + op_cycles(improver, i, solution->width_log2[i]);
    /* Falling finishes; of equal ones, the later op first. */
    improver->order[i] = (struct ordered){solution->makespan_cycles - finish_cycles, (uint32_t)(n - 1 - i)};
  }
  sort_order(improver);
  for (size_t k = 0; k < n; k++) improver->order[k].op = (uint32_t)(n - 1) - improver->order[k].op;
  const uint64_t makespan_cycles = place_all(improver, solution->width_log2, true, UINT64_MAX - 1);
  uint64_t *const late_cycles = improver->slack_cycles;
  for (size_t i = 0; i < n; i++) late_cycles[i] = makespan_cycles - improver->finish_cycles[i];
  place_forward(improver, late_cycles, solution, UINT64_MAX - 1);
  const uint64_t gain_cycles = makespan_cycles - min_u64(makespan_cycles, solution->makespan_cycles);
  for (size_t i = 0; i < n; i++)
    late_cycles[i] -= min_u64(late_cycles[i], sat_add(solution->start_cycles[i], gain_cycles));
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

static bool is_done(const struct improver *improver) {
  return improver->best.makespan_cycles <= improver->enough_cycles || improver->n_placements_left < improver->n_ops;
}

static void copy_solution(const struct improver *improver, const struct solution *from, struct solution *to) {
  to->makespan_cycles = from->makespan_cycles;
  memcpy(to->start_cycles, from->start_cycles, improver->n_ops * sizeof *to->start_cycles);
  memcpy(to->width_log2, from->width_log2, improver->n_ops);
}

/* Justifies the trial for as long as that shortens it; it becomes the present solution if it is within the limit, and
 * the best if it is shorter. */
static void settle(struct improver *improver, uint64_t limit_cycles) {
  struct solution *const trial = &improver->trial;
  uint64_t before_cycles;
  do {
    before_cycles = trial->makespan_cycles;
    justify(improver, trial);
  } while (trial->makespan_cycles < before_cycles && improver->n_placements_left >= 2 * improver->n_ops &&
           trial->makespan_cycles > improver->enough_cycles);
  if (trial->makespan_cycles <= limit_cycles) copy_solution(improver, trial, &improver->present);
  if (trial->makespan_cycles < improver->best.makespan_cycles) copy_solution(improver, trial, &improver->best);
}

/* A schedule from scratch: every op on its widest useful choice up to 2^cap cores, by latest start. With wide caps ops
 * run more or less one after the other on all cores, which is what the list's sharing of cores is worst at. */
static void start_with_cap(struct improver *improver, unsigned cap) {
  const struct op_graph *const graph = improver->problem->graph;
  struct solution *const trial = &improver->trial;
  uint64_t longest_cycles = 0, *const bottom_cycles = trial->start_cycles;
  for (size_t i = improver->n_ops; i-- > 0;) {
    const unsigned choices = improver->choices[improver->shapes[i]] & ((2U << cap) - 1);
    trial->width_log2[i] = (uint8_t)(31 - __builtin_clz(choices));
    uint64_t behind_cycles = 0;
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      behind_cycles = max_u64(behind_cycles, bottom_cycles[graph->succs[e]]);
    bottom_cycles[i] = behind_cycles + op_cycles(improver, i, trial->width_log2[i]);
    longest_cycles = max_u64(longest_cycles, bottom_cycles[i]);
  }
  for (size_t i = 0; i < improver->n_ops; i++)
    improver->order[i] = (struct ordered){longest_cycles - bottom_cycles[i], (uint32_t)i};
  sort_coarsely(improver, longest_cycles);
  if (place_in_order(improver, trial, improver->best.makespan_cycles - 1))
    copy_solution(improver, trial, &improver->best);
}

/* Another of its widths; false if there is none. */
static bool resize(struct improver *improver, struct rng *rng, size_t op) {
  uint8_t *const width = &improver->trial.width_log2[op];
  unsigned others = improver->choices[improver->shapes[op]] & ~(1U << *width);
  if (others == 0) return false;
  for (uint64_t skip = rng_below(rng, (uint64_t)__builtin_popcount(others)); skip > 0; skip--) others &= others - 1;
  *width = (uint8_t)__builtin_ctz(others);
  return true;
}

/* Another place in the order. An op that goes forward takes what comes before it in the graph along, one that goes back
 * what comes behind it: without that, orders that differ by whole branches would be out of reach. `key` orders ops. */
static void shift(struct improver *improver, struct rng *rng, size_t op, uint64_t *key) {
  const struct op_graph *const graph = improver->problem->graph;
  const uint64_t place_cycles = rng_below(rng, improver->present.makespan_cycles + 1);
  const bool earlier = place_cycles < key[op];
  key[op] = place_cycles;
  if (earlier) {
    for (size_t i = op + 1; i-- > 0;)
      for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
        key[graph->preds[e]] = min_u64(key[graph->preds[e]], key[i]);
  } else {
    for (size_t i = op; i < improver->n_ops; i++)
      for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
        key[graph->succs[e]] = max_u64(key[graph->succs[e]], key[i]);
  }
}

/* An op, rather one without slack. `slack` is that of the last solution tried, which is good enough to guess by. */
static size_t draw_op(const struct improver *improver, struct rng *rng) {
  size_t op = 0;
  for (unsigned draw = 0; draw < 4; draw++) {
    op = rng_below(rng, improver->n_ops);
    if (improver->slack_cycles[op] == 0) break;
  }
  return op;
}

/* Record-to-record travel (Dueck 1993): the present solution may be longer than the best by a share that shrinks to
 * nothing as the effort is spent. */
static void search_nearby(struct improver *improver, uint64_t n_placements) {
  struct rng rng = rng_stream(0, RNG_SCHEDULE, improver->n_ops, 0);
  struct solution *const trial = &improver->trial;
  const uint64_t n_kept = improver->n_placements_left - n_placements; /* for others */
  copy_solution(improver, &improver->best, &improver->present);
  while (!is_done(improver) && improver->n_placements_left > n_kept) {
    copy_solution(improver, &improver->present, trial);
    const size_t n_changes = 1 + rng_below(&rng, MOST_CHANGES);
    for (size_t change = 0; change < n_changes; change++) {
      const size_t op = draw_op(improver, &rng);
      if (rng_below(&rng, 2) == 0 || !resize(improver, &rng, op)) shift(improver, &rng, op, trial->start_cycles);
    }
    const uint64_t best_cycles = improver->best.makespan_cycles;
    const uint64_t slope_cycles = best_cycles / (DEVIATION * n_placements);
    const uint64_t limit_cycles = best_cycles + slope_cycles * (improver->n_placements_left - n_kept);
    if (place_forward(improver, trial->start_cycles, trial, limit_cycles + best_cycles / 16))
      settle(improver, limit_cycles);
  }
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

/* False if times could outgrow their type. */
static bool find_choices(struct improver *improver, uint16_t *choices) {
  const struct schedule_problem *const problem = improver->problem;
  for (size_t s = 0; s < problem->graph->n_shapes; s++) {
    const uint64_t *const cycles = problem->shape_cycles + s * problem->n_widths;
    uint32_t n_cores = UINT32_MAX;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((problem->shape_classes[s] >> c & 1) != 0 && problem->n_cores[c] < n_cores) n_cores = problem->n_cores[c];
    uint64_t least_cycles = UINT64_MAX;
    for (unsigned w = 0; w < problem->n_widths && n_cores >> w > 0; w++) {
      if (cycles[w] >= least_cycles) continue;
      least_cycles = cycles[w];
      choices[s] |= (uint16_t)(1U << w);
    }
  }
  improver->choices = choices;
  uint64_t total_cycles = 0;
  for (size_t i = 0; i < improver->n_ops; i++) total_cycles = sat_add(total_cycles, op_cycles(improver, i, 0));
  return total_cycles < UINT64_MAX / 8;
}

/* With the fastest choice of each op. */
static void find_reaches(struct improver *improver) {
  const struct op_graph *const graph = improver->problem->graph;
  for (size_t i = 0; i < improver->n_ops; i++) {
    const unsigned fastest = 31U - (unsigned)__builtin_clz(improver->choices[improver->shapes[i]]);
    uint64_t before_cycles = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      before_cycles = max_u64(before_cycles, improver->top_cycles[graph->preds[e]]);
    improver->top_cycles[i] = before_cycles + op_cycles(improver, i, fastest);
  }
  for (size_t i = improver->n_ops; i-- > 0;) {
    const unsigned fastest = 31U - (unsigned)__builtin_clz(improver->choices[improver->shapes[i]]);
    uint64_t behind_cycles = 0;
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      behind_cycles = max_u64(behind_cycles, improver->bottom_cycles[graph->succs[e]]);
    improver->bottom_cycles[i] = behind_cycles + op_cycles(improver, i, fastest);
  }
}

static struct timeline timeline_new(const struct schedule_problem *problem, struct arena *scratch) {
  struct timeline timeline = {.n_cores = problem->n_cores};
  timeline.moments = ARENA_NEW(scratch, struct moment, 2 * problem->graph->n_ops + 1);
  timeline_clear(&timeline);
  return timeline;
}

/* Arrays that only more than one placement needs. */
static void prepare_search(struct improver *improver, struct arena *scratch) {
  const size_t n = improver->n_ops;
  improver->slack_cycles = ARENA_NEW(scratch, uint64_t, n);
  improver->present.start_cycles = ARENA_NEW(scratch, uint64_t, n);
  improver->present.width_log2 = ARENA_NEW(scratch, uint8_t, n);
}

static void search_all(struct improver *improver, struct arena *scratch) {
  const size_t n = improver->n_ops;
  improver->bottom_cycles = ARENA_NEW(scratch, uint64_t, n);
  improver->top_cycles = ARENA_NEW(scratch, uint64_t, n);
  find_reaches(improver);
  improver->order = ARENA_NEW(scratch, struct ordered, n);
  improver->spare = ARENA_NEW(scratch, struct ordered, n);
  improver->finish_cycles = ARENA_NEW(scratch, uint64_t, n);
  improver->trial.start_cycles = ARENA_NEW(scratch, uint64_t, n);
  improver->trial.width_log2 = ARENA_NEW(scratch, uint8_t, n);
  improver->enough_cycles = improver->problem->enough_cycles;
  const bool small = n <= SCHEDULE_EXACT_MAX_OPS;
  improver->n_placements_left = improver->problem->passes * max_u64(n, small ? SMALL_EFFORT_OPS : EFFORT_OPS);
  for (unsigned cap = improver->problem->n_widths; cap-- > 0 && !is_done(improver);) start_with_cap(improver, cap);
  if (improver->n_placements_left < 2 * n || is_done(improver)) return;
  prepare_search(improver, scratch);
  copy_solution(improver, &improver->best, &improver->trial);
  settle(improver, improver->best.makespan_cycles);
  if (is_done(improver)) return;
  search_nearby(improver, improver->n_placements_left / (small ? 2 : 1));
  if (!small || is_done(improver)) return;
  struct schedule_plan plan = {improver->best.makespan_cycles, improver->best.start_cycles, improver->best.width_log2};
  uint64_t n_nodes;
  schedule_shorten(improver->problem, improver->n_placements_left / n, improver->enough_cycles, scratch, &plan,
                   &n_nodes);
  improver->best.makespan_cycles = plan.makespan_cycles;
}

bool schedule_improve(const struct schedule_problem *problem, struct schedule_plan *plan, struct arena *scratch) {
  const size_t n = problem->graph->n_ops;
  if (n == 0 || problem->passes == 0 || plan->makespan_cycles <= problem->enough_cycles) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct improver improver = {.problem = problem, .n_ops = n, .timeline = timeline_new(problem, scratch)};
  uint32_t *const shapes = ARENA_NEW(scratch, uint32_t, n);
  for (size_t i = 0; i < n; i++) shapes[i] = problem->graph->ops[i].shape;
  improver.shapes = shapes;
  improver.best = (struct solution){plan->makespan_cycles, plan->start_cycles, plan->width_log2};
  if (find_choices(&improver, ARENA_NEW(scratch, uint16_t, problem->graph->n_shapes))) search_all(&improver, scratch);
  const bool shorter = improver.best.makespan_cycles < plan->makespan_cycles;
  plan->makespan_cycles = improver.best.makespan_cycles;
  arena_rewind(scratch, mark);
  return shorter;
}

/* When do the ops of a schedule start, given their order and widths?
 *
 * Serial generation of schedules (Kelley 1963): an op gets the earliest interval in which its cores are free, in front
 * of what was placed before it where there is room. Some order and widths give a shortest schedule, which lists that
 * never wait do not promise.
 *
 * The free cores over time are a sorted list of moments. Cores of all classes share one number, so that one subtraction
 * takes or compares them all; of more than a million cores of a class only the first million are used. Left out: edge
 * delays, index-matched pairs, as in schedule.c. */
#include "arch/schedule_place.h"
#include "base/checked.h"
#include <string.h>

/* 21 bits a class, of which the highest is kept clear to borrow from. */
enum { LANE_BITS = 21 };
#define LANE(class) (UINT64_C(1) << LANE_BITS * (class))
static const uint64_t borrow_bits = (LANE(0) | LANE(1) | LANE(2)) << (LANE_BITS - 1);
static const uint32_t most_cores = (UINT32_C(1) << (LANE_BITS - 1)) - 1;

/* Free cores from a moment to the next. */
struct timeline_moment {
  uint64_t cycles, free;
};

/* An op of no duration needs its cores for an instant only: `crossing` counts the cores whose op neither starts nor
 * ends at this moment, `pinned` the most that an op of no duration has here. Kept only if there are such ops, beside
 * the moments, which are moved so often that their size counts. */
struct timeline_instant {
  uint64_t crossing, pinned;
};

/* --- the timeline ---------------------------------------------------------------------------------------------------
 */

static void clear(struct placer *placer) {
  placer->n_moments = 1;
  placer->moments[0] = (struct timeline_moment){.free = placer->cores};
  if (placer->instants != NULL) placer->instants[0] = (struct timeline_instant){0};
}

/* The last moment that is not after `cycles`. */
static inline size_t find(const struct placer *placer, uint64_t cycles) {
  size_t low = 0, high = placer->n_moments; /* most ops are placed near the end */
  for (size_t step = 1; step < high; step *= 2)
    if (placer->moments[high - step].cycles <= cycles) {
      low = high - step;
      break;
    } else if (high - step == 0) {
      break;
    }
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (placer->moments[middle].cycles <= cycles) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

static inline bool covers(uint64_t cores, uint64_t need) {
  return (((cores | borrow_bits) - need) & borrow_bits) == borrow_bits;
}

/* May an op run across this moment? */
static inline bool can_cross(const struct placer *placer, size_t k, uint64_t need) {
  return covers(placer->cores, placer->instants[k].crossing + placer->instants[k].pinned + need);
}

/* Makes `cycles`, which lies in or at the start of moment k, a moment of its own and returns it. */
static inline size_t split(struct placer *placer, size_t k, uint64_t cycles) {
  if (placer->moments[k].cycles == cycles) return k;
  const size_t n_behind = placer->n_moments++ - (k + 1);
  struct timeline_moment *const next = &placer->moments[k + 1];
  memmove(next + 1, next, n_behind * sizeof *next);
  *next = (struct timeline_moment){cycles, next[-1].free};
  if (placer->instants != NULL) {
    struct timeline_instant *const instant = &placer->instants[k + 1];
    memmove(instant + 1, instant, n_behind * sizeof *instant);
    *instant = (struct timeline_instant){.crossing = placer->cores - next[-1].free};
  }
  return k + 1;
}

/* For an op of no duration, which only what crosses its moment is in the way of. */
static uint64_t pin(struct placer *placer, uint64_t ready_cycles, uint64_t need) {
  struct timeline_moment *const moments = placer->moments;
  size_t first = find(placer, ready_cycles);
  uint64_t start_cycles = ready_cycles;
  for (;; start_cycles = moments[++first].cycles) {
    const bool at_moment = moments[first].cycles == start_cycles;
    if (at_moment ? covers(placer->cores, placer->instants[first].crossing + need) : covers(moments[first].free, need))
      break;
  }
  first = split(placer, first, start_cycles);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    const uint64_t lane = (LANE(1) - 1) * LANE(c);
    uint64_t *const pinned = &placer->instants[first].pinned;
    if ((*pinned & lane) < (need & lane)) *pinned = (*pinned & ~lane) | (need & lane);
  }
  return start_cycles;
}

/* Takes the needed cores for `cycles` from the first moment on, not before `ready_cycles`, that has them; returns the
 * start. */
static inline uint64_t take(struct placer *placer, uint64_t ready_cycles, uint64_t cycles, uint64_t need) {
  if (cycles == 0) return pin(placer, ready_cycles, need);
  struct timeline_moment *const moments = placer->moments;
  size_t first = find(placer, ready_cycles), last;
  uint64_t start_cycles = ready_cycles;
  for (last = first;;) {
    if (!covers(moments[last].free, need)) {
      first = ++last;
      start_cycles = moments[first].cycles;
    } else if (placer->instants != NULL && last > first && !can_cross(placer, last, need)) {
      first = last;
      start_cycles = moments[first].cycles;
    } else if (last + 1 == placer->n_moments || moments[last + 1].cycles >= start_cycles + cycles) {
      break;
    } else {
      last++;
    }
  }
  const size_t n_before = placer->n_moments;
  first = split(placer, first, start_cycles);
  last += placer->n_moments - n_before;
  if (last + 1 == placer->n_moments || moments[last + 1].cycles > start_cycles + cycles)
    split(placer, last, start_cycles + cycles);
  for (size_t k = first; k <= last; k++) moments[k].free -= need;
  if (placer->instants != NULL)
    for (size_t k = first + 1; k <= last; k++) placer->instants[k].crossing += need;
  return start_cycles;
}

/* --- the order ------------------------------------------------------------------------------------------------------
 */

static void swap_order(struct placer *placer) {
  struct placer_entry *const swap = placer->order;
  placer->order = placer->spare;
  placer->spare = swap;
}

void placer_reverse(struct placer *placer) {
  for (size_t k = 0; k < placer->n_ops; k++) placer->spare[placer->n_ops - 1 - k] = placer->order[k];
  swap_order(placer);
}

/* A merge of runs, each sorted by insertion. */
void placer_sort(struct placer *placer) {
  struct placer_entry *from = placer->order, *to = placer->spare;
  const size_t n = placer->n_ops;
  enum { RUN = 64 };
  for (size_t start = 0; start < n; start += RUN)
    for (size_t i = start + 1; i < n && i < start + RUN; i++) {
      const struct placer_entry entry = from[i];
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
    struct placer_entry *const swap = from;
    from = to;
    to = swap;
  }
  placer->order = from;
  placer->spare = to;
}

void placer_sort_coarsely(struct placer *placer, uint64_t most_key) {
  enum { BITS = 8, N_ROWS = 1 << BITS };
  unsigned shift = 0;
  while (most_key >> shift >= UINT64_C(1) << (2 * BITS)) shift++;
  for (unsigned pass = 0; pass < 2; pass++, shift += BITS) {
    uint32_t ends[N_ROWS] = {0}, start = 0;
    for (size_t i = 0; i < placer->n_ops; i++) ends[placer->order[i].key >> shift & (N_ROWS - 1)]++;
    for (size_t row = 0; row < N_ROWS; row++) {
      const uint32_t n = ends[row];
      ends[row] = start;
      start += n;
    }
    for (size_t i = 0; i < placer->n_ops; i++)
      placer->spare[ends[placer->order[i].key >> shift & (N_ROWS - 1)]++] = placer->order[i];
    swap_order(placer);
  }
}

/* --- placing all ops ------------------------------------------------------------------------------------------------
 */

static inline uint64_t need_of(const struct placer *placer, size_t op, unsigned width) {
  static const uint64_t lanes[1 << N_CORE_CLASSES] = {
      0,       LANE(0),           LANE(1),           LANE(0) | LANE(1),
      LANE(2), LANE(0) | LANE(2), LANE(1) | LANE(2), LANE(0) | LANE(1) | LANE(2)};
  return lanes[placer->problem->shape_classes[placer->shapes[op]]] << width;
}

uint64_t placer_place(struct placer *placer, const uint8_t *width_log2, bool backward, uint64_t limit_cycles) {
  const struct schedule_problem *const problem = placer->problem;
  const struct op_graph *const graph = problem->graph;
  const uint32_t *const row = backward ? graph->succ_start : graph->pred_start;
  const uint32_t *const before = backward ? graph->succs : graph->preds;
  const uint64_t *const reach_cycles = backward ? placer->top_cycles : placer->bottom_cycles;
  uint64_t makespan_cycles = 0;
  clear(placer);
  for (size_t k = 0; k < placer->n_ops; k++) {
    const uint32_t op = placer->order[k].op;
    const uint64_t need = need_of(placer, op, width_log2[op]);
    uint64_t ready_cycles = 0;
    for (uint32_t e = row[op]; e < row[op + 1]; e++)
      ready_cycles = max_u64(ready_cycles, placer->finish_cycles[before[e]]);
    const uint64_t cycles = placer_cycles(placer, op, width_log2[op]);
    const uint64_t start_cycles = take(placer, ready_cycles, cycles, need);
    placer->finish_cycles[op] = start_cycles + cycles;
    makespan_cycles = max_u64(makespan_cycles, start_cycles + max_u64(reach_cycles[op], cycles));
    if (makespan_cycles > limit_cycles) {
      placer->n_left -= min_u64(placer->n_left, k + 1);
      return UINT64_MAX;
    }
  }
  placer->n_left -= min_u64(placer->n_left, placer->n_ops);
  makespan_cycles = 0;
  for (size_t i = 0; i < placer->n_ops; i++) makespan_cycles = max_u64(makespan_cycles, placer->finish_cycles[i]);
  return makespan_cycles;
}

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

/* False if times could outgrow their type. */
static bool find_choices(struct placer *placer, uint16_t *choices) {
  const struct schedule_problem *const problem = placer->problem;
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
  placer->choices = choices;
  uint64_t total_cycles = 0;
  for (size_t i = 0; i < placer->n_ops; i++) total_cycles = sat_add(total_cycles, placer_cycles(placer, i, 0));
  return total_cycles < UINT64_MAX / 8;
}

/* With the fastest choice of each op. */
static void find_reaches(struct placer *placer) {
  const struct op_graph *const graph = placer->problem->graph;
  for (size_t i = 0; i < placer->n_ops; i++) {
    const unsigned fastest = 31U - (unsigned)__builtin_clz(placer_choices(placer, i));
    uint64_t before_cycles = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      before_cycles = max_u64(before_cycles, placer->top_cycles[graph->preds[e]]);
    placer->top_cycles[i] = before_cycles + placer_cycles(placer, i, fastest);
  }
  for (size_t i = placer->n_ops; i-- > 0;) {
    const unsigned fastest = 31U - (unsigned)__builtin_clz(placer_choices(placer, i));
    uint64_t behind_cycles = 0;
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      behind_cycles = max_u64(behind_cycles, placer->bottom_cycles[graph->succs[e]]);
    placer->bottom_cycles[i] = behind_cycles + placer_cycles(placer, i, fastest);
  }
}

bool placer_init(struct placer *placer, const struct schedule_problem *problem, struct arena *scratch) {
  const size_t n = problem->graph->n_ops;
  *placer = (struct placer){.problem = problem, .n_ops = n};
  uint32_t *const shapes = ARENA_NEW(scratch, uint32_t, n);
  for (size_t i = 0; i < n; i++) shapes[i] = problem->graph->ops[i].shape;
  placer->shapes = shapes;
  if (!find_choices(placer, ARENA_NEW(scratch, uint16_t, problem->graph->n_shapes))) return false;
  placer->bottom_cycles = ARENA_NEW(scratch, uint64_t, n);
  placer->top_cycles = ARENA_NEW(scratch, uint64_t, n);
  find_reaches(placer);
  placer->order = ARENA_NEW(scratch, struct placer_entry, n);
  placer->spare = ARENA_NEW(scratch, struct placer_entry, n);
  placer->finish_cycles = ARENA_NEW(scratch, uint64_t, n);
  placer->moments = ARENA_NEW(scratch, struct timeline_moment, 2 * n + 1);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    placer->cores |= min_u64(problem->n_cores[c], most_cores) << (LANE_BITS * c);
  const size_t n_cycles = problem->graph->n_shapes * problem->n_widths;
  bool has_instants = false;
  for (size_t k = 0; k < n_cycles; k++) has_instants |= problem->shape_cycles[k] == 0;
  if (has_instants) placer->instants = ARENA_NEW(scratch, struct timeline_instant, 2 * n + 1);
  return true;
}

/* Below which makespan can no schedule of this problem get?
 *
 * Source: accelerator-search §8, "Lower bounds at a point": critical path, load per class, and load per class between
 * the heads and tails of the ops ("with ends"), all with the least durations that the number of cores allows. Left out:
 * bounds by memory and link bytes, which need traffic and are the cost model's.
 *
 * With ends: the ops of a class whose head is at least h and whose tail is at least q all run between h and T − q, so
 * T ≥ h + work / cores + q, whatever h and q are. Any thresholds are sound; useful ones are quantiles, and 4 of heads
 * times 4 of tails make the 16 pairs. Quantiles come from a sample, which is the whole class if it is small. */
#include "arch/schedule.h"
#include "base/checked.h"

enum { N_THRESHOLDS = 4, N_SAMPLES = 64 };

/* Per shape, over the widths that the cores allow. */
struct least {
  uint64_t cycles;      /* of one run */
  uint64_t work_cycles; /* cores × cycles */
};

/* Of an op; what is needed of the graph is copied here, as its ops are wide. */
struct span {
  uint64_t head_cycles; /* least start */
  uint64_t tail_cycles; /* least time from its finish to the end; before that is known, its least finish */
  uint32_t shape, classes;
};

struct bounding {
  const struct schedule_problem *problem;
  struct least *least; /* [n_shapes] */
  struct span *spans;  /* [n_ops] */
  uint64_t path_cycles;
  bool possible;
};

/* Work on the ops of one class, sorted into the cell of the last thresholds that they reach. */
struct class_load {
  size_t n_ops;
  uint64_t head_cycles[N_THRESHOLDS], tail_cycles[N_THRESHOLDS];
  uint64_t work_cycles[N_THRESHOLDS][N_THRESHOLDS];
};

static void find_least(struct bounding *bounding) {
  const struct schedule_problem *const problem = bounding->problem;
  bounding->possible = true;
  for (size_t s = 0; s < problem->graph->n_shapes; s++) {
    const uint64_t *const cycles = problem->shape_cycles + s * problem->n_widths;
    uint32_t n_cores = UINT32_MAX;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((problem->shape_classes[s] >> c & 1) != 0 && problem->n_cores[c] < n_cores) n_cores = problem->n_cores[c];
    struct least least = {UINT64_MAX, UINT64_MAX};
    for (unsigned w = 0; w < problem->n_widths && n_cores >> w > 0; w++) {
      least.cycles = min_u64(least.cycles, cycles[w]);
      least.work_cycles = min_u64(least.work_cycles, sat_mul(cycles[w], UINT64_C(1) << w));
    }
    bounding->possible &= n_cores > 0;
    bounding->least[s] = least;
  }
}

static void find_spans(struct bounding *bounding) {
  const struct op_graph *const graph = bounding->problem->graph;
  struct span *const spans = bounding->spans;
  for (size_t i = 0; i < graph->n_ops; i++) {
    spans[i].shape = graph->ops[i].shape;
    spans[i].classes = bounding->problem->shape_classes[spans[i].shape];
    uint64_t head_cycles = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      head_cycles = max_u64(head_cycles, spans[graph->preds[e]].tail_cycles);
    spans[i].head_cycles = head_cycles;
    spans[i].tail_cycles = sat_add(head_cycles, bounding->least[spans[i].shape].cycles);
    bounding->path_cycles = max_u64(bounding->path_cycles, spans[i].tail_cycles);
  }
  for (size_t i = graph->n_ops; i-- > 0;) {
    uint64_t tail_cycles = 0;
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++) {
      const struct span *const successor = &spans[graph->succs[e]];
      tail_cycles = max_u64(tail_cycles, sat_add(successor->tail_cycles, bounding->least[successor->shape].cycles));
    }
    spans[i].tail_cycles = tail_cycles;
  }
}

static void sort_samples(uint64_t *samples, size_t n) {
  for (size_t i = 1; i < n; i++) {
    const uint64_t sample = samples[i];
    size_t place = i;
    for (; place > 0 && samples[place - 1] > sample; place--) samples[place] = samples[place - 1];
    samples[place] = sample;
  }
}

/* Thresholds at quantiles 0, 1/4, 2/4, 3/4 of a sample. The least head and tail come exactly: with them the first pair
 * is the load of the whole class between the least head and the least tail. */
static void find_thresholds(const struct bounding *bounding, unsigned class, struct class_load *load) {
  uint64_t heads[N_SAMPLES], tails[N_SAMPLES], least_head = UINT64_MAX, least_tail = UINT64_MAX;
  size_t n_samples = 0, seen = 0;
  const size_t stride = ceil_div(load->n_ops, N_SAMPLES);
  for (size_t i = 0; i < bounding->problem->graph->n_ops; i++) {
    if ((bounding->spans[i].classes >> class & 1) == 0) continue;
    least_head = min_u64(least_head, bounding->spans[i].head_cycles);
    least_tail = min_u64(least_tail, bounding->spans[i].tail_cycles);
    if (seen++ % stride != 0) continue;
    heads[n_samples] = bounding->spans[i].head_cycles;
    tails[n_samples++] = bounding->spans[i].tail_cycles;
  }
  sort_samples(heads, n_samples);
  sort_samples(tails, n_samples);
  for (size_t t = 0; t < N_THRESHOLDS; t++) {
    load->head_cycles[t] = t == 0 ? least_head : heads[t * n_samples / N_THRESHOLDS];
    load->tail_cycles[t] = t == 0 ? least_tail : tails[t * n_samples / N_THRESHOLDS];
  }
}

static void add_loads(const struct bounding *bounding, struct class_load loads[N_CORE_CLASSES]) {
  for (size_t i = 0; i < bounding->problem->graph->n_ops; i++) {
    const struct span span = bounding->spans[i];
    const uint64_t work_cycles = bounding->least[span.shape].work_cycles;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if ((span.classes >> c & 1) == 0) continue;
      struct class_load *const load = &loads[c];
      size_t head = 0, tail = 0; /* thresholds rise, so the number reached is the cell */
      for (size_t t = 1; t < N_THRESHOLDS; t++) {
        head += span.head_cycles >= load->head_cycles[t];
        tail += span.tail_cycles >= load->tail_cycles[t];
      }
      load->work_cycles[head][tail] = sat_add(load->work_cycles[head][tail], work_cycles);
    }
  }
}

/* Sums the cells from the far corner, so that each holds the work of all ops beyond its thresholds; returns the best
 * bound with ends. A sum that sticks is still no more than the work, so its bound is still sound. */
static uint64_t bound_with_ends(struct class_load *load, uint32_t n_cores) {
  uint64_t bound_cycles = 0;
  for (size_t head = N_THRESHOLDS; head-- > 0;) {
    uint64_t row_cycles = 0;
    for (size_t tail = N_THRESHOLDS; tail-- > 0;) {
      row_cycles = sat_add(row_cycles, load->work_cycles[head][tail]);
      const uint64_t beyond_cycles = head + 1 < N_THRESHOLDS ? load->work_cycles[head + 1][tail] : 0;
      load->work_cycles[head][tail] = sat_add(row_cycles, beyond_cycles);
      if (load->work_cycles[head][tail] == 0) continue; /* perhaps no op at all is there */
      const uint64_t ends_cycles = sat_add(load->head_cycles[head], load->tail_cycles[tail]);
      bound_cycles = max_u64(bound_cycles, sat_add(ends_cycles, ceil_div(load->work_cycles[head][tail], n_cores)));
    }
  }
  return bound_cycles;
}

static void raise(uint64_t *bound_cycles, enum schedule_bound_kind *kind, uint64_t other_cycles,
                  enum schedule_bound_kind other_kind) {
  if (other_cycles <= *bound_cycles) return;
  *bound_cycles = other_cycles;
  *kind = other_kind;
}

uint64_t schedule_lower_bound(const struct schedule_problem *problem, struct arena *scratch,
                              enum schedule_bound_kind *kind) {
  static const enum schedule_bound_kind kinds[N_CORE_CLASSES] = {BOUND_TENSOR_LOAD, BOUND_VECTOR_LOAD, BOUND_LINK_LOAD};
  const struct op_graph *const graph = problem->graph;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct bounding bounding = {.problem = problem};
  bounding.least = ARENA_NEW(scratch, struct least, graph->n_shapes);
  bounding.spans = ARENA_NEW(scratch, struct span, graph->n_ops);
  find_least(&bounding);
  find_spans(&bounding);
  struct class_load loads[N_CORE_CLASSES] = {0};
  for (size_t i = 0; i < graph->n_ops; i++)
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) loads[c].n_ops += bounding.spans[i].classes >> c & 1;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if (loads[c].n_ops > 0) find_thresholds(&bounding, c, &loads[c]);
  add_loads(&bounding, loads);
  arena_rewind(scratch, mark);
  uint64_t bound_cycles = bounding.path_cycles, ends_cycles = 0;
  *kind = BOUND_CRITICAL_PATH;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (loads[c].n_ops == 0) continue;
    if (problem->n_cores[c] == 0) {
      *kind = kinds[c];
      return UINT64_MAX;
    }
    ends_cycles = max_u64(ends_cycles, bound_with_ends(&loads[c], problem->n_cores[c]));
    raise(&bound_cycles, kind, ceil_div(loads[c].work_cycles[0][0], problem->n_cores[c]), kinds[c]);
  }
  raise(&bound_cycles, kind, ends_cycles, BOUND_ENDS);
  return bound_cycles;
}

/* With how few chips is each position reached at a period? Three passes over one order.
 *
 * Where a load is end[j] − begin[i], the best start of a piece among positions of equal depth is that of greatest
 * begin, whatever j: one number a depth (reach_ends), or a queue where starts become too old because of memory
 * (reach_queues). Point to point a piece must be walked (reach_walking). Each returns the next period at which a
 * comparison would end otherwise. */
#include "search/partition/partition_slicing_private.h"

#include <math.h>
#include <string.h>

/* Of sums in another order; a period that is refused too early only costs another pass. */
static const double rounding = 1e-12;
#define NOWHERE UINT32_MAX

static double min_ms(double a, double b) { return a < b ? a : b; }

/* --- loads from ends ------------------------------------------------------------------------------------------------
 */

static bool reach_ends(struct partition_slicer *s, double period_ms, double *next_ms) {
  const uint32_t n = (uint32_t)s->graph->n, n_chips = s->n_chips;
  double *level_ms = s->level_ms, next = INFINITY;
  uint32_t *depth = s->depth, base = 0, active = 0; /* positions below `active` may begin pieces */
  for (uint32_t l = 0; l < n_chips; l++) level_ms[l] = s->begin_ms[0], s->level_at[l] = 0;
  depth[0] = 0;
  for (uint32_t j = 1; j <= n; j++) {
    for (; active < j && (!s->path || s->far[active] <= j); active++) {
      uint32_t l = depth[active];
      if (l >= n_chips) continue;
      if (l < base) base = l;
      for (; l < n_chips && level_ms[l] < s->begin_ms[active]; l++) {
        level_ms[l] = s->begin_ms[active], s->level_at[l] = active;
      }
    }
    /* Loads only grow with what follows. */
    while (base < n_chips && s->x_ms[j] - level_ms[base] > period_ms)
      next = min_ms(next, s->x_ms[j] - level_ms[base++]);
    if (base == n_chips && active == j) {
      *next_ms = next;
      return false;
    }
    depth[j] = NOWHERE;
    if (s->overlap && s->w_ms[j] > period_ms) {
      next = min_ms(next, s->w_ms[j]);
      continue;
    }
    uint32_t l = base;
    while (l < n_chips && s->end_ms[j] - level_ms[l] > period_ms) l++;
    if (l > base) next = min_ms(next, s->end_ms[j] - level_ms[l - 1]);
    if (l < n_chips) depth[j] = l + 1, s->back[j] = s->level_at[l], s->cover_ms = s->x_ms[j];
  }
  *next_ms = next;
  return depth[n] <= n_chips;
}

/* --- and starts that become too old ---------------------------------------------------------------------------------
 */

static void push(struct partition_slicer *s, uint32_t i) {
  const uint32_t l = s->depth[i];
  uint32_t tail = s->tail[l];
  while (tail != NOWHERE && s->begin_ms[tail] <= s->begin_ms[i]) tail = s->before[tail];
  s->before[i] = tail, s->behind[i] = NOWHERE;
  if (tail == NOWHERE) {
    s->head[l] = i;
  } else {
    s->behind[tail] = i;
  }
  s->tail[l] = i;
}

static void pop(struct partition_slicer *s, uint32_t l) {
  s->head[l] = s->behind[s->head[l]];
  if (s->head[l] == NOWHERE) {
    s->tail[l] = NOWHERE;
  } else {
    s->before[s->head[l]] = NOWHERE;
  }
}

static bool reach_queues(struct partition_slicer *s, double period_ms, double *next_ms) {
  const uint32_t n = (uint32_t)s->graph->n, n_chips = s->n_chips;
  const uint64_t memory = s->graph->problem->memory_bytes;
  double next = INFINITY;
  uint32_t *depth = s->depth, base = 0, top = 0, active = 0;
  for (uint32_t l = 0; l <= n_chips; l++) s->head[l] = s->tail[l] = NOWHERE;
  depth[0] = 0;
  for (uint32_t j = 1; j <= n; j++) {
    for (; active < j && (!s->path || s->far[active] <= j); active++) {
      if (depth[active] >= n_chips) continue;
      push(s, active);
      if (depth[active] < base) base = depth[active];
      if (depth[active] + 1 > top) top = depth[active] + 1;
    }
    depth[j] = NOWHERE;
    bool reachable = true, empty = true;
    if (s->overlap && s->w_ms[j] > period_ms) next = min_ms(next, s->w_ms[j]), reachable = false;
    for (uint32_t l = base; l < top; l++) {
      while (s->head[l] != NOWHERE) {
        const uint32_t i = s->head[l];
        const double least_ms = s->x_ms[j] - s->begin_ms[i];
        if (s->bytes[j] - s->bytes[i] > memory) {
          pop(s, l);
        } else if (least_ms > period_ms) {
          next = min_ms(next, least_ms);
          pop(s, l);
        } else {
          break;
        }
      }
      if (s->head[l] == NOWHERE) {
        if (empty) base = l + 1;
        continue;
      }
      empty = false;
      if (!reachable) continue;
      const double load_ms = s->end_ms[j] - s->begin_ms[s->head[l]];
      if (load_ms > period_ms) {
        next = min_ms(next, load_ms);
      } else {
        depth[j] = l + 1, s->back[j] = s->head[l], s->cover_ms = s->x_ms[j];
        break;
      }
    }
  }
  *next_ms = next;
  return depth[n] <= n_chips;
}

/* --- pieces that must be walked -------------------------------------------------------------------------------------
 */

/* Has what follows position i time enough on chips behind the depth? */
static bool rest_fits(const struct partition_slicer *s, uint32_t i, uint32_t depth, double period_ms, double *next) {
  const double rest_ms = (s->x_ms[s->graph->n] - s->x_ms[i]) * (1 - rounding);
  if (!(rest_ms > (s->n_chips - depth) * period_ms)) return true;
  if (depth < s->n_chips) *next = min_ms(*next, rest_ms / (s->n_chips - depth));
  return false;
}

/* What enters and leaves a piece, point to point, when the group at position j joins it. */
struct traffic {
  uint64_t in_bits, out_bits;
};

static void join(struct partition_slicer *s, uint32_t i, uint32_t j, struct traffic *traffic) {
  const struct partition_graph *graph = s->graph;
  const uint32_t g = s->order[j - 1];
  for (uint32_t k = graph->read_start[g]; k < graph->read_start[g + 1]; k++) {
    const uint32_t t = graph->read[k];
    const struct partition_tensor *tensor = &graph->tensors[t];
    if (s->position[tensor->producer] > i) {
      if (s->last[t] == j) traffic->out_bits -= tensor->bits;
    } else if (s->seen[t] != s->n_walks) {
      s->seen[t] = s->n_walks, traffic->in_bits += tensor->bits;
    }
  }
  for (uint32_t t = graph->tensor_start[g]; t < graph->tensor_start[g + 1]; t++) {
    traffic->out_bits += graph->tensors[t].bits;
  }
}

static bool is_open(const struct partition_slicer *s, uint32_t j, uint32_t depth) {
  return s->depth[j] > depth && s->closed[j] != depth;
}

/* Relaxes pieces that begin at i and end at `end` or before. */
static void walk(struct partition_slicer *s, uint32_t i, uint32_t end, double period_ms, double *next) {
  const struct partition_graph *graph = s->graph;
  const uint32_t depth = s->depth[i] + 1;
  const uint64_t memory = graph->problem->memory_bytes;
  struct traffic traffic = {0, 0};
  s->n_walks++;
  for (uint32_t j = i + 1; j <= end; j++) {
    double least_ms, later_ms = 0, load_ms; /* of longer pieces from i; of those to j from before i; of this one */
    if (s->ring) {
      least_ms = s->x_ms[j] - s->begin_ms[i], load_ms = s->end_ms[j] - s->begin_ms[i];
      if (s->overlap) load_ms = fmax(load_ms, fmax(s->w_ms[i], s->w_ms[j]));
    } else {
      join(s, i, j, &traffic);
      const double x_ms = s->x_ms[j] - s->x_ms[i], in_ms = partition_bits_ms(graph, traffic.in_bits),
                   out_ms = partition_bits_ms(graph, traffic.out_bits);
      least_ms = s->overlap ? fmax(x_ms, in_ms) : x_ms + in_ms;
      later_ms = s->overlap ? fmax(x_ms, out_ms) : x_ms + out_ms;
      load_ms = s->overlap ? fmax(least_ms, out_ms) : least_ms + out_ms;
    }
    if (least_ms > period_ms) {
      *next = min_ms(*next, least_ms);
      return;
    }
    if (memory > 0 && s->bytes[j] - s->bytes[i] > memory) return;
    if ((s->path && s->far[i] > j) || !is_open(s, j, depth)) continue;
    if (later_ms > period_ms) {
      *next = min_ms(*next, later_ms);
      s->closed[j] = depth;
    } else if (load_ms > period_ms) {
      *next = min_ms(*next, load_ms);
    } else if (s->live == NULL || partition_slicer_fits(s, i, j)) {
      s->depth[j] = depth, s->back[j] = i, s->piece_ms[j] = load_ms;
      if (s->x_ms[j] > s->cover_ms) s->cover_ms = s->x_ms[j];
    }
  }
}

/* One depth after another, and from the last start of a depth to the first: most ends are reached from late ones. An
 * end is closed to earlier starts of the same depth when compute and what leaves alone take too long, since both only
 * grow. */
static bool reach_walking(struct partition_slicer *s, double period_ms, double *next_ms) {
  const uint32_t n = (uint32_t)s->graph->n;
  *next_ms = INFINITY;
  memset(s->depth, 0xff, (n + 1) * sizeof *s->depth);
  memset(s->closed, 0, (n + 1) * sizeof *s->closed);
  s->depth[0] = 0;
  for (uint32_t depth = 0, last = 0; depth < s->n_chips && s->depth[n] == NOWHERE; depth++) {
    uint32_t open = n;
    for (uint32_t i = last + 1; i-- > 0;) {
      if (s->depth[i] != depth || !rest_fits(s, i, depth, period_ms, next_ms)) continue;
      for (; open > i && s->x_ms[open] - s->x_ms[i] > period_ms; open--) {
        *next_ms = min_ms(*next_ms, s->x_ms[open] - s->x_ms[i]);
      }
      uint32_t end = open;
      while (end > i && !is_open(s, end, depth + 1)) end--;
      if (end > i) walk(s, i, end, period_ms, next_ms);
    }
    for (last = n; last > 0 && s->depth[last] != depth + 1;) last--;
  }
  return s->depth[n] <= s->n_chips;
}

bool partition_slicer_reach(struct partition_slicer *s, double period_ms, double *next_ms) {
  s->cover_ms = 0;
  if (!s->ring || s->live != NULL) return reach_walking(s, period_ms, next_ms);
  if (s->graph->problem->memory_bytes > 0) return reach_queues(s, period_ms, next_ms);
  return reach_ends(s, period_ms, next_ms);
}

/* Which partition is best under rules that order ideals do not know? See partition_exact_private.h.
 *
 * Triangle `general`, live tensors and a compiler's yes are rules about whole answers, so that small graphs are settled
 * by trying: groups in topological order, each on every chip from that of its latest predecessor on, depth first, least
 * chip first. What is placed only ever adds to loads, bytes and to which chip feeds which (our reasoning). So nothing
 * better is behind a branch in which some chip has as much as the best known, in which what all chips may still take is
 * less than the work to come, or in which a chip already feeds another both directly and through a third. Answers are
 * judged by the evaluator. Sums are not the evaluator's to the last bit, so that a branch is kept unless it is above by
 * more than that. */
#include "base/checked.h"
#include "search/partition/partition_exact_private.h"

#include <math.h>
#include <string.h>

enum { STEPS_BETWEEN_LOOKS = 4096, MOST_CHIPS = 64 /* in a word */ };
static const double rounding = 1e-11; /* relative: of sums in another order, and of answers that count as the same */

struct branches {
  const struct partition_graph *graph;
  const struct partition_request *request;
  struct partition_work *work;
  uint32_t n_chips;
  uint64_t left; /* placements still allowed */
  bool ended;
  bool ring, overlap;
  enum partition_triangle triangle;
  uint32_t *chip; /* [n] */
  struct branch_state {
    double *compute, *in, *out; /* [n_chips] of what is placed; ring: out[c] is what crosses the boundary behind c */
    uint64_t *weight;           /* [n_chips] bytes */
    uint64_t *feeds;            /* [n_chips] chips that read what it makes, a bit each */
    uint32_t *furthest;         /* [n_tensors] the last chip that reads it so far, or its own */
  } now, *before;               /* before[n]: each placement is taken back to the bit */
  double *work_left;            /* [n + 1] of groups from this place of the order on */
  uint32_t *best;               /* [n] */
  double value;
};

static double load_of(const struct branches *b, uint32_t c) {
  const struct branch_state *now = &b->now;
  const double in = !b->ring ? now->in[c] : c > 0 ? now->out[c - 1] : 0;
  return b->overlap ? fmax(now->compute[c], fmax(in, now->out[c])) : now->compute[c] + in + now->out[c];
}

/* Is this tensor read on this chip by a group before `group` in the order? */
static bool is_read_there(const struct branches *b, const struct partition_tensor *tensor, uint32_t group,
                          uint32_t chip) {
  const struct partition_graph *graph = b->graph;
  for (uint32_t k = tensor->first; k < tensor->end; k++) {
    const uint32_t reader = graph->consumer[k];
    if (graph->place[reader] < graph->place[group] && b->chip[reader] == chip) return true;
  }
  return false;
}

/* A group that reads a tensor is placed: what crosses more than before? */
static void read_tensor(struct branches *b, uint32_t t, uint32_t group, uint32_t chip) {
  const struct partition_tensor *tensor = &b->graph->tensors[t];
  const uint32_t producer = b->chip[tensor->producer];
  uint32_t *furthest = &b->now.furthest[t];
  if (chip == producer) return;
  if (b->ring) {
    for (uint32_t c = *furthest; c < chip; c++) b->now.out[c - 1] += tensor->ms;
  } else if (!is_read_there(b, tensor, group, chip)) {
    b->now.in[chip - 1] += tensor->ms;
    if (*furthest == producer) b->now.out[producer - 1] += tensor->ms; /* it leaves for the first time */
  }
  if (chip > *furthest) *furthest = chip;
}

static void place(struct branches *b, uint32_t group, uint32_t chip) {
  const struct partition_graph *graph = b->graph;
  b->chip[group] = chip;
  b->now.compute[chip - 1] += graph->compute_ms[group];
  b->now.weight[chip - 1] += graph->weight_bytes[group];
  for (uint32_t t = graph->tensor_start[group]; t < graph->tensor_start[group + 1]; t++) b->now.furthest[t] = chip;
  for (uint32_t r = graph->read_start[group]; r < graph->read_start[group + 1]; r++) {
    read_tensor(b, graph->read[r], group, chip);
  }
  for (uint32_t i = graph->in_start[group]; i < graph->in_start[group + 1]; i++) {
    const uint32_t from = b->chip[graph->in[i]];
    if (from != chip) b->now.feeds[from - 1] |= UINT64_C(1) << (chip - 1);
  }
}

/* Does no chip feed another both directly and through others? Chips feed later ones only. */
static bool keeps_triangles(const struct branches *b) {
  uint64_t reached[MOST_CHIPS];
  if (b->triangle != PARTITION_GENERAL) return true;
  for (uint32_t c = b->n_chips; c-- > 0;) {
    uint64_t through = 0;
    for (uint64_t left = b->now.feeds[c]; left != 0; left &= left - 1) through |= reached[__builtin_ctzll(left)];
    if (through & b->now.feeds[c]) return false;
    reached[c] = through | b->now.feeds[c];
  }
  return true;
}

/* With so many groups of the order placed. */
static bool may_be_better(const struct branches *b, size_t depth) {
  const double most = b->value * (1 - rounding);
  const uint64_t memory_bytes = b->graph->problem->memory_bytes;
  double room = 0;
  for (uint32_t c = 0; c < b->n_chips; c++) {
    const double load = load_of(b, c);
    if (load >= most || (memory_bytes > 0 && b->now.weight[c] > memory_bytes)) return false;
    room += b->value - (b->overlap ? b->now.compute[c] : load);
  }
  return room >= b->work_left[depth] * (1 - rounding) && keeps_triangles(b);
}

static void copy_state(const struct branches *b, struct branch_state *to, const struct branch_state *from) {
  memcpy(to->compute, from->compute, b->n_chips * sizeof *to->compute);
  memcpy(to->in, from->in, b->n_chips * sizeof *to->in);
  memcpy(to->out, from->out, b->n_chips * sizeof *to->out);
  memcpy(to->weight, from->weight, b->n_chips * sizeof *to->weight);
  memcpy(to->feeds, from->feeds, b->n_chips * sizeof *to->feeds);
  memcpy(to->furthest, from->furthest, b->graph->n_tensors * sizeof *to->furthest);
}

static struct branch_state new_state(const struct branches *b, struct arena *arena) {
  return (struct branch_state){.compute = ARENA_NEW(arena, double, b->n_chips),
                               .in = ARENA_NEW(arena, double, b->n_chips),
                               .out = ARENA_NEW(arena, double, b->n_chips),
                               .weight = ARENA_NEW(arena, uint64_t, b->n_chips),
                               .feeds = ARENA_NEW(arena, uint64_t, b->n_chips),
                               .furthest = ARENA_NEW(arena, uint32_t, b->graph->n_tensors + 1)};
}

static bool gives_up(struct branches *b) {
  const struct partition_request *request = b->request;
  if (b->left == 0) b->ended = true;
  if (!b->ended && b->left % STEPS_BETWEEN_LOOKS == 0 && request->interrupted != NULL &&
      request->interrupted(request->context)) {
    b->ended = true;
  }
  if (!b->ended) b->left--;
  return b->ended;
}

static void judge(struct branches *b) {
  const double value = partition_value(b->graph, b->chip, b->work);
  if (!(value < b->value)) return;
  b->value = value;
  memcpy(b->best, b->chip, b->graph->n * sizeof *b->best);
}

/* All answers with the first `depth` groups where they are. */
static void branch(struct branches *b, size_t depth) {
  const struct partition_graph *graph = b->graph;
  if (depth == graph->n) {
    judge(b);
    return;
  }
  const uint32_t group = graph->topological[depth];
  uint32_t least = 1;
  for (uint32_t i = graph->in_start[group]; i < graph->in_start[group + 1]; i++) {
    if (b->chip[graph->in[i]] > least) least = b->chip[graph->in[i]];
  }
  copy_state(b, &b->before[depth], &b->now);
  for (uint32_t chip = least; chip <= b->n_chips; chip++) {
    if (gives_up(b)) return;
    place(b, group, chip);
    if (may_be_better(b, depth + 1)) branch(b, depth + 1);
    copy_state(b, &b->now, &b->before[depth]);
  }
}

bool partition_branches(const struct partition_graph *graph, uint64_t most, const struct partition_request *request,
                        uint32_t *chip, double *value) {
  struct arena *scratch = request->scratch;
  const struct partition_problem *problem = graph->problem;
  if (graph->n == 0 || graph->n > PARTITION_MOST_BRANCHED) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct branches b = {.graph = graph,
                       .request = request,
                       .work = partition_work_new(graph, scratch),
                       .n_chips = (uint32_t)min_u64(problem->n_chips, graph->n), /* no more can be used */
                       .left = most,
                       .ring = problem->cost == PARTITION_RING || problem->cost == PARTITION_RING_OVERLAP,
                       .overlap = problem->cost == PARTITION_RING_OVERLAP || problem->cost == PARTITION_P2P_OVERLAP,
                       .triangle = problem->triangle,
                       .best = chip,
                       .value = *value};
  b.chip = ARENA_NEW(scratch, uint32_t, graph->n);
  b.work_left = ARENA_NEW(scratch, double, graph->n + 1);
  for (size_t d = graph->n; d-- > 0;) b.work_left[d] = b.work_left[d + 1] + graph->compute_ms[graph->topological[d]];
  b.before = ARENA_NEW(scratch, struct branch_state, graph->n);
  for (size_t d = 0; d < graph->n; d++) b.before[d] = new_state(&b, scratch);
  b.now = new_state(&b, scratch);
  branch(&b, 0);
  *value = b.value;
  arena_rewind(scratch, mark);
  return !b.ended;
}

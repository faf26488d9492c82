/* How long does one layer take on a set if every message is followed on its way?
 *
 * Boards compute their phases, pass pieces of shared shards to the next board of their ring, and add up partial results
 * round a ring: 2(r − 1) steps of a piece each. Every board works on what it really has, every message is as long as it
 * really is; a board computes one phase and sends one message at a time. Forward pass. The closed forms
 * (sharding_cost.c) say the same where every cut divides evenly; elsewhere
 *   - a phase of theirs is as long as the longest here, so they are above by what shorter last slices save;
 *   - a shift of theirs is ⌈tensor/g⌉, here ⌈s/g⌉ of the loop s that is cut: they may be below, at most by the factor
 *     g·⌈s/g⌉/s, as the longest piece is on its way in every step;
 *   - an all-reduce of theirs has pieces that need not be whole: below by less than 2(r − 1) elements.
 * Two rotated tensors: pieces are numbered along both rings (board (i, j) begins with piece i + j), or a piece of the
 * one would not meet its own of the other; the closed form's times are the same for any numbering. (sharding §3.) Left
 * out: training, contention of rings for links (they are as wide as the set's slowest link, each). */
#include "base/checked.h"
#include "search/sharding/sharding_check_private.h"
#include <math.h>
#include <string.h>

/* --- tasks in time --------------------------------------------------------------------------------------------------
 */

struct wait {
  uint32_t task, next;
};
struct play {
  size_t n_tasks, n_waits, n_ports;
  double *length_s, *ready_s, *end_s;
  uint32_t *port, *n_before, *first; /* by task: what it occupies, what it still waits for, its list in `waits` */
  struct wait *waits;
  bool *ended;
  double *free_s; /* by port */
};
#define NOBODY UINT32_MAX

static struct play *new_play(size_t n_tasks, size_t n_waits, size_t n_ports, struct arena *arena) {
  struct play *play = ARENA_NEW(arena, struct play, 1);
  play->n_ports = n_ports;
  play->length_s = ARENA_NEW(arena, double, n_tasks);
  play->ready_s = ARENA_NEW(arena, double, n_tasks);
  play->end_s = ARENA_NEW(arena, double, n_tasks);
  play->port = ARENA_NEW(arena, uint32_t, n_tasks);
  play->n_before = ARENA_NEW(arena, uint32_t, n_tasks);
  play->first = ARENA_NEW(arena, uint32_t, n_tasks);
  play->waits = ARENA_NEW(arena, struct wait, n_waits);
  play->ended = ARENA_NEW(arena, bool, n_tasks);
  play->free_s = ARENA_NEW(arena, double, n_ports);
  return play;
}

static uint32_t add_task(struct play *play, uint32_t port, double length_s) {
  const uint32_t task = (uint32_t)play->n_tasks++;
  play->port[task] = port;
  play->length_s[task] = length_s;
  play->first[task] = NOBODY;
  return task;
}

static void add_wait(struct play *play, uint32_t task, uint32_t before) {
  play->waits[play->n_waits] = (struct wait){task, play->first[before]};
  play->first[before] = (uint32_t)play->n_waits++;
  play->n_before[task]++;
}

/* Always the task that can begin first, of several the one made first; the time of the last end. */
static double run_play(struct play *play) {
  double last_s = 0;
  for (size_t done = 0; done < play->n_tasks; done++) {
    uint32_t next = NOBODY;
    double least_s = INFINITY;
    for (uint32_t t = 0; t < play->n_tasks; t++) {
      if (play->ended[t] || play->n_before[t] > 0) continue;
      const double start_s = fmax(play->ready_s[t], play->free_s[play->port[t]]);
      if (start_s < least_s) least_s = start_s, next = t;
    }
    if (next == NOBODY) return INFINITY;
    play->ended[next] = true;
    const double end_s = play->end_s[next] = play->free_s[play->port[next]] = least_s + play->length_s[next];
    last_s = fmax(last_s, end_s);
    for (uint32_t w = play->first[next]; w != NOBODY; w = play->waits[w].next) {
      const uint32_t task = play->waits[w].task;
      play->ready_s[task] = fmax(play->ready_s[task], end_s);
      play->n_before[task]--;
    }
  }
  return last_s;
}

/* --- one layer ------------------------------------------------------------------------------------------------------
 */

struct simulated {
  struct judged_layer at;
  const struct sharding_design *design;
  double bandwidth;
  uint32_t phases;
  struct play *play;
  /* [phase * p + board]: the computation, and what the board sends behind it; NOBODY. */
  uint32_t *compute, *send[2];
};

/* Number of the piece that a board works on first. */
static uint32_t first_piece(const struct simulated *s, uint32_t board) {
  uint32_t piece = 0;
  for (int t = JUDGED_WEIGHTS; t <= JUDGED_INPUT; t++) {
    if (judged_rotates(&s->at, (enum judged_tensor)t)) piece += judged_copy(&s->at, (enum judged_tensor)t, board);
  }
  return piece % s->phases;
}

/* Extents of what a board has, of the shared loop's piece alone if there is one. */
static void extents(const struct simulated *s, uint32_t board, uint32_t piece, uint64_t extent[SHARDING_N_DIMS]) {
  uint32_t place[SHARDING_N_DIMS];
  judged_place(&s->at, board, place);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    uint64_t low, high;
    judged_slice(&s->at, (enum sharding_dim)d, place[d], &low, &high);
    extent[d] = high - low;
    if (d != s->at.strategy->shared || s->phases == 1) continue;
    const uint64_t each = ceil_div(extent[d], s->phases), from = min_u64(extent[d], piece * each);
    extent[d] = min_u64(extent[d] - from, each);
  }
}

static double bytes_of(const struct simulated *s, enum judged_tensor tensor, const uint64_t extent[SHARDING_N_DIMS]) {
  const unsigned dims = judged_dims(&s->at, tensor);
  const uint64_t stride = tensor == JUDGED_INPUT ? s->at.problem->layers[s->at.layer].stride : 1;
  double elements = 1;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if ((dims >> d & 1) == 0) continue;
    elements *= (double)extent[d] * (double)(d == SHARDING_H || d == SHARDING_W ? stride : 1);
  }
  return elements * (double)s->at.problem->element_bytes;
}

static void add_phases(struct simulated *s) {
  const uint32_t p = s->at.p;
  for (uint32_t k = 0; k < s->phases; k++) {
    for (uint32_t b = 0; b < p; b++) {
      uint64_t extent[SHARDING_N_DIMS];
      const uint32_t piece = (first_piece(s, b) + k) % s->phases;
      extents(s, b, piece, extent);
      const double cycles = judged_cycles(&s->at, s->design, extent);
      s->compute[k * p + b] = add_task(s->play, b, cycles / s->design->clock_hz);
      for (int t = JUDGED_WEIGHTS; t <= JUDGED_INPUT; t++) {
        s->send[t][k * p + b] = NOBODY;
        if (k + 1 == s->phases || !judged_rotates(&s->at, (enum judged_tensor)t)) continue;
        s->send[t][k * p + b] = add_task(s->play, p + b, bytes_of(s, (enum judged_tensor)t, extent) / s->bandwidth);
      }
    }
  }
}

/* Board `from` sends to `to` behind phase k. Serial: between phases. Overlapped: as soon as the piece is there and the
 * receiver has let go of the one before the one that it works on. */
static void order_message(struct simulated *s, int t, uint32_t k, uint32_t from, uint32_t to) {
  const uint32_t p = s->at.p, send = s->send[t][k * p + from];
  REQUIRE(first_piece(s, from) == (first_piece(s, to) + 1) % s->phases); /* what the receiver works on next */
  add_wait(s->play, s->compute[(k + 1) * p + to], send);
  if (!s->at.problem->overlap) {
    add_wait(s->play, s->compute[(k + 1) * p + from], send);
    add_wait(s->play, send, s->compute[k * p + from]);
    add_wait(s->play, send, s->compute[k * p + to]);
  } else if (k > 0) {
    const uint32_t before = judged_holder(&s->at, (enum judged_tensor)t, from,
                                          (judged_copy(&s->at, (enum judged_tensor)t, from) + 1) % s->phases);
    add_wait(s->play, send, s->send[t][(k - 1) * p + before]);
    add_wait(s->play, send, s->send[t][(k - 1) * p + to]);
    add_wait(s->play, send, s->compute[(k - 1) * p + to]);
  }
}

static void order_phases(struct simulated *s) {
  const uint32_t p = s->at.p;
  for (uint32_t k = 0; k + 1 < s->phases; k++) {
    for (uint32_t b = 0; b < p; b++) {
      add_wait(s->play, s->compute[(k + 1) * p + b], s->compute[k * p + b]);
      for (int t = JUDGED_WEIGHTS; t <= JUDGED_INPUT; t++) {
        if (s->send[t][k * p + b] == NOBODY) continue;
        const uint32_t copy = judged_copy(&s->at, (enum judged_tensor)t, b);
        order_message(s, t, k, b, judged_holder(&s->at, (enum judged_tensor)t, b, (copy + s->phases - 1) % s->phases));
      }
    }
  }
}

/* Elements of a piece of an all-reduce: as even as whole ones can be. */
static double piece_bytes(double bytes, double element_bytes, uint32_t r, uint32_t piece) {
  const double elements = bytes / element_bytes, each = floor(elements / r), rest = elements - each * r;
  return (each + (piece < rest ? 1 : 0)) * element_bytes;
}

/* r − 1 steps that add up, r − 1 that spread: in each a board sends one piece to the next of its ring. `bytes`: of a
 * board's partial result. */
static void add_all_reduce(struct simulated *s, uint32_t r, const double *bytes, const uint32_t *number,
                           const uint32_t *before, struct arena *arena) {
  const uint32_t p = s->at.p, n_steps = 2 * (r - 1);
  uint32_t *task = ARENA_NEW(arena, uint32_t, (size_t)n_steps * p);
  for (uint32_t step = 0; step < n_steps; step++) {
    for (uint32_t b = 0; b < p; b++) {
      const uint32_t piece = (number[b] + 2 * r - step % r) % r;
      const double length = piece_bytes(bytes[b], (double)s->at.problem->element_bytes, r, piece);
      task[step * p + b] = add_task(s->play, p + b, length / s->bandwidth);
    }
  }
  for (uint32_t step = 0; step < n_steps; step++) {
    for (uint32_t b = 0; b < p; b++) {
      add_wait(s->play, task[step * p + b], s->compute[(s->phases - 1) * p + b]);
      if (step > 0) add_wait(s->play, task[step * p + b], task[(step - 1) * p + before[b]]);
      if (step > 0) add_wait(s->play, task[step * p + b], task[(step - 1) * p + b]);
    }
  }
}

/* Partial results over the loops that the output does not depend on; or, of a norm over a split row, two numbers a row.
 */
static void add_sums(struct simulated *s, struct arena *arena) {
  const struct sharding_kind *kind = judged_kind(&s->at);
  const uint32_t p = s->at.p, copies = judged_copies(&s->at, JUDGED_OUTPUT);
  const bool rows = kind->reduced < SHARDING_N_DIMS && s->at.strategy->factor[kind->reduced] > 1;
  const uint32_t r = rows ? s->at.strategy->factor[kind->reduced] : copies;
  if (r < 2) return;
  double *bytes = ARENA_NEW(arena, double, p);
  uint32_t *number = ARENA_NEW(arena, uint32_t, p), *before = ARENA_NEW(arena, uint32_t, p);
  for (uint32_t b = 0; b < p; b++) {
    uint32_t place[SHARDING_N_DIMS];
    uint64_t extent[SHARDING_N_DIMS];
    judged_place(&s->at, b, place);
    for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
      uint64_t low, high;
      judged_slice(&s->at, (enum sharding_dim)d, place[d], &low, &high);
      extent[d] = high - low;
    }
    if (rows) extent[kind->reduced] = 2;
    bytes[b] = bytes_of(s, JUDGED_OUTPUT, extent);
    if (rows) {
      number[b] = place[kind->reduced];
      place[kind->reduced] = (place[kind->reduced] + r - 1) % r;
      before[b] = judged_board(&s->at, place);
    } else {
      number[b] = judged_copy(&s->at, JUDGED_OUTPUT, b);
      before[b] = judged_holder(&s->at, JUDGED_OUTPUT, b, (number[b] + r - 1) % r);
    }
  }
  add_all_reduce(s, r, bytes, number, before, arena);
}

double sharding_simulate(const struct sharding_problem *problem, uint32_t layer, uint32_t design, uint32_t p,
                         double bandwidth, const struct sharding_strategy *strategy, struct arena *arena) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct simulated s = {
      .at = {problem, layer, p, strategy}, .design = &problem->designs[design], .bandwidth = bandwidth};
  s.phases = judged_phases(&s.at);
  const size_t n_cells = (size_t)s.phases * p;
  const size_t n_tasks = 3 * n_cells + 2 * (size_t)p * p;
  s.play = new_play(n_tasks, 12 * n_cells + 6 * (size_t)p * p, 2 * (size_t)p, arena);
  s.compute = ARENA_NEW(arena, uint32_t, n_cells);
  for (int t = 0; t < 2; t++) s.send[t] = ARENA_NEW(arena, uint32_t, n_cells);
  add_phases(&s);
  order_phases(&s);
  add_sums(&s, arena);
  const double end_s = run_play(s.play);
  arena_rewind(arena, mark);
  return end_s;
}

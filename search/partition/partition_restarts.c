/* Climbs as tasks. See partition_restarts.h.
 *
 * A task gets an order and a best answer and returns both as they are at its end. Tasks know nothing of each other;
 * what they return is looked at in their order, so it does not matter who ran them. */
#include "search/partition/partition_restarts.h"

#include "base/checked.h"
#include "search/partition/partition_climb.h"
#include "search/partition/partition_neighbours.h"
#include "search/partition/partition_orders.h"
#include "search/partition/partition_slicing_private.h"
#include <math.h>
#include <string.h>

enum { MOST_STEPS_SHOWN = 60, LOOK_EVERY = 64 };
/* Percent of a task's samples: climbed by simple loads; before the look around. */
enum { SIMPLE_SHARE = 92, CLIMB_SHARE = 97 };

/* What a task starts from and returns: this, then its order and its best chips. */
struct climber {
  double value;
  uint64_t samples;
  uint64_t n_shown; /* improvements, for convergence; the last one is always the best */
  struct {
    uint64_t sample;
    double value;
  } shown[MOST_STEPS_SHOWN];
};

struct climbers {
  const struct partition_request *request;
  const struct partition_restarts *restarts;
  uint64_t round, samples_each;
  size_t n_tasks, bytes; /* of a climber with its order and chips */
  unsigned char *start;
};

static struct climber *climber_at(const struct climbers *all, unsigned char *memory, size_t i) {
  return (struct climber *)(void *)(memory + i * all->bytes);
}
static uint32_t *order_of(struct climber *climber) { return (uint32_t *)(void *)(climber + 1); }
static uint32_t *chips_of(const struct climbers *all, struct climber *climber) {
  return order_of(climber) + all->request->graph->n;
}

static void note(struct climber *climber, double value) {
  const uint64_t at = climber->n_shown < MOST_STEPS_SHOWN ? climber->n_shown++ : MOST_STEPS_SHOWN - 1;
  climber->shown[at].sample = climber->samples, climber->shown[at].value = value;
}

static bool is_stopped(const struct partition_request *request) {
  return request->interrupted != NULL && request->interrupted(request->context);
}

/* Climbs until the task has used so many samples. */
static void climb_until(const struct climbers *all, struct partition_climb *climb, uint64_t samples,
                        struct climber *end) {
  while (end->samples < samples && climb->value > all->restarts->enough) {
    if (end->samples % LOOK_EVERY == 0 && is_stopped(all->request)) break;
    end->samples++;
    if (partition_climb_step(climb)) note(end, climb->value);
  }
}

/* Neighbourhoods of the best so far; where they help, climbing goes on from there. A sample each. */
static void look_around(const struct climbers *all, struct partition_neighbours *neighbours,
                        struct partition_climb *climb, struct climber *end) {
  if (neighbours->limits.pairs == 0 || !isfinite(climb->value) || climb->value <= all->restarts->enough) return;
  const size_t n = all->request->graph->n;
  struct arena *scratch = all->request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *chip = ARENA_NEW(scratch, uint32_t, n);
  double value = climb->value;
  memcpy(chip, climb->chip, n * sizeof *chip);
  const uint64_t left = all->samples_each - end->samples;
  end->samples += partition_neighbours_improve(neighbours, chip, &value, left, all->request);
  if (value < climb->value) {
    partition_climb_take(climb, chip, value, scratch);
    note(end, climb->value);
  }
  arena_rewind(scratch, mark);
}

static void climb_task(void *argument, size_t i, void *result) {
  const struct climbers *all = argument;
  const struct partition_request *request = all->request;
  const size_t n = request->graph->n;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct climber *start = climber_at(all, all->start, i), *end = result;
  const uint64_t task = (uint64_t)PARTITION_STREAM_ORDERS << 32 | i;
  struct partition_climb *climb =
      partition_climb_new(request->graph, rng_stream(request->seed, RNG_PARTITION, all->round, task), request->scratch);
  struct partition_neighbours neighbours;
  partition_neighbours_init(&neighbours, request->graph, &all->restarts->limits, request->scratch);
  memset(end, 0, all->bytes);
  climb->value = start->value;
  memcpy(climb->chip, chips_of(all, start), n * sizeof *climb->chip);
  partition_climb_simplify(climb, true);
  partition_climb_start(climb, order_of(start));
  climb_until(all, climb, all->samples_each * SIMPLE_SHARE / 100, end);
  partition_climb_simplify(climb, false);
  partition_climb_start(climb, climb->slicer->order);
  climb_until(all, climb, all->samples_each * CLIMB_SHARE / 100, end);
  look_around(all, &neighbours, climb, end);
  climb_until(all, climb, all->samples_each, end);
  end->value = climb->value;
  memcpy(order_of(end), climb->slicer->order, n * sizeof(uint32_t));
  memcpy(chips_of(all, end), climb->chip, n * sizeof(uint32_t));
  arena_rewind(request->scratch, mark);
}

/* --- starts ---------------------------------------------------------------------------------------------------------
 */

void partition_try_fixed_orders(struct partition_meter *meter) {
  const struct partition_request *request = meter->request;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct partition_slicer *slicer = partition_slicer_new(request->graph, request->scratch);
  uint32_t *order = ARENA_NEW(request->scratch, uint32_t, request->graph->n),
           *chip = ARENA_NEW(request->scratch, uint32_t, request->graph->n);
  for (size_t i = 0; i < PARTITION_N_FIXED_ORDERS && !partition_meter_full(meter); i++) {
    partition_fixed_order(request->graph, i, request->scratch, order);
    if (isfinite(partition_slice(slicer, order, INFINITY, chip))) {
      partition_meter_try(meter, chip);
    } else {
      partition_meter_pass(meter, INFINITY);
    }
  }
  arena_rewind(request->scratch, mark);
}

/* Fixed orders for tasks, those of least periods first, each once before any comes again; an answer that is known
 * already goes first of all. */
static void start_climbers(struct climbers *all, const struct partition_result *known) {
  const struct partition_graph *graph = all->request->graph;
  struct arena *scratch = all->request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_slicer *slicer = partition_slicer_new(graph, scratch);
  uint32_t *order = ARENA_NEW(scratch, uint32_t, graph->n);
  double value[PARTITION_N_FIXED_ORDERS];
  size_t rank[PARTITION_N_FIXED_ORDERS] = {0};
  for (size_t i = 0; i < PARTITION_N_FIXED_ORDERS; i++) {
    partition_fixed_order(graph, i, scratch, order);
    value[i] = partition_slice(slicer, order, INFINITY, NULL);
    size_t at = i;
    for (; at > 0 && value[rank[at - 1]] > value[i]; at--) rank[at] = rank[at - 1];
    rank[at] = i;
  }
  const size_t first = known->found ? 1 : 0;
  for (size_t i = 0; i < all->n_tasks; i++) {
    struct climber *climber = climber_at(all, all->start, i);
    climber->value = INFINITY;
    if (i >= first) {
      partition_fixed_order(graph, rank[(i - first) % PARTITION_N_FIXED_ORDERS], scratch, order_of(climber));
    } else {
      climber->value = known->value;
      memcpy(chips_of(all, climber), known->chip, graph->n * sizeof(uint32_t));
      partition_order_by_chip(graph, graph->topological, known->chip, scratch, order_of(climber));
    }
  }
  arena_rewind(scratch, mark);
}

/* The best of all is task 0's; every second task goes on from there, the others from where they are. */
static void share(struct climbers *all, unsigned char *ends) {
  const size_t n = all->request->graph->n;
  size_t best = 0;
  for (size_t i = 1; i < all->n_tasks; i++) {
    struct climber *a = climber_at(all, ends, i), *b = climber_at(all, ends, best);
    if (a->value < b->value || (a->value <= b->value && isfinite(a->value) &&
                                partition_compare(all->request->graph, chips_of(all, a), chips_of(all, b)) < 0)) {
      best = i;
    }
  }
  for (size_t i = 0; i < all->n_tasks; i++) {
    struct climber *from = climber_at(all, ends, i % 2 == 0 ? best : i), *to = climber_at(all, all->start, i);
    memcpy(to, from, sizeof *to + 2 * n * sizeof(uint32_t));
  }
}

/* Samples in the order of tasks, the way one rank alone would take them. */
static void account(struct partition_meter *meter, struct climbers *all, unsigned char *ends) {
  for (size_t i = 0; i < all->n_tasks; i++) {
    struct climber *climber = climber_at(all, ends, i);
    const uint64_t first = meter->result->samples;
    for (uint64_t k = 0; k < climber->n_shown; k++) {
      partition_meter_skip(meter, first + climber->shown[k].sample - 1 - meter->result->samples);
      partition_meter_pass(meter, climber->shown[k].value);
    }
    partition_meter_skip(meter, first + climber->samples - meter->result->samples);
    partition_meter_offer(meter, chips_of(all, climber), climber->value);
  }
}

uint64_t partition_restarts_run(struct partition_meter *meter, const struct partition_restarts *restarts) {
  const struct partition_request *request = meter->request;
  const size_t n = request->graph->n;
  uint64_t round = restarts->first_round;
  if (meter->result->samples >= request->samples || n < 2) return round;
  const uint64_t samples = min_u64(restarts->samples, request->samples - meter->result->samples);
  struct arena *scratch = request->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct climbers all = {.request = request, .restarts = restarts, .samples_each = restarts->samples_each};
  all.n_tasks = (size_t)max_u64(1, min_u64(restarts->tasks, samples / restarts->samples_each));
  all.bytes = (sizeof(struct climber) + 2 * n * sizeof(uint32_t) + 15) / 16 * 16;
  all.start = ARENA_NEW(scratch, unsigned char, all.n_tasks *all.bytes);
  unsigned char *ends = ARENA_NEW(scratch, unsigned char, all.n_tasks *all.bytes);
  start_climbers(&all, meter->result);
  /* What does not fill a last round is shared by all rounds. */
  const uint64_t rounds = max_u64(1, samples / (all.n_tasks * all.samples_each));
  all.samples_each = max_u64(1, samples / (all.n_tasks * rounds));
  for (uint64_t i = 0; i < rounds && !is_stopped(request); i++) {
    all.round = round++;
    partition_pool_run(request->pool, all.n_tasks, all.bytes, climb_task, &all, ends);
    account(meter, &all, ends);
    if (meter->result->value <= restarts->enough) break;
    share(&all, ends);
  }
  arena_rewind(scratch, mark);
  return round;
}

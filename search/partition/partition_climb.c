/* Climbing over orders. See partition_climb.h.
 *
 * A step takes a group across some distance of the order, with all that must go with it: what follows from it when it
 * goes back, what it follows from when it comes forward. Values are equal over wide plains, since one chip decides; so
 * among orders that are no worse those count as better whose chips reach further at a period just below, and a little
 * may be lost on the way. */
#include "search/partition/partition_climb.h"

#include "search/partition/partition_orders.h"
#include "search/partition/partition_slicing_private.h"
#include <math.h>
#include <string.h>

static const double tolerance = 1e-12, below = 1e-9; /* relative */
/* Of the period: how much of what chips reach may be lost in a step, on average. */
static const double slack = 0.01;

struct partition_climb *partition_climb_new(const struct partition_graph *graph, struct rng rng, struct arena *arena) {
  struct partition_climb *climb = ARENA_NEW(arena, struct partition_climb, 1);
  *climb = (struct partition_climb){.graph = graph,
                                    .slicer = partition_slicer_new(graph, arena),
                                    .rng = rng,
                                    .value = INFINITY,
                                    .chip = ARENA_NEW(arena, uint32_t, graph->n),
                                    .kept = ARENA_NEW(arena, uint32_t, graph->n),
                                    .aside = ARENA_NEW(arena, uint32_t, graph->n),
                                    .marked = ARENA_NEW(arena, bool, graph->n)};
  return climb;
}

/* How far do chips come at a period just below? */
static double measure(struct partition_climb *climb) {
  struct partition_slicer *s = climb->slicer;
  double next_ms;
  if (!isfinite(climb->period_ms) || partition_slicer_reach(s, climb->period_ms * (1 - below), &next_ms)) return 0;
  return s->cover_ms;
}

/* The order's pieces below a period; false: there are none, or they break a rule that slicing does not know. */
static bool improve(struct partition_climb *climb, double better_than) {
  struct partition_slicer *s = climb->slicer;
  const double period_ms = partition_slicer_solve(s, better_than);
  if (!isfinite(period_ms)) return false;
  partition_slicer_fill(s, s->trial);
  const double value = partition_value(climb->graph, s->trial, s->work);
  if (!isfinite(value)) return false;
  if (value < climb->value) {
    climb->value = value;
    memcpy(climb->chip, s->trial, climb->graph->n * sizeof *climb->chip);
  }
  climb->period_ms = period_ms;
  climb->cover_ms = measure(climb);
  return true;
}

void partition_climb_start(struct partition_climb *climb, const uint32_t *order) {
  const double value = partition_slice(climb->slicer, order, climb->value, climb->chip); /* by all rules */
  if (value < climb->value) climb->value = value;
  climb->period_ms = INFINITY;
  if (climb->graph->n > 1) improve(climb, INFINITY);
}

void partition_climb_simplify(struct partition_climb *climb, bool simple) {
  partition_slicer_simplify(climb->slicer, simple);
}

void partition_climb_take(struct partition_climb *climb, const uint32_t *chip, double value, struct arena *scratch) {
  const size_t n = climb->graph->n;
  if (value < climb->value) {
    climb->value = value;
    memcpy(climb->chip, chip, n * sizeof *chip);
  }
  partition_order_by_chip(climb->graph, climb->slicer->order, chip, scratch, climb->aside);
  partition_climb_start(climb, climb->aside);
}

/* --- steps ----------------------------------------------------------------------------------------------------------
 */

/* Takes the group at place p behind place q ≥ p, with what follows from it in between. Places count from 0. */
static void send_back(struct partition_climb *climb, uint32_t p, uint32_t q) {
  const struct partition_graph *graph = climb->graph;
  struct partition_slicer *s = climb->slicer;
  uint32_t at = p, n_aside = 0;
  climb->marked[s->order[p]] = true;
  for (uint32_t i = p; i <= q; i++) {
    const uint32_t g = s->order[i];
    bool follows = i == p;
    for (uint32_t k = graph->in_start[g]; !follows && k < graph->in_start[g + 1]; k++) {
      follows = climb->marked[graph->in[k]];
    }
    if (follows) {
      climb->marked[g] = true, climb->aside[n_aside++] = g;
    } else {
      s->order[at++] = g;
    }
  }
  for (uint32_t i = 0; i < n_aside; i++) s->order[at++] = climb->aside[i], climb->marked[climb->aside[i]] = false;
}

/* Takes the group at place q before place p ≤ q, with what it follows from in between. */
static void bring_forward(struct partition_climb *climb, uint32_t p, uint32_t q) {
  const struct partition_graph *graph = climb->graph;
  struct partition_slicer *s = climb->slicer;
  uint32_t at = q + 1, n_aside = 0;
  for (uint32_t i = q + 1; i-- > p;) {
    const uint32_t g = s->order[i];
    bool leads = i == q;
    for (uint32_t k = graph->out_start[g]; !leads && k < graph->out_start[g + 1]; k++) {
      leads = climb->marked[graph->out[k]];
    }
    if (leads) {
      climb->marked[g] = true, climb->aside[n_aside++] = g;
    } else {
      s->order[--at] = g;
    }
  }
  for (uint32_t i = 0; i < n_aside; i++) s->order[--at] = climb->aside[i], climb->marked[climb->aside[i]] = false;
}

/* A random group over a random distance, small ones as likely as large ones. */
static void move(struct partition_climb *climb) {
  const uint32_t n = (uint32_t)climb->graph->n;
  uint32_t scales = 1;
  while ((UINT32_C(1) << scales) < n) scales++;
  const uint32_t p = (uint32_t)rng_below(&climb->rng, n);
  const uint32_t distance = 1 + (uint32_t)rng_below(&climb->rng, UINT64_C(1) << (1 + rng_below(&climb->rng, scales)));
  const bool back = rng_below(&climb->rng, 2) == 0;
  climb->from = back ? p : p < distance ? 0 : p - distance;
  climb->end = back ? (distance < n - 1 - p ? p + distance : n - 1) : p;
  memcpy(climb->kept, climb->slicer->order + climb->from, (climb->end + 1 - climb->from) * sizeof *climb->kept);
  if (back) {
    send_back(climb, climb->from, climb->end);
  } else {
    bring_forward(climb, climb->from, climb->end);
  }
}

static bool is_changed(const struct partition_climb *climb) {
  return memcmp(climb->kept, climb->slicer->order + climb->from,
                (climb->end + 1 - climb->from) * sizeof *climb->kept) != 0;
}

static void undo(struct partition_climb *climb) {
  memcpy(climb->slicer->order + climb->from, climb->kept, (climb->end + 1 - climb->from) * sizeof *climb->kept);
  partition_slicer_reload(climb->slicer, climb->from, climb->end);
}

/* 0 half of the time, 1 a quarter of the time, and so on. */
static unsigned geometric(struct rng *rng) { return (unsigned)__builtin_ctzll(rng_next(rng) | UINT64_C(1) << 63); }

bool partition_climb_step(struct partition_climb *climb) {
  struct partition_slicer *s = climb->slicer;
  double next_ms;
  if (climb->graph->n < 2) return false;
  move(climb);
  if (!is_changed(climb)) return false;
  partition_slicer_reload(s, climb->from, climb->end);
  const double before = climb->value;
  if (!isfinite(climb->period_ms)) { /* anything may lead to an answer */
    improve(climb, INFINITY);
    return climb->value < before;
  }
  if (partition_slicer_reach(s, climb->period_ms * (1 - below), &next_ms)) {
    if (improve(climb, climb->period_ms)) return climb->value < before;
  } else {
    const double lost_ms = climb->cover_ms - s->cover_ms, cover_ms = s->cover_ms;
    const bool stays = !(lost_ms > 0) || lost_ms <= climb->period_ms * slack * geometric(&climb->rng);
    if (stays && partition_slicer_reach(s, climb->period_ms * (1 + tolerance), &next_ms)) {
      climb->cover_ms = cover_ms;
      return false;
    }
  }
  undo(climb);
  return false;
}

/* See partition_solver.h: state, trail, bounds and decisions. Monotone and path are difference constraints, so after
 * their bounds are closed every value left is part of a solution. No-skip is left to renumbering, which keeps every
 * rule and never raises a period (partition §3.1): a partition without holes in its chips is its own representative, so
 * each can still be drawn. */
#include "search/partition/partition_solver_private.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

void solver_set(struct partition_solver *solver, size_t word, uint64_t value) {
  if (solver->state[word] == value) return;
  if (solver->holes) {
    if (solver->n_trail == solver->trail_room) {
      struct partition_undo *longer = ARENA_NEW(solver->arena, struct partition_undo, 2 * solver->trail_room);
      memcpy(longer, solver->trail, solver->n_trail * sizeof *longer);
      solver->trail = longer, solver->trail_room *= 2;
    }
    solver->trail[solver->n_trail++] = (struct partition_undo){word, solver->state[word]};
  }
  solver->state[word] = value;
}

void solver_undo(struct partition_solver *solver, size_t n_trail) {
  while (solver->n_trail > n_trail) {
    const struct partition_undo *undo = &solver->trail[--solver->n_trail];
    solver->state[undo->word] = undo->old;
  }
  if (solver->general) solver_general_undone(solver);
}

void solver_enqueue(struct partition_solver *solver, uint32_t group) {
  if (solver->queued[group]) return;
  size_t at = solver->queue_first + solver->queue_length++;
  if (at >= solver->n) at -= solver->n;
  solver->queue[at] = group;
  solver->queued[group] = true;
}

static uint32_t dequeue(struct partition_solver *solver) {
  const uint32_t group = solver->queue[solver->queue_first];
  if (++solver->queue_first == solver->n) solver->queue_first = 0;
  solver->queue_length--;
  solver->queued[group] = false;
  return group;
}

/* The least chip ≥ `low`, or the largest ≤ `high`, in a set; 0: none. */
static uint32_t next_chip(const uint64_t *set, size_t n_words, uint32_t low) {
  size_t w = (low - 1) / 64;
  uint64_t word = w < n_words ? set[w] & UINT64_MAX << (low - 1) % 64 : 0;
  while (word == 0 && ++w < n_words) word = set[w];
  return word == 0 ? 0 : (uint32_t)(64 * w + (size_t)__builtin_ctzll(word) + 1);
}
static uint32_t last_chip(const uint64_t *set, uint32_t high) {
  size_t w = (high - 1) / 64;
  uint64_t word = set[w] & UINT64_MAX >> (63 - (high - 1) % 64);
  while (word == 0 && w > 0) word = set[--w];
  return word == 0 ? 0 : (uint32_t)(64 * w + 64 - (size_t)__builtin_clzll(word));
}

static void move_ends(struct partition_solver *solver, uint32_t group, uint32_t low, uint32_t high) {
  const uint64_t old = solver->state[solver->ends + group], ends = (uint64_t)high << 32 | low;
  if (ends == old) return;
  solver_set(solver, solver->ends + group, ends);
  solver->n_moves++;
  if (solver->n_resources > 0) solver_load_moved(solver, group, old);
  if (solver->general && low == high) solver_general_fixes(solver, group);
  solver_enqueue(solver, group);
}

bool solver_clip(struct partition_solver *solver, uint32_t group, uint32_t low, uint32_t high) {
  const uint32_t old_low = solver_low(solver, group), old_high = solver_high(solver, group);
  if (low < old_low) low = old_low;
  if (high > old_high) high = old_high;
  if (low > high) return false;
  if (solver->holes) {
    const uint64_t *set = &solver->state[solver->domain + group * solver->n_words];
    low = next_chip(set, solver->n_words, low);
    high = last_chip(set, high);
    if (low == 0 || low > high) return false;
  }
  move_ends(solver, group, low, high);
  return true;
}

bool solver_remove(struct partition_solver *solver, uint32_t group, const uint64_t *set) {
  const size_t first = solver->domain + group * solver->n_words;
  const uint32_t low = solver_low(solver, group), high = solver_high(solver, group);
  bool any = false;
  for (size_t w = (low - 1) / 64; w <= (high - 1) / 64; w++) {
    if ((solver->state[first + w] & set[w]) == 0) continue;
    solver_set(solver, first + w, solver->state[first + w] & ~set[w]);
    any = true;
  }
  return !any || solver_clip(solver, group, low, high);
}

/* Rules 1 and 2 along the edges of a group whose ends have moved. */
static bool spread(struct partition_solver *solver, uint32_t v) {
  const struct partition_graph *graph = solver->graph;
  const uint32_t low = solver_low(solver, v), high = solver_high(solver, v);
  const uint32_t most = solver->path ? high + 1 : UINT32_MAX, least = solver->path && low > 1 ? low - 1 : 1;
  for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
    const uint32_t to = graph->out[i];
    if ((solver_low(solver, to) < low || solver_high(solver, to) > most) && !solver_clip(solver, to, low, most)) {
      return false;
    }
  }
  for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
    const uint32_t from = graph->in[i];
    if ((solver_low(solver, from) < least || solver_high(solver, from) > high) &&
        !solver_clip(solver, from, least, high)) {
      return false;
    }
  }
  return true;
}

static bool reach_fixed_point(struct partition_solver *solver) {
  do {
    while (solver->queue_length > 0) {
      const uint32_t v = dequeue(solver);
      if (!spread(solver, v)) return false;
      if (solver->general && solver_fixed(solver, v) && !solver_general_fixed(solver, v)) return false;
    }
    if (solver->general && solver->sweep_is_due && !solver_general_sweep(solver)) return false;
  } while (solver->queue_length > 0);
  return solver->n_resources == 0 || solver_load_fits(solver);
}

bool solver_propagate(struct partition_solver *solver) {
  solver->cause = CAUSE_ANY;
  const bool fine = reach_fixed_point(solver);
  while (solver->queue_length > 0) dequeue(solver);
  return fine;
}

static void delete_value(struct partition_solver *solver, uint32_t group, uint32_t chip) {
  const size_t word = solver->domain + group * solver->n_words + (chip - 1) / 64;
  solver_set(solver, word, solver->state[word] & ~((uint64_t)1 << (chip - 1) % 64));
}

/* Bounds run the same way as the decision, so a decision beyond one that overfills does too; not so what the triangle
 * rule removes. */
size_t solver_refute(struct partition_solver *solver) {
  enum partition_cause cause = solver->general ? CAUSE_ANY : solver->cause;
  for (;;) {
    solver->n_failures++;
    if (solver->n_decisions == 0) {
      solver->failed = true;
      return SIZE_MAX;
    }
    const struct partition_decision decision = solver->decisions[--solver->n_decisions];
    solver->decision_of[decision.group] = UINT32_MAX;
    solver_undo(solver, decision.n_trail);
    delete_value(solver, decision.group, decision.chip);
    const uint32_t least = cause == CAUSE_EARLY ? decision.chip + 1 : 1;
    const uint32_t most = cause == CAUSE_LATE ? decision.chip - 1 : solver->n_chips;
    if (solver_clip(solver, decision.group, least, most) && solver_propagate(solver)) return solver->n_decisions;
    cause = CAUSE_ANY; /* what else failed without the decision holds for its chip alone */
    while (solver->queue_length > 0) dequeue(solver);
  }
}

size_t partition_solver_decide(struct partition_solver *solver, uint32_t group, uint32_t chip) {
  if (solver->failed) return SIZE_MAX;
  if (solver->decision_of[group] != UINT32_MAX || !partition_solver_has(solver, group, chip)) {
    return solver->n_decisions;
  }
  solver->decision_of[group] = (uint32_t)solver->n_decisions;
  solver->decisions[solver->n_decisions++] = (struct partition_decision){group, chip, solver->n_trail};
  solver->cause = CAUSE_ANY;
  if (solver_clip(solver, group, chip, chip) && solver_propagate(solver)) return solver->n_decisions;
  return solver_refute(solver);
}

uint32_t partition_solver_low(const struct partition_solver *solver, uint32_t group) {
  return solver_low(solver, group);
}

uint32_t partition_solver_high(const struct partition_solver *solver, uint32_t group) {
  return solver_high(solver, group);
}

bool partition_solver_has(const struct partition_solver *solver, uint32_t group, uint32_t chip) {
  if (chip < solver_low(solver, group) || chip > solver_high(solver, group)) return false;
  return !solver->holes || solver_bit(&solver->state[solver->domain + group * solver->n_words], chip);
}

void partition_solver_reset(struct partition_solver *solver) {
  for (size_t i = 0; i < solver->n_decisions; i++) solver->decision_of[solver->decisions[i].group] = UINT32_MAX;
  solver->n_decisions = 0;
  solver->n_failures = solver->n_moves = 0;
  if (solver->holes) {
    if (solver->n_trail > solver->root_trail) solver_undo(solver, solver->root_trail);
    solver->failed = solver->root_failed;
  } else {
    memcpy(solver->state, solver->root, solver->n_state * sizeof *solver->state);
  }
}

uint64_t partition_solver_failures(const struct partition_solver *solver) { return solver->n_failures; }

static size_t take_words(struct partition_solver *solver, size_t n) {
  const size_t first = solver->n_state;
  solver->n_state += n;
  return first;
}

static void fill_domains(struct partition_solver *solver) {
  for (size_t v = 0; v < solver->n; v++) {
    solver->state[solver->ends + v] = (uint64_t)solver->n_chips << 32 | 1;
    for (size_t w = 0; solver->holes && w < solver->n_words; w++) {
      const size_t left = solver->n_chips - 64 * w;
      solver->state[solver->domain + v * solver->n_words + w] = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
    }
  }
}

static void lay_out(struct partition_solver *solver) {
  const size_t square = solver->n_chips * solver->n_words;
  solver->ends = take_words(solver, solver->n);
  if (solver->holes) solver->domain = take_words(solver, solver->n * solver->n_words);
  if (solver->general) {
    solver->arcs = take_words(solver, square);
    solver->after = take_words(solver, square);
    solver->before = take_words(solver, square);
    solver->barred_to = take_words(solver, square);
    solver->barred_from = take_words(solver, square);
    solver->open_to = take_words(solver, solver->n / 64 + 1);
    solver->open_from = take_words(solver, solver->n / 64 + 1);
  }
  for (size_t r = 0; r < solver->n_resources; r++) {
    solver->resources[r].used = take_words(solver, solver->n_chips);
    solver->resources[r].at_low = take_words(solver, solver->n_chips);
    solver->resources[r].at_high = take_words(solver, solver->n_chips);
  }
  solver->state = ARENA_NEW(solver->arena, uint64_t, solver->n_state);
}

struct partition_solver *partition_solver_new(const struct partition_graph *graph, double period_ms,
                                              struct arena *arena) {
  const uint32_t n_chips = graph->problem->n_chips;
  struct partition_solver *solver = ARENA_NEW(arena, struct partition_solver, 1);
  *solver = (struct partition_solver){.graph = graph,
                                      .arena = arena,
                                      .n = graph->n,
                                      .n_chips = n_chips,
                                      .n_words = (n_chips + 63) / 64,
                                      .path = graph->problem->triangle == PARTITION_PATH,
                                      .general = graph->problem->triangle == PARTITION_GENERAL,
                                      .decisions = ARENA_NEW(arena, struct partition_decision, graph->n),
                                      .decision_of = ARENA_NEW(arena, uint32_t, graph->n),
                                      .queue = ARENA_NEW(arena, uint32_t, graph->n),
                                      .queued = ARENA_NEW(arena, bool, graph->n),
                                      .row = ARENA_NEW(arena, uint64_t, (n_chips + 63) / 64),
                                      .other_row = ARENA_NEW(arena, uint64_t, (n_chips + 63) / 64),
                                      .log_of = ARENA_NEW(arena, double, n_chips + 1),
                                      .place = ARENA_NEW(arena, uint32_t, graph->n),
                                      .number = ARENA_NEW(arena, uint32_t, n_chips + 1),
                                      .kept = ARENA_NEW(arena, struct partition_decision, graph->n),
                                      .log_probability = ARENA_NEW(arena, double, graph->n)};
  memset(solver->decision_of, 0xff, graph->n * sizeof *solver->decision_of);
  for (uint32_t c = 1; c <= n_chips; c++) solver->log_of[c] = num_log(c);
  solver_load_new(solver, period_ms);
  solver->holes = solver->general || solver->n_resources > 0;
  lay_out(solver);
  fill_domains(solver);
  if (!solver->holes) {
    uint64_t *root = ARENA_NEW(arena, uint64_t, solver->n_state);
    memcpy(root, solver->state, solver->n_state * sizeof *root);
    solver->root = root;
    return solver;
  }
  solver->trail_room = 4 * graph->n + 64;
  solver->trail = ARENA_NEW(arena, struct partition_undo, solver->trail_room);
  if (solver->general) solver_general_new(solver);
  solver->root_failed = !solver_load_windows(solver) || !solver_propagate(solver);
  solver->failed = solver->root_failed;
  solver->root_trail = solver->n_trail;
  return solver;
}

/* What the files of the solver share: see partition_solver.h.
 *
 * All that a decision changes lies in one array of 64-bit words, so one trail of (word, old value) undoes every rule's
 * part. Where domains are intervals and no decision can fail (monotone or path without memory and period: difference
 * constraints), nothing is ever undone and no trail is kept. */
#ifndef SEARCH_PARTITION_PARTITION_SOLVER_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_SOLVER_PRIVATE_H

#include "search/partition/partition_solver.h"

/* What chips have little of: bytes of weights, or compute in shares of the period. Sums are of integers, so that
 * undoing leaves no rounding behind. */
struct partition_resource {
  const uint64_t *amount;       /* [n] */
  uint64_t limit;               /* of a chip */
  size_t used, at_low, at_high; /* words of the state, [C] each: of groups that are fixed, by the ends of domains */
};
enum { PARTITION_MAX_RESOURCES = 2 };
/* Why the last propagation failed: the first chips hold too much, as they would if the decision were smaller, or the
 * last ones, as if it were larger. */
enum partition_cause { CAUSE_ANY, CAUSE_EARLY, CAUSE_LATE };

struct partition_decision {
  uint32_t group, chip;
  size_t n_trail; /* before it */
};
struct partition_undo {
  size_t word;
  uint64_t old;
};

struct partition_solver {
  const struct partition_graph *graph;
  struct arena *arena;
  size_t n, n_words; /* groups; words of a set of chips */
  uint32_t n_chips;
  bool path, general;
  bool holes; /* domains are sets, decisions can fail: there is a trail */
  size_t n_resources;
  struct partition_resource resources[PARTITION_MAX_RESOURCES];

  uint64_t *state;
  size_t n_state;
  /* Words of the state: low | high << 32 by group; domain [n × n_words]; chips: arcs, all that is reached, all from
   * where it is reached; given these, chips that may not be entered from a chip, or left towards it [C × n_words].
   * Fixed groups that may feed groups that are not, or read them: a bit a group. */
  size_t ends, domain, arcs, after, before, barred_to, barred_from, open_to, open_from;
  const uint64_t *root; /* without holes: the state with nothing decided */
  struct partition_undo *trail;
  size_t n_trail, trail_room, root_trail;

  struct partition_decision *decisions; /* [n] */
  size_t n_decisions;
  uint32_t *decision_of; /* [n]; UINT32_MAX: none */
  uint64_t n_failures, most_failures;
  enum partition_cause cause;
  uint64_t n_moves;         /* of ends of domains since the last reset */
  bool failed, root_failed; /* nothing is possible even with nothing decided: found by draws, before them */

  uint32_t *queue; /* [n] a ring */
  bool *queued;    /* [n] */
  size_t queue_first, queue_length;
  uint64_t *row, *other_row; /* [n_words] scratch */
  /* Of `general`. Only what is new is looked at: fixed groups whose neighbours have not lost what is barred, and those
   * on chips whose rows of it have grown. */
  bool sweep_is_due, arcs_are_new;
  uint64_t *unfiltered;            /* a bit a group */
  uint64_t *grown_to, *grown_from; /* [n_words] */

  double *log_of;                  /* [C + 1] logarithms of numbers of chips */
  uint32_t *place;                 /* [n] in the order of a draw */
  uint32_t *number;                /* [C + 1] of used chips */
  struct partition_decision *kept; /* [n] that a draw began with */
  double *log_probability;         /* [n] by decision */
};

static inline uint32_t solver_low(const struct partition_solver *solver, uint32_t group) {
  return (uint32_t)solver->state[solver->ends + group];
}
static inline uint32_t solver_high(const struct partition_solver *solver, uint32_t group) {
  return (uint32_t)(solver->state[solver->ends + group] >> 32);
}
static inline bool solver_fixed(const struct partition_solver *solver, uint32_t group) {
  return solver_low(solver, group) == solver_high(solver, group);
}
static inline bool solver_bit(const uint64_t *row, uint32_t chip) {
  return row[(chip - 1) / 64] >> (chip - 1) % 64 & 1;
}
static inline uint64_t *solver_row(struct partition_solver *solver, size_t rows, uint32_t chip) {
  return &solver->state[rows + (chip - 1) * solver->n_words];
}

void solver_set(struct partition_solver *solver, size_t word, uint64_t value);
void solver_undo(struct partition_solver *solver, size_t n_trail);
void solver_enqueue(struct partition_solver *solver, uint32_t group);
/* The domain keeps low … high of itself; false: nothing is left. */
bool solver_clip(struct partition_solver *solver, uint32_t group, uint32_t low, uint32_t high);
/* The domain loses a set. */
bool solver_remove(struct partition_solver *solver, uint32_t group, const uint64_t *set);
bool solver_propagate(struct partition_solver *solver);
/* After a failure: undoes decisions, newest first, and deletes their values until the rest stands. */
size_t solver_refute(struct partition_solver *solver);

/* --- partition_solver_general.c --- */
void solver_general_new(struct partition_solver *solver);
/* A group is about to be looked at, since it became fixed. */
void solver_general_fixes(struct partition_solver *solver, uint32_t group);
/* Nothing is new: the state is one that stood. */
void solver_general_undone(struct partition_solver *solver);
/* A group that became fixed: its edges to fixed groups are arcs of chips, others lose what is barred. */
bool solver_general_fixed(struct partition_solver *solver, uint32_t group);
/* All groups for which something is new, after new arcs and after decisions were undone. */
bool solver_general_sweep(struct partition_solver *solver);

/* --- partition_solver_load.c --- */
void solver_load_new(struct partition_solver *solver, double period_ms);
/* Domains by what must stand before and after a group; false: nothing is possible. */
bool solver_load_windows(struct partition_solver *solver);
/* A group's domain was `old`, low | high << 32; it is now what the state says. */
void solver_load_moved(struct partition_solver *solver, uint32_t group, uint64_t old);
bool solver_load_fits(struct partition_solver *solver);
/* Takes from an undecided group's domain the chips that it alone would fill over the limit. */
bool solver_load_prune(struct partition_solver *solver, uint32_t group);

#endif

/* Which chips may data not go to, given between which chips it goes already? Rule `general` (partition §3.1, §6 rule
 * 4): no two chips have an arc and a longer way. Arcs, what they reach and from where are rows of bits over chips, kept
 * with the solver's state; what is barred follows from them and is made anew when they have changed. */
#include "search/partition/partition_solver_private.h"

#include <string.h>

void solver_general_new(struct partition_solver *solver) {
  const size_t square = solver->n_chips * solver->n_words;
  solver->barred_to = ARENA_NEW(solver->arena, uint64_t, square);
  solver->barred_from = ARENA_NEW(solver->arena, uint64_t, square);
  solver->barred_is_old = true;
}

static void unite(struct partition_solver *solver, uint64_t *row, const uint64_t *other) {
  for (size_t w = 0; w < solver->n_words; w++) row[w] |= other[w];
}

static bool meet(const struct partition_solver *solver, const uint64_t *row, const uint64_t *other) {
  uint64_t both = 0;
  for (size_t w = 0; w < solver->n_words; w++) both |= row[w] & other[w];
  return both != 0;
}

/* state row |= other | one chip, undoable. */
static void grow(struct partition_solver *solver, size_t rows, uint32_t chip, size_t other_rows, uint32_t other) {
  const size_t row = rows + (chip - 1) * solver->n_words, more = other_rows + (other - 1) * solver->n_words;
  for (size_t w = 0; w < solver->n_words; w++) {
    const uint64_t one = (other - 1) / 64 == w ? (uint64_t)1 << (other - 1) % 64 : 0;
    solver_set(solver, row + w, solver->state[row + w] | solver->state[more + w] | one);
  }
}

/* Chips run with the data, so ways into `a` start at smaller chips, ways out of `b` end at larger ones. */
static bool add_arc(struct partition_solver *solver, uint32_t a, uint32_t b) {
  if (solver_bit(solver_row(solver, solver->arcs, a), b)) return true;
  if (solver_bit(solver_row(solver, solver->after, a), b)) return false;
  uint64_t *from_b = solver->row;
  memcpy(from_b, solver_row(solver, solver->after, b), solver->n_words * sizeof *from_b);
  from_b[(b - 1) / 64] |= (uint64_t)1 << (b - 1) % 64;
  const uint64_t *to_a = solver_row(solver, solver->before, a);
  for (uint32_t x = 1; x <= a; x++) {
    if ((x == a || solver_bit(to_a, x)) && meet(solver, solver_row(solver, solver->arcs, x), from_b)) return false;
  }
  const size_t arc = solver->arcs + (a - 1) * solver->n_words + (b - 1) / 64;
  solver_set(solver, arc, solver->state[arc] | (uint64_t)1 << (b - 1) % 64);
  for (uint32_t x = 1; x <= a; x++) {
    if (x == a || solver_bit(to_a, x)) grow(solver, solver->after, x, solver->after, b);
  }
  for (uint32_t y = b; y <= solver->n_chips; y++) {
    if (solver_bit(from_b, y)) grow(solver, solver->before, y, solver->before, a);
  }
  solver->barred_is_old = true;
  return true;
}

/* row |= the rows of all chips of a set. */
static void unite_all(struct partition_solver *solver, uint64_t *row, const uint64_t *set, size_t rows) {
  for (size_t w = 0; w < solver->n_words; w++) {
    for (uint64_t left = set[w]; left != 0; left &= left - 1) {
      unite(solver, row, solver_row(solver, rows, (uint32_t)(64 * w) + (uint32_t)__builtin_ctzll(left) + 1));
    }
  }
}

/* An arc a→b is barred if it is none yet and there is a way from a to b, or if some arc x→y has x ⇝ a or x = a and b ⇝
 * y or b = y. */
static void bar(struct partition_solver *solver) {
  const size_t n_words = solver->n_words, square = solver->n_chips * n_words;
  memset(solver->barred_from, 0, square * sizeof *solver->barred_from);
  for (uint32_t a = 1; a <= solver->n_chips; a++) {
    uint64_t *ends = solver->row, *barred = &solver->barred_to[(a - 1) * n_words];
    const uint64_t *arcs = solver_row(solver, solver->arcs, a);
    memcpy(ends, arcs, n_words * sizeof *ends);
    unite_all(solver, ends, solver_row(solver, solver->before, a), solver->arcs);
    memcpy(barred, solver_row(solver, solver->after, a), n_words * sizeof *barred);
    unite(solver, barred, ends);
    unite_all(solver, barred, ends, solver->before);
    for (size_t w = 0; w < n_words; w++) barred[w] &= ~arcs[w];
    barred[(a - 1) / 64] &= ~((uint64_t)1 << (a - 1) % 64); /* to stay is free */
    for (size_t w = 0; w < n_words; w++) {
      for (uint64_t left = barred[w]; left != 0; left &= left - 1) {
        const size_t b = 64 * w + (size_t)__builtin_ctzll(left);
        solver->barred_from[b * n_words + (a - 1) / 64] |= (uint64_t)1 << (a - 1) % 64;
      }
    }
  }
  solver->barred_is_old = false;
}

/* Neighbours that are not fixed lose what is barred. */
static bool filter(struct partition_solver *solver, uint32_t v) {
  const struct partition_graph *graph = solver->graph;
  const size_t row = (solver_low(solver, v) - 1) * solver->n_words;
  for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
    const uint32_t to = graph->out[i];
    if (!solver_fixed(solver, to) && !solver_remove(solver, to, &solver->barred_to[row])) return false;
  }
  for (uint32_t i = graph->in_start[v]; i < graph->in_start[v + 1]; i++) {
    const uint32_t from = graph->in[i];
    if (!solver_fixed(solver, from) && !solver_remove(solver, from, &solver->barred_from[row])) return false;
  }
  return true;
}

bool solver_general_fixed(struct partition_solver *solver, uint32_t group) {
  const struct partition_graph *graph = solver->graph;
  const uint32_t chip = solver_low(solver, group);
  for (uint32_t i = graph->out_start[group]; i < graph->out_start[group + 1]; i++) {
    const uint32_t to = graph->out[i], there = solver_low(solver, to);
    if (solver_fixed(solver, to) && there != chip && !add_arc(solver, chip, there)) return false;
  }
  for (uint32_t i = graph->in_start[group]; i < graph->in_start[group + 1]; i++) {
    const uint32_t from = graph->in[i], there = solver_low(solver, from);
    if (solver_fixed(solver, from) && there != chip && !add_arc(solver, there, chip)) return false;
  }
  return solver->barred_is_old || filter(solver, group); /* the sweep that comes does it too */
}

bool solver_general_sweep(struct partition_solver *solver) {
  bar(solver);
  for (uint32_t v = 0; v < solver->n; v++) {
    if (solver_fixed(solver, v) && !filter(solver, v)) return false;
  }
  return true;
}

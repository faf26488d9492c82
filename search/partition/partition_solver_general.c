/* Which chips may data not go to, given between which chips it goes already? Rule `general` (partition §3.1, §6 rule
 * 4): no two chips have an arc and a longer way. Arcs, what they reach and from where are rows of bits over chips, kept
 * with the solver's state; so is what is barred, which follows from them and only grows until decisions are undone. */
#include "search/partition/partition_solver_private.h"

#include <string.h>

void solver_general_new(struct partition_solver *solver) {
  solver->unfiltered = ARENA_NEW(solver->arena, uint64_t, solver->n / 64 + 1);
  solver->grown_to = ARENA_NEW(solver->arena, uint64_t, solver->n_words);
  solver->grown_from = ARENA_NEW(solver->arena, uint64_t, solver->n_words);
  solver->sweep_is_due = true;
}

void solver_general_undone(struct partition_solver *solver) {
  memset(solver->unfiltered, 0, (solver->n / 64 + 1) * sizeof *solver->unfiltered);
  memset(solver->grown_to, 0, solver->n_words * sizeof *solver->grown_to);
  memset(solver->grown_from, 0, solver->n_words * sizeof *solver->grown_from);
  solver->sweep_is_due = true, solver->arcs_are_new = false;
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
  solver->sweep_is_due = solver->arcs_are_new = true;
  return true;
}

/* row |= the rows of all chips of a set. */
static void unite_all(struct partition_solver *solver, uint64_t *row, const uint64_t *set, size_t rows) {
  if (solver->n_words == 1) { /* most often */
    for (uint64_t left = set[0]; left != 0; left &= left - 1)
      row[0] |= solver->state[rows + (size_t)__builtin_ctzll(left)];
    return;
  }
  for (size_t w = 0; w < solver->n_words; w++) {
    for (uint64_t left = set[w]; left != 0; left &= left - 1) {
      unite(solver, row, solver_row(solver, rows, (uint32_t)(64 * w) + (uint32_t)__builtin_ctzll(left) + 1));
    }
  }
}

/* An arc a→b is barred if it is none yet and there is a way from a to b, or if some arc x→y has x ⇝ a or x = a and b ⇝
 * y or b = y. */
static void bar(struct partition_solver *solver) {
  const size_t n_words = solver->n_words;
  uint64_t *ends = solver->row, *barred = solver->other_row;
  for (uint32_t a = 1; a <= solver->n_chips; a++) {
    const uint64_t *arcs = solver_row(solver, solver->arcs, a);
    memcpy(ends, arcs, n_words * sizeof *ends);
    unite_all(solver, ends, solver_row(solver, solver->before, a), solver->arcs);
    memcpy(barred, solver_row(solver, solver->after, a), n_words * sizeof *barred);
    unite(solver, barred, ends);
    unite_all(solver, barred, ends, solver->before);
    for (size_t w = 0; w < n_words; w++) barred[w] &= ~arcs[w];
    barred[(a - 1) / 64] &= ~((uint64_t)1 << (a - 1) % 64); /* to stay is free */
    for (size_t w = 0; w < n_words; w++) {
      const size_t word = solver->barred_to + (a - 1) * n_words + w;
      uint64_t new = barred[w] & ~solver->state[word];
      if (new == 0) continue;
      solver_set(solver, word, barred[w]);
      solver->grown_to[(a - 1) / 64] |= (uint64_t)1 << (a - 1) % 64;
      solver->grown_from[w] |= new;
      for (; new != 0; new &= new - 1) {
        const size_t b = 64 * w + (size_t)__builtin_ctzll(new), from = solver->barred_from + b * n_words + (a - 1) / 64;
        solver_set(solver, from, solver->state[from] | (uint64_t)1 << (a - 1) % 64);
      }
    }
  }
  solver->arcs_are_new = false;
}

void solver_general_fixes(struct partition_solver *solver, uint32_t group) {
  const size_t w = group / 64;
  const uint64_t bit = (uint64_t)1 << group % 64;
  solver->unfiltered[w] |= bit;
  solver_set(solver, solver->open_to + w, solver->state[solver->open_to + w] | bit);
  solver_set(solver, solver->open_from + w, solver->state[solver->open_from + w] | bit);
}

/* Neighbours of group v, those of a list that are not fixed, lose a set; where all are fixed, v is not open (`rows`).
 */
static bool filter_list(struct partition_solver *solver, uint32_t v, const uint32_t *list, size_t n, size_t barred,
                        size_t open) {
  const uint64_t *set = solver_row(solver, barred, solver_low(solver, v));
  bool any = false;
  for (size_t i = 0; i < n; i++) {
    if (solver_fixed(solver, list[i])) continue;
    any = true;
    if (!solver_remove(solver, list[i], set)) return false;
  }
  const size_t word = open + v / 64;
  if (!any) solver_set(solver, word, solver->state[word] & ~((uint64_t)1 << v % 64));
  return true;
}

/* Neighbours of a fixed group lose what is barred. */
static bool filter(struct partition_solver *solver, uint32_t v, bool to, bool from) {
  const struct partition_graph *graph = solver->graph;
  const uint32_t *out = &graph->out[graph->out_start[v]], *in = &graph->in[graph->in_start[v]];
  const size_t n_out = graph->out_start[v + 1] - graph->out_start[v],
               n_in = graph->in_start[v + 1] - graph->in_start[v];
  if (to && !filter_list(solver, v, out, n_out, solver->barred_to, solver->open_to)) return false;
  if (from && !filter_list(solver, v, in, n_in, solver->barred_from, solver->open_from)) return false;
  solver->unfiltered[v / 64] &= ~((uint64_t)1 << v % 64);
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
  return solver->sweep_is_due || filter(solver, group, true, true); /* the sweep that comes does it too */
}

/* The first fixed group from v on for which something may be new; n: there is none. */
static size_t next_new(const struct partition_solver *solver, size_t v, bool any_grown) {
  for (size_t w = v / 64; w <= solver->n / 64; w++) {
    uint64_t left = solver->unfiltered[w];
    if (any_grown) left |= solver->state[solver->open_to + w] | solver->state[solver->open_from + w];
    if (w == v / 64) left &= UINT64_MAX << v % 64;
    if (left != 0) return 64 * w + (size_t)__builtin_ctzll(left);
  }
  return solver->n;
}

/* A filter may fix groups: those behind in the order come in the same sweep. */
bool solver_general_sweep(struct partition_solver *solver) {
  if (solver->arcs_are_new) bar(solver);
  solver->sweep_is_due = false;
  uint64_t grown = 0;
  for (size_t w = 0; w < solver->n_words; w++) grown |= solver->grown_to[w] | solver->grown_from[w];
  for (size_t i = 0; (i = next_new(solver, i, grown != 0)) < solver->n; i++) {
    const uint32_t v = (uint32_t)i, chip = solver_low(solver, v);
    const bool is_new = solver->unfiltered[v / 64] >> v % 64 & 1, to = is_new || solver_bit(solver->grown_to, chip),
               from = is_new || solver_bit(solver->grown_from, chip);
    if ((to || from) && !filter(solver, v, to, from)) return false;
  }
  memset(solver->grown_to, 0, solver->n_words * sizeof *solver->grown_to);
  memset(solver->grown_from, 0, solver->n_words * sizeof *solver->grown_from);
  return true;
}

/* Sets by the number of their boards alone. See sharding_sets.h.
 *
 * Unlike boards, boards with links of their own and many groups make too many sets to list. Of so many boards (that
 * carry one design, that have so much memory) only the fastest ring counts, and the fastest links that sets of two
 * sizes can have: no set of boards is better than its form, so what the relaxation over forms says bounds all of them.
 * A form alone names its boards. Several need boards of their own: the fastest ring takes its boards first, those of a
 * group alone where it can. */
#include "search/sharding/sharding_rings.h"
#include "search/sharding/sharding_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps of memory that are told apart; most boards of which sets are settled. */
enum { MAX_STEPS = 4, MAX_SETTLED = 64 };

static int compare_bytes(const void *x, const void *y) {
  const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
  return a > b ? -1 : a < b;
}

/* In an answer's order: by group, then number. */
static uint32_t order_boards(const struct sharding_problem *problem, const bool *taken, uint32_t design,
                             uint64_t least_bytes, uint32_t *boards) {
  uint32_t n = 0;
  for (uint32_t g = 0; g < problem->n_groups; g++) {
    for (uint32_t b = 0; b < problem->n_boards; b++) {
      const struct sharding_board *board = &problem->boards[b];
      if (problem->board_group[b] != g || (taken != NULL && taken[b])) continue;
      if (board->dram_bytes < least_bytes || (design != SHARDING_NONE && board->design != design)) continue;
      boards[n++] = b;
    }
  }
  return n;
}

/* Boards of a class by memory, most first, in at most MAX_STEPS steps: from the most that any has in each (which a set
 * counts with) to the least. Returns their number. */
static uint32_t list_steps(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n,
                           struct arena *scratch, uint64_t *most, uint64_t *least) {
  uint64_t *bytes = ARENA_NEW(scratch, uint64_t, n);
  uint32_t n_values = 0;
  for (uint32_t i = 0; i < n; i++) bytes[i] = problem->boards[boards[i]].dram_bytes;
  qsort(bytes, n, sizeof *bytes, compare_bytes);
  for (uint32_t i = 0; i < n; i++) {
    if (i == 0 || bytes[i] != bytes[n_values - 1]) bytes[n_values++] = bytes[i];
  }
  const uint32_t n_steps = n_values < MAX_STEPS ? n_values : MAX_STEPS;
  for (uint32_t k = 0; k < n_steps; k++) {
    most[k] = bytes[k * n_values / n_steps], least[k] = bytes[(k + 1) * n_values / n_steps - 1];
  }
  return n_steps;
}

static void add_forms(struct sharding_sets *sets, struct set_form *forms, uint32_t class, uint32_t design,
                      struct arena *arena) {
  const struct sharding_problem *problem = sets->problem;
  uint32_t *all = ARENA_NEW(arena, uint32_t, problem->n_boards), index = 1;
  uint64_t most[MAX_STEPS], least[MAX_STEPS];
  const uint32_t n = order_boards(problem, NULL, design, 0, all);
  const uint32_t n_steps = list_steps(problem, all, n, arena, most, least);
  double *best = ARENA_NEW(arena, double, n + 1);
  for (uint32_t c = class + 1; c < sets->n_classes; c++) index *= sets->class_size[c] + 1;
  for (uint32_t k = 0; k < n_steps; k++) {
    uint32_t *boards = ARENA_NEW(arena, uint32_t, n);
    const uint32_t m = order_boards(problem, NULL, design, least[k], boards);
    struct sharding_rings rings;
    sharding_rings_make(problem, boards, m, m, arena, &rings);
    for (uint32_t p = 1; p <= m; p++) {
      if (!(rings.bandwidth[p] > best[p])) continue; /* no faster for less memory */
      best[p] = rings.bandwidth[p];
      struct set_form *form = &forms[sets->n_forms++];
      *form = (struct set_form){.index = index * p, .contact = p - 1, .design = design, .boards = rings.boards[p]};
      form->taken[class] = p;
      form->shape = (struct sharding_shape){p, rings.bandwidth[p], most[k]};
    }
  }
}

static int compare_forms(const void *x, const void *y) {
  const struct set_form *a = x, *b = y;
  if (a->shape.p != b->shape.p) return a->shape.p > b->shape.p ? -1 : 1;
  if (a->index != b->index) return a->index < b->index ? -1 : 1;
  return a->shape.dram_bytes > b->shape.dram_bytes ? -1 : a->shape.dram_bytes < b->shape.dram_bytes;
}

/* Numbers of boards that reach others alike are one contact; `contact` comes as a number of boards less one. */
static void make_contacts(struct sharding_sets *sets, struct set_form *forms, struct arena *arena) {
  const size_t n = sets->problem->n_boards, n_forms = sets->n_forms;
  const double *by_size = sharding_rates_make(sets->problem, arena);
  double *rate = ARENA_NEW(arena, double, n *n_forms), *row = ARENA_NEW(arena, double, n_forms);
  uint32_t *number = ARENA_NEW(arena, uint32_t, n);
  for (size_t x = 0; x < n; x++) {
    for (size_t f = 0; f < n_forms; f++) row[f] = by_size[x * n + forms[f].shape.p - 1];
    for (number[x] = 0; number[x] < sets->n_contacts; number[x]++) {
      if (memcmp(&rate[number[x] * n_forms], row, n_forms * sizeof *row) == 0) break;
    }
    if (number[x] == sets->n_contacts) memcpy(&rate[sets->n_contacts++ * n_forms], row, n_forms * sizeof *row);
  }
  for (size_t f = 0; f < n_forms; f++) forms[f].contact = number[forms[f].contact];
  sets->rate = rate;
}

bool sharding_sets_relax(const struct sharding_problem *problem, uint32_t max_forms, struct arena *arena,
                         struct sharding_sets *sets) {
  uint32_t design[SETS_MAX_CLASSES], *boards = ARENA_NEW(arena, uint32_t, problem->n_boards);
  *sets = (struct sharding_sets){.problem = problem, .n_used = 1, .granule = 1, .relaxed = true};
  for (uint32_t d = 0; d < (problem->adaptive ? 1 : problem->n_designs); d++) {
    const uint32_t own = problem->adaptive ? SHARDING_NONE : d, n = order_boards(problem, NULL, own, 0, boards);
    if (n == 0) continue;
    if (sets->n_classes == SETS_MAX_CLASSES || (uint64_t)sets->n_used * (n + 1) > UINT32_MAX) return false;
    design[sets->n_classes] = own, sets->class_size[sets->n_classes++] = n;
    sets->n_used *= n + 1;
  }
  if (problem->n_boards * MAX_STEPS > max_forms) return false;
  struct set_form *forms = ARENA_NEW(arena, struct set_form, problem->n_boards * MAX_STEPS);
  for (uint32_t c = 0; c < sets->n_classes; c++) add_forms(sets, forms, c, design[c], arena);
  qsort(forms, sets->n_forms, sizeof *forms, compare_forms);
  make_contacts(sets, forms, arena);
  sets->forms = forms;
  return true;
}

/* --- real boards ----------------------------------------------------------------------------------------------------
 */

/* One board is at home anywhere. */
static double wanted_rate(const struct sharding_shape *shape) { return shape->p > 1 ? shape->bandwidth : 0; }

/* Of the sets without boards the one with the fastest ring, then with most boards: it is hardest to please. */
static uint32_t next_set(const struct sharding_sets *relaxed, uint32_t n, const uint32_t *forms,
                         const struct set_form *settled) {
  uint32_t best = SHARDING_NONE;
  for (uint32_t k = 0; k < n; k++) {
    if (settled[k].boards != NULL) continue;
    const struct sharding_shape *one = &relaxed->forms[forms[k]].shape;
    const struct sharding_shape *other = best != SHARDING_NONE ? &relaxed->forms[forms[best]].shape : NULL;
    if (other == NULL || wanted_rate(one) > wanted_rate(other) ||
        (wanted_rate(one) == wanted_rate(other) && one->p > other->p))
      best = k;
  }
  return best;
}

/* The group with the fewest free boards (of n, by group) that make as fast a ring as the form has: what it leaves is
 * worth least to others. False: none. */
static bool settle_in_group(const struct sharding_problem *problem, const struct sharding_shape *shape,
                            const uint32_t *boards, uint32_t n, struct arena *arena, const uint32_t **ring) {
  uint32_t fewest = SHARDING_NONE;
  for (uint32_t i = 0, end; i < n; i = end) {
    const uint32_t group = problem->board_group[boards[i]];
    for (end = i; end < n && problem->board_group[boards[end]] == group;) end++;
    if (end - i < shape->p || end - i >= fewest) continue;
    struct sharding_rings rings;
    sharding_rings_make(problem, boards + i, end - i, shape->p, arena, &rings);
    if (rings.bandwidth[shape->p] < shape->bandwidth) continue;
    fewest = end - i, *ring = rings.boards[shape->p];
  }
  return fewest != SHARDING_NONE;
}

bool sharding_sets_settle(const struct sharding_sets *relaxed, uint32_t n, const uint32_t *forms, struct arena *arena,
                          struct sharding_sets *sets) {
  const struct sharding_problem *problem = relaxed->problem;
  if (n > SETS_MAX_CLASSES || problem->n_boards > MAX_SETTLED) return false;
  *sets = (struct sharding_sets){
      .problem = problem, .n_classes = n, .n_used = 1, .granule = 1, .n_forms = n, .relaxed = false};
  struct set_form *settled = ARENA_NEW(arena, struct set_form, n);
  bool *taken = ARENA_NEW(arena, bool, problem->n_boards);
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t k = next_set(relaxed, n, forms, settled);
    const struct set_form *form = &relaxed->forms[forms[k]];
    const uint32_t p = form->shape.p;
    uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards);
    uint32_t m = order_boards(problem, taken, form->design, form->shape.dram_bytes, boards);
    if (m < p) m = order_boards(problem, taken, form->design, 0, boards);
    if (m < p) return false;
    const uint32_t *ring;
    if (!settle_in_group(problem, &form->shape, boards, m, arena, &ring)) {
      struct sharding_rings rings;
      sharding_rings_make(problem, boards, m, p, arena, &rings);
      ring = rings.boards[p];
    }
    settled[k] = (struct set_form){.design = form->design, .boards = ring, .contact = SHARDING_NONE};
    settled[k].shape = (struct sharding_shape){p, sharding_ring_bandwidth(problem, ring, p), UINT64_MAX};
    for (uint32_t j = 0; j < p; j++) {
      const uint64_t bytes = problem->boards[ring[j]].dram_bytes;
      if (bytes < settled[k].shape.dram_bytes) settled[k].shape.dram_bytes = bytes;
      taken[ring[j]] = true;
    }
  }
  for (uint32_t k = n; k-- > 0;) { /* digits of the last class count one by one */
    const uint32_t p = settled[k].shape.p;
    if ((uint64_t)sets->n_used * (p + 1) > UINT32_MAX) return false;
    settled[k].index = sets->n_used * p, settled[k].taken[k] = p;
    sets->class_size[k] = p, sets->class_boards[k] = settled[k].boards;
    settled[k].boards = NULL, sets->n_used *= p + 1;
  }
  sets->forms = settled;
  return true;
}

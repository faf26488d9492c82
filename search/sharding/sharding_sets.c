/* Forms of sets, by what their costs depend on. See sharding_sets.h. */
#include "search/sharding/sharding_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool are_alike(const struct sharding_problem *problem, uint32_t a, uint32_t b) {
  const struct sharding_board *x = &problem->boards[a], *y = &problem->boards[b];
  return problem->link_bytes_per_s == NULL && problem->board_group[a] == problem->board_group[b] &&
         x->dram_bytes == y->dram_bytes && (problem->adaptive || x->design == y->design);
}

static bool make_classes(struct sharding_sets *sets, struct arena *arena) {
  const struct sharding_problem *problem = sets->problem;
  bool *taken = ARENA_NEW(arena, bool, problem->n_boards);
  for (uint32_t a = 0; a < problem->n_boards; a++) {
    if (taken[a]) continue;
    if (sets->n_classes == SETS_MAX_CLASSES) return false;
    uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards), n = 0;
    for (uint32_t b = a; b < problem->n_boards; b++) {
      if (b == a || (!taken[b] && are_alike(problem, a, b))) taken[b] = true, boards[n++] = b;
    }
    sets->class_boards[sets->n_classes] = boards, sets->class_size[sets->n_classes++] = n;
  }
  return true;
}

/* By group, then number. */
static int compare_boards(const void *a, const void *b, void *context) {
  const struct sharding_problem *problem = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const uint32_t g = problem->board_group[x], h = problem->board_group[y];
  if (g != h) return g < h ? -1 : 1;
  return x < y ? -1 : x > y;
}

static uint32_t collect(const struct sharding_sets *sets, const uint32_t *used, const uint32_t *taken,
                        uint32_t *boards) {
  uint32_t n = 0;
  for (uint32_t c = 0; c < sets->n_classes; c++) {
    for (uint32_t i = 0; i < taken[c] * sets->granule; i++) {
      boards[n++] = sets->class_boards[c][used[c] * sets->granule + i];
    }
  }
  struct sharding_problem context = *sets->problem;
  qsort_r(boards, n, sizeof *boards, compare_boards, &context);
  return n;
}

static void decode(const struct sharding_sets *sets, uint32_t index, uint32_t *taken) {
  for (uint32_t c = sets->n_classes; c-- > 0;) {
    taken[c] = index % (sets->class_size[c] + 1);
    index /= sets->class_size[c] + 1;
  }
}

/* False: boards with different fixed designs do not make a set. */
static bool make_form(const struct sharding_sets *sets, uint32_t index, uint32_t *boards, struct set_form *form) {
  const struct sharding_problem *problem = sets->problem;
  static const uint32_t none[SETS_MAX_CLASSES];
  *form = (struct set_form){.index = index, .design = SHARDING_NONE};
  decode(sets, index, form->taken);
  const uint32_t p = collect(sets, none, form->taken, boards);
  form->shape = (struct sharding_shape){p, sharding_ring_bandwidth(problem, boards, p), UINT64_MAX};
  for (uint32_t i = 0; i < p; i++) {
    const struct sharding_board *board = &problem->boards[boards[i]];
    if (!problem->adaptive && i > 0 && board->design != form->design) return false;
    if (!problem->adaptive) form->design = board->design;
    if (board->dram_bytes < form->shape.dram_bytes) form->shape.dram_bytes = board->dram_bytes;
  }
  return true;
}

static int compare_forms(const void *a, const void *b) {
  const struct set_form *x = a, *y = b;
  if (x->shape.p != y->shape.p) return x->shape.p > y->shape.p ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* The rate to a form is the slowest to any class it takes from. */
static double rate_to(const struct sharding_sets *sets, const double *to_class, const struct set_form *form) {
  double rate = INFINITY;
  for (uint32_t c = 0; c < sets->n_classes; c++) {
    if (form->taken[c] > 0) rate = fmin(rate, to_class[c]);
  }
  return rate;
}

static void make_contacts(struct sharding_sets *sets, struct set_form *forms, struct arena *arena) {
  const struct sharding_problem *problem = sets->problem;
  const uint32_t n = sets->n_classes;
  double *contacts = ARENA_NEW(arena, double, (size_t)sets->n_forms *n), *to_class = ARENA_NEW(arena, double, n);
  for (uint32_t f = 0; f < sets->n_forms; f++) {
    for (uint32_t c = 0; c < n; c++) {
      to_class[c] = INFINITY;
      for (uint32_t k = 0; k < n; k++) {
        if (forms[f].taken[k] == 0) continue;
        /* Of one class: two different boards of it, as a set hears from another one. */
        const uint32_t from = sets->class_boards[k][0],
                       to = sets->class_boards[c][k == c && sets->class_size[c] > 1 ? sets->granule : 0];
        if (from != to) to_class[c] = fmin(to_class[c], sharding_link(problem, from, to));
      }
    }
    uint32_t contact = 0;
    while (contact < sets->n_contacts && memcmp(&contacts[contact * n], to_class, n * sizeof *to_class) != 0) contact++;
    if (contact == sets->n_contacts) memcpy(&contacts[sets->n_contacts++ * n], to_class, n * sizeof *to_class);
    forms[f].contact = contact;
  }
  double *rate = ARENA_NEW(arena, double, (size_t)sets->n_contacts * sets->n_forms);
  for (uint32_t x = 0; x < sets->n_contacts; x++) {
    for (uint32_t f = 0; f < sets->n_forms; f++) {
      rate[x * sets->n_forms + f] = rate_to(sets, &contacts[x * n], &forms[f]);
    }
  }
  sets->rate = rate;
}

static bool make_forms(struct sharding_sets *sets, uint32_t max_forms, struct arena *arena) {
  for (uint32_t c = 0; c < sets->n_classes; c++) {
    if (sets->n_used > max_forms) return false;
    sets->n_used *= sets->class_size[c] + 1;
  }
  if (sets->n_used > max_forms + 1) return false;
  struct set_form *forms = ARENA_NEW(arena, struct set_form, sets->n_used);
  uint32_t *boards = ARENA_NEW(arena, uint32_t, sets->problem->n_boards);
  for (uint32_t i = 1; i < sets->n_used; i++) {
    if (make_form(sets, i, boards, &forms[sets->n_forms])) sets->n_forms++;
  }
  qsort(forms, sets->n_forms, sizeof *forms, compare_forms);
  make_contacts(sets, forms, arena);
  sets->forms = forms;
  return true;
}

bool sharding_sets_make(const struct sharding_problem *problem, uint32_t max_forms, struct arena *arena,
                        struct sharding_sets *sets) {
  *sets = (struct sharding_sets){.problem = problem, .n_used = 1, .granule = 1};
  return make_classes(sets, arena) && make_forms(sets, max_forms, arena);
}

/* --- large systems --------------------------------------------------------------------------------------------------
 */

uint32_t sharding_sets_depth(const struct sharding_problem *problem) {
  uint32_t most = 0;
  for (size_t g = 0; g < problem->n_groups; g++) {
    uint32_t n = 1;
    for (const char *at = problem->groups[g]; *at != '\0'; at++) n += *at == '/';
    most = n > most ? n : most;
  }
  return most;
}

/* The first `depth` names of two groups' paths are the same. */
static bool share_names(const char *a, const char *b, uint32_t depth) {
  for (uint32_t n = 0; n < depth;) {
    if (*a != *b) return false;
    if (*a == '\0') return true;
    n += *a == '/';
    a++, b++;
    if (n + 1 == depth && (*a == '\0' || *a == '/') && (*b == '\0' || *b == '/')) return true;
  }
  return true;
}

bool sharding_sets_coarse(const struct sharding_problem *problem, uint32_t depth, uint32_t n_units,
                          uint32_t max_classes, struct arena *arena, struct sharding_sets *sets) {
  *sets = (struct sharding_sets){.problem = problem, .n_used = 1, .granule = 1};
  bool *taken = ARENA_NEW(arena, bool, problem->n_boards);
  uint32_t largest = 0;
  for (uint32_t a = 0; a < problem->n_boards && sets->n_classes < max_classes; a++) {
    if (taken[a]) continue;
    const struct sharding_board *x = &problem->boards[a];
    uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards), n = 0;
    for (uint32_t b = a; b < problem->n_boards; b++) {
      const struct sharding_board *y = &problem->boards[b];
      if (taken[b] || !share_names(x->group, y->group, depth) || (!problem->adaptive && x->design != y->design))
        continue;
      taken[b] = true, boards[n++] = b;
    }
    struct sharding_problem context = *problem;
    qsort_r(boards, n, sizeof *boards, compare_boards, &context);
    sets->class_boards[sets->n_classes] = boards, sets->class_size[sets->n_classes++] = n;
    largest = n > largest ? n : largest;
  }
  sets->granule = largest / n_units > 0 ? largest / n_units : 1;
  for (uint32_t c = 0; c < sets->n_classes; c++) sets->class_size[c] /= sets->granule;
  enum { MOST_FORMS = 256 };
  return make_forms(sets, MOST_FORMS, arena);
}

bool sharding_sets_fit(const struct sharding_sets *sets, uint32_t used, uint32_t form) {
  uint32_t taken[SETS_MAX_CLASSES];
  decode(sets, used, taken);
  for (uint32_t c = 0; c < sets->n_classes; c++) {
    if (taken[c] + sets->forms[form].taken[c] > sets->class_size[c]) return false;
  }
  return true;
}

const uint32_t *sharding_sets_boards(const struct sharding_sets *sets, uint32_t used, uint32_t form,
                                     struct arena *arena) {
  if (sets->relaxed) return sets->forms[form].boards;
  uint32_t taken[SETS_MAX_CLASSES];
  decode(sets, used, taken);
  uint32_t *boards = ARENA_NEW(arena, uint32_t, sets->forms[form].shape.p);
  collect(sets, taken, sets->forms[form].taken, boards);
  return boards;
}

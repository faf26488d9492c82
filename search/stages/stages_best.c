/* Which r partitions are the best ones? See stages_private.h.
 *
 * Backward dynamic programming, f[s][D] = min over D' ⊃ D of max(key of D' \ D at place s, f[s+1][D']) (accelerator-
 * search §9), where a walk ends as soon as stages only grow beyond the best one. With f known exactly, the best
 * partitions are found one after another: what is open is a list of beginnings, each of which stands for all
 * partitions that begin so and is worth the best of them; beginnings exclude each other, so the first r of the list in
 * the order of (key, stages) are all that is ever needed. O(r p) walks. Left out: loads that differ between places. */
#include "base/checked.h"
#include "search/stages/stages_private.h"

/* A beginning of partitions: its first stages, and the key of the best partition that begins so. */
struct beginning {
  uint64_t key, own_key; /* own: of the stages it has */
  size_t n_stages;
  uint32_t *ends; /* [problem's n_stages] */
};

struct best {
  struct stages_lattice *lattice;
  uint64_t *completion;   /* [n_stages][n_downsets]: f */
  uint64_t *least;        /* [n_downsets]: key of the largest layer that is left: no completion is below; of loads */
  struct beginning *open; /* in order */
  size_t n_open, most_open;
  uint32_t **spare; /* ends that no beginning uses */
  size_t n_spare;
  struct beginning parent; /* being extended */
};

static inline uint64_t *completion_at(const struct best *best, size_t s) {
  return &best->completion[s * best->lattice->n_downsets];
}

/* --- the best completion --------------------------------------------------------------------------------------------
 */

struct step {
  const uint64_t *next; /* f at the next place; NULL: this is the last one */
  uint64_t key, least;
};

static uint64_t keep_least(void *context, size_t downset, uint64_t key) {
  struct step *step = context;
  const uint64_t whole = step->next != NULL ? max_u64(key, step->next[downset]) : key;
  if (whole < step->key) step->key = whole;
  return step->key <= step->least ? 0 : step->key;
}

static void find_least(struct best *best, struct arena *scratch) {
  const struct stages_lattice *lattice = best->lattice;
  const struct stages_problem *problem = lattice->problem;
  best->least = ARENA_NEW(scratch, uint64_t, lattice->n_downsets);
  if (lattice->chain) {
    for (size_t d = problem->n_layers; d-- > 0;) {
      best->least[d] = max_u64(best->least[d + 1], stages_key(0.0 + problem->load[d]));
    }
    return;
  }
  for (size_t d = 0; d < lattice->n_downsets; d++) {
    for (size_t layer = 0; layer < problem->n_layers; layer++) {
      if (stages_contains(lattice, d, layer)) continue;
      best->least[d] = max_u64(best->least[d], stages_key(0.0 + problem->load[layer]));
    }
  }
}

/* Every stage before has a layer, and so has every one from here on: of a graph only what is seen at once. */
static bool may_begin(const struct stages_lattice *lattice, size_t s, size_t downset) {
  if (s == 0 || downset == 0) return s == 0 && downset == 0;
  const struct stages_problem *problem = lattice->problem;
  return !lattice->chain || (downset >= s && problem->n_layers - downset >= problem->n_stages - s);
}

static void find_completions(struct best *best, enum stages_criterion criterion, uint64_t below) {
  struct stages_lattice *lattice = best->lattice;
  const size_t n_stages = lattice->problem->n_stages;
  for (size_t s = n_stages; s-- > 0;) {
    uint64_t *const here = completion_at(best, s);
    for (size_t d = 0; d < lattice->n_downsets; d++) {
      struct step step = {.next = s + 1 < n_stages ? completion_at(best, s + 1) : NULL, .key = below};
      if (criterion == STAGES_LOAD) step.least = best->least[d];
      if (may_begin(lattice, s, d)) stages_walk(lattice, criterion, s, d, below, keep_least, &step);
      here[d] = step.key < below ? step.key : STAGES_NO_KEY;
    }
  }
}

/* --- the best partitions --------------------------------------------------------------------------------------------
 */

/* < 0: the stage that ends with a comes before the one that ends with b, both beginning alike. */
static int compare_ends(const struct stages_lattice *lattice, uint32_t a, uint32_t b) {
  if (a == b) return 0;
  if (lattice->chain) return a > b ? -1 : 1;
  const uint64_t *x = &lattice->sets[a * lattice->n_words], *y = &lattice->sets[b * lattice->n_words];
  size_t w = 0;
  while (x[w] == y[w]) w++;
  const uint64_t difference = x[w] ^ y[w];
  return x[w] & (difference & -difference) ? -1 : 1;
}

static int compare_beginnings(const struct stages_lattice *lattice, const struct beginning *a,
                              const struct beginning *b) {
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  for (size_t s = 0; s < a->n_stages && s < b->n_stages; s++) {
    const int order = compare_ends(lattice, a->ends[s], b->ends[s]);
    if (order != 0) return order;
  }
  return 0;
}

/* From which key on a beginning would not enter the list. */
static uint64_t out_of_interest(const struct best *best) {
  if (best->n_open < best->most_open) return STAGES_NO_KEY;
  return best->n_open == 0 ? 0 : best->open[best->n_open - 1].key + 1; /* an equal one may come before it */
}

static void enter(struct best *best, const struct beginning *beginning) {
  size_t at = best->n_open;
  while (at > 0 && compare_beginnings(best->lattice, beginning, &best->open[at - 1]) < 0) at--;
  if (at == best->most_open) return;
  if (best->n_open == best->most_open) best->spare[best->n_spare++] = best->open[--best->n_open].ends;
  memmove(&best->open[at + 1], &best->open[at], (best->n_open - at) * sizeof *best->open);
  best->n_open++;
  best->open[at] = *beginning;
  best->open[at].ends = best->spare[--best->n_spare];
  memcpy(best->open[at].ends, beginning->ends, beginning->n_stages * sizeof *beginning->ends);
}

static uint64_t extend(void *context, size_t downset, uint64_t key) {
  struct best *best = context;
  struct beginning child = best->parent;
  const size_t n_stages = best->lattice->problem->n_stages;
  child.own_key = max_u64(child.own_key, key);
  child.ends[child.n_stages++] = (uint32_t)downset; /* the parent's room has a place for it */
  child.key = child.own_key;
  if (child.n_stages < n_stages) child.key = max_u64(child.key, completion_at(best, child.n_stages)[downset]);
  if (child.key < STAGES_NO_KEY) enter(best, &child);
  return out_of_interest(best);
}

static void open_list(struct best *best, size_t r, struct arena *scratch) {
  const size_t n_stages = best->lattice->problem->n_stages;
  best->open = ARENA_NEW(scratch, struct beginning, r + 1);
  best->spare = ARENA_NEW(scratch, uint32_t *, r + 2);
  best->most_open = r;
  for (best->n_spare = 0; best->n_spare < r + 2; best->n_spare++) {
    best->spare[best->n_spare] = ARENA_NEW(scratch, uint32_t, n_stages);
  }
  best->parent = (struct beginning){.key = completion_at(best, 0)[0], .ends = best->spare[--best->n_spare]};
  if (best->parent.key < STAGES_NO_KEY) enter(best, &best->parent);
}

size_t stages_best(struct stages_lattice *lattice, enum stages_criterion criterion, size_t r, uint64_t below,
                   struct arena *scratch, uint32_t *ends, uint64_t *keys) {
  const size_t n_stages = lattice->problem->n_stages;
  struct best best = {.lattice = lattice};
  best.completion = ARENA_NEW(scratch, uint64_t, n_stages * lattice->n_downsets);
  if (criterion == STAGES_LOAD) find_least(&best, scratch);
  find_completions(&best, criterion, below);
  open_list(&best, r, scratch);
  size_t n = 0;
  uint32_t *const room = best.parent.ends;
  while (best.n_open > 0 && !stages_gave_up(lattice)) {
    best.parent = best.open[0];
    memmove(&best.open[0], &best.open[1], --best.n_open * sizeof *best.open);
    memcpy(room, best.parent.ends, best.parent.n_stages * sizeof *room);
    best.spare[best.n_spare++] = best.parent.ends;
    best.parent.ends = room;
    if (best.parent.n_stages == n_stages) {
      memcpy(&ends[n * n_stages], room, n_stages * sizeof *room);
      keys[n++] = best.parent.key;
      best.most_open--;
      continue;
    }
    const size_t s = best.parent.n_stages, from = s > 0 ? room[s - 1] : 0;
    stages_walk(lattice, criterion, s, from, below, extend, &best);
  }
  return n;
}

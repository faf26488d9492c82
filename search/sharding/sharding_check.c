/* Is an answer to a sharding problem what it claims to be? The judge: everything that sharding §5 lists, from the rules
 * alone. This file looks at sets, ranges, strategies and claimed times; sharding_check_layer.c says what each board has
 * of a layer, sharding_check_boxes.c what moves between layers, sharding_check_times.c how long it all takes and
 * sharding_check_memory.c whether it fits. None of it shares code with the evaluator or a search; of what
 * sharding_finish derives only the rows of edges and the topological order are used. Left out: whether the answer is a
 * good one. */
#include "base/text.h"
#include "search/sharding/sharding_check_private.h"
#include <inttypes.h>
#include <math.h>

static const double tolerance = 1e-9; /* of the latency: what 17 digits lose many times over */
static const double digits = 1e-12;   /* of a time: what a table of 13 digits loses */
enum { SHOWN_BYTES = 64, ENOUGH_MESSAGES = 1000 };

static const char *escaped(const struct judge *j, const char *name) {
  char text[SHOWN_BYTES];
  text_escape(name, text, sizeof text);
  return arena_copy_text(j->arena, text);
}

const char *sharding_judged_name(const struct judge *j, uint32_t layer) {
  return escaped(j, j->problem->layers[layer].name);
}

const char *judged_board_name(const struct judge *j, uint32_t board) {
  return escaped(j, j->problem->boards[board].name);
}

/* More than an error keeps is not worth the time. */
static bool is_enough(const struct judge *j) { return j->error->n_messages > ENOUGH_MESSAGES; }

/* --- sets -----------------------------------------------------------------------------------------------------------
 */

static bool check_boards(struct judge *j) {
  const struct sharding_problem *p = j->problem;
  const struct sharding_answer *a = &j->claim->answer;
  uint32_t *holder = ARENA_NEW(j->arena, uint32_t, p->n_boards); /* set + 1 */
  bool fine = true;
  for (size_t s = 0; s < a->n_sets; s++) {
    const struct sharding_set *set = &a->sets[s];
    if (set->n_boards == 0) {
      fine = error_add(j->error, STATUS_INPUT, "boards: set %zu has none", s + 1);
    }
    for (uint32_t i = 0; i < set->n_boards; i++) {
      const uint32_t b = set->boards[i];
      if (b >= p->n_boards) {
        return error_add(j->error, STATUS_INPUT, "boards: set %zu: board %u of %zu", s + 1, b, p->n_boards);
      }
      if (holder[b] > 0) {
        fine = error_add(j->error, STATUS_INPUT, "boards: %s is in set %u and in set %zu", judged_board_name(j, b),
                         holder[b], s + 1);
      }
      holder[b] = (uint32_t)s + 1;
    }
  }
  return fine;
}

static bool check_designs(const struct judge *j) {
  const struct sharding_problem *p = j->problem;
  const struct sharding_answer *a = &j->claim->answer;
  bool fine = true;
  for (size_t s = 0; s < a->n_sets; s++) {
    const struct sharding_set *set = &a->sets[s];
    if (set->design >= p->n_designs) {
      fine = error_add(j->error, STATUS_INPUT, "design: set %zu: design %u of %zu", s + 1, set->design, p->n_designs);
      continue;
    }
    for (uint32_t i = 0; i < set->n_boards && !p->adaptive; i++) {
      const uint32_t has = p->boards[set->boards[i]].design;
      if (has == set->design) continue;
      fine = error_add(j->error, STATUS_INPUT, "design: set %zu wants %s, %s carries %s", s + 1,
                       escaped(j, p->designs[set->design].name), judged_board_name(j, set->boards[i]),
                       has < p->n_designs ? escaped(j, p->designs[has].name) : "none");
    }
  }
  return fine;
}

/* Consecutive, and all of them. */
static bool check_ranges(struct judge *j) {
  const struct sharding_problem *p = j->problem;
  const struct sharding_answer *a = &j->claim->answer;
  size_t next = 0;
  bool fine = true;
  for (uint32_t s = 0; s < a->n_sets; s++) {
    const struct sharding_set *set = &a->sets[s];
    if (set->first != next || set->last < set->first || set->last >= p->n_layers) {
      fine = error_add(j->error, STATUS_INPUT,
                       "range: set %u runs layers %u to %u of the topological order; %zu to at most %zu are due", s + 1,
                       set->first, set->last, next, p->n_layers - 1);
    }
    for (size_t place = set->first; place <= set->last && place < p->n_layers; place++) {
      j->set_of[p->topological[place]] = s;
    }
    next = (size_t)set->last + 1;
  }
  if (fine && next != p->n_layers) {
    fine = error_add(j->error, STATUS_INPUT, "range: the last %zu of %zu layers run nowhere", p->n_layers - next,
                     p->n_layers);
  }
  return fine;
}

/* --- strategies -----------------------------------------------------------------------------------------------------
 */

/* Loops that a kind has at all. */
static unsigned loops_of(const struct sharding_kind *kind) {
  return (unsigned)kind->weight_dims | kind->input_dims | kind->output_dims;
}

/* Can p be had as factors ≥ 2 of at most `n` loops from `first` on, none beyond its loop's extent? */
static bool splits(const struct sharding_layer *layer, unsigned loops, unsigned first, uint32_t n, uint32_t p) {
  if (p == 1) return true;
  for (unsigned d = first; n > 0 && d < SHARDING_N_DIMS; d++) {
    if ((loops >> d & 1) == 0) continue;
    for (uint32_t f = 2; f <= p && f <= layer->size[d]; f++) {
      if (p % f == 0 && splits(layer, loops, d + 1, n - 1, p / f)) return true;
    }
  }
  return false;
}

static bool complain(const struct judge *j, uint32_t layer, const char *what) {
  return error_add(j->error, STATUS_INPUT, "strategy: %s: %s", sharding_judged_name(j, layer), what);
}

static bool check_exclusive(const struct judge *j, const struct judged_layer *l) {
  const struct sharding_problem *p = j->problem;
  const struct sharding_layer *layer = &p->layers[l->layer];
  unsigned loops = loops_of(judged_kind(l)) & p->es_dims;
  const bool possible = loops != 0 && splits(layer, loops, 0, p->max_es_dims, l->p);
  uint64_t product = 1;
  uint32_t n_split = 0;
  bool fine = true;
  if (loops == 0) loops = 1U << SHARDING_COUT; /* nothing may be split: the outputs are, or boards stand idle */
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    const uint32_t factor = l->strategy->factor[d];
    if (factor == 0 || factor > l->p) return complain(j, l->layer, "a factor is 0, or larger than the set");
    product *= factor;
    if (factor == 1) continue;
    n_split++;
    if ((loops >> d & 1) == 0) fine = complain(j, l->layer, "an exclusive shard on a loop that may not be split");
    if (possible && factor > layer->size[d]) {
      fine = error_add(j->error, STATUS_INPUT, "strategy: %s: %s is split %u times and has %" PRIu64,
                       sharding_judged_name(j, l->layer), sharding_dim_names[d], factor, layer->size[d]);
    }
  }
  if (product != l->p) {
    fine = error_add(j->error, STATUS_INPUT, "strategy: %s: exclusive shards make %" PRIu64 " of %u boards",
                     sharding_judged_name(j, l->layer), product, l->p);
  }
  if (n_split > p->max_es_dims) fine = complain(j, l->layer, "exclusive shards on more loops than allowed");
  return fine;
}

static bool check_shared(const struct judge *j, const struct judged_layer *l) {
  const struct sharding_problem *p = j->problem;
  const uint64_t *size = p->layers[l->layer].size;
  const unsigned s = l->strategy->shared;
  if (s == SHARDING_N_DIMS) return true;
  if (s > SHARDING_N_DIMS || (p->ss_dims >> s & 1) == 0) return complain(j, l->layer, "a loop that may not be shared");
  if (l->strategy->factor[s] > 1) return complain(j, l->layer, "the shared loop is split as well");
  const bool plane = s == SHARDING_H || s == SHARDING_W;
  if (plane && (size[SHARDING_KH] > 1 || size[SHARDING_KW] > 1)) {
    return complain(j, l->layer, "rows or columns are shared under a filter larger than 1");
  }
  if (judged_phases(l) < 2) return complain(j, l->layer, "no two boards have anything of the shared loop in common");
  return true;
}

struct judged_layer judged_at(const struct judge *j, uint32_t layer) {
  const struct judged_set *set = &j->sets[j->set_of[layer]];
  return (struct judged_layer){j->problem, layer, set->set->n_boards, &j->claim->answer.strategies[layer]};
}

static bool check_strategies(const struct judge *j) {
  bool fine = true;
  for (uint32_t layer = 0; layer < j->problem->n_layers; layer++) {
    const struct judged_layer l = judged_at(j, layer);
    const bool exclusive = check_exclusive(j, &l);
    fine = exclusive && check_shared(j, &l) && fine;
  }
  return fine;
}

/* --- claimed times --------------------------------------------------------------------------------------------------
 */

static bool check_claims(const struct judge *j) {
  const double *start_s = j->claim->start_s, *end_s = j->claim->end_s;
  const double least_s = tolerance * j->latency_s;
  bool fine = true;
  for (uint32_t l = 0; l < j->problem->n_layers && !is_enough(j); l++) {
    if (start_s != NULL && !(fabs(start_s[l] - j->start_s[l]) <= least_s + digits * fabs(start_s[l]))) {
      fine = error_add(j->error, STATUS_INPUT, "start %s %.9g s: %.9g s are claimed, it is %.9g s",
                       sharding_judged_name(j, l), start_s[l] - j->start_s[l], start_s[l], j->start_s[l]);
    }
    if (end_s != NULL && !(fabs(end_s[l] - j->end_s[l]) <= least_s + digits * fabs(end_s[l]))) {
      fine = error_add(j->error, STATUS_INPUT, "end %s %.9g s: %.9g s are claimed, it is %.9g s",
                       sharding_judged_name(j, l), end_s[l] - j->end_s[l], end_s[l], j->end_s[l]);
    }
  }
  return fine;
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

static bool stands_before(const struct sharding_problem *p, uint32_t a, uint32_t b) {
  return p->board_group[a] != p->board_group[b] ? p->board_group[a] < p->board_group[b] : a < b;
}

static void list_sets(struct judge *j) {
  const struct sharding_answer *a = &j->claim->answer;
  j->sets = ARENA_NEW(j->arena, struct judged_set, a->n_sets);
  for (size_t s = 0; s < a->n_sets; s++) {
    const struct sharding_set *set = &a->sets[s];
    uint32_t *boards = ARENA_NEW(j->arena, uint32_t, set->n_boards);
    for (uint32_t i = 0; i < set->n_boards; i++) { /* by group, then number: nearly always the order they have */
      uint32_t at = i;
      for (; at > 0 && stands_before(j->problem, set->boards[i], boards[at - 1]); at--) boards[at] = boards[at - 1];
      boards[at] = set->boards[i];
    }
    j->sets[s] = (struct judged_set){set, boards, judged_ring(j->problem, boards, set->n_boards)};
  }
}

static bool judge_all(struct judge *j) {
  if (j->claim->answer.n_sets == 0) return error_add(j->error, STATUS_INPUT, "sets: there are none");
  bool fine = check_boards(j);
  if (fine) fine = check_designs(j);
  fine = check_ranges(j) && fine;
  if (!fine) return false; /* nothing else can be said */
  list_sets(j);
  if (!check_strategies(j)) return false;
  judge_times(j);
  if (!isfinite(j->latency_s)) {
    fine = error_add(j->error, STATUS_INPUT, "times: a design's table has no entry for a layer and its set");
  }
  fine = judge_memory(j) && fine;
  return check_claims(j) && fine;
}

bool sharding_check(const struct sharding_problem *problem, const struct sharding_claim *claim, struct arena *arena,
                    double *latency_s, struct error *error) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct judge j = {.problem = problem,
                    .claim = claim,
                    .arena = arena,
                    .error = error,
                    .set_of = ARENA_NEW(arena, uint32_t, problem->n_layers),
                    .start_s = ARENA_NEW(arena, double, problem->n_layers),
                    .end_s = ARENA_NEW(arena, double, problem->n_layers),
                    .latency_s = NAN};
  const bool fine = judge_all(&j);
  *latency_s = j.latency_s;
  arena_rewind(arena, mark);
  return fine;
}

/* Best first, by bounds that are looked at more closely the longer a platform stays in front: listed → trained →
 * bounded → mapped. See joint.h.
 *
 * Platforms of one design come first; what they reach keeps the lists of mixtures short. A platform leaves the search
 * when the best found comes before it even if all goes well for it (and there are finalists enough, and, with `front`,
 * when some platform found trains no slower and ends no later). What is found only rises, so it need not come back. */
#include "search/joint/joint_private.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct joint_search {
  struct joint_problem *problem;
  struct joint_settings settings;
  struct arena *arena;
  struct joint_counts counts;
  uint32_t *order;    /* designs by what they reach alone */
  double *multiplier; /* [n_designs] */
  double *room;       /* of a joint_listing */
  size_t n_heap, heap_room, n_found, found_room;
  struct joint_platform **heap, **found; /* best first: a heap; a sorted list */
  struct joint_platform **listed;        /* while mixtures are listed */
  size_t n_listed;
  uint32_t listed_kinds; /* platforms of so many kinds are in the heap, or were */
  bool refining, no_training;
  double left_out; /* the highest bound of platforms that were left out */
  struct joint_question question;
  size_t n_told;
};

/* --- what may still matter ------------------------------------------------------------------------------------------
 */

static bool is_covered(const struct joint_search *search, const struct joint_platform *platform) {
  const double training = joint_training(search->problem, platform);
  for (size_t i = 0; i < search->n_found; i++) {
    const struct joint_platform *const found = search->found[i];
    if (found->makespan_cycles <= platform->least_cycles && joint_training(search->problem, found) >= training) {
      return true;
    }
  }
  return false;
}

static bool is_open(const struct joint_search *search, const struct joint_platform *platform) {
  if (!(platform->bound > 0)) return false;
  /* What cannot beat the best need not be a finalist either: no mapping of it would win. */
  if (search->n_found < search->settings.finalists) return true;
  struct joint_platform as_hoped = *platform;
  as_hoped.value = platform->bound;
  if (joint_comes_before(&as_hoped, search->found[0])) return true;
  return search->settings.front && !is_covered(search, platform);
}

/* --- the heap -------------------------------------------------------------------------------------------------------
 */

static void sift_down(struct joint_search *search, size_t i) {
  struct joint_platform **const heap = search->heap, *const moved = heap[i];
  for (size_t child; (child = 2 * i + 1) < search->n_heap; i = child) {
    if (child + 1 < search->n_heap && joint_may_come_before(heap[child + 1], heap[child])) child++;
    if (!joint_may_come_before(heap[child], moved)) break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

static void push(struct joint_search *search, struct joint_platform *platform) {
  if (search->n_heap == search->heap_room) {
    const size_t room = 2 * search->heap_room + 64;
    struct joint_platform **const heap = ARENA_NEW(search->arena, struct joint_platform *, room);
    if (search->n_heap > 0) memcpy(heap, search->heap, search->n_heap * sizeof *heap);
    search->heap = heap, search->heap_room = room;
  }
  size_t i = search->n_heap++;
  for (size_t parent; i > 0 && joint_may_come_before(platform, search->heap[parent = (i - 1) / 2]); i = parent) {
    search->heap[i] = search->heap[parent];
  }
  search->heap[i] = platform;
}

static struct joint_platform *pop(struct joint_search *search) {
  struct joint_platform *const first = search->heap[0];
  search->heap[0] = search->heap[--search->n_heap];
  if (search->n_heap > 0) sift_down(search, 0);
  return first;
}

static void leave_out(struct joint_search *search, const struct joint_platform *platform) {
  search->counts.n_left_out++;
  search->left_out = fmax(search->left_out, platform->bound);
}

/* --- lists ----------------------------------------------------------------------------------------------------------
 */

static int by_bound(const void *a, const void *b) {
  const struct joint_platform *const x = *(struct joint_platform *const *)a, *const y =
                                                                                 *(struct joint_platform *const *)b;
  return joint_may_come_before(x, y) ? -1 : joint_may_come_before(y, x);
}

/* Beyond the room for them the half with the lower bounds goes. */
static void thin(struct joint_search *search) {
  const size_t keep = search->settings.most_platforms;
  qsort(search->listed, search->n_listed, sizeof(struct joint_platform *), by_bound);
  for (size_t i = keep; i < search->n_listed; i++) leave_out(search, search->listed[i]);
  if (search->n_listed > keep) search->n_listed = keep;
}

static void take(void *context, const struct joint_platform *platform) {
  struct joint_search *const search = context;
  search->counts.n_platforms++;
  if (!is_open(search, platform)) {
    search->counts.n_beaten++;
    return;
  }
  const size_t room = 2 * search->settings.most_platforms;
  if (search->n_listed == room) thin(search);
  /* One that was left out leaves its place to the next. */
  struct joint_platform **const place = &search->listed[search->n_listed++];
  if (*place == NULL) *place = ARENA_NEW(search->arena, struct joint_platform, 1);
  **place = *platform;
}

static void push_listed(struct joint_search *search) {
  thin(search);
  for (size_t i = 0; i < search->n_listed; i++) {
    push(search, search->listed[i]);
    search->listed[i] = NULL; /* the heap's now */
  }
  search->n_listed = 0;
}

static struct joint_listing listing_of(struct joint_search *search) {
  return (struct joint_listing){search->problem, search->order, search->multiplier, search->room, take, search};
}

/* By what a design reaches alone: those listed come in this order. */
static void order_designs(struct joint_search *search) {
  size_t n = 0;
  bool *const has_place = ARENA_NEW(search->arena, bool, search->problem->n_designs);
  qsort(search->listed, search->n_listed, sizeof(struct joint_platform *), by_bound);
  for (size_t i = 0; i < search->n_listed; i++) {
    search->order[n++] = search->listed[i]->design[0];
    has_place[search->listed[i]->design[0]] = true;
  }
  for (uint32_t d = 0; d < search->problem->n_designs; d++) {
    if (!has_place[d]) search->order[n++] = d;
  }
}

static void list_next(struct joint_search *search) {
  const uint32_t n_kinds = ++search->listed_kinds;
  const struct joint_listing listing = listing_of(search);
  const size_t n_designs = search->problem->n_designs;
  if (n_kinds == 1) {
    joint_list_single(&listing);
    order_designs(search);
    search->counts.n_mixed[1] = n_designs;
  } else {
    const size_t n_mixed = joint_mixed_designs(n_designs, n_kinds, search->settings.most_sets);
    search->counts.n_mixed[n_kinds] = n_mixed;
    joint_list_mixed(&listing, n_kinds, n_mixed);
  }
  push_listed(search);
}

struct joint_search *joint_new(struct joint_problem *problem, const struct joint_settings *settings,
                               struct arena *arena) {
  struct joint_search *const search = ARENA_NEW(arena, struct joint_search, 1);
  const size_t n = problem->n_designs;
  REQUIRE(settings->finalists >= 1 && settings->finalists <= JOINT_MAX_FINALISTS && settings->most_platforms >= 1);
  REQUIRE(problem->most_kinds >= 1 && problem->most_kinds <= (problem->adds_up ? JOINT_MAX_KINDS : 1));
  *search = (struct joint_search){.problem = problem, .settings = *settings, .arena = arena};
  search->order = ARENA_NEW(arena, uint32_t, n);
  search->multiplier = ARENA_NEW(arena, double, n);
  search->room = ARENA_NEW(arena, double, 3 * problem->n_jobs * (JOINT_MAX_KINDS + 1));
  /* Every platform of one design is looked at, however many there are. */
  const size_t room = settings->most_platforms > n ? settings->most_platforms : n;
  search->settings.most_platforms = room;
  if (settings->offers_alone) search->listed_kinds = problem->most_kinds;
  search->listed = ARENA_NEW(arena, struct joint_platform *, 2 * room);
  for (uint32_t d = 0; d < n; d++) {
    search->order[d] = d;
    search->multiplier[d] = joint_multiplier(problem, d);
  }
  return search;
}

/* --- what next ------------------------------------------------------------------------------------------------------
 */

static enum joint_step step_of(const struct joint_search *search, const struct joint_platform *platform) {
  if (!joint_is_trained(search->problem, platform)) return JOINT_TRAIN;
  return platform->state == JOINT_LISTED ? JOINT_BOUND : JOINT_MAP;
}

/* After a tell about its designs a bound may be lower than where it stands in the heap. */
static bool is_up_to_date(const struct joint_search *search, struct joint_platform *platform) {
  const double before = platform->bound;
  platform->bound = joint_value(search->problem, joint_training(search->problem, platform), platform->least_cycles);
  REQUIRE(platform->bound <= before * (1 + 1e-9));
  return !(platform->bound < before);
}

/* The first of the heap that may still matter, taken out; NULL: none. */
static struct joint_platform *next_open(struct joint_search *search) {
  while (search->n_heap > 0) {
    struct joint_platform *const first = pop(search);
    if (!is_up_to_date(search, first)) {
      push(search, first);
    } else if (!is_open(search, first)) {
      search->counts.n_beaten++;
    } else if (search->no_training && !joint_is_trained(search->problem, first)) {
      leave_out(search, first);
    } else {
      return first;
    }
  }
  return NULL;
}

static void ask_training(struct joint_search *search, const struct joint_platform *platform) {
  struct joint_question *const question = &search->question;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    bool asked = search->problem->trained[platform->design[k]];
    for (size_t i = 0; i < question->n && !asked; i++) asked = question->design[i] == platform->design[k];
    if (!asked) question->design[question->n++] = platform->design[k];
  }
}

/* As many of the next as need the same step; never what stands behind one that needs another. */
static void ask_platforms(struct joint_search *search) {
  struct joint_question *const question = &search->question;
  struct joint_platform *aside[JOINT_BATCH];
  size_t n_aside = 0;
  *question = (struct joint_question){.step = JOINT_DONE};
  for (struct joint_platform *next; n_aside < JOINT_BATCH && (next = next_open(search)) != NULL;) {
    const enum joint_step step = step_of(search, next);
    const bool first = question->step == JOINT_DONE;
    const size_t room = step == JOINT_TRAIN ? JOINT_BATCH - JOINT_MAX_KINDS
                        : step == JOINT_MAP ? JOINT_MAPS
                                            : JOINT_BATCH;
    if (!first && (step != question->step || question->n >= room)) {
      push(search, next);
      break;
    }
    question->step = step;
    if (step == JOINT_TRAIN) {
      ask_training(search, next);
      aside[n_aside++] = next;
    } else {
      question->platform[question->n++] = next;
    }
  }
  for (size_t i = 0; i < n_aside; i++) push(search, aside[i]);
}

static void sort_found(struct joint_search *search) {
  for (size_t i = 1; i < search->n_found; i++) { /* nearly sorted */
    struct joint_platform *const moved = search->found[i];
    size_t k = i;
    for (; k > 0 && joint_comes_before(moved, search->found[k - 1]); k--) search->found[k] = search->found[k - 1];
    search->found[k] = moved;
  }
}

/* The best of those that were not refined yet; after a first time only those that could still win. */
static void ask_refinement(struct joint_search *search) {
  bool again = false;
  for (size_t i = 0; i < search->n_found; i++) again = again || search->found[i]->refined;
  search->question = (struct joint_question){.step = JOINT_REFINE};
  for (size_t i = 0; i < search->n_found && search->question.n < search->settings.finalists; i++) {
    struct joint_platform *const own = search->found[i];
    if (own->refined || (again && !is_open(search, own))) continue;
    search->question.platform[search->question.n++] = own;
  }
}

void joint_ask(struct joint_search *search, struct joint_question *question) {
  while (search->question.n == search->n_told && !search->refining) {
    search->n_told = 0;
    ask_platforms(search);
    if (search->question.n > 0) break;
    if (search->listed_kinds < search->problem->most_kinds) {
      list_next(search);
      continue;
    }
    search->refining = true;
    ask_refinement(search);
  }
  if (search->refining && search->n_told == search->question.n) {
    search->question = (struct joint_question){.step = JOINT_DONE};
    search->n_told = 0;
  }
  *question = search->question;
}

void joint_offer(struct joint_search *search, const struct joint_platform *offered) {
  const struct joint_problem *const problem = search->problem;
  struct joint_platform own = *offered;
  REQUIRE(own.training > 0 && joint_fits(problem, &own));
  own.state = JOINT_LISTED;
  own.area_mm2 = joint_cost(problem, &own, JOINT_AREA);
  own.least_cycles = joint_least_cycles(problem, &own);
  own.bound = joint_value(problem, own.training, own.least_cycles);
  if (!isfinite(own.least_cycles)) return; /* some job runs on none of its designs: not listed either */
  search->counts.n_platforms++;
  if (!is_open(search, &own)) {
    search->counts.n_beaten++;
    return;
  }
  struct joint_platform *const kept = ARENA_NEW(search->arena, struct joint_platform, 1);
  *kept = own;
  push(search, kept);
  if (search->question.step == JOINT_DONE) search->refining = false;
}

/* --- tells ----------------------------------------------------------------------------------------------------------
 */

void joint_tell_training(struct joint_search *search, uint32_t design, double training) {
  if (search->question.step == JOINT_TRAIN) {
    for (size_t i = 0; i < search->question.n; i++) search->n_told += search->question.design[i] == design;
  }
  search->problem->training[design] = fmax(0, fmin(training, search->problem->training[design]));
  search->problem->trained[design] = true;
}

void joint_tell_bound(struct joint_search *search, struct joint_platform *platform, double least_cycles) {
  REQUIRE(search->question.step == JOINT_BOUND);
  search->n_told++;
  search->counts.n_bounded++;
  platform->least_cycles = fmax(platform->least_cycles, least_cycles);
  platform->bound = joint_value(search->problem, joint_training(search->problem, platform), platform->least_cycles);
  platform->state = JOINT_BOUNDED;
  push(search, platform);
}

static void add_found(struct joint_search *search, struct joint_platform *platform) {
  if (search->n_found == search->found_room) {
    const size_t room = 2 * search->found_room + 64;
    struct joint_platform **const found = ARENA_NEW(search->arena, struct joint_platform *, room);
    if (search->n_found > 0) memcpy(found, search->found, search->n_found * sizeof *found);
    search->found = found, search->found_room = room;
  }
  search->found[search->n_found++] = platform;
}

void joint_tell_map(struct joint_search *search, struct joint_platform *platform, double makespan_cycles,
                    double least_cycles) {
  const struct joint_problem *const problem = search->problem;
  const bool again = platform->state == JOINT_MAPPED;
  search->n_told++;
  search->counts.n_mapped += !again;
  platform->refined = again;
  platform->state = JOINT_MAPPED;
  platform->least_cycles = fmax(platform->least_cycles, least_cycles);
  platform->makespan_cycles = again ? fmin(platform->makespan_cycles, makespan_cycles) : makespan_cycles;
  const double training = joint_training(problem, platform);
  platform->value = joint_value(problem, training, platform->makespan_cycles);
  platform->bound = fmax(platform->value, joint_value(problem, training, platform->least_cycles));
  if (!again) add_found(search, platform);
  sort_found(search);
}

void joint_stop_training(struct joint_search *search) {
  search->no_training = true;
  if (search->question.step == JOINT_TRAIN) search->n_told = search->question.n = 0;
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

const struct joint_counts *joint_counts(const struct joint_search *search) { return &search->counts; }

size_t joint_found(struct joint_search *search, struct joint_platform ***found) {
  for (size_t i = 0; i < search->n_found; i++) {
    struct joint_platform *const own = search->found[i];
    const double training = joint_training(search->problem, own);
    own->on_front = true;
    for (size_t k = 0; k < search->n_found && own->on_front; k++) {
      const struct joint_platform *const other = search->found[k];
      const double others = joint_training(search->problem, other);
      if (k == i || others < training || other->makespan_cycles > own->makespan_cycles) continue;
      const bool equal = !(others > training) && !(other->makespan_cycles < own->makespan_cycles);
      own->on_front = equal && i < k; /* of equal ones the first */
    }
  }
  *found = search->found;
  return search->n_found;
}

double joint_bound_of_all(const struct joint_search *search) {
  double bound = search->left_out;
  for (size_t i = 0; i < search->n_found; i++) bound = fmax(bound, search->found[i]->bound);
  for (size_t i = 0; i < search->n_heap; i++) bound = fmax(bound, search->heap[i]->bound);
  return bound;
}

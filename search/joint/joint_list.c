/* Every platform that counts, with its bound: sets of designs, then how many of each. See joint.h. */
#include "search/joint/joint_private.h"

#include <math.h>

struct set {
  const struct joint_listing *listing;
  struct joint_platform platform; /* the set, and the counts so far */
  double multiplier[JOINT_MAX_KINDS];
  struct joint_needs needs;
};

static void take(struct set *set) {
  const struct joint_problem *const problem = set->listing->problem;
  struct joint_platform *const platform = &set->platform;
  platform->area_mm2 = joint_cost(problem, platform, JOINT_AREA);
  platform->least_cycles = joint_needed_cycles(problem, platform, set->multiplier, &set->needs);
  platform->bound = joint_value(problem, joint_training(problem, platform), platform->least_cycles);
  set->listing->take(set->listing->context, platform);
}

/* So many more of the platform's last kind as fit, none of the others beyond what they have. */
static uint32_t most_of_last(const struct joint_problem *problem, const struct joint_platform *platform) {
  const uint32_t last = platform->n_kinds - 1, before = joint_cores(platform) - platform->count[last];
  if (before >= problem->most_cores) return 0;
  double most = problem->most_cores - before;
  for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
    if (problem->cost[limit] == NULL) continue;
    struct joint_platform others = *platform;
    others.n_kinds = last;
    const double each = problem->cost[limit][platform->design[last]];
    const double left = problem->most[limit] - joint_cost(problem, &others, limit);
    if (!(left >= 0)) return 0;
    if (each > 0) most = fmin(most, floor(left / each) + 1); /* rounding: one too many is taken back below */
  }
  struct joint_platform tried = *platform;
  for (uint32_t n = (uint32_t)fmin(most, problem->most_cores - before); n > 0; n--) {
    tried.count[last] = n;
    bool fits = true;
    for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS && fits; limit++) {
      fits = problem->cost[limit] == NULL || joint_cost(problem, &tried, limit) <= problem->most[limit];
    }
    if (fits) return n;
  }
  return 0;
}

/* Counts of the kinds from k on; every kind has at least one. */
static void list_counts(struct set *set, uint32_t k) {
  const struct joint_problem *const problem = set->listing->problem;
  struct joint_platform *const platform = &set->platform;
  const uint32_t n_kinds = platform->n_kinds;
  platform->n_kinds = k + 1;
  const uint32_t most = most_of_last(problem, platform);
  if (k + 1 == n_kinds) {
    platform->count[k] = most;
    if (most > 0 && joint_is_maximal(problem, platform)) take(set);
  }
  for (uint32_t n = 1; k + 1 < n_kinds && n <= most; n++) {
    platform->n_kinds = n_kinds;
    platform->count[k] = n;
    list_counts(set, k + 1);
  }
  platform->n_kinds = n_kinds;
}

static void list_set(struct set *set) {
  struct joint_platform *const platform = &set->platform;
  const struct joint_listing *const listing = set->listing;
  joint_set_needs(listing->problem, platform->design, set->multiplier, platform->n_kinds, &set->needs);
  if (isfinite(set->needs.longest_cycles)) list_counts(set, 0);
}

/* The set's designs ascend, so that a platform has one form alone. */
static void add_design(struct set *set, uint32_t design) {
  struct joint_platform *const platform = &set->platform;
  uint32_t k = platform->n_kinds++;
  for (; k > 0 && platform->design[k - 1] > design; k--) {
    platform->design[k] = platform->design[k - 1];
    set->multiplier[k] = set->multiplier[k - 1];
  }
  platform->design[k] = design;
  set->multiplier[k] = set->listing->multiplier[design];
}

static void list_sets(const struct set *set, uint32_t n_kinds, size_t from, size_t end) {
  for (size_t i = from; i < end; i++) {
    struct set larger = *set;
    add_design(&larger, set->listing->order[i]);
    if (larger.platform.n_kinds == n_kinds) {
      list_set(&larger);
    } else {
      list_sets(&larger, n_kinds, i + 1, end);
    }
  }
}

void joint_list_single(const struct joint_listing *listing) {
  const struct set none = {.listing = listing};
  list_sets(&none, 1, 0, listing->problem->n_designs);
}

void joint_list_mixed(const struct joint_listing *listing, uint32_t n_kinds, size_t n_mixed) {
  const struct set none = {.listing = listing};
  list_sets(&none, n_kinds, 0, n_mixed);
}

size_t joint_mixed_designs(size_t n_designs, uint32_t n_kinds, uint64_t most_sets) {
  for (size_t n = n_kinds; n <= n_designs; n++) {
    double n_sets = 1;
    for (uint32_t k = 0; k < n_kinds; k++) n_sets = n_sets * (double)(n - k) / (k + 1);
    if (n_sets > (double)most_sets) return n > n_kinds ? n - 1 : 0;
  }
  return n_designs >= n_kinds ? n_designs : 0;
}

/* Every platform that counts, with its bound: sets of designs, then how many of each. See joint.h. */
#include "search/joint/joint_private.h"

#include <math.h>

struct set {
  const struct joint_listing *listing;
  struct joint_platform platform; /* the set, and the counts so far */
  double multiplier[JOINT_MAX_KINDS];
  struct joint_needs needs;
};

/* What the kinds with a count cost so far, added up in the order of joint_cost. */
struct costs {
  double of[JOINT_N_LIMITS];
};

static void take(struct set *set, const struct costs *costs) {
  const struct joint_problem *const problem = set->listing->problem;
  struct joint_platform *const platform = &set->platform;
  platform->area_mm2 = costs->of[JOINT_AREA];
  platform->least_cycles = joint_needed_cycles(problem, platform, set->multiplier, &set->needs);
  platform->bound = joint_value(problem, joint_training(problem, platform), platform->least_cycles);
  set->listing->take(set->listing->context, platform);
}

static bool fit(const struct joint_problem *problem, const struct costs *costs, uint32_t design, uint32_t n) {
  for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
    const double *const cost = problem->cost[limit];
    if (cost != NULL && !(costs->of[limit] + n * cost[design] <= problem->most[limit])) return false;
  }
  return true;
}

/* So many of the design as fit beside what costs so much and has so many cores. */
static uint32_t most_beside(const struct joint_problem *problem, const struct costs *costs, uint32_t n_cores,
                            uint32_t design) {
  if (n_cores >= problem->most_cores) return 0;
  double most = problem->most_cores - n_cores;
  for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
    if (problem->cost[limit] == NULL) continue;
    const double each = problem->cost[limit][design], left = problem->most[limit] - costs->of[limit];
    if (!(left >= 0)) return 0;
    const double room = each > 0 ? floor(left / each) + 1 : most; /* rounding: one too many is taken back below */
    most = room < most ? room : most;
  }
  uint32_t n = (uint32_t)most;
  while (n > 0 && !fit(problem, costs, design, n)) n--;
  return n;
}

/* Counts of the kinds from k on; every kind has at least one. */
static void list_counts(struct set *set, uint32_t k, const struct costs *before, uint32_t n_cores) {
  const struct joint_problem *const problem = set->listing->problem;
  struct joint_platform *const platform = &set->platform;
  const bool last = k + 1 == platform->n_kinds;
  const uint32_t design = platform->design[k], most = most_beside(problem, before, n_cores, design);
  for (uint32_t n = last ? most : 1; n > 0 && n <= most; n++) {
    struct costs costs = *before;
    for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
      if (problem->cost[limit] != NULL) costs.of[limit] += n * problem->cost[limit][design];
    }
    platform->count[k] = n;
    if (!last) {
      list_counts(set, k + 1, &costs, n_cores + n);
    } else if (n_cores + n == problem->most_cores || joint_is_maximal(problem, platform)) {
      take(set, &costs);
    }
  }
}

static void list_set(struct set *set) {
  const struct costs none = {{0}};
  if (isfinite(set->needs.longest_cycles)) list_counts(set, 0, &none, 0);
}

/* --- sets -----------------------------------------------------------------------------------------------------------
 */

/* Of every job what it needs at least on the designs of the set so far: [n_jobs] times its design's multiplier, of
 * bytes, of cycles. */
struct least {
  double *weighed, *bytes, *cycles;
};

static struct least least_at(const struct joint_listing *listing, uint32_t n_kinds) {
  const size_t n = listing->problem->n_jobs;
  double *const first = listing->room + 3 * n * n_kinds;
  return (struct least){first, first + n, first + 2 * n};
}

/* With one design more; what joint_set_needs says of the set, in the same order of sums. */
static void lessen(struct set *set, uint32_t design, uint32_t n_kinds) {
  const struct joint_problem *const problem = set->listing->problem;
  const size_t n = problem->n_jobs;
  const double multiplier = set->listing->multiplier[design];
  const double *const own_bytes = problem->bytes + design * n, *const own_cycles = problem->latency_cycles + design * n;
  const struct least before = least_at(set->listing, n_kinds - 1), now = least_at(set->listing, n_kinds);
  struct joint_needs needs = {0};
  for (size_t j = 0; j < n; j++) {
    const double weighed = multiplier * own_cycles[j];
    now.weighed[j] = weighed < before.weighed[j] ? weighed : before.weighed[j];
    now.bytes[j] = own_bytes[j] < before.bytes[j] ? own_bytes[j] : before.bytes[j];
    now.cycles[j] = own_cycles[j] < before.cycles[j] ? own_cycles[j] : before.cycles[j];
    needs.load += problem->alike[j] * now.weighed[j];
    needs.bytes += problem->alike[j] * now.bytes[j];
    needs.longest_cycles = now.cycles[j] > needs.longest_cycles ? now.cycles[j] : needs.longest_cycles;
  }
  set->needs = needs;
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
  lessen(set, design, platform->n_kinds);
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

static void list_all(const struct joint_listing *listing, uint32_t n_kinds, size_t n_mixed) {
  const struct set none = {.listing = listing};
  const struct least least = least_at(listing, 0);
  for (size_t j = 0; j < listing->problem->n_jobs; j++) {
    least.weighed[j] = least.bytes[j] = least.cycles[j] = (double)INFINITY;
  }
  list_sets(&none, n_kinds, 0, n_mixed);
}

void joint_list_single(const struct joint_listing *listing) { list_all(listing, 1, listing->problem->n_designs); }

void joint_list_mixed(const struct joint_listing *listing, uint32_t n_kinds, size_t n_mixed) {
  list_all(listing, n_kinds, n_mixed);
}

size_t joint_mixed_designs(size_t n_designs, uint32_t n_kinds, uint64_t most_sets) {
  for (size_t n = n_kinds; n <= n_designs; n++) {
    double n_sets = 1;
    for (uint32_t k = 0; k < n_kinds; k++) n_sets = n_sets * (double)(n - k) / (k + 1);
    if (n_sets > (double)most_sets) return n > n_kinds ? n - 1 : 0;
  }
  return n_designs >= n_kinds ? n_designs : 0;
}

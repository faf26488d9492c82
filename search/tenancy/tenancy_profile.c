/* See tenancy_profile.h. */
#include "search/tenancy/tenancy_profile.h"

#include <string.h>

struct tenancy_profile tenancy_profile_new(const struct tenancy_problem *problem, struct arena *arena) {
  const size_t most = 2 * problem->n_jobs + 2; /* a job adds at most two steps */
  struct tenancy_profile profile = {.problem = problem,
                                    .from_cycles = ARENA_NEW(arena, uint64_t, most),
                                    .needed = ARENA_NEW(arena, uint64_t, most),
                                    .load_cycles = ARENA_NEW(arena, uint64_t, problem->n_cores)};
  tenancy_profile_clear(&profile);
  return profile;
}

void tenancy_profile_clear(struct tenancy_profile *profile) {
  memset(profile->load_cycles, 0, profile->problem->n_cores * sizeof *profile->load_cycles);
  profile->n_steps = 1;
  profile->from_cycles[0] = 0, profile->needed[0] = 0;
  profile->longest_cycles = 0;
  profile->cost = 0;
}

/* The step that a time lies in. */
static size_t find(const struct tenancy_profile *profile, uint64_t cycles) {
  size_t low = 0, high = profile->n_steps; /* from[low] ≤ cycles < from[high] */
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (profile->from_cycles[middle] <= cycles) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The step that begins at a time, cutting one in two if there is none. */
static size_t cut(struct tenancy_profile *profile, uint64_t cycles) {
  const size_t step = find(profile, cycles);
  if (profile->from_cycles[step] == cycles) return step;
  const size_t n_after = profile->n_steps - step - 1;
  memmove(profile->from_cycles + step + 2, profile->from_cycles + step + 1, n_after * sizeof *profile->from_cycles);
  memmove(profile->needed + step + 2, profile->needed + step + 1, n_after * sizeof *profile->needed);
  profile->from_cycles[step + 1] = cycles;
  profile->needed[step + 1] = profile->needed[step];
  profile->n_steps++;
  return step + 1;
}

tenancy_cost tenancy_profile_append(struct tenancy_profile *profile, uint32_t job, uint32_t core) {
  const struct tenancy_problem *problem = profile->problem;
  const size_t at = tenancy_at(problem, job, core);
  const uint64_t start = profile->load_cycles[core], end = start + problem->latency_cycles[at];
  const uint64_t bandwidth = problem->scaled_bandwidth;
  const size_t first = cut(profile, start), last = cut(profile, end);
  tenancy_cost grown = 0;
  for (size_t k = first; k < last; k++) {
    const uint64_t length = profile->from_cycles[k + 1] - profile->from_cycles[k];
    const uint64_t before = profile->needed[k] > bandwidth ? profile->needed[k] - bandwidth : 0;
    profile->needed[k] += problem->scaled[at];
    const uint64_t after = profile->needed[k] > bandwidth ? profile->needed[k] - bandwidth : 0;
    grown += (tenancy_cost)(after - before) * length;
  }
  if (end > profile->longest_cycles) {
    grown += (tenancy_cost)(end - profile->longest_cycles) * bandwidth;
    profile->longest_cycles = end;
  }
  profile->load_cycles[core] = end;
  profile->cost += grown;
  return grown;
}

uint64_t tenancy_profile_at(const struct tenancy_profile *profile, uint64_t cycles) {
  return profile->needed[find(profile, cycles)];
}

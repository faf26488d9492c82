/* Compositions listed, built and weighed. See tenancy_compose.h. */
#include "search/tenancy/tenancy_compose.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

uint32_t tenancy_composition_cores(const uint32_t *count, size_t n_designs) {
  uint64_t n = 0;
  for (size_t d = 0; d < n_designs; d++) n += count[d];
  return (uint32_t)min_u64(n, UINT32_MAX);
}

double tenancy_composition_area_mm2(const struct tenancy_parts *parts, const uint32_t *count) {
  double area_mm2 = 0;
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) area_mm2 += count[d] * parts->area_mm2[d];
  return area_mm2;
}

double tenancy_composition_power_w(const struct tenancy_parts *parts, const uint32_t *count) {
  double power_w = 0;
  for (size_t d = 0; parts->power_w != NULL && d < tenancy_parts_n(parts); d++) power_w += count[d] * parts->power_w[d];
  return power_w;
}

bool tenancy_composition_fits(const struct tenancy_parts *parts, const uint32_t *count) {
  const uint32_t n = tenancy_composition_cores(count, tenancy_parts_n(parts));
  return n >= 1 && n <= parts->most_cores && tenancy_composition_area_mm2(parts, count) <= parts->most_area_mm2 &&
         tenancy_composition_power_w(parts, count) <= parts->most_power_w;
}

uint32_t tenancy_composition_most(const struct tenancy_parts *parts, size_t design) {
  uint32_t most = 0;
  for (uint32_t n = 1; n <= parts->most_cores; n++) {
    const double power_w = parts->power_w != NULL ? n * parts->power_w[design] : 0;
    if (n * parts->area_mm2[design] <= parts->most_area_mm2 && power_w <= parts->most_power_w) most = n;
  }
  return most;
}

/* --- the list -------------------------------------------------------------------------------------------------------
 */

struct listing {
  const struct tenancy_parts *parts;
  size_t n_mixed, n, most;
  uint32_t *now, *all; /* all NULL: only counted */
};

/* Every choice for the designs from `d` on; ends early once there are too many. More cores never cost less, so that the
 * first count beyond a limit ends the loop. */
static void list_from(struct listing *listing, size_t d) {
  const size_t n_designs = tenancy_parts_n(listing->parts);
  if (listing->n > listing->most) return;
  if (d == listing->n_mixed) {
    if (tenancy_composition_cores(listing->now, n_designs) == 0) return;
    if (listing->all != NULL) memcpy(listing->all + listing->n * n_designs, listing->now, n_designs * sizeof(uint32_t));
    listing->n++;
    return;
  }
  for (uint32_t n = 0; n <= listing->parts->most_cores; n++) {
    listing->now[d] = n;
    if (tenancy_composition_cores(listing->now, n_designs) > 0 &&
        !tenancy_composition_fits(listing->parts, listing->now)) {
      break;
    }
    list_from(listing, d + 1);
  }
  listing->now[d] = 0;
}

void tenancy_compositions_list(const struct tenancy_parts *parts, size_t most, struct arena *arena,
                               struct tenancy_compositions *list) {
  const size_t n_designs = tenancy_parts_n(parts);
  struct listing listing = {.parts = parts, .now = ARENA_NEW(arena, uint32_t, n_designs)};
  size_t n_mixed = n_designs + 1;
  do { /* one design alone has as many as cores */
    n_mixed--;
    listing.n_mixed = n_mixed, listing.n = 0, listing.most = n_mixed > 1 ? most : parts->most_cores;
    list_from(&listing, 0);
  } while (n_mixed > 1 && listing.n > most);
  *list = (struct tenancy_compositions){.n = listing.n, .n_designs = n_designs, .n_mixed = n_mixed};
  list->count = listing.all = ARENA_NEW(arena, uint32_t, listing.n * n_designs + 1);
  listing.n = 0;
  list_from(&listing, 0);
}

/* --- one of them ----------------------------------------------------------------------------------------------------
 */

const uint32_t *tenancy_composition_designs(const struct tenancy_parts *parts, const uint32_t *count,
                                            struct arena *arena) {
  const size_t n_designs = tenancy_parts_n(parts);
  uint32_t *const design = ARENA_NEW(arena, uint32_t, tenancy_composition_cores(count, n_designs));
  size_t n = 0;
  for (size_t d = 0; d < n_designs; d++) {
    for (uint32_t i = 0; i < count[d]; i++) design[n++] = (uint32_t)d;
  }
  return design;
}

/* Columns of the jobs' table, one a core. */
static void copy_columns(const struct tenancy_problem *jobs, const uint32_t *design, struct tenancy_problem *platform,
                         struct arena *arena) {
  const size_t n = jobs->n_jobs, n_cores = platform->n_cores;
  uint64_t *const latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *const need = ARENA_NEW(arena, double, n *n_cores);
  double *const energy = jobs->energy_nj != NULL ? ARENA_NEW(arena, double, n *n_cores) : NULL;
  for (size_t j = 0; j < n; j++) {
    for (size_t c = 0; c < n_cores; c++) {
      const size_t from = tenancy_at(jobs, j, design[c]), to = j * n_cores + c;
      latency[to] = jobs->latency_cycles[from];
      need[to] = jobs->bytes_per_cycle[from];
      if (energy != NULL) energy[to] = jobs->energy_nj[from];
    }
  }
  platform->latency_cycles = latency;
  platform->bytes_per_cycle = need;
  platform->energy_nj = energy;
}

bool tenancy_compose(const struct tenancy_parts *parts, const uint32_t *count, struct arena *arena,
                     struct tenancy_problem *problem, struct error *error) {
  const struct tenancy_problem *const jobs = parts->jobs;
  const uint32_t *const design = tenancy_composition_designs(parts, count, arena);
  *problem = *jobs;
  problem->n_cores = tenancy_composition_cores(count, tenancy_parts_n(parts));
  copy_columns(jobs, design, problem, arena);
  const char **const styles = ARENA_NEW(arena, const char *, problem->n_cores);
  uint64_t *const pes = ARENA_NEW(arena, uint64_t, problem->n_cores);
  for (size_t c = 0; c < problem->n_cores; c++) {
    styles[c] = jobs->core_styles != NULL ? jobs->core_styles[design[c]] : NULL;
    pes[c] = jobs->core_pes != NULL ? jobs->core_pes[design[c]] : 0;
  }
  problem->core_styles = jobs->core_styles != NULL ? styles : NULL;
  problem->core_pes = jobs->core_pes != NULL ? pes : NULL;
  return tenancy_finish(problem, arena, error);
}

static double idle_nj_per_cycle(const struct tenancy_parts *parts, size_t design) {
  return parts->idle_nj_per_cycle != NULL ? parts->idle_nj_per_cycle[design] : 0;
}

double tenancy_composition_energy_nj(const struct tenancy_parts *parts, const uint32_t *count,
                                     const struct tenancy_problem *platform, const uint32_t *core,
                                     double makespan_cycles) {
  if (!tenancy_parts_have_energy(parts)) return 0;
  double energy_nj = 0, busy_cycles[TENANCY_MAX_CORES] = {0};
  for (size_t j = 0; j < platform->n_jobs; j++) {
    const size_t at = tenancy_at(platform, j, core[j]);
    energy_nj += platform->energy_nj[at];
    busy_cycles[core[j]] += (double)platform->latency_cycles[at];
  }
  size_t c = 0;
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
    for (uint32_t i = 0; i < count[d]; i++, c++) {
      energy_nj += idle_nj_per_cycle(parts, d) * fmax(0, makespan_cycles - busy_cycles[c]);
    }
  }
  return energy_nj;
}

/* Σ e + Σ idle (T − load) = Σ (e − idle l) + T Σ idle: each job where it adds least, and the least T. */
double tenancy_composition_least_nj(const struct tenancy_parts *parts, const uint32_t *count, double bound_cycles) {
  const struct tenancy_problem *const jobs = parts->jobs;
  if (!tenancy_parts_have_energy(parts)) return 0;
  double energy_nj = 0, terms_nj = 0;
  for (size_t j = 0; j < jobs->n_jobs; j++) {
    double least_nj = (double)INFINITY;
    for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
      if (count[d] == 0 || !tenancy_can_run(jobs, j, d)) continue;
      const size_t at = tenancy_at(jobs, j, d);
      least_nj = fmin(least_nj, jobs->energy_nj[at] - idle_nj_per_cycle(parts, d) * (double)jobs->latency_cycles[at]);
    }
    energy_nj += least_nj;
    terms_nj += fabs(least_nj);
  }
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
    energy_nj += count[d] * idle_nj_per_cycle(parts, d) * bound_cycles;
    terms_nj += count[d] * idle_nj_per_cycle(parts, d) * bound_cycles;
  }
  static const double rounding = 1e-12; /* more than any sum of a million terms loses */
  return energy_nj - rounding * terms_nj * (double)(1 + jobs->n_jobs / 1000);
}

/* --- fronts ---------------------------------------------------------------------------------------------------------
 */

bool tenancy_worth_beaten(const struct tenancy_worth *found, size_t n, const struct tenancy_worth *least) {
  for (size_t i = 0; i < n; i++) {
    if (tenancy_worth_covers(&found[i], least)) return true;
  }
  return false;
}

void tenancy_worth_front(const struct tenancy_worth *worth, size_t n, bool *on_front) {
  for (size_t i = 0; i < n; i++) {
    on_front[i] = true;
    for (size_t k = 0; k < n && on_front[i]; k++) {
      if (k == i || !tenancy_worth_covers(&worth[k], &worth[i])) continue;
      on_front[i] = i < k && tenancy_worth_covers(&worth[i], &worth[k]);
    }
  }
}

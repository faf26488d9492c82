/* Assignments to groups of equal cores. See tenancy_groups.h. */
#include "search/tenancy/tenancy_groups.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- orders ---------------------------------------------------------------------------------------------------------
 */

struct keyed {
  double key;
  uint32_t job;
};

static int largest_first(const void *left, const void *right) {
  const struct keyed *a = left, *b = right;
  if (a->key < b->key || a->key > b->key) return a->key > b->key ? -1 : 1;
  return (a->job > b->job) - (a->job < b->job);
}

static void sort_keyed(struct keyed *keys, size_t n, uint32_t *order) {
  qsort(keys, n, sizeof *keys, largest_first);
  for (size_t i = 0; i < n; i++) order[i] = keys[i].job;
}

void tenancy_sort_longest(const struct tenancy_problem *problem, struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct keyed *keys = ARENA_NEW(scratch, struct keyed, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double sum = 0;
    size_t n = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      sum += (double)problem->latency_cycles[tenancy_at(problem, j, c)];
      n += tenancy_can_run(problem, j, c);
    }
    keys[j] = (struct keyed){sum / (double)n, (uint32_t)j};
  }
  sort_keyed(keys, problem->n_jobs, order);
  arena_rewind(scratch, mark);
}

/* The first core of each group: it stands for all. */
static void find_first(const struct tenancy_problem *problem, uint32_t *first) {
  for (size_t c = problem->n_cores; c-- > 0;) first[problem->group_of[c]] = (uint32_t)c;
}

void tenancy_sort_grouped(const struct tenancy_problem *problem, const uint32_t *group, struct arena *scratch,
                          uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t first[TENANCY_MAX_CORES];
  find_first(problem, first);
  struct keyed *keys = ARENA_NEW(scratch, struct keyed, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    keys[j] = (struct keyed){(double)problem->latency_cycles[tenancy_at(problem, j, first[group[j]])], (uint32_t)j};
  }
  sort_keyed(keys, problem->n_jobs, order);
  arena_rewind(scratch, mark);
}

/* --- between groups -------------------------------------------------------------------------------------------------
 * Rows as in B2: mean load of a group + what all jobs need beyond B; bytes; and for whole jobs also the longest alone,
 * which a mean over several cores would hide. */

struct rows {
  const struct tenancy_problem *problem;
  uint32_t *group;
  double load_weight;
  double *load, *excess, *bytes; /* [n_jobs * n_groups]: latency / size of the group; cycles beyond B; cycles at B */
  double loads[TENANCY_MAX_CORES], all_excess, all_bytes;
};

/* What a rest of the change counts, so that a step that lowers only a smaller row still counts. */
static const double sum_weight = 1e-3;

static double height(const struct rows *rows, const double *loads, double excess, double bytes) {
  double most = 0, sum = 0;
  for (size_t g = 0; g < rows->problem->n_groups; g++) {
    sum += loads[g];
    if (loads[g] > most) most = loads[g];
  }
  most = fmax(most + excess, bytes);
  return most + sum_weight * (sum / (double)rows->problem->n_groups + excess + bytes);
}

/* Of both jobs in their new groups; `b` may be none (n_jobs). */
static double height_after(const struct rows *rows, size_t a, size_t to, size_t b, size_t from) {
  const size_t n_groups = rows->problem->n_groups, at = a * n_groups;
  double loads[TENANCY_MAX_CORES];
  memcpy(loads, rows->loads, n_groups * sizeof *loads);
  loads[from] -= rows->load[at + from], loads[to] += rows->load[at + to];
  double excess = rows->all_excess - rows->excess[at + from] + rows->excess[at + to];
  double bytes = rows->all_bytes - rows->bytes[at + from] + rows->bytes[at + to];
  if (b < rows->problem->n_jobs) {
    const size_t bt = b * n_groups;
    loads[to] -= rows->load[bt + to], loads[from] += rows->load[bt + from];
    excess += rows->excess[bt + from] - rows->excess[bt + to];
    bytes += rows->bytes[bt + from] - rows->bytes[bt + to];
  }
  return height(rows, loads, excess, bytes);
}

static void sum_rows(struct rows *rows) {
  const struct tenancy_problem *problem = rows->problem;
  memset(rows->loads, 0, problem->n_groups * sizeof *rows->loads);
  rows->all_excess = rows->all_bytes = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const size_t at = j * problem->n_groups + rows->group[j];
    rows->loads[rows->group[j]] += rows->load[at];
    rows->all_excess += rows->excess[at], rows->all_bytes += rows->bytes[at];
  }
}

static void fill_rows(struct rows *rows, struct arena *scratch) {
  const struct tenancy_problem *problem = rows->problem;
  const size_t n_groups = problem->n_groups;
  uint32_t first[TENANCY_MAX_CORES];
  find_first(problem, first);
  rows->load = ARENA_NEW(scratch, double, problem->n_jobs *n_groups);
  rows->excess = ARENA_NEW(scratch, double, problem->n_jobs *n_groups);
  rows->bytes = ARENA_NEW(scratch, double, problem->n_jobs *n_groups);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    for (size_t g = 0; g < n_groups; g++) {
      const size_t at = tenancy_at(problem, j, first[g]), to = j * n_groups + g;
      const double latency = (double)problem->latency_cycles[at];
      const double share = problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle;
      rows->load[to] = rows->load_weight * latency / problem->group_size[g];
      rows->excess[to] = latency * fmax(0, share - 1);
      rows->bytes[to] = latency * share;
    }
  }
  sum_rows(rows);
}

/* The best single move or (with swaps) swap; false if none lowers the height. */
static bool step(struct rows *rows, bool swaps) {
  const struct tenancy_problem *problem = rows->problem;
  const size_t n = problem->n_jobs, n_groups = problem->n_groups;
  double least = height(rows, rows->loads, rows->all_excess, rows->all_bytes) * (1 - 1e-9);
  size_t best_a = n, best_b = n, best_to = 0;
  for (size_t a = 0; a < n; a++) {
    const size_t from = rows->group[a];
    for (size_t to = 0; to < n_groups; to++) {
      if (to == from || !(rows->load[a * n_groups + to] > 0)) continue;
      const double after = height_after(rows, a, to, n, from);
      if (after < least) least = after, best_a = a, best_b = n, best_to = to;
    }
    for (size_t b = a + 1; swaps && b < n; b++) {
      const size_t to = rows->group[b];
      if (to == from || problem->class_of[a] == problem->class_of[b]) continue;
      if (!(rows->load[a * n_groups + to] > 0) || !(rows->load[b * n_groups + from] > 0)) continue;
      const double after = height_after(rows, a, to, b, from);
      if (after < least) least = after, best_a = a, best_b = b, best_to = to;
    }
  }
  if (best_a == n) return false;
  if (best_b < n) rows->group[best_b] = rows->group[best_a];
  rows->group[best_a] = (uint32_t)best_to;
  sum_rows(rows);
  return true;
}

double tenancy_improve_groups(const struct tenancy_problem *problem, double load_weight, uint32_t *group,
                              struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct rows rows = {.problem = problem, .group = group, .load_weight = load_weight};
  fill_rows(&rows, scratch);
  if (problem->n_groups > 1) {
    const uint64_t work = (uint64_t)problem->n_jobs * problem->n_jobs;
    for (uint64_t i = 0; i < 40 && (i + 1) * problem->n_jobs < 4000000; i++) {
      if (!step(&rows, false) && ((i + 1) * work > 400000 || !step(&rows, true))) break;
    }
  }
  const double cycles = height(&rows, rows.loads, rows.all_excess, rows.all_bytes);
  arena_rewind(scratch, mark);
  return cycles;
}

/* --- between equal cores --------------------------------------------------------------------------------------------
 */

struct pair {
  size_t give, take; /* jobs; take n_jobs: none */
  uint64_t gap;      /* |difference of the loads| afterwards */
};

/* The exchange between core a and a less loaded equal core b that leaves them most alike. */
static struct pair best_exchange(const struct tenancy_problem *problem, const uint32_t *core, const uint64_t *load,
                                 size_t a, size_t b) {
  const size_t n = problem->n_jobs;
  const uint64_t before = load[a] - load[b];
  struct pair best = {n, n, before};
  for (size_t i = 0; i < n; i++) {
    if (core[i] != a) continue;
    const uint64_t gives = problem->latency_cycles[tenancy_at(problem, i, a)];
    for (size_t k = 0; k <= n; k++) {
      if (k < n && core[k] != b) continue;
      const uint64_t takes = k < n ? problem->latency_cycles[tenancy_at(problem, k, b)] : 0;
      if (takes >= gives || gives - takes >= before) continue;
      const uint64_t moved = gives - takes;
      const uint64_t gap = 2 * moved > before ? 2 * moved - before : before - 2 * moved;
      if (gap < best.gap) best = (struct pair){i, k, gap};
    }
  }
  return best;
}

void tenancy_balance(const struct tenancy_problem *problem, uint32_t *core) {
  const size_t n_cores = problem->n_cores;
  if (problem->n_jobs > 2000) return;
  uint64_t load[TENANCY_MAX_CORES] = {0};
  for (size_t j = 0; j < problem->n_jobs; j++)
    load[core[j]] += problem->latency_cycles[tenancy_at(problem, j, core[j])];
  for (size_t g = 0; g < problem->n_groups; g++) {
    for (size_t i = 0; i < 30; i++) {
      size_t high = n_cores, low = n_cores;
      for (size_t c = 0; c < n_cores; c++) {
        if (problem->group_of[c] != g) continue;
        if (high == n_cores || load[c] > load[high]) high = c;
        if (low == n_cores || load[c] < load[low]) low = c;
      }
      if (high == low) break;
      const struct pair pair = best_exchange(problem, core, load, high, low);
      if (pair.give == problem->n_jobs) break;
      const uint64_t gives = problem->latency_cycles[tenancy_at(problem, pair.give, high)];
      const uint64_t takes =
          pair.take < problem->n_jobs ? problem->latency_cycles[tenancy_at(problem, pair.take, low)] : 0;
      core[pair.give] = (uint32_t)low;
      if (pair.take < problem->n_jobs) core[pair.take] = (uint32_t)high;
      load[high] -= gives - takes, load[low] += gives - takes;
    }
  }
}

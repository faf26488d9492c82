/* Configurations put in a row. See tenancy_plan.h. */
#include "search/tenancy/tenancy_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONFIGURATIONS = 400 };

/* A pair is a kind of job on a group of cores: kind * n_groups + group. Only pairs that some configuration has. */
struct row {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds;
  size_t n, n_pairs; /* configurations */
  uint32_t *pair_of; /* [n_kinds * n_groups] number of the pair + 1; 0: in no configuration */
  double *latency;   /* [n_pairs] */
  uint16_t *copies;  /* [n * n_pairs] that run at once */
  double *change;    /* [n * n] work that would be cut between two configurations */
  uint32_t *order;   /* [n] */
};

static size_t first_of_group(const struct tenancy_problem *problem, size_t group) {
  size_t core = 0;
  while (problem->group_of[core] != group) core++;
  return core;
}

static void fill_row(struct row *row, struct arena *arena) {
  const struct tenancy_problem *problem = row->problem;
  const struct tenancy_bounds *bounds = row->bounds;
  const size_t n_groups = problem->n_groups, n_entries = bounds->first[row->n];
  row->pair_of = ARENA_NEW(arena, uint32_t, bounds->n_kinds * n_groups);
  row->latency = ARENA_NEW(arena, double, n_entries);
  for (size_t e = 0; e < n_entries; e++) {
    uint32_t *pair = &row->pair_of[bounds->kind_of[bounds->job[e]] * n_groups + bounds->group[e]];
    if (*pair != 0) continue;
    const size_t at = tenancy_at(problem, bounds->job[e], first_of_group(problem, bounds->group[e]));
    row->latency[row->n_pairs] = (double)problem->latency_cycles[at];
    *pair = (uint32_t)++row->n_pairs;
  }
  row->copies = ARENA_NEW(arena, uint16_t, row->n * row->n_pairs);
  for (size_t k = 0; k < row->n; k++) {
    for (size_t e = bounds->first[k]; e < bounds->first[k + 1]; e++) {
      const size_t pair = row->pair_of[bounds->kind_of[bounds->job[e]] * n_groups + bounds->group[e]] - 1;
      row->copies[k * row->n_pairs + pair]++;
    }
  }
  row->change = ARENA_NEW(arena, double, row->n * row->n);
  for (size_t a = 0; a < row->n; a++) {
    for (size_t b = 0; b < row->n; b++) {
      double sum = 0;
      for (size_t p = 0; p < row->n_pairs; p++) {
        sum += row->latency[p] * abs(row->copies[a * row->n_pairs + p] - row->copies[b * row->n_pairs + p]);
      }
      row->change[a * row->n + b] = sum;
    }
  }
}

static double change(const struct row *row, size_t a, size_t b) {
  return row->change[row->order[a] * row->n + row->order[b]];
}

/* The nearest one next, then parts of the row turned round while that cuts less (2-opt on an open path). */
static void put_in_order(struct row *row) {
  const size_t n = row->n;
  for (size_t k = 0; k < n; k++) row->order[k] = (uint32_t)k;
  for (size_t k = 1; k < n; k++) {
    size_t nearest = k;
    for (size_t i = k + 1; i < n; i++) {
      if (change(row, k - 1, i) < change(row, k - 1, nearest)) nearest = i;
    }
    const uint32_t swapped = row->order[k];
    row->order[k] = row->order[nearest], row->order[nearest] = swapped;
  }
  bool better = true;
  for (size_t pass = 0; pass < 20 && better; pass++) {
    better = false;
    for (size_t i = 0; i + 1 < n; i++) {
      for (size_t k = i + 1; k < n; k++) { /* turn i … k */
        const double before = (i > 0 ? change(row, i - 1, i) : 0) + (k + 1 < n ? change(row, k, k + 1) : 0);
        const double after = (i > 0 ? change(row, i - 1, k) : 0) + (k + 1 < n ? change(row, i, k + 1) : 0);
        if (!(after < before * (1 - 1e-9))) continue;
        for (size_t a = i, b = k; a < b; a++, b--) {
          const uint32_t swapped = row->order[a];
          row->order[a] = row->order[b], row->order[b] = swapped;
        }
        better = true;
      }
    }
  }
}

/* More cores busy in the first half than in the second: cores can end early, but not start late. */
static void face_forward(struct row *row) {
  double all = 0, busy = 0, now = 0;
  for (size_t k = 0; k < row->n; k++) all += row->bounds->z_cycles[k];
  for (size_t k = 0; k < row->n; k++) {
    const size_t c = row->order[k];
    const double z = row->bounds->z_cycles[c], jobs = row->bounds->first[c + 1] - row->bounds->first[c];
    busy += jobs * z * (all / 2 - (now + z / 2));
    now += z;
  }
  for (size_t a = 0, b = row->n - 1; busy < 0 && a < b; a++, b--) {
    const uint32_t swapped = row->order[a];
    row->order[a] = row->order[b], row->order[b] = swapped;
  }
}

/* Work of a pair before virtual time, walked copy by copy (all of the first copy, then of the second, …): the job that
 * starts after `work` cycles of it starts at the returned time. */
static double time_of(const struct row *row, size_t pair, double work, bool back) {
  size_t most = 0;
  for (size_t k = 0; k < row->n; k++) {
    const size_t copies = row->copies[k * row->n_pairs + pair];
    most = copies > most ? copies : most;
  }
  double now = 0;
  for (size_t copy = 1; copy <= most; copy++) {
    now = 0;
    for (size_t i = 0; i < row->n; i++) {
      const size_t k = row->order[back ? row->n - 1 - i : i];
      const double z = row->bounds->z_cycles[k];
      if (row->copies[k * row->n_pairs + pair] >= copy) {
        if (work < z) return now + work;
        work -= z;
      }
      now += z;
    }
  }
  return now;
}

static int compare_starts(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The jobs of a kind to the groups with the largest parts left, then their starts in order. False: no configuration has
 * the kind; lengths that lie many powers of ten apart lose the short jobs in the rounding of the program. */
static bool plan_kind(const struct row *row, const uint32_t *jobs, size_t n, const double *work, struct arena *scratch,
                      struct tenancy_plan *plan) {
  const size_t n_groups = row->problem->n_groups, kind = row->bounds->kind_of[jobs[0]];
  const struct arena_mark mark = arena_get_mark(scratch);
  double *part = ARENA_NEW(scratch, double, n_groups), *due = ARENA_NEW(scratch, double, n);
  double *due_back = ARENA_NEW(scratch, double, n);
  for (size_t g = 0; g < n_groups; g++) {
    const uint32_t pair = row->pair_of[kind * n_groups + g];
    part[g] = pair == 0 ? -INFINITY : work[pair - 1] / row->latency[pair - 1];
  }
  for (size_t i = 0; i < n; i++) {
    size_t most = 0;
    for (size_t g = 1; g < n_groups; g++) most = part[g] > part[most] ? g : most;
    if (part[most] == -INFINITY) {
      arena_rewind(scratch, mark);
      return false;
    }
    plan->group[jobs[i]] = (uint32_t)most;
    part[most] -= 1;
  }
  for (size_t g = 0; g < n_groups; g++) {
    size_t n_here = 0, i = 0;
    for (size_t j = 0; j < n; j++) n_here += plan->group[jobs[j]] == g;
    if (n_here == 0) continue;
    const size_t pair = row->pair_of[kind * n_groups + g] - 1;
    for (size_t m = 0; m < n_here; m++) {
      const double before = work[pair] * (double)m / (double)n_here;
      due[m] = time_of(row, pair, before, false), due_back[m] = time_of(row, pair, before, true);
    }
    qsort(due, n_here, sizeof *due, compare_starts);
    qsort(due_back, n_here, sizeof *due_back, compare_starts);
    for (size_t j = 0; j < n; j++) {
      if (plan->group[jobs[j]] != g) continue;
      plan->due[jobs[j]] = due[i], plan->due_back[jobs[j]] = due_back[i], i++;
    }
  }
  arena_rewind(scratch, mark);
  return true;
}

bool tenancy_plan(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds, struct arena *arena,
                  struct tenancy_plan *plan) {
  if (bounds == NULL || bounds->n_configurations == 0 || bounds->n_configurations > MOST_CONFIGURATIONS) return false;
  const size_t n = problem->n_jobs;
  struct row row = {.problem = problem, .bounds = bounds, .n = bounds->n_configurations};
  row.order = ARENA_NEW(arena, uint32_t, row.n);
  fill_row(&row, arena);
  put_in_order(&row);
  face_forward(&row);
  *plan = (struct tenancy_plan){.group = ARENA_NEW(arena, uint32_t, n), .due = ARENA_NEW(arena, double, n)};
  plan->due_back = ARENA_NEW(arena, double, n);
  double *work = ARENA_NEW(arena, double, row.n_pairs);
  for (size_t k = 0; k < row.n; k++) {
    for (size_t p = 0; p < row.n_pairs; p++) work[p] += row.copies[k * row.n_pairs + p] * bounds->z_cycles[k];
  }
  /* Jobs by kind. */
  uint32_t *start = ARENA_NEW(arena, uint32_t, bounds->n_kinds + 1), *jobs = ARENA_NEW(arena, uint32_t, n);
  for (size_t j = 0; j < n; j++) start[bounds->kind_of[j] + 1]++;
  for (size_t k = 0; k < bounds->n_kinds; k++) start[k + 1] += start[k];
  uint32_t *fill = ARENA_NEW(arena, uint32_t, bounds->n_kinds);
  for (size_t j = 0; j < n; j++) jobs[start[bounds->kind_of[j]] + fill[bounds->kind_of[j]]++] = (uint32_t)j;
  for (size_t k = 0; k < bounds->n_kinds; k++) {
    if (!plan_kind(&row, jobs + start[k], start[k + 1] - start[k], work, arena, plan)) return false;
  }
  return true;
}

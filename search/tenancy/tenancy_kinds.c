/* Kinds of jobs and groups of cores for the bounds. See tenancy_kinds.h. */
#include "search/tenancy/tenancy_kinds.h"

#include <float.h>
#include <string.h>

static uint64_t digest_row(const struct tenancy_problem *problem, size_t job) {
  uint64_t digest = UINT64_C(0x9e3779b97f4a7c15);
  for (size_t c = 0; c < problem->n_cores; c++) {
    const size_t at = tenancy_at(problem, job, c);
    digest = (digest ^ problem->latency_cycles[at]) * UINT64_C(0xff51afd7ed558ccd);
    digest = (digest ^ (digest >> 32) ^ problem->scaled[at]) * UINT64_C(0xc4ceb9fe1a85ec53);
  }
  return digest ^ (digest >> 29);
}

static bool rows_equal(const struct tenancy_problem *problem, size_t a, size_t b) {
  const size_t at = tenancy_at(problem, a, 0), bt = tenancy_at(problem, b, 0), n = problem->n_cores;
  return memcmp(problem->latency_cycles + at, problem->latency_cycles + bt, n * sizeof(uint64_t)) == 0 &&
         memcmp(problem->bytes_per_cycle + at, problem->bytes_per_cycle + bt, n * sizeof(double)) == 0;
}

static void number_kinds(struct tenancy_kinds *kinds, struct arena *arena) {
  const struct tenancy_problem *problem = kinds->problem;
  size_t n_slots = 16;
  while (n_slots < 2 * problem->n_jobs) n_slots *= 2;
  const struct arena_mark mark = arena_get_mark(arena);
  uint32_t *slots = ARENA_NEW(arena, uint32_t, n_slots); /* first job of the kind + 1 */
  for (size_t j = 0; j < problem->n_jobs; j++) {
    size_t s = (size_t)digest_row(problem, j) & (n_slots - 1);
    while (slots[s] != 0 && !rows_equal(problem, slots[s] - 1, j)) s = (s + 1) & (n_slots - 1);
    if (slots[s] == 0) {
      slots[s] = (uint32_t)j + 1;
      kinds->kind_of[j] = (uint32_t)kinds->n_kinds++;
    } else {
      kinds->kind_of[j] = kinds->kind_of[slots[s] - 1];
    }
  }
  arena_rewind(arena, mark);
}

static void fill_tables(struct tenancy_kinds *kinds, struct arena *arena) {
  const struct tenancy_problem *problem = kinds->problem;
  const size_t n = kinds->n_kinds * kinds->n_groups;
  kinds->latency = ARENA_NEW(arena, double, n);
  kinds->share = ARENA_NEW(arena, double, n);
  kinds->excess = ARENA_NEW(arena, double, n);
  kinds->busy = ARENA_NEW(arena, double, n);
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    for (size_t c = 0; c < problem->n_cores; c++) {
      const size_t at = tenancy_at(problem, kinds->job[kinds->start[k]], c),
                   to = kinds_at(kinds, k, problem->group_of[c]);
      kinds->latency[to] = (double)problem->latency_cycles[at];
      kinds->share[to] = problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle;
      kinds->excess[to] = kinds->share[to] > 1 ? kinds->latency[to] * (kinds->share[to] - 1) : 0;
      kinds->busy[to] = kinds->latency[to] * kinds->share[to];
    }
  }
}

void tenancy_kinds_init(struct tenancy_kinds *kinds, const struct tenancy_problem *problem, struct arena *arena) {
  *kinds = (struct tenancy_kinds){.problem = problem, .n_groups = problem->n_groups};
  kinds->kind_of = ARENA_NEW(arena, uint32_t, problem->n_jobs);
  number_kinds(kinds, arena);
  kinds->n_of = ARENA_NEW(arena, uint32_t, kinds->n_kinds);
  kinds->start = ARENA_NEW(arena, uint32_t, kinds->n_kinds + 1);
  kinds->job = ARENA_NEW(arena, uint32_t, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) kinds->start[kinds->kind_of[j] + 1]++;
  for (size_t k = 0; k < kinds->n_kinds; k++) kinds->start[k + 1] += kinds->start[k];
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t k = kinds->kind_of[j];
    kinds->job[kinds->start[k] + kinds->n_of[k]++] = (uint32_t)j;
  }
  fill_tables(kinds, arena);
}

double tenancy_round_down(double sum, size_t n_terms) { return sum - sum * (double)(n_terms + 32) * DBL_EPSILON; }

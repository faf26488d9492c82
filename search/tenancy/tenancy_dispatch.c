/* List scheduling along virtual time. See tenancy_dispatch.h. */
#include "search/tenancy/tenancy_dispatch.h"

#include "base/checked.h"
#include <stdlib.h>
#include <string.h>

struct item {
  uint64_t need, length;
  double due;
  uint32_t pool, job;
};

static int compare_items(const void *left, const void *right) {
  const struct item *a = left, *b = right;
  if (a->pool != b->pool) return a->pool < b->pool ? -1 : 1;
  if (a->need != b->need) return a->need < b->need ? -1 : 1;
  if (a->length != b->length) return a->length < b->length ? -1 : 1;
  if (a->due < b->due || a->due > b->due) return a->due < b->due ? -1 : 1;
  return (a->job > b->job) - (a->job < b->job);
}

struct long_item {
  double length;
  uint32_t pool, kind;
};
static int compare_lengths(const void *left, const void *right) {
  const struct long_item *a = left, *b = right;
  if (a->pool != b->pool) return a->pool < b->pool ? -1 : 1;
  if (a->length < b->length || a->length > b->length) return a->length > b->length ? -1 : 1;
  return (a->kind > b->kind) - (a->kind < b->kind);
}

/* The jobs by pool, need, length, due time and number. */
static struct item *sort_items(const struct tenancy_pools *pools, const struct tenancy_pooling *pooling,
                               struct arena *arena) {
  const struct tenancy_problem *problem = pools->problem;
  uint32_t core_of[TENANCY_MAX_CORES];
  for (size_t c = problem->n_cores; c-- > 0;) core_of[pools->pool_of_core[c]] = (uint32_t)c;
  struct item *items = ARENA_NEW(arena, struct item, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t pool = pooling->pool[j];
    const size_t at = tenancy_at(problem, j, core_of[pool]);
    const double due = pooling->due == NULL ? 0 : pooling->due[j];
    items[j] = (struct item){problem->scaled[at], problem->latency_cycles[at], due, pool, (uint32_t)j};
  }
  qsort(items, problem->n_jobs, sizeof *items, compare_items);
  return items;
}

static void fill_kinds(struct tenancy_pools *pools, const struct item *items) {
  const struct tenancy_problem *problem = pools->problem;
  for (size_t i = 0; i < problem->n_jobs; i++) {
    const struct item *item = &items[i], *last = i == 0 ? NULL : &items[i - 1];
    const double fill = (double)min_u64(item->need, problem->scaled_bandwidth);
    if (last == NULL || last->pool != item->pool || last->need != item->need || last->length != item->length) {
      pools->need[pools->n_kinds] = (double)item->need, pools->length[pools->n_kinds] = (double)item->length;
      pools->fill[pools->n_kinds] = fill;
      pools->first[pools->n_kinds++] = (uint32_t)i;
    }
    pools->kind_start[item->pool + 1] = (uint32_t)pools->n_kinds;
    pools->job[i] = item->job, pools->due[i] = item->due;
    pools->work[item->pool] += (double)item->length;
    pools->area += fill * (double)item->length;
  }
  pools->first[pools->n_kinds] = (uint32_t)problem->n_jobs;
}

static void sort_lengths(struct tenancy_pools *pools, struct arena *arena) {
  struct long_item *order = ARENA_NEW(arena, struct long_item, pools->n_kinds);
  for (size_t p = 0; p < pools->n_pools; p++) { /* a pool without jobs starts where it ends */
    if (pools->kind_start[p + 1] < pools->kind_start[p]) pools->kind_start[p + 1] = pools->kind_start[p];
    for (size_t k = pools->kind_start[p]; k < pools->kind_start[p + 1]; k++) {
      order[k] = (struct long_item){pools->length[k], (uint32_t)p, (uint32_t)k};
    }
  }
  qsort(order, pools->n_kinds, sizeof *order, compare_lengths);
  for (size_t k = 0; k < pools->n_kinds; k++) pools->by_length[k] = order[k].kind;
}

void tenancy_pools_fill(struct tenancy_pools *pools, const struct tenancy_problem *problem,
                        const struct tenancy_pooling *pooling, struct arena *arena) {
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  *pools = (struct tenancy_pools){.problem = problem};
  pools->pool_of_core = ARENA_NEW(arena, uint32_t, n_cores);
  pools->n_cores_of = ARENA_NEW(arena, uint32_t, n_cores);
  for (size_t c = 0; c < n_cores; c++) {
    const uint32_t p = pooling->pool_of_core[c];
    pools->pool_of_core[c] = p, pools->n_cores_of[p]++;
    if (p >= pools->n_pools) pools->n_pools = p + 1;
  }
  pools->kind_start = ARENA_NEW(arena, uint32_t, pools->n_pools + 1);
  pools->first = ARENA_NEW(arena, uint32_t, n + 1), pools->job = ARENA_NEW(arena, uint32_t, n);
  pools->by_length = ARENA_NEW(arena, uint32_t, n), pools->due = ARENA_NEW(arena, double, n);
  pools->fill = ARENA_NEW(arena, double, n), pools->need = ARENA_NEW(arena, double, n);
  pools->length = ARENA_NEW(arena, double, n), pools->work = ARENA_NEW(arena, double, pools->n_pools);
  fill_kinds(pools, sort_items(pools, pooling, arena));
  sort_lengths(pools, arena);
  for (size_t p = 0; p < pools->n_pools; p++) {
    const double mean = pools->work[p] / pools->n_cores_of[p];
    if (mean > pools->longest_load) pools->longest_load = mean;
  }
}

/* How many kinds on either side of the wanted bandwidth are looked at: all of them in most instances, and no square of
 * a million in the others. */
enum { WINDOW = 64 };

struct floor {
  const struct tenancy_pools *pools;
  const struct tenancy_rule *rule;
  uint32_t *left;            /* [n_kinds] jobs not yet taken */
  uint32_t *lower, *higher;  /* [n_kinds] next kind with jobs left at or below / above, by path halving */
  uint32_t *longest;         /* [n_pools] place in by_length */
  double *work;              /* [n_pools] not yet taken */
  uint32_t *n_left, *n_open; /* [n_pools] jobs not yet taken, cores that still take */
  uint32_t *order, *core_of; /* [n_jobs] the jobs as they start, and where */
  size_t n_started;
  uint64_t end[TENANCY_MAX_CORES];
  double need[TENANCY_MAX_CORES]; /* of the job that runs */
  double required, area;          /* Σ need; bytes of jobs not yet taken */
  uint64_t now;
};

static uint32_t seek(uint32_t *next, uint32_t at) {
  while (next[at] != at) {
    next[at] = next[next[at]];
    at = next[at];
  }
  return at;
}

static double worth(const struct floor *floor, size_t kind, double wanted, double unit, double rest) {
  const struct tenancy_pools *pools = floor->pools;
  const double miss = pools->fill[kind] - wanted;
  const double penalty = (miss > 0 ? floor->rule->over * miss : -miss) / unit;
  const double late = (double)floor->now - pools->due[pools->first[kind + 1] - floor->left[kind]];
  return floor->rule->length * pools->length[kind] / rest + floor->rule->due * late / pools->longest_load - penalty;
}

/* Sentinels: place 0 is "none below", place n_kinds + 1 "none above"; kind k lies at place k + 1. */
static size_t choose(struct floor *floor, size_t pool, double wanted, double unit, double rest) {
  const struct tenancy_pools *pools = floor->pools;
  const uint32_t from = pools->kind_start[pool], to = pools->kind_start[pool + 1];
  uint32_t low = from, high = to;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (pools->need[middle] <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  while (floor->left[pools->by_length[floor->longest[pool]]] == 0) floor->longest[pool]++;
  size_t best = pools->by_length[floor->longest[pool]];
  double most = worth(floor, best, wanted, unit, rest);
  uint32_t at = seek(floor->lower, low); /* place of kind low − 1 */
  for (size_t i = 0; i < WINDOW && at > from; i++, at = seek(floor->lower, at - 1)) {
    const double value = worth(floor, at - 1, wanted, unit, rest);
    if (value > most) most = value, best = at - 1;
  }
  at = seek(floor->higher, low + 1);
  for (size_t i = 0; i < WINDOW && at <= to; i++, at = seek(floor->higher, at + 1)) {
    const double value = worth(floor, at - 1, wanted, unit, rest);
    if (value > most) most = value, best = at - 1;
  }
  return best;
}

static void take(struct floor *floor, size_t kind, size_t core) {
  const struct tenancy_pools *pools = floor->pools;
  const size_t pool = pools->pool_of_core[core];
  const uint32_t job = pools->job[pools->first[kind + 1] - floor->left[kind]];
  floor->core_of[job] = (uint32_t)core;
  floor->order[floor->n_started++] = job;
  if (--floor->left[kind] == 0) floor->lower[kind + 1] = (uint32_t)kind, floor->higher[kind + 1] = (uint32_t)kind + 2;
  floor->n_left[pool]--;
  floor->work[pool] -= pools->length[kind];
  floor->area -= pools->fill[kind] * pools->length[kind];
  floor->end[core] = floor->now + (uint64_t)pools->length[kind];
  floor->need[core] = pools->fill[kind];
  floor->required += pools->fill[kind];
}

/* The bandwidth to aim at: what is there, or what the rest needs on average if that is more. */
static double target(const struct floor *floor) {
  const struct tenancy_pools *pools = floor->pools;
  const double bandwidth = (double)pools->problem->scaled_bandwidth;
  double mean = pools->area / pools->longest_load;
  if (floor->rule->dynamic) {
    double rest = floor->area, until = 0, busy[TENANCY_MAX_CORES] = {0};
    for (size_t c = 0; c < pools->problem->n_cores; c++) {
      if (floor->end[c] <= floor->now) continue;
      rest += floor->need[c] * (double)(floor->end[c] - floor->now);
      busy[pools->pool_of_core[c]] += (double)(floor->end[c] - floor->now);
    }
    for (size_t p = 0; p < pools->n_pools; p++) {
      const double load = (busy[p] + floor->work[p]) / pools->n_cores_of[p];
      if (load > until) until = load;
    }
    mean = until > 0 ? rest / until : 0;
  }
  return floor->rule->headroom * (mean > bandwidth ? mean : bandwidth);
}

static bool may_close(const struct floor *floor, size_t pool, double rest) {
  if (floor->rule->plan <= 0 || floor->n_open[pool] < 2) return false;
  const double until = floor->rule->plan * floor->pools->longest_load - (double)floor->now;
  return rest <= until * (double)(floor->n_open[pool] - 1);
}

/* All cores that fall free at one time, the lowest first, share what is missing to the target. */
static void fill_free(struct floor *floor) {
  const struct tenancy_pools *pools = floor->pools;
  const size_t n_cores = pools->problem->n_cores;
  size_t n_free = 0;
  floor->required = 0;
  for (size_t c = 0; c < n_cores; c++) {
    if (floor->end[c] > floor->now)
      floor->required += floor->need[c]; /* 0 where closed */
    else
      n_free += floor->n_left[pools->pool_of_core[c]] > 0;
  }
  for (size_t c = 0; c < n_cores && n_free > 0; c++) {
    const size_t pool = pools->pool_of_core[c];
    if (floor->end[c] > floor->now) continue;
    if (floor->n_left[pool] == 0) {
      floor->end[c] = UINT64_MAX, floor->need[c] = 0;
      continue;
    }
    const double aim = target(floor), unit = aim / (double)n_cores;
    double rest = floor->work[pool];
    for (size_t k = 0; k < n_cores; k++) {
      if (pools->pool_of_core[k] == pool && floor->end[k] > floor->now && floor->end[k] != UINT64_MAX) {
        rest += (double)(floor->end[k] - floor->now);
      }
    }
    const size_t kind =
        choose(floor, pool, (aim - floor->required) / (double)n_free, unit, rest / pools->n_cores_of[pool]);
    if (may_close(floor, pool, rest) && floor->required + pools->fill[kind] > aim) {
      floor->end[c] = UINT64_MAX, floor->need[c] = 0;
      floor->n_open[pool]--;
    } else {
      take(floor, kind, c);
    }
    n_free--;
  }
}

static void write_queues(const struct floor *floor, struct tenancy_queues *queues) {
  const struct tenancy_problem *problem = floor->pools->problem;
  uint32_t fill[TENANCY_MAX_CORES] = {0};
  for (size_t j = 0; j < problem->n_jobs; j++) fill[floor->core_of[j]]++;
  queues->start[0] = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    queues->start[c + 1] = queues->start[c] + fill[c];
    fill[c] = queues->start[c];
  }
  for (size_t i = 0; i < problem->n_jobs; i++) queues->job[fill[floor->core_of[floor->order[i]]]++] = floor->order[i];
}

void tenancy_dispatch(const struct tenancy_pools *pools, const struct tenancy_rule *rule, struct arena *scratch,
                      struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct tenancy_problem *problem = pools->problem;
  const size_t n_kinds = pools->n_kinds, n_cores = problem->n_cores;
  struct floor floor = {.pools = pools, .rule = rule, .area = pools->area};
  floor.left = ARENA_NEW(scratch, uint32_t, n_kinds);
  floor.lower = ARENA_NEW(scratch, uint32_t, n_kinds + 2), floor.higher = ARENA_NEW(scratch, uint32_t, n_kinds + 2);
  floor.longest = ARENA_NEW(scratch, uint32_t, pools->n_pools), floor.work = ARENA_NEW(scratch, double, pools->n_pools);
  floor.n_open = ARENA_NEW(scratch, uint32_t, pools->n_pools);
  floor.n_left = ARENA_NEW(scratch, uint32_t, pools->n_pools);
  for (size_t k = 0; k < n_kinds + 2; k++) floor.lower[k] = floor.higher[k] = (uint32_t)k;
  for (size_t k = 0; k < n_kinds; k++) floor.left[k] = pools->first[k + 1] - pools->first[k];
  for (size_t p = 0; p < pools->n_pools; p++) {
    floor.longest[p] = pools->kind_start[p], floor.work[p] = pools->work[p];
    floor.n_open[p] = pools->n_cores_of[p];
    floor.n_left[p] = pools->first[pools->kind_start[p + 1]] - pools->first[pools->kind_start[p]];
  }
  floor.order = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  floor.core_of = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  for (uint64_t soonest = 0; soonest != UINT64_MAX;) {
    floor.now = soonest;
    fill_free(&floor);
    soonest = UINT64_MAX;
    for (size_t c = 0; c < n_cores; c++) {
      if (floor.end[c] > floor.now && floor.end[c] < soonest) soonest = floor.end[c];
    }
  }
  write_queues(&floor, queues);
  arena_rewind(scratch, mark);
}

/* What does a mapper in AI-MT's spirit find? It takes all cores for equal: whenever one falls free, it gets the
 * hungriest waiting job whose need fits in the bandwidth left, else the least hungry one; all costs are those of core
 * 0. Our reading of a published idea (Baek et al., ISCA 2020), not a re-implementation. (tenancy §9.)
 *
 * Waiting jobs lie in a list by descending need, and the next one that still waits is found by path compression, so
 * that large groups stay fast. */
#include "search/tenancy/list.h"

/* Believed costs: core 0's, or those of the first core that can run the job. */
static size_t believed_at(const struct tenancy_problem *problem, size_t job) {
  size_t core = 0;
  while (!tenancy_can_run(problem, job, core)) core++;
  return tenancy_at(problem, job, core);
}

/* The first place from `at` on whose link leads nowhere further; links ahead (or back) of places that are gone. */
static size_t follow(uint32_t *link, size_t at) {
  size_t end = at;
  while (link[end] != end) end = link[end];
  while (link[at] != end) {
    const size_t next = link[at];
    link[at] = (uint32_t)end;
    at = next;
  }
  return end;
}

struct waiting {
  const struct tenancy_problem *problem;
  size_t n;
  uint32_t *jobs;         /* by descending need, then arrival */
  uint64_t *need;         /* of them */
  uint32_t *ahead, *back; /* [n + 1] links over those that are gone; place n: none. `back` is shifted by one */
};

static void open_list(struct waiting *waiting, const struct tenancy_problem *problem, struct arena *arena) {
  const size_t n = problem->n_jobs;
  uint32_t *arrived = ARENA_NEW(arena, uint32_t, n), *order = ARENA_NEW(arena, uint32_t, n);
  double *value = ARENA_NEW(arena, double, n);
  *waiting = (struct waiting){problem,
                              n,
                              ARENA_NEW(arena, uint32_t, n),
                              ARENA_NEW(arena, uint64_t, n),
                              ARENA_NEW(arena, uint32_t, n + 1),
                              ARENA_NEW(arena, uint32_t, n + 1)};
  list_sort(problem, LIST_FCFS, NULL, arrived);
  for (size_t i = 0; i < n; i++) value[i] = -problem->bytes_per_cycle[believed_at(problem, arrived[i])];
  genome_rank_reals(value, n, order);
  for (size_t i = 0; i < n; i++) {
    waiting->jobs[i] = arrived[order[i]];
    waiting->need[i] = problem->scaled[believed_at(problem, waiting->jobs[i])];
  }
  for (size_t i = 0; i <= n; i++) waiting->ahead[i] = waiting->back[i] = (uint32_t)i;
}

/* The place of the hungriest job that fits into `left` on this core, else of the least hungry; n: none can run here. */
static size_t choose(struct waiting *waiting, uint64_t left, size_t core) {
  size_t low = 0, high = waiting->n; /* the first that fits */
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (waiting->need[middle] <= left) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  for (size_t i = follow(waiting->ahead, low); i < waiting->n; i = follow(waiting->ahead, i + 1)) {
    if (tenancy_can_run(waiting->problem, waiting->jobs[i], core)) return i;
  }
  for (size_t i = follow(waiting->back, waiting->n); i > 0; i = follow(waiting->back, i - 1)) {
    if (tenancy_can_run(waiting->problem, waiting->jobs[i - 1], core)) return i - 1;
  }
  return waiting->n;
}

static void map(const struct tenancy_problem *problem, struct arena *arena, struct tenancy_answer *answer) {
  struct waiting waiting;
  open_list(&waiting, problem, arena);
  uint64_t free_at[TENANCY_MAX_CORES] = {0}, used[TENANCY_MAX_CORES] = {0}, needed = 0;
  for (size_t placed = 0; placed < problem->n_jobs;) {
    size_t core = 0;
    for (size_t c = 1; c < problem->n_cores; c++) core = free_at[c] < free_at[core] ? c : core;
    for (size_t c = 0; c < problem->n_cores; c++) { /* whoever ends now needs nothing any more */
      if (free_at[c] > free_at[core]) continue;
      needed -= used[c];
      used[c] = 0;
    }
    const uint64_t left = needed < problem->scaled_bandwidth ? problem->scaled_bandwidth - needed : 0;
    const size_t place = choose(&waiting, left, core);
    if (place == waiting.n) {
      free_at[core] = UINT64_MAX; /* nothing for it any more */
      continue;
    }
    const uint32_t job = waiting.jobs[place];
    answer->core[job] = (uint32_t)core;
    answer->priority[job] = (double)placed++;
    free_at[core] += problem->latency_cycles[believed_at(problem, job)];
    used[core] = waiting.need[place];
    needed += used[core];
    waiting.ahead[place] = (uint32_t)place + 1;
    waiting.back[place + 1] = (uint32_t)place;
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  if (tenancy_meter_full(meter)) return;
  struct tenancy_answer answer = tenancy_answer_new(request->problem, request->arena);
  map(request->problem, request->arena, &answer);
  tenancy_meter_answer(meter, &answer);
  genome_keep_best(request, meter);
}

const struct tenancy_algorithm tenancy_aimt_like = {.name = "ai-mt-like",
                                                    .doc = "the hungriest job that fits in the bandwidth left",
                                                    .source = "our reading of Baek et al., ISCA 2020",
                                                    .one_shot = true,
                                                    .keeps = 1,
                                                    .run = run};

/* See list.h. The record `list` takes order and rule as keys; those with names of their own are the usual ones. */
#include "search/tenancy/list.h"

#include "base/error.h"
#include <string.h>

static const char *const order_names[] = {"fcfs", "sjf", "heft", "heft_desc", "random", NULL};
static const char *const rule_names[] = {"greedy", "rr", "met", "heft", "random", NULL};
static const char *const sequence_names[] = {"table", "order", NULL};

#define OFFSET(member) offsetof(struct list_settings, member)
static const struct field list_field_list[] = {
    {"order", FIELD_CHOICE, "", 0, 0, "\"fcfs\"", "which job comes first", OFFSET(order), ROLE_ANSWER, order_names},
    {"rule", FIELD_CHOICE, "", 0, 0, "\"greedy\"", "which core a job gets", OFFSET(rule), ROLE_ANSWER, rule_names},
    {"sequence", FIELD_CHOICE, "", 0, 0, "\"table\"",
     "cores are given in the table's order, as in the released scheduler, or in the order itself", OFFSET(sequence),
     ROLE_ANSWER, sequence_names},
};
static const struct field_table list_fields = {"tenancy.list", "list heuristics: an order and a rule", list_field_list,
                                               sizeof list_field_list / sizeof *list_field_list};

/* --- orders ---------------------------------------------------------------------------------------------------------
 */

struct sorting {
  const struct tenancy_problem *problem;

  enum list_order order;
};

static uint64_t arrival_of(const struct tenancy_problem *problem, uint32_t job) {
  return problem->arrival == NULL ? job : problem->arrival[job];
}

/* −1, 0 or 1 by the order's own key. Means over the cores that can run the job are compared as fractions. */
static int compare_keys(const struct sorting *sorting, uint32_t a, uint32_t b) {
  const struct tenancy_problem *problem = sorting->problem;
  const uint64_t *of_a = problem->latency_cycles + tenancy_at(problem, a, 0);
  const uint64_t *of_b = problem->latency_cycles + tenancy_at(problem, b, 0);
  if (sorting->order == LIST_SJF) {
    /* Cores 0 and 1 are left out by an off-by-two of the released sort; with fewer than three cores all count. */
    const size_t least = problem->n_cores > 2 ? 2 : 0;
    for (size_t c = problem->n_cores; c-- > least;) {
      if (of_a[c] != of_b[c]) return of_a[c] < of_b[c] ? -1 : 1;
    }
    return 0;
  }
  if (sorting->order == LIST_HEFT || sorting->order == LIST_HEFT_DESC) {
    __extension__ unsigned __int128 sum_a = 0, sum_b = 0;
    uint64_t n_a = 0, n_b = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      sum_a += of_a[c], n_a += of_a[c] != 0;
      sum_b += of_b[c], n_b += of_b[c] != 0;
    }
    sum_a *= n_b, sum_b *= n_a;
    if (sum_a == sum_b) return 0;
    return (sum_a < sum_b) == (sorting->order == LIST_HEFT) ? -1 : 1;
  }
  return 0;
}

static bool comes_before(const struct sorting *sorting, uint32_t a, uint32_t b) {
  const int sign = compare_keys(sorting, a, b);
  if (sign != 0) return sign < 0;
  const uint64_t arrival_a = arrival_of(sorting->problem, a), arrival_b = arrival_of(sorting->problem, b);
  return arrival_a < arrival_b || (arrival_a == arrival_b && a < b);
}

static void sift_down(const struct sorting *sorting, uint32_t *jobs, size_t at, size_t n) {
  const uint32_t job = jobs[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && comes_before(sorting, jobs[child], jobs[child + 1])) child++;
    if (!comes_before(sorting, job, jobs[child])) break;
    jobs[at] = jobs[child];
  }
  jobs[at] = job;
}

static void shuffle(struct rng *rng, uint32_t *jobs, size_t n) {
  for (size_t i = n; i > 1; i--) {
    const size_t other = rng_below(rng, i);
    const uint32_t job = jobs[i - 1];
    jobs[i - 1] = jobs[other];
    jobs[other] = job;
  }
}

void list_sort(const struct tenancy_problem *problem, enum list_order order, struct rng *rng, uint32_t *jobs) {
  const size_t n = problem->n_jobs;
  for (size_t j = 0; j < n; j++) jobs[j] = (uint32_t)j;
  if (order == LIST_ORDER_RANDOM) {
    shuffle(rng, jobs, n);
    return;
  }
  const struct sorting sorting = {.problem = problem, .order = order};
  for (size_t i = n / 2; i-- > 0;) sift_down(&sorting, jobs, i, n);
  for (size_t i = n; i-- > 1;) {
    const uint32_t last = jobs[0];
    jobs[0] = jobs[i];
    jobs[i] = last;
    sift_down(&sorting, jobs, 0, i);
  }
}

/* --- rules ----------------------------------------------------------------------------------------------------------
 */

uint32_t list_earliest(const struct tenancy_problem *problem, const uint64_t *load_cycles, size_t job) {
  uint32_t best = UINT32_MAX;
  uint64_t earliest = UINT64_MAX;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!tenancy_can_run(problem, job, c)) continue;
    const uint64_t end = load_cycles[c] + problem->latency_cycles[tenancy_at(problem, job, c)];
    if (end < earliest) best = (uint32_t)c, earliest = end;
  }
  return best;
}

static uint32_t least_loaded(const struct tenancy_problem *problem, const uint64_t *load_cycles, size_t job) {
  uint32_t best = UINT32_MAX;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!tenancy_can_run(problem, job, c)) continue;
    if (best == UINT32_MAX || load_cycles[c] < load_cycles[best]) best = (uint32_t)c;
  }
  return best;
}

static uint32_t fastest(const struct tenancy_problem *problem, struct rng *rng, size_t job) {
  uint32_t best = UINT32_MAX;
  uint64_t shortest = UINT64_MAX, n_equal = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    const uint64_t latency = problem->latency_cycles[tenancy_at(problem, job, c)];
    if (latency == 0 || latency > shortest) continue;
    n_equal = latency < shortest ? 1 : n_equal + 1;
    shortest = latency;
    if (rng_below(rng, n_equal) == 0) best = (uint32_t)c; /* the k-th of equal ones takes over with chance 1/k */
  }
  return best;
}

static uint32_t next_that_can(const struct tenancy_problem *problem, size_t turn, size_t job) {
  size_t core = turn % problem->n_cores;
  while (!tenancy_can_run(problem, job, core)) core = (core + 1) % problem->n_cores;
  return (uint32_t)core;
}

static uint32_t choose_core(const struct tenancy_problem *problem, enum list_rule rule, struct rng *rng,
                            const uint64_t *load_cycles, size_t turn, size_t job) {
  switch (rule) {
  case LIST_GREEDY:
    return least_loaded(problem, load_cycles, job);
  case LIST_RR:
    return next_that_can(problem, turn, job);
  case LIST_MET:
    return fastest(problem, rng, job);
  case LIST_EFT:
    return list_earliest(problem, load_cycles, job);
  case LIST_RULE_RANDOM:
    return genome_draw_core(problem, job, rng);
  }
  BUG("no such rule");
}

void list_answer(const struct tenancy_problem *problem, const struct list_settings *settings, struct rng *rng,
                 struct arena *scratch, struct tenancy_answer *answer) {
  const size_t n = problem->n_jobs;
  const enum list_order order = (enum list_order)settings->order;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *jobs = ARENA_NEW(scratch, uint32_t, n), *table = ARENA_NEW(scratch, uint32_t, n);
  uint64_t load_cycles[TENANCY_MAX_CORES] = {0};
  list_sort(problem, order, rng, jobs);
  for (size_t i = 0; i < n; i++) answer->priority[jobs[i]] = (double)i;
  if (settings->sequence == LIST_IN_TABLE_ORDER) {
    list_sort(problem, order == LIST_SJF ? LIST_SJF : LIST_FCFS, rng, table);
  } else {
    memcpy(table, jobs, n * sizeof *table);
  }
  for (size_t i = 0; i < n; i++) {
    const uint32_t job = table[i];
    const uint32_t core = choose_core(problem, (enum list_rule)settings->rule, rng, load_cycles, i, job);
    answer->core[job] = core;
    load_cycles[core] += problem->latency_cycles[tenancy_at(problem, job, core)];
  }
  arena_rewind(scratch, mark);
}

/* --- records --------------------------------------------------------------------------------------------------------
 */

static void run_rule(struct tenancy_request *request, struct tenancy_meter *meter,
                     const struct list_settings *settings) {
  if (tenancy_meter_full(meter)) return;
  struct rng rng = genome_stream(request, BASELINE_LIST, settings->order * 16 + settings->rule);
  struct tenancy_answer answer = tenancy_answer_new(request->problem, request->arena);
  list_answer(request->problem, settings, &rng, request->arena, &answer);
  tenancy_meter_answer(meter, &answer);
  genome_keep_best(request, meter);
}

static void run_list(struct tenancy_request *request, struct tenancy_meter *meter) {
  run_rule(request, meter, request->settings);
}
static void run_rr(struct tenancy_request *request, struct tenancy_meter *meter) {
  run_rule(request, meter, &(struct list_settings){LIST_FCFS, LIST_RR, LIST_IN_TABLE_ORDER});
}
static void run_met(struct tenancy_request *request, struct tenancy_meter *meter) {
  run_rule(request, meter, &(struct list_settings){LIST_FCFS, LIST_MET, LIST_IN_TABLE_ORDER});
}
static void run_sjf(struct tenancy_request *request, struct tenancy_meter *meter) {
  run_rule(request, meter, &(struct list_settings){LIST_SJF, LIST_GREEDY, LIST_IN_TABLE_ORDER});
}
static void run_heft(struct tenancy_request *request, struct tenancy_meter *meter) {
  run_rule(request, meter, &(struct list_settings){LIST_HEFT_DESC, LIST_EFT, LIST_IN_OWN_ORDER});
}

#define RELEASED "the list heuristics of MAGMA's released scheduler"
const struct tenancy_algorithm tenancy_list = {.name = "list",
                                               .doc = "any order with any rule, by keys",
                                               .source = RELEASED,
                                               .table = &list_fields,
                                               .settings_bytes = sizeof(struct list_settings),
                                               .one_shot = true,
                                               .keeps = 1,
                                               .run = run_list};
const struct tenancy_algorithm tenancy_list_rr = {.name = "list-rr",
                                                  .doc = "one core after another, by arrival",
                                                  .source = RELEASED,
                                                  .one_shot = true,
                                                  .keeps = 1,
                                                  .run = run_rr};
const struct tenancy_algorithm tenancy_list_met = {.name = "list-met",
                                                   .doc = "every job on its fastest core, by arrival",
                                                   .source = RELEASED,
                                                   .one_shot = true,
                                                   .keeps = 1,
                                                   .run = run_met};
const struct tenancy_algorithm tenancy_list_sjf = {.name = "list-sjf",
                                                   .doc = "shortest job first, to the least loaded core",
                                                   .source = RELEASED,
                                                   .one_shot = true,
                                                   .keeps = 1,
                                                   .run = run_sjf};
const struct tenancy_algorithm tenancy_list_heft = {.name = "list-heft",
                                                    .doc = "longest mean latency first, to where it ends first",
                                                    .source = "Topcuoglu, Hariri and Wu 2002, without dependencies",
                                                    .one_shot = true,
                                                    .keeps = 1,
                                                    .run = run_heft};

/* Objectives as figures of a schedule, and as costs. See tenancy_goal.h; bounds are in tenancy_goal_bounds.c. */
#include "search/tenancy/tenancy_goal.h"

#include "base/num.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/genome.h"
#include <math.h>
#include <string.h>

const struct tenancy_objective_kind tenancy_objectives[TENANCY_N_OBJECTIVES] = {
    [TENANCY_MAKESPAN] = {"makespan", "cycles", "when the last job ends", false},
    [TENANCY_ENERGY] = {"energy", "nJ", "of all jobs, and static power times the makespan", false},
    [TENANCY_EDP] = {"edp", "nJ cycles", "energy times makespan", false},
    [TENANCY_THROUGHPUT] = {"throughput", "MACs/cycle", "all multiply-accumulates over the makespan", true},
    [TENANCY_TARDINESS] = {"tardiness", "cycles", "by how much jobs miss their deadlines, by weight", false},
    [TENANCY_MISSED] = {"missed", "jobs", "that end behind their deadline", false},
    [TENANCY_MEAN_FINISH] = {"mean_finish", "cycles", "mean end of the jobs", false},
    [TENANCY_P95_FINISH] = {"p95_finish", "cycles", "by then 95 % of the jobs have ended", false},
    [TENANCY_P99_FINISH] = {"p99_finish", "cycles", "by then 99 % of the jobs have ended", false},
    [TENANCY_FAIRNESS] = {"fairness", "", "largest slowdown of a tenant against having the platform alone", false},
    [TENANCY_JAIN] = {"jain", "", "1 over Jain's index of the tenants' slowdowns", false},
};
const char *const tenancy_objective_names[] = {"makespan",   "energy",   "edp",         "throughput",
                                               "tardiness",  "missed",   "mean_finish", "p95_finish",
                                               "p99_finish", "fairness", "jain",        NULL};
const char *const tenancy_queue_names[] = {"released", "strict", NULL};

/* Costs are below this, but for TENANCY_COST_INFEASIBLE. */
static const double end_cost = 0x1p120;
/* More than these cost seconds: slowdowns are found only if they are asked for. */
enum { FEW_TENANTS = 64, FEW_JOBS = 10000 };
enum { VALUE_BITS = 50 }; /* a value over its unit is below 2^50, where it can be foreseen */

bool tenancy_goal_check(const struct tenancy_problem *problem, enum tenancy_objective objective, struct error *error) {
  const char *missing = NULL;
  if ((objective == TENANCY_ENERGY || objective == TENANCY_EDP) && problem->energy_nj == NULL) missing = "energy_nj";
  if (objective == TENANCY_THROUGHPUT && problem->macs == NULL) missing = "macs";
  if ((objective == TENANCY_TARDINESS || objective == TENANCY_MISSED) && problem->deadline_cycles == NULL) {
    missing = "deadline_cycles";
  }
  if ((objective == TENANCY_FAIRNESS || objective == TENANCY_JAIN) && problem->tenant == NULL) missing = "tenant";
  if (missing == NULL) return true;
  return error_add(error, STATUS_INPUT, "%s: objective %s: jobs.csv has no column %s", problem->name,
                   tenancy_objectives[objective].name, missing);
}

/* --- figures --------------------------------------------------------------------------------------------------------
 */

static double sum_energy(const struct tenancy_goal *goal, const uint32_t *core, double makespan) {
  const struct tenancy_problem *problem = goal->problem;
  double sum = goal->static_nj_per_cycle * makespan;
  for (size_t j = 0; j < problem->n_jobs; j++) sum += problem->energy_nj[tenancy_at(problem, j, core[j])];
  return sum;
}

static double sum_tardiness(const struct tenancy_problem *problem, const double *end) {
  double sum = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (problem->deadline_cycles[j] == UINT64_MAX) continue;
    const double late = end[j] - (double)problem->deadline_cycles[j];
    if (late > 0) sum += (problem->weight == NULL ? 1 : problem->weight[j]) * late;
  }
  return sum;
}

/* An end is late only by more than rounding can have put it behind its deadline. */
static double count_missed(const struct tenancy_problem *problem, const double *end) {
  static const double rounding = 1e-9;
  double n = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint64_t deadline = problem->deadline_cycles[j];
    n += deadline != UINT64_MAX && end[j] > (double)deadline * (1 + rounding);
  }
  return n;
}

static double mean_end(const struct tenancy_problem *problem, const double *end) {
  double sum = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) sum += end[j];
  return sum / (double)problem->n_jobs;
}

void tenancy_sort_values(double *values, size_t n, double *room) {
  double *from = values, *to = room;
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t start = 0; start < n; start += 2 * width) {
      const size_t middle = start + width < n ? start + width : n, end = middle + width < n ? middle + width : n;
      size_t a = start, b = middle;
      for (size_t k = start; k < end; k++) {
        const bool left = a < middle && (b == end || !(from[b] < from[a]));
        to[k] = from[left ? a++ : b++];
      }
    }
    double *const sorted = to;
    to = from, from = sorted;
  }
  if (from != values) memcpy(values, from, n * sizeof *values);
}

/* The k-th smallest for k = ⌈percent × n / 100⌉. */
static double percentile(struct tenancy_goal *goal, const double *end, size_t percent) {
  const size_t n = goal->problem->n_jobs;
  memcpy(goal->sorted, end, n * sizeof *end);
  tenancy_sort_values(goal->sorted, n, goal->sorted + n);
  return goal->sorted[(percent * n + 99) / 100 - 1];
}

static double slowdowns(struct tenancy_goal *goal, const double *end, bool largest) {
  const struct tenancy_problem *problem = goal->problem;
  const size_t n = problem->n_tenants;
  double most = 0, sum = 0, squares = 0;
  for (size_t t = 0; t < n; t++) goal->tenant_cycles[t] = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double *latest = &goal->tenant_cycles[problem->tenant[j]];
    if (end[j] > *latest) *latest = end[j];
  }
  for (size_t t = 0; t < n; t++) {
    const double slowdown = goal->tenant_cycles[t] / goal->alone_cycles[t];
    most = fmax(most, slowdown), sum += slowdown, squares += slowdown * slowdown;
  }
  return largest ? most : (double)n * squares / (sum * sum);
}

static double figure(struct tenancy_goal *goal, enum tenancy_objective objective, const uint32_t *core, double makespan,
                     const double *end) {
  switch (objective) {
  case TENANCY_MAKESPAN:
    return makespan;
  case TENANCY_ENERGY:
    return sum_energy(goal, core, makespan);
  case TENANCY_EDP:
    return sum_energy(goal, core, makespan) * makespan;
  case TENANCY_THROUGHPUT:
    return goal->total_macs / makespan;
  case TENANCY_TARDINESS:
    return sum_tardiness(goal->problem, end);
  case TENANCY_MISSED:
    return count_missed(goal->problem, end);
  case TENANCY_MEAN_FINISH:
    return mean_end(goal->problem, end);
  case TENANCY_P95_FINISH:
    return percentile(goal, end, 95);
  case TENANCY_P99_FINISH:
    return percentile(goal, end, 99);
  case TENANCY_FAIRNESS:
  case TENANCY_JAIN:
    return slowdowns(goal, end, objective == TENANCY_FAIRNESS);
  case TENANCY_N_OBJECTIVES:
    break;
  }
  BUG("objective %d", (int)objective);
}

static bool has_data(const struct tenancy_goal *goal, enum tenancy_objective objective) {
  struct error error = {0};
  const bool slowdown = objective == TENANCY_FAIRNESS || objective == TENANCY_JAIN;
  return tenancy_goal_check(goal->problem, objective, &error) && (!slowdown || goal->alone_cycles != NULL);
}

void tenancy_figures(struct tenancy_goal *goal, const uint32_t *core, double makespan_cycles, const double *end_cycles,
                     double value[TENANCY_N_OBJECTIVES]) {
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    const bool known = has_data(goal, (enum tenancy_objective)o);
    value[o] = known ? figure(goal, (enum tenancy_objective)o, core, makespan_cycles, end_cycles) : NAN;
  }
}

/* --- costs ----------------------------------------------------------------------------------------------------------
 */

static void fill_cores(struct tenancy_goal *goal, const struct tenancy_queues *queues) {
  for (size_t c = 0; c < goal->problem->n_cores; c++) {
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) goal->core_of[queues->job[i]] = (uint32_t)c;
  }
}

bool tenancy_goal_figures(struct tenancy_goal *goal, const struct tenancy_queues *queues,
                          double value[TENANCY_N_OBJECTIVES]) {
  for (int o = 0; o < TENANCY_N_OBJECTIVES && goal->n_scenarios > 0; o++) value[o] = 0;
  for (size_t s = 0; s < goal->n_scenarios; s++) {
    double one[TENANCY_N_OBJECTIVES];
    if (!tenancy_goal_figures(goal->of_scenario[s], queues, one)) return false;
    for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] += one[o] / (double)goal->n_scenarios;
  }
  if (goal->n_scenarios > 0) return true;
  if (!tenancy_schedule_run(goal->schedule, queues)) return false;
  fill_cores(goal, queues);
  tenancy_figures(goal, goal->core_of, goal->schedule->makespan_cycles, goal->schedule->end_cycles, value);
  return true;
}

static bool counts_makespan(enum tenancy_objective objective) {
  return objective == TENANCY_MAKESPAN || objective == TENANCY_THROUGHPUT;
}
static bool needs_ends(enum tenancy_objective objective) {
  return !counts_makespan(objective) && objective != TENANCY_ENERGY && objective != TENANCY_EDP;
}

static tenancy_cost cost_of(const struct tenancy_goal *goal, double value) {
  const double cost = value / goal->unit * (double)goal->problem->scaled_bandwidth;
  return cost < end_cost ? (tenancy_cost)cost : (tenancy_cost)end_cost;
}

static tenancy_cost mean_cost(struct tenancy_goal *goal, const struct tenancy_queues *queues) {
  tenancy_cost sum = 0;
  for (size_t s = 0; s < goal->n_scenarios; s++) {
    const tenancy_cost cost = tenancy_goal_cost(goal->of_scenario[s], queues);
    if (cost >= TENANCY_COST_INFEASIBLE) return cost;
    sum += cost;
  }
  return sum / goal->n_scenarios;
}

tenancy_cost tenancy_goal_cost(struct tenancy_goal *goal, const struct tenancy_queues *queues) {
  if (goal->n_scenarios > 0) return mean_cost(goal, queues);
  const struct tenancy_problem *problem = goal->problem;
  struct tenancy_schedule *schedule = goal->schedule;
  tenancy_cost makespan;
  if (goal->plain && !needs_ends(goal->objective)) {
    makespan = tenancy_evaluate(problem, queues);
  } else {
    if (!tenancy_schedule_run(schedule, queues)) {
      return TENANCY_COST_INFEASIBLE + (tenancy_cost)(problem->n_jobs - schedule->n_ended);
    }
    makespan = schedule->cost;
  }
  const double cycles = tenancy_cycles(problem, makespan);
  if (cycles > goal->limit_cycles) return (TENANCY_COST_INFEASIBLE >> 1) + (makespan >> 2);
  if (counts_makespan(goal->objective)) return makespan;
  fill_cores(goal, queues);
  return cost_of(goal, figure(goal, goal->objective, goal->core_of, cycles, schedule->end_cycles));
}

bool tenancy_goal_judge(struct tenancy_goal *goal, const struct tenancy_answer *answer, struct arena *arena,
                        struct tenancy_verdict *verdict, double value[TENANCY_N_OBJECTIVES], struct error *error) {
  if (!tenancy_judge(goal->problem, answer, arena, verdict, error)) return false;
  if (goal->n_scenarios == 0) {
    tenancy_figures(goal, answer->core, verdict->makespan_cycles, verdict->end_of, value);
    return true;
  }
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] = 0;
  for (size_t s = 0; s < goal->n_scenarios; s++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct tenancy_verdict one;
    double of_one[TENANCY_N_OBJECTIVES];
    if (!tenancy_judge(&goal->scenarios[s], answer, arena, &one, error)) return false;
    tenancy_figures(goal->of_scenario[s], answer->core, one.makespan_cycles, one.end_of, of_one);
    for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] += of_one[o] / (double)goal->n_scenarios;
    arena_rewind(arena, mark);
  }
  return true;
}

double tenancy_goal_gap(enum tenancy_objective objective, double value, double bound) {
  return tenancy_objectives[objective].maximise ? tenancy_gap(bound, value) : tenancy_gap(value, bound);
}

/* --- parts and variants of a problem --------------------------------------------------------------------------------
 */

bool tenancy_scenario(const struct tenancy_problem *problem, uint64_t seed, size_t number, double sigma,
                      struct arena *arena, struct tenancy_problem *scenario, struct error *error) {
  uint64_t *latency = ARENA_NEW(arena, uint64_t, problem->n_jobs * problem->n_cores);
  struct rng rng = rng_stream(seed, RNG_TENANCY_SCENARIOS, 0, number);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const double factor = num_exp(sigma * genome_normal(&rng));
    for (size_t c = 0; c < problem->n_cores; c++) {
      const size_t at = tenancy_at(problem, j, c);
      if (!tenancy_can_run(problem, j, c)) continue;
      const double cycles = fmin((double)problem->latency_cycles[at] * factor, (double)TENANCY_END_CYCLES);
      latency[at] = cycles < 1 ? 1 : (uint64_t)llround(cycles);
    }
  }
  *scenario = *problem;
  scenario->latency_cycles = latency, scenario->goal = NULL;
  return tenancy_finish(scenario, arena, error);
}

static void part_edges(const struct tenancy_problem *problem, uint32_t tenant, const uint32_t *number,
                       struct arena *arena, struct tenancy_problem *part) {
  if (problem->pred_start == NULL) return;
  uint32_t *start = ARENA_NEW(arena, uint32_t, part->n_jobs + 1);
  uint32_t *preds = ARENA_NEW(arena, uint32_t, problem->pred_start[problem->n_jobs]), n = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (problem->tenant[j] != tenant) continue;
    for (uint32_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
      if (problem->tenant[problem->preds[e]] == tenant) preds[n++] = number[problem->preds[e]];
    }
    start[number[j] + 1] = n;
  }
  part->pred_start = start, part->preds = preds;
}

/* The jobs of one tenant, in their order, with what they wait for among themselves. */
static bool tenancy_part_of(const struct tenancy_problem *problem, uint32_t tenant, struct arena *arena,
                            struct tenancy_problem *part, struct error *error) {
  const size_t n_cores = problem->n_cores;
  uint32_t *number = ARENA_NEW(arena, uint32_t, problem->n_jobs);
  size_t n = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) n += problem->tenant[j] == tenant;
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores), *release = ARENA_NEW(arena, uint64_t, n);
  double *need = ARENA_NEW(arena, double, n *n_cores), *weight = ARENA_NEW(arena, double, n);
  *part = (struct tenancy_problem){.name = problem->name,
                                   .n_cores = n_cores,
                                   .bandwidth_bytes_per_cycle = problem->bandwidth_bytes_per_cycle,
                                   .allocation = problem->allocation,
                                   .strict = problem->strict,
                                   .latency_cycles = latency,
                                   .bytes_per_cycle = need};
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (problem->tenant[j] != tenant) continue;
    const size_t to = number[j] = (uint32_t)part->n_jobs++;
    memcpy(latency + to * n_cores, problem->latency_cycles + j * n_cores, n_cores * sizeof *latency);
    memcpy(need + to * n_cores, problem->bytes_per_cycle + j * n_cores, n_cores * sizeof *need);
    release[to] = problem->release_cycles == NULL ? 0 : problem->release_cycles[j];
    weight[to] = problem->weight == NULL ? 1 : problem->weight[j];
  }
  if (problem->release_cycles != NULL) part->release_cycles = release;
  if (problem->weight != NULL) part->weight = weight;
  part_edges(problem, tenant, number, arena, part);
  return tenancy_finish(part, arena, error);
}

/* --- goals ----------------------------------------------------------------------------------------------------------
 */

static double serial_cycles(const struct tenancy_problem *problem) {
  double sum = 0, last = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double most = 0;
    for (size_t c = 0; c < problem->n_cores; c++) {
      const size_t at = tenancy_at(problem, j, c);
      const double latency = (double)problem->latency_cycles[at];
      most = fmax(most, fmax(latency, latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle));
    }
    sum += most;
    if (problem->release_cycles != NULL) last = fmax(last, (double)problem->release_cycles[j]);
  }
  return last + sum;
}

/* No schedule without needless waiting is longer than all jobs one after another, so no value is above this. */
static double most_value(const struct tenancy_goal *goal) {
  const struct tenancy_problem *problem = goal->problem;
  const double cycles = serial_cycles(problem);
  double energy = goal->static_nj_per_cycle * cycles, weights = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    double most = 0;
    for (size_t c = 0; c < problem->n_cores && problem->energy_nj != NULL; c++) {
      most = fmax(most, problem->energy_nj[tenancy_at(problem, j, c)]);
    }
    energy += most;
    weights += problem->weight == NULL ? 1 : problem->weight[j];
  }
  switch (goal->objective) {
  case TENANCY_ENERGY:
    return energy;
  case TENANCY_EDP:
    return energy * cycles;
  case TENANCY_TARDINESS:
    return weights * cycles;
  default:
    return 0; /* its values are small enough, or whole costs */
  }
}

static void choose_unit(struct tenancy_goal *goal) {
  const double most = most_value(goal);
  if (most > 0x1p1000) { /* also infinite: nothing can be told apart */
    goal->unit = 0x1p950;
    return;
  }
  goal->unit = most < ldexp(1, VALUE_BITS) ? 1 : ldexp(1, ilogb(most) + 1 - VALUE_BITS);
}

static struct tenancy_goal *new_goal(const struct tenancy_problem *problem, enum tenancy_objective objective,
                                     double static_nj_per_cycle, struct arena *arena) {
  struct tenancy_goal *goal = ARENA_NEW(arena, struct tenancy_goal, 1);
  struct tenancy_problem *copy = ARENA_NEW(arena, struct tenancy_problem, 1);
  *copy = *problem;
  copy->goal = NULL;
  *goal = (struct tenancy_goal){.problem = copy,
                                .objective = objective,
                                .static_nj_per_cycle = static_nj_per_cycle,
                                .limit_cycles = INFINITY,
                                .plain = tenancy_is_plain(problem),
                                .schedule = ARENA_NEW(arena, struct tenancy_schedule, 1),
                                .core_of = ARENA_NEW(arena, uint32_t, problem->n_jobs),
                                .sorted = ARENA_NEW(arena, double, 2 * problem->n_jobs),
                                .tenant_cycles = ARENA_NEW(arena, double, problem->n_tenants)};
  for (size_t j = 0; j < problem->n_jobs && problem->macs != NULL; j++) goal->total_macs += (double)problem->macs[j];
  tenancy_schedule_init(goal->schedule, copy, arena);
  choose_unit(goal);
  return goal;
}

struct tenancy_goal *tenancy_goal_turn(const struct tenancy_goal *goal, enum tenancy_objective objective,
                                       struct arena *arena) {
  struct tenancy_goal *turned = ARENA_NEW(arena, struct tenancy_goal, 1);
  *turned = *goal;
  turned->objective = objective;
  turned->of_scenario = ARENA_NEW(arena, struct tenancy_goal *, goal->n_scenarios);
  for (size_t s = 0; s < goal->n_scenarios; s++) {
    turned->of_scenario[s] = tenancy_goal_turn(goal->of_scenario[s], objective, arena);
  }
  choose_unit(turned);
  for (size_t s = 0; s < goal->n_scenarios; s++) turned->of_scenario[s]->unit = turned->unit;
  return turned;
}

/* What each tenant's jobs take without the others, as well as a short search can tell. */
static bool find_alone(struct tenancy_goal *goal, uint64_t samples, struct arena *arena, struct error *error) {
  const struct tenancy_problem *problem = goal->problem;
  double *alone = ARENA_NEW(arena, double, problem->n_tenants);
  for (uint32_t t = 0; t < problem->n_tenants; t++) {
    const struct arena_mark mark = arena_get_mark(arena);
    struct tenancy_problem part;
    if (!tenancy_part_of(problem, t, arena, &part, error)) return false;
    if (!tenancy_is_plain(&part)) part.goal = new_goal(&part, TENANCY_MAKESPAN, 0, arena);
    alone[t] = tenancy_cycles(&part, anneal_full_alone(&part, samples, t, NULL, arena));
    arena_rewind(arena, mark);
  }
  goal->alone_cycles = alone;
  return true;
}

static bool add_scenarios(struct tenancy_goal *goal, const struct tenancy_goal_settings *settings, uint64_t seed,
                          struct arena *arena, struct error *error) {
  goal->scenarios = ARENA_NEW(arena, struct tenancy_problem, settings->scenarios);
  goal->of_scenario = ARENA_NEW(arena, struct tenancy_goal *, settings->scenarios);
  for (size_t s = 0; s < settings->scenarios; s++) {
    struct tenancy_problem *scenario = &goal->scenarios[s];
    if (!tenancy_scenario(goal->problem, seed, s, settings->sigma, arena, scenario, error)) return false;
    goal->of_scenario[s] = new_goal(scenario, goal->objective, goal->static_nj_per_cycle, arena);
    goal->of_scenario[s]->alone_cycles = goal->alone_cycles, goal->of_scenario[s]->unit = goal->unit;
  }
  goal->n_scenarios = settings->scenarios;
  return true;
}

bool tenancy_goal_open(struct tenancy_problem *problem, const struct tenancy_goal_settings *settings, uint64_t seed,
                       struct arena *arena, struct tenancy_goal **goal, struct error *error) {
  const enum tenancy_objective objective = (enum tenancy_objective)settings->objective;
  if (!tenancy_goal_check(problem, objective, error)) return false;
  problem->allocation = (enum tenancy_allocation)settings->allocation;
  problem->strict = settings->queue == 1;
  problem->goal = NULL;
  *goal = new_goal(problem, objective, settings->static_nj_per_cycle, arena);
  const bool asked = objective == TENANCY_FAIRNESS || objective == TENANCY_JAIN;
  const bool few = problem->n_tenants <= FEW_TENANTS && problem->n_jobs <= FEW_JOBS;
  if (problem->tenant != NULL && settings->alone_samples > 0 && (asked || few) &&
      !find_alone(*goal, settings->alone_samples, arena, error)) {
    return false;
  }
  if (asked && (*goal)->alone_cycles == NULL) {
    return error_add(error, STATUS_INPUT, "alone_samples: 0: above 0 is needed for slowdowns");
  }
  if (settings->mean && settings->scenarios > 0 && !add_scenarios(*goal, settings, seed, arena, error)) return false;
  tenancy_goal_hang(*goal, problem);
  return true;
}

void tenancy_goal_hang(struct tenancy_goal *goal, struct tenancy_problem *problem) {
  const bool plain = goal->plain && counts_makespan(goal->objective) && goal->n_scenarios == 0;
  problem->goal = plain ? NULL : goal;
}

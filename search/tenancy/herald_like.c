/* What does a mapper in Herald's spirit find? Jobs in their order of arrival, each to the core where it would end first
 * without stall; or to its fastest core, unless that would end much later. Our reading of a published idea (Kwon et
 * al., HPCA 2021), not a re-implementation. (tenancy §9.) */
#include "search/tenancy/list.h"

enum variant { VARIANT_EARLIEST, VARIANT_FASTEST };
static const char *const variant_names[] = {"earliest", "fastest", NULL};

struct herald_settings {
  uint64_t variant;
  double slack;
};

#define OFFSET(member) offsetof(struct herald_settings, member)
static const struct field herald_field_list[] = {
    {"variant", FIELD_CHOICE, "", 0, 0, "\"earliest\"", "the core with the earliest end, or the fastest within `slack`",
     OFFSET(variant), ROLE_ANSWER, variant_names},
    {"slack", FIELD_REAL, "", 1, 1e6, "1.5", "times the earliest end by which the fastest core may end", OFFSET(slack),
     ROLE_ANSWER, NULL},
};
static const struct field_table herald_fields = {"tenancy.herald-like", "a mapper in Herald's spirit",
                                                 herald_field_list,
                                                 sizeof herald_field_list / sizeof *herald_field_list};

/* Of equally fast cores the least loaded one. */
static uint32_t fastest(const struct tenancy_problem *problem, const uint64_t *load_cycles, size_t job) {
  uint32_t best = UINT32_MAX;
  for (size_t c = 0; c < problem->n_cores; c++) {
    const uint64_t latency = problem->latency_cycles[tenancy_at(problem, job, c)];
    if (latency == 0) continue;
    const uint64_t shortest = best == UINT32_MAX ? 0 : problem->latency_cycles[tenancy_at(problem, job, best)];
    if (best == UINT32_MAX || latency < shortest || (latency == shortest && load_cycles[c] < load_cycles[best])) {
      best = (uint32_t)c;
    }
  }
  return best;
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct herald_settings *settings = request->settings;
  const struct tenancy_problem *problem = request->problem;
  if (tenancy_meter_full(meter)) return;
  struct tenancy_answer answer = tenancy_answer_new(problem, request->arena);
  uint32_t *jobs = ARENA_NEW(request->arena, uint32_t, problem->n_jobs);
  uint64_t load_cycles[TENANCY_MAX_CORES] = {0};
  list_sort(problem, LIST_FCFS, NULL, jobs);
  for (size_t i = 0; i < problem->n_jobs; i++) {
    const uint64_t *latency = problem->latency_cycles + tenancy_at(problem, jobs[i], 0);
    uint32_t core = list_earliest(problem, load_cycles, jobs[i]);
    if (settings->variant == VARIANT_FASTEST) {
      const uint32_t quick = fastest(problem, load_cycles, jobs[i]);
      const double latest = settings->slack * (double)(load_cycles[core] + latency[core]);
      if ((double)(load_cycles[quick] + latency[quick]) <= latest) core = quick;
    }
    answer.core[jobs[i]] = core;
    answer.priority[jobs[i]] = (double)i;
    load_cycles[core] += latency[core];
  }
  tenancy_meter_answer(meter, &answer);
  genome_keep_best(request, meter);
}

const struct tenancy_algorithm tenancy_herald_like = {.name = "herald-like",
                                                      .doc = "by arrival, to the core with the earliest end",
                                                      .source = "our reading of Kwon et al., HPCA 2021",
                                                      .table = &herald_fields,
                                                      .settings_bytes = sizeof(struct herald_settings),
                                                      .one_shot = true,
                                                      .keeps = 1,
                                                      .run = run};

/* The four steps of H2H one after another, and what each is published to reach. See h2h.h.
 *
 * Steps 2 and 3 leave the orders of step 1: answers of steps 1 to 3 differ in pins alone, and the rule grants every
 * answer what step 3 grants. What steps 1 and 2 state is found on a copy of the problem without that locality: edges
 * that carry nothing, so that all is read from the host and written back. */
#include "search/placement/h2h.h"

#include <math.h>
#include <string.h>

#define OFFSET(member) offsetof(struct h2h_settings, member)
static const struct field h2h_field_list[] = {
    {"max_trials", FIELD_UINT, "", 0, 1e9, "1000000",
     "assignments of layers that could start that step 1 tries; above, they are placed one at a time",
     OFFSET(max_trials), ROLE_ANSWER, NULL},
};
const struct field_table h2h_fields = {"placement.h2h", "the four steps of H2H", h2h_field_list,
                                       sizeof h2h_field_list / sizeof *h2h_field_list};

/* Everything is read from the host and written back. */
static struct placement_problem without_locality(const struct placement_problem *problem, struct arena *arena) {
  struct placement_problem bare = *problem;
  if (problem->timing == PLACEMENT_DELAY || problem->transfers == PLACEMENT_CUT) return bare;
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, problem->n_edges);
  uint32_t *only = ARENA_NEW(arena, uint32_t, problem->n_layers);
  for (size_t e = 0; e < problem->n_edges; e++) {
    edges[e] = (struct placement_edge){problem->edges[e].from, problem->edges[e].to, 0, NAN};
  }
  for (size_t l = 0; l < problem->n_layers; l++) only[l] = PLACEMENT_NONE;
  bare.edges = edges;
  bare.only_reader = only;
  bare.is_read = ARENA_NEW(arena, bool, problem->n_layers);
  return bare;
}

static void note(const struct placement_problem *problem, const struct placement_answer *answer, struct arena *scratch,
                 struct placement_schedule *schedule, struct h2h_report *report, unsigned step) {
  placement_evaluate(problem, answer, scratch, schedule);
  report->step[step - 1].makespan_s = schedule->makespan_s;
  report->step[step - 1].communication_s = schedule->communication_s;
  report->step[step - 1].energy_j = schedule->makespan_s < INFINITY ? schedule->energy_j : INFINITY;
}

void h2h_run(const struct placement_request *request, unsigned last_step, struct placement_result *result,
             struct h2h_report *report) {
  const struct placement_problem *problem = request->problem;
  const struct h2h_settings *settings = request->settings;
  struct placement_meter meter;
  struct placement_build build;
  struct h2h_report unread;
  if (report == NULL) report = &unread;
  *report = (struct h2h_report){0};
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct placement_answer answer = placement_answer_new(problem, request->arena);
  uint32_t *order = ARENA_NEW(request->arena, uint32_t, problem->n_layers);
  if (placement_meter_full(&meter)) return;
  if (h2h_place(&build, settings->max_trials, order)) {
    placement_build_answer(&build, order, &answer);
  } else if (!placement_build_fill(&build, &answer)) {
    return;
  }
  struct placement_schedule schedule = placement_schedule_new(problem, request->arena);
  const struct placement_problem bare = without_locality(problem, request->arena);
  struct placement_answer unpinned = placement_answer_new(problem, request->arena);
  placement_answer_copy(problem, &answer, &unpinned);
  for (size_t l = 0; l < problem->n_layers; l++) unpinned.pinned[l] = build.held[l];
  note(&bare, &unpinned, request->scratch, &schedule, report, 1);
  note(&bare, &answer, request->scratch, &schedule, report, 2);
  if (last_step <= 2) {
    result->stated_s = report->step[last_step - 1].makespan_s;
    result->stated_j = report->step[last_step - 1].energy_j;
    result->stated_communication_s = report->step[last_step - 1].communication_s;
  }
  placement_meter_try(&meter, last_step == 1 ? &unpinned : &answer);
  if (last_step < 3) return;
  note(problem, &answer, request->scratch, &schedule, report, 3);
  if (last_step < 4 || !(result->value < INFINITY)) return;
  h2h_remap(&meter, &build, schedule.end_s, report);
  note(problem, &result->answer, request->scratch, &schedule, report, 4);
}

static void run_1(const struct placement_request *request, struct placement_result *result) {
  h2h_run(request, 1, result, NULL);
}
static void run_2(const struct placement_request *request, struct placement_result *result) {
  h2h_run(request, 2, result, NULL);
}
static void run_3(const struct placement_request *request, struct placement_result *result) {
  h2h_run(request, 3, result, NULL);
}
static void run_4(const struct placement_request *request, struct placement_result *result) {
  h2h_run(request, 4, result, NULL);
}

#define H2H_STEP(number, text)                                                                                         \
  const struct placement_algorithm placement_h2h_step##number = {.name = "h2h-step" #number,                           \
                                                                 .doc = text,                                          \
                                                                 .source = "Zhang et al., DAC 2022",                   \
                                                                 .table = &h2h_fields,                                 \
                                                                 .settings_bytes = sizeof(struct h2h_settings),        \
                                                                 .one_shot = true,                                     \
                                                                 .slow_start = number == 4,                            \
                                                                 .run = run_##number}
H2H_STEP(1, "computation first: everything is sent");
H2H_STEP(2, "step 1, and weights that stay");
H2H_STEP(3, "step 2, and activations between neighbours that stay");
H2H_STEP(4, "step 3, and layers moved beside their neighbours");

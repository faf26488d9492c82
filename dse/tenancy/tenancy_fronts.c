/* See tenancy_fronts.h. A quarter of the samples looks for the best of each objective alone, a quarter follows limits
 * on the makespan where that is the first objective, the rest breeds. All ranks share the searches alone; the rest is
 * the same on every rank. */
#include "dse/tenancy/tenancy_fronts.h"

#include "base/checked.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/map/map.h"
#include "dse/output/tables.h"
#include "results/writer.h"
#include "search/tenancy/tenancy_front.h"
#include <math.h>
#include <string.h>

enum { POPULATION = 64, CONSTRAINED_STEPS = 8 };

static bool add_objective(const struct invocation *invocation, const struct tenancy_problem *problem, const char *name,
                          struct tenancy_front_settings *settings, struct error *error) {
  size_t found = 0;
  while (found < TENANCY_N_OBJECTIVES && strcmp(tenancy_objectives[found].name, name) != 0) found++;
  if (found == TENANCY_N_OBJECTIVES) {
    const char *nearest = text_nearest(name, tenancy_objective_names, TENANCY_N_OBJECTIVES);
    char shown[80];
    text_escape(name, shown, sizeof shown);
    return error_add(error, STATUS_INPUT, "--front: no objective \"%s\"%s%s%s", shown,
                     nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?" : "");
  }
  for (size_t i = 0; i < settings->n_objectives; i++) {
    if (settings->objectives[i] == found) return error_add(error, STATUS_INPUT, "--front: %s is named twice", name);
  }
  if (settings->n_objectives == TENANCY_FRONT_MOST) {
    return error_add(error, STATUS_INPUT, "--front: two or three objectives are allowed");
  }
  settings->objectives[settings->n_objectives++] = (enum tenancy_objective)found;
  (void)invocation;
  return tenancy_goal_check(problem, (enum tenancy_objective)found, error);
}

static bool read_objectives(const struct invocation *invocation, const struct tenancy_problem *problem,
                            const char *text, struct tenancy_front_settings *settings, struct error *error) {
  char *names = arena_copy_text(invocation->arena, text), *rest = NULL;
  for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
    if (!add_objective(invocation, problem, name, settings, error)) return false;
  }
  if (settings->n_objectives >= 2) return true;
  return error_add(error, STATUS_INPUT, "--front: two or three objectives are allowed, with commas between");
}

static bool check_alone(const struct tenancy_aim *aim, const struct tenancy_front_settings *settings,
                        struct error *error) {
  for (size_t i = 0; i < settings->n_objectives; i++) {
    const enum tenancy_objective objective = settings->objectives[i];
    if ((objective != TENANCY_FAIRNESS && objective != TENANCY_JAIN) || aim->goal->alone_cycles != NULL) continue;
    return error_add(error, STATUS_INPUT,
                     "--front: %s of so many tenants: --set objective=%s as well finds out how long "
                     "each takes alone",
                     tenancy_objectives[objective].name, tenancy_objectives[objective].name);
  }
  return true;
}

/* The best of one objective alone. */
static bool search_alone(const struct invocation *invocation, const struct tenancy_job *job,
                         const struct tenancy_aim *aim, enum tenancy_objective objective, uint64_t samples,
                         struct tenancy_answer *answer, struct error *error) {
  struct tenancy_problem problem = *job->problem;
  struct tenancy_goal *goal = tenancy_goal_turn(aim->goal, objective, invocation->arena);
  tenancy_goal_hang(goal, &problem);
  const struct tenancy_bounds target = tenancy_goal_target(goal, &aim->makespan, &aim->bounds);
  struct tenancy_job alone = *job;
  struct tenancy_result result;
  alone.problem = &problem, alone.goal = goal, alone.bounds = &target, alone.goal_bound = aim->bounds.value[objective];
  alone.samples = max_u64(samples, 1), alone.state_path = NULL, alone.n_marks = 0;
  if (!tenancy_search(invocation, &alone, &result, error)) return false;
  *answer = result.answer;
  return true;
}

static bool find_front(const struct invocation *invocation, const struct tenancy_job *job,
                       const struct tenancy_aim *aim, struct tenancy_front_settings *settings,
                       struct tenancy_front *front, struct error *error) {
  struct tenancy_answer warm[TENANCY_FRONT_MOST];
  const uint64_t samples = settings->samples, each = samples / 4 / settings->n_objectives;
  const bool constrained = settings->objectives[0] == TENANCY_MAKESPAN;
  for (size_t i = 0; i < settings->n_objectives; i++) {
    if (!search_alone(invocation, job, aim, settings->objectives[i], each, &warm[i], error)) return false;
  }
  settings->samples = samples / 4 * (constrained ? 2 : 3);
  tenancy_front_breed(aim->goal, settings, settings->n_objectives, warm, invocation->arena, front);
  settings->samples = samples / 4;
  if (constrained) tenancy_front_constrain(aim->goal, settings, CONSTRAINED_STEPS, invocation->arena, front);
  front->samples += each * settings->n_objectives;
  return true;
}

/* --- shown ----------------------------------------------------------------------------------------------------------
 */

static struct table *make_table(const struct invocation *invocation, const struct tenancy_aim *aim,
                                const struct tenancy_front_settings *settings, const struct tenancy_front *front) {
  struct arena *arena = invocation->arena;
  const size_t n_columns = 2 + 2 * settings->n_objectives;
  struct table_column *columns = ARENA_NEW(arena, struct table_column, n_columns);
  size_t n = 0;
  columns[n++] = (struct table_column){"answer", "", "", "row of --out, from 0"};
  for (size_t i = 0; i < settings->n_objectives; i++) {
    const struct tenancy_objective_kind *kind = &tenancy_objectives[settings->objectives[i]];
    const char *better = kind->maximise ? "max" : "min";
    columns[n++] = (struct table_column){kind->name, kind->unit, better, kind->doc};
  }
  for (size_t i = 0; i < settings->n_objectives; i++) {
    const struct tenancy_objective_kind *kind = &tenancy_objectives[settings->objectives[i]];
    columns[n++] = (struct table_column){arena_printf(arena, "%s_bound", kind->name), kind->unit, "",
                                         "no mapping is better in this objective alone"};
  }
  columns[n++] = (struct table_column){"found_by", "", "", "search (of one objective), nsga2, epsilon (a limit)"};
  struct table *table = table_new(arena, "front", columns, n);
  for (size_t k = 0; k < front->n; k++) {
    table_u64(table, k);
    for (size_t i = 0; i < settings->n_objectives; i++) table_double(table, front->members[k].value[i]);
    for (size_t i = 0; i < settings->n_objectives; i++) table_double(table, aim->bounds.value[settings->objectives[i]]);
    table_text(table, front->members[k].found_by);
  }
  return table;
}

static bool publish_answers(const struct invocation *invocation, const struct tenancy_problem *problem,
                            const struct tenancy_front *front, const char *path, struct error *error) {
  struct writer writer;
  writer_init(&writer, invocation->arena);
  writer_raw(&writer, "core,priority\n");
  for (size_t k = 0; k < front->n; k++) {
    for (int part = 0; part < 2; part++) {
      if (part == 1) writer_raw(&writer, ",");
      for (size_t j = 0; j < problem->n_jobs; j++) {
        const struct tenancy_answer *answer = &front->members[k].answer;
        char number[32];
        snprintf(number, sizeof number, "%s%.17g", j == 0 ? "" : " ",
                 part == 0 ? (double)answer->core[j] : answer->priority[j]);
        writer_raw(&writer, number);
      }
    }
    writer_raw(&writer, "\n");
  }
  return file_publish(path, writer.text, writer.length, error);
}

static const char *axis_name(const struct tenancy_objective_kind *kind, struct arena *arena) {
  return kind->unit[0] == '\0' ? kind->name : arena_printf(arena, "%s (%s)", kind->name, kind->unit);
}

static bool publish_page(const struct invocation *invocation, const struct tenancy_problem *problem,
                         const struct tenancy_aim *aim, const struct tenancy_front_settings *settings,
                         const struct tenancy_front *front, const struct table *table, const char *path,
                         struct error *error) {
  static const char *const kinds[] = {"search", "nsga2", "epsilon"};
  struct arena *arena = invocation->arena;
  const struct tenancy_objective_kind *x = &tenancy_objectives[settings->objectives[0]],
                                      *y = &tenancy_objectives[settings->objectives[1]];
  struct report_point *points = ARENA_NEW(arena, struct report_point, front->n);
  for (size_t k = 0; k < front->n; k++) {
    const struct tenancy_front_member *member = &front->members[k];
    unsigned kind = 0;
    while (strcmp(kinds[kind], member->found_by) != 0) kind++;
    points[k] = (struct report_point){arena_printf(arena, "answer %zu", k), member->value[0], member->value[1], kind};
  }
  const struct report_points picture = {.title = "The front",
                                        .sentence = "Each point is a mapping that no other found beats in every "
                                                    "objective. Dashed: no mapping is better in that objective.",
                                        .x_name = axis_name(x, arena),
                                        .y_name = axis_name(y, arena),
                                        .kinds = kinds,
                                        .n_kinds = sizeof kinds / sizeof *kinds,
                                        .points = points,
                                        .n_points = front->n,
                                        .chosen = SIZE_MAX,
                                        .y_bound = aim->bounds.value[settings->objectives[1]],
                                        .bound_name = "bound"};
  struct report_table page_table;
  table_page(table, NULL, &page_table, arena);
  page_table.title = "Mappings on the front";
  page_table.sentence = "Rows of --out, by the first objective.";
  const struct report_chapter chapter = {.title = "What can be had for what",
                                         .sentence = "Objectives pull in different directions; these are the best "
                                                     "compromises found.",
                                         .points = &picture,
                                         .tables = &page_table,
                                         .n_tables = 1};
  const struct report report = {.title = arena_printf(arena, "Jobs to cores: %s", problem->name),
                                .headline = arena_printf(arena, "%zu mappings of %zu jobs on %zu cores, from %s to %s.",
                                                         front->n, problem->n_jobs, problem->n_cores, x->name, y->name),
                                .chapter = &chapter,
                                .best_row = SIZE_MAX};
  return report_publish(&report, path, arena, error);
}

enum status tenancy_print_front(const struct invocation *invocation, const struct tenancy_job *job,
                                const struct tenancy_aim *aim, const char *names, struct error *error) {
  struct tenancy_front_settings settings = {.population = POPULATION, .seed = job->seed, .samples = job->samples};
  struct tenancy_front front;
  if (!read_objectives(invocation, job->problem, names, &settings, error) || !check_alone(aim, &settings, error) ||
      !find_front(invocation, job, aim, &settings, &front, error)) {
    return error->status;
  }
  struct table *table = make_table(invocation, aim, &settings, &front);
  const char *out = invocation_value(invocation, "out"), *page = invocation_value(invocation, "report");
  bool fine = true;
  if (cluster_rank(invocation->cluster) == 0) {
    fine = (out == NULL || publish_answers(invocation, job->problem, &front, out, error)) &&
           (page == NULL || publish_page(invocation, job->problem, aim, &settings, &front, table, page, error));
  }
  if (!cluster_agree(invocation->cluster, error) || !fine) return error->status;
  if (invocation->json) {
    tables_print_json(table, 0, invocation->arena, error);
  } else {
    map_print_table(invocation, table);
  }
  remark(invocation, "%s: %zu mappings beaten by no other, after %llu samples\n", job->problem->name, front.n,
         (unsigned long long)front.samples);
  return STATUS_OK;
}

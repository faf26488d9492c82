/* The front of makespan and energy. See placement_front.h. */
#include "search/placement/placement_front.h"

#include "base/checked.h"
#include "search/placement/placement_blocks.h"
#include <math.h>
#include <string.h>

static const double usual_slacks[] = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, INFINITY};
enum { N_USUAL = sizeof usual_slacks / sizeof *usual_slacks };
/* Of each slack's energy: it begins at the answer of the slack before, which is a good one. */
static const struct placement_cooling cooling = {0.02, 2e-5};

static void note(const struct placement_problem *problem, struct arena *scratch, struct placement_front_point *point) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct placement_schedule schedule = placement_schedule_new(problem, scratch);
  placement_evaluate(problem, &point->answer, scratch, &schedule);
  point->makespan_s = schedule.makespan_s;
  point->energy_j = schedule.energy_j;
  point->period_s = schedule.period_s;
  arena_rewind(scratch, mark);
}

/* By makespan, then energy; the first of equals stays first. */
static void sort_points(struct placement_front *front) {
  for (size_t i = 1; i < front->n_points; i++) {
    const struct placement_front_point point = front->points[i];
    size_t k = i;
    for (; k > 0; k--) {
      const struct placement_front_point *before = &front->points[k - 1];
      const bool later = before->makespan_s > point.makespan_s ||
                         (before->makespan_s >= point.makespan_s && before->energy_j > point.energy_j);
      if (!later) break;
      front->points[k] = *before;
    }
    front->points[k] = point;
  }
}

static void keep_unbeaten(struct placement_front *front) {
  sort_points(front);
  size_t n = 0;
  for (size_t i = 0; i < front->n_points; i++) {
    if (n == 0 || front->points[i].energy_j < front->points[n - 1].energy_j) front->points[n++] = front->points[i];
  }
  front->n_points = n;
}

/* Least energy within the deadline, from the best answer before. */
static uint64_t save_energy(const struct placement_request *request, double deadline_s, uint64_t n, size_t round,
                            const struct placement_front_point *before, struct placement_front_point *point) {
  const struct arena_mark mark = arena_get_mark(request->arena);
  struct placement_times times;
  struct placement_blocks blocks;
  placement_times_init(&times, request->problem, PLACEMENT_ENERGY, deadline_s, request->held, request->arena,
                       request->scratch);
  placement_blocks_init(&blocks, &times,
                        rng_stream(request->seed, RNG_PLACEMENT, round, (uint64_t)PLACEMENT_STREAM_FRONT << 32), n,
                        request->arena);
  blocks.interrupted = request->interrupted, blocks.context = request->context;
  placement_answer_copy(request->problem, &before->answer, &point->answer);
  placement_blocks_offer(&blocks, &before->answer);
  placement_blocks_anneal(&blocks, &before->answer, n, cooling);
  if (isfinite(blocks.best_value)) placement_answer_copy(request->problem, &blocks.best, &point->answer);
  note(request->problem, request->scratch, point);
  arena_rewind(request->arena, mark);
  return blocks.n_samples;
}

bool placement_find_front(const struct placement_request *request, const double *slacks, size_t n_slacks,
                          struct placement_front *front) {
  struct placement_problem problem = *request->problem;
  struct placement_request ask = *request;
  struct placement_result shortest = {.value = INFINITY};
  if (slacks == NULL) slacks = usual_slacks, n_slacks = N_USUAL;
  problem.objective = PLACEMENT_MAKESPAN;
  ask.problem = &problem;
  ask.bounds = NULL; /* of another objective, maybe */
  ask.samples = request->samples / (n_slacks + 1);
  *front = (struct placement_front){.points = ARENA_NEW(request->arena, struct placement_front_point, n_slacks + 1)};
  for (size_t i = 0; i <= n_slacks; i++) front->points[i].answer = placement_answer_new(&problem, request->arena);
  placement_find_algorithm("best")->run(&ask, &shortest);
  front->samples = shortest.samples;
  if (!isfinite(shortest.value)) return false;
  placement_answer_copy(&problem, &shortest.answer, &front->points[0].answer);
  note(&problem, request->scratch, &front->points[0]);
  front->shortest_s = front->points[0].makespan_s;
  for (size_t i = 0; i < n_slacks; i++) {
    struct placement_front_point *point = &front->points[i + 1];
    point->slack = slacks[i];
    front->samples += save_energy(&ask, (1 + slacks[i]) * front->shortest_s, ask.samples, i, &front->points[i], point);
  }
  front->n_points = n_slacks + 1;
  keep_unbeaten(front);
  return true;
}

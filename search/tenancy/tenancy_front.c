/* See tenancy_front.h. */
#include "search/tenancy/tenancy_front.h"

#include "base/checked.h"
#include "search/dominance.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/genome.h"
#include "search/tenancy/magma.h"
#include <math.h>
#include <string.h>

/* What an infeasible mapping is worth: dominated by all others. */
static double worst_of(enum tenancy_objective objective) {
  return tenancy_objectives[objective].maximise ? -INFINITY : INFINITY;
}

struct breeding {
  struct tenancy_goal *goal;
  const struct tenancy_problem *problem;
  const struct tenancy_front_settings *settings;
  struct tenancy_front_member *members; /* [2 * population]: parents, then children */
  size_t n;
  struct tenancy_queues queues;
  struct dominance dominance;
  double *value;
  size_t *number, *order;
  struct tenancy_front_member *room;
  uint64_t n_samples;
};

static void evaluate(struct breeding *breeding, struct tenancy_front_member *member) {
  double figures[TENANCY_N_OBJECTIVES];
  tenancy_queue_up(breeding->problem, &member->answer, &breeding->queues);
  const bool fine = tenancy_goal_figures(breeding->goal, &breeding->queues, figures);
  for (size_t i = 0; i < breeding->settings->n_objectives; i++) {
    const enum tenancy_objective objective = breeding->settings->objectives[i];
    member->value[i] = fine ? figures[objective] : worst_of(objective);
  }
  breeding->n_samples++;
}

/* --- the order of the members ---------------------------------------------------------------------------------------
 */

static void open_dominance(const struct tenancy_front_settings *settings, size_t n, struct arena *arena,
                           struct dominance *dominance) {
  bool *maximise = ARENA_NEW(arena, bool, settings->n_objectives);
  for (size_t i = 0; i < settings->n_objectives; i++) {
    maximise[i] = tenancy_objectives[settings->objectives[i]].maximise;
  }
  *dominance = (struct dominance){.n_objectives = settings->n_objectives,
                                  .maximise = maximise,
                                  .front = ARENA_NEW(arena, size_t, n),
                                  .crowding = ARENA_NEW(arena, double, n),
                                  .room = ARENA_NEW(arena, size_t, n),
                                  .n_dominators = ARENA_NEW(arena, size_t, n)};
}

static void fill_values(const struct tenancy_front_member *members, size_t n, size_t n_objectives, double *value,
                        size_t *number) {
  for (size_t i = 0; i < n; i++) {
    number[i] = i;
    memcpy(value + i * n_objectives, members[i].value, n_objectives * sizeof *value);
  }
}

static bool comes_before(const struct dominance *dominance, size_t a, size_t b) {
  if (dominance->front[a] != dominance->front[b]) return dominance->front[a] < dominance->front[b];
  if (dominance->crowding[a] > dominance->crowding[b] || dominance->crowding[b] > dominance->crowding[a]) {
    return dominance->crowding[a] > dominance->crowding[b];
  }
  return a < b;
}

/* Best first; storage goes with its member. */
static void sort_members(struct breeding *breeding) {
  struct dominance *dominance = &breeding->dominance;
  const size_t n = dominance->n = breeding->n;
  fill_values(breeding->members, n, breeding->settings->n_objectives, breeding->value, breeding->number);
  dominance->value = breeding->value, dominance->number = breeding->number;
  dominance_rank(dominance);
  dominance_crowd(dominance);
  for (size_t i = 0; i < n; i++) {
    size_t place = i;
    for (; place > 0 && comes_before(dominance, i, breeding->order[place - 1]); place--) {
      breeding->order[place] = breeding->order[place - 1];
    }
    breeding->order[place] = i;
  }
  for (size_t i = 0; i < n; i++) breeding->room[i] = breeding->members[breeding->order[i]];
  memcpy(breeding->members, breeding->room, n * sizeof *breeding->members);
}

/* --- breeding -------------------------------------------------------------------------------------------------------
 */

/* Of two drawn parents the better one: they are sorted. */
static const struct tenancy_answer *pick(const struct breeding *breeding, struct rng *rng) {
  const size_t n = breeding->settings->population;
  const size_t a = rng_below(rng, n), b = rng_below(rng, n);
  return &breeding->members[a < b ? a : b].answer;
}

static void breed(struct breeding *breeding, struct rng *rng, struct tenancy_answer *child,
                  struct tenancy_answer *other) {
  const struct tenancy_problem *problem = breeding->problem;
  tenancy_answer_copy(problem, pick(breeding, rng), child);
  const uint64_t kind = rng_below(rng, 8);
  if (kind < 4) { /* moves */
    tenancy_queue_up(problem, child, &breeding->queues);
    for (uint64_t n = 1 + rng_below(rng, 3); n > 0; n--) anneal_full_change(problem, rng, &breeding->queues);
    tenancy_write_down(problem, &breeding->queues, child);
    for (size_t j = 0; j < problem->n_jobs; j++) child->priority[j] /= (double)problem->n_jobs;
    return;
  }
  tenancy_answer_copy(problem, pick(breeding, rng), other);
  if (kind == 4) magma_crossover_gen(problem, rng, child, other);
  if (kind == 5 || kind == 6) magma_crossover_rg(problem, 2, rng, child, other);
  if (kind == 7) magma_crossover_accel(problem, rng, other, child);
  magma_mutate(problem, 0.5 / (double)problem->n_jobs, rng, child);
}

static void open_breeding(struct breeding *breeding, struct tenancy_goal *goal,
                          const struct tenancy_front_settings *settings, struct arena *arena) {
  const size_t n = 2 * settings->population;
  *breeding = (struct breeding){.goal = goal, .problem = goal->problem, .settings = settings};
  breeding->members = ARENA_NEW(arena, struct tenancy_front_member, n);
  for (size_t i = 0; i < n; i++) breeding->members[i].answer = tenancy_answer_new(goal->problem, arena);
  breeding->queues = tenancy_queues_new(goal->problem, arena);
  breeding->value = ARENA_NEW(arena, double, n * settings->n_objectives);
  breeding->number = ARENA_NEW(arena, size_t, n), breeding->order = ARENA_NEW(arena, size_t, n);
  breeding->room = ARENA_NEW(arena, struct tenancy_front_member, n);
  open_dominance(settings, n, arena, &breeding->dominance);
}

/* What is given, changes of it, and draws. */
static void begin(struct breeding *breeding, size_t n_warm, const struct tenancy_answer *warm) {
  const struct tenancy_problem *problem = breeding->problem;
  const size_t n = breeding->settings->population;
  for (size_t i = 0; i < n; i++) {
    struct tenancy_front_member *member = &breeding->members[i];
    struct rng rng = rng_stream(breeding->settings->seed, RNG_TENANCY_FRONT, 0, i);
    member->found_by = i < n_warm ? "search" : "nsga2";
    if (n_warm > 0 && i < n / 2) {
      tenancy_answer_copy(problem, &warm[i % n_warm], &member->answer);
      if (i >= n_warm) magma_mutate(problem, 2 / (double)problem->n_jobs, &rng, &member->answer);
    } else {
      genome_draw(problem, &rng, &member->answer);
    }
    evaluate(breeding, member);
  }
  breeding->n = n;
}

/* What is beaten goes, the rest is sorted; of equal values the first stays. */
static void sift(const struct tenancy_front_settings *settings, struct arena *scratch, struct tenancy_front *front) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = front->n, n_objectives = settings->n_objectives;
  struct dominance dominance;
  open_dominance(settings, n, scratch, &dominance);
  double *value = ARENA_NEW(scratch, double, n *n_objectives);
  size_t *number = ARENA_NEW(scratch, size_t, n), n_kept = 0;
  fill_values(front->members, n, n_objectives, value, number);
  dominance.n = n, dominance.value = value, dominance.number = number;
  dominance_rank(&dominance);
  const bool maximise = dominance.maximise[0];
  struct tenancy_front_member *kept = ARENA_NEW(scratch, struct tenancy_front_member, n);
  for (size_t i = 0; i < n; i++) {
    const struct tenancy_front_member *member = &front->members[i];
    bool known = dominance.front[i] > 0 || !isfinite(member->value[0]);
    for (size_t k = 0; k < n_kept && !known; k++) {
      known = memcmp(kept[k].value, member->value, n_objectives * sizeof *value) == 0;
    }
    if (known) continue;
    size_t place = n_kept++;
    for (; place > 0; place--) {
      const double before = kept[place - 1].value[0];
      if (maximise ? before >= member->value[0] : before <= member->value[0]) break;
      kept[place] = kept[place - 1];
    }
    kept[place] = *member;
  }
  memcpy(front->members, kept, n_kept * sizeof *kept);
  front->n = n_kept;
  arena_rewind(scratch, mark);
}

void tenancy_front_breed(struct tenancy_goal *goal, const struct tenancy_front_settings *settings, size_t n_warm,
                         const struct tenancy_answer *warm, struct arena *arena, struct tenancy_front *front) {
  struct breeding breeding;
  open_breeding(&breeding, goal, settings, arena);
  struct tenancy_answer other = tenancy_answer_new(goal->problem, arena);
  const size_t n = settings->population;
  begin(&breeding, n_warm < n / 2 ? n_warm : n / 2, warm);
  sort_members(&breeding);
  for (uint64_t generation = 1; breeding.n_samples < settings->samples; generation++) {
    for (size_t i = 0; i < n && breeding.n_samples < settings->samples; i++) {
      struct rng rng = rng_stream(settings->seed, RNG_TENANCY_FRONT, generation, i);
      struct tenancy_front_member *child = &breeding.members[n + i];
      breed(&breeding, &rng, &child->answer, &other);
      child->found_by = "nsga2";
      evaluate(&breeding, child);
      breeding.n = n + i + 1;
    }
    sort_members(&breeding);
    breeding.n = n;
  }
  *front = (struct tenancy_front){.n = n, .members = breeding.members, .samples = breeding.n_samples};
  sift(settings, arena, front);
}

/* --- ε-constraint ---------------------------------------------------------------------------------------------------
 */

/* The member within the limit that is best in the second objective; the first is within. */
static const struct tenancy_front_member *best_within(const struct tenancy_front *front, bool maximise, double limit) {
  const struct tenancy_front_member *best = &front->members[0];
  for (size_t i = 1; i < front->n && front->members[i].value[0] <= limit; i++) {
    const struct tenancy_front_member *member = &front->members[i];
    if (maximise ? member->value[1] > best->value[1] : member->value[1] < best->value[1]) best = member;
  }
  return best;
}

void tenancy_front_constrain(struct tenancy_goal *goal, const struct tenancy_front_settings *settings, size_t n_steps,
                             struct arena *arena, struct tenancy_front *front) {
  REQUIRE(settings->objectives[0] == TENANCY_MAKESPAN);
  if (front->n < 2 || n_steps == 0) return;
  const size_t n_before = front->n;
  const bool maximise = tenancy_objectives[settings->objectives[1]].maximise;
  const double first = front->members[0].value[0], last = front->members[front->n - 1].value[0];
  struct tenancy_front_member *members = ARENA_NEW(arena, struct tenancy_front_member, n_before + n_steps);
  memcpy(members, front->members, n_before * sizeof *members);
  struct tenancy_problem problem = *goal->problem;
  struct breeding breeding;
  open_breeding(&breeding, goal, settings, arena);
  for (size_t s = 0; s < n_steps; s++) {
    struct tenancy_goal *limited = tenancy_goal_turn(goal, settings->objectives[1], arena);
    limited->limit_cycles = first + (last - first) * ((double)(s + 1) / (double)(n_steps + 1));
    problem.goal = limited;
    struct tenancy_front_member *member = &members[n_before + s];
    member->answer = tenancy_answer_new(&problem, arena);
    tenancy_answer_copy(&problem, &best_within(front, maximise, limited->limit_cycles)->answer, &member->answer);
    anneal_full_from(&problem, settings->samples / n_steps, settings->seed + s, &member->answer, arena);
    member->found_by = "epsilon";
    evaluate(&breeding, member);
  }
  front->members = members, front->n = n_before + n_steps;
  front->samples += settings->samples / n_steps * n_steps;
  sift(settings, arena, front);
}

/* Is no bound ever above the best answer, and is each as tight as it says?
 *
 * Random instances with equal cores, equal jobs, missing pairs, ties and jobs that alone need more bandwidth than there
 * is. The best answer comes from every assignment in every order; B4 also from GLPK over all configurations at once,
 * written here, which shares nothing with the column generation. Beyond brute force: answers drawn at random,
 * dependencies and releases against the judge, limits that stop everything early, programs too large for GLPK. */
#include "base/rng.h"
#include "search/tenancy/tenancy_bounds.h"

#include <glpk.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
/* Rounding of sums of a few terms, and of bandwidths to 2^-32 in the closed form. */
static const double slack = 1e-9;

enum { N_SMALL = 400, N_MIDDLE = 60, N_WAITING = 60, MOST_SMALL = 5 };

struct shape {
  size_t n, n_cores;
  bool missing, equal_cores, equal_jobs, ties;
};

static struct shape draw_shape(struct rng *rng, size_t most_jobs, size_t most_cores) {
  return (struct shape){.n = 1 + rng_below(rng, most_jobs),
                        .n_cores = 1 + rng_below(rng, most_cores),
                        .missing = rng_below(rng, 3) == 0,
                        .equal_cores = rng_below(rng, 2) == 0,
                        .equal_jobs = rng_below(rng, 2) == 0,
                        .ties = rng_below(rng, 4) == 0};
}

static void draw(const struct shape *shape, struct rng *rng, struct arena *arena, struct tenancy_problem *problem) {
  const size_t n_cores = shape->n_cores;
  uint64_t *latency = ARENA_NEW(arena, uint64_t, shape->n * n_cores);
  double *need = ARENA_NEW(arena, double, shape->n *n_cores);
  for (size_t j = 0; j < shape->n; j++) {
    const size_t sure = rng_below(rng, n_cores);
    for (size_t c = 0; c < n_cores; c++) {
      const size_t at = j * n_cores + c;
      if (shape->equal_jobs && j % 3 != 0) {
        latency[at] = latency[at - n_cores], need[at] = need[at - n_cores];
      } else if (shape->equal_cores && c % 3 != 0) {
        latency[at] = latency[at - 1], need[at] = need[at - 1];
      } else if (!shape->missing || c == sure || rng_below(rng, 3) > 0) {
        latency[at] = shape->ties ? 1 + rng_below(rng, 4) : 1 + rng_below(rng, 1000);
        need[at] = rng_below(rng, 5) == 0 ? 20 * rng_unit(rng) : 6 * rng_unit(rng);
        if (rng_below(rng, 8) == 0) need[at] = 0;
      }
    }
  }
  *problem =
      (struct tenancy_problem){.name = "drawn", .n_jobs = shape->n, .n_cores = n_cores, .latency_cycles = latency};
  problem->bytes_per_cycle = need;
  problem->bandwidth_bytes_per_cycle = 1 + 9 * rng_unit(rng);
  /* `equal_cores` copied a missing pair along: then the job may have no core left. */
  for (size_t j = 0; j < shape->n; j++) {
    bool any = false;
    for (size_t c = 0; c < n_cores; c++) any |= latency[j * n_cores + c] > 0;
    for (size_t c = 0; !any && c < n_cores; c++) latency[j * n_cores + c] = 7, need[j * n_cores + c] = 3;
  }
  struct error error = {0};
  if (!tenancy_finish(problem, arena, &error)) fail_msg("%s", error.text);
}

static void bound(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                  const struct tenancy_queues *upper, struct arena *arena, struct tenancy_bounds *bounds) {
  struct error error = {0};
  if (!tenancy_bounds(problem, settings, upper, arena, bounds, &error)) fail_msg("%s", error.text);
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct brute {
  const struct tenancy_problem *problem;
  struct tenancy_answer answer;
  struct tenancy_queues queues, best;
  tenancy_cost least;
  bool any;
};

static void try_orders(struct brute *brute, size_t i, uint32_t *order) {
  const size_t n = brute->problem->n_jobs;
  if (i == n) {
    for (size_t k = 0; k < n; k++) brute->answer.priority[order[k]] = (double)k;
    tenancy_queue_up(brute->problem, &brute->answer, &brute->queues);
    const tenancy_cost cost = tenancy_evaluate(brute->problem, &brute->queues);
    if (brute->any && cost >= brute->least) return;
    brute->least = cost, brute->any = true;
    tenancy_queues_copy(brute->problem, &brute->queues, &brute->best);
    return;
  }
  for (size_t k = i; k < n; k++) {
    const uint32_t job = order[k];
    order[k] = order[i], order[i] = job;
    try_orders(brute, i + 1, order);
    order[i] = order[k], order[k] = job;
  }
}

static void try_cores(struct brute *brute, size_t job) {
  if (job == brute->problem->n_jobs) {
    uint32_t order[MOST_SMALL];
    for (size_t j = 0; j < brute->problem->n_jobs; j++) order[j] = (uint32_t)j;
    try_orders(brute, 0, order);
    return;
  }
  for (size_t c = 0; c < brute->problem->n_cores; c++) {
    if (!tenancy_can_run(brute->problem, job, c)) continue;
    brute->answer.core[job] = (uint32_t)c;
    try_cores(brute, job + 1);
  }
}

static double best_of(const struct tenancy_problem *problem, struct arena *arena, struct tenancy_queues *best) {
  struct brute brute = {.problem = problem, .answer = tenancy_answer_new(problem, arena)};
  brute.queues = tenancy_queues_new(problem, arena), brute.best = tenancy_queues_new(problem, arena);
  try_cores(&brute, 0);
  *best = brute.best;
  return tenancy_cycles(problem, brute.least);
}

/* All configurations of single jobs on single cores, one column each. */
static void add_configurations(const struct tenancy_problem *problem, glp_prob *lp, size_t core, const int *of_core) {
  if (core < problem->n_cores) {
    for (int job = -1; job < (int)problem->n_jobs; job++) {
      bool fits = job < 0 || tenancy_can_run(problem, (size_t)job, core);
      for (size_t c = 0; c < core; c++) fits = fits && (job < 0 || of_core[c] != job);
      int more[MOST_SMALL];
      memcpy(more, of_core, core * sizeof *more);
      more[core] = job;
      if (fits) add_configurations(problem, lp, core + 1, more);
    }
    return;
  }
  int rows[MOST_SMALL + 1], n = 0;
  double done[MOST_SMALL + 1], need = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (of_core[c] < 0) continue;
    const size_t at = tenancy_at(problem, (size_t)of_core[c], c);
    rows[++n] = 1 + of_core[c], done[n] = 1 / (double)problem->latency_cycles[at];
    need += problem->bytes_per_cycle[at];
  }
  const int column = glp_add_cols(lp, 1);
  glp_set_mat_col(lp, column, n, rows, done);
  glp_set_col_bnds(lp, column, GLP_LO, 0, 0);
  glp_set_obj_coef(lp, column, fmax(1, need / problem->bandwidth_bytes_per_cycle));
}

static double all_configurations(const struct tenancy_problem *problem) {
  glp_term_out(GLP_OFF);
  glp_prob *lp = glp_create_prob();
  glp_set_obj_dir(lp, GLP_MIN);
  glp_add_rows(lp, (int)problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) glp_set_row_bnds(lp, 1 + (int)j, GLP_FX, 1, 1);
  const int none[MOST_SMALL] = {0};
  add_configurations(problem, lp, 0, none);
  glp_scale_prob(lp, GLP_SF_AUTO);
  assert_int_equal(glp_simplex(lp, NULL), 0);
  assert_int_equal(glp_get_status(lp), GLP_OPT);
  const double value = glp_get_obj_val(lp);
  glp_delete_prob(lp);
  return value;
}

/* --- the properties -------------------------------------------------------------------------------------------------
 */

static void check_order(const struct tenancy_bounds *bounds, double best_cycles, uint64_t task) {
  const double *b = bounds->cycles;
  for (size_t i = 0; i < TENANCY_N_BOUNDS; i++) {
    if (!(b[i] <= best_cycles * (1 + slack)))
      fail_msg("task %" PRIu64 ": %s is %.17g, the best answer %.17g", task, tenancy_bound_names[i], b[i], best_cycles);
  }
  const struct {
    enum tenancy_bound low, high;
  } pairs[] = {{TENANCY_B2_LP, TENANCY_B3_GROUPED_MIP},
               {TENANCY_B2_LP, TENANCY_B4_CONFIGURATION_LP},
               {TENANCY_B3_GROUPED_MIP, TENANCY_B5_BRANCHED},
               {TENANCY_B4_CONFIGURATION_LP, TENANCY_B5_BRANCHED}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (!(b[pairs[i].low] <= b[pairs[i].high]))
      fail_msg("task %" PRIu64 ": %s %.17g > %s %.17g", task, tenancy_bound_names[pairs[i].low], b[pairs[i].low],
               tenancy_bound_names[pairs[i].high], b[pairs[i].high]);
  }
  double most = 0;
  for (size_t i = 0; i < TENANCY_N_BOUNDS; i++) most = fmax(most, b[i]);
  assert_true(bounds->best_cycles >= most && bounds->best_cycles <= most);
  assert_true(b[bounds->binding] >= most);
  assert_non_null(bounds->reason);
}

static void check_groups(const struct tenancy_problem *problem, const uint32_t *group) {
  for (size_t j = 0; group != NULL && j < problem->n_jobs; j++) {
    bool can = false;
    for (size_t c = 0; c < problem->n_cores; c++)
      can |= problem->group_of[c] == group[j] && tenancy_can_run(problem, j, c);
    assert_true(can);
  }
}

/* Every configuration fits, and together they do every job once. */
static void check_configurations(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds) {
  assert_true(bounds->n_configurations > 0);
  double done[64] = {0};
  for (size_t k = 0; k < bounds->n_configurations; k++) {
    uint32_t used[TENANCY_MAX_CORES] = {0};
    assert_true(bounds->z_cycles[k] > 0 && (k == 0 || bounds->z_cycles[k] <= bounds->z_cycles[k - 1]));
    for (uint32_t i = bounds->first[k]; i < bounds->first[k + 1]; i++) {
      const uint32_t job = bounds->job[i], g = bounds->group[i];
      size_t core = 0;
      while (problem->group_of[core] != g) core++;
      assert_true(tenancy_can_run(problem, job, core));
      assert_true(++used[g] <= problem->group_size[g]);
      done[bounds->kind_of[job]] +=
          bounds->z_cycles[k] / (double)problem->latency_cycles[tenancy_at(problem, job, core)];
    }
  }
  for (size_t j = 0; j < problem->n_jobs; j++) done[bounds->kind_of[j]] -= 1;
  for (size_t k = 0; k < bounds->n_kinds; k++) assert_true(done[k] >= -1e-5);
}

static void no_bound_is_above_the_best_answer(void **state) {
  (void)state;
  size_t n_tight = 0, n_columns_help = 0, n_branching_helps = 0;
  for (uint64_t task = 0; task < N_SMALL; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
    struct arena arena;
    arena_init(&arena, 1 << 18);
    const struct shape shape = draw_shape(&rng, MOST_SMALL, 3);
    struct tenancy_problem problem;
    draw(&shape, &rng, &arena, &problem);
    struct tenancy_bounds bounds;
    bound(&problem, &tenancy_bounds_proof, NULL, &arena, &bounds);
    struct tenancy_queues best;
    const double best_cycles = best_of(&problem, &arena, &best);
    check_order(&bounds, best_cycles, task);
    const double all_cycles = all_configurations(&problem), b4_cycles = bounds.cycles[TENANCY_B4_CONFIGURATION_LP];
    if (!(fabs(b4_cycles / all_cycles - 1) <= 1e-7))
      fail_msg("task %" PRIu64 ": B4 is %.12g, over all configurations %.12g", task, b4_cycles, all_cycles);
    check_configurations(&problem, &bounds);
    check_groups(&problem, bounds.lp_group);
    check_groups(&problem, bounds.mip_group);
    check_groups(&problem, bounds.branched_group);
    n_tight += tenancy_gap(best_cycles, bounds.best_cycles) <= 1e-9;
    n_columns_help += b4_cycles > bounds.cycles[TENANCY_B2_LP] * 1.001;
    n_branching_helps +=
        bounds.cycles[TENANCY_B5_BRANCHED] > 1.001 * fmax(b4_cycles, bounds.cycles[TENANCY_B3_GROUPED_MIP]);
    bound(&problem, &tenancy_bounds_proof, &best, &arena, &bounds);
    check_order(&bounds, best_cycles, task);
    arena_release(&arena);
  }
  print_message("seed %" PRIu64 ": %zu of %d proven optimal, B4 above B2 in %zu, B5 above B3 and B4 in %zu\n", seed,
                n_tight, N_SMALL, n_columns_help, n_branching_helps);
  assert_true(n_tight > N_SMALL / 4 && n_columns_help > N_SMALL / 8 && n_branching_helps > N_SMALL / 40);
}

static double random_answer(const struct tenancy_problem *problem, struct rng *rng, struct arena *arena,
                            struct tenancy_answer *answer) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    do answer->core[j] = (uint32_t)rng_below(rng, problem->n_cores);
    while (!tenancy_can_run(problem, j, answer->core[j]));
    answer->priority[j] = rng_unit(rng);
  }
  struct tenancy_verdict verdict;
  struct error error = {0};
  /* Waiting for what waits behind oneself is no answer. */
  return tenancy_judge(problem, answer, arena, &verdict, &error) ? verdict.makespan_cycles : (double)INFINITY;
}

/* However early everything stops, and twice the same. */
static void limits_leave_bounds_valid(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_MIDDLE; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct shape shape = draw_shape(&rng, 40, 9);
    struct tenancy_problem problem;
    draw(&shape, &rng, &arena, &problem);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    double best_cycles = INFINITY;
    for (size_t i = 0; i < 200; i++) best_cycles = fmin(best_cycles, random_answer(&problem, &rng, &arena, &answer));
    const struct tenancy_bounds_settings settings = {.mip_nodes = 1 + rng_below(&rng, 50),
                                                     .columns = 1 + rng_below(&rng, 400),
                                                     .branch_nodes = rng_below(&rng, 30),
                                                     .price_work = 1 + rng_below(&rng, 200000)};
    struct tenancy_bounds bounds, again;
    bound(&problem, &settings, NULL, &arena, &bounds);
    bound(&problem, &settings, NULL, &arena, &again);
    assert_memory_equal(bounds.cycles, again.cycles, sizeof bounds.cycles);
    for (size_t i = 0; i < TENANCY_N_BOUNDS; i++) assert_true(bounds.cycles[i] <= best_cycles * (1 + slack));
    assert_true(bounds.cycles[TENANCY_B4_CONFIGURATION_LP] >= bounds.cycles[TENANCY_B2_LP]);
    struct tenancy_bounds_settings other = settings;
    other.allocation = TENANCY_MAXMIN;
    bound(&problem, &other, NULL, &arena, &again); /* what holds for any rule holds for this one */
    for (size_t i = 0; i < TENANCY_N_BOUNDS; i++) assert_true(again.cycles[i] <= best_cycles * (1 + slack));
    assert_true(again.cycles[TENANCY_B4_CONFIGURATION_LP] <= 0 && again.cycles[TENANCY_B5_BRANCHED] <= 0);
    arena_release(&arena);
  }
}

static void waiting_jobs_stay_above_the_bounds(void **state) {
  (void)state;
  size_t n_chains = 0;
  for (uint64_t task = 0; task < N_WAITING; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct shape shape = draw_shape(&rng, 9, 4);
    struct tenancy_problem problem;
    draw(&shape, &rng, &arena, &problem);
    uint32_t *start = ARENA_NEW(&arena, uint32_t, shape.n + 1), *preds = ARENA_NEW(&arena, uint32_t, shape.n);
    uint64_t *release = ARENA_NEW(&arena, uint64_t, shape.n);
    for (size_t j = 0; j < shape.n; j++) {
      start[j + 1] = start[j];
      if (j > 0 && rng_below(&rng, 2) == 0) preds[start[j + 1]++] = (uint32_t)rng_below(&rng, j);
      release[j] = rng_below(&rng, 3) == 0 ? rng_below(&rng, 3000) : 0;
    }
    problem.pred_start = start, problem.preds = preds;
    if (rng_below(&rng, 2) == 0) problem.release_cycles = release;
    struct tenancy_bounds bounds;
    bound(&problem, &tenancy_bounds_proof, NULL, &arena, &bounds);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    for (size_t i = 0; i < 300; i++) {
      const double cycles = random_answer(&problem, &rng, &arena, &answer);
      for (size_t b = 0; b < TENANCY_N_BOUNDS; b++) assert_true(bounds.cycles[b] <= cycles * (1 + slack));
    }
    n_chains += bounds.binding == TENANCY_B1_SINGLE_JOB;
    arena_release(&arena);
  }
  assert_true(n_chains > N_WAITING / 10);
}

static void a_circle_is_an_error(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
  const struct shape shape = {.n = 3, .n_cores = 2};
  struct tenancy_problem problem;
  draw(&shape, &rng, &arena, &problem);
  const uint32_t start[] = {0, 1, 2, 2}, preds[] = {1, 0};
  problem.pred_start = start, problem.preds = preds;
  struct tenancy_bounds bounds;
  struct error error = {0};
  assert_false(tenancy_bounds(&problem, &tenancy_bounds_quick, NULL, &arena, &bounds, &error));
  assert_string_equal(error.text, "drawn: the dependencies are circular\n");
  arena_release(&arena);
}

/* 1500 different jobs on 200 different cores are too many for GLPK: weights by play. */
static void large_programs_have_a_bound(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 22);
  struct rng rng = rng_stream(seed, RNG_TEST, 4, 0);
  const struct shape shape = {.n = 1500, .n_cores = 200};
  struct tenancy_problem problem;
  draw(&shape, &rng, &arena, &problem);
  struct tenancy_bounds bounds;
  bound(&problem, &tenancy_bounds_proof, NULL, &arena, &bounds);
  assert_null(bounds.lp_group);
  assert_true(bounds.cycles[TENANCY_B2_LP] > 0);
  struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
  for (size_t j = 0; j < shape.n; j++) { /* a fair answer: each job where it is shortest */
    for (size_t c = 1; c < shape.n_cores; c++)
      if (problem.latency_cycles[tenancy_at(&problem, j, c)] <
          problem.latency_cycles[tenancy_at(&problem, j, answer.core[j])])
        answer.core[j] = (uint32_t)c;
  }
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &answer, &queues);
  const double cycles = tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues));
  assert_true(bounds.best_cycles <= cycles && bounds.best_cycles > 0.01 * cycles);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_bound_is_above_the_best_answer),  cmocka_unit_test(limits_leave_bounds_valid),
      cmocka_unit_test(waiting_jobs_stay_above_the_bounds), cmocka_unit_test(a_circle_is_an_error),
      cmocka_unit_test(large_programs_have_a_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Is the advice of a forward pass that of the forward pass, and does it name steps that can be taken?
 *
 * On training graphs of the benchmark networks: the forward stage holds every forward operator and no other, in order,
 * with the edges among them; suggestions are counted, lie inside the axes, are sorted, and grow with what they name.
 * Expected values come from the training graph itself. */
#include "arch/stage_forward.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_POINTS = 40 };

static const char *const cases[] = {"workload = \"resnet18\"; batch = 3; limits = { memory = false; };\n",
                                    "workload = \"gnmt4\"; batch = 5; limits = { memory = false; };\n",
                                    "workload = \"bert-base\"; batch = 1; limits = { memory = false; };\n"};
enum { N_CASES = sizeof cases / sizeof *cases };

static void check_graph(const struct op_graph *whole, const struct op_graph *forward) {
  size_t n = 0, n_edges = 0;
  size_t *place = test_calloc(whole->n_ops, sizeof *place);
  for (size_t i = 0; i < whole->n_ops; i++) {
    if (whole->ops[i].phase != PHASE_FORWARD) continue;
    assert_true(n < forward->n_ops);
    assert_string_equal(op_name(whole, i), op_name(forward, n));
    assert_int_equal(whole->ops[i].kind, forward->ops[n].kind);
    assert_memory_equal(whole->ops[i].dim, forward->ops[n].dim, sizeof whole->ops[i].dim);
    assert_int_equal(whole->ops[i].n_followers, forward->ops[n].n_followers);
    /* Forward operators wait for forward operators alone, so all their edges are there. */
    const size_t n_preds = whole->pred_start[i + 1] - whole->pred_start[i];
    assert_int_equal(forward->pred_start[n + 1] - forward->pred_start[n], n_preds);
    for (size_t e = 0; e < n_preds; e++) {
      assert_int_equal(forward->preds[forward->pred_start[n] + e], place[whole->preds[whole->pred_start[i] + e]]);
    }
    n_edges += n_preds;
    place[i] = n++;
  }
  assert_int_equal(forward->n_ops, n);
  assert_int_equal(forward->n_edges, n_edges);
  assert_true(n > 0 && n < whole->n_ops);
  test_free(place);
}

/* The forward pass of a design takes part of the time of the whole, and less than all its work. */
static void check_time(const struct run *run, const struct stage *forward, const struct point *point,
                       struct arena *arena) {
  struct accelerator accelerator;
  if (!design_at(&run->designs, point, &accelerator)) return;
  struct stage_cost_of_design design;
  struct stage_result whole, part;
  struct stage_scratch *scratch = stage_scratch_beside(arena, forward, run->designs.scratch);
  stage_design(&run->stage, &accelerator, &design);
  stage_evaluate(&run->stage, &accelerator, &design, run->designs.scratch, &whole, NULL, NULL);
  stage_evaluate(forward, &accelerator, &design, scratch, &part, NULL, NULL);
  assert_true(part.cycles > 0 && part.cycles < whole.cycles);
  assert_true(part.macs > 0 && part.macs < whole.macs);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) assert_true(part.busy_cycles[c] <= whole.busy_cycles[c]);
  stage_scratch_release(scratch);
}

static void check_suggestion(const struct space *space, const struct point *point) {
  struct score score;
  space->suggest(space->context, point, &score);
  if (score.reason != SCORE_FEASIBLE) return;
  assert_true(score.n_moves <= SCORE_MAX_MOVES);
  for (size_t m = 0; m < score.n_moves; m++) {
    const struct move *move = &score.moves[m];
    assert_true(move->axis < space->n_axes);
    assert_int_equal(move->step, 1);
    assert_true(point->index[move->axis] + 1u < space->axes[move->axis].n);
    assert_true(move->worth > 0);
    if (m > 0) assert_true(score.moves[m - 1].worth >= move->worth);
  }
}

static void forward_passes_are_those_of_the_graph(void **state) {
  struct rng rng = rng_stream(seed, RNG_TEST, 1, 0);
  for (size_t number = 0; number < N_CASES; number++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(cases[number], *state, &arena, &scratch);
    struct stage forward;
    assert_true(stage_forward_init(&forward, &run->stage, &arena, &scratch));
    check_graph(run->stage.graph, forward.graph);
    const struct space *space = &run->designs.space;
    assert_non_null(space->suggest);
    for (unsigned i = 0; i < N_POINTS; i++) {
      const struct point point = case_random_point(space, &rng);
      const uint64_t before = design_suggestions(&run->designs);
      check_suggestion(space, &point);
      assert_true(design_suggestions(&run->designs) <= before + 1);
      if (i < 3) check_time(run, &forward, &point, &arena);
    }
    assert_true(design_suggestions(&run->designs) > 0);
    /* Of the forward pass alone there is no forward pass apart. */
    struct stage again;
    assert_false(stage_forward_init(&again, &forward, &arena, &scratch));
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(forward_passes_are_those_of_the_graph)};
  return cmocka_run_group_tests(tests, case_start, case_finish);
}

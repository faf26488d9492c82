/* Does the scheduler do what its rule says? On random graphs it is compared with the rule of accelerator-search §6
 * taken literally: a scan over all ready ops at each event. */
#include "arch/schedule.h"
#include "tests/schedule_random.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_OPS = 400 };

struct literal {
  const struct schedule_problem *problem;
  uint64_t asap[MOST_OPS], alap[MOST_OPS], due[MOST_OPS]; /* alap on one core; due: alap by least durations */
  uint64_t ready[MOST_OPS], start[MOST_OPS], finish[MOST_OPS], delay[MOST_OPS];
  unsigned width[MOST_OPS];
  bool is_ready[MOST_OPS], is_started[MOST_OPS];
  uint32_t free[N_CORE_CLASSES];
  uint64_t now, delays[N_CORE_CLASSES];
};

static void literal_annotate(struct literal *literal, bool least, uint64_t *asap, uint64_t *alap) {
  const struct op_graph *const graph = literal->problem->graph;
  uint64_t cycles[MOST_OPS], path = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    cycles[i] = cycles_of(literal->problem, i, 0);
    for (unsigned w = 1; least && w < literal->problem->n_widths; w++)
      cycles[i] = min_u64(cycles[i], cycles_of(literal->problem, i, w));
    asap[i] = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      asap[i] = max_u64(asap[i], asap[graph->preds[e]] + cycles[graph->preds[e]]);
    path = max_u64(path, asap[i] + cycles[i]);
  }
  for (size_t i = graph->n_ops; i-- > 0;) {
    alap[i] = path - cycles[i];
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      alap[i] = min_u64(alap[i], alap[graph->succs[e]] - cycles[i]);
  }
}

static bool literal_fits(const struct literal *literal, size_t op) {
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((classes_of(literal->problem, op) >> c & 1) != 0 && literal->free[c] == 0) return false;
  return true;
}

/* Free cores divided by the ready ops that want any of the same, taken as long as a doubling saves a sixteenth. */
static unsigned literal_share(const struct literal *literal, size_t op) {
  uint64_t free = UINT64_MAX, ready = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((classes_of(literal->problem, op) >> c & 1) != 0) free = min_u64(free, literal->free[c]);
  for (size_t i = 0; i < literal->problem->graph->n_ops; i++)
    ready += literal->is_ready[i] && (classes_of(literal->problem, i) & classes_of(literal->problem, op)) != 0;
  unsigned width = 0;
  while (width + 1 < literal->problem->n_widths && UINT64_C(1) << (width + 1) <= free / ready) {
    const uint64_t now = cycles_of(literal->problem, op, width), wider = cycles_of(literal->problem, op, width + 1);
    if (wider > now || now - wider < now / 16) break;
    width++;
  }
  return width;
}

static unsigned literal_width(const struct literal *literal, size_t op) {
  if (literal->problem->n_widths == 1) return 0;
  if (literal->problem->share) return literal_share(literal, op);
  if (literal->alap[op] > literal->asap[op]) return 0;
  for (size_t i = 0; i < literal->problem->graph->n_ops; i++)
    if (i != op && literal->is_ready[i] && (classes_of(literal->problem, i) & classes_of(literal->problem, op)) != 0)
      return 0;
  unsigned best = 0;
  for (unsigned w = 1; w < literal->problem->n_widths; w++) {
    bool fits = true;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      fits &= (classes_of(literal->problem, op) >> c & 1) == 0 || literal->free[c] >= 1U << w;
    if (fits && cycles_of(literal->problem, op, w) < cycles_of(literal->problem, op, best)) best = w;
  }
  return best;
}

static bool literal_before(const struct literal *literal, size_t a, size_t b) {
  const uint64_t a_mobility = literal->alap[a] - literal->asap[a], b_mobility = literal->alap[b] - literal->asap[b];
  if (a_mobility != b_mobility) return a_mobility < b_mobility;
  if (literal->alap[a] != literal->alap[b]) return literal->alap[a] < literal->alap[b]; /* −bottom = alap − T* */
  return a < b;
}

/* The next ready op by key behind `after` (SIZE_MAX: the first). */
static size_t literal_next(const struct literal *literal, size_t after) {
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < literal->problem->graph->n_ops; i++) {
    const bool behind = after == SIZE_MAX || literal_before(literal, after, i);
    if (literal->is_ready[i] && behind && (best == SIZE_MAX || literal_before(literal, i, best))) best = i;
  }
  return best;
}

static void literal_pass(struct literal *literal, const bool *was_full) {
  for (size_t v = literal_next(literal, SIZE_MAX); v != SIZE_MAX; v = literal_next(literal, v)) {
    if (!literal_fits(literal, v)) continue;
    const unsigned classes = classes_of(literal->problem, v);
    literal->width[v] = literal_width(literal, v);
    literal->start[v] = literal->now;
    literal->finish[v] = literal->now + cycles_of(literal->problem, v, literal->width[v]);
    literal->is_started[v] = true;
    const uint64_t due = max_u64(literal->ready[v], literal->due[v]);
    literal->delay[v] = literal->now > due ? literal->now - due : 0;
    bool charged = literal->delay[v] == 0;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if ((classes >> c & 1) == 0) continue;
      literal->free[c] -= 1U << literal->width[v];
      if (!charged && was_full[c]) {
        literal->delays[c] += literal->delay[v];
        charged = true;
      }
    }
    assert_true(charged);
    /* Started: not ready any more, but literal_next needs its key only. */
    literal->is_ready[v] = false;
  }
}

static void literal_schedule(struct literal *literal, const struct schedule_problem *problem) {
  const struct op_graph *const graph = problem->graph;
  bool is_finished[MOST_OPS] = {false}, was_full[N_CORE_CLASSES] = {false};
  uint64_t unused[MOST_OPS];
  *literal = (struct literal){.problem = problem};
  literal_annotate(literal, true, unused, literal->due);
  literal_annotate(literal, false, literal->asap, literal->alap);
  memcpy(literal->free, problem->n_cores, sizeof literal->free);
  for (;;) {
    for (size_t i = 0; i < graph->n_ops; i++) {
      if (literal->is_started[i] || literal->is_ready[i]) continue;
      literal->is_ready[i] = true;
      for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
        if (!is_finished[graph->preds[e]]) literal->is_ready[i] = false;
      literal->ready[i] = literal->now;
    }
    literal_pass(literal, was_full);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) was_full[c] = literal->free[c] == 0;
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < graph->n_ops; i++)
      if (literal->is_started[i] && !is_finished[i]) next = min_u64(next, literal->finish[i]);
    if (next == UINT64_MAX) return;
    literal->now = next;
    for (size_t i = 0; i < graph->n_ops; i++) {
      if (!literal->is_started[i] || is_finished[i] || literal->finish[i] != next) continue;
      is_finished[i] = true;
      for (unsigned c = 0; c < N_CORE_CLASSES; c++)
        if ((classes_of(problem, i) >> c & 1) != 0) literal->free[c] += 1U << literal->width[i];
    }
  }
}

static void equals_the_literal_rule(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", schedule_seed);
  size_t n_wide = 0, n_delayed = 0;
  for (uint64_t task = 0; task < 400; task++) {
    struct schedule_fixture fixture;
    begin(&fixture, 0, task);
    /* Few distinct durations make many ties. */
    random_graph(&fixture, 130, task % 2 == 0 ? 5 : 1000);
    const struct schedule_problem problem = random_problem(&fixture, 5, 9);
    assert_true(fixture.graph.n_ops <= MOST_OPS);
    static struct literal literal;
    literal_schedule(&literal, &problem);
    struct schedule schedule;
    schedule_build(&problem, &fixture.scratch, &fixture.arena, true, &schedule);
    for (size_t i = 0; i < fixture.graph.n_ops; i++) {
      assert_int_equal(schedule.start_cycles[i], literal.start[i]);
      assert_int_equal(schedule.finish_cycles[i], literal.finish[i]);
      assert_int_equal(schedule.width_log2[i], literal.width[i]);
      assert_int_equal(schedule.delay_op_cycles[i], literal.delay[i]);
      assert_int_equal(schedule.mobility_cycles[i], literal.alap[i] - literal.asap[i]);
      n_wide += schedule.width_log2[i] > 0;
      n_delayed += schedule.delay_op_cycles[i] > 0;
    }
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) assert_int_equal(schedule.delay_cycles[c], literal.delays[c]);
    assert_int_equal(schedule.makespan_cycles, literal.now);
    end(&fixture);
  }
  assert_true(n_wide > 235 && n_delayed > 2385); /* else the cases would not show anything */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equals_the_literal_rule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

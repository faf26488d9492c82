/* Do the evaluator and the judge find what others found?
 *
 * Source: tests/data/placement (see its README): answers on three chains of convolutions, their true makespans and
 * their violations; latency and energy after step 3 as the authors' program prints them. Durations of single layers on
 * the board of Zhang (FPGA 2015) at 1.25 GB/s, by the same program: placement §3.1, given to 9 digits. The three cases
 * of contention are worked out on paper (placement §3.4). */
#include "base/csv.h"
#include "search/placement/placement_read.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/data/placement/chains/"

static void expect_close(double value, double wanted, double tolerance) {
  if (fabs(value / wanted - 1) <= tolerance) return;
  fail_msg("%.17g was expected, it is %.17g", wanted, value);
}

static void read_problem(const char *name, struct placement_problem *problem) {
  struct error error = {0};
  if (!placement_read(arena_printf(&arena, FOLDER "%s.json", name), &arena, problem, &error)) {
    fail_msg("%s", error.text);
  }
}

static void read_answer(const struct placement_problem *problem, const char *name, struct placement_claim *claim) {
  struct error error = {0};
  if (!placement_read_answer(problem, arena_printf(&arena, FOLDER "%s", name), &arena, claim, &error)) {
    fail_msg("%s", error.text);
  }
}

static const char *cell(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  return csv_cell(csv, row, at);
}

/* Each violation of the list, "what size; …", must be said, with its size; nothing else may be. */
static void expect_violations(const char *list, const struct error *error) {
  size_t n = 0;
  for (char *rest = arena_copy_text(&arena, list), *one; (one = strsep(&rest, ";")) != NULL && *one != 0; n++) {
    char *size = strrchr(one, ' ');
    assert_non_null(size);
    *size = 0;
    const char *said = strstr(error->text, one);
    if (said == NULL) fail_msg("%s is not said: %s", one, error->text);
    expect_close(strtod(said + strlen(one), NULL), strtod(size + 1, NULL), 1e-7);
  }
  assert_int_equal(error->n_messages, n);
}

static void test_checker(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read(FOLDER "checker.csv", 100, &arena, &csv, &error));
  assert_int_equal(csv.n_rows, 3);
  for (size_t row = 0; row < csv.n_rows; row++) {
    struct placement_problem problem;
    struct placement_claim claim;
    read_problem(cell(&csv, row, "problem"), &problem);
    read_answer(&problem, cell(&csv, row, "schedule"), &claim);
    struct placement_schedule truth = placement_schedule_new(&problem, &arena);
    memset(&error, 0, sizeof error);
    const bool fine = placement_check(&problem, &claim, &arena, &truth, &error);
    assert_int_equal(fine, strcmp(cell(&csv, row, "verdict"), "accept") == 0);
    expect_violations(cell(&csv, row, "violations"), &error);
    const double true_s = strtod(cell(&csv, row, "makespan_true_s"), NULL);
    expect_close(truth.makespan_s, true_s, 1e-11);
    expect_close(placement_evaluate(&problem, &claim.answer, &scratch, NULL), true_s, 1e-11);
    /* The latest claimed end is the makespan that was printed. */
    double printed_s = 0;
    for (size_t l = 0; l < problem.n_layers; l++) printed_s = fmax(printed_s, claim.end_s[l]);
    expect_close(printed_s, strtod(cell(&csv, row, "makespan_claimed_s"), NULL), 1e-11);
    /* Its claim as a makespan of that order is refused where it is false. */
    claim.makespan_s = strtod(cell(&csv, row, "makespan_claimed_s"), NULL);
    claim.start_s = claim.end_s = NULL;
    memset(&error, 0, sizeof error);
    assert_int_equal(placement_check(&problem, &claim, &arena, NULL, &error), fine);
  }
}

/* The order after step 3, which pins everything: with and without joins, and with steps undone. */
static void test_step3(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  size_t n_seen = 0;
  assert_true(csv_read(FOLDER "expected.csv", 100, &arena, &csv, &error));
  for (size_t row = 0; row < csv.n_rows; row++) {
    const char *name = cell(&csv, row, "problem");
    if (strstr(name, "_1250") == NULL) continue; /* the answer is of this link */
    struct placement_problem problem;
    struct placement_claim claim;
    read_problem(name, &problem);
    read_answer(&problem, "accept_step3_1250.csv", &claim);
    struct placement_schedule schedule = placement_schedule_new(&problem, &arena);
    for (size_t l = 0; l < problem.n_layers; l++) claim.answer.pinned[l] = false;
    placement_pin(&problem, &scratch, &claim.answer);
    placement_evaluate(&problem, &claim.answer, &scratch, &schedule);
    expect_close(schedule.makespan_s, strtod(cell(&csv, row, "step3_s"), NULL), 1e-12);
    expect_close(schedule.energy_j, strtod(cell(&csv, row, "step3_j"), NULL), 1e-12);
    n_seen++;
  }
  assert_int_equal(n_seen, 2);
}

/* --- one layer ------------------------------------------------------------------------------------------------------
 * Before it, or on another device, who feeds it; behind it, or on another device, who reads it. */

static const struct {
  uint64_t m, n, r; /* channels out and in, rows = columns; kernel 3 */
  const char *crosses;
  double duration_s;
} layers[] = {
    {64, 3, 112, "111", 0.005659233},  {64, 3, 112, "000", 0.002603002},  {64, 64, 112, "111", 0.034065004},
    {64, 64, 112, "011", 0.033947039}, {64, 64, 112, "101", 0.023788959}, {64, 64, 112, "110", 0.031495992},
    {64, 64, 112, "000", 0.021101983}, {512, 512, 7, "111", 0.023027727}, {512, 512, 7, "000", 0.015076572},
};

static void test_single_layers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const uint64_t m = layers[i].m, n = layers[i].n, r = layers[i].r;
    const uint64_t weight = 4 * 9 * n * m, input = 4 * n * 2 * r * 2 * r, output = 4 * m * r * r;
    double compute_s = NAN; /* what remains if nothing crosses */
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
      if (layers[k].m == m && layers[k].n == n && strcmp(layers[k].crosses, "000") == 0) {
        compute_s = layers[k].duration_s;
      }
    }
    const double all_s[] = {0, 0, compute_s, compute_s, 0, 0};
    static const struct placement_device devices[] = {
        {.name = "A", .class_name = "A", .dram_bytes = 1000000000, .pin_share = 0.5, .link_bytes_per_s = 1.25e9},
        {.name = "B", .class_name = "B", .dram_bytes = 1000000000, .pin_share = 0.5, .link_bytes_per_s = 1.25e9}};
    const struct placement_edge edges[] = {{0, 1, input, NAN}, {1, 2, output, NAN}};
    struct placement_problem problem = {.name = "one",
                                        .granule_bytes = 4000,
                                        .n_devices = 2,
                                        .n_layers = 3,
                                        .n_edges = 2,
                                        .n_kinds = 1,
                                        .devices = devices,
                                        .layer_names = (const char *const[]){"feeds", "layer", "reads"},
                                        .kinds = (const char *const[]){"conv"},
                                        .kind = (const uint32_t[]){0, 0, 0},
                                        .weight_bytes = (const uint64_t[]){0, weight, 0},
                                        .input_bytes = (const uint64_t[]){0, input, output},
                                        .output_bytes = (const uint64_t[]){0, output, 0},
                                        .edges = edges,
                                        .compute_s = all_s};
    problem.host.out_bytes_per_s = problem.host.in_bytes_per_s = INFINITY;
    struct error error = {0};
    assert_true(placement_finish(&problem, &arena, &error));
    struct placement_answer answer = placement_answer_new(&problem, &arena);
    const bool feeds = layers[i].crosses[1] == '0', reads = layers[i].crosses[2] == '0';
    size_t at = 0;
    if (feeds) answer.layer[at++] = 0;
    answer.layer[at++] = 1;
    if (reads) answer.layer[at++] = 2;
    answer.start[1] = (uint32_t)at, answer.start[2] = 3;
    if (!feeds) answer.layer[at++] = 0;
    if (!reads) answer.layer[at++] = 2;
    answer.pinned[1] = layers[i].crosses[0] == '0';
    struct placement_schedule schedule = placement_schedule_new(&problem, &arena);
    assert_true(isfinite(placement_evaluate(&problem, &answer, &scratch, &schedule)));
    assert_true(fabs(schedule.end_s[1] - schedule.start_s[1] - layers[i].duration_s) < 1.1e-9);
  }
}

/* --- placement §3.4, on paper ---------------------------------------------------------------------------------------
 */

static const struct {
  const char *devices, *host, *second;
  unsigned compute_s, output_bytes;
  double makespan_s, serial_s;
} cases[] = {
    {"{\"name\":\"A\",\"link_bytes_per_s\":100},{\"name\":\"B\",\"link_bytes_per_s\":100}",
     "\"out_bytes_per_s\":100,\"in_bytes_per_s\":100", "B", 1, 50, 4, 2.5},
    {"{\"name\":\"A\",\"link_bytes_per_s\":20},{\"name\":\"B\",\"link_bytes_per_s\":100}",
     "\"out_bytes_per_s\":100,\"in_bytes_per_s\":100", "B", 1, 50, 8.5, 8.5},
    {"{\"name\":\"A\",\"link_bytes_per_s\":100}", "\"prefetch_layers\":1", "A", 2, 100, 6, 8},
    {"{\"name\":\"A\",\"link_bytes_per_s\":100}", "\"prefetch_layers\":0", "A", 2, 100, 8, 8},
};

static void test_contention(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = arena_printf(
        &arena,
        "{\"format\":\"dse.placement/1\",\"timing\":\"contention\",\"memory\":\"none\",\"host\":{%s},\"devices\":[%s],"
        "\"layers\":{\"columns\":[\"layer\",\"input_bytes\",\"output_bytes\"],\"rows\":[[\"x\",100,%u],[\"y\",100,%u]]}"
        ","
        "\"costs\":{\"columns\":[\"layer\",\"class\",\"compute_s\"],\"rows\":[[\"x\",\"A\",%u],[\"y\",\"%s\",%u]]}}",
        cases[i].host, cases[i].devices, cases[i].output_bytes, cases[i].output_bytes, cases[i].compute_s,
        cases[i].second, cases[i].compute_s);
    struct placement_problem problem;
    struct error error = {0};
    if (!placement_parse("case", text, strlen(text), &arena, &problem, &error)) fail_msg("%s", error.text);
    struct placement_claim claim = {.answer = placement_answer_new(&problem, &arena), .makespan_s = NAN};
    claim.answer.start[1] = problem.n_devices == 2 ? 1 : 2;
    claim.answer.start[problem.n_devices] = 2;
    claim.answer.layer[1] = 1;
    struct placement_schedule schedule = placement_schedule_new(&problem, &arena), truth = schedule;
    truth.flows = NULL;
    expect_close(placement_evaluate(&problem, &claim.answer, &scratch, &schedule), cases[i].makespan_s, 1e-15);
    assert_true(placement_check(&problem, &claim, &arena, &truth, &error));
    expect_close(truth.makespan_s, cases[i].makespan_s, 1e-15);
    if (i == 0) assert_true(schedule.start_s[0] == 2 && schedule.start_s[1] == 2); /* reads end at 2 */
    if (i == 1) assert_true(schedule.start_s[1] == 1.25 && schedule.start_s[0] == 5);
    if (i == 1)
      assert_true(schedule.n_flows == 4 && schedule.flows[0].end_s == 1.25 && schedule.flows[1].end_s == 2.75);
    problem.timing = PLACEMENT_SERIAL;
    expect_close(placement_evaluate(&problem, &claim.answer, &scratch, NULL), cases[i].serial_s, 1e-15);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_checker, setup, teardown),
      cmocka_unit_test_setup_teardown(test_step3, setup, teardown),
      cmocka_unit_test_setup_teardown(test_single_layers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_contention, setup, teardown),
  };
  return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}

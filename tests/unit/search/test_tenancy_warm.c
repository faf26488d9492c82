/* Does a stored population come back, for the same group, another one and another platform? And does each mistake of a
 * file get its message? (tenancy §8.) */
#include "search/tenancy/tenancy_warm.h"

#include "tests/two_arenas.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Job j takes 10·(j + 1) on every core (so its number is its rank) unless `reversed`; core k of style styles[k]. */
static struct tenancy_problem make_problem(size_t n, size_t n_cores, const char *const *styles, const uint64_t *pes,
                                           bool reversed) {
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(&arena, double, n *n_cores);
  for (size_t j = 0; j < n; j++) {
    for (size_t c = 0; c < n_cores; c++) latency[j * n_cores + c] = 10 * (reversed ? n - j : j + 1);
  }
  struct tenancy_problem problem = {.name = "warm",
                                    .n_jobs = n,
                                    .n_cores = n_cores,
                                    .bandwidth_bytes_per_cycle = 2,
                                    .latency_cycles = latency,
                                    .bytes_per_cycle = need,
                                    .core_styles = styles,
                                    .core_pes = pes};
  struct error error = {0};
  assert_true(tenancy_finish(&problem, &arena, &error));
  return problem;
}

static const char *const styles[] = {"dla", "dla", "shi \"1\"", "dla"};
static const uint64_t pes[] = {2048, 64, 2048, 2048};
enum { N_JOBS = 6, N_CORES = 4, N_ANSWERS = 2 };
static uint32_t cores[N_ANSWERS][N_JOBS] = {{0, 1, 2, 3, 0, 2}, {3, 3, 3, 1, 1, 1}};
static double priorities[N_ANSWERS][N_JOBS] = {{0.1, 1. / 3, 0, 1e-300, -7, 2385}, {6, 5, 4, 3, 2, 1}};
static const struct tenancy_answer answers[N_ANSWERS] = {{cores[0], priorities[0]}, {cores[1], priorities[1]}};

static const char *path(void) {
  static char text[64];
  snprintf(text, sizeof text, "/tmp/test_tenancy_warm.%ld.json", (long)getpid());
  return text;
}

static struct tenancy_answers through_a_file(const struct tenancy_problem *from, const struct tenancy_problem *to) {
  struct error error = {0};
  struct tenancy_answers read = {0};
  assert_true(tenancy_warm_write(from, N_ANSWERS, answers, path(), &scratch, &error));
  const bool fine = tenancy_warm_read(to, path(), &arena, &read, &error);
  if (!fine) print_message("%s", error.text);
  assert_true(fine);
  assert_int_equal(read.n, N_ANSWERS);
  unlink(path());
  return read;
}

static void the_same_group_gets_the_same_answers(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem(N_JOBS, N_CORES, styles, pes, false);
  const struct tenancy_answers read = through_a_file(&problem, &problem);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    assert_memory_equal(read.answers[i].core, cores[i], sizeof cores[i]);
    assert_memory_equal(read.answers[i].priority, priorities[i], sizeof priorities[i]);
  }
  /* Styles and PEs that nobody knows are equal ones: their cores are one kind, in order. */
  const struct tenancy_problem plain = make_problem(N_JOBS, N_CORES, NULL, NULL, false);
  const struct tenancy_answers unknown = through_a_file(&plain, &plain);
  assert_memory_equal(unknown.answers[0].core, cores[0], sizeof cores[0]);
}

static void genes_go_by_rank(void **state) {
  (void)state;
  const struct tenancy_problem from = make_problem(N_JOBS, N_CORES, styles, pes, false);
  const struct tenancy_problem reversed = make_problem(N_JOBS, N_CORES, styles, pes, true);
  const struct tenancy_answers same = through_a_file(&from, &reversed);
  for (size_t j = 0; j < N_JOBS; j++) assert_int_equal(same.answers[0].core[j], cores[0][N_JOBS - 1 - j]);
  /* ⌊r · 6 / 9⌋ and ⌊r · 6 / 4⌋ */
  static const size_t of_nine[9] = {0, 0, 1, 2, 2, 3, 4, 4, 5}, of_four[4] = {0, 1, 3, 4};
  const struct tenancy_problem nine = make_problem(9, N_CORES, styles, pes, false);
  const struct tenancy_problem four = make_problem(4, N_CORES, styles, pes, false);
  const struct tenancy_answers longer = through_a_file(&from, &nine), shorter = through_a_file(&from, &four);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    for (size_t j = 0; j < 9; j++) {
      assert_int_equal(longer.answers[i].core[j], cores[i][of_nine[j]]);
      assert_memory_equal(&longer.answers[i].priority[j], &priorities[i][of_nine[j]], sizeof(double));
    }
    for (size_t j = 0; j < 4; j++) assert_int_equal(shorter.answers[i].core[j], cores[i][of_four[j]]);
  }
}

static void cores_go_by_style_and_size(void **state) {
  (void)state;
  const struct tenancy_problem from = make_problem(N_JOBS, N_CORES, styles, pes, false);
  /* The same kinds in another order: 0 → 1, 1 → 3, 2 → 0, 3 → 2. */
  static const char *const other_styles[] = {"shi \"1\"", "dla", "dla", "dla"};
  static const uint64_t other_pes[] = {2048, 2048, 2048, 64};
  static const uint32_t becomes[N_CORES] = {1, 3, 0, 2};
  const struct tenancy_problem other = make_problem(N_JOBS, N_CORES, other_styles, other_pes, false);
  const struct tenancy_answers read = through_a_file(&from, &other);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    for (size_t j = 0; j < N_JOBS; j++) assert_int_equal(read.answers[i].core[j], becomes[cores[i][j]]);
  }
}

/* One large dla, and two shi: core 3 has no partner of its own but the large dla; core 2 stands for two; of the small
 * dla there is none, so its jobs go anywhere. */
static void leftovers_are_drawn(void **state) {
  (void)state;
  const struct tenancy_problem from = make_problem(N_JOBS, N_CORES, styles, pes, false);
  static const char *const other_styles[] = {"dla", "shi \"1\"", "shi \"1\""};
  static const uint64_t other_pes[] = {2048, 2048, 2048};
  enum { MANY = 600 };
  const struct tenancy_problem other = make_problem(MANY, 3, other_styles, other_pes, false);
  const struct tenancy_answers read = through_a_file(&from, &other);
  unsigned n_of_two[3] = {0}, n_anywhere[3] = {0};
  for (size_t j = 0; j < MANY; j++) {
    const uint32_t old = cores[0][j / 100], core = read.answers[0].core[j];
    if (old == 0 || old == 3) assert_int_equal(core, 0);
    if (old == 2) n_of_two[core]++;
    if (old == 1) n_anywhere[core]++;
  }
  assert_int_equal(n_of_two[0], 0);
  assert_in_range(n_of_two[1], 70, 130);
  for (size_t c = 0; c < 3; c++) assert_in_range(n_anywhere[c], 15, 55);
  const struct tenancy_answers again = through_a_file(&from, &other);
  assert_memory_equal(again.answers[0].core, read.answers[0].core, MANY * sizeof(uint32_t));
}

static void no_job_goes_where_it_cannot_run(void **state) {
  (void)state;
  const struct tenancy_problem from = make_problem(N_JOBS, N_CORES, styles, pes, false);
  struct tenancy_problem to = make_problem(N_JOBS, N_CORES, styles, pes, false);
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, N_JOBS * N_CORES);
  memcpy(latency, to.latency_cycles, N_JOBS * N_CORES * sizeof *latency);
  latency[2 * N_CORES + 2] = latency[0] = 0; /* where answer 0 has them */
  to.latency_cycles = latency;
  struct error error = {0};
  assert_true(tenancy_finish(&to, &arena, &error));
  const struct tenancy_answers read = through_a_file(&from, &to);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    for (size_t j = 0; j < N_JOBS; j++) assert_true(tenancy_can_run(&to, j, read.answers[i].core[j]));
  }
  assert_int_equal(read.answers[0].core[1], 1);
}

static void mistakes_have_messages(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem(2, 1, NULL, NULL, false);
#define HEAD "{\"tenancy_population\":1,\"jobs\":2,"
#define CORES "\"cores\":[{\"style\":\"\",\"pes\":0}],"
#define FULL HEAD CORES
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"{", "warm.json:1: "},
      {"[]", "warm.json: tenancy_population: 1 was expected"},
      {"{\"tenancy_population\":2}", "tenancy_population: 1 was expected"},
      {"{\"tenancy_population\":1,\"jobs\":0}", "jobs: a whole number from 1 to"},
      {"{\"tenancy_population\":1,\"jobs\":1e9}", "jobs: a whole number from 1 to"},
      {HEAD "\"cores\":[]}", "cores: a list of 1 to 256 cores"},
      {HEAD "\"cores\":[{\"style\":1,\"pes\":0}]}", "core 0: {\"style\": a text"},
      {HEAD "\"cores\":[{\"style\":\"\",\"pes\":-1}]}", "core 0: {\"style\": a text"},
      {FULL "\"answers\":[]}", "answers: a list of 1 to 4096 answers"},
      {FULL "\"answers\":[{\"core\":[0,0],\"priority\":[1]}]}", "answer 1: lists \"core\" and \"priority\""},
      {FULL "\"answers\":[{\"core\":[0],\"priority\":[1,2]}]}", "answer 1: lists \"core\" and \"priority\""},
      {FULL "\"answers\":[{\"core\":[0,1],\"priority\":[1,2]}]}", "answer 1: core of job 1: 0 to 0 is allowed"},
      {FULL "\"answers\":[{\"core\":[0,-1],\"priority\":[1,2]}]}", "answer 1: core of job 1: 0 to 0 is allowed"},
      {FULL "\"answers\":[{\"core\":[0,0.5],\"priority\":[1,2]}]}", "answer 1: core of job 1: 0 to 0 is allowed"},
      {FULL "\"answers\":[{\"core\":[0,0],\"priority\":[\"x\",2]}]}", "answer 1: priority of job 0: a number"},
  };
  for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
    const bool good = i == sizeof cases / sizeof *cases;
    const char *source = good ? FULL "\"answers\":[{\"core\":[0,0],\"priority\":[1,2]}]}" : cases[i].text;
    const struct tenancy_text text = {"warm.json", arena_copy_text(&arena, source), strlen(source)};
    struct error error = {0};
    struct tenancy_answers read = {0};
    assert_true(tenancy_warm_parse(&problem, &text, &arena, &read, &error) == good);
    if (good) continue;
    if (strstr(error.text, cases[i].message) == NULL) print_message("%s\n%s", cases[i].text, error.text);
    assert_non_null(strstr(error.text, cases[i].message));
    assert_int_equal(error.status, STATUS_INPUT);
  }
  struct error error = {0};
  struct tenancy_answers read = {0};
  assert_false(tenancy_warm_read(&problem, "/nowhere/warm.json", &arena, &read, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_same_group_gets_the_same_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(genes_go_by_rank, setup, teardown),
      cmocka_unit_test_setup_teardown(cores_go_by_style_and_size, setup, teardown),
      cmocka_unit_test_setup_teardown(leftovers_are_drawn, setup, teardown),
      cmocka_unit_test_setup_teardown(no_job_goes_where_it_cannot_run, setup, teardown),
      cmocka_unit_test_setup_teardown(mistakes_have_messages, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

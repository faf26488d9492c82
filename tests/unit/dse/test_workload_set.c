/* Is the worth of a design for several workloads what its definition says, and is a list of them read with care?
 *
 * Values by hand from the definitions of accelerator-search §9 (numbers whose means are round); that bounds hold under
 * rounding, and that shares are the slopes, over random throughputs. */
#include "base/rng.h"
#include "dse/run/workload_set.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-13 * fabs(b); }
static bool is_equal(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static struct workload_set make_set(enum run_objective objective, size_t n, const double *weights,
                                    const double *references) {
  struct run_workload workloads[RUN_MAX_WORKLOADS] = {0};
  struct run_settings settings = {.workloads = workloads, .n_workloads = n};
  settings.search.objective = objective;
  for (size_t i = 0; i < n; i++) workloads[i].weight = weights[i];
  struct workload_set set;
  workload_set_init(&set, &settings);
  for (size_t i = 0; i < n; i++) set.reference_throughput[i] = references[i];
  return set;
}

static void by_hand(void **state) {
  (void)state;
  const double weights[] = {1, 2, 1}, references[] = {100, 5, 3}, throughput[] = {800, 10, 6};
  struct workload_set set = make_set(OBJECTIVE_OF_GEOMEAN, 3, weights, references);
  assert_true(is_equal(set.weight[1], 0.5) && is_equal(set.weight[0], 0.25) && is_equal(set.weight[2], 0.25));
  /* Speed-ups 8, 2, 2: (8 × 2² × 2)^¼ = 64^¼ = 2√2. */
  assert_true(is_near(workload_set_value(&set, throughput), 2.8284271247461903));
  assert_true(is_near(workload_set_value(&set, references), 1));
  set = make_set(OBJECTIVE_OF_MEAN, 3, weights, references);
  assert_true(is_near(workload_set_value(&set, throughput), (800 + 2 * 10 + 6) / 4.0));
  set = make_set(OBJECTIVE_OF_WORST, 3, weights, references);
  assert_true(is_equal(workload_set_value(&set, throughput), 2));
  const double slow_last[] = {800, 10, 5}, slow_first[] = {150, 10, 6}; /* the least speed-up, not throughput */
  assert_true(is_equal(workload_set_value(&set, slow_last), 5.0 / 3.0));
  assert_true(is_equal(workload_set_value(&set, slow_first), 1.5));
  assert_true(is_near(workload_set_mean(&set, throughput), 206.5));
}

/* Of a list of one, the objective is that workload's ratio (or throughput), to the bit. */
static void of_one(void **state) {
  (void)state;
  const double weight = 0.3, reference = 77, throughput = 23.85;
  const double wanted[] = {23.85 / 77, 23.85, 23.85 / 77};
  for (unsigned objective = 0; objective < 3; objective++) {
    const struct workload_set set = make_set((enum run_objective)objective, 1, &weight, &reference);
    double share = 0;
    assert_true(is_equal(workload_set_value(&set, &throughput), wanted[objective]));
    workload_set_shares(&set, &throughput, &share);
    assert_true(is_equal(share, 1));
  }
}

static void draw(struct rng *rng, size_t n, double *of) {
  for (size_t i = 0; i < n; i++) of[i] = exp(30 * (rng_unit(rng) - 0.5));
}

/* A bound on each throughput, a hair above it or equal, gives a bound on the value. */
static void bounds_hold(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t t = 0; t < 23850; t++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 1, t);
    const size_t n = 1 + rng_below(&rng, RUN_MAX_WORKLOADS);
    double weights[RUN_MAX_WORKLOADS], references[RUN_MAX_WORKLOADS], below[RUN_MAX_WORKLOADS],
        above[RUN_MAX_WORKLOADS];
    draw(&rng, n, weights);
    draw(&rng, n, references);
    draw(&rng, n, below);
    memcpy(above, below, sizeof above);
    for (size_t i = 0; i < n; i++) {
      if (rng_below(&rng, 2) == 0) above[i] = nextafter(below[i], INFINITY);
    }
    const struct workload_set set = make_set((enum run_objective)rng_below(&rng, 3), n, weights, references);
    const double value = workload_set_value(&set, below), bound = workload_set_bound(&set, above);
    assert_true(value > 0 && isfinite(value));
    assert_true(value <= bound && bound <= value * (1 + 2e-9));
    if (set.objective == OBJECTIVE_OF_GEOMEAN) assert_true(bound > value * (1 + 5e-10)); /* far beyond rounding */
    assert_true(workload_set_mean(&set, below) <= workload_set_mean(&set, above));
  }
}

/* share × a small step of one throughput = the value's relative change. */
static void shares_are_slopes(void **state) {
  (void)state;
  for (uint64_t t = 0; t < 2385; t++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 2, t);
    const size_t n = 1 + rng_below(&rng, 9);
    double weights[9], references[9], throughput[9], share[9], sum = 0;
    draw(&rng, n, weights);
    draw(&rng, n, references);
    draw(&rng, n, throughput);
    const struct workload_set set = make_set((enum run_objective)(t % 3), n, weights, references);
    const double value = workload_set_value(&set, throughput), step = -1e-6; /* downwards: the worst stays the worst */
    workload_set_shares(&set, throughput, share);
    for (size_t i = 0; i < n; i++) {
      const double kept = throughput[i];
      throughput[i] *= 1 + step;
      assert_true(fabs((workload_set_value(&set, throughput) / value - 1) / step - share[i]) < 1e-5);
      throughput[i] = kept;
      sum += share[i];
    }
    assert_true(fabs(sum - 1) < 1e-12);
  }
}

/* --- the list in a run file -----------------------------------------------------------------------------------------
 */

static bool read_settings(const char *text, struct run_settings *settings, struct arena *arena, struct error *error) {
  struct config *config;
  memset(settings, 0, sizeof *settings);
  error->status = STATUS_OK;
  error->n_messages = error->length = 0;
  error->text[0] = '\0';
  if (!config_open_text("run.cfg", text, strlen(text), NULL, 0, arena, &config, error)) return false;
  const bool read = run_settings_apply(config, arena, settings, error);
  config_close(config);
  assert_int_equal(read, !error_is_set(error));
  return read;
}

#define ONE "{ workload = \"resnet18\"; batch = 64; }"

static void lists_are_read(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  struct run_settings settings, again;
  assert_true(read_settings("workloads = ( " ONE ", { workload = \"bert-base\"; weight = 2.5; model = [\"layers=3\"]; "
                            "} );\nsearch = { objective = \"worst\"; };",
                            &settings, &arena, error));
  assert_int_equal(settings.n_workloads, 2);
  assert_string_equal(settings.workloads[0].top.workload, "resnet18");
  assert_int_equal(settings.workloads[0].top.batch, 64);
  assert_true(is_equal(settings.workloads[0].weight, 1) && is_equal(settings.workloads[1].weight, 2.5));
  assert_int_equal(settings.workloads[1].top.batch, 1);
  assert_string_equal(settings.workloads[1].top.model.values[0], "layers=3");
  assert_int_equal(settings.search.objective, OBJECTIVE_OF_WORST);

  /* What is written reads back to the same, and every element counts in the digest. */
  const char *text = run_settings_text(&settings, true, &arena);
  assert_true(read_settings(text, &again, &arena, error));
  const struct digest graphs[2] = {{1, 2}, {3, 4}};
  const struct digest digest = run_settings_digest(&settings, graphs, 2, &arena);
  assert_true(digest_equal(run_settings_digest(&again, graphs, 2, &arena), digest));
  again.workloads[1].weight = 2.25;
  assert_false(digest_equal(run_settings_digest(&again, graphs, 2, &arena), digest));
  again.workloads[1].weight = 2.5;
  assert_false(digest_equal(run_settings_digest(&again, graphs, 1, &arena), digest));

  assert_true(read_settings("workload = \"resnet18\";", &settings, &arena, error));
  assert_int_equal(settings.n_workloads, 0);
  assert_int_equal(settings.search.objective, OBJECTIVE_OF_GEOMEAN);
  arena_release(&arena);
}

static void mistakes_are_told(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"workloads = ();", "run.cfg:1: workloads: 0 groups found, 1 to 64 are expected: workloads = ( { workload = "},
      {"\nworkloads = 3;", "run.cfg:2: workloads: 0 groups found, 1 to 64"},
      {"workloads = ( \"resnet18:64\" );", "run.cfg:1: workloads.[0]: a group { ... } is expected, found a single"},
      {"workloads = ( " ONE ", { batch = 3; } );", "run.cfg:1: workloads.[1].workload: is missing; it has no default"},
      {"workloads = ( { workload = \"x\"; weight = 0; } );", "workloads.[0].weight: 0 is out of range"},
      {"workloads = ( { workload = \"x\"; weight = -1.5; } );", "workloads.[0].weight: -1.5 is out of range"},
      {"workloads = ( { workload = \"x\"; wieght = 2; } );", "workloads.[0].wieght: unknown key; did you mean weight?"},
      {"workloads = ( " ONE " );\nworkload = \"y\";\nbatch = 3;",
       "run.cfg:2: workload: stands beside workloads; write it into the groups of that list\n"
       "run.cfg:3: batch: stands beside workloads"},
      {"workloads = ( " ONE " );\nmodel = [\"layers=3\"];", "run.cfg:2: model: stands beside workloads"},
      {"workloads = ( " ONE " ); search = { objective = \"median\"; };", "search.objective: \"median\" is no choice"},
      {"batch = 4;", "run.cfg:1: workload: is missing; it has no default"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct arena arena;
    struct run_settings settings;
    arena_init(&arena, 1 << 16);
    struct error *error = ARENA_NEW(&arena, struct error, 1);
    assert_false(read_settings(cases[i].text, &settings, &arena, error));
    if (strstr(error->text, cases[i].message) == NULL) fail_msg("%s\n%s", cases[i].text, error->text);
    assert_int_equal(error->status, STATUS_INPUT);
    arena_release(&arena);
  }
}

static void too_many_are_refused(void **state) {
  (void)state;
  struct arena arena;
  struct run_settings settings;
  arena_init(&arena, 1 << 16);
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  for (size_t n = RUN_MAX_WORKLOADS; n <= RUN_MAX_WORKLOADS + 1; n++) {
    const char *text = "workloads = ( " ONE;
    for (size_t i = 1; i < n; i++) text = arena_printf(&arena, "%s, " ONE, text);
    text = arena_printf(&arena, "%s );", text);
    assert_int_equal(read_settings(text, &settings, &arena, error), n == RUN_MAX_WORKLOADS);
  }
  assert_non_null(strstr(error->text, "workloads: 65 groups found, 1 to 64 are expected"));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(by_hand),
      cmocka_unit_test(of_one),
      cmocka_unit_test(bounds_hold),
      cmocka_unit_test(lists_are_read),
      cmocka_unit_test(shares_are_slopes),
      cmocka_unit_test(mistakes_are_told),
      cmocka_unit_test(too_many_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What does a population find that grows while it does not get on? Samples around a centre, each with a step of its
 * own; the centre moves to the mean of the best quarter, which is also what is recommended; when the mean cost of the
 * last fifth of the samples is not clearly below that of the first fifth, the population doubles, else it shrinks. In
 * the spirit of TBPSA (Hellwig and Beyer 2016) as nevergrad has it, not a re-implementation. (tenancy §9.)
 *
 * The state holds costs only: the best samples are drawn again from their streams. */
#include "search/tenancy/continuous.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

struct tbpsa_settings {
  double sigma;
};

#define OFFSET(member) offsetof(struct tbpsa_settings, member)
static const struct field tbpsa_field_list[] = {
    {"sigma", FIELD_REAL, "", 1e-6, 1, "0.3", "first step, in shares of a number's range", OFFSET(sigma), ROLE_ANSWER,
     NULL},
};
static const struct field_table tbpsa_fields = {"tenancy.tbpsa-like", "test-based growth of a population",
                                                tbpsa_field_list, sizeof tbpsa_field_list / sizeof *tbpsa_field_list};

enum { SHARE = 4 };       /* samples for each that becomes a parent */
enum { MOST_GROWTH = 4 }; /* [ours] parents, in multiples of the first number: bounds the state */
enum { WINDOW = 5 };      /* populations between two tests */
static const double least_z = 2, shrink = 0.84;

/* The state: this, then the centre [n], costs of this generation, costs since the last test. */
struct tbpsa_state {
  uint64_t n_samples, n_parents;
  uint64_t n_children, n_recorded; /* of this generation; since the last test */
  uint64_t recommend;              /* 1: the next sample is the centre */
  double sigma;
};

struct tbpsa {
  struct continuous *continuous;
  struct tbpsa_state *state;
  double *centre, *cost, *record;
  uint32_t *order;
};

static size_t most_samples(size_t n) { return SHARE * MOST_GROWTH * n; }

/* Draws a sample into the room of the search and returns its own step. */
static double sample(const struct tbpsa *tbpsa, uint64_t number) {
  struct rng rng = continuous_stream(tbpsa->continuous, number);
  const size_t n = tbpsa->continuous->n;
  const double sigma = tbpsa->state->sigma * num_exp(genome_normal(&rng) / sqrt((double)n));
  for (size_t i = 0; i < n; i++) {
    const double range = continuous_range(tbpsa->continuous, i);
    tbpsa->continuous->trial[i] = tbpsa->centre[i] + sigma * range * genome_normal(&rng);
  }
  return sigma;
}

static void next_generation(const struct tbpsa *tbpsa) {
  struct tbpsa_state *state = tbpsa->state;
  const size_t n = tbpsa->continuous->n, n_parents = state->n_parents;
  const uint64_t first = state->n_samples - state->n_children; /* number of the first child */
  double *mean = ARENA_NEW(tbpsa->continuous->request->arena, double, n), log_sigma = 0;
  genome_rank_reals(tbpsa->cost, state->n_children, tbpsa->order);
  for (size_t p = 0; p < n_parents; p++) {
    log_sigma += num_log(sample(tbpsa, first + tbpsa->order[p]));
    for (size_t i = 0; i < n; i++) mean[i] += tbpsa->continuous->trial[i];
  }
  for (size_t i = 0; i < n; i++) tbpsa->centre[i] = mean[i] / (double)n_parents;
  state->sigma = num_exp(log_sigma / (double)n_parents);
  state->n_children = 0;
  state->recommend = 1;
}

/* Mean of costs, and the variance of that mean. */
static double mean_of(const double *cost, size_t n, double *variance) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) sum += cost[i];
  const double mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) squares += (cost[i] - mean) * (cost[i] - mean);
  *variance = squares / (double)n / (double)(n - 1);
  return mean;
}

static void test_growth(const struct tbpsa *tbpsa) {
  struct tbpsa_state *state = tbpsa->state;
  const size_t n_samples = SHARE * state->n_parents, n = tbpsa->continuous->n;
  double variance[2];
  const double before = mean_of(tbpsa->record, n_samples, &variance[0]);
  const double after = mean_of(tbpsa->record + state->n_recorded - n_samples, n_samples, &variance[1]);
  const double deviation = sqrt(variance[0] + variance[1]);
  if (before - after > least_z * deviation) {
    state->n_parents = (uint64_t)(shrink * (double)state->n_parents);
    if (state->n_parents < n) state->n_parents = n;
  } else if (2 * state->n_parents <= MOST_GROWTH * n) {
    state->n_parents *= 2;
  }
  state->n_recorded = 0;
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tbpsa_settings *settings = request->settings;
  struct continuous continuous;
  struct tbpsa_state *state = continuous_open(&continuous, BASELINE_TBPSA_LIKE, request, meter);
  const size_t n = continuous.n;
  struct tbpsa tbpsa = {&continuous, state, (double *)(state + 1), NULL, NULL, NULL};
  tbpsa.cost = tbpsa.centre + n;
  tbpsa.record = tbpsa.cost + most_samples(n);
  tbpsa.order = ARENA_NEW(request->arena, uint32_t, most_samples(n));
  if (state->n_parents == 0) {
    state->n_parents = n;
    state->sigma = settings->sigma;
    for (size_t i = 0; i < n; i++) tbpsa.centre[i] = continuous_range(&continuous, i) / 2;
  }
  while (!tenancy_meter_full(meter)) {
    if (state->recommend != 0) {
      continuous_judge(&continuous, tbpsa.centre);
      state->recommend = 0;
      continue;
    }
    sample(&tbpsa, state->n_samples++);
    const double cost = tenancy_cycles(request->problem, continuous_judge(&continuous, continuous.trial));
    tbpsa.cost[state->n_children++] = cost;
    tbpsa.record[state->n_recorded++] = cost;
    if (state->n_children >= SHARE * state->n_parents) next_generation(&tbpsa);
    if (state->n_recorded >= WINDOW * SHARE * state->n_parents) test_growth(&tbpsa);
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  (void)settings;
  const size_t n = continuous_size(problem);
  return sizeof(struct tbpsa_state) + (n + (1 + WINDOW) * most_samples(n)) * sizeof(double);
}

const struct tenancy_algorithm tenancy_tbpsa_like = {.name = "tbpsa-like",
                                                     .doc = "a population that grows by a test, and its mean",
                                                     .source = "in the spirit of Hellwig and Beyer 2016",
                                                     .table = &tbpsa_fields,
                                                     .settings_bytes = sizeof(struct tbpsa_settings),
                                                     .keeps = 1,
                                                     .state_bytes = state_bytes,
                                                     .run = run};

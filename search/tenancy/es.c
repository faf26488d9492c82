/* What does the simplest evolution strategy find? One answer, one child; the step grows with a success and shrinks with
 * a failure so that one in five succeeds. (Rechenberg 1973; tenancy §9.) */
#include "search/tenancy/continuous.h"

#include "base/num.h"

struct es_settings {
  double sigma, factor;
};

#define OFFSET(member) offsetof(struct es_settings, member)
static const struct field es_field_list[] = {
    {"sigma", FIELD_REAL, "", 1e-6, 1, "0.3", "first step, in shares of a number's range", OFFSET(sigma), ROLE_ANSWER,
     NULL},
    {"factor", FIELD_REAL, "", 1, 10, "2",
     "of the step after a success; its fourth root is what a failure divides it by", OFFSET(factor), ROLE_ANSWER, NULL},
};
static const struct field_table es_fields = {"tenancy.es", "(1+1) evolution strategy", es_field_list,
                                             sizeof es_field_list / sizeof *es_field_list};

static const double least_sigma = 1e-4, most_sigma = 1; /* shares of a range */

struct es_state {
  tenancy_cost cost;
  uint64_t n_samples;
  double sigma;
  double at[]; /* [n] */
};

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct es_settings *settings = request->settings;
  struct continuous continuous;
  struct es_state *state = continuous_open(&continuous, BASELINE_ES, request, meter);
  const double shrink = num_pow(settings->factor, -0.25);
  for (; !tenancy_meter_full(meter); state->n_samples++) {
    struct rng rng = continuous_stream(&continuous, state->n_samples);
    if (state->n_samples == 0) {
      continuous_draw(&continuous, &rng, state->at);
      state->cost = continuous_judge(&continuous, state->at);
      state->sigma = settings->sigma;
      continue;
    }
    for (size_t i = 0; i < continuous.n; i++) {
      const double range = continuous_range(&continuous, i);
      continuous.trial[i] = genome_fold(state->at[i] + state->sigma * range * genome_normal(&rng), range);
    }
    const tenancy_cost cost = continuous_judge(&continuous, continuous.trial);
    state->sigma *= cost <= state->cost ? settings->factor : shrink;
    if (state->sigma < least_sigma) state->sigma = least_sigma;
    if (state->sigma > most_sigma) state->sigma = most_sigma;
    if (cost > state->cost) continue;
    state->cost = cost;
    for (size_t i = 0; i < continuous.n; i++) state->at[i] = continuous.trial[i];
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  (void)settings;
  return sizeof(struct es_state) + continuous_size(problem) * sizeof(double);
}

const struct tenancy_algorithm tenancy_es = {.name = "es",
                                             .doc = "(1+1) evolution strategy with the 1/5 rule",
                                             .source = "Rechenberg 1973",
                                             .table = &es_fields,
                                             .settings_bytes = sizeof(struct es_settings),
                                             .keeps = 1,
                                             .state_bytes = state_bytes,
                                             .run = run};

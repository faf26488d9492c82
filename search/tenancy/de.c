/* What does differential evolution find? Current-to-best: each member is pulled to the best one and shifted by the
 * difference of two others. (Storn and Price 1997; tenancy §9.) A better child takes its parent's place at once. */
#include "search/tenancy/continuous.h"

#include <string.h>

struct de_settings {
  uint64_t population;
  double f, cr;
};

#define OFFSET(member) offsetof(struct de_settings, member)
static const struct field de_field_list[] = {
    {"population", FIELD_UINT, "", 4, 4096, "30", "members", OFFSET(population), ROLE_ANSWER, NULL},
    {"f", FIELD_REAL, "", 0, 2, "0.8", "weight of both differences", OFFSET(f), ROLE_ANSWER, NULL},
    {"cr", FIELD_REAL, "", 0, 1, "0.5", "probability that a number comes from the child's side", OFFSET(cr),
     ROLE_ANSWER, NULL},
};
static const struct field_table de_fields = {"tenancy.de", "differential evolution, current to best", de_field_list,
                                             sizeof de_field_list / sizeof *de_field_list};

/* The state: this, then the members' costs, then their numbers. */
struct de_state {
  uint64_t n_samples;
  uint64_t best; /* member */
};

static size_t other(struct rng *rng, size_t n, size_t not_a, size_t not_b) {
  size_t drawn;
  do {
    drawn = rng_below(rng, n);
  } while (drawn == not_a || drawn == not_b);
  return drawn;
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct de_settings *settings = request->settings;
  struct continuous continuous;
  struct de_state *state = continuous_open(&continuous, BASELINE_DE, request, meter);
  const size_t n = continuous.n, n_members = settings->population;
  tenancy_cost *cost = (tenancy_cost *)(state + 1);
  double *members = (double *)(cost + n_members);
  for (; !tenancy_meter_full(meter); state->n_samples++) {
    struct rng rng = continuous_stream(&continuous, state->n_samples);
    const size_t m = state->n_samples % n_members;
    double *member = members + m * n;
    if (state->n_samples < n_members) {
      continuous_draw(&continuous, &rng, member);
      cost[m] = continuous_judge(&continuous, member);
      if (cost[m] < cost[state->best]) state->best = m;
      continue;
    }
    const size_t a = other(&rng, n_members, m, m), b = other(&rng, n_members, m, a), sure = rng_below(&rng, n);
    const double *best = members + state->best * n;
    for (size_t i = 0; i < n; i++) {
      continuous.trial[i] = member[i];
      if (rng_unit(&rng) >= settings->cr && i != sure) continue;
      const double pull = best[i] - member[i], shift = members[a * n + i] - members[b * n + i];
      continuous.trial[i] =
          genome_fold(member[i] + settings->f * pull + settings->f * shift, continuous_range(&continuous, i));
    }
    const tenancy_cost found = continuous_judge(&continuous, continuous.trial);
    if (found > cost[m]) continue;
    cost[m] = found;
    memcpy(member, continuous.trial, n * sizeof *member);
    if (found < cost[state->best]) state->best = m;
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  const size_t n_members = ((const struct de_settings *)settings)->population;
  return sizeof(struct de_state) + n_members * (sizeof(tenancy_cost) + continuous_size(problem) * sizeof(double));
}

const struct tenancy_algorithm tenancy_de = {.name = "de",
                                             .doc = "differential evolution, current to best",
                                             .source = "Storn and Price 1997",
                                             .table = &de_fields,
                                             .settings_bytes = sizeof(struct de_settings),
                                             .keeps = 1,
                                             .state_bytes = state_bytes,
                                             .run = run};

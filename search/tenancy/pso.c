/* What does a particle swarm find? Each particle keeps its speed, pulled to the best place of its own and to the best
 * of all. (Kennedy and Eberhart 1995, constants of the standard of 2006; tenancy §9.) At the edge of the range a
 * particle stops. */
#include "search/tenancy/continuous.h"

#include <math.h>
#include <string.h>

struct pso_settings {
  uint64_t particles;
  double inertia, pull;
};

#define OFFSET(member) offsetof(struct pso_settings, member)
static const struct field pso_field_list[] = {
    {"particles", FIELD_UINT, "", 2, 4096, "40", "particles", OFFSET(particles), ROLE_ANSWER, NULL},
    {"inertia", FIELD_REAL, "", 0, 1, "0.721", "share of its speed that a particle keeps", OFFSET(inertia), ROLE_ANSWER,
     NULL},
    {"pull", FIELD_REAL, "", 0, 4, "1.193", "largest pull to its own best place, and to that of all", OFFSET(pull),
     ROLE_ANSWER, NULL},
};
static const struct field_table pso_fields = {"tenancy.pso", "particle swarm", pso_field_list,
                                              sizeof pso_field_list / sizeof *pso_field_list};

/* The state: this, then the best costs of all particles, then places, speeds and best places. */
struct pso_state {
  uint64_t n_samples;
  uint64_t best; /* particle */
};

struct swarm {
  struct pso_state *state;
  size_t n, n_particles;
  tenancy_cost *best_cost;
  double *place, *speed, *best_place;
};

static void move(const struct continuous *continuous, const struct swarm *swarm, const struct pso_settings *settings,
                 size_t particle, struct rng *rng) {
  const size_t n = swarm->n;
  double *place = swarm->place + particle * n, *speed = swarm->speed + particle * n;
  const double *own = swarm->best_place + particle * n, *all = swarm->best_place + swarm->state->best * n;
  for (size_t i = 0; i < n; i++) {
    const double to_own = settings->pull * rng_unit(rng) * (own[i] - place[i]);
    const double to_all = settings->pull * rng_unit(rng) * (all[i] - place[i]);
    speed[i] = settings->inertia * speed[i] + to_own + to_all;
    place[i] += speed[i];
    const double range = continuous_range(continuous, i);
    if (place[i] >= 0 && place[i] < range) continue;
    place[i] = place[i] < 0 ? 0 : nextafter(range, 0);
    speed[i] = 0;
  }
}

static void begin(const struct continuous *continuous, const struct swarm *swarm, size_t particle, struct rng *rng) {
  const size_t n = swarm->n;
  double *place = swarm->place + particle * n, *speed = swarm->speed + particle * n;
  continuous_draw(continuous, rng, place);
  for (size_t i = 0; i < n; i++) speed[i] = (rng_unit(rng) * continuous_range(continuous, i) - place[i]) / 2;
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct pso_settings *settings = request->settings;
  struct continuous continuous;
  struct pso_state *state = continuous_open(&continuous, BASELINE_PSO, request, meter);
  const size_t n = continuous.n, n_particles = settings->particles;
  struct swarm swarm = {.state = state, .n = n, .n_particles = n_particles, .best_cost = (tenancy_cost *)(state + 1)};
  swarm.place = (double *)(swarm.best_cost + n_particles);
  swarm.speed = swarm.place + n_particles * n;
  swarm.best_place = swarm.speed + n_particles * n;
  for (; !tenancy_meter_full(meter); state->n_samples++) {
    struct rng rng = continuous_stream(&continuous, state->n_samples);
    const size_t p = state->n_samples % n_particles;
    const bool first = state->n_samples < n_particles;
    if (first) {
      begin(&continuous, &swarm, p, &rng);
    } else {
      move(&continuous, &swarm, settings, p, &rng);
    }
    const tenancy_cost cost = continuous_judge(&continuous, swarm.place + p * n);
    if (!first && cost >= swarm.best_cost[p]) continue;
    swarm.best_cost[p] = cost;
    memcpy(swarm.best_place + p * n, swarm.place + p * n, n * sizeof(double));
    if (cost < swarm.best_cost[state->best]) state->best = p;
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  const size_t n_particles = ((const struct pso_settings *)settings)->particles;
  return sizeof(struct pso_state) +
         n_particles * (sizeof(tenancy_cost) + 3 * continuous_size(problem) * sizeof(double));
}

const struct tenancy_algorithm tenancy_pso = {.name = "pso",
                                              .doc = "particle swarm",
                                              .source = "Kennedy and Eberhart 1995",
                                              .table = &pso_fields,
                                              .settings_bytes = sizeof(struct pso_settings),
                                              .keeps = 1,
                                              .state_bytes = state_bytes,
                                              .run = run};
